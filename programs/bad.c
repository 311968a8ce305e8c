/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bad - one thread touches what it must not; all others do their work: out[i] = i + 1.
 *
 * The GPU must end that thread alone, at that very access: out[victim] stays as it was.
 */
#include "ferry/gpu.h"

/* wild: an address that is not managed memory. */
FERRY_KERNEL(bad_read, u64 *out, u64 count, const u64 *wild, u64 victim)
{
	FERRY_FOR_GRID(i, count)
		out[i] = i + 1 + (i == victim ? FERRY_ONCE(*wild) : 0);
}

/* locked: count words that the GPU may read (they are all 1) and must not write. */
FERRY_KERNEL(bad_write, u64 *out, u64 count, u64 *locked, u64 victim)
{
	FERRY_FOR_GRID(i, count) {
		if (i == victim)
			FERRY_ONCE(locked[i]) = 2;
		out[i] = i + FERRY_ONCE(locked[i]);
	}
}
