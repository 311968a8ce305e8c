/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * ferry_device.h - how a GPU driver gives its device to ferry.ko.
 *
 *     driver's probe                              ferry.ko
 *       ferry_device_register(&desc, &node)  -->    a core with these GPUs, /dev/ferryN
 *                                                   users open it; faults, copies, launches go
 * through desc driver's remove ferry_device_unregister(node)        -->    /dev/ferryN is gone;
 * open handles answer ENODEV, pages that were only on the device answer SIGBUS; no call into the
 *                                                   driver is left, or comes later
 *
 * A node is one or several GPUs of one driver that share address spaces: a pointer of a handle is
 * valid on each of them. The driver gives, per GPU, a HAL (core/gpu/hal.h: how commands, faults and
 * page tables look) and the bus operations below. The FG-1 HAL is part of ferry.ko (ferry_hal_fg1);
 * a driver of another GPU brings its own.
 *
 * Contexts as in dev_ops.h. All operations may be called until unregister returns, from any thread.
 * Errors: enum ferry_error, positive.
 */
#ifndef FERRY_DEVICE_REGISTER_H
#define FERRY_DEVICE_REGISTER_H

#include <linux/device.h>
#include <linux/mm_types.h>
#include <linux/module.h>

#include "ferry/dev_ops.h"
#include "gpu/hal.h"

struct ferry_node;

/* One GPU. The whole struct must live until unregister returns. */
struct ferry_device_desc {
	const struct ferry_hal *hal;
	void *dev; /* cookie of every call below */

	/*
	 * As in dev_ops.h. irq_enable's handler is called in hard interrupt context or with
	 * interrupts off.
	 */
	uint64_t (*reg_read)(void *dev, uint32_t offset);
	void (*reg_write)(void *dev, uint32_t offset, uint64_t value);
	int (*irq_enable)(void *dev, ferry_irq_fn fn, void *arg);
	void (*irq_disable)(void *dev);
	bool (*is_gone)(void *dev);

	/*
	 * stop: once it returns the device makes no access to host memory any more, whatever it was
	 * doing: reset, or bus mastering off. The last call but page_unmap. Process context; may
	 * wait, bounded.
	 */
	void (*stop)(void *dev);

	/*
	 * page_map: the bus address at which the device reaches count pages that follow each other
	 * in physical memory, for reading and writing; from now on, until page_unmap. May sleep. 0,
	 * FERRY_E_HOST_MAP, or FERRY_E_HOST_FULL for want of memory. Drivers behind an IOMMU use
	 * dma_map_page here; a device that sees physical memory as it is returns page_to_phys().
	 */
	int (*page_map)(void *dev, struct page *page, uint32_t count, uint64_t *bus);
	/*
	 * Of exactly what was mapped. Also called from inside memory allocation: must not allocate.
	 */
	void (*page_unmap)(void *dev, uint64_t bus, uint32_t count);

	/*
	 * Optional, both or none: the same for physical addresses that have no struct page, other
	 * devices' memory and registers that a process registered (dma_map_resource). Without them
	 * such memory cannot be registered. The owner may take it away while it is mapped: the
	 * device's page tables then no longer lead there.
	 */
	int (*resource_map)(void *dev, phys_addr_t phys, uint32_t count, uint64_t *bus);
	void (*resource_unmap)(void *dev, uint64_t bus, uint32_t count);
};

struct ferry_node_desc {
	struct device *parent; /* /dev/ferryN hangs under it in sysfs */
	struct module *owner;  /* kept while a handle is open */
	uint32_t device_count; /* 1..FERRY_MAX_DEVICES */
	const struct ferry_device_desc *devices;
};

/*
 * Process context, may sleep: brings the devices up. *out on success. What HAL init says,
 * FERRY_E_NOMEM, FERRY_E_DEVICE_TOO_MANY.
 */
int ferry_device_register(const struct ferry_node_desc *desc, struct ferry_node **out);

/* Process context; bounded: waits for calls into the driver that are under way, not for users. */
void ferry_device_unregister(struct ferry_node *node);

/* The negative errno of an enum ferry_error, for probe functions. */
int ferry_device_errno(int error);

#endif /* FERRY_DEVICE_REGISTER_H */
