/* SPDX-License-Identifier: MIT */
/*
 * net: what differs between kinds of endpoints at the system-call level; one file per kind.
 *
 * A kind opens listening sockets or begins connections; it knows no framing, no feed, no link.
 * Everything opened here is non-blocking and close-on-exec; an inherited fd is never changed.
 * Failure: -errno and a text that says which address or path and what to do about it.
 *
 *   tcp.c unix.c udp.c stdio.c   the kinds
 *   listen.c dial.c              what they share: addresses a URL means; connections being made
 *   resolve.c                    names to addresses, on the pool
 *   file.c                       regular files behind the pool, as if they were sockets
 *
 * For the loop's thread; resolve and file jobs run on workers and come back by a post.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/base.h"
#include "loop/loop.h"
#include "pool/pool.h"

/* -- listeners (tcp-listen, unix-listen, udp-listen) ------------------------------------------- */
#define NET_LISTEN_MAX 2 /* no host: 127.0.0.1 and ::1; any: 0.0.0.0 and :: */
struct net_listen {
	u32 n;
	int fd[NET_LISTEN_MAX];
	struct addr addr[NET_LISTEN_MAX]; /* as bound: the real port */
	int lock_fd;			  /* unix: held for life; -1 */
	dev_t dev;			  /* unix: the path is unlinked only if it is still ours */
	ino_t ino;
};
/*
 * Opens all addresses that the URL means: bound and listening. Port 0: the same free port on both.
 * A family that the machine does not have (EAFNOSUPPORT, EADDRNOTAVAIL for ::1 or ::) is left out
 * if the other one opens. Host names are not looked up here: numeric, "" or "any" only (-EINVAL and
 * a text otherwise). WYE_EOWNED: a live process has the path; the text names its pid. On failure
 * nothing stays open.
 */
int wyi_net_listen(const struct url *, struct net_listen *ret, struct wye_error *);
void wyi_net_unlisten(struct net_listen *, const struct url *); /* idempotent */
bool wyi_net_is_public(const struct net_listen *);		/* reachable from other hosts */

/* -- connections ------------------------------------------------------------------------------- */
/*
 * Begins one: 0 = up, -EINPROGRESS (wait for EPOLLOUT), -errno or WYE_ESELF; *ret_fd is set for the
 * first two.
 */
int wyi_net_dial(const struct url *, const struct addr *, int *ret_fd);
/* After EPOLLOUT: 0, or why it failed. WYE_ESELF: the socket met itself. */
int wyi_net_dialled(int fd);
/*
 * Options of a stream link: TCP_NODELAY, TCP_NOTSENT_LOWAT = unsent, SO_KEEPALIVE (60 s). Unix
 * sockets: nothing.
 */
void wyi_net_tune(int fd, const struct url *);

/* -- names ------------------------------------------------------------------------------------- */
struct net_resolve; /* one look-up */
/*
 * addrs: at most 16, IPv6 and IPv4 alternating from what the system sorted first. why: 0 or
 * WYE_ERESOLVE or -errno.
 */
typedef void (*net_resolved_fn)(void *ctx, int why, const struct addr *addrs, u32 n);
/*
 * Numeric hosts, "" (127.0.0.1, ::1) and unix paths are answered at once: 1 and *ret (16 addrs),
 * *ret_n. Else a job is begun: 0 and *ret_resolve; `resolved` comes later on the loop, once, unless
 * cancelled, and *ret_resolve is gone when it returns. -errno or WYE_EFULL: nothing was begun.
 */
int wyi_net_resolve(struct wye_loop *, const struct url *, net_resolved_fn resolved, void *ctx,
		    struct addr ret[16], u32 *ret_n, struct net_resolve **ret_resolve);
void wyi_net_resolve_cancel(struct net_resolve *); /* the result is dropped; NULL is fine */

/* -- ends of "-" and regular files ------------------------------------------------------------- */
enum net_io {
	NET_NONE, /* this direction does not exist */
	NET_SOCK, /* recv and send: goes through bulk */
	NET_PIPE, /* non-blocking read and write: pipes, terminals */
	NET_FILE  /* through the pool; never in epoll */
};

struct net_file; /* one direction of a regular file or another fd that epoll refuses */
/*
 * Behaves as a socket does: a read answers bytes, 0 at the end (again and again), or -EAGAIN and
 * then begins a job; ready() comes on the loop when there is something. A write takes what fits in
 * its buffer (256 KiB), else -EAGAIN. ready() of a writer comes, only from a turn of the loop, when
 * there is room again after a short or refused write, when all that was taken is written (pending
 * is 0), and when a job failed. That error is answered by every later call; what was not written
 * stays in pending. fd is duplicated: the caller may close its own at any time.
 */
int wyi_file_new(struct wye_loop *, int fd, bool out, void (*ready)(void *ctx), void *ctx,
		 struct net_file **ret);
ssize_t wyi_file_read(struct net_file *, void *, size_t);
ssize_t wyi_file_writev(struct net_file *, const struct iovec *, int n);
u64 wyi_file_pending(const struct net_file *); /* bytes taken and not yet written */
/*
 * ready() comes no more; NULL is fine. What is pending is not waited for: a running job of a
 * regular file ends by itself on a later turn, one that waits for a pipe or terminal is called off
 * and holds up neither loop nor exit.
 */
void wyi_file_free(struct net_file *);

struct net_stdio {
	enum net_io in, out;
	int in_fd, out_fd; /* -1, 0/1 themselves, or reopened ones that are ours */
	bool in_ours, out_ours;
	bool out_tty;	 /* a terminal never blocks anyone */
	bool in_endless; /* /dev/null as input: no input and no end */
};
/*
 * dir says which of the two is wanted. Fails with -EBADF and a text where the descriptor is closed.
 */
int wyi_net_stdio(enum dir dir, struct net_stdio *ret, struct wye_error *);
void wyi_net_stdio_close(struct net_stdio *); /* ours only */

#endif
