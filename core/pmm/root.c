/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * root.c - roots: cutting, filling, merging. See root.h.
 */
#include "pmm/root.h"

#define FRAME_SHIFT 9u /* frames per root, log2 */
#define LEVEL_64K FERRY_ROOT_LEVELS_4K
#define ALL_OPEN 0xffu
#define COLD __attribute__((__noinline__)) /* keeps registers free on the path that most calls take */

_Static_assert(FERRY_ROOT_FRAMES == 1u << FRAME_SHIFT, "a frame number is (root, frame of it)");
_Static_assert(FERRY_ROOT_LEVELS_4K <= 64 && FERRY_ROOT_PIECES <= 64, "occupied is one word per size");
_Static_assert(FERRY_BITMAP_WORDS <= 8, "open has one bit per word");

uint64_t ferry_roots_bytes(uint32_t count)
{
	return (uint64_t)count * (sizeof(struct ferry_bitmap) + sizeof(struct ferry_root)) +
	       ((uint64_t)count + FERRY_ROOT_LEVELS) * sizeof(struct ferry_root_link);
}

int ferry_roots_init(struct ferry_roots *rs, struct ferry_mem *mem, uint32_t count)
{
	memset(rs, 0, sizeof(*rs));
	rs->mem = mem;
	rs->count = count;
	rs->map = ferry_mem_zalloc(mem, (size_t)count * sizeof(*rs->map));
	if (!rs->map)
		return FERRY_E_PMM_NOMEM;
	rs->root = ferry_mem_zalloc(mem, (size_t)count * sizeof(*rs->root));
	if (!rs->root)
		goto free_map;
	rs->link = ferry_mem_zalloc(mem, ((size_t)count + FERRY_ROOT_LEVELS) * sizeof(*rs->link));
	if (!rs->link)
		goto free_root;

	/* The chain begins with root 0, so that a young device fills from the bottom. */
	for (uint32_t i = 0; i < count; i++)
		rs->link[i].next = i + 1 < count ? i + 1 : FERRY_ROOT_NONE;
	for (uint32_t i = count; i < count + FERRY_ROOT_LEVELS; i++)
		rs->link[i] = (struct ferry_root_link){.next = i, .prev = i};
	rs->frames_free = (uint64_t)count << FRAME_SHIFT;
	rs->kinds[FERRY_ROOT_FREE] = count;
	return 0;

free_root:
	ferry_mem_free(mem, rs->root, (size_t)count * sizeof(*rs->root));
free_map:
	ferry_mem_free(mem, rs->map, (size_t)count * sizeof(*rs->map));
	return FERRY_E_PMM_NOMEM;
}

void ferry_roots_fini(struct ferry_roots *rs)
{
	ferry_mem_free(rs->mem, rs->link, ((size_t)rs->count + FERRY_ROOT_LEVELS) * sizeof(*rs->link));
	ferry_mem_free(rs->mem, rs->root, (size_t)rs->count * sizeof(*rs->root));
	ferry_mem_free(rs->mem, rs->map, (size_t)rs->count * sizeof(*rs->map));
}

/* ---- levels: rings with a head of their own behind the roots' nodes ---- */

static void ring_enter(struct ferry_roots *rs, uint32_t i, uint32_t level)
{
	uint32_t head = rs->count + level;
	uint32_t next = rs->link[head].next;

	rs->link[i].next = next;
	rs->link[i].prev = head;
	rs->link[next].prev = i;
	rs->link[head].next = i;
}

/* True when it was the last: then both its neighbours are the head. */
static bool ring_leave(struct ferry_roots *rs, uint32_t i)
{
	uint32_t next = rs->link[i].next;
	uint32_t prev = rs->link[i].prev;

	rs->link[next].prev = prev;
	rs->link[prev].next = next;
	return next == prev;
}

static void enter_4k(struct ferry_roots *rs, uint32_t i, uint32_t level)
{
	ring_enter(rs, i, level);
	rs->occupied_4k |= 1ull << level;
}

static void leave_4k(struct ferry_roots *rs, uint32_t i, uint32_t level)
{
	rs->occupied_4k &= ~((uint64_t)ring_leave(rs, i) << level);
}

static void enter_64k(struct ferry_roots *rs, uint32_t i, uint32_t fill)
{
	ring_enter(rs, i, LEVEL_64K + fill);
	rs->occupied_64k |= 1ull << fill;
}

