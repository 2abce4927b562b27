/* SPDX-License-Identifier: MIT */
/*
 * Files behind workers: regular ones through the pool, what may wait for ever on threads of their
 * own.
 */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include "net_test.h"

#define BUFFER (256u << 10)
#define BIG    (10u << 20)

static struct wye_loop *loop;
static bool called;

static void on_ready(void *ctx)
{
	bool *flag = ctx;

	*flag = true;
}

static int make_all(void **state)
{
	called = false;
	return make_scratch(state) < 0 ? -1 : wye_loop_new(NULL, &loop);
}

static int drop_all(void **state)
{
	free_loop(loop);
	return remove_scratch(state);
}

static struct net_file *open_file(int fd, bool out)
{
	struct net_file *f;

	assert_int_equal(wyi_file_new(loop, fd, out, on_ready, &called, &f), 0);
	return f;
}

/* Until it answers something else than -EAGAIN. */
static ssize_t read_some(struct net_file *f, void *to, size_t n)
{
	for (;;) {
		ssize_t r = wyi_file_read(f, to, n);

		if (r != -EAGAIN)
			return r;
		turn_until(loop, &called);
		called = false;
	}
}

static ssize_t write_some(struct net_file *f, const void *from, size_t n)
{
	/* Two parts and an empty one, as callers gather. */
	struct iovec iov[3] = {
		{.iov_base = (void *)(uintptr_t)from, .iov_len = n / 3},
		{.iov_base = NULL, .iov_len = 0},
		{.iov_base = (char *)(uintptr_t)from + n / 3, .iov_len = n - n / 3},
	};

	for (;;) {
		ssize_t r = wyi_file_writev(f, iov, 3);

		if (r != -EAGAIN)
			return r;
		turn_until(loop, &called);
		called = false;
	}
}

static void write_all(struct net_file *f, const u8 *from, size_t n, size_t step)
{
	for (size_t at = 0; at < n;) {
		ssize_t r = write_some(f, from + at, n - at < step ? n - at : step);

		assert_true(r > 0);
		at += (size_t)r;
		assert_true(wyi_file_pending(f) <= 2 * BUFFER);
	}
}

static void drain(struct net_file *f)
{
	while (wyi_file_pending(f) > 0) {
		turn_until(loop, &called);
		called = false;
	}
}

