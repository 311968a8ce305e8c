/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * device.c - the simulator's port of the software GPU: an engine runs on a fiber, soon after it was kicked.
 *
 *     kick[0 .. sms-1]   one fiber an SM
 *     kick[sms]          one fiber for the front ends of all channels: copies go on beside the programs
 */
#include "world.h"
#include "world_impl.h"

_Static_assert(WORLD_WRITERS * 64u <= SIM_PAGE_SEEN, "a copy of a page has its counters");

#define BUDGET 16u /* small: programs and copies interleave */

struct engine {
	struct world_device *d;
	uint32_t slot;
};

/* Everything the driver and the host give out is memory of this process. */
static void *port_dma(void *ctx, uint64_t bus, uint64_t size_bytes, bool write)
{
	(void)ctx;
	(void)size_bytes;
	(void)write;
	return (void *)(uintptr_t)bus;
}

static void deliver(void *arg, uint32_t vector)
{
	struct world_device *d = arg;

	d->irqs_inside++;
	sim_point(SIM_OP_DEVICE, d->obj);
	if (d->irq_fn)
		d->irq_fn(d->irq_arg, vector);
	d->irqs_inside--;
	ferry_os_wake_all(&d->quiet);
}

static void port_irq(void *ctx, uint32_t vector, bool stalled)
{
	(void)stalled;
	sim_irq(deliver, ctx, vector);
}

static void port_kick(void *ctx, uint32_t engine)
{
	struct world_device *d = ctx;

	d->kicked |= 1ull << engine;
	ferry_os_wake_all(&d->kick[engine < d->sms ? engine : d->sms]);
}

static uint64_t mine(const struct engine *e)
{
	return e->slot < e->d->sms ? 1ull << e->slot : ~((1ull << e->d->sms) - 1);
}

static bool has_news(void *arg)
{
	struct engine *e = arg;

	return (e->d->kicked & mine(e)) != 0;
}

static void engine_fiber(void *arg)
{
	struct engine *e = arg;
	struct world_device *d = e->d;

	for (;;) {
		uint32_t engine;

		(void)ferry_os_wait_until(&d->kick[e->slot], has_news, e, UINT64_MAX / 4);
		if (!has_news(e))
			continue;
		engine = (uint32_t)__builtin_ctzll(d->kicked & mine(e));
		d->kicked &= ~(1ull << engine);
		while (fg1_engine_run(d->gpu, engine, BUDGET))
			sim_point(SIM_OP_DEVICE, d->obj);
	}
}

void world_device_make(struct world_device *d, uint32_t number, const struct world_shape *shape)
{
	const struct fg1_port port = {.ctx = d, .dma = port_dma, .irq = port_irq, .kick = port_kick};
	struct fg1_config config = {
		.vram_bytes = shape->vram_bytes, .sms = shape->sms, .caps = FG1_CAP_ALL, .seed = 1};
	struct engine *engines = ferry_os_zalloc(5 * sizeof(*engines), 0);
	static const char *const names[] = {"SM 0", "SM 1", "SM 2", "SM 3"};

	d->number = number;
	d->sms = shape->sms;
	d->obj = sim_object();
	sim_name_object(d->obj, "device");
	d->vram_bytes = shape->vram_bytes;
	d->vram = ferry_os_zalloc(shape->vram_bytes + FERRY_PAGE_SIZE, 0);
	config.vram = (void *)(((uintptr_t)d->vram + FERRY_PAGE_SIZE - 1) & ~(uintptr_t)(FERRY_PAGE_SIZE - 1));
	/* What the core does not write is not zero. Only the first pages: the rest costs memory for nothing. */
	memory_dirty(config.vram, 64 * FERRY_PAGE_SIZE);
	memset(config.vram, 0xa5, 64 * FERRY_PAGE_SIZE);
	ferry_os_wait_init(&d->quiet);
	d->allocs = sim_live_allocs();
	sim_check(!fg1_create(&config, &port, &d->gpu), "no device");
	d->allocs = sim_live_allocs() - d->allocs;
	for (uint32_t i = 0; i <= shape->sms; i++) {
		engines[i] = (struct engine){d, i};
		ferry_os_wait_init(&d->kick[i]);
		sim_spawn(i < shape->sms ? names[i] : "front end", engine_fiber, &engines[i], SIM_DAEMON);
	}
}

void world_device_end(struct world_device *d)
{
	fg1_destroy(d->gpu);
}

void world_device_hold(struct world_device *d)
{
	(void)d;
}

void world_device_unhold(struct world_device *d)
{
	(void)d;
}

/* ---- dev_ops ---- */

static uint64_t dev_reg_read(void *dev, uint32_t offset)
{
	struct world_device *d = dev;

	sim_point(SIM_OP_DEVICE, d->obj);
	return fg1_reg_read(d->gpu, offset);
}

static void dev_reg_write(void *dev, uint32_t offset, uint64_t value)
{
	struct world_device *d = dev;

	sim_point(SIM_OP_DEVICE, d->obj);
	fg1_reg_write(d->gpu, offset, value);
}

static int dev_dma_alloc(void *dev, size_t size_bytes, struct ferry_dma *out)
{
	size_t bytes = (size_bytes + FERRY_PAGE_SIZE - 1) & ~(size_t)(FERRY_PAGE_SIZE - 1);
	char *p = ferry_os_zalloc(bytes + FERRY_PAGE_SIZE, 0);

	(void)dev;
	if (!p)
		return FERRY_E_NOMEM;
	out->priv = p;
	out->cpu = (void *)(((uintptr_t)p + FERRY_PAGE_SIZE - 1) & ~(uintptr_t)(FERRY_PAGE_SIZE - 1));
	out->bus = (uintptr_t)out->cpu;
	out->size_bytes = bytes;
	return 0;
}

static void dev_dma_free(void *dev, struct ferry_dma *dma)
{
	(void)dev;
	ferry_os_free(dma->priv);
}

static int dev_irq_enable(void *dev, ferry_irq_fn fn, void *arg)
{
	struct world_device *d = dev;

	sim_point(SIM_OP_DEVICE, d->obj);
	d->irq_arg = arg;
	d->irq_fn = fn;
	return 0;
}

static bool nobody_inside(void *arg)
{
	return ((struct world_device *)arg)->irqs_inside == 0;
}

static void dev_irq_disable(void *dev)
{
	struct world_device *d = dev;

	sim_point(SIM_OP_DEVICE, d->obj);
	d->irq_fn = NULL;
	(void)ferry_os_wait_bounded(&d->quiet, nobody_inside, d, 1000000000);
}

static bool dev_is_gone(void *dev)
{
	return fg1_reg_read(((struct world_device *)dev)->gpu, FG1_REG_ID) != FG1_ID;
}

static const struct ferry_dev_ops dev_ops = {
	.reg_read = dev_reg_read,
	.reg_write = dev_reg_write,
	.dma_alloc = dev_dma_alloc,
	.dma_free = dev_dma_free,
	.irq_enable = dev_irq_enable,
	.irq_disable = dev_irq_disable,
	.is_gone = dev_is_gone,
};

const struct ferry_dev_ops *world_dev_ops(void)
{
	return &dev_ops;
}

void *world_dev_cookie(struct world_device *d)
{
	return d;
}
