/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "va/block_map.h"
#include "gpu/device.h"
#include "va/va_space.h"

/* More runs than this and one call over the whole span is cheaper; what lies between costs one soft fault later. */
#define ZAP_RUNS_MAX 4u
#define GROUP_ALL ((1ull << FERRY_BIG_PAGES) - 1)

static enum ferry_access page_allow(const struct ferry_block_gpu *bg, uint32_t page) FERRY_NEEDS(&bg->block->lock)
{
	return ferry_bitmap_test(&bg->writable, page) ? FERRY_ACCESS_ATOMIC : FERRY_ACCESS_READ;
}

/* The entry for one page as the maps say; 0 when it is not mapped. */
static int page_pte(struct ferry_block_gpu *bg, uint32_t page, uint64_t *pte) FERRY_NEEDS(&bg->block->lock)
{
	struct ferry_block *block = bg->block;
	const struct ferry_hal *hal = bg->gpu->hal;
	uint64_t bus;
	uint32_t run;
	int err;

	*pte = 0;
	if (!ferry_bitmap_test(&bg->mapped, page))
		return 0;
	if (!ferry_bitmap_test(&bg->remote, page)) {
		*pte = hal->pte(FERRY_APERTURE_DEVICE, (uint64_t)bg->frame[page] << FERRY_PAGE_SHIFT,
		                page_allow(bg, page), FERRY_PAGE_SHIFT);
		return 0;
	}
	err = block->vs->ops->host_bus(block->vs->mm, bg->gpu->dev, block->va + ((uint64_t)page << FERRY_PAGE_SHIFT),
	                               1, &bus, &run);
	if (err)
		return err;
	*pte = hal->pte(FERRY_APERTURE_HOST, bus, page_allow(bg, page), FERRY_PAGE_SHIFT);
	return 0;
}

/* All pages of [first, first + count) are local, mapped alike, and their frames follow each other, aligned to align.
 */
static bool frames_uniform(const struct ferry_block_gpu *bg, uint32_t first, uint32_t count, uint32_t align)
	FERRY_NEEDS(&bg->block->lock)
{
	uint32_t base = bg->frame[first];

	if (!ferry_bitmap_range_full(&bg->mapped, first, count) || base % align ||
	    !ferry_bitmap_range_empty(&bg->remote, first, count))
		return false;
	if (!ferry_bitmap_range_full(&bg->writable, first, count) &&
	    !ferry_bitmap_range_empty(&bg->writable, first, count))
		return false;
	for (uint32_t i = 1; i < count; i++)
		if (bg->frame[first + i] != base + i)
			return false;
	return true;
}

/* The bits of the 64 KiB group that begins at page first. */
static uint64_t group_bits(const struct ferry_bitmap *map, uint32_t first)
{
	return map->word[first / 64] >> (first % 64) & GROUP_ALL;
}

/*
 * Write the entries of one 64 KiB group from the maps: one big page, or small ones. Small entries that are not in
 * pages stand, unless they were one big page until now. A remote page was never part of one, so its host address is
 * not asked for again, which might fail.
 */
static int group_write(struct ferry_block_gpu *bg, uint32_t first, const struct ferry_bitmap *pages)
	FERRY_NEEDS(&bg->block->lock)
{
	const struct ferry_hal *hal = bg->gpu->hal;
	uint32_t bit = 1u << first / FERRY_BIG_PAGES;
	bool was_big = bg->big & bit;
	uint64_t todo;

	if ((bg->gpu->info.caps & (1u << FERRY_CAP_BIG_PAGES)) &&
	    frames_uniform(bg, first, FERRY_BIG_PAGES, FERRY_BIG_PAGES)) {
		uint64_t address = (uint64_t)bg->frame[first] << FERRY_PAGE_SHIFT;
		uint64_t pte = hal->pte(FERRY_APERTURE_DEVICE, address, page_allow(bg, first), FERRY_BIG_SHIFT);

		ferry_page_table_write(&bg->table, first, FERRY_BIG_PAGES, pte, FERRY_PAGE_SIZE);
		bg->big |= bit;
		return 0;
	}
	bg->big &= ~bit;
	todo = group_bits(pages, first);
	if (was_big)
		todo |= GROUP_ALL & ~group_bits(&bg->remote, first);
	for (; todo; todo &= todo - 1) {
		uint32_t i = first + ferry_os_ctz64(todo);
		uint64_t pte;
		int err = page_pte(bg, i, &pte);

		if (err)
			return err;
		ferry_page_table_write(&bg->table, i, 1, pte, 0);
	}
	return 0;
}

