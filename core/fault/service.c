/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "fault/service.h"
#include "gpu/device.h"
#include "migrate/evict.h"
#include "migrate/move.h"
#include "migrate/plan.h"
#include "va/block_map.h"
#include "va/external.h"

#define LINE_BYTES 64u
#define SERVICE_TRIES 32u
#define SERVICE_TRIES_PREFETCH 4u /* evictions that neighbours are worth */

/* Sort out what cannot be had. Leaves in read and write what is worth working for. */
static void service_sift(const struct ferry_block *block, struct ferry_service *s, struct ferry_bitmap *read,
                         struct ferry_bitmap *write) FERRY_NEEDS(&block->lock)
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

/* Map host pages for the device. Pages that another device holds come home first; the CPU keeps its mappings. */
static int service_remote(struct ferry_ctx *ctx, struct ferry_block *block, struct ferry_block_gpu *bg,
                          const struct ferry_bitmap *pages) FERRY_NEEDS(&block->lock)
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
                         const struct ferry_plan *plan, struct ferry_bitmap *pinned) FERRY_NEEDS(&block->lock)
{
	struct ferry_bitmap all;
	int err;

	ferry_bitmap_zero(pinned);
	ferry_bitmap_or(&all, &plan->read, &plan->write);
	if (ferry_bitmap_empty(&all))
		return 0;
	err = ferry_block_populate(block, &all);
	if (err)
		return err;
	err = ferry_move_reserve(ctx, bg, &all);
	if (err)
		return err;
	return ferry_move_to_device(ctx, bg, &plan->read, &plan->write, pinned);
}

/* Wanted pages that somebody outside holds: from afar, or not at all. */
static int service_pinned(struct ferry_ctx *ctx, struct ferry_block *block, struct ferry_block_gpu *bg,
                          const struct ferry_bitmap *want, const struct ferry_bitmap *pinned)
	FERRY_NEEDS(&block->lock)
{
	struct ferry_bitmap stay;

	ferry_bitmap_and(&stay, want, pinned);
	if (ferry_bitmap_empty(&stay))
		return 0;
	if (!(bg->gpu->info.caps & (1u << FERRY_CAP_HOST_MAP)))
		return FERRY_E_HOST_PINNED;
	return service_remote(ctx, block, bg, &stay);
}

/* What of read and write is accessible already, taken out of them. */
static void service_done(const struct ferry_block_gpu *bg, const struct ferry_service *s, struct ferry_bitmap *read,
                         struct ferry_bitmap *write, struct ferry_bitmap *done) FERRY_NEEDS(&bg->block->lock)
{
	struct ferry_bitmap mapped = bg->mapped, writable = bg->writable;

	if (s->move) {
		ferry_bitmap_andnot(&mapped, &mapped, &bg->remote);
		ferry_bitmap_andnot(&writable, &writable, &bg->remote);
	}
	ferry_bitmap_and(&mapped, read, &mapped);
	ferry_bitmap_andnot(read, read, &mapped);
	ferry_bitmap_and(&writable, write, &writable);
	ferry_bitmap_andnot(write, write, &writable);
	ferry_bitmap_or(done, &mapped, &writable);
}

static inline void touch_lines(const void *from, const void *to)
{
	for (const volatile uint8_t *p = from; p < (const volatile uint8_t *)to; p += LINE_BYTES)
		(void)*p;
}

/*
 * One byte of each cache line that a service looks at. A block that faults has rested, and another CPU may have had
 * it last: so ask for all lines at once, and wait for them together instead of one after the other. Only what BLOCK
 * guards.
 */
static void service_warm(const struct ferry_block *block, uint32_t device) FERRY_NEEDS(&block->lock)
{
	const struct ferry_block_gpu *bg = block->on[device];

	touch_lines(&block->valid, &block->on);
	if (bg)
		touch_lines(&bg->resident, &bg->frame);
}

/* What is left to do, for wanted pages that are not accessible. Its sets are not on the stack while nothing is. */
__attribute__((__noinline__)) static int service_work(struct ferry_ctx *ctx, struct ferry_block_gpu *bg,
                                                      struct ferry_service *s, uint32_t tries,
                                                      const struct ferry_bitmap *read,
                                                      const struct ferry_bitmap *write) FERRY_NEEDS(&bg->block->lock)
{
	bool grow = s->prefetch && tries < SERVICE_TRIES_PREFETCH, last = tries + 1 == SERVICE_TRIES;
	struct ferry_block *block = bg->block;
	struct ferry_bitmap want, pinned, extra;
	struct ferry_plan plan;
	int err;

	ferry_bitmap_or(&want, read, write);
	if (!s->move)
		ferry_plan_judge_turns(block, bg, read, write);
	ferry_plan_make(block, bg, read, write, grow, &plan);
	if (last && (bg->gpu->info.caps & (1u << FERRY_CAP_HOST_MAP))) {
		plan.remote = want;
		ferry_bitmap_zero(&plan.read);
		ferry_bitmap_zero(&plan.write);
	}
	err = service_remote(ctx, block, bg, &plan.remote);
	if (!err)
		err = service_bring(ctx, block, bg, &plan, &pinned);
	if (!err)
		err = service_pinned(ctx, block, bg, &want, &pinned);
	if (err)
		return err;
	ferry_plan_note(block, bg);
	s->served = ferry_bitmap_count(&want);
	ferry_bitmap_or(&extra, &plan.read, &plan.write);
	ferry_bitmap_andnot(&extra, &extra, &want);
	ferry_bitmap_andnot(&extra, &extra, &pinned);
	ferry_count(&block->vs->counters, FERRY_COUNTER_pages_prefetched, ferry_bitmap_count(&extra));
	return 0;
}

