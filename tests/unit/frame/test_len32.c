/* SPDX-License-Identifier: MIT */
#include "heard.h"

static void len32__whole_messages__header_taken_off(void **state)
{
	struct ear e = {.rules = {FRAME_LEN32, EOL_KEEP, 300, false}};

	(void)state;
	assert_int_equal(FEED(&e, "\0\0\0\3abc\0\0\0\1d"), 0);
	assert_string_equal(e.text, "<abc><d>");
	ear_is_idle(&e);
	assert_int_equal(ear_end(&e), 0);
}

static void len32__length__is_big_endian(void **state)
{
	struct frame_rules rules = {FRAME_LEN32, EOL_KEEP, 0x01020304, false};
	struct cut_counts counts = {0};
	struct cutter c = {0};
	struct msg out[1];
	u32 used;

	(void)state;
	assert_int_equal(
		wyi_frame_cut(&rules, &c, (const u8 *)"\1\2\3\4", 4, &used, out, 1, &counts), 0);
	wyi_frame_reset(&c);
	assert_int_equal(
		wyi_frame_cut(&rules, &c, (const u8 *)"\1\2\3\5", 4, &used, out, 1, &counts),
		WYE_EFRAME);
	wyi_frame_reset(&c);
}

static void len32__length_0__counted_empty_and_not_given(void **state)
{
	struct ear e = {.rules = {FRAME_LEN32, EOL_KEEP, 300, false}};

	(void)state;
	assert_int_equal(FEED(&e, "\0\0\0\0\0\0\0\1x\0\0"), 0);
	assert_int_equal(FEED(&e, "\0\0"), 0);
	assert_string_equal(e.text, "<x>");
	assert_int_equal(e.counts.empty, 2);
	ear_is_idle(&e);
}

static void len32__over_max__error_when_the_header_is_whole(void **state)
{
	struct ear e = {.rules = {FRAME_LEN32, EOL_KEEP, 3, false}};

	(void)state;
	assert_int_equal(FEED(&e, "\0\0\0\3abc\0\0\0"), 0);
	assert_int_equal(FEED(&e, "\4"), WYE_EFRAME);
	assert_string_equal(e.text, "<abc>");
	assert_int_equal(e.counts.skipped, 0);
	wyi_frame_reset(&e.cutter);
}

static void len32__over_max__earlier_messages_first_then_error(void **state)
{
	struct frame_rules rules = {.frame = FRAME_LEN32, .max_message = 4};
	const u8 in[] = "\0\0\0\1a\xff\xff\xff\xff";
	struct cut_counts counts = {0};
	struct cutter c = {0};
	struct msg out[4];
	u32 used = 0;

	(void)state;
	assert_int_equal(wyi_frame_cut(&rules, &c, in, 9, &used, out, 4, &counts), 1);
	assert_int_equal(used, 5);
	assert_int_equal(wyi_frame_cut(&rules, &c, in + 5, 4, &used, out, 4, &counts), WYE_EFRAME);
}

static void len32__over_max_and_skip__exactly_that_many_bytes_counted_once(void **state)
{
	struct ear e = {.rules = {FRAME_LEN32, EOL_KEEP, 3, true}};

	(void)state;
	assert_int_equal(FEED(&e, "\0\0\0\1a\0\0\0\5vwxyz\0\0\0\1b\0\0\0\6v"), 0);
	ear_is_idle(&e);
	assert_int_equal(FEED(&e, "wx"), 0);
	assert_int_equal(FEED(&e, "yz\n\0\0\0\2cd"), 0);
	assert_string_equal(e.text, "<a><b><cd>");
	assert_int_equal(e.counts.skipped, 2);
}

static void len32__end_inside_a_message__error(void **state)
{
	struct ear head = {.rules = {FRAME_LEN32, EOL_KEEP, 9, true}};
	struct ear body = {.rules = {FRAME_LEN32, EOL_KEEP, 9, false}};

	(void)state;
	assert_int_equal(FEED(&head, "\0\0"), 0);
	assert_int_equal(ear_end(&head), WYE_EFRAME);
	assert_int_equal(FEED(&body, "\0\0\0\4abc"), 0);
	assert_int_equal(ear_end(&body), WYE_EFRAME);
	ear_is_idle(&body);
}

static void len32__end_while_skipping__counted_already(void **state)
{
	struct ear e = {.rules = {FRAME_LEN32, EOL_KEEP, 3, true}};

	(void)state;
	assert_int_equal(FEED(&e, "\0\0\0\4abc"), 0);
	assert_int_equal(ear_end(&e), 0);
	assert_int_equal(e.counts.skipped, 1);
	assert_int_equal(e.cutter.skip_left, 0);
}

static void len32__completed_and_begun_in_one_read__each_whole(void **state)
{
	struct ear e = {.rules = {FRAME_LEN32, EOL_KEEP, 30, false}};

	(void)state;
	assert_int_equal(FEED(&e, "\0\0\0\5he"), 0);
	assert_int_equal(FEED(&e, "llo\0\0\0\1x\0\0\0\5wo"), 0);
	assert_int_equal(FEED(&e, "rld"), 0);
	assert_string_equal(e.text, "<hello><x><world>");
	ear_is_idle(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(len32__whole_messages__header_taken_off),
		cmocka_unit_test(len32__length__is_big_endian),
		cmocka_unit_test(len32__length_0__counted_empty_and_not_given),
		cmocka_unit_test(len32__over_max__error_when_the_header_is_whole),
		cmocka_unit_test(len32__over_max__earlier_messages_first_then_error),
		cmocka_unit_test(len32__over_max_and_skip__exactly_that_many_bytes_counted_once),
		cmocka_unit_test(len32__end_inside_a_message__error),
		cmocka_unit_test(len32__end_while_skipping__counted_already),
		cmocka_unit_test(len32__completed_and_begun_in_one_read__each_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
