/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "migrate/move.h"
#include "gpu/device.h"
#include "migrate/copy.h"
#include "va/block_map.h"
#include "va/va_space.h"

#define ROOT_MIN_PAGES (FERRY_BLOCK_PAGES / 2) /* from so many wanted pages on, a whole root is worth it */
#define GROUP_MIN_PAGES (FERRY_BIG_PAGES / 2)
#define FRAMES_AT_ONCE 64u

static bool reserve_root(struct ferry_ctx *ctx, struct ferry_block_gpu *bg) FERRY_NEEDS(&bg->block->lock)
{
	uint32_t frame;

	if (ferry_pmm_alloc(ctx, bg->gpu->pmm, FERRY_PMM_2M, &bg->tenant, &frame))
		return false;
	for (uint32_t i = 0; i < FERRY_BLOCK_PAGES; i++)
		bg->frame[i] = frame + i;
	ferry_bitmap_set_range(&bg->framed, 0, FERRY_BLOCK_PAGES);
	return true;
}

static void reserve_groups(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
	FERRY_NEEDS(&bg->block->lock)
{
	for (uint32_t first = 0; first < FERRY_BLOCK_PAGES; first += FERRY_BIG_PAGES) {
		uint32_t frame;

		if (ferry_bitmap_range_count(pages, first, FERRY_BIG_PAGES) < GROUP_MIN_PAGES ||
		    !ferry_bitmap_range_empty(&bg->framed, first, FERRY_BIG_PAGES))
			continue;
		if (ferry_pmm_alloc(ctx, bg->gpu->pmm, FERRY_PMM_64K, &bg->tenant, &frame))
			return;
		for (uint32_t i = 0; i < FERRY_BIG_PAGES; i++)
			bg->frame[first + i] = frame + i;
		ferry_bitmap_set_range(&bg->framed, first, FERRY_BIG_PAGES);
	}
}

static int reserve_singles(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
	FERRY_NEEDS(&bg->block->lock)
{
	struct ferry_bitmap want;
	uint32_t frames[FRAMES_AT_ONCE], page = 0;

	ferry_bitmap_andnot(&want, pages, &bg->framed);
	for (uint32_t left = ferry_bitmap_count(&want); left;) {
		uint32_t n = left < FRAMES_AT_ONCE ? left : FRAMES_AT_ONCE, taken = 0;
		int err = ferry_pmm_alloc_frames(ctx, bg->gpu->pmm, &bg->tenant, n, frames, &taken);

		for (uint32_t i = 0; i < taken; i++) {
			page = ferry_bitmap_next(&want, page);
			bg->frame[page] = frames[i];
			ferry_bitmap_set(&bg->framed, page++);
		}
		if (err)
			return err;
		left -= n;
	}
	return 0;
}

int ferry_move_reserve(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
{
	struct ferry_bitmap want;
	uint32_t count;

	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &bg->block->lock));
	ferry_bitmap_andnot(&want, pages, &bg->framed);
	count = ferry_bitmap_count(&want);
	if (!count)
		return 0;
	if (count >= ROOT_MIN_PAGES && ferry_bitmap_empty(&bg->framed) && reserve_root(ctx, bg))
		return 0;
	if (count >= GROUP_MIN_PAGES)
		reserve_groups(ctx, bg, &want);
	return reserve_singles(ctx, bg, pages);
}

/* One device gives pages back to the host. */
static int device_home(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages,
                       bool share) FERRY_NEEDS(&bg->block->lock)
{
	struct ferry_block *block = bg->block;
	struct ferry_bitmap here, copy, local;
	int err;

	ferry_bitmap_and(&here, &bg->resident, pages);
	if (ferry_bitmap_empty(&here))
		return 0;
	ferry_bitmap_andnot(&local, &here, &bg->remote);
	err = share ? ferry_block_protect_gpu(ctx, bg, &local) : ferry_block_unmap_gpu(ctx, bg, &local);
	if (err)
		return err;
	ferry_bitmap_andnot(&copy, &here, &block->host);
	err = ferry_block_populate(block, &copy);
	if (err)
		return err;
	err = ferry_copy_to_host(ctx, bg, &copy);
	if (err)
		return err;
	ferry_bitmap_or(&block->host, &block->host, &here);
	if (share)
		return 0;
	ferry_bitmap_andnot(&bg->resident, &bg->resident, &here);
	if (ferry_bitmap_empty(&bg->resident)) {
		struct ferry_bitmap all = bg->framed;

		ferry_block_free_frames(ctx, bg, &all);
	}
	return 0;
}

int ferry_move_home(struct ferry_ctx *ctx, struct ferry_block *block, const struct ferry_bitmap *pages,
                    struct ferry_block_gpu *from, bool share)
{
	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &block->lock));
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++) {
		struct ferry_block_gpu *bg = block->on[d];
		int err = bg && (!from || bg == from) ? device_home(ctx, bg, pages, share) : 0;

		if (err)
			return err;
	}
	return 0;
}

