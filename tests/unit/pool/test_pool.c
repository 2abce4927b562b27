/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "pool/pool.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define JOBS 20000u
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define JOBS 20000u
#endif
#endif
#ifndef JOBS
#define JOBS 100000u
#endif
#define SUBMITTERS 4u
#define PATIENCE   (60 * NS_PER_S)

#define wait_until(claim, or_do)                                                                   \
	do {                                                                                       \
		u64 deadline_ = wyi_sys_now() + PATIENCE;                                          \
		while (!(claim)) {                                                                 \
			or_do;                                                                     \
			assert_true(wyi_sys_now() < deadline_);                                    \
		}                                                                                  \
	} while (0)

struct world {
	struct wye_loop *loop;
	struct wye_pool *pool;
	pthread_t loop_thread;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_int_equal(wye_loop_new(NULL, &w->loop), 0);
	assert_int_equal(wye_pool_new(NULL, &w->pool), 0);
	w->loop_thread = pthread_self();
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	assert_int_equal(wye_pool_free(w->pool), 0);
	assert_int_equal(wye_loop_free(w->loop), 0); /* no job is left in */
	free(w);
	return 0;
}

static struct wye_pool *new_pool(unsigned threads, unsigned queue)
{
	struct wye_pool_options o = {sizeof(o), threads, queue};
	struct wye_pool *pool = NULL;
	assert_int_equal(wye_pool_new(&o, &pool), 0);
	return pool;
}

/* -- jobs -------------------------------------------------------------------------------------- */
struct job {
	struct wye_job job;
	atomic_bool *gate; /* run() waits for it */
	pthread_t ran_on, done_on;
	atomic_uint ran, done, cancelled;
	atomic_bool begun;
};

static void run(struct wye_job *wj)
{
	struct job *j = container_of(wj, struct job, job);
	atomic_store(&j->begun, true);
	if (j->gate)
		wait_until(atomic_load(j->gate), sched_yield());
	j->ran_on = pthread_self();
	atomic_fetch_add(&j->ran, 1);
}

static void done(struct wye_job *wj, int status)
{
	struct job *j = container_of(wj, struct job, job);
	j->done_on = pthread_self();
	assert_true(status == 0 || status == -ECANCELED);
	if (status)
		atomic_fetch_add(&j->cancelled, 1);
	atomic_fetch_add(&j->done, 1);
}

static void job_init(struct job *j, struct wye_loop *loop, atomic_bool *gate)
{
	memset(j, 0, sizeof(*j));
	j->job = (struct wye_job){.run = run, .done = done, .loop = loop};
	j->gate = gate;
}

static void job__with_a_loop__done_on_its_thread(void **state)
{
	struct world *w = *state;
	struct job j;
	job_init(&j, w->loop, NULL);
	assert_int_equal(wye_pool_submit(w->pool, &j.job), 0);
	assert_int_equal(wye_loop_free(w->loop), -EBUSY);
	wait_until(atomic_load(&j.done), assert_true(wye_loop_turn(w->loop, 100) >= 0));
	assert_int_equal(j.ran, 1);
	assert_int_equal(j.cancelled, 0);
	assert_true(pthread_equal(j.done_on, w->loop_thread));
	assert_false(pthread_equal(j.ran_on, w->loop_thread));
}

static void job__without_a_loop__done_on_the_worker(void **state)
{
	struct world *w = *state;
	struct job j;
	job_init(&j, NULL, NULL);
	assert_int_equal(wye_pool_submit(w->pool, &j.job), 0);
	wait_until(atomic_load(&j.done), sched_yield());
	assert_true(pthread_equal(j.done_on, j.ran_on));
	assert_false(pthread_equal(j.done_on, w->loop_thread));
}

static void submit__job_already_in__is_ebusy(void **state)
{
	struct world *w = *state;
	struct job j;
	atomic_bool gate = false;
	job_init(&j, w->loop, &gate);
	assert_int_equal(wye_pool_submit(w->pool, &j.job), 0);
	assert_int_equal(wye_pool_submit(w->pool, &j.job), -EBUSY);
	wait_until(atomic_load(&j.begun), sched_yield());
	assert_int_equal(wye_pool_submit(w->pool, &j.job), -EBUSY); /* running */
	atomic_store(&gate, true);
	wait_until(atomic_load(&j.ran), sched_yield());
	assert_int_equal(wye_pool_submit(w->pool, &j.job), -EBUSY); /* done() has not come */
	wait_until(atomic_load(&j.done), wye_loop_turn(w->loop, 100));
	assert_int_equal(wye_pool_submit(w->pool, &j.job), 0);
	wait_until(atomic_load(&j.done) == 2, wye_loop_turn(w->loop, 100));
	assert_int_equal(j.ran, 2);
}

