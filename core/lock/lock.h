/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock.h - every lock of the core: the host's lock, a class, and the check of the order.
 *
 * A context (struct ferry_ctx) is the held set of one flow of control. It lives on the stack of whoever enters
 * the core (a request, a CPU fault, a work item, an interrupt) and travels as the first parameter. Checking
 * an acquire is one AND of the held set with the class's mask; it stays on in production.
 *
 *     struct ferry_ctx ctx;
 *     ferry_ctx_init(&ctx);
 *     ferry_mutex_lock(&ctx, &block->lock);
 *     ...
 *     ferry_mutex_unlock(&ctx, &block->lock);
 *     ferry_ctx_fini(&ctx);          (reports what is still held)
 *
 * A violation calls ferry_os_bug() (fatal in tests) and is counted in ferry_lock_violations(); control flow does
 * not change. Same class twice is refused. A successful trylock is exempt from the order, but counts as
 * held afterwards. Locks may be released in any order (the VA-space verbs do); the common case is LIFO.
 *
 * Source: the mask form of a lock-order check, as measured in docs/design/locking.md.
 */
#ifndef FERRY_LOCK_H
#define FERRY_LOCK_H

#include "ferry/os.h"
#include "lock/lock_order.h"

#define FERRY_LOCK_DEPTH 14u

struct ferry_lock_entry {
	const void *lock;
	uint8_t lock_class;
	bool exclusive;
};

struct ferry_ctx {
	uint64_t held; /* bit per class */
	uint64_t excl; /* of those, held exclusively */
	uint32_t depth;
	uint32_t violations;
	struct ferry_lock_entry stack[FERRY_LOCK_DEPTH];
};

void ferry_ctx_init(struct ferry_ctx *ctx);
/* Every lock must be released by now. */
void ferry_ctx_fini(struct ferry_ctx *ctx);

struct ferry_mutex {
	struct ferry_os_mutex os;
	uint8_t lock_class;
};
struct ferry_rw {
	struct ferry_os_rw os;
	uint8_t lock_class;
};
struct ferry_spin {
	struct ferry_os_spin os;
	uint8_t lock_class;
};
struct ferry_sem {
	struct ferry_os_sem os;
	uint8_t lock_class;
};

/* Context: process for mutex, rw; any for spin; try, give, take of sem any. */
void ferry_mutex_init(struct ferry_mutex *m, enum ferry_lock_class lock_class);
void ferry_mutex_fini(struct ferry_mutex *m);
void ferry_mutex_lock(struct ferry_ctx *ctx, struct ferry_mutex *m);
bool ferry_mutex_trylock(struct ferry_ctx *ctx, struct ferry_mutex *m) FERRY_MUST_CHECK;
void ferry_mutex_unlock(struct ferry_ctx *ctx, struct ferry_mutex *m);

void ferry_rw_init(struct ferry_rw *rw, enum ferry_lock_class lock_class);
void ferry_rw_fini(struct ferry_rw *rw);
void ferry_rw_read_lock(struct ferry_ctx *ctx, struct ferry_rw *rw);
void ferry_rw_read_unlock(struct ferry_ctx *ctx, struct ferry_rw *rw);
void ferry_rw_write_lock(struct ferry_ctx *ctx, struct ferry_rw *rw);
void ferry_rw_write_unlock(struct ferry_ctx *ctx, struct ferry_rw *rw);

void ferry_spin_init(struct ferry_spin *s, enum ferry_lock_class lock_class);
void ferry_spin_fini(struct ferry_spin *s);
void ferry_spin_lock(struct ferry_ctx *ctx, struct ferry_spin *s);
void ferry_spin_unlock(struct ferry_ctx *ctx, struct ferry_spin *s);

/*
 * A semaphore used as a lock that changes hands: the top half takes it by try and gives it (the lock stays
 * down, the context forgets it), the bottom half takes it over (the context learns it) and ups it.
 */
void ferry_sem_init(struct ferry_sem *s, enum ferry_lock_class lock_class);
void ferry_sem_fini(struct ferry_sem *s);
void ferry_sem_down(struct ferry_ctx *ctx, struct ferry_sem *s);
bool ferry_sem_try(struct ferry_ctx *ctx, struct ferry_sem *s) FERRY_MUST_CHECK;
void ferry_sem_up(struct ferry_ctx *ctx, struct ferry_sem *s);
void ferry_sem_give(struct ferry_ctx *ctx, struct ferry_sem *s);
void ferry_sem_take(struct ferry_ctx *ctx, struct ferry_sem *s);

/*
 * Asserts. held: this very lock. op: the operation is allowed now. could_take: an acquire would be in order.
 * They return what they found, after reporting a violation.
 */
bool ferry_lock_assert_held(struct ferry_ctx *ctx, const void *lock);
bool ferry_lock_assert_excl(struct ferry_ctx *ctx, const void *lock);
bool ferry_lock_assert_op(struct ferry_ctx *ctx, enum ferry_lock_op op);
bool ferry_lock_assert_could_take(struct ferry_ctx *ctx, enum ferry_lock_class lock_class);

const char *ferry_lock_class_name(enum ferry_lock_class lock_class);
const char *ferry_lock_op_name(enum ferry_lock_op op);
/* The mask of classes that must not be held when lock_class (or op) is acquired. Pure. */
uint64_t ferry_lock_denied(uint32_t class_or_op);

#endif /* FERRY_LOCK_H */
