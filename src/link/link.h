/* SPDX-License-Identifier: MIT */
/*
 * link: the life of a link: its input, its place in a feed, its end; and the flush of feeds.
 *
 * A group is what the links of one endpoint share (rules of framing, the feed they read, who hears
 * their input). Links live in one slab per loop and cost 128 bytes; an idle one owns no buffer.
 *
 * Happy path: the loop hands over the ready streams as an array; they are read in batches into
 * buffers of the loop, cut into messages, and given as runs to on_input. Whoever feeds a group's
 * feed says wyi_group_fed(); the flush phase then sends what is due, in chunks, round robin over
 * the feeds. Failure modes: a socket that refuses makes its link wait for EPOLLOUT; one that fails
 * is closed with that reason. A close is deferred to the end of the turn: on_down() comes once,
 * last. A group that is shut is not read: its ready links leave the epoll set one by one and come
 * back when it is opened.
 *
 * Everything is for the loop's thread.
 *
 *   link.c      life
 *   input.c     streams in
 *   flush.c     feeds out (streams)
 *   datagram.c  both for datagrams
 *   peers.c     the table of a datagram server
 *   visit.c     idle and stall, seen once per interval
 */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include "base/base.h"
#include "feed/feed.h"
#include "frame/frame.h"
#include "loop/loop.h"
#include "net/net.h"

struct links; /* per loop */
struct link_group;
struct peer;
struct ends;

enum link_state {
	LINK_DOWN, /* of a one-link endpoint: no connection now */
	LINK_UP,
	LINK_CLOSING, /* ends with this turn */
};
enum link_flag {
	LINK_ONE = 1,	   /* of a one-link endpoint: outlives its connections */
	LINK_READ_END = 2, /* the peer will not speak again */
	LINK_SENT_END = 4, /* we half-closed: no reader any more */
	LINK_HUNGRY = 8,   /* filled its slot: gets a larger one next time */
	LINK_PAUSED = 16,  /* in group->paused: its group is shut */
	LINK_READS = 32,   /* is a reader of the group's feed */
};

struct link {
	struct reader reader;
	struct link_group *group;
	struct cutter in;
	struct list node; /* group->open, group->paused or links->closing */
	u64 received, received_bytes;
	union {
		struct peer *peer; /* datagram server: where it is */
		struct ends *ends; /* "-": two descriptors */
	};
	int fd;	    /* streams; -1: down, a datagram peer, or ends */
	u32 events; /* what epoll watches fd for */
	u32 slot;
	u32 number;	     /* shown to people; a new one for each connection */
	s32 why;	     /* of the close */
	u32 heard;	     /* ms of the last input, wraps */
	u32 moved_to, moved; /* visit.c: progress as last seen, and the ms when it changed */
	u8 state, flags;
};

/* The two descriptors of "-". */
struct ends {
	struct net_stdio io;
	struct net_file *file_in, *file_out; /* where io says NET_FILE */
	u32 in_events, out_events;
};

/* What differs between datagram endpoints and streams: one or two sockets for all links. */
struct dgram_socket {
	struct link_group *group;
	int fd;
	u32 events;
	u32 overruns; /* SO_RXQ_OVFL: last value seen */
	bool connected;
};

struct link_ops {
	/* A run of messages of one link, lent. The link may be closed from inside. */
	void (*on_input)(struct link_group *, struct link *, const struct msg *, u32 n);
	/* The peer ended its direction. Close the link, or leave it as a reader. */
	void (*on_end)(struct link_group *, struct link *);
	/* n messages were too long and left out (rules.skip). */
	void (*on_skipped)(struct link_group *, struct link *, u64 n);
	/* A datagram server heard a stranger: 0 = welcome, or an error; then its link is up. */
	int (*on_stranger)(struct link_group *, const struct addr *);
	void (*on_up)(struct link_group *, struct link *);
	/*
	 * The link (LINK_DOWN for one-link endpoints; else about to be freed) went down. Once per
	 * connection, last.
	 */
	void (*on_down)(struct link_group *, struct link *, int why);
	/* A connected datagram socket was told that nobody listens. */
	void (*on_refused)(struct link_group *, struct link *);
};

