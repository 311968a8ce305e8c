/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What fault service promises, one promise a test. */
/* TEST-SOURCES: @core test/unit/core/rig.c test/unit/core/rig_audit.c test/unit/core/rig_external.c */
#include <string.h>
#include <unistd.h>

#include "os_fault.h"
#include "test/unit/cmocka_compat.h"
#include "test/unit/core/rig.h"

static struct rig rig;

static void up(uint32_t devices, uint32_t roots)
{
	rig_up(&rig, devices, roots * FERRY_BLOCK_SIZE, RIG_CAPS_ALL);
	assert_int_equal(rig_range(&rig, 0, 4 * FERRY_BLOCK_PAGES), 0);
	for (uint32_t d = 0; d < devices; d++)
		rig_join(&rig, d);
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

static void gpu_write(uint32_t d, uint32_t page, uint64_t value)
{
	assert_int_equal(rig_gpu_access(&rig, d, page, true, &value), 0);
}

static uint64_t gpu_read(uint32_t d, uint32_t page)
{
	uint64_t value = 0;

	assert_int_equal(rig_gpu_access(&rig, d, page, false, &value), 0);
	return value;
}

static void cpu_write(uint32_t page, uint64_t value)
{
	assert_int_equal(rig_cpu_access(&rig, page, true, &value), 0);
}

static uint64_t cpu_read(uint32_t page)
{
	uint64_t value = 0;

	assert_int_equal(rig_cpu_access(&rig, page, false, &value), 0);
	return value;
}

static void advise(uint32_t advice, uint32_t at)
{
	struct ferry_req_advise req = {
		.size = sizeof(req), .advice = advice, .base = rig_va(0), .bytes = 4 * FERRY_BLOCK_SIZE, .where = at};

	assert_int_equal(rig_request(&rig, FERRY_REQ_ADVISE, &req, sizeof(req)), 0);
}

/* Goal: a page that a device only read is evicted without a copy. Method: read a block, evict it, count copies home.
 */
static void what_was_only_read_goes_home_for_free(void **unused)
{
	(void)unused;
	up(1, 1);
	for (uint32_t i = 0; i < FERRY_BLOCK_PAGES; i++)
		cpu_write(i, i);
	for (uint32_t i = 0; i < FERRY_BLOCK_PAGES; i++)
		assert_int_equal(gpu_read(0, i), i);
	assert_int_equal(where(0), 1 | 2);
	for (uint32_t i = 0; i < FERRY_BLOCK_PAGES; i++)
		(void)gpu_read(0, FERRY_BLOCK_PAGES + i); /* needs the only root */
	assert_int_equal(where(0), 1);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_evictions), 1);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_bytes_to_host), 0);
	down();
}

/* Goal: what was written on the device is copied home once, and not lost. */
static void what_was_written_is_copied_home(void **unused)
{
	(void)unused;
	up(1, 1);
	for (uint32_t i = 0; i < FERRY_BLOCK_PAGES; i++)
		gpu_write(0, i, 1000 + i);
	assert_int_equal(where(5), 2);
	for (uint32_t i = 0; i < FERRY_BLOCK_PAGES; i++)
		gpu_write(0, FERRY_BLOCK_PAGES + i, i);
	assert_int_equal(where(5), 1);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_bytes_to_host), FERRY_BLOCK_SIZE);
	for (uint32_t i = 0; i < FERRY_BLOCK_PAGES; i++)
		assert_int_equal(cpu_read(i), 1000 + i);
	down();
}

/* Goal: the same for memory that nobody ever wrote: the host's page is as zero as the device's. */
static void untouched_memory_goes_home_for_free(void **unused)
{
	(void)unused;
	up(1, 1);
	for (uint32_t b = 0; b < 3; b++)
		for (uint32_t i = 0; i < FERRY_BLOCK_PAGES; i++)
			assert_int_equal(gpu_read(0, b * FERRY_BLOCK_PAGES + i), 0);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_evictions), 2);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_bytes_to_host), 0);
	down();
}

