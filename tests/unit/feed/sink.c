/* SPDX-License-Identifier: MIT */
/* The peer of one connection, and the units it understands. See sink.h. */
#include <string.h>
#include "sink.h"

/*
 * Bodies are lent from here: a row of equal bytes for each of the 64 fillings that are in use at a
 * time.
 */
static const u8 *filling(u32 number, u32 n)
{
	static u8 *rows[64];
	static u32 sizes[64];
	u32 k = number & 63;

	if (sizes[k] < n) {
		wyi_free(rows[k]);
		rows[k] = wyi_alloc(n);
		wyi_assert(rows[k]);
		memset(rows[k], (int)k, n);
		sizes[k] = n;
	}
	return rows[k];
}

void unit_make(struct unit *u, char kind, u32 number, u32 n)
{
	u32 n_tail = number % 3 < n ? number % 3 : n;

	wyi_assert(number < 1u << 24 && n <= UNIT_MAX);
	*u = (struct unit){.body = filling(number, n),
			   .len = n - n_tail,
			   .n_head = UNIT_HEAD,
			   .n_tail = (u8)n_tail};
	u->head[0] = (u8)kind;
	for (u32 i = 0; i < 3; i++)
		u->head[1 + i] = (u8)(number >> 8 * i);
	memcpy(u->head + 4, &n, 4);
	memset(u->tail, (int)(number & 63), sizeof(u->tail));
}

static u32 head_number(const u8 *head)
{
	return head[1] | (u32)head[2] << 8 | (u32)head[3] << 16;
}

u32 sink_begun(const struct sink *s)
{
	return s->n_head >= 4 ? head_number(s->head) : 0;
}

/* Bytes used of the head, or 0: no unit begins so. */
static size_t take_head(struct sink *s, const u8 *bytes, size_t n)
{
	size_t k = UNIT_HEAD - s->n_head < n ? UNIT_HEAD - s->n_head : n;

	memcpy(s->head + s->n_head, bytes, k);
	s->n_head += (u32)k;
	if (s->head[0] != 'D' && s->head[0] != 'P')
		return 0;
	if (s->n_head == UNIT_HEAD) {
		memcpy(&s->left, s->head + 4, 4);
		if (s->left > UNIT_MAX)
			return 0;
	}
	return k;
}

static size_t take_body(struct sink *s, const u8 *bytes, size_t n)
{
	size_t k = s->left < n ? s->left : n;
	u8 fill = s->head[1] & 63, differ = 0;

	for (size_t i = 0; i < k; i++)
		differ |= bytes[i] ^ fill;
	s->left -= (u32)k;
	return differ ? 0 : k;
}

bool sink_take(struct sink *s, const u8 *bytes, size_t n,
	       void (*got)(void *ctx, char kind, u32 number), void *ctx)
{
	while (n) {
		size_t k;

		if (s->n_head == 0 && *bytes == 'B') {
			got(ctx, 'B', 0);
			bytes++;
			n--;
			continue;
		}
		k = s->n_head < UNIT_HEAD ? take_head(s, bytes, n) : take_body(s, bytes, n);
		if (k == 0)
			return false;
		bytes += k;
		n -= k;
		if (s->n_head == UNIT_HEAD && s->left == 0) {
			s->n_head = 0;
			got(ctx, (char)s->head[0], head_number(s->head));
		}
	}
	return true;
}

u64 rnd_next(struct rnd *r)
{
	u64 z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

u32 rnd_below(struct rnd *r, u32 n)
{
	return (u32)((rnd_next(r) >> 32) * n >> 32);
}

bool rnd_is(struct rnd *r, u32 percent)
{
	return rnd_below(r, 100) < percent;
}
