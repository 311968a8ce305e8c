/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * launch.c - from a LAUNCH command to blocks on SMs, and back to a result record.
 *
 *   front end: start --> [ blocks next..grid ) --take--> SM runs a block --block_done--+
 *                  ^                                                                   |
 *                  +------- ended: nothing to take, nothing resident <-----------------+
 *
 * A channel has one launch at most, inside struct fg1_channel: it never goes away under an SM. After ended no SM has
 * a pointer to it, because a block that an SM holds counts as resident.
 */
#include "gpu.h"

enum { PHASE_RUNNING = 1 };

static void set_active(struct fg1 *gpu, uint32_t channel, bool blocks_left)
{
	uint64_t bit = 1ull << channel;
	bool was = (ferry_os_load_relaxed(&gpu->launches) & bit) != 0;

	/* sched held: nobody else changes the word; readers without it only take it as a hint */
	if (was != blocks_left)
		ferry_os_fetch_add(&gpu->launches, blocks_left ? bit : 0 - bit);
}

/* The product, or 0 when it is 0 or more than max. */
static uint64_t product(const uint32_t v[3], uint64_t max)
{
	uint64_t p = 1;

	for (uint32_t i = 0; i < 3; i++) {
		p *= v[i]; /* p <= max <= 2^31 before, so no overflow */
		if (p == 0 || p > max)
			return 0;
	}
	return p;
}

static uint32_t decode(struct fg1 *gpu, struct fg1_channel *ch)
{
	const uint64_t *w = ch->cmd;
	struct fg1_launch *l = &ch->launch;
	struct fg1_launch_shape *s = &l->shape;
	const uint64_t *args;

	l->program_slot = (uint32_t)w[1];
	s->arg_count = (uint32_t)(w[1] >> 32);
	s->grid[0] = (uint32_t)w[2];
	s->grid[1] = (uint32_t)(w[2] >> 32);
	s->grid[2] = (uint32_t)w[3];
	s->block[0] = (uint32_t)(w[3] >> 32);
	s->block[1] = (uint32_t)w[4];
	s->block[2] = (uint32_t)(w[4] >> 32);
	l->result_bus = w[6];
	l->budget = w[7] ? w[7] : FG1_BUDGET_DEFAULT;
	s->asid = ch->asid;
	s->caps = gpu->config.caps;
	s->grid_blocks = product(s->grid, FG1_GRID_BLOCKS_MAX);
	s->block_threads = (uint32_t)product(s->block, FG1_BLOCK_THREADS_MAX);
	if (!s->grid_blocks || !s->block_threads || l->program_slot >= FG1_PROGRAMS || s->arg_count > FG1_ARGS_MAX)
		return FG1_ERR_ARG;
	memset(s->args, 0, sizeof(s->args));
	if (!s->arg_count)
		return FG1_OK;
	args = fg1_dma_words(gpu, w[5], s->arg_count, false);
	if (!args)
		return FG1_ERR_DMA;
	for (uint32_t i = 0; i < s->arg_count; i++)
		s->args[i] = ferry_os_dma_load64(&args[i]);
	return FG1_OK;
}

/* SMs that shall look for blocks: idle ones if they suffice, else all, as any of them may have room. */
static uint64_t choose_sms(struct fg1 *gpu, uint64_t blocks)
{
	uint64_t idle = ferry_os_load_acquire(&gpu->sm_idle);
	uint64_t chosen = 0;

	if (blocks > ferry_os_popcount64(idle))
		return gpu->config.sms == 64 ? UINT64_MAX : (1ull << gpu->config.sms) - 1;
	for (; blocks; blocks--, idle &= idle - 1)
		chosen |= idle & (0 - idle);
	return chosen;
}

static enum fg1_step start(struct fg1 *gpu, struct fg1_channel *ch)
{
	struct fg1_launch *l = &ch->launch;
	struct fg1_program_slot *slot;
	uint32_t err = decode(gpu, ch);
	uint64_t *record;

	if (err)
		return fg1_step_fail(ch, err);
	record = fg1_dma_words(gpu, l->result_bus, FG1_RESULT_BYTES / 8, true);
	if (!record)
		return fg1_step_fail(ch, FG1_ERR_DMA);
	slot = &gpu->programs[l->program_slot];
	ferry_os_dma_store64(record, FG1_LAUNCH_RUNNING);
	l->block_warps = (l->shape.block_threads + FG1_WARP - 1) / FG1_WARP;
	l->share = (uint32_t)((l->shape.grid_blocks + gpu->config.sms - 1) / gpu->config.sms);
	ferry_os_store_relaxed(&l->stop, 0);
	ferry_os_store_relaxed(&l->insns, 0);

	ferry_os_spin_lock(&gpu->sched);
	if (!slot->program || slot->args != l->shape.arg_count) {
		ferry_os_spin_unlock(&gpu->sched);
		return fg1_step_fail(ch, FG1_ERR_ARG);
	}
	slot->users++;
	l->program = slot->program;
	l->active = true;
	l->ended = false;
	l->next = 0;
	l->resident = 0;
	l->died = 0;
	l->fault_va = 0;
	l->fault_access = 0;
	l->reason = 0;
	set_active(gpu, fg1_channel_id(gpu, ch), true);
	ferry_os_spin_unlock(&gpu->sched);

	ch->phase = PHASE_RUNNING;
	ch->kicks.sms |= choose_sms(gpu, l->shape.grid_blocks); /* pairs with show_rest() of sm.c */
	return FG1_STEP_MORE;
}

