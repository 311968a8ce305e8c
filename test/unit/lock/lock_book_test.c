/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_book_test.c - what contexts saw is in their book: edges, tries, violations, times.
 */
/* TEST-SOURCES: core/lock/lock_book.c core/lock/lock.c core/lock/lock_check.c core/lock/lock_slow.c core/base/text.c
 */
#include "test/unit/cmocka_compat.h"
#include <pthread.h>
#include "lock/lock.h"
#include "lock/lock_book.h"

#define BIT(name) (1ull << FERRY_LOCK_##name)
#define EXCL(name) (FERRY_LOCK_EXCLUSIVELY << FERRY_LOCK_##name)

static struct ferry_lock_book book;
static struct ferry_os_atomic until_watch;
static struct ferry_ctx ctx;
static struct ferry_mutex global, block, channel;
static struct ferry_rw space;
static uint64_t bugs_before;

static int start(void **unused)
{
	(void)unused;
	ferry_user_bug_is_fatal = 0;
	bugs_before = ferry_user_bug_count();
	ferry_lock_book_init(&book);
	ferry_os_store_relaxed(&until_watch, 1);
	ferry_ctx_init_in(&ctx, &book, &until_watch, 0);
	ferry_mutex_init(&global, FERRY_LOCK_GLOBAL);
	ferry_rw_init(&space, FERRY_LOCK_VA_SPACE);
	ferry_mutex_init(&block, FERRY_LOCK_BLOCK);
	ferry_mutex_init(&channel, FERRY_LOCK_CHANNEL);
	return 0;
}

static int stop(void **unused)
{
	(void)unused;
	assert_uint_equal(ctx.depth, 0);
	ferry_mutex_fini(&global);
	ferry_rw_fini(&space);
	ferry_mutex_fini(&block);
	ferry_mutex_fini(&channel);
	return 0;
}

static uint64_t reports(void)
{
	return ferry_user_bug_count() - bugs_before;
}

/*
 * Goal: a fresh book has seen nothing; afterwards it has seen which row was held, in which mode, when another was
 * acquired, and nothing else. What was seen is not looked at again.
 * Method: three locks, nested; the words of the book.
 */
static void what_is_held_is_seen_under_the_next(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < FERRY_LOCK_BITS; i++)
		assert_uint_equal(ferry_lock_book_seen(&book, i), 0);
	ferry_rw_read_lock(&ctx, &space);
	ferry_mutex_lock(&ctx, &block);
	assert_true(ferry_mutex_trylock(&ctx, &channel));
	ferry_mutex_unlock(&ctx, &channel);
	ferry_mutex_unlock(&ctx, &block);
	ferry_rw_read_unlock(&ctx, &space);
	assert_uint_equal(ferry_lock_book_seen(&book, FERRY_LOCK_VA_SPACE), 0);
	assert_uint_equal(ferry_lock_book_seen(&book, FERRY_LOCK_BLOCK), BIT(VA_SPACE));
	assert_uint_equal(ferry_lock_book_seen(&book, FERRY_LOCK_CHANNEL), BIT(VA_SPACE) | EXCL(BLOCK));
	assert_uint_equal(ctx.held & ferry_lock_rule(&ctx, block.lock.row->offset), 0);
	assert_uint_equal(reports(), 0);
	assert_uint_equal(ctx.held, 0);
}

/*
 * Goal: what was seen once does not weaken the check: the refused stays refused, each time, and is in the book apart.
 * Method: a wrong order, between right ones; an operation.
 */
static void what_is_refused_stays_refused(void **unused)
{
	(void)unused;
	for (uint32_t i = 1; i <= 3; i++) {
		ferry_mutex_lock(&ctx, &global);
		ferry_mutex_lock(&ctx, &block);
		ferry_mutex_unlock(&ctx, &block);
		ferry_mutex_unlock(&ctx, &global);
		ferry_mutex_lock(&ctx, &block);
		ferry_mutex_lock(&ctx, &global);
		ferry_mutex_unlock(&ctx, &global);
		assert_false(ferry_lock_assert_op(&ctx, FERRY_LOCK_OP_EVICT));
		assert_true(ferry_lock_assert_op(&ctx, FERRY_LOCK_OP_SLEEP));
		ferry_mutex_unlock(&ctx, &block);
		assert_uint_equal(ctx.violations, i * 2);
	}
	assert_uint_equal(ferry_lock_book_seen(&book, FERRY_LOCK_BLOCK), EXCL(GLOBAL));
	assert_uint_equal(ferry_lock_book_seen(&book, FERRY_LOCK_GLOBAL), 0);
	assert_uint_equal(ferry_os_load_relaxed(&book.broken[FERRY_LOCK_GLOBAL]), BIT(BLOCK));
	assert_uint_equal(ferry_os_load_relaxed(&book.broken[FERRY_LOCK_OP_EVICT]), BIT(BLOCK));
	assert_uint_equal(ferry_lock_book_seen(&book, FERRY_LOCK_OP_SLEEP), EXCL(BLOCK));
	assert_uint_equal(reports(), 2); /* each kind is told once */
}

