/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * gpu_wide.h - a block of GPU threads, each of which loads one word: thread t from where table[t] points.
 *
 *     r6 = r1;  r1 = 0;  call thread_index;  r0 <<= 3;  r6 += r0;  r1 = *(u64 *)r6;  r1 = *(u64 *)r1;  exit
 */
#ifndef FERRY_TEST_KERNEL_BENCH_GPU_WIDE_H
#define FERRY_TEST_KERNEL_BENCH_GPU_WIDE_H

#include "test/bench/gpu_loop.h"

#define GPU_WIDE_MAX 512u

struct gpu_wide {
	struct ferry *f;
	uint32_t program;
	uint64_t *table; /* on the device */
};

static inline void gpu_wide_open(struct gpu_wide *g, struct ferry *f)
{
	struct {
		struct ferry_req_program_load req;
		uint64_t insns[8];
	} load = {.req = {.size = sizeof(load.req), .insn_count = 8, .arg_count = 1},
	          .insns = {0x00000000000016bfull, 0x00000000000001b7ull, 0x0000000100000085ull,
	                    0x0000000300000067ull, 0x000000000000060full, 0x0000000000006179ull,
	                    0x0000000000001179ull, 0x95ull}};

	gpu_check("load", ferry_request(f, FERRY_REQ_PROGRAM_LOAD, &load, sizeof(load)));
	g->f = f;
	g->program = load.req.program;
	gpu_check("alloc", ferry_alloc(f, GPU_WIDE_MAX * sizeof(uint64_t), 0, (void **)&g->table));
}

static inline void gpu_wide_set(const struct gpu_wide *g, void *const *piece, uint32_t pieces)
{
	for (uint32_t i = 0; i < pieces; i++)
		g->table[i] = (uintptr_t)piece[i];
	gpu_check("to the device", ferry_migrate(g->f, g->table, GPU_WIDE_MAX * sizeof(uint64_t), 0));
}

static inline void gpu_wide_run(const struct gpu_wide *g, uint32_t threads)
{
	struct ferry_req_launch launch = {.size = sizeof(launch),
	                                  .program = g->program,
	                                  .grid = {1, 1, 1},
	                                  .block = {threads, 1, 1},
	                                  .arg_count = 1,
	                                  .args = {(uintptr_t)g->table}};

	gpu_check("launch", ferry_request(g->f, FERRY_REQ_LAUNCH, &launch, sizeof(launch)));
	gpu_check("wait", ferry_wait(g->f, 0, launch.launch, FERRY_FOREVER, NULL));
}

#endif /* FERRY_TEST_KERNEL_BENCH_GPU_WIDE_H */
