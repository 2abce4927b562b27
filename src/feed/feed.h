/* SPDX-License-Identifier: MIT */
/*
 * feed: what one endpoint is to send, framed, in order, bounded; its links are readers of it.
 *
 * Sans-I/O: no fd, no clock, no callback. The caller (link/) does the I/O and reports what went.
 * What is appended is stored once, whatever the number of readers.
 *
 *   live reader  writable, at a message boundary, nothing of its own. Costs 4 bytes; a pass
 *                offers all live readers the same bytes [from, to)
 *   solo reader  everything else, with a record of its own: DUE has something to send, IDLE nothing
 *                until the next pass, WAIT its socket refused bytes, DOWN it has no connection
 *
 * Happy path: append -> pass -> chunk -> results, and the segment is freed. Failure modes: a reader
 * that can't keep up is overrun (its messages are dropped and counted), holds the feed back
 * (keep_to), or is closed (close), as the mode says; without memory a link is closed or a run
 * refused, never a message torn.
 *
 * Accounts, always: routed = written + dropped + lost + waiting.
 */
#ifndef FEED_FEED_H
#define FEED_FEED_H

#include <sys/uio.h>
#include <wye/hub.h>
#include "base/base.h"

struct feed;
struct solo;
struct segment;

/* Per loop: where links live, and what its feeds share (free solos, spare segments). */
struct feed_shared {
	struct slab *links; /* slot -> the object that holds the struct reader */
	u32 reader_offset;  /* of the struct reader in it */
	struct list free_solos;
	u32 n_free_solos;
	struct segment *spare[3]; /* one spare segment of each size */
	u64 bytes;		  /* memory that feeds hold for messages and pieces */
	bool (*no_memory)(void);  /* tests: NULL, or true = this allocation fails */
};
void wyi_feed_shared_init(struct feed_shared *, struct slab *links, u32 reader_offset);
void wyi_feed_shared_deinit(struct feed_shared *);

/* In the link. at: 0 = no reader, odd = live (index << 1 | 1), else a struct solo. */
struct reader {
	uintptr_t at;
	u64 base; /* position less written */
	u64 dropped;
};

struct feed_options {
	u32 queue;     /* bytes, records included */
	bool raw;      /* a stream without boundaries: nothing is sent twice, a gap is not jumped */
	bool close;    /* mode CLOSE: an overrun reader is closed */
	bool datagram; /* results count messages; a refusal is the endpoint's, not the reader's */
};

int wyi_feed_new(struct feed_shared *, const struct feed_options *, struct feed **ret_feed);
void wyi_feed_free(struct feed *); /* no readers any more */

/* -- appending --------------------------------------------------------------------------------- */
/* Mode: 0 = give up the oldest, UINT64_MAX = keep, any other = keep what lies below it. */
void wyi_feed_keep(struct feed *, u64 keep_to);
u64 wyi_feed_seq(const struct feed *); /* messages ever fed */
bool wyi_feed_keeping(const struct feed *);
void wyi_feed_set_close(struct feed *, bool close);
/*
 * May a source be read (need = 0), or a message of need bytes be taken on top of `pending` bytes
 * (records included) of the same run? waits: the source can be left unread and this feed blocks it.
 * A feed that gives up ignores both numbers: it has room as soon as it is within its queue, or what
 * stopped readers hold would keep it shut for ever.
 */
bool wyi_feed_room(const struct feed *, bool waits, u64 pending, u32 need);
#define FEED_RECORD 8u /* bytes a message costs beside its own */
bool wyi_feed_has_readers(const struct feed *);
/*
 * Copies n messages in. src: slot of the link they came from, if that link reads this feed, else
 * U32_NONE. No memory for messages: the rest of the run is refused (memory). -ENOMEM: no memory to
 * note that src must not hear itself; the run was fed all the same, src has left the feed: close
 * it.
 */
int wyi_feed_append(struct feed *, const struct unit *, u32 n, u32 src);
/* At the door: n messages that are not taken, counted as routed and dropped. */
void wyi_feed_refuse(struct feed *, u32 n, u32 src, enum wye_cause);

/* -- readers ----------------------------------------------------------------------------------- */
int wyi_feed_join(struct feed *, u32 slot); /* live, at `to`. -ENOMEM */
/*
 * One-link endpoints: the feed's only reader; solo, DOWN, at the head; park(hold = false) if
 * nothing is kept. -ENOMEM
 */
int wyi_feed_join_down(struct feed *, u32 slot);
/*
 * Its waiting messages count as lost, or with cause >= 0 as dropped by it. Nothing if it has left
 * already.
 */
void wyi_feed_leave(struct feed *, u32 slot, int cause);
/*
 * One-link endpoints: the connection ended. hold: what waits is kept, else forgotten and all that
 * comes refused.
 */
void wyi_feed_park(struct feed *, u32 slot, bool hold);
void wyi_feed_unpark(struct feed *, u32 slot); /* the next one may read */
/* A solo that is never live from now on (pool-written files). */
void wyi_feed_sticky(struct feed *, u32 slot);

