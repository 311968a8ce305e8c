/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: softgpu/program.c softgpu/softfloat.c softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c
 * softgpu/warp_mem.c
 */
/*
 * warp_test.c - which lanes run, and when: divergence, stalls, replay, cancel, barrier, traps, budget.
 */
#include "warp_rig.h"

/*
 * Goal: lanes that part at a branch meet again, and the common part runs once for all.
 * Method: odd and even lanes take two ways; the number of warp instructions says how often each part was issued.
 */
static void lanes_that_part_meet_again(void **unused)
{
	static const uint64_t program[] = {
		/* 0: all */
		CALL(FG1_HELPER_GLOBAL_ID),
		J_K(J_SET, R0, 1, 3),
		/* 2: even lanes */
		MOV_K(R1, 100),
		MOV_K(R2, 7),
		JUMP(1),
		/* 5: odd lanes */
		MOV_K(R1, 200),
		/* 6: all */
		ALU_X(OP_ADD, R1, R0),
		ALU_K(OP_ADD, R1, 1),
		EXIT,
	};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_DONE);
	assert_uint_equal(rig.warp.warp_insns, 9);
	assert_uint_equal(rig.warp.insns, 16 * 8 + 16 * 6);
	for (uint32_t i = 0; i < FG1_WARP; i++) {
		assert_uint_equal(rig.warp.regs[1][i], (i & 1 ? 201 : 101) + i);
		assert_uint_equal(rig.warp.regs[2][i], i & 1 ? 0 : 7);
	}
	rig_fini(&rig);
}

/*
 * Goal: a loop that lanes leave one after the other runs as often as the slowest needs, not once for each.
 * Method: lane i goes i + 1 times around.
 */
static void lanes_leave_a_loop_one_by_one(void **unused)
{
	static const uint64_t program[] = {
		/* 0: before */
		CALL(FG1_HELPER_GLOBAL_ID),
		MOV_X(R1, R0),
		ALU_K(OP_ADD, R1, 1),
		MOV_K(R2, 0),
		/* 4: the loop */
		ALU_X(OP_ADD, R2, R1),
		ALU_K(OP_SUB, R1, 1),
		J_K(J_NE, R1, 0, -3),
		/* 7: after */
		ALU_K(OP_LSH, R2, 1),
		EXIT,
	};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_DONE);
	assert_uint_equal(rig.warp.warp_insns, 4 + 32 * 3 + 2);
	for (uint32_t i = 0; i < FG1_WARP; i++)
		assert_uint_equal(rig.warp.regs[2][i], (i + 1) * (i + 2));
	rig_fini(&rig);
}

/*
 * Goal: lanes that go many ways at once meet at the first common point, not only at the last.
 * Method: a ladder of three exits from a chain of branches, each with work behind it, all falling into the next; the
 * lowest counter first means that every instruction is issued exactly once.
 */
static void many_ways_meet_as_early_as_they_can(void **unused)
{
	static const uint64_t program[] = {
		/* 0: lanes 0, 1, 2, 3 modulo 4 go to 6, 8, 9, 10 */
		CALL(FG1_HELPER_GLOBAL_ID),
		MOV_X(R6, R0),
		ALU_K(OP_AND, R6, 3),
		J_K(J_EQ, R6, 2, 5),
		J_K(J_EQ, R6, 1, 3),
		J_K(J_EQ, R6, 3, 4),
		/* 6 */
		MOV_K(R7, 1),
		ALU_K(OP_ADD, R7, 1),
		/* 8 */
		ALU_K(OP_ADD, R7, 10),
		/* 9 */
		ALU_K(OP_ADD, R7, 100),
		/* 10 */
		ALU_K(OP_ADD, R7, 1000),
		EXIT,
	};
	static const uint64_t results[] = {1112, 1110, 1100, 1000};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_DONE);
	for (uint32_t i = 0; i < FG1_WARP; i++)
		assert_uint_equal(rig.warp.regs[7][i], results[i & 3]);
	assert_uint_equal(rig.warp.warp_insns, 12);
	/* The same when the scheduler has to find all of it out again after every instruction. */
	rig_start(&rig);
	while (rig_run(&rig, 1) == FG1_WARP_BUDGET)
		;
	assert_uint_equal(rig.warp.warp_insns, 12);
	/* And when it does so once, in the middle of it. */
	for (uint32_t first = 1; first < 12; first++) {
		rig_start(&rig);
		assert_int_equal(rig_run(&rig, first), FG1_WARP_BUDGET);
		assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_DONE);
		assert_uint_equal(rig.warp.warp_insns, 12);
	}
	rig_fini(&rig);
}

