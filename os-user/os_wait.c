/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_wait.c (process host) - the half of a wait that sleeps. The protocol is drawn in os_wait.h.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ferry/os.h"
#include "os_futex.h"

#define TURNS_PER_LOOK 16u /* pauses between two looks at the clock */

/* True when pred became true within FERRY_USER_WAIT_SPIN_NS, or until deadline_ns. */
static bool spin_briefly(ferry_os_pred pred, void *arg, uint64_t deadline_ns)
{
	uint64_t end = ferry_os_now_ns() + FERRY_USER_WAIT_SPIN_NS;

	if (end > deadline_ns)
		end = deadline_ns;
	do {
		for (uint32_t turn = 0; turn < TURNS_PER_LOOK; turn++) {
			if (pred(arg))
				return true;
			ferry_user_pause();
		}
	} while (ferry_os_now_ns() < end);
	return false;
}

int ferry_user_wait_sleep(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns, bool killable)
{
	uint64_t deadline_ns;
	int err = 0;

	if (timeout_ns == 0)
		return FERRY_E_TIMEOUT;
	deadline_ns = futex_deadline(timeout_ns);
	if (spin_briefly(pred, arg, deadline_ns))
		return 0;
	if (killable && ferry_user_fault_wait())
		return FERRY_E_KILLED;

	__atomic_fetch_add(&w->waiters, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		uint32_t seq = __atomic_load_n(&w->seq, __ATOMIC_SEQ_CST); /* pairs with ferry_os_wake_all() */

		if (pred(arg))
			break;
		if (!futex_wait(&w->seq, seq, deadline_ns)) {
			err = pred(arg) ? 0 : FERRY_E_TIMEOUT;
			break;
		}
	}
	__atomic_fetch_sub(&w->waiters, 1, __ATOMIC_SEQ_CST);
	return err;
}

void ferry_user_wait_wake(struct ferry_os_wait *w)
{
	futex_wake(&w->seq, INT_MAX);
}
