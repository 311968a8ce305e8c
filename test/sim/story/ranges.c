/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * ranges.c - requests that make and end the same range, beside each other: what a request has found before it has
 * VA_SPACE may be gone when it has it. Requests have no other hook than the lock, so its atomics are points as well.
 */
#include "../invariant/invariant.h"
#include "base/error.h"
#include "core_impl.h"
#include "story.h"

#define ROUNDS 2
/* Beside the world's pages: nobody touches it, so no host page is asked for. */
#define RANGE_BASE (WORLD_BASE + 8ull * FERRY_BLOCK_SIZE)

static void expect(const char *what, int err, int or1)
{
	if (err && err != or1)
		sim_fail("wrong: %s was told %s by %s", sim.me->name, ferry_err_name(err), what);
}

static void owner(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct ferry_req_range make = {.size = sizeof(make), .base = RANGE_BASE, .bytes = FERRY_BLOCK_SIZE};
		struct ferry_req_range end = {.size = sizeof(end), .base = RANGE_BASE};

		expect("making", world_request(FERRY_REQ_RANGE_CREATE, &make, sizeof(make)), FERRY_E_RANGE_OVERLAP);
		expect("ending", world_request(FERRY_REQ_RANGE_DESTROY, &end, sizeof(end)), FERRY_E_RANGE_NOT_FOUND);
	}
}

static void setup_range_range(void)
{
	sim_spawn("owner a", owner, NULL, 0);
	sim_spawn("owner b", owner, NULL, 0);
	sim_spawn("owner c", owner, NULL, 0);
}

static void small_world(void)
{
	const struct world_shape shape = {.devices = 1, .sms = 1, .vram_bytes = 2 * FERRY_BLOCK_SIZE};

	world_make(&shape);
}

static void check_all(void *arg)
{
	(void)arg;
	invariants();
	invariant_leaks_at_times();
}

static void quiet(void)
{
	sim_calm(check_all, NULL);
}

const struct sim_story story_range_range = {.name = "range_range",
                                            .about = "three who make and end the same range",
                                            .prelude = small_world,
                                            .setup = setup_range_range,
                                            .quiet = quiet,
                                            .atomics = true};
