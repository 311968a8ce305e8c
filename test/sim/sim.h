/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * sim.h - the deterministic simulator: the core on fibers, one OS thread, every hook a scheduling point.
 *
 *      fiber A            fiber B           the run
 *        |                   |
 *      sim_point() ---- choose who goes on: one number of the choice stream
 *        |  <- the effect happens when A goes on, not before
 *      sim_block() ---- A cannot go on until somebody makes it ready again
 *
 * A hook first says what it is about to do (sim_point), and does it only when it is chosen. Everything that could go
 * either way is a choice: who runs, whether memory is there, whether an interrupt is lost. So a run is a function of
 * its choices, and the choices of a seed: the same seed gives the same trace (sim.hash).
 *
 * Found, each with the word a report begins with:
 *      deadlock    a circle in who-waits-for-whom; seen when the last edge is made, whoever else still runs
 *      hang        nobody can run, and somebody is not done
 *      livelock    no end, even after the tail in which everybody gets his turn
 *      lost wake   at the end somebody sleeps although what he waits for is there
 *      timeout     a bounded wait ran out though nothing was broken on purpose
 *      sleep       waiting with a spin lock held, or in an interrupt
 *      misuse      unlock of what is not held, a lock destroyed while it is held, ...
 *      bug         ferry_os_bug(): the lock order among others
 *      wrong       what a story or an invariant says
 *
 * The simulator assumes sequential consistency. Time stands still while anybody can run.
 *
 * Source: CHESS (Musuvathi, OSDI 2008), PCT (Burckhardt, ASPLOS 2010), dynamic partial-order reduction (Flanagan and
 * Godefroid, POPL 2005).
 */
#ifndef FERRY_SIM_H
#define FERRY_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fiber.h"
#include "tell.h"

struct choose_plan;

#define SIM_FIBERS 64u
#define SIM_WHY_BYTES 2048u

enum sim_rwsem {
	SIM_RWSEM_FAIR = 0, /* Linux 6.1 to 7.3: a queued writer blocks new readers; readers join readers */
	SIM_RWSEM_WEAK,     /* what is promised: a reader that lost its race queues, even behind a reader */
	SIM_RWSEM_FIFO,     /* strictly in turn */
	SIM_RWSEMS
};

enum sim_why { SIM_ON_NOTHING = 0, SIM_ON_MUTEX, SIM_ON_RW, SIM_ON_EVENT, SIM_ON_FLUSH, SIM_ON_WORK };

struct ferry_os_mutex;
struct ferry_os_rw;

struct sim_fiber {
	struct fiber stack;
	uint64_t bit; /* 1 << id */
	uint32_t id;
	enum sim_op op; /* what it is about to do, or waits in */
	uint32_t obj;
	uint32_t nth;    /* how many choices it has met: with id, the name of a choice */
	uint32_t spins;  /* spin locks held */
	uint32_t ticket; /* place in the line of a read-write lock */
	int32_t priority;
	enum sim_why on;         /* what it is blocked on: */
	const void *on_what;     /* ... a lock, */
	bool (*pred)(void *arg); /* ... or a condition */
	void *pred_arg;
	uint64_t deadline_ns; /* 0: none */
	bool daemon;          /* may be asleep at the end */
	bool irq;             /* must not sleep */
	bool done, killed, killable, woken, expired;
	bool wants_write; /* in the line of a read-write lock */
	const char *name;
	void (*fn)(void *arg);
	void *arg;
};

struct sim_step {
	uint8_t fiber, op;
	uint16_t choice; /* enum sim_choice << 8 | value, of the choices that were not usual */
	uint32_t obj;
};

