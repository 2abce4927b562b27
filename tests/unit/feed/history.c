/* SPDX-License-Identifier: MIT */
/* What happens to a feed in a random history, and how it must end. See history.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "history.h"

#define RUN_MAX 60u /* under 64, see sink.c */

static struct history *current; /* for no_memory(), which is given nothing */

_Noreturn void history_fail(const struct history *h, const char *claim, const char *file, int line)
{
	fprintf(stderr, "seed %llu, step %u: %s:%d: %s\n", (unsigned long long)h->seed, h->step,
		file, line, claim);
	exit(1);
}

struct sim_link *sim_link(struct history *h, u32 slot)
{
	return slab_at(&h->slab, slot);
}

static bool no_memory(void)
{
	return !current->all_memory && rnd_is(&current->rnd, 10);
}

/* -- links come and go ------------------------------------------------------------------------- */
static u32 random_speed(struct history *h)
{
	static const u32 speeds[] = {0, 0, 3, 50, NO_LIMIT, NO_LIMIT, NO_LIMIT};

	return speeds[rnd_below(&h->rnd, ARRAY_SIZE(speeds))];
}

/* A late joiner hears what was fed after the pass now running began. */
static void hear_late(struct history *h, struct sim_link *l)
{
	u64 n = wyi_feed_waiting(h->feed, l->slot);

	require(h, n <= h->n_fed);
	h->routed += n;
	for (u64 seq = h->n_fed - n; seq < h->n_fed; seq++)
		oracle_push(l, h->fed[seq]);
}

static void link_up(struct history *h)
{
	struct sim_link *l;
	u32 slot;
	int r;

	if (h->n_links == LINKS_MAX || (h->one && h->n_links))
		return;
	require(h, wyi_slab_take(&h->slab, &slot) == 0);
	l = sim_link(h, slot);
	l->h = h;
	l->slot = slot;
	l->speed = random_speed(h);
	l->sticky = rnd_is(&h->rnd, 10);
	l->down = h->one;
	l->full = h->one || h->blocked;
	r = h->one ? wyi_feed_join_down(h->feed, slot) : wyi_feed_join(h->feed, slot);
	if (r < 0) {
		require(h, r == -ENOMEM && l->reader.at == 0);
		wyi_slab_give(&h->slab, slot);
		return;
	}
	h->links[h->n_links++] = slot;
	if (h->one && !h->hold) {
		wyi_feed_park(h->feed, slot, false);
		h->refusing = true;
	}
	hear_late(h, l);
}

static void forget_link(struct history *h, u32 slot)
{
	oracle_end(sim_link(h, slot));
	for (u32 i = 0; i < h->n_links; i++) {
		if (h->links[i] == slot) {
			h->links[i] = h->links[--h->n_links];
			break;
		}
	}
	if (h->n_links == 0)
		h->refusing = false;
	wyi_slab_give(&h->slab, slot);
}

static void link_leave(struct history *h, u32 slot, int why)
{
	struct sim_link *l = sim_link(h, slot);
	u64 dropped = l->reader.dropped;
	int cause = rnd_is(&h->rnd, 70) ? -1 : WYE_DROP_STALLED;

	if (why == -ENOMEM)
		cause = WYE_DROP_MEMORY;
	wyi_feed_leave(h->feed, slot, cause);
	oracle_leave(l, dropped, cause);
	forget_link(h, slot);
}

static void drop_privates(struct sim_link *l)
{
	u32 n = l->q_head;

	for (u32 i = l->q_head; i < l->q_end; i++) {
		if (!l->h->message[l->queue[i]].private)
			l->queue[n++] = l->queue[i];
	}
	l->q_end = n;
	l->controls = 0;
}

static void link_park(struct history *h, u32 slot)
{
	struct sim_link *l = sim_link(h, slot);
	u32 begun = sink_begun(&l->sink);

	l->full = l->down = true;
	if (h->raw && begun && !h->message[begun].private)
		oracle_undelivered(l, begun); /* never again */
	drop_privates(l);
	l->sink = (struct sink){0};
	wyi_feed_park(h->feed, slot, h->hold);
	if (!h->hold)
		oracle_forget(l);
	h->refusing = !h->hold;
}

void history_down(struct history *h, u32 slot, int why)
{
	if (!h->one)
		link_leave(h, slot, why);
	else if (!sim_link(h, slot)->down)
		link_park(h, slot);
}

static void link_unpark(struct history *h, struct sim_link *l)
{
	l->down = h->refusing = false;
	if (l->sticky && !l->asked_sticky)
		wyi_feed_sticky(h->feed, l->slot);
	l->asked_sticky = l->sticky;
	wyi_feed_unpark(h->feed, l->slot);
}

