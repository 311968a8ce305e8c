/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * three_locks.pml - an exhibit, test/sim/exhibit/three_locks.h: how a VA space can be locked with two mutexes around a
 * read-write lock. Nobody hangs, and readers and a writer never meet.
 *
 *     caller      reads for control, and makes a call that is answered when no fault is outstanding
 *     rewriter    writes, lets go, then calls         downgrader   writes, and calls as the reader it became
 *     reader      a CPU fault                         writer       changes ranges
 *     fault       an engine that faults               service      the bottom half: reads, serves what is outstanding
 *
 * The five verbs are not written here: verbs.h has them, made from the bodies in the code. The order of the rows and
 * what a control call needs are this protocol's own, below; every acquire and every call is checked against them. The
 * read-write lock is Linux's at the grain of its atomic steps: a reader counts itself before it looks, the queue is
 * looked at under its own lock, and who leaves wakes in a step of its own.
 *
 *     contract    a reader that found a writer, and queues when that one is gone     who wakes readers
 *     FAIR        gets in when nobody queues, whoever reads                          whoever sees no writer
 *     WEAK        queues behind whoever is in                                        who leaves the lock empty
 *
 * Knobs: WEAK, WITHOUT_WRITERS, WITHOUT_ACQUIRE, FIFO (mutexes with a line, for liveness), NO_RULES (the table is not
 * asked), MUTANT_* (below), CALLERS, REWRITERS, DOWNGRADERS, READERS, WRITERS, SERVICES: how many of each.
 */
#include "verbs.h"

#define ORDER_ISR_SERVICE 0
#define ORDER_VA_SPACE_LIST 1
#define ORDER_VA_SPACE_WRITERS 2
#define ORDER_VA_SPACE_ACQUIRE 3
#define ORDER_VA_SPACE 4
#define ORDER_DEVICE_CONTROL 5

#ifndef CALLERS
#define CALLERS 1
#endif
#ifndef REWRITERS
#define REWRITERS 1
#endif
#ifndef DOWNGRADERS
#define DOWNGRADERS 0
#endif
#ifndef READERS
#define READERS 0
#endif
#ifndef WRITERS
#define WRITERS 1
#endif
#ifndef SERVICES
#define SERVICES 1
#endif
#define THREADS (CALLERS + REWRITERS + DOWNGRADERS + READERS + WRITERS + SERVICES)

/* ---- the table: what a thread holds, one bit a row ---- */

#define BIT(row) (1 << ORDER_##row)
#ifdef NO_RULES
#define RULE(what) skip
#else
#define RULE(what) assert(what)
#endif
/* Only rows above this one are held. */
#define IN_ORDER(row) (held >> ORDER_##row) == 0
/* Service can come: it is not us, nobody is kept from getting in, and no writer can queue. */
#define MAY_CONTROL                                                                                                  \
	((held & (BIT(ISR_SERVICE) | BIT(VA_SPACE_LIST) | BIT(VA_SPACE_ACQUIRE))) == 0 &&                            \
	 (excl & BIT(VA_SPACE)) == 0 && ((held & BIT(VA_SPACE)) == 0 || (held & BIT(VA_SPACE_WRITERS))))

/* ---- mutexes: any waiter may be next, or (FIFO) the one who has waited longest ---- */

