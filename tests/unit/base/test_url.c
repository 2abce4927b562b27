/* SPDX-License-Identifier: MIT */
/* URLs that are right, field by field; those in tests/data/wrong-urls.txt, each with its error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/base.h"

static struct url parsed(const char *text)
{
	struct wye_error e = {.text = ""};
	struct url u;

	if (wyi_url_parse(&u, text, &e) < 0)
		fail_msg("%s", e.text);
	return u;
}

static void assert_canonical(const char *text, const char *wanted)
{
	struct url u = parsed(text);
	char out[URL_TEXT];

	assert_string_equal(wyi_url_print(&u, out, sizeof(out)), wanted);
}

static void parse__no_keys__defaults_of_the_kind(void **state)
{
	struct url u = parsed("tcp://example.org:80");

	(void)state;
	assert_int_equal(u.scheme, URL_TCP);
	assert_string_equal(u.host, "example.org");
	assert_int_equal(u.port, 80);
	assert_int_equal(u.typed, 0);
	assert_string_equal(u.name, "");
	assert_int_equal(u.dir, DIR_BOTH);
	assert_int_equal(u.frame, FRAME_LINE);
	assert_int_equal(u.eol, EOL_KEEP);
	assert_int_equal(u.full, FULL_AUTO);
	assert_int_equal(u.max_message, 65507);
	assert_int_equal(u.queue, 1 << 20);
	assert_false(u.retry_off);
	assert_int_equal(u.retry_min, 100 * NS_PER_MS);
	assert_int_equal(u.retry_max, 30 * NS_PER_S);
	assert_int_equal(u.timeout, 10 * NS_PER_S);
	assert_int_equal(u.stall, 0);
	assert_int_equal(u.idle, 0);
	assert_true(u.hold);
	assert_false(u.once);
	assert_int_equal(u.unsent, 65536);
	assert_int_equal(u.max, 0);

	u = parsed("udp-listen://:514");
	assert_string_equal(u.host, "");
	assert_int_equal(u.frame, FRAME_DGRAM);
	assert_int_equal(u.max, 1024);
	assert_int_equal(u.idle, 60 * NS_PER_S);
	assert_false(u.hold);
	assert_int_equal(parsed("udp://:514").frame, FRAME_DGRAM);
	assert_int_equal(parsed("-").scheme, URL_STDIO);
	assert_int_equal(parsed("unix://x").scheme, URL_UNIX);
	assert_int_equal(parsed("unix-listen://x").scheme, URL_UNIX_LISTEN);
	assert_int_equal(parsed("tcp-listen://:0").scheme, URL_TCP_LISTEN);
}

static void parse__keys__each_in_its_field(void **state)
{
	struct url u = parsed(
		"tcp://h:1?dir=out&frame=line&eol=crlf&max-message=4k&retry=2ms..1m,"
		"timeout=250ms&queue=1g&full=block&stall=2s&hold=0&unsent=1&idle=1h#n.a-m_3");

	(void)state;
	assert_int_equal(u.typed, ((1u << KEY_MAX) - 1) | 1u << KEY_IDLE);
	assert_int_equal(u.dir, DIR_OUT);
	assert_int_equal(u.eol, EOL_CRLF);
	assert_int_equal(u.max_message, 4096);
	assert_int_equal(u.retry_min, 2 * NS_PER_MS);
	assert_int_equal(u.retry_max, 60 * NS_PER_S);
	assert_int_equal(u.timeout, 250 * NS_PER_MS);
	assert_int_equal(u.queue, 1 << 30);
	assert_int_equal(u.full, FULL_BLOCK);
	assert_int_equal(u.stall, 2 * NS_PER_S);
	assert_false(u.hold);
	assert_int_equal(u.unsent, 1);
	assert_int_equal(u.idle, 3600 * NS_PER_S);
	assert_string_equal(u.name, "n.a-m_3");

	u = parsed("unix-listen:///s,frame=len32,once,max=1,full=close");
	assert_int_equal(u.frame, FRAME_LEN32);
	assert_true(u.once);
	assert_int_equal(u.max, 1);
	assert_int_equal(u.full, FULL_CLOSE);
	assert_true(parsed("tcp://h:1,retry=off").retry_off);
	assert_int_equal(parsed("-,dir=in,full=drop,queue=1m,stall=1s").dir, DIR_IN);
	assert_int_equal(parsed("udp-listen://:1,idle=off").idle, 0);
	assert_int_equal(parsed("udp-listen://:1,idle=0").idle, 0);
}

static void parse__keys_that_others_follow__default_follows(void **state)
{
	(void)state;
	assert_int_equal(parsed("tcp://h:1,max-message=16m").queue, 32 << 20);
	assert_int_equal(parsed("tcp://h:1,max-message=1").queue, 1 << 20);
	assert_int_equal(parsed("tcp://h:1,queue=2000,max-message=1000").queue, 2000);
	assert_int_equal(parsed("tcp://h:1,queue=2,max-message=1").queue, 2);
	assert_int_equal(parsed("tcp://h:1,full=block").stall, 30 * NS_PER_S);
	assert_int_equal(parsed("tcp://h:1,stall=off,full=block").stall, 0);
	assert_int_equal(parsed("tcp://h:1,full=close").stall, 0);
	assert_int_equal(parsed("tcp://h:1,frame=raw,full=auto").full, FULL_AUTO);
}

static void parse__hosts__numeric_ones_shortest(void **state)
{
	char long_host[300] = "tcp://", *end = long_host + 6;

	(void)state;
	assert_string_equal(parsed("tcp://127.0.0.1:1").host, "127.0.0.1");
	assert_string_equal(parsed("tcp://[0:0::0:1]:1").host, "::1");
	assert_string_equal(parsed("tcp://[FE80::1%eth0.7]:1").host, "fe80::1%eth0.7");
	assert_string_equal(parsed("tcp://[fe80::1%25eth0]:1").host, "fe80::1%eth0");
	assert_string_equal(parsed("tcp://[fe80::1%2525]:1").host, "fe80::1%25");
	assert_string_equal(parsed("tcp-listen://any:1").host, "any");
	assert_string_equal(parsed("tcp-listen://0.0.0.0:1").host, "0.0.0.0");
	assert_string_equal(parsed("tcp://a_b.c-d.example.:1").host, "a_b.c-d.example.");
	assert_string_equal(parsed("tcp://%68ost:1").host, "host");
	assert_string_equal(parsed("udp-listen://127.3.2.1:1").host, "127.3.2.1");
	assert_string_equal(parsed("udp-listen://[::1]:1").host, "::1");
	assert_string_equal(parsed("udp-listen://any:1,dir=in").host, "any");
	for (int i = 0; i < 126; i++, end += 2)
		memcpy(end, "a.", 2);
	memcpy(end, "b:1", sizeof("b:1"));
	assert_int_equal(strlen(parsed(long_host).host), 253);
}

static void parse__paths__run_to_the_first_separator(void **state)
{
	char text[200] = "unix://";

	(void)state;
	assert_string_equal(parsed("unix:///a/b&c=d,dir=in").path, "/a/b&c=d");
	assert_string_equal(parsed("unix://relative/x?dir=in").path, "relative/x");
	assert_string_equal(parsed("unix:///a%2Cb%3f%23%25#n").path, "/a,b?#%");
	assert_string_equal(parsed("unix-listen://@abstract").path, "@abstract");
	assert_string_equal(parsed("unix:///caf\xc3\xa9 bar").path, "/caf\xc3\xa9 bar");
	memset(text + 7, 'p', 107);
	assert_int_equal(strlen(parsed(text).path), 107);
}

static void print__any_spelling__the_canonical_one(void **state)
{
	(void)state;
	assert_canonical("-", "-");
	assert_canonical("-?dir=in&frame=raw#x", "-,dir=in,frame=raw#x");
	assert_canonical("tcp://[0::1]:080,queue=1048576,timeout=90s",
			 "tcp://[::1]:80,timeout=90s,queue=1m");
	assert_canonical("tcp://[::1%lo]:80", "tcp://[::1%25lo]:80");
	assert_canonical("tcp://h:1,retry=1000ms..120s,hold=1", "tcp://h:1,retry=1s..2m,hold=1");
	assert_canonical("tcp://h:1,retry=off,stall=0", "tcp://h:1,retry=off,stall=off");
	assert_canonical("tcp-listen://:0,once,max=1", "tcp-listen://:0,max=1,once");
	assert_canonical("tcp-listen://localhost:80", "tcp-listen://:80");
	assert_canonical("unix:///a b,max-message=1025", "unix:///a%20b,max-message=1025");
	assert_canonical("unix:///%41%2c$HOME", "unix:///A%2C%24HOME");
}

static void print__little_room__cut_and_ended(void **state)
{
	struct url u = parsed("tcp-listen://127.0.0.1:7000,dir=in,frame=raw,once#name");
	char whole[URL_TEXT], out[80];

	(void)state;
	wyi_url_print(&u, whole, sizeof(whole));
	for (size_t size = 1; size < sizeof(out); size++) {
		size_t n = strlen(whole) < size ? strlen(whole) : size - 1;

		memset(out, '#', sizeof(out));
		wyi_url_print(&u, out, size);
		assert_int_equal(strlen(out), n);
		assert_memory_equal(out, whole, n);
	}
}

static void parse__no_error_struct__the_code_alone(void **state)
{
	struct url u;

	(void)state;
	assert_int_equal(wyi_url_parse(&u, "tcp://h:0", NULL), WYE_EURL);
	assert_int_equal(wyi_url_parse(&u, "", NULL), WYE_EURL);
	assert_int_equal(wyi_url_parse(&u, "tcp://h:1", NULL), 0);
}

static void nearest__mistakes__the_word_or_none(void **state)
{
	static const char *const words[] = {"frame", "full", "max", "max-message", "timeout", "in"};
	static const struct {
		const char *typed, *wanted;
	} cases[] = {
		{"frame", "frame"},
		{"fram", "frame"},
		{"farme", "frame"},
		{"FRAME", "frame"},
		{"ful", "full"},
		{"fulll", "full"},
		{"flul", "full"},
		{"tiemout", "timeout"},
		{"timeuot", "timeout"},
		{"max-m", "max-message"},
		{"max_message", "max-message"},
		{"maxx", "max"},
		{"on", "in"},
		{"x", NULL},
		{"", NULL},
		{"wibble", NULL},
		{"xyz", NULL},
		{"maxmaxmaxmax", NULL},
		{"a-word-longer-than-any-of-ours-is", NULL},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *found = wyi_nearest(cases[i].typed, words, ARRAY_SIZE(words));

		if (cases[i].wanted && found)
			assert_string_equal(found, cases[i].wanted);
		else if (cases[i].wanted || found)
			fail_msg("%s: %s", cases[i].typed, found ? found : "none");
	}
	assert_null(wyi_nearest("frame", words, 0));
}

/* wrong-urls.txt */

