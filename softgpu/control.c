/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * control.c - control commands: one at a time, answered in the status page before the register write returns
 * (a driver must not rely on that). Commands that change what engines use stop the world for it.
 */
#include "gpu.h"

#define CONTROL_WAIT_NS 5000000000ull /* longer than any driver waits for an answer */

/* One command: its arguments, and what is to be done once no lock is held. */
struct control {
	uint64_t arg[FG1_ARG_REGS];
	struct fg1_kicks kicks;
	uint8_t *answer; /* status page that gets the result; NULL: there is none */
};

static bool power_of_two(uint64_t v, uint64_t min, uint64_t max)
{
	return v >= min && v <= max && (v & (v - 1)) == 0;
}

static uint32_t cmd_init(struct fg1 *gpu, struct control *c)
{
	uint8_t *page = c->arg[0] & (FERRY_PAGE_SIZE - 1) ? NULL : fg1_dma(gpu, c->arg[0], FERRY_PAGE_SIZE, true);

	if (!page)
		return FG1_ERR_DMA; /* told to the old page, if there is one */
	c->answer = page;
	if (ferry_os_load_relaxed(&gpu->power) != FG1_POWER_ON)
		return FG1_ERR_POWER;
	fg1_status_set(gpu, page);
	return FG1_OK;
}

static uint32_t cmd_fault_buffer(struct fg1 *gpu, struct control *c)
{
	uint8_t *ring;

	if (!c->arg[0]) {
		fg1_fault_configure(gpu, NULL, 0);
		return FG1_OK;
	}
	if (!power_of_two(c->arg[1], 16, FG1_ENTRIES_MAX) || c->arg[0] & (FG1_FAULT_BYTES - 1))
		return FG1_ERR_ARG;
	ring = fg1_dma(gpu, c->arg[0], c->arg[1] * FG1_FAULT_BYTES, true);
	if (!ring)
		return FG1_ERR_DMA;
	fg1_fault_configure(gpu, ring, (uint32_t)c->arg[1]);
	return FG1_OK;
}

static uint32_t cmd_asid_bind(struct fg1 *gpu, struct control *c)
{
	struct fg1_space *space;

	if (c->arg[0] >= FG1_ASIDS || c->arg[1] & (FERRY_PAGE_SIZE - 1))
		return FG1_ERR_ARG;
	if (!fg1_dma(gpu, c->arg[1], FERRY_PAGE_SIZE, false))
		return FG1_ERR_DMA;
	space = &gpu->spaces[c->arg[0]];
	if (space->bound)
		return FG1_ERR_BUSY;
	fg1_world_stop(gpu);
	*space = (struct fg1_space){true, c->arg[1]};
	fg1_world_start(gpu, &c->kicks);
	return FG1_OK;
}

static uint32_t cmd_asid_unbind(struct fg1 *gpu, struct control *c)
{
	uint32_t asid = (uint32_t)c->arg[0];

	if (c->arg[0] >= FG1_ASIDS)
		return FG1_ERR_ARG;
	fg1_world_stop(gpu);
	gpu->spaces[asid] = (struct fg1_space){false, 0};
	fg1_mmu_invalidate_post(gpu, asid, 0, 0); /* no engine is inside: nothing to wait for */
	for (uint32_t i = 0; i < gpu->config.sms; i++)
		fg1_sm_cancel_space(gpu, gpu->sms[i], asid, &c->kicks);
	for (uint32_t i = 0; i < FG1_CHANNELS; i++) {
		struct fg1_channel *ch = &gpu->channels[i];

		if (ch->asid == asid && fg1_channel_cancel(ch, ch->stall_id))
			c->kicks.channels |= 1ull << i;
	}
	fg1_world_start(gpu, &c->kicks);
	return FG1_OK;
}

