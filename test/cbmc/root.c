/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * root.c - core/pmm/root.c, by induction: two roots in any state that root.h allows, one call, and what comes out is
 * again such a state. So it holds for any number of calls.
 *
 *     any state:  each root of any kind, with any map of its kind; roots of one level in either order, free ones too
 *     after:      root.h again; the frames that were handed out were free and are taken; no other frame changed
 *
 * "Every level" is one level that can be any, "every frame" one frame.
 *
 * Counting: a solver does badly at adding up 512 bits before and after. So the number of bits of a word is a variable
 * here (pieces of 64 KiB are few, and counted), of which only this is said: between 0 and 64, 0 for the empty word
 * only, 64 for the full one only; and a word that gained (lost) bits counts so many more (fewer). All of that is true
 * of a count of bits, and nothing else is used.
 */
#include "world.h"
#include "pmm/root.h"

#define ROOTS 2u
#define WORDS FERRY_BITMAP_WORDS
#define LEVEL_64K FERRY_ROOT_LEVELS_4K
#define NOWHERE 0xffffu /* no level */

static struct ferry_bitmap map[ROOTS], map_was[ROOTS];
static struct ferry_root root[ROOTS], root_was[ROOTS];
static struct ferry_root_link link[ROOTS + FERRY_ROOT_LEVELS];
static struct ferry_roots rs = {.count = ROOTS, .map = map, .root = root, .link = link};
static uint32_t bits[ROOTS][WORDS]; /* how many are set in the word */

static void is_count(uint64_t word, uint32_t count)
{
	assume(count <= 64 && (count == 0) == (word == 0) && (count == 64) == (word == ~0ull));
}

static uint32_t level_of(const struct ferry_root *r)
{
	if (r->kind == FERRY_ROOT_CUT_4K && r->fill < FERRY_ROOT_FRAMES)
		return r->fill / FERRY_ROOT_FILLS;
	if (r->kind == FERRY_ROOT_CUT_64K && r->fill < FERRY_ROOT_PIECES)
		return LEVEL_64K + r->fill;
	return NOWHERE;
}

static bool is_taken(const struct ferry_root *r, const struct ferry_bitmap *m, uint32_t at)
{
	switch (r->kind) {
	case FERRY_ROOT_WHOLE:
		return true;
	case FERRY_ROOT_CUT_64K:
		return m->word[0] >> (at / FERRY_BIG_PAGES) & 1;
	case FERRY_ROOT_CUT_4K:
		return m->word[at / 64] >> (at % 64) & 1;
	default:
		return false;
	}
}

/* One root as root.h allows it: assumed before the call, proved after it. */
static bool is_sound(const struct ferry_root *r, const struct ferry_bitmap *m, const uint32_t *count)
{
	uint32_t sum = 0, open = 0;
	bool rest = true;

	for (uint32_t w = 0; w < WORDS; w++) {
		sum += count[w];
		open |= (uint32_t)(m->word[w] != ~0ull) << w;
		rest &= w == 0 || m->word[w] == 0;
	}
	switch (r->kind) {
	case FERRY_ROOT_FREE:
	case FERRY_ROOT_WHOLE:
		return rest && m->word[0] == 0 && r->fill == 0;
	case FERRY_ROOT_CUT_64K:
		return rest && m->word[0] >> FERRY_ROOT_PIECES == 0 && r->fill > 0 &&
		       r->fill == world_popcount64(m->word[0]);
	case FERRY_ROOT_CUT_4K:
		return r->fill == sum && r->fill > 0 && r->open == open;
	default:
		return false;
	}
}

static uint32_t free_frames(const struct ferry_root *r)
{
	return r->kind == FERRY_ROOT_FREE      ? FERRY_ROOT_FRAMES
	       : r->kind == FERRY_ROOT_WHOLE   ? 0
	       : r->kind == FERRY_ROOT_CUT_64K ? (FERRY_ROOT_PIECES - r->fill) * FERRY_BIG_PAGES
	                                       : FERRY_ROOT_FRAMES - r->fill;
}

/* Into its level, or into the chain. */
static void enter(uint32_t i)
{
	uint32_t level = level_of(&root[i]), head = ROOTS + level;

	if (root[i].kind == FERRY_ROOT_FREE) {
		link[i].next = rs.free;
		rs.free = i;
	}
	if (level == NOWHERE)
		return;
	link[i].next = link[head].next;
	link[i].prev = head;
	link[link[head].next].prev = i;
	link[head].next = i;
	if (level < LEVEL_64K)
		rs.occupied_4k |= 1ull << level;
	else
		rs.occupied_64k |= 1ull << (level - LEVEL_64K);
}

