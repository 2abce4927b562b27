/* SPDX-License-Identifier: MIT */
/*
 * Socket addresses: text to struct and back, compared and hashed by what matters (never by
 * padding). Happy path: a numeric host becomes an address, an address becomes one line fit for a
 * log. Failure: -EINVAL where a text is no numeric host, -ENODEV where its zone names no interface,
 * -ENAMETOOLONG.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "base/error.h"
#include "base/sys.h"

#define UNIX_HEAD offsetof(struct sockaddr_un, sun_path)
#define UNIX_MAX  (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* An interface's name, or its index in digits. */
static int parse_zone(u32 *ret, const char *zone)
{
	char *end;
	unsigned long n;
	u32 index = wyi_sys_if_index(zone);

	if (index) {
		*ret = index;
		return 0;
	}
	if (*zone < '0' || *zone > '9')
		return -ENODEV;
	errno = 0;
	n = strtoul(zone, &end, 10);
	if (errno || *end || n == 0 || n > UINT32_MAX)
		return -ENODEV;
	*ret = (u32)n;
	return 0;
}

static int parse6(struct addr *ret, const char *host, u16 port)
{
	struct addr a = {.len = sizeof(a.in6)};
	const char *zone = strchr(host, '%');
	size_t n = zone ? (size_t)(zone - host) : strlen(host);
	char digits[INET6_ADDRSTRLEN];
	int r;

	if (n >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, host, n);
	digits[n] = '\0';
	a.in6.sin6_family = AF_INET6;
	a.in6.sin6_port = htons(port);
	if (inet_pton(AF_INET6, digits, &a.in6.sin6_addr) != 1)
		return -EINVAL;
	if (zone) {
		r = parse_zone(&a.in6.sin6_scope_id, zone + 1);
		if (r < 0)
			return r;
	}
	*ret = a;
	return 0;
}

int wyi_addr_parse(struct addr *ret, const char *host, u16 port)
{
	struct addr a = {.len = sizeof(a.in)};

	a.in.sin_family = AF_INET;
	a.in.sin_port = htons(port);
	if (inet_pton(AF_INET, host, &a.in.sin_addr) != 1)
		return parse6(ret, host, port);
	*ret = a;
	return 0;
}

/* The bytes of a Unix address: none where it is unnamed; the first is 0 where it is abstract. */
static size_t unix_name(const struct addr *a)
{
	/* The kernel counts one more than the struct holds where a path fills it. */
	size_t len = a->len < sizeof(a->un) ? a->len : sizeof(a->un);

	if (len <= UNIX_HEAD)
		return 0;
	len -= UNIX_HEAD;
	return a->un.sun_path[0] ? strnlen(a->un.sun_path, len) : len;
}

static char *print_unix(const struct addr *a, char out[ADDR_TEXT])
{
	size_t n = unix_name(a);

	if (n == 0)
		return memcpy(out, "(unnamed)", sizeof("(unnamed)"));
	if (a->un.sun_path[0])
		return wyi_escape(out, ADDR_TEXT, a->un.sun_path, n);
	out[0] = '@';
	wyi_escape(out + 1, ADDR_TEXT - 1, a->un.sun_path + 1, n - 1);
	return out;
}

static char *print6(const struct addr *a, char out[ADDR_TEXT])
{
	char digits[INET6_ADDRSTRLEN], zone[IF_NAMESIZE + 1] = "";
	u32 scope = a->in6.sin6_scope_id;

	inet_ntop(AF_INET6, &a->in6.sin6_addr, digits, sizeof(digits));
	if (scope) {
		zone[0] = '%';
		if (wyi_sys_if_name(scope, zone + 1) < 0)
			snprintf(zone + 1, sizeof(zone) - 1, "%u", scope);
	}
	snprintf(out, ADDR_TEXT, "[%s%s]:%u", digits, zone, ntohs(a->in6.sin6_port));
	return out;
}

