/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "migrate/copy.h"
#include "gpu/device.h"
#include "va/va_space.h"

enum copy_what { COPY_IN, COPY_OUT, COPY_ZERO };

/* How many pages from first on have frames that follow each other, at most count. */
static uint32_t frame_run(const struct ferry_block_gpu *bg, uint32_t first, uint32_t count)
	FERRY_NEEDS(&bg->block->lock)
{
	uint32_t n = 1;

	while (n < count && bg->frame[first + n] == bg->frame[first] + n)
		n++;
	return n;
}

/* One command for as many pages from first on as both sides allow; *done of them. */
static int copy_piece(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, struct ferry_push *push, enum copy_what what,
                      uint32_t first, uint32_t count, uint32_t *done) FERRY_NEEDS(&bg->block->lock)
	FERRY_NEEDS(&push->channel->lock)
{
	struct ferry_va_space *vs = bg->block->vs;
	const struct ferry_hal *hal = bg->gpu->hal;
	uint64_t frame = (uint64_t)bg->frame[first] << FERRY_PAGE_SHIFT, bus;
	uint32_t run = frame_run(bg, first, count);
	int err;

	if (what == COPY_ZERO) {
		hal->cmd_fill(ferry_push_slot(ctx, push), FERRY_APERTURE_DEVICE, frame, 0,
		              (uint64_t)run << FERRY_PAGE_SHIFT);
		*done = run;
		return 0;
	}
	err = vs->ops->host_bus(vs->mm, bg->gpu->dev, bg->block->va + ((uint64_t)first << FERRY_PAGE_SHIFT), run,
	                        &bus, &run);
	if (err)
		return err;
	if (what == COPY_IN)
		hal->cmd_copy(ferry_push_slot(ctx, push), FERRY_APERTURE_DEVICE, frame, FERRY_APERTURE_HOST, bus,
		              (uint64_t)run << FERRY_PAGE_SHIFT);
	else
		hal->cmd_copy(ferry_push_slot(ctx, push), FERRY_APERTURE_HOST, bus, FERRY_APERTURE_DEVICE, frame,
		              (uint64_t)run << FERRY_PAGE_SHIFT);
	*done = run;
	return 0;
}

/*
 * Ask where host pages are before CHANNEL is taken: a page may have to come back from swap for it. BLOCK keeps them
 * there until the copy asks again.
 */
static int copy_prepare(struct ferry_ctx *ctx, const struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
	FERRY_NEEDS(&bg->block->lock)
{
	const struct ferry_va_space *vs = bg->block->vs;
	uint32_t first = 0, count;

	(void)ferry_lock_assert_op(ctx, FERRY_LOCK_OP_RECLAIM);
	for (; ferry_bitmap_run(pages, &first, &count); first += count)
		for (uint32_t i = 0, run; i < count; i += run) {
			uint64_t va = bg->block->va + ((uint64_t)(first + i) << FERRY_PAGE_SHIFT), bus;
			int err = vs->ops->host_bus(vs->mm, bg->gpu->dev, va, count - i, &bus, &run);

			if (err)
				return err;
		}
	return 0;
}

static int copy_pages(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, struct ferry_push *push, enum copy_what what,
                      const struct ferry_bitmap *pages) FERRY_NEEDS(&bg->block->lock)
	FERRY_NEEDS(&push->channel->lock)
{
	uint32_t first = 0, count;

	for (; ferry_bitmap_run(pages, &first, &count); first += count)
		for (uint32_t i = 0, done; i < count; i += done) {
			int err = copy_piece(ctx, bg, push, what, first + i, count - i, &done);

			if (err)
				return err;
		}
	return 0;
}

static uint64_t copied_bytes(const struct ferry_bitmap *pages)
{
	return (uint64_t)ferry_bitmap_count(pages) << FERRY_PAGE_SHIFT;
}

/* What was pushed before an error is waited for as well: it touches the pages. */
static int copy_finish(struct ferry_ctx *ctx, struct ferry_push *push, int err) FERRY_RELEASES(&push->channel->lock)
{
	struct ferry_fence fence = ferry_push_end(ctx, push, false);
	int wait_err = ferry_fence_wait(ctx, &fence);

	return err ? err : wait_err;
}

int ferry_copy_to_device(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
{
	struct ferry_counters *counters = &bg->block->vs->counters;
	struct ferry_bitmap copy, zero;
	struct ferry_push push;
	uint64_t start;
	int err;

	if (ferry_bitmap_empty(pages))
		return 0;
	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &bg->block->lock));
	ferry_bitmap_and(&copy, pages, &bg->block->host);
	ferry_bitmap_andnot(&zero, pages, &bg->block->host);
	err = copy_prepare(ctx, bg, &copy);
	if (err)
		return err;
	start = ferry_os_stamp();
	err = ferry_push_begin(ctx, bg->gpu, &push);
	if (err)
		return err;
	err = copy_pages(ctx, bg, &push, COPY_IN, &copy);
	if (!err)
		err = copy_pages(ctx, bg, &push, COPY_ZERO, &zero);
	err = copy_finish(ctx, &push, err);
	if (err)
		return err;
	ferry_count(counters, FERRY_COUNTER_copy_ns, ferry_os_since_ns(start));
	ferry_count(counters, FERRY_COUNTER_pages_to_device, ferry_bitmap_count(pages));
	ferry_count(counters, FERRY_COUNTER_bytes_to_device, copied_bytes(&copy));
	ferry_count(counters, FERRY_COUNTER_bytes_zeroed, copied_bytes(&zero));
	ferry_os_trace(FERRY_EVENT_to_device, bg->gpu->id, bg->block->va, copied_bytes(pages));
	return 0;
}

