/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * softdev.c - the process port of the software GPU.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <sys/mman.h>

#include "softdev.h"

#define SMS_MAX 64u
#define RUN_BUDGET 16384u /* units per call: between two calls a thread looks whether it shall stop */

/* One SM and its thread. A cache line of its own: kicks come from other cores. */
struct sm {
	struct ferry_softdev *sd;
	struct ferry_os_atomic kicks; /* moves with every kick */
	struct ferry_os_wait wait;
	uint64_t seen; /* the thread's own: kicks as of the last run */
	uint32_t engine;
	pthread_t thread;
} __attribute__((aligned(64)));

struct ferry_softdev {
	struct fg1 *gpu;
	void *vram;
	uint64_t vram_bytes;
	uint32_t sms;
	uint32_t threads;              /* started; only create and destroy touch it */
	struct ferry_os_atomic stop;   /* 1: SM threads end */
	struct ferry_os_atomic fn;     /* ferry_irq_fn as a number; 0 = off */
	struct ferry_os_atomic inside; /* threads at or in the handler */
	struct ferry_os_wait idle;     /* inside became 0 while fn is 0 */
	void *irq_arg;                 /* written before fn is published, read after fn was seen */
	struct ferry_bus bus;
	struct sm sm[SMS_MAX];
};

/* Which SM this thread is, and how many channel engines run on its stack right now. */
static _Thread_local struct {
	struct ferry_softdev *sd;
	uint32_t nested;
} me;

/* ---- port ------------------------------------------------------------------------------------- */

static void *port_dma(void *ctx, uint64_t bus, uint64_t size_bytes, bool write)
{
	struct ferry_softdev *sd = ctx;

	(void)write; /* all of it is writable for the device */
	return ferry_bus_reach(&sd->bus, bus, size_bytes);
}

/*
 * inside goes up before fn is read, and irq_disable clears fn before it reads inside, all sequentially consistent:
 * either the handler is seen running, or it is not run.
 */
static void port_irq(void *ctx, uint32_t vector, bool stalled)
{
	struct ferry_softdev *sd = ctx;
	ferry_irq_fn fn;

	ferry_user_irq_enter();
	ferry_os_fetch_add(&sd->inside, 1);
	fn = (ferry_irq_fn)(uintptr_t)__atomic_load_n(&sd->fn.v, __ATOMIC_SEQ_CST);
	if (fn)
		fn(sd->irq_arg, vector);
	ferry_os_fetch_add(&sd->inside, (uint64_t)-1);
	if (!__atomic_load_n(&sd->fn.v, __ATOMIC_SEQ_CST))
		ferry_os_wake_all(&sd->idle);
	/* Only an SM that would sleep now may serve: a channel's engine runs on a thread with other things to do. */
	ferry_user_irq_exit(stalled && me.sd == sd && me.nested == 0);
}

/* The loop ends with the ring: a channel's engine does what was published and then is idle. */
static void run_channel(struct ferry_softdev *sd, uint32_t engine)
{
	me.nested++;
	while (fg1_engine_run(sd->gpu, engine, RUN_BUDGET))
		;
	me.nested--;
}

static void port_kick(void *ctx, uint32_t engine)
{
	struct ferry_softdev *sd = ctx;

	if (engine >= sd->sms) {
		run_channel(sd, engine);
		return;
	}
	ferry_os_fetch_add(&sd->sm[engine].kicks, 1);
	ferry_os_wake_all(&sd->sm[engine].wait);
}

/* ---- SM threads ------------------------------------------------------------------------------- */

static bool sm_has_news(void *arg)
{
	struct sm *sm = arg;

	return ferry_os_load_acquire(&sm->kicks) != sm->seen || ferry_os_load_acquire(&sm->sd->stop);
}

