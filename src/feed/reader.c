/* SPDX-License-Identifier: MIT */
/*
 * Readers: how they come, move and go.
 *
 * live[] holds the slots of live readers: those in [0, done) stand at `to`, the others at `from`,
 * so a reader costs 4 bytes and no position. Every other reader has a struct solo, filed in one
 * tally (the segment of its next message, `ahead`, or `gone`) and one list (its state). All moves
 * of a solo go through wyi_solo_move(), so tallies and sums are right in one place. Failure modes:
 * without memory a reader can't come in or become solo; becoming live never fails, because live[]
 * has room for every reader.
 */
#include <string.h>
#include "feed/inner.h"

#define FREE_SOLOS_MAX 256u

/* -- live[] ------------------------------------------------------------------------------------ */
static int live_resize(struct feed *f, u32 cap)
{
	u32 *live = wyi_feed_alloc(f->shared, cap * sizeof(u32));

	if (!live)
		return -ENOMEM;
	if (f->n_live)
		memcpy(live, f->live, f->n_live * sizeof(u32));
	wyi_free(f->live);
	f->live = live;
	f->live_cap = cap;
	return 0;
}

/* Room for one more reader, live or not. */
static int live_reserve(struct feed *f)
{
	if (feed_readers(f) < f->live_cap)
		return 0;
	if (f->live_cap >= UINT32_MAX / 8)
		return -ENOMEM;
	return live_resize(f, f->live_cap ? f->live_cap * 2 : 4);
}

static void live_shrink(struct feed *f)
{
	if (f->live_cap > 16 && feed_readers(f) < f->live_cap / 4)
		(void)live_resize(f, f->live_cap / 2); /* no memory: it stays large */
}

static void live_put(struct feed *f, u32 index, u32 slot)
{
	f->live[index] = slot;
	feed_reader(f, slot)->at = (uintptr_t)index << 1 | 1;
}

/*
 * Into the done part. The reader at `done` stays the next to be served: it may have got part of the
 * range.
 */
static void live_add(struct feed *f, u32 slot)
{
	u32 d = f->done, n = f->n_live++;

	wyi_assert(n < f->live_cap);
	if (d + 1 < n)
		live_put(f, n, f->live[d + 1]);
	if (d < n)
		live_put(f, d + 1, f->live[d]);
	live_put(f, d, slot);
	f->done++;
}

static void live_remove(struct feed *f, u32 index)
{
	u32 hole = index, last = f->n_live - 1;

	wyi_assert(index < f->n_live);
	if (index < f->done) { /* out of the done part; the one at `done` moves down with it */
		f->done--;
		live_put(f, hole, f->live[f->done]);
		hole = f->done;
		if (hole < last) {
			live_put(f, hole, f->live[hole + 1]);
			hole++;
		}
	} else if (index == f->done && !MUTANT(part_stays)) {
		f->part = 0;
	}
	if (hole != last) {
		u32 slot = f->live[last];

		live_put(f, hole, slot);
		if (MUTANT(one_swap))
			feed_reader(f, slot)->at = (uintptr_t)last << 1 | 1;
	}
	f->n_live--;
}

u64 wyi_live_min(const struct feed *f)
{
	return f->done < f->n_live ? f->from : f->to;
}

/* -- solo readers ------------------------------------------------------------------------------ */
static struct solo *solo_new(struct feed *f)
{
	struct feed_shared *shared = f->shared;
	struct solo *o = f->reserve;

	f->reserve = NULL;
	if (!o && !list_empty(&shared->free_solos)) {
		o = list_first(&shared->free_solos, struct solo, by_state);
		list_del(&o->by_state);
		shared->n_free_solos--;
	}
	return o ? o : wyi_feed_alloc(shared, sizeof(*o));
}

static void solo_free(struct feed_shared *shared, struct solo *o)
{
	if (shared->n_free_solos >= FREE_SOLOS_MAX) {
		wyi_free(o);
		return;
	}
	list_add_tail(&shared->free_solos, &o->by_state);
	shared->n_free_solos++;
}

static struct tally *solo_tally(struct feed *f, const struct solo *o)
{
	if (solo_gone(f, o))
		return &f->gone;
	return o->seq == f->seq ? &f->ahead : &seg_at(f, wyi_seg_find(f, o->seq))->tally;
}

static bool solo_is_due(const struct solo *o)
{
	return o->state == DUE || o->state == IDLE;
}

static void solo_in(struct feed *f, struct solo *o)
{
	struct tally *t = solo_tally(f, o);

	t->n++;
	t->due += solo_is_due(o);
	t->seq += o->seq;
	f->sum_seq += o->seq;
}

