/* SPDX-License-Identifier: MIT */
/*
 * The wheel against a naive model: an array of deadlines that is searched. Time is a number here.
 */
#include "turns.h"

#define TIMERS 200u
#define TICK   (1ull << WHEEL_TICK)

struct model_timer {
	struct timer timer;
	u64 deadline;
	bool armed;
};

struct world {
	struct wheel wheel;
	struct model_timer timers[TIMERS];
	u64 now, random;
	u64 called;
};

static u64 rnd(struct world *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

/* Spans of every level, the shortest most often; now and then the past, and the end of time. */
static u64 any_span(struct world *w)
{
	return rnd(w) >> (20 + rnd(w) % 44);
}

static u64 any_deadline(struct world *w)
{
	u64 kind = rnd(w) % 32, span = any_span(w);
	if (kind == 0)
		return UINT64_MAX - rnd(w) % 3;
	if (kind < 4)
		return span < w->now ? w->now - span : 0;
	if (kind < 8)
		return (w->now / TICK + rnd(w) % 70) * TICK + rnd(w) % 3 - 1;
	return span < UINT64_MAX - w->now ? w->now + span : UINT64_MAX;
}

static void nothing(struct timer *t)
{
	(void)t;
}

static void change(struct world *w)
{
	struct model_timer *m = &w->timers[rnd(w) % TIMERS];
	switch (rnd(w) % 4) {
	case 0:
		wyi_timer_stop(&m->timer);
		m->armed = false;
		break;
	case 1: /* freed, and another one made in its place */
		wyi_timer_stop(&m->timer);
		memset(&m->timer, 0xa5, sizeof(m->timer));
		wyi_timer_init(&m->timer, nothing);
		m->armed = false;
		break;
	default:
		m->deadline = any_deadline(w);
		wyi_wheel_set(&w->wheel, &m->timer, m->deadline);
		m->armed = true;
	}
	assert_int_equal(wyi_timer_armed(&m->timer), m->armed);
}

static u64 model_first(const struct world *w)
{
	u64 first = UINT64_MAX;
	for (unsigned i = 0; i < TIMERS; i++) {
		if (w->timers[i].armed && w->timers[i].deadline < first)
			first = w->timers[i].deadline;
	}
	return first;
}

static void check_next(struct world *w)
{
	u64 next = wyi_wheel_next(&w->wheel), first = model_first(w);
	if (next == 0)
		return;
	/*
	 * Not at once: then everything left is in the future, and is not slept through by over a
	 * tick.
	 */
	assert_true(first > w->now || first / TICK == w->now / TICK);
	assert_true(next > w->now);
	assert_true(next == WHEEL_NEVER ? first > UINT64_MAX - TICK
					: first > next || next - first < TICK);
}

/* What is due is called; each call may change anything, those that wait to be called included. */
static void advance(struct world *w)
{
	struct list due;
	list_init(&due);
	do {
		wyi_wheel_advance(&w->wheel, w->now, &due);
		while (!list_empty(&due)) {
			struct timer *t = list_first(&due, struct timer, node);
			struct model_timer *m = container_of(t, struct model_timer, timer);
			list_del(&t->node);
			assert_true(m->armed);
			assert_true(m->deadline == t->deadline);
			assert_true(m->deadline <= w->now);
			m->armed = false;
			w->called++;
			if (rnd(w) % 4 == 0)
				change(w);
		}
	} while (wyi_wheel_next(&w->wheel) == 0);
	for (unsigned i = 0; i < TIMERS; i++) {
		struct model_timer *m = &w->timers[i];
		assert_true(!m->armed || m->deadline > w->now || w->now - m->deadline < TICK);
	}
}

static void wheel__random_histories__agree_with_a_search(void **state)
{
	(void)state;
	struct world *w = malloc(sizeof(*w));
	u64 called = 0;
	for (u64 seed = 1; seed <= 400; seed++) {
		memset(w, 0, sizeof(*w));
		w->random = seed * 0x9e3779b97f4a7c15ull;
		w->now = seed % 3 ? rnd(w) >> (rnd(w) % 60 + 2) : 0;
		wyi_wheel_init(&w->wheel, w->now);
		for (unsigned i = 0; i < TIMERS; i++)
			wyi_timer_init(&w->timers[i].timer, nothing);
		for (unsigned step = 0; step < 300; step++) {
			for (u64 n = rnd(w) % 20; n > 0; n--)
				change(w);
			check_next(w);
			u64 span = any_span(w), next = wyi_wheel_next(&w->wheel);
			if (rnd(w) % 2 && next != WHEEL_NEVER && next > w->now)
				w->now = next -
					 rnd(w) % 2; /* as a loop does, or woken just before */
			else if (span < (1ull << 62) - w->now % (1ull << 62))
				w->now += span;
			advance(w);
			check_next(w);
		}
		called += w->called;
	}
	free(w);
	assert_true(called > 100000);
}

static void wheel__timers_of_one_advance__come_in_order_of_ticks(void **state)
{
	(void)state;
	static struct timer t[3000];
	struct wheel *w = malloc(sizeof(*w));
	struct list due, *pos;
	u64 random = 1, tick = 0, n = 0;
	list_init(&due);
	wyi_wheel_init(w, 12345);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		random = random * 6364136223846793005ull + 1442695040888963407ull;
		wyi_timer_init(&t[i], nothing);
		wyi_wheel_set(w, &t[i], 12346 + (random >> 20) % (60 * NS_PER_S));
	}
	wyi_wheel_advance(w, 61 * NS_PER_S, &due);
	while (wyi_wheel_next(w) == 0)
		wyi_wheel_advance(w, 61 * NS_PER_S, &due);
	list_each (pos, &due) {
		u64 own = (list_entry(pos, struct timer, node)->deadline + TICK - 1) / TICK;
		assert_true(own >= tick);
		tick = own;
		n++;
	}
	assert_int_equal(n, ARRAY_SIZE(t));
	free(w);
}

