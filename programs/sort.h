/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * sort.h - the sizes that the sort's kernels (sort.c) and the host that launches them agree on. Numbers only: it is
 * included by both compilers.
 */
#ifndef FERRY_PROGRAM_SORT_H
#define FERRY_PROGRAM_SORT_H

#define SORT_DIGITS 256u /* values of a digit: 8 bits of a key */
#define SORT_PASSES 4u   /* digits of a key */
#define SORT_PIECE 1024u /* keys that one thread counts and moves: a page of them */

#define SORT_MERGE_THREADS 256u
#define SORT_MERGE_PIECE 128u                                   /* keys that one thread merges */
#define SORT_MERGE_TILE (SORT_MERGE_THREADS * SORT_MERGE_PIECE) /* keys that one block merges */

#endif /* FERRY_PROGRAM_SORT_H */
