/* SPDX-License-Identifier: MIT */
/*
 * The rules of a feed one by one: appending, passes, short writes, what is given up and what is
 * kept.
 */
#include "fixture.h"

static void append__without_readers__nothing_is_counted(void **unused)
{
	struct feed_stats s;

	(void)unused;
	begin_with(1024, 0);
	put("lost");
	s = stats();
	assert_int_equal(s.routed, 0);
	assert_int_equal(s.used, 0);
	end();
}

static void append__head_body_and_tail__one_unit(void **unused)
{
	struct unit u = {.body = (const u8 *)"body",
			 .len = 4,
			 .n_head = 2,
			 .n_tail = 1,
			 .head = "h:",
			 .tail = "."};

	(void)unused;
	begin_with(1024, 2);
	assert_int_equal(wyi_feed_append(feed, &u, 1, U32_NONE), 0);
	assert_int_equal(stats().used, 7 + FEED_RECORD);
	expect_chunk("h:body.", 2);
	end();
}

static void pass__all_take_all__nothing_is_kept(void **unused)
{
	struct feed_stats s;

	(void)unused;
	begin_with(1024, 3);
	put("one");
	put("two");
	send_live();
	s = stats();
	assert_int_equal(s.routed, 6);
	assert_int_equal(s.written, 6);
	assert_int_equal(s.written_bytes, 18);
	assert_int_equal(s.used, 0);
	assert_false(wyi_feed_due(feed));
	end();
}

static void pass__fed_meanwhile__waits_for_the_next(void **unused)
{
	(void)unused;
	begin_with(1024, 2);
	put("a");
	expect_chunk("a", 2);
	put("b");
	expect_chunk("a", 2);
	send_live();
	assert_int_equal(stats().written, 4);
	end();
}

static void join__in_a_pass__hears_what_was_fed_after_it_began(void **unused)
{
	(void)unused;
	begin_with(1024, 1);
	put("old");
	assert_true(wyi_feed_pass(feed));
	put("new");
	assert_int_equal(wyi_feed_join(feed, 1), 0);
	assert_int_equal(stats().routed, 3);
	assert_int_equal(wyi_feed_waiting(feed, 1), 1);
	assert_int_equal(wyi_feed_live_result(feed, 0, 3), 0);
	expect_chunk("new", 2);
	end();
}

static void append__from_a_reader__it_does_not_hear_itself(void **unused)
{
	(void)unused;
	begin_with(1024, 2);
	assert_int_equal(put_from("mine", 0), 0);
	put("other");
	assert_int_equal(put_from("mine too", 0), 0);
	assert_int_equal(stats().routed, 4);
	assert_false(is_live(0));
	expect_chunk("mineothermine too", 1);
	send_live();
	send_solo(0, "other");
	assert_true(is_live(0));
	assert_int_equal(wyi_feed_written(feed, 0), 1);
	assert_int_equal(stats().used, 0);
	end();
}

static void own_messages__of_the_last_owner_of_a_slot__are_heard(void **unused)
{
	(void)unused;
	begin_with(1024, 2);
	put("a");
	expect_chunk("a", 2);
	assert_int_equal(put_from("from the first", 1), 0);
	wyi_feed_leave(feed, 1, -1);
	assert_int_equal(wyi_feed_join(feed, 1), 0); /* hears what was fed in the pass */
	assert_int_equal(put_from("from the second", 1), 0);
	stop(0);
	(void)wyi_feed_pass(feed);
	send_solo(1, "from the first");
	end();
}

static void live_result__short_in_a_message__its_rest_is_kept(void **unused)
{
	(void)unused;
	begin_with(1024, 2);
	put("first");
	put("second");
	put("third");
	expect_chunk("firstsecondthird", 2);
	assert_int_equal(wyi_feed_live_result(feed, 0, 8), 0);
	assert_true(wyi_feed_is_waiting(feed, 0));
	assert_int_equal(wyi_feed_written(feed, 0), 1); /* "second" is begun, not written */
	assert_int_equal(wyi_feed_lag_bytes(feed, 0), 8);
	wyi_feed_ready(feed, 0);
	send_solo(0, "ondthird");
	assert_int_equal(wyi_feed_written(feed, 0), 3);
	assert_true(is_live(0));
	end();
}

static void live_result__short_at_a_boundary__no_rest(void **unused)
{
	(void)unused;
	begin_with(1024, 1);
	put("first");
	put("second");
	expect_chunk("firstsecond", 1);
	assert_int_equal(wyi_feed_live_result(feed, 0, 5), 0);
	assert_int_equal(wyi_feed_written(feed, 0), 1);
	assert_null(reader_solo(reader(0))->last);
	wyi_feed_ready(feed, 0);
	send_solo(0, "second");
	end();
}

