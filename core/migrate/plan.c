/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "migrate/plan.h"
#include "gpu/device.h"
#include "migrate/prefetch.h"
#include "va/va_space.h"

#define PREFETCH_PERCENT 51u
#define DENSE_PAGES (FERRY_BLOCK_PAGES * PREFETCH_PERCENT / 100)
#define THRASH_MAX 3u
#define THRASH_TURNS 4u
#define TURNS_MAX 4u
#define TURN_NS 500000ull
#define PEACE_NS 100000000ull

/* Pages the policy leaves on the host for this device to use in place. */
static void plan_remote(const struct ferry_block *block, const struct ferry_block_gpu *bg,
                        const struct ferry_bitmap *want, struct ferry_bitmap *out) FERRY_NEEDS(&block->lock)
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

/* Of the wanted pages, those that another device will not be able to use as it does now. */
static void plan_taken(const struct ferry_block *block, const struct ferry_block_gpu *bg,
                       const struct ferry_bitmap *read, const struct ferry_bitmap *write, struct ferry_bitmap *out)
	FERRY_NEEDS(&block->lock)
{
	ferry_bitmap_zero(out);
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++) {
		const struct ferry_block_gpu *other = block->on[d];
		struct ferry_bitmap pages;

		if (!other || other == bg)
			continue;
		ferry_bitmap_and(&pages, read, &other->writable);
		ferry_bitmap_or(out, out, &pages);
		ferry_bitmap_and(&pages, write, &other->resident);
		ferry_bitmap_or(out, out, &pages);
	}
	ferry_bitmap_andnot(out, out, &block->contested);
}

void ferry_plan_judge_turns(struct ferry_block *block, const struct ferry_block_gpu *bg,
                            const struct ferry_bitmap *read, const struct ferry_bitmap *write)
{
	uint8_t turn_of = (uint8_t)(bg->gpu->id + 1);
	struct ferry_bitmap taken;
	uint64_t now;

	plan_taken(block, bg, read, write, &taken);
	if (ferry_bitmap_empty(&taken))
		return;
	now = ferry_os_now_ns();
	if (now - block->turn_ns > TURN_NS)
		block->turns = 0;
	else if (block->turn_of != turn_of && block->turns < TURNS_MAX)
		block->turns++;
	block->turn_of = turn_of;
	block->turn_ns = now;
	if (block->turns == TURNS_MAX)
		ferry_bitmap_or(&block->contested, &block->contested, &taken);
}

/* Contested pages that this device can use where they are everybody's: at home. */
static void plan_contested(const struct ferry_block *block, const struct ferry_block_gpu *bg,
                           const struct ferry_bitmap *want, struct ferry_bitmap *out) FERRY_NEEDS(&block->lock)
{
	struct ferry_bitmap pages;

	if (!(bg->gpu->info.caps & (1u << FERRY_CAP_HOST_MAP)))
		return;
	ferry_bitmap_and(&pages, want, &block->contested);
	ferry_bitmap_or(out, out, &pages);
}

bool ferry_plan_peace(const struct ferry_block *block)
{
	return !ferry_bitmap_empty(&block->contested) && ferry_os_now_ns() - block->turn_ns > PEACE_NS;
}

/*
 * A stream goes on into this block: it is entered at its start, and the block before, of the same allocation, was
 * dense. (Who jumps about enters a block at its start one time in 32.)
 */
static bool plan_stream(struct ferry_block *block, const struct ferry_bitmap *wanted, uint64_t hint)
	FERRY_NEEDS(&block->lock)
{
	struct ferry_block *before;

	if (ferry_bitmap_range_empty(wanted, 0, FERRY_BIG_PAGES))
		return false;
	before = ferry_va_space_peek(block->vs, block->va - FERRY_BLOCK_SIZE);
	return before && before->range == block->range && (ferry_os_load_relaxed(&before->dense) & hint);
}

/* Once per return of a block that was evicted: did it come back too soon? */
static void plan_judge_thrash(struct ferry_block_gpu *bg) FERRY_NEEDS(&bg->block->lock)
{
	uint64_t turned, roots = bg->gpu->info.vram_bytes >> FERRY_BLOCK_SHIFT;

	if (!bg->evicted_at)
		return;
	turned = ferry_os_load_relaxed(&bg->gpu->evictions) - bg->evicted_at;
	bg->evicted_at = 0;
	if (turned < THRASH_TURNS * roots)
		bg->thrash = bg->thrash < THRASH_MAX ? (uint8_t)(bg->thrash + 1) : THRASH_MAX;
	else
		bg->thrash /= 2;
}

/* Keep of region only the aligned groups of group_pages that hold a wanted page. */
static void plan_narrow(struct ferry_bitmap *region, const struct ferry_bitmap *wanted, uint32_t group_pages)
{
	for (uint32_t first = 0; first < FERRY_BLOCK_PAGES; first += group_pages)
		if (ferry_bitmap_range_empty(wanted, first, group_pages))
			ferry_bitmap_clear_range(region, first, group_pages);
}

