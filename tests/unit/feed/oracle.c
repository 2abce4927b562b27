/* SPDX-License-Identifier: MIT */
/* The naive model: for each link a queue of the units it is to get. See history.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "feed/inner.h" /* for one check that can't be made from outside: check_place() */
#include "history.h"

void oracle_push(struct sim_link *l, u32 number)
{
	if (l->q_end == l->q_size) {
		u32 size = l->q_size ? 2 * l->q_size : 64;

		l->queue = wyi_realloc(l->queue, size * sizeof(u32));
		wyi_assert(l->queue);
		l->q_size = size;
	}
	l->queue[l->q_end++] = number;
	l->queued += !l->h->message[number].private;
}

static void skip(struct sim_link *l, u32 number)
{
	struct history *h = l->h;
	const struct message *m = &h->message[number];
	struct feed_stats stats;

	wyi_feed_stats(h->feed, &stats);
	require(h, !m->private); /* private bytes are never dropped */
	require(h, l->full);
	/*
	 * What was fed to be kept is kept, but for links that were down and forget, and for want of
	 * memory.
	 */
	if (m->safe)
		require(h, stats.dropped[WYE_DROP_DOWN] + stats.dropped[WYE_DROP_MEMORY] > 0);
	l->queued--;
	l->skipped++;
}

/* Takes `number` out of the queue, and what is before it as skipped. */
static void next_is(struct sim_link *l, u32 number)
{
	struct history *h = l->h;

	for (;;) {
		require(h,
			l->q_head <
				l->q_end); /* it is not expected: twice, its own, or out of order */
		if (l->queue[l->q_head] == number)
			break;
		skip(l, l->queue[l->q_head++]);
	}
	l->q_head++;
	l->queued -= !h->message[number].private;
	if (l->controls) { /* control bytes go at the next boundary */
		require(h, l->before_control > 0);
		l->before_control--;
	}
}

static void on_unit(void *ctx, char kind, u32 number)
{
	struct sim_link *l = ctx;
	struct history *h = l->h;

	h->units++;
	if (kind == 'B') {
		require(h, l->controls > 0);
		l->controls--;
		return;
	}
	require(h, number > 0 && number <= h->n_messages);
	require(h, (kind == 'P') == h->message[number].private);
	next_is(l, number);
	if (kind == 'P')
		return;
	l->got++;
	h->written_bytes += h->message[number].size;
}

void oracle_bytes(struct sim_link *l, const void *bytes, size_t n)
{
	l->bytes += n;
	require(l->h, sink_take(&l->sink, bytes, n, on_unit, l));
}

void oracle_undelivered(struct sim_link *l, u32 number)
{
	next_is(l, number);
	l->skipped++;
}

void oracle_control(struct sim_link *l, u32 n)
{
	if (l->controls == 0)
		l->before_control = !sink_at_boundary(&l->sink);
	l->controls += n;
}

void oracle_forget(struct sim_link *l)
{
	l->skipped += l->queued;
	l->queued = 0;
	l->q_head = l->q_end;
}

void oracle_leave(struct sim_link *l, u64 dropped_before, int cause)
{
	struct history *h = l->h;
	u64 dropped = l->reader.dropped - l->skipped;

	require(h, l->reader.at == 0);
	require(h, l->reader.dropped >= dropped_before && dropped <= l->queued);
	require(h, cause < 0 ? dropped == 0 || l->full : dropped == l->queued);
	h->lost += l->queued - dropped;
	h->left_written += l->got;
	h->left_dropped += l->reader.dropped;
}

void oracle_end(struct sim_link *l)
{
	wyi_free(l->queue);
	l->queue = NULL;
}

/*
 * Bytes of the last `waiting` messages in the queue, of private ones among them and of the begun
 * one what is left.
 */
static void check_lag(const struct history *h, const struct sim_link *l, u64 waiting)
{
	u64 bytes = l->controls, n = 0;
	u32 i;

	for (i = l->q_end; i > l->q_head && n < waiting; i--) {
		const struct message *m = &h->message[l->queue[i - 1]];

		bytes += m->size;
		n += !m->private;
	}
	for (; i > l->q_head; i--)
		bytes += h->message[l->queue[i - 1]].private ? h->message[l->queue[i - 1]].size : 0;
	if (!sink_at_boundary(&l->sink)) {
		u32 begun = sink_begun(&l->sink), sent = l->sink.n_head;

		if (l->sink.n_head < UNIT_HEAD)
			begun = l->queue[l->q_end - (u32)n];
		if (l->sink.n_head == UNIT_HEAD)
			sent = h->message[begun].size - l->sink.left;
		bytes -= sent;
	}
	require(h, wyi_feed_lag_bytes(h->feed, l->slot) == bytes);
}

/*
 * A solo does not read past `to`, or it would never meet the live ones. Only a jump can put it
 * there.
 */
static void check_place(const struct history *h, const struct sim_link *l)
{
	if (!l->full)
		require(h, l->reader.base + l->got <= h->feed->to);
}

static u64 sum_dropped(const struct feed_stats *stats)
{
	u64 n = 0;

	for (u32 i = 0; i < WYE_DROP_CAUSES; i++)
		n += stats->dropped[i];
	return n;
}

void oracle_check(struct history *h)
{
	u64 seq = wyi_feed_seq(h->feed), waiting = 0, written = 0, dropped = 0;
	struct feed_stats stats;
	bool behind = false;

	wyi_feed_stats(h->feed, &stats);
	for (u32 i = 0; i < h->n_links; i++) {
		struct sim_link *l = sim_link(h, h->links[i]);
		u64 w = wyi_feed_waiting(h->feed, l->slot);

		require(h, w <= l->queued);
		require(h, l->skipped + l->queued - w == l->reader.dropped);
		require(h, wyi_feed_written(h->feed, l->slot) == l->got);
		require(h, l->full || l->reader.dropped == 0);
		require(h, !h->close || h->datagram || l->reader.dropped == 0);
		if (l->own == 0 && !h->datagram && stats.overdue == 0 && h->step % 8 == 0)
			check_lag(h, l, w);
		check_place(h, l);
		behind |= l->reader.base + l->got < seq;
		waiting += w;
		written += l->got;
		dropped += l->reader.dropped;
	}
	require(h, seq == h->n_fed);
	require(h, stats.live + stats.solo == h->n_links);
	require(h, stats.waiting == waiting);
	require(h, stats.written == written + h->left_written);
	require(h, stats.written_bytes == h->written_bytes);
	require(h, stats.lost == h->lost);
	require(h, sum_dropped(&stats) == dropped + h->left_dropped + h->door);
	require(h, stats.routed == h->routed);
	require(h,
		stats.routed == stats.written + sum_dropped(&stats) + stats.lost + stats.waiting);
	require(h, stats.used <= (u64)h->queue + h->batch);
	require(h, behind || stats.used == 0); /* nothing is kept for nobody */
	if (h->deep)
		wyi_feed_check(h->feed);
}
