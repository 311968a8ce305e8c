/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_futex.h (process host) - sleeping on a 32-bit word. Private to os-user. Not a cancellation point.
 */
#ifndef FERRY_USER_OS_FUTEX_H
#define FERRY_USER_OS_FUTEX_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ferry/os.h"

/*
 * Sleep while *word == value, at most until the monotonic time deadline_ns (UINT64_MAX: no limit). false: the time
 * is over; true: woken, or the word differs, or for no reason: look again. errno is kept.
 */
static inline bool futex_wait(uint32_t *word, uint32_t value, uint64_t deadline_ns)
{
	struct timespec ts = {(time_t)(deadline_ns / 1000000000u), (long)(deadline_ns % 1000000000u)};
	int keep = errno;
	long rc = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value,
	                  deadline_ns == UINT64_MAX ? NULL : &ts, NULL, FUTEX_BITSET_MATCH_ANY);
	bool over = rc < 0 && errno == ETIMEDOUT;

	errno = keep;
	return !over;
}

static inline void futex_wake(uint32_t *word, int threads)
{
	int keep = errno;

	syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, threads, NULL, NULL, 0);
	errno = keep;
}

static inline uint64_t futex_deadline(uint64_t timeout_ns)
{
	uint64_t now = ferry_os_now_ns();

	return timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
}

#endif /* FERRY_USER_OS_FUTEX_H */
