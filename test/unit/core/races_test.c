/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * races_test.c - things that happen at a bad moment: a write that slips in, a device that dies under somebody else's
 * move, an end while work is queued. Each is one interleaving, made by hand on the rig.
 */
/* TEST-SOURCES: @core test/unit/core/rig.c test/unit/core/rig_audit.c test/unit/core/rig_external.c */
#include <stdlib.h>

#include "test/unit/cmocka_compat.h"
#include "test/unit/core/rig.h"

static struct rig rig;

static void up(uint32_t devices, uint32_t roots)
{
	rig_up(&rig, devices, roots * FERRY_BLOCK_SIZE, RIG_CAPS_ALL);
	assert_int_equal(rig_range(&rig, 0, 4 * FERRY_BLOCK_PAGES), 0);
	for (uint32_t d = 0; d < devices; d++)
		rig_join(&rig, d);
}

static void down(void)
{
	rig_audit(&rig);
	rig_down(&rig);
}

static int gpu(uint32_t d, uint32_t page, bool write, uint64_t value, uint64_t *out)
{
	int err = rig_gpu_access(&rig, d, page, write, &value);

	if (out)
		*out = value;
	return err;
}

static int cpu(uint32_t page, bool write, uint64_t value, uint64_t *out)
{
	int err = rig_cpu_access(&rig, page, write, &value);

	if (out)
		*out = value;
	return err;
}

static void advise(uint32_t advice, uint32_t where)
{
	struct ferry_req_advise req = {.size = sizeof(req),
	                               .advice = advice,
	                               .base = rig_va(0),
	                               .bytes = 4 * FERRY_BLOCK_SIZE,
	                               .where = where};

	assert_int_equal(rig_request(&rig, FERRY_REQ_ADVISE, &req, sizeof(req)), 0);
}

static int migrate(uint32_t first, uint32_t pages, uint32_t where)
{
	struct ferry_req_migrate req = {
		.size = sizeof(req), .base = rig_va(first), .bytes = pages * FERRY_PAGE_SIZE, .where = where};

	return rig_request(&rig, FERRY_REQ_MIGRATE, &req, sizeof(req));
}

static void destroy(uint32_t first)
{
	struct ferry_req_range req = {.size = sizeof(req), .base = rig_va(first)};

	assert_int_equal(rig_request(&rig, FERRY_REQ_RANGE_DESTROY, &req, sizeof(req)), 0);
}

/* ---- CPU faults ------------------------------------------------------------------------------------------- */

/*
 * Goal: a device's copy has what the CPU wrote before its read-only mapping stood, also when the mapping then failed.
 * Method: two pages shared with a device; a CPU read maps the first, into which a write slips, and fails at the
 * second.
 */
static void a_write_that_slipped_in_reaches_the_copy_when_mapping_fails(void **unused)
{
	uint64_t value;

	(void)unused;
	up(1, 4);
	advise(FERRY_ADVICE_READ_MOSTLY, FERRY_WHERE_NONE);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(gpu(0, i, true, 5, NULL), 0);
	rig.slipped = 77;
	rig.insert_fails_at = 2;
	assert_int_equal(cpu(0, false, 0, &value), 0);
	assert_uint_equal(value, 77);
	assert_int_equal(cpu(1, false, 0, NULL), FERRY_E_CPU_INSERT);
	rig.slipped = 0;
	assert_int_equal(gpu(0, 0, false, 0, &value), 0);
	assert_uint_equal(value, 77);
	rig.insert_fails_at = 0;
	down();
}

/*
 * Goal: read-mostly works on a host that can only take mappings away. Method: pages that the CPU has written are read
 * by the device, which unmaps them; one CPU fault then brings all of them back for reading, and copies nothing; from
 * there on neither side faults. A write of the CPU takes the device's copies.
 */
