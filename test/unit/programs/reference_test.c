/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: tools/reference.c */
/*
 * reference_test.c - the CPU's side of each comparison against values worked out by hand or by the C library, so that
 * a mistake shared with the GPU program would show.
 */
#include "test/unit/cmocka_compat.h"

#include <stdlib.h>
#include <string.h>

#include "tools/reference.h"

/*
 * Goal: the generators are the published ones. Method: known values of splitmix64 and FNV-1a.
 */
static void generators_give_published_values(void **unused)
{
	(void)unused;
	assert_uint_equal(ferry_reference_mix(0), 0xe220a8397b1dcdafull);
	assert_uint_equal(ferry_reference_mix(0x9e3779b97f4a7c15ull), 0x6e789e6aa1b965f4ull);
	assert_uint_equal(ferry_reference_checksum("", 0), 0xcbf29ce484222325ull);
	assert_uint_equal(ferry_reference_checksum("foobar", 6), 0x85944171f73967e8ull);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * Goal: sort sorts. Method: against qsort, on random keys of all sizes up to a few, and on many.
 */
static void sort_agrees_with_the_library(void **unused)
{
	static uint32_t keys[5000], scratch[5000], want[5000];

	(void)unused;
	for (uint32_t n = 0; n <= 5000; n = n < 20 ? n + 1 : n * 3 + 1) {
		for (uint32_t i = 0; i < n; i++)
			keys[i] = want[i] = (uint32_t)ferry_reference_mix(n + i) >> (i % 31);
		qsort(want, n, sizeof(want[0]), compare);
		ferry_reference_sort(keys, scratch, n);
		assert_memory_equal(keys, want, n * sizeof(want[0]));
	}
}

/*
 * Goal: counts, sums and a * x + y are right. Method: small cases, with wrap-around and with one rounding.
 */
static void small_sums_are_right(void **unused)
{
	uint64_t bins[256], words[3] = {UINT64_MAX, 2, 5};
	uint32_t x[2] = {0x80000000u, 3}, y[2] = {7, 5};
	float fx[1] = {0x1.000002p0f}, fy[1] = {-0x1.000004p0f};

	(void)unused;
	ferry_reference_histogram((const uint8_t *)"abca\xff", 5, bins);
	assert_uint_equal(bins['a'], 2);
	assert_uint_equal(bins[0xff], 1);
	assert_uint_equal(bins['z'], 0);
	assert_uint_equal(ferry_reference_sum(words, 3), 6);
	ferry_reference_saxpy_i32(2, x, y, 2);
	assert_uint_equal(y[0], 7);
	assert_uint_equal(y[1], 11);
	/* (1 + 2^-23)^2 - (1 + 2^-22) = 2^-46: with two roundings it would be 0. */
	ferry_reference_saxpy_f32(0x1.000002p0f, fx, fy, 1);
	assert_true(fy[0] == 0x1p-46f);
}

/*
 * Goal: matrices multiply in the right order. Method: 1 x 2 times 2 x 2, and a step of the stencil, by hand.
 */
static void matrices_and_stencils_by_hand(void **unused)
{
	const float a[2] = {2, 3}, b[4] = {1, 10, 100, 1000};
	const uint32_t in[6] = {8, 16, 24, 32, 40, 48};
	uint32_t out[6];
	float c[2];

	(void)unused;
	ferry_reference_gemm(a, b, c, 1, 2);
	assert_true(c[0] == 302 && c[1] == 3020);
	ferry_reference_stencil(in, out, 3, 2);
	assert_uint_equal(out[0], (4 * 8 + 16 + 32) / 8);
	assert_uint_equal(out[4], (4 * 40 + 16 + 32 + 48) / 8);
	assert_uint_equal(out[5], (4 * 48 + 24 + 40) / 8);
	ferry_reference_stencil(in, out, 1, 1);
	assert_uint_equal(out[0], 4);
}

/*
 * Goal: levels are distances. Method: a square with a tail, and a vertex nobody reaches.
 */
static void bfs_levels_are_distances(void **unused)
{
	const uint64_t first[7] = {0, 2, 4, 6, 9, 10, 10};
	const uint32_t to[10] = {1, 2, 0, 3, 0, 3, 1, 2, 4, 3};
	uint32_t level[6], queue[6];

	(void)unused;
	ferry_reference_bfs(first, to, 6, 0, level, queue);
	assert_uint_equal(level[0], 0);
	assert_uint_equal(level[1], 1);
	assert_uint_equal(level[2], 1);
	assert_uint_equal(level[3], 2);
	assert_uint_equal(level[4], 3);
	assert_uint_equal(level[5], FERRY_REFERENCE_UNSEEN);
}

/*
 * Goal: chase, random and pingpong do what their headers say. Method: a cycle of two; sums over one word; one round.
 */
static void walks_and_turns_by_hand(void **unused)
{
	const uint64_t nodes[2] = {5ull << 32 | 1, 7ull << 32 | 0};
	uint64_t data[2] = {10, 20}, one = 4;

	(void)unused;
	assert_uint_equal(ferry_reference_chase(nodes, 0, 3), ((5 * 31 + 7) * 31 + 5) * 31 + 1);
	assert_uint_equal(ferry_reference_random_read(&one, 1, 3, 1, 0), (4 * 31 + 4) * 31 + 4);
	ferry_reference_random_update(&one, 1, 0, 1, 0);
	assert_uint_equal(one, 4);
	ferry_reference_random_update(&one, 1, 1, 0, 0);
	/* xorshift64 of 1 */
	assert_uint_equal(one, 4 + 1082269761ull);
	ferry_reference_ping(data, 2, 3);
	ferry_reference_pong(data, 2, 3);
	assert_uint_equal(data[0], 13 * 5 + 3);
	assert_uint_equal(data[1], 24 * 5 + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generators_give_published_values),
		cmocka_unit_test(sort_agrees_with_the_library),
		cmocka_unit_test(small_sums_are_right),
		cmocka_unit_test(matrices_and_stencils_by_hand),
		cmocka_unit_test(bfs_levels_are_distances),
		cmocka_unit_test(walks_and_turns_by_hand),
	};

	return cmocka_run_group_tests_name("programs/reference", tests, NULL, NULL);
}
