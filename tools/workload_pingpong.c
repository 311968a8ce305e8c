/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload_pingpong.c - GPU and CPU change every word of the input in turn: 2 to 16 rounds, about BYTES_MAX in all.
 */
#include <stdlib.h>

#include "tools/reference.h"
#include "tools/workload.h"

#define BYTES_MAX (128ull << 20)
#define ROUNDS_MIN 2u
#define ROUNDS_MAX 16u

struct pingpong {
	struct ferry_program *program;
	uint64_t *data;
	uint64_t *want; /* private */
	uint64_t count, rounds;
};

static uint64_t pingpong_needs(uint64_t input_bytes, uint64_t vram_bytes)
{
	(void)vram_bytes;
	return ferry_workload_words(input_bytes, 8) * 8;
}

static int pingpong_setup(struct ferry_workload_ctx *ctx)
{
	int err = ferry_workload_state(ctx, sizeof(struct pingpong));
	struct pingpong *p = ctx->state;

	if (err)
		return err;
	p->count = ferry_workload_words(ctx->input_bytes, 8);
	p->rounds = BYTES_MAX / (p->count * 8);
	if (p->rounds < ROUNDS_MIN)
		p->rounds = ROUNDS_MIN;
	if (p->rounds > ROUNDS_MAX)
		p->rounds = ROUNDS_MAX;
	ctx->steps_total = p->rounds;
	err = ferry_workload_program(ctx, "pingpong", "pingpong", &p->program);
	return err ? err : ferry_workload_alloc(ctx, p->count * 8, 0, &p->data);
}

static int pingpong_load(struct ferry_workload_ctx *ctx)
{
	struct pingpong *p = ctx->state;

	ferry_workload_input_words(ctx, p->data, 0, p->count, 8);
	return 0;
}

static int pingpong_run(struct ferry_workload_ctx *ctx)
{
	struct pingpong *p = ctx->state;
	uint64_t blocks = ferry_workload_blocks(ctx, p->count * 8);

	for (uint64_t round = 0; round < p->rounds; round++) {
		int err = FERRY_WORKLOAD_LAUNCH(ctx, p->program, blocks, FERRY_WORKLOAD_THREADS,
		                                ferry_workload_arg(p->data), p->count, round);

		if (err)
			return err;
		ferry_reference_pong(p->data, p->count, round);
	}
	return 0;
}

static int pingpong_verify(struct ferry_workload_ctx *ctx)
{
	struct pingpong *p = ctx->state;

	if (!p->want) {
		p->want = malloc(p->count * 8);
		if (!p->want)
			return ferry_workload_fail(ctx, FERRY_E_NOMEM, "no memory to verify the result");
		ferry_workload_input_words(ctx, p->want, 0, p->count, 8);
		for (uint64_t round = 0; round < p->rounds; round++) {
			ferry_reference_ping(p->want, p->count, round);
			ferry_reference_pong(p->want, p->count, round);
		}
	}
	return ferry_workload_compare64(ctx, "data", p->data, p->want, p->count);
}

static void pingpong_teardown(struct ferry_workload_ctx *ctx)
{
	struct pingpong *p = ctx->state;

	if (p)
		free(p->want);
}

const struct ferry_workload ferry_workload_pingpong = {
	.name = "pingpong",
	.summary = "GPU and CPU change the input in turn, 2 to 16 rounds",
	.needs = pingpong_needs,
	.setup = pingpong_setup,
	.load = pingpong_load,
	.run = pingpong_run,
	.verify = pingpong_verify,
	.teardown = pingpong_teardown,
};
