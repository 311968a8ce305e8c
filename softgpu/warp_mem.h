/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * warp_mem.h - loads, stores and atomics of a warp; between warp*.c only.
 *
 *   lanes at the instruction --> mmu --> page there ------> access done, lane retires
 *                                  |---> page missing ----> nothing changed; the lane joins stalls[] of that page
 *                                  '---> no such address -> trap: no lane of this instruction does anything
 */
#ifndef FERRY_FG1_WARP_MEM_H
#define FERRY_FG1_WARP_MEM_H

#include "program.h"
#include "warp.h"

/*
 * LOAD, STORE or ATOMIC for the lanes of mask (not empty). *retired: those that did it; the others are in stalls[],
 * and the caller moves them to the stalled state. Calls fg1_mmu_sync first. 0, or a trap code: then nothing was
 * changed and *retired is not written.
 */
uint64_t fg1_warp_mem(struct fg1_warp *warp, struct fg1_mmu *mmu, const struct fg1_insn *insn, uint32_t mask,
                      uint32_t *retired);

#endif /* FERRY_FG1_WARP_MEM_H */
