/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "gpu/device.h"
#include "gpu/launch.h"
#include "fault/bottom_half.h"

#define HEARTBEAT_NS 1000000000ull
#define QUIET_NS 3000000000ull  /* longer than a HAL waits for an answer */
#define WATCHDOG_NS 20000000ull /* 20 ms: a lost interrupt costs so much, once */

uint32_t ferry_ids_take(struct ferry_ids *ids)
{
	for (uint32_t i = 0; i < ids->count; i++) {
		if (ids->taken[i / 64] == UINT64_MAX) {
			i |= 63;
			continue;
		}
		if (!((ids->taken[i / 64] >> (i % 64)) & 1)) {
			ids->taken[i / 64] |= 1ull << (i % 64);
			return i;
		}
	}
	return ids->count;
}

void ferry_ids_give(struct ferry_ids *ids, uint32_t id)
{
	if (FERRY_ASSERT(id < ids->count && ((ids->taken[id / 64] >> (id % 64)) & 1)))
		ids->taken[id / 64] &= ~(1ull << (id % 64));
}

static void ids_init(struct ferry_ids *ids, uint32_t count)
{
	memset(ids, 0, sizeof(*ids));
	ids->count = count < FERRY_IDS_MAX ? count : FERRY_IDS_MAX;
}

void ferry_device_lose(struct ferry_device *gpu, int why)
{
	if (ferry_os_cmpxchg(&gpu->lost, 0, (uint64_t)why) == 0) {
		ferry_os_log(FERRY_LOG_WARN, "device %u is lost (error %d)", gpu->id, why);
		ferry_os_trace(FERRY_EVENT_lost, gpu->id, (uint64_t)why, ferry_os_load_relaxed(&gpu->launches));
		if (!ferry_os_load_acquire(&gpu->ending))
			ferry_os_timer_arm(&gpu->watchdog, 0);
	}
	ferry_os_wake_all(&gpu->wait);
}

static bool is_quiet(void *arg)
{
	struct ferry_device *gpu = arg;

	return ferry_os_load_acquire(&gpu->quiet);
}

void ferry_device_give_up(struct ferry_ctx *ctx, struct ferry_device *gpu, int why)
{
	ferry_device_lose(gpu, why);
	(void)ferry_lock_assert_op(ctx, FERRY_LOCK_OP_FENCE_WAIT);
	if (ferry_os_wait_bounded(&gpu->wait, is_quiet, gpu, QUIET_NS))
		ferry_os_log(FERRY_LOG_WARN, "device %u does not become quiet", gpu->id);
}

/* A lost device may be one that goes on: with a program that writes, and pages mapped. One that refuses is dead. */
static void device_quiesce(struct ferry_device *gpu)
{
	struct ferry_ctx ctx;

	ferry_core_enter(gpu->core, &ctx);
	ferry_device_control_lock(&ctx, gpu);
	for (uint32_t asid = 0; asid < gpu->asids.count; asid++)
		if ((gpu->asids.taken[asid / 64] >> (asid % 64) & 1) && gpu->hal->asid_unbind(gpu->hd, asid))
			break;
	ferry_mutex_unlock(&ctx, &gpu->control);
	ferry_core_leave(gpu->core, &ctx);
	ferry_os_store_release(&gpu->quiet, 1); /* pairs with is_quiet() */
}

/* Top half. Interrupts may come twice, late, or for nothing. */
static void device_irq(void *arg, uint32_t vector)
{
	struct ferry_device *gpu = arg;
	uint32_t what = gpu->hal->irq_decode(gpu->hd, vector);

	if (what & FERRY_HAL_IRQ_FAULT)
		ferry_bottom_half_schedule(gpu);
	if (what & FERRY_HAL_IRQ_ERROR)
		ferry_os_timer_arm(&gpu->watchdog, 0);
	if (what & FERRY_HAL_IRQ_FENCE)
		ferry_os_wake_all(&gpu->wait);
}

/* 0, or what the device says of itself. A copy channel may have stopped at a command that nobody waits for. */
static int device_health(struct ferry_device *gpu)
{
	if (gpu->hal->is_gone(gpu->hd))
		return FERRY_E_DEVICE_LOST;
	for (uint32_t i = 0; i < FERRY_COPY_CHANNELS; i++)
		if (ferry_channel_stopped(&gpu->copy[i]))
			return FERRY_E_CHANNEL_ERROR;
	return gpu->hal->health(gpu->hd);
}

