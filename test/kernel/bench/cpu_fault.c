/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * In a guest: what a CPU's touch of a page costs that the device has, beside userfaultfd giving 4 KiB to a thread
 * that touches a page it does not have (uffd.h, without taking a source away: whose memory that is, no CPU maps). One
 * run, in turns, medians. Ferry takes the device's mapping away, invalidates its TLB, copies, maps the page.
 *
 *     kernel-cpu-fault-4k-PEER                        peers: sigbus, thread
 */
#include <string.h>

#include "test/bench/bench.h"
#include "test/bench/gpu_loop.h"
#include "uffd.h"

#define ROUNDS 15u
#define PAGES 128u
#define PAGE ((size_t)4096)

static struct uffd by_signal, by_thread;
static struct ferry *f;
static uint8_t *page[PAGES];

static double ours_round(void)
{
	uint64_t start, sum = 0;

	for (uint32_t i = 0; i < PAGES; i++)
		gpu_check("to the device", ferry_migrate(f, page[i], PAGE, 0));
	start = bench_now_ns();
	for (uint32_t i = 0; i < PAGES; i++)
		sum += *(volatile uint64_t *)page[i];
	start = bench_now_ns() - start;
	bench_keep(&sum);
	return (double)start / PAGES;
}

int main(void)
{
	struct ferry_options options = {.size = sizeof(options), .host = "kernel"};
	struct bench_row row = {.unit = "ns", .target = "peer<=0.5"};
	static double ours[ROUNDS], sigbus[ROUNDS], thread[ROUNDS];

	uffd_open(&by_signal, UFFD_SIGBUS, PAGES * PAGE);
	uffd_open(&by_thread, UFFD_THREAD, PAGES * PAGE);
	gpu_check("open", ferry_open(&options, &f));
	/* One page an allocation: nothing comes along. */
	for (uint32_t i = 0; i < PAGES; i++) {
		gpu_check("alloc", ferry_alloc(f, PAGE, 0, (void **)&page[i]));
		memset(page[i], (int)i, PAGE);
	}
	for (uint32_t r = 0; r < ROUNDS; r++) {
		ours[r] = ours_round();
		sigbus[r] = uffd_round(&by_signal, PAGE, PAGES, false);
		thread[r] = uffd_round(&by_thread, PAGE, PAGES, false);
	}
	row.ours = bench_median(ours, ROUNDS);
	row.id = "kernel-cpu-fault-4k-sigbus";
	row.peer_name = "uffd-sigbus";
	row.peer = bench_median(sigbus, ROUNDS);
	bench_print(&row);
	row.id = "kernel-cpu-fault-4k-thread";
	row.peer_name = "uffd-thread";
	row.peer = bench_median(thread, ROUNDS);
	bench_print(&row);
	gpu_check("close", ferry_close(f));
	uffd_close(&by_signal);
	uffd_close(&by_thread);
	return 0;
}
