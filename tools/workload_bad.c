/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload_bad.c - one thread reads an address that is not managed memory, then one writes where the GPU may only
 * read.
 *
 * Verified means: both launches failed with the right error, at the right address; exactly one thread died in each;
 * all others did their work; and the memory that must not be written is as it was.
 */
#include <string.h>

#include "tools/reference.h"
#include "tools/workload.h"

#define COUNT_MAX 65536u
/* Below anything that mmap() gives. */
#define WILD 0x1000ull
#define PAGE_MASK (~0xfffull)

struct bad {
	struct ferry_program *read, *write;
	uint64_t *out[2], *locked;
	uint64_t count, victim;
};

static uint64_t count_of(uint64_t input_bytes)
{
	uint64_t count = ferry_workload_words(input_bytes, 8);

	return count < COUNT_MAX ? count : COUNT_MAX;
}

static uint64_t bad_needs(uint64_t input_bytes, uint64_t vram_bytes)
{
	(void)vram_bytes;
	return 3 * count_of(input_bytes) * 8;
}

static int bad_setup(struct ferry_workload_ctx *ctx)
{
	int err = ferry_workload_state(ctx, sizeof(struct bad));
	struct bad *b = ctx->state;

	if (err)
		return err;
	ctx->steps_total = 2;
	b->count = count_of(ctx->input_bytes);
	b->victim = ferry_reference_checksum(ctx->input, ctx->input_bytes) % b->count;
	err = ferry_workload_program(ctx, "bad", "bad_read", &b->read);
	if (!err)
		err = ferry_workload_program(ctx, "bad", "bad_write", &b->write);
	for (int i = 0; i < 2 && !err; i++)
		err = ferry_workload_alloc(ctx, b->count * 8, 0, &b->out[i]);
	return err ? err : ferry_workload_alloc(ctx, b->count * 8, FERRY_RANGE_READ_ONLY, &b->locked);
}

static int bad_load(struct ferry_workload_ctx *ctx)
{
	struct bad *b = ctx->state;

	memset(b->out[0], 0, b->count * 8);
	memset(b->out[1], 0, b->count * 8);
	for (uint64_t i = 0; i < b->count; i++)
		b->locked[i] = 1;
	return 0;
}

/* The launch must fail with this error at this address, and kill one thread. */
static int must_fail(struct ferry_workload_ctx *ctx, struct ferry_launch *launch, int want, uint64_t va)
{
	struct ferry_result r;
	int err = ferry_workload_launch(ctx, launch, &r);

	if (!err)
		return ferry_workload_fail(ctx, FERRY_E_VERIFY, "the bad access at 0x%llx was let through",
		                           (unsigned long long)va);
	if (err != want)
		return err;
	if ((r.fault_va & PAGE_MASK) != (va & PAGE_MASK))
		return ferry_workload_differs(ctx, "fault address", 0, r.fault_va, va);
	if (r.lanes_died != 1)
		return ferry_workload_differs(ctx, "threads that died", 0, r.lanes_died, 1);
	return 0;
}

static int bad_run(struct ferry_workload_ctx *ctx)
{
	struct bad *b = ctx->state;
	struct ferry_launch launch = {
		.program = b->read,
		/* A thread for each word, so that nothing is left undone when one dies. */
		.grid = {(uint32_t)ferry_workload_div_up(b->count, FERRY_WORKLOAD_THREADS)},
		.block = {FERRY_WORKLOAD_THREADS},
		.arg_count = 4,
		.args = {ferry_workload_arg(b->out[0]), b->count, WILD, b->victim},
	};
	int err = must_fail(ctx, &launch, FERRY_E_FAULT_UNMAPPED, WILD);

	if (err)
		return err;
	launch.program = b->write;
	launch.args[0] = ferry_workload_arg(b->out[1]);
	launch.args[2] = ferry_workload_arg(b->locked);
	return must_fail(ctx, &launch, FERRY_E_FAULT_READ_ONLY, ferry_workload_arg(b->locked + b->victim));
}

static int bad_verify(struct ferry_workload_ctx *ctx)
{
	const struct bad *b = ctx->state;

	for (int k = 0; k < 2; k++) {
		for (uint64_t i = 0; i < b->count; i++) {
			uint64_t want = i == b->victim ? 0 : i + 1;

			if (b->out[k][i] != want)
				return ferry_workload_differs(ctx, k ? "out of the write" : "out of the read", i,
				                              b->out[k][i], want);
		}
	}
	for (uint64_t i = 0; i < b->count; i++) {
		if (b->locked[i] != 1)
			return ferry_workload_differs(ctx, "locked", i, b->locked[i], 1);
	}
	return ferry_workload_fail(ctx, 0, "both bad accesses were refused, and nothing else was harmed");
}

const struct ferry_workload ferry_workload_bad = {
	.name = "bad",
	.summary = "touch what must not be touched: succeeds if the GPU refuses",
	.needs = bad_needs,
	.setup = bad_setup,
	.load = bad_load,
	.run = bad_run,
	.verify = bad_verify,
};
