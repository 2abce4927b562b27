/* SPDX-License-Identifier: MIT */
/* What the files of this folder share. */
#ifndef ENDPOINT_INNER_H
#define ENDPOINT_INNER_H

#include "endpoint/endpoint.h"

#define endpoint_of(g) container_of(g, struct endpoint, group)

/* endpoint.c */
void wyi_endpoint_set(struct endpoint *, enum wye_state, int why);
void wyi_endpoint_end(struct endpoint *); /* it will not speak again */
void wyi_endpoint_up(struct endpoint *, struct link *);
/* listen.c */
int wyi_listen_open(struct endpoint *, struct wye_error *);
void wyi_listen_stop(struct endpoint *);
void wyi_listen_down(struct endpoint *, int why);
void wyi_listen_ready(void *ctx, const struct loop_ready *, unsigned n);
void wyi_listen_init(struct endpoint *);
/* dial.c */
void wyi_dial_init(struct endpoint *);
int wyi_dial_open(struct endpoint *);
void wyi_dial_stop(struct endpoint *);
void wyi_dial_down(struct endpoint *, int why);
void wyi_dial_refused(struct endpoint *);
void wyi_dial_ready(void *ctx, const struct loop_ready *, unsigned n);
int wyi_dgram_server_open(struct endpoint *, struct wye_error *);
/* stdio.c */
int wyi_stdio_open(struct endpoint *, struct wye_error *);

#endif
