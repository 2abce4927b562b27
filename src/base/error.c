/* SPDX-License-Identifier: MIT */
/*
 * Errors as people read them. Happy path: a code and a line of text. Nothing here fails: a text
 * that is too long is cut, a NULL struct is left out, a code nobody knows has a text too. The last
 * resort for the impossible, wyi_abort(), is here as well, so that a test's own sys.c need not
 * bring it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wye/wye.h>
#include "base/error.h"
#include "base/types.h"

void wyi_abort(const char *claim, const char *file, int line)
{
	fprintf(stderr, "wye: this can't be: %s:%d: not (%s)\n", file, line, claim);
	abort();
}

const char *wye_version(void)
{
	return WYE_VERSION;
}

int wyi_fail(struct wye_error *e, int code, unsigned at, const char *format, ...)
{
	va_list args;

	if (!e)
		return code;
	e->code = code;
	e->at = at;
	va_start(args, format);
	vsnprintf(e->text, sizeof(e->text), format, args);
	va_end(args);
	return code;
}

static const char *own_text(enum wye_code code)
{
	switch (code) {
	case WYE_EGONE:
		return "the link has ended";
	case WYE_ETHREAD:
		return "called from another thread than the loop's";
	case WYE_EFULL:
		return "a bound is reached; nothing was taken";
	case WYE_ESILENT:
		return "the peer said nothing for too long";
	case WYE_EFRAME:
		return "the peer broke the framing: a message over max-message";
	case WYE_EBYE:
		return "the peer said goodbye";
	case WYE_ERESOLVE:
		return "the host name has no address";
	case WYE_EURL:
		return "a URL that can't be understood";
	case WYE_ESTALLED:
		return "the reader moved no byte for too long while sources waited for it";
	case WYE_ESLOW:
		return "the reader fell behind by more than the queue";
	case WYE_ESELF:
		return "the connection met itself";
	case WYE_EOWNED:
		return "the path is in use by a live process";
	case WYE_EIDLE:
		return "idle for too long";
	case WYE_EMAX:
		return "as many links as allowed are open already";
	case WYE_ESTOP:
		return "shutting down";
	case WYE_EEND:
		return "the peer ended the conversation";
	}
	return NULL;
}

const char *wye_strerror(int code)
{
	const char *text;

	if (code >= 0)
		return "success";
	/* Not strerror(): its text is a thread's own and may go with the next call. */
	text = code < -4096 ? own_text((enum wye_code)code) : strerrordesc_np(-code);
	return text ? text : "unknown error";
}

static unsigned escape_one(char out[5], u8 c)
{
	static const char hex[] = "0123456789abcdef";
	static const char short_for[] = "\n\r\t\\\"", letter[] = "nrt\\\"";
	const char *at = c ? strchr(short_for, c) : NULL;

	if (at) {
		out[0] = '\\';
		out[1] = letter[at - short_for];
		return 2;
	}
	if (c >= ' ' && c <= '~') {
		out[0] = (char)c;
		return 1;
	}
	/*
	 * Bytes over 0x7f too: C1 controls and direction marks of UTF-8 rewrite what a terminal
	 * shows.
	 */
	out[0] = '\\';
	out[1] = 'x';
	out[2] = hex[c >> 4];
	out[3] = hex[c & 15];
	return 4;
}

char *wyi_escape(char *out, size_t size, const void *bytes, size_t n)
{
	const u8 *p = bytes;
	size_t len = 0,
	       cut = 0; /* cut: the last end of a whole character that leaves room for "..." */
	char one[5];

	wyi_assert(size >= sizeof("..."));
	for (size_t i = 0; i < n; i++) {
		unsigned k = escape_one(one, p[i]);

		if (len + k >= size) {
			memcpy(out + cut, "...", sizeof("..."));
			return out;
		}
		memcpy(out + len, one, k);
		len += k;
		if (len + sizeof("...") <= size)
			cut = len;
	}
	out[len] = '\0';
	return out;
}
