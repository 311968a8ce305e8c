/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bench_pmm.c - the device memory manager on 4 GiB: ns per operation (an alloc or a free), lock and check included.
 *
 * Peers, interleaved in the same run:
 *   stack    a stack of free pieces of one size under a mutex: what nothing can beat, and nothing can be built on
 *   bitmap   one bit per 4 KiB under a mutex, next fit: fast, and leaves no whole 2 MiB behind
 * The churn rows carry the harness's own random table access, the peers' too.
 */
#include <pthread.h>
#include <string.h>

#include "pmm/pmm.h"
#include "test/bench/bench.h"

#define ROOTS 2048u
#define FRAMES (ROOTS * 512u)
#define ROUNDS 7u
#define CHURN 400000u
#define NONE FERRY_PMM_NO_FRAME

static const uint32_t piece_frames[FERRY_PMM_SIZES] = {1, 16, 512};

/* ---- the three allocators: alloc returns a first frame or NONE ---- */

static struct ferry_mem mem;
static struct ferry_ctx ctx;
static struct ferry_pmm *pmm;
static struct ferry_tenant tenant;

static inline uint32_t ours_alloc(enum ferry_pmm_size size)
{
	uint32_t frame;

	return ferry_pmm_alloc(&ctx, pmm, size, &tenant, &frame) ? NONE : frame;
}

static inline void ours_free(enum ferry_pmm_size size, uint32_t frame)
{
	ferry_pmm_free(&ctx, pmm, &tenant, frame, piece_frames[size]);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint32_t stack[FRAMES], stack_count;

static void stack_reset(enum ferry_pmm_size size)
{
	stack_count = 0;
	for (uint32_t i = FRAMES; i; i -= piece_frames[size])
		stack[stack_count++] = i - piece_frames[size];
}

static inline uint32_t stack_alloc(enum ferry_pmm_size size)
{
	uint32_t frame;

	(void)size;
	pthread_mutex_lock(&mutex);
	frame = stack_count ? stack[--stack_count] : NONE;
	pthread_mutex_unlock(&mutex);
	return frame;
}

static inline void stack_free(enum ferry_pmm_size size, uint32_t frame)
{
	(void)size;
	pthread_mutex_lock(&mutex);
	stack[stack_count++] = frame;
	pthread_mutex_unlock(&mutex);
}

static uint64_t map[FRAMES / 64];
static uint32_t map_hint; /* word */

/* A clear bit, a clear aligned group of 16 or a clear root at or after the hint, once around. */
static inline uint32_t map_find(enum ferry_pmm_size size)
{
	uint32_t step = size == FERRY_PMM_2M ? 8 : 1;
	uint32_t w = map_hint & ~(step - 1);

	for (uint32_t n = 0; n < FRAMES / 64; n += step, w = w + step < FRAMES / 64 ? w + step : 0) {
		if (size == FERRY_PMM_4K && ~map[w])
			return w * 64 + (uint32_t)__builtin_ctzll(~map[w]);
		for (uint32_t k = 0; size == FERRY_PMM_64K && k < 4; k++) {
			if (!(map[w] >> (16 * k) & 0xffff))
				return w * 64 + k * 16;
		}
		if (size == FERRY_PMM_2M && !(map[w] | map[w + 1] | map[w + 2] | map[w + 3] | map[w + 4] |
		                              map[w + 5] | map[w + 6] | map[w + 7]))
			return w * 64;
	}
	return NONE;
}

static inline void map_flip(enum ferry_pmm_size size, uint32_t frame)
{
	if (size == FERRY_PMM_4K)
		map[frame / 64] ^= 1ull << (frame % 64);
	else if (size == FERRY_PMM_64K)
		map[frame / 64] ^= 0xffffull << (frame % 64);
	else
		for (uint32_t w = 0; w < 8; w++)
			map[frame / 64 + w] ^= ~0ull;
}

static inline uint32_t map_alloc(enum ferry_pmm_size size)
{
	uint32_t frame;

	pthread_mutex_lock(&mutex);
	frame = map_find(size);
	if (frame != NONE) {
		map_hint = frame / 64;
		map_flip(size, frame);
	}
	pthread_mutex_unlock(&mutex);
	return frame;
}

static inline void map_free(enum ferry_pmm_size size, uint32_t frame)
{
	pthread_mutex_lock(&mutex);
	map_flip(size, frame);
	pthread_mutex_unlock(&mutex);
}

struct allocator {
	uint32_t (*alloc)(enum ferry_pmm_size size);
	void (*free)(enum ferry_pmm_size size, uint32_t frame);
};
enum { OURS, STACK, BITMAP, ALLOCATORS };
/* Constant, and every use inlined with a constant index: the compiler calls through no pointer. */
static const struct allocator allocators[ALLOCATORS] = {
	{ours_alloc, ours_free},
	{stack_alloc, stack_free},
	{map_alloc, map_free},
};
#define ALWAYS static inline __attribute__((always_inline))

/* ---- workloads ---- */

static uint64_t rng_state = 88172645463325252ull;

static inline uint32_t rng(uint32_t below)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (uint32_t)((rng_state >> 32) * below >> 32);
}

