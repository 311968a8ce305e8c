/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * list_test.c - rings of nodes, and the range checks of range.h.
 */
/* TEST-SOURCES: */
#include "test/unit/cmocka_compat.h"
#include "ferry/os.h"
#include "base/list.h"
#include "base/range.h"

struct item {
	uint32_t id;
	struct ferry_list node;
};

static void assert_ids(struct ferry_list *head, const uint32_t *ids, uint32_t count)
{
	struct ferry_list *pos;
	uint32_t n = 0;

	FERRY_LIST_EACH(pos, head) {
		assert_true(n < count);
		assert_uint_equal(FERRY_LIST_ENTRY(pos, struct item, node)->id, ids[n]);
		assert_ptr_equal(pos->prev->next, pos);
		n++;
	}
	assert_uint_equal(n, count);
	assert_int_equal(ferry_list_empty(head), count == 0);
}

/*
 * Goal: push_front, push_back and insert_after put nodes where they say.
 * Method: build 3 1 4 2 and read it.
 */
static void nodes_go_where_they_are_put(void **unused)
{
	struct item a = {.id = 1}, b = {.id = 2}, c = {.id = 3}, d = {.id = 4};
	struct ferry_list head;

	(void)unused;
	ferry_list_init(&head);
	assert_ids(&head, NULL, 0);
	ferry_list_push_back(&head, &a.node);
	ferry_list_push_back(&head, &b.node);
	ferry_list_push_front(&head, &c.node);
	ferry_list_insert_after(&a.node, &d.node);
	assert_ids(&head, (uint32_t[]){3, 1, 4, 2}, 4);
}

/*
 * Goal: a removed node is in no list; removing it once more harms nobody.
 * Method: walk with EACH_SAFE, remove every second node, then remove one again.
 */
static void a_walk_may_remove_and_a_removed_node_is_alone(void **unused)
{
	struct item items[5];
	struct ferry_list head, *pos, *tmp;

	(void)unused;
	ferry_list_init(&head);
	for (uint32_t i = 0; i < 5; i++) {
		items[i].id = i;
		ferry_list_push_back(&head, &items[i].node);
	}
	FERRY_LIST_EACH_SAFE(pos, tmp, &head) {
		if (FERRY_LIST_ENTRY(pos, struct item, node)->id % 2 == 0)
			ferry_list_remove(pos);
	}
	assert_ids(&head, (uint32_t[]){1, 3}, 2);
	assert_true(ferry_list_empty(&items[2].node));
	ferry_list_remove(&items[2].node);
	assert_ids(&head, (uint32_t[]){1, 3}, 2);
}

/*
 * Goal: byte ranges are refused when empty, wrapping, past the limit or unaligned, each with its code.
 * Method: one range of each kind, and those that just fit.
 */
static void byte_ranges_are_checked(void **unused)
{
	uint64_t end = FERRY_VA_END, page = FERRY_PAGE_SIZE;

	(void)unused;
	assert_int_equal(ferry_range_check(0, 0, end), FERRY_E_RANGE_ZERO);
	assert_int_equal(ferry_range_check(0, end, end), 0);
	assert_int_equal(ferry_range_check(1, end, end), FERRY_E_RANGE_OVERFLOW);
	assert_int_equal(ferry_range_check(end, 1, end), FERRY_E_RANGE_OVERFLOW);
	assert_int_equal(ferry_range_check(page, UINT64_MAX, end), FERRY_E_RANGE_OVERFLOW);
	assert_int_equal(ferry_range_check(UINT64_MAX, 2, UINT64_MAX), FERRY_E_RANGE_OVERFLOW);
	assert_int_equal(ferry_range_check_aligned(page, page, end, page), 0);
	assert_int_equal(ferry_range_check_aligned(page + 1, page, end, page), FERRY_E_RANGE_ALIGN);
	assert_int_equal(ferry_range_check_aligned(page, page + 1, end, page), FERRY_E_RANGE_ALIGN);
	assert_int_equal(ferry_range_check_aligned(page + 1, 0, end, page), FERRY_E_RANGE_ZERO);
	assert_true(ferry_range_overlaps(0, 10, 9, 1));
	assert_false(ferry_range_overlaps(0, 10, 10, 1));
	assert_false(ferry_range_overlaps(10, 1, 0, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_go_where_they_are_put),
		cmocka_unit_test(a_walk_may_remove_and_a_removed_node_is_alone),
		cmocka_unit_test(byte_ranges_are_checked),
	};

	return cmocka_run_group_tests_name("base/list", tests, NULL, NULL);
}
