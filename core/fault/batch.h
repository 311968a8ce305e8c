/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * batch.h - the faults of one batch, grouped by address space and 2 MiB block, in one pass and without sorting.
 *
 * Words:  fault = one entry as the HAL decoded it. Group = all faults of the batch in one block of one address space
 *         (asid). Duplicate = a fault on a page of which the group already has one that is as strong or stronger
 *         (read < write < atomic): serving the first serves it too.
 * Shapes:
 *     faults   0:(A,7) 1:(B,2) 2:(A,9) 3:(A,7) 4:(B,2)      (asid, block), an array of the caller's
 *                |       |       |       |       |
 *     hash     slots of 16 bytes: block, asid, stamp, group; a slot of an older stamp is empty
 *                |
 *     groups   (A,7): faults 0 -> 3   (A,9): 2   (B,2): 1 -> 4      each with a bitmap of pages per access
 *                \_______________________/\__________________/
 *     order    by asid, in order of its first fault; within an asid, groups in order of their first fault; within a
 *              group, faults as they came
 *
 *     Nobody sorts: a VA space is locked once per batch, a block once, and a fatal fault is found through its group's
 *     chain of indices.
 *
 *     ferry_fault_batch_reset(b);
 *     n = hal->fault_fetch(hd, faults, max, &dropped);
 *     ferry_fault_batch_add(b, faults, n);
 *     for (k = 0; k < ferry_fault_batch_groups(b); k++) ... ferry_fault_batch_group(b, k) ...
 *
 * Cost:   reset is constant. add: a multiplication, a slot and a group per fault; measured in
 * test/bench/bench_batch.c. Few faults use few slots, at the table's start: the same cache lines in every batch.
 * Memory: 338 bytes per fault of faults_max. Locking: none; the batch belongs to whoever holds ISR_SERVICE. Source:
 * grouping by hash and bitmap instead of a sort: docs/design/fault.md.
 */
#ifndef FERRY_FAULT_BATCH_H
#define FERRY_FAULT_BATCH_H

#include "base/bitmap.h"
#include "base/mem.h"
#include "gpu/hal.h"

#define FERRY_FAULT_BATCH_MAX 16384u /* faults; their indices are 16 bits */
#define FERRY_FAULT_ACCESSES 3u      /* enum ferry_access */

/* 256 bytes: one cache line of words, three of maps. */
struct ferry_fault_group {
	uint64_t block_va;
	uint32_t asid;
	uint32_t first;      /* its first fault: an index into the array */
	uint32_t last;       /* its last */
	uint32_t count;      /* its faults, duplicates included */
	uint32_t duplicates; /* of these */
	uint32_t reserved[9];
	/* Pages by the access that missed. A page may be in several; none includes another. */
	union {
		struct {
			struct ferry_bitmap read, write, atomic;
		};
		struct ferry_bitmap map[FERRY_FAULT_ACCESSES]; /* the same by enum ferry_access */
	};
};

struct ferry_fault_slot;
struct ferry_fault_space;

struct ferry_fault_batch {
	const struct ferry_fault *faults; /* the caller's array */
	uint32_t fault_count;             /* of it, grouped so far */
	uint32_t group_count;
	uint32_t space_count;  /* asids */
	uint32_t space_recent; /* of the group found last */
	uint32_t duplicates;   /* of all groups */

	uint32_t faults_max;             /* constant */
	uint32_t slots_for;              /* faults that the slots in use are enough for */
	uint32_t hash_shift;             /* from 64 bits to the number of a slot in use */
	uint16_t stamp;                  /* of the slots that are in use */
	struct ferry_fault_group *group; /* as they were found */
	struct ferry_fault_slot *slot;
	struct ferry_fault_space *space; /* in order of their first fault */
	uint16_t *space_next;            /* per group: the next of its asid */
	uint16_t *order;                 /* k-th group in order */
	uint16_t *next;                  /* per fault: the next of its group; no meaning for the last */
	struct ferry_mem *mem;
};

/*
 * faults_max: 1..FERRY_FAULT_BATCH_MAX. Context: process.
 * Return: 0, FERRY_E_INVAL, FERRY_E_FAULT_BUFFER_NOMEM. fini takes a batch whose init failed, or a zeroed one, too.
 */
int ferry_fault_batch_init(struct ferry_fault_batch *b, struct ferry_mem *mem, uint32_t faults_max) FERRY_MUST_CHECK;
void ferry_fault_batch_fini(struct ferry_fault_batch *b);

/* Empty it. Context: any. */
void ferry_fault_batch_reset(struct ferry_fault_batch *b);

/*
 * Group the faults of the array that are new: count is how many it holds by now, those before fault_count are
 * known already. The array stays where it is, unchanged, until the next reset. An access the enum does not know
 * counts as the strongest. Context: any.
 * Return: 0, FERRY_E_INVAL (more than faults_max, or fewer than are known: reported, nothing changed).
 */
int ferry_fault_batch_add(struct ferry_fault_batch *b, const struct ferry_fault *faults, uint32_t count);

/* How many groups, and the k-th of them in order: those of one asid follow each other. */
static inline uint32_t ferry_fault_batch_groups(const struct ferry_fault_batch *b)
{
	return b->group_count;
}

static inline const struct ferry_fault_group *ferry_fault_batch_group(const struct ferry_fault_batch *b, uint32_t k)
{
	return &b->group[b->order[k]];
}

/*
 * The fault after fault i in its group, as they came:
 *     for (i = g->first, n = 0; n < g->count; n++, i = ferry_fault_batch_next(b, i)) ... b->faults[i] ...
 */
static inline uint32_t ferry_fault_batch_next(const struct ferry_fault_batch *b, uint32_t i)
{
	return b->next[i];
}

/* Every page of the group, whatever the access. */
static inline void ferry_fault_group_pages(const struct ferry_fault_group *g, struct ferry_bitmap *out)
{
	ferry_bitmap_or(out, &g->read, &g->write);
	ferry_bitmap_or(out, out, &g->atomic);
}

#endif /* FERRY_FAULT_BATCH_H */