static void live_result__short_ones_between_full_ones__each_goes_on_where_it_is(void **unused)
{
	(void)unused;
	begin_with(1024, 4);
	put("abcd");
	expect_chunk("abcd", 4);
	assert_int_equal(wyi_feed_live_result(feed, 0, 4), 0);
	assert_int_equal(wyi_feed_live_result(feed, 1, 1), 0);
	assert_int_equal(wyi_feed_live_result(feed, 2, 4), 0);
	assert_int_equal(wyi_feed_live_result(feed, 3, 2), 0);
	wyi_feed_ready(feed, 1);
	wyi_feed_ready(feed, 3);
	send_solo(1, "bcd");
	send_solo(3, "cd");
	assert_int_equal(stats().written, 4);
	assert_int_equal(stats().live, 4);
	end();
}

static void done__refused_in_a_message__goes_on_there(void **unused)
{
	u64 moved;

	(void)unused;
	begin_with(1024, 1);
	put("one");
	put("two");
	expect_chunk("onetwo", 1);
	stop(0);
	wyi_feed_ready(feed, 0);
	moved = wyi_feed_progress(feed, 0);
	expect_take(0, "onetwo");
	assert_int_equal(wyi_feed_done(feed, 0, 4, true), 0);
	assert_int_equal(wyi_feed_progress(feed, 0), moved + 4);
	assert_true(wyi_feed_is_waiting(feed, 0));
	wyi_feed_ready(feed, 0);
	send_solo(0, "wo");
	assert_int_equal(stats().written_bytes, 6);
	end();
}

static void take__with_little_room__whole_messages_but_one_at_least(void **unused)
{
	struct iovec iov[FEED_IOVS];

	(void)unused;
	begin_with(1024, 1);
	put("12345");
	put("678");
	put("9");
	expect_chunk("123456789", 1);
	stop(0);
	wyi_feed_ready(feed, 0);
	assert_int_equal(wyi_feed_take(feed, 0, iov, 1), 1);
	assert_int_equal(iov[0].iov_len, 5);
	assert_int_equal(wyi_feed_take(feed, 0, iov, 8), 1);
	assert_int_equal(iov[0].iov_len, 8);
	assert_int_equal(wyi_feed_done(feed, 0, 8, false), 0);
	assert_int_equal(state_of(0), DUE);
	send_solo(0, "9");
	end();
}

/* -- what is given up -------------------------------------------------------------------------- */
/*
 * Readers 0 and 1 are stopped at messages 0 and 24, 2 is not; 40 are fed: the oldest segment is
 * given up.
 */
static void overrun_one(void)
{
	begin_with(1024, 3); /* segments of 256 bytes: 8 messages of 24 + 8 */
	put_many(8, 24);
	(void)wyi_feed_pass(feed);
	stop(0);
	send_live();
	put_many(16, 24);
	send_live();
	put_many(8, 24);
	(void)wyi_feed_pass(feed);
	stop(1);
	send_live();
	put_many(8, 24);
	send_live();
	assert_int_equal(stats().used, 1024);
	assert_int_equal(stats().overdue, 8);
}

static void evict__a_stopped_reader__goes_on_in_the_newest_half(void **unused)
{
	struct iovec iov[FEED_IOVS];

	(void)unused;
	overrun_one();
	put_many(16, 24);
	send_live();
	assert_int_equal(stats().used, 1024);
	assert_int_equal(wyi_feed_waiting(feed, 0), 56);
	wyi_feed_ready(feed, 0);
	assert_int_equal(wyi_feed_take(feed, 0, iov, UINT64_MAX), 2);
	assert_int_equal(iov[0].iov_len + iov[1].iov_len,
			 16 * 24); /* the newest 512 bytes, whole segments */
	assert_int_equal(stats().dropped[WYE_DROP_FULL], 40);
	assert_int_equal(reader(0)->dropped, 40);
	assert_int_equal(wyi_feed_waiting(feed, 0), 16);
	assert_int_equal(reader(1)->dropped + reader(2)->dropped, 0);
	end();
}

