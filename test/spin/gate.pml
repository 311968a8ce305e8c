/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * gate.pml - the gate: every suspend gets through, and while it is closed nobody is inside.
 *
 *     fault      a CPU fault: has mmap for reading, tries the gate; turned away it lets go of mmap and waits
 *     ioctl      enters, then takes mmap for writing
 *     worker     the bottom half; suspend flushes it, so it does not pass the gate
 *     suspend    closes, flushes, does its work, opens
 *
 *     blocking entry (broken):   fault ---mmap held, waits for---> suspend ---drains---> ioctl ---wants---> mmap
 *
 * Each atomic operation of gate.c is a step. A wait is a guard: the contract of ferry_os_wait_until is that no wake-up
 * is lost. Suspend completes under weak fairness, while others run on; so "is everybody stuck?" is not enough.
 *
 * Knobs: FAULTS, IOCTLS, TIMEOUT (the drain may give up at any time, and opens again), RIVAL (a second closer),
 * and the broken ones: BLOCKING_ENTRY, WORKER_ENTERS (blocking entry for the worker only), KEEPS_MMAP (turned away, the
 * fault waits for the gate with mmap held), LATE_LOOK (the visitor looks before it counts itself, and not after).
 *
 * Stands for (test/models/drift.py compares):
 *     core/power/gate.c ferry_gate_enter a740234c
 *     core/power/gate.c ferry_gate_leave be9b24aa
 *     core/power/gate.c ferry_gate_close be98af42
 *     core/power/gate.c reopen e86bd2cd
 *     core/core.c ferry_core_cpu_fault 0d17c0e1
 *     core/core.c ferry_core_request 0d22f98b
 *     os-linux/vma.c fault_later e8df973a
 *     os-linux/vma.c ferry_vm_fault 0c9b3002
 */
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef IOCTLS
#define IOCTLS 2
#endif
#ifndef TIMEOUT
#define TIMEOUT 0
#endif

bool closed;         /* the word of the gate: this bit, */
byte visitors;       /* and those who are counted in it */
byte entered;        /* of them, who really came in */
bool suspended;      /* the device is off: nobody may touch it */
bool closing;        /* a suspend is under way */

byte mmap_readers;
bool mmap_writer, mmap_wanted; /* a writer that waits keeps new readers out */

bool queued, running; /* the bottom half's work */

#define MMAP_READ atomic { !mmap_writer && !mmap_wanted -> mmap_readers++ }
#define MMAP_READ_DONE mmap_readers--
#define MMAP_WRITE atomic { !mmap_wanted -> mmap_wanted = true }; \
	atomic { !mmap_writer && mmap_readers == 0 -> mmap_writer = true; mmap_wanted = false }
#define MMAP_WRITE_DONE mmap_writer = false
#define IS_OPEN (!closed)

/* ferry_gate_enter; came says how it went. */
inline enter(came)
{
	if
	:: atomic { closed -> came = false }
	:: !closed;
#ifdef LATE_LOOK
		atomic { visitors++; came = true; entered++ }
#else
		atomic {
			visitors++;
			came = !closed;
			if
			:: came -> entered++
			:: else -> skip
			fi
		};
		if
		:: !came -> visitors-- /* leaves like everybody else */
		:: else -> skip
		fi
#endif
	fi
}

inline leave()
{
	atomic { assert(visitors > 0); visitors--; entered-- }
}

/* What the broken ones do: wait for the gate, then enter. */
inline enter_blocking()
{
	atomic { !closed -> visitors++; entered++ }
}

inline touch_device()
{
	assert(!suspended)
}

proctype fault()
{
	bool came;

	do
	:: MMAP_READ;
#ifdef BLOCKING_ENTRY
		enter_blocking();
		came = true;
#else
		enter(came);
#endif
		if
		:: came -> touch_device(); leave(); MMAP_READ_DONE
#ifdef KEEPS_MMAP
		:: !came -> IS_OPEN; MMAP_READ_DONE
#else
		:: !came -> MMAP_READ_DONE; IS_OPEN
#endif
		fi;
		came = false
	od
}

proctype ioctl()
{
	bool came;

	do
	:: enter(came);
		if
		:: came -> touch_device(); MMAP_WRITE; MMAP_WRITE_DONE; queued = true; leave()
		:: !came -> IS_OPEN
		fi;
		came = false
	od
}

active proctype worker()
{
	do
	:: atomic { queued && !running -> queued = false; running = true };
#ifdef WORKER_ENTERS
		enter_blocking();
		touch_device();
		leave();
#else
		touch_device();
#endif
		running = false
	od
}

proctype suspend()
{
	bool mine;

	do
	:: atomic { closed -> mine = false } /* FERRY_E_BUSY: somebody else closes */
#ifndef RIVAL
		; assert(false)
#endif
	:: atomic { !closed -> closed = true; mine = true; closing = true };
		if
		:: visitors == 0
		:: TIMEOUT -> mine = false
		fi;
		if
		:: mine ->
			/* Closed and drained. No interrupt comes any more, then the work is flushed. */
			assert(entered == 0);
			!queued && !running;
			suspended = true;
			assert(entered == 0 && !running);
			suspended = false
		:: else -> skip
		fi;
		atomic { assert(closed); closed = false; mine = false; closing = false }
	od
}

init
{
	byte n;

	atomic {
		n = 0;
		do
		:: n < FAULTS -> run fault(); n++
		:: else -> break
		od;
		n = 0;
		do
		:: n < IOCTLS -> run ioctl(); n++
		:: else -> break
		od;
		n = 0;
		run suspend();
#ifdef RIVAL
		run suspend();
#endif
	}
}

#ifdef LIVE
ltl completes { [] (closing -> <> !closing) }
#endif
