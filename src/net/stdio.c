/* SPDX-License-Identifier: MIT */
/*
 * "-": how to use descriptors 0 and 1 without changing them for whoever shares them.
 *
 * O_NONBLOCK belongs to the open file, which the shell and others have too: a shell whose terminal
 * turned non-blocking ends, a parent's pipe loses writes. So it is never set here. Happy path, by
 * what fstat says:
 *
 *   pipe, terminal   opened again through /proc/self/fd: the same pipe, an open file of our own
 *   socket           itself, each call with MSG_DONTWAIT
 *   regular file     itself, through the pool; the offset and O_APPEND stay shared
 *   /dev/null        as input: no input and no end
 *   all else         itself, through the pool
 *
 * Where opening again is refused (a terminal or pipe of another user's after su or sudo, no /proc,
 * a named pipe whose reader has gone) the descriptor itself is used through a worker. Failure:
 * -EBADF (closed, or open for the other direction only), -EISDIR, -EPROTOTYPE (a socket that keeps
 * boundaries), each with a text.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "net/kind.h"

struct end {
	enum net_io io;
	int fd;
	bool ours, tty, endless;
};

static const char *end_name(bool out)
{
	return out ? "standard output" : "standard input";
}

static bool is_dev_null(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

/*
 * Where a standard descriptor is closed, its number is the next one given: what we open is not it.
 */
static int beyond_standard(int fd)
{
	int r;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	r = wyi_sys_dup(fd);
	wyi_sys_close(fd);
	return r;
}

static int open_again(int fd, bool out)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return beyond_standard(wyi_sys_open(path, out ? O_WRONLY : O_RDONLY, 0));
}

static int check_open(int fd, bool out, struct stat *ret, struct wye_error *e)
{
	int r = wyi_sys_fstat(fd, ret), flags;

	if (r < 0)
		return wyi_fail(e, r, 0,
				"-: %s (descriptor %d) is closed; wanted: an open one, such as "
				"%s/dev/null, or only the other one: -,dir=%s",
				end_name(out), fd, out ? ">" : "<", out ? "in" : "out");
	flags = wyi_sys_open_flags(fd);
	if (flags < 0)
		return wyi_fail(e, flags, 0, "-: %s: %s", end_name(out), wye_strerror(flags));
	if ((flags & O_ACCMODE) == (out ? O_RDONLY : O_WRONLY))
		return wyi_fail(e, -EBADF, 0, "-: %s (descriptor %d) is open for %s only",
				end_name(out), fd, out ? "reading" : "writing");
	if (S_ISDIR(ret->st_mode))
		return wyi_fail(e, -EISDIR, 0,
				"-: %s is a directory; wanted: a file, pipe, terminal or socket",
				end_name(out));
	return 0;
}

static int check_socket(int fd, bool out, struct wye_error *e)
{
	int type = 0;
	socklen_t len = sizeof(type);
	int r = wyi_sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);

	if (r < 0)
		return wyi_fail(e, r, 0, "-: %s: %s", end_name(out), wye_strerror(r));
	if (type != SOCK_STREAM)
		return wyi_fail(e, -EPROTOTYPE, 0,
				"-: %s is a socket of datagrams or packets; wanted: a stream",
				end_name(out));
	return 0;
}

static int open_end(int fd, bool out, struct end *ret, struct wye_error *e)
{
	struct end end = {.io = NET_FILE, .fd = fd};
	struct stat st;
	int r = check_open(fd, out, &st, e);

	if (r < 0)
		return r;
	end.tty = S_ISCHR(st.st_mode) && wyi_sys_isatty(fd) == 1;
	if (S_ISSOCK(st.st_mode)) {
		r = check_socket(fd, out, e);
		if (r < 0)
			return r;
		end.io = NET_SOCK;
	} else if (!out && is_dev_null(&st)) {
		end = (struct end){.io = NET_NONE, .fd = -1, .endless = true};
	} else if (S_ISFIFO(st.st_mode) || end.tty) {
		r = open_again(fd, out);
		if (r >= 0)
			end = (struct end){.io = NET_PIPE, .fd = r, .ours = true, .tty = end.tty};
	}
	*ret = end;
	return 0;
}

int wyi_net_stdio(enum dir dir, struct net_stdio *ret, struct wye_error *e)
{
	struct end in = {.fd = -1}, out = {.fd = -1};
	int r;

	if (dir != DIR_OUT) {
		r = open_end(STDIN_FILENO, false, &in, e);
		if (r < 0)
			return r;
	}
	if (dir != DIR_IN) {
		r = open_end(STDOUT_FILENO, true, &out, e);
		if (r < 0) {
			if (in.ours)
				wyi_sys_close(in.fd);
			return r;
		}
	}
	*ret = (struct net_stdio){
		.in = in.io,
		.out = out.io,
		.in_fd = in.fd,
		.out_fd = out.fd,
		.in_ours = in.ours,
		.out_ours = out.ours,
		.out_tty = out.tty,
		.in_endless = in.endless,
	};
	return 0;
}

void wyi_net_stdio_close(struct net_stdio *io)
{
	if (io->in_ours)
		wyi_sys_close(io->in_fd);
	if (io->out_ours)
		wyi_sys_close(io->out_fd);
	*io = (struct net_stdio){.in_fd = -1, .out_fd = -1};
}
