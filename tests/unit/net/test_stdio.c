/* SPDX-License-Identifier: MIT */
/*
 * "-" on whatever descriptors 0 and 1 may be. Each test puts its own there, asks, puts the old ones
 * back, and only then looks at the answer (the test runner writes to 1).
 */
#include <grp.h>
#include <pty.h>
#include <sys/wait.h>
#include "net_test.h"

static struct net_stdio io;
static struct wye_error why;
static int flags_before[2], flags_after[2];

/* -1: closed. */
static int ask(enum dir dir, int in, int out)
{
	const int wanted[2] = {in, out};
	int saved[2], r;

	memset(&io, 0x55, sizeof(io));
	memset(&why, 0, sizeof(why));
	for (int i = 0; i < 2; i++) {
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 100);
		flags_before[i] = wanted[i] < 0 ? -1 : fcntl(wanted[i], F_GETFL);
		if (wanted[i] < 0)
			close(i);
		else
			dup2(wanted[i], i);
	}
	r = wyi_net_stdio(dir, &io, &why);
	for (int i = 0; i < 2; i++) {
		flags_after[i] = wanted[i] < 0 ? -1 : fcntl(i, F_GETFL);
		dup2(saved[i], i);
		close(saved[i]);
	}
	return r;
}

static void assert_flags_unchanged(void)
{
	assert_int_equal(flags_before[0], flags_after[0]);
	assert_int_equal(flags_before[1], flags_after[1]);
	assert_true(flags_after[0] < 0 || !(flags_after[0] & O_NONBLOCK));
	assert_true(flags_after[1] < 0 || !(flags_after[1] & O_NONBLOCK));
}

static void assert_ours(int fd)
{
	assert_true(fd > 1);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void stdio__pipes__reopened_and_inherited_ones_unchanged(void **state)
{
	int in[2], out[2];
	char got[8];

	(void)state;
	assert_int_equal(pipe(in) | pipe(out), 0);
	assert_int_equal(ask(DIR_BOTH, in[0], out[1]), 0);
	assert_flags_unchanged();
	assert_int_equal(io.in, NET_PIPE);
	assert_int_equal(io.out, NET_PIPE);
	assert_true(io.in_ours && io.out_ours && !io.out_tty && !io.in_endless);
	assert_ours(io.in_fd);
	assert_ours(io.out_fd);
	assert_int_equal(wyi_sys_read(io.in_fd, got, sizeof(got)), -EAGAIN);
	assert_int_equal(write(in[1], "in", 2), 2);
	assert_int_equal(wyi_sys_read(io.in_fd, got, sizeof(got)), 2);
	assert_int_equal(wyi_sys_write(io.out_fd, "out", 3), 3);
	assert_int_equal(read(out[0], got, sizeof(got)), 3);
	/* Still blocking for everybody else. */
	assert_int_equal(fcntl(in[0], F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(out[1], F_GETFL) & O_NONBLOCK, 0);
	wyi_net_stdio_close(&io);
	assert_int_equal(io.in_fd, -1);
	wyi_net_stdio_close(&io);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
	}
}

static void stdio__dir__only_the_wanted_end(void **state)
{
	int in[2], out[2];

	(void)state;
	assert_int_equal(pipe(in) | pipe(out), 0);
	assert_int_equal(ask(DIR_IN, in[0], -1), 0);
	assert_int_equal(io.in, NET_PIPE);
	assert_int_equal(io.out, NET_NONE);
	assert_int_equal(io.out_fd, -1);
	wyi_net_stdio_close(&io);
	assert_int_equal(ask(DIR_OUT, -1, out[1]), 0);
	assert_int_equal(io.in, NET_NONE);
	assert_int_equal(io.in_fd, -1);
	assert_false(io.in_endless);
	assert_int_equal(io.out, NET_PIPE);
	wyi_net_stdio_close(&io);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
	}
}

