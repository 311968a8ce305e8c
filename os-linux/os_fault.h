/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_fault.h (kernel host) - failures on request, through the kernel's own fault injection.
 *
 *     /sys/kernel/debug/ferry/fail_ferry/          ferry_os_zalloc() returns NULL
 *     /sys/kernel/debug/ferry/fail_ferry_point/    ferry_os_fault_point() is true
 *
 * with the knobs of Documentation/fault-injection (probability, interval, times, task-filter, ...);
 * and /proc/self/fail-nth makes the n-th of a thread's next such calls fail. Without
 * CONFIG_FAULT_INJECTION nothing is compiled in.
 */
#ifndef FERRY_KERNEL_OS_FAULT_H
#define FERRY_KERNEL_OS_FAULT_H

#include "ferry/os.h"

#ifdef CONFIG_FAULT_INJECTION

bool ferry_kernel_fault_alloc(size_t size_bytes);
bool ferry_kernel_fault_point(uint32_t id);

#else

static inline bool ferry_kernel_fault_alloc(size_t size_bytes)
{
	return false;
}

static inline bool ferry_kernel_fault_point(uint32_t id)
{
	return false;
}

#endif

/* os_init.c: the files in debugfs. They go with the folder. */
struct dentry;
void ferry_kernel_fault_init(struct dentry *debugfs);

static inline bool ferry_os_fault_point(uint32_t id)
{
	return ferry_kernel_fault_point(id);
}

#endif /* FERRY_KERNEL_OS_FAULT_H */
