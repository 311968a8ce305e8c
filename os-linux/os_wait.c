// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * os_wait.c (kernel host) - sleeping until something is true, and one turn of a spin.
 */
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/hrtimer.h>
#include <linux/sched.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>

#include "ferry/os.h"

/* Timeouts bound what went wrong: they may share a timer interrupt. */
#define WAIT_SLACK_NS 50000u

static unsigned int wait_state(bool killable)
{
	if (current->flags & PF_KTHREAD)
		return TASK_IDLE;
	return killable ? TASK_KILLABLE : TASK_UNINTERRUPTIBLE;
}

int ferry_kernel_wait(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns,
		      bool killable)
{
	unsigned int state = wait_state(killable);
	uint64_t now_ns = ktime_get_ns();
	bool forever = timeout_ns > (uint64_t)KTIME_MAX - now_ns;
	ktime_t deadline = forever ? KTIME_MAX : ns_to_ktime(now_ns + timeout_ns);
	bool over = timeout_ns == 0;
	DEFINE_WAIT(entry);
	int err;

	might_sleep();
	for (;;) {
		prepare_to_wait(&w->head, &entry, state);
		if (pred(arg)) {
			err = 0;
			break;
		}
		if (over) {
			err = FERRY_E_TIMEOUT;
			break;
		}
		if (state == TASK_KILLABLE && fatal_signal_pending(current)) {
			err = FERRY_E_KILLED;
			break;
		}
		/* 0: the time is over; test once more. */
		over = schedule_hrtimeout_range(forever ? NULL : &deadline, WAIT_SLACK_NS,
						HRTIMER_MODE_ABS) == 0;
	}
	finish_wait(&w->head, &entry);
	return err;
}
EXPORT_SYMBOL_GPL(ferry_kernel_wait);

/*
 * In process context others get their turn: whom we wait for may need this CPU. Where spin locks do
 * not count (no CONFIG_PREEMPT_COUNT) ours show by interrupts that are off. A real-time thread
 * would keep the CPU whatever it yields, so it sleeps.
 */
void ferry_kernel_relax(void)
{
	cpu_relax();
	if (preempt_count() || irqs_disabled())
		return;
	if (unlikely(rt_task(current)))
		usleep_range(1, 20);
	else
		cond_resched();
}
EXPORT_SYMBOL_GPL(ferry_kernel_relax);
