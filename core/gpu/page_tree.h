/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * page_tree.h - the page tables of one address space on one device.
 *
 *   root (VA 47:39) -> directory (38:30) -> directory (29:21) -> table of one 2 MiB block (20:12)
 *                                            entry of a block: pointer to its table, or one 2 MiB leaf
 *
 * The tree's shape (which directories and tables exist) is PAGE_TREE's. A block's table and its entry in the
 * directory above belong to the block: only who holds BLOCK writes them, with single 64-bit stores the device may see
 * at any time. Adding and raising needs no invalidate; whoever takes away or changes must invalidate
 * (ferry_device_tlb_invalidate) before the memory is used for anything else.
 */
#ifndef FERRY_PAGE_TREE_H
#define FERRY_PAGE_TREE_H

#include "gpu/hal.h"
#include "gpu/page_pool.h"

struct ferry_page_dir;

struct ferry_page_tree {
	struct ferry_page_pool *pool;
	struct ferry_mem *mem;
	const struct ferry_hal *hal;
	struct ferry_mutex lock FERRY_LOCK_ROW(PAGE_TREE); /* PAGE_TREE */
	struct ferry_page_dir *root;                       /* constant; PAGE_TREE guards what it points at */
};

/* The part of the tree that belongs to one block: BLOCK guards what it points at. */
struct ferry_page_table {
	struct ferry_pool_page page; /* its 512 entries; cpu NULL = no table */
	uint64_t *entry;             /* the block's word in the directory above */
};

int ferry_page_tree_init(struct ferry_page_tree *tree, struct ferry_mem *mem, struct ferry_page_pool *pool,
                         const struct ferry_hal *hal, struct ferry_ctx *ctx);
/* Every table must have been removed. */
void ferry_page_tree_fini(struct ferry_ctx *ctx, struct ferry_page_tree *tree);
uint64_t ferry_page_tree_root_bus(const struct ferry_page_tree *tree);

/* A table for the block at va (2 MiB aligned), hooked in. Takes PAGE_TREE. FERRY_E_PAGE_TREE_NOMEM, _RANGE. */
int ferry_page_tree_add(struct ferry_ctx *ctx, struct ferry_page_tree *tree, uint64_t va,
                        struct ferry_page_table *out) FERRY_NEEDS_NOT(&tree->lock);
/* Take the block's entry out of the directory: after an invalidate of the block no walk reads the table any more. */
void ferry_page_tree_unhook(struct ferry_page_table *table);
/* Free the table: unhooked, and invalidated after that. Directories stay until fini. */
void ferry_page_tree_remove(struct ferry_ctx *ctx, struct ferry_page_tree *tree, struct ferry_page_table *table);

/* count entries from first on: pte, pte + step, ...; step 0 writes the same. BLOCK held. */
void ferry_page_table_write(struct ferry_page_table *table, uint32_t first, uint32_t count, uint64_t pte,
                            uint64_t step);
/* The block's directory entry: a 2 MiB leaf, or (leaf 0) the pointer to the table. BLOCK held. */
void ferry_page_table_set_leaf(const struct ferry_page_tree *tree, struct ferry_page_table *table, uint64_t leaf);

#endif /* FERRY_PAGE_TREE_H */
