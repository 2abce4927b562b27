/* SPDX-License-Identifier: MIT */
/*
 * The naive cutter: it has the whole stream in memory and looks for boundaries byte by byte. And a
 * driver that gives the same stream to the real one in pieces, checks what must hold after every
 * call, and compares. For the property test and the fuzzer; a difference aborts.
 */
#ifndef TESTS_FRAME_ORACLE_H
#define TESTS_FRAME_ORACLE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "frame/frame.h"

#define CHECK(claim)                                                                               \
	((claim) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim), abort()))

/* A growing run of bytes. */
struct bytes {
	u8 *data;
	size_t len, room;
};
static inline void bytes_add(struct bytes *b, const void *data, size_t n)
{
	if (b->len + n > b->room) {
		b->room = 2 * (b->len + n);
		b->data = realloc(b->data, b->room);
		CHECK(b->data);
	}
	if (n)
		memcpy(b->data + b->len, data, n);
	b->len += n;
}
static inline bool bytes_equal(const struct bytes *a, const struct bytes *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}
static inline void bytes_free(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){0};
}
static inline void bytes_add_unit(struct bytes *b, const struct unit *u)
{
	size_t before = b->len;

	bytes_add(b, u->head, u->n_head);
	bytes_add(b, u->body, u->len);
	bytes_add(b, u->tail, u->n_tail);
	CHECK(b->len - before == unit_size(u));
}

/* What was heard: each message with its length before it. */
struct heard {
	struct bytes text;
	u32 messages;
	struct cut_counts counts;
	int error;
};
static inline void heard_add(struct heard *h, const u8 *data, u32 len)
{
	bytes_add(&h->text, &len, sizeof(len));
	bytes_add(&h->text, data, len);
	h->messages++;
}
static inline bool heard_equal(const struct heard *a, const struct heard *b)
{
	return bytes_equal(&a->text, &b->text) && a->messages == b->messages &&
	       a->counts.skipped == b->counts.skipped && a->counts.empty == b->counts.empty &&
	       a->error == b->error;
}

/* A stream and where it is split: pieces end at ends[0] <= ends[1] ... == n. */
struct stream {
	const u8 *data;
	u32 n;
	const u32 *ends;
	u32 n_ends;
};

/* idle[i]: after i bytes nothing may be owned. Of n + 1 entries; NULL: not wanted. */
static inline void oracle_line(const struct frame_rules *r, const struct stream *s, struct heard *h,
			       bool *idle)
{
	u32 start = 0, i, len;

	for (i = 0; i < s->n; i++) {
		len = i + 1 - start;
		if (idle)
			idle[i + 1] = s->data[i] == '\n' || len > r->max_message;
		if (len > r->max_message && !r->skip) {
			h->error = WYE_EFRAME;
			return;
		}
		if (s->data[i] != '\n')
			continue;
		if (len > r->max_message) {
			h->counts.skipped++;
		} else {
			if (r->eol == EOL_STRIP)
				len -= len > 1 && s->data[i - 1] == '\r' ? 2 : 1;
			heard_add(h, s->data + start, len);
		}
		start = i + 1;
	}
	len = s->n - start;
	if (len > r->max_message)
		h->counts.skipped++;
	else if (len)
		heard_add(h, s->data + start, len);
}

static inline void oracle_len32(const struct frame_rules *r, const struct stream *s,
				struct heard *h, bool *idle)
{
	u32 i = 0, j, len;

	while (s->n - i >= 4) {
		for (len = 0, j = 0; j < 4; j++)
			len = len * 256 + s->data[i++];
		if (len > r->max_message) {
			if (!r->skip) {
				h->error = WYE_EFRAME;
				return;
			}
			h->counts.skipped++;
			for (j = 0; j <= len && i + j <= s->n; j++)
				if (idle)
					idle[i + j] = true;
			if (s->n - i < len)
				return;
		} else if (s->n - i < len) {
			h->error = WYE_EFRAME;
			return;
		} else if (len) {
			heard_add(h, s->data + i, len);
		} else {
			h->counts.empty++;
		}
		i += len;
		if (idle)
			idle[i] = true;
	}
	if (i < s->n)
		h->error = WYE_EFRAME;
}

static inline void oracle_pieces(const struct frame_rules *r, const struct stream *s,
				 struct heard *h, bool *idle)
{
	u32 from = 0, i, len;

