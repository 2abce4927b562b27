/* SPDX-License-Identifier: MIT */
/*
 * The life of a link.
 *
 * Happy path: taken from the loop's slab, attached to a descriptor, joined to its feed; closed by
 * wyi_link_close(), which only marks it; the close phase at the end of the turn takes it out of
 * everything and tells on_down(). So nobody inside a turn ever holds a link that has gone. Failure:
 * a link that can't be watched or has no memory is closed with that reason at once.
 */
#include <errno.h>
#include "link/inner.h"

_Static_assert(sizeof(struct link) <= 128, "250,000 links have to fit");

static const char part_key;

struct feed_shared *wyi_links_feeds(struct links *ls)
{
	return &ls->feeds;
}

struct link *wyi_link_at(struct links *ls, u32 slot)
{
	return slab_at(&ls->slab, slot);
}

/* -- what epoll watches ------------------------------------------------------------------------ */
static bool is_up(const struct link *l)
{
	return l->state == LINK_UP;
}

bool wyi_link_wants_input(const struct link *l)
{
	return is_up(l) && !(l->flags & (LINK_READ_END | LINK_PAUSED));
}

/*
 * EPOLLERR alone stands for "nothing, but tell me when it breaks": a half-closed peer that
 * vanishes.
 */
static u32 idle_events(const struct link *l)
{
	return is_up(l) && (l->flags & LINK_READ_END) ? EPOLLERR : 0;
}

static int poll_ends(struct link *l, bool out)
{
	struct wye_loop *loop = l->group->links->loop;
	struct ends *e = l->ends;
	u32 in = wyi_link_wants_input(l) ? EPOLLIN : 0;
	int r = 0;

	if (e->io.in == NET_PIPE || e->io.in == NET_SOCK)
		r = wyi_poll_set(loop, e->io.in_fd, &e->in_events, in, LOOP_LINK, l->slot);
	if (r >= 0 && (e->io.out == NET_PIPE || e->io.out == NET_SOCK))
		r = wyi_poll_set(loop, e->io.out_fd, &e->out_events, out ? EPOLLOUT : 0, LOOP_LINK,
				 l->slot | OUT_SIDE);
	return r;
}

void wyi_link_poll(struct link *l, bool out)
{
	u32 in = wyi_link_wants_input(l) ? EPOLLIN | EPOLLRDHUP : idle_events(l);
	int r = 0;

	if (l->group->datagram || !is_up(l))
		return;
	if (l->ends)
		r = poll_ends(l, out);
	else
		r = wyi_poll_set(l->group->links->loop, l->fd, &l->events,
				 in | (out ? EPOLLOUT : 0), LOOP_LINK, l->slot);
	if (r < 0)
		wyi_link_close(l, r);
}

static bool waits_for_room(const struct link *l)
{
	return (l->flags & LINK_READS) && wyi_feed_is_waiting(l->group->feed, l->slot);
}

/* Reading may begin, go on, or has ended. */
void wyi_link_reading(struct link *l)
{
	wyi_link_poll(l, waits_for_room(l));
	if (l->ends && l->ends->file_in && wyi_link_wants_input(l))
		wyi_input_file(l);
}

/* -- beginnings -------------------------------------------------------------------------------- */
int wyi_link_take(struct link_group *g, struct link **ret_link)
{
	struct link *l;
	u32 slot;
	int r = wyi_slab_take(&g->links->slab, &slot);

	if (r < 0)
		return r;
	l = slab_at(&g->links->slab, slot);
	l->slot = slot;
	l->group = g;
	l->fd = -1;
	list_init(&l->node);
	list_add_tail(&g->open, &l->node);
	g->n_links++;
	*ret_link = l;
	return 0;
}

void wyi_link_begin(struct link *l)
{
	l->state = LINK_UP;
	l->why = 0;
	l->number = ++l->group->links->numbers;
	wyi_visit_heard(l);
	l->moved = l->heard;
}

int wyi_link_read(struct link *l)
{
	int r = l->group->feed ? wyi_feed_join(l->group->feed, l->slot) : 0;

	if (r >= 0 && l->group->feed)
		l->flags |= LINK_READS;
	return r;
}

int wyi_link_new(struct link_group *g, int fd, struct link **ret_link)
{
	struct link *l;
	int r = wyi_link_take(g, &l);

	if (r < 0)
		return r;
	wyi_link_begin(l);
	l->fd = fd;
	r = wyi_poll_set(g->links->loop, fd, &l->events, EPOLLIN | EPOLLRDHUP, LOOP_LINK, l->slot);
	if (r >= 0)
		r = wyi_link_read(l);
	if (r < 0) {
		(void)wyi_poll_set(g->links->loop, fd, &l->events, 0, LOOP_LINK, 0);
		l->fd = -1;
		wyi_link_free(l);
		return r;
	}
	*ret_link = l;
	return 0;
}

