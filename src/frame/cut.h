/* SPDX-License-Identifier: MIT */
/*
 * Inside frame/ only: one call of wyi_frame_cut() as its framings see it, and the buffer in which
 * an incomplete message waits for its rest.
 */
#ifndef FRAME_CUT_H
#define FRAME_CUT_H

#include "frame/frame.h"

/* Holds the beginning of one message, or one whole message that is lent (cutter.emitted). */
struct partial {
	u32 len;
	u32 capacity;
	u8 data[];
};

struct cut {
	const struct frame_rules *rules;
	struct cutter *c;
	const u8 *in;
	u32 n;
	u32 pos; /* consumed: moves only past what is given, kept or counted */
	struct msg *out;
	u32 max;
	u32 count;
	struct cut_counts *counts;
};

/* Bytes of an incomplete message kept from earlier calls. */
static inline u32 cutter_kept(const struct cutter *c)
{
	return c->partial && !c->emitted ? c->partial->len : 0;
}
static inline void cut_give(struct cut *t, const u8 *data, u32 len)
{
	t->out[t->count++] = (struct msg){data, len};
}
/* Keeps the next n > 0 bytes of the input, in all at most limit. -ENOMEM: nothing is changed. */
int wyi_cut_keep(struct cut *t, u32 n, u64 limit);
/* Keeps all the rest, unless the buffer is lent: then it is left for the next call. */
int wyi_cut_keep_rest(struct cut *t, u64 limit);
/* Gives out what is kept, `skip` bytes at its front left off and len bytes long. */
void wyi_cut_give_kept(struct cut *t, u32 skip, u32 len);
void wyi_cut_forget(struct cutter *c); /* what is kept */

/* Each answers 0, or an error: then what pos has passed is dealt with, and the fault is at pos. */
int wyi_line_cut(struct cut *t);
int wyi_raw_cut(struct cut *t);
int wyi_len32_cut(struct cut *t);
int wyi_dgram_cut(struct cut *t);

#endif
