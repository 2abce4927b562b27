/* SPDX-License-Identifier: MIT */
#include "turns.h"
#include <unistd.h>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define PER_THREAD 20000u
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define PER_THREAD 20000u
#endif
#endif
#ifndef PER_THREAD
#define PER_THREAD 100000u
#endif
#define THREADS	 4u
#define PINGPONG 10000u

/* -- many threads ------------------------------------------------------------------------------ */
struct numbered {
	struct wye_task task;
	unsigned thread, number;
};

static unsigned next_of[THREADS];
static u64 ran, turns;

static void in_order(struct wye_task *task)
{
	struct numbered *n = container_of(task, struct numbered, task);
	assert_int_equal(n->number, next_of[n->thread]);
	next_of[n->thread]++;
	ran++;
}

struct poster {
	struct wye_loop *loop;
	struct numbered *tasks;
};

static void *post_all(void *arg)
{
	struct poster *p = arg;
	for (unsigned i = 0; i < PER_THREAD; i++) {
		if (wye_post(p->loop, &p->tasks[i].task) != 0)
			return p; /* none was queued before */
	}
	return NULL;
}

static bool count_turn(void *ctx)
{
	(void)ctx;
	turns++;
	return false;
}

static void post__four_threads__each_once_and_in_order(void **state)
{
	struct wye_loop *loop = *state;
	struct poster posters[THREADS];
	pthread_t threads[THREADS];
	turns = 0;
	wyi_loop_phase(loop, LOOP_SETTLE, count_turn, NULL);
	for (unsigned t = 0; t < THREADS; t++) {
		posters[t] = (struct poster){loop, calloc(PER_THREAD, sizeof(struct numbered))};
		for (unsigned i = 0; i < PER_THREAD; i++) {
			posters[t].tasks[i].task.run = in_order;
			posters[t].tasks[i].thread = t;
			posters[t].tasks[i].number = i;
		}
		assert_int_equal(wyi_sys_thread(&threads[t], post_all, &posters[t]), 0);
	}
	turn_until(loop, ran == (u64)THREADS * PER_THREAD);
	for (unsigned t = 0; t < THREADS; t++) {
		void *failed;
		pthread_join(threads[t], &failed);
		assert_null(failed);
		assert_int_equal(next_of[t], PER_THREAD);
		free(posters[t].tasks);
	}
	assert_int_equal(wye_loop_turn(loop, 0), 0);
	assert_true(loop->wakes <= turns); /* at most one per sleep */
}

/* -- one task ---------------------------------------------------------------------------------- */
struct counted {
	struct wye_task task;
	struct wye_loop *loop;
	unsigned runs, again;
	int posted_again;
};

static void count(struct wye_task *task)
{
	struct counted *c = container_of(task, struct counted, task);
	c->runs++;
	if (c->again) {
		c->again--;
		c->posted_again = wye_post(c->loop, task);
	}
}

static void post__queued_already__answers_one_and_runs_once(void **state)
{
	struct wye_loop *loop = *state;
	struct counted c = {.task.run = count, .loop = loop};
	assert_int_equal(wye_post(loop, &c.task), 0);
	assert_int_equal(wye_post(loop, &c.task), 1);
	assert_int_equal(wye_loop_turn(loop, -1), 0);
	assert_int_equal(c.runs, 1);
	assert_int_equal(wye_post(loop, &c.task), 0);
	assert_int_equal(wye_loop_turn(loop, -1), 0);
	assert_int_equal(c.runs, 2);
}

static void post__from_its_own_run__runs_in_the_next_turn(void **state)
{
	struct wye_loop *loop = *state;
	struct counted c = {.task.run = count, .loop = loop, .again = 2, .posted_again = 9};
	wye_post(loop, &c.task);
	for (unsigned turn = 1; turn <= 3; turn++) {
		assert_int_equal(wye_loop_turn(loop, -1), turn < 3);
		assert_int_equal(c.runs, turn);
	}
	assert_int_equal(c.posted_again, 0);
	assert_int_equal(loop->wakes, 0); /* the loop was awake all the time */
}

static void free_itself(struct wye_task *task)
{
	free(container_of(task, struct counted, task));
	ran++;
}

static void post__task_freed_in_its_run__is_legal(void **state)
{
	struct wye_loop *loop = *state;
	ran = 0;
	for (unsigned i = 0; i < 3; i++) {
		struct counted *c = calloc(1, sizeof(*c));
		c->task.run = free_itself;
		wye_post(loop, &c->task);
	}
	assert_int_equal(wye_loop_turn(loop, 0), 0);
	assert_int_equal(ran, 3);
}

