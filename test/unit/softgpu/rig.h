/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * rig.h - the smallest port of the software GPU, for tests: one device, an arena as host memory, recorded interrupts.
 *
 *   arena   [ page | page | ... ]   bus address = RIG_BUS + offset; pages that nobody has allocated are not mapped
 *           rig_alloc/rig_free; under ASan a free page is poisoned, so that use after free by the model shows
 *   irq     counted; rig.on_irq (may be NULL) is called on the thread that delivers
 *   kick    channels run at once, on the thread that kicks; SMs are noted and run by rig_run(), so that nothing runs
 *           a program inside a doorbell. rig.sms_inline runs SMs at once, too. rig.on_kick (may be NULL) replaces
 * both
 *
 * rig_dev_ops makes it a device for ferry/dev_ops.h, with dev = the rig: what the HAL and the core are tested with.
 *
 * Needs: softgpu/fg1.c engine.c control.c channel.c copy.c launch.c sm.c mmu.c fault.c knobs.c power.c program.c and
 * the warp files.
 */
#ifndef FERRY_TEST_RIG_H
#define FERRY_TEST_RIG_H

#include <stdlib.h>
#include <string.h>

#include "softgpu.h"
#include "ferry/dev_ops.h"

#define RIG_UNUSED __attribute__((unused))
#define RIG_BUS 0x100000000ull
#define RIG_PAGES_MAX 16384u /* 64 MiB of arena at most */

struct rig {
	struct fg1 *gpu;
	struct fg1_config config;
	uint8_t *arena, *vram;
	uint32_t pages;
	bool sms_inline;
	void (*on_irq)(void *arg, uint32_t vector, bool stalled);
	void *on_irq_arg;
	void (*on_kick)(void *arg, uint32_t engine);
	void *on_kick_arg;
	/* seen */
	struct ferry_os_atomic irqs[FG1_IRQ_VECTORS];
	struct ferry_os_atomic stalled_irqs;
	struct ferry_os_atomic sms_kicked; /* bit per SM that rig_run() shall run */
	struct ferry_os_atomic depth;      /* nested irq and kick calls now */
	/* dev_ops */
	ferry_irq_fn irq_fn;
	void *irq_arg;
	bool gone;
	/* control */
	uint32_t sequence;
	uint8_t *status;
	uint64_t status_bus;
	/* 0 free, 1 mapped, 2 mapped read-only */
	uint8_t map[RIG_PAGES_MAX];
};

struct rig_options {
	uint32_t arena_pages; /* 0: 1024 */
	uint64_t vram_bytes;  /* 0: 4 MiB */
	uint32_t sms;         /* 0: 2 */
	uint64_t caps;        /* 0: all */
	uint64_t seed;
};

#if FERRY_USER_ASAN
void __asan_poison_memory_region(void const volatile *p, size_t bytes);
void __asan_unpoison_memory_region(void const volatile *p, size_t bytes);
#define RIG_POISON(p, bytes) __asan_poison_memory_region(p, bytes)
#define RIG_UNPOISON(p, bytes) __asan_unpoison_memory_region(p, bytes)
#else
#define RIG_POISON(p, bytes) ((void)(p), (void)(bytes))
#define RIG_UNPOISON(p, bytes) ((void)(p), (void)(bytes))
#endif

/* ---- the port ---- */

static void *rig_dma(void *ctx, uint64_t bus, uint64_t size_bytes, bool write)
{
	struct rig *rig = ctx;
	uint64_t at = bus - RIG_BUS, limit = (uint64_t)rig->pages << FERRY_PAGE_SHIFT;

	if (!size_bytes || at >= limit || size_bytes > limit - at)
		return NULL;
	for (uint64_t page = at >> FERRY_PAGE_SHIFT; page <= (at + size_bytes - 1) >> FERRY_PAGE_SHIFT; page++) {
		uint8_t how = __atomic_load_n(&rig->map[page], __ATOMIC_RELAXED);

		if (!how || (write && how == 2))
			return NULL;
	}
	return rig->arena + at;
}

static void rig_irq(void *ctx, uint32_t vector, bool stalled)
{
	struct rig *rig = ctx;

	ferry_os_fetch_add(&rig->depth, 1);
	ferry_os_fetch_add(&rig->irqs[vector], 1);
	ferry_os_fetch_add(&rig->stalled_irqs, stalled);
	if (rig->irq_fn)
		rig->irq_fn(rig->irq_arg, vector);
	if (rig->on_irq)
		rig->on_irq(rig->on_irq_arg, vector, stalled);
	ferry_os_fetch_add(&rig->depth, (uint64_t)-1);
}

