/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * threads.h - stories on real threads, on the process host: os-user's locks, waits and work, its software device.
 *
 *      sim_spawn()      a thread; all begin at once, when the set-up is done
 *      sim_step()       nothing, a yield, a few pauses, or a short sleep: drawn from the run's seed for each thread
 *      sim_choose()     drawn likewise, while the run is on
 *      sim_fail()       says what, where and in which run, and ends the process
 *      rest             everybody has come to his end, daemons sleep, the devices stand still (world_rest())
 *
 * So a seed says which delays there are; who runs is the machine's affair. Every hook that sleeps or allocates is
 * such a place, too (threads.c wraps two of os-user's).
 *
 * What is guarded by one word for a block of pages is a lock of pthread's, so that ThreadSanitizer knows what orders
 * what. It guards no more than a host's page table lock does: what the core must order itself, it must.
 */
#ifndef FERRY_SIM_THREADS_H
#define FERRY_SIM_THREADS_H

#include <pthread.h>

#include "ferry/os.h"
#include "../tell.h"

#define SIM_SHARED _Atomic
#define SIM_GUARDS 8u
#define SIM_PAGE_SEEN FERRY_PAGE_SIZE

/* A thread of a story, or who sets it up. */
struct sim_fiber {
	const char *name;
	void (*fn)(void *arg);
	void *arg;
	pthread_t thread;
	uint64_t random; /* its own */
	uint32_t id;
	bool daemon;
	_Atomic bool done, killed;
	_Atomic uint32_t op, obj; /* where it was seen last */
	struct {                  /* a daemon's place of rest: under the lock of threads.c */
		struct ferry_os_wait *on;
		ferry_os_pred pred;
		void *arg;
	} nap;
};

/* As much of struct sim as stories use; a copy for each thread. */
struct sim {
	struct sim_fiber *me; /* NULL: a thread of the process host */
	uint64_t hash;        /* 0: stories that look closer once in a while do it every time */
	uint64_t without;
	bool may_time_out;
	char why[1];
};
extern _Thread_local struct sim sim;

uint32_t sim_object(void);
void sim_point(enum sim_op op, uint32_t obj);
#define sim_step(obj) sim_point(SIM_OP_STEP, obj)

struct sim_guard {
	pthread_mutex_t *lock;
};
struct sim_guard sim_guard(uint32_t obj, uint32_t n);
void sim_guard_end(struct sim_guard *g);
#define SIM_GUARD(obj, n) struct sim_guard guard __attribute__((cleanup(sim_guard_end))) = sim_guard(obj, n)

void *sim_memory(size_t bytes);
void sim_pause(void);
void sim_daemon_wait(struct ferry_os_wait *w, ferry_os_pred pred, void *arg);
void sim_rw_downgrade(struct ferry_os_rw *rw);

static inline uint64_t sim_live_allocs(void)
{
	return ferry_user_live_allocs();
}
static inline bool sim_sem_is_up(const struct ferry_os_sem *s)
{
	return __atomic_load_n(&s->word, __ATOMIC_ACQUIRE) == 0;
}
/* Nothing is thrown away between runs but with all the rest. */
static inline void memory_thin(const void *p, size_t bytes)
{
	(void)p;
	(void)bytes;
}
static inline void memory_dirty(const void *p, size_t bytes)
{
	(void)p;
	(void)bytes;
}

/* ---- for storytest.c ---- */

/* One run: prelude, set-up, threads, rest, checks. Returns when nothing was found. */
void threads_run(const struct sim_story *story, uint64_t seed);

/* ---- for device.c, which knows the devices ---- */
uint64_t threads_seed(void);
/* The story's chance that an interrupt goes wrong, from now on; 0: never. */
void world_trouble(uint32_t one_in);
/* Until no device runs, and no fault is being served. Says so when that takes too long. */
void world_rest(void);
/* World and devices are gone if a story left them. */
void world_gone(void);

#endif /* FERRY_SIM_THREADS_H */
