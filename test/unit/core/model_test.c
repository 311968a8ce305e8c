/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The whole core against a reference memory: random accesses of the CPU and several devices, migrations, advice,
 * holes and pressure, with every invariant checked on the way.
 */
/* TEST-SOURCES: @core test/unit/core/rig.c test/unit/core/rig_audit.c test/unit/core/rig_external.c */
#include <string.h>

#include "test/unit/cmocka_compat.h"
#include "test/unit/core/rig.h"

#define PAGES (3u * FERRY_BLOCK_PAGES) /* used of the window: two full blocks and most of a third */
#define USED (PAGES - 100u)

struct model {
	struct rig rig;
	uint64_t want[PAGES]; /* the value at each page's start */
	bool gone[PAGES], read_only[PAGES];
	uint64_t x;
};

static struct model model; /* too large for a stack */
static bool host_zaps_only;
static int (*rig_insert)(void *mm, uint64_t va, uint32_t pages, bool write);

static uint64_t rnd(struct model *m)
{
	m->x ^= m->x << 13;
	m->x ^= m->x >> 7;
	m->x ^= m->x << 17;
	return m->x;
}

/* Mostly neighbours, sometimes far away: so that both prefetch and scatter happen. */
static uint32_t pick_page(struct model *m)
{
	static uint32_t last;

	last = rnd(m) % 4 ? (last + (uint32_t)(rnd(m) % 9)) % USED : (uint32_t)(rnd(m) % USED);
	return last;
}

static void step_cpu(struct model *m, bool write)
{
	uint32_t page = pick_page(m);
	uint64_t value = rnd(m);
	int err = rig_cpu_access(&m->rig, page, write, &value);

	if (m->gone[page]) {
		assert_int_equal(err, FERRY_E_RANGE_NOT_FOUND);
		return;
	}
	assert_int_equal(err, 0);
	if (write)
		m->want[page] = value;
	else
		assert_int_equal(value, m->want[page]);
}

static void step_gpu(struct model *m, bool write)
{
	uint32_t page = pick_page(m), d = (uint32_t)(rnd(m) % m->rig.devices);
	uint64_t value = rnd(m);
	int err = rig_gpu_access(&m->rig, d, page, write, &value);

	if (m->gone[page]) {
		assert_int_equal(err, FERRY_E_FAULT_UNMAPPED);
	} else if (write && m->read_only[page]) {
		assert_int_equal(err, FERRY_E_FAULT_READ_ONLY);
	} else {
		assert_int_equal(err, 0);
		if (write)
			m->want[page] = value;
		else
			assert_int_equal(value, m->want[page]);
	}
}

static bool any_gone(const struct model *m, uint32_t first, uint32_t pages)
{
	for (uint32_t i = first; i < first + pages; i++)
		if (m->gone[i])
			return true;
	return false;
}

static void step_migrate(struct model *m)
{
	uint32_t first = pick_page(m), pages = 1 + (uint32_t)(rnd(m) % (USED - first));
	struct ferry_req_migrate req = {.size = sizeof(req),
	                                .flags = FERRY_MIGRATE_BEST_EFFORT,
	                                .base = rig_va(first),
	                                .bytes = pages * FERRY_PAGE_SIZE};

	if (any_gone(m, first, pages))
		return; /* a hole is passed over in silence, which the service test looks at */
	req.where = rnd(m) % 2 ? FERRY_WHERE_HOST : (uint32_t)(rnd(m) % m->rig.devices);
	assert_int_equal(rig_request(&m->rig, FERRY_REQ_MIGRATE, &req, sizeof(req)), 0);
}

static void step_advise(struct model *m)
{
	static const uint32_t advice[] = {FERRY_ADVICE_PREFERRED, FERRY_ADVICE_ACCESSED_BY,
	                                  FERRY_ADVICE_NOT_ACCESSED_BY, FERRY_ADVICE_READ_MOSTLY,
	                                  FERRY_ADVICE_NOT_READ_MOSTLY};
	struct ferry_req_advise req = {.size = sizeof(req),
	                               .advice = advice[rnd(m) % 5],
	                               .base = rig_va(pick_page(m)),
	                               .bytes = FERRY_PAGE_SIZE,
	                               .where = FERRY_WHERE_NONE};

	if (req.advice == FERRY_ADVICE_PREFERRED)
		req.where = rnd(m) % 3 == 0 ? FERRY_WHERE_NONE
		            : rnd(m) % 2    ? FERRY_WHERE_HOST
		                            : (uint32_t)(rnd(m) % m->rig.devices);
	else if (req.advice == FERRY_ADVICE_ACCESSED_BY || req.advice == FERRY_ADVICE_NOT_ACCESSED_BY)
		req.where = (uint32_t)(rnd(m) % m->rig.devices);
	assert_int_equal(rig_request(&m->rig, FERRY_REQ_ADVISE, &req, sizeof(req)), 0);
}

static void step_protect(struct model *m)
{
	uint32_t first = pick_page(m), pages = 1 + (uint32_t)(rnd(m) % 20);
	bool write = rnd(m) % 2;
	struct ferry_req_protect req = {
		.size = sizeof(req), .prot = FERRY_PROT_READ | (write ? FERRY_PROT_WRITE : 0), .base = rig_va(first)};

	if (first + pages > USED)
		pages = USED - first;
	req.bytes = pages * FERRY_PAGE_SIZE;
	assert_int_equal(rig_request(&m->rig, FERRY_REQ_PROTECT, &req, sizeof(req)), 0);
	for (uint32_t i = first; i < first + pages; i++)
		m->read_only[i] = !write;
}

