/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * reference.c - see reference.h.
 */
#include "tools/reference.h"

#include <math.h>
#include <string.h>

uint64_t ferry_reference_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

void ferry_reference_histogram(const uint8_t *bytes, size_t count, uint64_t bins[256])
{
	memset(bins, 0, 256 * sizeof(bins[0]));
	for (size_t i = 0; i < count; i++)
		bins[bytes[i]]++;
}

uint64_t ferry_reference_sum(const uint64_t *words, uint64_t count)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < count; i++)
		sum += words[i];
	return sum;
}

#define SORT_BITS 11u
#define SORT_DIGITS (1u << SORT_BITS)

/* One pass of a radix sort by 11 bits: keys -> out. */
static void sort_pass(const uint32_t *keys, uint32_t *out, uint64_t count, uint32_t shift)
{
	uint64_t position[SORT_DIGITS] = {0};
	uint64_t sum = 0;

	for (uint64_t i = 0; i < count; i++)
		position[(keys[i] >> shift) % SORT_DIGITS]++;
	for (uint32_t d = 0; d < SORT_DIGITS; d++) {
		uint64_t n = position[d];

		position[d] = sum;
		sum += n;
	}
	for (uint64_t i = 0; i < count; i++)
		out[position[(keys[i] >> shift) % SORT_DIGITS]++] = keys[i];
}

void ferry_reference_sort(uint32_t *keys, uint32_t *scratch, uint64_t count)
{
	sort_pass(keys, scratch, count, 0);
	sort_pass(scratch, keys, count, SORT_BITS);
	sort_pass(keys, scratch, count, 2 * SORT_BITS);
	memcpy(keys, scratch, count * sizeof(*keys));
}

void ferry_reference_saxpy_i32(uint32_t a, const uint32_t *x, uint32_t *y, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		y[i] += a * x[i];
}

void ferry_reference_saxpy_f32(float a, const float *x, float *y, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		y[i] = fmaf(a, x[i], y[i]);
}

void ferry_reference_gemm(const float *a, const float *b, float *c, uint64_t m, uint64_t n)
{
	memset(c, 0, m * n * sizeof(*c));
	for (uint64_t row = 0; row < m; row++) {
		for (uint64_t k = 0; k < n; k++) {
			float left = a[row * n + k];

			for (uint64_t column = 0; column < n; column++)
				c[row * n + column] = fmaf(left, b[k * n + column], c[row * n + column]);
		}
	}
}

void ferry_reference_stencil(const uint32_t *in, uint32_t *out, uint64_t width, uint64_t height)
{
	for (uint64_t y = 0; y < height; y++) {
		const uint32_t *row = in + y * width;

		for (uint64_t x = 0; x < width; x++) {
			uint32_t west = x ? row[x - 1] : 0, east = x + 1 < width ? row[x + 1] : 0;
			uint32_t north = y ? row[(int64_t)x - (int64_t)width] : 0;
			uint32_t south = y + 1 < height ? row[x + width] : 0;

			out[y * width + x] = (4 * row[x] + north + south + west + east) / 8;
		}
	}
}

void ferry_reference_bfs(const uint64_t *first, const uint32_t *to, uint64_t vertices, uint32_t source,
                         uint32_t *level, uint32_t *queue)
{
	uint64_t head = 0, tail = 0;

	for (uint64_t v = 0; v < vertices; v++)
		level[v] = FERRY_REFERENCE_UNSEEN;
	level[source] = 0;
	queue[tail++] = source;
	while (head < tail) {
		uint32_t v = queue[head++];

		for (uint64_t e = first[v]; e < first[v + 1]; e++) {
			if (level[to[e]] != FERRY_REFERENCE_UNSEEN)
				continue;
			level[to[e]] = level[v] + 1;
			queue[tail++] = to[e];
		}
	}
}

uint64_t ferry_reference_chase(const uint64_t *nodes, uint64_t at, uint64_t steps)
{
	uint64_t sum = 0;

	for (; steps; steps--) {
		sum = sum * 31 + (nodes[at] >> 32);
		at = (uint32_t)nodes[at];
	}
	return sum * 31 + at;
}

static uint64_t random_next(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ (x << 17);
}

static uint64_t random_start(uint64_t seed, uint64_t thread)
{
	return random_next((seed + thread * 0x9e3779b97f4a7c15ull) | 1);
}

uint64_t ferry_reference_random_read(const uint64_t *data, uint64_t count, uint64_t touches, uint64_t seed,
                                     uint64_t thread)
{
	uint64_t x = random_start(seed, thread), sum = 0;

	for (; touches; touches--) {
		sum = sum * 31 + data[x % count];
		x = random_next(x);
	}
	return sum;
}

void ferry_reference_random_update(uint64_t *data, uint64_t count, uint64_t touches, uint64_t seed, uint64_t thread)
{
	uint64_t x = random_start(seed, thread);

	for (; touches; touches--) {
		data[x % count] += x;
		x = random_next(x);
	}
}

void ferry_reference_ping(uint64_t *data, uint64_t count, uint64_t round)
{
	for (uint64_t i = 0; i < count; i++)
		data[i] += i + round;
}

void ferry_reference_pong(uint64_t *data, uint64_t count, uint64_t round)
{
	for (uint64_t i = 0; i < count; i++)
		data[i] = data[i] * 5 + round;
}

uint64_t ferry_reference_checksum(const void *bytes, size_t count)
{
	const uint8_t *b = bytes;
	uint64_t hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ b[i]) * 0x100000001b3ull;
	return hash;
}
