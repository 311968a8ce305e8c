/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_check.h - the check of the lock order: the held set of a context, and what it allows.
 *
 * Words:  note = the context learns that it holds a lock; drop = it forgets it. Neither touches the lock itself:
 *         lock.h pairs them with the host's lock. Slow = out of line: whatever is not the common case.
 * Shapes: held has two bits per class: bit c = a lock of class c is held, bit 32 + c = and exclusively. The stack
 *         remembers which lock set which bits, and where in the source, newest last.
 *
 *                        exclusive           held
 *                        ...BLOCK VA_SPACE.. ...CHANNEL PAGE_TREE BLOCK ... VA_SPACE ...
 *     held                   1       0            0        0       1          1            a block, a VA space to
 * read rule of CHANNEL        0       0            1        0       0          0            and all later rows AND 0
 * in order
 *
 *         Two bits are no classes: bit 30 = this context is an interrupt, which the rule of everything that sleeps
 *         refuses; bit 31 = this context is watched: every rule has it, so that its acquires take the slow path.
 * Cost:   a note is a load through the lock, an AND, a push; a drop is a compare and a pop: docs/design/locking.md
 *         has the instructions. All else (a wrong order, a lock released out of turn, a full stack) is in
 *         lock_check.c.
 * Locking: a context belongs to one flow of control; nothing here is shared.
 * Source: the mask form of a lock-order check; measured in docs/design/locking.md.
 */
#ifndef FERRY_LOCK_CHECK_H
#define FERRY_LOCK_CHECK_H

#include "ferry/os.h"
#include "lock/lock_order.h"

#define FERRY_LOCK_DEPTH 14u

/* What every lock begins with. */
struct ferry_lock {
	const struct ferry_lock_row *row;
	uint32_t alive; /* a number that only a lock at this address has, from init to fini */
	uint32_t order; /* among locks of its class, where the table says ID; 0: none */
};

struct ferry_lock_entry {
	const struct ferry_lock *lock;
	uint64_t bits;    /* what it set in held; FERRY_LOCK_SLOW besides if leaving is more than that */
	const char *file; /* where it was acquired */
	uint32_t where;   /* line, FERRY_LOCK_FLAG_*, and from bit 24 on the level */
	uint32_t index;   /* of a bit lock; else, of a lock that is watched, when it was had */
};

struct ferry_ctx {
	uint64_t held;
	const struct ferry_os_atomic *rules; /* ferry_lock_rules, or those of a book: lock_book.h */
	uint32_t depth;
	uint32_t violations;
	uint32_t unnoted; /* locks that did not fit the stack */
	struct ferry_lock_entry stack[FERRY_LOCK_DEPTH];
};

#define FERRY_LOCK_EXCL_SHIFT 32u
#define FERRY_LOCK_SHARED 1ull
#define FERRY_LOCK_EXCLUSIVELY (1ull | 1ull << FERRY_LOCK_EXCL_SHIFT)
#define FERRY_LOCK_IRQ (1ull << 30)
#define FERRY_LOCK_WATCH (1ull << 31)
#define FERRY_LOCK_SLOW (1ull << 63)

#define FERRY_LOCK_ALL ((1ull << FERRY_LOCK_CLASSES) - 1)

_Static_assert(FERRY_LOCK_CLASSES <= 30, "two bits a class, and the two that are none");

#define FERRY_LOCK_LINE 0xffffu
#define FERRY_LOCK_FLAG_TRIED 0x10000u     /* acquired without waiting: the order does not matter */
#define FERRY_LOCK_FLAG_UNORDERED 0x20000u /* and it was not in order: its release need not nest */
#define FERRY_LOCK_FLAG_PHANTOM 0x40000u   /* the host's lock was not taken for this entry, and is not released */
#define FERRY_LOCK_FLAG_BIT 0x80000u       /* a bit lock: index says which */
#define FERRY_LOCK_FLAG_TIMED 0x100000u    /* index says since when */
#define FERRY_LOCK_LEVEL_SHIFT 24u
#define FERRY_LOCK_LEVEL_MAX 255u

/* What refuses a class, or an operation: bits as in held. Classes, then operations. */
extern const struct ferry_os_atomic ferry_lock_rules[FERRY_LOCK_BITS];

/*
 * A class as its locks point to it: what the verbs need, computed. (With an index instead, a kernel that checks
 * indices and shifts would do so at every verb, for a number that nobody can change.)
 */
