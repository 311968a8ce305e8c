/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * softdev.h - the process port of the software GPU: a bus, an IOMMU, interrupts and engine threads for one FG-1.
 *
 *                   ferry_softdev_ops (dev_ops.h)
 *      driver  ------------------------------------------------->  softdev  ---- fg1 (softgpu.h)
 *        ^         reg_write -> fg1_reg_write -> port.kick            |
 *        |                         |        |                         |  port.dma: windows
 *        |    a channel's engine: runs here |                         v
 *        |    an SM: its thread wakes <-----+              host memory of the driver
 *        +---- port.irq: the handler, on the thread that raised it
 *
 * Bus addresses are the numbers of host pointers, but the device reaches only memory that the port knows: what
 * dma_alloc gave out and has not taken back, page by page, and the windows added here (the alias mapping of managed
 * memory). Everything else is refused, as an IOMMU would.
 *
 * Interrupts: the handler runs on the thread that ran the engine (ferry_os_in_irq() is true). Work that it queues
 * runs on that same thread when that thread is an SM's, nothing is nested and the model says that the SM is
 * stalled; else on the pool. So a thread that rings a doorbell with locks held never runs a bottom half.
 *
 * fork: device memory and DMA memory are not in the child.
 */
#ifndef FERRY_SOFTDEV_H
#define FERRY_SOFTDEV_H

#include "ferry/os.h"
#include "ferry/dev_ops.h"
#include "softgpu.h"
#include "bus.h"

struct ferry_softdev;

struct ferry_softdev_config {
	uint64_t vram_bytes; /* multiple of 2 MiB, at least one */
	uint32_t sms;        /* 1..64; one thread each */
	uint64_t caps;       /* FG1_CAP_* */
	uint64_t seed;       /* of the knobs */
};

/*
 * *out on success: the device runs. FERRY_E_INVAL (sizes), FERRY_E_MMAP (no address space for device or DMA memory),
 * FERRY_E_NOMEM, FERRY_E_THREAD. Process context.
 */
int ferry_softdev_create(const struct ferry_softdev_config *config, struct ferry_softdev **out) FERRY_MUST_CHECK;
/* The driver is gone: interrupts off, DMA memory given back, no thread inside. Ends the engine threads. */
void ferry_softdev_destroy(struct ferry_softdev *sd);

/* The dev cookie of these is the struct ferry_softdev. */
extern const struct ferry_dev_ops ferry_softdev_ops;

/* For knobs, counters, power loss. */
struct fg1 *ferry_softdev_gpu(struct ferry_softdev *sd);

/*
 * Let the device reach [ptr, ptr + size_bytes), or no longer. Any time; a device access that has already passed the
 * check may still be going on when remove returns, as on a bus: the driver first makes the device forget the
 * addresses. Process context. add: FERRY_E_INVAL (empty, wraps), FERRY_E_BUSY (FERRY_SOFTDEV_WINDOWS are there).
 */
#define FERRY_SOFTDEV_WINDOWS FERRY_BUS_WINDOWS
int ferry_softdev_window_add(struct ferry_softdev *sd, const void *ptr, uint64_t size_bytes) FERRY_MUST_CHECK;
void ferry_softdev_window_remove(struct ferry_softdev *sd, const void *ptr);

#endif /* FERRY_SOFTDEV_H */
