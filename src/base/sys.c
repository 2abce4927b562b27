/* SPDX-License-Identifier: MIT */
/*
 * The seam to the kernel, passing straight on. Tests link another object under the same names.
 *
 * Happy path: one system call, its answer. Failure: -errno; EINTR is tried again here, except where
 * that would be wrong: epoll_wait (the loop wants to look at its posts), connect (the attempt goes
 * on by itself) and close (Linux has released the descriptor already).
 *
 * Two calls differ between kernels and are settled at run time, once per process: epoll_pwait2
 * (5.11) and RWF_NOSIGNAL (6.18). The answer is kept in an atomic, since threads may find it
 * together.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/time_types.h>
#include <net/if.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "base/sys.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441 /* the same number on every architecture */
#endif
#define RWF_NOSIGNAL_ 0x100 /* linux/fs.h of 6.18; libc headers are older */

#define IO_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)

/* Evaluates call until it is not interrupted, as a value or -errno. */
#define RETRY(call)                                                                                \
	__extension__({                                                                            \
		__typeof__(call) r_;                                                               \
		do                                                                                 \
			r_ = (call);                                                               \
		while (r_ < 0 && errno == EINTR);                                                  \
		r_ < 0 ? -errno : r_;                                                              \
	})

static int answer(int r)
{
	return r < 0 ? -errno : r;
}

/* memory */

void *wyi_alloc(size_t size)
{
	return malloc(size);
}

void *wyi_zalloc(size_t size)
{
	return calloc(1, size);
}

void *wyi_realloc(void *old, size_t size)
{
	return realloc(old, size);
}

void wyi_free(void *p)
{
	free(p);
}

/* clock, random */

