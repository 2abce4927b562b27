/* SPDX-License-Identifier: MIT */
/*
 * One random history of one feed and its links, against a naive model: a queue per link.
 *
 * The model (oracle.c) knows nothing of segments, passes or positions. It is told what was fed and
 * to whom, and sees what each connection gets: every unit must be whole, be next in that link's
 * queue, or have units of the feed before it that were dropped; and all counters of the feed must
 * agree with what was seen.
 */
#ifndef TESTS_FEED_HISTORY_H
#define TESTS_FEED_HISTORY_H

#include <errno.h>
#include "feed/feed.h"
#include "sink.h"

#define LINKS_MAX    12u
#define MESSAGES_MAX 8192u
#define NO_LIMIT     UINT32_MAX

struct history;

struct sim_link {
	struct reader reader;
	struct history *h;
	u32 slot;
	u32 speed; /* bytes its socket takes at most at a time */
	bool full; /* its socket ever refused, or it was ever down */
	bool down; /* one-link endpoints: no connection now */
	bool sticky, asked_sticky;
	struct sink sink;
	u32 *queue, q_head, q_end, q_size; /* numbers of the units that are to come, in order */
	u64 queued;			   /* messages of the feed in it */
	u64 got, skipped;		   /* got whole; known to be left out */
	u64 own;			   /* messages that it sent itself */
	u32 controls;			   /* control bytes to come */
	u32 before_control;		   /* units that may still come before the first of them */
	u64 bytes;			   /* that its connections took */
};

struct message {
	u32 size;
	bool private;
	bool safe; /* fed while the feed kept everything */
};

struct history {
	u64 seed;
	u32 step;
	struct rnd rnd;
	struct feed_shared shared;
	struct slab slab;
	struct feed *feed;
	u32 queue;
	bool one, raw, datagram, close, hold, blocking, blocked, all_memory, deep;
	u32 batches;	 /* percent of the runs that are large */
	u32 socket_room; /* datagrams that the endpoint's socket takes until it is full */
	u32 links[LINKS_MAX], n_links;
	struct message message[MESSAGES_MAX];
	u32 n_messages, fed[MESSAGES_MAX], n_fed; /* fed: numbers by position */
	u32 batch;				  /* the largest run so far, records included */
	bool refusing;
	/* what the feed's counters must say */
	u64 routed, door, lost, left_written, left_dropped, written_bytes;
	u64 units, rests_cut, closed; /* for the summary */
};

/* Ends the program with the seed if the claim is false. */
#define require(h, claim) ((claim) ? (void)0 : history_fail(h, #claim, __FILE__, __LINE__))
_Noreturn void history_fail(const struct history *h, const char *claim, const char *file, int line);

struct sim_link *sim_link(struct history *h, u32 slot);

/* -- oracle.c ---------------------------------------------------------------------------------- */
void oracle_push(struct sim_link *l, u32 number);
/* The connection took these bytes; whole units are checked against the queue. */
void oracle_bytes(struct sim_link *l, const void *bytes, size_t n);
/* The next message was reported as sent but failed. */
void oracle_undelivered(struct sim_link *l, u32 number);
void oracle_control(struct sim_link *l, u32 n);
void oracle_forget(struct sim_link *l); /* hold=0: what is queued must never come */
void oracle_leave(struct sim_link *l, u64 dropped_before, int cause);
void oracle_check(struct history *h);
void oracle_end(struct sim_link *l); /* frees its queue */

/* -- flush.c: the loop's part ------------------------------------------------------------------ */
enum { FLUSH_ALL = 1, FLUSH_READY = 2 };
void history_flush(struct history *h, int how);
u32 history_socket(struct sim_link *l, size_t n); /* bytes that the link's socket takes now */
void history_give(struct sim_link *l, const struct iovec *iov, u64 n);
void history_down(struct history *h, u32 slot, int why); /* the link's connection ended */
void history_block(struct history *h);

/* -- history.c --------------------------------------------------------------------------------- */
struct history_sum {
	u64 histories, messages, routed, written, dropped, lost, rests, closed;
};
void history_run(u64 seed, bool deep, struct history_sum *sum);

#endif