static void *sm_main(void *arg)
{
	struct sm *sm = arg;
	struct ferry_softdev *sd = sm->sd;

	me.sd = sd;
	while (!ferry_os_load_acquire(&sd->stop)) {
		/* Read first: a kick that comes during the run is news. Pairs with port_kick(). */
		sm->seen = ferry_os_load_acquire(&sm->kicks);
		if (fg1_engine_run(sd->gpu, sm->engine, RUN_BUDGET))
			continue;
		(void)ferry_os_wait_until(&sm->wait, sm_has_news, sm, UINT64_MAX);
	}
	return NULL;
}

static void sm_threads_stop(struct ferry_softdev *sd)
{
	ferry_os_store_release(&sd->stop, 1);
	for (uint32_t i = 0; i < sd->threads; i++)
		ferry_os_wake_all(&sd->sm[i].wait);
	for (uint32_t i = 0; i < sd->threads; i++)
		pthread_join(sd->sm[i].thread, NULL);
	for (uint32_t i = 0; i < sd->threads; i++)
		ferry_os_wait_fini(&sd->sm[i].wait);
	sd->threads = 0;
}

static int sm_threads_start(struct ferry_softdev *sd)
{
	for (uint32_t i = 0; i < sd->sms; i++) {
		struct sm *sm = &sd->sm[i];
		char name[16];
		int err;

		sm->sd = sd;
		sm->engine = i;
		ferry_os_wait_init(&sm->wait);
		snprintf(name, sizeof(name), "ferry-sm-%u", i % SMS_MAX);
		err = ferry_os_fault_point(FERRY_USER_POINT_THREAD)
		              ? FERRY_E_THREAD
		              : ferry_user_thread_start(&sm->thread, name, sm_main, sm);
		if (err) {
			sm_threads_stop(sd);
			return err;
		}
		sd->threads++;
	}
	return 0;
}

/* ---- life ------------------------------------------------------------------------------------- */

/* Zeroed, aligned to 2 MiB, in huge pages where the system has them. NULL: no address space. */
static void *vram_map(uint64_t size_bytes)
{
	uint64_t room = size_bytes + FERRY_BLOCK_SIZE;
	char *p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t head;

	if (p == MAP_FAILED)
		return NULL;
	head = ferry_align_up((uintptr_t)p, FERRY_BLOCK_SIZE) - (uintptr_t)p;
	if (head)
		munmap(p, head);
	if (head < FERRY_BLOCK_SIZE)
		munmap(p + head + size_bytes, FERRY_BLOCK_SIZE - head);
	p += head;
	madvise(p, size_bytes, MADV_HUGEPAGE);
	madvise(p, size_bytes, MADV_DONTFORK);
	return p;
}

static int gpu_create(struct ferry_softdev *sd, const struct ferry_softdev_config *config)
{
	const struct fg1_port port = {.ctx = sd, .dma = port_dma, .irq = port_irq, .kick = port_kick};
	const struct fg1_config gpu_config = {
		.vram = sd->vram,
		.vram_bytes = config->vram_bytes,
		.sms = config->sms,
		.caps = config->caps,
		.seed = config->seed,
	};

	return fg1_create(&gpu_config, &port, &sd->gpu);
}

int ferry_softdev_create(const struct ferry_softdev_config *config, struct ferry_softdev **out)
{
	struct ferry_softdev *sd;
	int err;

	if (config->sms == 0 || config->sms > SMS_MAX || config->vram_bytes == 0 ||
	    config->vram_bytes > FERRY_VA_END / 4 || !ferry_is_aligned(config->vram_bytes, FERRY_BLOCK_SIZE))
		return FERRY_E_INVAL;
	sd = ferry_os_zalloc(sizeof(*sd), 0);
	if (!sd)
		return FERRY_E_NOMEM;
	sd->sms = config->sms;
	sd->vram_bytes = config->vram_bytes;
	ferry_os_wait_init(&sd->idle);
	err = ferry_bus_init(&sd->bus);
	if (err)
		goto free_sd;
	sd->vram = ferry_os_fault_point(FERRY_USER_POINT_MMAP) ? NULL : vram_map(config->vram_bytes);
	err = sd->vram ? 0 : FERRY_E_MMAP;
	if (err)
		goto fini_bus;
	err = gpu_create(sd, config);
	if (err)
		goto unmap_vram;
	err = sm_threads_start(sd);
	if (err)
		goto destroy_gpu;

	*out = sd;
	return 0;

destroy_gpu:
	fg1_destroy(sd->gpu);
unmap_vram:
	munmap(sd->vram, sd->vram_bytes);
fini_bus:
	ferry_bus_fini(&sd->bus);
free_sd:
	ferry_os_free(sd);
	return err;
}

