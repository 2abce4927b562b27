/* SPDX-License-Identifier: MIT */
/*
 * Random URLs: what is put together by the grammar parses, and prints and parses back to the same;
 * what is then damaged does so as well, or is an error as it should be. The oracle is the fuzz
 * target's.
 */
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "../../fuzz/url_oracle.h"

#define N	   50000u /* of each */
#define PICK(list) ((list)[below(ARRAY_SIZE(list))])

static u64 random_state;

static u32 below(size_t n)
{
	u64 z = random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (u32)((z ^ z >> 31) % n);
}

struct text {
	char s[1024];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	t->len += (size_t)vsnprintf(t->s + t->len, sizeof(t->s) - t->len, format, args);
	va_end(args);
	assert_true(t->len < sizeof(t->s));
}

static void add_host(struct text *t, enum scheme scheme)
{
	static const char *const both[] = {"",	    "127.0.0.1", "127.9.8.7",
					   "[::1]", "[0:0::1]",	 "[::1%25lo]"};
	static const char *const dialled[] = {"localhost",     "a.b.c.example.", "%68%6f%73t",
					      "x_y-z.w",       "192.0.2.7",	 "[2001:DB8::7]",
					      "[fe80::1%2525]"};
	static const char *const bound[] = {"any", "0.0.0.0", "[::]", "198.51.100.1",
					    "[fe80::9%eth0]"};

	if (scheme == URL_UDP_LISTEN || below(2))
		add(t, "%s", PICK(both));
	else if (URL_BIT(scheme) & URL_LISTENERS)
		add(t, "%s", PICK(bound));
	else
		add(t, "%s", PICK(dialled));
}

static void add_path(struct text *t)
{
	u32 n = 1 + below(106);

	add(t, "%s", below(4) ? "/" : "@");
	for (u32 i = 0; i < n; i++) {
		u8 c = (u8)(1 + below(255));

		if (below(2))
			add(t, "%c", "abcXYZ019/._-&=+@:"[below(18)]);
		else if (strchr(",?#%", c) || below(2))
			add(t, below(2) ? "%%%02x" : "%%%02X", c);
		else
			add(t, "%c", c);
	}
}

static void add_time(struct text *t, u32 least_ms)
{
	static const char *const units[] = {"ms", "s", "m", "h"};

	if (below(5) == 0)
		add(t, "%uus", least_ms * 1000 + below(100000));
	else
		add(t, "%u%s", least_ms + below(500), PICK(units));
}

static void add_value(struct text *t, enum key key, u32 max_message)
{
	static const char *const dirs[] = {"both", "in", "out", "i%6e"};
	static const char *const frames[] = {"line", "raw", "len32"};
	static const char *const eols[] = {"keep", "strip", "crlf"};
	static const char *const fulls[] = {"auto", "block", "close"};

	switch (key) {
	case KEY_DIR:
		add(t, "=%s", PICK(dirs));
		break;
	case KEY_FRAME:
		add(t, "=%s", PICK(frames));
		break;
	case KEY_EOL:
		add(t, "=%s", PICK(eols));
		break;
	case KEY_FULL:
		add(t, "=%s", PICK(fulls));
		break;
	case KEY_MAX_MESSAGE:
		add(t, "=%u", max_message);
		break;
	case KEY_QUEUE:
		if (below(2))
			add(t, "=%u", 2 * 65507 + below(1u << 29));
		else
			add(t, "=%u%c", 1 + below(900), 'm');
		break;
	case KEY_RETRY:
		if (below(4) == 0) {
			add(t, "=off");
			break;
		}
		add(t, "=%ums..%us", 1 + below(1000), 1 + below(1000));
		break;
	case KEY_TIMEOUT:
		add(t, "=");
		add_time(t, 1);
		break;
	case KEY_STALL:
	case KEY_IDLE:
		add(t, "=");
		if (below(4))
			add_time(t, 1);
		else
			add(t, "%s", below(2) ? "off" : "0");
		break;
	case KEY_HOLD:
		add(t, "=%u", below(2));
		break;
	case KEY_UNSENT:
		add(t, "=%u%s", 1 + below(1000), below(2) ? "k" : "");
		break;
	case KEY_MAX:
		add(t, "=%u", 1 + below(10000000));
		break;
	case KEY_ONCE:
	case KEYS:
		break;
	}
}

