/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * block_map.h - a block's mappings: on the CPU through mm_ops, on a device through its page table.
 *
 * All functions: BLOCK held, process context. Page tables are written in runs; pages are grouped by 64 KiB so that an
 * aligned whole group becomes one big page, and a whole block one 2 MiB leaf.
 */
#ifndef FERRY_BLOCK_MAP_H
#define FERRY_BLOCK_MAP_H

#include "va/block.h"

/*
 * Map pages on the device at their frames (remote: at their host pages), and allow writing for those in write. Pages
 * that are mapped already are raised, or moved after an invalidate. FERRY_E_HOST_MAP, FERRY_E_DEVICE_LOST.
 */
int ferry_block_map_gpu(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages,
                        const struct ferry_bitmap *write, bool remote) FERRY_NEEDS(&bg->block->lock);

/* The same for one page that is not mapped, at its frame. */
void ferry_block_map_gpu_page(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, uint32_t page, bool write)
	FERRY_NEEDS(&bg->block->lock);

/* Unmap; when it returns no access of the device is under way. FERRY_E_DEVICE_LOST. */
int ferry_block_unmap_gpu(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
	FERRY_NEEDS(&bg->block->lock);

/*
 * The same for all of the block, and its page table is out of the tree: what an access under way may still read of it
 * must not become somebody else's before this returns. FERRY_E_DEVICE_LOST.
 */
int ferry_block_unhook_gpu(struct ferry_ctx *ctx, struct ferry_block_gpu *bg) FERRY_NEEDS(&bg->block->lock);

/* Take write permission; as unmap. */
int ferry_block_protect_gpu(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
	FERRY_NEEDS(&bg->block->lock);

/*
 * Take CPU mappings (write permission; where the host cannot, then the mapping with it) of pages; only those that are
 * mapped cost anything. FERRY_E_CPU_ZAP.
 */
int ferry_block_zap_cpu(struct ferry_block *block, const struct ferry_bitmap *pages) FERRY_NEEDS(&block->lock);
int ferry_block_protect_cpu(struct ferry_block *block, const struct ferry_bitmap *pages) FERRY_NEEDS(&block->lock);
int ferry_block_zap_cpu_page(struct ferry_block *block, uint32_t page) FERRY_NEEDS(&block->lock);
/* Map populated pages for the CPU. FERRY_E_CPU_INSERT, FERRY_E_BUSY (nothing is promised; the CPU asks again). */
int ferry_block_map_cpu(struct ferry_block *block, const struct ferry_bitmap *pages, bool write)
	FERRY_NEEDS(&block->lock);

/*
 * Which of pages somebody outside holds: they have to stay where they are. The CPU cannot write to
 * pages now. */
void ferry_block_pinned(const struct ferry_block *block, const struct ferry_bitmap *pages, struct ferry_bitmap *out)
	FERRY_NEEDS(&block->lock);

/* Host pages behind all of these exist. FERRY_E_HOST_FULL. */
int ferry_block_populate(struct ferry_block *block, const struct ferry_bitmap *pages) FERRY_NEEDS(&block->lock);

#endif /* FERRY_BLOCK_MAP_H */
