/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * prefetch_test.c - the density rule against itself, page by page.
 */
/* TEST-SOURCES: core/migrate/prefetch.c core/base/bitmap.c */
#include "test/unit/cmocka_compat.h"
#include "migrate/prefetch.h"

#define PAGES FERRY_BLOCK_PAGES

static uint64_t rng_state;

static uint64_t rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

/* The rule of prefetch.h, one page at a time. */
static void model(const struct ferry_bitmap *faulted, const struct ferry_bitmap *resident,
                  const struct ferry_bitmap *valid, uint32_t percent, struct ferry_bitmap *out)
{
	bool chosen[PAGES] = {false};

	for (uint32_t size = 16; size <= PAGES; size *= 2) {
		for (uint32_t first = 0; first < PAGES; first += size) {
			uint32_t faults = 0, have = 0, all = 0;

			for (uint32_t i = first; i < first + size; i++) {
				bool there =
					ferry_bitmap_test(faulted, i) || ferry_bitmap_test(resident, i) || chosen[i];

				faults += ferry_bitmap_test(faulted, i);
				all += ferry_bitmap_test(valid, i);
				have += ferry_bitmap_test(valid, i) && there;
			}
			if (!faults || (size > 16 && have * 100 <= all * percent))
				continue;
			for (uint32_t i = first; i < first + size; i++)
				chosen[i] |= ferry_bitmap_test(valid, i);
		}
	}
	ferry_bitmap_zero(out);
	for (uint32_t i = 0; i < PAGES; i++) {
		if (ferry_bitmap_test(faulted, i) || (chosen[i] && !ferry_bitmap_test(resident, i)))
			ferry_bitmap_set(out, i);
	}
}

/* Runs of random lengths, about so many in 100 set. */
static void random_map(struct ferry_bitmap *b, uint32_t percent)
{
	uint32_t longest = 1 + (uint32_t)(rng() % 100);

	ferry_bitmap_zero(b);
	for (uint32_t i = 0; i < PAGES;) {
		uint32_t run = 1 + (uint32_t)(rng() % longest);

		if (run > PAGES - i)
			run = PAGES - i;
		if (rng() % 100 < percent)
			ferry_bitmap_set_range(b, i, run);
		i += run;
	}
}

/*
 * Goal: the word-parallel function is the rule, on any input.
 * Method: 3000 random triples of maps, sparse to full, and thresholds from 0 to 120.
 */
static void random_inputs_agree_with_the_rule(void **unused)
{
	const uint32_t percent[] = {51, 0, 1, 25, 50, 75, 99, 100, 120};
	const uint32_t density[] = {1, 5, 30, 70, 100};
	uint32_t grown = 0;

	(void)unused;
	rng_state = 0x51;
	for (uint32_t n = 0; n < 3000; n++) {
		struct ferry_bitmap faulted, resident, valid, want, got;

		random_map(&faulted, density[rng() % 3]);
		random_map(&resident, density[rng() % 4]);
		random_map(&valid, density[1 + rng() % 4]);
		if (n % 2)
			memset(&valid, 0xff, sizeof(valid));
		model(&faulted, &resident, &valid, percent[n % 9], &want);
		ferry_prefetch_region(&faulted, &resident, &valid, percent[n % 9], &got);
		assert_memory_equal(&got, &want, sizeof(got));
		grown += ferry_bitmap_count(&got) > ferry_bitmap_count(&faulted);
	}
	assert_true(grown > 1000);
}

/*
 * Goal: one fault in an empty block brings its 64 KiB and nothing more; in any position.
 * Method: every page.
 */
static void a_lone_fault_brings_its_group(void **unused)
{
	struct ferry_bitmap faulted, none, all, got;

	(void)unused;
	ferry_bitmap_zero(&none);
	memset(&all, 0xff, sizeof(all));
	for (uint32_t page = 0; page < PAGES; page++) {
		ferry_bitmap_zero(&faulted);
		ferry_bitmap_set(&faulted, page);
		ferry_prefetch_region(&faulted, &none, &all, 51, &got);
		assert_uint_equal(ferry_bitmap_count(&got), 16);
		assert_true(ferry_bitmap_range_full(&got, page & ~15u, 16));
	}
}

/*
 * Goal: a stream runs ahead faster and faster: each fault at the end of what is there at most doubles it.
 * Method: fault at the first page that is not resident until the block is full; count the faults.
 */
