/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload_reduce.c - the sum of the input's 64-bit words.
 */
#include <string.h>

#include "tools/reference.h"
#include "tools/workload.h"

struct reduce {
	struct ferry_program *program;
	uint64_t *in, *partial, *total;
	uint64_t count, blocks;
};

static uint64_t reduce_needs(uint64_t input_bytes, uint64_t vram_bytes)
{
	struct ferry_workload_ctx ctx = {0};

	(void)vram_bytes;
	return ferry_workload_words(input_bytes, 8) * 8 + 8 +
	       ferry_workload_blocks(&ctx, input_bytes) * FERRY_WORKLOAD_THREADS * 8;
}

static int reduce_setup(struct ferry_workload_ctx *ctx)
{
	int err = ferry_workload_state(ctx, sizeof(struct reduce));
	struct reduce *r = ctx->state;

	if (err)
		return err;
	ctx->steps_total = 1;
	r->count = ferry_workload_words(ctx->input_bytes, 8);
	r->blocks = ferry_workload_blocks(ctx, ctx->input_bytes);
	err = ferry_workload_program(ctx, "reduce", "reduce", &r->program);
	if (!err)
		err = ferry_workload_alloc(ctx, r->count * 8, 0, &r->in);
	if (!err)
		err = ferry_workload_alloc(ctx, r->blocks * FERRY_WORKLOAD_THREADS * 8, 0, &r->partial);
	return err ? err : ferry_workload_alloc(ctx, 8, 0, &r->total);
}

static int reduce_load(struct ferry_workload_ctx *ctx)
{
	struct reduce *r = ctx->state;

	ferry_workload_input_words(ctx, r->in, 0, r->count, 8);
	*r->total = 0;
	return 0;
}

static int reduce_run(struct ferry_workload_ctx *ctx)
{
	struct reduce *r = ctx->state;

	return FERRY_WORKLOAD_LAUNCH(ctx, r->program, r->blocks, FERRY_WORKLOAD_THREADS, ferry_workload_arg(r->in),
	                             r->count, ferry_workload_arg(r->partial), ferry_workload_arg(r->total));
}

static int reduce_verify(struct ferry_workload_ctx *ctx)
{
	const struct reduce *r = ctx->state;
	uint64_t want = 0, word;

	for (uint64_t i = 0; i < r->count; i++) {
		ferry_workload_input_words(ctx, &word, i, 1, 8);
		want += ferry_reference_sum(&word, 1);
	}
	return ferry_workload_compare64(ctx, "total", r->total, &want, 1);
}

const struct ferry_workload ferry_workload_reduce = {
	.name = "reduce",
	.summary = "add up the 64-bit words of the input",
	.needs = reduce_needs,
	.setup = reduce_setup,
	.load = reduce_load,
	.run = reduce_run,
	.verify = reduce_verify,
};
