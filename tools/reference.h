/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * reference.h - what the built-in GPU programs (programs/) compute, once more, on the CPU.
 *
 * Plain and serial, and by another method where there is one, so that a mistake is not made twice. No state, no
 * allocation. Integers wrap; floats are IEEE 754 with one rounding per operation, as on the GPU, bit for bit.
 * Arrays do not overlap unless a parameter is said to be changed in place.
 */
#ifndef FERRY_TOOLS_REFERENCE_H
#define FERRY_TOOLS_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

/* splitmix64: the word that `fill` writes for x = seed + i. */
uint64_t ferry_reference_mix(uint64_t x);

/* Occurrences of each byte value. */
void ferry_reference_histogram(const uint8_t *bytes, size_t count, uint64_t bins[256]);

/* Sum of the words, modulo 2^64. */
uint64_t ferry_reference_sum(const uint64_t *words, uint64_t count);

/* Ascending, in place; scratch has count keys too. */
void ferry_reference_sort(uint32_t *keys, uint32_t *scratch, uint64_t count);

/* y = a * x + y, in place in y. */
void ferry_reference_saxpy_i32(uint32_t a, const uint32_t *x, uint32_t *y, uint64_t count);
void ferry_reference_saxpy_f32(float a, const float *x, float *y, uint64_t count);

/* c = a * b: a is m x n, b is n x n, c is m x n; products are added in the order of k, each with one rounding. */
void ferry_reference_gemm(const float *a, const float *b, float *c, uint64_t m, uint64_t n);

/* One step of the five-point stencil, in -> out. */
void ferry_reference_stencil(const uint32_t *in, uint32_t *out, uint64_t width, uint64_t height);

#define FERRY_REFERENCE_UNSEEN 0xffffffffu
/* Levels of a breadth-first search from source; queue has room for every vertex. */
void ferry_reference_bfs(const uint64_t *first, const uint32_t *to, uint64_t vertices, uint32_t source,
                         uint32_t *level, uint32_t *queue);

/* The checksum of one thread's chase. */
uint64_t ferry_reference_chase(const uint64_t *nodes, uint64_t at, uint64_t steps);

/* One thread of `random`: its checksum, and its additions, in place. */
uint64_t ferry_reference_random_read(const uint64_t *data, uint64_t count, uint64_t touches, uint64_t seed,
                                     uint64_t thread);
void ferry_reference_random_update(uint64_t *data, uint64_t count, uint64_t touches, uint64_t seed, uint64_t thread);

/* The GPU's turn of pingpong, and the CPU's, in place. */
void ferry_reference_ping(uint64_t *data, uint64_t count, uint64_t round);
void ferry_reference_pong(uint64_t *data, uint64_t count, uint64_t round);

/* FNV-1a, 64 bits: the checksum of outputs nobody else can verify. */
uint64_t ferry_reference_checksum(const void *bytes, size_t count);

#endif /* FERRY_TOOLS_REFERENCE_H */
