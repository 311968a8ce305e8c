/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * probe.c - small GPU programs for the end-to-end tests of the library, one for each thing a program can do.
 */
#include "ferry/gpu.h"

/* data[i] += value for all i */
FERRY_KERNEL(add, u64 *data, u64 count, u64 value)
{
	FERRY_FOR_GRID(i, count)
		data[i] += value;
}

/* Sum of all words into *sum. */
FERRY_KERNEL(sum, const u64 *data, u64 count, u64 *sum)
{
	u64 mine = 0;

	FERRY_FOR_GRID(i, count)
		mine += data[i];
	ferry_atomic_add64(sum, mine);
}

/* Thread 0 writes where it is told; every other thread writes its number to ok[]. */
FERRY_KERNEL(stray, u64 *ok, u64 *where)
{
	u64 me = ferry_global_id();

	if (me == 0)
		*where = 1;
	else
		ok[me] = me;
}

/* Until *flag is value. */
FERRY_KERNEL(spin, u64 *flag, u64 value)
{
	while (FERRY_ONCE(*flag) != value)
		;
}

FERRY_KERNEL(stop, u64 code)
{
	ferry_trap(code);
}

/* Take turns with the CPU: wait for an odd word, make it even, turns times. */
FERRY_KERNEL(turns, u64 *word, u64 turns)
{
	for (u64 turn = 0; turn < turns; turn++) {
		while (FERRY_ONCE(*word) != 2 * turn + 1)
			;
		ferry_fence();
		FERRY_ONCE(*word) = 2 * turn + 2;
	}
}

/* data[first + i * step] += value for count of them: neighbours in the same page are somebody else's. */
FERRY_KERNEL(add_every, u64 *data, u64 first, u64 step, u64 count, u64 value)
{
	FERRY_FOR_GRID(i, count)
		data[first + i * step] += value;
}

/* Write all the time, for ever. */
FERRY_KERNEL(scribble, u64 *data, u64 count)
{
	for (u64 turn = 1;; turn++)
		FERRY_FOR_GRID(i, count)
			FERRY_ONCE(data[i]) = turn;
}
