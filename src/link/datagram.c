/* SPDX-License-Identifier: MIT */
/*
 * Datagrams in and out, for the one or two sockets that all links of a datagram endpoint share.
 *
 * In: recvmmsg, 16 at a time; datagrams of one peer that stand together are one run. Out: peers x
 * messages in one sendmmsg. A datagram of length 0 is counted and is never an end. Failure: a
 * socket that is full holds the whole endpoint back (no peer is to blame) until EPOLLOUT, or 10 ms
 * where the kernel lacks memory; a datagram that the kernel refuses is dropped, cause unreachable,
 * and nobody is closed for it.
 */
#include <errno.h>
#include <string.h>
#include "link/inner.h"

#define RECEIVE	   16u
#define ROUNDS	   16u /* of them for one socket in a turn */
#define SEND	   256u
#define DGRAM_SLOT 65536u

_Static_assert(RECEIVE *DGRAM_SLOT <= INPUT_BYTES, "a batch fits in the loop's buffer");

struct dgram_batch {
	struct mmsghdr in[RECEIVE];
	struct iovec in_iov[RECEIVE];
	struct addr from[RECEIVE];
	_Alignas(struct cmsghdr) u8 control[RECEIVE][CMSG_SPACE(sizeof(u32))];
	struct mmsghdr out[SEND];
	struct link *to[SEND]; /* whose message out[i] is */
	u8 failed[SEND];
};

static int make_batch(struct links *ls)
{
	if (!ls->dgrams)
		ls->dgrams = wyi_alloc(sizeof *ls->dgrams);
	return ls->dgrams ? 0 : -ENOMEM;
}

void wyi_dgram_free(struct links *ls)
{
	wyi_free(ls->dgrams);
	ls->dgrams = NULL;
}

/* -- sockets ----------------------------------------------------------------------------------- */
void wyi_dgram_poll(struct link_group *g)
{
	u32 events = (g->shut || g->resting ? 0 : EPOLLIN) | (g->full ? EPOLLOUT : 0);

	for (u32 i = 0; i < g->n_sockets; i++) {
		struct dgram_socket *s = &g->socket[i];

		if (wyi_poll_set(g->links->loop, s->fd, &s->events, events, LOOP_DGRAM,
				 (u64)(uintptr_t)s) < 0)
			wyi_flush_later(g);
	}
}

int wyi_dgram_open(struct link_group *g, int fd, bool connected)
{
	struct dgram_socket *s = &g->socket[g->n_sockets];
	int r = make_batch(g->links);

	wyi_assert(g->n_sockets < NET_LISTEN_MAX);
	if (r < 0)
		return r;
	*s = (struct dgram_socket){.group = g, .fd = fd, .connected = connected};
	r = wyi_poll_set(g->links->loop, fd, &s->events, g->shut ? 0 : EPOLLIN, LOOP_DGRAM,
			 (u64)(uintptr_t)s);
	if (r < 0)
		return r;
	g->n_sockets++;
	return 0;
}

void wyi_dgram_close(struct link_group *g)
{
	for (u32 i = 0; i < g->n_sockets; i++) {
		(void)wyi_poll_set(g->links->loop, g->socket[i].fd, &g->socket[i].events, 0,
				   LOOP_DGRAM, 0);
		(void)wyi_sys_close(g->socket[i].fd);
	}
	g->n_sockets = 0;
	if (g->full) /* the next socket is not */
		wyi_feed_blocked(g->feed, false);
	g->full = g->resting = false;
	wyi_peers_free(g);
}

static void on_full(struct link_group *g, s64 why)
{
	g->full = true;
	wyi_feed_blocked(g->feed, true);
	if (why == -EAGAIN)
		wyi_dgram_poll(g);
	else
		wyi_flush_later(g);
}

void wyi_dgram_room(struct link_group *g)
{
	if (!g->full)
		return;
	g->full = false;
	wyi_dgram_poll(g);
	wyi_feed_blocked(g->feed, false);
	wyi_feed_ready_all(g->feed);
	wyi_group_fed(g);
}

void wyi_dgram_again(struct link_group *g)
{
	g->resting = false;
	wyi_dgram_poll(g);
	wyi_dgram_room(g);
}

/* -- in ---------------------------------------------------------------------------------------- */
/* The datagrams that could not be received are still there, and would be reported at once. */
static void rest(struct link_group *g)
{
	g->resting = true;
	wyi_dgram_poll(g);
	wyi_flush_later(g);
}

static int receive(struct dgram_batch *b, int fd, u8 *buffer)
{
	for (u32 i = 0; i < RECEIVE; i++) {
		b->in_iov[i].iov_base = buffer + (size_t)i * DGRAM_SLOT;
		b->in_iov[i].iov_len = DGRAM_SLOT;
		b->in[i].msg_hdr = (struct msghdr){.msg_name = &b->from[i].sa,
						   .msg_namelen = sizeof(struct sockaddr_in6),
						   .msg_iov = &b->in_iov[i],
						   .msg_iovlen = 1,
						   .msg_control = b->control[i],
						   .msg_controllen = sizeof b->control[i]};
	}
	return wyi_sys_recvmmsg(fd, b->in, RECEIVE);
}

