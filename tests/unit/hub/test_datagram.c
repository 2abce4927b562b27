/* SPDX-License-Identifier: MIT */
/* Datagram endpoints: strangers, eviction, refusals, and streams that take all the time. */
#include "hub_test.h"

#define STREAMS 100

static void udp_max_1__two_strangers_in_turn__each_makes_room_for_the_other(void **state)
{
	struct bed bed = bed_begin();
	int a, b;

	(void)state;
	hub_open(&bed, "udp-listen://127.0.0.1:0,max=1");
	a = udp_client(port_of(&bed, 0));
	b = udp_client(port_of(&bed, 0));
	for (int i = 0; i < 10; i++) { /* in one batch */
		say(a, "a\n");
		say(b, "b\n");
	}
	until(&bed, info(&bed, 0).received == 20);
	assert_int_equal(info(&bed, 0).links, 1);
	assert_int_equal(info(&bed, 0).links_ever, 20);
	close(a);
	close(b);
	bed_end(&bed);
}

static void udp_max_2__three_strangers_in_a_batch__who_was_silent_longest_goes(void **state)
{
	struct bed bed = bed_begin();
	int fd[3], hears;

	(void)state;
	hub_open(&bed, "udp-listen://127.0.0.1:0,max=2", "tcp-listen://127.0.0.1:0");
	hears = client(port_of(&bed, 1));
	until(&bed, info(&bed, 1).links == 1);
	for (int i = 0; i < 3; i++)
		fd[i] = udp_client(port_of(&bed, 0));
	say(fd[0], "0\n");
	say(fd[1], "1\n");
	say(fd[0], "0\n");
	say(fd[2], "2\n"); /* 1 goes, not 0 */
	say(fd[0], "0\n");
	hear(&bed, hears, "0\n1\n0\n2\n0\n");
	until(&bed, info(&bed, 0).received == 5);
	assert_int_equal(info(&bed, 0).links_ever, 3);
	say(hears, "to you\n");
	hear(&bed, fd[0], "1\n2\nto you\n");
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	close(hears);
	bed_end(&bed);
}

static void udp_dialler__nobody_listens__counts_and_goes_on(void **state)
{
	struct bed bed = bed_begin();
	struct sockaddr_in at = loopback(0);
	socklen_t size = sizeof(at);
	int source, peer = new_socket(SOCK_DGRAM), back = new_socket(SOCK_DGRAM);
	char url[64];

	(void)state;
	assert_int_equal(bind(peer, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(peer, (struct sockaddr *)&at, &size), 0);
	close(peer);
	snprintf(url, sizeof(url), "udp://127.0.0.1:%u", ntohs(at.sin_port));
	hub_open(&bed, "tcp-listen://127.0.0.1:0", url);
	source = client(port_of(&bed, 0));
	until(&bed, info(&bed, 0).links == 1 && info(&bed, 1).links == 1);
	until(&bed, (say(source, "x\n"), info(&bed, 1).unreachable) >= 5);
	make_nonblocking(back);
	assert_int_equal(bind(back, (struct sockaddr *)&at, sizeof(at)), 0);
	until(&bed, wye_loop_turn(bed.loop, 20) == 0);
	say(source, "there\n");
	for (char got[16] = ""; strcmp(got, "there\n") != 0;) {
		ssize_t n = -1;

		until(&bed, (n = recv(back, got, sizeof(got) - 1, 0)) >= 0);
		got[n] = '\0';
	}
	close(source);
	close(back);
	bed_end(&bed);
}

static void udp_dialler__is_down__what_waits_is_not_lost_in_its_account(void **state)
{
	struct bed bed = bed_begin();
	int source;

	(void)state;
	hub_open(&bed, "tcp-listen://127.0.0.1:0", "udp://127.0.0.1:9,hold=0");
	source = client(port_of(&bed, 0));
	say(source, "early\n");
	until(&bed, info(&bed, 1).routed == 1);
	close(source);
	bed_end(&bed);
}

/* A turn has a bound of bytes for all; it must not be used up by streams before datagrams come. */
static void udp__many_saturated_streams__datagrams_are_heard_in_every_turn(void **state)
{
	struct bed bed = bed_begin();
	int fd[STREAMS], udp;
	bool filled = false;

	(void)state;
	hub_open(&bed, "tcp-listen://127.0.0.1:0,dir=out", "udp-listen://127.0.0.1:0");
	for (int i = 0; i < STREAMS; i++)
		fd[i] = client(port_of(&bed, 0));
	udp = udp_client(port_of(&bed, 1));
	until(&bed, info(&bed, 0).links == STREAMS);
	for (unsigned turn = 0; turn < 6; turn++) {
		uint64_t before = info(&bed, 0).received_bytes;

		for (int i = 0; i < STREAMS; i++)
			flood(fd[i], 4 << 20);
		say(udp, "x\n");
		assert_true(wye_loop_turn(bed.loop, 0) >= 0);
		assert_int_equal(info(&bed, 1).received, turn + 1);
		filled = filled || info(&bed, 0).received_bytes - before >= 4 << 20;
	}
	assert_true(filled);
	for (int i = 0; i < STREAMS; i++)
		close(fd[i]);
	close(udp);
	bed_end(&bed);
}

static void udp__empty_and_too_long__are_counted_and_end_nothing(void **state)
{
	struct bed bed = bed_begin();
	int fd;
	char big[2000];

	(void)state;
	memset(big, 'x', sizeof(big));
	hub_open(&bed, "udp-listen://127.0.0.1:0,max-message=1000");
	fd = udp_client(port_of(&bed, 0));
	assert_int_equal(send(fd, "", 0, 0), 0);
	assert_int_equal(send(fd, big, sizeof(big), 0), sizeof(big));
	say(fd, "ok");
	until(&bed, info(&bed, 0).received == 1);
	assert_int_equal(info(&bed, 0).not_routed[WYE_DROP_EMPTY], 1);
	assert_int_equal(info(&bed, 0).not_routed[WYE_DROP_TOO_BIG], 1);
	assert_int_equal(info(&bed, 0).links, 1);
	close(fd);
	bed_end(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(udp_max_1__two_strangers_in_turn__each_makes_room_for_the_other),
		cmocka_unit_test(
			udp_max_2__three_strangers_in_a_batch__who_was_silent_longest_goes),
		cmocka_unit_test(udp_dialler__nobody_listens__counts_and_goes_on),
		cmocka_unit_test(udp_dialler__is_down__what_waits_is_not_lost_in_its_account),
		cmocka_unit_test(udp__many_saturated_streams__datagrams_are_heard_in_every_turn),
		cmocka_unit_test(udp__empty_and_too_long__are_counted_and_end_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
