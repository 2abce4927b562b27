/* SPDX-License-Identifier: MIT */
#include "turns.h"
#include <sys/resource.h>
#include <unistd.h>

struct seen {
	unsigned calls;
	int signo;
	struct wye_signal *signal;
};

static void see(int signo, void *ctx)
{
	struct seen *s = ctx;
	s->calls++;
	s->signo = signo;
}

static void see_and_free(int signo, void *ctx)
{
	struct seen *s = ctx;
	see(signo, ctx);
	wye_signal_free(s->signal);
}

static bool blocked(int signo)
{
	sigset_t set;
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, signo) == 1;
}

static void signal__raised__is_called_on_the_loop(void **state)
{
	struct seen s = {0};
	struct wye_loop *loop = *state;
	assert_int_equal(wye_signal_new(loop, SIGUSR1, see, &s, &s.signal), 0);
	for (unsigned i = 1; i <= 3; i++) {
		kill(getpid(), SIGUSR1);
		turn_until(loop, s.calls == i);
		assert_int_equal(s.signo, SIGUSR1);
	}
	assert_int_equal(wye_loop_turn(loop, 0), 0);
	assert_int_equal(s.calls, 3);
	assert_int_equal(wye_loop_free(loop), -EBUSY);
	wye_signal_free(s.signal);
}

static void signal__second_watcher__is_ebusy(void **state)
{
	struct seen s = {0};
	struct wye_signal *second = NULL;
	assert_int_equal(wye_signal_new(*state, SIGUSR1, see, &s, &s.signal), 0);
	assert_int_equal(wye_signal_new(*state, SIGUSR1, see, &s, &second), -EBUSY);
	assert_null(second);
	assert_true(blocked(SIGUSR1));
	assert_int_equal(wye_signal_new(*state, SIGUSR2, see, &s, &second), 0);
	wye_signal_free(second);
	wye_signal_free(s.signal);
	assert_int_equal(wye_signal_new(*state, SIGUSR1, see, &s, &second), 0);
	wye_signal_free(second);
	wye_signal_free(NULL);
}

static void signal_free__mask_is_as_it_was(void **state)
{
	struct seen s = {0};
	sigset_t set;
	assert_false(blocked(SIGUSR1));
	assert_int_equal(wye_signal_new(*state, SIGUSR1, see, &s, &s.signal), 0);
	assert_true(blocked(SIGUSR1));
	wye_signal_free(s.signal);
	assert_false(blocked(SIGUSR1));
	/* One that the program had blocked itself stays so. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	assert_int_equal(wye_signal_new(*state, SIGUSR1, see, &s, &s.signal), 0);
	wye_signal_free(s.signal);
	assert_true(blocked(SIGUSR1));
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void signal_free__in_own_callback__is_legal(void **state)
{
	struct seen s = {0};
	assert_int_equal(wye_signal_new(*state, SIGUSR1, see_and_free, &s, &s.signal), 0);
	kill(getpid(), SIGUSR1);
	turn_until(*state, s.calls == 1);
	assert_int_equal(wye_loop_turn(*state, 0), 0);
	assert_false(blocked(SIGUSR1));
}

static void signal__real_time_ones__each_is_called(void **state)
{
	struct seen s = {0};
	assert_int_equal(wye_signal_new(*state, SIGRTMIN, see, &s, &s.signal), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(sigqueue(getpid(), SIGRTMIN, (union sigval){0}), 0);
	turn_until(*state, s.calls == 5);
	wye_signal_free(s.signal);
}

static void signal_new__what_cannot_be_watched__is_einval(void **state)
{
	static const int wrong[] = {0, -1, SIGKILL, SIGSTOP, NSIG, 32, 1000};
	struct wye_signal *s = NULL;
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(wye_signal_new(*state, wrong[i], see, NULL, &s), -EINVAL);
	assert_int_equal(wye_signal_new(*state, SIGUSR1, NULL, NULL, &s), -EINVAL);
	assert_null(s);
}

static void signal_new__no_descriptor__leaves_the_mask_alone(void **state)
{
	struct wye_signal *s = NULL;
	struct rlimit before, none;
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int r = wye_signal_new(*state, SIGUSR1, see, NULL, &s);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(r, -EMFILE);
	assert_null(s);
	assert_false(blocked(SIGUSR1));
	assert_int_equal(wye_signal_new(*state, SIGUSR1, see, NULL, &s), 0);
	wye_signal_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(signal__raised__is_called_on_the_loop),
		LOOP_TEST(signal__second_watcher__is_ebusy),
		LOOP_TEST(signal_free__mask_is_as_it_was),
		LOOP_TEST(signal_free__in_own_callback__is_legal),
		LOOP_TEST(signal__real_time_ones__each_is_called),
		LOOP_TEST(signal_new__what_cannot_be_watched__is_einval),
		LOOP_TEST(signal_new__no_descriptor__leaves_the_mask_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
