/* SPDX-License-Identifier: MIT */
/*
 * See load_proto.h. NATS: docs.nats.io, "client protocol". MQTT: OASIS MQTT 3.1.1, sections 2, 3.
 */
#include "load_proto.h"
#include "bench_util.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SUBJECT "fan"

static void put(int fd, const char *bytes, size_t len)
{
	if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		bench_die("greeting the hub: %s", strerror(errno));
}

static size_t get(int fd, char *to, size_t room)
{
	ssize_t got = recv(fd, to, room, 0);

	if (got <= 0)
		bench_die("the hub does not answer a greeting: %s",
			  got ? strerror(errno) : "end of stream");
	return (size_t)got;
}

static size_t plain_head(char *to, size_t room, size_t bytes)
{
	(void)room, (void)bytes;
	*to = '\0'; /* an empty one, as snprintf would print it */
	return 0;
}

static size_t nats_up_head(char *to, size_t room, size_t bytes)
{
	return (size_t)snprintf(to, room, "PUB " SUBJECT " %zu\r\n", bytes);
}

static size_t nats_down_head(char *to, size_t room, size_t bytes)
{
	return (size_t)snprintf(to, room, "MSG " SUBJECT " 1 %zu\r\n", bytes);
}

/* INFO comes unasked; PONG says that what stands before our PING has been done. */
static void nats_greet(int fd, const char *hello)
{
	char in[8192];
	size_t have = 0;

	put(fd, hello, strlen(hello));
	do {
		if (have == sizeof in - 1)
			bench_die("nats: a greeting over %zu bytes", have);
		have += get(fd, in + have, sizeof in - 1 - have);
		in[have] = 0;
		if (strstr(in, "-ERR"))
			bench_die("nats: %s", in);
	} while (have < 6 || strcmp(in + have - 6, "PONG\r\n") != 0);
}

#define NATS_HELLO "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false}\r\n"

static void nats_greet_producer(int fd)
{
	nats_greet(fd, NATS_HELLO "PING\r\n");
}

static void nats_greet_subscriber(int fd)
{
	nats_greet(fd, NATS_HELLO "SUB " SUBJECT " 1\r\nPING\r\n");
}

/* PUBLISH, QoS 0: type, remaining length (LEB128), topic with its length. */
static size_t mqtt_head(char *to, size_t room, size_t bytes)
{
	size_t topic = strlen(SUBJECT), left = 2 + topic + bytes, at = 0;

	if (room < 16)
		bench_die("mqtt: no room for a header");
	to[at++] = 0x30;
	do {
		to[at++] = (char)((left & 127) | (left > 127 ? 128 : 0));
		left >>= 7;
	} while (left);
	to[at++] = 0;
	to[at++] = (char)topic;
	memcpy(to + at, SUBJECT, topic);
	return at + topic;
}

static void mqtt_expect(int fd, const unsigned char *wanted, size_t len)
{
	char in[8] = {0};
	size_t have = 0;

	while (have < len)
		have += get(fd, in + have, len - have);
	if (memcmp(in, wanted, len) != 0)
		bench_die("mqtt: the broker refused a greeting");
}

static void mqtt_greet_producer(int fd)
{
	/* CONNECT: "MQTT", level 4, clean session, keep-alive 0, empty client id */
	static const char connect[] = {0x10, 12, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, 0};
	static const unsigned char connack[] = {0x20, 2, 0, 0};

	put(fd, connect, sizeof connect);
	mqtt_expect(fd, connack, sizeof connack);
}

static void mqtt_greet_subscriber(int fd)
{
	static const char subscribe[] = {(char)0x82, 8, 0, 1, 0, 3, 'f', 'a', 'n', 0};
	static const unsigned char suback[] = {0x90, 3, 0, 1, 0};

	mqtt_greet_producer(fd);
	put(fd, subscribe, sizeof subscribe);
	mqtt_expect(fd, suback, sizeof suback);
}

static const struct proto protos[] = {
	{.name = "plain", .up_head = plain_head, .down_head = plain_head, .tail = ""},
	{.name = "nats",
	 .up_head = nats_up_head,
	 .down_head = nats_down_head,
	 .tail = "\r\n",
	 .greet_producer = nats_greet_producer,
	 .greet_subscriber = nats_greet_subscriber,
	 .ping = "PING\r\n",
	 .pong = "PONG\r\n"},
	{.name = "mqtt",
	 .up_head = mqtt_head,
	 .down_head = mqtt_head,
	 .tail = "",
	 .greet_producer = mqtt_greet_producer,
	 .greet_subscriber = mqtt_greet_subscriber},
};

const struct proto *proto_find(const char *name)
{
	for (size_t i = 0; i < sizeof protos / sizeof *protos; i++)
		if (strcmp(protos[i].name, name) == 0)
			return &protos[i];
	bench_die("--proto: '%s' is none of plain, nats, mqtt", name);
}

void batch_init(struct batch *batch, const struct proto *proto, bool down, size_t bytes,
		size_t messages)
{
	char head[64] = "";
	size_t tail = strlen(proto->tail);
	char *at;

	batch->head = (down ? proto->down_head : proto->up_head)(head, sizeof head, bytes);
	batch->unit = batch->head + bytes + tail;
	batch->len = batch->unit * messages;
	batch->bytes = at = malloc(batch->len);
	if (!at)
		bench_die("out of memory");
	for (size_t i = 0; i < messages; i++) {
		memcpy(at, head, batch->head);
		memset(at + batch->head, 'x', bytes - 1);
		at[batch->head + DIGITS] = ' ';
		at[batch->head + bytes - 1] = '\n';
		memcpy(at + batch->head + bytes, proto->tail, tail);
		at += batch->unit;
	}
}

void batch_number(struct batch *batch, uint64_t first)
{
	for (char *at = batch->bytes; at < batch->bytes + batch->len; at += batch->unit) {
		uint64_t number = first++;

		for (size_t i = DIGITS; i-- > 0; number /= 10)
			at[batch->head + i] = (char)('0' + number % 10);
	}
}
