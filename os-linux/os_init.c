// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * os_init.c (kernel host) - beginning and end of what the hooks share.
 */
#include <linux/debugfs.h>
#include <linux/export.h>

#include "ferry/os.h"
#include "os_init.h"

static struct dentry *debugfs_dir;

struct dentry *ferry_kernel_debugfs(void)
{
	return debugfs_dir;
}
EXPORT_SYMBOL_GPL(ferry_kernel_debugfs);

int ferry_kernel_os_init(void)
{
	int err = ferry_kernel_work_start();

	if (err)
		return err;
	debugfs_dir = debugfs_create_dir("ferry", NULL);
	ferry_kernel_fault_init(debugfs_dir);
	return 0;
}

void ferry_kernel_os_exit(void)
{
	debugfs_remove_recursive(debugfs_dir);
	ferry_kernel_work_stop();
	ferry_kernel_mem_stop();
}
