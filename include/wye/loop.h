/* SPDX-License-Identifier: MIT */
/*
 * wye/loop.h: the event loop (reactor), its timers, signals and posts.
 *
 * One thread runs one loop, in turns: it waits for the kernel, hands out what is ready, runs posts
 * and then timers, sends what is due, closes what has ended. Callbacks come only from inside
 * wye_loop_run() or wye_loop_turn(), never from inside a call of yours.
 *
 * Threads: wye_post() and wye_loop_stop() may be called from any thread. Everything else belongs to
 * the loop's thread: the one that runs it, or, before its first turn, the one that made it; from
 * another one it answers WYE_ETHREAD, or does nothing where it answers nothing. When wye_loop_run()
 * has returned, the loop is no thread's until its next turn: it may be freed, or run on, by another
 * one. After fork() the child gets -ECHILD.
 */
#ifndef WYE_LOOP_H
#define WYE_LOOP_H

#include <stddef.h>
#include <stdint.h>
#include <wye/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wye_loop;
struct wye_timer;
struct wye_signal;

enum wye_level { WYE_LOG_ERROR, WYE_LOG_WARN, WYE_LOG_INFO, WYE_LOG_DEBUG };

/* What the library has to say; it never prints by itself. Pointers are valid during the call. */
struct wye_log {
	enum wye_level level;
	const char *event;    /* a word: "up", "down", "listening", "retry", ... */
	const char *endpoint; /* its name, or NULL */
	uint64_t link;	      /* number of the link as shown in statistics, or 0 */
	const char *text;     /* one line for people, peer-given bytes escaped */
};

struct wye_loop_options {
	size_t size;					   /* sizeof(struct wye_loop_options) */
	void (*on_log)(const struct wye_log *, void *ctx); /* on the loop's thread; may be NULL */
	void *log_ctx;
};

/*
 * options may be NULL. The loop is yours until wye_loop_free(). Errors: -ENOMEM, -EMFILE, -EINVAL.
 */
WYE_API int wye_loop_new(const struct wye_loop_options *options, struct wye_loop **ret_loop);
/* Runs turns until wye_loop_stop(). 0, or the error that the kernel's wait gave. */
WYE_API int wye_loop_run(struct wye_loop *);
/*
 * One turn: waits at most timeout_ms (-1: until something happens, 0: not at all). To embed a loop
 * in another one: wye_loop_fd() becomes readable when a turn is due. 0, 1 = more is due at once, or
 * an error.
 */
WYE_API int wye_loop_turn(struct wye_loop *, int timeout_ms);
/*
 * An epoll descriptor, the loop's own: poll it, nothing else. From the first call on, turns cost a
 * little more.
 */
WYE_API int wye_loop_fd(struct wye_loop *);
/*
 * Any thread. The turn that runs is finished first; where none runs, the next run ends, or the next
 * turn returns, without waiting.
 */
WYE_API void wye_loop_stop(struct wye_loop *);
/*
 * NULL is fine. -EBUSY while a timer, signal, hub or job still uses it, and from inside a turn.
 * Tasks that were posted and have not run won't; they are yours again.
 */
WYE_API int wye_loop_free(struct wye_loop *);
/* CLOCK_MONOTONIC in ns: within a turn the time it was read at its start; between turns, now. */
WYE_API uint64_t wye_loop_now(const struct wye_loop *);

/*
 * A call to be made on the loop's thread. Embed it in your struct; zero it once; yours again when
 * run() begins.
 */
struct wye_task {
	void (*run)(struct wye_task *);
	void *priv[2]; /* the library's */
};
/* Any thread. 0, or 1: it was queued already and will run once. Never allocates, never fails. */
WYE_API int wye_post(struct wye_loop *, struct wye_task *);

/*
 * Never early, and on an idle machine at most 1.05 ms late: timers so near to each other share a
 * wake-up. missed: ticks of a repeating timer that were merged into this call.
 */
WYE_API int wye_timer_new(struct wye_loop *, void (*on_due)(uint64_t missed, void *ctx), void *ctx,
			  struct wye_timer **ret_timer);
WYE_API int wye_timer_at(struct wye_timer *, uint64_t deadline_ns); /* never early */
/* From this moment, not from the turn's time. */
WYE_API int wye_timer_in(struct wye_timer *, uint64_t ms);
/* On a fixed grid from now; ms > 0. */
WYE_API int wye_timer_every(struct wye_timer *, uint64_t ms);
WYE_API int wye_timer_stop(struct wye_timer *);
/* Immediate; legal in its own callback; NULL is fine. */
WYE_API void wye_timer_free(struct wye_timer *);

/*
 * The signal is blocked in the calling thread and read through a signalfd (signalfd(2)), so make it
 * before you start threads of your own, or block it in them. One watcher per signal and loop:
 * -EBUSY.
 */
WYE_API int wye_signal_new(struct wye_loop *, int signo, void (*on_signal)(int signo, void *ctx),
			   void *ctx, struct wye_signal **ret_signal);
/* The signal mask of the thread is put back. NULL is fine. */
WYE_API void wye_signal_free(struct wye_signal *);

#ifdef __cplusplus
}
#endif
#endif
