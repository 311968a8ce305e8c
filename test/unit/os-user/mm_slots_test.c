/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: os-user/mm_slots.c */
/*
 * The slots of the user window, and the flags of its pages.
 */
#include "test/unit/cmocka_compat.h"

#include "mm_slots.h"

#define BASE (64 * FERRY_BLOCK_SIZE)
#define SLOTS 256u

static int setup(void **state)
{
	static struct ferry_slots slots;

	*state = &slots;
	return ferry_slots_init(&slots, BASE, SLOTS * FERRY_BLOCK_SIZE);
}

static int teardown(void **state)
{
	ferry_slots_fini(*state);
	return 0;
}

static uint64_t slot_va(uint32_t slot)
{
	return BASE + slot * FERRY_BLOCK_SIZE;
}

/*
 * Goal: allocations take whole slots, know their pages, and end with give. Method: two, look around their edges.
 */
static void an_allocation_knows_its_pages(void **state)
{
	struct ferry_slots *s = *state;
	uint64_t a = 0, b = 0;

	assert_int_equal(ferry_slots_take(s, 600, &a), 0);
	assert_int_equal(ferry_slots_take(s, 1, &b), 0);
	assert_uint_equal(a, slot_va(0));
	assert_uint_equal(b, slot_va(2));
	assert_uint_equal(ferry_slots_pages(s, a), 600);
	assert_uint_equal(ferry_slots_pages(s, a + FERRY_PAGE_SIZE), 0);
	assert_uint_equal(ferry_slots_pages(s, slot_va(1)), 0);
	assert_uint_equal(ferry_slots_pages(s, BASE - FERRY_BLOCK_SIZE), 0);
	assert_uint_equal(ferry_slots_pages(s, slot_va(SLOTS)), 0);
	assert_true(ferry_slots_live(s, a + 599 * FERRY_PAGE_SIZE));
	assert_false(ferry_slots_live(s, a + 600 * FERRY_PAGE_SIZE));
	assert_false(ferry_slots_live(s, 0));
	assert_true(ferry_slots_within(s, a, 600 * FERRY_PAGE_SIZE));
	assert_true(ferry_slots_within(s, a + 599 * FERRY_PAGE_SIZE, 1));
	assert_false(ferry_slots_within(s, a, 600 * FERRY_PAGE_SIZE + 1));
	assert_false(ferry_slots_within(s, a + FERRY_PAGE_SIZE, 600 * FERRY_PAGE_SIZE));
	assert_false(ferry_slots_within(s, a, UINT64_MAX));
	assert_false(ferry_slots_within(s, a, 0));
	ferry_slots_give(s, a);
	assert_uint_equal(ferry_slots_pages(s, a), 0);
	assert_false(ferry_slots_live(s, a));
	assert_true(ferry_slots_live(s, b));
}

/*
 * Goal: a full window, and pieces too small, are refused; what is given back is found again. Method: fill with ones,
 * give every second, ask for two in a row, give one more.
 */
static void the_window_fills_and_empties(void **state)
{
	struct ferry_slots *s = *state;
	uint64_t va;

	assert_int_equal(ferry_slots_take(s, 0, &va), FERRY_E_MMAP);
	assert_int_equal(ferry_slots_take(s, UINT64_MAX, &va), FERRY_E_MMAP);
	assert_int_equal(ferry_slots_take(s, (SLOTS + 1) * FERRY_BLOCK_PAGES, &va), FERRY_E_MMAP);
	for (uint32_t i = 0; i < SLOTS; i++)
		assert_int_equal(ferry_slots_take(s, 512, &va), 0);
	assert_int_equal(ferry_slots_take(s, 1, &va), FERRY_E_MMAP);
	for (uint32_t i = 0; i < SLOTS; i += 2)
		ferry_slots_give(s, slot_va(i));
	assert_int_equal(ferry_slots_take(s, 513, &va), FERRY_E_MMAP);
	ferry_slots_give(s, slot_va(77));
	assert_int_equal(ferry_slots_take(s, 3 * 512, &va), 0);
	assert_uint_equal(va, slot_va(76));
}

