/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * softfloat.c - see softfloat.h. Numbers are taken apart, calculated with, and rounded once when put together.
 *
 *   struct real:  (-1)^sign * sig * 2^(exp - 62), leading one of sig at bit 62:
 *
 *       63  62                      bit 62-p      0
 *      +---+---+---------------------+-------------+
 *      | 0 | 1 |  fraction (p bits)  | guard bits  |     p = 23 leaves 39 guard bits, p = 52 leaves 10
 *      +---+---+---------------------+-------------+
 *
 * Bit 0 is sticky: it is the "or" of everything that was shifted out, which is all that rounding to nearest has
 * to know of it (ten guard bits and one bit of cancellation leave it far below the rounding point).
 *
 * Both formats share the functions that take a struct format; it is a constant at each call, and the
 * functions are inlined, so the compiler makes two of each.
 */
#include "softfloat.h"
#include "ferry/os.h"

#define TOP 62 /* where the leading one stands */
#define FORCE_INLINE static inline __attribute__((__always_inline__))

enum real_kind { REAL_ZERO, REAL_FINITE, REAL_INF, REAL_NAN };

struct real {
	uint64_t sig;
	int32_t exp;
	enum real_kind kind;
	bool sign;
};

struct format {
	uint32_t fraction_bits;
	int32_t bias;
};

static const struct format f32 = {.fraction_bits = 23, .bias = 127};
static const struct format f64 = {.fraction_bits = 52, .bias = 1023};

/* 128 bits, for products of two 64-bit numbers. */
struct wide {
	uint64_t hi, lo;
};

/* ---- shifts and products ---- */

/* What leaves at the bottom stays as the sticky bit. */
FORCE_INLINE uint64_t shift_right_sticky(uint64_t v, uint32_t count)
{
	if (count == 0)
		return v;
	if (count >= 64)
		return v != 0;
	return v >> count | ((v << (64 - count)) != 0);
}

static struct wide wide_shift_right_sticky(struct wide v, uint32_t count)
{
	if (count == 0)
		return v;
	if (count >= 128)
		return (struct wide){.lo = (v.hi | v.lo) != 0};
	if (count >= 64)
		return (struct wide){.lo = shift_right_sticky(v.hi, count - 64) | (v.lo != 0)};
	return (struct wide){.hi = v.hi >> count,
	                     .lo = v.lo >> count | v.hi << (64 - count) | ((v.lo << (64 - count)) != 0)};
}

static struct wide wide_shift_left(struct wide v, uint32_t count)
{
	if (count == 0)
		return v;
	if (count >= 64)
		return (struct wide){.hi = v.lo << (count - 64)};
	return (struct wide){.hi = v.hi << count | v.lo >> (64 - count), .lo = v.lo << count};
}

/* By 32-bit halves: the C standard has no 128-bit type, and not every kernel's libgcc helper is there. */
FORCE_INLINE struct wide wide_product(uint64_t a, uint64_t b)
{
	uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
	uint64_t low = a0 * b0, cross1 = a1 * b0, cross2 = a0 * b1;
	uint64_t middle = (low >> 32) + (uint32_t)cross1 + (uint32_t)cross2;

	return (struct wide){.hi = a1 * b1 + (cross1 >> 32) + (cross2 >> 32) + (middle >> 32),
	                     .lo = middle << 32 | (uint32_t)low};
}

/*
 * floor(hi * 2^64 / v), remainder in *rest. Long division with two digits of 32 bits. v has bit 63 set and hi < v, so
 * a digit guessed from the upper half of v is at most two too large.
 */
static uint64_t wide_divide(uint64_t hi, uint64_t v, uint64_t *rest)
{
	uint64_t v1 = v >> 32, v0 = (uint32_t)v;
	uint64_t quotient = 0;

	for (int digit = 0; digit < 2; digit++) {
		uint64_t q = hi / v1, r = hi % v1;

		for (int guess = 0; guess < 2; guess++) {
			if (r >> 32 || (q >> 32 == 0 && q * v0 <= r << 32))
				break;
			q--;
			r += v1;
		}
		hi = (hi << 32) - q * v; /* modulo 2^64: the true remainder is below v */
		quotient = quotient << 32 | q;
	}
	*rest = hi;
	return quotient;
}

/* ---- apart and together ---- */