static uint32_t cmd_channel_create(struct fg1 *gpu, struct control *c)
{
	struct fg1_channel *ch;
	uint8_t *ring, *status;

	if (c->arg[0] >= FG1_CHANNELS || (c->arg[1] != FG1_CHANNEL_COPY && c->arg[1] != FG1_CHANNEL_COMPUTE) ||
	    !power_of_two(c->arg[3], 2, FG1_ENTRIES_MAX) || (c->arg[2] | c->arg[4]) & (FG1_CMD_BYTES - 1))
		return FG1_ERR_ARG;
	if (c->arg[1] == FG1_CHANNEL_COMPUTE && (c->arg[5] >= FG1_ASIDS || !gpu->spaces[c->arg[5]].bound))
		return FG1_ERR_ARG;
	ch = &gpu->channels[c->arg[0]];
	if (ch->active)
		return FG1_ERR_BUSY;
	ring = fg1_dma(gpu, c->arg[2], c->arg[3] * FG1_CMD_BYTES, false);
	status = fg1_dma(gpu, c->arg[4], 64, true);
	if (!ring || !status)
		return FG1_ERR_DMA;
	fg1_world_stop(gpu);
	ch->kind = (uint32_t)c->arg[1];
	ch->asid = c->arg[5] < FG1_ASIDS ? (uint32_t)c->arg[5] : FG1_ASIDS;
	ch->entries = (uint32_t)c->arg[3];
	ch->ring = ring;
	ch->status = status;
	ch->get = 0;
	ch->error = FG1_OK;
	ferry_os_store_relaxed(&ch->put, 0);
	ferry_os_dma_store64(status + FG1_CHANNEL_GET, 0);
	ferry_os_dma_store64(status + FG1_CHANNEL_ERROR, 0);
	ch->active = true;
	gpu->vram_dirty = true;
	fg1_world_start(gpu, &c->kicks);
	return FG1_OK;
}

static uint32_t cmd_channel_destroy(struct fg1 *gpu, struct control *c)
{
	if (c->arg[0] >= FG1_CHANNELS || !gpu->channels[c->arg[0]].active)
		return FG1_ERR_ARG;
	fg1_world_stop(gpu);
	fg1_channel_end(gpu, &gpu->channels[c->arg[0]]);
	fg1_world_start(gpu, &c->kicks);
	return FG1_OK;
}

/* The loader reads the program once, from a copy: the host may write to the original meanwhile. */
static uint32_t load_program(struct fg1 *gpu, const struct control *c, struct fg1_program **out)
{
	enum fg1_program_error why = FG1_PROGRAM_OK;
	uint32_t count = (uint32_t)c->arg[2], at = 0;
	const void *host;
	void *copy;
	int err;

	if (!c->arg[2] || c->arg[2] > FG1_PROGRAM_INSNS_MAX)
		return FG1_ERR_PROGRAM + FG1_PROGRAM_SIZE;
	if (c->arg[3] > FG1_ARGS_MAX)
		return FG1_ERR_PROGRAM + FG1_PROGRAM_ARGS;
	host = fg1_dma(gpu, c->arg[1], c->arg[2] * 8, false);
	if (!host)
		return FG1_ERR_DMA;
	copy = ferry_os_zalloc((size_t)count * 8, 0);
	if (!copy)
		return FG1_ERR_NO_RESOURCE;
	memcpy(copy, host, (size_t)count * 8);
	err = fg1_program_load(copy, count, (uint32_t)c->arg[3], gpu->config.caps, out, &why, &at);
	ferry_os_free(copy);
	if (!err)
		return FG1_OK;
	if (err == FERRY_E_NOMEM || why == FG1_PROGRAM_OK)
		return FG1_ERR_NO_RESOURCE;
	return (FG1_ERR_PROGRAM + (uint32_t)why) | (at < 0xffff ? at : 0xffff) << 16;
}

static uint32_t cmd_program_load(struct fg1 *gpu, struct control *c)
{
	struct fg1_program_slot *slot;
	struct fg1_program *program;
	uint32_t err;

	if (c->arg[0] >= FG1_PROGRAMS)
		return FG1_ERR_ARG;
	slot = &gpu->programs[c->arg[0]];
	if (slot->program) /* only control commands, one at a time, write it */
		return FG1_ERR_BUSY;
	err = load_program(gpu, c, &program);
	if (err)
		return err;
	ferry_os_spin_lock(&gpu->sched);
	slot->program = program;
	slot->args = (uint32_t)c->arg[3];
	ferry_os_spin_unlock(&gpu->sched);
	return FG1_OK;
}

static uint32_t cmd_program_unload(struct fg1 *gpu, struct control *c)
{
	struct fg1_program_slot *slot;
	struct fg1_program *program = NULL;

	if (c->arg[0] >= FG1_PROGRAMS || !gpu->programs[c->arg[0]].program)
		return FG1_ERR_ARG;
	slot = &gpu->programs[c->arg[0]];
	ferry_os_spin_lock(&gpu->sched);
	if (!slot->users) {
		program = slot->program;
		slot->program = NULL;
	}
	ferry_os_spin_unlock(&gpu->sched);
	if (!program)
		return FG1_ERR_BUSY;
	fg1_program_free(program);
	return FG1_OK;
}

