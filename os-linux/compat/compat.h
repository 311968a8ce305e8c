/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * compat.h - today's kernel API on every kernel from 6.1 on. The only place that knows older ones.
 *
 * Two kinds of things are here:
 *   - a function of today's kernel that an old one lacks, under its own name (vm_flags_set,
 *     hrtimer_setup, follow_pfnmap_start, ...): the driver calls it as if it had always been there;
 *   - FERRY_COMPAT_ and ferry_compat_ names, where the change cannot be hidden behind one name.
 *
 * What the kernel has was found by compiling probes/, never by comparing versions: stable kernels
 * take changes back. FERRY_HAVE_API_FORM is defined when probes/API/FORM.c compiled; the newest
 * form is asked for first. Whoever adds a form adds its probe; probes.mk finds it.
 */
#ifndef FERRY_COMPAT_H
#define FERRY_COMPAT_H

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/list_lru.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "compat_config.h"

#ifdef FERRY_HAVE_LRU_BATCH_OWN_HEADER
#define FERRY_HAVE_LRU_BATCH_FOLIO 1
#include <linux/folio_batch.h>
#else
#include <linux/pagevec.h>
#endif

#ifndef FERRY_HAVE_INSERT_PMD_LONG
#include <linux/pfn_t.h>
#endif

/* ---- VMA flags: probes/vm_flags ------------------------------------------------------------- */

#ifndef FERRY_HAVE_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	mmap_assert_write_locked(vma->vm_mm);
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	mmap_assert_write_locked(vma->vm_mm);
	vma->vm_flags &= ~flags;
}

