// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * os_work.c (kernel host) - work items and timers.
 */
#include <linux/export.h>
#include <linux/jiffies.h>

#include "ferry/os.h"
#include "os_init.h"

static struct workqueue_struct *queue;

static void work_main(struct work_struct *work)
{
	struct ferry_os_work *w = container_of(work, struct ferry_os_work, work);

	w->fn(w->arg);
}

static void timer_main(struct work_struct *work)
{
	struct ferry_os_timer *t = container_of(to_delayed_work(work), struct ferry_os_timer, work);

	t->fn(t->arg);
}

/* Work and timers are two lockdep classes: INIT_WORK's class is the place where it stands. */
void ferry_kernel_work_init(struct ferry_os_work *w)
{
	INIT_WORK(&w->work, work_main);
}
EXPORT_SYMBOL_GPL(ferry_kernel_work_init);

void ferry_kernel_timer_init(struct ferry_os_timer *t)
{
	INIT_DELAYED_WORK(&t->work, timer_main);
}
EXPORT_SYMBOL_GPL(ferry_kernel_timer_init);

bool ferry_kernel_work_queue(struct ferry_os_work *w)
{
	return queue_work(queue, &w->work);
}
EXPORT_SYMBOL_GPL(ferry_kernel_work_queue);

void ferry_kernel_timer_arm(struct ferry_os_timer *t, uint64_t delay_ns)
{
	u64 most_ns = S64_MAX; /* 292 years */
	unsigned long delay = nsecs_to_jiffies(min(delay_ns, most_ns) + TICK_NSEC - 1);

	mod_delayed_work(queue, &t->work, delay);
}
EXPORT_SYMBOL_GPL(ferry_kernel_timer_arm);

int ferry_kernel_work_start(void)
{
	queue = alloc_workqueue("ferry", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return queue ? 0 : -ENOMEM;
}

void ferry_kernel_work_stop(void)
{
	destroy_workqueue(queue);
}
