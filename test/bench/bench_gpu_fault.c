/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * From a GPU's access to a missing page until it goes on: one GPU thread follows pointers, each into a piece that is
 * at home (4 KiB, 64 KiB, and 2 MiB of a stream). The peers give the same bytes to a CPU thread: see
 * bench_cpu_fault.c. They are measured here at each size.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/bench/bench.h"
#include "test/bench/gpu_loop.h"

#define ROUNDS 25u
#define PIECES_MAX 512u /* many, so that waking the engine once does not count */

static uint8_t *area, *source;
static size_t area_bytes, piece_bytes;

static void on_segv(int number, siginfo_t *info, void *context)
{
	uint8_t *at = (uint8_t *)info->si_addr;

	(void)number, (void)context;
	if (at < area || at >= area + area_bytes)
		_exit(3);
	at = area + (size_t)(at - area) / piece_bytes * piece_bytes;
	if (mprotect(at, piece_bytes, PROT_READ | PROT_WRITE))
		_exit(4);
	memcpy(at, source + (at - area), piece_bytes);
}

static uint8_t *uffd_area;
static int uffd = -1;

static void on_bus(int number, siginfo_t *info, void *context)
{
	uint8_t *at = (uint8_t *)info->si_addr;
	struct uffdio_copy copy = {.len = piece_bytes};

	(void)number, (void)context;
	if (at < uffd_area || at >= uffd_area + area_bytes)
		_exit(5);
	at = uffd_area + (size_t)(at - uffd_area) / piece_bytes * piece_bytes;
	copy.dst = (uintptr_t)at;
	copy.src = (uintptr_t)(source + (at - uffd_area));
	if (ioctl(uffd, UFFDIO_COPY, &copy))
		_exit(6);
}

static void uffd_open(size_t bytes)
{
	struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_SIGBUS};
	struct uffdio_register reg = {.mode = UFFDIO_REGISTER_MODE_MISSING};

	uffd_area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	reg.range.start = (uintptr_t)uffd_area;
	reg.range.len = bytes;
	if (uffd_area == MAP_FAILED || uffd < 0 || ioctl(uffd, UFFDIO_API, &api) ||
	    ioctl(uffd, UFFDIO_REGISTER, &reg)) {
		perror("userfaultfd");
		exit(1);
	}
}

/* The same with userfaultfd: pages that are not there get theirs, as UFFDIO_COPY makes them. */
static double uffd_round(size_t bytes, uint32_t pieces)
{
	uint64_t ns, sum = 0;

	piece_bytes = bytes;
	area_bytes = bytes * pieces;
	if (madvise(uffd_area, area_bytes, MADV_DONTNEED))
		exit(1);
	ns = bench_now_ns();
	for (uint32_t i = 0; i < pieces; i++)
		sum += *(volatile uint64_t *)(uffd_area + i * bytes);
	ns = bench_now_ns() - ns;
	bench_keep(&sum);
	return (double)ns / pieces;
}

/* Touch each piece of an inaccessible area once. The memory itself is there: only the copy and the fault are counted.
 */
static double peer_round(size_t bytes, uint32_t pieces)
{
	uint64_t ns, sum = 0;

	piece_bytes = bytes;
	area_bytes = bytes * pieces;
	if (mprotect(area, area_bytes, PROT_NONE))
		exit(1);
	ns = bench_now_ns();
	for (uint32_t i = 0; i < pieces; i++)
		sum += *(volatile uint64_t *)(area + i * bytes);
	ns = bench_now_ns() - ns;
	bench_keep(&sum);
	return (double)ns / pieces;
}

/* Chains: one pointer a piece, in allocations of their own; or one a page, through one large one. */
static double ours_round(const struct gpu_loop *g, void *const *piece, uint32_t pieces, size_t bytes, uint64_t steps)
{
	uint64_t cold, warm;

	for (uint32_t i = 0; i < pieces; i++)
		gpu_loop_cold(g, piece[i], bytes);
	cold = bench_now_ns();
	gpu_loop_run(g, piece[0], steps);
	cold = bench_now_ns() - cold;
	warm = bench_now_ns();
	gpu_loop_run(g, piece[0], steps);
	warm = bench_now_ns() - warm;
	return (double)(cold - warm) / pieces;
}

