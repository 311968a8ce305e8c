// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * drain.c - the kernel puts LRU work off, in a batch per CPU that holds a reference to each page.
 * Such a page looks as if somebody used it (mm.c, page_is_pinned), for as long as that CPU does no
 * more LRU work. Here the batches of all CPUs are emptied, as the kernel's own page migration does
 * it.
 */
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/workqueue.h>

#include "compat/compat.h"
#include "kernel.h"

#define DRAIN_EVERY_MS 10u

static struct workqueue_struct *drain_wq;
static DEFINE_PER_CPU(struct work_struct, drain_work);
static atomic_long_t drained_at; /* jiffies */

static void drain_cpu(struct work_struct *work)
{
	ferry_compat_lru_drain_cpu();
}

/*
 * Not more often than every DRAIN_EVERY_MS: false then. A CPU that leaves meanwhile drains as it
 * goes, and its work is done elsewhere. Process context, sleeps; BLOCK may be held.
 */
bool ferry_drain_lru(void)
{
	unsigned long last = atomic_long_read(&drained_at);
	int cpu;

	if (time_before(jiffies, last + msecs_to_jiffies(DRAIN_EVERY_MS)) ||
	    atomic_long_cmpxchg(&drained_at, last, jiffies) != last)
		return false;
	for_each_online_cpu(cpu) queue_work_on(cpu, drain_wq, per_cpu_ptr(&drain_work, cpu));
	for_each_possible_cpu(cpu) flush_work(per_cpu_ptr(&drain_work, cpu));
	return true;
}

int ferry_drain_init(void)
{
	int cpu;

	drain_wq = alloc_workqueue("ferry_drain", WQ_MEM_RECLAIM | FERRY_COMPAT_WQ_PERCPU, 0);
	if (!drain_wq)
		return -ENOMEM;
	for_each_possible_cpu(cpu) INIT_WORK(per_cpu_ptr(&drain_work, cpu), drain_cpu);
	atomic_long_set(&drained_at, jiffies - msecs_to_jiffies(DRAIN_EVERY_MS));
	return 0;
}

void ferry_drain_exit(void)
{
	destroy_workqueue(drain_wq);
}
