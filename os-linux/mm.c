// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * mm.c - host pages of managed memory, and their CPU mappings: mm_ops.h on Linux.
 *
 *   A page's home is a shmem file of the handle, at the offset that is its address. So it is
 * charged to the owner's memory cgroup, and what nobody uses can be swapped:
 *
 *       host_populate   the page is made, or swapped in, and referenced: kblock->page[i]
 *       host_idle       unmapped for devices, marked dirty, the reference dropped: shmem's, to swap
 *       host_bus, ...   referenced again
 *       host_discard    dropped, and punched out of the file
 *
 *   CPU mappings are inserted page by page as ordinary struct pages (VM_MIXEDMAP), so
 * get_user_pages() works on them, and are taken away through the handle's own address space with
 * unmap_mapping_range(), which needs no VMA and no mmap_lock. In a VMA that hears of writes (vma.c)
 * they are inserted for reading, and raised here if the core says so; never lowered, for modules
 * can flush no TLB: they are taken away instead.
 *
 * Locks: all operations run under the core's BLOCK, which guards the kblock. See kernel.h.
 */
#include <linux/highmem.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include "compat/compat.h"
#include "kernel.h"
#include "os_fault.h"
#include "os_mem.h"

#define PAGES_AT_ONCE 32u

static struct ferry_kblock *kblock_find(struct ferry_file *file, uint64_t va)
{
	return xa_load(&file->blocks, va >> FERRY_BLOCK_SHIFT);
}

static uint32_t block_page_index(uint64_t va)
{
	return (va >> PAGE_SHIFT) & (FERRY_BLOCK_PAGES - 1);
}

static struct ferry_kblock *kblock_make(struct ferry_file *file, uint64_t va)
{
	struct ferry_kblock *kb = kblock_find(file, va);

	if (kb)
		return kb;
	if (ferry_kernel_fault_alloc(sizeof(*kb)))
		return NULL;
	kb = ferry_kernel_kvzalloc(sizeof(*kb));
	if (!kb)
		return NULL;
	if (xa_err(xa_store(&file->blocks, va >> FERRY_BLOCK_SHIFT, kb, FERRY_KERNEL_GFP))) {
		kvfree(kb);
		return NULL;
	}
	return kb;
}

static void kblock_free(struct ferry_file *file, uint64_t va, struct ferry_kblock *kb)
{
	xa_erase(&file->blocks, va >> FERRY_BLOCK_SHIFT);
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++)
		kvfree(kb->bus[d]);
	kvfree(kb);
}

/* A reference that we have becomes the block's. */
static void page_keep(struct ferry_file *file, struct ferry_kblock *kb, uint32_t i,
		      struct page *page)
{
	kb->page[i] = page;
	__set_bit(i, kb->exists);
	atomic_long_inc(&file->pages_held);
}

/*
 * The page at va, in memory and referenced by us from now on. NULL: no memory, which includes the
 * owner's cgroup. Fails rather than kills: the caller knows what to do without the page.
 */
static struct page *page_hold(struct ferry_file *file, struct ferry_kblock *kb, uint64_t va)
{
	gfp_t gfp = mapping_gfp_mask(file->shmem->f_mapping) | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	uint32_t i = block_page_index(va);
	struct mem_cgroup *was;
	struct page *page;

	if (kb->page[i])
		return kb->page[i];
	if (ferry_kernel_fault_alloc(PAGE_SIZE))
		return NULL;
	was = ferry_compat_memcg_charge(file->memcg);
	page = shmem_read_mapping_page_gfp(file->shmem->f_mapping, va >> PAGE_SHIFT, gfp);
	ferry_compat_memcg_charge(was);
	if (IS_ERR(page))
		return NULL;
	page_keep(file, kb, i, page);
	return page;
}

/*
 * The same, but only if it is in memory: without an allocation. NULL: it is not. A page that was
 * let go of is still in memory when somebody else has a reference to it.
 */
static struct page *page_hold_cached(struct ferry_file *file, struct ferry_kblock *kb, uint64_t va)
{
	uint32_t i = block_page_index(va);
	struct page *page;

	if (kb->page[i] || !test_bit(i, kb->exists))
		return kb->page[i];
	page = find_get_page(file->shmem->f_mapping, va >> PAGE_SHIFT);
	if (page)
		page_keep(file, kb, i, page);
	return page;
}

static void page_unmap_devices(struct ferry_file *file, struct ferry_kblock *kb, uint32_t i)
{
	for (uint32_t d = 0; d < file->node->device_count; d++) {
		if (!kb->bus[d] || kb->bus[d][i] == FERRY_NO_BUS)
			continue;
		ferry_kdev_page_unmap(&file->node->devices[d], kb->bus[d][i]);
		kb->bus[d][i] = FERRY_NO_BUS;
	}
}