static uint32_t live[FRAMES], live_count;
static uint8_t live_size[FRAMES];
static uint32_t order[FRAMES];

static double thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ns[0] alloc until full, ns[1] free in order, ns[2] free in random order. */
ALWAYS void fill(const struct allocator *a, enum ferry_pmm_size size, double *ns)
{
	uint32_t count = FRAMES / piece_frames[size];
	double t0, t1, t2;

	for (uint32_t pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < count; i++)
			order[i] = i;
		for (uint32_t i = count - 1; pass && i > 0; i--) {
			uint32_t k = rng(i + 1), was = order[i];

			order[i] = order[k];
			order[k] = was;
		}
		t0 = thread_ns();
		for (uint32_t i = 0; i < count; i++)
			live[i] = a->alloc(size);
		t1 = thread_ns();
		for (uint32_t i = 0; i < count; i++)
			a->free(size, live[order[i]]);
		t2 = thread_ns();
		if (!pass)
			ns[0] = (t1 - t0) / count;
		ns[1 + pass] = (t2 - t1) / count;
	}
}

/* 80% 4K, 19% 64K, 1% 2M, when mixed; else one size. */
static inline enum ferry_pmm_size pick_size(enum ferry_pmm_size size)
{
	uint32_t dice;

	if (size != FERRY_PMM_SIZES)
		return size;
	dice = rng(100);
	return dice < 80 ? FERRY_PMM_4K : dice < 99 ? FERRY_PMM_64K : FERRY_PMM_2M;
}

ALWAYS bool grow(const struct allocator *a, enum ferry_pmm_size want)
{
	enum ferry_pmm_size size = pick_size(want);
	uint32_t frame = a->alloc(size);

	if (frame == NONE && want == FERRY_PMM_SIZES) {
		size = FERRY_PMM_4K;
		frame = a->alloc(size);
	}
	if (frame == NONE)
		return false;
	live[live_count] = frame;
	live_size[live_count++] = (uint8_t)size;
	return true;
}

ALWAYS void shrink(const struct allocator *a, uint32_t i)
{
	a->free((enum ferry_pmm_size)live_size[i], live[i]);
	live_count--;
	live[i] = live[live_count];
	live_size[i] = live_size[live_count];
}

/* Random lifetimes around `percent` full; drains at the end. ns per alloc or free. *left: free 2M roots, of ideal. */
ALWAYS double churn(const struct allocator *a, enum ferry_pmm_size size, uint32_t percent,
                    uint32_t (*roots_free)(void), double *left)
{
	uint64_t full = (uint64_t)FRAMES * percent / 100, held = 0;
	uint32_t ops = 0;
	double t0, t1;

	while (held < full && grow(a, size))
		held += piece_frames[live_size[live_count - 1]];
	t0 = thread_ns();
	for (uint32_t n = 0; n < CHURN; n++) {
		uint32_t i = rng(live_count);

		held -= piece_frames[live_size[i]];
		shrink(a, i);
		ops++;
		while (held < full && grow(a, size)) {
			held += piece_frames[live_size[live_count - 1]];
			ops++;
		}
	}
	t1 = thread_ns();
	if (left)
		*left = (double)roots_free() / ((double)(FRAMES - held) / 512);
	while (live_count)
		shrink(a, live_count - 1);
	return (t1 - t0) / ops;
}

