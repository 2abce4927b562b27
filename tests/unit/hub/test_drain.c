/* SPDX-License-Identifier: MIT */
/* The end of a hub, from every state its endpoints can be in. */
#include "hub_test.h"

#define MUCH (8u << 20) /* more than kernel and feed take together */

static size_t read_all(struct bed *bed, int fd)
{
	size_t n = 0;
	int r = -EAGAIN;

	until(bed, (r = discard(fd, &n)) == 0 || r != -EAGAIN);
	assert_int_equal(r, 0);
	return n;
}

static void end_and_close(struct bed *bed, int fd)
{
	close(fd);
	bed_end(bed);
}

/* A source that waits, and a dialler whose peer does not read: its feed is full. */
static int stuck_dialler(struct bed *bed, int *ret_listener, int *ret_source, const char *keys)
{
	char url[128];
	uint16_t port;
	int fd;

	*ret_listener = server(&port, 4096);
	snprintf(url, sizeof(url), "tcp://127.0.0.1:%u,full=block,retry=1ms..2ms%s", port, keys);
	hub_open(bed, "tcp-listen://127.0.0.1:0", url);
	fd = accept_one(bed, *ret_listener);
	*ret_source = client(port_of(bed, 0));
	until(bed, flood(*ret_source, MUCH) == 0 && info(bed, 1).waiting > 0 &&
			   info(bed, 1).held_bytes >= 1u << 20);
	return fd;
}

static void drain__dialler_reset_in_that_turn__is_dialled_again_and_all_written(void **state)
{
	struct bed bed = bed_begin();
	int listener, source, fd = stuck_dialler(&bed, &listener, &source, "");
	uint64_t waiting = info(&bed, 1).waiting;

	(void)state;
	reset(fd);
	close(source);
	drain(&bed, WYE_DRAIN_END, 10, 0);
	fd = accept_one(&bed, listener);
	assert_false(bed.drained);
	assert_true(read_all(&bed, fd) >= waiting * 64); /* and what the source's socket held */
	close(fd);
	until(&bed, bed.drained);
	assert_int_equal(bed.unwritten, 0);
	assert_int_equal(info(&bed, 1).waiting, 0);
	end_and_close(&bed, listener);
}

static void drain__dialler_down_for_its_timeout__is_given_up_and_named(void **state)
{
	struct bed bed = bed_begin();
	int listener, source, fd = stuck_dialler(&bed, &listener, &source, ",timeout=50ms");

	(void)state;
	close(listener);
	reset(fd);
	close(source);
	drain(&bed, WYE_DRAIN_END, 10, 0);
	until(&bed, bed.drained);
	assert_true(bed.unwritten >= 1u << 19);
	assert_int_equal(info(&bed, 1).unwritten_bytes, bed.unwritten);
	bed_end(&bed);
}

static void drain_stop__sources_are_shut_and_sink_is_stuck__is_over_at_the_limit(void **state)
{
	struct bed bed = bed_begin();
	int listener, source, fd = stuck_dialler(&bed, &listener, &source, "");

	(void)state;
	drain(&bed, WYE_DRAIN_STOP, 10, 100);
	until(&bed, bed.drained);
	assert_true(bed.unwritten > 0);
	close(fd);
	close(source);
	end_and_close(&bed, listener);
}

static void drain_stop__after_drain_end__ends_it(void **state)
{
	struct bed bed = bed_begin();
	int listener, source, fd = stuck_dialler(&bed, &listener, &source, "");

	(void)state;
	drain(&bed, WYE_DRAIN_END, 10000, 0);
	assert_true(wye_loop_turn(bed.loop, 0) >= 0);
	drain(&bed, WYE_DRAIN_STOP, 10, 1);
	until(&bed, bed.drained);
	assert_true(bed.unwritten > 0);
	close(fd);
	close(source);
	end_and_close(&bed, listener);
}

static void drain__nothing_fed_and_dialler_never_up__is_over_at_once(void **state)
{
	struct bed bed = bed_begin();

	(void)state;
	hub_open(&bed, "tcp-listen://127.0.0.1:0", "tcp://127.0.0.1:1", "udp://127.0.0.1:9");
	drain(&bed, WYE_DRAIN_END, 10, 0);
	until(&bed, bed.drained);
	assert_int_equal(bed.unwritten, 0);
	bed_end(&bed);
}

