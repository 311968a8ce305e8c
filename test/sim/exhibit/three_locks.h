/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * three_locks.h - an exhibit: how a VA space can be locked with a plain read-write lock and two mutexes.
 *
 * It is what core/lock/va_lock.h is measured against, and what shows that both deadlocks are real:
 *
 *      reader: control call ---waits for---> fault service ---queued behind---> writer ---waits for---> reader
 *
 *      1. a fair lock queues new readers behind a waiting writer: the circle above.
 *      2. a reader that found a writer, and queues when that one has gone already, may be woken only by the next one
 *         who leaves the lock empty: fault service is then queued behind the reader itself. Linux 6.1 to 7.3 let
 *         such a reader in; nothing promises it.
 *
 *                            WRITERS   ACQUIRE          VA_SPACE
 *      read                            held to get in   shared      until it is in, no writer leaves (2)
 *      read for control      held      held to get in   shared      no writer queues meanwhile (1)
 *      write                 held      held             exclusive   leaves under ACQUIRE (2)
 *      downgrade                                        shared      a writer goes on as a reader
 *      ... for control       held                       shared      and may make control calls
 *
 * --without writers, --without acquire: the same without one of the mutexes.
 *
 * Source: facts of NVIDIA's UVM, which has three helpers of this kind.
 */
#ifndef FERRY_SIM_THREE_LOCKS_H
#define FERRY_SIM_THREE_LOCKS_H

#include "ferry/os.h"
#include "../tell.h"

/* Lock classes, of the host's: the core has no such locks. */
#define THREE_WRITERS (FERRY_OS_CLASS_HOST + 0)
#define THREE_ACQUIRE (FERRY_OS_CLASS_HOST + 1)
#define THREE_SPACE (FERRY_OS_CLASS_HOST + 2)

struct three_locks {
	struct ferry_os_mutex writers, acquire;
	struct ferry_os_rw rw;
};

static inline void three_init(struct three_locks *l)
{
	ferry_os_mutex_init(&l->writers, THREE_WRITERS);
	ferry_os_mutex_init(&l->acquire, THREE_ACQUIRE);
	ferry_os_rw_init(&l->rw, THREE_SPACE);
}

static inline void three_read_lock(struct three_locks *l)
{
	ferry_os_mutex_lock(&l->acquire);
	ferry_os_rw_read_lock(&l->rw);
	ferry_os_mutex_unlock(&l->acquire);
}

static inline void three_read_unlock(struct three_locks *l)
{
	ferry_os_rw_read_unlock(&l->rw);
}

static inline void three_control_lock(struct three_locks *l)
{
	ferry_os_mutex_lock(&l->writers);
	three_read_lock(l);
}

static inline void three_control_unlock(struct three_locks *l)
{
	ferry_os_rw_read_unlock(&l->rw);
	ferry_os_mutex_unlock(&l->writers);
}

static inline void three_write_lock(struct three_locks *l)
{
	ferry_os_mutex_lock(&l->writers);
	ferry_os_mutex_lock(&l->acquire);
	ferry_os_rw_write_lock(&l->rw);
}

static inline void three_write_unlock(struct three_locks *l)
{
	ferry_os_rw_write_unlock(&l->rw);
	ferry_os_mutex_unlock(&l->acquire);
	ferry_os_mutex_unlock(&l->writers);
}

static inline void three_downgrade_for_control(struct three_locks *l)
{
	sim_rw_downgrade(&l->rw);
	ferry_os_mutex_unlock(&l->acquire);
}

static inline void three_downgrade(struct three_locks *l)
{
	three_downgrade_for_control(l);
	ferry_os_mutex_unlock(&l->writers);
}

#endif /* FERRY_SIM_THREE_LOCKS_H */
