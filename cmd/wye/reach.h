/* SPDX-License-Identifier: MIT */
#ifndef REACH_H
#define REACH_H

#include <stdbool.h>
#include <wye/hub.h>

/*
 * Can anything still get anywhere when nobody reads endpoint's output any more? Its input may go on: a file
 * that is being sent must not be cut off because its sender's standard output was closed.
 */
bool reach_without(struct wye_hub *, const char *endpoint);

#endif
