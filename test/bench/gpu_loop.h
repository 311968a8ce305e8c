/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * gpu_loop.h - one GPU thread that follows pointers: each load needs the page that the last one named. Written as
 * instructions, so that the bench needs no file.
 *
 *     loop: r1 = *(u64 *)r1;  r2 -= 1;  if r2 != 0 goto loop;  exit
 */
#ifndef FERRY_TEST_BENCH_GPU_LOOP_H
#define FERRY_TEST_BENCH_GPU_LOOP_H

#include <stdio.h>
#include <stdlib.h>

#include "ferry/ferry.h"

struct gpu_loop {
	struct ferry *f;
	uint32_t program;
};

static inline void gpu_check(const char *what, int error)
{
	if (!error)
		return;
	fprintf(stderr, "%s: %s (%s)\n", what, ferry_strerror(error), ferry_last_error());
	exit(1);
}

static inline void gpu_loop_open_with(struct gpu_loop *g, const struct ferry_options *options)
{
	struct {
		struct ferry_req_program_load req;
		uint64_t insns[4];
	} load = {.req = {.size = sizeof(load.req), .insn_count = 4, .arg_count = 2},
	          .insns = {0x0000000000001179ull, 0xffffffff00000207ull, 0x00000000fffd0255ull, 0x95ull}};

	gpu_check("open", ferry_open(options, &g->f));
	gpu_check("load", ferry_request(g->f, FERRY_REQ_PROGRAM_LOAD, &load, sizeof(load)));
	g->program = load.req.program;
}

static inline void gpu_loop_open(struct gpu_loop *g, uint64_t vram_bytes)
{
	gpu_loop_open_with(
		g, &(struct ferry_options){.size = sizeof(struct ferry_options), .sms = 1, .vram_bytes = vram_bytes});
}

/* Follow count pointers from first on, to the end. */
static inline void gpu_loop_run(const struct gpu_loop *g, const void *first, uint64_t count)
{
	struct ferry_req_launch launch = {.size = sizeof(launch),
	                                  .program = g->program,
	                                  .grid = {1, 1, 1},
	                                  .block = {1, 1, 1},
	                                  .arg_count = 2,
	                                  .args = {(uintptr_t)first, count}};

	gpu_check("launch", ferry_request(g->f, FERRY_REQ_LAUNCH, &launch, sizeof(launch)));
	gpu_check("wait", ferry_wait(g->f, 0, launch.launch, FERRY_FOREVER, NULL));
}

/* Home, and not mapped by the CPU: so that a fault moves bytes and nothing else. */
static inline void gpu_loop_cold(const struct gpu_loop *g, void *p, size_t bytes)
{
	struct ferry_req_migrate req = {.size = sizeof(req),
	                                .flags = FERRY_MIGRATE_UNMAPPED,
	                                .base = (uintptr_t)p,
	                                .bytes = (bytes + 4095) / 4096 * 4096,
	                                .where = FERRY_WHERE_HOST};

	gpu_check("home", ferry_request(g->f, FERRY_REQ_MIGRATE, &req, sizeof(req)));
}

#endif /* FERRY_TEST_BENCH_GPU_LOOP_H */