/*
 * Goal: marks go to live pages only, are seen on the page and near it, and runs follow them. Method: kill pages 10 to
 * 19 of an allocation and walk the rest.
 */
static void marks_split_an_allocation_into_runs(void **state)
{
	struct ferry_slots *s = *state;
	uint64_t va = 0, at, bytes, end;

	assert_int_equal(ferry_slots_take(s, 600, &va), 0);
	end = va + 2 * FERRY_BLOCK_SIZE;
	assert_uint_equal(ferry_slots_flags_near(s, va, 600 * FERRY_PAGE_SIZE), 0);
	ferry_slots_mark(s, va + 10 * FERRY_PAGE_SIZE, 10 * FERRY_PAGE_SIZE, FERRY_PAGE_DEAD | FERRY_PAGE_NEWS);
	ferry_slots_mark(s, va + 10 * FERRY_PAGE_SIZE, FERRY_PAGE_SIZE, FERRY_PAGE_POISON); /* dead: no mark */
	assert_uint_equal(ferry_slots_flags(s, va + 10 * FERRY_PAGE_SIZE), FERRY_PAGE_DEAD | FERRY_PAGE_NEWS);
	assert_uint_equal(ferry_slots_flags(s, va + 20 * FERRY_PAGE_SIZE), 0);
	assert_uint_equal(ferry_slots_flags(s, BASE - 1), 0);
	assert_uint_equal(ferry_slots_flags_near(s, va, FERRY_PAGE_SIZE), FERRY_PAGE_DEAD | FERRY_PAGE_NEWS);
	assert_uint_equal(ferry_slots_flags_near(s, va + FERRY_BLOCK_SIZE, FERRY_PAGE_SIZE), 0);
	assert_false(ferry_slots_live(s, va + 19 * FERRY_PAGE_SIZE));

	at = va;
	assert_true(ferry_slots_run(s, &at, end, FERRY_PAGE_DEAD, 0, &bytes));
	assert_uint_equal(at, va);
	assert_uint_equal(bytes, 10 * FERRY_PAGE_SIZE);
	at += bytes;
	assert_true(ferry_slots_run(s, &at, end, FERRY_PAGE_DEAD, 0, &bytes));
	assert_uint_equal(at, va + 20 * FERRY_PAGE_SIZE);
	assert_uint_equal(bytes, 580 * FERRY_PAGE_SIZE);
	at += bytes;
	assert_false(ferry_slots_run(s, &at, end, FERRY_PAGE_DEAD, 0, &bytes));
	at = va;
	assert_true(ferry_slots_run(s, &at, end, FERRY_PAGE_NEWS, FERRY_PAGE_NEWS, &bytes));
	assert_uint_equal(bytes, 10 * FERRY_PAGE_SIZE);
	ferry_slots_unmark(s, at, bytes, FERRY_PAGE_NEWS);
	assert_false(ferry_slots_run(s, &at, end, FERRY_PAGE_NEWS, FERRY_PAGE_NEWS, &bytes));
}

/*
 * Goal: a run never crosses from one allocation into the next, nor the end asked for. Method: two neighbours.
 */
static void a_run_stays_in_its_allocation(void **state)
{
	struct ferry_slots *s = *state;
	uint64_t a = 0, b = 0, at, bytes;

	assert_int_equal(ferry_slots_take(s, 512, &a), 0);
	assert_int_equal(ferry_slots_take(s, 512, &b), 0);
	at = a + 100 * FERRY_PAGE_SIZE;
	assert_true(ferry_slots_run(s, &at, b + FERRY_BLOCK_SIZE, FERRY_PAGE_DEAD, 0, &bytes));
	assert_uint_equal(bytes, 412 * FERRY_PAGE_SIZE);
	at = b;
	assert_true(ferry_slots_run(s, &at, b + 3 * FERRY_PAGE_SIZE, FERRY_PAGE_DEAD, 0, &bytes));
	assert_uint_equal(bytes, 3 * FERRY_PAGE_SIZE);
	at = b + FERRY_BLOCK_SIZE; /* free slots only */
	assert_false(ferry_slots_run(s, &at, slot_va(SLOTS), FERRY_PAGE_DEAD, 0, &bytes));
}

