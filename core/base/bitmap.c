/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bitmap.c - the range operations of bitmap.h, a word at a time.
 *
 * A range touches at most eight words; of each word it covers the bits
 *
 *     word w        64w ......................... 64w + 63
 *     range              first [==============) end
 *     range_mask()  0000000000011111111111111110000000
 */
#include "base/bitmap.h"

/* The bits of word w that lie in [first, end); first < end, and the range meets the word. */
static uint64_t range_mask(uint32_t w, uint32_t first, uint32_t end)
{
	uint32_t base = w * 64;
	uint64_t mask = ~0ull;

	if (first > base)
		mask <<= first - base;
	if (end < base + 64)
		mask &= ~0ull >> (base + 64 - end);
	return mask;
}

/* A caller's range outside the block is cut to it, one that begins outside to nothing: no place to write past. */
static uint32_t range_end(uint32_t first, uint32_t count)
{
	if (!FERRY_ASSERT(first <= FERRY_BLOCK_PAGES && count <= FERRY_BLOCK_PAGES - first))
		return first < FERRY_BLOCK_PAGES ? FERRY_BLOCK_PAGES : 0;
	return first + count;
}

void ferry_bitmap_set_range(struct ferry_bitmap *b, uint32_t first, uint32_t count)
{
	uint32_t end = range_end(first, count);

	for (uint32_t w = first >> 6; w * 64 < end; w++)
		b->word[w] |= range_mask(w, first, end);
}

void ferry_bitmap_clear_range(struct ferry_bitmap *b, uint32_t first, uint32_t count)
{
	uint32_t end = range_end(first, count);

	for (uint32_t w = first >> 6; w * 64 < end; w++)
		b->word[w] &= ~range_mask(w, first, end);
}

bool ferry_bitmap_range_full(const struct ferry_bitmap *b, uint32_t first, uint32_t count)
{
	uint32_t end = range_end(first, count);

	for (uint32_t w = first >> 6; w * 64 < end; w++)
		if (~b->word[w] & range_mask(w, first, end))
			return false;
	return true;
}

bool ferry_bitmap_range_empty(const struct ferry_bitmap *b, uint32_t first, uint32_t count)
{
	uint32_t end = range_end(first, count);

	for (uint32_t w = first >> 6; w * 64 < end; w++)
		if (b->word[w] & range_mask(w, first, end))
			return false;
	return true;
}

uint32_t ferry_bitmap_range_count(const struct ferry_bitmap *b, uint32_t first, uint32_t count)
{
	uint32_t end = range_end(first, count);
	uint32_t n = 0;

	for (uint32_t w = first >> 6; w * 64 < end; w++)
		n += ferry_os_popcount64(b->word[w] & range_mask(w, first, end));
	return n;
}

/* First page at or after from whose bit differs from the bits of flip (all zero: a set page; all one: a clear one).
 */
static uint32_t next(const struct ferry_bitmap *b, uint32_t from, uint64_t flip)
{
	uint32_t w = from >> 6;
	uint64_t bits;

	if (from >= FERRY_BLOCK_PAGES)
		return FERRY_BLOCK_PAGES;
	bits = (b->word[w] ^ flip) & (~0ull << (from & 63));
	while (!bits) {
		if (++w == FERRY_BITMAP_WORDS)
			return FERRY_BLOCK_PAGES;
		bits = b->word[w] ^ flip;
	}
	return w * 64 + ferry_os_ctz64(bits);
}

uint32_t ferry_bitmap_next(const struct ferry_bitmap *b, uint32_t from)
{
	return next(b, from, 0);
}

uint32_t ferry_bitmap_next_clear(const struct ferry_bitmap *b, uint32_t from)
{
	return next(b, from, ~0ull);
}