/*
 * A long launch looks like a hang from outside. So the watchdog asks: a fence on a copy channel, which a device that
 * is alive writes soon, whatever its programs do.
 */
static int device_heartbeat(struct ferry_device *gpu)
{
	uint64_t now = ferry_os_now_ns();
	struct ferry_push push;
	struct ferry_ctx ctx;
	int err;

	if (gpu->heartbeat.channel && !ferry_fence_done(&gpu->heartbeat))
		return now - gpu->heartbeat_ns > gpu->core->params.fence_timeout_ns ? FERRY_E_DEVICE_HUNG : 0;
	if (now - gpu->heartbeat_ns < HEARTBEAT_NS)
		return 0;
	ferry_core_enter(gpu->core, &ctx);
	err = ferry_push_begin(&ctx, gpu, &push);
	if (!err) {
		gpu->heartbeat = ferry_push_end(&ctx, &push, false);
		gpu->heartbeat_ns = now;
	}
	ferry_core_leave(gpu->core, &ctx);
	return err;
}

/* What an interrupt would have told, asked for: in case it was lost. Runs only while launches are out. */
static void device_watchdog(void *arg)
{
	struct ferry_device *gpu = arg;
	struct ferry_ctx ctx;

	if (!ferry_device_lost(gpu)) {
		int err = device_health(gpu);

		if (!err)
			err = device_heartbeat(gpu);
		if (err)
			ferry_device_lose(gpu, err);
		else if (gpu->hal->fault_pending(gpu->hd))
			ferry_bottom_half_schedule(gpu);
	}
	if (ferry_device_lost(gpu) && !is_quiet(gpu))
		device_quiesce(gpu);
	ferry_os_wake_all(&gpu->wait);
	ferry_core_enter(gpu->core, &ctx);
	ferry_launch_reap_device(&ctx, gpu);
	ferry_core_leave(gpu->core, &ctx);
	if (ferry_os_load_acquire(&gpu->launches) && !ferry_device_lost(gpu))
		ferry_os_timer_arm(&gpu->watchdog, WATCHDOG_NS);
}

void ferry_device_launch_begin(struct ferry_device *gpu)
{
	if (ferry_os_fetch_add(&gpu->launches, 1) == 0)
		ferry_os_timer_arm(&gpu->watchdog, WATCHDOG_NS);
}

void ferry_device_launch_end(struct ferry_device *gpu)
{
	(void)FERRY_ASSERT(ferry_os_fetch_add(&gpu->launches, UINT64_MAX) > 0);
}

int ferry_device_tlb_invalidate(struct ferry_ctx *ctx, struct ferry_device *gpu, uint32_t asid, uint64_t va,
                                uint64_t size_bytes)
{
	struct ferry_push push;
	struct ferry_fence fence;
	int err = ferry_push_begin(ctx, gpu, &push);

	if (err)
		return err;
	gpu->hal->cmd_tlb_invalidate(ferry_push_slot(ctx, &push), asid, va, size_bytes);
	fence = ferry_push_end(ctx, &push, false);
	return ferry_fence_wait(ctx, &fence);
}

static int device_create_channels(struct ferry_ctx *ctx, struct ferry_device *gpu)
{
	uint32_t i;
	int err;

	for (i = 0; i < FERRY_COPY_CHANNELS; i++) {
		err = ferry_channel_init(ctx, &gpu->copy[i], gpu, FERRY_CHANNEL_COPY, 0);
		if (err)
			goto fini;
	}
	return 0;
fini:
	while (i-- > 0)
		ferry_channel_fini(ctx, &gpu->copy[i]);
	return err;
}

static void device_destroy_channels(struct ferry_ctx *ctx, struct ferry_device *gpu)
{
	for (uint32_t i = FERRY_COPY_CHANNELS; i-- > 0;)
		ferry_channel_fini(ctx, &gpu->copy[i]);
}

