/* SPDX-License-Identifier: MIT */
/*
 * Numbered objects at stable addresses.
 *
 * Happy path: the lowest page with room is found in a bitmap of pages, the lowest free object in
 * that page's own bitmap. A page that empties goes back to the allocator, but for one, kept as a
 * spare so that taking and giving at a page's edge costs nothing. Failure: -ENOMEM, and the slab is
 * as before.
 *
 * The search starts at `low` and sees 64 pages (16,384 objects) per word, so that even a million
 * objects cost at most 61 words; mostly it is one.
 */
#include <errno.h>
#include <string.h>
#include "base/slab.h"
#include "base/sys.h"

#define WORD	  64u
#define WORDS	  (SLAB_PAGE / WORD)
#define MAX_PAGES (U32_NONE >> SLAB_SHIFT) /* so that no slot is U32_NONE */

struct slab_page {
	u64 free[WORDS]; /* a bit per object */
	u32 used;
};

static u32 low_bit(u64 word)
{
	return (u32)__builtin_ctzll(word);
}

void wyi_slab_init(struct slab *s, u32 size)
{
	*s = (struct slab){.size = size};
}

void wyi_slab_deinit(struct slab *s)
{
	for (u32 i = 0; i < s->n_pages; i++)
		wyi_free(s->page[i]);
	wyi_free(s->spare);
	wyi_free(s->page);
	wyi_free(s->info);
	wyi_free(s->room);
	wyi_slab_init(s, s->size);
}

/* Always whole words of pages, so that no bit of `room` lies beyond n_pages. */
static int grow(struct slab *s)
{
	u32 n = s->n_pages ? 2 * s->n_pages : WORD;
	void *p;

	if (n > MAX_PAGES)
		return -ENOMEM;
	/* Each that succeeds is kept, whether or not the next one does: only n_pages counts. */
	p = wyi_realloc(s->page, n * sizeof(*s->page));
	if (!p)
		return -ENOMEM;
	s->page = p;
	p = wyi_realloc(s->info, n * sizeof(*s->info));
	if (!p)
		return -ENOMEM;
	s->info = p;
	p = wyi_realloc(s->room, n / WORD * sizeof(*s->room));
	if (!p)
		return -ENOMEM;
	s->room = p;
	memset(s->page + s->n_pages, 0, (n - s->n_pages) * sizeof(*s->page));
	memset(s->room + s->n_pages / WORD, 0xff, (n - s->n_pages) / WORD * sizeof(*s->room));
	s->n_pages = n;
	return 0;
}

/* The lowest page with room, or n_pages. */
static u32 find_page(struct slab *s)
{
	u32 words = s->n_pages / WORD, i = s->low / WORD;

	while (i < words && s->room[i] == 0)
		i++;
	s->low = i < words ? i * WORD + low_bit(s->room[i]) : s->n_pages;
	return s->low;
}

static int open_page(struct slab *s, u32 p)
{
	u8 *objects = s->spare ? s->spare : wyi_alloc((size_t)s->size << SLAB_SHIFT);

	if (!objects)
		return -ENOMEM;
	s->spare = NULL;
	s->page[p] = objects;
	memset(s->info[p].free, 0xff, sizeof(s->info[p].free));
	s->info[p].used = 0;
	if (p >= s->end)
		s->end = p + 1;
	return 0;
}

static void close_page(struct slab *s, u32 p)
{
	if (s->spare)
		wyi_free(s->page[p]);
	else
		s->spare = s->page[p];
	s->page[p] = NULL;
	while (s->end > 0 && !s->page[s->end - 1])
		s->end--;
}

int wyi_slab_take(struct slab *s, u32 *ret_slot)
{
	u32 p = find_page(s), w = 0, slot;
	struct slab_page *info;
	int r;

	if (p == s->n_pages) {
		r = grow(s);
		if (r < 0)
			return r;
	}
	if (!s->page[p]) {
		r = open_page(s, p);
		if (r < 0)
			return r;
	}
	info = &s->info[p];
	while (info->free[w] == 0)
		w++;
	slot = (p << SLAB_SHIFT) + w * WORD + low_bit(info->free[w]);
	info->free[w] &= info->free[w] - 1;
	if (++info->used == SLAB_PAGE)
		s->room[p / WORD] &= ~(1ull << p % WORD);
	s->used++;
	memset(slab_at(s, slot), 0, s->size);
	*ret_slot = slot;
	return 0;
}

void wyi_slab_give(struct slab *s, u32 slot)
{
	u32 p = slot >> SLAB_SHIFT, i = slot & (SLAB_PAGE - 1);

	wyi_assert(wyi_slab_used(s, slot));
	s->info[p].free[i / WORD] |= 1ull << i % WORD;
	s->room[p / WORD] |= 1ull << p % WORD;
	s->used--;
	if (p < s->low)
		s->low = p;
	if (--s->info[p].used == 0)
		close_page(s, p);
}

u32 wyi_slab_end(const struct slab *s)
{
	return s->end << SLAB_SHIFT;
}

bool wyi_slab_used(const struct slab *s, u32 slot)
{
	u32 p = slot >> SLAB_SHIFT, i = slot & (SLAB_PAGE - 1);

	return p < s->end && s->page[p] && !(s->info[p].free[i / WORD] >> i % WORD & 1);
}
