/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: lib/kernel.c lib/kernel_space.c lib/kernel_sys.c lib/error.c */
/*
 * kernel_space_test.c - address space on the kernel host: what is mapped where, what is given back, and what is not
 * because it is somebody else's. The mappings are real, of a memory file.
 */
#include "test/unit/lib/fake_kernel.h"

#include <sys/wait.h>

#include "lib/kernel_space.h"

#define MIB (1ull << 20)
#define BLOCK (2 * MIB)
#define PAGE 4096ull

struct handle {
	const struct ferry_backend_ops *ops;
	void *self;
};

static struct handle opened(void)
{
	const struct ferry_options options = {.size = sizeof(options)};
	struct handle h;

	assert_int_equal(ferry_kernel_open(&options, &fake_sys, &h.ops, &h.self), 0);
	return h;
}

static uint64_t mapped(struct handle *h, size_t bytes)
{
	uint64_t va = 0;

	assert_int_equal(h->ops->map(h->self, bytes, &va), 0);
	return va;
}

static int fresh(void **state)
{
	(void)state;
	unsetenv("FERRY_DEVICE");
	fake_reset();
	return 0;
}

static void add_bytes(void *arg, uint64_t start, uint64_t end)
{
	*(uint64_t *)arg += end - start;
}

/* Bytes of [va, va + bytes) that are a mapping of the node at its own address. */
static uint64_t node_bytes(uint64_t va, uint64_t bytes)
{
	uint64_t sum = 0;

	assert_int_equal(ferry_kernel_sys_linux.own_mappings(va, va + bytes, add_bytes, &sum), 0);
	return sum;
}

static void *at(uint64_t va)
{
	return (void *)(uintptr_t)va;
}

/* Something of the program's own, of one page, that lies where it was told to. */
static char *stranger(uint64_t va)
{
	char *p =
		mmap(at(va), PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	assert_ptr_equal(p, at(va));
	p[0] = 42;
	return p;
}

/*
 * Goal: a 2 MiB aligned mapping whose offset is its address, of whole blocks, and nothing beside it. Method: sizes
 * around 2 MiB.
 */
static void memory_is_aligned_and_its_offset_is_its_address(void **state)
{
	static const uint64_t sizes[] = {PAGE, BLOCK - PAGE, BLOCK, BLOCK + PAGE, 5 * BLOCK};
	struct handle h = opened();
	int64_t sum = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t va = mapped(&h, sizes[i]), whole = (sizes[i] + BLOCK - 1) / BLOCK * BLOCK;

		assert_uint_equal(va % BLOCK, 0);
		assert_uint_equal(node_bytes(va, whole), whole);
		*(volatile char *)at(va) = 1;
		*(volatile char *)at(va + sizes[i] - 1) = 1;
		sum += (int64_t)whole;
		assert_int_equal(fake.mapped_bytes, sum);
	}
	h.ops->close(h.self);
	assert_int_equal(fake.mapped_bytes, 0);
	assert_uint_equal(fake.closes, 1);
}

/* Goal: a place that another thread takes first is no failure. Method: three times taken; always taken. */
static void a_place_taken_meanwhile_is_left_to_the_other(void **state)
{
	struct handle h = opened();
	uint64_t va = 7;

	(void)state;
	fake.mmap_fails = 3;
	fake.mmap_number = EEXIST;
	(void)mapped(&h, BLOCK);
	assert_uint_equal(fake.mmap_fails, 0);
	fake.mmap_fails = UINT32_MAX;
	assert_int_equal(h.ops->map(h.self, BLOCK, &va), FERRY_E_MMAP);
	assert_non_null(strstr(ferry_last_error(), "other threads"));
	assert_uint_equal(va, 7);
	assert_int_equal(fake.mapped_bytes, BLOCK);
	h.ops->close(h.self);
}

/* Goal: why there is no memory is said. Method: each errno of mmap; a suspend is waited for; no address space at all.
 */
static void a_mapping_that_fails_leaves_nothing_and_says_why(void **state)
{
	static const struct {
		int number, error;
	} cases[] = {{ENODEV, FERRY_E_DEVICE_LOST},
	             {EPERM, FERRY_E_FOREIGN},
	             {ENOMEM, FERRY_E_MMAP},
	             {EINVAL, FERRY_E_MMAP}};
	struct handle h = opened();
	uint64_t va = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake.mmap_fails = 1;
		fake.mmap_number = cases[i].number;
		assert_int_equal(h.ops->map(h.self, BLOCK, &va), cases[i].error);
		assert_non_null(strstr(ferry_last_error(), strerror(cases[i].number)));
	}
	assert_int_equal(h.ops->map(h.self, 1ull << 47, &va), FERRY_E_MMAP);
	assert_uint_equal(va, 7);
	assert_int_equal(fake.mapped_bytes, 0);
	fake.mmap_fails = 4;
	fake.mmap_number = EAGAIN;
	(void)mapped(&h, BLOCK);
	assert_uint_equal(fake.sleeps, 4);
	h.ops->close(h.self);
}

/*
 * Goal: memory the program unmapped itself, and got back as something else, is not unmapped with the rest.
 * Method: a hole in the middle of an allocation, a stranger in it; unmap, then close.
 */
