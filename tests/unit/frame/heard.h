/* SPDX-License-Identifier: MIT */
/* For tests that spell bytes out: cut a literal, and compare with what should be heard. */
#ifndef TESTS_FRAME_HEARD_H
#define TESTS_FRAME_HEARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "frame/frame.h"

/* Everything one cutter said: messages in <>, then ! for an error. */
struct ear {
	struct frame_rules rules;
	struct cutter cutter;
	struct cut_counts counts;
	char text[2048];
};

static inline void ear_note(struct ear *e, const struct msg *m)
{
	size_t n = strlen(e->text);

	assert_true(n + m->len + 3 < sizeof(e->text));
	e->text[n++] = '<';
	memcpy(e->text + n, m->data, m->len);
	n += m->len;
	memcpy(e->text + n, ">", 2);
}

/* 0, or the error. */
static inline int ear_feed(struct ear *e, const void *data, u32 n)
{
	struct msg out[256];
	u32 pos = 0, used;
	int got, i;

	do {
		got = wyi_frame_cut(&e->rules, &e->cutter, (const u8 *)data + pos, n - pos, &used,
				    out, ARRAY_SIZE(out), &e->counts);
		if (got < 0)
			return got;
		for (i = 0; i < got; i++)
			ear_note(e, &out[i]);
		pos += used;
	} while (pos < n);
	wyi_frame_release(&e->cutter);
	return 0;
}

#define FEED(e, literal) ear_feed(e, literal, sizeof(literal) - 1)

static inline int ear_end(struct ear *e)
{
	struct msg last;
	int got = wyi_frame_end(&e->rules, &e->cutter, &last);

	if (got > 0)
		ear_note(e, &last);
	wyi_frame_reset(&e->cutter);
	return got;
}

static inline void ear_is_idle(const struct ear *e)
{
	assert_null(e->cutter.partial);
	assert_int_equal(wyi_frame_held(&e->cutter), 0);
}

#endif
