/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * power.c - losing everything: reset, power states, and power cut from outside.
 *
 *   what is lost          RESET   SELF_REFRESH   OFF   fg1_power_loss(keep_vram)
 *   registers, scratch      x          x          x           x
 *   channels, launches      x          x          x           x
 *   programs, spaces, TLBs  x          x          x           x
 *   status page, faults     x          x          x           x
 *   device memory           x                     x        unless kept
 */
#include "gpu.h"

static void wipe_programs(struct fg1 *gpu)
{
	for (uint32_t i = 0; i < FG1_PROGRAMS; i++) {
		struct fg1_program *program;

		ferry_os_spin_lock(&gpu->sched);
		program = gpu->programs[i].program;
		gpu->programs[i].program = NULL;
		ferry_os_spin_unlock(&gpu->sched);
		if (program)
			fg1_program_free(program);
	}
}

void fg1_wipe(struct fg1 *gpu, bool keep_vram)
{
	fg1_status_set(gpu, NULL); /* first: a device without power writes nothing there */
	for (uint32_t i = 0; i < FG1_CHANNELS; i++)
		fg1_channel_end(gpu, &gpu->channels[i]);
	wipe_programs(gpu);
	fg1_fault_configure(gpu, NULL, 0);
	for (uint32_t i = 0; i < FG1_ASIDS; i++)
		gpu->spaces[i] = (struct fg1_space){false, 0};
	fg1_mmu_invalidate_post(gpu, FG1_INVALIDATE_ALL, 0, 0);
	for (uint32_t i = 0; i < FG1_ARG_REGS; i++)
		ferry_os_store_relaxed(&gpu->args[i], 0);
	for (uint32_t i = 0; i < FG1_COUNTERS; i++)
		ferry_os_store_relaxed(&gpu->counters[i], 0);
	if (!keep_vram && gpu->vram_dirty) {
		memset(gpu->config.vram, FG1_WIPE_BYTE, (size_t)gpu->config.vram_bytes);
		gpu->vram_dirty = false;
	}
	ferry_os_store_release(&gpu->scratch, 0); /* last: a driver waits for it after RESET */
}

void fg1_power_loss(struct fg1 *gpu, bool keep_vram)
{
	struct fg1_kicks kicks = {0, 0};

	ferry_os_mutex_lock(&gpu->control);
	fg1_world_stop(gpu);
	fg1_wipe(gpu, keep_vram);
	ferry_os_store_relaxed(&gpu->power, FG1_POWER_ON);
	fg1_world_start(gpu, &kicks);
	ferry_os_mutex_unlock(&gpu->control);
	fg1_kick(gpu, &kicks);
}
