/* SPDX-License-Identifier: MIT */
/*
 * base: what every other folder stands on. It knows nothing of loops, links or hubs.
 *
 *   types, list.h   short integer names; intrusive lists
 *   slab.h          numbered objects at stable addresses (links), pages freed when empty
 *   sys.h           the one seam to the kernel: system calls, memory, clock, random, threads.
 *                   Chosen at link time (sys.c, or a test's own), so faults are injected there
 *   error.h         filling struct wye_error
 *   addr.h          socket addresses: parse, print, compare
 *   url.h           what a person types: scheme, target, keys, each error with its place
 *
 * Happy path: functions answer >= 0. Failure: a negative error, forwarded unchanged. Nothing here
 * has state of its own, so any thread may call it on its own objects.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include "base/types.h"
#include "base/list.h"
#include "base/sys.h"
#include "base/slab.h"
#include "base/error.h"
#include "base/addr.h"
#include "base/url.h"

#endif