static void rig_kick(void *ctx, uint32_t engine)
{
	struct rig *rig = ctx;

	if (rig->on_kick) {
		rig->on_kick(rig->on_kick_arg, engine);
		return;
	}
	if (engine < rig->config.sms && !rig->sms_inline) {
		ferry_os_fetch_or(&rig->sms_kicked, 1ull << engine);
		return;
	}
	ferry_os_fetch_add(&rig->depth, 1);
	for (uint32_t turns = 0; turns < 100000 && fg1_engine_run(rig->gpu, engine, 1000); turns++)
		;
	ferry_os_fetch_add(&rig->depth, (uint64_t)-1);
}

/* Run kicked SMs until all rest. False: still busy after turns of 1000 warp instructions each. */
static RIG_UNUSED bool rig_run(struct rig *rig, uint32_t turns)
{
	while (turns--) {
		uint64_t sms = ferry_os_xchg(&rig->sms_kicked, 0);

		if (!sms)
			return true;
		for (uint32_t i = 0; i < rig->config.sms; i++)
			if ((sms >> i) & 1 && fg1_engine_run(rig->gpu, i, 1000))
				ferry_os_fetch_or(&rig->sms_kicked, 1ull << i);
	}
	return false;
}

/* ---- life. start: false when the model refuses. ---- */

static RIG_UNUSED bool rig_start(struct rig *rig, const struct rig_options *o)
{
	struct fg1_port port = {rig, rig_dma, rig_irq, rig_kick};

	memset(rig, 0, sizeof(*rig));
	rig->pages = o && o->arena_pages ? o->arena_pages : 1024;
	rig->config.vram_bytes = o && o->vram_bytes ? o->vram_bytes : 2 * FERRY_BLOCK_SIZE;
	rig->config.sms = o && o->sms ? o->sms : 2;
	rig->config.caps = o && o->caps ? o->caps : FG1_CAP_ALL;
	rig->config.seed = o ? o->seed : 0;
	rig->arena = aligned_alloc(FERRY_PAGE_SIZE, (size_t)rig->pages * FERRY_PAGE_SIZE);
	rig->vram = aligned_alloc(FERRY_BLOCK_SIZE, rig->config.vram_bytes);
	rig->config.vram = rig->vram;
	if (!rig->arena || !rig->vram || rig->pages > RIG_PAGES_MAX || fg1_create(&rig->config, &port, &rig->gpu))
		return false;
	memset(rig->vram, 0, rig->config.vram_bytes);
	RIG_POISON(rig->arena, (size_t)rig->pages * FERRY_PAGE_SIZE);
	return true;
}

static RIG_UNUSED void rig_stop(struct rig *rig)
{
	if (rig->gpu)
		fg1_destroy(rig->gpu);
	if (rig->arena)
		RIG_UNPOISON(rig->arena, (size_t)rig->pages * FERRY_PAGE_SIZE);
	free(rig->arena);
	free(rig->vram);
	rig->gpu = NULL;
}

/* ---- host memory: zeroed pages, first fit ---- */

static RIG_UNUSED uint64_t rig_bus(const struct rig *rig, const void *p)
{
	return RIG_BUS + (uint64_t)((const uint8_t *)p - rig->arena);
}

static RIG_UNUSED void *rig_alloc(struct rig *rig, size_t size_bytes)
{
	uint32_t want = (uint32_t)((size_bytes + FERRY_PAGE_SIZE - 1) >> FERRY_PAGE_SHIFT), run = 0;

	for (uint32_t page = 0; page < rig->pages; page++) {
		run = rig->map[page] ? 0 : run + 1;
		if (!run || run < want)
			continue;
		uint8_t *p = rig->arena + (size_t)(page + 1 - want) * FERRY_PAGE_SIZE;

		RIG_UNPOISON(p, want * FERRY_PAGE_SIZE);
		memset(p, 0, want * FERRY_PAGE_SIZE);
		for (uint32_t i = 0; i < want; i++)
			__atomic_store_n(&rig->map[page - i], 1, __ATOMIC_RELAXED);
		return p;
	}
	return NULL;
}

