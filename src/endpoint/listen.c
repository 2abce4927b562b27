/* SPDX-License-Identifier: MIT */
/*
 * Stream listeners: accepting, at most 64 newcomers in a turn.
 *
 * Failure modes: over `max`, a newcomer is closed at once and the others stay. Out of descriptors:
 * what waits is refused through a reserve descriptor (accepted and closed, so that nobody hangs)
 * and accepting rests for 100 ms: it never spins.
 */
#include <errno.h>
#include "endpoint/inner.h"

#define ACCEPTS	  64
#define BREATH_NS (100 * NS_PER_MS)

static u64 value_of(const struct endpoint *e, u32 i)
{
	return (u64)(uintptr_t)e | i; /* endpoints are aligned: the low bit is free */
}

static int poll_listeners(struct endpoint *e, u32 events)
{
	int r = 0;

	for (u32 i = 0; r >= 0 && i < e->listen.n; i++)
		r = wyi_poll_set(e->loop, e->listen.fd[i], &e->listen_events[i], events,
				 LOOP_ACCEPT, value_of(e, i));
	return r;
}

static void breathe_later(struct endpoint *e)
{
	wyi_timer_set(e->loop, &e->breathe, wyi_loop_now(e->loop) + BREATH_NS);
}

static void on_breath(struct timer *t)
{
	struct endpoint *e = container_of(t, struct endpoint, breathe);

	if (e->reserve < 0) /* another one had it; without it newcomers could not be refused */
		e->reserve = wyi_sys_eventfd();
	if (poll_listeners(e, EPOLLIN) < 0)
		breathe_later(e);
}

void wyi_listen_init(struct endpoint *e)
{
	wyi_timer_init(&e->breathe, on_breath);
}

void wyi_listen_stop(struct endpoint *e)
{
	wyi_timer_stop(&e->breathe);
	(void)poll_listeners(e, 0);
	if (e->listen.n)
		wyi_net_unlisten(&e->listen, &e->url);
	e->listen.n = 0;
	if (e->reserve >= 0)
		(void)wyi_sys_close(e->reserve);
	e->reserve = -1;
}

static void refuse(struct endpoint *e, int fd, int why)
{
	(void)wyi_sys_close(fd);
	e->refused++;
	wyi_log(e->loop, WYE_LOG_DEBUG, "refused", e->name, 0, "%s: a newcomer: %s", e->name,
		wye_strerror(why));
}

static void take_in(struct endpoint *e, int fd)
{
	struct link *l = e->one;
	int r;

	if (l ? l->state != LINK_DOWN : e->url.max && e->group.n_links >= e->url.max) {
		refuse(e, fd, WYE_EMAX);
		return;
	}
	wyi_net_tune(fd, &e->url);
	r = l ? wyi_link_attach(l, fd, NULL) : wyi_link_new(&e->group, fd, &l);
	if (r < 0 && !e->one) {
		refuse(e, fd, r);
		return;
	}
	wyi_endpoint_up(e, l);
	if (e->url.once)
		wyi_listen_stop(e);
}

static void rest(struct endpoint *e, int fd, int why)
{
	struct addr from;

	wyi_log(e->loop, WYE_LOG_WARN, "full", e->name, 0, "%s: newcomers are refused: %s", e->name,
		wye_strerror(why));
	if (e->reserve >= 0)
		(void)wyi_sys_close(e->reserve);
	for (int i = 0, new_fd = 0; i < ACCEPTS && new_fd >= 0; i++) {
		from.len = sizeof from - offsetof(struct addr, sa);
		new_fd = wyi_sys_accept(fd, &from.sa, &from.len);
		if (new_fd >= 0)
			refuse(e, new_fd, why);
	}
	e->reserve = wyi_sys_eventfd();
	(void)poll_listeners(e, 0);
	breathe_later(e);
}

/*
 * What accept() says about the newcomer, who is gone then. All else is about us, and would be said
 * again at once.
 */
static bool is_newcomers(int r)
{
	return r == -ECONNABORTED || r == -EINTR || r == -EPERM || r == -EPROTO || r == -ENETDOWN ||
	       r == -ENETUNREACH || r == -EHOSTUNREACH || r == -ENOPROTOOPT || r == -EHOSTDOWN ||
	       r == -ENONET || r == -EOPNOTSUPP;
}

void wyi_listen_ready(void *ctx, const struct loop_ready *ready, unsigned n)
{
	(void)ctx;
	for (unsigned i = 0; i < n; i++) {
		struct endpoint *e = (struct endpoint *)(uintptr_t)(ready[i].value & ~1ull);
		u32 at = ready[i].value & 1;

		for (int k = 0; k < ACCEPTS && at < e->listen.n; k++) {
			struct addr from = {.len = sizeof from - offsetof(struct addr, sa)};
			int fd = wyi_sys_accept(e->listen.fd[at], &from.sa, &from.len);

			if (fd >= 0) {
				take_in(e, fd);
				continue;
			}
			if (is_newcomers(fd))
				continue;
			if (fd != -EAGAIN)
				rest(e, e->listen.fd[at], fd);
			break;
		}
	}
}

void wyi_listen_down(struct endpoint *e, int why)
{
	if (!e->url.once)
		return;
	wyi_endpoint_set(e, WYE_ENDED, why);
	wyi_endpoint_end(e);
}

static void say(struct endpoint *e)
{
	char url[512];
	struct wye_endpoint_info info;

	wyi_endpoint_info(e, &info, url);
	wyi_log(e->loop, WYE_LOG_INFO, "listening", e->name, 0, "%s (%s)%s", url, e->name,
		wyi_net_is_public(&e->listen) ? ", public: other hosts reach it" : "");
}

static int open_sockets(struct endpoint *e, struct wye_error *error)
{
	int r = wyi_net_listen(&e->url, &e->listen, error);

	if (r >= 0 && e->url.scheme != URL_UNIX_LISTEN)
		e->url.port = wyi_addr_port(&e->listen.addr[0]);
	return r;
}

int wyi_listen_open(struct endpoint *e, struct wye_error *error)
{
	int r = open_sockets(e, error);

	if (r < 0)
		return r;
	e->reserve = wyi_sys_eventfd();
	r = poll_listeners(e, EPOLLIN);
	if (r < 0)
		return wyi_fail(error, r, 0, "%s: %s", e->name, wye_strerror(r));
	wyi_endpoint_set(e, WYE_UP, 0);
	say(e);
	return 0;
}

int wyi_dgram_server_open(struct endpoint *e, struct wye_error *error)
{
	int r = open_sockets(e, error);

	if (r < 0)
		return r;
	r = wyi_peers_new(&e->group, e->url.max);
	if (r < 0)
		return wyi_fail(error, r, 0, "%s: %s", e->name, wye_strerror(r));
	say(e);
	while (e->listen.n) { /* the group owns them from now on, one by one */
		r = wyi_dgram_open(&e->group, e->listen.fd[e->listen.n - 1], false);
		if (r < 0)
			return wyi_fail(error, r, 0, "%s: %s", e->name, wye_strerror(r));
		e->listen.n--;
	}
	wyi_endpoint_set(e, WYE_UP, 0);
	return 0;
}
