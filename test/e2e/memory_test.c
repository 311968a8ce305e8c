/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * memory_test.c - managed memory through the library: one pointer on both sides, and every bad range refused.
 *
 * TEST-SOURCES:
 */
#include "test/e2e/e2e.h"

#include <sys/mman.h>

/*
 * Goal: one pointer is good on both sides, and memory starts zeroed and aligned.
 * Method: look, have the GPU add, look, have it add again.
 */
static void memory_is_zeroed_aligned_and_shared(void **state)
{
	struct ferry *f = *state;
	const uint64_t count = (1 << 20) / sizeof(uint64_t);
	struct ferry_program *add = e2e_program(f, "add");
	uint64_t *p;

	E2E_OK(ferry_alloc(f, count * sizeof(*p), 0, (void **)&p));
	assert_uint_equal((uintptr_t)p % (2u << 20), 0);
	for (uint64_t i = 0; i < count; i++)
		assert_uint_equal(p[i], 0);
	for (uint64_t round = 1; round <= 3; round++) {
		E2E_OK(e2e_run(f, add, 8, (uintptr_t)p, count, 5));
		for (uint64_t i = 0; i < count; i++)
			assert_uint_equal(p[i], 6 * round - 1);
		for (uint64_t i = 0; i < count; i++)
			p[i]++;
	}
	E2E_OK(ferry_free(f, p));
	E2E_OK(ferry_program_unload(add));
}

/* Goal: more memory than the device has is no problem. Method: four times as much, three passes, every word checked.
 */
static void data_larger_than_the_device_are_right(void **state)
{
	struct ferry *f = *state;
	const uint64_t count = 4 * E2E_VRAM / sizeof(uint64_t);
	struct ferry_program *add = e2e_program(f, "add"), *sum = e2e_program(f, "sum");
	uint64_t evictions = e2e_counter(f, FERRY_COUNTER_evictions);
	uint64_t *p, *total, want = 0;

	E2E_OK(ferry_alloc(f, count * sizeof(*p), 0, (void **)&p));
	E2E_OK(ferry_alloc(f, sizeof(*total), 0, (void **)&total));
	for (uint64_t i = 0; i < count; i++)
		p[i] = i * 0x9e3779b97f4a7c15ull;
	E2E_OK(e2e_run(f, add, 16, (uintptr_t)p, count, 1));
	E2E_OK(e2e_run(f, add, 16, (uintptr_t)p, count, 2));
	E2E_OK(e2e_run(f, sum, 16, (uintptr_t)p, count, (uintptr_t)total));
	for (uint64_t i = 0; i < count; i++) {
		want += i * 0x9e3779b97f4a7c15ull + 3;
		assert_uint_equal(p[i], i * 0x9e3779b97f4a7c15ull + 3);
	}
	assert_uint_equal(*total, want);
	assert_true(e2e_counter(f, FERRY_COUNTER_evictions) > evictions);
	E2E_OK(ferry_free(f, p));
	E2E_OK(ferry_free(f, total));
	E2E_OK(ferry_program_unload(add));
	E2E_OK(ferry_program_unload(sum));
}

/* Goal: no size that makes no sense is given memory. Method: zero, beyond the address space, wrapping; out stays. */
static void senseless_sizes_are_refused(void **state)
{
	struct ferry *f = *state;
	void *p = f;

	E2E_ERROR(RANGE_ZERO, ferry_alloc(f, 0, 0, &p));
	E2E_ERROR(RANGE_OVERFLOW, ferry_alloc(f, SIZE_MAX, 0, &p));
	E2E_ERROR(RANGE_OVERFLOW, ferry_alloc(f, SIZE_MAX - 100, 0, &p));
	E2E_ERROR(RANGE_OVERFLOW, ferry_alloc(f, 1ull << 48, 0, &p));
	E2E_ERROR(REQUEST_FLAGS, ferry_alloc(f, 4096, 0x80, &p));
	assert_ptr_equal(p, f);
}

/* Goal: free takes back what alloc gave, once. Method: twice, in the middle, and what was never ours. */
static void only_what_was_given_can_be_freed(void **state)
{
	struct ferry *f = *state;
	int foreign;
	char *p;

	E2E_OK(ferry_alloc(f, 3 << 20, 0, (void **)&p));
	p[0] = 7;
	E2E_ERROR(RANGE_NOT_START, ferry_free(f, p + 4096));
	E2E_ERROR(RANGE_NOT_START, ferry_free(f, p + (2 << 20)));
	assert_int_equal(ferry_free(f, &foreign), FERRY_E_RANGE_NOT_FOUND);
	assert_int_equal(p[0], 7);
	E2E_OK(ferry_free(f, p));
	E2E_ERROR(RANGE_NOT_FOUND, ferry_free(f, p));
	E2E_OK(ferry_free(f, NULL));
}

