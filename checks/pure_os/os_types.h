/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_types.h - the poorest operating system there is: types without a meaning. checks/core_pure.sh compiles the core
 * against it, without a C library in sight.
 */
#ifndef FERRY_OS_TYPES_H
#define FERRY_OS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

struct ferry_os_spin {
	uint64_t opaque[2];
};
struct ferry_os_mutex {
	uint64_t opaque[2];
};
struct ferry_os_rw {
	uint64_t opaque[2];
};
struct ferry_os_lockmap {
	uint64_t opaque;
};
struct ferry_os_sem {
	uint64_t opaque[2];
};
struct ferry_os_wait {
	uint64_t opaque[2];
};
struct ferry_os_work {
	uint64_t opaque[2];
};
struct ferry_os_timer {
	uint64_t opaque[2];
};
struct ferry_os_atomic {
	uint64_t v;
};

#endif /* FERRY_OS_TYPES_H */