static uint32_t ours_roots_free(void)
{
	struct ferry_pmm_stats st;

	ferry_pmm_stats(&ctx, pmm, &st);
	return (uint32_t)st.roots_free;
}

static uint32_t map_roots_free(void)
{
	uint32_t n = 0;

	for (uint32_t r = 0; r < ROOTS; r++) {
		uint64_t any = 0;

		for (uint32_t w = 0; w < 8; w++)
			any |= map[r * 8 + w];
		n += !any;
	}
	return n;
}

/* ---- rows ---- */

static void report(const char *id, double v[ALLOCATORS][ROUNDS], const char *target)
{
	double med[ALLOCATORS];

	for (uint32_t a = 0; a < ALLOCATORS; a++)
		med[a] = v[a][0] > 0 ? bench_median(v[a], ROUNDS) : 0;
	bench_print(&(struct bench_row){.id = id,
	                                .unit = "ns",
	                                .ours = med[OURS],
	                                .peer = med[BITMAP],
	                                .peer_name = "plain-bitmap",
	                                .limit = med[STACK],
	                                .target = target});
}

static void bench_fill(enum ferry_pmm_size size, const char *name, const char *const target[3])
{
	static const char *const phase[3] = {"alloc", "free", "free-random"};
	double v[3][ALLOCATORS][ROUNDS], ns[3];
	char id[64];

	for (uint32_t round = 0; round < ROUNDS; round++) {
		fill(&allocators[OURS], size, ns);
		for (uint32_t k = 0; k < 3; k++)
			v[k][OURS][round] = ns[k];
		stack_reset(size);
		fill(&allocators[STACK], size, ns);
		for (uint32_t k = 0; k < 3; k++)
			v[k][STACK][round] = ns[k];
		fill(&allocators[BITMAP], size, ns);
		for (uint32_t k = 0; k < 3; k++)
			v[k][BITMAP][round] = ns[k];
	}
	for (uint32_t k = 0; k < 3; k++) {
		snprintf(id, sizeof(id), "pmm-%s-%s", name, phase[k]);
		report(id, v[k], target[k]);
	}
}

static void bench_churn(enum ferry_pmm_size size, const char *name, uint32_t percent, const char *target)
{
	double v[ALLOCATORS][ROUNDS], left[ALLOCATORS] = {0};
	bool mixed = size == FERRY_PMM_SIZES;
	char id[64];

	for (uint32_t round = 0; round < ROUNDS; round++) {
		v[OURS][round] = churn(&allocators[OURS], size, percent, ours_roots_free, &left[OURS]);
		v[STACK][round] = 0; /* has one size only */
		if (!mixed) {
			stack_reset(size);
			v[STACK][round] = churn(&allocators[STACK], size, percent, NULL, NULL);
		}
		v[BITMAP][round] = churn(&allocators[BITMAP], size, percent, map_roots_free, &left[BITMAP]);
	}
	snprintf(id, sizeof(id), "pmm-churn-%s-%u", name, percent);
	report(id, v, target);
	printf("%s-2m-left %.3f of-ideal\n", id, left[OURS]);
	printf("%s-2m-left-bitmap %.3f of-ideal\n", id, left[BITMAP]);
}

/* Five times: grow to 95 percent, shrink to 40 in random order. What is left whole after that, of what could be. */
static void bench_ageing(void)
{
	const struct allocator *a = &allocators[OURS];
	uint64_t held = 0;

	for (uint32_t age = 0; age < 5; age++) {
		while (held < (uint64_t)FRAMES * 95 / 100 && grow(a, FERRY_PMM_SIZES))
			held += piece_frames[live_size[live_count - 1]];
		while (held > (uint64_t)FRAMES * 40 / 100) {
			uint32_t i = rng(live_count);

			held -= piece_frames[live_size[i]];
			shrink(a, i);
		}
	}
	printf("pmm-ageing-2m-left %.3f of-ideal\n", ours_roots_free() / ((double)(FRAMES - held) / 512));
	while (live_count)
		shrink(a, live_count - 1);
}

