/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_types.h (process host) - the structs behind os.h, complete, so that the core can embed them.
 *
 * Their bodies are in os_impl.h. Nothing here depends on feature macros.
 */
#ifndef FERRY_USER_OS_TYPES_H
#define FERRY_USER_OS_TYPES_H

#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>
#include <string.h>
#include <pthread.h>

/* Are we built with ThreadSanitizer (no fences there), or with AddressSanitizer? */
#if defined(__SANITIZE_THREAD__)
#define FERRY_USER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FERRY_USER_TSAN 1
#endif
#endif
#ifndef FERRY_USER_TSAN
#define FERRY_USER_TSAN 0
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FERRY_USER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FERRY_USER_ASAN 1
#endif
#endif
#ifndef FERRY_USER_ASAN
#define FERRY_USER_ASAN 0
#endif

struct ferry_os_atomic {
	uint64_t v;
};

struct ferry_os_spin {
	uint32_t word; /* 0 free, 1 held */
};

struct ferry_os_sem {
	uint32_t word; /* 0 up, 1 down, 2 down and somebody may sleep for it */
};

struct ferry_os_mutex {
	struct ferry_os_sem sem;
};

struct ferry_os_rw {
	uint32_t state;    /* readers inside, or about to find out that they are not; FERRY_USER_RW_WRITER */
	uint32_t sleepers; /* threads that sleep on state */
	struct ferry_os_sem writers; /* one at a time */
};

struct ferry_os_lockmap {
	uint8_t lock_class; /* for people */
};

/* A waiter reads seq, tests, sleeps while seq is unchanged. A waker always moves seq, and wakes if waiters. */
struct ferry_os_wait {
	uint32_t seq;
	uint32_t waiters;
};

/* Everything but fn and arg: under the work lock (os_work.c). */
struct ferry_os_work {
	void (*fn)(void *arg);
	void *arg;
	struct ferry_os_work *next, *prev; /* in the pool's queue, or in one interrupted thread's list */
	uint64_t queued;                   /* runs asked for */
	uint64_t done;                     /* runs ended or taken back */
	uint64_t runner;                   /* ferry_os_self() of who runs it; 0 = nobody */
	uint32_t era;                      /* which process it belongs to: a fork begins a new one */
	bool pending;                      /* a run is asked for and has not begun */
};

/* A work item that queues itself later. links, deadline_ns, armed: under the timer lock (os_timer.c). */
struct ferry_os_timer {
	struct ferry_os_work work;
	struct ferry_os_timer *next, *prev;
	uint64_t deadline_ns;
	bool armed;
};

#endif /* FERRY_USER_OS_TYPES_H */