struct sim {
	struct sim_fiber *me;
	uint64_t ready;  /* who can go on */
	bool check_base; /* compare all memory with the base before each run: slow */
	bool loud;       /* print what the core logs */
	bool calm;       /* set-up: nobody is switched away from who can go on, nothing goes wrong */
	bool all;        /* next() is asked although there is but one */
	uint32_t (*next)(struct sim_fiber *me);
	uint64_t steps, limit;
	uint64_t hash;
	void (*each)(void); /* after every step; NULL */
	uint32_t fibers;
	uint32_t objects;
	uint64_t now_ns;
	enum sim_rwsem rwsem;
	uint64_t without;  /* a bit per lock class that does nothing at all */
	bool atomics;      /* atomics are scheduling points too */
	bool tail;         /* everybody in turn, to the end */
	bool ended;        /* all are done and nothing moves */
	bool may_time_out; /* something was broken on purpose: waits may run out */
	uint64_t timeouts, kills, allocs, alloc_fails, switches, choices;
	uint64_t live_allocs, irqs_lost, irqs_doubled;
	char why[SIM_WHY_BYTES]; /* empty: nothing found */
	struct sim_fiber fiber[SIM_FIBERS];
	struct sim_fiber main;
};

extern struct sim sim;

/* ---- for the hooks ---- */

/* Atomics are named by their addresses, which are the same in every run. */
#define SIM_OBJECT_ATOMIC 0x80000000u

/* Numbers in the order of creation, so the same in every run. 0 is nobody's. */
static inline uint32_t sim_object(void)
{
	return ++sim.objects;
}
void sim_name_lock(uint32_t obj, uint32_t lock_class);

void sim_switch(uint32_t next);
void sim_out_of_steps(void);
/* Not ready until sim_ready(). Returns when it is chosen again. */
void sim_block(enum sim_why on, const void *what);
static inline void sim_ready(struct sim_fiber *f)
{
	sim.ready |= f->bit;
}
/* Whom a fiber waits for, as far as a lock says; and for which object. In host_lock.c. */
uint64_t sim_holders(const struct sim_fiber *f);
uint32_t sim_blocked_obj(const struct sim_fiber *f);
/* The turn of somebody else; time passes when there is nobody. */
void sim_yield(void);
/* Call fn in an interrupt, soon; or not, or twice, as is chosen. */
void sim_irq(void (*fn)(void *arg, uint32_t vector), void *arg, uint32_t vector);

static inline uint64_t sim_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static inline void sim_point(enum sim_op op, uint32_t obj)
{
	struct sim_fiber *me = sim.me;
	uint32_t next;

	me->op = op;
	me->obj = obj;
	if (__builtin_expect(++sim.steps >= sim.limit, 0))
		sim_out_of_steps();
	if (!sim.calm) {
		me->nth++;
		/* Nobody else could go on: that is no choice, but for who wants to see them all. */
		if (sim.ready != me->bit || sim.all) {
			next = sim.next(me);
			if (next != me->id)
				sim_switch(next);
		}
	}
	sim.hash = sim_mix(sim.hash, (uint64_t)me->id << 40 | (uint64_t)op << 32 | obj);
	if (__builtin_expect(sim.each != NULL, 0))
		sim.each();
}

/* ---- for stories: what is not the same on threads (threads/threads.h) ---- */

/* A point of a story's own, about obj. */
#define sim_step(obj) sim_point(SIM_OP_STEP, obj)
/* Data that fibers share without a lock, and data that a lock of the host's would guard: between two points nobody
 * else runs. */
#define SIM_SHARED
#define SIM_GUARD(obj, n) sim_step(obj)
static inline uint64_t sim_live_allocs(void)
{
	return sim.live_allocs;
}

/* ---- for drivers of runs ---- */

/*
 * Makes everything as it was before the first run of a story, or (with a prelude) as its prelude left it. Between
 * runs of one story this is fast: the memory that a run changed is thrown away.
 *
 * The run ends in sim.why (empty: nothing found), sim.hash, sim.steps. strategy and knobs are set before. */
void sim_run(const struct sim_story *story, const struct choose_plan *plan);
/* The same with somebody else who says who goes on. */
void sim_run_by(const struct sim_story *story, const struct choose_plan *plan,
                uint32_t (*next)(struct sim_fiber *me));
/* Who waits for what, as lines, after a run that found something. */
void sim_print_state(void);
const char *sim_object_name(uint32_t obj);

#endif /* FERRY_SIM_H */