static void count_overruns(struct dgram_socket *s, struct msghdr *head)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(head);
	u32 seen;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
		return;
	memcpy(&seen, CMSG_DATA(c), sizeof seen);
	s->group->nobuf += seen - s->overruns;
	s->overruns = seen;
}

static struct link *welcome(struct dgram_socket *s, const struct addr *from)
{
	struct link_group *g = s->group;
	u32 at = (u32)(s - g->socket);
	struct link *l;
	int r = g->ops->on_stranger(g, from);

	if (r < 0 || wyi_peers_add(g, from, at, &l) < 0)
		return NULL;
	wyi_link_begin(l);
	if (wyi_link_read(l) < 0) {
		wyi_link_free(l);
		return NULL;
	}
	g->ops->on_up(g, l);
	return l;
}

/* Whose datagram this is; NULL: nobody's. Strangers are not taken in here. */
static struct link *known(struct dgram_socket *s, const struct addr *from)
{
	struct link_group *g = s->group;

	if (g->peers)
		return wyi_peers_find(g, from, (u32)(s - g->socket));
	return list_empty(&g->open) ? NULL : list_first(&g->open, struct link, node);
}

static void hand_up(struct link *l, u32 n)
{
	struct link_group *g = l->group;

	if (!n || l->state != LINK_UP)
		return;
	l->received += n;
	g->received += n;
	g->ops->on_input(g, l, g->links->msgs, n);
}

static void hear(struct link *l, u32 size)
{
	l->received_bytes += size;
	l->group->received_bytes += size;
	l->group->links->spent += size;
	wyi_visit_heard(l);
	if (l->group->peers)
		wyi_peers_heard(l);
}

/* Is it a message? If not, it is counted. */
static bool accept_size(struct link_group *g, u32 size)
{
	if (g->discard)
		g->discarded_bytes += size;
	else if (size == 0)
		g->cut.empty++;
	else if (size > g->rules.max_message)
		g->cut.skipped++;
	else
		return true;
	return false;
}

static void deliver(struct dgram_socket *s, struct dgram_batch *b, u32 n)
{
	struct link_group *g = s->group;
	struct link *run = NULL;
	u32 k = 0;

	for (u32 i = 0; i < n; i++) {
		u32 size = b->in[i].msg_len;
		struct link *l;

		b->from[i].len = b->in[i].msg_hdr.msg_namelen;
		count_overruns(s, &b->in[i].msg_hdr);
		l = known(s, &b->from[i]);
		if (l != run || !l) {
			if (run)
				hand_up(run, k);
			k = 0;
			run = l ? l : g->peers ? welcome(s, &b->from[i]) : NULL;
		}
		if (!run || run->state != LINK_UP)
			continue;
		hear(run, size);
		if (accept_size(g, size))
			g->links->msgs[k++] = (struct msg){b->in_iov[i].iov_base, size};
	}
	if (run)
		hand_up(run, k);
}

static void read_socket(struct dgram_socket *s)
{
	struct link_group *g = s->group;
	struct dgram_batch *b = g->links->dgrams;

	for (u32 round = 0; round < ROUNDS && !g->shut; round++) {
		int n = receive(b, s->fd, g->links->input);

		if (n == -ECONNREFUSED && s->connected) {
			struct link *l = known(s, NULL);

			if (l)
				g->ops->on_refused(g, l);
			return;
		}
		if (n == -ENOMEM || n == -ENOBUFS)
			rest(g);
		if (n <= 0)
			return;
		deliver(s, b, (u32)n);
		if ((u32)n < RECEIVE)
			return;
	}
}

/* Not read, but broken: the error has to be taken, or it would be reported for ever. */
static void take_error(struct dgram_socket *s)
{
	int error;
	socklen_t size = sizeof error;

	(void)wyi_sys_getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
}

/*
 * What streams have read in this turn is not held against datagrams: the kernel drops those that
 * wait too long.
 */
void wyi_dgram_ready(void *ctx, const struct loop_ready *ready, unsigned n)
{
	struct links *ls = ctx;

	ls->spent = 0;
	for (unsigned i = 0; i < n; i++) {
		struct dgram_socket *s = (struct dgram_socket *)(uintptr_t)ready[i].value;

		if (ready[i].events & EPOLLOUT)
			wyi_dgram_room(s->group);
		if (!(ready[i].events & ~(u32)EPOLLOUT) || ls->spent >= TURN_BYTES)
			continue;
		if (!s->group->shut) {
			read_socket(s);
			continue;
		}
		if (ready[i].events & EPOLLERR)
			take_error(s);
		wyi_dgram_poll(s->group);
	}
}