static void evict__nobody_else_needs_what_is_newer__the_newest_half_is_kept(void **unused)
{
	struct iovec iov[FEED_IOVS];
	size_t bytes = 0;
	int n;

	(void)unused;
	begin_with(1024, 2);
	put("a");
	(void)wyi_feed_pass(feed);
	stop(1);
	send_live();
	put_many(40, 24);
	send_live();
	assert_in_range(stats().used, 512, 1024);
	assert_true(stats().overdue > 0);
	wyi_feed_ready(feed, 1);
	n = wyi_feed_take(feed, 1, iov, UINT64_MAX);
	assert_true(n > 0);
	for (int i = 0; i < n; i++)
		bytes += iov[i].iov_len;
	assert_in_range(bytes, 10 * 24, 512);
	assert_int_equal(wyi_feed_done(feed, 1, bytes, false), 0);
	assert_int_equal(reader(1)->dropped, 41 - bytes / 24);
	wyi_feed_trim(feed);
	assert_int_equal(stats().used, 0); /* nobody is overrun any more */
	end();
}

static void evict__a_writable_reader_not_yet_served__the_feed_is_shut(void **unused)
{
	(void)unused;
	begin_with(1024, 1);
	assert_true(wyi_feed_room(feed, false, 0, 0));
	put_many(33, 24);
	assert_false(wyi_feed_room(feed, false, 0, 0));
	assert_int_equal(stats().used, 33 * 32);
	send_live();
	assert_true(wyi_feed_room(feed, false, 0, 0));
	assert_int_equal(stats().written, 33);
	end();
}

static void evict__an_overrun_reader_in_a_message__finishes_it(void **unused)
{
	char big[200];

	(void)unused;
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	begin_with(1024, 1);
	put("begun");
	expect_chunk("begun", 1);
	assert_int_equal(wyi_feed_live_result(feed, 0, 2), 0);
	for (u32 i = 0; i < 9; i++)
		put(big);
	put("last");
	assert_int_equal(stats().overdue, 6);
	wyi_feed_ready(feed, 0);
	(void)wyi_feed_pass(feed);
	send_solo(0, "gun");
	assert_int_equal(stats().written, 1);
	assert_int_equal(state_of(0), DUE);
	end();
}

static void keep__full__nothing_is_given_up(void **unused)
{
	(void)unused;
	begin_with(1024, 1);
	wyi_feed_keep(feed, UINT64_MAX);
	put_many(1, 24);
	(void)wyi_feed_pass(feed);
	stop(0);
	put_many(14, 24);
	assert_true(wyi_feed_room(feed, false, 0, 24)); /* 480 and 32 is half */
	assert_false(wyi_feed_room(feed, false, 0, 25));
	assert_false(wyi_feed_room(feed, false, 32, 24));
	assert_true(wyi_feed_room(feed, true, 0, 0));
	put_many(20, 24);
	assert_false(wyi_feed_room(feed, true, 0, 0));
	assert_int_equal(stats().overdue, 0);
	assert_int_equal(stats().used, 35 * 32);
	end();
}

static void keep__ends__what_was_fed_before_is_still_kept(void **unused)
{
	(void)unused;
	begin_with(1024, 1);
	wyi_feed_keep(feed, UINT64_MAX);
	put_many(1, 24);
	(void)wyi_feed_pass(feed);
	stop(0);
	put_many(30, 24);
	wyi_feed_keep(feed, wyi_feed_seq(feed));
	put_many(30, 24);
	assert_int_equal(stats().overdue, 0);
	wyi_feed_ready(feed, 0);
	while (!is_live(0)) {
		struct iovec iov[FEED_IOVS];
		u64 bytes = 0;
		int n;

		(void)wyi_feed_pass(feed);
		n = wyi_feed_take(feed, 0, iov, UINT64_MAX);
		for (int i = 0; i < n; i++)
			bytes += iov[i].iov_len;
		if (n)
			assert_int_equal(wyi_feed_done(feed, 0, bytes, false), 0);
	}
	assert_int_equal(wyi_feed_written(feed, 0), 61);
	assert_int_equal(reader(0)->dropped, 0);
	wyi_feed_trim(feed);
	assert_false(wyi_feed_keeping(feed));
	end();
}

static void refuse__at_the_door__counted_for_all_but_the_source(void **unused)
{
	(void)unused;
	begin_with(1024, 3);
	wyi_feed_refuse(feed, 2, U32_NONE, WYE_DROP_TOO_BIG);
	wyi_feed_refuse(feed, 1, 1, WYE_DROP_FULL);
	assert_int_equal(stats().routed, 8);
	assert_int_equal(stats().dropped[WYE_DROP_TOO_BIG], 6);
	assert_int_equal(stats().dropped[WYE_DROP_FULL], 2);
	end();
}

