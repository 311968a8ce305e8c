/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * bus.c - an IOMMU in miniature, and DMA memory.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/mman.h>

#include "bus.h"

#define ARENA_BYTES_MAX (FERRY_USER_TSAN ? 1ull << 30 : 1ull << 34)
#define ARENA_BYTES_MIN (1ull << 26)
#define GIVE_BACK_BYTES                                                                                              \
	(64u * 1024u) /* from here on freed memory goes back to the system instead of being zeroed                   \
	               */

static uint64_t bitmap_bytes(uint64_t arena_bytes)
{
	return arena_bytes / FERRY_PAGE_SIZE / 8;
}

static void *map_lazily(uint64_t size_bytes)
{
	void *p = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size_bytes, MADV_DONTFORK);
	return p;
}

int ferry_bus_init(struct ferry_bus *bus)
{
	uint64_t bytes;
	char *arena = NULL;
	uint64_t *used;

	for (bytes = ARENA_BYTES_MAX; bytes >= ARENA_BYTES_MIN && !arena; bytes /= 2)
		arena = map_lazily(bytes);
	if (!arena)
		return FERRY_E_MMAP;
	bytes *= 2; /* the loop has halved once too often */
	used = map_lazily(bitmap_bytes(bytes));
	if (!used)
		goto unmap_arena;

	memset(bus, 0, sizeof(*bus));
	ferry_os_mutex_init(&bus->lock, FERRY_OS_CLASS_HOST);
	(void)madvise(arena, bytes, MADV_HUGEPAGE); /* page tables of many blocks lie here: fewer TLB misses */
	bus->arena = arena;
	bus->arena_bytes = bytes;
	bus->used = used;
	return 0;

unmap_arena:
	munmap(arena, bytes);
	return FERRY_E_MMAP;
}

void ferry_bus_fini(struct ferry_bus *bus)
{
	if (bus->pages_used)
		ferry_os_log(FERRY_LOG_WARN, "%llu pages of DMA memory were not given back",
		             (unsigned long long)bus->pages_used);
	munmap(bus->used, bitmap_bytes(bus->arena_bytes));
	munmap(bus->arena, bus->arena_bytes);
	ferry_os_mutex_fini(&bus->lock);
}

/* Bits [first, first + count) of the arena: all set? Pairs with pages_set(). */
static bool pages_used(const struct ferry_bus *bus, uint64_t first, uint64_t count)
{
	uint64_t page = first;
	uint64_t end = first + count;

	while (page < end) {
		uint64_t in_word = 64 - page % 64;
		uint64_t n = end - page < in_word ? end - page : in_word;
		uint64_t mask = (n == 64 ? ~0ull : (1ull << n) - 1) << page % 64;

		if ((__atomic_load_n(&bus->used[page / 64], __ATOMIC_ACQUIRE) & mask) != mask)
			return false;
		page += n;
	}
	return true;
}

/* Under lock. */
static void pages_set(struct ferry_bus *bus, uint64_t first, uint64_t count, bool set)
{
	uint64_t page = first;
	uint64_t end = first + count;

	while (page < end) {
		uint64_t in_word = 64 - page % 64;
		uint64_t n = end - page < in_word ? end - page : in_word;
		uint64_t mask = (n == 64 ? ~0ull : (1ull << n) - 1) << page % 64;

		if (set)
			__atomic_fetch_or(&bus->used[page / 64], mask, __ATOMIC_RELEASE);
		else
			__atomic_fetch_and(&bus->used[page / 64], ~mask, __ATOMIC_RELEASE);
		page += n;
	}
}

void *ferry_bus_reach(const struct ferry_bus *bus, uint64_t addr, uint64_t size_bytes)
{
	uint64_t offset = addr - (uintptr_t)bus->arena;
	uint32_t windows;

	/* Nearly always something in one page: a table, a fence. 0 bytes are not. */
	if (offset < bus->arena_bytes && size_bytes - 1 < FERRY_PAGE_SIZE - offset % FERRY_PAGE_SIZE) {
		uint64_t page = offset / FERRY_PAGE_SIZE;

		return __atomic_load_n(&bus->used[page / 64], __ATOMIC_ACQUIRE) >> page % 64 & 1 ? bus->arena + offset
		                                                                                 : NULL;
	}
	if (size_bytes == 0 || addr > UINT64_MAX - size_bytes)
		return NULL;
	if (offset < bus->arena_bytes) {
		uint64_t first = offset / FERRY_PAGE_SIZE;
		uint64_t last = (offset + size_bytes - 1) / FERRY_PAGE_SIZE;

		if (size_bytes > bus->arena_bytes - offset || !pages_used(bus, first, last - first + 1))
			return NULL;
		return bus->arena + offset;
	}
	windows = __atomic_load_n(&bus->windows, __ATOMIC_ACQUIRE);
	for (uint32_t i = 0; i < windows; i++) {
		const struct ferry_bus_window *w = &bus->window[i];
		/* Acquire loads stay in order; seq unchanged over both makes them one picture. Pairs with
		 * window_set(). */
		uint64_t seq = __atomic_load_n(&w->seq, __ATOMIC_ACQUIRE);
		uint64_t base = __atomic_load_n(&w->base, __ATOMIC_ACQUIRE);
		uint64_t end = __atomic_load_n(&w->end, __ATOMIC_ACQUIRE);

		if (addr < base || addr + size_bytes > end)
			continue;
		if (seq % 2 == 0 && __atomic_load_n(&w->seq, __ATOMIC_RELAXED) == seq)
			return (void *)(uintptr_t)addr;
	}
	return NULL;
}

