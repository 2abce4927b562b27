/* SPDX-License-Identifier: MIT */
/*
 * The doubles of base/sys.h; see seam.h. The linker's --wrap brings every call here.
 *
 * A fault is the answer of a kernel that did nothing, but for close, which always closes. One lock guards all counts,
 * since workers call, too.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "seam.h"

#define FDS	  4096
#define BEGINNING (1000 * NS_PER_S)
#define IOVS	  64

static struct {
	bool on;
	struct plan plan;
	struct figures f;
	u64 now, random;
	u8 ours[FDS];
} seam;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t thread_ended = PTHREAD_COND_INITIALIZER;

/* Declares the real one and the double, and begins the double. */
#define WRAP(type, name, params)                                                                   \
	type __real_##name params;                                                                 \
	type __wrap_##name params;                                                                 \
	type __wrap_##name params

const char *wyt_kind_name(enum kind kind)
{
	static const char *const names[] = {
#define NAME(k) #k,
		WYT_KINDS(NAME)
#undef NAME
	};

	return names[kind];
}

/* -- what is planned ------------------------------------------------------------------------------------------------- */
static int hit(enum kind kind)
{
	struct plan *p = &seam.plan;
	int what = F_NONE;

	pthread_mutex_lock(&lock);
	if (seam.on) {
		u64 n = ++seam.f.calls[kind];

		if (p->times && p->kind == kind && n >= p->at) {
			what = p->what;
			p->times -= p->times != UINT32_MAX;
			seam.f.injected++;
		}
	}
	pthread_mutex_unlock(&lock);
	return what;
}

static int opened(int fd)
{
	if (fd < 0)
		return fd;
	wyi_assert(fd < FDS);
	pthread_mutex_lock(&lock);
	seam.ours[fd] = 1;
	seam.f.fds++;
	pthread_mutex_unlock(&lock);
	return fd;
}

static void closed(int fd)
{
	pthread_mutex_lock(&lock);
	if (fd < 0 || fd >= FDS || !seam.ours[fd]) {
		seam.f.wrong_closes++;
	} else {
		seam.ours[fd] = 0;
		seam.f.fds--;
	}
	pthread_mutex_unlock(&lock);
}

void wyt_seam_begin(const struct plan *plan)
{
	pthread_mutex_lock(&lock);
	memset(&seam, 0, sizeof seam);
	seam.on = true;
	seam.now = BEGINNING;
	seam.random = 0x9e3779b97f4a7c15;
	if (plan)
		seam.plan = *plan;
	pthread_mutex_unlock(&lock);
}

void wyt_seam_stop(void)
{
	pthread_mutex_lock(&lock);
	seam.plan.times = 0;
	pthread_mutex_unlock(&lock);
}

void wyt_seam_figures(struct figures *ret)
{
	pthread_mutex_lock(&lock);
	*ret = seam.f;
	pthread_mutex_unlock(&lock);
}

void wyt_seam_end(void)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 5; /* a thread that is still there then is reported as left */
	pthread_mutex_lock(&lock);
	while (seam.f.threads && r == 0)
		r = pthread_cond_timedwait(&thread_ended, &lock, &until);
	seam.on = false;
	pthread_mutex_unlock(&lock);
}

u64 wyt_seam_now(void)
{
	u64 now;

	pthread_mutex_lock(&lock);
	now = seam.now;
	pthread_mutex_unlock(&lock);
	return now;
}

/* -- memory ------------------------------------------------------------------------------------------------------------ */
static void account(s64 bytes)
{
	pthread_mutex_lock(&lock);
	seam.f.bytes += bytes;
	pthread_mutex_unlock(&lock);
}

static void *taken(void *p)
{
	account((s64)malloc_usable_size(p));
	return p;
}

WRAP(void *, wyi_alloc, (size_t size))
{
	return hit(K_memory) ? NULL : taken(__real_wyi_alloc(size));
}

WRAP(void *, wyi_zalloc, (size_t size))
{
	return hit(K_memory) ? NULL : taken(__real_wyi_zalloc(size));
}

