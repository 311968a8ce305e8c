/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "story.h"

const struct sim_story *const stories[] = {
	&story_va_space_lock,
	&story_va_space_lock_downgrade,
	&story_va_space_lock_loops,
	&story_va_lock,
	&story_va_lock_few,
	&story_va_lock_downgrade,
	&story_va_lock_loops,
	&story_fault_fault,
	&story_fault_migrate,
	&story_fault_unmap,
	&story_fault_evict,
	&story_evict_evict,
	&story_two_devices,
	&story_fault_control,
	&story_fault_gate,
	&story_fault_kill,
	&story_fault_lost,
	&story_marathon,
	&story_no_memory,
	&story_lost_irqs,
	&story_range_range,
	&story_fault_close,
	&story_units,
	NULL,
};
