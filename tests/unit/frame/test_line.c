/* SPDX-License-Identifier: MIT */
#include "heard.h"

static void line__whole_lines__lent_from_input_with_terminator(void **state)
{
	struct frame_rules rules = {.frame = FRAME_LINE, .max_message = 64};
	const u8 in[] = "one\ntwo\r\n\n";
	struct cut_counts counts = {0};
	struct cutter c = {0};
	struct msg out[8];
	u32 used = 0;

	(void)state;
	assert_int_equal(wyi_frame_cut(&rules, &c, in, 10, &used, out, 8, &counts), 3);
	assert_int_equal(used, 10);
	assert_ptr_equal(out[0].data, in);
	assert_int_equal(out[0].len, 4);
	assert_ptr_equal(out[1].data, in + 4);
	assert_int_equal(out[1].len, 5);
	assert_ptr_equal(out[2].data, in + 9);
	assert_int_equal(out[2].len, 1);
	assert_null(c.partial);
}

static void line__eol_keep_and_crlf__reading_changes_nothing(void **state)
{
	static const enum eol eols[] = {EOL_KEEP, EOL_CRLF};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(eols); i++) {
		struct ear e = {.rules = {FRAME_LINE, eols[i], 64, false}};

		assert_int_equal(FEED(&e, "a\nb\r\n\r\n\n\rc\n"), 0);
		assert_string_equal(e.text, "<a\n><b\r\n><\r\n><\n><\rc\n>");
	}
}

static void line__eol_strip__terminator_taken_off_once(void **state)
{
	struct ear e = {.rules = {FRAME_LINE, EOL_STRIP, 64, false}};

	(void)state;
	assert_int_equal(FEED(&e, "a\nb\r\nc\r\r\nd\re\n\r"), 0);
	assert_int_equal(FEED(&e, "\nf\r"), 0);
	assert_int_equal(FEED(&e, "\n"), 0);
	assert_string_equal(e.text, "<a><b><c\r><d\re><><f>");
	assert_int_equal(e.counts.empty, 0);
	ear_is_idle(&e);
}

static void line__empty_lines_stripped__messages_of_length_0(void **state)
{
	struct ear e = {.rules = {FRAME_LINE, EOL_STRIP, 64, false}};

	(void)state;
	assert_int_equal(FEED(&e, "\n\r\n\n"), 0);
	assert_string_equal(e.text, "<><><>");
	assert_int_equal(e.counts.empty, 0);
}

static void line__last_piece_at_end__as_it_is(void **state)
{
	struct ear e = {.rules = {FRAME_LINE, EOL_STRIP, 64, false}};

	(void)state;
	assert_int_equal(FEED(&e, "a\nrest\r"), 0);
	assert_true(wyi_frame_held(&e.cutter) > 0);
	assert_int_equal(ear_end(&e), 1);
	assert_string_equal(e.text, "<a><rest\r>");
	ear_is_idle(&e);
	assert_int_equal(ear_end(&e), 0);
}

static void line__end_told_twice__last_piece_given_once(void **state)
{
	struct frame_rules rules = {.frame = FRAME_LINE, .max_message = 64};
	struct cut_counts counts = {0};
	struct cutter c = {0};
	struct msg out[1];
	u32 used;

	(void)state;
	assert_int_equal(wyi_frame_cut(&rules, &c, (const u8 *)"x", 1, &used, out, 1, &counts), 0);
	assert_int_equal(wyi_frame_end(&rules, &c, out), 1);
	assert_int_equal(wyi_frame_end(&rules, &c, out), 0);
	assert_null(c.partial);
}

static void line__end_at_boundary__nothing_more(void **state)
{
	struct ear e = {.rules = {FRAME_LINE, EOL_KEEP, 64, false}};

	(void)state;
	assert_int_equal(ear_end(&e), 0);
	assert_int_equal(FEED(&e, "par"), 0);
	assert_int_equal(FEED(&e, "tial\n"), 0);
	ear_is_idle(&e);
	assert_int_equal(ear_end(&e), 0);
	assert_string_equal(e.text, "<partial\n>");
}

static void line__nul_and_8_bit__unchanged(void **state)
{
	struct frame_rules rules = {.frame = FRAME_LINE, .max_message = 64};
	const u8 in[] = {0, 0xff, 0x8a, '\n', 0, '\n'};
	struct cut_counts counts = {0};
	struct cutter c = {0};
	struct msg out[4];
	u32 used;

	(void)state;
	assert_int_equal(wyi_frame_cut(&rules, &c, in, 6, &used, out, 4, &counts), 2);
	assert_int_equal(out[0].len, 4);
	assert_memory_equal(out[0].data, in, 4);
	assert_int_equal(out[1].len, 2);
}

static void line__max_message_with_terminator__is_the_longest_taken(void **state)
{
	struct ear fits = {.rules = {FRAME_LINE, EOL_STRIP, 4, false}};
	struct ear over = {.rules = {FRAME_LINE, EOL_STRIP, 4, false}};

	(void)state;
	assert_int_equal(FEED(&fits, "abc\nab\r\nabcd"), 0);
	assert_int_equal(ear_end(&fits), 1);
	assert_string_equal(fits.text, "<abc><ab><abcd>");
	assert_int_equal(FEED(&over, "abcd\n"), WYE_EFRAME);
	assert_string_equal(over.text, "");
}