enum feed_piece { FEED_REST, FEED_CONTROL, FEED_PRIVATE };
/*
 * Bytes for one link alone. sent > 0 (only if it was clear): so many are written and the socket
 * then refused, the reader is WAIT; if the first byte was refused already, call wyi_feed_wait()
 * next. WYE_EFULL: over `queue`. WYE_EGONE: it is DOWN or has left. -ENOMEM: with sent > 0, close
 * the link.
 */
int wyi_feed_aside(struct feed *, u32 slot, enum feed_piece, const void *, u32 len, u32 sent);
bool wyi_feed_clear(const struct feed *, u32 slot); /* nothing unsent: may be written to directly */

/* -- sending: what a flush does ---------------------------------------------------------------- */
bool wyi_feed_due(const struct feed *);
bool wyi_feed_pass(struct feed *); /* true: there are live readers to serve */

#define FEED_IOVS   16u /* streams: pieces of memory in one send */
#define FEED_DGRAMS 64u /* datagram feeds: messages in one pass, one iovec each */
/*
 * The bytes of [from, to) and the slots of the next at most `max` live readers, a copy. Answers the
 * number of slots. *ret_skip (datagram feeds): messages of the range that the first of them has
 * already got.
 */
u32 wyi_feed_chunk(struct feed *, struct iovec *iov, u32 *ret_iovs, u32 *slots, u32 max,
		   u32 *ret_skip);
/*
 * One result per slot of the chunk, in order. Streams: bytes the socket took; short = it refused
 * the rest. Datagram feeds: messages, those skipped included; short = the endpoint is full, stop:
 * the other slots of the chunk get no result. No append, join, leave, aside or trim between chunk
 * and the last result. 0, or -ENOMEM: close the link (wyi_feed_leave with WYE_DROP_MEMORY, or
 * park); nothing more is offered to it.
 */
int wyi_feed_live_result(struct feed *, u32 slot, u64 got);
/* The first at most `max` DUE solos, in their order of waiting. */
u32 wyi_feed_due_solos(struct feed *, u32 *slots, u32 max);
/*
 * What a DUE solo sends next, at most `room` bytes of whole pieces (one message may exceed it).
 * Answers the number of iovecs; 0: nothing (it is IDLE or live now); or WYE_ESLOW: close it,
 * nothing more is offered to it. Datagram feeds: one message an iovec.
 * Several readers may be between take and done; no append, join, leave or trim then.
 */
int wyi_feed_take(struct feed *, u32 slot, struct iovec iov[FEED_IOVS], u64 room);
/*
 * Datagram feeds, between take and done: it is one private piece, alone, which wyi_feed_drop must
 * not count.
 */
bool wyi_feed_takes_private(const struct feed *, u32 slot);
/*
 * got: bytes, or messages on datagram feeds; full: the sink refused the rest. 0, or -ENOMEM as
 * above.
 */
int wyi_feed_done(struct feed *, u32 slot, u64 got, bool full);
void wyi_feed_ready(struct feed *, u32 slot); /* EPOLLOUT: WAIT becomes DUE, else nothing */
void wyi_feed_wait(struct feed *, u32 slot);  /* nothing was taken at all: DUE becomes WAIT */
void wyi_feed_ready_all(struct feed *);	      /* datagram endpoints: all in WAIT become DUE */
/*
 * Datagram feeds: the socket is full. Until told otherwise, readers pin only what is kept for a
 * source; from the next trim on, so it may be said before the results that it explains.
 */
void wyi_feed_blocked(struct feed *, bool blocked);
bool wyi_feed_is_waiting(const struct feed *, u32 slot); /* a solo in WAIT: needs EPOLLOUT */
/*
 * n messages of the feed, `bytes` long, that were reported as taken did not go after all: written
 * becomes dropped.
 */
void wyi_feed_drop(struct feed *, u32 slot, u32 n, u64 bytes, enum wye_cause);
void wyi_feed_trim(struct feed *); /* after a flush step */
/*
 * Mode CLOSE, after a flush: the next overrun reader in WAIT, each once, or U32_NONE. Close it
 * (WYE_ESLOW).
 */
u32 wyi_feed_overrun(struct feed *);

/* -- accounts ---------------------------------------------------------------------------------- */
struct feed_stats {
	u64 routed, written, written_bytes, lost, waiting;
	u64 overdue; /* of the waiting: given up, unnoticed by their readers; own ones included */
	u64 used;    /* bytes kept, records included; pieces not */
	u64 dropped[WYE_DROP_CAUSES];
	u32 live, solo, wait; /* readers */
	u32 queue;
};
void wyi_feed_stats(const struct feed *, struct feed_stats *ret);
/* Of a reader; 0 for one that has left. */
u64 wyi_feed_written(const struct feed *, u32 slot);
u64 wyi_feed_waiting(const struct feed *, u32 slot);
/* Bytes not sent yet, its pieces included; its own messages, too. */
u64 wyi_feed_lag_bytes(const struct feed *, u32 slot);
/*
 * While a reader stays solo it changes when a byte was taken, and only then. For "has it moved?".
 */
u64 wyi_feed_progress(const struct feed *, u32 slot);
/*
 * Asserts every invariant by recount; for tests, and after every operation in builds with
 * WYE_CHECKS.
 */
void wyi_feed_check(const struct feed *);

#endif
