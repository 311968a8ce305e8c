/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: os-user/bus.c */
/*
 * What a device of the process host may reach, and the memory it is given.
 */
#include "test/unit/cmocka_compat.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus.h"

static int setup(void **state)
{
	static struct ferry_bus bus;

	*state = &bus;
	return ferry_bus_init(&bus);
}

static int teardown(void **state)
{
	ferry_bus_fini(*state);
	return 0;
}

static uint64_t number(const void *p)
{
	return (uintptr_t)p;
}

/*
 * Goal: memory that was handed out is reachable to its last byte, its neighbours are not. Method: three buffers, ask
 * for every kind of piece.
 */
static void dma_memory_is_reachable_page_by_page(void **state)
{
	struct ferry_bus *bus = *state;
	struct ferry_dma a, b;

	assert_int_equal(ferry_bus_alloc(bus, 5000, &a), 0);
	assert_uint_equal(a.size_bytes, 8192);
	assert_uint_equal(a.bus, number(a.cpu));
	assert_true(ferry_is_aligned(a.bus, FERRY_PAGE_SIZE));
	assert_ptr_equal(ferry_bus_reach(bus, a.bus, 8192), a.cpu);
	assert_ptr_equal(ferry_bus_reach(bus, a.bus + 8191, 1), (char *)a.cpu + 8191);
	assert_null(ferry_bus_reach(bus, a.bus, 8193));
	assert_null(ferry_bus_reach(bus, a.bus + 8192, 1));
	assert_null(ferry_bus_reach(bus, a.bus - 1, 2));
	assert_null(ferry_bus_reach(bus, a.bus, 0));
	assert_null(ferry_bus_reach(bus, a.bus, UINT64_MAX));
	assert_null(ferry_bus_reach(bus, UINT64_MAX, 1));
	assert_null(ferry_bus_reach(bus, 0, 1));
	assert_int_equal(ferry_bus_alloc(bus, 70 * FERRY_PAGE_SIZE, &b), 0);
	assert_ptr_equal(ferry_bus_reach(bus, b.bus + 3, 70 * FERRY_PAGE_SIZE - 3), (char *)b.cpu + 3);
	ferry_bus_free(bus, &a);
	ferry_bus_free(bus, &b);
}

/*
 * Goal: what was given back is out of reach, and zero when it comes again, small or large. Method: dirty, free,
 * allocate over it.
 */
static void dma_memory_ends_with_free_and_comes_back_zeroed(void **state)
{
	struct ferry_bus *bus = *state;
	static const size_t sizes[] = {4096, 32 * 1024, 256 * 1024};

	for (size_t i = 0; i < FERRY_ARRAY_SIZE(sizes); i++) {
		struct ferry_dma dma, again;
		uint64_t addr;

		assert_int_equal(ferry_bus_alloc(bus, sizes[i], &dma), 0);
		memset(dma.cpu, 0xff, dma.size_bytes);
		addr = dma.bus;
		ferry_bus_free(bus, &dma);
		assert_null(dma.cpu);
		assert_null(ferry_bus_reach(bus, addr, 8));
		assert_int_equal(ferry_bus_alloc(bus, sizes[i], &again), 0);
		assert_uint_equal(again.bus, addr);
		for (size_t at = 0; at < sizes[i]; at += 8)
			assert_uint_equal(*(uint64_t *)(void *)((char *)again.cpu + at), 0);
		ferry_bus_free(bus, &again);
	}
}

/*
 * Goal: wrong sizes and a full arena are errors. Method: zero, too large, and an allocation that must fail.
 */
static void dma_alloc_refuses_what_it_cannot_give(void **state)
{
	struct ferry_bus *bus = *state;
	struct ferry_dma all, one;

	assert_int_equal(ferry_bus_alloc(bus, 0, &one), FERRY_E_INVAL);
	assert_int_equal(ferry_bus_alloc(bus, bus->arena_bytes + 1, &one), FERRY_E_NOMEM);
	assert_int_equal(ferry_bus_alloc(bus, bus->arena_bytes, &all), 0);
	assert_int_equal(ferry_bus_alloc(bus, 1, &one), FERRY_E_NOMEM);
	ferry_bus_free(bus, &all);
	ferry_user_fail_nth_alloc(1);
	assert_int_equal(ferry_bus_alloc(bus, 1, &one), FERRY_E_NOMEM);
	assert_int_equal(ferry_bus_alloc(bus, 1, &one), 0);
	ferry_bus_free(bus, &one);
}

/*
 * Goal: a window is reachable exactly while it is there. Method: add, ask at and over the edges, remove, ask again.
 */
static void a_window_is_reachable_while_it_is_there(void **state)
{
	struct ferry_bus *bus = *state;
	static char memory[64];
	uint64_t base = number(memory);

	assert_null(ferry_bus_reach(bus, base, 1));
	assert_int_equal(ferry_bus_window_add(bus, base, sizeof(memory)), 0);
	assert_ptr_equal(ferry_bus_reach(bus, base, 64), memory);
	assert_ptr_equal(ferry_bus_reach(bus, base + 63, 1), memory + 63);
	assert_null(ferry_bus_reach(bus, base + 63, 2));
	assert_null(ferry_bus_reach(bus, base - 1, 2));
	assert_int_equal(ferry_bus_window_remove(bus, base + 1), FERRY_E_INVAL);
	assert_int_equal(ferry_bus_window_remove(bus, base), 0);
	assert_null(ferry_bus_reach(bus, base, 1));
	assert_int_equal(ferry_bus_window_remove(bus, base), FERRY_E_INVAL);
}

