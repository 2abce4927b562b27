/* SPDX-License-Identifier: MIT */
/*
 * What concerns one link: connections of one-link endpoints, bytes of its own, and want of memory.
 */
#include "fixture.h"

/* -- one-link endpoints ------------------------------------------------------------------------ */
static void begin_one(struct feed_options options)
{
	begin(options);
	assert_int_equal(wyi_feed_join_down(feed, 0), 0);
}

static void begin_one_up(struct feed_options options)
{
	begin_one(options);
	wyi_feed_unpark(feed, 0);
	send_solo(0, "");
	assert_true(is_live(0));
}

static void join_down__fed_while_down__heard_when_up(void **unused)
{
	(void)unused;
	begin_one((struct feed_options){.queue = 1024});
	put("waits");
	assert_int_equal(state_of(0), DOWN);
	wyi_feed_unpark(feed, 0);
	(void)wyi_feed_pass(feed);
	send_solo(0, "waits");
	assert_true(is_live(0));
	end();
}

static void park__in_a_message__it_goes_again_from_its_start(void **unused)
{
	(void)unused;
	begin_one_up((struct feed_options){.queue = 1024});
	put("one");
	put("two");
	expect_chunk("onetwo", 1);
	assert_int_equal(wyi_feed_live_result(feed, 0, 4), 0);
	wyi_feed_park(feed, 0, true);
	assert_int_equal(wyi_feed_written(feed, 0), 1);
	wyi_feed_unpark(feed, 0);
	send_solo(0, "two");
	assert_int_equal(stats().written, 2);
	end();
}

static void park__live__its_record_was_kept(void **unused)
{
	(void)unused;
	begin_one_up((struct feed_options){.queue = 1024});
	while (!list_empty(&shared.free_solos)) { /* none lies ready */
		struct solo *o = list_first(&shared.free_solos, struct solo, by_state);

		list_del(&o->by_state);
		shared.n_free_solos--;
		wyi_free(o);
	}
	allocations_left = 0;
	wyi_feed_park(feed, 0, true);
	assert_int_equal(state_of(0), DOWN);
	end();
}

static void park__raw_in_a_message__it_is_dropped(void **unused)
{
	(void)unused;
	begin_one_up((struct feed_options){.queue = 1024, .raw = true});
	put("one");
	put("two");
	expect_chunk("onetwo", 1);
	assert_int_equal(wyi_feed_live_result(feed, 0, 1), 0);
	wyi_feed_park(feed, 0, true);
	assert_int_equal(stats().dropped[WYE_DROP_DOWN], 1);
	wyi_feed_unpark(feed, 0);
	send_solo(0, "two");
	end();
}

static void park__without_hold__forgets_and_refuses(void **unused)
{
	(void)unused;
	begin_one_up((struct feed_options){.queue = 1024});
	wyi_feed_keep(feed, UINT64_MAX);
	put("one");
	wyi_feed_park(feed, 0, false);
	assert_int_equal(stats().dropped[WYE_DROP_DOWN], 1);
	assert_int_equal(stats().used, 0);
	assert_true(
		wyi_feed_room(feed, true, 5000, 5000)); /* nobody waits for a sink that forgets */
	put("two");
	assert_int_equal(stats().dropped[WYE_DROP_DOWN], 2);
	assert_int_equal(stats().routed, 2);
	assert_int_equal(wyi_feed_seq(feed), 1);
	wyi_feed_unpark(feed, 0);
	put("three");
	(void)wyi_feed_pass(feed);
	send_solo(0, "three");
	end();
}

static void unpark__overrun_while_down__jumps_with_cause_down(void **unused)
{
	(void)unused;
	begin_one((struct feed_options){.queue = 1024});
	put_many(40, 24);
	assert_int_equal(stats().overdue, 8);
	wyi_feed_unpark(feed, 0);
	assert_int_equal(stats().dropped[WYE_DROP_DOWN], 24); /* the newest half is there for it */
	end();
}

