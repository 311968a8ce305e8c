/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * order.c - the lock order and the rules of the operations, as the compiler sees them, for the models: what it prints
 * is order.h there. Rows as numbers, sets of rows as masks.
 */
#include <stdio.h>

#include "lock/lock_order.h"

#define d(row) | 1u << FERRY_LOCK_##row

int main(void)
{
#define x(name, kind, per, taken, never, excl, sub) printf("#define ORDER_%s %d\n", #name, (int)FERRY_LOCK_##name);
	FERRY_LOCK_ORDER(x)
#undef x
#define x(name, what, denied, excl)                                                                                  \
	printf("#define OP_%s_DENIED %u\n#define OP_%s_EXCL %u\n", #name, (0u denied), #name, (0u excl));
	FERRY_LOCK_OPS(x)
#undef x
	_Static_assert(FERRY_LOCK_CLASSES <= 15, "the models keep a set of rows in 15 bits");
	return 0;
}