/*
 * Goal: of the lanes of a load, those whose page is there go on; the others change nothing.
 * Method: lane i reads page i; only the even pages are there.
 */
static void lanes_with_a_page_retire_and_the_others_stay(void **unused)
{
	static const uint64_t program[] = {
		MOV_X(R6, R1),         CALL(FG1_HELPER_GLOBAL_ID),
		ALU_K(OP_LSH, R0, 12), ALU_X(OP_ADD, R6, R0),
		LDX(SZ_DW, R6, R6, 8), /* 4: the destination is the address */
		MOV_K(R7, 1),          EXIT,
	};
	const uint64_t args[] = {FAKE_VA};
	struct rig rig;

	(void)unused;
	rig_init(&rig, FG1_WARP);
	rig_args(&rig, 1, args);
	for (uint32_t i = 0; i < FG1_WARP; i++) {
		rig_write(&rig, i * 4096 + 8, 8, 1000 + i);
		rig.gpu.pages[i].present = i % 2 == 0;
	}
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_STALLED);
	assert_uint_equal(rig.warp.stall, 0xaaaaaaaa);
	assert_uint_equal(rig.warp.run, 0);
	assert_uint_equal(rig.warp.stall_count, 16);
	assert_uint_equal(rig.warp.insns, 32 * 4 + 16 * 3);
	for (uint32_t i = 0; i < FG1_WARP; i++) {
		assert_uint_equal(rig.warp.regs[6][i], i & 1 ? FAKE_VA + i * 4096 : 1000 + i);
		assert_uint_equal(rig.warp.regs[7][i], i & 1 ? 0 : 1);
		if (i & 1)
			assert_uint_equal(rig.warp.pc[i], 4);
	}
	for (uint32_t i = 0; i < FG1_WARP; i++)
		rig.gpu.pages[i].present = true;
	fg1_warp_replay(&rig.warp);
	assert_uint_equal(rig.warp.stall_count, 0);
	assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_DONE);
	for (uint32_t i = 0; i < FG1_WARP; i++)
		assert_uint_equal(rig.warp.regs[6][i], 1000 + i);
	assert_uint_equal(rig.warp.insns, 32 * 7);
	rig_fini(&rig);
}

/*
 * Goal: one resident page is enough for progress.
 * Method: 32 lanes gather from, and scatter to, 32 pages; after each run exactly one wanted page is made present and
 * all others are taken away. The number of rounds is bounded by the accesses.
 */
static void one_resident_page_is_enough(void **unused)
{
	static const uint64_t program[] = {
		MOV_X(R6, R1),         CALL(FG1_HELPER_GLOBAL_ID), ALU_K(OP_LSH, R0, 12),
		ALU_X(OP_ADD, R6, R0), LDX(SZ_W, R1, R6, 0),       ALU_K(OP_ADD, R1, 5),
		STX(SZ_W, R6, 4, R1),  LDX(SZ_W, R2, R6, 4),       EXIT,
	};
	const uint64_t args[] = {FAKE_VA};
	enum fg1_warp_status status;
	uint32_t rounds = 0;
	struct rig rig;

	(void)unused;
	rig_init(&rig, FG1_WARP);
	rig_args(&rig, 1, args);
	rig_all_absent(&rig);
	for (uint32_t i = 0; i < FG1_WARP; i++)
		rig_write(&rig, i * 4096, 4, i * i);
	rig_load(&rig, program, RIG_COUNT(program));
	rig_start(&rig);
	while ((status = rig_run(&rig, RIG_BUDGET)) == FG1_WARP_STALLED) {
		uint32_t wanted = rounds % rig.warp.stall_count;

		assert_true(rounds++ < 3 * FG1_WARP);
		rig_all_absent(&rig);
		rig_present(&rig, rig_page_of(rig.warp.stalls[wanted].page_va), true);
		fg1_warp_replay(&rig.warp);
	}
	assert_int_equal(status, FG1_WARP_DONE);
	assert_uint_equal(rig.warp.insns, 32 * 9);
	for (uint32_t i = 0; i < FG1_WARP; i++) {
		assert_uint_equal(rig_read(&rig, i * 4096 + 4, 4), i * i + 5);
		assert_uint_equal(rig.warp.regs[2][i], i * i + 5);
	}
	rig_fini(&rig);
}

