/* SPDX-License-Identifier: MIT */
/*
 * Cutting: the entry points, and the one buffer a cutter has.
 *
 * Happy path: whole messages are lent straight from the input and nothing is allocated. The rest
 * of the input, if it ends inside a message, is copied to `partial`; when the completing bytes
 * come they are copied after it, up to the boundary and not further, and that message is lent from
 * there. Capacity doubles from what has been received, never past what rules allow: a length that
 * a peer only announces costs nothing.
 * Failure modes: without memory the call answers -ENOMEM and has kept nothing.
 */
#include <errno.h>
#include <string.h>
#include "frame/cut.h"

#define PARTIAL_FIRST 56u /* with its head one 64-byte allocation */
#define PARTIAL_REUSE                                                                              \
	1024u /* a lent buffer up to this is kept if a new beginning follows at once */

static void partial_free(struct cutter *c)
{
	wyi_free(c->partial);
	c->partial = NULL;
	c->emitted = 0;
}

static int partial_reserve(struct cutter *c, u64 need, u64 limit)
{
	struct partial *p = c->partial;
	u64 capacity = p ? 2 * (u64)p->capacity : PARTIAL_FIRST;

	wyi_assert(need <= limit && need <= UINT32_MAX);
	if (p && need <= p->capacity)
		return 0;
	if (capacity > limit)
		capacity = limit;
	if (capacity < need)
		capacity = need;
	if (capacity > UINT32_MAX)
		capacity = UINT32_MAX;
	p = wyi_realloc(p, sizeof(*p) + capacity);
	if (!p)
		return -ENOMEM;
	if (!c->partial)
		p->len = 0;
	p->capacity = (u32)capacity;
	c->partial = p;
	return 0;
}

int wyi_cut_keep(struct cut *t, u32 n, u64 limit)
{
	struct cutter *c = t->c;
	int r = partial_reserve(c, (u64)cutter_kept(c) + n, limit);

	if (r < 0)
		return r;
	memcpy(c->partial->data + c->partial->len, t->in + t->pos, n);
	c->partial->len += n;
	t->pos += n;
	return 0;
}

int wyi_cut_keep_rest(struct cut *t, u64 limit)
{
	if (t->pos == t->n || t->c->emitted)
		return 0;
	return wyi_cut_keep(t, t->n - t->pos, limit);
}

void wyi_cut_give_kept(struct cut *t, u32 skip, u32 len)
{
	cut_give(t, t->c->partial->data + skip, len);
	t->c->emitted = 1;
}

void wyi_cut_forget(struct cutter *c)
{
	wyi_assert(!c->emitted);
	partial_free(c);
}

/* A small lent buffer becomes an empty one: lines that straddle every read don't allocate. */
static void take_back(struct cutter *c)
{
	if (!c->emitted)
		return;
	if (c->partial->capacity > PARTIAL_REUSE) {
		partial_free(c);
		return;
	}
	c->partial->len = 0;
	c->emitted = 0;
}

static int cut_by_frame(struct cut *t)
{
	switch (t->rules->frame) {
	case FRAME_LINE:
		return wyi_line_cut(t);
	case FRAME_RAW:
		return wyi_raw_cut(t);
	case FRAME_LEN32:
		return wyi_len32_cut(t);
	case FRAME_DGRAM:
		return wyi_dgram_cut(t);
	}
	wyi_abort("frame is known", __FILE__, __LINE__);
}

int wyi_frame_cut(const struct frame_rules *rules, struct cutter *c, const u8 *in, u32 n,
		  u32 *ret_used, struct msg *out, u32 max, struct cut_counts *counts)
{
	struct cut t = {
		.rules = rules,
		.c = c,
		.in = in,
		.n = n,
		.out = out,
		.max = max,
		.counts = counts,
	};
	int r;

	wyi_assert(max > 0 && rules->max_message > 0);
	take_back(c);
	r = cut_by_frame(&t);
	if (c->partial && !c->partial->len)
		partial_free(c);
	/* With something dealt with, that is told first: the fault is met again at once. */
	if (r < 0 && !t.pos)
		return r;
	*ret_used = t.pos;
	return (int)t.count;
}

void wyi_frame_release(struct cutter *c)
{
	if (c->emitted)
		partial_free(c);
}

int wyi_frame_end(const struct frame_rules *rules, struct cutter *c, struct msg *ret_last)
{
	wyi_frame_release(c);
	if (!cutter_kept(c))
		return 0;
	if (rules->frame != FRAME_LINE)
		return WYE_EFRAME;
	*ret_last = (struct msg){c->partial->data, c->partial->len};
	c->emitted = 1;
	return 1;
}

u32 wyi_frame_held(const struct cutter *c)
{
	u64 bytes = c->partial ? sizeof(*c->partial) + (u64)c->partial->capacity : 0;

	return bytes > UINT32_MAX ? UINT32_MAX : (u32)bytes;
}

void wyi_frame_reset(struct cutter *c)
{
	partial_free(c);
	*c = (struct cutter){0};
}
