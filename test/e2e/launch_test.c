/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * launch_test.c - programs and launches through the library: what ends badly ends alone, and says how.
 *
 * TEST-SOURCES:
 */
#include "test/e2e/e2e.h"

/* Goal: a launch that does not fit its program or the device is refused. Method: each field wrong, one at a time. */
static void launches_that_make_no_sense_are_refused(void **state)
{
	struct ferry *f = *state;
	struct ferry_program *add = e2e_program(f, "add");
	const struct ferry_launch good = {.program = add, .grid = {1}, .block = {1}, .arg_count = 3};
	struct ferry_launch bad;
	uint64_t id = 77;

	assert_uint_equal(ferry_program_args(add), 3);
	bad = good, bad.program = NULL;
	assert_int_not_equal(ferry_launch(f, &bad, &id), 0);
	bad = good, bad.arg_count = 2;
	E2E_ERROR(LAUNCH_ARGS, ferry_launch(f, &bad, &id));
	bad = good, bad.arg_count = 1000;
	E2E_ERROR(LAUNCH_ARGS, ferry_launch(f, &bad, &id));
	bad = good, bad.grid[0] = 0;
	E2E_ERROR(LAUNCH_SHAPE, ferry_launch(f, &bad, &id));
	bad = good, bad.block[0] = 1025;
	E2E_ERROR(LAUNCH_SHAPE, ferry_launch(f, &bad, &id));
	bad = good, bad.block[0] = 65536, bad.block[1] = 65536;
	E2E_ERROR(LAUNCH_SHAPE, ferry_launch(f, &bad, &id));
	bad = good, bad.grid[0] = bad.grid[1] = bad.grid[2] = UINT32_MAX;
	E2E_ERROR(LAUNCH_SHAPE, ferry_launch(f, &bad, &id));
	bad = good, bad.flags = 1;
	E2E_ERROR(REQUEST_FLAGS, ferry_launch(f, &bad, &id));
	assert_uint_equal(id, 77);
	E2E_ERROR(LAUNCH_ID, ferry_wait(f, 0, 1ull << 40, 0, NULL));
	E2E_ERROR(DEVICE_ID, ferry_wait(f, 3, 1, 0, NULL));
	E2E_OK(ferry_program_unload(add));
}

/*
 * Goal: an access to what is not managed dies alone and is reported. Method: thread 0 of 64 writes to NULL, to our
 * stack, beyond the 47 bits; the other 63 finish each time.
 */
static void an_access_to_foreign_memory_dies_alone(void **state)
{
	struct ferry *f = *state;
	struct ferry_program *stray = e2e_program(f, "stray");
	uint64_t on_stack = 5;
	const uint64_t nowhere[] = {8, (uintptr_t)&on_stack & ~7ull, 0x7ffffffff000, 0x123456789000};
	uint64_t *ok;

	E2E_OK(ferry_alloc(f, E2E_PAGE, 0, (void **)&ok));
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		struct ferry_result result = {0};

		memset(ok, 0, E2E_PAGE);
		E2E_ERROR(FAULT_UNMAPPED, ferry_wait(f, 0, e2e_launch(f, stray, 1, (uintptr_t)ok, nowhere[i], 0),
		                                     E2E_WAIT_NS, &result));
		assert_uint_equal(result.fault_va & ~(E2E_PAGE - 1), nowhere[i] & ~(E2E_PAGE - 1));
		assert_uint_equal(result.fault_access, 1);
		assert_uint_equal(result.lanes_died, 1);
		assert_uint_equal(result.error, FERRY_E_FAULT_UNMAPPED);
		for (uint64_t t = 1; t < 64; t++)
			assert_uint_equal(ok[t], t);
	}
	assert_uint_equal(on_stack, 5);
	E2E_OK(ferry_free(f, ok));
	E2E_OK(ferry_program_unload(stray));
}