/* Other devices make room: writers leave nobody else a copy, readers leave copies that cannot change. */
static int others_yield(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *read,
                        const struct ferry_bitmap *write) FERRY_NEEDS(&bg->block->lock)
{
	struct ferry_block *block = bg->block;

	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++) {
		struct ferry_block_gpu *other = block->on[d];
		struct ferry_bitmap away;
		int err;

		if (!other)
			continue;
		/* Host pages in use from afar, by this device too: the copy is about to leave them behind. */
		ferry_bitmap_or(&away, read, write);
		ferry_bitmap_and(&away, &away, &other->remote);
		err = ferry_block_unmap_gpu(ctx, other, &away);
		if (err)
			return err;
		if (other == bg)
			continue;
		err = device_home(ctx, other, write, false);
		if (!err)
			err = device_home(ctx, other, read, true);
		if (err)
			return err;
	}
	return 0;
}

/* The CPU stops changing the pages: readers may leave it read-only mappings where the advice says so. */
static int cpu_yield(struct ferry_block *block, const struct ferry_bitmap *read, const struct ferry_bitmap *write)
	FERRY_NEEDS(&block->lock)
{
	int err = ferry_block_zap_cpu(block, write);

	if (err)
		return err;
	return block->policy.read_mostly ? ferry_block_protect_cpu(block, read) : ferry_block_zap_cpu(block, read);
}

int ferry_move_to_device(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *read,
                         const struct ferry_bitmap *write, struct ferry_bitmap *pinned)
{
	struct ferry_block *block = bg->block;
	struct ferry_bitmap all, copy, zeroed, own;
	int err;

	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &block->lock));
	ferry_bitmap_or(&all, read, write);
	err = others_yield(ctx, bg, read, write);
	if (err)
		return err;
	err = cpu_yield(block, read, write);
	if (err)
		return err;
	/* Only now: who comes for a hold from here on finds no CPU mapping, and waits for BLOCK in a CPU fault. */
	ferry_block_pinned(block, &all, pinned);
	ferry_bitmap_andnot(&all, &all, pinned);
	ferry_bitmap_andnot(&own, write, pinned);
	ferry_bitmap_andnot(&copy, &all, &bg->resident);
	err = ferry_copy_to_device(ctx, bg, &copy);
	if (err)
		return err;
	/* A page that was nowhere is zero in its fresh host page as well: a reader shares it with the host. */
	ferry_bitmap_andnot(&zeroed, &copy, &block->host);
	ferry_bitmap_or(&block->host, &block->host, &zeroed);
	ferry_bitmap_or(&bg->resident, &bg->resident, &all);
	ferry_bitmap_andnot(&block->host, &block->host, &own);
	ferry_tenant_touch(ctx, bg->gpu->pmm, &bg->tenant);
	return ferry_block_map_gpu(ctx, bg, &all, &own, false);
}

static bool page_pinned(const struct ferry_block *block, uint64_t va)
{
	const struct ferry_va_space *vs = block->vs;
	struct ferry_bitmap held = {{0}};

	if (!vs->ops->host_pinned)
		return false;
	vs->ops->host_pinned(vs->mm, va, 1, held.word);
	return held.word[0] & 1;
}

/* A tenant enters the list of ages as the youngest; one that is there already has to be made it. */
static int page_reserve(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, uint32_t page)
	FERRY_NEEDS(&bg->block->lock)
{
	bool enters = ferry_bitmap_empty(&bg->framed);
	int err = 0;

	if (!ferry_bitmap_test(&bg->framed, page))
		err = ferry_pmm_alloc(ctx, bg->gpu->pmm, FERRY_PMM_4K, &bg->tenant, &bg->frame[page]);
	if (err)
		return err;
	ferry_bitmap_set(&bg->framed, page);
	if (!enters)
		ferry_tenant_touch(ctx, bg->gpu->pmm, &bg->tenant);
	return 0;
}

int ferry_move_page_to_device(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, uint32_t page, bool write)
{
	struct ferry_block *block = bg->block;
	uint64_t va = block->va + ((uint64_t)page << FERRY_PAGE_SHIFT);
	int err;

	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &block->lock));
	err = page_reserve(ctx, bg, page);
	if (!err)
		err = ferry_block_zap_cpu_page(block, page);
	if (err)
		return err;
	if (page_pinned(block, va))
		return FERRY_E_HOST_PINNED;
	err = ferry_copy_page_to_device(ctx, bg, page);
	if (err)
		return err;
	ferry_bitmap_set(&bg->resident, page);
	if (write)
		ferry_bitmap_clear(&block->host, page);
	else
		ferry_bitmap_set(&block->host, page); /* it was, or was nowhere: see above */
	ferry_block_map_gpu_page(ctx, bg, page, write);
	return 0;
}
