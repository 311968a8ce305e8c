/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * root.c - roots: cutting, filling, merging. See root.h.
 */
#include "pmm/root.h"

#define FRAME_SHIFT 9u /* frames per root, log2 */
#define LEVEL_64K FERRY_ROOT_FRAMES
#define WORDS_4K ((1u << FERRY_BITMAP_WORDS) - 1) /* words of occupied[] that speak of 4K */
#define WORD_64K (LEVEL_64K / 64u)
#define ALL_OPEN 0xffu

_Static_assert(FERRY_ROOT_FRAMES == 1u << FRAME_SHIFT, "a frame number is (root, frame of it)");
_Static_assert(LEVEL_64K % 64 == 0 && FERRY_ROOT_PIECES <= 64, "the levels of 64K are one word of occupied[]");
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

static void level_enter(struct ferry_roots *rs, uint32_t i, uint32_t level)
{
	uint32_t head = rs->count + level;
	uint32_t next = rs->link[head].next;

	rs->link[i].next = next;
	rs->link[i].prev = head;
	rs->link[next].prev = i;
	rs->link[head].next = i;
	rs->occupied[level / 64] |= 1ull << (level % 64);
	rs->occupied_words |= 1ull << (level / 64);
}

static void level_leave(struct ferry_roots *rs, uint32_t i, uint32_t level)
{
	uint32_t next = rs->link[i].next;
	uint32_t prev = rs->link[i].prev;

	rs->link[next].prev = prev;
	rs->link[prev].next = next;
	if (next != prev)
		return;
	/* Both neighbours are the head: it was the last. */
	rs->occupied[level / 64] &= ~(1ull << (level % 64));
	if (!rs->occupied[level / 64])
		rs->occupied_words &= ~(1ull << (level / 64));
}

static uint32_t highest(uint64_t v)
{
	return 63 - ferry_os_clz64(v);
}

static uint32_t fullest_4k(const struct ferry_roots *rs)
{
	uint64_t words = rs->occupied_words & WORDS_4K;
	uint32_t w;

	if (!words)
		return FERRY_ROOT_NONE;
	w = highest(words);
	return rs->link[rs->count + w * 64 + highest(rs->occupied[w])].next;
}

static uint32_t fullest_64k(const struct ferry_roots *rs)
{
	if (!rs->occupied[WORD_64K])
		return FERRY_ROOT_NONE;
	return rs->link[rs->count + LEVEL_64K + highest(rs->occupied[WORD_64K])].next;
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
		level_leave(rs, i, LEVEL_64K + r->fill);
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
		level_enter(rs, i, r->fill);
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
	uint32_t i = fullest_64k(rs);
	struct ferry_root *r;
	uint32_t piece;

	if (i == FERRY_ROOT_NONE) {
		i = pop_free(rs, FERRY_ROOT_CUT_64K);
		if (i == FERRY_ROOT_NONE)
			return FERRY_ROOT_NONE;
		rs->splits++;
	} else {
		level_leave(rs, i, LEVEL_64K + rs->root[i].fill);
	}
	r = &rs->root[i];
	piece = ferry_os_ctz64(~rs->map[i].word[0]);
	rs->map[i].word[0] |= 1ull << piece;
	if (++r->fill < FERRY_ROOT_PIECES)
		level_enter(rs, i, LEVEL_64K + r->fill);
	rs->frames_free -= FERRY_BIG_PAGES;
	return (i << FRAME_SHIFT) + piece * FERRY_BIG_PAGES;
}

/* A root cut to 4K with a frame free, out of its level. */
static uint32_t open_4k(struct ferry_roots *rs)
{
	uint32_t i = fullest_4k(rs);

	if (i == FERRY_ROOT_NONE) {
		i = pop_free(rs, FERRY_ROOT_CUT_4K);
		if (i != FERRY_ROOT_NONE) {
			rs->root[i].open = ALL_OPEN;
			rs->splits++;
			return i;
		}
		i = fullest_64k(rs);
		if (i == FERRY_ROOT_NONE)
			return FERRY_ROOT_NONE;
		break_big(rs, i);
	}
	level_leave(rs, i, rs->root[i].fill);
	return i;
}

