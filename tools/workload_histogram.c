/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload_histogram.c - how often each byte value occurs in the input.
 */
#include <string.h>

#include "tools/reference.h"
#include "tools/workload.h"

#define BINS 256u
/* A block's counters have 32 bits. */
#define SHARE_MAX (1ull << 31)

struct histogram {
	struct ferry_program *program;
	uint8_t *in;
	uint32_t *scratch; /* BINS for each block */
	uint64_t *bins;
	uint64_t blocks;
	uint64_t want[BINS];
};

static uint64_t histogram_needs(uint64_t input_bytes, uint64_t vram_bytes)
{
	struct ferry_workload_ctx ctx = {0};

	(void)vram_bytes;
	return input_bytes + ferry_workload_blocks(&ctx, input_bytes) * BINS * 4 + BINS * 8;
}

static int histogram_setup(struct ferry_workload_ctx *ctx)
{
	int err = ferry_workload_state(ctx, sizeof(struct histogram));
	struct histogram *h = ctx->state;

	if (err)
		return err;
	ctx->steps_total = 1;
	h->blocks = ferry_workload_blocks(ctx, ctx->input_bytes);
	if (ctx->input_bytes / h->blocks > SHARE_MAX)
		h->blocks = ferry_workload_div_up(ctx->input_bytes, SHARE_MAX);
	ferry_reference_histogram(ctx->input, ctx->input_bytes, h->want);
	err = ferry_workload_program(ctx, "histogram", "histogram", &h->program);
	if (!err)
		err = ferry_workload_alloc(ctx, ctx->input_bytes, 0, &h->in);
	if (!err)
		err = ferry_workload_alloc(ctx, h->blocks * BINS * 4, 0, &h->scratch);
	return err ? err : ferry_workload_alloc(ctx, BINS * 8, 0, &h->bins);
}

static int histogram_load(struct ferry_workload_ctx *ctx)
{
	struct histogram *h = ctx->state;

	memcpy(h->in, ctx->input, ctx->input_bytes);
	memset(h->bins, 0, BINS * 8);
	return 0;
}

static int histogram_run(struct ferry_workload_ctx *ctx)
{
	struct histogram *h = ctx->state;

	return FERRY_WORKLOAD_LAUNCH(ctx, h->program, h->blocks, FERRY_WORKLOAD_THREADS, ferry_workload_arg(h->in),
	                             ctx->input_bytes, ferry_workload_arg(h->scratch), ferry_workload_arg(h->bins));
}

static int histogram_verify(struct ferry_workload_ctx *ctx)
{
	const struct histogram *h = ctx->state;

	return ferry_workload_compare64(ctx, "bins", h->bins, h->want, BINS);
}

const struct ferry_workload ferry_workload_histogram = {
	.name = "histogram",
	.summary = "count how often each byte value occurs in the input",
	.needs = histogram_needs,
	.setup = histogram_setup,
	.load = histogram_load,
	.run = histogram_run,
	.verify = histogram_verify,
};
