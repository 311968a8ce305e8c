/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_test.c - the verbs of lock.h: what each does to the lock and to the held set.
 */
/* TEST-SOURCES: core/lock/lock.c core/lock/lock_check.c core/lock/lock_book.c core/lock/lock_slow.c
 * core/base/text.c */
#include "test/unit/cmocka_compat.h"
#include <pthread.h>
#include "lock/lock.h"

#define BIT(name) (1ull << FERRY_LOCK_##name)
#define EXCL(name) (FERRY_LOCK_EXCLUSIVELY << FERRY_LOCK_##name)

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

/* Reports since the test began; each is also counted in the context that caused it. */
static uint64_t reports(void)
{
	return ferry_user_bug_count() - bugs_before;
}

/*
 * Goal: each verb locks the host's lock, and the held set has its class, exclusive or not, until the release.
 * Method: try the host's lock behind the context's back while it is held and after.
 */
static void a_mutex_is_locked_and_noted(void **unused)
{
	struct ferry_mutex m;

	(void)unused;
	ferry_mutex_init(&m, FERRY_LOCK_BLOCK);
	ferry_mutex_lock(&ctx, &m);
	assert_false(ferry_os_mutex_trylock(&m.os));
	assert_uint_equal(ctx.held, EXCL(BLOCK));
	assert_true(ferry_lock_assert_excl(&ctx, &m));
	ferry_mutex_unlock(&ctx, &m);
	assert_uint_equal(ctx.held | ctx.depth, 0);
	assert_true(ferry_os_mutex_trylock(&m.os));
	ferry_os_mutex_unlock(&m.os);
	assert_true(ferry_mutex_lock_killable(&ctx, &m)); /* nobody is told to die here */
	assert_false(ferry_os_mutex_trylock(&m.os));
	assert_uint_equal(ctx.held, EXCL(BLOCK));
	ferry_mutex_unlock(&ctx, &m);
	assert_uint_equal(ctx.held | ctx.depth, 0);
	ferry_mutex_fini(&m);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: a read lock is shared and noted as such; a write lock is exclusive.
 * Method: as above, with both modes.
 */
static void a_rw_lock_is_noted_in_its_mode(void **unused)
{
	struct ferry_rw rw;

	(void)unused;
	ferry_rw_init(&rw, FERRY_LOCK_VA_SPACE);
	ferry_rw_read_lock(&ctx, &rw);
	assert_uint_equal(ctx.held, BIT(VA_SPACE));
	assert_true(ferry_lock_assert_held(&ctx, &rw));
	assert_false(ferry_os_rw_write_trylock(&rw.os));
	ferry_rw_read_unlock(&ctx, &rw);
	ferry_rw_write_lock(&ctx, &rw);
	assert_uint_equal(ctx.held, EXCL(VA_SPACE));
	assert_false(ferry_os_rw_read_trylock(&rw.os));
	ferry_rw_write_unlock(&ctx, &rw);
	assert_true(ferry_os_rw_write_trylock(&rw.os));
	ferry_os_rw_write_unlock(&rw.os);
	ferry_rw_fini(&rw);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: a spin lock is locked and noted.
 * Method: try the host's lock behind the context's back.
 */
static void a_spin_lock_is_locked_and_noted(void **unused)
{
	struct ferry_spin s;

	(void)unused;
	ferry_spin_init(&s, FERRY_LOCK_PMM);
	ferry_spin_lock(&ctx, &s);
	assert_false(ferry_os_spin_trylock(&s.os));
	assert_uint_equal(ctx.held, EXCL(PMM));
	ferry_spin_unlock(&ctx, &s);
	assert_true(ferry_os_spin_trylock(&s.os));
	ferry_os_spin_unlock(&s.os);
	ferry_spin_fini(&s);
	assert_uint_equal(reports(), 0);
}

static void *bottom_half(void *arg)
{
	struct ferry_sem *s = arg;
	struct ferry_ctx own;

	ferry_ctx_init(&own);
	ferry_sem_take(&own, s);
	if (!ferry_lock_assert_held(&own, s))
		return NULL;
	ferry_sem_up(&own, s);
	ferry_ctx_fini(&own);
	return own.violations ? NULL : arg;
}

/*
 * Goal: a semaphore can be handed over: down all the while, in the giver's set before and the taker's after.
 * Method: try and give here, take and up in a thread; between the two nobody can take it.
 */
static void a_semaphore_is_handed_over(void **unused)
{
	struct ferry_sem s;
	pthread_t t;
	void *ok;

	(void)unused;
	ferry_sem_init(&s, FERRY_LOCK_ISR_SERVICE);
	assert_true(ferry_sem_try(&ctx, &s));
	assert_uint_equal(ctx.held, EXCL(ISR_SERVICE));
	assert_false(ferry_os_sem_try(&s.os));
	ferry_sem_give(&ctx, &s);
	assert_uint_equal(ctx.held, 0);
	ferry_ctx_fini(&ctx);
	assert_false(ferry_os_sem_try(&s.os));

	assert_int_equal(pthread_create(&t, NULL, bottom_half, &s), 0);
	pthread_join(t, &ok);
	assert_ptr_equal(ok, &s);
	ferry_sem_down(&ctx, &s);
	ferry_sem_up(&ctx, &s);
	ferry_sem_fini(&s);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: a try that fails leaves the held set as it was.
 * Method: try a mutex and a semaphore that others hold.
 */
static void a_failed_try_notes_nothing(void **unused)
{
	struct ferry_ctx other;
	struct ferry_mutex m;
	struct ferry_sem s;

	(void)unused;
	ferry_ctx_init(&other);
	ferry_mutex_init(&m, FERRY_LOCK_BLOCK);
	ferry_sem_init(&s, FERRY_LOCK_ISR_SERVICE);
	ferry_sem_down(&other, &s);
	ferry_mutex_lock(&other, &m);
	assert_false(ferry_mutex_trylock(&ctx, &m));
	assert_false(ferry_sem_try(&ctx, &s));
	assert_uint_equal(ctx.held | ctx.depth, 0);
	ferry_mutex_unlock(&other, &m);
	ferry_sem_up(&other, &s);
	ferry_ctx_fini(&other);
	ferry_mutex_fini(&m);
	ferry_sem_fini(&s);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: a successful try is exempt from the order, and counts afterwards.
 * Method: hold BLOCK, try GLOBAL: no report; then VA_SPACE is refused under it as well.
 */
static void a_try_is_exempt_but_counts(void **unused)
{
	struct ferry_mutex block, global, second;
	struct ferry_rw space;

	(void)unused;
	ferry_mutex_init(&block, FERRY_LOCK_BLOCK);
	ferry_mutex_init(&second, FERRY_LOCK_BLOCK);
	ferry_mutex_init(&global, FERRY_LOCK_GLOBAL);
	ferry_rw_init(&space, FERRY_LOCK_VA_SPACE);
	ferry_mutex_lock(&ctx, &block);
	assert_true(ferry_mutex_trylock(&ctx, &global));
	assert_true(ferry_mutex_trylock(&ctx, &second));
	assert_uint_equal(reports(), 0);
	ferry_rw_read_lock(&ctx, &space);
	assert_uint_equal(reports(), 1);
	ferry_rw_read_unlock(&ctx, &space);
	assert_uint_equal(ctx.held, EXCL(BLOCK) | EXCL(GLOBAL));

	/* Of two of a class, the bit stays until the last is gone, whichever goes first. */
	ferry_mutex_unlock(&ctx, &block);
	assert_uint_equal(ctx.held, EXCL(BLOCK) | EXCL(GLOBAL));
	ferry_mutex_unlock(&ctx, &second);
	assert_uint_equal(ctx.held, EXCL(GLOBAL));
	ferry_mutex_unlock(&ctx, &global);
	assert_uint_equal(ctx.held | ctx.depth, 0);
	assert_uint_equal(reports(), 1);
	ferry_mutex_fini(&block);
	ferry_mutex_fini(&second);
	ferry_mutex_fini(&global);
	ferry_rw_fini(&space);
}

/*
 * Goal: an impossible class is reported, and the lock still works, as the strictest one.
 * Method: init each type with a class past the last.
 */
static void a_class_that_does_not_exist_is_reported(void **unused)
{
	struct ferry_mutex m;
	struct ferry_rw rw;
	struct ferry_spin s;
	struct ferry_sem sem;

	(void)unused;
	ferry_mutex_init(&m, FERRY_LOCK_CLASSES);
	ferry_rw_init(&rw, (enum ferry_lock_class)77);
	ferry_spin_init(&s, (enum ferry_lock_class)300);
	ferry_sem_init(&sem, (enum ferry_lock_class) - 1);
	assert_uint_equal(reports(), 4);
	ferry_spin_lock(&ctx, &s);
	assert_uint_equal(ctx.held, EXCL(LEAF));
	ferry_spin_unlock(&ctx, &s);
	ferry_mutex_fini(&m);
	ferry_rw_fini(&rw);
	ferry_spin_fini(&s);
	ferry_sem_fini(&sem);
	assert_uint_equal(reports(), 4);
}

/*
 * Goal: a lock that lives is not made a second time, which would free it under its holder, and one that does not live
 * does not end.
 * Method: init each type twice, the second time held; fini each twice.
 */
static void a_lock_is_made_and_unmade_once(void **unused)
{
	struct ferry_mutex m = {0};
	struct ferry_rw rw = {0};
	struct ferry_spin s = {0};
	struct ferry_sem sem = {0};

	(void)unused;
	ferry_mutex_init(&m, FERRY_LOCK_GLOBAL);
	ferry_sem_init(&sem, FERRY_LOCK_ISR_SERVICE);
	ferry_rw_init(&rw, FERRY_LOCK_VA_SPACE);
	ferry_spin_init(&s, FERRY_LOCK_PMM);
	ferry_mutex_lock(&ctx, &m);
	ferry_sem_down(&ctx, &sem);
	ferry_rw_write_lock(&ctx, &rw);
	ferry_spin_lock(&ctx, &s);
	ferry_mutex_init(&m, FERRY_LOCK_LEAF);
	ferry_sem_init(&sem, FERRY_LOCK_LEAF);
	ferry_rw_init(&rw, FERRY_LOCK_LEAF);
	ferry_spin_init(&s, FERRY_LOCK_LEAF);
	assert_uint_equal(reports(), 4);
	assert_false(ferry_os_mutex_trylock(&m.os));
	assert_false(ferry_os_sem_try(&sem.os));
	assert_false(ferry_os_rw_read_trylock(&rw.os));
	assert_false(ferry_os_spin_trylock(&s.os));
	ferry_spin_unlock(&ctx, &s);
	ferry_rw_write_unlock(&ctx, &rw);
	ferry_sem_up(&ctx, &sem);
	ferry_mutex_unlock(&ctx, &m);
	for (uint32_t i = 0; i < 2; i++) {
		ferry_mutex_fini(&m);
		ferry_sem_fini(&sem);
		ferry_rw_fini(&rw);
		ferry_spin_fini(&s);
		assert_uint_equal(reports(), 4 + i * 4);
	}
}

/*
 * Goal: a lock that ends while it is held is reported, once, and its holder can still let go.
 * Method: each type. (POSIX does not say who holds a read-write lock at its end: glibc lets it go unseen.)
 */
static void a_held_lock_that_ends_is_reported(void **unused)
{
	struct ferry_mutex m = {0};
	struct ferry_spin s = {0};
	struct ferry_sem sem = {0};

	(void)unused;
	ferry_mutex_init(&m, FERRY_LOCK_GLOBAL);
	ferry_sem_init(&sem, FERRY_LOCK_ISR_SERVICE);
	ferry_spin_init(&s, FERRY_LOCK_PMM);
	ferry_mutex_lock(&ctx, &m);
	ferry_sem_down(&ctx, &sem);
	ferry_spin_lock(&ctx, &s);
	ferry_spin_fini(&s);
	assert_uint_equal(reports(), 1);
	ferry_sem_fini(&sem);
	assert_uint_equal(reports(), 2);
	ferry_mutex_fini(&m);
	assert_uint_equal(reports(), 3);
	ferry_spin_unlock(&ctx, &s);
	ferry_sem_up(&ctx, &sem);
	ferry_mutex_unlock(&ctx, &m);
	ferry_ctx_fini(&ctx);
	assert_uint_equal(reports(), 3);
}

struct shared {
	struct ferry_mutex m;
	struct ferry_spin s;
	uint64_t under_mutex, under_spin;
};

static void *count_up(void *arg)
{
	struct shared *sh = arg;
	struct ferry_ctx own;

	ferry_ctx_init(&own);
	for (uint32_t i = 0; i < 20000; i++) {
		ferry_mutex_lock(&own, &sh->m);
		sh->under_mutex++;
		ferry_spin_lock(&own, &sh->s);
		sh->under_spin++;
		ferry_spin_unlock(&own, &sh->s);
		ferry_mutex_unlock(&own, &sh->m);
	}
	ferry_ctx_fini(&own);
	return own.violations ? arg : NULL;
}

/*
 * Goal: the verbs exclude: no update is lost between threads.
 * Method: two threads count under a mutex and a spin lock.
 */
static void no_update_is_lost_between_threads(void **unused)
{
	struct shared sh = {.under_mutex = 0};
	pthread_t t[2];
	void *bad;

	(void)unused;
	ferry_mutex_init(&sh.m, FERRY_LOCK_BLOCK);
	ferry_spin_init(&sh.s, FERRY_LOCK_PMM);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, count_up, &sh), 0);
	for (uint32_t i = 0; i < 2; i++) {
		pthread_join(t[i], &bad);
		assert_null(bad);
	}
	assert_uint_equal(sh.under_mutex, 40000);
	assert_uint_equal(sh.under_spin, 40000);
	ferry_mutex_fini(&sh.m);
	ferry_spin_fini(&sh.s);
}

/*
 * Goal: what was held exclusively is held shared after a downgrade; what was not is reported and stays.
 * Method: note, downgrade twice, look at the held set.
 */
static void a_downgraded_writer_is_a_reader(void **unused)
{
	struct ferry_rw rw = {0};

	(void)unused;
	ferry_rw_init(&rw, FERRY_LOCK_VA_SPACE);
	assert_true(ferry_lock_note(&ctx, &rw.lock, rw.lock.row->exclusive, FERRY_LOCK_HERE));
	assert_true(ferry_lock_downgrade(&ctx, &rw.lock, FERRY_LOCK_HERE));
	assert_uint_equal(ctx.held, BIT(VA_SPACE));
	assert_uint_equal(reports(), 0);
	assert_false(ferry_lock_downgrade(&ctx, &rw.lock, FERRY_LOCK_HERE));
	assert_uint_equal(reports(), 1);
	assert_uint_equal(ctx.held, BIT(VA_SPACE));
	assert_true(ferry_lock_drop(&ctx, &rw.lock, rw.lock.row->shared));
	assert_uint_equal(ctx.held | ctx.depth, 0);
	ferry_rw_fini(&rw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_mutex_is_locked_and_noted, start),
		cmocka_unit_test_setup(a_rw_lock_is_noted_in_its_mode, start),
		cmocka_unit_test_setup(a_downgraded_writer_is_a_reader, start),
		cmocka_unit_test_setup(a_spin_lock_is_locked_and_noted, start),
		cmocka_unit_test_setup(a_semaphore_is_handed_over, start),
		cmocka_unit_test_setup(a_failed_try_notes_nothing, start),
		cmocka_unit_test_setup(a_try_is_exempt_but_counts, start),
		cmocka_unit_test_setup(a_class_that_does_not_exist_is_reported, start),
		cmocka_unit_test_setup(a_lock_is_made_and_unmade_once, start),
		cmocka_unit_test_setup(a_held_lock_that_ends_is_reported, start),
		cmocka_unit_test_setup(no_update_is_lost_between_threads, start),
	};

	return cmocka_run_group_tests_name("lock/lock", tests, NULL, NULL);
}
