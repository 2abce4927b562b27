/* SPDX-License-Identifier: MIT */
/* A slab whose memory runs out: slab.c once more, under other names, on allocators that refuse. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define wyi_alloc	scarce_alloc
#define wyi_realloc	scarce_realloc
#define wyi_slab_init	scarce_init
#define wyi_slab_deinit scarce_deinit
#define wyi_slab_take	scarce_take
#define wyi_slab_give	scarce_give
#define wyi_slab_end	scarce_end
#define wyi_slab_used	scarce_used
#include "../../../src/base/slab.c"

static unsigned left; /* allocations that still succeed */

void *scarce_alloc(size_t size)
{
	if (left == 0)
		return NULL;
	left--;
	return malloc(size);
}

void *scarce_realloc(void *old, size_t size)
{
	if (left == 0)
		return NULL;
	left--;
	return realloc(old, size);
}

/* The page that is refused is asked for again and again, each time with one allocation more. */
static void take__memory_refused__enomem_and_nothing_lost(void **state)
{
	enum { N = 70 * SLAB_PAGE }; /* over the tables' first growth */
	unsigned refusals = 0;
	struct slab s;

	(void)state;
	wyi_slab_init(&s, 8);
	for (u32 i = 0; i < N; i++) {
		u32 slot = U32_NONE;
		unsigned given = 0;

		left = 0;
		while (wyi_slab_take(&s, &slot) == -ENOMEM) {
			assert_int_equal(slot, U32_NONE);
			assert_int_equal(s.used, i);
			refusals++;
			left = ++given;
			assert_true(given < 8);
		}
		assert_int_equal(slot, i);
		*(u64 *)slab_at(&s, slot) = i;
	}
	/* A page each, and the three tables twice. */
	assert_true(refusals >= 70 + 6);
	for (u32 i = 0; i < N; i++)
		assert_int_equal(*(u64 *)slab_at(&s, i), i);
	wyi_slab_deinit(&s);
}

/* Emptying a page and taking again needs no memory: a link may always be replaced by another. */
static void take__after_the_page_emptied__spare_needs_no_memory(void **state)
{
	struct slab s;
	u32 slot;

	(void)state;
	wyi_slab_init(&s, 8);
	left = 100;
	assert_int_equal(wyi_slab_take(&s, &slot), 0);
	left = 0;
	for (int i = 0; i < 3; i++) {
		wyi_slab_give(&s, slot);
		assert_int_equal(wyi_slab_take(&s, &slot), 0);
		assert_int_equal(slot, 0);
	}
	wyi_slab_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(take__memory_refused__enomem_and_nothing_lost),
		cmocka_unit_test(take__after_the_page_emptied__spare_needs_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
