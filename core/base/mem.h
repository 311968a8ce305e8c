/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mem.h - the core's own memory, counted: what Ferry costs the host is a number anybody can read.
 */
#ifndef FERRY_MEM_H
#define FERRY_MEM_H

#include "ferry/os.h"

struct ferry_mem {
	struct ferry_os_atomic bytes; /* held now */
};

/* Zeroed memory or NULL. Context: process. The size must be given back with the pointer. */
void *ferry_mem_zalloc(struct ferry_mem *mem, size_t size_bytes);
void ferry_mem_free(struct ferry_mem *mem, void *p, size_t size_bytes);

static inline uint64_t ferry_mem_bytes(const struct ferry_mem *mem)
{
	return ferry_os_load_relaxed(&mem->bytes);
}

#endif /* FERRY_MEM_H */
