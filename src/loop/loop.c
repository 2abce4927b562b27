/* SPDX-License-Identifier: MIT */
/*
 * The loop itself: its life, whose it is, and its turn (loop.h says the order).
 *
 * Failure: wye_loop_new() undoes what it made; a turn fails only if the kernel's wait does. Misuse
 * is answered: another thread, a forked child, a turn inside a turn.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include "loop/inner.h"

/* -- whose it is ------------------------------------------------------------------------------- */
/* getpid() is a system call; a count kept by a fork handler is a load. */
static atomic_uint forks;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static int fork_error;

static void on_fork(void)
{
	atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

static void watch_forks(void)
{
	fork_error = -pthread_atfork(NULL, NULL, on_fork);
}

u32 wyi_forks(void)
{
	return atomic_load_explicit(&forks, memory_order_relaxed);
}

int wyi_fork_watch(void)
{
	pthread_once(&fork_once, watch_forks);
	return fork_error;
}

int wyi_loop_check(const struct wye_loop *loop)
{
	if (loop->forks != wyi_forks())
		return -ECHILD;
	pthread_t owner = atomic_load_explicit(&loop->owner, memory_order_relaxed);
	return owner == 0 || pthread_equal(owner, pthread_self()) ? 0 : WYE_ETHREAD;
}

/* The first turn makes the loop the calling thread's. */
static int claim(struct wye_loop *loop)
{
	if (loop->forks != wyi_forks())
		return -ECHILD;
	if (atomic_load(&loop->claimed)) {
		int r = wyi_loop_check(loop);
		if (r < 0)
			return r;
	}
	if (loop->inside)
		return -EINVAL;
	atomic_store_explicit(&loop->owner, pthread_self(), memory_order_relaxed);
	atomic_store(&loop->claimed, true);
	return 0;
}

static void unclaim(struct wye_loop *loop)
{
	atomic_store_explicit(&loop->owner, 0, memory_order_relaxed);
	atomic_store(&loop->claimed, false);
}

/* -- a turn ------------------------------------------------------------------------------------ */
static void on_inner(void *ctx, const struct loop_ready *ready, unsigned n)
{
	struct wye_loop *loop = ctx;
	for (unsigned i = 0; i < n; i++) {
		if (ready[i].value == INNER_EVENT)
			wyi_event_ready(loop);
		else if (ready[i].value != INNER_ALARM) /* which only has to end the wait */
			wyi_signal_ready(loop, (int)ready[i].value);
	}
}

bool wyi_loop_more(struct wye_loop *loop)
{
	return loop->again || !list_empty(&loop->due) || wyi_posts_wait(loop) ||
	       wyi_wheel_next(&loop->wheel) == 0;
}

/* ns; -1: until something happens */
static s64 wait_time(struct wye_loop *loop, int timeout_ms)
{
	s64 wait = timeout_ms < 0 ? -1 : timeout_ms * (s64)NS_PER_MS;
	if (wait == 0 || wyi_loop_more(loop))
		return 0;
	u64 next = wyi_wheel_next(&loop->wheel);
	if (next == WHEEL_NEVER)
		return wait;
	/* The turn's own time is old by now, and would make every timer late by a turn's length. */
	u64 now = wyi_sys_now(), left = next > now ? next - now : 0;
	if (wait < 0 || left < (u64)wait)
		return left > INT64_MAX ? INT64_MAX : (s64)left;
	return wait;
}

static int wait_events(struct wye_loop *loop, int timeout_ms)
{
	s64 wait = wait_time(loop, timeout_ms);
	/* Said first, looked again after: see post.c. */
	atomic_store(&loop->asleep, wait != 0);
	if (wait != 0 && (wyi_posts_wait(loop) || atomic_load(&loop->stop)))
		wait = 0;
	int n = wyi_sys_epoll_wait(loop->epoll, loop->events, LOOP_EVENTS, wait);
	atomic_store(&loop->asleep, false);
	return n == -EINTR ? 0 : n;
}

static int turn(struct wye_loop *loop, int timeout_ms)
{
	int n = wait_events(loop, timeout_ms);
	if (n < 0)
		return n;
	loop->inside = true;
	loop->again = false;
	loop->now = wyi_sys_now();
	wyi_loop_dispatch(loop, n);
	wyi_posts_run(loop);
	wyi_timers_run(loop);
	for (unsigned phase = 0; phase < LOOP_PHASES; phase++) {
		if (loop->phases[phase].fn && loop->phases[phase].fn(loop->phases[phase].ctx))
			loop->again = true;
	}
	loop->inside = false;
	wyi_embed_settle(loop);
	return wyi_loop_more(loop);
}

/* -- life -------------------------------------------------------------------------------------- */
int wyi_options(void *out, size_t size, const void *options)
{
	const char *bytes = options;
	size_t given;
	memset(out, 0, size);
	if (!options)
		return 0;
	memcpy(&given, options, sizeof(given));
	if (given < sizeof(given) || given > 4096)
		return -EINVAL;
	for (size_t i = size; i < given; i++) {
		if (bytes[i])
			return -EINVAL;
	}
	memcpy(out, options, given < size ? given : size);
	return 0;
}

/* Takes what wye_loop_new() got to. */
static void destroy(struct wye_loop *loop)
{
	while (loop->n_parts > 0) {
		struct loop_part *part = &loop->parts[--loop->n_parts];
		part->free_part(part->part);
	}
	wyi_posts_forget(loop);
	wyi_embed_deinit(loop);
	wyi_bulk_free(loop->bulk);
	if (loop->event >= 0)
		wyi_sys_close(loop->event);
	if (loop->epoll >= 0)
		wyi_sys_close(loop->epoll);
	wyi_free(loop);
}

static int open_fds(struct wye_loop *loop)
{
	u32 events = 0;
	loop->epoll = wyi_sys_epoll_create();
	if (loop->epoll < 0)
		return loop->epoll;
	loop->event = wyi_sys_eventfd();
	if (loop->event < 0)
		return loop->event;
	wyi_loop_class(loop, LOOP_INNER, on_inner, loop);
	return wyi_poll_set(loop, loop->event, &events, EPOLLIN, LOOP_INNER, INNER_EVENT);
}

int wye_loop_new(const struct wye_loop_options *options, struct wye_loop **ret_loop)
{
	struct wye_loop_options given;
	int r = wyi_options(&given, sizeof(given), options);
	if (r < 0)
		return r;
	if (!ret_loop)
		return -EINVAL;
	r = wyi_fork_watch();
	if (r < 0)
		return r;
	struct wye_loop *loop = wyi_zalloc(sizeof(*loop));
	if (!loop)
		return -ENOMEM;
	loop->epoll = loop->event = loop->alarm = -1;
	loop->forks = wyi_forks();
	atomic_init(&loop->owner, pthread_self());
	loop->on_log = given.on_log;
	loop->log_ctx = given.log_ctx;
	loop->now = wyi_sys_now();
	wyi_wheel_init(&loop->wheel, loop->now);
	list_init(&loop->due);
	r = open_fds(loop);
	if (r == 0)
		r = wyi_bulk_new(&loop->bulk);
	if (r < 0) {
		destroy(loop);
		return r;
	}
	*ret_loop = loop;
	return 0;
}

int wye_loop_turn(struct wye_loop *loop, int timeout_ms)
{
	int r = claim(loop);
	if (r < 0)
		return r;
	r = turn(loop, timeout_ms);
	atomic_store(&loop->stop, false); /* it made this turn return; there is no run to end */
	return r;
}

int wye_loop_run(struct wye_loop *loop)
{
	int r = claim(loop);
	if (r < 0)
		return r;
	while (r >= 0 && !atomic_exchange(&loop->stop, false))
		r = turn(loop, -1);
	wyi_embed_settle(loop);
	unclaim(loop);
	return r < 0 ? r : 0;
}

int wye_loop_free(struct wye_loop *loop)
{
	if (!loop)
		return 0;
	int r = wyi_loop_check(loop);
	if (r < 0)
		return r;
	if (loop->inside || atomic_load(&loop->users) > 0)
		return -EBUSY;
	/* The wye_post() whose task has run already may still be on its way out. */
	while (atomic_load(&loop->posting) > 0)
		sched_yield();
	destroy(loop);
	return 0;
}

/* -- what upper folders ask for ---------------------------------------------------------------- */
uint64_t wye_loop_now(const struct wye_loop *loop)
{
	return wyi_loop_now(loop);
}

/*
 * Between turns the last one's time may be long past, and a timer counted from it would be early.
 */
u64 wyi_loop_now(const struct wye_loop *loop)
{
	return loop->inside ? loop->now : wyi_sys_now();
}

void wyi_loop_phase(struct wye_loop *loop, enum loop_phase phase, loop_phase_fn fn, void *ctx)
{
	wyi_assert(phase < LOOP_PHASES);
	loop->phases[phase].fn = fn;
	loop->phases[phase].ctx = ctx;
}

void wyi_loop_again(struct wye_loop *loop)
{
	loop->again = true;
	wyi_embed_settle(loop);
}

void *wyi_loop_part(const struct wye_loop *loop, const void *key)
{
	for (u32 i = 0; i < loop->n_parts; i++) {
		if (loop->parts[i].key == key)
			return loop->parts[i].part;
	}
	return NULL;
}

int wyi_loop_attach(struct wye_loop *loop, const void *key, void *part, void (*free_part)(void *))
{
	wyi_assert(!wyi_loop_part(loop, key));
	if (loop->n_parts == LOOP_PARTS)
		return WYE_EFULL;
	loop->parts[loop->n_parts++] = (struct loop_part){key, part, free_part};
	return 0;
}

struct bulk *wyi_loop_bulk(struct wye_loop *loop)
{
	return loop->bulk;
}

void wyi_loop_use(struct wye_loop *loop, int delta)
{
	int before = atomic_fetch_add(&loop->users, delta);
	wyi_assert(before + delta >= 0);
}