/* Up to want frames of one root, which is in no level; it enters the one it belongs to. */
static uint32_t fill_root(struct ferry_roots *rs, uint32_t i, uint32_t want, uint32_t *frames)
{
	struct ferry_root *r = &rs->root[i];
	uint32_t n = 0;

	while (n < want && r->open) {
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
	}
	r->fill = (uint16_t)(r->fill + n);
	if (r->fill < FERRY_ROOT_FRAMES)
		level_enter(rs, i, r->fill);
	return n;
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

/* Frames [first, end) of the root; a word at a time. */
static bool give_frames(struct ferry_roots *rs, uint32_t i, uint32_t first, uint32_t end)
{
	struct ferry_root *r = &rs->root[i];
	uint64_t *word = rs->map[i].word;
	uint32_t last = (end - 1) / 64;
	uint64_t head = ~0ull << (first % 64);
	uint64_t tail = ~0ull >> (63 - (end - 1) % 64);
	uint64_t missing = 0;

	for (uint32_t w = first / 64; w <= last; w++)
		missing |= ~word[w] & (w == first / 64 ? head : ~0ull) & (w == last ? tail : ~0ull);
	if (missing)
		return false;
	for (uint32_t w = first / 64; w <= last; w++) {
		word[w] &= ~((w == first / 64 ? head : ~0ull) & (w == last ? tail : ~0ull));
		r->open |= (uint8_t)(1u << w);
	}
	if (r->fill < FERRY_ROOT_FRAMES)
		level_leave(rs, i, r->fill);
	r->fill = (uint16_t)(r->fill - (end - first));
	if (r->fill) {
		level_enter(rs, i, r->fill);
	} else {
		push_free(rs, i);
		rs->merges++;
	}
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
		level_leave(rs, i, LEVEL_64K + r->fill);
	r->fill = (uint16_t)(r->fill - count);
	if (r->fill) {
		level_enter(rs, i, LEVEL_64K + r->fill);
	} else {
		push_free(rs, i);
		rs->merges++;
	}
	return true;
}

/* Part of a piece comes back: the root is cut to 4K from now on, if all of the frames are taken. */
static bool give_part_of_big(struct ferry_roots *rs, uint32_t i, uint32_t first, uint32_t end)
{
	uint32_t from = first / FERRY_BIG_PAGES;
	uint32_t count = (end - 1) / FERRY_BIG_PAGES + 1 - from;
	uint64_t mask = ((1ull << count) - 1) << from;

	if ((rs->map[i].word[0] & mask) != mask)
		return false;
	break_big(rs, i);
	return give_frames(rs, i, first, end);
}

static bool give_cold(struct ferry_roots *rs, uint32_t i, uint32_t first, uint32_t count)
{
	switch (rs->root[i].kind) {
	case FERRY_ROOT_WHOLE:
		if (count == FERRY_ROOT_FRAMES) {
			push_free(rs, i);
			return true;
		}
		break_whole(rs, i);
		return give_frames(rs, i, first, first + count);
	case FERRY_ROOT_CUT_64K:
		if (first % FERRY_BIG_PAGES == 0 && count % FERRY_BIG_PAGES == 0)
			return give_pieces(rs, i, first / FERRY_BIG_PAGES, count / FERRY_BIG_PAGES);
		return give_part_of_big(rs, i, first, first + count);
	default:
		return false;
	}
}

bool ferry_roots_give(struct ferry_roots *rs, uint32_t first, uint32_t count)
{
	uint32_t i = first >> FRAME_SHIFT;
	uint32_t at = first & (FERRY_ROOT_FRAMES - 1);
	bool given;

	if (!count || i >= rs->count || count > FERRY_ROOT_FRAMES - at)
		return false;
	if (rs->root[i].kind == FERRY_ROOT_CUT_4K)
		given = give_frames(rs, i, at, at + count);
	else
		given = give_cold(rs, i, at, count);
	if (given)
		rs->frames_free += count;
	return given;
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
