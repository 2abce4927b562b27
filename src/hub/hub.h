/* SPDX-License-Identifier: MIT */
/*
 * hub: who hears whom, and what happens to whoever can't keep up. Only this folder knows more than
 * one endpoint.
 *
 *   hub.c     life, statistics        route.c   a run of messages to the feeds that hear its source
 *   policy.c  pairs, the mode of each feed, sources that are shut and opened again
 *   drain.c   the end: written out, half-closed, silence
 *
 * Happy path: a link's run arrives -> for each pair that is on, converted and appended to the
 * sink's feed; the link folder sends it. In the settle phase of a turn the hub looks at what
 * changed: room again, endpoints that ended. Failure modes: a message a feed can't take is refused
 * at the door and counted there; a feed that holds a source back shuts it: the source is not read
 * until there is room.
 *
 * Nobody includes this from outside: the public face is include/wye/hub.h.
 */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include <wye/hub.h>
#include "endpoint/endpoint.h"
#include "feed/feed.h"
#include "frame/frame.h"
#include "loop/loop.h"

#define HUB_ENDPOINTS 256u
#define HUB_UNITS     256u

struct pair {
	bool on;    /* what arrives at the source goes to the sink */
	bool waits; /* the source waits for the sink */
	bool shut;  /* and does so now */
};

enum drain_step { DRAIN_NOT, DRAIN_WRITE, DRAIN_LISTEN, DRAIN_DONE };

struct drain_sink {
	u64 begun, moved; /* ns: since when it is looked at; when a byte was last taken */
	u64 progress;
	bool given_up;
};

struct wye_hub {
	struct list node; /* in the loop's hubs */
	struct wye_loop *loop;
	struct wye_hub_options options;
	struct endpoint *endpoint[HUB_ENDPOINTS];
	u32 n, n_open;
	struct pair *pairs; /* [source * stride + sink] */
	u32 stride;
	u32 n_shut;   /* pairs that are shut */
	bool changed; /* an endpoint's state, ended or links: look again */
	bool said_ended, said_failed;
	bool kept[HUB_ENDPOINTS]; /* a waiting source still writes into its feed */
	u64 split[HUB_ENDPOINTS];
	struct unit units[HUB_UNITS];
	/* drain.c */
	enum drain_step step;
	enum wye_drain how;
	u64 linger, limit;    /* ns; limit: when all of it is over */
	u64 moved, heard;     /* when a byte was last taken; when one last came */
	u64 received, unsent; /* as last seen */
	struct drain_sink sink[HUB_ENDPOINTS];
	struct timer tick;
	void (*on_drained)(struct wye_hub *, uint64_t unwritten_bytes, void *ctx);
	void *drained_ctx;
};

static inline struct pair *pair_of(struct wye_hub *h, u32 source, u32 sink)
{
	return &h->pairs[source * h->stride + sink];
}

/* route.c */
void wyi_hub_route(struct endpoint *source, struct link *, const struct msg *, u32 n);
/* policy.c */
int wyi_policy_reserve(struct wye_hub *); /* room for the pairs of all that were added */
void wyi_policy_make(struct wye_hub *);	  /* the pairs of all that are open */
void wyi_policy_modes(struct wye_hub *);  /* an endpoint ended: who still blocks what */
/* Its feed took bytes or gave some. */
void wyi_policy_full(struct wye_hub *, struct endpoint *sink);
void wyi_policy_settle(struct wye_hub *); /* feeds that have room again */
enum wye_mode wyi_policy_mode(struct wye_hub *, const struct endpoint *sink);
bool wyi_policy_any_way(struct wye_hub *); /* a source that may still speak has a sink */
/* drain.c */
void wyi_drain_init(struct wye_hub *);
void wyi_drain_settle(struct wye_hub *);
void wyi_drain_stop(struct wye_hub *);

#endif