/* sig != 0. Moves its leading one to TOP. */
FORCE_INLINE struct real real_normal(bool sign, int32_t exp, uint64_t sig)
{
	uint32_t zeros = ferry_os_clz64(sig);
	struct real r = {.kind = REAL_FINITE, .sign = sign, .exp = exp + 1 - (int32_t)zeros};

	r.sig = zeros ? sig << (zeros - 1) : shift_right_sticky(sig, 1);
	return r;
}

FORCE_INLINE struct real unpack(struct format f, uint64_t bits)
{
	uint64_t fraction = bits & ((1ull << f.fraction_bits) - 1);
	uint32_t exp_max = 2 * (uint32_t)f.bias + 1;
	uint32_t exp = (uint32_t)(bits >> f.fraction_bits) & exp_max;
	uint32_t sign_bit = f.fraction_bits == 52 ? 63 : 31;
	struct real r = {.sign = (bits >> sign_bit) & 1};

	if (exp == exp_max) {
		r.kind = fraction ? REAL_NAN : REAL_INF;
		return r;
	}
	if (exp) {
		r.kind = REAL_FINITE;
		r.exp = (int32_t)exp - f.bias;
		r.sig = (fraction | 1ull << f.fraction_bits) << (TOP - f.fraction_bits);
		return r;
	}
	if (!fraction)
		return r; /* REAL_ZERO */
	return real_normal(r.sign, 1 - f.bias, fraction << (TOP - f.fraction_bits));
}

FORCE_INLINE uint64_t pack_zero(struct format f, bool sign)
{
	return (uint64_t)sign << (f.fraction_bits == 52 ? 63 : 31);
}

FORCE_INLINE uint64_t pack_inf(struct format f, bool sign)
{
	return pack_zero(f, sign) | (2 * (uint64_t)f.bias + 1) << f.fraction_bits;
}

FORCE_INLINE uint64_t pack_nan(struct format f)
{
	return pack_inf(f, false) | 1ull << (f.fraction_bits - 1);
}

/* Round and put together. sig has its leading one at TOP. */
FORCE_INLINE uint64_t pack_finite(struct format f, bool sign, int32_t exp, uint64_t sig)
{
	uint32_t drop = TOP - f.fraction_bits;
	int32_t biased = exp + f.bias;
	uint64_t half = 1ull << (drop - 1), low, out;

	if (biased <= 0) {
		/* Subnormal: the exponent stays at its lowest, the leading one moves down. */
		sig = shift_right_sticky(sig, (uint32_t)(1 - biased));
		biased = 1;
	}
	low = sig & ((1ull << drop) - 1);
	out = sig >> drop;
	out += low > half || (low == half && (out & 1));
	/* The leading one, if there, counts one up in the exponent field; so does a carry out of rounding. */
	out += (uint64_t)(biased - 1) << f.fraction_bits;
	if (out >= pack_inf(f, false))
		return pack_inf(f, sign);
	return pack_zero(f, sign) | out;
}

/* ---- operations ---- */

/* Both finite and not zero. b may have any bits below TOP set (an exact product), see f32_fma. */
FORCE_INLINE uint64_t add_finite(struct format f, struct real a, struct real b)
{
	struct real big = a, small = b, sum;

	if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
		big = b;
		small = a;
	}
	small.sig = shift_right_sticky(small.sig, (uint32_t)(big.exp - small.exp));
	if (big.sign == small.sign) {
		big.sig += small.sig;
		if (big.sig >> (TOP + 1)) {
			big.sig = shift_right_sticky(big.sig, 1);
			big.exp++;
		}
		return pack_finite(f, big.sign, big.exp, big.sig);
	}
	big.sig -= small.sig;
	if (!big.sig)
		return pack_zero(f, false);
	sum = real_normal(big.sign, big.exp, big.sig);
	return pack_finite(f, sum.sign, sum.exp, sum.sig);
}

/* At least one is zero, infinite or NaN. */
static uint64_t add_special(struct format f, struct real a, struct real b)
{
	if (a.kind == REAL_NAN || b.kind == REAL_NAN)
		return pack_nan(f);
	if (a.kind == REAL_INF)
		return b.kind == REAL_INF && a.sign != b.sign ? pack_nan(f) : pack_inf(f, a.sign);
	if (b.kind == REAL_INF)
		return pack_inf(f, b.sign);
	if (a.kind == REAL_FINITE)
		return pack_finite(f, a.sign, a.exp, a.sig);
	if (b.kind == REAL_FINITE)
		return pack_finite(f, b.sign, b.exp, b.sig);
	return pack_zero(f, a.sign && b.sign);
}

