/* SPDX-License-Identifier: MIT */
/*
 * The life of a feed, its mode, and its accounts: every count is known without a walk over readers.
 * Failure mode: no memory for a new one.
 */
#include "feed/inner.h"

#ifdef WYE_MUTANTS
enum feed_mutant wyi_feed_mutant;
#endif

void wyi_feed_shared_init(struct feed_shared *shared, struct slab *links, u32 reader_offset)
{
	*shared = (struct feed_shared){.links = links, .reader_offset = reader_offset};
	list_init(&shared->free_solos);
}

void wyi_feed_shared_deinit(struct feed_shared *shared)
{
	struct list *node, *next;

	if (!shared->links)
		return; /* never begun, or gone already */
	list_each_safe (node, next, &shared->free_solos)
		wyi_free(list_entry(node, struct solo, by_state));
	for (u32 i = 0; i < SIZES; i++)
		wyi_free(shared->spare[i]);
	*shared = (struct feed_shared){0};
}

void *wyi_feed_alloc(struct feed_shared *shared, size_t size)
{
	if (shared->no_memory && shared->no_memory())
		return NULL;
	return wyi_alloc(size);
}

int wyi_feed_new(struct feed_shared *shared, const struct feed_options *options,
		 struct feed **ret_feed)
{
	struct feed *f = wyi_feed_alloc(shared, sizeof(*f));

	if (!f)
		return -ENOMEM;
	*f = (struct feed){
		.shared = shared,
		.queue = options->queue,
		.raw = options->raw,
		.close = options->close,
		.datagram = options->datagram,
	};
	for (u32 i = 0; i < STATES; i++)
		list_init(&f->by_state[i]);
	wyi_seg_init(f);
	*ret_feed = f;
	return 0;
}

void wyi_feed_free(struct feed *f)
{
	if (!f)
		return;
	wyi_assert(feed_readers(f) == 0);
	wyi_seg_deinit(f);
	wyi_free(f->live);
	wyi_free(f);
}

void wyi_feed_keep(struct feed *f, u64 keep_to)
{
	if (MUTANT(keep_ends_early) && keep_to != KEEP_ALL)
		keep_to = 0;
	f->keep_to = keep_to;
	wyi_feed_trim(f);
}

void wyi_feed_set_close(struct feed *f, bool close)
{
	f->close = close;
}

u64 wyi_feed_seq(const struct feed *f)
{
	return f->seq;
}

bool wyi_feed_keeping(const struct feed *f)
{
	return feed_first(f) < f->keep_to;
}

bool wyi_feed_has_readers(const struct feed *f)
{
	return feed_readers(f) > 0;
}

/* -- accounts ---------------------------------------------------------------------------------- */
/* Live readers at a place that was given up while a datagram endpoint was full. */
static u64 live_overdue(const struct feed *f)
{
	u64 first = feed_first(f), n = 0, at = f->from + f->part;

	if (f->to < first)
		n += f->done * (first - f->to);
	if (f->done < f->n_live && f->from < first) {
		n += (f->n_live - f->done - 1) * (first - f->from);
		n += at < first ? first - at : 0;
	}
	return n;
}

static u64 feed_waiting(const struct feed *f)
{
	u64 solo = f->n_solo * f->seq - f->sum_seq - f->sum_own;
	u64 live = f->done * (f->seq - f->to) + (f->n_live - f->done) * (f->seq - f->from);

	return solo + live - f->part;
}

void wyi_feed_stats(const struct feed *f, struct feed_stats *ret)
{
	*ret = (struct feed_stats){
		.routed = f->routed,
		.written = f->written,
		.written_bytes = f->written_bytes,
		.lost = f->lost,
		.waiting = feed_waiting(f),
		.overdue = f->gone.n * feed_first(f) - f->gone.seq + live_overdue(f),
		.used = f->used,
		.live = f->n_live,
		.solo = f->n_solo,
		.wait = f->n_state[WAIT],
		.queue = f->queue,
	};
	for (u32 i = 0; i < WYE_DROP_CAUSES; i++)
		ret->dropped[i] = f->dropped[i];
}

u64 wyi_feed_written(const struct feed *f, u32 slot)
{
	const struct reader *r = feed_reader(f, slot);

	return r->at ? wyi_reader_seq(f, r) - r->base : 0;
}

u64 wyi_feed_waiting(const struct feed *f, u32 slot)
{
	const struct reader *r = feed_reader(f, slot);

	return r->at ? wyi_reader_waiting(f, r) : 0;
}

u64 wyi_feed_lag_bytes(const struct feed *f, u32 slot)
{
	const struct reader *r = feed_reader(f, slot);
	const struct solo *o = reader_solo(r);
	const struct piece *p = o ? solo_piece(o) : NULL;
	u64 seq;

	if (!r->at)
		return 0;
	seq = wyi_reader_seq(f, r);
	if (p && p->kind == FEED_REST)
		seq++; /* what is left of that one is the piece */
	return f->byte - wyi_feed_byte_at(f, u64_max(seq, feed_first(f))) +
	       (p ? o->piece_bytes - p->off : 0);
}

u64 wyi_feed_progress(const struct feed *f, u32 slot)
{
	const struct reader *r = feed_reader(f, slot);
	const struct solo *o = reader_solo(r);
	u32 index = reader_index(r);

	if (o)
		return o->moved;
	return (u32)(index < f->done ? f->byte_to
				     : f->byte_from + (index == f->done ? f->part : 0));
}