static void sticky__all_sent__is_not_live(void **unused)
{
	(void)unused;
	begin_one((struct feed_options){.queue = 1024});
	wyi_feed_sticky(feed, 0);
	wyi_feed_unpark(feed, 0);
	put("one");
	(void)wyi_feed_pass(feed);
	send_solo(0, "one");
	assert_int_equal(state_of(0), IDLE);
	assert_false(wyi_feed_due(feed));
	put("two");
	assert_false(wyi_feed_pass(feed));
	assert_int_equal(state_of(0), DUE);
	send_solo(0, "two");
	assert_int_equal(stats().used, 0);
	end();
}

/* -- pieces ------------------------------------------------------------------------------------ */
static int aside(u32 slot, enum feed_piece kind, const char *text, u32 sent)
{
	return wyi_feed_aside(feed, slot, kind, text, (u32)strlen(text), sent);
}

static void aside__private__goes_between_the_messages_of_the_feed(void **unused)
{
	(void)unused;
	begin_with(1024, 1);
	put("a");
	assert_int_equal(aside(0, FEED_PRIVATE, "(private)", 0), 0);
	put("b");
	(void)wyi_feed_pass(feed);
	send_solo(0, "a(private)b");
	assert_true(is_live(0));
	assert_int_equal(wyi_feed_written(feed, 0), 2);
	end();
}

static void aside__private__waits_for_messages_of_the_next_pass(void **unused)
{
	(void)unused;
	begin_with(1024, 1);
	put("a");
	(void)wyi_feed_pass(feed);
	stop(0);
	put("b");
	assert_int_equal(aside(0, FEED_PRIVATE, "(p)", 0), 0);
	wyi_feed_ready(feed, 0);
	send_solo(0, "a");
	assert_int_equal(state_of(0), IDLE);
	(void)wyi_feed_pass(feed);
	send_solo(0, "b(p)");
	end();
}

static void aside__control__behind_what_is_begun_before_private(void **unused)
{
	(void)unused;
	begin_with(1024, 1);
	put("begun");
	put("next");
	expect_chunk("begunnext", 1);
	assert_int_equal(wyi_feed_live_result(feed, 0, 2), 0);
	assert_int_equal(aside(0, FEED_PRIVATE, "(p)", 0), 0);
	assert_int_equal(aside(0, FEED_CONTROL, "<c>", 0), 0);
	assert_int_equal(aside(0, FEED_CONTROL, "<d>", 0), 0);
	assert_int_equal(wyi_feed_lag_bytes(feed, 0), 16);
	assert_true(wyi_feed_is_waiting(feed, 0));
	wyi_feed_ready(feed, 0);
	send_solo(0, "gun<c><d>next(p)");
	end();
}

static void aside__partly_sent__its_rest_goes_first(void **unused)
{
	(void)unused;
	begin_with(1024, 1);
	assert_true(wyi_feed_clear(feed, 0));
	assert_int_equal(aside(0, FEED_PRIVATE, "(private)", 4), 0);
	assert_true(wyi_feed_is_waiting(feed, 0));
	put("a");
	assert_int_equal(aside(0, FEED_CONTROL, "<c>", 0), 0);
	wyi_feed_ready(feed, 0);
	(void)wyi_feed_pass(feed);
	send_solo(0, "vate)<c>a");
	end();
}

static void clear__only_with_nothing_unsent(void **unused)
{
	(void)unused;
	begin_with(1024, 2);
	assert_true(wyi_feed_clear(feed, 0));
	put("a");
	assert_false(wyi_feed_clear(feed, 0));
	(void)wyi_feed_pass(feed);
	assert_int_equal(wyi_feed_live_result(feed, 0, 1), 0);
	assert_true(wyi_feed_clear(feed, 0));
	assert_false(wyi_feed_clear(feed, 1));
	assert_int_equal(aside(0, FEED_PRIVATE, "(p)", 0), 0);
	assert_false(wyi_feed_clear(feed, 0));
	end();
}