static void *thread_churn(void *arg)
{
	struct ferry_tenant own_tenant;
	struct ferry_ctx own;
	uint32_t held[256] = {0}, frame;
	uint64_t state = (uintptr_t)arg;

	ferry_ctx_init(&own);
	ferry_tenant_init(&own_tenant);
	for (uint32_t n = 0; n < 2 * CHURN; n++) {
		uint32_t i = (uint32_t)((state = state * 6364136223846793005ull + 1) >> 56);

		if (held[i])
			ferry_pmm_free(&own, pmm, &own_tenant, held[i] - 1, 1);
		held[i] = held[i] ? 0 : ferry_pmm_alloc(&own, pmm, FERRY_PMM_4K, &own_tenant, &frame) ? 0 : frame + 1;
	}
	for (uint32_t i = 0; i < 256; i++) {
		if (held[i])
			ferry_pmm_free(&own, pmm, &own_tenant, held[i] - 1, 1);
	}
	ferry_tenant_fini(&own, pmm, &own_tenant);
	ferry_ctx_fini(&own);
	return NULL;
}

/* One lock: two threads get no more out of it than one. Said here, so that nobody has to guess how much less. */
static void bench_threads(void)
{
	for (uintptr_t threads = 1; threads <= 2; threads++) {
		uint64_t t0 = bench_now_ns();
		pthread_t t[2];

		for (uintptr_t i = 0; i < threads; i++) {
			if (pthread_create(&t[i], NULL, thread_churn, (void *)(i + 1)))
				exit(1);
		}
		for (uintptr_t i = 0; i < threads; i++)
			pthread_join(t[i], NULL);
		printf("pmm-churn-4k-threads-%u %.3g Mops/s\n", (uint32_t)threads,
		       2.0 * CHURN * (double)threads * 1e3 / (double)(bench_now_ns() - t0));
	}
}

/* Frames in batches, as a block's service takes them. */
static void bench_batch(void)
{
	double v[ROUNDS];
	uint32_t taken;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		double t0 = thread_ns();

		for (uint32_t i = 0; i < FRAMES; i += 64)
			(void)ferry_pmm_alloc_frames(&ctx, pmm, &tenant, 64, live + i, &taken);
		v[round] = (thread_ns() - t0) / FRAMES;
		ferry_pmm_free(&ctx, pmm, &tenant, 0, FRAMES);
	}
	printf("pmm-frames-by-64-alloc %.3g ns\n", bench_median(v, ROUNDS));
}

int main(void)
{
	struct ferry_pmm_stats st;

	ferry_ctx_init(&ctx);
	ferry_tenant_init(&tenant);
	if (ferry_pmm_create(&mem, (uint64_t)ROOTS << 21, &pmm)) {
		fprintf(stderr, "no memory for the device memory manager\n");
		return 1;
	}
	bench_fill(FERRY_PMM_4K, "fill-4k", (const char *const[]){NULL, NULL, NULL});
	bench_fill(FERRY_PMM_64K, "fill-64k", (const char *const[]){NULL, NULL, NULL});
	bench_fill(FERRY_PMM_2M, "fill-2m", (const char *const[]){"limit<=1.2", "limit<=1.2", NULL});
	bench_churn(FERRY_PMM_4K, "4k", 50, NULL);
	bench_churn(FERRY_PMM_64K, "64k", 50, NULL);
	bench_churn(FERRY_PMM_2M, "2m", 50, NULL);
	bench_churn(FERRY_PMM_SIZES, "mix", 50, "peer<=1.8");
	bench_churn(FERRY_PMM_SIZES, "mix", 90, "peer<=0.85");
	bench_ageing();
	bench_batch();
	bench_threads();
	ferry_pmm_stats(&ctx, pmm, &st);
	printf("pmm-bytes-per-root %.4g bytes\n", (double)st.bookkeeping_bytes / ROOTS);
	ferry_tenant_fini(&ctx, pmm, &tenant);
	ferry_pmm_destroy(pmm);
	ferry_ctx_fini(&ctx);
	return ctx.violations != 0;
}