/* -- messages come ----------------------------------------------------------------------------- */
static u32 new_message(struct history *h, u32 body, bool private)
{
	u32 number = ++h->n_messages;

	h->message[number] = (struct message){.size = body + UNIT_HEAD, .private = private};
	return number;
}

/* What was fed of a run of n messages that begin with number `first`. */
static void note_run(struct history *h, u32 first, u32 n, u32 fed, u32 src)
{
	u64 hearers = h->n_links - (src != U32_NONE);

	h->routed += n * hearers;
	h->door += (n - fed) * hearers;
	for (u32 i = 0; i < fed; i++) {
		h->message[first + i].safe = h->blocking;
		h->fed[h->n_fed++] = first + i;
		for (u32 k = 0; k < h->n_links; k++) {
			if (h->links[k] != src)
				oracle_push(sim_link(h, h->links[k]), first + i);
		}
	}
	if (src != U32_NONE)
		sim_link(h, src)->own += fed;
}

static void append_run(struct history *h, const struct unit *units, u32 n, u32 src)
{
	u64 seq = wyi_feed_seq(h->feed);
	u32 first = h->n_messages - n + 1;
	u64 dropped = src == U32_NONE ? 0 : sim_link(h, src)->reader.dropped;
	int r = wyi_feed_append(h->feed, units, n, src);
	u32 fed = (u32)(wyi_feed_seq(h->feed) - seq);

	require(h, fed == n || h->refusing || !h->all_memory);
	require(h, fed == 0 || !h->refusing);
	if (r < 0) {
		require(h, r == -ENOMEM && src != U32_NONE);
		oracle_leave(sim_link(h, src), dropped, WYE_DROP_MEMORY);
		forget_link(h, src);
		src = U32_NONE;
	}
	note_run(h, first, n, fed, src);
}

static u32 random_source(struct history *h)
{
	u32 back;

	if (h->one || h->n_links == 0 || rnd_is(&h->rnd, 50))
		return U32_NONE;
	back = rnd_is(&h->rnd, 50) && h->n_links > 2 ? 2 : h->n_links;
	return h->links[h->n_links - 1 - rnd_below(&h->rnd, back)];
}

static u32 random_body(struct history *h)
{
	u32 large = h->queue / 2 - 16;

	return rnd_is(&h->rnd, 90) ? rnd_in(&h->rnd, 1, 40)
				   : rnd_in(&h->rnd, 40, large < 40 ? 40 : large);
}

static u32 add_message(struct history *h, struct unit *u, u32 body)
{
	unit_make(u, 'D', new_message(h, body, false), body);
	return body + UNIT_HEAD + FEED_RECORD;
}

/* Message by message: each is asked for. */
static u32 ask_and_run(struct history *h, struct unit *units, u32 src, bool waits, u32 *ret_bytes)
{
	u32 n = 0;

	for (u32 want = rnd_in(&h->rnd, 1, 5); want; want--) {
		u32 body = random_body(h);

		if (wyi_feed_room(h->feed, waits, *ret_bytes, waits ? 0 : body + UNIT_HEAD)) {
			*ret_bytes += add_message(h, &units[n++], body);
		} else if (!waits && wyi_feed_keeping(h->feed)) { /* the door */
			wyi_feed_refuse(h->feed, 1, src, WYE_DROP_FULL);
			h->routed += h->n_links - (src != U32_NONE);
			h->door += h->n_links - (src != U32_NONE);
		}
	}
	return n;
}

/* A source that can be left unread is asked for once; then all comes that was in its buffer. */
static u32 read_batch(struct history *h, struct unit *units, bool waits, u32 *ret_bytes)
{
	u32 n = 0;

	if (!wyi_feed_room(h->feed, waits, 0, 0))
		return 0;
	for (u32 want = rnd_in(&h->rnd, 1, RUN_MAX); want; want--)
		*ret_bytes += add_message(h, &units[n++], random_body(h));
	return n;
}

static void feed_run(struct history *h)
{
	struct unit units[RUN_MAX];
	u32 src = random_source(h), bytes = 0, n;
	bool waits = h->blocking && rnd_is(&h->rnd, 60);

	if (h->n_messages + RUN_MAX >= MESSAGES_MAX)
		return;
	if ((waits || !wyi_feed_keeping(h->feed)) && rnd_is(&h->rnd, h->batches))
		n = read_batch(h, units, waits, &bytes);
	else
		n = ask_and_run(h, units, src, waits, &bytes);
	h->batch = bytes > h->batch ? bytes : h->batch;
	if (n)
		append_run(h, units, n, src);
}

