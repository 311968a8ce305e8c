/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "gpu/channel.h"
#include "gpu/device.h"

/* The page behind the ring: status at 0, fence word at 64, scratch slot at 128. */
#define CHANNEL_RING_BYTES (FERRY_CHANNEL_ENTRIES * (size_t)FERRY_HAL_CMD_BYTES)
#define CHANNEL_FENCE_OFFSET 64u
#define CHANNEL_SCRATCH_OFFSET 128u

#define FENCE_SPIN_NS 20000ull   /* longer than a 64 KiB copy */
#define FENCE_SLEEP_NS 200000ull /* about one 2 MiB copy */

static void *channel_tail(const struct ferry_channel *ch)
{
	return (char *)ch->mem.cpu + CHANNEL_RING_BYTES;
}

static uint64_t channel_fence_now(const struct ferry_channel *ch)
{
	return ferry_os_dma_load64((char *)channel_tail(ch) + CHANNEL_FENCE_OFFSET);
}

/* Before anybody else sees it. */
static void channel_reset(struct ferry_channel *ch) FERRY_LOCK_UNSHARED
{
	ch->put = 0;
	ch->get = 0;
	ch->fence_last = 0;
}

int ferry_channel_init(struct ferry_ctx *ctx, struct ferry_channel *ch, struct ferry_device *gpu,
                       enum ferry_channel_kind kind, uint32_t asid)
{
	int err;

	ch->gpu = gpu;
	channel_reset(ch);
	ferry_os_store_relaxed(&ch->fence_seen, 0);
	if (gpu->ops->dma_alloc(gpu->dev, CHANNEL_RING_BYTES + FERRY_PAGE_SIZE, &ch->mem))
		return FERRY_E_CHANNEL_NOMEM;
	ferry_mutex_init(&ch->lock, FERRY_LOCK_CHANNEL);

	ferry_device_control_lock(ctx, gpu);
	ch->id = ferry_ids_take(&gpu->channels);
	if (ch->id >= gpu->channels.count) {
		err = FERRY_E_CHANNEL_CREATE;
		goto unlock;
	}
	err = gpu->hal->channel_create(gpu->hd, ch->id, kind, ch->mem.bus, FERRY_CHANNEL_ENTRIES,
	                               ch->mem.bus + CHANNEL_RING_BYTES, asid);
	if (err)
		goto give_id;
	ferry_mutex_unlock(ctx, &gpu->control);
	return 0;

give_id:
	ferry_ids_give(&gpu->channels, ch->id);
unlock:
	ferry_mutex_unlock(ctx, &gpu->control);
	ferry_mutex_fini(&ch->lock);
	gpu->ops->dma_free(gpu->dev, &ch->mem);
	return err;
}

void ferry_channel_fini(struct ferry_ctx *ctx, struct ferry_channel *ch)
{
	struct ferry_device *gpu = ch->gpu;

	ferry_device_control_lock(ctx, gpu);
	/* A device that does not answer cannot hold on to the ring: HAL fini turns its DMA off. */
	if (gpu->hal->channel_destroy(gpu->hd, ch->id))
		ferry_device_lose(gpu, FERRY_E_DEVICE_HUNG);
	ferry_ids_give(&gpu->channels, ch->id);
	ferry_mutex_unlock(ctx, &gpu->control);
	ferry_mutex_fini(&ch->lock);
	gpu->ops->dma_free(gpu->dev, &ch->mem);
}

int ferry_push_begin_on(struct ferry_ctx *ctx, struct ferry_channel *ch, struct ferry_push *push)
{
	int err = ferry_device_lost(ch->gpu);

	if (err)
		return err;
	ferry_mutex_lock(ctx, &ch->lock);
	push->channel = ch;
	push->commands = 0;
	return 0;
}

int ferry_push_begin(struct ferry_ctx *ctx, struct ferry_device *gpu, struct ferry_push *push)
{
	uint32_t start = (uint32_t)(ferry_os_self() % FERRY_COPY_CHANNELS);
	int err = ferry_device_lost(gpu);

	if (err)
		return err;
	push->commands = 0;
	for (uint32_t i = 0; i < FERRY_COPY_CHANNELS; i++) {
		struct ferry_channel *ch = &gpu->copy[(start + i) % FERRY_COPY_CHANNELS];

		if (ferry_mutex_trylock(ctx, &ch->lock)) {
			push->channel = ch;
			return 0;
		}
	}
	return ferry_push_begin_on(ctx, &gpu->copy[start], push);
}

/* What the device says of itself is asked for only when what it said last does not do. */
static bool channel_has_room(struct ferry_channel *ch) FERRY_NEEDS(&ch->lock)
{
	if (ch->put - ch->get < FERRY_CHANNEL_ENTRIES)
		return true;
	ch->get = ch->gpu->hal->channel_get(ch->gpu->hd, channel_tail(ch));
	return ch->put - ch->get < FERRY_CHANNEL_ENTRIES;
}

