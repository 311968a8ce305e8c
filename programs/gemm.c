/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * gemm - c += a * b for rows [k0, k1) of b: a is m x n, b is n x n, c is m x n, all row by row, of 32-bit floats.
 *
 *              n                  n                  n
 *         +---------+        +---------+        +---------+
 *       m |   |##|  |  x   k0|#########|  +=  m |    c    |      launch by launch, k0..k1 sweeps down b
 *         +---------+      k1|         |        +---------+
 *             k0 k1          +---------+
 *
 * One launch reads a contiguous piece of b, as large as device memory likes, and all of c; so b is streamed once
 * however large it is, and each element of c sees its products in the order k = 0, 1, 2, ...
 *
 * Pattern: reuse; a column of a (stride n), a row of b (coalesced).
 * Launch: two dimensions, x over columns of c, y over rows.
 */
#include "ferry/gpu.h"

FERRY_KERNEL_ARGS(gemm, 7, const f32 *a, const f32 *b, f32 *c, u64 m, u64 n)
{
	u64 k0 = ferry_arg(5), k1 = ferry_arg(6);
	u64 column = ferry_block_index(0) * ferry_block_size(0) + ferry_thread_index(0);
	u64 row = ferry_block_index(1) * ferry_block_size(1) + ferry_thread_index(1);
	const f32 *left, *right;
	f32 sum;

	if (row >= m || column >= n)
		return;
	left = a + row * n;
	right = b + k0 * n + column;
	sum = c[row * n + column];
	for (u64 k = k0; k < k1; k++) {
		sum = ferry_f32_fma(left[k], *right, sum);
		right += n;
	}
	c[row * n + column] = sum;
}
