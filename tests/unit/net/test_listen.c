/* SPDX-License-Identifier: MIT */
/* Listeners by address: TCP and UDP on loopback, both families. */
#include <sys/resource.h>
#include <sys/syscall.h>
#include "net_test.h"

static int option(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void check_pair(enum scheme scheme)
{
	struct url url = ip_url(scheme, "", 0);
	struct net_listen l;
	struct wye_error e;

	assert_int_equal(wyi_net_listen(&url, &l, &e), 0);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.addr[0].sa.sa_family, AF_INET);
	assert_int_equal(l.addr[1].sa.sa_family, AF_INET6);
	assert_int_not_equal(wyi_addr_port(&l.addr[0]), 0);
	assert_int_equal(wyi_addr_port(&l.addr[0]), wyi_addr_port(&l.addr[1]));
	assert_true(wyi_addr_is_loopback(&l.addr[0]) && wyi_addr_is_loopback(&l.addr[1]));
	assert_false(wyi_net_is_public(&l));
	for (u32 i = 0; i < l.n; i++) {
		assert_true(fcntl(l.fd[i], F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(l.fd[i], F_GETFD) & FD_CLOEXEC);
	}
	assert_int_equal(option(l.fd[1], IPPROTO_IPV6, IPV6_V6ONLY), 1);
	wyi_net_unlisten(&l, &url);
	wyi_net_unlisten(&l, &url);
	assert_int_equal(l.n, 0);
}

static void listen__no_host_port_0__both_families_on_one_port(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		check_pair(URL_TCP_LISTEN);
		check_pair(URL_UDP_LISTEN);
	}
}

static void listen__any__public_and_both_families(void **state)
{
	struct url url = ip_url(URL_TCP_LISTEN, "any", 0);
	struct net_listen l;

	(void)state;
	assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.addr[0].in.sin_addr.s_addr, INADDR_ANY);
	assert_true(IN6_IS_ADDR_UNSPECIFIED(&l.addr[1].in6.sin6_addr));
	assert_int_equal(wyi_addr_port(&l.addr[0]), wyi_addr_port(&l.addr[1]));
	assert_true(wyi_net_is_public(&l));
	wyi_net_unlisten(&l, &url);
}

static void listen__one_address__only_that(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "127.0.0.9", "::1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct url url = ip_url(URL_TCP_LISTEN, hosts[i], 0);
		struct net_listen l;

		assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
		assert_int_equal(l.n, 1);
		assert_false(wyi_net_is_public(&l));
		wyi_net_unlisten(&l, &url);
	}
}

static void listen__all_zero_address__is_public(void **state)
{
	struct url url = ip_url(URL_UDP_LISTEN, "::", 0);
	struct net_listen l;

	(void)state;
	assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
	assert_true(wyi_net_is_public(&l));
	wyi_net_unlisten(&l, &url);
}

static void check_in_use(enum scheme scheme, const char *second_host, const char *tool)
{
	struct url url = ip_url(scheme, "", 0), again;
	struct net_listen l, untouched = {.n = 7}, got = untouched;
	struct wye_error e = {0};
	char port[16];

	assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
	again = ip_url(scheme, second_host, wyi_addr_port(&l.addr[0]));
	assert_int_equal(wyi_net_listen(&again, &got, &e), -EADDRINUSE);
	assert_int_equal(e.code, -EADDRINUSE);
	snprintf(port, sizeof(port), ":%u", again.port);
	assert_contains(e.text, port);
	assert_contains(e.text, "in use");
	assert_contains(e.text, tool);
	assert_memory_equal(&got, &untouched, sizeof(got));
	wyi_net_unlisten(&l, &url);
}

static void listen__port_in_use__says_which_and_how_to_find_out(void **state)
{
	(void)state;
	check_in_use(URL_TCP_LISTEN, "", "ss -tlnp");
	check_in_use(URL_TCP_LISTEN, "::1", "ss -tlnp");
	check_in_use(URL_UDP_LISTEN, "", "ss -ulnp");
	check_in_use(URL_UDP_LISTEN, "127.0.0.1", "ss -ulnp");
}

/* 127.0.0.1 is free, ::1 is not: nothing stays open. */
static void listen__second_family_in_use__first_is_closed(void **state)
{
	struct url six = ip_url(URL_TCP_LISTEN, "::1", 0), both, four;
	struct net_listen l, m;
	struct wye_error e;

	(void)state;
	assert_int_equal(wyi_net_listen(&six, &l, NULL), 0);
	both = ip_url(URL_TCP_LISTEN, "", wyi_addr_port(&l.addr[0]));
	assert_int_equal(wyi_net_listen(&both, &m, &e), -EADDRINUSE);
	assert_contains(e.text, "[::1]");
	four = ip_url(URL_TCP_LISTEN, "127.0.0.1", both.port);
	assert_int_equal(wyi_net_listen(&four, &m, &e), 0);
	wyi_net_unlisten(&m, &four);
	wyi_net_unlisten(&l, &six);
}

static void listen__name__einval_and_text(void **state)
{
	struct url url = ip_url(URL_TCP_LISTEN, "localhost", 0);
	struct net_listen l;
	struct wye_error e;

	(void)state;
	assert_int_equal(wyi_net_listen(&url, &l, &e), -EINVAL);
	assert_contains(e.text, "\"localhost\" is a name");
	assert_contains(e.text, "any");
}