static void leave_64k(struct ferry_roots *rs, uint32_t i, uint32_t fill)
{
	rs->occupied_64k &= ~((uint64_t)ring_leave(rs, i) << fill);
}

static uint32_t fullest(const struct ferry_roots *rs, uint32_t levels, uint64_t occupied)
{
	if (!occupied)
		return FERRY_ROOT_NONE;
	return rs->link[rs->count + levels + 63 - ferry_os_clz64(occupied)].next;
}

/* ---- kinds ---- */

static void set_kind(struct ferry_roots *rs, uint32_t i, enum ferry_root_kind kind)
{
	rs->kinds[rs->root[i].kind]--;
	rs->kinds[kind]++;
	rs->root[i].kind = (uint8_t)kind;
}

static uint32_t pop_free(struct ferry_roots *rs, enum ferry_root_kind kind)
{
	uint32_t i = rs->free;

	if (i == FERRY_ROOT_NONE)
		return FERRY_ROOT_NONE;
	rs->free = rs->link[i].next;
	set_kind(rs, i, kind);
	return i;
}

static void push_free(struct ferry_roots *rs, uint32_t i)
{
	set_kind(rs, i, FERRY_ROOT_FREE);
	rs->link[i].next = rs->free;
	rs->free = i;
}

/* A root cut to 4K went from one fill to another and so to another level, to none (full) or from none, or drained. */
static COLD void change_level(struct ferry_roots *rs, uint32_t i, uint32_t from, uint32_t to)
{
	if (from < FERRY_ROOT_FRAMES)
		leave_4k(rs, i, from / FERRY_ROOT_FILLS);
	if (!to) {
		push_free(rs, i);
		rs->merges++;
	} else if (to < FERRY_ROOT_FRAMES) {
		enter_4k(rs, i, to / FERRY_ROOT_FILLS);
	}
}

static inline void refill(struct ferry_roots *rs, uint32_t i, uint32_t from, uint32_t to)
{
	rs->root[i].fill = (uint16_t)to;
	if (__builtin_expect(!to || from / FERRY_ROOT_FILLS != to / FERRY_ROOT_FILLS, 0))
		change_level(rs, i, from, to);
}

/* A root given out in one piece becomes 512 taken frames. */
static void break_whole(struct ferry_roots *rs, uint32_t i)
{
	struct ferry_root *r = &rs->root[i];

	memset(&rs->map[i], 0xff, sizeof(rs->map[i]));
	r->fill = FERRY_ROOT_FRAMES;
	r->open = 0;
	set_kind(rs, i, FERRY_ROOT_CUT_4K);
	rs->splits++;
}

/* Its pieces become taken frames, 16 each. */
static void break_big(struct ferry_roots *rs, uint32_t i)
{
	struct ferry_root *r = &rs->root[i];
	uint64_t pieces = rs->map[i].word[0];

	if (r->fill < FERRY_ROOT_PIECES)
		leave_64k(rs, i, r->fill);
	r->open = 0;
	for (uint32_t w = 0; w < FERRY_BITMAP_WORDS; w++) {
		uint64_t bits = 0;

		for (uint32_t k = 0; k < 4; k++) {
			if (pieces >> (w * 4 + k) & 1)
				bits |= 0xffffull << (k * 16);
		}
		rs->map[i].word[w] = bits;
		if (~bits)
			r->open |= (uint8_t)(1u << w);
	}
	r->fill = (uint16_t)(r->fill * FERRY_BIG_PAGES);
	set_kind(rs, i, FERRY_ROOT_CUT_4K);
	rs->splits++;
	if (r->fill < FERRY_ROOT_FRAMES)
		enter_4k(rs, i, r->fill / FERRY_ROOT_FILLS);
}

/* ---- taking ---- */

uint32_t ferry_roots_take_whole(struct ferry_roots *rs)
{
	uint32_t i = pop_free(rs, FERRY_ROOT_WHOLE);

	if (i == FERRY_ROOT_NONE)
		return FERRY_ROOT_NONE;
	rs->frames_free -= FERRY_ROOT_FRAMES;
	return i << FRAME_SHIFT;
}

