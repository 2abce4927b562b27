/* SPDX-License-Identifier: MIT */
/*
 * Replays operations on one feed, for tests/feed/against_model.py: a line on standard input is an
 * operation, a line on standard output what came of it and the whole state that can be compared:
 * "result | counters | readers". Every invariant is recounted after every line.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "feed/inner.h"

#define SLOTS	  64u
#define LINE_MAX_ (1u << 16)
#define BYTES_MAX (1u << 20)

static struct slab slab;
static struct feed_shared shared;
static struct feed *feed;
static bool fail_next;

static bool no_memory(void)
{
	return fail_next;
}

/* One after the other, all numbers of a line. */
static u64 number(char **at)
{
	char *end;
	u64 n = strtoull(*at, &end, 10);

	if (end == *at) {
		fprintf(stderr, "number wanted: %s\n", *at);
		exit(2);
	}
	*at = end;
	return n;
}

static u32 number32(char **at)
{
	return (u32)number(at);
}

static u32 adler(u32 sum, const u8 *bytes, size_t n)
{
	u32 a = sum & 0xffff, b = sum >> 16;

	for (size_t i = 0; i < n; i++) {
		a = (a + bytes[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

/* The model's unit: kind, length and number (big endian), then n equal bytes under 64. */
static u32 make_unit(u8 *out, char kind, u32 id, u32 n)
{
	out[0] = (u8)kind;
	for (u32 i = 0; i < 4; i++) {
		out[1 + i] = (u8)(n >> (24 - 8 * i));
		out[5 + i] = (u8)(id >> (24 - 8 * i));
	}
	memset(out + 9, (int)(id & 63), n);
	return n + 9;
}

static void op_new(char *at)
{
	struct feed_options options = {.queue = number32(&at)};
	u32 slot;

	options.raw = number(&at);
	options.close = number(&at);
	wyi_slab_init(&slab, sizeof(struct reader));
	for (u32 i = 0; i < SLOTS; i++)
		wyi_assert(wyi_slab_take(&slab, &slot) == 0 && slot == i);
	wyi_feed_shared_init(&shared, &slab, 0);
	wyi_assert(wyi_feed_new(&shared, &options, &feed) == 0);
	/*
	 * Records for solo readers lie ready: where the model runs out of memory, it is for a rest.
	 */
	for (u32 i = 0; i < SLOTS; i++) {
		wyi_assert(wyi_feed_join(feed, i) == 0);
		wyi_assert(wyi_feed_aside(feed, i, FEED_CONTROL, "B", 1, 0) == 0);
	}
	for (u32 i = 0; i < SLOTS; i++)
		wyi_feed_leave(feed, i, -1);
	shared.no_memory = no_memory;
	printf("0");
}

static void op_end(void)
{
	for (u32 i = 0; i < SLOTS; i++)
		wyi_feed_leave(feed, i, -1);
	wyi_feed_free(feed);
	wyi_assert(shared.bytes == 0);
	wyi_feed_shared_deinit(&shared);
	wyi_slab_deinit(&slab);
	feed = NULL;
	printf("0");
}

static void op_append(char *at)
{
	static u8 bytes[BYTES_MAX];
	struct unit units[64];
	u32 src = number32(&at), id = number32(&at), n = number32(&at), used = 0;

	for (u32 i = 0; i < n; i++) {
		u32 size = make_unit(bytes + used, 'D', id + i, number32(&at));
		struct unit *u = &units[i];

		*u = (struct unit){.body = bytes + used + 8, .n_head = 8, .n_tail = size > 9};
		u->len = size - u->n_head - u->n_tail;
		memcpy(u->head, bytes + used, 8);
		u->tail[0] = bytes[used + size - 1];
		used += size;
	}
	printf("%d", wyi_feed_append(feed, units, n, src == SLOTS ? U32_NONE : src));
}

static void op_aside(char *at)
{
	static u8 bytes[BYTES_MAX];
	u32 slot = number32(&at), id = number32(&at), n = number32(&at), sent = number32(&at);

	if (id) {
		n = make_unit(bytes, 'P', id, n);
		printf("%d", wyi_feed_aside(feed, slot, FEED_PRIVATE, bytes, n, sent));
	} else {
		memset(bytes, 'B', n);
		printf("%d", wyi_feed_aside(feed, slot, FEED_CONTROL, bytes, n, sent));
	}
}

static void print_bytes(const struct iovec *iov, u32 n)
{
	u32 sum = 1;
	u64 bytes = 0;

	for (u32 i = 0; i < n; i++) {
		sum = adler(sum, iov[i].iov_base, iov[i].iov_len);
		bytes += iov[i].iov_len;
	}
	printf("%" PRIu64 " %u", bytes, sum);
}

static void op_take(char *at)
{
	struct iovec iov[FEED_IOVS];
	u32 slot = number32(&at);
	int n = wyi_feed_take(feed, slot, iov, number(&at));

	if (n < 0)
		printf("-1 0");
	else
		print_bytes(iov, (u32)n);
}

static void op_chunk(char *at)
{
	struct iovec iov[FEED_IOVS];
	u32 slots[SLOTS], n_iov, n = wyi_feed_chunk(feed, iov, &n_iov, slots, number32(&at), NULL);

	print_bytes(iov, n_iov);
	for (u32 i = 0; i < n; i++)
		printf(" %u", slots[i]);
}

static void op_due(char *at)
{
	u32 slots[SLOTS], n = wyi_feed_due_solos(feed, slots, number32(&at));

	for (u32 i = 0; i < n; i++)
		printf(i ? " %u" : "%u", slots[i]);
}

/* Operations on one reader. */
static bool reader_op(char op, char *at)
{
	u32 slot = number32(&at);
	u64 got;

	switch (op) {
	case 'J':
		printf("%d", wyi_feed_join(feed, slot));
		return true;
	case 'D':
		printf("%d", wyi_feed_join_down(feed, slot));
		return true;
	case 'L':
		wyi_feed_leave(feed, slot, -1);
		break;
	case 'P':
		wyi_feed_park(feed, slot, number(&at));
		break;
	case 'U':
		wyi_feed_unpark(feed, slot);
		break;
	case 'G':
		wyi_feed_sticky(feed, slot);
		break;
	case 'W':
		wyi_feed_wait(feed, slot);
		break;
	case 'Y':
		wyi_feed_ready(feed, slot);
		break;
	case 'B':
		printf("%d", wyi_feed_clear(feed, slot));
		return true;
	case 'O':
	case 'V':
		got = number(&at);
		if (op == 'O') {
			bool full = number(&at);

			fail_next = number(&at);
			printf("%d", wyi_feed_done(feed, slot, got, full));
		} else {
			fail_next = number(&at);
			printf("%d", wyi_feed_live_result(feed, slot, got));
		}
		fail_next = false;
		return true;
	default:
		return false;
	}
	printf("0");
	return true;
}

static void feed_op(char op, char *at)
{
	u64 a, b;

	switch (op) {
	case 'N':
		op_new(at);
		return;
	case 'E':
		op_end();
		return;
	case 'A':
		op_append(at);
		return;
	case 'S':
		op_aside(at);
		return;
	case 'T':
		op_take(at);
		return;
	case 'C':
		op_chunk(at);
		return;
	case 'I':
		op_due(at);
		return;
	case 'R':
		a = number(&at);
		b = number(&at);
		printf("%d", wyi_feed_room(feed, a, b, number32(&at)));
		return;
	case 'F':
		a = number(&at);
		b = number(&at);
		wyi_feed_refuse(feed, (u32)a, b == SLOTS ? U32_NONE : (u32)b, WYE_DROP_FULL);
		break;
	case 'K':
		wyi_feed_keep(feed, number(&at));
		break;
	case 'M':
		wyi_feed_trim(feed);
		break;
	case 'Z':
		printf("%d", wyi_feed_pass(feed));
		return;
	case 'X':
		printf("%d", (int)wyi_feed_overrun(feed));
		return;
	default:
		fprintf(stderr, "no such operation: %c\n", op);
		exit(2);
	}
	printf("0");
}

static void print_reader(u32 slot)
{
	const struct reader *r = feed_reader(feed, slot);
	const struct solo *o = reader_solo(r);
	char kind = o ? "uiwd"[o->state] : reader_index(r) < feed->done ? 'L' : 'l';

	printf(" %u%c%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, slot, kind,
	       wyi_reader_seq(feed, r), r->base, r->dropped, wyi_feed_waiting(feed, slot));
	if (o)
		printf(",%" PRIu64 ",%u", o->own, o->piece_bytes);
}

static void print_state(void)
{
	struct feed_stats s;

	wyi_feed_check(feed);
	wyi_feed_stats(feed, &s);
	printf(" | %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
	       " %" PRIu64 " %" PRIu64 " %" PRIu64 " |",
	       wyi_feed_seq(feed), s.routed, s.written, s.lost, s.waiting, s.overdue, s.used,
	       s.dropped[WYE_DROP_FULL], s.dropped[WYE_DROP_DOWN], s.dropped[WYE_DROP_MEMORY]);
	for (u32 slot = 0; slot < SLOTS; slot++) {
		if (feed_reader(feed, slot)->at)
			print_reader(slot);
	}
}

int main(void)
{
	static char line[LINE_MAX_];

	while (fgets(line, sizeof(line), stdin)) {
		if (!strchr("JDLPUGWYBOV", line[0]) || !reader_op(line[0], line + 1))
			feed_op(line[0], line + 1);
		if (feed)
			print_state();
		printf("\n");
		fflush(stdout);
	}
	return 0;
}
