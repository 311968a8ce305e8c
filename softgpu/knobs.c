/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* knobs.c - faults on request; names of knobs and counters. */
#include "gpu.h"

/* splitmix64 over a shared counter: one sequence per seed, whoever draws. */
static uint64_t random_next(struct fg1 *gpu)
{
	uint64_t z = ferry_os_fetch_add(&gpu->random, 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

bool fg1_knob_draw_of(struct fg1 *gpu, uint64_t n)
{
	return random_next(gpu) % n == 0;
}

uint64_t fg1_knob_get(struct fg1 *gpu, enum fg1_knob knob)
{
	return (uint32_t)knob < FG1_KNOBS ? fg1_knob(gpu, knob) : 0;
}

/*
 * Off the bus: no engine touches anything any more once this returns. Back on it: as after power on, because a driver
 * that saw the device go has freed what the device was told about.
 */
static void set_off_bus(struct fg1 *gpu, uint64_t value)
{
	struct fg1_kicks kicks = {0, 0};

	ferry_os_mutex_lock(&gpu->control);
	fg1_world_stop(gpu);
	if (fg1_knob(gpu, FG1_KNOB_OFF_BUS) && !value) {
		fg1_wipe(gpu, false);
		ferry_os_store_relaxed(&gpu->power, FG1_POWER_ON);
	}
	ferry_os_xchg(&gpu->knobs[FG1_KNOB_OFF_BUS], value);
	fg1_world_start(gpu, &kicks);
	ferry_os_mutex_unlock(&gpu->control);
	fg1_kick(gpu, &kicks);
}

static void set_hang(struct fg1 *gpu, uint64_t value)
{
	struct fg1_kicks kicks = {0, value ? 0 : UINT64_MAX}; /* channels that gave up for it look again */

	ferry_os_xchg(&gpu->knobs[FG1_KNOB_HANG], value);
	if (value == FG1_HANG_SEEN) {
		fg1_status_fatal(gpu, FG1_FATAL_HANG);
		fg1_irq(gpu, FG1_IRQ_ERROR, false);
	}
	fg1_kick(gpu, &kicks);
}

void fg1_knob_set(struct fg1 *gpu, enum fg1_knob knob, uint64_t value)
{
	switch (knob) {
	case FG1_KNOB_OFF_BUS:
		set_off_bus(gpu, value);
		break;
	case FG1_KNOB_HANG:
		set_hang(gpu, value);
		break;
	case FG1_KNOB_POISON_PAGE: /* translations held for the page must go */
		ferry_os_xchg(&gpu->knobs[knob], value);
		fg1_mmu_invalidate_post(gpu, FG1_INVALIDATE_ALL, 0, 0);
		break;
	default:
		if ((uint32_t)knob < FG1_KNOBS)
			ferry_os_xchg(&gpu->knobs[knob], value);
		break;
	}
}

const char *fg1_knob_name(enum fg1_knob knob)
{
	static const char *const names[FG1_KNOBS] = {
		[FG1_KNOB_IRQ_LOSE] = "irq-lose",
		[FG1_KNOB_IRQ_DOUBLE] = "irq-double",
		[FG1_KNOB_COPY_DELAY_NS] = "copy-delay-ns",
		[FG1_KNOB_FAULT_ENTRIES] = "fault-entries",
		[FG1_KNOB_POISON_PAGE] = "poison-page",
		[FG1_KNOB_HANG] = "hang",
		[FG1_KNOB_OFF_BUS] = "off-bus",
		[FG1_KNOB_COPY_FAIL] = "copy-fail",
		[FG1_KNOB_FAULT_DOUBLE] = "fault-double",
		[FG1_KNOB_CONTROL_WAITS] = "control-waits",
	};

	return (uint32_t)knob < FG1_KNOBS ? names[knob] : NULL;
}

const char *fg1_counter_name(enum fg1_counter counter)
{
	static const char *const names[FG1_COUNTERS] = {
		[FG1_COUNTER_INSNS] = "insns",       [FG1_COUNTER_WARP_INSNS] = "warp_insns",
		[FG1_COUNTER_TLB_HITS] = "tlb_hits", [FG1_COUNTER_TLB_MISSES] = "tlb_misses",
		[FG1_COUNTER_STALLS] = "stalls",     [FG1_COUNTER_COPY_BYTES] = "copy_bytes",
	};

	return (uint32_t)counter < FG1_COUNTERS ? names[counter] : NULL;
}
