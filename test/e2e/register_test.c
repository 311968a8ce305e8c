/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Registered memory: what ferry_alloc did not give, used by programs where it is.
 *
 * TEST-SOURCES:
 */
#include <pthread.h>
#include <sys/mman.h>

#include "test/e2e/e2e.h"

#define WORDS_A_PAGE (E2E_PAGE / 8)
#define PAGES 700u /* more than a block */
#define WORDS (PAGES * WORDS_A_PAGE)

static void *pages(uint64_t count, int prot, int flags)
{
	void *p = mmap(NULL, count * E2E_PAGE, prot, flags | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

/*
 * Goal: a program works on the process's own memory, of each kind, as on managed memory. Method: heap, shared and
 * private mappings, static data: add on the device, look.
 */
static void programs_use_it_in_place(void **state)
{
	static uint64_t fixed[WORDS] __attribute__((aligned(4096)));
	struct ferry *f = *state;
	struct ferry_program *add = e2e_program(f, "add");
	uint64_t *kinds[] = {aligned_alloc(E2E_PAGE, WORDS * 8), pages(PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE),
	                     pages(PAGES, PROT_READ | PROT_WRITE, MAP_SHARED), fixed};
	uint8_t where[PAGES];

	for (size_t k = 0; k < 4; k++) {
		uint64_t *data = kinds[k], before = e2e_counter(f, FERRY_COUNTER_pages_to_device);

		for (uint64_t i = 0; i < WORDS; i++)
			data[i] = i;
		E2E_OK(ferry_register(f, data, WORDS * 8, 0));
		assert_uint_equal(e2e_counter(f, FERRY_COUNTER_registered_bytes), WORDS * 8);
		E2E_OK(e2e_run(f, add, 8, (uintptr_t)data, WORDS, 5));
		for (uint64_t i = 0; i < WORDS; i++)
			assert_uint_equal(data[i], i + 5);
		E2E_OK(ferry_residency(f, data, WORDS * 8, where));
		for (uint32_t i = 0; i < PAGES; i++)
			assert_uint_equal(where[i], 1);
		assert_uint_equal(e2e_counter(f, FERRY_COUNTER_pages_to_device), before);
		E2E_OK(ferry_unregister(f, data));
		assert_uint_equal(e2e_counter(f, FERRY_COUNTER_registered_bytes), 0);
		E2E_ERROR(FAULT_UNMAPPED, e2e_run(f, add, 1, (uintptr_t)data, 64, 5));
		assert_uint_equal(data[0], 5);
	}
	free(kinds[0]);
	munmap(kinds[1], PAGES * E2E_PAGE);
	munmap(kinds[2], PAGES * E2E_PAGE);
	E2E_OK(ferry_program_unload(add));
}

/* Goal: what is registered for reading is read and not written. Method: sum it, then try to add to it. */
static void read_only_memory_is_only_read(void **state)
{
	struct ferry *f = *state;
	struct ferry_program *add = e2e_program(f, "add"), *sum = e2e_program(f, "sum");
	uint64_t *data = pages(4, PROT_READ | PROT_WRITE, MAP_PRIVATE), *total;

	E2E_OK(ferry_alloc(f, 8, 0, (void **)&total));
	for (uint64_t i = 0; i < 4 * WORDS_A_PAGE; i++)
		data[i] = i;
	assert_int_equal(mprotect(data, 4 * E2E_PAGE, PROT_READ), 0);
	E2E_ERROR(REGISTER_ADDRESS, ferry_register(f, data, 4 * E2E_PAGE, 0));
	E2E_OK(ferry_register(f, data, 4 * E2E_PAGE, FERRY_REGISTER_READ_ONLY));
	E2E_OK(e2e_run(f, sum, 2, (uintptr_t)data, 4 * WORDS_A_PAGE, (uintptr_t)total));
	assert_uint_equal(*total, 4 * WORDS_A_PAGE * (4 * WORDS_A_PAGE - 1) / 2);
	E2E_ERROR(FAULT_READ_ONLY, e2e_run(f, add, 1, (uintptr_t)data, 64, 1));
	assert_uint_equal(data[63], 63);
	E2E_OK(ferry_unregister(f, data));
	munmap(data, 4 * E2E_PAGE);
	E2E_OK(ferry_free(f, total));
	E2E_OK(ferry_program_unload(add));
	E2E_OK(ferry_program_unload(sum));
}

/* Goal: each way to get it wrong has its answer, and changes nothing. */
static void what_cannot_be_registered_is_refused(void **state)
{
	struct ferry *f = *state;
	char *p = pages(8, PROT_READ | PROT_WRITE, MAP_PRIVATE), *managed;
	char reason[128];
	bool supported;

	E2E_OK(ferry_query(f, 0, FERRY_CAPABILITY_REGISTER, &supported, reason, sizeof(reason)));
	assert_true(supported && strlen(reason) > 15);
	E2E_OK(ferry_alloc(f, E2E_PAGE, 0, (void **)&managed));
	E2E_ERROR(RANGE_ZERO, ferry_register(f, p, 0, 0));
	E2E_ERROR(RANGE_ALIGN, ferry_register(f, p + 8, E2E_PAGE, 0));
	E2E_ERROR(RANGE_ALIGN, ferry_register(f, p, 100, 0));
	E2E_ERROR(RANGE_ALIGN, ferry_register(f, NULL, E2E_PAGE, 0));
	E2E_ERROR(RANGE_OVERFLOW, ferry_register(f, p, 1ull << 47, 0));
	E2E_ERROR(REQUEST_FLAGS, ferry_register(f, p, E2E_PAGE, 4));
	E2E_ERROR(RANGE_OVERLAP, ferry_register(f, managed, E2E_PAGE, 0));
	E2E_ERROR(RANGE_OVERLAP, ferry_register(f, managed + E2E_PAGE, E2E_PAGE, 0));
	assert_int_equal(munmap(p + 4 * E2E_PAGE, E2E_PAGE), 0);
	E2E_ERROR(REGISTER_ADDRESS, ferry_register(f, p, 8 * E2E_PAGE, 0));
	E2E_OK(ferry_register(f, p, 4 * E2E_PAGE, 0));
	E2E_ERROR(RANGE_OVERLAP, ferry_register(f, p + E2E_PAGE, E2E_PAGE, 0));
	E2E_ERROR(REGISTERED, ferry_migrate(f, p, E2E_PAGE, 0));
	E2E_ERROR(REGISTERED, ferry_advise(f, p, E2E_PAGE, FERRY_ADVICE_PREFERRED, FERRY_WHERE_HOST));
	E2E_ERROR(REGISTERED, ferry_protect(f, p, E2E_PAGE, FERRY_PROT_READ));
	E2E_ERROR(REGISTERED, ferry_free(f, (void *)((uintptr_t)p & ~((2ul << 20) - 1))));
	E2E_ERROR(REGISTER_NOT_FOUND, ferry_unregister(f, p + E2E_PAGE));
	E2E_OK(ferry_unregister(f, p));
	E2E_ERROR(REGISTER_NOT_FOUND, ferry_unregister(f, p));
	E2E_OK(ferry_free(f, managed));
	munmap(p, 8 * E2E_PAGE);
}

/* Goal: the host's limit is told, and room that is given back can be used. Method: register until it is refused. */
static void too_many_pieces_are_refused(void **state)
{
	struct ferry *f = *state;
	char *p = pages(400, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	uint32_t n = 0;
	int error;

	while (n < 200 && !(error = ferry_register(f, p + n * 2 * E2E_PAGE, E2E_PAGE, 0)))
		n++;
	assert_int_equal(error, FERRY_E_REGISTER_FULL);
	assert_true(n >= 60);
	E2E_OK(ferry_unregister(f, p));
	E2E_OK(ferry_register(f, p + n * 2 * E2E_PAGE, E2E_PAGE, 0));
	E2E_OK(ferry_unregister(f, p + n * 2 * E2E_PAGE));
	for (uint32_t i = 1; i < n; i++)
		E2E_OK(ferry_unregister(f, p + i * 2 * E2E_PAGE));
	munmap(p, 400 * E2E_PAGE);
}

/* ---- threads ---------------------------------------------------------------------------------------------- */

#define TURNS 60u
#define PIECE_PAGES 9u

struct worker {
	struct ferry *f;
	struct ferry_program *add;
	uint64_t *data; /* its piece of a block that all share */
	char why[200];
};

static void *works(void *arg)
{
	struct worker *w = arg;
	uint64_t words = PIECE_PAGES * WORDS_A_PAGE;

	for (uint64_t turn = 1; turn <= TURNS && !w->why[0]; turn++) {
		struct ferry_launch launch = {.program = w->add,
		                              .grid = {2},
		                              .block = {64},
		                              .arg_count = 3,
		                              .args = {(uintptr_t)w->data, words, 1}};
		uint64_t id;
		int error = ferry_register(w->f, w->data, words * 8, 0);

		if (!error)
			error = ferry_launch(w->f, &launch, &id);
		if (!error)
			error = ferry_wait(w->f, 0, id, E2E_WAIT_NS, NULL);
		if (!error)
			error = ferry_unregister(w->f, w->data);
		if (error)
			snprintf(w->why, sizeof(w->why), "turn %u: %s: %s", (unsigned)turn, ferry_error_name(error),
			         ferry_last_error());
		for (uint64_t i = 0; i < words && !w->why[0]; i++)
			if (w->data[i] != turn)
				snprintf(w->why, sizeof(w->why), "turn %u: word %u is %u", (unsigned)turn,
				         (unsigned)i, (unsigned)w->data[i]);
	}
	return NULL;
}

/* Goal: pieces of one block come and go on several threads, while programs run on others. */
static void threads_share_a_block(void **state)
{
	struct ferry *f = *state;
	char *p = pages(4 * PIECE_PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	struct worker w[4] = {{0}};
	pthread_t thread[4];

	for (uint32_t i = 0; i < 4; i++) {
		w[i] = (struct worker){.f = f, .data = (void *)(p + i * PIECE_PAGES * E2E_PAGE)};
		w[i].add = e2e_program(f, "add");
		assert_int_equal(pthread_create(&thread[i], NULL, works, &w[i]), 0);
	}
	for (uint32_t i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		if (w[i].why[0])
			fail_msg("thread %u: %s", i, w[i].why);
		E2E_OK(ferry_program_unload(w[i].add));
	}
	assert_uint_equal(e2e_counter(f, FERRY_COUNTER_lock_violations), 0);
	assert_uint_equal(e2e_counter(f, FERRY_COUNTER_registered_bytes), 0);
	munmap(p, 4 * PIECE_PAGES * E2E_PAGE);
}

/* Goal: a handle may close with memory registered; the memory stays the process's. */
static void closing_ends_it(void **unused)
{
	uint64_t *p = pages(3, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	struct ferry *f = e2e_handle();

	(void)unused;
	assert_non_null(f);
	E2E_OK(ferry_register(f, p, 3 * E2E_PAGE, 0));
	E2E_OK(e2e_run(f, e2e_program(f, "add"), 1, (uintptr_t)p, 3 * WORDS_A_PAGE, 7));
	E2E_OK(ferry_close(f));
	assert_uint_equal(p[3 * WORDS_A_PAGE - 1], 7);
	munmap(p, 3 * E2E_PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(programs_use_it_in_place, e2e_open, e2e_close),
		cmocka_unit_test_setup_teardown(read_only_memory_is_only_read, e2e_open, e2e_close),
		cmocka_unit_test_setup_teardown(what_cannot_be_registered_is_refused, e2e_open, e2e_close),
		cmocka_unit_test_setup_teardown(too_many_pieces_are_refused, e2e_open, e2e_close),
		cmocka_unit_test_setup_teardown(threads_share_a_block, e2e_open, e2e_close),
		cmocka_unit_test(closing_ends_it),
	};

	return cmocka_run_group_tests_name("e2e/register", tests, NULL, NULL);
}
