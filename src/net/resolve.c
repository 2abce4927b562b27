/* SPDX-License-Identifier: MIT */
/*
 * Names to addresses. Happy path: numeric hosts, loopback and Unix paths at once; names by
 * getaddrinfo on a worker, because it blocks for as long as a name server is silent, then back to
 * the loop.
 *
 * The job's struct belongs to the job until done(), so cancelling only takes the caller's function
 * away: the look-up itself can't be stopped. Failure: WYE_ERESOLVE (the name has no address, or no
 * server answered), -ENOMEM, -ECANCELED (the pool was freed), WYE_EFULL at once where the pool's
 * queue is full.
 */
#include <errno.h>
#include <string.h>
#include "net/kind.h"

#define ADDRS 16

struct net_resolve {
	struct wye_job job;
	net_resolved_fn resolved; /* NULL: cancelled */
	void *ctx;
	char host[sizeof(((struct url *)0)->host)];
	u16 port;
	int type; /* SOCK_STREAM ... */
	int why;
	u32 n;
	struct addr addrs[ADDRS];
};

static bool is_usable(const struct addrinfo *a)
{
	return (a->ai_family == AF_INET || a->ai_family == AF_INET6) &&
	       a->ai_addrlen <= sizeof(struct sockaddr_in6);
}

/* The next one of the family at or after a; NULL: no more. */
static const struct addrinfo *seek(const struct addrinfo *a, int family)
{
	while (a && !(is_usable(a) && a->ai_family == family))
		a = a->ai_next;
	return a;
}

static void add(struct net_resolve *q, const struct addrinfo *from)
{
	struct addr *to = &q->addrs[q->n++];

	to->len = from->ai_addrlen;
	memcpy(&to->sa, from->ai_addr, from->ai_addrlen);
	wyi_addr_set_port(to, q->port);
}

/*
 * Both families by turns, so that one that leads nowhere costs one attempt, not all (RFC 8305 4).
 */
static void interleave(struct net_resolve *q, const struct addrinfo *list)
{
	const struct addrinfo *next[2];
	int family = AF_INET6;

	while (list && !is_usable(list))
		list = list->ai_next;
	if (list)
		family = list->ai_family;
	next[0] = seek(list, family);
	next[1] = seek(list, family == AF_INET ? AF_INET6 : AF_INET);
	for (unsigned turn = 0; q->n < ADDRS && (next[0] || next[1]); turn ^= 1) {
		const struct addrinfo *a = next[turn];

		if (!a)
			continue;
		add(q, a);
		next[turn] = seek(a->ai_next, a->ai_family);
	}
}

static void look_up(struct wye_job *job)
{
	struct net_resolve *q = container_of(job, struct net_resolve, job);
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = q->type};
	struct addrinfo *list = NULL;
	int r = wyi_sys_getaddrinfo(q->host, NULL, &hints, &list);

	if (r == 0)
		interleave(q, list);
	wyi_sys_freeaddrinfo(list);
	if (r == -EAI_MEMORY)
		q->why = -ENOMEM;
	else if (r > 0 || (r == 0 && q->n == 0))
		q->why = WYE_ERESOLVE;
	else
		q->why = r;
}

static void on_looked_up(struct wye_job *job, int status)
{
	struct net_resolve *q = container_of(job, struct net_resolve, job);

	if (q->resolved)
		q->resolved(q->ctx, status < 0 ? status : q->why, q->addrs, status < 0 ? 0 : q->n);
	wyi_free(q);
}

/* 1: *ret holds them; 0: a name; or -errno. */
static int at_once(const struct url *url, struct addr ret[ADDRS], u32 *ret_n)
{
	static const char *const loopback[] = {"127.0.0.1", "::1"};
	int r;

	if (url->scheme == URL_UNIX || url->scheme == URL_UNIX_LISTEN) {
		r = wyi_addr_unix(&ret[0], url->path);
		if (r < 0)
			return r;
		*ret_n = 1;
		return 1;
	}
	if (url->host[0] == '\0') {
		for (u32 i = 0; i < ARRAY_SIZE(loopback); i++)
			wyi_assert(wyi_addr_parse(&ret[i], loopback[i], url->port) == 0);
		*ret_n = ARRAY_SIZE(loopback);
		return 1;
	}
	r = wyi_addr_parse(&ret[0], url->host, url->port);
	if (r == -EINVAL)
		return 0;
	if (r < 0)
		return r;
	*ret_n = 1;
	return 1;
}

static int begin(struct wye_loop *loop, struct net_resolve *q)
{
	struct wye_pool *pool;
	int r = wyi_pool_of(loop, &pool);

	return r < 0 ? r : wye_pool_submit(pool, &q->job);
}

int wyi_net_resolve(struct wye_loop *loop, const struct url *url, net_resolved_fn resolved,
		    void *ctx, struct addr ret[ADDRS], u32 *ret_n, struct net_resolve **ret_resolve)
{
	struct net_resolve *q;
	int r = at_once(url, ret, ret_n);

	if (r != 0)
		return r;
	q = wyi_zalloc(sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->job = (struct wye_job){.run = look_up, .done = on_looked_up, .loop = loop};
	q->resolved = resolved;
	q->ctx = ctx;
	q->port = url->port;
	q->type = url->scheme == URL_UDP ? SOCK_DGRAM : SOCK_STREAM;
	memcpy(q->host, url->host, sizeof(q->host));
	r = begin(loop, q);
	if (r < 0) {
		wyi_free(q);
		return r;
	}
	*ret_resolve = q;
	return 0;
}

void wyi_net_resolve_cancel(struct net_resolve *q)
{
	if (q)
		q->resolved = NULL;
}
