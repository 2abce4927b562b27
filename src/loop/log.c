/* SPDX-License-Identifier: MIT */
/*
 * Log lines go to the program's callback, or nowhere. A text over 2 KiB is cut and ends in "...".
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "loop/inner.h"

void wyi_log(struct wye_loop *loop, enum wye_level level, const char *event, const char *endpoint,
	     u64 link, const char *format, ...)
{
	char text[2048];
	va_list args;
	if (!loop->on_log)
		return;
	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0)
		text[0] = '\0';
	else if ((size_t)n >= sizeof(text))
		memcpy(text + sizeof(text) - 4, "...", 4);
	struct wye_log log = {
		.level = level, .event = event, .endpoint = endpoint, .link = link, .text = text};
	loop->on_log(&log, loop->log_ctx);
}
