/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The kernel asks for idle pages (drop_caches asks all shrinkers), and gets them: the CPU's mappings go, the driver's
 * references too, and no byte is lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"
#include "mod.h"

#define BYTES (2 * DEV_BLOCK)
#define PAGES (BYTES / DEV_PAGE)
#define PRESENT (1ull << 63)

/* 4: without a line in the log each time. */
static void drop_slab(void)
{
	CHECK(mod_write("/proc/sys/vm/drop_caches", "4") >= 0, "drop_caches");
	CHECK(mod_write("/proc/sys/vm/drop_caches", "2") >= 0, "drop_caches");
}

static uint64_t idled(int fd)
{
	return dev_counter(fd, FERRY_COUNTER_pages_idled);
}

/* How many pages have an entry in this process's page tables. */
static size_t mapped(const void *at, size_t bytes)
{
	static uint64_t entries[PAGES];
	size_t count = bytes / DEV_PAGE, present = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0, "pagemap");
	CHECK(pread(fd, entries, count * 8, (off_t)((uintptr_t)at / DEV_PAGE * 8)) == (ssize_t)(count * 8), "read");
	close(fd);
	for (size_t i = 0; i < count; i++)
		present += !!(entries[i] & PRESENT);
	return present;
}

static void idle_pages_are_let_go(void)
{
	int fd = dev_open();
	uint8_t *p = dev_alloc(fd, BYTES);
	uint64_t before;

	dev_pattern_write(p, BYTES, 1);
	CHECK(mapped(p, BYTES) == PAGES, "%zu pages are mapped", mapped(p, BYTES));
	before = idled(fd);
	drop_slab();
	CHECK(idled(fd) - before == PAGES, "%llu pages were let go of", (unsigned long long)(idled(fd) - before));
	CHECK(mapped(p, BYTES) == 0, "%zu pages are still mapped", mapped(p, BYTES));
	CHECK(dev_pattern_check(p, BYTES, 1) < 0, "the data");
	/* And again, from the device's side. */
	drop_slab();
	CHECK(idled(fd) - before == 2 * PAGES, "the second time: %llu", (unsigned long long)(idled(fd) - before));
	CHECK(dev_run(fd, DEV_PROGRAM_ADD, p, DEV_PAGE, 1) == 0, "program");
	for (size_t i = 0; i < DEV_PAGE; i++)
		((uint64_t *)p)[i]--;
	CHECK(dev_pattern_check(p, BYTES, 1) < 0, "the data after a program");
}

static void pages_in_use_are_not(void)
{
	int fd = dev_open();
	uint8_t *p = dev_alloc(fd, BYTES);
	uint64_t before;

	dev_pattern_write(p, BYTES, 2);
	dev_to_device(fd, p, DEV_BLOCK);
	before = idled(fd);
	drop_slab();
	CHECK(idled(fd) - before == PAGES / 2, "%llu pages were let go of", (unsigned long long)(idled(fd) - before));
	for (size_t at = 0; at < DEV_BLOCK; at += DEV_PAGE)
		CHECK(dev_where(fd, p + at) == DEV_ON_DEVICE, "page %zu left the device", at / DEV_PAGE);
	CHECK(dev_pattern_check(p, BYTES, 2) < 0, "the data");
}

/* A pipe holds pages: they may be let go of, and stay what they are to both. */
static void held_by_a_pipe(void)
{
	int fd = dev_open(), ends[2];
	uint8_t *p = dev_alloc(fd, BYTES);
	struct iovec iov = {p, 8 * DEV_PAGE};
	static uint64_t copy[DEV_PAGE];

	dev_pattern_write(p, BYTES, 3);
	CHECK(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	CHECK(vmsplice(ends[1], &iov, 1, 0) == (ssize_t)iov.iov_len, "vmsplice");
	drop_slab();
	CHECK(dev_run(fd, DEV_PROGRAM_FILL, p, 4, 99) == 0, "program");
	CHECK(read(ends[0], copy, iov.iov_len) == (ssize_t)iov.iov_len, "read from the pipe");
	for (size_t i = 0; i < iov.iov_len / 8; i++)
		CHECK(copy[i] == (i < 4 ? 99 : dev_pattern_word(i, 3)), "word %zu of the pipe is %llx", i,
		      (unsigned long long)copy[i]);
	CHECK(*(uint64_t *)p == 99, "the memory itself");
}

struct dropper {
	atomic_bool stop;
	atomic_ulong drops;
};

static void *dropper(void *arg)
{
	struct dropper *d = arg;

	while (!atomic_load(&d->stop)) {
		drop_slab();
		atomic_fetch_add(&d->drops, 1);
	}
	return NULL;
}

static void let_go_while_used(void)
{
	int fd = dev_open();
	uint64_t *p = dev_alloc(fd, BYTES), before = idled(fd);
	struct dropper d = {0};
	pthread_t thread;

	dev_pattern_write(p, BYTES, 4);
	CHECK(pthread_create(&thread, NULL, dropper, &d) == 0, "thread");
	for (uint64_t round = 1; round <= 15; round++) {
		size_t at = round % 8 * (BYTES / 64);

		CHECK(dev_run(fd, DEV_PROGRAM_ADD, p + at, 2048, round) == 0, "round %llu",
		      (unsigned long long)round);
		for (size_t i = at; i < at + 2048; i++) {
			CHECK(p[i] == dev_pattern_word(i, 4) + round, "round %llu: word %zu",
			      (unsigned long long)round, i);
			p[i] -= round;
		}
		(void)dev_migrate(fd, p, BYTES, round % 2 ? 0 : FERRY_WHERE_HOST);
	}
	atomic_store(&d.stop, true);
	pthread_join(thread, NULL);
	CHECK(atomic_load(&d.drops) > 5, "%lu drops", atomic_load(&d.drops));
	CHECK(idled(fd) > before, "nothing was let go of");
	CHECK(dev_pattern_check(p, BYTES, 4) < 0, "the data");
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"idle pages are let go of, and come back", idle_pages_are_let_go, 0},
		{"what is on the device stays", pages_in_use_are_not, 0},
		{"a page in a pipe stays what it is", held_by_a_pipe, 0},
		{"pages are let go of while they are used", let_go_while_used, 60},
	};

	return KTAP_MAIN(argc, argv, cases);
}