/* Fault buffer on, interrupts on: from here on the device may call. */
static int device_start_faults(struct ferry_ctx *ctx, struct ferry_device *gpu)
{
	uint32_t entries = gpu->core->params.fault_entries;
	int err;

	if (gpu->ops->dma_alloc(gpu->dev, entries * (size_t)FERRY_HAL_CMD_BYTES, &gpu->fault_ring))
		return FERRY_E_FAULT_BUFFER_NOMEM;
	ferry_device_control_lock(ctx, gpu);
	err = gpu->hal->fault_buffer(gpu->hd, gpu->fault_ring.bus, gpu->fault_ring.cpu, entries);
	ferry_mutex_unlock(ctx, &gpu->control);
	if (err)
		goto free_ring;
	err = gpu->ops->irq_enable(gpu->dev, device_irq, gpu);
	if (err)
		goto buffer_off;
	gpu->hal->fault_arm(gpu->hd);
	return 0;

buffer_off:
	ferry_device_control_lock(ctx, gpu);
	(void)FERRY_ASSERT(gpu->hal->fault_buffer(gpu->hd, 0, NULL, 0) == 0);
	ferry_mutex_unlock(ctx, &gpu->control);
free_ring:
	gpu->ops->dma_free(gpu->dev, &gpu->fault_ring);
	return err;
}

static void device_stop_faults(struct ferry_ctx *ctx, struct ferry_device *gpu)
{
	gpu->ops->irq_disable(gpu->dev);
	ferry_os_store_release(&gpu->ending, 1);
	/* One that runs now may have seen a launch and arm itself once more; it is the last, as there are no
	 * launches. */
	ferry_os_timer_cancel(&gpu->watchdog);
	ferry_os_timer_cancel(&gpu->watchdog);
	/* With ISR_SERVICE down nobody schedules, not even a bottom half that has more to do; and none is under way.
	 */
	ferry_sem_down(ctx, &gpu->isr);
	ferry_os_work_cancel(&gpu->bottom_half);
	ferry_sem_up(ctx, &gpu->isr);
	ferry_device_control_lock(ctx, gpu);
	if (gpu->hal->fault_buffer(gpu->hd, 0, NULL, 0))
		ferry_device_lose(gpu, FERRY_E_DEVICE_HUNG);
	ferry_mutex_unlock(ctx, &gpu->control);
	gpu->ops->dma_free(gpu->dev, &gpu->fault_ring);
}

/* Host memory of the device object. */
static int device_alloc(struct ferry_device *gpu) FERRY_LOCK_UNSHARED
{
	struct ferry_mem *mem = &gpu->core->mem;
	uint32_t batch = gpu->core->params.batch_max;
	int err;

	gpu->spaces = ferry_mem_zalloc(mem, gpu->asids.count * sizeof(*gpu->spaces));
	if (!gpu->spaces)
		return FERRY_E_NOMEM;
	gpu->faults = ferry_mem_zalloc(mem, batch * sizeof(*gpu->faults));
	if (!gpu->faults) {
		err = FERRY_E_FAULT_BUFFER_NOMEM;
		goto free_spaces;
	}
	gpu->verdicts = ferry_mem_zalloc(mem, batch * sizeof(*gpu->verdicts));
	if (!gpu->verdicts) {
		err = FERRY_E_FAULT_BUFFER_NOMEM;
		goto free_faults;
	}
	err = ferry_fault_batch_init(&gpu->batch, mem, batch);
	if (err)
		goto free_verdicts;
	err = ferry_pmm_create(mem, gpu->info.vram_bytes, &gpu->pmm);
	if (err)
		goto fini_batch;
	return 0;

fini_batch:
	ferry_fault_batch_fini(&gpu->batch);
free_verdicts:
	ferry_mem_free(mem, gpu->verdicts, batch * sizeof(*gpu->verdicts));
free_faults:
	ferry_mem_free(mem, gpu->faults, batch * sizeof(*gpu->faults));
free_spaces:
	ferry_mem_free(mem, gpu->spaces, gpu->asids.count * sizeof(*gpu->spaces));
	return err;
}

static void device_free(struct ferry_device *gpu) FERRY_LOCK_UNSHARED
{
	struct ferry_mem *mem = &gpu->core->mem;

	ferry_pmm_destroy(gpu->pmm);
	ferry_fault_batch_fini(&gpu->batch);
	ferry_mem_free(mem, gpu->verdicts, gpu->core->params.batch_max * sizeof(*gpu->verdicts));
	ferry_mem_free(mem, gpu->faults, gpu->core->params.batch_max * sizeof(*gpu->faults));
	ferry_mem_free(mem, gpu->spaces, gpu->asids.count * sizeof(*gpu->spaces));
}

