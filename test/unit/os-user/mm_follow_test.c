/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: os-user/mm_uffd.c os-user/mm_open.c os-user/mm_map.c os-user/mm_slots.c os-user/mm_follow.c
 * os-user/mm_monitor.c os-user/mm_poison.c os-user/mm_sigbus.c
 */
/*
 * The monitor goes where its client is (mm_follow.h). The client is a thread bound to one CPU, the last one of the
 * process; on a machine with one CPU there is nothing to bind, and the monitor's mask stays as it is.
 */
#include "test/unit/cmocka_compat.h"

#include <sched.h>

#include "fake_core.h"
#include "mm_follow.h"

#define PAGES (FERRY_MM_FOLLOW_EVERY * 2 + 1)
#define TURNS 400u /* of 5 ms: how long something is waited for */

static cpu_set_t all; /* of the process */

struct client {
	struct fake_core *f;
	uint32_t first, count;
	int cpu; /* < 0: any */
};

static void *client_main(void *arg)
{
	const struct client *c = arg;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((unsigned)c->cpu, &one);
	if (c->cpu >= 0 && sched_setaffinity(0, sizeof(one), &one))
		abort();
	for (uint32_t i = c->first; i < c->first + c->count; i++)
		(void)*(volatile char *)fake_page(c->f, i);
	return NULL;
}

static void client_run(struct fake_core *f, uint32_t first, uint32_t count, int cpu)
{
	struct client c = {.f = f, .first = first, .count = count, .cpu = cpu};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, client_main, &c), 0);
	pthread_join(thread, NULL);
}

static int last_cpu(void)
{
	int cpu = CPU_SETSIZE - 1;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (cpu > 0 && !CPU_ISSET((unsigned)cpu, &all))
		cpu--;
	return cpu;
}

static cpu_set_t monitor_mask(struct fake_core *f)
{
	cpu_set_t mask;

	assert_int_equal(pthread_getaffinity_np(f->fault_thread, sizeof(mask), &mask), 0);
	return mask;
}

static bool monitor_is_at(struct fake_core *f, int cpu)
{
	cpu_set_t mask = monitor_mask(f);

	return CPU_COUNT(&mask) == 1 && CPU_ISSET((unsigned)cpu, &mask);
}

static bool monitor_is_free(struct fake_core *f)
{
	cpu_set_t mask = monitor_mask(f);

	return CPU_EQUAL(&mask, &all);
}

/* Within TURNS: the timer's work, on a machine with others on it. */
static bool monitor_gets_free(struct fake_core *f)
{
	for (uint32_t turn = 0; turn < TURNS && !monitor_is_free(f); turn++)
		usleep(5000);
	return monitor_is_free(f);
}

/*
 * Goal: who has faulted too little is not followed; and when nobody faults any more, the monitor is free again.
 * Method: faults from one CPU, one less than it takes, then enough; then nothing.
 */
static void the_monitor_is_free_before_and_after(struct fake_core *f)
{
	int cpu = last_cpu();

	client_run(f, 0, FERRY_MM_FOLLOW_EVERY, cpu); /* the first of them only says who it is */
	assert_true(monitor_is_free(f));
	client_run(f, FERRY_MM_FOLLOW_EVERY, FERRY_MM_FOLLOW_EVERY + 1, cpu);
	assert_true(monitor_gets_free(f));
}

/* A client that looks at the monitor itself, right after its last fault. */
struct looker {
	struct client client;
	bool at, free_after;
	uint32_t other_page;
};

static void *looker_main(void *arg)
{
	struct looker *l = arg;
	struct fake_core *f = l->client.f;

	client_main(&l->client);
	l->at = monitor_is_at(f, l->client.cpu);
	client_run(f, l->other_page, 1, -1); /* another thread */
	l->free_after = monitor_is_free(f);
	return NULL;
}

/*
 * Goal: bound to the client's CPU, and free at the first fault of another thread. Method: a client looks at the
 * monitor's mask when it has faulted enough; then it has another thread fault, and looks again. The timer may free
 * the monitor between the last fault and the look on a busy machine, so a few tries are made.
 */
static void another_client_frees_it(struct fake_core *f)
{
	struct looker l = {.client = {.f = f, .first = 0, .count = PAGES - 1, .cpu = last_cpu()},
	                   .other_page = PAGES - 1};

	for (uint32_t tries = 0; tries < 20 && !l.at; tries++) {
		pthread_t thread;

		fake_to_device(f, 0, PAGES);
		assert_int_equal(pthread_create(&thread, NULL, looker_main, &l), 0);
		pthread_join(thread, NULL);
		assert_true(l.free_after);
	}
	assert_true(l.at);
}

/*
 * Goal: a client that may run anywhere is not followed. Method: the same number of faults as in the test before, by
 * a thread that is not bound.
 */
static void a_client_that_may_move_is_not_followed(struct fake_core *f)
{
	(void)last_cpu();
	client_run(f, 0, PAGES, -1);
	assert_true(monitor_is_free(f));
}

/*
 * Goal: a mask that somebody gives the monitor stays. Method: bind it, narrow it from outside to the same thread's
 * other CPUs, have another thread fault.
 */
static void a_mask_from_outside_stays(struct fake_core *f)
{
	int cpu = last_cpu();
	cpu_set_t others = all, now; /* all: by last_cpu() */

	if (CPU_COUNT(&all) < 2)
		return; /* nothing is ever bound */
	CPU_CLR((unsigned)cpu, &others);
	client_run(f, 0, PAGES - 1, cpu);
	assert_int_equal(pthread_setaffinity_np(f->fault_thread, sizeof(others), &others), 0);
	client_run(f, PAGES - 1, 1, -1);
	usleep(3 * FERRY_MM_FOLLOW_LOOK_NS / 1000);
	now = monitor_mask(f);
	assert_true(CPU_EQUAL(&now, &others));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE_CASE(the_monitor_is_free_before_and_after, "the_monitor_is_free_before_and_after",
	                  FERRY_USER_MM_THREAD, PAGES),
		FAKE_CASE(another_client_frees_it, "another_client_frees_it", FERRY_USER_MM_THREAD, PAGES),
		FAKE_CASE(a_client_that_may_move_is_not_followed, "a_client_that_may_move_is_not_followed",
	                  FERRY_USER_MM_THREAD, PAGES),
		FAKE_CASE(a_mask_from_outside_stays, "a_mask_from_outside_stays", FERRY_USER_MM_THREAD, PAGES),
	};

	return cmocka_run_group_tests_name("os-user/mm_follow", tests, NULL, NULL);
}