/* -- bytes for one link ------------------------------------------------------------------------ */
/* Straight to the socket. Answers the bytes it took. */
static u32 send_directly(struct history *h, struct sim_link *l, const u8 *bytes, u32 n)
{
	u32 got;

	if (h->datagram)
		got = h->blocked || h->socket_room == 0 ? 0 : n;
	else
		got = history_socket(l, n);
	oracle_bytes(l, bytes, got);
	return got;
}

static void send_aside(struct history *h, struct sim_link *l, enum feed_piece kind, const u8 *bytes,
		       u32 n)
{
	bool clear = wyi_feed_clear(h->feed, l->slot);
	u32 got = 0, number = h->n_messages;
	int r;

	if (kind == FEED_PRIVATE)
		oracle_push(l, number);
	else
		oracle_control(l, n);
	if (clear)
		got = send_directly(h, l, bytes, n);
	if (got == n)
		return;
	if (clear && h->datagram && !h->blocked)
		history_block(h);
	r = wyi_feed_aside(h->feed, l->slot, kind, bytes, n, got);
	if (r == 0) {
		if (clear)
			wyi_feed_wait(h->feed, l->slot);
	} else if (got) {
		require(h, r == -ENOMEM);
		history_down(h, l->slot, r);
	} else { /* nothing was taken */
		require(h, r == -ENOMEM || r == WYE_EFULL);
		if (kind == FEED_PRIVATE)
			l->q_end--;
		else
			l->controls -= n;
	}
}

static void write_aside(struct history *h, struct sim_link *l)
{
	static const u8 beats[3] = "BBB";
	u8 bytes[64];
	struct unit u;
	u32 body = rnd_in(&h->rnd, 1, 20);

	if (l->down || h->n_messages + 1 >= MESSAGES_MAX)
		return;
	if (rnd_is(&h->rnd, 50)) {
		if (!h->datagram)
			send_aside(h, l, FEED_CONTROL, beats, rnd_is(&h->rnd, 50) ? 1 : 3);
		return;
	}
	unit_make(&u, 'P', new_message(h, body, true), body);
	memcpy(bytes, u.head, UNIT_HEAD);
	memcpy(bytes + UNIT_HEAD, u.body, u.len);
	memcpy(bytes + UNIT_HEAD + u.len, u.tail, u.n_tail);
	send_aside(h, l, FEED_PRIVATE, bytes, UNIT_HEAD + body);
}

/* -- the history ------------------------------------------------------------------------------- */
/* The loop catches up, stuck sockets stay stuck: then a shut feed is open again. */
static void settle(struct history *h)
{
	struct feed_stats stats;

	for (u32 i = 0; i < 4 * MESSAGES_MAX && wyi_feed_due(h->feed); i++)
		history_flush(h, FLUSH_ALL);
	wyi_feed_stats(h->feed, &stats);
	require(h, !wyi_feed_due(h->feed));
	require(h, wyi_feed_keeping(h->feed) || stats.used <= h->queue);
	require(h, wyi_feed_keeping(h->feed) || wyi_feed_room(h->feed, false, 0, 0));
}

static void set_blocking(struct history *h, bool blocking)
{
	h->blocking = blocking;
	wyi_feed_keep(h->feed, blocking ? UINT64_MAX : wyi_feed_seq(h->feed));
}

static void step(struct history *h)
{
	u32 a = rnd_below(&h->rnd, 1000);
	struct sim_link *l = NULL;

	if (h->n_links)
		l = sim_link(h, h->links[rnd_below(&h->rnd, h->n_links)]);
	if (!l || (a < 50 && !h->one)) {
		link_up(h);
	} else if (a < 100 && h->one && l->down) {
		link_unpark(h, l);
	} else if (a < 80 && !l->down) {
		history_down(h, l->slot, 0);
		if (!h->one && rnd_is(&h->rnd, 50))
			link_up(h); /* another one takes the slot at once */
	} else if (a < 440) {
		feed_run(h);
	} else if (a < 520) {
		write_aside(h, l);
	} else if (a < 580) {
		l->speed = random_speed(h);
	} else if (a < 590 && h->blocking) {
		set_blocking(h, false);
	} else if (a < 595) {
		set_blocking(h, true);
	} else if (a < 610) {
		settle(h);
	} else {
		history_flush(h, FLUSH_READY);
	}
	if (h->n_links) {
		l = sim_link(h, h->links[rnd_below(&h->rnd, h->n_links)]);
		if (l->sticky && !l->asked_sticky && l->reader.at && !(l->reader.at & 1)) {
			wyi_feed_sticky(h->feed, l->slot);
			l->asked_sticky = true;
		}
	}
}

