/* SPDX-License-Identifier: MIT */
/*
 * Every call fails once, in every scenario: the sweep.
 *
 *     test_fault                 all of it
 *     test_fault --calls         system calls only;  --memory: allocations only
 *     test_fault --every N       each N-th case
 *     test_fault --one SCENARIO CALL K WHAT TIMES STAYS     one case, as a failure prints it
 *
 * Happy path: a scenario runs once without fault, which counts its calls; then once for each of them and each error
 * that its manual page names, and a part of them again with all later calls failing, too. What has to hold after each run
 * is in scene.c.
 * Failure modes: claims that don't hold are printed with their case, and the exit is 1. A crash or hang names its case, too.
 */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "scene.h"

#define ALL_LATER UINT32_MAX
#define STORM	  100u /* of what only means "again" */
#define RUN_S	  60   /* of real time: a hang */
#define WHATS	  14
#define MOST_SAID 40u

/* What can fail, and how; the manual pages' errors that wye's use of the call can meet. */
static const struct {
	enum kind kind;
	int what[WHATS];
} errors[] = {
	{K_memory, {ENOMEM}},
	{K_socket, {EMFILE, ENFILE, ENOBUFS, ENOMEM, EAFNOSUPPORT, EACCES}},
	{K_bind, {EADDRINUSE, EADDRNOTAVAIL, EACCES, ENOMEM}},
	{K_listen, {EADDRINUSE}},
	{K_connect,
	 {F_LATE, ECONNREFUSED, ETIMEDOUT, ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, EAGAIN, EPERM,
	  ECONNRESET, ENOENT, EACCES, EADDRINUSE}},
	{K_accept,
	 {EAGAIN, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EPROTO, ENETDOWN,
	  EHOSTUNREACH, EOPNOTSUPP}},
	{K_getsockname, {ENOBUFS}},
	{K_getpeername, {ENOTCONN, ENOBUFS}},
	{K_setsockopt, {ENOPROTOOPT, ENOMEM, EINVAL}},
	{K_getsockopt, {F_BROKEN, ENOPROTOOPT, ENOBUFS}},
	{K_shutdown, {ENOTCONN}},
	{K_close, {EIO}},
	{K_recv,
	 {EAGAIN, F_ONE, F_LESS, F_END, ECONNRESET, ETIMEDOUT, ENOMEM, EHOSTUNREACH, EPIPE}},
	{K_send,
	 {EAGAIN, F_ONE, F_LESS, ECONNRESET, EPIPE, ENOBUFS, ENOMEM, ETIMEDOUT, EHOSTUNREACH}},
	{K_recvmsg, {EAGAIN, ENOMEM}},
	{K_sendmsg,
	 {EAGAIN, F_ONE, F_LESS, ECONNRESET, EPIPE, ENOBUFS, ENOMEM, ETIMEDOUT, EHOSTUNREACH}},
	{K_recvmmsg, {EAGAIN, F_ONE, F_LESS, ECONNREFUSED, ENOMEM, EHOSTUNREACH}},
	{K_sendmmsg,
	 {EAGAIN, F_ONE, F_LESS, ECONNREFUSED, EPERM, EMSGSIZE, ENOBUFS, ENOMEM, ENETUNREACH,
	  EINVAL}},
	{K_epoll_create, {EMFILE, ENFILE, ENOMEM}},
	{K_epoll_add, {ENOMEM, ENOSPC}},
	{K_epoll_mod, {ENOMEM}},
	{K_epoll_wait, {EINTR, F_END}},
	{K_eventfd, {EMFILE, ENFILE, ENOMEM}},
	{K_open, {EACCES, EMFILE, ENFILE, ENOENT, ENOSPC, EROFS, ELOOP, ENXIO, ENOMEM}},
	{K_read, {EAGAIN, F_ONE, F_LESS, F_END, EIO}},
	{K_write, {EAGAIN, F_ONE, F_LESS, EPIPE, EIO, ENOSPC, EDQUOT}},
	{K_fstat, {ENOMEM, EIO}},
	{K_lstat, {ENOENT, EACCES, EIO, ENOMEM}},
	{K_unlink, {EACCES, EPERM, EROFS, ENOENT, EIO}},
	{K_fchmod, {EPERM, EROFS, EIO}},
	{K_flock, {EWOULDBLOCK, ENOLCK}},
	{K_ftruncate, {EIO, EPERM}},
	{K_dup, {EMFILE}},
	{K_open_flags, {EBADF}},
	{K_poll, {ENOMEM}},
	{K_unsent, {EINVAL}},
	{K_thread, {EAGAIN}},
	{K_getaddrinfo, {EAI_AGAIN, EAI_FAIL, EAI_MEMORY, EAI_NONAME}},
};

