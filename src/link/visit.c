/* SPDX-License-Identifier: MIT */
/*
 * Silent and stuck links, found without a timer per link: a sweep visits every link of the loop
 * once per interval, in up to 64 slices, so that 100,000 of them are never looked at in one turn. A
 * link keeps when it was last heard; nothing is touched per message but that one store.
 *
 * The interval is a quarter of the shortest time anybody asked for: a verdict comes between T and
 * 1.25 T. While a link is not read (its group is shut) its clock stands still.
 */
#include "link/inner.h"

static u32 now_ms(const struct links *ls)
{
	return (u32)(wyi_loop_now(ls->loop) / NS_PER_MS);
}

void wyi_visit_heard(struct link *l)
{
	l->heard = now_ms(l->group->links);
}

static bool is_silent(struct link *l, u32 now)
{
	const struct link_group *g = l->group;

	if (!g->idle)
		return false;
	if (g->shut || l->flags & LINK_PAUSED)
		l->heard = now;
	return now - l->heard > (u32)(g->idle / NS_PER_MS);
}

/* Waits for room while the feed holds a source back for it, and no byte moves. */
static bool is_stuck(struct link *l, u32 now)
{
	const struct link_group *g = l->group;
	u32 progress;

	if (!g->stall || !(l->flags & LINK_READS))
		return false;
	progress = (u32)wyi_feed_progress(g->feed, l->slot);
	if (progress != l->moved_to || !g->holds_back || !wyi_feed_is_waiting(g->feed, l->slot)) {
		l->moved_to = progress;
		l->moved = now;
	}
	return now - l->moved > (u32)(g->stall / NS_PER_MS);
}

static void visit(struct link *l, u32 now)
{
	if (l->state != LINK_UP)
		return;
	if (is_silent(l, now))
		wyi_link_close(l, WYE_EIDLE);
	else if (is_stuck(l, now))
		wyi_link_close(l, WYE_ESTALLED);
}

static u32 slices(u32 slots)
{
	u32 n = slots / SLAB_PAGE;

	return n < 1 ? 1 : n > VISITS ? VISITS : n;
}

static void on_sweep(struct timer *t)
{
	struct links *ls = container_of(t, struct links, sweep);
	u32 end = wyi_slab_end(&ls->slab), n = slices(end), now = now_ms(ls);
	u32 until = ls->sweep_next + (end + n - 1) / n;

	for (; ls->sweep_next < until && ls->sweep_next < end; ls->sweep_next++)
		if (wyi_slab_used(&ls->slab, ls->sweep_next))
			visit(wyi_link_at(ls, ls->sweep_next), now);
	if (ls->sweep_next >= end)
		ls->sweep_next = 0;
	wyi_timer_set(ls->loop, t, wyi_loop_now(ls->loop) + ls->sweep_within / n);
}

void wyi_visit_init(struct links *ls)
{
	wyi_timer_init(&ls->sweep, on_sweep);
}

/* Links count in 32 bits of ms: what would wrap (24 days) is never. */
static u64 countable(u64 ns)
{
	return ns / NS_PER_MS > INT32_MAX ? 0 : ns;
}

void wyi_group_watch(struct link_group *g, u64 idle, u64 stall)
{
	struct links *ls = g->links;
	u64 shortest, within;

	idle = countable(idle);
	stall = countable(stall);
	shortest = idle && (!stall || idle < stall) ? idle : stall;
	within = shortest / 4 > NS_PER_MS ? shortest / 4 : NS_PER_MS;
	g->idle = idle;
	g->stall = stall;
	if (!shortest || (ls->sweep_within && ls->sweep_within <= within))
		return;
	ls->sweep_within = within;
	wyi_timer_set(ls->loop, &ls->sweep, wyi_loop_now(ls->loop) + within);
}
