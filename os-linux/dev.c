// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * dev.c - the core's view of a GPU's bus. Each call goes on to the driver, unless the device has
 * left: then it does what a bus does without a device, reads all ones and swallows writes. Memory
 * that GPU and CPU share is allocated here and stays until the core gives it back, device or not.
 */
#include <linux/gfp.h>
#include <linux/io.h>

#include "kernel.h"
#include "os_fault.h"
#include "os_mem.h"

/*
 * Around each call into the driver. False: the device has left, and the driver must not be called;
 * kdev_leave() follows all the same.
 */
static bool kdev_enter(struct ferry_kdev *kdev, int *idx) __acquires(&kdev->node->gone_srcu)
{
	*idx = srcu_read_lock(&kdev->node->gone_srcu);
	/* Pairs with the store in ferry_device_unregister(). */
	return !smp_load_acquire(&kdev->node->gone);
}

static void kdev_leave(struct ferry_kdev *kdev, int idx) __releases(&kdev->node->gone_srcu)
{
	srcu_read_unlock(&kdev->node->gone_srcu, idx);
}

static uint64_t kdev_reg_read(void *dev, uint32_t offset)
{
	struct ferry_kdev *kdev = dev;
	uint64_t value = ~0ull;
	int idx;

	if (kdev_enter(kdev, &idx))
		value = kdev->desc->reg_read(kdev->desc->dev, offset);
	kdev_leave(kdev, idx);
	return value;
}

static void kdev_reg_write(void *dev, uint32_t offset, uint64_t value)
{
	struct ferry_kdev *kdev = dev;
	int idx;

	if (kdev_enter(kdev, &idx))
		kdev->desc->reg_write(kdev->desc->dev, offset, value);
	kdev_leave(kdev, idx);
}

static int kdev_page_map(struct ferry_kdev *kdev, struct page *page, uint32_t count, uint64_t *bus)
{
	int idx, err = FERRY_E_DEVICE_LOST;

	if (kdev_enter(kdev, &idx))
		err = kdev->desc->page_map(kdev->desc->dev, page, count, bus);
	kdev_leave(kdev, idx);
	return err;
}

/* A device that has left has no mappings either: its driver threw them away with it. */
static void kdev_page_unmap(struct ferry_kdev *kdev, uint64_t bus, uint32_t count)
{
	int idx;

	if (kdev_enter(kdev, &idx))
		kdev->desc->page_unmap(kdev->desc->dev, bus, count);
	kdev_leave(kdev, idx);
}

int ferry_kdev_page_map(struct ferry_kdev *kdev, struct page *page, uint64_t *bus)
{
	return kdev_page_map(kdev, page, 1, bus);
}

void ferry_kdev_page_unmap(struct ferry_kdev *kdev, uint64_t bus)
{
	kdev_page_unmap(kdev, bus, 1);
}

bool ferry_kdev_takes_resources(struct ferry_kdev *kdev)
{
	bool takes = false;
	int idx;

	if (kdev_enter(kdev, &idx))
		takes = kdev->desc->resource_map && kdev->desc->resource_unmap;
	kdev_leave(kdev, idx);
	return takes;
}

static int kdev_resource_map(struct ferry_kdev *kdev, unsigned long pfn, uint64_t *bus)
{
	int idx, err = FERRY_E_HOST_MAP;

	if (!kdev_enter(kdev, &idx))
		err = FERRY_E_DEVICE_LOST;
	else if (kdev->desc->resource_map)
		err = kdev->desc->resource_map(kdev->desc->dev, PFN_PHYS(pfn), 1, bus);
	kdev_leave(kdev, idx);
	return err;
}

static void kdev_resource_unmap(struct ferry_kdev *kdev, uint64_t bus)
{
	int idx;

	if (kdev_enter(kdev, &idx))
		kdev->desc->resource_unmap(kdev->desc->dev, bus, 1);
	kdev_leave(kdev, idx);
}

int ferry_kdev_frame_map(struct ferry_kdev *kdev, unsigned long pfn, uint64_t *bus)
{
	return pfn_valid(pfn) ? kdev_page_map(kdev, pfn_to_page(pfn), 1, bus)
			      : kdev_resource_map(kdev, pfn, bus);
}

void ferry_kdev_frame_unmap(struct ferry_kdev *kdev, unsigned long pfn, uint64_t bus)
{
	if (pfn_valid(pfn))
		kdev_page_unmap(kdev, bus, 1);
	else
		kdev_resource_unmap(kdev, bus);
}

/*
 * For a device that has left there is memory too, without a place on its bus: what it was for fails
 * soon enough, and then says that the device is lost, not that memory is short.
 */
static int kdev_dma_alloc(void *dev, size_t size_bytes, struct ferry_dma *out)
{
	size_t size = PAGE_ALIGN(size_bytes);
	uint64_t bus = FERRY_NO_BUS;
	void *cpu;
	int err;

	if (!size || size > MAX_ORDER_NR_PAGES * PAGE_SIZE)
		return FERRY_E_NOMEM;
	if (ferry_kernel_fault_alloc(size))
		return FERRY_E_NOMEM;
	cpu = alloc_pages_exact(size, FERRY_KERNEL_GFP | __GFP_ZERO);
	if (!cpu)
		return FERRY_E_NOMEM;
	err = kdev_page_map(dev, virt_to_page(cpu), size >> PAGE_SHIFT, &bus);
	if (err && err != FERRY_E_DEVICE_LOST) {
		free_pages_exact(cpu, size);
		return FERRY_E_NOMEM;
	}
	*out = (struct ferry_dma){.cpu = cpu, .bus = bus, .size_bytes = size};
	return 0;
}

static void kdev_dma_free(void *dev, struct ferry_dma *dma)
{
	kdev_page_unmap(dev, dma->bus, dma->size_bytes >> PAGE_SHIFT);
	free_pages_exact(dma->cpu, dma->size_bytes);
}

static int kdev_irq_enable(void *dev, ferry_irq_fn fn, void *arg)
{
	struct ferry_kdev *kdev = dev;
	int idx, err = FERRY_E_DEVICE_LOST;

	if (kdev_enter(kdev, &idx))
		err = kdev->desc->irq_enable(kdev->desc->dev, fn, arg);
	kdev_leave(kdev, idx);
	return err;
}

static void kdev_irq_disable(void *dev)
{
	struct ferry_kdev *kdev = dev;
	int idx;

	/* Of a device that has left, unregister has done it. */
	if (kdev_enter(kdev, &idx))
		kdev->desc->irq_disable(kdev->desc->dev);
	kdev_leave(kdev, idx);
}

static bool kdev_is_gone(void *dev)
{
	struct ferry_kdev *kdev = dev;
	bool gone = true;
	int idx;

	if (kdev_enter(kdev, &idx))
		gone = kdev->desc->is_gone(kdev->desc->dev);
	kdev_leave(kdev, idx);
	return gone;
}

const struct ferry_dev_ops ferry_kdev_ops = {
	.reg_read = kdev_reg_read,
	.reg_write = kdev_reg_write,
	.dma_alloc = kdev_dma_alloc,
	.dma_free = kdev_dma_free,
	.irq_enable = kdev_irq_enable,
	.irq_disable = kdev_irq_disable,
	.is_gone = kdev_is_gone,
};
