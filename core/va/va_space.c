/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "va/va_space.h"
#include "base/range.h"
#include "gpu/device.h"
#include "gpu/launch.h"
#include "va/block_map.h"
#include "va/external.h"

#define SLOT_RANGE 1ull /* low bit: a range without a block yet */

static uint32_t radix_top(uint64_t va)
{
	return (uint32_t)(va >> (FERRY_BLOCK_SHIFT + FERRY_RADIX_BITS)) & (FERRY_RADIX_SLOTS - 1);
}

static uint32_t radix_low(uint64_t va)
{
	return (uint32_t)(va >> FERRY_BLOCK_SHIFT) & (FERRY_RADIX_SLOTS - 1);
}

static struct ferry_os_atomic *radix_slot(const struct ferry_va_space *vs, uint64_t va)
{
	struct ferry_radix_leaf *leaf = va < FERRY_VA_END ? vs->radix[radix_top(va)] : NULL;

	return leaf ? &leaf->slot[radix_low(va)] : NULL;
}

struct ferry_block *ferry_va_space_peek(struct ferry_va_space *vs, uint64_t va)
{
	struct ferry_os_atomic *slot = radix_slot(vs, va);
	uint64_t v = slot ? ferry_os_load_acquire(slot) : 0;

	return v & SLOT_RANGE ? NULL : (struct ferry_block *)(uintptr_t)v;
}

/* How many pages of a range lie in the block at va, which begins inside the range. */
static uint32_t range_block_pages(const struct ferry_va_range *range, uint64_t va)
{
	uint64_t left = range->base + range->bytes - va;

	return (uint32_t)((left < FERRY_BLOCK_SIZE ? left : FERRY_BLOCK_SIZE) >> FERRY_PAGE_SHIFT);
}

int ferry_va_space_block(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t va, struct ferry_block **out)
{
	struct ferry_os_atomic *slot = radix_slot(vs, va);
	struct ferry_va_range *range;
	struct ferry_block *block;
	uint64_t v, was;
	int err;

	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &vs->lock));
	v = slot ? ferry_os_load_acquire(slot) : 0;
	if (!v)
		return FERRY_E_RANGE_NOT_FOUND;
	if (!(v & SLOT_RANGE)) {
		*out = (struct ferry_block *)(uintptr_t)v;
		return 0;
	}
	range = (struct ferry_va_range *)(uintptr_t)(v & ~SLOT_RANGE);
	va = ferry_align_down(va, FERRY_BLOCK_SIZE);
	err = ferry_block_create(vs, range, va, range_block_pages(range, va), &block);
	if (err)
		return err;
	was = ferry_os_cmpxchg(slot, v, (uint64_t)(uintptr_t)block);
	if (was != v) {
		/* Another thread was first; under VA_SPACE a slot can only have become a block. */
		ferry_block_put(ctx, block);
		block = (struct ferry_block *)(uintptr_t)was;
	}
	*out = block;
	return 0;
}

/* ---- ranges ------------------------------------------------------------------------------------------- */

struct ferry_va_range *ferry_va_slot_range(struct ferry_va_space *vs, uint64_t va)
{
	struct ferry_os_atomic *slot = radix_slot(vs, va);
	uint64_t v = slot ? ferry_os_load_acquire(slot) : 0;

	if (v & SLOT_RANGE)
		return (struct ferry_va_range *)(uintptr_t)(v & ~SLOT_RANGE);
	return v ? ((struct ferry_block *)(uintptr_t)v)->range : NULL;
}

int ferry_va_slots_prepare(struct ferry_va_space *vs, uint64_t base, uint64_t bytes)
{
	for (uint64_t va = base; va < base + bytes; va = ferry_align_down(va, FERRY_BLOCK_SIZE << FERRY_RADIX_BITS) +
	                                                 (FERRY_BLOCK_SIZE << FERRY_RADIX_BITS)) {
		struct ferry_radix_leaf **leaf = &vs->radix[radix_top(va)];

		if (*leaf)
			continue;
		*leaf = ferry_mem_zalloc(&vs->core->mem, sizeof(**leaf));
		if (!*leaf)
			return FERRY_E_RANGE_NOMEM;
	}
	return 0;
}

