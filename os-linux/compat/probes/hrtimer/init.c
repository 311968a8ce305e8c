// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A high-resolution timer is set up, then gets its function.
 *
 * Up to Linux 6.14; gone in 6.15: 9779489a31d7 "hrtimers: Delete hrtimer_init()".
 *
 * Exports: hrtimer_init
 */
#include <linux/hrtimer.h>

static enum hrtimer_restart fire(struct hrtimer *timer)
{
	return HRTIMER_NORESTART;
}

void ferry_probe(struct hrtimer *timer);
void ferry_probe(struct hrtimer *timer)
{
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer->function = fire;
}
