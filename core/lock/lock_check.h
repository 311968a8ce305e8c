/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_check.h - the check of the lock order: the held set of a context, and what it allows.
 *
 * Words:  note = the context learns that it holds a lock; drop = it forgets it. Neither touches the lock itself:
 *         lock.h pairs them with the host's lock.
 * Shapes: held has two bits per class: bit c = a lock of class c is held, bit 32 + c = and exclusively. The stack
 *         remembers which lock set which bits, newest last.
 *
 *                        exclusive           held
 *                        ...BLOCK VA_SPACE.. ...CHANNEL PAGE_TREE BLOCK ... VA_SPACE ...
 *     held                   1       0            0        0       1          1            a block, a VA space to
 * read rule of CHANNEL        0       0            1        0       0          0            and all later rows AND 0
 * in order
 *
 * Cost:   a note is a load through the lock, an AND, a push; a drop is a compare and a pop: 32 instructions the
 *         pair. All else (a wrong order, a lock released out of turn, a full stack) is in lock_check.c.
 * Locking: a context belongs to one flow of control; nothing here is shared.
 * Source: the mask form of a lock-order check; measured in docs/design/locking.md.
 */
#ifndef FERRY_LOCK_CHECK_H
#define FERRY_LOCK_CHECK_H

#include "ferry/os.h"
#include "lock/lock_order.h"

#define FERRY_LOCK_DEPTH 14u

struct ferry_lock_entry {
	const void *lock;
	uint64_t bits; /* what it set in held; FERRY_LOCK_AGAIN besides if its class was held already */
};

struct ferry_ctx {
	uint64_t held;
	uint32_t depth;
	uint32_t violations;
	struct ferry_lock_entry stack[FERRY_LOCK_DEPTH];
};

#define FERRY_LOCK_EXCL_SHIFT 32u
#define FERRY_LOCK_SHARED 1ull
#define FERRY_LOCK_EXCLUSIVELY (1ull | 1ull << FERRY_LOCK_EXCL_SHIFT)
#define FERRY_LOCK_AGAIN (1ull << 63) /* leaving takes the slow path, which counts who is left */

_Static_assert(FERRY_LOCK_CLASSES < 32, "two bits a class and one to spare in 64");

/* What refuses a class, or an operation: bits as in held. Classes, then operations. */
extern const uint64_t ferry_lock_rules[FERRY_LOCK_BITS];

/*
 * A class as its locks point to it: what the verbs need, computed. (With an index instead, a kernel that checks
 * indices and shifts would do so at every verb, for a number that nobody can change.)
 */
struct ferry_lock_row {
	uint64_t denied;    /* what refuses it: its word of ferry_lock_rules */
	uint64_t shared;    /* what it sets in held */
	uint64_t exclusive; /* the same, held exclusively */
};
extern const struct ferry_lock_row ferry_lock_rows[FERRY_LOCK_CLASSES];

/* Where in the source a verb was used: reports name it. */
#define FERRY_LOCK_HERE __FILE__, __LINE__

/* The slow paths. They report and count, then do what was asked as far as the stack can hold it. */
__attribute__((cold)) void ferry_lock_note_slow(struct ferry_ctx *ctx, const void *lock, uint64_t bits, bool ordered,
                                                const char *file, uint32_t line);
__attribute__((cold)) void ferry_lock_drop_slow(struct ferry_ctx *ctx, const void *lock, uint64_t bits,
                                                const char *file, uint32_t line);

/* Entry i of the stack. The callers have compared i with the depth: a second check would be the compiler's. */
static inline struct ferry_lock_entry *ferry_lock_entry(struct ferry_ctx *ctx, uint32_t i)
{
	struct ferry_lock_entry *stack = ctx->stack;

	return stack + i;
}

static inline void ferry_lock_push(struct ferry_ctx *ctx, const void *lock, uint64_t bits)
{
	struct ferry_lock_entry *e = ferry_lock_entry(ctx, ctx->depth++);

	e->lock = lock;
	e->bits = bits;
	ctx->held |= bits;
}

/* Before a lock is waited for: report if the order forbids it. bits: the row's shared or exclusive. */
static inline void ferry_lock_note(struct ferry_ctx *ctx, const void *lock, const struct ferry_lock_row *row,
                                   uint64_t bits, const char *file, uint32_t line)
{
	if (__builtin_expect((ctx->held & row->denied) != 0 || ctx->depth == FERRY_LOCK_DEPTH, 0))
		ferry_lock_note_slow(ctx, lock, bits, true, file, line);
	else
		ferry_lock_push(ctx, lock, bits);
}

/* After a successful try, which no order can forbid: it did not wait. */
static inline void ferry_lock_note_try(struct ferry_ctx *ctx, const void *lock, const struct ferry_lock_row *row,
                                       uint64_t bits, const char *file, uint32_t line)
{
	if (__builtin_expect((ctx->held & row->shared) != 0 || ctx->depth == FERRY_LOCK_DEPTH, 0))
		ferry_lock_note_slow(ctx, lock, bits, false, file, line);
	else
		ferry_lock_push(ctx, lock, bits);
}

/* A lock that is held exclusively is held shared from now on. */
void ferry_lock_downgrade(struct ferry_ctx *ctx, const void *lock, const struct ferry_lock_row *row, const char *file,
                          uint32_t line);

/* Before a lock is let go. */
static inline void ferry_lock_drop(struct ferry_ctx *ctx, const void *lock, uint64_t bits, const char *file,
                                   uint32_t line)
{
	uint32_t top = ctx->depth - 1;
	const struct ferry_lock_entry *e = ferry_lock_entry(ctx, top);

	if (__builtin_expect(top < FERRY_LOCK_DEPTH && e->lock == lock && e->bits == bits, 1)) {
		ctx->depth = top;
		ctx->held ^= bits;
		return;
	}
	ferry_lock_drop_slow(ctx, lock, bits, file, line);
}

#endif /* FERRY_LOCK_CHECK_H */
