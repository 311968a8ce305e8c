/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Host pages that others hold, and host pages that nobody needs. */
/* TEST-SOURCES: @core test/unit/core/rig.c test/unit/core/rig_audit.c test/unit/core/rig_external.c */
#include <string.h>

#include "test/unit/cmocka_compat.h"
#include "test/unit/core/rig.h"

#define CAPS_NO_HOST_MAP (RIG_CAPS_ALL & ~(1u << FERRY_CAP_HOST_MAP))

static struct rig rig;

static void up(uint32_t caps)
{
	rig_up(&rig, 1, 2 * FERRY_BLOCK_SIZE, caps);
	assert_int_equal(rig_range(&rig, 0, 4 * FERRY_BLOCK_PAGES), 0);
	rig_join(&rig, 0);
}

static void down(void)
{
	rig_audit(&rig);
	rig_down(&rig);
}

static uint8_t where(uint32_t page)
{
	struct ferry_req_residency req = {.size = sizeof(req), .pages = 1, .base = rig_va(page)};

	assert_int_equal(rig_request(&rig, FERRY_REQ_RESIDENCY, &req, sizeof(req)), 0);
	return req.where[0];
}

static int migrate(uint32_t page, uint32_t count, uint32_t to, uint64_t *moved)
{
	struct ferry_req_migrate req = {.size = sizeof(req),
	                                .base = rig_va(page),
	                                .bytes = count * FERRY_PAGE_SIZE,
	                                .where = to,
	                                .flags = to == FERRY_WHERE_HOST ? FERRY_MIGRATE_UNMAPPED : 0};
	int err = rig_request(&rig, FERRY_REQ_MIGRATE, &req, sizeof(req));

	*moved = req.pages_moved;
	return err;
}

static void cpu_fill(uint32_t first, uint32_t count)
{
	for (uint64_t i = first, v; i < first + count; i++) {
		v = i ^ 0x5a5a;
		assert_int_equal(rig_cpu_access(&rig, (uint32_t)i, true, &v), 0);
	}
}

static void cpu_check(uint32_t first, uint32_t count)
{
	for (uint64_t i = first, v; i < first + count; i++) {
		assert_int_equal(rig_cpu_access(&rig, (uint32_t)i, false, &v), 0);
		assert_int_equal(v, i ^ 0x5a5a);
	}
}

/*
 * Goal: a page that somebody outside holds is used by the device where it is, and what the holder writes there later
 * is seen. Method: pin one page of a filled block, have the device write it, then write to the host page as the
 * holder.
 */
static void a_pinned_page_is_used_from_afar(void **unused)
{
	uint64_t value = 77;

	(void)unused;
	up(RIG_CAPS_ALL);
	cpu_fill(0, 64);
	rig.pinned[5] = true;
	assert_int_equal(rig_gpu_access(&rig, 0, 5, true, &value), 0);
	assert_int_equal(where(5), 1);
	assert_int_equal(*(uint64_t *)(rig.host + 5 * FERRY_PAGE_SIZE), 77);
	*(uint64_t *)(rig.host + 5 * FERRY_PAGE_SIZE) = 78;
	assert_int_equal(rig_gpu_access(&rig, 0, 5, false, &value), 0);
	assert_int_equal(value, 78);
	down();
}

/*
 * Goal: neighbours of a pinned page go to the device all the same, and the pinned one is not counted as brought
 * along. Method: fault the block in with one page pinned; look where the pages are.
 */
static void the_neighbours_of_a_pinned_page_move(void **unused)
{
	uint64_t value = 1, moved;

	(void)unused;
	up(RIG_CAPS_ALL);
	cpu_fill(0, FERRY_BLOCK_PAGES);
	rig.pinned[9] = true;
	assert_int_equal(migrate(0, FERRY_BLOCK_PAGES, 0, &moved), 0);
	assert_int_equal(where(8), 2);
	assert_int_equal(where(9), 1);
	assert_int_equal(where(10), 2);
	assert_int_equal(rig_gpu_access(&rig, 0, 9, false, &value), 0);
	assert_int_equal(value, 9 ^ 0x5a5a);
	rig_audit(&rig);
	cpu_check(0, FERRY_BLOCK_PAGES);
	down();
}

/*
 * Goal: once the hold is gone, the page moves like any other. Method: pin, use from afar, unpin, migrate.
 */
