/* SPDX-License-Identifier: MIT */
/*
 * The timer wheel: see wheel.h.
 *
 * The invariant that keeps it short: a timer lies on the level of the highest group of WHEEL_BITS
 * bits in which its tick and the wheel's differ. Above that group both are the same, so its slot is
 * always ahead of the wheel's own and never wraps; the first slot of the lowest level that has one
 * is the earliest; and moving `tick` on without reaching a slot keeps all of this true.
 */
#include "loop/wheel.h"

static u64 tick_of(u64 deadline)
{
	return (deadline >> WHEEL_TICK) + ((deadline & ((1u << WHEEL_TICK) - 1)) != 0);
}

static u64 ns_of(u64 tick)
{
	return tick >> (64 - WHEEL_TICK) ? WHEEL_NEVER : tick << WHEEL_TICK;
}

static void place(struct wheel *w, struct timer *t)
{
	u64 tick = tick_of(t->deadline);
	if (tick <= w->tick) {
		list_add_tail(&w->due, &t->node);
		return;
	}
	unsigned level = (63u - (unsigned)__builtin_clzll(tick ^ w->tick)) / WHEEL_BITS;
	unsigned slot = (unsigned)(tick >> (level * WHEEL_BITS)) & (WHEEL_SLOTS - 1);
	list_add_tail(&w->slot[level][slot], &t->node);
	w->maybe[level] |= 1ull << slot;
}

/* The earliest slot that holds a timer. Bits that stops left behind are cleared on the way. */
static bool first_slot(struct wheel *w, unsigned *ret_level, unsigned *ret_slot)
{
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		for (; w->maybe[level]; w->maybe[level] &= w->maybe[level] - 1) {
			unsigned slot = (unsigned)__builtin_ctzll(w->maybe[level]);
			if (list_empty(&w->slot[level][slot]))
				continue;
			*ret_level = level;
			*ret_slot = slot;
			return true;
		}
	}
	return false;
}

static u64 start_of(const struct wheel *w, unsigned level, unsigned slot)
{
	unsigned above = (level + 1) * WHEEL_BITS;
	return w->tick >> above << above | (u64)slot << (level * WHEEL_BITS);
}

static bool spread(struct wheel *w, unsigned *budget)
{
	while (!list_empty(&w->moving)) {
		if (*budget == 0)
			return false;
		--*budget;
		struct timer *t = list_first(&w->moving, struct timer, node);
		list_del(&t->node);
		place(w, t);
	}
	return true;
}

void wyi_wheel_init(struct wheel *w, u64 now)
{
	w->now = now;
	w->tick = now >> WHEEL_TICK;
	list_init(&w->due);
	list_init(&w->moving);
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		w->maybe[level] = 0;
		for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++)
			list_init(&w->slot[level][slot]);
	}
}

void wyi_wheel_set(struct wheel *w, struct timer *t, u64 deadline)
{
	list_del(&t->node);
	t->deadline = deadline;
	if (deadline <= w->now)
		list_add_tail(&w->due, &t->node);
	else
		place(w, t);
}

void wyi_wheel_advance(struct wheel *w, u64 now, struct list *due)
{
	unsigned budget = WHEEL_MOVES, level, slot;
	if (now > w->now)
		w->now = now;
	u64 target = w->now >> WHEEL_TICK;
	while (spread(w, &budget)) {
		if (!first_slot(w, &level, &slot) || start_of(w, level, slot) > target) {
			w->tick = target;
			break;
		}
		w->tick = start_of(w, level, slot);
		list_splice_tail(level ? &w->moving : &w->due, &w->slot[level][slot]);
	}
	list_splice_tail(due, &w->due);
}

/*
 * A slot above the lowest level stands for a span. With few timers in it the real minimum is found,
 * so that an idle loop wakes once per timer and not once per level; with many, spreading them is
 * worth a wake-up.
 */
u64 wyi_wheel_next(struct wheel *w)
{
	unsigned level, slot, looked = 0;
	struct list *pos;
	if (!list_empty(&w->due) || !list_empty(&w->moving))
		return 0;
	if (!first_slot(w, &level, &slot))
		return WHEEL_NEVER;
	u64 start = start_of(w, level, slot), first = UINT64_MAX;
	if (level == 0)
		return ns_of(start);
	list_each (pos, &w->slot[level][slot]) {
		u64 tick = tick_of(list_entry(pos, struct timer, node)->deadline);
		if (++looked > 8)
			return ns_of(start);
		if (tick < first)
			first = tick;
	}
	return ns_of(first);
}
