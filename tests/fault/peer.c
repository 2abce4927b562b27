/* SPDX-License-Identifier: MIT */
/* See peer.h. Its calls are the C library's own: no fault reaches them. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "peer.h"
#include "seam.h"

#define AGAIN_NS (10 * NS_PER_MS)

static u32 conns;

void wyt_peers_reset(void)
{
	conns = 0;
}

static void must(bool done, const char *what)
{
	if (done)
		return;
	perror(what);
	abort();
}

/* -- lines --------------------------------------------------------------------------------------------------------------- */
/* Says where it comes from, and can be made again by who hears it. */
static u32 make_line(char *to, size_t size, u32 conn, u32 seq, u32 least)
{
	u32 pad = (conn * 7 + seq * 13) % 40 + least;
	int n = snprintf(to, size, "c%u %u %u ", conn, seq, least);

	must(n > 0 && (size_t)n + pad + 1 < size, "line");
	memset(to + n, 'a' + (int)(seq % 26), pad);
	to[(u32)n + pad] = '\n';
	return (u32)n + pad + 1;
}

void wyt_peer_say(struct peer *p, u32 lines)
{
	for (u32 i = 0; i < lines && p->conn && !p->mute; i++) {
		if (PEER_BYTES - p->n_out < p->line + 100)
			return;
		p->n_out += make_line(p->to_send + p->n_out, PEER_BYTES - p->n_out, p->conn,
				      ++p->sent, p->line);
	}
}

static void hear(struct peer *p, const char *line, u32 n)
{
	char wanted[8192];
	u32 conn, seq, least;

	if (sscanf(line, "c%u %u %u ", &conn, &seq, &least) != 3 || conn == 0 ||
	    conn >= PEER_CONNS || least > 4096 ||
	    make_line(wanted, sizeof wanted, conn, seq, least) != n || memcmp(wanted, line, n)) {
		wyt_wrong("a torn or altered line of %u bytes: %.*s", n, (int)(n > 60 ? 60 : n),
			  line);
		return;
	}
	if (seq <= p->last[conn])
		wyt_wrong("line %u of connection %u after line %u", seq, conn, p->last[conn]);
	p->last[conn] = seq;
	p->count[conn]++;
	p->lines++;
	p->rest = 0;
}

static void hear_all(struct peer *p)
{
	char *at = p->received, *end = p->received + p->n_in, *nl;

	while ((nl = memchr(at, '\n', (size_t)(end - at)))) {
		hear(p, at, (u32)(nl + 1 - at));
		at = nl + 1;
	}
	p->n_in = (u32)(end - at);
	memmove(p->received, at, p->n_in);
	if (p->n_in == PEER_BYTES) {
		wyt_wrong("a line without end");
		p->n_in = 0;
	}
}

bool wyt_peer_heard(const struct peer *b, const struct peer *a)
{
	return a->sent == 0 || b->last[a->conn] == a->sent;
}

void wyt_peer_meets(struct peer *b, const struct peer *a)
{
	if (b->met[a->conn])
		return;
	b->met[a->conn] = true;
	b->base[a->conn] = a->sent;
	b->count[a->conn] = 0;
}

u32 wyt_peer_missed(const struct peer *b, const struct peer *a)
{
	return a->sent - b->base[a->conn] - b->count[a->conn];
}

/* -- connections ------------------------------------------------------------------------------------------------------------ */
static void begin(struct peer *p, int in, int out)
{
	const int on = 1;

	/* Virtual time does not wait for a delayed acknowledgement. */
	if (p->kind == PEER_TCP)
		(void)setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	p->in = in;
	p->out = out;
	p->conn = ++conns;
	must(p->conn < PEER_CONNS, "connections");
	p->sent = p->n_out = p->n_in = 0;
	memset(p->last, 0, sizeof p->last);
	memset(p->count, 0, sizeof p->count);
	memset(p->base, 0, sizeof p->base);
	memset(p->met, 0, sizeof p->met);
}

/* Twice as long each time, up to a second; a line that is heard makes it short again. */
static void rest(struct peer *p)
{
	p->rest = p->rest ? p->rest * 2 : AGAIN_NS;
	if (p->rest > NS_PER_S)
		p->rest = NS_PER_S;
	p->again_at = wyt_seam_now() + p->rest;
}

static void hang_up(struct peer *p)
{
	if (p->in >= 0 && p->conn)
		close(p->in);
	if (p->out >= 0 && p->conn && p->out != p->in)
		close(p->out);
	p->in = p->out = -1;
	p->conn = 0;
	rest(p);
}