/*
 * Goal: a range that is not wholly and exactly managed is refused by every call, and nothing changes.
 * Method: zero, overflowing, sticking out, foreign; by each of the calls that take one. (Unaligned is rounded out.)
 */
static void bad_ranges_are_refused_by_every_call(void **state)
{
	struct ferry *f = *state;
	const size_t bytes = 2 << 20;
	static uint8_t where[4096];
	char *p;

	E2E_OK(ferry_alloc(f, bytes, 0, (void **)&p));
	p[100] = 42;
	for (int call = 0; call < 4; call++) {
		const struct {
			char *base;
			size_t bytes;
			int error;
		} bad[] = {
			{p, 0, FERRY_E_RANGE_ZERO},
			{p, SIZE_MAX & ~4095ull, FERRY_E_RANGE_OVERFLOW},
			{p + (512ull << 20), 4096, FERRY_E_RANGE_NOT_FOUND},
			{p, bytes + 4096, FERRY_E_RANGE_NOT_FOUND},
			{NULL, 4096, FERRY_E_RANGE_NOT_FOUND},
		};

		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			char *b = bad[i].base;
			size_t n = bad[i].bytes;
			int error = call == 0   ? ferry_prefetch(f, b, n, 0)
			            : call == 1 ? ferry_migrate(f, b, n, 0)
			            : call == 2 ? ferry_advise(f, b, n, FERRY_ADVICE_PREFERRED, 0)
			                        : ferry_protect(f, b, n, FERRY_PROT_READ);

			if (error != bad[i].error)
				fail_msg("call %d, range %zu: %s", call, i, ferry_error_name(error));
		}
	}
	E2E_ERROR(RANGE_NOT_FOUND, ferry_residency(f, p + (512ull << 20), 4096, where));
	p[101] = 43;
	assert_int_equal(p[100], 42);
	E2E_OK(ferry_free(f, p));
}

/* Goal: a place that does not exist is refused. Method: device 7 and nonsense, for each call that names a place. */
static void places_that_do_not_exist_are_refused(void **state)
{
	struct ferry *f = *state;
	void *p;

	E2E_OK(ferry_alloc(f, 8192, 0, &p));
	E2E_ERROR(DEVICE_ID, ferry_prefetch(f, p, 8192, 7));
	E2E_ERROR(DEVICE_ID, ferry_migrate(f, p, 8192, 1));
	assert_int_not_equal(ferry_migrate(f, p, 8192, FERRY_WHERE_NONE), 0);
	assert_int_not_equal(ferry_advise(f, p, 8192, FERRY_ADVICE_PREFERRED, 7), 0);
	E2E_ERROR(ADVICE, ferry_advise(f, p, 8192, (enum ferry_advice)99, 0));
	E2E_ERROR(ADVICE, ferry_advise(f, p, 8192, FERRY_ADVICE_READ_MOSTLY, 0));
	E2E_ERROR(INVAL, ferry_protect(f, p, 8192, 0));
	E2E_ERROR(INVAL, ferry_protect(f, p, 8192, 64));
	E2E_OK(ferry_free(f, p));
}

/* Goal: residency tells where pages went. Method: touch, migrate there, touch on the CPU, migrate home. */
static void residency_follows_the_pages(void **state)
{
	struct ferry *f = *state;
	uint8_t where[4];
	char *p;

	E2E_OK(ferry_alloc(f, 4 * E2E_PAGE, 0, (void **)&p));
	memset(p, 3, 4 * E2E_PAGE);
	E2E_OK(ferry_residency(f, p, 4 * E2E_PAGE, where));
	assert_int_equal(where[0] & 3, 1);
	E2E_OK(ferry_migrate(f, p, 4 * E2E_PAGE, 0));
	E2E_OK(ferry_residency(f, p, 4 * E2E_PAGE, where));
	for (int i = 0; i < 4; i++)
		assert_int_equal(where[i] & 2, 2);
	p[E2E_PAGE]++;
	E2E_OK(ferry_residency(f, p, 4 * E2E_PAGE, where));
	assert_int_equal(where[1], 1);
	E2E_OK(ferry_migrate(f, p, 4 * E2E_PAGE, FERRY_WHERE_HOST));
	E2E_OK(ferry_residency(f, p, 4 * E2E_PAGE, where));
	for (int i = 0; i < 4; i++)
		assert_int_equal(where[i], 1);
	assert_int_equal(p[E2E_PAGE], 4);
	assert_int_equal(p[3 * E2E_PAGE], 3);
	E2E_OK(ferry_free(f, p));
}

