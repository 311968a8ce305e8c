/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* range.c - core/base/range.h and the alignment of include/ferry/types.h, for all 64-bit arguments. */
#include "world.h"
#include "base/range.h"

typedef unsigned __int128 u128;

/* Goal: a range is accepted exactly when it is not empty and ends at or below the limit, counted without wrapping. */
void prove_check(void)
{
	uint64_t start = any_u64(), size = any_u64(), limit = any_u64();
	int err = ferry_range_check(start, size, limit);
	bool fits = size != 0 && (u128)start + size <= limit;

	prove((err == 0) == fits);
	prove(err == 0 || (size == 0 ? err == FERRY_E_RANGE_ZERO : err == FERRY_E_RANGE_OVERFLOW));
}

/* Goal: the same, and both ends on multiples of any power of two. */
void prove_check_aligned(void)
{
	uint64_t start = any_u64(), size = any_u64(), limit = any_u64(), shift = any_u64(), mask;
	int err;

	assume(shift < 64);
	mask = (1ull << shift) - 1;
	err = ferry_range_check_aligned(start, size, limit, 1ull << shift);
	prove((err == 0) == (size != 0 && (u128)start + size <= limit && !(start & mask) && !(size & mask)));
}

/* Goal: two accepted ranges overlap exactly when some byte is in both. Method: the byte, if any, is the later start.
 */
void prove_overlaps(void)
{
	uint64_t a = any_u64(), a_size = any_u64(), b = any_u64(), b_size = any_u64(), limit = any_u64();
	uint64_t byte = any_u64(), later = a > b ? a : b;
	bool both;

	assume(ferry_range_check(a, a_size, limit) == 0 && ferry_range_check(b, b_size, limit) == 0);
	both = byte >= a && byte - a < a_size && byte >= b && byte - b < b_size;
	if (both)
		prove(ferry_range_overlaps(a, a_size, b, b_size));
	if (ferry_range_overlaps(a, a_size, b, b_size))
		prove(later - a < a_size && later - b < b_size);
}

/* Goal: aligning never goes the wrong way, lands on a multiple, and moves by less than the alignment. */
void prove_align(void)
{
	uint64_t v = any_u64(), shift = any_u64(), align, down, up;

	assume(shift < 63);
	align = 1ull << shift;
	down = ferry_align_down(v, align);
	prove(down <= v && v - down < align && (down & (align - 1)) == 0);
	prove(ferry_is_aligned(v, align) == (down == v));
	assume(v <= UINT64_MAX - (align - 1));
	up = ferry_align_up(v, align);
	prove(up >= v && up - v < align && (up & (align - 1)) == 0);
}