static void a_stream_fills_a_block_in_a_few_faults(void **unused)
{
	struct ferry_bitmap resident, all, faulted, got;
	uint32_t faults = 0;

	(void)unused;
	ferry_bitmap_zero(&resident);
	memset(&all, 0xff, sizeof(all));
	while (ferry_bitmap_count(&resident) < PAGES) {
		ferry_bitmap_zero(&faulted);
		ferry_bitmap_set(&faulted, ferry_bitmap_next_clear(&resident, 0));
		ferry_prefetch_region(&faulted, &resident, &all, 51, &got);
		assert_false(ferry_bitmap_intersects(&got, &resident));
		ferry_bitmap_or(&resident, &resident, &got);
		faults++;
	}
	assert_uint_equal(faults, 6); /* to 16, 32, 64, 128, 256, 512 */
}

/*
 * Goal: exactly the threshold is not enough, one page more is.
 * Method: a region of 32 valid pages at 50 percent, with 16 and 17 there.
 */
static void more_than_the_threshold_is_needed(void **unused)
{
	struct ferry_bitmap faulted, resident, all, got;

	(void)unused;
	memset(&all, 0xff, sizeof(all));
	ferry_bitmap_zero(&faulted);
	ferry_bitmap_zero(&resident);
	ferry_bitmap_set(&faulted, 0);
	ferry_prefetch_region(&faulted, &resident, &all, 50, &got);
	assert_uint_equal(ferry_bitmap_count(&got), 16);
	ferry_bitmap_set(&resident, 31);
	ferry_prefetch_region(&faulted, &resident, &all, 50, &got);
	assert_uint_equal(ferry_bitmap_count(&got), 31);
	assert_false(ferry_bitmap_test(&got, 31));
}

/*
 * Goal: pages outside the valid ones never come along, though a fault on one is brought.
 * Method: two valid pages; a fault beside them in their group, and one far away.
 */
static void only_valid_pages_come_along(void **unused)
{
	struct ferry_bitmap faulted, resident, valid, got;

	(void)unused;
	ferry_bitmap_zero(&faulted);
	ferry_bitmap_zero(&resident);
	ferry_bitmap_zero(&valid);
	ferry_bitmap_set_range(&valid, 8, 2);
	ferry_bitmap_set(&faulted, 10);
	ferry_bitmap_set(&faulted, 300);
	ferry_prefetch_region(&faulted, &resident, &valid, 51, &got);
	assert_uint_equal(ferry_bitmap_count(&got), 4);
	assert_true(ferry_bitmap_range_full(&got, 8, 3));
	assert_true(ferry_bitmap_test(&got, 300));
}

/*
 * Goal: without a fault nothing comes, however dense the block is; a fault on a resident page is brought.
 * Method: a block that is resident but for one page; then a fault on a resident one.
 */
static void nothing_comes_without_a_fault(void **unused)
{
	struct ferry_bitmap faulted, resident, all, got;

	(void)unused;
	memset(&all, 0xff, sizeof(all));
	resident = all;
	ferry_bitmap_clear(&resident, 77);
	ferry_bitmap_zero(&faulted);
	ferry_prefetch_region(&faulted, &resident, &all, 0, &got);
	assert_true(ferry_bitmap_empty(&got));
	ferry_bitmap_set(&faulted, 400);
	ferry_prefetch_region(&faulted, &resident, &all, 51, &got);
	assert_uint_equal(ferry_bitmap_count(&got), 2);
	assert_true(ferry_bitmap_test(&got, 400) && ferry_bitmap_test(&got, 77));
}

/*
 * Goal: the result may overwrite any of the inputs.
 * Method: each in turn, against a separate result.
 */
static void the_result_may_be_an_input(void **unused)
{
	(void)unused;
	rng_state = 0xa11a5;
	for (uint32_t n = 0; n < 100; n++) {
		struct ferry_bitmap map[3], in[3], want;

		random_map(&in[0], 10);
		random_map(&in[1], 40);
		random_map(&in[2], 90);
		ferry_prefetch_region(&in[0], &in[1], &in[2], 51, &want);
		memcpy(map, in, sizeof(map));
		ferry_prefetch_region(&map[0], &map[1], &map[2], 51, &map[n % 3]);
		assert_memory_equal(&map[n % 3], &want, sizeof(want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_inputs_agree_with_the_rule),
		cmocka_unit_test(a_lone_fault_brings_its_group),
		cmocka_unit_test(a_stream_fills_a_block_in_a_few_faults),
		cmocka_unit_test(more_than_the_threshold_is_needed),
		cmocka_unit_test(only_valid_pages_come_along),
		cmocka_unit_test(nothing_comes_without_a_fault),
		cmocka_unit_test(the_result_may_be_an_input),
	};

	return cmocka_run_group_tests_name("migrate/prefetch", tests, NULL, NULL);
}
