// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * shmem_file_setup() takes VMA flags as a number.
 *
 * Up to Linux 7.0.
 *
 * Exports: shmem_file_setup
 */
#include <linux/mm.h>
#include <linux/shmem_fs.h>

struct file *ferry_probe(void);
struct file *ferry_probe(void)
{
	return shmem_file_setup("ferry", PAGE_SIZE, VM_NORESERVE);
}
