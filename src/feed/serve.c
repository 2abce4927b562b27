/* SPDX-License-Identifier: MIT */
/*
 * One solo reader: what it sends next, and what of it went.
 *
 * A walk goes over what the reader has to send, in order: a begun piece, then pieces and messages
 * up to `to` by their numbers, its own messages left out. Take and done walk the same way: take
 * collects, done counts. Happy path: it reaches `to` with nothing of its own left and becomes live.
 * Failure modes: its socket refuses (WAIT, and a begun message becomes a piece); what it should
 * send was given up (it jumps, or is closed).
 */
#include "feed/inner.h"

/*
 * Where the walk is (first three), and the step that comes next: a piece, or n messages of s from
 * the i-th.
 */
struct walk {
	u64 seq, own, skipped; /* own: still ahead; skipped: own ones left behind */
	struct piece *piece;   /* the next one, or NULL */
	struct segment *s;
	u32 i, n;
	bool is_piece;
	u64 bytes;
};

static struct walk walk_begin(const struct solo *o)
{
	return (struct walk){.seq = o->seq, .own = o->own, .piece = solo_piece(o)};
}

static bool walk_piece(const struct feed *f, const struct walk *w)
{
	const struct piece *p = w->piece;

	if (!p)
		return false;
	return piece_begun(p) ||
	       (w->seq >= feed_first(f) && (p->stamp <= w->seq || MUTANT(stamp_ignored)));
}

static bool rec_is_own(const struct solo *o, const struct segment *s, u32 i)
{
	return seg_rec(s, i)->src == o->slot + 1;
}

/* Messages of segment s that lie before the next thing of another kind. */
static u32 walk_limit(const struct feed *f, const struct solo *o, const struct walk *w)
{
	u64 limit = u64_min(MUTANT(past_to) ? f->seq : f->to, seg_end(w->s));

	if (w->piece && !MUTANT(stamp_ignored))
		limit = u64_min(limit, w->piece->stamp);
	if (w->own && w->seq < o->own_from && !MUTANT(slot_reuse))
		limit = u64_min(limit, o->own_from);
	return (u32)(limit - w->s->seq0);
}

/*
 * Steps over own messages. From own_from on only: an older one with this slot is of the slot's last
 * owner.
 */
static void walk_skip_own(const struct solo *o, struct walk *w, u32 limit)
{
	while (w->own && w->i < limit && rec_is_own(o, w->s, w->i)) {
		w->i++;
		w->seq++;
		w->own--;
		w->skipped++;
	}
}

/* The run from w->i on: at most room bytes, but always one message. Datagrams go one by one. */
static void walk_run(const struct feed *f, const struct solo *o, struct walk *w, u32 limit,
		     u64 room)
{
	u32 start = seg_start(w->s, w->i);
	u32 end = wyi_seg_message(w->s, start + u64_min(room, w->s->used));
	bool own = w->own && (w->seq >= o->own_from || MUTANT(slot_reuse));

	if (end > limit)
		end = limit;
	w->n = 1;
	if (!f->datagram && !own && end > w->i)
		w->n = end - w->i;
	while (!f->datagram && own && w->i + w->n < end && !rec_is_own(o, w->s, w->i + w->n))
		w->n++;
	w->bytes = seg_start(w->s, w->i + w->n) - start;
}

/* Sets the next step: at most room bytes, but one message at least. False: nothing more to send. */
static bool walk_next(const struct feed *f, const struct solo *o, struct walk *w, u64 room)
{
	while (!(w->is_piece = walk_piece(f, w))) {
		u32 limit;

		if (w->seq < feed_first(f) || w->seq >= (MUTANT(past_to) ? f->seq : f->to))
			return false;
		w->s = seg_at(f, wyi_seg_find(f, w->seq));
		w->i = (u32)(w->seq - w->s->seq0);
		limit = walk_limit(f, o, w);
		if (w->own && (w->seq >= o->own_from || MUTANT(slot_reuse)))
			walk_skip_own(o, w, limit);
		if (w->i < limit) {
			walk_run(f, o, w, limit, room);
			return true;
		}
	}
	w->n = 1;
	w->bytes = w->piece->len - w->piece->off;
	return true;
}

/* Past the whole step. */
static void walk_step(const struct solo *o, struct walk *w)
{
	struct piece *p = w->piece;

	if (!w->is_piece) {
		w->seq += w->n;
		return;
	}
	w->seq += p->kind == FEED_REST && !MUTANT(early_step);
	w->piece = p == o->last ? NULL : p->next;
}

/* What the walk left behind is behind the reader, too. */
static void walk_commit(struct feed *f, struct solo *o, const struct walk *w, enum state state)
{
	feed_reader(f, o->slot)->base += w->skipped;
	f->sum_own -= w->skipped;
	o->own -= w->skipped;
	wyi_solo_move(f, o, w->seq, state);
}

/* Nothing more to send for now. */
static void solo_rest(struct feed *f, struct solo *o)
{
	if (!o->last && (o->own == 0 || MUTANT(own_live)) && !o->sticky && o->seq == f->to)
		wyi_solo_to_live(f, o);
	else
		wyi_solo_move(f, o, o->seq, IDLE);
}

static struct iovec walk_iov(const struct walk *w)
{
	u8 *base = w->is_piece ? w->piece->bytes + w->piece->off
			       : w->s->data + seg_start(w->s, w->i);