/* Ours no longer. Devices and CPUs may have written to it behind the kernel's back. */
static void page_drop(struct ferry_file *file, struct ferry_kblock *kb, uint32_t i)
{
	struct page *page = kb->page[i];

	page_unmap_devices(file, kb, i);
	kb->page[i] = NULL;
	set_page_dirty(page);
	put_page(page);
	atomic_long_dec(&file->pages_held);
}

/* ---- the operations ---- */

/*
 * Nothing here needs the mm itself; but for a process that is gone there is nobody to serve. What
 * the servicer allocates meanwhile, being a kernel thread and in no cgroup, the owner pays for.
 */
static int kmm_get(void *mm)
{
	struct ferry_file *file = mm;

	if (!atomic_read(&file->mm->mm_users))
		return FERRY_E_VA_SPACE_DEAD;
	(void)ferry_compat_memcg_charge(file->memcg);
	return 0;
}

static void kmm_put(void *mm)
{
	(void)ferry_compat_memcg_charge(NULL);
}

static int kmm_cpu_zap(void *mm, uint64_t va, uint32_t page_count)
{
	struct ferry_file *file = mm;

	unmap_mapping_range(file->inode->i_mapping, va, (loff_t)page_count << PAGE_SHIFT, 1);
	return 0;
}

/* Up to PAGES_AT_ONCE of them; *done were mapped now or before. */
static int insert_some(struct vm_area_struct *vma, uint64_t va, struct page **pages, uint32_t count,
		       uint32_t *done)
{
	unsigned long left = count;
	int ret;

	*done = 0;
	if (ferry_kernel_fault_alloc(PAGE_SIZE))
		return FERRY_E_HOST_FULL;
	ret = vm_insert_pages(vma, va, pages, &left);
	*done = count - left;
	if (ret == -EBUSY) { /* this one is mapped already */
		(*done)++;
		return 0;
	}
	if (ret == -ENOMEM) /* for a page table */
		return FERRY_E_HOST_FULL;
	return ret ? FERRY_E_CPU_INSERT : 0;
}

struct access_walk {
	struct vm_area_struct *vma;
	struct page **pages; /* the first is that at va */
	uint64_t va;
	pgprot_t prot; /* to be raised to */
	bool write;
	bool wrong; /* out: an entry is writable that must not be */
};

/*
 * The page table's lock is held. An entry that is not there was taken away by the process itself
 * (madvise). Raising needs no TLB flush: who has the old entry faults, and finds the new one.
 */
static int access_one(pte_t *ptep, unsigned long va, void *arg)
{
	struct access_walk *walk = arg;
	unsigned long pfn = page_to_pfn(walk->pages[(va - walk->va) >> PAGE_SHIFT]);
	pte_t pte = ptep_get(ptep);

	if (!pte_present(pte) || pte_pfn(pte) != pfn)
		return 0;
	if (!walk->write)
		walk->wrong |=
			pte_write(pte) || pte_dirty(pte); /* dirty: mprotect would raise it */
	else if (!pte_write(pte))
		set_pte_at(walk->vma->vm_mm, va, ptep, pfn_pte(pfn, walk->prot));
	return 0;
}

/* The VMA hears of writes, and its pages are mapped, at least for reading: as write says. */
static int access_some(struct ferry_file *file, struct vm_area_struct *vma, uint64_t va,
		       struct page **pages, uint32_t count, bool write)
{
	struct access_walk walk = {
		.vma = vma,
		.pages = pages,
		.va = va,
		.prot = vm_get_page_prot(vma->vm_flags),
		.write = write,
	};

	if (write && !(vma->vm_flags & VM_WRITE))
		return 0;
	if (apply_to_page_range(vma->vm_mm, va, (unsigned long)count << PAGE_SHIFT, access_one,
				&walk))
		return FERRY_E_CPU_INSERT;
	if (FERRY_ASSERT(!walk.wrong))
		return 0;
	(void)kmm_cpu_zap(file, va, count);
	return FERRY_E_BUSY;
}

static int insert_run(struct ferry_file *file, struct vm_area_struct *vma, uint64_t va,
		      uint32_t page_count, bool write)
{
	bool hears = ferry_vma_hears_writes(vma);
	struct ferry_kblock *kb = kblock_find(file, va);
	struct page *pages[PAGES_AT_ONCE];

	if (!FERRY_ASSERT(kb) || !FERRY_ASSERT(write || hears))
		return FERRY_E_CPU_INSERT;
	while (page_count) {
		uint32_t n, done;
		int err;

		for (n = 0; n < page_count && n < PAGES_AT_ONCE; n++) {
			pages[n] = page_hold(file, kb, va + ((uint64_t)n << PAGE_SHIFT));
			if (!pages[n])
				break;
		}
		if (!n)
			return FERRY_E_HOST_FULL;
		err = insert_some(vma, va, pages, n, &done);
		if (!err && hears)
			err = access_some(file, vma, va, pages, done, write);
		if (err)
			return err;
		va += (uint64_t)done << PAGE_SHIFT;
		page_count -= done;
	}
	return 0;
}

