/* SPDX-License-Identifier: MIT */
/*
 * TCP: listening sockets, options of a link, the connection that met itself.
 *
 * Happy path: SO_REUSEADDR (a restart need not wait for TIME_WAIT), bind, listen. Failure: -errno
 * of the call that failed, the socket closed; who called adds the text. Options that a kernel
 * refuses are left as they are: they make links better, no link needs them.
 */
#include <netinet/tcp.h>
#include "net/kind.h"

#define KEEPALIVE_IDLE_S 60

int wyi_tcp_listen(struct addr *at, int *ret_fd)
{
	int fd = wyi_sys_socket(at->sa.sa_family, SOCK_STREAM, 0), r;

	if (fd < 0)
		return fd;
	wyi_net_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	r = wyi_net_bind(fd, at);
	if (r >= 0)
		r = wyi_sys_listen(fd, NET_BACKLOG);
	if (r < 0) {
		wyi_sys_close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/*
 * A dialler whose target is a free port in the ephemeral range may be given that port as its own,
 * and then TCP's simultaneous open connects the socket with itself (RFC 9293 3.5).
 */
int wyi_tcp_met_itself(int fd)
{
	struct addr own = {.len = sizeof(struct sockaddr_un)}, peer = own;
	int r = wyi_sys_getpeername(fd, &peer.sa, &peer.len);

	if (r >= 0)
		r = wyi_sys_getsockname(fd, &own.sa, &own.len);
	if (r < 0)
		return r;
	if (own.sa.sa_family != AF_INET && own.sa.sa_family != AF_INET6)
		return 0;
	return wyi_addr_equal(&own, &peer) ? WYE_ESELF : 0;
}

void wyi_net_tune(int fd, const struct url *url)
{
	if (url->scheme != URL_TCP && url->scheme != URL_TCP_LISTEN)
		return;
	wyi_net_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (url->unsent > 0)
		wyi_net_set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT,
			    url->unsent > INT32_MAX ? INT32_MAX : (int)url->unsent);
	wyi_net_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	wyi_net_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}