/*
 * Goal: windows are checked and counted, and places are used again. Method: fill them all, one more, remove, add.
 */
static void windows_are_limited_and_reused(void **state)
{
	struct ferry_bus *bus = *state;

	assert_int_equal(ferry_bus_window_add(bus, 0, 10), FERRY_E_INVAL);
	assert_int_equal(ferry_bus_window_add(bus, 10, 0), FERRY_E_INVAL);
	assert_int_equal(ferry_bus_window_add(bus, 10, UINT64_MAX - 5), FERRY_E_INVAL);
	for (uint64_t i = 1; i <= FERRY_BUS_WINDOWS; i++)
		assert_int_equal(ferry_bus_window_add(bus, i * 4096, 4096), 0);
	assert_int_equal(ferry_bus_window_add(bus, 1ull << 30, 4096), FERRY_E_BUSY);
	assert_int_equal(ferry_bus_window_remove(bus, 17 * 4096), 0);
	assert_null(ferry_bus_reach(bus, 17 * 4096, 1));
	assert_int_equal(ferry_bus_window_add(bus, 1ull << 30, 4096), 0);
	assert_non_null(ferry_bus_reach(bus, (1ull << 30) + 4095, 1));
	assert_non_null(ferry_bus_reach(bus, FERRY_BUS_WINDOWS * 4096, 1));
}

/*
 * Goal: a reader never accepts a mixture of two windows. Method: one place changes between a low and a high window as
 * fast as it can; what lies between the two, and would be inside a mixture, must never be reachable.
 */
static uint32_t stop;
static uint32_t mixtures;

static void *reader_main(void *arg)
{
	const struct ferry_bus *bus = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (ferry_bus_reach(bus, 0x50000, 8))
			__atomic_fetch_add(&mixtures, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void windows_change_in_one_piece(void **state)
{
	struct ferry_bus *bus = *state;
	pthread_t reader;

	stop = 0;
	mixtures = 0;
	assert_int_equal(pthread_create(&reader, NULL, reader_main, bus), 0);
	for (uint32_t i = 0; i < 20000; i++) {
		uint64_t base = i % 2 ? 0x10000 : 0x90000;

		assert_int_equal(ferry_bus_window_add(bus, base, 0x1000), 0);
		assert_int_equal(ferry_bus_window_remove(bus, base), 0);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(reader, NULL);
	assert_uint_equal(mixtures, 0);
}

/*
 * Goal: allocation against a model. Method: 3000 random steps; every buffer carries its number in every page, nothing
 * overlaps, everything is reachable.
 */
static void random_allocations_never_overlap(void **state)
{
	struct ferry_bus *bus = *state;
	static struct ferry_dma dma[64];
	uint32_t random = 1;

	memset(dma, 0, sizeof(dma));
	for (uint32_t step = 0; step < 3000; step++) {
		struct ferry_dma *d;

		random = random * 1664525u + 1013904223u;
		d = &dma[random >> 26];
		if (d->cpu) {
			for (size_t at = 0; at < d->size_bytes; at += FERRY_PAGE_SIZE)
				assert_ptr_equal(*(void **)(void *)((char *)d->cpu + at), d);
			ferry_bus_free(bus, d);
			continue;
		}
		assert_int_equal(ferry_bus_alloc(bus, 1 + (random >> 8) % 100000, d), 0);
		for (size_t at = 0; at < d->size_bytes; at += FERRY_PAGE_SIZE) {
			assert_null(*(void **)(void *)((char *)d->cpu + at));
			*(void **)(void *)((char *)d->cpu + at) = d;
		}
		assert_ptr_equal(ferry_bus_reach(bus, d->bus, d->size_bytes), d->cpu);
	}
	for (uint32_t i = 0; i < 64; i++)
		ferry_bus_free(bus, &dma[i]);
}

/*
 * Goal: a fork's child does not share DMA memory with the device. Method: touch it in the child: SIGSEGV.
 */
static void a_forked_child_has_no_dma_memory(void **state)
{
	struct ferry_bus *bus = *state;
	struct ferry_dma dma;
	int status = 0;
	pid_t child;

	assert_int_equal(ferry_bus_alloc(bus, 1, &dma), 0);
	child = fork();
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		*(volatile char *)dma.cpu = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	ferry_bus_free(bus, &dma);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(dma_memory_is_reachable_page_by_page),  TEST(dma_memory_ends_with_free_and_comes_back_zeroed),
		TEST(dma_alloc_refuses_what_it_cannot_give), TEST(a_window_is_reachable_while_it_is_there),
		TEST(windows_are_limited_and_reused),        TEST(windows_change_in_one_piece),
		TEST(random_allocations_never_overlap),      TEST(a_forked_child_has_no_dma_memory),
	};

	return cmocka_run_group_tests_name("os-user/bus", tests, NULL, NULL);
}
