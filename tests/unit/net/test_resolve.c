/* SPDX-License-Identifier: MIT */
/* Names to addresses: at once where no look-up is needed, else later and off the loop. */
#include <dlfcn.h>
#include "net_test.h"

/*
 * The program's own getaddrinfo() goes before the C library's: "mixed.test" has 10.0.0.1 to .17 and
 * then fd00::1 to ::3, "bare.test" nothing that we could use.
 */
static struct addrinfo mixed[20], bare[1];
static struct sockaddr_storage mixed_addrs[20];

static struct addrinfo *make_mixed(void)
{
	for (int i = 0; i < 20; i++) {
		struct addr a;
		char host[32];

		snprintf(host, sizeof(host), i < 17 ? "10.0.0.%d" : "fd00::%d",
			 i < 17 ? i + 1 : i - 16);
		assert_int_equal(wyi_addr_parse(&a, host, 0), 0);
		memcpy(&mixed_addrs[i], &a.sa, a.len);
		mixed[i] = (struct addrinfo){.ai_family = a.sa.sa_family,
					     .ai_addrlen = a.len,
					     .ai_addr = (struct sockaddr *)&mixed_addrs[i],
					     .ai_next = i < 19 ? &mixed[i + 1] : NULL};
	}
	return mixed;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	if (strcmp(host, "mixed.test") == 0) {
		*ret = make_mixed();
		return 0;
	}
	if (strcmp(host, "bare.test") == 0) {
		bare[0] = (struct addrinfo){.ai_family = AF_UNIX};
		*ret = bare;
		return 0;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(host, service, hints, ret);
}

void freeaddrinfo(struct addrinfo *list)
{
	void (*real)(struct addrinfo *);

	if (list == mixed || list == bare)
		return;
	*(void **)&real = dlsym(RTLD_NEXT, "freeaddrinfo");
	real(list);
}

struct answer {
	bool came;
	int why;
	u32 n;
	struct addr addrs[16];
};

static void on_resolved(void *ctx, int why, const struct addr *addrs, u32 n)
{
	struct answer *a = ctx;

	assert_false(a->came);
	a->came = true;
	a->why = why;
	a->n = n;
	memcpy(a->addrs, addrs, n * sizeof(*addrs));
}

static struct wye_loop *loop;

static int make_loop(void **state)
{
	(void)state;
	return wye_loop_new(NULL, &loop);
}

static int drop_loop(void **state)
{
	(void)state;
	free_loop(loop);
	return 0;
}

static void check_at_once(const struct url *url, const char *first, const char *second)
{
	struct addr got[16];
	struct answer none = {0};
	struct net_resolve *job = NULL;
	char text[ADDR_TEXT];
	u32 n = 0;

	assert_int_equal(wyi_net_resolve(loop, url, on_resolved, &none, got, &n, &job), 1);
	assert_null(job);
	assert_int_equal(n, second ? 2 : 1);
	assert_string_equal(wyi_addr_print(&got[0], text), first);
	if (second)
		assert_string_equal(wyi_addr_print(&got[1], text), second);
}

static void resolve__nothing_to_look_up__answered_at_once(void **state)
{
	struct url four = ip_url(URL_TCP, "192.0.2.7", 80),
		   six = ip_url(URL_UDP, "2001:db8::1", 81);
	struct url none = ip_url(URL_TCP, "", 82), path = path_url(URL_UNIX, "/a/b");
	struct url name = path_url(URL_UNIX, "@n");

	(void)state;
	check_at_once(&four, "192.0.2.7:80", NULL);
	check_at_once(&six, "[2001:db8::1]:81", NULL);
	check_at_once(&none, "127.0.0.1:82", "[::1]:82");
	check_at_once(&path, "/a/b", NULL);
	check_at_once(&name, "@n", NULL);
}

static void begin(const char *host, struct answer *a, struct net_resolve **ret)
{
	struct url url = ip_url(URL_TCP, host, 4321);
	struct addr got[16];
	u32 n = 0;

	assert_int_equal(wyi_net_resolve(loop, &url, on_resolved, a, got, &n, ret), 0);
	assert_false(a->came); /* never from inside the call */
}

static void resolve__localhost__loopback_addresses_with_the_port(void **state)
{
	struct answer a = {0};
	struct net_resolve *job = NULL;

	(void)state;
	begin("localhost", &a, &job);
	turn_until(loop, &a.came);
	assert_int_equal(a.why, 0);
	assert_true(a.n >= 1);
	for (u32 i = 0; i < a.n; i++) {
		assert_true(wyi_addr_is_loopback(&a.addrs[i]));
		assert_int_equal(wyi_addr_port(&a.addrs[i]), 4321);
	}
}

static void resolve__both_families__by_turns_16_at_most(void **state)
{
	struct answer a = {0};
	struct net_resolve *job = NULL;
	char text[ADDR_TEXT], wanted[ADDR_TEXT];

	(void)state;
	begin("mixed.test", &a, &job);
	turn_until(loop, &a.came);
	assert_int_equal(a.why, 0);
	assert_int_equal(a.n, 16);
	for (int i = 0; i < 16; i++) {
		bool is_six = i < 6 && i % 2;

		snprintf(wanted, sizeof(wanted), is_six ? "[fd00::%d]:4321" : "10.0.0.%d:4321",
			 i < 6 ? i / 2 + 1 : i - 2);
		assert_string_equal(wyi_addr_print(&a.addrs[i], text), wanted);
	}
}

static void resolve__name_without_ip_addresses__eresolve(void **state)
{
	struct answer a = {0};
	struct net_resolve *job = NULL;

	(void)state;
	begin("bare.test", &a, &job);
	turn_until(loop, &a.came);
	assert_int_equal(a.why, WYE_ERESOLVE);
	assert_int_equal(a.n, 0);
}

static void resolve__no_such_host__eresolve(void **state)
{
	struct answer a = {0};
	struct net_resolve *job = NULL;

	(void)state;
	begin("no-such-host.invalid", &a, &job);
	turn_until(loop, &a.came);
	assert_int_equal(a.why, WYE_ERESOLVE);
	assert_int_equal(a.n, 0);
}

static void resolve__cancelled__never_answered(void **state)
{
	struct answer cancelled = {0}, after = {0};
	struct net_resolve *job = NULL;

	(void)state;
	begin("localhost", &cancelled, &job);
	wyi_net_resolve_cancel(job);
	begin("localhost", &after, &job);
	turn_until(loop, &after.came);
	assert_int_equal(wye_loop_turn(loop, 0) < 0, 0);
	free_loop(loop); /* succeeds only when the cancelled job is over */
	assert_false(cancelled.came);
	assert_int_equal(wye_loop_new(NULL, &loop), 0);
	wyi_net_resolve_cancel(NULL);
}

static void resolve__many_at_once__each_answered_once(void **state)
{
	static struct answer a[100];
	struct net_resolve *job;

	(void)state;
	memset(a, 0, sizeof(a));
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		begin("localhost", &a[i], &job);
	for (size_t i = 0; i < ARRAY_SIZE(a); i++) {
		turn_until(loop, &a[i].came);
		assert_int_equal(a[i].why, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolve__nothing_to_look_up__answered_at_once),
		cmocka_unit_test(resolve__localhost__loopback_addresses_with_the_port),
		cmocka_unit_test(resolve__both_families__by_turns_16_at_most),
		cmocka_unit_test(resolve__name_without_ip_addresses__eresolve),
		cmocka_unit_test(resolve__no_such_host__eresolve),
		cmocka_unit_test(resolve__cancelled__never_answered),
		cmocka_unit_test(resolve__many_at_once__each_answered_once),
	};

	return cmocka_run_group_tests(tests, make_loop, drop_loop);
}
