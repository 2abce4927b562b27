/* SPDX-License-Identifier: MIT */
/*
 * Life of a hub, and what it can tell. See hub.h.
 */
#include <errno.h>
#include <string.h>
#include "hub/hub.h"

static const char part_key;

/* Hubs of one loop: the settle phase goes through them. */
struct hubs {
	struct list all;
};

const char *wye_cause_name(enum wye_cause cause)
{
	static const char *const names[WYE_DROP_CAUSES] = {
		[WYE_DROP_FULL] = "full",
		[WYE_DROP_TOO_BIG] = "too-big",
		[WYE_DROP_EMPTY] = "empty",
		[WYE_DROP_LOOP] = "loop",
		[WYE_DROP_DUPLICATE] = "duplicate",
		[WYE_DROP_CORRUPT] = "corrupt",
		[WYE_DROP_MEMORY] = "memory",
		[WYE_DROP_STALLED] = "stalled",
		[WYE_DROP_DOWN] = "down",
		[WYE_DROP_NOSPACE] = "nospace",
		[WYE_DROP_UNREACHABLE] = "unreachable",
	};

	return (unsigned)cause < WYE_DROP_CAUSES ? names[cause] : "unknown";
}

/* -- what endpoints say ------------------------------------------------------------------------ */
static void on_change(struct endpoint *e)
{
	struct wye_hub *h = e->owner;

	h->changed = true;
	wyi_loop_again(h->loop);
}

static const struct endpoint_ops endpoint_ops = {.on_run = wyi_hub_route, .on_change = on_change};

static bool all_ended(struct wye_hub *h)
{
	bool any = false;

	for (u32 i = 0; i < h->n_open; i++) {
		if (!wyi_endpoint_can_end(h->endpoint[i]))
			continue;
		any = true;
		if (!h->endpoint[i]->ended)
			return false;
	}
	return any;
}

/* A broken pipe on standard output matters only when nothing else is left to do. */
static bool is_fatal(struct wye_hub *h, const struct endpoint *e)
{
	return e->state == WYE_FAILED && (e->why != -EPIPE || !wyi_policy_any_way(h));
}

static void look_again(struct wye_hub *h)
{
	h->changed = false;
	wyi_policy_modes(h);
	for (u32 i = 0; i < h->n_open && h->step == DRAIN_NOT; i++) {
		struct endpoint *e = h->endpoint[i];

		if (h->said_failed || !is_fatal(h, e))
			continue;
		h->said_failed = true;
		if (h->options.on_failed)
			h->options.on_failed(h, e->name, e->why, h->options.ctx);
	}
	if (h->said_failed || h->said_ended || h->step != DRAIN_NOT || !all_ended(h))
		return;
	h->said_ended = true;
	if (h->options.on_ended)
		h->options.on_ended(h, h->options.ctx);
}

static bool settle(void *ctx)
{
	struct hubs *hubs = ctx;
	struct list *pos;
	bool more = false;

	list_each (pos, &hubs->all) {
		struct wye_hub *h = list_entry(pos, struct wye_hub, node);

		if (h->changed)
			look_again(h);
		wyi_policy_settle(h);
		wyi_drain_settle(h);
		more = more || h->changed;
	}
	return more;
}

static int hubs_of(struct wye_loop *loop, struct hubs **ret)
{
	struct hubs *hubs = wyi_loop_part(loop, &part_key);
	int r;

	if (!hubs) {
		hubs = wyi_zalloc(sizeof *hubs);
		if (!hubs)
			return -ENOMEM;
		list_init(&hubs->all);
		r = wyi_loop_attach(loop, &part_key, hubs, wyi_free);
		if (r < 0) {
			wyi_free(hubs);
			return r;
		}
		wyi_loop_phase(loop, LOOP_SETTLE, settle, hubs);
	}
	*ret = hubs;
	return 0;
}

/* -- life -------------------------------------------------------------------------------------- */
int wye_hub_new(struct wye_loop *loop, const struct wye_hub_options *options,
		struct wye_hub **ret_hub)
{
	struct wye_hub_options given;
	struct wye_hub *h;
	struct hubs *hubs;
	int r;

