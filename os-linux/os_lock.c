// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * os_lock.c (kernel host) - making locks: each kind and class has a lockdep class of its own, with
 * its name.
 */
#include <linux/export.h>
#include <linux/lockdep.h>

#include "ferry/os.h"
#include "lock/lock_order.h"

static_assert(FERRY_LOCK_CLASSES <= FERRY_OS_CLASS_MODEL, "the core's rows come first");

enum lock_kind { KIND_SPIN, KIND_MUTEX, KIND_RW, KIND_SEM, KIND_MAP, KINDS };

/* Rows of the software GPU: softgpu/gpu.h. */
/* clang-format off */
static const char *const names[FERRY_OS_CLASSES] = {
#define x(name, kind, per, taken, never, excl, sub) \
	[FERRY_LOCK_##name] = "ferry-" #name,
	FERRY_LOCK_ORDER(x)
#undef x
	[FERRY_OS_CLASS_MODEL + 0] = "fg1-control",
	[FERRY_OS_CLASS_MODEL + 1] = "fg1-exclusive",
	[FERRY_OS_CLASS_MODEL + 2] = "fg1-sched",
	[FERRY_OS_CLASS_MODEL + 3] = "fg1-invalidates",
	[FERRY_OS_CLASS_MODEL + 4] = "fg1-status",
	[FERRY_OS_CLASS_MODEL + 5] = "fg1-fault",
};

/* clang-format on */

static struct lock_class_key keys[KINDS][FERRY_OS_CLASSES];

static struct lock_class_key *class_key(enum lock_kind kind, uint32_t lock_class)
{
	return &keys[kind][lock_class < FERRY_OS_CLASSES ? lock_class : FERRY_OS_CLASSES - 1];
}

static const char *class_name(uint32_t lock_class)
{
	return lock_class < FERRY_OS_CLASSES && names[lock_class] ? names[lock_class]
								  : "ferry-host";
}

void ferry_kernel_spin_init(struct ferry_os_spin *s, uint32_t lock_class)
{
	spin_lock_init(&s->lock);
	lockdep_set_class_and_name(&s->lock, class_key(KIND_SPIN, lock_class),
				   class_name(lock_class));
	s->flags = 0;
}
EXPORT_SYMBOL_GPL(ferry_kernel_spin_init);

void ferry_kernel_mutex_init(struct ferry_os_mutex *m, uint32_t lock_class)
{
	mutex_init(&m->lock);
	lockdep_set_class_and_name(&m->lock, class_key(KIND_MUTEX, lock_class),
				   class_name(lock_class));
}
EXPORT_SYMBOL_GPL(ferry_kernel_mutex_init);

void ferry_kernel_rw_init(struct ferry_os_rw *rw, uint32_t lock_class)
{
	init_rwsem(&rw->lock);
	lockdep_set_class_and_name(&rw->lock, class_key(KIND_RW, lock_class),
				   class_name(lock_class));
}
EXPORT_SYMBOL_GPL(ferry_kernel_rw_init);

/* The class is that of the semaphore's inner lock. */
void ferry_kernel_sem_init(struct ferry_os_sem *s, uint32_t lock_class)
{
	sema_init(&s->sem, 1);
	lockdep_set_class_and_name(&s->sem.lock, class_key(KIND_SEM, lock_class),
				   class_name(lock_class));
}
EXPORT_SYMBOL_GPL(ferry_kernel_sem_init);

/* A lock that the core makes itself: lockdep sees it as it sees any other. */
void ferry_kernel_lockmap_init(struct ferry_os_lockmap *m, uint32_t lock_class)
{
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	lockdep_init_map(&m->map, class_name(lock_class), class_key(KIND_MAP, lock_class), 0);
#else
	m->lock_class = lock_class;
#endif
}
EXPORT_SYMBOL_GPL(ferry_kernel_lockmap_init);
