/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_init.h (kernel host) - what module init and exit of ferry.ko call for the hooks. Private to
 * ferry.ko.
 *
 *     ferry_kernel_os_init()      before anything else of Ferry runs: the work queue exists
 *     ...                         every object of the core is gone again
 *     ferry_kernel_os_exit()      nothing of the hooks runs any more
 */
#ifndef FERRY_KERNEL_OS_INIT_H
#define FERRY_KERNEL_OS_INIT_H

/* 0 or a negative errno. Process context, both. */
int ferry_kernel_os_init(void);
void ferry_kernel_os_exit(void);

/* os_mem.c's part: memory that waits to be freed is. */
void ferry_kernel_mem_exit(void);

#endif /* FERRY_KERNEL_OS_INIT_H */
