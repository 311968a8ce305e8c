/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * page_pool.h - 4 KiB pages of DMA memory for page tables, cut from larger pieces so that the bus sees few mappings.
 *
 * Locking: LEAF inside; callers need none. Pieces go back to the host when the pool ends.
 */
#ifndef FERRY_PAGE_POOL_H
#define FERRY_PAGE_POOL_H

#include "base/list.h"
#include "base/mem.h"
#include "ferry/dev_ops.h"
#include "lock/lock.h"

#define FERRY_PAGE_POOL_PIECE_PAGES 64u

struct ferry_pool_page {
	uint64_t *cpu; /* 512 words; NULL = none */
	uint64_t bus;
};

struct ferry_page_pool {
	const struct ferry_dev_ops *ops;             /* constant */
	void *dev;                                   /* constant */
	struct ferry_mem *mem;                       /* constant */
	struct ferry_spin lock FERRY_LOCK_ROW(LEAF); /* LEAF: the rest */
	struct ferry_list pieces FERRY_GUARDED_BY(&lock);
	void *free FERRY_GUARDED_BY(&lock); /* free pages, linked through their first two words: next, bus */
	uint64_t pages FERRY_GUARDED_BY(&lock), pages_free FERRY_GUARDED_BY(&lock);
};

void ferry_page_pool_init(struct ferry_page_pool *pool, struct ferry_mem *mem, const struct ferry_dev_ops *ops,
                          void *dev);
void ferry_page_pool_fini(struct ferry_page_pool *pool);

/* A zeroed page. Context: process. FERRY_E_PAGE_TREE_NOMEM. */
int ferry_page_pool_get(struct ferry_ctx *ctx, struct ferry_page_pool *pool, struct ferry_pool_page *out)
	FERRY_NEEDS_NOT(&pool->lock);
void ferry_page_pool_put(struct ferry_ctx *ctx, struct ferry_page_pool *pool, struct ferry_pool_page *page)
	FERRY_NEEDS_NOT(&pool->lock);

#endif /* FERRY_PAGE_POOL_H */
