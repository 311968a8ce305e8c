/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "va/block.h"
#include "gpu/device.h"
#include "va/block_map.h"
#include "va/va_space.h"

int ferry_block_create(struct ferry_va_space *vs, struct ferry_va_range *range, uint64_t va, uint32_t pages,
                       struct ferry_block **out) FERRY_LOCK_UNSHARED
{
	struct ferry_block *block = ferry_mem_zalloc(&vs->core->mem, sizeof(*block));

	if (!block)
		return FERRY_E_BLOCK_NOMEM;
	ferry_mutex_init(&block->lock, FERRY_LOCK_BLOCK);
	ferry_os_store_relaxed(&block->refs, 1);
	block->core = vs->core;
	block->vs = vs;
	block->range = range;
	block->va = va;
	block->policy = range->policy;
	ferry_bitmap_set_range(&block->valid, 0, pages);
	if (range->read_only)
		block->read_only = block->valid;
	*out = block;
	return 0;
}

bool ferry_block_get_unless_zero(struct ferry_block *block)
{
	uint64_t refs = ferry_os_load_relaxed(&block->refs);

	/* Bounded: each failed exchange means that another thread's succeeded. */
	for (uint32_t tries = 0; refs && tries < 1000; tries++) {
		uint64_t was = ferry_os_cmpxchg(&block->refs, refs, refs + 1);

		if (was == refs)
			return true;
		refs = was;
	}
	return false;
}

void ferry_block_put(struct ferry_ctx *ctx, struct ferry_block *block) FERRY_LOCK_UNSHARED
{
	struct ferry_core *core = block->core;

	if (ferry_os_fetch_add(&block->refs, UINT64_MAX) != 1)
		return;
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++) {
		struct ferry_block_gpu *bg = block->on[d];

		if (!bg)
			continue;
		ferry_tenant_fini(ctx, bg->gpu->pmm, &bg->tenant);
		ferry_mem_free(&core->mem, bg, sizeof(*bg));
	}
	ferry_mutex_fini(&block->lock);
	ferry_mem_free(&core->mem, block, sizeof(*block));
}

int ferry_block_on(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t device, struct ferry_block_gpu **out)
{
	struct ferry_va_gpu *vg = block->vs->on[device];
	struct ferry_mem *mem = &block->core->mem;
	struct ferry_block_gpu *bg = block->on[device];
	int err;

	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &block->lock));
	if (bg) {
		*out = bg;
		return 0;
	}
	if (!FERRY_ASSERT(vg))
		return FERRY_E_BUG;
	bg = ferry_mem_zalloc(mem, sizeof(*bg));
	if (!bg)
		return FERRY_E_BLOCK_NOMEM;
	err = ferry_page_tree_add(ctx, &vg->tree, block->va, &bg->table);
	if (err) {
		ferry_mem_free(mem, bg, sizeof(*bg));
		return err;
	}
	ferry_tenant_init(&bg->tenant);
	bg->block = block;
	bg->gpu = vg->gpu;
	bg->asid = vg->asid;
	bg->tree = &vg->tree;
	block->on[device] = bg;
	*out = bg;
	return 0;
}

