// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * dma.c - an IOMMU in miniature: which host pages the device may reach.
 *
 * A bus address is a physical address, and the pointer to it is in the kernel's linear mapping.
 * What has to be found out is only whether the page was mapped for this device, and not by the bye:
 * a wrong address in a page table must be a fault of the device, not memory corruption.
 *
 *   bus >> 21 --xarray--> chunk: 512 pages [ a bit each: mapped ][ a count each: how often ]
 *
 * A look is one tree walk and a test of some bits; a copy of 2 MiB is one or two such looks. Chunks
 * are made when a page of them is first mapped and stay until the device ends (half a per mille of
 * the memory they stand for, at most), so a look needs no lock, and unmapping allocates and frees
 * nothing. Bits change under the lock, atomically.
 *
 * What a device looks at again and again (page tables, rings) is in a table before the tree: a slot
 * is the chunk that was last found there, which knows its own number.
 */
#include <linux/bitmap.h>
#include <linux/io.h>
#include <linux/memremap.h>
#include <linux/mm.h>

#include "soft.h"

#define CHUNK_SHIFT 21u
#define CHUNK_PAGES (1u << (CHUNK_SHIFT - PAGE_SHIFT))

struct soft_dma_chunk {
	unsigned long number; /* physical address >> CHUNK_SHIFT */
	unsigned long mapped[BITS_TO_LONGS(CHUNK_PAGES)];
	u16 count[CHUNK_PAGES];
};

void soft_dma_init(struct soft_dma *dma)
{
	xa_init(&dma->chunks);
	spin_lock_init(&dma->lock);
}

void soft_dma_fini(struct soft_dma *dma)
{
	struct soft_dma_chunk *chunk;
	unsigned long index;

	xa_for_each(&dma->chunks, index, chunk)
		ferry_os_free(chunk);
	xa_destroy(&dma->chunks);
}

static struct soft_dma_chunk *find_chunk(struct soft_dma *dma, unsigned long number)
{
	struct soft_dma_chunk **slot = &dma->recent[number % ARRAY_SIZE(dma->recent)];
	struct soft_dma_chunk *chunk = READ_ONCE(*slot); /* what is in it was published */

	if (likely(chunk && chunk->number == number))
		return chunk;
	chunk = xa_load(&dma->chunks, number);
	if (chunk)
		/* Pairs with the read above. */
		smp_store_release(slot, chunk);
	return chunk;
}

/* Make sure that the chunks of [first, last] exist. */
static int need_chunks(struct soft_dma *dma, unsigned long first, unsigned long last)
{
	unsigned long i;

	for (i = first; i <= last; i++) {
		struct soft_dma_chunk *chunk;
		int err;

		if (find_chunk(dma, i))
			continue;
		chunk = ferry_os_zalloc(sizeof(*chunk), 0);
		if (!chunk)
			return FERRY_E_HOST_FULL;
		chunk->number = i;
		err = xa_insert(&dma->chunks, i, chunk, GFP_KERNEL | __GFP_NOWARN);
		if (err)
			ferry_os_free(chunk);
		if (err && err != -EBUSY) /* busy: another thread has made it meanwhile */
			return FERRY_E_HOST_FULL;
	}
	return 0;
}

/* One page less. dma->lock held. */
static void drop_page(struct soft_dma *dma, unsigned long pfn)
{
	struct soft_dma_chunk *chunk = find_chunk(dma, pfn / CHUNK_PAGES);
	u32 i = pfn % CHUNK_PAGES;

	if (WARN_ON_ONCE(!chunk || !chunk->count[i]))
		return;
	if (--chunk->count[i] == 0)
		clear_bit(i, chunk->mapped);
}

/* One page more. dma->lock held; the chunk exists. False: mapped too often. */
static bool add_page(struct soft_dma *dma, unsigned long pfn)
{
	struct soft_dma_chunk *chunk = find_chunk(dma, pfn / CHUNK_PAGES);
	u32 i = pfn % CHUNK_PAGES;

	if (chunk->count[i] == U16_MAX)
		return false;
	if (chunk->count[i]++ == 0)
		set_bit(i, chunk->mapped);
	return true;
}

int soft_dma_map(struct soft_dma *dma, struct page *page, u32 count)
{
	unsigned long first = page_to_pfn(page), end = first + count, pfn;
	int err;

	/* The pointer is the linear mapping's, which has holes where device memory is unreachable.
	 */
	if (!count || PageHighMem(page) || is_device_private_page(page))
		return FERRY_E_HOST_MAP;
	err = need_chunks(dma, first / CHUNK_PAGES, (end - 1) / CHUNK_PAGES);
	if (err)
		return err;
	spin_lock(&dma->lock);
	for (pfn = first; pfn < end && add_page(dma, pfn); pfn++)
		;
	if (pfn < end) {
		err = FERRY_E_HOST_MAP;
		while (pfn-- > first)
			drop_page(dma, pfn);
	}
	spin_unlock(&dma->lock);
	return err;
}

void soft_dma_unmap(struct soft_dma *dma, u64 bus, u32 count)
{
	unsigned long pfn = PHYS_PFN(bus);

	spin_lock(&dma->lock);
	for (; count; count--, pfn++)
		drop_page(dma, pfn);
	spin_unlock(&dma->lock);
}

void *soft_dma_reach(struct soft_dma *dma, u64 bus, u64 size_bytes)
{
	unsigned long pfn = PHYS_PFN(bus), end;

	if (!size_bytes || bus + size_bytes < bus)
		return NULL;
	end = PHYS_PFN(bus + size_bytes - 1) + 1;
	while (pfn < end) {
		struct soft_dma_chunk *chunk = find_chunk(dma, pfn / CHUNK_PAGES);
		unsigned long from = pfn % CHUNK_PAGES;
		unsigned long to = min_t(unsigned long, from + end - pfn, CHUNK_PAGES);

		if (!chunk || find_next_zero_bit(chunk->mapped, to, from) < to)
			return NULL;
		pfn += to - from;
	}
	return phys_to_virt(bus);
}
