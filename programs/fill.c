/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fill - write every word of an array: out[i] = mix(seed + i).
 *
 * Pattern: one sequential stream of writes, every page is written whole and never read.
 */
#include "ferry/gpu.h"

/* splitmix64: each word is different, and none depends on another. */
static inline u64 mix(u64 x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

FERRY_KERNEL(fill, u64 *out, u64 count, u64 seed)
{
	FERRY_FOR_BLOCK(i, count)
		out[i] = mix(seed + i);
}
