// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A timer is stopped with timer_delete() and timer_delete_sync().
 *
 * From Linux 6.2, and in 6.1.y: bb663f0f3c39 "timers: Rename del_timer() to timer_delete()".
 *
 * Exports: timer_delete timer_delete_sync
 */
#include <linux/timer.h>

int ferry_probe(struct timer_list *timer);
int ferry_probe(struct timer_list *timer)
{
	return timer_delete(timer) + timer_delete_sync(timer);
}