/* Any state. */
static void any_state(void)
{
	uint32_t first = any_bool();

	for (uint32_t i = 0; i < ROOTS; i++) {
		link[i] = (struct ferry_root_link){.next = any_u32(), .prev = any_u32()};
		root[i] = (struct ferry_root){
			.fill = (uint16_t)any_u32(), .kind = (uint8_t)any_u32(), .open = (uint8_t)any_u32()};
		for (uint32_t w = 0; w < WORDS; w++) {
			map[i].word[w] = any_u64();
			bits[i][w] = any_u32();
			is_count(map[i].word[w], bits[i][w]);
		}
		assume(root[i].kind < FERRY_ROOT_KINDS && is_sound(&root[i], &map[i], bits[i]));
		/* These few bits are really counted. */
		assume(root[i].kind != FERRY_ROOT_CUT_64K || bits[i][0] == root[i].fill);
		rs.kinds[root[i].kind]++;
		rs.frames_free += free_frames(&root[i]);
	}
	for (uint32_t i = ROOTS; i < ROOTS + FERRY_ROOT_LEVELS; i++)
		link[i] = (struct ferry_root_link){.next = i, .prev = i};
	rs.free = FERRY_ROOT_NONE;
	enter(first);
	enter(1 - first);
	for (uint32_t i = 0; i < ROOTS; i++) {
		map_was[i] = map[i];
		root_was[i] = root[i];
	}
}

/* Bits that come back together, and how many they are: to count them anew is what a solver does badly. */
static uint64_t back;
static uint32_t back_count;

/* What a word that was `was` counts now. */
static uint32_t recount(uint64_t was, uint64_t now, uint32_t count)
{
	uint32_t n;

	if (was == now)
		return count;
	if (back_count && was == (now | back) && !(now & back))
		n = count - back_count;
	else
		n = count + world_popcount64(now & ~was) - world_popcount64(was & ~now);
	is_count(now, n);
	return n;
}

static void prove_sound(void)
{
	uint32_t kinds[FERRY_ROOT_KINDS] = {0}, level = any_u32(), head, free = 0, seen = 0, i, prev, turns;
	uint64_t occupied, frames = 0;

	for (i = 0; i < ROOTS; i++) {
		uint32_t count[WORDS];

		for (uint32_t w = 0; w < WORDS; w++)
			count[w] = recount(map_was[i].word[w], map[i].word[w], bits[i][w]);
		prove(root[i].kind < FERRY_ROOT_KINDS && is_sound(&root[i], &map[i], count));
		kinds[root[i].kind]++;
		frames += free_frames(&root[i]);
	}
	prove(frames == rs.frames_free);
	for (i = 0; i < FERRY_ROOT_KINDS; i++)
		prove(kinds[i] == rs.kinds[i]);

	/* The level that can be any: its ring has its roots, each once, and the bit says whether there are any. */
	assume(level < FERRY_ROOT_LEVELS);
	head = ROOTS + level;
	prev = head;
	for (turns = 0, i = link[head].next; turns < ROOTS && i != head; turns++, i = link[i].next) {
		prove(i < ROOTS && link[i].prev == prev && !(seen & 1u << i));
		assume(i < ROOTS);
		seen |= 1u << i;
		prev = i;
	}
	prove(i == head && link[head].prev == prev);
	for (i = 0; i < ROOTS; i++)
		prove((level_of(&root[i]) == level) == (seen >> i & 1));
	occupied = level < LEVEL_64K ? rs.occupied_4k >> level : rs.occupied_64k >> (level - LEVEL_64K);
	prove((occupied & 1) == (seen != 0));
	prove(rs.occupied_64k >> FERRY_ROOT_PIECES == 0);

	for (turns = 0, i = rs.free; turns < ROOTS && i != FERRY_ROOT_NONE; turns++, i = link[i].next) {
		prove(i < ROOTS && !(free & 1u << i));
		assume(i < ROOTS);
		free |= 1u << i;
	}
	prove(i == FERRY_ROOT_NONE);
	for (i = 0; i < ROOTS; i++)
		prove((root[i].kind == FERRY_ROOT_FREE) == (free >> i & 1));
}