FORCE_INLINE uint64_t bits_add(struct format f, uint64_t a_bits, uint64_t b_bits)
{
	struct real a = unpack(f, a_bits), b = unpack(f, b_bits);

	if (__builtin_expect(a.kind == REAL_FINITE && b.kind == REAL_FINITE, 1))
		return add_finite(f, a, b);
	return add_special(f, a, b);
}

/* The product of two that are finite and not zero; of binary32 it is exact, of binary64 sticky. */
FORCE_INLINE struct real product_finite(struct format f, struct real a, struct real b)
{
	struct real r = {.kind = REAL_FINITE, .sign = a.sign != b.sign, .exp = a.exp + b.exp};

	if (f.fraction_bits == 23) {
		r.sig = (a.sig >> 31) * (b.sig >> 31); /* 24 bits each, at 31:8 */
	} else {
		struct wide w = wide_product(a.sig << 1, b.sig << 1);

		r.sig = w.hi | (w.lo != 0);
	}
	if (r.sig >> (TOP + 1)) {
		r.sig = shift_right_sticky(r.sig, 1);
		r.exp++;
	}
	return r;
}

/* The product when a factor is zero, infinite or NaN. */
static struct real product_special(struct real a, struct real b)
{
	struct real r = {.sign = a.sign != b.sign};

	if (a.kind == REAL_NAN || b.kind == REAL_NAN)
		r.kind = REAL_NAN;
	else if (a.kind == REAL_INF || b.kind == REAL_INF)
		r.kind = a.kind == REAL_ZERO || b.kind == REAL_ZERO ? REAL_NAN : REAL_INF;
	else
		r.kind = REAL_ZERO;
	return r;
}

static uint64_t pack_special(struct format f, struct real r)
{
	if (r.kind == REAL_NAN)
		return pack_nan(f);
	return r.kind == REAL_INF ? pack_inf(f, r.sign) : pack_zero(f, r.sign);
}

FORCE_INLINE uint64_t bits_mul(struct format f, uint64_t a_bits, uint64_t b_bits)
{
	struct real a = unpack(f, a_bits), b = unpack(f, b_bits), r;

	if (__builtin_expect(a.kind != REAL_FINITE || b.kind != REAL_FINITE, 0))
		return pack_special(f, product_special(a, b));
	r = product_finite(f, a, b);
	return pack_finite(f, r.sign, r.exp, r.sig);
}

static struct real quotient_special(struct real a, struct real b)
{
	struct real r = {.sign = a.sign != b.sign};

	if (a.kind == REAL_NAN || b.kind == REAL_NAN || (a.kind == b.kind))
		r.kind = REAL_NAN; /* 0/0 and inf/inf too; two finite ones never come here */
	else if (a.kind == REAL_INF || b.kind == REAL_ZERO)
		r.kind = REAL_INF;
	else
		r.kind = REAL_ZERO;
	return r;
}

FORCE_INLINE uint64_t bits_div(struct format f, uint64_t a_bits, uint64_t b_bits)
{
	struct real a = unpack(f, a_bits), b = unpack(f, b_bits), r;
	uint64_t quotient, rest;

	if (__builtin_expect(a.kind != REAL_FINITE || b.kind != REAL_FINITE, 0))
		return pack_special(f, quotient_special(a, b));
	if (f.fraction_bits == 23) {
		uint64_t over = a.sig << 1, under = b.sig >> 39; /* 40 bits apart, so the quotient has 40 or 41 */

		quotient = over / under;
		rest = over % under;
		r = real_normal(a.sign != b.sign, a.exp - b.exp + TOP - 40, quotient | (rest != 0));
	} else {
		quotient = wide_divide(a.sig, b.sig << 1, &rest); /* 63 or 64 bits */
		r = real_normal(a.sign != b.sign, a.exp - b.exp + TOP - 63, quotient | (rest != 0));
	}
	return pack_finite(f, r.sign, r.exp, r.sig);
}

