/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fake_mmu.h - the MMU of softgpu/mmu.h over a flat table, for tests, benches and fuzzing of the interpreter.
 *
 *   va FAKE_VA + i * 4096  ->  pages[i]: memory, and what is allowed; every asid sees the same
 *
 * What is taken away is gone after fake_invalidate() and the engine's next fg1_mmu_sync, as in the device. Include it
 * in one file of a program: it defines struct fg1 and the functions of mmu.h.
 */
#ifndef FERRY_TEST_FAKE_MMU_H
#define FERRY_TEST_FAKE_MMU_H

#include <stdlib.h>

#include "mmu.h"

#define FAKE_VA 0x7f0000000000ull

struct fake_page {
	bool present, read_only, no_atomics;
};

struct fg1 {
	struct ferry_os_atomic generation;
	uint8_t *memory; /* page_count pages */
	struct fake_page *pages;
	uint32_t page_count;
	struct ferry_os_atomic resyncs;
};

void fg1_mmu_init(struct fg1_mmu *mmu, struct fg1 *gpu, uint32_t engine)
{
	memset(mmu, 0, sizeof(*mmu));
	mmu->gpu = gpu;
	mmu->engine = engine;
	mmu->generation = &gpu->generation;
	mmu->parked = true;
}

void fg1_mmu_enter(struct fg1_mmu *mmu)
{
	mmu->parked = false;
	fg1_mmu_sync(mmu);
}

void fg1_mmu_leave(struct fg1_mmu *mmu)
{
	mmu->parked = true;
}

void fg1_mmu_resync(struct fg1_mmu *mmu, uint64_t generation)
{
	memset(mmu->tlb, 0, sizeof(mmu->tlb));
	mmu->local_generation = generation;
	ferry_os_fetch_add(&mmu->gpu->resyncs, 1);
}

uint8_t *fg1_mmu_walk(struct fg1_mmu *mmu, uint32_t asid, uint64_t va, uint32_t access, uint32_t *kind)
{
	struct fg1 *gpu = mmu->gpu;
	uint64_t index = (va - FAKE_VA) >> FERRY_PAGE_SHIFT;
	struct fg1_tlb_entry *e = &mmu->tlb[fg1_mmu_slot(asid, va >> FERRY_PAGE_SHIFT)];
	const struct fake_page *page;

	mmu->misses++;
	if (va < FAKE_VA || index >= gpu->page_count || !gpu->pages[index].present) {
		*kind = FG1_FAULT_NOT_PRESENT;
		return NULL;
	}
	page = &gpu->pages[index];
	if ((access != FERRY_ACCESS_READ && page->read_only) || (access == FERRY_ACCESS_ATOMIC && page->no_atomics)) {
		*kind = FG1_FAULT_PERMISSION;
		return NULL;
	}
	e->page = (va >> FERRY_PAGE_SHIFT) + 1;
	e->memory = gpu->memory + index * FERRY_PAGE_SIZE;
	e->asid = asid;
	e->allow = page->read_only ? 1u : page->no_atomics ? 3u : 7u;
	return e->memory + (va & (FERRY_PAGE_SIZE - 1));
}

/* page_count pages of zeros, all present and writable. */
static inline void fake_init(struct fg1 *gpu, uint32_t page_count)
{
	memset(gpu, 0, sizeof(*gpu));
	gpu->page_count = page_count;
	gpu->memory = aligned_alloc(FERRY_PAGE_SIZE, (size_t)page_count * FERRY_PAGE_SIZE);
	gpu->pages = calloc(page_count, sizeof(*gpu->pages));
	if (!gpu->memory || !gpu->pages)
		abort();
	memset(gpu->memory, 0, (size_t)page_count * FERRY_PAGE_SIZE);
	for (uint32_t i = 0; i < page_count; i++)
		gpu->pages[i].present = true;
}

static inline void fake_fini(struct fg1 *gpu)
{
	free(gpu->memory);
	free(gpu->pages);
}

static inline void fake_invalidate(struct fg1 *gpu)
{
	ferry_os_fetch_add(&gpu->generation, 1);
}

static inline uint64_t fake_va(uint64_t offset_bytes)
{
	return FAKE_VA + offset_bytes;
}

static inline uint8_t *fake_memory(struct fg1 *gpu, uint64_t va)
{
	return gpu->memory + (va - FAKE_VA);
}

#endif /* FERRY_TEST_FAKE_MMU_H */
