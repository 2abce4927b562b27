/* SPDX-License-Identifier: MIT */
/*
 * The peers of a datagram server: each source address becomes a link, found by hash; at `max` the
 * one that was silent longest makes room. Peers stand in a list by when they were heard, so that
 * one is found in O(1).
 */
#include <errno.h>
#include "link/inner.h"

struct peer {
	struct peer *next; /* in its bucket */
	struct list heard; /* longest silent first */
	struct link *link;
	u32 socket;
	struct addr addr;
};

struct peers {
	u32 max, n, mask, seed;
	struct list heard;
	struct peer **bucket;
};

int wyi_peers_new(struct link_group *g, u32 max)
{
	u32 size = 64;
	struct peers *p = wyi_zalloc(sizeof *p);

	if (!p)
		return -ENOMEM;
	while (size < max && size < 1u << 20)
		size *= 2;
	p->bucket = wyi_zalloc(size * sizeof(struct peer *));
	if (!p->bucket) {
		wyi_free(p);
		return -ENOMEM;
	}
	p->max = max;
	p->mask = size - 1;
	wyi_sys_random(&p->seed,
		       sizeof p->seed); /* so that nobody can choose addresses that collide */
	list_init(&p->heard);
	g->peers = p;
	return 0;
}

static struct peer **bucket_of(struct peers *p, const struct addr *addr, u32 socket)
{
	return &p->bucket[(wyi_addr_hash(addr, p->seed) + socket) & p->mask];
}

struct link *wyi_peers_find(struct link_group *g, const struct addr *addr, u32 socket)
{
	for (struct peer *p = *bucket_of(g->peers, addr, socket); p; p = p->next)
		if (p->socket == socket && wyi_addr_equal(&p->addr, addr))
			return p->link;
	return NULL;
}

static void make_room(struct link_group *g)
{
	struct link *l = list_first(&g->peers->heard, struct peer, heard)->link;

	g->ops->on_down(g, l, l->state == LINK_CLOSING ? l->why : WYE_EMAX);
	wyi_link_free(l);
}

int wyi_peers_add(struct link_group *g, const struct addr *addr, u32 socket, struct link **ret_link)
{
	struct peers *ps = g->peers;
	struct peer *p = wyi_zalloc(sizeof *p), **bucket;
	struct link *l;
	int r = p ? 0 : -ENOMEM;

	if (r >= 0 && ps->n >= ps->max)
		make_room(g);
	if (r >= 0)
		r = wyi_link_take(g, &l);
	if (r < 0) {
		wyi_free(p);
		return r;
	}
	p->addr = *addr;
	p->socket = socket;
	p->link = l;
	bucket = bucket_of(ps, addr, socket);
	p->next = *bucket;
	*bucket = p;
	list_add_tail(&ps->heard, &p->heard);
	ps->n++;
	l->peer = p;
	*ret_link = l;
	return 0;
}

void wyi_peers_heard(struct link *l)
{
	list_move_tail(&l->group->peers->heard, &l->peer->heard);
}

void wyi_peers_remove(struct link *l)
{
	struct peers *ps = l->group->peers;
	struct peer *p = l->peer, **at;

	if (!p)
		return;
	for (at = bucket_of(ps, &p->addr, p->socket); *at != p; at = &(*at)->next)
		;
	*at = p->next;
	list_del(&p->heard);
	ps->n--;
	l->peer = NULL;
	wyi_free(p);
}

const struct addr *wyi_peer_addr(const struct link *l, u32 *ret_socket)
{
	if (ret_socket)
		*ret_socket = l->peer->socket;
	return &l->peer->addr;
}

void wyi_peers_free(struct link_group *g)
{
	if (!g->peers)
		return;
	wyi_free(g->peers->bucket);
	wyi_free(g->peers);
	g->peers = NULL;
}
