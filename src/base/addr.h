/* SPDX-License-Identifier: MIT */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "base/types.h"

struct addr {
	socklen_t len; /* 0: none */
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
};

#define ADDR_TEXT 128 /* room for any printed address; longer Unix paths are cut with "..." */

/* A numeric host ("127.0.0.1", "::1", "fe80::1%eth0"; no brackets). 0, or -EINVAL: not numeric. */
int wyi_addr_parse(struct addr *ret, const char *host, u16 port);
/* "127.0.0.1:80", "[::1%lo]:80", "/path", "@name", "(unnamed)". Answers out. */
char *wyi_addr_print(const struct addr *, char out[ADDR_TEXT]);
/* -ENAMETOOLONG over 107 bytes. A leading '@' means abstract. */
int wyi_addr_unix(struct addr *ret, const char *path);
bool wyi_addr_equal(const struct addr *, const struct addr *); /* port and zone included */
u32 wyi_addr_hash(const struct addr *, u32 seed);
bool wyi_addr_is_loopback(const struct addr *);
u16 wyi_addr_port(const struct addr *);
void wyi_addr_set_port(struct addr *, u16 port);

#endif
