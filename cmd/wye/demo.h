/* SPDX-License-Identifier: MIT */
/* wye --demo: one endpoint of each kind on this machine, and how to talk to them. */
#ifndef DEMO_H
#define DEMO_H

#include <wye/hub.h>

/*
 * Makes and opens a hub; a port or path that is taken makes it try the next one. 0, and the hub is
 * the caller's; or an error with its reason, and nothing stays open.
 */
int demo_open(struct wye_loop *, const struct wye_hub_options *, struct wye_hub **ret_hub,
	      struct wye_error *ret_why);
/* The page, on standard error: standard output is one of the endpoints. */
void demo_page(struct wye_hub *);

#endif