static void a_page_moves_once_its_holder_is_gone(void **unused)
{
	uint64_t value, moved;

	(void)unused;
	up(RIG_CAPS_ALL);
	cpu_fill(0, 16);
	rig.pinned[3] = true;
	assert_int_equal(rig_gpu_access(&rig, 0, 3, false, &value), 0);
	assert_int_equal(where(3), 1);
	rig.pinned[3] = false;
	assert_int_equal(migrate(0, 16, 0, &moved), 0);
	assert_int_equal(where(3), 2);
	assert_int_equal(rig_gpu_access(&rig, 0, 3, false, &value), 0);
	assert_int_equal(value, 3 ^ 0x5a5a);
	down();
}

/*
 * Goal: a device that cannot use host pages in place is told so, and nothing is lost. Method: no HOST_MAP; migrate a
 * block with a pinned page, then unpin and do it again.
 */
static void without_host_mapping_a_pinned_page_is_refused(void **unused)
{
	uint64_t moved;

	(void)unused;
	up(CAPS_NO_HOST_MAP);
	cpu_fill(0, 32);
	rig.pinned[7] = true;
	assert_int_equal(migrate(0, 32, 0, &moved), FERRY_E_HOST_PINNED);
	assert_int_equal(where(7), 1);
	rig_audit(&rig);
	rig.pinned[7] = false;
	assert_int_equal(migrate(0, 32, 0, &moved), 0);
	assert_int_equal(where(7), 2);
	cpu_check(0, 32);
	down();
}

/*
 * Goal: pages that only the CPU has are given to the host when it is short, and come back with their bytes, for the
 * CPU and for a device. Method: fill two blocks, give all, touch one block by each.
 */
static void idle_pages_are_given_and_come_back(void **unused)
{
	uint64_t value;

	(void)unused;
	up(RIG_CAPS_ALL);
	cpu_fill(0, 2 * FERRY_BLOCK_PAGES);
	assert_int_equal(ferry_core_idle(rig.core, NULL, 1u << 20), 2 * FERRY_BLOCK_PAGES);
	assert_true(rig.idle[0] && rig.idle[2 * FERRY_BLOCK_PAGES - 1]);
	assert_false(rig.cpu_mapped[0]);
	cpu_check(0, FERRY_BLOCK_PAGES);
	for (uint32_t i = FERRY_BLOCK_PAGES; i < 2 * FERRY_BLOCK_PAGES; i++) {
		assert_int_equal(rig_gpu_access(&rig, 0, i, false, &value), 0);
		assert_int_equal(value, i ^ 0x5a5a);
	}
	/* What is idle already is not counted again, what is not wanted not taken. */
	assert_int_equal(ferry_core_idle(rig.core, NULL, 0), 0);
	down();
}

/*
 * Goal: a host that is short of one user's memory gets that user's pages alone, and they are counted. Method: a
 * second space of the same core, which has nothing; ask it, then the first.
 */
static void one_space_is_asked_for_idle_pages(void **unused)
{
	struct ferry_va_space *other;

	(void)unused;
	up(RIG_CAPS_ALL);
	assert_int_equal(ferry_core_open(rig.core, rig.vs->ops, &rig, 0, &other), 0);
	cpu_fill(0, FERRY_BLOCK_PAGES);
	assert_int_equal(ferry_core_idle(rig.core, other, 1u << 20), 0);
	assert_false(rig.idle[0]);
	assert_int_equal(ferry_core_idle(rig.core, rig.vs, 1u << 20), FERRY_BLOCK_PAGES);
	assert_true(rig.idle[0]);
	assert_uint_equal(rig_counter(&rig, FERRY_COUNTER_pages_idled), FERRY_BLOCK_PAGES);
	ferry_core_close(rig.core, other);
	down();
}

/*
 * Goal: pages on a device, and pages it uses from afar, keep their host page. Method: move one block, map a page of
 * another from afar, ask for everything.
 */
static void what_a_device_uses_is_not_idle(void **unused)
{
	uint64_t value = 3, moved;

	(void)unused;
	up(RIG_CAPS_ALL);
	cpu_fill(0, 2 * FERRY_BLOCK_PAGES);
	assert_int_equal(migrate(0, FERRY_BLOCK_PAGES, 0, &moved), 0);
	rig.pinned[FERRY_BLOCK_PAGES] = true;
	assert_int_equal(rig_gpu_access(&rig, 0, FERRY_BLOCK_PAGES, true, &value), 0);
	assert_int_equal(where(FERRY_BLOCK_PAGES), 1);
	(void)ferry_core_idle(rig.core, NULL, 1u << 20);
	assert_false(rig.idle[0]);
	assert_false(rig.idle[FERRY_BLOCK_PAGES]);
	rig_audit(&rig);
	down();
}

