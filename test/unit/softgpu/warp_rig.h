/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * warp_rig.h - one warp on the fake MMU, for the tests of warp*.c. Include it in one file of a program.
 *
 *   struct rig rig;
 *   rig_init(&rig, pages);
 *   rig_load(&rig, program, RIG_COUNT(program));     again for another program
 *   rig_start(&rig);                                 block 0, lanes 0..31; shape and arguments are rig.shape's
 *   assert_int_equal(rig_run(&rig, budget), FG1_WARP_DONE);
 *   rig_fini(&rig);
 */
#ifndef FERRY_TEST_WARP_RIG_H
#define FERRY_TEST_WARP_RIG_H

#include "test/unit/cmocka_compat.h"

#include "ebpf.h"
#include "fake_mmu.h"
#include "warp.h"

#define RIG_COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))
#define RIG_BUDGET 100000u
#define ALL_LANES 0xffffffffu

struct rig {
	struct fg1 gpu;
	struct fg1_mmu mmu;
	struct fg1_warp warp;
	struct fg1_launch_shape shape;
	struct fg1_program *program;
};

/* One block of one warp, and no arguments. */
static inline void rig_init(struct rig *rig, uint32_t page_count)
{
	memset(rig, 0, sizeof(*rig));
	fake_init(&rig->gpu, page_count);
	fg1_mmu_init(&rig->mmu, &rig->gpu, 0);
	rig->shape = (struct fg1_launch_shape){.grid = {1, 1, 1},
	                                       .block = {FG1_WARP, 1, 1},
	                                       .block_threads = FG1_WARP,
	                                       .grid_blocks = 1,
	                                       .asid = 1,
	                                       .caps = FG1_CAP_ALL};
}

static inline void rig_fini(struct rig *rig)
{
	fg1_program_free(rig->program);
	fake_fini(&rig->gpu);
}

static inline void rig_load(struct rig *rig, const uint64_t *insns, uint32_t count)
{
	enum fg1_program_error why;
	uint32_t at;

	fg1_program_free(rig->program);
	rig->program = NULL;
	if (fg1_program_load(insns, count, 0, FG1_CAP_ALL, &rig->program, &why, &at)) {
		print_error("refused, reason %d at %u\n", (int)why, at);
		fail();
	}
}

static inline void rig_start(struct rig *rig)
{
	fg1_warp_start(&rig->warp, rig->program, &rig->shape, 0, 0);
}

static inline enum fg1_warp_status rig_run(struct rig *rig, uint32_t budget)
{
	enum fg1_warp_status status;

	fg1_mmu_enter(&rig->mmu);
	status = fg1_warp_run(&rig->warp, &rig->mmu, budget);
	fg1_mmu_leave(&rig->mmu);
	return status;
}

/* Load, start with up to five arguments, run to the end. */
static inline enum fg1_warp_status rig_do(struct rig *rig, const uint64_t *insns, uint32_t count)
{
	rig_load(rig, insns, count);
	rig_start(rig);
	return rig_run(rig, RIG_BUDGET);
}

static inline void rig_args(struct rig *rig, uint32_t count, const uint64_t *args)
{
	rig->shape.arg_count = count;
	memcpy(rig->shape.args, args, count * sizeof(*args));
}

static inline void rig_present(struct rig *rig, uint32_t page, bool present)
{
	rig->gpu.pages[page].present = present;
	fake_invalidate(&rig->gpu);
}

static inline void rig_all_absent(struct rig *rig)
{
	for (uint32_t i = 0; i < rig->gpu.page_count; i++)
		rig->gpu.pages[i].present = false;
	fake_invalidate(&rig->gpu);
}

static inline uint32_t rig_page_of(uint64_t va)
{
	return (uint32_t)((va - FAKE_VA) >> FERRY_PAGE_SHIFT);
}

static inline uint64_t rig_read(struct rig *rig, uint64_t offset, uint32_t size)
{
	uint64_t v = 0;

	memcpy(&v, rig->gpu.memory + offset, size);
	return v;
}

static inline void rig_write(struct rig *rig, uint64_t offset, uint32_t size, uint64_t v)
{
	memcpy(rig->gpu.memory + offset, &v, size);
}

#endif /* FERRY_TEST_WARP_RIG_H */
