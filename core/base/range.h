/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * range.h - half-open byte ranges, checked for overflow.
 */
#ifndef FERRY_RANGE_H
#define FERRY_RANGE_H

#include "ferry/types.h"
#include "ferry/error.h"

/* [start, start + size) is not empty, does not wrap, and ends at or below limit. 0, FERRY_E_RANGE_ZERO/OVERFLOW. */
static inline int ferry_range_check(uint64_t start, uint64_t size_bytes, uint64_t limit)
{
	if (size_bytes == 0)
		return FERRY_E_RANGE_ZERO;
	if (start > limit || size_bytes > limit - start)
		return FERRY_E_RANGE_OVERFLOW;
	return 0;
}

/* As above, and both are multiples of align. */
static inline int ferry_range_check_aligned(uint64_t start, uint64_t size_bytes, uint64_t limit, uint64_t align)
{
	int err = ferry_range_check(start, size_bytes, limit);

	if (err)
		return err;
	if (!ferry_is_aligned(start, align) || !ferry_is_aligned(size_bytes, align))
		return FERRY_E_RANGE_ALIGN;
	return 0;
}

static inline bool ferry_range_overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

#endif /* FERRY_RANGE_H */
