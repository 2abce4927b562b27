/* SPDX-License-Identifier: MIT */
/* Slots, addresses and pages, and 300,000 random steps against a plain array of flags. */
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/base.h"

struct thing {
	u64 a, b;
};

static u32 take(struct slab *s)
{
	u32 slot = U32_NONE;

	assert_int_equal(wyi_slab_take(s, &slot), 0);
	assert_true(wyi_slab_used(s, slot));
	assert_true(slot < wyi_slab_end(s));
	return slot;
}

static void take__given_before__zeroed_again(void **state)
{
	struct slab s;
	struct thing *t;
	u32 slot;

	(void)state;
	wyi_slab_init(&s, sizeof(struct thing));
	assert_int_equal(wyi_slab_end(&s), 0);
	assert_false(wyi_slab_used(&s, 0));
	slot = take(&s);
	assert_int_equal(slot, 0);
	t = slab_at(&s, slot);
	assert_true(t->a == 0 && t->b == 0);
	memset(t, 0xff, sizeof(*t));
	take(&s); /* holds the page */
	wyi_slab_give(&s, slot);
	assert_false(wyi_slab_used(&s, slot));
	assert_int_equal(take(&s), slot);
	t = slab_at(&s, slot);
	assert_true(t->a == 0 && t->b == 0);
	wyi_slab_deinit(&s);
	assert_int_equal(s.used, 0);
	wyi_slab_deinit(&s); /* idempotent, and the slab may be used again */
	assert_int_equal(take(&s), 0);
	wyi_slab_deinit(&s);
}

static void take__many__low_slots_first_at_stable_addresses(void **state)
{
	enum { N = 20000 };
	static struct thing *at[N];
	struct slab s;

	(void)state;
	wyi_slab_init(&s, sizeof(struct thing));
	for (u32 i = 0; i < N; i++) {
		assert_int_equal(take(&s), i);
		at[i] = slab_at(&s, i);
		at[i]->a = i;
	}
	for (u32 i = 0; i < N; i++) {
		assert_ptr_equal(slab_at(&s, i), at[i]);
		assert_int_equal(at[i]->a, i);
	}
	wyi_slab_give(&s, 15000);
	wyi_slab_give(&s, 300);
	wyi_slab_give(&s, 301);
	wyi_slab_give(&s, 5);
	assert_int_equal(take(&s), 5);
	assert_int_equal(take(&s), 300);
	assert_int_equal(take(&s), 301);
	assert_int_equal(take(&s), 15000);
	assert_int_equal(take(&s), N);
	wyi_slab_deinit(&s);
}

static void give__pages_emptied__freed_but_one_spare(void **state)
{
	struct slab s;
	u8 *spare;

	(void)state;
	wyi_slab_init(&s, sizeof(struct thing));
	for (u32 i = 0; i < 4 * SLAB_PAGE; i++)
		take(&s);
	for (u32 i = SLAB_PAGE; i < 2 * SLAB_PAGE; i++)
		wyi_slab_give(&s, i);
	assert_null(s.page[1]);
	assert_non_null(s.spare);
	assert_int_equal(wyi_slab_end(&s), 4 * SLAB_PAGE);
	for (u32 i = 2 * SLAB_PAGE; i < 4 * SLAB_PAGE; i++)
		wyi_slab_give(&s, i);
	assert_int_equal(wyi_slab_end(&s), SLAB_PAGE);
	spare = s.spare;
	assert_int_equal(take(&s), SLAB_PAGE);
	assert_ptr_equal(s.page[1], spare);
	assert_null(s.spare);
	wyi_slab_deinit(&s);
}

static u64 random_state = 0x5eed;

static u32 random_below(u32 n)
{
	u64 z = random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (u32)((z ^ z >> 31) % n);
}

static void random_steps__against_flags__same_slots(void **state)
{
	enum { N = 6000, STEPS = 300000 };
	static bool used[N];
	u32 n_used = 0, top = 0;
	struct slab s;

	(void)state;
	wyi_slab_init(&s, sizeof(struct thing));
	for (u32 step = 0; step < STEPS; step++) {
		/* Phases of growth and of decay, so that pages come and go. */
		bool grows = random_below(100) < (step / 20000 % 2 ? 35 : 65);

		if (grows && n_used < N) {
			u32 lowest = 0, slot = take(&s);

			while (used[lowest])
				lowest++;
			assert_int_equal(slot, lowest);
			used[slot] = true;
			n_used++;
			if (slot >= top)
				top = slot + 1;
			((struct thing *)slab_at(&s, slot))->b = slot;
		} else if (n_used > 0) {
			u32 slot = random_below(top);

			while (!used[slot])
				slot = (slot + 1) % top;
			assert_int_equal(((struct thing *)slab_at(&s, slot))->b, slot);
			wyi_slab_give(&s, slot);
			used[slot] = false;
			n_used--;
			while (top > 0 && !used[top - 1])
				top--;
		}
		assert_int_equal(s.used, n_used);
		assert_int_equal(wyi_slab_end(&s), (top + SLAB_PAGE - 1) / SLAB_PAGE * SLAB_PAGE);
	}
	for (u32 i = 0; i < N + 2 * SLAB_PAGE; i++)
		assert_int_equal(wyi_slab_used(&s, i), i < N && used[i]);
	wyi_slab_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(take__given_before__zeroed_again),
		cmocka_unit_test(take__many__low_slots_first_at_stable_addresses),
		cmocka_unit_test(give__pages_emptied__freed_but_one_spare),
		cmocka_unit_test(random_steps__against_flags__same_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
