/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: os-user/mm_uffd.c os-user/mm_open.c os-user/mm_map.c os-user/mm_slots.c os-user/mm_follow.c
 * os-user/mm_monitor.c os-user/mm_poison.c os-user/mm_sigbus.c
 */
/*
 * What a program does to managed memory behind our back: munmap, mremap, mprotect, fork; and the life of the
 * address space and its allocations. Each in both modes.
 */
#include "test/unit/cmocka_compat.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "fake_core.h"

#define PAGES 1200u

/* Until the monitor has dealt with n pages: munmap returns when the event was read, not when it was handled. */
static void wait_for_count(struct fake_core *f, const _Atomic uint32_t *counter, uint32_t n)
{
	for (uint32_t i = 0; i < 10000; i++) {
		pthread_mutex_lock(&f->lock);
		if (*counter >= n)
			i = 10000;
		pthread_mutex_unlock(&f->lock);
		usleep(100);
	}
	pthread_mutex_lock(&f->lock);
	assert_uint_equal(*counter, n);
	pthread_mutex_unlock(&f->lock);
}

/*
 * Goal: after a munmap in the middle the core has forgotten exactly those pages, a touch of them is SIGSEGV, and the
 * rest lives. Method: write all pages, unmap 300 of them across a block boundary.
 */
static void munmap_of_the_middle_is_told_to_the_core(struct fake_core *f)
{
	for (uint32_t i = 0; i < PAGES; i++)
		*(volatile char *)fake_page(f, i) = (char)i;
	fake_to_device(f, 400, 100);
	assert_int_equal(munmap(fake_page(f, 300), 300 * FERRY_PAGE_SIZE), 0);
	wait_for_count(f, &f->forgotten, 300);
	assert_int_equal(f->place[300], FAKE_FORGOTTEN);
	assert_int_equal(f->place[599], FAKE_FORGOTTEN);
	assert_int_equal(f->place[299], FAKE_HOST);
	assert_int_equal(fake_touch_read(fake_page(f, 300)), SIGSEGV);
	assert_int_equal(fake_touch_write(fake_page(f, 599), 1), SIGSEGV);
	fake_to_device(f, 250, 400);
	for (uint32_t i = 0; i < 300; i++)
		assert_int_equal(*(volatile char *)fake_page(f, i), (char)i);
	for (uint32_t i = 600; i < PAGES; i++)
		assert_int_equal(*(volatile char *)fake_page(f, i), (char)i);
	assert_int_equal(ferry_user_mm_free(f->mm, f->va, PAGES * FERRY_PAGE_SIZE), 0);
}

/*
 * Goal: nobody gets addresses of the hole by accident, and a mapping that somebody put there on purpose is left alone
 * by zap and free. Method: unmap a page, map our own memory at its address (before or after the monitor reserved
 * it), move the block, free.
 */
