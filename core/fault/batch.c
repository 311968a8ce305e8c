/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * batch.c - grouping by hash and bitmap. See batch.h.
 */
#include "fault/batch.h"

/* An open-addressing slot; empty unless its stamp is the batch's. */
struct ferry_fault_slot {
	uint64_t block_va; /* SPACE_KEY: not a block but the asid itself */
	uint64_t tag;
};

/*
 * tag   63      48 47      32 31                 0
 *      [ index    ][ stamp    ][ asid             ]      index: of the group, or of the space; stamp: never 0
 */
#define TAG_INDEX_SHIFT 48u
#define TAG_STAMP_SHIFT 32u
#define TAG_KEY ((1ull << TAG_INDEX_SHIFT) - 1)

/* One asid of the batch: the chain of its groups. */
struct ferry_fault_space {
	uint32_t asid;
	uint32_t count;
	uint16_t first, last;
};

#define SPACE_KEY 1ull /* no block begins here */
#define SLOTS_PER_FAULT 4u
#define FEW_FAULTS 16u /* most batches: their slots are 1 KiB, and stay in the cache */

/* A fault makes at most one group and one space: half of the slots stay empty, so every search ends. */
_Static_assert(SLOTS_PER_FAULT >= 4, "two keys a fault, at most half full");
_Static_assert(FERRY_FAULT_BATCH_MAX <= 65536, "fault and group indices are 16 bits");
_Static_assert(sizeof(struct ferry_fault_group) == 256, "a group is four cache lines");
_Static_assert(FERRY_ACCESS_ATOMIC == FERRY_FAULT_ACCESSES - 1, "one map per access");

static uint32_t slot_count(uint32_t faults_max)
{
	return 1u << (64 - ferry_os_clz64((uint64_t)faults_max * SLOTS_PER_FAULT - 1));
}

/* Slots for so many faults, all empty. */
static void slots_empty(struct ferry_fault_batch *b, uint32_t faults)
{
	b->slots_for = faults;
	b->hash_shift = ferry_os_clz64(slot_count(faults)) + 1;
	/* Once in 65535 times the stamps start over, and old slots must not look like new ones. */
	if (++b->stamp == 0) {
		memset(b->slot, 0, slot_count(b->faults_max) * sizeof(*b->slot));
		b->stamp = 1;
	}
}

/* next, space_next and order, in one piece. */
static size_t index_bytes(uint32_t faults_max)
{
	return (size_t)faults_max * 3 * sizeof(uint16_t);
}

int ferry_fault_batch_init(struct ferry_fault_batch *b, struct ferry_mem *mem, uint32_t faults_max)
{
	uint32_t slots;

	memset(b, 0, sizeof(*b));
	if (!faults_max || faults_max > FERRY_FAULT_BATCH_MAX)
		return FERRY_E_INVAL;
	slots = slot_count(faults_max);
	b->mem = mem;
	b->faults_max = faults_max;
	b->group = ferry_mem_zalloc(mem, faults_max * sizeof(*b->group));
	if (!b->group)
		goto failed;
	b->slot = ferry_mem_zalloc(mem, slots * sizeof(*b->slot));
	if (!b->slot)
		goto free_group;
	b->space = ferry_mem_zalloc(mem, faults_max * sizeof(*b->space));
	if (!b->space)
		goto free_slot;
	b->next = ferry_mem_zalloc(mem, index_bytes(faults_max));
	if (!b->next)
		goto free_space;
	b->space_next = b->next + faults_max;
	b->order = b->space_next + faults_max;
	slots_empty(b, faults_max < FEW_FAULTS ? faults_max : FEW_FAULTS);
	return 0;

free_space:
	ferry_mem_free(mem, b->space, faults_max * sizeof(*b->space));
free_slot:
	ferry_mem_free(mem, b->slot, slots * sizeof(*b->slot));
free_group:
	ferry_mem_free(mem, b->group, faults_max * sizeof(*b->group));
failed:
	memset(b, 0, sizeof(*b));
	return FERRY_E_FAULT_BUFFER_NOMEM;
}

