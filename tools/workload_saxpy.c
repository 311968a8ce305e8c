/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload_saxpy.c - y = a * x + y, where x is the first half of the input's 32-bit words and y the second; once as
 * integers, once as floats (the words, taken as signed numbers and rounded to float).
 */
#include <string.h>

#include "tools/reference.h"
#include "tools/workload.h"

#define FACTOR_I32 0x9e3779b1u
#define FACTOR_F32 1.1f
/* Words that are converted, or verified, at a time. */
#define PIECE 4096u

struct saxpy {
	struct ferry_program *program;
	uint32_t *x, *y; /* or floats, of the same size */
	uint64_t count;  /* of each */
	bool floats;
};

static uint64_t saxpy_needs(uint64_t input_bytes, uint64_t vram_bytes)
{
	(void)vram_bytes;
	return ferry_workload_div_up(ferry_workload_words(input_bytes, 4), 2) * 8;
}

static int setup(struct ferry_workload_ctx *ctx, bool floats)
{
	int err = ferry_workload_state(ctx, sizeof(struct saxpy));
	struct saxpy *s = ctx->state;

	if (err)
		return err;
	ctx->steps_total = 1;
	s->floats = floats;
	s->count = ferry_workload_div_up(ferry_workload_words(ctx->input_bytes, 4), 2);
	err = ferry_workload_program(ctx, "saxpy", floats ? "saxpy_f32" : "saxpy_i32", &s->program);
	if (!err)
		err = ferry_workload_alloc(ctx, s->count * 4, 0, &s->x);
	return err ? err : ferry_workload_alloc(ctx, s->count * 4, 0, &s->y);
}

static int saxpy_i32_setup(struct ferry_workload_ctx *ctx)
{
	return setup(ctx, false);
}

static int saxpy_f32_setup(struct ferry_workload_ctx *ctx)
{
	return setup(ctx, true);
}

/* Words [first, first + count) of the input, as integers or converted. */
static void words(const struct ferry_workload_ctx *ctx, void *out, uint64_t first, uint64_t count)
{
	const struct saxpy *s = ctx->state;
	uint32_t *word = out;

	ferry_workload_input_words(ctx, out, first, count, 4);
	for (uint64_t i = 0; s->floats && i < count; i++) {
		float value = (float)(int32_t)word[i];

		memcpy(&word[i], &value, sizeof(value));
	}
}

static int saxpy_load(struct ferry_workload_ctx *ctx)
{
	struct saxpy *s = ctx->state;

	words(ctx, s->x, 0, s->count);
	words(ctx, s->y, s->count, s->count);
	return 0;
}

static uint32_t float_bits(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static int saxpy_run(struct ferry_workload_ctx *ctx)
{
	struct saxpy *s = ctx->state;

	return FERRY_WORKLOAD_LAUNCH(ctx, s->program, ferry_workload_blocks(ctx, s->count * 4),
	                             FERRY_WORKLOAD_THREADS, ferry_workload_arg(s->x), ferry_workload_arg(s->y),
	                             s->count, s->floats ? float_bits(FACTOR_F32) : FACTOR_I32);
}

static int saxpy_verify(struct ferry_workload_ctx *ctx)
{
	const struct saxpy *s = ctx->state;

	for (uint64_t i = 0; i < s->count; i += PIECE) {
		uint64_t n = s->count - i < PIECE ? s->count - i : PIECE;
		union {
			uint32_t word[PIECE];
			float value[PIECE];
		} x, y;

		words(ctx, x.word, i, n);
		words(ctx, y.word, s->count + i, n);
		if (s->floats)
			ferry_reference_saxpy_f32(FACTOR_F32, x.value, y.value, n);
		else
			ferry_reference_saxpy_i32(FACTOR_I32, x.word, y.word, n);
		for (uint64_t k = 0; k < n; k++) {
			if (s->y[i + k] != y.word[k])
				return ferry_workload_differs(ctx, "y", i + k, s->y[i + k], y.word[k]);
		}
	}
	return 0;
}

const struct ferry_workload ferry_workload_saxpy_i32 = {
	.name = "saxpy_i32",
	.summary = "y = a * x + y over the halves of the input, in 32-bit integers",
	.needs = saxpy_needs,
	.setup = saxpy_i32_setup,
	.load = saxpy_load,
	.run = saxpy_run,
	.verify = saxpy_verify,
};

const struct ferry_workload ferry_workload_saxpy_f32 = {
	.name = "saxpy_f32",
	.summary = "y = a * x + y over the halves of the input, in 32-bit floats",
	.needs = saxpy_needs,
	.setup = saxpy_f32_setup,
	.load = saxpy_load,
	.run = saxpy_run,
	.verify = saxpy_verify,
};
