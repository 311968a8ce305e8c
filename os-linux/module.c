// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * module.c - ferry.ko begins and ends.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

#include "compat/compat.h"
#include "hal/fg1/hal_fg1.h"
#include "kernel.h"
#include "os_fault.h"
#include "os_init.h"

#define FERRY_FS_MAGIC 0x66657279 /* "fery" */

struct class *ferry_class;
static struct vfsmount *ferry_mnt;

/*
 * A file system that nobody sees, for inodes that are nothing but an address space. Without an
 * owner: the mount, which lasts as long as the module, would keep the module from ever going.
 */
static int ferry_fs_init(struct fs_context *fc)
{
	return init_pseudo(fc, FERRY_FS_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type ferry_fs = {
	.name = "ferry",
	.init_fs_context = ferry_fs_init,
	.kill_sb = kill_anon_super,
};

struct inode *ferry_inode_new(void)
{
	if (ferry_kernel_fault_alloc(sizeof(struct inode)))
		return ERR_PTR(-ENOMEM);
	return alloc_anon_inode(ferry_mnt->mnt_sb);
}

static int __init ferry_init(void)
{
	int err = ferry_kernel_os_init();

	if (err)
		return err;
	ferry_mnt = kern_mount(&ferry_fs);
	if (IS_ERR(ferry_mnt)) {
		err = PTR_ERR(ferry_mnt);
		goto os_exit;
	}
	ferry_class = ferry_compat_class_create("ferry");
	if (IS_ERR(ferry_class)) {
		err = PTR_ERR(ferry_class);
		goto unmount;
	}
	err = ferry_nodes_init();
	if (err)
		goto destroy_class;
	err = ferry_drain_init();
	if (err)
		goto nodes_exit;
	err = ferry_shrink_init();
	if (err)
		goto drain_exit;
	ferry_debugfs_init();
	return 0;

drain_exit:
	ferry_drain_exit();
nodes_exit:
	ferry_nodes_exit();
destroy_class:
	class_destroy(ferry_class);
unmount:
	kern_unmount(ferry_mnt);
os_exit:
	ferry_kernel_os_exit();
	return err;
}

/*
 * Nobody uses us: drivers that registered depend on this module, and they unregister before they
 * go.
 */
static void __exit ferry_exit(void)
{
	ferry_debugfs_exit();
	ferry_shrink_exit();
	ferry_drain_exit();
	ferry_nodes_exit();
	class_destroy(ferry_class);
	kern_unmount(ferry_mnt);
	ferry_kernel_os_exit();
}

module_init(ferry_init);
module_exit(ferry_exit);

MODULE_DESCRIPTION("Unified memory between CPUs and GPUs");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION(FERRY_VERSION_STRING);
/* So that a machine without a GPU of ours has /dev/ferry0 all the same; see packaging/modprobe.d.
 */
MODULE_SOFTDEP("post: ferry_soft");