/*
 * Goal: flags do not survive into the next allocation; lost slots are never used again. Method: poison, give, take
 * all; lose one, give, take all.
 */
static void flags_end_with_the_allocation_and_loss_does_not(void **state)
{
	struct ferry_slots *s = *state;
	uint64_t va = 0, all = 0;

	assert_int_equal(ferry_slots_take(s, 3 * 512, &va), 0);
	ferry_slots_mark(s, va, FERRY_PAGE_SIZE, FERRY_PAGE_POISON);
	ferry_slots_give(s, va);
	assert_int_equal(ferry_slots_take(s, SLOTS * 512, &all), 0);
	assert_uint_equal(ferry_slots_flags(s, va), 0);
	ferry_slots_lose(s, slot_va(9), FERRY_BLOCK_SIZE + 1);
	ferry_slots_give(s, all);
	assert_int_equal(ferry_slots_take(s, SLOTS * 512, &all), FERRY_E_MMAP);
	for (uint32_t i = 0; i < SLOTS - 2; i++) {
		assert_int_equal(ferry_slots_take(s, 512, &va), 0);
		assert_true(va != slot_va(9) && va != slot_va(10));
	}
	assert_int_equal(ferry_slots_take(s, 1, &va), FERRY_E_MMAP);
}

/*
 * Goal: an allocation without a live page is given back by reap, and only such a one. Method: kill all but one page,
 * reap, kill the last, reap.
 */
static void reap_gives_back_what_is_wholly_dead(void **state)
{
	struct ferry_slots *s = *state;
	uint64_t va = 0;

	assert_int_equal(ferry_slots_take(s, 600, &va), 0);
	ferry_slots_mark(s, va, 599 * FERRY_PAGE_SIZE, FERRY_PAGE_DEAD);
	ferry_slots_reap(s, va, 2 * FERRY_BLOCK_SIZE);
	assert_uint_equal(ferry_slots_pages(s, va), 600);
	ferry_slots_mark(s, va, 600 * FERRY_PAGE_SIZE, FERRY_PAGE_DEAD);
	ferry_slots_reap(s, va + FERRY_BLOCK_SIZE, FERRY_PAGE_SIZE);
	assert_uint_equal(ferry_slots_pages(s, va), 0);
	assert_int_equal(ferry_slots_take(s, SLOTS * 512, &va), 0);
}

/*
 * Goal: present bits are set, cleared and asked for exactly. Method: against an array, random ranges.
 */
static void present_bits_follow_a_model(void **state)
{
	struct ferry_slots *s = *state;
	static bool model[700];
	uint32_t random = 3;

	memset(model, 0, sizeof(model));
	for (uint32_t step = 0; step < 4000; step++) {
		uint32_t first, count;
		bool all = true;

		random = random * 1664525u + 1013904223u;
		first = (random >> 8) % 700;
		random = random * 1664525u + 1013904223u;
		count = 1 + (random >> 8) % (step % 2 ? 700 - first : 3);
		if (first + count > 700)
			continue;
		for (uint32_t i = first; i < first + count; i++)
			all &= model[i];
		assert_int_equal(ferry_slots_present(s, BASE + first * FERRY_PAGE_SIZE, count * FERRY_PAGE_SIZE),
		                 all);
		for (uint32_t i = first; i < first + count; i++)
			model[i] = step % 3 != 0;
		ferry_slots_set_present(s, BASE + first * FERRY_PAGE_SIZE, count * FERRY_PAGE_SIZE, step % 3 != 0);
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_allocation_knows_its_pages),
		TEST(the_window_fills_and_empties),
		TEST(marks_split_an_allocation_into_runs),
		TEST(a_run_stays_in_its_allocation),
		TEST(flags_end_with_the_allocation_and_loss_does_not),
		TEST(reap_gives_back_what_is_wholly_dead),
		TEST(present_bits_follow_a_model),
	};

	return cmocka_run_group_tests_name("os-user/mm_slots", tests, NULL, NULL);
}
