/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * gate.h - what everybody passes who enters the driver, and what suspend closes.
 *
 * Words:  visitor = a thread between enter and leave. Drain = the visitors leave, and no new ones come in.
 * Shapes: one atomic word and one place to wait.
 *
 *     bit    63        62 .. 0
 *          [ closed ][ visitors ]
 *
 *     OPEN --close--> DRAINING --last visitor leaves--> CLOSED --open--> OPEN
 *      ^                  |
 *      +--- time is up ---+        everybody who was turned away may come again
 *
 *     visitor                            closer
 *     enter: visitors++; was it open?    close: closed = 1
 *       no: visitors--, turn away              wait until visitors == 0
 *     leave: visitors--; last and closed?
 *       yes: wake the closer
 *
 * Entering is a try: it never blocks and never spins, so a thread that suspend has to freeze is never stuck in here.
 * It is no lock either: nothing is held across sleep, and a fault handler that finds the gate closed drops what it
 * holds, then waits in ferry_gate_wait_open() or goes back to where the fault is raised again. Locking: none. One
 * closer at a time; who closed, opens. Life:   a gate outlives every thread that may call it: the last visitor wakes
 * the closer after it was counted out.
 */
#ifndef FERRY_GATE_H
#define FERRY_GATE_H

#include "ferry/os.h"

#define FERRY_GATE_CLOSED (1ull << 63)

struct ferry_gate {
	struct ferry_os_atomic state;
	struct ferry_os_wait wait; /* the closer, for visitors to leave; those turned away, for the gate to open */
};

/* Open, nobody inside. fini reports visitors. Context: process. */
void ferry_gate_init(struct ferry_gate *gate);
void ferry_gate_fini(struct ferry_gate *gate);

/* Come in, or be turned away. Context: any. Return: 0, FERRY_E_GATE_CLOSED. */
int ferry_gate_enter(struct ferry_gate *gate) FERRY_MUST_CHECK;
/* Go. Once per enter; one too many is reported. Context: any. */
void ferry_gate_leave(struct ferry_gate *gate);

/*
 * Turn newcomers away from now on, and wait for the visitors to leave. The caller is no visitor itself, and holds
 * nothing a visitor may need. Whatever visitors did happened before the return.
 * Context: process, sleeps for drain_timeout_ns at most.
 * Return: 0: closed, nobody inside. FERRY_E_GATE_DRAIN_TIMEOUT, FERRY_E_KILLED: open again, as before.
 * FERRY_E_BUSY: closed already, or being closed.
 */
int ferry_gate_close(struct ferry_gate *gate, uint64_t drain_timeout_ns) FERRY_MUST_CHECK;
/* Let everybody in again, and wake those who wait for it. A gate that is open is reported. Context: any. */
void ferry_gate_open(struct ferry_gate *gate);

/*
 * Wait for the gate to be open. By the time of the return it may be closed again: enter tells.
 * Context: process, no lock held. Return: 0, FERRY_E_TIMEOUT, FERRY_E_KILLED.
 */
int ferry_gate_wait_open(struct ferry_gate *gate, uint64_t timeout_ns) FERRY_MUST_CHECK;

/* How many are inside, at some moment. For records. Context: any. */
static inline uint64_t ferry_gate_visitors(const struct ferry_gate *gate)
{
	return ferry_os_load_relaxed(&gate->state) & ~FERRY_GATE_CLOSED;
}

#endif /* FERRY_GATE_H */
