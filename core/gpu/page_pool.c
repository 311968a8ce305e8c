/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "gpu/page_pool.h"

#define PIECE_BYTES (FERRY_PAGE_POOL_PIECE_PAGES * FERRY_PAGE_SIZE)

struct piece {
	struct ferry_list node;
	struct ferry_dma dma;
};

/* A free page says where the next one is, and its own bus address. */
struct free_page {
	struct free_page *next;
	uint64_t bus;
};

void ferry_page_pool_init(struct ferry_page_pool *pool, struct ferry_mem *mem, const struct ferry_dev_ops *ops,
                          void *dev) FERRY_LOCK_UNSHARED
{
	pool->ops = ops;
	pool->dev = dev;
	pool->mem = mem;
	ferry_spin_init(&pool->lock, FERRY_LOCK_LEAF);
	ferry_list_init(&pool->pieces);
	pool->free = NULL;
	pool->pages = 0;
	pool->pages_free = 0;
}

void ferry_page_pool_fini(struct ferry_page_pool *pool) FERRY_LOCK_UNSHARED
{
	struct ferry_list *pos, *next;

	(void)FERRY_ASSERT(pool->pages == pool->pages_free);
	FERRY_LIST_EACH_SAFE(pos, next, &pool->pieces) {
		struct piece *piece = FERRY_LIST_ENTRY(pos, struct piece, node);

		ferry_list_remove(&piece->node);
		ferry_os_fetch_add(&pool->mem->bytes, (uint64_t)0 - piece->dma.size_bytes);
		pool->ops->dma_free(pool->dev, &piece->dma);
		ferry_mem_free(pool->mem, piece, sizeof(*piece));
	}
	ferry_spin_fini(&pool->lock);
}

static bool pool_take(struct ferry_ctx *ctx, struct ferry_page_pool *pool, struct ferry_pool_page *out)
{
	struct free_page *page;

	ferry_spin_lock(ctx, &pool->lock);
	page = pool->free;
	if (page) {
		pool->free = page->next;
		pool->pages_free--;
	}
	ferry_spin_unlock(ctx, &pool->lock);
	if (!page)
		return false;
	out->cpu = (uint64_t *)(void *)page;
	out->bus = page->bus;
	memset(page, 0, FERRY_PAGE_SIZE);
	return true;
}

static int pool_grow(struct ferry_ctx *ctx, struct ferry_page_pool *pool)
{
	struct piece *piece = ferry_mem_zalloc(pool->mem, sizeof(*piece));

	(void)ferry_lock_assert_op(ctx, FERRY_LOCK_OP_RECLAIM);
	if (!piece)
		return FERRY_E_PAGE_TREE_NOMEM;
	if (pool->ops->dma_alloc(pool->dev, PIECE_BYTES, &piece->dma)) {
		ferry_mem_free(pool->mem, piece, sizeof(*piece));
		return FERRY_E_PAGE_TREE_NOMEM;
	}
	ferry_os_fetch_add(&pool->mem->bytes, piece->dma.size_bytes); /* it is the core's, wherever it comes from */
	ferry_spin_lock(ctx, &pool->lock);
	ferry_list_push_back(&pool->pieces, &piece->node);
	for (uint32_t i = 0; i < FERRY_PAGE_POOL_PIECE_PAGES; i++) {
		struct free_page *page = (void *)((char *)piece->dma.cpu + i * FERRY_PAGE_SIZE);

		page->bus = piece->dma.bus + i * FERRY_PAGE_SIZE;
		page->next = pool->free;
		pool->free = page;
	}
	pool->pages += FERRY_PAGE_POOL_PIECE_PAGES;
	pool->pages_free += FERRY_PAGE_POOL_PIECE_PAGES;
	ferry_spin_unlock(ctx, &pool->lock);
	return 0;
}

int ferry_page_pool_get(struct ferry_ctx *ctx, struct ferry_page_pool *pool, struct ferry_pool_page *out)
{
	/* Another thread may take what this one grew; a few rounds are plenty. */
	for (uint32_t tries = 0; tries < 4; tries++) {
		int err;

		if (pool_take(ctx, pool, out))
			return 0;
		err = pool_grow(ctx, pool);
		if (err)
			return err;
	}
	return FERRY_E_PAGE_TREE_NOMEM;
}

void ferry_page_pool_put(struct ferry_ctx *ctx, struct ferry_page_pool *pool, struct ferry_pool_page *page)
{
	struct free_page *f = (void *)page->cpu;

	ferry_spin_lock(ctx, &pool->lock);
	f->bus = page->bus;
	f->next = pool->free;
	pool->free = f;
	pool->pages_free++;
	ferry_spin_unlock(ctx, &pool->lock);
	page->cpu = NULL;
}
