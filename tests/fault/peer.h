/* SPDX-License-Identifier: MIT */
/*
 * The other ends of the hub's links: plain sockets and pipes of the test, which say numbered lines and check each line
 * they hear.
 *
 * Happy path: wyt_peer_pump() connects (or accepts), writes what was queued, reads and checks. One that was cut off comes
 * back after 10 ms.
 * Failure modes: a line that is torn, altered, or doubled on a connection is told by wyt_wrong().
 */
#ifndef FAULT_PEER_H
#define FAULT_PEER_H

#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include "base/types.h"

#define PEER_CONNS 1024u
#define PEER_BYTES (64u * 1024)

enum peer_kind { PEER_TCP, PEER_UNIX, PEER_UDP, PEER_PIPES };

struct peer {
	enum peer_kind kind;
	u32 endpoint;	/* whose link it is */
	bool serves;	/* the hub dials it */
	bool slow;	/* does not read */
	bool left;	/* will not come back */
	bool is_file;	/* reads a file: no end at its end */
	bool mute;	/* has ended its output, still listens */
	bool lone;	/* of an endpoint that takes one link, ever */
	bool disturbed; /* was cut off by the hub, or by a fault */
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_un un;
	} at; /* what it dials, or where it listens */
	socklen_t at_len;
	u64 listen_at, again_at, rest; /* ns */
	int listener, in, out;
	u32 conn; /* number of its connection, unlike all others; 0: none */
	u32 sent; /* lines on it */
	u32 line; /* bytes of a line, at least */
	u32 n_out, n_in, lines;
	u32 cuts; /* how often it was cut off */
	bool met[PEER_CONNS];
	u32 last[PEER_CONNS], count[PEER_CONNS],
		base[PEER_CONNS]; /* of lines from that connection */
	char to_send[PEER_BYTES], received[PEER_BYTES];
};

void wyt_peers_reset(void); /* connections are numbered from 1 again */
/* A server: makes the socket, listens at once if listen_at is 0. Its port is in at. */
void wyt_peer_serve(struct peer *, u64 listen_at);
void wyt_peer_pipes(struct peer *, int in, int out); /* the far ends of "-" */
void wyt_peer_say(struct peer *, u32 lines);
bool wyt_peer_pump(struct peer *); /* true: something moved */
void wyt_peer_end(struct peer *);  /* no more output */
void wyt_peer_leave(struct peer *, bool reset);
void wyt_peer_again(struct peer *); /* closes; dials again with the next pump */
void wyt_peer_free(struct peer *);
/* Has b heard the last line that a said? */
bool wyt_peer_heard(const struct peer *b, const struct peer *a);
void wyt_peer_meets(struct peer *b,
		    const struct peer *a); /* what b hears of a begins here, if it has not yet */
u32 wyt_peer_missed(const struct peer *b, const struct peer *a); /* lines of a, since they met */

/* A claim that does not hold: printed with the case. */
void wyt_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
