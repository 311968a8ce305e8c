/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload_fill.c - as many words as the input has, written from a seed: the input's checksum.
 */
#include <string.h>

#include "tools/reference.h"
#include "tools/workload.h"

struct fill {
	struct ferry_program *program;
	uint64_t *out;
	uint64_t count, seed;
};

static uint64_t fill_needs(uint64_t input_bytes, uint64_t vram_bytes)
{
	(void)vram_bytes;
	return ferry_workload_words(input_bytes, 8) * 8;
}

static int fill_setup(struct ferry_workload_ctx *ctx)
{
	int err = ferry_workload_state(ctx, sizeof(struct fill));
	struct fill *f = ctx->state;

	if (err)
		return err;
	f->count = ferry_workload_words(ctx->input_bytes, 8);
	f->seed = ferry_reference_checksum(ctx->input, ctx->input_bytes);
	ctx->steps_total = 1;
	err = ferry_workload_program(ctx, "fill", "fill", &f->program);
	return err ? err : ferry_workload_alloc(ctx, f->count * 8, 0, &f->out);
}

static int fill_load(struct ferry_workload_ctx *ctx)
{
	struct fill *f = ctx->state;

	memset(f->out, 0, f->count * 8);
	return 0;
}

static int fill_run(struct ferry_workload_ctx *ctx)
{
	struct fill *f = ctx->state;

	return FERRY_WORKLOAD_LAUNCH(ctx, f->program, ferry_workload_blocks(ctx, f->count * 8),
	                             FERRY_WORKLOAD_THREADS, ferry_workload_arg(f->out), f->count, f->seed);
}

static int fill_verify(struct ferry_workload_ctx *ctx)
{
	const struct fill *f = ctx->state;

	for (uint64_t i = 0; i < f->count; i++) {
		uint64_t want = ferry_reference_mix(f->seed + i);

		if (f->out[i] != want)
			return ferry_workload_differs(ctx, "out", i, f->out[i], want);
	}
	return 0;
}

const struct ferry_workload ferry_workload_fill = {
	.name = "fill",
	.summary = "write every word of an array as large as the input",
	.needs = fill_needs,
	.setup = fill_setup,
	.load = fill_load,
	.run = fill_run,
	.verify = fill_verify,
};
