/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_check.h - the check of the lock order: the held set of a context, and what it allows.
 *
 * Words:  note = the context learns that it holds a lock; drop = it forgets it. Neither touches the lock itself:
 *         lock.h pairs them with the host's lock.
 * Shapes: held and excl have one bit per class; the stack remembers which lock, newest last.
 *
 *     acquire CHANNEL:   held     0 0 0 1 0 0 1 0 0 0 0     VA_SPACE and BLOCK are held
 *                        denied   0 0 0 0 0 0 0 0 1 1 1     CHANNEL itself and every later row
 *                        AND      0                         in order
 *
 * Cost:   a note is two loads of a constant table, an AND, a push; a drop is a compare and a pop. Everything else
 *         (a wrong order, a lock released out of turn, a full stack) leaves the fast path for lock_check.c.
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
	uint8_t lock_class;
	bool exclusive;
	bool again; /* its class was held already: leaving takes the slow path, which counts who is left */
};

struct ferry_ctx {
	uint64_t held; /* bit per class */
	uint64_t excl; /* of those, held exclusively */
	uint32_t depth;
	uint32_t violations;
	struct ferry_lock_entry stack[FERRY_LOCK_DEPTH];
};

/* What refuses a class: rows held in any mode, and rows held exclusively. */
struct ferry_lock_rule {
	uint64_t held;
	uint64_t excl;
};
extern const struct ferry_lock_rule ferry_lock_rules[FERRY_LOCK_BITS]; /* classes, then operations */

/* Where in the source a verb was used: reports name it. */
#define FERRY_LOCK_HERE __FILE__, __LINE__

/* The slow paths. They report and count, then do what was asked as far as the stack can hold it. */
void ferry_lock_note_slow(struct ferry_ctx *ctx, const void *lock, uint32_t lock_class, bool exclusive, bool ordered,
                          const char *file, uint32_t line);
void ferry_lock_drop_slow(struct ferry_ctx *ctx, const void *lock, uint32_t lock_class, bool exclusive,
                          const char *file, uint32_t line);

static inline void ferry_lock_push(struct ferry_ctx *ctx, const void *lock, uint32_t lock_class, bool exclusive,
                                   bool again)
{
	struct ferry_lock_entry *e = &ctx->stack[ctx->depth++];

	e->lock = lock;
	e->lock_class = (uint8_t)lock_class;
	e->exclusive = exclusive;
	e->again = again;
	ctx->held |= 1ull << lock_class;
	ctx->excl |= (uint64_t)exclusive << lock_class;
}

/* Before a lock is waited for: report if the order forbids it. */
static inline void ferry_lock_note(struct ferry_ctx *ctx, const void *lock, uint32_t lock_class, bool exclusive,
                                   const char *file, uint32_t line)
{
	const struct ferry_lock_rule *r = &ferry_lock_rules[lock_class];
	uint64_t bad = (ctx->held & r->held) | (ctx->excl & r->excl);

	if (__builtin_expect(bad != 0 || ctx->depth == FERRY_LOCK_DEPTH, 0))
		ferry_lock_note_slow(ctx, lock, lock_class, exclusive, true, file, line);
	else
		ferry_lock_push(ctx, lock, lock_class, exclusive, false);
}

/* After a successful try, which no order can forbid: it did not wait. */
static inline void ferry_lock_note_try(struct ferry_ctx *ctx, const void *lock, uint32_t lock_class, bool exclusive,
                                       const char *file, uint32_t line)
{
	if (__builtin_expect((ctx->held >> lock_class & 1) != 0 || ctx->depth == FERRY_LOCK_DEPTH, 0))
		ferry_lock_note_slow(ctx, lock, lock_class, exclusive, false, file, line);
	else
		ferry_lock_push(ctx, lock, lock_class, exclusive, false);
}

/* Before a lock is let go. */
static inline void ferry_lock_drop(struct ferry_ctx *ctx, const void *lock, uint32_t lock_class, bool exclusive,
                                   const char *file, uint32_t line)
{
	uint32_t top = ctx->depth - 1;

	if (__builtin_expect(top < FERRY_LOCK_DEPTH && ctx->stack[top].lock == lock &&
	                             ctx->stack[top].exclusive == exclusive && !ctx->stack[top].again,
	                     1)) {
		ctx->depth = top;
		ctx->held &= ~(1ull << lock_class);
		ctx->excl &= ~(1ull << lock_class);
		return;
	}
	ferry_lock_drop_slow(ctx, lock, lock_class, exclusive, file, line);
}

#endif /* FERRY_LOCK_CHECK_H */
