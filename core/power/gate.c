/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * gate.c - one word: closed, and how many are inside. See gate.h.
 */
#include "power/gate.h"

void ferry_gate_init(struct ferry_gate *gate)
{
	ferry_os_store_relaxed(&gate->state, 0);
	ferry_os_wait_init(&gate->wait);
}

void ferry_gate_fini(struct ferry_gate *gate)
{
	(void)FERRY_ASSERT(ferry_gate_visitors(gate) == 0);
	ferry_os_wait_fini(&gate->wait);
}

int ferry_gate_enter(struct ferry_gate *gate)
{
	/* A closed gate is left alone: who knocks again and again must not keep the closer from counting zero. */
	if (ferry_os_load_relaxed(&gate->state) & FERRY_GATE_CLOSED)
		return FERRY_E_GATE_CLOSED;
	if (__builtin_expect((ferry_os_fetch_add(&gate->state, 1) & FERRY_GATE_CLOSED) == 0, 1))
		return 0;
	/* It closed between the two. The closer may have counted us, so we leave like everybody else. */
	ferry_gate_leave(gate);
	return FERRY_E_GATE_CLOSED;
}

void ferry_gate_leave(struct ferry_gate *gate)
{
	uint64_t was = ferry_os_fetch_add(&gate->state, ~0ull); /* minus one; pairs with visitors_gone() */

	if (!FERRY_ASSERT((was & ~FERRY_GATE_CLOSED) != 0)) {
		ferry_os_fetch_add(&gate->state, 1);
		return;
	}
	if (was == (FERRY_GATE_CLOSED | 1))
		ferry_os_wake_all(&gate->wait);
}

static bool visitors_gone(void *arg)
{
	struct ferry_gate *gate = arg;

	return (ferry_os_load_acquire(&gate->state) & ~FERRY_GATE_CLOSED) == 0; /* pairs with ferry_gate_leave() */
}

static bool is_open(void *arg)
{
	struct ferry_gate *gate = arg;

	return (ferry_os_load_acquire(&gate->state) & FERRY_GATE_CLOSED) == 0; /* pairs with reopen() */
}

/* Only who set the bit takes it away: adding it to itself carries out of the word. */
static void reopen(struct ferry_gate *gate)
{
	ferry_os_fetch_add(&gate->state, FERRY_GATE_CLOSED); /* pairs with is_open() */
	ferry_os_wake_all(&gate->wait);
}

int ferry_gate_close(struct ferry_gate *gate, uint64_t drain_timeout_ns)
{
	int err;

	if (ferry_os_fetch_or(&gate->state, FERRY_GATE_CLOSED) & FERRY_GATE_CLOSED)
		return FERRY_E_BUSY;
	err = ferry_os_wait_until(&gate->wait, visitors_gone, gate, drain_timeout_ns);
	if (!err)
		return 0;
	reopen(gate);
	return err == FERRY_E_TIMEOUT ? FERRY_E_GATE_DRAIN_TIMEOUT : err;
}

void ferry_gate_open(struct ferry_gate *gate)
{
	if (!FERRY_ASSERT(!is_open(gate)))
		return;
	reopen(gate);
}

int ferry_gate_wait_open(struct ferry_gate *gate, uint64_t timeout_ns)
{
	return ferry_os_wait_until(&gate->wait, is_open, gate, timeout_ns);
}