static void lose(struct fg1 *gpu, struct control *c, bool keep_vram, uint64_t power)
{
	fg1_world_stop(gpu);
	fg1_wipe(gpu, keep_vram);
	ferry_os_store_relaxed(&gpu->power, power);
	fg1_world_start(gpu, &c->kicks);
}

static uint32_t cmd_power(struct fg1 *gpu, struct control *c)
{
	switch (c->arg[0]) {
	case FG1_POWER_ON:
		ferry_os_store_relaxed(&gpu->power, FG1_POWER_ON);
		return FG1_OK;
	case FG1_POWER_SELF_REFRESH:
		if (!fg1_has(gpu, FG1_CAP_SELF_REFRESH))
			return FG1_ERR_UNSUPPORTED;
		lose(gpu, c, true, FG1_POWER_SELF_REFRESH);
		return FG1_OK;
	case FG1_POWER_OFF:
		lose(gpu, c, false, FG1_POWER_OFF);
		return FG1_OK;
	default:
		return FG1_ERR_ARG;
	}
}

static uint32_t cmd_reset(struct fg1 *gpu, struct control *c)
{
	lose(gpu, c, false, FG1_POWER_ON);
	return FG1_OK;
}

static const struct {
	uint32_t (*run)(struct fg1 *gpu, struct control *c);
	bool always; /* also without a status page, and in any power state */
} commands[] = {
	[FG1_CMD_INIT] = {cmd_init, true},
	[FG1_CMD_FAULT_BUFFER] = {cmd_fault_buffer, false},
	[FG1_CMD_ASID_BIND] = {cmd_asid_bind, false},
	[FG1_CMD_ASID_UNBIND] = {cmd_asid_unbind, false},
	[FG1_CMD_CHANNEL_CREATE] = {cmd_channel_create, false},
	[FG1_CMD_CHANNEL_DESTROY] = {cmd_channel_destroy, false},
	[FG1_CMD_PROGRAM_LOAD] = {cmd_program_load, false},
	[FG1_CMD_PROGRAM_UNLOAD] = {cmd_program_unload, false},
	[FG1_CMD_POWER] = {cmd_power, true},
	[FG1_CMD_RESET] = {cmd_reset, true},
};

/*
 * FG1_KNOB_CONTROL_WAITS. false: faults were not served in all that time; there will be no answer, as from a device
 * that hangs. No lock is held: whoever serves the faults needs the device.
 */
static bool faults_served(struct fg1 *gpu)
{
	uint64_t start_ns = ferry_os_now_ns();

	while (fg1_knob(gpu, FG1_KNOB_CONTROL_WAITS) && !fg1_knob(gpu, FG1_KNOB_OFF_BUS) &&
	       (ferry_os_load_acquire(&gpu->sm_stalled) || ferry_os_load_acquire(&gpu->channel_stalled))) {
		if (ferry_os_now_ns() - start_ns > CONTROL_WAIT_NS)
			return false;
		ferry_os_relax();
	}
	return true;
}

void fg1_control(struct fg1 *gpu, uint64_t value)
{
	uint32_t cmd = (uint32_t)value, result = FG1_ERR_UNKNOWN;
	struct control c = {.kicks = {0, 0}};

	if (cmd < FERRY_ARRAY_SIZE(commands) && !commands[cmd].always && !faults_served(gpu))
		return;
	ferry_os_mutex_lock(&gpu->control);
	for (uint32_t i = 0; i < FG1_ARG_REGS; i++)
		c.arg[i] = ferry_os_load_relaxed(&gpu->args[i]);
	c.answer = gpu->status; /* kept over a command that takes the page away */
	if (cmd < FERRY_ARRAY_SIZE(commands) && commands[cmd].run && (commands[cmd].always || gpu->status))
		result = commands[cmd].run(gpu, &c);
	if (c.answer && value >> 32) /* sequence 0: no answer is wanted */
		ferry_os_dma_store64(c.answer + FG1_STATUS_CMD, value >> 32 << 32 | result);
	ferry_os_mutex_unlock(&gpu->control);
	fg1_kick(gpu, &c.kicks);
}
