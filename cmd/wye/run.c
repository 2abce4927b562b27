/* SPDX-License-Identifier: MIT */
/*
 * One run of wye: all URLs are checked, then all are opened, then the loop turns until something
 * ends it. In the order of how much is still done:
 *
 *   all that can end has ended    answers are awaited for `linger`, what is fed is written
 *   TERM, INT, HUP                what is fed is written, for DRAIN_LIMIT_MS at most
 *   an endpoint can't go on       the same; status 1
 *   standard output is closed and nobody else is left to talk to, or a second signal: nothing
 *
 * The status is 1 if bytes were not written, and they are named. Failure while starting: each wrong
 * URL is named and nothing is opened (2); an endpoint that can't be opened closes those that were
 * (4).
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include "demo.h"
#include "log.h"
#include "run.h"
#include "stats.h"

enum { DRAIN_LIMIT_MS = 5000 };

static const int signal_numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
enum { SIGNALS = sizeof(signal_numbers) / sizeof(signal_numbers[0]) };

struct run {
	const struct options *options;
	struct log log;
	struct wye_loop *loop;
	struct wye_hub *hub;
	struct wye_signal *signals[SIGNALS];
	enum status status;
	bool stopping; /* told to stop: the next signal ends it at once */
	bool forget;   /* nobody is left to want what is unwritten */
};

static enum status failed(const char *what, int why)
{
	fprintf(stderr, "wye: error: %s: %s\n", what, wye_strerror(why));
	return STATUS_FAILED;
}

static void on_drained(struct wye_hub *hub, uint64_t unwritten_bytes, void *ctx)
{
	struct run *run = ctx;
	(void)hub;
	(void)unwritten_bytes; /* named one by one by reckon() */
	wye_loop_stop(run->loop);
}

static void drain(struct run *run, enum wye_drain how)
{
	int r = wye_hub_drain(run->hub, how, run->options->linger_ms, DRAIN_LIMIT_MS, on_drained,
			      run);
	if (r < 0) {
		run->status = failed("drain", r);
		wye_loop_stop(run->loop);
	}
}

static void on_ended(struct wye_hub *hub, void *ctx)
{
	struct run *run = ctx;
	(void)hub;
	if (!run->options->stay && !run->options->demo && !run->stopping)
		drain(run, WYE_DRAIN_END);
}

static int add_unwritten(const struct wye_endpoint_info *info, void *ctx)
{
	*(uint64_t *)ctx += info->unwritten_bytes;
	return 0;
}

static void stop(struct run *run)
{
	uint64_t bytes = 0;

	if (run->stopping) {
		wye_loop_stop(run->loop);
		return;
	}
	run->stopping = true;
	(void)wye_hub_each(run->hub, add_unwritten, &bytes);
	if (bytes > 0)
		log_say(&run->log, WYE_LOG_INFO, "stopping",
			"%" PRIu64 " bytes are still to be written, for %d s at most; "
			"a second signal ends it now",
			bytes, DRAIN_LIMIT_MS / 1000);
	drain(run, WYE_DRAIN_STOP);
}

struct first {
	const char *name;
	bool was_up;
};

static int was_up(const struct wye_endpoint_info *info, void *ctx)
{
	struct first *first = ctx;

	if (strcmp(info->name, first->name) == 0)
		first->was_up = info->links_ever > 0;
	return 0;
}

/* The hub says -EPIPE only when standard output is closed and nobody else is left to talk to. */
static void on_failed(struct wye_hub *hub, const char *endpoint, int why, void *ctx)
{
	struct run *run = ctx;

	if (why == -EPIPE) {
		log_say(&run->log, WYE_LOG_DEBUG, "end", "%s: nobody reads it any more", endpoint);
		run->forget = true;
		wye_loop_stop(run->loop);
		return;
	}
	struct first first = {.name = endpoint};
	(void)wye_hub_each(hub, was_up, &first);
	run->status = first.was_up ? STATUS_FAILED
				   : STATUS_NOT_OPENED; /* the library has said why */
	if (!run->stopping)
		stop(run);
}

static void on_signal(int signo, void *ctx)
{
	struct run *run = ctx;

	if (signo == SIGUSR1) {
		stats_print(run->hub);
		return;
	}
	log_say(&run->log, WYE_LOG_DEBUG, "signal", "SIG%s", sigabbrev_np(signo));
	stop(run);
}

