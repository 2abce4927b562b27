/* SPDX-License-Identifier: MIT */
/*
 * What all endpoints share: life, the calls that links make, information. See endpoint.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "endpoint/inner.h"

static bool is_a(const struct endpoint *e, u32 schemes)
{
	return URL_BIT(e->url.scheme) & schemes;
}

bool wyi_endpoint_is_one(const struct endpoint *e)
{
	if (is_a(e, URL_DIALLERS | URL_BIT(URL_STDIO)))
		return true;
	return !is_a(e, URL_DATAGRAM) && (e->url.once || e->url.max == 1);
}

bool wyi_endpoint_is_datagram(const struct endpoint *e)
{
	return is_a(e, URL_DATAGRAM);
}

bool wyi_endpoint_can_end(const struct endpoint *e)
{
	if (is_a(e, URL_BIT(URL_STDIO)))
		return e->url.dir != DIR_OUT && !e->endless;
	return e->url.once || (is_a(e, URL_DIALLERS) && e->url.retry_off);
}

bool wyi_endpoint_is_patient(const struct endpoint *e)
{
	return wyi_endpoint_can_end(e) && !is_a(e, URL_DATAGRAM);
}

bool wyi_endpoint_is_named(const struct endpoint *e)
{
	return wyi_endpoint_is_one(e) && !e->out_tty;
}

bool wyi_endpoint_is_trying(const struct endpoint *e)
{
	return is_a(e, URL_DIALLERS) && e->state == WYE_OPENING && !e->why && !e->links_ever;
}

bool wyi_endpoint_speaks(const struct endpoint *e)
{
	if (e->url.dir == DIR_OUT)
		return false;
	group_each_link (l, &e->group)
		if (l->state == LINK_UP && !(l->flags & LINK_READ_END))
			return true;
	return false;
}

/* -- what happens to it ------------------------------------------------------------------------ */
void wyi_endpoint_set(struct endpoint *e, enum wye_state state, int why)
{
	if (e->state == WYE_FAILED)
		return;
	e->state = state;
	e->why = why;
	if (e->one && (state == WYE_FAILED || state == WYE_ENDED))
		wyi_endpoint_give_up(e); /* no connection will come for what waits */
	e->ops->on_change(e);
}

void wyi_endpoint_end(struct endpoint *e)
{
	if (e->ended)
		return;
	e->ended = true;
	e->ops->on_change(e);
}

void wyi_endpoint_up(struct endpoint *e, struct link *l)
{
	struct addr peer;
	char text[ADDR_TEXT] = "";
	enum wye_level level = is_a(e, URL_DIALLERS) ? WYE_LOG_INFO : WYE_LOG_DEBUG;

	e->links_ever++;
	wyi_link_peer(l, &peer);
	if (peer.len)
		wyi_addr_print(&peer, text);
	wyi_log(e->loop, level, "up", e->name, l->number, "%s link %u%s%s", e->name, l->number,
		*text ? is_a(e, URL_DIALLERS) ? " to " : " from " : "", text);
}

static void on_run(struct link_group *g, struct link *l, const struct msg *m, u32 n)
{
	struct endpoint *e = endpoint_of(g);

	e->refusals = 0;
	e->ops->on_run(e, l, m, n);
}

static void on_end(struct link_group *g, struct link *l)
{
	struct endpoint *e = endpoint_of(g);

	if (is_a(e, URL_DIALLERS) && !e->url.retry_off && !e->closing) {
		wyi_link_close(l, WYE_EEND);
		return;
	}
	if (wyi_endpoint_can_end(e))
		wyi_endpoint_end(e);
	if (!g->feed || l->flags & LINK_SENT_END)
		wyi_link_close(l, WYE_EEND);
}

static void stdio_down(struct endpoint *e, int why)
{
	if (why != -EPIPE) /* a reader that leaves is no failure */
		wyi_log(e->loop, WYE_LOG_ERROR, "failed", e->name, 0, "%s: %s", e->name,
			wye_strerror(why));
	wyi_endpoint_set(e, WYE_FAILED, why);
	if (wyi_endpoint_can_end(e))
		wyi_endpoint_end(e);
}