/* -- out --------------------------------------------------------------------------------------- */
static void address(struct mmsghdr *out, struct link *l, struct iovec *iov)
{
	out->msg_hdr = (struct msghdr){.msg_iov = iov, .msg_iovlen = 1};
	if (!l->group->peers)
		return;
	out->msg_hdr.msg_name = (void *)(uintptr_t)&wyi_peer_addr(l, NULL)->sa;
	out->msg_hdr.msg_namelen = wyi_peer_addr(l, NULL)->len;
}

static u32 socket_of(const struct link *l)
{
	u32 at = 0;

	if (l->group->peers)
		(void)wyi_peer_addr(l, &at);
	return at;
}

/*
 * One kernel entry for what stands from i on and goes through the same socket. Answers as sendmmsg
 * does.
 */
static int send_run(struct link_group *g, struct dgram_batch *b, u32 i, u32 n)
{
	u32 at = socket_of(b->to[i]), end = i + 1;
	int r;

	while (end < n && socket_of(b->to[end]) == at)
		end++;
	r = wyi_sys_sendmmsg(g->socket[at].fd, &b->out[i], end - i);
	if (r == -ECONNREFUSED) { /* that was about an earlier datagram; this one has not gone */
		g->ops->on_refused(g, b->to[i]);
		r = wyi_sys_sendmmsg(g->socket[at].fd, &b->out[i], end - i);
	}
	return r;
}

/* Sends out[0, n). Answers how many were settled: sent, or refused for good (failed[i] is set). */
static u32 send_all(struct link_group *g, struct dgram_batch *b, u32 n)
{
	u32 i = 0;

	memset(b->failed, 0, n);
	while (i < n) {
		int r = send_run(g, b, i, n);

		if (r == -EAGAIN || r == -ENOBUFS || r == -ENOMEM) {
			on_full(g, r);
			break;
		}
		if (r <= 0)
			b->failed[i++] = 1;
		else
			i += (u32)r;
	}
	return i;
}

/* The feed was told that all of [from, to) went; what was refused did not. */
static void count_failures(struct dgram_batch *b, u32 from, u32 to)
{
	u64 bytes = 0;
	u32 n = 0;

	for (u32 i = from; i < to; i++) {
		if (!b->failed[i])
			continue;
		n++;
		bytes += b->out[i].msg_hdr.msg_iov->iov_len;
	}
	if (n)
		wyi_feed_drop(b->to[from]->group->feed, b->to[from]->slot, n, bytes,
			      WYE_DROP_UNREACHABLE);
}

static u32 flush_solo(struct link_group *g, struct dgram_batch *b, struct link *l)
{
	struct iovec iov[FEED_IOVS];
	int n = wyi_feed_take(g->feed, l->slot, iov, SOLO_BYTES);
	bool private = n > 0 && wyi_feed_takes_private(g->feed, l->slot);
	u32 sent;

	if (n <= 0) {
		if (n < 0 && l->state == LINK_UP)
			wyi_link_close(l, n);
		return 0;
	}
	for (u32 i = 0; i < (u32)n; i++) {
		b->to[i] = l;
		address(&b->out[i], l, &iov[i]);
	}
	sent = send_all(g, b, (u32)n);
	(void)wyi_feed_done(g->feed, l->slot, sent, sent < (u32)n);
	if (!private)
		count_failures(b, 0, sent);
	return sent;
}

static u32 flush_chunk(struct link_group *g, struct dgram_batch *b)
{
	struct links *ls = g->links;
	struct iovec iov[FEED_DGRAMS];
	u32 n_iov, skip, k = 0, sent, done = 0, n;

	if (!wyi_feed_pass(g->feed))
		return 0;
	n = wyi_feed_chunk(g->feed, iov, &n_iov, ls->slots, SEND, &skip);
	if (n > SEND / n_iov) /* the others stay where they are, for the next chunk */
		n = SEND / n_iov;
	for (u32 i = 0; i < n; i++)
		for (u32 m = i ? 0 : skip; m < n_iov; m++, k++) {
			b->to[k] = wyi_link_at(ls, ls->slots[i]);
			address(&b->out[k], b->to[k], &iov[m]);
		}
	sent = send_all(g, b, k);
	for (u32 i = 0; i < n && (done < sent || sent == k); i++) {
		u32 first = i ? 0 : skip, left = sent - done;
		u32 got = left < n_iov - first ? left : n_iov - first;

		(void)wyi_feed_live_result(g->feed, ls->slots[i], first + got);
		count_failures(b, done, done + got);
		done += got;
	}
	return k;
}

u32 wyi_dgram_flush(struct link_group *g, u32 budget)
{
	struct links *ls = g->links;
	struct dgram_batch *b = ls->dgrams;
	u32 n, sent = 0;

	n = wyi_feed_due_solos(g->feed, ls->slots, SOLOS);
	for (u32 i = 0; i < n && !g->full; i++)
		sent += flush_solo(g, b, wyi_link_at(ls, ls->slots[i]));
	while (!g->full && sent < budget) {
		u32 k = flush_chunk(g, b);

		if (!k)
			break;
		sent += k;
	}
	return sent + 1;
}
