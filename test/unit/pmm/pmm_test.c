/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * pmm_test.c - the device memory manager as its callers meet it.
 */
/* TEST-SOURCES: core/pmm/pmm.c core/pmm/root.c core/pmm/root_audit.c core/pmm/tenant.c core/lock/lock.c
 * core/lock/lock_check.c core/lock/lock_book.c core/lock/lock_slow.c core/base/text.c core/base/bitmap.c
 * core/base/mem.c */
#include "test/unit/cmocka_compat.h"
#include <pthread.h>
#include "pmm/pmm.h"

#define ROOT (2ull << 20)

static struct ferry_mem mem;
static struct ferry_ctx ctx;
static struct ferry_pmm *pmm;
static uint64_t bugs_before;
static uint64_t rng_state;

static uint64_t rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

/* A device of four roots. */
static int start(void **unused)
{
	(void)unused;
	ferry_user_bug_is_fatal = 0;
	bugs_before = ferry_user_bug_count();
	ferry_ctx_init(&ctx);
	return ferry_pmm_create(&mem, 4 * ROOT, &pmm);
}

static int end(void **unused)
{
	(void)unused;
	ferry_pmm_destroy(pmm);
	ferry_ctx_fini(&ctx);
	return ferry_mem_bytes(&mem) != 0;
}

static uint64_t reports(void)
{
	return ferry_user_bug_count() - bugs_before;
}

static struct ferry_pmm_stats stats(void)
{
	struct ferry_pmm_stats st;

	ferry_pmm_stats(&ctx, pmm, &st);
	return st;
}

/*
 * Goal: sizes that make no device are refused, and nothing is written.
 * Method: zero, odd, too large; then the smallest.
 */
