/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload_chase.c - pointer chasing over all of the input's 32-bit words, linked into one cycle in an order that the
 * input decides. 64 threads take STEPS_MAX steps in all: each may be a page fault.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/reference.h"
#include "tools/workload.h"

#define STEPS_MAX 65536u
#define THREADS 64u
#define THREADS_MAX 65536u

struct chase {
	struct ferry_program *program;
	uint64_t *nodes, *out;
	uint64_t *image; /* private: the nodes as they are loaded */
	uint64_t count, threads, stride, steps;
};

static uint64_t chase_needs(uint64_t input_bytes, uint64_t vram_bytes)
{
	(void)vram_bytes;
	return ferry_workload_words(input_bytes, 4) * 8 + THREADS * 8;
}

/* One cycle through all nodes (Sattolo's shuffle of the identity); the words are the values. */
static int nodes_build(struct ferry_workload_ctx *ctx, struct chase *c)
{
	uint64_t random = ferry_reference_checksum(ctx->input, ctx->input_bytes);

	c->image = malloc(c->count * 8);
	if (!c->image)
		return ferry_workload_fail(ctx, FERRY_E_NOMEM, "no memory for the list");
	for (uint64_t i = 0; i < c->count; i++) {
		uint32_t word;

		ferry_workload_input_words(ctx, &word, i, 1, 4);
		c->image[i] = (uint64_t)word << 32 | i;
	}
	for (uint64_t i = c->count - 1; i > 0; i--) {
		uint64_t j, next;

		random = ferry_reference_mix(random ^ c->image[i] >> 32);
		j = random % i;
		next = c->image[i] & 0xffffffff;
		c->image[i] = (c->image[i] & ~0xffffffffull) | (c->image[j] & 0xffffffff);
		c->image[j] = (c->image[j] & ~0xffffffffull) | next;
	}
	return 0;
}

static int chase_setup(struct ferry_workload_ctx *ctx)
{
	int err = ferry_workload_state(ctx, sizeof(struct chase));
	struct chase *c = ctx->state;

	if (err)
		return err;
	ctx->steps_total = 1;
	c->count = ferry_workload_words(ctx->input_bytes, 4);
	if (c->count > UINT32_MAX)
		return ferry_workload_fail(ctx, FERRY_E_UNSUPPORTED, "an input of more than 16 GiB");
	c->threads = ctx->threads ? ctx->threads : THREADS;
	if (c->threads > THREADS_MAX)
		c->threads = THREADS_MAX;
	c->stride = c->count / c->threads;
	c->steps = STEPS_MAX / c->threads;
	if (c->steps > c->count)
		c->steps = c->count;
	err = nodes_build(ctx, c);
	if (!err)
		err = ferry_workload_program(ctx, "chase", "chase", &c->program);
	if (!err)
		err = ferry_workload_alloc(ctx, c->count * 8, 0, &c->nodes);
	return err ? err : ferry_workload_alloc(ctx, c->threads * 8, 0, &c->out);
}

static int chase_load(struct ferry_workload_ctx *ctx)
{
	struct chase *c = ctx->state;

	memcpy(c->nodes, c->image, c->count * 8);
	memset(c->out, 0, c->threads * 8);
	return 0;
}

static int chase_run(struct ferry_workload_ctx *ctx)
{
	struct chase *c = ctx->state;
	uint32_t block = c->threads < FERRY_WORKLOAD_THREADS ? (uint32_t)c->threads : FERRY_WORKLOAD_THREADS;

	return FERRY_WORKLOAD_LAUNCH(ctx, c->program, ferry_workload_div_up(c->threads, block), block,
	                             ferry_workload_arg(c->nodes), c->stride, c->steps, ferry_workload_arg(c->out),
	                             c->threads);
}

static int chase_verify(struct ferry_workload_ctx *ctx)
{
	const struct chase *c = ctx->state;

	for (uint64_t t = 0; t < c->threads; t++) {
		uint64_t want = ferry_reference_chase(c->image, t * c->stride, c->steps);

		if (c->out[t] != want)
			return ferry_workload_differs(ctx, "out", t, c->out[t], want);
	}
	return ferry_workload_compare64(ctx, "nodes", c->nodes, c->image, c->count);
}

static void chase_teardown(struct ferry_workload_ctx *ctx)
{
	struct chase *c = ctx->state;

	if (c)
		free(c->image);
}

const struct ferry_workload ferry_workload_chase = {
	.name = "chase",
	.summary = "follow a list through the input in random order, 65536 steps in all",
	.needs = chase_needs,
	.setup = chase_setup,
	.load = chase_load,
	.run = chase_run,
	.verify = chase_verify,
	.teardown = chase_teardown,
};
