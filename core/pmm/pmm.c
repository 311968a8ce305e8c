/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * pmm.c - the one lock around roots (root.c) and tenants (tenant.c).
 */
#include "pmm/pmm_impl.h"

#define ROOTS_MAX ((1u << 23) - 1) /* every frame number is below FERRY_PMM_NO_FRAME */

int ferry_pmm_create(struct ferry_mem *mem, uint64_t vram_bytes, struct ferry_pmm **out)
{
	uint64_t roots = vram_bytes >> FERRY_BLOCK_SHIFT;
	struct ferry_pmm *pmm;
	int err;

	if (!roots || !ferry_is_aligned(vram_bytes, FERRY_BLOCK_SIZE) || roots > ROOTS_MAX)
		return FERRY_E_INVAL;
	pmm = ferry_mem_zalloc(mem, sizeof(*pmm));
	if (!pmm)
		return FERRY_E_PMM_NOMEM;
	err = ferry_roots_init(&pmm->roots, mem, (uint32_t)roots);
	if (err)
		goto free_pmm;
	ferry_spin_init(&pmm->lock, FERRY_LOCK_PMM);
	ferry_list_init(&pmm->by_age);
	pmm->mem = mem;
	*out = pmm;
	return 0;

free_pmm:
	ferry_mem_free(mem, pmm, sizeof(*pmm));
	return err;
}

void ferry_pmm_destroy(struct ferry_pmm *pmm) FERRY_LOCK_UNSHARED
{
	if (!pmm)
		return;
	FERRY_ASSERT(pmm->roots.frames_free == (uint64_t)pmm->roots.count * FERRY_ROOT_FRAMES);
	FERRY_ASSERT(pmm->tenants == 0 && pmm->pinned == 0);
	ferry_spin_fini(&pmm->lock);
	ferry_roots_fini(&pmm->roots);
	ferry_mem_free(pmm->mem, pmm, sizeof(*pmm));
}

/* The first frame of a piece, or FERRY_ROOT_NONE; *count is its size. */
static uint32_t take(struct ferry_roots *rs, enum ferry_pmm_size size, uint32_t *count)
{
	switch (size) {
	case FERRY_PMM_2M:
		*count = FERRY_BLOCK_PAGES;
		return ferry_roots_take_whole(rs);
	case FERRY_PMM_64K:
		*count = FERRY_BIG_PAGES;
		return ferry_roots_take_big(rs);
	default:
		*count = 1;
		return ferry_roots_take_frame(rs);
	}
}

int ferry_pmm_alloc(struct ferry_ctx *ctx, struct ferry_pmm *pmm, enum ferry_pmm_size size,
                    struct ferry_tenant *tenant, uint32_t *frame)
{
	uint32_t first, count;

	if (size >= FERRY_PMM_SIZES)
		return FERRY_E_PMM_SIZE;
	if (!FERRY_ASSERT(tenant))
		return FERRY_E_BUG;
	ferry_spin_lock(ctx, &pmm->lock);
	first = take(&pmm->roots, size, &count);
	if (first != FERRY_ROOT_NONE)
		ferry_tenant_charge(pmm, tenant, count);
	ferry_spin_unlock(ctx, &pmm->lock);
	if (first == FERRY_ROOT_NONE)
		return FERRY_E_PMM_FULL;
	*frame = first;
	return 0;
}

int ferry_pmm_alloc_frames(struct ferry_ctx *ctx, struct ferry_pmm *pmm, struct ferry_tenant *tenant, uint32_t count,
                           uint32_t *frames, uint32_t *taken)
{
	uint32_t n;

	*taken = 0;
	if (!FERRY_ASSERT(tenant))
		return FERRY_E_BUG;
	ferry_spin_lock(ctx, &pmm->lock);
	n = ferry_roots_take_frames(&pmm->roots, count, frames);
	if (n)
		ferry_tenant_charge(pmm, tenant, n);
	ferry_spin_unlock(ctx, &pmm->lock);
	*taken = n;
	return n == count ? 0 : FERRY_E_PMM_FULL;
}

/* Frames of one root. A tenant that holds less than it gives is giving what is somebody else's. PMM held. */
static bool give(struct ferry_pmm *pmm, struct ferry_tenant *tenant, uint32_t first, uint32_t count)
	FERRY_NEEDS(&pmm->lock)
{
	if (tenant->frames < count || !ferry_roots_give(&pmm->roots, first, count))
		return false;
	ferry_tenant_uncharge(pmm, tenant, count);
	return true;
}

/* Frames of several roots, or none, or outside. One root a turn; what is refused is left alone. PMM held. */
static __attribute__((__noinline__)) bool give_span(struct ferry_pmm *pmm, struct ferry_tenant *tenant,
                                                    uint32_t first, uint32_t count) FERRY_NEEDS(&pmm->lock)
{
	uint64_t frames = (uint64_t)pmm->roots.count * FERRY_BLOCK_PAGES;
	bool all = true;

	if (first >= frames || count > frames - first)
		return false;
	while (count) {
		uint32_t n = FERRY_BLOCK_PAGES - first % FERRY_BLOCK_PAGES;

		if (n > count)
			n = count;
		all &= give(pmm, tenant, first, n);
		first += n;
		count -= n;
	}
	return all;
}

void ferry_pmm_free(struct ferry_ctx *ctx, struct ferry_pmm *pmm, struct ferry_tenant *tenant, uint32_t first,
                    uint32_t count)
{
	bool given;

	if (!FERRY_ASSERT(tenant))
		return;
	ferry_spin_lock(ctx, &pmm->lock);
	if (first % FERRY_BLOCK_PAGES + (uint64_t)count <= FERRY_BLOCK_PAGES && count)
		given = give(pmm, tenant, first, count);
	else
		given = give_span(pmm, tenant, first, count);
	ferry_spin_unlock(ctx, &pmm->lock);
	FERRY_ASSERT(given);
}

void ferry_pmm_stats(struct ferry_ctx *ctx, struct ferry_pmm *pmm, struct ferry_pmm_stats *out)
{
	const struct ferry_roots *rs = &pmm->roots;

	ferry_spin_lock(ctx, &pmm->lock);
	out->frames = (uint64_t)rs->count * FERRY_BLOCK_PAGES;
	out->frames_free = rs->frames_free;
	out->roots = rs->count;
	out->roots_free = rs->kinds[FERRY_ROOT_FREE];
	out->roots_whole = rs->kinds[FERRY_ROOT_WHOLE];
	out->roots_64k = rs->kinds[FERRY_ROOT_CUT_64K];
	out->roots_4k = rs->kinds[FERRY_ROOT_CUT_4K];
	out->splits = rs->splits;
	out->merges = rs->merges;
	out->tenants = pmm->tenants;
	out->pinned = pmm->pinned;
	out->bookkeeping_bytes = sizeof(*pmm) + ferry_roots_bytes(rs->count);
	ferry_spin_unlock(ctx, &pmm->lock);
}

bool ferry_pmm_audit(struct ferry_ctx *ctx, struct ferry_pmm *pmm)
{
	bool sound;

	ferry_spin_lock(ctx, &pmm->lock);
	sound = ferry_roots_audit(&pmm->roots) &&
	        ferry_tenant_audit(pmm, (uint64_t)pmm->roots.count * FERRY_BLOCK_PAGES - pmm->roots.frames_free);
	ferry_spin_unlock(ctx, &pmm->lock);
	return sound;
}