void ferry_va_slot_set(struct ferry_va_space *vs, uint64_t va, struct ferry_block *block)
{
	ferry_os_store_release(radix_slot(vs, va), (uint64_t)(uintptr_t)block);
}

int ferry_va_range_create(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t base, uint64_t bytes,
                          bool read_only)
{
	struct ferry_va_range *range;
	int err = ferry_range_check_aligned(base, bytes, FERRY_VA_END, FERRY_PAGE_SIZE);

	if (err)
		return err;
	if (!base || !ferry_is_aligned(base, FERRY_BLOCK_SIZE))
		return FERRY_E_RANGE_ALIGN;
	if (bytes > FERRY_RANGE_BYTES_MAX)
		return FERRY_E_RANGE_OVERFLOW;
	range = ferry_mem_zalloc(&vs->core->mem, sizeof(*range));
	if (!range)
		return FERRY_E_RANGE_NOMEM;
	range->base = base;
	range->bytes = bytes;
	range->valid_pages = bytes >> FERRY_PAGE_SHIFT;
	range->read_only = read_only;

	ferry_va_write_lock(ctx, &vs->lock);
	err = ferry_va_slots_prepare(vs, base, bytes);
	for (uint64_t va = base; !err && va < base + bytes; va += FERRY_BLOCK_SIZE)
		if (ferry_va_slot_range(vs, va))
			err = FERRY_E_RANGE_OVERLAP;
	if (err) {
		ferry_va_write_unlock(ctx, &vs->lock);
		ferry_mem_free(&vs->core->mem, range, sizeof(*range));
		return err;
	}
	for (uint64_t va = base; va < base + bytes; va += FERRY_BLOCK_SIZE)
		ferry_os_store_release(radix_slot(vs, va), (uint64_t)(uintptr_t)range | SLOT_RANGE);
	ferry_list_push_back(&vs->ranges, &range->node);
	ferry_count(&vs->counters, FERRY_COUNTER_managed_bytes, bytes);
	ferry_va_write_unlock(ctx, &vs->lock);
	return 0;
}

/* The range ends: its blocks die, its slots are empty. VA_SPACE write held. */
static void range_end(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_va_range *range)
	FERRY_NEEDS(&vs->lock)
{
	(void)FERRY_ASSERT(ferry_lock_assert_excl(ctx, &vs->lock));
	for (uint64_t va = range->base; va < range->base + range->bytes; va += FERRY_BLOCK_SIZE) {
		struct ferry_block *block = ferry_va_space_peek(vs, va);

		if (block)
			ferry_block_kill(ctx, block);
		ferry_os_store_release(radix_slot(vs, va), 0);
		if (block)
			ferry_block_put(ctx, block);
	}
	ferry_os_fetch_add(&vs->counters.value[FERRY_COUNTER_managed_bytes],
	                   (uint64_t)0 - (range->valid_pages << FERRY_PAGE_SHIFT));
	ferry_list_remove(&range->node);
	ferry_mem_free(&vs->core->mem, range, sizeof(*range));
}

int ferry_va_range_destroy(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t base, uint64_t *bytes)
{
	struct ferry_va_range *range;
	int err = 0;

	ferry_va_write_lock(ctx, &vs->lock);
	range = ferry_va_slot_range(vs, base);
	if (!range)
		err = FERRY_E_RANGE_NOT_FOUND;
	else if (range->external)
		err = FERRY_E_REGISTERED;
	else if (range->base != base)
		err = FERRY_E_RANGE_NOT_START;
	if (!err) {
		*bytes = range->bytes;
		range_end(ctx, vs, range);
	}
	ferry_va_write_unlock(ctx, &vs->lock);
	return err;
}

/* Pages of one block stop existing; the block is made if need be, since the range's rest goes on. */
static void unmap_in_block(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_va_range *range,
                           uint64_t va, uint32_t count) FERRY_NEEDS(&vs->lock)
{
	uint32_t first = (uint32_t)(va >> FERRY_PAGE_SHIFT) & (FERRY_BLOCK_PAGES - 1), had;
	struct ferry_block *block;

	if (ferry_va_space_block(ctx, vs, va, &block)) {
		/* No memory to remember the hole: the host has unmapped it, and a device that goes there gets zeros.
		 */
		ferry_os_log(FERRY_LOG_WARN, "no memory to forget %u unmapped pages", count);
		return;
	}
	ferry_mutex_lock(ctx, &block->lock);
	had = ferry_bitmap_range_count(&block->valid, first, count);
	ferry_block_invalidate_pages(ctx, block, first, count);
	ferry_mutex_unlock(ctx, &block->lock);
	range->valid_pages -= had;
	ferry_os_fetch_add(&vs->counters.value[FERRY_COUNTER_managed_bytes],
	                   (uint64_t)0 - ((uint64_t)had << FERRY_PAGE_SHIFT));
}

