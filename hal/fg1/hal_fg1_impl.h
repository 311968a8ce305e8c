/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * hal_fg1_impl.h - what the two files of the FG-1 HAL share, and what its tests look into. The contract of every
 * function is in core/gpu/hal.h.
 */
#ifndef FERRY_HAL_FG1_IMPL_H
#define FERRY_HAL_FG1_IMPL_H

#include "hal_fg1.h"
#include "ferry/fg1.h"

#define HAL_FG1_LOOK_NS 1000000ull /* how often a waiting command asks whether the device is still there */

struct hal_fg1 {
	const struct ferry_dev_ops *ops;
	void *dev;
	struct ferry_dma status; /* the device writes, we read */
	uint64_t control_ns;     /* limit of a wait; 0 = HAL_FG1_CONTROL_NS. Tests shorten it */
	uint32_t sequence;       /* DEVICE_CONTROL; of the last control command */
	/* DEVICE_CONTROL to change, while no fault is served; the rest ISR_SERVICE */
	const uint8_t *faults; /* NULL: off */
	uint32_t fault_entries, fault_entries_lg2;
	struct ferry_os_atomic faults_taken; /* free-running; written under ISR_SERVICE */
	uint64_t faults_dropped;             /* the device's count when we last looked */
};

void ferry_hal_fg1_cmd_copy(void *slot, enum ferry_aperture dst_ap, uint64_t dst, enum ferry_aperture src_ap,
                            uint64_t src, uint64_t size_bytes);
void ferry_hal_fg1_cmd_fill(void *slot, enum ferry_aperture ap, uint64_t dst, uint64_t pattern, uint64_t size_bytes);
void ferry_hal_fg1_cmd_fence(void *slot, uint64_t bus, uint64_t value, bool irq);
void ferry_hal_fg1_cmd_tlb_invalidate(void *slot, uint32_t asid, uint64_t va, uint64_t size_bytes);
void ferry_hal_fg1_cmd_replay(void *slot);
void ferry_hal_fg1_cmd_cancel(void *slot, const struct ferry_fault *fault, uint32_t reason);
void ferry_hal_fg1_cmd_launch(void *slot, const struct ferry_launch_desc *desc);
bool ferry_hal_fg1_launch_result(const void *record, struct ferry_launch_result *out);
uint64_t ferry_hal_fg1_pte(enum ferry_aperture ap, uint64_t address, enum ferry_access allow, uint32_t page_shift);
uint64_t ferry_hal_fg1_pde(uint64_t table_bus);

#endif /* FERRY_HAL_FG1_IMPL_H */
