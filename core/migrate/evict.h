/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * evict.h - making room on a device: the block longest untouched goes home.
 *
 * The caller holds no BLOCK (the operation EVICT says so), since the victim's is taken; it may hold its own VA_SPACE
 * for reading, since the victim's is not needed: eviction looks at frames and blocks, never at ranges or the CPU's
 * mm.
 */
#ifndef FERRY_EVICT_H
#define FERRY_EVICT_H

#include "gpu/device.h"
#include "va/block.h"

/*
 * Evict one block. keep (may be NULL) is not chosen. 0; FERRY_E_PMM_FULL: nobody can leave now; FERRY_E_DEVICE_LOST,
 * or what move home says.
 */
int ferry_evict_one(struct ferry_ctx *ctx, struct ferry_device *gpu, struct ferry_block_gpu *keep)
	FERRY_NEEDS_NOT(&keep->block->lock);

#endif /* FERRY_EVICT_H */