/* a * b + c in 128 bits, the leading one of each at bit 126. All finite and not zero. */
static uint64_t f64_fma_finite(struct real a, struct real b, struct real c)
{
	struct wide big = wide_product(a.sig << 1, b.sig << 1), small = {.hi = c.sig};
	int32_t big_exp = a.exp + b.exp, small_exp = c.exp;
	bool big_sign = a.sign != b.sign, small_sign = c.sign;
	uint32_t zeros;

	if (big.hi >> (TOP + 1)) {
		big = wide_shift_right_sticky(big,
		                              1); /* exact: the lowest bits of a product of 53-bit numbers are 0 */
		big_exp++;
	}
	if (big_exp < small_exp || (big_exp == small_exp && (big.hi < small.hi))) {
		struct wide w = big;
		int32_t e = big_exp;
		bool s = big_sign;

		big = small, small = w;
		big_exp = small_exp, small_exp = e;
		big_sign = small_sign, small_sign = s;
	}
	small = wide_shift_right_sticky(small, (uint32_t)(big_exp - small_exp));
	if (big_sign == small_sign) {
		big.lo += small.lo;
		big.hi += small.hi + (big.lo < small.lo);
	} else {
		big.hi -= small.hi + (big.lo < small.lo);
		big.lo -= small.lo;
	}
	if (!(big.hi | big.lo))
		return pack_zero(f64, false);
	zeros = big.hi ? ferry_os_clz64(big.hi) : 64 + ferry_os_clz64(big.lo);
	big_exp += 1 - (int32_t)zeros;
	big = zeros ? wide_shift_left(big, zeros - 1) : wide_shift_right_sticky(big, 1);
	return pack_finite(f64, big_sign, big_exp, big.hi | (big.lo != 0));
}

FORCE_INLINE uint64_t bits_fma(struct format f, uint64_t a_bits, uint64_t b_bits, uint64_t c_bits)
{
	struct real a = unpack(f, a_bits), b = unpack(f, b_bits), c = unpack(f, c_bits), p;
	bool finite = a.kind == REAL_FINITE && b.kind == REAL_FINITE;

	if (__builtin_expect(finite && c.kind == REAL_FINITE, 1)) {
		if (f.fraction_bits == 52)
			return f64_fma_finite(a, b, c);
		/* 48 bits of product and 15 guard bits: add_finite() loses nothing it would need. */
		return add_finite(f, product_finite(f, a, b), c);
	}
	if (!finite)
		p = product_special(a, b);
	else if (c.kind == REAL_ZERO)
		return bits_mul(f, a_bits, b_bits);
	else
		p = product_finite(f, a, b);
	return add_special(f, p, c);
}

/* Digit by digit: each step brings down two bits of the radicand and finds one of the root. */
FORCE_INLINE uint64_t bits_sqrt(struct format f, uint64_t bits)
{
	struct real a = unpack(f, bits);
	uint32_t steps = f.fraction_bits + 3; /* the leading one, the fraction, two to round with */
	uint64_t radicand, rest = 0, out = 0;

	if (a.kind == REAL_NAN || (a.sign && a.kind != REAL_ZERO))
		return pack_nan(f);
	if (a.kind != REAL_FINITE)
		return bits;                       /* -0 stays -0 */
	radicand = a.exp & 1 ? a.sig << 1 : a.sig; /* in [1, 4) from bit 62 on */
	for (uint32_t i = 0; i < steps; i++) {
		uint64_t trial = out << 2 | 1;

		rest = rest << 2 | radicand >> 62;
		radicand <<= 2;
		out <<= 1;
		if (rest >= trial) {
			rest -= trial;
			out |= 1;
		}
	}
	out = out << (TOP + 1 - steps) | (rest != 0);
	return pack_finite(f, false, (a.exp - (a.exp & 1)) / 2, out);
}

/* Floats in the order of integers, -0 and +0 both 0. Not for NaN. */
FORCE_INLINE int64_t bits_order(struct format f, uint64_t bits)
{
	uint64_t sign = pack_zero(f, true);

	return bits & sign ? -(int64_t)(bits & ~sign) : (int64_t)bits;
}

FORCE_INLINE bool bits_is_nan(struct format f, uint64_t bits)
{
	return (bits & ~pack_zero(f, true)) > pack_inf(f, false);
}

FORCE_INLINE uint64_t from_i64(struct format f, int64_t v)
{
	uint64_t size = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	struct real r;

	if (!v)
		return 0;
	r = real_normal(v < 0, TOP, size);
	return pack_finite(f, r.sign, r.exp, r.sig);
}

