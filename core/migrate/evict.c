/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "migrate/evict.h"
#include "migrate/move.h"
#include "va/va_space.h"

/* Under PMM: the block around the tenant must not go away under the evictor. */
static bool evict_hold(struct ferry_tenant *tenant)
{
	return ferry_block_get_unless_zero(FERRY_CONTAINER_OF(tenant, struct ferry_block_gpu, tenant)->block);
}

/* BLOCK held. The frames go back even if none of them held anything: they were reserved and not used. */
static int evict_locked(struct ferry_ctx *ctx, struct ferry_block_gpu *bg) FERRY_NEEDS(&bg->block->lock)
{
	struct ferry_counters *counters = &bg->block->vs->counters;
	struct ferry_bitmap all = bg->resident;
	uint32_t pages = ferry_bitmap_count(&all);
	uint64_t start = ferry_os_now_ns();
	int err = ferry_move_home(ctx, bg->block, &all, bg, false);

	if (err)
		return err;
	all = bg->framed;
	ferry_block_free_frames(ctx, bg, &all);
	bg->evicted_at = ferry_os_fetch_add(&bg->gpu->evictions, 1) + 1;
	ferry_count(counters, FERRY_COUNTER_evictions, 1);
	ferry_count(counters, FERRY_COUNTER_pages_evicted, pages);
	ferry_count(counters, FERRY_COUNTER_evict_ns, ferry_os_now_ns() - start);
	ferry_os_trace(FERRY_EVENT_evict, bg->gpu->id, bg->block->va, pages);
	return 0;
}

int ferry_evict_one(struct ferry_ctx *ctx, struct ferry_device *gpu, struct ferry_block_gpu *keep)
{
	struct ferry_tenant *tenant;
	struct ferry_block_gpu *bg;
	struct ferry_block *block;
	int err = 0;

	(void)ferry_lock_assert_op(ctx, FERRY_LOCK_OP_EVICT);
	if (keep)
		ferry_tenant_pin(ctx, gpu->pmm, &keep->tenant);
	tenant = ferry_pmm_victim(ctx, gpu->pmm, evict_hold);
	if (keep)
		(void)ferry_tenant_unpin(ctx, gpu->pmm, &keep->tenant);
	if (!tenant)
		return FERRY_E_PMM_FULL;
	bg = FERRY_CONTAINER_OF(tenant, struct ferry_block_gpu, tenant);
	block = bg->block;

	ferry_mutex_lock(ctx, &block->lock);
	if (!block->dead)
		err = evict_locked(ctx, bg);
	ferry_mutex_unlock(ctx, &block->lock);
	(void)ferry_tenant_unpin(ctx, gpu->pmm, tenant);
	ferry_block_put(ctx, block);
	return err;
}
