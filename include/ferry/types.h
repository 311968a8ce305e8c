/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * types.h - the shapes that every part of Ferry shares.
 *
 * Words:  page = 4 KiB, the unit of residency; big page = 64 KiB; block = 2 MiB, the unit of locking.
 * Shapes: byte ranges are [start, start + size); page ranges are (first, count). No inclusive ends.
 *
 * os_types.h comes from the host by include path and defines uint8_t..uint64_t, int32_t, size_t,
 * bool, NULL, memcpy, memset, memcmp, and the types behind os.h. Nothing here includes an OS header.
 */
#ifndef FERRY_TYPES_H
#define FERRY_TYPES_H

#include "os_types.h"

#define FERRY_PAGE_SHIFT 12u
#define FERRY_PAGE_SIZE (1ull << FERRY_PAGE_SHIFT)
#define FERRY_BIG_SHIFT 16u
#define FERRY_BIG_SIZE (1ull << FERRY_BIG_SHIFT)
#define FERRY_BLOCK_SHIFT 21u
#define FERRY_BLOCK_SIZE (1ull << FERRY_BLOCK_SHIFT)
#define FERRY_BLOCK_PAGES (1u << (FERRY_BLOCK_SHIFT - FERRY_PAGE_SHIFT)) /* 512 */
#define FERRY_BIG_PAGES (1u << (FERRY_BIG_SHIFT - FERRY_PAGE_SHIFT))     /* 16 */

/* The managed address space: user halves of today's 64-bit processes fit in it. */
#define FERRY_VA_BITS 47u
#define FERRY_VA_END (1ull << FERRY_VA_BITS)

/* Processors: 0 is the host, 1..FERRY_MAX_DEVICES are device ids plus one. */
#define FERRY_MAX_DEVICES 4u
#define FERRY_HOST 0u
#define FERRY_PROCESSORS (FERRY_MAX_DEVICES + 1u)

/* Where an address of the device's bus view lies. */
enum ferry_aperture {
	FERRY_APERTURE_HOST = 0,   /* a bus address of host memory */
	FERRY_APERTURE_DEVICE = 1, /* a byte offset in the device's own memory */
	FERRY_APERTURE_VIRTUAL = 2 /* a virtual address of the channel's address space */
};

/* How memory is touched, weakest first; a stronger access includes the weaker ones. */
enum ferry_access { FERRY_ACCESS_READ = 0, FERRY_ACCESS_WRITE = 1, FERRY_ACCESS_ATOMIC = 2 };

#define FERRY_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define FERRY_MUST_CHECK __attribute__((warn_unused_result))
#define FERRY_CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline uint64_t ferry_align_down(uint64_t v, uint64_t align)
{
	return v & ~(align - 1);
}

static inline uint64_t ferry_align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

static inline bool ferry_is_aligned(uint64_t v, uint64_t align)
{
	return (v & (align - 1)) == 0;
}

#endif /* FERRY_TYPES_H */
