/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * units.c - the two locks that are made of atomics and a wait, beside va_lock.c: a semaphore with units, bits.
 */
#include "lock/bitlock.h"
#include "lock/csem.h"
#include "story.h"

#define UNITS 2u
#define VISITORS 4
#define ROUNDS 2

struct room {
	struct ferry_csem sem;
	struct ferry_bitlock bits;
	struct ferry_os_atomic words[1];
	SIM_SHARED uint32_t inside;
	uint32_t alone, obj; /* alone: under the bit */
};

static struct room the_room, *const room = &the_room;

static void visit(struct ferry_ctx *ctx)
{
	if (ferry_csem_down(ctx, &room->sem, 1000000000000ull)) {
		sim_fail("lost: a visitor waited to the end of its time");
		return;
	}
	room->inside++;
	sim_step(room->obj);
	sim_check(room->inside <= UNITS, "%u are in, of %u units", room->inside, UNITS);
	room->inside--;
	ferry_csem_up(ctx, &room->sem);
	ferry_bitlock_lock(ctx, &room->bits, 1);
	room->alone++;
	sim_step(room->obj);
	sim_check(room->alone == 1, "%u hold one bit", room->alone);
	room->alone--;
	ferry_bitlock_unlock(ctx, &room->bits, 1);
}

static void visitor(void *arg)
{
	struct ferry_ctx ctx;

	(void)arg;
	ferry_ctx_init(&ctx);
	for (uint32_t i = 0; i < ROUNDS; i++)
		visit(&ctx);
	ferry_ctx_fini(&ctx);
}

static void setup_units(void)
{
	memset(room, 0, sizeof(*room));
	room->obj = sim_object();
	ferry_csem_init(&room->sem, FERRY_LOCK_DEVICE_CONTROL, UNITS);
	ferry_bitlock_init(&room->bits, FERRY_LOCK_DEVICE_CONTROL, room->words, 64);
	for (uint32_t i = 0; i < VISITORS; i++)
		sim_spawn("visitor", visitor, NULL, 0);
}

static void quiet(void)
{
	sim_check(ferry_os_load_relaxed(&room->sem.free) == UNITS, "a unit is lost");
	sim_check(ferry_os_load_relaxed(&room->words[0]) == 0, "a bit is set");
}

const struct sim_story story_units = {.name = "units",
                                      .about = "a semaphore with two units, and a bit, among four",
                                      .setup = setup_units,
                                      .quiet = quiet,
                                      .atomics = true};
