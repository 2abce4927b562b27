/* SPDX-License-Identifier: MIT */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stddef.h>
#include <wye/error.h>

/* Fills *e (which may be NULL) and answers code, so that callers can `return wyi_fail(...)`. */
int wyi_fail(struct wye_error *e, int code, unsigned at, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * Peer- or user-given bytes made fit for one line of a terminal or log; ends in "..." when cut.
 * Answers out.
 */
char *wyi_escape(char *out, size_t size, const void *bytes, size_t n);

#endif
