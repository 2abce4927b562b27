/* SPDX-License-Identifier: MIT */
/*
 * The target of a URL: host and port, or the path of a Unix socket.
 *
 * Happy path: escapes are taken out, a numeric host is put into its shortest form, the port is a
 * number. Failure: WYE_EURL with the place of the host, the port or the path. No name is looked up
 * and no zone either: interfaces come and go, so the endpoint asks when it opens.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include "base/addr.h"
#include "base/error.h"
#include "base/url_inside.h"

#define LABEL_MAX 63
#define HOST_MAX  (sizeof(((struct url *)0)->host) - 1)
#define PATH_MAX_ (sizeof(((struct url *)0)->path) - 1)
#define ZONE_MAX  (IFNAMSIZ - 1)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Up to a point, then the same again. RFC 1123 2.1, and "_" as services use it. */
static bool is_host_name(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, ".");

		if (n < 1 || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
			return false;
		for (size_t i = 0; i < n; i++)
			if (!is_alnum(s[i]) && s[i] != '-' && s[i] != '_')
				return false;
		s += n;
		if (!s[0] || !s[1]) /* the end, or the root's point */
			return true;
		s++;
	}
}

/*
 * "1.2.3", "300.1.1.1", "0x7f000001": resolvers take these for IPv4 addresses, each in its own way.
 */
static bool ends_in_number(const char *s)
{
	size_t n = strlen(s), from;

	if (n > 0 && s[n - 1] == '.')
		n--;
	from = n;
	while (from > 0 && s[from - 1] != '.')
		from--;
	if (n - from > 2 && s[from] == '0' && (s[from + 1] | 32) == 'x')
		return from + 2 + strspn(s + from + 2, "0123456789abcdefABCDEF") == n;
	return n > from && from + strspn(s + from, "0123456789") >= n;
}

static int fail_host(struct url_parse *p, size_t at, const char *host, const char *wanted)
{
	char found[URL_WORD];

	wyi_escape(found, sizeof(found), host, strlen(host));
	return wyi_url_fail(p, at, "host \"%s\": wanted %s", found, wanted);
}

/* The numeric host in its shortest form into u.host. */
static bool take_numeric(struct url_parse *p, const char *host)
{
	struct addr a;

	if (wyi_addr_parse(&a, host, 0) < 0)
		return false;
	if (a.sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &a.in.sin_addr, p->u.host, sizeof(p->u.host));
	else
		inet_ntop(AF_INET6, &a.in6.sin6_addr, p->u.host, sizeof(p->u.host));
	p->host_is_loopback = wyi_addr_is_loopback(&a);
	return true;
}

/* text[from, to) as it stands between [ and ]. */
static int parse_bracketed(struct url_parse *p, size_t from, size_t to)
{
	static const char wanted[] = "an IPv6 address in [], as [::1] or [fe80::1%eth0]";
	char inside[INET6_ADDRSTRLEN + ZONE_MAX + 4]; /* the longest there is, with "%25" */
	size_t n = to - from, digits, zone_n;
	const char *zone;

	snprintf(inside, sizeof(inside), "%.*s", (int)(n < sizeof(inside) ? n : sizeof(inside)),
		 p->text + from);
	if (n >= sizeof(inside))
		return fail_host(p, from, inside, wanted);
	digits = strcspn(inside, "%");
	zone = inside + digits;
	if (*zone) {
		zone += strncmp(zone, "%25", 3) == 0 ? 3 : 1;
		zone_n = strlen(zone);
		for (size_t i = 0; i < zone_n; i++)
			if (!is_alnum(zone[i]) && !strchr("_.-", zone[i]))
				zone_n = 0;
		if (zone_n < 1 || zone_n > ZONE_MAX)
			return wyi_url_fail(
				p, from + (size_t)(zone - inside),
				"zone of the host: wanted an interface's name of 1 to %d"
				" letters, digits, \"_\", \".\" and \"-\"",
				ZONE_MAX);
		inside[digits] = '\0';
	} else {
		zone = NULL;
	}
	if (!memchr(inside, ':', digits) || !take_numeric(p, inside))
		return fail_host(p, from, inside, wanted);
	if (zone) {
		n = strlen(p->u.host);
		snprintf(p->u.host + n, sizeof(p->u.host) - n, "%%%s", zone);
	}
	return 0;
}