void ferry_fault_batch_fini(struct ferry_fault_batch *b)
{
	if (!b->faults_max)
		return;
	ferry_mem_free(b->mem, b->next, index_bytes(b->faults_max));
	ferry_mem_free(b->mem, b->space, b->faults_max * sizeof(*b->space));
	ferry_mem_free(b->mem, b->slot, slot_count(b->faults_max) * sizeof(*b->slot));
	ferry_mem_free(b->mem, b->group, b->faults_max * sizeof(*b->group));
	memset(b, 0, sizeof(*b));
}

void ferry_fault_batch_reset(struct ferry_fault_batch *b)
{
	b->faults = NULL;
	b->fault_count = 0;
	b->group_count = 0;
	b->space_count = 0;
	b->space_recent = 0;
	b->duplicates = 0;
	slots_empty(b, b->faults_max < FEW_FAULTS ? b->faults_max : FEW_FAULTS);
}

static inline uint64_t key_of(uint32_t asid, uint64_t stamp)
{
	return stamp << TAG_STAMP_SHIFT | asid;
}

/* Where the search for a key begins. */
static inline uint32_t hash(uint64_t block_va, uint32_t asid, uint32_t shift)
{
	/* Neighbouring blocks differ in the bits that the multiplication spreads best; asids are few. */
	uint64_t v = (block_va >> FERRY_BLOCK_SHIFT) + ((uint64_t)asid << 32);

	return (uint32_t)(v * 0x9e3779b97f4a7c15ull >> shift);
}

/* The slot that holds the key, or the empty one where it belongs. *found tells which. */
static struct ferry_fault_slot *find_slot(struct ferry_fault_batch *b, uint64_t block_va, uint32_t asid, bool *found)
{
	uint32_t mask = (uint32_t)(~0ull >> b->hash_shift);
	uint64_t key = key_of(asid, b->stamp);
	uint32_t i = hash(block_va, asid, b->hash_shift);

	/* Half of the slots are empty: it ends. */
	while ((uint16_t)(b->slot[i].tag >> TAG_STAMP_SHIFT) == b->stamp) {
		*found = b->slot[i].block_va == block_va && (b->slot[i].tag & TAG_KEY) == key;
		if (*found)
			return &b->slot[i];
		i = (i + 1) & mask;
	}
	*found = false;
	return &b->slot[i];
}

static void take_slot(struct ferry_fault_batch *b, struct ferry_fault_slot *s, uint64_t block_va, uint32_t asid,
                      uint32_t index)
{
	s->block_va = block_va;
	s->tag = (uint64_t)index << TAG_INDEX_SHIFT | key_of(asid, b->stamp);
}

/* More faults than that: all slots from now on, and who has one gets another. */
static void slots_grow(struct ferry_fault_batch *b)
{
	bool found;

	slots_empty(b, b->faults_max);
	for (uint32_t g = 0; g < b->group_count; g++) {
		uint64_t block_va = b->group[g].block_va;
		uint32_t asid = b->group[g].asid;

		take_slot(b, find_slot(b, block_va, asid, &found), block_va, asid, g);
	}
	for (uint32_t s = 0; s < b->space_count; s++) {
		uint32_t asid = b->space[s].asid;

		take_slot(b, find_slot(b, SPACE_KEY, asid, &found), SPACE_KEY, asid, s);
	}
}

static struct ferry_fault_space *space_of(struct ferry_fault_batch *b, uint32_t asid)
{
	struct ferry_fault_space *space = &b->space[b->space_recent];
	struct ferry_fault_slot *s;
	bool found;

	/* Nearly always the one of the group before. */
	if (b->space_count && space->asid == asid)
		return space;
	s = find_slot(b, SPACE_KEY, asid, &found);
	if (!found) {
		take_slot(b, s, SPACE_KEY, asid, b->space_count);
		space = &b->space[b->space_count++];
		space->asid = asid;
		space->count = 0;
	} else {
		space = &b->space[s->tag >> TAG_INDEX_SHIFT];
	}
	b->space_recent = (uint32_t)(space - b->space);
	return space;
}

