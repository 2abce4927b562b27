/* SPDX-License-Identifier: MIT */
/* What the files of this folder share. */
#ifndef NET_KIND_H
#define NET_KIND_H

#include "net/net.h"

#define NET_BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

/*
 * tcp.c, udp.c: one bound socket; *at becomes the address as bound. On failure nothing stays open.
 */
int wyi_tcp_listen(struct addr *at, int *ret_fd);
int wyi_udp_listen(struct addr *at, int *ret_fd);
void wyi_udp_tune(int fd);
int wyi_tcp_met_itself(int fd); /* 0, WYE_ESELF or -errno */

/* unix.c */
int wyi_unix_listen(const struct url *, struct net_listen *ret, struct wye_error *);
void wyi_unix_unlisten(struct net_listen *, const struct url *);

/* listen.c */
int wyi_net_bind(int fd, struct addr *at);		  /* and asks what it became */
void wyi_net_set(int fd, int level, int name, int value); /* an option that may be refused */

#endif
