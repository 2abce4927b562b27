/* SPDX-License-Identifier: MIT */
/*
 * Signals, read through a signalfd each. The signal is blocked in the thread that makes the
 * watcher; that same thread gets its mask back when it frees it (one that arrived and was not read
 * is then delivered as usual).
 *
 * One signal is read per turn and watcher; level-triggered polling reports the rest. An event of a
 * watcher that was freed in the same turn finds no entry in the table, or a signalfd with nothing
 * to read.
 */
#include <errno.h>
#include <sys/signalfd.h>
#include "loop/inner.h"

struct wye_signal {
	struct wye_loop *loop;
	int signo, fd;
	u32 events;
	bool unblock; /* it was not blocked before */
	pthread_t thread;
	void (*on_signal)(int signo, void *ctx);
	void *ctx;
};

static void signal_destroy(struct wye_signal *s)
{
	sigset_t set;
	if (s->fd >= 0) {
		/* Out of the set by hand: a forked child may still hold the fd open. */
		(void)wyi_poll_set(s->loop, s->fd, &s->events, 0, LOOP_INNER, (u64)s->signo);
		wyi_sys_close(s->fd);
	}
	if (s->unblock && pthread_equal(s->thread, pthread_self())) {
		sigemptyset(&set);
		sigaddset(&set, s->signo);
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	}
	wyi_free(s);
}

static int signal_open(struct wye_signal *s, const sigset_t *set)
{
	sigset_t old;
	int r = -pthread_sigmask(SIG_BLOCK, set, &old);
	if (r < 0)
		return r;
	s->unblock = sigismember(&old, s->signo) == 0;
	s->fd = wyi_sys_signalfd(s->signo);
	if (s->fd < 0)
		return s->fd;
	return wyi_poll_set(s->loop, s->fd, &s->events, EPOLLIN, LOOP_INNER, (u64)s->signo);
}

int wye_signal_new(struct wye_loop *loop, int signo, void (*on_signal)(int signo, void *ctx),
		   void *ctx, struct wye_signal **ret_signal)
{
	sigset_t set;
	int r = wyi_loop_check(loop);
	if (r < 0)
		return r;
	sigemptyset(&set);
	/* sigaddset() knows which numbers are signals that a program may have. */
	if (!on_signal || !ret_signal || signo == SIGKILL || signo == SIGSTOP ||
	    sigaddset(&set, signo) < 0 || signo >= NSIG)
		return -EINVAL;
	if (loop->signals[signo])
		return -EBUSY;
	struct wye_signal *s = wyi_zalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->signo = signo;
	s->fd = -1;
	s->thread = pthread_self();
	s->on_signal = on_signal;
	s->ctx = ctx;
	r = signal_open(s, &set);
	if (r < 0) {
		signal_destroy(s);
		return r;
	}
	loop->signals[signo] = s;
	wyi_loop_use(loop, +1);
	*ret_signal = s;
	return 0;
}

void wye_signal_free(struct wye_signal *s)
{
	if (!s || wyi_loop_check(s->loop) < 0)
		return;
	s->loop->signals[s->signo] = NULL;
	wyi_loop_use(s->loop, -1);
	signal_destroy(s);
}

void wyi_signal_ready(struct wye_loop *loop, int signo)
{
	struct signalfd_siginfo info;
	struct wye_signal *s = loop->signals[signo];
	if (s && wyi_sys_read(s->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		s->on_signal(signo, s->ctx);
}