static void on_down(struct link_group *g, struct link *l, int why)
{
	struct endpoint *e = endpoint_of(g);
	enum wye_level level = is_a(e, URL_DIALLERS) ? WYE_LOG_INFO : WYE_LOG_DEBUG;

	wyi_log(e->loop, level, "down", e->name, l->number, "%s link %u: %s", e->name, l->number,
		wye_strerror(why));
	if (e->one)
		e->down_since = wyi_loop_now(e->loop);
	if (is_a(e, URL_DIALLERS))
		wyi_dial_down(e, why);
	else if (is_a(e, URL_BIT(URL_STDIO)))
		stdio_down(e, why);
	else
		wyi_listen_down(e, why);
}

static void on_skipped(struct link_group *g, struct link *l, u64 n)
{
	struct endpoint *e = endpoint_of(g);

	wyi_log(e->loop, WYE_LOG_WARN, "too-big", e->name, l->number,
		"%s: skipped %llu longer than max-message=%u; frame=raw takes any length", e->name,
		(unsigned long long)n, e->url.max_message);
}

static int on_stranger(struct link_group *g, const struct addr *addr)
{
	struct endpoint *e = endpoint_of(g);

	(void)addr;
	if (!e->closing)
		return 0;
	e->refused++;
	return WYE_ESTOP;
}

static void on_up(struct link_group *g, struct link *l)
{
	wyi_endpoint_up(endpoint_of(g), l);
}

static void on_refused(struct link_group *g, struct link *l)
{
	(void)l;
	wyi_dial_refused(endpoint_of(g));
}

static const struct link_ops link_ops = {
	.on_input = on_run,
	.on_end = on_end,
	.on_stranger = on_stranger,
	.on_up = on_up,
	.on_skipped = on_skipped,
	.on_down = on_down,
	.on_refused = on_refused,
};

/* -- life -------------------------------------------------------------------------------------- */
/*
 * raw, where the sink is one of many links: one that lags is closed, since a stream with a gap is
 * worth nothing.
 */
bool wyi_endpoint_closes_slow(const struct endpoint *e)
{
	return e->url.full == FULL_CLOSE ||
	       (e->url.full == FULL_AUTO && e->url.frame == FRAME_RAW && !wyi_endpoint_is_one(e));
}

static int make_feed(struct endpoint *e)
{
	struct feed_options options = {.queue = e->url.queue,
				       .raw = e->url.frame == FRAME_RAW,
				       .close = wyi_endpoint_closes_slow(e),
				       .datagram = wyi_endpoint_is_datagram(e)};

	if (e->url.dir == DIR_IN)
		return 0;
	return wyi_feed_new(wyi_links_feeds(e->group.links), &options, &e->feed);
}

static void fill_group(struct endpoint *e)
{
	struct link_group *g = &e->group;

	g->feed = e->feed;
	g->rules = (struct frame_rules){.frame = e->url.frame,
					.eol = e->url.eol,
					.max_message = e->url.max_message,
					.skip = is_a(e, URL_BIT(URL_STDIO))};
	g->discard = e->url.dir == DIR_OUT;
	/* A listener for one link keeps its feed as a dialler does: a file waits for who will come. */
	g->hold = e->url.hold || (is_a(e, URL_LISTENERS) && wyi_endpoint_is_one(e));
	g->datagram = wyi_endpoint_is_datagram(e);
}

int wyi_endpoint_new(struct wye_loop *loop, const struct url *url, u32 index,
		     const struct endpoint_ops *ops, void *owner, struct endpoint **ret)
{
	struct endpoint *e = wyi_zalloc(sizeof *e);
	struct links *links;
	int r = e ? wyi_links_of(loop, &links) : -ENOMEM;

	if (r < 0) {
		wyi_free(e);
		return r;
	}
	e->url = *url;
	e->ops = ops;
	e->owner = owner;
	e->index = index;
	e->loop = loop;
	e->dial_fd = e->reserve = e->listen.lock_fd = -1;
	if (*url->name)
		snprintf(e->name, sizeof e->name, "%s", url->name);
	else
		snprintf(e->name, sizeof e->name, "%s-%u",
			 url->scheme == URL_STDIO ? "stdio" : wyi_scheme_name(url->scheme),
			 index + 1);
	wyi_group_init(&e->group, links, &link_ops);
	wyi_listen_init(e);
	wyi_dial_init(e);
	r = make_feed(e);
	if (r < 0) {
		wyi_endpoint_free(e);
		return r;
	}
	fill_group(e);
	*ret = e;
	return 0;
}