static int kmm_cpu_insert(void *mm, uint64_t va, uint32_t page_count, bool write)
{
	struct ferry_file *file = mm;
	uint64_t end = va + ((uint64_t)page_count << PAGE_SHIFT);
	bool unlock;
	int err = 0;

	while (!err && va < end) {
		struct vm_area_struct *vma = ferry_vma_for_insert(file, va, &unlock);
		uint64_t next;

		if (!vma)
			return FERRY_E_BUSY;
		next = min_t(uint64_t, end, vma->vm_end);
		err = insert_run(file, vma, va, (next - va) >> PAGE_SHIFT, write);
		if (unlock)
			mmap_read_unlock(file->mm);
		va = next;
	}
	return err;
}

static int kmm_cpu_poison(void *mm, uint64_t va, uint32_t page_count)
{
	struct ferry_file *file = mm;

	for (uint32_t i = 0; i < page_count; i++)
		if (xa_err(xa_store(&file->poisoned, (va >> PAGE_SHIFT) + i, xa_mk_value(1),
				    FERRY_KERNEL_GFP)))
			return FERRY_E_CPU_INSERT;
	return kmm_cpu_zap(mm, va, page_count);
}

bool ferry_kmm_poisoned(struct ferry_file *file, uint64_t va)
{
	return xa_load(&file->poisoned, va >> PAGE_SHIFT);
}

static int kmm_host_populate(void *mm, uint64_t va, uint32_t page_count)
{
	struct ferry_file *file = mm;
	struct ferry_kblock *kb = kblock_make(file, va);

	if (!kb)
		return FERRY_E_HOST_FULL;
	for (uint32_t i = 0; i < page_count; i++)
		if (!page_hold(file, kb, va + ((uint64_t)i << PAGE_SHIFT)))
			return FERRY_E_HOST_FULL; /* what was made stays, unused */
	return 0;
}

/* Where device d reaches page i, mapped now if it was not. */
static int page_bus(struct ferry_file *file, struct ferry_kblock *kb, struct ferry_kdev *kdev,
		    uint64_t va, uint64_t *bus)
{
	uint32_t i = block_page_index(va);
	uint64_t *where = kb->bus[kdev->id];
	struct page *page;
	int err;

	if (where && where[i] != FERRY_NO_BUS) {
		*bus = where[i];
		return 0;
	}
	page = page_hold(file, kb, va);
	if (!page)
		return FERRY_E_HOST_FULL;
	if (!where) {
		if (ferry_kernel_fault_alloc(FERRY_BLOCK_PAGES * sizeof(*where)))
			return FERRY_E_HOST_FULL;
		where = ferry_kernel_kvzalloc(FERRY_BLOCK_PAGES * sizeof(*where));
		if (!where)
			return FERRY_E_HOST_FULL;
		memset(where, 0xff, FERRY_BLOCK_PAGES * sizeof(*where)); /* FERRY_NO_BUS */
		kb->bus[kdev->id] = where;
	}
	err = ferry_kdev_page_map(kdev, page, bus);
	if (err)
		return err == FERRY_E_HOST_FULL ? err : FERRY_E_HOST_MAP;
	where[i] = *bus;
	return 0;
}

static int kmm_host_bus(void *mm, void *dev, uint64_t va, uint32_t page_count, uint64_t *bus,
			uint32_t *run_pages)
{
	struct ferry_file *file = mm;
	struct ferry_kblock *kb = kblock_find(file, va);
	uint64_t first, next;
	uint32_t run;
	int err;

	if (!FERRY_ASSERT(kb))
		return FERRY_E_HOST_MAP;
	err = page_bus(file, kb, dev, va, &first);
	if (err)
		return err;
	for (run = 1; run < page_count; run++)
		if (page_bus(file, kb, dev, va + ((uint64_t)run << PAGE_SHIFT), &next) ||
		    next != first + ((uint64_t)run << PAGE_SHIFT))
			break;
	*bus = first;
	*run_pages = run;
	return 0;
}

static void *kmm_host_ptr(void *mm, uint64_t va)
{
	struct ferry_file *file = mm;
	struct ferry_kblock *kb = kblock_find(file, va);
	struct page *page = kb ? page_hold(file, kb, va) : NULL;

	return page ? page_address(page) : NULL;
}

/*
 * References to a page: the page cache's, ours, one of each CPU mapping (a read-mostly page may
 * have its own still), and one by whoever took it off the LRU lists (or has not put it there yet).
 * One more is somebody who means to use it, or a batch of LRU work of some CPU.
 *
 * Counted first and mapped last: a mapping that goes away between the two makes a page that is free
 * look pinned, never the reverse. None comes, for that takes BLOCK.
 */
