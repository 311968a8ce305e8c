/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* ferry_service_page(): the short way of one page, against the general one. */
/* TEST-SOURCES: @core test/unit/core/rig.c test/unit/core/rig_audit.c test/unit/core/rig_external.c */
#include "test/unit/cmocka_compat.h"
#include "test/unit/core/rig.h"
#include "va/va_space.h"

static struct rig rig;

static void down(void)
{
	rig_audit(&rig);
	rig_down(&rig);
}

static uint64_t gpu(uint32_t d, uint32_t page, bool write, uint64_t value)
{
	assert_int_equal(rig_gpu_access(&rig, d, page, write, &value), 0);
	rig_audit(&rig);
	return value;
}

static uint64_t cpu_read(uint32_t page)
{
	uint64_t value = 0;

	assert_int_equal(rig_cpu_access(&rig, page, false, &value), 0);
	return value;
}

static void home(uint32_t page)
{
	struct ferry_req_migrate req = {
		.size = sizeof(req), .base = rig_va(page), .bytes = FERRY_PAGE_SIZE, .where = FERRY_WHERE_HOST};

	assert_int_equal(rig_request(&rig, FERRY_REQ_MIGRATE, &req, sizeof(req)), 0);
}

static uint8_t where(uint32_t page)
{
	struct ferry_req_residency req = {.size = sizeof(req), .pages = 1, .base = rig_va(page)};

	assert_int_equal(rig_request(&rig, FERRY_REQ_RESIDENCY, &req, sizeof(req)), 0);
	return req.where[0];
}

/* How many pages went the short way: only there is a copy in this set of counters. */
static uint64_t short_ways(void)
{
	return ferry_counter_read(&rig.vs->served[0], FERRY_COUNTER_pages_to_device);
}

/*
 * One allocation of so many pages, all at home, each written by the CPU with its number + 100. Device 0 has met its
 * block: the first fault makes its presence there, which is the general way's.
 */
static void up(uint32_t devices, uint32_t pages)
{
	rig_up(&rig, devices, 2 * FERRY_BLOCK_SIZE, RIG_CAPS_ALL);
	assert_int_equal(rig_range(&rig, 0, pages), 0);
	for (uint32_t d = 0; d < devices; d++)
		rig_join(&rig, d);
	for (uint32_t i = 0; i < pages; i++) {
		uint64_t value = 100 + i;

		assert_int_equal(rig_cpu_access(&rig, i, true, &value), 0);
	}
	(void)gpu(0, 0, false, 0);
	for (uint32_t i = 0; i < pages; i++)
		home(i);
	assert_uint_equal(short_ways(), 0);
}

struct outcome {
	uint64_t read, read_back, faults, to_device, bytes, zeroed, zaps;
	uint8_t after_read, after_write;
};

/* Read by device 0, home, written by it, read by the CPU. two: another device knows the block. */
static struct outcome run(bool two)
{
	struct outcome o;
	uint64_t faults, pages, bytes, zaps;

	up(two ? 2 : 1, 1);
	if (two) {
		(void)gpu(1, 0, false, 0);
		home(0);
	}
	(void)cpu_read(0); /* so that the CPU has it mapped */
	faults = rig_counter(&rig, FERRY_COUNTER_faults_gpu);
	pages = rig_counter(&rig, FERRY_COUNTER_pages_to_device);
	bytes = rig_counter(&rig, FERRY_COUNTER_bytes_to_device);
	zaps = rig_counter(&rig, FERRY_COUNTER_zaps);
	o.read = gpu(0, 0, false, 0);
	o.after_read = where(0);
	home(0);
	(void)gpu(0, 0, true, 7);
	o.after_write = where(0);
	o.faults = rig_counter(&rig, FERRY_COUNTER_faults_gpu) - faults;
	o.to_device = rig_counter(&rig, FERRY_COUNTER_pages_to_device) - pages;
	o.bytes = rig_counter(&rig, FERRY_COUNTER_bytes_to_device) - bytes;
	o.zeroed = rig_counter(&rig, FERRY_COUNTER_bytes_zeroed);
	o.zaps = rig_counter(&rig, FERRY_COUNTER_zaps) - zaps;
	assert_uint_equal(short_ways(), two ? 0 : o.to_device);
	o.read_back = cpu_read(0);
	down();
	return o;
}

/*
 * Goal: the short way ends where the general one does: bytes, residency, counters.
 * Method: the same accesses to a page that only one device knows, and to one that a second device knows, which is not
 * for the short way.
 */
