/* SPDX-License-Identifier: MIT */
/*
 * `line`: a message ends with its newline, which belongs to it.
 *
 * Happy path: one memchr a line, each lent from the input. What is kept never contains a newline,
 * so only new bytes are ever searched. Failure mode: a line longer than max_message, terminator
 * included, is known as soon as one byte too many is there; it is an error, or all of it up to its
 * newline is skipped and counted once.
 */
#include <string.h>
#include "frame/cut.h"

static u32 stripped(const u8 *line, u32 len)
{
	len--;
	return len && line[len - 1] == '\r' ? len - 1 : len;
}

static u32 given_len(const struct frame_rules *rules, const u8 *line, u32 len)
{
	return rules->eol == EOL_STRIP ? stripped(line, len) : len;
}

/* Length of the line at pos with its newline, or 0: it does not end in this input. */
static u32 line_len(const struct cut *t)
{
	const u8 *line = t->in + t->pos;
	const u8 *end = t->pos < t->n ? memchr(line, '\n', t->n - t->pos) : NULL;

	return end ? (u32)(end - line) + 1 : 0;
}

/* A line too long: len of its bytes are at pos, and it ends there or goes on. */
static int too_long(struct cut *t, u32 len, bool ends)
{
	if (!t->rules->skip)
		return WYE_EFRAME;
	t->counts->skipped++;
	t->pos += len;
	t->c->skipping = !ends;
	return 0;
}

static void skip_on(struct cut *t)
{
	u32 len = line_len(t);

	t->pos = len ? t->pos + len : t->n;
	t->c->skipping = !len;
}

/* The line that earlier calls began. */
static int complete(struct cut *t)
{
	u32 len = line_len(t), piece = len ? len : t->n - t->pos;
	u32 max = t->rules->max_message;
	const struct partial *p;
	int r;

	if ((u64)cutter_kept(t->c) + piece > max) {
		r = too_long(t, piece, len > 0);
		if (r == 0)
			wyi_cut_forget(t->c);
		return r;
	}
	r = wyi_cut_keep(t, piece, max);
	if (r < 0 || !len)
		return r;
	p = t->c->partial;
	wyi_cut_give_kept(t, 0, given_len(t->rules, p->data, p->len));
	return 0;
}

static int begin(struct cut *t)
{
	u32 rest = t->n - t->pos;

	if (rest > t->rules->max_message)
		return too_long(t, rest, false);
	return wyi_cut_keep_rest(t, t->rules->max_message);
}

int wyi_line_cut(struct cut *t)
{
	const u32 max_message = t->rules->max_message;
	int r = 0;
	u32 len;

	if (t->c->skipping)
		skip_on(t);
	else if (cutter_kept(t->c) && t->n)
		r = complete(t);
	while (r == 0 && t->count < t->max && t->pos < t->n) {
		len = line_len(t);
		if (!len)
			return begin(t);
		if (len > max_message) {
			r = too_long(t, len, true);
			continue;
		}
		cut_give(t, t->in + t->pos, given_len(t->rules, t->in + t->pos, len));
		t->pos += len;
	}
	return r;
}