static inline void vm_flags_mod(struct vm_area_struct *vma, vm_flags_t set, vm_flags_t clear)
{
	mmap_assert_write_locked(vma->vm_mm);
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

/* ---- pinning: probes/pin_pages -------------------------------------------------------------- */

#ifndef FERRY_HAVE_PIN_PAGES_PLAIN
#define pin_user_pages(start, count, flags, pages) pin_user_pages(start, count, flags, pages, NULL)
#define pin_user_pages_remote(mm, start, count, flags, pages, locked)                              \
	pin_user_pages_remote(mm, start, count, flags, pages, NULL, locked)
#endif

/* ---- memory of another driver: probes/follow_pfn -------------------------------------------- */

/*
 * follow_pfnmap_start(): the page frame behind args->address, valid until follow_pfnmap_end(),
 * before which nothing may sleep. -EINVAL: nothing is mapped there, or it is not VM_IO or
 * VM_PFNMAP. The mmap lock is held, for reading at least: 6.10 and 6.11 assert it, so we do
 * everywhere.
 */
#ifndef FERRY_HAVE_FOLLOW_PFN_PFNMAP
struct follow_pfnmap_args {
	struct vm_area_struct *vma;
	unsigned long address;
	spinlock_t *lock; /* of the page table, held from start to end */
	pte_t *ptep;
	unsigned long pfn;
	pgprot_t pgprot;
	bool writable;
	bool special;
};

static inline int follow_pfnmap_start(struct follow_pfnmap_args *args)
{
	int err;

	mmap_assert_locked(args->vma->vm_mm);
	/* Up to 6.9 follow_pte() answers for ordinary memory as well. */
	if (!(args->vma->vm_flags & (VM_IO | VM_PFNMAP)))
		return -EINVAL;
#ifdef FERRY_HAVE_FOLLOW_PFN_VMA
	err = follow_pte(args->vma, args->address, &args->ptep, &args->lock);
#else
	err = follow_pte(args->vma->vm_mm, args->address, &args->ptep, &args->lock);
#endif
	if (err)
		return err;
	args->pfn = pte_pfn(*args->ptep);
	args->pgprot = pte_pgprot(*args->ptep);
	args->writable = pte_write(*args->ptep);
	args->special = pte_special(*args->ptep);
	return 0;
}

static inline void follow_pfnmap_end(struct follow_pfnmap_args *args)
{
	pte_unmap_unlock(args->ptep, args->lock);
}
#endif

/* The mask of the page, small or huge, that holds the address; args after a successful start. */
static inline unsigned long ferry_compat_pfnmap_mask(const struct follow_pfnmap_args *args)
{
#ifdef FERRY_HAVE_PFNMAP_MASK
	return args->addr_mask;
#else
	return PAGE_MASK;
#endif
}

/* ---- shrinker: probes/shrinker -------------------------------------------------------------- */

typedef unsigned long (*ferry_compat_shrink_fn)(struct shrinker *, struct shrink_control *);

/* A registered shrinker, or NULL. flags: SHRINKER_*. */
static inline struct shrinker *ferry_compat_shrinker_add(const char *name, unsigned int flags,
							 ferry_compat_shrink_fn count,
							 ferry_compat_shrink_fn scan)
{
#ifdef FERRY_HAVE_SHRINKER_ALLOC
	struct shrinker *shrinker = shrinker_alloc(flags, "%s", name);

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker_register(shrinker);
	return shrinker;
#else
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->seeks = DEFAULT_SEEKS;
	shrinker->flags = flags;
	if (register_shrinker(shrinker, "%s", name)) {
		kfree(shrinker);
		return NULL;
	}
	return shrinker;
#endif
}

/* It runs no more when this returns. NULL is allowed. */
static inline void ferry_compat_shrinker_remove(struct shrinker *shrinker)
{
	if (!shrinker)
		return;
#ifdef FERRY_HAVE_SHRINKER_ALLOC
	shrinker_free(shrinker);
#else
	unregister_shrinker(shrinker);
	kfree(shrinker);
#endif
}

/* ---- lists of a shrinker, by memory cgroup: probes/list_lru --------------------------------- */

/* The item is a part of a slab object, which tells whose it is. */
#ifdef FERRY_HAVE_LIST_LRU_ITEM
#define list_lru_add_obj(lru, item) list_lru_add(lru, item)
#define list_lru_del_obj(lru, item) list_lru_del(lru, item)
#endif

/* ---- devices: probes/class, devnode, platform_remove ---------------------------------------- */

static inline struct class *ferry_compat_class_create(const char *name)
{
#ifdef FERRY_HAVE_CLASS_NAME
	return class_create(name);
#else
	return class_create(THIS_MODULE, name);
#endif
}

/* static char *devnode(FERRY_COMPAT_DEVNODE_CONST struct device *dev, umode_t *mode) */
#ifdef FERRY_HAVE_DEVNODE_CONST
#define FERRY_COMPAT_DEVNODE_CONST const
#else
#define FERRY_COMPAT_DEVNODE_CONST
#endif

/*
 * remove() of a platform driver is written today's way, static void f(struct platform_device *).
 *     FERRY_COMPAT_PLATFORM_REMOVE(f)                          after f
 *     .remove = FERRY_COMPAT_PLATFORM_REMOVE_NAME(f)           in the driver
 */
#ifdef FERRY_HAVE_PLATFORM_REMOVE_VOID
#define FERRY_COMPAT_PLATFORM_REMOVE(f) static_assert(true)
#define FERRY_COMPAT_PLATFORM_REMOVE_NAME(f) f
#else
#define FERRY_COMPAT_PLATFORM_REMOVE(f)                                                            \
	static int f##_int(struct platform_device *dev)                                            \
	{                                                                                          \
		f(dev);                                                                            \
		return 0;                                                                          \
	}                                                                                          \
	static_assert(true)
#define FERRY_COMPAT_PLATFORM_REMOVE_NAME(f) f##_int
#endif

/* ---- huge CPU mappings: probes/huge_fault, insert_pmd --------------------------------------- */

/*
 * huge_fault() is written today's way, static vm_fault_t f(struct vm_fault *, unsigned int order).
 *     FERRY_COMPAT_HUGE_FAULT(f)                               after f
 *     .huge_fault = FERRY_COMPAT_HUGE_FAULT_NAME(f)            in the vm_operations_struct
 */
#ifdef FERRY_HAVE_HUGE_FAULT_ORDER
#define FERRY_COMPAT_HUGE_FAULT(f) static_assert(true)
#define FERRY_COMPAT_HUGE_FAULT_NAME(f) f
#else
#define FERRY_COMPAT_HUGE_FAULT(f)                                                                 \
	static vm_fault_t f##_pe_size(struct vm_fault *vmf, enum page_entry_size size)             \
	{                                                                                          \
		return f(vmf, size == PE_SIZE_PMD   ? PMD_SHIFT - PAGE_SHIFT                       \
			      : size == PE_SIZE_PUD ? PUD_SHIFT - PAGE_SHIFT                       \
						    : 0);                                          \
	}                                                                                          \
	static_assert(true)
#define FERRY_COMPAT_HUGE_FAULT_NAME(f) f##_pe_size
#endif

/* pfn is a number, also where the kernel wants a pfn_t. VM_PFNMAP or VM_MIXEDMAP. */
static inline vm_fault_t ferry_compat_insert_pfn_pmd(struct vm_fault *vmf, unsigned long pfn,
						     bool write)
{
#ifdef FERRY_HAVE_INSERT_PMD_LONG
	return vmf_insert_pfn_pmd(vmf, pfn, write);
#else
	return vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), write);
