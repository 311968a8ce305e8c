/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * batch_test.c - grouping of faults against a model that compares every fault with every other.
 */
/* TEST-SOURCES: core/fault/batch.c core/base/bitmap.c core/base/mem.c */
#include "test/unit/cmocka_compat.h"
#include "fault/batch.h"

#define MAX 1024

static struct ferry_mem mem;
static struct ferry_fault faults[MAX];
static uint64_t rng_state;

static uint64_t rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

static uint64_t block_of(const struct ferry_fault *f)
{
	return f->va & ~(FERRY_BLOCK_SIZE - 1);
}

static uint32_t page_of(const struct ferry_fault *f)
{
	return (uint32_t)(f->va / FERRY_PAGE_SIZE % FERRY_BLOCK_PAGES);
}

static bool same_group(const struct ferry_fault *a, const struct ferry_fault *b)
{
	return a->asid == b->asid && block_of(a) == block_of(b);
}

/* Is fault i on a page that an earlier one asked for as strongly? */
static bool model_duplicate(uint32_t i)
{
	for (uint32_t k = 0; k < i; k++) {
		if (same_group(&faults[k], &faults[i]) && page_of(&faults[k]) == page_of(&faults[i]) &&
		    faults[k].access >= faults[i].access)
			return true;
	}
	return false;
}

/* The first fault of i's group, or of i's asid. */
static uint32_t model_first(uint32_t i, bool asid_only)
{
	for (uint32_t k = 0; k < i; k++) {
		if (asid_only ? faults[k].asid == faults[i].asid : same_group(&faults[k], &faults[i]))
			return k;
	}
	return i;
}

/* Fault by fault: what its group must contain, found by looking at all others. */
static void assert_group(const struct ferry_fault_batch *b, const struct ferry_fault_group *g, uint32_t count)
{
	struct ferry_bitmap map[3];
	uint32_t n = 0, i, turns, duplicates = 0;

	memset(map, 0, sizeof(map));
	assert_true(g->count > 0);
	for (i = g->first, turns = 0; turns < g->count; turns++, i = ferry_fault_batch_next(b, i)) {
		/* The chain is exactly the faults of this block, in order. */
		while (n < i)
			assert_false(same_group(&faults[n++], &faults[g->first]));
		assert_true(same_group(&faults[n++], &faults[g->first]));
		ferry_bitmap_set(&map[faults[i].access], page_of(&faults[i]));
		duplicates += model_duplicate(i);
	}
	while (n < count)
		assert_false(same_group(&faults[n++], &faults[g->first]));
	assert_uint_equal(g->block_va, block_of(&faults[g->first]));
	assert_uint_equal(g->asid, faults[g->first].asid);
	assert_uint_equal(g->duplicates, duplicates);
	assert_true(ferry_bitmap_equal(&g->read, &map[FERRY_ACCESS_READ]));
	assert_true(ferry_bitmap_equal(&g->write, &map[FERRY_ACCESS_WRITE]));
	assert_true(ferry_bitmap_equal(&g->atomic, &map[FERRY_ACCESS_ATOMIC]));
}

static void assert_batch(const struct ferry_fault_batch *b, uint32_t count)
{
	uint32_t groups = 0, seen = 0, duplicates = 0;
	uint32_t last_space = 0, last_group = 0;

	for (uint32_t i = 0; i < count; i++)
		groups += model_first(i, false) == i;
	assert_uint_equal(ferry_fault_batch_groups(b), groups);
	for (uint32_t k = 0; k < groups; k++) {
		const struct ferry_fault_group *g = ferry_fault_batch_group(b, k);
		uint32_t space = model_first(g->first, true);

		assert_group(b, g, count);
		/* Asids in order of their first faults; within one, groups in order of theirs. */
		if (k) {
			assert_true(space >= last_space);
			assert_true(space > last_space || g->first > last_group);
		}
		last_space = space;
		last_group = g->first;
		seen += g->count;
		duplicates += g->duplicates;
	}
	assert_uint_equal(seen, count);
	assert_uint_equal(b->duplicates, duplicates);
}

/* asids, blocks: how many different ones to draw from. Addresses reach both ends of the 64 bits. */
static void random_faults(uint32_t count, uint32_t asids, uint32_t blocks, uint32_t pages)
{
	memset(faults, 0, sizeof(faults));
	for (uint32_t i = 0; i < count; i++) {
		uint64_t block = rng() % blocks;

		faults[i].va = (block % 2 ? ~0ull - block * FERRY_BLOCK_SIZE : block * FERRY_BLOCK_SIZE) &
		               ~(FERRY_BLOCK_SIZE - 1);
		faults[i].va += rng() % pages * FERRY_PAGE_SIZE;
		faults[i].asid = (uint32_t)(rng() % asids) * 0x10000001u;
		faults[i].access = (uint8_t)(rng() % 3);
		faults[i].kind = (uint8_t)(rng() % 4);
		faults[i].id = i;
	}
}

/*
 * Goal: any batch is grouped as the model says: groups, chains, maps, duplicates, order.
 * Method: 60 random batches, from one block of one asid to all different, on one batch object.
 */
