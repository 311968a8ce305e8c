/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * dev_ops.h - what the driver needs of the bus a device sits on.
 *
 * One object of the host (`dev`) stands for one device. The HAL (core/gpu/hal.h) is the only caller.
 *
 * Cost: a register access may cost 20 us (trapped by a VMM), so a hot path does at most one reg_write and no
 * reg_read. Bulk state lives in memory from dma_alloc.
 * Order: everything written to DMA memory before a reg_write is visible to the device when it sees the write.
 */
#ifndef FERRY_DEV_OPS_H
#define FERRY_DEV_OPS_H

#include "ferry/types.h"

/* A piece of host memory that CPU and device both see, coherent, zeroed when allocated. */
struct ferry_dma {
	void *cpu;         /* the driver's pointer */
	uint64_t bus;      /* the device's address */
	size_t size_bytes; /* as asked for, rounded up to pages */
	void *priv;        /* the host's */
};

/* Interrupt handler: irq context; vector as numbered by the device. Spurious and repeated calls are legal. */
typedef void (*ferry_irq_fn)(void *arg, uint32_t vector);

struct ferry_dev_ops {
	/* Any context. A dead device reads as all ones (or zero, behind some bridges) and ignores writes. */
	uint64_t (*reg_read)(void *dev, uint32_t offset);
	void (*reg_write)(void *dev, uint32_t offset, uint64_t value);

	/* Process context. 0 or FERRY_E_NOMEM. */
	int (*dma_alloc)(void *dev, size_t size_bytes, struct ferry_dma *out);
	void (*dma_free)(void *dev, struct ferry_dma *dma);

	/*
	 * irq_enable: from now on fn(arg, vector) may be called. irq_disable: when it returns no handler runs and
	 * none will start. Process context, no lock that the handler takes. 0, FERRY_E_NOMEM.
	 */
	int (*irq_enable)(void *dev, ferry_irq_fn fn, void *arg);
	void (*irq_disable)(void *dev);

	/* The bus says that the device is gone. Any context. */
	bool (*is_gone)(void *dev);
};

#endif /* FERRY_DEV_OPS_H */
