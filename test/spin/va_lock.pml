/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * va_lock.pml - the lock of a VA space: fault service passes waiting writers. Nobody hangs, readers and a writer never
 * meet, and every fault is served. The threads are those of three_locks.pml.
 *
 *     verb           waits for                     then
 *     service read   an active writer              a reader; no writer gets in before it
 *     read           an active or waiting writer   a reader; may make control calls
 *     write          anybody inside                alone
 *     downgrade      -                             a reader; may make control calls
 *
 * A verb is a step that says that it waits, and a step that gets in: the code's are one compare-and-swap each, on one
 * word, with a wake-up after each change that lets somebody in. The one rule, no control call in write mode, is the
 * table's (order.h).
 *
 * Knobs: SERVICE_WAITS (service read waits for waiting writers, too: the deadlock is back), LIVE, and how many.
 *
 * Stands for (test/models/drift.py compares):
 *     core/lock/va_lock.h ferry_va_lock_enter 6d6ff1e6
 *     core/lock/va_lock.h ferry_va_lock_read_at b550d8b2
 *     core/lock/va_lock.h ferry_va_service_lock_at 5ce4e7eb
 *     core/lock/va_lock.h ferry_va_read_lock_at 74bb1d1d
 *     core/lock/va_lock.h ferry_va_write_lock_at 6c1b05d0
 *     core/lock/va_lock.h ferry_va_downgrade_at 5b708962
 *     core/lock/va_lock.c wait_and_enter b95812a4
 *     core/lock/va_lock.c ferry_va_lock_read_slow fbaff188
 *     core/lock/va_lock.c ferry_va_lock_write_slow 0f5d158f
 *     core/fault/bottom_half.c space_serve ff75177c
 *     core/fault/bottom_half.c batch_run 1524acf3
 *     core/core.c ferry_core_cpu_fault 0d17c0e1
 */
#include "order.h"

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

byte inside;          /* readers */
byte waiting, serving; /* writers that wait; services that wait */
bool writing, called; /* a writer; the control lock of the device */
bool outstanding;

#define BIT(row) (1 << ORDER_##row)
#define MAY_CONTROL(excl) (((excl) & OP_CONTROL_EXCL) == 0)

#ifdef SERVICE_WAITS
#define MAY_SERVE (!writing && waiting == 0)
#define MAY_WRITE (!writing && inside == 0)
#else
#define MAY_SERVE (!writing)
#define MAY_WRITE (!writing && inside == 0 && serving == 0)
#endif

#define SERVICE_READ_LOCK serving++; atomic { MAY_SERVE -> serving--; inside++ }
#define READ_LOCK atomic { !writing && waiting == 0 -> inside++ }
#define READ_UNLOCK inside--
#define WRITE_LOCK waiting++; atomic { MAY_WRITE -> waiting--; writing = true }
#define WRITE_UNLOCK writing = false
#define DOWNGRADE atomic { writing = false; inside++ }
#define READING assert(!writing && inside > 0)
#define WRITING assert(writing && inside == 0)

inline control_call(excl)
{
	assert(MAY_CONTROL(excl));
	atomic { !called -> called = true };
	!outstanding;
	called = false
}

proctype caller()
{
	do
	:: READ_LOCK; READING; control_call(0); READ_UNLOCK
	od
}

proctype rewriter()
{
	do
	:: WRITE_LOCK; WRITING; WRITE_UNLOCK; READ_LOCK; control_call(0); READ_UNLOCK
	od
}

proctype downgrader()
{
	do
	:: WRITE_LOCK; WRITING; DOWNGRADE; READING; control_call(0); READ_UNLOCK
	od
}

proctype reader()
{
	do
	:: READ_LOCK; READING; READ_UNLOCK
	od
}

proctype writer()
{
	do
	:: WRITE_LOCK; WRITING; WRITE_UNLOCK
	od
}

proctype service()
{
	do
	:: outstanding; SERVICE_READ_LOCK; READING; outstanding = false; READ_UNLOCK
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
