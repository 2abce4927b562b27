/* SPDX-License-Identifier: MIT */
/* Addresses: text and back, what makes two equal, what is loopback. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/base.h"

static struct addr parsed(const char *host, u16 port)
{
	struct addr a;

	assert_int_equal(wyi_addr_parse(&a, host, port), 0);
	return a;
}

static struct addr unix_at(const char *path)
{
	struct addr a;

	assert_int_equal(wyi_addr_unix(&a, path), 0);
	return a;
}

static void assert_printed(struct addr a, const char *wanted)
{
	char out[ADDR_TEXT];

	assert_string_equal(wyi_addr_print(&a, out), wanted);
}

static void parse__numeric__printed_back(void **state)
{
	(void)state;
	assert_printed(parsed("127.0.0.1", 80), "127.0.0.1:80");
	assert_printed(parsed("0.0.0.0", 0), "0.0.0.0:0");
	assert_printed(parsed("::1", 65535), "[::1]:65535");
	assert_printed(parsed("0:0:0:0:0:0:0:1", 1), "[::1]:1");
	assert_printed(parsed("::ffff:1.2.3.4", 1), "[::ffff:1.2.3.4]:1");
	assert_printed(parsed("fe80::1%lo", 80), "[fe80::1%lo]:80");
	assert_printed(parsed("fe80::1%1", 80), "[fe80::1%lo]:80");
	assert_printed(parsed("fe80::1%4294967295", 80), "[fe80::1%4294967295]:80");
}

static void parse__not_numeric__einval_and_untouched(void **state)
{
	static const char *const wrong[] = {
		"",
		"localhost",
		"1.2.3",
		"1.2.3.4.5",
		"256.1.1.1",
		":",
		"1::2::3",
		"[::1]",
		"::1 ",
		"1.2.3.4%lo",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"};
	struct addr a = {.len = 77};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(wyi_addr_parse(&a, wrong[i], 1), -EINVAL);
	assert_int_equal(wyi_addr_parse(&a, "fe80::1%no-such-if0", 1), -ENODEV);
	assert_int_equal(wyi_addr_parse(&a, "fe80::1%", 1), -ENODEV);
	assert_int_equal(wyi_addr_parse(&a, "fe80::1%0", 1), -ENODEV);
	assert_int_equal(wyi_addr_parse(&a, "fe80::1%99x", 1), -ENODEV);
	assert_int_equal(wyi_addr_parse(&a, "fe80::1%4294967296", 1), -ENODEV);
	assert_int_equal(a.len, 77);
}

static void unix__paths_and_names__printed_escaped(void **state)
{
	char path[120], out[ADDR_TEXT];
	struct addr a;

	(void)state;
	assert_printed(unix_at("/tmp/x"), "/tmp/x");
	assert_printed(unix_at("relative"), "relative");
	assert_printed(unix_at("@name"), "@name");
	assert_printed(unix_at("/a\nb\x1b"), "/a\\nb\\x1b");
	assert_printed((struct addr){.len = 0}, "(none)");
	a.sa.sa_family = AF_UNIX;
	a.len = sizeof(sa_family_t);
	assert_printed(a, "(unnamed)");

	memset(path, 'p', sizeof(path));
	path[107] = '\0';
	assert_int_equal(wyi_addr_unix(&a, path), 0);
	assert_string_equal(wyi_addr_print(&a, out), path);
	path[107] = 'p';
	path[108] = '\0';
	assert_int_equal(wyi_addr_unix(&a, path), -ENAMETOOLONG);
	assert_int_equal(wyi_addr_unix(&a, ""), -EINVAL);
	assert_int_equal(wyi_addr_unix(&a, "@"), -EINVAL);

	/* All of it bytes that need four letters: cut, and no byte further. */
	memset(path, 1, 107);
	path[107] = '\0';
	assert_int_equal(wyi_addr_unix(&a, path), 0);
	wyi_addr_print(&a, out);
	assert_string_equal(out + strlen(out) - 3, "...");
}

/* What the kernel says of a bound socket is the address it was bound to. */
static void unix__asked_of_the_kernel__equal(void **state)
{
	struct addr bound, asked;
	char name[64];
	int fd = wyi_sys_socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(name, sizeof(name), "@wye-addr-%d", (int)getpid());
	bound = unix_at(name);
	assert_int_equal(wyi_sys_bind(fd, &bound.sa, bound.len), 0);
	memset(&asked, 0xaa, sizeof(asked));
	asked.len = sizeof(asked.un);
	assert_int_equal(wyi_sys_getsockname(fd, &asked.sa, &asked.len), 0);
	assert_true(wyi_addr_equal(&bound, &asked));
	assert_int_equal(wyi_addr_hash(&bound, 5), wyi_addr_hash(&asked, 5));
	assert_printed(asked, name);
	wyi_sys_close(fd);
}