WRAP(void *, wyi_realloc, (void *old, size_t size))
{
	s64 before = (s64)malloc_usable_size(old);
	void *p;

	if (hit(K_memory))
		return NULL;
	p = __real_wyi_realloc(old, size);
	if (p)
		account((s64)malloc_usable_size(p) - before);
	return p;
}

WRAP(void, wyi_free, (void *p))
{
	account(-(s64)malloc_usable_size(p));
	__real_wyi_free(p);
}

/* -- clock, random ------------------------------------------------------------------------------------------------------- */
/* A microsecond for each look, so that work takes time. */
WRAP(u64, wyi_sys_now, (void))
{
	u64 now;

	pthread_mutex_lock(&lock);
	now = seam.on ? seam.now += NS_PER_US : 0;
	pthread_mutex_unlock(&lock);
	return now ? now : __real_wyi_sys_now();
}

WRAP(void, wyi_sys_random, (void *out, size_t n))
{
	u8 *p = out;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n; i++) {
		seam.random ^= seam.random << 13;
		seam.random ^= seam.random >> 7;
		seam.random ^= seam.random << 17;
		p[i] = (u8)(seam.random >> 32);
	}
	pthread_mutex_unlock(&lock);
}

/* -- calls that fail or pass ------------------------------------------------------------------------------------------------ */
#define PASS(kind, name, params, args)                                                             \
	WRAP(int, name, params)                                                                    \
	{                                                                                          \
		int what = hit(K_##kind);                                                          \
		return what ? -what : __real_##name args;                                          \
	}
#define OPENS(kind, name, params, args)                                                            \
	WRAP(int, name, params)                                                                    \
	{                                                                                          \
		int what = hit(K_##kind);                                                          \
		return what ? -what : opened(__real_##name args);                                  \
	}

typedef const struct sockaddr *address;

OPENS(socket, wyi_sys_socket, (int family, int type, int protocol), (family, type, protocol))
PASS(bind, wyi_sys_bind, (int fd, address a, socklen_t n), (fd, a, n))
PASS(listen, wyi_sys_listen, (int fd, int backlog), (fd, backlog))
OPENS(accept, wyi_sys_accept, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n))
PASS(getsockname, wyi_sys_getsockname, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n))
PASS(getpeername, wyi_sys_getpeername, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n))
PASS(setsockopt, wyi_sys_setsockopt, (int fd, int level, int name, const void *v, socklen_t n),
     (fd, level, name, v, n))
PASS(shutdown, wyi_sys_shutdown, (int fd, int how), (fd, how))
OPENS(epoll_create, wyi_sys_epoll_create, (void), ())
OPENS(eventfd, wyi_sys_eventfd, (void), ())
OPENS(signalfd, wyi_sys_signalfd, (int signo), (signo))
OPENS(timerfd, wyi_sys_timerfd, (void), ())
PASS(timerfd_set, wyi_sys_timerfd_set, (int fd, u64 at), (fd, at))
OPENS(open, wyi_sys_open, (const char *path, int flags, mode_t mode), (path, flags, mode))
PASS(fstat, wyi_sys_fstat, (int fd, struct stat *st), (fd, st))
PASS(lstat, wyi_sys_lstat, (const char *path, struct stat *st), (path, st))
PASS(unlink, wyi_sys_unlink, (const char *path), (path))
PASS(fchmod, wyi_sys_fchmod, (int fd, mode_t mode), (fd, mode))
PASS(flock, wyi_sys_flock, (int fd, int op), (fd, op))
PASS(ftruncate, wyi_sys_ftruncate, (int fd, off_t size), (fd, size))
OPENS(dup, wyi_sys_dup, (int fd), (fd))
PASS(open_flags, wyi_sys_open_flags, (int fd), (fd))
PASS(poll, wyi_sys_poll, (struct pollfd * fds, unsigned n), (fds, n))
PASS(unsent, wyi_sys_unsent, (int fd), (fd))

WRAP(int, wyi_sys_connect, (int fd, address a, socklen_t n))
{
	int what = hit(K_connect), r;

	if (what > 0)
		return -what;
	r = __real_wyi_sys_connect(fd, a, n);
	return what == F_LATE && r == 0 ? -EINPROGRESS : r;
}

