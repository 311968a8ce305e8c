/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * From a GPU's access to a missing page until it goes on: one GPU thread follows pointers, each into a piece that is
 * at home (4 KiB, 64 KiB, and 2 MiB of a stream). The peers give the same bytes to a CPU thread: see
 * bench_cpu_fault.c. They are measured here at each size.
 *
 * What is compared is the same copy. In every round, ours and theirs,
 *     this thread     has just written the source: pages of a memory file, 4 KiB each, as Ferry's home pages are
 *     another thread  touches piece after piece; what it waits for is counted. Ferry's runs the GPU.
 *
 *            source                                destination
 *   ours     pieces of allocations of their own:   device memory, huge pages
 *            2 MiB apart
 *   mprotect one after the other                   private memory that is there: fault, mprotect, memcpy
 *   uffd     one after the other                   private memory that is not: fault, UFFDIO_COPY
 *   limit    as ours                               as ours, and nothing but the copy: the better one of memcpy and of
 *                                                  ferry_os_copy_run, without any fault
 *
 * Nobody pays for memory that is used for the first time: the first round, of 25, does that, and the median is shown.
 * Nor for what the others left in the caches and the TLB: in each round each goes twice, and the second time counts.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ferry/os.h"
#include "test/bench/bench.h"
#include "test/bench/gpu_loop.h"

#define ROUNDS 25u
#define PIECES_MAX 512u /* many, so that waking the engine once does not count */

#define BLOCK ((size_t)2 << 20)
#define MOST ((size_t)64 << 20) /* bytes of a round */

static uint8_t *area, *source, *home, *device;
static size_t area_bytes, piece_bytes;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- what the other thread does ------------------------------------------------------------------------ */

struct touch {
	uint8_t *at; /* pieces of piece_bytes, one after the other */
	uint32_t pieces;
	void (*copy)(void *dst, const void *src, size_t bytes); /* NULL: touch at; else copy home to device */
	uint64_t ns;
};

/* Where the limit's source lies. */
static size_t home_step(void)
{
	return piece_bytes < BLOCK ? BLOCK : piece_bytes;
}

static void *touch_main(void *arg)
{
	struct touch *t = arg;
	uint64_t start = bench_now_ns(), sum = 0;

	for (uint32_t i = 0; i < t->pieces; i++) {
		if (t->copy)
			t->copy(device + i * piece_bytes, home + i * home_step(), piece_bytes);
		else
			sum += *(volatile uint64_t *)(t->at + i * piece_bytes);
	}
	t->ns = bench_now_ns() - start;
	bench_keep(&sum);
	return NULL;
}

/* ns for each piece, in a thread of its own. */
static double touch_all(struct touch t)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, touch_main, &t) || pthread_join(thread, NULL))
		die("thread");
	return (double)t.ns / t.pieces;
}

/* As the way home does it: bytes of the device are written to pages that others read next. */
static void source_write(void)
{
	for (size_t at = 0; at < area_bytes; at += piece_bytes)
		ferry_os_copy_run(source + at, device + at, piece_bytes);
}

/* ---- peers and limit ------------------------------------------------------------------------------------- */

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
	    ioctl(uffd, UFFDIO_REGISTER, &reg))
		die("userfaultfd");
}

/* The same with userfaultfd: pages that are not there get theirs, as UFFDIO_COPY makes them. */
static double uffd_round(uint32_t pieces)
{
	if (madvise(uffd_area, area_bytes, MADV_DONTNEED))
		die("madvise");
	source_write();
	return touch_all((struct touch){.at = uffd_area, .pieces = pieces});
}

/* Touch each piece of an inaccessible area once. The memory itself is there: only the copy and the fault are counted.
 */
static double peer_round(uint32_t pieces)
{
	if (mprotect(area, area_bytes, PROT_NONE))
		die("mprotect");
	source_write();
	return touch_all((struct touch){.at = area, .pieces = pieces});
}

static void plain_copy(void *dst, const void *src, size_t bytes)
{
	memcpy(dst, src, bytes);
	bench_keep(dst);
}

/* The copy alone. */
static double limit_round(uint32_t pieces)
{
	static void (*const copies[])(void *, const void *, size_t) = {plain_copy, ferry_os_copy_run};
	double best = 0;

	for (uint32_t k = 0; k < 2; k++) {
		double ns;

		for (uint32_t i = 0; i < pieces; i++)
			ferry_os_copy_run(home + i * home_step(), device + i * piece_bytes, piece_bytes);
		ns = touch_all((struct touch){.pieces = pieces, .copy = copies[k]});
		best = k && best < ns ? best : ns;
	}
	return best;
}

