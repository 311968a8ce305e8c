// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * vma.c - managed memory in a process: mmap of /dev/ferryN, and what the kernel tells us of its
 * VMAs.
 *
 *   A mapping's offset in the file is its address. So a page has one place in the file's address
 * space, which is where unmap_mapping_range() finds it, and a VMA that was moved (mremap) or
 * inherited is told by not being where it should: it gets SIGBUS, and its end means nothing.
 *
 *       fault     ->  core, which brings the page home and inserts it (mm.c)
 *       close     ->  those pages no longer exist          munmap, exit, mmap over it
 *       mprotect  ->  devices may write where the CPU may
 *       mremap    ->  refused, after which the kernel moves everything back
 *       fork      ->  the child does not get it (VM_DONTCOPY)
 *
 *   No .map_pages: a fault then always holds mmap_lock, never only the VMA's own lock.
 *
 *   A VMA begins as one that is writable from the start. Once read-mostly advice is given for a
 * part of it, it hears of writes (.page_mkwrite): the kernel then makes read-only entries, and mm.c
 * raises those that the core says may be written. Not before: since 6.5 the kernel refuses
 * long-term pins for writing (registered buffers of io_uring, RDMA) of a mapping that hears of
 * writes.
 *
 * Context: mmap_lock held, for writing in mmap, mprotect and mremap.
 */
#include <linux/freezer.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "compat/compat.h"
#include "kernel.h"

#define LATER_MS 10u

static bool vma_is_ours(const struct ferry_file *file, const struct vm_area_struct *vma)
{
	return vma->vm_mm == file->mm && vma->vm_pgoff == vma->vm_start >> PAGE_SHIFT;
}

/* ---- insertion ---- */

static struct vm_area_struct *fault_vma(struct ferry_file *file)
{
	struct vm_area_struct *vma = NULL;
	struct ferry_kfault *f;

	spin_lock(&file->faults_lock);
	list_for_each_entry(f, &file->faults, list)
		if (f->task == current)
			vma = f->vma;
	spin_unlock(&file->faults_lock);
	return vma;
}

static const struct vm_operations_struct ferry_vm_ops, ferry_vm_ops_hearing;

bool ferry_vma_is_managed(const struct vm_area_struct *vma)
{
	return vma->vm_ops == &ferry_vm_ops || vma->vm_ops == &ferry_vm_ops_hearing;
}

bool ferry_vma_hears_writes(const struct vm_area_struct *vma)
{
	return vma->vm_ops == &ferry_vm_ops_hearing;
}

/* mmap_lock held. */
static struct vm_area_struct *vma_at(struct ferry_file *file, uint64_t va)
{
	struct vm_area_struct *vma = find_vma(file->mm, va);

	if (!vma || va < vma->vm_start || !ferry_vma_is_managed(vma) ||
	    vma->vm_private_data != file || !vma_is_ours(file, vma))
		return NULL;
	return vma;
}

/*
 * BLOCK is held, which nests inside mmap_lock: so by try, unless this thread has it already because
 * it is here for a CPU fault.
 */
struct vm_area_struct *ferry_vma_for_insert(struct ferry_file *file, uint64_t va, bool *unlock)
{
	struct vm_area_struct *vma = fault_vma(file);

	*unlock = false;
	if (vma)
		return va >= vma->vm_start && va < vma->vm_end ? vma : vma_at(file, va);
	if (current->mm != file->mm || !mmap_read_trylock(file->mm))
		return NULL;
	vma = vma_at(file, va);
	if (!vma)
		mmap_read_unlock(file->mm);
	*unlock = vma;
	return vma;
}

bool ferry_vma_covers(struct ferry_file *file, uint64_t base, uint64_t bytes)
{
	uint64_t va = base, end = base + bytes;

	if (mmap_read_lock_killable(file->mm))
		return false;
	while (va < end) {
		struct vm_area_struct *vma = vma_at(file, va);

		if (!vma)
			break;
		va = vma->vm_end;
	}
	mmap_read_unlock(file->mm);
	return va >= end;
}

/*
 * mmap_lock held for writing. Entries that are writable stay so: the core knows of them. Flags that
 * are set again shut out faults that hold the VMA's own lock only.
 */
static void vma_hear_writes(struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_MIXEDMAP);
	vma->vm_ops = &ferry_vm_ops_hearing;
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags & ~VM_SHARED);
}

/*
 * Mappings that come later hear of writes from the start. So wherever in [base, end) a page may
 * become read-mostly its VMA hears of writes, whatever other threads map and unmap meanwhile.
 */
int ferry_vma_hear_writes(struct ferry_file *file, uint64_t base, uint64_t end)
{
	struct vm_area_struct *vma;

	if (mmap_write_lock_killable(file->mm))
		return FERRY_E_KILLED;
	file->hear_writes = true;
	for (vma = find_vma(file->mm, base); vma && vma->vm_start < end;
	     vma = find_vma(file->mm, vma->vm_end))
		if (vma->vm_ops == &ferry_vm_ops && vma->vm_private_data == file)
			vma_hear_writes(vma);
	mmap_write_unlock(file->mm);
	return 0;
}

/* ---- operations ---- */

