/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_lock.c (process host) - the slow halves of the locks.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "ferry/os.h"
#include "os_futex.h"

#define SPIN_TURNS 100u
#define SEM_TURNS 200u

_Static_assert(sizeof(pthread_rwlock_t) <= sizeof(struct ferry_os_rw), "os_types.h keeps too few bytes for rw");
_Static_assert(_Alignof(pthread_rwlock_t) <= _Alignof(struct ferry_os_rw), "os_types.h aligns rw too little");

static pthread_rwlock_t *rw_of(struct ferry_os_rw *rw)
{
	return (pthread_rwlock_t *)(void *)rw->u.bytes;
}

void ferry_user_lock_failed(int err, const char *what)
{
	char text[96];

	snprintf(text, sizeof(text), "%s failed with errno %d", what, err);
	ferry_os_bug(__FILE__, __LINE__, text);
}

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

void ferry_user_mutex_init(struct ferry_os_mutex *m)
{
	pthread_mutexattr_t attr;
	int type = PTHREAD_MUTEX_NORMAL;

#ifdef FERRY_USER_CHECKED
	type = PTHREAD_MUTEX_ERRORCHECK;
#endif
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type);
	pthread_mutex_init(&m->m, &attr);
	pthread_mutexattr_destroy(&attr);
}

void ferry_user_mutex_fini(struct ferry_os_mutex *m)
{
	int err = pthread_mutex_destroy(&m->m);

	if (err)
		ferry_user_lock_failed(err, "mutex fini");
}

void ferry_user_rw_init(struct ferry_os_rw *rw)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(rw_of(rw), &attr);
	pthread_rwlockattr_destroy(&attr);
}

void ferry_user_rw_fini(struct ferry_os_rw *rw)
{
	int err = pthread_rwlock_destroy(rw_of(rw));

	if (err)
		ferry_user_lock_failed(err, "rw fini");
}

void ferry_user_rw_read_lock(struct ferry_os_rw *rw)
{
	int err = pthread_rwlock_rdlock(rw_of(rw));

	if (err)
		ferry_user_lock_failed(err, "rw read lock");
}

bool ferry_user_rw_read_trylock(struct ferry_os_rw *rw)
{
	return pthread_rwlock_tryrdlock(rw_of(rw)) == 0;
}

void ferry_user_rw_write_lock(struct ferry_os_rw *rw)
{
	int err = pthread_rwlock_wrlock(rw_of(rw));

	if (err)
		ferry_user_lock_failed(err, "rw write lock");
}

bool ferry_user_rw_write_trylock(struct ferry_os_rw *rw)
{
	return pthread_rwlock_trywrlock(rw_of(rw)) == 0;
}

void ferry_user_rw_unlock(struct ferry_os_rw *rw)
{
	int err = pthread_rwlock_unlock(rw_of(rw));

	if (err)
		ferry_user_lock_failed(err, "rw unlock");
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