static void random_batches_agree_with_the_model(void **unused)
{
	const uint32_t asids[] = {1, 3, 40, 1000}, blocks[] = {1, 7, 200, 100000}, pages[] = {1, 20, 512};
	struct ferry_fault_batch b;

	(void)unused;
	rng_state = 0xfa17;
	assert_int_equal(ferry_fault_batch_init(&b, &mem, 300), 0);
	for (uint32_t a = 0; a < 4; a++) {
		for (uint32_t k = 0; k < 4; k++) {
			for (uint32_t p = 0; p < 3; p++) {
				uint32_t count = p == 2 ? 300 : (uint32_t)(rng() % 301);

				random_faults(count, asids[a], blocks[k], pages[p]);
				ferry_fault_batch_reset(&b);
				assert_int_equal(ferry_fault_batch_add(&b, faults, count), 0);
				assert_batch(&b, count);
			}
		}
	}
	ferry_fault_batch_fini(&b);
	assert_uint_equal(ferry_mem_bytes(&mem), 0);
}

/*
 * Goal: a batch that arrives in pieces is the same as one that arrives at once.
 * Method: the same array, added in steps of random length, short ones and long ones (so that the table of slots
 *         grows under it); compared with the model after each.
 */
static void a_batch_may_arrive_in_pieces(void **unused)
{
	struct ferry_fault_batch b;

	(void)unused;
	rng_state = 0x9e9e;
	assert_int_equal(ferry_fault_batch_init(&b, &mem, 200), 0);
	random_faults(200, 3, 30, 50);
	for (uint64_t step = 3; step < 300; step *= 3) {
		ferry_fault_batch_reset(&b);
		for (uint32_t count = 0; count < 200;) {
			count += (uint32_t)(rng() % step);
			if (count > 200)
				count = 200;
			assert_int_equal(ferry_fault_batch_add(&b, faults, count), 0);
			assert_batch(&b, count);
		}
	}
	ferry_fault_batch_fini(&b);
}

/*
 * Goal: a weaker or equal access to a page is a duplicate, a stronger one is not.
 * Method: all 9 pairs of accesses on one page.
 */
static void only_a_stronger_access_is_new(void **unused)
{
	struct ferry_fault_batch b;

	(void)unused;
	assert_int_equal(ferry_fault_batch_init(&b, &mem, 2), 0);
	memset(faults, 0, sizeof(faults));
	for (uint32_t first = 0; first < 3; first++) {
		for (uint32_t second = 0; second < 3; second++) {
			const struct ferry_fault_group *g;

			faults[0].access = (uint8_t)first;
			faults[1].access = (uint8_t)second;
			ferry_fault_batch_reset(&b);
			assert_int_equal(ferry_fault_batch_add(&b, faults, 2), 0);
			g = ferry_fault_batch_group(&b, 0);
			assert_uint_equal(g->duplicates, second <= first);
			assert_uint_equal(g->count, 2);
			assert_true(ferry_bitmap_test(&g->map[first], 0) && ferry_bitmap_test(&g->map[second], 0));
			assert_uint_equal(ferry_bitmap_count(&g->read) + ferry_bitmap_count(&g->write) +
			                          ferry_bitmap_count(&g->atomic),
			                  first == second ? 1 : 2);
		}
	}
	ferry_fault_batch_fini(&b);
}

/*
 * Goal: what a hostile device may write does no harm: unknown accesses and kinds, the last page of the address space.
 * Method: one fault with all bits set.
 */
static void a_hostile_fault_is_the_strongest_one(void **unused)
{
	const struct ferry_fault_group *g;
	struct ferry_fault_batch b;

	(void)unused;
	assert_int_equal(ferry_fault_batch_init(&b, &mem, 4), 0);
	memset(faults, 0xff, sizeof(faults));
	assert_int_equal(ferry_fault_batch_add(&b, faults, 4), 0);
	assert_uint_equal(ferry_fault_batch_groups(&b), 1);
	g = ferry_fault_batch_group(&b, 0);
	assert_uint_equal(g->count, 4);
	assert_uint_equal(g->duplicates, 3);
	assert_true(ferry_bitmap_test(&g->atomic, 511));
	assert_uint_equal(g->block_va, ~0ull << 21);
	ferry_fault_batch_fini(&b);
}

/*
 * Goal: nothing of one batch is seen in the next, also when the stamps start over.
 * Method: 70000 batches of two faults whose blocks come back often; each has exactly its own two groups.
 */