/* Poll for room under CHANNEL: the device drains the ring without any help that needs this lock. */
static bool channel_wait_room(struct ferry_channel *ch) FERRY_NEEDS(&ch->lock)
{
	struct ferry_device *gpu = ch->gpu;
	uint64_t deadline = ferry_os_now_ns() + gpu->core->params.fence_timeout_ns;

	gpu->hal->doorbell(gpu->hd, ch->id, ch->put);
	for (;;) {
		if (channel_has_room(ch))
			return true;
		if (ferry_device_lost(gpu))
			return false;
		if (gpu->hal->channel_error(gpu->hd, channel_tail(ch)) || ferry_os_now_ns() > deadline ||
		    gpu->hal->is_gone(gpu->hd)) {
			ferry_device_lose(gpu, FERRY_E_CHANNEL_FULL);
			return false;
		}
		ferry_os_relax();
	}
}

void *ferry_push_slot(struct ferry_ctx *ctx, struct ferry_push *push)
{
	struct ferry_channel *ch = push->channel;
	void *slot;

	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &ch->lock));
	if (!channel_has_room(ch) && !channel_wait_room(ch))
		return (char *)channel_tail(ch) + CHANNEL_SCRATCH_OFFSET;
	slot = (char *)ch->mem.cpu + (ch->put % FERRY_CHANNEL_ENTRIES) * FERRY_HAL_CMD_BYTES;
	ch->put++;
	push->commands++;
	return slot;
}

void ferry_push_send(struct ferry_ctx *ctx, struct ferry_push *push)
{
	struct ferry_channel *ch = push->channel;

	ferry_os_dma_wmb(); /* commands before the doorbell */
	ch->gpu->hal->doorbell(ch->gpu->hd, ch->id, ch->put);
	ferry_mutex_unlock(ctx, &push->channel->lock);
}

struct ferry_fence ferry_push_end(struct ferry_ctx *ctx, struct ferry_push *push, bool irq)
{
	struct ferry_channel *ch = push->channel;
	struct ferry_fence fence = {.channel = ch, .value = ++ch->fence_last};

	ch->gpu->hal->cmd_fence(ferry_push_slot(ctx, push), ch->mem.bus + CHANNEL_RING_BYTES + CHANNEL_FENCE_OFFSET,
	                        fence.value, irq);
	ferry_push_send(ctx, push);
	return fence;
}

bool ferry_channel_stopped(const struct ferry_channel *ch)
{
	return ch->gpu->hal->channel_error(ch->gpu->hd, channel_tail(ch)) != 0;
}

bool ferry_fence_done(const struct ferry_fence *fence)
{
	struct ferry_channel *ch = fence->channel;

	if (!ch || ferry_os_load_acquire(&ch->fence_seen) >= fence->value)
		return true;
	if (channel_fence_now(ch) < fence->value)
		return false;
	ferry_os_dma_rmb(); /* what the device wrote before the fence is visible from here on */
	ferry_os_store_release(&ch->fence_seen, fence->value);
	return true;
}

static bool fence_pred(void *arg)
{
	const struct ferry_fence *fence = arg;

	return ferry_fence_done(fence) || ferry_device_lost(fence->channel->gpu) != 0;
}

/*
 * The fence is done, or time to look at the device: a dead one is found by what it says of itself, a silent one by
 * the clock. Both end the wait.
 */
int ferry_fence_wait(struct ferry_ctx *ctx, const struct ferry_fence *fence)
{
	struct ferry_channel *ch = fence->channel;
	struct ferry_fence copy = *fence;
	uint64_t start;

	if (ferry_fence_done(fence))
		return 0;
	(void)ferry_lock_assert_op(ctx, FERRY_LOCK_OP_FENCE_WAIT);
	start = ferry_os_now_ns();
	for (;;) {
		struct ferry_device *gpu = ch->gpu;
		uint64_t waited;

		if (ferry_fence_done(fence))
			return 0;
		if (ferry_device_lost(gpu))
			return FERRY_E_DEVICE_LOST;
		waited = ferry_os_now_ns() - start;
		if (waited < FENCE_SPIN_NS) {
			ferry_os_relax();
			continue;
		}
		if (gpu->hal->channel_error(gpu->hd, channel_tail(ch)))
			ferry_device_lose(gpu, FERRY_E_CHANNEL_ERROR);
		else if (waited > gpu->core->params.fence_timeout_ns)
			ferry_device_lose(gpu, FERRY_E_DEVICE_HUNG);
		else if (gpu->hal->is_gone(gpu->hd))
			ferry_device_lose(gpu, FERRY_E_DEVICE_LOST);
		else
			/* A killed waiter still waits here: the copy holds pages, and it ends by itself. */
			(void)ferry_os_wait_bounded(&gpu->wait, fence_pred, &copy, FENCE_SLEEP_NS);
	}
}