static void a_foreign_mapping_in_a_hole_survives(struct fake_core *f)
{
	char *hole = fake_page(f, 10);
	void *own;

	*(volatile char *)fake_page(f, 9) = 1;
	assert_int_equal(munmap(hole, FERRY_PAGE_SIZE), 0);
	own = mmap(hole, FERRY_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	assert_ptr_equal(own, hole);
	wait_for_count(f, &f->forgotten, 1);
	usleep(2000); /* the monitor may have reserved the hole in between; then ours replaced that */
	own = mmap(hole, FERRY_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	assert_ptr_equal(own, hole);
	memset(own, 0x5a, FERRY_PAGE_SIZE);
	fake_to_device(f, 0, 512);
	assert_int_equal(hole[0], 0x5a);
	assert_int_equal(*(volatile char *)fake_page(f, 9), 1);
	assert_int_equal(ferry_user_mm_free(f->mm, f->va, PAGES * FERRY_PAGE_SIZE), 0);
	assert_int_equal(hole[FERRY_PAGE_SIZE - 1], 0x5a);
	munmap(hole, FERRY_PAGE_SIZE);
}

/*
 * Goal: an allocation that the user has unmapped wholly is gone, and its addresses serve again. Method: unmap, and
 * allocate until the window has come around.
 */
static void an_allocation_unmapped_by_the_user_is_freed(struct fake_core *f)
{
	uint64_t va = 0;
	bool again = false;

	*(volatile char *)fake_page(f, 0) = 1;
	assert_int_equal(munmap(fake_page(f, 0), PAGES * FERRY_PAGE_SIZE), 0);
	wait_for_count(f, &f->forgotten, PAGES);
	for (uint32_t i = 0; i < 1000 && ferry_user_mm_free(f->mm, f->va, PAGES * FERRY_PAGE_SIZE) == 0; i++)
		;
	assert_int_equal(ferry_user_mm_free(f->mm, f->va, PAGES * FERRY_PAGE_SIZE), FERRY_E_RANGE_NOT_START);
	for (uint32_t i = 0; i < 513 && ferry_user_mm_alloc(f->mm, FERRY_BLOCK_SIZE, &va) == 0; i++)
		again |= va == f->va;
	assert_true(again);
}

/*
 * Goal: mremap keeps every byte, wherever the pages were, and the new place is plain memory. Method: pages on the
 * host, on the device and never touched; move them; compare; write; see that no fault reaches the core.
 */
static void mremap_keeps_the_bytes(struct fake_core *f)
{
	char *to = mmap(NULL, PAGES * FERRY_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t faults;

	for (uint32_t i = 0; i < 1000; i++)
		*(uint32_t *)(void *)fake_page(f, i) = i + 7;
	fake_to_device(f, 100, 600);
	to = mremap(fake_page(f, 50), 800 * FERRY_PAGE_SIZE, 800 * FERRY_PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
	            to);
	assert_ptr_not_equal(to, MAP_FAILED);
	for (uint32_t i = 50; i < 850; i++)
		assert_uint_equal(*(volatile uint32_t *)(void *)(to + (i - 50) * FERRY_PAGE_SIZE), i + 7);
	wait_for_count(f, &f->homes, 800);
	faults = f->reads + f->writes;
	for (uint32_t i = 0; i < 800; i++)
		*(volatile uint32_t *)(void *)(to + i * FERRY_PAGE_SIZE) = i;
	assert_uint_equal(f->reads + f->writes, faults);
	assert_int_equal(fake_touch_read(fake_page(f, 60)), SIGSEGV);
	assert_uint_equal(*(volatile uint32_t *)(void *)fake_page(f, 49), 49 + 7);
	assert_uint_equal(*(volatile uint32_t *)(void *)fake_page(f, 850), 850 + 7);
	assert_int_equal(ferry_user_mm_free(f->mm, f->va, PAGES * FERRY_PAGE_SIZE), 0);
	assert_uint_equal(*(volatile uint32_t *)(void *)(to + 5 * FERRY_PAGE_SIZE), 5);
	munmap(to, PAGES * FERRY_PAGE_SIZE);
}

/*
 * Goal: a touch of the new place while its bytes are still on the way waits for them. Method: the core is busy for 5
 * ms when the move begins, and the host's copy is spoiled; a thread reads the place from before the move (zero) on.
 */
static void *busy_main(void *arg)
{
	struct fake_core *f = arg;

	pthread_mutex_lock(&f->lock);
	f->slow_us = 1;
	usleep(5000);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static void *reader_main(void *arg)
{
	uint32_t seen = 0;

	while (!seen)
		seen = __atomic_load_n((uint32_t *)arg, __ATOMIC_RELAXED);
	return (void *)(uintptr_t)seen;
}

static void a_touch_of_moved_memory_waits_for_its_bytes(struct fake_core *f)
{
	void *to = mmap(NULL, FERRY_PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t busy, reader;
	void *seen = NULL;

	*(uint32_t *)(void *)fake_page(f, 0) = 4711;
	fake_to_device(f, 0, 1);
	assert_int_equal(pthread_create(&reader, NULL, reader_main, to), 0);
	assert_int_equal(pthread_create(&busy, NULL, busy_main, f), 0);
	while (!f->slow_us)
		sched_yield();
	assert_ptr_equal(mremap(fake_page(f, 0), FERRY_PAGE_SIZE, FERRY_PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to),
	                 to);
	pthread_join(busy, NULL);
	pthread_join(reader, &seen);
	assert_uint_equal((uintptr_t)seen, 4711);
	munmap(to, FERRY_PAGE_SIZE);
}

/*
 * Goal: memory that mremap makes larger is plain memory also where it grew. Method: grow by a block, touch the old
 * part and the new one.
 */
static void mremap_may_make_it_larger(struct fake_core *f)
{
	const size_t old_bytes = PAGES * FERRY_PAGE_SIZE, new_bytes = old_bytes + FERRY_BLOCK_SIZE;
	char *to;

	*(volatile char *)fake_page(f, PAGES - 1) = 8;
	fake_to_device(f, PAGES - 1, 1);
	to = mremap(fake_page(f, 0), old_bytes, new_bytes, MREMAP_MAYMOVE);
	assert_ptr_not_equal(to, MAP_FAILED);
	assert_int_equal(fake_touch_write(to + new_bytes - 1, 1), 0);
	assert_int_equal(fake_touch_read(to + old_bytes), 0);
	assert_int_equal(*(volatile char *)(to + old_bytes - FERRY_PAGE_SIZE), 8);
	munmap(to, new_bytes);
}

/*
 * Goal: moved memory whose bytes are lost is not readable, rather than wrong. Method: mremap of a lost page.
 */
static void moved_memory_that_lost_its_bytes_is_no_memory(struct fake_core *f)
{
	char *to;

	*(volatile char *)fake_page(f, 0) = 1;
	fake_to_device(f, 0, 1);
	f->place[0] = FAKE_LOST;
	to = mremap(fake_page(f, 0), 2 * FERRY_PAGE_SIZE, 2 * FERRY_PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
	            mmap(NULL, 2 * FERRY_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	assert_ptr_not_equal(to, MAP_FAILED);
	assert_int_equal(fake_touch_read(to), SIGSEGV);
	munmap(to, 2 * FERRY_PAGE_SIZE);
}

/*
 * Goal: what mprotect forbids is SIGSEGV, and what it allows still works and still faults. Method: a read-only page,
 * read, written, zapped, read, and made writable again; also through our own call.
 */
static void mprotect_read_then_write_is_sigsegv(struct fake_core *f)
{
	*(volatile char *)fake_page(f, 4) = 3;
	assert_int_equal(mprotect(fake_page(f, 4), FERRY_PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(fake_touch_read(fake_page(f, 4)), 0);
	assert_int_equal(fake_touch_write(fake_page(f, 4), 1), SIGSEGV);
	fake_to_device(f, 4, 1);
	assert_int_equal(fake_touch_write(fake_page(f, 4), 1), SIGSEGV);
	assert_int_equal(*(volatile char *)fake_page(f, 4), 3);
	assert_int_equal(ferry_user_mm_protect(f->mm, fake_va(f, 4), FERRY_PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(fake_touch_write(fake_page(f, 4), 1), 0);
	assert_int_equal(ferry_user_mm_protect(f->mm, f->va + 1, FERRY_PAGE_SIZE, PROT_READ),
	                 FERRY_E_RANGE_NOT_FOUND);
	assert_int_equal(ferry_user_mm_protect(f->mm, f->va, (PAGES + 1) * FERRY_PAGE_SIZE, PROT_READ),
	                 FERRY_E_RANGE_NOT_FOUND);
}

/*
 * Goal: a fork's child has no managed memory (SIGSEGV), may destroy what it inherited without harm, and the parent
 * goes on. Method: the child touches and destroys; the parent then reads what was on the host and on the device.
 */
static void a_forked_child_can_neither_see_nor_disturb(struct fake_core *f)
{
	int status = 0;
	pid_t child;

	*(volatile char *)fake_page(f, 0) = 1;
	*(volatile char *)fake_page(f, 1) = 2;
	fake_to_device(f, 1, 1);
	child = fork();
	if (child == 0) {
		uint64_t va;
		int ok = fake_touch_read(fake_page(f, 0)) == SIGSEGV;

		ok &= ferry_user_mm_alloc(f->mm, 4096, &va) == FERRY_E_FORKED;
		ok &= ferry_user_mm_free(f->mm, f->va, PAGES * FERRY_PAGE_SIZE) == FERRY_E_FORKED;
		ok &= fake_ops->get(f->mm) == FERRY_E_VA_SPACE_DEAD;
		ferry_user_mm_destroy(f->mm);
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(*(volatile char *)fake_page(f, 0), 1);
	assert_int_equal(*(volatile char *)fake_page(f, 1), 2);
	*(volatile char *)fake_page(f, 2) = 3;
}

/*
 * Goal: a child may have managed memory of its own. Method: the child makes a whole address space and uses it.
 */
static void a_forked_child_can_have_its_own(struct fake_core *f)
{
	enum ferry_user_mm_mode mode = ferry_user_mm_mode(f->mm);
	int status = 0;
	pid_t child;

	if (FERRY_USER_TSAN)
		return; /* it allows no new threads after a fork */
	child = fork();
	if (child == 0) {
		struct fake_core own;
		int err;

		alarm(20);
		err = fake_core_init(&own, mode, 8);
		if (!err) {
			*(volatile char *)fake_page(&own, 3) = 5;
			fake_to_device(&own, 3, 1);
			err = *(volatile char *)fake_page(&own, 3) != 5;
			fake_core_fini(&own);
		}
		_exit(err);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/*
 * Goal: alloc and free check their arguments; freed memory is gone, and comes back zeroed. Method: as it says.
 */
static void allocations_are_checked_and_zeroed(struct fake_core *f)
{
	uint64_t base, bytes, va, other;

	ferry_user_mm_window(f->mm, &base, &bytes);
	assert_int_equal(ferry_user_mm_alloc(f->mm, 0, &va), FERRY_E_INVAL);
	assert_int_equal(ferry_user_mm_alloc(f->mm, UINT64_MAX - 5, &va), FERRY_E_MMAP);
	assert_int_equal(ferry_user_mm_alloc(f->mm, bytes + 1, &va), FERRY_E_MMAP);
	assert_int_equal(ferry_user_mm_free(f->mm, f->va + FERRY_BLOCK_SIZE, FERRY_PAGE_SIZE),
	                 FERRY_E_RANGE_NOT_START);
	assert_int_equal(ferry_user_mm_free(f->mm, base - FERRY_BLOCK_SIZE, FERRY_PAGE_SIZE),
	                 FERRY_E_RANGE_NOT_START);
	assert_int_equal(ferry_user_mm_free(f->mm, f->va, FERRY_PAGE_SIZE), FERRY_E_INVAL);

	*(volatile char *)fake_page(f, 0) = 1;
	assert_int_equal(ferry_user_mm_free(f->mm, f->va, PAGES * FERRY_PAGE_SIZE), 0);
	assert_int_equal(ferry_user_mm_free(f->mm, f->va, PAGES * FERRY_PAGE_SIZE), FERRY_E_RANGE_NOT_START);
	assert_int_equal(fake_touch_read(fake_page(f, 0)), SIGSEGV);
	/* Next fit: take the rest of the window, then the place that was freed. */
	assert_int_equal(ferry_user_mm_alloc(f->mm, bytes - 3 * FERRY_BLOCK_SIZE, &other), 0);
	assert_int_equal(ferry_user_mm_alloc(f->mm, PAGES * FERRY_PAGE_SIZE, &va), 0);
	assert_uint_equal(va, f->va);
	assert_int_equal(ferry_user_mm_alloc(f->mm, FERRY_PAGE_SIZE, &other), FERRY_E_MMAP);
	memset((void *)f->place, FAKE_HOST, sizeof(f->place));
	assert_int_equal(*(volatile char *)fake_page(f, 0), 0);
}

/*
 * Goal: a poisoned page can be freed and is ordinary when it is allocated again. Method: poison, touch, free, alloc.
 */
static void poison_ends_with_the_allocation(struct fake_core *f)
{
	uint64_t va = 0;

	f->place[0] = FAKE_LOST;
	assert_int_equal(fake_ops->cpu_poison(f->mm, fake_va(f, 0), 3), 0);
	assert_int_equal(fake_touch_read(fake_page(f, 0)), SIGBUS);
	assert_int_equal(ferry_user_mm_free(f->mm, f->va, PAGES * FERRY_PAGE_SIZE), 0);
	f->place[0] = FAKE_HOST;
	for (uint32_t i = 0; i < 512 && va != f->va; i++)
		assert_int_equal(ferry_user_mm_alloc(f->mm, FERRY_BLOCK_SIZE, &va), 0);
	assert_uint_equal(va, f->va);
	assert_int_equal(fake_touch_write(fake_page(f, 0), 1), 0);
	assert_int_equal(fake_touch_read(fake_page(f, 2)), 0);
}

/*
 * Goal: every failure of the system at creation is an error with nothing left behind. Method: fail each point and
 * each allocation in turn; files and memory are as before.
 */
static uint32_t open_files(void)
{
	uint32_t n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void creation_fails_cleanly(struct fake_core *f)
{
	uint64_t allocs = ferry_user_live_allocs();
	uint32_t files = open_files();
	struct fake_core other;
	uint32_t n;

	for (n = 1; n < 100; n++) {
		int err;

		ferry_user_fail_nth_point(FERRY_USER_ANY_POINT, n);
		err = fake_core_init(&other, ferry_user_mm_mode(f->mm), 1);
		if (ferry_user_fail_nth_point(0, 0)) {
			assert_int_equal(err, 0); /* the n-th point was not reached */
			fake_core_fini(&other);
			break;
		}
		if (!other.mm) /* some failures only change the way */
			assert_int_not_equal(err, 0);
		else if (err)
			assert_int_equal(err, FERRY_E_MMAP); /* alloc */
		if (other.mm)
			ferry_user_mm_destroy(other.mm);
		free(other.device);
		assert_uint_equal(ferry_user_live_allocs(), allocs);
		assert_uint_equal(open_files(), files);
	}
	assert_in_range(n, 6, 99);
	ferry_user_fail_nth_alloc(1);
	assert_int_equal(fake_core_init(&other, ferry_user_mm_mode(f->mm), 1), FERRY_E_NOMEM);
	free(other.device);
}

/*
 * Goal: the restricted userfaultfd is used where the full one is refused, and says what it cannot. Method:
 * FERRY_UFFD=user-only.
 */
static void auto_mode_takes_what_there_is(void **state)
{
	struct fake_core f;

	(void)state;
	fake_signals_catch();
	setenv("FERRY_UFFD", "user-only", 1);
	assert_int_equal(fake_core_init(&f, FERRY_USER_MM_AUTO, 4), 0);
	unsetenv("FERRY_UFFD");
	assert_int_equal(ferry_user_mm_mode(f.mm), FERRY_USER_MM_SIGNAL);
	assert_false(ferry_user_mm_syscalls_work(f.mm));
	*(volatile char *)fake_page(&f, 2) = 1;
	assert_uint_equal(f.writes, 1);
	fake_core_fini(&f);
	assert_int_equal(fake_core_init(&f, FERRY_USER_MM_AUTO, 4), 0);
	assert_int_equal(ferry_user_mm_syscalls_work(f.mm), ferry_user_mm_mode(f.mm) == FERRY_USER_MM_THREAD);
	fake_core_fini(&f);
}

/*
 * Goal: a limit on file sizes gives a smaller window, and where even the smallest is too large an error; never a
 * signal. Method: set the limit in a child.
 */
static int create_with_file_limit(uint64_t limit_bytes)
{
	const struct rlimit limit = {limit_bytes, limit_bytes};
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		struct fake_core f;

		signal(SIGXFSZ, SIG_DFL);
		setrlimit(RLIMIT_FSIZE, &limit);
		_exit(fake_core_init(&f, FERRY_USER_MM_AUTO, 1));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_limit_on_file_sizes_is_no_signal(void **state)
{
	(void)state;
	assert_int_equal(create_with_file_limit(1ull << 24), FERRY_E_MEMFD);
	if (!FERRY_USER_TSAN) /* it allows no new threads after a fork */
		assert_int_equal(create_with_file_limit(1ull << 28), 0);
}

/*
 * Goal: what somebody mapped into a hole outlives the window around it, bytes and all. Method: map over a managed
 * page, which unmaps it and leaves the monitor no hole to reserve; end the window; look.
 */
static void a_foreign_mapping_outlives_the_window(void **state)
{
	struct fake_core f;
	char *hole, *own;

	(void)state;
	fake_signals_catch();
	for (uint32_t mode = FERRY_USER_MM_THREAD; mode <= FERRY_USER_MM_SIGNAL; mode++) {
		assert_int_equal(fake_core_init(&f, (enum ferry_user_mm_mode)mode, PAGES), 0);
		*(volatile char *)fake_page(&f, 9) = 1;
		hole = fake_page(&f, 10);
		own = mmap(hole, FERRY_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		           0);
		assert_ptr_equal(own, hole);
		memset(own, 0x5a, FERRY_PAGE_SIZE);
		wait_for_count(&f, &f.forgotten, 1);
		fake_core_fini(&f);
		assert_int_equal(fake_touch_read(own), 0);
		assert_int_equal(own[0], 0x5a);
		assert_int_equal(own[FERRY_PAGE_SIZE - 1], 0x5a);
		/* And nothing else is left there. */
		assert_int_not_equal(fake_touch_read(own - FERRY_PAGE_SIZE), 0);
		munmap(own, FERRY_PAGE_SIZE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE_BOTH(munmap_of_the_middle_is_told_to_the_core, PAGES),
		FAKE_BOTH(a_foreign_mapping_in_a_hole_survives, PAGES),
		FAKE_BOTH(an_allocation_unmapped_by_the_user_is_freed, PAGES),
		FAKE_BOTH(mremap_keeps_the_bytes, PAGES),
		FAKE_BOTH(a_touch_of_moved_memory_waits_for_its_bytes, PAGES),
		FAKE_BOTH(mremap_may_make_it_larger, PAGES),
		FAKE_BOTH(moved_memory_that_lost_its_bytes_is_no_memory, PAGES),
		FAKE_BOTH(mprotect_read_then_write_is_sigsegv, PAGES),
		FAKE_BOTH(a_forked_child_can_neither_see_nor_disturb, PAGES),
		FAKE_BOTH(a_forked_child_can_have_its_own, PAGES),
		FAKE_BOTH(allocations_are_checked_and_zeroed, PAGES),
		FAKE_BOTH(poison_ends_with_the_allocation, PAGES),
		FAKE_BOTH(creation_fails_cleanly, PAGES),
		cmocka_unit_test(a_foreign_mapping_outlives_the_window),
		cmocka_unit_test(auto_mode_takes_what_there_is),
		cmocka_unit_test(a_limit_on_file_sizes_is_no_signal),
	};

	return cmocka_run_group_tests_name("os-user/mm_events", tests, NULL, NULL);
}
