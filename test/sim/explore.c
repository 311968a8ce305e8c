/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choose.h"
#include "explore.h"

#define DEPTH 4096u
#define FIBERS 16u
#define OBJECTS 256u
#define TRACES (1u << 22)

struct node {
	uint32_t ready, todo, done, sleep; /* sets of fibers */
	uint32_t obj;
	uint16_t preemptions; /* up to here */
	uint8_t op;
	uint8_t chosen;
};

/* When something last happened to each fiber's knowledge: a step number + 1, 0 = never. */
struct clock {
	uint16_t of[FIBERS];
};

static struct node stack[DEPTH];
static uint32_t depth;  /* of this run so far */
static uint32_t prefix; /* nodes that this run repeats */
static uint32_t next_sleep;
static bool cut, too_deep; /* the run was ended by us */
static bool dpor_on;
static uint32_t preemption_bound;

/* DPOR: of this run. */
static struct clock fiber_clock[FIBERS], object_clock[OBJECTS];
static struct clock reader_clock[OBJECTS]; /* object_clock: of who changed it; this: of who looked since */
static uint32_t last_change[OBJECTS], last_take[OBJECTS], last_try[OBJECTS]; /* step number + 1 */
static uint16_t last_look[OBJECTS][FIBERS];                                  /* since the last change */
static uint32_t seen_objects;

static uint64_t *traces;
static uint32_t trace_count;
static uint64_t object_hash[OBJECTS];
static uint32_t changes[OBJECTS];

/* Objects of this run have small numbers; atomics get the rest, in the order in which they are met. */
static uint32_t atomics[OBJECTS];
static uint32_t atomic_count;

static uint32_t small_number(uint32_t obj)
{
	if (!(obj & SIM_OBJECT_ATOMIC))
		return obj;
	for (uint32_t i = 0; i < atomic_count; i++) {
		if (atomics[i] == obj)
			return OBJECTS - 1 - i;
	}
	if (atomic_count + sim.objects + 1 >= OBJECTS) {
		too_deep = true;
		return 0;
	}
	atomics[atomic_count++] = obj;
	return OBJECTS - atomic_count;
}

static bool touch_same(uint32_t obj1, uint32_t op1, uint32_t obj2, uint32_t op2)
{
	return obj1 == obj2 && obj1 && !(op1 == SIM_OP_LOAD && op2 == SIM_OP_LOAD);
}

/* 0: its next step touches nothing that is shared. */
static uint32_t object_of(const struct sim_fiber *f)
{
	return f->op == SIM_OP_START ? 0 : small_number(f->obj);
}

/* f, or whoever gets f going, is to be tried instead of step i - 1; unless that happened before all f does now. */
static void try_before(const struct sim_fiber *f, uint32_t i)
{
	struct node *n;

	if (!i)
		return;
	n = &stack[i - 1];
	if (n->chosen == f->id || i <= fiber_clock[f->id].of[n->chosen])
		return;
	if (n->ready >> f->id & 1)
		n->todo |= 1u << f->id;
	else
		n->todo |= n->ready;
}

/*
 * Before f's next step: the last step that it could have come before. There f, or whoever gets f going, is to be
 * tried too. A taken lock cannot be taken: of a lock the last taking counts, not the giving back.
 */
static void find_race(const struct sim_fiber *f)
{
	uint32_t obj = object_of(f), i;

	if (!obj)
		return;
	if (f->op == SIM_OP_LOCK)
		i = last_take[obj];
	else if (f->op == SIM_OP_UNLOCK)
		i = last_try[obj];
	else
		i = last_change[obj];
	try_before(f, i);
	if (f->op == SIM_OP_LOAD)
		return;
	for (uint32_t p = 0; p < sim.fibers; p++)
		try_before(f, last_look[obj][p]);
}

static void join(struct clock *to, const struct clock *from)
{
	for (uint32_t i = 0; i < FIBERS; i++) {
		if (from->of[i] > to->of[i])
			to->of[i] = from->of[i];
	}
}

static void happen(const struct node *n, const struct sim_fiber *f)
{
	uint32_t obj = object_of(f);
	struct clock *mine = &fiber_clock[f->id], *its = &object_clock[obj];

	if (!obj) {
		mine->of[f->id] = (uint16_t)(depth + 1);
		return;
	}
	join(mine, its);
	if (f->op != SIM_OP_LOAD)
		join(mine, &reader_clock[obj]);
	mine->of[f->id] = (uint16_t)(depth + 1);
	if (f->op == SIM_OP_LOAD) {
		join(&reader_clock[obj], mine);
		last_look[obj][f->id] = (uint16_t)(depth + 1);
	} else {
		*its = *mine;
		last_change[obj] = depth + 1;
		changes[obj]++;
		memset(last_look[obj], 0, sizeof(last_look[obj]));
	}
	if (n->op == SIM_OP_LOCK || n->op == SIM_OP_TRY)
		last_take[obj] = depth + 1;
	if (n->op == SIM_OP_TRY)
		last_try[obj] = depth + 1;
	if (obj >= seen_objects)
		seen_objects = obj + 1;
	/* Looks that follow each other have no order. */
	if (f->op == SIM_OP_LOAD)
		object_hash[obj] += sim_mix(changes[obj], (uint64_t)f->id << 8 | f->op);
	else
		object_hash[obj] = sim_mix(object_hash[obj], (uint64_t)f->id << 8 | f->op);
}

