/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * stencil - one step of a five-point stencil on a grid of 32-bit integers, modulo 2^32:
 *
 *                   north
 *            west   centre   east       out = (4 * centre + north + south + west + east) / 8
 *                   south               what lies outside the grid counts as 0
 *
 * Pattern: three rows are read at once (a halo), another array is written; the next launch swaps the two.
 */
#include "ferry/gpu.h"

FERRY_KERNEL(stencil, const u32 *in, u32 *out, u64 width, u64 height)
{
	u64 count = width * height;

	FERRY_FOR_BLOCK(i, count) {
		u64 x = i % width;
		u32 sum = 4 * in[i];

		if (i >= width)
			sum += in[i - width];
		if (i + width < count)
			sum += in[i + width];
		if (x > 0)
			sum += in[i - 1];
		if (x + 1 < width)
			sum += in[i + 1];
		out[i] = sum / 8;
	}
}
