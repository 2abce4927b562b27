/* SPDX-License-Identifier: MIT */
/*
 * Many socket calls in one go: the plain back end, one system call each. It is the reference for
 * any other. No failure touches a later call; a result always fits an s32, as the kernel cuts each
 * call to under 2 GiB.
 */
#include <errno.h>
#include "loop/bulk.h"

struct bulk {
	const char *why;
};

int wyi_bulk_new(struct bulk **ret_bulk)
{
	struct bulk *b = wyi_alloc(sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->why = "plain";
	*ret_bulk = b;
	return 0;
}

const char *wyi_bulk_why(const struct bulk *b)
{
	return b->why;
}

static ssize_t one(const struct bulk_call *c)
{
	switch ((enum bulk_op)c->op) {
	case BULK_SEND:
		return wyi_sys_send(c->fd, c->ptr, c->len);
	case BULK_SENDMSG:
		return wyi_sys_sendmsg(c->fd, c->ptr);
	case BULK_RECV:
		return wyi_sys_recv(c->fd, c->ptr, c->len);
	case BULK_RECVMSG:
		return wyi_sys_recvmsg(c->fd, c->ptr);
	}
	return -EINVAL;
}

void wyi_bulk_run(struct bulk *b, struct bulk_call *calls, u32 n)
{
	(void)b;
	for (u32 i = 0; i < n; i++)
		calls[i].res = (s32)one(&calls[i]);
}

void wyi_bulk_free(struct bulk *b)
{
	wyi_free(b);
}
