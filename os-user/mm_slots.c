/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mm_slots.c - the user window's 2 MiB slots.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/mman.h>

#include "mm_slots.h"

#define NO_SLOT UINT32_MAX

static void *table_map(uint64_t size_bytes)
{
	void *p = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static uint64_t used_bytes(const struct ferry_slots *s)
{
	return ferry_align_up(s->count, 64) / 8;
}

static uint64_t slot_bytes(const struct ferry_slots *s)
{
	return (uint64_t)s->count * sizeof(s->slot[0]);
}

static uint64_t page_bytes(const struct ferry_slots *s)
{
	return (uint64_t)s->count * FERRY_BLOCK_PAGES;
}

static uint64_t present_bytes(const struct ferry_slots *s)
{
	return page_bytes(s) / 8;
}

int ferry_slots_init(struct ferry_slots *s, uint64_t base, uint64_t size_bytes)
{
	memset(s, 0, sizeof(*s));
	s->base = base;
	s->count = (uint32_t)(size_bytes >> FERRY_BLOCK_SHIFT);
	ferry_os_spin_init(&s->lock, FERRY_OS_CLASS_HOST);
	s->used = table_map(used_bytes(s));
	if (!s->used) {
		s->count = 0;
		return FERRY_E_MMAP;
	}
	s->slot = table_map(slot_bytes(s));
	if (!s->slot)
		goto unmap_used;
	s->page = table_map(page_bytes(s));
	if (!s->page)
		goto unmap_slot;
	s->present = table_map(present_bytes(s));
	if (!s->present)
		goto unmap_page;
	return 0;

unmap_page:
	munmap(s->page, page_bytes(s));
unmap_slot:
	munmap(s->slot, slot_bytes(s));
unmap_used:
	munmap(s->used, used_bytes(s));
	s->count = 0;
	return FERRY_E_MMAP;
}

void ferry_slots_fini(struct ferry_slots *s)
{
	munmap(s->present, present_bytes(s));
	munmap(s->page, page_bytes(s));
	munmap(s->slot, slot_bytes(s));
	munmap(s->used, used_bytes(s));
	s->count = 0;
	ferry_os_spin_fini(&s->lock);
}

static uint32_t slot_of(const struct ferry_slots *s, uint64_t va)
{
	return (uint32_t)((va - s->base) >> FERRY_BLOCK_SHIFT);
}

static uint64_t page_of(const struct ferry_slots *s, uint64_t va)
{
	return (va - s->base) >> FERRY_PAGE_SHIFT;
}

static bool in_window(const struct ferry_slots *s, uint64_t va)
{
	return va - s->base < (uint64_t)s->count << FERRY_BLOCK_SHIFT;
}

static uint8_t page_flags(const struct ferry_slots *s, uint64_t page)
{
	return __atomic_load_n(&s->page[page], __ATOMIC_ACQUIRE);
}

static uint32_t slot_flags(const struct ferry_slots *s, uint32_t slot)
{
	return __atomic_load_n(&s->slot[slot].flags, __ATOMIC_ACQUIRE);
}

static bool is_used(const struct ferry_slots *s, uint32_t slot)
{
	return s->used[slot / 64] >> slot % 64 & 1;
}

static void set_used(struct ferry_slots *s, uint32_t slot, bool used)
{
	if (used)
		s->used[slot / 64] |= 1ull << slot % 64;
	else
		s->used[slot / 64] &= ~(1ull << slot % 64);
}

/* Under lock: the first of count free slots in a row in [from, to), or NO_SLOT. Full words are skipped. */
static uint32_t find_free(const struct ferry_slots *s, uint32_t from, uint32_t to, uint32_t count)
{
	uint32_t run = 0;

	for (uint32_t slot = from; slot < to;) {
		if (slot % 64 == 0 && s->used[slot / 64] == ~0ull) {
			run = 0;
			slot += 64;
			continue;
		}
		run = is_used(s, slot) ? 0 : run + 1;
		slot++;
		if (run == count)
			return slot - count;
	}
	return NO_SLOT;
}

int ferry_slots_take(struct ferry_slots *s, uint64_t page_count, uint64_t *va)
{
	uint64_t want = (page_count + FERRY_BLOCK_PAGES - 1) / FERRY_BLOCK_PAGES;
	uint32_t count = (uint32_t)want;
	uint32_t first;

	if (want == 0 || want > s->count)
		return FERRY_E_MMAP;
	ferry_os_spin_lock(&s->lock);
	first = find_free(s, s->next, s->count, count);
	if (first == NO_SLOT)
		first = find_free(s, 0, s->count, count);
	if (first == NO_SLOT) {
		ferry_os_spin_unlock(&s->lock);
		return FERRY_E_MMAP;
	}
	for (uint32_t i = 0; i < count; i++) {
		set_used(s, first + i, true);
		s->slot[first + i].start = first + 1;
	}
	s->slot[first].slot_count = count;
	s->slot[first].page_count = page_count;
	s->slot[first].live_pages = page_count;
	s->next = first + count;
	ferry_os_spin_unlock(&s->lock);
	*va = s->base + ((uint64_t)first << FERRY_BLOCK_SHIFT);
	return 0;
}

/* Under lock: the allocation's first slot, or NULL. */
static struct ferry_slot *alloc_at(struct ferry_slots *s, uint64_t va)
{
	uint32_t start = in_window(s, va) ? s->slot[slot_of(s, va)].start : 0;

	return start ? &s->slot[start - 1] : NULL;
}

/* Under lock. */
static void give_locked(struct ferry_slots *s, uint32_t first)
{
	uint32_t count = s->slot[first].slot_count;

	for (uint32_t i = first; i < first + count; i++) {
		struct ferry_slot *slot = &s->slot[i];

		slot->start = 0;
		if (slot->lost)
			continue; /* keeps its flags: what was moved stays moved */
		if (slot_flags(s, i)) {
			for (uint64_t page = 0; page < FERRY_BLOCK_PAGES; page++)
				__atomic_store_n(&s->page[(uint64_t)i * FERRY_BLOCK_PAGES + page], 0,
				                 __ATOMIC_RELEASE);
			__atomic_store_n(&slot->flags, 0, __ATOMIC_RELEASE);
		}
		set_used(s, i, false);
	}
	s->slot[first].slot_count = 0;
	s->slot[first].page_count = 0;
	s->slot[first].live_pages = 0;
}

void ferry_slots_give(struct ferry_slots *s, uint64_t va)
{
	uint32_t first = slot_of(s, va);

	ferry_os_spin_lock(&s->lock);
	if (FERRY_ASSERT(in_window(s, va) && s->slot[first].start == first + 1))
		give_locked(s, first);
	ferry_os_spin_unlock(&s->lock);
}

uint64_t ferry_slots_pages(struct ferry_slots *s, uint64_t va)
{
	struct ferry_slot *a;
	uint64_t pages = 0;

	ferry_os_spin_lock(&s->lock);
	a = alloc_at(s, va);
	if (a && ferry_is_aligned(va, FERRY_BLOCK_SIZE) && a == &s->slot[slot_of(s, va)])
		pages = a->page_count;
	ferry_os_spin_unlock(&s->lock);
	return pages;
}

/* Under lock: number of the page in its allocation, or UINT64_MAX when va is not a page of a. */
static uint64_t page_in(const struct ferry_slots *s, const struct ferry_slot *a, uint64_t va)
{
	uint64_t first = (uint64_t)(a - s->slot) * FERRY_BLOCK_PAGES;
	uint64_t page = page_of(s, va) - first;

	return page < a->page_count ? page : UINT64_MAX;
}

bool ferry_slots_within(struct ferry_slots *s, uint64_t va, uint64_t size_bytes)
{
	struct ferry_slot *a;
	bool within = false;
	uint64_t first;

	ferry_os_spin_lock(&s->lock);
	a = alloc_at(s, va);
	if (a && size_bytes) {
		first = page_in(s, a, va);
		within = first != UINT64_MAX && (size_bytes - 1) / FERRY_PAGE_SIZE < a->page_count - first;
	}
	ferry_os_spin_unlock(&s->lock);
	return within;
}

bool ferry_slots_live(struct ferry_slots *s, uint64_t va)
{
	struct ferry_slot *a;
	bool live;

	ferry_os_spin_lock(&s->lock);
	a = alloc_at(s, va);
	live = a && page_in(s, a, va) != UINT64_MAX && !(page_flags(s, page_of(s, va)) & FERRY_PAGE_DEAD);
	ferry_os_spin_unlock(&s->lock);
	return live;
}

uint32_t ferry_slots_flags(const struct ferry_slots *s, uint64_t va)
{
	if (!in_window(s, va) || !slot_flags(s, slot_of(s, va)))
		return 0;
	return page_flags(s, page_of(s, va));
}

uint32_t ferry_slots_flags_near(const struct ferry_slots *s, uint64_t va, uint64_t size_bytes)
{
	uint32_t flags = 0;

	if (!in_window(s, va) || size_bytes == 0)
		return 0;
	for (uint32_t slot = slot_of(s, va); slot < s->count && slot <= slot_of(s, va + size_bytes - 1); slot++)
		flags |= slot_flags(s, slot);
	return flags;
}

void ferry_slots_mark(struct ferry_slots *s, uint64_t va, uint64_t size_bytes, uint32_t flags)
{
	ferry_os_spin_lock(&s->lock);
	for (uint64_t at = va; at < va + size_bytes; at += FERRY_PAGE_SIZE) {
		struct ferry_slot *a = alloc_at(s, at);
		uint64_t page = page_of(s, at);

		if (!a) { /* to the next slot */
			at = ferry_align_down(at, FERRY_BLOCK_SIZE) + FERRY_BLOCK_SIZE - FERRY_PAGE_SIZE;
			continue;
		}
		if (page_in(s, a, at) == UINT64_MAX || (page_flags(s, page) & FERRY_PAGE_DEAD))
			continue;
		__atomic_fetch_or(&s->page[page], (uint8_t)flags, __ATOMIC_SEQ_CST);
		__atomic_fetch_or(&s->slot[slot_of(s, at)].flags, flags, __ATOMIC_SEQ_CST);
		if (flags & FERRY_PAGE_DEAD)
			a->live_pages--;
	}
	ferry_os_spin_unlock(&s->lock);
}

void ferry_slots_unmark(struct ferry_slots *s, uint64_t va, uint64_t size_bytes, uint32_t flags)
{
	ferry_os_spin_lock(&s->lock);
	for (uint64_t at = va; at < va + size_bytes; at += FERRY_PAGE_SIZE)
		__atomic_fetch_and(&s->page[page_of(s, at)], (uint8_t)~flags, __ATOMIC_SEQ_CST);
	ferry_os_spin_unlock(&s->lock);
}

/* The bits of pages [page, end) that lie in the first word; *page goes on to the next word. */
static uint64_t next_mask(uint64_t *page, uint64_t end)
{
	uint64_t shift = *page % 64;
	uint64_t n = end - *page < 64 - shift ? end - *page : 64 - shift;

	*page += n;
	return (n == 64 ? ~0ull : (1ull << n) - 1) << shift;
}

bool ferry_slots_present(const struct ferry_slots *s, uint64_t va, uint64_t size_bytes)
{
	uint64_t page = page_of(s, va);
	uint64_t end = page + (size_bytes >> FERRY_PAGE_SHIFT);

	while (page < end) {
		const uint64_t *word = &s->present[page / 64];
		uint64_t mask = next_mask(&page, end);

		if ((__atomic_load_n(word, __ATOMIC_ACQUIRE) & mask) != mask)
			return false;
	}
	return true;
}

void ferry_slots_set_present(struct ferry_slots *s, uint64_t va, uint64_t size_bytes, bool present)
{
	uint64_t page = page_of(s, va);
	uint64_t end = page + (size_bytes >> FERRY_PAGE_SHIFT);

	while (page < end) {
		uint64_t *word = &s->present[page / 64];
		uint64_t mask = next_mask(&page, end);

		if (present)
			__atomic_fetch_or(word, mask, __ATOMIC_RELEASE);
		else if (__atomic_load_n(word, __ATOMIC_RELAXED) & mask) /* do not make memory of untouched words */
			__atomic_fetch_and(word, ~mask, __ATOMIC_RELEASE);
	}
}

void ferry_slots_lose(struct ferry_slots *s, uint64_t va, uint64_t size_bytes)
{
	ferry_os_spin_lock(&s->lock);
	for (uint32_t slot = slot_of(s, va); slot < s->count && slot <= slot_of(s, va + size_bytes - 1); slot++) {
		s->slot[slot].lost = true;
		set_used(s, slot, true);
		__atomic_fetch_or(&s->slot[slot].flags, FERRY_PAGE_DEAD, __ATOMIC_SEQ_CST);
	}
	for (uint64_t at = va; at < va + size_bytes; at += FERRY_PAGE_SIZE)
		__atomic_fetch_or(&s->page[page_of(s, at)], (uint8_t)FERRY_PAGE_DEAD, __ATOMIC_SEQ_CST);
	ferry_os_spin_unlock(&s->lock);
}

static bool is_ours(const struct ferry_slots *s, uint64_t va)
{
	return !s->count || !s->slot[slot_of(s, va)].lost || !(page_flags(s, page_of(s, va)) & FERRY_PAGE_DEAD);
}

bool ferry_slots_ours(const struct ferry_slots *s, uint64_t *va, uint64_t end, uint64_t *size_bytes)
{
	uint64_t at = *va;

	while (at < end && !is_ours(s, at))
		at += FERRY_PAGE_SIZE;
	*va = at;
	/* Whole slots at a time where nothing is lost: a window has thousands. */
	while (at < end && is_ours(s, at))
		at += s->count && s->slot[slot_of(s, at)].lost
		              ? FERRY_PAGE_SIZE
		              : ferry_align_down(at, FERRY_BLOCK_SIZE) + FERRY_BLOCK_SIZE - at;
	*size_bytes = at - *va;
	return at > *va;
}

bool ferry_slots_run(struct ferry_slots *s, uint64_t *va, uint64_t end, uint32_t mask, uint32_t want,
                     uint64_t *size_bytes)
{
	struct ferry_slot *of = NULL;
	uint64_t at = *va;
	uint64_t first = 0;

	ferry_os_spin_lock(&s->lock);
	while (at < end) {
		struct ferry_slot *a = alloc_at(s, at);
		bool fits = a && page_in(s, a, at) != UINT64_MAX && (page_flags(s, page_of(s, at)) & mask) == want;

		if (of && (!fits || a != of))
			break;
		if (fits && !of) {
			of = a;
			first = at;
		}
		if (a)
			at += FERRY_PAGE_SIZE;
		else
			at = ferry_align_down(at, FERRY_BLOCK_SIZE) + FERRY_BLOCK_SIZE;
	}
	ferry_os_spin_unlock(&s->lock);
	if (!of)
		return false;
	*va = first;
	*size_bytes = (at < end ? at : end) - first;
	return true;
}

void ferry_slots_reap(struct ferry_slots *s, uint64_t va, uint64_t size_bytes)
{
	ferry_os_spin_lock(&s->lock);
	for (uint32_t slot = slot_of(s, va); slot < s->count && slot <= slot_of(s, va + size_bytes - 1); slot++) {
		uint32_t start = s->slot[slot].start;

		if (start && s->slot[start - 1].live_pages == 0)
			give_locked(s, start - 1);
	}
	ferry_os_spin_unlock(&s->lock);
}
