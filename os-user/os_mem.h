/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_mem.h (process host) - memory, and copies in long runs.
 */
#ifndef FERRY_USER_OS_MEM_H
#define FERRY_USER_OS_MEM_H

#include "ferry/os.h"

/* From here on a copy goes around the cache: below it, who reads the copy next finds it in the cache. */
#define FERRY_USER_STREAM_BYTES (64u * 1024u)

void *ferry_user_zalloc(size_t size_bytes);
void ferry_user_free(void *p);
void ferry_user_copy_stream(void *dst, const void *src, size_t size_bytes);
void ferry_user_zero_stream(void *dst, size_t size_bytes);

static inline void *ferry_os_zalloc(size_t size_bytes, uint32_t flags)
{
	(void)flags; /* malloc may be called in any context of a process */
	return ferry_user_zalloc(size_bytes);
}

static inline void ferry_os_free(void *p)
{
	ferry_user_free(p);
}

static inline void ferry_os_copy_run(void *dst, const void *src, size_t size_bytes)
{
	if (size_bytes < FERRY_USER_STREAM_BYTES)
		memcpy(dst, src, size_bytes);
	else
		ferry_user_copy_stream(dst, src, size_bytes);
}

static inline void ferry_os_zero_run(void *dst, size_t size_bytes)
{
	if (size_bytes < FERRY_USER_STREAM_BYTES)
		memset(dst, 0, size_bytes);
	else
		ferry_user_zero_stream(dst, size_bytes);
}

#endif /* FERRY_USER_OS_MEM_H */
