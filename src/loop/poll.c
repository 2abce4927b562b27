/* SPDX-License-Identifier: MIT */
/*
 * The poller: which fds the kernel watches, and handing out what it found, one array per class.
 *
 * epoll's data word is class << 56 | value, so nothing of ours is looked up per event.
 * Level-triggered: what a class leaves unread is reported again. A class may change or close fds of
 * a later one in the same turn; its stale events are then for the owner of the value to tell (a
 * link keeps its slot to the end of the turn, and says that it is closing).
 */
#include "loop/inner.h"

#define VALUE_BITS 56u
#define VALUE_MASK ((1ull << VALUE_BITS) - 1)

int wyi_poll_set(struct wye_loop *loop, int fd, u32 *now, u32 events, enum loop_class class,
		 u64 value)
{
	wyi_assert(class < LOOP_CLASSES && value <= VALUE_MASK);
	if (*now == events)
		return 0;
	wyi_assert(events == 0 || loop->classes[class].fn); /* nobody would ever read it: a spin */
	struct epoll_event event = {
		.events = events,
		.data.u64 = (u64) class << VALUE_BITS | value,
	};
	int op = *now == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
	int r = wyi_sys_epoll_ctl(loop->epoll, op, fd, &event);
	if (r < 0)
		return r;
	*now = events;
	return 0;
}

void wyi_loop_class(struct wye_loop *loop, enum loop_class class, loop_ready_fn fn, void *ctx)
{
	wyi_assert(class < LOOP_CLASSES);
	loop->classes[class].fn = fn;
	loop->classes[class].ctx = ctx;
}

/* A counting sort keeps the kernel's order within a class, which is what makes it fair. */
void wyi_loop_dispatch(struct wye_loop *loop, int n)
{
	unsigned count[LOOP_CLASSES] = {0}, at[LOOP_CLASSES], sum = 0;
	for (int i = 0; i < n; i++)
		count[loop->events[i].data.u64 >> VALUE_BITS]++;
	for (unsigned class = 0; class < LOOP_CLASSES; class ++) {
		at[class] = sum;
		sum += count[class];
	}
	for (int i = 0; i < n; i++) {
		u64 data = loop->events[i].data.u64;
		struct loop_ready *ready = &loop->ready[at[data >> VALUE_BITS]++];
		ready->value = data & VALUE_MASK;
		ready->events = loop->events[i].events;
	}
	for (unsigned class = 0; class < LOOP_CLASSES; class ++) {
		if (count[class] && loop->classes[class].fn)
			loop->classes[class].fn(loop->classes[class].ctx,
						&loop->ready[at[class] - count[class]],
						count[class]);
	}
}
