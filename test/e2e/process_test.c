/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * process_test.c - the library within a process: options, fork, threads that die, devices that die, what is left.
 *
 * TEST-SOURCES:
 */
#include "test/e2e/e2e.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/wait.h>

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Goal: every option out of its range is refused, and *out stays. Method: one bad option at a time. */
static void options_out_of_range_are_refused(void **state)
{
	const struct ferry_options good = {.size = sizeof(good), .vram_bytes = E2E_VRAM, .sms = 1};
	struct ferry_options bad;
	struct ferry *f = NULL;

	(void)state;
	bad = good, bad.size = 0;
	E2E_ERROR(INVAL, ferry_open(&bad, &f));
	bad = good, bad.size = 3;
	E2E_ERROR(INVAL, ferry_open(&bad, &f));
	bad = good, bad.flags = 1;
	E2E_ERROR(INVAL, ferry_open(&bad, &f));
	bad = good, bad.reserved = 1;
	E2E_ERROR(INVAL, ferry_open(&bad, &f));
	bad = good, bad.devices = 5;
	E2E_ERROR(INVAL, ferry_open(&bad, &f));
	bad = good, bad.sms = 65;
	E2E_ERROR(INVAL, ferry_open(&bad, &f));
	bad = good, bad.vram_bytes = 12345;
	E2E_ERROR(INVAL, ferry_open(&bad, &f));
	bad = good, bad.cpu_faults = 9;
	E2E_ERROR(INVAL, ferry_open(&bad, &f));
	bad = good, bad.host = "moon";
	E2E_ERROR(INVAL, ferry_open(&bad, &f));
	bad = good, bad.node = "/dev/ferry0"; /* the process host has no nodes */
	E2E_ERROR(INVAL, ferry_open(&bad, &f));
	bad = good, bad.host = "kernel", bad.node = "/dev/null";
	E2E_ERROR(HOST_UNAVAILABLE, ferry_open(&bad, &f));
	assert_non_null(strstr(ferry_last_error(), "no device of Ferry"));
	bad = good, bad.host = "kernel", bad.node = "/dev/no-such-ferry";
	E2E_ERROR(HOST_UNAVAILABLE, ferry_open(&bad, &f));
	assert_true(strlen(ferry_last_error()) > 0);
	assert_null(f);
	E2E_OK(ferry_close(NULL));
}

/* Goal: opening and closing leaves no descriptor, no thread, no mapping. Method: count before and after twenty. */
static void open_and_close_leave_nothing(void **state)
{
	struct ferry_options options = {.size = sizeof(options), .devices = 2, .sms = 2, .vram_bytes = E2E_VRAM};
	int descriptors = 0, threads = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct ferry *f;
		char *p;

		E2E_OK(ferry_open(&options, &f));
		E2E_OK(ferry_alloc(f, 1 << 20, 0, (void **)&p));
		p[4096] = 1;
		E2E_OK(ferry_prefetch(f, p, 1 << 20, 1));
		/* The memory is left to close. */
		E2E_OK(ferry_close(f));
		if (i == 1) {
			descriptors = count_entries("/proc/self/fd");
			threads = count_entries("/proc/self/task");
		}
	}
	assert_int_equal(count_entries("/proc/self/fd"), descriptors);
	assert_int_equal(count_entries("/proc/self/task"), threads);
}

/* Goal: several handles do not meet. Method: two, the memory of one is foreign to the other. */
static void handles_are_apart(void **state)
{
	struct ferry *a = e2e_handle(), *b = e2e_handle();
	uint64_t *pa, *pb;

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	E2E_OK(ferry_alloc(a, E2E_PAGE, 0, (void **)&pa));
	E2E_OK(ferry_alloc(b, E2E_PAGE, 0, (void **)&pb));
	E2E_ERROR(RANGE_NOT_FOUND, ferry_free(b, pa));
	struct ferry_program *stray = e2e_program(b, "stray");

	E2E_ERROR(FAULT_UNMAPPED, e2e_run(b, stray, 1, (uintptr_t)pb, (uintptr_t)pa, 0));
	assert_uint_equal(*pa, 0);
	E2E_OK(ferry_close(a));
	E2E_OK(e2e_run(b, stray, 1, (uintptr_t)pb, (uintptr_t)pb, 0));
	E2E_OK(ferry_close(b));
}

/*
 * Goal: after fork the child gets FORKED from every call and the parent notices nothing, with data on the device.
 * Method: fork in the middle, the child tries, touches nothing managed, exits; the parent checks every byte.
 */
