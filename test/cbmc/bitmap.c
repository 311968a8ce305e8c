/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bitmap.c - core/base/bitmap.c, for every map of 512 pages and every range. "Every page" is one page that can be
 * any.
 */
#include "world.h"
#include "base/bitmap.h"

/* The longest range. All lengths at once did not end within ten minutes. */
#ifndef COUNT_MAX
#define COUNT_MAX FERRY_BLOCK_PAGES
#endif

static struct ferry_bitmap any_map(void)
{
	struct ferry_bitmap b;

	for (uint32_t w = 0; w < FERRY_BITMAP_WORDS; w++)
		b.word[w] = any_u64();
	return b;
}

static uint32_t any_page(void)
{
	uint32_t page = any_u32();

	assume(page < FERRY_BLOCK_PAGES);
	return page;
}

static bool in(uint32_t page, uint32_t first, uint32_t count)
{
	return page >= first && page - first < count;
}

static uint32_t any_first(uint32_t *count)
{
	uint32_t first = any_u32();

	*count = any_u32();
	assume(*count <= COUNT_MAX && first <= FERRY_BLOCK_PAGES && *count <= FERRY_BLOCK_PAGES - first);
	return first;
}

/* Goal: setting a range changes its pages and no other. */
void prove_set(void)
{
	struct ferry_bitmap before = any_map(), b = before;
	uint32_t count, first = any_first(&count), page = any_page();

	ferry_bitmap_set_range(&b, first, count);
	prove(ferry_bitmap_test(&b, page) == (in(page, first, count) || ferry_bitmap_test(&before, page)));
}

/* Goal: the same of clearing. */
void prove_clear(void)
{
	struct ferry_bitmap before = any_map(), b = before;
	uint32_t count, first = any_first(&count), page = any_page();

	ferry_bitmap_clear_range(&b, first, count);
	prove(ferry_bitmap_test(&b, page) == (!in(page, first, count) && ferry_bitmap_test(&before, page)));
}

/*
 * Goal: full is what it says. Method: one way by any page; the other by the first page that could be the reason,
 * found with next_clear, which is proved below.
 */
void prove_full(void)
{
	struct ferry_bitmap b = any_map();
	uint32_t count, first = any_first(&count), page = any_page();
	bool full = ferry_bitmap_range_full(&b, first, count);

	prove(!full || !in(page, first, count) || ferry_bitmap_test(&b, page));
	prove(full || in(ferry_bitmap_next_clear(&b, first), first, count));
}

/* Goal: the same of empty. */
void prove_empty(void)
{
	struct ferry_bitmap b = any_map();
	uint32_t count, first = any_first(&count), page = any_page();
	bool empty = ferry_bitmap_range_empty(&b, first, count);

	prove(!empty || !in(page, first, count) || !ferry_bitmap_test(&b, page));
	prove(empty || in(ferry_bitmap_next(&b, first), first, count));
}

/* Goal: next is the first set page from there on, next_clear the first clear one, 512 when there is none. */
void prove_next(void)
{
	struct ferry_bitmap b = any_map();
	uint32_t from = any_u32(), page = any_page();
	uint32_t set = ferry_bitmap_next(&b, from), clear = ferry_bitmap_next_clear(&b, from);

	prove(set <= FERRY_BLOCK_PAGES && clear <= FERRY_BLOCK_PAGES);
	prove(set == FERRY_BLOCK_PAGES || (set >= from && ferry_bitmap_test(&b, set)));
	prove(clear == FERRY_BLOCK_PAGES || (clear >= from && !ferry_bitmap_test(&b, clear)));
	if (page >= from) {
		prove(page >= set || !ferry_bitmap_test(&b, page));
		prove(page >= clear || ferry_bitmap_test(&b, page));
	}
}

/* Goal: a run is the next one, of set pages only, and as long as can be. */
void prove_run(void)
{
	struct ferry_bitmap b = any_map();
	uint32_t from = any_u32(), first = from, count = 0, page = any_page();

	if (!ferry_bitmap_run(&b, &first, &count)) {
		prove(page < from || !ferry_bitmap_test(&b, page));
		return;
	}
	prove(first >= from && count > 0 && first < FERRY_BLOCK_PAGES && count <= FERRY_BLOCK_PAGES - first);
	prove(!in(page, first, count) || ferry_bitmap_test(&b, page));
	prove(page < from || page >= first || !ferry_bitmap_test(&b, page));
	prove(first + count == FERRY_BLOCK_PAGES || !ferry_bitmap_test(&b, first + count));
}

/* Goal: a range that is outside is reported, and nothing but the map is touched. Method: cbmc's bounds checks. */
void prove_outside(void)
{
	struct ferry_bitmap b = any_map();
	uint32_t first = any_u32(), count = any_u32();

	bug_is_allowed = true;
	assume(first > FERRY_BLOCK_PAGES || count > FERRY_BLOCK_PAGES - first);
	ferry_bitmap_set_range(&b, first, count);
	prove(bug_was);
}
