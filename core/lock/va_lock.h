/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * va_lock.h - the lock of a VA space: a read-write lock that fault service can always get past waiting writers.
 *
 * A control call may be answered only when outstanding faults have been served (docs/fg1.md, CONTROL), and serving a
 * fault takes this lock for reading. So who makes a control call while holding it must not keep fault service out.
 * A bare read-write lock does, in two ways:
 *
 *      reader: control call ---waits for---> fault service ---queued behind---> writer ---waits for---> reader
 *
 *      1. a fair lock queues new readers behind a waiting writer: the circle above.
 *      2. a reader that found a writer, and queues when that one has gone already, may be woken only by the next one
 *         who leaves the lock empty: fault service is then queued behind the reader itself. Linux 6.1 to 7.3 let
 *         such a reader in; nothing promises it.
 *
 * Three locks, taken in this order, forbid both:
 *
 *                            WRITERS   ACQUIRE          VA_SPACE
 *      read                            held to get in   shared      until it is in, no writer leaves (2)
 *      read for control      held      held to get in   shared      no writer queues meanwhile (1)
 *      write                 held      held             exclusive   leaves under ACQUIRE (2)
 *      downgrade                                        shared      a writer goes on as a reader
 *      ... for control       held                       shared      and may make control calls
 *
 * Cost: a reader takes and leaves one mutex more. A downgrade lets no writer in between.
 * Context: process, for all; they sleep. Source: facts of NVIDIA's UVM (three helpers of this kind), the model in
 * test/spin/va_lock.pml, and both deadlocks as exhibits in test/sim/story/va_lock.c.
 */
#ifndef FERRY_VA_LOCK_H
#define FERRY_VA_LOCK_H

#include "lock/lock.h"

struct ferry_va_lock {
	struct ferry_mutex writers; /* VA_SPACE_WRITERS */
	struct ferry_mutex acquire; /* VA_SPACE_ACQUIRE */
	struct ferry_rw rw;         /* VA_SPACE */
};

void ferry_va_lock_init(struct ferry_va_lock *l);
void ferry_va_lock_fini(struct ferry_va_lock *l);

#define ferry_va_read_lock(ctx, l) ferry_va_read_lock_at(ctx, l, FERRY_LOCK_HERE)
#define ferry_va_read_trylock(ctx, l) ferry_va_read_trylock_at(ctx, l, FERRY_LOCK_HERE)
#define ferry_va_read_unlock(ctx, l) ferry_va_read_unlock_at(ctx, l, FERRY_LOCK_HERE)

#define ferry_va_control_lock(ctx, l) ferry_va_control_lock_at(ctx, l, FERRY_LOCK_HERE)
#define ferry_va_control_unlock(ctx, l) ferry_va_control_unlock_at(ctx, l, FERRY_LOCK_HERE)

#define ferry_va_write_lock(ctx, l) ferry_va_write_lock_at(ctx, l, FERRY_LOCK_HERE)
#define ferry_va_write_unlock(ctx, l) ferry_va_write_unlock_at(ctx, l, FERRY_LOCK_HERE)

/* From write mode; ends with read_unlock, or with control_unlock. */
#define ferry_va_downgrade(ctx, l) ferry_va_downgrade_at(ctx, l, FERRY_LOCK_HERE)
#define ferry_va_downgrade_for_control(ctx, l) ferry_va_downgrade_for_control_at(ctx, l, FERRY_LOCK_HERE)

#define ferry_va_assert_held(ctx, l) ferry_lock_assert_held(ctx, &(l)->rw)
#define ferry_va_assert_write(ctx, l) ferry_lock_assert_excl(ctx, &(l)->rw)

/* ---- bodies ---- */

static inline void ferry_va_read_lock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file,
                                         uint32_t line)
{
	ferry_mutex_lock_at(ctx, &l->acquire, file, line);
	ferry_rw_read_lock_at(ctx, &l->rw, file, line);
	ferry_mutex_unlock_at(ctx, &l->acquire, file, line);
}

/* Fails also when a writer is about to leave. */
FERRY_MUST_CHECK static inline bool ferry_va_read_trylock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l,
                                                             const char *file, uint32_t line)
{
	return ferry_rw_read_trylock_at(ctx, &l->rw, file, line);
}

static inline void ferry_va_read_unlock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file,
                                           uint32_t line)
{
	ferry_rw_read_unlock_at(ctx, &l->rw, file, line);
}

void ferry_va_control_lock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file, uint32_t line);
void ferry_va_control_unlock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file, uint32_t line);
void ferry_va_write_lock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file, uint32_t line);
void ferry_va_write_unlock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file, uint32_t line);
void ferry_va_downgrade_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file, uint32_t line);
void ferry_va_downgrade_for_control_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file,
                                       uint32_t line);

#endif /* FERRY_VA_LOCK_H */