/*
 * Goal: with other rows held it is another kind, and is told.
 * Method: the same acquire under one row, under two, and again; then more kinds than the book has room for.
 */
static void each_kind_of_violation_is_told_once(void **unused)
{
	static const char dids[2 * FERRY_LOCK_BOOK_NEWS];
	uint32_t told = 0;

	(void)unused;
	for (uint32_t i = 0; i < 2; i++) {
		ferry_mutex_lock(&ctx, &block);
		ferry_mutex_lock(&ctx, &global);
		ferry_mutex_unlock(&ctx, &global);
		ferry_mutex_lock(&ctx, &channel);
		ferry_mutex_lock(&ctx, &global);
		ferry_mutex_unlock(&ctx, &global);
		ferry_mutex_unlock(&ctx, &channel);
		ferry_mutex_unlock(&ctx, &block);
	}
	assert_uint_equal(ctx.violations, 4);
	assert_uint_equal(reports(), 2);
	for (uint32_t i = 0; i < sizeof(dids); i++)
		told += ferry_lock_book_is_news(&book, 0, "who", &dids[i]);
	assert_uint_equal(told, FERRY_LOCK_BOOK_NEWS - 2);
}

/*
 * Goal: a try out of order is no violation, and in the book apart.
 * Method: try GLOBAL under BLOCK.
 */
static void a_try_out_of_order_is_in_the_book(void **unused)
{
	(void)unused;
	ferry_mutex_lock(&ctx, &block);
	assert_true(ferry_mutex_trylock(&ctx, &global));
	ferry_mutex_unlock(&ctx, &global);
	ferry_mutex_unlock(&ctx, &block);
	assert_uint_equal(reports(), 0);
	assert_uint_equal(ferry_lock_book_seen(&book, FERRY_LOCK_GLOBAL), 0);
	assert_uint_equal(ferry_os_load_relaxed(&book.broken[FERRY_LOCK_GLOBAL]), 0);
	assert_uint_equal(ferry_os_load_relaxed(&book.tried[FERRY_LOCK_GLOBAL]), BIT(BLOCK));
}

/*
 * Goal: one context of so many is watched, and only its acquires are counted.
 * Method: two rounds of contexts, a lock in each.
 */
static void one_context_of_many_is_watched(void **unused)
{
	const struct ferry_lock_tally *tally = &book.tally[FERRY_LOCK_BLOCK];
	uint32_t watched = 0;

	(void)unused;
	for (uint32_t i = 0; i < 2 * FERRY_LOCK_BOOK_ONE_IN; i++) {
		ferry_ctx_init_in(&ctx, &book, &until_watch, 0);
		watched += (ctx.held & FERRY_LOCK_WATCH) != 0;
		ferry_mutex_lock(&ctx, &block);
		ferry_mutex_unlock(&ctx, &block);
		ferry_ctx_fini(&ctx);
		assert_uint_equal(ctx.held & ~FERRY_LOCK_WATCH, 0);
	}
	assert_uint_equal(watched, 2);
	assert_uint_equal(ferry_os_load_relaxed(&tally->acquired), 2);
	assert_uint_equal(ferry_os_load_relaxed(&tally->holds), 2);
	assert_uint_equal(ferry_os_load_relaxed(&tally->contended), 0);
	assert_uint_equal(reports(), 0);
}

static void watch(void)
{
	ferry_os_store_relaxed(&until_watch, 0);
	ferry_ctx_init_in(&ctx, &book, &until_watch, 0);
	assert_uint_equal(ctx.held, FERRY_LOCK_WATCH);
}

static struct ferry_os_atomic has_it, wants_it;

/* Holds BLOCK until somebody has wanted it for 2 ms. */
static void *holder(void *arg)
{
	struct ferry_ctx own;
	uint64_t until;

	ferry_ctx_init(&own);
	ferry_mutex_lock(&own, &block);
	ferry_os_store_release(&has_it, 1);
	while (!ferry_os_load_acquire(&wants_it))
		ferry_os_relax();
	until = ferry_os_now_ns() + 2000000;
	while (ferry_os_now_ns() < until)
		ferry_os_relax();
	ferry_mutex_unlock(&own, &block);
	return arg;
}

/*
 * Goal: that somebody was in the way is counted, and for how long; how long a lock was held, too, also when it is
 * given away, and when a try took it.
 * Method: a thread holds BLOCK for 2 ms; then it is held here for 1 ms. A semaphore is tried, given, taken.
 */