static int make_socket(const struct peer *p)
{
	int type = p->kind == PEER_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(p->at.sa.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	must(fd >= 0, "socket");
	return fd;
}

void wyt_peer_serve(struct peer *p, u64 listen_at)
{
	p->serves = true;
	p->listener = make_socket(p);
	if (p->kind == PEER_UNIX)
		(void)unlink(p->at.un.sun_path);
	must(bind(p->listener, &p->at.sa, p->at_len) == 0, "bind");
	must(getsockname(p->listener, &p->at.sa, &p->at_len) == 0, "getsockname");
	p->listen_at = listen_at;
	if (p->kind == PEER_UDP)
		begin(p, p->listener, p->listener);
	else if (!listen_at)
		must(listen(p->listener, 16) == 0, "listen");
}

void wyt_peer_pipes(struct peer *p, int in, int out)
{
	begin(p, in, out);
}

static bool accept_one(struct peer *p)
{
	int fd;

	if (p->listen_at && wyt_seam_now() < p->listen_at)
		return false;
	if (p->listen_at)
		must(listen(p->listener, 16) == 0, "listen");
	p->listen_at = 0;
	fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return false;
	begin(p, fd, fd);
	return true;
}

static bool dial(struct peer *p)
{
	int fd;

	if (p->left || wyt_seam_now() < p->again_at)
		return false;
	fd = make_socket(p);
	if (connect(fd, &p->at.sa, p->at_len) < 0 && errno != EINPROGRESS) {
		close(fd);
		rest(p);
		return false;
	}
	begin(p, fd, fd);
	return true;
}

static void cut_off(struct peer *p)
{
	p->disturbed = true;
	p->cuts++;
	if (p->lone)
		p->left = true;
	hang_up(p);
}

/* -- moving bytes --------------------------------------------------------------------------------------------------------------- */
/* A peer that serves UDP answers whoever spoke last. */
static ssize_t receive(struct peer *p)
{
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	ssize_t n;

	if (p->kind == PEER_PIPES)
		return read(p->in, p->received + p->n_in, PEER_BYTES - p->n_in);
	if (p->kind != PEER_UDP || !p->serves)
		return recv(p->in, p->received + p->n_in, PEER_BYTES - p->n_in, MSG_DONTWAIT);
	n = recvfrom(p->in, p->received + p->n_in, PEER_BYTES - p->n_in, MSG_DONTWAIT,
		     (struct sockaddr *)&from, &len);
	if (n >= 0)
		must(connect(p->in, (struct sockaddr *)&from, len) == 0, "connect");
	return n;
}

static bool read_some(struct peer *p)
{
	bool any = false;
	ssize_t n;

	while (p->conn && !p->slow && p->in >= 0 && (n = receive(p)) != 0) {
		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR || p->kind == PEER_UDP)
				return any;
			cut_off(p);
			return true;
		}
		any = true;
		p->n_in += (u32)n;
		hear_all(p);
	}
	if (!p->conn || p->slow || p->in < 0 || p->is_file)
		return any;
	cut_off(p);
	return true;
}

/* UDP: a line, a datagram. */
static u32 piece(const struct peer *p)
{
	const char *nl = p->kind == PEER_UDP ? memchr(p->to_send, '\n', p->n_out) : NULL;

	return nl ? (u32)(nl + 1 - p->to_send) : p->n_out;
}

static ssize_t transmit(struct peer *p, u32 n)
{
	if (p->kind == PEER_PIPES)
		return write(p->out, p->to_send, n);
	return send(p->out, p->to_send, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool write_some(struct peer *p)
{
	bool any = false;

	while (p->conn && p->n_out && p->out >= 0) {
		u32 n = piece(p);
		ssize_t r = transmit(p, n);

		if (r < 0) {
			if (errno == EAGAIN)
				return any;
			if (p->kind != PEER_UDP) {
				cut_off(p);
				return true;
			}
			if (errno == EDESTADDRREQ || errno == ENOTCONN)
				return any; /* nobody spoke yet */
			if (errno == ECONNREFUSED)
				continue;
			r = (ssize_t)n;
		}
		p->n_out -= (u32)r;
		memmove(p->to_send, p->to_send + r, p->n_out);
		any = true;
	}
	return any;
}

bool wyt_peer_pump(struct peer *p)
{
	bool any = false;

	if (!p->conn) {
		if (p->left || p->kind == PEER_PIPES)
			return false;
		any = p->serves ? accept_one(p) : dial(p);
	}
	if (p->conn)
		any |= write_some(p);
	if (p->conn)
		any |= read_some(p);
	if (p->conn && p->mute == true && p->n_out == 0 && p->out >= 0) {
		if (p->kind == PEER_PIPES)
			close(p->out);
		else
			(void)shutdown(p->out, SHUT_WR);
		p->out = -1;
	}
	return any;
}

void wyt_peer_end(struct peer *p)
{
	p->mute = true;
}

void wyt_peer_leave(struct peer *p, bool reset)
{
	const struct linger at_once = {.l_onoff = 1};

	if (p->conn && reset)
		(void)setsockopt(p->in, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	p->left = true;
	p->disturbed = true;
	hang_up(p);
}

void wyt_peer_again(struct peer *p)
{
	p->disturbed = true;
	hang_up(p);
}

void wyt_peer_free(struct peer *p)
{
	if (p->conn)
		hang_up(p);
	else if (p->listener < 0)
		return;
	if (p->listener >= 0 && (p->kind != PEER_UDP || !p->serves))
		close(p->listener);
	p->listener = -1;
}