/* Goal: memory that nobody wrote is zero on the device, whatever was in its frames. */
static void untouched_memory_reads_as_zero(void **unused)
{
	(void)unused;
	up(1, 2);
	assert_int_equal(gpu_read(0, 7), 0);
	gpu_write(0, 7, 9);
	assert_int_equal(gpu_read(0, 8), 0);
	assert_int_equal(cpu_read(9), 0);
	assert_int_equal(cpu_read(7), 9);
	down();
}

/* Goal: neighbours come along once a region is dense, so a stream faults a few times a block, not 512 times. */
static void a_stream_takes_few_faults(void **unused)
{
	(void)unused;
	up(1, 4);
	for (uint32_t i = 0; i < 2 * FERRY_BLOCK_PAGES; i++)
		(void)gpu_read(0, i);
	assert_true(rig_counter(&rig, FERRY_COUNTER_faults_gpu) <= 20);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_pages_to_device), 2 * FERRY_BLOCK_PAGES);
	down();
}

/* Goal: who goes on into the next block gets it whole with one fault; who jumps into its middle does not. */
static void a_stream_brings_the_next_block_whole(void **unused)
{
	uint64_t pages, faults;

	(void)unused;
	up(1, 4);
	for (uint32_t i = 0; i < FERRY_BLOCK_PAGES; i++)
		(void)gpu_read(0, i);
	pages = rig_counter(&rig, FERRY_COUNTER_pages_to_device);
	faults = rig_counter(&rig, FERRY_COUNTER_faults_gpu);
	(void)gpu_read(0, FERRY_BLOCK_PAGES);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_pages_to_device) - pages, FERRY_BLOCK_PAGES);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_faults_gpu) - faults, 1);
	pages += FERRY_BLOCK_PAGES;
	(void)gpu_read(0, 2 * FERRY_BLOCK_PAGES + 100);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_pages_to_device) - pages, FERRY_BIG_PAGES);
	down();
}

/*
 * Goal: two blocks that push each other out bring less each time, until both fit. Method: one root for two blocks, of
 * each of which most is used, in turn; by density alone each would take all of the root each time.
 */
static void blocks_that_thrash_bring_less_until_they_fit(void **unused)
{
	uint64_t evictions = 0;

	(void)unused;
	up(1, 1);
	for (uint32_t turn = 0; turn < 12; turn++) {
		if (turn == 8)
			evictions = rig_counter(&rig, FERRY_COUNTER_evictions);
		for (uint32_t b = 0; b < 2; b++)
			for (uint32_t i = 100; i < FERRY_BLOCK_PAGES; i += FERRY_BIG_PAGES)
				(void)gpu_read(0, b * FERRY_BLOCK_PAGES + i);
	}
	assert_true(evictions > 0);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_evictions), evictions);
	down();
}

/* Goal: an address outside is cancelled alone; the good fault of the same batch is served. */
static void a_bad_access_is_cancelled_alone(void **unused)
{
	uint64_t value = 0;

	(void)unused;
	up(1, 2);
	rig_fault_push(&rig, 0, rig_va(3), FERRY_ACCESS_READ);
	rig_fault_push(&rig, 0, rig_va(0) + 5 * FERRY_BLOCK_SIZE, FERRY_ACCESS_READ);
	rig_fault_push(&rig, 0, rig_va(4), FERRY_ACCESS_WRITE);
	rig_fault_push(&rig, 0, 0x1000, FERRY_ACCESS_WRITE);
	rig_faults_deliver(&rig, 0);
	assert_int_equal(rig.dev[0].cancels, 2);
	assert_int_equal(rig.dev[0].last_reason, FERRY_E_FAULT_UNMAPPED);
	assert_int_equal(rig.dev[0].replays, 1);
	assert_true(where(3) & 2);
	assert_int_equal(where(4), 2);
	assert_int_equal(rig_gpu_access(&rig, 0, 6 * FERRY_BLOCK_PAGES, false, &value), FERRY_E_FAULT_UNMAPPED);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_faults_fatal), 3);
	down();
}

