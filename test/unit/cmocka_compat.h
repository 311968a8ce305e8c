/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * cmocka_compat.h - CMocka with the typed names of 2.x, also on 1.1.5.
 *
 * Tests use the 2.x names (assert_uint_equal, will_return_uint, ...). Where CMocka does not have one, it is mapped
 * on the untyped name of 1.1.5 here. Includes what cmocka.h wants to see before it.
 */
#ifndef FERRY_CMOCKA_COMPAT_H
#define FERRY_CMOCKA_COMPAT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>

/* 2.x warns about the old names; those that 1.1.5 shares are fine for us. */
#define CMOCKA_NO_DEPRECATION_WARNINGS
#include <cmocka.h>

#ifndef assert_uint_equal
#define assert_uint_equal(a, b) assert_int_equal((uint64_t)(a), (uint64_t)(b))
#endif
#ifndef assert_uint_not_equal
#define assert_uint_not_equal(a, b) assert_int_not_equal((uint64_t)(a), (uint64_t)(b))
#endif
#ifndef assert_uint_in_range
#define assert_uint_in_range(v, min, max) assert_in_range((uint64_t)(v), (uint64_t)(min), (uint64_t)(max))
#endif
#ifndef assert_uint_not_in_range
#define assert_uint_not_in_range(v, min, max) assert_not_in_range((uint64_t)(v), (uint64_t)(min), (uint64_t)(max))
#endif
/* Compare as signed: the untyped assert_in_range of 1.1.5 is unsigned. */
#ifndef assert_int_in_range
#define assert_int_in_range(v, min, max)                                                                             \
	assert_true((intmax_t)(v) >= (intmax_t)(min) && (intmax_t)(v) <= (intmax_t)(max))
#endif
#ifndef assert_int_not_in_range
#define assert_int_not_in_range(v, min, max)                                                                         \
	assert_false((intmax_t)(v) >= (intmax_t)(min) && (intmax_t)(v) <= (intmax_t)(max))
#endif
#ifndef assert_uint_in_set
#define assert_uint_in_set(v, values, count) assert_in_set((v), (values), (count))
#endif
#ifndef assert_int_in_set
#define assert_int_in_set(v, values, count) assert_in_set((v), (values), (count))
#endif
#ifndef assert_double_equal
#define assert_double_equal(a, b, epsilon)                                                                           \
	assert_true((double)(a) - (double)(b) <= (double)(epsilon) && (double)(b) - (double)(a) <= (double)(epsilon))
#endif

#ifndef will_return_int
#define will_return_int(fn, v) will_return(fn, (v))
#endif
#ifndef will_return_uint
#define will_return_uint(fn, v) will_return(fn, (v))
#endif
#ifndef will_return_ptr
#define will_return_ptr(fn, v) will_return(fn, (uintptr_t)(v))
#endif
#ifndef will_return_int_always
#define will_return_int_always(fn, v) will_return_always(fn, (v))
#endif
#ifndef will_return_uint_always
#define will_return_uint_always(fn, v) will_return_always(fn, (v))
#endif
#ifndef mock_int
#define mock_int() mock_type(intmax_t)
#endif
#ifndef mock_uint
#define mock_uint() mock_type(uintmax_t)
#endif
#ifndef check_expected_int
#define check_expected_int(v) check_expected(v)
#endif
#ifndef check_expected_uint
#define check_expected_uint(v) check_expected(v)
#endif
#ifndef expect_int_value
#define expect_int_value(fn, parameter, v) expect_value(fn, parameter, (v))
#endif
#ifndef expect_uint_value
#define expect_uint_value(fn, parameter, v) expect_value(fn, parameter, (v))
#endif
#ifndef expect_ptr_value
#define expect_ptr_value(fn, parameter, v) expect_value(fn, parameter, (uintptr_t)(v))
#endif

#endif /* FERRY_CMOCKA_COMPAT_H */
