/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: softgpu/program.c softgpu/softfloat.c softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c
 * softgpu/warp_mem.c
 */
/*
 * bench_warp.c - how many thread instructions the interpreter retires on one core, with all data resident.
 *
 * Each program runs over the same grid, warp after warp, fg1_warp_start included, on the fake MMU. The figure is the
 * median of several rounds. The promise is of saxpy; the others show where the time goes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/bench/bench.h"
#include "test/unit/softgpu/ebpf.h"
#include "test/unit/softgpu/fake_mmu.h"
#include "warp.h"

#define ELEMENTS (1u << 16)
#define BLOCK 256u
#define ROUNDS 15u
#define PAGES 512u

/* y[i] = a * x[i] + y[i], as clang -O2 writes it. Arguments: x, y, a, n. */
static const uint64_t saxpy[] = {
	MOV_X(R6, R1),
	MOV_X(R7, R2),
	MOV_X(R8, R3),
	MOV_X(R9, R4),
	CALL(FG1_HELPER_GLOBAL_ID),
	J_X(J_GE, R0, R9, 8),
	ALU_K(OP_LSH, R0, 2),
	ALU_X(OP_ADD, R6, R0),
	LDX(SZ_W, R1, R6, 0),
	ALU32_X(OP_MUL, R1, R8),
	ALU_X(OP_ADD, R7, R0),
	LDX(SZ_W, R2, R7, 0),
	ALU32_X(OP_ADD, R2, R1),
	STX(SZ_W, R7, 0, R2),
	EXIT,
};

/* The same in binary32, through the helpers. */
static const uint64_t saxpy_f32[] = {
	MOV_X(R6, R1),
	MOV_X(R7, R2),
	MOV_X(R8, R3),
	MOV_X(R9, R4),
	CALL(FG1_HELPER_GLOBAL_ID),
	J_X(J_GE, R0, R9, 9),
	ALU_K(OP_LSH, R0, 2),
	ALU_X(OP_ADD, R6, R0),
	LDX(SZ_W, R1, R6, 0),
	MOV_X(R2, R8),
	ALU_X(OP_ADD, R7, R0),
	LDX(SZ_W, R3, R7, 0),
	CALL(FG1_HELPER_F32_FMA),
	STX(SZ_W, R7, 0, R0),
	EXIT,
	EXIT,
};

/* 64 rounds of a dependent chain in registers. */
static const uint64_t arithmetic[] = {
	CALL(FG1_HELPER_GLOBAL_ID), MOV_K(R1, 64),        MOV_X(R2, R0),        ALU_K(OP_LSH, R2, 13),
	ALU_X(OP_XOR, R0, R2),      MOV_X(R2, R0),        ALU_K(OP_RSH, R2, 7), ALU_X(OP_XOR, R0, R2),
	ALU_X(OP_ADD, R0, R1),      ALU_K(OP_SUB, R1, 1), J_K(J_NE, R1, 0, -9), EXIT,
};

/* Each thread loops (id * 37) % 64 + 1 times: lanes leave one by one. */
static const uint64_t divergent[] = {
	CALL(FG1_HELPER_GLOBAL_ID), ALU_K(OP_MUL, R0, 37),
	ALU_K(OP_AND, R0, 63),      MOV_K(R1, 1),
	ALU_X(OP_ADD, R1, R0),      ALU_X(OP_ADD, R0, R1),
	ALU_K(OP_XOR, R0, 0x55),    ALU_K(OP_SUB, R1, 1),
	J_K(J_NE, R1, 0, -4),       EXIT,
};

/* y[i] += x[hash(i) % n]: a page for each lane, most of the time. */
static const uint64_t gather[] = {
	MOV_X(R6, R1),
	MOV_X(R7, R2),
	MOV_X(R9, R4),
	CALL(FG1_HELPER_GLOBAL_ID),
	MOV_X(R1, R0),
	ALU32_K(OP_MUL, R1, 0x9e3779b1),
	ALU_K(OP_SUB, R9, 1),
	ALU_X(OP_AND, R1, R9),
	ALU_K(OP_LSH, R1, 2),
	ALU_X(OP_ADD, R6, R1),
	LDX(SZ_W, R1, R6, 0),
	ALU_K(OP_LSH, R0, 2),
	ALU_X(OP_ADD, R7, R0),
	LDX(SZ_W, R2, R7, 0),
	ALU32_X(OP_ADD, R2, R1),
	STX(SZ_W, R7, 0, R2),
	EXIT,
};

