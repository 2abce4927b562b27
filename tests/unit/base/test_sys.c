/* SPDX-License-Identifier: MIT */
/*
 * The seam as it is: flags of what it makes, errors as -errno, no SIGPIPE, no early timer. What an
 * older kernel would do is tried in a child under a seccomp filter that refuses the newer calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "base/base.h"

static void assert_flags(int fd)
{
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static void descriptors__made__close_on_exec_and_non_blocking(void **state)
{
	int fds[] = {wyi_sys_socket(AF_INET, SOCK_STREAM, 0), wyi_sys_eventfd(),
		     wyi_sys_signalfd(SIGUSR1), wyi_sys_open("/dev/null", O_RDWR, 0)};
	int epoll = wyi_sys_epoll_create();

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
		assert_flags(fds[i]);
		assert_int_equal(wyi_sys_close(fds[i]), 0);
	}
	assert_true(fcntl(epoll, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(wyi_sys_close(epoll), 0);
}

static void calls__failing__answer_minus_errno(void **state)
{
	struct sockaddr_un nobody = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
	struct stat st;
	int fd = wyi_sys_socket(AF_UNIX, SOCK_STREAM, 0), n = 0;
	socklen_t len = sizeof(n);

	(void)state;
	assert_int_equal(wyi_sys_close(-1), -EBADF);
	assert_int_equal(wyi_sys_read(-1, &n, 1), -EBADF);
	assert_int_equal(wyi_sys_write(-1, "x", 1), -EBADF);
	assert_int_equal(wyi_sys_open("/nonexistent/file", O_RDONLY, 0), -ENOENT);
	assert_int_equal(wyi_sys_lstat("/nonexistent/file", &st), -ENOENT);
	assert_int_equal(wyi_sys_unlink("/nonexistent/file"), -ENOENT);
	assert_int_equal(wyi_sys_socket(-1, SOCK_STREAM, 0), -EAFNOSUPPORT);
	assert_int_equal(wyi_sys_connect(fd, (struct sockaddr *)&nobody, sizeof(nobody)), -ENOENT);
	assert_int_equal(wyi_sys_accept(fd, NULL, NULL), -EINVAL);
	assert_int_equal(wyi_sys_shutdown(-1, SHUT_WR), -EBADF);
	assert_int_equal(wyi_sys_getsockopt(-1, SOL_SOCKET, SO_ERROR, &n, &len), -EBADF);
	assert_int_equal(wyi_sys_signalfd(-1), -EINVAL);
	assert_int_equal(wyi_sys_unsent(-1), -EBADF);
	assert_int_equal(wyi_sys_isatty(fd), 0);
	wyi_sys_close(fd);
}

static void accept__on_loopback__peer_known_and_flags_set(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}, b, c;
	socklen_t len = sizeof(a);
	int listener = wyi_sys_socket(AF_INET, SOCK_STREAM, 0), one = 1;
	int client = wyi_sys_socket(AF_INET, SOCK_STREAM, 0), peer, r;
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = wyi_sys_epoll_create();

	(void)state;
	assert_int_equal(wyi_sys_setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)),
			 0);
	assert_int_equal(wyi_sys_bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(wyi_sys_listen(listener, 8), 0);
	assert_int_equal(wyi_sys_getsockname(listener, (struct sockaddr *)&a, &len), 0);
	assert_int_equal(wyi_sys_accept(listener, NULL, NULL), -EAGAIN);
	r = wyi_sys_connect(client, (struct sockaddr *)&a, len);
	assert_true(r == 0 || r == -EINPROGRESS);
	assert_int_equal(wyi_sys_epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event), 0);
	assert_int_equal(wyi_sys_epoll_wait(epoll, &event, 1, 10 * (s64)NS_PER_S), 1);
	len = sizeof(b);
	peer = wyi_sys_accept(listener, (struct sockaddr *)&b, &len);
	assert_flags(peer);
	len = sizeof(c);
	assert_int_equal(wyi_sys_getpeername(peer, (struct sockaddr *)&c, &len), 0);
	assert_int_equal(b.sin_port, c.sin_port);
	assert_int_equal(wyi_sys_send(client, "ping", 4), 4);
	assert_int_equal(wyi_sys_recv(client, &one, 1), -EAGAIN);
	wyi_sys_close(epoll);
	wyi_sys_close(peer);
	wyi_sys_close(client);
	wyi_sys_close(listener);
}

static void mmsg__two_datagrams__both_with_their_lengths(void **state)
{
	char out[2][4] = {"a", "bcd"}, in[2][8];
	struct iovec from[2] = {{out[0], 1}, {out[1], 3}}, to[2] = {{in[0], 8}, {in[1], 8}};
	struct mmsghdr send[2] = {0}, recv[2] = {0};
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	for (int i = 0; i < 2; i++) {
		send[i].msg_hdr = (struct msghdr){.msg_iov = &from[i], .msg_iovlen = 1};
		recv[i].msg_hdr = (struct msghdr){.msg_iov = &to[i], .msg_iovlen = 1};
	}
	assert_int_equal(wyi_sys_sendmmsg(fds[0], send, 2), 2);
	assert_int_equal(wyi_sys_recvmmsg(fds[1], recv, 2), 2);
	assert_int_equal(recv[0].msg_len, 1);
	assert_int_equal(recv[1].msg_len, 3);
	assert_memory_equal(in[1], "bcd", 3);
	assert_int_equal(wyi_sys_recvmmsg(fds[1], recv, 2), -EAGAIN);
	assert_int_equal(wyi_sys_sendmsg(fds[0], &send[0].msg_hdr), 1);
	assert_int_equal(wyi_sys_recvmsg(fds[1], &recv[0].msg_hdr), 1);
	wyi_sys_close(fds[0]);
	wyi_sys_close(fds[1]);
}

static void unsent__before_and_after_the_peer_reads__some_then_none(void **state)
{
	char bytes[100] = {0};
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(wyi_sys_send(fds[0], bytes, sizeof(bytes)), sizeof(bytes));
	assert_true(wyi_sys_unsent(fds[0]) > 0);
	assert_int_equal(wyi_sys_recv(fds[1], bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(wyi_sys_unsent(fds[0]), 0);
	wyi_sys_close(fds[0]);
	assert_int_equal(wyi_sys_send(fds[1], bytes, 1), -EPIPE); /* and we live */
	wyi_sys_close(fds[1]);
}

