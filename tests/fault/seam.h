/* SPDX-License-Identifier: MIT */
/*
 * The seam that fails on purpose: what a test plans, and what was counted.
 *
 * Happy path: wyt_seam_begin() with a plan (or none, to count), run the library, wyt_seam_end(), read the figures. Every
 * call of base/sys.h passes through sys_fault.c: counted by kind, failed if the plan says so, else real. The clock
 * is virtual: a wait that would sleep moves it instead, so a retry of 30 s costs nothing.
 * Failure modes: none of its own; a descriptor that is closed though the library did not open it is counted.
 */
#ifndef FAULT_SEAM_H
#define FAULT_SEAM_H

#include "base/sys.h"

/* X(kind): the calls that can fail. */
/* clang-format off */
#define WYT_KINDS(X) \
	X(memory) X(socket) X(bind) X(listen) X(connect) X(accept) X(getsockname) \
	X(getpeername) X(setsockopt) X(getsockopt) X(shutdown) X(close) X(recv) X(send) \
	X(recvmsg) X(sendmsg) X(recvmmsg) X(sendmmsg) X(epoll_create) X(epoll_add) \
	X(epoll_mod) X(epoll_wait) X(eventfd) X(signalfd) X(timerfd) X(timerfd_set) \
	X(open) X(read) X(write) X(fstat) X(lstat) X(unlink) X(fchmod) X(flock) \
	X(ftruncate) X(dup) X(open_flags) X(poll) X(unsent) X(thread) X(getaddrinfo)

enum kind {
#define KIND(k) K_##k,
	WYT_KINDS(KIND)
#undef KIND
	KINDS
};
/* clang-format on */
const char *wyt_kind_name(enum kind);

/* Beside an errno, which is above 0. */
enum {
	F_NONE = 0,
	F_ONE = -1,   /* one byte, or one message, is moved */
	F_LESS = -2,  /* all but one */
	F_END = -3,   /* 0: end of file, or no event */
	F_LATE = -4,  /* connect: it goes on in the background */
	F_BROKEN = -5 /* getsockopt: SO_ERROR says ECONNRESET */
};

struct plan {
	enum kind kind;
	u64 at;	   /* the first call that fails, from 1 */
	int what;  /* errno, or one of the above */
	u32 times; /* how many calls in a row; UINT32_MAX: all later ones */
};

struct figures {
	u64 calls[KINDS];
	u64 injected;
	s64 fds, bytes;	  /* open and not closed again, allocated and not freed */
	u64 wrong_closes; /* of what was not open, or not ours */
	u64 waits;	  /* epoll_wait */
	u64 idle_waits;	  /* of them, those that moved the clock */
	int threads;	  /* alive */
};

void wyt_seam_begin(const struct plan *); /* NULL: only counts */
void wyt_seam_stop(void);		  /* no fault from now on */
void wyt_seam_figures(struct figures *);
void wyt_seam_end(
	void); /* waits for threads that were left to themselves; from here on all is real */
u64 wyt_seam_now(void);

#endif