/* Under lock. Each release store keeps the ones before it in front. */
static void window_set(struct ferry_bus_window *w, uint64_t base, uint64_t end)
{
	__atomic_store_n(&w->seq, w->seq + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&w->base, base, __ATOMIC_RELEASE);
	__atomic_store_n(&w->end, end, __ATOMIC_RELEASE);
	__atomic_store_n(&w->seq, w->seq + 1, __ATOMIC_RELEASE);
}

int ferry_bus_window_add(struct ferry_bus *bus, uint64_t base, uint64_t size_bytes)
{
	uint32_t i;
	int err = 0;

	if (base == 0 || size_bytes == 0 || base > UINT64_MAX - size_bytes)
		return FERRY_E_INVAL;
	ferry_os_mutex_lock(&bus->lock);
	for (i = 0; i < bus->windows && bus->window[i].base != bus->window[i].end; i++)
		;
	if (i < FERRY_BUS_WINDOWS) {
		window_set(&bus->window[i], base, base + size_bytes);
		if (i == bus->windows)
			__atomic_store_n(&bus->windows, i + 1, __ATOMIC_RELEASE);
	} else {
		err = FERRY_E_BUSY;
	}
	ferry_os_mutex_unlock(&bus->lock);
	return err;
}

int ferry_bus_window_remove(struct ferry_bus *bus, uint64_t base)
{
	int err = FERRY_E_INVAL;

	ferry_os_mutex_lock(&bus->lock);
	for (uint32_t i = 0; i < bus->windows && err; i++) {
		struct ferry_bus_window *w = &bus->window[i];

		if (w->base != base || w->end == base)
			continue;
		window_set(w, 0, 0);
		err = 0;
	}
	ferry_os_mutex_unlock(&bus->lock);
	return err;
}

/* Under lock: the first of count free pages in a row within [from, to), or to. */
static uint64_t find_free(const struct ferry_bus *bus, uint64_t from, uint64_t to, uint64_t count)
{
	uint64_t run = 0;

	for (uint64_t page = from; page < to;) {
		uint64_t word = bus->used[page / 64];

		if (page % 64 == 0 && word == ~0ull) {
			run = 0;
			page += 64;
			continue;
		}
		run = word >> page % 64 & 1 ? 0 : run + 1;
		page++;
		if (run == count)
			return page - count;
	}
	return to;
}

int ferry_bus_alloc(struct ferry_bus *bus, size_t size_bytes, struct ferry_dma *out)
{
	uint64_t total = bus->arena_bytes / FERRY_PAGE_SIZE;
	uint64_t count = (size_bytes - 1) / FERRY_PAGE_SIZE + 1;
	uint64_t first;

	if (size_bytes == 0)
		return FERRY_E_INVAL;
	if (count > total || ferry_user_fault_alloc())
		return FERRY_E_NOMEM;

	ferry_os_mutex_lock(&bus->lock);
	first = find_free(bus, bus->next_page, total, count);
	if (first == total)
		first = find_free(bus, 0, total, count);
	if (first < total) {
		pages_set(bus, first, count, true);
		bus->next_page = first + count;
		bus->pages_used += count;
	}
	ferry_os_mutex_unlock(&bus->lock);
	if (first == total)
		return FERRY_E_NOMEM;

	out->cpu = bus->arena + first * FERRY_PAGE_SIZE;
	out->bus = (uintptr_t)out->cpu;
	out->size_bytes = count * FERRY_PAGE_SIZE;
	out->priv = bus;
	return 0;
}

void ferry_bus_free(struct ferry_bus *bus, struct ferry_dma *dma)
{
	uint64_t first = (dma->bus - (uintptr_t)bus->arena) / FERRY_PAGE_SIZE;
	uint64_t count = dma->size_bytes / FERRY_PAGE_SIZE;

	if (!dma->cpu)
		return;
	if (!FERRY_ASSERT(dma->priv == bus && ferry_bus_reach(bus, dma->bus, dma->size_bytes)))
		return;
	ferry_os_mutex_lock(&bus->lock);
	pages_set(bus, first, count, false); /* first the device loses it, then it is wiped */
	if (dma->size_bytes < GIVE_BACK_BYTES || madvise(dma->cpu, dma->size_bytes, MADV_DONTNEED) != 0)
		memset(dma->cpu, 0, dma->size_bytes);
	bus->pages_used -= count;
	if (first < bus->next_page)
		bus->next_page = first;
	ferry_os_mutex_unlock(&bus->lock);
	memset(dma, 0, sizeof(*dma));
}
