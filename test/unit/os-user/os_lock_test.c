/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: os-user/os_lock.c os-user/os_wait.c */
/*
 * Locks and waits.
 */
#include "test/unit/cmocka_compat.h"

#include <stdlib.h>
#include <unistd.h>

#include "ferry/os.h"

#define THREADS 4u
#define ROUNDS (FERRY_USER_TSAN ? 3000u : 30000u)

static struct ferry_os_spin spin;
static struct ferry_os_mutex mutex;
static struct ferry_os_rw rw;
static struct ferry_os_sem sem;
static struct ferry_os_wait wait;
static uint64_t shared; /* under the lock of the test: plain on purpose */
static struct ferry_os_atomic flag;

static void run_threads(void *(*fn)(void *))
{
	pthread_t thread[THREADS];

	shared = 0;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, fn, (void *)i), 0);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

static void *spin_main(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		if (i % 3 || !ferry_os_spin_trylock(&spin))
			ferry_os_spin_lock(&spin);
		shared++;
		ferry_os_spin_unlock(&spin);
	}
	return NULL;
}

static void *mutex_main(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		if (i % 3 || !ferry_os_mutex_trylock(&mutex))
			ferry_os_mutex_lock(&mutex);
		shared++;
		ferry_os_mutex_unlock(&mutex);
	}
	return NULL;
}

static void *rw_main(void *arg)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		if ((i + (uintptr_t)arg) % 4 == 0) {
			if (i % 3 || !ferry_os_rw_write_trylock(&rw))
				ferry_os_rw_write_lock(&rw);
			shared++;
			ferry_os_rw_write_unlock(&rw);
			continue;
		}
		if (i % 3 || !ferry_os_rw_read_trylock(&rw))
			ferry_os_rw_read_lock(&rw);
		if (shared < last)
			abort();
		last = shared;
		ferry_os_rw_read_unlock(&rw);
	}
	return NULL;
}

static void *sem_main(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		if (i % 3 || !ferry_os_sem_try(&sem))
			ferry_os_sem_down(&sem);
		shared++;
		ferry_os_sem_up(&sem);
	}
	return NULL;
}

/*
 * Goal: each lock lets one in at a time. Method: four threads add to a plain number; nothing is lost (and
 * ThreadSanitizer sees no race).
 */
static void each_lock_excludes(void **state)
{
	(void)state;
	ferry_os_spin_init(&spin, FERRY_OS_CLASS_HOST);
	run_threads(spin_main);
	assert_uint_equal(shared, THREADS * ROUNDS);
	ferry_os_spin_fini(&spin);

	ferry_os_mutex_init(&mutex, FERRY_OS_CLASS_HOST);
	run_threads(mutex_main);
	assert_uint_equal(shared, THREADS * ROUNDS);
	ferry_os_mutex_fini(&mutex);

	ferry_os_rw_init(&rw, FERRY_OS_CLASS_HOST);
	run_threads(rw_main);
	assert_uint_equal(shared, THREADS * ROUNDS / 4);
	ferry_os_rw_fini(&rw);

	ferry_os_sem_init(&sem, FERRY_OS_CLASS_HOST);
	run_threads(sem_main);
	assert_uint_equal(shared, THREADS * ROUNDS);
	ferry_os_sem_fini(&sem);
}

/*
 * Goal: try fails while somebody has it; readers share. Method: on one thread (a POSIX lock knows no recursion).
 */
static void try_fails_while_it_is_held(void **state)
{
	(void)state;
	ferry_os_spin_init(&spin, FERRY_OS_CLASS_HOST);
	assert_true(ferry_os_spin_trylock(&spin));
	assert_false(ferry_os_spin_trylock(&spin));
	ferry_os_spin_unlock(&spin);
	ferry_os_mutex_init(&mutex, FERRY_OS_CLASS_HOST);
	ferry_os_mutex_lock(&mutex);
	assert_false(ferry_os_mutex_trylock(&mutex));
	ferry_os_mutex_unlock(&mutex);
	ferry_os_mutex_fini(&mutex);
	ferry_os_rw_init(&rw, FERRY_OS_CLASS_HOST);
	ferry_os_rw_read_lock(&rw);
	assert_true(ferry_os_rw_read_trylock(&rw));
	assert_false(ferry_os_rw_write_trylock(&rw));
	ferry_os_rw_read_unlock(&rw);
	ferry_os_rw_read_unlock(&rw);
	assert_true(ferry_os_rw_write_trylock(&rw));
	assert_false(ferry_os_rw_read_trylock(&rw));
	ferry_os_rw_write_unlock(&rw);
	ferry_os_rw_fini(&rw);
	ferry_os_sem_init(&sem, FERRY_OS_CLASS_HOST);
	assert_true(ferry_os_sem_try(&sem));
	assert_false(ferry_os_sem_try(&sem));
	ferry_os_sem_up(&sem);
}

