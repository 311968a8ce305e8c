/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mem_test.c - counted memory.
 */
/* TEST-SOURCES: core/base/mem.c */
#include "test/unit/cmocka_compat.h"
#include "base/mem.h"

/*
 * Goal: the counter is the sum of what is held now.
 * Method: objects of many sizes, allocated and freed in another order.
 */
static void the_counter_is_what_is_held(void **unused)
{
	struct ferry_mem mem = {{0}};
	unsigned char *p[40];
	uint64_t sum = 0;

	(void)unused;
	for (size_t i = 0; i < 40; i++) {
		p[i] = ferry_mem_zalloc(&mem, 1 + i * 97);
		assert_non_null(p[i]);
		for (size_t k = 0; k < 1 + i * 97; k++)
			assert_int_equal(p[i][k], 0);
		sum += 1 + i * 97;
		assert_uint_equal(ferry_mem_bytes(&mem), sum);
	}
	for (size_t n = 0; n < 40; n++) {
		size_t i = n * 7 % 40;

		ferry_mem_free(&mem, p[i], 1 + i * 97);
		sum -= 1 + i * 97;
		assert_uint_equal(ferry_mem_bytes(&mem), sum);
	}
	assert_uint_equal(sum, 0);
}

/*
 * Goal: a refused allocation counts nothing, and freeing its NULL neither.
 * Method: fail the next allocation of the host.
 */
static void a_failed_allocation_counts_nothing(void **unused)
{
	struct ferry_mem mem = {{0}};
	void *p;

	(void)unused;
	ferry_user_fail_nth_alloc(1);
	p = ferry_mem_zalloc(&mem, 100);
	assert_null(p);
	assert_uint_equal(ferry_mem_bytes(&mem), 0);
	ferry_mem_free(&mem, p, 100);
	assert_uint_equal(ferry_mem_bytes(&mem), 0);
}

/*
 * Goal: giving back more than was taken is reported.
 * Method: free with a size that is too large.
 */
static void a_wrong_size_is_reported(void **unused)
{
	struct ferry_mem mem = {{0}};
	uint64_t bugs = ferry_user_bug_count();
	void *p = ferry_mem_zalloc(&mem, 100);

	(void)unused;
	ferry_user_bug_is_fatal = 0;
	ferry_mem_free(&mem, p, 101);
	assert_uint_equal(ferry_user_bug_count(), bugs + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_counter_is_what_is_held),
		cmocka_unit_test(a_failed_allocation_counts_nothing),
		cmocka_unit_test(a_wrong_size_is_reported),
	};

	return cmocka_run_group_tests_name("base/mem", tests, NULL, NULL);
}
