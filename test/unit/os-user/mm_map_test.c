/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: os-user/mm_uffd.c os-user/mm_open.c os-user/mm_map.c os-user/mm_slots.c os-user/mm_follow.c
 * os-user/mm_monitor.c os-user/mm_poison.c os-user/mm_sigbus.c
 */
/*
 * The operations of mm_ops.h on userfaultfd, each in both modes, against a core that is a table of pages.
 */
#include "test/unit/cmocka_compat.h"

#include "fake_core.h"

#define PAGES 1200u /* two blocks and a bit */

/*
 * Goal: the first touch of a page asks the core, and finds zeroes. Method: read one page, write another, count.
 */
static void the_first_touch_is_a_fault_and_reads_zero(struct fake_core *f)
{
	assert_int_equal(*(volatile char *)fake_page(f, 7), 0);
	assert_uint_equal(f->reads, 1);
	*(volatile char *)fake_page(f, 600) = 5;
	assert_uint_equal(f->writes, 1);
	assert_int_equal(*(volatile char *)fake_page(f, 600), 5);
	*(volatile char *)fake_page(f, 7) = 9; /* mapped writable by the read */
	assert_uint_equal(f->reads + f->writes, 2);
	assert_int_equal(((char *)fake_ops->host_ptr(f->mm, fake_va(f, 7)))[0], 9);
}

/*
 * Goal: after a zap the next touch asks the core, and the bytes it then sees are those the device had. Method: fill
 * two blocks, move them to the device (which spoils the host's copy), read all back.
 */
static void a_zapped_page_faults_and_comes_back_with_its_bytes(struct fake_core *f)
{
	for (uint32_t i = 0; i < 1024; i++)
		*(uint32_t *)(void *)fake_page(f, i) = i + 1;
	fake_to_device(f, 0, 512);
	fake_to_device(f, 512, 512);
	f->reads = 0;
	for (uint32_t i = 0; i < 1024; i++)
		assert_uint_equal(*(volatile uint32_t *)(void *)fake_page(f, i), i + 1);
	assert_uint_equal(f->reads, 1024);
}

/*
 * Goal: what was mapped for reading only faults on the first write, and only then. Method: a core that maps reads
 * read-only; read, write, write.
 */
static void a_page_inserted_read_only_faults_on_its_first_write(struct fake_core *f)
{
	f->read_only = true;
	assert_int_equal(*(volatile char *)fake_page(f, 3), 0);
	assert_int_equal(*(volatile char *)fake_page(f, 3), 0);
	assert_uint_equal(f->reads, 1);
	assert_uint_equal(f->writes, 0);
	*(volatile char *)fake_page(f, 3) = 1;
	*(volatile char *)(fake_page(f, 3) + 1) = 2;
	assert_uint_equal(f->writes, 1);
	assert_int_equal(((char *)fake_ops->host_ptr(f->mm, fake_va(f, 3)))[1], 2);
}

/*
 * Goal: protecting mapped pages makes the next write fault while reads go on; pages never mapped may be in the
 * range. Method: write some pages, protect the block, read, write, count.
 */
static void a_protected_page_faults_on_write_and_not_on_read(struct fake_core *f)
{
	for (uint32_t i = 0; i < 8; i++)
		*(volatile char *)fake_page(f, 2 * i) = (char)i;
	f->writes = 0;
	f->reads = 0;
	pthread_mutex_lock(&f->lock);
	assert_int_equal(fake_ops->cpu_protect(f->mm, fake_va(f, 0), 512), 0);
	pthread_mutex_unlock(&f->lock);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(*(volatile char *)fake_page(f, 2 * i), (char)i);
	assert_uint_equal(f->reads + f->writes, 0);
	for (uint32_t i = 0; i < 8; i++)
		*(volatile char *)fake_page(f, 2 * i) = 77;
	assert_uint_equal(f->writes, 8);
	/* The protection that a page without a mapping got must not outlive its first insert. */
	*(volatile char *)fake_page(f, 1) = 1;
	*(volatile char *)fake_page(f, 1) = 2;
	assert_uint_equal(f->writes, 9);
}

/*
 * Goal: a zap of protected pages leaves nothing behind that forbids the next writable mapping. Method: protect, zap,
 * write.
 */
