/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * external.h - registered host memory: pieces of the process's own address space that devices use in place.
 *
 *   registration   [base, base + bytes), page aligned; begun and ended as a whole
 *   slot           2 MiB; belongs to managed memory or to registered memory. Pieces of several registrations may lie
 *                  in one slot: they share a struct ferry_external and its block
 *
 *        |<------ slot ------>|<------ slot ------>|
 *        ..[== A ==]..[= B ==================]......     reserved: A and B         valid: those that are ready
 *
 *   reserved ---external_map---> valid ---a device touches it---> mapped from afar
 *      ^                           |                                |  ^
 *      +-------external_unmap------+------------revoked <-----------+  +-- never again once it is revoked
 *
 * An external block has no CPU side and no frames: nothing of it is resident, populated, zapped, evicted or idle. Of
 * its sets only valid and read_only are used, and on each device mapped, writable and remote.
 *
 * Revoking comes from the host's memory management, maybe from inside an allocation that was made under VA_SPACE,
 * BLOCK or PAGE_TREE. So it takes none of these: everything it needs is guarded by EXTERNAL, under which nobody
 * allocates. A fault and a revoke of the same page:
 *
 *     fault (BLOCK)                                  revoke
 *     external_bus: where is it? may allocate
 *     EXTERNAL { revoked? no: write the entry }
 *                                                    EXTERNAL { mark revoked; clear the entry; invalidate, wait }
 *     or, the other way round:
 *                                                    EXTERNAL { mark revoked; nothing is mapped }
 *     EXTERNAL { revoked? yes: the fault is fatal }
 *
 * Locks: VA_SPACE write makes and ends registrations; valid and read_only change under it and BLOCK, so who holds
 * VA_SPACE for reading may look at them. The host's operations external_map and external_unmap are called without
 * any lock: they take the address space's own, which comes before all of ours.
 */
#ifndef FERRY_EXTERNAL_H
#define FERRY_EXTERNAL_H

#include "fault/service.h"
#include "va/va_space.h"

struct ferry_registration {
	struct ferry_list node;    /* VA_SPACE: vs->registrations */
	struct ferry_list in_slot; /* VA_SPACE: first slot's registrations */
	uint64_t base, bytes;      /* constant, as is the next */
	bool write;
	bool live; /* VA_SPACE: not being made or ended */
};

/* A slot that holds registered memory. */
struct ferry_external {
	struct ferry_va_range range;  /* what the slot says it belongs to: one slot, in no list of ranges */
	struct ferry_block *block;    /* constant */
	struct ferry_list starts;     /* VA_SPACE: registrations that begin here */
	struct ferry_bitmap reserved; /* VA_SPACE: pages of registrations, from before they are valid to after */
	struct ferry_list node FERRY_GUARDED_BY(&block->vs->external_lock);      /* EXTERNAL: vs->externals */
	struct ferry_bitmap revoked FERRY_GUARDED_BY(&block->vs->external_lock); /* EXTERNAL */
	/* EXTERNAL: where pages may be mapped */
	struct ferry_block_gpu *on[FERRY_MAX_DEVICES] FERRY_GUARDED_BY(&block->vs->external_lock);
};

/* The host can, and every device reaches host memory in place. */
bool ferry_external_supported(const struct ferry_va_space *vs);

/*
 * No lock held. 0; FERRY_E_UNSUPPORTED, FERRY_E_RANGE_ZERO, _ALIGN, _OVERFLOW, _OVERLAP, FERRY_E_REGISTER_NOMEM, and
 * what external_map says. An error leaves nothing behind.
 */
int ferry_external_register(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t base, uint64_t bytes,
                            bool write) FERRY_NEEDS_NOT(&vs->lock);
/* The registration that begins at base, as a whole. No lock held. FERRY_E_REGISTER_NOT_FOUND. */
int ferry_external_unregister(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t base, uint64_t *bytes)
	FERRY_NEEDS_NOT(&vs->lock);
/* All of them, when the VA space ends: no request and no fault of it is under way. No lock held. */
void ferry_external_end(struct ferry_ctx *ctx, struct ferry_va_space *vs) FERRY_NEEDS_NOT(&vs->lock);

/*
 * ferry_service_block() of an external block: maps wanted pages from afar, with prefetch all of the block that can
 * be. VA_SPACE held for reading. FERRY_E_HOST_MAP, FERRY_E_BLOCK_NOMEM, FERRY_E_PAGE_TREE_*, FERRY_E_DEVICE_LOST.
 */
int ferry_external_serve(struct ferry_ctx *ctx, struct ferry_block *block, uint32_t device,
                         struct ferry_service *service) FERRY_NEEDS_NOT(&block->lock);

/* See ferry_core_external_revoke(). */
void ferry_external_revoke(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t va, uint64_t bytes)
	FERRY_NEEDS_NOT(&vs->external_lock);

#endif /* FERRY_EXTERNAL_H */
