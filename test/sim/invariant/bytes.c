/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bytes.c - every byte is what a memory without a driver would hold: each counter of each page is how often its
 * writer has added to it. Of pages on which an addition failed it may be less by what failed, never more.
 */
#include "invariant.h"

static void check_counter(uint32_t page, uint32_t writer)
{
	uint64_t *at = (uint64_t *)(void *)(world->host + (uint64_t)page * FERRY_PAGE_SIZE + writer * 64u);
	uint32_t want = world->added[page][writer];

	if (*at == want || (world->maybe_added[page] && *at >= want && *at <= want + 16))
		return;
	sim_fail("wrong: page %u, counter %u is %llu, and %u were added", page, writer, (unsigned long long)*at,
	         want);
}

static bool touched(uint32_t page)
{
	uint32_t any = 0;

	/* All of them: most pages have none. */
	for (uint32_t w = 0; w < WORLD_WRITERS; w++)
		any |= world->added[page][w];
	return any != 0;
}

void invariant_bytes(void)
{
	for (uint32_t page = 0; page < WORLD_PAGES; page++) {
		int err;

		if (!touched(page) || world->gone[page])
			continue;
		err = world_cpu_look(page);
		/* A device that was lost took with it what only it had. */
		if (err == FERRY_E_DEVICE_LOST && world->device_lost)
			continue;
		sim_check(!err, "page %u cannot be read: %d", page, err);
		for (uint32_t w = 0; w < WORLD_WRITERS; w++)
			check_counter(page, w);
	}
}
