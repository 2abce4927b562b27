/* SPDX-License-Identifier: MIT */
/*
 * The pool: a bounded queue under one lock, and a fixed number of workers.
 *
 * A job lies in the queue by its own words (priv), so nothing is allocated per job. A worker is
 * signalled only if one waits, once per job; an idle pool makes no system call. done() goes to the
 * job's loop by a post, which can't fail; the loop counts the job as a user from submit to done, so
 * it can't be freed under it.
 *
 * Stopping: the workers themselves take what still waits and answer -ECANCELED for it, so done()
 * without a loop comes on a worker in that case, too.
 *
 * Failure: a full queue is told to the caller; with fewer threads than wanted the pool works, with
 * none there is no pool.
 */
#include <errno.h>
#include "pool/pool.h"

#define POOL_THREADS 2u
#define POOL_QUEUE   1024u
#define POOL_MOST    1024u /* threads: a typing error, not a wish */

/* What a job's priv holds. It is declared as words in the public struct, hence may_alias. */
struct inner {
	struct wye_task task; /* first: the post answers its address */
	struct wye_job *next;
	uintptr_t in; /* atomic: submitted, and not yet its owner's again */
	intptr_t status;
} __attribute__((may_alias));

_Static_assert(sizeof(struct inner) <= sizeof(((struct wye_job *)0)->priv), "a job has no room");

struct wye_pool {
	pthread_mutex_t lock;
	pthread_cond_t work; /* a job was queued, or stopping */
	struct wye_job *first, *last;
	u32 waiting, queue; /* jobs in the queue, and how many may be */
	u32 idle, called;   /* workers that wait for work, and how many of them were signalled */
	bool stopping;
	u32 forks;
	u32 n_threads;
	pthread_t threads[];
};

static struct inner *inner_of(struct wye_job *job)
{
	return (struct inner *)(void *)job->priv;
}

/* On the loop's thread. */
static void on_posted(struct wye_task *task)
{
	struct inner *in = (struct inner *)(void *)task;
	struct wye_job *job = container_of((void *)in, struct wye_job, priv);
	int status = (int)in->status;
	wyi_loop_use(job->loop, -1);
	__atomic_store_n(&in->in, 0, __ATOMIC_RELEASE);
	job->done(job, status);
}

static void finish(struct wye_job *job, int status)
{
	struct inner *in = inner_of(job);
	if (job->loop) {
		in->status = status;
		in->task.run = on_posted;
		wye_post(job->loop, &in->task);
		return;
	}
	__atomic_store_n(&in->in, 0, __ATOMIC_RELEASE);
	job->done(job, status);
}

/* With the lock held. NULL: stopping, and nothing is left. */
static struct wye_job *next_job(struct wye_pool *pool)
{
	while (!pool->first) {
		if (pool->stopping)
			return NULL;
		pool->idle++;
		pthread_cond_wait(&pool->work, &pool->lock);
		pool->idle--;
		/*
		 * Woken without a signal, this takes another one's: then that one is signalled once
		 * more.
		 */
		if (pool->called > 0)
			pool->called--;
	}
	struct wye_job *job = pool->first;
	pool->first = inner_of(job)->next;
	pool->waiting--;
	return job;
}

static void *work(void *arg)
{
	struct wye_pool *pool = arg;
	struct wye_job *job;
	pthread_mutex_lock(&pool->lock);
	while ((job = next_job(pool))) {
		bool cancelled = pool->stopping;
		pthread_mutex_unlock(&pool->lock);
		if (!cancelled)
			job->run(job);
		finish(job, cancelled ? -ECANCELED : 0);
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* Stops and waits for the threads that there are. */
static void destroy(struct wye_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (u32 i = 0; i < pool->n_threads; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	wyi_free(pool);
}

int wye_pool_new(const struct wye_pool_options *options, struct wye_pool **ret_pool)
{
	struct wye_pool_options given;
	int r = wyi_options(&given, sizeof(given), options);
	if (r == 0)
		r = wyi_fork_watch();
	if (r < 0)
		return r;
	u32 wanted = given.threads ? given.threads : POOL_THREADS;
	if (wanted > POOL_MOST || !ret_pool)
		return -EINVAL;
	struct wye_pool *pool = wyi_zalloc(sizeof(*pool) + wanted * sizeof(pool->threads[0]));
	if (!pool)
		return -ENOMEM;
	pthread_mutex_init(&pool->lock,
			   NULL); /* neither can fail with default attributes on Linux */
	pthread_cond_init(&pool->work, NULL);
	pool->queue = given.queue ? given.queue : POOL_QUEUE;
	pool->forks = wyi_forks();
	while (r == 0 && pool->n_threads < wanted) {
		r = wyi_sys_thread(&pool->threads[pool->n_threads], work, pool);
		if (r == 0)
			pool->n_threads++;
	}
	if (pool->n_threads == 0) {
		destroy(pool);
		return r;
	}
	*ret_pool = pool;
	return 0;
}

static int put(struct wye_pool *pool, struct wye_job *job)
{
	if (pool->stopping)
		return -ESHUTDOWN;
	if (pool->waiting == pool->queue)
		return WYE_EFULL;
	if (job->loop)
		wyi_loop_use(job->loop, +1);
	inner_of(job)->next = NULL;
	if (pool->first)
		inner_of(pool->last)->next = job;
	else
		pool->first = job;
	pool->last = job;
	pool->waiting++;
	if (pool->idle > pool->called) {
		pool->called++;
		pthread_cond_signal(&pool->work);
	}
	return 0;
}

int wye_pool_submit(struct wye_pool *pool, struct wye_job *job)
{
	if (pool->forks != wyi_forks())
		return -ECHILD; /* the workers are the parent's; the lock may be held for ever */
	if (!job || !job->run || !job->done)
		return -EINVAL;
	if (__atomic_exchange_n(&inner_of(job)->in, 1, __ATOMIC_ACQ_REL))
		return -EBUSY;
	pthread_mutex_lock(&pool->lock);
	int r = put(pool, job);
	pthread_mutex_unlock(&pool->lock);
	if (r < 0)
		__atomic_store_n(&inner_of(job)->in, 0, __ATOMIC_RELEASE);
	return r;
}

int wye_pool_free(struct wye_pool *pool)
{
	if (!pool)
		return 0;
	if (pool->forks != wyi_forks())
		return -ECHILD;
	for (u32 i = 0; i < pool->n_threads; i++) {
		if (pthread_equal(pool->threads[i], pthread_self()))
			return -EINVAL; /* it would wait for itself */
	}
	destroy(pool);
	return 0;
}

/* -- one per loop ------------------------------------------------------------------------------ */
static const char part_key;

/* With the loop's last user gone there is no job, so nothing waits long here. */
static void free_part(void *pool)
{
	destroy(pool);
}

int wyi_pool_of(struct wye_loop *loop, struct wye_pool **ret_pool)
{
	struct wye_pool *pool = wyi_loop_part(loop, &part_key);
	if (pool) {
		*ret_pool = pool;
		return 0;
	}
	int r = wye_pool_new(NULL, &pool);
	if (r != 0)
		return r;
	r = wyi_loop_attach(loop, &part_key, pool, free_part);
	if (r < 0) {
		destroy(pool);
		return r;
	}
	*ret_pool = pool;
	return 0;
}
