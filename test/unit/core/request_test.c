/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Requests that no sane library sends: each is refused with its own code, and changes nothing. */
/* TEST-SOURCES: @core test/unit/core/rig.c test/unit/core/rig_audit.c test/unit/core/rig_external.c */
#include <string.h>

#include "test/unit/cmocka_compat.h"
#include "test/unit/core/rig.h"

static struct rig rig;

static int setup(void **unused)
{
	(void)unused;
	rig_up(&rig, 1, 4 * FERRY_BLOCK_SIZE, RIG_CAPS_ALL);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	rig_down(&rig);
	return 0;
}

/* Goal: an unknown number is ENOTTY's code. Method: numbers around and far from the known ones. */
static void an_unknown_request_is_refused(void **unused)
{
	static const uint32_t numbers[] = {0, FERRY_REQ_LOCKS + 1, 1000, UINT32_MAX};
	uint64_t buf[64] = {0};

	(void)unused;
	for (uint32_t i = 0; i < FERRY_ARRAY_SIZE(numbers); i++)
		assert_int_equal(rig_request(&rig, numbers[i], buf, sizeof(buf)), FERRY_E_REQUEST);
}

/* Goal: no size is taken at its word. Method: every request with every size from 0 to 600 in a buffer that is
 * smaller. */
static void sizes_that_do_not_fit_are_refused(void **unused)
{
	uint8_t buf[700];

	(void)unused;
	for (uint32_t request = 1; request <= FERRY_REQ_LOCKS; request++) {
		assert_int_equal(rig_request(&rig, request, NULL, 100), FERRY_E_REQUEST_SIZE);
		for (uint32_t room = 0; room < 4; room++)
			assert_int_equal(rig_request(&rig, request, buf, room), FERRY_E_REQUEST_SIZE);
		for (uint32_t size = 0; size < 8; size++) {
			memset(buf, 0, sizeof(buf));
			memcpy(buf, &size, sizeof(size));
			assert_int_equal(rig_request(&rig, request, buf, sizeof(buf)), FERRY_E_REQUEST_SIZE);
		}
		for (uint32_t size = 100; size < 600; size += 7) {
			memset(buf, 0, sizeof(buf));
			memcpy(buf, &size, sizeof(size));
			assert_int_equal(rig_request(&rig, request, buf, size - 1), FERRY_E_REQUEST_SIZE);
		}
	}
}

/* Goal: a newer library is understood when it asks for nothing new, and refused when it does. */
static void a_larger_struct_is_taken_only_with_zeros_behind(void **unused)
{
	struct {
		struct ferry_req_range range;
		uint64_t later;
	} req = {.range = {.size = sizeof(req), .base = RIG_BASE, .bytes = FERRY_PAGE_SIZE}, .later = 1};

	(void)unused;
	assert_int_equal(rig_request(&rig, FERRY_REQ_RANGE_CREATE, &req, sizeof(req)), FERRY_E_REQUEST_SIZE);
	req.later = 0;
	assert_int_equal(rig_request(&rig, FERRY_REQ_RANGE_CREATE, &req, sizeof(req)), 0);
}

static int create(uint64_t base, uint64_t bytes, uint32_t flags)
{
	struct ferry_req_range req = {.size = sizeof(req), .base = base, .bytes = bytes, .flags = flags};

	return rig_request(&rig, FERRY_REQ_RANGE_CREATE, &req, sizeof(req));
}

static int destroy(uint64_t base)
{
	struct ferry_req_range req = {.size = sizeof(req), .base = base};

	return rig_request(&rig, FERRY_REQ_RANGE_DESTROY, &req, sizeof(req));
}