static void a_stranger_in_a_hole_survives_unmap(void **state)
{
	struct handle h = opened();
	uint64_t va = mapped(&h, 2 * BLOCK);
	char *p;

	(void)state;
	assert_int_equal(munmap(at(va + BLOCK), 4 * PAGE), 0);
	p = stranger(va + BLOCK + PAGE);
	h.ops->unmap(h.self, va, 2 * BLOCK);
	assert_uint_equal(node_bytes(va, 2 * BLOCK), 0);
	assert_int_equal(p[0], 42);
	h.ops->close(h.self);
	assert_int_equal(p[0], 42);
	assert_int_equal(munmap(p, PAGE), 0);
}

/*
 * Goal: what another handle got where one had been unmapped by hand is the other's. Method: a hole at the start, in
 * the middle, at the end, and over all; the next search finds just that place; the first handle closes.
 */
static void another_handles_memory_in_a_hole_survives_close(void **state)
{
	static const struct {
		uint32_t first, count; /* blocks of four */
	} holes[] = {{0, 1}, {1, 2}, {3, 1}, {0, 4}};

	(void)state;
	for (size_t i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
		struct handle a = opened(), b = opened();
		uint64_t va = mapped(&a, 5 * BLOCK), hole = va + holes[i].first * BLOCK, got;
		uint64_t bytes = holes[i].count * BLOCK;

		a.ops->unmap(a.self, va, 5 * BLOCK);
		fake.place = va;
		assert_uint_equal(mapped(&a, 4 * BLOCK), va);
		/* The search wants 2 MiB more than it uses: they are free too, here or behind the allocation. */
		assert_int_equal(munmap(at(hole), hole + bytes < va + 4 * BLOCK ? bytes + BLOCK : bytes), 0);
		fake.place = hole;
		got = mapped(&b, bytes);
		assert_uint_equal(got, hole);
		*(volatile char *)at(got) = 7;
		a.ops->close(a.self);
		assert_uint_equal(node_bytes(va, 4 * BLOCK), bytes);
		assert_int_equal(*(volatile char *)at(got), 7);
		b.ops->close(b.self);
		assert_uint_equal(node_bytes(va, 4 * BLOCK), 0);
	}
}

/* Goal: where the system does not tell what is mapped, memory is still given back. Method: no /proc. */
static void without_proc_all_of_it_is_unmapped(void **state)
{
	struct handle h = opened();
	uint64_t a = mapped(&h, BLOCK), b = mapped(&h, BLOCK);

	(void)state;
	fake.no_proc = true;
	h.ops->unmap(h.self, a, BLOCK);
	assert_uint_equal(node_bytes(a, BLOCK), 0);
	assert_uint_equal(node_bytes(b, BLOCK), BLOCK);
	h.ops->close(h.self);
	assert_uint_equal(node_bytes(b, BLOCK), 0);
}

/* Goal: unmapping what this handle did not map touches nothing. Method: an address of the program's own. */
static void only_what_was_mapped_is_unmapped(void **state)
{
	struct handle h = opened();
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(p, MAP_FAILED);
	h.ops->unmap(h.self, (uintptr_t)p, PAGE);
	p[0] = 1;
	assert_int_equal(munmap(p, PAGE), 0);
	h.ops->close(h.self);
}

/* Goal: protection is the system's. Method: read-only, then back, then memory that is gone. */
static void protect_is_mprotect(void **state)
{
	struct handle h = opened();
	uint64_t va = mapped(&h, BLOCK);

	(void)state;
	assert_int_equal(h.ops->protect(h.self, va, PAGE, false), 0);
	assert_int_equal(fake.prot, PROT_READ);
	assert_int_equal(h.ops->protect(h.self, va, PAGE, true), 0);
	assert_int_equal(fake.prot, PROT_READ | PROT_WRITE);
	h.ops->unmap(h.self, va, BLOCK);
	assert_int_equal(h.ops->protect(h.self, va, PAGE, true), FERRY_E_MMAP);
	h.ops->close(h.self);
}

/*
 * Goal: a forked child keeps neither the descriptor nor the memory, and the parent both. Method: the child looks at
 * its own descriptor and mappings, asks once, and tells by its status; then the parent uses its memory.
 */
static void a_forked_child_has_neither_descriptor_nor_memory(void **state)
{
	struct handle h = opened();
	uint64_t va = mapped(&h, BLOCK);
	int status, fd = dup(0);
	pid_t pid;

	(void)state;
	close(fd); /* so the handle's is the one before */
	*(volatile char *)at(va) = 3;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct ferry_req_migrate req = {.size = sizeof(req)};
		uint64_t sum = 0;

		if (fcntl(fd - 1, F_GETFD) != -1 || errno != EBADF)
			_exit(1);
		if (ferry_kernel_sys_linux.own_mappings(va, va + BLOCK, add_bytes, &sum) || sum)
			_exit(2);
		if (h.ops->request(h.self, FERRY_REQ_MIGRATE, &req, sizeof(req)) != FERRY_E_FORKED)
			_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(*(volatile char *)at(va), 3);
	assert_true(fcntl(fd - 1, F_GETFD) != -1);
	h.ops->close(h.self);
}

#define T(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(memory_is_aligned_and_its_offset_is_its_address),
		T(a_place_taken_meanwhile_is_left_to_the_other),
		T(a_mapping_that_fails_leaves_nothing_and_says_why),
		T(a_stranger_in_a_hole_survives_unmap),
		T(another_handles_memory_in_a_hole_survives_close),
		T(without_proc_all_of_it_is_unmapped),
		T(only_what_was_mapped_is_unmapped),
		T(protect_is_mprotect),
		T(a_forked_child_has_neither_descriptor_nor_memory),
	};

	return cmocka_run_group_tests_name("lib/kernel_space", tests, NULL, NULL);
}
