/* SPDX-License-Identifier: MIT */
/* Whose a loop is: threads, stopping from outside, forked children. */
#include "turns.h"
#include <sys/wait.h>
#include <unistd.h>

static void never(struct wye_task *task)
{
	(void)task;
}

static void *stop_sleeper(void *arg)
{
	struct wye_loop *loop = arg;
	watch_until(atomic_load(&loop->asleep));
	wye_loop_stop(loop);
	return NULL;
}

static void stop__from_another_thread__ends_the_run(void **state)
{
	pthread_t thread;
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(wyi_sys_thread(&thread, stop_sleeper, *state), 0);
		assert_int_equal(wye_loop_run(*state), 0);
		pthread_join(thread, NULL);
	}
}

static void *stop_at_once(void *loop)
{
	wye_loop_stop(loop);
	return NULL;
}

/*
 * The stopper is joined only after the loop was freed: it must not look at the loop any more by
 * then.
 */
static void stop__loop_freed_at_once__is_safe(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		struct wye_loop *loop = new_loop();
		pthread_t thread;
		assert_int_equal(wyi_sys_thread(&thread, stop_at_once, loop), 0);
		assert_int_equal(wye_loop_run(loop), 0);
		assert_int_equal(wye_loop_free(loop), 0);
		pthread_join(thread, NULL);
	}
}

static void stop__before_the_run__ends_it_at_once(void **state)
{
	wye_loop_stop(*state);
	assert_int_equal(wye_loop_run(*state), 0);
	wye_loop_stop(*state);
	assert_int_equal(wye_loop_turn(*state, -1), 0); /* does not sleep either */
}

struct stranger {
	struct wye_loop *loop;
	struct wye_timer *timer;
	struct wye_signal *signal;
};

static void ignore_due(u64 missed, void *ctx)
{
	(void)missed;
	(void)ctx;
}

static void ignore_signal(int signo, void *ctx)
{
	(void)signo;
	(void)ctx;
}

static void *misuse_outside(void *arg)
{
	struct stranger *s = arg;
	struct wye_timer *t;
	struct wye_signal *g;
	static const char *wrong = "wrong";
	if (wyi_loop_check(s->loop) != WYE_ETHREAD || wye_loop_turn(s->loop, 0) != WYE_ETHREAD ||
	    wye_loop_run(s->loop) != WYE_ETHREAD || wye_loop_free(s->loop) != WYE_ETHREAD ||
	    wye_loop_fd(s->loop) != WYE_ETHREAD)
		return (void *)wrong;
	if (wye_timer_new(s->loop, ignore_due, NULL, &t) != WYE_ETHREAD ||
	    wye_timer_at(s->timer, 0) != WYE_ETHREAD || wye_timer_in(s->timer, 0) != WYE_ETHREAD ||
	    wye_timer_every(s->timer, 1) != WYE_ETHREAD ||
	    wye_timer_stop(s->timer) != WYE_ETHREAD ||
	    wye_signal_new(s->loop, SIGUSR2, ignore_signal, NULL, &g) != WYE_ETHREAD)
		return (void *)wrong;
	wye_timer_free(s->timer); /* nothing, as it cannot say so */
	wye_signal_free(s->signal);
	return NULL;
}

static void another_thread__is_ethread(void **state)
{
	struct stranger s = {.loop = *state};
	pthread_t thread;
	void *wrong;
	assert_int_equal(wye_timer_new(s.loop, ignore_due, NULL, &s.timer), 0);
	assert_int_equal(wye_signal_new(s.loop, SIGUSR1, ignore_signal, NULL, &s.signal), 0);
	assert_int_equal(wye_loop_turn(s.loop, 0), 0);
	assert_int_equal(wyi_sys_thread(&thread, misuse_outside, &s), 0);
	pthread_join(thread, &wrong);
	assert_null(wrong);
	assert_int_equal(atomic_load(&s.loop->users), 2);
	wye_timer_free(s.timer);
	wye_signal_free(s.signal);
}

static void *run_it(void *loop)
{
	return wye_loop_run(loop) == 0 ? NULL : loop;
}

static void thread__that_runs_it_owns_it__until_the_run_ends(void **state)
{
	struct wye_loop *loop = *state;
	struct wye_timer *t = NULL;
	pthread_t thread;
	void *failed;
	/* The maker may prepare it before the first turn, another thread run it. */
	assert_int_equal(wye_timer_new(loop, ignore_due, NULL, &t), 0);
	assert_int_equal(wyi_sys_thread(&thread, run_it, loop), 0);
	watch_until(atomic_load(&loop->asleep));
	assert_int_equal(wye_timer_in(t, 1), WYE_ETHREAD);
	assert_int_equal(wye_loop_run(loop), WYE_ETHREAD);
	wye_loop_stop(loop);
	pthread_join(thread, &failed);
	assert_null(failed);
	wye_timer_free(t);
	assert_int_equal(atomic_load(&loop->users), 0);
}

static void child__after_fork__is_echild(void **state)
{
	struct wye_loop *loop = *state;
	struct wye_timer *t = NULL, *other;
	struct wye_task task = {.run = never};
	int status;
	assert_int_equal(wye_timer_new(loop, ignore_due, NULL, &t), 0);
	assert_true(wye_loop_fd(loop) >=
		    0); /* asleep: a post would write to the parent's eventfd */
	pid_t pid = fork();
	if (pid == 0) {
		int ok = wye_loop_turn(loop, 0) == -ECHILD && wye_loop_run(loop) == -ECHILD &&
			 wye_timer_in(t, 1) == -ECHILD && wye_loop_free(loop) == -ECHILD &&
			 wye_timer_new(loop, ignore_due, NULL, &other) == -ECHILD;
		wye_post(loop, &task);
		wye_timer_free(t);
		/* Its own loops work. */
		struct wye_loop *own;
		ok = ok && wye_loop_new(NULL, &own) == 0 && wye_loop_turn(own, 0) == 0 &&
		     wye_loop_free(own) == 0;
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(wye_loop_turn(loop, 0), 0);
	assert_int_equal(loop->wakes, 0);
	wye_timer_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(stop__from_another_thread__ends_the_run),
		cmocka_unit_test(stop__loop_freed_at_once__is_safe),
		LOOP_TEST(stop__before_the_run__ends_it_at_once),
		LOOP_TEST(another_thread__is_ethread),
		LOOP_TEST(thread__that_runs_it_owns_it__until_the_run_ends),
		LOOP_TEST(child__after_fork__is_echild),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