static void a_protection_ends_with_a_zap(struct fake_core *f)
{
	*(volatile char *)fake_page(f, 5) = 1;
	pthread_mutex_lock(&f->lock);
	assert_int_equal(fake_ops->cpu_protect(f->mm, fake_va(f, 5), 1), 0);
	assert_int_equal(fake_ops->cpu_zap(f->mm, fake_va(f, 5), 1), 0);
	pthread_mutex_unlock(&f->lock);
	f->writes = 0;
	*(volatile char *)fake_page(f, 5) = 2;
	*(volatile char *)fake_page(f, 5) = 3;
	assert_uint_equal(f->writes, 1);
}

/*
 * Goal: inserting a range in which some pages are mapped already maps the rest, and makes all of it writable.
 * Method: map every third page read-only, then insert 64 pages writable, and write all without a fault.
 */
static void an_insert_passes_over_what_is_mapped(struct fake_core *f)
{
	f->read_only = true;
	for (uint32_t i = 0; i < 64; i += 3)
		(void)*(volatile char *)fake_page(f, i);
	pthread_mutex_lock(&f->lock);
	assert_int_equal(fake_ops->host_populate(f->mm, fake_va(f, 0), 64), 0);
	assert_int_equal(fake_ops->cpu_insert(f->mm, fake_va(f, 0), 64, true), 0);
	pthread_mutex_unlock(&f->lock);
	f->writes = 0;
	for (uint32_t i = 0; i < 64; i++)
		*(volatile char *)fake_page(f, i) = (char)i;
	assert_uint_equal(f->writes, 0);
}

/*
 * Goal: operations work across mappings that the user's mprotect has cut. Method: make one page in the middle
 * read-only, then insert, protect and zap the whole block.
 */
static void operations_cross_the_cuts_of_mprotect(struct fake_core *f)
{
	assert_int_equal(mprotect(fake_page(f, 100), FERRY_PAGE_SIZE, PROT_READ), 0);
	pthread_mutex_lock(&f->lock);
	assert_int_equal(fake_ops->host_populate(f->mm, fake_va(f, 0), 512), 0);
	assert_int_equal(fake_ops->cpu_insert(f->mm, fake_va(f, 0), 512, true), 0);
	pthread_mutex_unlock(&f->lock);
	for (uint32_t i = 0; i < 512; i++) {
		if (i != 100)
			*(volatile char *)fake_page(f, i) = 1;
	}
	assert_uint_equal(f->reads + f->writes, 0);
	pthread_mutex_lock(&f->lock);
	assert_int_equal(fake_ops->cpu_protect(f->mm, fake_va(f, 0), 512), 0);
	pthread_mutex_unlock(&f->lock);
	*(volatile char *)fake_page(f, 511) = 2;
	assert_uint_equal(f->writes, 1);
	fake_to_device(f, 0, 512);
	assert_int_equal(*(volatile char *)fake_page(f, 511), 2);
	assert_int_equal(*(volatile char *)fake_page(f, 99), 1);
	assert_int_equal(*(volatile char *)fake_page(f, 100), 0);
	assert_uint_equal(f->reads, 3);
}

/*
 * Goal: a page that the program locked in memory can be zapped all the same. Method: mlock, zap, read.
 */
static void a_locked_page_can_be_zapped(struct fake_core *f)
{
	*(volatile char *)fake_page(f, 0) = 4;
	if (mlock(fake_page(f, 0), FERRY_PAGE_SIZE) != 0)
		skip(); /* RLIMIT_MEMLOCK is 0 */
	fake_to_device(f, 0, 1);
	f->reads = 0;
	assert_int_equal(*(volatile char *)fake_page(f, 0), 4);
	assert_uint_equal(f->reads, 1);
}

/*
 * Goal: a page that the user took out of the file with MADV_REMOVE reads as zero instead of failing. Method: write,
 * remove, read.
 */
static void a_removed_page_reads_as_zero(struct fake_core *f)
{
	*(volatile char *)fake_page(f, 9) = 4;
	assert_int_equal(madvise(fake_page(f, 9), FERRY_PAGE_SIZE, MADV_REMOVE), 0);
	assert_int_equal(*(volatile char *)fake_page(f, 9), 0);
}

