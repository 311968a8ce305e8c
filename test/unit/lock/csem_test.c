/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * csem_test.c - so many may be in at once, each holds it shared, and who waits is woken.
 */
/* TEST-SOURCES: core/lock/csem.c core/lock/lock.c core/lock/lock_check.c core/lock/lock_book.c
 * core/lock/lock_slow.c core/base/text.c */
#include "test/unit/cmocka_compat.h"
#include <pthread.h>
#include <unistd.h>
#include "lock/csem.h"

static struct ferry_ctx ctx;
static uint64_t bugs_before;

static int start(void **unused)
{
	(void)unused;
	ferry_user_bug_is_fatal = 0;
	bugs_before = ferry_user_bug_count();
	ferry_ctx_init(&ctx);
	return 0;
}

static uint64_t reports(void)
{
	return ferry_user_bug_count() - bugs_before;
}

/*
 * Goal: as many get in as there are units, by try or down; who finds none learns it in time and holds nothing.
 * Method: two units, three contexts.
 */
static void units_are_counted(void **unused)
{
	struct ferry_ctx second, third;
	struct ferry_csem s = {0};

	(void)unused;
	ferry_ctx_init(&second);
	ferry_ctx_init(&third);
	ferry_csem_init(&s, FERRY_LOCK_DEVICE_CONTROL, 2);
	assert_int_equal(ferry_csem_down(&ctx, &s, 0), 0);
	assert_uint_equal(ctx.held, FERRY_LOCK_SHARED << FERRY_LOCK_DEVICE_CONTROL);
	assert_true(ferry_csem_try(&second, &s));
	assert_false(ferry_csem_try(&third, &s));
	assert_int_equal(ferry_csem_down(&third, &s, 1000), FERRY_E_TIMEOUT);
	assert_uint_equal(third.held | third.depth, 0);
	ferry_csem_up(&second, &s);
	assert_int_equal(ferry_csem_down(&third, &s, 0), 0);
	ferry_csem_up(&third, &s);
	ferry_csem_up(&ctx, &s);
	ferry_csem_fini(&s);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: the order holds for it; a second unit, a release by who has none, and an end while units are out are
 * reported, and no unit is made or lost. Method: each of them.
 */
static void wrong_uses_are_reported(void **unused)
{
	struct ferry_mutex block = {0};
	struct ferry_csem s = {0};

	(void)unused;
	ferry_mutex_init(&block, FERRY_LOCK_BLOCK);
	ferry_csem_init(&s, FERRY_LOCK_DEVICE_CONTROL, 3);
	ferry_mutex_lock(&ctx, &block);
	assert_int_equal(ferry_csem_down(&ctx, &s, 0), 0);
	assert_uint_equal(reports(), 1);
	ferry_csem_up(&ctx, &s);
	ferry_mutex_unlock(&ctx, &block);
	ferry_csem_up(&ctx, &s);
	assert_uint_equal(reports(), 2);
	assert_uint_equal(ferry_os_load_relaxed(&s.free), 3);

	assert_int_equal(ferry_csem_down(&ctx, &s, 0), 0);
	assert_int_equal(ferry_csem_down(&ctx, &s, 0), 0);
	assert_uint_equal(reports(), 3);
	ferry_csem_up(&ctx, &s);
	assert_uint_equal(ferry_os_load_relaxed(&s.free), 2);
	ferry_csem_init(&s, FERRY_LOCK_LEAF, 9);
	assert_uint_equal(reports(), 4);
	ferry_csem_fini(&s);
	assert_uint_equal(reports(), 5);
	ferry_csem_fini(&s);
	assert_uint_equal(reports(), 6);
	ferry_mutex_fini(&block);
}

struct shared {
	struct ferry_csem s;
	struct ferry_os_atomic in, most;
};

static void *visitor(void *arg)
{
	struct shared *sh = arg;
	struct ferry_ctx own;

	ferry_ctx_init(&own);
	for (uint32_t i = 0; i < 2000; i++) {
		uint64_t in;

		if (ferry_csem_down(&own, &sh->s, 10000000000ull))
			return arg;
		in = ferry_os_fetch_add(&sh->in, 1) + 1;
		if (in > ferry_os_load_relaxed(&sh->most))
			ferry_os_store_relaxed(&sh->most, in);
		ferry_os_fetch_add(&sh->in, ~0ull);
		ferry_csem_up(&own, &sh->s);
	}
	return own.violations || own.depth ? arg : NULL;
}

/*
 * Goal: never more are in than there are units, and nobody waits for ever.
 * Method: four threads, two units.
 */
static void threads_wait_for_units(void **unused)
{
	struct shared sh = {.in = {0}};
	pthread_t t[4];
	void *bad;

	(void)unused;
	ferry_csem_init(&sh.s, FERRY_LOCK_DEVICE_CONTROL, 2);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, visitor, &sh), 0);
	for (uint32_t i = 0; i < 4; i++) {
		pthread_join(t[i], &bad);
		assert_null(bad);
	}
	assert_in_range(ferry_os_load_relaxed(&sh.most), 1, 2);
	ferry_csem_fini(&sh.s);
	assert_uint_equal(reports(), 0);
}

static struct ferry_os_atomic waits;

static void *waiter(void *arg)
{
	struct ferry_csem *s = arg;
	struct ferry_ctx own;

	ferry_ctx_init(&own);
	ferry_os_store_release(&waits, 1);
	if (ferry_csem_down(&own, s, 20000000000ull))
		return arg;
	ferry_csem_up(&own, s);
	return NULL;
}

/*
 * Goal: who waits is woken by who leaves, not by its own clock.
 * Method: one unit, a waiter that has 20 s; it is in long before.
 */
static void who_leaves_wakes_who_waits(void **unused)
{
	struct ferry_csem s = {0};
	uint64_t start_ns;
	pthread_t t;
	void *bad;

	(void)unused;
	ferry_csem_init(&s, FERRY_LOCK_DEVICE_CONTROL, 1);
	assert_int_equal(ferry_csem_down(&ctx, &s, 0), 0);
	assert_int_equal(pthread_create(&t, NULL, waiter, &s), 0);
	while (!ferry_os_load_acquire(&waits))
		ferry_os_relax();
	usleep(50000); /* asleep by now, most likely */
	start_ns = ferry_os_now_ns();
	ferry_csem_up(&ctx, &s);
	pthread_join(t, &bad);
	assert_null(bad);
	assert_true(ferry_os_now_ns() - start_ns < 10000000000ull);
	ferry_csem_fini(&s);
	assert_uint_equal(reports(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(units_are_counted, start),
		cmocka_unit_test_setup(wrong_uses_are_reported, start),
		cmocka_unit_test_setup(threads_wait_for_units, start),
		cmocka_unit_test_setup(who_leaves_wakes_who_waits, start),
	};

	return cmocka_run_group_tests_name("lock/csem", tests, NULL, NULL);
}