void ferry_va_range_unmap(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t va, uint64_t bytes)
{
	uint64_t end;

	va = ferry_align_down(va, FERRY_PAGE_SIZE);
	if (va >= FERRY_VA_END || !bytes)
		return;
	end = bytes > FERRY_VA_END - va ? FERRY_VA_END : ferry_align_up(va + bytes, FERRY_PAGE_SIZE);

	ferry_va_write_lock(ctx, &vs->lock);
	while (va < end) {
		uint64_t next = ferry_align_down(va, FERRY_BLOCK_SIZE) + FERRY_BLOCK_SIZE;
		struct ferry_va_range *range = ferry_va_slot_range(vs, va);

		if (next > end)
			next = end;
		if (range && range->external)
			range = NULL; /* not ours to forget: it is the process's own until it is unregistered */
		if (range && va <= range->base && end >= range->base + range->bytes) {
			next = range->base + range->bytes;
			range_end(ctx, vs, range);
			next = ferry_align_up(next, FERRY_BLOCK_SIZE);
		} else if (range) {
			unmap_in_block(ctx, vs, range, va, (uint32_t)((next - va) >> FERRY_PAGE_SHIFT));
			if (!range->valid_pages)
				range_end(ctx, vs, range);
		}
		va = next;
	}
	ferry_va_write_unlock(ctx, &vs->lock);
}

/* The part of [va, end) that lies in a slot of registered memory is all registered. */
static bool registered(struct ferry_va_space *vs, uint64_t va, uint64_t end) FERRY_NEEDS_SHARED(&vs->lock)
{
	const struct ferry_block *block = ferry_va_space_peek(vs, va);
	uint64_t next = ferry_align_down(va, FERRY_BLOCK_SIZE) + FERRY_BLOCK_SIZE;

	if (end > next)
		end = next;
	return ferry_bitmap_range_full(&block->valid, (uint32_t)(va >> FERRY_PAGE_SHIFT) & (FERRY_BLOCK_PAGES - 1),
	                               (uint32_t)((end - va) >> FERRY_PAGE_SHIFT));
}

int ferry_va_range_check(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t base, uint64_t bytes)
{
	int err = ferry_range_check_aligned(base, bytes, FERRY_VA_END, FERRY_PAGE_SIZE);
	bool external = false;

	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &vs->lock));
	if (err)
		return err;
	for (uint64_t va = base; va < base + bytes;) {
		struct ferry_va_range *range = ferry_va_slot_range(vs, va);

		if (range && range->external && !registered(vs, va, base + bytes))
			return FERRY_E_RANGE_NOT_FOUND;
		external |= range && range->external;
		if (!range || va >= range->base + range->bytes)
			return FERRY_E_RANGE_NOT_FOUND;
		va = range->base + range->bytes;
		/* The next range, if any, begins at the next block boundary: a gap before it is a hole. */
		if (va < base + bytes && !ferry_is_aligned(va, FERRY_BLOCK_SIZE))
			return FERRY_E_RANGE_NOT_FOUND;
	}
	return external ? FERRY_E_REGISTERED : 0;
}

static int policy_change(struct ferry_policy *policy, uint32_t advice, uint32_t where)
{
	switch (advice) {
	case FERRY_ADVICE_PREFERRED:
		policy->preferred = where == FERRY_WHERE_NONE   ? 0
		                    : where == FERRY_WHERE_HOST ? 1
		                                                : (uint8_t)(where + 2);
		return 0;
	case FERRY_ADVICE_ACCESSED_BY:
		policy->accessed_by |= (uint8_t)(1u << where);
		return 0;
	case FERRY_ADVICE_NOT_ACCESSED_BY:
		policy->accessed_by &= (uint8_t) ~(1u << where);
		return 0;
	case FERRY_ADVICE_READ_MOSTLY:
		policy->read_mostly = true;
		return 0;
	case FERRY_ADVICE_NOT_READ_MOSTLY:
		policy->read_mostly = false;
		return 0;
	default:
		return FERRY_E_ADVICE;
	}
}

