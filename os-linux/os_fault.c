/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_fault.c (kernel host) - failures on request.
 */
#include <linux/export.h>
#include <linux/fault-inject.h>

#include "ferry/os.h"

#ifdef CONFIG_FAULT_INJECTION

static DECLARE_FAULT_ATTR(fail_ferry);
static DECLARE_FAULT_ATTR(fail_ferry_point);

bool ferry_kernel_fault_alloc(size_t size_bytes)
{
	return should_fail(&fail_ferry, (ssize_t)size_bytes);
}
EXPORT_SYMBOL_GPL(ferry_kernel_fault_alloc);

/* One attribute for all points: a thread's fail-nth counts them all, so a sweep meets each. */
bool ferry_kernel_fault_point(uint32_t id)
{
	return should_fail(&fail_ferry_point, 1);
}
EXPORT_SYMBOL_GPL(ferry_kernel_fault_point);

#endif /* CONFIG_FAULT_INJECTION */

/* Debugging files that could not be made are no reason to do without the driver. */
void ferry_kernel_fault_init(struct dentry *debugfs)
{
#if defined(CONFIG_FAULT_INJECTION) && defined(CONFIG_FAULT_INJECTION_DEBUG_FS)
	(void)fault_create_debugfs_attr("fail_ferry", debugfs, &fail_ferry);
	(void)fault_create_debugfs_attr("fail_ferry_point", debugfs, &fail_ferry_point);
#endif
}
