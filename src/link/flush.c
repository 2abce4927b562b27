/* SPDX-License-Identifier: MIT */
/*
 * The flush phase: feeds that are due are sent, a step each, round robin.
 *
 * A step of a stream feed: up to 64 solo readers, each its own bytes; then a chunk of live readers,
 * the same bytes for all; each as one bulk run. Up to 1,024 sends or 2 ms, then the loop polls
 * again: a fan-out to 250,000 links does not keep accepts and timers waiting. Failure: a short send
 * or -EAGAIN makes the link wait for EPOLLOUT; no memory in the kernel is the same, tried again by
 * a timer; anything else closes the link.
 */
#include <errno.h>
#include "link/inner.h"

void wyi_flush_later(struct link_group *g)
{
	if (!wyi_timer_armed(&g->again))
		wyi_timer_set(g->links->loop, &g->again,
			      wyi_loop_now(g->links->loop) + 10 * NS_PER_MS);
}

static ssize_t write_ends(struct link *l, const struct iovec *iov, u32 n)
{
	struct ends *e = l->ends;
	struct msghdr head = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n};

	switch (e->io.out) {
	case NET_SOCK:
		return wyi_sys_sendmsg(e->io.out_fd, &head);
	case NET_PIPE:
		return wyi_sys_writev(e->io.out_fd, iov, (int)n);
	case NET_FILE:
		return wyi_file_writev(e->file_out, iov, (int)n);
	case NET_NONE:
		break;
	}
	return -EPIPE;
}

/*
 * What a send gave, in terms of the feed: bytes taken, and whether the link must wait or die. A
 * link that dies keeps its place until the close phase, as one that waits. Without memory in the
 * kernel the socket itself is writable: EPOLLOUT would come at once, again and again.
 */
static u64 taken(struct link *l, s64 res, u64 offered, bool *ret_full)
{
	bool later = res == -ENOBUFS || res == -ENOMEM;

	*ret_full = res < 0 || (u64)res < offered;
	if (later)
		wyi_flush_later(l->group);
	else if (res < 0 && res != -EAGAIN && l->state == LINK_UP)
		wyi_link_close(l, (int)res);
	wyi_link_poll(l, *ret_full && !later);
	return res < 0 ? 0 : (u64)res;
}