static void wheel__a_million_timers__all_expire_once(void **state)
{
	(void)state;
	enum { MILLION = 1000000 };
	struct timer *t = malloc(MILLION * sizeof(*t));
	struct wheel *w = malloc(sizeof(*w));
	u64 now = 77 * NS_PER_S, begun = wyi_sys_now(), set, stopped, advances = 0, n = 0;
	wyi_wheel_init(w, now);
	for (unsigned i = 0; i < MILLION; i++)
		wyi_timer_init(&t[i], nothing);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < MILLION; i++)
			wyi_wheel_set(w, &t[i], now + 1 + (i * 2654435761ull) % (10 * NS_PER_S));
	}
	set = wyi_sys_now() - begun;
	for (unsigned i = 0; i < MILLION; i += 2)
		wyi_timer_stop(&t[i]);
	stopped = wyi_sys_now() - begun - set;
	while (wyi_wheel_next(w) != WHEEL_NEVER) {
		struct list due;
		unsigned most = 0;
		list_init(&due);
		if (wyi_wheel_next(w) > now)
			now = wyi_wheel_next(w);
		wyi_wheel_advance(w, now, &due);
		advances++;
		while (!list_empty(&due)) {
			struct timer *first = list_first(&due, struct timer, node);
			assert_true(first->deadline <= now && now - first->deadline < TICK);
			assert_int_equal((first - t) % 2, 1);
			list_del(&first->node);
			n++;
			most++;
		}
		assert_true(most <= WHEEL_MOVES);
	}
	assert_int_equal(n, MILLION / 2);
	/*
	 * Not one by one, and without looking at every tick's every timer: a bound, not a
	 * measurement.
	 */
	assert_true(advances < 20000);
	print_message("set %.0f ns, stop %.0f ns, expire %.0f ns a timer; %llu advances\n",
		      (double)set / 2e6, (double)stopped / 5e5,
		      (double)(wyi_sys_now() - begun - set - stopped) / 5e5,
		      (unsigned long long)advances);
	free(w);
	free(t);
}

