/* SPDX-License-Identifier: MIT */
/*
 * wheel: all armed timers of a loop, sans clock: time comes in as a number, due timers come out as
 * a list.
 *
 * Eight levels of 64 slots; a slot of the lowest level is one tick (2^20 ns, 1.05 ms), a slot of
 * the next is 64 of them, and so on up to all of u64. A deadline is rounded up to a tick, so a
 * timer is never early and at most a tick late; timers of one tick wake a sleeping loop once. Set
 * and stop are O(1); a slot above the lowest level is spread over the levels below when it is
 * reached, at most WHEEL_MOVES timers at a time, so that a million timers in one slot don't hold up
 * a turn. Nothing fails, nothing allocates.
 *
 * A timer can be stopped by its node alone. So an emptied slot keeps its bit in `maybe` until
 * someone looks.
 */
#ifndef LOOP_WHEEL_H
#define LOOP_WHEEL_H

#include "loop/loop.h"

#define WHEEL_TICK   20u /* log2 of ns */
#define WHEEL_BITS   6u
#define WHEEL_SLOTS  (1u << WHEEL_BITS)
#define WHEEL_LEVELS 8u
#define WHEEL_MOVES  4096u
#define WHEEL_NEVER  UINT64_MAX

struct wheel {
	u64 now; /* ns, as last advanced to */
	/* Reached; all timers in slots are later, and lie where they differ from it first. */
	u64 tick;
	struct list due;	 /* come out at the next advance */
	struct list moving;	 /* of a slot that was reached, to be spread */
	u64 maybe[WHEEL_LEVELS]; /* a bit per slot: there may be timers */
	struct list slot[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wyi_wheel_init(struct wheel *, u64 now);
/* Arms or moves. A deadline that is past comes out at the next advance. */
void wyi_wheel_set(struct wheel *, struct timer *, u64 deadline);
/* Appends what is due to *due, in the order of ticks; within a tick in any order. */
void wyi_wheel_advance(struct wheel *, u64 now, struct list *due);
/*
 * When to advance next: 0 = at once, WHEEL_NEVER. Never after the first deadline's tick; may be
 * before it.
 */
u64 wyi_wheel_next(struct wheel *);

#endif
