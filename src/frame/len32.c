/* SPDX-License-Identifier: MIT */
/*
 * `len32`: 4 bytes of big-endian length, then the message.
 *
 * Happy path: header and message lie in the input and the message is lent from it. An incomplete
 * one is kept with its header. Failure mode: a length over max_message is an error as soon as the
 * header is whole, or exactly that many bytes are skipped and counted as one message.
 */
#include <string.h>
#include "frame/cut.h"

#define HEAD 4u

static u32 be32(const u8 *b)
{
	return (u32)b[0] << 24 | (u32)b[1] << 16 | (u32)b[2] << 8 | b[3];
}

static u64 keep_limit(const struct cut *t)
{
	return (u64)t->rules->max_message + HEAD;
}

static void skip_on(struct cut *t)
{
	u32 n = t->n - t->pos;

	if (n > t->c->skip_left)
		n = t->c->skip_left;
	t->pos += n;
	t->c->skip_left -= n;
}

/*
 * A header whose last n bytes are at pos announces len. 1: a message follows; 0: none does, and the
 * header is consumed; or WYE_EFRAME, nothing is.
 */
static int on_head(struct cut *t, u32 n, u32 len)
{
	if (len && len <= t->rules->max_message)
		return 1;
	if (!len) {
		t->counts->empty++;
	} else {
		if (!t->rules->skip)
			return WYE_EFRAME;
		t->counts->skipped++;
		t->c->skip_left = len;
	}
	t->pos += n;
	return 0;
}

/* The message that earlier calls began, its header perhaps cut as well. */
static int complete(struct cut *t)
{
	u32 kept = cutter_kept(t->c), missing, len;
	u8 head[HEAD];
	int r;

	if ((u64)kept + t->n < HEAD)
		return wyi_cut_keep_rest(t, keep_limit(t));
	missing = kept < HEAD ? HEAD - kept : 0;
	memcpy(head, t->c->partial->data, HEAD - missing);
	memcpy(head + HEAD - missing, t->in, missing);
	len = be32(head);
	r = on_head(t, missing, len);
	if (r <= 0) {
		if (r == 0)
			wyi_cut_forget(t->c);
		return r;
	}
	if ((u64)kept + t->n < (u64)HEAD + len)
		return wyi_cut_keep_rest(t, keep_limit(t));
	r = wyi_cut_keep(t, (u32)((u64)HEAD + len - kept), keep_limit(t));
	if (r == 0)
		wyi_cut_give_kept(t, HEAD, len);
	return r;
}

int wyi_len32_cut(struct cut *t)
{
	int r = 0;
	u32 len;

	skip_on(t);
	if (cutter_kept(t->c) && t->pos < t->n)
		r = complete(t);
	while (r == 0 && t->count < t->max && t->pos < t->n) {
		if (t->c->skip_left) {
			skip_on(t);
			continue;
		}
		if (t->n - t->pos < HEAD)
			return wyi_cut_keep_rest(t, keep_limit(t));
		len = be32(t->in + t->pos);
		r = on_head(t, HEAD, len);
		if (r <= 0)
			continue;
		r = 0;
		if (t->n - t->pos - HEAD < len)
			return wyi_cut_keep_rest(t, keep_limit(t));
		cut_give(t, t->in + t->pos + HEAD, len);
		t->pos += HEAD + len;
	}
	return r;
}
