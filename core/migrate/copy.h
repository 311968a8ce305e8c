/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * copy.h - moving the bytes of a block's pages between host pages and frames, with a copy engine.
 *
 * Pages go in runs as long as both sides allow. Each function pushes all of its runs at once and waits for one fence;
 * when it returns an error nothing is promised about the destination, and the source is as it was: the caller leaves
 * residency alone. BLOCK held; nobody can write the source (the caller has seen to that).
 */
#ifndef FERRY_COPY_H
#define FERRY_COPY_H

#include "va/block.h"

/*
 * Fill the frames of pages: from the host page where the host has the bytes, with zeros elsewhere. All are framed and
 * populated. FERRY_E_DEVICE_LOST, FERRY_E_HOST_MAP.
 */
int ferry_copy_to_device(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
	FERRY_NEEDS(&bg->block->lock);

/* The same for one page; the caller holds the device's ISR_SERVICE. */
int ferry_copy_page_to_device(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, uint32_t page)
	FERRY_NEEDS(&bg->block->lock);

/* Frames to host pages. All are framed and populated. FERRY_E_DEVICE_LOST, FERRY_E_HOST_MAP. */
int ferry_copy_to_host(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
	FERRY_NEEDS(&bg->block->lock);

#endif /* FERRY_COPY_H */