static void line__too_long__earlier_messages_first_then_error(void **state)
{
	struct frame_rules rules = {.frame = FRAME_LINE, .max_message = 4};
	struct cut_counts counts = {0};
	struct cutter c = {0};
	const u8 in[] = "a\nb\nabcde";
	struct msg out[4];
	u32 used = 0;

	(void)state;
	assert_int_equal(wyi_frame_cut(&rules, &c, in, 9, &used, out, 4, &counts), 2);
	assert_int_equal(used, 4);
	used = 77;
	assert_int_equal(wyi_frame_cut(&rules, &c, in + 4, 5, &used, out, 4, &counts), WYE_EFRAME);
	assert_int_equal(used, 77);
	assert_int_equal(counts.skipped, 0);
	wyi_frame_reset(&c);
}

static void line__too_long_in_pieces__error_at_the_byte_too_many(void **state)
{
	struct ear e = {.rules = {FRAME_LINE, EOL_KEEP, 4, false}};

	(void)state;
	assert_int_equal(FEED(&e, "ab"), 0);
	assert_int_equal(FEED(&e, "cd"), 0);
	assert_int_equal(FEED(&e, "e"), WYE_EFRAME);
	wyi_frame_reset(&e.cutter);
	ear_is_idle(&e);
}

static void line__too_long_and_skip__to_next_newline_counted_once(void **state)
{
	struct ear e = {.rules = {FRAME_LINE, EOL_KEEP, 4, true}};

	(void)state;
	assert_int_equal(FEED(&e, "a\nabcdefg"), 0);
	ear_is_idle(&e);
	assert_int_equal(FEED(&e, "hijk"), 0);
	assert_int_equal(FEED(&e, "l\nb\nabcde\nc\nab"), 0);
	assert_int_equal(FEED(&e, "cde"), 0);
	ear_is_idle(&e);
	assert_int_equal(FEED(&e, "\nd\n"), 0);
	assert_string_equal(e.text, "<a\n><b\n><c\n><d\n>");
	assert_int_equal(e.counts.skipped, 3);
}

static void line__end_while_skipping__nothing_more(void **state)
{
	struct ear e = {.rules = {FRAME_LINE, EOL_KEEP, 4, true}};

	(void)state;
	assert_int_equal(FEED(&e, "abcdefg"), 0);
	assert_int_equal(ear_end(&e), 0);
	assert_int_equal(e.counts.skipped, 1);
}

static void line__completed_and_begun_in_one_read__lent_until_next_call(void **state)
{
	struct frame_rules rules = {.frame = FRAME_LINE, .max_message = 64};
	const u8 in[] = "lo\nwhole\nbe";
	struct cut_counts counts = {0};
	struct cutter c = {0};
	struct msg out[4];
	u32 used;

	(void)state;
	assert_int_equal(wyi_frame_cut(&rules, &c, (const u8 *)"hel", 3, &used, out, 4, &counts),
			 0);
	assert_int_equal(wyi_frame_cut(&rules, &c, in, 11, &used, out, 4, &counts), 2);
	assert_int_equal(used, 9);
	assert_int_equal(out[0].len, 6);
	assert_memory_equal(out[0].data, "hello\n", 6);
	assert_ptr_equal(out[1].data, in + 3);
	assert_int_equal(wyi_frame_cut(&rules, &c, in + 9, 2, &used, out, 4, &counts), 0);
	assert_int_equal(used, 2);
	assert_int_equal(wyi_frame_cut(&rules, &c, (const u8 *)"gun\n", 4, &used, out, 4, &counts),
			 1);
	assert_memory_equal(out[0].data, "begun\n", 6);
	wyi_frame_release(&c);
	assert_null(c.partial);
}

static void line__no_bytes__nothing_and_lent_memory_freed(void **state)
{
	struct frame_rules rules = {.frame = FRAME_LINE, .max_message = 64};
	struct cut_counts counts = {0};
	struct cutter c = {0};
	struct msg out[1];
	u32 used = 5;

	(void)state;
	assert_int_equal(wyi_frame_cut(&rules, &c, NULL, 0, &used, out, 1, &counts), 0);
	assert_int_equal(used, 0);
	assert_int_equal(wyi_frame_cut(&rules, &c, (const u8 *)"x", 1, &used, out, 1, &counts), 0);
	assert_int_equal(wyi_frame_cut(&rules, &c, NULL, 0, &used, out, 1, &counts), 0);
	assert_int_equal(wyi_frame_cut(&rules, &c, (const u8 *)"\n", 1, &used, out, 1, &counts), 1);
	assert_non_null(c.partial);
	assert_int_equal(wyi_frame_cut(&rules, &c, NULL, 0, &used, out, 1, &counts), 0);
	assert_null(c.partial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line__whole_lines__lent_from_input_with_terminator),
		cmocka_unit_test(line__eol_keep_and_crlf__reading_changes_nothing),
		cmocka_unit_test(line__eol_strip__terminator_taken_off_once),
		cmocka_unit_test(line__empty_lines_stripped__messages_of_length_0),
		cmocka_unit_test(line__last_piece_at_end__as_it_is),
		cmocka_unit_test(line__end_told_twice__last_piece_given_once),
		cmocka_unit_test(line__end_at_boundary__nothing_more),
		cmocka_unit_test(line__nul_and_8_bit__unchanged),
		cmocka_unit_test(line__max_message_with_terminator__is_the_longest_taken),
		cmocka_unit_test(line__too_long__earlier_messages_first_then_error),
		cmocka_unit_test(line__too_long_in_pieces__error_at_the_byte_too_many),
		cmocka_unit_test(line__too_long_and_skip__to_next_newline_counted_once),
		cmocka_unit_test(line__end_while_skipping__nothing_more),
		cmocka_unit_test(line__completed_and_begun_in_one_read__lent_until_next_call),
		cmocka_unit_test(line__no_bytes__nothing_and_lent_memory_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
