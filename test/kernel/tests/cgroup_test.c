/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Who pays for managed memory: the memory cgroup of the process that opened the device, whoever fetches the pages,
 * until they are given back. Over its limit there is an error or a SIGBUS, and no hang.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cgroup.h"
#include "dev.h"
#include "ktap.h"

#define MIB (1l << 20)

/* Opened by a member of the group. */
static int member(struct cgroup *group, const char *name)
{
	cgroup_make(group, name);
	cgroup_enter(group);
	return dev_open();
}

static void touched_by_the_cpu(void)
{
	struct cgroup group;
	int fd = member(&group, "cpu");
	long current = cgroup_read(&group, "memory.current"), shmem = cgroup_stat(&group, "shmem");
	uint8_t *p = dev_alloc(fd, 8 * MIB);

	cgroup_grown("shmem of memory that was never touched", shmem, cgroup_stat(&group, "shmem"), 0);
	dev_pattern_write(p, 8 * MIB, 1);
	cgroup_grown("memory.current", current, cgroup_read(&group, "memory.current"), 8 * MIB);
	cgroup_grown("shmem", shmem, cgroup_stat(&group, "shmem"), 8 * MIB);
	/* To the device and back: a page that is away keeps its place at home. */
	dev_to_device(fd, p, DEV_BLOCK);
	CHECK(dev_pattern_check(p, 8 * MIB, 1) < 0, "the data");
	cgroup_grown("shmem after a round trip", shmem, cgroup_stat(&group, "shmem"), 8 * MIB);
	CHECK(munmap(p, 4 * MIB) == 0, "munmap");
	cgroup_grown("shmem after half was unmapped", shmem, cgroup_stat(&group, "shmem"), 4 * MIB);
	close(fd);
	CHECK(munmap(p + 4 * MIB, 4 * MIB) == 0, "munmap");
	cgroup_grown("shmem in the end", shmem, cgroup_stat(&group, "shmem"), 0);
	cgroup_grown("memory.current in the end", current, cgroup_read(&group, "memory.current"), 0);
	cgroup_leave(&group);
}

/* Faults of the device are served by a kernel thread, which belongs to nobody. */
static void touched_by_the_device(void)
{
	struct cgroup group;
	int fd = member(&group, "device");
	long shmem = cgroup_stat(&group, "shmem");
	uint64_t *p = dev_alloc(fd, 4 * MIB), at = 0;

	for (; at < 4 * MIB / 8; at += DEV_BLOCK / 8)
		CHECK(dev_run(fd, DEV_PROGRAM_FILL, p + at, MIB / 8, 7) == 0, "program");
	for (at = 0; at < 4 * MIB / 8; at += DEV_BLOCK / 8)
		for (size_t i = 0; i < MIB / 8; i += 64)
			CHECK(p[at + i] == 7, "word %zu is %llu", at + i, (unsigned long long)p[at + i]);
	shmem = cgroup_stat(&group, "shmem") - shmem;
	/* A fault brings neighbours along. */
	CHECK(shmem > 2 * MIB - CGROUP_SLACK && shmem < 4 * MIB + CGROUP_SLACK, "the group pays for %ld KiB",
	      shmem >> 10);
	close(fd);
}

struct other {
	int tell, hear; /* ends of pipes */
};

/* In a group of its own: takes the whole device, so that what was there goes home. */
static int other_evicts(void *arg)
{
	struct other *o = arg;
	struct cgroup group;
	int fd = member(&group, "evictor");
	long shmem = cgroup_stat(&group, "shmem");
	uint8_t *p = dev_alloc(fd, DEV_BLOCK);
	char byte;

	CHECK(write(o->tell, "r", 1) == 1 && read(o->hear, &byte, 1) == 1, "pipe");
	dev_pattern_write(p, DEV_BLOCK, 2);
	dev_to_device(fd, p, DEV_BLOCK);
	cgroup_grown("shmem of who evicts", shmem, cgroup_stat(&group, "shmem"), (long)DEV_BLOCK);
	return 0;
}

static void evicted_by_another_group(void)
{
	struct cgroup group;
	int fd = member(&group, "evicted"), to[2], from[2];
	long shmem = cgroup_stat(&group, "shmem");
	uint8_t *p = dev_alloc(fd, DEV_BLOCK);
	uint64_t evicted;
	struct other o;
	char byte;
	pid_t pid;

	CHECK(pipe(to) == 0 && pipe(from) == 0, "pipe");
	o = (struct other){.tell = from[1], .hear = to[0]};
	pid = ktap_child(other_evicts, &o);
	dev_pattern_write(p, DEV_BLOCK, 1);
	dev_to_device(fd, p, DEV_BLOCK);
	evicted = dev_counter(fd, FERRY_COUNTER_pages_evicted);
	CHECK(read(from[0], &byte, 1) == 1 && write(to[1], "g", 1) == 1, "pipe");
	ktap_wait_good(pid, 15000);
	CHECK(dev_counter(fd, FERRY_COUNTER_pages_evicted) > evicted, "nothing was evicted");
	CHECK(dev_pattern_check(p, DEV_BLOCK, 1) < 0, "the data");
	cgroup_grown("shmem of who was evicted", shmem, cgroup_stat(&group, "shmem"), (long)DEV_BLOCK);
}

