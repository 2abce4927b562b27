/* SPDX-License-Identifier: MIT */
/* One feed, its readers by slot, and what their sockets get: for tests that say each step. */
#ifndef TESTS_FEED_FIXTURE_H
#define TESTS_FEED_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "feed/inner.h"

#define READERS 400u

static struct slab slab;
static struct feed_shared shared;
static struct feed *feed;
static int allocations_left = -1; /* < 0: no limit */

static bool no_memory(void)
{
	return allocations_left >= 0 && allocations_left-- == 0;
}

static void begin(struct feed_options options)
{
	u32 slot;

	allocations_left = -1;
	wyi_slab_init(&slab, sizeof(struct reader));
	for (u32 i = 0; i < READERS; i++)
		assert_int_equal(wyi_slab_take(&slab, &slot), 0);
	wyi_feed_shared_init(&shared, &slab, 0);
	shared.no_memory = no_memory;
	assert_int_equal(wyi_feed_new(&shared, &options, &feed), 0);
}

/*
 * A feed with readers 0 .. n-1. Segments have 256 bytes of room for each KiB of queue, up to 16
 * KiB.
 */
static inline void begin_with(u32 queue, u32 n)
{
	begin((struct feed_options){.queue = queue});
	for (u32 slot = 0; slot < n; slot++)
		assert_int_equal(wyi_feed_join(feed, slot), 0);
}

static inline struct reader *reader(u32 slot)
{
	return slab_at(&slab, slot);
}

static inline void end(void)
{
	allocations_left = -1;
	wyi_feed_check(feed);
	for (u32 slot = 0; slot < READERS; slot++)
		wyi_feed_leave(feed, slot, -1);
	wyi_feed_check(feed);
	wyi_feed_free(feed);
	assert_int_equal(shared.bytes, 0);
	wyi_feed_shared_deinit(&shared);
	wyi_slab_deinit(&slab);
}

static inline struct feed_stats stats(void)
{
	struct feed_stats s;

	wyi_feed_check(feed);
	wyi_feed_stats(feed, &s);
	return s;
}

static inline int put_from(const char *text, u32 src)
{
	struct unit u = {.body = (const u8 *)text, .len = (u32)strlen(text)};

	return wyi_feed_append(feed, &u, 1, src);
}

static inline void put(const char *text)
{
	assert_int_equal(put_from(text, U32_NONE), 0);
}

/* n messages of `size` bytes. */
static inline void put_many(u32 n, u32 size)
{
	static u8 bytes[1u << 20];
	struct unit u = {.body = bytes, .len = size};

	assert_true(size <= sizeof(bytes));
	while (n--)
		assert_int_equal(wyi_feed_append(feed, &u, 1, U32_NONE), 0);
}

static inline u32 copy_out(char *out, u32 size, const struct iovec *iov, u32 n)
{
	u32 used = 0;

	for (u32 i = 0; i < n; i++) {
		assert_true(used + iov[i].iov_len < size);
		if (iov[i].iov_len)
			memcpy(out + used, iov[i].iov_base, iov[i].iov_len);
		used += (u32)iov[i].iov_len;
	}
	out[used] = '\0';
	return used;
}

/* A pass: the live readers are offered `text`, and `n` of them there are. */
static inline void expect_chunk(const char *text, u32 n)
{
	char got[4096];
	struct iovec iov[FEED_DGRAMS];
	u32 slots[READERS], n_iov;

	(void)wyi_feed_pass(feed);
	assert_int_equal(wyi_feed_chunk(feed, iov, &n_iov, slots, READERS, NULL), n);
	copy_out(got, sizeof(got), iov, n_iov);
	assert_string_equal(got, text);
}

/* All live readers take all. */
static inline void send_live(void)
{
	struct iovec iov[FEED_DGRAMS];
	u32 slots[READERS], n_iov, n;

	while (wyi_feed_pass(feed)) {
		n = wyi_feed_chunk(feed, iov, &n_iov, slots, READERS, NULL);
		for (u32 i = 0; i < n; i++) {
			u64 whole = feed->datagram ? feed->to - feed->from
						   : feed->byte_to - feed->byte_from;

			assert_int_equal(wyi_feed_live_result(feed, slots[i], whole), 0);
		}
	}
	wyi_feed_trim(feed);
}

/* A DUE solo is offered `text`. Nothing is reported yet. */
static inline u32 expect_take(u32 slot, const char *text)
{
	char got[4096];
	struct iovec iov[FEED_IOVS];
	int n = wyi_feed_take(feed, slot, iov, UINT64_MAX);
	u32 bytes;

	assert_true(n >= 0);
	bytes = copy_out(got, sizeof(got), iov, (u32)n);
	assert_string_equal(got, text);
	return feed->datagram ? (u32)n : bytes;
}

/* It is offered `text` and takes all of it. */
static inline void send_solo(u32 slot, const char *text)
{
	u32 n = expect_take(slot, text);

	if (n)
		assert_int_equal(wyi_feed_done(feed, slot, n, false), 0);
	wyi_feed_trim(feed);
}

static inline bool is_live(u32 slot)
{
	return reader(slot)->at & 1;
}

static inline enum state state_of(u32 slot)
{
	assert_false(is_live(slot));
	return reader_solo(reader(slot))->state;
}

/* Its socket takes nothing: the reader stops where it is. */
static inline void stop(u32 slot)
{
	assert_int_equal(wyi_feed_live_result(feed, slot, 0), 0);
	assert_true(wyi_feed_is_waiting(feed, slot));
}

#endif
