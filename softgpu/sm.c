/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * sm.c - one streaming multiprocessor: up to 32 resident warps, run in turn.
 *
 *   launches --fill--> slots:  runnable --burst--> runnable | waits at the barrier | stalled | gone
 *                                 ^                               |                   |
 *                                 +------- block_settle ----------+                   |
 *                                 +------- a replay ----------------------------------+
 *
 * A block settles when none of its lanes runs or is stalled: lanes at the barrier go on, or, without any, the block
 * retires. A launch that was stopped loses its blocks at the SM's next look.
 *
 * When nothing is runnable and a fault interrupt is wanted, the SM raises it itself and says that it is stalled: the
 * driver may then serve the faults on this very thread. With something left to run it raises it after each pass
 * over its warps, so that one interrupt covers what the pass found.
 */
#include "gpu.h"

#define ALL_SLOTS ((uint32_t)((1ull << FG1_SM_WARPS) - 1))

void fg1_sm_init(struct fg1 *gpu, struct fg1_sm *sm, uint32_t index)
{
	sm->engine.index = index;
	sm->engine.mmu = &sm->mmu;
	fg1_mmu_init(&sm->mmu, gpu, index);
	sm->idle_shown = true;
	ferry_os_fetch_or(&gpu->sm_idle, 1ull << index);
}

/* ---- blocks ---- */

static void block_retire(struct fg1 *gpu, struct fg1_sm *sm, struct fg1_block *block)
{
	sm->used &= ~block->slots;
	sm->runnable &= ~block->slots;
	sm->stalled &= ~block->slots;
	sm->resident_of[block->channel]--;
	fg1_launch_block_done(gpu, block->launch, block->channel, &sm->kicks);
	block->launch = NULL;
}

/* No lane of the block runs or is stalled. */
static void block_settle(struct fg1 *gpu, struct fg1_sm *sm, struct fg1_block *block)
{
	bool released = false;

	for (uint32_t left = block->slots; left; left &= left - 1) {
		uint32_t i = ferry_os_ctz64(left);
		struct fg1_slot *slot = &sm->slots[i];

		if (!slot->warp.wait)
			continue;
		fg1_warp_release(&slot->warp);
		slot->active = true;
		block->active++;
		sm->runnable |= 1u << i;
		released = true;
	}
	if (!released)
		block_retire(gpu, sm, block);
}

/* The lanes of a warp changed state. */
static void slot_update(struct fg1 *gpu, struct fg1_sm *sm, uint32_t i)
{
	struct fg1_slot *slot = &sm->slots[i];
	struct fg1_block *block = &sm->blocks[slot->block];
	bool active = (slot->warp.run | slot->warp.stall) != 0;
	uint32_t bit = 1u << i;

	sm->runnable = slot->warp.run ? sm->runnable | bit : sm->runnable & ~bit;
	sm->stalled = slot->warp.stall ? sm->stalled | bit : sm->stalled & ~bit;
	if (active == slot->active)
		return;
	slot->active = active;
	if (active)
		block->active++;
	else if (--block->active == 0)
		block_settle(gpu, sm, block);
}

static void block_place(struct fg1_sm *sm, struct fg1_launch *launch, uint32_t channel, uint64_t linear)
{
	uint32_t b = 0;

	while (sm->blocks[b].launch) /* one is free: every block has a slot, and a slot is free */
		b++;
	sm->blocks[b] = (struct fg1_block){.launch = launch, .channel = channel};
	sm->resident_of[channel]++;
	for (uint32_t w = 0; w < launch->block_warps; w++) {
		uint32_t i = ferry_os_ctz64(~sm->used);
		struct fg1_slot *slot = &sm->slots[i];

		fg1_warp_start(&slot->warp, launch->program, &launch->shape, linear, w * FG1_WARP);
		slot->block = b;
		slot->active = true;
		sm->blocks[b].active++;
		sm->blocks[b].slots |= 1u << i;
		sm->used |= 1u << i;
		sm->runnable |= 1u << i;
	}
}

