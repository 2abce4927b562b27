/* SPDX-License-Identifier: MIT */
/*
 * The grammar of an endpoint as a person types it.
 *
 * Happy path, from left to right: scheme, target (url_target.c), keys (url_keys.c), name, then what
 * only shows when all is known. The struct is built aside and handed over whole. Failure: WYE_EURL
 * at the first thing that is wrong, with a text that says where, what was found, what was wanted,
 * and the nearest right word; what was typed is escaped in it, since it ends on a terminal.
 *
 * Nothing is opened or looked up here, so every byte string may be given to it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "base/url_inside.h"

#define SCHEMES_TEXT "tcp, tcp-listen, unix, unix-listen, udp, udp-listen or \"-\""
#define NAME_MAX_    (sizeof(((struct url *)0)->name) - 1)

const char *const wyi_scheme_names[URL_SCHEMES] = {
	[URL_STDIO] = "-",
	[URL_TCP] = "tcp",
	[URL_TCP_LISTEN] = "tcp-listen",
	[URL_UNIX] = "unix",
	[URL_UNIX_LISTEN] = "unix-listen",
	[URL_UDP] = "udp",
	[URL_UDP_LISTEN] = "udp-listen",
};

const char *wyi_scheme_name(enum scheme scheme)
{
	return wyi_scheme_names[scheme];
}

int wyi_url_fail(struct url_parse *p, size_t at, const char *format, ...)
{
	char shown[56], what[192]; /* with the place: as much as an error holds */
	va_list args;

	if (!p->e)
		return WYE_EURL;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	wyi_escape(shown, sizeof(shown), p->text, strlen(p->text));
	return wyi_fail(p->e, WYE_EURL, (unsigned)at, "in \"%s\": at %zu: %s", shown, at, what);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int wyi_url_unescape(struct url_parse *p, size_t from, size_t to, char *out, size_t size,
		     size_t *ret_len)
{
	char found[URL_WORD];
	size_t n = 0;

	for (size_t i = from; i < to; i++, n++) {
		const char *s = p->text + i;
		char c = *s;

		if (c == '%') {
			size_t left = to - i < 3 ? to - i : 3;
			int high = left == 3 ? hex_digit(s[1]) : -1;
			int low = left == 3 ? hex_digit(s[2]) : -1;

			wyi_escape(found, sizeof(found), s, left);
			if (high < 0 || low < 0)
				return wyi_url_fail(p, i,
						    "escape \"%s\": wanted %% and two hex digits"
						    " (a percent sign itself is %%25)",
						    found);
			if (high == 0 && low == 0)
				return wyi_url_fail(p, i, "escape \"%s\": wanted any byte but 0",
						    found);
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (n < size - 1)
			out[n] = c;
	}
	out[n < size - 1 ? n : size - 1] = '\0';
	*ret_len = n;
	return 0;
}

/* did you mean ...? */

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

#define NEAR_MAX 24u /* no word of ours is longer */

/* Insertions, deletions, replacements and swaps of neighbours between a and b. */
static unsigned distance(const char *a, unsigned na, const char *b, unsigned nb)
{
	unsigned d[3][NEAR_MAX + 1];
	unsigned *before = d[0], *last = d[1], *row = d[2], *t;

	for (unsigned j = 0; j <= nb; j++)
		last[j] = j;
	for (unsigned i = 1; i <= na; i++) {
		row[0] = i;
		for (unsigned j = 1; j <= nb; j++) {
			bool same = lower(a[i - 1]) == lower(b[j - 1]);

			row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + !same);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		t = before;
		before = last;
		last = row;
		row = t;
	}
	return last[nb];
}

const char *wyi_nearest(const char *word, const char *const words[], unsigned n)
{
	size_t len = strlen(word);
	const char *best = NULL;
	unsigned least = ~0u;

	if (len == 0 || len > NEAR_MAX)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		unsigned size = (unsigned)strlen(words[i]);
		unsigned longer = size > len ? size : (unsigned)len;
		unsigned d;

		if (size > NEAR_MAX)
			continue;
		d = distance(word, (unsigned)len, words[i], size);
		/* A word that was cut short is near, however long its rest. */
		if (len >= 3 && d > 1 && strncmp(word, words[i], len) == 0)
			d = 1;
		/* One mistake in each three letters, and never all of the word. */
		if (d <= (longer + 1) / 3 && d < size && d < least) {
			least = d;
			best = words[i];
		}
	}
	return best;
}

char *wyi_url_hint(char *out, size_t size, const char *word, const char *const words[], unsigned n)
{
	const char *near = wyi_nearest(word, words, n);

	out[0] = '\0';
	if (near)
		snprintf(out, size, "; did you mean \"%s\"?", near);
	return out;
}

/* scheme */

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

/* What follows "tcp:", "tcp:/" or "tcp://"; of "unix:/tmp/a" the path keeps its slash. */
static const char *after_scheme(const char *rest, enum scheme scheme)
{
	bool is_path = scheme == URL_UNIX || scheme == URL_UNIX_LISTEN;

	if (strncmp(rest, "://", 3) == 0)
		return rest + 3;
	return rest + (is_path ? strspn(rest, ":") : strspn(rest, ":/"));
}

/* An only scheme, or what other tools write: "tcp:host:80", "TCP-LISTEN:80", "tcp:/host". */
static bool guess_scheme(const char *text, const char **ret_scheme, const char **ret_rest)
{
	size_t n = strcspn(text, ":/,?#"), digits;

	for (unsigned i = URL_TCP; i < URL_SCHEMES; i++) {
		const char *name = wyi_scheme_names[i];
		const char *rest = text + n;

		if (strlen(name) != n || strncasecmp(name, text, n) != 0)
			continue;
		digits = *rest == ':' ? strspn(rest + 1, "0123456789") : 0;
		/* In "tcp-listen:80" the colon is the port's, in "tcp:host:80" it is not. */
		if (digits == 0 || (rest[1 + digits] && !strchr(",?#", rest[1 + digits])))
			rest = after_scheme(rest, i);
		*ret_scheme = name;
		*ret_rest = rest;
		return true;
	}
	return false;
}

