/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder share. Fields are the loop's thread's own but those marked "any
 * thread".
 */
#ifndef LOOP_INNER_H
#define LOOP_INNER_H

#include <signal.h>
#include <stdatomic.h>
#include "loop/loop.h"
#include "loop/wheel.h"

#define LOOP_EVENTS 512u  /* taken from the kernel in a turn */
#define LOOP_CALLS  1024u /* posts, and timers, in a turn */
#define LOOP_PARTS  16u

struct loop_part {
	const void *key;
	void *part;
	void (*free_part)(void *);
};

struct wye_loop {
	int epoll, event;
	bool inside; /* a turn runs: `now` is fresh, timers and posts will be looked at */
	bool again;
	u32 n_parts;
	u64 now;
	u32 forks;		  /* wyi_forks() of the process that made it; any thread */
	_Atomic(pthread_t) owner; /* 0: nobody's; any thread */
	atomic_bool claimed;	  /* by a turn; until then another thread may run it */
	atomic_int users;	  /* any thread */

	_Atomic(struct wye_task *) posted;	 /* newest first; any thread */
	struct wye_task *post_first, *post_last; /* taken over, oldest first */
	atomic_bool asleep;  /* who changes it to false writes to `event`; any thread */
	atomic_bool stop;    /* any thread */
	atomic_uint posting; /* calls of other threads that still look at the loop */
	u64 wakes;	     /* writes to `event`, as read from it */

	int alarm;    /* timerfd of a loop whose fd was handed out, or -1 */
	u64 alarm_at; /* what it is set to; WHEEL_NEVER: off */
	bool kicked;  /* `event` was written by ourselves */

	struct wheel wheel;
	struct list due; /* timers set aside to be called */

	struct {
		loop_ready_fn fn;
		void *ctx;
	} classes[LOOP_CLASSES];
	struct {
		loop_phase_fn fn;
		void *ctx;
	} phases[LOOP_PHASES];
	struct loop_part parts[LOOP_PARTS];
	struct wye_signal *signals[NSIG];
	struct bulk *bulk;
	void (*on_log)(const struct wye_log *, void *ctx);
	void *log_ctx;
	struct epoll_event events[LOOP_EVENTS];
	struct loop_ready ready[LOOP_EVENTS];
};

/* Values of LOOP_INNER; a signal's is its number (from 1). */
#define INNER_EVENT 0u
#define INNER_ALARM (NSIG + 1u)

/* poll.c */
void wyi_loop_dispatch(struct wye_loop *, int n);

/* post.c */
bool wyi_posts_wait(const struct wye_loop *);
void wyi_posts_run(struct wye_loop *);
void wyi_posts_forget(struct wye_loop *); /* the tasks are their owners' again, without a call */
void wyi_loop_wake(struct wye_loop *);	  /* any thread */
void wyi_event_ready(struct wye_loop *);

/* timer.c */
void wyi_timers_run(struct wye_loop *);

/* signal.c */
void wyi_signal_ready(struct wye_loop *, int signo);

/* embed.c */
void wyi_embed_settle(struct wye_loop *); /* after anything outside a turn that makes one due */
void wyi_embed_deinit(struct wye_loop *);

bool wyi_loop_more(struct wye_loop *); /* a turn is due at once */

#endif
