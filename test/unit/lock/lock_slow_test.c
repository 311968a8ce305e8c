/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_slow_test.c - releases out of turn, two locks of a class, hand-over, interrupts: what the verbs do then.
 */
/* TEST-SOURCES: core/lock/lock.c core/lock/lock_check.c core/lock/lock_book.c core/lock/lock_slow.c
 * core/base/text.c */
#include "test/unit/cmocka_compat.h"
#include "lock/lock.h"

#define BIT(name) (1ull << FERRY_LOCK_##name)
#define EXCL(name) (FERRY_LOCK_EXCLUSIVELY << FERRY_LOCK_##name)

static struct ferry_ctx ctx;
static struct ferry_mutex m[4];
static uint64_t bugs_before;
static const enum ferry_lock_class class[4] = {FERRY_LOCK_GLOBAL, FERRY_LOCK_LAUNCH, FERRY_LOCK_BLOCK,
                                               FERRY_LOCK_CHANNEL};

static int start(void **unused)
{
	(void)unused;
	ferry_user_bug_is_fatal = 0;
	bugs_before = ferry_user_bug_count();
	ferry_ctx_init(&ctx);
	for (uint32_t i = 0; i < 4; i++)
		ferry_mutex_init(&m[i], class[i]);
	return 0;
}

static int stop(void **unused)
{
	(void)unused;
	assert_uint_equal(ctx.held & ~FERRY_LOCK_IRQ, 0);
	assert_uint_equal(ctx.depth, 0);
	for (uint32_t i = 0; i < 4; i++)
		ferry_mutex_fini(&m[i]);
	return 0;
}

static uint64_t reports(void)
{
	return ferry_user_bug_count() - bugs_before;
}

/*
 * Goal: a release that does not nest is reported, once for each lock that leaves before one acquired under it; the
 * lock is released all the same, and the set shows those that are left.
 * Method: take four, release them in each of the 24 orders; count the inversions.
 */
static void a_release_that_does_not_nest_is_reported(void **unused)
{
	(void)unused;
	for (uint32_t order = 0; order < 256; order++) {
		uint32_t at[4] = {order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 & 3};
		uint64_t left = 0, before = reports(), want = 0;

		if ((1u << at[0] | 1u << at[1] | 1u << at[2] | 1u << at[3]) != 15)
			continue;
		for (uint32_t i = 0; i < 4; i++) {
			ferry_mutex_lock(&ctx, &m[i]);
			left |= FERRY_LOCK_EXCLUSIVELY << class[i];
		}
		for (uint32_t i = 0; i < 4; i++) {
			ferry_mutex_unlock(&ctx, &m[at[i]]);
			left &= ~(FERRY_LOCK_EXCLUSIVELY << class[at[i]]);
			want += left >> (class[at[i]] + 1) & ((1ull << (31 - class[at[i]])) - 1) ? 1 : 0;
			assert_uint_equal(ctx.held, left);
			assert_uint_equal(reports() - before, want);
			assert_true(ferry_os_mutex_trylock(&m[at[i]].os));
			ferry_os_mutex_unlock(&m[at[i]].os);
		}
	}
	assert_uint_equal(ctx.violations, reports());
}

/*
 * Goal: a lock that a try took out of order may go at any time; so may what was acquired before it. One that a try
 * took in order must nest.
 * Method: both, in the order that does not nest.
 */
static void a_try_out_of_order_need_not_nest(void **unused)
{
	(void)unused;
	ferry_mutex_lock(&ctx, &m[2]);
	assert_true(ferry_mutex_trylock(&ctx, &m[0])); /* out of order */
	ferry_mutex_lock(&ctx, &m[3]);
	ferry_mutex_unlock(&ctx, &m[0]);
	ferry_mutex_unlock(&ctx, &m[3]);
	ferry_mutex_unlock(&ctx, &m[2]);
	ferry_mutex_lock(&ctx, &m[2]);
	assert_true(ferry_mutex_trylock(&ctx, &m[0]));
	ferry_mutex_unlock(&ctx, &m[2]);
	ferry_mutex_unlock(&ctx, &m[0]);
	assert_uint_equal(reports(), 0);

	ferry_mutex_lock(&ctx, &m[2]);
	assert_true(ferry_mutex_trylock(&ctx, &m[3])); /* in order */
	ferry_mutex_unlock(&ctx, &m[2]);
	assert_uint_equal(reports(), 1);
	ferry_mutex_unlock(&ctx, &m[3]);
}

/*
 * Goal: the lock under the newest may be let go by the verb that says so; another one not even then, unless it is.
 * Method: two locks; then what is no longer held.
 */
static void the_lock_under_the_newest_may_go_first(void **unused)
{
	(void)unused;
	ferry_mutex_lock(&ctx, &m[0]);
	ferry_mutex_lock(&ctx, &m[2]);
	ferry_mutex_unlock_under(&ctx, &m[0]);
	assert_uint_equal(ctx.held, EXCL(BLOCK));
	assert_true(ferry_os_mutex_trylock(&m[0].os));
	ferry_os_mutex_unlock(&m[0].os);
	assert_uint_equal(reports(), 0);
	ferry_mutex_unlock_under(&ctx, &m[0]);
	assert_uint_equal(reports(), 1);
	ferry_mutex_unlock(&ctx, &m[2]);
}

