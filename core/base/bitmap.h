/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bitmap.h - a set of the 512 pages of one block, as eight words.
 *
 *   bit i of word w stands for page 64 * w + i of the block; all loops below are eight steps long, never
 *   page by page. Runs are found with ctz, so that copies and page-table writes go in long pieces.
 *
 * No locks: the caller owns the map.
 *
 * The loops go over pointers to the words: a kernel that checks indices would else do it at each of eight steps,
 * which keep to the map for all to see. Where a page number comes from elsewhere, the index stays one.
 */
#ifndef FERRY_BITMAP_H
#define FERRY_BITMAP_H

#include "ferry/os.h"

#define FERRY_BITMAP_WORDS (FERRY_BLOCK_PAGES / 64u)

struct ferry_bitmap {
	uint64_t word[FERRY_BITMAP_WORDS];
};

static inline void ferry_bitmap_zero(struct ferry_bitmap *b)
{
	uint64_t *word = b->word;

	for (uint32_t i = 0; i < FERRY_BITMAP_WORDS; i++)
		word[i] = 0;
}

static inline bool ferry_bitmap_test(const struct ferry_bitmap *b, uint32_t page)
{
	return (b->word[page >> 6] >> (page & 63)) & 1;
}

static inline void ferry_bitmap_set(struct ferry_bitmap *b, uint32_t page)
{
	b->word[page >> 6] |= 1ull << (page & 63);
}

static inline void ferry_bitmap_clear(struct ferry_bitmap *b, uint32_t page)
{
	b->word[page >> 6] &= ~(1ull << (page & 63));
}

static inline bool ferry_bitmap_test_and_set(struct ferry_bitmap *b, uint32_t page)
{
	uint64_t bit = 1ull << (page & 63);
	bool was = (b->word[page >> 6] & bit) != 0;

	b->word[page >> 6] |= bit;
	return was;
}

static inline bool ferry_bitmap_empty(const struct ferry_bitmap *b)
{
	const uint64_t *word = b->word;
	uint64_t any = 0;

	for (uint32_t i = 0; i < FERRY_BITMAP_WORDS; i++)
		any |= word[i];
	return any == 0;
}

static inline uint32_t ferry_bitmap_count(const struct ferry_bitmap *b)
{
	const uint64_t *word = b->word;
	uint32_t n = 0;

	/* Most maps have bits in few words, and not every machine has an instruction for the rest. */
	for (uint32_t i = 0; i < FERRY_BITMAP_WORDS; i++)
		if (word[i])
			n += ferry_os_popcount64(word[i]);
	return n;
}

static inline bool ferry_bitmap_equal(const struct ferry_bitmap *a, const struct ferry_bitmap *b)
{
	const uint64_t *x = a->word, *y = b->word;
	uint64_t diff = 0;

	for (uint32_t i = 0; i < FERRY_BITMAP_WORDS; i++)
		diff |= x[i] ^ y[i];
	return diff == 0;
}

static inline bool ferry_bitmap_intersects(const struct ferry_bitmap *a, const struct ferry_bitmap *b)
{
	const uint64_t *x = a->word, *y = b->word;
	uint64_t both = 0;

	for (uint32_t i = 0; i < FERRY_BITMAP_WORDS; i++)
		both |= x[i] & y[i];
	return both != 0;
}

/* dst = a & b; dst may be a or b, here and below. */
static inline void ferry_bitmap_and(struct ferry_bitmap *dst, const struct ferry_bitmap *a,
                                    const struct ferry_bitmap *b)
{
	const uint64_t *x = a->word, *y = b->word;
	uint64_t *to = dst->word;

	for (uint32_t i = 0; i < FERRY_BITMAP_WORDS; i++)
		to[i] = x[i] & y[i];
}

static inline void ferry_bitmap_or(struct ferry_bitmap *dst, const struct ferry_bitmap *a,
                                   const struct ferry_bitmap *b)
{
	const uint64_t *x = a->word, *y = b->word;
	uint64_t *to = dst->word;

	for (uint32_t i = 0; i < FERRY_BITMAP_WORDS; i++)
		to[i] = x[i] | y[i];
}

/* dst = a without b */
static inline void ferry_bitmap_andnot(struct ferry_bitmap *dst, const struct ferry_bitmap *a,
                                       const struct ferry_bitmap *b)
{
	const uint64_t *x = a->word, *y = b->word;
	uint64_t *to = dst->word;

	for (uint32_t i = 0; i < FERRY_BITMAP_WORDS; i++)
		to[i] = x[i] & ~y[i];
}

/* Set or clear pages [first, first + count); first + count <= 512. */
void ferry_bitmap_set_range(struct ferry_bitmap *b, uint32_t first, uint32_t count);
void ferry_bitmap_clear_range(struct ferry_bitmap *b, uint32_t first, uint32_t count);
/* All of the range set? none of it? count = 0 is true for both. */
bool ferry_bitmap_range_full(const struct ferry_bitmap *b, uint32_t first, uint32_t count);
bool ferry_bitmap_range_empty(const struct ferry_bitmap *b, uint32_t first, uint32_t count);
uint32_t ferry_bitmap_range_count(const struct ferry_bitmap *b, uint32_t first, uint32_t count);

/* First set (clear) page at or after from; 512 when there is none. */
uint32_t ferry_bitmap_next(const struct ferry_bitmap *b, uint32_t from);
uint32_t ferry_bitmap_next_clear(const struct ferry_bitmap *b, uint32_t from);

/*
 * Runs: the next maximal run of set pages at or after *first. false when there is none.
 *     for (first = 0; ferry_bitmap_run(&map, &first, &count); first += count) ...
 */
static inline bool ferry_bitmap_run(const struct ferry_bitmap *b, uint32_t *first, uint32_t *count)
{
	uint32_t start = *first < FERRY_BLOCK_PAGES ? ferry_bitmap_next(b, *first) : FERRY_BLOCK_PAGES;

	if (start >= FERRY_BLOCK_PAGES)
		return false;
	*first = start;
	*count = ferry_bitmap_next_clear(b, start) - start;
	return true;
}

#endif /* FERRY_BITMAP_H */