/* Goal: read-only is read-only, from alloc and from protect, and can be lifted. Method: write, look, lift, write. */
static void a_write_to_read_only_memory_dies_alone(void **state)
{
	struct ferry *f = *state;
	struct ferry_program *stray = e2e_program(f, "stray");
	uint64_t *ok, *fixed, *later;

	E2E_OK(ferry_alloc(f, E2E_PAGE, 0, (void **)&ok));
	E2E_OK(ferry_alloc(f, E2E_PAGE, FERRY_RANGE_READ_ONLY, (void **)&fixed));
	E2E_OK(ferry_alloc(f, E2E_PAGE, 0, (void **)&later));
	*later = 9;
	E2E_ERROR(FAULT_READ_ONLY, e2e_run(f, stray, 1, (uintptr_t)ok, (uintptr_t)fixed, 0));
	assert_uint_equal(*fixed, 0);
	E2E_OK(e2e_run(f, stray, 1, (uintptr_t)ok, (uintptr_t)later, 0));
	assert_uint_equal(*later, 1);
	*later = 9;
	E2E_OK(ferry_protect(f, later, E2E_PAGE, FERRY_PROT_READ));
	E2E_ERROR(FAULT_READ_ONLY, e2e_run(f, stray, 1, (uintptr_t)ok, (uintptr_t)later, 0));
	assert_uint_equal(*later, 9);
	E2E_OK(ferry_protect(f, later, E2E_PAGE, FERRY_PROT_READ | FERRY_PROT_WRITE));
	E2E_OK(e2e_run(f, stray, 1, (uintptr_t)ok, (uintptr_t)later, 0));
	assert_uint_equal(*later, 1);
	E2E_OK(ferry_free(f, ok));
	E2E_OK(ferry_free(f, fixed));
	E2E_OK(ferry_free(f, later));
	E2E_OK(ferry_program_unload(stray));
}

/* Goal: a trap and a used-up budget are told apart and reported. Method: one of each, then a good launch. */
static void traps_and_budgets_are_reported(void **state)
{
	struct ferry *f = *state;
	struct ferry_program *stop = e2e_program(f, "stop"), *spin = e2e_program(f, "spin");
	struct ferry_result result = {0};
	uint64_t *flag, id;

	E2E_OK(ferry_alloc(f, E2E_PAGE, 0, (void **)&flag));
	E2E_ERROR(LAUNCH_TRAP, ferry_wait(f, 0, e2e_launch(f, stop, 1, 4711, 0, 0), E2E_WAIT_NS, &result));
	assert_uint_equal(result.trap_code, 4711);

	struct ferry_launch launch = {.program = spin,
	                              .grid = {1},
	                              .block = {1},
	                              .budget = 100000,
	                              .arg_count = 2,
	                              .args = {(uintptr_t)flag, 1}};

	E2E_OK(ferry_launch(f, &launch, &id));
	E2E_ERROR(LAUNCH_BUDGET, ferry_wait(f, 0, id, E2E_WAIT_NS, &result));
	*flag = 1;
	E2E_OK(e2e_run(f, spin, 1, (uintptr_t)flag, 1, 0));
	E2E_OK(ferry_free(f, flag));
	E2E_OK(ferry_program_unload(stop));
	E2E_OK(ferry_program_unload(spin));
}

/*
 * Goal: launches of a handle run in order, a wait with a limit returns, and the CPU can stop a program by memory.
 * Method: a spinning launch, one behind it that must not have run, then the flag.
 */
static void launches_run_in_order_and_waits_are_bounded(void **state)
{
	struct ferry *f = *state;
	struct ferry_program *spin = e2e_program(f, "spin"), *add = e2e_program(f, "add");
	uint64_t *flag, *data;

	E2E_OK(ferry_alloc(f, E2E_PAGE, 0, (void **)&flag));
	E2E_OK(ferry_alloc(f, E2E_PAGE, 0, (void **)&data));
	uint64_t first = e2e_launch(f, spin, 1, (uintptr_t)flag, 1, 0);
	uint64_t second = e2e_launch(f, add, 1, (uintptr_t)data, 512, 1);

	assert_true(second > first);
	E2E_ERROR(TIMEOUT, ferry_wait(f, 0, first, 20000000, NULL));
	E2E_ERROR(TIMEOUT, ferry_wait(f, 0, second, 0, NULL));
	assert_uint_equal(data[17], 0);
	__atomic_store_n(flag, 1, __ATOMIC_RELEASE);
	E2E_OK(ferry_wait(f, 0, second, E2E_WAIT_NS, NULL));
	E2E_OK(ferry_wait(f, 0, first, E2E_WAIT_NS, NULL));
	assert_uint_equal(data[17], 1);
	E2E_OK(ferry_free(f, flag));
	E2E_OK(ferry_free(f, data));
	E2E_OK(ferry_program_unload(spin));
	E2E_OK(ferry_program_unload(add));
}

