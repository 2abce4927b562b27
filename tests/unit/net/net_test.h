/* SPDX-License-Identifier: MIT */
/*
 * What the tests of this folder share: URLs, a scratch directory, turns of a loop until something
 * happens.
 */
#ifndef NET_TEST_H
#define NET_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "net/net.h"

#define DEADLINE_MS 20000
#define DEADLINE_NS (DEADLINE_MS * NS_PER_MS)

static inline struct url ip_url(enum scheme scheme, const char *host, u16 port)
{
	struct url url = {.scheme = scheme, .port = port, .unsent = 65536};

	snprintf(url.host, sizeof(url.host), "%s", host);
	return url;
}

static inline struct url path_url(enum scheme scheme, const char *path)
{
	struct url url = {.scheme = scheme};

	snprintf(url.path, sizeof(url.path), "%s", path);
	return url;
}

static char scratch[64];

static inline int make_scratch(void **state)
{
	(void)state;
	snprintf(scratch, sizeof(scratch), "/tmp/net-test-XXXXXX");
	return mkdtemp(scratch) ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline int remove_scratch(void **state)
{
	(void)state;
	return nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* In the scratch directory. */
static inline const char *in_scratch(const char *name)
{
	static char path[4][128];
	static unsigned next;
	char *to = path[next++ % ARRAY_SIZE(path)];

	snprintf(to, sizeof(path[0]), "%s/%s", scratch, name);
	return to;
}

static inline bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static inline void turn_until(struct wye_loop *loop, const bool *done)
{
	u64 end = wyi_sys_now() + DEADLINE_NS;

	while (!*done) {
		assert_true(wye_loop_turn(loop, 100) >= 0);
		assert_true(wyi_sys_now() < end);
	}
}

/* Turns until nothing uses the loop any more. */
static inline void free_loop(struct wye_loop *loop)
{
	u64 end = wyi_sys_now() + DEADLINE_NS;

	while (wye_loop_free(loop) == -EBUSY) {
		assert_true(wye_loop_turn(loop, 100) >= 0);
		assert_true(wyi_sys_now() < end);
	}
}

static inline short wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
	return p.revents;
}

#define assert_contains(text, part)                                                                \
	do {                                                                                       \
		if (!strstr(text, part))                                                           \
			fail_msg("\"%s\" lacks \"%s\"", text, part);                               \
	} while (0)

#endif