static void aside__more_than_queue__refused(void **unused)
{
	static const u8 bytes[1024];

	(void)unused;
	begin_with(1024, 1);
	assert_int_equal(wyi_feed_aside(feed, 0, FEED_PRIVATE, bytes, 1000, 0), 0);
	assert_int_equal(wyi_feed_aside(feed, 0, FEED_PRIVATE, bytes, 25, 0), WYE_EFULL);
	assert_int_equal(wyi_feed_aside(feed, 0, FEED_CONTROL, bytes, 24, 0), 0);
	end();
}

static void aside__down__gone(void **unused)
{
	(void)unused;
	begin_one((struct feed_options){.queue = 1024});
	assert_int_equal(aside(0, FEED_PRIVATE, "(p)", 0), WYE_EGONE);
	end();
}

static void park__private_bytes_wait__they_are_lost(void **unused)
{
	(void)unused;
	begin_one_up((struct feed_options){.queue = 1024});
	assert_int_equal(aside(0, FEED_PRIVATE, "(p)", 0), 0);
	wyi_feed_park(feed, 0, true);
	assert_int_equal(shared.bytes, 0);
	put("a");
	wyi_feed_unpark(feed, 0);
	(void)wyi_feed_pass(feed);
	send_solo(0, "a");
	end();
}

/* -- no memory --------------------------------------------------------------------------------- */
static void memory__none_for_a_segment__the_rest_of_the_run_is_refused(void **unused)
{
	struct unit units[20];

	(void)unused;
	begin_with(1024, 3);
	for (u32 i = 0; i < 20; i++)
		units[i] = (struct unit){.body = (const u8 *)"123456789012345678901234", .len = 24};
	allocations_left = 2; /* a record for the source, one segment */
	assert_int_equal(wyi_feed_append(feed, units, 20, 0), 0);
	assert_int_equal(wyi_feed_seq(feed), 8);
	assert_int_equal(stats().routed, 40);
	assert_int_equal(stats().dropped[WYE_DROP_MEMORY], 24);
	assert_int_equal(wyi_feed_waiting(feed, 0), 0); /* its own are not waiting for it */
	assert_int_equal(wyi_feed_waiting(feed, 1), 8);
	end();
}

static void memory__none_for_the_source__it_has_left(void **unused)
{
	(void)unused;
	begin_with(1024, 3);
	put("a");
	allocations_left = 0;
	assert_int_equal(put_from("b", 0), -ENOMEM);
	assert_int_equal(reader(0)->at, 0);
	assert_int_equal(stats().dropped[WYE_DROP_MEMORY], 1);
	assert_int_equal(stats().routed, 5);
	expect_chunk("ab", 2);
	wyi_feed_leave(feed, 0, -1); /* nothing */
	assert_int_equal(stats().lost, 0);
	assert_int_equal(wyi_feed_waiting(feed, 0) + wyi_feed_written(feed, 0), 0);
	assert_int_equal(wyi_feed_lag_bytes(feed, 0), 0);
	assert_int_equal(aside(0, FEED_PRIVATE, "(p)", 0), WYE_EGONE);
	assert_false(wyi_feed_clear(feed, 0) || wyi_feed_is_waiting(feed, 0));
	end();
}

static void memory__none_for_a_stopped_reader__it_has_left(void **unused)
{
	(void)unused;
	begin_with(1024, 2);
	put("one");
	put("two");
	expect_chunk("onetwo", 2);
	allocations_left = 0;
	assert_int_equal(wyi_feed_live_result(feed, 0, 4), -ENOMEM);
	assert_int_equal(wyi_feed_live_result(feed, 1, 6), 0);
	assert_int_equal(reader(0)->at, 0);
	assert_int_equal(stats().written, 3);
	assert_int_equal(stats().dropped[WYE_DROP_MEMORY], 1);
	end();
}

