/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * host.h - what the simulator's host keeps for a run, beside the fibers.
 */
#ifndef FERRY_SIM_HOST_H
#define FERRY_SIM_HOST_H

#include "ferry/os.h"

#define HOST_IRQS 64u

struct host_irq {
	void (*fn)(void *arg, uint32_t vector);
	void *arg;
	uint32_t vector;
};

struct sim_host {
	struct ferry_os_work *line; /* pending work, oldest first */
	uint64_t idle_workers;
	struct ferry_os_timer *timers;
	struct host_irq irqs[HOST_IRQS];
	uint32_t irq_head, irq_tail;
	bool irq_asleep;
	struct sim_fiber *irq;
};

extern struct sim_host host;

/* When the next timer is due (0: none), and queue what is due now. */
uint64_t host_next_timer(void);
void host_timers_due(void);

#endif /* FERRY_SIM_HOST_H */
