/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * va_space.h - one open handle: an address space of the CPU, shared with devices.
 *
 * Slots: a radix of 2 MiB slots, 2 levels of 13 bits over the 47-bit space, finds a block in two loads.
 *
 *      slot = 0                      not managed
 *      slot = range | 1              managed, no block yet (nothing was ever touched there)
 *      slot = block                  the block; the slot holds a reference. Registered memory has no other form
 *
 *   A range begins on a 2 MiB boundary and has its last slot for itself, so a slot never belongs to two ranges.
 *   VA_SPACE in write mode makes and ends ranges; in read mode a slot may go from range | 1 to a block (by cmpxchg).
 *
 * A device joins a VA space when it is first used there (ferry_va_space_join): it gets an address-space id, page
 * tables and a compute channel, and keeps them until close.
 */
#ifndef FERRY_VA_SPACE_H
#define FERRY_VA_SPACE_H

#include "core_impl.h"
#include "gpu/channel.h"
#include "gpu/page_tree.h"
#include "lock/va_lock.h"
#include "trace/counters.h"
#include "va/block.h"

#define FERRY_RANGE_BYTES_MAX (1ull << 40) /* of one allocation: its slots are 4 MiB of the core's memory */
#define FERRY_RADIX_BITS 13u
#define FERRY_RADIX_SLOTS (1u << FERRY_RADIX_BITS)

struct ferry_launch_ring;

struct ferry_radix_leaf {
	struct ferry_os_atomic slot[FERRY_RADIX_SLOTS];
};

struct ferry_va_range {
	struct ferry_list node;     /* VA_SPACE */
	uint64_t base, bytes;       /* constant */
	uint64_t valid_pages;       /* VA_SPACE write: pages that still exist */
	bool external;              /* constant: a slot of registered memory (external.h) */
	bool read_only;             /* VA_SPACE write: devices may read only, in blocks that do not exist yet */
	struct ferry_policy policy; /* VA_SPACE write: of blocks that do not exist yet */
};

/* One device as this VA space uses it. */
struct ferry_va_gpu {
	struct ferry_device *gpu; /* constant, as are the rest but where said */
	uint32_t asid;
	struct ferry_page_tree tree;
	struct ferry_channel compute;
	struct ferry_launch_ring *launches; /* its own locking: gpu/launch.h */
};

struct ferry_va_space {
	struct ferry_list node;  /* GLOBAL */
	struct ferry_core *core; /* constant, as are the next three */
	const struct ferry_mm_ops *ops;
	void *mm;
	uint32_t host_caps;
	struct ferry_va_lock lock FERRY_LOCK_ROW(VA_SPACE); /* VA_SPACE */
	struct ferry_list ranges FERRY_GUARDED_BY(&lock);   /* VA_SPACE */
	struct ferry_radix_leaf **radix; /* VA_SPACE write to add a leaf; FERRY_RADIX_SLOTS pointers */
	struct ferry_mutex launch_lock FERRY_LOCK_ROW(LAUNCH); /* LAUNCH: joining, programs, order of launches */
	struct ferry_va_gpu *joined[FERRY_MAX_DEVICES] FERRY_GUARDED_BY(&launch_lock); /* LAUNCH */
	struct ferry_va_gpu *on[FERRY_MAX_DEVICES];                   /* VA_SPACE: the same, once published */
	struct ferry_list registrations FERRY_GUARDED_BY(&lock);      /* VA_SPACE */
	struct ferry_mutex external_lock FERRY_LOCK_ROW(EXTERNAL);    /* EXTERNAL: see external.h */
	struct ferry_list externals FERRY_GUARDED_BY(&external_lock); /* EXTERNAL: slots of registered memory */
	struct ferry_os_atomic idle_va; /* atomic, a hint: where to look for idle pages next */
	struct ferry_counters counters; /* atomics */
	/* By device: who holds its ISR_SERVICE adds, anybody reads. Its counters and those above make the sum. */
	struct ferry_counters served[FERRY_MAX_DEVICES];
};

int ferry_va_space_create(struct ferry_ctx *ctx, struct ferry_core *core, const struct ferry_mm_ops *ops, void *mm,
                          uint32_t host_caps, struct ferry_va_space **out);
/* Stages: launches end, devices leave (no fault of this space is served any more), blocks die, memory is freed. */
void ferry_va_space_destroy(struct ferry_ctx *ctx, struct ferry_va_space *vs);

/* This device's part of the VA space, made on first use. No lock held. Takes VA_SPACE write, LAUNCH. */
int ferry_va_space_join(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint32_t device, struct ferry_va_gpu **out)
	FERRY_NEEDS_NOT(&vs->lock) FERRY_NEEDS_NOT(&vs->launch_lock);

/* Ranges: VA_SPACE in write mode is taken inside. Codes FERRY_E_RANGE_*. */
int ferry_va_range_create(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t base, uint64_t bytes,
                          bool read_only) FERRY_NEEDS_NOT(&vs->lock);
int ferry_va_range_destroy(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t base, uint64_t *bytes)
	FERRY_NEEDS_NOT(&vs->lock);
/* Pages of any ranges stop existing; a range without pages ends. Unmanaged addresses are passed over. */
void ferry_va_range_unmap(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t va, uint64_t bytes)
	FERRY_NEEDS_NOT(&vs->lock);
/*
 * Every byte of [base, base + bytes) is managed: 0, FERRY_E_RANGE_ZERO, _ALIGN, _OVERFLOW, _NOT_FOUND;
 * FERRY_E_REGISTERED: it would be, but for registered memory. VA_SPACE held.
 */
int ferry_va_range_check(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t base, uint64_t bytes)
	FERRY_NEEDS_SHARED(&vs->lock);
int ferry_va_range_advise(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t base, uint64_t bytes,
                          uint32_t advice, uint32_t where) FERRY_NEEDS_NOT(&vs->lock);
int ferry_va_range_protect(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t base, uint64_t bytes,
                           bool write) FERRY_NEEDS_NOT(&vs->lock);

/*
 * The block of the slot at va, made when the slot is managed and has none. VA_SPACE held (read is enough).
 * FERRY_E_RANGE_NOT_FOUND, FERRY_E_BLOCK_NOMEM. The pointer is good while VA_SPACE is held; keep it longer with
 * ferry_block_get_unless_zero().
 */
int ferry_va_space_block(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t va, struct ferry_block **out)
	FERRY_NEEDS_SHARED(&vs->lock);
/* The same without making one: NULL when there is none. */
struct ferry_block *ferry_va_space_peek(struct ferry_va_space *vs, uint64_t va);

/* ---- for external.c: VA_SPACE held, in write mode but for slot_range ---- */
/* Whom the slot at va belongs to; NULL. */
struct ferry_va_range *ferry_va_slot_range(struct ferry_va_space *vs, uint64_t va) FERRY_NEEDS_SHARED(&vs->lock);
/* The radix has room for these slots. FERRY_E_RANGE_NOMEM. */
int ferry_va_slots_prepare(struct ferry_va_space *vs, uint64_t base, uint64_t bytes) FERRY_NEEDS(&vs->lock);
/* The slot at va is this block's, or (NULL) nobody's. */
void ferry_va_slot_set(struct ferry_va_space *vs, uint64_t va, struct ferry_block *block) FERRY_NEEDS(&vs->lock);

#endif /* FERRY_VA_SPACE_H */