/*
 * Goal: one stall for each distinct page and access, with all its lanes: so writers can be refused and readers
 * served. Method: half of the lanes read page 0 or 1, the others write to the same pages a few instructions later;
 * the writers are cancelled.
 */
static void stalls_are_one_for_each_page_and_access(void **unused)
{
	static const uint64_t program[] = {
		/* 0: r6 = page of this lane */
		MOV_X(R6, R1),
		CALL(FG1_HELPER_GLOBAL_ID),
		MOV_X(R2, R0),
		ALU_K(OP_AND, R2, 1),
		ALU_K(OP_LSH, R2, 12),
		ALU_X(OP_ADD, R6, R2),
		J_K(J_GE, R0, 16, 2),
		/* 7: lanes 0-15 */
		LDX(SZ_B, R1, R6, 0),
		EXIT,
		/* 9: lanes 16-31 */
		ST(SZ_B, R6, 1, 3),
		EXIT,
	};
	const uint64_t args[] = {FAKE_VA};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 2);
	rig_args(&rig, 1, args);
	rig_all_absent(&rig);
	rig_load(&rig, program, RIG_COUNT(program));
	rig_start(&rig);
	assert_int_equal(rig_run(&rig, 8), FG1_WARP_BUDGET); /* up to the loads */
	assert_uint_equal(rig.warp.stall_count, 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_uint_equal(rig.warp.stalls[i].page_va, FAKE_VA + i * 4096);
		assert_uint_equal(rig.warp.stalls[i].lanes, i ? 0xaaaa : 0x5555);
		assert_uint_equal(rig.warp.stalls[i].access, FERRY_ACCESS_READ);
		assert_uint_equal(rig.warp.stalls[i].kind, FG1_FAULT_NOT_PRESENT);
		rig.warp.stalls[i].reported = true;
	}
	assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_STALLED);
	assert_uint_equal(rig.warp.stall_count, 4);
	for (uint32_t i = 0; i < 2; i++) {
		assert_uint_equal(rig.warp.stalls[i].lanes, i ? 0xaaaa : 0x5555);
		assert_true(rig.warp.stalls[i].reported);
		assert_uint_equal(rig.warp.stalls[2 + i].page_va, FAKE_VA + i * 4096);
		assert_uint_equal(rig.warp.stalls[2 + i].lanes, i ? 0xaaaa0000 : 0x55550000);
		assert_uint_equal(rig.warp.stalls[2 + i].access, FERRY_ACCESS_WRITE);
		assert_false(rig.warp.stalls[2 + i].reported);
	}
	assert_uint_equal(fg1_warp_cancel(&rig.warp, 3), 8);
	assert_uint_equal(fg1_warp_cancel(&rig.warp, 2), 8);
	rig.gpu.pages[0].present = rig.gpu.pages[1].present = true;
	rig.gpu.pages[0].read_only = rig.gpu.pages[1].read_only = true;
	fg1_warp_replay(&rig.warp);
	assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_DONE);
	assert_uint_equal(rig.warp.dead, 0xffff0000);
	rig_fini(&rig);
}

/*
 * Goal: what a page forbids is a stall of kind PERMISSION for those who want it, and nothing for the others.
 * Method: a read-only page is read, then written; another one forbids atomics.
 */
static void a_forbidden_access_stalls_with_its_kind(void **unused)
{
	static const uint64_t store[] = {LDX(SZ_W, R2, R1, 0), STX(SZ_W, R1, 0, R2), EXIT};
	static const uint64_t atomic[] = {ST(SZ_W, R1, 4, 9), ATOMIC(SZ_W, A_ADD, R1, 4, R2), EXIT};
	const uint64_t args[] = {FAKE_VA};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig_args(&rig, 1, args);
	rig.gpu.pages[0].read_only = true;
	assert_int_equal(rig_do(&rig, store, RIG_COUNT(store)), FG1_WARP_STALLED);
	assert_uint_equal(rig.warp.warp_insns, 2);
	assert_uint_equal(rig.warp.stall_count, 1);
	assert_uint_equal(rig.warp.stalls[0].kind, FG1_FAULT_PERMISSION);
	assert_uint_equal(rig.warp.stalls[0].access, FERRY_ACCESS_WRITE);
	assert_uint_equal(rig.warp.stalls[0].lanes, ALL_LANES);
	rig.gpu.pages[0].read_only = false;
	rig.gpu.pages[0].no_atomics = true;
	fake_invalidate(&rig.gpu);
	assert_int_equal(rig_do(&rig, atomic, RIG_COUNT(atomic)), FG1_WARP_STALLED);
	assert_uint_equal(rig.warp.stalls[0].kind, FG1_FAULT_PERMISSION);
	assert_uint_equal(rig.warp.stalls[0].access, FERRY_ACCESS_ATOMIC);
	assert_uint_equal(rig_read(&rig, 4, 4), 9);
	rig_fini(&rig);
}

