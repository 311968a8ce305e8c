/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mm_follow.h - the monitor goes where its client is.
 *
 * A fault wakes the monitor, and then the client again. On two CPUs that is two wake-ups of a CPU that sleeps, or has
 * others to run; on one it is two switches: half the time (README.md has figures). So when one thread alone has
 * faulted for a while, and that thread may run on one CPU only, the monitor is bound to it. A client that may move is
 * not followed: the monitor is busy on its CPU when it wakes it, so the scheduler has it go on elsewhere.
 *
 *      free --FOLLOW_EVERY faults of one bound thread in a row--> bound --each FOLLOW_EVERY more: still there?--+
 *        ^                                                         |  ^--------------------------------------- +
 *        +--- another thread faults, or it may move now -----------+
 *        +--- it waited there for others, 10 us a fault -----------+   the CPU is not the client's alone
 *        +--- no fault was served for FOLLOW_LOOK_NS --------------+   idle, or kept from running there
 *
 * The last one is a timer's doing, on a worker: a bound monitor that cannot run cannot help itself. After it was kept
 * from running the next binding needs a row eight times as long. Whatever mask somebody else gives the monitor
 * meanwhile stays; so does one that the process was given.
 *
 * Locking: own lock (a mutex, leaf) for what both may change; the rest belongs to the monitor. Thread mode only: in
 * signal mode nobody is woken.
 */
#ifndef FERRY_MM_FOLLOW_H
#define FERRY_MM_FOLLOW_H

#include <sched.h>

#include "ferry/os.h"

#define FERRY_MM_FOLLOW_EVERY 16u
#define FERRY_MM_FOLLOW_LOOK_NS 10000000ull

struct ferry_mm_follow {
	bool on;                         /* constant while the monitor runs */
	int uffd;                        /* constant */
	uint32_t client;                 /* monitor: whose fault came last, a thread number of the kernel's */
	uint32_t row;                    /* monitor: its faults in a row */
	struct ferry_os_atomic served;   /* faults; written by the monitor */
	struct ferry_os_atomic patience; /* how long a row must be */
	struct ferry_os_atomic bound;    /* written under lock */
	struct ferry_os_timer timer;
	struct ferry_os_mutex lock;
	int schedstat;     /* monitor: a file, or -1 */
	int monitor;       /* its thread number */
	int cpu;           /* lock: where it is bound to */
	cpu_set_t own;     /* lock: its mask when it is free */
	cpu_set_t process; /* lock: that of the process, when it was bound */
	uint64_t delay;    /* lock: what the monitor had waited for a CPU when it last looked */
	uint64_t looked;   /* lock: served as of the timer's last look */
};

/* Not being able to follow is no error. fini: after the monitor has ended. */
void ferry_mm_follow_init(struct ferry_mm_follow *f, int uffd);
void ferry_mm_follow_fini(struct ferry_mm_follow *f);
/* On the monitor thread: first of all, and for every fault. */
void ferry_mm_follow_begin(struct ferry_mm_follow *f);
void ferry_mm_follow_fault(struct ferry_mm_follow *f, uint32_t client);

#endif /* FERRY_MM_FOLLOW_H */