WRAP(int, wyi_sys_getsockopt, (int fd, int level, int name, void *value, socklen_t *n))
{
	int what = hit(K_getsockopt), r;

	if (what > 0)
		return -what;
	r = __real_wyi_sys_getsockopt(fd, level, name, value, n);
	if (what == F_BROKEN && level == SOL_SOCKET && name == SO_ERROR)
		*(int *)value = ECONNRESET;
	return r;
}

WRAP(int, wyi_sys_close, (int fd))
{
	int what = hit(K_close), r;

	closed(fd);
	r = __real_wyi_sys_close(fd);
	return what ? -what : r;
}

WRAP(int, wyi_sys_epoll_ctl, (int epoll, int op, int fd, struct epoll_event *event))
{
	int what = op == EPOLL_CTL_ADD	 ? hit(K_epoll_add)
		   : op == EPOLL_CTL_MOD ? hit(K_epoll_mod)
					 : F_NONE; /* taking out needs nothing that could lack */

	return what ? -what : __real_wyi_sys_epoll_ctl(epoll, op, fd, event);
}

/* -- waiting ---------------------------------------------------------------------------------------------------------------- */
/*
 * Workers need time of the real world; so does a TCP that could not be told to be quick (the peer's delayed
 * acknowledgement: 40 ms).
 */
static s64 moment(void)
{
	u32 threads;

	pthread_mutex_lock(&lock);
	threads = (u32)seam.f.threads;
	pthread_mutex_unlock(&lock);
	if (seam.plan.kind == K_setsockopt)
		return 3 * NS_PER_MS;
	return threads ? NS_PER_MS : 20 * NS_PER_US;
}

/* A wait that finds nothing gives the kernel (and workers, where there are any) a moment, and then moves the clock. */
WRAP(int, wyi_sys_epoll_wait, (int epoll, struct epoll_event *events, int max, s64 timeout_ns))
{
	int what = hit(K_epoll_wait), n;

	if (what)
		return what > 0 ? -what : 0;
	n = __real_wyi_sys_epoll_wait(epoll, events, max, 0);
	pthread_mutex_lock(&lock);
	seam.f.waits++;
	pthread_mutex_unlock(&lock);
	if (n != 0 || timeout_ns == 0)
		return n;
	n = __real_wyi_sys_epoll_wait(epoll, events, max, moment());
	if (n != 0)
		return n;
	pthread_mutex_lock(&lock);
	seam.f.idle_waits++;
	seam.now += timeout_ns > 0 ? (u64)timeout_ns : NS_PER_MS;
	pthread_mutex_unlock(&lock);
	return 0;
}

/* -- moving bytes ------------------------------------------------------------------------------------------------------------ */
static size_t shortened(size_t n, int what)
{
	return what == F_ONE && n ? 1 : what == F_LESS && n > 1 ? n - 1 : n;
}

