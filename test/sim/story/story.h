/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * story.h - the list of stories. A story is a file of this folder; all of it is one struct sim_story.
 */
#ifndef FERRY_SIM_STORY_H
#define FERRY_SIM_STORY_H

#include "../tell.h"

/* Ends with NULL. */
extern const struct sim_story *const stories[];

/* Of the loops of va_lock.c; a bench wants more. */
extern uint32_t story_va_lock_rounds;

extern const struct sim_story story_va_space_lock;
extern const struct sim_story story_va_space_lock_downgrade;
extern const struct sim_story story_va_space_lock_loops;
extern const struct sim_story story_va_lock;
extern const struct sim_story story_va_lock_few;
extern const struct sim_story story_va_lock_downgrade;
extern const struct sim_story story_va_lock_loops;
extern const struct sim_story story_fault_fault;
extern const struct sim_story story_fault_migrate;
extern const struct sim_story story_fault_unmap;
extern const struct sim_story story_fault_evict;
extern const struct sim_story story_evict_evict;
extern const struct sim_story story_two_devices;
extern const struct sim_story story_fault_control;
extern const struct sim_story story_fault_gate;
extern const struct sim_story story_fault_kill;
extern const struct sim_story story_fault_lost;
extern const struct sim_story story_marathon;
extern const struct sim_story story_no_memory;
extern const struct sim_story story_lost_irqs;
extern const struct sim_story story_range_range;
extern const struct sim_story story_fault_close;
extern const struct sim_story story_units;

#endif /* FERRY_SIM_STORY_H */
