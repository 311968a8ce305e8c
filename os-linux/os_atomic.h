/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_atomic.h (kernel host) - atomics, device-visible memory, barriers, bits, thread and time.
 *
 * Atomics are the kernel's own atomic64_t: marked accesses for KCSAN, and fully ordered where they
 * return a value.
 */
#ifndef FERRY_KERNEL_OS_ATOMIC_H
#define FERRY_KERNEL_OS_ATOMIC_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/ktime.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <asm/barrier.h>

#include "ferry/os.h"

/* One is taken for the other. */
static_assert(sizeof(struct ferry_os_atomic) == sizeof(atomic64_t));
static_assert(__alignof__(struct ferry_os_atomic) >= __alignof__(atomic64_t));

static inline atomic64_t *ferry_kernel_atomic(struct ferry_os_atomic *a)
{
	return (atomic64_t *)a;
}

static inline const atomic64_t *ferry_kernel_atomic_const(const struct ferry_os_atomic *a)
{
	return (const atomic64_t *)a;
}

static inline uint64_t ferry_os_load_relaxed(const struct ferry_os_atomic *a)
{
	return (uint64_t)atomic64_read(ferry_kernel_atomic_const(a));
}

static inline uint64_t ferry_os_load_acquire(const struct ferry_os_atomic *a)
{
	return (uint64_t)atomic64_read_acquire(ferry_kernel_atomic_const(a));
}

static inline void ferry_os_store_relaxed(struct ferry_os_atomic *a, uint64_t v)
{
	atomic64_set(ferry_kernel_atomic(a), (s64)v);
}

static inline void ferry_os_store_release(struct ferry_os_atomic *a, uint64_t v)
{
	atomic64_set_release(ferry_kernel_atomic(a), (s64)v);
}

static inline uint64_t ferry_os_fetch_add(struct ferry_os_atomic *a, uint64_t v)
{
	return (uint64_t)atomic64_fetch_add((s64)v, ferry_kernel_atomic(a));
}

static inline uint64_t ferry_os_fetch_or(struct ferry_os_atomic *a, uint64_t v)
{
	return (uint64_t)atomic64_fetch_or((s64)v, ferry_kernel_atomic(a));
}

static inline uint64_t ferry_os_xchg(struct ferry_os_atomic *a, uint64_t v)
{
	return (uint64_t)atomic64_xchg(ferry_kernel_atomic(a), (s64)v);
}

static inline uint64_t ferry_os_cmpxchg(struct ferry_os_atomic *a, uint64_t expect, uint64_t v)
{
	return (uint64_t)atomic64_cmpxchg(ferry_kernel_atomic(a), (s64)expect, (s64)v);
}

static inline uint64_t ferry_os_dma_load64(const void *p)
{
	return READ_ONCE(*(const uint64_t *)p);
}

static inline void ferry_os_dma_store64(void *p, uint64_t v)
{
	WRITE_ONCE(*(uint64_t *)p, v);
}

static inline void ferry_os_dma_rmb(void)
{
	/* Pairs with the device's writes in order; a device may be another CPU, as the FG-1 is. */
	dma_rmb();
	/* Pairs with smp_wmb() of such a device. */
	smp_rmb();
}

static inline void ferry_os_dma_wmb(void)
{
	/* Pairs with the device's reads in order; a device may be another CPU, as the FG-1 is. */
	dma_wmb();
	/* Pairs with smp_rmb() of such a device. */
	smp_wmb();
}

static inline void ferry_os_mb(void)
{
	/* Pairs with what the caller of the hook says. */
	mb();
}

static inline uint32_t ferry_os_popcount64(uint64_t v)
{
	return (uint32_t)hweight64(v);
}

static inline uint32_t ferry_os_ctz64(uint64_t v)
{
	return (uint32_t)__ffs64(v);
}

static inline uint32_t ferry_os_clz64(uint64_t v)
{
	return 64u - (uint32_t)fls64(v);
}

/* ---- thread, time ---- */

/* In an interrupt: whom it interrupted. */
static inline uint64_t ferry_os_self(void)
{
	return (uint64_t)(uintptr_t)current;
}

/* False in a forced-threaded handler (threadirqs, PREEMPT_RT), which is a thread. */
static inline bool ferry_os_in_irq(void)
{
	return in_hardirq();
}

void ferry_kernel_relax(void);
static inline void ferry_os_relax(void)
{
	ferry_kernel_relax();
}

static inline uint64_t ferry_os_now_ns(void)
{
	return ktime_get_ns();
}

static inline uint64_t ferry_os_stamp(void)
{
	return ktime_get_ns();
}

static inline uint64_t ferry_os_since_ns(uint64_t stamp)
{
	return ktime_get_ns() - stamp;
}

#endif /* FERRY_KERNEL_OS_ATOMIC_H */