static u64 total(const struct iovec *iov, u32 n)
{
	u64 sum = 0;

	for (u32 i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

/* -- solo readers ------------------------------------------------------------------------------ */
static void solo_result(struct link *l, s64 res, u64 offered)
{
	bool full;
	u64 got = taken(l, res, offered, &full);
	int r = wyi_feed_done(l->group->feed, l->slot, got, full);

	if (r < 0 && l->state == LINK_UP)
		wyi_link_close(l, r);
}

/* Fills call k for the solo reader l. False: nothing to send, or it was sent already. */
static bool solo_call(struct links *ls, struct link *l, u32 k)
{
	struct iovec *iov = ls->iovs[k];
	int n;

	if (l->state != LINK_UP) {
		wyi_feed_wait(l->group->feed, l->slot);
		return false;
	}
	n = wyi_feed_take(l->group->feed, l->slot, iov, SOLO_BYTES);
	if (n < 0) {
		wyi_link_close(l, n);
		return false;
	}
	if (n == 0) {
		wyi_link_poll(l, false);
		return false;
	}
	if (l->ends) {
		solo_result(l, write_ends(l, iov, (u32)n), total(iov, (u32)n));
		return false;
	}
	ls->heads[k] = (struct msghdr){.msg_iov = iov, .msg_iovlen = (size_t)n};
	ls->calls[k] = (struct bulk_call){
		.fd = l->fd, .op = BULK_SENDMSG, .ptr = &ls->heads[k], .tag = l->slot};
	if (n == 1)
		ls->calls[k] = (struct bulk_call){.fd = l->fd,
						  .op = BULK_SEND,
						  .ptr = iov->iov_base,
						  .len = (u32)iov->iov_len,
						  .tag = l->slot};
	return true;
}

static u32 flush_solos(struct link_group *g)
{
	struct links *ls = g->links;
	u32 k = 0, n = wyi_feed_due_solos(g->feed, ls->slots, SOLOS);

	for (u32 i = 0; i < n; i++)
		k += solo_call(ls, wyi_link_at(ls, ls->slots[i]), k);
	if (k)
		wyi_bulk_run(wyi_loop_bulk(ls->loop), ls->calls, k);
	for (u32 i = 0; i < k; i++)
		solo_result(wyi_link_at(ls, ls->calls[i].tag), ls->calls[i].res,
			    total(ls->heads[i].msg_iov, (u32)ls->heads[i].msg_iovlen));
	return n;
}

/* -- live readers ------------------------------------------------------------------------------ */
static void live_result(struct link *l, s64 res, u64 offered)
{
	bool full;
	u64 got = taken(l, res, offered, &full);
	int r = wyi_feed_live_result(l->group->feed, l->slot, got);

	if (r < 0 && l->state == LINK_UP)
		wyi_link_close(l, r);
}

static u32 flush_live(struct link_group *g, u32 most)
{
	struct links *ls = g->links;
	struct iovec iov[FEED_IOVS];
	struct msghdr head = {.msg_iov = iov};
	u32 n, n_iov, skip, max = most < CHUNK ? most : CHUNK;
	u64 offered;

	if (!wyi_feed_pass(g->feed))
		return 0;
	n = wyi_feed_chunk(g->feed, iov, &n_iov, ls->slots, max, &skip);
	offered = total(iov, n_iov);
	head.msg_iovlen = n_iov;
	for (u32 i = 0; i < n; i++) {
		struct bulk_call *c = &ls->calls[i];

		c->fd = wyi_link_at(ls, ls->slots[i])->fd;
		c->op = n_iov == 1 ? BULK_SEND : BULK_SENDMSG;
		c->ptr = n_iov == 1 ? iov->iov_base : (void *)&head;
		c->len = (u32)iov->iov_len;
	}
	wyi_bulk_run(wyi_loop_bulk(ls->loop), ls->calls, n);
	for (u32 i = 0; i < n; i++)
		live_result(wyi_link_at(ls, ls->slots[i]), ls->calls[i].res, offered);
	return n;
}

/* -- the phase --------------------------------------------------------------------------------- */
/*
 * Mode CLOSE. They leave the feed now: it has nothing for them any more, and the next one has to be
 * found.
 */
void wyi_flush_overrun(struct link_group *g)
{
	u32 slot;

	while ((slot = wyi_feed_overrun(g->feed)) != U32_NONE) {
		struct link *l = wyi_link_at(g->links, slot);

		if (!(l->flags & LINK_ONE)) /* that one stays a reader, for its next connection */
			wyi_link_unread(l);
		if (l->state == LINK_UP)
			wyi_link_close(l, WYE_ESLOW);
	}
}

static u32 flush_step(struct link_group *g, u32 budget)
{
	u32 n;

	if (g->datagram) {
		n = wyi_dgram_flush(g, budget);
	} else {
		n = flush_solos(g);
		n += flush_live(g, budget);
	}
	wyi_feed_trim(g->feed);
	wyi_flush_overrun(g);
	return n;
}

/*
 * Opening a link may read it, and so shut this group or another one again: nothing is held across
 * it.
 */
static bool open_one(struct link_group *g)
{
	struct link *l;

	if (g->shut || list_empty(&g->paused))
		return false;
	l = list_first(&g->paused, struct link, node);
	l->flags &= (u8)~LINK_PAUSED;
	list_move_tail(&g->open, &l->node);
	wyi_link_reading(l);
	return true;
}

static void open_links(struct links *ls)
{
	u32 left = OPEN_LINKS;

	while (left && !list_empty(&ls->opening)) {
		struct link_group *g = list_first(&ls->opening, struct link_group, opening);

		if (g->datagram)
			wyi_dgram_poll(g);
		while (left && open_one(g))
			left--;
		if (left)
			list_del(&g->opening);
	}
}

bool wyi_flush(void *ctx)
{
	struct links *ls = ctx;
	u64 until = list_empty(&ls->due) ? 0 : wyi_sys_now() + FLUSH_NS;
	u32 left = FLUSH_CALLS;

	while (left && !list_empty(&ls->due)) {
		struct link_group *g = list_first(&ls->due, struct link_group, due);
		u32 n = flush_step(g, left);

		list_del(&g->due);
		if (wyi_feed_due(g->feed) && !(g->datagram && g->full))
			list_add_tail(&ls->due, &g->due);
		left -= n < left ? n : left;
		if (!list_empty(&ls->due) && wyi_sys_now() > until)
			break;
	}
	open_links(ls);
	return !list_empty(&ls->due) || !list_empty(&ls->opening);
}

void wyi_flush_file(void *ctx)
{
	struct link *l = ctx;

	int r;

	if (l->state != LINK_UP)
		return;
	r = (int)wyi_file_writev(l->ends->file_out, NULL, 0);
	if (r < 0) /* it may have failed with the last that was fed: no later write would tell */
		wyi_link_close(l, r);
	if (r < 0 || !(l->flags & LINK_READS))
		return;
	wyi_feed_ready(l->group->feed, l->slot);
	wyi_group_fed(l->group);
}