static void fill(struct fg1 *gpu, struct fg1_sm *sm)
{
	while (sm->used != ALL_SLOTS) {
		uint32_t channel;
		uint64_t linear;
		struct fg1_launch *launch;

		launch = fg1_launch_take(gpu, sm, FG1_SM_WARPS - ferry_os_popcount64(sm->used), &channel, &linear);
		if (!launch)
			return;
		block_place(sm, launch, channel, linear);
	}
}

static bool holds_stopped(const struct fg1_sm *sm)
{
	for (uint32_t left = sm->used; left;) {
		const struct fg1_block *block = &sm->blocks[sm->slots[ferry_os_ctz64(left)].block];

		if (ferry_os_load_acquire(&block->launch->stop))
			return true;
		left &= ~block->slots;
	}
	return false;
}

static void drop_stopped(struct fg1 *gpu, struct fg1_sm *sm)
{
	for (uint32_t left = sm->used; left;) {
		struct fg1_block *block = &sm->blocks[sm->slots[ferry_os_ctz64(left)].block];

		left &= ~block->slots;
		if (ferry_os_load_acquire(&block->launch->stop))
			block_retire(gpu, sm, block);
	}
}

void fg1_sm_drop(struct fg1 *gpu, struct fg1_sm *sm, uint32_t channel)
{
	for (uint32_t b = 0; b < FG1_SM_WARPS; b++)
		if (sm->blocks[b].launch && sm->blocks[b].channel == channel)
			block_retire(gpu, sm, &sm->blocks[b]);
}

/* ---- stalls ---- */

static void cancel_stall(struct fg1 *gpu, struct fg1_sm *sm, uint32_t i, uint32_t index, uint64_t reason)
{
	struct fg1_warp *w = &sm->slots[i].warp;
	struct fg1_stall stall = w->stalls[index];
	uint32_t died = fg1_warp_cancel(w, index);

	fg1_launch_died(gpu, sm->blocks[sm->slots[i].block].launch, &stall, died, reason);
}

/* One entry per page that a lane waits for and that has none yet. */
static void report_stalls(struct fg1 *gpu, struct fg1_sm *sm, uint32_t i)
{
	struct fg1_slot *slot = &sm->slots[i];
	struct fg1_warp *w = &slot->warp;

	for (uint32_t k = 0; k < w->stall_count; k++) {
		struct fg1_stall *s = &w->stalls[k];
		struct fg1_fault fault;

		if (s->reported)
			continue;
		s->reported = true;
		s->id = FG1_FAULT_ID(sm->engine.index, i, ++sm->fault_sequence);
		sm->stalls++;
		fault = (struct fg1_fault){.page_va = s->page_va,
		                           .id = s->id,
		                           .access = s->access,
		                           .kind = s->kind,
		                           .asid = w->shape->asid,
		                           .engine = sm->engine.index,
		                           .lanes = s->lanes,
		                           .warp_slot = i,
		                           .channel = sm->blocks[slot->block].channel};
		fg1_fault_report(gpu, &fault);
	}
	while (!fg1_has(gpu, FG1_CAP_REPLAY) && w->stall_count)
		cancel_stall(gpu, sm, i, w->stall_count - 1, 0);
}

/* Every stalled access tries again if a replay was asked for since we last looked. */
static void take_replay(struct fg1 *gpu, struct fg1_sm *sm)
{
	uint64_t replay = ferry_os_load_acquire(&gpu->replay); /* pairs with FAULT_REPLAY in channel.c */

	if (replay == sm->replay_seen)
		return;
	sm->replay_seen = replay;
	for (uint32_t left = sm->stalled; left; left &= left - 1) {
		uint32_t i = ferry_os_ctz64(left);

		fg1_warp_replay(&sm->slots[i].warp);
		slot_update(gpu, sm, i);
	}
}