/*
 * Goal: a reader that reads again does not wait for itself; a reader that writes does, as asked, so only the reports
 * are looked at through a try of the host.
 * Method: read twice, release twice: the host's lock is free after the first, which is the inner one's.
 */
static void a_read_lock_is_not_taken_twice(void **unused)
{
	struct ferry_rw rw = {0};

	(void)unused;
	ferry_rw_init(&rw, FERRY_LOCK_VA_SPACE);
	ferry_rw_read_lock(&ctx, &rw);
	ferry_rw_read_lock(&ctx, &rw);
	assert_uint_equal(reports(), 1);
	ferry_rw_read_unlock(&ctx, &rw);
	assert_false(ferry_os_rw_write_trylock(&rw.os));
	ferry_rw_read_unlock(&ctx, &rw);
	assert_true(ferry_os_rw_write_trylock(&rw.os));
	ferry_os_rw_write_unlock(&rw.os);
	assert_uint_equal(reports(), 1);
	ferry_rw_fini(&rw);
}

/*
 * Goal: where the row says so, locks of one class nest in the order of their numbers, and only so.
 * Method: a row of the table's with another word for it; rising, falling, equal, none.
 */
static void a_class_may_nest_by_id(void **unused)
{
	struct ferry_lock_row row = ferry_lock_rows[FERRY_LOCK_BLOCK];

	(void)unused;
	row.suborder = FERRY_LOCK_SUB_ID;
	for (uint32_t i = 0; i < 4; i++) {
		m[i].lock.row = &row;
		ferry_lock_set_order(&m[i], i);
	}
	ferry_mutex_lock(&ctx, &m[1]);
	ferry_mutex_lock(&ctx, &m[2]);
	ferry_mutex_lock(&ctx, &m[3]);
	assert_uint_equal(reports(), 0);
	assert_uint_equal(ctx.held, EXCL(BLOCK));
	ferry_mutex_unlock(&ctx, &m[3]);
	ferry_mutex_unlock(&ctx, &m[2]);
	assert_uint_equal(ctx.held, EXCL(BLOCK));
	ferry_mutex_unlock(&ctx, &m[1]);
	assert_uint_equal(ctx.held, 0);

	ferry_mutex_lock(&ctx, &m[2]);
	ferry_mutex_lock(&ctx, &m[1]);
	assert_uint_equal(reports(), 1);
	ferry_mutex_unlock(&ctx, &m[1]);
	ferry_mutex_lock(&ctx, &m[0]); /* has no number */
	assert_uint_equal(reports(), 2);
	ferry_mutex_unlock(&ctx, &m[0]);
	ferry_lock_set_order(&m[3], 2);
	ferry_mutex_lock(&ctx, &m[3]);
	assert_uint_equal(reports(), 3);
	ferry_mutex_unlock(&ctx, &m[3]);
	ferry_mutex_unlock(&ctx, &m[2]);
	assert_uint_equal(reports(), 3);
}

/*
 * Goal: where the row says so, locks of one class nest by the level of the acquire.
 * Method: rising, falling, without a level, with one that is none.
 */
static void a_class_may_nest_by_level(void **unused)
{
	struct ferry_lock_row row = ferry_lock_rows[FERRY_LOCK_BLOCK];

	(void)unused;
	row.suborder = FERRY_LOCK_SUB_LEVEL;
	for (uint32_t i = 0; i < 4; i++)
		m[i].lock.row = &row;
	ferry_mutex_lock_level(&ctx, &m[0], 1);
	ferry_mutex_lock_level(&ctx, &m[1], FERRY_LOCK_LEVEL_MAX);
	assert_uint_equal(reports(), 0);
	ferry_mutex_lock_level(&ctx, &m[2], 7);
	assert_uint_equal(reports(), 1);
	ferry_mutex_unlock(&ctx, &m[2]);
	ferry_mutex_lock(&ctx, &m[2]);
	assert_uint_equal(reports(), 2);
	ferry_mutex_unlock(&ctx, &m[2]);
	ferry_mutex_unlock(&ctx, &m[1]);
	ferry_mutex_unlock(&ctx, &m[0]);
	ferry_mutex_lock_level(&ctx, &m[0], FERRY_LOCK_LEVEL_MAX + 1);
	assert_uint_equal(reports(), 3);
	ferry_mutex_unlock(&ctx, &m[0]);
}

/*
 * Goal: a semaphore can be taken over only after it was given, given only by its holder, and is not left given.
 * Method: each of the three; none of them touches what somebody else holds.
 */