/* Goal: a fault from an address space that nobody has is cancelled, and harms nobody. */
static void a_fault_of_a_stranger_is_cancelled(void **unused)
{
	(void)unused;
	up(1, 1);
	rig_fault_push(&rig, 0, rig_va(0), FERRY_ACCESS_READ);
	rig.dev[0].faults[0].asid = 63;
	rig_fault_push(&rig, 0, rig_va(0), FERRY_ACCESS_READ);
	rig.dev[0].faults[1].asid = 0xffffffff;
	rig_faults_deliver(&rig, 0);
	assert_int_equal(rig.dev[0].cancels, 2);
	assert_int_equal(rig.dev[0].last_reason, FERRY_E_VA_SPACE_DEAD);
	assert_int_equal(where(0), 0);
	down();
}

static void a_process_that_is_dying_is_not_served(void **unused)
{
	(void)unused;
	up(1, 1);
	rig.dying = true;
	rig_fault_push(&rig, 0, rig_va(0), FERRY_ACCESS_READ);
	rig_faults_deliver(&rig, 0);
	assert_int_equal(rig.dev[0].last_reason, FERRY_E_VA_SPACE_DEAD);
	rig.dying = false;
	down();
}

/* Goal: repeats are counted and cost no move. */
static void repeats_are_counted_and_free(void **unused)
{
	uint64_t copies;

	(void)unused;
	up(1, 1);
	(void)gpu_read(0, 0);
	copies = rig.dev[0].copies + rig.dev[0].fills;
	for (uint32_t i = 0; i < 5; i++)
		rig_fault_push(&rig, 0, rig_va(0), FERRY_ACCESS_READ);
	rig_faults_deliver(&rig, 0);
	assert_int_equal(rig.dev[0].copies + rig.dev[0].fills, copies);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_faults_duplicate), 5);
	down();
}

static void preferred_on_the_host_is_used_from_afar(void **unused)
{
	(void)unused;
	up(1, 1);
	advise(FERRY_ADVICE_PREFERRED, FERRY_WHERE_HOST);
	cpu_write(0, 5);
	assert_int_equal(gpu_read(0, 0), 5);
	gpu_write(0, 0, 6);
	assert_int_equal(where(0), 1);
	assert_int_equal(cpu_read(0), 6);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_pages_to_device), 0);
	assert_true(rig_counter(&rig, FERRY_COUNTER_maps_remote) > 0);
	advise(FERRY_ADVICE_PREFERRED, FERRY_WHERE_NONE);
	down();
}

static void read_mostly_pages_are_read_on_both_sides_without_faults(void **unused)
{
	uint64_t faults;

	(void)unused;
	up(2, 1);
	advise(FERRY_ADVICE_READ_MOSTLY, FERRY_WHERE_NONE);
	cpu_write(0, 11);
	assert_int_equal(gpu_read(0, 0), 11);
	assert_int_equal(gpu_read(1, 0), 11);
	assert_int_equal(where(0), 1 | 2 | 4);
	faults = rig_counter(&rig, FERRY_COUNTER_faults_cpu);
	assert_int_equal(cpu_read(0), 11); /* write-protected, not taken away */
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_faults_cpu), faults);
	cpu_write(0, 12);
	assert_int_equal(where(0), 1);
	assert_int_equal(gpu_read(1, 0), 12);
	gpu_write(1, 0, 13);
	assert_int_equal(where(0), 4);
	assert_int_equal(cpu_read(0), 13);
	assert_int_equal(where(0), 1 | 4); /* the reader got a copy */
	assert_int_equal(gpu_read(0, 0), 13);
	down();
}

/* Goal: a host without memory is a clear error on both sides, and works again when there is some. */
static void a_full_host_is_an_error_that_passes(void **unused)
{
	uint64_t value = 1;

	(void)unused;
	up(1, 1);
	rig.host_pages_max = 0;
	assert_int_equal(rig_cpu_access(&rig, 0, true, &value), FERRY_E_HOST_FULL);
	assert_int_equal(rig_gpu_access(&rig, 0, 0, true, &value), FERRY_E_HOST_FULL);
	assert_int_equal(where(0), 0);
	rig.host_pages_max = UINT32_MAX / 2;
	gpu_write(0, 0, 3);
	assert_int_equal(cpu_read(0), 3);
	down();
}

