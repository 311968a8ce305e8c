/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * softfloat.h - IEEE 754 binary32 and binary64 in integer arithmetic.
 *
 *   binary32   sign 31 | exponent 30:23 (bias 127)  | fraction 22:0     in a uint32_t
 *   binary64   sign 63 | exponent 62:52 (bias 1023) | fraction 51:0     in a uint64_t
 *
 * Round to nearest, ties to even; subnormal numbers are exact in and out; no flags. Every NaN that comes out
 * is the canonical quiet one (0x7fc00000, 0x7ff8000000000000), whatever NaN went in. So results are the same bits
 * on every host, with or without an FPU, in a process and in a kernel.
 *
 * The name is not float.h, because the C library has a header of that name.
 *
 * Pure functions, any context.
 */
#ifndef FERRY_FG1_SOFTFLOAT_H
#define FERRY_FG1_SOFTFLOAT_H

#include "ferry/types.h"

uint32_t fg1_f32_add(uint32_t a, uint32_t b);
uint32_t fg1_f32_sub(uint32_t a, uint32_t b);
uint32_t fg1_f32_mul(uint32_t a, uint32_t b);
uint32_t fg1_f32_div(uint32_t a, uint32_t b);
uint32_t fg1_f32_fma(uint32_t a, uint32_t b, uint32_t c); /* a * b + c, rounded once */
uint32_t fg1_f32_sqrt(uint32_t a);
/* Comparisons: false if either is NaN; -0 equals +0. */
bool fg1_f32_lt(uint32_t a, uint32_t b);
bool fg1_f32_le(uint32_t a, uint32_t b);
bool fg1_f32_eq(uint32_t a, uint32_t b);
uint32_t fg1_f32_from_i64(int64_t v);
int64_t fg1_f32_to_i64(uint32_t a); /* toward zero; out of range and NaN give INT64_MIN */

uint64_t fg1_f64_add(uint64_t a, uint64_t b);
uint64_t fg1_f64_sub(uint64_t a, uint64_t b);
uint64_t fg1_f64_mul(uint64_t a, uint64_t b);
uint64_t fg1_f64_div(uint64_t a, uint64_t b);
uint64_t fg1_f64_fma(uint64_t a, uint64_t b, uint64_t c);
uint64_t fg1_f64_sqrt(uint64_t a);
bool fg1_f64_lt(uint64_t a, uint64_t b);
bool fg1_f64_le(uint64_t a, uint64_t b);
bool fg1_f64_eq(uint64_t a, uint64_t b);
uint64_t fg1_f64_from_i64(int64_t v);
int64_t fg1_f64_to_i64(uint64_t a);
uint64_t fg1_f64_from_f32(uint32_t a);
uint32_t fg1_f64_to_f32(uint64_t a);

#endif /* FERRY_FG1_SOFTFLOAT_H */
