// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A high-resolution timer gets its function when it is set up.
 *
 * From Linux 6.13: 908a1d775422 "hrtimers: Introduce hrtimer_setup() to replace hrtimer_init()".
 *
 * Exports: hrtimer_setup
 */
#include <linux/hrtimer.h>

static enum hrtimer_restart fire(struct hrtimer *timer)
{
	return HRTIMER_NORESTART;
}

void ferry_probe(struct hrtimer *timer);
void ferry_probe(struct hrtimer *timer)
{
	hrtimer_setup(timer, fire, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
}
