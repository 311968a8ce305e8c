/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bench_lock.c - what the check of the lock order costs: ns per lock and unlock of a mutex or a spin lock,
 * uncontended, with it and without.
 *
 *   checked     as the core does it: the context is passed, and has a book
 *   looked up   the context is found by a hash of the thread first: what a callback of a host would do
 *   table       a tracker of the style that drivers have in debug builds: a bitmap and a table of pointers, a row
 *               each, out of line, the context looked up
 *
 * `bench_lock count` runs each a thousand times, once: for callgrind, which counts instructions
 * (--toggle-collect=checked_spins).
 */
#include "lock/lock.h"
#include "lock/lock_book.h"
#include "test/bench/bench.h"

#define ROUNDS 21u
#define PAIRS 200000u

static uint32_t pairs = PAIRS, rounds = ROUNDS;
static struct ferry_lock_book book;
static struct ferry_os_atomic until_watch;
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

	for (uint32_t n = 0; n < pairs; n += depth) {
		for (uint32_t i = 0; i < depth; i++)
			ferry_mutex_lock(&ctx, &mutex[i]);
		for (uint32_t i = depth; i > 0; i--)
			ferry_mutex_unlock(&ctx, &mutex[i - 1]);
	}
	return (now_ns() - t0) / pairs;
}

static double bare_mutexes(uint32_t depth)
{
	double t0 = now_ns();

	for (uint32_t n = 0; n < pairs; n += depth) {
		for (uint32_t i = 0; i < depth; i++)
			ferry_os_mutex_lock(&mutex[i].os);
		for (uint32_t i = depth; i > 0; i--)
			ferry_os_mutex_unlock(&mutex[i - 1].os);
	}
	return (now_ns() - t0) / pairs;
}

static double checked_spins(uint32_t depth)
{
	double t0 = now_ns();

	(void)depth;
	for (uint32_t n = 0; n < pairs; n++) {
		ferry_spin_lock(&ctx, &spin);
		ferry_spin_unlock(&ctx, &spin);
	}
	return (now_ns() - t0) / pairs;
}

/* Of a context that is watched: one in FERRY_LOCK_BOOK_ONE_IN. */
static double watched_spins(uint32_t depth)
{
	double ns;

	ctx.held |= FERRY_LOCK_WATCH;
	ns = checked_spins(depth);
	ctx.held &= ~FERRY_LOCK_WATCH;
	return ns;
}

static double bare_spins(uint32_t depth)
{
	double t0 = now_ns();

	(void)depth;
	for (uint32_t n = 0; n < pairs; n++) {
		ferry_os_spin_lock(&spin.os);
		ferry_os_spin_unlock(&spin.os);
	}
	return (now_ns() - t0) / pairs;
}

/* ---- the context of this thread, found: 64 buckets of 8 ------------------------------------------------------- */

#define BUCKETS 64u
#define SLOTS 8u

struct tracker {
	uint64_t held, exclusive, by_try;
	const void *lock[64];
};

static struct {
	uint64_t self[SLOTS];
	struct ferry_ctx *ctx[SLOTS];
	struct tracker *tracker[SLOTS];
} buckets[BUCKETS];
static struct tracker tracker;

static uint32_t bucket_of(uint64_t self)
{
	return (uint32_t)(self * 0x9e3779b97f4a7c15ull >> 58);
}

static void threads_enter(void)
{
	uint32_t b = bucket_of(ferry_os_self());

	/* Not the first of its bucket, so that there is something to look through. */
	buckets[b].self[1] = ferry_os_self();
	buckets[b].ctx[1] = &ctx;
	buckets[b].tracker[1] = &tracker;
}

static inline uint32_t slot_of(uint32_t b, uint64_t self)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		if (__atomic_load_n(&buckets[b].self[i], __ATOMIC_RELAXED) == self)
			return i;
	abort();
}

static inline struct ferry_ctx *ctx_find(void)
{
	uint64_t self = ferry_os_self();
	uint32_t b = bucket_of(self);

	return buckets[b].ctx[slot_of(b, self)];
}

static double looked_up_spins(uint32_t depth)
{
	double t0 = now_ns();

	(void)depth;
	for (uint32_t n = 0; n < pairs; n++) {
		ferry_spin_lock(ctx_find(), &spin);
		ferry_spin_unlock(ctx_find(), &spin);
	}
	return (now_ns() - t0) / pairs;
}