static void submit__nonsense__is_einval(void **state)
{
	struct world *w = *state;
	struct wye_job no_run = {.done = done}, no_done = {.run = run};
	struct wye_pool_options many = {sizeof(many), 1000000, 0}, sizeless = {0};
	struct wye_pool *pool = NULL;
	assert_int_equal(wye_pool_submit(w->pool, NULL), -EINVAL);
	assert_int_equal(wye_pool_submit(w->pool, &no_run), -EINVAL);
	assert_int_equal(wye_pool_submit(w->pool, &no_done), -EINVAL);
	assert_int_equal(wye_pool_new(&many, &pool), -EINVAL);
	assert_int_equal(wye_pool_new(&sizeless, &pool), -EINVAL);
	assert_null(pool);
	assert_int_equal(wye_pool_free(NULL), 0);
}

static void submit__queue_full__takes_nothing(void **state)
{
	struct world *w = *state;
	struct wye_pool *pool = new_pool(1, 3);
	struct job j[6];
	atomic_bool gate = false;
	for (unsigned i = 0; i < 6; i++)
		job_init(&j[i], i % 2 ? w->loop : NULL, &gate);
	assert_int_equal(wye_pool_submit(pool, &j[0].job), 0);
	wait_until(atomic_load(&j[0].begun), sched_yield());
	for (unsigned i = 1; i <= 3; i++)
		assert_int_equal(wye_pool_submit(pool, &j[i].job), 0);
	assert_int_equal(wye_pool_submit(pool, &j[4].job), WYE_EFULL);
	assert_int_equal(wye_pool_submit(pool, &j[5].job), WYE_EFULL);
	atomic_store(&gate, true);
	wait_until(atomic_load(&j[2].ran), sched_yield());
	/* Refused jobs are their owner's and can be given again. */
	wait_until(wye_pool_submit(pool, &j[4].job) == 0, sched_yield());
	wait_until(atomic_load(&j[1].done) && atomic_load(&j[3].done) && atomic_load(&j[4].done),
		   wye_loop_turn(w->loop, 1));
	assert_int_equal(wye_pool_free(pool), 0);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(j[i].ran, i < 5);
		assert_int_equal(j[i].done, i < 5);
	}
}

static void jobs__one_worker__run_in_order(void **state)
{
	struct wye_pool *pool = new_pool(1, 0);
	static struct job j[100];
	atomic_bool gate = false;
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		job_init(&j[i], NULL, i == 50 ? &gate : NULL);
		assert_int_equal(wye_pool_submit(pool, &j[i].job), 0);
	}
	wait_until(atomic_load(&j[50].begun), sched_yield());
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(atomic_load(&j[i].done), i < 50);
	atomic_store(&gate, true);
	wait_until(atomic_load(&j[99].done), sched_yield());
	assert_int_equal(wye_pool_free(pool), 0);
}

/* -- many -------------------------------------------------------------------------------------- */
struct submitter {
	struct world *world;
	struct job *jobs;
	bool failed;
};

static void *submit_all(void *arg)
{
	struct submitter *s = arg;
	for (unsigned i = 0; i < JOBS / SUBMITTERS; i++) {
		int r;
		while ((r = wye_pool_submit(s->world->pool, &s->jobs[i].job)) == WYE_EFULL)
			sched_yield();
		if (r < 0)
			s->failed = true;
	}
	return NULL;
}