/* Goal: eviction needs no host memory: every page has had a home since it first moved. */
static void eviction_works_on_a_full_host(void **unused)
{
	(void)unused;
	up(1, 1);
	for (uint32_t i = 0; i < FERRY_BLOCK_PAGES; i++)
		gpu_write(0, i, i);
	for (uint32_t i = 0; i < FERRY_BLOCK_PAGES; i++)
		cpu_write(FERRY_BLOCK_PAGES + i, 7);
	rig.host_pages_max = 0;
	assert_int_equal(gpu_read(0, FERRY_BLOCK_PAGES), 7);
	for (uint32_t i = 1; i < FERRY_BLOCK_PAGES; i++)
		(void)gpu_read(0, FERRY_BLOCK_PAGES + i);
	assert_int_equal(cpu_read(3), 3);
	down();
}

/* Goal: a host that will not unmap is tried a bounded number of times, then the access is refused. */
static void a_zap_that_keeps_failing_ends_in_a_refusal(void **unused)
{
	uint64_t value = 0;
	int err = 0;

	(void)unused;
	up(1, 1);
	cpu_write(0, 5);
	rig.zap_fails = true;
	err = rig_gpu_access(&rig, 0, 0, true, &value);
	assert_int_equal(err, FERRY_E_FAULT_RETRY_LIMIT);
	assert_int_equal(cpu_read(0), 5);
	rig.zap_fails = false;
	gpu_write(0, 0, 6);
	down();
}

/* Goal: a CPU mapping that cannot be made now is no error: the access comes again. */
static void a_busy_address_space_is_tried_again(void **unused)
{
	(void)unused;
	up(1, 1);
	gpu_write(0, 0, 5);
	rig.insert_busy = true;
	assert_int_equal(ferry_core_cpu_fault(rig.core, rig.vs, rig_va(0), false), 0);
	assert_false(rig.cpu_mapped[0]);
	rig.insert_busy = false;
	assert_int_equal(cpu_read(0), 5);
	down();
}

/* Two devices write a page in turns until neither has to ask for it any more. */
static void contest(uint32_t page, uint64_t *value)
{
	uint64_t quiet = 0;

	for (uint32_t i = 0; i < 2000 && quiet < 4; i++) {
		uint64_t faults = rig_counter(&rig, FERRY_COUNTER_faults_gpu);

		assert_int_equal(gpu_read(i % 2, page), *value);
		gpu_write(i % 2, page, ++*value);
		quiet = rig_counter(&rig, FERRY_COUNTER_faults_gpu) == faults ? quiet + 1 : 0;
	}
	assert_int_equal(quiet, 4);
}

/*
 * Goal: devices that take a page from each other end up sharing it, so that both get on; nothing is lost, and a
 * request still moves it. Method: two devices write it in turns; a machine that is slow makes some turns too late to
 * count, so there are many.
 */
static void a_page_that_devices_contest_is_shared_at_home(void **unused)
{
	struct ferry_req_migrate req = {.size = sizeof(req), .base = rig_va(3), .bytes = FERRY_PAGE_SIZE};
	uint64_t value = 1;

	(void)unused;
	up(2, 2);
	cpu_write(3, value);
	contest(3, &value);
	assert_int_equal(where(3), 1); /* the host */
	assert_int_equal(cpu_read(3), value);
	cpu_write(3, ++value);
	assert_int_equal(gpu_read(0, 3), value);

	assert_int_equal(rig_request(&rig, FERRY_REQ_MIGRATE, &req, sizeof(req)), 0);
	assert_int_equal(where(3), 2); /* device 0 */
	assert_int_equal(gpu_read(1, 3), value);
	rig_audit(&rig);

	/* Long after: what is remote is looked at again when its block is served. */
	contest(3, &value);
	usleep(120000);
	gpu_write(0, 40, 1);
	gpu_write(1, 3, ++value);
	assert_int_equal(where(3), 4); /* device 1 */
	assert_int_equal(cpu_read(3), value);
	down();
}

