/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: os-user/os_mem.c */
/*
 * Memory, copies in long runs, atomics, bits, and failures on request.
 */
#include "test/unit/cmocka_compat.h"

#include <stdlib.h>

#include "ferry/os.h"

/*
 * Goal: memory comes zeroed and aligned, also over memory that was dirty. Method: many sizes, twice.
 */
static void memory_is_zeroed_and_aligned(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < 2; round++) {
		for (size_t size = 1; size < 3 << 20; size = size * 3 + 1) {
			unsigned char *p = ferry_os_zalloc(size, 0);

			assert_non_null(p);
			assert_true(ferry_is_aligned((uintptr_t)p, size >= 64 ? 64 : 8));
			for (size_t i = 0; i < size; i++)
				assert_int_equal(p[i], 0);
			memset(p, 0xff, size);
			ferry_os_free(p);
		}
	}
	ferry_os_free(NULL);
}

/*
 * Goal: a size that cannot be had is NULL, not a crash. Method: nearly all of the address space.
 */
static void impossible_sizes_are_refused(void **state)
{
	(void)state;
	assert_null(ferry_os_zalloc(SIZE_MAX - 3, 0));
	if (!FERRY_USER_ASAN && !FERRY_USER_TSAN) /* they end the program */
		assert_null(ferry_os_zalloc(SIZE_MAX / 2, FERRY_OS_ATOMIC));
}

/*
 * Goal: exactly the n-th allocation fails, what is held is counted, and 0 says that it has fired. Method: fail the
 * third; then set and take back.
 */
static void the_nth_allocation_fails(void **state)
{
	uint64_t live = ferry_user_live_allocs();
	void *p[5];

	(void)state;
	assert_uint_equal(ferry_user_fail_nth_alloc(3), 0);
	for (uint32_t i = 0; i < 5; i++)
		p[i] = ferry_os_zalloc(8, 0);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(p[i] == NULL, i == 2);
	assert_uint_equal(ferry_user_live_allocs(), live + 4);
	for (uint32_t i = 0; i < 5; i++)
		ferry_os_free(p[i]);
	assert_uint_equal(ferry_user_live_allocs(), live);
	assert_uint_equal(ferry_user_fail_nth_alloc(7), 0);
	ferry_os_free(ferry_os_zalloc(8, 0));
	assert_uint_equal(ferry_user_fail_nth_alloc(0), 6);
	assert_uint_equal(ferry_user_fail_nth_alloc(0), 0);
}

/*
 * Goal: with many threads exactly one call fails. Method: four threads, 1000 allocations each, the 2000th fails.
 */
static void *allocator_main(void *arg)
{
	uintptr_t failed = 0;

	(void)arg;
	for (uint32_t i = 0; i < 1000; i++) {
		void *p = ferry_os_zalloc(16, 0);

		failed += !p;
		ferry_os_free(p);
	}
	return (void *)failed;
}

static void exactly_one_of_many_threads_fails(void **state)
{
	pthread_t thread[4];
	uintptr_t failed = 0;

	(void)state;
	ferry_user_fail_nth_alloc(2000);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, allocator_main, NULL), 0);
	for (uint32_t i = 0; i < 4; i++) {
		void *n;

		pthread_join(thread[i], &n);
		failed += (uintptr_t)n;
	}
	assert_uint_equal(failed, 1);
	assert_uint_equal(ferry_user_fail_nth_alloc(0), 0);
}

/*
 * Goal: a fault point fires for its own id, at its turn, once; "any" counts them all. Method: two ids.
 */
static void fault_points_fire_for_their_id(void **state)
{
	(void)state;
	assert_false(ferry_os_fault_point(1));
	ferry_user_fail_nth_point(2, 2);
	assert_false(ferry_os_fault_point(1));
	assert_false(ferry_os_fault_point(2));
	assert_false(ferry_os_fault_point(1));
	assert_true(ferry_os_fault_point(2));
	assert_false(ferry_os_fault_point(2));
	ferry_user_fail_nth_point(FERRY_USER_ANY_POINT, 2);
	assert_false(ferry_os_fault_point(5));
	assert_true(ferry_os_fault_point(6));
	ferry_user_fail_nth_point(3, 1);
	assert_uint_equal(ferry_user_fail_nth_point(0, 0), 1);
	assert_false(ferry_os_fault_point(3));
}