static void stdio__regular_files__themselves_through_the_pool(void **state)
{
	int in = open(in_scratch("in"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int out = open(in_scratch("out"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(ask(DIR_BOTH, in, out), 0);
	assert_flags_unchanged();
	assert_int_equal(io.in, NET_FILE);
	assert_int_equal(io.out, NET_FILE);
	assert_int_equal(io.in_fd, 0);
	assert_int_equal(io.out_fd, 1);
	assert_false(io.in_ours || io.out_ours);
	wyi_net_stdio_close(&io);
	close(in);
	close(out);
}

static void stdio__dev_null__no_input_and_no_end(void **state)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	assert_int_equal(ask(DIR_BOTH, null, null), 0);
	assert_flags_unchanged();
	assert_int_equal(io.in, NET_NONE);
	assert_int_equal(io.in_fd, -1);
	assert_true(io.in_endless);
	assert_int_equal(io.out, NET_FILE);
	assert_int_equal(io.out_fd, 1);
	wyi_net_stdio_close(&io);
	close(null);
}

static void stdio__stream_socket__itself(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(ask(DIR_BOTH, pair[0], pair[0]), 0);
	assert_flags_unchanged();
	assert_int_equal(io.in, NET_SOCK);
	assert_int_equal(io.out, NET_SOCK);
	assert_int_equal(io.in_fd, 0);
	assert_int_equal(io.out_fd, 1);
	wyi_net_stdio_close(&io);
	assert_true(fcntl(0, F_GETFD) >= 0);
	close(pair[0]);
	close(pair[1]);
}

static void stdio__datagram_socket__refused_with_text(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(ask(DIR_IN, pair[0], pair[0]), -EPROTOTYPE);
	assert_contains(why.text, "standard input");
	assert_contains(why.text, "wanted: a stream");
	close(pair[0]);
	close(pair[1]);
}

static void stdio__terminal__reopened_and_known_as_one(void **state)
{
	int master, slave;
	struct termios raw;
	char got[8];

	(void)state;
	cfmakeraw(memset(&raw, 0, sizeof(raw)));
	assert_int_equal(openpty(&master, &slave, NULL, &raw, NULL), 0);
	assert_int_equal(ask(DIR_BOTH, slave, slave), 0);
	assert_flags_unchanged();
	assert_int_equal(io.in, NET_PIPE);
	assert_int_equal(io.out, NET_PIPE);
	assert_true(io.in_ours && io.out_ours && io.out_tty);
	assert_ours(io.in_fd);
	assert_ours(io.out_fd);
	assert_int_equal(wyi_sys_read(io.in_fd, got, sizeof(got)), -EAGAIN);
	assert_int_equal(wyi_sys_write(io.out_fd, "tty", 3), 3);
	assert_int_equal(read(master, got, sizeof(got)), 3);
	assert_int_equal(fcntl(slave, F_GETFL) & O_NONBLOCK, 0);
	wyi_net_stdio_close(&io);
	close(master);
	close(slave);
}

static void stdio__closed__ebadf_and_text(void **state)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	assert_int_equal(ask(DIR_BOTH, -1, null), -EBADF);
	assert_int_equal(why.code, -EBADF);
	assert_contains(why.text, "standard input (descriptor 0) is closed");
	assert_contains(why.text, "dir=out");
	assert_int_equal(ask(DIR_BOTH, null, -1), -EBADF);
	assert_contains(why.text, "standard output (descriptor 1) is closed");
	assert_contains(why.text, "dir=in");
	close(null);
}

/* The pipe that was opened for the first end is closed again. */
static void stdio__second_end_fails__first_is_closed(void **state)
{
	int in[2];

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(ask(DIR_BOTH, in[0], -1), -EBADF);
	close(in[0]);
	assert_true(wait_for(in[1], 0) & POLLERR);
	close(in[1]);
}

static void stdio__open_for_the_other_direction__ebadf_and_text(void **state)
{
	int reads = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int writes = open("/dev/zero", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(ask(DIR_IN, writes, writes), -EBADF);
	assert_contains(why.text, "open for writing only");
	assert_int_equal(ask(DIR_OUT, reads, reads), -EBADF);
	assert_contains(why.text, "open for reading only");
	close(reads);
	close(writes);
}

static void stdio__directory__eisdir_and_text(void **state)
{
	int fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(ask(DIR_IN, fd, fd), -EISDIR);
	assert_contains(why.text, "is a directory");
	close(fd);
}

static void stdio__output_pipe_without_reader__writing_tells_epipe(void **state)
{
	int out[2];

	(void)state;
	assert_int_equal(pipe(out), 0);
	close(out[0]);
	assert_int_equal(ask(DIR_OUT, -1, out[1]), 0);
	assert_int_equal(io.out, NET_PIPE);
	assert_int_equal(wyi_sys_write(io.out_fd, "x", 1), -EPIPE);
	wyi_net_stdio_close(&io);
	close(out[1]);
}

/* A named pipe answers ENXIO when it is opened again without a reader. */
static void stdio__output_fifo_without_reader__used_as_it_is(void **state)
{
	const char *path = in_scratch("fifo");
	int in, out;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	out = open(path, O_WRONLY | O_CLOEXEC);
	close(in);
	assert_int_equal(ask(DIR_OUT, -1, out), 0);
	assert_flags_unchanged();
	assert_int_equal(io.out, NET_FILE);
	assert_int_equal(io.out_fd, 1);
	assert_false(io.out_ours);
	close(out);
}

static void on_ready(void *ctx)
{
	bool *flag = ctx;

	*flag = true;
}

/* In a process that may not open the pipe again. */
static int as_another_user(int in)
{
	struct wye_loop *loop;
	struct net_file *f;
	bool ready = false;
	char got[8];

	if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
		return 10;
	if (ask(DIR_IN, in, -1) != 0 || io.in != NET_FILE || io.in_ours ||
	    flags_before[0] != flags_after[0])
		return 11;
	if (wye_loop_new(NULL, &loop) < 0 ||
	    wyi_file_new(loop, in, false, on_ready, &ready, &f) < 0)
		return 12;
	if (wyi_file_read(f, got, sizeof(got)) != -EAGAIN)
		return 13;
	turn_until(loop, &ready);
	if (wyi_file_read(f, got, sizeof(got)) != 5 || memcmp(got, "other", 5) != 0)
		return 14;
	wyi_file_free(f);
	free_loop(loop);
	return 0;
}

static void stdio__pipe_of_another_user__used_as_it_is(void **state)
{
	int in[2], status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe(in), 0);
	assert_int_equal(fchmod(in[0], 0600), 0);
	pid = fork();
	if (pid == 0)
		_exit(as_another_user(in[0]));
	assert_int_equal(write(in[1], "other", 5), 5);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(in[0]);
	close(in[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stdio__pipes__reopened_and_inherited_ones_unchanged),
		cmocka_unit_test(stdio__dir__only_the_wanted_end),
		cmocka_unit_test(stdio__regular_files__themselves_through_the_pool),
		cmocka_unit_test(stdio__dev_null__no_input_and_no_end),
		cmocka_unit_test(stdio__stream_socket__itself),
		cmocka_unit_test(stdio__datagram_socket__refused_with_text),
		cmocka_unit_test(stdio__terminal__reopened_and_known_as_one),
		cmocka_unit_test(stdio__closed__ebadf_and_text),
		cmocka_unit_test(stdio__second_end_fails__first_is_closed),
		cmocka_unit_test(stdio__open_for_the_other_direction__ebadf_and_text),
		cmocka_unit_test(stdio__directory__eisdir_and_text),
		cmocka_unit_test(stdio__output_pipe_without_reader__writing_tells_epipe),
		cmocka_unit_test(stdio__output_fifo_without_reader__used_as_it_is),
		cmocka_unit_test(stdio__pipe_of_another_user__used_as_it_is),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