static void close__overrun_readers__each_is_named_once(void **unused)
{
	(void)unused;
	begin_with(1024, 4);
	wyi_feed_set_close(feed, true);
	put_many(21, 24);
	(void)wyi_feed_pass(feed);
	stop(2);
	stop(3);
	send_live();
	put_many(1, 24);
	(void)wyi_feed_pass(feed);
	stop(0); /* stopped, too, but not overrun */
	send_live();
	put_many(14, 24);
	send_live();
	assert_int_equal(wyi_feed_overrun(feed), 2);
	assert_int_equal(wyi_feed_overrun(feed), 3);
	assert_int_equal(wyi_feed_overrun(feed), U32_NONE);
	wyi_feed_leave(feed, 2, -1);
	wyi_feed_leave(feed, 3, -1);
	assert_int_equal(stats().overdue, 0);
	assert_true(wyi_feed_is_waiting(feed, 0));
	end();
}

static void close__an_overrun_reader_gets_writable__is_to_be_closed(void **unused)
{
	(void)unused;
	begin_with(1024, 1);
	wyi_feed_set_close(feed, true);
	put_many(1, 24);
	(void)wyi_feed_pass(feed);
	stop(0);
	put_many(40, 24);
	wyi_feed_ready(feed, 0);
	assert_int_equal(wyi_feed_take(feed, 0, (struct iovec[FEED_IOVS]){{0}}, UINT64_MAX),
			 WYE_ESLOW);
	(void)wyi_feed_pass(feed);
	assert_false(wyi_feed_due(feed)); /* nothing more is offered to it */
	end();
}

static void leave__messages_wait__lost_or_dropped_by_a_cause(void **unused)
{
	(void)unused;
	begin_with(1024, 3);
	put("a");
	put("b");
	wyi_feed_leave(feed, 0, -1);
	wyi_feed_leave(feed, 1, WYE_DROP_STALLED);
	wyi_feed_leave(feed, 1, WYE_DROP_STALLED);
	assert_int_equal(stats().lost, 2);
	assert_int_equal(stats().dropped[WYE_DROP_STALLED], 2);
	wyi_feed_leave(feed, 2, -1);
	assert_int_equal(stats().used, 0);
	assert_false(wyi_feed_has_readers(feed));
	end();
}

static void leave__overrun__what_was_given_up_is_full(void **unused)
{
	(void)unused;
	overrun_one();
	wyi_feed_leave(feed, 0, -1);
	assert_int_equal(stats().dropped[WYE_DROP_FULL], 8);
	assert_int_equal(stats().lost, 32);
	wyi_feed_leave(feed, 1, WYE_DROP_STALLED);
	assert_int_equal(stats().dropped[WYE_DROP_STALLED], 16);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(append__without_readers__nothing_is_counted),
		cmocka_unit_test(append__head_body_and_tail__one_unit),
		cmocka_unit_test(pass__all_take_all__nothing_is_kept),
		cmocka_unit_test(pass__fed_meanwhile__waits_for_the_next),
		cmocka_unit_test(join__in_a_pass__hears_what_was_fed_after_it_began),
		cmocka_unit_test(append__from_a_reader__it_does_not_hear_itself),
		cmocka_unit_test(own_messages__of_the_last_owner_of_a_slot__are_heard),
		cmocka_unit_test(live_result__short_in_a_message__its_rest_is_kept),
		cmocka_unit_test(live_result__short_at_a_boundary__no_rest),
		cmocka_unit_test(
			live_result__short_ones_between_full_ones__each_goes_on_where_it_is),
		cmocka_unit_test(done__refused_in_a_message__goes_on_there),
		cmocka_unit_test(take__with_little_room__whole_messages_but_one_at_least),
		cmocka_unit_test(evict__a_stopped_reader__goes_on_in_the_newest_half),
		cmocka_unit_test(evict__nobody_else_needs_what_is_newer__the_newest_half_is_kept),
		cmocka_unit_test(evict__a_writable_reader_not_yet_served__the_feed_is_shut),
		cmocka_unit_test(evict__an_overrun_reader_in_a_message__finishes_it),
		cmocka_unit_test(keep__full__nothing_is_given_up),
		cmocka_unit_test(keep__ends__what_was_fed_before_is_still_kept),
		cmocka_unit_test(refuse__at_the_door__counted_for_all_but_the_source),
		cmocka_unit_test(close__overrun_readers__each_is_named_once),
		cmocka_unit_test(close__an_overrun_reader_gets_writable__is_to_be_closed),
		cmocka_unit_test(leave__messages_wait__lost_or_dropped_by_a_cause),
		cmocka_unit_test(leave__overrun__what_was_given_up_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
