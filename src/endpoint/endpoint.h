/* SPDX-License-Identifier: MIT */
/*
 * endpoint: what a URL opens. It owns its feed and its links.
 *
 *   endpoint.c  life, what all kinds share, information
 *   listen.c    stream listeners: accepting, max, once, descriptors that run out
 *   dial.c      diallers: resolve, try each address, back off with jitter, begin again
 *   stdio.c     "-"
 *
 * Happy path: new (checks, makes the feed), open, links come and go, free.
 * Failure modes: a listener that can't be opened is told at open; a dialler goes on for ever, or
 * with retry=off is failed after one attempt; an endpoint that ran out of descriptors stops
 * accepting for 100 ms at a time. Whoever owns the endpoint hears of it through struct
 * endpoint_ops, on the loop's thread.
 */
#ifndef ENDPOINT_ENDPOINT_H
#define ENDPOINT_ENDPOINT_H

#include <wye/hub.h>
#include "feed/feed.h"
#include "link/link.h"
#include "loop/loop.h"
#include "net/net.h"

struct endpoint;

struct endpoint_ops {
	void (*on_run)(struct endpoint *, struct link *, const struct msg *, u32 n);
	void (*on_change)(struct endpoint *); /* its state, ended or links: look again */
};

struct endpoint {
	struct url url;
	char name[40];
	const struct endpoint_ops *ops;
	void *owner; /* the owner's */
	u32 index;   /* the owner's */
	struct wye_loop *loop;
	struct link_group group;
	struct feed *feed; /* NULL: dir=in */
	struct link *one;  /* one-link endpoints */
	enum wye_state state;
	int why;      /* why it is not up */
	bool ended;   /* will not speak again */
	bool closing; /* no new links: draining */
	bool out_tty; /* "-": a terminal to write to */
	bool endless; /* "-": an input without bytes and without end */
	u64 links_ever, refused;
	u64 given_up;	 /* bytes that were fed to a sink that ended before it had them */
	u64 unreachable; /* datagrams the kernel took and the other host refused (ICMP) */
	u64 down_since;	 /* ns; of a one-link endpoint, while it is down */
	/* listeners */
	struct net_listen listen;
	u32 listen_events[NET_LISTEN_MAX];
	struct timer breathe; /* accepting again after descriptors ran out */
	int reserve;	      /* fd kept so that newcomers can be refused */
	/* diallers */
	struct net_resolve *resolve;
	struct addr addrs[16];
	u32 n_addrs, next_addr, refusals;
	int dial_fd, dial_why;
	u32 dial_events;
	struct timer retry, limit;
	u64 backoff, up_since;
};

/* 0, or an error; opens nothing. The name is the URL's, or made of scheme and index. */
int wyi_endpoint_new(struct wye_loop *, const struct url *, u32 index, const struct endpoint_ops *,
		     void *owner, struct endpoint **ret);
int wyi_endpoint_open(struct endpoint *, struct wye_error *);
void wyi_endpoint_free(struct endpoint *); /* at once; not from a callback of a link */
/*
 * No newcomers; the links stay. A dialler, and unless at_once a listener for one link, still waits
 * for whom it keeps its feed for.
 */
void wyi_endpoint_stop(struct endpoint *, bool at_once);
/* No newcomers; half-closes its stream sockets: nothing more will be sent there. */
void wyi_endpoint_finish(struct endpoint *);

bool wyi_endpoint_is_one(const struct endpoint *); /* at most one link: dialler, "-", once, max=1 */
bool wyi_endpoint_can_end(const struct endpoint *);
bool wyi_endpoint_is_patient(const struct endpoint *);	/* a source that can wait and will end */
bool wyi_endpoint_is_named(const struct endpoint *);	/* a sink that is one link the user named */
bool wyi_endpoint_closes_slow(const struct endpoint *); /* a reader that was overrun is closed */
bool wyi_endpoint_is_datagram(const struct endpoint *);
bool wyi_endpoint_is_trying(const struct endpoint *); /* a dialler in its first attempt */
bool wyi_endpoint_speaks(const struct endpoint *);    /* a link of it may still be heard */
/* Bytes fed and not yet written, over all links. */
u64 wyi_endpoint_pending(const struct endpoint *);
u64 wyi_endpoint_unwritten(const struct endpoint *); /* those, and what was given up */
/* Bytes that its stream sockets took and have not sent. */
u64 wyi_endpoint_unsent(const struct endpoint *);
/* What waits for its links is lost; they hear no more. */
void wyi_endpoint_give_up(struct endpoint *);
u64 wyi_endpoint_progress(const struct endpoint *); /* grows whenever a byte is taken by any link */
void wyi_endpoint_info(const struct endpoint *, struct wye_endpoint_info *, char url[512]);

#endif
