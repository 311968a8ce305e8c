/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload_bfs.c - breadth-first search over the input as a graph (graph.h): an edge list if it is one, else its
 * words.
 *
 * One launch for each level; between two, the CPU reads how many vertices were found and clears the count.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/graph.h"
#include "tools/reference.h"
#include "tools/workload.h"

struct bfs {
	struct ferry_program *program;
	struct ferry_graph graph; /* private */
	uint64_t *first;
	uint32_t *to, *level, *frontier[2];
	uint64_t *count;
	uint32_t *want; /* private */
};

static uint64_t bytes_needed(uint64_t vertices, uint64_t edges)
{
	return (vertices + 1) * 8 + edges * 4 + 3 * vertices * 4 + 8;
}

static uint64_t bfs_needs(uint64_t input_bytes, uint64_t vram_bytes)
{
	uint64_t vertices, edges;

	(void)vram_bytes;
	ferry_graph_binary_shape(input_bytes, &vertices, &edges);
	return bytes_needed(vertices, edges);
}

static int bfs_setup(struct ferry_workload_ctx *ctx)
{
	int err = ferry_workload_state(ctx, sizeof(struct bfs));
	struct bfs *b = ctx->state;
	struct ferry_graph *g;

	if (err)
		return err;
	g = &b->graph;
	err = ferry_graph_build(ctx->input, ctx->input_bytes, g);
	if (err)
		return ferry_workload_fail(ctx, err, "the input as a graph: %s", ferry_strerror(err));
	/* Unknown before it is done; a random graph of this degree has about so many levels. */
	ctx->steps_total = 8;
	err = ferry_workload_program(ctx, "bfs", "bfs", &b->program);
	if (!err)
		err = ferry_workload_alloc(ctx, (g->vertices + 1) * 8, 0, &b->first);
	if (!err)
		err = ferry_workload_alloc(ctx, g->edges * 4, 0, &b->to);
	if (!err)
		err = ferry_workload_alloc(ctx, g->vertices * 4, 0, &b->level);
	if (!err)
		err = ferry_workload_alloc(ctx, g->vertices * 4, 0, &b->frontier[0]);
	if (!err)
		err = ferry_workload_alloc(ctx, g->vertices * 4, 0, &b->frontier[1]);
	return err ? err : ferry_workload_alloc(ctx, 8, 0, &b->count);
}

static int bfs_load(struct ferry_workload_ctx *ctx)
{
	struct bfs *b = ctx->state;
	const struct ferry_graph *g = &b->graph;

	memcpy(b->first, g->first, (g->vertices + 1) * 8);
	memcpy(b->to, g->to, g->edges * 4);
	memset(b->level, 0xff, g->vertices * 4);
	b->level[g->source] = 0;
	b->frontier[0][0] = g->source;
	return 0;
}

static int bfs_run(struct ferry_workload_ctx *ctx)
{
	struct bfs *b = ctx->state;
	uint64_t found = 1;

	/* Each level has a vertex of its own, so this ends. */
	for (uint64_t level = 0; found; level++) {
		uint64_t blocks = ferry_workload_div_up(found, FERRY_WORKLOAD_THREADS);
		int err;

		*b->count = 0;
		err = FERRY_WORKLOAD_LAUNCH(ctx, b->program, blocks, FERRY_WORKLOAD_THREADS,
		                            ferry_workload_arg(b->first), ferry_workload_arg(b->to),
		                            ferry_workload_arg(b->level), ferry_workload_arg(b->frontier[level % 2]),
		                            ferry_workload_arg(b->frontier[1 - level % 2]),
		                            ferry_workload_arg(b->count), found, level);
		if (err)
			return err;
		found = *b->count;
		/* Beyond it, the next launch would read what is not there. */
		if (found > b->graph.vertices)
			return ferry_workload_differs(ctx, "vertices of level", level + 1, found, b->graph.vertices);
	}
	return 0;
}

static int bfs_verify(struct ferry_workload_ctx *ctx)
{
	struct bfs *b = ctx->state;
	const struct ferry_graph *g = &b->graph;

	if (!b->want) {
		uint32_t *queue = malloc(g->vertices * 4);

		b->want = malloc(g->vertices * 4);
		if (!queue || !b->want) {
			free(queue);
			return ferry_workload_fail(ctx, FERRY_E_NOMEM, "no memory to verify the result");
		}
		ferry_reference_bfs(g->first, g->to, g->vertices, g->source, b->want, queue);
		free(queue);
	}
	return ferry_workload_compare32(ctx, "level", b->level, b->want, g->vertices);
}

static void bfs_teardown(struct ferry_workload_ctx *ctx)
{
	struct bfs *b = ctx->state;

	if (!b)
		return;
	ferry_graph_free(&b->graph);
	free(b->want);
}

const struct ferry_workload ferry_workload_bfs = {
	.name = "bfs",
	.summary = "breadth-first search; the input is an edge list (\"u v\" lines), or any bytes taken as one",
	.needs = bfs_needs,
	.setup = bfs_setup,
	.load = bfs_load,
	.run = bfs_run,
	.verify = bfs_verify,
	.teardown = bfs_teardown,
};