	return (struct iovec){.iov_base = base, .iov_len = w->bytes};
}

static struct solo *due_solo(const struct feed *f, u32 slot)
{
	struct solo *o = reader_solo(feed_reader(f, slot));

	wyi_assert(o && o->state == DUE);
	return o;
}

static u32 take_iovs(const struct feed *f, const struct solo *o, struct walk *w, struct iovec *iov,
		     u64 room)
{
	u32 n = 0;

	while (n < FEED_IOVS && walk_next(f, o, w, room)) {
		if (n && (w->bytes > room || (f->datagram && w->is_piece)))
			break;
		iov[n++] = walk_iov(w);
		room -= u64_min(room, w->bytes);
		walk_step(o, w);
		if (f->datagram && w->is_piece)
			break; /* a private datagram goes alone */
	}
	return n;
}

int wyi_feed_take(struct feed *f, u32 slot, struct iovec iov[FEED_IOVS], u64 room)
{
	struct solo *o = due_solo(f, slot);
	struct walk w;
	u32 n;

	if (solo_gone(f, o) && !(o->last && piece_begun(solo_piece(o)))) {
		if (f->close && !MUTANT(close_jumps))
			return wyi_solo_doom(f, o, WYE_ESLOW);
		wyi_solo_jump(f, o, wyi_feed_landing(f), WYE_DROP_FULL);
	}
	w = walk_begin(o);
	n = take_iovs(f, o, &w, iov, room);
	if (n == 0) {
		walk_commit(f, o, &w, DUE);
		solo_rest(f, o);
	}
	feed_check(f);
	return (int)n;
}

bool wyi_feed_takes_private(const struct feed *f, u32 slot)
{
	const struct solo *o = due_solo(f, slot);
	struct walk w = walk_begin(o);

	return walk_next(f, o, &w, 0) && w.is_piece;
}

/* The whole step was taken. */
static void done_step(struct feed *f, struct solo *o, struct walk *w)
{
	struct piece *p = w->piece;
	bool message = !w->is_piece || (p->kind == FEED_REST && !MUTANT(early_step));

	if (message) {
		f->written += w->n;
		f->written_bytes += w->is_piece ? (u64)p->before + p->len : w->bytes;
	}
	o->moved += (u32)w->bytes;
	walk_step(o, w);
	if (w->is_piece)
		wyi_solo_drop_piece(f, o);
}

/* Only the first `got` bytes of the step were taken. */
static int done_part(struct feed *f, struct solo *o, const struct walk *w, u32 got)
{
	o->moved += got;
	if (w->is_piece)
		w->piece->off += got;
	else if (wyi_solo_keep_rest(f, o, w->s, w->i, got) < 0)
		return wyi_solo_doom(f, o, -ENOMEM);
	return 0;
}

int wyi_feed_done(struct feed *f, u32 slot, u64 got, bool full)
{
	struct solo *o = due_solo(f, slot);
	struct walk w = walk_begin(o);
	int err = 0;
	bool more;

	while ((more = walk_next(f, o, &w, got)) && got >= (f->datagram ? 1 : w.bytes)) {
		got -= f->datagram ? 1 : w.bytes;
		done_step(f, o, &w);
	}
	wyi_assert(got == 0 || more);
	walk_commit(f, o, &w, full ? WAIT : DUE);
	if (got)
		err = done_part(f, o, &w, (u32)got);
	else if (!full && !more && !solo_gone(f, o))
		solo_rest(f, o);
	else if (!full)
		list_move_tail(&f->by_state[DUE], &o->by_state); /* the others' turn */
	feed_check(f);
	return err;
}

/* -- states ------------------------------------------------------------------------------------ */
u32 wyi_feed_due_solos(struct feed *f, u32 *slots, u32 max)
{
	const struct list *node;
	u32 n = 0;

	list_each (node, &f->by_state[DUE]) {
		if (n == max)
			break;
		slots[n++] = list_entry(node, const struct solo, by_state)->slot;
	}
	return n;
}

static void solo_turn(struct feed *f, struct solo *o, enum state from, enum state to)
{
	if (o && o->state == from)
		wyi_solo_move(f, o, o->seq, to);
	feed_check(f);
}

void wyi_feed_ready(struct feed *f, u32 slot)
{
	solo_turn(f, reader_solo(feed_reader(f, slot)), WAIT, DUE);
}

void wyi_feed_wait(struct feed *f, u32 slot)
{
	solo_turn(f, reader_solo(feed_reader(f, slot)), DUE, WAIT);
}

bool wyi_feed_is_waiting(const struct feed *f, u32 slot)
{
	const struct solo *o = reader_solo(feed_reader(f, slot));

	return o && o->state == WAIT;
}

u32 wyi_feed_overrun(struct feed *f)
{
	u32 left = f->n_state[WAIT];

	if (!f->close || MUTANT(close_jumps))
		return U32_NONE;
	/*
	 * Who has waited longest is looked at first. Those passed go to the end: a next call begins
	 * after them.
	 */
	while (f->gone.n > f->gone.due && left-- > 0) {
		struct solo *o = list_first(&f->by_state[WAIT], struct solo, by_state);

		if (solo_gone(f, o)) {
			(void)wyi_solo_doom(f, o, 0);
			feed_check(f);
			return o->slot;
		}
		list_move_tail(&f->by_state[WAIT], &o->by_state);
	}
	return U32_NONE;
}
