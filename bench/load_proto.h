/* SPDX-License-Identifier: MIT */
/*
 * What goes over the wire to a hub: plain lines (wye, ncat, the limits), NATS, MQTT 3.1.1 QoS 0.
 *
 * A batch is the W messages that are in flight together. Each message carries its number in
 * ten digits, so that two messages are never the same bytes, and ends in '\n'. `up` is what the
 * producer writes, `down` what every subscriber must get, byte for byte.
 */
#ifndef BENCH_LOAD_PROTO_H
#define BENCH_LOAD_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch {
	char *bytes;
	size_t unit; /* bytes per message, envelope included */
	size_t head; /* of which stand before the payload */
	size_t len;  /* unit * messages */
};

struct proto {
	const char *name;
	/* Formats the envelope of one message; both return the length, without NUL. */
	size_t (*up_head)(char *to, size_t room, size_t bytes);
	size_t (*down_head)(char *to, size_t room, size_t bytes);
	const char *tail;
	/* Blocking; the program ends when the hub answers anything else than it should.
	 * NULL: a plain hub, which says nothing; see load.c, gather_everybody. */
	void (*greet_producer)(int fd);
	void (*greet_subscriber)(int fd);
	/* What the hub may send unasked at a message boundary, and the answer. */
	const char *ping, *pong;
};

const struct proto *proto_find(const char *name);

void batch_init(struct batch *batch, const struct proto *proto, bool down, size_t bytes,
		size_t messages);

/* Numbers the messages of a batch, beginning with `first`. */
void batch_number(struct batch *batch, uint64_t first);

enum { MESSAGE_MIN = 12, DIGITS = 10 };

#endif
