/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mappings.c - no stale mapping: what a device's page tables and its TLB let it reach is what the core believes.
 */
#include "invariant.h"
#include "core_impl.h"
#include "gpu/device.h"
#include "va/block.h"
#include "va/va_space.h"

#define EVERY 16u
#define FEW 16u

/* Of each block the pages that stories touch; all pages in one run of EVERY. */
void invariant_mappings(void)
{
	uint32_t pages = sim.hash % EVERY ? FEW : FERRY_BLOCK_PAGES;

	for (uint32_t n = 0; n < WORLD_BLOCKS; n++) {
		struct ferry_block *b = ferry_va_space_peek(world->vs, world_va(n * FERRY_BLOCK_PAGES));

		for (uint32_t d = 0; b && d < world->devices; d++) {
			struct ferry_block_gpu *g = b->on[d];

			for (uint32_t i = 0; g && i < pages; i++)
				world_check_mapping(d, n * FERRY_BLOCK_PAGES + i, ferry_bitmap_test(&g->mapped, i),
				                    ferry_bitmap_test(&g->writable, i));
		}
	}
}

void invariants(void)
{
	invariant_locks();
	invariant_owner();
	invariant_mappings();
	invariant_bytes();
}