static void read_mostly_works_where_the_host_cannot_lower_a_mapping(void **unused)
{
	uint64_t value, copies, faults;
	struct ferry_mm_ops ops;

	(void)unused;
	up(1, 4);
	ops = *rig.vs->ops;
	ops.cpu_protect = NULL;
	ops.read_only_at_once = true;
	rig.vs->ops = &ops;
	advise(FERRY_ADVICE_READ_MOSTLY, FERRY_WHERE_NONE);
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(cpu(i, true, 100 + i, NULL), 0);
	for (uint32_t i = 0; i < 16; i++) {
		assert_int_equal(gpu(0, i, false, 0, &value), 0);
		assert_uint_equal(value, 100 + i);
		assert_false(rig.cpu_mapped[i]);
	}
	copies = rig.dev[0].copies;
	faults = rig_counter(&rig, FERRY_COUNTER_faults_cpu);
	for (uint32_t i = 0; i < 32; i++) {
		assert_int_equal(cpu(i % 16, false, 0, &value), 0);
		assert_uint_equal(value, 100 + i % 16);
		assert_false(rig.cpu_writable[i % 16]);
		assert_int_equal(gpu(0, i % 16, false, 0, &value), 0);
		assert_uint_equal(value, 100 + i % 16);
	}
	assert_uint_equal(rig_counter(&rig, FERRY_COUNTER_faults_cpu), faults + 1);
	assert_uint_equal(rig.dev[0].copies, copies);
	assert_int_equal(cpu(3, true, 7, NULL), 0);
	assert_true(rig.cpu_writable[3]);
	assert_int_equal(gpu(0, 3, false, 0, &value), 0);
	assert_uint_equal(value, 7);
	down();
}

/*
 * Goal: a page is not refused because of a neighbour that cannot be mapped. Method: pages that come along are dense
 * around the one touched, one of them is gone from the host.
 */
static void a_neighbour_that_is_gone_does_not_refuse_the_page(void **unused)
{
	(void)unused;
	up(1, 4);
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(gpu(0, i, true, i, NULL), 0);
	rig.insert_fails_at = 3 + 1;
	for (uint32_t i = 4; i < 16; i++)
		assert_int_equal(cpu(i, true, 1, NULL), 0);
	assert_int_equal(cpu(3, true, 1, NULL), FERRY_E_CPU_INSERT);
	rig.insert_fails_at = 0;
	down();
}

/* Goal: a device fault is not refused because the host has no room for neighbours. Method: room for one page. */
static void a_full_host_refuses_no_page_for_its_neighbours(void **unused)
{
	(void)unused;
	up(1, 4);
	assert_int_equal(gpu(0, 512, true, 1, NULL), 0);
	rig.host_pages_max = rig.host_pages + 1;
	assert_int_equal(gpu(0, 7, true, 1, NULL), 0);
	assert_int_equal(gpu(0, 200, true, 1, NULL), FERRY_E_HOST_FULL);
	down();
}

/* ---- a device that dies ----------------------------------------------------------------------------------- */

/*
 * Goal: the death of one device does not kill an access of another to a page that the host still has. Method: device
 * 0 has a read copy and stops answering; device 1 writes the page, which makes device 0 drop its copy.
 */
static void the_death_of_a_reader_does_not_hurt_a_writer(void **unused)
{
	uint64_t value;

	(void)unused;
	up(2, 4);
	assert_int_equal(cpu(0, true, 5, NULL), 0);
	assert_int_equal(gpu(0, 0, false, 0, NULL), 0);
	rig.dev[0].stuck = true;
	assert_int_equal(gpu(1, 0, true, 6, NULL), 0);
	assert_int_not_equal(ferry_device_lost(rig.core->devices[0]), 0);
	assert_int_equal(ferry_device_lost(rig.core->devices[1]), 0);
	assert_int_equal(cpu(0, false, 0, &value), 0);
	assert_uint_equal(value, 6);
	down();
}

/* Goal: the same for a migration home. Method: as above, but the page is asked for by a request. */
static void the_death_of_a_reader_does_not_hurt_a_migration_home(void **unused)
{
	uint64_t value;

	(void)unused;
	up(1, 4);
	assert_int_equal(cpu(0, true, 5, NULL), 0);
	assert_int_equal(gpu(0, 0, false, 0, NULL), 0);
	rig.dev[0].stuck = true;
	assert_int_equal(migrate(0, 1, FERRY_WHERE_HOST), 0);
	assert_int_equal(cpu(0, false, 0, &value), 0);
	assert_uint_equal(value, 5);
	down();
}