static void memory__none_for_a_rest__nothing_more_is_offered(void **unused)
{
	(void)unused;
	begin_with(1024, 1);
	put("one");
	put("two");
	expect_chunk("onetwo", 1);
	allocations_left = 1;
	assert_int_equal(wyi_feed_live_result(feed, 0, 4), -ENOMEM);
	wyi_feed_ready(feed, 0);
	assert_false(wyi_feed_due(feed));
	assert_int_equal(wyi_feed_waiting(feed, 0), 1);
	wyi_feed_leave(feed, 0, WYE_DROP_MEMORY);
	assert_int_equal(stats().dropped[WYE_DROP_MEMORY], 1);
	end();
}

static void memory__none_for_a_rest_on_raw__that_message_never_goes_again(void **unused)
{
	(void)unused;
	begin_one_up((struct feed_options){.queue = 1024, .raw = true});
	put("one");
	put("two");
	expect_chunk("onetwo", 1);
	allocations_left = 0;
	assert_int_equal(wyi_feed_live_result(feed, 0, 1), -ENOMEM);
	allocations_left = -1;
	assert_int_equal(stats().dropped[WYE_DROP_MEMORY], 1);
	wyi_feed_park(feed, 0, true);
	wyi_feed_unpark(feed, 0);
	send_solo(0, "two");
	end();
}

static void memory__none_for_bytes_of_its_own__nothing_happened(void **unused)
{
	(void)unused;
	begin_with(1024, 1);
	allocations_left = 0;
	assert_int_equal(aside(0, FEED_PRIVATE, "(p)", 0), -ENOMEM);
	assert_true(is_live(0));
	allocations_left = 1;
	assert_int_equal(aside(0, FEED_PRIVATE, "(p)", 2), -ENOMEM); /* begun: to be closed */
	assert_int_equal(state_of(0), DOWN);
	end();
}

static void memory__none_to_begin_with__says_so(void **unused)
{
	struct feed_options options = {.queue = 1024};
	struct feed *other = NULL;

	(void)unused;
	begin(options);
	allocations_left = 0;
	assert_int_equal(wyi_feed_new(&shared, &options, &other), -ENOMEM);
	assert_null(other);
	allocations_left = 0;
	assert_int_equal(wyi_feed_join(feed, 0), -ENOMEM);
	allocations_left = 1;
	assert_int_equal(wyi_feed_join_down(feed, 0), -ENOMEM);
	assert_false(wyi_feed_has_readers(feed));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(join_down__fed_while_down__heard_when_up),
		cmocka_unit_test(park__in_a_message__it_goes_again_from_its_start),
		cmocka_unit_test(park__live__its_record_was_kept),
		cmocka_unit_test(park__raw_in_a_message__it_is_dropped),
		cmocka_unit_test(park__without_hold__forgets_and_refuses),
		cmocka_unit_test(unpark__overrun_while_down__jumps_with_cause_down),
		cmocka_unit_test(sticky__all_sent__is_not_live),
		cmocka_unit_test(aside__private__goes_between_the_messages_of_the_feed),
		cmocka_unit_test(aside__private__waits_for_messages_of_the_next_pass),
		cmocka_unit_test(aside__control__behind_what_is_begun_before_private),
		cmocka_unit_test(aside__partly_sent__its_rest_goes_first),
		cmocka_unit_test(clear__only_with_nothing_unsent),
		cmocka_unit_test(aside__more_than_queue__refused),
		cmocka_unit_test(aside__down__gone),
		cmocka_unit_test(park__private_bytes_wait__they_are_lost),
		cmocka_unit_test(memory__none_for_a_segment__the_rest_of_the_run_is_refused),
		cmocka_unit_test(memory__none_for_the_source__it_has_left),
		cmocka_unit_test(memory__none_for_a_stopped_reader__it_has_left),
		cmocka_unit_test(memory__none_for_a_rest__nothing_more_is_offered),
		cmocka_unit_test(memory__none_for_a_rest_on_raw__that_message_never_goes_again),
		cmocka_unit_test(memory__none_for_bytes_of_its_own__nothing_happened),
		cmocka_unit_test(memory__none_to_begin_with__says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
