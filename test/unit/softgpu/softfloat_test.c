/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: softgpu/softfloat.c */
/*
 * softfloat_test.c - the host's floating-point hardware is the reference (round to nearest, subnormals on).
 *
 * Operands come from a generator that likes the edges: zeros, infinities, NaNs, the smallest and largest numbers,
 * few-bit fractions (ties), and exponents close to those of the other operand (cancellation).
 */
#include "test/unit/cmocka_compat.h"

#include <math.h>
#include <stdio.h>

#include "softfloat.h"

#define ROUNDS 150000u

static uint64_t seed = 0x1234567;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static float to_float(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

static double to_double(uint64_t bits)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	return d;
}

/* NaNs are all the same here: the canonical one. */
static uint64_t of_float(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	return isnan(f) ? 0x7fc00000u : bits;
}

static uint64_t of_double(double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof(bits));
	return isnan(d) ? 0x7ff8000000000000ull : bits;
}

/* exp_bits and fraction_bits of the format; near: an operand whose exponent may be copied. */
static uint64_t pattern(uint32_t exp_bits, uint32_t fraction_bits, uint64_t near)
{
	uint64_t exp_max = (1ull << exp_bits) - 1, fraction_mask = (1ull << fraction_bits) - 1;
	uint64_t r = next(), exp, fraction = next() & fraction_mask;

	switch (r & 7) {
	case 0:
		exp = 0;
		break;
	case 1:
		exp = exp_max - (r >> 8 & 1);
		break;
	case 2:
		exp = 1 + (r >> 8) % 3;
		break;
	case 3:
	case 4:
		exp = ((near >> fraction_bits) + (r >> 8) % 5 - 2) & exp_max;
		break;
	case 5:
		exp = ((near >> fraction_bits) + (r >> 8) % (2 * fraction_bits) - fraction_bits) & exp_max;
		break;
	default:
		exp = (r >> 8) & exp_max;
	}
	switch (r >> 40 & 7) {
	case 0:
		fraction = 0;
		break;
	case 1:
		fraction = fraction_mask;
		break;
	case 2:
		fraction = 1ull << (r >> 44) % fraction_bits;
		break;
	case 3:
		fraction = fraction_mask << (r >> 44) % fraction_bits & fraction_mask;
		break;
	case 4:
		fraction = near & fraction_mask;
		break;
	default:
		break;
	}
	return (r >> 63) << (exp_bits + fraction_bits) | exp << fraction_bits | fraction;
}

static uint32_t pattern32(uint64_t near)
{
	return (uint32_t)pattern(8, 23, near);
}

static uint64_t pattern64(uint64_t near)
{
	return pattern(11, 52, near);
}

static void check(const char *what, uint64_t a, uint64_t b, uint64_t c, uint64_t ours, uint64_t host)
{
	if (ours == host)
		return;
	print_error("%s(%#llx, %#llx, %#llx) is %#llx, the host says %#llx\n", what, (unsigned long long)a,
	            (unsigned long long)b, (unsigned long long)c, (unsigned long long)ours, (unsigned long long)host);
	fail();
}

/*
 * Goal: the two-operand operations of binary32 give the host's bits.
 * Method: many pairs from the generator.
 */
static void f32_pairs_agree_with_the_hardware(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t a = pattern32(next()), b = pattern32(a);
		volatile float x = to_float(a), y = to_float(b);

		check("f32_add", a, b, 0, fg1_f32_add(a, b), of_float(x + y));
		check("f32_sub", a, b, 0, fg1_f32_sub(a, b), of_float(x - y));
		check("f32_mul", a, b, 0, fg1_f32_mul(a, b), of_float(x * y));
		check("f32_div", a, b, 0, fg1_f32_div(a, b), of_float(x / y));
		check("f32_lt", a, b, 0, fg1_f32_lt(a, b), x < y);
		check("f32_le", a, b, 0, fg1_f32_le(a, b), x <= y);
		check("f32_eq", a, b, 0, fg1_f32_eq(a, b), x == y);
	}
}

/* Goal and method: the same for binary64. */
static void f64_pairs_agree_with_the_hardware(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t a = pattern64(next()), b = pattern64(a);
		volatile double x = to_double(a), y = to_double(b);

		check("f64_add", a, b, 0, fg1_f64_add(a, b), of_double(x + y));
		check("f64_sub", a, b, 0, fg1_f64_sub(a, b), of_double(x - y));
		check("f64_mul", a, b, 0, fg1_f64_mul(a, b), of_double(x * y));
		check("f64_div", a, b, 0, fg1_f64_div(a, b), of_double(x / y));
		check("f64_lt", a, b, 0, fg1_f64_lt(a, b), x < y);
		check("f64_le", a, b, 0, fg1_f64_le(a, b), x <= y);
		check("f64_eq", a, b, 0, fg1_f64_eq(a, b), x == y);
	}
}

/* The exponent of a product of a and b, put into the format's field, so that c can lie close to it. */
static uint64_t near_product(uint64_t a, uint64_t b, uint32_t fraction_bits, uint64_t bias)
{
	return ((a >> fraction_bits) + (b >> fraction_bits) - bias) << fraction_bits | (next() & 0xffffff);
}

/*
 * Goal: fma is rounded once, in both formats.
 * Method: fma() and fmaf() of the host's library; the addend often has the product's exponent, or cancels it.
 */
