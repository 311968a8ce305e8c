/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Moving 2 MiB pieces to the device, beside the best copy loop over the same sizes: asked for (prefetch), and on
 * demand by a GPU thread that walks through the pages. And what the driver's own memory amounts to.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ferry/os.h"
#include "test/bench/bench.h"
#include "test/bench/gpu_loop.h"

#define BYTES ((size_t)64 << 20)
#define PIECE ((size_t)2 << 20)
#define ROUNDS 15u

static double gb_per_s(uint64_t ns)
{
	return (double)BYTES / (double)ns;
}

static double copy_loop(uint8_t *dst, const uint8_t *src, void (*copy)(void *, const void *, size_t))
{
	uint64_t start = bench_now_ns();

	for (size_t at = 0; at < BYTES; at += PIECE)
		copy(dst + at, src + at, PIECE);
	return gb_per_s(bench_now_ns() - start);
}

static void plain_copy(void *dst, const void *src, size_t bytes)
{
	memcpy(dst, src, bytes);
	bench_keep(dst);
}

/* Median of the rounds of each; the better one is the limit. */
static double best_loop(uint8_t *a, const uint8_t *b, double *plain, double *run, uint32_t round)
{
	plain[round] = copy_loop(a, b, plain_copy);
	run[round] = copy_loop(a, b, ferry_os_copy_run);
	return plain[round] > run[round] ? plain[round] : run[round];
}

static double prefetch_round(const struct gpu_loop *g, uint8_t *p, bool mapped)
{
	uint64_t start;

	if (mapped)
		gpu_check("home", ferry_migrate(g->f, p, BYTES, FERRY_WHERE_HOST));
	else
		gpu_loop_cold(g, p, BYTES);
	start = bench_now_ns();
	gpu_check("prefetch", ferry_prefetch(g->f, p, BYTES, 0));
	return gb_per_s(bench_now_ns() - start);
}

static double demand_round(const struct gpu_loop *g, uint8_t *p)
{
	uint64_t cold, warm;

	gpu_loop_cold(g, p, BYTES);
	cold = bench_now_ns();
	gpu_loop_run(g, p, BYTES / 4096);
	cold = bench_now_ns() - cold;
	warm = bench_now_ns();
	gpu_loop_run(g, p, BYTES / 4096);
	warm = bench_now_ns() - warm;
	return gb_per_s(cold - warm);
}

static void row(const char *id, double ours, double limit, const char *target)
{
	struct bench_row r = {.id = id, .unit = "GB/s", .ours = ours, .limit = limit, .target = target};

	bench_print(&r);
}

/* The core's memory for managed bytes that have all been on the device. */
static void overhead(const struct gpu_loop *g)
{
	struct bench_row r = {.id = "core-memory", .unit = "percent", .target = "ours<=1"};
	uint64_t before[FERRY_COUNTER_COUNT], after[FERRY_COUNTER_COUNT];
	const size_t bytes = (size_t)512 << 20;
	uint8_t *p;

	gpu_check("counters", ferry_counters(g->f, before));
	gpu_check("alloc", ferry_alloc(g->f, bytes, 0, (void **)&p));
	for (size_t at = 0; at < bytes; at += PIECE)
		gpu_check("prefetch", ferry_migrate(g->f, p + at, 4096, 0));
	gpu_check("counters", ferry_counters(g->f, after));
	r.ours = 100.0 * (double)(after[FERRY_COUNTER_memory_bytes] - before[FERRY_COUNTER_memory_bytes]) /
	         (double)bytes;
	bench_print(&r);
	printf("core-memory-fixed %.2f MiB\n", (double)before[FERRY_COUNTER_memory_bytes] / 1048576);
	gpu_check("free", ferry_free(g->f, p));
}

int main(void)
{
	static double plain[ROUNDS], run[ROUNDS], asked[ROUNDS], mapped[ROUNDS], demand[ROUNDS], limit[ROUNDS];
	uint8_t *a = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = memfd_create("bench", MFD_CLOEXEC);
	uint8_t *b, *p;
	struct gpu_loop g;

	/* The loops read what managed memory is made of, pages of a memory file, and write what device memory is. */
	if (fd < 0 || ftruncate(fd, (off_t)BYTES))
		return 1;
	b = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (a == MAP_FAILED || b == MAP_FAILED)
		return 1;
	(void)madvise(a, BYTES, MADV_HUGEPAGE);
	memset(a, 1, BYTES);
	memset(b, 2, BYTES);
	gpu_loop_open(&g, 256u << 20);
	overhead(&g);
	gpu_check("alloc", ferry_alloc(g.f, BYTES, 0, (void **)&p));
	for (size_t at = 0; at < BYTES; at += 4096)
		*(uint64_t *)(p + at) = (uintptr_t)(p + (at + 4096) % BYTES);
	for (uint32_t r = 0; r < ROUNDS; r++) {
		limit[r] = best_loop(a, b, plain, run, r);
		asked[r] = prefetch_round(&g, p, false);
		mapped[r] = prefetch_round(&g, p, true);
		demand[r] = demand_round(&g, p);
	}
	row("migrate-2m-prefetch", bench_median(asked, ROUNDS), bench_median(limit, ROUNDS), "limit>=0.9");
	row("migrate-2m-prefetch-mapped", bench_median(mapped, ROUNDS), bench_median(limit, ROUNDS), NULL);
	row("migrate-2m-on-demand", bench_median(demand, ROUNDS), bench_median(limit, ROUNDS), "limit>=0.6");
	printf("copy-loop-memcpy %.2f GB/s\ncopy-loop-streaming %.2f GB/s\n", bench_median(plain, ROUNDS),
	       bench_median(run, ROUNDS));
	gpu_check("close", ferry_close(g.f));
	return 0;
}
