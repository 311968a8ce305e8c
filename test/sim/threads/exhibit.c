/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * exhibit.c - wrong on purpose: each must be reported, or the ring is blind. Not among the stories that --story all
 * runs.
 */
#include <stdlib.h>

#include "exhibit.h"

static struct {
	struct ferry_os_mutex a, b;
	uint64_t plain;
	uint64_t *heap;
	SIM_SHARED uint64_t shared, added;
	uint32_t obj;
} x;

static void setup_common(void (*one)(void *arg), void (*two)(void *arg))
{
	x.obj = sim_object();
	x.plain = 0;
	x.shared = x.added = 0;
	ferry_os_mutex_init(&x.a, 0);
	ferry_os_mutex_init(&x.b, 0);
	sim_spawn("one", one, NULL, 0);
	sim_spawn("two", two, NULL, 0);
}

/* ---- a counter without a lock: ThreadSanitizer's ---- */

static void adder(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < 100; i++) {
		sim_step(x.obj);
		x.plain++;
	}
}

static void setup_race(void)
{
	setup_common(adder, adder);
}

/* ---- reading, then writing, with a point between: the check's ---- */

static void loser(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < 200; i++) {
		uint64_t was = x.shared;

		sim_step(x.obj);
		x.shared = was + 1;
		x.added++;
	}
}

static void setup_lost(void)
{
	setup_common(loser, loser);
}

static void quiet_lost(void)
{
	sim_check(x.shared == x.added, "%llu of %llu additions are left", (unsigned long long)x.shared,
	          (unsigned long long)x.added);
}

/* ---- memory used after it was freed: AddressSanitizer's ---- */

static void user_of_freed(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < 100; i++) {
		sim_step(x.obj);
		x.added += *(volatile uint64_t *)x.heap;
	}
}

static void freer(void *arg)
{
	(void)arg;
	ferry_os_free(x.heap);
}

static void setup_freed(void)
{
	x.heap = ferry_os_zalloc(64, 0);
	setup_common(user_of_freed, freer);
}

/* ---- a shift that has no meaning: UndefinedBehaviorSanitizer's ---- */

static void shifter(void *arg)
{
	volatile uint32_t by = 31;

	(void)arg;
	by += (uint32_t)(x.shared + 1);
	x.plain += 1u << by;
}

static void nobody(void *arg)
{
	(void)arg;
}

static void setup_shift(void)
{
	setup_common(shifter, nobody);
}

/* ---- two locks in two orders, until it hangs: the watchdog's ---- */

static void cross(struct ferry_os_mutex *first, struct ferry_os_mutex *second)
{
	for (uint32_t i = 0; i < 100000; i++) {
		ferry_os_mutex_lock(first);
		sim_step(x.obj);
		ferry_os_mutex_lock(second);
		ferry_os_mutex_unlock(second);
		ferry_os_mutex_unlock(first);
	}
}

static void cross_ab(void *arg)
{
	(void)arg;
	cross(&x.a, &x.b);
}

static void cross_ba(void *arg)
{
	(void)arg;
	cross(&x.b, &x.a);
}

static void setup_hang(void)
{
	setup_common(cross_ab, cross_ba);
}

#define EXHIBIT(id, words, ...)                                                                                      \
	static const struct sim_story exhibit_##id = {                                                               \
		.name = "exhibit_" #id, .about = words, .setup = setup_##id, __VA_ARGS__}

EXHIBIT(race, "a counter without a lock");
EXHIBIT(lost, "additions that undo each other", .quiet = quiet_lost);
EXHIBIT(freed, "memory used after it was freed");
EXHIBIT(shift, "a shift by more than there is");
EXHIBIT(hang, "two locks in two orders");

const struct sim_story *const exhibits[] = {
	&exhibit_race, &exhibit_lost, &exhibit_freed, &exhibit_shift, &exhibit_hang, NULL,
};
