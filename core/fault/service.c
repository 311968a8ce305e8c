/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "fault/service.h"
#include "gpu/device.h"
#include "migrate/evict.h"
#include "migrate/move.h"
#include "migrate/prefetch.h"
#include "va/block_map.h"

#define SERVICE_TRIES 32u
#define SERVICE_TRIES_PREFETCH 4u /* evictions that neighbours are worth */
#define PREFETCH_PERCENT 51u

/* What to do for one try, all sets disjoint. */
struct plan {
	struct ferry_bitmap remote;      /* use where they are */
	struct ferry_bitmap read, write; /* bring */
};

/* Sort out what cannot be had. Leaves in read and write what is worth working for. */
static void service_sift(const struct ferry_block *block, struct ferry_service *s, struct ferry_bitmap *read,
                         struct ferry_bitmap *write)
{
	struct ferry_bitmap bad;

	ferry_bitmap_or(&bad, &s->read, &s->write);
	ferry_bitmap_and(&s->lost, &bad, &block->lost);
	ferry_bitmap_andnot(&s->unmapped, &bad, &block->valid);
	ferry_bitmap_and(&s->read_only, &s->write, &block->read_only);
	ferry_bitmap_or(&bad, &s->lost, &s->unmapped);
	ferry_bitmap_andnot(read, &s->read, &bad);
	ferry_bitmap_or(&bad, &bad, &s->read_only);
	ferry_bitmap_andnot(write, &s->write, &bad);
}

/* Pages the policy leaves on the host for this device to use in place. */
static void plan_remote(const struct ferry_block *block, const struct ferry_block_gpu *bg,
                        const struct ferry_bitmap *want, struct ferry_bitmap *out)
{
	uint32_t preferred = block->policy.preferred;
	bool by_host = preferred == FERRY_HOST + 1;
	bool by_access = (block->policy.accessed_by >> bg->gpu->id & 1) && preferred != bg->gpu->id + 2;

	ferry_bitmap_zero(out);
	if (!(bg->gpu->info.caps & (1u << FERRY_CAP_HOST_MAP)) || (!by_host && !by_access))
		return;
	ferry_block_device_resident(block, out);
	ferry_bitmap_andnot(out, want, out);
	/* Accessed-by keeps the mapping where the data is; it does not decide where untouched pages go. */
	if (!by_host)
		ferry_bitmap_and(out, out, &block->host);
}

/* Neighbours worth bringing: dense regions around the wanted pages, of what this device does not have that way yet.
 */
static void plan_grow(const struct ferry_bitmap *wanted, const struct ferry_bitmap *have,
                      const struct ferry_bitmap *allowed, struct ferry_bitmap *out)
{
	struct ferry_bitmap grown;

	if (ferry_bitmap_empty(wanted)) {
		ferry_bitmap_zero(out);
		return;
	}
	ferry_prefetch_region(wanted, have, allowed, PREFETCH_PERCENT, &grown);
	ferry_bitmap_andnot(&grown, &grown, have);
	ferry_bitmap_or(out, &grown, wanted);
}

static void service_plan(const struct ferry_block *block, const struct ferry_block_gpu *bg,
                         const struct ferry_bitmap *read, const struct ferry_bitmap *write, bool grow,
                         struct plan *plan)
{
	struct ferry_bitmap want, allowed;

	ferry_bitmap_or(&want, read, write);
	plan_remote(block, bg, &want, &plan->remote);
	ferry_bitmap_andnot(&plan->read, read, &plan->remote);
	ferry_bitmap_andnot(&plan->write, write, &plan->remote);
	if (grow) {
		ferry_bitmap_andnot(&allowed, &block->valid, &block->lost);
		ferry_bitmap_andnot(&allowed, &allowed, &bg->remote);
		ferry_bitmap_andnot(&allowed, &allowed, &plan->remote);
		plan_grow(&plan->read, &bg->mapped, &allowed, &plan->read);
		ferry_bitmap_andnot(&allowed, &allowed, &block->read_only);
		plan_grow(&plan->write, &bg->writable, &allowed, &plan->write);
	}
	ferry_bitmap_andnot(&plan->read, &plan->read, &plan->write);
}

/* Map host pages for the device. Pages that another device holds come home first; the CPU keeps its mappings. */
static int service_remote(struct ferry_ctx *ctx, struct ferry_block *block, struct ferry_block_gpu *bg,
                          const struct ferry_bitmap *pages)
{
	struct ferry_bitmap write, fresh;
	int err;

	if (ferry_bitmap_empty(pages))
		return 0;
	err = ferry_block_populate(block, pages);
	if (err)
		return err;
	err = ferry_move_home(ctx, block, pages, NULL, false);
	if (err)
		return err;
	ferry_block_device_resident(block, &fresh);
	ferry_bitmap_andnot(&fresh, pages, &fresh);
	ferry_bitmap_or(&block->host, &block->host, &fresh);
	ferry_bitmap_andnot(&write, pages, &block->read_only);
	ferry_count(&block->vs->counters, FERRY_COUNTER_maps_remote, ferry_bitmap_count(pages));
	return ferry_block_map_gpu(ctx, bg, pages, &write, true);
}

static int service_bring(struct ferry_ctx *ctx, struct ferry_block *block, struct ferry_block_gpu *bg,
                         const struct plan *plan)
{
	struct ferry_bitmap all;
	int err;

	ferry_bitmap_or(&all, &plan->read, &plan->write);
	if (ferry_bitmap_empty(&all))
		return 0;
	err = ferry_block_populate(block, &all);
	if (err)
		return err;
	err = ferry_move_reserve(ctx, bg, &all);
	if (err)
		return err;
	return ferry_move_to_device(ctx, bg, &plan->read, &plan->write);
}

