/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * reduce - the sum of an array of words, modulo 2^64: *total += sum.
 *
 *     thread sums of a block    s0 s1 s2 s3 s4 s5 s6        n = 7
 *                               s0 s1 s2 s3  <- + s4 s5 s6  n = 4, after a barrier
 *                               s0 s1        <- + s2 s3     n = 2
 *                               s0           <- + s1        then one atomic per block
 *
 * Pattern: a sequential stream of reads; barriers.
 * Needs: partial has one word for each thread of the launch; *total is zero.
 */
#include "ferry/gpu.h"

FERRY_KERNEL(reduce, const u64 *in, u64 count, u64 *partial, u64 *total)
{
	u64 thread = ferry_thread_index(0);
	u64 *mine = partial + ferry_block_index(0) * ferry_block_size(0);
	u64 sum = 0;

	FERRY_FOR_BLOCK(i, count)
		sum += in[i];
	mine[thread] = sum;
	ferry_barrier();

	for (u64 n = ferry_block_size(0); n > 1; n = (n + 1) / 2) {
		if (thread < n / 2)
			mine[thread] += mine[thread + (n + 1) / 2];
		ferry_barrier();
	}
	if (thread == 0)
		ferry_atomic_add64(total, mine[0]);
}
