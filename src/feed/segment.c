/* SPDX-License-Identifier: MIT */
/*
 * Segments: where messages lie, and for how long.
 *
 * Happy path: a message goes to the head segment or opens the next one; trim frees the oldest when
 * every reader has passed it. Failure modes: when the feed is over its queue, trim gives up
 * segments where only readers rest whose sockets refused bytes, without touching these readers:
 * their tally becomes `gone`.
 */
#include "feed/inner.h"

static const u32 size_bytes[SIZES] = {4u << 10, 16u << 10, 68u << 10};

/* Not over queue / 4, or a stopped reader that rests in the head segment could shut the feed. */
static u32 size_cap(const struct feed *f, u32 size)
{
	if (size < SIZES)
		return size_bytes[size] - (u32)sizeof(struct segment);
	return f->queue / 4 < 64 ? 64 : f->queue / 4 & ~7u;
}

void wyi_seg_init(struct feed *f)
{
	u32 n = 0;

	f->ring = f->small;
	f->mask = RING_SMALL - 1;
	while (n < SIZES && (size_bytes[n] <= f->queue / 4 || MUTANT(big_segments)))
		n++;
	f->max_size = (u8)(n ? n - 1 : SIZE_ODD);
	f->size = n ? SIZE_4K : SIZE_ODD;
}

static struct segment *seg_new(struct feed *f, u32 size, u32 cap)
{
	struct segment *s = NULL;

	if (size < SIZES) {
		s = f->shared->spare[size];
		f->shared->spare[size] = NULL;
	}
	if (!s)
		s = wyi_feed_alloc(f->shared, sizeof(*s) + cap);
	if (!s)
		return NULL;
	*s = (struct segment){.seq0 = f->seq, .byte0 = f->byte, .cap = cap, .size = size};
	f->shared->bytes += sizeof(*s) + cap;
	return s;
}

static void seg_free(struct feed *f, struct segment *s)
{
	f->shared->bytes -= sizeof(*s) + s->cap;
	if (s->size < SIZES && !f->shared->spare[s->size])
		f->shared->spare[s->size] = s;
	else
		wyi_free(s);
}

static void ring_free(struct feed *f)
{
	if (f->ring != f->small)
		wyi_free(f->ring);
	f->ring = f->small;
	f->mask = RING_SMALL - 1;
}

/* Twice as large: every segment keeps its place modulo the new size. */
static int ring_grow(struct feed *f)
{
	u32 n = (f->mask + 1) * 2;
	struct segment **ring = wyi_feed_alloc(f->shared, n * sizeof(struct segment *));

	if (!ring)
		return -ENOMEM;
	for (u32 i = f->tail; i != f->next; i++)
		ring[i & (n - 1)] = seg_at(f, i);
	ring_free(f);
	f->ring = ring;
	f->mask = n - 1;
	return 0;
}

static struct segment *seg_open(struct feed *f, u32 size)
{
	struct segment *s = seg_head(f);
	u32 need = size + FEED_RECORD, cap;

	if (f->next - f->tail > f->mask && ring_grow(f) < 0)
		return NULL;
	/* Nothing of the last one was offered yet: much comes within a pass. */
	if (s && s->seq0 >= f->to && f->size < f->max_size)
		f->size++;
	cap = size_cap(f, f->size);
	s = need <= cap ? seg_new(f, f->size, cap) : seg_new(f, SIZE_ODD, (need + 7) & ~7u);
	if (s)
		f->ring[f->next++ & f->mask] = s;
	return s;
}

struct segment *wyi_seg_reserve(struct feed *f, u32 size)
{
	struct segment *s = seg_head(f);

	if (s && seg_room(s) >= FEED_RECORD && seg_room(s) - FEED_RECORD >= size)
		return s;
	return seg_open(f, size);
}

/* The last segment that begins at or before that byte, or that message. */
static u32 find(const struct feed *f, bool is_byte, u64 at)
{
	u32 low = 0, high = f->next - f->tail; /* the answer is in [low, high) */

	while (high - low > 1) {
		u32 mid = low + (high - low) / 2;
		const struct segment *s = seg_at(f, f->tail + mid);

		if ((is_byte ? s->byte0 : s->seq0) <= at)
			low = mid;
		else
			high = mid;
	}
	return f->tail + low;
}

