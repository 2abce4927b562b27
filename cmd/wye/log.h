/* SPDX-License-Identifier: MIT */
/*
 * Lines on standard error: "wye: [error: |warning: ]EVENT: TEXT". Lines of one event come at most
 * LOG_PER_SECOND times a second; then one line says how many more there were.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <wye/loop.h>

enum { LOG_PER_SECOND = 10, LOG_EVENTS = 32 };

struct log {
	enum wye_level level; /* this and worse is printed */
	bool mute;	      /* nothing is printed, whatever its level */
	struct wye_loop *loop;
	struct wye_timer *timer; /* due when a count of hidden lines must be told */
	unsigned n_kinds;
	struct log_kind {
		char event[16];
		uint64_t since; /* ns: start of the second that is counted */
		unsigned shown, hidden;
	} kinds[LOG_EVENTS];
};

void log_init(struct log *, enum wye_level);
/* Once the loop is there: hidden lines are then told a second later whatever happens. */
int log_start(struct log *, struct wye_loop *);
/* Tells what is still hidden; gives the timer back. */
void log_end(struct log *);
/* For wye_loop_options; ctx is the struct log. */
void log_line(const struct wye_log *, void *ctx);
/* A line of the command's own. */
void log_say(struct log *, enum wye_level, const char *event, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