/* ---- ours -------------------------------------------------------------------------------------------------- */

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

static double results[4][ROUNDS]; /* ours, mprotect, uffd, limit */

/* One of each, in turns; each twice, and the second counts. steps: pointers that ours follows. */
static void round_run(const struct gpu_loop *g, void *const *piece, uint32_t pieces, uint64_t steps, uint32_t r)
{
	for (uint32_t k = 0; k < 2; k++)
		results[0][r] = ours_round(g, piece, pieces, piece_bytes, steps);
	for (uint32_t k = 0; k < 2; k++)
		results[1][r] = peer_round(pieces);
	for (uint32_t k = 0; k < 2; k++)
		results[2][r] = uffd_round(pieces);
	for (uint32_t k = 0; k < 2; k++)
		results[3][r] = limit_round(pieces);
}

static void rows(const char *id, const char *target)
{
	struct bench_row r = {.id = id, .unit = "ns", .peer_name = "mprotect", .target = target};
	char uffd_id[64];

	r.ours = bench_median(results[0], ROUNDS);
	r.peer = bench_median(results[1], ROUNDS);
	r.limit = bench_median(results[3], ROUNDS);
	bench_print(&r);
	(void)snprintf(uffd_id, sizeof(uffd_id), "%s-uffd", id);
	r.id = uffd_id;
	r.peer = bench_median(results[2], ROUNDS);
	r.peer_name = "uffd-sigbus";
	r.target = "peer<=0.333";
	bench_print(&r);
}

static void bench_pieces(const struct gpu_loop *g, const char *id, size_t bytes, uint32_t pieces, const char *target)
{
	void *piece[PIECES_MAX];

	piece_bytes = bytes;
	area_bytes = bytes * pieces;
	for (uint32_t i = 0; i < pieces; i++) {
		gpu_check("alloc", ferry_alloc(g->f, bytes, 0, &piece[i]));
		memset(piece[i], 1, bytes);
	}
	for (uint32_t i = 0; i < pieces; i++)
		*(uint64_t *)piece[i] = (uintptr_t)piece[(i + 1) % pieces];
	for (uint32_t r = 0; r < ROUNDS; r++)
		round_run(g, piece, pieces, pieces, r);
	rows(id, target);
	for (uint32_t i = 0; i < pieces; i++)
		gpu_check("free", ferry_free(g->f, piece[i]));
}

/* A stream through 2 MiB blocks, a page at a time: once it runs, a block is one fault. */
static void bench_stream(const struct gpu_loop *g, const char *id, uint32_t blocks, const char *target)
{
	const size_t bytes = BLOCK * blocks;
	uint8_t *p;
	void *piece[PIECES_MAX];

	piece_bytes = BLOCK;
	area_bytes = bytes;
	gpu_check("alloc", ferry_alloc(g->f, bytes, 0, (void **)&p));
	memset(p, 1, bytes);
	for (size_t at = 0; at < bytes; at += 4096)
		*(uint64_t *)(p + at) = (uintptr_t)(p + (at + 4096) % bytes);
	for (uint32_t i = 0; i < blocks; i++)
		piece[i] = p + i * BLOCK;
	for (uint32_t r = 0; r < ROUNDS; r++)
		round_run(g, piece, blocks, bytes / 4096, r);
	rows(id, target);
	gpu_check("free", ferry_free(g->f, p));
}

static uint8_t *file_map(size_t bytes)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);
	uint8_t *p;

	if (fd < 0 || ftruncate(fd, (off_t)bytes))
		die("memory file");
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die("memory file");
	close(fd);
	return p;
}

/* What Ferry's device memory is made of. */
static uint8_t *device_map(size_t bytes)
{
	uint8_t *p = mmap(NULL, bytes + BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("device memory");
	p += -(uintptr_t)p % BLOCK;
	(void)madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 3, bytes);
	return p;
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
	struct gpu_loop g;

	area = mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (area == MAP_FAILED)
		die("mmap");
	source = file_map(MOST);
	home = file_map(PIECES_MAX * BLOCK);
	device = device_map(MOST);
	sigaction(SIGSEGV, &action, NULL);
	action.sa_sigaction = on_bus;
	sigaction(SIGBUS, &action, NULL);
	uffd_open(MOST);
	gpu_loop_open(&g, 256u << 20);
	bench_pieces(&g, "gpu-fault-4k", 4096, 512, "ours<=1200,peer<=0.333");
	bench_pieces(&g, "gpu-fault-64k", 65536, 512, "ours<=4500,peer<=0.333");
	bench_stream(&g, "gpu-fault-2m", 32, "ours<=100000,peer<=0.333");
	gpu_check("close", ferry_close(g.f));
	return 0;
}