struct ferry_lock_row {
	uint64_t denied;    /* what refuses it: its word of ferry_lock_rules */
	uint64_t shared;    /* what it sets in held */
	uint64_t exclusive; /* the same, held exclusively */
	uint32_t offset;    /* of its word among the rules of a context, in bytes */
	uint8_t lock_class;
	uint8_t suborder; /* enum ferry_lock_suborder */
};
extern const struct ferry_lock_row ferry_lock_rows[FERRY_LOCK_CLASSES];

/* Where in the source a verb was used: reports name it. */
#define FERRY_LOCK_HERE __FILE__, __LINE__
#define FERRY_LOCK_COLD __attribute__((__cold__, __noinline__))

/*
 * The slow paths. They report and count, then do what was asked as far as the stack can hold it. where: line and
 * flags. note: false = the very same lock is held at least so strongly already: the host's is not to be taken, it
 * would wait for itself. drop: what is to be released, FERRY_LOCK_SHARED or EXCLUSIVELY (the mode it is held in);
 * 0 = nothing, this context does not hold it.
 */
FERRY_LOCK_COLD bool ferry_lock_note_slow(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t bits,
                                          const char *file, uint32_t where, uint32_t index);
FERRY_LOCK_COLD uint64_t ferry_lock_drop_slow(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t bits,
                                              const char *file, uint32_t where, uint32_t index);
/* A violation that is none of the order: "CLASS did (site)", and all that is held. file0 may be NULL. */
FERRY_LOCK_COLD void ferry_lock_report(struct ferry_ctx *ctx, const struct ferry_lock *lock, const char *did,
                                       const char *file0, uint32_t line0, const char *file, uint32_t line);

/* Entry i of the stack. The callers have compared i with the depth: a second check would be the compiler's. */
static inline struct ferry_lock_entry *ferry_lock_entry(struct ferry_ctx *ctx, uint32_t i)
{
	struct ferry_lock_entry *stack = ctx->stack;

	return stack + i;
}

static inline uint64_t ferry_lock_rule(const struct ferry_ctx *ctx, uint32_t offset)
{
	return ferry_os_load_relaxed((const struct ferry_os_atomic *)((const char *)ctx->rules + offset));
}

static inline void ferry_lock_push(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t bits,
                                   const char *file, uint32_t where)
{
	struct ferry_lock_entry *e = ferry_lock_entry(ctx, ctx->depth++);

	e->lock = lock;
	e->bits = bits;
	e->file = file;
	e->where = where;
	ctx->held |= bits;
}

/*
 * Before a lock is waited for: true = noted. false = not yet, something is unusual: the slow half of the verb goes
 * on. bits: the row's shared or exclusive.
 */
static inline bool ferry_lock_note(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t bits,
                                   const char *file, uint32_t line)
{
	if (__builtin_expect(
		    (ctx->held & ferry_lock_rule(ctx, lock->row->offset)) != 0 || ctx->depth == FERRY_LOCK_DEPTH, 0))
		return false;
	ferry_lock_push(ctx, lock, bits, file, line);
	return true;
}

/* After a successful try: interrupts may. */
static inline bool ferry_lock_note_try(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t bits,
                                       const char *file, uint32_t line)
{
	if (__builtin_expect((ctx->held & ~FERRY_LOCK_IRQ & ferry_lock_rule(ctx, lock->row->offset)) != 0 ||
	                             ctx->depth == FERRY_LOCK_DEPTH,
	                     0))
		return false;
	ferry_lock_push(ctx, lock, bits, file, line);
	return true;
}

/* A lock that is held exclusively is held shared from now on. false: it was not, and is left alone. */
bool ferry_lock_downgrade(struct ferry_ctx *ctx, const struct ferry_lock *lock, const char *file, uint32_t line);

/* Before a lock is let go: true = dropped. false = not yet, it is not the newest: the slow half goes on. */
static inline bool ferry_lock_drop(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t bits)
{
	uint32_t top = ctx->depth - 1;
	const struct ferry_lock_entry *e = ferry_lock_entry(ctx, top);

	if (__builtin_expect(top >= FERRY_LOCK_DEPTH || e->lock != lock || e->bits != bits, 0))
		return false;
	ctx->depth = top;
	ctx->held ^= bits;
	return true;
}

/* The same for the lock below the newest, which stays. */
static inline bool ferry_lock_drop_under(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t bits)
{
	uint32_t under = ctx->depth - 2;
	struct ferry_lock_entry *e = ferry_lock_entry(ctx, under);

	if (__builtin_expect(under >= FERRY_LOCK_DEPTH - 1 || e->lock != lock || e->bits != bits, 0))
		return false;
	e[0] = e[1];
	ctx->depth = under + 1;
	ctx->held ^= bits;
	return true;
}

#endif /* FERRY_LOCK_CHECK_H */
