/* SPDX-License-Identifier: MIT */
#ifndef STATS_H
#define STATS_H

#include <wye/hub.h>

/* One line for each endpoint on standard error: "wye: stats: NAME key=value ...". */
void stats_print(struct wye_hub *);

#endif
