/* SPDX-License-Identifier: MIT */
/*
 * Pairs and modes.
 *
 * A pair (source, sink) is on if both exist and they are not the same single link. It waits if the
 * sink's `full` says so:
 *
 *     full=block   every source that can be left unread waits (datagrams can't)
 *     full=auto    a patient source (it can wait, and will end) waits for a named sink (one link
 *                  that the user named); on raw every stream source waits for a named sink
 *     else         nobody waits
 *
 * A feed that a waiting source writes into keeps everything (mode block) until the last of them has
 * ended and is written. A feed without room shuts the sources that have to wait for it; over its
 * bound because the loop is late, it shuts all. A shut source is opened again at three quarters of
 * the bound, so that it does not flicker.
 */
#include <errno.h>
#include <string.h>
#include "hub/hub.h"

static bool is_stream_source(const struct endpoint *e)
{
	return !wyi_endpoint_is_datagram(e);
}

static bool waits(const struct endpoint *source, const struct endpoint *sink)
{
	switch (sink->url.full) {
	case FULL_BLOCK:
		return is_stream_source(source);
	case FULL_DROP:
	case FULL_CLOSE:
		return false;
	case FULL_AUTO:
		break;
	}
	if (!wyi_endpoint_is_named(sink))
		return false;
	if (sink->url.frame == FRAME_RAW)
		return is_stream_source(source);
	return wyi_endpoint_is_patient(source);
}

int wyi_policy_reserve(struct wye_hub *h)
{
	struct pair *pairs = wyi_zalloc(sizeof *pairs * h->n * h->n + 1);

	if (!pairs)
		return -ENOMEM;
	for (u32 i = 0; i < h->n_open; i++)
		memcpy(&pairs[(size_t)i * h->n], pair_of(h, i, 0), sizeof *pairs * h->n_open);
	wyi_free(h->pairs);
	h->pairs = pairs;
	h->stride = h->n;
	return 0;
}

/* Pairs that are shut stay so: their sources count on it. */
void wyi_policy_make(struct wye_hub *h)
{
	for (u32 i = 0; i < h->n_open; i++)
		for (u32 k = 0; k < h->n_open; k++) {
			struct endpoint *source = h->endpoint[i], *sink = h->endpoint[k];
			struct pair *p = pair_of(h, i, k);

			p->on = source->url.dir != DIR_OUT && sink->feed &&
				!(i == k && wyi_endpoint_is_one(source));
			p->waits = p->on && waits(source, sink);
		}
	wyi_policy_modes(h);
}

static bool is_kept(struct wye_hub *h, u32 sink)
{
	for (u32 i = 0; i < h->n_open; i++)
		if (pair_of(h, i, sink)->waits && !h->endpoint[i]->ended)
			return true;
	return false;
}

/*
 * When its last waiting source has ended, a feed keeps what it has, and drops again when that is
 * written.
 */
static void set_kept(struct wye_hub *h, struct endpoint *sink, bool kept)
{
	if (h->kept[sink->index] == kept)
		return;
	h->kept[sink->index] = kept;
	wyi_feed_keep(sink->feed, kept ? UINT64_MAX : wyi_feed_seq(sink->feed));
}

void wyi_policy_modes(struct wye_hub *h)
{
	for (u32 i = 0; i < h->n_open; i++) {
		if (!h->endpoint[i]->feed)
			continue;
		set_kept(h, h->endpoint[i], is_kept(h, i));
		wyi_policy_full(h, h->endpoint[i]);
	}
}

enum wye_mode wyi_policy_mode(struct wye_hub *h, const struct endpoint *sink)
{
	for (u32 i = 0; i < h->n_open; i++)
		if (pair_of(h, i, sink->index)->waits)
			return WYE_MODE_BLOCK;
	return wyi_endpoint_closes_slow(sink) ? WYE_MODE_CLOSE : WYE_MODE_DROP;
}

/* -- shut and open ----------------------------------------------------------------------------- */
static void set_shut(struct wye_hub *h, u32 source, u32 sink, bool shut)
{
	struct pair *p = pair_of(h, source, sink);

	if (!p->on || p->shut == shut)
		return;
	p->shut = shut;
	h->n_shut = shut ? h->n_shut + 1 : h->n_shut - 1;
	wyi_group_shut(&h->endpoint[source]->group, shut ? 1 : -1);
	h->endpoint[sink]->group.holds_back += shut ? 1 : -1u;
}

void wyi_policy_full(struct wye_hub *h, struct endpoint *sink)
{
	struct feed *feed = sink->feed;
	bool full = !wyi_feed_room(feed, true, 0, 0), late = full && !wyi_feed_keeping(feed);

	if (!full && !h->n_shut)
		return;
	for (u32 i = 0; i < h->n_open; i++) {
		struct pair *p = pair_of(h, i, sink->index);

		if (full)
			set_shut(h, i, sink->index, late || p->waits);
		else if (p->shut && wyi_feed_room(feed, true, sink->url.queue / 4, 0))
			set_shut(h, i, sink->index, false);
	}
}

void wyi_policy_settle(struct wye_hub *h)
{
	for (u32 i = 0; h->n_shut && i < h->n_open; i++)
		if (h->endpoint[i]->feed)
			wyi_policy_full(h, h->endpoint[i]);
}

/* -- what is left ------------------------------------------------------------------------------ */
static bool is_sink(const struct endpoint *e)
{
	return e->feed && e->state != WYE_FAILED && e->state != WYE_ENDED;
}

bool wyi_policy_any_way(struct wye_hub *h)
{
	for (u32 i = 0; i < h->n_open; i++)
		for (u32 k = 0; k < h->n_open; k++)
			if (pair_of(h, i, k)->on && !h->endpoint[i]->ended &&
			    is_sink(h->endpoint[k]) && h->endpoint[i]->state != WYE_FAILED)
				return true;
	return false;
}
