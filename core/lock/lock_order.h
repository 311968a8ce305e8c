/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_order.h - the lock order, outermost first. Written here and nowhere else: the enum, the names, the
 * validator's masks and the table in docs/design/locking.md come from it.
 *
 * A context that holds a row may acquire rows below it only. Kinds: mutex, rw, spin (spin, also from
 * interrupts), sem (may be handed to another context), op (not a lock: an operation that must not run while
 * the rows named in lock_rules.h are held). Rows that no code takes yet are left out until it does.
 *
 *   name            kind   per             taken for                               never while it is held
 */
#ifndef FERRY_LOCK_ORDER_H
#define FERRY_LOCK_ORDER_H

#define FERRY_LOCK_ORDER(x)                                                                                      \
	x(GLOBAL, MUTEX, "driver", "device list, life of VA spaces", "a fault wait")                             \
	x(ISR_SERVICE, SEM, "device", "one servicer of the fault buffer, top half to bottom half", "")           \
	x(VA_SPACE_LIST, RW, "device", "which VA space an address-space id names", "a wait for the GPU")         \
	x(VA_SPACE, RW, "VA space", "ranges and policy", "a device control call in write mode")                  \
	x(LAUNCH, MUTEX, "VA space", "programs, launch slots, order of launches", "a fault wait")                \
	x(DEVICE_CONTROL, MUTEX, "device", "control commands of the device", "VA_SPACE in write mode")           \
	x(BLOCK, MUTEX, "block", "residency, mappings, chunks of a 2 MiB block", "an allocation that may evict") \
	x(PAGE_TREE, MUTEX, "GPU page tree", "GPU page tables", "an allocation that may evict")                  \
	x(CHANNEL, MUTEX, "channel", "ring state: reserve, write, ring the doorbell", "sleeping for a fence")    \
	x(PMM, SPIN, "device", "free bitmaps, tenants by age", "anything that sleeps")                           \
	x(LEAF, SPIN, "object", "what nests nothing", "any other lock")

/* Operations that some rows forbid. They take bits after the rows. */
#define FERRY_LOCK_OPS(x)                                                                                    \
	x(SLEEP, "waiting, or memory that may wait", "PMM, LEAF")                                            \
	x(EVICT, "an allocation that may evict", "BLOCK, PAGE_TREE, CHANNEL, PMM, LEAF")                     \
	x(FAULT_WAIT, "waiting for something that needs a fault served",                                     \
	  "GLOBAL, ISR_SERVICE, VA_SPACE_LIST, VA_SPACE, LAUNCH, DEVICE_CONTROL, BLOCK, PAGE_TREE, CHANNEL") \
	x(FENCE_WAIT, "waiting for a copy engine", "PMM, LEAF")                                              \
	x(USER_COPY, "touching the caller's memory", "BLOCK, PAGE_TREE, CHANNEL, PMM, LEAF")

enum ferry_lock_class {
#define x(name, kind, per, taken, never) FERRY_LOCK_##name,
	FERRY_LOCK_ORDER(x)
#undef x
	FERRY_LOCK_CLASSES
};

enum ferry_lock_op {
	FERRY_LOCK_OP_BEFORE = FERRY_LOCK_CLASSES - 1,
#define x(name, what, denied) FERRY_LOCK_OP_##name,
	FERRY_LOCK_OPS(x)
#undef x
	FERRY_LOCK_BITS
};

_Static_assert(FERRY_LOCK_BITS <= 64, "the held set is one 64-bit mask");

#endif /* FERRY_LOCK_ORDER_H */
