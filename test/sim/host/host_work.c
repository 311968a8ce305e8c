/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * host_work.c - deferred work: a queue, some workers, timers; interrupts as a fiber of their own.
 *
 *     queue() ---> pending, in the line ---> a worker: runner ---> done: who flushes goes on
 *       ^                                       | again: once more
 *       +--- timers whose time has come --------+
 *
 * An item never runs twice at once: a worker passes over one that runs. Work queued in the set-up runs when the run
 * begins.
 */
#include "ferry/os.h"
#include "host.h"

struct sim_host host;

void sim_work_init(struct ferry_os_work *w, ferry_os_work_fn fn, void *arg)
{
	memset(w, 0, sizeof(*w));
	w->fn = fn;
	w->arg = arg;
	w->obj = sim_object();
	sim_name_object(w->obj, "work");
}

void sim_work_fini(struct ferry_os_work *w)
{
	if (w->pending || w->runner || !w->obj)
		sim_misuse("end of work that is not done", w->obj);
	w->obj = 0;
}

static void wake_workers(void)
{
	sim.ready |= host.idle_workers;
	host.idle_workers = 0;
}

static bool queue_now(struct ferry_os_work *w)
{
	struct ferry_os_work **at = &host.line;

	if (w->pending)
		return false;
	w->pending = true;
	while (*at)
		at = &(*at)->next;
	w->next = NULL;
	*at = w;
	wake_workers();
	return true;
}

bool sim_work_queue(struct ferry_os_work *w)
{
	if (!w->obj)
		sim_misuse("queueing work", 0);
	sim_point(SIM_OP_WORK, w->obj);
	return queue_now(w);
}

static void take_out(struct ferry_os_work *w)
{
	for (struct ferry_os_work **at = &host.line; *at; at = &(*at)->next) {
		if (*at == w) {
			*at = w->next;
			break;
		}
	}
	w->pending = false;
}

static void wait_done(struct ferry_os_work *w)
{
	while (w->pending || w->runner) {
		if (w->runner == sim.me->id + 1)
			sim_fail("deadlock: %s flushes the work it runs", sim.me->name);
		w->flushers |= sim.me->bit;
		sim_block(SIM_ON_FLUSH, w);
	}
}

void sim_work_flush(struct ferry_os_work *w)
{
	if (sim.me->spins || sim.me->irq)
		sim_may_sleep("work");
	sim_point(SIM_OP_WORK, w->obj);
	wait_done(w);
}

void sim_work_cancel(struct ferry_os_work *w)
{
	if (sim.me->spins || sim.me->irq)
		sim_may_sleep("work");
	sim_point(SIM_OP_WORK, w->obj);
	if (w->pending)
		take_out(w);
	wait_done(w);
}

/* The first that does not run, or NULL. */
static struct ferry_os_work *first_waiting(void)
{
	struct ferry_os_work *w = host.line;

	while (w && w->runner)
		w = w->next;
	return w;
}

static void worker(void *arg)
{
	(void)arg;
	for (;;) {
		struct ferry_os_work *w = first_waiting();

		if (!w) {
			host.idle_workers |= sim.me->bit;
			sim_block(SIM_ON_WORK, NULL);
			continue;
		}
		take_out(w);
		w->runner = (uint8_t)(sim.me->id + 1);
		sim_point(SIM_OP_RUN, w->obj);
		w->fn(w->arg);
		sim_point(SIM_OP_RUN, w->obj);
		w->runner = 0;
		if (w->pending)
			wake_workers();
		sim.ready |= w->flushers;
		w->flushers = 0;
	}
}

void sim_workers(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		sim_spawn("worker", worker, NULL, SIM_DAEMON);
}

/* ---- timers ---- */

void sim_timer_arm(struct ferry_os_timer *t, uint64_t delay_ns)
{
	sim_point(SIM_OP_WORK, t->work.obj);
	t->deadline_ns = sim.now_ns + delay_ns;
	if (!t->armed) {
		t->armed = true;
		t->next = host.timers;
		host.timers = t;
	}
}

static void disarm(struct ferry_os_timer *t)
{
	for (struct ferry_os_timer **at = &host.timers; *at; at = &(*at)->next) {
		if (*at == t) {
			*at = t->next;
			break;
		}
	}
	t->armed = false;
}

void sim_timer_cancel(struct ferry_os_timer *t)
{
	sim_point(SIM_OP_WORK, t->work.obj);
	if (t->armed)
		disarm(t);
	if (t->work.pending)
		take_out(&t->work);
	wait_done(&t->work);
}

uint64_t host_next_timer(void)
{
	uint64_t first = 0;

	for (struct ferry_os_timer *t = host.timers; t; t = t->next) {
		if (!first || t->deadline_ns < first)
			first = t->deadline_ns;
	}
	return first;
}

void host_timers_due(void)
{
	struct ferry_os_timer *t = host.timers;

	while (t) {
		struct ferry_os_timer *next = t->next;

		if (t->deadline_ns <= sim.now_ns) {
			disarm(t);
			queue_now(&t->work);
		}
		t = next;
	}
}

/* ---- interrupts ---- */

static void irq_fiber(void *arg)
{
	(void)arg;
	for (;;) {
		struct host_irq irq;

		if (host.irq_head == host.irq_tail) {
			host.irq_asleep = true;
			sim_block(SIM_ON_WORK, NULL);
			continue;
		}
		irq = host.irqs[host.irq_head++ % HOST_IRQS];
		irq.fn(irq.arg, irq.vector);
	}
}

/* An interrupt that is pending does not become two. */
static bool is_pending(void (*fn)(void *arg, uint32_t vector), void *arg, uint32_t vector)
{
	for (uint32_t i = host.irq_head; i != host.irq_tail; i++) {
		const struct host_irq *irq = &host.irqs[i % HOST_IRQS];

		if (irq->fn == fn && irq->arg == arg && irq->vector == vector)
			return true;
	}
	return false;
}

static void post(void (*fn)(void *arg, uint32_t vector), void *arg, uint32_t vector, bool twice)
{
	if (!twice && is_pending(fn, arg, vector))
		return;
	if (host.irq_tail - host.irq_head == HOST_IRQS) {
		sim_fail("misuse: more interrupts under way than the simulator has room for");
		return;
	}
	host.irqs[host.irq_tail++ % HOST_IRQS] = (struct host_irq){fn, arg, vector};
	if (!host.irq)
		host.irq = sim_spawn("interrupt", irq_fiber, NULL, SIM_DAEMON | SIM_IRQ);
	if (host.irq_asleep) {
		host.irq_asleep = false;
		sim_ready(host.irq);
	}
}

void sim_irq(void (*fn)(void *arg, uint32_t vector), void *arg, uint32_t vector)
{
	uint32_t how = sim_choose(SIM_CHOICE_IRQ, 3);

	sim.irqs_lost += how == 1;
	sim.irqs_doubled += how == 2;
	if (how != 1)
		post(fn, arg, vector, false);
	if (how == 2)
		post(fn, arg, vector, true);
}