/* Exactly these frames went from one side to the other. */
static void prove_moved(uint32_t first, uint32_t count, bool taken)
{
	uint32_t frame = any_u32(), i, at;
	bool was, now;

	assume(frame < ROOTS * FERRY_ROOT_FRAMES);
	i = frame / FERRY_ROOT_FRAMES;
	at = frame % FERRY_ROOT_FRAMES;
	was = is_taken(&root_was[i], &map_was[i], at);
	now = is_taken(&root[i], &map[i], at);
	if (frame >= first && frame - first < count)
		prove(was == !taken && now == taken);
	else
		prove(was == now);
}

/* Goal: a frame was free; refused only when not one is. Split of a free root and of pieces included. */
void prove_take_frame(void)
{
	uint64_t before;
	uint32_t frame;

	any_state();
	before = rs.frames_free;
	frame = ferry_roots_take_frame(&rs);
	if (frame == FERRY_ROOT_NONE)
		prove(before == 0);
	else
		prove(frame < ROOTS * FERRY_ROOT_FRAMES);
	prove_moved(frame, frame != FERRY_ROOT_NONE, true);
	prove_sound();
}

/* Goal: 16 frames, aligned, all free before; refused only when no free root and no piece is left. */
void prove_take_big(void)
{
	uint32_t first;
	bool some;

	any_state();
	some = rs.kinds[FERRY_ROOT_FREE] || rs.occupied_64k;
	first = ferry_roots_take_big(&rs);
	prove((first == FERRY_ROOT_NONE) == !some);
	prove(first == FERRY_ROOT_NONE || (first < ROOTS * FERRY_ROOT_FRAMES && first % FERRY_BIG_PAGES == 0));
	prove_moved(first, first != FERRY_ROOT_NONE ? FERRY_BIG_PAGES : 0, true);
	prove_sound();
}

/* Goal: a root in one piece, free before; refused only when none is. */
void prove_take_whole(void)
{
	uint32_t first;
	bool some;

	any_state();
	some = rs.kinds[FERRY_ROOT_FREE];
	first = ferry_roots_take_whole(&rs);
	prove((first == FERRY_ROOT_NONE) == !some);
	prove(first == FERRY_ROOT_NONE || (first < ROOTS * FERRY_ROOT_FRAMES && first % FERRY_ROOT_FRAMES == 0));
	prove_moved(first, first != FERRY_ROOT_NONE ? FERRY_ROOT_FRAMES : 0, true);
	prove_sound();
}

static void give_and_prove(uint32_t first, uint32_t count)
{
	bool given = ferry_roots_give(&rs, first, count);

	/* Refused: then one of them was not taken, or they are no frames of one root. */
	if (given)
		prove(count > 0 && first < ROOTS * FERRY_ROOT_FRAMES &&
		      first % FERRY_ROOT_FRAMES + count <= FERRY_ROOT_FRAMES);
	prove_sound(); /* first: it says what the counts are */
	prove_moved(first, given ? count : 0, false);
}

/* Goal: up to 64 frames of one word of a root cut to 4K come back: the usual way, merge included. */
void prove_give_frames(void)
{
	uint32_t first = any_u32(), count = any_u32();

	any_state();
	assume(first < ROOTS * FERRY_ROOT_FRAMES && count > 0 && count <= 64 - first % 64);
	assume(root[first / FERRY_ROOT_FRAMES].kind == FERRY_ROOT_CUT_4K);
	back = ~0ull >> (64 - count) << (first % 64);
	back_count = count;
	give_and_prove(first, count);
}

/* Goal: a root comes back in one piece, or nothing happens because it was not given out so. */
void prove_give_whole(void)
{
	uint32_t first = any_u32();

	any_state();
	assume(first < ROOTS * FERRY_ROOT_FRAMES && first % FERRY_ROOT_FRAMES == 0);
	assume(root[first / FERRY_ROOT_FRAMES].kind != FERRY_ROOT_CUT_4K);
	assume(root[first / FERRY_ROOT_FRAMES].kind != FERRY_ROOT_CUT_64K);
	give_and_prove(first, FERRY_ROOT_FRAMES);
}

/* Goal: pieces of a root cut to 64K come back, merge included. */
void prove_give_pieces(void)
{
	uint32_t first = any_u32(), count = any_u32();

	any_state();
	assume(first < ROOTS * FERRY_ROOT_FRAMES && first % FERRY_BIG_PAGES == 0);
	assume(count > 0 && count % FERRY_BIG_PAGES == 0 && count <= FERRY_ROOT_FRAMES - first % FERRY_ROOT_FRAMES);
	assume(root[first / FERRY_ROOT_FRAMES].kind == FERRY_ROOT_CUT_64K);
	give_and_prove(first, count);
}