/* Let the program go and fill the record; false when the host no longer maps it. The launch has ended. */
static bool finish(struct fg1 *gpu, struct fg1_channel *ch, uint64_t status)
{
	struct fg1_launch *l = &ch->launch;
	uint8_t *record = fg1_dma_words(gpu, l->result_bus, FG1_RESULT_BYTES / 8, true);

	ferry_os_spin_lock(&gpu->sched);
	gpu->programs[l->program_slot].users--;
	l->program = NULL;
	l->ended = false;
	ferry_os_spin_unlock(&gpu->sched);
	if (!record)
		return false;
	ferry_os_dma_store64(record + FG1_RESULT_FAULT_VA, l->fault_va);
	ferry_os_dma_store64(record + FG1_RESULT_REASON, l->reason);
	ferry_os_dma_store64(record + FG1_RESULT_ACCESS, l->fault_access);
	ferry_os_dma_store64(record + FG1_RESULT_LANES, l->died);
	ferry_os_dma_store64(record + FG1_RESULT_INSNS, ferry_os_load_relaxed(&l->insns));
	ferry_os_dma_wmb();
	ferry_os_dma_store64(record + FG1_RESULT_STATUS, status);
	return true;
}

static uint64_t final_status(const struct fg1_launch *l)
{
	uint64_t stop = ferry_os_load_relaxed(&l->stop);

	return stop ? stop : l->died ? FG1_LAUNCH_FAULT : FG1_LAUNCH_OK;
}

enum fg1_step fg1_launch_step(struct fg1 *gpu, struct fg1_channel *ch)
{
	struct fg1_launch *l = &ch->launch;
	bool ended;

	if (ch->phase != PHASE_RUNNING)
		return start(gpu, ch);
	ferry_os_spin_lock(&gpu->sched);
	ended = l->ended;
	ferry_os_spin_unlock(&gpu->sched);
	if (!ended)
		return FG1_STEP_WAIT; /* fg1_launch_block_done() has us kicked */
	if (finish(gpu, ch, final_status(l)))
		return FG1_STEP_DONE;
	fg1_status_fatal(gpu, FG1_FATAL_DMA);
	return fg1_step_fail(ch, FG1_ERR_DMA);
}

void fg1_launch_kill(struct fg1 *gpu, struct fg1_channel *ch)
{
	uint32_t id = fg1_channel_id(gpu, ch);
	struct fg1_launch *l = &ch->launch;
	bool alive;

	ferry_os_spin_lock(&gpu->sched);
	alive = l->active;
	if (alive && ferry_os_load_relaxed(&l->stop) == 0)
		ferry_os_store_relaxed(&l->stop, FG1_LAUNCH_KILLED);
	set_active(gpu, id, false);
	ferry_os_spin_unlock(&gpu->sched);
	for (uint32_t i = 0; i < gpu->config.sms; i++)
		fg1_sm_drop(gpu, gpu->sms[i], id);
	l->active = false;
	if (alive || l->ended)
		finish(gpu, ch, final_status(l));
}

struct fg1_launch *fg1_launch_take(struct fg1 *gpu, struct fg1_sm *sm, uint32_t free_slots, uint32_t *channel,
                                   uint64_t *block)
{
	struct fg1_launch *found = NULL;

	if (!ferry_os_load_acquire(&gpu->launches))
		return NULL;
	ferry_os_spin_lock(&gpu->sched);
	for (uint32_t i = 0; i < FG1_CHANNELS && !found; i++) {
		uint32_t c = (gpu->launch_next + i) % FG1_CHANNELS;
		struct fg1_launch *l = &gpu->channels[c].launch;

		if (!((ferry_os_load_relaxed(&gpu->launches) >> c) & 1))
			continue;
		if (sm->resident_of[c] >= l->share)
			continue;
		if (l->block_warps > free_slots)
			break; /* its turn: this SM drains until it fits, else small blocks would starve large ones */
		found = l;
		*channel = c;
		*block = l->next++;
		l->resident++;
		if (l->next == l->shape.grid_blocks)
			set_active(gpu, c, false);
		gpu->launch_next = (c + 1) % FG1_CHANNELS;
	}
	ferry_os_spin_unlock(&gpu->sched);
	return found;
}

void fg1_launch_block_done(struct fg1 *gpu, struct fg1_launch *launch, uint32_t channel, struct fg1_kicks *kicks)
{
	ferry_os_spin_lock(&gpu->sched);
	launch->resident--;
	if (!launch->resident && !((ferry_os_load_relaxed(&gpu->launches) >> channel) & 1)) {
		launch->active = false;
		launch->ended = true;
		kicks->channels |= 1ull << channel;
	}
	ferry_os_spin_unlock(&gpu->sched);
}

void fg1_launch_stop(struct fg1 *gpu, struct fg1_launch *launch, uint32_t channel, uint64_t status, uint64_t reason,
                     struct fg1_kicks *kicks)
{
	ferry_os_spin_lock(&gpu->sched);
	if (ferry_os_load_relaxed(&launch->stop) == 0) {
		set_active(gpu, channel, false);
		if (status == FG1_LAUNCH_TRAP)
			launch->reason = reason;
		ferry_os_xchg(&launch->stop, status); /* full barrier; pairs with show_rest() of sm.c */
		kicks->sms |= ferry_os_load_acquire(&gpu->sm_stalled);
	}
	ferry_os_spin_unlock(&gpu->sched);
}

void fg1_launch_died(struct fg1 *gpu, struct fg1_launch *launch, const struct fg1_stall *stall, uint32_t lanes,
                     uint64_t reason)
{
	ferry_os_spin_lock(&gpu->sched);
	if (!launch->died) {
		launch->fault_va = stall->page_va;
		launch->fault_access = stall->access;
		if (ferry_os_load_relaxed(&launch->stop) == 0)
			launch->reason = reason;
	}
	launch->died += lanes;
	ferry_os_spin_unlock(&gpu->sched);
}
