/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Managed mappings under the calls that work on mappings: what is refused changes nothing, what is done is done.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"

#define BYTES (2 * DEV_BLOCK)
/* Newer than Debian 12's headers. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* Is all of it as it was written, from the device or from the host? */
static void data_is(const char *what, const void *p, size_t bytes, uint64_t seed)
{
	long wrong = dev_pattern_check(p, bytes, seed);

	CHECK(wrong < 0, "%s: word %ld is %llx", what, wrong, (unsigned long long)((const uint64_t *)p)[wrong]);
}

static void *filled(int fd, uint64_t seed)
{
	void *p = dev_alloc(fd, BYTES);

	dev_pattern_write(p, BYTES, seed);
	return p;
}

/* ---- mmap ---- */

static void refused_map(int fd, void *at, int flags, uintptr_t offset, const char *what)
{
	void *p = mmap(at, DEV_BLOCK, PROT_READ | PROT_WRITE, flags, fd, (off_t)offset);

	CHECK(p == MAP_FAILED, "%s was mapped at %p", what, p);
	CHECK(errno == EINVAL || errno == EPERM || errno == EACCES, "%s", what);
}

static void map_rules(void)
{
	int fd = dev_open();
	uint8_t *at = dev_reserve(BYTES);
	uintptr_t va = (uintptr_t)at;

	refused_map(fd, at, MAP_SHARED | MAP_FIXED, 0, "offset 0");
	at = dev_reserve(BYTES);
	va = (uintptr_t)at;
	refused_map(fd, at, MAP_SHARED | MAP_FIXED, va + DEV_PAGE, "an offset one page too high");
	at = dev_reserve(BYTES);
	va = (uintptr_t)at;
	refused_map(fd, at, MAP_SHARED | MAP_FIXED, va + DEV_BLOCK, "an offset one block too high");
	at = dev_reserve(BYTES);
	va = (uintptr_t)at;
	refused_map(fd, at, MAP_PRIVATE | MAP_FIXED, va, "a private mapping");
	refused_map(fd, NULL, MAP_SHARED, 0, "a mapping at an address of the kernel's choice");
}

static void map_without_range(void)
{
	int fd = dev_open();
	uint8_t *p = dev_map(fd, BYTES);

	CHECK(p, "mmap");
	CHECK(ktap_touch(p, true) == SIGBUS, "memory that is mapped and not managed");
	CHECK(dev_migrate(fd, p, DEV_BLOCK, 0) == FERRY_E_RANGE_NOT_FOUND, "migrated without a range");
	CHECK(dev_range_create(fd, p, BYTES, 0) == 0, "range");
	CHECK(ktap_touch(p, true) == 0 && ktap_touch(p + BYTES - 1, true) == 0, "managed memory");
	CHECK(dev_range_destroy(fd, p) == 0, "destroy");
	CHECK(ktap_touch(p, false) == SIGBUS, "memory that is managed no longer");
}

static void new_memory_is_zero(void)
{
	int fd = dev_open();
	uint64_t *p = dev_alloc(fd, BYTES);

	for (size_t i = 0; i < BYTES / 8; i += 64)
		CHECK(p[i] == 0, "word %zu is %llx", i, (unsigned long long)p[i]);
	dev_pattern_write(p, BYTES, 9);
	munmap(p, BYTES);
	p = dev_alloc(fd, BYTES);
	dev_to_device(fd, p, DEV_BLOCK);
	for (size_t i = 0; i < BYTES / 8; i += 64)
		CHECK(p[i] == 0, "after reuse word %zu is %llx", i, (unsigned long long)p[i]);
}

/* ---- mremap ---- */