static void create_refuses_impossible_sizes(void **unused)
{
	struct ferry_pmm *out = (void *)8;

	(void)unused;
	assert_int_equal(ferry_pmm_create(&mem, 0, &out), FERRY_E_INVAL);
	assert_int_equal(ferry_pmm_create(&mem, ROOT - 1, &out), FERRY_E_INVAL);
	assert_int_equal(ferry_pmm_create(&mem, ROOT + 4096, &out), FERRY_E_INVAL);
	assert_int_equal(ferry_pmm_create(&mem, 1ull << 44, &out), FERRY_E_INVAL);
	assert_int_equal(ferry_pmm_create(&mem, ~(ROOT - 1), &out), FERRY_E_INVAL);
	assert_ptr_equal(out, (void *)8);
	assert_int_equal(ferry_pmm_create(&mem, ROOT, &out), 0);
	ferry_pmm_destroy(out);
	ferry_pmm_destroy(NULL);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: create fails cleanly at each of its allocations.
 * Method: fail the first, the second, ... until none is left to fail.
 */
static void create_fails_cleanly(void **unused)
{
	uint64_t before = ferry_mem_bytes(&mem), live = ferry_user_live_allocs(), n;
	struct ferry_pmm *out = NULL;

	(void)unused;
	for (n = 1;; n++) {
		int err;

		ferry_user_fail_nth_alloc(n);
		err = ferry_pmm_create(&mem, ROOT, &out);
		if (ferry_user_fail_nth_alloc(0))
			break;
		assert_int_equal(err, FERRY_E_PMM_NOMEM);
		assert_null(out);
		assert_uint_equal(ferry_mem_bytes(&mem), before);
		assert_uint_equal(ferry_user_live_allocs(), live);
	}
	assert_true(n > 1);
	ferry_pmm_destroy(out);
	assert_uint_equal(ferry_mem_bytes(&mem), before);
}

/*
 * Goal: alloc gives aligned pieces of each size, charges the tenant, and refuses unknown sizes.
 * Method: one of each; then size 3.
 */
static void alloc_gives_aligned_pieces_and_charges(void **unused)
{
	const uint32_t count[] = {1, 16, 512};
	struct ferry_tenant t;
	uint32_t frame[3];
	uint32_t none = 77;

	(void)unused;
	ferry_tenant_init(&t);
	for (uint32_t s = 0; s < FERRY_PMM_SIZES; s++) {
		uint32_t before = t.frames;

		assert_int_equal(ferry_pmm_alloc(&ctx, pmm, (enum ferry_pmm_size)s, &t, &frame[s]), 0);
		assert_uint_equal(frame[s] % count[s], 0);
		assert_uint_equal(t.frames, before + count[s]);
		assert_true(ferry_pmm_audit(&ctx, pmm));
	}
	assert_int_equal(ferry_pmm_alloc(&ctx, pmm, FERRY_PMM_SIZES, &t, &none), FERRY_E_PMM_SIZE);
	assert_uint_equal(none, 77);
	for (uint32_t s = 0; s < FERRY_PMM_SIZES; s++)
		ferry_pmm_free(&ctx, pmm, &t, frame[s], count[s]);
	assert_uint_equal(t.frames, 0);
	ferry_tenant_fini(&ctx, pmm, &t);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: a full device says FULL for every size, writes nothing, and serves again after a free.
 * Method: take all as whole roots; then give one frame back.
 */
static void a_full_device_says_full(void **unused)
{
	struct ferry_tenant t;
	uint32_t root[4], frame = 77, frames[3], taken = 77;

	(void)unused;
	ferry_tenant_init(&t);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(ferry_pmm_alloc(&ctx, pmm, FERRY_PMM_2M, &t, &root[i]), 0);
	for (uint32_t s = 0; s < FERRY_PMM_SIZES; s++)
		assert_int_equal(ferry_pmm_alloc(&ctx, pmm, (enum ferry_pmm_size)s, &t, &frame), FERRY_E_PMM_FULL);
	assert_uint_equal(frame, 77);
	assert_int_equal(ferry_pmm_alloc_frames(&ctx, pmm, &t, 3, frames, &taken), FERRY_E_PMM_FULL);
	assert_uint_equal(taken, 0);
	ferry_pmm_free(&ctx, pmm, &t, root[2] + 100, 1);
	assert_int_equal(ferry_pmm_alloc(&ctx, pmm, FERRY_PMM_64K, &t, &frame), FERRY_E_PMM_FULL);
	assert_int_equal(ferry_pmm_alloc_frames(&ctx, pmm, &t, 3, frames, &taken), FERRY_E_PMM_FULL);
	assert_uint_equal(taken, 1);
	assert_uint_equal(frames[0], root[2] + 100);
	assert_uint_equal(t.frames, 2048);
	ferry_pmm_free(&ctx, pmm, &t, 0, 2048);
	ferry_tenant_fini(&ctx, pmm, &t);
	assert_uint_equal(stats().roots_free, 4);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: one free may span pieces, kinds of roots and roots.
 * Method: a whole root, one cut to 64K and one cut to 4K, all full and next to each other; give the middle back.
 */
static void a_free_may_span_roots_of_all_kinds(void **unused)
{
	uint32_t frame, frames[512], taken;
	struct ferry_tenant t;

	(void)unused;
	ferry_tenant_init(&t);
	assert_int_equal(ferry_pmm_alloc(&ctx, pmm, FERRY_PMM_2M, &t, &frame), 0);
	assert_uint_equal(frame, 0);
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(ferry_pmm_alloc(&ctx, pmm, FERRY_PMM_64K, &t, &frame), 0);
	assert_int_equal(ferry_pmm_alloc_frames(&ctx, pmm, &t, 512, frames, &taken), 0);
	assert_uint_equal(frames[511], 1535);
	ferry_pmm_free(&ctx, pmm, &t, 200, 1100);
	assert_uint_equal(t.frames, 1536 - 1100);
	assert_true(ferry_pmm_audit(&ctx, pmm));
	assert_uint_equal(stats().roots_free, 2);
	assert_uint_equal(stats().roots_4k, 2);
	ferry_pmm_free(&ctx, pmm, &t, 0, 200);
	ferry_pmm_free(&ctx, pmm, &t, 1300, 236);
	assert_uint_equal(stats().roots_free, 4);
	ferry_tenant_fini(&ctx, pmm, &t);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: a free that is wrong is reported, and what it named wrongly stays as it was.
 * Method: free twice, outside, with a wrapping count, more than the tenant has, and a neighbour's frames.
 */
static void a_wrong_free_is_reported_and_changes_nothing(void **unused)
{
	struct ferry_tenant a, b;
	uint32_t of_a, of_b;

	(void)unused;
	ferry_tenant_init(&a);
	ferry_tenant_init(&b);
	assert_int_equal(ferry_pmm_alloc(&ctx, pmm, FERRY_PMM_4K, &a, &of_a), 0);
	assert_int_equal(ferry_pmm_alloc(&ctx, pmm, FERRY_PMM_64K, &b, &of_b), 0);
	ferry_pmm_free(&ctx, pmm, &a, of_a + 1, 1);
	assert_uint_equal(reports(), 1);
	ferry_pmm_free(&ctx, pmm, &a, 2048, 1);
	assert_uint_equal(reports(), 2);
	ferry_pmm_free(&ctx, pmm, &a, 2047, 0xffffffffu);
	assert_uint_equal(reports(), 3);
	ferry_pmm_free(&ctx, pmm, &a, of_b, 16);
	assert_uint_equal(reports(), 4);
	assert_uint_equal(a.frames, 1);
	assert_uint_equal(b.frames, 16);
	assert_true(ferry_pmm_audit(&ctx, pmm));
	ferry_pmm_free(&ctx, pmm, &a, of_a, 1);
	ferry_pmm_free(&ctx, pmm, &a, of_a, 1);
	assert_uint_equal(reports(), 5);
	ferry_pmm_free(&ctx, pmm, &b, of_b, 16);
	ferry_tenant_fini(&ctx, pmm, &a);
	ferry_tenant_fini(&ctx, pmm, &b);
	assert_true(ferry_pmm_audit(&ctx, pmm));
	assert_uint_equal(reports(), 5);
}

/*
 * Goal: a device that ends while frames are held is reported, once for the frames and once for the tenant.
 * Method: destroy a second device with one frame taken.
 */
static void a_device_that_ends_in_use_is_reported(void **unused)
{
	struct ferry_pmm *other;
	struct ferry_tenant t;
	uint32_t frame;

	(void)unused;
	ferry_tenant_init(&t);
	assert_int_equal(ferry_pmm_create(&mem, ROOT, &other), 0);
	assert_int_equal(ferry_pmm_alloc(&ctx, other, FERRY_PMM_4K, &t, &frame), 0);
	ferry_pmm_destroy(other);
	assert_uint_equal(reports(), 2);
}

/*
 * Goal: the statistics are the state.
 * Method: known pieces, by hand.
 */
static void statistics_are_the_state(void **unused)
{
	struct ferry_pmm_stats st = stats();
	struct ferry_tenant t;
	uint32_t a, b, c;

	(void)unused;
	assert_uint_equal(st.frames, 2048);
	assert_uint_equal(st.frames_free, 2048);
	assert_uint_equal(st.roots, 4);
	assert_uint_equal(st.roots_free, 4);
	assert_uint_equal(st.bookkeeping_bytes, ferry_mem_bytes(&mem));
	ferry_tenant_init(&t);
	assert_int_equal(ferry_pmm_alloc(&ctx, pmm, FERRY_PMM_2M, &t, &a), 0);
	assert_int_equal(ferry_pmm_alloc(&ctx, pmm, FERRY_PMM_64K, &t, &b), 0);
	assert_int_equal(ferry_pmm_alloc(&ctx, pmm, FERRY_PMM_4K, &t, &c), 0);
	ferry_tenant_pin(&ctx, pmm, &t);
	st = stats();
	assert_uint_equal(st.frames_free, 2048 - 512 - 16 - 1);
	assert_uint_equal(st.roots_whole, 1);
	assert_uint_equal(st.roots_64k, 1);
	assert_uint_equal(st.roots_4k, 1);
	assert_uint_equal(st.roots_free, 1);
	assert_uint_equal(st.splits, 2);
	assert_uint_equal(st.merges, 0);
	assert_uint_equal(st.tenants, 1);
	assert_uint_equal(st.pinned, 1);
	assert_true(ferry_tenant_unpin(&ctx, pmm, &t));
	ferry_pmm_free(&ctx, pmm, &t, a, 512);
	ferry_pmm_free(&ctx, pmm, &t, b, 16);
	ferry_pmm_free(&ctx, pmm, &t, c, 1);
	st = stats();
	assert_uint_equal(st.merges, 2);
	assert_uint_equal(st.roots_free, 4);
	assert_uint_equal(st.tenants, 0);
	assert_uint_equal(st.pinned, 0);
	ferry_tenant_fini(&ctx, pmm, &t);
}

/*
 * Goal: bookkeeping stays at or below 256 bytes a root.
 * Method: a device of 1024 roots, each cut to 4K.
 */
static void bookkeeping_is_small(void **unused)
{
	static uint32_t frames[1024 * 512];
	struct ferry_pmm_stats st;
	struct ferry_pmm *big;
	struct ferry_tenant t;
	uint32_t taken;

	(void)unused;
	ferry_tenant_init(&t);
	assert_int_equal(ferry_pmm_create(&mem, 1024 * ROOT, &big), 0);
	assert_int_equal(ferry_pmm_alloc_frames(&ctx, big, &t, 1024 * 512, frames, &taken), 0);
	ferry_pmm_stats(&ctx, big, &st);
	assert_uint_equal(st.roots_4k, 1024);
	assert_true(st.bookkeeping_bytes <= 1024 * 256);
	ferry_pmm_free(&ctx, big, &t, 0, 1024 * 512);
	ferry_tenant_fini(&ctx, big, &t);
	ferry_pmm_destroy(big);
}

struct worker {
	pthread_t thread;
	struct ferry_tenant tenant;
	uint8_t *owner; /* one byte per frame: who has it, by what that thread believes */
	uint8_t id;
	uint32_t wrong;
};

static void claim(struct worker *w, uint32_t first, uint32_t count, uint8_t from, uint8_t to)
{
	for (uint32_t i = first; i < first + count; i++) {
		w->wrong += w->owner[i] != from;
		w->owner[i] = to;
	}
}

static void *churn(void *arg)
{
	const uint32_t counts[] = {1, 16, 512};
	struct worker *w = arg;
	uint64_t state = 0x1234567u * w->id;
	struct ferry_ctx own;
	uint32_t first[64], count[64], n = 0;

	ferry_ctx_init(&own);
	for (uint32_t turn = 0; turn < 20000; turn++) {
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		if (n < 64 && state >> 63) {
			uint32_t size = (uint32_t)(state >> 33) % 64;

			size = size == 0 ? FERRY_PMM_2M : size < 12 ? FERRY_PMM_64K : FERRY_PMM_4K;
			if (ferry_pmm_alloc(&own, pmm, (enum ferry_pmm_size)size, &w->tenant, &first[n]))
				continue;
			count[n] = counts[size];
			claim(w, first[n], count[n], 0, w->id);
			n++;
		} else if (n) {
			uint32_t i = (uint32_t)(state >> 33) % n;

			claim(w, first[i], count[i], w->id, 0);
			ferry_pmm_free(&own, pmm, &w->tenant, first[i], count[i]);
			n--;
			first[i] = first[n];
			count[i] = count[n];
		}
	}
	while (n--) {
		claim(w, first[n], count[n], w->id, 0);
		ferry_pmm_free(&own, pmm, &w->tenant, first[n], count[n]);
	}
	ferry_ctx_fini(&own);
	return NULL;
}

/*
 * Goal: no frame is ever given to two threads, and everything comes back.
 * Method: two threads churn on four roots; each marks what it holds, without a lock: a mark of the other's is an
 * error, and under TSan a race as well.
 */
static void two_threads_never_share_a_frame(void **unused)
{
	static uint8_t owner[2048];
	struct worker w[2];

	(void)unused;
	memset(owner, 0, sizeof(owner));
	for (uint32_t i = 0; i < 2; i++) {
		memset(&w[i], 0, sizeof(w[i]));
		w[i].owner = owner;
		w[i].id = (uint8_t)(i + 1);
		ferry_tenant_init(&w[i].tenant);
		assert_int_equal(pthread_create(&w[i].thread, NULL, churn, &w[i]), 0);
	}
	for (uint32_t i = 0; i < 2; i++) {
		pthread_join(w[i].thread, NULL);
		assert_uint_equal(w[i].wrong, 0);
		ferry_tenant_fini(&ctx, pmm, &w[i].tenant);
	}
	assert_true(ferry_pmm_audit(&ctx, pmm));
	assert_uint_equal(stats().roots_free, 4);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: after random lifetimes at 90 percent full, most of the free memory is still whole roots.
 * Method: 64 roots, mix of sizes; of the free memory at least half is FREE roots, and all of it after the drain.
 */
static void free_memory_stays_in_whole_roots(void **unused)
{
	static uint32_t first[64 * 512];
	static uint8_t big[64 * 512];
	struct ferry_pmm_stats st;
	struct ferry_tenant t;
	struct ferry_pmm *dev;
	uint32_t n = 0;

	(void)unused;
	rng_state = 0xfade;
	ferry_tenant_init(&t);
	assert_int_equal(ferry_pmm_create(&mem, 64 * ROOT, &dev), 0);
	for (uint32_t turn = 0; turn < 200000; turn++) {
		if (t.frames < 64 * 512 * 9 / 10) {
			big[n] = rng() % 100 < 20;
			if (!ferry_pmm_alloc(&ctx, dev, big[n] ? FERRY_PMM_64K : FERRY_PMM_4K, &t, &first[n]))
				n++;
		} else {
			uint32_t i = (uint32_t)(rng() % n);

			ferry_pmm_free(&ctx, dev, &t, first[i], big[i] ? 16 : 1);
			n--;
			first[i] = first[n];
			big[i] = big[n];
		}
	}
	assert_true(ferry_pmm_audit(&ctx, dev));
	ferry_pmm_stats(&ctx, dev, &st);
	assert_true(st.roots_free * 512 * 2 >= st.frames_free);
	while (n--)
		ferry_pmm_free(&ctx, dev, &t, first[n], big[n] ? 16 : 1);
	ferry_pmm_stats(&ctx, dev, &st);
	assert_uint_equal(st.roots_free, 64);
	ferry_tenant_fini(&ctx, dev, &t);
	ferry_pmm_destroy(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(create_refuses_impossible_sizes, start, end),
		cmocka_unit_test_setup_teardown(create_fails_cleanly, start, end),
		cmocka_unit_test_setup_teardown(alloc_gives_aligned_pieces_and_charges, start, end),
		cmocka_unit_test_setup_teardown(a_full_device_says_full, start, end),
		cmocka_unit_test_setup_teardown(a_free_may_span_roots_of_all_kinds, start, end),
		cmocka_unit_test_setup_teardown(a_wrong_free_is_reported_and_changes_nothing, start, end),
		cmocka_unit_test_setup_teardown(a_device_that_ends_in_use_is_reported, start, end),
		cmocka_unit_test_setup_teardown(statistics_are_the_state, start, end),
		cmocka_unit_test_setup_teardown(bookkeeping_is_small, start, end),
		cmocka_unit_test_setup_teardown(two_threads_never_share_a_frame, start, end),
		cmocka_unit_test_setup_teardown(free_memory_stays_in_whole_roots, start, end),
	};

	return cmocka_run_group_tests_name("pmm/pmm", tests, NULL, NULL);
}
