/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * warp.h - 32 threads that run one eBPF program together.
 *
 * Every lane has its own program counter. One step takes the lowest counter among the runnable lanes, and runs that
 * instruction for all lanes that stand there, so lanes that diverged meet again at the next common point.
 *
 *   lane state:  RUN --exit--> DONE          RUN --barrier--> WAIT --fg1_warp_release--> RUN
 *                RUN --fault--> STALL --fg1_warp_replay--> RUN     STALL --fg1_warp_cancel--> DEAD
 *
 * Retirement is lane by lane: of the lanes that execute a memory instruction, those whose page is there retire and
 * go on; the others stay at the instruction in state STALL. So a warp makes progress with one resident page, whatever
 * number of pages its lanes touch. (Translating all lanes before any commits livelocks under eviction.)
 *
 * No locks: a warp is run by the thread that runs its SM.
 */
#ifndef FERRY_FG1_WARP_H
#define FERRY_FG1_WARP_H

#include "softgpu.h"
#include "mmu.h"

#define FG1_REGS 11u

/* What the threads of one launch share, read only while it runs. */
struct fg1_launch_shape {
	uint32_t grid[3], block[3];
	uint32_t block_threads; /* product of block[] */
	uint64_t grid_blocks;   /* product of grid[] */
	uint32_t asid;
	uint32_t arg_count;
	uint64_t args[FG1_ARGS_MAX];
	uint64_t caps;
};

enum fg1_warp_status {
	FG1_WARP_BUDGET,  /* more to run; the budget is used up */
	FG1_WARP_BARRIER, /* every live lane that is not stalled waits at a barrier; see stalled */
	FG1_WARP_STALLED, /* no lane can run; at least one is stalled, none is waiting at a barrier */
	FG1_WARP_DONE,    /* every lane is done or dead */
	FG1_WARP_TRAP     /* a lane trapped: trap_code, trap_pc. The instruction changed nothing, for no lane */
};

/* One distinct page that stalled lanes want for the same access. */
struct fg1_stall {
	uint64_t page_va;
	uint32_t lanes; /* mask */
	uint8_t access; /* enum ferry_access */
	uint8_t kind;   /* FG1_FAULT_* */
	bool reported;  /* the SM's: an entry is in the fault buffer */
	uint64_t id;    /* the SM's */
};

struct fg1_warp {
	uint64_t regs[FG1_REGS][FG1_WARP]; /* of lanes that are done or dead: anything */
	uint32_t pc[FG1_WARP];             /* instruction index of the pre-decoded program */
	uint32_t run, wait, stall;         /* lane masks, disjoint; a lane in none of them is done or dead */
	uint32_t dead;                     /* lanes that were cancelled */
	uint32_t stall_count;              /* of stalls[]; those not yet replayed or cancelled */
	struct fg1_stall stalls[FG1_WARP];
	uint64_t insns; /* thread instructions retired; the owner may reset it */
	uint64_t warp_insns;
	uint64_t trap_code;
	uint32_t trap_pc;
	uint32_t block_index[3];
	uint64_t block_linear; /* number of the block in the grid */
	uint32_t first_thread; /* of lane 0, within the block */
	const struct fg1_program *program;
	const struct fg1_launch_shape *shape;
	bool local_wiped; /* since fg1_warp_start; private memory is wiped when a lane first touches it */
	uint8_t local[FG1_WARP][FG1_LOCAL_BYTES] __attribute__((__aligned__(8))); /* private memory of each lane */
};

/* Lanes first_thread .. min(first_thread + 32, block_threads) - 1 of a block, at the program's entry. */
void fg1_warp_start(struct fg1_warp *warp, const struct fg1_program *program, const struct fg1_launch_shape *shape,
                    uint64_t block_linear, uint32_t first_thread);

/*
 * Run at most budget warp instructions. The caller is inside fg1_mmu_enter(mmu); the function calls fg1_mmu_sync
 * before each memory instruction and at the end of a burst, so that invalidates never wait for longer than a burst
 * of 64 instructions.
 */
enum fg1_warp_status fg1_warp_run(struct fg1_warp *warp, struct fg1_mmu *mmu, uint32_t budget);

/* Lanes waiting at the barrier go on. The SM calls it when no live lane of the block is running or stalled. */
void fg1_warp_release(struct fg1_warp *warp);
/* All stalled lanes try again. */
void fg1_warp_replay(struct fg1_warp *warp);
/*
 * The lanes of stalls[index] die there; the others stay. Returns how many died. The last of stalls[] takes the place
 * of the one that is gone, so who walks them looks at the same index again.
 */
uint32_t fg1_warp_cancel(struct fg1_warp *warp, uint32_t index);

#endif /* FERRY_FG1_WARP_H */
