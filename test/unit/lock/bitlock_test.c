/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bitlock_test.c - each bit is a lock of its own, known by its index.
 */
/* TEST-SOURCES: core/lock/bitlock.c core/lock/lock.c core/lock/lock_check.c core/lock/lock_book.c
 * core/lock/lock_slow.c core/base/text.c */
#include "test/unit/cmocka_compat.h"
#include <pthread.h>
#include "lock/bitlock.h"

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

#define BITS 130u

static struct ferry_os_atomic words[3];
static struct ferry_bitlock bits;

static int begin(void **unused)
{
	ferry_bitlock_init(&bits, FERRY_LOCK_BLOCK, words, BITS);
	return start(unused);
}

static int end(void **unused)
{
	(void)unused;
	assert_uint_equal(ctx.held | ctx.depth, 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_uint_equal(ferry_os_load_relaxed(&words[i]), 0);
	ferry_bitlock_fini(&bits);
	return 0;
}

/*
 * Goal: a bit that is locked is not had by another context, its neighbours are; the set has its class.
 * Method: the first, the last, and both sides of a word's end.
 */
static void each_bit_is_a_lock(void **unused)
{
	static const uint32_t index[] = {0, 63, 64, BITS - 1};
	struct ferry_ctx other;

	(void)unused;
	ferry_ctx_init(&other);
	for (uint32_t i = 0; i < 4; i++) {
		ferry_bitlock_lock(&ctx, &bits, index[i]);
		assert_uint_equal(ctx.held, FERRY_LOCK_EXCLUSIVELY << FERRY_LOCK_BLOCK);
		for (uint32_t k = 0; k < 4; k++) {
			assert_int_equal(ferry_bitlock_trylock(&other, &bits, index[k]), k != i);
			if (k != i)
				ferry_bitlock_unlock(&other, &bits, index[k]);
		}
		ferry_bitlock_unlock(&ctx, &bits, index[i]);
	}
	assert_uint_equal(other.held | other.depth, 0);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: the same bit twice is the very same lock; another bit is another lock of its class; a bit that is not held is
 * not released; an index past the end is no lock.
 * Method: each of them.
 */
static void bits_are_told_apart(void **unused)
{
	(void)unused;
	ferry_bitlock_lock(&ctx, &bits, 7);
	ferry_bitlock_lock(&ctx, &bits, 7); /* would wait for itself: is not done */
	assert_uint_equal(reports(), 1);
	ferry_bitlock_unlock(&ctx, &bits, 7);
	assert_uint_equal(ferry_os_load_relaxed(&words[0]), 1u << 7);
	ferry_bitlock_lock(&ctx, &bits, 8);
	assert_uint_equal(reports(), 2);
	ferry_bitlock_unlock(&ctx, &bits, 8);
	ferry_bitlock_unlock(&ctx, &bits, 9);
	assert_uint_equal(reports(), 3);
	ferry_bitlock_unlock(&ctx, &bits, 7);

	ferry_bitlock_lock(&ctx, &bits, BITS);
	assert_false(ferry_bitlock_trylock(&ctx, &bits, BITS));
	ferry_bitlock_unlock(&ctx, &bits, BITS);
	assert_uint_equal(reports(), 6);
}

/*
 * Goal: where the row says ID, bits nest in the order of their index.
 * Method: a row of the table's with that word; rising and falling.
 */
static void bits_may_nest_by_index(void **unused)
{
	struct ferry_lock_row row = ferry_lock_rows[FERRY_LOCK_BLOCK];

	(void)unused;
	row.suborder = FERRY_LOCK_SUB_ID;
	bits.lock.row = &row;
	ferry_bitlock_lock(&ctx, &bits, 0);
	ferry_bitlock_lock(&ctx, &bits, 70);
	assert_uint_equal(reports(), 0);
	ferry_bitlock_lock(&ctx, &bits, 69);
	assert_uint_equal(reports(), 1);
	ferry_bitlock_unlock(&ctx, &bits, 69);
	ferry_bitlock_unlock(&ctx, &bits, 70);
	ferry_bitlock_unlock(&ctx, &bits, 0);
	assert_uint_equal(reports(), 1);
}

/*
 * Goal: an array that ends with a bit locked is reported; a second init and a second end, too.
 * Method: all three.
 */
static void an_array_that_ends_locked_is_reported(void **unused)
{
	struct ferry_os_atomic word = {0};
	struct ferry_bitlock b = {0};

	(void)unused;
	ferry_bitlock_init(&b, FERRY_LOCK_BLOCK, &word, 64);
	ferry_bitlock_lock(&ctx, &b, 63);
	ferry_bitlock_init(&b, FERRY_LOCK_BLOCK, &word, 1);
	assert_uint_equal(reports(), 1);
	ferry_bitlock_fini(&b);
	assert_uint_equal(reports(), 2);
	ferry_bitlock_fini(&b);
	assert_uint_equal(reports(), 3);
	ferry_bitlock_unlock(&ctx, &b, 63);
}

static uint64_t counted[2];

static void *count_up(void *arg)
{
	struct ferry_ctx own;

	ferry_ctx_init(&own);
	for (uint32_t i = 0; i < 20000; i++) {
		ferry_bitlock_lock(&own, &bits, i & 1);
		counted[i & 1]++;
		ferry_bitlock_unlock(&own, &bits, i & 1);
	}
	return own.violations || own.depth ? arg : NULL;
}

/*
 * Goal: a bit excludes: no update is lost between threads.
 * Method: three threads count under two bits of a word.
 */
static void no_update_is_lost_between_threads(void **unused)
{
	pthread_t t[3];
	void *bad;

	(void)unused;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL, count_up, &bits), 0);
	for (uint32_t i = 0; i < 3; i++) {
		pthread_join(t[i], &bad);
		assert_null(bad);
	}
	assert_uint_equal(counted[0], 30000);
	assert_uint_equal(counted[1], 30000);
	assert_uint_equal(reports(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_bit_is_a_lock, begin, end),
		cmocka_unit_test_setup_teardown(bits_are_told_apart, begin, end),
		cmocka_unit_test_setup_teardown(bits_may_nest_by_index, begin, end),
		cmocka_unit_test_setup_teardown(an_array_that_ends_locked_is_reported, begin, end),
		cmocka_unit_test_setup_teardown(no_update_is_lost_between_threads, begin, end),
	};

	return cmocka_run_group_tests_name("lock/bitlock", tests, NULL, NULL);
}
