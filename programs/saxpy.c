/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * saxpy - y = a * x + y, in 32-bit integers (modulo 2^32) and in 32-bit floats (one rounding).
 *
 * Pattern: a stream of reads, and one of reads followed by writes to the same page.
 */
#include "ferry/gpu.h"

FERRY_KERNEL(saxpy_i32, const u32 *x, u32 *y, u64 count, u64 a)
{
	FERRY_FOR_BLOCK(i, count)
		y[i] += (u32)a * x[i];
}

/* a_bits: the bits of the float a. */
FERRY_KERNEL(saxpy_f32, const f32 *x, f32 *y, u64 count, u64 a_bits)
{
	f32 a = ferry_f32_from_bits(a_bits);

	FERRY_FOR_BLOCK(i, count)
		y[i] = ferry_f32_fma(a, x[i], y[i]);
}
