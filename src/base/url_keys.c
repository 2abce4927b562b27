/* SPDX-License-Identifier: MIT */
/*
 * The keys of a URL, one row each: name, how its value is written, where it is kept, which kinds
 * take it, its bounds. A new key is one row here, one field and one KEY_ in url.h.
 *
 * Happy path: the row is found by name, the value read by the row's type. Failure: WYE_EURL with
 * the place of the key or of its value. Defaults that follow from other keys, and contradictions
 * between keys, are settled once all are known (wyi_url_together).
 */
#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "base/url_inside.h"

#define ALL	(URL_BIT(URL_SCHEMES) - 1)
#define STREAMS (ALL & ~URL_DATAGRAM)
#define TCPS	(URL_BIT(URL_TCP) | URL_BIT(URL_TCP_LISTEN))
#define IDLERS	(ALL & ~(URL_BIT(URL_STDIO) | URL_BIT(URL_UDP)))

#define KIB	     1024ull
#define MIB	     (1024 * KIB)
#define GIB	     (1024 * MIB)
#define TIME_MAX     (8760ull * 3600 * NS_PER_S) /* a year: sums of a few stay far from overflow */
#define DATAGRAM_MAX 65507			 /* 65,535 less the IPv4 and UDP headers */

static const char *const dir_words[] = {[DIR_BOTH] = "both", [DIR_IN] = "in", [DIR_OUT] = "out"};
static const char *const frame_words[] = {
	[FRAME_LINE] = "line", [FRAME_RAW] = "raw", [FRAME_LEN32] = "len32"};
static const char *const eol_words[] = {
	[EOL_KEEP] = "keep", [EOL_STRIP] = "strip", [EOL_CRLF] = "crlf"};
static const char *const full_words[] = {
	[FULL_AUTO] = "auto", [FULL_DROP] = "drop", [FULL_BLOCK] = "block", [FULL_CLOSE] = "close"};

#define AT(f)	      offsetof(struct url, f)
#define WORDS(w)      .words = (w), .n_words = ARRAY_SIZE(w)
#define BETWEEN(a, b) .min = (a), .max = (b)
#define TIMES	      BETWEEN(NS_PER_MS, TIME_MAX)

const struct key_row wyi_url_rows[KEYS] = {
	[KEY_DIR] = {"dir", TYPE_WORD, AT(dir), ALL, WORDS(dir_words)},
	[KEY_FRAME] = {"frame", TYPE_WORD, AT(frame), STREAMS, WORDS(frame_words)},
	[KEY_EOL] = {"eol", TYPE_WORD, AT(eol), STREAMS, WORDS(eol_words)},
	[KEY_MAX_MESSAGE] = {"max-message", TYPE_SIZE, AT(max_message), ALL, BETWEEN(1, 16 * MIB)},
	[KEY_RETRY] = {"retry", TYPE_RETRY, AT(retry_min), URL_DIALLERS, TIMES},
	[KEY_TIMEOUT] = {"timeout", TYPE_TIME, AT(timeout), URL_DIALLERS, TIMES},
	[KEY_QUEUE] = {"queue", TYPE_SIZE, AT(queue), ALL, BETWEEN(2, GIB)},
	[KEY_FULL] = {"full", TYPE_WORD, AT(full), ALL, WORDS(full_words)},
	[KEY_STALL] = {"stall", TYPE_TIME_OFF, AT(stall), ALL, TIMES},
	[KEY_HOLD] = {"hold", TYPE_BOOL, AT(hold), URL_DIALLERS, BETWEEN(0, 1)},
	[KEY_UNSENT] = {"unsent", TYPE_SIZE, AT(unsent), TCPS, BETWEEN(1, GIB)},
	[KEY_MAX] = {"max", TYPE_COUNT, AT(max), URL_LISTENERS, BETWEEN(1, 10000000)},
	[KEY_IDLE] = {"idle", TYPE_TIME_OFF, AT(idle), IDLERS, TIMES},
	[KEY_ONCE] = {"once", TYPE_FLAG, AT(once), URL_STREAM_LISTENERS, BETWEEN(0, 1)},
};

static bool typed(const struct url *u, enum key key)
{
	return u->typed >> key & 1;
}

