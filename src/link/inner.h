/* SPDX-License-Identifier: MIT */
/* What the files of this folder share. */
#ifndef LINK_INNER_H
#define LINK_INNER_H

#include "link/link.h"

#define BATCH	    64u	      /* streams read in one go */
#define SLOT_BYTES  0x4000u   /* of each: 16 KiB */
#define INPUT_BYTES 0x100000u /* BATCH of them: 1 MiB */
#define LARGE_BYTES 0x40000u  /* 256 KiB: for few, and for those that filled their slot */
#define TURN_BYTES  0x400000u /* 4 MiB */
#define CHUNK	    512u      /* live readers in one bulk run */
#define SOLOS	    64u
#define SOLO_BYTES  0x40000u	    /* 256 KiB */
#define FLUSH_CALLS 1024u	    /* sends in a turn, */
#define FLUSH_NS    (2 * NS_PER_MS) /* or this much time */
#define OPEN_LINKS  128u	    /* paused links that return in a turn */
#define MSGS	    256u
#define VISITS	    64u		 /* slices of a sweep over all links, at most; visit.c */
#define OUT_SIDE    (1ull << 40) /* in a poll value: the descriptor that "-" writes to */

_Static_assert(INPUT_BYTES == BATCH * SLOT_BYTES, "a batch fills the buffer");

struct links {
	struct wye_loop *loop;
	struct slab slab;
	struct feed_shared feeds;
	struct list due, opening, closing;
	u32 numbers; /* given to connections so far */
	u8 *input;   /* INPUT_BYTES, made at once: an untouched page costs nothing */
	struct msg msgs[MSGS];
	struct bulk_call calls[CHUNK];
	u32 slots[CHUNK];
	struct msghdr heads[SOLOS];
	struct iovec iovs[SOLOS][FEED_IOVS];
	u32 spent; /* bytes read in this turn */
	/* visit.c */
	struct timer sweep;
	u64 sweep_within; /* ns in which every link is visited once; 0 = nobody wants visits */
	u32 sweep_next;	  /* slot */
	struct dgram_batch *dgrams; /* datagram.c, made with the first socket */
};

/* link.c */
int wyi_link_take(struct link_group *, struct link **ret_link); /* a zeroed link in group->open */
void wyi_link_begin(struct link *);				/* up, with a number of its own */
int wyi_link_read(struct link *);    /* becomes a live reader of its group's feed */
void wyi_link_unread(struct link *); /* leaves the feed; what waits is lost, or `stalled` */
bool wyi_link_wants_input(const struct link *);
/* Waits for input unless it can't come or must not, and for room if `out`. */
void wyi_link_poll(struct link *, bool out);
void wyi_link_reading(struct link *);
/* input.c */
void wyi_input_ready(void *ctx, const struct loop_ready *, unsigned n);
void wyi_input_file(void *ctx); /* a regular file has something; ctx: the link */
/* flush.c */
bool wyi_flush(void *links);
void wyi_flush_file(void *ctx);		     /* a regular file has room; ctx: the link */
void wyi_flush_overrun(struct link_group *); /* mode CLOSE: closes whom the feed gave up */
void wyi_flush_later(struct link_group *);   /* no memory in the kernel: again after 10 ms */
/* datagram.c */
void wyi_dgram_ready(void *ctx, const struct loop_ready *, unsigned n);
u32 wyi_dgram_flush(struct link_group *, u32 budget);
void wyi_dgram_poll(struct link_group *);
void wyi_dgram_again(struct link_group *); /* after the rest that a lack of memory needed */
void wyi_dgram_room(struct link_group *);  /* the sockets take bytes again */
void wyi_dgram_free(struct links *);
/* peers.c */
struct link *wyi_peers_find(struct link_group *, const struct addr *, u32 socket);
int wyi_peers_add(struct link_group *, const struct addr *, u32 socket, struct link **ret_link);
void wyi_peers_heard(struct link *);
void wyi_peers_remove(struct link *);
void wyi_peers_free(struct link_group *);
const struct addr *wyi_peer_addr(const struct link *, u32 *ret_socket);
/* visit.c */
void wyi_visit_init(struct links *);
void wyi_visit_heard(struct link *);

#endif
