/* SPDX-License-Identifier: MIT */
/*
 * What the files of feed/ share. Nobody else includes it.
 *
 * A feed is a row of segments; a position is a message number, so nothing has to be repaired when a
 * segment comes or goes, and a position below first says by itself that its reader was overrun
 * ("gone"). A message once begun belongs to its reader: its unsent rest is copied to a piece, so a
 * segment never waits for a byte.
 *
 *   segment.c   where messages lie, and how long   append.c  messages in
 *   reader.c    live and solo readers              piece.c   bytes for one reader alone
 *   send.c      a pass to all live readers         serve.c   one solo reader
 *   datagram.c  where one socket serves all        feed.c    life, accounts    check.c  recount
 */
#ifndef FEED_INNER_H
#define FEED_INNER_H

#include <errno.h>
#include <wye/error.h>
#include "feed/feed.h"
#include "feed/mutant.h"

#define KEEP_ALL UINT64_MAX

/* One message in a segment. src: slot of the reader it came from + 1, or 0. */
struct rec {
	u32 end, src;
};
_Static_assert(sizeof(struct rec) == FEED_RECORD, "a record is what its users count");

/*
 * Solo readers whose next message lies here: how many, how many of them DUE or IDLE, sum of their
 * positions.
 */
struct tally {
	u32 n, due;
	u64 seq;
};

enum { SIZE_4K, SIZE_16K, SIZE_68K, SIZES, SIZE_ODD = SIZES };

/* Data grows up, recs grow down from the end. */
struct segment {
	u64 seq0, byte0; /* messages and bytes fed before it */
	u32 cap, used, n;
	u32 size; /* SIZE_* */
	struct tally tally;
	u8 data[];
};
_Static_assert(sizeof(struct segment) == 48, "seg");

struct piece {
	struct piece *next;
	u64 stamp;	      /* PRIVATE: goes before the message of this number */
	u32 len, off, before; /* bytes here; sent of these; sent before them, of the same unit */
	u8 kind;
	u8 bytes[];
};

enum state { DUE, IDLE, WAIT, DOWN, STATES };

struct solo {
	struct list by_state;
	struct piece *last; /* ring of pieces: last->next goes first */
	u64 seq;	    /* first message not wholly written */
	u64 own, own_from;  /* own messages at or after seq; none of them is before own_from */
	u32 slot, piece_bytes;
	u32 moved; /* bytes taken, modulo 2^32 */
	u8 state, sticky;
};
_Static_assert(sizeof(struct solo) <= 64, "a stopped reader costs 64 bytes");

#define RING_SMALL 4u
struct feed {
	struct feed_shared *shared;
	struct segment **ring; /* segments tail .. next-1; both wrap, compare by difference */
	u32 mask, tail, next;
	u64 seq, byte, used; /* messages and bytes ever fed; used = data + recs kept */

	u32 *live;
	u32 n_live, live_cap, done;
	u32 part;     /* datagrams: messages of [from, to) that live[done] has already got */
	u64 from, to; /* live[0..done) stand at `to`, the others at `from` */
	u64 byte_from, byte_to; /* bytes fed before these */

	struct list by_state[STATES];
	u32 n_state[STATES], n_solo;
	u64 sum_seq, sum_own; /* over the solo readers */
	struct tally ahead;   /* solo readers at the head */
	struct tally gone;    /* those whose next message was given up */

	u64 keep_to; /* a message below it is never given up */
	u32 queue;
	u8 size, max_size; /* SIZE_* of the next segment, and the largest allowed */
	bool raw, close, datagram, refusing, blocked;
	bool one;	      /* its one reader keeps its solo record when it is live: */
	struct solo *reserve; /* here, so that parking it can't fail */

	u64 routed, written, written_bytes, lost, dropped[WYE_DROP_CAUSES];
	struct segment *small[RING_SMALL];
};

static inline u64 u64_min(u64 a, u64 b)
{
	return a < b ? a : b;
}
static inline u64 u64_max(u64 a, u64 b)
{
	return a > b ? a : b;
}

/* -- feed.c: memory. NULL: none ---------------------------------------------------------------- */
void *wyi_feed_alloc(struct feed_shared *, size_t size);