/*
 * The driver is suspending: come again, after a short sleep, which ends sooner for who has to die.
 *
 *     RETRY_NOWAIT   the caller may not even sleep; mmap_lock stays
 *     ALLOW_RETRY    without mmap_lock. A fault of user mode holds nothing else either, and may be
 *                    frozen right here. Others (copy_to_user) may hold anything.
 *     neither        page_mkwrite, or a caller who keeps mmap_lock. Who is told to die gets an
 *                    answer, for in the kernel nobody else stops him from trying again.
 */
static vm_fault_t fault_later(struct vm_fault *vmf)
{
	const long pause = msecs_to_jiffies(LATER_MS);
	unsigned int flags = vmf->flags;

	if (flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;
	if (!(flags & FAULT_FLAG_ALLOW_RETRY)) {
		schedule_timeout_killable(pause);
		return fatal_signal_pending(current) ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
	}
	mmap_read_unlock(vmf->vma->vm_mm);
	__set_current_state(TASK_KILLABLE | (flags & FAULT_FLAG_USER ? TASK_FREEZABLE : 0));
	schedule_timeout(pause);
	return VM_FAULT_RETRY;
}

/* In: mmap_lock held. */
static vm_fault_t access_serve(struct vm_fault *vmf, bool write)
{
	struct vm_area_struct *vma = vmf->vma;
	struct ferry_file *file = vma->vm_private_data;
	struct ferry_kfault fault = {.task = current, .vma = vma};
	uint64_t va = vmf->address & PAGE_MASK;
	int err;

	if (!vma_is_ours(file, vma) || ferry_kmm_poisoned(file, va))
		return VM_FAULT_SIGBUS;
	spin_lock(&file->faults_lock);
	list_add(&fault.list, &file->faults);
	spin_unlock(&file->faults_lock);

	err = ferry_core_cpu_fault(file->node->core, file->vs, va, write);

	spin_lock(&file->faults_lock);
	list_del(&fault.list);
	spin_unlock(&file->faults_lock);
	switch (err) {
	case 0:
		return VM_FAULT_NOPAGE;
	case FERRY_E_GATE_CLOSED:
		return fault_later(vmf);
	default:
		return VM_FAULT_SIGBUS;
	}
}

static vm_fault_t ferry_vm_fault(struct vm_fault *vmf)
{
	return access_serve(vmf, vmf->flags & FAULT_FLAG_WRITE);
}

/*
 * A write to a page that is mapped for reading. The core takes copies from devices, and raises the
 * entry under BLOCK like any other; so the kernel must not do it, after BLOCK was let go of.
 * NOPAGE: it only tries again.
 */
static vm_fault_t ferry_vm_page_mkwrite(struct vm_fault *vmf)
{
	return access_serve(vmf, true);
}

static void ferry_vm_close(struct vm_area_struct *vma)
{
	struct ferry_file *file = vma->vm_private_data;

	if (vma_is_ours(file, vma))
		ferry_core_unmapped(file->node->core, file->vs, vma->vm_start,
				    vma->vm_end - vma->vm_start);
}

static int ferry_vm_mremap(struct vm_area_struct *vma)
{
	return -EINVAL;
}

/*
 * Devices write where the CPU may. Pages that are mapped and not managed (yet) are nobody's
 * business.
 */
static int ferry_vm_mprotect(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			     unsigned long newflags)
{
	struct ferry_file *file = vma->vm_private_data;
	struct ferry_req_protect req = {
		.size = sizeof(req),
		.prot = FERRY_PROT_READ | (newflags & VM_WRITE ? FERRY_PROT_WRITE : 0),
		.base = start,
		.bytes = end - start,
	};
	int err;

	if (!vma_is_ours(file, vma) || !((newflags ^ vma->vm_flags) & VM_WRITE))
		return 0;
	err = ferry_core_request(file->node->core, file->vs, FERRY_REQ_PROTECT, &req, sizeof(req));
	return err == FERRY_E_RANGE_NOT_FOUND ? 0 : ferry_errno(err);
}

static const struct vm_operations_struct ferry_vm_ops = {
	.close = ferry_vm_close,
	.mremap = ferry_vm_mremap,
	.mprotect = ferry_vm_mprotect,
	.fault = ferry_vm_fault,
};

static const struct vm_operations_struct ferry_vm_ops_hearing = {
	.close = ferry_vm_close,
	.mremap = ferry_vm_mremap,
	.mprotect = ferry_vm_mprotect,
	.fault = ferry_vm_fault,
	.page_mkwrite = ferry_vm_page_mkwrite,
};

int ferry_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct ferry_file *file = filp->private_data;

	if (current->mm != file->mm)
		return -EPERM;
	if (!(vma->vm_flags & VM_SHARED) || vma->vm_pgoff != vma->vm_start >> PAGE_SHIFT)
		return -EINVAL;
	/*
	 * MIXEDMAP: pages are inserted, not looked up. DONTEXPAND: none come from nowhere.
	 * SEQ_READ: an access is no reason to keep a page in memory; and the kernel then takes no
	 * references of its own when it unmaps one, which would look like somebody who holds it.
	 */
	vm_flags_set(vma, VM_MIXEDMAP | VM_DONTCOPY | VM_DONTEXPAND | VM_SEQ_READ);
	vma->vm_private_data = file;
	vma->vm_ops = file->hear_writes ? &ferry_vm_ops_hearing : &ferry_vm_ops;
	return 0;
}