static void eventfd_raise__full__eagain(void **state)
{
	u64 nearly = UINT64_MAX - 1, n;
	int fd = wyi_sys_eventfd();

	(void)state;
	assert_int_equal(wyi_sys_eventfd_raise(fd), 0);
	assert_int_equal(wyi_sys_read(fd, &n, sizeof(n)), sizeof(n));
	assert_int_equal(n, 1);
	assert_int_equal(wyi_sys_write(fd, &nearly, sizeof(nearly)), sizeof(nearly));
	assert_int_equal(wyi_sys_eventfd_raise(fd), -EAGAIN);
	wyi_sys_close(fd);
}

static void files__made_and_changed__as_asked(void **state)
{
	char dir[] = "/tmp/wye-sys-XXXXXX", path[64];
	struct stat st;
	int fd, other;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	fd = wyi_sys_open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	other = wyi_sys_open(path, O_RDWR, 0);
	assert_int_equal(wyi_sys_flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(wyi_sys_flock(other, LOCK_EX | LOCK_NB), -EWOULDBLOCK);
	assert_int_equal(wyi_sys_ftruncate(fd, 7), 0);
	assert_int_equal(wyi_sys_fchmod(fd, 0640), 0);
	assert_int_equal(wyi_sys_fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 7);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(wyi_sys_write(fd, "abc", 3), 3);
	assert_int_equal(wyi_sys_lstat(path, &st), 0);
	assert_int_equal(wyi_sys_unlink(path), 0);
	wyi_sys_close(fd);
	wyi_sys_close(other);
	rmdir(dir);
}

static void dup__of_a_pipe__over_the_standard_ones_and_as_it_was(void **state)
{
	struct pollfd ready = {.events = POLLIN};
	int fds[2], copy;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	copy = wyi_sys_dup(fds[1]);
	assert_true(copy > 2);
	assert_true(fcntl(copy, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(wyi_sys_open_flags(copy) & (O_ACCMODE | O_NONBLOCK), O_WRONLY);
	assert_int_equal(wyi_sys_open_flags(-1), -EBADF);
	assert_int_equal(wyi_sys_dup(-1), -EBADF);
	assert_int_equal(wyi_sys_write(copy, "x", 1), 1);
	ready.fd = fds[0];
	assert_int_equal(wyi_sys_poll(&ready, 1), 1);
	assert_true(ready.revents & POLLIN);
	assert_int_equal(wyi_sys_pid(), getpid());
	wyi_sys_close(copy);
	wyi_sys_close(fds[0]);
	wyi_sys_close(fds[1]);
}

static void getaddrinfo__no_number_where_one_is_asked__positive_eai(void **state)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM},
			*list = NULL;

	(void)state;
	assert_int_equal(wyi_sys_getaddrinfo("no-number", "80", &hints, &list), -EAI_NONAME);
	assert_true(-EAI_NONAME > 0);
	assert_int_equal(wyi_sys_getaddrinfo("127.0.0.1", "80", &hints, &list), 0);
	assert_int_equal(list->ai_family, AF_INET);
	wyi_sys_freeaddrinfo(list);
	wyi_sys_freeaddrinfo(NULL);
}

static void interfaces__loopback__name_and_index_agree(void **state)
{
	char name[IF_NAMESIZE];
	u32 index = wyi_sys_if_index("lo");

	(void)state;
	assert_int_not_equal(index, 0);
	assert_int_equal(wyi_sys_if_name(index, name), 0);
	assert_string_equal(name, "lo");
	assert_int_equal(wyi_sys_if_index("no-such-if0"), 0);
	assert_int_equal(wyi_sys_if_name(0x7fffffff, name), -ENXIO);
}

static void memory_and_random__asked__given(void **state)
{
	u8 a[300], b[300], *p = wyi_zalloc(64);

	(void)state;
	for (int i = 0; i < 64; i++)
		assert_int_equal(p[i], 0);
	p = wyi_realloc(p, 4096);
	assert_non_null(p);
	wyi_free(p);
	wyi_free(NULL);
	p = wyi_alloc(1);
	assert_non_null(p);
	wyi_free(p);
	wyi_sys_random(a, sizeof(a));
	wyi_sys_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a + 284, b + 284, 16); /* filled to the end */
}

