/* SPDX-License-Identifier: MIT */
/* Short names for integers, and the one shape in which messages travel inside. */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define U32_NONE UINT32_MAX

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

#define ARRAY_SIZE(a)			(sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* The impossible: asserted in release builds too. */
#define wyi_assert(claim) ((claim) ? (void)0 : wyi_abort(#claim, __FILE__, __LINE__))
_Noreturn void wyi_abort(const char *claim, const char *file, int line);

/* A message as it came in: lent, boundary kept, framing taken off. */
struct msg {
	const u8 *data;
	u32 len;
};

/*
 * A message as it goes out on one kind of wire: head, then body, then tail. What a framing makes of
 * a struct msg, and what a feed copies in. The body is lent.
 */
struct unit {
	const u8 *body;
	u32 len; /* of the body */
	u8 n_head, n_tail;
	u8 head[8], tail[2];
};
static inline u32 unit_size(const struct unit *u)
{
	return u->len + u->n_head + u->n_tail;
}

#endif