/*
 * Goal: copies and fills touch exactly their bytes, at every alignment, short and long. Method: compare with memcpy
 * inside a frame of known bytes.
 */
static void runs_copy_and_zero_exactly_their_bytes(void **state)
{
	static const size_t sizes[] = {0, 1, 63, 4096, 65535, 65536, 65537, 65664, 200001, 2u << 20};
	const size_t room = (2u << 20) + 256;
	unsigned char *src = malloc(room);
	unsigned char *dst = malloc(room);

	(void)state;
	for (size_t i = 0; i < room; i++)
		src[i] = (unsigned char)(i * 7 + i / 251);
	for (size_t s = 0; s < FERRY_ARRAY_SIZE(sizes); s++) {
		for (size_t shift = 0; shift < 80; shift += 13) {
			memset(dst, 0xa5, room);
			ferry_os_copy_run(dst + shift + 1, src + 64 - shift % 64, sizes[s]);
			assert_memory_equal(dst + shift + 1, src + 64 - shift % 64, sizes[s]);
			assert_int_equal(dst[shift], 0xa5);
			assert_int_equal(dst[shift + 1 + sizes[s]], 0xa5);
			ferry_os_zero_run(dst + shift + 1, sizes[s]);
			for (size_t i = 0; i < sizes[s]; i += 1 + i / 64)
				assert_int_equal(dst[shift + 1 + i], 0);
			assert_int_equal(dst[shift], 0xa5);
			assert_int_equal(dst[shift + 1 + sizes[s]], 0xa5);
		}
	}
	free(src);
	free(dst);
}

/*
 * Goal: atomics return the old value and store the new one. Method: each once.
 */
static void atomics_return_the_old_value(void **state)
{
	struct ferry_os_atomic a = {5};
	uint64_t word = 0;

	(void)state;
	assert_uint_equal(ferry_os_fetch_add(&a, 3), 5);
	assert_uint_equal(ferry_os_fetch_or(&a, 0x10), 8);
	assert_uint_equal(ferry_os_xchg(&a, 1), 0x18);
	assert_uint_equal(ferry_os_cmpxchg(&a, 2, 9), 1);
	assert_uint_equal(ferry_os_load_relaxed(&a), 1);
	assert_uint_equal(ferry_os_cmpxchg(&a, 1, 9), 1);
	assert_uint_equal(ferry_os_load_acquire(&a), 9);
	ferry_os_store_release(&a, 4);
	ferry_os_store_relaxed(&a, 6);
	assert_uint_equal(a.v, 6);
	ferry_os_dma_store64(&word, 0x123456789abcdef0ull);
	ferry_os_dma_wmb();
	ferry_os_dma_rmb();
	ferry_os_mb();
	assert_uint_equal(ferry_os_dma_load64(&word), 0x123456789abcdef0ull);
}

/*
 * Goal: bits are counted from the right ends. Method: each single bit, and all.
 */
static void bits_are_counted(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 64; i++) {
		assert_uint_equal(ferry_os_ctz64(1ull << i), i);
		assert_uint_equal(ferry_os_clz64(1ull << i), 63 - i);
		assert_uint_equal(ferry_os_popcount64((1ull << i) - 1), i);
	}
	assert_uint_equal(ferry_os_popcount64(~0ull), 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_and_aligned),
		cmocka_unit_test(impossible_sizes_are_refused),
		cmocka_unit_test(the_nth_allocation_fails),
		cmocka_unit_test(exactly_one_of_many_threads_fails),
		cmocka_unit_test(fault_points_fire_for_their_id),
		cmocka_unit_test(runs_copy_and_zero_exactly_their_bytes),
		cmocka_unit_test(atomics_return_the_old_value),
		cmocka_unit_test(bits_are_counted),
	};

	return cmocka_run_group_tests_name("os-user/os_mem", tests, NULL, NULL);
}
