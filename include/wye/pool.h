/* SPDX-License-Identifier: MIT */
/*
 * wye/pool.h: threads for what would stop a loop: name resolution, regular files, slow work of
 * yours.
 *
 * A job is embedded in your struct, runs once on some thread of the pool, and its done() comes
 * exactly once: on the loop's thread if job.loop is set, else on the worker. Submit never blocks.
 */
#ifndef WYE_POOL_H
#define WYE_POOL_H

#include <wye/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wye_pool;

struct wye_job {
	void (*run)(struct wye_job *); /* on a worker */
	/* status: 0, or -ECANCELED if it never ran. The job is yours again. */
	void (*done)(struct wye_job *, int status);
	struct wye_loop *loop; /* where done() is called; NULL: on the worker */
	void *priv[6];	       /* the library's; zero before the first submit */
};

struct wye_pool_options {
	size_t size;	  /* sizeof(struct wye_pool_options) */
	unsigned threads; /* default 2 */
	unsigned queue;	  /* jobs that may wait; default 1,024 */
};

WYE_API int wye_pool_new(const struct wye_pool_options *, struct wye_pool **ret_pool);
/* Any thread. 0, WYE_EFULL, -ESHUTDOWN, or -EBUSY: this job is already in. */
WYE_API int wye_pool_submit(struct wye_pool *, struct wye_job *);
/*
 * Waits for the jobs that run, cancels those that wait: each done() still comes, so keep turning
 * the loops that they name. Not from a job. NULL is fine.
 */
WYE_API int wye_pool_free(struct wye_pool *);

#ifdef __cplusplus
}
#endif
#endif
