/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock.c - birth and death of locks. The verbs are in lock.h and lock_slow.c, the check in lock_check.[ch].
 */
#include "lock/lock.h"

#define ALIVE_SALT 0x10cca11eu

/* What alive is while the lock lives: other memory has it by accident only. Never 0. */
static uint32_t alive_number(const struct ferry_lock *lock)
{
	uint64_t at = (uint64_t)(uintptr_t)lock;

	return ((uint32_t)(at >> 3) ^ (uint32_t)(at >> 35) ^ ALIVE_SALT) | 1u;
}

bool ferry_lock_begin(struct ferry_lock *lock, enum ferry_lock_class *lock_class)
{
	if (!FERRY_ASSERT(lock->alive != alive_number(lock)))
		return false;
	/* A class out of range would be no row: it becomes the strictest one. */
	if (!FERRY_ASSERT((uint32_t)*lock_class < FERRY_LOCK_CLASSES))
		*lock_class = FERRY_LOCK_LEAF;
	lock->row = &ferry_lock_rows[*lock_class];
	lock->alive = alive_number(lock);
	lock->order = 0;
	return true;
}

bool ferry_lock_end(struct ferry_lock *lock)
{
	if (!FERRY_ASSERT(lock->alive == alive_number(lock)))
		return false;
	lock->alive = 0;
	return true;
}

void ferry_mutex_init(struct ferry_mutex *m, enum ferry_lock_class lock_class)
{
	if (ferry_lock_begin(&m->lock, &lock_class))
		ferry_os_mutex_init(&m->os, lock_class);
}

void ferry_mutex_fini(struct ferry_mutex *m)
{
	if (ferry_lock_end(&m->lock))
		ferry_os_mutex_fini(&m->os);
}

void ferry_rw_init(struct ferry_rw *rw, enum ferry_lock_class lock_class)
{
	if (ferry_lock_begin(&rw->lock, &lock_class))
		ferry_os_rw_init(&rw->os, lock_class);
}

void ferry_rw_fini(struct ferry_rw *rw)
{
	if (ferry_lock_end(&rw->lock))
		ferry_os_rw_fini(&rw->os);
}

void ferry_spin_init(struct ferry_spin *s, enum ferry_lock_class lock_class)
{
	if (ferry_lock_begin(&s->lock, &lock_class))
		ferry_os_spin_init(&s->os, lock_class);
}

void ferry_spin_fini(struct ferry_spin *s)
{
	if (ferry_lock_end(&s->lock))
		ferry_os_spin_fini(&s->os);
}

void ferry_sem_init(struct ferry_sem *s, enum ferry_lock_class lock_class)
{
	if (!ferry_lock_begin(&s->lock, &lock_class))
		return;
	s->given_line = 0;
	ferry_os_sem_init(&s->os, lock_class);
}

void ferry_sem_fini(struct ferry_sem *s)
{
	if (!ferry_lock_end(&s->lock))
		return;
	if (s->given_line)
		ferry_os_bug(s->given_file, s->given_line, "locks: a semaphore that was given here was never taken");
	else
		ferry_os_sem_fini(&s->os);
}
