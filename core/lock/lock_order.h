/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_order.h - the lock order, outermost first. Written here and nowhere else: the enum, the names, the
 * validator's masks and the tables in docs/design/locking.md come from it.
 *
 * A context that holds a row may acquire rows below it only. Kinds: mutex, rw, spin (spin, also from interrupts;
 * always the last rows), sem (may be handed to another context), csem (counts), bits (a lock per bit of an array).
 * Operations are no locks: they must not run while certain rows are held. Rows that no code takes yet are left out
 * until it does.
 *
 * Two locks of one row are never held together (NONE), or only in the order that the row declares: each next one has
 * a larger number, given to the lock when it was made (ID; the index of a bit lock is one) or to the acquire (LEVEL).
 */
#ifndef FERRY_LOCK_ORDER_H
#define FERRY_LOCK_ORDER_H

/* Two tables, laid out as such. */
/* clang-format off */

/*
 *	  name            kind   per              taken for
 *	  never while it is held
 *	  d(ROW) ...: rows under which it is refused when they are held exclusively, though the order allows it
 *	  how two of them may be held: NONE, ID, LEVEL
 */
#define FERRY_LOCK_ORDER(x)                                                                              \
	x(GLOBAL,         MUTEX, "driver",        "device list, life of VA spaces",                      \
	  "a fault wait", , NONE)                                                                        \
	x(LAUNCH,         MUTEX, "VA space",      "programs, launch slots, order of launches",           \
	  "a fault wait; the caller's memory", , NONE)                                                   \
	x(ISR_SERVICE,    SEM,   "device",        "one servicer of the fault buffer, top half to bottom half", \
	  "a fault wait", , NONE)                                                                        \
	x(VA_SPACE_LIST,  RW,    "device",        "which VA space an address-space id names",            \
	  "a fault wait", , NONE)                                                                        \
	x(VA_SPACE,       RW,    "VA space",      "ranges and policy",                                   \
	  "a device control call in write mode; a fault wait; the caller's memory", , NONE)              \
	x(DEVICE_CONTROL, MUTEX, "device",        "control commands of the device",                      \
	  "a fault wait; the caller's memory", d(VA_SPACE), NONE)                                        \
	x(BLOCK,          MUTEX, "block",         "residency, mappings, chunks of a 2 MiB block",        \
	  "an allocation that may evict; a fault wait; the caller's memory", , NONE)                     \
	x(PAGE_TREE,      MUTEX, "GPU page tree", "GPU page tables",                                     \
	  "an allocation that may evict; a fault wait; the caller's memory", , NONE)                     \
	x(EXTERNAL,       MUTEX, "VA space",      "device mappings of registered memory, what was revoked of it", \
	  "an allocation the host may wait for: it may ask for pages back, which takes this row", , NONE) \
	x(CHANNEL,        MUTEX, "channel",       "ring state: reserve, write, ring the doorbell",       \
	  "an allocation, as above; any wait for the GPU; the caller's memory", , NONE)                  \
	x(PMM,            SPIN,  "device",        "free bitmaps, tenants by age",                        \
	  "anything that sleeps", , NONE)                                                                \
	x(LEAF,           SPIN,  "object",        "what nests nothing",                                  \
	  "any other lock; anything that sleeps", , NONE)

/*
 * Operations that some rows forbid. They take numbers after the rows.
 *     x(name, what it is, d(ROW) ..., d(ROW) ...)
 *         refused while one of the first rows is held, or one of the second exclusively
 * Who expands a table that lists rows defines d() too: as a bit for the masks, as a word for a text.
 *
 * A wait is refused under every row that whoever ends it may need: nearly all of them are needed to serve a
 * fault. The caller's memory may be managed: touching it can take a CPU fault, which takes VA_SPACE and on. A control
 * call may wait for faults to be served, too; service passes writers that wait for VA_SPACE (va_lock.h), so who reads
 * it is not in the way.
 */
#define FERRY_LOCK_OPS(x)                                                                               \
	x(SLEEP,      "waiting, or memory that may wait",                                               \
	  d(PMM) d(LEAF), )                                                                             \
	x(RECLAIM,    "memory that the host may have to take from somebody",                            \
	  d(EXTERNAL) d(CHANNEL) d(PMM) d(LEAF), )                                                      \
	x(EVICT,      "an allocation that may evict",                                                   \
	  d(BLOCK) d(PAGE_TREE) d(EXTERNAL) d(CHANNEL) d(PMM) d(LEAF), )                                \
	x(FAULT_WAIT, "waiting for something that needs a fault served",                                \
	  d(GLOBAL) d(ISR_SERVICE) d(VA_SPACE_LIST) d(VA_SPACE) d(LAUNCH) d(DEVICE_CONTROL)             \
	  d(BLOCK) d(PAGE_TREE) d(EXTERNAL) d(CHANNEL) d(PMM) d(LEAF), )                                \
	x(CONTROL,    "a control call, which may wait for faults to be served",                         \
	  d(ISR_SERVICE) d(VA_SPACE_LIST) d(BLOCK) d(PAGE_TREE) d(EXTERNAL) d(CHANNEL) d(PMM) d(LEAF),  \
	  d(VA_SPACE))                                                                                  \
	x(FENCE_WAIT, "waiting for a copy engine",                                                      \
	  d(CHANNEL) d(PMM) d(LEAF), )                                                                  \
	x(USER_COPY,  "touching the caller's memory",                                                   \
	  d(VA_SPACE) d(LAUNCH) d(DEVICE_CONTROL) d(BLOCK) d(PAGE_TREE) d(EXTERNAL) d(CHANNEL)          \
	  d(PMM) d(LEAF), )

enum ferry_lock_class {
#define x(name, kind, per, taken, never, excl, sub) FERRY_LOCK_##name,
	FERRY_LOCK_ORDER(x)
#undef x
	FERRY_LOCK_CLASSES
};

enum ferry_lock_suborder { FERRY_LOCK_SUB_NONE, FERRY_LOCK_SUB_ID, FERRY_LOCK_SUB_LEVEL };

enum ferry_lock_op {
	FERRY_LOCK_OP_BEFORE = FERRY_LOCK_CLASSES - 1,
#define x(name, what, denied, excl) FERRY_LOCK_OP_##name,
	FERRY_LOCK_OPS(x)
#undef x
	FERRY_LOCK_BITS
};
/* clang-format on */

#endif /* FERRY_LOCK_ORDER_H */