static void both_ways_end_alike(void **unused)
{
	struct outcome quick, general;

	(void)unused;
	memset(&quick, 0, sizeof(quick));
	memset(&general, 0, sizeof(general));
	quick = run(false);
	general = run(true);
	assert_uint_equal(quick.read, 100);
	assert_uint_equal(quick.read_back, 7);
	assert_uint_equal(quick.after_read, 1 | 2);
	assert_uint_equal(quick.after_write, 2);
	assert_uint_equal(quick.to_device, 2);
	assert_uint_equal(quick.bytes, 2 * FERRY_PAGE_SIZE);
	assert_uint_equal(quick.read, general.read);
	assert_uint_equal(quick.read_back, general.read_back);
	assert_uint_equal(quick.after_read, general.after_read);
	assert_uint_equal(quick.after_write, general.after_write);
	assert_uint_equal(quick.faults, general.faults);
	assert_uint_equal(quick.to_device, general.to_device);
	assert_uint_equal(quick.bytes, general.bytes);
	assert_uint_equal(quick.zeroed, general.zeroed);
	assert_uint_equal(quick.zaps, general.zaps);
}

/*
 * Goal: the last page of a 64 KiB group makes it one big page, on the short way too.
 * Method: all 16 pages go over; one comes home and goes back; the audit compares maps and page tables.
 */
static void the_last_page_of_a_group_is_noticed(void **unused)
{
	(void)unused;
	up(1, FERRY_BIG_PAGES);
	for (uint32_t i = 0; i < FERRY_BIG_PAGES; i++)
		assert_uint_equal(gpu(0, i, true, i), i);
	assert_uint_equal(short_ways(), 0);
	home(3);
	(void)gpu(0, 3, true, 33);
	assert_uint_equal(short_ways(), 1);
	for (uint32_t i = 0; i < FERRY_BIG_PAGES; i++)
		assert_uint_equal(cpu_read(i), i == 3 ? 33 : i);
	down();
}

/*
 * Goal: a page that neighbours would come along with, one that somebody holds, and one that policy keeps at home go
 * the general way.
 * Method: each once; the page is where the general way leaves it, and the short way was not taken.
 */
static void the_unusual_goes_the_general_way(void **unused)
{
	struct ferry_req_advise advice = {.size = sizeof(advice),
	                                  .base = 0,
	                                  .bytes = FERRY_PAGE_SIZE,
	                                  .advice = FERRY_ADVICE_PREFERRED,
	                                  .where = FERRY_WHERE_HOST};

	(void)unused;
	up(1, 2);
	assert_uint_equal(gpu(0, 0, false, 0), 100);
	assert_uint_equal(where(1), 1 | 2);
	assert_uint_equal(short_ways(), 0);
	down();

	up(1, 1);
	rig.pinned[0] = true;
	assert_uint_equal(gpu(0, 0, false, 0), 100);
	assert_uint_equal(where(0), 1);
	assert_uint_equal(short_ways(), 0);
	rig.pinned[0] = false;
	down();

	up(1, 1);
	advice.base = rig_va(0);
	assert_int_equal(rig_request(&rig, FERRY_REQ_ADVISE, &advice, sizeof(advice)), 0);
	assert_uint_equal(gpu(0, 0, false, 0), 100);
	assert_uint_equal(where(0), 1);
	assert_uint_equal(short_ways(), 0);
	down();
}

/*
 * Goal: what fails on the short way is tried on the general one, and told as it tells it.
 * Method: a host that will not unmap, until the fault is refused; then one that does.
 */
static void a_failure_is_the_general_ways(void **unused)
{
	uint64_t value = 0;

	(void)unused;
	up(1, 1);
	rig.zap_fails = true;
	assert_int_equal(rig_gpu_access(&rig, 0, 0, true, &value), FERRY_E_FAULT_RETRY_LIMIT);
	assert_uint_equal(short_ways(), 0);
	rig.zap_fails = false;
	(void)gpu(0, 0, true, 5);
	assert_uint_equal(short_ways(), 1);
	assert_uint_equal(cpu_read(0), 5);
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_end_alike),
		cmocka_unit_test(the_last_page_of_a_group_is_noticed),
		cmocka_unit_test(the_unusual_goes_the_general_way),
		cmocka_unit_test(a_failure_is_the_general_ways),
	};

	return cmocka_run_group_tests_name("core/page", tests, NULL, NULL);
}