/* Goal: each way of being a bad range has its code. Method: one of each, then a good one still works. */
static void bad_ranges_are_told_apart(void **unused)
{
	(void)unused;
	assert_int_equal(create(RIG_BASE, 0, 0), FERRY_E_RANGE_ZERO);
	assert_int_equal(create(RIG_BASE, 100, 0), FERRY_E_RANGE_ALIGN);
	assert_int_equal(create(RIG_BASE + 1, FERRY_PAGE_SIZE, 0), FERRY_E_RANGE_ALIGN);
	assert_int_equal(create(RIG_BASE + FERRY_PAGE_SIZE, FERRY_PAGE_SIZE, 0), FERRY_E_RANGE_ALIGN);
	assert_int_equal(create(0, FERRY_PAGE_SIZE, 0), FERRY_E_RANGE_ALIGN);
	assert_int_equal(create(FERRY_VA_END - FERRY_BLOCK_SIZE, 2 * FERRY_BLOCK_SIZE, 0), FERRY_E_RANGE_OVERFLOW);
	assert_int_equal(create(UINT64_MAX & ~(FERRY_BLOCK_SIZE - 1), FERRY_BLOCK_SIZE, 0), FERRY_E_RANGE_OVERFLOW);
	assert_int_equal(create(RIG_BASE, UINT64_MAX & ~(FERRY_PAGE_SIZE - 1), 0), FERRY_E_RANGE_OVERFLOW);
	assert_int_equal(create(RIG_BASE, FERRY_PAGE_SIZE, 2), FERRY_E_REQUEST_FLAGS);
	assert_int_equal(create(RIG_BASE, 3 * FERRY_BLOCK_SIZE, 0), 0);
	assert_int_equal(create(RIG_BASE, FERRY_PAGE_SIZE, 0), FERRY_E_RANGE_OVERLAP);
	assert_int_equal(create(RIG_BASE + 2 * FERRY_BLOCK_SIZE, 2 * FERRY_BLOCK_SIZE, 0), FERRY_E_RANGE_OVERLAP);
	assert_int_equal(create(RIG_BASE + 3 * FERRY_BLOCK_SIZE, FERRY_BLOCK_SIZE, 0), 0);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_managed_bytes), 4 * FERRY_BLOCK_SIZE);
}

/* Goal: freeing what is not there, twice, or in the middle is an error each time. */
static void destroying_twice_or_in_the_middle_is_refused(void **unused)
{
	(void)unused;
	assert_int_equal(create(RIG_BASE, 2 * FERRY_BLOCK_SIZE, 0), 0);
	assert_int_equal(destroy(RIG_BASE + FERRY_BLOCK_SIZE), FERRY_E_RANGE_NOT_START);
	assert_int_equal(destroy(RIG_BASE + 4 * FERRY_BLOCK_SIZE), FERRY_E_RANGE_NOT_FOUND);
	assert_int_equal(destroy(UINT64_MAX), FERRY_E_RANGE_NOT_FOUND);
	assert_int_equal(destroy(RIG_BASE), 0);
	assert_int_equal(destroy(RIG_BASE), FERRY_E_RANGE_NOT_FOUND);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_managed_bytes), 0);
}

static int migrate(uint64_t base, uint64_t bytes, uint32_t where, uint32_t flags)
{
	struct ferry_req_migrate req = {
		.size = sizeof(req), .base = base, .bytes = bytes, .where = where, .flags = flags};

	return rig_request(&rig, FERRY_REQ_MIGRATE, &req, sizeof(req));
}

static void migrations_to_nowhere_or_of_nothing_are_refused(void **unused)
{
	(void)unused;
	assert_int_equal(create(RIG_BASE, FERRY_BLOCK_SIZE + FERRY_PAGE_SIZE, 0), 0);
	assert_int_equal(migrate(RIG_BASE, 0, 0, 0), FERRY_E_RANGE_ZERO);
	assert_int_equal(migrate(RIG_BASE, FERRY_PAGE_SIZE, 1, 0), FERRY_E_DEVICE_ID);
	assert_int_equal(migrate(RIG_BASE, FERRY_PAGE_SIZE, FERRY_WHERE_NONE, 0), FERRY_E_DEVICE_ID);
	assert_int_equal(migrate(RIG_BASE, FERRY_PAGE_SIZE, 0, 4), FERRY_E_REQUEST_FLAGS);
	assert_int_equal(migrate(RIG_BASE + 1, FERRY_PAGE_SIZE, 0, 0), FERRY_E_RANGE_ALIGN);
	assert_int_equal(migrate(RIG_BASE, FERRY_BLOCK_SIZE + 2 * FERRY_PAGE_SIZE, 0, 0), FERRY_E_RANGE_NOT_FOUND);
	assert_int_equal(migrate(RIG_BASE + 8 * FERRY_BLOCK_SIZE, FERRY_PAGE_SIZE, 0, 0), FERRY_E_RANGE_NOT_FOUND);
	assert_int_equal(migrate(RIG_BASE, FERRY_BLOCK_SIZE + FERRY_PAGE_SIZE, 0, 0), 0);
}

static int advise(uint32_t advice, uint32_t where)
{
	struct ferry_req_advise req = {
		.size = sizeof(req), .advice = advice, .base = RIG_BASE, .bytes = FERRY_PAGE_SIZE, .where = where};

	return rig_request(&rig, FERRY_REQ_ADVISE, &req, sizeof(req));
}

