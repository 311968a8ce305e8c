/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * pmm.h - physical memory manager: hands out the memory of one device, and says who has to give some back.
 *
 * Words:   frame = number of a 4 KiB page of device memory. Root = 2 MiB of it, 512 frames. A root is FREE, or
 *          WHOLE (given out in one piece), or cut into 64 KiB or into 4 KiB pieces; a cut root serves one size.
 *          Tenant = who holds frames and can be asked to leave (one block on one device). Age = time since a
 *          tenant was last touched by service.
 * Shapes:  one bitmap of 512 bits per root, bit set = frame taken; buckets of cut roots by fill, fullest first
 *          (root.h).
 *
 *     roots    [WHOLE][4K: 510 taken][FREE][64K: 3 pieces][4K: 7 taken] ...
 *                        ^ small pieces come from the fullest root, so that others drain and merge
 *
 * Split:   taking a small piece from a FREE root cuts it. Merge: when the last piece of a cut root comes back
 *          the root is FREE again, at once. A WHOLE root may come back frame by frame: it then counts as cut to
 *          4 KiB; so does a root cut to 64 KiB when part of a piece comes back.
 * Full:    4 KiB is refused only when not one frame is free: when no other root has a frame, one cut to 64 KiB
 *          becomes one cut to 4 KiB. 64 KiB comes from roots cut to 64 KiB and FREE ones, 2 MiB from FREE ones:
 *          both can be refused while smaller pieces are to be had, and the caller then asks for these.
 * Locking: PMM (spin) guards all of it. Never calls out with PMM held.
 * Eviction: ferry_pmm_victim() picks the tenant longest untouched that is neither pinned nor already leaving, and
 *          pins it for the caller, who moves the data and frees the frames. Eviction looks at tenants only.
 * Source:  the fullest-root rule and bitmap roots, docs/design/pmm.md with measurements.
 */
#ifndef FERRY_PMM_H
#define FERRY_PMM_H

#include "base/list.h"
#include "base/mem.h"
#include "lock/lock.h"

#define FERRY_PMM_NO_FRAME 0xffffffffu

enum ferry_pmm_size { FERRY_PMM_4K, FERRY_PMM_64K, FERRY_PMM_2M, FERRY_PMM_SIZES };

struct ferry_pmm; /* one per device */

struct ferry_tenant {
	struct ferry_list by_age; /* PMM: in the list from oldest to youngest; self-linked when absent */
	uint32_t pins;            /* PMM: while > 0 it is no victim */
	uint32_t frames;          /* PMM: how many it holds */
};

/*
 * vram_bytes: a multiple of 2 MiB, not 0, below 16 TiB (frame numbers are 32 bits, one is no frame).
 * Context: process. Return: 0, FERRY_E_PMM_NOMEM, FERRY_E_INVAL.
 */
int ferry_pmm_create(struct ferry_mem *mem, uint64_t vram_bytes, struct ferry_pmm **out) FERRY_MUST_CHECK;
/* Every frame must be free, every tenant gone (reported, and the books are freed all the same). NULL is allowed. */
void ferry_pmm_destroy(struct ferry_pmm *pmm);

/*
 * Take one piece, never evicting. *frame is its first frame, aligned to its size. tenant (not NULL) is charged;
 * the piece stays with it until freed. Context: any that may take PMM.
 * Return: 0, FERRY_E_PMM_SIZE, FERRY_E_PMM_FULL (no such piece: see Full above).
 */
int ferry_pmm_alloc(struct ferry_ctx *ctx, struct ferry_pmm *pmm, enum ferry_pmm_size size,
                    struct ferry_tenant *tenant, uint32_t *frame) FERRY_MUST_CHECK;

/*
 * Take up to count frames of 4 KiB for a tenant under one acquire; *taken of them are written to frames.
 * They come in ascending runs, root by root. Context: any that may take PMM.
 * Return: 0 when all were had, else FERRY_E_PMM_FULL (the ones taken stay taken): the device is then full.
 */
int ferry_pmm_alloc_frames(struct ferry_ctx *ctx, struct ferry_pmm *pmm, struct ferry_tenant *tenant, uint32_t count,
                           uint32_t *frames, uint32_t *taken);

/*
 * Give frames [first, first + count) back; they may be part of a larger piece, or several pieces. Frees and merges
 * under one acquire. Frames outside the device, not taken, or more than the tenant holds are reported and left
 * alone, root by root.
 * Context: any that may take PMM.
 */
void ferry_pmm_free(struct ferry_ctx *ctx, struct ferry_pmm *pmm, struct ferry_tenant *tenant, uint32_t first,
                    uint32_t count);

/*
 * A tenant enters with no frames (init), leaves when it has none (fini; a pin or a frame left is reported). It is in
 * the list while it has frames, and enters it as the youngest. touch makes it the youngest.
 */
void ferry_tenant_init(struct ferry_tenant *tenant);
void ferry_tenant_fini(struct ferry_ctx *ctx, struct ferry_pmm *pmm, struct ferry_tenant *tenant);
void ferry_tenant_touch(struct ferry_ctx *ctx, struct ferry_pmm *pmm, struct ferry_tenant *tenant);

/* Temporary pins nest. A pinned tenant keeps its frames. unpin returns false (and reports) without a pin. */
void ferry_tenant_pin(struct ferry_ctx *ctx, struct ferry_pmm *pmm, struct ferry_tenant *tenant);
bool ferry_tenant_unpin(struct ferry_ctx *ctx, struct ferry_pmm *pmm, struct ferry_tenant *tenant);

/*
 * The tenant to evict next: the oldest with frames and without pins; it comes pinned once. NULL: nobody.
 * hold (may be NULL) runs under PMM before the pin, so that the caller can take a reference to the
 * object around the tenant; false skips this tenant. It must not sleep or take locks.
 */
struct ferry_tenant *ferry_pmm_victim(struct ferry_ctx *ctx, struct ferry_pmm *pmm,
                                      bool (*hold)(struct ferry_tenant *tenant));

struct ferry_pmm_stats {
	uint64_t frames, frames_free;
	uint64_t roots, roots_free, roots_whole, roots_64k, roots_4k;
	uint64_t splits, merges;
	uint64_t tenants, pinned;
	uint64_t bookkeeping_bytes;
};
void ferry_pmm_stats(struct ferry_ctx *ctx, struct ferry_pmm *pmm, struct ferry_pmm_stats *out);
/* Check every invariant the header states; true when all hold. Slow; for tests. */
bool ferry_pmm_audit(struct ferry_ctx *ctx, struct ferry_pmm *pmm);

#endif /* FERRY_PMM_H */
