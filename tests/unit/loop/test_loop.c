/* SPDX-License-Identifier: MIT */
#include "turns.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static unsigned open_fds(void)
{
	unsigned n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* -- life -------------------------------------------------------------------------------------- */
static void loop_new__few_descriptors__undoes_all(void **state)
{
	(void)state;
	struct wye_loop *loop = NULL;
	struct rlimit before, few;
	unsigned fds = open_fds();
	getrlimit(RLIMIT_NOFILE, &before);
	few = before;
	int last = dup(0), failures = 0, r = -1;
	close(last);
	for (few.rlim_cur = (rlim_t)last; r < 0 && failures < 16; few.rlim_cur++) {
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		r = wye_loop_new(NULL, &loop);
		assert_true(r == 0 || r == -EMFILE);
		if (r < 0) {
			assert_null(loop);
			assert_int_equal(open_fds(), fds);
			failures++;
		}
	}
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(r, 0);
	assert_true(failures >= 2);
	assert_int_equal(wye_loop_free(loop), 0);
	assert_int_equal(open_fds(), fds);
	assert_int_equal(wye_loop_free(NULL), 0);
}

static void loop_new__options__size_rules(void **state)
{
	(void)state;
	struct wye_loop *loop = NULL;
	struct newer {
		struct wye_loop_options known;
		void *unknown;
	} newer = {.known = {.size = sizeof(newer)}};
	struct wye_loop_options none = {0};
	assert_int_equal(wye_loop_new(&none, &loop), -EINVAL);
	newer.unknown = &newer;
	assert_int_equal(wye_loop_new(&newer.known, &loop), -EINVAL);
	assert_null(loop);
	newer.unknown = NULL;
	assert_int_equal(wye_loop_new(&newer.known, &loop), 0);
	assert_int_equal(wye_loop_free(loop), 0);
	newer.known.size = sizeof(size_t); /* an older program's: the rest is not looked at */
	newer.known.on_log = (void (*)(const struct wye_log *, void *))(uintptr_t)1;
	assert_int_equal(wye_loop_new(&newer.known, &loop), 0);
	wyi_log(loop, WYE_LOG_INFO, "up", NULL, 0, "nobody listens");
	assert_int_equal(wye_loop_free(loop), 0);
	assert_int_equal(wye_loop_new(NULL, NULL), -EINVAL);
}

static char order[64];

static void stage(const char *name)
{
	size_t n = strlen(order);
	snprintf(order + n, sizeof(order) - n, "%s", name);
}

static void free_part(void *part)
{
	stage(part);
}

static void parts__freed_in_reverse(void **state)
{
	(void)state;
	static const char key[17];
	static char a[] = "a", b[] = "b", c[] = "c", none[] = "";
	struct wye_loop *loop = new_loop();
	order[0] = '\0';
	assert_null(wyi_loop_part(loop, &key[0]));
	assert_int_equal(wyi_loop_attach(loop, &key[0], a, free_part), 0);
	assert_int_equal(wyi_loop_attach(loop, &key[1], b, free_part), 0);
	assert_int_equal(wyi_loop_attach(loop, &key[2], c, free_part), 0);
	assert_ptr_equal(wyi_loop_part(loop, &key[1]), b);
	for (unsigned i = 3; i < 16; i++)
		assert_int_equal(wyi_loop_attach(loop, &key[i], none, free_part), 0);
	assert_int_equal(wyi_loop_attach(loop, &key[16], none, free_part), WYE_EFULL);
	wyi_loop_use(loop, +1);
	assert_int_equal(wye_loop_free(loop), -EBUSY);
	assert_string_equal(order, "");
	wyi_loop_use(loop, -1);
	assert_int_equal(wye_loop_free(loop), 0);
	assert_string_equal(order, "cba");
}

struct heard {
	char text[2100], event[16];
	enum wye_level level;
	u64 link;
	unsigned calls;
};

static void hear(const struct wye_log *log, void *ctx)
{
	struct heard *h = ctx;
	h->calls++;
	h->level = log->level;
	h->link = log->link;
	snprintf(h->text, sizeof(h->text), "%s", log->text);
	snprintf(h->event, sizeof(h->event), "%s", log->event);
}

static void log__long_text__is_cut(void **state)
{
	(void)state;
	struct heard h = {.calls = 0};
	struct wye_loop_options options = {sizeof(options), hear, &h};
	struct wye_loop *loop = NULL;
	char longest[4000];
	assert_int_equal(wye_loop_new(&options, &loop), 0);
	wyi_log(loop, WYE_LOG_WARN, "down", "name", 42, "%s %d", "after", 7);
	assert_string_equal(h.text, "after 7");
	assert_string_equal(h.event, "down");
	assert_int_equal(h.level, WYE_LOG_WARN);
	assert_int_equal(h.link, 42);
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	wyi_log(loop, WYE_LOG_WARN, "down", NULL, 0, "%s", longest);
	assert_int_equal(strlen(h.text), 2047);
	assert_string_equal(h.text + 2043, "x...");
	assert_int_equal(h.calls, 2);
	assert_int_equal(wye_loop_free(loop), 0);
}

/* -- what is ready ----------------------------------------------------------------------------- */
struct arrays {
	unsigned calls, n;
	u64 values, last; /* values: a bit each */
	u32 events;
	const char *name;
};

static void on_ready(void *ctx, const struct loop_ready *ready, unsigned n)
{
	struct arrays *a = ctx;
	a->calls++;
	a->n = n;
	a->values = 0;
	for (unsigned i = 0; i < n; i++) {
		a->values |= 1ull << ready[i].value % 64;
		a->last = ready[i].value;
		a->events = ready[i].events;
	}
	stage(a->name);
}

static void ready__two_classes__one_call_each_in_order(void **state)
{
	struct wye_loop *loop = *state;
	struct arrays links = {.name = "L"}, accepts = {.name = "A"};
	int fds[10];
	u32 now[10] = {0};
	order[0] = '\0';
	wyi_loop_class(loop, LOOP_LINK, on_ready, &links);
	wyi_loop_class(loop, LOOP_ACCEPT, on_ready, &accepts);
	for (unsigned i = 0; i < 10; i++) {
		fds[i] = wyi_sys_eventfd();
		/* Even ones are links; the last two get nothing to read. */
		assert_int_equal(wyi_poll_set(loop, fds[i], &now[i], EPOLLIN,
					      i % 2 ? LOOP_ACCEPT : LOOP_LINK, i),
				 0);
		if (i < 8)
			assert_int_equal(wyi_sys_eventfd_raise(fds[i]), 0);
	}
	for (unsigned turn = 1; turn <= 2; turn++) { /* level: told again until it is read */
		assert_int_equal(wye_loop_turn(loop, -1), 0);
		assert_int_equal(links.calls, turn);
		assert_int_equal(accepts.calls, turn);
		assert_int_equal(links.n, 4);
		assert_true(links.values == 0x55);
		assert_true(accepts.values == 0xaa);
		assert_int_equal(links.events, EPOLLIN);
	}
	assert_string_equal(order, "ALAL");
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(wyi_poll_set(loop, fds[i], &now[i], 0, LOOP_LINK, i), 0);
		close(fds[i]);
	}
}

