/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * random - touch an array in random places, first reading (a checksum per thread), then adding.
 *
 * Pattern: nothing next to anything: 32 pages a warp at worst, and dirty pages all over the place.
 */
#include "ferry/gpu.h"

/* xorshift64; the state is never zero. */
static inline u64 next(u64 x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ (x << 17);
}

/* The places that thread t visits: the same for both kernels. */
static inline u64 start(u64 seed, u64 thread)
{
	return next((seed + thread * 0x9e3779b97f4a7c15ull) | 1);
}

FERRY_KERNEL(random_read, const u64 *data, u64 count, u64 touches, u64 seed, u64 *out)
{
	u64 me = ferry_global_id(), x = start(seed, me), sum = 0;

	for (u64 n = 0; n < touches; n++) {
		sum = sum * 31 + data[x % count];
		x = next(x);
	}
	out[me] = sum;
}

/* Additions commute, so the result does not depend on who comes first. */
FERRY_KERNEL(random_update, u64 *data, u64 count, u64 touches, u64 seed)
{
	u64 x = start(seed, ferry_global_id());

	for (u64 n = 0; n < touches; n++) {
		ferry_atomic_add64(&data[x % count], x);
		x = next(x);
	}
}