/*
 * Goal: a cancel ends the lanes of one stall; the others stay stalled and later finish.
 * Method: lanes read pages 0..3 by their number modulo 4, none is there; two of the stalls are cancelled.
 */
static void cancel_ends_the_lanes_of_one_stall(void **unused)
{
	static const uint64_t program[] = {
		MOV_X(R6, R1),         CALL(FG1_HELPER_GLOBAL_ID), ALU_K(OP_AND, R0, 3), ALU_K(OP_LSH, R0, 12),
		ALU_X(OP_ADD, R6, R0), LDX(SZ_W, R1, R6, 0),       ST(SZ_W, R6, 4, 1),   EXIT,
	};
	const uint64_t args[] = {FAKE_VA};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 4);
	rig_args(&rig, 1, args);
	rig_all_absent(&rig);
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_STALLED);
	assert_uint_equal(rig.warp.stall_count, 4);
	assert_uint_equal(fg1_warp_cancel(&rig.warp, 1), 8);
	assert_uint_equal(rig.warp.dead, 0x22222222);
	assert_uint_equal(rig.warp.stall, 0xdddddddd);
	assert_uint_equal(rig.warp.stall_count, 3);
	/* The last entry took the place of the one that is gone; each page is still there once. */
	assert_uint_equal(rig.warp.stalls[1].page_va, FAKE_VA + 3 * 4096);
	assert_uint_equal(fg1_warp_cancel(&rig.warp, 0), 8);
	assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_STALLED);
	for (uint32_t i = 0; i < 4; i++)
		rig_present(&rig, i, true);
	fg1_warp_replay(&rig.warp);
	assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_DONE);
	assert_uint_equal(rig.warp.dead, 0x33333333);
	for (uint32_t i = 0; i < 4; i++)
		assert_uint_equal(rig_read(&rig, i * 4096 + 4, 4), i >= 2);
	rig_fini(&rig);
}

/*
 * Goal: a warp whose every lane was cancelled is done.
 * Method: one stall with all lanes.
 */
static void a_warp_without_living_lanes_is_done(void **unused)
{
	static const uint64_t program[] = {LDX(SZ_W, R1, R1, 0), EXIT};
	const uint64_t args[] = {FAKE_VA};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig_args(&rig, 1, args);
	rig_all_absent(&rig);
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_STALLED);
	assert_uint_equal(fg1_warp_cancel(&rig.warp, 0), 32);
	assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_DONE);
	rig_fini(&rig);
}

/*
 * Goal: lanes wait at a barrier until released, also when they come by different ways and some never come.
 * Method: lanes 0-7 leave early, 8-15 take a detour, the rest go straight.
 */
static void lanes_wait_at_the_barrier_until_released(void **unused)
{
	static const uint64_t program[] = {
		/* 0: lanes 0-7 to 7, 8-15 to 3, the others to 4 */
		CALL(FG1_HELPER_GLOBAL_ID),
		J_K(J_LT, R0, 8, 5),
		J_K(J_GE, R0, 16, 1),
		/* 3: the detour */
		MOV_K(R6, 1),
		/* 4 */
		CALL(FG1_HELPER_BARRIER),
		MOV_K(R7, 1),
		EXIT,
		/* 7 */
		EXIT,
	};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_BARRIER);
	assert_uint_equal(rig.warp.wait, 0xffffff00);
	assert_uint_equal(rig.warp.stall, 0);
	for (uint32_t i = 0; i < FG1_WARP; i++)
		assert_uint_equal(rig.warp.regs[7][i], 0);
	assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_BARRIER); /* nothing moves without a release */
	fg1_warp_release(&rig.warp);
	assert_uint_equal(rig.warp.wait, 0);
	assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_DONE);
	for (uint32_t i = 8; i < FG1_WARP; i++) { /* the registers of lanes that are done mean nothing */
		assert_uint_equal(rig.warp.regs[7][i], 1);
		assert_uint_equal(rig.warp.regs[6][i], i < 16);
	}
	/* The barrier was issued once: those who came by different ways had met. */
	assert_uint_equal(rig.warp.warp_insns, 8);
	rig_fini(&rig);
}

