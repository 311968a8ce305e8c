/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bitmap_test.c - the page sets against the simplest model there is: 512 booleans.
 */
/* TEST-SOURCES: core/base/bitmap.c */
#include "test/unit/cmocka_compat.h"
#include "base/bitmap.h"

#define PAGES FERRY_BLOCK_PAGES

struct model {
	bool page[PAGES];
};

static uint64_t rng_state;

static uint64_t rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

static void assert_same(const struct ferry_bitmap *b, const struct model *m)
{
	for (uint32_t i = 0; i < PAGES; i++)
		assert_int_equal(ferry_bitmap_test(b, i), m->page[i]);
}

static uint32_t model_count(const struct model *m, uint32_t first, uint32_t count)
{
	uint32_t n = 0;

	for (uint32_t i = first; i < first + count; i++)
		n += m->page[i];
	return n;
}

/* Runs and holes of random lengths, so that words are empty, full and mixed. */
static void random_map(struct ferry_bitmap *b, struct model *m)
{
	uint32_t longest = 1 + (uint32_t)(rng() % 150);
	bool set = rng() & 1;

	ferry_bitmap_zero(b);
	for (uint32_t i = 0; i < PAGES; set = !set) {
		for (uint32_t run = 1 + (uint32_t)(rng() % longest); run && i < PAGES; run--, i++) {
			m->page[i] = set;
			if (set)
				ferry_bitmap_set(b, i);
		}
	}
}

/*
 * Goal: a range operation touches its range, all of it, and nothing else.
 * Method: every (first, count) pair of the block, set in an empty map and cleared in a full one; count, full and
 * empty are asked of the range and of its neighbours.
 */
static void every_range_is_set_and_cleared_exactly(void **unused)
{
	(void)unused;
	for (uint32_t first = 0; first <= PAGES; first++) {
		for (uint32_t count = 0; first + count <= PAGES; count++) {
			struct ferry_bitmap b, full;

			ferry_bitmap_zero(&b);
			ferry_bitmap_set_range(&b, first, count);
			assert_uint_equal(ferry_bitmap_count(&b), count);
			assert_uint_equal(ferry_bitmap_range_count(&b, first, count), count);
			assert_true(ferry_bitmap_range_full(&b, first, count));
			assert_true(ferry_bitmap_range_empty(&b, 0, first));
			assert_true(ferry_bitmap_range_empty(&b, first + count, PAGES - first - count));

			memset(&full, 0xff, sizeof(full));
			ferry_bitmap_clear_range(&full, first, count);
			assert_uint_equal(ferry_bitmap_count(&full), PAGES - count);
			assert_true(ferry_bitmap_range_empty(&full, first, count));
			assert_false(ferry_bitmap_intersects(&b, &full));
			ferry_bitmap_or(&full, &full, &b);
			assert_uint_equal(ferry_bitmap_count(&full), PAGES);
		}
	}
}

/*
 * Goal: full and empty see a single page that is wrong, wherever it is in the range.
 * Method: 300 random ranges; one page of each is flipped at a time.
 */
static void one_wrong_page_spoils_full_and_empty(void **unused)
{
	(void)unused;
	rng_state = 0x51ee9;
	for (uint32_t round = 0; round < 300; round++) {
		uint32_t first = (uint32_t)(rng() % PAGES);
		uint32_t count = 1 + (uint32_t)(rng() % (PAGES - first));
		uint32_t wrong = first + (uint32_t)(rng() % count);
		struct ferry_bitmap b;

		ferry_bitmap_zero(&b);
		ferry_bitmap_set(&b, wrong);
		assert_false(ferry_bitmap_range_empty(&b, first, count));
		ferry_bitmap_set_range(&b, first, count);
		ferry_bitmap_clear(&b, wrong);
		assert_false(ferry_bitmap_range_full(&b, first, count));
		assert_uint_equal(ferry_bitmap_range_count(&b, first, count), count - 1);
	}
}

/*
 * Goal: next and next_clear find the first page of their kind at or after any page.
 * Method: 200 random maps, every start from 0 to 512, against a scan of the model.
 */
static void next_agrees_with_a_scan_from_every_page(void **unused)
{
	struct ferry_bitmap b;
	struct model m;

	(void)unused;
	rng_state = 0xace1;
	for (uint32_t round = 0; round < 200; round++) {
		uint32_t set = PAGES, clear = PAGES;

		random_map(&b, &m);
		assert_uint_equal(ferry_bitmap_next(&b, PAGES), PAGES);
		assert_uint_equal(ferry_bitmap_next_clear(&b, PAGES), PAGES);
		for (uint32_t i = PAGES; i-- > 0;) {
			if (m.page[i])
				set = i;
			else
				clear = i;
			assert_uint_equal(ferry_bitmap_next(&b, i), set);
			assert_uint_equal(ferry_bitmap_next_clear(&b, i), clear);
		}
	}
}