static void advice_that_does_not_fit_its_place_is_refused(void **unused)
{
	(void)unused;
	assert_int_equal(create(RIG_BASE, FERRY_PAGE_SIZE, 0), 0);
	assert_int_equal(advise(0, 0), FERRY_E_ADVICE);
	assert_int_equal(advise(6, 0), FERRY_E_ADVICE);
	assert_int_equal(advise(FERRY_ADVICE_PREFERRED, 1), FERRY_E_ADVICE);
	assert_int_equal(advise(FERRY_ADVICE_ACCESSED_BY, FERRY_WHERE_HOST), FERRY_E_ADVICE);
	assert_int_equal(advise(FERRY_ADVICE_READ_MOSTLY, 0), FERRY_E_ADVICE);
	assert_int_equal(advise(FERRY_ADVICE_READ_MOSTLY, FERRY_WHERE_NONE), 0);
	assert_int_equal(advise(FERRY_ADVICE_PREFERRED, FERRY_WHERE_HOST), 0);
}

static uint32_t load(uint32_t args)
{
	struct {
		struct ferry_req_program_load req;
		uint64_t insns[2];
	} load = {.req = {.size = sizeof(load.req), .insn_count = 2, .arg_count = args}};

	assert_int_equal(rig_request(&rig, FERRY_REQ_PROGRAM_LOAD, &load, sizeof(load)), 0);
	return load.req.program;
}

static void programs_are_checked_before_the_device_sees_them(void **unused)
{
	struct {
		struct ferry_req_program_load req;
		uint64_t insns[2];
	} load = {.req = {.size = sizeof(load.req), .insn_count = 3}};

	(void)unused;
	assert_int_equal(rig_request(&rig, FERRY_REQ_PROGRAM_LOAD, &load, sizeof(load)), FERRY_E_REQUEST_SIZE);
	load.req.insn_count = UINT32_MAX;
	assert_int_equal(rig_request(&rig, FERRY_REQ_PROGRAM_LOAD, &load, sizeof(load)), FERRY_E_REQUEST_SIZE);
	load.req.insn_count = 0;
	assert_int_equal(rig_request(&rig, FERRY_REQ_PROGRAM_LOAD, &load, sizeof(load)), FERRY_E_PROGRAM_SIZE);
	load.req.insn_count = 2;
	load.req.arg_count = 17;
	assert_int_equal(rig_request(&rig, FERRY_REQ_PROGRAM_LOAD, &load, sizeof(load)), FERRY_E_PROGRAM_ARGS);
	load.req.arg_count = 1;
	load.req.device = 5;
	assert_int_equal(rig_request(&rig, FERRY_REQ_PROGRAM_LOAD, &load, sizeof(load)), FERRY_E_DEVICE_ID);
}

static void launches_are_checked_before_they_are_queued(void **unused)
{
	struct ferry_req_launch good = {
		.size = sizeof(good), .program = load(2), .grid = {1, 1, 1}, .block = {32, 1, 1}, .arg_count = 2};
	struct ferry_req_launch bad;

	(void)unused;
	bad = good, bad.arg_count = 1;
	assert_int_equal(rig_request(&rig, FERRY_REQ_LAUNCH, &bad, sizeof(bad)), FERRY_E_LAUNCH_ARGS);
	bad = good, bad.arg_count = 17;
	assert_int_equal(rig_request(&rig, FERRY_REQ_LAUNCH, &bad, sizeof(bad)), FERRY_E_LAUNCH_ARGS);
	bad = good, bad.grid[1] = 0;
	assert_int_equal(rig_request(&rig, FERRY_REQ_LAUNCH, &bad, sizeof(bad)), FERRY_E_LAUNCH_SHAPE);
	bad = good, bad.block[0] = 512, bad.block[1] = 512;
	assert_int_equal(rig_request(&rig, FERRY_REQ_LAUNCH, &bad, sizeof(bad)), FERRY_E_LAUNCH_SHAPE);
	bad = good, bad.grid[0] = bad.grid[1] = bad.grid[2] = UINT32_MAX;
	assert_int_equal(rig_request(&rig, FERRY_REQ_LAUNCH, &bad, sizeof(bad)), FERRY_E_LAUNCH_SHAPE);
	bad = good, bad.program ^= 0x10000;
	assert_int_equal(rig_request(&rig, FERRY_REQ_LAUNCH, &bad, sizeof(bad)), FERRY_E_PROGRAM_ID);
	bad = good, bad.program = 0;
	assert_int_equal(rig_request(&rig, FERRY_REQ_LAUNCH, &bad, sizeof(bad)), FERRY_E_PROGRAM_ID);
	bad = good, bad.flags = 1;
	assert_int_equal(rig_request(&rig, FERRY_REQ_LAUNCH, &bad, sizeof(bad)), FERRY_E_REQUEST_FLAGS);
	bad = good, bad.device = 3;
	assert_int_equal(rig_request(&rig, FERRY_REQ_LAUNCH, &bad, sizeof(bad)), FERRY_E_DEVICE_ID);
	assert_int_equal(rig_request(&rig, FERRY_REQ_LAUNCH, &good, sizeof(good)), 0);
	assert_int_equal(good.launch, 1);
}

