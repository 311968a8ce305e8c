/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_mem.h (kernel host) - memory, and copies in long runs.
 *
 * Memory is charged to the memory cgroup of whoever asks. free works in any context: what only a
 * sleeper may free is handed to a worker.
 */
#ifndef FERRY_KERNEL_OS_MEM_H
#define FERRY_KERNEL_OS_MEM_H

#include <linux/gfp.h>

#include "ferry/os.h"

/*
 * Every allocation that is made for a user. At the limit of his cgroup it fails, and he gets an
 * error for what he asked: without RETRY_MAYFAIL the kernel would kill one of the group instead.
 */
#define FERRY_KERNEL_GFP (GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/*
 * From here on a copy goes around the cache: below it, who reads the copy next finds it in the
 * cache.
 */
#define FERRY_KERNEL_STREAM_BYTES (64u * 1024u)

/* With FERRY_KERNEL_GFP, in one piece if that is easily had. For kvfree(). */
void *ferry_kernel_kvzalloc(size_t size_bytes);
void *ferry_kernel_zalloc(size_t size_bytes, uint32_t flags);
void ferry_kernel_free(void *p);
void ferry_kernel_copy_stream(void *dst, const void *src, size_t size_bytes);

static inline void *ferry_os_zalloc(size_t size_bytes, uint32_t flags)
{
	return ferry_kernel_zalloc(size_bytes, flags);
}

static inline void ferry_os_free(void *p)
{
	ferry_kernel_free(p);
}

static inline void ferry_os_copy_run(void *dst, const void *src, size_t size_bytes)
{
	if (size_bytes < FERRY_KERNEL_STREAM_BYTES)
		memcpy(dst, src, size_bytes);
	else
		ferry_kernel_copy_stream(dst, src, size_bytes);
}

static inline void ferry_os_zero_run(void *dst, size_t size_bytes)
{
	memset(dst, 0, size_bytes); /* clear_page() is no faster, and wants its alignment */
}

#endif /* FERRY_KERNEL_OS_MEM_H */
