/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * csem.h - a counting semaphore: so many may be in at once. For the check each who is in holds it shared.
 *
 *     free   3 . 2 . . 1 . 2     a unit is taken by a compare-exchange, given back by an add; who finds none waits
 *            down  down  up      on one queue and is woken by every up
 *
 * A context takes one unit at a time: a second one could wait for the first. down and up in the same context.
 */
#ifndef FERRY_CSEM_H
#define FERRY_CSEM_H

#include "lock/lock.h"

struct FERRY_CAPABILITY("counting semaphore") ferry_csem {
	struct ferry_lock lock;
	uint32_t units; /* constant */
	struct ferry_os_atomic free;
	struct ferry_os_wait wait;
};

/* units > 0. As for every lock: lock.h. fini reports units that are out. */
void ferry_csem_init(struct ferry_csem *s, enum ferry_lock_class lock_class, uint32_t units);
void ferry_csem_fini(struct ferry_csem *s);

/* 0, FERRY_E_TIMEOUT, FERRY_E_KILLED. Context: process. */
#define ferry_csem_down(ctx, s, timeout_ns) ferry_csem_down_at(ctx, s, timeout_ns, FERRY_LOCK_HERE)
/* Context: any, as up. */
#define ferry_csem_try(ctx, s) ferry_csem_try_at(ctx, s, FERRY_LOCK_HERE)
#define ferry_csem_up(ctx, s) ferry_csem_up_at(ctx, s, FERRY_LOCK_HERE)

int ferry_csem_down_at(struct ferry_ctx *ctx, struct ferry_csem *s, uint64_t timeout_ns, const char *file,
                       uint32_t line) FERRY_TRIES_SHARED(0, s) FERRY_LOCK_VERB FERRY_MUST_CHECK;
bool ferry_csem_try_at(struct ferry_ctx *ctx, struct ferry_csem *s, const char *file, uint32_t line)
	FERRY_TRIES_SHARED(true, s) FERRY_LOCK_VERB FERRY_MUST_CHECK;
void ferry_csem_up_at(struct ferry_ctx *ctx, struct ferry_csem *s, const char *file, uint32_t line)
	FERRY_RELEASES_SHARED(s) FERRY_LOCK_VERB;

#endif /* FERRY_CSEM_H */
