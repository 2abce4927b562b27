/* SPDX-License-Identifier: MIT */
/*
 * Which addresses a listening URL means, and opening all of them.
 *
 * Happy path: one numeric address; or no host: 127.0.0.1 and ::1; or "any": 0.0.0.0 and ::, each
 * its own socket (IPV6_V6ONLY), all on one port. Port 0: the first socket's free port is asked for
 * again on the second one; if it is taken there, all is closed and begun anew, 16 times. Failure:
 * -errno and a text with the address and what to do; nothing stays open.
 */
#include <errno.h>
#include <string.h>
#include "net/kind.h"

#define PORT_TRIES 16

void wyi_net_set(int fd, int level, int name, int value)
{
	(void)wyi_sys_setsockopt(fd, level, name, &value, sizeof(value));
}

int wyi_net_bind(int fd, struct addr *at)
{
	int r;

	if (at->sa.sa_family == AF_INET6) {
		const int on = 1;

		r = wyi_sys_setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		if (r < 0)
			return r;
	}
	r = wyi_sys_bind(fd, &at->sa, at->len);
	if (r < 0)
		return r;
	at->len = sizeof(struct sockaddr_un);
	return wyi_sys_getsockname(fd, &at->sa, &at->len);
}

static int wanted(const struct url *url, struct addr ret[NET_LISTEN_MAX], struct wye_error *e)
{
	static const char *const loopback[] = {"127.0.0.1", "::1"}, *const any[] = {"0.0.0.0",
										    "::"};
	const char *const *hosts;
	int r;

	if (url->host[0] != '\0' && strcmp(url->host, "any") != 0) {
		r = wyi_addr_parse(&ret[0], url->host, url->port);
		if (r == 0)
			return 1;
		if (r == -ENODEV)
			return wyi_fail(e, r, 0, "%s://[%s]:%u: no interface of that name or index",
					wyi_scheme_name(url->scheme), url->host, url->port);
		return wyi_fail(e, -EINVAL, 0,
				"%s://%s:%u: \"%s\" is a name; wanted: an address of this machine, "
				"\"any\", or nothing for loopback",
				wyi_scheme_name(url->scheme), url->host, url->port, url->host);
	}
	hosts = url->host[0] == '\0' ? loopback : any;
	for (unsigned i = 0; i < NET_LISTEN_MAX; i++)
		wyi_assert(wyi_addr_parse(&ret[i], hosts[i], url->port) == 0);
	return NET_LISTEN_MAX;
}

static const char *advice(int why, const struct url *url)
{
	switch (why) {
	case -EADDRINUSE:
		return url->scheme == URL_UDP_LISTEN
			       ? "; `ss -ulnp` shows which program has it, port 0 takes a free one"
			       : "; `ss -tlnp` shows which program has it, port 0 takes a free one";
	case -EADDRNOTAVAIL:
		return "; no interface of this machine has it (`ip address` lists them)";
	case -EACCES:
		return url->port < 1024
			       ? "; ports below 1024 need CAP_NET_BIND_SERVICE, take a higher one"
			       : "";
	case -EMFILE:
		return "; raise the limit of open files (`ulimit -n`)";
	default:
		return "";
	}
}

static int refused(const struct url *url, int why, const struct addr *at, struct wye_error *e)
{
	char text[ADDR_TEXT];

	return wyi_fail(e, why, 0, "%s://%s: %s%s", wyi_scheme_name(url->scheme),
			wyi_addr_print(at, text), wye_strerror(why), advice(why, url));
}

/* Of two addresses one may be left out where the machine does not have its family. */
static bool is_missing_family(int why)
{
	return why == -EAFNOSUPPORT || why == -EADDRNOTAVAIL;
}

static void close_all(struct net_listen *l)
{
	for (u32 i = 0; i < l->n; i++)
		wyi_sys_close(l->fd[i]);
	l->n = 0;
}

/* One try. *at: the address that failed. */
static int open_all(const struct url *url, const struct addr *want, int n, struct net_listen *l,
		    struct addr *at)
{
	int first = 0;

	for (int i = 0; i < n; i++) {
		struct addr *bound = &l->addr[l->n];
		int r;

		*bound = want[i];
		if (l->n > 0)
			wyi_addr_set_port(bound, wyi_addr_port(&l->addr[0]));
		r = url->scheme == URL_TCP_LISTEN ? wyi_tcp_listen(bound, &l->fd[l->n])
						  : wyi_udp_listen(bound, &l->fd[l->n]);
		if (r >= 0) {
			l->n++;
		} else if (n == 1 || !is_missing_family(r)) {
			*at = want[i];
			close_all(l);
			return r;
		} else if (first == 0) {
			first = r;
			*at = want[i];
		}
	}
	return l->n > 0 ? 0 : first;
}

static int listen_ip(const struct url *url, struct net_listen *l, struct wye_error *e)
{
	struct addr want[NET_LISTEN_MAX], at;
	int n = wanted(url, want, e), r;

	if (n < 0)
		return n;
	for (int tries = 0;; tries++) {
		r = open_all(url, want, n, l, &at);
		if (r != -EADDRINUSE || url->port != 0 || tries == PORT_TRIES)
			break;
	}
	return r < 0 ? refused(url, r, &at, e) : 0;
}

int wyi_net_listen(const struct url *url, struct net_listen *ret, struct wye_error *e)
{
	struct net_listen l = {.fd = {-1, -1}, .lock_fd = -1};
	int r;

	wyi_assert(URL_BIT(url->scheme) & URL_LISTENERS);
	r = url->scheme == URL_UNIX_LISTEN ? wyi_unix_listen(url, &l, e) : listen_ip(url, &l, e);
	if (r < 0)
		return r;
	*ret = l;
	return 0;
}

void wyi_net_unlisten(struct net_listen *l, const struct url *url)
{
	if (l->n == 0)
		return;
	if (url->scheme == URL_UNIX_LISTEN)
		wyi_unix_unlisten(l, url);
	close_all(l);
}

bool wyi_net_is_public(const struct net_listen *l)
{
	for (u32 i = 0; i < l->n; i++) {
		if (l->addr[i].sa.sa_family != AF_UNIX && !wyi_addr_is_loopback(&l->addr[i]))
			return true;
	}
	return false;
}