/* Goal: CPU and GPU see each other's writes to one page, each time. Method: they take turns on one word. */
static void cpu_and_gpu_take_turns_on_one_word(void **state)
{
	struct ferry *f = *state;
	struct ferry_program *turns = e2e_program(f, "turns");
	const uint64_t count = 50;
	uint64_t *word;

	E2E_OK(ferry_alloc(f, E2E_PAGE, 0, (void **)&word));
	struct ferry_launch launch = {
		.program = turns, .grid = {1}, .block = {1}, .arg_count = 2, .args = {(uintptr_t)word, count}};
	uint64_t id, end;
	struct timespec now;

	E2E_OK(ferry_launch(f, &launch, &id));
	clock_gettime(CLOCK_MONOTONIC, &now);
	end = (uint64_t)now.tv_sec + 50;
	for (uint64_t turn = 0; turn < count; turn++) {
		__atomic_store_n(word, 2 * turn + 1, __ATOMIC_RELEASE);
		while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != 2 * turn + 2) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			assert_true((uint64_t)now.tv_sec < end);
		}
	}
	E2E_OK(ferry_wait(f, 0, id, E2E_WAIT_NS, NULL));
	E2E_OK(ferry_free(f, word));
	E2E_OK(ferry_program_unload(turns));
}

/* Goal: bad images are refused with a code and a reason. Method: empty, noise, a cut object, an unknown entry. */
static void bad_programs_are_refused_with_a_reason(void **state)
{
	struct ferry *f = *state;
	struct ferry_program *program = NULL;
	char noise[300];
	const char *build = getenv("FERRY_BUILD");
	char path[4096];

	memset(noise, 0x5a, sizeof(noise));
	E2E_ERROR(PROGRAM_ELF, ferry_program_load(f, 0, noise, sizeof(noise), NULL, &program));
	assert_int_not_equal(ferry_program_load(f, 0, noise, 0, NULL, &program), 0);
	memcpy(noise, "\177ELF", 4);
	assert_int_not_equal(ferry_program_load(f, 0, noise, sizeof(noise), NULL, &program), 0);
	E2E_ERROR(FILE_OPEN, ferry_program_load_file(f, 0, "/no/such/file.o", NULL, &program));
	assert_non_null(strstr(ferry_last_error(), "/no/such/file.o"));
	snprintf(path, sizeof(path), "%s/test/e2e/kernels/probe.o", build ? build : "build");
	E2E_ERROR(PROGRAM_NO_ENTRY, ferry_program_load_file(f, 0, path, "no_such_entry", &program));
	E2E_ERROR(PROGRAM_NO_ENTRY, ferry_program_load_file(f, 0, path, NULL, &program));
	E2E_ERROR(DEVICE_ID, ferry_program_load_file(f, 9, path, "add", &program));
	assert_null(program);
	assert_uint_equal(ferry_program_args(NULL), 0);
	E2E_OK(ferry_program_unload(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(launches_that_make_no_sense_are_refused),
		cmocka_unit_test(an_access_to_foreign_memory_dies_alone),
		cmocka_unit_test(a_write_to_read_only_memory_dies_alone),
		cmocka_unit_test(traps_and_budgets_are_reported),
		cmocka_unit_test(launches_run_in_order_and_waits_are_bounded),
		cmocka_unit_test(cpu_and_gpu_take_turns_on_one_word),
		cmocka_unit_test(bad_programs_are_refused_with_a_reason),
	};

	return cmocka_run_group_tests_name("e2e/launch", tests, e2e_open, e2e_close);
}
