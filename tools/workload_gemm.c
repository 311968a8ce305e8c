/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload_gemm.c - c = a * b in 32-bit floats, from the input's 32-bit words taken as fractions of 2^31.
 *
 * b is n x n and takes most of the input; a has m rows. Up to n = 512 both are square (m = n). Beyond that m falls,
 * so that the multiplications stay below WORK_MAX or m at ROWS_MIN: the whole of b is read all the same.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/reference.h"
#include "tools/workload.h"

#define WORK_MAX (1ull << 27)
#define ROWS_MIN 8u
#define COLUMNS_BLOCK 32u
#define ROWS_BLOCK 8u

struct gemm {
	struct ferry_program *program;
	float *a, *b, *c;
	float *want; /* private */
	uint64_t m, n;
};

static uint64_t rows(uint64_t n)
{
	uint64_t m = WORK_MAX / (n * n);

	if (m < ROWS_MIN)
		m = ROWS_MIN;
	return m < n ? m : n;
}

/* The largest n for which a and b fit in so many words; 1 at least. */
static uint64_t side(uint64_t words)
{
	uint64_t low = 1, high = 1ull << 31;

	while (low < high) {
		uint64_t n = (low + high + 1) / 2;

		if (n * n <= words)
			low = n;
		else
			high = n - 1;
	}
	while (low > 1 && low * low + rows(low) * low > words)
		low--;
	return low;
}

static uint64_t gemm_needs(uint64_t input_bytes, uint64_t vram_bytes)
{
	uint64_t n = side(ferry_workload_words(input_bytes, 4));

	(void)vram_bytes;
	return 4 * (n * n + 2 * rows(n) * n);
}

/* Rows of b that one launch reads: a quarter of device memory. */
static uint64_t launch_rows(const struct ferry_workload_ctx *ctx, uint64_t n)
{
	uint64_t k = ctx->vram_bytes / 4 / (n * 4);

	if (!k)
		k = 1;
	return k < n ? k : n;
}

static int gemm_setup(struct ferry_workload_ctx *ctx)
{
	int err = ferry_workload_state(ctx, sizeof(struct gemm));
	struct gemm *g = ctx->state;

	if (err)
		return err;
	g->n = side(ferry_workload_words(ctx->input_bytes, 4));
	g->m = rows(g->n);
	ctx->steps_total = ferry_workload_div_up(g->n, launch_rows(ctx, g->n));
	err = ferry_workload_program(ctx, "gemm", "gemm", &g->program);
	if (!err)
		err = ferry_workload_alloc(ctx, 4 * g->m * g->n, 0, &g->a);
	if (!err)
		err = ferry_workload_alloc(ctx, 4 * g->n * g->n, 0, &g->b);
	return err ? err : ferry_workload_alloc(ctx, 4 * g->m * g->n, 0, &g->c);
}

static void matrix(const struct ferry_workload_ctx *ctx, float *out, uint64_t first, uint64_t count)
{
	ferry_workload_input_words(ctx, out, first, count, 4);
	for (uint64_t i = 0; i < count; i++) {
		int32_t word;

		memcpy(&word, &out[i], sizeof(word));
		out[i] = (float)word * 0x1p-31f;
	}
}

static int gemm_load(struct ferry_workload_ctx *ctx)
{
	struct gemm *g = ctx->state;

	matrix(ctx, g->b, 0, g->n * g->n);
	matrix(ctx, g->a, g->n * g->n, g->m * g->n);
	memset(g->c, 0, 4 * g->m * g->n);
	return 0;
}

static int gemm_run(struct ferry_workload_ctx *ctx)
{
	struct gemm *g = ctx->state;
	uint64_t step = launch_rows(ctx, g->n);
	struct ferry_launch launch = {
		.program = g->program,
		.grid = {(uint32_t)ferry_workload_div_up(g->n, COLUMNS_BLOCK),
	                 (uint32_t)ferry_workload_div_up(g->m, ROWS_BLOCK)},
		.block = {COLUMNS_BLOCK, ROWS_BLOCK},
		.arg_count = 7,
		.args = {ferry_workload_arg(g->a), ferry_workload_arg(g->b), ferry_workload_arg(g->c), g->m, g->n},
	};

	for (uint64_t k = 0; k < g->n; k += step) {
		int err;

		launch.args[5] = k;
		launch.args[6] = g->n - k < step ? g->n : k + step;
		err = ferry_workload_launch(ctx, &launch, NULL);
		if (err)
			return err;
	}
	return 0;
}

/* The reference, once: it takes as long as everything else. */
static int compute(struct ferry_workload_ctx *ctx)
{
	struct gemm *g = ctx->state;
	float *a = malloc(4 * g->m * g->n), *b = malloc(4 * g->n * g->n);

	g->want = malloc(4 * g->m * g->n);
	if (!a || !b || !g->want) {
		free(a);
		free(b);
		return ferry_workload_fail(ctx, FERRY_E_NOMEM, "no memory to verify the result");
	}
	matrix(ctx, b, 0, g->n * g->n);
	matrix(ctx, a, g->n * g->n, g->m * g->n);
	ferry_reference_gemm(a, b, g->want, g->m, g->n);
	free(a);
	free(b);
	return 0;
}

static int gemm_verify(struct ferry_workload_ctx *ctx)
{
	struct gemm *g = ctx->state;
	int err = g->want ? 0 : compute(ctx);

	if (err)
		return err;
	return ferry_workload_compare32(ctx, "c", g->c, g->want, g->m * g->n);
}

static void gemm_teardown(struct ferry_workload_ctx *ctx)
{
	struct gemm *g = ctx->state;

	if (g)
		free(g->want);
}

const struct ferry_workload ferry_workload_gemm = {
	.name = "gemm",
	.summary = "multiply two n x n matrices of 32-bit floats (from n = 512 on, fewer rows of the first)",
	.needs = gemm_needs,
	.setup = gemm_setup,
	.load = gemm_load,
	.run = gemm_run,
	.verify = gemm_verify,
	.teardown = gemm_teardown,
};