static void end_run(void)
{
	struct sim_fiber *from = sim.me;

	cut = true;
	sim.me = &sim.main;
	fiber_switch(&from->stack, &sim.main.stack);
}

/* Whom of set; staying is no preemption. */
static uint32_t first_of(const struct sim_fiber *me, uint32_t set)
{
	return set & (uint32_t)me->bit ? me->id : (uint32_t)__builtin_ctz(set);
}

static void new_node(struct node *n, const struct sim_fiber *me)
{
	uint32_t before = depth ? stack[depth - 1].preemptions : 0;

	memset(n, 0, sizeof(*n));
	n->ready = (uint32_t)sim.ready;
	n->sleep = next_sleep;
	n->preemptions = (uint16_t)before;
	if (dpor_on) {
		for (uint32_t i = 0; i < sim.fibers; i++) {
			if (!sim.fiber[i].done)
				find_race(&sim.fiber[i]);
		}
		if (!(n->ready & ~n->sleep))
			end_run();
		n->chosen = (uint8_t)first_of(me, n->ready & ~n->sleep);
		n->todo = 1u << n->chosen;
		return;
	}
	n->chosen = (uint8_t)first_of(me, n->ready);
	n->todo = n->ready;
	if ((n->ready & me->bit) && before >= preemption_bound)
		n->todo = 1u << n->chosen;
}

static uint32_t explore_next(struct sim_fiber *me)
{
	struct node *n = &stack[depth];
	const struct sim_fiber *f;

	if (depth == DEPTH || sim.fibers > FIBERS || sim.objects >= OBJECTS) {
		too_deep = true;
		end_run();
	}
	if (depth >= prefix)
		new_node(n, me);
	f = &sim.fiber[n->chosen];
	if (!(sim.ready & f->bit)) {
		sim_fail("wrong: the story is not the same when it is run again");
		return me->id;
	}
	n->preemptions =
		(uint16_t)((depth ? stack[depth - 1].preemptions : 0) + ((sim.ready & me->bit) && me->id != f->id));
	n->op = (uint8_t)f->op;
	n->obj = object_of(f);
	happen(n, f);
	next_sleep = 0;
	for (uint32_t s = n->sleep | n->done; s && dpor_on; s &= s - 1) {
		const struct sim_fiber *q = &sim.fiber[__builtin_ctz(s)];

		if (q->id != f->id && !touch_same(object_of(q), q->op, n->obj, n->op))
			next_sleep |= (uint32_t)q->bit;
	}
	n->done |= 1u << n->chosen;
	depth++;
	return n->chosen;
}

/* The order of steps per object: a number for the trace. */
static void count_trace(void)
{
	uint64_t h = 1;
	uint32_t at;

	for (uint32_t i = 0; i < seen_objects; i++)
		h = sim_mix(h, object_hash[i]);
	h |= 1;
	for (at = (uint32_t)(h >> 32) % TRACES; traces[at] && traces[at] != h; at = (at + 1) % TRACES)
		;
	if (!traces[at] && trace_count < TRACES / 2) {
		traces[at] = h;
		trace_count++;
	}
}

/* On to the next schedule: false when there is none. */
static bool step_back(void)
{
	for (uint32_t d = depth; d > 0; d--) {
		struct node *n = &stack[d - 1];
		uint32_t left = n->todo & ~n->done & ~n->sleep;

		if (left) {
			n->chosen = (uint8_t)__builtin_ctz(left);
			prefix = d;
			return true;
		}
	}
	return false;
}

static void begin_run(void)
{
	depth = 0;
	next_sleep = 0;
	cut = false;
	memset(fiber_clock, 0, sizeof(fiber_clock));
	memset(object_clock, 0, sizeof(object_clock));
	memset(last_change, 0, sizeof(last_change));
	memset(last_look, 0, sizeof(last_look));
	memset(changes, 0, sizeof(changes));
	memset(reader_clock, 0, sizeof(reader_clock));
	memset(last_take, 0, sizeof(last_take));
	memset(last_try, 0, sizeof(last_try));
	memset(object_hash, 0, sizeof(object_hash));
	seen_objects = 0;
	atomic_count = 0;
}

static void keep_choices(struct explore_result *r)
{
	r->found = true;
	r->choices = calloc(depth + 1, sizeof(uint32_t));
	for (uint32_t i = 0; r->choices && i < depth; i++)
		r->choices[r->choice_count++] = stack[i].chosen;
}

void explore(const struct sim_story *story, bool dpor, uint32_t bound, uint64_t runs_max, struct explore_result *r)
{
	static const struct choose_plan calm;

	memset(r, 0, sizeof(*r));
	traces = calloc(TRACES, sizeof(*traces));
	if (!traces)
		abort();
	trace_count = 0;
	prefix = 0;
	dpor_on = dpor;
	preemption_bound = bound;
	too_deep = false;
	seen_objects = OBJECTS;
	while (r->runs < runs_max) {
		begin_run();
		sim_run_by(story, &calm, explore_next);
		r->runs++;
		r->steps += sim.steps;
		if (sim.why[0]) {
			keep_choices(r);
			break;
		}
		if (cut)
			r->pruned++;
		else
			count_trace();
		if (too_deep)
			break;
		if (!step_back()) {
			r->complete = true;
			break;
		}
	}
	r->traces = trace_count < TRACES / 2 ? trace_count : 0;
	free(traces);
}
