// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * knobs.c - faults on request, and the device's counters, as files:
 *
 *     /sys/kernel/debug/ferry/soft.N/gpuD/irq-lose, ...    as in softgpu.h; 0 is off
 *     /sys/kernel/debug/ferry/soft.N/gpuD/insns, ...       counters, read only
 */
#include <linux/debugfs.h>

#include "soft.h"

static int knob_get(void *data, u64 *value)
{
	struct soft_file *file = data;

	*value = fg1_knob_get(file->gpu->fg1, (enum fg1_knob)file->index);
	return 0;
}

static int knob_set(void *data, u64 value)
{
	struct soft_file *file = data;

	fg1_knob_set(file->gpu->fg1, (enum fg1_knob)file->index, value);
	soft_engines_drain(file->gpu);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(knob_fops, knob_get, knob_set, "%llu\n");

static int counter_get(void *data, u64 *value)
{
	struct soft_file *file = data;

	*value = fg1_counter_get(file->gpu->fg1, (enum fg1_counter)file->index);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(counter_fops, counter_get, NULL, "%llu\n");

void soft_knobs_add(struct soft_gpu *gpu, u32 id, struct dentry *parent)
{
	struct dentry *dir;
	char name[16];
	u32 i;

	snprintf(name, sizeof(name), "gpu%u", id);
	dir = debugfs_create_dir(name, parent);
	for (i = 0; i < FG1_KNOBS; i++) {
		gpu->knobs[i] = (struct soft_file){.gpu = gpu, .index = i};
		debugfs_create_file_unsafe(fg1_knob_name((enum fg1_knob)i), 0600, dir,
					   &gpu->knobs[i], &knob_fops);
	}
	for (i = 0; i < FG1_COUNTERS; i++) {
		gpu->counters[i] = (struct soft_file){.gpu = gpu, .index = i};
		debugfs_create_file_unsafe(fg1_counter_name((enum fg1_counter)i), 0400, dir,
					   &gpu->counters[i], &counter_fops);
	}
}
