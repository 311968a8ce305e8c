/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * swap.h - the machine's disk as swap, and what the kernel does with it.
 */
#ifndef FERRY_TEST_SWAP_H
#define FERRY_TEST_SWAP_H

/* On from now on, also for later cases; it may be on already. Whatever was on the disk is lost. */
void swap_begin(void);
/* Off: the kernel brings everything back. 0 or an errno. */
int swap_end(void);
/* Pages that went out, and came in, since the machine began; -1 on a kernel that does not count (VM_EVENT_COUNTERS).
 */
long swap_pages_out(void);
long swap_pages_in(void);

#endif /* FERRY_TEST_SWAP_H */