/*
 * Goal: prefetch to a full device moves what fits, migrate says that it does not fit; nothing is lost.
 * Method: twice the device's memory, marked page by page.
 */
static void a_full_device_is_said_and_loses_nothing(void **state)
{
	struct ferry *f = *state;
	const size_t bytes = 2 * E2E_VRAM;
	char *p;

	E2E_OK(ferry_alloc(f, bytes, 0, (void **)&p));
	for (size_t i = 0; i < bytes; i += E2E_PAGE)
		p[i] = (char)(i >> 12);
	E2E_OK(ferry_prefetch(f, p, bytes, 0));
	/* Evicting its own beginning for its own end would be an answer too, but then not all of it is there. */
	int error = ferry_migrate(f, p, bytes, 0);

	assert_true(error == 0 || error == FERRY_E_PMM_FULL);
	for (size_t i = 0; i < bytes; i += E2E_PAGE)
		assert_int_equal(p[i], (char)(i >> 12));
	E2E_OK(ferry_free(f, p));
}

/* Goal: part of an allocation can be unmapped. Method: cut a hole; the GPU dies in it alone; free takes the rest. */
static void a_hole_made_by_munmap_is_a_hole_for_the_gpu(void **state)
{
	struct ferry *f = *state;
	struct ferry_program *stray = e2e_program(f, "stray");
	struct ferry_result result;
	uint64_t *p;

	E2E_OK(ferry_alloc(f, 4 << 20, 0, (void **)&p));
	char *hole = (char *)p + (1 << 20);

	memset(p, 0, 4 << 20);
	E2E_OK(ferry_prefetch(f, p, 2 << 20, 0));
	assert_int_equal(munmap(hole, 64 << 10), 0);
	assert_int_equal(p[0], 0);
	E2E_ERROR(FAULT_UNMAPPED,
	          ferry_wait(f, 0, e2e_launch(f, stray, 1, (uintptr_t)p, (uintptr_t)hole, 0), E2E_WAIT_NS, &result));
	assert_uint_equal(result.fault_va & ~(E2E_PAGE - 1), (uintptr_t)hole);
	for (uint64_t i = 1; i < 64; i++)
		assert_uint_equal(p[i], i);
	E2E_OK(ferry_free(f, p));
	E2E_OK(ferry_program_unload(stray));
}

/*
 * Goal: a system call may touch memory on the device where the capability says so, and else fails with EFAULT; it
 * never reads anything wrong. Method: write(2) from it into a pipe, read(2) from the pipe into it.
 */
static void system_calls_see_the_right_bytes_or_fail(void **state)
{
	struct ferry *f = *state;
	bool supported;
	char reason[120];
	int pipes[2];
	char *p;

	E2E_OK(ferry_query(f, 0, FERRY_CAPABILITY_SYSCALLS, &supported, reason, sizeof(reason)));
	assert_true(strlen(reason) > 0);
	E2E_OK(ferry_alloc(f, 2 * E2E_PAGE, 0, (void **)&p));
	memset(p, 'x', 2 * E2E_PAGE);
	E2E_OK(ferry_migrate(f, p, 2 * E2E_PAGE, 0));
	assert_int_equal(pipe(pipes), 0);
	ssize_t n = write(pipes[1], p, 100);

	if (supported)
		assert_int_equal(n, 100);
	else if (n < 0)
		assert_int_equal(errno, EFAULT);
	if (n > 0) {
		E2E_OK(ferry_migrate(f, p, 2 * E2E_PAGE, 0));
		ssize_t got = read(pipes[0], p + E2E_PAGE, (size_t)n);

		if (supported)
			assert_int_equal(got, n);
	}
	for (size_t i = 0; i < 2 * E2E_PAGE; i++)
		assert_int_equal(p[i], 'x');
	close(pipes[0]);
	close(pipes[1]);
	E2E_OK(ferry_free(f, p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_shared),
		cmocka_unit_test(data_larger_than_the_device_are_right),
		cmocka_unit_test(senseless_sizes_are_refused),
		cmocka_unit_test(only_what_was_given_can_be_freed),
		cmocka_unit_test(bad_ranges_are_refused_by_every_call),
		cmocka_unit_test(places_that_do_not_exist_are_refused),
		cmocka_unit_test(residency_follows_the_pages),
		cmocka_unit_test(a_full_device_is_said_and_loses_nothing),
		cmocka_unit_test(a_hole_made_by_munmap_is_a_hole_for_the_gpu),
		cmocka_unit_test(system_calls_see_the_right_bytes_or_fail),
	};

	return cmocka_run_group_tests_name("e2e/memory", tests, e2e_open, e2e_close);
}
