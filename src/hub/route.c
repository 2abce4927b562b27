/* SPDX-License-Identifier: MIT */
/*
 * One run of messages of one link, to every feed that hears it: converted, then copied once per
 * feed.
 *
 * Failure: what is too big for the sink, or has no room in a feed that is kept for another source,
 * is refused at the door of that feed, message by message, and counted there; the rest of the run
 * goes in.
 */
#include <errno.h>
#include "hub/hub.h"

struct run {
	struct wye_hub *hub;
	struct endpoint *source, *sink;
	struct link *link;
	u32 reader; /* slot of the link if it reads the sink's feed itself */
	/* Each message has to ask for room: it can't wait; the feed is kept for one that can. */
	bool door;
	u32 n;	     /* units gathered in hub->units */
	u64 pending; /* their bytes, records included */
};

static void append(struct run *r)
{
	if (r->n && wyi_feed_append(r->sink->feed, r->hub->units, r->n, r->reader) < 0 &&
	    r->link->state == LINK_UP)
		wyi_link_close(r->link, -ENOMEM);
	r->n = 0;
	r->pending = 0;
}

/*
 * Unit n of the hub's array stays, or is refused. Units come in order, so a gap is closed by moving
 * it up.
 */
static void take(struct run *r, const struct unit *u)
{
	struct feed *feed = r->sink->feed;
	u32 size = unit_size(u);

	if (!wyi_frame_fits(&r->sink->group.rules, u)) {
		wyi_feed_refuse(feed, 1, r->reader, WYE_DROP_TOO_BIG);
		return;
	}
	if (r->door && !wyi_feed_room(feed, false, r->pending, size)) {
		wyi_feed_refuse(feed, 1, r->reader, WYE_DROP_FULL);
		return;
	}
	r->hub->units[r->n++] = *u;
	r->pending += size + FEED_RECORD;
}

static void convert(struct run *r, const struct msg *m)
{
	u64 *split = &r->hub->split[r->sink->index];
	u32 used = 0;

	do {
		struct unit *at = &r->hub->units[r->n];
		u32 k = wyi_frame_units(r->source->url.frame, &r->sink->group.rules, m, &used, at,
					HUB_UNITS - r->n, split);

		for (u32 i = 0; i < k; i++)
			take(r, &at[i]);
		if (r->n == HUB_UNITS)
			append(r);
	} while (used < m->len);
}

static void run_to(struct wye_hub *h, struct endpoint *source, struct endpoint *sink,
		   struct link *l, const struct msg *m, u32 n)
{
	struct run r = {.hub = h, .source = source, .sink = sink, .link = l, .reader = U32_NONE};
	struct feed *feed = sink->feed;

	if (!wyi_feed_has_readers(feed))
		return;
	if (source == sink && l->flags & LINK_READS) {
		if (sink->group.n_links == 1)
			return; /* it alone would hear itself */
		r.reader = l->slot;
	}
	r.door = wyi_feed_keeping(feed) && !pair_of(h, source->index, sink->index)->waits;
	for (u32 i = 0; i < n; i++)
		convert(&r, &m[i]);
	append(&r);
	wyi_group_fed(&sink->group);
	wyi_policy_full(h, sink);
}

void wyi_hub_route(struct endpoint *source, struct link *l, const struct msg *m, u32 n)
{
	struct wye_hub *h = source->owner;

	for (u32 i = 0; i < h->n_open; i++)
		if (pair_of(h, source->index, i)->on)
			run_to(h, source, h->endpoint[i], l, m, n);
}
