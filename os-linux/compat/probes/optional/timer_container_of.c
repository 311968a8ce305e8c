// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * from_timer() under its new name.
 *
 * From Linux 6.16: 41cb08555c41 "treewide, timers: Rename from_timer() to timer_container_of()".
 */
#include <linux/timer.h>

struct ferry_probe {
	struct timer_list timer;
};

struct ferry_probe *ferry_probe(struct timer_list *t);
struct ferry_probe *ferry_probe(struct timer_list *t)
{
	struct ferry_probe *p = timer_container_of(p, t, timer);

	return p;
}
