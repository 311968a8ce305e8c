// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A page of a shmem file: shmem_read_mapping_page() and shmem_truncate_range().
 *
 * All kernels since 3.0.
 *
 * Exports: shmem_read_mapping_page_gfp shmem_truncate_range
 */
#include <linux/mm.h>
#include <linux/shmem_fs.h>

struct page *ferry_probe(struct file *file);
struct page *ferry_probe(struct file *file)
{
	shmem_truncate_range(file_inode(file), 0, PAGE_SIZE - 1);
	return shmem_read_mapping_page(file->f_mapping, 0);
}
