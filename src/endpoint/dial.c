/* SPDX-License-Identifier: MIT */
/*
 * Diallers: one link at a time, dialled again when it ends.
 *
 *     attempt: resolve -> each address in turn -> up; `timeout` bounds the whole of it
 *     failed or down: wait between retry.min and a bound that doubles up to retry.max (full
 *     jitter, so that a thousand diallers never come at once), back to the beginning after 10 s up
 *
 * Nothing here stops the loop: names are looked up on the pool, connects are non-blocking.
 * Failure: with retry=off one failed attempt, or the end of the connection, is the end of the
 * endpoint. While it drains, a dialler is dialled again only if something still has to get there.
 */
#include <errno.h>
#include "endpoint/inner.h"

#define STEADY_NS	    (10 * NS_PER_S)
#define REFUSALS_TO_LOOK_UP 3

static void attempt(struct endpoint *e);
static void try_next(struct endpoint *e);

static void drop_socket(struct endpoint *e)
{
	if (e->dial_fd < 0)
		return;
	(void)wyi_poll_set(e->loop, e->dial_fd, &e->dial_events, 0, LOOP_DIAL, 0);
	(void)wyi_sys_close(e->dial_fd);
	e->dial_fd = -1;
}

void wyi_dial_stop(struct endpoint *e)
{
	wyi_timer_stop(&e->retry);
	wyi_timer_stop(&e->limit);
	wyi_net_resolve_cancel(e->resolve);
	e->resolve = NULL;
	drop_socket(e);
}

static u64 random_below(u64 bound)
{
	u64 n;

	wyi_sys_random(&n, sizeof n);
	return bound ? n % bound : 0;
}

static u64 next_delay(struct endpoint *e)
{
	u64 min = e->url.retry_min, max = e->url.retry_max;
	u64 bound = e->backoff < min ? min : e->backoff, delay;

	e->backoff = bound > max / 2 ? max : bound * 2;
	delay = min + random_below(e->backoff - min + 1);
	return delay;
}

static bool is_done(const struct endpoint *e)
{
	return e->closing && !wyi_endpoint_pending(e);
}

static void again_later(struct endpoint *e, int why)
{
	bool same = e->state == WYE_OPENING && e->why == why;
	u64 delay;

	if (is_done(e)) {
		wyi_endpoint_set(e, WYE_ENDED, why);
		return;
	}
	delay = next_delay(e);
	wyi_log(e->loop, same ? WYE_LOG_DEBUG : WYE_LOG_INFO, "retry", e->name, 0,
		"%s: %s; again in %llu ms", e->name, wye_strerror(why),
		(unsigned long long)(delay / NS_PER_MS));
	wyi_endpoint_set(e, WYE_OPENING, why);
	wyi_timer_set(e->loop, &e->retry, wyi_loop_now(e->loop) + delay);
}

static void fail(struct endpoint *e, int why)
{
	wyi_timer_stop(&e->limit);
	if (!e->url.retry_off) {
		again_later(e, why);
		return;
	}
	wyi_log(e->loop, WYE_LOG_ERROR, "failed", e->name, 0, "%s: %s", e->name, wye_strerror(why));
	wyi_endpoint_set(e, WYE_FAILED, why);
	wyi_endpoint_end(e);
}

/* -- one attempt ------------------------------------------------------------------------------- */
static void connected(struct endpoint *e, int fd)
{
	int r = 0;

	wyi_timer_stop(&e->limit);
	if (wyi_endpoint_is_datagram(e)) {
		r = wyi_dgram_open(&e->group, fd, true);
		if (r < 0) {
			(void)wyi_sys_close(fd);
			fail(e, r);
			return;
		}
		fd = -1;
	} else {
		wyi_net_tune(fd, &e->url);
	}
	e->up_since = wyi_loop_now(e->loop);
	e->refusals = 0;
	(void)wyi_link_attach(e->one, fd, NULL); /* what fails there ends in wyi_dial_down */
	wyi_endpoint_set(e, WYE_UP, 0);
	wyi_endpoint_up(e, e->one);
}