static void posts__more_than_1024__the_rest_run_in_the_next_turn(void **state)
{
	struct wye_loop *loop = *state;
	enum { MANY = 1500 };
	static struct numbered n[MANY + 10];
	next_of[0] = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(n); i++)
		n[i] = (struct numbered){.task.run = in_order, .number = i};
	for (unsigned i = 0; i < MANY; i++)
		wye_post(loop, &n[i].task);
	assert_int_equal(wye_loop_turn(loop, -1), 1);
	assert_int_equal(next_of[0], 1024);
	for (unsigned i = MANY; i < MANY + 10; i++) /* behind those that were left over */
		assert_int_equal(wye_post(loop, &n[i].task), 0);
	assert_int_equal(wye_post(loop, &n[MANY - 1].task), 1);
	assert_int_equal(wye_loop_turn(loop, -1), 0);
	assert_int_equal(next_of[0], MANY + 10);
	assert_int_equal(loop->wakes, 0);
}

static void loop_free__posts_wait__tasks_are_their_owners_again(void **state)
{
	struct wye_loop *loop = new_loop();
	struct counted c[3] = {{.runs = 0}};
	for (unsigned i = 0; i < 3; i++) {
		c[i].task.run = count;
		wye_post(loop, &c[i].task);
	}
	assert_int_equal(wye_loop_free(loop), 0);
	loop = *state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(wye_post(loop, &c[i].task), 0);
	wye_loop_turn(loop, 0);
	assert_int_equal(c[2].runs, 1);
}

/* -- waking ------------------------------------------------------------------------------------ */
struct player {
	struct wye_task task;
	struct wye_loop *own, *other;
	struct player *opponent;
	unsigned left;
};

static void play(struct wye_task *task)
{
	struct player *p = container_of(task, struct player, task);
	if (p->left == 0) {
		wye_loop_stop(p->own);
		wye_loop_stop(p->other);
		return;
	}
	p->left--;
	wye_post(p->other, &p->opponent->task);
}

static void *run_loop(void *loop)
{
	return wye_loop_run(loop) == 0 ? NULL : loop;
}

/* Each loop sleeps until the other one's post; one lost wake-up, and both sleep for ever. */
static void post__ping_pong__no_wake_up_is_lost(void **state)
{
	struct wye_loop *a = *state, *b = new_loop();
	struct player one = {.task.run = play, .own = a, .other = b, .left = PINGPONG};
	struct player two = {.task.run = play, .own = b, .other = a, .left = PINGPONG};
	pthread_t thread;
	void *failed;
	one.opponent = &two;
	two.opponent = &one;
	assert_int_equal(wyi_sys_thread(&thread, run_loop, b), 0);
	wye_post(a, &one.task);
	alarm(120); /* instead of hanging */
	assert_int_equal(wye_loop_run(a), 0);
	pthread_join(thread, &failed);
	alarm(0);
	assert_null(failed);
	assert_int_equal(one.left + two.left, 0);
	assert_true(a->wakes <= PINGPONG + 2 && b->wakes <= PINGPONG + 2);
	assert_int_equal(wye_loop_free(b), 0);
}

static void *post_to_sleeper(void *arg)
{
	struct counted *c = arg;
	watch_until(atomic_load(&c[0].loop->asleep));
	for (unsigned i = 0; i < 100; i++)
		wye_post(c[0].loop, &c[i].task);
	return NULL;
}

static void post__sleeping_loop__is_woken_once_per_sleep(void **state)
{
	struct wye_loop *loop = *state;
	static struct counted c[100];
	unsigned runs = 0;
	pthread_t thread;
	turns = 0;
	wyi_loop_phase(loop, LOOP_SETTLE, count_turn, NULL);
	for (unsigned i = 0; i < 100; i++)
		c[i] = (struct counted){.task.run = count, .loop = loop};
	assert_int_equal(wyi_sys_thread(&thread, post_to_sleeper, c), 0);
	turn_until(loop, c[99].runs);
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < 100; i++)
		runs += c[i].runs;
	assert_int_equal(runs, 100);
	wye_loop_turn(loop, 0);
	assert_in_range(loop->wakes, 1, turns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(post__four_threads__each_once_and_in_order),
		LOOP_TEST(post__queued_already__answers_one_and_runs_once),
		LOOP_TEST(post__from_its_own_run__runs_in_the_next_turn),
		LOOP_TEST(post__task_freed_in_its_run__is_legal),
		LOOP_TEST(posts__more_than_1024__the_rest_run_in_the_next_turn),
		LOOP_TEST(loop_free__posts_wait__tasks_are_their_owners_again),
		LOOP_TEST(post__ping_pong__no_wake_up_is_lost),
		LOOP_TEST(post__sleeping_loop__is_woken_once_per_sleep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
