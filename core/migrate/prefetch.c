/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * prefetch.c - the density rule of prefetch.h, a level at a time instead of a region at a time.
 *
 * A level of the tree is one 64-bit word, two for the lowest, cut into lanes: counts go up by adding neighbours,
 * masks (all ones in a lane whose region is chosen) come down by being there already.
 *
 *     lane         0     1     2     3     4     5     6     7      of 8 bits
 *     half[0]      w0l   w1l   w2l   w3l   w0h   w1h   w2h   w3h    32 pages: lower and upper halves of words 0..3
 *     half[1]      w4l   w5l   w6l   w7l   w4h   w5h   w6h   w7h    of words 4..7 of the map
 *     word         w0    w1    w2    w3    w4    w5    w6    w7     64 pages
 *     two          w0+w1       w2+w3       w4+w5       w6+w7        128 pages, 16 bits
 *     four         w0..w3                  w4..w7                   256 pages, 32 bits
 *     block        w0..w7                                           512 pages
 *
 * A lane's highest bit stays free of counts (64 in 8 bits, 128 in 16): it decides the comparison, without a branch.
 */
#include "migrate/prefetch.h"

#define LANES8 0x0101010101010101ull
#define LANES16 0x0001000100010001ull
#define LANES32 0x0000000100000001ull
#define LOW 0x00000000ffffffffull

_Static_assert(FERRY_BIG_PAGES == 16 && FERRY_BITMAP_WORDS == 8, "a group is 16 bits, the tree has eight words");

struct tree {
	uint64_t half[2], word, two, four, block;
};

/* 1 in the low bit of each half, at bits 0 and 32, that has one of the groups' top bits. */
static inline uint64_t hot_halves(uint64_t tops)
{
	return ((tops | tops >> 16) >> 15) & LANES32;
}

/* The top bit of every group (16 bits) that has any bit: lower ones carry into it. */
static inline uint64_t group_tops(uint64_t v)
{
	const uint64_t low = 0x7fff * LANES16;

	return (((v & low) + low) | v) & ~low;
}

/*
 * The bits in each half, at bits 0 and 32. No population count: the compiler's baseline has no instruction for it and
 * would call a function, sixteen times.
 */
static inline uint64_t count_halves(uint64_t v)
{
	v -= (v >> 1) & 0x5555555555555555ull;
	v = (v & 0x3333333333333333ull) + ((v >> 2) & 0x3333333333333333ull);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (v * 0x01010101) >> 24 & 0xff * LANES32; /* byte 3 of the product: bytes 0..3; byte 7: 4..7 */
}

/* All ones in each lane that is hot (top bit) and has more than it needs; it has all of its valid pages from now on.
 */
static inline uint64_t choose(uint64_t *have, uint64_t valid, uint64_t need, uint64_t hot, uint64_t lanes,
                              uint32_t width)
{
	uint64_t top = lanes << (width - 1);
	uint64_t above = ((*have | top) - need - lanes) & hot & top; /* the top bit survives have - need - 1 >= 0 */
	uint64_t mask = (above << 1) - (above >> (width - 1));

	*have = (*have & ~mask) | (valid & mask);
	return mask;
}

/* Counts, one level up each. */
static inline uint64_t up_word(const uint64_t half[2])
{
	return ((half[0] & LOW) + (half[0] >> 32)) | ((half[1] & LOW) + (half[1] >> 32)) << 32;
}

static inline uint64_t up_two(uint64_t word)
{
	return (word + (word >> 8)) & 0xff * LANES16;
}

static inline uint64_t up_four(uint64_t two)
{
	return (two + (two >> 16)) & 0xffff * LANES32;
}

static inline uint64_t up_block(uint64_t four)
{
	return (four & LOW) + (four >> 32);
}

/* How many pages a region must have more than: valid * percent / 100, lane by lane. */
static uint64_t scale(uint64_t valid, uint32_t width, uint32_t percent)
{
	uint64_t lane = width == 64 ? ~0ull : (1ull << width) - 1, need = 0;

	for (uint32_t shift = 0; shift < 64; shift += width)
		need |= (valid >> shift & lane) * percent / 100 << shift;
	return need;
}

/* valid: counts of halves only; the rest is filled in. */
static void needs_of(struct tree *valid, uint32_t percent, struct tree *need)
{
	valid->word = up_word(valid->half);
	valid->two = up_two(valid->word);
	valid->four = up_four(valid->two);
	valid->block = up_block(valid->four);
	need->half[0] = scale(valid->half[0], 8, percent);
	need->half[1] = scale(valid->half[1], 8, percent);
	need->word = scale(valid->word, 8, percent);
	need->two = scale(valid->two, 16, percent);
	need->four = scale(valid->four, 32, percent);
	need->block = scale(valid->block, 64, percent);
}

