/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * In a guest whose clock counts instructions: one CPU, QEMU with -icount shift=0, so that a nanosecond is an
 * instruction, of whoever ran. Nothing waits on the way of a fault, so no time passes without one. How much do N
 * faults more cost? Whatever is there once (the launch, the first touch of this and that) is gone from the
 * difference.
 *
 *     kernel-gpu-fault-insns     a page that the CPU has mapped: GPU's access, fault buffer, interrupt, bottom half,
 *                                zap, copy, page table, replay, and the access again; the GPU's own work included,
 *                                for it is instructions of this CPU as well
 *     kernel-gpu-fault-wide-insns   the same, when N threads of the GPU touch a page each at once
 *     kernel-cpu-fault-insns     a page that the device has
 *
 * QEMU counts every step of a repeated string instruction, which is how the kernel copies: 512 for a page.
 */
#include <string.h>

#include "test/bench/bench.h"
#include "test/bench/gpu_loop.h"
#include "gpu_wide.h"
#include "uffd.h"

#define FAULTS 256u /* and twice as many */
#define PAGE ((size_t)4096)
#define ROUNDS 5u
#define CHECK_LOOPS 1000000u

static struct gpu_loop gpu;
static struct gpu_wide wide;
static uint64_t *page[2 * FAULTS];
static struct uffd by_signal, by_thread;

/* Not the clock that somebody may be slewing. */
static uint64_t insns_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* A loop of two instructions takes two nanoseconds, or the clock counts something else. */
static void clock_check(void)
{
	uint64_t start = insns_now(), loops = CHECK_LOOPS;
	double each;

	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(loops) : : "cc");
	each = (double)(insns_now() - start) / CHECK_LOOPS;
	printf("insns-of-a-loop-of-two %.4g insns\n", each);
	if (each < 1.96 || each > 2.04) {
		fprintf(stderr, "the clock does not count instructions\n");
		exit(1);
	}
}

/* ---- what takes n faults ---- */

static double gpu_faults(uint32_t n)
{
	uint64_t start;

	for (uint32_t i = 0; i < n; i++) {
		page[i][0] = (uintptr_t)page[(i + 1) % n];
		page[i][1] = i;
	}
	start = insns_now();
	gpu_loop_run(&gpu, page[0], n);
	return (double)(insns_now() - start);
}

static double wide_faults(uint32_t n)
{
	uint64_t start;

	for (uint32_t i = 0; i < n; i++)
		page[i][1] = i;
	start = insns_now();
	gpu_wide_run(&wide, n);
	return (double)(insns_now() - start);
}

static double cpu_faults(uint32_t n)
{
	uint64_t start, sum = 0;

	for (uint32_t i = 0; i < n; i++)
		gpu_check("to the device", ferry_migrate(gpu.f, page[i], PAGE, 0));
	start = insns_now();
	for (uint32_t i = 0; i < n; i++)
		sum += *(volatile uint64_t *)page[i];
	start = insns_now() - start;
	bench_keep(&sum);
	return (double)start;
}

static double sigbus_moves(uint32_t n)
{
	return uffd_round(&by_signal, PAGE, n, true) * n;
}

static double thread_moves(uint32_t n)
{
	return uffd_round(&by_thread, PAGE, n, true) * n;
}

static double sigbus_gives(uint32_t n)
{
	return uffd_round(&by_signal, PAGE, n, false) * n;
}

static double thread_gives(uint32_t n)
{
	return uffd_round(&by_thread, PAGE, n, false) * n;
}

static double each(double (*faults)(uint32_t))
{
	double more[ROUNDS];

	faults(2 * FAULTS); /* whatever is used for the first time */
	for (uint32_t r = 0; r < ROUNDS; r++) {
		double once = faults(FAULTS);

		more[r] = (faults(2 * FAULTS) - once) / FAULTS;
	}
	return bench_median(more, ROUNDS);
}

static void rows(const char *id, double ours, double sigbus, double thread)
{
	char name[64];
	struct bench_row row = {
		.id = name, .unit = "insns", .ours = ours, .peer = sigbus, .peer_name = "uffd-sigbus"};

	(void)snprintf(name, sizeof(name), "%s-sigbus", id);
	bench_print(&row);
	(void)snprintf(name, sizeof(name), "%s-thread", id);
	row.peer = thread;
	row.peer_name = "uffd-thread";
	bench_print(&row);
}

int main(void)
{
	struct ferry_options options = {.size = sizeof(options), .host = "kernel"};
	double sigbus, thread;

	clock_check();
	uffd_open(&by_signal, UFFD_SIGBUS, 2 * FAULTS * PAGE);
	uffd_open(&by_thread, UFFD_THREAD, 2 * FAULTS * PAGE);
	gpu_loop_open_with(&gpu, &options);
	gpu_wide_open(&wide, gpu.f);
	for (uint32_t i = 0; i < 2 * FAULTS; i++) {
		gpu_check("alloc", ferry_alloc(gpu.f, PAGE, 0, (void **)&page[i]));
		memset(page[i], 1, PAGE);
	}
	gpu_wide_set(&wide, (void *const *)page, 2 * FAULTS);
	sigbus = each(sigbus_moves);
	thread = each(thread_moves);
	rows("kernel-gpu-fault-insns", each(gpu_faults), sigbus, thread);
	rows("kernel-gpu-fault-wide-insns", each(wide_faults), sigbus, thread);
	rows("kernel-cpu-fault-insns", each(cpu_faults), each(sigbus_gives), each(thread_gives));
	gpu_check("close", ferry_close(gpu.f));
	uffd_close(&by_signal);
	uffd_close(&by_thread);
	return 0;
}