static void mremap_refused(void)
{
	int fd = dev_open();
	uint8_t *p = filled(fd, 1), *to = dev_reserve(2 * BYTES);

	for (int on_device = 0; on_device < 2; on_device++) {
		if (on_device)
			dev_to_device(fd, p, DEV_BLOCK);
		CHECK(mremap(p, BYTES, 2 * BYTES, MREMAP_MAYMOVE) == MAP_FAILED, "grown");
		CHECK(mremap(p, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED, "moved");
		CHECK(mremap(p, 0, BYTES, MREMAP_MAYMOVE) == MAP_FAILED, "duplicated");
		CHECK(mremap(p, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_DONTUNMAP) == MAP_FAILED, "moved away");
		data_is("after refused mremaps", p, BYTES, 1);
	}
	dev_to_device(fd, p, DEV_BLOCK);
	data_is("and from the device", p, BYTES, 1);
}

static void mremap_shrinks(void)
{
	int fd = dev_open();
	uint8_t *p = filled(fd, 2);

	dev_to_device(fd, p, DEV_BLOCK);
	CHECK(mremap(p, BYTES, DEV_BLOCK, 0) == p, "shrunk");
	CHECK(ktap_touch(p + DEV_BLOCK, false) == SIGSEGV, "what was cut off");
	data_is("what is left", p, DEV_BLOCK, 2);
}

/* ---- munmap ---- */

static void partial_munmap(void)
{
	int fd = dev_open();
	uint8_t *p = filled(fd, 3);
	const size_t hole = 16 * DEV_PAGE, at = 64 * DEV_PAGE;

	dev_to_device(fd, p, DEV_BLOCK);
	if (munmap(p + at, hole)) {
		CHECK(errno == EINVAL, "a refusal is EINVAL");
		data_is("after a refused munmap", p, BYTES, 3);
		return;
	}
	CHECK(ktap_touch(p + at, false) == SIGSEGV && ktap_touch(p + at + hole - 1, false) == SIGSEGV, "the hole");
	for (size_t i = 0; i < BYTES / 8; i++)
		if (i * 8 < at || i * 8 >= at + hole)
			CHECK(((uint64_t *)p)[i] == dev_pattern_word(i, 3), "word %zu beside the hole", i);
	/* The hole is no longer managed; the rest goes on. */
	CHECK(dev_migrate(fd, p, at, 0) == 0, "the part before the hole");
	CHECK(dev_run(fd, DEV_PROGRAM_FILL, p + at, 1, 1) != 0, "a program wrote into the hole");
	CHECK(dev_run(fd, DEV_PROGRAM_FILL, p + at + hole, 1, 1) == 0, "a program behind the hole");
	CHECK(((uint64_t *)p)[(at + hole) / 8] == 1, "what it wrote");
}

static void munmap_edges(void)
{
	int fd = dev_open();
	uint8_t *p = filled(fd, 4);

	dev_to_device(fd, p, DEV_BLOCK);
	CHECK(munmap(p + BYTES - DEV_PAGE, DEV_PAGE) == 0 || errno == EINVAL, "the last page");
	CHECK(munmap(p, DEV_PAGE) == 0 || errno == EINVAL, "the first page");
	for (size_t i = DEV_PAGE / 8; i < (BYTES - DEV_PAGE) / 8; i++)
		CHECK(((uint64_t *)p)[i] == dev_pattern_word(i, 4), "word %zu", i);
}

static void mapped_over(void)
{
	int fd = dev_open();
	uint8_t *p = filled(fd, 5);

	dev_to_device(fd, p, DEV_BLOCK);
	CHECK(mmap(p, DEV_BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p,
	      "mmap over managed memory");
	CHECK(p[0] == 0, "the new memory");
	p[0] = 1;
	/* A hole in a range is passed over in silence. */
	CHECK(dev_migrate(fd, p, DEV_PAGE, 0) == 0, "a hole");
	CHECK(dev_where(fd, p) == 0, "memory that is not ours was migrated");
	CHECK(p[0] == 1, "the new memory after that");
	CHECK(((uint64_t *)p)[DEV_BLOCK / 8] == dev_pattern_word(DEV_BLOCK / 8, 5), "the other block");
}

/* ---- mprotect ---- */

static void mprotect_read_only(void)
{
	int fd = dev_open(), error;
	uint8_t *p = filled(fd, 6);

	for (int round = 0; round < 2; round++) {
		if (round)
			dev_to_device(fd, p, DEV_BLOCK);
		CHECK(mprotect(p, DEV_BLOCK, PROT_READ) == 0, "read only");
		CHECK(ktap_touch(p, false) == 0 && ktap_touch(p, true) == SIGSEGV, "write to what is read only");
		error = dev_run(fd, DEV_PROGRAM_FILL, p, 1, 0);
		CHECK(error == FERRY_E_FAULT_READ_ONLY, "the device writes where the CPU may not: %s",
		      dev_error_name(error));
		data_is("read only", p, BYTES, 6);
		CHECK(mprotect(p, DEV_BLOCK, PROT_READ | PROT_WRITE) == 0, "writable");
		CHECK(ktap_touch(p, true) == 0, "write to what is writable");
		data_is("writable again", p, BYTES, 6);
	}
	error = dev_run(fd, DEV_PROGRAM_FILL, p, 1, 77);
	CHECK(error == 0 && ((uint64_t *)p)[0] == 77, "the device may write again: %s", dev_error_name(error));
}

static void mprotect_none(void)
{
	int fd = dev_open();
	uint8_t *p = filled(fd, 7);

	dev_to_device(fd, p, DEV_BLOCK);
	CHECK(mprotect(p + DEV_PAGE, DEV_PAGE, PROT_NONE) == 0, "no access");
	CHECK(ktap_touch(p + DEV_PAGE, false) == SIGSEGV, "read of what has no access");
	CHECK(ktap_touch(p, true) == 0 && ktap_touch(p + 2 * DEV_PAGE, true) == 0, "its neighbours");
	CHECK(mprotect(p + DEV_PAGE, DEV_PAGE, PROT_READ | PROT_WRITE) == 0, "access again");
	data_is("after no access", p, BYTES, 7);
}

/* ---- madvise and the like ---- */

static void madvise_keeps_data(void)
{
	static const int advices[] = {MADV_NORMAL,         MADV_RANDOM,   MADV_SEQUENTIAL, MADV_WILLNEED,
	                              MADV_DONTNEED,       MADV_DOFORK,   MADV_DONTFORK,   MADV_MERGEABLE,
	                              MADV_UNMERGEABLE,    MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP,
	                              MADV_DODUMP,         MADV_COLD,     MADV_PAGEOUT,    MADV_POPULATE_READ,
	                              MADV_POPULATE_WRITE, MADV_COLLAPSE};
	int fd = dev_open();
	uint8_t *p = filled(fd, 8);

	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		for (int on_device = 0; on_device < 2; on_device++) {
			dev_pattern_write(p, BYTES, i);
			if (on_device)
				dev_to_device(fd, p, DEV_BLOCK);
			(void)madvise(p, BYTES, advices[i]);
			data_is("after madvise", p, BYTES, i);
		}
}

/* These may lose the data, and nothing else. */
static void madvise_destroys_nothing_else(void)
{
	static const int advices[] = {MADV_FREE, MADV_REMOVE, MADV_WIPEONFORK};
	int fd = dev_open();
	uint8_t *p = filled(fd, 8);

	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		int done;

		dev_pattern_write(p, BYTES, i);
		dev_to_device(fd, p, DEV_BLOCK);
		done = madvise(p, DEV_BLOCK, advices[i]) == 0;
		if (!done)
			data_is("after a refused madvise", p, BYTES, i);
		CHECK(((uint64_t *)p)[DEV_BLOCK / 8] == dev_pattern_word(DEV_BLOCK / 8, i), "the block beside it");
		CHECK(dev_run(fd, DEV_PROGRAM_FILL, p, 512, 3) == 0 && p[0] == 3, "it is of use");
	}
}

static void lock_and_sync(void)
{
	int fd = dev_open();
	uint8_t *p = filled(fd, 10);
	unsigned char resident[BYTES / DEV_PAGE];

	dev_to_device(fd, p, DEV_BLOCK);
	if (mlock(p, BYTES) == 0) {
		data_is("locked", p, BYTES, 10);
		CHECK(dev_migrate(fd, p, DEV_BLOCK, 0) == 0, "locked memory still goes to the device");
		CHECK(munlock(p, BYTES) == 0, "munlock");
	}
	(void)msync(p, BYTES, MS_SYNC);
	(void)mincore(p, BYTES, resident);
	data_is("after mlock, msync and mincore", p, BYTES, 10);
}

static void unaligned_length(void)
{
	int fd = dev_open();
	uint8_t *at = dev_reserve(BYTES);
	const size_t bytes = DEV_BLOCK + 5 * DEV_PAGE;
	void *p = mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)(uintptr_t)at);

	CHECK(p == at, "a length that is no multiple of a block");
	CHECK(dev_range_create(fd, p, bytes, 0) == 0, "its range");
	dev_pattern_write(p, bytes, 11);
	dev_to_device(fd, p, DEV_BLOCK);
	CHECK(dev_migrate(fd, at + DEV_BLOCK, 5 * DEV_PAGE, 0) == 0, "its tail");
	data_is("an odd length", p, bytes, 11);
}

