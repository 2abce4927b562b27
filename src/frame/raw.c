/* SPDX-License-Identifier: MIT */
/*
 * The framings that keep nothing between calls.
 *
 * `raw`: what a read returned is a message, cut at max_message. Can't fail.
 * Datagrams: the input of a call is one datagram, and is the message. Failure modes: empty ones
 * are counted, never given out; those over max_message are an error, or skipped and counted.
 */
#include "frame/cut.h"

int wyi_raw_cut(struct cut *t)
{
	u32 len;

	while (t->count < t->max && t->pos < t->n) {
		len = t->n - t->pos;
		if (len > t->rules->max_message)
			len = t->rules->max_message;
		cut_give(t, t->in + t->pos, len);
		t->pos += len;
	}
	return 0;
}

int wyi_dgram_cut(struct cut *t)
{
	if (t->n > t->rules->max_message) {
		if (!t->rules->skip)
			return WYE_EFRAME;
		t->counts->skipped++;
	} else if (t->n) {
		cut_give(t, t->in, t->n);
	} else {
		t->counts->empty++;
	}
	t->pos = t->n;
	return 0;
}
