/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mmu.h - address translation of the software GPU: one fg1_mmu per engine, with its TLB.
 *
 *   va --hash--> TLB entry? --hit--> host pointer + offset
 *                    | miss, or the entry forbids the access
 *                    v
 *              walk the four levels in host memory (docs/fg1.md) --> fill TLB, or a fault kind
 *
 * Invalidates: an engine looks at gpu->tlb_generation before each memory instruction (fg1_mmu_sync). When it moved,
 * the engine drops its TLB and publishes the generation it has reached; TLB_INVALIDATE raises the generation and
 * waits until every running engine has published it (parked engines hold nothing and need no wait). After the
 * wait no engine uses a pointer it got before. So a pointer is good until the engine's next fg1_mmu_sync.
 *
 * An fg1_mmu is used by the thread that runs its engine only; generation words are shared (atomics).
 */
#ifndef FERRY_FG1_MMU_H
#define FERRY_FG1_MMU_H

#include "ferry/os.h"
#include "ferry/fg1.h"

#define FG1_TLB_ENTRIES 1024u /* direct mapped by a hash; a power of two */

struct fg1_tlb_entry {
	uint64_t page;   /* va >> 12, plus one; 0 = empty */
	uint8_t *memory; /* of that 4 KiB page */
	uint32_t asid;
	uint32_t allow; /* bit per enum ferry_access */
};

struct fg1_mmu {
	struct fg1 *gpu;
	uint32_t engine;
	bool parked;                        /* engine thread only: outside fg1_mmu_enter/leave */
	struct ferry_os_atomic seen;        /* generation reached; all ones while parked. Read by invalidates */
	struct ferry_os_atomic *generation; /* &gpu->tlb_generation */
	uint64_t local_generation;          /* of the entries held */
	uint64_t hits, misses;
	struct fg1_tlb_entry tlb[FG1_TLB_ENTRIES];
};

void fg1_mmu_init(struct fg1_mmu *mmu, struct fg1 *gpu, uint32_t engine);
/* Between enter and leave the engine may hold pointers. Both are cheap; leave before waiting or returning. */
void fg1_mmu_enter(struct fg1_mmu *mmu);
void fg1_mmu_leave(struct fg1_mmu *mmu);
/* The slow half of fg1_mmu_sync: drop the TLB, publish. */
void fg1_mmu_resync(struct fg1_mmu *mmu, uint64_t generation);
/* Walk and fill. NULL and *kind (FG1_FAULT_*) on a fault. va below 2^48. */
uint8_t *fg1_mmu_walk(struct fg1_mmu *mmu, uint32_t asid, uint64_t va, uint32_t access, uint32_t *kind);

/* Pointers from before this call must not be used after it. Pairs with the wait in fg1_mmu_invalidate(). */
static inline void fg1_mmu_sync(struct fg1_mmu *mmu)
{
	uint64_t now = ferry_os_load_acquire(mmu->generation);

	if (__builtin_expect(now != mmu->local_generation, 0))
		fg1_mmu_resync(mmu, now);
}

static inline uint32_t fg1_mmu_slot(uint32_t asid, uint64_t page)
{
	/* Multiplicative hash: arrays a power of two apart must not collide. */
	return (uint32_t)(((page ^ ((uint64_t)asid << 36)) * 0x9e3779b97f4a7c15ull) >> 54);
}

/*
 * The byte at va for this access, good up to the end of its 4 KiB page; NULL and *kind on a fault. access:
 * enum ferry_access. Call fg1_mmu_sync first, once per warp instruction.
 */
static inline uint8_t *fg1_mmu_translate(struct fg1_mmu *mmu, uint32_t asid, uint64_t va, uint32_t access,
                                         uint32_t *kind)
{
	uint64_t page = va >> FERRY_PAGE_SHIFT;
	struct fg1_tlb_entry *e = &mmu->tlb[fg1_mmu_slot(asid, page)];

	if (__builtin_expect(e->page == page + 1 && e->asid == asid && ((e->allow >> access) & 1), 1)) {
		mmu->hits++;
		return e->memory + (va & (FERRY_PAGE_SIZE - 1));
	}
	return fg1_mmu_walk(mmu, asid, va, access, kind);
}

_Static_assert(FG1_TLB_ENTRIES == 1u << (64 - 54), "fg1_mmu_slot() gives ten bits");

#endif /* FERRY_FG1_MMU_H */
