/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_fault.h (process host) - failures on request, for tests: the n-th next call of a kind fails.
 *
 * Every setting is process-wide and thread-safe: exactly one call fails, whichever thread makes it. n = 0
 * switches the kind off. A sweep "fail the first, the second, ... until nothing fails any more" is
 *
 *     for (n = 1; ; n++) {
 *             ferry_user_fail_nth_alloc(n);
 *             err = run();
 *             if (ferry_user_fail_nth_alloc(0))     (the n-th was never reached)
 *                     break;
 *     }
 */
#ifndef FERRY_USER_OS_FAULT_H
#define FERRY_USER_OS_FAULT_H

#include "ferry/os.h"

extern uint64_t ferry_user_fault_points_on; /* nonzero: ferry_os_fault_point() must ask */

/* Each returns how many calls were still to go of the setting it replaces: 0 = it had fired, or was off. */
uint64_t ferry_user_fail_nth_alloc(uint64_t n); /* the n-th next ferry_os_zalloc returns NULL */
uint64_t ferry_user_fail_nth_wait(uint64_t n);  /* the n-th next ferry_os_wait_until that would sleep says KILLED */
/* The n-th next ferry_os_fault_point(id) is true; FERRY_USER_ANY_POINT counts them all. One setting at a time. */
#define FERRY_USER_ANY_POINT 0xffffffffu
uint64_t ferry_user_fail_nth_point(uint32_t id, uint64_t n);

/* Points of the process host itself; the core's ids are below them. */
enum ferry_user_point {
	FERRY_USER_POINT_THREAD = 0x10000, /* a thread cannot be started */
	FERRY_USER_POINT_MMAP,             /* no address space */
	FERRY_USER_POINT_MEMFD,            /* no memory file */
	FERRY_USER_POINT_UFFD_OPEN,        /* userfaultfd refused */
	FERRY_USER_POINT_UFFD_FULL,        /* userfaultfd refused, but not with UFFD_USER_MODE_ONLY */
	FERRY_USER_POINT_UFFD_FEATURE,     /* a feature is missing */
	FERRY_USER_POINT_POPULATE,         /* the host has no page */
	FERRY_USER_POINT_ZAP,              /* cpu_zap, cpu_protect */
	FERRY_USER_POINT_INSERT            /* cpu_insert, cpu_poison */
};

/* ferry_os_zalloc minus ferry_os_free of this process: what a test compares before and after. */
uint64_t ferry_user_live_allocs(void);

/* The counters' other side, for os_*.c: true when this call is the one that must fail. */
bool ferry_user_fault_alloc(void);
bool ferry_user_fault_wait(void);
bool ferry_user_fault_point(uint32_t id);

static inline bool ferry_os_fault_point(uint32_t id)
{
	if (!__atomic_load_n(&ferry_user_fault_points_on, __ATOMIC_RELAXED))
		return false;
	return ferry_user_fault_point(id);
}

#endif /* FERRY_USER_OS_FAULT_H */