static int parse_name_or_v4(struct url_parse *p, size_t from, size_t to)
{
	bool listens = URL_BIT(p->u.scheme) & URL_LISTENERS;
	char host[HOST_MAX + 1];
	size_t n;
	int r = wyi_url_unescape(p, from, to, host, sizeof(host), &n);

	if (r < 0)
		return r;
	if (n > HOST_MAX)
		return wyi_url_fail(p, from, "host of %zu bytes: wanted at most %zu", n, HOST_MAX);
	if (strchr(host, ':'))
		return fail_host(p, from, host, "an IPv6 address in brackets, as [::1]:80");
	if (take_numeric(p, host))
		return 0;
	if (strcmp(host, "any") == 0 && !listens)
		return fail_host(p, from, host, "an address or a name (\"any\" is for listeners)");
	if (listens && strcmp(host, "localhost") == 0)
		return 0; /* as no host: both loopback addresses */
	if (listens && strcmp(host, "any") != 0)
		return fail_host(p, from, host,
				 "a numeric address of this machine, \"any\","
				 " or nothing for loopback");
	if (ends_in_number(host))
		return fail_host(p, from, host, "four numbers from 0 to 255, or a name");
	if (!is_host_name(host))
		return fail_host(p, from, host,
				 "an address, or a name of letters, digits, \"-\" and"
				 " \"_\", 1 to 63 between points");
	p->host_is_loopback = false;
	memcpy(p->u.host, host, n + 1);
	return 0;
}

static int parse_port(struct url_parse *p, size_t from, size_t to)
{
	unsigned least = URL_BIT(p->u.scheme) & URL_LISTENERS ? 0 : 1;
	char found[URL_WORD];
	u32 port = 0;
	size_t i;

	for (i = from; i < to && is_digit(p->text[i]) && port <= UINT16_MAX; i++)
		port = port * 10 + (u32)(p->text[i] - '0');
	if (i < to || from == to || port < least || port > UINT16_MAX) {
		wyi_escape(found, sizeof(found), p->text + from, to - from);
		return wyi_url_fail(p, from, "port \"%s\": wanted a number from %u to 65535", found,
				    least);
	}
	p->u.port = (u16)port;
	return 0;
}

static int parse_host_port(struct url_parse *p, size_t from, size_t to)
{
	unsigned least = URL_BIT(p->u.scheme) & URL_LISTENERS ? 0 : 1;
	const char *text = p->text, *colon;
	size_t end; /* of the host: where the port's colon is wanted */
	int r = 0;

	p->host_at = (unsigned)from;
	p->host_is_loopback = true;
	if (from < to && text[from] == '[') {
		const char *close = memchr(text + from, ']', to - from);

		if (!close)
			return wyi_url_fail(p, from,
					    "\"[\" without an end: wanted \"]\" after an IPv6"
					    " address");
		end = (size_t)(close - text) + 1;
		r = parse_bracketed(p, from + 1, end - 1);
	} else {
		colon = memrchr(text + from, ':', to - from);
		end = colon ? (size_t)(colon - text) : to;
		/*
		 * With no colon at all the port is what is missing, whatever the host looks like.
		 */
		if (colon && end > from)
			r = parse_name_or_v4(p, from, end);
	}
	if (r < 0)
		return r;
	if (end == to && to > from && strspn(text + from, "0123456789") >= to - from)
		return wyi_url_fail(p, to,
				    "no port: wanted \":\" and a number from %u to 65535;"
				    " did you mean \":%.*s\"?",
				    least, (int)(to - from), text + from);
	if (end == to)
		return wyi_url_fail(p, to, "no port: wanted \":\" and a number from %u to 65535",
				    least);
	if (text[end] != ':')
		return wyi_url_fail(p, end, "\"%c\" after the host: wanted \":\" and a port",
				    text[end] >= ' ' && text[end] <= '~' ? text[end] : '?');
	return parse_port(p, end + 1, to);
}

static int parse_path(struct url_parse *p, size_t from, size_t to)
{
	size_t n;
	int r = wyi_url_unescape(p, from, to, p->u.path, sizeof(p->u.path), &n);

	if (r < 0)
		return r;
	if (n == 0)
		return wyi_url_fail(p, from,
				    "no path: wanted a socket's path, or \"@\" and a name");
	if (n == 1 && p->u.path[0] == '@')
		return wyi_url_fail(p, from, "path \"@\": wanted a name after the \"@\"");
	if (n > PATH_MAX_)
		return wyi_url_fail(p, from, "path of %zu bytes: wanted at most %zu", n, PATH_MAX_);
	return 0;
}

int wyi_url_target(struct url_parse *p, size_t from, size_t to)
{
	if (p->u.scheme == URL_UNIX || p->u.scheme == URL_UNIX_LISTEN)
		return parse_path(p, from, to);
	return parse_host_port(p, from, to);
}
