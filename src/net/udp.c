/* SPDX-License-Identifier: MIT */
/*
 * UDP sockets. Happy path: bound (or connected), a receive buffer for bursts, drops of the kernel
 * counted.
 *
 * No SO_REUSEADDR: with it a second server on the port would quietly take the first one's
 * datagrams; without it it gets EADDRINUSE. Failure: -errno, the socket closed.
 */
#include "net/kind.h"

#define RECEIVE_BUFFER (1 << 20)

/*
 * The kernel doubles what is asked for (socket(7)); a system that gives more by default is left
 * alone.
 */
static bool has_room(int fd)
{
	int now = 0;
	socklen_t len = sizeof(now);

	return wyi_sys_getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &now, &len) == 0 &&
	       now >= 2 * RECEIVE_BUFFER;
}

void wyi_udp_tune(int fd)
{
	wyi_net_set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
	if (!has_room(fd))
		wyi_net_set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
}

int wyi_udp_listen(struct addr *at, int *ret_fd)
{
	int fd = wyi_sys_socket(at->sa.sa_family, SOCK_DGRAM, 0), r;

	if (fd < 0)
		return fd;
	wyi_udp_tune(fd);
	r = wyi_net_bind(fd, at);
	if (r < 0) {
		wyi_sys_close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}