static void *mask_of_thread(void *arg)
{
	pthread_sigmask(SIG_SETMASK, NULL, arg);
	return NULL;
}

static void thread__started__signals_blocked_but_faults(void **state)
{
	sigset_t before, inside, after;
	pthread_t thread;

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(wyi_sys_thread(&thread, mask_of_thread, &inside), 0);
	pthread_join(thread, NULL);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	assert_int_equal(sigismember(&inside, SIGTERM), 1);
	assert_int_equal(sigismember(&inside, SIGPIPE), 1);
	assert_int_equal(sigismember(&inside, SIGUSR1), 1);
	assert_int_equal(sigismember(&inside, SIGSEGV), 0);
	for (int i = 1; i < 32; i++)
		assert_int_equal(sigismember(&before, i), sigismember(&after, i));
}

/* timers */

static void on_alarm(int signo)
{
	(void)signo;
}

static void epoll_wait__signal__eintr(void **state)
{
	struct sigaction act = {.sa_handler = on_alarm}, old;
	struct itimerval again = {{0, 10000}, {0, 10000}}, none = {0};
	struct epoll_event event;
	int epoll = wyi_sys_epoll_create();

	(void)state;
	sigaction(SIGALRM, &act, &old);
	setitimer(ITIMER_REAL, &again, NULL);
	assert_int_equal(wyi_sys_epoll_wait(epoll, &event, 1, -1), -EINTR);
	assert_int_equal(wyi_sys_epoll_wait(epoll, &event, 1, 60 * (s64)NS_PER_S), -EINTR);
	setitimer(ITIMER_REAL, &none, NULL);
	sigaction(SIGALRM, &old, NULL);
	wyi_sys_close(epoll);
}

