/* SPDX-License-Identifier: MIT */
/* Datagram feeds: results count messages, and a refusal is the endpoint's. */
#include "fixture.h"

static void begin_dgram(u32 queue, u32 n)
{
	begin((struct feed_options){.queue = queue, .datagram = true});
	for (u32 slot = 0; slot < n; slot++)
		assert_int_equal(wyi_feed_join(feed, slot), 0);
}

/* The next reader, and how many messages of the range it has got. */
static u32 next_skip(u32 slot)
{
	struct iovec iov[FEED_DGRAMS];
	u32 slots[READERS], n_iov, skip,
		n = wyi_feed_chunk(feed, iov, &n_iov, slots, READERS, &skip);

	assert_true(n > 0);
	assert_int_equal(slots[0], slot);
	return skip;
}

/* Messages 0, 1, 2; reader 0 gets all, 1 gets two of them, then the endpoint is full. */
static void fill_in_the_middle(u32 readers)
{
	begin_dgram(1024, readers);
	put("a");
	put("bb");
	put("ccc");
	expect_chunk("abbccc", readers);
	assert_int_equal(wyi_feed_live_result(feed, 0, 3), 0);
	assert_int_equal(wyi_feed_live_result(feed, 1, 2), 0);
	wyi_feed_blocked(feed, true);
	assert_false(wyi_feed_due(feed));
}

static void chunk__one_iovec_a_message__empty_ones_too(void **unused)
{
	struct iovec iov[FEED_DGRAMS];
	u32 slots[READERS], n_iov, skip;

	(void)unused;
	begin_dgram(1024, 1);
	put("a");
	put("");
	put("ccc");
	assert_true(wyi_feed_pass(feed));
	assert_int_equal(wyi_feed_chunk(feed, iov, &n_iov, slots, READERS, &skip), 1);
	assert_int_equal(n_iov, 3);
	assert_int_equal(skip, 0);
	assert_int_equal(iov[1].iov_len, 0);
	assert_int_equal(wyi_feed_live_result(feed, 0, 3), 0);
	assert_int_equal(stats().written, 3);
	assert_int_equal(stats().written_bytes, 4);
	end();
}

static void pass__many_messages__64_at_most(void **unused)
{
	(void)unused;
	begin_dgram(1u << 20, 1);
	put_many(100, 1);
	(void)wyi_feed_pass(feed);
	assert_int_equal(feed->to, 64);
	assert_int_equal(wyi_feed_live_result(feed, 0, 64), 0);
	(void)wyi_feed_pass(feed);
	assert_int_equal(feed->to, 100);
	end();
}

static void live_result__endpoint_full__the_pass_goes_on_where_it_was(void **unused)
{
	(void)unused;
	fill_in_the_middle(3);
	assert_true(is_live(1));
	assert_int_equal(wyi_feed_written(feed, 1), 2);
	assert_int_equal(stats().waiting, 4);
	assert_int_equal(stats().written_bytes, 9);
	wyi_feed_blocked(feed, false);
	assert_true(wyi_feed_pass(feed));
	assert_int_equal(next_skip(1), 2);
	assert_int_equal(wyi_feed_live_result(feed, 1, 3), 0);
	assert_int_equal(next_skip(2), 0);
	assert_int_equal(wyi_feed_live_result(feed, 2, 3), 0);
	assert_int_equal(stats().written, 9);
	assert_int_equal(stats().written_bytes, 18);
	end();
}

static void join_and_leave__in_a_partly_served_range__it_stays_the_next(void **unused)
{
	(void)unused;
	fill_in_the_middle(5);
	assert_int_equal(wyi_feed_join(feed, 5), 0);
	wyi_feed_leave(feed, 0, -1);
	wyi_feed_leave(feed, 3, -1);
	assert_int_equal(stats().lost, 3);
	wyi_feed_blocked(feed, false);
	assert_int_equal(next_skip(1), 2);
	end();
}

static void leave__of_the_partly_served__the_next_begins_at_the_start(void **unused)
{
	(void)unused;
	fill_in_the_middle(3);
	wyi_feed_leave(feed, 1, -1);
	assert_int_equal(stats().lost, 1);
	wyi_feed_blocked(feed, false);
	assert_int_equal(next_skip(2), 0);
	end();
}