int wyi_link_new_one(struct link_group *g, struct link **ret_link)
{
	struct link *l;
	int r = wyi_link_take(g, &l);

	if (r < 0)
		return r;
	l->state = LINK_DOWN;
	l->flags = LINK_ONE;
	if (g->feed) {
		r = wyi_feed_join_down(g->feed, l->slot);
		if (r < 0) {
			wyi_link_free(l);
			return r;
		}
		l->flags |= LINK_READS;
		if (!g->hold)
			wyi_feed_park(g->feed, l->slot, false);
	}
	*ret_link = l;
	return 0;
}

static int open_files(struct link *l)
{
	struct wye_loop *loop = l->group->links->loop;
	struct ends *e = l->ends;
	int r = 0;

	if (e->io.in == NET_FILE)
		r = wyi_file_new(loop, e->io.in_fd, false, wyi_input_file, l, &e->file_in);
	if (r >= 0 && e->io.out == NET_FILE)
		r = wyi_file_new(loop, e->io.out_fd, true, wyi_flush_file, l, &e->file_out);
	return r;
}

int wyi_link_attach(struct link *l, int fd, struct ends *ends)
{
	int r = 0;

	wyi_assert(l->state == LINK_DOWN);
	l->fd = fd;
	l->ends = ends;
	wyi_link_begin(l);
	l->flags &= (u8) ~(LINK_READ_END | LINK_HUNGRY);
	if (ends)
		r = open_files(l);
	if (r < 0) {
		wyi_link_close(l, r);
		return r;
	}
	if (l->flags & LINK_READS) {
		if (ends) /* never in a chunk: it has no socket to send to in bulk */
			wyi_feed_sticky(l->group->feed, l->slot);
		wyi_feed_unpark(l->group->feed, l->slot);
		wyi_group_fed(l->group);
	}
	wyi_link_reading(l);
	return 0;
}

/* -- ends -------------------------------------------------------------------------------------- */
void wyi_link_close(struct link *l, int why)
{
	if (l->state == LINK_CLOSING)
		return;
	wyi_assert(l->state == LINK_UP);
	l->state = LINK_CLOSING;
	l->flags &= (u8)~LINK_PAUSED;
	l->why = why;
	list_move_tail(&l->group->links->closing, &l->node);
	wyi_loop_again(l->group->links->loop);
}

void wyi_link_unread(struct link *l)
{
	if (!(l->flags & LINK_READS))
		return;
	l->flags &= (u8)~LINK_READS;
	wyi_feed_leave(l->group->feed, l->slot,
		       l->why == WYE_ESTALLED ? WYE_DROP_STALLED
		       : l->why == -ENOMEM    ? WYE_DROP_MEMORY
					      : -1);
}

void wyi_link_finish(struct link *l)
{
	if (l->flags & LINK_SENT_END)
		return;
	l->flags |= LINK_SENT_END;
	wyi_link_unread(l);
	if (!is_up(l))
		return;
	if (l->fd >= 0)
		(void)wyi_sys_shutdown(l->fd, SHUT_WR);
	wyi_link_poll(l, false);
}

static void free_ends(struct link *l)
{
	struct wye_loop *loop = l->group->links->loop;
	struct ends *e = l->ends;

	if (e->io.in_fd >= 0)
		(void)wyi_poll_set(loop, e->io.in_fd, &e->in_events, 0, LOOP_LINK, 0);
	if (e->io.out_fd >= 0)
		(void)wyi_poll_set(loop, e->io.out_fd, &e->out_events, 0, LOOP_LINK, 0);
	if (e->file_out)
		l->group->unfiled += wyi_file_pending(e->file_out);
	wyi_file_free(e->file_in);
	wyi_file_free(e->file_out);
	wyi_net_stdio_close(&e->io);
	wyi_free(e);
	l->ends = NULL;
}

/* Lets go of the descriptor and of what was read in part. */
static void detach(struct link *l)
{
	wyi_frame_reset(&l->in);
	if (l->group->peers)
		wyi_peers_remove(l);
	else if (l->ends)
		free_ends(l);
	if (l->fd >= 0) {
		(void)wyi_poll_set(l->group->links->loop, l->fd, &l->events, 0, LOOP_LINK, 0);
		(void)wyi_sys_close(l->fd);
		l->fd = -1;
	}
}

void wyi_link_free(struct link *l)
{
	struct link_group *g = l->group;

	wyi_link_unread(l);
	detach(l);
	list_del(&l->node);
	g->n_links--;
	wyi_slab_give(&g->links->slab, l->slot);
}

static void end_connection(struct link *l)
{
	struct link_group *g = l->group;
	int why = l->why;

	if (!(l->flags & LINK_ONE)) {
		g->ops->on_down(g, l, why);
		wyi_link_free(l);
		return;
	}
	if (l->flags & LINK_READS)
		wyi_feed_park(g->feed, l->slot, g->hold);
	detach(l);
	l->state = LINK_DOWN;
	list_move_tail(&g->open, &l->node);
	g->ops->on_down(g, l, why);
}

