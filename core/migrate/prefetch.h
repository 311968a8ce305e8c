/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * prefetch.h - which pages come along with those that faulted: whole neighbourhoods that are dense already.
 *
 * Words:  group = 16 pages, 64 KiB, aligned. Region = 32, 64, 128, 256 or 512 pages, aligned: the nodes above the
 *         groups in a binary tree over the block. Dense = of a region's valid pages, more than threshold percent are
 *         resident, faulted or chosen already.
 * Rule:   choose every faulted page. Choose the valid pages of every group with a fault. Then, from small regions to
 *         large: choose the valid pages of every dense region with a fault. What a smaller region chose counts
 *         for the larger one, so that a stream runs ahead of its faults faster and faster.
 *
 *     512                    o                     o: node with a fault below it, x: dense, chosen
 *     256            o               .
 *     128        x       .       .       .         here 128 pages come: the largest dense region with a fault
 *      64      x   .   .   .   .   .   .   .
 *      32     x .
 *      16    x       <- the group of the fault
 *
 * Cost:   bitmaps all the way, a level of the tree at a time and no branch per region: 660 instructions whatever the
 *         maps hold; no page is looked at by itself.
 * Source: the idea of a density tree over the block is that of the prefetcher in NVIDIA's UVM driver, as papers about
 *         it describe it (Ganguly et al., ISCA 2019: "tree-based neighborhood prefetcher"); the form is ours.
 */
#ifndef FERRY_PREFETCH_H
#define FERRY_PREFETCH_H

#include "base/bitmap.h"

/*
 * out: the pages to bring: faulted ones, resident or not, and those the rule chooses that are not resident. out may
 * be one of the inputs. valid: pages that may come along; a faulted page outside it is brought, but counts for no
 * region. threshold_percent: 0 = one page makes a region dense, 100 and above = groups only.
 * Pure. Context: any.
 */
void ferry_prefetch_region(const struct ferry_bitmap *faulted, const struct ferry_bitmap *resident,
                           const struct ferry_bitmap *valid, uint32_t threshold_percent, struct ferry_bitmap *out);

#endif /* FERRY_PREFETCH_H */
