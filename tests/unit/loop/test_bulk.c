/* SPDX-License-Identifier: MIT */
/* bulk's contract, as bulk.h says it; any other back end is to pass the same. */
#include "turns.h"
#include <unistd.h>

struct fixture {
	struct bulk *bulk;
	int pair[2];
};

static int setup_type(void **state, int type)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int small = 4096;
	assert_int_equal(wyi_bulk_new(&f->bulk), 0);
	assert_int_equal(socketpair(AF_UNIX, type, 0, f->pair),
			 0); /* blocking: bulk must not care */
	assert_int_equal(setsockopt(f->pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return setup_type(state, SOCK_STREAM);
}

static int setup_datagrams(void **state)
{
	return setup_type(state, SOCK_DGRAM);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	wyi_bulk_free(f->bulk);
	close(f->pair[0]);
	close(f->pair[1]);
	free(f);
	return 0;
}

static void bulk__full_socket__short_send_and_eagain(void **state)
{
	struct fixture *f = *state;
	enum { BIG = 1 << 20 };
	char *big = calloc(1, BIG);
	struct bulk_call call = {
		.fd = f->pair[0], .op = BULK_SEND, .len = BIG, .ptr = big, .tag = 7};
	wyi_bulk_run(f->bulk, &call, 1);
	assert_in_range(call.res, 1, BIG - 1);
	assert_int_equal(call.tag, 7);
	wyi_bulk_run(f->bulk, &call, 1);
	assert_int_equal(call.res, -EAGAIN);
	free(big);
}

static void bulk__bad_fd_in_the_middle__touches_no_other(void **state)
{
	struct fixture *f = *state;
	char in[8] = "", out[] = "abc";
	struct bulk_call calls[] = {
		{.fd = f->pair[0], .op = BULK_SEND, .len = 3, .ptr = out, .res = 99},
		{.fd = -1, .op = BULK_SEND, .len = 3, .ptr = out, .res = 99},
		{.fd = f->pair[1], .op = BULK_RECV, .len = sizeof(in), .ptr = in, .res = 99},
	};
	wyi_bulk_run(f->bulk, calls, ARRAY_SIZE(calls));
	assert_int_equal(calls[0].res, 3);
	assert_int_equal(calls[1].res, -EBADF);
	assert_int_equal(calls[2].res, 3); /* in order: the bytes were there */
	assert_memory_equal(in, "abc", 3);
}

static void bulk__nothing_there__recv_is_eagain(void **state)
{
	struct fixture *f = *state;
	char in[8];
	struct iovec iov = {in, sizeof(in)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	struct bulk_call calls[] = {
		{.fd = f->pair[0], .op = BULK_RECV, .len = sizeof(in), .ptr = in},
		{.fd = f->pair[0], .op = BULK_RECVMSG, .ptr = &m},
	};
	wyi_bulk_run(f->bulk, calls, 2);
	assert_int_equal(calls[0].res, -EAGAIN);
	assert_int_equal(calls[1].res, -EAGAIN);
}

static void bulk__peer_gone__send_is_epipe_without_a_signal(void **state)
{
	struct fixture *f = *state;
	char out[] = "x";
	struct bulk_call calls[] = {
		{.fd = f->pair[0], .op = BULK_RECV, .len = 1, .ptr = out},
		{.fd = f->pair[0], .op = BULK_SEND, .len = 1, .ptr = out},
	};
	close(f->pair[1]);
	wyi_bulk_run(f->bulk, calls, 2); /* SIGPIPE would end the test */
	assert_int_equal(calls[0].res, 0);
	assert_int_equal(calls[1].res, -EPIPE);
	f->pair[1] = dup(f->pair[0]);
}

static void bulk__datagrams_on_one_fd__keep_order_and_boundaries(void **state)
{
	struct fixture *f = *state;
	char one[] = "1", two[] = "22", in[2][8];
	struct iovec out_iov = {two, 2}, in_iov = {in[1], sizeof(in[1])};
	struct msghdr out = {.msg_iov = &out_iov, .msg_iovlen = 1};
	struct msghdr from = {.msg_iov = &in_iov, .msg_iovlen = 1};
	struct bulk_call calls[] = {
		{.fd = f->pair[0], .op = BULK_SEND, .len = 1, .ptr = one},
		{.fd = f->pair[0], .op = BULK_SENDMSG, .ptr = &out},
		{.fd = f->pair[1], .op = BULK_RECV, .len = sizeof(in[0]), .ptr = in[0]},
		{.fd = f->pair[1], .op = BULK_RECVMSG, .ptr = &from},
	};
	wyi_bulk_run(f->bulk, calls, ARRAY_SIZE(calls));
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(calls[i].res, 1 + i % 2);
	assert_memory_equal(in[0], "1", 1);
	assert_memory_equal(in[1], "22", 2);
}

static void bulk__no_calls__nothing_happens(void **state)
{
	struct fixture *f = *state;
	wyi_bulk_run(f->bulk, NULL, 0);
	assert_string_equal(wyi_bulk_why(f->bulk), "plain");
}

int main(void)
{
#define STREAM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		STREAM(bulk__full_socket__short_send_and_eagain),
		STREAM(bulk__bad_fd_in_the_middle__touches_no_other),
		STREAM(bulk__nothing_there__recv_is_eagain),
		STREAM(bulk__peer_gone__send_is_epipe_without_a_signal),
		cmocka_unit_test_setup_teardown(
			bulk__datagrams_on_one_fd__keep_order_and_boundaries, setup_datagrams,
			teardown),
		STREAM(bulk__no_calls__nothing_happens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
