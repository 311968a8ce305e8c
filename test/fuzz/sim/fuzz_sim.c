/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fuzz_sim.c - schedules as the input of libFuzzer: it learns which choices lead to code that was not run yet.
 *
 *     byte 0   the story      byte 1   the contract of the read-write lock      the rest   a byte a choice
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choose.h"
#include "story/story.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t story_count(void)
{
	uint32_t n = 0;

	while (stories[n])
		n++;
	return n;
}

/* The marathon is for other strategies: its runs are too long to learn from. */
static const struct sim_story *chosen(uint8_t byte)
{
	const struct sim_story *story = stories[byte % story_count()];

	return story->limit > 20000 ? stories[0] : story;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct choose_list list;
	struct choose_plan plan = {.kind = CHOOSE_BYTES, .record = &list};
	const struct sim_story *story;

	if (size < 3)
		return -1;
	story = chosen(data[0]);
	sim.rwsem = (enum sim_rwsem)(data[1] % SIM_RWSEMS);
	plan.bytes = data + 2;
	plan.byte_count = size - 2;
	memcpy(plan.chance, story->chance, sizeof(plan.chance));
	sim_run(story, &plan);
	if (!sim.why[0])
		return 0;
	printf("%s: %s\n--story %s --replay '", story->name, sim.why, story->name);
	choose_print(&list);
	printf("'\n");
	fflush(stdout);
	abort();
}
