// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * engine.c - who runs the model's engines.
 *
 *   kick of an SM       ->  its thread, ferry-smN/D.S
 *   kick of a channel   ->  a bit; soft_engines_drain() runs it on the thread that kicked it, after
 *                           that thread has left the model (a doorbell: before the driver's write
 *                           returns), or wakes ferry-ceN/D
 *
 * A channel's work is mostly short: a copy, a page of page table entries, an invalidate; handing it
 * to another thread costs more than doing it. What is not short (INLINE_NS) goes to ferry-ce after
 * all, which one thread shares out among the channels; so does everything that is kicked where
 * nobody may sleep, or all of it with the parameter inline_channels=0.
 *
 * Threads sleep without a timer: no work, no wake-ups.
 */
#include <linux/kthread.h>
#include <linux/sched.h>

#include "soft.h"

#define SM_BUDGET 2048u	   /* warp instructions; then others, and channels that were kicked */
#define CHANNEL_BUDGET 64u /* commands, or pieces of one, between two looks at the clock */
#define INLINE_NS 1000000u /* how long a driver's thread works for the device */

/* ---- threads ---- */

/* Sleep until there is news. False: stop. */
static bool thread_wait(struct soft_thread *t)
{
	bool stop;

	for (;;) {
		/* State first, then the look: pairs with wake_up_process() of thread_kick(). */
		set_current_state(TASK_IDLE);
		stop = kthread_should_stop();
		if (stop || atomic_xchg(&t->news, 0))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return !stop;
}

/* If news was there already, whoever set it wakes the thread. */
static void thread_kick(struct soft_thread *t)
{
	if (!atomic_xchg(&t->news, 1))
		wake_up_process(t->task);
}

static int sm_main(void *arg)
{
	struct soft_thread *t = arg;
	bool more;

	while (thread_wait(t)) {
		do {
			more = fg1_engine_run(t->gpu->fg1, t->engine, SM_BUDGET);
			soft_engines_drain(t->gpu);
			cond_resched();
		} while (more && !kthread_should_stop());
	}
	return 0;
}

/* One turn of each channel that wants one. Those that want more have their bit again. */
static void channels_turn(struct soft_gpu *gpu)
{
	struct soft_engines *e = &gpu->engines;
	u64 work = (u64)atomic64_xchg(&e->channels, 0);

	for (; work; work &= work - 1) {
		u32 channel = __ffs64(work);

		if (fg1_engine_run(gpu->fg1, e->sms + channel, CHANNEL_BUDGET))
			atomic64_or((s64)BIT_ULL(channel), &e->channels);
	}
}

static int channels_main(void *arg)
{
	struct soft_thread *t = arg;

	while (thread_wait(t)) {
		while (atomic64_read(&t->gpu->engines.channels) && !kthread_should_stop()) {
			channels_turn(t->gpu);
			cond_resched();
		}
	}
	return 0;
}

/* ---- kicks ---- */

static struct soft_thread *channels_thread(struct soft_engines *e)
{
	return &e->threads[e->sms];
}

/* Kernels that do not count spin locks see interrupts off, at least; nobody kicks with a lock. */
static bool may_sleep(void)
{
	return !preempt_count() && !irqs_disabled();
}

void soft_engines_kick(struct soft_gpu *gpu, u32 engine)
{
	struct soft_engines *e = &gpu->engines;

	if (engine < e->sms) {
		thread_kick(&e->threads[engine]);
		return;
	}
	atomic64_or((s64)BIT_ULL(engine - e->sms), &e->channels);
	smp_mb__after_atomic(); /* the bit, then news; pairs with channels_main() */
	if (!e->inline_channels || !may_sleep())
		thread_kick(channels_thread(e));
}

void soft_engines_drain(struct soft_gpu *gpu)
{
	struct soft_engines *e = &gpu->engines;
	u64 end_ns;

	if (!atomic64_read(&e->channels))
		return;
	if (!e->inline_channels || !may_sleep()) {
		thread_kick(channels_thread(e));
		return;
	}
	channels_turn(gpu);
	if (!atomic64_read(&e->channels))
		return; /* mostly: and nobody has looked at the clock */
	for (end_ns = ktime_get_ns() + INLINE_NS; ktime_get_ns() < end_ns;) {
		channels_turn(gpu);
		if (!atomic64_read(&e->channels))
			return;
	}
	thread_kick(channels_thread(e));
}

/* ---- life ---- */

static void threads_stop(struct soft_engines *e, u32 count)
{
	while (count--)
		kthread_stop(e->threads[count].task);
}

int soft_engines_init(struct soft_gpu *gpu, u32 sms, bool inline_channels)
{
	struct soft_engines *e = &gpu->engines;
	u32 i;

	e->sms = sms;
	e->inline_channels = inline_channels;
	atomic64_set(&e->channels, 0);
	e->threads = ferry_os_zalloc((sms + 1) * sizeof(*e->threads), 0);
	if (!e->threads)
		return FERRY_E_NOMEM;
	for (i = 0; i <= sms; i++) {
		struct soft_thread *t = &e->threads[i];

		t->gpu = gpu;
		t->engine = i;
		t->task = i < sms ? kthread_run(sm_main, t, "ferry-sm%s.%u", gpu->tag, i)
				  : kthread_run(channels_main, t, "ferry-ce%s", gpu->tag);
		if (IS_ERR(t->task))
			goto stop;
	}
	return 0;

stop:
	threads_stop(e, i);
	ferry_os_free(e->threads);
	return FERRY_E_THREAD;
}

void soft_engines_fini(struct soft_gpu *gpu)
{
	threads_stop(&gpu->engines, gpu->engines.sms + 1);
	ferry_os_free(gpu->engines.threads);
}
