/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: os-user/os_stamp.c */
/*
 * Stamps against the clock.
 */
#include "test/unit/cmocka_compat.h"

#include "ferry/os.h"

#define LEARN_NS 60000000ull /* three times what os_stamp.c wants */

/* What since_ns says of about ns, between what the clock says from the inside and from the outside. */
static void assert_measured(uint64_t ns)
{
	uint64_t outer = ferry_os_now_ns(), stamp = ferry_os_stamp(), inner = ferry_os_now_ns(), end, since;

	while (ferry_os_now_ns() - inner < ns)
		;
	end = ferry_os_now_ns();
	since = ferry_os_since_ns(stamp);
	inner = end - inner;
	outer = ferry_os_now_ns() - outer;
	assert_true(since + since / 1000 + 1 >= inner);
	assert_true(since <= outer + outer / 1000 + 1);
}

/*
 * Goal: a stamp tells how long something took to a thousandth, from the first one on, and after the rate of the
 * CPU's counter is known; a stamp from before that stays good.
 * Method: measure short and long pieces, before and after time has gone by; the clock is the judge, from the inside
 * and from the outside, so that losing the CPU does not matter.
 */
static void a_stamp_agrees_with_the_clock(void **unused)
{
	uint64_t early_ns = ferry_os_now_ns(), early = ferry_os_stamp(), since;

	(void)unused;
	assert_measured(10000);
	while (ferry_os_now_ns() - early_ns < LEARN_NS)
		(void)ferry_os_stamp();
	for (uint32_t i = 0; i < 20; i++)
		assert_measured(1000u << i % 10);
	since = ferry_os_since_ns(early);
	assert_true(since >= LEARN_NS && since <= ferry_os_now_ns() - early_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stamp_agrees_with_the_clock),
	};

	return cmocka_run_group_tests_name("os-user/os_stamp", tests, NULL, NULL);
}