/* Each claim answers 0 or the line that failed, so that a child can pass it on. */
#define CLAIM(c)                                                                                   \
	do {                                                                                       \
		if (!(c))                                                                          \
			return __LINE__;                                                           \
	} while (0)

static int claim_timers_never_early(void)
{
	static const s64 waits[] = {1, 500, 100 * (s64)NS_PER_US, (s64)NS_PER_MS + 1,
				    3 * (s64)NS_PER_MS - 1};
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = wyi_sys_epoll_create(), fd = wyi_sys_eventfd();

	for (unsigned i = 0; i < ARRAY_SIZE(waits); i++) {
		u64 start = wyi_sys_now();

		CLAIM(wyi_sys_epoll_wait(epoll, &event, 1, waits[i]) == 0);
		CLAIM(wyi_sys_now() - start >= (u64)waits[i]);
	}
	CLAIM(wyi_sys_epoll_wait(epoll, &event, 1, 0) == 0);
	CLAIM(wyi_sys_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
	CLAIM(wyi_sys_eventfd_raise(fd) == 0);
	CLAIM(wyi_sys_epoll_wait(epoll, &event, 1, 60 * (s64)NS_PER_S) == 1);
	CLAIM(wyi_sys_epoll_wait(epoll, &event, 1, -1) == 1);
	CLAIM(wyi_sys_epoll_wait(epoll, &event, 1, INT64_MAX) == 1);
	wyi_sys_close(fd);
	wyi_sys_close(epoll);
	return 0;
}

/* SIGPIPE */

static volatile sig_atomic_t sigpipes;

static void on_sigpipe(int signo)
{
	(void)signo;
	sigpipes++;
}

static bool is_pending(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGPIPE) == 1;
}

static int claim_no_sigpipe(void)
{
	struct sigaction act = {.sa_handler = on_sigpipe};
	struct iovec two[] = {{(char[]){'a'}, 1}, {(char[]){'b', 'c'}, 2}};
	sigset_t sigpipe, mask;
	char got[4];
	int fds[2], sockets[2];
	u64 one = 1;
	int event = wyi_sys_eventfd();

	sigpipes = 0;
	CLAIM(sigaction(SIGPIPE, &act, NULL) == 0);
	CLAIM(pipe2(fds, O_NONBLOCK) == 0);
	CLAIM(wyi_sys_writev(fds[1], two, 2) == 3);
	CLAIM(wyi_sys_read(fds[0], got, sizeof(got)) == 3 && memcmp(got, "abc", 3) == 0);
	CLAIM(wyi_sys_read(fds[0], got, sizeof(got)) == -EAGAIN);
	wyi_sys_close(fds[0]);
	CLAIM(wyi_sys_writev(fds[1], two, 2) == -EPIPE);
	CLAIM(wyi_sys_write(fds[1], "x", 1) == -EPIPE);
	CLAIM(sigpipes == 0 && !is_pending());
	CLAIM(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
	wyi_sys_close(sockets[0]);
	CLAIM(wyi_sys_write(sockets[1], "x", 1) == -EPIPE);
	wyi_sys_close(sockets[1]);
	CLAIM(wyi_sys_write(event, &one, sizeof(one)) == sizeof(one)); /* has no ->write_iter */
	wyi_sys_close(event);
	CLAIM(sigpipes == 0 && !is_pending());
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	CLAIM(sigismember(&mask, SIGPIPE) == 0);

	/* One that the host program has pending stays its own. */
	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &sigpipe, NULL);
	pthread_kill(pthread_self(), SIGPIPE);
	CLAIM(wyi_sys_writev(fds[1], two, 2) == -EPIPE);
	CLAIM(is_pending());
	pthread_sigmask(SIG_UNBLOCK, &sigpipe, NULL);
	CLAIM(sigpipes == 1);
	wyi_sys_close(fds[1]);
	return 0;
}