/*
 * The close phase. on_down may begin new connections and close others: those come after this turn
 * or in it.
 */
static bool close_links(void *ctx)
{
	struct links *ls = ctx;

	while (!list_empty(&ls->closing))
		end_connection(list_first(&ls->closing, struct link, node));
	ls->spent = 0;
	return false;
}

/* -- groups ------------------------------------------------------------------------------------ */
static void send_again(struct timer *t)
{
	struct link_group *g = container_of(t, struct link_group, again);

	if (g->datagram) {
		wyi_dgram_again(g);
		return;
	}
	wyi_feed_ready_all(g->feed);
	wyi_group_fed(g);
}

void wyi_group_init(struct link_group *g, struct links *ls, const struct link_ops *ops)
{
	*g = (struct link_group){.links = ls, .ops = ops};
	list_init(&g->open);
	list_init(&g->paused);
	list_init(&g->due);
	list_init(&g->opening);
	wyi_timer_init(&g->again, send_again);
}

static void free_list(struct list *l)
{
	while (!list_empty(l))
		wyi_link_free(list_first(l, struct link, node));
}

void wyi_group_deinit(struct link_group *g)
{
	struct list *pos, *tmp;

	if (!g->links)
		return;
	free_list(&g->open);
	free_list(&g->paused);
	list_each_safe (pos, tmp, &g->links->closing) {
		struct link *l = list_entry(pos, struct link, node);

		if (l->group == g)
			wyi_link_free(l);
	}
	wyi_timer_stop(&g->again);
	list_del(&g->due);
	list_del(&g->opening);
	wyi_dgram_close(g);
}

void wyi_group_fed(struct link_group *g)
{
	if (!g->feed)
		return;
	wyi_flush_overrun(g); /* where only those are left, no flush would come by */
	if (!list_empty(&g->due) || (g->datagram && g->full) || !wyi_feed_due(g->feed))
		return;
	list_add_tail(&g->links->due, &g->due);
	wyi_loop_again(g->links->loop);
}

void wyi_group_shut(struct link_group *g, int by)
{
	g->shut = (u32)((int)g->shut + by);
	if (g->shut) {
		list_del(&g->opening);
		return;
	}
	if (list_empty(&g->opening)) {
		list_add_tail(&g->links->opening, &g->opening);
		wyi_loop_again(g->links->loop);
	}
}

struct link *wyi_group_next(const struct link_group *g, const struct link *after)
{
	const struct list *node = after ? after->node.next : g->open.next;

	if (node == &g->open)
		node = g->paused.next;
	return node == &g->paused ? NULL : list_entry((uintptr_t)node, struct link, node);
}

void wyi_link_peer(const struct link *l, struct addr *ret)
{
	ret->len = 0;
	if (l->group->peers) {
		*ret = *wyi_peer_addr(l, NULL);
		return;
	}
	if (l->fd < 0)
		return;
	ret->len = sizeof *ret - offsetof(struct addr, sa);
	if (wyi_sys_getpeername(l->fd, &ret->sa, &ret->len) < 0)
		ret->len = 0;
}

/* -- per loop ---------------------------------------------------------------------------------- */
static void links_free(void *part)
{
	struct links *ls = part;

	wyi_timer_stop(&ls->sweep);
	wyi_dgram_free(ls);
	wyi_feed_shared_deinit(&ls->feeds);
	wyi_slab_deinit(&ls->slab);
	wyi_free(ls->input);
	wyi_free(ls);
}

int wyi_links_of(struct wye_loop *loop, struct links **ret_links)
{
	struct links *ls = wyi_loop_part(loop, &part_key);
	int r;

	if (ls) {
		*ret_links = ls;
		return 0;
	}
	ls = wyi_zalloc(sizeof *ls);
	if (!ls)
		return -ENOMEM;
	ls->input = wyi_alloc(INPUT_BYTES);
	if (!ls->input) { /* now, and not when all links wait to be read */
		wyi_free(ls);
		return -ENOMEM;
	}
	ls->loop = loop;
	list_init(&ls->due);
	list_init(&ls->opening);
	list_init(&ls->closing);
	wyi_slab_init(&ls->slab, sizeof(struct link));
	wyi_feed_shared_init(&ls->feeds, &ls->slab, offsetof(struct link, reader));
	wyi_visit_init(ls);
	r = wyi_loop_attach(loop, &part_key, ls, links_free);
	if (r < 0) {
		links_free(ls);
		return r;
	}
	wyi_loop_class(loop, LOOP_LINK, wyi_input_ready, ls);
	wyi_loop_class(loop, LOOP_DGRAM, wyi_dgram_ready, ls);
	wyi_loop_phase(loop, LOOP_FLUSH, wyi_flush, ls);
	wyi_loop_phase(loop, LOOP_CLOSE, close_links, ls);
	*ret_links = ls;
	return 0;
}
