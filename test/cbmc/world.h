/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * world.h - what the proofs put under checks/pure_os: bits, atomics, and a bug that fails the proof. A hook without a
 * body here returns anything.
 *
 * any_*(): any value. assume(): only the cases in which it holds. same(): an assertion.
 */
#ifndef FERRY_CBMC_WORLD_H
#define FERRY_CBMC_WORLD_H

#include "ferry/os.h"

#ifdef __CPROVER__
/* A variable without a value has every value. */
static inline uint64_t any_u64(void)
{
	uint64_t v;

	return v;
}
#else /* a compiler, which only looks */
uint64_t any_u64(void);
void __CPROVER_assume(bool what);
void __CPROVER_assert(bool what, const char *text);
#endif

static inline uint32_t any_u32(void)
{
	return (uint32_t)any_u64();
}

static inline bool any_bool(void)
{
	return any_u64() & 1;
}

#define assume(what) __CPROVER_assume(what)
#define prove(what) __CPROVER_assert(what, #what)

/* Proofs of what happens to a caller who breaks the rules say so. */
static bool bug_is_allowed;
static bool bug_was;

void world_bug(const char *file, uint32_t line, const char *what)
{
	(void)file;
	(void)line;
	(void)what;
	bug_was = true;
	__CPROVER_assert(bug_is_allowed, "an assertion of the code");
}

uint32_t world_popcount64(uint64_t v)
{
	return (uint32_t)__builtin_popcountll(v);
}

uint32_t world_ctz64(uint64_t v)
{
	__CPROVER_assert(v != 0, "ctz of 0");
	return (uint32_t)__builtin_ctzll(v);
}

uint32_t world_clz64(uint64_t v)
{
	__CPROVER_assert(v != 0, "clz of 0");
	return (uint32_t)__builtin_clzll(v);
}

uint64_t world_load_relaxed(const struct ferry_os_atomic *a)
{
	return a->v;
}

uint64_t world_load_acquire(const struct ferry_os_atomic *a)
{
	return a->v;
}

void world_store_relaxed(struct ferry_os_atomic *a, uint64_t v)
{
	a->v = v;
}

void world_store_release(struct ferry_os_atomic *a, uint64_t v)
{
	a->v = v;
}

uint64_t world_dma_load64(const void *p)
{
	return *(const uint64_t *)p;
}

void world_dma_store64(void *p, uint64_t v)
{
	*(uint64_t *)p = v;
}

void world_dma_rmb(void)
{
}

void world_dma_wmb(void)
{
}

uint64_t world_now_ns(void)
{
	return any_u64();
}

void world_spin_lock(struct ferry_os_spin *s)
{
	(void)s;
}

void world_spin_unlock(struct ferry_os_spin *s)
{
	(void)s;
}

#endif /* FERRY_CBMC_WORLD_H */
