/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_copy.c (process host) - long copies around the cache.
 *
 * A page that moves is not read by this core soon, so its destination lines need not be fetched before they are
 * overwritten: non-temporal stores save a third of the memory traffic. Under a sanitizer plain memcpy is used, as
 * its checks know memcpy.
 */
#include "ferry/os.h"

#if defined(__x86_64__) && !FERRY_USER_TSAN && !FERRY_USER_ASAN
#define STREAM 1
#include <immintrin.h>
#endif

#ifdef STREAM

#define PIECE 128u /* bytes per turn: two cache lines */

/* How many bytes of dst come before an address that the widest store likes. */
static size_t head_bytes(const void *dst)
{
	return (size_t)(-(uintptr_t)dst & 63u);
}

__attribute__((target("avx2"))) static void copy_avx2(char *dst, const char *src, size_t pieces)
{
	for (; pieces; pieces--, dst += PIECE, src += PIECE) {
		__m256i a = _mm256_loadu_si256((const __m256i *)(const void *)src);
		__m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(src + 32));
		__m256i c = _mm256_loadu_si256((const __m256i *)(const void *)(src + 64));
		__m256i d = _mm256_loadu_si256((const __m256i *)(const void *)(src + 96));

		_mm256_stream_si256((__m256i *)(void *)dst, a);
		_mm256_stream_si256((__m256i *)(void *)(dst + 32), b);
		_mm256_stream_si256((__m256i *)(void *)(dst + 64), c);
		_mm256_stream_si256((__m256i *)(void *)(dst + 96), d);
	}
}

static void copy_sse2(char *dst, const char *src, size_t pieces)
{
	for (; pieces; pieces--) {
		for (uint32_t i = 0; i < PIECE / 16; i++, dst += 16, src += 16)
			_mm_stream_si128((__m128i *)(void *)dst, _mm_loadu_si128((const __m128i *)(const void *)src));
	}
}

void ferry_user_copy_stream(void *dst, const void *src, size_t size_bytes)
{
	size_t head = head_bytes(dst);
	size_t pieces;

	memcpy(dst, src, head); /* head < 64 <= FERRY_USER_STREAM_BYTES <= size_bytes */
	pieces = (size_bytes - head) / PIECE;
	if (__builtin_cpu_supports("avx2"))
		copy_avx2((char *)dst + head, (const char *)src + head, pieces);
	else
		copy_sse2((char *)dst + head, (const char *)src + head, pieces);
	_mm_sfence(); /* streaming stores are weakly ordered; a later release must cover them */
	head += pieces * PIECE;
	memcpy((char *)dst + head, (const char *)src + head, size_bytes - head);
}

void ferry_user_zero_stream(void *dst, size_t size_bytes)
{
	size_t head = head_bytes(dst);
	size_t pieces;
	char *p;

	memset(dst, 0, head);
	p = (char *)dst + head;
	for (pieces = (size_bytes - head) / PIECE; pieces; pieces--) {
		for (uint32_t i = 0; i < PIECE / 16; i++, p += 16)
			_mm_stream_si128((__m128i *)(void *)p, _mm_setzero_si128());
	}
	_mm_sfence();
	memset(p, 0, size_bytes - (size_t)(p - (char *)dst));
}

#else /* STREAM */

void ferry_user_copy_stream(void *dst, const void *src, size_t size_bytes)
{
	memcpy(dst, src, size_bytes);
}

void ferry_user_zero_stream(void *dst, size_t size_bytes)
{
	memset(dst, 0, size_bytes);
}

#endif /* STREAM */
