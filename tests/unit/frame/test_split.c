/* SPDX-License-Identifier: MIT */
/*
 * However a stream is split, the same messages come out: every split in two of some thousand
 * random streams, and random splits in many, for every framing, eol and skip, against the naive
 * cutter of oracle.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "oracle.h"

#define STREAM_MAX 600u

static u64 seed;

static u32 below(u32 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (u32)(seed >> 32) % n;
}

static void add_line(struct bytes *b, u32 max)
{
	u32 len = below(max + max / 4 + 2);
	u8 byte;

	while (len--) {
		byte = (u8)below(256);
		if (byte == '\n')
			byte = '\r';
		bytes_add(b, &byte, 1);
	}
	if (below(4) == 0)
		bytes_add(b, "\r", 1);
	bytes_add(b, "\n", 1);
}

static void add_len32(struct bytes *b, u32 max)
{
	u32 len = below(max + max / 4 + 2);
	u8 head[4] = {0, 0, (u8)(len >> 8), (u8)len}, byte;

	bytes_add(b, head, 4);
	while (len--) {
		byte = (u8)below(256);
		bytes_add(b, &byte, 1);
	}
}

static void add_garbage(struct bytes *b)
{
	static const u8 likely[] = {0, 0, 0, 1, 3, '\r', '\n', '\n', 0xff};
	u32 len = below(40);
	u8 byte;

	while (len--) {
		byte = below(4) ? likely[below(sizeof(likely))] : (u8)below(256);
		bytes_add(b, &byte, 1);
	}
}

/* Mostly well made, sometimes rubbish, sometimes cut off. */
static void make_stream(struct bytes *b, const struct frame_rules *r)
{
	u32 want = 1 + below(STREAM_MAX - 100);

	b->len = 0;
	while (b->len < want) {
		if (below(12) == 0)
			add_garbage(b);
		else if (r->frame == FRAME_LEN32)
			add_len32(b, r->max_message);
		else
			add_line(b, r->max_message);
	}
	if (b->len > STREAM_MAX)
		b->len = STREAM_MAX;
	if (below(2))
		b->len -= below((u32)b->len < 8 ? (u32)b->len : 8);
}

static struct frame_rules any_rules(enum frame frame)
{
	return (struct frame_rules){
		.frame = frame,
		.eol = (enum eol)below(3),
		.max_message = below(3) ? 1 + below(24) : 1 + below(300),
		.skip = below(2),
	};
}

static void split_in_two(enum frame frame, u32 streams)
{
	struct bytes b = {0};
	bool idle[STREAM_MAX + 1];
	struct frame_rules r;
	u32 ends[2], at;

	while (streams--) {
		r = any_rules(frame);
		make_stream(&b, &r);
		for (at = 0; at <= b.len; at++) {
			ends[0] = at;
			ends[1] = (u32)b.len;
			check_stream(&r, &(struct stream){b.data, (u32)b.len, ends, 2},
				     1 + below(256), idle);
		}
	}
	bytes_free(&b);
}

static u32 any_ends(u32 n, u32 *ends)
{
	u32 at = 0, count = 0, step = 1 + below(1 + below(n + 1));

	while (at < n) {
		at += below(step + 1);
		if (at > n)
			at = n;
		ends[count++] = at;
		if (count == 2 * STREAM_MAX)
			ends[count - 1] = at = n;
	}
	return count;
}

static void split_in_many(enum frame frame, u32 streams)
{
	u32 ends[2 * STREAM_MAX];
	struct bytes b = {0};
	bool idle[STREAM_MAX + 1];
	struct frame_rules r;
	u32 i, count;

	while (streams--) {
		r = any_rules(frame);
		make_stream(&b, &r);
		for (i = 0; i < 16; i++) {
			count = any_ends((u32)b.len, ends);
			check_stream(&r, &(struct stream){b.data, (u32)b.len, ends, count},
				     below(2) ? 1 + below(4) : 1 + below(256), idle);
		}
	}
	bytes_free(&b);
}

static void byte_by_byte(enum frame frame, u32 streams)
{
	struct bytes b = {0};
	bool idle[STREAM_MAX + 1];
	u32 ends[STREAM_MAX], i;
	struct frame_rules r;

	while (streams--) {
		r = any_rules(frame);
		make_stream(&b, &r);
		for (i = 0; i < b.len; i++)
			ends[i] = i + 1;
		for (i = 1; i <= 256; i *= 4)
			check_stream(&r, &(struct stream){b.data, (u32)b.len, ends, (u32)b.len}, i,
				     idle);
	}
	bytes_free(&b);
}

static void all_ways(enum frame frame)
{
	seed = 0x9E3779B97F4A7C15u + (u64)frame;
	split_in_two(frame, 300);
	split_in_many(frame, 3000);
	byte_by_byte(frame, 500);
}

static void line__any_split__same_messages(void **state)
{
	(void)state;
	all_ways(FRAME_LINE);
}

static void len32__any_split__same_messages(void **state)
{
	(void)state;
	all_ways(FRAME_LEN32);
}

static void raw__any_reads__each_read_cut_at_max_message(void **state)
{
	(void)state;
	all_ways(FRAME_RAW);
}

static void dgram__any_datagrams__one_message_each(void **state)
{
	(void)state;
	all_ways(FRAME_DGRAM);
}

static void line__every_room_for_results__same_messages(void **state)
{
	struct frame_rules r = {FRAME_LINE, EOL_KEEP, 8, false};
	u32 ends[3] = {3, 777, 900}, i;
	bool idle[901];
	u8 text[900];

	(void)state;
	for (i = 0; i < sizeof(text); i++)
		text[i] = i % 3 == 1 ? '\n' : 'x';
	for (i = 1; i <= 256; i++)
		check_stream(&r, &(struct stream){text, sizeof(text), ends, 3}, i, idle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line__any_split__same_messages),
		cmocka_unit_test(len32__any_split__same_messages),
		cmocka_unit_test(raw__any_reads__each_read_cut_at_max_message),
		cmocka_unit_test(dgram__any_datagrams__one_message_each),
		cmocka_unit_test(line__every_room_for_results__same_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