int ferry_copy_page_to_device(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, uint32_t page)
{
	struct ferry_va_space *vs = bg->block->vs;
	struct ferry_counters *counters = &vs->served[bg->gpu->id];
	uint64_t frame = (uint64_t)bg->frame[page] << FERRY_PAGE_SHIFT, start = ferry_os_stamp(), bus;
	bool zero = !ferry_bitmap_test(&bg->block->host, page);
	struct ferry_push push;
	uint32_t run;
	int err;

	/* Once: BLOCK keeps the page where it is. */
	err = zero ? 0
	           : vs->ops->host_bus(vs->mm, bg->gpu->dev, bg->block->va + ((uint64_t)page << FERRY_PAGE_SHIFT), 1,
	                               &bus, &run);
	if (err)
		return err;
	err = ferry_push_begin(ctx, bg->gpu, &push);
	if (err)
		return err;
	if (zero)
		bg->gpu->hal->cmd_fill(ferry_push_slot(ctx, &push), FERRY_APERTURE_DEVICE, frame, 0, FERRY_PAGE_SIZE);
	else
		bg->gpu->hal->cmd_copy(ferry_push_slot(ctx, &push), FERRY_APERTURE_DEVICE, frame, FERRY_APERTURE_HOST,
		                       bus, FERRY_PAGE_SIZE);
	err = copy_finish(ctx, &push, 0);
	if (err)
		return err;
	ferry_count_own(counters, FERRY_COUNTER_copy_ns, ferry_os_since_ns(start));
	ferry_count_own(counters, FERRY_COUNTER_pages_to_device, 1);
	ferry_count_own(counters, zero ? FERRY_COUNTER_bytes_zeroed : FERRY_COUNTER_bytes_to_device, FERRY_PAGE_SIZE);
	ferry_os_trace(FERRY_EVENT_to_device, bg->gpu->id, bg->block->va, FERRY_PAGE_SIZE);
	return 0;
}

int ferry_copy_to_host(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
{
	struct ferry_counters *counters = &bg->block->vs->counters;
	struct ferry_push push;
	uint64_t start;
	int err;

	if (ferry_bitmap_empty(pages))
		return 0;
	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &bg->block->lock));
	err = copy_prepare(ctx, bg, pages);
	if (err)
		return err;
	start = ferry_os_stamp();
	err = ferry_push_begin(ctx, bg->gpu, &push);
	if (err)
		return err;
	err = copy_finish(ctx, &push, copy_pages(ctx, bg, &push, COPY_OUT, pages));
	if (err)
		return err;
	ferry_count(counters, FERRY_COUNTER_copy_ns, ferry_os_since_ns(start));
	ferry_count(counters, FERRY_COUNTER_pages_to_host, ferry_bitmap_count(pages));
	ferry_count(counters, FERRY_COUNTER_bytes_to_host, copied_bytes(pages));
	ferry_os_trace(FERRY_EVENT_to_host, bg->gpu->id, bg->block->va, copied_bytes(pages));
	return 0;
}
