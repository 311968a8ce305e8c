/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bench_batch.c - pre-processing of a batch: ns per fault to have the groups of (address space, block).
 *
 *   stream   streams that each walk through a block of their own, page by page, in turns
 *   random   any page of 4 GiB
 *   dense    eight blocks
 *
 * Peer: qsort by (asid, address) and one pass over the result. Limit: reading every fault once.
 */
#include <string.h>

#include "fault/batch.h"
#include "test/bench/bench.h"

#define FAULTS_MAX 4096u
#define BATCHES 101u

static struct ferry_fault faults[FAULTS_MAX], sorted[FAULTS_MAX];
static struct ferry_bitmap groups[FAULTS_MAX];
static uint64_t rng_state = 88172645463325252ull;

static uint64_t rng(uint64_t below)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state % below;
}

enum input { STREAM, RANDOM, DENSE };

static void fill(enum input input, uint32_t count)
{
	static uint64_t at[160];
	uint64_t page = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t stream = rng(160);

		switch (input) {
		case STREAM:
			if (at[stream] % 512 == 0)
				at[stream] = rng(2048) * 512;
			page = at[stream]++;
			break;
		case RANDOM:
			page = rng(2048 * 512);
			break;
		case DENSE:
			page = rng(8 * 512);
			break;
		}
		faults[i] = (struct ferry_fault){.va = (1ull << 40) + page * FERRY_PAGE_SIZE,
		                                 .id = i,
		                                 .asid = 3,
		                                 .access = rng(4) ? FERRY_ACCESS_READ : FERRY_ACCESS_WRITE};
	}
}

static int compare(const void *a, const void *b)
{
	const struct ferry_fault *x = a, *y = b;

	if (x->asid != y->asid)
		return x->asid < y->asid ? -1 : 1;
	return x->va < y->va ? -1 : x->va > y->va;
}

static uint32_t by_sorting(uint32_t count)
{
	uint64_t block = ~0ull;
	uint32_t n = 0;

	memcpy(sorted, faults, count * sizeof(*faults));
	qsort(sorted, count, sizeof(*sorted), compare);
	for (uint32_t i = 0; i < count; i++) {
		if (sorted[i].va >> FERRY_BLOCK_SHIFT != block) {
			block = sorted[i].va >> FERRY_BLOCK_SHIFT;
			ferry_bitmap_zero(&groups[n++]);
		}
		ferry_bitmap_set(&groups[n - 1], (uint32_t)(sorted[i].va >> FERRY_PAGE_SHIFT) % FERRY_BLOCK_PAGES);
	}
	return n;
}

static uint64_t by_reading(uint32_t count)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += faults[i].va ^ faults[i].asid ^ faults[i].access;
	return sum;
}

static void bench_input(struct ferry_fault_batch *b, enum input input, const char *name, uint32_t count,
                        const char *target)
{
	static double ours[BATCHES], peer[BATCHES], limit[BATCHES], found[BATCHES];
	char id[64];

	for (uint32_t n = 0; n < BATCHES; n++) {
		uint64_t t0, t1, t2, t3, sum;

		fill(input, count);
		t0 = bench_now_ns();
		ferry_fault_batch_reset(b);
		if (ferry_fault_batch_add(b, faults, count))
			exit(1);
		t1 = bench_now_ns();
		found[n] = by_sorting(count);
		t2 = bench_now_ns();
		sum = by_reading(count);
		bench_keep(&sum);
		t3 = bench_now_ns();
		if ((uint32_t)found[n] != ferry_fault_batch_groups(b))
			exit(1);
		ours[n] = (double)(t1 - t0) / count;
		peer[n] = (double)(t2 - t1) / count;
		limit[n] = (double)(t3 - t2) / count;
	}
	snprintf(id, sizeof(id), "batch-%s-%u", name, count);
	bench_print(&(struct bench_row){.id = id,
	                                .unit = "ns",
	                                .ours = bench_median(ours, BATCHES),
	                                .peer = bench_median(peer, BATCHES),
	                                .peer_name = "qsort",
	                                .limit = bench_median(limit, BATCHES),
	                                .target = target});
	printf("%s-groups %.0f groups\n", id, bench_median(found, BATCHES));
}

int main(void)
{
	struct ferry_mem mem = {{0}};
	struct ferry_fault_batch b;

	if (ferry_fault_batch_init(&b, &mem, FAULTS_MAX))
		return 1;
	for (uint32_t count = 256; count <= FAULTS_MAX; count *= 4) {
		bench_input(&b, STREAM, "stream", count, count == 1024 ? "ours<=8" : NULL);
		bench_input(&b, RANDOM, "random", count, NULL);
		bench_input(&b, DENSE, "dense", count, NULL);
	}
	printf("batch-bytes %.0f bytes\n", (double)ferry_mem_bytes(&mem));
	ferry_fault_batch_fini(&b);
	return 0;
}
