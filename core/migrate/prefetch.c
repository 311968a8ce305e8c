/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * prefetch.c - the density rule of prefetch.h, a word at a time.
 *
 * The smallest region is half a word: counts, faults and choices are kept per half, 16 of them, and folded pairwise
 * on the way up.
 */
#include "migrate/prefetch.h"

#define HALVES (FERRY_BITMAP_WORDS * 2)

_Static_assert(FERRY_BIG_PAGES == 16 && HALVES == 16, "groups are quarters of a word, regions begin at halves");

struct tree {
	uint32_t have[HALVES];  /* pages of a region's valid ones that are resident, faulted or chosen */
	uint32_t valid[HALVES]; /* its valid pages */
	uint32_t hot;           /* bit per region: it contains a fault */
	uint32_t chosen;        /* bit per half */
};

/* Every group with a bit in it, whole. */
static inline uint64_t whole_groups(uint64_t v)
{
	const uint64_t low = 0x7fff7fff7fff7fffull;
	uint64_t top = (((v & low) + low) | v) & ~low; /* the group's top bit: any of the others carries into it */

	return (top >> 15) * 0xffff;
}

/*
 * How many bits the lower half has, and how many both. Counts that do not depend on a population count instruction,
 * of which the compiler's baseline knows nothing; both halves for the price of one.
 */
static inline void count_halves(uint64_t v, uint32_t *halves)
{
	v -= (v >> 1) & 0x5555555555555555ull;
	v = (v & 0x3333333333333333ull) + ((v >> 2) & 0x3333333333333333ull);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0full;
	v *= 0x0101010101010101ull; /* byte i: the bits of bytes 0..i */
	halves[0] = v >> 24 & 0xff;
	halves[1] = (uint32_t)(v >> 56) - halves[0];
}

/* Choose the dense ones of the regions with a fault, each of 1 << level halves. */
static void choose(struct tree *t, uint32_t level, uint32_t threshold_percent)
{
	uint32_t span = (1u << (1u << level)) - 1; /* the halves of region 0 */

	for (uint32_t hot = t->hot; hot; hot &= hot - 1) {
		uint32_t r = ferry_os_ctz64(hot);

		if ((uint64_t)t->have[r] * 100 <= (uint64_t)t->valid[r] * threshold_percent)
			continue;
		t->have[r] = t->valid[r];
		t->chosen |= span << (r << level);
	}
}

/* Pairs of regions become so many of the next size. */
static void fold(struct tree *t, uint32_t regions)
{
	uint32_t hot = 0;

	for (uint32_t r = 0; r < regions; r++) {
		t->have[r] = t->have[2 * r] + t->have[2 * r + 1];
		t->valid[r] = t->valid[2 * r] + t->valid[2 * r + 1];
		hot |= (uint32_t)((t->hot >> (2 * r) & 3) != 0) << r;
	}
	t->hot = hot;
}

void ferry_prefetch_region(const struct ferry_bitmap *faulted, const struct ferry_bitmap *resident,
                           const struct ferry_bitmap *valid, uint32_t threshold_percent, struct ferry_bitmap *out)
{
	struct ferry_bitmap groups;
	struct tree t;

	t.hot = 0;
	t.chosen = 0;
	for (uint32_t w = 0; w < FERRY_BITMAP_WORDS; w++) {
		uint64_t f = faulted->word[w];

		groups.word[w] = whole_groups(f);
		count_halves((groups.word[w] | resident->word[w]) & valid->word[w], &t.have[2 * w]);
		count_halves(valid->word[w], &t.valid[2 * w]);
		t.hot |= ((uint32_t)((uint32_t)f != 0) | (uint32_t)(f >> 32 != 0) << 1) << (2 * w);
	}
	for (uint32_t level = 0; level < 5; level++) {
		choose(&t, level, threshold_percent);
		fold(&t, HALVES >> (level + 1));
	}
	for (uint32_t w = 0; w < FERRY_BITMAP_WORDS; w++) {
		uint32_t halves = t.chosen >> (2 * w);
		uint64_t region = (halves & 1 ? 0xffffffffull : 0) | (halves & 2 ? 0xffffffffull << 32 : 0);
		uint64_t chosen = (groups.word[w] | region) & valid->word[w] & ~resident->word[w];

		out->word[w] = chosen | faulted->word[w];
	}
}
