/* SPDX-License-Identifier: MIT */
/* Groups from inside: states that real sockets don't reach on demand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include "link/inner.h"

static struct {
	int why[8];
	u32 n;
} downs;

static void on_input(struct link_group *g, struct link *l, const struct msg *m, u32 n)
{
	(void)g;
	(void)l;
	(void)m;
	(void)n;
}

static void on_down(struct link_group *g, struct link *l, int why)
{
	(void)g;
	(void)l;
	assert_true(downs.n < ARRAY_SIZE(downs.why));
	downs.why[downs.n++] = why;
}

static int on_stranger(struct link_group *g, const struct addr *from)
{
	(void)g;
	(void)from;
	return 0;
}

static const struct link_ops ops = {
	.on_input = on_input, .on_down = on_down, .on_stranger = on_stranger};

struct bed {
	struct wye_loop *loop;
	struct links *links;
	struct feed *feed;
	struct link_group group;
};

static void begin(struct bed *b)
{
	struct feed_options options = {.queue = 65536, .datagram = true};

	downs.n = 0;
	assert_int_equal(wye_loop_new(NULL, &b->loop), 0);
	assert_int_equal(wyi_links_of(b->loop, &b->links), 0);
	wyi_group_init(&b->group, b->links, &ops);
	assert_int_equal(wyi_feed_new(wyi_links_feeds(b->links), &options, &b->feed), 0);
	b->group.feed = b->feed;
	b->group.datagram = b->group.hold = true;
	b->group.rules.max_message = 1000;
}

static void end(struct bed *b)
{
	wyi_group_deinit(&b->group);
	wyi_feed_free(b->feed);
	assert_int_equal(wye_loop_free(b->loop), 0);
}

/* Two ends of one conversation. */
static int open_pair(int *ret_peer)
{
	struct sockaddr_in at[2] = {0};
	int fd[2];

	for (int i = 0; i < 2; i++) {
		socklen_t size = sizeof(at[i]);

		at[i].sin_family = AF_INET;
		at[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		fd[i] = wyi_sys_socket(AF_INET, SOCK_DGRAM, 0);
		assert_true(fd[i] >= 0);
		assert_int_equal(wyi_sys_bind(fd[i], (struct sockaddr *)&at[i], size), 0);
		assert_int_equal(wyi_sys_getsockname(fd[i], (struct sockaddr *)&at[i], &size), 0);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(wyi_sys_connect(fd[i], (struct sockaddr *)&at[!i], sizeof(at[0])),
				 0);
	*ret_peer = fd[1];
	return fd[0];
}

static void feed_one(struct bed *b, const char *text)
{
	struct unit u = {.body = (const u8 *)text, .len = (u32)strlen(text)};

	assert_int_equal(wyi_feed_append(b->feed, &u, 1, U32_NONE), 0);
	wyi_group_fed(&b->group);
}

/* The next socket is not full, whatever the last one was. */
static void dgram_close__while_its_socket_is_full__the_next_one_is_sent_to(void **state)
{
	struct bed b;
	struct link *l;
	char got[16];
	int peer, peer2;

	(void)state;
	begin(&b);
	assert_int_equal(wyi_link_new_one(&b.group, &l), 0);
	assert_int_equal(wyi_dgram_open(&b.group, open_pair(&peer), true), 0);
	assert_int_equal(wyi_link_attach(l, -1, NULL), 0);
	feed_one(&b, "x");
	b.group.full = true; /* as after -EAGAIN */
	wyi_feed_blocked(b.feed, true);
	wyi_link_close(l, -ENETDOWN);
	assert_true(wye_loop_turn(b.loop, 0) >= 0);
	assert_int_equal(downs.n, 1);
	wyi_dgram_close(&b.group);
	assert_int_equal(wyi_dgram_open(&b.group, open_pair(&peer2), true), 0);
	assert_int_equal(wyi_link_attach(l, -1, NULL), 0);
	assert_true(wye_loop_turn(b.loop, 0) >= 0);
	assert_int_equal(wyi_sys_recv(peer2, got, sizeof(got)), 1);
	wyi_sys_close(peer);
	wyi_sys_close(peer2);
	end(&b);
}

static struct addr address(u16 port)
{
	struct addr a;

	assert_int_equal(wyi_addr_parse(&a, "127.0.0.1", port), 0);
	return a;
}

static struct link *add_peer(struct bed *b, u16 port)
{
	struct addr a = address(port);
	struct link *l;

	assert_int_equal(wyi_peers_add(&b->group, &a, 0, &l), 0);
	wyi_link_begin(l);
	return l;
}

static void peers__full__the_longest_silent_goes_and_says_its_own_reason(void **state)
{
	struct bed b;
	struct addr first = address(1), second = address(2), third = address(3);
	struct link *l;

	(void)state;
	begin(&b);
	assert_int_equal(wyi_peers_new(&b.group, 2), 0);
	l = add_peer(&b, 1);
	wyi_link_close(add_peer(&b, 2), WYE_EIDLE); /* ends with this turn anyway */
	wyi_peers_heard(l);
	add_peer(&b, 3);
	assert_int_equal(downs.n, 1);
	assert_int_equal(downs.why[0], WYE_EIDLE);
	assert_ptr_equal(wyi_peers_find(&b.group, &first, 0), l);
	assert_null(wyi_peers_find(&b.group, &first, 1));
	assert_null(wyi_peers_find(&b.group, &second, 0));
	assert_non_null(wyi_peers_find(&b.group, &third, 0));
	add_peer(&b, 4);
	assert_int_equal(downs.why[1], WYE_EMAX);
	assert_null(wyi_peers_find(&b.group, &first, 0));
	assert_true(wye_loop_turn(b.loop, 0) >= 0);
	assert_int_equal(downs.n, 2); /* nobody twice */
	end(&b);
}

static void peers__many__each_is_found_and_none_is_left(void **state)
{
	enum { MANY = 5000 };
	struct bed b;

	(void)state;
	begin(&b);
	assert_int_equal(wyi_peers_new(&b.group, MANY), 0);
	for (u16 i = 1; i <= MANY; i++)
		add_peer(&b, i);
	for (u16 i = 1; i <= MANY; i++) {
		struct addr a = address(i);
		struct link *l = wyi_peers_find(&b.group, &a, 0);

		assert_non_null(l);
		if (i % 2)
			wyi_link_free(l);
	}
	assert_int_equal(b.group.n_links, MANY / 2);
	for (u16 i = 1; i <= MANY; i++) {
		struct addr a = address(i);

		assert_int_equal(!wyi_peers_find(&b.group, &a, 0), i % 2);
	}
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dgram_close__while_its_socket_is_full__the_next_one_is_sent_to),
		cmocka_unit_test(peers__full__the_longest_silent_goes_and_says_its_own_reason),
		cmocka_unit_test(peers__many__each_is_found_and_none_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