struct link_group {
	struct links *links;
	const struct link_ops *ops;
	struct feed *feed; /* NULL: nothing is ever sent (dir=in) */
	struct frame_rules rules;
	struct list open, paused;
	struct list due;     /* in links->due */
	struct list opening; /* in links->opening */
	u64 idle, stall;     /* ns, 0 = off */
	u32 holds_back;	     /* how many sources its feed holds back */
	u32 shut;	     /* how many feeds hold its input back */
	u32 n_links;
	bool discard; /* dir=out: what comes is read and thrown away */
	bool hold;    /* a one-link endpoint keeps its feed while down */
	bool datagram, raw_feed;
	struct dgram_socket socket[NET_LISTEN_MAX];
	u32 n_sockets;
	bool full;	     /* datagram: a socket refused; waits for EPOLLOUT */
	bool resting;	     /* datagram: the kernel had no memory for a receive */
	struct timer again;  /* the kernel had no memory: tried again after 10 ms */
	struct peers *peers; /* datagram servers */
	/* counters */
	u64 received, received_bytes, discarded_bytes, nobuf;
	u64 cut_off; /* ended inside a message */
	u64 unfiled; /* bytes that a file took and had not written when it was closed */
	struct cut_counts cut;
};

int wyi_links_of(struct wye_loop *, struct links **ret_links);
struct feed_shared *wyi_links_feeds(struct links *);

/* Zeroes and fills; the caller then sets feed, rules and the rest. */
void wyi_group_init(struct link_group *, struct links *, const struct link_ops *);
/*
 * Frees all its links without a word (no on_down) and leaves every list. The feed is the caller's.
 */
void wyi_group_deinit(struct link_group *);
/* ns, 0 = off: who is silent or stuck that long ends. */
void wyi_group_watch(struct link_group *, u64 idle, u64 stall);
void wyi_group_fed(struct link_group *);	  /* its feed may be due */
void wyi_group_shut(struct link_group *, int by); /* +1, -1 */

/* A stream link that is up and reads the feed from now on. -ENOMEM: fd stays the caller's. */
int wyi_link_new(struct link_group *, int fd, struct link **ret_link);
/* The one link of a one-link endpoint: down, a reader at the head of the feed. */
int wyi_link_new_one(struct link_group *, struct link **ret_link);
/* It is up: fd (ownership taken), or ends, or (both none) on the group's datagram socket. */
int wyi_link_attach(struct link *, int fd, struct ends *);
/* Deferred to the end of the turn; on_down then says why. A second close changes nothing. */
void wyi_link_close(struct link *, int why);
/* Nothing more will be sent: leaves the feed (what waits is lost) and half-closes the stream. */
void wyi_link_finish(struct link *);
/* At once and silently. */
void wyi_link_free(struct link *);
struct link *wyi_link_at(struct links *, u32 slot);
/* Asked of the kernel; len 0 where there is none. */
void wyi_link_peer(const struct link *, struct addr *ret);

/* The link after `after` (NULL: the first) of those that do not end with this turn. */
struct link *wyi_group_next(const struct link_group *, const struct link *after);
/* l may be closed inside. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a name that is declared takes no brackets. */
#define group_each_link(l, g)                                                                      \
	for (struct link *l = wyi_group_next(g, NULL), *l##_next;                                  \
	     l && ((l##_next = wyi_group_next(g, l)), true); l = l##_next)
/* NOLINTEND(bugprone-macro-parentheses) */

/* -- datagram groups --------------------------------------------------------------------------- */
/* Adds a socket; ownership taken on success. */
int wyi_dgram_open(struct link_group *, int fd, bool connected);
void wyi_dgram_close(struct link_group *); /* all sockets of the group, and the table of peers */
int wyi_peers_new(struct link_group *, u32 max); /* a server: each source becomes a link */

#endif