static void nothing_leaks_from_batch_to_batch(void **unused)
{
	struct ferry_fault_batch b;

	(void)unused;
	rng_state = 0x70000;
	assert_int_equal(ferry_fault_batch_init(&b, &mem, 2), 0);
	memset(faults, 0, sizeof(faults));
	for (uint32_t n = 0; n < 70000; n++) {
		const struct ferry_fault_group *g;

		faults[0].va = rng() % 4 * FERRY_BLOCK_SIZE;
		faults[1].va = faults[0].va + FERRY_BLOCK_SIZE + 5 * FERRY_PAGE_SIZE;
		ferry_fault_batch_reset(&b);
		assert_uint_equal(ferry_fault_batch_groups(&b), 0);
		assert_int_equal(ferry_fault_batch_add(&b, faults, 2), 0);
		assert_uint_equal(ferry_fault_batch_groups(&b), 2);
		assert_uint_equal(b.duplicates, 0);
		g = ferry_fault_batch_group(&b, 1);
		assert_uint_equal(g->block_va, faults[0].va + FERRY_BLOCK_SIZE);
		assert_uint_equal(ferry_bitmap_count(&g->read), 1);
	}
	ferry_fault_batch_fini(&b);
}

/*
 * Goal: blocks whose hashes meet are still told apart; the table holds the largest batch of all different keys.
 * Method: a full batch of 1024 blocks in 1024 asids, twice in a row, against the model.
 */
static void a_full_batch_of_different_blocks_fits(void **unused)
{
	struct ferry_fault_batch b;

	(void)unused;
	assert_int_equal(ferry_fault_batch_init(&b, &mem, MAX), 0);
	memset(faults, 0, sizeof(faults));
	for (uint32_t i = 0; i < MAX; i++) {
		faults[i].va = (uint64_t)i << 40;
		faults[i].asid = i;
	}
	for (uint32_t n = 0; n < 2; n++) {
		ferry_fault_batch_reset(&b);
		assert_int_equal(ferry_fault_batch_add(&b, faults, MAX), 0);
		assert_uint_equal(ferry_fault_batch_groups(&b), MAX);
		for (uint32_t k = 0; k < MAX; k++) {
			assert_uint_equal(ferry_fault_batch_group(&b, k)->first, k);
			assert_uint_equal(ferry_fault_batch_group(&b, k)->count, 1);
		}
	}
	ferry_fault_batch_fini(&b);
}

/*
 * Goal: more faults than the batch holds, or fewer than it knows, are refused and change nothing.
 * Method: one too many; then one fewer than were added.
 */
static void wrong_counts_are_refused(void **unused)
{
	struct ferry_fault_batch b;
	uint64_t bugs = ferry_user_bug_count();

	(void)unused;
	ferry_user_bug_is_fatal = 0;
	assert_int_equal(ferry_fault_batch_init(&b, &mem, 10), 0);
	rng_state = 0x10;
	random_faults(11, 2, 3, 4);
	assert_int_equal(ferry_fault_batch_add(&b, faults, 11), FERRY_E_INVAL);
	assert_uint_equal(ferry_fault_batch_groups(&b), 0);
	assert_int_equal(ferry_fault_batch_add(&b, faults, 10), 0);
	assert_int_equal(ferry_fault_batch_add(&b, faults, 9), FERRY_E_INVAL);
	assert_batch(&b, 10);
	assert_uint_equal(ferry_user_bug_count(), bugs + 2);
	ferry_fault_batch_fini(&b);
}

/*
 * Goal: init refuses impossible sizes and fails cleanly at each allocation; fini takes what init left.
 * Method: 0 and one past the largest; then fail the first, the second, ...
 */
static void init_fails_cleanly(void **unused)
{
	struct ferry_fault_batch b;
	uint32_t failures = 0;

	(void)unused;
	assert_int_equal(ferry_fault_batch_init(&b, &mem, 0), FERRY_E_INVAL);
	ferry_fault_batch_fini(&b);
	assert_int_equal(ferry_fault_batch_init(&b, &mem, FERRY_FAULT_BATCH_MAX + 1), FERRY_E_INVAL);
	for (uint64_t n = 1;; n++) {
		int err;

		ferry_user_fail_nth_alloc(n);
		err = ferry_fault_batch_init(&b, &mem, 100);
		if (ferry_user_fail_nth_alloc(0)) {
			assert_int_equal(err, 0);
			break;
		}
		assert_int_equal(err, FERRY_E_FAULT_BUFFER_NOMEM);
		ferry_fault_batch_fini(&b);
		assert_uint_equal(ferry_mem_bytes(&mem), 0);
		failures++;
	}
	assert_uint_equal(failures, 4);
	ferry_fault_batch_fini(&b);
	assert_uint_equal(ferry_mem_bytes(&mem), 0);
	assert_int_equal(ferry_fault_batch_init(&b, &mem, FERRY_FAULT_BATCH_MAX), 0);
	ferry_fault_batch_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_batches_agree_with_the_model),
		cmocka_unit_test(a_batch_may_arrive_in_pieces),
		cmocka_unit_test(only_a_stronger_access_is_new),
		cmocka_unit_test(a_hostile_fault_is_the_strongest_one),
		cmocka_unit_test(nothing_leaks_from_batch_to_batch),
		cmocka_unit_test(a_full_batch_of_different_blocks_fits),
		cmocka_unit_test(wrong_counts_are_refused),
		cmocka_unit_test(init_fails_cleanly),
	};

	return cmocka_run_group_tests_name("fault/batch", tests, NULL, NULL);
}
