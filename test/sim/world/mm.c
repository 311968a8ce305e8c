/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mm.c - the simulator's host memory: mm_ops.h on arrays. Each operation is a scheduling point before its effect.
 */
#include "world.h"
#include "world_impl.h"

static uint32_t page_of(uint64_t va)
{
	uint64_t page = (va - WORLD_BASE) >> FERRY_PAGE_SHIFT;

	if (va < WORLD_BASE || page >= WORLD_PAGES) {
		sim_fail("wrong: the core asks for %llx, which is nobody's", (unsigned long long)va);
		return 0;
	}
	return (uint32_t)page;
}

static int mm_get(void *mm)
{
	(void)mm;
	return world->dying ? FERRY_E_VA_SPACE_DEAD : 0;
}

static void mm_put(void *mm)
{
	(void)mm;
}

static int mm_zap(void *mm, uint64_t va, uint32_t n)
{
	(void)mm;
	WORLD_TABLES(page_of(va));
	for (uint32_t i = page_of(va); n--; i++)
		world->mapped[i] = world->writable[i] = false;
	return 0;
}

static int mm_protect(void *mm, uint64_t va, uint32_t n)
{
	(void)mm;
	WORLD_TABLES(page_of(va));
	for (uint32_t i = page_of(va); n--; i++)
		world->writable[i] = false;
	return 0;
}

static int mm_insert(void *mm, uint64_t va, uint32_t n, bool write)
{
	(void)mm;
	WORLD_TABLES(page_of(va));
	if (world->dying)
		return FERRY_E_CPU_INSERT;
	for (uint32_t i = page_of(va); n--; i++) {
		if (world->gone[i])
			return FERRY_E_CPU_INSERT; /* as where its mapping is gone */
		sim_check(world->populated[i], "page %u is mapped for the CPU but does not exist", i);
		world->mapped[i] = true;
		world->writable[i] = write;
	}
	return 0;
}

static int mm_poison(void *mm, uint64_t va, uint32_t n)
{
	(void)mm;
	for (uint32_t i = page_of(va); n--; i++)
		world->poisoned[i] = true;
	return 0;
}

static int mm_populate(void *mm, uint64_t va, uint32_t n)
{
	uint32_t first = page_of(va), fresh = 0;

	(void)mm;
	WORLD_TABLES(first);
	for (uint32_t i = 0; i < n; i++)
		fresh += !world->populated[first + i];
	if (world->host_pages + fresh > world->host_pages_max || (fresh && sim_choose(SIM_CHOICE_ALLOC, 2)))
		return FERRY_E_HOST_FULL;
	for (uint32_t i = first; i < first + n; i++) {
		if (!world->populated[i])
			memset(world->host + (uint64_t)i * FERRY_PAGE_SIZE, 0, SIM_PAGE_SEEN);
		world->populated[i] = true;
	}
	world->host_pages += fresh;
	return 0;
}

static int mm_bus(void *mm, void *dev, uint64_t va, uint32_t n, uint64_t *bus, uint32_t *run)
{
	uint32_t page = page_of(va);

	(void)mm;
	(void)dev;
	for (uint32_t i = 0; i < n; i++)
		sim_check(world->populated[page + i], "the device is shown page %u, which does not exist", page + i);
	*bus = (uintptr_t)(world->host + (uint64_t)page * FERRY_PAGE_SIZE);
	*run = n;
	return 0;
}

static void *mm_ptr(void *mm, uint64_t va)
{
	(void)mm;
	return world->host + (uint64_t)page_of(va) * FERRY_PAGE_SIZE;
}

static void mm_pinned(void *mm, uint64_t va, uint32_t n, uint64_t *words)
{
	uint32_t page = page_of(va);

	(void)mm;
	for (uint32_t i = 0; i < n; i++) {
		if (world->pinned[page + i])
			words[i / 64] |= 1ull << (i % 64);
	}
}

static void mm_discard(void *mm, uint64_t va, uint32_t n)
{
	(void)mm;
	WORLD_TABLES(page_of(va));
	for (uint32_t i = page_of(va); n--; i++) {
		sim_check(!world->writable[i] || world->gone[i] || world->dying,
		          "page %u is thrown away while the CPU may write to it", i);
		world->host_pages -= world->populated[i];
		world->populated[i] = false;
		memset(world->host + (uint64_t)i * FERRY_PAGE_SIZE, 0xdd, SIM_PAGE_SEEN);
	}
}

const struct ferry_mm_ops world_mm_ops = {
	.get = mm_get,
	.put = mm_put,
	.cpu_zap = mm_zap,
	.cpu_protect = mm_protect,
	.cpu_insert = mm_insert,
	.cpu_poison = mm_poison,
	.host_populate = mm_populate,
	.host_bus = mm_bus,
	.host_ptr = mm_ptr,
	.host_pinned = mm_pinned,
	.host_discard = mm_discard,
};
