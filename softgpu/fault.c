/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fault.c - the fault buffer: a ring in host memory that the device fills and the driver empties.
 *
 *        get (driver, by register)         put (device, also in the status page)
 *         v                                 v
 *   [ .. | lap n entry | lap n entry | ... | lap n-1 entry | ... ]      room = entries - (put - get)
 *
 * An entry is valid when its last word holds the lap of the index the driver expects there; the device writes that
 * word last. A full buffer drops entries and counts them; their stalls are reported again after a replay.
 */
#include "gpu.h"

static uint64_t room(const struct fg1 *gpu)
{
	const struct fg1_fault_buffer *fb = &gpu->fault;
	uint64_t entries = 1ull << fb->entries_lg2;
	uint64_t knob = fg1_knob(gpu, FG1_KNOB_FAULT_ENTRIES);

	if (knob && knob < entries)
		entries = knob;
	return fb->put - fb->get < entries ? entries - (fb->put - fb->get) : 0;
}

/* fault.lock held, there is room. */
static void write_entry(struct fg1 *gpu, const struct fg1_fault *fault)
{
	struct fg1_fault_buffer *fb = &gpu->fault;
	uint64_t index = fb->put & ((1ull << fb->entries_lg2) - 1);
	uint64_t *w = (uint64_t *)(void *)(fb->ring + index * FG1_FAULT_BYTES);

	ferry_os_dma_store64(&w[FG1_FAULT_W_VA],
	                     fault->page_va | fault->access | (uint64_t)fault->kind << FG1_FAULT_KIND_SHIFT);
	ferry_os_dma_store64(&w[FG1_FAULT_W_SPACE], fault->asid | (uint64_t)fault->engine << 32);
	ferry_os_dma_store64(&w[FG1_FAULT_W_ID], fault->id);
	ferry_os_dma_store64(&w[FG1_FAULT_W_LANES], fault->lanes | (uint64_t)fault->warp_slot << 32);
	ferry_os_dma_store64(&w[FG1_FAULT_W_TIME], ferry_os_now_ns());
	ferry_os_dma_store64(&w[FG1_FAULT_W_CHANNEL], fault->channel);
	ferry_os_dma_wmb();
	ferry_os_dma_store64(&w[FG1_FAULT_W_VALID], (fb->put >> fb->entries_lg2) + 1);
	fb->put++;
	if (gpu->status)
		ferry_os_dma_store64(gpu->status + FG1_STATUS_FAULT_PUT, fb->put);
}

void fg1_fault_report(struct fg1 *gpu, const struct fg1_fault *fault)
{
	struct fg1_fault_buffer *fb = &gpu->fault;
	uint32_t copies = fg1_knob_draw(gpu, FG1_KNOB_FAULT_DOUBLE) ? 2 : 1;

	ferry_os_spin_lock(&fb->lock);
	for (; copies; copies--) {
		if (fb->ring && room(gpu)) {
			write_entry(gpu, fault);
			continue;
		}
		fb->dropped++;
		if (gpu->status)
			ferry_os_dma_store64(gpu->status + FG1_STATUS_FAULT_DROPPED, fb->dropped);
	}
	ferry_os_spin_unlock(&fb->lock);
}

bool fg1_fault_wanted(struct fg1 *gpu)
{
	struct fg1_fault_buffer *fb = &gpu->fault;
	bool wanted;

	ferry_os_spin_lock(&fb->lock);
	wanted = fb->armed && fb->put != fb->get;
	if (wanted)
		fb->armed = false;
	ferry_os_spin_unlock(&fb->lock);
	return wanted;
}

void fg1_fault_get(struct fg1 *gpu, uint64_t get)
{
	struct fg1_fault_buffer *fb = &gpu->fault;

	ferry_os_spin_lock(&fb->lock);
	if (get - fb->get <= fb->put - fb->get) /* only forward, and not past PUT */
		fb->get = get;
	ferry_os_spin_unlock(&fb->lock);
}

bool fg1_fault_arm(struct fg1 *gpu)
{
	struct fg1_fault_buffer *fb = &gpu->fault;
	bool now;

	ferry_os_spin_lock(&fb->lock);
	now = fb->put != fb->get;
	fb->armed = !now;
	ferry_os_spin_unlock(&fb->lock);
	return now;
}

void fg1_fault_configure(struct fg1 *gpu, uint8_t *ring, uint32_t entries)
{
	struct fg1_fault_buffer *fb = &gpu->fault;

	ferry_os_spin_lock(&fb->lock);
	fb->ring = ring;
	fb->entries_lg2 = entries ? ferry_os_ctz64(entries) : 0;
	fb->put = 0;
	fb->get = 0;
	fb->dropped = 0;
	fb->armed = false;
	if (ring) /* laps of an earlier use must not look valid */
		for (uint32_t i = 0; i < entries; i++)
			ferry_os_dma_store64(ring + (size_t)i * FG1_FAULT_BYTES + 8 * FG1_FAULT_W_VALID, 0);
	if (gpu->status) {
		ferry_os_dma_store64(gpu->status + FG1_STATUS_FAULT_PUT, 0);
		ferry_os_dma_store64(gpu->status + FG1_STATUS_FAULT_DROPPED, 0);
	}
	ferry_os_spin_unlock(&fb->lock);
}
