/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * plan.h - what to do about wanted pages: use them from afar, or bring them, and what comes along.
 *
 *   policy (preferred, accessed by) ----> remote
 *   devices contest the page        ----> remote
 *   dense regions around the faults ----> read, write          (prefetch.h: within the block)
 *   entered at its start, and the
 *   block before was dense          ----> the whole block      (a stream that goes on)
 *   the block thrashes              ----> less, down to the faults themselves
 *
 * A block thrashes when it comes back before its device has turned over four times: evictions are the clock. Each
 * such return in a row narrows what comes along (64 pages, 16, 1), each other return widens it again. A stream is not
 * narrowed: over a little more than the device holds it comes back as soon, but it uses what it brings.
 *
 * Devices contest a page when one takes it from the other, the other takes it back, and so on, each within 0.5 ms:
 * four times, and it goes home, for all of them to use there. Else two devices that write one page could go on for
 * ever, each losing the page before it has used it. After 100 ms without a turn the block's pages may be taken again;
 * a request to move one says so at once, and is no turn. A device that reaches only its own memory cannot be helped
 * so: it goes on taking.
 *
 *     device 0   fault ----- take ------------------- fault -- take ...            fault -- remote
 *     device 1         fault ------ take (turn 1) ------------- (turn 2) ... (turn 4) --- remote
 *
 * The functions look at sets and decide; they move nothing. BLOCK held, VA_SPACE held for reading.
 * Source: the tree-based density prefetcher is described in Ganguly et al., ISCA 2019; the rest is ours,
 * docs/design/pages.md.
 */
#ifndef FERRY_PLAN_H
#define FERRY_PLAN_H

#include "va/block.h"

/* All sets disjoint. */
struct ferry_plan {
	struct ferry_bitmap remote;      /* use at the host page */
	struct ferry_bitmap read, write; /* bring */
};

/* read and write: wanted, not there yet, allowed. grow: others may come along. */
void ferry_plan_make(struct ferry_block *block, struct ferry_block_gpu *bg, const struct ferry_bitmap *read,
                     const struct ferry_bitmap *write, bool grow, struct ferry_plan *plan) FERRY_NEEDS(&block->lock);

/* A fault of this device is about to be served: is it its turn again? Then what it would take may become contested.
 */
void ferry_plan_judge_turns(struct ferry_block *block, const struct ferry_block_gpu *bg,
                            const struct ferry_bitmap *read, const struct ferry_bitmap *write)
	FERRY_NEEDS(&block->lock);

/* Contested pages that may be taken again now: they are to be unmapped wherever they are remote, and forgotten. */
bool ferry_plan_peace(const struct ferry_block *block) FERRY_NEEDS(&block->lock);

/* Would a plan for this page, which is not mapped, bring it and nothing else? false: perhaps; make one. */
bool ferry_plan_alone(const struct ferry_block *block, const struct ferry_block_gpu *bg, uint32_t page, bool write)
	FERRY_NEEDS(&block->lock);

/* After a plan was carried out: leave the hint for the next block. */
void ferry_plan_note(struct ferry_block *block, const struct ferry_block_gpu *bg) FERRY_NEEDS(&block->lock);

/* The same for the CPU: what comes along with a page it touched. */
void ferry_plan_cpu(struct ferry_block *block, uint32_t page, bool write, struct ferry_bitmap *region)
	FERRY_NEEDS(&block->lock);

#endif /* FERRY_PLAN_H */
