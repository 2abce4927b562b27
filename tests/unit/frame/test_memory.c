/* SPDX-License-Identifier: MIT */
/*
 * What a cutter owns: never what is announced, nothing when idle; and what it does without memory.
 * The folder's sources are compiled in here a second time under other names, on an allocator that
 * counts and fails on demand.
 */
#include <errno.h>
#include <stdlib.h>
#include "base/base.h"

static int fail_after = -1; /* this many allocations succeed; -1: all */
static int blocks;	    /* that are allocated */
static u32 allocations;

static void *test_realloc(void *old, size_t size)
{
	void *p;

	if (fail_after == 0)
		return NULL;
	p = realloc(old, size);
	if (!p)
		return NULL;
	if (fail_after > 0)
		fail_after--;
	allocations++;
	blocks += !old;
	return p;
}
static void test_free(void *p)
{
	blocks -= p != NULL;
	free(p);
}

#define wyi_realloc	  test_realloc
#define wyi_free	  test_free
#define wyi_cut_keep	  test_cut_keep
#define wyi_cut_keep_rest test_cut_keep_rest
#define wyi_cut_give_kept test_cut_give_kept
#define wyi_cut_forget	  test_cut_forget
#define wyi_line_cut	  test_line_cut
#define wyi_raw_cut	  test_raw_cut
#define wyi_len32_cut	  test_len32_cut
#define wyi_dgram_cut	  test_dgram_cut
#define wyi_frame_cut	  test_frame_cut
#define wyi_frame_release test_frame_release
#define wyi_frame_end	  test_frame_end
#define wyi_frame_held	  test_frame_held
#define wyi_frame_reset	  test_frame_reset
#include "frame/cut.c"
#include "frame/raw.c"
#define skip_on	 line_skip_on
#define complete line_complete
#include "frame/line.c"
#undef skip_on
#undef complete
#define skip_on	 len32_skip_on
#define complete len32_complete
#include "frame/len32.c"
#include "heard.h"

static int start(void **state)
{
	(void)state;
	fail_after = -1;
	blocks = 0;
	allocations = 0;
	return 0;
}

static void len32__huge_length_announced__costs_only_what_came(void **state)
{
	struct ear e = {.rules = {FRAME_LEN32, EOL_KEEP, 1u << 30, false}};

	(void)state;
	assert_int_equal(FEED(&e, "\x3f\xff\xff\xff"
				  "123456"),
			 0);
	assert_true(wyi_frame_held(&e.cutter) <= 64);
	wyi_frame_reset(&e.cutter);
	assert_int_equal(blocks, 0);
}

static void len32__largest_length__no_overflow(void **state)
{
	struct ear e = {.rules = {FRAME_LEN32, EOL_KEEP, UINT32_MAX, false}};

	(void)state;
	assert_int_equal(FEED(&e, "\xff\xff\xff\xff"
				  "1"),
			 0);
	assert_int_equal(FEED(&e, "2345"), 0);
	assert_string_equal(e.text, "");
	assert_int_equal(e.cutter.partial->len, 9);
	wyi_frame_reset(&e.cutter);
	assert_int_equal(blocks, 0);
}

static void line__dribbled_in__memory_doubles_up_to_max_message(void **state)
{
	struct ear e = {.rules = {FRAME_LINE, EOL_KEEP, 10000, false}};
	u32 i;

	(void)state;
	for (i = 1; i <= 10000; i++) {
		assert_int_equal(FEED(&e, "x"), 0);
		assert_true(wyi_frame_held(&e.cutter) <= (i <= 56 ? 64 : 8 + 2 * i));
		assert_true(wyi_frame_held(&e.cutter) <= 8 + 10000);
	}
	assert_true(allocations <= 9);
	assert_int_equal(FEED(&e, "x"), WYE_EFRAME);
	wyi_frame_reset(&e.cutter);
	assert_int_equal(blocks, 0);
}

static void line__whole_lines__nothing_allocated(void **state)
{
	struct ear e = {.rules = {FRAME_LINE, EOL_KEEP, 100, false}};
	u32 i;

	(void)state;
	for (i = 0; i < 50; i++)
		assert_int_equal(FEED(&e, "some\nlines\n"), 0);
	assert_int_equal(allocations, 0);
}

static void line__straddling_every_read__one_buffer_for_all(void **state)
{
	struct frame_rules rules = {.frame = FRAME_LINE, .max_message = 100};
	struct cut_counts counts = {0};
	struct cutter c = {0};
	const u8 in[] = "end\nwhole\nbegin";
	u32 i, pos, used, messages = 0;
	struct msg out[8];
	int got;

	(void)state;
	for (i = 0; i < 1000; i++)
		for (pos = 0; pos < 15; pos += used) {
			got = wyi_frame_cut(&rules, &c, in + pos, 15 - pos, &used, out, 8, &counts);
			assert_true(got >= 0);
			messages += (u32)got;
		}
	assert_int_equal(messages, 2000);
	assert_int_equal(allocations, 1);
	wyi_frame_reset(&c);
	assert_int_equal(blocks, 0);
}