#ifdef FIFO
chan line_VA_SPACE_WRITERS = [THREADS] of { byte };
chan line_VA_SPACE_ACQUIRE = [THREADS] of { byte };
chan line_DEVICE_CONTROL = [THREADS] of { byte };
#define LOCK(row)                                                                                                    \
	atomic { RULE(IN_ORDER(row)); line_##row ! _pid };                                                           \
	atomic { line_##row ? [eval(_pid)] -> held = held | BIT(row) }
#define UNLOCK(row) atomic { line_##row ? _; held = held & ~BIT(row) }
#else
bool taken_VA_SPACE_WRITERS, taken_VA_SPACE_ACQUIRE, taken_DEVICE_CONTROL;
#define LOCK(row) atomic { !taken_##row -> RULE(IN_ORDER(row)); taken_##row = true; held = held | BIT(row) }
#define UNLOCK(row) atomic { taken_##row = false; held = held & ~BIT(row) }
#endif
/* One that is left out: its rows are noted all the same, as in the simulator. */
#define NOTE(row) atomic { RULE(IN_ORDER(row)); held = held | BIT(row) }
#define DROP(row) held = held & ~BIT(row)

#ifdef WITHOUT_WRITERS
#define mutex_lock_writers NOTE(VA_SPACE_WRITERS)
#define mutex_unlock_writers DROP(VA_SPACE_WRITERS)
#else
#define mutex_lock_writers LOCK(VA_SPACE_WRITERS)
#define mutex_unlock_writers UNLOCK(VA_SPACE_WRITERS)
#endif
#ifdef WITHOUT_ACQUIRE
#define mutex_lock_acquire NOTE(VA_SPACE_ACQUIRE)
#define mutex_unlock_acquire DROP(VA_SPACE_ACQUIRE)
#else
#define mutex_lock_acquire LOCK(VA_SPACE_ACQUIRE)
#define mutex_unlock_acquire UNLOCK(VA_SPACE_ACQUIRE)
#endif

/* ---- the read-write lock ---- */

#define NONE 0
#define READ 1
#define WRITE 2
#define AWAKE 3 /* a writer that may try again */

byte inside;            /* readers, and those who look whether they may be */
bool writing;           /* a writer */
byte queue[THREADS];    /* who waits, oldest first */
byte queued;
byte wants[THREADS + 2]; /* by thread */
hidden byte from, to;

#ifdef WEAK
#define JOINS false
#else
#define JOINS true
#endif

/* Under the queue's lock: let in whom the contract lets in. */
inline wake()
{
	d_step {
		from = 0;
		to = 0;
		if
		:: queued > 0 && !writing && wants[queue[0]] == READ && (JOINS || inside == 0) ->
			do
			:: from < queued && wants[queue[from]] == READ ->
				wants[queue[from]] = NONE;
				inside++;
				from++
			:: from < queued && wants[queue[from]] != READ ->
				queue[to] = queue[from];
				to++;
				from++
			:: from == queued -> break
			od;
			do
			:: queued > to -> queued--; queue[queued] = 0
			:: else -> break
			od
		:: queued > 0 && !writing && wants[queue[0]] == WRITE && inside == 0 -> wants[queue[0]] = AWAKE
		:: else -> skip
		fi;
		from = 0;
		to = 0
	}
}

inline line_up(what)
{
	queue[queued] = _pid;
	queued++;
	wants[_pid] = what
}

/* This writer is in and waits no more. */
inline leave_line()
{
	d_step {
		from = 0;
		to = 0;
		do
		:: from < queued && queue[from] != _pid -> queue[to] = queue[from]; to++; from++
		:: from < queued && queue[from] == _pid -> from++
		:: from == queued -> break
		od;
		queued--;
		queue[queued] = 0;
		wants[_pid] = NONE;
		from = 0;
		to = 0
	}
}

inline read_lock()
{
	if
	:: atomic { !writing && queued == 0 -> RULE(IN_ORDER(VA_SPACE)); inside++ }
	:: atomic { writing || queued > 0 -> RULE(IN_ORDER(VA_SPACE)); inside++ };
		atomic {
			if
			:: !writing && queued == 0 && (JOINS || inside == 1) -> skip
			:: else -> inside--; line_up(READ); wake()
			fi
		};
		wants[_pid] == NONE
	fi;
	held = held | BIT(VA_SPACE)
}

inline read_unlock()
{
	held = held & ~BIT(VA_SPACE);
	if
	:: atomic { inside == 1 && !writing && queued > 0 -> inside-- };
		wake()
	:: atomic { !(inside == 1 && !writing && queued > 0) -> inside-- }
	fi
}

inline write_lock()
{
	if
	:: atomic { inside == 0 && !writing && queued == 0 -> RULE(IN_ORDER(VA_SPACE)); writing = true }
	:: atomic {
			inside > 0 || writing || queued > 0 -> RULE(IN_ORDER(VA_SPACE));
			line_up(WRITE);
			if
			:: queued > 1 -> wake()
			:: else -> skip
			fi
		};
		do
		:: atomic { inside == 0 && !writing -> writing = true; leave_line(); break }
		:: atomic { inside > 0 || writing -> skip };
			atomic { wants[_pid] == AWAKE -> wants[_pid] = WRITE }
		od
	fi;
	atomic { held = held | BIT(VA_SPACE); excl = excl | BIT(VA_SPACE) }
}

inline write_unlock()
{
	atomic { held = held & ~BIT(VA_SPACE); excl = excl & ~BIT(VA_SPACE) };
	if
	:: atomic { queued > 0 -> writing = false };
		wake()
	:: atomic { queued == 0 -> writing = false }
	fi
}

inline downgrade()
{
	atomic { excl = excl & ~BIT(VA_SPACE); writing = false; inside++ };
	if
	:: JOINS -> wake()
	:: else -> skip
	fi
}

#define rw_read_lock_rw read_lock()
#define rw_read_unlock_rw read_unlock()
#define rw_write_lock_rw write_lock()
#define rw_write_unlock_rw write_unlock()
#define rw_downgrade_rw downgrade()

/* ---- protocols that break a rule; each must be found ---- */

#ifdef MUTANT_control_without_writers
#undef VERB_control_lock
#undef VERB_control_unlock
#define VERB_control_lock VERB_read_lock
#define VERB_control_unlock VERB_read_unlock
#endif
#ifdef MUTANT_downgrade_drops_writers
#define DOWNGRADE_AND_CALL VERB_downgrade; assert(!writing); control_call(); VERB_read_unlock
#else
#define DOWNGRADE_AND_CALL VERB_downgrade_for_control; assert(!writing); control_call(); VERB_control_unlock
#endif
#ifdef MUTANT_service_takes_writers
#define SERVICE_LOCK VERB_control_lock
#define SERVICE_UNLOCK VERB_control_unlock
#else
#ifdef MUTANT_service_without_acquire
#define SERVICE_LOCK rw_read_lock_rw
#else
#ifdef MUTANT_service_keeps_acquire
#define SERVICE_LOCK mutex_lock_acquire; rw_read_lock_rw
#define SERVICE_UNLOCK mutex_unlock_acquire; rw_read_unlock_rw
#else
#define SERVICE_LOCK VERB_read_lock
#endif
#endif
#ifndef SERVICE_UNLOCK
#define SERVICE_UNLOCK VERB_read_unlock
#endif
#endif
#ifdef MUTANT_other_order
#undef VERB_write_lock
#define VERB_write_lock mutex_lock_acquire; mutex_lock_writers; rw_write_lock_rw
#endif
#ifdef MUTANT_acquire_released_first
#undef VERB_write_unlock
#define VERB_write_unlock mutex_unlock_acquire; rw_write_unlock_rw; mutex_unlock_writers
#undef VERB_downgrade_for_control
#define VERB_downgrade_for_control mutex_unlock_acquire; rw_downgrade_rw
#endif
#ifdef MUTANT_control_under_write
#define IN_WRITE control_call()
#else
#define IN_WRITE assert(writing)
#endif

/* ---- who meets ---- */

bool outstanding; /* faults that nobody has served yet */

#define ME short held, excl

inline control_call()
{
	RULE(MAY_CONTROL);
	LOCK(DEVICE_CONTROL);
	!outstanding;
	UNLOCK(DEVICE_CONTROL)
}

proctype caller()
{
	ME;
	do
	:: VERB_control_lock; assert(!writing); control_call(); VERB_control_unlock
	od
}

proctype rewriter()
{
	ME;
	do
	:: VERB_write_lock; IN_WRITE; VERB_write_unlock;
		VERB_control_lock; control_call(); VERB_control_unlock
	od
}

proctype downgrader()
{
	ME;
	do
	:: VERB_write_lock; assert(writing); DOWNGRADE_AND_CALL;
		VERB_write_lock; VERB_downgrade; assert(!writing); VERB_read_unlock
	od
}

proctype reader()
{
	ME;
	do
	:: VERB_read_lock; assert(!writing); VERB_read_unlock
	od
}

proctype writer()
{
	ME;
	do
	:: VERB_write_lock; IN_WRITE; VERB_write_unlock
	od
}

proctype service()
{
	short held = BIT(ISR_SERVICE) | BIT(VA_SPACE_LIST), excl;
	do
	:: outstanding; SERVICE_LOCK; assert(!writing); outstanding = false; SERVICE_UNLOCK
	od
}

proctype fault()
{
	do
	:: !outstanding -> outstanding = true
	od
}

#define RUN(count, who)                                                                                              \
	n = 0;                                                                                                       \
	do                                                                                                           \
	:: n < count -> run who(); n++                                                                               \
	:: else -> break                                                                                             \
	od

init
{
	byte n;

	atomic {
		RUN(CALLERS, caller);
		RUN(REWRITERS, rewriter);
		RUN(DOWNGRADERS, downgrader);
		RUN(READERS, reader);
		RUN(WRITERS, writer);
		RUN(SERVICES, service);
		run fault();
		n = 0
	}
}

#ifdef LIVE
ltl served { [] (outstanding -> <> !outstanding) }
#endif
