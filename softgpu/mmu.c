/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mmu.c - page walks, and the protocol that makes an invalidate mean something.
 *
 *   TLB_INVALIDATE                                   engine
 *   write log[g], then generation = g  ------------>  sync: generation moved: drop what log[..g] names
 *   wait until seen >= g everywhere    <------------  seen = g
 *
 * A parked engine has seen = all ones: nobody waits for it. It enters by publishing what its TLB reflects and then
 * looking at the generation; the invalidate raises the generation and then looks at seen. One of them sees the
 * other.
 *
 * The log has FG1_INVALIDATE_LOG places. An engine that is too far behind, or is overtaken while it reads, drops
 * all it has.
 */
#include "gpu.h"

#define SEEN_PARKED UINT64_MAX
#define WALK_SHIFT (FERRY_PAGE_SHIFT + FG1_LEVEL_BITS * (FG1_LEVELS - 1)) /* of the index into the root */
#define PROBES_MAX 256u /* pages looked up one by one; above, the whole TLB is scanned once */

void fg1_mmu_init(struct fg1_mmu *mmu, struct fg1 *gpu, uint32_t engine)
{
	memset(mmu, 0, sizeof(*mmu));
	mmu->gpu = gpu;
	mmu->engine = engine;
	mmu->parked = true;
	mmu->generation = &gpu->tlb_generation;
	mmu->local_generation = ferry_os_load_acquire(&gpu->tlb_generation);
	ferry_os_store_relaxed(&mmu->seen, SEEN_PARKED);
}

void fg1_mmu_enter(struct fg1_mmu *mmu)
{
	mmu->parked = false;
	ferry_os_xchg(&mmu->seen, mmu->local_generation); /* full barrier; pairs with fg1_mmu_invalidate() */
	fg1_mmu_sync(mmu);
}

void fg1_mmu_leave(struct fg1_mmu *mmu)
{
	mmu->parked = true;
	ferry_os_store_release(&mmu->seen, SEEN_PARKED); /* pairs with fg1_mmu_invalidate() */
}

static void drop_pages(struct fg1_mmu *mmu, uint32_t asid, uint64_t first_page, uint64_t page_count)
{
	if (page_count <= PROBES_MAX) {
		for (uint64_t page = first_page; page < first_page + page_count; page++) {
			struct fg1_tlb_entry *e = &mmu->tlb[fg1_mmu_slot(asid, page)];

			if (e->page == page + 1 && e->asid == asid)
				e->page = 0;
		}
		return;
	}
	for (uint32_t i = 0; i < FG1_TLB_ENTRIES; i++) {
		struct fg1_tlb_entry *e = &mmu->tlb[i];

		if (e->page - 1 - first_page < page_count && e->asid == asid)
			e->page = 0;
	}
}

/* False when everything must go: the log says so, or no longer reaches back to from. */
static bool drop_logged(struct fg1_mmu *mmu, uint64_t from, uint64_t to)
{
	struct fg1 *gpu = mmu->gpu;

	if (to - from > FG1_INVALIDATE_LOG / 2)
		return false;
	for (uint64_t g = from + 1; g <= to; g++) {
		const struct fg1_invalidate_entry *e = &gpu->invalidate_log[g % FG1_INVALIDATE_LOG];
		uint64_t asid = ferry_os_load_acquire(&e->asid);
		uint64_t first = ferry_os_load_acquire(&e->first_page);
		uint64_t count = ferry_os_load_acquire(&e->page_count);

		if (asid == FG1_INVALIDATE_ALL)
			return false;
		drop_pages(mmu, (uint32_t)asid, first, count);
	}
	/* The writer of generation g + LOG writes its place before it publishes: leave that one out, too. */
	return ferry_os_load_acquire(&gpu->tlb_generation) - from < FG1_INVALIDATE_LOG - 1;
}