static const char *const key_names[KEYS] = {"dir",     "frame", "eol",	"max-message", "retry",
					    "timeout", "queue", "full", "stall",       "hold",
					    "unsent",  "max",	"idle", "once"};

/* Which keys a kind takes, and which of them live together: said here once more, by hand. */
static bool fits(enum key key, enum scheme s, bool with_eol)
{
	bool tcp = s == URL_TCP || s == URL_TCP_LISTEN,
	     is_udp = s == URL_UDP || s == URL_UDP_LISTEN;
	bool listens = s == URL_TCP_LISTEN || s == URL_UNIX_LISTEN || s == URL_UDP_LISTEN;

	switch (key) {
	case KEY_FRAME:
		return !is_udp && !with_eol;
	case KEY_EOL:
		return !is_udp && with_eol;
	case KEY_RETRY:
	case KEY_TIMEOUT:
	case KEY_HOLD:
		return !listens && s != URL_STDIO;
	case KEY_UNSENT:
		return tcp;
	case KEY_MAX:
		return listens && !with_eol;
	case KEY_ONCE:
		return listens && !is_udp && with_eol;
	case KEY_IDLE:
		return s != URL_STDIO && s != URL_UDP;
	default:
		return true;
	}
}

static void make_url(struct text *t)
{
	enum scheme scheme = (enum scheme)below(URL_SCHEMES);
	bool query = false, with_eol = below(2);
	u32 start = below(KEYS), max_message = 1 + below(65507);

	*t = (struct text){.len = 0};
	add(t, "%s", wyi_scheme_name(scheme));
	if (scheme != URL_STDIO)
		add(t, "://");
	if (scheme == URL_UNIX || scheme == URL_UNIX_LISTEN) {
		add_path(t);
	} else if (scheme != URL_STDIO) {
		add_host(t, scheme);
		add(t, ":%u", 1 + below(65535));
	}
	for (u32 i = 0; i < KEYS; i++) {
		enum key key = (enum key)((start + i) % KEYS);
		char separator = ",?&"[below(query ? 3 : 2)];

		if (below(3) || !fits(key, scheme, with_eol))
			continue;
		query = query || separator == '?';
		add(t, "%c%s", separator, key_names[key]);
		add_value(t, key, max_message);
	}
	if (below(2)) {
		add(t, "#");
		for (u32 i = 0, n = 1 + below(32); i < n; i++)
			add(t, "%c", "abzAZ09_.-"[below(10)]);
	}
}

static void made_by_the_grammar__parsed__round_trips(void **state)
{
	struct text t;

	(void)state;
	random_state = 1;
	for (u32 i = 0; i < N; i++) {
		make_url(&t);
		if (!url_holds(t.s))
			fail_msg("%u: %s", i, t.s);
	}
}

static void made_and_damaged__parsed__round_trips_or_an_error(void **state)
{
	static const char special[] = ",?&#%=:/@[].-x0 \x1b\xff";
	u32 right = 0, wrong = 0;
	struct text t;

	(void)state;
	random_state = 2;
	for (u32 i = 0; i < N; i++) {
		make_url(&t);
		for (u32 n = 1 + below(3); n > 0 && t.len > 0; n--) {
			size_t at = below(t.len);

			switch (below(4)) {
			case 0:
				t.s[at] = special[below(sizeof(special) - 1)];
				break;
			case 1: /* take one out */
				memmove(t.s + at, t.s + at + 1, t.len-- - at);
				break;
			case 2: /* double one */
				memmove(t.s + at + 1, t.s + at, ++t.len - at);
				break;
			default:
				t.len = at;
				t.s[at] = '\0';
			}
		}
		if (url_holds(t.s))
			right++;
		else
			wrong++;
	}
	assert_true(right > N / 20 && wrong > N / 20);
}

static void any_bytes__parsed__an_error_or_round_trips(void **state)
{
	char text[64];

	(void)state;
	random_state = 3;
	for (u32 i = 0; i < N; i++) {
		u32 n = below(sizeof(text));

		for (u32 j = 0; j < n; j++)
			text[j] = (char)(1 + below(255));
		text[n] = '\0';
		url_holds(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_by_the_grammar__parsed__round_trips),
		cmocka_unit_test(made_and_damaged__parsed__round_trips_or_an_error),
		cmocka_unit_test(any_bytes__parsed__an_error_or_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
