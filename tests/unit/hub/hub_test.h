/* SPDX-License-Identifier: MIT */
/*
 * What tests of hubs share: one loop and one hub through the public face, peers that are plain
 * sockets of this thread, and waiting for a claim with a deadline, never for a time.
 *
 * Happy path: bed_begin, hub_open(urls), peers, until(claim), bed_end. bed_end claims that the hub
 * conserved every message (the library asserts that when an endpoint is freed) and that no
 * descriptor is left.
 */
#ifndef HUB_TEST_H
#define HUB_TEST_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wye/hub.h>

#define PATIENCE_NS 20000000000ull /* a machine under a sanitizer and other load */

struct bed {
	struct wye_loop *loop;
	struct wye_hub *hub;
	int fds; /* open before the loop was made */
	bool ended, drained;
	int failed; /* why, of the endpoint that could not go on */
	uint64_t unwritten;
	char log[256]; /* the last line */
};

#define until(bed, claim)                                                                          \
	do {                                                                                       \
		uint64_t begun_ = wye_loop_now((bed)->loop);                                       \
		while (!(claim)) {                                                                 \
			assert_true(wye_loop_turn((bed)->loop, 20) >= 0);                          \
			assert_true(wye_loop_now((bed)->loop) - begun_ < PATIENCE_NS);             \
		}                                                                                  \
	} while (0)

static inline int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static inline void on_ended(struct wye_hub *hub, void *ctx)
{
	struct bed *bed = ctx;

	(void)hub;
	assert_false(bed->ended);
	bed->ended = true;
}

static inline void on_failed(struct wye_hub *hub, const char *endpoint, int why, void *ctx)
{
	struct bed *bed = ctx;

	(void)hub;
	(void)endpoint;
	bed->failed = why;
}

static inline void on_drained(struct wye_hub *hub, uint64_t unwritten, void *ctx)
{
	struct bed *bed = ctx;

	(void)hub;
	assert_false(bed->drained);
	bed->drained = true;
	bed->unwritten = unwritten;
}

static inline struct bed bed_begin(void)
{
	struct bed bed = {.fds = count_fds()};

	assert_int_equal(wye_loop_new(NULL, &bed.loop), 0);
	return bed;
}

static inline void bed_end(struct bed *bed)
{
	wye_hub_free(bed->hub);
	until(bed, wye_loop_turn(bed->loop, 0) == 0); /* jobs that were under way */
	assert_int_equal(wye_loop_free(bed->loop), 0);
	assert_int_equal(count_fds(), bed->fds);
}

static inline void hub_add(struct bed *bed, const char *url)
{
	struct wye_error why = {0};

	if (wye_hub_add(bed->hub, url, &why) < 0)
		fail_msg("%s: %s", url, why.text);
}

static inline void hub_new(struct bed *bed)
{
	struct wye_hub_options options = {
		.size = sizeof(options), .on_ended = on_ended, .on_failed = on_failed, .ctx = bed};

	assert_int_equal(wye_hub_new(bed->loop, &options, &bed->hub), 0);
}

/* A hub of these URLs, open. */
#define hub_open(bed, ...) hub_open_all(bed, (const char *[]){__VA_ARGS__, NULL})
static inline void hub_open_all(struct bed *bed, const char **urls)
{
	struct wye_error why = {0};

	hub_new(bed);
	for (; *urls; urls++)
		hub_add(bed, *urls);
	if (wye_hub_open(bed->hub, &why) < 0)
		fail_msg("open: %s", why.text);
}

static inline void drain(struct bed *bed, enum wye_drain how, unsigned linger_ms, unsigned limit_ms)
{
	assert_int_equal(wye_hub_drain(bed->hub, how, linger_ms, limit_ms, on_drained, bed), 0);
}

/* -- what the hub says ------------------------------------------------------------------------- */
struct look {
	int left;
	struct wye_endpoint_info info;
	char url[512];
};

static inline int look_at(const struct wye_endpoint_info *info, void *ctx)
{
	struct look *look = ctx;

	if (look->left--)
		return 0;
	look->info = *info;
	snprintf(look->url, sizeof(look->url), "%s", info->url);
	return 1;
}

static inline struct look look(struct bed *bed, int index)
{
	struct look look = {.left = index};

	assert_int_equal(wye_hub_each(bed->hub, look_at, &look), 1);
	return look;
}

static inline struct wye_endpoint_info info(struct bed *bed, int index)
{
	return look(bed, index).info;
}

static inline uint16_t port_of(struct bed *bed, int index)
{
	struct look it = look(bed, index);
	char *end = strpbrk(strstr(it.url, "://") + 3, ",?#");

	if (end)
		*end = '\0';
	return (uint16_t)strtol(strrchr(it.url, ':') + 1, NULL, 10);
}

/* -- peers ------------------------------------------------------------------------------------- */
static inline struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static inline int new_socket(int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

static inline void make_nonblocking(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

/* The kernel completes it; the hub need not turn. */
static inline int client(uint16_t port)
{
	struct sockaddr_in to = loopback(port);
	int fd = new_socket(SOCK_STREAM);

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	make_nonblocking(fd);
	return fd;
}

static inline int udp_client(uint16_t port)
{
	struct sockaddr_in to = loopback(port);
	int fd = new_socket(SOCK_DGRAM);

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	make_nonblocking(fd);
	return fd;
}

/* receive: SO_RCVBUF of what it accepts, 0 = the kernel's. */
static inline int server(uint16_t *ret_port, int receive)
{
	struct sockaddr_in at = loopback(0);
	socklen_t size = sizeof(at);
	int fd = new_socket(SOCK_STREAM);

	if (receive)
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive)),
				 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1024), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	make_nonblocking(fd);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

static inline int accept_one(struct bed *bed, int listener)
{
	int fd = -1;

	until(bed, (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0);
	return fd;
}

static inline void reset(int fd)
{
	struct linger now = {.l_onoff = 1};

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(fd);
}

static inline void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Exactly this comes next. */
static inline void hear(struct bed *bed, int fd, const char *text)
{
	size_t n = 0, len = strlen(text);
	char got[256];

	assert_true(len < sizeof(got));
	while (n < len) {
		ssize_t r = -1;

		until(bed, (r = read(fd, got + n, len - n)) >= 0 || errno != EAGAIN);
		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_memory_equal(got, text, len);
}

/* The other side ended in order. */
static inline void hear_end(struct bed *bed, int fd)
{
	char byte;
	ssize_t r = -1;

	until(bed, (r = read(fd, &byte, 1)) >= 0 || errno != EAGAIN);
	assert_int_equal(r, 0);
}

/* Sends what the kernel takes of `size` bytes of lines of 64 bytes. */
static inline size_t flood(int fd, size_t size)
{
	char lines[64 * 64];
	size_t sent = 0;

	memset(lines, 'x', sizeof(lines));
	for (size_t i = 63; i < sizeof(lines); i += 64)
		lines[i] = '\n';
	while (sent < size) {
		ssize_t r = send(fd, lines + sent % 64, sizeof(lines) - sent % 64, MSG_NOSIGNAL);

		if (r < 0)
			break;
		sent += (size_t)r;
	}
	return sent;
}

static inline int discard(int fd, size_t *ret_n)
{
	char buffer[65536];
	ssize_t r;

	while ((r = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		*ret_n += (size_t)r;
	return r == 0 ? 0 : -errno;
}

#endif