static int device_init_sync(struct ferry_device *gpu)
{
	int err = ferry_os_work_init(&gpu->bottom_half, ferry_bottom_half_run, gpu);

	if (err)
		return err;
	err = ferry_os_timer_init(&gpu->watchdog, device_watchdog, gpu);
	if (err) {
		ferry_os_work_fini(&gpu->bottom_half);
		return err;
	}
	ferry_mutex_init(&gpu->control, FERRY_LOCK_DEVICE_CONTROL);
	ferry_rw_init(&gpu->spaces_lock, FERRY_LOCK_VA_SPACE_LIST);
	ferry_sem_init(&gpu->isr, FERRY_LOCK_ISR_SERVICE);
	ferry_os_wait_init(&gpu->wait);
	ferry_page_pool_init(&gpu->pages, &gpu->core->mem, gpu->ops, gpu->dev);
	return 0;
}

static void device_fini_sync(struct ferry_device *gpu)
{
	/* A channel that would not end has lost the device, which arms it. */
	ferry_os_store_release(&gpu->ending, 1);
	ferry_os_timer_cancel(&gpu->watchdog);
	ferry_page_pool_fini(&gpu->pages);
	ferry_os_wait_fini(&gpu->wait);
	ferry_sem_fini(&gpu->isr);
	ferry_rw_fini(&gpu->spaces_lock);
	ferry_mutex_fini(&gpu->control);
	ferry_os_timer_fini(&gpu->watchdog);
	ferry_os_work_fini(&gpu->bottom_half);
}

int ferry_device_create(struct ferry_ctx *ctx, struct ferry_core *core, const struct ferry_hal *hal,
                        const struct ferry_dev_ops *ops, void *dev, uint32_t id, struct ferry_device **out)
{
	struct ferry_device *gpu = ferry_mem_zalloc(&core->mem, sizeof(*gpu));
	int err;

	if (!gpu)
		return FERRY_E_NOMEM;
	gpu->core = core;
	gpu->id = id;
	gpu->hal = hal;
	gpu->ops = ops;
	gpu->dev = dev;
	gpu->hd = ferry_mem_zalloc(&core->mem, hal->dev_bytes);
	if (!gpu->hd) {
		err = FERRY_E_NOMEM;
		goto free_gpu;
	}
	err = hal->init(gpu->hd, ops, dev, &gpu->info);
	if (err)
		goto free_hd;
	/* Faults that can be tried again but never refused would be tried for ever. */
	if ((gpu->info.caps & (1u << FERRY_CAP_REPLAY)) && !(gpu->info.caps & (1u << FERRY_CAP_CANCEL))) {
		err = FERRY_E_UNSUPPORTED;
		goto fini_hal;
	}
	ids_init(&gpu->channels, gpu->info.channels);
	ids_init(&gpu->asids, gpu->info.asids);
	ids_init(&gpu->programs, gpu->info.programs);
	err = device_alloc(gpu);
	if (err)
		goto fini_hal;
	err = device_init_sync(gpu);
	if (err)
		goto free_parts;
	err = device_create_channels(ctx, gpu);
	if (err)
		goto fini_sync;
	err = device_start_faults(ctx, gpu);
	if (err)
		goto destroy_channels;
	*out = gpu;
	return 0;

destroy_channels:
	device_destroy_channels(ctx, gpu);
fini_sync:
	device_fini_sync(gpu);
free_parts:
	device_free(gpu);
fini_hal:
	hal->fini(gpu->hd);
free_hd:
	ferry_mem_free(&core->mem, gpu->hd, hal->dev_bytes);
free_gpu:
	ferry_mem_free(&core->mem, gpu, sizeof(*gpu));
	return err;
}

void ferry_device_destroy(struct ferry_ctx *ctx, struct ferry_device *gpu)
{
	struct ferry_core *core = gpu->core;

	device_stop_faults(ctx, gpu);
	device_destroy_channels(ctx, gpu);
	device_fini_sync(gpu);
	device_free(gpu);
	gpu->hal->fini(gpu->hd);
	ferry_mem_free(&core->mem, gpu->hd, gpu->hal->dev_bytes);
	ferry_mem_free(&core->mem, gpu, sizeof(*gpu));
}