static int wait_for(uint64_t launch)
{
	struct ferry_req_wait req = {.size = sizeof(req), .launch = launch, .timeout_ns = 1000000000};

	return rig_request(&rig, FERRY_REQ_WAIT, &req, sizeof(req));
}

/* Goal: results are kept for the last 256 launches, and no number beyond them is believed. */
static void only_launches_whose_results_are_kept_can_be_waited_for(void **unused)
{
	struct ferry_req_launch req = {
		.size = sizeof(req), .program = load(0), .grid = {1, 1, 1}, .block = {1, 1, 1}};

	(void)unused;
	assert_int_equal(wait_for(0), FERRY_E_LAUNCH_ID);
	assert_int_equal(wait_for(1), FERRY_E_LAUNCH_ID);
	for (uint32_t i = 1; i <= 300; i++) {
		assert_int_equal(rig_request(&rig, FERRY_REQ_LAUNCH, &req, sizeof(req)), 0);
		assert_int_equal(req.launch, i);
	}
	assert_int_equal(wait_for(300), 0);
	assert_int_equal(wait_for(45), 0);
	assert_int_equal(wait_for(44), FERRY_E_LAUNCH_ID);
	assert_int_equal(wait_for(301), FERRY_E_LAUNCH_ID);
	assert_int_equal(wait_for(UINT64_MAX), FERRY_E_LAUNCH_ID);
	assert_int_equal(rig_counter(&rig, FERRY_COUNTER_launches), 300);
}

/* Goal: a device whose launches have ended is left in peace, also when nobody waited for them. */
static void the_watchdog_rests_when_launches_have_ended(void **unused)
{
	struct ferry_req_launch req = {
		.size = sizeof(req), .program = load(0), .grid = {1, 1, 1}, .block = {1, 1, 1}};
	struct ferry_device *gpu = rig.core->devices[0];
	uint64_t start = ferry_os_now_ns();

	(void)unused;
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(rig_request(&rig, FERRY_REQ_LAUNCH, &req, sizeof(req)), 0);
	while (ferry_os_load_acquire(&gpu->launches) && ferry_os_now_ns() - start < 10000000000ull)
		ferry_os_relax();
	assert_int_equal(ferry_os_load_acquire(&gpu->launches), 0);
}

static void an_unloaded_program_is_gone_and_its_place_free(void **unused)
{
	struct ferry_req_program_unload req = {.size = sizeof(req), .program = load(0)};
	struct ferry_req_program_unload again = req;

	(void)unused;
	assert_int_equal(rig_request(&rig, FERRY_REQ_PROGRAM_UNLOAD, &req, sizeof(req)), 0);
	assert_int_equal(rig_request(&rig, FERRY_REQ_PROGRAM_UNLOAD, &again, sizeof(again)), FERRY_E_PROGRAM_ID);
	for (uint32_t i = 0; i < 8; i++)
		(void)load(0); /* the rig's device has eight slots */
}

static void versions_meet_or_say_that_they_do_not(void **unused)
{
	struct ferry_req_version req = {.size = sizeof(req), .min = 1, .max = 7};

	(void)unused;
	assert_int_equal(rig_request(&rig, FERRY_REQ_VERSION, &req, sizeof(req)), 0);
	assert_int_equal(req.max, FERRY_UAPI_VERSION);
	req.min = FERRY_UAPI_VERSION + 1;
	req.max = FERRY_UAPI_VERSION + 2;
	assert_int_equal(rig_request(&rig, FERRY_REQ_VERSION, &req, sizeof(req)), FERRY_E_VERSION);
	req.min = 0;
	req.max = 0;
	assert_int_equal(rig_request(&rig, FERRY_REQ_VERSION, &req, sizeof(req)), FERRY_E_VERSION);
}

