/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock.c - birth and death of locks. The verbs are in lock.h, the check in lock_check.[ch].
 */
#include "lock/lock.h"

/* A class out of range would index past the rules for as long as the lock lives: it becomes the strictest one. */
enum ferry_lock_class ferry_lock_checked_class(enum ferry_lock_class lock_class)
{
	return FERRY_ASSERT((uint32_t)lock_class < FERRY_LOCK_CLASSES) ? lock_class : FERRY_LOCK_LEAF;
}

void ferry_mutex_init(struct ferry_mutex *m, enum ferry_lock_class lock_class)
{
	lock_class = ferry_lock_checked_class(lock_class);
	m->row = &ferry_lock_rows[lock_class];
	ferry_os_mutex_init(&m->os, lock_class);
}

void ferry_mutex_fini(struct ferry_mutex *m)
{
	ferry_os_mutex_fini(&m->os);
}

void ferry_rw_init(struct ferry_rw *rw, enum ferry_lock_class lock_class)
{
	lock_class = ferry_lock_checked_class(lock_class);
	rw->row = &ferry_lock_rows[lock_class];
	ferry_os_rw_init(&rw->os, lock_class);
}

void ferry_rw_fini(struct ferry_rw *rw)
{
	ferry_os_rw_fini(&rw->os);
}

void ferry_spin_init(struct ferry_spin *s, enum ferry_lock_class lock_class)
{
	lock_class = ferry_lock_checked_class(lock_class);
	s->row = &ferry_lock_rows[lock_class];
	ferry_os_spin_init(&s->os, lock_class);
}

void ferry_spin_fini(struct ferry_spin *s)
{
	ferry_os_spin_fini(&s->os);
}

void ferry_sem_init(struct ferry_sem *s, enum ferry_lock_class lock_class)
{
	lock_class = ferry_lock_checked_class(lock_class);
	s->row = &ferry_lock_rows[lock_class];
	ferry_os_sem_init(&s->os, lock_class);
}

void ferry_sem_fini(struct ferry_sem *s)
{
	ferry_os_sem_fini(&s->os);
}
