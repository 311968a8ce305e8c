/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * pingpong - the GPU's half of a game in which CPU and GPU change the same pages in turn. The CPU's half multiplies,
 * so a turn that is lost, doubled or out of order shows in the result.
 *
 * Pattern: pages go back and forth.
 */
#include "ferry/gpu.h"

FERRY_KERNEL(pingpong, u64 *data, u64 count, u64 round)
{
	FERRY_FOR_BLOCK(i, count)
		data[i] += i + round;
}
