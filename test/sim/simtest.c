/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * simtest.c - run stories. Exit 0: nothing was found; 1: something was; 2: wrong use.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "choose.h"
#include "exhibit/three_locks.h"
#include "explore.h"
#include "ferry/os.h"
#include "lock/lock.h"
#include "memory.h"
#include "shrink.h"
#include "story/story.h"

struct options {
	const char *story, *strategy, *replay, *without;
	uint64_t schedules, seed, tries;
	double seconds; /* 0: no limit but schedules */
	int rwsem;      /* -1: all */
	bool quiet, trace, hash, atomics;
};

static const char *const rwsem_names[SIM_RWSEMS] = {"fair", "weak", "fifo"};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static const struct sim_story *story_named(const char *name)
{
	for (const struct sim_story *const *s = stories; *s; s++) {
		if (!strcmp((*s)->name, name))
			return *s;
	}
	return NULL;
}

/* A lock class by its name; or what only stories have. */
static bool without_named(const char *name, uint64_t *mask)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} of_stories[] = {{"writers", THREE_WRITERS}, {"acquire", THREE_ACQUIRE}, {"passing", SIM_WITHOUT_PASSING}};

	for (uint32_t i = 0; i < sizeof(of_stories) / sizeof(of_stories[0]); i++) {
		if (!strcmp(of_stories[i].name, name)) {
			*mask |= 1ull << of_stories[i].bit;
			return true;
		}
	}
	for (uint32_t i = 0; i < FERRY_LOCK_CLASSES; i++) {
		if (!strcmp(ferry_lock_class_name(i), name)) {
			*mask |= 1ull << i;
			return true;
		}
	}
	return false;
}

static bool strategy_named(const char *name, struct choose_plan *plan, bool *mixed)
{
	*mixed = false;
	if (!strcmp(name, "portfolio")) {
		*mixed = true;
		plan->kind = CHOOSE_RANDOM;
	} else if (!strcmp(name, "dpor") || !strncmp(name, "dfs", 3)) {
		plan->kind = CHOOSE_CALM;
	} else if (!strncmp(name, "random", 6) && (!name[6] || name[6] == ':')) {
		plan->kind = CHOOSE_RANDOM;
		plan->stay = name[6] ? (uint32_t)atoi(name + 7) : 0;
	} else if (!strncmp(name, "pct", 3) && (!name[3] || name[3] == ':')) {
		plan->kind = CHOOSE_PCT;
		plan->depth = name[3] ? (uint32_t)atoi(name + 4) : 3;
	} else {
		return false;
	}
	return true;
}

static void report(const struct sim_story *story, const struct options *o, const struct choose_list *found,
                   uint64_t seed, const struct choose_plan *plan)
{
	static struct choose_list list;
	uint64_t steps = sim.steps;
	char why[SIM_WHY_BYTES];
	uint32_t runs;

	memcpy(why, sim.why, sizeof(why));
	printf("  found after %llu steps: %s\n", (unsigned long long)steps, why);
	printf("  seed %llu, %s, rwsem %s\n", (unsigned long long)seed,
	       plan->kind == CHOOSE_PCT      ? "pct"
	       : plan->kind == CHOOSE_RANDOM ? "random"
	                                     : "forced",
	       rwsem_names[sim.rwsem]);
	runs = shrink(story, found, &list);
	if (!runs) {
		printf("  cannot be made shorter\n");
		return;
	}
	printf("  %u choices, %llu steps, after %u more runs:\n", list.count, (unsigned long long)sim.steps, runs);
	sim_print_state();
	printf("  build/simtest --story %s --rwsem %s", story->name, rwsem_names[sim.rwsem]);
	if (o->without)
		printf(" --without %s", o->without);
	printf("%s --replay '", o->atomics ? " --atomics" : "");
	choose_print(&list);
	printf("'\n");
}

/* How long a run is, about: what PCT spreads its changes over. The same for every seed, so that a seed says it all.
 */
static uint64_t usual_steps(const struct sim_story *story)
{
	static struct choose_list nothing;
	const struct choose_plan plan = {.kind = CHOOSE_FORCED, .list = &nothing};

	sim_run(story, &plan);
	return sim.steps;
}

