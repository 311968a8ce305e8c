/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_fault.c (process host) - failures on request: one countdown per kind.
 */
#include "ferry/os.h"

uint64_t ferry_user_fault_points_on;

static uint64_t alloc_left; /* calls to go until one fails; 0 = off */
static uint64_t wait_left;
static uint64_t point_left;
static uint32_t point_id;

/* Takes one from a countdown. True for exactly the call that takes the last. */
static bool countdown(uint64_t *left)
{
	uint64_t n = __atomic_load_n(left, __ATOMIC_RELAXED);

	while (n && !__atomic_compare_exchange_n(left, &n, n - 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return n == 1;
}

uint64_t ferry_user_fail_nth_alloc(uint64_t n)
{
	return __atomic_exchange_n(&alloc_left, n, __ATOMIC_RELAXED);
}

uint64_t ferry_user_fail_nth_wait(uint64_t n)
{
	return __atomic_exchange_n(&wait_left, n, __ATOMIC_RELAXED);
}

uint64_t ferry_user_fail_nth_point(uint32_t id, uint64_t n)
{
	uint64_t was = __atomic_exchange_n(&point_left, 0, __ATOMIC_RELAXED);

	__atomic_store_n(&point_id, id, __ATOMIC_RELAXED);
	__atomic_store_n(&point_left, n, __ATOMIC_RELEASE);
	__atomic_store_n(&ferry_user_fault_points_on, n != 0, __ATOMIC_RELEASE);
	return was;
}

bool ferry_user_fault_alloc(void)
{
	return countdown(&alloc_left);
}

bool ferry_user_fault_wait(void)
{
	return countdown(&wait_left);
}

bool ferry_user_fault_point(uint32_t id)
{
	uint32_t want = __atomic_load_n(&point_id, __ATOMIC_RELAXED);

	return (want == FERRY_USER_ANY_POINT || want == id) && countdown(&point_left);
}