/* ---- the table --------------------------------------------------------------------------------------------------
 */

__attribute__((noinline)) static struct tracker *tracker_find(void)
{
	uint64_t self = ferry_os_self();
	uint32_t b = bucket_of(self);

	return buckets[b].tracker[slot_of(b, self)];
}

__attribute__((noinline)) static bool table_record(const void *lock, uint32_t row, bool exclusive)
{
	struct tracker *t = tracker_find();

	if (row >= 64 || t->held >> row) {
		fputs("out of order\n", stderr);
		return false;
	}
	t->held |= 1ull << row;
	if (exclusive)
		t->exclusive |= 1ull << row;
	t->lock[row] = lock;
	return true;
}

__attribute__((noinline)) static bool table_unrecord(const void *lock, uint32_t row, bool exclusive)
{
	struct tracker *t = tracker_find();
	bool right = row < 64 && (t->held >> row & 1);

	right = right && t->lock[row] == lock && (t->exclusive >> row & 1) == exclusive;
	right = right && ((t->by_try >> row & 1) || !(t->held >> row & ~1ull));
	if (!right) {
		fputs("released wrongly\n", stderr);
		return false;
	}
	t->lock[row] = NULL;
	t->held &= ~(1ull << row);
	t->exclusive &= ~(1ull << row);
	t->by_try &= ~(1ull << row);
	return true;
}

static double table_spins(uint32_t depth)
{
	double t0 = now_ns();

	(void)depth;
	for (uint32_t n = 0; n < pairs; n++) {
		(void)table_record(&spin, FERRY_LOCK_PMM, true);
		ferry_os_spin_lock(&spin.os);
		ferry_os_spin_unlock(&spin.os);
		(void)table_unrecord(&spin, FERRY_LOCK_PMM, true);
	}
	return (now_ns() - t0) / pairs;
}

static void bench_pair(const char *id, double (*checked)(uint32_t), double (*bare)(uint32_t), uint32_t depth,
                       const char *peer_name)
{
	double ours[ROUNDS], peer[ROUNDS];

	for (uint32_t round = 0; round < rounds; round++) {
		ours[round] = checked(depth);
		peer[round] = bare(depth);
	}
	bench_print(&(struct bench_row){.id = id,
	                                .unit = "ns",
	                                .ours = bench_median(ours, rounds),
	                                .peer = bench_median(peer, rounds),
	                                .peer_name = peer_name});
	printf("%s-check %.3g ns\n", id, bench_median(ours, rounds) - bench_median(peer, rounds));
}

int main(int argc, char **argv)
{
	const enum ferry_lock_class class[4] = {FERRY_LOCK_GLOBAL, FERRY_LOCK_DEVICE_CONTROL, FERRY_LOCK_BLOCK,
	                                        FERRY_LOCK_CHANNEL};

	if (argc > 1 && !strcmp(argv[1], "count")) {
		pairs = 1000;
		rounds = 1;
	}
	ferry_lock_book_init(&book);
	ferry_os_store_relaxed(&until_watch, 1);
	ferry_ctx_init_in(&ctx, &book, &until_watch, 0);
	threads_enter();
	ferry_spin_init(&spin, FERRY_LOCK_PMM);
	for (uint32_t i = 0; i < 4; i++)
		ferry_mutex_init(&mutex[i], class[i]);
	bench_pair("lock-mutex-depth-1", checked_mutexes, bare_mutexes, 1, "unchecked");
	bench_pair("lock-mutex-depth-4", checked_mutexes, bare_mutexes, 4, "unchecked");
	bench_pair("lock-spin", checked_spins, bare_spins, 1, "unchecked");
	bench_pair("lock-spin-watched", watched_spins, bare_spins, 1, "unchecked");
	bench_pair("lock-spin-looked-up", looked_up_spins, bare_spins, 1, "unchecked");
	bench_pair("lock-spin-table", table_spins, bare_spins, 1, "unchecked");
	for (uint32_t i = 0; i < 4; i++)
		ferry_mutex_fini(&mutex[i]);
	ferry_spin_fini(&spin);
	ferry_ctx_fini(&ctx);
	return ctx.violations != 0;
}
