/* SPDX-License-Identifier: MIT */
/*
 * What the feed's tests send, and the peer that gets it.
 *
 * A unit is one byte 'B', or 'D' (of the feed) or 'P' (private), its number (3 bytes), the length
 * of its body (4 bytes) and a body of equal bytes under 64, so no byte of a body can be taken for
 * the beginning of a unit.
 */
#ifndef TESTS_FEED_SINK_H
#define TESTS_FEED_SINK_H

#include "base/base.h"

#define UNIT_HEAD 8u
#define UNIT_MAX  (1u << 20)

/* Fills *u: n bytes of body, of which up to 2 go to the tail. bytes: memory for the body, lent. */
void unit_make(struct unit *u, char kind, u32 number, u32 n);

struct sink {
	u8 head[UNIT_HEAD];
	u32 n_head; /* of head, of the unit that has begun */
	u32 left;   /* of its body */
};
static inline bool sink_at_boundary(const struct sink *s)
{
	return s->n_head == 0;
}
/* The number of the begun unit, or 0. */
u32 sink_begun(const struct sink *s);
/*
 * Takes bytes as they come; got() for each unit that is whole now. False: what comes is no unit, or
 * is torn.
 */
bool sink_take(struct sink *s, const u8 *bytes, size_t n,
	       void (*got)(void *ctx, char kind, u32 number), void *ctx);

/* A small random number generator (splitmix64): the same histories everywhere. */
struct rnd {
	u64 state;
};
u64 rnd_next(struct rnd *r);
u32 rnd_below(struct rnd *r, u32 n);			   /* 0 .. n-1 */
static inline u32 rnd_in(struct rnd *r, u32 low, u32 high) /* both included */
{
	return low + rnd_below(r, high - low + 1);
}
bool rnd_is(struct rnd *r, u32 percent);

#endif
