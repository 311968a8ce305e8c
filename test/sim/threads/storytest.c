/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * storytest.c - run stories on real threads. Exit 0: nothing was found; 1: something was; 2: wrong use. A sanitizer's
 * finding ends the process in its own way.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "../story/story.h"
#include "exhibit.h"
#include "watch.h"

struct options {
	const char *story;
	uint64_t rounds, seed;
	double seconds, patience;
};

/* What cannot run here, and why. */
static const struct {
	const char *story, *why;
} left_out[] = {
	{NULL, NULL},
};

const char *sim_op_name(enum sim_op op)
{
	return op == SIM_OP_STEP ? "a step" : op == SIM_OP_DEVICE ? "a device" : "its start";
}

static const char *why_left_out(const char *name)
{
	for (uint32_t i = 0; left_out[i].story; i++) {
		if (!strcmp(left_out[i].story, name))
			return left_out[i].why;
	}
	return NULL;
}

static const struct sim_story *find(const struct sim_story *const *list, const char *name)
{
	for (; *list; list++) {
		if (!strcmp((*list)->name, name))
			return *list;
	}
	return NULL;
}

static double now(void)
{
	return (double)ferry_os_now_ns() * 1e-9;
}

static void run_story(const struct sim_story *story, const struct options *o)
{
	const char *why = why_left_out(story->name);
	double t0 = now();
	uint64_t i;

	if (why) {
		printf("%s: left out: %s\n", story->name, why);
		return;
	}
	for (i = 0; i < o->rounds && (!i || o->seconds <= 0 || now() - t0 < o->seconds); i++)
		threads_run(story, o->seed + i);
	printf("%s: nothing in %llu rounds, %.1f s\n", story->name, (unsigned long long)i, now() - t0);
	fflush(stdout);
}

static int usage(FILE *to)
{
	fprintf(to, "storytest --story NAME|all [--rounds N] [--seconds S] [--seed S] [--patience S] | --list\n"
	            "stories:\n");
	for (const struct sim_story *const *s = stories; *s; s++)
		fprintf(to, "  %-28s %s\n", (*s)->name, (*s)->about);
	fprintf(to, "wrong on purpose:\n");
	for (const struct sim_story *const *s = exhibits; *s; s++)
		fprintf(to, "  %-28s %s\n", (*s)->name, (*s)->about);
	return to == stderr ? 2 : 0;
}

/* Names, and why not, a line each. */
static int list(void)
{
	for (const struct sim_story *const *s = stories; *s; s++) {
		const char *why = why_left_out((*s)->name);

		printf("%s%s%s\n", (*s)->name, why ? ": " : "", why ? why : "");
	}
	return 0;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"story", 1, NULL, 's'}, {"rounds", 1, NULL, 'n'}, {"seconds", 1, NULL, 't'},
		{"seed", 1, NULL, 'S'},  {"list", 0, NULL, 'l'},   {"patience", 1, NULL, 'p'},
		{"help", 0, NULL, 'h'},  {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o->story = optarg;
			break;
		case 'n':
			o->rounds = strtoull(optarg, NULL, 0);
			break;
		case 't':
			o->seconds = atof(optarg);
			break;
		case 'S':
			o->seed = strtoull(optarg, NULL, 0);
			break;
		case 'p':
			o->patience = atof(optarg);
			break;
		case 'l':
			exit(list());
		case 'h':
			exit(usage(stdout));
		default:
			return usage(stderr);
		}
	}
	return optind == argc && o->story ? 0 : usage(stderr);
}

int main(int argc, char **argv)
{
	struct options o = {.rounds = 20, .seed = 1, .patience = 60};
	const struct sim_story *one;
	int err = parse(argc, argv, &o);

	if (err)
		return err;
	ferry_user_bug_is_fatal = 1;
	watch_start(o.patience);
	if (!strcmp(o.story, "all")) {
		for (const struct sim_story *const *s = stories; *s; s++)
			run_story(*s, &o);
		return 0;
	}
	one = find(stories, o.story);
	if (!one)
		one = find(exhibits, o.story);
	if (!one) {
		fprintf(stderr, "storytest: no such story\n");
		return usage(stderr);
	}
	run_story(one, &o);
	return 0;
}
