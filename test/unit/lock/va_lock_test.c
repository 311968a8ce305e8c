/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * va_lock_test.c - the verbs of a VA space's lock: what each keeps out, and what the held set says meanwhile.
 *
 * That they cannot deadlock is the simulator's part (test/sim/story/va_lock.c).
 */
/* TEST-SOURCES: core/lock/va_lock.c core/lock/lock.c core/lock/lock_check.c core/lock/lock_book.c
 * core/lock/lock_slow.c core/base/text.c */
#include "test/unit/cmocka_compat.h"
#include <pthread.h>
#include <unistd.h>
#include "lock/va_lock.h"

#define SHARED (FERRY_LOCK_SHARED << FERRY_LOCK_VA_SPACE)
#define EXCL (FERRY_LOCK_EXCLUSIVELY << FERRY_LOCK_VA_SPACE)

static struct ferry_ctx ctx;
static struct ferry_va_lock lock;
static uint64_t bugs_before;

static int start(void **unused)
{
	(void)unused;
	ferry_user_bug_is_fatal = 0;
	bugs_before = ferry_user_bug_count();
	ferry_ctx_init(&ctx);
	ferry_va_lock_init(&lock, FERRY_LOCK_VA_SPACE);
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

/* Would get in now, as another context: a reader; service. */
static bool may_read(void)
{
	struct ferry_ctx other;
	bool may;

	ferry_ctx_init(&other);
	may = ferry_va_read_trylock(&other, &lock);
	if (may)
		ferry_va_read_unlock(&other, &lock);
	return may;
}

static bool may_serve(void)
{
	bool may = ferry_va_lock_enter(&lock, FERRY_VA_LOCK_WRITER);

	if (may)
		(void)ferry_os_fetch_add(&lock.state, -FERRY_VA_LOCK_READER);
	return may;
}

/*
 * Goal: a reader lets readers in and keeps writers out; the held set says shared; control calls are in order.
 * Method: read, look, let go.
 */
static void a_reader_lets_readers_in(void **unused)
{
	(void)unused;
	ferry_va_read_lock(&ctx, &lock);
	assert_uint_equal(ctx.held, SHARED);
	assert_true(may_read());
	assert_true(may_serve());
	assert_uint_not_equal(ferry_os_cmpxchg(&lock.state, 0, FERRY_VA_LOCK_WRITER), 0);
	assert_true(ferry_lock_assert_op(&ctx, FERRY_LOCK_OP_CONTROL));
	ferry_va_read_unlock(&ctx, &lock);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: a writer is alone, the held set says exclusively, and a control call is refused.
 * Method: write, look, ask for the operation.
 */
static void a_writer_is_alone(void **unused)
{
	(void)unused;
	ferry_va_write_lock(&ctx, &lock);
	assert_uint_equal(ctx.held, EXCL);
	assert_false(may_read());
	assert_false(may_serve());
	assert_uint_equal(reports(), 0);
	assert_false(ferry_lock_assert_op(&ctx, FERRY_LOCK_OP_CONTROL));
	assert_uint_equal(reports(), 1);
	ferry_va_write_unlock(&ctx, &lock);
	assert_true(may_read());
}

static void *write_once(void *in)
{
	struct ferry_ctx mine;

	ferry_ctx_init(&mine);
	ferry_va_write_lock(&mine, &lock);
	ferry_os_store_release(in, 1);
	ferry_va_write_unlock(&mine, &lock);
	return NULL;
}

/*
 * Goal: a writer that waits keeps readers out, but not service; it gets in when the last reader has left.
 * Method: a thread writes while a reader is in; when it waits, look; let go; it must come to its end.
 */
static void service_passes_a_waiting_writer(void **unused)
{
	struct ferry_os_atomic in = {0};
	pthread_t thread;

	(void)unused;
	ferry_va_read_lock(&ctx, &lock);
	assert_int_equal(pthread_create(&thread, NULL, write_once, &in), 0);
	while (!(ferry_os_load_acquire(&lock.state) & FERRY_VA_LOCK_WRITERS))
		ferry_os_relax();
	assert_false(may_read());
	assert_true(may_serve());
	assert_uint_equal(ferry_os_load_acquire(&in), 0);
	ferry_va_read_unlock(&ctx, &lock);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_uint_equal(ferry_os_load_acquire(&in), 1);
	assert_uint_equal(ferry_os_load_acquire(&lock.state), 0);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: a downgrade ends in read mode and in nothing else.
 * Method: write, downgrade, look, let go as a reader.
 */
static void a_downgrade_ends_as_a_reader(void **unused)
{
	(void)unused;
	ferry_va_write_lock(&ctx, &lock);
	ferry_va_downgrade(&ctx, &lock);
	assert_uint_equal(ctx.held, SHARED);
	assert_true(may_read());
	assert_uint_equal(ferry_os_load_acquire(&lock.state), FERRY_VA_LOCK_READER);
	assert_true(ferry_lock_assert_op(&ctx, FERRY_LOCK_OP_CONTROL));
	ferry_va_read_unlock(&ctx, &lock);
	ferry_va_service_lock(&ctx, &lock);
	assert_uint_equal(ctx.held, SHARED);
	ferry_va_read_unlock(&ctx, &lock);
	assert_uint_equal(reports(), 0);
}

#define ROUNDS 20000u
static uint64_t plain; /* VA_SPACE to write */

static void *worker(void *arg)
{
	uintptr_t who = (uintptr_t)arg;
	struct ferry_ctx mine;
	uint64_t sum = 0;

	ferry_ctx_init(&mine);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		if (i % 4 == who) {
			ferry_va_write_lock(&mine, &lock);
			plain++;
			ferry_va_downgrade(&mine, &lock);
			sum += plain;
			ferry_va_read_unlock(&mine, &lock);
		} else if (i % 2) {
			ferry_va_read_lock(&mine, &lock);
			sum += plain;
			ferry_va_read_unlock(&mine, &lock);
		} else {
			ferry_va_service_lock(&mine, &lock);
			sum += plain;
			ferry_va_read_unlock(&mine, &lock);
		}
	}
	return sum ? arg : NULL;
}

/*
 * Goal: between threads no update under it is lost, and nobody sleeps for ever.
 * Method: three threads read, serve, write and downgrade in turn; the sum tells. ThreadSanitizer tells more.
 */
static void no_update_is_lost_between_threads(void **unused)
{
	pthread_t threads[3];

	(void)unused;
	plain = 0;
	for (uintptr_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, worker, (void *)i), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_uint_equal(plain, 3 * ROUNDS / 4);
	assert_uint_equal(ferry_os_load_acquire(&lock.state), 0);
	assert_uint_equal(reports(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_reader_lets_readers_in, start, stop),
		cmocka_unit_test_setup_teardown(a_writer_is_alone, start, stop),
		cmocka_unit_test_setup_teardown(service_passes_a_waiting_writer, start, stop),
		cmocka_unit_test_setup_teardown(a_downgrade_ends_as_a_reader, start, stop),
		cmocka_unit_test_setup_teardown(no_update_is_lost_between_threads, start, stop),
	};

	return cmocka_run_group_tests_name("lock/va_lock", tests, NULL, NULL);
}
