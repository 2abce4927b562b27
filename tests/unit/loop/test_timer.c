/* SPDX-License-Identifier: MIT */
#include "turns.h"

struct recorder {
	struct wye_loop *loop;
	struct wye_timer *timer, *other;
	unsigned calls;
	u64 missed, at;
};

static void record(u64 missed, void *ctx)
{
	struct recorder *r = ctx;
	r->calls++;
	r->missed = missed;
	r->at = wyi_sys_now();
}

static struct wye_timer *new_timer(struct wye_loop *loop, void (*on_due)(u64, void *), void *ctx)
{
	struct wye_timer *t = NULL;
	assert_int_equal(wye_timer_new(loop, on_due, ctx, &t), 0);
	return t;
}

static int setup(void **state)
{
	*state = new_loop();
	return 0;
}

static int teardown(void **state)
{
	return wye_loop_free(*state); /* 0 only if every timer was given back */
}

static void timer_in__real_clock__is_never_early(void **state)
{
	struct wye_loop *loop = *state;
	struct recorder r = {0};
	struct wye_timer *t = new_timer(loop, record, &r);
	for (unsigned ms = 0; ms < 20; ms++) {
		u64 begun = wyi_sys_now();
		r.calls = 0;
		assert_int_equal(wye_timer_in(t, ms), 0);
		turn_until(loop, r.calls);
		assert_true(r.at - begun >= ms * NS_PER_MS);
		assert_int_equal(r.calls, 1);
		assert_int_equal(r.missed, 0);
	}
	wye_timer_free(t);
}

static void timer_at__past__is_due_in_the_next_turn(void **state)
{
	struct wye_loop *loop = *state;
	struct recorder r = {0};
	struct wye_timer *t = new_timer(loop, record, &r);
	assert_int_equal(wye_timer_at(t, 0), 0);
	assert_int_equal(wye_loop_turn(loop, -1), 0); /* -1, and does not sleep */
	assert_int_equal(r.calls, 1);
	wye_timer_free(t);
}

static void timer_stop__armed__is_never_called(void **state)
{
	struct wye_loop *loop = *state;
	struct recorder r = {0};
	struct wye_timer *t = new_timer(loop, record, &r);
	assert_int_equal(wye_timer_stop(t), 0);
	wye_timer_at(t, 0);
	assert_int_equal(wye_timer_stop(t), 0);
	assert_int_equal(wye_loop_turn(loop, 0), 0);
	assert_int_equal(r.calls, 0);
	wye_timer_free(t);
}

static void timer_at__end_of_time__is_never_due(void **state)
{
	struct wye_loop *loop = *state;
	struct recorder r = {0};
	struct wye_timer *t = new_timer(loop, record, &r);
	assert_int_equal(wye_timer_in(t, UINT64_MAX), 0);
	assert_int_equal(wye_loop_turn(loop, 1), 0);
	assert_int_equal(wye_timer_every(t, UINT64_MAX / 2), 0);
	assert_int_equal(wye_loop_turn(loop, 1), 0);
	assert_int_equal(r.calls, 0);
	wye_timer_free(t);
}

/* Holds the loop up for over three periods in its first call. */
static void be_late(u64 missed, void *ctx)
{
	struct recorder *r = ctx;
	u64 until = wyi_sys_now() + 13 * NS_PER_MS;
	record(missed, ctx);
	if (r->calls == 1)
		watch_until(wyi_sys_now() >= until);
}

static void timer_every__late_loop__merges_missed_ticks_and_keeps_the_grid(void **state)
{
	struct wye_loop *loop = *state;
	struct recorder r = {0};
	struct wye_timer *t = new_timer(loop, be_late, &r);
	u64 before = wyi_sys_now();
	assert_int_equal(wye_timer_every(t, 4), 0);
	u64 after = wyi_sys_now(), ticks = 0;
	for (unsigned call = 1; call <= 5; call++) {
		turn_until(loop, r.calls == call);
		ticks += 1 + r.missed;
		if (call == 2)
			assert_true(r.missed >= 2);
		/*
		 * Tick n is due at start + 4n, start between before and after: never early, and n
		 * is the newest.
		 */
		assert_true(r.at >= before + ticks * 4 * NS_PER_MS);
		assert_true(loop->now < after + (ticks + 1) * 4 * NS_PER_MS);
	}
	wye_timer_free(t);
}

static void timer_every__zero__is_einval(void **state)
{
	struct wye_timer *t = new_timer(*state, record, NULL);
	assert_int_equal(wye_timer_every(t, 0), -EINVAL);
	wye_timer_free(t);
	assert_int_equal(wye_timer_new(*state, NULL, NULL, &t), -EINVAL);
	wye_timer_free(NULL);
}

static void free_self(u64 missed, void *ctx)
{
	struct recorder *r = ctx;
	record(missed, ctx);
	wye_timer_free(r->timer);
}

