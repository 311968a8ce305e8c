/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * close.c - a process ends while its faults are being served: its launch is under way, and it closes.
 */
#include "../invariant/invariant.h"
#include "base/error.h"
#include "core_impl.h"
#include "../world/world_impl.h"
#include "story.h"

#define PAGES 3
#define FIRST (2 * FERRY_BLOCK_PAGES) /* of the world's pages; the other process leaves them alone */

static struct ferry_va_space *closing;
static uint32_t closing_program;

/* Two processes on one device. */
static void two_processes(void)
{
	const struct world_shape shape = {.devices = 1, .sms = 2, .vram_bytes = 2 * FERRY_BLOCK_SIZE};
	struct ferry_req_range range = {
		.size = sizeof(range), .base = WORLD_BASE + 2 * FERRY_BLOCK_SIZE, .bytes = FERRY_BLOCK_SIZE};
	struct ferry_va_space *first;
	uint32_t program;

	world_make(&shape);
	first = world->vs;
	program = world->program[0];
	sim_check(!ferry_core_open(world->core, &world_mm_ops, world, 0, &world->vs), "a second open failed");
	sim_check(!world_request(FERRY_REQ_RANGE_CREATE, &range, sizeof(range)), "a second range failed");
	world_load_program(0);
	closing = world->vs;
	closing_program = world->program[0];
	world->vs = first;
	world->program[0] = program;
}

static void process(void *arg)
{
	struct ferry_req_launch launch = {.size = sizeof(launch),
	                                  .program = closing_program,
	                                  .grid = {1, 1, 1},
	                                  .block = {1, 1, 1},
	                                  .arg_count = 3,
	                                  .args = {world_va(FIRST), FERRY_PAGE_SIZE, PAGES}};
	int err = ferry_core_request(world->core, closing, FERRY_REQ_LAUNCH, &launch, sizeof(launch));

	(void)arg;
	sim_check(!err, "the launch ended with %s", ferry_err_name(err));
	sim_step(world->dev[0].obj);
	ferry_core_close(world->core, closing);
}

static void neighbour(void *arg)
{
	int err = world_gpu_add(0, 0, PAGES, 1);

	(void)arg;
	sim_check(!err, "the neighbour's launch ended with %s", ferry_err_name(err));
}

static void setup_fault_close(void)
{
	sim_spawn("process", process, NULL, 0);
	sim_spawn("neighbour", neighbour, NULL, 0);
}

static void check_all(void *arg)
{
	(void)arg;
	invariants();
	invariant_leaks_at_times();
}

static void quiet(void)
{
	sim_calm(check_all, NULL);
}

const struct sim_story story_fault_close = {.name = "fault_close",
                                            .about = "a process ends while its faults are served, beside another",
                                            .prelude = two_processes,
                                            .setup = setup_fault_close,
                                            .quiet = quiet};