/* -- segment.c --------------------------------------------------------------------------------- */
static inline struct segment *seg_at(const struct feed *f, u32 i)
{
	return f->ring[i & f->mask];
}
static inline struct segment *seg_head(const struct feed *f)
{
	return f->tail == f->next ? NULL : seg_at(f, f->next - 1);
}
static inline struct rec *seg_rec(const struct segment *s, u32 i)
{
	return (struct rec *)(void *)(s->data + s->cap) - 1 - i;
}
/* Offset of message i in the data of s; of i == n: its end. */
static inline u32 seg_start(const struct segment *s, u32 i)
{
	return i ? seg_rec(s, i - 1)->end : 0;
}
static inline u64 seg_end(const struct segment *s)
{
	return s->seq0 + s->n;
}
static inline u32 seg_room(const struct segment *s)
{
	return s->cap - s->used - s->n * FEED_RECORD;
}
/* Number of the oldest kept message, or seq if none is kept. */
static inline u64 feed_first(const struct feed *f)
{
	return f->tail == f->next ? f->seq : seg_at(f, f->tail)->seq0;
}
/* Ring index of the segment with message seq, which is kept. */
u32 wyi_seg_find(const struct feed *, u64 seq);
/* The segment with that byte, which is kept. */
struct segment *wyi_seg_find_byte(const struct feed *, u64 byte);
/* The message that byte `offset` of the segment belongs to; n: the end. */
u32 wyi_seg_message(const struct segment *, u64 offset);
/* Bytes fed before message seq, which is kept or the head. */
u64 wyi_feed_byte_at(const struct feed *, u64 seq);
u64 wyi_feed_landing(const struct feed *); /* where a jump ends */
/* The head segment, with room for a message of size; NULL: no memory. */
struct segment *wyi_seg_reserve(struct feed *, u32 size);
void wyi_seg_init(struct feed *);
void wyi_seg_deinit(struct feed *);

/* -- reader.c ---------------------------------------------------------------------------------- */
static inline struct reader *feed_reader(const struct feed *f, u32 slot)
{
	return (struct reader *)(void *)((u8 *)slab_at(f->shared->links, slot) +
					 f->shared->reader_offset);
}
static inline u32 feed_readers(const struct feed *f)
{
	return f->n_live + f->n_solo;
}
static inline struct solo *reader_solo(const struct reader *r)
{
	return r->at & 1 ? NULL : (struct solo *)r->at;
}
static inline u32 reader_index(const struct reader *r)
{
	return (u32)(r->at >> 1);
}
static inline bool solo_gone(const struct feed *f, const struct solo *o)
{
	return o->seq < feed_first(f);
}
static inline void tally_add(struct tally *t, const struct tally *more)
{
	t->n += more->n;
	t->due += more->due;
	t->seq += more->seq;
}
u64 wyi_reader_seq(const struct feed *, const struct reader *);
u64 wyi_reader_waiting(const struct feed *, const struct reader *);
/* Where live readers are: the lowest place one can have. */
u64 wyi_live_min(const struct feed *);
/* A live one. NULL: no memory. */
struct solo *wyi_reader_to_solo(struct feed *, u32 slot, enum state);
/* One that has no pieces and stands at `to`. */
void wyi_solo_to_live(struct feed *, struct solo *);
void wyi_solo_move(struct feed *, struct solo *, u64 seq, enum state);
/* Leaves; what is at or after seq was waiting (cause as in wyi_feed_leave). */
void wyi_reader_leave_at(struct feed *, u32 slot, u64 seq, int cause);
/* Skips what lies before `to`: dropped, but for its own messages. */
void wyi_solo_jump(struct feed *, struct solo *, u64 to, enum wye_cause);
void wyi_solo_skip_one(struct feed *, struct solo *, enum wye_cause);
void wyi_feed_set_to(struct feed *, u64 to, u64 byte_to); /* IDLE readers have work again */
/* The caller closes its link: offer it nothing more. Answers err. */
int wyi_solo_doom(struct feed *, struct solo *, int err);

/* -- piece.c ----------------------------------------------------------------------------------- */
static inline struct piece *solo_piece(const struct solo *o)
{
	return o->last ? o->last->next : NULL;
}
/* Its unit must be finished before anything else is sent. */
static inline bool piece_begun(const struct piece *p)
{
	return p->kind == FEED_REST || p->off || p->before;
}
/*
 * Keeps message i of s from its byte `off` on, as the first piece. -ENOMEM; a raw stream then never
 * gets it.
 */
int wyi_solo_keep_rest(struct feed *, struct solo *, const struct segment *, u32 i, u32 off);
void wyi_solo_drop_piece(struct feed *, struct solo *); /* the first */
void wyi_solo_drop_pieces(struct feed *, struct solo *);

#ifdef WYE_CHECKS
#define feed_check(f) wyi_feed_check(f)
#else
#define feed_check(f) ((void)(f))
#endif

#endif