/*
 * Goal: runs are maximal, in order, and together are the map.
 * Method: 200 random maps; the runs rebuild an equal map, each between two clear pages.
 */
static void runs_are_maximal_and_rebuild_the_map(void **unused)
{
	struct ferry_bitmap b, again;
	struct model m;
	uint32_t first, count;

	(void)unused;
	rng_state = 0xbeef;
	for (uint32_t round = 0; round < 200; round++) {
		random_map(&b, &m);
		ferry_bitmap_zero(&again);
		for (first = 0; ferry_bitmap_run(&b, &first, &count); first += count) {
			assert_true(first == 0 || !m.page[first - 1]);
			assert_true(first + count == PAGES || !m.page[first + count]);
			assert_true(ferry_bitmap_range_empty(&again, first, PAGES - first));
			ferry_bitmap_set_range(&again, first, count);
		}
		assert_true(ferry_bitmap_equal(&b, &again));
		assert_same(&again, &m);
	}
}

/*
 * Goal: the set operations are those of sets, also when the result is an operand.
 * Method: random pairs of maps, page by page against the model.
 */
static void and_or_andnot_agree_with_booleans(void **unused)
{
	(void)unused;
	rng_state = 0xfeed;
	for (uint32_t round = 0; round < 100; round++) {
		struct ferry_bitmap a, b, both, either, without;
		struct model ma, mb;
		bool meet = false;

		random_map(&a, &ma);
		random_map(&b, &mb);
		ferry_bitmap_and(&both, &a, &b);
		either = a;
		ferry_bitmap_or(&either, &either, &b);
		without = b;
		ferry_bitmap_andnot(&without, &a, &without);
		for (uint32_t i = 0; i < PAGES; i++) {
			assert_int_equal(ferry_bitmap_test(&both, i), ma.page[i] && mb.page[i]);
			assert_int_equal(ferry_bitmap_test(&either, i), ma.page[i] || mb.page[i]);
			assert_int_equal(ferry_bitmap_test(&without, i), ma.page[i] && !mb.page[i]);
			meet |= ma.page[i] && mb.page[i];
		}
		assert_int_equal(ferry_bitmap_intersects(&a, &b), meet);
		assert_uint_equal(ferry_bitmap_count(&a), model_count(&ma, 0, PAGES));
		assert_int_equal(ferry_bitmap_empty(&a), model_count(&ma, 0, PAGES) == 0);
	}
}

/*
 * Goal: test_and_set says what was there and leaves the page set.
 * Method: each page twice.
 */
static void test_and_set_reports_the_old_value(void **unused)
{
	struct ferry_bitmap b;

	(void)unused;
	ferry_bitmap_zero(&b);
	for (uint32_t i = 0; i < PAGES; i++) {
		assert_false(ferry_bitmap_test_and_set(&b, i));
		assert_true(ferry_bitmap_test_and_set(&b, i));
		assert_uint_equal(ferry_bitmap_count(&b), i + 1);
	}
}

/*
 * Goal: a range that leaves the block is reported and cut; the words behind the map stay as they are.
 * Method: a map between two guard words; ranges that start inside, outside and far outside, where no memory is.
 */
static void a_range_past_the_block_is_reported_and_cut(void **unused)
{
	struct {
		uint64_t before;
		struct ferry_bitmap b;
		uint64_t after[8];
	} m;
	uint64_t bugs = ferry_user_bug_count();

	(void)unused;
	memset(&m, 0, sizeof(m));
	ferry_user_bug_is_fatal = 0;
	ferry_bitmap_set_range(&m.b, 500, 100);
	assert_uint_equal(ferry_user_bug_count(), bugs + 1);
	assert_uint_equal(ferry_bitmap_count(&m.b), 12);
	ferry_bitmap_set_range(&m.b, 600, 10);
	ferry_bitmap_set_range(&m.b, 1, 0xffffffffu);
	ferry_bitmap_set_range(&m.b, 3000000000u, 10);
	ferry_bitmap_clear_range(&m.b, 3000000000u, 10);
	assert_true(ferry_bitmap_range_empty(&m.b, 3000000000u, 10));
	assert_uint_equal(ferry_user_bug_count(), bugs + 6);
	assert_uint_equal(m.before, 0);
	for (uint32_t i = 0; i < 8; i++)
		assert_uint_equal(m.after[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_range_is_set_and_cleared_exactly),
		cmocka_unit_test(one_wrong_page_spoils_full_and_empty),
		cmocka_unit_test(next_agrees_with_a_scan_from_every_page),
		cmocka_unit_test(runs_are_maximal_and_rebuild_the_map),
		cmocka_unit_test(and_or_andnot_agree_with_booleans),
		cmocka_unit_test(test_and_set_reports_the_old_value),
		cmocka_unit_test(a_range_past_the_block_is_reported_and_cut),
	};

	return cmocka_run_group_tests_name("base/bitmap", tests, NULL, NULL);
}
