/* SPDX-License-Identifier: MIT */
/*
 * Calls from other threads.
 *
 * A stack that any thread pushes onto (priv[0] = the next older task) and the loop takes as a
 * whole, turning it round: so each thread's tasks run in its order, and no node is ever looked at
 * twice (no ABA). priv[1] says that the task is queued.
 *
 * Waking: the loop says `asleep` before it waits and then looks at the stack again; a poster pushes
 * and then looks at `asleep`. All four are sequentially consistent, so one of the two sees the
 * other. Who takes `asleep` back writes to the eventfd: one write per sleep, none to a loop that is
 * awake.
 *
 * Failure: none. A loop is freed only when no call of another thread still looks at it (`posting`).
 */
#include "loop/inner.h"

#define TASK_IDLE   NULL
#define TASK_QUEUED ((void *)1)

void wyi_loop_wake(struct wye_loop *loop)
{
	/* In a forked child the eventfd is still the parent's. */
	if (atomic_load(&loop->asleep) && atomic_exchange(&loop->asleep, false) &&
	    loop->forks == wyi_forks())
		(void)wyi_sys_eventfd_raise(loop->event); /* full: it will wake */
}

int wye_post(struct wye_loop *loop, struct wye_task *task)
{
	if (__atomic_exchange_n(&task->priv[1], TASK_QUEUED, __ATOMIC_ACQ_REL) == TASK_QUEUED)
		return 1;
	atomic_fetch_add(&loop->posting, 1);
	struct wye_task *newest = atomic_load_explicit(&loop->posted, memory_order_relaxed);
	do
		task->priv[0] = newest;
	while (!atomic_compare_exchange_weak(&loop->posted, &newest, task));
	wyi_loop_wake(loop);
	atomic_fetch_sub_explicit(&loop->posting, 1, memory_order_release);
	return 0;
}

void wye_loop_stop(struct wye_loop *loop)
{
	atomic_fetch_add(&loop->posting, 1);
	atomic_store(&loop->stop, true);
	wyi_loop_wake(loop);
	atomic_fetch_sub_explicit(&loop->posting, 1, memory_order_release);
}

bool wyi_posts_wait(const struct wye_loop *loop)
{
	return loop->post_first || atomic_load(&loop->posted);
}

static void take_over(struct wye_loop *loop)
{
	struct wye_task *newest = atomic_exchange(&loop->posted, NULL), *oldest = NULL,
			*last = newest;
	while (newest) {
		struct wye_task *older = newest->priv[0];
		newest->priv[0] = oldest;
		oldest = newest;
		newest = older;
	}
	if (!oldest)
		return;
	if (loop->post_first)
		loop->post_last->priv[0] = oldest;
	else
		loop->post_first = oldest;
	loop->post_last = last;
}

static struct wye_task *next_task(struct wye_loop *loop)
{
	struct wye_task *task = loop->post_first;
	loop->post_first = task->priv[0];
	/*
	 * An exchange, not a store: what was written before a wye_post() that answered 1 must be
	 * seen by run().
	 */
	(void)__atomic_exchange_n(&task->priv[1], TASK_IDLE, __ATOMIC_ACQ_REL);
	return task;
}

/* What is posted meanwhile waits for the next turn. The task is its owner's from run() on. */
void wyi_posts_run(struct wye_loop *loop)
{
	take_over(loop);
	for (unsigned n = 0; loop->post_first && n < LOOP_CALLS; n++) {
		struct wye_task *task = next_task(loop);
		task->run(task);
	}
}

void wyi_posts_forget(struct wye_loop *loop)
{
	take_over(loop);
	while (loop->post_first)
		next_task(loop);
}

void wyi_event_ready(struct wye_loop *loop)
{
	u64 writes = 0;
	if (wyi_sys_read(loop->event, &writes, sizeof(writes)) > 0)
		loop->wakes += writes;
	loop->kicked = false;
}
