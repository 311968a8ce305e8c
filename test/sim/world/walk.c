/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * walk.c - what a device can reach: a walk of the page tables that the driver wrote, and a look into its TLBs.
 */
#include "gpu.h"
#include "world.h"
#include "world_impl.h"

#include "core_impl.h"
#include "gpu/device.h"
#include "va/block.h"
#include "va/va_space.h"

static struct fg1_mmu scratch;

static uint8_t *walk(struct world_device *d, uint32_t asid, uint64_t va, uint32_t access)
{
	uint32_t kind;

	if (scratch.gpu != d->gpu)
		fg1_mmu_init(&scratch, d->gpu, 0);
	return fg1_mmu_walk(&scratch, asid, va, access, &kind);
}

/* What an SM's TLB still holds after all invalidates that it knows of is what a walk would find. */
static void check_tlb(struct world_device *d, struct fg1_mmu *mmu, uint32_t asid, uint64_t va, uint32_t page)
{
	struct fg1_tlb_entry *e = &mmu->tlb[fg1_mmu_slot(asid, va >> FERRY_PAGE_SHIFT)];

	fg1_mmu_sync(mmu);
	if (e->page != (va >> FERRY_PAGE_SHIFT) + 1 || e->asid != asid)
		return;
	sim_check(e->memory == walk(d, asid, va, FERRY_ACCESS_READ), "a TLB holds page %u, which is not mapped there",
	          page);
	sim_check(!(e->allow >> FERRY_ACCESS_WRITE & 1) || walk(d, asid, va, FERRY_ACCESS_WRITE),
	          "a TLB lets the device write to page %u, which is read-only", page);
}

static void check_mapping(struct world_device *d, uint32_t asid, uint32_t page, bool mapped, bool writable)
{
	uint64_t va = world_va(page);
	bool walks;

	walks = walk(d, asid, va, FERRY_ACCESS_READ) != NULL;
	sim_check(walks == mapped, "page %u: the core believes %s, the page tables say %s", page,
	          mapped ? "mapped" : "not mapped", walks ? "mapped" : "not mapped");
	if (mapped)
		sim_check((walk(d, asid, va, FERRY_ACCESS_WRITE) != NULL) == writable,
		          "page %u: the core and the page tables differ on writing", page);
	for (uint32_t i = 0; i < d->sms; i++)
		check_tlb(d, &d->gpu->sms[i]->mmu, asid, va, page);
}

void world_check_mapping(uint32_t device, uint32_t page, bool mapped, bool writable)
{
	struct world_device *d = &world->dev[device];
	struct ferry_va_gpu *g = world->vs->joined[device];

	if (!g || fg1_knob_get(d->gpu, FG1_KNOB_OFF_BUS) || world->device_lost)
		return;
	world_device_hold(d);
	check_mapping(d, g->asid, page, mapped, writable);
	world_device_unhold(d);
}