static void a_forked_child_is_told_and_harms_nobody(void **state)
{
	struct ferry *f = *state;
	struct ferry_program *add = e2e_program(f, "add");
	const uint64_t count = (1 << 20) / sizeof(uint64_t);
	uint64_t *p;
	int status;

	E2E_OK(ferry_alloc(f, 1 << 20, 0, (void **)&p));
	E2E_OK(e2e_run(f, add, 4, (uintptr_t)p, count, 3));
	pid_t child = fork();

	if (child == 0) {
		void *q;
		int bad = 0;

		bad |= ferry_alloc(f, E2E_PAGE, 0, &q) != FERRY_E_FORKED;
		bad |= ferry_free(f, p) != FERRY_E_FORKED;
		bad |= ferry_prefetch(f, p, E2E_PAGE, 0) != FERRY_E_FORKED;
		bad |= ferry_wait(f, 0, 1, 0, NULL) != FERRY_E_FORKED;
		bad |= ferry_close(f) != FERRY_E_FORKED;
		_exit(bad);
	}
	assert_true(child > 0);
	E2E_OK(e2e_run(f, add, 4, (uintptr_t)p, count, 4));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	for (uint64_t i = 0; i < count; i++)
		assert_uint_equal(p[i], 7);
	E2E_OK(ferry_free(f, p));
	E2E_OK(ferry_program_unload(add));
}

static void *toucher(void *arg)
{
	volatile uint64_t *p = arg;

	for (uint64_t i = 0;; i = (i + 512) % (1 << 17)) {
		p[i]++;
		pthread_testcancel();
	}
	return NULL;
}

/*
 * Goal: a thread that dies in the middle of using managed memory leaves the others and the device unharmed.
 * Method: cancel threads that make CPU faults while the GPU works on the same pages.
 */
static void a_thread_that_dies_in_the_middle_harms_nobody(void **state)
{
	struct ferry *f = *state;
	struct ferry_program *add = e2e_program(f, "add");
	uint64_t *p;

	E2E_OK(ferry_alloc(f, 1 << 20, 0, (void **)&p));
	for (int round = 0; round < 10; round++) {
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, toucher, p), 0);
		/* Words beside those that the thread writes. */
		E2E_OK(e2e_run(f, add, 4, (uintptr_t)(p + 1), 511, 1));
		pthread_cancel(thread);
		pthread_join(thread, NULL);
	}
	for (uint64_t i = 1; i < 512; i++)
		assert_uint_equal(p[i], 10);
	E2E_OK(ferry_free(f, p));
	E2E_OK(ferry_program_unload(add));
}

/* Goal: close ends a launch that would never end. Method: a program that waits for a flag nobody sets. */
static void close_ends_what_is_running(void **state)
{
	struct ferry *f = e2e_handle();
	uint64_t *flag;

	(void)state;
	assert_non_null(f);
	E2E_OK(ferry_alloc(f, E2E_PAGE, 0, (void **)&flag));
	uint64_t id = e2e_launch(f, e2e_program(f, "spin"), 2, (uintptr_t)flag, 1, 0);

	E2E_ERROR(TIMEOUT, ferry_wait(f, 0, id, 1000000, NULL));
	E2E_OK(ferry_close(f));
}

/*
 * Goal: a device that dies in the middle is said to be lost, by every call that needs it, soon; close works.
 * Method: take it off the bus under a running launch; bytes that are at home stay.
 */
static void a_device_that_dies_in_the_middle_is_lost_not_hung(void **state)
{
	struct ferry_req_device_info info;
	struct ferry *f = e2e_handle();
	uint64_t *flag, *home;

	(void)state;
	assert_non_null(f);
	E2E_OK(ferry_alloc(f, E2E_PAGE, 0, (void **)&flag));
	E2E_OK(ferry_alloc(f, E2E_PAGE, 0, (void **)&home));
	*home = 1234;
	struct ferry_program *spin = e2e_program(f, "spin");
	uint64_t id = e2e_launch(f, spin, 1, (uintptr_t)flag, 1, 0);

	E2E_ERROR(TIMEOUT, ferry_wait(f, 0, id, 10000000, NULL));
	E2E_OK(ferry_inject(f, 0, "off-bus", 1));
	int error = ferry_wait(f, 0, id, E2E_WAIT_NS, NULL);

	if (error != FERRY_E_DEVICE_LOST && error != FERRY_E_LAUNCH_KILLED)
		fail_msg("the launch ended with %s", ferry_error_name(error));
	assert_int_not_equal(ferry_migrate(f, home, E2E_PAGE, 0), 0);
	assert_uint_equal(*home, 1234);
	memset(&info, 0, sizeof(info));
	info.size = sizeof(info);
	E2E_OK(ferry_device_info(f, 0, &info));
	assert_uint_equal(info.lost, 1);
	E2E_OK(ferry_close(f));
}