static void solo_out(struct feed *f, struct solo *o)
{
	struct tally *t = solo_tally(f, o);

	t->n--;
	t->due -= solo_is_due(o);
	t->seq -= o->seq;
	f->sum_seq -= o->seq;
}

void wyi_solo_move(struct feed *f, struct solo *o, u64 seq, enum state state)
{
	solo_out(f, o);
	o->seq = seq;
	if (o->state != state) {
		f->n_state[o->state]--;
		f->n_state[state]++;
		list_move_tail(&f->by_state[state], &o->by_state);
		o->state = (u8)state;
	}
	solo_in(f, o);
}

static void solo_begin(struct feed *f, struct solo *o, u32 slot, u64 seq, enum state state)
{
	*o = (struct solo){.slot = slot, .seq = seq, .state = (u8)state};
	list_add_tail(&f->by_state[state], &o->by_state);
	f->n_state[state]++;
	f->n_solo++;
	solo_in(f, o);
	feed_reader(f, slot)->at = (uintptr_t)o;
}

/* Its record may be used again at once. */
static void solo_end(struct feed *f, struct solo *o)
{
	solo_out(f, o);
	f->sum_own -= o->own;
	f->n_state[o->state]--;
	f->n_solo--;
	list_del(&o->by_state);
	wyi_solo_drop_pieces(f, o);
	if (f->one && !f->reserve)
		f->reserve = o;
	else
		solo_free(f->shared, o);
}

struct solo *wyi_reader_to_solo(struct feed *f, u32 slot, enum state state)
{
	const struct reader *r = feed_reader(f, slot);
	u64 seq = wyi_reader_seq(f, r), moved = wyi_feed_progress(f, slot);
	struct solo *o = solo_new(f);

	if (!o)
		return NULL;
	live_remove(f, reader_index(r));
	solo_begin(f, o, slot, seq, state);
	o->moved = (u32)moved;
	return o;
}

void wyi_solo_to_live(struct feed *f, struct solo *o)
{
	u32 slot = o->slot;

	solo_end(f, o);
	live_add(f, slot);
}

/* Messages of the reader in `slot` at or after `since`, which is kept. */
static u64 count_own(const struct feed *f, u32 slot, u64 since)
{
	u64 n = 0;

	if (since >= f->seq)
		return 0;
	for (u32 k = wyi_seg_find(f, since); k != f->next; k++) {
		const struct segment *s = seg_at(f, k);

		for (u32 i = (u32)(u64_max(since, s->seq0) - s->seq0); i < s->n; i++)
			n += seg_rec(s, i)->src == slot + 1;
	}
	return n;
}

static void count_drop(struct feed *f, struct reader *r, u64 n, enum wye_cause cause)
{
	f->dropped[cause] += n;
	r->dropped += n;
}

void wyi_solo_jump(struct feed *f, struct solo *o, u64 to, enum wye_cause cause)
{
	struct reader *r = feed_reader(f, o->slot);
	/* An older message with this slot may come from its last owner. */
	u64 since = MUTANT(slot_reuse) ? to : u64_max(to, o->own_from);
	u64 ahead = o->own ? count_own(f, o->slot, since) : 0;
	u64 own = o->own - ahead;

	count_drop(f, r, to - o->seq - (MUTANT(own_counted) ? 0 : own), cause);
	r->base += to - o->seq;
	f->sum_own -= own;
	o->own = ahead;
	wyi_solo_move(f, o, to, o->state);
}

void wyi_solo_skip_one(struct feed *f, struct solo *o, enum wye_cause cause)
{
	struct reader *r = feed_reader(f, o->slot);

	count_drop(f, r, 1, cause);
	r->base++;
	wyi_solo_move(f, o, o->seq + 1, o->state);
}

int wyi_solo_doom(struct feed *f, struct solo *o, int err)
{
	wyi_solo_move(f, o, o->seq, DOWN);
	return err;
}

void wyi_feed_set_to(struct feed *f, u64 to, u64 byte_to)
{
	struct list *node;

	f->to = to;
	f->byte_to = byte_to;
	if (MUTANT(idle_forgotten))
		return;
	/* IDLE counts as due in the tallies, so these stay as they are. */
	list_each (node, &f->by_state[IDLE])
		list_entry(node, struct solo, by_state)->state = DUE;
	f->n_state[DUE] += f->n_state[IDLE];
	f->n_state[IDLE] = 0;
	list_splice_tail(&f->by_state[DUE], &f->by_state[IDLE]);
}