/* One try with BLOCK held. */
static int service_try(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t device, struct ferry_service *s,
                       uint32_t tries)
{
	bool grow = s->prefetch && tries < SERVICE_TRIES_PREFETCH, last = tries + 1 == SERVICE_TRIES;
	struct ferry_bitmap read, write, done, want;
	struct ferry_block_gpu *bg;
	struct plan plan;
	int err;

	if (block->dead)
		return FERRY_E_RANGE_NOT_FOUND;
	ferry_block_drop_lost_devices(ctx, block);
	service_sift(block, s, &read, &write);
	ferry_bitmap_or(&want, &read, &write);
	if (ferry_bitmap_empty(&want))
		return 0;
	err = ferry_block_on(ctx, block, device, &bg);
	if (err)
		return err;
	ferry_bitmap_and(&done, &read, &bg->mapped);
	ferry_bitmap_andnot(&read, &read, &done);
	ferry_bitmap_and(&want, &write, &bg->writable);
	ferry_bitmap_andnot(&write, &write, &want);
	ferry_bitmap_or(&done, &done, &want);
	s->duplicates = ferry_bitmap_count(&done);
	ferry_bitmap_or(&want, &read, &write);
	if (ferry_bitmap_empty(&want))
		return 0;
	service_plan(block, bg, &read, &write, grow, &plan);
	if (last && (bg->gpu->info.caps & (1u << FERRY_CAP_HOST_MAP))) {
		plan.remote = want;
		ferry_bitmap_zero(&plan.read);
		ferry_bitmap_zero(&plan.write);
	}
	err = service_remote(ctx, block, bg, &plan.remote);
	if (!err)
		err = service_bring(ctx, block, bg, &plan);
	if (err)
		return err;
	s->served = ferry_bitmap_count(&want);
	ferry_bitmap_or(&read, &plan.read, &plan.write);
	ferry_bitmap_andnot(&read, &read, &want);
	ferry_count(&block->vs->counters, FERRY_COUNTER_pages_prefetched, ferry_bitmap_count(&read));
	return 0;
}

int ferry_service_block(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t device, struct ferry_service *s)
{
	struct ferry_device *gpu = ferry_core_device(block->core, device);
	struct ferry_block_gpu *bg;
	int err = FERRY_E_PMM_FULL;

	s->duplicates = 0;
	s->served = 0;
	for (uint32_t tries = 0; tries < SERVICE_TRIES; tries++) {
		ferry_mutex_lock(ctx, &block->lock);
		err = service_try(ctx, block, device, s, tries);
		bg = block->on[device]; /* stays while VA_SPACE is held */
		ferry_mutex_unlock(ctx, &block->lock);
		if (err != FERRY_E_PMM_FULL)
			return err;
		ferry_count(&block->vs->counters, FERRY_COUNTER_retries, 1);
		err = ferry_evict_one(ctx, gpu, bg);
		if (err == FERRY_E_PMM_FULL)
			ferry_os_relax(); /* others are moving theirs; they end soon, or the tries do */
		else if (err)
			return err;
		err = FERRY_E_PMM_FULL;
	}
	return err;
}

/* ---- explicit moves ------------------------------------------------------------------------------------- */

static int migrate_to_device(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t device,
                             const struct ferry_bitmap *pages, uint64_t *moved)
{
	struct ferry_service s = {.prefetch = false};
	bool share;
	int err;

	ferry_mutex_lock(ctx, &block->lock);
	share = block->policy.read_mostly;
	ferry_mutex_unlock(ctx, &block->lock);
	/* Read-only pages can only be shared; the rest is handed over for writing. */
	ferry_bitmap_and(&s.read, pages, share ? pages : &block->read_only);
	ferry_bitmap_andnot(&s.write, pages, &s.read);
	err = ferry_service_block(ctx, block, device, &s);
	if (err)
		return err;
	*moved += s.served;
	return ferry_bitmap_empty(&s.lost) ? 0 : FERRY_E_DEVICE_LOST;
}

static int migrate_home(struct ferry_ctx *ctx, struct ferry_block *block, const struct ferry_bitmap *pages,
                        uint64_t *moved)
{
	struct ferry_bitmap on_device, back;
	int err = 0;

	ferry_mutex_lock(ctx, &block->lock);
	if (!block->dead) {
		ferry_block_drop_lost_devices(ctx, block);
		ferry_block_device_resident(block, &on_device);
		ferry_bitmap_and(&back, pages, &on_device);
		err = ferry_move_home(ctx, block, &back, NULL, false);
		if (!err) {
			*moved += ferry_bitmap_count(&back);
			/* The CPU asked for them, and will touch them. Not mapped is not wrong, only slower. */
			(void)ferry_block_map_cpu(block, &back, true);
			ferry_bitmap_and(&back, pages, &block->lost);
			err = ferry_bitmap_empty(&back) ? 0 : FERRY_E_DEVICE_LOST;
		}
	}
	ferry_mutex_unlock(ctx, &block->lock);
	return err;
}

int ferry_service_migrate(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t va, uint64_t bytes,
                          uint32_t where, bool best_effort, uint64_t *moved)
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
		err = where == FERRY_WHERE_HOST ? migrate_home(ctx, block, &pages, moved)
		                                : migrate_to_device(ctx, block, where, &pages, moved);
		if (err && !(best_effort && (err == FERRY_E_PMM_FULL || err == FERRY_E_HOST_FULL)))
			return err;
	}
	return 0;
}
