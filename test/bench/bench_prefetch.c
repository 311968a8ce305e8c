/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bench_prefetch.c - the density rule on one block: ns per block, against the same rule page by page.
 */
#include <string.h>

#include "migrate/prefetch.h"
#include "test/bench/bench.h"

#define ROUNDS 15u
#define BLOCKS 2000u
#define INPUTS 64u

static struct ferry_bitmap faulted[INPUTS], resident[INPUTS], valid[INPUTS];
static uint64_t rng_state = 88172645463325252ull;

static uint32_t rng(uint32_t below)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (uint32_t)(rng_state % below);
}

/* The rule with a walk per region, as a reader would write it first. */
static void by_page(const struct ferry_bitmap *f, const struct ferry_bitmap *r, const struct ferry_bitmap *v,
                    struct ferry_bitmap *out)
{
	struct ferry_bitmap chosen;

	ferry_bitmap_zero(&chosen);
	for (uint32_t size = 16; size <= FERRY_BLOCK_PAGES; size *= 2) {
		for (uint32_t first = 0; first < FERRY_BLOCK_PAGES; first += size) {
			uint32_t faults = 0, have = 0, all = 0;

			for (uint32_t i = first; i < first + size; i++) {
				bool there = ferry_bitmap_test(f, i) || ferry_bitmap_test(r, i) ||
				             ferry_bitmap_test(&chosen, i);

				faults += ferry_bitmap_test(f, i);
				all += ferry_bitmap_test(v, i);
				have += there && ferry_bitmap_test(v, i);
			}
			if (!faults || (size > 16 && have * 100 <= all * 51))
				continue;
			for (uint32_t i = first; i < first + size; i++) {
				if (ferry_bitmap_test(v, i))
					ferry_bitmap_set(&chosen, i);
			}
		}
	}
	ferry_bitmap_andnot(&chosen, &chosen, r);
	ferry_bitmap_or(out, &chosen, f);
}

/* count faults, in a row or scattered; resident_percent of the other pages are there. */
static void fill(uint32_t count, bool in_a_row, uint32_t resident_percent, bool holes)
{
	for (uint32_t k = 0; k < INPUTS; k++) {
		ferry_bitmap_zero(&faulted[k]);
		ferry_bitmap_zero(&resident[k]);
		memset(&valid[k], 0xff, sizeof(valid[k]));
		if (in_a_row)
			ferry_bitmap_set_range(&faulted[k], rng(FERRY_BLOCK_PAGES - count + 1), count);
		for (uint32_t i = 0; !in_a_row && i < count; i++)
			ferry_bitmap_set(&faulted[k], rng(FERRY_BLOCK_PAGES));
		for (uint32_t i = 0; i < FERRY_BLOCK_PAGES; i++) {
			if (rng(100) < resident_percent)
				ferry_bitmap_set(&resident[k], i);
			if (holes && rng(10) == 0)
				ferry_bitmap_clear(&valid[k], i);
		}
		ferry_bitmap_andnot(&resident[k], &resident[k], &faulted[k]);
	}
}

static void bench_input(const char *id, const char *target)
{
	double ours[ROUNDS], peer[ROUNDS];
	struct ferry_bitmap a, b;

	for (uint32_t k = 0; k < INPUTS; k++) {
		ferry_prefetch_region(&faulted[k], &resident[k], &valid[k], 51, &a);
		by_page(&faulted[k], &resident[k], &valid[k], &b);
		if (!ferry_bitmap_equal(&a, &b))
			exit(1);
	}
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint64_t t0 = bench_now_ns(), t1, t2;

		for (uint32_t n = 0; n < BLOCKS; n++) {
			uint32_t k = n % INPUTS;

			ferry_prefetch_region(&faulted[k], &resident[k], &valid[k], 51, &a);
			bench_keep(&a);
		}
		t1 = bench_now_ns();
		for (uint32_t n = 0; n < BLOCKS / 20; n++) {
			uint32_t k = n % INPUTS;

			by_page(&faulted[k], &resident[k], &valid[k], &b);
			bench_keep(&b);
		}
		t2 = bench_now_ns();
		ours[round] = (double)(t1 - t0) / BLOCKS;
		peer[round] = (double)(t2 - t1) / (BLOCKS / 20);
	}
	bench_print(&(struct bench_row){.id = id,
	                                .unit = "ns",
	                                .ours = bench_median(ours, ROUNDS),
	                                .peer = bench_median(peer, ROUNDS),
	                                .peer_name = "page-by-page",
	                                .target = target});
}

int main(void)
{
	fill(1, false, 0, false);
	bench_input("prefetch-1-fault-empty", "ours<=40");
	fill(8, true, 25, false);
	bench_input("prefetch-8-in-a-row", "ours<=40");
	fill(32, false, 33, false);
	bench_input("prefetch-32-random", "ours<=40");
	fill(64, true, 0, false);
	bench_input("prefetch-64-in-a-row", "ours<=40");
	fill(256, false, 0, false);
	bench_input("prefetch-256-random", "ours<=40");
	fill(32, false, 33, true);
	bench_input("prefetch-32-random-holes", NULL);
	return 0;
}