void wyi_url_defaults(struct url *u)
{
	bool datagram = URL_BIT(u->scheme) & URL_DATAGRAM;

	u->frame = datagram ? FRAME_DGRAM : FRAME_LINE;
	u->max_message = DATAGRAM_MAX;
	u->retry_min = 100 * NS_PER_MS;
	u->retry_max = 30 * NS_PER_S;
	u->timeout = 10 * NS_PER_S;
	u->queue = MIB;
	/* A listener's backlog belongs to its links and dies with them. */
	u->hold = !(URL_BIT(u->scheme) & URL_LISTENERS);
	u->unsent = 64 * KIB;
	u->max = u->scheme == URL_UDP_LISTEN ? 1024 : 0;
	u->idle = u->scheme == URL_UDP_LISTEN ? 60 * NS_PER_S : 0;
}

/* "a, b or c" of the words whose bit is set. Answers out. */
static char *list_words(char *out, size_t size, const char *const words[], unsigned n, u32 bits)
{
	size_t len = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		u32 above = i + 1 < 32 ? bits >> (i + 1) : 0;
		const char *join = len == 0 ? "" : above ? ", " : " or ";

		if (bits >> i & 1 && len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s", join, words[i]);
	}
	return out;
}

/* numbers */

struct unit_name {
	const char *name;
	u64 factor;
};
static const struct unit_name sizes[] = {{"", 1}, {"k", KIB}, {"m", MIB}, {"g", GIB}};
static const struct unit_name times[] = {
	{"us", NS_PER_US},	 {"ms", NS_PER_MS},	    {"s", NS_PER_S},
	{"m", 60ull * NS_PER_S}, {"h", 3600ull * NS_PER_S},
};

/* False: no digits, a unit that isn't there, or more than 64 bits. */
static bool read_number(const char *s, const struct unit_name *units, unsigned n_units, u64 *ret)
{
	const char *digits = s;
	u64 n = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(n, (u64)10, &n) ||
		    __builtin_add_overflow(n, (u64)(*s - '0'), &n))
			return false;
	if (s == digits)
		return false;
	for (unsigned i = 0; i < n_units; i++)
		if (strcmp(s, units[i].name) == 0)
			return !__builtin_mul_overflow(n, units[i].factor, ret);
	*ret = 0;
	return n == 0 && !*s; /* nothing is nothing in every unit */
}

static bool read_time(const char *s, u64 *ret)
{
	return read_number(s, times, ARRAY_SIZE(times), ret);
}

static char *print_number(u64 n, const struct unit_name *units, unsigned n_units, char out[32])
{
	unsigned i = n_units - 1;

	while (i > 0 && n % units[i].factor != 0)
		i--;
	snprintf(out, 32, "%llu%s", (unsigned long long)(n / units[i].factor), units[i].name);
	return out;
}

char *wyi_size_print(u64 bytes, char out[32])
{
	return print_number(bytes, sizes, ARRAY_SIZE(sizes), out);
}

char *wyi_time_print(u64 ns, char out[32])
{
	return print_number(ns, times, ARRAY_SIZE(times), out);
}

/* values */

/* What a row's value may be, for an error's text. Answers out. */
static char *wanted_text(const struct key_row *row, char *out, size_t size)
{
	char least[32], most[32], list[64];

	switch (row->type) {
	case TYPE_WORD:
		list_words(list, sizeof(list), row->words, row->n_words, (1u << row->n_words) - 1);
		snprintf(out, size, "%s", list);
		break;
	case TYPE_SIZE:
		snprintf(out, size, "bytes from %s to %s, as 500, 64k, 1m or 1g",
			 wyi_size_print(row->min, least), wyi_size_print(row->max, most));
		break;
	case TYPE_COUNT:
		snprintf(out, size, "a number from %llu to %llu", (unsigned long long)row->min,
			 (unsigned long long)row->max);
		break;
	case TYPE_TIME:
	case TYPE_TIME_OFF:
		snprintf(out, size, "a duration from %s to %s, as 250ms, 10s or 5m%s",
			 wyi_time_print(row->min, least), wyi_time_print(row->max, most),
			 row->type == TYPE_TIME_OFF ? "; or off" : "");
		break;
	case TYPE_RETRY:
		snprintf(out, size,
			 "shortest..longest wait, as 100ms..30s, each from %s to %s; or off",
			 wyi_time_print(row->min, least), wyi_time_print(row->max, most));
		break;
	case TYPE_BOOL:
		snprintf(out, size, "1 or 0");
		break;
	case TYPE_FLAG:
		snprintf(out, size, "no value");
		break;
	}
	return out;
}

