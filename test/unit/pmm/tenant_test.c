/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * tenant_test.c - ages, pins and victims.
 */
/* TEST-SOURCES: core/pmm/pmm.c core/pmm/root.c core/pmm/root_audit.c core/pmm/tenant.c core/lock/lock.c
 * core/lock/lock_check.c core/lock/lock_book.c core/lock/lock_slow.c core/base/text.c core/base/bitmap.c
 * core/base/mem.c */
#include "test/unit/cmocka_compat.h"
#include "pmm/pmm.h"

#define TENANTS 8

static struct ferry_mem mem;
static struct ferry_ctx ctx;
static struct ferry_pmm *pmm;
static struct ferry_tenant tenant[TENANTS];
static uint32_t frame[TENANTS]; /* one 64K piece each, while it has one */
static uint64_t bugs_before;

/* Tenants 0..7 with 16 frames each, 0 the oldest. */
static int start(void **unused)
{
	(void)unused;
	ferry_user_bug_is_fatal = 0;
	bugs_before = ferry_user_bug_count();
	ferry_ctx_init(&ctx);
	if (ferry_pmm_create(&mem, 4ull << 20, &pmm))
		return 1;
	for (uint32_t i = 0; i < TENANTS; i++) {
		ferry_tenant_init(&tenant[i]);
		if (ferry_pmm_alloc(&ctx, pmm, FERRY_PMM_64K, &tenant[i], &frame[i]))
			return 1;
	}
	return 0;
}

static void vacate(uint32_t i)
{
	if (tenant[i].frames)
		ferry_pmm_free(&ctx, pmm, &tenant[i], frame[i], 16);
}

static int end(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < TENANTS; i++) {
		vacate(i);
		ferry_tenant_fini(&ctx, pmm, &tenant[i]);
	}
	ferry_pmm_destroy(pmm);
	ferry_ctx_fini(&ctx);
	return ferry_mem_bytes(&mem) != 0;
}

static uint64_t reports(void)
{
	return ferry_user_bug_count() - bugs_before;
}

static uint32_t victim(void)
{
	struct ferry_tenant *t = ferry_pmm_victim(&ctx, pmm, NULL);

	assert_true(ferry_pmm_audit(&ctx, pmm));
	return t ? (uint32_t)(t - tenant) : TENANTS;
}

/*
 * Goal: victims are the oldest first; each comes pinned, so that the next is another; then there is nobody.
 * Method: ask once more than there are tenants.
 */
static void victims_come_oldest_first_and_pinned(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < TENANTS; i++) {
		assert_uint_equal(victim(), i);
		assert_uint_equal(tenant[i].pins, 1);
	}
	assert_null(ferry_pmm_victim(&ctx, pmm, NULL));
	for (uint32_t i = 0; i < TENANTS; i++)
		assert_true(ferry_tenant_unpin(&ctx, pmm, &tenant[i]));
	assert_uint_equal(victim(), 0);
	assert_true(ferry_tenant_unpin(&ctx, pmm, &tenant[0]));
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: a touch makes a tenant the youngest.
 * Method: touch 0, 3, 1: the victims are 2 4 5 6 7 0 3 1.
 */
static void a_touch_makes_the_youngest(void **unused)
{
	const uint32_t order[] = {2, 4, 5, 6, 7, 0, 3, 1};

	(void)unused;
	ferry_tenant_touch(&ctx, pmm, &tenant[0]);
	ferry_tenant_touch(&ctx, pmm, &tenant[3]);
	ferry_tenant_touch(&ctx, pmm, &tenant[1]);
	for (uint32_t i = 0; i < TENANTS; i++)
		assert_uint_equal(victim(), order[i]);
	for (uint32_t i = 0; i < TENANTS; i++)
		ferry_tenant_unpin(&ctx, pmm, &tenant[i]);
}

/*
 * Goal: more frames do not change a tenant's age; its first ones do, and its last ones take it out of the list.
 * Method: 0 takes one more and stays the oldest; vacated, it is no victim; with a frame again it is the youngest.
 */