/* Goal: a wait for a launch ends when the device stops its channel. Method: the channel stops, no interrupt comes. */
static void a_launch_behind_a_stopped_channel_is_not_waited_for(void **unused)
{
	struct {
		struct ferry_req_program_load req;
		uint64_t insn;
	} load = {.req = {.size = sizeof(load.req), .insn_count = 1}};
	struct ferry_req_launch launch = {.size = sizeof(launch), .grid = {1, 1, 1}, .block = {1, 1, 1}};
	struct ferry_req_wait wait = {.size = sizeof(wait), .timeout_ns = 2000000000};

	(void)unused;
	up(1, 1);
	assert_int_equal(rig_request(&rig, FERRY_REQ_PROGRAM_LOAD, &load, sizeof(load)), 0);
	launch.program = load.req.program;
	rig.dev[0].stopped = rig.vs->joined[0]->compute.id + 1;
	assert_int_equal(rig_request(&rig, FERRY_REQ_LAUNCH, &launch, sizeof(launch)), 0);
	wait.launch = launch.launch;
	assert_int_equal(rig_request(&rig, FERRY_REQ_WAIT, &wait, sizeof(wait)), FERRY_E_DEVICE_LOST);
	down();
}

/* ---- programs --------------------------------------------------------------------------------------------- */

/*
 * Goal: a program stays while a launch of it is in the ring, begun or not: its place on the device may become another
 * program's. Method: the device takes its time.
 */
static void a_program_stays_while_a_launch_is_queued(void **unused)
{
	struct {
		struct ferry_req_program_load req;
		uint64_t insn;
	} load = {.req = {.size = sizeof(load.req), .insn_count = 1}};
	struct ferry_req_launch launch = {.size = sizeof(launch), .grid = {1, 1, 1}, .block = {1, 1, 1}};
	struct ferry_req_program_unload unload = {.size = sizeof(unload)};

	(void)unused;
	up(1, 1);
	assert_int_equal(rig_request(&rig, FERRY_REQ_PROGRAM_LOAD, &load, sizeof(load)), 0);
	launch.program = unload.program = load.req.program;
	rig.dev[0].stuck = true;
	assert_int_equal(rig_request(&rig, FERRY_REQ_LAUNCH, &launch, sizeof(launch)), 0);
	assert_int_equal(rig_request(&rig, FERRY_REQ_PROGRAM_UNLOAD, &unload, sizeof(unload)), FERRY_E_BUSY);
	rig.dev[0].stuck = false;
	assert_int_equal(rig_request(&rig, FERRY_REQ_LAUNCH, &launch, sizeof(launch)), 0);
	assert_int_equal(rig_request(&rig, FERRY_REQ_PROGRAM_UNLOAD, &unload, sizeof(unload)), 0);
	down();
}

/* ---- page tables ------------------------------------------------------------------------------------------ */

/*
 * Goal: a page table is given away only when no walk can be under way in it. Method: a block that has a table and
 * maps nothing ends; its directory entry is gone at an invalidate that comes with it.
 */
static void a_table_is_unhooked_before_the_last_invalidate(void **unused)
{
	uint64_t before;

	(void)unused;
	up(1, 4);
	assert_int_equal(gpu(0, 0, true, 5, NULL), 0);
	assert_int_equal(migrate(0, 1, FERRY_WHERE_HOST), 0);
	assert_true(rig_table(&rig, 0, rig_va(0)));
	before = rig.dev[0].invalidates;
	destroy(0);
	assert_true(rig.dev[0].invalidates > before);
	assert_false(rig.dev[0].table_at_invalidate);
	rig_down(&rig);
}

/*
 * Goal: unmapping needs nothing of the host. Method: remote pages next to local ones; the bus has no room when one of
 * either is taken away.
 */
