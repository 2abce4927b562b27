/* SPDX-License-Identifier: MIT */
/*
 * Files behind workers, as if they were sockets.
 *
 * Happy path: two buffers. One is the loop's: reads are answered from it, writes go into it; the
 * other is with the one job in flight, which fills or writes it. When the job is done and the
 * loop's side is empty (reading) or holds something (writing), they change places and the next job
 * begins: so one read is always ahead, and bytes are gathered while others are written.
 *
 * Who runs the job: the loop's pool, for what never waits for anybody (regular files, block
 * devices, /dev/null). A pipe or terminal that had to be used as it is may wait for ever, and two
 * of them would keep the pool's threads from all other work; so each of their jobs has a thread of
 * its own, which waits in poll() for the descriptor or for `stop`, and then moves no more than a
 * ready descriptor takes without waiting.
 *
 * Freed while a job runs: a pool job ends soon and its done() frees the struct. A thread is told by
 * `stop` and frees the struct itself; even one that is stuck in the kernel (another process read
 * first what poll had seen) holds up nothing but itself, and the exit of the process ends it. The
 * bytes it may still read are lost.
 *
 * The descriptor is duplicated, so that a late job never touches a number that means another file
 * by then.
 *
 * Failure: the error of a job is kept and answered by every later call, for reads after the bytes
 * before it. What was not written stays in wyi_file_pending().
 */
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include "net/kind.h"

#define BUFFER (256u << 10)

enum { RUNNING, POSTED, ORPHAN }; /* a thread's job; an orphan frees the struct when it ends */

struct net_file {
	struct wye_loop *loop;
	void (*ready)(void *ctx);
	void *ctx;
	int fd;	  /* our duplicate */
	int stop; /* an eventfd: jobs may wait, each on a thread of its own; -1: on the pool */
	bool out;
	/* The loop's. */
	bool busy;    /* a job is in flight: the fields below are its own */
	bool dead;    /* freed by the caller, waits for its job */
	bool refused; /* the caller got -EAGAIN */
	bool ended;   /* end of file */
	int why;      /* the error of a job */
	u8 *buffers, *mine, *other;
	u32 at, n;   /* mine: [at, n) is not read yet, or [0, n) is to be written */
	u32 n_other; /* other: bytes read ahead, or not known to be written */
	/* The job's while busy. */
	u32 done;
	int job_why;
	struct wye_job job;
	struct wye_task task;
	_Atomic int state;
};

/* the job, on a worker */

/* 0: ready; -ECANCELED: told to stop. */
static int await(const struct net_file *f)
{
	struct pollfd wait[] = {
		{.fd = f->fd, .events = f->out ? POLLOUT : POLLIN},
		{.fd = f->stop, .events = POLLIN},
	};
	int r;

	if (f->stop < 0)
		return 0;
	r = wyi_sys_poll(wait, ARRAY_SIZE(wait));
	if (r < 0)
		return r;
	return wait[1].revents ? -ECANCELED : 0;
}

/* Of a pipe that polls writable PIPE_BUF bytes fit for sure. */
static size_t piece(const struct net_file *f, u32 left)
{
	return f->stop >= 0 && left > PIPE_BUF ? PIPE_BUF : left;
}

static ssize_t move_once(struct net_file *f)
{
	ssize_t r = await(f);

	if (r < 0)
		return r;
	if (!f->out)
		return wyi_sys_read(f->fd, f->other, BUFFER);
	r = wyi_sys_write(f->fd, f->other + f->done, piece(f, f->n_other - f->done));
	return r == 0 ? -EIO : r; /* no file answers 0 to that; never spin on one that does */
}

/*
 * A descriptor that others made non-blocking answers EAGAIN: poll again; one that can't be polled
 * fails with it.
 */
static void run(struct net_file *f)
{
	ssize_t r;

	do {
		r = move_once(f);
		if (r > 0)
			f->done += (u32)r;
	} while ((r == -EAGAIN && f->stop >= 0) || (r > 0 && f->out && f->done < f->n_other));
	f->job_why = r < 0 ? (int)r : 0;
}