static void append__from_the_partly_served__it_goes_on_alone(void **unused)
{
	(void)unused;
	fill_in_the_middle(3);
	assert_int_equal(put_from("mine", 1), 0);
	wyi_feed_blocked(feed, false);
	assert_int_equal(next_skip(2), 0);
	assert_int_equal(expect_take(1, "ccc"), 1);
	assert_int_equal(wyi_feed_done(feed, 1, 1, false), 0);
	assert_int_equal(wyi_feed_written(feed, 1), 3);
	end();
}

static void blocked__over_the_queue__the_oldest_is_given_up_and_all_jump_together(void **unused)
{
	(void)unused;
	begin_dgram(1024, 3); /* segments of 256: 8 messages of 24 + 8 */
	put_many(2, 24);
	(void)wyi_feed_pass(feed);
	assert_int_equal(wyi_feed_live_result(feed, 0, 2), 0);
	assert_int_equal(wyi_feed_live_result(feed, 1, 1), 0);
	wyi_feed_blocked(feed, true);
	put_many(78, 24);
	assert_int_equal(stats().used, 1024);
	assert_true(wyi_feed_room(feed, false, 0, 0)); /* nothing is shut */
	assert_int_equal(stats().overdue, 46 + 47 + 48);
	wyi_feed_blocked(feed, false);
	assert_int_equal(stats().overdue, 0);
	assert_int_equal(reader(0)->dropped, 62); /* 80 fed, the newest 16 are half */
	assert_int_equal(reader(1)->dropped, 63);
	assert_int_equal(reader(2)->dropped, 64);
	assert_int_equal(stats().dropped[WYE_DROP_FULL], 189);
	assert_true(wyi_feed_pass(feed));
	send_live();
	assert_int_equal(wyi_feed_written(feed, 0), 18);
	assert_int_equal(wyi_feed_written(feed, 1), 17);
	assert_int_equal(wyi_feed_written(feed, 2), 16);
	end();
}

static void blocked__only_from_was_given_up__those_go_on_at_to_at_most(void **unused)
{
	(void)unused;
	begin_dgram(1024, 2);
	put_many(20, 24);
	(void)wyi_feed_pass(feed);
	assert_int_equal(wyi_feed_live_result(feed, 0, 20), 0);
	assert_int_equal(wyi_feed_live_result(feed, 1, 9), 0);
	wyi_feed_blocked(feed, true);
	put_many(16, 24);		      /* 36 of 32: the first segment goes */
	assert_int_equal(stats().overdue, 0); /* reader 1 has got these 8 */
	put_many(8, 24);
	assert_int_equal(stats().overdue, 7);
	wyi_feed_blocked(feed, false);
	assert_int_equal(reader(0)->dropped, 0);
	assert_int_equal(reader(1)->dropped, 11); /* the newest half begins after `to` = 20 */
	assert_int_equal(feed->done, 2);
	send_live();
	assert_int_equal(wyi_feed_written(feed, 0), 44);
	assert_int_equal(wyi_feed_written(feed, 1), 33);
	end();
}

static void blocked__kept_for_a_source__nothing_is_given_up(void **unused)
{
	(void)unused;
	begin_dgram(1024, 2);
	wyi_feed_keep(feed, UINT64_MAX);
	wyi_feed_blocked(feed, true);
	put_many(40, 24);
	assert_int_equal(stats().used, 40 * 32);
	assert_false(wyi_feed_room(feed, true, 0, 0));
	wyi_feed_blocked(feed, false);
	send_live();
	assert_int_equal(stats().written, 80);
	end();
}

static void blocked__said_before_the_results__nothing_is_freed_under_them(void **unused)
{
	(void)unused;
	begin_dgram(1024, 2);
	put_many(40, 24); /* over the queue: the loop was late */
	(void)wyi_feed_pass(feed);
	wyi_feed_blocked(feed, true);
	assert_int_equal(stats().used, 40 * 32);
	assert_int_equal(wyi_feed_live_result(feed, 0, 3), 0);
	wyi_feed_trim(feed);
	assert_int_equal(stats().used, 1024);
	assert_int_equal(stats().overdue, 5 + 8);
	wyi_feed_blocked(feed, false);
	assert_int_equal(stats().dropped[WYE_DROP_FULL], 21 + 24);
	assert_int_equal(wyi_feed_written(feed, 0), 3);
	end();
}