/* Neighbours worth bringing, of what is allowed and not had yet. out may be wanted. */
static void plan_grow(const struct ferry_bitmap *wanted, const struct ferry_bitmap *have,
                      const struct ferry_bitmap *allowed, bool stream, uint32_t thrash, struct ferry_bitmap *out)
{
	static const uint32_t group_pages[THRASH_MAX + 1] = {FERRY_BLOCK_PAGES, 64, 16, 1};
	struct ferry_bitmap grown;

	if (ferry_bitmap_empty(wanted)) {
		ferry_bitmap_zero(out);
		return;
	}
	/* A small allocation, or a block of which the rest is there: nothing can come along. */
	ferry_bitmap_andnot(&grown, allowed, have);
	ferry_bitmap_andnot(&grown, &grown, wanted);
	if (ferry_bitmap_empty(&grown)) {
		*out = *wanted;
		return;
	}
	if (stream) {
		grown = *allowed;
	} else {
		ferry_prefetch_region(wanted, have, allowed, PREFETCH_PERCENT, &grown);
		if (thrash)
			plan_narrow(&grown, wanted, group_pages[thrash]);
	}
	ferry_bitmap_andnot(&grown, &grown, have);
	ferry_bitmap_or(out, &grown, wanted);
}

void ferry_plan_make(struct ferry_block *block, struct ferry_block_gpu *bg, const struct ferry_bitmap *read,
                     const struct ferry_bitmap *write, bool grow, struct ferry_plan *plan)
{
	uint32_t d = bg->gpu->id;
	struct ferry_bitmap want, allowed;

	ferry_bitmap_or(&want, read, write);
	plan_remote(block, bg, &want, &plan->remote);
	plan_contested(block, bg, &want, &plan->remote);
	ferry_bitmap_andnot(&plan->read, read, &plan->remote);
	ferry_bitmap_andnot(&plan->write, write, &plan->remote);
	plan_judge_thrash(bg);
	if (grow) {
		bool fresh = ferry_bitmap_empty(&bg->mapped);

		ferry_bitmap_andnot(&allowed, &block->valid, &block->lost);
		ferry_bitmap_andnot(&allowed, &allowed, &bg->remote);
		ferry_bitmap_andnot(&allowed, &allowed, &plan->remote);
		ferry_bitmap_andnot(&allowed, &allowed, &block->contested);
		plan_grow(&plan->read, &bg->mapped, &allowed,
		          fresh && plan_stream(block, &plan->read, FERRY_DENSE_READ(d)), bg->thrash, &plan->read);
		ferry_bitmap_andnot(&allowed, &allowed, &block->read_only);
		plan_grow(&plan->write, &bg->writable, &allowed,
		          ferry_bitmap_empty(&bg->writable) && plan_stream(block, &plan->write, FERRY_DENSE_WRITE(d)),
		          bg->thrash, &plan->write);
	}
	ferry_bitmap_andnot(&plan->read, &plan->read, &plan->write);
}

bool ferry_plan_alone(const struct ferry_block *block, const struct ferry_block_gpu *bg, uint32_t page, bool write)
{
	const struct ferry_bitmap *have = write ? &bg->writable : &bg->mapped;
	uint64_t others = 0;

	if (block->policy.preferred || block->policy.accessed_by || block->policy.read_mostly || bg->evicted_at)
		return false;
	/* As in plan_grow(): a small allocation, or a block of which the rest is there. */
	for (uint32_t w = 0; w < FERRY_BITMAP_WORDS; w++) {
		uint64_t wanted = w == page / 64 ? 1ull << (page % 64) : 0;

		others |= block->valid.word[w] & ~(block->lost.word[w] | have->word[w] | bg->remote.word[w] | wanted);
	}
	return !others;
}

static void dense_note(struct ferry_block *block, uint64_t hint)
{
	if (!(ferry_os_load_relaxed(&block->dense) & hint))
		ferry_os_fetch_or(&block->dense, hint);
}

void ferry_plan_note(struct ferry_block *block, const struct ferry_block_gpu *bg)
{
	if (ferry_bitmap_count(&bg->mapped) >= DENSE_PAGES)
		dense_note(block, FERRY_DENSE_READ(bg->gpu->id));
	if (ferry_bitmap_count(&bg->writable) >= DENSE_PAGES)
		dense_note(block, FERRY_DENSE_WRITE(bg->gpu->id));
}

void ferry_plan_cpu(struct ferry_block *block, uint32_t page, bool write, struct ferry_bitmap *region)
{
	const struct ferry_bitmap *have = write ? &block->cpu_writable : &block->cpu_mapped;
	struct ferry_bitmap wanted = {{0}}, allowed;

	ferry_bitmap_set(&wanted, page);
	ferry_bitmap_andnot(&allowed, &block->valid, &block->lost);
	plan_grow(&wanted, have, &allowed, ferry_bitmap_empty(have) && plan_stream(block, &wanted, FERRY_DENSE_CPU),
	          0, region);
	/* Counted as if it were done: a hint may be wrong. */
	ferry_bitmap_or(&allowed, region, have);
	if (ferry_bitmap_count(&allowed) >= DENSE_PAGES)
		dense_note(block, FERRY_DENSE_CPU);
}
