/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bench_lock.c - what the check of the lock order costs: ns per lock and unlock of a mutex or a spin lock,
 * uncontended, with it and without.
 */
#include "lock/lock.h"
#include "test/bench/bench.h"

#define ROUNDS 21u
#define PAIRS 200000u

static struct ferry_ctx ctx;
static struct ferry_mutex mutex[4];
static struct ferry_spin spin;

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double checked_mutexes(uint32_t depth)
{
	double t0 = now_ns();

	for (uint32_t n = 0; n < PAIRS; n += depth) {
		for (uint32_t i = 0; i < depth; i++)
			ferry_mutex_lock(&ctx, &mutex[i]);
		for (uint32_t i = depth; i > 0; i--)
			ferry_mutex_unlock(&ctx, &mutex[i - 1]);
	}
	return (now_ns() - t0) / PAIRS;
}

static double bare_mutexes(uint32_t depth)
{
	double t0 = now_ns();

	for (uint32_t n = 0; n < PAIRS; n += depth) {
		for (uint32_t i = 0; i < depth; i++)
			ferry_os_mutex_lock(&mutex[i].os);
		for (uint32_t i = depth; i > 0; i--)
			ferry_os_mutex_unlock(&mutex[i - 1].os);
	}
	return (now_ns() - t0) / PAIRS;
}

static double checked_spins(uint32_t depth)
{
	double t0 = now_ns();

	(void)depth;
	for (uint32_t n = 0; n < PAIRS; n++) {
		ferry_spin_lock(&ctx, &spin);
		ferry_spin_unlock(&ctx, &spin);
	}
	return (now_ns() - t0) / PAIRS;
}

static double bare_spins(uint32_t depth)
{
	double t0 = now_ns();

	(void)depth;
	for (uint32_t n = 0; n < PAIRS; n++) {
		ferry_os_spin_lock(&spin.os);
		ferry_os_spin_unlock(&spin.os);
	}
	return (now_ns() - t0) / PAIRS;
}

static void bench_pair(const char *id, double (*checked)(uint32_t), double (*bare)(uint32_t), uint32_t depth,
                       const char *peer_name)
{
	double ours[ROUNDS], peer[ROUNDS];

	for (uint32_t round = 0; round < ROUNDS; round++) {
		ours[round] = checked(depth);
		peer[round] = bare(depth);
	}
	bench_print(&(struct bench_row){.id = id,
	                                .unit = "ns",
	                                .ours = bench_median(ours, ROUNDS),
	                                .peer = bench_median(peer, ROUNDS),
	                                .peer_name = peer_name});
	printf("%s-check %.3g ns\n", id, bench_median(ours, ROUNDS) - bench_median(peer, ROUNDS));
}

int main(void)
{
	const enum ferry_lock_class class[4] = {FERRY_LOCK_GLOBAL, FERRY_LOCK_DEVICE_CONTROL, FERRY_LOCK_BLOCK,
	                                        FERRY_LOCK_CHANNEL};

	ferry_ctx_init(&ctx);
	ferry_spin_init(&spin, FERRY_LOCK_PMM);
	for (uint32_t i = 0; i < 4; i++)
		ferry_mutex_init(&mutex[i], class[i]);
	bench_pair("lock-mutex-depth-1", checked_mutexes, bare_mutexes, 1, "unchecked");
	bench_pair("lock-mutex-depth-4", checked_mutexes, bare_mutexes, 4, "unchecked");
	bench_pair("lock-spin", checked_spins, bare_spins, 1, "unchecked");
	for (uint32_t i = 0; i < 4; i++)
		ferry_mutex_fini(&mutex[i]);
	ferry_spin_fini(&spin);
	ferry_ctx_fini(&ctx);
	return ctx.violations != 0;
}