void ferry_softdev_destroy(struct ferry_softdev *sd)
{
	(void)FERRY_ASSERT(ferry_os_load_acquire(&sd->fn) == 0);
	sm_threads_stop(sd);
	fg1_destroy(sd->gpu);
	munmap(sd->vram, sd->vram_bytes);
	ferry_bus_fini(&sd->bus);
	ferry_os_wait_fini(&sd->idle);
	ferry_os_free(sd);
}

struct fg1 *ferry_softdev_gpu(struct ferry_softdev *sd)
{
	return sd->gpu;
}

int ferry_softdev_window_add(struct ferry_softdev *sd, const void *ptr, uint64_t size_bytes)
{
	return ferry_bus_window_add(&sd->bus, (uintptr_t)ptr, size_bytes);
}

void ferry_softdev_window_remove(struct ferry_softdev *sd, const void *ptr)
{
	int err = ferry_bus_window_remove(&sd->bus, (uintptr_t)ptr);

	(void)FERRY_ASSERT(err == 0);
}

/* ---- dev_ops ---------------------------------------------------------------------------------- */

static uint64_t dev_reg_read(void *dev, uint32_t offset)
{
	struct ferry_softdev *sd = dev;

	return fg1_reg_read(sd->gpu, offset);
}

static void dev_reg_write(void *dev, uint32_t offset, uint64_t value)
{
	struct ferry_softdev *sd = dev;

	fg1_reg_write(sd->gpu, offset, value);
}

static int dev_dma_alloc(void *dev, size_t size_bytes, struct ferry_dma *out)
{
	struct ferry_softdev *sd = dev;

	return ferry_bus_alloc(&sd->bus, size_bytes, out);
}

static void dev_dma_free(void *dev, struct ferry_dma *dma)
{
	struct ferry_softdev *sd = dev;

	ferry_bus_free(&sd->bus, dma);
}

static int dev_irq_enable(void *dev, ferry_irq_fn fn, void *arg)
{
	struct ferry_softdev *sd = dev;

	if (!FERRY_ASSERT(fn && ferry_os_load_acquire(&sd->fn) == 0))
		return FERRY_E_BUG;
	sd->irq_arg = arg;
	__atomic_store_n(&sd->fn.v, (uint64_t)(uintptr_t)fn, __ATOMIC_SEQ_CST); /* pairs with port_irq() */
	return 0;
}

static bool nobody_inside(void *arg)
{
	struct ferry_softdev *sd = arg;

	return __atomic_load_n(&sd->inside.v, __ATOMIC_SEQ_CST) == 0;
}

static void dev_irq_disable(void *dev)
{
	struct ferry_softdev *sd = dev;

	(void)FERRY_ASSERT(!ferry_os_in_irq());
	__atomic_store_n(&sd->fn.v, 0, __ATOMIC_SEQ_CST); /* pairs with port_irq() */
	/* A handler is bounded and takes no lock of ours. FERRY_E_KILLED is a test's; then look again. */
	while (ferry_os_wait_until(&sd->idle, nobody_inside, sd, UINT64_MAX))
		;
}

static bool dev_is_gone(void *dev)
{
	struct ferry_softdev *sd = dev;

	return fg1_reg_read(sd->gpu, FG1_REG_ID) != FG1_ID;
}

const struct ferry_dev_ops ferry_softdev_ops = {
	.reg_read = dev_reg_read,
	.reg_write = dev_reg_write,
	.dma_alloc = dev_dma_alloc,
	.dma_free = dev_dma_free,
	.irq_enable = dev_irq_enable,
	.irq_disable = dev_irq_disable,
	.is_gone = dev_is_gone,
};
