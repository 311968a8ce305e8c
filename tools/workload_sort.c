/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload_sort.c - the input's 32-bit words in ascending order; programs/sort.c draws how.
 *
 * A chunk is what the radix sort works on while all of it is resident: a power of two of about a quarter of device
 * memory. With its copy and its counters (a quarter of it again) that is a little more than half.
 */
#include <stdlib.h>
#include <string.h>

#include "programs/sort.h"
#include "tools/reference.h"
#include "tools/workload.h"

#define CHUNK_BYTES_MIN (SORT_MERGE_TILE * 4u) /* a tile never straddles two runs */
#define CHUNK_BYTES_MAX (64u << 20)
#define RADIX_THREADS 64u
#define DIGIT_BITS 8u

struct sort {
	struct ferry_program *count_program, *scan, *scatter, *split, *merge;
	uint32_t *keys, *other; /* one key longer than they hold: sort_merge() reads one ahead */
	uint32_t *counters, *totals;
	uint64_t *splits;
	uint32_t *sorted; /* keys or other: where the result is */
	uint32_t *want;   /* private */
	uint64_t count, chunk;
};

static uint64_t chunk_keys(uint64_t vram_bytes)
{
	uint64_t bytes = CHUNK_BYTES_MIN;

	while (bytes < CHUNK_BYTES_MAX && bytes * 2 <= vram_bytes / 4)
		bytes *= 2;
	return bytes / 4;
}

static uint64_t radix_blocks(uint64_t keys)
{
	return ferry_workload_div_up(keys, (uint64_t)SORT_PIECE * RADIX_THREADS);
}

static uint64_t counters_bytes(uint64_t count, uint64_t chunk)
{
	return radix_blocks(count < chunk ? count : chunk) * RADIX_THREADS * SORT_DIGITS * 4;
}

static uint64_t tiles(uint64_t count)
{
	return ferry_workload_div_up(count, SORT_MERGE_TILE);
}

static uint64_t sort_needs(uint64_t input_bytes, uint64_t vram_bytes)
{
	uint64_t count = ferry_workload_words(input_bytes, 4);

	return 2 * (count + 1) * 4 + counters_bytes(count, chunk_keys(vram_bytes)) + SORT_DIGITS * 4 +
	       tiles(count) * 8;
}

static int programs(struct ferry_workload_ctx *ctx, struct sort *s)
{
	int err = ferry_workload_program(ctx, "sort", "sort_count", &s->count_program);

	if (!err)
		err = ferry_workload_program(ctx, "sort", "sort_scan", &s->scan);
	if (!err)
		err = ferry_workload_program(ctx, "sort", "sort_scatter", &s->scatter);
	if (!err)
		err = ferry_workload_program(ctx, "sort", "sort_split", &s->split);
	return err ? err : ferry_workload_program(ctx, "sort", "sort_merge", &s->merge);
}

static int sort_setup(struct ferry_workload_ctx *ctx)
{
	int err = ferry_workload_state(ctx, sizeof(struct sort));
	struct sort *s = ctx->state;

	if (err)
		return err;
	s->count = ferry_workload_words(ctx->input_bytes, 4);
	s->chunk = chunk_keys(ctx->vram_bytes);
	ctx->steps_total = ferry_workload_div_up(s->count, s->chunk) * SORT_PASSES * 3;
	for (uint64_t run = s->chunk; run < s->count; run *= 2)
		ctx->steps_total += 2;
	err = programs(ctx, s);
	if (!err)
		err = ferry_workload_alloc(ctx, (s->count + 1) * 4, 0, &s->keys);
	if (!err)
		err = ferry_workload_alloc(ctx, (s->count + 1) * 4, 0, &s->other);
	if (!err)
		err = ferry_workload_alloc(ctx, counters_bytes(s->count, s->chunk), 0, &s->counters);
	if (!err)
		err = ferry_workload_alloc(ctx, SORT_DIGITS * 4, 0, &s->totals);
	return err ? err : ferry_workload_alloc(ctx, tiles(s->count) * 8, 0, &s->splits);
}