static void rows(const char *id, double ours, double peer, double uffd_peer, const char *target)
{
	struct bench_row r = {
		.id = id, .unit = "ns", .ours = ours, .peer = peer, .peer_name = "mprotect", .target = target};
	char uffd_id[64];

	bench_print(&r);
	(void)snprintf(uffd_id, sizeof(uffd_id), "%s-uffd", id);
	r.id = uffd_id;
	r.peer = uffd_peer;
	r.peer_name = "uffd-sigbus";
	r.target = "peer<=0.333";
	bench_print(&r);
}

static void bench_pieces(const struct gpu_loop *g, const char *id, size_t bytes, uint32_t pieces, const char *target)
{
	static double ours[ROUNDS], peer[ROUNDS], uffd_peer[ROUNDS];
	void *piece[PIECES_MAX];

	for (uint32_t i = 0; i < pieces; i++) {
		gpu_check("alloc", ferry_alloc(g->f, bytes, 0, &piece[i]));
		memset(piece[i], 1, bytes);
	}
	for (uint32_t i = 0; i < pieces; i++)
		*(uint64_t *)piece[i] = (uintptr_t)piece[(i + 1) % pieces];
	for (uint32_t r = 0; r < ROUNDS; r++) {
		ours[r] = ours_round(g, piece, pieces, bytes, pieces);
		peer[r] = peer_round(bytes, pieces);
		uffd_peer[r] = uffd_round(bytes, pieces);
	}
	rows(id, bench_median(ours, ROUNDS), bench_median(peer, ROUNDS), bench_median(uffd_peer, ROUNDS), target);
	for (uint32_t i = 0; i < pieces; i++)
		gpu_check("free", ferry_free(g->f, piece[i]));
}

/* A stream through 2 MiB blocks, a page at a time: once it runs, a block is one fault. */
static void bench_stream(const struct gpu_loop *g, const char *id, uint32_t blocks, const char *target)
{
	const size_t block = 2u << 20, bytes = block * blocks;
	static double ours[ROUNDS], peer[ROUNDS], uffd_peer[ROUNDS];
	uint8_t *p;
	void *piece[PIECES_MAX];

	gpu_check("alloc", ferry_alloc(g->f, bytes, 0, (void **)&p));
	memset(p, 1, bytes);
	for (size_t at = 0; at < bytes; at += 4096)
		*(uint64_t *)(p + at) = (uintptr_t)(p + (at + 4096) % bytes);
	for (uint32_t i = 0; i < blocks; i++)
		piece[i] = p + i * block;
	for (uint32_t r = 0; r < ROUNDS; r++) {
		ours[r] = ours_round(g, piece, blocks, block, bytes / 4096);
		peer[r] = peer_round(block, blocks);
		uffd_peer[r] = uffd_round(block, blocks);
	}
	rows(id, bench_median(ours, ROUNDS), bench_median(peer, ROUNDS), bench_median(uffd_peer, ROUNDS), target);
	gpu_check("free", ferry_free(g->f, p));
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
	const size_t most = 64u << 20;
	struct gpu_loop g;

	area = mmap(NULL, most, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	source = mmap(NULL, most, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (area == MAP_FAILED || source == MAP_FAILED)
		return 1;
	memset(source, 3, most);
	sigaction(SIGSEGV, &action, NULL);
	action.sa_sigaction = on_bus;
	sigaction(SIGBUS, &action, NULL);
	uffd_open(most);
	gpu_loop_open(&g, 256u << 20);
	bench_pieces(&g, "gpu-fault-4k", 4096, 512, "ours<=1200,peer<=0.333");
	bench_pieces(&g, "gpu-fault-64k", 65536, 512, "ours<=4500,peer<=0.333");
	bench_stream(&g, "gpu-fault-2m", 32, "ours<=100000,peer<=0.333");
	gpu_check("close", ferry_close(g.f));
	return 0;
}