static void wheel__few_timers__next_is_exact(void **state)
{
	(void)state;
	struct wheel *w = malloc(sizeof(*w));
	struct timer t[2];
	wyi_wheel_init(w, 5);
	assert_true(wyi_wheel_next(w) == WHEEL_NEVER);
	for (unsigned i = 0; i < 2; i++) {
		wyi_timer_init(&t[i], nothing);
		wyi_wheel_set(w, &t[i], (100 + i) * NS_PER_S);
	}
	/* No wake-up in between to spread slots: straight to the tick of the first. */
	u64 next = wyi_wheel_next(w);
	assert_true(next >= 100 * NS_PER_S && next - 100 * NS_PER_S < TICK);
	wyi_timer_stop(&t[0]);
	next = wyi_wheel_next(w);
	assert_true(next >= 101 * NS_PER_S && next - 101 * NS_PER_S < TICK);
	wyi_timer_stop(&t[1]);
	assert_true(wyi_wheel_next(w) == WHEEL_NEVER);
	free(w);
}

/* A slot of many is spread over several advances, so that no turn is held up. */
static void wheel__many_in_one_slot__are_spread_bit_by_bit(void **state)
{
	(void)state;
	enum { MANY = 2 * WHEEL_MOVES + 1 };
	struct wheel *w = malloc(sizeof(*w));
	struct timer *t = malloc(MANY * sizeof(*t));
	struct list due;
	unsigned advances = 0;
	list_init(&due);
	wyi_wheel_init(w, 0);
	for (unsigned i = 0; i < MANY; i++) {
		wyi_timer_init(&t[i], nothing);
		wyi_wheel_set(w, &t[i], 100 * NS_PER_S);
	}
	u64 reached = wyi_wheel_next(w);
	assert_in_range(reached, 1, 100 * NS_PER_S - TICK);
	do {
		wyi_wheel_advance(w, reached, &due);
		advances++;
	} while (wyi_wheel_next(w) == 0);
	assert_int_equal(advances, 3);
	assert_true(list_empty(&due));
	/* Stopped while it waits to be spread. */
	wyi_wheel_advance(w, wyi_wheel_next(w), &due);
	wyi_timer_stop(&t[MANY - 1]);
	for (unsigned i = 0; i < 20; i++)
		wyi_wheel_advance(w, 101 * NS_PER_S, &due);
	unsigned n = 0;
	for (; !list_empty(&due); n++)
		list_del(due.next);
	assert_int_equal(n, MANY - 1);
	free(t);
	free(w);
}

/* Not rounded up to the next tick, as one in the future is. */
static void wheel__deadline_is_now__is_due_at_once(void **state)
{
	(void)state;
	struct wheel *w = malloc(sizeof(*w));
	struct timer t;
	struct list due;
	list_init(&due);
	wyi_timer_init(&t, nothing);
	wyi_wheel_init(w, 5 * TICK + 77);
	wyi_wheel_set(w, &t, 5 * TICK + 77);
	assert_true(wyi_wheel_next(w) == 0);
	wyi_wheel_advance(w, 5 * TICK + 77, &due);
	assert_false(list_empty(&due));
	wyi_wheel_set(w, &t, 5 * TICK + 78);
	assert_true(list_empty(&due));
	assert_true(wyi_wheel_next(w) == 6 * TICK);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wheel__random_histories__agree_with_a_search),
		cmocka_unit_test(wheel__timers_of_one_advance__come_in_order_of_ticks),
		cmocka_unit_test(wheel__a_million_timers__all_expire_once),
		cmocka_unit_test(wheel__few_timers__next_is_exact),
		cmocka_unit_test(wheel__many_in_one_slot__are_spread_bit_by_bit),
		cmocka_unit_test(wheel__deadline_is_now__is_due_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
