/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mm_slots.h - which 2 MiB slots of the user window are handed out, and what is odd about single pages.
 *
 *     slot   0       1       2       3       4
 *          +-------+-------+-------+-------+-------+
 *          | alloc of 3 slots      | free  | lost  |     lost: somebody else's memory may lie there; never used again
 *          +-------+-------+-------+-------+-------+
 *     page   a byte of flags each; a slot keeps which flags any of its pages has, so that the usual case is one look
 *
 * A page is live when it belongs to an allocation and its CPU side was not taken away (FERRY_PAGE_DEAD).
 * The tables are reserved for the whole window and touched only where it is used.
 *
 * Locks: a spin lock inside; ferry_slots_flags() takes none. Callable in a signal handler.
 */
#ifndef FERRY_MM_SLOTS_H
#define FERRY_MM_SLOTS_H

#include "ferry/os.h"

#define FERRY_PAGE_POISON 1u /* a touch is SIGBUS */
#define FERRY_PAGE_DEAD 2u   /* the user unmapped or moved it */
#define FERRY_PAGE_MOVED 4u  /* its bytes in the memory file belong to a moved mapping: keep them */
#define FERRY_PAGE_NEWS 8u   /* dead, and the core does not know yet */

struct ferry_slot {
	uint32_t start; /* number of the allocation's first slot, plus one; 0 = none */
	uint32_t flags; /* FERRY_PAGE_* that some page has; atomic */
	bool lost;
	/* In an allocation's first slot only: */
	uint32_t slot_count;
	uint64_t page_count;
	uint64_t live_pages;
};

struct ferry_slots {
	uint64_t base; /* va of slot 0 */
	uint32_t count;
	uint32_t next;  /* where the next search begins */
	uint64_t *used; /* a bit per slot: allocated or lost */
	struct ferry_slot *slot;
	uint8_t *page;             /* FERRY_PAGE_*; atomic */
	uint64_t *present;         /* a bit per page: populated and not discarded since; atomic */
	struct ferry_os_spin lock; /* everything but flags and page, which it guards for writers */
};

/* base and size_bytes are multiples of 2 MiB. FERRY_E_MMAP. */
int ferry_slots_init(struct ferry_slots *s, uint64_t base, uint64_t size_bytes) FERRY_MUST_CHECK;
void ferry_slots_fini(struct ferry_slots *s);

/* Slots for page_count pages; *va on success. FERRY_E_MMAP: no room. */
int ferry_slots_take(struct ferry_slots *s, uint64_t page_count, uint64_t *va) FERRY_MUST_CHECK;
/* Give the allocation that starts at va back; its lost slots stay out of use. */
void ferry_slots_give(struct ferry_slots *s, uint64_t va);
/* Pages of the allocation that starts at va; 0: none does. */
uint64_t ferry_slots_pages(struct ferry_slots *s, uint64_t va);
/* Are [va, va + size_bytes) pages of one allocation, dead or not? */
bool ferry_slots_within(struct ferry_slots *s, uint64_t va, uint64_t size_bytes);
bool ferry_slots_live(struct ferry_slots *s, uint64_t va);

/* Flags of the page, or of all pages of the range's slots together. va in the window. Any context, lock-free. */
uint32_t ferry_slots_flags(const struct ferry_slots *s, uint64_t va);
uint32_t ferry_slots_flags_near(const struct ferry_slots *s, uint64_t va, uint64_t size_bytes);

/* Set flags on the live pages of the range. */
void ferry_slots_mark(struct ferry_slots *s, uint64_t va, uint64_t size_bytes, uint32_t flags);
void ferry_slots_unmark(struct ferry_slots *s, uint64_t va, uint64_t size_bytes, uint32_t flags);
/*
 * Present bits, of any page of the window, so that populating again costs nothing. No lock: whoever changes pages of
 * a block excludes the others (mm_ops.h). present: all of them?
 */
bool ferry_slots_present(const struct ferry_slots *s, uint64_t va, uint64_t size_bytes);
void ferry_slots_set_present(struct ferry_slots *s, uint64_t va, uint64_t size_bytes, bool present);

/* Every slot that the range touches; in the range are pages of somebody else's: they are dead. */
void ferry_slots_lose(struct ferry_slots *s, uint64_t va, uint64_t size_bytes);

/*
 * The next run, at or after *va and before end, of pages of one allocation for which flags & mask == want.
 *     for (va = start; ferry_slots_run(s, &va, end, mask, want, &size_bytes); va += size_bytes) ...
 */
bool ferry_slots_run(struct ferry_slots *s, uint64_t *va, uint64_t end, uint32_t mask, uint32_t want,
                     uint64_t *size_bytes);

/*
 * What may be unmapped when the window ends: the next run, at or after *va and before end, without a dead page of a
 * lost slot. Without tables (before init, after fini) all of it. Nobody else is at them any more.
 */
bool ferry_slots_ours(const struct ferry_slots *s, uint64_t *va, uint64_t end, uint64_t *size_bytes);

/* Give back every allocation that has a slot in the range and no live page. */
void ferry_slots_reap(struct ferry_slots *s, uint64_t va, uint64_t size_bytes);

#endif /* FERRY_MM_SLOTS_H */