static int open_one(struct endpoint *e, struct wye_error *error)
{
	int r = 0;

	e->down_since = wyi_loop_now(e->loop);
	if (wyi_endpoint_is_one(e) && !e->one)
		r = wyi_link_new_one(&e->group, &e->one);
	return r < 0 ? wyi_fail(error, r, 0, "%s: %s", e->name, wye_strerror(r)) : 0;
}

static int open_kind(struct endpoint *e, struct wye_error *error)
{
	if (is_a(e, URL_DIALLERS))
		return wyi_dial_open(e);
	if (is_a(e, URL_BIT(URL_STDIO)))
		return wyi_stdio_open(e, error);
	return is_a(e, URL_DATAGRAM) ? wyi_dgram_server_open(e, error) : wyi_listen_open(e, error);
}

int wyi_endpoint_open(struct endpoint *e, struct wye_error *error)
{
	int r = open_one(e, error);

	wyi_loop_class(e->loop, LOOP_ACCEPT, wyi_listen_ready, NULL);
	wyi_loop_class(e->loop, LOOP_DIAL, wyi_dial_ready, NULL);
	wyi_group_watch(&e->group, e->url.idle, e->url.stall);
	if (r >= 0)
		r = open_kind(e, error);
	if (r < 0) { /* nothing stays open */
		wyi_listen_stop(e);
		wyi_dgram_close(&e->group);
	}
	return r;
}

void wyi_endpoint_stop(struct endpoint *e, bool at_once)
{
	e->closing = true;
	if (is_a(e, URL_DIALLERS))
		return; /* what is fed still has to get there; it ends with its first silence */
	if (at_once || !e->one || !wyi_endpoint_pending(e))
		wyi_listen_stop(e);
}

void wyi_endpoint_finish(struct endpoint *e)
{
	wyi_listen_stop(e);
	if (is_a(e, URL_DATAGRAM | URL_BIT(URL_STDIO)))
		return;
	group_each_link (l, &e->group) {
		wyi_link_finish(l);
		if (l->state == LINK_UP && l->flags & LINK_READ_END)
			wyi_link_close(l, WYE_EEND);
	}
}

/*
 * Conservation: every message that was routed here was written, or dropped for a cause, or lost
 * with its link.
 */
static void check_accounts(const struct endpoint *e)
{
	struct feed_stats s;
	u64 sum;

	wyi_feed_stats(e->feed, &s);
	sum = s.written + s.lost + s.waiting;
	for (u32 i = 0; i < WYE_DROP_CAUSES; i++)
		sum += s.dropped[i];
	wyi_assert(sum == s.routed && !s.waiting);
}

void wyi_endpoint_free(struct endpoint *e)
{
	if (!e)
		return;
	wyi_dial_stop(e);
	wyi_listen_stop(e);
	wyi_group_deinit(&e->group);
	if (e->feed) {
		check_accounts(e);
		wyi_feed_free(e->feed);
	}
	wyi_free(e);
}

/* -- information ------------------------------------------------------------------------------- */
static u64 file_pending(const struct link *l)
{
	return l->ends && l->ends->file_out ? wyi_file_pending(l->ends->file_out) : 0;
}

/* Of "-": what its file took and has not written. */
static u64 filed(const struct endpoint *e)
{
	return is_a(e, URL_BIT(URL_STDIO)) && e->one ? file_pending(e->one) : 0;
}

static u64 lag(const struct endpoint *e, const struct link *l)
{
	return l->flags & LINK_READS ? wyi_feed_lag_bytes(e->feed, l->slot) : 0;
}

