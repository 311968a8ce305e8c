/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "migrate/migrate.h"
#include "fault/service.h"
#include "migrate/move.h"
#include "va/block_map.h"

static int migrate_to_device(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t device,
                             const struct ferry_bitmap *pages, uint64_t *moved) FERRY_NEEDS_NOT(&block->lock)
{
	struct ferry_service s = {.move = true};
	int err;

	if (!ferry_mutex_lock_killable(ctx, &block->lock))
		return FERRY_E_KILLED;
	/* Read-only pages can only be shared; the rest is handed over for writing. */
	ferry_bitmap_and(&s.read, pages, block->policy.read_mostly ? pages : &block->read_only);
	ferry_mutex_unlock(ctx, &block->lock);
	ferry_bitmap_andnot(&s.write, pages, &s.read);
	err = ferry_service_block(ctx, block, device, &s);
	if (err)
		return err;
	*moved += s.served;
	return ferry_bitmap_empty(&s.lost) ? 0 : FERRY_E_DEVICE_LOST;
}

/* BLOCK held. */
static int migrate_home_locked(struct ferry_ctx *ctx, struct ferry_block *block, const struct ferry_bitmap *pages,
                               bool map, uint64_t *moved) FERRY_NEEDS(&block->lock)
{
	struct ferry_bitmap on_device, back;
	int err;

	ferry_block_drop_lost_devices(ctx, block);
	ferry_block_device_resident(block, &on_device);
	ferry_bitmap_and(&back, pages, &on_device);
	err = ferry_move_home(ctx, block, &back, NULL, false);
	if (err)
		return err;
	*moved += ferry_bitmap_count(&back);
	/* The CPU asked for them, and will touch them. Not mapped is not wrong, only slower. */
	if (map)
		(void)ferry_block_map_cpu(block, &back, true);
	ferry_bitmap_and(&back, pages, &block->lost);
	return ferry_bitmap_empty(&back) ? 0 : FERRY_E_DEVICE_LOST;
}

static int migrate_home(struct ferry_ctx *ctx, struct ferry_block *block, const struct ferry_bitmap *pages, bool map,
                        uint64_t *moved) FERRY_NEEDS_NOT(&block->lock)
{
	int err = 0;

	/* A device that dies under the first try takes its pages along; the second knows which. */
	for (uint32_t tries = 0; tries < 2; tries++) {
		if (!ferry_mutex_lock_killable(ctx, &block->lock))
			return FERRY_E_KILLED;
		err = block->dead ? 0 : migrate_home_locked(ctx, block, pages, map, moved);
		ferry_mutex_unlock(ctx, &block->lock);
		if (err != FERRY_E_DEVICE_LOST)
			break;
	}
	return err;
}

int ferry_migrate_range(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t va, uint64_t bytes, uint32_t where,
                        uint32_t flags, uint64_t *moved)
{
	uint64_t end = va + bytes;

	for (uint64_t next; va < end; va = next) {
		uint32_t first = (uint32_t)(va >> FERRY_PAGE_SHIFT) & (FERRY_BLOCK_PAGES - 1);
		struct ferry_bitmap pages = {{0}};
		struct ferry_block *block;
		int err;

		next = ferry_align_down(va, FERRY_BLOCK_SIZE) + FERRY_BLOCK_SIZE;
		if (next > end)
			next = end;
		err = ferry_va_space_block(ctx, vs, va, &block);
		if (err)
			return err;
		ferry_bitmap_set_range(&pages, first, (uint32_t)((next - va) >> FERRY_PAGE_SHIFT));
		if (where == FERRY_WHERE_HOST)
			err = migrate_home(ctx, block, &pages, !(flags & FERRY_MIGRATE_UNMAPPED), moved);
		else
			err = migrate_to_device(ctx, block, where, &pages, moved);
		if (err &&
		    !(flags & FERRY_MIGRATE_BEST_EFFORT && (err == FERRY_E_PMM_FULL || err == FERRY_E_HOST_FULL)))
			return err;
	}
	return 0;
}
