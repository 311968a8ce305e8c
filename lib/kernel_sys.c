/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The system calls of the kernel backend, as they are. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/kernel.h"

static int linux_open(const char *path, int flags)
{
	return open(path, flags);
}

static int linux_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

/* A node's mapping has its address for offset. Nothing else has: a file of that size would have to be mapped just so.
 */
static int linux_own_mappings(uint64_t from, uint64_t to, void (*fn)(void *arg, uint64_t start, uint64_t end),
                              void *arg)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char *line = NULL;
	size_t room = 0;

	if (!maps)
		return -1;
	while (getline(&line, &room, maps) > 0) {
		uint64_t start, end, offset;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &start, &end, &offset) != 3)
			continue;
		if (start >= to)
			break;
		if (end > from && offset == start)
			fn(arg, start > from ? start : from, end < to ? end : to);
	}
	free(line);
	(void)fclose(maps);
	return 0;
}

static uint64_t linux_now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* May end early, when a signal was handled. */
static void linux_sleep_ns(uint64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};

	(void)nanosleep(&t, NULL);
}

const struct ferry_kernel_sys ferry_kernel_sys_linux = {
	.open = linux_open,
	.close = close,
	.ioctl = linux_ioctl,
	.mmap = mmap,
	.munmap = munmap,
	.mprotect = mprotect,
	.madvise = madvise,
	.own_mappings = linux_own_mappings,
	.now_ns = linux_now_ns,
	.sleep_ns = linux_sleep_ns,
};