static RIG_UNUSED void rig_free(struct rig *rig, void *p, size_t size_bytes)
{
	uint32_t first = (uint32_t)(((uint8_t *)p - rig->arena) >> FERRY_PAGE_SHIFT);
	uint32_t count = (uint32_t)((size_bytes + FERRY_PAGE_SIZE - 1) >> FERRY_PAGE_SHIFT);

	for (uint32_t i = 0; i < count; i++)
		__atomic_store_n(&rig->map[first + i], 0, __ATOMIC_RELAXED);
	RIG_POISON(p, count * FERRY_PAGE_SIZE);
}

/* The device may no longer write there (or may again). */
static RIG_UNUSED void rig_read_only(struct rig *rig, void *p, bool read_only)
{
	__atomic_store_n(&rig->map[((uint8_t *)p - rig->arena) >> FERRY_PAGE_SHIFT], read_only ? 2 : 1,
	                 __ATOMIC_RELAXED);
}

/* ---- registers and control commands ---- */

static RIG_UNUSED uint64_t rig_word(const void *p, uint32_t offset)
{
	return ferry_os_dma_load64((const uint8_t *)p + offset);
}

/* Run a control command; its result, or UINT32_MAX when it was not answered. */
static RIG_UNUSED uint32_t rig_control(struct rig *rig, uint32_t cmd, const uint64_t *args, uint32_t count)
{
	uint64_t word;

	for (uint32_t i = 0; i < count; i++)
		fg1_reg_write(rig->gpu, FG1_REG_ARG(i), args[i]);
	rig->sequence++;
	fg1_reg_write(rig->gpu, FG1_REG_CMD, (uint64_t)rig->sequence << 32 | cmd);
	word = rig->status ? rig_word(rig->status, FG1_STATUS_CMD) : 0;
	return (uint32_t)(word >> 32) == rig->sequence ? (uint32_t)word : UINT32_MAX;
}

#define RIG_CONTROL(rig, cmd, ...)                                                                                   \
	rig_control(rig, cmd, (const uint64_t[]){__VA_ARGS__}, sizeof((uint64_t[]){__VA_ARGS__}) / 8)

/* Status page and INIT. True when the device answers OK. */
static RIG_UNUSED bool rig_init(struct rig *rig)
{
	if (!rig->status) {
		rig->status = rig_alloc(rig, FERRY_PAGE_SIZE);
		rig->status_bus = rig_bus(rig, rig->status);
	}
	return RIG_CONTROL(rig, FG1_CMD_INIT, rig->status_bus) == FG1_OK;
}

/* ---- channels ---- */

struct rig_channel {
	struct rig *rig;
	uint32_t id, entries;
	uint8_t *ring, *status;
	uint64_t put;
};

/* The result of CHANNEL_CREATE. */
static RIG_UNUSED uint32_t rig_open(struct rig *rig, struct rig_channel *ch, uint32_t id, uint32_t kind,
                                    uint32_t asid)
{
	*ch = (struct rig_channel){.rig = rig, .id = id, .entries = 64};
	ch->ring = rig_alloc(rig, ch->entries * FG1_CMD_BYTES);
	ch->status = rig_alloc(rig, 64);
	return RIG_CONTROL(rig, FG1_CMD_CHANNEL_CREATE, id, kind, rig_bus(rig, ch->ring), ch->entries,
	                   rig_bus(rig, ch->status), asid);
}

static RIG_UNUSED void rig_put(struct rig_channel *ch, const uint64_t *words, uint32_t count)
{
	uint64_t *slot = (uint64_t *)(void *)(ch->ring + (ch->put & (ch->entries - 1)) * FG1_CMD_BYTES);

	for (uint32_t i = 0; i < FG1_CMD_WORDS; i++)
		ferry_os_dma_store64(&slot[i], i < count ? words[i] : 0);
	ch->put++;
}

/* Write one command; ring says so to the device. */
#define RIG_PUT(ch, ...) rig_put(ch, (const uint64_t[]){__VA_ARGS__}, sizeof((uint64_t[]){__VA_ARGS__}) / 8)
#define RIG_DO(ch, ...) (RIG_PUT(ch, __VA_ARGS__), rig_ring(ch))

