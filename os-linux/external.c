// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * external.c - registered memory: pieces of the process's own address space, for devices to use.
 *
 *   A piece is of one kind:
 *
 *       pages      anything with pages that the kernel's memory management owns. They are pinned
 *                  (FOLL_LONGTERM), counted against RLIMIT_MEMLOCK, and stay until the piece ends.
 *       frames     what another driver mapped there (VM_PFNMAP, VM_IO). Nobody can hold it; so its
 *                  owner is watched, with an interval notifier, from before we look:
 *
 *           watch ---> look (mmap_lock): VMAs, page table entries ---> unchanged? armed
 *             ^                                                           |
 *             +---------- changed meanwhile: look again ------------------+
 *
 *           owner zaps, process unmaps ---> invalidate: armed? the core revokes, and waits for the
 *                                           devices; then the owner may free the frames
 *
 *   What is where is in file->external, one page frame number a page; where each device reaches it
 *   in file->external_bus, filled when a device first goes there.
 *
 * Locks: external_map and external_unmap come without any of the core's; they take mmap_lock. The
 * notifier is called with whatever its callers hold, maybe from inside memory allocation: it takes
 * piece->lock, then what ferry_core_external_revoke() takes, and allocates nothing.
 */
#include <linux/hugetlb.h>
#include <linux/magic.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "compat/compat.h"
#include "kernel.h"
#include "os_fault.h"
#include "os_mem.h"

/* Pinned, or looked at, between two chances for others to have mmap_lock. */
#define BATCH_PAGES 64u
#define LOOKS_MAX 16u /* at memory that changes under our eyes */
#define FAULTS_MAX 4u /* to bring in one page of another driver's */

enum piece_kind { PIECE_UNKNOWN, PIECE_PAGES, PIECE_FRAMES };

struct piece {
	struct ferry_file *file;
	u64 start, end; /* constant, as is the next */
	bool write;
	enum piece_kind kind;
	u64 done;	 /* file->external has what lies before */
	bool accounted;	 /* against RLIMIT_MEMLOCK */
	bool watched;	 /* the notifier is inserted */
	spinlock_t lock; /* of the next, and of the notifier's sequence number */
	bool armed;	 /* devices may be there: what goes has to be revoked */
	struct mmu_interval_notifier watch;
};

static u64 piece_pages(const struct piece *piece)
{
	return (piece->end - piece->start) >> PAGE_SHIFT;
}

/* ---- what kind of memory ---- */

/*
 * Pages of a file on a disk: the file system wants to know of each write, and we cannot tell it.
 * What is private is anonymous once it is written; memory files have nobody to tell.
 */
static bool vma_is_disk_file(const struct vm_area_struct *vma)
{
	unsigned long magic;

	if (!vma->vm_file || !(vma->vm_flags & VM_SHARED))
		return false;
	magic = file_inode(vma->vm_file)->i_sb->s_magic;
	return magic != TMPFS_MAGIC && magic != HUGETLBFS_MAGIC;
}

