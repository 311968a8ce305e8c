/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * block.h - 2 MiB of managed address space: who holds which of its 512 pages, and who has them mapped.
 *
 * Everything is sets of pages (base/bitmap.h), one for each fact:
 *
 *      valid        the page exists (a partial unmap clears bits)
 *      populated    a host page stands behind it, so it always has a home to go to
 *      host         the host page has the current bytes
 *      gpu resident the device's frame has the current bytes
 *      lost         the only copy was on a device that died
 *
 *   A page that is valid and resident nowhere reads as zero. Where it is resident:
 *
 *      host only ------GPU reads------> host + device (copies) -----GPU writes----> device only
 *          ^                                  |    |                                    |
 *          +------------CPU writes------------+    +--evict: nothing to copy            |
 *          +--------------------------CPU touches, or evict: copied home----------------+
 *
 *   While a page has copies, nobody may write it without making one of them the only one: the CPU has it unmapped
 *   (or mapped read-only, when the advice is read-mostly), devices map it read-only.
 *
 * Locking: BLOCK (block->lock) guards every field unless it says otherwise. Life: references; the VA space's slot
 * holds one, and so does every flow that keeps a block past its VA_SPACE lock (eviction).
 */
#ifndef FERRY_BLOCK_H
#define FERRY_BLOCK_H

#include "base/bitmap.h"
#include "core_impl.h"
#include "gpu/page_tree.h"
#include "pmm/pmm.h"

struct ferry_va_space;
struct ferry_va_range;
struct ferry_block;
struct ferry_external;

/* What advice says of a block. */
struct ferry_policy {
	uint8_t preferred;   /* processor + 1; 0 = none */
	uint8_t accessed_by; /* bit per device */
	bool read_mostly;
};

/* Who had most of a block when it was last served: whoever goes on to the next one is likely to want all of it. */
#define FERRY_DENSE_CPU 1ull
#define FERRY_DENSE_READ(device) (2ull << (2 * (device)))
#define FERRY_DENSE_WRITE(device) (4ull << (2 * (device)))

struct ferry_block {
	struct ferry_mutex lock FERRY_LOCK_ROW(BLOCK); /* BLOCK */
	struct ferry_os_atomic refs;                   /* atomic */
	struct ferry_core *core;                       /* constant; outlives the block */
	struct ferry_va_space *vs;                     /* constant; alive while !dead, seen under BLOCK */
	struct ferry_va_range *range;                  /* constant; as vs */
	uint64_t va;                                   /* constant; 2 MiB aligned */
	/* Constant. NULL: managed memory. Else its device mappings are EXTERNAL's, and it has no CPU side: external.h
	 */
	struct ferry_external *external;
	bool dead FERRY_GUARDED_BY(&lock); /* no longer in the VA space */
	struct ferry_policy policy FERRY_GUARDED_BY(&lock);
	struct ferry_os_atomic
		dense; /* atomic, a hint for the next block: FERRY_DENSE_* of who had most of this one */
	struct ferry_bitmap valid FERRY_GUARDED_BY(&lock), read_only FERRY_GUARDED_BY(&lock);
	struct ferry_bitmap populated FERRY_GUARDED_BY(&lock), host FERRY_GUARDED_BY(&lock),
		lost FERRY_GUARDED_BY(&lock);
	struct ferry_bitmap cpu_mapped FERRY_GUARDED_BY(&lock), cpu_writable FERRY_GUARDED_BY(&lock);
	struct ferry_bitmap contested FERRY_GUARDED_BY(&lock); /* devices took it from each other: plan.h */
	uint64_t turn_ns FERRY_GUARDED_BY(&lock);              /* when one device last took pages from another */
	uint8_t turn_of FERRY_GUARDED_BY(&lock);               /* which did: device + 1 */
	uint8_t turns FERRY_GUARDED_BY(&lock);                 /* how often in a row it went to and fro */
	struct ferry_block_gpu *on[FERRY_MAX_DEVICES] FERRY_GUARDED_BY(&lock); /* NULL: never was there */
};

