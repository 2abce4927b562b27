/* SPDX-License-Identifier: MIT */
/*
 * loop: one thread's event loop. A turn:
 *
 *     wait (not at all if anything is due)
 *     ready classes, in the order of enum loop_class, each once with an array of what is ready
 *     posts (at most 1,024)
 *     timers (at most 1,024): after input, so that a late loop never kills a living peer
 *     phases, in the order of enum loop_phase
 *
 * Upper folders register with the loop (classes, phases, parts); the loop never names them.
 * Everything is for the loop's thread but wyi_loop_* calls marked "any thread". Nothing here
 * allocates in a turn. Failure: an interrupted wait is an empty turn; a kernel that refuses
 * epoll_ctl is told to the caller.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <wye/loop.h>
#include "base/base.h"
#include "loop/bulk.h"

/* -- what is ready, by class ------------------------------------------------------------------- */
enum loop_class {
	LOOP_ACCEPT, /* listening sockets */
	LOOP_DIAL,   /* connections being made */
	LOOP_LINK,   /* streams: value = slot of the link */
	LOOP_DGRAM,  /* datagram sockets */
	/*
	 * The loop's own: wake-ups, signals. Last, because whoever is told of a signal may free what the
	 * other values point to.
	 */
	LOOP_INNER,
	LOOP_CLASSES
};
struct loop_ready {
	u64 value;  /* as given to wyi_poll_set; 56 bits */
	u32 events; /* EPOLLIN ... */
};
typedef void (*loop_ready_fn)(void *ctx, const struct loop_ready *ready, unsigned n);
void wyi_loop_class(struct wye_loop *, enum loop_class, loop_ready_fn, void *ctx);

/*
 * events: what to wait for now; *now: what fd waited for until now (0: not in the set), kept by the
 * caller and updated here; no system call if nothing changes. 0 takes it out of the set, so that
 * not even HUP is reported. Level-triggered. 0 or -errno: -EPERM for an fd that can't be polled (a
 * regular file, /dev/null).
 */
int wyi_poll_set(struct wye_loop *, int fd, u32 *now, u32 events, enum loop_class, u64 value);

/* -- phases at the end of a turn --------------------------------------------------------------- */
enum loop_phase {
	LOOP_FLUSH,  /* send what is due */
	LOOP_SETTLE, /* what follows from it: room again, ended, policies */
	LOOP_CLOSE,  /* deferred closes and frees */
	LOOP_PHASES
};
/* true: more is due at once, the next wait does not sleep. One function per phase. */
typedef bool (*loop_phase_fn)(void *ctx);
void wyi_loop_phase(struct wye_loop *, enum loop_phase, loop_phase_fn, void *ctx);
/* The next wait does not sleep: for work found outside a phase. */
void wyi_loop_again(struct wye_loop *);

/* -- what upper folders keep per loop ---------------------------------------------------------- */
/*
 * key: the address of something static of the owner's. Parts are freed in reverse order by
 * wye_loop_free.
 */
void *wyi_loop_part(const struct wye_loop *, const void *key);
/* 0, WYE_EFULL: over 16. */
int wyi_loop_attach(struct wye_loop *, const void *key, void *part, void (*free_part)(void *));

/* -- timers, embedded -------------------------------------------------------------------------- */
struct timer {
	struct list node;
	u64 deadline;			/* ns; meaningful while armed */
	void (*on_due)(struct timer *); /* may re-arm, stop or free itself and any other timer */
};
void wyi_timer_init(struct timer *, void (*on_due)(struct timer *));
/*
 * Arms or moves. Never early, and at most a tick (2^20 ns) late; one that is past is due in the
 * next turn.
 */
void wyi_timer_set(struct wye_loop *, struct timer *, u64 deadline_ns);
void wyi_timer_stop(struct timer *); /* legal when not armed */
bool wyi_timer_armed(const struct timer *);

/* -- the rest ---------------------------------------------------------------------------------- */
struct bulk *wyi_loop_bulk(struct wye_loop *);
u64 wyi_loop_now(const struct wye_loop *); /* ns, of this turn; outside a turn the clock is read */
int wyi_loop_check(const struct wye_loop *); /* 0, WYE_ETHREAD, -ECHILD */
/* Users that keep wye_loop_free from freeing it; any thread. */
void wyi_loop_use(struct wye_loop *, int delta);
/* Differs in a forked child from what its parent saw; any thread. */
u32 wyi_forks(void);
/* Before the first wyi_forks() that counts; wye_loop_new() does it. 0 or -ENOMEM. */
int wyi_fork_watch(void);
/*
 * Copies options whose first member is their size into a struct of `size` bytes; what is not given
 * is 0. -EINVAL: no size, or something set that this library does not know. NULL is fine.
 */
int wyi_options(void *out, size_t size, const void *options);
void wyi_log(struct wye_loop *, enum wye_level, const char *event, const char *endpoint, u64 link,
	     const char *format, ...) __attribute__((format(printf, 6, 7)));

#endif