/* Goal: a request to move pages moves them, however often it was asked. Method: to and fro, faster than faults count.
 */
static void requests_to_move_are_no_contest(void **unused)
{
	struct ferry_req_migrate req = {.size = sizeof(req), .base = rig_va(3), .bytes = FERRY_PAGE_SIZE};

	(void)unused;
	up(2, 2);
	cpu_write(3, 7);
	for (uint32_t i = 0; i < 40; i++) {
		req.where = i % 2;
		assert_int_equal(rig_request(&rig, FERRY_REQ_MIGRATE, &req, sizeof(req)), 0);
		assert_int_equal(where(3), i % 2 ? 4 : 2);
	}
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_maps_remote), 0);
	assert_int_equal(cpu_read(3), 7);
	down();
}

/* Goal: devices that cannot use host memory go on taking pages from each other, and lose nothing. */
static void devices_that_reach_only_their_own_memory_take_turns(void **unused)
{
	uint64_t value = 1;

	(void)unused;
	rig_up(&rig, 2, 2 * FERRY_BLOCK_SIZE, RIG_CAPS_ALL & ~(1u << FERRY_CAP_HOST_MAP));
	assert_int_equal(rig_range(&rig, 0, 4 * FERRY_BLOCK_PAGES), 0);
	rig_join(&rig, 0);
	rig_join(&rig, 1);
	cpu_write(3, value);
	for (uint32_t i = 0; i < 40; i++) {
		assert_int_equal(gpu_read(i % 2, 3), value);
		gpu_write(i % 2, 3, ++value);
		assert_int_equal(where(3), i % 2 ? 4 : 2);
	}
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_maps_remote), 0);
	assert_int_equal(cpu_read(3), value);
	down();
}

/* Goal: when a device dies, its only copies are gone and say so; what the host had is fine. */
static void a_lost_device_takes_only_its_own_pages(void **unused)
{
	uint64_t value = 0;

	(void)unused;
	up(1, 2);
	for (uint32_t i = 0; i < 2 * FERRY_BLOCK_PAGES; i++)
		cpu_write(i, i);
	gpu_write(0, 0, 99);
	(void)gpu_read(0, FERRY_BLOCK_PAGES);
	rig.dev[0].gone = true;
	assert_int_equal(rig_cpu_access(&rig, 0, false, &value), FERRY_E_DEVICE_LOST);
	assert_int_equal(cpu_read(FERRY_BLOCK_PAGES), FERRY_BLOCK_PAGES);
	assert_int_equal(cpu_read(FERRY_BLOCK_PAGES - 1), FERRY_BLOCK_PAGES - 1);
	assert_int_equal(rig_gpu_access(&rig, 0, 1, false, &value), FERRY_E_DEVICE_LOST);
	rig_down(&rig);
}

/* Goal: a copy that fails half way never leaves a wrong byte: the device is lost, and pages are right or lost. */
static void a_copy_that_fails_never_gives_stale_bytes(void **unused)
{
	(void)unused;
	for (uint64_t n = 0; n < 8; n++) {
		up(1, 1);
		for (uint32_t i = 0; i < 2 * FERRY_BLOCK_PAGES; i += 3)
			cpu_write(i, i);
		rig.dev[0].copies_ok = n;
		rig.dev[0].copy_fails = true;
		for (uint32_t i = 0; i < 2 * FERRY_BLOCK_PAGES; i += 32) {
			uint64_t value = 1000000 + i;

			(void)rig_gpu_access(&rig, 0, i, true, &value);
		}
		for (uint32_t i = 0; i < 2 * FERRY_BLOCK_PAGES; i++) {
			uint64_t value = 0;
			int err = rig_cpu_access(&rig, i, false, &value);

			if (err)
				assert_int_equal(err, FERRY_E_DEVICE_LOST);
			else
				assert_true(value == (i % 3 ? 0 : i) || value == 1000000 + i);
		}
		rig_down(&rig);
	}
}