	for (i = 0; i < s->n_ends; from = s->ends[i++]) {
		if (idle)
			idle[s->ends[i]] = true;
		len = s->ends[i] - from;
		if (r->frame == FRAME_RAW) {
			for (; len > r->max_message; len -= r->max_message, from += r->max_message)
				heard_add(h, s->data + from, r->max_message);
			if (len)
				heard_add(h, s->data + from, len);
		} else if (len > r->max_message) {
			if (!r->skip) {
				h->error = WYE_EFRAME;
				return;
			}
			h->counts.skipped++;
		} else if (len) {
			heard_add(h, s->data + from, len);
		} else {
			h->counts.empty++;
		}
	}
}

static inline void oracle(const struct frame_rules *r, const struct stream *s, struct heard *h,
			  bool *idle)
{
	if (idle)
		memset(idle, 0, (s->n + 1) * sizeof(*idle));
	if (idle)
		idle[0] = true;
	if (r->frame == FRAME_LINE)
		oracle_line(r, s, h, idle);
	else if (r->frame == FRAME_LEN32)
		oracle_len32(r, s, h, idle);
	else
		oracle_pieces(r, s, h, idle);
}

/* Memory follows what came in, and never exceeds one message, its header and the buffer's own. */
static inline void check_held(const struct frame_rules *r, const struct cutter *c, u64 received)
{
	u64 held = wyi_frame_held(c);

	CHECK(held <= 64 || held <= 8 + 2 * received);
	CHECK(held <= 8 + 4 + (u64)r->max_message);
	CHECK(!held == !c->partial);
}

/* One piece, in memory of exactly its size that is gone afterwards. False: it failed. */
static inline bool drive_piece(const struct frame_rules *r, struct cutter *c, const u8 *data, u32 n,
			       struct msg *out, u32 max, struct heard *h, u64 received)
{
	u8 *in = malloc(n ? n : 1);
	u32 pos = 0, used;
	int i, got;

	CHECK(in);
	memcpy(in, data, n);
	do {
		used = U32_NONE;
		got = wyi_frame_cut(r, c, in + pos, n - pos, &used, out, max, &h->counts);
		if (got < 0) {
			CHECK(used == U32_NONE);
			h->error = got;
			break;
		}
		CHECK((u32)got <= max && used <= n - pos && (used || !n));
		for (i = 0; i < got; i++)
			heard_add(h, out[i].data, out[i].len);
		check_held(r, c, received + pos + used);
		pos += used;
	} while (pos < n);
	memset(in, 0xEE, n);
	free(in);
	return got >= 0;
}

/* The whole stream through a new cutter; max: room in the out array. */
static inline void drive(const struct frame_rules *r, const struct stream *s, u32 max,
			 struct heard *h, const bool *idle)
{
	struct msg *out = malloc(max * sizeof(*out)), last;
	struct cutter c = {0};
	u32 i, from = 0;
	int got = 0;

	CHECK(out);
	for (i = 0; i < s->n_ends && !h->error; from = s->ends[i++]) {
		if (!drive_piece(r, &c, s->data + from, s->ends[i] - from, out, max, h, from))
			break;
		wyi_frame_release(&c);
		if (idle)
			CHECK(idle[s->ends[i]] == !wyi_frame_held(&c));
	}
	if (!h->error)
		got = wyi_frame_end(r, &c, &last);
	if (got > 0)
		heard_add(h, last.data, last.len);
	else if (got < 0)
		h->error = got;
	wyi_frame_reset(&c);
	CHECK(!c.partial && !c.skip_left && !c.skipping && !c.emitted && !wyi_frame_held(&c));
	free(out);
}

/*
 * The property: any split, any room for results, the same messages, counts and error. Answers what
 * was heard, until the next call.
 */
static inline const struct heard *check_stream(const struct frame_rules *r, const struct stream *s,
					       u32 max, bool *idle)
{
	/* Their memory is used again by the next call: this runs millions of times. */
	static struct heard want, got;

	want = (struct heard){.text = {want.text.data, 0, want.text.room}};
	got = (struct heard){.text = {got.text.data, 0, got.text.room}};
	oracle(r, s, &want, idle);
	drive(r, s, max, &got, want.error ? NULL : idle);
	CHECK(heard_equal(&want, &got));
	return &want;
}

#endif
