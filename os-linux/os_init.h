/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_init.h (kernel host) - beginning and end of what the hooks share, and the folder in debugfs.
 *
 *     ferry_kernel_os_init()      before anything else of Ferry runs
 *     ...                         every object of the core is gone again
 *     ferry_kernel_os_exit()      nothing of the hooks runs any more
 */
#ifndef FERRY_KERNEL_OS_INIT_H
#define FERRY_KERNEL_OS_INIT_H

struct dentry;

/* Module init and exit of ferry.ko. 0 or a negative errno. Process context, both. */
int ferry_kernel_os_init(void);
void ferry_kernel_os_exit(void);

/* /sys/kernel/debug/ferry, for drivers too; possibly an ERR_PTR, which debugfs's functions take. */
struct dentry *ferry_kernel_debugfs(void);

/* Their parts: the work queue (os_work.c), memory that waits to be freed (os_mem.c). */
int ferry_kernel_work_start(void);
void ferry_kernel_work_stop(void);
void ferry_kernel_mem_stop(void);

#endif /* FERRY_KERNEL_OS_INIT_H */
