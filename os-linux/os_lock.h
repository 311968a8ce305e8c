/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_lock.h (kernel host) - locks.
 *
 * spin   spinlock_t with interrupts off. On PREEMPT_RT it sleeps, and interrupts stay on: handlers
 * are threads there (os.h's "irq" is then such a thread), so it excludes them all the same. mutex
 * struct mutex. rw: struct rw_semaphore, a queued writer blocks new readers. sem    struct
 * semaphore of one, the kernel's only lock that another context may release. down is not killable:
 * it is held for one batch of faults.
 *
 * lock_class names the lockdep class: one per kind and class (os_lock.c). Lockdep does not follow
 * semaphores.
 */
#ifndef FERRY_KERNEL_OS_LOCK_H
#define FERRY_KERNEL_OS_LOCK_H

#include "ferry/os.h"

void ferry_kernel_spin_init(struct ferry_os_spin *s, uint32_t lock_class);
void ferry_kernel_mutex_init(struct ferry_os_mutex *m, uint32_t lock_class);
void ferry_kernel_rw_init(struct ferry_os_rw *rw, uint32_t lock_class);
void ferry_kernel_sem_init(struct ferry_os_sem *s, uint32_t lock_class);
void ferry_kernel_lockmap_init(struct ferry_os_lockmap *m, uint32_t lock_class);

static inline void ferry_os_spin_init(struct ferry_os_spin *s, uint32_t lock_class)
{
	ferry_kernel_spin_init(s, lock_class);
}

static inline void ferry_os_spin_fini(struct ferry_os_spin *s)
{
	if (spin_is_locked(&s->lock))
		ferry_os_bug(__FILE__, __LINE__, "a spin lock ends while it is held");
}

/*
 * For sparse each of these is even: who takes and leaves locks through them is the core, whose
 * verbs may refuse to, and which is held to its locks by its own check and by clang.
 */
static inline void ferry_os_spin_lock(struct ferry_os_spin *s)
{
	unsigned long flags;

	spin_lock_irqsave(&s->lock, flags);
	s->flags = flags; /* only now: until here the holder's lie there */
	__release(&s->lock);
}

static inline bool ferry_os_spin_trylock(struct ferry_os_spin *s)
{
	unsigned long flags;

	if (!spin_trylock_irqsave(&s->lock, flags))
		return false;
	s->flags = flags;
	__release(&s->lock);
	return true;
}

static inline void ferry_os_spin_unlock(struct ferry_os_spin *s)
{
	unsigned long flags = s->flags;

	__acquire(&s->lock);
	spin_unlock_irqrestore(&s->lock, flags);
}

static inline void ferry_os_mutex_init(struct ferry_os_mutex *m, uint32_t lock_class)
{
	ferry_kernel_mutex_init(m, lock_class);
}

static inline void ferry_os_mutex_fini(struct ferry_os_mutex *m)
{
	if (mutex_is_locked(&m->lock))
		ferry_os_bug(__FILE__, __LINE__, "a mutex ends while it is held");
	mutex_destroy(&m->lock);
}

static inline void ferry_os_mutex_lock(struct ferry_os_mutex *m)
{
	mutex_lock(&m->lock);
}

static inline bool ferry_os_mutex_lock_killable(struct ferry_os_mutex *m)
{
	return mutex_lock_killable(&m->lock) == 0;
}

static inline bool ferry_os_mutex_trylock(struct ferry_os_mutex *m)
{
	return mutex_trylock(&m->lock) != 0;
}

static inline void ferry_os_mutex_unlock(struct ferry_os_mutex *m)
{
	mutex_unlock(&m->lock);
}

static inline void ferry_os_rw_init(struct ferry_os_rw *rw, uint32_t lock_class)
{
	ferry_kernel_rw_init(rw, lock_class);
}

static inline void ferry_os_rw_fini(struct ferry_os_rw *rw)
{
	if (rwsem_is_locked(&rw->lock))
		ferry_os_bug(__FILE__, __LINE__, "a read-write lock ends while it is held");
}

static inline void ferry_os_rw_read_lock(struct ferry_os_rw *rw)
{
	down_read(&rw->lock);
}

static inline bool ferry_os_rw_read_trylock(struct ferry_os_rw *rw)
{
	return down_read_trylock(&rw->lock) != 0;
}

static inline void ferry_os_rw_read_unlock(struct ferry_os_rw *rw)
{
	up_read(&rw->lock);
}

static inline void ferry_os_rw_write_lock(struct ferry_os_rw *rw)
{
	down_write(&rw->lock);
}

static inline bool ferry_os_rw_write_trylock(struct ferry_os_rw *rw)
{
	return down_write_trylock(&rw->lock) != 0;
}

static inline void ferry_os_rw_write_unlock(struct ferry_os_rw *rw)
{
	up_write(&rw->lock);
}

static inline void ferry_os_lockmap_init(struct ferry_os_lockmap *m, uint32_t lock_class)
{
	ferry_kernel_lockmap_init(m, lock_class);
}

static inline void ferry_os_lockmap_acquire(struct ferry_os_lockmap *m, bool exclusive, bool tried)
{
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	if (!tried)
		might_sleep();
	lock_acquire(&m->map, 0, tried, exclusive ? 0 : 1, 1, NULL, _RET_IP_);
#endif
}

static inline void ferry_os_lockmap_release(struct ferry_os_lockmap *m)
{
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	lock_release(&m->map, _RET_IP_);
#endif
}

static inline void ferry_os_sem_init(struct ferry_os_sem *s, uint32_t lock_class)
{
	ferry_kernel_sem_init(s, lock_class);
}

static inline void ferry_os_sem_fini(struct ferry_os_sem *s)
{
	if (down_trylock(&s->sem))
		ferry_os_bug(__FILE__, __LINE__, "a semaphore ends while it is down");
}

static inline void ferry_os_sem_down(struct ferry_os_sem *s)
{
	down(&s->sem);
}

static inline bool ferry_os_sem_try(struct ferry_os_sem *s)
{
	return down_trylock(&s->sem) == 0;
}

static inline void ferry_os_sem_up(struct ferry_os_sem *s)
{
	up(&s->sem);
}

#endif /* FERRY_KERNEL_OS_LOCK_H */