static void jobs__four_submitters__each_exactly_once(void **state)
{
	struct world *w = *state;
	struct job *jobs = calloc(JOBS, sizeof(*jobs));
	struct submitter s[SUBMITTERS];
	pthread_t threads[SUBMITTERS];
	unsigned all = 0;
	for (unsigned i = 0; i < JOBS; i++)
		job_init(&jobs[i], i % 8 ? w->loop : NULL, NULL);
	for (unsigned t = 0; t < SUBMITTERS; t++) {
		s[t] = (struct submitter){w, &jobs[t * (size_t)(JOBS / SUBMITTERS)], false};
		assert_int_equal(wyi_sys_thread(&threads[t], submit_all, &s[t]), 0);
	}
	for (unsigned i = 0; i < JOBS; i++) {
		wait_until(atomic_load(&jobs[i].done),
			   assert_true(wye_loop_turn(w->loop, jobs[i].job.loop ? 100 : 0) >= 0));
	}
	for (unsigned t = 0; t < SUBMITTERS; t++) {
		pthread_join(threads[t], NULL);
		assert_false(s[t].failed);
	}
	for (unsigned i = 0; i < JOBS; i++) {
		assert_int_equal(jobs[i].ran, 1);
		assert_int_equal(jobs[i].done, 1);
		all += jobs[i].cancelled;
	}
	assert_int_equal(all, 0);
	free(jobs);
}

/*
 * One job at a time, so that all workers wait before each: a signal that is lost, and the test
 * hangs.
 */
static void jobs__one_at_a_time__no_wake_up_is_lost(void **state)
{
	struct world *w = *state;
	struct job j;
	job_init(&j, w->loop, NULL);
	for (unsigned i = 1; i <= 5000; i++) {
		assert_int_equal(wye_pool_submit(w->pool, &j.job), 0);
		wait_until(atomic_load(&j.done) == i, wye_loop_turn(w->loop, 100));
	}
}

/* -- the end ----------------------------------------------------------------------------------- */
struct freer {
	struct wye_pool *pool;
	atomic_bool freed;
};

static void *free_pool(void *arg)
{
	struct freer *f = arg;
	int r = wye_pool_free(f->pool);
	atomic_store(&f->freed, true);
	return r == 0 ? NULL : f;
}

/* Jobs are put in until the pool takes none any more; answers how many it took. */
static unsigned submit_until_shutdown(struct wye_pool *pool, struct job *jobs,
				      struct wye_loop *loop)
{
	unsigned taken = 0;
	int r;
	job_init(&jobs[0], loop, NULL);
	wait_until((r = wye_pool_submit(pool, &jobs[taken].job)) == -ESHUTDOWN, {
		if (r == 0)
			job_init(&jobs[++taken], loop, NULL);
		else
			assert_int_equal(r, WYE_EFULL);
	});
	return taken;
}

static void pool_free__jobs_wait__they_are_cancelled_on_their_loop(void **state)
{
	enum { QUEUE = 64, FIRST = 20 };
	struct world *w = *state;
	struct freer f = {.pool = new_pool(2, QUEUE)};
	static struct job j[FIRST], more[QUEUE + 1];
	atomic_bool gate = false;
	pthread_t thread;
	void *failed;
	for (unsigned i = 0; i < FIRST; i++) {
		job_init(&j[i], i % 4 == 3 ? NULL : w->loop, &gate);
		assert_int_equal(wye_pool_submit(f.pool, &j[i].job), 0);
	}
	wait_until(atomic_load(&j[0].begun) && atomic_load(&j[1].begun), sched_yield());
	assert_int_equal(wyi_sys_thread(&thread, free_pool, &f), 0);
	/* Both workers are held, so the pool lives until the gate opens. */
	unsigned taken = submit_until_shutdown(f.pool, more, w->loop);
	assert_false(atomic_load(&f.freed));
	atomic_store(&gate, true);
	pthread_join(thread, &failed);
	assert_null(failed);
	assert_int_equal(wye_loop_free(w->loop), -EBUSY); /* done() is still owed */
	assert_true(wye_loop_turn(w->loop, 0) >= 0);
	for (unsigned i = 0; i < FIRST + taken; i++) {
		struct job *one = i < FIRST ? &j[i] : &more[i - FIRST];
		assert_int_equal(one->ran, i < 2);
		assert_int_equal(one->cancelled, i >= 2);
		assert_int_equal(one->done, 1);
		assert_int_equal(pthread_equal(one->done_on, w->loop_thread) != 0,
				 one->job.loop != NULL);
	}
}