/* A private mapping of frames: what the process writes to becomes a page, behind our back. */
static bool vma_is_cow(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

static int vma_kind(const struct vm_area_struct *vma, bool write, enum piece_kind *kind)
{
	if (ferry_vma_is_managed(vma))
		return FERRY_E_RANGE_OVERLAP;
	if (!(vma->vm_flags & VM_READ) || (write && !(vma->vm_flags & VM_WRITE)))
		return FERRY_E_REGISTER_ADDRESS;
	if (vma->vm_flags & (VM_IO | VM_PFNMAP)) {
		*kind = PIECE_FRAMES;
		return vma_is_cow(vma) ? FERRY_E_REGISTER_KIND : 0;
	}
	*kind = PIECE_PAGES;
	return write && vma_is_disk_file(vma) ? FERRY_E_REGISTER_KIND : 0;
}

/*
 * [va, end) is of the piece's kind, which the first call finds out. can_write: the process may
 * write to all of it, and no file system minds. mmap_lock held.
 */
static int vmas_check(struct piece *piece, u64 va, u64 end, bool *can_write)
{
	*can_write = true;
	while (va < end) {
		struct vm_area_struct *vma = find_vma(current->mm, va);
		enum piece_kind kind;
		int err;

		if (!vma || va < vma->vm_start)
			return FERRY_E_REGISTER_ADDRESS;
		err = vma_kind(vma, piece->write, &kind);
		if (err)
			return err;
		if (piece->kind == PIECE_UNKNOWN)
			piece->kind = kind;
		if (kind != piece->kind)
			return FERRY_E_REGISTER_KIND;
		if (!(vma->vm_flags & VM_WRITE) || vma_is_disk_file(vma))
			*can_write = false;
		va = vma->vm_end;
	}
	return 0;
}

static int piece_look(struct piece *piece)
{
	bool can_write;
	int err;

	if (mmap_read_lock_killable(current->mm))
		return FERRY_E_KILLED;
	err = vmas_check(piece, piece->start, piece->end, &can_write);
	mmap_read_unlock(current->mm);
	return err;
}

/* ---- what is where ---- */

static int frame_put(struct ferry_file *file, u64 va, unsigned long pfn)
{
	if (ferry_kernel_fault_alloc(sizeof(pfn)))
		return FERRY_E_HOST_FULL;
	return xa_err(xa_store(&file->external, va >> PAGE_SHIFT, xa_mk_value(pfn),
			       FERRY_KERNEL_GFP))
		       ? FERRY_E_HOST_FULL
		       : 0;
}

static bool frame_get(struct ferry_file *file, u64 va, unsigned long *pfn)
{
	void *entry = xa_load(&file->external, va >> PAGE_SHIFT);

	if (!xa_is_value(entry))
		return false;
	*pfn = xa_to_value(entry);
	return true;
}

/* Devices are no longer to be found there. */
static void bus_forget(struct ferry_file *file, u64 va, unsigned long pfn)
{
	for (u32 d = 0; d < file->node->device_count; d++) {
		void *entry = xa_erase(&file->external_bus[d], va >> PAGE_SHIFT);

		if (xa_is_value(entry))
			ferry_kdev_frame_unmap(&file->node->devices[d], pfn,
					       (u64)xa_to_value(entry) << PAGE_SHIFT);
	}
}

static void unpin_batch(const struct piece *piece, struct page **pages, u32 count)
{
	/* Devices wrote behind the kernel's back. */
	unpin_user_pages_dirty_lock(pages, count, piece->write);
}

/* Everything that lies before piece->done. */
static void frames_drop(struct piece *piece)
{
	struct page *pages[BATCH_PAGES];
	u32 n = 0;

	for (u64 va = piece->start; va < piece->done; va += PAGE_SIZE) {
		unsigned long pfn;

		if (!FERRY_ASSERT(frame_get(piece->file, va, &pfn)))
			continue;
		bus_forget(piece->file, va, pfn);
		xa_erase(&piece->file->external, va >> PAGE_SHIFT);
		if (piece->kind != PIECE_PAGES)
			continue;
		pages[n++] = pfn_to_page(pfn);
		if (n == BATCH_PAGES) {
			unpin_batch(piece, pages, n);
			n = 0;
			cond_resched();
		}
	}
	if (n)
		unpin_batch(piece, pages, n);
	piece->done = piece->start;
}

/* ---- pages ---- */

static int pin_error(long pinned)
{
	switch (pinned) {
	case -ENOMEM:
		return FERRY_E_HOST_FULL;
	case -EINTR:
	case -EAGAIN:
		return FERRY_E_KILLED;
	case -EOPNOTSUPP:
		return FERRY_E_REGISTER_KIND;
	default:
		return FERRY_E_REGISTER_ADDRESS;
	}
}

/*
 * From va on; *count of them. What the process may write to is pinned as if we would: else a
 * private page that was only read may be replaced when the process writes to it.
 */
static int pin_batch(struct piece *piece, u64 va, struct page **pages, long *count)
{
	u64 end = min_t(u64, piece->end, va + BATCH_PAGES * PAGE_SIZE);
	unsigned int flags = FOLL_LONGTERM;
	bool can_write;
	int err;

	if (mmap_read_lock_killable(current->mm))
		return FERRY_E_KILLED;
	err = vmas_check(piece, va, end, &can_write);
	if (!err) {
		if (can_write)
			flags |= FOLL_WRITE;
		*count = pin_user_pages(va, (end - va) >> PAGE_SHIFT, flags, pages);
		if (*count <= 0)
			err = pin_error(*count);
	}
	mmap_read_unlock(current->mm);
	return err;
}

static int map_pages(struct piece *piece)
{
	struct page *pages[BATCH_PAGES];
	long count;
	int err;

	err = account_locked_vm(current->mm, piece_pages(piece), true);
	if (err)
		return err == -ENOMEM ? FERRY_E_REGISTER_LIMIT : FERRY_E_KILLED;
	piece->accounted = true;
	while (piece->done < piece->end) {
		err = fatal_signal_pending(current) ? FERRY_E_KILLED : 0;
		if (!err)
			err = pin_batch(piece, piece->done, pages, &count);
		if (err)
			return err;
		for (long i = 0; i < count; i++) {
			err = frame_put(piece->file, piece->done, page_to_pfn(pages[i]));
			if (err) {
				unpin_user_pages(pages + i, count - i);
				return err;
			}
			piece->done += PAGE_SIZE;
		}
		cond_resched();
	}
	return 0;
}

/* ---- frames ---- */

static bool piece_invalidate(struct mmu_interval_notifier *watch,
			     const struct mmu_notifier_range *range, unsigned long seq)
{
	struct piece *piece = container_of(watch, struct piece, watch);
	u64 start = max_t(u64, range->start, piece->start);
	u64 end = min_t(u64, range->end, piece->end);
	bool armed;

	if (!mmu_notifier_range_blockable(range))
		return false;
	spin_lock(&piece->lock);
	mmu_interval_set_seq(watch, seq);
	armed = piece->armed;
	spin_unlock(&piece->lock);
	/* Tracking of writes takes nothing away, and does not look at frames. */
	if (armed && start < end && range->event != MMU_NOTIFY_SOFT_DIRTY)
		ferry_core_external_revoke(piece->file->node->core, piece->file->vs, start,
					   end - start);
	return true;
}

static const struct mmu_interval_notifier_ops piece_watch_ops = {.invalidate = piece_invalidate};

/* Can all devices reach it? Most know memory by its struct page alone. */
static bool frame_reachable(struct ferry_file *file, unsigned long pfn)
{
	if (pfn_valid(pfn))
		return true;
	for (u32 d = 0; d < file->node->device_count; d++)
		if (!ferry_kdev_takes_resources(&file->node->devices[d]))
			return false;
	return true;
}

/*
 * The frame at va, brought in if its driver maps on demand. mmap_lock held, and let go of for a
 * moment maybe: the VMAs are looked at again after that.
 */
static int frame_find(struct piece *piece, u64 va, unsigned long *pfn)
{
	unsigned int fault = piece->write ? FAULT_FLAG_WRITE : 0;

	for (u32 tries = 0; tries < FAULTS_MAX; tries++) {
		struct vm_area_struct *vma = find_vma(current->mm, va);
		struct follow_pfnmap_args args = {.vma = vma, .address = va};
		bool found, writable, unlocked = false, can_write;
		int err = vmas_check(piece, va, va + PAGE_SIZE, &can_write);

		if (err)
			return err;
		found = !follow_pfnmap_start(&args);
		if (found) {
			*pfn = args.pfn;
			writable = args.writable;
			follow_pfnmap_end(&args);
		}
		if (found && (writable || !piece->write))
			return frame_reachable(piece->file, *pfn) ? 0 : FERRY_E_HOST_MAP;
		if (fixup_user_fault(current->mm, va, fault, &unlocked))
			return fatal_signal_pending(current) ? FERRY_E_KILLED
							     : FERRY_E_REGISTER_ADDRESS;
	}
	return FERRY_E_REGISTER_ADDRESS;
}

/* One look at all of it. */
static int frames_look(struct piece *piece)
{
	int err = 0;

	while (!err && piece->done < piece->end) {
		u64 end = min_t(u64, piece->end, piece->done + BATCH_PAGES * PAGE_SIZE);

		if (mmap_read_lock_killable(current->mm))
			return FERRY_E_KILLED;
		while (!err && piece->done < end) {
			unsigned long pfn;

			err = frame_find(piece, piece->done, &pfn);
			if (!err)
				err = frame_put(piece->file, piece->done, pfn);
			if (!err)
				piece->done += PAGE_SIZE;
		}
		mmap_read_unlock(current->mm);
		cond_resched();
	}
	return err;
}

/* Nothing has changed since seq: from here on changes are revoked. */
static bool piece_arm(struct piece *piece, unsigned long seq)
{
	spin_lock(&piece->lock);
	piece->armed = !mmu_interval_read_retry(&piece->watch, seq);
	spin_unlock(&piece->lock);
	return piece->armed;
}

static int map_frames(struct piece *piece)
{
	int err = mmu_interval_notifier_insert(&piece->watch, current->mm, piece->start,
					       piece->end - piece->start, &piece_watch_ops);

	if (err)
		return err == -ENOMEM ? FERRY_E_HOST_FULL : FERRY_E_KILLED;
	piece->watched = true;
	for (u32 looks = 0; looks < LOOKS_MAX; looks++) {
		unsigned long seq = mmu_interval_read_begin(&piece->watch);

		err = frames_look(piece);
		if (err)
			return err;
		if (piece_arm(piece, seq))
			return 0;
		frames_drop(piece);
	}
	return FERRY_E_REGISTER_CHANGING;
}

/* ---- operations ---- */

static void piece_end(struct piece *piece)
{
	struct ferry_file *file = piece->file;

	/* No invalidate is under way when this returns, nor comes later. */
	if (piece->watched)
		mmu_interval_notifier_remove(&piece->watch);
	frames_drop(piece);
	if (piece->accounted)
		account_locked_vm(file->mm, piece_pages(piece), false);
	kfree(piece);
}

int ferry_external_map(void *mm, uint64_t va, uint64_t page_count, bool write)
{
	struct ferry_file *file = mm;
	struct piece *piece;
	int err;

	if (!FERRY_ASSERT(current->mm == file->mm))
		return FERRY_E_FOREIGN;
	if (ferry_kernel_fault_alloc(sizeof(*piece)))
		return FERRY_E_REGISTER_NOMEM;
	piece = kzalloc(sizeof(*piece), FERRY_KERNEL_GFP);
	if (!piece)
		return FERRY_E_REGISTER_NOMEM;
	piece->file = file;
	piece->start = va;
	piece->done = va;
	piece->end = va + (page_count << PAGE_SHIFT);
	piece->write = write;
	spin_lock_init(&piece->lock);
	err = piece_look(piece);
	if (!err)
		err = piece->kind == PIECE_PAGES ? map_pages(piece) : map_frames(piece);
	if (!err &&
	    xa_err(xa_store(&file->external_pieces, va >> PAGE_SHIFT, piece, FERRY_KERNEL_GFP)))
		err = FERRY_E_REGISTER_NOMEM;
	if (err)
		piece_end(piece);
	return err;
}

void ferry_external_unmap(void *mm, uint64_t va, uint64_t page_count)
{
	struct ferry_file *file = mm;
	struct piece *piece = xa_erase(&file->external_pieces, va >> PAGE_SHIFT);

	if (FERRY_ASSERT(piece && piece_pages(piece) == page_count))
		piece_end(piece);
}

/* Where the device reaches one page, mapped for it now if it was not. BLOCK held. */
static int frame_bus(struct ferry_file *file, struct ferry_kdev *kdev, u64 va, u64 *bus)
{
	struct xarray *known = &file->external_bus[kdev->id];
	void *entry = xa_load(known, va >> PAGE_SHIFT);
	unsigned long pfn;
	int err;

	if (xa_is_value(entry)) {
		*bus = (u64)xa_to_value(entry) << PAGE_SHIFT;
		return 0;
	}
	if (!FERRY_ASSERT(frame_get(file, va, &pfn)))
		return FERRY_E_HOST_MAP;
	if (ferry_kernel_fault_alloc(sizeof(*bus)))
		return FERRY_E_HOST_FULL;
	err = ferry_kdev_frame_map(kdev, pfn, bus);
	if (err)
		return err;
	if (*bus & ~PAGE_MASK)
		err = FERRY_E_HOST_MAP;
	else if (xa_err(xa_store(known, va >> PAGE_SHIFT, xa_mk_value(*bus >> PAGE_SHIFT),
				 FERRY_KERNEL_GFP)))
		err = FERRY_E_HOST_FULL;
	if (err)
		ferry_kdev_frame_unmap(kdev, pfn, *bus);
	return err;
}

int ferry_external_bus(void *mm, void *dev, uint64_t va, uint32_t page_count, uint64_t *bus,
		       uint32_t *run_pages)
{
	u64 next;
	u32 run;
	int err = frame_bus(mm, dev, va, bus);

	if (err)
		return err;
	for (run = 1; run < page_count; run++)
		if (frame_bus(mm, dev, va + ((u64)run << PAGE_SHIFT), &next) ||
		    next != *bus + ((u64)run << PAGE_SHIFT))
			break;
	*run_pages = run;
	return 0;
}

/* ---- life ---- */

void ferry_external_init(struct ferry_file *file)
{
	xa_init(&file->external);
	xa_init(&file->external_pieces);
	for (u32 d = 0; d < FERRY_MAX_DEVICES; d++)
		xa_init(&file->external_bus[d]);
}

/* The core has ended all of it. */
void ferry_external_fini(struct ferry_file *file)
{
	WARN_ON(!xa_empty(&file->external) || !xa_empty(&file->external_pieces));
	xa_destroy(&file->external);
	xa_destroy(&file->external_pieces);
	for (u32 d = 0; d < FERRY_MAX_DEVICES; d++)
		xa_destroy(&file->external_bus[d]);
}
