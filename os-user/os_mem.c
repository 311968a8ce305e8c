/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_mem.c (process host) - memory of the driver's own.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>

#include "ferry/os.h"

#define CACHE_LINE 64u

static uint64_t live_allocs;

void *ferry_user_zalloc(size_t size_bytes)
{
	size_t rounded = (size_bytes + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	void *p;

	if (!FERRY_ASSERT(size_bytes > 0) || rounded < size_bytes || ferry_user_fault_alloc())
		return NULL;
	if (size_bytes < CACHE_LINE) {
		p = calloc(1, size_bytes);
	} else {
		p = aligned_alloc(CACHE_LINE, rounded);
		if (p)
			memset(p, 0, size_bytes);
	}
	if (p)
		__atomic_fetch_add(&live_allocs, 1, __ATOMIC_RELAXED);
	return p;
}

void ferry_user_free(void *p)
{
	if (!p)
		return;
	__atomic_fetch_sub(&live_allocs, 1, __ATOMIC_RELAXED);
	free(p);
}

uint64_t ferry_user_live_allocs(void)
{
	return __atomic_load_n(&live_allocs, __ATOMIC_RELAXED);
}
