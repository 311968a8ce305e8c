/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bench_sim.c - what the simulator costs, in the processor's time: others may use the machine.
 *
 *   sim-switch               from one fiber to another and nothing else
 *   sim-schedules-30         runs of about 30 decisions: the core's VA-space lock, one round of four
 *   sim-schedules-2000       runs of about 2,000: three locks of the simulator's own among eight
 *   sim-schedules-2000-core  the same with the core's lock, so with its validator
 *   sim-core                 decisions with the whole driver and the device's model under them, every hook a point
 *
 * A decision is a point at which the one who runs says what it is about to do, and the strategy says who goes on.
 * sim-*-choices says in how many of them more than one could. What is between two decisions is the core's and the
 * model's own work; sim-core-hooks-* are the same runs with fewer points: atomics are none.
 *
 * The strategies are the portfolio's, in turn, as in the ring. What a run costs at its end (the invariants, and the
 * memory that it changed) is in all figures.
 */
#include "../choose.h"
#include "../story/story.h"
#include "test/bench/bench.h"

#define ROUNDS 9u
#define SWITCHES 400000u

struct rate {
	double runs_per_s, decisions_per_run, ns_per_decision;
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- the switch ---- */

static struct fiber first, second;

static void second_main(void)
{
	fiber_arrived(&second);
	for (;;)
		fiber_switch(&second, &first);
}

static void bench_switch(void)
{
	double ns[ROUNDS];

	fiber_make(&second);
	fiber_reset(&second, second_main);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		double t0 = now_s();

		for (uint32_t i = 0; i < SWITCHES; i++)
			fiber_switch(&first, &second);
		/* There and back. */
		ns[round] = (now_s() - t0) * 1e9 / (2.0 * SWITCHES);
	}
	bench_print(&(struct bench_row){
		.id = "sim-switch", .unit = "ns", .ours = bench_median(ns, ROUNDS), .target = "ours<=5"});
}

/* ---- runs ---- */

static void check_found(const struct sim_story *story)
{
	if (!sim.why[0])
		return;
	fprintf(stderr, "%s: %s\n", story->name, sim.why);
	exit(1);
}

static struct rate one_round(const struct sim_story *story, uint64_t first_seed, uint32_t runs)
{
	struct choose_plan plan = {.steps = 1000};
	uint64_t decisions = 0;
	double t0 = now_s(), t;

	for (uint64_t seed = first_seed; seed < first_seed + runs; seed++) {
		plan.seed = seed;
		choose_portfolio(seed, &plan);
		sim_run(story, &plan);
		check_found(story);
		decisions += sim.steps;
	}
	t = now_s() - t0;
	return (struct rate){runs / t, (double)decisions / runs, t * 1e9 / (double)decisions};
}

static struct rate rate_of(const struct sim_story *story, uint32_t runs)
{
	double runs_per_s[ROUNDS], decisions[ROUNDS], ns[ROUNDS];

	sim.rwsem = SIM_RWSEM_WEAK;
	/* The first runs find out which pages change. */
	(void)one_round(story, 1, runs / 4 + 16);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct rate r = one_round(story, (uint64_t)round * runs + 1, runs);

		runs_per_s[round] = r.runs_per_s;
		decisions[round] = r.decisions_per_run;
		ns[round] = r.ns_per_decision;
	}
	return (struct rate){bench_median(runs_per_s, ROUNDS), bench_median(decisions, ROUNDS),
	                     bench_median(ns, ROUNDS)};
}

/* The share of decisions at which there was a choice: counted in runs of their own. */
static uint64_t points, choices, random_state = 1;

static uint32_t next_counted(struct sim_fiber *me)
{
	uint64_t ready = sim.ready;
	uint32_t k;

	if (me->op == SIM_OP_RELAX && (ready & ~me->bit))
		ready &= ~me->bit;
	points++;
	choices += (ready & (ready - 1)) != 0;
	for (k = (uint32_t)(choose_random(&random_state) % (uint32_t)__builtin_popcountll(ready)); k > 0; k--)
		ready &= ready - 1;
	return (uint32_t)__builtin_ctzll(ready);
}

static void print_choices(const char *id, const struct sim_story *story)
{
	static const struct choose_plan calm;

	points = choices = 0;
	for (uint32_t i = 0; i < 50; i++) {
		sim_run_by(story, &calm, next_counted);
		check_found(story);
	}
	printf("%s-choices %.2f of-all-decisions\n", id, (double)choices / (double)points);
}

static void bench_schedules(const char *id, const struct sim_story *story, uint32_t runs, const char *target)
{
	struct rate r = rate_of(story, runs);

	bench_print(&(struct bench_row){.id = id, .unit = "/s", .ours = r.runs_per_s, .target = target});
	printf("%s-decisions %.1f a-run\n%s-decision %.1f ns\n", id, r.decisions_per_run, id, r.ns_per_decision);
	print_choices(id, story);
}

static void bench_core(void)
{
	struct sim_story story = story_marathon;
	struct rate hooks = rate_of(&story, 24), all;

	story.atomics = true;
	all = rate_of(&story, 24);
	bench_print(&(struct bench_row){
		.id = "sim-core", .unit = "M/s", .ours = 1e3 / all.ns_per_decision, .target = "ours>=20"});
	printf("sim-core-decisions %.0f a-run\nsim-core-hooks-decisions %.0f a-run\n", all.decisions_per_run,
	       hooks.decisions_per_run);
	printf("sim-core-hooks-rate %.1f M/s\n", 1e3 / hooks.ns_per_decision);
	print_choices("sim-core", &story);
}

int main(void)
{
	bench_switch();
	bench_schedules("sim-schedules-30", &story_va_lock_few, 20000, "ours>=1e6");
	story_va_lock_rounds = 28;
	bench_schedules("sim-schedules-2000", &story_va_space_lock_loops, 600, "ours>=20000");
	story_va_lock_rounds = 26;
	bench_schedules("sim-schedules-2000-core", &story_va_lock_loops, 600, "ours>=20000");
	bench_core();
	return 0;
}