/* Goal: the raw interface refuses what it does not know. Method: unknown numbers, sizes, flags, reserved bits. */
static void unknown_requests_and_bits_are_refused(void **state)
{
	struct ferry *f = *state;
	struct ferry_req_migrate migrate = {.size = sizeof(migrate), .flags = 0x100};
	struct ferry_req_version version = {.size = sizeof(version), .min = 1, .max = 1};
	char page[4096];

	memset(page, 0, sizeof(page));
	for (uint32_t request = FERRY_REQ_LOCKS + 1; request < 40; request++)
		E2E_ERROR(REQUEST, ferry_request(f, request, page, sizeof(page)));
	E2E_ERROR(REQUEST, ferry_request(f, 0, page, sizeof(page)));
	E2E_ERROR(REQUEST, ferry_request(f, UINT32_MAX, page, sizeof(page)));
	assert_int_equal(ferry_error_errno(FERRY_E_REQUEST), ENOTTY);
	for (uint32_t request = 1; request < 15; request++)
		E2E_ERROR(REQUEST_SIZE, ferry_request(f, request, page, 0));
	E2E_ERROR(REQUEST_FLAGS, ferry_request(f, FERRY_REQ_MIGRATE, &migrate, sizeof(migrate)));
	migrate.flags = 0, migrate.reserved = 1;
	E2E_ERROR(REQUEST_FLAGS, ferry_request(f, FERRY_REQ_MIGRATE, &migrate, sizeof(migrate)));
	E2E_OK(ferry_request(f, FERRY_REQ_VERSION, &version, sizeof(version)));
	version.min = 99, version.max = 100;
	E2E_ERROR(VERSION, ferry_request(f, FERRY_REQ_VERSION, &version, sizeof(version)));
}

/* Goal: overlapping ranges are refused. Method: the raw request over an allocation, at several offsets. */
static void ranges_that_overlap_are_refused(void **state)
{
	struct ferry *f = *state;
	char *p;

	E2E_OK(ferry_alloc(f, 4 << 20, 0, (void **)&p));
	for (int i = 0; i < 2; i++) {
		struct ferry_req_range range = {.size = sizeof(range)};

		range.base = (uintptr_t)p + ((uint64_t)i << 21);
		range.bytes = 2 << 20;
		E2E_ERROR(RANGE_OVERLAP, ferry_request(f, FERRY_REQ_RANGE_CREATE, &range, sizeof(range)));
	}
	p[0] = 1;
	E2E_OK(ferry_free(f, p));
}

/* Goal: every error and counter has a name and a sentence, every capability a reason. Method: ask for all, and
 * beyond. */
static void everything_has_a_name_and_a_reason(void **state)
{
	struct ferry *f = *state;
	bool supported;
	char reason[120];

	for (int error = 0; error <= FERRY_ERROR_COUNT; error++) {
		assert_non_null(ferry_strerror(error));
		assert_true(strlen(ferry_strerror(error)) > 0);
		assert_non_null(ferry_error_name(error));
	}
	assert_non_null(ferry_strerror(-5));
	assert_string_equal(ferry_error_name(FERRY_E_PMM_FULL), "PMM_FULL");
	assert_int_equal(ferry_error_errno(FERRY_E_PMM_FULL), ENOSPC);
	assert_int_equal(ferry_error_errno(0), 0);
	for (uint32_t i = 0; i < FERRY_COUNTER_COUNT; i++) {
		assert_non_null(ferry_counter_name(i));
		assert_non_null(ferry_counter_text(i));
	}
	assert_null(ferry_counter_name(FERRY_COUNTER_COUNT));
	for (int c = 0; c < FERRY_CAPABILITIES; c++) {
		reason[0] = 0;
		E2E_OK(ferry_query(f, 0, (enum ferry_capability)c, &supported, reason, sizeof(reason)));
		assert_true(strlen(reason) > 0);
	}
	E2E_ERROR(INVAL, ferry_query(f, 0, FERRY_CAPABILITIES, &supported, reason, sizeof(reason)));
	E2E_OK(ferry_query(f, 0, FERRY_CAPABILITY_FAULTS, &supported, NULL, 0));
	E2E_OK(ferry_query(f, 0, FERRY_CAPABILITY_FAULTS, &supported, reason, 5));
	assert_true(strlen(reason) < 5);
	E2E_ERROR(INVAL, ferry_inject(f, 0, "no-such-knob", 1));
	E2E_ERROR(DEVICE_ID, ferry_inject(f, 3, "hang", 0));
	uint64_t value;

	E2E_OK(ferry_device_counter(f, 0, "insns", &value));
	E2E_ERROR(INVAL, ferry_device_counter(f, 0, "no-such-counter", &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_out_of_range_are_refused),
		cmocka_unit_test(open_and_close_leave_nothing),
		cmocka_unit_test(handles_are_apart),
		cmocka_unit_test(a_forked_child_is_told_and_harms_nobody),
		cmocka_unit_test(a_thread_that_dies_in_the_middle_harms_nobody),
		cmocka_unit_test(close_ends_what_is_running),
		cmocka_unit_test(a_device_that_dies_in_the_middle_is_lost_not_hung),
		cmocka_unit_test(unknown_requests_and_bits_are_refused),
		cmocka_unit_test(ranges_that_overlap_are_refused),
		cmocka_unit_test(everything_has_a_name_and_a_reason),
	};

	return cmocka_run_group_tests_name("e2e/process", tests, e2e_open, e2e_close);
}
