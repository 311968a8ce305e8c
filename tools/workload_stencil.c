/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload_stencil.c - a few steps of a five-point stencil over the input's 32-bit words, laid out as a square.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/reference.h"
#include "tools/workload.h"

#define STEPS 4u

struct stencil {
	struct ferry_program *program;
	uint32_t *grid[2];
	uint32_t *want[2]; /* private */
	uint64_t width, height;
};

/* About a square that holds all words; the last row may have zeros at its end. */
static void shape(uint64_t bytes, uint64_t *width, uint64_t *height)
{
	uint64_t words = ferry_workload_words(bytes, 4), low = 1, high = 1ull << 31;

	while (low < high) {
		uint64_t n = (low + high + 1) / 2;

		if (n * n <= words)
			low = n;
		else
			high = n - 1;
	}
	*width = low;
	*height = ferry_workload_div_up(words, low);
}

static uint64_t stencil_needs(uint64_t input_bytes, uint64_t vram_bytes)
{
	uint64_t width, height;

	(void)vram_bytes;
	shape(input_bytes, &width, &height);
	return 2 * width * height * 4;
}

static int stencil_setup(struct ferry_workload_ctx *ctx)
{
	int err = ferry_workload_state(ctx, sizeof(struct stencil));
	struct stencil *s = ctx->state;

	if (err)
		return err;
	ctx->steps_total = STEPS;
	shape(ctx->input_bytes, &s->width, &s->height);
	err = ferry_workload_program(ctx, "stencil", "stencil", &s->program);
	for (int i = 0; i < 2 && !err; i++)
		err = ferry_workload_alloc(ctx, s->width * s->height * 4, 0, &s->grid[i]);
	return err;
}

static int stencil_load(struct ferry_workload_ctx *ctx)
{
	struct stencil *s = ctx->state;

	ferry_workload_input_words(ctx, s->grid[0], 0, s->width * s->height, 4);
	return 0;
}

static int stencil_run(struct ferry_workload_ctx *ctx)
{
	struct stencil *s = ctx->state;
	uint64_t blocks = ferry_workload_blocks(ctx, s->width * s->height * 4);
	int err = 0;

	for (uint32_t i = 0; i < STEPS && !err; i++)
		err = FERRY_WORKLOAD_LAUNCH(ctx, s->program, blocks, FERRY_WORKLOAD_THREADS,
		                            ferry_workload_arg(s->grid[i % 2]),
		                            ferry_workload_arg(s->grid[1 - i % 2]), s->width, s->height);
	return err;
}

static int stencil_verify(struct ferry_workload_ctx *ctx)
{
	struct stencil *s = ctx->state;
	uint64_t count = s->width * s->height;

	if (!s->want[0]) {
		s->want[0] = malloc(count * 4);
		s->want[1] = malloc(count * 4);
		if (!s->want[0] || !s->want[1])
			return ferry_workload_fail(ctx, FERRY_E_NOMEM, "no memory to verify the result");
		ferry_workload_input_words(ctx, s->want[0], 0, count, 4);
		for (uint32_t i = 0; i < STEPS; i++)
			ferry_reference_stencil(s->want[i % 2], s->want[1 - i % 2], s->width, s->height);
	}
	return ferry_workload_compare32(ctx, "grid", s->grid[STEPS % 2], s->want[STEPS % 2], count);
}

static void stencil_teardown(struct ferry_workload_ctx *ctx)
{
	struct stencil *s = ctx->state;

	if (!s)
		return;
	free(s->want[0]);
	free(s->want[1]);
}

const struct ferry_workload ferry_workload_stencil = {
	.name = "stencil",
	.summary = "four steps of a five-point stencil over the input as a square of 32-bit integers",
	.needs = stencil_needs,
	.setup = stencil_setup,
	.load = stencil_load,
	.run = stencil_run,
	.verify = stencil_verify,
	.teardown = stencil_teardown,
};