static int sort_load(struct ferry_workload_ctx *ctx)
{
	struct sort *s = ctx->state;

	ferry_workload_input_words(ctx, s->keys, 0, s->count, 4);
	return 0;
}

/* Sort `count` keys at `at`; there is the result too, since the passes are even. */
static int sort_chunk(struct ferry_workload_ctx *ctx, uint64_t at, uint64_t count)
{
	struct sort *s = ctx->state;
	uint64_t blocks = radix_blocks(count), counters = ferry_workload_arg(s->counters);
	uint64_t from = ferry_workload_arg(s->keys + at), to = ferry_workload_arg(s->other + at);

	for (uint32_t pass = 0; pass < SORT_PASSES; pass++) {
		uint64_t shift = pass * DIGIT_BITS, swap = from;
		int err = FERRY_WORKLOAD_LAUNCH(ctx, s->count_program, blocks, RADIX_THREADS, from, count, counters,
		                                shift);

		if (!err)
			err = FERRY_WORKLOAD_LAUNCH(ctx, s->scan, 1, SORT_DIGITS, counters, blocks * RADIX_THREADS,
			                            ferry_workload_arg(s->totals));
		if (!err)
			err = FERRY_WORKLOAD_LAUNCH(ctx, s->scatter, blocks, RADIX_THREADS, from, count, counters,
			                            shift, to);
		if (err)
			return err;
		from = to;
		to = swap;
	}
	return 0;
}
_Static_assert(SORT_PASSES % 2 == 0, "the last pass of sort_chunk() ends where the first began");

static int sort_run(struct ferry_workload_ctx *ctx)
{
	struct sort *s = ctx->state;
	uint32_t *from = s->keys, *to = s->other;

	for (uint64_t at = 0; at < s->count; at += s->chunk) {
		uint64_t rest = s->count - at;
		int err = sort_chunk(ctx, at, rest < s->chunk ? rest : s->chunk);

		if (err)
			return err;
	}
	for (uint64_t run = s->chunk; run < s->count; run *= 2) {
		uint64_t n = tiles(s->count);
		uint32_t *swap = from;
		int err = FERRY_WORKLOAD_LAUNCH(ctx, s->split, ferry_workload_div_up(n, FERRY_WORKLOAD_THREADS),
		                                FERRY_WORKLOAD_THREADS, ferry_workload_arg(from), s->count, run,
		                                ferry_workload_arg(s->splits), n);

		if (!err)
			err = FERRY_WORKLOAD_LAUNCH(ctx, s->merge, n, SORT_MERGE_THREADS, ferry_workload_arg(from),
			                            ferry_workload_arg(to), s->count, run,
			                            ferry_workload_arg(s->splits));
		if (err)
			return err;
		from = to;
		to = swap;
	}
	s->sorted = from;
	return 0;
}

static int sort_verify(struct ferry_workload_ctx *ctx)
{
	struct sort *s = ctx->state;

	if (!s->want) {
		uint32_t *scratch = malloc(s->count * 4);

		s->want = malloc(s->count * 4);
		if (!s->want || !scratch) {
			free(scratch);
			return ferry_workload_fail(ctx, FERRY_E_NOMEM, "no memory to verify the result");
		}
		ferry_workload_input_words(ctx, s->want, 0, s->count, 4);
		ferry_reference_sort(s->want, scratch, s->count);
		free(scratch);
	}
	return ferry_workload_compare32(ctx, "sorted", s->sorted, s->want, s->count);
}

static void sort_teardown(struct ferry_workload_ctx *ctx)
{
	struct sort *s = ctx->state;

	if (s)
		free(s->want);
}

const struct ferry_workload ferry_workload_sort = {
	.name = "sort",
	.summary = "sort the 32-bit words of the input",
	.needs = sort_needs,
	.setup = sort_setup,
	.load = sort_load,
	.run = sort_run,
	.verify = sort_verify,
	.teardown = sort_teardown,
};
