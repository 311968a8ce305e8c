/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_fault.h (kernel host) - failures on request.
 *
 *     /sys/kernel/debug/ferry/fail_nth
 *         "5"        the fifth site that the writing thread comes to from now on fails, once
 *         "5 all"    whoever comes to it: workers and servicers as well
 *         "0"        off; read: how many are left until then, 0 when it has failed
 *
 * A site is each allocation of the driver's, and each ferry_os_fault_point(). With
 * CONFIG_FAULT_INJECTION the kernel's own ways work too: /proc/self/fail-nth counts our sites among
 * all others, and
 *
 *     /sys/kernel/debug/ferry/fail_ferry/          allocations
 *     /sys/kernel/debug/ferry/fail_ferry_point/    ferry_os_fault_point()
 *
 * have the knobs of Documentation/fault-injection (probability, interval, times, task-filter, ...).
 */
#ifndef FERRY_KERNEL_OS_FAULT_H
#define FERRY_KERNEL_OS_FAULT_H

#include "ferry/os.h"

/* Asked before each allocation: true, it fails. Any context. */
bool ferry_kernel_fault_alloc(size_t size_bytes);
bool ferry_kernel_fault_point(uint32_t id);

/* os_init.c: the files in debugfs. They go with the folder. */
struct dentry;
void ferry_kernel_fault_init(struct dentry *debugfs);

static inline bool ferry_os_fault_point(uint32_t id)
{
	return ferry_kernel_fault_point(id);
}

#endif /* FERRY_KERNEL_OS_FAULT_H */
