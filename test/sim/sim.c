/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/os.h"
#include "host/host.h"
#include "lock/lock.h"
#include "choose.h"
#include "memory.h"
#include "sim.h"

#define NAMED 8192u

struct sim sim;
static const char *names[NAMED];
static struct fiber stacks[SIM_FIBERS];

/* What every run begins from: the fibers' stacks are in memory.c's care. */
static struct {
	const struct sim_story *story; /* whose */
	struct sim sim;
	struct sim_host host;
} base;

const char *sim_op_name(enum sim_op op)
{
	static const char *const of[SIM_OPS] = {"starts", "locks",  "tries",     "unlocks", "reads",    "queues",
	                                        "writes", "leaves", "waits for", "wakes",   "asks for", "runs",
	                                        "loads",  "stores", "allocates", "spins",   "device",   "step"};

	return op < SIM_OPS ? of[op] : "?";
}

void sim_name_object(uint32_t obj, const char *name)
{
	if (obj < NAMED)
		names[obj] = name;
}

void sim_name_lock(uint32_t obj, uint32_t lock_class)
{
	static const char *const three[] = {"WRITERS", "ACQUIRE", "SPACE"};

	if (lock_class < FERRY_OS_CLASS_MODEL)
		sim_name_object(obj, ferry_lock_class_name(lock_class));
	else if (lock_class >= FERRY_OS_CLASS_HOST && lock_class < FERRY_OS_CLASS_HOST + 3)
		sim_name_object(obj, three[lock_class - FERRY_OS_CLASS_HOST]);
	else
		sim_name_object(obj, "of the model");
}

const char *sim_object_name(uint32_t obj)
{
	return obj < NAMED && obj && names[obj] ? names[obj] : "";
}

/* ---- coming to an end ---- */

static void to_main(void)
{
	struct sim_fiber *from = sim.me;

	sim.me = &sim.main;
	fiber_switch(&from->stack, &sim.main.stack);
}

void sim_fail(const char *fmt, ...)
{
	va_list args;

	if (!sim.why[0]) {
		va_start(args, fmt);
		vsnprintf(sim.why, sizeof(sim.why), fmt, args);
		va_end(args);
	}
	if (sim.me != &sim.main)
		to_main();
}

/* Somebody sleeps although what he waits for is there: nobody told him. */
static void look_for_lost_wakes(void)
{
	for (uint32_t i = 0; i < sim.fibers && !sim.why[0]; i++) {
		struct sim_fiber *f = &sim.fiber[i];

		if (!f->done && f->on == SIM_ON_EVENT && f->pred && !f->woken && f->pred(f->pred_arg))
			sim_fail("lost wake: %s sleeps, and what it waits for is there", f->name);
	}
}

static void all_stand_still(void)
{
	uint32_t stuck = 0;
	const char *who = "";

	for (uint32_t i = 0; i < sim.fibers; i++) {
		if (!sim.fiber[i].done && !sim.fiber[i].daemon) {
			stuck++;
			who = sim.fiber[i].name;
		}
	}
	sim.ended = stuck == 0;
	if (stuck)
		snprintf(sim.why, sizeof(sim.why), "hang: nobody can run, %u not done (%s)", stuck, who);
	to_main();
}

/*
 * Nobody can run: on to the next moment at which somebody may. Unless something was broken on purpose nobody should
 * need a timeout to get on: then it is a hang that the timeout would hide.
 */
static bool time_passes(void)
{
	uint64_t first = host_next_timer();
	bool wanted = false;

	for (uint32_t i = 0; i < sim.fibers; i++) {
		struct sim_fiber *f = &sim.fiber[i];

		if (f->done)
			continue;
		wanted |= !f->daemon;
		if (f->on == SIM_ON_EVENT && f->deadline_ns && (!first || f->deadline_ns < first))
			first = f->deadline_ns;
	}
	if (wanted && !sim.may_time_out && (!host.timers || first < host_next_timer()))
		return false;
	/* When everybody is done, what sleeps with a deadline is a daemon at rest. */
	if (!first || (!wanted && !host.timers))
		return false;
	if (first > sim.now_ns)
		sim.now_ns = first;
	for (uint32_t i = 0; i < sim.fibers; i++) {
		struct sim_fiber *f = &sim.fiber[i];

		if (!f->done && f->on == SIM_ON_EVENT && f->deadline_ns && f->deadline_ns <= sim.now_ns) {
			f->expired = true;
			sim_ready(f);
		}
	}
	host_timers_due();
	return true;
}

void sim_switch(uint32_t next)
{
	struct sim_fiber *from = sim.me, *to = &sim.fiber[next];

	sim.me = to;
	sim.switches++;
	fiber_switch(&from->stack, &to->stack);
}

/* The one who runs cannot go on. */
static void go_on_elsewhere(void)
{
	struct sim_fiber *me = sim.me;
	uint32_t next;

	while (!sim.ready) {
		if (!time_passes())
			all_stand_still();
	}
	me->nth++;
	next = sim.next(me);
	if (next != me->id)
		sim_switch(next);
}

