/* SPDX-License-Identifier: MIT */
/*
 * Timers: the embedded ones that everything inside uses, and the public ones, which wrap them.
 *
 * What is due is set aside before anyone is called; a callback may arm, stop or free any timer,
 * those set aside included, because each is a node in some list and nothing else refers to it. A
 * timer armed from a callback for a time that is past is called in the next turn, not in this one.
 */
#include <errno.h>
#include "loop/inner.h"

void wyi_timer_init(struct timer *t, void (*on_due)(struct timer *))
{
	list_init(&t->node);
	t->deadline = 0;
	t->on_due = on_due;
}

void wyi_timer_set(struct wye_loop *loop, struct timer *t, u64 deadline_ns)
{
	wyi_wheel_set(&loop->wheel, t, deadline_ns);
	wyi_embed_settle(loop);
}

void wyi_timer_stop(struct timer *t)
{
	list_del(&t->node);
}

bool wyi_timer_armed(const struct timer *t)
{
	return !list_empty(&t->node);
}

void wyi_timers_run(struct wye_loop *loop)
{
	wyi_wheel_advance(&loop->wheel, loop->now, &loop->due);
	for (unsigned n = 0; !list_empty(&loop->due) && n < LOOP_CALLS; n++) {
		struct timer *t = list_first(&loop->due, struct timer, node);
		list_del(&t->node);
		t->on_due(t);
	}
}

/* -- public ------------------------------------------------------------------------------------ */
struct wye_timer {
	struct timer timer;
	struct wye_loop *loop;
	u64 every; /* ns; 0: once */
	void (*on_due)(uint64_t missed, void *ctx);
	void *ctx;
};

static u64 add(u64 a, u64 b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static u64 ns_of_ms(u64 ms)
{
	return ms > UINT64_MAX / NS_PER_MS ? UINT64_MAX : ms * NS_PER_MS;
}

/* Armed again before the call, which may free the timer. */
static void on_timer(struct timer *timer)
{
	struct wye_timer *t = container_of(timer, struct wye_timer, timer);
	u64 missed = 0;
	if (t->every) {
		missed = (t->loop->now - timer->deadline) / t->every;
		wyi_timer_set(t->loop, timer, add(timer->deadline + missed * t->every, t->every));
	}
	t->on_due(missed, t->ctx);
}

int wye_timer_new(struct wye_loop *loop, void (*on_due)(uint64_t missed, void *ctx), void *ctx,
		  struct wye_timer **ret_timer)
{
	int r = wyi_loop_check(loop);
	if (r < 0)
		return r;
	if (!on_due || !ret_timer)
		return -EINVAL;
	struct wye_timer *t = wyi_zalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	wyi_timer_init(&t->timer, on_timer);
	t->loop = loop;
	t->on_due = on_due;
	t->ctx = ctx;
	wyi_loop_use(loop, +1);
	*ret_timer = t;
	return 0;
}

static int arm(struct wye_timer *t, u64 deadline, u64 every)
{
	int r = wyi_loop_check(t->loop);
	if (r < 0)
		return r;
	t->every = every;
	wyi_timer_set(t->loop, &t->timer, deadline);
	return 0;
}

int wye_timer_at(struct wye_timer *t, uint64_t deadline_ns)
{
	return arm(t, deadline_ns, 0);
}

/*
 * From the clock, not from the turn's time: a callback that took long would make the timer early.
 */
int wye_timer_in(struct wye_timer *t, uint64_t ms)
{
	return arm(t, add(wyi_sys_now(), ns_of_ms(ms)), 0);
}

int wye_timer_every(struct wye_timer *t, uint64_t ms)
{
	u64 every = ns_of_ms(ms);
	return ms == 0 ? -EINVAL : arm(t, add(wyi_sys_now(), every), every);
}

int wye_timer_stop(struct wye_timer *t)
{
	int r = wyi_loop_check(t->loop);
	if (r < 0)
		return r;
	wyi_timer_stop(&t->timer);
	return 0;
}

void wye_timer_free(struct wye_timer *t)
{
	if (!t || wyi_loop_check(t->loop) < 0)
		return;
	wyi_timer_stop(&t->timer);
	wyi_loop_use(t->loop, -1);
	wyi_free(t);
}
