/* SPDX-License-Identifier: MIT */
/* A loop inside another one, which is poll() here. */
#include "turns.h"
#include <poll.h>
#include <stdio.h>

static char order[64];

static void stage(const char *name)
{
	size_t n = strlen(order);
	snprintf(order + n, sizeof(order) - n, "%s", name);
}

static void on_post(struct wye_task *task)
{
	(void)task;
	stage("p");
}

static bool on_flush(void *ctx)
{
	stage("f");
	return --*(int *)ctx > 0;
}

static bool readable(struct wye_loop *loop, int timeout_ms)
{
	struct pollfd p = {.fd = wye_loop_fd(loop), .events = POLLIN};
	return poll(&p, 1, timeout_ms) == 1;
}

static void count_due(u64 missed, void *ctx)
{
	(void)missed;
	++*(unsigned *)ctx;
}

static void embedded__timer__makes_the_fd_readable(void **state)
{
	struct wye_loop *loop = *state;
	struct wye_timer *t = NULL;
	unsigned calls = 0;
	assert_int_equal(wye_timer_new(loop, count_due, &calls, &t), 0);
	assert_false(readable(loop, 0));
	for (unsigned i = 1; i <= 3; i++) {
		u64 due = wye_loop_now(loop) + 3 * NS_PER_MS;
		assert_int_equal(wye_timer_at(t, due), 0);
		assert_true(readable(loop, 60000)); /* by the timer alone */
		assert_true(wye_loop_now(loop) >= due);
		assert_int_equal(wye_loop_turn(loop, 0), 0);
		assert_int_equal(calls, i);
		assert_false(readable(loop, 0));
	}
	wye_timer_at(t, 0);
	assert_true(readable(loop, 0));
	wye_timer_stop(t); /* a needless turn, and then quiet again */
	assert_int_equal(wye_loop_turn(loop, 0), 0);
	assert_false(readable(loop, 0));
	wye_timer_in(t, 60000);
	assert_false(readable(loop, 0));
	wye_timer_in(t, 1); /* nearer: set anew */
	assert_true(readable(loop, 60000));
	wye_timer_free(t);
}

static void embedded__posts_and_more_work__make_the_fd_readable(void **state)
{
	struct wye_loop *loop = *state;
	struct wye_task task = {.run = on_post}, early = {.run = on_post};
	int more = 2;
	order[0] = '\0';
	wye_post(loop, &early); /* before anybody asked for the fd */
	assert_true(readable(loop, 0));
	assert_int_equal(wye_loop_turn(loop, 0), 0);
	assert_false(readable(loop, 0));
	wye_post(loop, &task);
	assert_true(readable(loop, 0));
	assert_int_equal(wye_loop_turn(loop, 0), 0);
	assert_false(readable(loop, 0));
	wyi_loop_phase(loop, LOOP_FLUSH, on_flush, &more);
	wyi_loop_again(loop);
	assert_true(readable(loop, 0));
	assert_int_equal(wye_loop_turn(loop, 0), 1);
	assert_true(readable(loop, 0));
	assert_int_equal(wye_loop_turn(loop, 0), 0);
	assert_false(readable(loop, 0));
	assert_string_equal(order, "ppff");
}

static void *post_from_afar(void *arg)
{
	static struct wye_task task = {.run = on_post};
	wye_post(arg, &task);
	return NULL;
}

static void embedded__post_from_another_thread__makes_the_fd_readable(void **state)
{
	pthread_t thread;
	order[0] = '\0';
	assert_false(readable(*state, 0));
	assert_int_equal(wyi_sys_thread(&thread, post_from_afar, *state), 0);
	assert_true(readable(*state, 60000));
	pthread_join(thread, NULL);
	assert_int_equal(wye_loop_turn(*state, 0), 0);
	assert_string_equal(order, "p");
}

#define AFAR 3000u

struct afar {
	struct wye_task task;
	struct wye_loop *loop;
	atomic_uint ran;
};

static void count_run(struct wye_task *task)
{
	atomic_fetch_add(&container_of(task, struct afar, task)->ran, 1);
}

static void *post_often(void *arg)
{
	struct afar *a = arg;
	for (unsigned i = 0; i < AFAR; i++) {
		wye_post(a->loop, &a->task);
		watch_until(atomic_load(&a->ran) == i + 1);
	}
	return NULL;
}

/*
 * Each post comes about when the turn of the one before ends; one that is not seen, and poll()
 * waits for ever.
 */
static void embedded__posts_at_the_end_of_turns__none_is_missed(void **state)
{
	struct afar a = {.task.run = count_run, .loop = *state};
	pthread_t thread;
	assert_true(wye_loop_fd(a.loop) >= 0);
	assert_int_equal(wyi_sys_thread(&thread, post_often, &a), 0);
	while (atomic_load(&a.ran) < AFAR) {
		assert_true(readable(a.loop, 60000));
		assert_true(wye_loop_turn(a.loop, 0) >= 0);
	}
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(embedded__timer__makes_the_fd_readable),
		LOOP_TEST(embedded__posts_and_more_work__make_the_fd_readable),
		LOOP_TEST(embedded__post_from_another_thread__makes_the_fd_readable),
		LOOP_TEST(embedded__posts_at_the_end_of_turns__none_is_missed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