static void unmapping_does_not_ask_for_host_addresses(void **unused)
{
	(void)unused;
	up(1, 4);
	assert_int_equal(gpu(0, 0, true, 5, NULL), 0);
	for (uint32_t i = 1; i < 4; i++)
		assert_int_equal(cpu(i, true, i, NULL), 0);
	advise(FERRY_ADVICE_PREFERRED, FERRY_WHERE_HOST);
	for (uint32_t i = 1; i < 4; i++)
		assert_int_equal(gpu(0, i, true, 10 + i, NULL), 0);
	assert_true(rig_counter(&rig, FERRY_COUNTER_maps_remote) > 0);
	rig_audit(&rig);
	rig.bus_fails = true;
	rig.cpu_mapped[0] = rig.cpu_writable[0] = false; /* the host does that before it tells */
	rig.cpu_mapped[2] = rig.cpu_writable[2] = false;
	ferry_core_unmapped(rig.core, rig.vs, rig_va(0), FERRY_PAGE_SIZE);
	ferry_core_unmapped(rig.core, rig.vs, rig_va(2), FERRY_PAGE_SIZE);
	rig_audit(&rig);
	assert_int_equal(ferry_device_lost(rig.core->devices[0]), 0);
	rig.bus_fails = false;
	down();
}

/*
 * Goal: a range that is made where one was before reads as zero, on both sides. Method: write, destroy, make, read:
 * the host keeps its mappings and pages unless it is told.
 */
static void a_new_range_has_nothing_of_the_old_one(void **unused)
{
	uint64_t value = 1;

	(void)unused;
	up(1, 4);
	assert_int_equal(cpu(0, true, 5, NULL), 0);
	assert_int_equal(cpu(1, true, 6, NULL), 0);
	destroy(0);
	assert_false(rig.cpu_mapped[0]);
	assert_true(rig.discards > 0);
	assert_int_equal(rig_range(&rig, 0, 4 * FERRY_BLOCK_PAGES), 0);
	assert_int_equal(gpu(0, 0, false, 0, &value), 0);
	assert_uint_equal(value, 0);
	assert_int_equal(cpu(1, false, 0, &value), 0);
	assert_uint_equal(value, 0);
	down();
}

/* ---- the end ---------------------------------------------------------------------------------------------- */

/*
 * Goal: a device ends in order while its bottom half is queued or runs. Method: an interrupt with many faults right
 * before the end, often; small batches, so that a run does not empty the ring and wants another.
 */
static void a_device_ends_while_its_bottom_half_is_queued(void **unused)
{
	uint64_t bugs = ferry_user_bug_count();

	(void)unused;
	rig_batch(1);
	for (uint32_t turn = 0; turn < 40; turn++) {
		up(1, 1);
		ferry_core_close(rig.core, rig.vs);
		for (uint32_t i = 0; i < 200; i++)
			rig_fault_push(&rig, 0, rig_va(i), FERRY_ACCESS_READ);
		rig.dev[0].irq(rig.dev[0].irq_arg, 0);
		for (uint32_t spin = 0; spin < turn * 120; spin++)
			ferry_os_relax();
		ferry_core_destroy(rig.core);
		free(rig.dev[0].vram);
		free(rig.host);
		free(rig.swap);
	}
	rig_batch(0);
	assert_uint_equal(ferry_user_bug_count(), bugs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_that_slipped_in_reaches_the_copy_when_mapping_fails),
		cmocka_unit_test(read_mostly_works_where_the_host_cannot_lower_a_mapping),
		cmocka_unit_test(a_neighbour_that_is_gone_does_not_refuse_the_page),
		cmocka_unit_test(a_full_host_refuses_no_page_for_its_neighbours),
		cmocka_unit_test(the_death_of_a_reader_does_not_hurt_a_writer),
		cmocka_unit_test(the_death_of_a_reader_does_not_hurt_a_migration_home),
		cmocka_unit_test(a_launch_behind_a_stopped_channel_is_not_waited_for),
		cmocka_unit_test(a_program_stays_while_a_launch_is_queued),
		cmocka_unit_test(a_table_is_unhooked_before_the_last_invalidate),
		cmocka_unit_test(unmapping_does_not_ask_for_host_addresses),
		cmocka_unit_test(a_new_range_has_nothing_of_the_old_one),
		cmocka_unit_test(a_device_ends_while_its_bottom_half_is_queued),
	};

	return cmocka_run_group_tests_name("core/races", tests, NULL, NULL);
}