/*
 * Goal: the next call goes on where the last one stopped, so that all blocks take turns. Method: three blocks, one
 * block's pages wanted at a time.
 */
static void blocks_take_turns_at_being_idle(void **unused)
{
	(void)unused;
	up(RIG_CAPS_ALL);
	cpu_fill(0, 3 * FERRY_BLOCK_PAGES);
	assert_int_equal(ferry_core_idle(rig.core, NULL, 1), FERRY_BLOCK_PAGES);
	assert_true(rig.idle[0]);
	cpu_check(0, FERRY_BLOCK_PAGES);
	assert_int_equal(ferry_core_idle(rig.core, NULL, 1), FERRY_BLOCK_PAGES);
	assert_false(rig.idle[0]);
	assert_true(rig.idle[FERRY_BLOCK_PAGES]);
	assert_int_equal(ferry_core_idle(rig.core, NULL, 1), FERRY_BLOCK_PAGES);
	assert_int_equal(ferry_core_idle(rig.core, NULL, 1), FERRY_BLOCK_PAGES); /* around: the first again */
	assert_true(rig.idle[0]);
	down();
}

/*
 * Goal: a block that somebody works on is not waited for. Method: hold locks and ask.
 */
static void a_busy_block_is_passed_over(void **unused)
{
	struct ferry_ctx ctx;
	struct ferry_block *block;

	(void)unused;
	up(RIG_CAPS_ALL);
	cpu_fill(0, 2 * FERRY_BLOCK_PAGES);
	block = ferry_va_space_peek(rig.vs, rig_va(0));
	ferry_ctx_init(&ctx);
	ferry_mutex_lock(&ctx, &block->lock);
	assert_int_equal(ferry_core_idle(rig.core, NULL, 1u << 20), FERRY_BLOCK_PAGES);
	assert_false(rig.idle[0]);
	ferry_mutex_unlock(&ctx, &block->lock);
	ferry_va_write_lock(&ctx, &rig.vs->lock);
	assert_int_equal(ferry_core_idle(rig.core, NULL, 1u << 20), 0);
	ferry_va_write_unlock(&ctx, &rig.vs->lock);
	ferry_mutex_lock(&ctx, &rig.core->lock);
	assert_int_equal(ferry_core_idle(rig.core, NULL, 1u << 20), 0);
	ferry_mutex_unlock(&ctx, &rig.core->lock);
	ferry_ctx_fini(&ctx);
	down();
}

/*
 * Goal: a device that was taken away is lost for its users at once. Method: take it, poll, touch what only it had.
 */
static void a_device_that_is_taken_away_is_lost(void **unused)
{
	uint64_t value, moved;

	(void)unused;
	up(RIG_CAPS_ALL);
	cpu_fill(0, 2);
	assert_int_equal(ferry_core_poll(rig.core, rig.vs), FERRY_CORE_POLL_IDLE);
	assert_non_null(ferry_core_poll_wait(rig.core, 0));
	assert_null(ferry_core_poll_wait(rig.core, 1));
	assert_int_equal(migrate(0, 1, 0, &moved), 0);
	rig.dev[0].gone = true;
	ferry_core_device_gone(rig.core, 0);
	assert_int_equal(ferry_core_poll(rig.core, rig.vs), FERRY_CORE_POLL_IDLE | FERRY_CORE_POLL_LOST);
	assert_int_equal(rig_cpu_access(&rig, 0, false, &value), FERRY_E_DEVICE_LOST);
	assert_int_equal(rig_cpu_access(&rig, 1, false, &value), 0);
	assert_int_equal(value, 1 ^ 0x5a5a);
	assert_int_equal(migrate(1, 1, 0, &moved), FERRY_E_DEVICE_LOST);
	rig_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pinned_page_is_used_from_afar),
		cmocka_unit_test(the_neighbours_of_a_pinned_page_move),
		cmocka_unit_test(a_page_moves_once_its_holder_is_gone),
		cmocka_unit_test(without_host_mapping_a_pinned_page_is_refused),
		cmocka_unit_test(idle_pages_are_given_and_come_back),
		cmocka_unit_test(one_space_is_asked_for_idle_pages),
		cmocka_unit_test(what_a_device_uses_is_not_idle),
		cmocka_unit_test(blocks_take_turns_at_being_idle),
		cmocka_unit_test(a_busy_block_is_passed_over),
		cmocka_unit_test(a_device_that_is_taken_away_is_lost),
	};

	return cmocka_run_group_tests_name("core/host", tests, NULL, NULL);
}
