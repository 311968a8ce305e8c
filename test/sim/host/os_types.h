/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_types.h (simulator) - the structs behind os.h. Sets of fibers are words with a bit each: see sim.h.
 *
 * obj names the object in traces; 0 means that nobody has made it: using it is misuse, reported as such.
 */
#ifndef FERRY_SIM_OS_TYPES_H
#define FERRY_SIM_OS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ferry_os_atomic {
	uint64_t v;
};

/* spin, mutex, semaphore: owner is a fiber's number + 1; of a semaphore who took it, for reports only. */
struct ferry_os_mutex {
	uint64_t waiting; /* whose next step is to take it: not ready while it is taken */
	uint32_t obj;
	uint8_t owner;
	uint8_t lock_class;
};
struct ferry_os_spin {
	struct ferry_os_mutex m;
};
struct ferry_os_sem {
	struct ferry_os_mutex m;
};

struct ferry_os_rw {
	uint64_t readers; /* who is in */
	uint64_t line;    /* who has queued */
	uint32_t obj;
	uint32_t tickets;
	uint8_t writer; /* + 1 */
	uint8_t lock_class;
};

struct ferry_os_lockmap {
	uint8_t lock_class;
};

struct ferry_os_wait {
	uint64_t sleepers;
	uint32_t obj;
};

struct ferry_os_work {
	void (*fn)(void *arg);
	void *arg;
	struct ferry_os_work *next; /* in the queue */
	uint64_t flushers;          /* who waits for it to be done */
	uint32_t obj;
	uint8_t runner; /* + 1 */
	bool pending, again;
};

struct ferry_os_timer {
	struct ferry_os_work work;
	struct ferry_os_timer *next;
	uint64_t deadline_ns;
	bool armed;
};

#endif /* FERRY_SIM_OS_TYPES_H */