static void waiting_and_holding_are_timed(void **unused)
{
	const struct ferry_lock_tally *tally = &book.tally[FERRY_LOCK_BLOCK];
	const struct ferry_lock_tally *isr = &book.tally[FERRY_LOCK_ISR_SERVICE];
	struct ferry_sem s = {0};
	uint64_t until;
	pthread_t t;

	(void)unused;
	watch();
	assert_int_equal(pthread_create(&t, NULL, holder, NULL), 0);
	while (!ferry_os_load_acquire(&has_it))
		ferry_os_relax();
	ferry_os_store_release(&wants_it, 1);
	ferry_mutex_lock(&ctx, &block);
	until = ferry_os_now_ns() + 1000000;
	while (ferry_os_now_ns() < until)
		ferry_os_relax();
	ferry_mutex_unlock(&ctx, &block);
	pthread_join(t, NULL);
	assert_uint_equal(ferry_os_load_relaxed(&tally->acquired), 1);
	assert_uint_equal(ferry_os_load_relaxed(&tally->contended), 1);
	assert_true(ferry_os_load_relaxed(&tally->wait_ns) > 0);
	assert_uint_equal(ferry_os_load_relaxed(&tally->wait_ns), ferry_os_load_relaxed(&tally->wait_max_ns));
	assert_uint_equal(ferry_os_load_relaxed(&tally->holds), 1);
	assert_true(ferry_os_load_relaxed(&tally->hold_max_ns) >= 999000);
	assert_uint_equal(ferry_os_load_relaxed(&tally->hold_ns), ferry_os_load_relaxed(&tally->hold_max_ns));

	ferry_sem_init(&s, FERRY_LOCK_ISR_SERVICE);
	assert_true(ferry_sem_try(&ctx, &s));
	ferry_sem_give(&ctx, &s);
	ferry_sem_take(&ctx, &s);
	ferry_sem_up(&ctx, &s);
	ferry_sem_fini(&s);
	assert_uint_equal(ferry_os_load_relaxed(&isr->acquired), 2);
	assert_uint_equal(ferry_os_load_relaxed(&isr->holds), 2);
	assert_uint_equal(ctx.held, FERRY_LOCK_WATCH);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: watching changes nothing of what is allowed: each verb works, in each mode, and the wrong order is told.
 * Method: all kinds, nested; then one out of order.
 */
static void a_watched_context_is_checked_like_another(void **unused)
{
	struct ferry_spin spin = {0};

	(void)unused;
	ferry_spin_init(&spin, FERRY_LOCK_PMM);
	watch();
	for (uint32_t write = 0; write < 2; write++) {
		if (write)
			ferry_rw_write_lock(&ctx, &space);
		else
			ferry_rw_read_lock(&ctx, &space);
		ferry_mutex_lock(&ctx, &block);
		ferry_spin_lock(&ctx, &spin);
		assert_false(ferry_os_spin_trylock(&spin.os));
		ferry_spin_unlock(&ctx, &spin);
		ferry_mutex_unlock(&ctx, &block);
		if (write)
			ferry_rw_write_unlock(&ctx, &space);
		else
			ferry_rw_read_unlock(&ctx, &space);
		assert_true(ferry_os_rw_write_trylock(&space.os));
		ferry_os_rw_write_unlock(&space.os);
	}
	assert_uint_equal(ferry_os_load_relaxed(&book.tally[FERRY_LOCK_VA_SPACE].holds), 2);
	assert_uint_equal(reports(), 0);
	ferry_mutex_lock(&ctx, &block);
	ferry_mutex_lock(&ctx, &global);
	assert_uint_equal(reports(), 1);
	ferry_mutex_unlock(&ctx, &global);
	ferry_mutex_unlock(&ctx, &block);
	ferry_ctx_fini(&ctx);
	assert_uint_equal(reports(), 1);
	ferry_spin_fini(&spin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_held_is_seen_under_the_next, start, stop),
		cmocka_unit_test_setup_teardown(what_is_refused_stays_refused, start, stop),
		cmocka_unit_test_setup_teardown(each_kind_of_violation_is_told_once, start, stop),
		cmocka_unit_test_setup_teardown(a_try_out_of_order_is_in_the_book, start, stop),
		cmocka_unit_test_setup_teardown(one_context_of_many_is_watched, start, stop),
		cmocka_unit_test_setup_teardown(waiting_and_holding_are_timed, start, stop),
		cmocka_unit_test_setup_teardown(a_watched_context_is_checked_like_another, start, stop),
	};

	return cmocka_run_group_tests_name("lock/lock_book", tests, NULL, NULL);
}
