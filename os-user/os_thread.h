/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_thread.h (process host) - who runs, in which context, and what time it is.
 *
 * Interrupts: a device's thread delivers one by calling the handler between irq_enter and irq_exit. Work that
 * the handler queues is kept in a list of this thread's own until the exit:
 *
 *     irq_enter   handler: work_queue(w) -> [this thread's list]   irq_exit(run_here) -> run w now, on this thread
 *                                                                  irq_exit(!run_here) -> hand w to the pool
 *
 * run_here is for engine threads that hold no lock and would only sleep otherwise: the bottom half then costs no
 * hand-over to another core.
 */
#ifndef FERRY_USER_OS_THREAD_H
#define FERRY_USER_OS_THREAD_H

#include "ferry/os.h"

uint64_t ferry_user_self(void);
bool ferry_user_in_irq(void);
void ferry_user_relax(void);
uint64_t ferry_user_now_ns(void);
uint64_t ferry_user_stamp(void); /* os_stamp.c, as the next */
uint64_t ferry_user_since_ns(uint64_t stamp);

/* Nest. Only the outermost exit delivers; inside work that irq_exit runs here, nested exits use the pool. */
void ferry_user_irq_enter(void);
void ferry_user_irq_exit(bool run_here);

/*
 * A thread of the driver's: every signal blocked that is not the thread's own doing. name: at most 15 characters.
 * 0, FERRY_E_THREAD. Process context.
 */
int ferry_user_thread_start(pthread_t *thread, const char *name, void *(*fn)(void *), void *arg) FERRY_MUST_CHECK;

static inline uint64_t ferry_os_self(void)
{
	return ferry_user_self();
}

static inline bool ferry_os_in_irq(void)
{
	return ferry_user_in_irq();
}

static inline void ferry_os_relax(void)
{
	ferry_user_relax();
}

static inline uint64_t ferry_os_now_ns(void)
{
	return ferry_user_now_ns();
}

static inline uint64_t ferry_os_stamp(void)
{
	return ferry_user_stamp();
}

static inline uint64_t ferry_os_since_ns(uint64_t stamp)
{
	return ferry_user_since_ns(stamp);
}

/* A hint for a few turns; ferry_os_relax() also lets others run now and then. */
static inline void ferry_user_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

#endif /* FERRY_USER_OS_THREAD_H */