static void solo__endpoint_full__waits_and_all_are_woken(void **unused)
{
	(void)unused;
	begin_dgram(1024, 2);
	assert_int_equal(put_from("own", 0), 0);
	assert_int_equal(put_from("own", 1), 0);
	put("a");
	put("b");
	(void)wyi_feed_pass(feed);
	assert_int_equal(expect_take(0, "ownab"), 3);
	assert_int_equal(wyi_feed_done(feed, 0, 1, true), 0);
	wyi_feed_wait(feed, 1);
	wyi_feed_blocked(feed, true);
	assert_int_equal(stats().wait, 2);
	wyi_feed_blocked(feed, false);
	wyi_feed_ready_all(feed);
	assert_int_equal(stats().wait, 0);
	send_solo(0, "ab");
	send_solo(1, "ownab");
	assert_int_equal(stats().live, 2);
	end();
}

static void take__private_datagram__goes_alone(void **unused)
{
	(void)unused;
	begin_dgram(1024, 1);
	put("a");
	assert_int_equal(wyi_feed_aside(feed, 0, FEED_PRIVATE, "pp", 2, 0), 0);
	assert_int_equal(wyi_feed_aside(feed, 0, FEED_PRIVATE, "", 0, 0), 0);
	put("b");
	(void)wyi_feed_pass(feed);
	assert_int_equal(expect_take(0, "a"), 1);
	assert_false(wyi_feed_takes_private(feed, 0));
	assert_int_equal(wyi_feed_done(feed, 0, 1, false), 0);
	assert_int_equal(expect_take(0, "pp"), 1);
	assert_true(wyi_feed_takes_private(feed, 0));
	assert_int_equal(wyi_feed_done(feed, 0, 1, false), 0);
	send_solo(0, "");
	send_solo(0, "b");
	assert_int_equal(wyi_feed_written(feed, 0), 2);
	assert_true(is_live(0));
	end();
}

static void drop__reported_as_taken__written_becomes_dropped(void **unused)
{
	(void)unused;
	begin_dgram(1024, 2);
	put("a");
	put("bb");
	(void)wyi_feed_pass(feed);
	assert_int_equal(wyi_feed_live_result(feed, 0, 2), 0);
	wyi_feed_drop(feed, 0, 1, 2, WYE_DROP_UNREACHABLE);
	assert_int_equal(wyi_feed_written(feed, 0), 1);
	assert_int_equal(reader(0)->dropped, 1);
	assert_int_equal(stats().written, 1);
	assert_int_equal(stats().written_bytes, 1);
	assert_int_equal(stats().dropped[WYE_DROP_UNREACHABLE], 1);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunk__one_iovec_a_message__empty_ones_too),
		cmocka_unit_test(pass__many_messages__64_at_most),
		cmocka_unit_test(live_result__endpoint_full__the_pass_goes_on_where_it_was),
		cmocka_unit_test(join_and_leave__in_a_partly_served_range__it_stays_the_next),
		cmocka_unit_test(leave__of_the_partly_served__the_next_begins_at_the_start),
		cmocka_unit_test(append__from_the_partly_served__it_goes_on_alone),
		cmocka_unit_test(
			blocked__over_the_queue__the_oldest_is_given_up_and_all_jump_together),
		cmocka_unit_test(blocked__only_from_was_given_up__those_go_on_at_to_at_most),
		cmocka_unit_test(blocked__kept_for_a_source__nothing_is_given_up),
		cmocka_unit_test(blocked__said_before_the_results__nothing_is_freed_under_them),
		cmocka_unit_test(solo__endpoint_full__waits_and_all_are_woken),
		cmocka_unit_test(take__private_datagram__goes_alone),
		cmocka_unit_test(drop__reported_as_taken__written_becomes_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
