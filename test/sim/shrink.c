/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <string.h>

#include "shrink.h"

#define RUNS_MAX 5000u

static char kind[32];
static uint32_t runs;

/* "deadlock", of "deadlock: who" */
static void kind_of(const char *why, char *out)
{
	uint32_t i = 0;

	for (; i < sizeof(kind) - 1 && why[i] && why[i] != ':'; i++)
		out[i] = why[i];
	out[i] = 0;
}

static bool still(const struct sim_story *story, const struct choose_list *list)
{
	struct choose_plan plan = {.kind = CHOOSE_FORCED, .list = list};
	char now[sizeof(kind)];

	runs++;
	sim_run(story, &plan);
	kind_of(sim.why, now);
	return sim.why[0] && !strcmp(now, kind);
}

static void without(const struct choose_list *list, uint32_t at, uint32_t n, struct choose_list *out)
{
	memcpy(out->of, list->of, at * sizeof(list->of[0]));
	memcpy(out->of + at, list->of + at + n, (list->count - at - n) * sizeof(list->of[0]));
	out->count = list->count - n;
}

uint32_t shrink(const struct sim_story *story, const struct choose_list *found, struct choose_list *out)
{
	static struct choose_list shorter;

	runs = 0;
	kind_of(sim.why, kind);
	if (found->overflow || !still(story, found))
		return 0;
	*out = *found;
	for (uint32_t piece = out->count / 2; piece > 0; piece /= 2) {
		for (uint32_t at = 0; at + piece <= out->count && runs < RUNS_MAX;) {
			without(out, at, piece, &shorter);
			if (still(story, &shorter)) {
				memcpy(out->of, shorter.of, shorter.count * sizeof(shorter.of[0]));
				out->count = shorter.count;
			} else {
				at += piece;
			}
		}
	}
	/* Leaving out a late one may have made an early one needless. */
	for (bool again = true; again && runs < RUNS_MAX;) {
		again = false;
		for (uint32_t at = 0; at < out->count && runs < RUNS_MAX;) {
			without(out, at, 1, &shorter);
			if (still(story, &shorter)) {
				memcpy(out->of, shorter.of, shorter.count * sizeof(shorter.of[0]));
				out->count = shorter.count;
				again = true;
			} else {
				at++;
			}
		}
	}
	(void)still(story, out);
	return runs;
}