	if (!loop || !ret_hub)
		return -EINVAL;
	r = wyi_loop_check(loop);
	if (r >= 0)
		r = wyi_options(&given, sizeof given, options);
	if (r >= 0)
		r = hubs_of(loop, &hubs);
	if (r < 0)
		return r;
	h = wyi_zalloc(sizeof *h);
	if (!h)
		return -ENOMEM;
	h->loop = loop;
	h->options = given;
	list_init(&h->node);
	list_add_tail(&hubs->all, &h->node);
	wyi_drain_init(h);
	wyi_loop_use(loop, 1);
	*ret_hub = h;
	return 0;
}

static int check_name(struct wye_hub *h, const char *url, const struct url *parsed,
		      struct wye_error *why)
{
	const char *hash = strrchr(url, '#');

	for (u32 i = 0; *parsed->name && i < h->n; i++)
		if (strcmp(h->endpoint[i]->url.name, parsed->name) == 0)
			return wyi_fail(why, WYE_EURL, hash ? (unsigned)(hash - url) : 0,
					"in \"%s\": name \"%s\": taken by another endpoint, wanted "
					"a name of its own",
					url, parsed->name);
	for (u32 i = 0; parsed->scheme == URL_STDIO && i < h->n; i++)
		if (h->endpoint[i]->url.scheme == URL_STDIO)
			return wyi_fail(why, WYE_EURL, 0,
					"in \"%s\": \"-\" is given twice, wanted it once", url);
	return 0;
}

int wye_hub_add(struct wye_hub *h, const char *url, struct wye_error *ret_why)
{
	struct url parsed;
	struct endpoint *e;
	int r;

	if (!h || !url)
		return -EINVAL;
	r = wyi_loop_check(h->loop);
	if (r < 0)
		return r;
	r = wyi_url_parse(&parsed, url, ret_why);
	if (r >= 0)
		r = check_name(h, url, &parsed, ret_why);
	if (r < 0)
		return r;
	if (h->n == HUB_ENDPOINTS)
		return wyi_fail(ret_why, WYE_EFULL, 0, "more than %u endpoints", HUB_ENDPOINTS);
	r = wyi_endpoint_new(h->loop, &parsed, h->n, &endpoint_ops, h, &e);
	if (r < 0)
		return wyi_fail(ret_why, r, 0, "%s: %s", url, wye_strerror(r));
	h->endpoint[h->n++] = e;
	return (int)e->index;
}

int wye_hub_open(struct wye_hub *h, struct wye_error *ret_why)
{
	int r;

	if (!h)
		return -EINVAL;
	r = wyi_loop_check(h->loop);
	if (r < 0)
		return r;
	if (h->step != DRAIN_NOT)
		return wyi_fail(ret_why, WYE_ESTOP, 0, "the hub is ending");
	r = wyi_policy_reserve(h);
	if (r < 0)
		return wyi_fail(ret_why, r, 0, "no memory");
	while (r >= 0 && h->n_open < h->n) {
		r = wyi_endpoint_open(h->endpoint[h->n_open], ret_why);
		if (r >= 0)
			h->n_open++;
	}
	wyi_policy_make(h);
	return r < 0 ? r : 0;
}

void wye_hub_free(struct wye_hub *h)
{
	if (!h || wyi_loop_check(h->loop) < 0)
		return;
	wyi_drain_stop(h);
	for (u32 i = 0; i < h->n; i++)
		wyi_endpoint_free(h->endpoint[i]);
	list_del(&h->node);
	wyi_loop_use(h->loop, -1);
	wyi_free(h->pairs);
	wyi_free(h);
}

/* -- information ------------------------------------------------------------------------------- */
int wye_hub_each(struct wye_hub *h, int (*each)(const struct wye_endpoint_info *, void *),
		 void *ctx)
{
	int r = h && each ? wyi_loop_check(h->loop) : -EINVAL;

	for (u32 i = 0; r == 0 && i < h->n; i++) {
		struct wye_endpoint_info info;
		char url[512];

		wyi_endpoint_info(h->endpoint[i], &info, url);
		info.split = h->split[i];
		if (i < h->n_open)
			info.mode = wyi_policy_mode(h, h->endpoint[i]);
		r = each(&info, ctx);
	}
	return r;
}