static void hand_over_has_two_sides(void **unused)
{
	struct ferry_sem s = {0};
	struct ferry_ctx other;

	(void)unused;
	ferry_ctx_init(&other);
	ferry_sem_init(&s, FERRY_LOCK_ISR_SERVICE);
	ferry_sem_down(&ctx, &s);
	ferry_sem_take(&other, &s);
	assert_uint_equal(reports(), 1);
	ferry_sem_up(&other, &s);
	assert_false(ferry_os_sem_try(&s.os)); /* ctx has it, as before */
	assert_uint_equal(other.depth, 0);

	ferry_sem_give(&other, &s);
	assert_uint_equal(reports(), 2);
	ferry_sem_take(&other, &s);
	assert_uint_equal(reports(), 3);
	ferry_sem_up(&other, &s);

	ferry_sem_give(&ctx, &s);
	ferry_ctx_fini(&ctx);
	assert_uint_equal(reports(), 3);
	ferry_sem_take(&other, &s);
	ferry_sem_give(&other, &s); /* on to the next */
	assert_uint_equal(reports(), 3);
	ferry_sem_fini(&s);
	assert_uint_equal(reports(), 4);
	assert_uint_equal(ctx.violations + other.violations, 3);
}

/*
 * Goal: taking over is in the order, like any acquire.
 * Method: take over with a later row held.
 */
static void taking_over_is_in_the_order(void **unused)
{
	struct ferry_sem s = {0};

	(void)unused;
	ferry_sem_init(&s, FERRY_LOCK_ISR_SERVICE);
	assert_true(ferry_sem_try(&ctx, &s));
	ferry_sem_give(&ctx, &s);
	ferry_mutex_lock(&ctx, &m[2]);
	ferry_sem_take(&ctx, &s);
	assert_uint_equal(reports(), 1);
	ferry_sem_up(&ctx, &s);
	ferry_mutex_unlock(&ctx, &m[2]);
	assert_true(ferry_os_sem_try(&s.os));
	ferry_os_sem_up(&s.os);
	ferry_sem_fini(&s);
	assert_uint_equal(reports(), 1);
}

/*
 * Goal: in an interrupt whatever sleeps is refused, a try and a spin lock are not, and what is taken there must be
 * released or given away there.
 * Method: a context of an interrupt; every kind, and an operation.
 */
static void an_interrupt_does_not_sleep(void **unused)
{
	struct ferry_spin spin = {0};
	struct ferry_rw rw = {0};
	struct ferry_sem s = {0};

	(void)unused;
	ferry_ctx_init_irq(&ctx);
	ferry_spin_init(&spin, FERRY_LOCK_PMM);
	ferry_rw_init(&rw, FERRY_LOCK_VA_SPACE);
	ferry_sem_init(&s, FERRY_LOCK_ISR_SERVICE);
	assert_true(ferry_sem_try(&ctx, &s));
	ferry_spin_lock(&ctx, &spin);
	ferry_spin_unlock(&ctx, &spin);
	assert_uint_equal(reports(), 0);
	ferry_ctx_fini(&ctx);
	assert_uint_equal(reports(), 1);
	ferry_sem_give(&ctx, &s);
	ferry_ctx_fini(&ctx);
	assert_uint_equal(reports(), 1);
	ferry_sem_take(&ctx, &s);
	assert_uint_equal(reports(), 2);
	ferry_sem_up(&ctx, &s);

	ferry_mutex_lock(&ctx, &m[2]);
	ferry_mutex_unlock(&ctx, &m[2]);
	assert_uint_equal(reports(), 3);
	ferry_rw_read_lock(&ctx, &rw);
	ferry_rw_read_unlock(&ctx, &rw);
	assert_uint_equal(reports(), 4);
	ferry_sem_down(&ctx, &s);
	ferry_sem_up(&ctx, &s);
	assert_uint_equal(reports(), 5);
	assert_false(ferry_lock_assert_op(&ctx, FERRY_LOCK_OP_SLEEP));
	assert_uint_equal(reports(), 6);
	assert_uint_equal(ctx.held, FERRY_LOCK_IRQ);
	ferry_spin_fini(&spin);
	ferry_rw_fini(&rw);
	ferry_sem_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_release_that_does_not_nest_is_reported, start, stop),
		cmocka_unit_test_setup_teardown(a_try_out_of_order_need_not_nest, start, stop),
		cmocka_unit_test_setup_teardown(the_lock_under_the_newest_may_go_first, start, stop),
		cmocka_unit_test_setup_teardown(a_read_lock_is_not_taken_twice, start, stop),
		cmocka_unit_test_setup_teardown(a_class_may_nest_by_id, start, stop),
		cmocka_unit_test_setup_teardown(a_class_may_nest_by_level, start, stop),
		cmocka_unit_test_setup_teardown(hand_over_has_two_sides, start, stop),
		cmocka_unit_test_setup_teardown(taking_over_is_in_the_order, start, stop),
		cmocka_unit_test_setup_teardown(an_interrupt_does_not_sleep, start, stop),
	};

	return cmocka_run_group_tests_name("lock/lock_slow", tests, NULL, NULL);
}
