/* SPDX-License-Identifier: MIT */
/*
 * What the loop does for a feed: passes, solo readers, sockets that take what they take. See
 * history.h.
 */
#include "history.h"

u32 history_socket(struct sim_link *l, size_t n)
{
	u32 took = (u32)n;

	if (l->speed != NO_LIMIT) {
		u32 limit = rnd_below(&l->h->rnd, l->speed + 1);

		took = took < limit ? took : limit;
	}
	l->full |= took < n;
	return took;
}

void history_give(struct sim_link *l, const struct iovec *iov, u64 n)
{
	for (; n; iov++) {
		u64 k = n < iov->iov_len ? n : iov->iov_len;

		oracle_bytes(l, iov->iov_base, k);
		n -= k;
	}
}

static u64 iov_bytes(const struct iovec *iov, u32 n)
{
	u64 bytes = 0;

	while (n)
		bytes += iov[--n].iov_len;
	return bytes;
}

void history_block(struct history *h)
{
	h->blocked = true;
	for (u32 i = 0; i < h->n_links; i++)
		sim_link(h, h->links[i])->full = true;
	wyi_feed_blocked(h->feed, true);
}

/* -- streams ----------------------------------------------------------------------------------- */
struct taken {
	struct sim_link *l;
	struct iovec iov[FEED_IOVS];
	u64 bytes;
	int err;
};

static void take_stream(struct history *h, struct taken *t)
{
	u64 room = rnd_is(&h->rnd, 50) ? NO_LIMIT : rnd_in(&h->rnd, 1, 200);
	int n;

	t->bytes = 0;
	t->err = 0;
	if (rnd_is(&h->rnd, 2)) {
		t->l->full = true;
		wyi_feed_wait(h->feed, t->l->slot);
		return;
	}
	n = wyi_feed_take(h->feed, t->l->slot, t->iov, room);
	if (n < 0)
		t->err = n;
	else
		t->bytes = iov_bytes(t->iov, (u32)n);
	require(h, n >= 0 || n == WYE_ESLOW);
	require(h, t->bytes <= room || n == 1);
}

static void send_stream(struct history *h, struct taken *t)
{
	u64 before = wyi_feed_progress(h->feed, t->l->slot);
	u32 got = history_socket(t->l, t->bytes);
	/* Some sinks take less without being full. */
	bool refused = got < t->bytes && !rnd_is(&h->rnd, 10);

	history_give(t->l, t->iov, got);
	t->err = wyi_feed_done(h->feed, t->l->slot, got, refused);
	if (t->err == 0 && refused)
		require(h, (wyi_feed_progress(h->feed, t->l->slot) == before) == (got == 0));
}

/* As in bulk: all are taken, then all are sent. */
static void serve_streams(struct history *h, const u32 *slots, u32 n)
{
	static struct taken taken[LINKS_MAX];

	for (u32 i = 0; i < n; i++) {
		taken[i].l = sim_link(h, slots[i]);
		take_stream(h, &taken[i]);
	}
	for (u32 i = 0; i < n; i++) {
		if (taken[i].bytes)
			send_stream(h, &taken[i]);
	}
	for (u32 i = 0; i < n; i++) {
		if (taken[i].err)
			history_down(h, slots[i], taken[i].err);
	}
}

/* The next live readers, at most max. Answers how many there were. */
static u32 chunk_stream(struct history *h, u32 max)
{
	u32 slots[LINKS_MAX], failed[LINKS_MAX], n_failed = 0, n_iov, skip = 1, n;
	struct iovec iov[FEED_IOVS];

	n = wyi_feed_chunk(h->feed, iov, &n_iov, slots, max, &skip);
	require(h, skip == 0 && n_iov <= FEED_IOVS);
	for (u32 i = 0; i < n; i++) {
		struct sim_link *l = sim_link(h, slots[i]);
		u64 bytes = iov_bytes(iov, n_iov);
		u32 got = history_socket(l, bytes);

		history_give(l, iov, got);
		h->rests_cut += !sink_at_boundary(&l->sink);
		if (wyi_feed_live_result(h->feed, slots[i], got) < 0)
			failed[n_failed++] = slots[i];
	}
	for (u32 i = 0; i < n_failed; i++)
		history_down(h, failed[i], -ENOMEM);
	return n;
}

static void flush_streams(struct history *h, int how)
{
	u32 slots[LINKS_MAX], n;

	for (u32 i = 0; i < h->n_links; i++) {
		const struct sim_link *l = sim_link(h, h->links[i]);

		if (how & FLUSH_READY && wyi_feed_is_waiting(h->feed, l->slot) &&
		    (how & FLUSH_ALL || (l->speed && rnd_is(&h->rnd, 70))))
			wyi_feed_ready(h->feed, l->slot);
	}
	n = wyi_feed_due_solos(h->feed, slots, how & FLUSH_ALL ? LINKS_MAX : rnd_in(&h->rnd, 1, 6));
	serve_streams(h, slots, n);
	if (how & FLUSH_ALL) {
		while (chunk_stream(h, LINKS_MAX))
			;
	} else {
		(void)chunk_stream(h, rnd_in(&h->rnd, 1, 4));
	}
}