static void try_next(struct endpoint *e)
{
	while (e->next_addr < e->n_addrs) {
		int fd = -1, r = wyi_net_dial(&e->url, &e->addrs[e->next_addr++], &fd);

		if (r == 0) {
			connected(e, fd);
			return;
		}
		e->dial_why = r;
		if (r != -EINPROGRESS)
			continue;
		e->dial_fd = fd;
		e->dial_events = 0;
		r = wyi_poll_set(e->loop, fd, &e->dial_events, EPOLLOUT, LOOP_DIAL,
				 (u64)(uintptr_t)e);
		if (r == 0)
			return;
		e->dial_why = r;
		drop_socket(e);
	}
	fail(e, e->dial_why);
}

void wyi_dial_ready(void *ctx, const struct loop_ready *ready, unsigned n)
{
	(void)ctx;
	for (unsigned i = 0; i < n; i++) {
		struct endpoint *e = (struct endpoint *)(uintptr_t)ready[i].value;
		int fd = e->dial_fd, r;

		if (fd < 0)
			continue;
		r = wyi_net_dialled(fd);
		if (r == -EINPROGRESS)
			continue;
		if (r < 0) {
			e->dial_why = r;
			drop_socket(e);
			try_next(e);
			continue;
		}
		(void)wyi_poll_set(e->loop, fd, &e->dial_events, 0, LOOP_DIAL, 0);
		e->dial_fd = -1;
		connected(e, fd);
	}
}

static void on_resolved(void *ctx, int why, const struct addr *addrs, u32 n)
{
	struct endpoint *e = ctx;

	e->resolve = NULL;
	if (why < 0) {
		fail(e, why);
		return;
	}
	for (u32 i = 0; i < n; i++)
		e->addrs[i] = addrs[i];
	e->n_addrs = n;
	try_next(e);
}

static void attempt(struct endpoint *e)
{
	int r;

	e->next_addr = e->n_addrs = 0;
	e->dial_why = WYE_ERESOLVE;
	wyi_timer_set(e->loop, &e->limit, wyi_loop_now(e->loop) + e->url.timeout);
	r = wyi_net_resolve(e->loop, &e->url, on_resolved, e, e->addrs, &e->n_addrs, &e->resolve);
	if (r < 0)
		fail(e, r);
	else if (r == 1)
		try_next(e);
}

static void on_retry(struct timer *t)
{
	attempt(container_of(t, struct endpoint, retry));
}

static void on_limit(struct timer *t)
{
	struct endpoint *e = container_of(t, struct endpoint, limit);

	wyi_net_resolve_cancel(e->resolve);
	e->resolve = NULL;
	drop_socket(e);
	fail(e, -ETIMEDOUT);
}

void wyi_dial_init(struct endpoint *e)
{
	wyi_timer_init(&e->retry, on_retry);
	wyi_timer_init(&e->limit, on_limit);
}

int wyi_dial_open(struct endpoint *e)
{
	wyi_timer_set(e->loop, &e->retry,
		      wyi_loop_now(e->loop)); /* in the first turn, when all endpoints are there */
	return 0;
}

/* -- ends -------------------------------------------------------------------------------------- */
void wyi_dial_down(struct endpoint *e, int why)
{
	if (wyi_endpoint_is_datagram(e))
		wyi_dgram_close(&e->group);
	if (wyi_loop_now(e->loop) - e->up_since >= STEADY_NS)
		e->backoff = 0;
	if (!e->url.retry_off) {
		again_later(e, why);
		return;
	}
	wyi_endpoint_set(e, WYE_ENDED, why);
	wyi_endpoint_end(e);
}

/* A datagram sent earlier met a closed port: the kernel tells with the next call. */
void wyi_dial_refused(struct endpoint *e)
{
	struct addr numeric;
	struct link *l = e->one;

	if (!l || l->state != LINK_UP)
		return;
	e->unreachable++;
	if (++e->refusals < REFUSALS_TO_LOOK_UP || !*e->url.host ||
	    wyi_addr_parse(&numeric, e->url.host, 0) == 0)
		return;
	wyi_link_close(l, -ECONNREFUSED); /* the name may lead elsewhere by now */
}
