/* SPDX-License-Identifier: MIT */
/*
 * Pieces: bytes for one reader alone, in a ring of copies.
 *
 * REST is what is left of a message of the feed that was begun; CONTROL goes out at the next
 * boundary; PRIVATE goes before the messages that are fed after it. Order in the ring: what is
 * begun, CONTROL, PRIVATE. Failure modes: over `queue` bytes nothing is taken (WYE_EFULL); without
 * memory a begun message can't be finished, so its link must be closed.
 */
#include <string.h>
#include "feed/inner.h"

/* A copy of `len` bytes that follow `before` bytes which went already. */
static struct piece *piece_new(struct feed *f, u8 kind, const void *bytes, u32 len, u32 before)
{
	struct piece *p = wyi_feed_alloc(f->shared, sizeof(*p) + len);

	if (!p)
		return NULL;
	*p = (struct piece){.kind = kind, .len = len, .before = before};
	if (len)
		memcpy(p->bytes, bytes, len);
	f->shared->bytes += sizeof(*p) + len;
	return p;
}

/* after: the piece it follows, NULL = it goes first. */
static void piece_insert(struct solo *o, struct piece *p, struct piece *after)
{
	o->piece_bytes += p->len;
	if (!o->last) {
		p->next = p;
		o->last = p;
		return;
	}
	if (!after)
		after = o->last;
	else if (after == o->last)
		o->last = p;
	p->next = after->next;
	after->next = p;
}

void wyi_solo_drop_piece(struct feed *f, struct solo *o)
{
	struct piece *p = o->last->next;

	if (p == o->last)
		o->last = NULL;
	else
		o->last->next = p->next;
	o->piece_bytes -= p->len;
	f->shared->bytes -= sizeof(*p) + p->len;
	wyi_free(p);
}

void wyi_solo_drop_pieces(struct feed *f, struct solo *o)
{
	while (o->last)
		wyi_solo_drop_piece(f, o);
}

int wyi_solo_keep_rest(struct feed *f, struct solo *o, const struct segment *s, u32 i, u32 off)
{
	u32 start = seg_start(s, i), end = seg_start(s, i + 1);
	struct piece *p = piece_new(f, FEED_REST, s->data + start + off, end - start - off, off);

	if (!p) {
		if (f->raw) /* it can't go again from its start */
			wyi_solo_skip_one(f, o, WYE_DROP_MEMORY);
		return -ENOMEM;
	}
	if (MUTANT(early_step)) {
		f->written++;
		wyi_solo_move(f, o, o->seq + 1, o->state);
	}
	if (MUTANT(torn))
		p->off = p->len;
	piece_insert(o, p, NULL);
	return 0;
}

/* The last piece that a CONTROL must not overtake. */
static struct piece *control_place(const struct solo *o)
{
	struct piece *p = solo_piece(o), *after = NULL;

	while (p && (piece_begun(p) || p->kind != FEED_PRIVATE) && !MUTANT(mid_message)) {
		after = p;
		p = p == o->last ? NULL : p->next;
	}
	return after;
}

int wyi_feed_aside(struct feed *f, u32 slot, enum feed_piece kind, const void *bytes, u32 len,
		   u32 sent)
{
	const struct reader *r = feed_reader(f, slot);
	struct solo *o = reader_solo(r);
	struct piece *p;

	wyi_assert(kind != FEED_REST && (sent == 0 || (sent < len && wyi_feed_clear(f, slot))));
	if (!r->at || (o && o->state == DOWN))
		return WYE_EGONE;
	if (len > f->queue || (o && o->piece_bytes > f->queue - len))
		return WYE_EFULL;
	if (len == 0 && !f->datagram)
		return 0;
	if (!o) {
		o = wyi_reader_to_solo(f, slot, DUE);
		if (!o)
			return -ENOMEM;
		wyi_feed_trim(f); /* `to` follows first when the last live reader goes */
	}
	p = piece_new(f, (u8)kind, (const u8 *)bytes + sent, len - sent, sent);
	if (p) {
		p->stamp = kind == FEED_PRIVATE ? f->seq : 0;
		piece_insert(o, p, kind == FEED_PRIVATE ? o->last : control_place(o));
		o->moved += sent;
	} else if (sent) {
		return wyi_solo_doom(f, o, -ENOMEM);
	}
	if (o->state == IDLE || sent)
		wyi_solo_move(f, o, o->seq, sent ? WAIT : DUE);
	feed_check(f);
	return p ? 0 : -ENOMEM;
}

bool wyi_feed_clear(const struct feed *f, u32 slot)
{
	const struct reader *r = feed_reader(f, slot);

	return r->at & 1 && reader_index(r) < f->done && (f->to == f->seq || MUTANT(direct_early));
}