FORCE_INLINE int64_t to_i64(struct format f, uint64_t bits)
{
	struct real a = unpack(f, bits);
	int64_t size;

	if (a.kind == REAL_ZERO || (a.kind == REAL_FINITE && a.exp < 0))
		return 0;
	if (a.kind != REAL_FINITE || a.exp > TOP)
		return -0x7fffffffffffffff - 1; /* -2^63 itself comes here too, and is right */
	size = (int64_t)(a.sig >> (TOP - a.exp));
	return a.sign ? -size : size;
}

/* ---- binary32 ---- */

uint32_t fg1_f32_add(uint32_t a, uint32_t b)
{
	return (uint32_t)bits_add(f32, a, b);
}

uint32_t fg1_f32_sub(uint32_t a, uint32_t b)
{
	return fg1_f32_add(a, b ^ 0x80000000u);
}

uint32_t fg1_f32_mul(uint32_t a, uint32_t b)
{
	return (uint32_t)bits_mul(f32, a, b);
}

uint32_t fg1_f32_div(uint32_t a, uint32_t b)
{
	return (uint32_t)bits_div(f32, a, b);
}

uint32_t fg1_f32_fma(uint32_t a, uint32_t b, uint32_t c)
{
	return (uint32_t)bits_fma(f32, a, b, c);
}

uint32_t fg1_f32_sqrt(uint32_t a)
{
	return (uint32_t)bits_sqrt(f32, a);
}

bool fg1_f32_lt(uint32_t a, uint32_t b)
{
	return !bits_is_nan(f32, a) && !bits_is_nan(f32, b) && bits_order(f32, a) < bits_order(f32, b);
}

bool fg1_f32_le(uint32_t a, uint32_t b)
{
	return !bits_is_nan(f32, a) && !bits_is_nan(f32, b) && bits_order(f32, a) <= bits_order(f32, b);
}

bool fg1_f32_eq(uint32_t a, uint32_t b)
{
	return !bits_is_nan(f32, a) && !bits_is_nan(f32, b) && bits_order(f32, a) == bits_order(f32, b);
}

uint32_t fg1_f32_from_i64(int64_t v)
{
	return (uint32_t)from_i64(f32, v);
}

int64_t fg1_f32_to_i64(uint32_t a)
{
	return to_i64(f32, a);
}

/* ---- binary64 ---- */

uint64_t fg1_f64_add(uint64_t a, uint64_t b)
{
	return bits_add(f64, a, b);
}

uint64_t fg1_f64_sub(uint64_t a, uint64_t b)
{
	return fg1_f64_add(a, b ^ 1ull << 63);
}

uint64_t fg1_f64_mul(uint64_t a, uint64_t b)
{
	return bits_mul(f64, a, b);
}

uint64_t fg1_f64_div(uint64_t a, uint64_t b)
{
	return bits_div(f64, a, b);
}

uint64_t fg1_f64_fma(uint64_t a, uint64_t b, uint64_t c)
{
	return bits_fma(f64, a, b, c);
}

uint64_t fg1_f64_sqrt(uint64_t a)
{
	return bits_sqrt(f64, a);
}

bool fg1_f64_lt(uint64_t a, uint64_t b)
{
	return !bits_is_nan(f64, a) && !bits_is_nan(f64, b) && bits_order(f64, a) < bits_order(f64, b);
}

bool fg1_f64_le(uint64_t a, uint64_t b)
{
	return !bits_is_nan(f64, a) && !bits_is_nan(f64, b) && bits_order(f64, a) <= bits_order(f64, b);
}

bool fg1_f64_eq(uint64_t a, uint64_t b)
{
	return !bits_is_nan(f64, a) && !bits_is_nan(f64, b) && bits_order(f64, a) == bits_order(f64, b);
}

uint64_t fg1_f64_from_i64(int64_t v)
{
	return from_i64(f64, v);
}

int64_t fg1_f64_to_i64(uint64_t a)
{
	return to_i64(f64, a);
}

/* ---- between them ---- */

uint64_t fg1_f64_from_f32(uint32_t a)
{
	struct real r = unpack(f32, a);

	return r.kind == REAL_FINITE ? pack_finite(f64, r.sign, r.exp, r.sig) : pack_special(f64, r);
}

uint32_t fg1_f64_to_f32(uint64_t a)
{
	struct real r = unpack(f64, a);

	return (uint32_t)(r.kind == REAL_FINITE ? pack_finite(f32, r.sign, r.exp, r.sig) : pack_special(f32, r));
}
