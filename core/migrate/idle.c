/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "migrate/idle.h"
#include "va/block_map.h"
#include "va/va_space.h"

/* BLOCK held. */
static uint64_t idle_locked(struct ferry_block *block) FERRY_NEEDS(&block->lock)
{
	struct ferry_va_space *vs = block->vs;
	struct ferry_bitmap idle, busy;
	uint32_t first = 0, count;
	uint64_t given = 0;

	if (block->dead)
		return 0;
	ferry_block_device_resident(block, &busy);
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++)
		if (block->on[d])
			ferry_bitmap_or(&busy, &busy, &block->on[d]->remote);
	ferry_bitmap_and(&idle, &block->populated, &block->host);
	ferry_bitmap_andnot(&idle, &idle, &busy);
	if (ferry_bitmap_empty(&idle) || ferry_block_zap_cpu(block, &idle))
		return 0;
	for (; ferry_bitmap_run(&idle, &first, &count); first += count)
		given += vs->ops->host_idle(vs->mm, block->va + ((uint64_t)first << FERRY_PAGE_SHIFT), count);
	return given;
}

static uint64_t idle_block(struct ferry_ctx *ctx, struct ferry_block *block)
{
	uint64_t given;

	if (!ferry_mutex_trylock(ctx, &block->lock))
		return 0;
	given = idle_locked(block);
	ferry_mutex_unlock(ctx, &block->lock);
	return given;
}

/* VA_SPACE held. From the block after vs->idle_va to the end. */
static uint64_t idle_range(struct ferry_ctx *ctx, struct ferry_va_space *vs, const struct ferry_va_range *range,
                           uint64_t pages_wanted) FERRY_NEEDS_SHARED(&vs->lock)
{
	uint64_t va = range->base, from = ferry_os_load_relaxed(&vs->idle_va), given = 0;

	if (from > va)
		va = from;
	for (; va < range->base + range->bytes && given < pages_wanted; va += FERRY_BLOCK_SIZE) {
		struct ferry_block *block = ferry_va_space_peek(vs, va);

		if (block)
			given += idle_block(ctx, block);
		ferry_os_store_relaxed(&vs->idle_va, va + FERRY_BLOCK_SIZE);
	}
	return given;
}

/* Two rounds over the ranges: from where the last call stopped to the end, then from the beginning. */
uint64_t ferry_idle_pages_of(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t pages_wanted)
{
	struct ferry_list *pos;
	uint64_t given = 0;

	if (!vs->ops->host_idle || !ferry_va_read_trylock(ctx, &vs->lock))
		return 0;
	for (uint32_t round = 0; round < 2 && given < pages_wanted; round++) {
		FERRY_LIST_EACH(pos, &vs->ranges) {
			const struct ferry_va_range *range = FERRY_LIST_ENTRY(pos, struct ferry_va_range, node);

			if (given < pages_wanted)
				given += idle_range(ctx, vs, range, pages_wanted - given);
		}
		if (given < pages_wanted)
			ferry_os_store_relaxed(&vs->idle_va, 0);
	}
	ferry_va_read_unlock(ctx, &vs->lock);
	ferry_count(&vs->counters, FERRY_COUNTER_pages_idled, given);
	return given;
}

uint64_t ferry_idle_pages(struct ferry_ctx *ctx, struct ferry_core *core, uint64_t pages_wanted)
{
	struct ferry_list *pos;
	uint64_t given = 0;

	if (!ferry_mutex_trylock(ctx, &core->lock))
		return 0;
	FERRY_LIST_EACH(pos, &core->va_spaces)
		if (given < pages_wanted)
			given += ferry_idle_pages_of(ctx, FERRY_LIST_ENTRY(pos, struct ferry_va_space, node),
			                             pages_wanted - given);
	ferry_mutex_unlock(ctx, &core->lock);
	return given;
}