static void poll_set__transitions(void **state)
{
	struct wye_loop *loop = *state;
	struct arrays links = {.name = "L"};
	int pair[2];
	u32 now = 0;
	wyi_loop_class(loop, LOOP_LINK, on_ready, &links);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	/* Not in the set, and stays out: no call, so a bad fd is not even noticed. */
	assert_int_equal(wyi_poll_set(loop, -1, &now, 0, LOOP_LINK, 3), 0);
	assert_int_equal(wyi_poll_set(loop, -1, &now, EPOLLIN, LOOP_LINK, 3), -EBADF);
	assert_int_equal(now, 0);
	assert_int_equal(wyi_poll_set(loop, pair[0], &now, EPOLLIN, LOOP_LINK, 3), 0);
	assert_int_equal(now, EPOLLIN);
	assert_int_equal(wyi_poll_set(loop, -1, &now, EPOLLIN, LOOP_LINK, 3), 0);
	assert_int_equal(wye_loop_turn(loop, 0), 0);
	assert_int_equal(links.calls, 0);
	assert_int_equal(wyi_poll_set(loop, pair[0], &now, EPOLLIN | EPOLLOUT, LOOP_LINK, 3), 0);
	assert_int_equal(wye_loop_turn(loop, 0), 0);
	assert_int_equal(links.calls, 1);
	assert_int_equal(links.events, EPOLLOUT);
	assert_true(links.values == 1 << 3);
	close(pair[1]);
	/* Out of the set: not even the hang-up is told. */
	assert_int_equal(wyi_poll_set(loop, pair[0], &now, 0, LOOP_LINK, 3), 0);
	assert_int_equal(now, 0);
	assert_int_equal(wye_loop_turn(loop, 0), 0);
	assert_int_equal(links.calls, 1);
	assert_int_equal(wyi_poll_set(loop, pair[0], &now, EPOLLOUT, LOOP_LINK, (1ull << 56) - 1),
			 0);
	assert_int_equal(wye_loop_turn(loop, 0), 0);
	assert_int_equal(links.calls, 2);
	assert_true(links.events & EPOLLHUP);
	assert_true(links.last == (1ull << 56) - 1);
	assert_int_equal(wyi_poll_set(loop, pair[0], &now, 0, LOOP_LINK, 3), 0);
	close(pair[0]);
}

