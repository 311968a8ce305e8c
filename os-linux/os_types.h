/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_types.h (kernel host) - the structs behind os.h, complete, so that the core can embed them.
 * Bodies: os_impl.h.
 *
 * The pure parts see the kernel's fixed-width types and memcpy from here, and the few limits that
 * <stdint.h> would have given them.
 */
#ifndef FERRY_KERNEL_OS_TYPES_H
#define FERRY_KERNEL_OS_TYPES_H

#include <linux/types.h>
#include <linux/limits.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/spinlock.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/semaphore.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#ifndef CONFIG_64BIT
#error "Ferry needs a 64-bit kernel: a word that a device writes is one load."
#endif

#ifndef UINT32_MAX
#define UINT32_MAX U32_MAX
#endif
#ifndef UINT64_MAX
#define UINT64_MAX U64_MAX
#endif
#ifndef INT32_MIN
#define INT32_MIN S32_MIN
#endif
#ifndef INT64_MIN
#define INT64_MIN S64_MIN
#endif

/* The same bytes as an atomic64_t, which os_atomic.h takes it for. */
struct ferry_os_atomic {
	uint64_t v;
} __aligned(8);

struct ferry_os_spin {
	spinlock_t lock;     /* the lock itself: what it guards is said where it is used */
	unsigned long flags; /* of the holder, written and read by it alone */
};

struct ferry_os_mutex {
	struct mutex lock; /* as above */
};

struct ferry_os_rw {
	struct rw_semaphore lock;
};

struct ferry_os_lockmap {
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	struct lockdep_map map;
#else
	u8 lock_class;
#endif
};

struct ferry_os_sem {
	struct semaphore sem;
};

/* A character device may poll_wait() on head. */
struct ferry_os_wait {
	wait_queue_head_t head;
};

struct ferry_os_work {
	struct work_struct work;
	void (*fn)(void *arg);
	void *arg;
};

struct ferry_os_timer {
	struct delayed_work work;
	void (*fn)(void *arg);
	void *arg;
};

#endif /* FERRY_KERNEL_OS_TYPES_H */
