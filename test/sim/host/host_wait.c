/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * host_wait.c - sleeping until a condition holds. Who sleeps is first on the list, then looks, then sleeps: a wake
 * after the change is never lost. A change without a wake leaves the sleeper asleep: the run's end tells.
 *
 * A deadline passes only when nobody can run, or when it is chosen to.
 */
#include "ferry/os.h"

void sim_wait_init(struct ferry_os_wait *w)
{
	w->sleepers = 0;
	w->obj = sim_object();
	sim_name_object(w->obj, "event");
}

void sim_wait_fini(struct ferry_os_wait *w)
{
	if (w->sleepers || !w->obj)
		sim_misuse("end", w->obj);
	w->obj = 0;
}

/* The reason to give up, or 0. */
static int gives_up(struct sim_fiber *me, bool killable, uint64_t timeout_ns)
{
	if (killable && me->killed)
		return FERRY_E_KILLED;
	if (!timeout_ns)
		return FERRY_E_TIMEOUT;
	if (!me->expired)
		return 0;
	sim.timeouts++;
	if (!sim.may_time_out)
		sim_fail("timeout: %s waited for %llu ns and nothing was broken", me->name,
		         (unsigned long long)timeout_ns);
	return FERRY_E_TIMEOUT;
}

int sim_wait(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns, bool killable)
{
	struct sim_fiber *me = sim.me;
	int err = 0;

	if (!w->obj)
		sim_misuse("wait", 0);
	if (timeout_ns && (me->spins || me->irq))
		sim_may_sleep("an event");
	sim_point(SIM_OP_WAIT, w->obj);
	me->expired = timeout_ns && sim_choose(SIM_CHOICE_TIMEOUT, 2);
	me->deadline_ns = timeout_ns ? sim.now_ns + timeout_ns : 0;
	me->killable = killable;
	for (;;) {
		me->woken = false;
		w->sleepers |= me->bit;
		if (pred(arg))
			break;
		err = gives_up(me, killable, timeout_ns);
		if (err)
			break;
		/* A step of its own: the condition may have been one. */
		sim_point(SIM_OP_WAIT, w->obj);
		if (!me->woken) {
			me->pred = pred;
			me->pred_arg = arg;
			sim_block(SIM_ON_EVENT, w);
			me->pred = NULL;
		}
	}
	w->sleepers &= ~me->bit;
	me->deadline_ns = 0;
	return err;
}

void sim_wake(struct ferry_os_wait *w)
{
	if (!w->obj)
		sim_misuse("wake", 0);
	sim_point(SIM_OP_WAKE, w->obj);
	for (uint64_t s = w->sleepers; s; s &= s - 1)
		sim.fiber[__builtin_ctzll(s)].woken = true;
	sim.ready |= w->sleepers;
	w->sleepers = 0;
}

/* A turn of a spin: somebody else's turn; time passes if there is nobody. */
void sim_relax(void)
{
	sim_yield();
}
