/* SPDX-License-Identifier: MIT */
/*
 * pool: threads for what would stop a loop. Here: a bounded queue and a fixed number of workers;
 * done() comes on the job's loop by a post. Each loop has one pool for libwye's own use, made when
 * first asked for.
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include <wye/pool.h>
#include "loop/loop.h"

/* The loop's own pool, freed with the loop. 0 or -errno. */
int wyi_pool_of(struct wye_loop *, struct wye_pool **ret_pool);

#endif