static bool page_is_pinned(struct page *page)
{
	struct folio *folio = page_folio(page);
	long expected = folio_nr_pages(folio) + 1 + (folio_test_lru(folio) ? 0 : 1);
	long refs = folio_ref_count(folio);

	if (folio_test_large(folio)) /* others of our own pages may hold it as well */
		return folio_maybe_dma_pinned(folio);
	smp_rmb();						     /* as said above */
	return refs > expected + 1 + atomic_read(&folio->_mapcount); /* which begins at -1 */
}

static bool pages_pinned(struct ferry_file *file, struct ferry_kblock *kb, uint64_t va,
			 uint32_t page_count, uint64_t *words)
{
	bool any = false;

	for (uint32_t i = 0; i < page_count; i++) {
		struct page *page = page_hold_cached(file, kb, va + ((uint64_t)i << PAGE_SHIFT));

		words[i / 64] &= ~(1ull << (i % 64));
		if (!page || !page_is_pinned(page))
			continue;
		words[i / 64] |= 1ull << (i % 64);
		any = true;
	}
	return any;
}

static void kmm_host_pinned(void *mm, uint64_t va, uint32_t page_count, uint64_t *words)
{
	struct ferry_file *file = mm;
	struct ferry_kblock *kb = kblock_find(file, va);

	/* In doubt the page stays, and the device uses it from afar: so a second look is worth it.
	 */
	if (kb && pages_pinned(file, kb, va, page_count, words) && ferry_drain_lru())
		(void)pages_pinned(file, kb, va, page_count, words);
}

static uint32_t kmm_host_idle(void *mm, uint64_t va, uint32_t page_count)
{
	struct ferry_file *file = mm;
	struct ferry_kblock *kb = kblock_find(file, va);
	uint32_t first = block_page_index(va), given = 0;

	for (uint32_t i = first; kb && i < first + page_count; i++)
		if (kb->page[i]) {
			page_drop(file, kb, i);
			given++;
		}
	return given;
}

static void kmm_host_discard(void *mm, uint64_t va, uint32_t page_count)
{
	struct ferry_file *file = mm;
	struct ferry_kblock *kb = kblock_find(file, va);
	uint32_t first = block_page_index(va);

	if (!kb)
		return;
	for (uint32_t i = first; i < first + page_count; i++)
		if (kb->page[i])
			page_drop(file, kb, i);
	bitmap_clear(kb->exists, first, page_count);
	if (bitmap_empty(kb->exists, FERRY_BLOCK_PAGES))
		kblock_free(file, va, kb);
	shmem_truncate_range(file_inode(file->shmem), va,
			     va + ((loff_t)page_count << PAGE_SHIFT) - 1);
}

const struct ferry_mm_ops ferry_kmm_ops = {
	.get = kmm_get,
	.put = kmm_put,
	.cpu_zap = kmm_cpu_zap,
	/* No cpu_protect: to take write permission away means to take the mapping away. */
	.read_only_at_once = true,
	.cpu_insert = kmm_cpu_insert,
	.cpu_poison = kmm_cpu_poison,
	.host_populate = kmm_host_populate,
	.host_bus = kmm_host_bus,
	.host_ptr = kmm_host_ptr,
	.host_pinned = kmm_host_pinned,
	.host_idle = kmm_host_idle,
	.external_map = ferry_external_map,
	.external_unmap = ferry_external_unmap,
	.external_bus = ferry_external_bus,
	.host_discard = kmm_host_discard,
};

/* ---- life ---- */

int ferry_kmm_init(struct ferry_file *file)
{
	struct file *shmem;

	if (ferry_kernel_fault_alloc(sizeof(*shmem)))
		return FERRY_E_MEMFD;
	shmem = ferry_compat_shmem_file("ferry", FERRY_VA_END);
	if (IS_ERR(shmem))
		return FERRY_E_MEMFD;
	file->shmem = shmem;
	file->memcg = ferry_compat_memcg_get(file->mm);
	xa_init(&file->blocks);
	xa_init(&file->poisoned);
	ferry_external_init(file);
	return 0;
}

void ferry_kmm_fini(struct ferry_file *file)
{
	struct ferry_kblock *kb;
	unsigned long index;

	xa_for_each(&file->blocks, index, kb) {
		for (uint32_t i = 0; i < FERRY_BLOCK_PAGES; i++)
			if (kb->page[i])
				page_drop(file, kb, i);
		kblock_free(file, (uint64_t)index << FERRY_BLOCK_SHIFT, kb);
	}
	xa_destroy(&file->blocks);
	xa_destroy(&file->poisoned);
	ferry_external_fini(file);
	ferry_compat_memcg_put(file->memcg);
	fput(file->shmem);
}