/* A block's presence on one device. */
struct ferry_block_gpu {
	struct ferry_tenant tenant; /* PMM */
	struct ferry_block *block;  /* constant, as are the next two */
	struct ferry_device *gpu;
	uint32_t asid;
	struct ferry_page_tree *tree;                                /* constant */
	struct ferry_bitmap resident FERRY_GUARDED_BY(&block->lock); /* the frame holds the current bytes */
	struct ferry_bitmap framed FERRY_GUARDED_BY(&block->lock);   /* a frame is reserved */
	struct ferry_bitmap mapped FERRY_GUARDED_BY(&block->lock);   /* in the device's page tables */
	struct ferry_bitmap writable FERRY_GUARDED_BY(&block->lock); /* of these, for writing and atomics */
	struct ferry_bitmap remote FERRY_GUARDED_BY(&block->lock);   /* of these, at the host page */
	struct ferry_page_table table FERRY_GUARDED_BY(&block->lock);
	/* gpu->evictions when this block was last evicted; 0 = never */
	uint64_t evicted_at FERRY_GUARDED_BY(&block->lock);
	/* how often in a row it came back before its device had turned over */
	uint8_t thrash FERRY_GUARDED_BY(&block->lock);
	bool leaf FERRY_GUARDED_BY(&block->lock);    /* the table is short-cut by one 2 MiB leaf now */
	uint32_t big FERRY_GUARDED_BY(&block->lock); /* bit per 64 KiB group whose entries are one big page now */
	uint32_t frame[FERRY_BLOCK_PAGES] FERRY_GUARDED_BY(&block->lock); /* where framed */
};

/* pages: how many of the 512 exist, from the first on. FERRY_E_BLOCK_NOMEM. One reference for the caller. */
int ferry_block_create(struct ferry_va_space *vs, struct ferry_va_range *range, uint64_t va, uint32_t pages,
                       struct ferry_block **out);
bool ferry_block_get_unless_zero(struct ferry_block *block);
/* The last reference frees it, and its presence on devices: which live until then, so that pointers to them stay
 * good. */
void ferry_block_put(struct ferry_ctx *ctx, struct ferry_block *block);

/* Its presence on a device, made on first use. BLOCK held. FERRY_E_BLOCK_NOMEM, FERRY_E_PAGE_TREE_*. */
int ferry_block_on(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t device, struct ferry_block_gpu **out)
	FERRY_NEEDS(&block->lock);

/*
 * Take the block out of use: pages leave every device, frames go back, CPU mappings go. The bytes are dropped.
 * Takes BLOCK. Afterwards the block is dead.
 */
void ferry_block_kill(struct ferry_ctx *ctx, struct ferry_block *block) FERRY_NEEDS_NOT(&block->lock);

/* Pages [first, first + count) no longer exist. BLOCK held. */
void ferry_block_invalidate_pages(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t first, uint32_t count)
	FERRY_NEEDS(&block->lock);

/* Give the frames of these pages back; they must not be mapped at a frame. BLOCK held. */
void ferry_block_free_frames(struct ferry_ctx *ctx, struct ferry_block_gpu *bg, const struct ferry_bitmap *pages)
	FERRY_NEEDS(&bg->block->lock);

/*
 * A lost device takes its only copies with it: marks them lost, forgets its mappings. BLOCK held. Called by whoever
 * is about to rely on what a device holds.
 */
void ferry_block_drop_lost_devices(struct ferry_ctx *ctx, struct ferry_block *block) FERRY_NEEDS(&block->lock);

/* The pages resident on any device. */
void ferry_block_device_resident(const struct ferry_block *block, struct ferry_bitmap *out) FERRY_NEEDS(&block->lock);

#endif /* FERRY_BLOCK_H */
