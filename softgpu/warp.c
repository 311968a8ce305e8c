/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * warp.c - see warp.h. Chooses the lanes that run next, and runs them.
 *
 * The lanes at the lowest counter form the group. While a group runs, its counter is one number in the cursor, and
 * warp->pc[] of its lanes is stale; it is written back when the group ends. The cursor also knows where
 * the next lanes wait:
 *
 *    pc of lanes   12 12 12 12 | 17 17 | 30        group: lanes at 12; cursor.pc = 12, cursor.meet = 17
 *
 *    the group runs 12, 13, ... until it reaches or passes 17, splits at a branch, stalls, waits or exits
 *
 * So one comparison per instruction is all that scheduling costs, whether all 32 lanes are together or not.
 */
#include "warp.h"
#include "program.h"
#include "warp_alu.h"
#include "warp_helper.h"
#include "warp_mem.h"

#define ALL_LANES 0xffffffffu
#define NOWHERE 0xffffffffu
#define ARG_REGS 5u /* r1..r5 hold the first arguments */
#define BURST 64u   /* warp instructions between two looks at the TLB generation, at most */

struct cursor {
	uint32_t pc;     /* of the group */
	uint32_t active; /* its lanes; 0: gone */
	uint32_t count;  /* how many they are */
	uint32_t meet;   /* lowest pc of the other runnable lanes, or NOWHERE */
	bool whole;      /* every lane that is neither done nor dead is in it */
	uint64_t insns;  /* thread instructions */
};

static uint32_t popcount(uint32_t mask)
{
	return mask == ALL_LANES ? FG1_WARP : ferry_os_popcount64(mask);
}

static void pc_set(struct fg1_warp *w, uint32_t mask, uint32_t pc)
{
	if (mask == ALL_LANES) {
		for (uint32_t i = 0; i < FG1_WARP; i++)
			w->pc[i] = pc;
		return;
	}
	for (; mask; mask &= mask - 1)
		w->pc[ferry_os_ctz64(mask)] = pc;
}

/* ---- the group ---- */

/* The common case of group_pick(): all 32 lanes run, and stand together. */
static bool group_pick_all(const struct fg1_warp *w, struct cursor *c)
{
	uint32_t differ = 0;

	if (w->run != ALL_LANES)
		return false;
	for (uint32_t i = 1; i < FG1_WARP; i++)
		differ |= w->pc[i] ^ w->pc[0];
	if (differ)
		return false;
	c->pc = w->pc[0];
	c->meet = NOWHERE;
	c->active = ALL_LANES;
	c->count = FG1_WARP;
	c->whole = true;
	return true;
}

/* The group at the lowest counter. False: no lane can run. */
static bool group_pick(const struct fg1_warp *w, struct cursor *c)
{
	if (group_pick_all(w, c))
		return true;
	c->pc = NOWHERE;
	c->meet = NOWHERE;
	c->active = 0;
	for (uint32_t left = w->run; left; left &= left - 1) {
		uint32_t lane = ferry_os_ctz64(left), pc = w->pc[lane];

		if (pc < c->pc) {
			c->meet = c->pc;
			c->pc = pc;
			c->active = 1u << lane;
		} else if (pc == c->pc) {
			c->active |= 1u << lane;
		} else if (pc < c->meet) {
			c->meet = pc;
		}
	}
	c->count = popcount(c->active);
	c->whole = c->active == (w->run | w->wait | w->stall);
	return c->active != 0;
}

static void group_end(struct fg1_warp *w, struct cursor *c)
{
	pc_set(w, c->active, c->pc);
	c->active = 0;
}

/* Some lanes leave the group, and are written down with where they stand. */
static void group_shrink(struct fg1_warp *w, struct cursor *c, uint32_t leaving, uint32_t pc)
{
	pc_set(w, leaving, pc);
	c->active &= ~leaving;
	c->count = popcount(c->active);
	c->whole = false;
	if (!c->active)
		c->meet = 0; /* no pc is below: pick again */
}

/* ---- instructions that change what runs ---- */

/* Both ways are taken: the lower one goes on, since it is the lowest counter of all; the other waits to be met. */
static void run_branch(struct fg1_warp *w, struct cursor *c, const struct fg1_insn *insn)
{
	uint32_t taken = fg1_warp_alu_condition(w, insn) & c->active;
	uint32_t target = insn->u.target, next = c->pc + 1;
	uint32_t leaving, far;

	if (!taken || target == next) {
		c->pc = next;
		return;
	}
	if (taken == c->active) {
		c->pc = target;
		return;
	}
	leaving = target > next ? taken : c->active & ~taken;
	far = target > next ? target : next;
	c->pc = target > next ? next : target;
	group_shrink(w, c, leaving, far);
	if (far < c->meet)
		c->meet = far;
}

static void run_exit(struct fg1_warp *w, struct cursor *c)
{
	w->run &= ~c->active;
	c->active = 0; /* nobody asks for the pc of a lane that is done */
	c->meet = 0;
}

static void run_barrier(struct fg1_warp *w, struct cursor *c)
{
	w->run &= ~c->active;
	w->wait |= c->active;
	group_shrink(w, c, c->active, c->pc + 1);
}

/* False: a trap, and nothing has changed. */
static bool run_mem(struct fg1_warp *w, struct fg1_mmu *mmu, struct cursor *c, const struct fg1_insn *insn)
{
	uint32_t retired, stalled;
	uint64_t trap = fg1_warp_mem(w, mmu, insn, c->active, &retired);

	if (__builtin_expect(trap != 0, 0)) {
		w->trap_code = trap;
		return false;
	}
	stalled = c->active & ~retired;
	if (__builtin_expect(stalled != 0, 0)) {
		w->run &= ~stalled;
		w->stall |= stalled;
		c->insns -= popcount(stalled);
		group_shrink(w, c, stalled, c->pc);
	}
	c->pc++;
	return true;
}

