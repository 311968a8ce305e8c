/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * error_test.c - names and sentences of error codes.
 */
/* TEST-SOURCES: core/base/error.c */
#include "test/unit/cmocka_compat.h"
#include "ferry/os.h"
#include "base/error.h"

/*
 * Goal: every code has a name and a sentence of its own.
 * Method: all pairs of codes.
 */
static void every_code_has_its_own_name_and_sentence(void **unused)
{
	(void)unused;
	for (int a = 0; a < FERRY_ERROR_COUNT; a++) {
		assert_string_not_equal(ferry_err_name(a), "UNKNOWN");
		assert_true(strlen(ferry_err_text(a)) > 5);
		for (int b = 0; b < a; b++) {
			assert_string_not_equal(ferry_err_name(a), ferry_err_name(b));
			assert_string_not_equal(ferry_err_text(a), ferry_err_text(b));
		}
	}
}

/*
 * Goal: the name is the enumerator without its prefix.
 * Method: three known ones.
 */
static void names_are_the_enumerators(void **unused)
{
	(void)unused;
	assert_string_equal(ferry_err_name(FERRY_OK), "OK");
	assert_string_equal(ferry_err_name(FERRY_E_PMM_FULL), "PMM_FULL");
	assert_string_equal(ferry_err_name(FERRY_E_FILE_EMPTY), "FILE_EMPTY");
}

/*
 * Goal: what is no code gets an answer that says so.
 * Method: numbers around the list.
 */
static void numbers_outside_are_unknown(void **unused)
{
	const int outside[] = {-1, FERRY_ERROR_COUNT, FERRY_ERROR_COUNT + 1, INT32_MAX, INT32_MIN};

	(void)unused;
	for (size_t i = 0; i < FERRY_ARRAY_SIZE(outside); i++) {
		assert_string_equal(ferry_err_name(outside[i]), "UNKNOWN");
		assert_true(strlen(ferry_err_text(outside[i])) > 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_its_own_name_and_sentence),
		cmocka_unit_test(names_are_the_enumerators),
		cmocka_unit_test(numbers_outside_are_unknown),
	};

	return cmocka_run_group_tests_name("base/error", tests, NULL, NULL);
}