/* The same when every page of the block is valid. */
static inline void needs_of_all(struct tree *valid, uint32_t percent, struct tree *need)
{
	*valid = (struct tree){{32 * LANES8, 32 * LANES8}, 64 * LANES8, 128 * LANES16, 256 * LANES32, 512};
	need->half[0] = 32 * percent / 100 * LANES8;
	need->half[1] = need->half[0];
	need->word = 64 * percent / 100 * LANES8;
	need->two = 128 * percent / 100 * LANES16;
	need->four = 256 * percent / 100 * LANES32;
	need->block = 512 * percent / 100;
}

/* From counts of halves and hot halves (top bits) to masks of halves, in chosen. */
static inline __attribute__((__always_inline__)) void grow(struct tree *have, const struct tree *valid,
                                                           const struct tree *need, const uint64_t hot_half[2],
                                                           uint64_t chosen[2])
{
	uint64_t hot = ((hot_half[0] | hot_half[0] >> 32) & LOW) | (hot_half[1] | hot_half[1] >> 32) << 32;
	uint64_t mask;

	chosen[0] = choose(&have->half[0], valid->half[0], need->half[0], hot_half[0], LANES8, 8);
	chosen[1] = choose(&have->half[1], valid->half[1], need->half[1], hot_half[1], LANES8, 8);
	have->word = up_word(have->half);
	mask = choose(&have->word, valid->word, need->word, hot, LANES8, 8);
	have->two = up_two(have->word);
	hot |= hot << 8;
	mask |= choose(&have->two, valid->two, need->two, hot, LANES16, 16);
	have->four = up_four(have->two);
	hot |= hot << 16;
	mask |= choose(&have->four, valid->four, need->four, hot, LANES32, 32);
	have->block = up_block(have->four);
	if (have->block > need->block && (hot & 0x80000000u * LANES32))
		mask = ~0ull;
	chosen[0] |= (mask & LOW) | mask << 32;
	chosen[1] |= mask >> 32 | (mask & ~LOW);
}

/* Counts of halves, for a whole map. */
static void count_map(const struct ferry_bitmap *map, uint64_t half[2])
{
	half[0] = 0;
	half[1] = 0;
	for (uint32_t k = 0; k < 4; k++) {
		half[0] |= count_halves(map->word[k]) << (8 * k);
		half[1] |= count_halves(map->word[k + 4]) << (8 * k);
	}
}

/* Not every page is valid: what a region must have differs from region to region. */
static __attribute__((__noinline__)) void grow_some(struct tree *have, const struct ferry_bitmap *valid,
                                                    uint32_t percent, const uint64_t hot[2], uint64_t chosen[2])
{
	struct tree whole, need;

	count_map(valid, whole.half);
	needs_of(&whole, percent, &need);
	grow(have, &whole, &need, hot, chosen);
}

/* One word of the result; region: the chosen halves at bits 0..7 and 32..39, all ones each. */
static inline uint64_t chosen_word(uint64_t faulted, uint64_t resident, uint64_t valid, uint64_t group,
                                   uint64_t region)
{
	region = (region & 0xff * LANES32) * 0x01010101;
	return ((group | region) & valid & ~resident) | faulted;
}

void ferry_prefetch_region(const struct ferry_bitmap *faulted, const struct ferry_bitmap *resident,
                           const struct ferry_bitmap *valid, uint32_t threshold_percent, struct ferry_bitmap *out)
{
	uint32_t percent = threshold_percent < 100 ? threshold_percent : 100;
	const uint64_t *f = faulted->word, *r = resident->word, *v = valid->word;
	uint64_t group[FERRY_BITMAP_WORDS], hot[2], chosen[2];
	uint64_t hot0 = 0, hot1 = 0, have0 = 0, have1 = 0, all = ~0ull;
	struct tree have, whole, need;

	for (uint32_t k = 0; k < 4; k++) {
		uint64_t tops = group_tops(f[k]), tops4 = group_tops(f[k + 4]);

		group[k] = (tops << 1) - (tops >> 15);
		group[k + 4] = (tops4 << 1) - (tops4 >> 15);
		hot0 |= hot_halves(tops) << (8 * k);
		hot1 |= hot_halves(tops4) << (8 * k);
		have0 |= count_halves((group[k] | r[k]) & v[k]) << (8 * k);
		have1 |= count_halves((group[k + 4] | r[k + 4]) & v[k + 4]) << (8 * k);
		all &= v[k] & v[k + 4];
	}
	have.half[0] = have0;
	have.half[1] = have1;
	hot[0] = hot0 << 7;
	hot[1] = hot1 << 7;
	if (__builtin_expect(all == ~0ull, 1)) {
		needs_of_all(&whole, percent, &need);
		grow(&have, &whole, &need, hot, chosen);
	} else {
		grow_some(&have, valid, percent, hot, chosen);
	}
	for (uint32_t k = 0; k < 4; k++) {
		out->word[k] = chosen_word(f[k], r[k], v[k], group[k], chosen[0] >> (8 * k));
		out->word[k + 4] = chosen_word(f[k + 4], r[k + 4], v[k + 4], group[k + 4], chosen[1] >> (8 * k));
	}
}
