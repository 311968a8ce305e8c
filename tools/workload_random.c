/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload_random.c - touch the input's 64-bit words in random places: TOUCHES reads, then as many additions.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/reference.h"
#include "tools/workload.h"

#define TOUCHES 65536u
#define THREADS 1024u
#define THREADS_MAX 65536u

struct touch {
	struct ferry_program *read, *update;
	uint64_t *data, *out;
	uint64_t *want; /* private: the data after the additions */
	uint64_t *sums; /* private: what the reads see */
	uint64_t count, threads, touches, seed;
};

static uint64_t random_needs(uint64_t input_bytes, uint64_t vram_bytes)
{
	(void)vram_bytes;
	return ferry_workload_words(input_bytes, 8) * 8 + THREADS * 8;
}

static int random_setup(struct ferry_workload_ctx *ctx)
{
	int err = ferry_workload_state(ctx, sizeof(struct touch));
	struct touch *r = ctx->state;

	if (err)
		return err;
	ctx->steps_total = 2;
	r->count = ferry_workload_words(ctx->input_bytes, 8);
	r->seed = ferry_reference_checksum(ctx->input, ctx->input_bytes);
	r->threads = ctx->threads ? ctx->threads : THREADS;
	if (r->threads > THREADS_MAX)
		r->threads = THREADS_MAX;
	/* Whole blocks: every thread of the launch takes part. */
	r->threads = ferry_workload_div_up(r->threads, FERRY_WORKLOAD_THREADS) * FERRY_WORKLOAD_THREADS;
	r->touches = TOUCHES / r->threads;
	err = ferry_workload_program(ctx, "random", "random_read", &r->read);
	if (!err)
		err = ferry_workload_program(ctx, "random", "random_update", &r->update);
	if (!err)
		err = ferry_workload_alloc(ctx, r->count * 8, 0, &r->data);
	return err ? err : ferry_workload_alloc(ctx, r->threads * 8, 0, &r->out);
}

static int random_load(struct ferry_workload_ctx *ctx)
{
	struct touch *r = ctx->state;

	ferry_workload_input_words(ctx, r->data, 0, r->count, 8);
	memset(r->out, 0, r->threads * 8);
	return 0;
}

static int random_run(struct ferry_workload_ctx *ctx)
{
	struct touch *r = ctx->state;
	uint64_t blocks = r->threads / FERRY_WORKLOAD_THREADS, data = ferry_workload_arg(r->data);
	int err = FERRY_WORKLOAD_LAUNCH(ctx, r->read, blocks, FERRY_WORKLOAD_THREADS, data, r->count, r->touches,
	                                r->seed, ferry_workload_arg(r->out));

	if (err)
		return err;
	return FERRY_WORKLOAD_LAUNCH(ctx, r->update, blocks, FERRY_WORKLOAD_THREADS, data, r->count, r->touches,
	                             r->seed);
}

static int compute(struct ferry_workload_ctx *ctx, struct touch *r)
{
	r->want = malloc(r->count * 8);
	r->sums = malloc(r->threads * 8);
	if (!r->want || !r->sums)
		return ferry_workload_fail(ctx, FERRY_E_NOMEM, "no memory to verify the result");
	ferry_workload_input_words(ctx, r->want, 0, r->count, 8);
	for (uint64_t t = 0; t < r->threads; t++)
		r->sums[t] = ferry_reference_random_read(r->want, r->count, r->touches, r->seed, t);
	for (uint64_t t = 0; t < r->threads; t++)
		ferry_reference_random_update(r->want, r->count, r->touches, r->seed, t);
	return 0;
}

static int random_verify(struct ferry_workload_ctx *ctx)
{
	struct touch *r = ctx->state;
	int err = r->sums ? 0 : compute(ctx, r);

	if (!err)
		err = ferry_workload_compare64(ctx, "out", r->out, r->sums, r->threads);
	return err ? err : ferry_workload_compare64(ctx, "data", r->data, r->want, r->count);
}

static void random_teardown(struct ferry_workload_ctx *ctx)
{
	struct touch *r = ctx->state;

	if (!r)
		return;
	free(r->want);
	free(r->sums);
}

const struct ferry_workload ferry_workload_random = {
	.name = "random",
	.summary = "65536 reads and 65536 atomic additions in random places of the input",
	.needs = random_needs,
	.setup = random_setup,
	.load = random_load,
	.run = random_run,
	.verify = random_verify,
	.teardown = random_teardown,
};