static size_t total(const struct iovec *iov, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

/* The first `left` bytes of iov. */
static size_t cut(struct iovec to[IOVS], const struct iovec *iov, size_t n, size_t left)
{
	size_t k = 0;

	for (size_t i = 0; i < n && k < IOVS && left; i++) {
		to[k] = iov[i];
		if (to[k].iov_len > left)
			to[k].iov_len = left;
		left -= to[k++].iov_len;
	}
	return k;
}

#define MOVES(kind, name, params, args, n)                                                         \
	WRAP(ssize_t, name, params)                                                                \
	{                                                                                          \
		int what = hit(K_##kind);                                                          \
		if (what > 0 || what == F_END)                                                     \
			return what > 0 ? -what : 0;                                               \
		n = shortened(n, what);                                                            \
		return __real_##name args;                                                         \
	}

MOVES(recv, wyi_sys_recv, (int fd, void *to, size_t n), (fd, to, n), n)
MOVES(send, wyi_sys_send, (int fd, const void *from, size_t n), (fd, from, n), n)
MOVES(read, wyi_sys_read, (int fd, void *to, size_t n), (fd, to, n), n)
MOVES(write, wyi_sys_write, (int fd, const void *from, size_t n), (fd, from, n), n)

WRAP(int, wyi_sys_recvmmsg, (int fd, struct mmsghdr *m, unsigned n))
{
	int what = hit(K_recvmmsg);

	return what > 0 ? -what : __real_wyi_sys_recvmmsg(fd, m, (unsigned)shortened(n, what));
}

WRAP(int, wyi_sys_sendmmsg, (int fd, struct mmsghdr *m, unsigned n))
{
	int what = hit(K_sendmmsg);

	return what > 0 ? -what : __real_wyi_sys_sendmmsg(fd, m, (unsigned)shortened(n, what));
}

WRAP(ssize_t, wyi_sys_recvmsg, (int fd, struct msghdr *m))
{
	int what = hit(K_recvmsg);

	return what > 0 ? -what : __real_wyi_sys_recvmsg(fd, m);
}

WRAP(ssize_t, wyi_sys_sendmsg, (int fd, const struct msghdr *m))
{
	int what = hit(K_sendmsg);
	struct iovec iov[IOVS];
	struct msghdr less = *m;

	if (what > 0)
		return -what;
	if (!what)
		return __real_wyi_sys_sendmsg(fd, m);
	less.msg_iovlen = cut(iov, m->msg_iov, m->msg_iovlen,
			      shortened(total(m->msg_iov, m->msg_iovlen), what));
	less.msg_iov = iov;
	return __real_wyi_sys_sendmsg(fd, &less);
}

WRAP(ssize_t, wyi_sys_writev, (int fd, const struct iovec *from, int n))
{
	int what = hit(K_write);
	struct iovec iov[IOVS];

	if (what > 0)
		return -what;
	if (!what)
		return __real_wyi_sys_writev(fd, from, n);
	n = (int)cut(iov, from, (size_t)n, shortened(total(from, (size_t)n), what));
	return __real_wyi_sys_writev(fd, iov, n);
}

/* -- threads, names ------------------------------------------------------------------------------------------------------------ */
struct start {
	void *(*run)(void *);
	void *arg;
};

static void count_thread(int by)
{
	pthread_mutex_lock(&lock);
	seam.f.threads += by;
	pthread_cond_signal(&thread_ended);
	pthread_mutex_unlock(&lock);
}

static void *run_counted(void *arg)
{
	struct start start = *(struct start *)arg;
	void *r;

	free(arg);
	r = start.run(start.arg);
	count_thread(-1);
	return r;
}

WRAP(int, wyi_sys_thread, (pthread_t * ret, void *(*run)(void *), void *arg))
{
	int what = hit(K_thread), r;
	struct start *start = what ? NULL : malloc(sizeof *start);

	if (!start)
		return what ? -what : -EAGAIN;
	*start = (struct start){run, arg};
	count_thread(1);
	r = __real_wyi_sys_thread(ret, run_counted, start);
	if (r < 0) {
		count_thread(-1);
		free(start);
	}
	return r;
}

/* Its errors are above 0, and so are the plan's. */
WRAP(int, wyi_sys_getaddrinfo,
     (const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **ret))
{
	int what = hit(K_getaddrinfo);

	return what ? what : __real_wyi_sys_getaddrinfo(host, service, hints, ret);
}

/* -- what can't fail -------------------------------------------------------------------------------------------------------- */
WRAP(int, wyi_sys_eventfd_raise, (int fd))
{
	return __real_wyi_sys_eventfd_raise(fd);
}

WRAP(int, wyi_sys_isatty, (int fd))
{
	return __real_wyi_sys_isatty(fd);
}

WRAP(pid_t, wyi_sys_pid, (void))
{
	return __real_wyi_sys_pid();
}

WRAP(u32, wyi_sys_if_index, (const char *name))
{
	return __real_wyi_sys_if_index(name);
}

WRAP(int, wyi_sys_if_name, (u32 index, char out[IF_NAMESIZE]))
{
	return __real_wyi_sys_if_name(index, out);
}

WRAP(void, wyi_sys_detach, (pthread_t thread))
{
	__real_wyi_sys_detach(thread);
}

WRAP(void, wyi_sys_freeaddrinfo, (struct addrinfo * list))
{
	__real_wyi_sys_freeaddrinfo(list);
}
