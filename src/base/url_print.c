/* SPDX-License-Identifier: MIT */
/*
 * A URL in its canonical form: one spelling for all that mean the same, safe to paste into a shell
 * and read back to the same struct. Happy path: scheme, target, the keys that were typed in the
 * order of url.h, name. Failure: none; what does not fit is cut.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/url_inside.h"

struct text {
	char *out;
	size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
	size_t left = t->size - t->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->out + t->len, left, format, args);
	va_end(args);
	wyi_assert(n >= 0);
	t->len += (size_t)n < left ? (size_t)n : left - 1;
}

/* Escaped: what ends a path, and what a shell or a terminal would take for something else. */
static void add_path(struct text *t, const char *path)
{
	for (; *path; path++) {
		if (*path <= ' ' || *path > '~' || strchr("%,?#\"'\\$&;|<>()*`!{}[]", *path))
			add(t, "%%%02X", (u8)*path);
		else
			add(t, "%c", *path);
	}
}

static void add_target(struct text *t, const struct url *u)
{
	const char *zone = strchr(u->host, '%');
	size_t n = zone ? (size_t)(zone - u->host) : strlen(u->host);

	if (u->scheme == URL_UNIX || u->scheme == URL_UNIX_LISTEN) {
		add_path(t, u->path);
		return;
	}
	/* The zone behind %25: behind a bare % one that starts with "25" would not read back. */
	if (memchr(u->host, ':', n))
		add(t, "[%.*s%s%s]", (int)n, u->host, zone ? "%25" : "", zone ? zone + 1 : "");
	else
		add(t, "%s", u->host);
	add(t, ":%u", u->port);
}

static void add_value(struct text *t, const struct key_row *row, const struct url *u)
{
	const void *field = (const char *)u + row->field;
	char a[32], b[32];
	u32 word;

	switch (row->type) {
	case TYPE_WORD:
		memcpy(&word, field, sizeof(word));
		add(t, "=%s", word < row->n_words ? row->words[word] : "?");
		break;
	case TYPE_SIZE:
		add(t, "=%s", wyi_size_print(*(const u32 *)field, a));
		break;
	case TYPE_COUNT:
		add(t, "=%u", *(const u32 *)field);
		break;
	case TYPE_TIME:
	case TYPE_TIME_OFF:
		if (*(const u64 *)field == 0)
			add(t, "=off");
		else
			add(t, "=%s", wyi_time_print(*(const u64 *)field, a));
		break;
	case TYPE_RETRY:
		if (u->retry_off)
			add(t, "=off");
		else
			add(t, "=%s..%s", wyi_time_print(u->retry_min, a),
			    wyi_time_print(u->retry_max, b));
		break;
	case TYPE_BOOL:
		add(t, "=%d", *(const bool *)field);
		break;
	case TYPE_FLAG:
		break;
	}
}

char *wyi_url_print(const struct url *u, char *out, size_t size)
{
	struct text t = {.out = out, .size = size};

	wyi_assert(size > 0);
	out[0] = '\0';
	add(&t, "%s", wyi_scheme_name(u->scheme));
	if (u->scheme != URL_STDIO) {
		add(&t, "://");
		add_target(&t, u);
	}
	for (unsigned i = 0; i < KEYS; i++) {
		if (!(u->typed >> i & 1))
			continue;
		add(&t, ",%s", wyi_url_rows[i].name);
		add_value(&t, &wyi_url_rows[i], u);
	}
	if (u->name[0])
		add(&t, "#%s", u->name);
	return out;
}