struct loader {
	struct wye_pool *pool;
	struct job *jobs;
	unsigned taken;
};

static void *load(void *arg)
{
	struct loader *l = arg;
	for (unsigned tries = 0; tries < 1000; tries++)
		l->taken += wye_pool_submit(l->pool, &l->jobs[l->taken].job) == 0;
	return NULL;
}

/* The load ends before the pool does, as its owner has to see to; jobs still run and wait then. */
static void pool_free__under_load__every_job_is_done_once(void **state)
{
	struct world *w = *state;
	static struct job jobs[2][1000];
	for (unsigned round = 0; round < 30; round++) {
		struct loader l[2];
		pthread_t threads[2];
		struct wye_pool *pool = new_pool(3, 100);
		for (unsigned t = 0; t < 2; t++) {
			for (unsigned i = 0; i < 1000; i++)
				job_init(&jobs[t][i], i % 3 ? w->loop : NULL, NULL);
			l[t] = (struct loader){pool, jobs[t], 0};
			assert_int_equal(wyi_sys_thread(&threads[t], load, &l[t]), 0);
		}
		for (unsigned t = 0; t < 2; t++)
			pthread_join(threads[t], NULL);
		assert_int_equal(wye_pool_free(pool), 0);
		for (unsigned t = 0; t < 2; t++) {
			for (unsigned i = 0; i < l[t].taken; i++)
				wait_until(atomic_load(&jobs[t][i].done),
					   wye_loop_turn(w->loop, 0));
		}
		for (unsigned t = 0; t < 2; t++) {
			for (unsigned i = 0; i < 1000; i++) {
				assert_int_equal(jobs[t][i].done, i < l[t].taken);
				assert_int_equal(jobs[t][i].ran + jobs[t][i].cancelled,
						 i < l[t].taken);
			}
		}
	}
}

struct suicide {
	struct wye_job job;
	struct wye_pool *pool;
	atomic_int answer;
	atomic_bool ended;
};

static void free_own_pool(struct wye_job *wj)
{
	struct suicide *s = container_of(wj, struct suicide, job);
	atomic_store(&s->answer, wye_pool_free(s->pool));
}

static void suicide_done(struct wye_job *job, int status)
{
	(void)status;
	atomic_store(&container_of(job, struct suicide, job)->ended, true);
}

static void pool_free__from_a_job__is_einval(void **state)
{
	struct world *w = *state;
	struct suicide s = {.job = {.run = free_own_pool, .done = suicide_done}, .pool = w->pool};
	assert_int_equal(wye_pool_submit(w->pool, &s.job), 0);
	wait_until(atomic_load(&s.ended), sched_yield()); /* s is the worker's until then */
	assert_int_equal(s.answer, -EINVAL);
}

/* -- what else can happen ---------------------------------------------------------------------- */
struct again {
	struct wye_job job;
	struct wye_pool *pool;
	unsigned left;
	atomic_int failed;
	atomic_bool ended;
};

static void run_nothing(struct wye_job *wj)
{
	(void)wj;
}

static void submit_again(struct wye_job *wj, int status)
{
	struct again *a = container_of(wj, struct again, job);
	if (a->left-- == 0) {
		atomic_store(&a->ended, true);
		return;
	}
	int r = wye_pool_submit(a->pool, wj);
	if (r < 0 || status < 0)
		atomic_store(&a->failed, r);
}

static void submit__from_done__is_legal(void **state)
{
	struct world *w = *state;
	struct again a = {
		.job = {.run = run_nothing, .done = submit_again}, .pool = w->pool, .left = 1000};
	struct again b = a;
	b.job.loop = w->loop;
	assert_int_equal(wye_pool_submit(w->pool, &a.job), 0);
	assert_int_equal(wye_pool_submit(w->pool, &b.job), 0);
	wait_until(atomic_load(&a.ended) && atomic_load(&b.ended), wye_loop_turn(w->loop, 10));
	assert_int_equal(a.failed + b.failed, 0);
}

static void done_and_free(struct wye_job *wj, int status)
{
	(void)status;
	free(container_of(wj, struct job, job));
}