/*
 * Goal: a semaphore may be upped by another thread, and wakes who sleeps. Method: down here; another thread ups it
 * after we went to sleep in a second down.
 */
static void *up_main(void *arg)
{
	(void)arg;
	usleep(2000);
	shared = 7;
	ferry_os_sem_up(&sem);
	return NULL;
}

static void a_semaphore_changes_hands(void **state)
{
	pthread_t thread;

	(void)state;
	shared = 0;
	ferry_os_sem_init(&sem, FERRY_OS_CLASS_HOST);
	ferry_os_sem_down(&sem);
	assert_int_equal(pthread_create(&thread, NULL, up_main, NULL), 0);
	ferry_os_sem_down(&sem);
	assert_uint_equal(shared, 7);
	ferry_os_sem_up(&sem);
	pthread_join(thread, NULL);
	ferry_os_sem_fini(&sem);
}

static bool flag_is_set(void *arg)
{
	(void)arg;
	return ferry_os_load_acquire(&flag) != 0;
}

static bool never(void *arg)
{
	++*(uint32_t *)arg;
	return false;
}

/*
 * Goal: a wait ends in time: at once with timeout 0, not before its limit otherwise. Method: measure.
 */
static void a_wait_keeps_its_time_limit(void **state)
{
	uint32_t asked = 0;
	uint64_t start;

	(void)state;
	ferry_os_wait_init(&wait);
	assert_int_equal(ferry_os_wait_until(&wait, never, &asked, 0), FERRY_E_TIMEOUT);
	assert_uint_equal(asked, 1);
	start = ferry_os_now_ns();
	assert_int_equal(ferry_os_wait_until(&wait, never, &asked, 1000), FERRY_E_TIMEOUT);
	assert_int_equal(ferry_os_wait_until(&wait, never, &asked, 5000000), FERRY_E_TIMEOUT);
	assert_true(ferry_os_now_ns() - start >= 5001000);
	ferry_os_store_release(&flag, 1);
	assert_int_equal(ferry_os_wait_until(&wait, flag_is_set, NULL, 0), 0);
	assert_int_equal(ferry_os_wait_until(&wait, flag_is_set, NULL, UINT64_MAX), 0);
	ferry_os_wait_fini(&wait);
}

/*
 * Goal: a test can have a wait say KILLED. Method: the second of two waits.
 */
static void a_wait_can_be_killed_by_a_test(void **state)
{
	uint32_t asked = 0;

	(void)state;
	ferry_os_wait_init(&wait);
	ferry_user_fail_nth_wait(2);
	assert_int_equal(ferry_os_wait_until(&wait, never, &asked, 1000), FERRY_E_TIMEOUT);
	assert_int_equal(ferry_os_wait_until(&wait, never, &asked, UINT64_MAX), FERRY_E_KILLED);
	assert_uint_equal(ferry_user_fail_nth_wait(0), 0);
	ferry_os_wait_fini(&wait);
}

/*
 * Goal: a bounded wait is not killed, and ends in time all the same. Method: the first killable wait that sleeps
 * comes after it.
 */
static void a_bounded_wait_is_not_killed(void **state)
{
	uint32_t asked = 0;

	(void)state;
	ferry_os_store_release(&flag, 1);
	ferry_os_wait_init(&wait);
	ferry_user_fail_nth_wait(1);
	assert_int_equal(ferry_os_wait_bounded(&wait, never, &asked, 5000000), FERRY_E_TIMEOUT);
	assert_int_equal(ferry_os_wait_bounded(&wait, flag_is_set, NULL, 0), 0);
	assert_int_equal(ferry_os_wait_until(&wait, never, &asked, UINT64_MAX), FERRY_E_KILLED);
	ferry_os_wait_fini(&wait);
}

/*
 * Goal: no wake-up is lost, from spinning or from sleep. Method: two threads hand a turn to and fro; one of them is
 * late now and then, so that the other sleeps.
 */
static struct ferry_os_atomic turn;

