/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * move.h - changing where a block's pages live. The rules of block.h, as the only two transitions there are:
 *
 *   to_device   pages get current bytes in frames; readers share with the host, writers become the only holder
 *   home        pages get current bytes in host pages; devices keep a read-only copy (share) or leave
 *
 * Both first take away whatever mapping could change the source, then copy, then change the maps of residency, then
 * map. So at every return, error or not, each page has its bytes somewhere and nobody can reach stale ones.
 * Context: process, BLOCK held. FERRY_E_DEVICE_LOST, FERRY_E_HOST_MAP, FERRY_E_CPU_ZAP, FERRY_E_HOST_FULL.
 */
#ifndef FERRY_MOVE_H
#define FERRY_MOVE_H

#include "va/block.h"

/*
 * read and write are disjoint, valid, populated and framed. Maps them; but for those that somebody outside holds
 * (mm_ops host_pinned), which stay at home, mapped nowhere: pinned (out).
 */
int ferry_move_to_device(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *read,
                         const struct ferry_bitmap *write, struct ferry_bitmap *pinned) FERRY_NEEDS(&bg->block->lock);

/*
 * The same for one page that is on no device, of a block that is on this device only, not read-mostly; frame and all.
 * The caller holds the device's ISR_SERVICE. FERRY_E_PMM_FULL, FERRY_E_HOST_PINNED (it stays), and as above.
 */
int ferry_move_page_to_device(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, uint32_t page, bool write)
	FERRY_NEEDS(&bg->block->lock);

/*
 * Bring pages home. from: one device only, or NULL for all. share: devices keep read-only copies. Pages that no
 * device has are left alone. A device with nothing left gives its frames back.
 */
int ferry_move_home(struct ferry_ctx *ctx, struct ferry_block *block, const struct ferry_bitmap *pages,
                    struct ferry_block_gpu *from, bool share) FERRY_NEEDS(&block->lock);

/*
 * Frames for pages, without evicting: a whole root when most of the block is wanted, else 64 KiB pieces where a group
 * is, else single frames. FERRY_E_PMM_FULL: what was had stays reserved.
 */
int ferry_move_reserve(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
	FERRY_NEEDS(&bg->block->lock);

#endif /* FERRY_MOVE_H */