static FILE *open_table(void)
{
	char path[4096];
	const char *slash = strrchr(__FILE__, '/');

	snprintf(path, sizeof(path), "%.*s/../../data/wrong-urls.txt", (int)(slash - __FILE__),
		 __FILE__);
	return fopen(path, "r");
}

/* One row, its newline taken off: url TAB offset TAB substring... */
static void check_row(char *row)
{
	char *rest = row, *url = strsep(&rest, "\t"), *at = strsep(&rest, "\t"), *part, place[64];
	struct wye_error e = {0};
	struct url u;

	assert_non_null(at);
	assert_non_null(rest);
	if (wyi_url_parse(&u, url, &e) != WYE_EURL)
		fail_msg("%s: taken for right", url);
	assert_int_equal(e.code, WYE_EURL);
	if (e.at != strtoul(at, NULL, 10))
		fail_msg("%s: at %u, not %s: %s", url, e.at, at, e.text);
	snprintf(place, sizeof(place), "\": at %s: ", at);
	if (strncmp(e.text, "in \"", 4) != 0 || !strstr(e.text, place) ||
	    !strstr(e.text, "wanted "))
		fail_msg("%s: no place or no wanted: %s", url, e.text);
	while ((part = strsep(&rest, "\t")))
		if (!strstr(e.text, part))
			fail_msg("%s: no '%s' in: %s", url, part, e.text);
}