u64 wyi_sys_now(void)
{
	struct timespec t;

	wyi_assert(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return (u64)t.tv_sec * NS_PER_S + (u64)t.tv_nsec;
}

void wyi_sys_random(void *out, size_t n)
{
	u8 *p = out;

	while (n > 0) {
		ssize_t r = RETRY(getrandom(p, n, 0));

		wyi_assert(r > 0);
		p += r;
		n -= (size_t)r;
	}
}

/* sockets */

int wyi_sys_socket(int family, int type, int protocol)
{
	return answer(socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
}

int wyi_sys_bind(int fd, const struct sockaddr *address, socklen_t len)
{
	return answer(bind(fd, address, len));
}

int wyi_sys_listen(int fd, int backlog)
{
	return answer(listen(fd, backlog));
}

int wyi_sys_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	if (connect(fd, address, len) == 0)
		return 0;
	return errno == EINTR ? -EINPROGRESS : -errno;
}

int wyi_sys_accept(int fd, struct sockaddr *address, socklen_t *len)
{
	return RETRY(accept4(fd, address, len, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

int wyi_sys_getsockname(int fd, struct sockaddr *address, socklen_t *len)
{
	return answer(getsockname(fd, address, len));
}

int wyi_sys_getpeername(int fd, struct sockaddr *address, socklen_t *len)
{
	return answer(getpeername(fd, address, len));
}

int wyi_sys_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return answer(setsockopt(fd, level, name, value, len));
}

int wyi_sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return answer(getsockopt(fd, level, name, value, len));
}

int wyi_sys_shutdown(int fd, int how)
{
	return answer(shutdown(fd, how));
}

int wyi_sys_close(int fd)
{
	if (close(fd) == 0 || errno == EINTR)
		return 0;
	return -errno;
}

ssize_t wyi_sys_recv(int fd, void *to, size_t n)
{
	return RETRY(recv(fd, to, n, IO_FLAGS));
}

ssize_t wyi_sys_send(int fd, const void *from, size_t n)
{
	return RETRY(send(fd, from, n, IO_FLAGS));
}

ssize_t wyi_sys_recvmsg(int fd, struct msghdr *m)
{
	return RETRY(recvmsg(fd, m, IO_FLAGS | MSG_CMSG_CLOEXEC));
}

ssize_t wyi_sys_sendmsg(int fd, const struct msghdr *m)
{
	return RETRY(sendmsg(fd, m, IO_FLAGS));
}

int wyi_sys_recvmmsg(int fd, struct mmsghdr *m, unsigned n)
{
	return RETRY(recvmmsg(fd, m, n, IO_FLAGS | MSG_CMSG_CLOEXEC, NULL));
}

int wyi_sys_sendmmsg(int fd, struct mmsghdr *m, unsigned n)
{
	return RETRY(sendmmsg(fd, m, n, IO_FLAGS));
}

int wyi_sys_unsent(int fd)
{
	int n;

	return ioctl(fd, SIOCOUTQ, &n) < 0 ? -errno : n;
}

/* readiness */

int wyi_sys_epoll_create(void)
{
	return answer(epoll_create1(EPOLL_CLOEXEC));
}

int wyi_sys_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	return answer(epoll_ctl(epoll, op, fd, event));
}

/* Up, never down: a timer is not early. */
static int ms_rounded_up(s64 ns)
{
	s64 ms = ns / (s64)NS_PER_MS + (ns % (s64)NS_PER_MS != 0);

	return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

int wyi_sys_epoll_wait(int epoll, struct epoll_event *events, int max, s64 timeout_ns)
{
	static atomic_bool lacks_pwait2;
	struct __kernel_timespec t;
	long r;

	if (timeout_ns <= 0)
		return answer(epoll_wait(epoll, events, max, timeout_ns < 0 ? -1 : 0));
	if (!atomic_load_explicit(&lacks_pwait2, memory_order_relaxed)) {
		t.tv_sec = timeout_ns / (s64)NS_PER_S;
		t.tv_nsec = timeout_ns % (s64)NS_PER_S;
		r = syscall(SYS_epoll_pwait2, epoll, events, max, &t, NULL, (size_t)0);
		/* EPERM is what older container filters answer to calls they don't know. */
		if (r >= 0 || (errno != ENOSYS && errno != EPERM))
			return answer((int)r);
		atomic_store_explicit(&lacks_pwait2, true, memory_order_relaxed);
	}
	return answer(epoll_wait(epoll, events, max, ms_rounded_up(timeout_ns)));
}

int wyi_sys_eventfd(void)
{
	return answer(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

int wyi_sys_signalfd(int signo)
{
	sigset_t set;

	sigemptyset(&set);
	if (sigaddset(&set, signo) < 0)
		return -errno;
	return answer(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int wyi_sys_timerfd(void)
{
	return answer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
}

int wyi_sys_timerfd_set(int fd, u64 at_ns)
{
	struct itimerspec spec = {0};

	if (at_ns != UINT64_MAX) {
		spec.it_value.tv_sec = (time_t)(at_ns / NS_PER_S);
		spec.it_value.tv_nsec = (long)(at_ns % NS_PER_S);
	}
	return answer(timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL));
}

/* files, pipes */

int wyi_sys_open(const char *path, int flags, mode_t mode)
{
	return RETRY(open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode));
}

ssize_t wyi_sys_read(int fd, void *to, size_t n)
{
	return RETRY(read(fd, to, n));
}

/*
 * Without RWF_NOSIGNAL: SIGPIPE is blocked, and one that we caused is taken back. The kernel sends
 * it to the writing thread, so no other thread can get ours; one that waited before stays.
 */
static ssize_t writev_signal_taken_back(int fd, const struct iovec *iov, int n)
{
	static const struct timespec at_once;
	sigset_t sigpipe, pending, old;
	bool was_pending;
	ssize_t r;

	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	sigemptyset(&pending);
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &sigpipe, &old);
	r = RETRY(writev(fd, iov, n));
	if (r == -EPIPE && !was_pending)
		(void)RETRY(sigtimedwait(&sigpipe, NULL, &at_once));
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

/* With offset -1 the flags work on pipes and terminals too; there is no plain writev2. */
static ssize_t writev_no_signal(int fd, const struct iovec *iov, int n)
{
	return RETRY(pwritev2(fd, iov, n, -1, RWF_NOSIGNAL_));
}

enum { UNKNOWN, HAS, LACKS };

/*
 * Asked of a pipe of our own: on other files EOPNOTSUPP may speak of the file, not of the kernel
 * (those that are written by ->write alone, as an eventfd), and EINVAL of the arguments.
 */
static int probe_no_signal(void)
{
	struct iovec one = {.iov_base = (char[]){0}, .iov_len = 1};
	int fds[2], found;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return UNKNOWN;
	found = writev_no_signal(fds[1], &one, 1) == 1 ? HAS : LACKS;
	close(fds[0]);
	close(fds[1]);
	return found;
}

ssize_t wyi_sys_writev(int fd, const struct iovec *iov, int n)
{
	static atomic_int no_signal = UNKNOWN;
	int known = atomic_load_explicit(&no_signal, memory_order_relaxed);
	ssize_t r;

	if (known == UNKNOWN) {
		known = probe_no_signal();
		atomic_store_explicit(&no_signal, known, memory_order_relaxed);
	}
	if (known != HAS)
		return writev_signal_taken_back(fd, iov, n);
	r = writev_no_signal(fd, iov, n);
	/* A file without ->write_iter (an eventfd, say) has no flags on any kernel. */
	if (r == -EOPNOTSUPP || r == -ENOSYS)
		r = writev_signal_taken_back(fd, iov, n);
	return r;
}

ssize_t wyi_sys_write(int fd, const void *from, size_t n)
{
	struct iovec one = {.iov_base = (void *)(uintptr_t)from, .iov_len = n};

	return wyi_sys_writev(fd, &one, 1);
}

int wyi_sys_eventfd_raise(int fd)
{
	u64 one = 1;
	ssize_t r = RETRY(write(fd, &one, sizeof(one)));

	return r < 0 ? (int)r : 0;
}

int wyi_sys_fstat(int fd, struct stat *ret)
{
	return answer(fstat(fd, ret));
}

int wyi_sys_lstat(const char *path, struct stat *ret)
{
	return answer(lstat(path, ret));
}

int wyi_sys_unlink(const char *path)
{
	return answer(unlink(path));
}

int wyi_sys_fchmod(int fd, mode_t mode)
{
	return answer(fchmod(fd, mode));
}

int wyi_sys_flock(int fd, int op)
{
	return RETRY(flock(fd, op));
}

int wyi_sys_ftruncate(int fd, off_t size)
{
	return RETRY(ftruncate(fd, size));
}

int wyi_sys_isatty(int fd)
{
	return isatty(fd);
}

int wyi_sys_dup(int fd)
{
	return answer(fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

int wyi_sys_open_flags(int fd)
{
	return answer(fcntl(fd, F_GETFL));
}

int wyi_sys_poll(struct pollfd *fds, unsigned n)
{
	return RETRY(poll(fds, n, -1));
}

pid_t wyi_sys_pid(void)
{
	return getpid();
}

/* interfaces */

u32 wyi_sys_if_index(const char *name)
{
	return if_nametoindex(name);
}

int wyi_sys_if_name(u32 index, char out[IF_NAMESIZE])
{
	return if_indextoname(index, out) ? 0 : -errno;
}

/* threads, names */

/*
 * The host program's signals go to its own threads. What a fault of the thread itself raises stays
 * open: blocked, it would end the process before any handler (a crash reporter, a sanitizer)
 * speaks.
 */
static void all_but_faults(sigset_t *set)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

	sigfillset(set);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		sigdelset(set, faults[i]);
}

int wyi_sys_thread(pthread_t *ret, void *(*run)(void *), void *arg)
{
	sigset_t blocked, old;
	pthread_t thread;
	int r;

	all_but_faults(&blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, &old);
	r = pthread_create(&thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0)
		return -r;
	*ret = thread;
	return 0;
}

void wyi_sys_detach(pthread_t thread)
{
	wyi_assert(pthread_detach(thread) == 0);
}

int wyi_sys_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
			struct addrinfo **ret)
{
	int r = getaddrinfo(host, service, hints, ret);

	if (r == EAI_SYSTEM)
		return errno ? -errno : -EIO;
	return r < 0 ? -r : r; /* glibc and musl number them below 0 */
}

void wyi_sys_freeaddrinfo(struct addrinfo *list)
{
	if (list)
		freeaddrinfo(list);
}