/* From now on this process sees a kernel that has neither epoll_pwait2 nor pwritev2's flags. */
static bool become_old(int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 441 /* epoll_pwait2 */, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwritev2, 2, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
	};
	struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

#define CANT_FILTER 1

/* 0: all claims held. Else the line of the one that did not, or -1: the child was killed. */
static int in_child(int (*claim)(void), int old_error)
{
	int status, fds[2], line = -1;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		line = old_error && !become_old(old_error) ? CANT_FILTER : claim();
		if (write(fds[1], &line, sizeof(line)) != sizeof(line))
			_exit(1);
		_exit(0);
	}
	close(fds[1]);
	if (read(fds[0], &line, sizeof(line)) != sizeof(line))
		line = -1;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return line;
}

static void epoll_wait__short_timeouts__never_early(void **state)
{
	(void)state;
	assert_int_equal(in_child(claim_timers_never_early, 0), 0);
}

static void epoll_wait__no_epoll_pwait2__never_early(void **state)
{
	int line = in_child(claim_timers_never_early, EOPNOTSUPP);

	(void)state;
	if (line == CANT_FILTER)
		skip();
	assert_int_equal(line, 0);
}

static void writev__no_reader__epipe_and_no_signal(void **state)
{
	(void)state;
	assert_int_equal(in_child(claim_no_sigpipe, 0), 0);
}

static void writev__no_reader_on_an_older_kernel__epipe_and_no_signal(void **state)
{
	static const int answers[] = {EOPNOTSUPP, EINVAL, ENOSYS, EPERM};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(answers); i++) {
		int line = in_child(claim_no_sigpipe, answers[i]);

		if (line == CANT_FILTER)
			skip();
		assert_int_equal(line, 0);
	}
}

int main(void)
{
	/*
	 * First those that fork: what the kernel has is asked once per process, and children
	 * inherit it.
	 */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(epoll_wait__short_timeouts__never_early),
		cmocka_unit_test(epoll_wait__no_epoll_pwait2__never_early),
		cmocka_unit_test(writev__no_reader__epipe_and_no_signal),
		cmocka_unit_test(writev__no_reader_on_an_older_kernel__epipe_and_no_signal),
		cmocka_unit_test(descriptors__made__close_on_exec_and_non_blocking),
		cmocka_unit_test(calls__failing__answer_minus_errno),
		cmocka_unit_test(accept__on_loopback__peer_known_and_flags_set),
		cmocka_unit_test(mmsg__two_datagrams__both_with_their_lengths),
		cmocka_unit_test(unsent__before_and_after_the_peer_reads__some_then_none),
		cmocka_unit_test(eventfd_raise__full__eagain),
		cmocka_unit_test(files__made_and_changed__as_asked),
		cmocka_unit_test(dup__of_a_pipe__over_the_standard_ones_and_as_it_was),
		cmocka_unit_test(getaddrinfo__no_number_where_one_is_asked__positive_eai),
		cmocka_unit_test(interfaces__loopback__name_and_index_agree),
		cmocka_unit_test(memory_and_random__asked__given),
		cmocka_unit_test(thread__started__signals_blocked_but_faults),
		cmocka_unit_test(epoll_wait__signal__eintr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
