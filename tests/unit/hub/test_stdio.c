/* SPDX-License-Identifier: MIT */
/*
 * "-" with descriptors of all sorts. The test's own 0 and 1 are put aside meanwhile, and put back
 * before anything is claimed aloud.
 */
#include <fcntl.h>
#include "hub_test.h"

static int kept[2] = {-1, -1};

static void put_aside(int in, int out)
{
	fflush(stdout);
	kept[0] = dup(0);
	kept[1] = dup(1);
	assert_true(kept[0] >= 0 && kept[1] >= 0);
	assert_int_equal(dup2(in, 0), 0);
	assert_int_equal(dup2(out, 1), 1);
}

static int put_back(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		if (kept[i] < 0)
			continue;
		dup2(kept[i], i);
		close(kept[i]);
		kept[i] = -1;
	}
	return 0;
}

static int open_path(const char *path, int how)
{
	int fd = open(path, how | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* -- a full disk ------------------------------------------------------------------------------- */
static void full_disk(const char *text, size_t times)
{
	struct bed bed = bed_begin();
	int full = open_path("/dev/full", O_WRONLY), source;
	size_t len = strlen(text) * times, sent = 0;
	uint64_t named;

	put_aside(0, full);
	close(full);
	hub_open(&bed, "tcp-listen://127.0.0.1:0", "-,dir=out,full=block");
	source = client(port_of(&bed, 0));
	for (size_t i = 0; i < times; i++)
		sent += (size_t)send(source, text, strlen(text), MSG_NOSIGNAL);
	until(&bed, bed.failed);
	named = info(&bed, 1).unwritten_bytes;
	close(source);
	bed.fds += 2; /* put aside */
	bed_end(&bed);
	put_back(NULL);
	assert_int_equal(bed.failed, -ENOSPC);
	assert_int_equal(sent, len);
	assert_int_equal(named, len);
}

static void stdout_full_disk__last_line_fails__is_told_at_once_and_named(void **state)
{
	(void)state;
	full_disk("hi\n", 1);
}

static void stdout_full_disk__lines_that_its_file_took__are_named_too(void **state)
{
	(void)state;
	full_disk("0123456789abcdef0123456789abcde\n", 100);
}

/* -- the way inetd and `socat EXEC` start it --------------------------------------------------- */
static void stdin_and_stdout_one_socket__both_ways__ends_when_the_peer_ends(void **state)
{
	struct bed bed = bed_begin();
	int pair[2], peer;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	make_nonblocking(pair[0]);
	put_aside(pair[1], pair[1]);
	close(pair[1]);
	hub_open(&bed, "-", "tcp-listen://127.0.0.1:0");
	peer = client(port_of(&bed, 1));
	until(&bed, info(&bed, 1).links == 1);
	say(pair[0], "in\n");
	hear(&bed, peer, "in\n");
	say(peer, "out\n");
	hear(&bed, pair[0], "out\n");
	assert_int_equal(shutdown(pair[0], SHUT_WR), 0);
	until(&bed, bed.ended);
	say(peer, "answer\n");
	drain(&bed, WYE_DRAIN_END, 50, 0);
	hear(&bed, pair[0], "answer\n");
	close(peer);
	until(&bed, bed.drained);
	bed.fds += 3; /* and pair[0] */
	bed_end(&bed);
	put_back(NULL);
	assert_int_equal(bed.unwritten, 0);
	close(pair[0]);
}

static void stdin_socket__reset__is_a_failure_of_it(void **state)
{
	struct bed bed = bed_begin();
	uint16_t port;
	int listener = server(&port, 0), peer, end;

	(void)state;
	peer = client(port);
	end = accept_one(&bed, listener);
	put_aside(end, end);
	close(end);
	hub_open(&bed, "-", "tcp-listen://127.0.0.1:0");
	reset(peer);
	until(&bed, bed.failed);
	bed.fds += 2;
	close(listener);
	bed_end(&bed);
	put_back(NULL);
	assert_int_equal(bed.failed, -ECONNRESET);
}

/* -- pipes ------------------------------------------------------------------------------------- */
static void stdout_pipe__reader_leaves__is_told_only_when_nothing_else_is_left(void **state)
{
	struct bed bed = bed_begin();
	int pipes[2], a, b;

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	put_aside(0, pipes[1]);
	close(pipes[1]);
	hub_open(&bed, "-,dir=out", "tcp-listen://127.0.0.1:0");
	a = client(port_of(&bed, 1));
	b = client(port_of(&bed, 1));
	until(&bed, info(&bed, 1).links == 2);
	close(pipes[0]);
	say(a, "x\n");
	until(&bed, info(&bed, 0).state == WYE_FAILED);
	say(a, "y\n"); /* those two still hear each other */
	hear(&bed, b, "x\ny\n");
	close(a);
	close(b);
	bed.fds += 2;
	bed_end(&bed);
	put_back(NULL);
	assert_int_equal(bed.failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			stdout_full_disk__last_line_fails__is_told_at_once_and_named, put_back),
		cmocka_unit_test_teardown(stdout_full_disk__lines_that_its_file_took__are_named_too,
					  put_back),
		cmocka_unit_test_teardown(
			stdin_and_stdout_one_socket__both_ways__ends_when_the_peer_ends, put_back),
		cmocka_unit_test_teardown(stdin_socket__reset__is_a_failure_of_it, put_back),
		cmocka_unit_test_teardown(
			stdout_pipe__reader_leaves__is_told_only_when_nothing_else_is_left,
			put_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
