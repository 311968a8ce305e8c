/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * locks.c - at the edge nothing is held: no visitor in the gate, no violation counted, no interrupt service under
 * way.
 */
#include "invariant.h"
#include "core_impl.h"
#include "gpu/device.h"

void invariant_locks(void)
{
	sim_check(ferry_gate_visitors(&world->core->gate) == 0, "somebody is still inside the gate");
	for (uint32_t d = 0; d < world->devices; d++) {
		struct ferry_device *gpu = world->core->devices[d];

		sim_check(sim_sem_is_up(&gpu->isr.os), "interrupt service of device %u was never given back", d);
	}
}