static void frames_bring_a_tenant_in_and_out(void **unused)
{
	uint32_t more;

	(void)unused;
	assert_int_equal(ferry_pmm_alloc(&ctx, pmm, FERRY_PMM_4K, &tenant[0], &more), 0);
	assert_uint_equal(victim(), 0);
	ferry_tenant_unpin(&ctx, pmm, &tenant[0]);
	ferry_pmm_free(&ctx, pmm, &tenant[0], more, 1);
	assert_uint_equal(victim(), 0);
	ferry_tenant_unpin(&ctx, pmm, &tenant[0]);
	vacate(0);
	ferry_tenant_touch(&ctx, pmm, &tenant[0]); /* nothing to give: a touch does not bring it back */
	assert_uint_equal(victim(), 1);
	ferry_tenant_unpin(&ctx, pmm, &tenant[1]);
	assert_int_equal(ferry_pmm_alloc(&ctx, pmm, FERRY_PMM_64K, &tenant[0], &frame[0]), 0);
	for (uint32_t i = 1; i < TENANTS; i++)
		assert_uint_equal(victim(), i);
	assert_uint_equal(victim(), 0);
	for (uint32_t i = 0; i < TENANTS; i++)
		ferry_tenant_unpin(&ctx, pmm, &tenant[i]);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: pins nest; a tenant is a victim again when the last is gone. A pin does not change its age.
 * Method: pin 0 twice, 1 once; unpin step by step.
 */
static void pins_nest(void **unused)
{
	struct ferry_pmm_stats st;

	(void)unused;
	ferry_tenant_pin(&ctx, pmm, &tenant[0]);
	ferry_tenant_pin(&ctx, pmm, &tenant[0]);
	ferry_tenant_pin(&ctx, pmm, &tenant[1]);
	ferry_pmm_stats(&ctx, pmm, &st);
	assert_uint_equal(st.pinned, 2);
	assert_uint_equal(victim(), 2);
	assert_true(ferry_tenant_unpin(&ctx, pmm, &tenant[0]));
	assert_uint_equal(victim(), 3);
	assert_true(ferry_tenant_unpin(&ctx, pmm, &tenant[0]));
	assert_uint_equal(victim(), 0);
	for (uint32_t i = 0; i < 4; i++)
		assert_true(ferry_tenant_unpin(&ctx, pmm, &tenant[i]));
	ferry_pmm_stats(&ctx, pmm, &st);
	assert_uint_equal(st.pinned, 0);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: an unpin without a pin is refused and reported; the count does not wrap.
 * Method: unpin a tenant that was never pinned.
 */
static void an_unpin_without_a_pin_is_refused(void **unused)
{
	(void)unused;
	assert_false(ferry_tenant_unpin(&ctx, pmm, &tenant[5]));
	assert_uint_equal(reports(), 1);
	assert_uint_equal(tenant[5].pins, 0);
	assert_uint_equal(victim(), 0);
	ferry_tenant_unpin(&ctx, pmm, &tenant[0]);
}

static uint32_t held[TENANTS];

static bool hold_odd(struct ferry_tenant *t)
{
	held[t - tenant]++;
	return (t - tenant) % 2;
}

/*
 * Goal: hold is asked of each candidate in order of age, before it is pinned, and its refusal skips the tenant.
 * Method: a hold that accepts odd tenants; 1 is pinned already and must not even be asked.
 */
static void hold_decides_about_each_candidate(void **unused)
{
	(void)unused;
	memset(held, 0, sizeof(held));
	ferry_tenant_pin(&ctx, pmm, &tenant[1]);
	assert_ptr_equal(ferry_pmm_victim(&ctx, pmm, hold_odd), &tenant[3]);
	assert_uint_equal(tenant[3].pins, 1);
	assert_uint_equal(tenant[0].pins | tenant[2].pins, 0);
	for (uint32_t i = 0; i < TENANTS; i++)
		assert_uint_equal(held[i], i < 4 && i != 1);
	ferry_tenant_unpin(&ctx, pmm, &tenant[1]);
	ferry_tenant_unpin(&ctx, pmm, &tenant[3]);
	assert_uint_equal(reports(), 0);
}

/*
 * Goal: a tenant that ends with frames or pins is reported, and leaves nothing behind that points at it.
 * Method: end one of each kind; the next victim is another.
 */
static void a_tenant_that_ends_early_is_reported_and_gone(void **unused)
{
	struct ferry_tenant t;
	uint32_t f;

	(void)unused;
	ferry_tenant_init(&t);
	ferry_tenant_pin(&ctx, pmm, &t);
	ferry_tenant_fini(&ctx, pmm, &t);
	assert_uint_equal(reports(), 1);
	ferry_tenant_init(&t);
	assert_int_equal(ferry_pmm_alloc(&ctx, pmm, FERRY_PMM_4K, &t, &f), 0);
	ferry_tenant_fini(&ctx, pmm, &t);
	assert_uint_equal(reports(), 2);
	assert_true(ferry_list_empty(&t.by_age));
	assert_false(ferry_pmm_audit(&ctx, pmm)); /* one frame is nobody's now, and the audit says so */
	for (uint32_t i = 0; i < TENANTS; i++)
		assert_ptr_equal(ferry_pmm_victim(&ctx, pmm, NULL), &tenant[i]);
	assert_null(ferry_pmm_victim(&ctx, pmm, NULL));
	for (uint32_t i = 0; i < TENANTS; i++)
		ferry_tenant_unpin(&ctx, pmm, &tenant[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(victims_come_oldest_first_and_pinned, start, end),
		cmocka_unit_test_setup_teardown(a_touch_makes_the_youngest, start, end),
		cmocka_unit_test_setup_teardown(frames_bring_a_tenant_in_and_out, start, end),
		cmocka_unit_test_setup_teardown(pins_nest, start, end),
		cmocka_unit_test_setup_teardown(an_unpin_without_a_pin_is_refused, start, end),
		cmocka_unit_test_setup_teardown(hold_decides_about_each_candidate, start, end),
		cmocka_unit_test_setup_teardown(a_tenant_that_ends_early_is_reported_and_gone, start, end),
	};

	return cmocka_run_group_tests_name("pmm/tenant", tests, NULL, NULL);
}
