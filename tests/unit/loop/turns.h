/* SPDX-License-Identifier: MIT */
/* What tests of loops share: cmocka, and waiting for a claim with a deadline, never for a time. */
#ifndef TURNS_H
#define TURNS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include "loop/inner.h"

#define PATIENCE (60 * NS_PER_S) /* a machine under a sanitizer and other load */

/* Turns the loop until the claim holds. */
#define turn_until(loop, claim)                                                                    \
	do {                                                                                       \
		u64 deadline_ = wyi_sys_now() + PATIENCE;                                          \
		while (!(claim)) {                                                                 \
			int r_ = wye_loop_turn(loop, 100);                                         \
			assert_true(r_ >= 0);                                                      \
			assert_true(wyi_sys_now() < deadline_);                                    \
		}                                                                                  \
	} while (0)

/* Watches until the claim, which another thread makes true, holds. */
#define watch_until(claim)                                                                         \
	do {                                                                                       \
		u64 deadline_ = wyi_sys_now() + PATIENCE;                                          \
		while (!(claim)) {                                                                 \
			assert_true(wyi_sys_now() < deadline_);                                    \
			sched_yield();                                                             \
		}                                                                                  \
	} while (0)

static inline struct wye_loop *new_loop(void)
{
	struct wye_loop *loop = NULL;
	assert_int_equal(wye_loop_new(NULL, &loop), 0);
	return loop;
}

static inline int setup_loop(void **state)
{
	*state = new_loop();
	return 0;
}
static inline int teardown_loop(void **state)
{
	return wye_loop_free(*state);
}
/* A test with a loop of its own: *state. */
#define LOOP_TEST(test) cmocka_unit_test_setup_teardown(test, setup_loop, teardown_loop)

#endif
