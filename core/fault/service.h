/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * service.h - making pages accessible: what faults, prefetches and migrations come down to.
 *
 *   wanted pages of one block --> who may not have them (fatal) --> who has them already (duplicates)
 *      --> use from afar, or bring? --> what comes along (prefetch) --> frames --> move, map
 *
 * When frames run out, BLOCK is dropped, one block is evicted, and it starts over; first with all that would come
 * along, then with the wanted pages alone, at last by mapping host pages from afar. So it ends, served or with a
 * reason.
 *
 * Context: process; VA_SPACE held for reading, BLOCK not held.
 */
#ifndef FERRY_SERVICE_H
#define FERRY_SERVICE_H

#include "va/va_space.h"

struct ferry_service {
	struct ferry_bitmap read, write; /* in: wanted pages; write includes atomics */
	bool prefetch;                   /* in: neighbours may come along */
	bool move;                       /* in: using a page from afar is not good enough, if it can move */
	struct ferry_bitmap unmapped;    /* out: wanted but not there; read_only: may not be written; lost: died */
	struct ferry_bitmap read_only;
	struct ferry_bitmap lost;
	uint32_t duplicates; /* out: wanted pages that were accessible already */
	uint32_t served;     /* out: wanted pages made accessible */
};

/*
 * 0 also when pages are fatal: see the out fields. FERRY_E_PMM_FULL (nothing could leave), FERRY_E_HOST_FULL,
 * FERRY_E_BLOCK_NOMEM, FERRY_E_PAGE_TREE_NOMEM, FERRY_E_DEVICE_LOST, FERRY_E_HOST_MAP, FERRY_E_CPU_ZAP;
 * FERRY_E_HOST_PINNED: held by somebody outside, and the device cannot use host pages in place.
 */
int ferry_service_block(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t device,
                        struct ferry_service *service) FERRY_NEEDS_NOT(&block->lock);

/*
 * The same for one page that the device misses, where nothing is to be decided: the block is on no other device, no
 * policy and no neighbour has a say, nobody holds the page. It looks at one bit of each set. The caller holds the
 * device's ISR_SERVICE. true: served. false, also when something failed: ask ferry_service_block().
 */
bool ferry_service_page(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t device, uint32_t page, bool write)
	FERRY_NEEDS_NOT(&block->lock) FERRY_MUST_CHECK;

#endif /* FERRY_SERVICE_H */