static bool is_busy(const struct history *h)
{
	struct feed_stats stats;

	wyi_feed_stats(h->feed, &stats);
	return stats.wait || h->blocked || wyi_feed_due(h->feed);
}

/* Everybody reads, nobody feeds: all is delivered, all memory goes. */
static void drain(struct history *h)
{
	struct feed_stats stats;

	h->all_memory = true;
	for (u32 i = 0; i < h->n_links; i++) {
		struct sim_link *l = sim_link(h, h->links[i]);

		l->speed = NO_LIMIT;
		if (l->down)
			link_unpark(h, l);
	}
	for (u32 i = 0; i < 2 || (i < 4 * MESSAGES_MAX && is_busy(h)); i++)
		history_flush(h, FLUSH_ALL | FLUSH_READY);
	oracle_check(h);
	for (u32 i = 0; i < h->n_links; i++) {
		struct sim_link *l = sim_link(h, h->links[i]);

		require(h, wyi_feed_waiting(h->feed, l->slot) == 0 &&
				   wyi_feed_lag_bytes(h->feed, l->slot) == 0);
		require(h, sink_at_boundary(&l->sink) && l->controls == 0);
		require(h, l->asked_sticky || l->reader.at & 1);
		for (; l->q_head < l->q_end; l->q_head++)
			require(h, !h->message[l->queue[l->q_head]].private);
		require(h, l->asked_sticky || wyi_feed_clear(h->feed, l->slot));
	}
	wyi_feed_stats(h->feed, &stats);
	require(h, stats.used == 0 && stats.waiting == 0 && stats.overdue == 0 &&
			   h->shared.bytes == 0);
}

static void begin(struct history *h, u64 seed)
{
	static const u32 queues[] = {256, 256, 256, 1024, 1024, 1024, 8192, 8192, 20000};
	struct feed_options options = {0};

	*h = (struct history){.seed = seed, .rnd = {.state = seed * 0x2545f4914f6cdd1d}};
	current = h;
	h->all_memory = true;
	h->queue = queues[rnd_below(&h->rnd, ARRAY_SIZE(queues))];
	if (rnd_is(&h->rnd, 1))
		h->queue = 300000;
	h->one = rnd_is(&h->rnd, 30);
	h->datagram = rnd_is(&h->rnd, 25);
	h->raw = h->one && !h->datagram && rnd_is(&h->rnd, 25);
	h->close = !h->one && !h->datagram && rnd_is(&h->rnd, 25);
	h->batches = rnd_is(&h->rnd, 10) ? 30 : 0;
	h->hold = rnd_is(&h->rnd, 70);
	h->socket_room = NO_LIMIT;
	wyi_slab_init(&h->slab, sizeof(struct sim_link));
	wyi_feed_shared_init(&h->shared, &h->slab, offsetof(struct sim_link, reader));
	h->shared.no_memory = no_memory;
	options = (struct feed_options){
		.queue = h->queue, .raw = h->raw, .close = h->close, .datagram = h->datagram};
	require(h, wyi_feed_new(&h->shared, &options, &h->feed) == 0);
	if (rnd_is(&h->rnd, 40))
		set_blocking(h, true);
	h->all_memory = !rnd_is(&h->rnd, 20);
	for (u32 i = h->one ? 1 : rnd_in(&h->rnd, 1, 6); i; i--)
		link_up(h);
}

static void end(struct history *h, struct history_sum *sum)
{
	struct feed_stats stats;

	wyi_feed_stats(h->feed, &stats);
	sum->histories++;
	sum->messages += h->n_fed;
	sum->routed += stats.routed;
	sum->written += stats.written;
	sum->lost += stats.lost;
	sum->dropped += h->left_dropped + h->door;
	sum->rests += h->rests_cut;
	sum->closed += h->closed;
	while (h->n_links)
		link_leave(h, h->links[0], 0);
	oracle_check(h);
	wyi_feed_free(h->feed);
	require(h, h->shared.bytes == 0);
	wyi_feed_shared_deinit(&h->shared);
	wyi_slab_deinit(&h->slab);
}

void history_run(u64 seed, bool deep, struct history_sum *sum)
{
	static struct history h;
	u32 steps;

	begin(&h, seed);
	h.deep = deep;
	for (steps = rnd_in(&h.rnd, 50, 400); h.step < steps; h.step++) {
		step(&h);
		oracle_check(&h);
	}
	if (rnd_is(&h.rnd, 85))
		drain(&h);
	end(&h, sum);
}
