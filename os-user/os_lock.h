/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_lock.h (process host) - locks.
 *
 * spin   test-and-test-and-set, a bounded spin, then sched_yield: the holder may have lost its CPU. "Excludes
 *        interrupt handlers" holds because a handler runs on a thread that rings a doorbell or runs an engine,
 *        and nobody does either with a spin lock held.
 * sem    one futex word; anyone may up it.
 * mutex  a sem. POSIX has no faster one for us to inline, and a service takes and releases five.
 * rw     a word that readers count themselves into; a writer marks it and waits for them to leave, so one that
 *        waits already blocks new readers, as in Linux.
 *
 *            reader                                  writer
 *            state++; marked? state--, sleep, again  writers down; mark state; readers inside? sleep
 *            ...                                     ...
 *            state--; marked, and last? wake         unmark; wake; writers up
 *
 *        Who sleeps says so in sleepers and then looks again, who wakes changes state first: as in os_wait.h.
 *
 * None of them is a cancellation point.
 */
#ifndef FERRY_USER_OS_LOCK_H
#define FERRY_USER_OS_LOCK_H

#include "ferry/os.h"

void ferry_user_spin_wait(struct ferry_os_spin *s);
void ferry_user_rw_read_wait(struct ferry_os_rw *rw);
void ferry_user_rw_write_wait(struct ferry_os_rw *rw);
void ferry_user_rw_wake(struct ferry_os_rw *rw);
void ferry_user_rw_unlock_other(struct ferry_os_rw *rw, uint32_t was);
void ferry_user_sem_wait(struct ferry_os_sem *s);
void ferry_user_sem_wake(struct ferry_os_sem *s);

static inline void ferry_os_spin_init(struct ferry_os_spin *s, uint32_t lock_class)
{
	(void)lock_class;
	__atomic_store_n(&s->word, 0, __ATOMIC_RELAXED);
}

static inline void ferry_os_spin_fini(struct ferry_os_spin *s)
{
	if (__atomic_load_n(&s->word, __ATOMIC_RELAXED))
		ferry_os_bug(__FILE__, __LINE__, "a spin lock ends while it is held");
}