static void poll_set__regular_file__is_eperm(void **state)
{
	u32 now = 0;
	int fd = open("/proc/self/exe", O_RDONLY);
	wyi_loop_class(*state, LOOP_LINK, on_ready, NULL);
	assert_int_equal(wyi_poll_set(*state, fd, &now, EPOLLIN, LOOP_LINK, 1), -EPERM);
	assert_int_equal(now, 0);
	close(fd);
}

/* -- the turn ---------------------------------------------------------------------------------- */
static void on_class(void *ctx, const struct loop_ready *ready, unsigned n)
{
	u64 value;
	(void)n;
	(void)ready;
	stage("r");
	(void)wyi_sys_read(*(int *)ctx, &value, sizeof(value));
}

static void on_post(struct wye_task *task)
{
	(void)task;
	stage("p");
}

static void on_due(struct timer *t)
{
	(void)t;
	stage("t");
}

static bool on_flush(void *ctx)
{
	stage("f");
	return --*(int *)ctx > 0;
}

static bool on_settle(void *ctx)
{
	(void)ctx;
	stage("s");
	return false;
}

static bool on_close(void *ctx)
{
	(void)ctx;
	stage("c");
	return false;
}

static void turn__stages_in_order_and_phase_asks_for_more(void **state)
{
	struct wye_loop *loop = *state;
	struct timer t;
	struct wye_task task = {.run = on_post};
	int fd = wyi_sys_eventfd(), more = 3;
	u32 now = 0;
	order[0] = '\0';
	wyi_loop_class(loop, LOOP_DGRAM, on_class, &fd);
	wyi_loop_phase(loop, LOOP_CLOSE, on_close, NULL);
	wyi_loop_phase(loop, LOOP_FLUSH, on_flush, &more);
	wyi_loop_phase(loop, LOOP_SETTLE, on_settle, NULL);
	assert_int_equal(wyi_poll_set(loop, fd, &now, EPOLLIN, LOOP_DGRAM, 0), 0);
	wyi_sys_eventfd_raise(fd);
	wyi_timer_init(&t, on_due);
	wyi_timer_set(loop, &t, 0);
	wye_post(loop, &task);
	assert_int_equal(wye_loop_turn(loop, -1), 1);
	assert_string_equal(order, "rptfsc");
	assert_int_equal(wye_loop_turn(loop, -1), 1); /* does not sleep */
	assert_int_equal(wye_loop_turn(loop, -1), 0);
	assert_string_equal(order, "rptfscfscfsc");
	wyi_loop_again(loop);
	assert_int_equal(wye_loop_turn(loop, -1), 0);
	assert_int_equal(wyi_poll_set(loop, fd, &now, 0, LOOP_DGRAM, 0), 0);
	close(fd);
}

static void turn__timeout__waits_that_long(void **state)
{
	u64 begun = wyi_sys_now();
	assert_int_equal(wye_loop_turn(*state, 20), 0);
	assert_true(wyi_sys_now() - begun >= 20 * NS_PER_MS);
}

static void on_alarm(int signo)
{
	(void)signo;
}

static void turn__interrupted__is_an_empty_turn(void **state)
{
	struct sigaction action = {.sa_handler = on_alarm}, before;
	sigaction(SIGALRM, &action, &before);
	alarm(1);
	assert_int_equal(wye_loop_turn(*state, 60000), 0);
	sigaction(SIGALRM, &before, NULL);
}

struct misuse {
	struct wye_task task; /* no user of the loop, as a timer is */
	struct wye_loop *loop;
	int turn, run, free;
	u64 now;
};

static void misuse_inside(struct wye_task *task)
{
	struct misuse *m = container_of(task, struct misuse, task);
	m->turn = wye_loop_turn(m->loop, 0);
	m->run = wye_loop_run(m->loop);
	m->free = wye_loop_free(m->loop);
	m->now = wye_loop_now(m->loop);
	wye_loop_stop(m->loop);
}

static void turn__inside_a_turn__is_refused(void **state)
{
	struct misuse m = {.task.run = misuse_inside, .loop = *state};
	wye_post(m.loop, &m.task);
	assert_int_equal(wye_loop_run(m.loop), 0);
	assert_int_equal(m.turn, -EINVAL);
	assert_int_equal(m.run, -EINVAL);
	assert_int_equal(m.free, -EBUSY);
	assert_true(m.now == m.loop->now); /* one time per turn */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loop_new__few_descriptors__undoes_all),
		cmocka_unit_test(loop_new__options__size_rules),
		cmocka_unit_test(parts__freed_in_reverse),
		cmocka_unit_test(log__long_text__is_cut),
		LOOP_TEST(ready__two_classes__one_call_each_in_order),
		LOOP_TEST(poll_set__transitions),
		LOOP_TEST(poll_set__regular_file__is_eperm),
		LOOP_TEST(turn__stages_in_order_and_phase_asks_for_more),
		LOOP_TEST(turn__timeout__waits_that_long),
		LOOP_TEST(turn__interrupted__is_an_empty_turn),
		LOOP_TEST(turn__inside_a_turn__is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