/*
 * Goal: lanes that stall before a barrier are told apart from those that wait at it.
 * Method: odd lanes need a missing page first.
 */
static void a_barrier_with_stalled_lanes_says_so(void **unused)
{
	static const uint64_t program[] = {
		MOV_X(R6, R1), CALL(FG1_HELPER_GLOBAL_ID), J_K(J_SET, R0, 1, 1),
		JUMP(1),       LDX(SZ_W, R2, R6, 0),       CALL(FG1_HELPER_BARRIER),
		EXIT,
	};
	const uint64_t args[] = {FAKE_VA};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig_args(&rig, 1, args);
	rig_all_absent(&rig);
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_BARRIER);
	assert_uint_equal(rig.warp.wait, 0x55555555);
	assert_uint_equal(rig.warp.stall, 0xaaaaaaaa);
	rig_present(&rig, 0, true);
	fg1_warp_replay(&rig.warp);
	assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_BARRIER);
	assert_uint_equal(rig.warp.wait, ALL_LANES);
	fg1_warp_release(&rig.warp);
	assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_DONE);
	rig_fini(&rig);
}

/*
 * Goal: the trap helper stops with the program's code and place; it cannot pass for one of the device's codes.
 * Method: lane 5 traps alone, with a code that has bits above 32.
 */
static void a_trap_names_code_and_place(void **unused)
{
	static const uint64_t program[] = {
		CALL(FG1_HELPER_GLOBAL_ID),
		J_K(J_NE, R0, 5, 3),
		WIDE(R1, FG1_TRAP_ALIGN + 0x41),
		CALL(FG1_HELPER_TRAP),
		EXIT,
	};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_TRAP);
	assert_uint_equal(rig.warp.trap_code, 0x42);
	assert_uint_equal(rig.warp.trap_pc, 4);
	assert_uint_equal(rig.warp.insns, 32 + 32 + 1);
	assert_uint_equal(rig.warp.warp_insns, 3); /* the trap itself retires nothing */
	/* Nothing changed: it traps again. */
	assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_TRAP);
	assert_uint_equal(rig.warp.trap_pc, 4);
	rig_fini(&rig);
}

/*
 * Goal: the budget is exact, and a run in pieces is the same as a run in one.
 * Method: pieces of 1, 2, 3, ... warp instructions of a divergent program against one run.
 */
static void the_budget_is_exact_and_pieces_add_up(void **unused)
{
	static const uint64_t program[] = {
		CALL(FG1_HELPER_GLOBAL_ID), MOV_X(R1, R0),         ALU_K(OP_AND, R1, 7),
		ALU_K(OP_ADD, R1, 1),       ALU_X(OP_ADD, R2, R1), ALU_K(OP_SUB, R1, 1),
		J_K(J_NE, R1, 0, -3),       ALU_X(OP_XOR, R2, R0), EXIT,
	};
	struct rig whole, pieces;
	enum fg1_warp_status status;
	uint32_t budget = 1;

	(void)unused;
	rig_init(&whole, 1);
	rig_init(&pieces, 1);
	assert_int_equal(rig_do(&whole, program, RIG_COUNT(program)), FG1_WARP_DONE);
	rig_load(&pieces, program, RIG_COUNT(program));
	rig_start(&pieces);
	assert_int_equal(rig_run(&pieces, 0), FG1_WARP_BUDGET);
	assert_uint_equal(pieces.warp.warp_insns, 0);
	do {
		uint64_t before = pieces.warp.warp_insns;

		status = rig_run(&pieces, budget);
		if (status == FG1_WARP_BUDGET)
			assert_uint_equal(pieces.warp.warp_insns - before, budget);
		budget = budget % 5 + 1;
	} while (status == FG1_WARP_BUDGET);
	assert_int_equal(status, FG1_WARP_DONE);
	assert_memory_equal(whole.warp.regs, pieces.warp.regs, sizeof(whole.warp.regs));
	assert_uint_equal(whole.warp.insns, pieces.warp.insns);
	assert_uint_equal(whole.warp.warp_insns, pieces.warp.warp_insns);
	rig_fini(&whole);
	rig_fini(&pieces);
}

/*
 * Goal: an invalidate never waits for longer than 64 instructions, however the program avoids memory.
 * Method: an endless loop; the generation moves between two runs without leaving the engine.
 */
