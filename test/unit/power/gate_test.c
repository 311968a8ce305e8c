/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * gate_test.c - the gate: who gets in, who waits for whom, and a stress of both.
 */
/* TEST-SOURCES: core/power/gate.c */
#include "test/unit/cmocka_compat.h"
#include <pthread.h>
#include "power/gate.h"

#define MS 1000000ull
#define LONG (10000 * MS) /* bounds a test that fails */

static struct ferry_gate gate;
static uint64_t bugs_before;

static int start(void **unused)
{
	(void)unused;
	ferry_user_bug_is_fatal = 0;
	bugs_before = ferry_user_bug_count();
	ferry_gate_init(&gate);
	return 0;
}

static uint64_t reports(void)
{
	return ferry_user_bug_count() - bugs_before;
}

/*
 * Goal: visitors nest and are counted; an empty gate closes at once and turns everybody away; open lets them in.
 * Method: one thread, all verbs.
 */
static void a_closed_gate_turns_away(void **unused)
{
	(void)unused;
	assert_int_equal(ferry_gate_enter(&gate), 0);
	assert_int_equal(ferry_gate_enter(&gate), 0);
	assert_uint_equal(ferry_gate_visitors(&gate), 2);
	ferry_gate_leave(&gate);
	ferry_gate_leave(&gate);
	assert_int_equal(ferry_gate_wait_open(&gate, 0), 0);
	assert_int_equal(ferry_gate_close(&gate, 0), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(ferry_gate_enter(&gate), FERRY_E_GATE_CLOSED);
	assert_uint_equal(ferry_gate_visitors(&gate), 0);
	assert_int_equal(ferry_gate_wait_open(&gate, 0), FERRY_E_TIMEOUT);
	ferry_gate_open(&gate);
	assert_int_equal(ferry_gate_enter(&gate), 0);
	ferry_gate_leave(&gate);
	ferry_gate_fini(&gate);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: a visitor who stays makes close give up after its time, and the gate is then as if nothing had happened.
 * Method: close with a visitor inside; enter again; close when all left.
 */
static void a_drain_that_takes_too_long_reopens(void **unused)
{
	(void)unused;
	assert_int_equal(ferry_gate_enter(&gate), 0);
	assert_int_equal(ferry_gate_close(&gate, 2 * MS), FERRY_E_GATE_DRAIN_TIMEOUT);
	assert_int_equal(ferry_gate_enter(&gate), 0);
	assert_uint_equal(ferry_gate_visitors(&gate), 2);
	ferry_gate_leave(&gate);
	ferry_gate_leave(&gate);
	assert_int_equal(ferry_gate_close(&gate, 0), 0);
	ferry_gate_open(&gate);
	ferry_gate_fini(&gate);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: a closer that is told to die while it waits reopens the gate too, and says so.
 * Method: the next wait that would sleep is killed.
 */
static void a_killed_closer_reopens(void **unused)
{
	(void)unused;
	assert_int_equal(ferry_gate_enter(&gate), 0);
	ferry_user_fail_nth_wait(1);
	assert_int_equal(ferry_gate_close(&gate, LONG), FERRY_E_KILLED);
	assert_int_equal(ferry_gate_enter(&gate), 0);
	ferry_gate_leave(&gate);
	ferry_gate_leave(&gate);
	ferry_gate_fini(&gate);
}

/*
 * Goal: a thread that waits for the gate can be killed.
 * Method: as above, in wait_open.
 */
static void a_wait_for_the_gate_can_be_killed(void **unused)
{
	(void)unused;
	assert_int_equal(ferry_gate_close(&gate, 0), 0);
	ferry_user_fail_nth_wait(1);
	assert_int_equal(ferry_gate_wait_open(&gate, LONG), FERRY_E_KILLED);
	ferry_gate_open(&gate);
	ferry_gate_fini(&gate);
}

/*
 * Goal: there is one closer: a second is refused and does not disturb the first.
 * Method: close twice, open once.
 */
static void a_second_closer_is_refused(void **unused)
{
	(void)unused;
	assert_int_equal(ferry_gate_close(&gate, 0), 0);
	assert_int_equal(ferry_gate_close(&gate, 0), FERRY_E_BUSY);
	assert_int_equal(ferry_gate_enter(&gate), FERRY_E_GATE_CLOSED);
	ferry_gate_open(&gate);
	assert_int_equal(ferry_gate_enter(&gate), 0);
	ferry_gate_leave(&gate);
	ferry_gate_fini(&gate);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: what no correct caller does is reported and changes nothing: leave without enter, open when open, the end
 * with visitors inside.
 * Method: each once.
 */
static void misuse_is_reported_and_harmless(void **unused)
{
	(void)unused;
	ferry_gate_leave(&gate);
	assert_uint_equal(reports(), 1);
	assert_uint_equal(ferry_gate_visitors(&gate), 0);
	ferry_gate_open(&gate);
	assert_uint_equal(reports(), 2);
	assert_int_equal(ferry_gate_enter(&gate), 0);
	ferry_gate_fini(&gate);
	assert_uint_equal(reports(), 3);
	assert_int_equal(ferry_gate_close(&gate, 0), FERRY_E_GATE_DRAIN_TIMEOUT);
	ferry_gate_leave(&gate);
	assert_int_equal(ferry_gate_close(&gate, 0), 0);
	ferry_gate_leave(&gate);
	assert_uint_equal(reports(), 4);
	assert_int_equal(ferry_gate_enter(&gate), FERRY_E_GATE_CLOSED);
}

struct helper {
	pthread_t thread;
	int err;
	uint64_t turned_away, visits, wrong;
};

static void *wait_for_open(void *arg)
{
	struct helper *h = arg;

	h->err = ferry_gate_wait_open(&gate, LONG);
	return NULL;
}

/*
 * Goal: opening wakes everybody who waits for it.
 * Method: three threads wait at a closed gate. (Whether they sleep already when it opens is left to chance.)
 */
static void opening_wakes_those_who_wait(void **unused)
{
	struct helper h[3];

	(void)unused;
	assert_int_equal(ferry_gate_close(&gate, 0), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&h[i].thread, NULL, wait_for_open, &h[i]), 0);
	assert_int_equal(ferry_gate_wait_open(&gate, 5 * MS), FERRY_E_TIMEOUT);
	ferry_gate_open(&gate);
	for (uint32_t i = 0; i < 3; i++) {
		pthread_join(h[i].thread, NULL);
		assert_int_equal(h[i].err, 0);
	}
	ferry_gate_fini(&gate);
}

static void *close_it(void *arg)
{
	struct helper *h = arg;

	h->err = ferry_gate_close(&gate, LONG);
	return NULL;
}

/*
 * Goal: the last visitor wakes the closer; while it waits nobody else gets in.
 * Method: two visits by this thread, a thread that closes; leave when newcomers are turned away.
 */
static void the_last_visitor_wakes_the_closer(void **unused)
{
	struct helper h;

	(void)unused;
	assert_int_equal(ferry_gate_enter(&gate), 0);
	assert_int_equal(ferry_gate_enter(&gate), 0);
	assert_int_equal(pthread_create(&h.thread, NULL, close_it, &h), 0);
	while (ferry_gate_enter(&gate) == 0) {
		ferry_gate_leave(&gate);
		ferry_os_relax();
	}
	ferry_gate_leave(&gate);
	assert_int_equal(ferry_gate_enter(&gate), FERRY_E_GATE_CLOSED);
	ferry_gate_leave(&gate);
	pthread_join(h.thread, NULL);
	assert_int_equal(h.err, 0);
	ferry_gate_open(&gate);
	ferry_gate_fini(&gate);
	assert_uint_equal(reports(), 0);
}

/* Written by the closer while it believes that nobody is inside, twice, so that it is odd only meanwhile. */
static uint64_t quiet;

static void *visit(void *arg)
{
	struct helper *h = arg;

	for (uint32_t n = 0; n < 30000; n++) {
		uint64_t before;

		if (ferry_gate_enter(&gate)) {
			h->turned_away++;
			if (ferry_gate_wait_open(&gate, LONG))
				break;
			continue;
		}
		before = quiet;
		h->wrong += before % 2 || before != quiet;
		h->visits++;
		ferry_gate_leave(&gate);
	}
	return NULL;
}

/*
 * Goal: no visitor is inside while the gate is closed, and nobody waits for ever.
 * Method: two threads visit as fast as they can while a third closes and opens 300 times and changes, without any
 * lock, what visitors read: a wrong value, and under TSan a race, if they ever meet.
 */
static void visitors_and_a_closed_gate_never_meet(void **unused)
{
	struct helper h[2];
	uint64_t visits = 0;

	(void)unused;
	memset(h, 0, sizeof(h));
	quiet = 0;
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&h[i].thread, NULL, visit, &h[i]), 0);
	for (uint32_t n = 0; n < 300; n++) {
		assert_int_equal(ferry_gate_close(&gate, LONG), 0);
		quiet++;
		ferry_os_relax();
		quiet++;
		ferry_gate_open(&gate);
		ferry_os_relax();
	}
	for (uint32_t i = 0; i < 2; i++) {
		pthread_join(h[i].thread, NULL);
		assert_uint_equal(h[i].wrong, 0);
		assert_uint_equal(h[i].visits + h[i].turned_away, 30000);
		visits += h[i].visits;
	}
	assert_true(visits > 0);
	assert_uint_equal(ferry_gate_visitors(&gate), 0);
	ferry_gate_fini(&gate);
	assert_uint_equal(reports(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_closed_gate_turns_away, start),
		cmocka_unit_test_setup(a_drain_that_takes_too_long_reopens, start),
		cmocka_unit_test_setup(a_killed_closer_reopens, start),
		cmocka_unit_test_setup(a_wait_for_the_gate_can_be_killed, start),
		cmocka_unit_test_setup(a_second_closer_is_refused, start),
		cmocka_unit_test_setup(misuse_is_reported_and_harmless, start),
		cmocka_unit_test_setup(opening_wakes_those_who_wait, start),
		cmocka_unit_test_setup(the_last_visitor_wakes_the_closer, start),
		cmocka_unit_test_setup(visitors_and_a_closed_gate_never_meet, start),
	};

	return cmocka_run_group_tests_name("power/gate", tests, NULL, NULL);
}