/* Pages that devices contested go where they are wanted again: because that is long ago, or because somebody says so.
 */
static int service_peace(struct ferry_ctx *ctx, struct ferry_block *block, const struct ferry_service *s)
	FERRY_NEEDS(&block->lock)
{
	struct ferry_bitmap moved;

	if (s->move) {
		ferry_bitmap_or(&moved, &s->read, &s->write);
		ferry_bitmap_andnot(&block->contested, &block->contested, &moved);
	}
	if (!ferry_plan_peace(block))
		return 0;
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++) {
		struct ferry_block_gpu *bg = block->on[d];
		struct ferry_bitmap pages;
		int err;

		if (!bg)
			continue;
		ferry_bitmap_and(&pages, &block->contested, &bg->remote);
		err = ferry_block_unmap_gpu(ctx, bg, &pages);
		if (err)
			return err;
	}
	ferry_bitmap_zero(&block->contested);
	return 0;
}

/* One try with BLOCK held. */
static int service_try(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t device, struct ferry_service *s,
                       uint32_t tries) FERRY_NEEDS(&block->lock)
{
	struct ferry_bitmap read, write, done;
	struct ferry_block_gpu *bg;
	int err;

	if (block->dead)
		return FERRY_E_RANGE_NOT_FOUND;
	service_warm(block, device);
	ferry_block_drop_lost_devices(ctx, block);
	service_sift(block, s, &read, &write);
	if (ferry_bitmap_empty(&read) && ferry_bitmap_empty(&write))
		return 0;
	err = service_peace(ctx, block, s);
	if (!err)
		err = ferry_block_on(ctx, block, device, &bg);
	if (err)
		return err;
	service_done(bg, s, &read, &write, &done);
	s->duplicates = ferry_bitmap_count(&done);
	if (ferry_bitmap_empty(&read) && ferry_bitmap_empty(&write))
		return 0;
	return service_work(ctx, bg, s, tries, &read, &write);
}

int ferry_service_block(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t device, struct ferry_service *s)
{
	struct ferry_device *gpu = ferry_core_device(block->core, device);
	struct ferry_block_gpu *bg;
	int err = FERRY_E_PMM_FULL;

	if (block->external)
		return ferry_external_serve(ctx, block, device, s);
	s->duplicates = 0;
	s->served = 0;
	for (uint32_t tries = 0; tries < SERVICE_TRIES; tries++) {
		ferry_mutex_lock(ctx, &block->lock);
		err = service_try(ctx, block, device, s, tries);
		bg = block->on[device]; /* stays while VA_SPACE is held */
		ferry_mutex_unlock(ctx, &block->lock);
		/* Another device died and takes its pages along: the next try knows which. */
		if (err == FERRY_E_DEVICE_LOST && !ferry_device_lost(gpu))
			continue;
		/* The host has no room for neighbours: try without them. */
		if (err == FERRY_E_HOST_FULL && s->prefetch && tries < SERVICE_TRIES_PREFETCH) {
			tries = SERVICE_TRIES_PREFETCH - 1;
			continue;
		}
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

/* ---- one page --------------------------------------------------------------------------------------------- */

/* Everything that service_try() would find out or decide about the page, if the answer is "bring it". BLOCK held. */
static bool page_is_plain(const struct ferry_block *block, const struct ferry_block_gpu *bg, uint32_t page,
                          bool write) FERRY_NEEDS(&block->lock)
{
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++)
		if (block->on[d] != bg && block->on[d])
			return false;
	return !block->dead && !ferry_device_lost(bg->gpu) && ferry_bitmap_test(&block->valid, page) &&
	       ferry_bitmap_test(&block->populated, page) && !ferry_bitmap_test(&block->lost, page) &&
	       !(write && ferry_bitmap_test(&block->read_only, page)) && !ferry_bitmap_test(&bg->resident, page) &&
	       !ferry_bitmap_test(&bg->mapped, page) && ferry_plan_alone(block, bg, page, write);
}

bool ferry_service_page(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t device, uint32_t page, bool write)
{
	struct ferry_block_gpu *bg;
	bool served;

	if (block->external)
		return false;
	ferry_mutex_lock(ctx, &block->lock);
	service_warm(block, device);
	bg = block->on[device];
	served = bg && page_is_plain(block, bg, page, write) && !ferry_move_page_to_device(ctx, bg, page, write);
	if (served)
		ferry_plan_note(block, bg);
	ferry_mutex_unlock(ctx, &block->lock);
	return served;
}
