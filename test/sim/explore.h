/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * explore.h - every schedule of a small story, or one of each kind.
 *
 *     DFS     every schedule with at most bound preemptions (leaving a fiber that could go on)
 *     DPOR    one schedule at least of each trace: two steps that touch different objects may change places, and only
 *             one order of them is run. With sleep sets, so that few runs are begun in vain
 *
 * A step touches the one object that sim_point() names. A story that shares anything else between its fibers says so
 * with sim_step(). Nothing goes wrong by chance here: memory is there, interrupts come.
 *
 * Source: Flanagan, Godefroid, POPL 2005; Godefroid's sleep sets.
 */
#ifndef FERRY_SIM_EXPLORE_H
#define FERRY_SIM_EXPLORE_H

#include "sim.h"

#define EXPLORE_ALL UINT32_MAX

struct explore_result {
	uint64_t runs, pruned, steps;
	uint64_t traces;   /* of different order of steps per object; 0: more than are counted */
	bool complete;     /* there is nothing left to run */
	bool found;        /* sim.why says what; the run can be repeated from choices */
	uint32_t *choices; /* of the run that found it: who went on, at each point; free() it */
	uint32_t choice_count;
};

/* bound: preemptions of DFS; EXPLORE_ALL: no bound. dpor: bound is not looked at. */
void explore(const struct sim_story *story, bool dpor, uint32_t bound, uint64_t runs_max,
             struct explore_result *result);

#endif /* FERRY_SIM_EXPLORE_H */
