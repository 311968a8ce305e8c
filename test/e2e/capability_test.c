/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A device without one of its capabilities: what needs it says so, the rest works. */
#include "test/e2e/e2e.h"

#define WORDS (E2E_PAGE * 600 / 8) /* more than a block */

static int open_without(uint64_t off, struct ferry **f)
{
	struct ferry_options options = {
		.size = sizeof(options), .sms = 2, .vram_bytes = 4 * E2E_VRAM, .capabilities_off = off};

	return ferry_open(&options, f);
}

/* Fill, add on the device, look. prefetch: nothing is left for faults. */
static void add_and_look(struct ferry *f, bool prefetch)
{
	struct ferry_program *add = e2e_program(f, "add");
	uint64_t *data;

	E2E_OK(ferry_alloc(f, WORDS * 8, 0, (void **)&data));
	for (uint64_t i = 0; i < WORDS; i++)
		data[i] = i;
	if (prefetch)
		E2E_OK(ferry_migrate(f, data, WORDS * 8, 0));
	E2E_OK(e2e_run(f, add, 8, (uintptr_t)data, WORDS, 5));
	for (uint64_t i = 0; i < WORDS; i++)
		assert_uint_equal(data[i], i + 5);
}

/* Goal: pages move by fault whatever else is missing. Method: one capability off at a time, the same work. */
static void each_capability_can_be_missing(void **state)
{
	static const enum ferry_capability off[] = {FERRY_CAPABILITY_BIG_PAGES,    FERRY_CAPABILITY_HUGE_PAGES,
	                                            FERRY_CAPABILITY_VIRTUAL_COPY, FERRY_CAPABILITY_FLOAT,
	                                            FERRY_CAPABILITY_HOST_MAP,     FERRY_CAPABILITY_SELF_REFRESH};

	(void)state;
	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		struct ferry *f;
		char reason[128];
		bool supported;

		E2E_OK(open_without(1ull << off[i], &f));
		E2E_OK(ferry_query(f, 0, off[i], &supported, reason, sizeof(reason)));
		assert_false(supported);
		assert_true(strlen(reason) > 15);
		add_and_look(f, false);
		E2E_OK(ferry_close(f));
	}
}

/* Goal: without atomics a program that uses them is refused when it is loaded; others run. */
static void without_atomics_their_users_are_refused(void **state)
{
	struct ferry_program *program;
	struct ferry *f;
	char path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/test/e2e/kernels/probe.o",
	         getenv("FERRY_BUILD") ? getenv("FERRY_BUILD") : "build");
	E2E_OK(open_without(1ull << FERRY_CAPABILITY_ATOMICS, &f));
	E2E_ERROR(PROGRAM_OPCODE, ferry_program_load_file(f, 0, path, "sum", &program));
	add_and_look(f, false);
	E2E_OK(ferry_close(f));
}

/* Goal: a device that cannot replay runs on what is there, and a miss is an error of its launch, not a hang. */
static void without_replay_data_has_to_be_there(void **state)
{
	struct ferry_program *add;
	uint64_t *data;
	struct ferry *f;

	(void)state;
	E2E_OK(open_without(1ull << FERRY_CAPABILITY_FAULTS, &f));
	add_and_look(f, true);
	add = e2e_program(f, "add");
	E2E_OK(ferry_alloc(f, E2E_PAGE, 0, (void **)&data));
	data[0] = 1;
	assert_int_not_equal(e2e_run(f, add, 1, (uintptr_t)data, 8, 1), 0);
	assert_uint_equal(data[0], 1);
	E2E_OK(ferry_close(f));
}

/* Goal: faults that can be tried again and never refused would never end: such a device is not taken. */
static void replay_without_cancel_is_refused(void **state)
{
	struct ferry *f = NULL;

	(void)state;
	E2E_ERROR(UNSUPPORTED, open_without(1ull << FERRY_CAPABILITY_CANCEL, &f));
	assert_null(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_capability_can_be_missing),
		cmocka_unit_test(without_atomics_their_users_are_refused),
		cmocka_unit_test(without_replay_data_has_to_be_there),
		cmocka_unit_test(replay_without_cancel_is_refused),
	};

	return cmocka_run_group_tests_name("e2e/capability", tests, NULL, NULL);
}