static inline bool ferry_os_spin_trylock(struct ferry_os_spin *s)
{
	return __atomic_load_n(&s->word, __ATOMIC_RELAXED) == 0 &&
	       __atomic_exchange_n(&s->word, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void ferry_os_spin_lock(struct ferry_os_spin *s)
{
	if (__builtin_expect(__atomic_exchange_n(&s->word, 1, __ATOMIC_ACQUIRE) != 0, 0))
		ferry_user_spin_wait(s);
}

static inline void ferry_os_spin_unlock(struct ferry_os_spin *s)
{
	__atomic_store_n(&s->word, 0, __ATOMIC_RELEASE);
}

static inline void ferry_os_sem_init(struct ferry_os_sem *s, uint32_t lock_class)
{
	(void)lock_class;
	__atomic_store_n(&s->word, 0, __ATOMIC_RELAXED);
}

static inline void ferry_os_sem_fini(struct ferry_os_sem *s)
{
	if (__atomic_load_n(&s->word, __ATOMIC_RELAXED))
		ferry_os_bug(__FILE__, __LINE__, "a semaphore ends while it is down");
}

static inline bool ferry_os_sem_try(struct ferry_os_sem *s)
{
	uint32_t up = 0;

	return __atomic_compare_exchange_n(&s->word, &up, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void ferry_os_sem_down(struct ferry_os_sem *s)
{
	if (!ferry_os_sem_try(s))
		ferry_user_sem_wait(s);
}

static inline void ferry_os_sem_up(struct ferry_os_sem *s)
{
	uint32_t was = __atomic_exchange_n(&s->word, 0, __ATOMIC_RELEASE);

	if (was == 2)
		ferry_user_sem_wake(s);
	else if (was == 0)
		ferry_os_bug(__FILE__, __LINE__, "up of a semaphore that is up");
}

static inline void ferry_os_mutex_init(struct ferry_os_mutex *m, uint32_t lock_class)
{
	ferry_os_sem_init(&m->sem, lock_class);
}

static inline void ferry_os_mutex_fini(struct ferry_os_mutex *m)
{
	ferry_os_sem_fini(&m->sem);
}

static inline void ferry_os_mutex_lock(struct ferry_os_mutex *m)
{
	ferry_os_sem_down(&m->sem);
}

/* A process that is told to die is gone, with all who wait in it. */
static inline bool ferry_os_mutex_lock_killable(struct ferry_os_mutex *m)
{
	ferry_os_mutex_lock(m);
	return true;
}

static inline bool ferry_os_mutex_trylock(struct ferry_os_mutex *m)
{
	return ferry_os_sem_try(&m->sem);
}

static inline void ferry_os_mutex_unlock(struct ferry_os_mutex *m)
{
	ferry_os_sem_up(&m->sem);
}

#define FERRY_USER_RW_WRITER 0x80000000u /* one holds it, or waits for readers to leave */

static inline void ferry_os_rw_init(struct ferry_os_rw *rw, uint32_t lock_class)
{
	__atomic_store_n(&rw->state, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&rw->sleepers, 0, __ATOMIC_RELAXED);
	ferry_os_sem_init(&rw->writers, lock_class);
}

static inline void ferry_os_rw_fini(struct ferry_os_rw *rw)
{
	if (__atomic_load_n(&rw->state, __ATOMIC_RELAXED))
		ferry_os_bug(__FILE__, __LINE__, "a read-write lock ends while it is held");
	ferry_os_sem_fini(&rw->writers);
}

static inline void ferry_os_rw_read_unlock(struct ferry_os_rw *rw)
{
	uint32_t was = __atomic_fetch_sub(&rw->state, 1, __ATOMIC_SEQ_CST);

	if (__builtin_expect(was == (FERRY_USER_RW_WRITER | 1), 0))
		ferry_user_rw_wake(rw);
	else if (__builtin_expect((was & ~FERRY_USER_RW_WRITER) == 0, 0))
		ferry_user_rw_unlock_other(rw, was);
}

static inline void ferry_os_rw_read_lock(struct ferry_os_rw *rw)
{
	if (__builtin_expect(__atomic_fetch_add(&rw->state, 1, __ATOMIC_SEQ_CST) & FERRY_USER_RW_WRITER, 0))
		ferry_user_rw_read_wait(rw);
}

static inline bool ferry_os_rw_read_trylock(struct ferry_os_rw *rw)
{
	if (!(__atomic_fetch_add(&rw->state, 1, __ATOMIC_SEQ_CST) & FERRY_USER_RW_WRITER))
		return true;
	ferry_os_rw_read_unlock(rw);
	return false;
}

static inline void ferry_os_rw_write_lock(struct ferry_os_rw *rw)
{
	ferry_os_sem_down(&rw->writers);
	if (__atomic_fetch_or(&rw->state, FERRY_USER_RW_WRITER, __ATOMIC_SEQ_CST))
		ferry_user_rw_write_wait(rw);
}

static inline bool ferry_os_rw_write_trylock(struct ferry_os_rw *rw)
{
	uint32_t nobody = 0;

	if (!ferry_os_sem_try(&rw->writers))
		return false;
	if (__atomic_compare_exchange_n(&rw->state, &nobody, FERRY_USER_RW_WRITER, false, __ATOMIC_SEQ_CST,
	                                __ATOMIC_RELAXED))
		return true;
	ferry_os_sem_up(&rw->writers);
	return false;
}

static inline void ferry_os_rw_write_unlock(struct ferry_os_rw *rw)
{
	uint32_t was = __atomic_fetch_and(&rw->state, ~FERRY_USER_RW_WRITER, __ATOMIC_SEQ_CST);

	if (__builtin_expect(!(was & FERRY_USER_RW_WRITER), 0)) {
		ferry_os_rw_read_unlock(
			rw); /* in the wrong mode: lock_check.c has told, and it is released all the same */
		return;
	}
	ferry_user_rw_wake(rw);
	ferry_os_sem_up(&rw->writers);
}

/* ThreadSanitizer sees atomics and waits as they are. */
static inline void ferry_os_lockmap_init(struct ferry_os_lockmap *m, uint32_t lock_class)
{
	m->lock_class = (uint8_t)lock_class;
}

static inline void ferry_os_lockmap_acquire(struct ferry_os_lockmap *m, bool exclusive, bool tried)
{
	(void)m;
	(void)exclusive;
	(void)tried;
}

static inline void ferry_os_lockmap_release(struct ferry_os_lockmap *m)
{
	(void)m;
}

#endif /* FERRY_USER_OS_LOCK_H */