static int watch_signals(struct run *run)
{
	sigset_t ours;

	/* Ours to the end: one that comes while we leave must not change the status. */
	sigemptyset(&ours);
	for (int i = 0; i < SIGNALS; i++)
		sigaddset(&ours, signal_numbers[i]);
	(void)sigprocmask(SIG_BLOCK, &ours, NULL);
	for (int i = 0; i < SIGNALS; i++) {
		int r = wye_signal_new(run->loop, signal_numbers[i], on_signal, run,
				       &run->signals[i]);
		if (r < 0)
			return r;
	}
	/* Standard output may be a pipe whose reader leaves; that is told by EPIPE. */
	(void)signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* All of them, so that one visit to the command line mends them all. */
static enum status add_urls(struct run *run)
{
	enum status status = STATUS_FINE;
	for (int i = 0; i < run->options->n_urls; i++) {
		struct wye_error why;
		if (wye_hub_add(run->hub, run->options->urls[i], &why) < 0) {
			fprintf(stderr, "wye: %s\n", why.text);
			status = STATUS_USAGE;
		}
	}
	return status;
}

static enum status open_hub(struct run *run)
{
	struct wye_hub_options options = {
		.size = sizeof(options), .on_ended = on_ended, .on_failed = on_failed, .ctx = run};
	struct wye_error why = {0};
	int r;

	if (run->options->demo) {
		run->log.mute = true; /* the tries that fail are nobody's business */
		r = demo_open(run->loop, &options, &run->hub, &why);
		run->log.mute = false;
	} else {
		r = wye_hub_new(run->loop, &options, &run->hub);
		if (r < 0)
			return failed("start", r);
		enum status status = add_urls(run);
		if (status != STATUS_FINE)
			return status;
		r = wye_hub_open(run->hub, &why);
	}
	if (r < 0) {
		fprintf(stderr, "wye: error: %s\n", why.text[0] ? why.text : wye_strerror(r));
		return r == WYE_EURL ? STATUS_USAGE : STATUS_NOT_OPENED;
	}
	if (run->options->demo)
		demo_page(run->hub);
	return STATUS_FINE;
}

static void fail(struct run *run)
{
	if (run->status == STATUS_FINE) /* "could not be opened" says more */
		run->status = STATUS_FAILED;
}

/* What did not get where it should: named, and it makes the status 1. */
static int reckon(const struct wye_endpoint_info *info, void *ctx)
{
	struct run *run = ctx;

	if (info->unwritten_bytes > 0 && !run->forget) {
		fprintf(stderr, "wye: error: unwritten: %s: %" PRIu64 " bytes\n", info->name,
			info->unwritten_bytes);
		fail(run);
	}
	uint64_t too_big = info->not_routed[WYE_DROP_TOO_BIG];
	if (info->url[0] == '-' && too_big > 0) {
		fprintf(stderr,
			"wye: error: too-big: %s: %" PRIu64
			" messages were longer than max-message\n",
			info->name, too_big);
		fail(run);
	}
	return 0;
}

static void turn(struct run *run)
{
	int r = wye_loop_run(run->loop);
	if (r < 0)
		run->status = failed("loop", r);
	log_end(&run->log);
	(void)wye_hub_each(run->hub, reckon, run);
	if (run->options->level >= WYE_LOG_DEBUG)
		stats_print(run->hub);
}

/* Backwards; takes a half-built run. */
static void end(struct run *run)
{
	wye_hub_free(run->hub);
	for (int i = 0; i < SIGNALS; i++)
		wye_signal_free(run->signals[i]);
	log_end(&run->log);
	if (run->loop)
		(void)wye_loop_free(run->loop);
}

enum status run(const struct options *options)
{
	struct run run = {.options = options};
	struct wye_loop_options loop_options = {
		.size = sizeof(loop_options), .on_log = log_line, .log_ctx = &run.log};

	log_init(&run.log, options->level);
	int r = wye_loop_new(&loop_options, &run.loop);
	if (r >= 0)
		r = log_start(&run.log, run.loop);
	if (r >= 0)
		r = watch_signals(&run); /* before the library starts threads */
	if (r < 0) {
		run.status = failed("start", r);
	} else {
		run.status = open_hub(&run);
		if (run.status == STATUS_FINE)
			turn(&run);
	}
	end(&run);
	return run.status;
}