u32 wyi_seg_find(const struct feed *f, u64 seq)
{
	wyi_assert(seq >= feed_first(f) && seq < f->seq);
	return find(f, false, seq);
}

struct segment *wyi_seg_find_byte(const struct feed *f, u64 byte)
{
	wyi_assert(f->next != f->tail && seg_at(f, f->tail)->byte0 <= byte && byte < f->byte);
	return seg_at(f, find(f, true, byte));
}

u32 wyi_seg_message(const struct segment *s, u64 offset)
{
	u32 low = 0, high = s->n; /* the answer is in [low, high] */

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (seg_rec(s, mid)->end > offset)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

u64 wyi_feed_byte_at(const struct feed *f, u64 seq)
{
	const struct segment *s;

	if (seq == f->seq)
		return f->byte;
	s = seg_at(f, wyi_seg_find(f, seq));
	return s->byte0 + seg_start(s, (u32)(seq - s->seq0));
}

/* The first segment of the newest queue / 2 bytes, or the head. */
static u64 newest_half(const struct feed *f)
{
	u32 low = 0, high = f->next - f->tail;

	if (high == 0)
		return f->seq;
	high--;
	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (f->byte - seg_at(f, f->tail + mid)->byte0 <= f->queue / 2)
			high = mid;
		else
			low = mid + 1;
	}
	return seg_at(f, f->tail + low)->seq0;
}

u64 wyi_feed_landing(const struct feed *f)
{
	if (wyi_feed_keeping(f) && !MUTANT(keep_skipped))
		return feed_first(f);		 /* what is kept for a source is not skipped */
	return f->raw ? f->seq : newest_half(f); /* a stream with a gap is worth nothing */
}

/* Must the oldest segment stay? */
static bool seg_pinned(const struct feed *f, const struct segment *s)
{
	bool live = f->n_live && wyi_live_min(f) < seg_end(s);
	bool full = f->blocked && !MUTANT(blocked_pins); /* no reader is writable */

	if (live && !full)
		return true;
	/* An overrun reader, too, is still owed what is kept. */
	if (s->seq0 < f->keep_to && !MUTANT(keep_ignored) &&
	    (live || s->tally.n || (f->gone.n && !MUTANT(gone_unpinned))))
		return true;
	/* Nobody rests here, but an overrun reader will want the newest half when it comes back. */
	if (!live && !s->tally.n)
		return f->gone.n && f->used <= f->queue && !f->raw && !f->close;
	/* DUE: writable, not yet offered. Then the loop is behind, not the peer. */
	return s == seg_head(f) || f->used <= f->queue ||
	       (s->tally.due && !full && !MUTANT(due_ignored));
}

static void seg_drop_oldest(struct feed *f)
{
	struct segment *s = seg_at(f, f->tail);

	if (!MUTANT(gone_lost))
		tally_add(&f->gone, &s->tally);
	f->tail++;
	f->used -= s->used + (u64)s->n * FEED_RECORD;
	if (f->tail ==
	    f->next) { /* an idle feed owns little, and begins small again if it was little used */
		if (f->size > SIZE_4K && f->size < SIZES && s->used < s->cap / 4)
			f->size--;
		if (f->mask >= 64)
			ring_free(f);
	}
	seg_free(f, s);
}

void wyi_feed_trim(struct feed *f)
{
	while (f->tail != f->next && !seg_pinned(f, seg_at(f, f->tail)))
		seg_drop_oldest(f);
	if (f->n_live == 0 && f->to < feed_first(f) && !MUTANT(to_behind)) {
		u64 byte = f->tail == f->next ? f->byte : seg_at(f, f->tail)->byte0;

		f->from = feed_first(f);
		f->byte_from = byte;
		wyi_feed_set_to(f, f->from, byte);
	}
	feed_check(f);
}

void wyi_seg_deinit(struct feed *f)
{
	while (f->tail != f->next)
		seg_free(f, seg_at(f, f->tail++));
	ring_free(f);
}