uint32_t ferry_roots_take_big(struct ferry_roots *rs)
{
	uint32_t i = fullest(rs, LEVEL_64K, rs->occupied_64k);
	struct ferry_root *r;
	uint32_t piece;

	if (i == FERRY_ROOT_NONE) {
		i = pop_free(rs, FERRY_ROOT_CUT_64K);
		if (i == FERRY_ROOT_NONE)
			return FERRY_ROOT_NONE;
		rs->splits++;
	} else {
		leave_64k(rs, i, rs->root[i].fill);
	}
	r = &rs->root[i];
	piece = ferry_os_ctz64(~rs->map[i].word[0]);
	rs->map[i].word[0] |= 1ull << piece;
	if (++r->fill < FERRY_ROOT_PIECES)
		enter_64k(rs, i, r->fill);
	rs->frames_free -= FERRY_BIG_PAGES;
	return (i << FRAME_SHIFT) + piece * FERRY_BIG_PAGES;
}

/* No root cut to 4K has a frame free: cut another one. It enters level 0 with nothing taken, or stays where it is. */
static COLD uint32_t open_cold(struct ferry_roots *rs)
{
	uint32_t i = pop_free(rs, FERRY_ROOT_CUT_4K);

	if (i != FERRY_ROOT_NONE) {
		rs->root[i].open = ALL_OPEN;
		rs->splits++;
		enter_4k(rs, i, 0);
		return i;
	}
	i = fullest(rs, LEVEL_64K, rs->occupied_64k);
	if (i != FERRY_ROOT_NONE)
		break_big(rs, i);
	return i;
}

static uint32_t open_4k(struct ferry_roots *rs)
{
	uint32_t i = fullest(rs, 0, rs->occupied_4k);

	return __builtin_expect(i != FERRY_ROOT_NONE, 1) ? i : open_cold(rs);
}

/* Up to want frames, at least one, of a root that has one free. */
static uint32_t fill_root(struct ferry_roots *rs, uint32_t i, uint32_t want, uint32_t *frames)
{
	struct ferry_root *r = &rs->root[i];
	uint32_t n = 0;

	do {
		uint32_t w = ferry_os_ctz64(r->open);
		uint64_t left = ~rs->map[i].word[w];
		uint32_t base = (i << FRAME_SHIFT) + w * 64;

		do {
			frames[n++] = base + ferry_os_ctz64(left);
			left &= left - 1;
		} while (left && n < want);
		rs->map[i].word[w] = ~left;
		if (!left)
			r->open &= (uint8_t)(r->open - 1);
	} while (n < want && r->open);
	refill(rs, i, r->fill, r->fill + n);
	return n;
}

uint32_t ferry_roots_take_frame(struct ferry_roots *rs)
{
	uint32_t i = open_4k(rs);
	struct ferry_root *r;
	uint64_t *word, left;
	uint32_t w;

	if (i == FERRY_ROOT_NONE)
		return FERRY_ROOT_NONE;
	r = &rs->root[i];
	w = ferry_os_ctz64(r->open);
	word = &rs->map[i].word[w];
	left = ~*word;
	*word = ~(left & (left - 1));
	if (!(left & (left - 1)))
		r->open &= (uint8_t)(r->open - 1);
	refill(rs, i, r->fill, r->fill + 1u);
	rs->frames_free--;
	return (i << FRAME_SHIFT) + w * 64 + ferry_os_ctz64(left);
}

uint32_t ferry_roots_take_frames(struct ferry_roots *rs, uint32_t count, uint32_t *frames)
{
	uint32_t n = 0;

	/* Each turn takes at least one frame. */
	while (n < count) {
		uint32_t i = open_4k(rs);

		if (i == FERRY_ROOT_NONE)
			break;
		n += fill_root(rs, i, count - n, frames + n);
	}
	rs->frames_free -= n;
	return n;
}

/* ---- giving ---- */

/* Frames of a root cut to 4K, over several words: none is given unless all are taken. */
static bool give_frames(struct ferry_roots *rs, uint32_t i, uint32_t first, uint32_t count)
{
	struct ferry_root *r = &rs->root[i];

	if (!ferry_bitmap_range_full(&rs->map[i], first, count))
		return false;
	ferry_bitmap_clear_range(&rs->map[i], first, count);
	for (uint32_t w = first / 64; w <= (first + count - 1) / 64; w++)
		r->open |= (uint8_t)(1u << w);
	refill(rs, i, r->fill, r->fill - count);
	return true;
}

