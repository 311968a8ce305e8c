/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_work.h (kernel host) - work items and timers, on one unbound workqueue.
 *
 * WQ_MEM_RECLAIM: freeing memory can wait for a fault service, so there must always be a worker for
 * it. A timer is delayed work: its resolution is a jiffy, rounded up.
 */
#ifndef FERRY_KERNEL_OS_WORK_H
#define FERRY_KERNEL_OS_WORK_H

#include "ferry/os.h"

void ferry_kernel_work_init(struct ferry_os_work *w);
bool ferry_kernel_work_queue(struct ferry_os_work *w);
void ferry_kernel_timer_init(struct ferry_os_timer *t);
void ferry_kernel_timer_arm(struct ferry_os_timer *t, uint64_t delay_ns);

static inline int ferry_os_work_init(struct ferry_os_work *w, ferry_os_work_fn fn, void *arg)
{
	w->fn = fn;
	w->arg = arg;
	ferry_kernel_work_init(w);
	return 0;
}

static inline void ferry_os_work_fini(struct ferry_os_work *w)
{
	if (work_busy(&w->work))
		ferry_os_bug(__FILE__, __LINE__, "a work item ends while it is queued or runs");
}

static inline bool ferry_os_work_queue(struct ferry_os_work *w)
{
	return ferry_kernel_work_queue(w);
}

static inline void ferry_os_work_flush(struct ferry_os_work *w)
{
	flush_work(&w->work);
}

static inline void ferry_os_work_cancel(struct ferry_os_work *w)
{
	cancel_work_sync(&w->work);
}

static inline int ferry_os_timer_init(struct ferry_os_timer *t, ferry_os_work_fn fn, void *arg)
{
	t->fn = fn;
	t->arg = arg;
	ferry_kernel_timer_init(t);
	return 0;
}

static inline void ferry_os_timer_fini(struct ferry_os_timer *t)
{
	if (delayed_work_pending(&t->work) || work_busy(&t->work.work))
		ferry_os_bug(__FILE__, __LINE__, "a timer ends while it is armed or runs");
}

static inline void ferry_os_timer_arm(struct ferry_os_timer *t, uint64_t delay_ns)
{
	ferry_kernel_timer_arm(t, delay_ns);
}

static inline void ferry_os_timer_cancel(struct ferry_os_timer *t)
{
	cancel_delayed_work_sync(&t->work);
}

#endif /* FERRY_KERNEL_OS_WORK_H */