static void equal__each_part_differing__told_apart(void **state)
{
	const struct addr all[] = {
		{.len = 0},
		parsed("127.0.0.1", 1),
		parsed("127.0.0.1", 2),
		parsed("127.0.0.2", 1),
		parsed("::1", 1),
		parsed("::1", 2),
		parsed("fe80::1%1", 1),
		parsed("fe80::1%2", 1),
		parsed("fe80::2%1", 1),
		unix_at("/tmp/a"),
		unix_at("/tmp/ab"),
		unix_at("@/tmp/a"),
		unix_at("@/tmp/ab"),
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		struct addr copy;

		/* Equal by what matters, whatever lies beside it. */
		memset(&copy, 0x55, sizeof(copy));
		copy.len = all[i].len;
		memcpy(&copy.sa, &all[i].sa, all[i].len);
		if (copy.len && copy.sa.sa_family == AF_INET)
			memset(copy.in.sin_zero, 0x77, sizeof(copy.in.sin_zero));
		assert_true(wyi_addr_equal(&all[i], &copy));
		assert_int_equal(wyi_addr_hash(&all[i], 9), wyi_addr_hash(&copy, 9));
		for (unsigned j = 0; j < ARRAY_SIZE(all); j++) {
			assert_int_equal(wyi_addr_equal(&all[i], &all[j]), i == j);
			if (i != j)
				assert_int_not_equal(wyi_addr_hash(&all[i], 9),
						     wyi_addr_hash(&all[j], 9));
		}
	}
}

/* 65,536 ports and 65,536 neighbours fall evenly into 1,024 chains: none over twice the mean. */
static void hash__neighbours__spread(void **state)
{
	static unsigned chains[1024];
	char host[32];
	struct addr a;

	(void)state;
	for (u32 i = 0; i < 65536; i++) {
		a = parsed("192.0.2.1", (u16)i);
		chains[wyi_addr_hash(&a, 1) % 1024]++;
		snprintf(host, sizeof(host), "10.0.%u.%u", i >> 8, i & 255);
		a = parsed(host, 5000);
		chains[wyi_addr_hash(&a, 1) % 1024]++;
	}
	for (unsigned i = 0; i < 1024; i++)
		assert_in_range(chains[i], 64, 256);
	a = parsed("::1", 1);
	assert_int_not_equal(wyi_addr_hash(&a, 1), wyi_addr_hash(&a, 2));
}

static void loopback__each_kind__told(void **state)
{
	static const char *const inside[] = {"127.0.0.1", "127.255.255.254", "::1",
					     "::ffff:127.0.0.1"};
	static const char *const outside[] = {"0.0.0.0",    "::",	  "10.0.0.1",
					      "128.0.0.1",  "fe80::1%lo", "::ffff:10.0.0.1",
					      "::127.0.0.1"};
	struct addr a;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(inside); i++) {
		a = parsed(inside[i], 1);
		assert_true(wyi_addr_is_loopback(&a));
	}
	for (unsigned i = 0; i < ARRAY_SIZE(outside); i++) {
		a = parsed(outside[i], 1);
		assert_false(wyi_addr_is_loopback(&a));
	}
	a = unix_at("/tmp/x");
	assert_true(wyi_addr_is_loopback(&a));
	a.len = 0;
	assert_false(wyi_addr_is_loopback(&a));
}

static void port__set__read_back(void **state)
{
	struct addr four = parsed("127.0.0.1", 1), six = parsed("::1", 2), un = unix_at("@x");
	struct addr none = {.len = 0};

	(void)state;
	wyi_addr_set_port(&four, 4000);
	wyi_addr_set_port(&six, 6000);
	wyi_addr_set_port(&un, 1);
	wyi_addr_set_port(&none, 1);
	assert_int_equal(wyi_addr_port(&four), 4000);
	assert_int_equal(wyi_addr_port(&six), 6000);
	assert_int_equal(wyi_addr_port(&un), 0);
	assert_int_equal(wyi_addr_port(&none), 0);
	assert_printed(un, "@x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__numeric__printed_back),
		cmocka_unit_test(parse__not_numeric__einval_and_untouched),
		cmocka_unit_test(unix__paths_and_names__printed_escaped),
		cmocka_unit_test(unix__asked_of_the_kernel__equal),
		cmocka_unit_test(equal__each_part_differing__told_apart),
		cmocka_unit_test(hash__neighbours__spread),
		cmocka_unit_test(loopback__each_kind__told),
		cmocka_unit_test(port__set__read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
