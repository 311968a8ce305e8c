// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * shmem_file_setup() takes a bitmap of VMA flags.
 *
 * From Linux 7.1: 590d356aa433 "mm: update shmem_[kernel]_file_*() functions to use
 * vma_flags_t".
 *
 * Exports: shmem_file_setup
 */
#include <linux/mm.h>
#include <linux/shmem_fs.h>

struct file *ferry_probe(void);
struct file *ferry_probe(void)
{
	return shmem_file_setup("ferry", PAGE_SIZE, mk_vma_flags(VMA_NORESERVE_BIT));
}