char *wyi_addr_print(const struct addr *a, char out[ADDR_TEXT])
{
	char digits[INET_ADDRSTRLEN];

	if (a->len == 0)
		return memcpy(out, "(none)", sizeof("(none)"));
	switch (a->sa.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &a->in.sin_addr, digits, sizeof(digits));
		snprintf(out, ADDR_TEXT, "%s:%u", digits, ntohs(a->in.sin_port));
		return out;
	case AF_INET6:
		return print6(a, out);
	case AF_UNIX:
		return print_unix(a, out);
	default:
		snprintf(out, ADDR_TEXT, "(family %u)", a->sa.sa_family);
		return out;
	}
}

int wyi_addr_unix(struct addr *ret, const char *path)
{
	struct addr a = {.len = 0};
	size_t n = strlen(path);

	if (n == 0 || strcmp(path, "@") == 0)
		return -EINVAL; /* the kernel would make up a name */
	if (n > UNIX_MAX)
		return -ENAMETOOLONG;
	a.un.sun_family = AF_UNIX;
	memcpy(a.un.sun_path, path, n);
	if (path[0] == '@')
		a.un.sun_path[0] = '\0';
	else
		n++; /* a path is counted with its end, an abstract name has none */
	a.len = (socklen_t)(UNIX_HEAD + n);
	*ret = a;
	return 0;
}

bool wyi_addr_equal(const struct addr *a, const struct addr *b)
{
	if (a->len == 0 || b->len == 0)
		return a->len == b->len;
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	switch (a->sa.sa_family) {
	case AF_INET:
		return a->in.sin_port == b->in.sin_port &&
		       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	case AF_INET6:
		return a->in6.sin6_port == b->in6.sin6_port &&
		       a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
		       memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16) == 0;
	case AF_UNIX:
		return unix_name(a) == unix_name(b) &&
		       memcmp(a->un.sun_path, b->un.sun_path, unix_name(a)) == 0;
	default:
		return false;
	}
}

/*
 * Both halves of a 64 x 64 bit product: peers choose their addresses, the seed keeps them guessing.
 */
static u64 fold(u64 a, u64 b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (u64)product ^ (u64)(product >> 64);
}

static u64 mix(u64 h, const void *bytes, size_t n)
{
	const u8 *p = bytes;

	while (n > 0) {
		u64 word = 0;
		size_t k = n < sizeof(word) ? n : sizeof(word);

		memcpy(&word, p, k);
		h = fold(h ^ word ^ 0x9e3779b97f4a7c15ull, 0xd6e8feb86659fd93ull ^ h << 32);
		p += k;
		n -= k;
	}
	return h;
}

u32 wyi_addr_hash(const struct addr *a, u32 seed)
{
	u64 h = fold(seed ^ 0xa0761d6478bd642full, 0xe7037ed1a0b428dbull);

	if (a->len == 0)
		return (u32)h;
	switch (a->sa.sa_family) {
	case AF_INET:
		h = mix(h, (u32[]){a->in.sin_addr.s_addr, a->in.sin_port}, 8);
		break;
	case AF_INET6:
		h = mix(h, &a->in6.sin6_addr, 16);
		h = mix(h, (u32[]){a->in6.sin6_scope_id, a->in6.sin6_port}, 8);
		break;
	case AF_UNIX:
		h = mix(h, a->un.sun_path, unix_name(a));
		break;
	default:
		break;
	}
	return (u32)(h ^ h >> 32);
}

bool wyi_addr_is_loopback(const struct addr *a)
{
	const u8 *b;

	if (a->len == 0)
		return false;
	switch (a->sa.sa_family) {
	case AF_INET:
		return ntohl(a->in.sin_addr.s_addr) >> 24 == 127;
	case AF_INET6:
		b = a->in6.sin6_addr.s6_addr;
		return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr) ||
		       (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr) && b[12] == 127);
	default:
		return a->sa.sa_family == AF_UNIX;
	}
}

u16 wyi_addr_port(const struct addr *a)
{
	if (a->len == 0)
		return 0;
	if (a->sa.sa_family == AF_INET)
		return ntohs(a->in.sin_port);
	return a->sa.sa_family == AF_INET6 ? ntohs(a->in6.sin6_port) : 0;
}

void wyi_addr_set_port(struct addr *a, u16 port)
{
	if (a->len == 0)
		return;
	if (a->sa.sa_family == AF_INET)
		a->in.sin_port = htons(port);
	else if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
}
