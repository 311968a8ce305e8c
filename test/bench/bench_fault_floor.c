/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What a 4 KiB GPU fault costs any driver of this device: the same chain of pointers as in bench_gpu_fault.c, and a
 * driver that keeps no books. On a fault it does what nobody can leave out, for places that were decided before:
 *
 *     fetch the entry -> (copy the page with a copy engine, wait) -> store one page-table entry -> replay -> arm
 *
 *   fault-floor-device   without the copy: the device raises, interrupts, replays, walks again, goes on
 *   fault-floor-4k       with it
 *
 * gpu-fault-4k minus fault-floor-4k is what the core does: address spaces, locks, residency, frames, counters.
 */
#include <string.h>
#include <sys/mman.h>

#include "hal/fg1/hal_fg1.h"
#include "os-user/softdev.h"
#include "test/bench/bench.h"

#define ROUNDS 25u
#define PIECES 512u
#define VA (1ull << 40) /* pieces 2 MiB apart from here on */
#define ASID 1u
#define ENTRIES 1024u
#define RING_BYTES (ENTRIES * FERRY_HAL_CMD_BYTES)
#define PAGE_WORDS (FERRY_PAGE_SIZE / 8)

enum { COPY, COMPUTE, CHANNELS };

static const struct ferry_hal *const hal = &ferry_hal_fg1;

static struct {
	struct ferry_softdev *sd;
	void *hd;
	struct ferry_dma faults, tables, ring[CHANNELS], misc; /* misc: program, arguments, result */
	uint64_t put[CHANNELS];
	uint8_t *home; /* pieces 2 MiB apart */
	bool copies;
	struct ferry_os_work work;
} f;

static void check(const char *what, int err)
{
	if (!err)
		return;
	fprintf(stderr, "%s: error %d\n", what, err);
	exit(1);
}

static void *slot(uint32_t channel)
{
	return (uint8_t *)f.ring[channel].cpu + f.put[channel]++ % ENTRIES * FERRY_HAL_CMD_BYTES;
}

static void ring_bell(uint32_t channel)
{
	ferry_os_dma_wmb();
	hal->doorbell(f.hd, channel, f.put[channel]);
}

static void wait_done(uint32_t channel)
{
	while (hal->channel_get(f.hd, (uint8_t *)f.ring[channel].cpu + RING_BYTES) != f.put[channel])
		ferry_os_relax();
}

static uint64_t *pte_of(uint32_t piece)
{
	return (uint64_t *)f.tables.cpu + (3 + piece) * PAGE_WORDS;
}

/* ---- the driver ------------------------------------------------------------------------------------------ */

static void serve(void *arg)
{
	struct ferry_fault faults[4];
	uint64_t dropped;
	uint32_t n = hal->fault_fetch(f.hd, faults, 4, &dropped);

	(void)arg;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t piece = (uint32_t)((faults[i].va - VA) >> FERRY_BLOCK_SHIFT);
		uint64_t frame = (uint64_t)piece << FERRY_PAGE_SHIFT;

		if (f.copies) {
			hal->cmd_copy(slot(COPY), FERRY_APERTURE_DEVICE, frame, FERRY_APERTURE_HOST,
			              (uintptr_t)f.home + piece * FERRY_BLOCK_SIZE, FERRY_PAGE_SIZE);
			ring_bell(COPY);
			wait_done(COPY);
		}
		ferry_os_dma_store64(pte_of(piece),
		                     hal->pte(FERRY_APERTURE_DEVICE, frame, FERRY_ACCESS_READ, FERRY_PAGE_SHIFT));
	}
	hal->cmd_replay(slot(COPY));
	ring_bell(COPY);
	hal->fault_arm(f.hd);
}

static void on_irq(void *arg, uint32_t vector)
{
	(void)arg;
	if (hal->irq_decode(f.hd, vector) & FERRY_HAL_IRQ_FAULT)
		(void)ferry_os_work_queue(&f.work);
}

/* ---- set up ---------------------------------------------------------------------------------------------- */

static void dma(size_t bytes, struct ferry_dma *out)
{
	check("dma", ferry_softdev_ops.dma_alloc(f.sd, bytes, out));
}

static void channel(uint32_t id, enum ferry_channel_kind kind)
{
	dma(RING_BYTES + FERRY_PAGE_SIZE, &f.ring[id]);
	check("channel",
	      hal->channel_create(f.hd, id, kind, f.ring[id].bus, ENTRIES, f.ring[id].bus + RING_BYTES, ASID));
}

/* Root, two directories, and a table for each piece. */
static void page_tables(void)
{
	uint64_t *root;

	dma((3 + PIECES) * FERRY_PAGE_SIZE, &f.tables);
	root = f.tables.cpu;
	root[VA >> 39 & 511] = hal->pde(f.tables.bus + FERRY_PAGE_SIZE);
	root[PAGE_WORDS + (VA >> 30 & 511)] = hal->pde(f.tables.bus + 2 * FERRY_PAGE_SIZE);
	for (uint32_t i = 0; i < PIECES; i++)
		root[2 * PAGE_WORDS + i] = hal->pde(f.tables.bus + (3 + i) * FERRY_PAGE_SIZE);
	check("asid", hal->asid_bind(f.hd, ASID, f.tables.bus));
}