/* Bring the page table in line with the maps wherever pages has a bit, and choose between leaf and table. */
static int table_sync(struct ferry_block_gpu *bg, const struct ferry_bitmap *pages) FERRY_NEEDS(&bg->block->lock)
{
	bool leaf = (bg->gpu->info.caps & (1u << FERRY_CAP_HUGE_PAGES)) &&
	            frames_uniform(bg, 0, FERRY_BLOCK_PAGES, FERRY_BLOCK_PAGES);
	uint32_t first = ferry_bitmap_next(pages, 0);

	/* Group by group; a word without a bit costs one test. */
	for (; first < FERRY_BLOCK_PAGES; first = ferry_bitmap_next(pages, first + FERRY_BIG_PAGES)) {
		int err;

		first &= ~(FERRY_BIG_PAGES - 1);
		err = group_write(bg, first, pages);
		if (err)
			return err;
	}
	if (leaf || bg->leaf) {
		uint64_t address = (uint64_t)bg->frame[0] << FERRY_PAGE_SHIFT;

		ferry_page_table_set_leaf(
			bg->tree, &bg->table,
			leaf ? bg->gpu->hal->pte(FERRY_APERTURE_DEVICE, address, page_allow(bg, 0), FERRY_BLOCK_SHIFT)
			     : 0);
		bg->leaf = leaf;
	}
	return 0;
}

static int table_invalidate(struct ferry_ctx *ctx, struct ferry_block_gpu *bg) FERRY_NEEDS(&bg->block->lock)
{
	ferry_count(&bg->block->vs->counters, FERRY_COUNTER_tlb_invalidates, 1);
	return ferry_device_tlb_invalidate(ctx, bg->gpu, bg->asid, bg->block->va, FERRY_BLOCK_SIZE);
}

int ferry_block_map_gpu(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages,
                        const struct ferry_bitmap *write, bool remote)
{
	struct ferry_bitmap moved;
	int err;

	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &bg->block->lock));
	/* A page that changes place is unmapped first: the TLB must never hold both. */
	if (remote)
		ferry_bitmap_andnot(&moved, &bg->mapped, &bg->remote);
	else
		ferry_bitmap_and(&moved, &bg->mapped, &bg->remote);
	ferry_bitmap_and(&moved, &moved, pages);
	if (!ferry_bitmap_empty(&moved)) {
		err = ferry_block_unmap_gpu(ctx, bg, &moved);
		if (err)
			return err;
	}
	ferry_bitmap_or(&bg->mapped, &bg->mapped, pages);
	ferry_bitmap_or(&bg->writable, &bg->writable, write);
	if (remote)
		ferry_bitmap_or(&bg->remote, &bg->remote, pages);
	err = table_sync(bg, pages);
	if (err) {
		/* host_bus failed half way: take the pages out again, so that maps and table agree. */
		if (ferry_block_unmap_gpu(ctx, bg, pages))
			return FERRY_E_DEVICE_LOST;
	}
	return err;
}