/* One instruction of the group. False: a trap. */
static inline bool run_one(struct fg1_warp *w, struct fg1_mmu *mmu, struct cursor *c, const struct fg1_insn *insn)
{
	c->insns += c->count;
	switch (insn->kind) {
	case FG1_KIND_ALU_X:
	case FG1_KIND_ALU_K:
	case FG1_KIND_WIDE:
		if (c->whole)
			fg1_warp_alu_row(w, insn);
		else
			fg1_warp_alu_lanes(w, insn, c->active);
		c->pc += insn->kind == FG1_KIND_WIDE ? 2 : 1;
		return true;
	case FG1_KIND_LOAD:
	case FG1_KIND_STORE_X:
	case FG1_KIND_STORE_K:
	case FG1_KIND_ATOMIC:
		return run_mem(w, mmu, c, insn);
	case FG1_KIND_BRANCH_X:
	case FG1_KIND_BRANCH_K:
		run_branch(w, c, insn);
		return true;
	case FG1_KIND_JUMP:
		c->pc = insn->u.target;
		return true;
	case FG1_KIND_HELPER:
		fg1_warp_helper(w, insn, c->active);
		c->pc++;
		return true;
	case FG1_KIND_BARRIER:
		run_barrier(w, c);
		return true;
	case FG1_KIND_EXIT:
		run_exit(w, c);
		return true;
	default: /* TRAP; a HOLE is never reached */
		w->trap_code = (uint32_t)w->regs[1][ferry_os_ctz64(c->active)];
		return false;
	}
}

static enum fg1_warp_status status_of(const struct fg1_warp *w)
{
	if (w->run)
		return FG1_WARP_BUDGET;
	if (w->wait)
		return FG1_WARP_BARRIER;
	return w->stall ? FG1_WARP_STALLED : FG1_WARP_DONE;
}

enum fg1_warp_status fg1_warp_run(struct fg1_warp *warp, struct fg1_mmu *mmu, uint32_t budget)
{
	const struct fg1_insn *insns = warp->program->insns;
	uint32_t left = budget, burst = BURST;
	struct cursor c = {0};
	bool fine = true;

	while (left && fine && group_pick(warp, &c)) {
		while (c.pc < c.meet && left) {
			if (!--burst) {
				fg1_mmu_sync(mmu);
				burst = BURST;
			}
			left--;
			fine = run_one(warp, mmu, &c, &insns[c.pc]);
			if (__builtin_expect(!fine, 0))
				break;
		}
		if (!fine) {
			warp->trap_pc = c.pc;
			c.insns -= c.count; /* a trap retires nothing */
			left++;
		}
		group_end(warp, &c);
	}
	warp->insns += c.insns;
	warp->warp_insns += budget - left;
	return fine ? status_of(warp) : FG1_WARP_TRAP;
}

/* ---- begin and events ---- */

void fg1_warp_start(struct fg1_warp *warp, const struct fg1_program *program, const struct fg1_launch_shape *shape,
                    uint64_t block_linear, uint32_t first_thread)
{
	uint32_t threads = first_thread < shape->block_threads ? shape->block_threads - first_thread : 0;
	uint64_t per_plane = (uint64_t)shape->grid[0] * shape->grid[1];

	/* Nothing of an earlier thread may be seen: registers are wiped here, private memory when it is first used.
	 */
	for (uint32_t n = 0; n < FG1_REGS; n++) {
		bool holds_arg = n >= 1 && n <= ARG_REGS && n <= shape->arg_count;
		uint64_t v = holds_arg            ? shape->args[n - 1]
		             : n == FG1_FRAME_REG ? FG1_LOCAL_BASE + FG1_LOCAL_BYTES
		                                  : 0;

		for (uint32_t i = 0; i < FG1_WARP; i++)
			warp->regs[n][i] = v;
	}
	pc_set(warp, ALL_LANES, 0);
	warp->local_wiped = false;
	warp->run = threads >= FG1_WARP ? ALL_LANES : (1u << threads) - 1;
	warp->wait = 0;
	warp->stall = 0;
	warp->dead = 0;
	warp->stall_count = 0;
	warp->insns = 0;
	warp->warp_insns = 0;
	warp->trap_code = 0;
	warp->trap_pc = 0;
	warp->block_index[0] = (uint32_t)(block_linear % shape->grid[0]);
	warp->block_index[1] = (uint32_t)(block_linear / shape->grid[0] % shape->grid[1]);
	warp->block_index[2] = (uint32_t)(block_linear / per_plane);
	warp->block_linear = block_linear;
	warp->first_thread = first_thread;
	warp->program = program;
	warp->shape = shape;
}

void fg1_warp_release(struct fg1_warp *warp)
{
	warp->run |= warp->wait;
	warp->wait = 0;
}

void fg1_warp_replay(struct fg1_warp *warp)
{
	warp->run |= warp->stall;
	warp->stall = 0;
	warp->stall_count = 0;
}

uint32_t fg1_warp_cancel(struct fg1_warp *warp, uint32_t index)
{
	uint32_t lanes;

	if (!FERRY_ASSERT(index < warp->stall_count))
		return 0;
	lanes = warp->stalls[index].lanes;
	warp->stall &= ~lanes;
	warp->dead |= lanes;
	warp->stall_count--;
	warp->stalls[index] = warp->stalls[warp->stall_count];
	return popcount(lanes);
}