static int fail_value(struct url_parse *p, const struct key_row *row, size_t at, const char *value)
{
	char found[URL_WORD], wanted[160], hint[40] = "";

	if (row->type == TYPE_WORD)
		wyi_url_hint(hint, sizeof(hint), value, row->words, row->n_words);
	wyi_escape(found, sizeof(found), value, strlen(value));
	return wyi_url_fail(p, at, "%s \"%s\": wanted %s%s", row->name, found,
			    wanted_text(row, wanted, sizeof(wanted)), hint);
}

static bool read_word(const struct key_row *row, const char *value, u32 *ret)
{
	for (unsigned i = 0; i < row->n_words; i++) {
		if (strcmp(value, row->words[i]) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* The value was cut where no right one reaches, so the length of dots needs no care. */
static bool read_retry(const struct key_row *row, const char *value, struct url *u)
{
	char least[64];
	const char *dots = strstr(value, "..");
	u64 min, max;

	if (strcmp(value, "off") == 0) {
		u->retry_off = true;
		return true;
	}
	if (!dots)
		return false;
	snprintf(least, sizeof(least), "%.*s", (int)(dots - value), value);
	if (!read_time(least, &min) || !read_time(dots + 2, &max))
		return false;
	if (min < row->min || max > row->max || min > max)
		return false;
	u->retry_min = min;
	u->retry_max = max;
	return true;
}

static bool read_value(const struct key_row *row, const char *value, struct url *u)
{
	void *field = (char *)u + row->field;
	u64 n = 0;
	u32 word;
	bool off;

	switch (row->type) {
	case TYPE_WORD:
		if (!read_word(row, value, &word))
			return false;
		memcpy(field, &word, sizeof(word)); /* enums are unsigned int here */
		return true;
	case TYPE_SIZE:
	case TYPE_COUNT:
		if (!read_number(value, sizes, row->type == TYPE_SIZE ? ARRAY_SIZE(sizes) : 1, &n))
			return false;
		if (n < row->min || n > row->max)
			return false;
		*(u32 *)field = (u32)n;
		return true;
	case TYPE_TIME:
	case TYPE_TIME_OFF:
		off = row->type == TYPE_TIME_OFF && strcmp(value, "off") == 0;
		if (!off && !read_time(value, &n))
			return false;
		if (n > row->max || (n < row->min && !(row->type == TYPE_TIME_OFF && n == 0)))
			return false;
		*(u64 *)field = n;
		return true;
	case TYPE_RETRY:
		return read_retry(row, value, u);
	case TYPE_BOOL:
		if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
			return false;
		*(bool *)field = value[0] == '1';
		return true;
	case TYPE_FLAG:
		break; /* takes none: seen by the caller */
	}
	return false;
}
_Static_assert(sizeof(enum dir) == sizeof(u32) && sizeof(enum full) == sizeof(u32),
	       "words are u32");

/* keys */

static int fail_unknown(struct url_parse *p, size_t at, const char *key)
{
	const char *fitting[KEYS];
	char list[112], hint[48];
	unsigned n = 0;

	for (unsigned i = 0; i < KEYS; i++)
		if (wyi_url_rows[i].schemes & URL_BIT(p->u.scheme))
			fitting[n++] = wyi_url_rows[i].name;
	list_words(list, sizeof(list), fitting, n, (1u << n) - 1);
	if (!*key)
		return wyi_url_fail(p, at, "no key: wanted %s", list);
	wyi_url_hint(hint, sizeof(hint), key, fitting, n);
	return wyi_url_fail(p, at, "key \"%s\": wanted %s%s", key, list, hint);
}

static int fail_unfit(struct url_parse *p, size_t at, const struct key_row *row)
{
	char kinds[80];

	list_words(kinds, sizeof(kinds), wyi_scheme_names, URL_SCHEMES, row->schemes);
	return wyi_url_fail(p, at, "key \"%s\" on %s: wanted only on %s", row->name,
			    wyi_scheme_name(p->u.scheme), kinds);
}

static int take_value(struct url_parse *p, const struct key_row *row, size_t from, size_t to,
		      bool is_there)
{
	char value[64], wanted[160];
	size_t n = 0;
	int r = 0;

	if (row->type == TYPE_FLAG && !is_there) {
		*(bool *)(void *)((char *)&p->u + row->field) = true;
		return 0;
	}
	if (row->type != TYPE_FLAG && from == to)
		return wyi_url_fail(p, from, "%s without a value: wanted %s%s", row->name,
				    is_there ? "" : "\"=\" and ",
				    wanted_text(row, wanted, sizeof(wanted)));
	r = wyi_url_unescape(p, from, to, value, sizeof(value), &n);
	if (r < 0)
		return r;
	/* No right value is that long: what was cut off can't make it right. */
	if (n >= sizeof(value) || !read_value(row, value, &p->u))
		return fail_value(p, row, from, value);
	return 0;
}

int wyi_url_key(struct url_parse *p, size_t from, size_t to)
{
	const char *text = p->text, *equals = memchr(text + from, '=', to - from);
	size_t end = equals ? (size_t)(equals - text) : to;
	size_t value_from = equals ? end + 1 : to;
	const struct key_row *row;
	char key[URL_WORD];
	unsigned i = 0;

	wyi_escape(key, sizeof(key), text + from, end - from);
	while (i < KEYS && strcmp(key, wyi_url_rows[i].name) != 0)
		i++;
	if (i == KEYS)
		return fail_unknown(p, from, key);
	row = &wyi_url_rows[i];
	if (!(row->schemes & URL_BIT(p->u.scheme)))
		return fail_unfit(p, from, row);
	if (typed(&p->u, (enum key)i))
		return wyi_url_fail(p, from, "key \"%s\" again (first at %u): wanted once", key,
				    p->key_at[i]);
	p->u.typed |= 1u << i;
	p->key_at[i] = (unsigned)from;
	p->value_at[i] = (unsigned)value_from;
	return take_value(p, row, value_from, to, equals != NULL);
}

/* keys that bear on one another */

static int check_framing(struct url_parse *p)
{
	const struct url *u = &p->u;

	if (typed(u, KEY_EOL) && u->frame != FRAME_LINE)
		return wyi_url_fail(p, p->key_at[KEY_EOL],
				    "key \"eol\" with frame=%s: wanted only with"
				    " frame=line",
				    frame_words[u->frame]);
	if (u->frame == FRAME_RAW && u->full == FULL_DROP)
		return wyi_url_fail(p, p->value_at[KEY_FULL],
				    "full \"drop\" with frame=raw, which has"
				    " no whole messages to drop: wanted"
				    " auto, block or close");
	if (u->frame == FRAME_DGRAM && u->max_message > DATAGRAM_MAX)
		return wyi_url_fail(p, p->value_at[KEY_MAX_MESSAGE],
				    "max-message of %u bytes on %s:"
				    " wanted at most %u",
				    u->max_message, wyi_scheme_name(u->scheme), DATAGRAM_MAX);
	return 0;
}

static int check_bounds(struct url_parse *p)
{
	struct url *u = &p->u;
	u32 least = 2 * u->max_message;

	if (u->queue < least) {
		if (typed(u, KEY_QUEUE))
			return wyi_url_fail(p, p->value_at[KEY_QUEUE],
					    "queue of %u bytes: wanted at least"
					    " %u, 2 x max-message",
					    u->queue, least);
		u->queue = least;
	}
	if (u->once && u->max > 1)
		return wyi_url_fail(p, p->value_at[KEY_MAX],
				    "max \"%u\" with once: wanted max=1, or no"
				    " once",
				    u->max);
	if (u->full == FULL_BLOCK && !typed(u, KEY_STALL))
		u->stall = 30 * NS_PER_S;
	return 0;
}

/*
 * Anybody can put anybody's address on a datagram. To answer on a public address would send our
 * traffic to whom the forger names.
 */
static int check_strangers(struct url_parse *p)
{
	const struct url *u = &p->u;

	if (u->scheme != URL_UDP_LISTEN || p->host_is_loopback || u->dir == DIR_IN)
		return 0;
	return wyi_url_fail(p, p->host_at,
			    "public host \"%.40s\" would send to whatever address a"
			    " stranger forges: wanted dir=in, or a loopback host as"
			    " 127.0.0.1",
			    u->host);
}

int wyi_url_together(struct url_parse *p)
{
	int r = check_framing(p);

	if (r == 0)
		r = check_bounds(p);
	if (r == 0)
		r = check_strangers(p);
	return r;
}