#endif
}

/* ---- where a mapping goes: probes/unmapped_area --------------------------------------------- */

/*
 * As if the driver had no get_unmapped_area of its own. Process context, mmap lock held for
 * writing.
 */
static inline unsigned long ferry_compat_unmapped_area(struct file *file, unsigned long addr,
						       unsigned long len, unsigned long pgoff,
						       unsigned long flags)
{
#if defined(FERRY_HAVE_UNMAPPED_AREA_FILE)
	return mm_get_unmapped_area(file, addr, len, pgoff, flags);
#elif defined(FERRY_HAVE_UNMAPPED_AREA_MM)
	return mm_get_unmapped_area(current->mm, file, addr, len, pgoff, flags);
#else
	return current->mm->get_unmapped_area(file, addr, len, pgoff, flags);
#endif
}

/* ---- host pages: probes/shmem_setup, optional/memcg_of_mm ----------------------------------- */

/* An unlinked file in swappable memory, nothing of it charged before it is used. */
static inline struct file *ferry_compat_shmem_file(const char *name, loff_t size_bytes)
{
#ifdef FERRY_HAVE_SHMEM_SETUP_VMA_FLAGS
	return shmem_file_setup(name, size_bytes, mk_vma_flags(VMA_NORESERVE_BIT));
#else
	return shmem_file_setup(name, size_bytes, VM_NORESERVE);
#endif
}

/* The memory cgroup that pays for mm, referenced; NULL where modules cannot ask. */
static inline struct mem_cgroup *ferry_compat_memcg_get(struct mm_struct *mm)
{
#ifdef FERRY_HAVE_MEMCG_OF_MM
	return get_mem_cgroup_from_mm(mm);
#else
	return NULL;
#endif
}

/* Memory that this thread allocates from now on is charged to memcg; returns who was charged. */
static inline struct mem_cgroup *ferry_compat_memcg_charge(struct mem_cgroup *memcg)
{
#ifdef FERRY_HAVE_MEMCG_OF_MM
	return set_active_memcg(memcg);
#else
	return NULL;
#endif
}

/* Is what memcg pays for counted in group as well? Yes where nobody can tell. */
static inline bool ferry_compat_memcg_in(struct mem_cgroup *memcg, struct mem_cgroup *group)
{
#ifdef FERRY_HAVE_MEMCG_OF_MM
	return !memcg || !group || mem_cgroup_is_descendant(memcg, group);
#else
	return true;
#endif
}

/* NULL is allowed. */
static inline void ferry_compat_memcg_put(struct mem_cgroup *memcg)
{
#ifdef FERRY_HAVE_MEMCG_OF_MM
	mem_cgroup_put(memcg);
#endif
}

/* ---- page references: probes/lru_batch ------------------------------------------------------- */

/*
 * The references that this CPU's batches of LRU work hold are given back. Releasing a batch begins
 * with that, also when the batch is empty; lru_add_drain() itself is not for modules.
 */
static inline void ferry_compat_lru_drain_cpu(void)
{
#ifdef FERRY_HAVE_LRU_BATCH_FOLIO
	struct folio_batch batch;

	folio_batch_init(&batch);
	__folio_batch_release(&batch);
#else
	struct pagevec pages;

	pagevec_init(&pages);
	__pagevec_release(&pages);
#endif
}

/* ---- work queues: probes/optional/wq_percpu ----------------------------------------------------
 */

/* Said aloud where it is no longer what a queue is by default. */
#ifdef FERRY_HAVE_WQ_PERCPU
#define FERRY_COMPAT_WQ_PERCPU WQ_PERCPU
#else
#define FERRY_COMPAT_WQ_PERCPU 0
#endif

/* ---- timers: probes/hrtimer, timer ---------------------------------------------------------- */

#ifndef FERRY_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *), clockid_t clock,
				 enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

#ifndef FERRY_HAVE_TIMER_DELETE
#define timer_delete(timer) del_timer(timer)
#define timer_delete_sync(timer) del_timer_sync(timer)
#endif

#ifndef FERRY_HAVE_TIMER_CONTAINER_OF
#define timer_container_of(var, timer, field) container_of(timer, typeof(*(var)), field)
#endif

/* ---- trace events: probes/trace_string ------------------------------------------------------ */

/* In TP_fast_assign(), for a field declared as __string(field, source). */
#ifdef FERRY_HAVE_TRACE_STRING_ONE
#define FERRY_COMPAT_ASSIGN_STR(field, source) __assign_str(field)
#else
#define FERRY_COMPAT_ASSIGN_STR(field, source) __assign_str(field, source)
#endif

#endif /* FERRY_COMPAT_H */
