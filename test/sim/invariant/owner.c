/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * owner.c - one owner per page: who may write to a page has the only copy that anybody can see.
 */
#include "invariant.h"
#include "core_impl.h"
#include "gpu/device.h"
#include "va/block.h"
#include "va/va_space.h"

static void check_page(struct ferry_block *b, uint32_t i, uint32_t page)
{
	uint32_t copies = ferry_bitmap_test(&b->host, i), writers = world->writable[page];

	for (uint32_t d = 0; d < world->devices; d++) {
		struct ferry_block_gpu *g = b->on[d];

		if (!g)
			continue;
		copies += ferry_bitmap_test(&g->resident, i);
		/* Who writes from afar writes to the host's copy. */
		if (ferry_bitmap_test(&g->writable, i) && !ferry_bitmap_test(&g->remote, i))
			writers++;
	}
	sim_check(!writers || copies == 1, "page %u can be written to, and has %u copies", page, copies);
	sim_check(writers <= 1, "page %u has %u writers", page, writers);
	sim_check(!world->mapped[page] || ferry_bitmap_test(&b->host, i),
	          "the CPU has page %u mapped, whose bytes are elsewhere", page);
}

void invariant_owner(void)
{
	for (uint32_t n = 0; n < WORLD_BLOCKS; n++) {
		struct ferry_block *b = ferry_va_space_peek(world->vs, world_va(n * FERRY_BLOCK_PAGES));

		for (uint32_t i = 0; b && i < FERRY_BLOCK_PAGES; i++)
			check_page(b, i, n * FERRY_BLOCK_PAGES + i);
	}
}