static void give_kicks(struct fg1_sm *sm, struct fg1_kicks *kicks)
{
	kicks->sms |= sm->kicks.sms | 1ull << sm->engine.index;
	kicks->channels |= sm->kicks.channels;
	sm->kicks = (struct fg1_kicks){0, 0};
}

bool fg1_sm_cancel(struct fg1 *gpu, struct fg1_sm *sm, uint64_t id, uint64_t page_va, uint64_t reason,
                   struct fg1_kicks *kicks)
{
	uint32_t i = FG1_FAULT_ID_SLOT(id);
	struct fg1_warp *w;

	if (i >= FG1_SM_WARPS || !((sm->used >> i) & 1))
		return false;
	w = &sm->slots[i].warp;
	for (uint32_t k = 0; k < w->stall_count; k++) {
		if (!w->stalls[k].reported || w->stalls[k].id != id || w->stalls[k].page_va != page_va)
			continue;
		cancel_stall(gpu, sm, i, k, reason);
		slot_update(gpu, sm, i);
		give_kicks(sm, kicks);
		return true;
	}
	return false;
}

void fg1_sm_cancel_space(struct fg1 *gpu, struct fg1_sm *sm, uint32_t asid, struct fg1_kicks *kicks)
{
	for (uint32_t i = 0; i < FG1_SM_WARPS; i++) {
		struct fg1_warp *w = &sm->slots[i].warp;

		if (!((sm->stalled >> i) & 1) || w->shape->asid != asid)
			continue;
		while (w->stall_count)
			cancel_stall(gpu, sm, i, w->stall_count - 1, 0);
		slot_update(gpu, sm, i);
		give_kicks(sm, kicks);
	}
}

/* ---- running ---- */

/* One burst. False: its launch was stopped, by this burst or meanwhile. */
static bool run_slot(struct fg1 *gpu, struct fg1_sm *sm, uint32_t i, uint32_t *budget)
{
	struct fg1_slot *slot = &sm->slots[i];
	struct fg1_block *block = &sm->blocks[slot->block];
	struct fg1_launch *launch = block->launch;
	struct fg1_warp *w = &slot->warp;
	uint64_t before = w->warp_insns;
	enum fg1_warp_status status;
	uint64_t spent, total;
	bool stopped = true;

	if (ferry_os_load_relaxed(&launch->stop))
		return false;
	status = fg1_warp_run(w, &sm->mmu, *budget < FG1_BURST ? *budget : FG1_BURST);
	spent = w->warp_insns - before;
	sm->warp_insns += spent;
	spent = spent ? spent : 1; /* a burst that only stalls costs, too */
	*budget -= spent < *budget ? (uint32_t)spent : *budget;

	total = ferry_os_fetch_add(&launch->insns, w->insns) + w->insns;
	sm->insns += w->insns;
	w->insns = 0;
	if (status == FG1_WARP_TRAP)
		fg1_launch_stop(gpu, launch, block->channel, FG1_LAUNCH_TRAP, w->trap_code, &sm->kicks);
	else if (total > launch->budget)
		fg1_launch_stop(gpu, launch, block->channel, FG1_LAUNCH_BUDGET, 0, &sm->kicks);
	else
		stopped = false;
	if (w->stall_count)
		report_stalls(gpu, sm, i);
	slot_update(gpu, sm, i);
	return !stopped;
}

/* One burst for every runnable warp. Ends early when somebody wants the SM, a replay came, a launch was stopped. */
static void pass(struct fg1 *gpu, struct fg1_sm *sm, uint32_t *budget)
{
	for (uint32_t todo = sm->runnable; todo && *budget;) {
		uint32_t from_next = todo & ~((1u << sm->next) - 1);
		uint32_t i = ferry_os_ctz64(from_next ? from_next : todo);

		todo &= ~(1u << i);
		sm->next = (i + 1) % FG1_SM_WARPS;
		if (!((sm->runnable >> i) & 1)) /* its block has retired meanwhile */
			continue;
		if (!run_slot(gpu, sm, i, budget) || ferry_os_load_relaxed(&sm->engine.hold) ||
		    ferry_os_load_relaxed(&gpu->replay) != sm->replay_seen)
			return;
	}
}