/* The program of gpu_loop.h. */
static void program(void)
{
	static const uint64_t insns[4] = {0x0000000000001179ull, 0xffffffff00000207ull, 0x00000000fffd0255ull,
	                                  0x95ull};
	uint32_t at;

	dma(FERRY_PAGE_SIZE, &f.misc);
	memcpy(f.misc.cpu, insns, sizeof(insns));
	check("program", hal->program_load(f.hd, 0, f.misc.bus, 4, 2, &at));
	((uint64_t *)f.misc.cpu)[8] = VA;
	((uint64_t *)f.misc.cpu)[9] = PIECES;
}

static void up(void)
{
	const struct ferry_softdev_config config = {.vram_bytes = 64u << 20, .sms = 1, .caps = FG1_CAP_ALL};
	struct ferry_hal_info info;

	check("device", ferry_softdev_create(&config, &f.sd));
	f.hd = calloc(1, hal->dev_bytes);
	check("init", hal->init(f.hd, &ferry_softdev_ops, f.sd, &info));
	dma(ENTRIES * FERRY_HAL_CMD_BYTES, &f.faults);
	check("faults", hal->fault_buffer(f.hd, f.faults.bus, f.faults.cpu, ENTRIES));
	page_tables();
	channel(COPY, FERRY_CHANNEL_COPY);
	channel(COMPUTE, FERRY_CHANNEL_COMPUTE);
	program();
	f.home = mmap(NULL, PIECES * FERRY_BLOCK_SIZE, PROT_READ | PROT_WRITE,
	              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	check("home", f.home == MAP_FAILED);
	check("window", ferry_softdev_window_add(f.sd, f.home, PIECES * FERRY_BLOCK_SIZE));
	check("work", ferry_os_work_init(&f.work, serve, NULL));
	check("irq", ferry_softdev_ops.irq_enable(f.sd, on_irq, NULL));
	hal->fault_arm(f.hd);
}

static void down(void)
{
	ferry_softdev_ops.irq_disable(f.sd);
	ferry_os_work_fini(&f.work);
	hal->fini(f.hd);
	ferry_softdev_ops.dma_free(f.sd, &f.faults);
	ferry_softdev_ops.dma_free(f.sd, &f.tables);
	ferry_softdev_ops.dma_free(f.sd, &f.misc);
	for (uint32_t i = 0; i < CHANNELS; i++)
		ferry_softdev_ops.dma_free(f.sd, &f.ring[i]);
	ferry_softdev_destroy(f.sd);
	free(f.hd);
}

/* ---- rounds ---------------------------------------------------------------------------------------------- */

/* Nothing mapped, nothing in the TLB; the pages have just been written, on this thread. */
static void cold(void)
{
	for (uint32_t i = 0; i < PIECES; i++) {
		uint64_t *page = (uint64_t *)(f.home + i * FERRY_BLOCK_SIZE);

		memset(page, 1, FERRY_PAGE_SIZE);
		page[0] = VA + (i + 1) % PIECES * FERRY_BLOCK_SIZE;
		ferry_os_dma_store64(pte_of(i), 0);
	}
	hal->cmd_tlb_invalidate(slot(COPY), ASID, 0, 0);
	ring_bell(COPY);
	wait_done(COPY);
}

static double run(void)
{
	const struct ferry_launch_desc launch = {.arg_count = 2,
	                                         .grid = {1, 1, 1},
	                                         .block = {1, 1, 1},
	                                         .args_bus = f.misc.bus + 64,
	                                         .result_bus = f.misc.bus + 128};
	uint8_t *result = (uint8_t *)f.misc.cpu + 128;
	struct ferry_launch_result out;
	uint64_t start = bench_now_ns();

	memset(result, 0, FERRY_HAL_RESULT_BYTES);
	hal->cmd_launch(slot(COMPUTE), &launch);
	ring_bell(COMPUTE);
	while (!hal->launch_result(result, &out))
		ferry_os_relax();
	check("launch", out.error);
	wait_done(COMPUTE);
	return (double)(bench_now_ns() - start);
}

static void row(const char *id, bool copies)
{
	struct bench_row r = {.id = id, .unit = "ns"};
	double ns[ROUNDS];

	for (uint32_t i = 0; i < ROUNDS; i++) {
		double missing;

		f.copies = copies;
		cold();
		missing = run();
		ns[i] = (missing - run()) / PIECES;
	}
	r.ours = bench_median(ns, ROUNDS);
	bench_print(&r);
}

int main(void)
{
	up();
	row("fault-floor-4k", true);
	row("fault-floor-device", false); /* the frames have their pages from before */
	down();
	return 0;
}