/* true: something was found. */
static bool one_contract(const struct sim_story *story, const struct options *o, enum sim_rwsem rwsem)
{
	static struct choose_list list;
	struct choose_plan plan = {0};
	uint64_t steps = 0, broken[5] = {0}, hash = 0, i;
	bool mixed;
	double t0 = now(), t;

	(void)strategy_named(o->strategy, &plan, &mixed);
	sim.rwsem = rwsem;
	plan.steps = usual_steps(story);
	for (i = 0; i < o->schedules; i++) {
		if (o->seconds > 0 && i % 64 == 0 && now() - t0 > o->seconds)
			break;
		plan.seed = o->seed + i;
		if (mixed)
			choose_portfolio(plan.seed, &plan);
		memcpy(plan.chance, story->chance, sizeof(plan.chance));
		sim_run(story, &plan);
		steps += sim.steps;
		hash = sim_mix(hash, sim.hash);
		broken[0] += sim.alloc_fails;
		broken[1] += sim.irqs_lost;
		broken[2] += sim.irqs_doubled;
		broken[3] += sim.timeouts;
		broken[4] += sim.kills;
		if (!sim.why[0])
			continue;
		printf("%s: found in schedule %llu\n", story->name, (unsigned long long)i + 1);
		plan.record = &list;
		sim_run(story, &plan);
		report(story, o, &list, plan.seed, &plan);
		return true;
	}
	t = now() - t0;
	if (!o->quiet && (broken[0] | broken[1] | broken[2] | broken[3] | broken[4]))
		printf("  broken on purpose: %llu allocations, %llu interrupts lost, %llu doubled, %llu timeouts, "
		       "%llu kills\n",
		       (unsigned long long)broken[0], (unsigned long long)broken[1], (unsigned long long)broken[2],
		       (unsigned long long)broken[3], (unsigned long long)broken[4]);
	if (!o->quiet)
		printf("%s: nothing in %llu schedules, %.1f steps each, rwsem %s: %.0f schedules/s, %.1f M steps/s\n",
		       story->name, (unsigned long long)i, (double)steps / (double)i, rwsem_names[rwsem],
		       (double)i / t, (double)steps / t / 1e6);
	if (o->hash)
		printf("%s: traces %016llx\n", story->name, (unsigned long long)hash);
	return false;
}

/* How many schedules it takes to find something, from tries different seeds. true: not found at least once. */
static bool find_rate(const struct sim_story *story, const struct options *o, enum sim_rwsem rwsem)
{
	struct choose_plan plan = {0};
	uint64_t sum = 0, worst = 0, missed = 0;
	bool mixed;

	(void)strategy_named(o->strategy, &plan, &mixed);
	sim.rwsem = rwsem;
	plan.steps = usual_steps(story);
	for (uint64_t try = 0; try < o->tries; try++) {
		uint64_t i = 0;

		do {
			plan.seed = o->seed + try * o->schedules + i++;
			if (mixed)
				choose_portfolio(plan.seed, &plan);
			memcpy(plan.chance, story->chance, sizeof(plan.chance));
			sim_run(story, &plan);
		} while (!sim.why[0] && i < o->schedules);
		missed += !sim.why[0];
		sum += i;
		worst = i > worst ? i : worst;
	}
	printf("%s: rwsem %s, %llu tries: mean %.1f schedules, worst %llu, not found %llu\n", story->name,
	       rwsem_names[rwsem], (unsigned long long)o->tries, (double)sum / (double)o->tries,
	       (unsigned long long)worst, (unsigned long long)missed);
	return missed != 0;
}

/* All of a small story. true: something was found. */
static bool search(const struct sim_story *story, const struct options *o, enum sim_rwsem rwsem)
{
	struct explore_result r;
	bool dpor = !strcmp(o->strategy, "dpor");
	uint32_t bound = o->strategy[3] == ':' ? (uint32_t)atoi(o->strategy + 4) : EXPLORE_ALL;
	double t = now();

	sim.rwsem = rwsem;
	explore(story, dpor, bound, o->schedules, &r);
	t = now() - t;
	printf("%s: %s, rwsem %s: %llu schedules, %llu of them cut short, %llu traces, %s, %.2f s\n", story->name,
	       r.found ? sim.why : "nothing", rwsem_names[rwsem], (unsigned long long)r.runs,
	       (unsigned long long)r.pruned, (unsigned long long)r.traces, r.complete ? "complete" : "not complete",
	       t);
	if (r.found)
		sim_print_state();
	free(r.choices);
	return r.found;
}

static int replay(const struct sim_story *story, const struct options *o)
{
	static struct choose_list list;
	struct choose_plan plan = {.kind = CHOOSE_FORCED, .list = &list};
	const char *bad;

	if (!choose_parse(o->replay, &list, &bad)) {
		fprintf(stderr,
		        "simtest: --replay: a choice is FIBER.NTH>FIBER or FIBER.NTH!KIND:VALUE, not \"%s\"\n", bad);
		return 2;
	}
	sim.rwsem = o->rwsem < 0 ? SIM_RWSEM_FAIR : (enum sim_rwsem)o->rwsem;
	sim.loud = o->trace;
	sim_run(story, &plan);
	printf("%s: %s\n  %llu steps, trace %016llx\n", story->name, sim.why[0] ? sim.why : "nothing found",
	       (unsigned long long)sim.steps, (unsigned long long)sim.hash);
	if (sim.why[0])
		sim_print_state();
	return sim.why[0] ? 1 : 0;
}