#define PASS_PAGES (4 * DEV_BLOCK / DEV_PAGE)

/* CPU faults of one pass that touches each page once, step pages on each time. */
static uint64_t pass_faults(int fd, volatile uint8_t *p, size_t pages, size_t step, bool write)
{
	uint64_t before = dev_counter(fd, FERRY_COUNTER_faults_cpu);

	for (size_t i = 0, at = 0; i < pages; i++, at = (at + step) % pages) {
		if (write)
			p[at * DEV_PAGE] = 1;
		else
			CHECK(p[at * DEV_PAGE] == 1, "page %zu", at);
	}
	return dev_counter(fd, FERRY_COUNTER_faults_cpu) - before;
}

/* What is dense around a page is mapped with it: one fault is for many pages, in whatever order they are touched. */
static void few_faults(void)
{
	int fd = dev_open();
	uint8_t *ordered = dev_alloc(fd, 4 * DEV_BLOCK), *scattered = dev_alloc(fd, 4 * DEV_BLOCK);
	uint64_t in_order = pass_faults(fd, ordered, PASS_PAGES, 1, true);
	uint64_t anyhow = pass_faults(fd, scattered, PASS_PAGES, 167, true);
	uint64_t home, device;

	/* There is room for one block on the device: three are evicted, which maps them nowhere. */
	for (size_t at = 0; at < 4 * DEV_BLOCK; at += DEV_BLOCK)
		dev_to_device(fd, ordered + at, DEV_BLOCK);
	home = pass_faults(fd, ordered, PASS_PAGES * 3 / 4, 167, false);
	device = pass_faults(fd, ordered + 3 * DEV_BLOCK, PASS_PAGES / 4, 1, false);
	printf("# CPU faults: %llu for %lu new pages in order, %llu for as many scattered, %llu for %lu that were "
	       "evicted, scattered, %llu for a block on the device\n",
	       (unsigned long long)in_order, PASS_PAGES, (unsigned long long)anyhow, (unsigned long long)home,
	       PASS_PAGES * 3 / 4, (unsigned long long)device);
	fflush(stdout);
	CHECK(in_order <= PASS_PAGES / 64, "%llu faults in order", (unsigned long long)in_order);
	CHECK(anyhow <= PASS_PAGES / 8, "%llu faults scattered", (unsigned long long)anyhow);
	CHECK(home <= PASS_PAGES / 8, "%llu faults for evicted pages", (unsigned long long)home);
	CHECK(device <= PASS_PAGES / 64, "%llu faults for a block on the device", (unsigned long long)device);
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"a mapping is shared and its offset is its address", map_rules, 0},
		{"what is mapped and not managed is SIGBUS", map_without_range, 0},
		{"new memory is zero, also where old memory was", new_memory_is_zero, 0},
		{"a length need not be whole blocks", unaligned_length, 0},
		{"mremap cannot move, grow or double it", mremap_refused, 0},
		{"mremap can shrink it", mremap_shrinks, 0},
		{"munmap of a part leaves the rest", partial_munmap, 0},
		{"munmap of the edges leaves the middle", munmap_edges, 0},
		{"it can be mapped over", mapped_over, 0},
		{"mprotect makes it read only for both sides", mprotect_read_only, 0},
		{"mprotect can forbid access to a page", mprotect_none, 0},
		{"advice does not lose data", madvise_keeps_data, 60},
		{"advice that may lose data loses nothing else", madvise_destroys_nothing_else, 0},
		{"one fault maps many pages", few_faults, 0},
		{"mlock, msync and mincore do no harm", lock_and_sync, 0},
	};

	return KTAP_MAIN(argc, argv, cases);
}
