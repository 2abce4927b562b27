/* SPDX-License-Identifier: MIT */
/*
 * Numbered objects of one size at stable addresses: slot -> pointer in two loads. Low slots are
 * used first, so that a table that shrinks gives its upper pages back.
 */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include "base/types.h"

#define SLAB_SHIFT 8u
#define SLAB_PAGE  (1u << SLAB_SHIFT) /* objects in a page */

struct slab_page;
struct slab {
	u8 **page;		/* objects of each page, or NULL */
	struct slab_page *info; /* per page: what is free */
	u64 *room;		/* a bit per page: it has a free slot */
	u8 *spare;		/* objects of a page that emptied last, or NULL */
	u32 n_pages, end;	/* in the tables; pages at and above end have no objects */
	u32 size;		/* bytes of an object */
	u32 used, low;		/* objects in use; no page below `low` has a free slot */
};

/* Only for slots in use: where an id may be stale, ask wyi_slab_used() first. */
static inline void *slab_at(const struct slab *s, u32 slot)
{
	return s->page[slot >> SLAB_SHIFT] + (size_t)(slot & (SLAB_PAGE - 1)) * s->size;
}

void wyi_slab_init(struct slab *, u32 size);
void wyi_slab_deinit(struct slab *);
/* A zeroed object. 0 and its slot, or -ENOMEM. */
int wyi_slab_take(struct slab *, u32 *ret_slot);
void wyi_slab_give(struct slab *, u32 slot);
/* Slots in use are below this: for walks. */
u32 wyi_slab_end(const struct slab *);
bool wyi_slab_used(const struct slab *, u32 slot);

#endif