static void a_burst_looks_at_the_tlb_generation(void **unused)
{
	static const uint64_t program[] = {ALU_K(OP_ADD, R1, 1), JUMP(-2)};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig_load(&rig, program, RIG_COUNT(program));
	rig_start(&rig);
	fg1_mmu_enter(&rig.mmu);
	for (uint32_t i = 0; i < 5; i++) {
		uint64_t before = ferry_os_load_relaxed(&rig.gpu.resyncs);

		fake_invalidate(&rig.gpu);
		assert_int_equal(fg1_warp_run(&rig.warp, &rig.mmu, 64), FG1_WARP_BUDGET);
		assert_uint_equal(ferry_os_load_relaxed(&rig.gpu.resyncs), before + 1);
	}
	fg1_mmu_leave(&rig.mmu);
	assert_uint_equal(rig.warp.warp_insns, 5 * 64);
	rig_fini(&rig);
}

/*
 * Goal: a memory instruction uses no translation from before an invalidate.
 * Method: a page is read, taken away, and read again within one stay in the engine.
 */
static void a_page_that_was_invalidated_is_not_used_again(void **unused)
{
	static const uint64_t program[] = {LDX(SZ_W, R2, R1, 0), LDX(SZ_W, R3, R1, 4), EXIT};
	const uint64_t args[] = {FAKE_VA};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig_args(&rig, 1, args);
	rig_load(&rig, program, RIG_COUNT(program));
	rig_start(&rig);
	fg1_mmu_enter(&rig.mmu);
	assert_int_equal(fg1_warp_run(&rig.warp, &rig.mmu, 1), FG1_WARP_BUDGET);
	rig_present(&rig, 0, false);
	assert_int_equal(fg1_warp_run(&rig.warp, &rig.mmu, 8), FG1_WARP_STALLED);
	fg1_mmu_leave(&rig.mmu);
	assert_uint_equal(rig.warp.stalls[0].page_va, FAKE_VA);
	rig_fini(&rig);
}

/*
 * Goal: a warp at the end of a block has only the lanes that exist, and one beyond it none.
 * Method: a block of 40 threads.
 */
static void the_last_warp_of_a_block_has_fewer_lanes(void **unused)
{
	static const uint64_t program[] = {
		CALL(FG1_HELPER_GLOBAL_ID), MOV_X(R6, R0),        ALU_K(OP_LSH, R6, 2),
		ALU_X(OP_ADD, R6, R1),      STX(SZ_W, R6, 0, R0), EXIT,
	};
	const uint64_t args[] = {FAKE_VA};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig_args(&rig, 1, args);
	rig.shape.block[0] = 40;
	rig.shape.block_threads = 40;
	rig_load(&rig, program, RIG_COUNT(program));
	fg1_warp_start(&rig.warp, rig.program, &rig.shape, 0, 32);
	assert_uint_equal(rig.warp.run, 0xff);
	assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_DONE);
	assert_uint_equal(rig.warp.insns, 8 * 6);
	for (uint32_t i = 0; i < 64; i++)
		assert_uint_equal(rig_read(&rig, 4 * i, 4), i >= 32 && i < 40 ? i : 0);
	fg1_warp_start(&rig.warp, rig.program, &rig.shape, 0, 64);
	assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_DONE);
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lanes_that_part_meet_again),
		cmocka_unit_test(lanes_leave_a_loop_one_by_one),
		cmocka_unit_test(many_ways_meet_as_early_as_they_can),
		cmocka_unit_test(lanes_with_a_page_retire_and_the_others_stay),
		cmocka_unit_test(one_resident_page_is_enough),
		cmocka_unit_test(stalls_are_one_for_each_page_and_access),
		cmocka_unit_test(a_forbidden_access_stalls_with_its_kind),
		cmocka_unit_test(cancel_ends_the_lanes_of_one_stall),
		cmocka_unit_test(a_warp_without_living_lanes_is_done),
		cmocka_unit_test(lanes_wait_at_the_barrier_until_released),
		cmocka_unit_test(a_barrier_with_stalled_lanes_says_so),
		cmocka_unit_test(a_trap_names_code_and_place),
		cmocka_unit_test(the_budget_is_exact_and_pieces_add_up),
		cmocka_unit_test(a_burst_looks_at_the_tlb_generation),
		cmocka_unit_test(a_page_that_was_invalidated_is_not_used_again),
		cmocka_unit_test(the_last_warp_of_a_block_has_fewer_lanes),
	};

	return cmocka_run_group_tests_name("softgpu/warp", tests, NULL, NULL);
}
