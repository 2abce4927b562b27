/* SPDX-License-Identifier: MIT */
/*
 * What differs where one socket serves all readers: a datagram endpoint.
 *
 * Happy path: results count messages. Failure mode: the socket is full. Then no reader is to blame:
 * the pass stops where it is, and until the socket takes datagrams again the live readers are as
 * stopped ones, so the feed may give up what they have not got. Afterwards those who were overrun
 * jump together.
 */
#include "feed/inner.h"

/* Live reader `index` stands at `at`, and goes on at `to` if that is later. */
static void live_skip(struct feed *f, u32 index, u64 at, u64 to)
{
	struct reader *r = feed_reader(f, f->live[index]);

	if (at >= to)
		return;
	f->dropped[WYE_DROP_FULL] += to - at;
	r->dropped += to - at;
	r->base += to - at;
}

/* The readers in [done, n_live) go on at `to`; the first of them may be ahead of the others. */
static void jump_undone(struct feed *f, u64 to)
{
	u64 at = f->from + f->part;

	for (u32 i = f->done; i < f->n_live; i++)
		live_skip(f, i, i == f->done ? at : f->from, to);
	f->part = at > to ? (u32)(at - to) : 0;
	f->from = to;
	f->byte_from = wyi_feed_byte_at(f, to);
}

/* After a stall: those who stand at `from`, or at `from` and `to`, were overrun. */
static void live_jump(struct feed *f)
{
	u64 first = feed_first(f), to = wyi_feed_landing(f);

	if (f->to < first) {
		for (u32 i = 0; i < f->done; i++)
			live_skip(f, i, f->to, to);
		jump_undone(f, to);
		wyi_feed_set_to(f, to, f->byte_from);
	} else if (f->done < f->n_live && f->from < first) {
		jump_undone(f, u64_min(to, f->to));
	}
	if (f->from == f->to)
		f->done = f->n_live;
}

void wyi_feed_blocked(struct feed *f, bool blocked)
{
	wyi_assert(f->datagram);
	f->blocked = blocked;
	if (blocked)
		return; /* results may still be to come: the next trim sees it */
	if (f->n_live && !MUTANT(blocked_forgets))
		live_jump(f);
	wyi_feed_trim(f);
}

void wyi_feed_ready_all(struct feed *f)
{
	struct list *node, *next;

	list_each_safe (node, next, &f->by_state[WAIT]) {
		struct solo *o = list_entry(node, struct solo, by_state);

		wyi_solo_move(f, o, o->seq, DUE);
	}
	feed_check(f);
}

void wyi_feed_drop(struct feed *f, u32 slot, u32 n, u64 bytes, enum wye_cause cause)
{
	struct reader *r = feed_reader(f, slot);

	wyi_assert(r->at && wyi_reader_seq(f, r) - r->base >= n && f->written >= n &&
		   f->written_bytes >= bytes);
	f->written -= n;
	f->written_bytes -= bytes;
	f->dropped[cause] += n;
	r->dropped += n;
	r->base += n;
	feed_check(f);
}