/*
 * Goal: a poisoned page is SIGBUS, again and again, and its neighbours are not. Method: poison one page of three.
 */
static void a_poisoned_page_is_sigbus_for_good(struct fake_core *f)
{
	for (uint32_t i = 20; i < 23; i++)
		*(volatile char *)fake_page(f, i) = 1;
	pthread_mutex_lock(&f->lock);
	assert_int_equal(fake_ops->cpu_poison(f->mm, fake_va(f, 21), 1), 0);
	pthread_mutex_unlock(&f->lock);
	assert_int_equal(fake_touch_read(fake_page(f, 21)), SIGBUS);
	assert_int_equal(fake_touch_write(fake_page(f, 21), 1), SIGBUS);
	assert_int_equal(fake_touch_read(fake_page(f, 21)), SIGBUS);
	assert_int_equal(fake_touch_read(fake_page(f, 20)), 0);
	assert_int_equal(fake_touch_write(fake_page(f, 22), 2), 0);
}

/*
 * Goal: a fault that the core cannot serve is SIGBUS on the thread that touched. Method: a page that the device lost.
 */
static void a_fault_the_core_refuses_is_sigbus(struct fake_core *f)
{
	f->place[30] = FAKE_LOST;
	assert_int_equal(fake_touch_read(fake_page(f, 30)), SIGBUS);
	assert_int_equal(fake_touch_read(fake_page(f, 31)), 0);
}

/*
 * Goal: "busy" and "gate closed" mean try again. Method: a core that says so five times, then serves.
 */
static void a_fault_the_core_puts_off_is_tried_again(struct fake_core *f)
{
	f->answer = FERRY_E_GATE_CLOSED;
	f->answers = 5;
	assert_int_equal(fake_touch_write(fake_page(f, 40), 1), 0);
	assert_uint_equal(f->writes, 6);
}

/*
 * Goal: 0 without a mapping means try again too. Method: a core that says 0 and does nothing, once.
 */
static void a_fault_that_needed_nothing_is_tried_again(struct fake_core *f)
{
	f->answer = 0;
	f->answers = 1;
	assert_int_equal(fake_touch_write(fake_page(f, 40), 1), 0);
	assert_uint_equal(f->writes, 2);
}

/*
 * Goal: a full host is an error of host_populate, and SIGBUS for the thread, never for the driver. Method: the
 * populate point fails.
 */
static void a_full_host_is_an_error_and_then_sigbus(struct fake_core *f)
{
	ferry_user_fail_nth_point(FERRY_USER_POINT_POPULATE, 1);
	assert_int_equal(fake_ops->host_populate(f->mm, fake_va(f, 50), 4), FERRY_E_HOST_FULL);
	assert_int_equal(fake_ops->host_populate(f->mm, fake_va(f, 50), 4), 0);
	ferry_user_fail_nth_point(FERRY_USER_POINT_POPULATE, 1);
	assert_int_equal(fake_touch_read(fake_page(f, 60)), SIGBUS);
}

/*
 * Goal: populate keeps bytes, discard drops them, and a device finds page i at alias + i pages, all in one run.
 * Method: write through the user's view, look through the driver's.
 */
static void host_pages_are_where_the_device_is_told(struct fake_core *f)
{
	uint64_t bus = 0;
	uint32_t run = 0;

	*(volatile char *)fake_page(f, 70) = 42;
	assert_int_equal(fake_ops->host_populate(f->mm, fake_va(f, 64), 16), 0);
	assert_int_equal(fake_ops->host_bus(f->mm, NULL, fake_va(f, 70), 10, &bus, &run), 0);
	assert_uint_equal(run, 10);
	assert_ptr_equal((void *)(uintptr_t)bus, fake_ops->host_ptr(f->mm, fake_va(f, 70)));
	assert_int_equal(*(char *)(uintptr_t)bus, 42);
	pthread_mutex_lock(&f->lock);
	assert_int_equal(fake_ops->cpu_zap(f->mm, fake_va(f, 70), 1), 0);
	fake_ops->host_discard(f->mm, fake_va(f, 70), 1);
	pthread_mutex_unlock(&f->lock);
	assert_int_equal(*(volatile char *)fake_page(f, 70), 0);
	/* Many at once go another way. */
	assert_int_equal(fake_ops->host_populate(f->mm, fake_va(f, 512), 512), 0);
	assert_int_equal(*(volatile char *)fake_ops->host_ptr(f->mm, fake_va(f, 1000)), 0);
}