/* The one link counts even while it ends: what waits for it waits for its next connection. */
static u64 fed(const struct endpoint *e)
{
	u64 sum = 0;

	if (!e->feed)
		return 0;
	if (e->one)
		return lag(e, e->one);
	group_each_link (l, &e->group)
		sum += lag(e, l);
	return sum;
}

u64 wyi_endpoint_pending(const struct endpoint *e)
{
	return fed(e) + filed(e);
}

u64 wyi_endpoint_unwritten(const struct endpoint *e)
{
	return e->given_up + e->group.unfiled + wyi_endpoint_pending(e);
}

/* What a file took is still counted there, or in the group once it is closed. */
void wyi_endpoint_give_up(struct endpoint *e)
{
	e->given_up += fed(e);
	if (e->one)
		wyi_link_finish(e->one);
	group_each_link (l, &e->group)
		wyi_link_finish(l);
}

/* -1: none, or not of the internet. */
static int sending_fd(const struct link *l)
{
	int domain = AF_UNSPEC;
	socklen_t size = sizeof domain;

	if (!l->ends)
		return l->fd;
	if (l->ends->io.out != NET_SOCK ||
	    wyi_sys_getsockopt(l->ends->io.out_fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0)
		return -1;
	return domain == AF_INET || domain == AF_INET6 ? l->ends->io.out_fd : -1;
}

u64 wyi_endpoint_unsent(const struct endpoint *e)
{
	u64 sum = 0;

	if (is_a(e, URL_DATAGRAM | URL_BIT(URL_UNIX) | URL_BIT(URL_UNIX_LISTEN)))
		return 0; /* a unix socket's bytes are with the peer already */
	group_each_link (l, &e->group) {
		int unsent = l->state == LINK_UP ? wyi_sys_unsent(sending_fd(l)) : 0;

		sum += unsent > 0 ? (u32)unsent : 0;
	}
	return sum;
}

u64 wyi_endpoint_progress(const struct endpoint *e)
{
	u64 sum = 0;

	if (!e->feed)
		return 0;
	group_each_link (l, &e->group) {
		if (l->flags & LINK_READS)
			sum += wyi_feed_progress(e->feed, l->slot);
	}
	return sum - filed(e);
}

static void fill_counts(const struct endpoint *e, struct wye_endpoint_info *info)
{
	const struct link_group *g = &e->group;

	info->links_ever = e->links_ever;
	info->refused = e->refused;
	info->received = g->received;
	info->received_bytes = g->received_bytes;
	info->discarded_bytes = g->discarded_bytes;
	info->nobuf = g->nobuf;
	info->unreachable = e->unreachable;
	info->not_routed[WYE_DROP_EMPTY] = g->cut.empty;
	info->not_routed[WYE_DROP_TOO_BIG] = g->cut.skipped;
	info->not_routed[WYE_DROP_CORRUPT] = g->cut_off;
}

static void fill_feed(const struct endpoint *e, struct wye_endpoint_info *info)
{
	struct feed_stats s;

	wyi_feed_stats(e->feed, &s);
	info->routed = s.routed;
	info->written = s.written;
	info->written_bytes = s.written_bytes;
	info->lost = s.lost;
	info->waiting = s.waiting;
	info->overdue = s.overdue;
	info->held_bytes = s.used;
	memcpy(info->dropped, s.dropped, sizeof info->dropped);
	info->unwritten_bytes = wyi_endpoint_unwritten(e);
}

void wyi_endpoint_info(const struct endpoint *e, struct wye_endpoint_info *info, char url[512])
{
	*info = (struct wye_endpoint_info){.size = sizeof *info,
					   .name = e->name,
					   .url = url,
					   .state = e->ended && e->state == WYE_UP ? WYE_ENDED
										   : e->state,
					   .why = e->why,
					   .can_end = wyi_endpoint_can_end(e),
					   .ended = e->ended};
	wyi_url_print(&e->url, url, 512);
	group_each_link (l, &e->group)
		info->links += l->state == LINK_UP;
	fill_counts(e, info);
	if (e->feed)
		fill_feed(e, info);
}
