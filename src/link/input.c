/* SPDX-License-Identifier: MIT */
/*
 * Streams in: ready links are read in batches, cut, and handed up as runs of messages.
 *
 * Up to three ready links are read one by one into a large buffer (a saturated relay lives on
 * that); more of them go through one bulk run with a slot of 16 KiB each, and one that filled its
 * slot is read alone next time. Failure: a link of a shut group is taken out of epoll and listed;
 * after 4 MiB in a turn the rest waits for the next one (level-triggered: nothing is forgotten); a
 * broken framing closes the link.
 */
#include <errno.h>
#include "link/inner.h"

static bool pause_input(struct link *l)
{
	if (!l->group->shut)
		return false;
	l->flags |= LINK_PAUSED;
	list_move_tail(&l->group->paused, &l->node);
	wyi_link_reading(l);
	return true;
}

/* -- bytes to messages ------------------------------------------------------------------------- */
static void deliver(struct link *l, const u8 *data, u32 n)
{
	struct link_group *g = l->group;
	struct links *ls = g->links;
	u64 skipped;

	l->received_bytes += n;
	g->received_bytes += n;
	ls->spent += n;
	wyi_visit_heard(l);
	if (g->discard) {
		g->discarded_bytes += n;
		return;
	}
	skipped = g->cut.skipped;
	while (n && l->state == LINK_UP) {
		u32 used = 0;
		int k = wyi_frame_cut(&g->rules, &l->in, data, n, &used, ls->msgs, MSGS, &g->cut);

		if (k < 0) {
			wyi_link_close(l, k);
			return;
		}
		l->received += (u32)k;
		g->received += (u32)k;
		if (k)
			g->ops->on_input(g, l, ls->msgs, (u32)k);
		data += used;
		n -= used;
	}
	wyi_frame_release(&l->in);
	if (g->cut.skipped != skipped)
		g->ops->on_skipped(g, l, g->cut.skipped - skipped);
}

static void end_input(struct link *l)
{
	struct link_group *g = l->group;
	struct msg last;
	int r = g->discard ? 0 : wyi_frame_end(&g->rules, &l->in, &last);

	if (r < 0)
		g->cut_off++;
	if (r == 1) {
		l->received++;
		g->received++;
		g->ops->on_input(g, l, &last, 1);
	}
	wyi_frame_reset(&l->in);
	l->flags |= LINK_READ_END;
	if (l->state == LINK_UP)
		g->ops->on_end(g, l);
	if (l->state == LINK_UP)
		wyi_link_reading(l);
}

static void on_result(struct link *l, const u8 *data, ssize_t res, size_t room)
{
	if (res > 0) {
		if ((size_t)res == room)
			l->flags |= LINK_HUNGRY;
		else
			l->flags &= (u8)~LINK_HUNGRY;
		deliver(l, data, (u32)res);
	} else if (res == 0) {
		end_input(l);
	} else if (res != -EAGAIN) {
		wyi_link_close(l, (int)res);
	}
}

/* -- ways to read ------------------------------------------------------------------------------ */
static ssize_t read_some(struct link *l, void *buffer, size_t room)
{
	if (!l->ends)
		return wyi_sys_recv(l->fd, buffer, room);
	switch (l->ends->io.in) {
	case NET_SOCK:
		return wyi_sys_recv(l->ends->io.in_fd, buffer, room);
	case NET_PIPE:
		return wyi_sys_read(l->ends->io.in_fd, buffer, room);
	case NET_FILE:
		return wyi_file_read(l->ends->file_in, buffer, room);
	case NET_NONE:
		break;
	}
	return -EAGAIN;
}

static void read_alone(struct link *l)
{
	u8 *buffer = l->group->links->input;

	on_result(l, buffer, read_some(l, buffer, LARGE_BYTES), LARGE_BYTES);
}

static void read_batch(struct links *ls, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		struct link *l = wyi_link_at(ls, ls->slots[i]);

		ls->calls[i] = (struct bulk_call){.fd = l->fd,
						  .op = BULK_RECV,
						  .len = SLOT_BYTES,
						  .ptr = ls->input + (size_t)i * SLOT_BYTES,
						  .tag = l->slot};
	}
	wyi_bulk_run(wyi_loop_bulk(ls->loop), ls->calls, n);
	for (u32 i = 0; i < n; i++) {
		struct link *l = wyi_link_at(ls, ls->slots[i]);

		if (l->state == LINK_UP)
			on_result(l, ls->calls[i].ptr, ls->calls[i].res, SLOT_BYTES);
	}
}

void wyi_input_file(void *ctx)
{
	struct link *l = ctx;

	while (wyi_link_wants_input(l) && !pause_input(l)) {
		u8 *buffer = l->group->links->input;
		ssize_t n = wyi_file_read(l->ends->file_in, buffer, LARGE_BYTES);

		if (n == -EAGAIN)
			return;
		on_result(l, buffer, n, LARGE_BYTES);
	}
}

/* -- what epoll says --------------------------------------------------------------------------- */
static void on_broken(struct link *l)
{
	int error = 0;
	socklen_t size = sizeof error;
	int fd = l->ends ? l->ends->io.in_fd : l->fd;

	if (wyi_sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = 0;
	wyi_link_close(l, error ? -error : WYE_EEND);
}

/* True: it is to be read now. */
static bool on_event(struct link *l, const struct loop_ready *ready)
{
	if (l->state != LINK_UP)
		return false;
	if ((ready->events & EPOLLOUT || ready->value & OUT_SIDE) && l->flags & LINK_READS) {
		wyi_feed_ready(l->group->feed, l->slot);
		wyi_group_fed(l->group);
	}
	if (ready->value & OUT_SIDE || !(ready->events & ~(u32)EPOLLOUT))
		return false;
	if (l->flags & LINK_READ_END) {
		if (ready->events & (EPOLLERR | EPOLLHUP))
			on_broken(l);
		return false;
	}
	return wyi_link_wants_input(l) && !pause_input(l);
}

void wyi_input_ready(void *ctx, const struct loop_ready *ready, unsigned n)
{
	struct links *ls = ctx;
	u32 batch = 0;

	for (unsigned i = 0; i < n && ls->spent < TURN_BYTES; i++) {
		struct link *l = wyi_link_at(ls, (u32)ready[i].value);

		if (!on_event(l, &ready[i]))
			continue;
		if (n <= 3 || l->ends || l->flags & LINK_HUNGRY) {
			read_alone(l);
			continue;
		}
		ls->slots[batch++] = l->slot;
		if (batch == BATCH) {
			read_batch(ls, batch);
			batch = 0;
		}
	}
	if (batch)
		read_batch(ls, batch);
}