/* ---- who waits for whom ---- */

static uint64_t waits_for(const struct sim_fiber *f)
{
	return f->done || (sim.ready & f->bit) ? 0 : sim_holders(f);
}

/* All that me waits for, in the end. With me in it there is no way out. */
static bool waits_for_itself(const struct sim_fiber *me)
{
	uint64_t seen = 0, todo = waits_for(me);

	while (todo) {
		uint32_t id = (uint32_t)__builtin_ctzll(todo);

		todo &= todo - 1;
		seen |= 1ull << id;
		if (id == me->id)
			return true;
		todo |= waits_for(&sim.fiber[id]) & ~seen;
	}
	return false;
}

static void report_circle(struct sim_fiber *me)
{
	char text[256];
	int n = 0;
	uint64_t seen = 0;
	const struct sim_fiber *f = me;

	/* Walk along one of the edges that lead back. */
	while (!(seen & f->bit) && n < (int)sizeof(text) - 64) {
		uint64_t next = waits_for(f) & ~(seen & ~me->bit);

		seen |= f->bit;
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s waits for %s of ", f->name,
		              sim_object_name(sim_blocked_obj(f)));
		if (!next)
			break;
		f = &sim.fiber[__builtin_ctzll(next)];
	}
	sim_fail("deadlock: %s%s", text, f->name);
}

void sim_block(enum sim_why on, const void *what)
{
	struct sim_fiber *me = sim.me;

	if (me == &sim.main) {
		sim_fail("misuse: the set-up waits");
		fprintf(stderr, "sim: %s\n", sim.why);
		exit(2);
	}
	me->on = on;
	me->on_what = what;
	sim.ready &= ~me->bit;
	if ((on == SIM_ON_MUTEX || on == SIM_ON_RW) && waits_for_itself(me))
		report_circle(me);
	go_on_elsewhere();
	me->on = SIM_ON_NOTHING;
}

void sim_yield(void)
{
	struct sim_fiber *me = sim.me;
	uint64_t others = sim.ready & ~me->bit;

	if (!others)
		sim.now_ns += 1000;
	if (sim.calm && me != &sim.main) {
		me->op = SIM_OP_RELAX;
		if (++sim.steps >= sim.limit)
			sim_out_of_steps();
		if (others)
			sim_switch(sim.next(me));
		return;
	}
	sim_point(SIM_OP_RELAX, 0);
}

void sim_out_of_steps(void)
{
	if (sim.tail || sim.calm)
		sim_fail("livelock: no end after %llu steps", (unsigned long long)sim.steps);
	choose_tail();
	sim.limit *= 3;
}

/* ---- fibers ---- */

static void fiber_main(void)
{
	struct sim_fiber *me = sim.me;

	fiber_arrived(&me->stack);
	sim.hash = sim_mix(sim.hash, (uint64_t)me->id << 40);
	me->fn(me->arg);
	if (me->spins)
		sim_fail("misuse: %s ends with a spin lock held", me->name);
	me->done = true;
	sim.ready &= ~me->bit;
	go_on_elsewhere();
	abort();
}

struct sim_fiber *sim_spawn(const char *name, void (*fn)(void *arg), void *arg, uint32_t flags)
{
	struct sim_fiber *f = &sim.fiber[sim.fibers];
	uint32_t id = sim.fibers;

	if (id == SIM_FIBERS) {
		fprintf(stderr, "sim: more than %u fibers\n", SIM_FIBERS);
		exit(2);
	}
	if (!stacks[id].stack)
		fiber_make(&stacks[id]);
	sim.fibers++;
	*f = (struct sim_fiber){.stack = stacks[id], .bit = 1ull << id, .id = id, .name = name, .fn = fn, .arg = arg};
	f->priority = choose_rank(id);
	f->daemon = flags & SIM_DAEMON;
	f->irq = flags & SIM_IRQ;
	fiber_reset(&f->stack, fiber_main);
	stacks[id] = f->stack;
	sim_ready(f);
	return f;
}

void sim_kill(struct sim_fiber *f)
{
	sim_point(SIM_OP_STEP, 0);
	sim.kills++;
	f->killed = true;
	if (f->on == SIM_ON_EVENT && f->killable) {
		f->woken = true;
		sim_ready(f);
	}
}

void sim_vlog(enum ferry_os_level level, const char *fmt, va_list args)
{
	if (!sim.loud || sim.calm)
		return;
	printf("    # %u ", level);
	vprintf(fmt, args);
	printf("\n");
}

/* ---- runs ---- */

