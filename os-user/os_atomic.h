/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_atomic.h (process host) - atomics, device-visible memory, barriers and bits.
 *
 * dma_load64 is an acquire and dma_store64 a release: free on x86-64, and ThreadSanitizer, which does not
 * know fences, then sees the same order that dma_rmb and dma_wmb give.
 */
#ifndef FERRY_USER_OS_ATOMIC_H
#define FERRY_USER_OS_ATOMIC_H

#include "ferry/os.h"

static inline uint64_t ferry_os_load_relaxed(const struct ferry_os_atomic *a)
{
	return __atomic_load_n(&a->v, __ATOMIC_RELAXED);
}

static inline uint64_t ferry_os_load_acquire(const struct ferry_os_atomic *a)
{
	return __atomic_load_n(&a->v, __ATOMIC_ACQUIRE);
}

static inline void ferry_os_store_relaxed(struct ferry_os_atomic *a, uint64_t v)
{
	__atomic_store_n(&a->v, v, __ATOMIC_RELAXED);
}

static inline void ferry_os_store_release(struct ferry_os_atomic *a, uint64_t v)
{
	__atomic_store_n(&a->v, v, __ATOMIC_RELEASE);
}

static inline uint64_t ferry_os_fetch_add(struct ferry_os_atomic *a, uint64_t v)
{
	return __atomic_fetch_add(&a->v, v, __ATOMIC_SEQ_CST);
}

static inline uint64_t ferry_os_fetch_or(struct ferry_os_atomic *a, uint64_t v)
{
	return __atomic_fetch_or(&a->v, v, __ATOMIC_SEQ_CST);
}

static inline uint64_t ferry_os_xchg(struct ferry_os_atomic *a, uint64_t v)
{
	return __atomic_exchange_n(&a->v, v, __ATOMIC_SEQ_CST);
}

static inline uint64_t ferry_os_cmpxchg(struct ferry_os_atomic *a, uint64_t expect, uint64_t v)
{
	__atomic_compare_exchange_n(&a->v, &expect, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return expect;
}

static inline uint64_t ferry_os_dma_load64(const void *p)
{
	return __atomic_load_n((const uint64_t *)p, __ATOMIC_ACQUIRE);
}

static inline void ferry_os_dma_store64(void *p, uint64_t v)
{
	__atomic_store_n((uint64_t *)p, v, __ATOMIC_RELEASE);
}

/* A full fence as an operation on memory of this thread's own: the one form ThreadSanitizer accepts. */
static inline void ferry_user_tsan_fence(void)
{
	uint64_t own = 0;

	__atomic_fetch_add(&own, 1, __ATOMIC_SEQ_CST);
}

#if FERRY_USER_TSAN
#define FERRY_USER_FENCE(order) ferry_user_tsan_fence()
#else
#define FERRY_USER_FENCE(order) __atomic_thread_fence(order)
#endif

static inline void ferry_os_dma_rmb(void)
{
	FERRY_USER_FENCE(__ATOMIC_ACQUIRE);
}

static inline void ferry_os_dma_wmb(void)
{
	FERRY_USER_FENCE(__ATOMIC_RELEASE);
}

static inline void ferry_os_mb(void)
{
	FERRY_USER_FENCE(__ATOMIC_SEQ_CST);
}

static inline uint32_t ferry_os_popcount64(uint64_t v)
{
	/* In place: without a CPU switch the compiler's builtin is a call into libgcc. Knuth, TAOCP 4A, 7.1.3. */
	v -= (v >> 1) & 0x5555555555555555ull;
	v = (v & 0x3333333333333333ull) + ((v >> 2) & 0x3333333333333333ull);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (uint32_t)((v * 0x0101010101010101ull) >> 56);
}

static inline uint32_t ferry_os_ctz64(uint64_t v)
{
	return (uint32_t)__builtin_ctzll(v);
}

static inline uint32_t ferry_os_clz64(uint64_t v)
{
	return (uint32_t)__builtin_clzll(v);
}

#endif /* FERRY_USER_OS_ATOMIC_H */