static struct {
	bool calls, memory;
	u32 every;
	u64 n, runs, injected, memory_runs, said, fds, bytes, closes;
	const char *scenario;
	struct plan plan;
	bool stays;
} sweep = {.calls = true, .memory = true, .every = 1};

/* -- what does not hold ------------------------------------------------------------------------------------------------------ */
static void name_case(FILE *to)
{
	fprintf(to, "%s %s %llu %d %u %d", sweep.scenario,
		sweep.plan.kind < KINDS ? wyt_kind_name(sweep.plan.kind) : "none",
		(unsigned long long)sweep.plan.at, sweep.plan.what, sweep.plan.times, sweep.stays);
}

void wyt_wrong(const char *format, ...)
{
	va_list args;

	if (sweep.said++ >= MOST_SAID)
		return;
	fprintf(stderr, "--one ");
	name_case(stderr);
	fprintf(stderr, ": ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
}

/* The process is lost: what stdio does here does no more harm. */
static void on_fatal(int signo)
{
	fprintf(stderr, "--one ");
	name_case(stderr);
	fprintf(stderr, ": %s\n", signo == SIGALRM ? "hangs" : "crashes");
	signal(signo == SIGALRM ? SIGABRT : signo, SIG_DFL);
	raise(signo == SIGALRM ? SIGABRT : signo);
}

/* -- runs ---------------------------------------------------------------------------------------------------------------------- */
static void run(const struct scenario *s, const struct plan *plan, bool stays, struct figures *ret)
{
	sweep.scenario = s->name;
	sweep.plan = plan ? *plan : (struct plan){.kind = KINDS};
	sweep.stays = stays;
	alarm(RUN_S);
	wyt_scene_run(s, plan, stays, ret);
	alarm(0);
	sweep.runs++;
	sweep.injected += ret->injected;
	sweep.memory_runs += plan && plan->kind == K_memory && ret->injected;
	sweep.fds += ret->fds != 0;
	sweep.bytes += ret->bytes != 0;
	sweep.closes += ret->wrong_closes;
}

static void fail_at(const struct scenario *s, struct plan plan, bool stays)
{
	struct figures f;

	if (sweep.n++ % sweep.every == 0)
		run(s, &plan, stays, &f);
}

/* Said of a newcomer, who is then gone. */
static bool is_newcomers(int what)
{
	return what != EMFILE && what != ENFILE && what != ENOBUFS && what != ENOMEM;
}

/* Means "again", or comes once for each cause: for ever would be a loop that rightly never comes to anything. */
static bool is_again(const struct plan *p)
{
	return p->what == EAGAIN || p->what == EINTR || p->kind == K_epoll_wait ||
	       p->what == F_ONE || (p->kind == K_accept && is_newcomers(p->what)) ||
	       (p->kind == K_recvmmsg && p->what != ENOMEM);
}

/* All calls from k on fail; for long runs, not each k. */
static void fail_from(const struct scenario *s, struct plan plan, u64 n)
{
	u64 stride = plan.kind == K_memory ? 1 : n < 8 ? 1 : n / 8;

	if ((plan.at - 1) % stride)
		return;
	plan.times = is_again(&plan) ? STORM : ALL_LATER;
	fail_at(s, plan, false);
	fail_at(s, plan, true);
}

static void sweep_kind(const struct scenario *s, enum kind kind, int what, u64 n)
{
	for (u64 k = 1; k <= n; k++) {
		struct plan plan = {.kind = kind, .at = k, .what = what, .times = 1};

		fail_at(s, plan, false);
		fail_from(s, plan, n);
	}
}

static void sweep_scenario(const struct scenario *s)
{
	struct figures f;

	run(s, NULL, false, &f);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		bool memory = errors[i].kind == K_memory;

		if (memory ? !sweep.memory : !sweep.calls)
			continue;
		for (u32 k = 0; k < WHATS && errors[i].what[k]; k++)
			sweep_kind(s, errors[i].kind, errors[i].what[k], f.calls[errors[i].kind]);
	}
}