static void fma_agrees_with_the_host_and_rounds_once(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t a = pattern32(next()), b = pattern32(0x3f800000), c;
		uint64_t d = pattern64(next()), e = pattern64(0x3ff0000000000000), f;
		double product;

		c = pattern32(near_product(a, b, 23, 127));
		if (i % 4 == 0)
			c = (uint32_t)of_float(-(to_float(a) * to_float(b)));
		check("f32_fma", a, b, c, fg1_f32_fma(a, b, c),
		      of_float(fmaf(to_float(a), to_float(b), to_float(c))));
		f = pattern64(near_product(d, e, 52, 1023));
		product = to_double(d) * to_double(e);
		if (i % 4 == 0)
			f = of_double(-product);
		check("f64_fma", d, e, f, fg1_f64_fma(d, e, f),
		      of_double(fma(to_double(d), to_double(e), to_double(f))));
	}
}

/*
 * Goal: square roots, and every conversion, agree with the host.
 * Method: patterns; integers of every length; the conversion to an integer is asked of the host only where C
 * defines it.
 */
static void roots_and_conversions_agree_with_the_hardware(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t a = pattern32(next());
		uint64_t b = pattern64(next());
		int64_t n = (int64_t)next() >> (next() & 63);
		float x = to_float(a);
		double y = to_double(b);

		check("f32_sqrt", a, 0, 0, fg1_f32_sqrt(a), of_float(sqrtf(x)));
		check("f64_sqrt", b, 0, 0, fg1_f64_sqrt(b), of_double(sqrt(y)));
		check("f32_from_i64", (uint64_t)n, 0, 0, fg1_f32_from_i64(n), of_float((float)n));
		check("f64_from_i64", (uint64_t)n, 0, 0, fg1_f64_from_i64(n), of_double((double)n));
		check("f64_from_f32", a, 0, 0, fg1_f64_from_f32(a), of_double((double)x));
		check("f64_to_f32", b, 0, 0, fg1_f64_to_f32(b), of_float((float)y));
		a = pattern32(0x3f800000 + (uint32_t)(next() % 70 << 23));
		b = pattern64(0x3ff0000000000000 + (next() % 70 << 52));
		x = to_float(a);
		y = to_double(b);
		check("f32_to_i64", a, 0, 0, (uint64_t)fg1_f32_to_i64(a),
		      (uint64_t)(fabsf(x) < 0x1p63f ? (int64_t)x : INT64_MIN));
		check("f64_to_i64", b, 0, 0, (uint64_t)fg1_f64_to_i64(b),
		      (uint64_t)(fabs(y) < 0x1p63 ? (int64_t)y : INT64_MIN));
	}
}

/*
 * Goal: numbers whose results are known, so that the test does not rest on the host alone.
 * Method: the values of the standard.
 */
static void known_results_hold(void **unused)
{
	(void)unused;
	assert_uint_equal(fg1_f32_add(0x3f800000, 0x40000000), 0x40400000); /* 1 + 2 */
	assert_uint_equal(fg1_f32_add(0x7f7fffff, 0x7f7fffff), 0x7f800000); /* overflow */
	assert_uint_equal(fg1_f32_mul(0x00000001, 0x3f000000), 0x00000000); /* half of the least: tie to even */
	assert_uint_equal(fg1_f32_mul(0x00000003, 0x3f000000), 0x00000002); /* 1.5 of the least: tie to even */
	assert_uint_equal(fg1_f32_add(0x00800000, 0x80000001), 0x007fffff); /* normal to subnormal */
	assert_uint_equal(fg1_f32_add(0x80000000, 0x80000000), 0x80000000); /* -0 + -0 */
	assert_uint_equal(fg1_f32_add(0x80000000, 0x00000000), 0x00000000);
	assert_uint_equal(fg1_f32_sub(0x7f800000, 0x7f800000), 0x7fc00000); /* inf - inf */
	assert_uint_equal(fg1_f32_add(0xffc12345, 0x3f800000), 0x7fc00000); /* the NaN is canonical */
	assert_uint_equal(fg1_f32_add(0x7f800001, 0x3f800000), 0x7fc00000); /* a signalling one too */
	assert_uint_equal(fg1_f32_fma(0x00000000, 0x7f800000, 0x3f800000), 0x7fc00000);
	assert_uint_equal(fg1_f32_sqrt(0xbf800000), 0x7fc00000);
	assert_uint_equal(fg1_f32_sqrt(0x80000000), 0x80000000);
	assert_uint_equal(fg1_f64_from_i64(INT64_MIN), 0xc3e0000000000000ull);
	assert_int_equal(fg1_f64_to_i64(0xc3e0000000000000ull), INT64_MIN); /* -2^63 fits */
	assert_int_equal(fg1_f64_to_i64(0x43e0000000000000ull), INT64_MIN); /* 2^63 does not */
	assert_int_equal(fg1_f64_to_i64(0x7ff8000000000000ull), INT64_MIN);
	assert_int_equal(fg1_f32_to_i64(0xff800000u), INT64_MIN);
	assert_int_equal(fg1_f64_to_i64(0xbfeccccccccccccdull), 0); /* -0.9 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(f32_pairs_agree_with_the_hardware),
		cmocka_unit_test(f64_pairs_agree_with_the_hardware),
		cmocka_unit_test(fma_agrees_with_the_host_and_rounds_once),
		cmocka_unit_test(roots_and_conversions_agree_with_the_hardware),
		cmocka_unit_test(known_results_hold),
	};

	return cmocka_run_group_tests_name("softgpu/softfloat", tests, NULL, NULL);
}