/* A little of everything; errors are allowed, wrong values are not. */
static void scenario(void)
{
	for (uint32_t i = 0; i < 3 * FERRY_BLOCK_PAGES; i += 50) {
		uint64_t value = i;

		if (rig_cpu_access(&rig, i, true, &value))
			continue;
		value = 0;
		if (!rig_gpu_access(&rig, 0, i, false, &value))
			assert_int_equal(value, i);
		value = i + 1;
		if (rig_gpu_access(&rig, 0, i, true, &value))
			value = i;
		if (!rig_cpu_access(&rig, i, false, &value))
			assert_true(value == i || value == i + 1);
	}
}

/*
 * Goal: every allocation may fail, at any point: an error, no wrong value, no leak, and the next try works.
 * Method: the n-th allocation fails, for every n that the scenario reaches.
 */
static void any_allocation_may_fail(void **unused)
{
	uint64_t live;

	(void)unused;
	for (uint32_t n = 1; n < 60; n++) {
		live = ferry_user_live_allocs();
		up(1, 1);
		ferry_user_fail_nth_alloc(n);
		scenario();
		ferry_user_fail_nth_alloc(0);
		rig_audit(&rig);
		scenario();
		down();
		assert_int_equal(ferry_user_live_allocs(), live);
	}
}

/* The same while the driver is being built: what was half made is taken apart. */
static void any_allocation_may_fail_while_a_device_is_added(void **unused)
{
	(void)unused;
	for (uint32_t n = 1; n < 200; n++) {
		struct ferry_core_params params = {.fault_entries = 64, .batch_max = 32};
		uint64_t live = ferry_user_live_allocs();
		struct ferry_core *core;
		uint32_t id;
		int err;

		rig_up(&rig, 1, FERRY_BLOCK_SIZE, RIG_CAPS_ALL);
		ferry_user_fail_nth_alloc(n);
		err = ferry_core_create(&params, &core);
		if (!err) {
			err = ferry_core_add_device(core, rig_hal_table(), rig_bus_table(), &rig.dev[0], &id);
			ferry_user_fail_nth_alloc(0);
			ferry_core_destroy(core);
		}
		ferry_user_fail_nth_alloc(0);
		rig_down(&rig);
		assert_int_equal(ferry_user_live_allocs(), live);
		if (!err)
			return; /* n is beyond the last one */
	}
	fail_msg("adding a device takes more than 200 allocations");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_only_read_goes_home_for_free),
		cmocka_unit_test(what_was_written_is_copied_home),
		cmocka_unit_test(untouched_memory_goes_home_for_free),
		cmocka_unit_test(untouched_memory_reads_as_zero),
		cmocka_unit_test(a_stream_takes_few_faults),
		cmocka_unit_test(a_stream_brings_the_next_block_whole),
		cmocka_unit_test(blocks_that_thrash_bring_less_until_they_fit),
		cmocka_unit_test(a_bad_access_is_cancelled_alone),
		cmocka_unit_test(a_fault_of_a_stranger_is_cancelled),
		cmocka_unit_test(a_process_that_is_dying_is_not_served),
		cmocka_unit_test(repeats_are_counted_and_free),
		cmocka_unit_test(preferred_on_the_host_is_used_from_afar),
		cmocka_unit_test(read_mostly_pages_are_read_on_both_sides_without_faults),
		cmocka_unit_test(a_full_host_is_an_error_that_passes),
		cmocka_unit_test(eviction_works_on_a_full_host),
		cmocka_unit_test(a_zap_that_keeps_failing_ends_in_a_refusal),
		cmocka_unit_test(a_busy_address_space_is_tried_again),
		cmocka_unit_test(a_page_that_devices_contest_is_shared_at_home),
		cmocka_unit_test(requests_to_move_are_no_contest),
		cmocka_unit_test(devices_that_reach_only_their_own_memory_take_turns),
		cmocka_unit_test(a_lost_device_takes_only_its_own_pages),
		cmocka_unit_test(a_copy_that_fails_never_gives_stale_bytes),
		cmocka_unit_test(any_allocation_may_fail),
		cmocka_unit_test(any_allocation_may_fail_while_a_device_is_added),
	};

	return cmocka_run_group_tests_name("core/service", tests, NULL, NULL);
}