static int report(void)
{
	fprintf(stderr,
		"runs %llu, faults injected %llu, runs with a failed allocation %llu; "
		"claims broken %llu, crashes 0, hangs 0, runs that leaked fds %llu, bytes %llu, "
		"wrong closes %llu\n",
		(unsigned long long)sweep.runs, (unsigned long long)sweep.injected,
		(unsigned long long)sweep.memory_runs, (unsigned long long)sweep.said,
		(unsigned long long)sweep.fds, (unsigned long long)sweep.bytes,
		(unsigned long long)sweep.closes);
	return sweep.said ? 1 : 0;
}

/* -- arguments --------------------------------------------------------------------------------------------------------------------- */
static const struct scenario *find_scenario(const char *name)
{
	for (u32 i = 0; i < wyt_n_scenarios; i++)
		if (strcmp(wyt_scenarios[i].name, name) == 0)
			return &wyt_scenarios[i];
	return NULL;
}

static int run_one(char **arg)
{
	const struct scenario *s = find_scenario(arg[0]);
	struct plan plan = {.kind = KINDS,
			    .at = strtoull(arg[2], NULL, 10),
			    .what = (int)strtol(arg[3], NULL, 10),
			    .times = (u32)strtoul(arg[4], NULL, 10)};
	struct figures f;

	for (u32 k = 0; k < KINDS; k++)
		if (strcmp(wyt_kind_name((enum kind)k), arg[1]) == 0)
			plan.kind = (enum kind)k;
	if (!s)
		return 2;
	run(s, plan.kind == KINDS ? NULL : &plan, (int)strtol(arg[5], NULL, 10), &f);
	for (u32 k = 0; k < KINDS; k++)
		if (f.calls[k])
			fprintf(stderr, "%s %llu, ", wyt_kind_name((enum kind)k),
				(unsigned long long)f.calls[k]);
	fprintf(stderr, "\n");
	return report();
}

int main(int argc, char **argv)
{
	const char *scale = getenv("WYE_SCALE");

	signal(SIGPIPE, SIG_IGN);
	signal(SIGALRM, on_fatal);
	signal(SIGABRT, on_fatal);
	if (argc == 8 && strcmp(argv[1], "--one") == 0)
		return run_one(argv + 2);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--calls") == 0)
			sweep.memory = false;
		else if (strcmp(argv[i], "--memory") == 0)
			sweep.calls = false;
		else if (strcmp(argv[i], "--every") == 0 && i + 1 < argc &&
			 strtol(argv[i + 1], NULL, 10) > 0)
			sweep.every = (u32)strtol(argv[++i], NULL, 10);
		else
			return 2;
	}
	if (scale && strtol(scale, NULL, 10) >
			     1) /* a sanitizer's build: a quarter of the other loads' cut */
		sweep.every *= 1 + (u32)strtol(scale, NULL, 10) / 4;
	for (u32 i = 0; i < wyt_n_scenarios; i++)
		sweep_scenario(&wyt_scenarios[i]);
	return report();
}
