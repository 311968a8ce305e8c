/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * e2e.h - what the end-to-end tests in C share: a handle on a small device, and the programs of kernels/probe.c.
 */
#ifndef FERRY_TEST_E2E_H
#define FERRY_TEST_E2E_H

#include "test/unit/cmocka_compat.h"
#include "ferry/ferry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define E2E_VRAM (4ull << 20)
#define E2E_PAGE 4096ull
/* Nothing here takes long; a wait that does has failed. Sanitizers are slow. */
#define E2E_WAIT_NS (60ull * 1000000000ull)

/* Asserts that call ended with 0, and says the error's name when it did not. */
#define E2E_OK(call)                                                                                                 \
	do {                                                                                                         \
		int e2e_error_ = (call);                                                                             \
		if (e2e_error_)                                                                                      \
			fail_msg("%s: %s: %s", #call, ferry_error_name(e2e_error_), ferry_last_error());             \
	} while (0)

/* Asserts that call ended with FERRY_E_code. */
#define E2E_ERROR(code, call)                                                                                        \
	do {                                                                                                         \
		int e2e_error_ = (call);                                                                             \
		if (e2e_error_ != FERRY_E_##code)                                                                    \
			fail_msg("%s: %s, not %s", #call, ferry_error_name(e2e_error_), #code);                      \
	} while (0)

/* A handle with two engines and 4 MiB of device memory; NULL when it cannot be had. */
static inline struct ferry *e2e_handle(void)
{
	struct ferry_options options = {.size = sizeof(options), .sms = 2, .vram_bytes = E2E_VRAM};
	struct ferry *f;
	int error = ferry_open(&options, &f);

	if (error) {
		fprintf(stderr, "ferry_open: %s: %s\n", ferry_error_name(error), ferry_last_error());
		return NULL;
	}
	return f;
}

/* A group's setup and teardown. */
static inline int e2e_open(void **state)
{
	*state = e2e_handle();
	return *state ? 0 : -1;
}

static inline int e2e_close(void **state)
{
	return ferry_close(*state);
}

/* An entry of kernels/probe.c on device 0. */
static inline struct ferry_program *e2e_program(struct ferry *f, const char *entry)
{
	const char *build = getenv("FERRY_BUILD");
	struct ferry_program *program;
	char path[4096];

	snprintf(path, sizeof(path), "%s/test/e2e/kernels/probe.o", build ? build : "build");
	E2E_OK(ferry_program_load_file(f, 0, path, entry, &program));
	return program;
}

/* Launch blocks of 64 threads with up to three arguments. */
static inline uint64_t e2e_launch(struct ferry *f, struct ferry_program *program, uint32_t blocks, uint64_t a,
                                  uint64_t b, uint64_t c)
{
	struct ferry_launch launch = {
		.program = program,
		.grid = {blocks},
		.block = {64},
		.arg_count = ferry_program_args(program),
		.args = {a, b, c},
	};
	uint64_t id;

	E2E_OK(ferry_launch(f, &launch, &id));
	return id;
}

/* The same, to its end. */
static inline int e2e_run(struct ferry *f, struct ferry_program *program, uint32_t blocks, uint64_t a, uint64_t b,
                          uint64_t c)
{
	return ferry_wait(f, 0, e2e_launch(f, program, blocks, a, b, c), E2E_WAIT_NS, NULL);
}

static inline uint64_t e2e_counter(struct ferry *f, enum ferry_counter counter)
{
	uint64_t value[FERRY_COUNTER_COUNT];

	E2E_OK(ferry_counters(f, value));
	return value[counter];
}

#endif /* FERRY_TEST_E2E_H */