static void destroy(struct net_file *f)
{
	wyi_sys_close(f->fd);
	if (f->stop >= 0)
		wyi_sys_close(f->stop);
	wyi_free(f->buffers);
	wyi_free(f);
}

static void run_on_pool(struct wye_job *job)
{
	run(container_of(job, struct net_file, job));
}

static void *run_on_thread(void *arg)
{
	struct net_file *f = arg;
	int expected = RUNNING;

	run(f);
	/* POSTED: from here on the struct lives until the loop ran the task, whoever frees it. */
	if (atomic_compare_exchange_strong(&f->state, &expected, POSTED))
		wye_post(f->loop, &f->task);
	else
		destroy(f);
	return NULL;
}

/* jobs begin and end, on the loop */

static int start_on_pool(struct net_file *f)
{
	struct wye_pool *pool;
	int r = wyi_pool_of(f->loop, &pool);

	return r < 0 ? r : wye_pool_submit(pool, &f->job);
}

static int start_on_thread(struct net_file *f)
{
	pthread_t thread;
	int r;

	atomic_store(&f->state, RUNNING);
	wyi_loop_use(f->loop, 1);
	r = wyi_sys_thread(&thread, run_on_thread, f);
	if (r < 0)
		wyi_loop_use(f->loop, -1);
	else
		wyi_sys_detach(thread);
	return r;
}

static int start(struct net_file *f)
{
	int r;

	f->done = 0;
	f->job_why = 0;
	f->busy = true;
	/* Full of other work: no reason to fail a file. */
	r = f->stop < 0 ? start_on_pool(f) : WYE_EFULL;
	if (r == WYE_EFULL)
		r = start_on_thread(f);
	if (r < 0)
		f->busy = false;
	return r == -EAGAIN ? -ENOMEM : r; /* no thread; to callers -EAGAIN promises ready() */
}

static void swap(struct net_file *f)
{
	u8 *mine = f->mine;

	f->mine = f->other;
	f->other = mine;
}

/* Gives what was gathered to a job. */
static int write_out(struct net_file *f)
{
	int r;

	swap(f);
	f->n_other = f->n;
	f->n = 0;
	r = start(f);
	if (r < 0)
		f->why = r;
	return r;
}

static void on_read(struct net_file *f)
{
	if (f->job_why < 0)
		f->why = f->job_why;
	else if (f->done == 0)
		f->ended = true;
	f->n_other = f->done;
}

static void on_written(struct net_file *f)
{
	f->n_other -= f->done;
	if (f->job_why < 0)
		f->why = f->job_why;
	else if (f->n > 0)
		(void)write_out(f);
}

static void on_done(struct net_file *f, int status)
{
	bool tell;

	f->busy = false;
	if (f->dead) {
		destroy(f);
		return;
	}
	if (status < 0)
		f->job_why = status;
	if (f->job_why == -EAGAIN) /* can't be polled, so nothing says when to try again */
		f->job_why = -EIO;
	if (f->out)
		on_written(f);
	else
		on_read(f);
	tell = f->refused || (f->out && (f->why < 0 || wyi_file_pending(f) == 0));
	f->refused = false;
	if (tell)
		f->ready(f->ctx); /* may free f */
}

static void on_pool_done(struct wye_job *job, int status)
{
	on_done(container_of(job, struct net_file, job), status);
}

static void on_thread_done(struct wye_task *task)
{
	struct net_file *f = container_of(task, struct net_file, task);

	wyi_loop_use(f->loop, -1);
	on_done(f, 0);
}

/* what callers see */

/* Whether its reads and writes may wait for somebody: just what epoll takes. */
static int may_wait(int fd)
{
	struct epoll_event none = {.events = 0};
	int epoll = wyi_sys_epoll_create(), r;

	if (epoll < 0)
		return epoll;
	r = wyi_sys_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &none);
	wyi_sys_close(epoll);
	return r == -EPERM ? 0 : r < 0 ? r : 1;
}

static int open_parts(struct net_file *f, int fd)
{
	int r = may_wait(fd);

	if (r < 0)
		return r;
	if (r > 0) {
		f->stop = wyi_sys_eventfd();
		if (f->stop < 0)
			return f->stop;
	}
	f->fd = wyi_sys_dup(fd);
	return f->fd;
}