void ferry_block_map_gpu_page(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, uint32_t page, bool write)
{
	uint32_t group = page & ~(FERRY_BIG_PAGES - 1);
	uint64_t pte;

	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &bg->block->lock));
	ferry_bitmap_set(&bg->mapped, page);
	if (write)
		ferry_bitmap_set(&bg->writable, page);
	if (group_bits(&bg->mapped, group) == GROUP_ALL) { /* it may be a big page now, or more */
		struct ferry_bitmap pages = {{0}};

		ferry_bitmap_set(&pages, page);
		(void)FERRY_ASSERT(table_sync(bg, &pages) == 0); /* it asks for no host address */
		return;
	}
	if (FERRY_ASSERT(page_pte(bg, page, &pte) == 0)) /* nor does this */
		ferry_page_table_write(&bg->table, page, 1, pte, 0);
}

int ferry_block_unmap_gpu(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
{
	struct ferry_bitmap gone;

	ferry_bitmap_and(&gone, &bg->mapped, pages);
	if (ferry_bitmap_empty(&gone))
		return 0;
	ferry_bitmap_andnot(&bg->mapped, &bg->mapped, &gone);
	ferry_bitmap_andnot(&bg->writable, &bg->writable, &gone);
	ferry_bitmap_andnot(&bg->remote, &bg->remote, &gone);
	if (!FERRY_ASSERT(table_sync(bg, &gone) == 0)) /* it asks for no host address */
		return FERRY_E_BUG;
	return table_invalidate(ctx, bg);
}

int ferry_block_unhook_gpu(struct ferry_ctx *ctx, struct ferry_block_gpu *bg)
{
	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &bg->block->lock));
	ferry_page_tree_unhook(&bg->table);
	bg->leaf = false;
	ferry_bitmap_zero(&bg->mapped);
	ferry_bitmap_zero(&bg->writable);
	ferry_bitmap_zero(&bg->remote);
	return table_invalidate(ctx, bg); /* also when nothing was mapped: a walk may have begun before */
}