static RIG_UNUSED void rig_ring(struct rig_channel *ch)
{
	fg1_reg_write(ch->rig->gpu, FG1_REG_DOORBELL, (uint64_t)ch->id << 48 | ch->put);
}

static RIG_UNUSED uint64_t rig_get(const struct rig_channel *ch)
{
	return rig_word(ch->status, FG1_CHANNEL_GET);
}

static RIG_UNUSED uint64_t rig_error(const struct rig_channel *ch)
{
	return rig_word(ch->status, FG1_CHANNEL_ERROR);
}

/* All commands done and none refused. */
static RIG_UNUSED bool rig_done(const struct rig_channel *ch)
{
	return rig_get(ch) == ch->put && rig_error(ch) == 0;
}

#define RIG_APERTURES(dst, src) ((uint64_t)(dst) << FG1_DST_SHIFT | (uint64_t)(src) << FG1_SRC_SHIFT)

/* ---- page tables ---- */

/* The entry for va at level (0..3), making tables on the way; NULL when the arena is full. */
static RIG_UNUSED uint64_t *rig_pte(struct rig *rig, uint64_t *root, uint64_t va, uint32_t level)
{
	uint64_t *table = root;

	for (uint32_t i = 0;; i++) {
		uint64_t *entry = &table[va >> (39 - 9 * i) & 511];

		if (i == level)
			return entry;
		if (!ferry_os_dma_load64(entry)) {
			void *next = rig_alloc(rig, FERRY_PAGE_SIZE);

			if (!next)
				return NULL;
			ferry_os_dma_store64(entry, rig_bus(rig, next) | FG1_PTE_VALID);
		}
		table = (uint64_t *)(void *)(rig->arena + ((ferry_os_dma_load64(entry) & FG1_PTE_ADDR) - RIG_BUS));
	}
}

#define RIG_RW (FG1_PTE_VALID | FG1_PTE_LEAF | FG1_PTE_WRITE | FG1_PTE_ATOMIC)
#define RIG_RO (FG1_PTE_VALID | FG1_PTE_LEAF)

/* Map one 4 KiB page: address with the bits of the entry. pte 0 takes it away. */
static RIG_UNUSED void rig_map(struct rig *rig, uint64_t *root, uint64_t va, uint64_t pte)
{
	uint64_t *entry = rig_pte(rig, root, va, 3);

	if (entry)
		ferry_os_dma_store64(entry, pte);
}

/* ---- as a device of dev_ops.h ---- */

static uint64_t rig_op_reg_read(void *dev, uint32_t offset)
{
	struct rig *rig = dev;

	return fg1_reg_read(rig->gpu, offset);
}

static void rig_op_reg_write(void *dev, uint32_t offset, uint64_t value)
{
	struct rig *rig = dev;

	fg1_reg_write(rig->gpu, offset, value);
}

static int rig_op_dma_alloc(void *dev, size_t size_bytes, struct ferry_dma *out)
{
	void *p = ferry_user_fault_alloc() ? NULL : rig_alloc(dev, size_bytes);

	if (!p)
		return FERRY_E_NOMEM;
	*out = (struct ferry_dma){p, rig_bus(dev, p), ferry_align_up(size_bytes, FERRY_PAGE_SIZE), NULL};
	return 0;
}

static void rig_op_dma_free(void *dev, struct ferry_dma *dma)
{
	rig_free(dev, dma->cpu, dma->size_bytes);
	memset(dma, 0, sizeof(*dma));
}

static int rig_op_irq_enable(void *dev, ferry_irq_fn fn, void *arg)
{
	struct rig *rig = dev;

	rig->irq_arg = arg;
	rig->irq_fn = fn;
	return 0;
}

static void rig_op_irq_disable(void *dev)
{
	struct rig *rig = dev;

	rig->irq_fn = NULL;
}

static bool rig_op_is_gone(void *dev)
{
	struct rig *rig = dev;

	return rig->gone;
}

static RIG_UNUSED const struct ferry_dev_ops rig_dev_ops = {
	.reg_read = rig_op_reg_read,
	.reg_write = rig_op_reg_write,
	.dma_alloc = rig_op_dma_alloc,
	.dma_free = rig_op_dma_free,
	.irq_enable = rig_op_irq_enable,
	.irq_disable = rig_op_irq_disable,
	.is_gone = rig_op_is_gone,
};

#endif /* FERRY_TEST_RIG_H */
