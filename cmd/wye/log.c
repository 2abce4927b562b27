/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "log.h"

#define SECOND_NS 1000000000u

static const char *const level_words[] = {
	[WYE_LOG_ERROR] = "error: ",
	[WYE_LOG_WARN] = "warning: ",
	[WYE_LOG_INFO] = "",
	[WYE_LOG_DEBUG] = "",
};

static void tell(struct log_kind *kind, uint64_t now)
{
	if (kind->hidden > 0)
		fprintf(stderr, "wye: %s: ... %u more\n", kind->event, kind->hidden);
	kind->since = now;
	kind->shown = kind->hidden = 0;
}

static void on_due(uint64_t missed, void *ctx)
{
	struct log *log = ctx;
	(void)missed;
	for (unsigned i = 0; i < log->n_kinds; i++)
		if (log->kinds[i].hidden > 0)
			tell(&log->kinds[i], wye_loop_now(log->loop));
}

/* Events are the library's own few words; should they ever be more, the last ones share a count. */
static struct log_kind *kind_of(struct log *log, const char *event)
{
	for (unsigned i = 0; i < log->n_kinds; i++)
		if (strncmp(log->kinds[i].event, event, sizeof(log->kinds[i].event) - 1) == 0)
			return &log->kinds[i];
	if (log->n_kinds == LOG_EVENTS)
		return &log->kinds[LOG_EVENTS - 1];
	struct log_kind *kind = &log->kinds[log->n_kinds++];
	*kind = (struct log_kind){0};
	snprintf(kind->event, sizeof(kind->event), "%s", event);
	return kind;
}

static bool may_show(struct log *log, const char *event)
{
	if (!log->loop)
		return true;
	struct log_kind *kind = kind_of(log, event);
	uint64_t now = wye_loop_now(log->loop);
	if (now - kind->since >= SECOND_NS)
		tell(kind, now);
	if (kind->shown < LOG_PER_SECOND) {
		kind->shown++;
		return true;
	}
	if (kind->hidden++ == 0)
		(void)wye_timer_at(log->timer, kind->since + SECOND_NS);
	return false;
}

static void print(struct log *log, enum wye_level level, const char *event, const char *text)
{
	if (!log->mute && level <= log->level && may_show(log, event))
		fprintf(stderr, "wye: %s%s: %s\n", level_words[level], event, text);
}

void log_line(const struct wye_log *line, void *ctx)
{
	print(ctx, line->level, line->event, line->text);
}

void log_say(struct log *log, enum wye_level level, const char *event, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	print(log, level, event, text);
}

void log_init(struct log *log, enum wye_level level)
{
	*log = (struct log){.level = level};
}

int log_start(struct log *log, struct wye_loop *loop)
{
	int r = wye_timer_new(loop, on_due, log, &log->timer);
	if (r >= 0)
		log->loop = loop;
	return r;
}

void log_end(struct log *log)
{
	if (log->loop)
		on_due(0, log);
	wye_timer_free(log->timer);
	log->timer = NULL;
	log->loop = NULL;
}