/* The URL that was probably meant. False: no idea. */
static bool guess(const char *text, char *out, size_t size)
{
	static const char *const standard[] = {"stdio", "stdin", "stdout"};
	size_t end = strcspn(text, ",?#"), digits;
	const char *scheme = "tcp", *rest = text, *colon = memrchr(text, ':', end);

	for (unsigned i = 0; i < ARRAY_SIZE(standard); i++)
		if (strcasecmp(text, standard[i]) == 0) {
			snprintf(out, size, "-");
			return true;
		}
	if (guess_scheme(text, &scheme, &rest)) {
		if (!*rest)
			rest = strncmp(scheme, "unix", 4) == 0 ? "path" : "host:port";
	} else if (memchr(text, '/', end) || text[0] == '@') {
		scheme = "unix";
	} else {
		const char *port = colon ? colon + 1 : text;

		digits = strspn(port, "0123456789");
		if (digits == 0 || port + digits != text + end)
			return false;
		if (!colon || colon == text)
			scheme = "tcp-listen";
		snprintf(out, size, "%s://%s%s", scheme, colon ? "" : ":", text);
		return true;
	}
	snprintf(out, size, "%s://%s", scheme, rest);
	return true;
}

static int fail_no_scheme(struct url_parse *p)
{
	char meant[256], shown[64];

	if (!*p->text)
		return wyi_url_fail(p, 0, "nothing: wanted a scheme and \"://\", or \"-\"");
	if (!guess(p->text, meant, sizeof(meant)))
		return wyi_url_fail(
			p, 0, "no scheme: wanted " SCHEMES_TEXT ", each but the last with \"://\"");
	wyi_escape(shown, sizeof(shown), meant, strlen(meant));
	return wyi_url_fail(p, 0,
			    "no scheme: wanted a scheme and \"://\", or \"-\"; "
			    "did you mean \"%s\"?",
			    shown);
}

static int parse_scheme(struct url_parse *p, size_t *pos)
{
	char word[URL_WORD], hint[64];
	size_t n = 0;

	if (p->text[0] == '-' && (!p->text[1] || strchr(",?#", p->text[1]))) {
		p->u.scheme = URL_STDIO;
		*pos = 1;
		return 0;
	}
	while (is_name_char(p->text[n]) || p->text[n] == '+')
		n++;
	if (strncmp(p->text + n, "://", 3) != 0)
		return fail_no_scheme(p);
	for (unsigned i = URL_TCP; i < URL_SCHEMES; i++) {
		if (strlen(wyi_scheme_names[i]) == n &&
		    memcmp(wyi_scheme_names[i], p->text, n) == 0) {
			p->u.scheme = (enum scheme)i;
			*pos = n + 3;
			return 0;
		}
	}
	wyi_escape(word, sizeof(word), p->text, n);
	return wyi_url_fail(p, 0, "scheme \"%s\": wanted " SCHEMES_TEXT "%s", word,
			    wyi_url_hint(hint, sizeof(hint), word, wyi_scheme_names + URL_TCP,
					 URL_SCHEMES - URL_TCP));
}

/* keys and name */

/* `&` parts keys only once a `?` was seen: before, it is a letter of a path or value. */
static int parse_keys(struct url_parse *p, size_t *pos)
{
	bool query = false;
	size_t from, to;
	int r;

	while (p->text[*pos] && p->text[*pos] != '#') {
		if (p->text[*pos] == '?')
			query = true;
		from = *pos + 1;
		to = from + strcspn(p->text + from, query ? ",?&#" : ",?#");
		r = wyi_url_key(p, from, to);
		if (r < 0)
			return r;
		*pos = to;
	}
	return 0;
}

static int parse_name(struct url_parse *p, size_t pos)
{
	char found[URL_WORD];
	size_t from = pos + 1, n = 0;

	if (p->text[pos] != '#')
		return 0;
	while (is_name_char(p->text[from + n]))
		n++;
	if (p->text[from + n]) {
		wyi_escape(found, sizeof(found), p->text + from + n, 1);
		return wyi_url_fail(p, from + n,
				    "\"%s\" in the name: wanted letters, digits, \"_\","
				    " \".\" and \"-\" after the last #",
				    found);
	}
	if (n < 1 || n > NAME_MAX_)
		return wyi_url_fail(p, from, "name of %zu letters: wanted 1 to %zu", n, NAME_MAX_);
	memcpy(p->u.name, p->text + from, n);
	return 0;
}

int wyi_url_parse(struct url *ret, const char *text, struct wye_error *e)
{
	struct url_parse p;
	size_t pos = 0, end;
	int r;

	/* Not by an initializer: holes are cleared as well, so that equal URLs are equal bytes. */
	memset(&p, 0, sizeof(p));
	p.text = text;
	p.e = e;
	r = parse_scheme(&p, &pos);
	if (r < 0)
		return r;
	wyi_url_defaults(&p.u);
	if (p.u.scheme != URL_STDIO) {
		end = pos + strcspn(text + pos, ",?#");
		r = wyi_url_target(&p, pos, end);
		if (r < 0)
			return r;
		pos = end;
	}
	r = parse_keys(&p, &pos);
	if (r < 0)
		return r;
	r = parse_name(&p, pos);
	if (r < 0)
		return r;
	r = wyi_url_together(&p);
	if (r < 0)
		return r;
	memcpy(ret, &p.u, sizeof(*ret));
	return 0;
}
