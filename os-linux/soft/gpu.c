// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * gpu.c - one software GPU: the model, its memory, its port to the machine, and its face to
 * ferry.ko.
 */
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "hal/fg1/hal_fg1.h"
#include "soft.h"

/* ---- the model's port ---- */

static void *port_dma(void *ctx, uint64_t bus, uint64_t size_bytes, bool write)
{
	struct soft_gpu *gpu = ctx;

	return soft_dma_reach(&gpu->dma, bus, size_bytes);
}

/* stalled would allow to serve on this thread; the kernel's interrupts choose their own. */
static void port_irq(void *ctx, uint32_t vector, bool stalled)
{
	struct soft_gpu *gpu = ctx;

	soft_irq_raise(&gpu->irq, vector);
}

static void port_kick(void *ctx, uint32_t engine)
{
	struct soft_gpu *gpu = ctx;

	soft_engines_kick(gpu, engine);
}

/* ---- what ferry.ko calls ---- */

static uint64_t gpu_reg_read(void *dev, uint32_t offset)
{
	struct soft_gpu *gpu = dev;

	return fg1_reg_read(gpu->fg1, offset);
}

static void gpu_reg_write(void *dev, uint32_t offset, uint64_t value)
{
	struct soft_gpu *gpu = dev;

	fg1_reg_write(gpu->fg1, offset, value);
	soft_engines_drain(gpu);
}

static int gpu_irq_enable(void *dev, ferry_irq_fn fn, void *arg)
{
	struct soft_gpu *gpu = dev;

	return soft_irq_enable(&gpu->irq, fn, arg);
}

static void gpu_irq_disable(void *dev)
{
	struct soft_gpu *gpu = dev;

	soft_irq_disable(&gpu->irq);
}

static bool gpu_is_gone(void *dev)
{
	struct soft_gpu *gpu = dev;

	return fg1_reg_read(gpu->fg1, FG1_REG_ID) != FG1_ID;
}

/* Without power an engine has nothing left to do; one that works now is waited for. */
static void gpu_stop(void *dev)
{
	struct soft_gpu *gpu = dev;

	fg1_power_loss(gpu->fg1, true);
}

static int gpu_page_map(void *dev, struct page *page, uint32_t count, uint64_t *bus)
{
	struct soft_gpu *gpu = dev;
	int err = soft_dma_map(&gpu->dma, page, count);

	if (!err)
		*bus = PFN_PHYS(page_to_pfn(page));
	return err;
}

static void gpu_page_unmap(void *dev, uint64_t bus, uint32_t count)
{
	struct soft_gpu *gpu = dev;

	soft_dma_unmap(&gpu->dma, bus, count);
}

void soft_gpu_describe(struct soft_gpu *gpu, struct ferry_device_desc *desc)
{
	*desc = (struct ferry_device_desc){
		.hal = &ferry_hal_fg1,
		.dev = gpu,
		.reg_read = gpu_reg_read,
		.reg_write = gpu_reg_write,
		.irq_enable = gpu_irq_enable,
		.irq_disable = gpu_irq_disable,
		.is_gone = gpu_is_gone,
		.stop = gpu_stop,
		.page_map = gpu_page_map,
		.page_unmap = gpu_page_unmap,
	};
}

/* ---- life ---- */

/* One array, in huge pages where there are any. */
static void *vram_alloc(u64 size_bytes)
{
	void *vram;

	if (ferry_kernel_fault_alloc(size_bytes))
		return NULL;
	vram = vmalloc_huge(size_bytes, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
	if (vram)
		kmemleak_no_scan(vram); /* no pointers of the kernel's in there */
	return vram;
}

static int model_create(struct soft_gpu *gpu, const struct soft_gpu_config *config)
{
	const struct fg1_port port = {
		.ctx = gpu, .dma = port_dma, .irq = port_irq, .kick = port_kick};
	const struct fg1_config fg1_config = {
		.vram = gpu->vram,
		.vram_bytes = config->vram_bytes,
		.sms = config->sms,
		.caps = config->caps,
		.seed = config->seed,
	};

	return fg1_create(&fg1_config, &port, &gpu->fg1);
}

int soft_gpu_create(const struct soft_gpu_config *config, u32 node, u32 id, bool alone,
		    struct soft_gpu **out)
{
	struct soft_gpu *gpu = ferry_os_zalloc(sizeof(*gpu), 0);
	int err = FERRY_E_NOMEM;

	if (!gpu)
		return err;
	snprintf(gpu->name, sizeof(gpu->name), alone ? "ferry-soft.%u" : "ferry-soft.%u-gpu%u",
		 node, id);
	snprintf(gpu->tag, sizeof(gpu->tag), "%u/%u", node, id);
	soft_dma_init(&gpu->dma);
	gpu->vram = vram_alloc(config->vram_bytes);
	if (!gpu->vram)
		goto free_gpu;
	err = soft_irq_init(&gpu->irq, gpu->name);
	if (err)
		goto free_vram;
	err = model_create(gpu, config);
	if (err)
		goto fini_irq;
	err = soft_engines_init(gpu, config->sms, config->inline_channels);
	if (err)
		goto destroy_model;
	*out = gpu;
	return 0;

destroy_model:
	fg1_destroy(gpu->fg1);
fini_irq:
	soft_irq_fini(&gpu->irq);
free_vram:
	vfree(gpu->vram);
free_gpu:
	soft_dma_fini(&gpu->dma);
	ferry_os_free(gpu);
	return err;
}

void soft_gpu_destroy(struct soft_gpu *gpu)
{
	soft_engines_fini(gpu);
	fg1_destroy(gpu->fg1);
	soft_irq_fini(&gpu->irq);
	vfree(gpu->vram);
	soft_dma_fini(&gpu->dma);
	ferry_os_free(gpu);
}