static void begin_empty(void)
{
	sim.me = &sim.main;
	sim.main.name = "set-up";
	sim.main.id = SIM_FIBERS;
	sim.ready = 0;
	sim.fibers = 0;
	sim.objects = 0;
	sim.steps = 0;
	sim.now_ns = 1000000000;
	sim.hash = 0x5bd1e995;
	sim.ended = sim.tail = sim.may_time_out = false;
	sim.why[0] = 0;
	sim.timeouts = sim.kills = sim.allocs = sim.alloc_fails = sim.switches = sim.live_allocs = 0;
	sim.irqs_lost = sim.irqs_doubled = 0;
	sim.each = NULL;
	host.line = NULL;
	host.timers = NULL;
	host.idle_workers = 0;
	host.irq_head = host.irq_tail = 0;
	host.irq_asleep = false;
	host.irq = NULL;
	memory_clear();
}

static void go(void)
{
	if (!sim.ready)
		return;
	sim.me = &sim.fiber[__builtin_ctzll(sim.ready)];
	if (!sim.calm)
		sim.me = &sim.fiber[sim.next(&sim.main)];
	fiber_switch(&sim.main.stack, &sim.me->stack);
	sim.me = &sim.main;
}

static void prelude_main(void *arg)
{
	((const struct sim_story *)arg)->prelude();
}

/* The prelude, in calm, to its end. Its fibers that are left are daemons at rest. */
static void run_prelude(const struct sim_story *story)
{
	static const struct choose_plan calm;

	begin_empty();
	sim.calm = true;
	sim.limit = 100000000;
	choose_start(&calm);
	sim_spawn("prelude", prelude_main, (void *)(uintptr_t)story, 0);
	go();
	if (sim.why[0]) {
		fprintf(stderr, "sim: the prelude of %s: %s\n", story->name, sim.why);
		exit(2);
	}
}

static void begin(const struct sim_story *story)
{
	struct sim keep = {.next = sim.next,
	                   .rwsem = sim.rwsem,
	                   .without = sim.without,
	                   .loud = sim.loud,
	                   .check_base = sim.check_base};

	if (!story->prelude) {
		begin_empty();
		base.story = NULL;
		return;
	}
	if (base.story != story || !memory_can_snapshot()) {
		run_prelude(story);
		memory_snapshot(&sim);
		base.story = story;
		base.sim = sim;
		base.host = host;
	} else {
		memory_restore();
		if (sim.check_base && !memory_is_base()) {
			fprintf(stderr, "sim: %s: a run does not begin where the last one began\n", story->name);
			exit(2);
		}
		sim = base.sim;
		host = base.host;
	}
	sim.next = keep.next;
	sim.rwsem = keep.rwsem;
	sim.without = keep.without;
	sim.loud = keep.loud;
	sim.check_base = keep.check_base;
	sim.steps = sim.switches = sim.allocs = sim.choices = 0;
	sim.ended = false;
	sim.hash = 0x5bd1e995;
}

void sim_run(const struct sim_story *story, const struct choose_plan *plan)
{
	sim_run_by(story, plan, NULL);
}

void sim_run_by(const struct sim_story *story, const struct choose_plan *plan, uint32_t (*next)(struct sim_fiber *me))
{
	begin(story);
	choose_start(plan);
	if (next)
		sim.next = next;
	sim.all = next != NULL;
	sim.calm = true;
	story->setup();
	sim.calm = false;
	sim.atomics = story->atomics;
	sim.limit = story->limit ? story->limit : 20000;
	sim.each = story->each;
	if (!sim.why[0])
		go();
	sim.each = NULL;
	sim.calm = true;
	if (sim.ended && !sim.why[0])
		look_for_lost_wakes();
	if (sim.ended && !sim.why[0] && story->quiet)
		story->quiet();
	if (story->teardown)
		story->teardown();
}

void sim_calm(void (*fn)(void *arg), void *arg)
{
	uint64_t steps = sim.steps;

	sim.ended = false;
	sim.limit = steps + 1000000;
	sim.calm = true;
	sim.tail = false;
	sim_spawn("afterwards", fn, arg, 0);
	go();
	sim.steps = steps;
	if (!sim.ended && !sim.why[0])
		sim_fail("hang: afterwards");
}

void sim_print_state(void)
{
	for (uint32_t i = 0; i < sim.fibers; i++) {
		const struct sim_fiber *f = &sim.fiber[i];
		uint32_t obj = sim_blocked_obj(f);

		if (f->done || (f->daemon && f->on == SIM_ON_WORK))
			continue;
		printf("    %2u %-14s %s", i, f->name, sim_op_name(f->op));
		if (f->obj)
			printf(" %s#%u", sim_object_name(f->obj), f->obj);
		if (sim.ready & f->bit)
			printf(", can run");
		else if (obj)
			printf(", blocked on %s#%u", sim_object_name(obj), obj);
		else if (f->on == SIM_ON_EVENT)
			printf(", asleep%s", f->pred && f->pred(f->pred_arg) ? " (though it need not)" : "");
		for (uint64_t h = waits_for(f); h; h &= h - 1)
			printf(" <- %s", sim.fiber[__builtin_ctzll(h)].name);
		printf("\n");
	}
}
