/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "fault/cpu_fault.h"
#include "gpu/device.h"
#include "migrate/copy.h"
#include "migrate/move.h"
#include "migrate/plan.h"
#include "va/block_map.h"

/* One device's copies of these pages, which the host has too. Nobody reads them while they are written. */
static int refresh_device(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
	FERRY_NEEDS(&bg->block->lock)
{
	static const struct ferry_bitmap none;
	struct ferry_bitmap copies, mapped;
	int err;

	ferry_bitmap_and(&copies, pages, &bg->resident);
	ferry_bitmap_and(&mapped, &copies, &bg->mapped);
	err = ferry_block_unmap_gpu(ctx, bg, &mapped);
	if (!err)
		err = ferry_copy_to_device(ctx, bg, &copies);
	if (err) { /* what the frames hold now is anybody's guess */
		ferry_bitmap_andnot(&bg->resident, &bg->resident, &copies);
		return err;
	}
	return ferry_bitmap_empty(&mapped) ? 0 : ferry_block_map_gpu(ctx, bg, &mapped, &none, false);
}

/* Device copies of pages the CPU may have written in the moment before they were protected: bring them up to date. */
static int refresh_copies(struct ferry_ctx *ctx, struct ferry_block *block, const struct ferry_bitmap *pages)
	FERRY_NEEDS(&block->lock)
{
	int err = 0;

	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++) {
		int one = block->on[d] ? refresh_device(ctx, block->on[d], pages) : 0;

		err = err ? err : one;
	}
	return err;
}

/* Map region: pages that devices still hold for reading only, the rest for writing. */
static int cpu_map(struct ferry_ctx *ctx, struct ferry_block *block, const struct ferry_bitmap *region)
	FERRY_NEEDS(&block->lock)
{
	struct ferry_bitmap shared, own;
	int err, refresh_err;

	ferry_block_device_resident(block, &shared);
	ferry_bitmap_and(&shared, &shared, region);
	ferry_bitmap_andnot(&own, region, &shared);
	err = ferry_block_map_cpu(block, &own, true);
	if (err || ferry_bitmap_empty(&shared))
		return err;
	/* Copied again also on an error: part of it may have been mapped, and written to before the protection stood.
	 */
	err = ferry_block_map_cpu(block, &shared, false);
	if (block->vs->ops->read_only_at_once)
		return err;
	refresh_err = refresh_copies(ctx, block, &shared);
	return err ? err : refresh_err;
}

static int cpu_fault_locked(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t page, bool write, bool alone)
	FERRY_NEEDS(&block->lock)
{
	bool share = block->policy.read_mostly && !write;
	struct ferry_bitmap region, on_device, fresh;
	int err;

	ferry_block_drop_lost_devices(ctx, block);
	if (!ferry_bitmap_test(&block->valid, page))
		return FERRY_E_RANGE_NOT_FOUND;
	if (ferry_bitmap_test(&block->lost, page))
		return FERRY_E_DEVICE_LOST;
	/* With the page itself, even if it is mapped: the host may have dropped its mapping. */
	ferry_plan_cpu(block, page, write, &region);
	if (alone) {
		ferry_bitmap_zero(&region);
		ferry_bitmap_set(&region, page);
	}
	err = ferry_block_populate(block, &region);
	if (err)
		return err;
	err = ferry_move_home(ctx, block, &region, NULL, share);
	if (err)
		return err;
	ferry_block_device_resident(block, &on_device);
	ferry_bitmap_andnot(&fresh, &region, &on_device);
	ferry_bitmap_or(&block->host, &block->host, &fresh);
	return cpu_map(ctx, block, &region);
}

int ferry_cpu_fault_serve(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t va, bool write)
{
	uint32_t page = (uint32_t)(va >> FERRY_PAGE_SHIFT) & (FERRY_BLOCK_PAGES - 1);
	struct ferry_block *block;
	int err = ferry_va_space_block(ctx, vs, va, &block);

	if (err)
		return err;
	if (block->external) /* registered memory is the process's: a fault of it is none of ours */
		return FERRY_E_RANGE_NOT_FOUND;
	ferry_count(&vs->counters, FERRY_COUNTER_faults_cpu, 1);
	/*
	 * A device that dies under the first try takes its pages along; the second knows which. And a neighbour that
	 * cannot be had (the host is full, or has unmapped it and not told us yet) is no reason to refuse this page.
	 */
	for (uint32_t tries = 0; tries < 2; tries++) {
		if (!ferry_mutex_lock_killable(ctx, &block->lock))
			return FERRY_E_KILLED;
		err = block->dead ? FERRY_E_RANGE_NOT_FOUND : cpu_fault_locked(ctx, block, page, write, tries > 0);
		ferry_mutex_unlock(ctx, &block->lock);
		if (!err || err == FERRY_E_BUSY || err == FERRY_E_RANGE_NOT_FOUND)
			break;
	}
	ferry_os_trace(FERRY_EVENT_cpu_fault, write, va, (uint64_t)err);
	/* The address space is changing under us: the access faults again by itself. */
	return err == FERRY_E_BUSY ? 0 : err;
}