static void listen__unknown_zone__says_so(void **state)
{
	struct url url = ip_url(URL_TCP_LISTEN, "fe80::1%nosuch0", 0);
	struct net_listen l;
	struct wye_error e;

	(void)state;
	assert_int_equal(wyi_net_listen(&url, &l, &e), -ENODEV);
	assert_contains(e.text, "no interface");
}

/* A machine without one family. The program's own socket() goes before the C library's. */
static int missing_family = -1;

int socket(int family, int type, int protocol)
{
	if (family == missing_family) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return (int)syscall(SYS_socket, family, type, protocol);
}

static void listen__machine_lacks_a_family__the_other_one_opens(void **state)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct url url = ip_url(URL_TCP_LISTEN, "", 0), six = ip_url(URL_TCP_LISTEN, "::1", 0);
	struct net_listen l;
	struct wye_error e;

	(void)state;
	for (int i = 0; i < 2; i++) {
		missing_family = families[i];
		assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
		assert_int_equal(l.n, 1);
		assert_int_equal(l.addr[0].sa.sa_family, families[!i]);
		wyi_net_unlisten(&l, &url);
	}
	/* Asked for by address it is an error. */
	assert_int_equal(wyi_net_listen(&six, &l, &e), -EAFNOSUPPORT);
	assert_contains(e.text, "[::1]");
	missing_family = -1;
}

static void listen__foreign_address__eaddrnotavail_and_text(void **state)
{
	struct url url = ip_url(URL_TCP_LISTEN, "192.0.2.1", 0);
	struct net_listen l;
	struct wye_error e;

	(void)state;
	assert_int_equal(wyi_net_listen(&url, &l, &e), -EADDRNOTAVAIL);
	assert_contains(e.text, "192.0.2.1");
	assert_contains(e.text, "no interface");
}

static void listen__tcp__restart_with_links_in_time_wait_succeeds(void **state)
{
	struct url url = ip_url(URL_TCP_LISTEN, "127.0.0.1", 0);
	struct url dial = ip_url(URL_TCP, "127.0.0.1", 0);
	struct net_listen l;
	int fd, served;
	char byte;

	(void)state;
	assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
	url.port = wyi_addr_port(&l.addr[0]);
	assert_true(wyi_net_dial(&dial, &l.addr[0], &fd) <= 0);
	wait_for(l.fd[0], POLLIN);
	served = wyi_sys_accept(l.fd[0], NULL, NULL);
	assert_true(served >= 0);
	wyi_sys_close(served); /* the server ends first: its port is in TIME_WAIT */
	wait_for(fd, POLLIN);
	assert_int_equal(read(fd, &byte, 1), 0);
	wyi_sys_close(fd);
	wyi_net_unlisten(&l, &url);
	assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
	wyi_net_unlisten(&l, &url);
}

static void listen__udp__no_reuse_and_overruns_counted(void **state)
{
	struct url url = ip_url(URL_UDP_LISTEN, "127.0.0.1", 0);
	struct net_listen l;

	(void)state;
	assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
	assert_int_equal(option(l.fd[0], SOL_SOCKET, SO_REUSEADDR), 0);
	assert_int_equal(option(l.fd[0], SOL_SOCKET, SO_RXQ_OVFL), 1);
	wyi_net_unlisten(&l, &url);
}

/*
 * Of some 14,000 ports that the kernel chooses from, 900 are taken on ::1: in 300 runs the first
 * try fails about 20 times, the pair is found all the same.
 */
static void listen__port_0_taken_on_the_second_family__tries_others(void **state)
{
	static int taken[900];
	struct url six = ip_url(URL_TCP_LISTEN, "::1", 0), both = ip_url(URL_TCP_LISTEN, "", 0);
	struct rlimit files;
	struct net_listen l;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max < 2048 ? files.rlim_max : 2048;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		assert_int_equal(wyi_net_listen(&six, &l, NULL), 0);
		taken[i] = l.fd[0];
	}
	for (int i = 0; i < 300; i++) {
		assert_int_equal(wyi_net_listen(&both, &l, NULL), 0);
		assert_int_equal(l.n, 2);
		assert_int_equal(wyi_addr_port(&l.addr[0]), wyi_addr_port(&l.addr[1]));
		wyi_net_unlisten(&l, &both);
	}
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		close(taken[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listen__no_host_port_0__both_families_on_one_port),
		cmocka_unit_test(listen__any__public_and_both_families),
		cmocka_unit_test(listen__one_address__only_that),
		cmocka_unit_test(listen__all_zero_address__is_public),
		cmocka_unit_test(listen__port_in_use__says_which_and_how_to_find_out),
		cmocka_unit_test(listen__second_family_in_use__first_is_closed),
		cmocka_unit_test(listen__name__einval_and_text),
		cmocka_unit_test(listen__unknown_zone__says_so),
		cmocka_unit_test(listen__machine_lacks_a_family__the_other_one_opens),
		cmocka_unit_test(listen__foreign_address__eaddrnotavail_and_text),
		cmocka_unit_test(listen__tcp__restart_with_links_in_time_wait_succeeds),
		cmocka_unit_test(listen__udp__no_reuse_and_overruns_counted),
		cmocka_unit_test(listen__port_0_taken_on_the_second_family__tries_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
