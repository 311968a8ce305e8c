/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * chase - follow a chain of indices: each load says where the next one goes.
 *
 *     node, 64 bits     | value (63:32) | next (31:0) |
 *
 * Thread t starts at node t * stride and takes `steps` steps; out[t] is a checksum over the values, in order.
 * Pattern: dependent loads, so each thread waits for one page at a time.
 */
#include "ferry/gpu.h"

FERRY_KERNEL(chase, const u64 *nodes, u64 stride, u64 steps, u64 *out, u64 threads)
{
	u64 me = ferry_global_id(), at = me * stride, sum = 0;

	if (me >= threads)
		return;
	for (u64 s = 0; s < steps; s++) {
		u64 node = nodes[at];

		sum = sum * 31 + (node >> 32);
		at = node & 0xffffffff;
	}
	out[me] = sum * 31 + at;
}
