/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * kernel_space.h - the address space of one handle on the kernel host: which addresses are its own.
 *
 *     space --> piece [start, end) --> piece ...        what map() gave, less what is somebody else's by now
 *
 * The program may unmap managed memory itself; its addresses are then free, and the next mmap() of anybody can get
 * them. So a piece is unmapped only where it is still a mapping of the node, and what another handle's map() got is
 * taken out of every other piece. Locking: one lock for all spaces of the process, taken by fork() too: the child
 * closes the descriptors, or a child that lives on would keep its parent's driver state alive, and has no mappings.
 */
#ifndef FERRY_KERNEL_SPACE_H
#define FERRY_KERNEL_SPACE_H

#include "lib/kernel.h"

struct ferry_kernel_piece;

struct ferry_kernel_space {
	const struct ferry_kernel_sys *sys;
	int fd; /* -1 in a child */
	struct ferry_kernel_piece *pieces;
	struct ferry_kernel_space *next;
};

/* Takes fd. */
void ferry_kernel_space_open(struct ferry_kernel_space *space, const struct ferry_kernel_sys *sys, int fd);
/* Unmaps everything, closes fd. */
void ferry_kernel_space_close(struct ferry_kernel_space *space);

/*
 * Map the node at a free 2 MiB aligned address. bytes: whole pages, not 0. FERRY_E_NOMEM, FERRY_E_MMAP; what
 * ferry_kernel_error() makes of ENODEV (the device is gone) and EPERM (not the process that opened it).
 */
int ferry_kernel_space_map(struct ferry_kernel_space *space, size_t bytes, uint64_t *va);
void ferry_kernel_space_unmap(struct ferry_kernel_space *space, uint64_t va, size_t bytes);

#endif /* FERRY_KERNEL_SPACE_H */
