/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * histogram - how often each byte value occurs: bins[v] += occurrences of v.
 *
 *     input   | share of block 0 | share of block 1 | ...         read once, 8 bytes a load
 *                     |                  |
 *     scratch   256 counters of      256 counters of              atomics, but no two blocks on one line
 *               block 0              block 1
 *                     \__________________/
 *     bins                256 sums                                one atomic per block and bin
 *
 * Pattern: a sequential stream of reads, and a few hot pages of atomics.
 * Needs: words begins at a multiple of 8; bins is zero; scratch has 256 counters for each block of the grid;
 * no block's share reaches 4 GiB.
 */
#include "ferry/gpu.h"

#define BINS 256u

FERRY_KERNEL(histogram, const u64 *words, u64 bytes, u32 *scratch, u64 *bins)
{
	u32 *mine = scratch + ferry_block_index(0) * BINS;
	u64 thread = ferry_thread_index(0), threads = ferry_block_size(0), count = bytes / 8;

	for (u64 b = thread; b < BINS; b += threads)
		mine[b] = 0;
	ferry_barrier();

	FERRY_FOR_BLOCK(i, count) {
		u64 word = words[i];

#pragma unroll
		for (u32 k = 0; k < 8; k++) {
			ferry_atomic_add32(&mine[word & 0xff], 1);
			word >>= 8;
		}
	}
	if (ferry_block_index(0) == 0 && thread < bytes % 8)
		ferry_atomic_add32(&mine[((const u8 *)words)[count * 8 + thread]], 1);
	/* A block of fewer than 8 threads has some of the rest left over. */
	if (ferry_block_index(0) == 0 && thread == 0)
		for (u64 k = threads; k < bytes % 8; k++)
			ferry_atomic_add32(&mine[((const u8 *)words)[count * 8 + k]], 1);
	ferry_barrier();

	for (u64 b = thread; b < BINS; b += threads)
		if (mine[b])
			ferry_atomic_add64(&bins[b], mine[b]);
}
