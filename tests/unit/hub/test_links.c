/* SPDX-License-Identifier: MIT */
/* Links that come, lag, break and go; endpoints that are added later. */
#include <signal.h>
#include "hub_test.h"

#define ROUNDS 1000

/* -- leaving ----------------------------------------------------------------------------------- */
enum leaving { AT_ONCE, AFTER_A_PART, AFTER_A_LINE, HALF, LEAVINGS };

static void leave(int fd, enum leaving how, bool with_reset)
{
	if (how == AFTER_A_PART)
		say(fd, "x");
	if (how == AFTER_A_LINE)
		say(fd, "line\n");
	if (how == HALF)
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
	if (with_reset)
		reset(fd);
	else
		close(fd);
}

static void leave__in_every_way_1000_times__nothing_is_left(void **state)
{
	struct bed bed = bed_begin();
	uint16_t port;
	int stays;

	(void)state;
	hub_open(&bed, "tcp-listen://127.0.0.1:0");
	port = port_of(&bed, 0);
	stays = client(port);
	until(&bed, info(&bed, 0).links == 1);
	for (unsigned i = 0; i < ROUNDS; i++) {
		leave(client(port), (enum leaving)(i % LEAVINGS), i & 4);
		if (i % 16 == 0) /* else they leave before they are accepted */
			assert_true(wye_loop_turn(bed.loop, 0) >= 0);
	}
	until(&bed, info(&bed, 0).links_ever == ROUNDS + 1 || wye_loop_turn(bed.loop, 10) == 0);
	/* Who ended in order is a reader until a send fails. */
	for (int i = 0; info(&bed, 0).links > 1 && i < 1000; i++) {
		struct bed *b = &bed;
		int one = client(port);

		say(one, "anybody\n");
		until(b, wye_loop_turn(b->loop, 10) == 0);
		reset(one);
	}
	until(&bed, info(&bed, 0).links == 1);
	close(stays);
	bed_end(&bed);
}

static void input__one_byte_then_reset__is_no_message(void **state)
{
	struct bed bed = bed_begin();
	int fd;

	(void)state;
	hub_open(&bed, "tcp-listen://127.0.0.1:0");
	fd = client(port_of(&bed, 0));
	until(&bed, info(&bed, 0).links == 1);
	say(fd, "x");
	until(&bed, info(&bed, 0).received_bytes == 1);
	reset(fd);
	until(&bed, info(&bed, 0).links == 0);
	assert_int_equal(info(&bed, 0).received, 0);
	bed_end(&bed);
}

/* -- one link ---------------------------------------------------------------------------------- */
static void max_1__second_client__is_refused_until_the_first_left(void **state)
{
	struct bed bed = bed_begin();
	int first, second, third;

	(void)state;
	hub_open(&bed, "tcp-listen://127.0.0.1:0,max=1");
	first = client(port_of(&bed, 0));
	until(&bed, info(&bed, 0).links == 1);
	second = client(port_of(&bed, 0));
	hear_end(&bed, second);
	assert_int_equal(info(&bed, 0).refused, 1);
	reset(first);
	until(&bed, info(&bed, 0).links == 0);
	third = client(port_of(&bed, 0));
	until(&bed, info(&bed, 0).links == 1);
	close(second);
	close(third);
	bed_end(&bed);
}

