/* SPDX-License-Identifier: MIT */
/*
 * What url.c (grammar), url_target.c (hosts, ports, paths), url_keys.c (keys and their values) and
 * url_print.c share. For nobody else.
 */
#ifndef BASE_URL_INSIDE_H
#define BASE_URL_INSIDE_H

#include "base/url.h"

/* How a key's value is written and kept. */
enum key_type {
	TYPE_WORD,     /* one of `words`; kept as its index, an enum */
	TYPE_SIZE,     /* bytes with k, m, g; u32 */
	TYPE_COUNT,    /* digits; u32 */
	TYPE_TIME,     /* a duration; u64 of ns */
	TYPE_TIME_OFF, /* the same, or `off`: 0 */
	TYPE_RETRY,    /* min..max or `off`; three fields */
	TYPE_BOOL,     /* 0 or 1; bool */
	TYPE_FLAG,     /* no value; bool */
};

struct key_row {
	const char *name;
	enum key_type type;
	u32 field;   /* offset in struct url */
	u32 schemes; /* URL_BIT()s of the kinds that take it */
	u32 n_words;
	const char *const *words;
	u64 min, max; /* of numbers */
};
extern const struct key_row wyi_url_rows[KEYS];
extern const char *const wyi_scheme_names[URL_SCHEMES];

/* A URL half understood. */
struct url_parse {
	const char *text;
	struct wye_error *e;
	struct url u;
	unsigned host_at, key_at[KEYS], value_at[KEYS];
	bool host_is_loopback;
};

#define URL_WORD 32 /* room for what was found, escaped, in an error's text */

/* Fills the error with `in "<text>": at <at>: <format>` and answers WYE_EURL. */
int wyi_url_fail(struct url_parse *, size_t at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * Takes the escapes out of text[from, to). *ret_len is the whole length, though only size - 1 bytes
 * are kept, and a 0 is added.
 */
int wyi_url_unescape(struct url_parse *, size_t from, size_t to, char *out, size_t size,
		     size_t *ret_len);
/* `; did you mean "x"?`, or "" where no word is near. Answers out. */
char *wyi_url_hint(char *out, size_t size, const char *word, const char *const words[], unsigned n);

/* text[from, to) into u.host and u.port, or u.path. */
int wyi_url_target(struct url_parse *, size_t from, size_t to);

void wyi_url_defaults(struct url *);
/* One key, text[from, to), with its value. */
int wyi_url_key(struct url_parse *, size_t from, size_t to);
/* What only shows when all keys are known: defaults that follow from others, contradictions. */
int wyi_url_together(struct url_parse *);

/* "64k", "1m": the largest unit that leaves a whole number. Answer out. */
char *wyi_size_print(u64 bytes, char out[32]);
char *wyi_time_print(u64 ns, char out[32]);

#endif