/*
 * Goal: get() keeps the address space until put(), and fails once it is being destroyed. Method: destroy on another
 * thread while a reference is held; watch that it waits.
 */
static void *destroy_main(void *arg)
{
	struct fake_core *f = arg;

	ferry_user_mm_destroy(f->mm);
	return NULL;
}

static void destroy_waits_for_the_last_reference(struct fake_core *f)
{
	struct fake_core other;
	pthread_t thread;

	assert_int_equal(fake_core_init(&other, ferry_user_mm_mode(f->mm), 1), 0);
	assert_int_equal(fake_ops->get(other.mm), 0);
	assert_int_equal(pthread_create(&thread, NULL, destroy_main, &other), 0);
	while (fake_ops->get(other.mm) == 0) {
		fake_ops->put(other.mm);
		usleep(100);
	}
	assert_int_equal(fake_ops->get(other.mm), FERRY_E_VA_SPACE_DEAD);
	fake_ops->put(other.mm);
	pthread_join(thread, NULL);
	free(other.device);
}

/*
 * Goal: an operation that the system refuses says so. Method: the points of zap and insert.
 */
static void operations_that_the_system_refuses_say_so(struct fake_core *f)
{
	ferry_user_fail_nth_point(FERRY_USER_POINT_ZAP, 1);
	assert_int_equal(fake_ops->cpu_zap(f->mm, fake_va(f, 0), 1), FERRY_E_CPU_ZAP);
	ferry_user_fail_nth_point(FERRY_USER_POINT_INSERT, 1);
	assert_int_equal(fake_ops->cpu_insert(f->mm, fake_va(f, 0), 1, true), FERRY_E_CPU_INSERT);
	ferry_user_fail_nth_point(FERRY_USER_POINT_INSERT, 1);
	assert_int_equal(fake_ops->cpu_poison(f->mm, fake_va(f, 0), 1), FERRY_E_CPU_INSERT);
	/* Outside every allocation there is nothing to map. */
	assert_int_equal(fake_ops->cpu_insert(f->mm, fake_va(f, 0) + 64 * FERRY_BLOCK_SIZE, 1, true),
	                 FERRY_E_CPU_INSERT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE_BOTH(the_first_touch_is_a_fault_and_reads_zero, PAGES),
		FAKE_BOTH(a_zapped_page_faults_and_comes_back_with_its_bytes, PAGES),
		FAKE_BOTH(a_page_inserted_read_only_faults_on_its_first_write, PAGES),
		FAKE_BOTH(a_protected_page_faults_on_write_and_not_on_read, PAGES),
		FAKE_BOTH(a_protection_ends_with_a_zap, PAGES),
		FAKE_BOTH(an_insert_passes_over_what_is_mapped, PAGES),
		FAKE_BOTH(operations_cross_the_cuts_of_mprotect, PAGES),
		FAKE_BOTH(a_locked_page_can_be_zapped, PAGES),
		FAKE_BOTH(a_removed_page_reads_as_zero, PAGES),
		FAKE_BOTH(a_poisoned_page_is_sigbus_for_good, PAGES),
		FAKE_BOTH(a_fault_the_core_refuses_is_sigbus, PAGES),
		FAKE_BOTH(a_fault_the_core_puts_off_is_tried_again, PAGES),
		FAKE_BOTH(a_fault_that_needed_nothing_is_tried_again, PAGES),
		FAKE_BOTH(a_full_host_is_an_error_and_then_sigbus, PAGES),
		FAKE_BOTH(host_pages_are_where_the_device_is_told, PAGES),
		FAKE_BOTH(destroy_waits_for_the_last_reference, PAGES),
		FAKE_BOTH(operations_that_the_system_refuses_say_so, PAGES),
	};

	return cmocka_run_group_tests_name("os-user/mm_map", tests, NULL, NULL);
}
