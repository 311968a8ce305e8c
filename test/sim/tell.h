/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * tell.h - what a story, its world and the invariants are told with. The same sources run on two hosts:
 *
 *     sim.h               fibers: every schedule is chosen, and can be repeated
 *     threads/threads.h   threads of the process host, -DSIM_THREADS: what happens, happens, under sanitizers
 *
 * Both give what is declared here, and these, which differ in kind:
 *
 *     sim.me->name, sim.hash, sim.without, sim.may_time_out, sim.why
 *     sim_object()               a number for what a story shares
 *     sim_step(obj)              a point of a story's own, about obj: others may run here
 *     SIM_SHARED                 before the type of data that is shared without a lock: an atomic, for threads
 *     SIM_GUARD(obj, n)          a point; from here to the end of the scope nobody else is in the n-th part of obj:
 *                                what stands for the host's own locks (page tables). No hook may follow in the scope
 *     sim_memory(bytes)          zeroed; gone when the run ends
 *     sim_pause()                others run, for long
 *     sim_daemon_wait(w, pred, arg)   a daemon's place of rest; on threads it may not return
 *     sim_live_allocs()          what the core has allocated and not freed
 *     sim_sem_is_up(sem)
 *     SIM_PAGE_SEEN              so many of a page's bytes are looked at, copied, cleared
 *     memory_dirty(p, bytes), memory_thin(p, bytes)   see memory.h
 */
#ifndef FERRY_SIM_TELL_H
#define FERRY_SIM_TELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a fiber is about to do. obj is a number from sim_object(). */
enum sim_op {
	SIM_OP_START = 0,
	SIM_OP_LOCK,    /* mutex, semaphore or spin: take */
	SIM_OP_TRY,     /* the same, without waiting */
	SIM_OP_UNLOCK,  /* and give back */
	SIM_OP_READ,    /* read-write lock: for reading */
	SIM_OP_QUEUE,   /* after the fast path failed: line up */
	SIM_OP_WRITE,   /* for writing */
	SIM_OP_RELEASE, /* reader or writer leaves */
	SIM_OP_WAIT,    /* look at what is waited for */
	SIM_OP_WAKE,    /* make sleepers look again */
	SIM_OP_WORK,    /* queue, flush or cancel work */
	SIM_OP_RUN,     /* a worker takes an item */
	SIM_OP_LOAD,    /* atomic read */
	SIM_OP_STORE,   /* atomic write, read-modify-write */
	SIM_OP_MEM,     /* allocate */
	SIM_OP_RELAX,   /* one turn of a bounded spin */
	SIM_OP_DEVICE,  /* a register */
	SIM_OP_STEP,    /* anything of a story's own */
	SIM_OPS
};

/* Choices that are not about who runs. 0 is always "as usual". */
enum sim_choice {
	SIM_CHOICE_NEXT = 0,
	SIM_CHOICE_ALLOC,   /* 1: there is no memory */
	SIM_CHOICE_IRQ,     /* 1: the interrupt is lost, 2: it comes twice */
	SIM_CHOICE_TIMEOUT, /* 1: a bounded wait runs out at once */
	SIM_CHOICE_STORY,   /* a story's own */
	SIM_CHOICES
};

/* Bits of sim.without beyond the lock classes: rules that a story leaves out. */
#define SIM_WITHOUT_PASSING 63u

struct sim_fiber;

void sim_name_object(uint32_t obj, const char *name);
/* Ends the run on the spot (from a fiber), or is noted (from the set-up or a check). The first one counts. */
void sim_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A choice of 0..n-1, n <= 256. */
uint32_t sim_choose(enum sim_choice what, uint32_t n);
const char *sim_op_name(enum sim_op op);

#define SIM_DAEMON 1u /* sleeps (sim_daemon_wait) when there is nothing to do: is not waited for */
#define SIM_IRQ 2u    /* must not sleep */
struct sim_fiber *sim_spawn(const char *name, void (*fn)(void *arg), void *arg, uint32_t flags);
void sim_kill(struct sim_fiber *f);
/* Fibers that run ferry_os_work items. */
void sim_workers(uint32_t n);
/* fn as a fiber, in calm, to its end. From a story's quiet(). */
void sim_calm(void (*fn)(void *arg), void *arg);
#define sim_check(cond, ...)                                                                                         \
	do {                                                                                                         \
		if (!(cond))                                                                                         \
			sim_fail("wrong: " __VA_ARGS__);                                                             \
	} while (0)

struct sim_story {
	const char *name, *about;
	void (*prelude)(void);  /* once, as a fiber in calm: what it leaves is where every run begins. NULL */
	void (*setup)(void);    /* each run: spawns the fibers that are not there yet */
	void (*quiet)(void);    /* after a run in which all came to an end. NULL */
	void (*teardown)(void); /* after a run, whatever it found; nothing runs any more. NULL */
	void (*each)(void);     /* after every step; NULL */
	bool small;             /* exhaustive search is meant to come to an end */
	bool atomics;
	uint64_t limit;               /* steps before the tail; 0 = 20000 */
	uint32_t chance[SIM_CHOICES]; /* what goes wrong, once in so many; 0: never */
};

#ifdef SIM_THREADS
#include "threads/threads.h"
#else
#include "sim.h"
#endif

#endif /* FERRY_SIM_TELL_H */
