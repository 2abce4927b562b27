/* SPDX-License-Identifier: MIT */
/*
 * Connections being made. Happy path: socket, connect; up at once (Unix, UDP, often loopback) or
 * -EINPROGRESS and then EPOLLOUT. Failure: -errno, nothing stays open. Worth another try later:
 * ECONNREFUSED, ENOENT (no such Unix socket yet), EAGAIN (its backlog is full), ETIMEDOUT and all
 * kinds of unreachable.
 */
#include <errno.h>
#include "net/kind.h"

int wyi_net_dial(const struct url *url, const struct addr *to, int *ret_fd)
{
	int type = url->scheme == URL_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int fd = wyi_sys_socket(to->sa.sa_family, type, 0), r;

	if (fd < 0)
		return fd;
	if (type == SOCK_DGRAM)
		wyi_udp_tune(fd);
	r = wyi_sys_connect(fd, &to->sa, to->len);
	/* Linux answers -EINPROGRESS on loopback, too; but 0 must never mean itself. */
	if (r == 0 && url->scheme == URL_TCP)
		r = wyi_tcp_met_itself(fd);
	if (r < 0 && r != -EINPROGRESS) {
		wyi_sys_close(fd);
		return r;
	}
	*ret_fd = fd;
	return r;
}

int wyi_net_dialled(int fd)
{
	int why = 0;
	socklen_t len = sizeof(why);
	int r = wyi_sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len);

	if (r < 0)
		return r;
	if (why != 0)
		return -why;
	return wyi_tcp_met_itself(fd);
}
