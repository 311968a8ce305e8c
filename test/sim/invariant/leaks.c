/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * leaks.c - nothing leaks: when the core is gone, so is all that it had allocated.
 */
#include "invariant.h"

#define EVERY 32u

void invariant_leaks(void)
{
	uint64_t others;

	world_end();
	others = world->allocs_before;
	sim_check(sim_live_allocs() == others, "%llu allocations are left",
	          (unsigned long long)(sim_live_allocs() - others));
}

void invariant_leaks_at_times(void)
{
	if (!sim.why[0] && sim.hash % EVERY == 0)
		invariant_leaks();
}
