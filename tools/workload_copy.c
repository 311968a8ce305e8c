/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload_copy.c - the input, copied byte for byte.
 */
#include <string.h>

#include "tools/workload.h"

struct copy {
	struct ferry_program *program;
	uint8_t *in, *out;
};

static uint64_t copy_needs(uint64_t input_bytes, uint64_t vram_bytes)
{
	(void)vram_bytes;
	return 2 * input_bytes;
}

static int copy_setup(struct ferry_workload_ctx *ctx)
{
	int err = ferry_workload_state(ctx, sizeof(struct copy));
	struct copy *c = ctx->state;

	if (err)
		return err;
	ctx->steps_total = 1;
	err = ferry_workload_program(ctx, "copy", "copy", &c->program);
	if (!err)
		err = ferry_workload_alloc(ctx, ctx->input_bytes, 0, &c->in);
	return err ? err : ferry_workload_alloc(ctx, ctx->input_bytes, 0, &c->out);
}

static int copy_load(struct ferry_workload_ctx *ctx)
{
	struct copy *c = ctx->state;

	memcpy(c->in, ctx->input, ctx->input_bytes);
	memset(c->out, 0, ctx->input_bytes);
	return 0;
}

static int copy_run(struct ferry_workload_ctx *ctx)
{
	struct copy *c = ctx->state;

	return FERRY_WORKLOAD_LAUNCH(ctx, c->program, ferry_workload_blocks(ctx, ctx->input_bytes),
	                             FERRY_WORKLOAD_THREADS, ferry_workload_arg(c->in), ferry_workload_arg(c->out),
	                             ctx->input_bytes);
}

static int copy_verify(struct ferry_workload_ctx *ctx)
{
	const struct copy *c = ctx->state;

	for (size_t i = 0; i < ctx->input_bytes; i++) {
		if (c->out[i] != ctx->input[i])
			return ferry_workload_differs(ctx, "out", i, c->out[i], ctx->input[i]);
		if (c->in[i] != ctx->input[i])
			return ferry_workload_differs(ctx, "in", i, c->in[i], ctx->input[i]);
	}
	return 0;
}

const struct ferry_workload ferry_workload_copy = {
	.name = "copy",
	.summary = "copy the input",
	.needs = copy_needs,
	.setup = copy_setup,
	.load = copy_load,
	.run = copy_run,
	.verify = copy_verify,
};