static int advice_check(const struct ferry_va_space *vs, uint32_t advice, uint32_t where)
{
	bool device = ferry_core_device(vs->core, where) != NULL;

	switch (advice) {
	case FERRY_ADVICE_PREFERRED:
		return device || where == FERRY_WHERE_HOST || where == FERRY_WHERE_NONE ? 0 : FERRY_E_ADVICE;
	case FERRY_ADVICE_ACCESSED_BY:
	case FERRY_ADVICE_NOT_ACCESSED_BY:
		return device ? 0 : FERRY_E_ADVICE;
	case FERRY_ADVICE_READ_MOSTLY:
		if (!(vs->host_caps & (1u << FERRY_CAPABILITY_READ_MOSTLY)))
			return FERRY_E_UNSUPPORTED;
		return where == FERRY_WHERE_NONE ? 0 : FERRY_E_ADVICE;
	case FERRY_ADVICE_NOT_READ_MOSTLY:
		return where == FERRY_WHERE_NONE ? 0 : FERRY_E_ADVICE;
	default:
		return FERRY_E_ADVICE;
	}
}

int ferry_va_range_advise(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t base, uint64_t bytes,
                          uint32_t advice, uint32_t where)
{
	int err = advice_check(vs, advice, where);

	if (err)
		return err;
	ferry_va_write_lock(ctx, &vs->lock);
	err = ferry_va_range_check(ctx, vs, base, bytes);
	for (uint64_t va = ferry_align_down(base, FERRY_BLOCK_SIZE); !err && va < base + bytes;
	     va += FERRY_BLOCK_SIZE) {
		struct ferry_va_range *range = ferry_va_slot_range(vs, va);
		struct ferry_block *block = ferry_va_space_peek(vs, va);

		/* Advice on a whole range reaches the blocks to come; on a part of it, the blocks it touches. */
		if (base <= range->base && base + bytes >= range->base + range->bytes)
			err = policy_change(&range->policy, advice, where);
		else if (!block)
			err = ferry_va_space_block(ctx, vs, va, &block);
		if (!err && block) {
			ferry_mutex_lock(ctx, &block->lock);
			err = policy_change(&block->policy, advice, where);
			ferry_mutex_unlock(ctx, &block->lock);
		}
	}
	ferry_va_write_unlock(ctx, &vs->lock);
	return err;
}

static int protect_block(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t first, uint32_t count, bool write)
	FERRY_NEEDS_NOT(&block->lock)
{
	struct ferry_bitmap pages = {{0}};
	int err = 0;

	ferry_bitmap_set_range(&pages, first, count);
	ferry_mutex_lock(ctx, &block->lock);
	ferry_block_drop_lost_devices(ctx, block);
	if (write)
		ferry_bitmap_andnot(&block->read_only, &block->read_only, &pages);
	else
		ferry_bitmap_or(&block->read_only, &block->read_only, &pages);
	/* One that cannot is lost, and writes no more; the others are to obey all the same. */
	for (uint32_t d = 0; !write && d < FERRY_MAX_DEVICES; d++) {
		int one = block->on[d] ? ferry_block_protect_gpu(ctx, block->on[d], &pages) : 0;

		err = err ? err : one;
	}
	ferry_mutex_unlock(ctx, &block->lock);
	return err;
}

int ferry_va_range_protect(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t base, uint64_t bytes,
                           bool write)
{
	int err;

	ferry_va_write_lock(ctx, &vs->lock);
	err = ferry_va_range_check(ctx, vs, base, bytes);
	for (uint64_t va = base, next; !err && va < base + bytes; va = next) {
		struct ferry_va_range *range = ferry_va_slot_range(vs, va);
		struct ferry_block *block = ferry_va_space_peek(vs, va);

		next = ferry_align_down(va, FERRY_BLOCK_SIZE) + FERRY_BLOCK_SIZE;
		if (next > base + bytes)
			next = base + bytes;
		if (base <= range->base && base + bytes >= range->base + range->bytes)
			range->read_only = !write;
		else if (!block)
			err = ferry_va_space_block(ctx, vs, va, &block);
		if (!err && block)
			err = protect_block(ctx, block, (uint32_t)(va >> FERRY_PAGE_SHIFT) & (FERRY_BLOCK_PAGES - 1),
			                    (uint32_t)((next - va) >> FERRY_PAGE_SHIFT), write);
	}
	ferry_va_write_unlock(ctx, &vs->lock);
	return err;
}

