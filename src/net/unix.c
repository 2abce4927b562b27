/* SPDX-License-Identifier: MIT */
/*
 * Unix listeners: who owns a path.
 *
 * Happy path: PATH.lock is made, locked (flock) and held for life; whoever holds it may look at
 * PATH. Nothing there: bind. A socket that nobody listens on: left by a process that died,
 * unlinked, bind. At exit the socket and then the lock file are unlinked, each only if device and
 * inode are still ours, while the lock is held.
 *
 * Why two starters at once can't both win: the lock file is unlinked by its holder only, and who
 * got a lock looks again whether the file it locked is the one that has the name now; if not, it
 * begins anew. So all who hold a lock on the file that has the name hold the same lock. Locks end
 * with the process, so none is ever stale.
 *
 * Failure: WYE_EOWNED with the pid of the owner, from the lock file, or, of a server that knows
 * nothing of our lock, from SO_PEERCRED after connecting to it. What is no socket is never
 * unlinked. A foreign server between its bind and its listen looks dead; nothing tells the two
 * apart. Abstract names have no file: no lock, no mode.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include "net/kind.h"

#define LOCK_PATH  (sizeof(((struct url *)0)->path) + sizeof(".lock"))
#define LOCK_TRIES 64 /* each one lost means that another owner came and went meanwhile */
#define MODE	   0600

static char *lock_path(const struct url *url, char out[LOCK_PATH])
{
	snprintf(out, LOCK_PATH, "%s.lock", url->path);
	return out;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

__attribute__((format(printf, 4, 5))) static int
refuse(const struct url *url, int why, struct wye_error *e, const char *format, ...)
{
	char path[2 * sizeof(url->path)], text[160];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	wyi_escape(path, sizeof(path), url->path, strlen(url->path));
	return wyi_fail(e, why, 0, "%s://%s: %s", wyi_scheme_name(url->scheme), path, text);
}

static int refuse_file(const struct url *url, int why, const char *what, struct wye_error *e)
{
	switch (why) {
	case -ENOENT:
		return refuse(url, why, e, "the directory does not exist; make it first");
	case -ENOTDIR:
		return refuse(url, why, e, "a part of the path is no directory");
	case -EACCES:
	case -EPERM:
		return refuse(url, why, e,
			      "no permission for %s; take a directory you may write to", what);
	case -ELOOP:
		return refuse(url, why, e, "%s is a symbolic link; wanted: a plain file or none",
			      what);
	default:
		return refuse(url, why, e, "%s: %s", what, wye_strerror(why));
	}
}

static int refuse_owned(const struct url *url, long pid, struct wye_error *e)
{
	if (pid <= 0)
		return refuse(url, WYE_EOWNED, e,
			      "in use by a live process; stop it or take another path");
	return refuse(url, WYE_EOWNED, e, "in use by process %ld; stop it or take another path",
		      pid);
}

/* the lock */

/* 0 where its holder has not come to writing it yet. */
static long lock_pid(int fd)
{
	char text[24];
	ssize_t n = wyi_sys_read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return strtol(text, NULL, 10);
}

static int write_pid(int fd)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)wyi_sys_pid());
	int r = wyi_sys_ftruncate(fd, 0);
	ssize_t written;

	if (r < 0)
		return r;
	written = wyi_sys_write(fd, text, (size_t)n);
	if (written < 0)
		return (int)written;
	return written == n ? 0 : -ENOSPC;
}

/* 1: locked, and it has the name; 0: it was replaced, try again; or an error, told. */
static int try_lock(const struct url *url, const char *path, int fd, struct wye_error *e)
{
	struct stat locked, named;
	int r = wyi_sys_fstat(fd, &locked);

	if (r < 0)
		return refuse_file(url, r, "its lock file", e);
	if (!S_ISREG(locked.st_mode))
		return refuse(url, -EEXIST, e,
			      "its lock file (PATH.lock) is there and is no plain file");
	r = wyi_sys_flock(fd, LOCK_EX | LOCK_NB);
	if (r == -EWOULDBLOCK)
		return refuse_owned(url, lock_pid(fd), e);
	if (r < 0)
		return refuse_file(url, r, "its lock file", e);
	if (wyi_sys_lstat(path, &named) < 0 || !is_same(&locked, &named))
		return 0;
	r = write_pid(fd);
	return r < 0 ? refuse_file(url, r, "its lock file", e) : 1;
}

static int take_lock(const struct url *url, int *ret_fd, struct wye_error *e)
{
	char path[LOCK_PATH];

	lock_path(url, path);
	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		int fd = wyi_sys_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, MODE), r;

		if (fd < 0)
			return refuse_file(url, fd, "its lock file", e);
		r = try_lock(url, path, fd, e);
		if (r == 1) {
			*ret_fd = fd;
			return 0;
		}
		wyi_sys_close(fd);
		if (r < 0)
			return r;
	}
	return refuse(url, -EBUSY, e,
		      "others start and stop on it all the time; take another path");
}

