/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The check of the lock order, left out: found before core/lock/lock_check.h by the one program that is built so,
 * which bench_service compares itself with. Locks are taken as ever; nobody remembers that they are.
 */
#ifndef FERRY_UNCHECKED_LOCK_CHECK_H
#define FERRY_UNCHECKED_LOCK_CHECK_H

#define ferry_lock_note ferry_lock_note_checked
#define ferry_lock_note_try ferry_lock_note_try_checked
#define ferry_lock_drop ferry_lock_drop_checked
#define ferry_lock_drop_under ferry_lock_drop_under_checked
#include "../../../../core/lock/lock_check.h"
#undef ferry_lock_note
#undef ferry_lock_note_try
#undef ferry_lock_drop
#undef ferry_lock_drop_under

static inline bool ferry_lock_note(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t bits,
                                   const char *file, uint32_t line)
{
	(void)ctx, (void)lock, (void)bits, (void)file, (void)line;
	return true;
}

static inline bool ferry_lock_note_try(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t bits,
                                       const char *file, uint32_t line)
{
	return ferry_lock_note(ctx, lock, bits, file, line);
}

static inline bool ferry_lock_drop(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t bits)
{
	(void)ctx, (void)lock, (void)bits;
	return true;
}

static inline bool ferry_lock_drop_under(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t bits)
{
	return ferry_lock_drop(ctx, lock, bits);
}

#endif /* FERRY_UNCHECKED_LOCK_CHECK_H */