static void parse__wrong_urls__place_found_wanted(void **state)
{
	FILE *table = open_table();
	char row[1024];
	unsigned rows = 0;

	(void)state;
	assert_non_null(table);
	while (fgets(row, sizeof(row), table)) {
		if (strncmp(row, "# ", 2) == 0)
			continue;
		row[strcspn(row, "\n")] = '\0';
		check_row(row);
		rows++;
	}
	fclose(table);
	assert_true(rows >= 60);
}

static void parse__nothing__says_what_is_wanted(void **state)
{
	struct wye_error e;
	struct url u;

	(void)state;
	assert_int_equal(wyi_url_parse(&u, "", &e), WYE_EURL);
	assert_string_equal(e.text,
			    "in \"\": at 0: nothing: wanted a scheme and \"://\", or \"-\"");
	assert_int_equal(wyi_url_parse(&u, "-x", &e), WYE_EURL);
	assert_int_equal(e.at, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__no_keys__defaults_of_the_kind),
		cmocka_unit_test(parse__keys__each_in_its_field),
		cmocka_unit_test(parse__keys_that_others_follow__default_follows),
		cmocka_unit_test(parse__hosts__numeric_ones_shortest),
		cmocka_unit_test(parse__paths__run_to_the_first_separator),
		cmocka_unit_test(parse__no_error_struct__the_code_alone),
		cmocka_unit_test(parse__wrong_urls__place_found_wanted),
		cmocka_unit_test(parse__nothing__says_what_is_wanted),
		cmocka_unit_test(print__any_spelling__the_canonical_one),
		cmocka_unit_test(print__little_room__cut_and_ended),
		cmocka_unit_test(nearest__mistakes__the_word_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
