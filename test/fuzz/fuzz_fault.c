/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fuzz_fault.c - any bytes as entries of a device's fault buffer: each batch is answered by cancels and one replay,
 * what is served is right, and every invariant of the blocks holds.
 *
 *   byte 0         bit 0: two ranges, or one; bit 1: large pages; bit 2: host memory can be mapped
 *   then 8 bytes an entry: page (2 bytes, over the window and a little beyond), address space (1), access (1), kind
 * (1), high address bits (1), what the CPU or the host does between batches (1), end of the batch (1, odd)
 */
#include <stdlib.h>

#include "test/unit/core/rig.c"
#include "test/unit/core/rig_audit.c"
#include "test/unit/core/rig_external.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rig rig;

static void between(uint8_t what, uint32_t page)
{
	uint64_t value = page;

	page %= RIG_WINDOW_PAGES;
	switch (what & 7) {
	case 0:
		(void)rig_cpu_access(&rig, page, what & 8, &value);
		break;
	case 1:
		ferry_core_unmapped(rig.core, rig.vs, rig_va(page), (uint64_t)(what >> 3) << FERRY_PAGE_SHIFT);
		for (uint32_t i = page; i < page + (what >> 3) && i < RIG_WINDOW_PAGES; i++)
			rig.cpu_mapped[i] = rig.cpu_writable[i] = false;
		break;
	case 2:
		rig.zap_fails = what & 8;
		break;
	case 3:
		rig.host_pages_max = what & 8 ? 600 : UINT32_MAX / 2;
		break;
	default:
		break;
	}
}

static void entry(const uint8_t *e)
{
	struct rig_device *dev = &rig.dev[0];
	uint32_t page = e[0] | (uint32_t)(e[1] & 0x1f) << 8;
	uint64_t va = rig_va(page) | (uint64_t)e[5] << 40;

	if (dev->fault_count == RIG_FAULTS)
		return;
	rig_fault_push(&rig, 0, va, e[3]);
	dev->faults[dev->fault_count - 1].asid = e[2] & 0xf0 ? e[2] | 0xffff0000u * (e[2] & 1) : 0;
	dev->faults[dev->fault_count - 1].kind = e[4] & 0x80 ? e[4] : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t flags = size ? data[0] : 0;

	if (!rig.core)
		rig_up(&rig, 1, 2 * FERRY_BLOCK_SIZE, RIG_CAPS_ALL);
	rig_reopen(&rig);
	/* What the device can do may change between two processes: the core asks each time. */
	rig.core->devices[0]->info.caps = RIG_CAPS_ALL &
	                                  ~(flags & 2 ? 1u << FERRY_CAP_BIG_PAGES | 1u << FERRY_CAP_HUGE_PAGES : 0) &
	                                  ~(flags & 4 ? 1u << FERRY_CAP_HOST_MAP : 0);
	rig_join(&rig, 0);
	(void)rig_range(&rig, 0, 3 * FERRY_BLOCK_PAGES - 7);
	if (flags & 1)
		(void)rig_range(&rig, 4 * FERRY_BLOCK_PAGES, 33);
	for (size_t at = 1; at + 8 <= size; at += 8) {
		entry(data + at);
		if (data[at + 7] & 1) {
			rig_faults_deliver(&rig, 0);
			between(data[at + 6], data[at]);
		}
	}
	rig_faults_deliver(&rig, 0);
	rig_audit(&rig);
	return 0;
}
