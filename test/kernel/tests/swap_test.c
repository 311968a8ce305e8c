/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Managed memory that nobody uses is swapped when its group is short, and is right again when CPU or device want it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cgroup.h"
#include "dev.h"
#include "ktap.h"
#include "swap.h"

#define MIB (1l << 20)
#define PAGES(bytes) ((long)((bytes) / DEV_PAGE))

/* In a group, with swap; room_bytes: how much more it may have than it has now, 0: no limit. */
static int member(struct cgroup *group, const char *name, long room_bytes)
{
	char limit[32];
	int fd;

	swap_begin();
	cgroup_make(group, name);
	cgroup_enter(group);
	fd = dev_open();
	if (!room_bytes)
		return fd;
	snprintf(limit, sizeof(limit), "%ld", cgroup_read(group, "memory.current") + room_bytes);
	CHECK(cgroup_write(group, "memory.max", limit) == 0, "memory.max");
	return fd;
}

/* Out with all that can go. */
static void reclaim(const struct cgroup *group, long bytes)
{
	char text[32];
	int error;

	snprintf(text, sizeof(text), "%ld", bytes);
	error = cgroup_write(group, "memory.reclaim", text);
	CHECK(error == 0 || error == EAGAIN, "memory.reclaim: errno %d", error);
}

/* More than the group may have in memory. */
static void cpu_uses_more_than_the_limit(void)
{
	struct cgroup group;
	int fd = member(&group, "more", 4 * MIB);
	long out = swap_pages_out(), in = swap_pages_in();
	uint8_t *p = dev_alloc(fd, 10 * MIB);

	dev_pattern_write(p, 10 * MIB, 1);
	CHECK(cgroup_read(&group, "memory.swap.current") >= 5 * MIB, "only %ld KiB are swapped",
	      cgroup_read(&group, "memory.swap.current") >> 10);
	CHECK(out < 0 || swap_pages_out() - out >= PAGES(5 * MIB), "%ld pages were swapped out",
	      swap_pages_out() - out);
	CHECK(dev_counter(fd, FERRY_COUNTER_pages_idled) >= (uint64_t)PAGES(5 * MIB), "pages let go of");
	CHECK(dev_pattern_check(p, 10 * MIB, 1) < 0, "the data");
	CHECK(in < 0 || swap_pages_in() - in >= PAGES(5 * MIB), "%ld pages were swapped in", swap_pages_in() - in);
	CHECK(cgroup_read(&group, "memory.current") <= cgroup_read(&group, "memory.max"), "the limit");
	CHECK(cgroup_event(&group, "oom_kill") == 0, "somebody was killed");
	close(fd);
}

/* The servicer swaps in, for the group. */
static void device_uses_what_was_swapped(void)
{
	struct cgroup group;
	int fd = member(&group, "device", 0);
	long shmem, swapped, now;
	uint64_t *p = dev_alloc(fd, 4 * MIB);

	dev_pattern_write(p, 4 * MIB, 2);
	shmem = cgroup_stat(&group, "shmem");
	reclaim(&group, 16 * MIB);
	now = cgroup_stat(&group, "shmem");
	CHECK(now < shmem - 3 * MIB, "shmem went from %ld KiB to %ld", shmem >> 10, now >> 10);
	swapped = cgroup_read(&group, "memory.swap.current");
	CHECK(swapped > 3 * MIB, "%ld KiB are swapped", swapped >> 10);
	for (size_t at = 0; at < 4 * MIB / 8; at += DEV_BLOCK / 8)
		CHECK(dev_run(fd, DEV_PROGRAM_ADD, p + at, 64 * DEV_PAGE / 8, 1) == 0, "program");
	/* Paid for by the group again. */
	CHECK(cgroup_stat(&group, "shmem") >= now + (long)(2 * 64 * DEV_PAGE) - CGROUP_SLACK, "shmem: %ld KiB",
	      cgroup_stat(&group, "shmem") >> 10);
	for (size_t i = 0; i < 4 * MIB / 8; i++)
		CHECK(p[i] == dev_pattern_word(i, 2) + (i % (DEV_BLOCK / 8) < 64 * DEV_PAGE / 8), "word %zu is %llx",
		      i, (unsigned long long)p[i]);
	cgroup_grown("shmem in the end", shmem, cgroup_stat(&group, "shmem"), 0);
	close(fd);
}

/* What a device holds stays; beside it everything goes and comes, more than once. */
static void swapped_beside_the_device(void)
{
	struct cgroup group;
	int fd = member(&group, "beside", 0);
	uint8_t *p = dev_alloc(fd, 4 * MIB);

	dev_pattern_write(p, 4 * MIB, 3);
	dev_to_device(fd, p, DEV_BLOCK);
	for (int round = 0; round < 3; round++) {
		reclaim(&group, 16 * MIB);
		for (size_t at = 0; at < DEV_BLOCK; at += 16 * DEV_PAGE)
			CHECK(dev_where(fd, p + at) == DEV_ON_DEVICE, "page %zu left the device", at / DEV_PAGE);
		CHECK(dev_run(fd, DEV_PROGRAM_ADD, p, 1, 0) == 0, "program");
		for (size_t i = 0; i < DEV_BLOCK / 8; i++)
			CHECK(((uint64_t *)(p + DEV_BLOCK))[i] == dev_pattern_word(DEV_BLOCK / 8 + i, 3), "word %zu",
			      i);
	}
	CHECK(dev_pattern_check(p, 4 * MIB, 3) < 0, "the data");
	close(fd);
}

/* Swapped pages are given back with their mapping. */
static void swapped_and_unmapped(void)
{
	struct cgroup group;
	int fd = member(&group, "unmapped", 0);
	long swapped = cgroup_read(&group, "memory.swap.current");
	uint8_t *p = dev_alloc(fd, 4 * MIB);

	dev_pattern_write(p, 4 * MIB, 4);
	reclaim(&group, 16 * MIB);
	CHECK(cgroup_read(&group, "memory.swap.current") - swapped > 3 * MIB, "not swapped");
	CHECK(munmap(p, 4 * MIB) == 0, "munmap");
	swapped = cgroup_read(&group, "memory.swap.current") - swapped;
	CHECK(swapped < CGROUP_SLACK, "%ld KiB of swap are left behind", swapped >> 10);
	close(fd);
}

static void swap_is_taken_away(void)
{
	struct cgroup group;
	int fd = member(&group, "off", 0);
	uint8_t *p = dev_alloc(fd, 4 * MIB);

	dev_pattern_write(p, 4 * MIB, 5);
	reclaim(&group, 16 * MIB);
	CHECK(swap_end() == 0, "swapoff");
	CHECK(dev_run(fd, DEV_PROGRAM_ADD, p, 16, 0) == 0, "program");
	CHECK(dev_pattern_check(p, 4 * MIB, 5) < 0, "the data");
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"a CPU uses more than its group may have", cpu_uses_more_than_the_limit, 60},
		{"a device uses what was swapped", device_uses_what_was_swapped, 60},
		{"what the device holds stays", swapped_beside_the_device, 60},
		{"swapped memory is given back", swapped_and_unmapped, 40},
		{"swap is taken away", swap_is_taken_away, 60},
	};

	return KTAP_MAIN(argc, argv, cases);
}
