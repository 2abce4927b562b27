/* SPDX-License-Identifier: MIT */
/*
 * The limit of plain calls for a fan-out: an epoll loop that does nothing else.
 *
 *	bench_gather PORT          what one read returned goes to every other link in one send
 *	bench_gather PORT BYTES    every message of BYTES bytes in a send of its own ("each")
 *
 * Happy path: wait, accept, read, send to all but the talker. It keeps no queue: a send that the
 * socket does not take whole ends the program, so that a load in which the limit would have had
 * to do more work than this gives no figure at all.
 */
#include "bench_util.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINKS_MAX = 20000, EVENTS = 256, ROOM = 256 * 1024 };

struct hub {
	int epoll, listener;
	size_t each; /* 0: gather */
	int links[LINKS_MAX];
	size_t n_links;
	char in[ROOM];
	size_t have; /* of a message that came in part; `each` alone, and for one talker alone */
};

static void watch(struct hub *hub, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(hub->epoll, EPOLL_CTL_ADD, fd, &event))
		bench_die("epoll_ctl: %s", strerror(errno));
}

static void on_newcomers(struct hub *hub)
{
	int fd, on = 1;

	while ((fd = accept4(hub->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (hub->n_links == LINKS_MAX)
			bench_die("more than %d links", LINKS_MAX);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		hub->links[hub->n_links++] = fd;
		watch(hub, fd);
	}
	if (errno != EAGAIN)
		bench_die("accept: %s", strerror(errno));
}

static void on_end(struct hub *hub, int fd)
{
	for (size_t i = 0; i < hub->n_links; i++)
		if (hub->links[i] == fd) {
			hub->links[i] = hub->links[--hub->n_links];
			break;
		}
	close(fd);
}

static void send_to_others(const struct hub *hub, int talker, const char *bytes, size_t len)
{
	for (size_t i = 0; i < hub->n_links; i++) {
		ssize_t sent;

		if (hub->links[i] == talker)
			continue;
		sent = send(hub->links[i], bytes, len, MSG_NOSIGNAL);
		if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
			continue; /* its end comes as an event */
		if (sent != (ssize_t)len)
			bench_die("a socket took %zd of %zu bytes: the load is too large for a "
				  "loop without queues",
				  sent, len);
	}
}

static void on_input(struct hub *hub, int fd)
{
	ssize_t got = recv(fd, hub->in + hub->have, ROOM - hub->have, 0);
	size_t done = 0, len;

	if (got <= 0) {
		if (got == 0 || errno != EAGAIN)
			on_end(hub, fd);
		return;
	}
	if (!hub->each) {
		send_to_others(hub, fd, hub->in, (size_t)got);
		return;
	}
	len = hub->have + (size_t)got;
	for (; len - done >= hub->each; done += hub->each)
		send_to_others(hub, fd, hub->in + done, hub->each);
	hub->have = len - done;
	memmove(hub->in, hub->in + done, hub->have);
}

int main(int argc, char **argv)
{
	struct hub *hub = calloc(1, sizeof *hub);
	struct epoll_event events[EVENTS];

	if (!hub || argc < 2 || argc > 3)
		bench_die("usage: %s PORT [BYTES]", argv[0]);
	if (argc == 3)
		hub->each = bench_number("BYTES", argv[2], 1, ROOM / 2);
	hub->epoll = epoll_create1(EPOLL_CLOEXEC);
	hub->listener = bench_listen((uint16_t)bench_number("PORT", argv[1], 1, 65535));
	watch(hub, hub->listener);
	for (;;) {
		int n = epoll_wait(hub->epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.fd == hub->listener)
				on_newcomers(hub);
			else
				on_input(hub, events[i].data.fd);
	}
}