/* Pieces [first, first + count) of a root cut to 64K. */
static bool give_pieces(struct ferry_roots *rs, uint32_t i, uint32_t first, uint32_t count)
{
	struct ferry_root *r = &rs->root[i];
	uint64_t mask = ((1ull << count) - 1) << first;

	if ((rs->map[i].word[0] & mask) != mask)
		return false;
	rs->map[i].word[0] &= ~mask;
	if (r->fill < FERRY_ROOT_PIECES)
		leave_64k(rs, i, r->fill);
	r->fill = (uint16_t)(r->fill - count);
	if (r->fill) {
		enter_64k(rs, i, r->fill);
	} else {
		push_free(rs, i);
		rs->merges++;
	}
	return true;
}

/* Part of a piece comes back: the root is cut to 4K from now on, if all of the frames are taken. */
static bool give_part_of_big(struct ferry_roots *rs, uint32_t i, uint32_t first, uint32_t count)
{
	uint32_t from = first / FERRY_BIG_PAGES;
	uint32_t pieces = (first + count - 1) / FERRY_BIG_PAGES + 1 - from;
	uint64_t mask = ((1ull << pieces) - 1) << from;

	if ((rs->map[i].word[0] & mask) != mask)
		return false;
	break_big(rs, i);
	return give_frames(rs, i, first, count);
}

/* Whatever is neither a few frames within one word of a root cut to 4K nor all of a whole one. */
static COLD bool give_other(struct ferry_roots *rs, uint32_t first, uint32_t count)
{
	uint32_t i = first >> FRAME_SHIFT;
	uint32_t at = first & (FERRY_ROOT_FRAMES - 1);

	if (i >= rs->count || !count || count > FERRY_ROOT_FRAMES - at)
		return false;
	switch (rs->root[i].kind) {
	case FERRY_ROOT_WHOLE:
		break_whole(rs, i);
		return give_frames(rs, i, at, count);
	case FERRY_ROOT_CUT_64K:
		if ((at | count) % FERRY_BIG_PAGES == 0)
			return give_pieces(rs, i, at / FERRY_BIG_PAGES, count / FERRY_BIG_PAGES);
		return give_part_of_big(rs, i, at, count);
	case FERRY_ROOT_CUT_4K:
		return give_frames(rs, i, at, count);
	default:
		return false;
	}
}

bool ferry_roots_give(struct ferry_roots *rs, uint32_t first, uint32_t count)
{
	uint32_t i = first >> FRAME_SHIFT;
	struct ferry_root *r = &rs->root[i];
	uint64_t *word, mask;
	uint32_t w;

	/* count 0 wraps and goes the other way too. */
	if (i >= rs->count || r->kind != FERRY_ROOT_CUT_4K || count - 1 > 63 - first % 64) {
		if (i < rs->count && r->kind == FERRY_ROOT_WHOLE && count == FERRY_ROOT_FRAMES &&
		    first % FERRY_ROOT_FRAMES == 0)
			push_free(rs, i);
		else if (!give_other(rs, first, count))
			return false;
		rs->frames_free += count;
		return true;
	}
	w = first / 64 % FERRY_BITMAP_WORDS;
	word = &rs->map[i].word[w];
	mask = ~0ull >> (64 - count) << (first % 64);
	if (mask & ~*word)
		return false;
	*word &= ~mask;
	r->open |= (uint8_t)(1u << w);
	rs->frames_free += count;
	refill(rs, i, r->fill, r->fill - count);
	return true;
}

bool ferry_roots_taken(const struct ferry_roots *rs, uint32_t frame)
{
	uint32_t i = frame >> FRAME_SHIFT;
	uint32_t at = frame & (FERRY_ROOT_FRAMES - 1);

	if (i >= rs->count)
		return false;
	switch (rs->root[i].kind) {
	case FERRY_ROOT_WHOLE:
		return true;
	case FERRY_ROOT_CUT_64K:
		return rs->map[i].word[0] >> (at / FERRY_BIG_PAGES) & 1;
	case FERRY_ROOT_CUT_4K:
		return ferry_bitmap_test(&rs->map[i], at);
	default:
		return false;
	}
}