/* ---- life ----------------------------------------------------------------------------------------------- */

int ferry_va_space_create(struct ferry_ctx *ctx, struct ferry_core *core, const struct ferry_mm_ops *ops, void *mm,
                          uint32_t host_caps, struct ferry_va_space **out)
{
	struct ferry_va_space *vs = ferry_mem_zalloc(&core->mem, sizeof(*vs));

	if (!vs)
		return FERRY_E_VA_SPACE_NOMEM;
	vs->radix = ferry_mem_zalloc(&core->mem, FERRY_RADIX_SLOTS * sizeof(*vs->radix));
	if (!vs->radix) {
		ferry_mem_free(&core->mem, vs, sizeof(*vs));
		return FERRY_E_VA_SPACE_NOMEM;
	}
	vs->core = core;
	vs->ops = ops;
	vs->mm = mm;
	vs->host_caps = host_caps;
	ferry_va_lock_init(&vs->lock, FERRY_LOCK_VA_SPACE);
	ferry_mutex_init(&vs->launch_lock, FERRY_LOCK_LAUNCH);
	ferry_mutex_init(&vs->external_lock, FERRY_LOCK_EXTERNAL);
	ferry_list_init(&vs->ranges);
	ferry_list_init(&vs->registrations);
	ferry_list_init(&vs->externals);
	ferry_mutex_lock(ctx, &core->lock);
	ferry_list_push_back(&core->va_spaces, &vs->node);
	ferry_mutex_unlock(ctx, &core->lock);
	*out = vs;
	return 0;
}

static int va_gpu_bind(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_va_gpu *vg)
{
	struct ferry_device *gpu = vg->gpu;
	int err;

	ferry_device_control_lock(ctx, gpu);
	vg->asid = ferry_ids_take(&gpu->asids);
	err = vg->asid >= gpu->asids.count
	              ? FERRY_E_ASID_FULL
	              : gpu->hal->asid_bind(gpu->hd, vg->asid, ferry_page_tree_root_bus(&vg->tree));
	if (err && vg->asid < gpu->asids.count)
		ferry_ids_give(&gpu->asids, vg->asid);
	ferry_mutex_unlock(ctx, &gpu->control);
	if (err)
		return err;
	/* From here on faults of this space find it. */
	ferry_rw_write_lock(ctx, &gpu->spaces_lock);
	gpu->spaces[vg->asid] = vs;
	ferry_rw_write_unlock(ctx, &gpu->spaces_lock);
	return 0;
}

static void va_gpu_unbind(struct ferry_ctx *ctx, struct ferry_va_gpu *vg)
{
	struct ferry_device *gpu = vg->gpu;

	ferry_rw_write_lock(ctx, &gpu->spaces_lock);
	gpu->spaces[vg->asid] = NULL; /* waits out the servicer, which holds it for reading */
	ferry_rw_write_unlock(ctx, &gpu->spaces_lock);
	ferry_device_control_lock(ctx, gpu);
	if (gpu->hal->asid_unbind(gpu->hd, vg->asid))
		ferry_device_lose(gpu, FERRY_E_DEVICE_HUNG);
	ferry_ids_give(&gpu->asids, vg->asid);
	ferry_mutex_unlock(ctx, &gpu->control);
}

static int va_gpu_create(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_device *gpu,
                         struct ferry_va_gpu **out)
{
	struct ferry_mem *mem = &vs->core->mem;
	struct ferry_va_gpu *vg = ferry_mem_zalloc(mem, sizeof(*vg));
	int err;