int ferry_block_protect_gpu(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
{
	struct ferry_bitmap lower;

	ferry_bitmap_and(&lower, &bg->writable, pages);
	if (ferry_bitmap_empty(&lower))
		return 0;
	ferry_bitmap_andnot(&bg->writable, &bg->writable, &lower);
	if (table_sync(bg, &lower))
		return ferry_block_unmap_gpu(ctx, bg, &lower); /* no host address: then not at all */
	return table_invalidate(ctx, bg);
}

typedef int (*cpu_op)(void *mm, uint64_t va, uint32_t page_count);

/* Run op over the runs of pages, or once over their span. done (out): the pages it was run over. */
static int cpu_each_run(struct ferry_block *block, const struct ferry_bitmap *pages, cpu_op op,
                        struct ferry_bitmap *done) FERRY_NEEDS(&block->lock)
{
	uint32_t first = 0, count, runs = 0, low = FERRY_BLOCK_PAGES, high = 0;
	int err;

	for (; ferry_bitmap_run(pages, &first, &count); first += count) {
		low = first < low ? first : low;
		high = first + count;
		runs++;
	}
	ferry_bitmap_zero(done);
	/* The span may reach over pages of the block only: what lies in a hole is somebody else's. */
	if (runs > ZAP_RUNS_MAX && ferry_bitmap_range_full(&block->valid, low, high - low)) {
		err = op(block->vs->mm, block->va + ((uint64_t)low << FERRY_PAGE_SHIFT), high - low);
		if (!err)
			ferry_bitmap_set_range(done, low, high - low);
		ferry_count(&block->vs->counters, FERRY_COUNTER_zaps, 1);
		return err;
	}
	for (first = 0; ferry_bitmap_run(pages, &first, &count); first += count) {
		err = op(block->vs->mm, block->va + ((uint64_t)first << FERRY_PAGE_SHIFT), count);
		if (err)
			return err;
		ferry_bitmap_set_range(done, first, count);
	}
	ferry_count(&block->vs->counters, FERRY_COUNTER_zaps, runs);
	return 0;
}

int ferry_block_zap_cpu(struct ferry_block *block, const struct ferry_bitmap *pages)
{
	struct ferry_bitmap zap, done;
	int err;

	ferry_bitmap_and(&zap, &block->cpu_mapped, pages);
	if (ferry_bitmap_empty(&zap))
		return 0;
	err = cpu_each_run(block, &zap, block->vs->ops->cpu_zap, &done);
	ferry_bitmap_andnot(&block->cpu_mapped, &block->cpu_mapped, &done);
	ferry_bitmap_andnot(&block->cpu_writable, &block->cpu_writable, &done);
	return err;
}

int ferry_block_zap_cpu_page(struct ferry_block *block, uint32_t page)
{
	int err;

	if (!ferry_bitmap_test(&block->cpu_mapped, page))
		return 0;
	err = block->vs->ops->cpu_zap(block->vs->mm, block->va + ((uint64_t)page << FERRY_PAGE_SHIFT), 1);
	if (err)
		return err;
	ferry_bitmap_clear(&block->cpu_mapped, page);
	ferry_bitmap_clear(&block->cpu_writable, page);
	ferry_count(&block->vs->counters, FERRY_COUNTER_zaps, 1);
	return 0;
}

int ferry_block_protect_cpu(struct ferry_block *block, const struct ferry_bitmap *pages)
{
	struct ferry_bitmap lower, done;
	int err;

	ferry_bitmap_and(&lower, &block->cpu_writable, pages);
	if (ferry_bitmap_empty(&lower))
		return 0;
	if (!block->vs->ops->cpu_protect)
		return ferry_block_zap_cpu(block, &lower);
	err = cpu_each_run(block, &lower, block->vs->ops->cpu_protect, &done);
	ferry_bitmap_andnot(&block->cpu_writable, &block->cpu_writable, &done);
	return err;
}

int ferry_block_map_cpu(struct ferry_block *block, const struct ferry_bitmap *pages, bool write)
{
	uint32_t first = 0, count;

	for (; ferry_bitmap_run(pages, &first, &count); first += count) {
		int err = block->vs->ops->cpu_insert(block->vs->mm, block->va + ((uint64_t)first << FERRY_PAGE_SHIFT),
		                                     count, write);

		/* Part of it may be mapped now: remember all, so that a later zap leaves nothing behind. */
		ferry_bitmap_set_range(&block->cpu_mapped, first, count);
		if (write)
			ferry_bitmap_set_range(&block->cpu_writable, first, count);
		else
			ferry_bitmap_clear_range(&block->cpu_writable, first, count);
		if (err)
			return err;
	}
	return 0;
}

void ferry_block_pinned(const struct ferry_block *block, const struct ferry_bitmap *pages, struct ferry_bitmap *out)
{
	const struct ferry_va_space *vs = block->vs;
	struct ferry_bitmap ask;
	uint32_t first = 0, count;

	ferry_bitmap_zero(out);
	if (!vs->ops->host_pinned)
		return;
	ferry_bitmap_and(&ask, pages, &block->populated);
	for (; ferry_bitmap_run(&ask, &first, &count); first += count) {
		struct ferry_bitmap held = {{0}};

		vs->ops->host_pinned(vs->mm, block->va + ((uint64_t)first << FERRY_PAGE_SHIFT), count, held.word);
		for (uint32_t i = ferry_bitmap_next(&held, 0); i < count; i = ferry_bitmap_next(&held, i + 1))
			ferry_bitmap_set(out, first + i);
	}
}

int ferry_block_populate(struct ferry_block *block, const struct ferry_bitmap *pages)
{
	struct ferry_bitmap want;
	uint32_t first = 0, count;

	ferry_bitmap_andnot(&want, pages, &block->populated);
	for (; ferry_bitmap_run(&want, &first, &count); first += count) {
		int err = block->vs->ops->host_populate(block->vs->mm,
		                                        block->va + ((uint64_t)first << FERRY_PAGE_SHIFT), count);

		if (err)
			return err;
		ferry_bitmap_set_range(&block->populated, first, count);
	}
	return 0;
}
