/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * isr.pml - fault service from interrupt to arming: no fault is left lying, ISR_SERVICE has one owner, and nobody
 * serves after the end.
 *
 *     device          interrupt (top half)          worker (bottom half)            stopper (device_stop_faults)
 *     writes entry    try ISR_SERVICE               take                            down
 *     armed: raises     had: give, queue work       fetch ... fetch nothing         cancel the work
 *                       not: nothing                up; arm, or schedule again      up
 *
 * The device is one-shot: an interrupt disarms it, arming raises at once when entries wait. The buffer has two
 * entries; what is fetched is given back to the device in a step of its own (FAULT_GET). A worker looks at most
 * BATCHES times, then schedules itself. The same work never runs twice at once; queued while it runs, it runs again.
 *
 * Knobs: SPURIOUS interrupts at any time (so many), LOST interrupts (so many), WATCHDOG (asks whether entries wait),
 * STOP (the stopper comes, once), and the broken ones:
 *     ARM_BEFORE_LAST_LOOK, ARM_BEFORE_UP, NO_WORK (give without queueing), UP_BEFORE_DONE,
 *     STOP_WITHOUT_DOWN (the work is cancelled without ISR_SERVICE)
 *
 * Stands for (test/models/drift.py compares):
 *     core/fault/bottom_half.c ferry_bottom_half_schedule 0915b973
 *     core/fault/bottom_half.c ferry_bottom_half_run c50925c3
 *     core/fault/bottom_half.c batch_run 1524acf3
 *     core/gpu/device.c device_irq 571e31a7
 *     core/gpu/device.c device_watchdog 8ee90d43
 *     core/gpu/device.c device_stop_faults 8e2dfcda
 *     hal/fg1/hal_fg1.c hal_fault_fetch 99862432
 *     hal/fg1/hal_fg1.c hal_fault_arm 9f3d70f9
 *     softgpu/fault.c fg1_fault_report 7c7fc49b
 *     softgpu/fault.c fg1_fault_wanted 7d5af746
 *     softgpu/fault.c fg1_fault_arm 5107794b
 */
#ifndef SPURIOUS
#define SPURIOUS 0
#endif
#ifndef LOST
#define LOST 0
#endif
#ifndef BATCHES
#define BATCHES 2
#endif
#define ENTRIES 2
#define LAPS 4 /* entry numbers wrap here: a multiple of ENTRIES, larger than it */

byte put, taken, get; /* the device writes, the driver has read, the device knows of that */
bool armed, irq;      /* an interrupt is wanted; one is on its way */
byte lost;

bool down;            /* ISR_SERVICE */
bool given;           /* it is on its way to the bottom half */
bool queued, running; /* the work */
byte owners;          /* who is between having ISR_SERVICE and being done with it */
bool off;             /* interrupts; for good */
bool handling, watching; /* an interrupt handler runs, the watchdog runs: switching off waits for them */
bool stopped;         /* nobody may serve any more */

#define WAITING(from) ((put + LAPS - from) % LAPS)

#define OWN owners++; assert(owners == 1)
#define DISOWN owners--

/* An edge: two that come before one is handled are one. */
inline raise()
{
	armed = false;
	if
	:: LOST > lost -> lost++
	:: irq = true
	fi
}

/* ferry_bottom_half_schedule: the sem is tried, handed over, and the work queued, each a step. */
inline schedule()
{
	if
	:: atomic { !down -> down = true; OWN; assert(!stopped) };
		given = true;
#ifndef NO_WORK
		atomic { assert(!queued); queued = true }
#endif
	:: atomic { down -> skip }
	fi
}

active proctype device()
{
end:	do
	:: atomic {
			WAITING(get) < ENTRIES -> put = (put + 1) % LAPS;
			if
			:: armed -> raise()
			:: else -> skip
			fi
		}
	od
}

/* Interrupts of one device come one after the other. */
active proctype interrupt()
{
	byte spurious;

end:	do
	:: atomic { irq && !off -> irq = false; handling = true }; schedule(); handling = false
	:: atomic { spurious < SPURIOUS && !off -> spurious++; handling = true }; schedule(); handling = false
	:: off -> break
	od
}

#ifdef WATCHDOG
active proctype watchdog()
{
	/* The code asks every 20 ms; it is enough that it asks when nothing else happens, or at any other time. */
end:	do
	:: atomic { !off && put != taken -> watching = true }; schedule(); watching = false
	:: off -> break
	od
}
#endif

inline arm()
{
	atomic {
		if
		:: put != get -> raise()
		:: else -> armed = true
		fi
	}
}

inline fetch()
{
	atomic {
		assert(!stopped && running);
		n = WAITING(taken);
		/* As many as it takes at once: all, or fewer. */
		if
		:: n > 1 -> n = 1
		:: skip
		fi;
		taken = (taken + n) % LAPS
	};
	if
	:: n > 0 -> get = taken
	:: else -> skip
	fi
}

active proctype worker()
{
	byte n, batches;
	bool more;

end:	do
	:: atomic { queued && !running -> queued = false; running = true };
		atomic { assert(given && down); given = false };
		more = true;
		do
		:: batches < BATCHES && more ->
#ifdef ARM_BEFORE_LAST_LOOK
			arm();
#endif
#ifdef UP_BEFORE_DONE
			if
			:: batches == 0 -> down = false
			:: else -> skip
			fi;
#endif
			fetch();
			more = n > 0;
			batches++
		:: else -> break
		od;
		atomic { batches = 0; n = 0 };
#ifdef ARM_BEFORE_UP
		if
		:: more -> skip
		:: else -> arm()
		fi;
#endif
#ifdef UP_BEFORE_DONE
		DISOWN;
#else
		atomic { assert(down); down = false; DISOWN };
#endif
		if
		:: more -> schedule()
		:: else ->
#ifdef ARM_BEFORE_LAST_LOOK
			skip
#else
#ifdef ARM_BEFORE_UP
			skip
#else
			arm()
#endif
#endif
		fi;
		atomic { more = false; running = false }
	od
}

#ifdef STOP
active proctype stopper()
{
	off = true;
	!handling && !watching;
#ifndef STOP_WITHOUT_DOWN
	atomic { !down -> down = true; OWN };
#endif
	queued = false;
	!running;
#ifdef STOP_WITHOUT_DOWN
	atomic { !down -> down = true; OWN };
#endif
	atomic { down = false; DISOWN; stopped = true }
}
#endif

/* The device may be armed at the start: device_start_faults. */
init
{
	atomic {
		if
		:: put != get -> raise()
		:: else -> armed = true
		fi
	}
}

/* Nobody can go on: then nothing waits in the buffer. With the stopper, he is through. */
active proctype quiet()
{
#ifdef STOP
	timeout -> assert(stopped)
#else
	timeout -> assert(put == taken)
#endif
}
