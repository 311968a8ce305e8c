/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* hal_fg1_encode.c - commands, result records, page-table entries: pure translation (docs/fg1.md sections 4, 5, 8).
 */
#include "hal_fg1_impl.h"

/* One slot: eight words, unused ones zero. */
static void put(void *slot, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
	uint64_t *w = slot;

	ferry_os_dma_store64(&w[0], w0);
	ferry_os_dma_store64(&w[1], w1);
	ferry_os_dma_store64(&w[2], w2);
	ferry_os_dma_store64(&w[3], w3);
	for (uint32_t i = 4; i < FG1_CMD_WORDS; i++)
		ferry_os_dma_store64(&w[i], 0);
}

void ferry_hal_fg1_cmd_copy(void *slot, enum ferry_aperture dst_ap, uint64_t dst, enum ferry_aperture src_ap,
                            uint64_t src, uint64_t size_bytes)
{
	put(slot, FG1_OP_COPY | (uint64_t)dst_ap << FG1_DST_SHIFT | (uint64_t)src_ap << FG1_SRC_SHIFT, dst, src,
	    size_bytes);
}

void ferry_hal_fg1_cmd_fill(void *slot, enum ferry_aperture ap, uint64_t dst, uint64_t pattern, uint64_t size_bytes)
{
	put(slot, FG1_OP_FILL | (uint64_t)ap << FG1_DST_SHIFT, dst, pattern, size_bytes);
}

void ferry_hal_fg1_cmd_fence(void *slot, uint64_t bus, uint64_t value, bool irq)
{
	put(slot, FG1_OP_SEM_RELEASE | (irq ? FG1_SEM_IRQ : 0), bus, value, 0);
}

void ferry_hal_fg1_cmd_tlb_invalidate(void *slot, uint32_t asid, uint64_t va, uint64_t size_bytes)
{
	put(slot, FG1_OP_TLB_INVALIDATE, asid, va, size_bytes);
}

void ferry_hal_fg1_cmd_replay(void *slot)
{
	put(slot, FG1_OP_FAULT_REPLAY, 0, 0, 0);
}

void ferry_hal_fg1_cmd_cancel(void *slot, const struct ferry_fault *fault, uint32_t reason)
{
	put(slot, FG1_OP_FAULT_CANCEL, fault->id, fault->va, reason);
}

void ferry_hal_fg1_cmd_launch(void *slot, const struct ferry_launch_desc *d)
{
	uint64_t *w = slot;

	put(slot, FG1_OP_LAUNCH, d->slot | (uint64_t)d->arg_count << 32, d->grid[0] | (uint64_t)d->grid[1] << 32,
	    d->grid[2] | (uint64_t)d->block[0] << 32);
	ferry_os_dma_store64(&w[4], d->block[1] | (uint64_t)d->block[2] << 32);
	ferry_os_dma_store64(&w[5], d->args_bus);
	ferry_os_dma_store64(&w[6], d->result_bus);
	ferry_os_dma_store64(&w[7], d->budget);
}

/* The reason of a cancel is the core's own error code; the device passes it back. 0 is the device's own cancel. */
static int fault_error(uint64_t reason)
{
	return reason && reason < FERRY_ERROR_COUNT ? (int)reason : FERRY_E_FAULT_UNMAPPED;
}

static int launch_error(uint64_t status, uint64_t reason)
{
	switch (status) {
	case FG1_LAUNCH_OK:
		return 0;
	case FG1_LAUNCH_FAULT:
		return fault_error(reason);
	case FG1_LAUNCH_TRAP:
		return FERRY_E_LAUNCH_TRAP;
	case FG1_LAUNCH_BUDGET:
		return FERRY_E_LAUNCH_BUDGET;
	case FG1_LAUNCH_KILLED:
		return FERRY_E_LAUNCH_KILLED;
	default: /* no device we know writes that */
		return FERRY_E_DEVICE_LOST;
	}
}

bool ferry_hal_fg1_launch_result(const void *record, struct ferry_launch_result *out)
{
	const uint8_t *r = record;
	uint64_t status = ferry_os_dma_load64(r + FG1_RESULT_STATUS);
	uint64_t access;

	if (status == FG1_LAUNCH_RUNNING)
		return false;
	ferry_os_dma_rmb(); /* pairs with the device writing STATUS last */
	access = ferry_os_dma_load64(r + FG1_RESULT_ACCESS);
	out->reason = ferry_os_dma_load64(r + FG1_RESULT_REASON);
	out->error = launch_error(status, out->reason);
	out->access = access <= FERRY_ACCESS_ATOMIC ? (uint32_t)access : FERRY_ACCESS_ATOMIC;
	out->fault_va = ferry_os_dma_load64(r + FG1_RESULT_FAULT_VA);
	out->lanes = ferry_os_dma_load64(r + FG1_RESULT_LANES);
	out->insns = ferry_os_dma_load64(r + FG1_RESULT_INSNS);
	return true;
}

uint64_t ferry_hal_fg1_pte(enum ferry_aperture ap, uint64_t address, enum ferry_access allow, uint32_t page_shift)
{
	uint64_t pte = FG1_PTE_VALID | FG1_PTE_LEAF | (address & FG1_PTE_ADDR);

	if (!FERRY_ASSERT(ap == FERRY_APERTURE_HOST || ap == FERRY_APERTURE_DEVICE))
		return 0; /* an invalid entry: the access faults */
	if (ap == FERRY_APERTURE_DEVICE)
		pte |= FG1_PTE_DEVICE;
	if (allow >= FERRY_ACCESS_WRITE)
		pte |= FG1_PTE_WRITE;
	if (allow >= FERRY_ACCESS_ATOMIC)
		pte |= FG1_PTE_ATOMIC;
	if (page_shift == FERRY_BIG_SHIFT)
		pte |= FG1_PTE_CONT;
	return pte;
}

uint64_t ferry_hal_fg1_pde(uint64_t table_bus)
{
	return FG1_PTE_VALID | (table_bus & FG1_PTE_ADDR);
}
