/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * kernel.h - the objects of ferry.ko, and which file makes what of them.
 *
 *   ferry_node   /dev/ferryN: a core and its GPUs         node.c (life), dev.c (the GPUs' bus)
 *     ^ held by
 *   ferry_file   an open handle: a VA space of one mm     file.c (open, ioctl, poll), mm.c (pages),
 *                                                         vma.c (mmap, CPU faults), shrink.c
 *
 *   Life of a node: register -> opens, releases -> unregister -> last handle goes -> core ends
 *
 * Locks, outermost first (the core's own, core/lock/lock_order.h, lie between):
 *
 *     mmap_lock        the kernel's, of the process; held by CPU faults and munmap
 *     nodes_lock       mutex: list of nodes, their lists of handles; the shrinker takes it by try
 *     node->lock       mutex: opening against unregistering
 *       ... the core ...
 *     node->gone_srcu  srcu read side around each call into the driver; unregister waits for it
 *     i_mmap_rwsem     the kernel's, of our own inode, inside unmap_mapping_range()
 */
#ifndef FERRY_KERNEL_H
#define FERRY_KERNEL_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/srcu.h>
#include <linux/xarray.h>

#include "ferry/core.h"
#include "ferry_device.h"

struct ferry_node;

/*
 * One GPU of a node, as the core's dev_ops see it: the driver's operations, until the device
 * leaves.
 */
struct ferry_kdev {
	struct ferry_node *node;
	uint32_t id;			      /* within the node */
	const struct ferry_device_desc *desc; /* not to be touched once node->gone */
};

struct ferry_node {
	struct list_head list; /* nodes_lock */
	struct device dev;     /* the reference count of the node */
	struct cdev cdev;
	struct module *owner;
	struct ferry_core *core; /* NULL once it has ended; node->lock */
	uint32_t device_count;
	struct ferry_kdev devices[FERRY_MAX_DEVICES];
	struct mutex lock; /* of handles, closing, and the end of core */
	uint32_t handles;  /* node->lock: open ones */
	bool closing;	   /* node->lock: nobody may open it any more */
	bool gone;	   /* the driver must not be called; written once, read under gone_srcu */
	struct srcu_struct gone_srcu;
	struct list_head files; /* nodes_lock: open handles */
};

/* 512 host pages, of one block of the core. Guarded by that block's lock, but for finding it. */
struct ferry_kblock {
	/* Referenced; NULL: not populated, or idle. */
	struct page *page[FERRY_BLOCK_PAGES];
	/* bus[d][i]: where device d reaches page i; FERRY_NO_BUS. NULL: it never reached any. */
	uint64_t *bus[FERRY_MAX_DEVICES];
	/* Has a home in the shmem file, if maybe in swap. */
	unsigned long exists[BITS_TO_LONGS(FERRY_BLOCK_PAGES)];
};

#define FERRY_NO_BUS (~0ull)

struct ferry_file {
	struct ferry_node *node;
	struct list_head list;	  /* node->files */
	struct list_head lru;	  /* shrink.c */
	atomic_long_t pages_held; /* host pages that are kept in memory */
	struct ferry_va_space *vs;
	struct mm_struct *mm;	  /* the opener's: grabbed, not kept alive */
	struct mem_cgroup *memcg; /* pays for host pages */
	struct inode *inode;	  /* its i_mapping is ours alone, and so is what is zapped in it */
	struct file *shmem;	  /* managed page at va <-> page at offset va */
	struct xarray blocks;	  /* va >> FERRY_BLOCK_SHIFT -> struct ferry_kblock */
	struct xarray poisoned;	  /* va >> PAGE_SHIFT -> value */
	/* Registered memory (external.c), by va >> PAGE_SHIFT: frame numbers; pieces by their
	 * start; bus addresses >> PAGE_SHIFT, per device.
	 */
	struct xarray external, external_pieces, external_bus[FERRY_MAX_DEVICES];
	bool hear_writes;	 /* mmap_lock: mappings made from now on hear of writes (vma.c) */
	spinlock_t faults_lock;	 /* of the next */
	struct list_head faults; /* struct ferry_kfault */
};

/*
 * A CPU fault being served: tells cpu_insert that its thread holds mmap_lock, and which VMA it is
 * about.
 */
struct ferry_kfault {
	struct list_head list;
	struct task_struct *task;
	struct vm_area_struct *vma;
};

/* ---- module.c ---- */
extern struct class *ferry_class;
/* A fresh inode with an address space of its own. ERR_PTR. */
struct inode *ferry_inode_new(void);

/* ---- node.c ---- */
int ferry_nodes_init(void);
void ferry_nodes_exit(void);
/*
 * Open and close: the node stays as long as a handle is open. FERRY_E_DEVICE_LOST: it is being
 * unregistered.
 */
int ferry_node_get(struct ferry_node *node);
void ferry_node_put(struct ferry_node *node);
/* For debugfs. fn on each node that has a core, with nodes_lock held. */
void ferry_nodes_each(void (*fn)(struct ferry_node *node, void *arg), void *arg);
/* The shrinker finds the handle from now on; no more. A handle is open all the while. */
void ferry_node_file_add(struct ferry_file *file);
void ferry_node_file_del(struct ferry_file *file);
/* fn on each such handle, with nodes_lock held. False: the lock was busy, nothing was done. */
bool ferry_files_try_each(void (*fn)(struct ferry_file *file, void *arg), void *arg);

/* ---- dev.c ---- */
extern const struct ferry_dev_ops ferry_kdev_ops;
/*
 * For host pages of managed memory; one page each. FERRY_E_HOST_MAP,
 * FERRY_E_HOST_FULL, FERRY_E_DEVICE_LOST.
 */
int ferry_kdev_page_map(struct ferry_kdev *kdev, struct page *page, uint64_t *bus);
void ferry_kdev_page_unmap(struct ferry_kdev *kdev, uint64_t bus);
/*
 * The same for a page frame of anybody's, which may have no struct page: then for a device that
 * takes resources.
 */
bool ferry_kdev_takes_resources(struct ferry_kdev *kdev);
int ferry_kdev_frame_map(struct ferry_kdev *kdev, unsigned long pfn, uint64_t *bus);
void ferry_kdev_frame_unmap(struct ferry_kdev *kdev, unsigned long pfn, uint64_t bus);

/* ---- file.c ---- */
extern const struct file_operations ferry_fops;
/* The negative errno of an enum ferry_error. */
int ferry_errno(int error);

/* ---- vma.c ---- */
int ferry_mmap(struct file *filp, struct vm_area_struct *vma);
/* [base, base + bytes) is covered by shared mappings of this file at their own addresses. */
bool ferry_vma_covers(struct ferry_file *file, uint64_t base, uint64_t bytes);
/*
 * Is there a VMA of this file at va that this thread may insert into now? NULL: no. unlock: call it
 * afterwards.
 */
struct vm_area_struct *ferry_vma_for_insert(struct ferry_file *file, uint64_t va, bool *unlock);

/* It maps managed memory, of whichever handle. */
bool ferry_vma_is_managed(const struct vm_area_struct *vma);
/*
 * From now on pages in [base, end) can be mapped so that a write faults. FERRY_E_KILLED. Takes
 * mmap_lock for writing. The second asks it of a VMA, with mmap_lock held.
 */
int ferry_vma_hear_writes(struct ferry_file *file, uint64_t base, uint64_t end);
bool ferry_vma_hears_writes(const struct vm_area_struct *vma);

/* ---- external.c: registered memory; the operations are those of mm_ops.h ---- */
void ferry_external_init(struct ferry_file *file);
void ferry_external_fini(struct ferry_file *file);
int ferry_external_map(void *mm, uint64_t va, uint64_t page_count, bool write);
void ferry_external_unmap(void *mm, uint64_t va, uint64_t page_count);
int ferry_external_bus(void *mm, void *dev, uint64_t va, uint32_t page_count, uint64_t *bus,
		       uint32_t *run_pages);

/* ---- mm.c ---- */
extern const struct ferry_mm_ops ferry_kmm_ops;
int ferry_kmm_init(struct ferry_file *file);
void ferry_kmm_fini(struct ferry_file *file);
bool ferry_kmm_poisoned(struct ferry_file *file, uint64_t va);

/* ---- drain.c ---- */
int ferry_drain_init(void);
void ferry_drain_exit(void);
/* No reference of the kernel's LRU batches is left. False: it is too soon for that again. */
bool ferry_drain_lru(void);

/* ---- shrink.c ---- */
int ferry_shrink_init(void);
void ferry_shrink_exit(void);
/* A handle, zeroed, known to the memory cgroup of the caller; NULL: no memory. */
struct ferry_file *ferry_file_alloc(void);
void ferry_file_free(struct ferry_file *file);
/* It may be asked to let go of pages, from add to del. */
void ferry_shrink_add(struct ferry_file *file);
void ferry_shrink_del(struct ferry_file *file);

/* ---- debugfs.c ---- */
void ferry_debugfs_init(void);
void ferry_debugfs_exit(void);

#endif /* FERRY_KERNEL_H */
