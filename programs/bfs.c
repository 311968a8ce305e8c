/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bfs - one level of a breadth-first search over a graph in CSR form; the host launches it until a level is empty.
 *
 *     first    [0 2 5 5 ...]            vertex v has the edges [first[v], first[v + 1]) of
 *     to       [1 2  0 2 3  ...]        the vertices they lead to
 *     level    [0 1 1 - ...]            distance from the source, BFS_UNSEEN (all ones) where not reached yet
 *     frontier [1 2 ...]                vertices of this level;  next: those of the level after it, in any order
 *
 * Pattern: data-dependent, random; CPU and GPU hand over after every level.
 * Arguments: first, to, level, frontier, next, count (of next: zero before), vertices in frontier, their level.
 */
#include "ferry/gpu.h"

#define BFS_UNSEEN 0xffffffffu

FERRY_KERNEL_ARGS(bfs, 8, const u64 *first, const u32 *to, u32 *level, const u32 *frontier, u32 *next)
{
	u64 *count = (u64 *)ferry_arg(5);
	u64 vertices = ferry_arg(6);
	u32 found = (u32)ferry_arg(7) + 1;

	FERRY_FOR_GRID(i, vertices) {
		u64 v = frontier[i], end = first[v + 1];

		for (u64 e = first[v]; e < end; e++) {
			u32 w = to[e];

			/* Look before the atomic: most edges lead back. Of several threads that see it unseen one
			 * wins. */
			if (FERRY_ONCE(level[w]) != BFS_UNSEEN)
				continue;
			if (ferry_atomic_cmpxchg32(&level[w], BFS_UNSEEN, found) == BFS_UNSEEN)
				next[ferry_atomic_fetch_add64(count, 1)] = w;
		}
	}
}
