// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * os_mem.c (kernel host) - memory, and copies in long runs.
 */
#include <linux/export.h>
#include <linux/kasan-checks.h>
#include <linux/llist.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "ferry/os.h"
#include "os_init.h"

/*
 * kmalloc aligns to the size where that is a power of two, and to little where it is not. Below a
 * page its memory comes in powers of two anyway (but for 96 and 192); above, pages and vmalloc are
 * aligned.
 */
static size_t size_for_alignment(size_t size_bytes)
{
	return size_bytes >= 64 && size_bytes < PAGE_SIZE ? roundup_pow_of_two(size_bytes)
							  : size_bytes;
}

/*
 * kvzalloc() would take our RETRY_MAYFAIL for a wish to have it in one piece, and try hard for
 * that.
 */
void *ferry_kernel_kvzalloc(size_t size_bytes)
{
	gfp_t piece = (FERRY_KERNEL_GFP & ~__GFP_RETRY_MAYFAIL) | __GFP_NORETRY;
	void *p;

	if (size_bytes <= PAGE_SIZE)
		return kzalloc(size_bytes, FERRY_KERNEL_GFP);
	p = size_bytes <= KMALLOC_MAX_SIZE ? kzalloc(size_bytes, piece) : NULL;
	return p ? p : __vmalloc(size_bytes, FERRY_KERNEL_GFP | __GFP_ZERO);
}
EXPORT_SYMBOL_GPL(ferry_kernel_kvzalloc);

void *ferry_kernel_zalloc(size_t size_bytes, uint32_t flags)
{
	if (!size_bytes || ferry_kernel_fault_alloc(size_bytes))
		return NULL;
	size_bytes = size_for_alignment(size_bytes);
	if (flags & FERRY_OS_ATOMIC)
		return kzalloc(size_bytes, GFP_ATOMIC | __GFP_NOWARN);
	return ferry_kernel_kvzalloc(size_bytes);
}
EXPORT_SYMBOL_GPL(ferry_kernel_zalloc);

/* ---- memory that could not be freed where it was given back; it holds the list's links ---- */

static LLIST_HEAD(free_later);

static void free_later_work(struct work_struct *work)
{
	struct llist_node *node, *next;

	llist_for_each_safe(node, next, llist_del_all(&free_later))
		kvfree(node);
}

static DECLARE_WORK(free_work, free_later_work);

void ferry_kernel_free(void *p)
{
	if (p && is_vmalloc_addr(p) && (preempt_count() || irqs_disabled())) {
		if (llist_add(p, &free_later))
			schedule_work(&free_work);
		return;
	}
	kvfree(p);
}
EXPORT_SYMBOL_GPL(ferry_kernel_free);

void ferry_kernel_mem_stop(void)
{
	flush_work(&free_work);
}

/* ---- copies ---- */

void ferry_kernel_copy_stream(void *dst, const void *src, size_t size_bytes)
{
#ifdef CONFIG_ARCH_HAS_PMEM_API
	/* Assembler: nobody else looks at these accesses. */
	kasan_check_read(src, size_bytes);
	kasan_check_write(dst, size_bytes);
	memcpy_flushcache(dst, src, size_bytes);
	wmb(); /* streaming stores are weakly ordered; a later release must cover them */
#else
	memcpy(dst, src, size_bytes);
#endif
}
EXPORT_SYMBOL_GPL(ferry_kernel_copy_stream);
