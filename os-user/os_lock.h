/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_lock.h (process host) - locks.
 *
 * spin   test-and-test-and-set, a bounded spin, then sched_yield: the holder may have lost its CPU. "Excludes
 *        interrupt handlers" holds because a handler runs on a thread that rings a doorbell or runs an engine,
 *        and nobody does either with a spin lock held.
 * mutex  POSIX; with -DFERRY_USER_CHECKED a wrong owner or a second lock is a bug report instead of a hang.
 * rw     POSIX, writers first: a queued writer blocks new readers, as in Linux.
 * sem    one futex word; anyone may up it.
 *
 * None of them is a cancellation point.
 */
#ifndef FERRY_USER_OS_LOCK_H
#define FERRY_USER_OS_LOCK_H

#include "ferry/os.h"

void ferry_user_spin_wait(struct ferry_os_spin *s);
void ferry_user_mutex_init(struct ferry_os_mutex *m);
void ferry_user_mutex_fini(struct ferry_os_mutex *m);
void ferry_user_lock_failed(int err, const char *what);
void ferry_user_rw_init(struct ferry_os_rw *rw);
void ferry_user_rw_fini(struct ferry_os_rw *rw);
void ferry_user_rw_read_lock(struct ferry_os_rw *rw);
bool ferry_user_rw_read_trylock(struct ferry_os_rw *rw);
void ferry_user_rw_write_lock(struct ferry_os_rw *rw);
bool ferry_user_rw_write_trylock(struct ferry_os_rw *rw);
void ferry_user_rw_unlock(struct ferry_os_rw *rw);
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

static inline void ferry_os_mutex_init(struct ferry_os_mutex *m, uint32_t lock_class)
{
	(void)lock_class;
	ferry_user_mutex_init(m);
}

static inline void ferry_os_mutex_fini(struct ferry_os_mutex *m)
{
	ferry_user_mutex_fini(m);
}

static inline void ferry_os_mutex_lock(struct ferry_os_mutex *m)
{
	int err = pthread_mutex_lock(&m->m);

	if (__builtin_expect(err != 0, 0))
		ferry_user_lock_failed(err, "mutex lock");
}

static inline bool ferry_os_mutex_trylock(struct ferry_os_mutex *m)
{
	return pthread_mutex_trylock(&m->m) == 0;
}

static inline void ferry_os_mutex_unlock(struct ferry_os_mutex *m)
{
	int err = pthread_mutex_unlock(&m->m);

	if (__builtin_expect(err != 0, 0))
		ferry_user_lock_failed(err, "mutex unlock");
}

static inline void ferry_os_rw_init(struct ferry_os_rw *rw, uint32_t lock_class)
{
	(void)lock_class;
	ferry_user_rw_init(rw);
}

static inline void ferry_os_rw_fini(struct ferry_os_rw *rw)
{
	ferry_user_rw_fini(rw);
}

static inline void ferry_os_rw_read_lock(struct ferry_os_rw *rw)
{
	ferry_user_rw_read_lock(rw);
}

static inline bool ferry_os_rw_read_trylock(struct ferry_os_rw *rw)
{
	return ferry_user_rw_read_trylock(rw);
}

static inline void ferry_os_rw_read_unlock(struct ferry_os_rw *rw)
{
	ferry_user_rw_unlock(rw);
}

static inline void ferry_os_rw_write_lock(struct ferry_os_rw *rw)
{
	ferry_user_rw_write_lock(rw);
}

static inline bool ferry_os_rw_write_trylock(struct ferry_os_rw *rw)
{
	return ferry_user_rw_write_trylock(rw);
}

static inline void ferry_os_rw_write_unlock(struct ferry_os_rw *rw)
{
	ferry_user_rw_unlock(rw);
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