static void full_close__dialler_closed_for_being_slow__hears_again_when_it_is_back(void **state)
{
	struct bed bed = bed_begin();
	uint16_t port;
	int listener = server(&port, 4096), slow, source, back = -1;
	char url[96];

	(void)state;
	snprintf(url, sizeof(url), "tcp://127.0.0.1:%u,full=close,queue=131072,retry=1ms..2ms",
		 port);
	hub_open(&bed, "udp-listen://127.0.0.1:0", url);
	slow = accept_one(&bed, listener);
	source = udp_client(port_of(&bed, 0));
	until(&bed, flood(source, 1024) && (back = accept4(listener, NULL, NULL,
							   SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0);
	until(&bed, wye_loop_turn(bed.loop, 10) == 0);
	say(source, "again\n");
	for (char last = '\0'; last != 'n';) { /* of "again", and in no other line */
		char got[65536];
		ssize_t n = recv(back, got, sizeof(got), 0);

		assert_true(wye_loop_turn(bed.loop, 1) >= 0);
		assert_true(n != 0 && (n > 0 || errno == EAGAIN));
		last = n > 1 ? got[n - 2] : '\0';
	}
	close(slow);
	close(back);
	close(source);
	close(listener);
	bed_end(&bed);
}

static void dialler__server_comes_back__held_messages_arrive_in_order(void **state)
{
	struct bed bed = bed_begin();
	uint16_t port;
	int listener = server(&port, 0), fd, source;
	char url[96];

	(void)state;
	snprintf(url, sizeof(url), "tcp://127.0.0.1:%u,retry=1ms..2ms", port);
	hub_open(&bed, "udp-listen://127.0.0.1:0", url);
	fd = accept_one(&bed, listener);
	source = udp_client(port_of(&bed, 0));
	for (int i = 0; i < 20; i++) {
		say(source, "one\n");
		hear(&bed, fd, "one\n");
		reset(fd);
		until(&bed,
		      info(&bed, 1).links_ever == (unsigned)i + 2 || info(&bed, 1).links == 0);
		say(source, "two\n");
		say(source, "three\n");
		fd = accept_one(&bed, listener);
		hear(&bed, fd, "two\nthree\n");
	}
	close(fd);
	close(source);
	close(listener);
	bed_end(&bed);
}

/* -- slow readers ------------------------------------------------------------------------------ */
static void stall__several_stuck_readers__each_is_closed_and_the_source_goes_on(void **state)
{
	struct bed bed = bed_begin();
	size_t n = 0;
	int source, good, stuck[3];

	(void)state;
	hub_open(&bed, "tcp-listen://127.0.0.1:0",
		 "tcp-listen://127.0.0.1:0,full=block,stall=100ms,queue=131072");
	for (int i = 0; i < 3; i++)
		stuck[i] = client(port_of(&bed, 1));
	good = client(port_of(&bed, 1));
	source = client(port_of(&bed, 0));
	until(&bed, info(&bed, 1).links == 4);
	until(&bed,
	      (flood(source, 1 << 20), discard(good, &n)) == -EAGAIN && info(&bed, 1).links == 1);
	for (size_t before = n; n < before + (1 << 20);) {
		flood(source, 1 << 16);
		assert_true(wye_loop_turn(bed.loop, 0) >= 0);
		assert_int_equal(discard(good, &n), -EAGAIN);
	}
	assert_true(info(&bed, 1).dropped[WYE_DROP_STALLED] > 0);
	for (int i = 0; i < 3; i++)
		close(stuck[i]);
	close(good);
	close(source);
	bed_end(&bed);
}

static void idle__silent_link__is_closed_and_one_that_speaks_stays(void **state)
{
	struct bed bed = bed_begin();
	int silent, speaks;

	(void)state;
	hub_open(&bed, "tcp-listen://127.0.0.1:0,idle=300ms");
	silent = client(port_of(&bed, 0));
	speaks = client(port_of(&bed, 0));
	until(&bed, info(&bed, 0).links == 2);
	until(&bed, (send(speaks, "x\n", 2, MSG_NOSIGNAL), info(&bed, 0).links) == 1);
	close(silent);
	say(speaks, "still here\n");
	assert_true(wye_loop_turn(bed.loop, 0) >= 0);
	assert_int_equal(info(&bed, 0).links, 1);
	close(speaks);
	bed_end(&bed);
}

static void idle__longer_than_links_count__closes_nobody(void **state)
{
	struct bed bed = bed_begin();
	int fd;

	(void)state;
	/* 2^32 ms and 10 ms */
	hub_open(&bed, "tcp-listen://127.0.0.1:0,idle=4294967306ms",
		 "tcp-listen://127.0.0.1:0,idle=30ms");
	fd = client(port_of(&bed, 0));
	close(client(port_of(&bed, 1)));
	until(&bed, info(&bed, 0).links == 1 && info(&bed, 1).links_ever == 1);
	for (int i = 0; i < 3; i++) { /* the sweep that closes these has passed the other, too */
		int other = client(port_of(&bed, 1));

		until(&bed, info(&bed, 1).links == 1);
		hear_end(&bed, other);
		close(other);
	}
	assert_int_equal(info(&bed, 0).links, 1);
	close(fd);
	bed_end(&bed);
}

/* -- endpoints that come later ----------------------------------------------------------------- */
static void add__while_a_source_is_shut__it_is_opened_again(void **state)
{
	struct bed bed = bed_begin();
	size_t n = 0;
	int source, sink, other;

	(void)state;
	hub_open(&bed, "tcp-listen://127.0.0.1:0",
		 "tcp-listen://127.0.0.1:0,full=block,queue=131072");
	sink = client(port_of(&bed, 1));
	source = client(port_of(&bed, 0));
	until(&bed, info(&bed, 1).links == 1);
	until(&bed, flood(source, 1 << 20) == 0 && info(&bed, 1).held_bytes > 120000 &&
			    wye_loop_turn(bed.loop, 10) == 0);
	hub_add(&bed, "tcp-listen://127.0.0.1:0");
	assert_int_equal(wye_hub_open(bed.hub, NULL), 0);
	other = client(port_of(&bed, 2));
	until(&bed, info(&bed, 2).links == 1);
	until(&bed, (flood(source, 1 << 16), discard(sink, &n)) == -EAGAIN && n > 8 << 20);
	n = 0;
	until(&bed, discard(other, &n) == -EAGAIN && n > 0);
	close(sink);
	close(source);
	close(other);
	bed_end(&bed);
}

static void open__that_failed__is_tried_again_and_the_others_are_not_opened_twice(void **state)
{
	struct bed bed = bed_begin();
	struct wye_error why;
	uint16_t taken;
	int blocker = server(&taken, 0), a, b;
	char url[64];

	(void)state;
	snprintf(url, sizeof(url), "tcp-listen://127.0.0.1:%u", taken);
	hub_new(&bed);
	hub_add(&bed, "tcp-listen://127.0.0.1:0");
	assert_int_equal(wye_hub_open(bed.hub, &why), 0);
	hub_add(&bed, "tcp-listen://127.0.0.1:0,max=1");
	hub_add(&bed, url);
	assert_int_equal(wye_hub_open(bed.hub, &why), -EADDRINUSE);
	a = client(port_of(&bed, 0));
	b = client(port_of(&bed, 1)); /* is open, and heard */
	until(&bed, info(&bed, 0).links == 1 && info(&bed, 1).links == 1);
	say(b, "hi\n");
	hear(&bed, a, "hi\n");
	close(blocker);
	assert_int_equal(wye_hub_open(bed.hub, &why), 0);
	assert_int_equal(wye_hub_open(bed.hub, &why), 0);
	close(blocker = client(taken));
	close(a);
	close(b);
	bed_end(&bed);
}

/* -- freeing ----------------------------------------------------------------------------------- */
static void free_hub(int signo, void *ctx)
{
	struct bed *bed = ctx;

	(void)signo;
	wye_hub_free(bed->hub);
	bed->hub = NULL;
}

static void free__by_a_signal_while_everything_is_ready__touches_nothing_freed(void **state)
{
	struct bed bed = bed_begin();
	struct wye_signal *watch;
	uint16_t port;
	int listener = server(&port, 0), fd, udp, late;
	char url[64];

	(void)state;
	snprintf(url, sizeof(url), "tcp://127.0.0.1:%u", port);
	assert_int_equal(wye_signal_new(bed.loop, SIGUSR1, free_hub, &bed, &watch), 0);
	hub_open(&bed, "tcp-listen://127.0.0.1:0", "udp-listen://127.0.0.1:0", url);
	fd = client(port_of(&bed, 0));
	udp = udp_client(port_of(&bed, 1));
	until(&bed, info(&bed, 0).links == 1);
	late = client(port_of(&bed, 0));
	say(fd, "x\n");
	say(udp, "x\n");
	raise(SIGUSR1);
	until(&bed, !bed.hub);
	wye_signal_free(watch);
	close(fd);
	close(udp);
	close(late);
	close(listener);
	bed_end(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leave__in_every_way_1000_times__nothing_is_left),
		cmocka_unit_test(input__one_byte_then_reset__is_no_message),
		cmocka_unit_test(max_1__second_client__is_refused_until_the_first_left),
		cmocka_unit_test(
			full_close__dialler_closed_for_being_slow__hears_again_when_it_is_back),
		cmocka_unit_test(dialler__server_comes_back__held_messages_arrive_in_order),
		cmocka_unit_test(
			stall__several_stuck_readers__each_is_closed_and_the_source_goes_on),
		cmocka_unit_test(idle__silent_link__is_closed_and_one_that_speaks_stays),
		cmocka_unit_test(idle__longer_than_links_count__closes_nobody),
		cmocka_unit_test(add__while_a_source_is_shut__it_is_opened_again),
		cmocka_unit_test(
			open__that_failed__is_tried_again_and_the_others_are_not_opened_twice),
		cmocka_unit_test(
			free__by_a_signal_while_everything_is_ready__touches_nothing_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
