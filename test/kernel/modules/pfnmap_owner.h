/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * pfnmap_owner.h - /dev/pfnmap_owner of the kernel tests: a driver that maps memory of its own, by
 * page frame number, and takes it back when it is told to.
 *
 *   mmap      page offsets 0..OWNER_PAGES - 1: pages of this handle, brought in by faults
 *             page offset OWNER_PAGES: a frame without a struct page; not to be touched
 *   TAKE      pages are gone for the mappings, then filled with OWNER_TAKEN; touch them: SIGBUS
 *   TOUCHED   how many taken pages no longer hold that
 *   POKE,     a word of a page through the owner's own address
 *   PEEK
 */
#ifndef FERRY_TEST_PFNMAP_OWNER_H
#define FERRY_TEST_PFNMAP_OWNER_H

#ifdef __KERNEL__
#include <linux/ioctl.h>
#include <linux/types.h>
#else
#include <stdint.h>
#include <sys/ioctl.h>
#endif

#define OWNER_PATH "/dev/pfnmap_owner"
#define OWNER_PAGES 1024u
#define OWNER_TAKEN 0xdeadULL

struct owner_range {
	uint32_t first, count;
};

struct owner_word {
	uint32_t page, index;
	uint64_t value;
};

#define OWNER_TAKE _IOW('o', 1, struct owner_range)
#define OWNER_TOUCHED _IO('o', 2)
#define OWNER_POKE _IOW('o', 3, struct owner_word)
#define OWNER_PEEK _IOWR('o', 4, struct owner_word)

#endif /* FERRY_TEST_PFNMAP_OWNER_H */
