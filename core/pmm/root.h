/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * root.h - the roots of one device: which frames are taken, and which root the next piece comes from.
 *
 * Words:  piece = what a cut root gives out: a frame (4 KiB) or an aligned group of 16 (64 KiB). Fill = how many
 *         pieces of a cut root are taken. Level = all cut roots of one size and about one fill that still have a
 *         free piece, as a ring: 64 levels of eight fills each for 4K, one per fill for 64K.
 * Shapes:
 *           taken whole           cut             fully taken: in no level
 *     FREE ------------> WHOLE  FREE ---> CUT_4K, CUT_64K -----------------+
 *      ^ ^-----------------+      ^            |   levels   <--------------+ a piece comes back
 *      |   comes back whole       +------------+
 *      |                         last piece comes back
 *      +-- a chain, last in first out
 *
 *     levels of 4K   0: 1..7 taken [ ]   1: 8..15 [r7 r9]   ...   62: 496..503 [r3]   63: 504..511 [ ]
 *     occupied_4k    0                   1                        1 <- fullest: the highest bit      0
 *
 *     WHOLE or CUT_64K --> CUT_4K when a part of a piece comes back, and CUT_64K --> CUT_4K when a frame is wanted
 * and no other root has one. Such a root still holds larger pieces; it gives out frames only.
 *
 * Fullest: means the highest level; within it, the root that came last. Eight fills share a level because telling
 *         511 from 505 keeps no more roots whole, while seven of eight frees then move no root (docs/design/pmm.md).
 * Map:    CUT_4K: bit set = frame taken. CUT_64K: bit i of word 0 = piece i taken. FREE, WHOLE: all zero (a root that
 *         is given out in one piece touches no map).
 * Cost:   every operation on one piece is constant: no loop over roots, levels or frames. 76 bytes a root.
 * Locking: the owner's (PMM). Nothing here calls out, but for memory in init.
 */
#ifndef FERRY_ROOT_H
#define FERRY_ROOT_H

#include "base/bitmap.h"
#include "base/mem.h"

#define FERRY_ROOT_NONE 0xffffffffu
#define FERRY_ROOT_FRAMES FERRY_BLOCK_PAGES                     /* 512 */
#define FERRY_ROOT_PIECES (FERRY_BLOCK_PAGES / FERRY_BIG_PAGES) /* 32 of 64 KiB */
#define FERRY_ROOT_FILLS 8u                                     /* of 4K, to a level */
#define FERRY_ROOT_LEVELS_4K (FERRY_ROOT_FRAMES / FERRY_ROOT_FILLS)
#define FERRY_ROOT_LEVELS (FERRY_ROOT_LEVELS_4K + FERRY_ROOT_PIECES) /* 4K, then 64K */

enum ferry_root_kind { FERRY_ROOT_FREE, FERRY_ROOT_WHOLE, FERRY_ROOT_CUT_64K, FERRY_ROOT_CUT_4K, FERRY_ROOT_KINDS };

struct ferry_root {
	uint16_t fill; /* pieces taken; 0 unless cut */
	uint8_t kind;
	uint8_t open; /* CUT_4K: bit w = word w of the map has a frame free */
};

/* A node of a level's ring, or of the chain of free roots (next only). Indices: roots, then levels. */
struct ferry_root_link {
	uint32_t next, prev;
};

struct ferry_roots {
	uint32_t count;
	uint32_t free; /* head of the chain, FERRY_ROOT_NONE at its end */
	struct ferry_bitmap *map;
	struct ferry_root *root;
	struct ferry_root_link *link;

	uint64_t occupied_4k; /* bit per level: somebody is in it */
	uint64_t occupied_64k;

	uint64_t frames_free;
	uint32_t kinds[FERRY_ROOT_KINDS]; /* roots of each */
	uint64_t splits, merges;
	struct ferry_mem *mem;
};

/* count > 0. 0, FERRY_E_PMM_NOMEM. Context: process. fini does not ask whether frames are taken. */
int ferry_roots_init(struct ferry_roots *rs, struct ferry_mem *mem, uint32_t count) FERRY_MUST_CHECK;
void ferry_roots_fini(struct ferry_roots *rs);
uint64_t ferry_roots_bytes(uint32_t count); /* what init takes for so many */

/* One root in one piece: its first frame, or FERRY_ROOT_NONE. */
uint32_t ferry_roots_take_whole(struct ferry_roots *rs);
/* An aligned group of 16 frames: the fullest root cut to 64K, else a free root. First frame or FERRY_ROOT_NONE. */
uint32_t ferry_roots_take_big(struct ferry_roots *rs);
/*
 * One frame: of the fullest root cut to 4K, else of a free root, else of the fullest cut to 64K, which is 4K from
 * then on. FERRY_ROOT_NONE only when not one frame is free.
 */
uint32_t ferry_roots_take_frame(struct ferry_roots *rs);
/* Up to count frames by the same rule, ascending within a root. How many: fewer than count when no frame is left. */
uint32_t ferry_roots_take_frames(struct ferry_roots *rs, uint32_t count, uint32_t *frames);

/*
 * Frames [first, first + count) of one root come back; they need not be one piece. false, and nothing has
 * changed, when one of them is not taken.
 */
bool ferry_roots_give(struct ferry_roots *rs, uint32_t first, uint32_t count);

/* Is this frame taken? */
bool ferry_roots_taken(const struct ferry_roots *rs, uint32_t frame);
/* Every invariant of this header. Linear in the device; for tests. */
bool ferry_roots_audit(const struct ferry_roots *rs);

#endif /* FERRY_ROOT_H */