static void line__after_a_large_one__small_beginning_does_not_keep_its_memory(void **state)
{
	struct ear e = {.rules = {FRAME_LINE, EOL_KEEP, 60000, false}};
	const u8 in[] = "\nab";
	static char big[50000];
	struct msg out[2];
	u32 used;

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_int_equal(ear_feed(&e, big, sizeof(big)), 0);
	/* Its end and the next beginning in one read: the loop cuts twice. */
	assert_int_equal(wyi_frame_cut(&e.rules, &e.cutter, in, 3, &used, out, 2, &e.counts), 1);
	assert_int_equal(used, 1);
	assert_int_equal(out[0].len, sizeof(big) + 1);
	assert_int_equal(wyi_frame_cut(&e.rules, &e.cutter, in + 1, 2, &used, out, 2, &e.counts),
			 0);
	assert_true(wyi_frame_held(&e.cutter) <= 64);
	wyi_frame_reset(&e.cutter);
	assert_int_equal(blocks, 0);
}

static void cut__many_bad_inputs__owns_nothing_afterwards(void **state)
{
	struct ear line = {.rules = {FRAME_LINE, EOL_KEEP, 8, true}};
	struct ear len32 = {.rules = {FRAME_LEN32, EOL_KEEP, 8, true}};
	u32 i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		assert_int_equal(FEED(&line, "far too lo"), 0);
		assert_int_equal(FEED(&line, "ng\n1234567"), 0);
		assert_int_equal(FEED(&line, "ABC\n"), 0);
		assert_int_equal(FEED(&len32, "\0\0"), 0);
		assert_int_equal(FEED(&len32, "\0\x0c"
					      "abcdefgh"),
				 0);
		assert_int_equal(FEED(&len32, "ijkl"), 0);
	}
	assert_int_equal(line.counts.skipped, 20000);
	assert_int_equal(len32.counts.skipped, 10000);
	ear_is_idle(&line);
	ear_is_idle(&len32);
	assert_int_equal(blocks, 0);
}

static void cut__no_memory__earlier_messages_then_enomem_and_nothing_lost(void **state)
{
	static const char line[] = "one\ntwo\nthr", len32[] = "\0\0\0\1x\0\0\0\5abc";
	const struct {
		struct frame_rules rules;
		const char *in;
		u32 n;
		int messages;
		u32 used;
	} rows[] = {
		{{FRAME_LINE, EOL_KEEP, 99, false}, line, sizeof(line) - 1, 2, 8},
		{{FRAME_LEN32, EOL_KEEP, 99, false}, len32, sizeof(len32) - 1, 1, 5},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const u8 *in = (const u8 *)rows[i].in;
		const struct frame_rules *rules = &rows[i].rules;
		struct cut_counts counts = {0};
		struct cutter c = {0};
		struct msg out[4];
		u32 used = 0, rest = 0;

		fail_after = 0;
		assert_int_equal(wyi_frame_cut(rules, &c, in, rows[i].n, &used, out, 4, &counts),
				 rows[i].messages);
		assert_int_equal(used, rows[i].used);
		assert_int_equal(wyi_frame_cut(rules, &c, in + used, rows[i].n - used, &rest, out,
					       4, &counts),
				 -ENOMEM);
		assert_int_equal(rest, 0);
		assert_null(c.partial);
		fail_after = -1;
		assert_int_equal(wyi_frame_cut(rules, &c, in + used, rows[i].n - used, &rest, out,
					       4, &counts),
				 0);
		assert_int_equal(rest, rows[i].n - used);
		wyi_frame_reset(&c);
	}
	assert_int_equal(blocks, 0);
}

static void line__no_memory_to_grow__what_was_kept_stays(void **state)
{
	struct ear e = {.rules = {FRAME_LINE, EOL_KEEP, 999, false}};
	static const char more[] = "0123456789012345678901234567890123456789"
				   "0123456789012345678901234567890123456789\n";

	(void)state;
	assert_int_equal(FEED(&e, "begin "), 0);
	fail_after = 0;
	assert_int_equal(FEED(&e, more), -ENOMEM);
	fail_after = -1;
	assert_int_equal(FEED(&e, more), 0);
	assert_int_equal(strlen(e.text), 2 + 6 + sizeof(more) - 1);
	ear_is_idle(&e);
	assert_int_equal(blocks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(len32__huge_length_announced__costs_only_what_came, start),
		cmocka_unit_test_setup(len32__largest_length__no_overflow, start),
		cmocka_unit_test_setup(line__dribbled_in__memory_doubles_up_to_max_message, start),
		cmocka_unit_test_setup(line__whole_lines__nothing_allocated, start),
		cmocka_unit_test_setup(line__straddling_every_read__one_buffer_for_all, start),
		cmocka_unit_test_setup(
			line__after_a_large_one__small_beginning_does_not_keep_its_memory, start),
		cmocka_unit_test_setup(cut__many_bad_inputs__owns_nothing_afterwards, start),
		cmocka_unit_test_setup(
			cut__no_memory__earlier_messages_then_enomem_and_nothing_lost, start),
		cmocka_unit_test_setup(line__no_memory_to_grow__what_was_kept_stays, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
