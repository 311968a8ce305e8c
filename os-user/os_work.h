/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_work.h (process host) - work items and timers, on a pool of FERRY_USER_WORKERS threads and one timer thread.
 *
 *               queue()                worker takes it              fn returns
 *     idle ---------------> pending -------------------> running ---------------> idle
 *                                                          |  queue() meanwhile:
 *                                                          +---------------------> pending
 *
 * The threads start with the first item and stay as long as the process: a library with this code in it must not
 * be unloaded (link it with -z nodelete). After fork the child has no pool; items made before the fork do nothing
 * there, and the first item the child makes starts a pool of its own.
 */
#ifndef FERRY_USER_OS_WORK_H
#define FERRY_USER_OS_WORK_H

#include "ferry/os.h"

#define FERRY_USER_WORKERS 2u

int ferry_user_work_init(struct ferry_os_work *w, ferry_os_work_fn fn, void *arg);
void ferry_user_work_fini(struct ferry_os_work *w);
bool ferry_user_work_queue(struct ferry_os_work *w);
void ferry_user_work_flush(struct ferry_os_work *w);
void ferry_user_work_cancel(struct ferry_os_work *w);
bool ferry_user_work_is_foreign(const struct ferry_os_work *w); /* made before this process was forked */
int ferry_user_timer_init(struct ferry_os_timer *t, ferry_os_work_fn fn, void *arg);
void ferry_user_timer_fini(struct ferry_os_timer *t);
void ferry_user_timer_arm(struct ferry_os_timer *t, uint64_t delay_ns);
void ferry_user_timer_cancel(struct ferry_os_timer *t);

/*
 * Which process this is: the number changes in a fork's child (vfork and bare clone aside). An object that remembers
 * the number of its birth knows a foreign process by it. Any context; cheap.
 */
uint32_t ferry_user_era(void);
/* Makes the number change from now on; done by work_init too. Process context. */
void ferry_user_fork_watch(void);

/*
 * What an interrupt on this thread queued, first in first out. The thread owns the struct; the links are under the
 * work lock. For os_thread.c.
 */
struct ferry_user_irq_list {
	struct ferry_os_work head; /* only the links are used */
	bool ready;                /* the links are set up */
	bool used;                 /* this thread put something in; others may have taken it out again */
};
struct ferry_user_irq_list *ferry_user_irq_pending(void); /* this thread's, or NULL outside interrupts */
void ferry_user_work_deliver(struct ferry_user_irq_list *list, bool run_here);

/* os_timer.c's part in a fork; called by os_work.c, whose locks come after the timer lock. */
void ferry_user_timer_fork_prepare(void);
void ferry_user_timer_fork_parent(void);
void ferry_user_timer_fork_child(void);

/* FERRY_E_THREAD: the pool's threads cannot be started. */
static inline int ferry_os_work_init(struct ferry_os_work *w, ferry_os_work_fn fn, void *arg)
{
	return ferry_user_work_init(w, fn, arg);
}

static inline void ferry_os_work_fini(struct ferry_os_work *w)
{
	ferry_user_work_fini(w);
}

static inline bool ferry_os_work_queue(struct ferry_os_work *w)
{
	return ferry_user_work_queue(w);
}

static inline void ferry_os_work_flush(struct ferry_os_work *w)
{
	ferry_user_work_flush(w);
}

static inline void ferry_os_work_cancel(struct ferry_os_work *w)
{
	ferry_user_work_cancel(w);
}

static inline int ferry_os_timer_init(struct ferry_os_timer *t, ferry_os_work_fn fn, void *arg)
{
	return ferry_user_timer_init(t, fn, arg);
}

static inline void ferry_os_timer_fini(struct ferry_os_timer *t)
{
	ferry_user_timer_fini(t);
}

static inline void ferry_os_timer_arm(struct ferry_os_timer *t, uint64_t delay_ns)
{
	ferry_user_timer_arm(t, delay_ns);
}

static inline void ferry_os_timer_cancel(struct ferry_os_timer *t)
{
	ferry_user_timer_cancel(t);
}

#endif /* FERRY_USER_OS_WORK_H */
