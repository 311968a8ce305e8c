/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_wait.h (kernel host) - waiting, on a wait queue.
 *
 * Nothing is lost: the waiter is in the queue, which its lock orders, before it tests; a waker
 * always takes that lock.
 *
 *   wait_until by      state                   SIGKILL              counts as
 *     a user's thread  TASK_KILLABLE           ends it: E_KILLED    load; no hung task
 *     a kernel thread  TASK_IDLE               has no meaning       neither load nor hung task
 *   wait_bounded       TASK_UNINTERRUPTIBLE    waits on             load; too short for a hung task
 *                      (a kernel thread: as above)
 *
 * wake_all takes a spinlock_t, which is not allowed in hard interrupt context on PREEMPT_RT: there,
 * handlers that call it must be threaded, as request_irq() makes them without IRQF_NO_THREAD.
 */
#ifndef FERRY_KERNEL_OS_WAIT_H
#define FERRY_KERNEL_OS_WAIT_H

#include "ferry/os.h"

int ferry_kernel_wait(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns,
		      bool killable);

static inline void ferry_os_wait_init(struct ferry_os_wait *w)
{
	init_waitqueue_head(&w->head);
}

static inline void ferry_os_wait_fini(struct ferry_os_wait *w)
{
	/* No barrier: who might come to wait has been kept away before the end. */
	if (waitqueue_active(&w->head))
		ferry_os_bug(__FILE__, __LINE__, "a wait object ends while somebody waits");
}

static inline int ferry_os_wait_until(struct ferry_os_wait *w, ferry_os_pred pred, void *arg,
				      uint64_t timeout_ns)
{
	if (pred(arg))
		return 0;
	return ferry_kernel_wait(w, pred, arg, timeout_ns, true);
}

static inline int ferry_os_wait_bounded(struct ferry_os_wait *w, ferry_os_pred pred, void *arg,
					uint64_t timeout_ns)
{
	if (pred(arg))
		return 0;
	return ferry_kernel_wait(w, pred, arg, timeout_ns, false);
}

static inline void ferry_os_wake_all(struct ferry_os_wait *w)
{
	wake_up_all(&w->head);
}

#endif /* FERRY_KERNEL_OS_WAIT_H */