/* 32 times: a broadcast load, a coalesced load, multiply, add, spill to the stack and back. */
static const uint64_t inner_product[] = {
	MOV_X(R6, R1),
	MOV_X(R7, R2),
	CALL(FG1_HELPER_GLOBAL_ID),
	ALU_K(OP_AND, R0, 1023),
	ALU_K(OP_LSH, R0, 2),
	ALU_X(OP_ADD, R7, R0),
	MOV_K(R0, 0),
	MOV_K(R1, 32),
	LDX(SZ_W, R2, R6, 0),
	LDX(SZ_W, R3, R7, 0),
	ALU32_X(OP_MUL, R2, R3),
	ALU32_X(OP_ADD, R0, R2),
	STX(SZ_DW, R10, -8, R0),
	LDX(SZ_DW, R0, R10, -8),
	ALU_K(OP_ADD, R6, 4),
	ALU_K(OP_ADD, R7, 4096),
	ALU_K(OP_SUB, R1, 1),
	J_K(J_NE, R1, 0, -10),
	EXIT,
};

static struct fg1 gpu;
static struct fg1_mmu mmu;
static struct fg1_warp warp;

/* Million thread instructions a second. */
static double run_grid(const struct fg1_program *program)
{
	struct fg1_launch_shape shape = {
		.grid = {ELEMENTS / BLOCK, 1, 1},
		.block = {BLOCK, 1, 1},
		.block_threads = BLOCK,
		.grid_blocks = ELEMENTS / BLOCK,
		.arg_count = 4,
		.args = {FAKE_VA, FAKE_VA + 4 * ELEMENTS, 3, ELEMENTS},
		.caps = FG1_CAP_ALL,
	};
	uint64_t insns = 0, start = bench_now_ns();

	fg1_mmu_enter(&mmu);
	for (uint64_t block = 0; block < shape.grid_blocks; block++) {
		for (uint32_t first = 0; first < BLOCK; first += FG1_WARP) {
			fg1_warp_start(&warp, program, &shape, block, first);
			if (fg1_warp_run(&warp, &mmu, 1u << 20) != FG1_WARP_DONE)
				abort();
			insns += warp.insns;
		}
	}
	fg1_mmu_leave(&mmu);
	return (double)insns * 1e3 / (double)(bench_now_ns() - start);
}

static void measure(const char *id, const uint64_t *insns, size_t count, const char *target)
{
	struct fg1_program *program;
	enum fg1_program_error why;
	struct bench_row row = {.id = id, .unit = "Minsn/s", .target = target};
	double rounds[ROUNDS];
	uint32_t at;

	if (fg1_program_load(insns, (uint32_t)count, 4, FG1_CAP_ALL, &program, &why, &at)) {
		fprintf(stderr, "%s: refused, reason %d at %u\n", id, (int)why, at);
		exit(1);
	}
	for (uint32_t i = 0; i < ROUNDS; i++)
		rounds[i] = run_grid(program);
	row.ours = bench_median(rounds, ROUNDS);
	bench_print(&row);
	fg1_program_free(program);
}

#define MEASURE(id, program, target) measure(id, program, sizeof(program) / sizeof((program)[0]), target)

int main(void)
{
	fake_init(&gpu, PAGES);
	fg1_mmu_init(&mmu, &gpu, 0);
	MEASURE("warp-saxpy", saxpy, "ours>=100");
	MEASURE("warp-saxpy-f32", saxpy_f32, NULL);
	MEASURE("warp-arithmetic", arithmetic, NULL);
	MEASURE("warp-divergent", divergent, NULL);
	MEASURE("warp-gather", gather, NULL);
	MEASURE("warp-inner-product", inner_product, NULL);
	fake_fini(&gpu);
	return 0;
}