u64 wyi_reader_seq(const struct feed *f, const struct reader *r)
{
	const struct solo *o = reader_solo(r);
	u32 index = reader_index(r);

	wyi_assert(r->at);
	if (o)
		return o->seq;
	if (index < f->done)
		return f->to;
	return f->from + (index == f->done && !MUTANT(part_forgotten) ? f->part : 0);
}

u64 wyi_reader_waiting(const struct feed *f, const struct reader *r)
{
	const struct solo *o = reader_solo(r);

	return f->seq - wyi_reader_seq(f, r) - (o ? o->own : 0);
}

/* -- coming and going -------------------------------------------------------------------------- */
int wyi_feed_join(struct feed *f, u32 slot)
{
	struct reader *r = feed_reader(f, slot);

	wyi_assert(!r->at && !f->one);
	if (live_reserve(f) < 0)
		return -ENOMEM;
	/* It hears what was fed after the pass now running began, nothing older. */
	*r = (struct reader){.base = f->to};
	live_add(f, slot);
	if (!MUTANT(join_unrouted))
		f->routed += f->seq - f->to;
	feed_check(f);
	return 0;
}

int wyi_feed_join_down(struct feed *f, u32 slot)
{
	struct reader *r = feed_reader(f, slot);
	struct solo *o;

	wyi_assert(!r->at && feed_readers(f) == 0);
	if (live_reserve(f) < 0)
		return -ENOMEM;
	o = solo_new(f);
	if (!o)
		return -ENOMEM;
	*r = (struct reader){.base = f->seq};
	f->one = true;
	solo_begin(f, o, slot, f->seq, DOWN);
	feed_check(f);
	return 0;
}

/* Its last own place is `seq`, at or after the place where it is filed. */
void wyi_reader_leave_at(struct feed *f, u32 slot, u64 seq, int cause)
{
	struct reader *r = feed_reader(f, slot);
	struct solo *o = reader_solo(r);
	u64 waiting = f->seq - seq - (o ? o->own : 0);

	if (cause < 0)
		f->lost += waiting;
	else
		count_drop(f, r, waiting, (enum wye_cause)cause);
	if (o)
		solo_end(f, o);
	else
		live_remove(f, reader_index(r));
	r->at = 0;
	if (f->one && f->reserve) {
		solo_free(f->shared, f->reserve);
		f->reserve = NULL;
	}
	if (feed_readers(f) == 0)
		f->one = f->refusing = false;
	live_shrink(f);
	wyi_feed_trim(f);
}

void wyi_feed_leave(struct feed *f, u32 slot, int cause)
{
	struct reader *r = feed_reader(f, slot);
	u64 first = feed_first(f), seq;

	if (!r->at)
		return;
	seq = wyi_reader_seq(f, r);
	if (seq < first) { /* given up already */
		if (reader_solo(r))
			wyi_solo_jump(f, reader_solo(r), first, WYE_DROP_FULL);
		else
			count_drop(f, r, first - seq, WYE_DROP_FULL);
		seq = first;
	}
	wyi_reader_leave_at(f, slot, seq, cause);
}

void wyi_feed_park(struct feed *f, u32 slot, bool hold)
{
	struct solo *o = reader_solo(feed_reader(f, slot));
	struct piece *p;

	if (!o)
		o = wyi_reader_to_solo(f, slot, DUE);
	wyi_assert(o && f->one); /* its record was kept */
	p = solo_piece(o);
	if (p && p->kind == FEED_REST && ((f->raw && !MUTANT(raw_again)) || solo_gone(f, o)))
		wyi_solo_skip_one(f, o, WYE_DROP_DOWN); /* can't be sent again from its start */
	if (!MUTANT(rest_survives))
		wyi_solo_drop_pieces(f, o);
	wyi_solo_move(f, o, o->seq, DOWN);
	if (solo_gone(f, o))
		wyi_solo_jump(f, o, feed_first(f), WYE_DROP_FULL);
	if (!hold && !MUTANT(hold0_kept))
		wyi_solo_jump(f, o, f->seq, WYE_DROP_DOWN);
	f->refusing = !hold;
	wyi_feed_trim(f);
}

void wyi_feed_unpark(struct feed *f, u32 slot)
{
	struct solo *o = reader_solo(feed_reader(f, slot));

	wyi_assert(o && o->state == DOWN);
	f->refusing = false;
	if (solo_gone(f, o))
		wyi_solo_jump(f, o, wyi_feed_landing(f), WYE_DROP_DOWN);
	wyi_solo_move(f, o, o->seq, DUE);
	wyi_feed_trim(f);
}

void wyi_feed_sticky(struct feed *f, u32 slot)
{
	struct solo *o = reader_solo(feed_reader(f, slot));

	wyi_assert(o);
	o->sticky = true;
}
