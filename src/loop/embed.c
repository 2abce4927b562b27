/* SPDX-License-Identifier: MIT */
/*
 * A loop inside another one: its epoll fd must be readable whenever a turn is due, for whatever
 * reason.
 *
 * Only from the first wye_loop_fd() on, because it costs: between turns the loop counts as asleep
 * (posts write to the eventfd), the next deadline stands in a timerfd, and work that is due at once
 * writes to the eventfd.
 */
#include "loop/inner.h"

static void alarm_set(struct wye_loop *loop, u64 at)
{
	int r = wyi_sys_timerfd_set(loop->alarm, at);
	wyi_assert(r == 0); /* a valid time on our own fd */
	loop->alarm_at = at;
}

static void kick(struct wye_loop *loop)
{
	if (loop->kicked)
		return;
	loop->kicked = true;
	(void)wyi_sys_eventfd_raise(loop->event);
}

void wyi_embed_settle(struct wye_loop *loop)
{
	if (loop->alarm < 0 || loop->inside)
		return;
	if (wyi_loop_more(loop)) {
		kick(loop);
	} else {
		/*
		 * One that has fired is past and so differs; setting it makes it unreadable again.
		 */
		u64 next = wyi_wheel_next(&loop->wheel);
		if (next != loop->alarm_at)
			alarm_set(loop, next);
	}
	/* As before a wait: say it, then look again. */
	atomic_store(&loop->asleep, true);
	if (wyi_posts_wait(loop) || atomic_load(&loop->stop))
		wyi_loop_wake(loop);
}

int wye_loop_fd(struct wye_loop *loop)
{
	u32 events = 0;
	int r = wyi_loop_check(loop);
	if (r < 0)
		return r;
	if (loop->alarm >= 0)
		return loop->epoll;
	int fd = wyi_sys_timerfd();
	if (fd < 0)
		return fd;
	r = wyi_poll_set(loop, fd, &events, EPOLLIN, LOOP_INNER, INNER_ALARM);
	if (r < 0) {
		wyi_sys_close(fd);
		return r;
	}
	loop->alarm = fd;
	loop->alarm_at = WHEEL_NEVER;
	wyi_embed_settle(loop);
	return loop->epoll;
}

void wyi_embed_deinit(struct wye_loop *loop)
{
	if (loop->alarm >= 0)
		wyi_sys_close(loop->alarm);
	loop->alarm = -1;
}
