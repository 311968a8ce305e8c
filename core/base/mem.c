/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mem.c - the core's own memory, counted.
 *
 * The size comes back with the pointer, so no header stands in front of an object and arrays stay page-shaped.
 */
#include "base/mem.h"

void *ferry_mem_zalloc(struct ferry_mem *mem, size_t size_bytes)
{
	void *p = ferry_os_zalloc(size_bytes, 0);

	if (p)
		ferry_os_fetch_add(&mem->bytes, size_bytes);
	return p;
}

void ferry_mem_free(struct ferry_mem *mem, void *p, size_t size_bytes)
{
	uint64_t was;

	if (!p)
		return;
	was = ferry_os_fetch_add(&mem->bytes, 0 - (uint64_t)size_bytes);
	FERRY_ASSERT(was >= size_bytes);
	ferry_os_free(p);
}