static int usage(FILE *to)
{
	fprintf(to, "simtest --story NAME [--rwsem fair|weak|fifo] [--without writers|acquire|passing|CLASS]\n"
	            "        [--schedules N] [--seed S] [--strategy "
	            "portfolio|random[:STAY]|pct[:DEPTH]|dpor|dfs[:BOUND]]\n"
	            "        [--seconds S] [--tries N] [--hash] [--check-base] [--replay CHOICES] [--trace]\n"
	            "        [--atomics: a scheduling point at each] [--copy-all: for valgrind]\n"
	            "stories:\n");
	for (const struct sim_story *const *s = stories; *s; s++)
		fprintf(to, "  %-28s %s\n", (*s)->name, (*s)->about);
	return to == stderr ? 2 : 0;
}

/* Options with a word behind them. 0; 2: said why not. */
static int take_word(int c, const char *word, struct options *o)
{
	switch (c) {
	case 's':
		o->story = word;
		return 0;
	case 'g':
		o->strategy = word;
		return 0;
	case 'p':
		o->replay = word;
		return 0;
	case 'n':
		o->schedules = strtoull(word, NULL, 0);
		return 0;
	case 'S':
		o->seed = strtoull(word, NULL, 0);
		return 0;
	case 'N':
		o->tries = strtoull(word, NULL, 0);
		return 0;
	case 'T':
		o->seconds = atof(word);
		return 0;
	case 'r':
		for (int i = 0; i < SIM_RWSEMS; i++)
			o->rwsem = strcmp(word, rwsem_names[i]) ? o->rwsem : i;
		if (o->rwsem < 0)
			fprintf(stderr, "simtest: --rwsem %s: fair, weak or fifo\n", word);
		return o->rwsem < 0 ? 2 : 0;
	case 'w':
		o->without = word;
		if (without_named(word, &sim.without))
			return 0;
		fprintf(stderr, "simtest: --without %s: no such lock class\n", word);
		return 2;
	default:
		return 2;
	}
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"story", 1, NULL, 's'},      {"rwsem", 1, NULL, 'r'},   {"without", 1, NULL, 'w'},
		{"schedules", 1, NULL, 'n'},  {"seed", 1, NULL, 'S'},    {"strategy", 1, NULL, 'g'},
		{"replay", 1, NULL, 'p'},     {"trace", 0, NULL, 't'},   {"quiet", 0, NULL, 'q'},
		{"check-base", 0, NULL, 'b'}, {"seconds", 1, NULL, 'T'}, {"tries", 1, NULL, 'N'},
		{"hash", 0, NULL, 'H'},       {"help", 0, NULL, 'h'},    {"atomics", 0, NULL, 'a'},
		{"copy-all", 0, NULL, 'c'},   {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 't':
			o->trace = true;
			break;
		case 'q':
			o->quiet = true;
			break;
		case 'H':
			o->hash = true;
			break;
		case 'a':
			o->atomics = true;
			break;
		case 'b':
			sim.check_base = true;
			break;
		case 'c':
			memory_copy_all = true;
			break;
		case 'h':
			exit(usage(stdout));
		case '?':
			return usage(stderr);
		default:
			if (take_word(c, optarg, o))
				return 2;
		}
	}
	return optind == argc && o->story ? 0 : usage(stderr);
}

int main(int argc, char **argv)
{
	struct options o = {.schedules = 10000, .seed = 1, .rwsem = -1, .strategy = "portfolio"};
	struct choose_plan plan = {0};
	const struct sim_story *story;
	struct sim_story with_atomics;
	bool mixed, found = false;
	int err = parse(argc, argv, &o);

	if (err)
		return err;
	story = story_named(o.story);
	if (!story || !strategy_named(o.strategy, &plan, &mixed)) {
		fprintf(stderr, "simtest: no such %s\n", story ? "strategy" : "story");
		return usage(stderr);
	}
	if (o.atomics) {
		with_atomics = *story;
		with_atomics.atomics = true;
		story = &with_atomics;
	}
	if (o.replay)
		return replay(story, &o);
	for (int i = 0; i < SIM_RWSEMS; i++) {
		if (o.rwsem != -1 && o.rwsem != i)
			continue;
		if (o.tries)
			found |= find_rate(story, &o, (enum sim_rwsem)i);
		else if (plan.kind == CHOOSE_CALM)
			found |= search(story, &o, (enum sim_rwsem)i);
		else
			found |= one_contract(story, &o, (enum sim_rwsem)i);
	}
	return found ? 1 : 0;
}
