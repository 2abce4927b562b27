/* SPDX-License-Identifier: MIT */
/*
 * A recount of everything that the feed counts as it goes; what differs is asserted. For tests, and
 * after every operation in builds with WYE_CHECKS. The numbers in the comments are those of the
 * design's invariants.
 */
#include "feed/inner.h"

static bool tally_equal(const struct tally *a, const struct tally *b)
{
	return a->n == b->n && a->due == b->due && a->seq == b->seq;
}

/* Solo readers with a position in [low, high). */
static struct tally recount(const struct feed *f, u64 low, u64 high)
{
	struct tally t = {0};

	for (u32 state = 0; state < STATES; state++) {
		const struct list *node;

		list_each (node, &f->by_state[state]) {
			const struct solo *o = list_entry(node, const struct solo, by_state);

			if (o->seq < low || o->seq >= high)
				continue;
			t.n++;
			t.due += state == DUE || state == IDLE;
			t.seq += o->seq;
		}
	}
	return t;
}

/* I3 and the row of segments itself. */
static void check_segments(const struct feed *f)
{
	struct tally gone = recount(f, 0, feed_first(f)), ahead = recount(f, f->seq, f->seq + 1);
	u64 seq = feed_first(f), byte = f->byte, used = 0;

	if (f->tail != f->next)
		byte = seg_at(f, f->tail)->byte0;
	for (u32 k = f->tail; k != f->next; k++) {
		const struct segment *s = seg_at(f, k);
		struct tally t = recount(f, s->seq0, seg_end(s));

		wyi_assert(tally_equal(&t, &s->tally));
		wyi_assert(s->seq0 == seq && s->byte0 == byte && s->n > 0);
		wyi_assert(s->used == seg_start(s, s->n) && s->used + s->n * FEED_RECORD <= s->cap);
		seq += s->n;
		byte += s->used;
		used += s->used + s->n * FEED_RECORD;
	}
	wyi_assert(seq == f->seq && byte == f->byte && used == f->used);
	wyi_assert(tally_equal(&gone, &f->gone) && tally_equal(&ahead, &f->ahead));
}

/* I1: live[] and the places of its readers. I4: they are not overrun. */
static void check_live(const struct feed *f)
{
	wyi_assert(f->done <= f->n_live && f->n_live <= f->live_cap &&
		   feed_readers(f) <= f->live_cap);
	wyi_assert(f->from <= f->to && f->to <= f->seq);
	wyi_assert(!f->n_live || f->blocked || wyi_live_min(f) >= feed_first(f));
	wyi_assert(f->n_live || f->to >= feed_first(f)); /* I7 */
	wyi_assert(f->part == 0 ||
		   (f->datagram && f->done < f->n_live && f->part < f->to - f->from));
	for (u32 i = 0; i < f->n_live; i++)
		wyi_assert(feed_reader(f, f->live[i])->at == ((uintptr_t)i << 1 | 1));
	if (f->to >= feed_first(f))
		wyi_assert(f->byte_to == wyi_feed_byte_at(f, f->to));
	if (f->done < f->n_live && f->from >= feed_first(f))
		wyi_assert(f->byte_from == wyi_feed_byte_at(f, f->from));
}

/* What is begun goes first, CONTROL next, PRIVATE in the order of the calls. */
static void check_pieces(const struct solo *o)
{
	const struct piece *p = solo_piece(o);
	u64 bytes = 0, stamp = 0;
	bool control = true;

	for (bool first = true; p; first = false) {
		wyi_assert(first || !piece_begun(p));
		wyi_assert(p->off < p->len || p->len == 0);
		wyi_assert(piece_begun(p) || control || p->kind == FEED_PRIVATE);
		wyi_assert(p->kind != FEED_PRIVATE || p->stamp >= stamp);
		control = control && (piece_begun(p) || p->kind != FEED_PRIVATE);
		stamp = u64_max(stamp, p->stamp);
		bytes += p->len;
		p = p == o->last ? NULL : p->next;
	}
	wyi_assert(bytes == o->piece_bytes);
}

static u64 recount_own(const struct feed *f, const struct solo *o)
{
	u64 since = u64_max(u64_max(o->seq, o->own_from), feed_first(f)), n = 0;

	if (o->own == 0 || since >= f->seq)
		return 0;
	for (u32 k = wyi_seg_find(f, since); k != f->next; k++) {
		const struct segment *s = seg_at(f, k);

		for (u32 i = (u32)(u64_max(since, s->seq0) - s->seq0); i < s->n; i++)
			n += seg_rec(s, i)->src == o->slot + 1;
	}
	return n;
}

static void check_solo(const struct feed *f, const struct solo *o)
{
	const struct reader *r = feed_reader(f, o->slot);
	u64 own = recount_own(f, o);

	wyi_assert(r->at == (uintptr_t)o && r->base <= o->seq && o->seq <= f->seq);
	wyi_assert(own == o->own || (own < o->own && solo_gone(f, o)));
	check_pieces(o);
}

static void check_solos(const struct feed *f)
{
	u64 sum_seq = 0, sum_own = 0;
	u32 n_solo = 0;

	for (u32 state = 0; state < STATES; state++) {
		const struct list *node;
		u32 n = 0;

		list_each (node, &f->by_state[state]) {
			const struct solo *o = list_entry(node, const struct solo, by_state);

			wyi_assert(o->state == state);
			check_solo(f, o);
			sum_seq += o->seq;
			sum_own += o->own;
			n++;
		}
		wyi_assert(n == f->n_state[state]);
		n_solo += n;
	}
	wyi_assert(n_solo == f->n_solo && sum_seq == f->sum_seq && sum_own == f->sum_own);
}

static u64 recount_waiting(const struct feed *f)
{
	u64 n = 0;

	for (u32 i = 0; i < f->n_live; i++)
		n += wyi_reader_waiting(f, feed_reader(f, f->live[i]));
	for (u32 state = 0; state < STATES; state++) {
		const struct list *node;

		list_each (node, &f->by_state[state])
			n += wyi_reader_waiting(
				f, feed_reader(
					   f, list_entry(node, const struct solo, by_state)->slot));
	}
	return n;
}

/* I10 */
static void check_accounts(const struct feed *f)
{
	struct feed_stats stats;
	u64 dropped = 0;

	wyi_feed_stats(f, &stats);
	for (u32 i = 0; i < WYE_DROP_CAUSES; i++)
		dropped += stats.dropped[i];
	wyi_assert(stats.waiting == recount_waiting(f));
	wyi_assert(stats.overdue <= stats.waiting + f->sum_own);
	wyi_assert(stats.routed == stats.written + dropped + stats.lost + stats.waiting);
}

void wyi_feed_check(const struct feed *f)
{
	check_live(f);
	check_solos(f);
	check_segments(f);
	check_accounts(f);
}
