/* SPDX-License-Identifier: MIT */
/* What runs out: descriptors; and the patience of diallers. */
#include <sys/resource.h>
#include <wye/error.h>
#include "hub_test.h"

#define ATTEMPTS 12
#define CLIENTS	 40

static int waits[ATTEMPTS];
static unsigned n_waits;

static void note_wait(const struct wye_log *log, void *ctx)
{
	const char *said = strstr(log->text, "again in ");

	(void)ctx;
	if (said && n_waits < ATTEMPTS)
		waits[n_waits++] = (int)strtol(said + strlen("again in "), NULL, 10);
}

static void retry__dead_port__waits_grow_and_stay_within_their_bounds(void **state)
{
	struct wye_loop_options options = {.size = sizeof(options), .on_log = note_wait};
	struct bed bed = {.fds = count_fds()};
	uint16_t port;
	int dead = server(&port, 0);
	char url[64];

	(void)state;
	close(dead);
	n_waits = 0;
	snprintf(url, sizeof(url), "tcp://127.0.0.1:%u,retry=3ms..40ms", port);
	assert_int_equal(wye_loop_new(&options, &bed.loop), 0);
	hub_open(&bed, url);
	until(&bed, n_waits == ATTEMPTS);
	assert_in_range(waits[0], 3, 6);
	assert_in_range(waits[1], 3, 12);
	assert_in_range(waits[2], 3, 24);
	for (unsigned i = 3; i < ATTEMPTS; i++)
		assert_in_range(waits[i], 3, 40);
	bed_end(&bed);
}

static void retry_off__dead_port__fails_once_and_ends(void **state)
{
	struct bed bed = bed_begin();
	uint16_t port;
	int dead = server(&port, 0);
	char url[64];

	(void)state;
	close(dead);
	snprintf(url, sizeof(url), "tcp://127.0.0.1:%u,retry=off", port);
	hub_open(&bed, url);
	until(&bed, bed.failed);
	assert_int_equal(bed.failed, -ECONNREFUSED);
	assert_int_equal(info(&bed, 0).state, WYE_FAILED);
	drain(&bed, WYE_DRAIN_END, 10, 0);
	until(&bed, bed.drained);
	bed_end(&bed);
}

/* Those that were let in stay; the others are told at once; the loop does not spin meanwhile. */
static void accept__descriptors_run_out__refuses_rests_and_recovers(void **state)
{
	struct bed bed = bed_begin();
	struct rlimit had, few;
	int fd[CLIENTS], late;
	unsigned turns = 0;
	uint64_t begun;

	(void)state;
	hub_open(&bed, "tcp-listen://127.0.0.1:0");
	for (int i = 0; i < CLIENTS; i++)
		fd[i] = client(port_of(&bed, 0));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &had), 0);
	few = had;
	few.rlim_cur = (rlim_t)fd[CLIENTS - 1] + 1 + 10; /* numbers below are all taken */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	until(&bed, info(&bed, 0).refused > 0);
	begun = wye_loop_now(bed.loop);
	while (wye_loop_now(bed.loop) - begun < 90000000) {
		assert_true(wye_loop_turn(bed.loop, 90) >= 0);
		turns++;
	}
	assert_true(turns < 20);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &had), 0);
	assert_int_equal(info(&bed, 0).links + info(&bed, 0).refused, CLIENTS);
	assert_in_range(info(&bed, 0).links, 1, 10);
	late = client(port_of(&bed, 0));
	say(late, "late\n");
	until(&bed, info(&bed, 0).received == 1);
	hear(&bed, fd[0], "late\n");
	hear_end(&bed, fd[CLIENTS - 1]);
	for (int i = 0; i < CLIENTS; i++)
		close(fd[i]);
	close(late);
	bed_end(&bed);
}

/* -- bounds of messages ------------------------------------------------------------------------ */
static void line__as_long_as_max_message__passes_and_one_more_closes(void **state)
{
	struct bed bed = bed_begin();
	char line[1025];
	int a, b;
	size_t n = 0;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[1023] = '\n';
	hub_open(&bed, "tcp-listen://127.0.0.1:0,max-message=1024,queue=2k");
	a = client(port_of(&bed, 0));
	b = client(port_of(&bed, 0));
	until(&bed, info(&bed, 0).links == 2);
	for (int i = 1; i <= 10; i++) { /* the smallest queue there is for such lines */
		assert_int_equal(send(a, line, 1024, 0), 1024);
		until(&bed, discard(b, &n) == -EAGAIN && n == (size_t)i * 1024);
	}
	line[1023] = 'x';
	line[1024] = '\n';
	assert_int_equal(send(a, line, 1025, 0), 1025);
	until(&bed, info(&bed, 0).links == 1);
	assert_int_equal(info(&bed, 0).received, 10);
	close(a);
	close(b);
	bed_end(&bed);
}

static void framings__line_raw_len32_in_one_hub__each_hears_its_own(void **state)
{
	struct bed bed = bed_begin();
	int line, raw, len;

	(void)state;
	hub_open(&bed, "tcp-listen://127.0.0.1:0", "tcp-listen://127.0.0.1:0,frame=raw",
		 "tcp-listen://127.0.0.1:0,frame=len32");
	line = client(port_of(&bed, 0));
	raw = client(port_of(&bed, 1));
	len = client(port_of(&bed, 2));
	until(&bed, info(&bed, 0).links + info(&bed, 1).links + info(&bed, 2).links == 3);
	say(line, "one\n");
	hear(&bed, raw, "one\n");
	assert_int_equal(send(len, "\0\0\0\3two", 7, 0), 7);
	hear(&bed, line, "two\n");
	hear(&bed, raw, "two");
	close(line);
	close(raw);
	close(len);
	bed_end(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retry__dead_port__waits_grow_and_stay_within_their_bounds),
		cmocka_unit_test(retry_off__dead_port__fails_once_and_ends),
		cmocka_unit_test(accept__descriptors_run_out__refuses_rests_and_recovers),
		cmocka_unit_test(line__as_long_as_max_message__passes_and_one_more_closes),
		cmocka_unit_test(framings__line_raw_len32_in_one_hub__each_hears_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