void ferry_block_free_frames(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
{
	struct ferry_bitmap give;
	uint32_t first = 0, count;

	ferry_bitmap_and(&give, &bg->framed, pages);
	for (; ferry_bitmap_run(&give, &first, &count); first += count) {
		/* A run of pages may lie in several runs of frames. */
		for (uint32_t i = 0, n; i < count; i += n) {
			uint32_t frame = bg->frame[first + i];

			for (n = 1; i + n < count && bg->frame[first + i + n] == frame + n; n++)
				;
			ferry_pmm_free(ctx, bg->gpu->pmm, &bg->tenant, frame, n);
		}
	}
	ferry_bitmap_andnot(&bg->framed, &bg->framed, &give);
}

/* The host pages of these hold nothing that anybody wants. */
static void block_discard(struct ferry_block *block, const struct ferry_bitmap *pages) FERRY_NEEDS(&block->lock)
{
	const struct ferry_va_space *vs = block->vs;
	struct ferry_bitmap give;
	uint32_t first = 0, count;

	ferry_bitmap_and(&give, &block->populated, pages);
	for (; ferry_bitmap_run(&give, &first, &count); first += count)
		vs->ops->host_discard(vs->mm, block->va + ((uint64_t)first << FERRY_PAGE_SHIFT), count);
	ferry_bitmap_andnot(&block->populated, &block->populated, &give);
}

void ferry_block_kill(struct ferry_ctx *ctx, struct ferry_block *block)
{
	struct ferry_bitmap all;

	ferry_mutex_lock(ctx, &block->lock);
	block->dead = true;
	ferry_bitmap_zero(&block->valid);
	all = block->cpu_mapped;
	if (ferry_block_zap_cpu(block, &all))
		ferry_os_log(FERRY_LOG_WARN, "memory at 0x%llx stays mapped", (unsigned long long)block->va);
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++) {
		struct ferry_block_gpu *bg = block->on[d];

		if (!bg)
			continue;
		/* A device that cannot unmap is lost, and a lost device is made to touch nothing. */
		if (ferry_block_unhook_gpu(ctx, bg))
			ferry_device_give_up(ctx, bg->gpu, FERRY_E_DEVICE_LOST);
		ferry_bitmap_zero(&bg->resident);
		all = bg->framed;
		ferry_block_free_frames(ctx, bg, &all);
		ferry_page_tree_remove(ctx, bg->tree, &bg->table);
	}
	all = block->populated;
	block_discard(block, &all);
	ferry_mutex_unlock(ctx, &block->lock);
}

void ferry_block_invalidate_pages(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t first, uint32_t count)
{
	struct ferry_bitmap gone = {{0}};
	struct ferry_bitmap *maps[] = {&block->valid, &block->read_only,  &block->populated,    &block->host,
	                               &block->lost,  &block->cpu_mapped, &block->cpu_writable, &block->contested};

	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &block->lock));
	ferry_bitmap_set_range(&gone, first, count);
	ferry_bitmap_and(&gone, &gone, &block->valid);
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++) {
		struct ferry_block_gpu *bg = block->on[d];

		if (!bg)
			continue;
		if (ferry_block_unmap_gpu(ctx, bg, &gone) || ferry_device_lost(bg->gpu))
			ferry_device_give_up(ctx, bg->gpu, FERRY_E_DEVICE_LOST);
		ferry_bitmap_andnot(&bg->resident, &bg->resident, &gone);
		ferry_block_free_frames(ctx, bg, &gone);
	}
	block_discard(block, &gone);
	for (uint32_t i = 0; i < FERRY_ARRAY_SIZE(maps); i++)
		ferry_bitmap_andnot(maps[i], maps[i], &gone);
}

void ferry_block_device_resident(const struct ferry_block *block, struct ferry_bitmap *out)
{
	ferry_bitmap_zero(out);
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++)
		if (block->on[d])
			ferry_bitmap_or(out, out, &block->on[d]->resident);
}

void ferry_block_drop_lost_devices(struct ferry_ctx *ctx, struct ferry_block *block)
{
	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &block->lock));
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++) {
		struct ferry_block_gpu *bg = block->on[d];
		struct ferry_bitmap only, elsewhere;

		if (!bg || !ferry_device_lost(bg->gpu))
			continue;
		only = bg->resident;
		ferry_bitmap_zero(&bg->resident);
		ferry_bitmap_zero(&bg->mapped);
		ferry_bitmap_zero(&bg->writable);
		ferry_bitmap_zero(&bg->remote);
		ferry_block_device_resident(block, &elsewhere);
		ferry_bitmap_or(&elsewhere, &elsewhere, &block->host);
		ferry_bitmap_andnot(&only, &only, &elsewhere);
		ferry_bitmap_or(&block->lost, &block->lost, &only);
	}
}
