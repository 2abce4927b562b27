/* SPDX-License-Identifier: MIT */
/*
 * Many socket calls in one go.
 *
 * Each call is as if made alone with MSG_DONTWAIT | MSG_NOSIGNAL, in order; no failure touches
 * another. On return every res is final (>= 0 or -errno) and the kernel holds no reference to ptr
 * or fd. Short counts are normal. -EAGAIN, -ENOBUFS, -ENOMEM mean "full, or nothing there". The
 * same fd may stand twice in one run only if it is a datagram socket (a short first and a whole
 * second would reorder).
 */
#ifndef LOOP_BULK_H
#define LOOP_BULK_H

#include "base/base.h"

enum bulk_op { BULK_SEND, BULK_SENDMSG, BULK_RECV, BULK_RECVMSG };

struct bulk_call {
	int fd;
	u8 op;
	u32 len;
	void *ptr; /* buffer or struct msghdr */
	s32 res;   /* out */
	u32 tag;   /* the caller's */
};

struct bulk;
int wyi_bulk_new(struct bulk **ret_bulk);
const char *wyi_bulk_why(const struct bulk *); /* "plain": the back end in use */
void wyi_bulk_run(struct bulk *, struct bulk_call *, u32 n);
void wyi_bulk_free(struct bulk *);

#endif
