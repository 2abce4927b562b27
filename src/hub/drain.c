/* SPDX-License-Identifier: MIT */
/*
 * The end of a hub, in order.
 *
 *     write    no newcomers; what is fed is written out
 *     listen   streams are half-closed; answers are still routed until `linger` passed in silence,
 *              or nobody is left to speak; what the kernel holds unsent is waited for, since a
 *              close with unread input would destroy it
 *     done     on_drained, with the bytes that could not be written
 *
 * Failure: a sink that is down for its `timeout`, or moves no byte for 10 s, is given up: its bytes
 * count as unwritten. WYE_DRAIN_STOP reads nothing any more, skips `listen` and is over at the
 * limit.
 */
#include <errno.h>
#include "hub/hub.h"

#define STUCK_NS (10 * NS_PER_S)

static void finish(struct wye_hub *h)
{
	u64 unwritten = 0;

	h->step = DRAIN_DONE;
	wyi_timer_stop(&h->tick);
	for (u32 i = 0; i < h->n_open; i++)
		unwritten += wyi_endpoint_unwritten(h->endpoint[i]);
	h->on_drained(h, unwritten, h->drained_ctx);
}

static u64 quiet_time(struct wye_hub *h, u64 since)
{
	u64 now = wyi_loop_now(h->loop);

	return now > since ? now - since : 0;
}

/* -- write ------------------------------------------------------------------------------------- */
static bool is_hopeless(struct wye_hub *h, struct drain_sink *s, struct endpoint *e)
{
	u64 progress = wyi_endpoint_progress(e);

	if (progress != s->progress) {
		s->progress = progress;
		s->moved = wyi_loop_now(h->loop);
	}
	if (e->one && e->one->state == LINK_DOWN)
		return quiet_time(h, e->down_since > s->begun ? e->down_since : s->begun) >
		       e->url.timeout;
	return quiet_time(h, s->moved) > STUCK_NS;
}

/* Is everything written, or given up? */
static bool is_written(struct wye_hub *h)
{
	bool all = true;

	for (u32 i = 0; i < h->n_open; i++) {
		struct endpoint *e = h->endpoint[i];

		if (!wyi_endpoint_pending(e))
			h->sink[i].moved = wyi_loop_now(
				h->loop); /* its ten seconds begin with what comes next */
		if (wyi_endpoint_is_trying(e) && h->how == WYE_DRAIN_END)
			all = false; /* nothing to write there, but the other side may have something to say */
		if (h->sink[i].given_up || !wyi_endpoint_pending(e))
			continue;
		if (is_hopeless(h, &h->sink[i], e)) {
			wyi_log(h->loop, WYE_LOG_WARN, "given-up", e->name, 0,
				"%s: %llu bytes not written", e->name,
				(unsigned long long)wyi_endpoint_pending(e));
			wyi_endpoint_give_up(e);
			h->sink[i].given_up = true;
			continue;
		}
		all = false;
	}
	return all;
}

/* -- listen ------------------------------------------------------------------------------------ */
static void half_close(struct wye_hub *h)
{
	for (u32 i = 0; i < h->n_open; i++)
		wyi_endpoint_finish(h->endpoint[i]);
	h->step = DRAIN_LISTEN;
	h->heard = h->moved = wyi_loop_now(h->loop);
}

static bool somebody_speaks(struct wye_hub *h)
{
	u64 received = 0;
	bool any = false;

	for (u32 i = 0; i < h->n_open; i++) {
		received += h->endpoint[i]->group.received_bytes +
			    h->endpoint[i]->group.discarded_bytes;
		any = any || wyi_endpoint_speaks(h->endpoint[i]);
	}
	if (received != h->received)
		h->heard = wyi_loop_now(h->loop);
	h->received = received;
	return any && quiet_time(h, h->heard) < h->linger;
}

/*
 * A peer that does not take even what the kernel holds is given up, too; its bytes count as
 * unwritten.
 */
static bool kernel_holds_bytes(struct wye_hub *h)
{
	u64 unsent = 0;

	for (u32 i = 0; i < h->n_open; i++)
		if (!h->sink[i].given_up)
			unsent += wyi_endpoint_unsent(h->endpoint[i]);
	if (unsent != h->unsent)
		h->moved = wyi_loop_now(h->loop);
	h->unsent = unsent;
	if (quiet_time(h, h->moved) < STUCK_NS)
		return unsent;
	for (u32 i = 0; unsent && i < h->n_open; i++)
		if (!h->sink[i].given_up)
			h->endpoint[i]->given_up += wyi_endpoint_unsent(h->endpoint[i]);
	return false;
}

void wyi_drain_settle(struct wye_hub *h)
{
	if (h->step == DRAIN_NOT || h->step == DRAIN_DONE)
		return;
	if (h->limit && wyi_loop_now(h->loop) >= h->limit) {
		finish(h);
		return;
	}
	if (!is_written(h))
		return;
	if (h->step == DRAIN_WRITE)
		half_close(h);
	if (h->how == WYE_DRAIN_STOP || (!somebody_speaks(h) && !kernel_holds_bytes(h)))
		finish(h);
}

/* -- begin ------------------------------------------------------------------------------------- */
static void on_tick(struct timer *t)
{
	struct wye_hub *h = container_of(t, struct wye_hub, tick);
	u64 every = h->linger / 5;

	every = every < 2 * NS_PER_MS	  ? 2 * NS_PER_MS
		: every > 100 * NS_PER_MS ? 100 * NS_PER_MS
					  : every;
	wyi_timer_set(h->loop, t, wyi_loop_now(h->loop) + every);
}

void wyi_drain_init(struct wye_hub *h)
{
	wyi_timer_init(&h->tick, on_tick);
}

void wyi_drain_stop(struct wye_hub *h)
{
	wyi_timer_stop(&h->tick);
}

static void stop_sources(struct wye_hub *h)
{
	for (u32 i = 0; i < h->n_open; i++)
		wyi_group_shut(&h->endpoint[i]->group, 1);
}

int wye_hub_drain(struct wye_hub *h, enum wye_drain how, unsigned linger_ms, unsigned limit_ms,
		  void (*on_drained)(struct wye_hub *, uint64_t, void *), void *ctx)
{
	u64 now = wyi_loop_now(h->loop);
	int r = wyi_loop_check(h->loop);

	if (r < 0)
		return r;
	if (!on_drained || h->step == DRAIN_DONE)
		return -EINVAL;
	if (how == WYE_DRAIN_STOP && h->how != WYE_DRAIN_STOP)
		stop_sources(h);
	for (u32 i = 0; i < h->n_open; i++)
		wyi_endpoint_stop(h->endpoint[i], how == WYE_DRAIN_STOP);
	for (u32 i = 0; h->step == DRAIN_NOT && i < h->n_open; i++)
		h->sink[i] = (struct drain_sink){.moved = now, .begun = now};
	if (h->step == DRAIN_NOT)
		h->step = DRAIN_WRITE;
	h->how = how;
	h->linger = linger_ms * NS_PER_MS;
	h->limit = how == WYE_DRAIN_STOP && limit_ms ? now + limit_ms * NS_PER_MS : 0;
	h->on_drained = on_drained;
	h->drained_ctx = ctx;
	wyi_timer_set(h->loop, &h->tick, now);
	return 0;
}
