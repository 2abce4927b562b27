/* SPDX-License-Identifier: MIT */
/* What a feed may own, and that its numbers wrap where they may. */
#include "fixture.h"

static void segments__much_within_a_pass__they_grow(void **unused)
{
	(void)unused;
	begin_with(1u << 20, 1);
	put_many(150, 100);
	assert_int_equal(seg_at(feed, feed->tail)->cap, 4096 - sizeof(struct segment));
	assert_int_equal(seg_head(feed)->cap, 16384 - sizeof(struct segment));
	put_many(650, 100);
	assert_int_equal(seg_head(feed)->cap, 69632 - sizeof(struct segment));
	assert_int_equal(feed->next - feed->tail, 3);
	send_live();
	assert_int_equal(shared.bytes, 0);
	for (u32 i = 0; i < SIZES; i++)
		assert_non_null(shared.spare[i]); /* one of each lies ready */
	allocations_left = 1;			  /* for the ring or a record; not needed */
	put_many(600, 100);
	assert_int_equal(allocations_left, 1);
	end();
}

static void segments__little_again__they_get_small(void **unused)
{
	(void)unused;
	begin_with(1u << 20, 1);
	put_many(800, 100);
	send_live();
	assert_int_equal(feed->size, SIZE_68K);
	put_many(1, 100);
	send_live();
	put_many(1, 100);
	send_live();
	assert_int_equal(feed->size, SIZE_4K);
	end();
}

static void segments__small_queue__none_over_a_quarter(void **unused)
{
	(void)unused;
	for (u32 queue = 1024; queue <= 1u << 19; queue *= 2) {
		begin_with(queue, 1);
		put_many(queue / 40, 32);
		for (u32 i = feed->tail; i != feed->next; i++)
			assert_true(seg_at(feed, i)->cap <= queue / 4);
		end();
	}
}

static void segments__a_large_message__one_of_its_own(void **unused)
{
	(void)unused;
	begin_with(1u << 20, 1);
	put_many(1, 300000);
	assert_int_equal(seg_head(feed)->cap, 300008);
	put_many(1, 100);
	assert_int_equal(feed->next - feed->tail, 2);
	send_live();
	assert_int_equal(stats().written_bytes, 300100);
	end();
}

static void pass__many_segments__16_at_most(void **unused)
{
	struct iovec iov[FEED_IOVS];
	u32 slots[1], n_iov;

	(void)unused;
	begin_with(1024, 1);
	put_many(20 * 8, 24);
	assert_int_equal(feed->next - feed->tail, 20);
	assert_true(wyi_feed_pass(feed));
	assert_int_equal(wyi_feed_chunk(feed, iov, &n_iov, slots, 1, NULL), 1);
	assert_int_equal(n_iov, 16);
	assert_int_equal(feed->to, 16 * 8);
	send_live();
	assert_int_equal(stats().written, 160);
	end();
}

static void ring__its_indices_wrap__nothing_is_noticed(void **unused)
{
	(void)unused;
	begin_with(1024, 2);
	feed->tail = feed->next = UINT32_MAX - 2;
	put_many(8, 24);
	(void)wyi_feed_pass(feed);
	stop(0);
	send_live();
	put_many(6 * 8, 24);
	assert_true(feed->next < feed->tail);
	wyi_feed_check(feed);
	send_live();
	wyi_feed_ready(feed, 0);
	assert_int_equal(stats().written, 56);
	end();
}

static void ring__was_large__is_given_back(void **unused)
{
	(void)unused;
	begin_with(1024, 1);
	put_many(100 * 8, 24);
	assert_int_equal(feed->mask, 127);
	send_live();
	assert_int_equal(feed->mask, RING_SMALL - 1);
	end();
}

static void readers__many_come_and_go__live_shrinks(void **unused)
{
	(void)unused;
	begin_with(1024, READERS);
	assert_true(feed->live_cap >= READERS);
	put("a");
	for (u32 slot = 0; slot < READERS; slot += 3)
		assert_int_equal(put_from("b", slot), 0);
	send_live();
	wyi_feed_check(feed);
	for (u32 slot = 10; slot < READERS; slot++)
		wyi_feed_leave(feed, slot, -1);
	wyi_feed_check(feed);
	assert_true(feed->live_cap <= 64);
	end();
}

static void solos__many_end__few_are_kept(void **unused)
{
	(void)unused;
	begin_with(1u << 20, READERS);
	put("a");
	(void)wyi_feed_pass(feed);
	for (u32 slot = 0; slot < READERS; slot++)
		stop(slot);
	for (u32 slot = 0; slot < READERS; slot++)
		wyi_feed_leave(feed, slot, -1);
	assert_int_equal(shared.n_free_solos, 256);
	end();
}

static void append__too_big__refused_at_the_door(void **unused)
{
	struct unit units[2] = {{.body = (const u8 *)"", .len = (1u << 30) + 1},
				{.body = (const u8 *)"a", .len = 1}};

	(void)unused;
	begin_with(1024, 2);
	assert_int_equal(wyi_feed_append(feed, units, 2, U32_NONE), 0);
	assert_int_equal(stats().dropped[WYE_DROP_TOO_BIG], 2);
	expect_chunk("a", 2);
	end();
}

static void shared_deinit__never_begun_or_twice__nothing(void **unused)
{
	struct feed_shared none = {0};

	(void)unused;
	wyi_feed_shared_deinit(&none);
	wyi_feed_free(NULL);
	begin_with(1024, 1);
	end();
	wyi_feed_shared_deinit(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments__much_within_a_pass__they_grow),
		cmocka_unit_test(segments__little_again__they_get_small),
		cmocka_unit_test(segments__small_queue__none_over_a_quarter),
		cmocka_unit_test(segments__a_large_message__one_of_its_own),
		cmocka_unit_test(pass__many_segments__16_at_most),
		cmocka_unit_test(ring__its_indices_wrap__nothing_is_noticed),
		cmocka_unit_test(ring__was_large__is_given_back),
		cmocka_unit_test(readers__many_come_and_go__live_shrinks),
		cmocka_unit_test(solos__many_end__few_are_kept),
		cmocka_unit_test(append__too_big__refused_at_the_door),
		cmocka_unit_test(shared_deinit__never_begun_or_twice__nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
