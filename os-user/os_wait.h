/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_wait.h (process host) - waiting for a condition, on one futex word.
 *
 *     waiter                                  waker
 *     waiters++                               change what pred reads
 *     s = seq                                 seq++
 *     pred()? done                            waiters != 0 ? wake all : nothing
 *     sleep while seq == s
 *
 * All four steps on seq and waiters are sequentially consistent: a waker that sees no waiter moved seq before the
 * waiter read it, so that waiter's pred sees the change. A wake-up nobody waits for costs one atomic add.
 *
 * A waiter first spins for FERRY_USER_WAIT_SPIN_NS: most waits of the driver are for another core to finish a few
 * microseconds of work. The wait object must outlive the wake_all, as everywhere.
 *
 * FERRY_E_KILLED: in a process a thread dies with its process, so only a test (os_fault.h) sees it.
 */
#ifndef FERRY_USER_OS_WAIT_H
#define FERRY_USER_OS_WAIT_H

#include "ferry/os.h"

#define FERRY_USER_WAIT_SPIN_NS 4000u

int ferry_user_wait_sleep(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns, bool killable);
void ferry_user_wait_wake(struct ferry_os_wait *w);

static inline void ferry_os_wait_init(struct ferry_os_wait *w)
{
	__atomic_store_n(&w->seq, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&w->waiters, 0, __ATOMIC_RELAXED);
}

static inline void ferry_os_wait_fini(struct ferry_os_wait *w)
{
	if (__atomic_load_n(&w->waiters, __ATOMIC_RELAXED))
		ferry_os_bug(__FILE__, __LINE__, "a wait object ends while somebody waits");
}

static inline int ferry_os_wait_until(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns)
{
	if (pred(arg))
		return 0;
	return ferry_user_wait_sleep(w, pred, arg, timeout_ns, true);
}

static inline int ferry_os_wait_bounded(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns)
{
	if (pred(arg))
		return 0;
	return ferry_user_wait_sleep(w, pred, arg, timeout_ns, false);
}

static inline void ferry_os_wake_all(struct ferry_os_wait *w)
{
	__atomic_fetch_add(&w->seq, 1, __ATOMIC_SEQ_CST); /* pairs with ferry_user_wait_sleep() */
	if (__builtin_expect(__atomic_load_n(&w->waiters, __ATOMIC_SEQ_CST) != 0, 0))
		ferry_user_wait_wake(w);
}

#endif /* FERRY_USER_OS_WAIT_H */
