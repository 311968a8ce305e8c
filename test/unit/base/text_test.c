/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * text_test.c - bounded text.
 */
/* TEST-SOURCES: core/base/text.c */
#include "test/unit/cmocka_compat.h"
#include <inttypes.h>
#include "ferry/os.h"
#include "base/text.h"

/*
 * Goal: numbers read as printf would print them.
 * Method: the edges of every digit count, in both bases.
 */
static void numbers_are_those_of_printf(void **unused)
{
	(void)unused;
	for (uint64_t base = 10; base <= 16; base += 6) {
		for (uint64_t power = 1, digits = 0; digits < 19 - (base == 16) * 4; power *= base, digits++) {
			for (uint64_t v = power - 1; v <= power + 1; v++) {
				char want[64], got[64];
				struct ferry_text t;

				snprintf(want, sizeof(want), "%" PRIu64 " 0x%" PRIx64, v, v);
				ferry_text_init(&t, got, sizeof(got));
				ferry_text_u64(&t, v);
				ferry_text_str(&t, " ");
				ferry_text_hex(&t, v);
				assert_string_equal(got, want);
				assert_uint_equal(t.length, strlen(want));
			}
		}
	}
}

/*
 * Goal: the largest number fits the digits kept for it.
 * Method: 2^64 - 1.
 */
static void the_largest_number_is_whole(void **unused)
{
	char buf[64];
	struct ferry_text t;

	(void)unused;
	ferry_text_init(&t, buf, sizeof(buf));
	ferry_text_u64(&t, UINT64_MAX);
	ferry_text_str(&t, "=");
	ferry_text_hex(&t, UINT64_MAX);
	assert_string_equal(buf, "18446744073709551615=0xffffffffffffffff");
	assert_false(t.cut);
}

/*
 * Goal: whatever the size of the buffer, it holds the beginning of the text, terminated, and nothing is written
 * behind it.
 * Method: every size from 1 to past the text's, with a guard byte behind.
 */
static void a_full_buffer_holds_the_beginning(void **unused)
{
	const char *whole = "frame 1234 at 0xabc";

	(void)unused;
	for (size_t size = 1; size <= strlen(whole) + 3; size++) {
		char buf[40];
		struct ferry_text t;

		memset(buf, '#', sizeof(buf));
		ferry_text_init(&t, buf, size);
		assert_string_equal(buf, "");
		ferry_text_str(&t, "frame ");
		ferry_text_u64(&t, 1234);
		ferry_text_str(&t, " at ");
		ferry_text_hex(&t, 0xabc);
		assert_int_equal(buf[size], '#');
		assert_uint_equal(strlen(buf), size - 1 < strlen(whole) ? size - 1 : strlen(whole));
		assert_memory_equal(buf, whole, strlen(buf));
		assert_int_equal(t.cut, size - 1 < strlen(whole));
	}
}

/*
 * Goal: a missing string does not crash a message.
 * Method: append NULL.
 */
static void null_is_spelled_out(void **unused)
{
	char buf[16];
	struct ferry_text t;

	(void)unused;
	ferry_text_init(&t, buf, sizeof(buf));
	ferry_text_str(&t, NULL);
	assert_string_equal(buf, "(null)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_those_of_printf),
		cmocka_unit_test(the_largest_number_is_whole),
		cmocka_unit_test(a_full_buffer_holds_the_beginning),
		cmocka_unit_test(null_is_spelled_out),
	};

	return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
