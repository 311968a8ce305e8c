/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "gpu/page_tree.h"

#define TREE_ENTRIES 512u
#define TREE_LEVEL_BITS 9u
#define TREE_DIRS 3u /* root and two levels of directories; tables are below */

struct ferry_page_dir {
	struct ferry_pool_page page;
	struct ferry_page_dir *child[TREE_ENTRIES]; /* all NULL at the lowest level of directories */
};

static uint32_t tree_index(uint64_t va, uint32_t level)
{
	uint32_t shift = FERRY_BLOCK_SHIFT + TREE_LEVEL_BITS * (TREE_DIRS - 1 - level);

	return (uint32_t)(va >> shift) & (TREE_ENTRIES - 1);
}

static int dir_create(struct ferry_ctx *ctx, struct ferry_page_tree *tree, struct ferry_page_dir **out)
{
	struct ferry_page_dir *dir = ferry_mem_zalloc(tree->mem, sizeof(*dir));
	int err;

	if (!dir)
		return FERRY_E_PAGE_TREE_NOMEM;
	err = ferry_page_pool_get(ctx, tree->pool, &dir->page);
	if (err) {
		ferry_mem_free(tree->mem, dir, sizeof(*dir));
		return err;
	}
	*out = dir;
	return 0;
}

static void dir_destroy(struct ferry_ctx *ctx, struct ferry_page_tree *tree, struct ferry_page_dir *dir)
{
	ferry_page_pool_put(ctx, tree->pool, &dir->page);
	ferry_mem_free(tree->mem, dir, sizeof(*dir));
}

int ferry_page_tree_init(struct ferry_page_tree *tree, struct ferry_mem *mem, struct ferry_page_pool *pool,
                         const struct ferry_hal *hal, struct ferry_ctx *ctx)
{
	int err;

	tree->mem = mem;
	tree->pool = pool;
	tree->hal = hal;
	err = dir_create(ctx, tree, &tree->root);
	if (err)
		return err;
	ferry_mutex_init(&tree->lock, FERRY_LOCK_PAGE_TREE);
	return 0;
}

void ferry_page_tree_fini(struct ferry_ctx *ctx, struct ferry_page_tree *tree)
{
	for (uint32_t i = 0; i < TREE_ENTRIES; i++) {
		struct ferry_page_dir *mid = tree->root->child[i];

		if (!mid)
			continue;
		for (uint32_t j = 0; j < TREE_ENTRIES; j++)
			if (mid->child[j])
				dir_destroy(ctx, tree, mid->child[j]);
		dir_destroy(ctx, tree, mid);
	}
	dir_destroy(ctx, tree, tree->root);
	tree->root = NULL;
	ferry_mutex_fini(&tree->lock);
}

uint64_t ferry_page_tree_root_bus(const struct ferry_page_tree *tree)
{
	return tree->root->page.bus;
}

/* The lowest directory above va, made on the way down. New ones are complete before they are hooked in. */
static int tree_descend(struct ferry_ctx *ctx, struct ferry_page_tree *tree, uint64_t va, struct ferry_page_dir **out)
	FERRY_NEEDS(&tree->lock)
{
	struct ferry_page_dir *dir = tree->root;

	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &tree->lock));
	for (uint32_t level = 0; level + 1 < TREE_DIRS; level++) {
		uint32_t i = tree_index(va, level);

		if (!dir->child[i]) {
			int err = dir_create(ctx, tree, &dir->child[i]);

			if (err)
				return err;
			ferry_os_dma_wmb(); /* the empty directory before the pointer to it */
			ferry_os_dma_store64(&dir->page.cpu[i], tree->hal->pde(dir->child[i]->page.bus));
		}
		dir = dir->child[i];
	}
	*out = dir;
	return 0;
}

int ferry_page_tree_add(struct ferry_ctx *ctx, struct ferry_page_tree *tree, uint64_t va,
                        struct ferry_page_table *out)
{
	struct ferry_page_table table;
	struct ferry_page_dir *dir = NULL;
	int err;

	if (va >= FERRY_VA_END || !ferry_is_aligned(va, FERRY_BLOCK_SIZE))
		return FERRY_E_PAGE_TREE_RANGE;
	err = ferry_page_pool_get(ctx, tree->pool, &table.page);
	if (err)
		return err;
	ferry_mutex_lock(ctx, &tree->lock);
	err = tree_descend(ctx, tree, va, &dir);
	ferry_mutex_unlock(ctx, &tree->lock);
	if (err) {
		ferry_page_pool_put(ctx, tree->pool, &table.page);
		return err;
	}
	table.entry = &dir->page.cpu[tree_index(va, TREE_DIRS - 1)];
	*out = table;
	ferry_page_table_set_leaf(tree, out, 0);
	return 0;
}

void ferry_page_tree_unhook(struct ferry_page_table *table)
{
	ferry_os_dma_store64(table->entry, 0);
}

void ferry_page_tree_remove(struct ferry_ctx *ctx, struct ferry_page_tree *tree, struct ferry_page_table *table)
{
	(void)FERRY_ASSERT(ferry_os_dma_load64(table->entry) == 0);
	ferry_page_pool_put(ctx, tree->pool, &table->page);
	table->entry = NULL;
}

void ferry_page_table_write(struct ferry_page_table *table, uint32_t first, uint32_t count, uint64_t pte,
                            uint64_t step)
{
	uint64_t *entry = table->page.cpu + first;

	for (uint32_t i = 0; i < count; i++) {
		ferry_os_dma_store64(entry + i, pte);
		pte += step;
	}
}

void ferry_page_table_set_leaf(const struct ferry_page_tree *tree, struct ferry_page_table *table, uint64_t leaf)
{
	ferry_os_dma_wmb(); /* the table's entries before the pointer to it */
	ferry_os_dma_store64(table->entry, leaf ? leaf : tree->hal->pde(table->page.bus));
}
