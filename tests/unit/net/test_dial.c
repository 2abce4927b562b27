/* SPDX-License-Identifier: MIT */
/* Connections: up, refused, with itself; options of a link. */
#include <netinet/tcp.h>
#include "net_test.h"

static int finish(int r, int fd)
{
	if (r != -EINPROGRESS)
		return r;
	wait_for(fd, POLLOUT);
	return wyi_net_dialled(fd);
}

static void dial__tcp_listener__up(void **state)
{
	struct url listen = ip_url(URL_TCP_LISTEN, "", 0), dial = ip_url(URL_TCP, "", 0);
	struct net_listen l;

	(void)state;
	assert_int_equal(wyi_net_listen(&listen, &l, NULL), 0);
	for (u32 i = 0; i < l.n; i++) {
		int fd = -1, r = wyi_net_dial(&dial, &l.addr[i], &fd);

		assert_int_equal(finish(r, fd), 0);
		assert_int_equal(wyi_net_dialled(fd), 0);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		close(fd);
	}
	wyi_net_unlisten(&l, &listen);
}

static void dial__nobody_listens__refused(void **state)
{
	struct url listen = ip_url(URL_TCP_LISTEN, "", 0), dial = ip_url(URL_TCP, "", 0);
	struct net_listen l;
	struct addr was[2];

	(void)state;
	assert_int_equal(wyi_net_listen(&listen, &l, NULL), 0);
	memcpy(was, l.addr, sizeof(was));
	wyi_net_unlisten(&l, &listen);
	for (int i = 0; i < 2; i++) {
		int fd = -1, r = wyi_net_dial(&dial, &was[i], &fd);
		bool is_open = r == -EINPROGRESS;

		assert_int_equal(finish(r, fd), -ECONNREFUSED);
		if (is_open)
			close(fd);
		else
			assert_int_equal(fd, -1);
	}
}

static void dialled__socket_met_itself__eself(void **state)
{
	struct addr own = {.len = sizeof(own.in)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), r;

	(void)state;
	assert_int_equal(wyi_addr_parse(&own, "127.0.0.1", 0), 0);
	assert_int_equal(bind(fd, &own.sa, own.len), 0);
	assert_int_equal(getsockname(fd, &own.sa, &own.len), 0);
	r = connect(fd, &own.sa, own.len);
	assert_true(r == 0 || errno == EINPROGRESS);
	wait_for(fd, POLLOUT);
	assert_int_equal(wyi_net_dialled(fd), WYE_ESELF);
	close(fd);
}

/*
 * Dialling a free port of the ephemeral range until the kernel gives that port to the dialler
 * itself. It goes through the ports of one parity in turn, so it takes as many attempts as there
 * are.
 */
static void dial__free_ephemeral_port__never_up_with_itself(void **state)
{
	struct url dial = ip_url(URL_TCP, "127.0.0.1", 0);
	unsigned low = 0, high = 0;
	struct addr to;
	bool met = false;
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");

	(void)state;
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%u %u", &low, &high), 2);
	fclose(f);
	assert_int_equal(wyi_addr_parse(&to, "127.0.0.1", (u16)(low + 2 * ((high - low) / 4))), 0);
	for (unsigned i = 0; i < 4 * (high - low) && !met; i++) {
		int fd = -1, r = wyi_net_dial(&dial, &to, &fd);

		assert_int_not_equal(r, 0);
		if (r == -EINPROGRESS) {
			r = finish(r, fd);
			close(fd);
		}
		assert_true(r == -ECONNREFUSED || r == WYE_ESELF);
		met = r == WYE_ESELF;
	}
	assert_true(met);
}

static void dial__udp__connected_at_once(void **state)
{
	struct url listen = ip_url(URL_UDP_LISTEN, "", 0), dial = ip_url(URL_UDP, "", 0);
	struct net_listen l;

	(void)state;
	assert_int_equal(wyi_net_listen(&listen, &l, NULL), 0);
	for (u32 i = 0; i < l.n; i++) {
		int fd;
		char got[8];

		assert_int_equal(wyi_net_dial(&dial, &l.addr[i], &fd), 0);
		assert_int_equal(wyi_sys_send(fd, "abc", 3), 3);
		wait_for(l.fd[i], POLLIN);
		assert_int_equal(wyi_sys_recv(l.fd[i], got, sizeof(got)), 3);
		close(fd);
	}
	wyi_net_unlisten(&l, &listen);
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void tune__tcp__options_set(void **state)
{
	struct url url = ip_url(URL_TCP, "", 0);
	int fd = wyi_sys_socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	url.unsent = 12345;
	wyi_net_tune(fd, &url);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 12345);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
	close(fd);
}

static void tune__unix__left_alone(void **state)
{
	struct url url = path_url(URL_UNIX, "/x");
	int fd = wyi_sys_socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	wyi_net_tune(fd, &url);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dial__tcp_listener__up),
		cmocka_unit_test(dial__nobody_listens__refused),
		cmocka_unit_test(dialled__socket_met_itself__eself),
		cmocka_unit_test(dial__free_ephemeral_port__never_up_with_itself),
		cmocka_unit_test(dial__udp__connected_at_once),
		cmocka_unit_test(tune__tcp__options_set),
		cmocka_unit_test(tune__unix__left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