/*
 * A full group gets no memory for anything: not for opening a file to change the limit, nor for a byte in a pipe; for
 * want of that the kernel kills. So somebody outside does it, and is told through a page that is there.
 */
struct outside {
	struct cgroup group;
	atomic_int want_room;
};

static int outside(void *arg)
{
	struct outside *o = arg;

	while (!atomic_load(&o->want_room))
		ktap_sleep_us(1000);
	CHECK(cgroup_write(&o->group, "memory.max", "max") == 0, "memory.max");
	atomic_store(&o->want_room, 0);
	return 0;
}

static void make_room(struct outside *o)
{
	atomic_store(&o->want_room, 1);
	while (atomic_load(&o->want_room))
		ktap_sleep_us(1000);
}

/*
 * In a group with room for 4 MiB more, and nothing can be swapped. One page of each block is touched beforehand: page
 * tables are charged as well.
 */
static int small_group(struct outside **o, const char *name, uint8_t **p, size_t bytes)
{
	char limit[32];
	int fd;

	*o = mmap(NULL, sizeof(**o), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(*o != MAP_FAILED, "mmap");
	cgroup_make(&(*o)->group, name);
	(void)ktap_child(outside, *o);
	cgroup_enter(&(*o)->group);
	fd = dev_open();
	cgroup_write(&(*o)->group, "memory.swap.max", "0");
	*p = dev_alloc(fd, bytes);
	(void)strerror(ENOMEM); /* a check that fails later has to find the words */
	for (size_t at = 0; at < bytes; at += DEV_BLOCK)
		(*p)[at] = 1;
	snprintf(limit, sizeof(limit), "%ld", cgroup_read(&(*o)->group, "memory.current") + 4 * MIB);
	CHECK(cgroup_write(&(*o)->group, "memory.max", limit) == 0, "memory.max");
	return fd;
}

static void cpu_over_the_limit(void)
{
	size_t bytes = 8 * MIB, at = 0;
	struct outside *o;
	uint8_t *p;
	int fd = small_group(&o, "full", &p, bytes), signal = 0;

	for (; !signal && at < bytes; at += DEV_PAGE)
		signal = ktap_touch(p + at, true);
	CHECK(signal == SIGBUS, "signal %d after %zu KiB", signal, at >> 10);
	CHECK(at > 2 * MIB, "SIGBUS after %zu KiB", at >> 10);
	/* What there is stays usable, and with room there is more. */
	p[0] = 2;
	make_room(o);
	CHECK(ktap_touch(p + at, true) == 0, "touching with room");
	dev_pattern_write(p, bytes, 3);
	CHECK(dev_pattern_check(p, bytes, 3) < 0, "the data");
	CHECK(cgroup_event(&o->group, "oom_kill") == 0, "somebody was killed");
	close(fd);
}

static void device_over_the_limit(void)
{
	size_t bytes = 8 * MIB, at;
	struct outside *o;
	uint8_t *p;
	int fd = small_group(&o, "full-device", &p, bytes), error = 0;
	uint32_t program = dev_program_load(fd, DEV_PROGRAM_FILL);
	uint64_t args[] = {(uintptr_t)p + bytes - DEV_BLOCK, DEV_BLOCK / 8, 5}, launch;

	/* Moved on request: ENOMEM. */
	for (at = 0; !error && at < bytes; at += DEV_BLOCK)
		error = dev_migrate(fd, p + at, DEV_BLOCK, 0);
	CHECK(dev_error_errno(error) == ENOMEM, "migration: %s after %zu KiB", dev_error_name(error), at >> 10);
	/* By a program: it ends, and says why. */
	error = dev_launch(fd, program, args, 3, &launch);
	if (!error)
		error = dev_wait(fd, launch, 10000000000ull);
	CHECK(error && dev_error_errno(error) == ENOMEM, "program: %s", dev_error_name(error));
	make_room(o);
	CHECK(dev_run(fd, DEV_PROGRAM_FILL, p + bytes - DEV_BLOCK, 1024, 5) == 0, "a program with room");
	CHECK(p[bytes - DEV_BLOCK] == 5, "its result");
	CHECK(cgroup_event(&o->group, "oom_kill") == 0, "somebody was killed");
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"what the CPU touches is charged, and given back", touched_by_the_cpu, 0},
		{"what the device touches is charged to who opened it", touched_by_the_device, 0},
		{"an eviction by another group moves no charge", evicted_by_another_group, 0},
		{"a CPU over the limit gets SIGBUS", cpu_over_the_limit, 40},
		{"a device over the limit gets an error", device_over_the_limit, 40},
	};

	return KTAP_MAIN(argc, argv, cases);
}
