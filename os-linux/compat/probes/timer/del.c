// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A timer is stopped with del_timer() and del_timer_sync().
 *
 * Up to Linux 6.14; gone in 6.15: 8fa7292fee5c "treewide: Switch/rename to timer_delete[_sync]()".
 */
#include <linux/timer.h>

int ferry_probe(struct timer_list *timer);
int ferry_probe(struct timer_list *timer)
{
	return del_timer(timer) + del_timer_sync(timer);
}
