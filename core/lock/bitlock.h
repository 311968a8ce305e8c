/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bitlock.h - bit locks: a mutex per bit of an array, for many small objects that each are locked seldom.
 *
 *     words   [..0..1....][.....1....]     a bit is set by who holds it; who finds it set waits on the array's one
 *              index 2 5    69             queue, and is woken by every unlock that somebody may wait for
 *
 * The check knows each bit by its index: two bits of one array are two locks of one class, which nest where the row
 * says ID, in the order of the index. The same bit twice is the very same lock twice. An index past the end is
 * reported, and locks nothing.
 */
#ifndef FERRY_BITLOCK_H
#define FERRY_BITLOCK_H

#include "lock/lock.h"

struct ferry_bitlock {
	struct ferry_lock lock;
	uint32_t count;                /* of bits; constant */
	struct ferry_os_atomic *words; /* the caller's: 64 bits each, all clear before init and at fini */
	struct ferry_os_wait wait;
};

/* As for every lock: lock.h. fini reports bits that are locked. */
void ferry_bitlock_init(struct ferry_bitlock *b, enum ferry_lock_class lock_class, struct ferry_os_atomic *words,
                        uint32_t count);
void ferry_bitlock_fini(struct ferry_bitlock *b);

/* Context: process. */
#define ferry_bitlock_lock(ctx, b, index) ferry_bitlock_lock_at(ctx, b, index, FERRY_LOCK_HERE)
/* Context: any, as unlock. */
#define ferry_bitlock_trylock(ctx, b, index) ferry_bitlock_trylock_at(ctx, b, index, FERRY_LOCK_HERE)
#define ferry_bitlock_unlock(ctx, b, index) ferry_bitlock_unlock_at(ctx, b, index, FERRY_LOCK_HERE)

void ferry_bitlock_lock_at(struct ferry_ctx *ctx, struct ferry_bitlock *b, uint32_t index, const char *file,
                           uint32_t line);
bool ferry_bitlock_trylock_at(struct ferry_ctx *ctx, struct ferry_bitlock *b, uint32_t index, const char *file,
                              uint32_t line) FERRY_MUST_CHECK;
void ferry_bitlock_unlock_at(struct ferry_ctx *ctx, struct ferry_bitlock *b, uint32_t index, const char *file,
                             uint32_t line);

#endif /* FERRY_BITLOCK_H */
