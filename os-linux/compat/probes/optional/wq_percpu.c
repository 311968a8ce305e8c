// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A work queue says that it is per CPU, which it is by default on older kernels.
 *
 * From Linux 6.17: 930c2ea566af "workqueue: Add new WQ_PERCPU flag"; stable kernels have it too.
 */
#include <linux/workqueue.h>

unsigned int ferry_probe(void);
unsigned int ferry_probe(void)
{
	return WQ_PERCPU;
}
