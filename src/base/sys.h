/* SPDX-License-Identifier: MIT */
/*
 * The seam between wye and the kernel. Everything that can fail, block or differ between two runs
 * goes through here: system calls, memory, clock, random, threads, names. sys.c passes straight on;
 * tests link another object under the same names and inject faults, a clock or a whole simulated
 * kernel.
 *
 * System calls answer >= 0 or -errno and never touch errno's meaning for the caller. EINTR is tried
 * again inside, except in the wait of the event loop. Every fd made here is close-on-exec and
 * non-blocking.
 */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "base/types.h"

void *wyi_alloc(size_t size);  /* NULL: no memory. Not zeroed */
void *wyi_zalloc(size_t size); /* zeroed */
void *wyi_realloc(void *old, size_t size);
void wyi_free(void *);

u64 wyi_sys_now(void); /* CLOCK_MONOTONIC, ns */
void wyi_sys_random(void *out, size_t n);

int wyi_sys_socket(int family, int type, int protocol); /* SOCK_CLOEXEC | SOCK_NONBLOCK are added */
int wyi_sys_bind(int fd, const struct sockaddr *, socklen_t);
int wyi_sys_listen(int fd, int backlog);
int wyi_sys_connect(int fd, const struct sockaddr *, socklen_t);
int wyi_sys_accept(int fd, struct sockaddr *, socklen_t *); /* accept4 with both flags */
int wyi_sys_getsockname(int fd, struct sockaddr *, socklen_t *);
int wyi_sys_getpeername(int fd, struct sockaddr *, socklen_t *);
int wyi_sys_setsockopt(int fd, int level, int name, const void *, socklen_t);
int wyi_sys_getsockopt(int fd, int level, int name, void *, socklen_t *);
int wyi_sys_shutdown(int fd, int how);
int wyi_sys_close(int fd);
/* All four with MSG_DONTWAIT | MSG_NOSIGNAL. */
ssize_t wyi_sys_recv(int fd, void *, size_t);
ssize_t wyi_sys_send(int fd, const void *, size_t);
ssize_t wyi_sys_recvmsg(int fd, struct msghdr *);
ssize_t wyi_sys_sendmsg(int fd, const struct msghdr *);
int wyi_sys_recvmmsg(int fd, struct mmsghdr *, unsigned n);
int wyi_sys_sendmmsg(int fd, struct mmsghdr *, unsigned n);

int wyi_sys_epoll_create(void);
int wyi_sys_epoll_ctl(int epoll, int op, int fd, struct epoll_event *);
/*
 * timeout_ns < 0: for ever. Sub-millisecond where the kernel can (epoll_pwait2), else rounded up.
 */
int wyi_sys_epoll_wait(int epoll, struct epoll_event *, int max, s64 timeout_ns);
int wyi_sys_eventfd(void);
int wyi_sys_eventfd_raise(int fd); /* adds 1; -EAGAIN: it is full, so raised already */
int wyi_sys_signalfd(int signo);
int wyi_sys_timerfd(void);
int wyi_sys_timerfd_set(int fd, u64 at_ns); /* CLOCK_MONOTONIC; UINT64_MAX: off */

/* O_CLOEXEC | O_NONBLOCK | O_NOCTTY are added. */
int wyi_sys_open(const char *path, int flags, mode_t mode);
ssize_t wyi_sys_read(int fd, void *, size_t);
/*
 * Never raises SIGPIPE, whatever the host program's disposition (RWF_NOSIGNAL, or the signal is
 * taken back).
 */
ssize_t wyi_sys_writev(int fd, const struct iovec *, int n);
ssize_t wyi_sys_write(int fd, const void *, size_t);
int wyi_sys_fstat(int fd, struct stat *);
int wyi_sys_lstat(const char *path, struct stat *);
int wyi_sys_unlink(const char *path);
int wyi_sys_fchmod(int fd, mode_t mode);
int wyi_sys_flock(int fd, int op);
int wyi_sys_ftruncate(int fd, off_t size);
int wyi_sys_isatty(int fd);
/* Never 0, 1, 2; close-on-exec; what both share (offset, O_NONBLOCK) stays. */
int wyi_sys_dup(int fd);
int wyi_sys_open_flags(int fd); /* O_ACCMODE, O_NONBLOCK, ... of an open file (F_GETFL) */
int wyi_sys_poll(struct pollfd *, unsigned n); /* for ever. Blocks: workers only */
pid_t wyi_sys_pid(void);
int wyi_sys_unsent(int fd); /* SIOCOUTQ: bytes in the socket's send queue */

u32 wyi_sys_if_index(const char *name); /* 0: there is none */
int wyi_sys_if_name(u32 index, char out[IF_NAMESIZE]);

/* All signals are blocked in it, but those of its own faults (SIGSEGV and its like). */
int wyi_sys_thread(pthread_t *ret, void *(*run)(void *), void *arg);
void wyi_sys_detach(pthread_t); /* nobody will join it */
/* 0, -EAI_x (> 0; gai_strerror(-it) is its text), or -errno. Blocks: workers only. */
int wyi_sys_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
			struct addrinfo **ret);
void wyi_sys_freeaddrinfo(struct addrinfo *);

#endif