static bool is_my_turn(void *arg)
{
	return ferry_os_load_acquire(&turn) == *(uint64_t *)arg;
}

static void *player_main(void *arg)
{
	uint64_t me = (uintptr_t)arg;
	uintptr_t wrong = 0;

	for (uint32_t i = 0; i < 2000; i++) {
		wrong += ferry_os_wait_until(&wait, is_my_turn, &me, 5000000000u) != 0;
		shared++;
		if (i % 97 == 0)
			usleep(50);
		ferry_os_store_release(&turn, !me);
		ferry_os_wake_all(&wait);
	}
	return (void *)wrong;
}

static void no_wake_up_is_lost(void **state)
{
	pthread_t thread[2];
	void *wrong = NULL;

	(void)state;
	ferry_os_wait_init(&wait);
	ferry_os_store_release(&turn, 0);
	shared = 0;
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, player_main, (void *)i), 0);
	for (uint32_t i = 0; i < 2; i++) {
		pthread_join(thread[i], &wrong);
		assert_null(wrong);
	}
	assert_uint_equal(shared, 4000);
	ferry_os_wait_fini(&wait);
}

/*
 * Goal: wake_all wakes all. Method: four threads sleep for one flag.
 */
static void *sleeper_main(void *arg)
{
	(void)arg;
	return (void *)(uintptr_t)ferry_os_wait_until(&wait, flag_is_set, NULL, 10000000000u);
}

static void everybody_is_woken(void **state)
{
	pthread_t thread[THREADS];
	void *err = NULL;

	(void)state;
	ferry_os_wait_init(&wait);
	ferry_os_store_release(&flag, 0);
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, sleeper_main, NULL), 0);
	usleep(3000);
	ferry_os_store_release(&flag, 1);
	ferry_os_wake_all(&wait);
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &err);
		assert_null(err);
	}
	ferry_os_wait_fini(&wait);
}

/*
 * Goal: threads have numbers of their own, none is 0, and none is in an interrupt; time does not go back. Method:
 * compare with other threads.
 */
static void *self_main(void *arg)
{
	(void)arg;
	return (void *)(uintptr_t)ferry_os_self();
}

static void threads_have_numbers_of_their_own(void **state)
{
	uint64_t now = ferry_os_now_ns();
	pthread_t thread;
	void *other = NULL;

	(void)state;
	assert_uint_not_equal(ferry_os_self(), 0);
	assert_uint_equal(ferry_os_self(), ferry_os_self());
	assert_int_equal(pthread_create(&thread, NULL, self_main, NULL), 0);
	pthread_join(thread, &other);
	assert_non_null(other);
	assert_uint_not_equal((uintptr_t)other, ferry_os_self());
	assert_false(ferry_os_in_irq());
	for (uint32_t i = 0; i < 200; i++)
		ferry_os_relax();
	assert_true(ferry_os_now_ns() >= now);
}

/*
 * Goal: ending a lock that is held, and upping what is up, is reported. Method: count the reports.
 */
static void misuse_is_reported(void **state)
{
	uint64_t bugs = ferry_user_bug_count();

	(void)state;
	ferry_user_bug_is_fatal = 0;
	ferry_os_spin_init(&spin, FERRY_OS_CLASS_HOST);
	ferry_os_spin_lock(&spin);
	ferry_os_spin_fini(&spin);
	ferry_os_sem_init(&sem, FERRY_OS_CLASS_HOST);
	ferry_os_sem_up(&sem);
	ferry_os_sem_down(&sem);
	ferry_os_sem_fini(&sem);
	ferry_user_bug_is_fatal = FERRY_USER_BUG_ASK_ENV;
	assert_uint_equal(ferry_user_bug_count(), bugs + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_lock_excludes),
		cmocka_unit_test(try_fails_while_it_is_held),
		cmocka_unit_test(a_semaphore_changes_hands),
		cmocka_unit_test(a_wait_keeps_its_time_limit),
		cmocka_unit_test(a_wait_can_be_killed_by_a_test),
		cmocka_unit_test(a_bounded_wait_is_not_killed),
		cmocka_unit_test(no_wake_up_is_lost),
		cmocka_unit_test(everybody_is_woken),
		cmocka_unit_test(threads_have_numbers_of_their_own),
		cmocka_unit_test(misuse_is_reported),
	};

	return cmocka_run_group_tests_name("os-user/os_lock", tests, NULL, NULL);
}