static void check_round(size_t step)
{
	u8 *sent = malloc(BIG), *got = malloc(BIG + 1);
	int fd = open(in_scratch("big"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct net_file *f = open_file(fd, true);
	size_t at = 0;
	ssize_t r;

	wyi_sys_random(sent, BIG);
	write_all(f, sent, BIG, step);
	drain(f);
	wyi_file_free(f);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	f = open_file(fd, false);
	while ((r = read_some(f, got + at, BIG + 1 - at < step ? BIG + 1 - at : step)) > 0)
		at += (size_t)r;
	assert_int_equal(r, 0);
	assert_int_equal(wyi_file_read(f, got, 1), 0); /* and it stays the end */
	assert_int_equal(at, BIG);
	assert_memory_equal(sent, got, BIG);
	wyi_file_free(f);
	close(fd);
	free(sent);
	free(got);
}

static void file__10_mib_written_and_read__equal(void **state)
{
	(void)state;
	check_round(BIG);
	check_round(65536);
	check_round(4099);
}

/* From the idle state both buffers take a part of one call; the seam lies inside a piece of it. */
static void file__more_than_a_buffer_at_once__all_taken_and_no_more(void **state)
{
	static u8 sent[BUFFER + 12345], got[sizeof(sent) + 1];
	int fd = open(in_scratch("seam"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct net_file *f = open_file(fd, true);

	(void)state;
	for (int i = 0; i < 5; i++) {
		wyi_sys_random(sent, sizeof(sent));
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(write_some(f, sent, sizeof(sent)), sizeof(sent));
		drain(f);
		assert_int_equal(pread(fd, got, sizeof(got), 0), sizeof(sent));
		assert_memory_equal(got, sent, sizeof(sent));
	}
	wyi_file_free(f);
	close(fd);
}

static void file__begins_at_the_shared_offset__and_moves_it(void **state)
{
	int fd = open(in_scratch("offset"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct net_file *f;
	char got[8];

	(void)state;
	assert_int_equal(write(fd, "abcdef", 6), 6);
	assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
	f = open_file(fd, false);
	assert_int_equal(read_some(f, got, sizeof(got)), 4);
	assert_memory_equal(got, "cdef", 4);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 6);
	wyi_file_free(f);
	close(fd);
}

static void file__never_called_from_inside_a_call__only_from_a_turn(void **state)
{
	int fd = open(in_scratch("inside"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct net_file *f = open_file(fd, true);
	struct iovec iov = {.iov_base = "x", .iov_len = 1};

	(void)state;
	assert_int_equal(wyi_file_writev(f, &iov, 1), 1);
	assert_int_equal(wyi_file_pending(f), 1);
	assert_false(called);
	turn_until(loop, &called); /* written: told without having been refused */
	assert_int_equal(wyi_file_pending(f), 0);
	wyi_file_free(f);
	close(fd);
}

static void file__disk_full__error_is_kept_and_bytes_stay_pending(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct net_file *f = open_file(fd, true);
	struct iovec iov = {.iov_base = "lost", .iov_len = 4};

	(void)state;
	assert_int_equal(wyi_file_writev(f, &iov, 1), 4);
	turn_until(loop, &called);
	assert_int_equal(wyi_file_pending(f), 4);
	assert_int_equal(wyi_file_writev(f, &iov, 1), -ENOSPC);
	assert_int_equal(wyi_file_writev(f, &iov, 1), -ENOSPC);
	wyi_file_free(f);
	close(fd);
}

static void file__read_fails__error_answered(void **state)
{
	int fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct net_file *f = open_file(fd, false);
	char got[8];

	(void)state;
	assert_int_equal(read_some(f, got, sizeof(got)), -EISDIR);
	assert_int_equal(wyi_file_read(f, got, sizeof(got)), -EISDIR);
	wyi_file_free(f);
	close(fd);
}

static void file__freed_while_a_job_runs__loop_ends_after_it(void **state)
{
	u8 *zeros = calloc(1, BUFFER);

	(void)state;
	for (int i = 0; i < 50; i++) {
		int fd = open(in_scratch("busy"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		struct net_file *out = open_file(fd, true), *in = open_file(fd, false);
		struct iovec iov = {.iov_base = zeros, .iov_len = BUFFER};

		assert_int_equal(wyi_file_writev(out, &iov, 1), BUFFER);
		(void)wyi_file_read(in, zeros, 1);
		wyi_file_free(out);
		wyi_file_free(in);
		close(fd); /* the jobs have descriptors of their own */
	}
	free_loop(loop);
	assert_false(called);
	assert_int_equal(wye_loop_new(NULL, &loop), 0);
	free(zeros);
	wyi_file_free(NULL);
}

static void on_ready_free(void *ctx)
{
	struct net_file **f = ctx;

	wyi_file_free(*f);
	*f = NULL;
	called = true;
}

static void file__freed_from_ready__is_fine(void **state)
{
	int fd = open(in_scratch("inside-free"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct iovec iov = {.iov_base = "xyz", .iov_len = 3};
	struct net_file *f;

	(void)state;
	assert_int_equal(wyi_file_new(loop, fd, true, on_ready_free, &f, &f), 0);
	assert_int_equal(wyi_file_writev(f, &iov, 1), 3);
	turn_until(loop, &called);
	assert_null(f);
	close(fd);
}

/* pipes used as they are: blocking, and the flag is never changed */

/*
 * The program's own poll() goes before the C library's: a reader's next one answers "ready" when it
 * is not.
 */
static atomic_int lies;

int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	int one = 1;

	if (n == 2 && atomic_compare_exchange_strong(&lies, &one, 0)) {
		fds[0].revents = POLLIN;
		fds[1].revents = 0;
		return 1;
	}
	return (int)syscall(SYS_poll, fds, n, timeout_ms);
}

static void wait_for_lie(void)
{
	u64 end = wyi_sys_now() + DEADLINE_NS;

	while (atomic_load(&lies)) {
		assert_true(wyi_sys_now() < end);
		sched_yield();
	}
}

static void pipe__bytes_then_end__read_through_a_thread(void **state)
{
	int p[2];
	struct net_file *f;
	char got[64];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	f = open_file(p[0], false);
	assert_int_equal(wyi_file_read(f, got, sizeof(got)), -EAGAIN);
	assert_int_equal(write(p[1], "hello", 5), 5);
	assert_int_equal(read_some(f, got, sizeof(got)), 5);
	assert_memory_equal(got, "hello", 5);
	close(p[1]);
	assert_int_equal(read_some(f, got, sizeof(got)), 0);
	assert_int_equal(fcntl(p[0], F_GETFL) & O_NONBLOCK, 0);
	wyi_file_free(f);
	close(p[0]);
}

static void pipe__reader_stops__eagain_then_room_again(void **state)
{
	static u8 sent[4 * BUFFER], got[4 * BUFFER];
	struct iovec iov = {.iov_base = sent, .iov_len = sizeof(sent)};
	size_t taken = 0, at = 0;
	int p[2];
	struct net_file *f;

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	f = open_file(p[1], true);
	wyi_sys_random(sent, sizeof(sent));
	for (ssize_t r; (r = wyi_file_writev(f, &iov, 1)) > 0; taken += (size_t)r) {
		iov.iov_base = sent + taken + r;
		iov.iov_len -= (size_t)r;
	}
	assert_int_equal(taken, 2 * BUFFER);
	assert_int_equal(wyi_file_pending(f), taken);
	while (at < taken) {
		ssize_t r = read(p[0], got + at, sizeof(got) - at);

		assert_true(r > 0);
		at += (size_t)r;
		assert_true(wye_loop_turn(loop, 0) >= 0);
	}
	assert_memory_equal(got, sent, taken);
	turn_until(loop, &called);
	drain(f);
	wyi_file_free(f);
	close(p[0]);
	close(p[1]);
}

static void pipe__reader_gone__epipe_and_no_signal(void **state)
{
	struct iovec iov = {.iov_base = "x", .iov_len = 1};
	int p[2];
	struct net_file *f;

	(void)state;
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	f = open_file(p[1], true);
	close(p[0]);
	assert_int_equal(wyi_file_writev(f, &iov, 1), 1);
	turn_until(loop, &called);
	assert_int_equal(wyi_file_writev(f, &iov, 1), -EPIPE);
	wyi_file_free(f);
	close(p[1]);
}

/* The thread has ended when its duplicate of the read end is gone: the writer sees that. */
static void pipe__freed_while_its_read_waits__called_off_at_once(void **state)
{
	int p[2];
	struct net_file *f;
	char byte;

	(void)state;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(pipe2(p, O_CLOEXEC), 0);
		f = open_file(p[0], false);
		assert_int_equal(wyi_file_read(f, &byte, 1), -EAGAIN);
		wyi_file_free(f);
		free_loop(loop);
		assert_int_equal(wye_loop_new(NULL, &loop), 0);
		close(p[0]);
		assert_true(wait_for(p[1], 0) & POLLERR);
		close(p[1]);
	}
	assert_false(called);
}

static void pipe__freed_while_its_write_waits__called_off_at_once(void **state)
{
	static char zeros[BUFFER], got[BUFFER];
	struct iovec iov = {.iov_base = zeros, .iov_len = sizeof(zeros)};
	int p[2];
	struct net_file *f;
	ssize_t r;

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	f = open_file(p[1], true);
	assert_int_equal(wyi_file_writev(f, &iov, 1), sizeof(zeros));
	wait_for(p[0], POLLIN);
	wyi_file_free(f);
	close(p[1]);
	while ((r = read(p[0], got, sizeof(got))) > 0)
		;
	assert_int_equal(r, 0); /* the end comes: no writer is left */
	close(p[0]);
}

/*
 * As if another process had read between poll() and read(): the thread is stuck in read() until the
 * writer ends. The loop's end does not wait for it.
 */
static void pipe__byte_stolen_after_poll__nobody_waits_for_the_stuck_thread(void **state)
{
	int p[2];
	struct net_file *f;
	char byte;

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(pipe2(p, O_CLOEXEC), 0);
		f = open_file(p[0], false);
		atomic_store(&lies, 1);
		assert_int_equal(wyi_file_read(f, &byte, 1), -EAGAIN);
		wait_for_lie();
		wyi_file_free(f);
		assert_int_equal(wye_loop_free(loop), 0);
		assert_int_equal(wye_loop_new(NULL, &loop), 0);
		close(p[0]);
		close(p[1]);
	}
	assert_false(called);
}

/* They must not keep the pool's two threads from other work. */
static void pipe__many_reads_wait__a_regular_file_is_read_all_the_same(void **state)
{
	int p[8][2], fd = open(in_scratch("other"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct net_file *waiting[8], *f;
	char got[8];

	(void)state;
	assert_int_equal(pwrite(fd, "other", 5, 0), 5);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(pipe2(p[i], O_CLOEXEC), 0);
		waiting[i] = open_file(p[i][0], false);
		assert_int_equal(wyi_file_read(waiting[i], got, 1), -EAGAIN);
	}
	f = open_file(fd, false);
	assert_int_equal(read_some(f, got, sizeof(got)), 5);
	wyi_file_free(f);
	for (int i = 0; i < 8; i++) {
		wyi_file_free(waiting[i]);
		close(p[i][0]);
		close(p[i][1]);
	}
	close(fd);
}

/* Others made it non-blocking: EAGAIN is no error. */
static void pipe__non_blocking_already__waits_by_poll(void **state)
{
	int p[2];
	struct net_file *f;
	char got[8];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	f = open_file(p[0], false);
	assert_int_equal(wyi_file_read(f, got, sizeof(got)), -EAGAIN);
	assert_int_equal(write(p[1], "ab", 2), 2);
	assert_int_equal(read_some(f, got, sizeof(got)), 2);
	wyi_file_free(f);
	close(p[0]);
	close(p[1]);
}

/* The same after the byte went to another reader: EAGAIN is no error, it waits on. */
static void pipe__non_blocking_and_byte_stolen__waits_on(void **state)
{
	int p[2];
	struct net_file *f;
	char got[8];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	f = open_file(p[0], false);
	atomic_store(&lies, 1);
	assert_int_equal(wyi_file_read(f, got, sizeof(got)), -EAGAIN);
	wait_for_lie();
	assert_int_equal(write(p[1], "ab", 2), 2);
	assert_int_equal(read_some(f, got, sizeof(got)), 2);
	wyi_file_free(f);
	close(p[0]);
	close(p[1]);
}

static void file__closed_descriptor__ebadf(void **state)
{
	struct net_file *f = NULL;

	(void)state;
	assert_int_equal(wyi_file_new(loop, 1023, false, on_ready, &called, &f), -EBADF);
	assert_null(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_all, drop_all)
	const struct CMUnitTest tests[] = {
		TEST(file__10_mib_written_and_read__equal),
		TEST(file__more_than_a_buffer_at_once__all_taken_and_no_more),
		TEST(file__begins_at_the_shared_offset__and_moves_it),
		TEST(file__never_called_from_inside_a_call__only_from_a_turn),
		TEST(file__disk_full__error_is_kept_and_bytes_stay_pending),
		TEST(file__read_fails__error_answered),
		TEST(file__freed_while_a_job_runs__loop_ends_after_it),
		TEST(file__freed_from_ready__is_fine),
		TEST(file__closed_descriptor__ebadf),
		TEST(pipe__bytes_then_end__read_through_a_thread),
		TEST(pipe__reader_stops__eagain_then_room_again),
		TEST(pipe__reader_gone__epipe_and_no_signal),
		TEST(pipe__freed_while_its_read_waits__called_off_at_once),
		TEST(pipe__freed_while_its_write_waits__called_off_at_once),
		TEST(pipe__byte_stolen_after_poll__nobody_waits_for_the_stuck_thread),
		TEST(pipe__many_reads_wait__a_regular_file_is_read_all_the_same),
		TEST(pipe__non_blocking_already__waits_by_poll),
		TEST(pipe__non_blocking_and_byte_stolen__waits_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