int wyi_file_new(struct wye_loop *loop, int fd, bool out, void (*ready)(void *ctx), void *ctx,
		 struct net_file **ret)
{
	struct net_file *f = wyi_zalloc(sizeof(*f));
	u8 *buffers = wyi_alloc((size_t)2 * BUFFER);
	int r = -ENOMEM;

	if (f)
		f->stop = -1;
	if (!f || !buffers)
		goto fail;
	r = open_parts(f, fd);
	if (r < 0)
		goto fail;
	f->loop = loop;
	f->out = out;
	f->ready = ready;
	f->ctx = ctx;
	f->buffers = f->mine = buffers;
	f->other = buffers + BUFFER;
	f->job = (struct wye_job){.run = run_on_pool, .done = on_pool_done, .loop = loop};
	f->task = (struct wye_task){.run = on_thread_done};
	*ret = f;
	return 0;
fail:
	if (f && f->stop >= 0)
		wyi_sys_close(f->stop);
	wyi_free(buffers);
	wyi_free(f);
	return r;
}

/*
 * What was read ahead becomes the loop's, and the next read begins. A failure to begin is met
 * again, and told, later.
 */
static void turn_over(struct net_file *f)
{
	swap(f);
	f->at = 0;
	f->n = f->n_other;
	f->n_other = 0;
	if (f->why == 0 && !f->ended)
		(void)start(f);
}

ssize_t wyi_file_read(struct net_file *f, void *to, size_t size)
{
	int r;

	if (f->at == f->n && !f->busy && f->n_other > 0)
		turn_over(f);
	if (f->at < f->n) {
		u32 n = f->n - f->at < size ? f->n - f->at : (u32)size;

		memcpy(to, f->mine + f->at, n);
		f->at += n;
		return (ssize_t)n;
	}
	if (f->why < 0)
		return f->why;
	if (f->ended)
		return 0;
	if (!f->busy) {
		r = start(f);
		if (r < 0)
			return r;
	}
	f->refused = true;
	return -EAGAIN;
}

static size_t gather(struct net_file *f, const struct iovec *iov, int n, size_t skip)
{
	size_t taken = 0;

	for (int i = 0; i < n && f->n < BUFFER; i++) {
		size_t len = iov[i].iov_len, room = BUFFER - f->n;

		if (skip >= len) {
			skip -= len;
			continue;
		}
		len -= skip;
		if (len > room)
			len = room;
		memcpy(f->mine + f->n, (const u8 *)iov[i].iov_base + skip, len);
		f->n += (u32)len;
		taken += len;
		skip = 0;
	}
	return taken;
}

ssize_t wyi_file_writev(struct net_file *f, const struct iovec *iov, int n)
{
	size_t total = 0, taken;
	int r;

	if (f->why < 0)
		return f->why;
	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	if (total == 0)
		return 0;
	taken = gather(f, iov, n, 0);
	if (!f->busy) {
		r = write_out(f);
		if (r < 0) {
			f->n_other = 0; /* this call's bytes, which it did not take */
			f->why = 0;	/* nothing is lost: it may be called again */
			return r;
		}
		if (taken < total)
			taken += gather(f, iov, n, taken);
	}
	if (taken < total)
		f->refused = true;
	return taken > 0 ? (ssize_t)taken : -EAGAIN;
}

u64 wyi_file_pending(const struct net_file *f)
{
	return f->out ? (u64)f->n + f->n_other : 0;
}

static void orphan(struct net_file *f)
{
	struct wye_loop *loop = f->loop;
	int expected = RUNNING;

	/* Before the exchange: after it the struct and its stop may be gone. */
	(void)wyi_sys_eventfd_raise(f->stop);
	if (atomic_compare_exchange_strong(&f->state, &expected, ORPHAN))
		wyi_loop_use(loop, -1);
	else
		f->dead = true;
}

void wyi_file_free(struct net_file *f)
{
	if (!f)
		return;
	if (!f->busy)
		destroy(f);
	else if (f->stop >= 0)
		orphan(f);
	else
		f->dead = true;
}
