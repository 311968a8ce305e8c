/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * In a guest: from a GPU's access to a page that the program has until it goes on, beside userfaultfd moving the same
 * bytes (uffd.h). One run, in turns, medians.
 *
 *     ours    one GPU thread follows pointers, each into a piece that the CPU has just written: every step is one
 *             fault. The driver takes the CPU's mappings away, copies, maps. What the same launch takes without
 *             faults is taken off.
 *     wide    512 GPU threads, each into a page of an allocation of its own, at once: what a page costs when the
 *             device does not wait for one before it asks for the next. For userfaultfd nothing changes then.
 *     cold    the CPU has no mappings, of either's source.
 *
 *     kernel-gpu-fault-SIZE[-cold|-wide]-PEER         peers: sigbus, thread
 */
#include <string.h>

#include "test/bench/bench.h"
#include "test/bench/gpu_loop.h"
#include "gpu_wide.h"
#include "uffd.h"

#define ROUNDS 9u
#define PIECES 512u
#define BLOCK ((size_t)2 << 20)
#define BLOCKS 8u
#define MOST ((size_t)32 << 20) /* bytes of a round */
#define TARGET "peer<=0.333"

static struct gpu_loop gpu;
static struct gpu_wide wide;
static struct uffd by_signal, by_thread;
static double ours[ROUNDS], sigbus[ROUNDS], thread[ROUNDS];

/* ---- ours ---- */

struct work {
	void *piece[PIECES];
	uint32_t pieces;
	size_t bytes; /* of a piece */
	uint64_t steps;
	bool cold, wide;
};

static uint64_t run_ns(const struct work *w)
{
	uint64_t start = bench_now_ns();

	if (w->wide)
		gpu_wide_run(&wide, w->pieces);
	else
		gpu_loop_run(&gpu, w->piece[0], w->steps);
	return bench_now_ns() - start;
}

static double ours_round(const struct work *w)
{
	uint64_t first;

	for (uint32_t i = 0; i < w->pieces; i++) {
		for (size_t at = 8; at < w->bytes; at += 64)
			((volatile uint64_t *)w->piece[i])[at / 8] = at;
		if (w->cold)
			gpu_loop_cold(&gpu, w->piece[i], w->bytes);
	}
	first = run_ns(w);
	return ((double)first - (double)run_ns(w)) / w->pieces;
}

/* ---- rows ---- */

static void row(const char *id, const char *peer_name, double *peer, const char *target)
{
	char name[64];
	struct bench_row r = {.id = name, .unit = "ns", .peer_name = peer_name, .target = target};

	(void)snprintf(name, sizeof(name), "%s-%s", id, peer_name + strlen("uffd-"));
	r.ours = bench_median(ours, ROUNDS);
	r.peer = bench_median(peer, ROUNDS);
	bench_print(&r);
}

static void rounds(const char *id, const struct work *w, const char *target)
{
	for (uint32_t r = 0; r < ROUNDS; r++) {
		ours[r] = ours_round(w);
		sigbus[r] = uffd_round(&by_signal, w->bytes, w->pieces, !w->cold);
		thread[r] = uffd_round(&by_thread, w->bytes, w->pieces, !w->cold);
	}
	row(id, "uffd-sigbus", sigbus, target);
	row(id, "uffd-thread", thread, target);
}

/* Pieces of allocations of their own, so that nothing comes along. */
static void pieces_open(struct work *w, size_t bytes, uint32_t pieces)
{
	*w = (struct work){.pieces = pieces, .bytes = bytes, .steps = pieces};
	for (uint32_t i = 0; i < pieces; i++) {
		gpu_check("alloc", ferry_alloc(gpu.f, bytes, 0, &w->piece[i]));
		memset(w->piece[i], 1, bytes);
	}
	for (uint32_t i = 0; i < pieces; i++)
		*(uint64_t *)w->piece[i] = (uintptr_t)w->piece[(i + 1) % pieces];
}

static void pieces_close(struct work *w)
{
	for (uint32_t i = 0; i < w->pieces; i++)
		gpu_check("free", ferry_free(gpu.f, w->piece[i]));
}

static void bench_pages(void)
{
	struct work w;

	pieces_open(&w, 4096, PIECES);
	rounds("kernel-gpu-fault-4k", &w, TARGET);
	w.cold = true;
	rounds("kernel-gpu-fault-4k-cold", &w, NULL);
	w.cold = false;
	w.wide = true;
	gpu_wide_set(&wide, w.piece, w.pieces);
	rounds("kernel-gpu-fault-4k-wide", &w, TARGET);
	pieces_close(&w);
}

static void bench_pieces(const char *id, size_t bytes, uint32_t pieces)
{
	struct work w;

	pieces_open(&w, bytes, pieces);
	rounds(id, &w, TARGET);
	pieces_close(&w);
}

/* A stream through blocks, a page at a time: once it runs, a block is one fault. */
static void bench_stream(const char *id)
{
	struct work w = {.pieces = BLOCKS, .bytes = BLOCK, .steps = BLOCKS * BLOCK / 4096};
	uint8_t *p;

	gpu_check("alloc", ferry_alloc(gpu.f, BLOCKS * BLOCK, 0, (void **)&p));
	memset(p, 1, BLOCKS * BLOCK);
	for (size_t at = 0; at < BLOCKS * BLOCK; at += 4096)
		*(uint64_t *)(p + at) = (uintptr_t)(p + (at + 4096) % (BLOCKS * BLOCK));
	for (uint32_t i = 0; i < BLOCKS; i++)
		w.piece[i] = p + i * BLOCK;
	/* Only the word at 0 of a page is a pointer: what is written is beside it. */
	rounds(id, &w, TARGET);
	gpu_check("free", ferry_free(gpu.f, p));
}

int main(void)
{
	struct ferry_options options = {.size = sizeof(options), .host = "kernel"};

	uffd_open(&by_signal, UFFD_SIGBUS, MOST);
	uffd_open(&by_thread, UFFD_THREAD, MOST);
	gpu_loop_open_with(&gpu, &options);
	gpu_wide_open(&wide, gpu.f);
	bench_pages();
	bench_pieces("kernel-gpu-fault-64k", 65536, PIECES / 4);
	bench_stream("kernel-gpu-fault-2m");
	gpu_check("close", ferry_close(gpu.f));
	uffd_close(&by_signal);
	uffd_close(&by_thread);
	return 0;
}