void fg1_mmu_resync(struct fg1_mmu *mmu, uint64_t generation)
{
	if (!drop_logged(mmu, mmu->local_generation, generation)) {
		for (uint32_t i = 0; i < FG1_TLB_ENTRIES; i++)
			mmu->tlb[i].page = 0;
	}
	mmu->local_generation = generation;
	if (!mmu->parked)
		ferry_os_store_release(&mmu->seen, generation); /* pairs with fg1_mmu_invalidate() */
}

static uint64_t post(struct fg1 *gpu, uint32_t asid, uint64_t va, uint64_t size_bytes)
{
	uint64_t first = va >> FERRY_PAGE_SHIFT;
	uint64_t last = size_bytes ? (va + size_bytes - 1) >> FERRY_PAGE_SHIFT : (FG1_VA_END - 1) >> FERRY_PAGE_SHIFT;
	struct fg1_invalidate_entry *e;
	uint64_t generation;

	ferry_os_spin_lock(&gpu->invalidates);
	generation = ferry_os_load_relaxed(&gpu->tlb_generation) + 1;
	e = &gpu->invalidate_log[generation % FG1_INVALIDATE_LOG];
	ferry_os_store_relaxed(&e->asid, asid);
	ferry_os_store_relaxed(&e->first_page, size_bytes ? first : 0);
	ferry_os_store_relaxed(&e->page_count, size_bytes ? last - first + 1 : last + 1);
	ferry_os_fetch_add(&gpu->tlb_generation, 1); /* full barrier; pairs with drop_logged(), fg1_mmu_enter() */
	ferry_os_spin_unlock(&gpu->invalidates);
	return generation;
}

/* Bounded: the engine syncs before its next memory access, and at the end of a burst or a piece of a copy. */
static void wait_seen(const struct fg1_mmu *mmu, uint64_t generation)
{
	while (ferry_os_load_acquire(&mmu->seen) < generation)
		ferry_os_relax();
}

void fg1_mmu_invalidate(struct fg1 *gpu, uint32_t asid, uint64_t va, uint64_t size_bytes)
{
	uint64_t generation = post(gpu, asid, va, size_bytes);
	uint64_t channels = ferry_os_load_acquire(&gpu->mmu_channels);

	for (uint32_t i = 0; i < gpu->config.sms; i++)
		wait_seen(&gpu->sms[i]->mmu, generation);
	for (; channels; channels &= channels - 1)
		wait_seen(gpu->channels[ferry_os_ctz64(channels)].mmu, generation);
}

void fg1_mmu_invalidate_post(struct fg1 *gpu, uint32_t asid, uint64_t va, uint64_t size_bytes)
{
	post(gpu, asid, va, size_bytes);
}

/* Where a leaf points for va; false when the entry is not one the device can use. */
static bool leaf_base(const struct fg1 *gpu, uint64_t pte, uint32_t level, uint64_t va, uint64_t *base)
{
	uint64_t address = pte & FG1_PTE_ADDR;

	if (level == FG1_LEVELS - 2) { /* 2 MiB */
		if (!fg1_has(gpu, FG1_CAP_HUGE_PAGES) || (pte & FG1_PTE_CONT) ||
		    !ferry_is_aligned(address, FERRY_BLOCK_SIZE))
			return false;
		*base = address | (va & (FERRY_BLOCK_SIZE - FERRY_PAGE_SIZE));
		return true;
	}
	if (level != FG1_LEVELS - 1)
		return false;
	*base = address;
	if (pte & FG1_PTE_CONT) { /* 64 KiB; an entry names the page's start, or its own piece of it */
		uint64_t piece = va & (FERRY_BIG_SIZE - FERRY_PAGE_SIZE);
		uint64_t named = address & (FERRY_BIG_SIZE - 1);

		if (!fg1_has(gpu, FG1_CAP_BIG_PAGES) || (named && named != piece))
			return false;
		*base = ferry_align_down(address, FERRY_BIG_SIZE) | piece;
	}
	return true;
}

