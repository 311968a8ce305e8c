/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * root_audit.c - every invariant of root.h, checked from the outside: nothing here shares code with what it checks.
 */
#include "pmm/root.h"

struct tally {
	uint32_t kinds[FERRY_ROOT_KINDS];
	uint64_t frames_free;
	uint32_t in_levels; /* cut roots with a free piece */
};

/* What a root of its kind must look like; adds it up. */
static bool root_is_sound(const struct ferry_roots *rs, uint32_t i, struct tally *t)
{
	const struct ferry_root *r = &rs->root[i];
	const struct ferry_bitmap *map = &rs->map[i];
	uint32_t taken = ferry_bitmap_count(map);
	uint32_t open = 0;

	if (r->kind >= FERRY_ROOT_KINDS)
		return false;
	t->kinds[r->kind]++;
	switch (r->kind) {
	case FERRY_ROOT_FREE:
		t->frames_free += FERRY_ROOT_FRAMES;
		return taken == 0 && r->fill == 0;
	case FERRY_ROOT_WHOLE:
		return taken == 0 && r->fill == 0;
	case FERRY_ROOT_CUT_64K:
		t->frames_free += (uint64_t)(FERRY_ROOT_PIECES - r->fill) * FERRY_BIG_PAGES;
		t->in_levels += r->fill < FERRY_ROOT_PIECES;
		return taken == r->fill && r->fill > 0 && map->word[0] >> FERRY_ROOT_PIECES == 0 &&
		       ferry_bitmap_range_empty(map, 64, FERRY_ROOT_FRAMES - 64);
	default:
		for (uint32_t w = 0; w < FERRY_BITMAP_WORDS; w++)
			open |= (uint32_t)(~map->word[w] != 0) << w;
		t->frames_free += FERRY_ROOT_FRAMES - r->fill;
		t->in_levels += r->fill < FERRY_ROOT_FRAMES;
		return taken == r->fill && r->fill > 0 && open == r->open;
	}
}

/* Every root in this ring is of the level's size and fill; links agree. Adds how many there are. */
static bool level_is_sound(const struct ferry_roots *rs, uint32_t level, uint32_t *found)
{
	bool is_4k = level < FERRY_ROOT_LEVELS_4K;
	uint32_t head = rs->count + level;
	uint32_t at = is_4k ? level : level - FERRY_ROOT_LEVELS_4K;
	uint64_t occupied = (is_4k ? rs->occupied_4k : rs->occupied_64k) >> at & 1;
	uint32_t prev = head;

	for (uint32_t i = rs->link[head].next; i != head; i = rs->link[i].next) {
		if (i >= rs->count || rs->link[i].prev != prev || ++*found > rs->count)
			return false;
		if (rs->root[i].kind != (is_4k ? FERRY_ROOT_CUT_4K : FERRY_ROOT_CUT_64K))
			return false;
		if (rs->root[i].fill / (is_4k ? FERRY_ROOT_FILLS : 1) != at)
			return false;
		prev = i;
	}
	return rs->link[head].prev == prev && occupied == (rs->link[head].next != head);
}

bool ferry_roots_audit(const struct ferry_roots *rs)
{
	struct tally t = {.frames_free = 0};
	uint32_t in_levels = 0, chained = 0;

	for (uint32_t i = 0; i < rs->count; i++) {
		if (!root_is_sound(rs, i, &t))
			return false;
	}
	for (uint32_t level = 0; level < FERRY_ROOT_LEVELS; level++) {
		if (!level_is_sound(rs, level, &in_levels))
			return false;
	}
	for (uint32_t i = rs->free; i != FERRY_ROOT_NONE; i = rs->link[i].next) {
		if (i >= rs->count || rs->root[i].kind != FERRY_ROOT_FREE || ++chained > rs->count)
			return false;
	}
	return in_levels == t.in_levels && chained == t.kinds[FERRY_ROOT_FREE] && t.frames_free == rs->frames_free &&
	       rs->occupied_64k >> FERRY_ROOT_PIECES == 0 && memcmp(t.kinds, rs->kinds, sizeof(t.kinds)) == 0;
}
