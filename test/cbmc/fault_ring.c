/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fault_ring.c - the fault buffer across its wrap: softgpu/fault.c writes, hal/fg1/hal_fg1.c fetches, both as they
 * are. Rings of 1, 2 and 4 entries (LG2), any free-running numbers, any contents.
 */
#include "world.h"
#include "gpu.h"
#include "hal_fg1_impl.h"

#ifndef LG2
#define LG2 1
#endif
#define ENTRIES_MAX (1u << LG2)

static uint8_t ring[ENTRIES_MAX * FG1_FAULT_BYTES] __attribute__((aligned(64)));
static uint8_t page[FERRY_PAGE_SIZE] __attribute__((aligned(64)));
static struct fg1 gpu;
static struct hal_fg1 hal;
static struct ferry_fault out[ENTRIES_MAX + 1];

static uint64_t said_get;

static void reg_write64(void *dev, uint32_t offset, uint64_t v)
{
	(void)dev;
	prove(offset == FG1_REG_FAULT_GET);
	said_get = v;
}

static const struct ferry_dev_ops ops = {.reg_write = reg_write64};

bool fg1_knob_draw(struct fg1 *g, enum fg1_knob knob)
{
	(void)g;
	(void)knob;
	return any_bool(); /* every fault once or twice */
}

/* Word i of an entry. */
static uint64_t *word(uint64_t index, uint32_t i)
{
	return (uint64_t *)(void *)(ring + index * FG1_FAULT_BYTES) + i;
}

static uint32_t setup(uint64_t number)
{
	uint32_t lg2 = LG2;

	/* One short of a wrap of 64 bits: at 2^64 / entries laps the number of a lap would be 0. */
	assume(number < UINT64_MAX - 64);
	hal.ops = &ops;
	hal.faults = ring;
	hal.fault_entries = 1u << lg2;
	hal.fault_entries_lg2 = lg2;
	hal.faults_taken.v = number;
	hal.status.cpu = page;
	gpu.fault.ring = ring;
	gpu.fault.entries_lg2 = lg2;
	return lg2;
}

/* Goal: whatever a device writes, a fetch reads inside the ring, and takes no more than was asked for. */
void prove_fetch_any(void)
{
	uint64_t taken = any_u64(), dropped;
	uint32_t max = any_u32(), n;

	setup(taken);
	for (uint32_t i = 0; i < ENTRIES_MAX; i++)
		for (uint32_t w = 0; w < 8; w++)
			*word(i, w) = any_u64();
	assume(max <= ENTRIES_MAX + 1);
	n = ferry_hal_fg1.fault_fetch(&hal, out, max, &dropped);
	prove(n <= max && n <= hal.fault_entries);
	prove(hal.faults_taken.v == taken + n && (n == 0 || said_get == taken + n));
	for (uint32_t i = 0; i < n; i++)
		prove(out[i].va % FERRY_PAGE_SIZE == 0 && out[i].access <= FERRY_ACCESS_ATOMIC);
}

/*
 * Goal: what the device reports is fetched: all of it, in order, nothing twice and nothing of an earlier lap.
 * Method: taken and put anywhere, the ring as laps of both leave it; up to two reports, then one fetch.
 */
void prove_report_fetch(void)
{
	uint64_t put = any_u64(), pending = any_u64(), dropped;
	struct fg1_fault fault = {.asid = any_u32(), .page_va = any_u64(), .id = any_u64()};
	uint32_t lg2 = setup(put), n;

	/* Numbers of 64 bits are beyond the solver; these wrap the ring often enough. */
	assume(put >= 64 && put < 256 && pending <= 1ull << lg2 && (fault.page_va & 0xfff) == 0);
	gpu.fault.put = put;
	gpu.fault.get = put - pending;
	hal.faults_taken.v = put - pending;
	/* Each place holds the lap of the last number that was written there. */
	for (uint64_t i = 0; i < ENTRIES_MAX; i++) {
		uint64_t number = put - 1 - i;

		*word(number & ((1ull << lg2) - 1), FG1_FAULT_W_VALID) = (number >> lg2) + 1;
	}
	fg1_fault_report(&gpu, &fault);
	prove(gpu.fault.put - gpu.fault.get <= 1ull << lg2);
	n = ferry_hal_fg1.fault_fetch(&hal, out, ENTRIES_MAX + 1, &dropped);
	prove(n == gpu.fault.put - gpu.fault.get);
	prove(hal.faults_taken.v == gpu.fault.put && said_get == gpu.fault.put * (n != 0));
	prove(gpu.fault.put - put + gpu.fault.dropped >= 1);
	if (n > pending)
		prove(out[pending].va == fault.page_va && out[pending].asid == fault.asid &&
		      out[pending].id == fault.id);
}