static void every_capability_has_a_sentence(void **unused)
{
	(void)unused;
	for (uint32_t c = 0; c < FERRY_CAPABILITIES; c++) {
		struct ferry_req_capability req = {.size = sizeof(req), .capability = c};

		assert_int_equal(rig_request(&rig, FERRY_REQ_CAPABILITY, &req, sizeof(req)), 0);
		assert_true(strlen(req.reason) > 15);
	}
	struct ferry_req_capability req = {.size = sizeof(req), .capability = FERRY_CAPABILITIES};
	assert_int_equal(rig_request(&rig, FERRY_REQ_CAPABILITY, &req, sizeof(req)), FERRY_E_INVAL);
}

static struct ferry_req_locks lock_row(uint32_t row)
{
	struct ferry_req_locks req = {.size = sizeof(req), .row = row};

	assert_int_equal(rig_request(&rig, FERRY_REQ_LOCKS, &req, sizeof(req)), 0);
	return req;
}

/*
 * Goal: each row of the lock order says its name and rule, and what was seen of it: something after some work,
 * nothing that the order forbids; a row past the last is refused. Method: move a page often enough for a
 * context to be watched, then read all rows.
 */
static void every_row_of_the_lock_order_can_be_read(void **unused)
{
	struct ferry_req_locks req, first = lock_row(0);
	uint64_t acquired = 0, seen = 0;

	(void)unused;
	assert_string_equal(first.name, "GLOBAL");
	assert_string_equal(first.kind, "mutex");
	assert_uint_equal(first.rows, FERRY_LOCK_CLASSES);
	assert_int_equal(create(RIG_BASE, FERRY_BLOCK_SIZE, 0), 0);
	for (uint32_t i = 0; i < 2 * FERRY_LOCK_BOOK_ONE_IN; i++) {
		struct ferry_req_migrate move = {
			.size = sizeof(move), .base = RIG_BASE, .bytes = FERRY_PAGE_SIZE, .where = 0};

		assert_int_equal(rig_request(&rig, FERRY_REQ_MIGRATE, &move, sizeof(move)), 0);
	}
	for (uint32_t row = 0; row < first.rows + first.operations; row++) {
		req = lock_row(row);
		assert_true(req.name[0] && strcmp(req.name, "UNKNOWN"));
		assert_uint_equal(!strcmp(req.kind, "operation"), row >= first.rows);
		assert_uint_equal(req.refused, ferry_lock_denied(row));
		if (strcmp(req.name, "CONTROL"))
			assert_uint_equal(req.seen & req.refused, 0);
		assert_uint_equal(req.seen_broken, 0);
		assert_uint_equal(req.violations, 0);
		assert_uint_equal(req.one_in, FERRY_LOCK_BOOK_ONE_IN);
		acquired += req.acquired;
		seen |= req.seen;
		assert_true(req.contended <= req.acquired && req.holds <= req.acquired);
		assert_true(req.hold_max_ns <= req.hold_ns);
	}
	assert_true(acquired > 0);
	assert_true(seen & 1ull << FERRY_LOCK_VA_SPACE);
	req = (struct ferry_req_locks){.size = sizeof(req), .row = first.rows + first.operations};
	assert_int_equal(rig_request(&rig, FERRY_REQ_LOCKS, &req, sizeof(req)), FERRY_E_INVAL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_unknown_request_is_refused),
		T(sizes_that_do_not_fit_are_refused),
		T(a_larger_struct_is_taken_only_with_zeros_behind),
		T(bad_ranges_are_told_apart),
		T(destroying_twice_or_in_the_middle_is_refused),
		T(migrations_to_nowhere_or_of_nothing_are_refused),
		T(advice_that_does_not_fit_its_place_is_refused),
		T(programs_are_checked_before_the_device_sees_them),
		T(launches_are_checked_before_they_are_queued),
		T(only_launches_whose_results_are_kept_can_be_waited_for),
		T(the_watchdog_rests_when_launches_have_ended),
		T(an_unloaded_program_is_gone_and_its_place_free),
		T(versions_meet_or_say_that_they_do_not),
		T(every_capability_has_a_sentence),
		T(every_row_of_the_lock_order_can_be_read),
	};

	return cmocka_run_group_tests_name("core/request", tests, NULL, NULL);
}
