/* SPDX-License-Identifier: MIT */
/*
 * Messages in: the door, and the one copy. Costs what the bytes cost, whatever the number of
 * readers.
 *
 * Happy path: wyi_feed_room() says yes, wyi_feed_append() copies a run. Failure modes: no room (the
 * source is left unread, or the message is refused at the door and counted); no memory for a
 * segment (the rest of the run is refused); no memory to mark the source's own messages (the source
 * leaves the feed).
 */
#include <string.h>
#include "feed/inner.h"

#define BODY_MAX (1u << 30) /* sizes of segments are u32 */

bool wyi_feed_room(const struct feed *f, bool waits, u64 pending, u32 need)
{
	u64 used = f->used + pending;

	if (f->refusing || used == 0)
		return true;
	/* Over it after trim: readers pin that are writable; the loop is behind. */
	if (!wyi_feed_keeping(f))
		return f->used <= f->queue || MUTANT(shut_ignored);
	return waits ? used < f->queue : used + need + FEED_RECORD <= f->queue / 2;
}

/* Who does not hear a message from src? */
static u64 hearers(const struct feed *f, u32 src)
{
	return feed_readers(f) - (src != U32_NONE && feed_reader(f, src)->at);
}

static void refuse(struct feed *f, u32 n, u32 src, enum wye_cause cause)
{
	u64 k = n * hearers(f, src);

	if (!MUTANT(door_uncounted))
		f->routed += k;
	f->dropped[cause] += k;
}

void wyi_feed_refuse(struct feed *f, u32 n, u32 src, enum wye_cause cause)
{
	refuse(f, n, src, cause);
	feed_check(f);
}

static int append_one(struct feed *f, const struct unit *u, u32 src)
{
	u32 len = MUTANT(big_cut) && u->len > f->queue / 8 ? f->queue / 8 : u->len;
	u32 size = u->n_head + len + u->n_tail;
	struct segment *s = wyi_seg_reserve(f, size);
	u8 *to;

	if (!s)
		return -ENOMEM;
	if (f->ahead.n && !MUTANT(ahead_lost)) { /* who stood at the head waits for this message */
		tally_add(&s->tally, &f->ahead);
		f->ahead = (struct tally){0};
	}
	to = s->data + s->used;
	memcpy(to, u->head, u->n_head);
	if (len)
		memcpy(to + u->n_head, u->body, len);
	memcpy(to + u->n_head + len, u->tail, u->n_tail);
	s->used += size;
	*seg_rec(s, s->n++) = (struct rec){.end = s->used, .src = src + 1}; /* U32_NONE + 1 is 0 */
	f->seq++;
	f->byte += size;
	f->used += size + FEED_RECORD;
	return 0;
}

/* A source that reads this feed must know which messages ahead are its own: only a solo does. */
static struct solo *append_source(struct feed *f, u32 src)
{
	struct solo *o = reader_solo(feed_reader(f, src));

	if (!o)
		o = wyi_reader_to_solo(f, src, DUE);
	if (o && o->own == 0)
		o->own_from = f->seq;
	return o;
}

/* Answers how many were fed. */
static u32 append_run(struct feed *f, const struct unit *units, u32 n, u32 src)
{
	u32 fed = 0;

	for (u32 i = 0; i < n; i++) {
		if (units[i].len > BODY_MAX) {
			refuse(f, 1, src, WYE_DROP_TOO_BIG);
		} else if (append_one(f, &units[i], src) < 0) {
			refuse(f, n - i, src, WYE_DROP_MEMORY);
			break;
		} else {
			fed++;
		}
	}
	return fed;
}

int wyi_feed_append(struct feed *f, const struct unit *units, u32 n, u32 src)
{
	struct solo *o = NULL;
	int err = 0;
	u32 fed;

	if (feed_readers(f) == 0)
		return 0; /* nothing is routed, nothing counted */
	if (src != U32_NONE && !feed_reader(f, src)->at)
		src = U32_NONE; /* it has left */
	if (f->refusing) {
		wyi_feed_refuse(f, n, src, WYE_DROP_DOWN);
		return 0;
	}
	if (src != U32_NONE) {
		o = append_source(f, src);
		if (!o) {
			wyi_feed_leave(f, src, WYE_DROP_MEMORY);
			src = U32_NONE;
			err = -ENOMEM;
		}
	}
	fed = append_run(f, units, n, src);
	if (o) {
		o->own += fed;
		f->sum_own += fed;
	}
	f->routed += fed * hearers(f, src);
	wyi_feed_trim(f);
	return err;
}