/* Who waits for the lock on the old file finds, once we close it, that it has no name any more. */
static void give_lock(const struct url *url, int fd)
{
	char path[LOCK_PATH];
	struct stat ours, named;

	lock_path(url, path);
	if (wyi_sys_fstat(fd, &ours) == 0 && wyi_sys_lstat(path, &named) == 0 &&
	    is_same(&ours, &named))
		(void)wyi_sys_unlink(path);
	wyi_sys_close(fd);
}

/* the path, with the lock held */

static long peer_pid(int fd)
{
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);

	return wyi_sys_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ? 0 : peer.pid;
}

/*
 * 0: nobody listens; WYE_EOWNED and its pid (0: not known); or -errno. EAGAIN is a full backlog and
 * EPROTOTYPE a socket of another type: both are alive.
 */
static int probe(const struct addr *at, long *ret_pid)
{
	int fd = wyi_sys_socket(AF_UNIX, SOCK_STREAM, 0), r;

	if (fd < 0)
		return fd;
	r = wyi_sys_connect(fd, &at->sa, at->len);
	if (r == 0)
		*ret_pid = peer_pid(fd);
	wyi_sys_close(fd);
	if (r == 0 || r == -EAGAIN || r == -EINPROGRESS || r == -EPROTOTYPE)
		return WYE_EOWNED;
	return r == -ECONNREFUSED || r == -ENOENT ? 0 : r;
}

static int clear_path(const struct url *url, const struct addr *at, struct wye_error *e)
{
	struct stat found;
	long pid = 0;
	int r = wyi_sys_lstat(url->path, &found);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return refuse_file(url, r, "the path", e);
	if (!S_ISSOCK(found.st_mode))
		return refuse(url, -EEXIST, e,
			      "something that is no socket is there; it is left alone, "
			      "take another path");
	r = probe(at, &pid);
	if (r == WYE_EOWNED)
		return refuse_owned(url, pid, e);
	if (r >= 0)
		r = wyi_sys_unlink(url->path);
	return r < 0 && r != -ENOENT ? refuse_file(url, r, "the old socket", e) : 0;
}

/* the socket */

/*
 * The mode is set before bind gives the inode its name: there is no moment at which others may
 * connect.
 */
static int open_socket(const struct url *url, struct net_listen *l, struct wye_error *e)
{
	int fd = wyi_sys_socket(AF_UNIX, SOCK_STREAM, 0), r;
	bool bound = false;

	if (fd < 0)
		return refuse(url, fd, e, "%s", wye_strerror(fd));
	r = wyi_sys_fchmod(fd, MODE);
	if (r >= 0)
		r = wyi_sys_bind(fd, &l->addr[0].sa, l->addr[0].len);
	bound = r >= 0;
	if (r >= 0)
		r = wyi_sys_listen(fd, NET_BACKLOG);
	if (r < 0) {
		if (bound && l->lock_fd >= 0)
			(void)wyi_sys_unlink(url->path);
		wyi_sys_close(fd);
		return r == -EADDRINUSE ? refuse(url, r, e, "in use by another program")
					: refuse_file(url, r, "the path", e);
	}
	l->fd[0] = fd;
	return 0;
}

static int open_path(const struct url *url, struct net_listen *l, struct wye_error *e)
{
	struct stat made;
	int r = take_lock(url, &l->lock_fd, e);

	if (r < 0)
		return r;
	r = clear_path(url, &l->addr[0], e);
	if (r >= 0)
		r = open_socket(url, l, e);
	if (r < 0) {
		give_lock(url, l->lock_fd);
		return r;
	}
	if (wyi_sys_lstat(url->path, &made) == 0) {
		l->dev = made.st_dev;
		l->ino = made.st_ino;
	}
	return 0;
}

int wyi_unix_listen(const struct url *url, struct net_listen *ret, struct wye_error *e)
{
	struct net_listen l = {.n = 1, .fd = {-1, -1}, .lock_fd = -1};
	int r = wyi_addr_unix(&l.addr[0], url->path);

	if (r < 0)
		return refuse(url, r, e, "longer than a Unix address may be (107 bytes)");
	r = url->path[0] == '@' ? open_socket(url, &l, e) : open_path(url, &l, e);
	if (r < 0)
		return r;
	*ret = l;
	return 0;
}

void wyi_unix_unlisten(struct net_listen *l, const struct url *url)
{
	struct stat named;

	if (l->lock_fd < 0)
		return;
	if (l->ino != 0 && wyi_sys_lstat(url->path, &named) == 0 && named.st_dev == l->dev &&
	    named.st_ino == l->ino)
		(void)wyi_sys_unlink(url->path);
	give_lock(url, l->lock_fd);
	l->lock_fd = -1;
}