static void job__freed_in_done__is_legal(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < 100; i++) {
		struct job *j = malloc(sizeof(*j));
		job_init(j, i % 2 ? w->loop : NULL, NULL);
		j->job.done = done_and_free;
		assert_int_equal(wye_pool_submit(w->pool, &j->job), 0);
	}
	struct job last;
	struct wye_pool *pool = w->pool;
	job_init(&last, w->loop, NULL);
	assert_int_equal(wye_pool_submit(pool, &last.job), 0);
	assert_int_equal(wye_pool_free(pool), 0);
	wait_until(atomic_load(&last.done), wye_loop_turn(w->loop, 0));
	assert_int_equal(wye_pool_new(NULL, &w->pool), 0);
}

static void pool_of__one_per_loop__freed_with_it(void **state)
{
	(void)state;
	struct wye_loop *loop = NULL;
	struct wye_pool *a = NULL, *b = NULL;
	struct job j;
	assert_int_equal(wye_loop_new(NULL, &loop), 0);
	assert_int_equal(wyi_pool_of(loop, &a), 0);
	assert_int_equal(wyi_pool_of(loop, &b), 0);
	assert_ptr_equal(a, b);
	job_init(&j, loop, NULL);
	assert_int_equal(wye_pool_submit(a, &j.job), 0);
	assert_int_equal(wye_loop_free(loop), -EBUSY);
	wait_until(atomic_load(&j.done), wye_loop_turn(loop, 100));
	assert_int_equal(wye_loop_free(loop), 0);
}

/*
 * In a process of its own, for the limit. It binds no root, who therefore becomes somebody with no
 * process yet.
 */
static int with_few_threads(void)
{
	struct wye_pool_options o = {sizeof(o), 8, 0};
	struct rlimit few;
	struct wye_pool *pool = NULL;
	struct job j;
	bool root = geteuid() == 0;
	if (getrlimit(RLIMIT_NPROC, &few) < 0 || (root && setuid(54321) < 0))
		return 1;
	/* Raised until a first worker fits (a sanitizer has a thread, too): there is just one. */
	if (root) {
		int r = -EAGAIN;
		for (few.rlim_cur = 1; r == -EAGAIN && few.rlim_cur < 8; few.rlim_cur++) {
			if (setrlimit(RLIMIT_NPROC, &few) < 0)
				return 2;
			r = wye_pool_new(&o, &pool);
		}
		if (r < 0)
			return 2;
		job_init(&j, NULL, NULL);
		if (wye_pool_submit(pool, &j.job) < 0)
			return 3;
		wait_until(atomic_load(&j.done), sched_yield());
		if (wye_pool_free(pool) < 0)
			return 4;
		pool = NULL;
	}
	few.rlim_cur = 0;
	if (setrlimit(RLIMIT_NPROC, &few) < 0 || wye_pool_new(&o, &pool) != -EAGAIN || pool)
		return 5;
	return 0;
}

static void pool_new__threads_refused__works_with_fewer_but_not_with_none(void **state)
{
	int status;
	(void)state;
	pid_t pid = fork();
	if (pid == 0)
		_exit(with_few_threads());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void child__after_fork__is_echild(void **state)
{
	struct world *w = *state;
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct job j;
		job_init(&j, NULL, NULL);
		_exit(wye_pool_submit(w->pool, &j.job) == -ECHILD &&
				      wye_pool_free(w->pool) == -ECHILD
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(job__with_a_loop__done_on_its_thread),
		TEST(job__without_a_loop__done_on_the_worker),
		TEST(submit__job_already_in__is_ebusy),
		TEST(submit__nonsense__is_einval),
		TEST(submit__queue_full__takes_nothing),
		cmocka_unit_test(jobs__one_worker__run_in_order),
		TEST(jobs__four_submitters__each_exactly_once),
		TEST(jobs__one_at_a_time__no_wake_up_is_lost),
		TEST(pool_free__jobs_wait__they_are_cancelled_on_their_loop),
		TEST(pool_free__under_load__every_job_is_done_once),
		TEST(pool_free__from_a_job__is_einval),
		TEST(submit__from_done__is_legal),
		TEST(job__freed_in_done__is_legal),
		cmocka_unit_test(pool_of__one_per_loop__freed_with_it),
		cmocka_unit_test(pool_new__threads_refused__works_with_fewer_but_not_with_none),
		TEST(child__after_fork__is_echild),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
