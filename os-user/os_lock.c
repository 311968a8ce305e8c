/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_lock.c (process host) - the slow halves of the locks.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>

#include "ferry/os.h"
#include "os_futex.h"

#define SPIN_TURNS 100u
#define SEM_TURNS 200u

/* Bounded only by the holder: after each SPIN_TURNS the CPU is given away, so that a preempted holder can run. */
void ferry_user_spin_wait(struct ferry_os_spin *s)
{
	do {
		for (uint32_t turn = 0; __atomic_load_n(&s->word, __ATOMIC_RELAXED); turn++) {
			if (turn < SPIN_TURNS) {
				ferry_user_pause();
			} else {
				sched_yield();
				turn = 0;
			}
		}
	} while (__atomic_exchange_n(&s->word, 1, __ATOMIC_ACQUIRE));
}

/*
 * Who has slept takes the word as 2, since others may sleep too: at worst one wake-up too many. Spinning first
 * pays: the other side holds it for one batch of faults.
 */
void ferry_user_sem_wait(struct ferry_os_sem *s)
{
	for (uint32_t turn = 0; turn < SEM_TURNS; turn++) {
		if (__atomic_load_n(&s->word, __ATOMIC_RELAXED) == 0 && ferry_os_sem_try(s))
			return;
		ferry_user_pause();
	}
	while (__atomic_exchange_n(&s->word, 2, __ATOMIC_ACQUIRE) != 0)
		futex_wait(&s->word, 2, UINT64_MAX);
}

void ferry_user_sem_wake(struct ferry_os_sem *s)
{
	futex_wake(&s->word, 1);
}

void ferry_user_rw_wake(struct ferry_os_rw *rw)
{
	if (__atomic_load_n(&rw->sleepers, __ATOMIC_SEQ_CST)) /* pairs with rw_wait() */
		futex_wake(&rw->state, INT_MAX);
}

/* Until no bit of mask is set in state: spin, as for a sem, then sleep. */
static void rw_wait(struct ferry_os_rw *rw, uint32_t mask)
{
	uint32_t state;

	for (uint32_t turn = 0; turn < SEM_TURNS; turn++) {
		if (!(__atomic_load_n(&rw->state, __ATOMIC_ACQUIRE) & mask))
			return;
		ferry_user_pause();
	}
	__atomic_fetch_add(&rw->sleepers, 1, __ATOMIC_SEQ_CST);
	while ((state = __atomic_load_n(&rw->state, __ATOMIC_SEQ_CST)) & mask)
		futex_wait(&rw->state, state, UINT64_MAX);
	__atomic_fetch_sub(&rw->sleepers, 1, __ATOMIC_SEQ_CST);
}

/* The caller has counted itself in, and found the mark. */
void ferry_user_rw_read_wait(struct ferry_os_rw *rw)
{
	do {
		ferry_os_rw_read_unlock(rw);
		rw_wait(rw, FERRY_USER_RW_WRITER);
	} while (__atomic_fetch_add(&rw->state, 1, __ATOMIC_SEQ_CST) & FERRY_USER_RW_WRITER);
}

/* The caller has set the mark. */
void ferry_user_rw_write_wait(struct ferry_os_rw *rw)
{
	rw_wait(rw, ~FERRY_USER_RW_WRITER);
}

/* A read unlock that found no reader. A writer's, in the wrong mode: released all the same. */
void ferry_user_rw_unlock_other(struct ferry_os_rw *rw, uint32_t was)
{
	__atomic_fetch_add(&rw->state, 1, __ATOMIC_SEQ_CST);
	if (was == FERRY_USER_RW_WRITER)
		ferry_os_rw_write_unlock(rw);
	else
		ferry_os_bug(__FILE__, __LINE__, "unlock of a read-write lock that is free");
}