static void timer_free__in_own_callback__is_legal(void **state)
{
	struct wye_loop *loop = *state;
	struct recorder once = {0}, every = {0};
	once.timer = new_timer(loop, free_self, &once);
	wye_timer_at(once.timer, 0);
	every.timer = new_timer(loop, free_self, &every);
	wye_timer_every(every.timer, 1);
	turn_until(loop, once.calls && every.calls);
}

static void free_other(u64 missed, void *ctx)
{
	struct recorder *r = ctx;
	record(missed, ctx);
	wye_timer_free(r->other);
	r->other = NULL;
}

/* Both are due and set aside; whoever is first frees the other. */
static void timer_free__of_another_due_one__is_not_called(void **state)
{
	struct wye_loop *loop = *state;
	struct recorder a = {0}, b = {0};
	a.timer = new_timer(loop, free_other, &a);
	b.timer = new_timer(loop, record, &b);
	a.other = b.timer;
	wye_timer_at(a.timer, 0);
	wye_timer_at(b.timer, 0);
	assert_int_equal(wye_loop_turn(loop, 0), 0);
	assert_int_equal(a.calls, 1);
	assert_int_equal(b.calls, 0);
	wye_timer_free(a.timer);
}

static void arm_other(u64 missed, void *ctx)
{
	struct recorder *r = ctx;
	record(missed, ctx);
	wye_timer_at(r->other, r->calls < 3 ? 0 : UINT64_MAX);
	wye_timer_at(r->timer, 0);
}

static void timer_at__past_in_a_callback__waits_for_the_next_turn(void **state)
{
	struct wye_loop *loop = *state;
	struct recorder a = {0}, b = {0};
	a.timer = new_timer(loop, arm_other, &a);
	b.timer = new_timer(loop, record, &b);
	a.other = b.timer;
	wye_timer_at(a.timer, 0);
	for (unsigned turn = 1; turn <= 4; turn++) {
		assert_int_equal(wye_loop_turn(loop, -1), 1);
		assert_int_equal(a.calls, turn);
		assert_int_equal(b.calls, turn == 1 ? 0 : turn <= 3 ? turn - 1 : 2);
	}
	wye_timer_free(a.timer);
	wye_timer_free(b.timer);
}

static void timers__more_than_1024_due__the_rest_come_in_the_next_turn(void **state)
{
	struct wye_loop *loop = *state;
	struct recorder r = {0};
	enum { MANY = 1500 };
	static struct wye_timer *t[MANY];
	for (unsigned i = 0; i < MANY; i++) {
		t[i] = new_timer(loop, record, &r);
		wye_timer_at(t[i], i);
	}
	assert_int_equal(wye_loop_turn(loop, -1), 1);
	assert_int_equal(r.calls, 1024);
	wye_timer_stop(t[1400]); /* set aside already */
	assert_int_equal(wye_loop_turn(loop, -1), 0);
	assert_int_equal(r.calls, MANY - 1);
	for (unsigned i = 0; i < MANY; i++)
		wye_timer_free(t[i]);
}

static void timer_in__after_a_long_pause_outside__is_not_early(void **state)
{
	struct wye_loop *loop = *state;
	struct recorder r = {0};
	struct wye_timer *t = new_timer(loop, record, &r);
	assert_int_equal(wye_loop_turn(loop, 0), 0);
	u64 late = wyi_sys_now() + 10 * NS_PER_MS;
	watch_until(wyi_sys_now() >= late);
	assert_true(wye_loop_now(loop) >= late);
	wye_timer_in(t, 5);
	turn_until(loop, r.calls);
	assert_true(r.at >= late + 5 * NS_PER_MS);
	wye_timer_free(t);
}

static void loop_free__timer_exists__is_ebusy(void **state)
{
	struct wye_loop *loop = *state;
	struct wye_timer *t = new_timer(loop, record, NULL);
	assert_int_equal(wye_loop_free(loop), -EBUSY);
	wye_timer_free(t);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(timer_in__real_clock__is_never_early),
		TEST(timer_at__past__is_due_in_the_next_turn),
		TEST(timer_stop__armed__is_never_called),
		TEST(timer_at__end_of_time__is_never_due),
		TEST(timer_every__late_loop__merges_missed_ticks_and_keeps_the_grid),
		TEST(timer_every__zero__is_einval),
		TEST(timer_free__in_own_callback__is_legal),
		TEST(timer_free__of_another_due_one__is_not_called),
		TEST(timer_at__past_in_a_callback__waits_for_the_next_turn),
		TEST(timers__more_than_1024_due__the_rest_come_in_the_next_turn),
		TEST(timer_in__after_a_long_pause_outside__is_not_early),
		TEST(loop_free__timer_exists__is_ebusy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