static uint8_t *leaf_memory(const struct fg1 *gpu, uint64_t pte, uint64_t base, uint32_t *kind)
{
	uint8_t *memory = NULL;

	*kind = FG1_FAULT_BAD_PTE;
	if (!(pte & FG1_PTE_DEVICE)) {
		if (fg1_has(gpu, FG1_CAP_HOST_MAP))
			memory = fg1_dma(gpu, base, FERRY_PAGE_SIZE, (pte & FG1_PTE_WRITE) != 0);
		return memory;
	}
	if (base >= gpu->config.vram_bytes) /* both are multiples of a page */
		return NULL;
	if (fg1_knob(gpu, FG1_KNOB_POISON_PAGE) == (base >> FERRY_PAGE_SHIFT) + 1) {
		*kind = FG1_FAULT_POISON;
		return NULL;
	}
	return (uint8_t *)gpu->config.vram + base;
}

/* The leaf that maps va and its level; FG1_FAULT_NOT_PRESENT or BAD_PTE in *kind otherwise. */
static bool find_leaf(const struct fg1 *gpu, uint32_t asid, uint64_t va, uint64_t *out, uint32_t *level,
                      uint32_t *kind)
{
	uint64_t table = gpu->spaces[asid].root_bus;

	*kind = FG1_FAULT_NOT_PRESENT;
	if (!gpu->spaces[asid].bound)
		return false;
	for (uint32_t i = 0, shift = WALK_SHIFT; i < FG1_LEVELS; i++, shift -= FG1_LEVEL_BITS) {
		const uint64_t *entries = fg1_dma(gpu, table, FERRY_PAGE_SIZE, false);
		uint64_t pte;

		if (!entries) {
			*kind = FG1_FAULT_BAD_PTE;
			return false;
		}
		pte = ferry_os_dma_load64(&entries[(va >> shift) & ((1u << FG1_LEVEL_BITS) - 1)]);
		if ((pte & ~FG1_PTE_ADDR) == FG1_PTE_VALID && i + 1 < FG1_LEVELS) { /* a table pointer has VAL only */
			table = pte & FG1_PTE_ADDR;
			continue;
		}
		*kind = FG1_FAULT_BAD_PTE;
		if (!(pte & FG1_PTE_VALID)) {
			*kind = FG1_FAULT_NOT_PRESENT;
			return false;
		}
		*out = pte;
		*level = i;
		return (pte & FG1_PTE_LEAF) && !(pte & FG1_PTE_RESERVED);
	}
	return false;
}

uint8_t *fg1_mmu_walk(struct fg1_mmu *mmu, uint32_t asid, uint64_t va, uint32_t access, uint32_t *kind)
{
	struct fg1 *gpu = mmu->gpu;
	struct fg1_tlb_entry *e = &mmu->tlb[fg1_mmu_slot(asid, va >> FERRY_PAGE_SHIFT)];
	uint32_t allow = 1u << FERRY_ACCESS_READ;
	uint64_t pte, base;
	uint32_t level;
	uint8_t *memory;

	mmu->misses++;
	if (asid >= FG1_ASIDS || va >= FG1_VA_END) {
		*kind = FG1_FAULT_NOT_PRESENT;
		return NULL;
	}
	if (!find_leaf(gpu, asid, va, &pte, &level, kind))
		return NULL;
	*kind = FG1_FAULT_BAD_PTE;
	if (!leaf_base(gpu, pte, level, va, &base))
		return NULL;
	memory = leaf_memory(gpu, pte, base, kind);
	if (!memory)
		return NULL;
	if (pte & FG1_PTE_WRITE)
		allow |= 1u << FERRY_ACCESS_WRITE | (pte & FG1_PTE_ATOMIC ? 1u << FERRY_ACCESS_ATOMIC : 0);
	if (!((allow >> access) & 1)) {
		*kind = FG1_FAULT_PERMISSION;
		return NULL;
	}
	*e = (struct fg1_tlb_entry){
		.page = (va >> FERRY_PAGE_SHIFT) + 1, .memory = memory, .asid = asid, .allow = allow};
	return memory + (va & (FERRY_PAGE_SIZE - 1));
}