static void drain__listener_links__are_half_closed_and_may_answer(void **state)
{
	struct bed bed = bed_begin();
	int fd;

	(void)state;
	hub_open(&bed, "tcp-listen://127.0.0.1:0");
	fd = client(port_of(&bed, 0));
	until(&bed, info(&bed, 0).links == 1);
	drain(&bed, WYE_DRAIN_END, 5000, 0);
	hear_end(&bed, fd);
	assert_false(bed.drained);
	say(fd, "bye\n");
	until(&bed, info(&bed, 0).received == 1);
	close(fd); /* nobody is left to speak: no need to wait for silence */
	until(&bed, bed.drained);
	bed_end(&bed);
}

static void drain__silence_for_linger__is_over(void **state)
{
	struct bed bed = bed_begin();
	int fd;

	(void)state;
	hub_open(&bed, "tcp-listen://127.0.0.1:0");
	fd = client(port_of(&bed, 0));
	until(&bed, info(&bed, 0).links == 1);
	drain(&bed, WYE_DRAIN_END, 20, 0);
	until(&bed, bed.drained);
	end_and_close(&bed, fd);
}

/* What a source that waits has fed to a listener for one link, before anybody came. */
static void feed_listener(struct bed *bed, const char *keys)
{
	char url[64];
	int source;

	snprintf(url, sizeof(url), "tcp-listen://127.0.0.1:0,%s", keys);
	hub_open(bed, url, "tcp-listen://127.0.0.1:0,once");
	source = client(port_of(bed, 1));
	say(source, "early\n");
	close(source);
	until(bed, info(bed, 0).waiting == 1);
}

static void drain__once_before_anybody_came__waits_and_tells_who_comes(void **state)
{
	struct bed bed = bed_begin();
	int fd;

	(void)state;
	feed_listener(&bed, "once");
	drain(&bed, WYE_DRAIN_END, 10, 0);
	assert_true(wye_loop_turn(bed.loop, 0) >= 0);
	fd = client(port_of(&bed, 0));
	hear(&bed, fd, "early\n");
	hear_end(&bed, fd);
	until(&bed, bed.drained);
	assert_int_equal(bed.unwritten, 0);
	end_and_close(&bed, fd);
}

static void drain_stop__max_1_before_anybody_came__no_newcomer_and_bytes_named(void **state)
{
	struct bed bed = bed_begin();
	struct sockaddr_in to;
	int fd = new_socket(SOCK_STREAM);

	(void)state;
	feed_listener(&bed, "max=1");
	to = loopback(port_of(&bed, 0));
	drain(&bed, WYE_DRAIN_STOP, 10, 50);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
	until(&bed, bed.drained);
	assert_int_equal(bed.unwritten, strlen("early\n"));
	end_and_close(&bed, fd);
}

static void drain__hub_that_ends__takes_no_more_endpoints(void **state)
{
	struct bed bed = bed_begin();
	struct wye_error why;

	(void)state;
	hub_open(&bed, "tcp-listen://127.0.0.1:0");
	drain(&bed, WYE_DRAIN_END, 10, 0);
	hub_add(&bed, "tcp-listen://127.0.0.1:0");
	assert_int_equal(wye_hub_open(bed.hub, &why), WYE_ESTOP);
	until(&bed, bed.drained);
	bed_end(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			drain__dialler_reset_in_that_turn__is_dialled_again_and_all_written),
		cmocka_unit_test(drain__dialler_down_for_its_timeout__is_given_up_and_named),
		cmocka_unit_test(
			drain_stop__sources_are_shut_and_sink_is_stuck__is_over_at_the_limit),
		cmocka_unit_test(drain_stop__after_drain_end__ends_it),
		cmocka_unit_test(drain__nothing_fed_and_dialler_never_up__is_over_at_once),
		cmocka_unit_test(drain__listener_links__are_half_closed_and_may_answer),
		cmocka_unit_test(drain__silence_for_linger__is_over),
		cmocka_unit_test(drain__once_before_anybody_came__waits_and_tells_who_comes),
		cmocka_unit_test(
			drain_stop__max_1_before_anybody_came__no_newcomer_and_bytes_named),
		cmocka_unit_test(drain__hub_that_ends__takes_no_more_endpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