static void close_overrun(struct history *h)
{
	u32 slots[LINKS_MAX], slot;
	struct feed_stats stats;

	while ((slot = wyi_feed_overrun(h->feed)) != U32_NONE) {
		require(h, h->close);
		h->closed++;
		history_down(h, slot, WYE_ESLOW);
	}
	wyi_feed_stats(h->feed, &stats);
	if (h->close && !h->datagram && wyi_feed_due_solos(h->feed, slots, 1) == 0)
		require(h, stats.overdue == 0);
}

/* -- datagrams --------------------------------------------------------------------------------- */
/*
 * How many datagrams of iov the endpoint's socket takes. A few of them fail: reported as taken,
 * then dropped.
 */
static u32 send_datagrams(struct history *h, struct sim_link *l, const struct iovec *iov, u32 n,
			  bool private, u32 *ret_failed, u64 *ret_failed_bytes)
{
	u32 i;

	*ret_failed = 0;
	*ret_failed_bytes = 0;
	for (i = 0; i < n && h->socket_room; i++) {
		const u8 *bytes = iov[i].iov_base;
		bool fed = bytes[0] == 'D';

		require(h, fed != private);
		h->socket_room -= h->socket_room != NO_LIMIT;
		if (fed && rnd_is(&h->rnd, 5)) {
			oracle_undelivered(l, bytes[1] | (u32)bytes[2] << 8 | (u32)bytes[3] << 16);
			l->full = true;
			++*ret_failed;
			*ret_failed_bytes += iov[i].iov_len;
			continue;
		}
		oracle_bytes(l, bytes, iov[i].iov_len);
		require(h, sink_at_boundary(&l->sink));
	}
	return i;
}

static void serve_datagram(struct history *h, u32 slot)
{
	struct sim_link *l = sim_link(h, slot);
	struct iovec iov[FEED_IOVS];
	u32 got, failed;
	bool private;
	u64 bytes;
	int n = wyi_feed_take(h->feed, slot, iov, rnd_is(&h->rnd, 50) ? NO_LIMIT : 100);

	if (n == WYE_ESLOW)
		history_down(h, slot, WYE_ESLOW);
	if (n <= 0)
		return;
	private = wyi_feed_takes_private(h->feed, slot);
	require(h, !private || n == 1);
	got = send_datagrams(h, l, iov, (u32)n, private, &failed, &bytes);
	if (got < (u32)n)
		history_block(h);
	require(h, wyi_feed_done(h->feed, slot, got, got < (u32)n) == 0);
	if (failed)
		wyi_feed_drop(h->feed, slot, failed, bytes, WYE_DROP_UNREACHABLE);
}

static u32 chunk_datagram(struct history *h, u32 max)
{
	u32 slots[LINKS_MAX], n_iov, skip, n, failed;
	struct iovec iov[FEED_DGRAMS];

	n = wyi_feed_chunk(h->feed, iov, &n_iov, slots, max, &skip);
	require(h, n_iov <= FEED_DGRAMS && (n == 0 || skip < n_iov));
	for (u32 i = 0; i < n; i++, skip = 0) {
		struct sim_link *l = sim_link(h, slots[i]);
		u64 bytes;
		u32 got = skip +
			  send_datagrams(h, l, iov + skip, n_iov - skip, false, &failed, &bytes);

		if (got < n_iov)
			history_block(h);
		require(h, wyi_feed_live_result(h->feed, slots[i], got) == 0);
		if (failed)
			wyi_feed_drop(h->feed, slots[i], failed, bytes, WYE_DROP_UNREACHABLE);
		if (got < n_iov)
			return 0;
	}
	return n;
}

static void flush_datagrams(struct history *h, int how)
{
	static const u32 rooms[] = {0, 1, 3, 10, NO_LIMIT, NO_LIMIT};
	u32 slots[LINKS_MAX], n;

	if (!h->blocked || (how & FLUSH_READY && (how & FLUSH_ALL || rnd_is(&h->rnd, 40)))) {
		h->socket_room = how & FLUSH_ALL ? NO_LIMIT
						 : rooms[rnd_below(&h->rnd, ARRAY_SIZE(rooms))];
		if (h->blocked) {
			h->blocked = false;
			wyi_feed_blocked(h->feed, false);
			wyi_feed_ready_all(h->feed);
			(void)wyi_feed_pass(h->feed);
		}
	}
	n = wyi_feed_due_solos(h->feed, slots, how & FLUSH_ALL ? LINKS_MAX : rnd_in(&h->rnd, 1, 6));
	for (u32 i = 0; i < n && !h->blocked; i++)
		serve_datagram(h, slots[i]);
	while (!h->blocked && chunk_datagram(h, how & FLUSH_ALL ? LINKS_MAX : 2) && how & FLUSH_ALL)
		;
}

void history_flush(struct history *h, int how)
{
	(void)wyi_feed_pass(h->feed);
	if (h->datagram)
		flush_datagrams(h, how);
	else
		flush_streams(h, how);
	wyi_feed_trim(h->feed);
	close_overrun(h);
}
