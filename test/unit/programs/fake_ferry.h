/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fake_ferry.h - the part of libferry that workloads use, without a driver: launches run at once, on this thread, on
 * the real interpreter (softgpu/), and the GPU's addresses are the process's own.
 *
 *     ferry_alloc() --> a range --+
 *                                 +--> fg1_mmu_walk(): inside a range? allowed? --> the same address
 *     ferry_launch() --> warps ---+
 *
 * An access outside every range, or a write to one that is read-only, dies as on the device, and the other threads go
 * on. Ranges have exactly the size asked for, so under a sanitizer an access beyond it shows although the page
 * is there.
 */
#ifndef FERRY_TEST_FAKE_FERRY_H
#define FERRY_TEST_FAKE_FERRY_H

#include "ferry/ferry.h"

/* Device memory that ferry_device_info() tells. One handle at a time is enough for tests. */
int fake_ferry_open(uint64_t vram_bytes, struct ferry **out);

/* The n-th next call of ferry_alloc, ferry_program_load_file or ferry_launch fails; 0 switches it off. */
void fake_ferry_fail_nth(struct ferry *f, uint64_t n);
/* Calls that can fail since the handle was opened. */
uint64_t fake_ferry_calls(const struct ferry *f);
/* Ranges and programs that are still there. */
uint64_t fake_ferry_live(const struct ferry *f);
/* After each launch, flip the lowest bit of the first byte of this allocation (from 0): a GPU that is wrong. -1:
 * never. */
void fake_ferry_corrupt(struct ferry *f, int allocation);

#endif /* FERRY_TEST_FAKE_FERRY_H */
