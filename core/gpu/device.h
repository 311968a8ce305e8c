/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * device.h - one GPU as the core sees it: its memory, its channels, its fault buffer.
 *
 * Life:  create (HAL init, rings, channels, interrupts on) -> used by VA spaces -> destroy. Loss can come at any
 *        time: the flag `lost` is set once and never cleared; whoever waits is woken and sees it. What was
 *        only on a lost device is gone, and its readers are told so (FERRY_E_DEVICE_LOST).
 * Locks: named at each field. DEVICE_CONTROL serialises control commands and the id maps.
 */
#ifndef FERRY_DEVICE_H
#define FERRY_DEVICE_H

#include "core_impl.h"
#include "fault/batch.h"
#include "gpu/channel.h"
#include "gpu/hal.h"
#include "gpu/page_pool.h"
#include "pmm/pmm.h"

#define FERRY_COPY_CHANNELS 4u
#define FERRY_IDS_MAX 1024u

struct ferry_va_space;

/* Small numbers handed out: channels, address spaces, program slots. */
struct ferry_ids {
	uint64_t taken[FERRY_IDS_MAX / 64];
	uint32_t count;
};

struct ferry_device {
	struct ferry_core *core;
	uint32_t id;                 /* 0.. */
	const struct ferry_hal *hal; /* constant, as are the next four */
	void *hd;
	const struct ferry_dev_ops *ops;
	void *dev;
	struct ferry_hal_info info;
	struct ferry_pmm *pmm;
	struct ferry_page_pool pages; /* page tables; its own lock */

	struct ferry_mutex control FERRY_LOCK_ROW(DEVICE_CONTROL); /* DEVICE_CONTROL */
	struct ferry_ids channels;                                 /* DEVICE_CONTROL, as are the next two */
	struct ferry_ids asids;
	struct ferry_ids programs;
	struct ferry_channel copy[FERRY_COPY_CHANNELS];

	struct ferry_rw spaces_lock FERRY_LOCK_ROW(VA_SPACE_LIST);     /* VA_SPACE_LIST */
	struct ferry_va_space **spaces FERRY_GUARDED_BY(&spaces_lock); /* VA_SPACE_LIST; index asid */

	struct ferry_dma fault_ring;
	struct ferry_sem isr
		FERRY_LOCK_ROW(ISR_SERVICE); /* ISR_SERVICE: taken by the top half, released by the bottom half */
	struct ferry_os_work bottom_half;
	struct ferry_fault *faults FERRY_GUARDED_BY(&isr);     /* ISR_SERVICE; batch_max of them */
	struct ferry_fault_batch batch FERRY_GUARDED_BY(&isr); /* ISR_SERVICE */
	/* ISR_SERVICE: per fault of the batch, why it is cancelled; 0 = it is not */
	uint16_t *verdicts FERRY_GUARDED_BY(&isr);
	uint32_t barren FERRY_GUARDED_BY(&isr); /* ISR_SERVICE: batches in a row that served nothing */

	struct ferry_os_wait wait;        /* woken by fence interrupts, errors and loss */
	struct ferry_os_atomic lost;      /* 0, or the enum ferry_error that says why */
	struct ferry_os_atomic quiet;     /* 1: it was lost, and reaches no managed memory any more */
	struct ferry_os_atomic ending;    /* 1: the watchdog is not to be armed any more */
	struct ferry_fence heartbeat;     /* the watchdog's own, as the next: a fence that a living device answers */
	uint64_t heartbeat_ns;            /* when it was sent */
	struct ferry_os_timer watchdog;   /* runs while launches are out: lost interrupts, stopped channels */
	struct ferry_os_atomic launches;  /* out now */
	struct ferry_os_atomic evictions; /* blocks that had to leave, ever: the clock by which thrashing is told */
};

/* *out on success. What HAL init says; FERRY_E_*_NOMEM; FERRY_E_CHANNEL_CREATE. Context: process. */
int ferry_device_create(struct ferry_ctx *ctx, struct ferry_core *core, const struct ferry_hal *hal,
                        const struct ferry_dev_ops *ops, void *dev, uint32_t id, struct ferry_device **out);
/* No VA space may use it any more. */
void ferry_device_destroy(struct ferry_ctx *ctx, struct ferry_device *gpu);

/*
 * The device is gone or hung: from now on every use says so. Any context. It may still run what it was given, so the
 * watchdog then takes its address spaces away.
 */
void ferry_device_lose(struct ferry_device *gpu, int why);

/*
 * For who is about to give memory away that the device may have mapped and could not be told to forget: lose it, and
 * wait until it is quiet; bounded by what a device that does not answer takes. Process context; may hold BLOCK.
 */
void ferry_device_give_up(struct ferry_ctx *ctx, struct ferry_device *gpu, int why);

static inline int ferry_device_lost(const struct ferry_device *gpu)
{
	return ferry_os_load_acquire(&gpu->lost) ? FERRY_E_DEVICE_LOST : 0;
}

/*
 * Before control calls: the device may answer them only when faults are served. A helper, so that none forgets to say
 * so. Ends with ferry_mutex_unlock(ctx, &gpu->control).
 */
static inline void ferry_device_control_lock(struct ferry_ctx *ctx, struct ferry_device *gpu)
	FERRY_ACQUIRES(&gpu->control)
{
	(void)ferry_lock_assert_op(ctx, FERRY_LOCK_OP_CONTROL);
	ferry_mutex_lock(ctx, &gpu->control);
}

/* A free number below limit, or limit when there is none. The caller holds DEVICE_CONTROL. */
uint32_t ferry_ids_take(struct ferry_ids *ids);
void ferry_ids_give(struct ferry_ids *ids, uint32_t id);

/* A launch went out (came back): keeps the watchdog running. */
void ferry_device_launch_begin(struct ferry_device *gpu);
void ferry_device_launch_end(struct ferry_device *gpu);

/* Drop a 2 MiB piece of one address space from the device's TLBs, or all of it (size 0). Waits until it is done. */
int ferry_device_tlb_invalidate(struct ferry_ctx *ctx, struct ferry_device *gpu, uint32_t asid, uint64_t va,
                                uint64_t size_bytes);

#endif /* FERRY_DEVICE_H */