/* Put group g behind the last one of its asid. */
static void link_group(struct ferry_fault_batch *b, uint32_t g, uint32_t asid)
{
	struct ferry_fault_space *space = space_of(b, asid);

	if (space->count++)
		b->space_next[space->last] = (uint16_t)g;
	else
		space->first = (uint16_t)g;
	space->last = (uint16_t)g;
}

/* The groups by asid. */
static void set_order(struct ferry_fault_batch *b)
{
	uint32_t k = 0;

	for (uint32_t s = 0; s < b->space_count; s++) {
		uint32_t g = b->space[s].first;

		for (uint32_t n = 0; n < b->space[s].count; n++) {
			b->order[k++] = (uint16_t)g;
			g = b->space_next[g];
		}
	}
}

/* The group of a fault whose first slot was not it: further on, or new. */
static __attribute__((__noinline__)) struct ferry_fault_group *other_group(struct ferry_fault_batch *b,
                                                                           uint64_t block_va, uint32_t asid,
                                                                           uint32_t fault)
{
	struct ferry_fault_group *g;
	struct ferry_fault_slot *s;
	uint32_t index;
	bool found;

	s = find_slot(b, block_va, asid, &found);
	if (found)
		return &b->group[s->tag >> TAG_INDEX_SHIFT];
	index = b->group_count++;
	g = &b->group[index];
	g->block_va = block_va;
	g->asid = asid;
	g->first = fault;
	g->last = fault;
	g->count = 0;
	g->duplicates = 0;
	ferry_bitmap_zero(&g->read);
	ferry_bitmap_zero(&g->write);
	ferry_bitmap_zero(&g->atomic);
	take_slot(b, s, block_va, asid, index);
	link_group(b, index, asid);
	return g;
}

/* 1 for a duplicate. */
static inline uint32_t note_page(struct ferry_fault_group *g, uint32_t page, uint32_t access)
{
	uint32_t w = page / 64, bit = page % 64;
	uint64_t seen = g->atomic.word[w];

	/* Masks, not branches: accesses come mixed. */
	seen |= g->write.word[w] & -(uint64_t)(access <= FERRY_ACCESS_WRITE);
	seen |= g->read.word[w] & -(uint64_t)(access == FERRY_ACCESS_READ);
	g->map[access].word[w] |= 1ull << bit;
	return (uint32_t)(seen >> bit) & 1;
}

int ferry_fault_batch_add(struct ferry_fault_batch *b, const struct ferry_fault *faults, uint32_t count)
{
	const struct ferry_fault_slot *slots = b->slot;
	struct ferry_fault_group *groups = b->group;
	uint16_t *next = b->next;
	uint32_t shift;
	uint64_t stamp;

	if (!FERRY_ASSERT(count <= b->faults_max && count >= b->fault_count))
		return FERRY_E_INVAL;
	if (count > b->slots_for)
		slots_grow(b);
	shift = b->hash_shift;
	stamp = b->stamp;
	for (uint32_t i = b->fault_count; i < count; i++) {
		const struct ferry_fault *f = &faults[i];
		uint64_t block_va = f->va & ~(FERRY_BLOCK_SIZE - 1);
		uint32_t page = (uint32_t)(f->va >> FERRY_PAGE_SHIFT) % FERRY_BLOCK_PAGES;
		uint32_t access = f->access < FERRY_FAULT_ACCESSES ? f->access : FERRY_ACCESS_ATOMIC;
		const struct ferry_fault_slot *s = &slots[hash(block_va, f->asid, shift)];
		struct ferry_fault_group *g;

		if (__builtin_expect(s->block_va == block_va && (s->tag & TAG_KEY) == key_of(f->asid, stamp), 1))
			g = &groups[s->tag >> TAG_INDEX_SHIFT];
		else
			g = other_group(b, block_va, f->asid, i);
		next[g->last] = (uint16_t)i;
		g->last = i;
		g->count++;
		g->duplicates += note_page(g, page, access);
	}
	b->faults = faults;
	b->fault_count = count;
	set_order(b);
	b->duplicates = 0;
	for (uint32_t g = 0; g < b->group_count; g++)
		b->duplicates += groups[g].duplicates;
	return 0;
}
