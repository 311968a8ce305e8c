/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * va_lock_test.c - the five verbs of a VA space's lock: what each keeps out, and what the held set says meanwhile.
 *
 * That they cannot deadlock is the simulator's part (test/sim/story/va_lock.c).
 */
/* TEST-SOURCES: core/lock/va_lock.c core/lock/lock.c core/lock/lock_check.c core/base/text.c */
#include "test/unit/cmocka_compat.h"
#include <pthread.h>
#include "lock/va_lock.h"

#define SHARED (FERRY_LOCK_SHARED << FERRY_LOCK_VA_SPACE)
#define EXCL (FERRY_LOCK_EXCLUSIVELY << FERRY_LOCK_VA_SPACE)
#define WRITERS (FERRY_LOCK_EXCLUSIVELY << FERRY_LOCK_VA_SPACE_WRITERS)
#define ACQUIRE (FERRY_LOCK_EXCLUSIVELY << FERRY_LOCK_VA_SPACE_ACQUIRE)

static struct ferry_ctx ctx;
static struct ferry_va_lock lock;
static uint64_t bugs_before;

static int start(void **unused)
{
	(void)unused;
	ferry_user_bug_is_fatal = 0;
	bugs_before = ferry_user_bug_count();
	ferry_ctx_init(&ctx);
	ferry_va_lock_init(&lock);
	return 0;
}

static int stop(void **unused)
{
	(void)unused;
	assert_uint_equal(ctx.held | ctx.depth, 0);
	ferry_va_lock_fini(&lock);
	return 0;
}

static uint64_t reports(void)
{
	return ferry_user_bug_count() - bugs_before;
}

/* Each would get in now: a reader, a writer, who queues as the only writer. */
static bool reader_may(void)
{
	bool may = ferry_os_mutex_trylock(&lock.acquire.os);

	if (may)
		ferry_os_mutex_unlock(&lock.acquire.os);
	if (may && ferry_os_rw_read_trylock(&lock.rw.os))
		ferry_os_rw_read_unlock(&lock.rw.os);
	else
		may = false;
	return may;
}

static bool writer_may_queue(void)
{
	bool may = ferry_os_mutex_trylock(&lock.writers.os);

	if (may)
		ferry_os_mutex_unlock(&lock.writers.os);
	return may;
}

/*
 * Goal: a reader lets readers in, and a writer queue.
 * Method: read, look, let go.
 */
static void a_reader_keeps_nobody_from_queueing(void **unused)
{
	(void)unused;
	ferry_va_read_lock(&ctx, &lock);
	assert_uint_equal(ctx.held, SHARED);
	assert_true(reader_may());
	assert_true(writer_may_queue());
	assert_false(ferry_os_rw_write_trylock(&lock.rw.os));
	ferry_va_read_unlock(&ctx, &lock);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: while a reader may make control calls no writer queues, so fault service gets in; and the order allows the
 * call, which it does not under a plain read or a write lock.
 * Method: read for control, look, ask for the operation; then in the other two modes.
 */
static void a_control_call_needs_the_writers_kept_out(void **unused)
{
	(void)unused;
	ferry_va_control_lock(&ctx, &lock);
	assert_uint_equal(ctx.held, WRITERS | SHARED);
	assert_true(reader_may());
	assert_false(writer_may_queue());
	assert_true(ferry_lock_assert_op(&ctx, FERRY_LOCK_OP_CONTROL));
	ferry_va_control_unlock(&ctx, &lock);
	assert_uint_equal(reports(), 0);

	ferry_va_read_lock(&ctx, &lock);
	assert_false(ferry_lock_assert_op(&ctx, FERRY_LOCK_OP_CONTROL));
	ferry_va_read_unlock(&ctx, &lock);
	assert_uint_equal(reports(), 1);

	ferry_va_write_lock(&ctx, &lock);
	assert_false(ferry_lock_assert_op(&ctx, FERRY_LOCK_OP_CONTROL));
	ferry_va_write_unlock(&ctx, &lock);
	assert_uint_equal(reports(), 2);
}

/*
 * Goal: a writer is alone, and nobody is on the way in while it leaves.
 * Method: write, look.
 */
static void a_writer_is_alone(void **unused)
{
	(void)unused;
	ferry_va_write_lock(&ctx, &lock);
	assert_uint_equal(ctx.held, WRITERS | ACQUIRE | EXCL);
	assert_false(reader_may());
	assert_false(writer_may_queue());
	ferry_va_write_unlock(&ctx, &lock);
	assert_true(reader_may());
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: both downgrades end in the mode they say, and in nothing else.
 * Method: write, downgrade, look, let go with the unlock of that mode.
 */
static void a_downgrade_ends_as_a_reader(void **unused)
{
	(void)unused;
	ferry_va_write_lock(&ctx, &lock);
	ferry_va_downgrade(&ctx, &lock);
	assert_uint_equal(ctx.held, SHARED);
	assert_true(reader_may());
	assert_true(writer_may_queue());
	ferry_va_read_unlock(&ctx, &lock);

	ferry_va_write_lock(&ctx, &lock);
	ferry_va_downgrade_for_control(&ctx, &lock);
	assert_uint_equal(ctx.held, WRITERS | SHARED);
	assert_true(reader_may());
	assert_false(writer_may_queue());
	assert_true(ferry_lock_assert_op(&ctx, FERRY_LOCK_OP_CONTROL));
	ferry_va_control_unlock(&ctx, &lock);
	assert_uint_equal(reports(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_reader_keeps_nobody_from_queueing, start, stop),
		cmocka_unit_test_setup_teardown(a_control_call_needs_the_writers_kept_out, start, stop),
		cmocka_unit_test_setup_teardown(a_writer_is_alone, start, stop),
		cmocka_unit_test_setup_teardown(a_downgrade_ends_as_a_reader, start, stop),
	};

	return cmocka_run_group_tests_name("lock/va_lock", tests, NULL, NULL);
}