static void flush_counters(struct fg1 *gpu, struct fg1_sm *sm)
{
	fg1_count(gpu, FG1_COUNTER_INSNS, sm->insns);
	fg1_count(gpu, FG1_COUNTER_WARP_INSNS, sm->warp_insns);
	fg1_count(gpu, FG1_COUNTER_STALLS, sm->stalls);
	fg1_count(gpu, FG1_COUNTER_TLB_HITS, sm->mmu.hits);
	fg1_count(gpu, FG1_COUNTER_TLB_MISSES, sm->mmu.misses);
	sm->insns = 0;
	sm->warp_insns = 0;
	sm->stalls = 0;
	sm->mmu.hits = 0;
	sm->mmu.misses = 0;
}

/* Our bits in the device's words; nobody else changes them. */
static void show(struct fg1 *gpu, struct fg1_sm *sm, bool idle, bool stalled)
{
	uint64_t bit = 1ull << sm->engine.index;

	if (idle != sm->idle_shown)
		ferry_os_fetch_add(&gpu->sm_idle, idle ? bit : 0 - bit);
	if (stalled != sm->stalled_shown)
		ferry_os_fetch_add(&gpu->sm_stalled, stalled ? bit : 0 - bit);
	sm->idle_shown = idle;
	sm->stalled_shown = stalled;
}

/*
 * Say that the SM rests, then look whether it may: a replay or a stop that came before is seen here, one that
 * comes after sees the bit and kicks. A launch kicks all SMs when it does not find enough idle ones.
 */
static bool show_rest(struct fg1 *gpu, struct fg1_sm *sm)
{
	flush_counters(gpu, sm);
	fg1_status_counters(gpu);
	show(gpu, sm, sm->used == 0, sm->used != 0);
	if (sm->used && (ferry_os_load_acquire(&gpu->replay) != sm->replay_seen || holds_stopped(sm))) {
		show(gpu, sm, false, false);
		return false;
	}
	return true;
}

/* Perhaps there is another block to run, or a replay came, before the SM calls itself stalled. */
static bool has_more(const struct fg1 *gpu, const struct fg1_sm *sm)
{
	return ferry_os_load_acquire(&gpu->launches) || ferry_os_load_acquire(&gpu->replay) != sm->replay_seen;
}

enum fg1_turn fg1_sm_turn(struct fg1 *gpu, struct fg1_sm *sm, uint32_t *budget)
{
	for (;;) {
		bool raise, ran;

		if (!fg1_engine_stay(&sm->engine))
			return FG1_TURN_AWAY;
		if (!*budget) {
			flush_counters(gpu, sm);
			return FG1_TURN_MORE;
		}
		if (fg1_knob(gpu, FG1_KNOB_OFF_BUS))
			return FG1_TURN_IDLE;
		show(gpu, sm, false, false);
		drop_stopped(gpu, sm);
		take_replay(gpu, sm);
		fill(gpu, sm);
		ran = sm->runnable != 0;
		if (ran)
			pass(gpu, sm, budget);
		else
			--*budget; /* whatever the driver does in its handlers, this loop ends */
		if (sm->kicks.sms | sm->kicks.channels) {
			if (!fg1_engine_kick(gpu, &sm->engine, &sm->kicks))
				return FG1_TURN_AWAY;
			continue;
		}
		if (ran && !sm->runnable && has_more(gpu, sm))
			continue;
		raise = sm->used && fg1_fault_wanted(gpu);
		if (raise && !fg1_engine_irq(gpu, &sm->engine, FG1_IRQ_FAULT, !sm->runnable))
			return FG1_TURN_AWAY;
		if (!raise && !ran && show_rest(gpu, sm))
			return FG1_TURN_IDLE;
	}
}