static void step_unmap(struct model *m)
{
	uint32_t first = pick_page(m), pages = 1 + (uint32_t)(rnd(m) % 3);

	if (first + pages > USED)
		pages = USED - first;
	ferry_core_unmapped(m->rig.core, m->rig.vs, rig_va(first), pages * FERRY_PAGE_SIZE);
	for (uint32_t i = first; i < first + pages; i++) {
		m->gone[i] = true;
		m->rig.cpu_mapped[i] = m->rig.cpu_writable[i] = false;
	}
}

/* The host may drop a CPU mapping whenever it likes. */
static void step_host_drops(struct model *m)
{
	uint32_t page = pick_page(m);

	m->rig.cpu_mapped[page] = m->rig.cpu_writable[page] = false;
}

/* The kernel's page tables: entries are raised and zapped, never lowered. */
static int insert_without_lowering(void *mm, uint64_t va, uint32_t pages, bool write)
{
	for (uint32_t i = 0; !write && i < pages; i++)
		assert_false(((struct rig *)mm)->cpu_writable[rig_page(va) + i]);
	return rig_insert(mm, va, pages, write);
}

static void zap_only(struct rig *rig)
{
	static struct ferry_mm_ops ops;

	ops = *rig->vs->ops;
	rig_insert = ops.cpu_insert;
	ops.cpu_insert = insert_without_lowering;
	ops.cpu_protect = NULL;
	ops.read_only_at_once = true;
	rig->vs->ops = &ops;
}

static void run_model(uint64_t seed, uint32_t devices, uint64_t vram_bytes, uint32_t caps, uint32_t steps)
{
	struct model *m = &model;

	memset(m, 0, sizeof(*m));
	m->x = seed;
	rig_up(&m->rig, devices, vram_bytes, caps);
	if (host_zaps_only)
		zap_only(&m->rig);
	assert_int_equal(rig_range(&m->rig, 0, USED), 0);
	for (uint32_t d = 0; d < devices; d++)
		rig_join(&m->rig, d);
	for (uint32_t i = 0; i < steps; i++) {
		uint64_t what = rnd(m) % 100;

		if (what < 40)
			step_gpu(m, what % 2);
		else if (what < 80)
			step_cpu(m, what % 2);
		else if (what < 88)
			step_migrate(m);
		else if (what < 93)
			step_advise(m);
		else if (what < 95)
			step_protect(m);
		else if (what < 99)
			step_host_drops(m);
		else if (rnd(m) % 8 == 0)
			step_unmap(m);
		if (i % 64 == 0)
			rig_audit(&m->rig);
	}
	rig_audit(&m->rig);
	assert_int_equal(rig_counter(&m->rig, FERRY_COUNTER_lock_violations), 0);
	rig_down(&m->rig);
}

/*
 * Goal: whatever CPU and one device do, each reads what was written last, and no invariant of va/block.h breaks.
 * Method: random steps with plenty of memory, for several seeds.
 */
static void one_device_with_room_reads_what_was_written_last(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= 6; seed++)
		run_model(seed * 77777, 1, 8 * FERRY_BLOCK_SIZE, RIG_CAPS_ALL, 1500);
}

/* The same with one root of device memory for three blocks: eviction all the time. */
static void one_device_with_a_single_root_reads_what_was_written_last(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= 6; seed++)
		run_model(seed * 31337, 1, FERRY_BLOCK_SIZE, RIG_CAPS_ALL, 1500);
}

/* The same with three devices that take pages from each other. */
static void three_devices_read_what_was_written_last(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= 6; seed++)
		run_model(seed * 424243, 3, 2 * FERRY_BLOCK_SIZE, RIG_CAPS_ALL, 1500);
}

/* The same on a device with nothing but 4 KiB pages of its own memory. */
static void a_device_without_large_pages_or_host_maps_works_too(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= 4; seed++)
		run_model(seed * 909091, 2, FERRY_BLOCK_SIZE,
		          1u << FERRY_CAP_REPLAY | 1u << FERRY_CAP_CANCEL | 1u << FERRY_CAP_ATOMICS, 1200);
}

/* The same on a host that cannot take write permission away without the mapping. */
static void on_a_host_that_lowers_no_mapping_all_read_what_was_written_last(void **unused)
{
	(void)unused;
	host_zaps_only = true;
	for (uint64_t seed = 1; seed <= 6; seed++)
		run_model(seed * 650011, 2, 2 * FERRY_BLOCK_SIZE, RIG_CAPS_ALL, 1500);
	host_zaps_only = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_device_with_room_reads_what_was_written_last),
		cmocka_unit_test(one_device_with_a_single_root_reads_what_was_written_last),
		cmocka_unit_test(three_devices_read_what_was_written_last),
		cmocka_unit_test(a_device_without_large_pages_or_host_maps_works_too),
		cmocka_unit_test(on_a_host_that_lowers_no_mapping_all_read_what_was_written_last),
	};

	return cmocka_run_group_tests_name("core/model", tests, NULL, NULL);
}