	if (!vg)
		return FERRY_E_VA_SPACE_NOMEM;
	vg->gpu = gpu;
	err = ferry_page_tree_init(&vg->tree, mem, &gpu->pages, gpu->hal, ctx);
	if (err)
		goto free_vg;
	err = va_gpu_bind(ctx, vs, vg);
	if (err)
		goto fini_tree;
	err = ferry_channel_init(ctx, &vg->compute, gpu, FERRY_CHANNEL_COMPUTE, vg->asid);
	if (err)
		goto unbind;
	err = ferry_launch_ring_create(vg, &vg->launches);
	if (err)
		goto fini_channel;
	*out = vg;
	return 0;

fini_channel:
	ferry_channel_fini(ctx, &vg->compute);
unbind:
	va_gpu_unbind(ctx, vg);
fini_tree:
	ferry_page_tree_fini(ctx, &vg->tree);
free_vg:
	ferry_mem_free(mem, vg, sizeof(*vg));
	return err;
}

int ferry_va_space_join(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint32_t device, struct ferry_va_gpu **out)
{
	struct ferry_device *gpu = ferry_core_device(vs->core, device);
	struct ferry_va_gpu *vg;
	int err;

	if (!gpu)
		return FERRY_E_DEVICE_ID;
	ferry_mutex_lock(ctx, &vs->launch_lock);
	vg = vs->joined[device];
	err = vg ? 0 : ferry_device_lost(gpu);
	if (!vg && !err)
		err = va_gpu_create(ctx, vs, gpu, &vg);
	if (!err)
		vs->joined[device] = vg;
	ferry_mutex_unlock(ctx, &vs->launch_lock);
	if (err)
		return err;
	*out = vg;
	ferry_va_read_lock(ctx, &vs->lock);
	err = vs->on[device] == vg;
	ferry_va_read_unlock(ctx, &vs->lock);
	if (err)
		return 0;
	/* Publish under VA_SPACE, for the servicer; two joiners store the same pointer. */
	ferry_va_write_lock(ctx, &vs->lock);
	vs->on[device] = vg;
	ferry_va_write_unlock(ctx, &vs->lock);
	return 0;
}

/* For who ends the VA space: nobody joins any more. */
static struct ferry_va_gpu *last_joined(const struct ferry_va_space *vs, uint32_t device) FERRY_LOCK_UNSHARED
{
	return vs->joined[device];
}

void ferry_va_space_destroy(struct ferry_ctx *ctx, struct ferry_va_space *vs)
{
	struct ferry_core *core = vs->core;
	struct ferry_list *pos, *next;

	ferry_mutex_lock(ctx, &core->lock);
	ferry_list_remove(&vs->node);
	ferry_mutex_unlock(ctx, &core->lock);

	/* 1. Launches end: nobody of this space touches memory through a device any more. */
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++)
		if (last_joined(vs, d))
			ferry_channel_fini(ctx, &last_joined(vs, d)->compute);
	/* 2. Its faults are no longer served. */
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++)
		if (last_joined(vs, d))
			va_gpu_unbind(ctx, last_joined(vs, d));
	/* 3. The host gets its own back, and nothing is revoked any more. */
	ferry_external_end(ctx, vs);
	/* 4. Blocks die; evictors that hold one find it dead. */
	ferry_va_write_lock(ctx, &vs->lock);
	FERRY_LIST_EACH_SAFE(pos, next, &vs->ranges)
		range_end(ctx, vs, FERRY_LIST_ENTRY(pos, struct ferry_va_range, node));
	ferry_va_write_unlock(ctx, &vs->lock);
	/* 5. Memory. */
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++) {
		struct ferry_va_gpu *vg = last_joined(vs, d);

		if (!vg)
			continue;
		ferry_launch_ring_destroy(ctx, vg);
		ferry_page_tree_fini(ctx, &vg->tree);
		ferry_mem_free(&core->mem, vg, sizeof(*vg));
	}
	for (uint32_t i = 0; i < FERRY_RADIX_SLOTS; i++)
		if (vs->radix[i])
			ferry_mem_free(&core->mem, vs->radix[i], sizeof(*vs->radix[i]));
	ferry_mutex_fini(&vs->external_lock);
	ferry_mutex_fini(&vs->launch_lock);
	ferry_va_lock_fini(&vs->lock);
	ferry_mem_free(&core->mem, vs->radix, FERRY_RADIX_SLOTS * sizeof(*vs->radix));
	ferry_mem_free(&core->mem, vs, sizeof(*vs));
}
