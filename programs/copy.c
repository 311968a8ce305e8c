/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * copy - out = in, any number of bytes. Both arrays begin at multiples of 8.
 *
 * Pattern: two sequential streams, one read and one written.
 */
#include "ferry/gpu.h"

FERRY_KERNEL(copy, const u64 *in, u64 *out, u64 bytes)
{
	u64 words = bytes / 8;

	FERRY_FOR_BLOCK(i, words)
		out[i] = in[i];
	/* The rest, fewer than 8 bytes. */
	FERRY_FOR_GRID(k, bytes % 8)
		((u8 *)out)[words * 8 + k] = ((const u8 *)in)[words * 8 + k];
}
