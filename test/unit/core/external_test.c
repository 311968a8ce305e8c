/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Registered host memory: used in place, for as long as its owner lets it, and by nobody after that. */
/* TEST-SOURCES: @core test/unit/core/rig.c test/unit/core/rig_audit.c test/unit/core/rig_external.c */
#include <string.h>

#include "os-user/os_fault.h"
#include "test/unit/cmocka_compat.h"
#include "test/unit/core/rig.h"

#define BLOCK FERRY_BLOCK_PAGES
#define CAPS_NO_HOST_MAP (RIG_CAPS_ALL & ~(1u << FERRY_CAP_HOST_MAP))

static struct rig rig;
static uint64_t bytes_at_start;

static void up_with(uint32_t devices, uint32_t caps)
{
	rig_up(&rig, devices, 2 * FERRY_BLOCK_SIZE, caps);
	for (uint32_t d = 0; d < devices; d++)
		rig_join(&rig, d);
	bytes_at_start = rig_counter(&rig, FERRY_COUNTER_memory_bytes);
}

static void up(void)
{
	up_with(1, RIG_CAPS_ALL);
}

static void down(void)
{
	rig_audit(&rig);
	assert_uint_equal(rig_counter(&rig, FERRY_COUNTER_lock_violations), 0);
	rig_down(&rig);
	assert_uint_equal(rig.external_maps, rig.external_unmaps);
}

static uint64_t *host(uint32_t page)
{
	return (void *)(rig.host + (uint64_t)page * FERRY_PAGE_SIZE);
}

static int gpu_read(uint32_t d, uint32_t page, uint64_t *value)
{
	return rig_gpu_access(&rig, d, page, false, value);
}

static int gpu_write(uint32_t d, uint32_t page, uint64_t value)
{
	return rig_gpu_access(&rig, d, page, true, &value);
}

static void revoke(uint32_t first, uint32_t pages)
{
	ferry_core_external_revoke(rig.core, rig.vs, rig_va(first), pages * FERRY_PAGE_SIZE);
}

/* What a device sees there: the fault's reason, 0 when it sees the host's page itself. */
static int sees(uint32_t page)
{
	uint64_t value = 0, mark = page * 3 + 1;
	int err;

	*host(page) = mark;
	err = gpu_read(0, page, &value);
	assert_true(err || value == mark);
	return err;
}

static uint32_t mapped(uint32_t d, uint32_t first, uint32_t pages)
{
	uint32_t count = 0;
	uint8_t *memory;

	for (uint32_t i = first; i < first + pages; i++)
		count += rig_walk(&rig, d, rig_va(i), false, &memory);
	return count;
}

/* ---- use -------------------------------------------------------------------------------------------------- */

/*
 * Goal: device and process see the same bytes, where they are. Method: each writes, the other reads; nothing is
 * copied, and no frame is used.
 */
static void a_registered_page_is_used_in_place(void **unused)
{
	struct ferry_req_device_info info = {.size = sizeof(info)};
	struct ferry_req_residency where = {.size = sizeof(where), .pages = 3, .base = rig_va(7)};
	uint64_t value;

	(void)unused;
	up();
	assert_int_equal(rig_register(&rig, 7, 3, 0), 0);
	*host(8) = 42;
	assert_int_equal(gpu_read(0, 8, &value), 0);
	assert_uint_equal(value, 42);
	assert_int_equal(gpu_write(0, 8, 43), 0);
	assert_uint_equal(*host(8), 43);
	*host(8) = 44;
	assert_int_equal(gpu_read(0, 8, &value), 0);
	assert_uint_equal(value, 44);
	assert_int_equal(rig_request(&rig, FERRY_REQ_RESIDENCY, &where, sizeof(where)), 0);
	assert_true(where.where[0] == 1 && where.where[1] == 1 && where.where[2] == 1);
	assert_int_equal(rig_request(&rig, FERRY_REQ_DEVICE_INFO, &info, sizeof(info)), 0);
	assert_uint_equal(info.vram_free_bytes, info.vram_bytes);
	assert_true(info.capabilities >> FERRY_CAPABILITY_REGISTER & 1);
	assert_uint_equal(rig.dev[0].copies + rig.dev[0].fills, 0);
	assert_uint_equal(rig_counter(&rig, FERRY_COUNTER_registered_bytes), 3 * FERRY_PAGE_SIZE);
	down();
}

/* Goal: one fault maps what is registered in its block, and nothing else. Method: one access, then look. */
static void one_fault_maps_its_block(void **unused)
{
	(void)unused;
	up();
	assert_int_equal(rig_register(&rig, 100, 900, 0), 0);
	assert_int_equal(sees(300), 0);
	assert_uint_equal(mapped(0, 0, 2 * BLOCK), BLOCK - 100);
	assert_uint_equal(mapped(0, 100, BLOCK - 100), BLOCK - 100);
	assert_uint_equal(rig_counter(&rig, FERRY_COUNTER_faults_gpu), 1);
	down();
}

/* Goal: two devices use the same page. Method: one writes, the other reads; both at once. */
static void devices_share_it(void **unused)
{
	uint64_t value;

	(void)unused;
	up_with(2, RIG_CAPS_ALL);
	assert_int_equal(rig_register(&rig, 0, 1, 0), 0);
	assert_int_equal(gpu_write(0, 0, 5), 0);
	assert_int_equal(gpu_read(1, 0, &value), 0);
	assert_uint_equal(value, 5);
	assert_uint_equal(mapped(0, 0, 1) + mapped(1, 0, 1), 2);
	down();
}

/* Goal: a piece may begin and end anywhere, over several blocks. Method: the first and last page, and their outsides.
 */
static void a_piece_lies_across_blocks(void **unused)
{
	uint64_t value;

	(void)unused;
	up();
	assert_int_equal(rig_register(&rig, BLOCK - 1, BLOCK + 2, 0), 0);
	assert_int_equal(sees(BLOCK - 1), 0);
	assert_int_equal(sees(BLOCK), 0);
	assert_int_equal(sees(2 * BLOCK), 0);
	assert_int_equal(gpu_read(0, BLOCK - 2, &value), FERRY_E_FAULT_UNMAPPED);
	assert_int_equal(gpu_read(0, 2 * BLOCK + 1, &value), FERRY_E_FAULT_UNMAPPED);
	assert_int_equal(rig_unregister(&rig, BLOCK - 1), 0);
	assert_int_equal(gpu_read(0, BLOCK, &value), FERRY_E_FAULT_UNMAPPED);
	assert_uint_equal(rig_counter(&rig, FERRY_COUNTER_registered_bytes), 0);
	down();
}

/*
 * Goal: what is registered for reading is not written by devices, and is read by them. Method: a write, a read; both
 * in one batch; a writable piece in the same block.
 */
static void a_read_only_piece_is_not_written(void **unused)
{
	uint64_t value = 0;

	(void)unused;
	up();
	assert_int_equal(rig_register(&rig, 0, 4, FERRY_REGISTER_READ_ONLY), 0);
	assert_int_equal(rig_register(&rig, 4, 4, 0), 0);
	*host(0) = 9;
	rig_fault_push(&rig, 0, rig_va(0), FERRY_ACCESS_WRITE);
	assert_int_equal(gpu_read(0, 0, &value), FERRY_E_FAULT_READ_ONLY); /* both in one batch: one is refused */
	assert_uint_equal(rig.dev[0].cancels, 1);
	assert_int_equal(gpu_read(0, 0, &value), 0);
	assert_uint_equal(value, 9);
	assert_int_equal(gpu_write(0, 0, 10), FERRY_E_FAULT_READ_ONLY);
	assert_uint_equal(*host(0), 9);
	assert_int_equal(gpu_write(0, 4, 10), 0);
	assert_uint_equal(*host(4), 10);
	down();
}

/* ---- begin and end ---------------------------------------------------------------------------------------- */

/*
 * Goal: pieces in one block come and go by themselves, and the block is managed memory's again when the last is gone.
 */
static void pieces_of_one_block_are_independent(void **unused)
{
	uint64_t value;

	(void)unused;
	up();
	assert_int_equal(rig_register(&rig, 0, 2, 0), 0);
	assert_int_equal(rig_register(&rig, 2, 2, 0), 0);
	assert_int_equal(sees(1), 0);
	assert_int_equal(sees(2), 0);
	assert_int_equal(rig_unregister(&rig, 0), 0);
	assert_int_equal(gpu_read(0, 1, &value), FERRY_E_FAULT_UNMAPPED);
	assert_int_equal(sees(2), 0);
	assert_int_equal(rig_range(&rig, 0, 1), FERRY_E_RANGE_OVERLAP);
	assert_int_equal(rig_unregister(&rig, 2), 0);
	assert_int_equal(rig_range(&rig, 0, 1), 0);
	assert_int_equal(gpu_write(0, 0, 3), 0);
	down();
}

/* Goal: nothing is registered twice, nor in a block of managed memory. Method: each kind of overlap, then a good one.
 */
static void overlaps_are_refused(void **unused)
{
	(void)unused;
	up();
	assert_int_equal(rig_range(&rig, 2 * BLOCK, 5), 0);
	assert_int_equal(rig_register(&rig, 10, 10, 0), 0);
	assert_int_equal(rig_register(&rig, 10, 10, 0), FERRY_E_RANGE_OVERLAP);
	assert_int_equal(rig_register(&rig, 19, 1, 0), FERRY_E_RANGE_OVERLAP);
	assert_int_equal(rig_register(&rig, 0, 11, 0), FERRY_E_RANGE_OVERLAP);
	assert_int_equal(rig_register(&rig, 2 * BLOCK, 1, 0), FERRY_E_RANGE_OVERLAP);
	assert_int_equal(rig_register(&rig, 2 * BLOCK + 100, 1, 0), FERRY_E_RANGE_OVERLAP);
	assert_int_equal(rig_register(&rig, BLOCK, BLOCK + 1, 0), FERRY_E_RANGE_OVERLAP);
	assert_uint_equal(rig.external_maps, 1);
	assert_int_equal(rig_register(&rig, 20, 2 * BLOCK - 20, 0), 0);
	assert_int_equal(rig_register(&rig, 0, 10, 0), 0);
	down();
}

/* Goal: only a whole piece is ended, by its base, once. Method: its middle, its neighbour, twice; out says how much.
 */
static void only_a_whole_piece_is_ended(void **unused)
{
	struct ferry_req_register req = {.size = sizeof(req), .base = rig_va(10)};

	(void)unused;
	up();
	assert_int_equal(rig_register(&rig, 10, 20, 0), 0);
	assert_int_equal(rig_range(&rig, BLOCK, 1), 0);
	assert_int_equal(rig_unregister(&rig, 11), FERRY_E_REGISTER_NOT_FOUND);
	assert_int_equal(rig_unregister(&rig, 30), FERRY_E_REGISTER_NOT_FOUND);
	assert_int_equal(rig_unregister(&rig, BLOCK), FERRY_E_REGISTER_NOT_FOUND);
	assert_int_equal(rig_unregister(&rig, 3 * BLOCK), FERRY_E_REGISTER_NOT_FOUND);
	req.base = UINT64_MAX;
	assert_int_equal(rig_request(&rig, FERRY_REQ_UNREGISTER, &req, sizeof(req)), FERRY_E_REGISTER_NOT_FOUND);
	assert_int_equal(sees(29), 0);
	req.base = rig_va(10);
	assert_int_equal(rig_request(&rig, FERRY_REQ_UNREGISTER, &req, sizeof(req)), 0);
	assert_uint_equal(req.bytes, 20 * FERRY_PAGE_SIZE);
	assert_int_equal(rig_unregister(&rig, 10), FERRY_E_REGISTER_NOT_FOUND);
	down();
}

/* Goal: each way of being a bad piece has its code. */
static void bad_pieces_are_told_apart(void **unused)
{
	static const struct {
		uint64_t base, bytes;
		uint32_t flags;
		int error;
	} bad[] = {
		{RIG_BASE, 0, 0, FERRY_E_RANGE_ZERO},
		{RIG_BASE + 1, FERRY_PAGE_SIZE, 0, FERRY_E_RANGE_ALIGN},
		{RIG_BASE, 100, 0, FERRY_E_RANGE_ALIGN},
		{0, FERRY_PAGE_SIZE, 0, FERRY_E_RANGE_ALIGN},
		{FERRY_VA_END - FERRY_PAGE_SIZE, 2 * FERRY_PAGE_SIZE, 0, FERRY_E_RANGE_OVERFLOW},
		{UINT64_MAX - 4095, FERRY_PAGE_SIZE, 0, FERRY_E_RANGE_OVERFLOW},
		{RIG_BASE, FERRY_REGISTER_BYTES_MAX + FERRY_PAGE_SIZE, 0, FERRY_E_RANGE_OVERFLOW},
		{RIG_BASE, FERRY_PAGE_SIZE, 2, FERRY_E_REQUEST_FLAGS},
	};
	struct ferry_req_register req = {.size = sizeof(req), .base = RIG_BASE, .bytes = FERRY_PAGE_SIZE};

	(void)unused;
	up();
	for (uint32_t i = 0; i < FERRY_ARRAY_SIZE(bad); i++) {
		struct ferry_req_register r = {
			.size = sizeof(r), .flags = bad[i].flags, .base = bad[i].base, .bytes = bad[i].bytes};

		assert_int_equal(rig_request(&rig, FERRY_REQ_REGISTER, &r, sizeof(r)), bad[i].error);
	}
	assert_int_equal(rig_request(&rig, FERRY_REQ_UNREGISTER, &req, sizeof(req)), FERRY_E_REQUEST_FLAGS);
	assert_uint_equal(rig.external_maps, 0);
	down();
}

/* Goal: what the host refuses leaves nothing behind. Method: refuse, compare the core's memory, do it again. */
static void what_the_host_refuses_is_undone(void **unused)
{
	(void)unused;
	up();
	assert_int_equal(rig_register(&rig, 5, 1, 0), 0);
	bytes_at_start = rig_counter(&rig, FERRY_COUNTER_memory_bytes);
	rig.external_map_fails = FERRY_E_REGISTER_LIMIT;
	assert_int_equal(rig_register(&rig, 6, 2 * BLOCK, 0), FERRY_E_REGISTER_LIMIT);
	assert_uint_equal(rig_counter(&rig, FERRY_COUNTER_memory_bytes), bytes_at_start);
	assert_int_equal(rig_range(&rig, BLOCK, BLOCK), 0);
	rig.external_map_fails = 0;
	assert_int_equal(rig_register(&rig, 6, BLOCK - 6, 0), 0);
	assert_int_equal(sees(5), 0);
	assert_int_equal(sees(BLOCK - 1), 0);
	down();
}

/* Goal: the handle's end is the end of its registrations. Method: close with one in use; the host has got all back.
 */
static void closing_ends_registrations(void **unused)
{
	(void)unused;
	up();
	assert_int_equal(rig_register(&rig, 1, 3 * BLOCK, 0), 0);
	assert_int_equal(rig_register(&rig, 0, 1, 0), 0);
	assert_int_equal(sees(BLOCK), 0);
	rig_reopen(&rig);
	assert_uint_equal(rig.external_unmaps, 2);
	rig_join(&rig, 0);
	assert_int_equal(rig_register(&rig, 0, BLOCK, 0), 0);
	assert_int_equal(sees(1), 0);
	down();
}

/* Goal: without a way to reach host memory in place there is no registering, and the capability says so. */
static void without_host_mapping_nothing_is_registered(void **unused)
{
	struct ferry_req_capability cap = {.size = sizeof(cap), .capability = FERRY_CAPABILITY_REGISTER};

	(void)unused;
	up_with(1, CAPS_NO_HOST_MAP);
	assert_int_equal(rig_register(&rig, 0, 1, 0), FERRY_E_UNSUPPORTED);
	assert_int_equal(rig_request(&rig, FERRY_REQ_CAPABILITY, &cap, sizeof(cap)), 0);
	assert_int_equal(cap.supported, 0);
	assert_true(strlen(cap.reason) > 40);
	assert_uint_equal(rig.external_maps, 0);
	down();
}

/* ---- what it is not --------------------------------------------------------------------------------------- */

static int migrate(uint32_t page, uint32_t where)
{
	struct ferry_req_migrate req = {
		.size = sizeof(req), .base = rig_va(page), .bytes = FERRY_PAGE_SIZE, .where = where};

	return rig_request(&rig, FERRY_REQ_MIGRATE, &req, sizeof(req));
}

static int advise(uint32_t page)
{
	struct ferry_req_advise req = {.size = sizeof(req),
	                               .base = rig_va(page),
	                               .bytes = FERRY_PAGE_SIZE,
	                               .advice = FERRY_ADVICE_PREFERRED,
	                               .where = FERRY_WHERE_HOST};

	return rig_request(&rig, FERRY_REQ_ADVISE, &req, sizeof(req));
}

static int protect(uint32_t page)
{
	struct ferry_req_protect req = {
		.size = sizeof(req), .base = rig_va(page), .bytes = FERRY_PAGE_SIZE, .prot = FERRY_PROT_READ};

	return rig_request(&rig, FERRY_REQ_PROTECT, &req, sizeof(req));
}

/*
 * Goal: what is for managed memory is refused clearly, and what is not registered is nothing. Method: every request
 * on a registered page, on one beside it in the same block, and over managed and registered memory together.
 */
static void it_is_not_managed_memory(void **unused)
{
	struct ferry_req_range destroy = {.size = sizeof(destroy), .base = rig_va(0)};
	struct ferry_req_residency where = {.size = sizeof(where), .pages = 2, .base = rig_va(0)};
	struct ferry_req_migrate both = {.size = sizeof(both), .base = rig_va(BLOCK), .bytes = 2 * FERRY_BLOCK_SIZE};

	(void)unused;
	up();
	assert_int_equal(rig_register(&rig, 0, 1, 0), 0);
	assert_int_equal(migrate(0, 0), FERRY_E_REGISTERED);
	assert_int_equal(migrate(0, FERRY_WHERE_HOST), FERRY_E_REGISTERED);
	assert_int_equal(advise(0), FERRY_E_REGISTERED);
	assert_int_equal(protect(0), FERRY_E_REGISTERED);
	assert_int_equal(rig_request(&rig, FERRY_REQ_RANGE_DESTROY, &destroy, sizeof(destroy)), FERRY_E_REGISTERED);
	assert_int_equal(ferry_core_release(rig.core, rig.vs, rig_va(0), FERRY_PAGE_SIZE), FERRY_E_REGISTERED);
	assert_int_equal(migrate(1, 0), FERRY_E_RANGE_NOT_FOUND);
	assert_int_equal(advise(1), FERRY_E_RANGE_NOT_FOUND);
	assert_int_equal(protect(1), FERRY_E_RANGE_NOT_FOUND);
	assert_int_equal(rig_request(&rig, FERRY_REQ_RESIDENCY, &where, sizeof(where)), FERRY_E_RANGE_NOT_FOUND);
	assert_int_equal(rig_range(&rig, BLOCK, BLOCK), 0);
	assert_int_equal(rig_register(&rig, 2 * BLOCK, BLOCK, 0), 0);
	assert_int_equal(rig_request(&rig, FERRY_REQ_MIGRATE, &both, sizeof(both)), FERRY_E_REGISTERED);
	assert_int_equal(sees(0), 0);
	down();
}

/*
 * Goal: the CPU side of it is none of the core's business. Method: a CPU fault, an unmap, a search for idle pages,
 * and a device that evicts all it has.
 */
static void the_cpu_side_is_left_alone(void **unused)
{
	uint64_t value, zaps;

	(void)unused;
	up();
	assert_int_equal(rig_register(&rig, 0, BLOCK, 0), 0);
	assert_int_equal(sees(3), 0);
	zaps = rig.zaps;
	assert_int_equal(ferry_core_cpu_fault(rig.core, rig.vs, rig_va(3), true), FERRY_E_RANGE_NOT_FOUND);
	ferry_core_unmapped(rig.core, rig.vs, rig_va(0), FERRY_BLOCK_SIZE);
	assert_uint_equal(ferry_core_idle(rig.core, NULL, 1u << 20), 0);
	assert_int_equal(rig_range(&rig, BLOCK, 4 * BLOCK), 0);
	for (uint32_t i = BLOCK; i < 5 * BLOCK; i++)
		assert_int_equal(gpu_write(0, i, i), 0);
	assert_true(rig_counter(&rig, FERRY_COUNTER_evictions) > 0);
	assert_uint_equal(mapped(0, 0, BLOCK), BLOCK);
	assert_int_equal(sees(3), 0);
	assert_int_equal(rig_unregister(&rig, 0), 0);
	assert_true(zaps == 0);
	assert_int_equal(gpu_read(0, 3, &value), FERRY_E_FAULT_UNMAPPED);
	down();
}

/* ---- revoking --------------------------------------------------------------------------------------------- */

/*
 * Goal: when revoke returns, no device reaches the pages, nor ever will; the others go on; the piece is ended as any
 * other, and a new one at the same place works. Method: map all, revoke some, look at tables, TLB and accesses.
 */
static void a_revoked_page_is_out_of_reach(void **unused)
{
	uint64_t value, invalidates;

	(void)unused;
	up_with(2, RIG_CAPS_ALL);
	assert_int_equal(rig_register(&rig, 0, 2 * BLOCK, 0), 0);
	for (uint32_t d = 0; d < 2; d++) {
		assert_int_equal(gpu_write(d, BLOCK - 1, 5), 0);
		assert_int_equal(gpu_write(d, BLOCK, 5), 0);
		assert_int_equal(gpu_write(d, BLOCK + 1, 5), 0);
	}
	invalidates = rig.dev[0].invalidates;
	revoke(BLOCK - 1, 2);
	assert_true(rig.dev[0].invalidates > invalidates);
	for (uint32_t d = 0; d < 2; d++) {
		assert_uint_equal(mapped(d, BLOCK - 1, 2), 0);
		assert_null(rig.dev[d].tlb[BLOCK].memory);
		assert_int_equal(gpu_read(d, BLOCK - 1, &value), FERRY_E_FAULT_UNMAPPED);
		assert_int_equal(gpu_write(d, BLOCK, 6), FERRY_E_FAULT_UNMAPPED);
		assert_int_equal(gpu_read(d, BLOCK + 1, &value), 0);
		assert_int_equal(gpu_read(d, BLOCK - 2, &value), 0);
	}
	assert_uint_equal(rig_counter(&rig, FERRY_COUNTER_pages_revoked), 2);
	rig_audit(&rig);
	assert_int_equal(rig_unregister(&rig, 0), 0);
	assert_int_equal(rig_register(&rig, BLOCK - 4, 8, 0), 0);
	assert_int_equal(sees(BLOCK), 0);
	down();
}

/* Goal: a place in a block that lives on is as good as new. Method: revoke one of two pieces, end it, begin another.
 */
static void a_new_piece_forgets_that_the_old_was_revoked(void **unused)
{
	(void)unused;
	up();
	assert_int_equal(rig_register(&rig, 0, 4, 0), 0);
	assert_int_equal(rig_register(&rig, 4, 4, 0), 0);
	revoke(0, 4);
	assert_int_equal(sees(0), FERRY_E_FAULT_UNMAPPED);
	assert_int_equal(sees(4), 0);
	assert_int_equal(rig_unregister(&rig, 0), 0);
	assert_int_equal(rig_register(&rig, 2, 2, 0), 0);
	assert_int_equal(sees(2), 0);
	down();
}

/* Goal: revoking what is not there does nothing. Method: nothing registered, odd sizes, managed memory, twice. */
static void revoking_nothing_is_nothing(void **unused)
{
	uint64_t value = 7;

	(void)unused;
	up();
	revoke(0, BLOCK);
	ferry_core_external_revoke(rig.core, rig.vs, rig_va(0), 0);
	ferry_core_external_revoke(rig.core, rig.vs, UINT64_MAX & ~4095ull, FERRY_PAGE_SIZE);
	assert_int_equal(rig_range(&rig, 0, BLOCK), 0);
	assert_int_equal(rig_gpu_access(&rig, 0, 0, true, &value), 0);
	revoke(0, BLOCK);
	assert_int_equal(rig_gpu_access(&rig, 0, 0, false, &value), 0);
	assert_uint_equal(value, 7);
	assert_int_equal(rig_register(&rig, BLOCK, 1, 0), 0);
	revoke(BLOCK, 1);
	revoke(BLOCK, 1);
	assert_uint_equal(rig_counter(&rig, FERRY_COUNTER_pages_revoked), 1);
	down();
}

static void revoke_now(struct rig *r, uint32_t page)
{
	r->on_external = NULL;
	ferry_core_external_revoke(r->core, r->vs, rig_va(page), FERRY_PAGE_SIZE);
}

/*
 * Goal: a fault that is being served does not map what is revoked meanwhile. Method: revoke from inside external_bus,
 * with BLOCK and VA_SPACE held by the servicer; the neighbour is served.
 */
static void a_revoke_in_the_middle_of_a_fault_wins(void **unused)
{
	uint64_t value;

	(void)unused;
	up();
	assert_int_equal(rig_register(&rig, 0, 2, 0), 0);
	rig.on_external = revoke_now;
	assert_int_equal(gpu_read(0, 0, &value), FERRY_E_FAULT_UNMAPPED);
	assert_null(rig.on_external);
	assert_uint_equal(mapped(0, 0, 1), 0);
	assert_int_equal(sees(1), 0);
	down();
}

/* Goal: the same while it is being registered: the host has it, the core does not yet. */
static void a_revoke_in_the_middle_of_registering_wins(void **unused)
{
	(void)unused;
	up();
	rig.on_external = revoke_now;
	assert_int_equal(rig_register(&rig, 0, 2, 0), 0);
	assert_int_equal(sees(0), FERRY_E_FAULT_UNMAPPED);
	assert_int_equal(sees(1), 0);
	down();
}

/* Goal: revoking waits for nobody who may be allocating. Method: with VA_SPACE (write) and BLOCK held by this thread.
 */
static void revoking_needs_no_lock_that_allocates(void **unused)
{
	struct ferry_ctx ctx;
	struct ferry_block *block;

	(void)unused;
	up();
	assert_int_equal(rig_register(&rig, 0, 4, 0), 0);
	assert_int_equal(sees(0), 0);
	block = ferry_va_space_peek(rig.vs, rig_va(0));
	ferry_ctx_init(&ctx);
	ferry_va_write_lock(&ctx, &rig.vs->lock);
	ferry_mutex_lock(&ctx, &block->lock);
	ferry_mutex_lock(&ctx, &rig.vs->on[0]->tree.lock);
	revoke(0, 1);
	assert_uint_equal(mapped(0, 0, 4), 3);
	ferry_mutex_unlock(&ctx, &rig.vs->on[0]->tree.lock);
	ferry_mutex_unlock(&ctx, &block->lock);
	ferry_va_write_unlock(&ctx, &rig.vs->lock);
	ferry_ctx_fini(&ctx);
	down();
}

/* ---- failures --------------------------------------------------------------------------------------------- */

/*
 * Goal: no allocation that fails leaves anything behind, whichever it is. Method: the n-th fails, for every n, in
 * registering and in the first access; the core's memory is what it was, and then it works.
 */
static void every_allocation_can_fail(void **unused)
{
	uint64_t value;
	int err = 1;

	(void)unused;
	up();
	assert_int_equal(rig_register(&rig, BLOCK + 1, 1, 0),
	                 0); /* the radix has its leaf, the device its directories */
	assert_int_equal(gpu_read(0, BLOCK + 1, &value), 0);
	bytes_at_start = rig_counter(&rig, FERRY_COUNTER_memory_bytes);
	for (uint64_t n = 1; err; n++) {
		assert_true(n < 100);
		ferry_user_fail_nth_alloc(n);
		err = rig_register(&rig, 5, 2 * BLOCK, 0);
		ferry_user_fail_nth_alloc(0);
		assert_true(!err || err == FERRY_E_RANGE_OVERLAP || err == FERRY_E_REGISTER_NOMEM);
		if (err == FERRY_E_RANGE_OVERLAP)
			break; /* all that it allocates was there */
		if (err)
			assert_uint_equal(rig_counter(&rig, FERRY_COUNTER_memory_bytes), bytes_at_start);
	}
	assert_int_equal(rig_unregister(&rig, BLOCK + 1), 0);
	err = 1;
	for (uint64_t n = 1; err; n++) {
		assert_true(n < 100);
		ferry_user_fail_nth_alloc(n);
		err = rig_register(&rig, 5, 2 * BLOCK, 0);
		ferry_user_fail_nth_alloc(0);
		assert_true(!err || err == FERRY_E_REGISTER_NOMEM);
	}
	err = 1;
	for (uint64_t n = 1; err; n++) {
		assert_true(n < 100);
		ferry_user_fail_nth_alloc(n);
		err = gpu_read(0, 7, &value);
		ferry_user_fail_nth_alloc(0);
		assert_true(!err || err == FERRY_E_BLOCK_NOMEM || err == FERRY_E_PAGE_TREE_NOMEM);
		rig_audit(&rig);
	}
	assert_int_equal(rig_unregister(&rig, 5), 0);
	down();
}

/* Goal: a page without a bus address is an error of who wants it, not of its neighbours. */
static void a_page_the_device_cannot_reach_fails_alone(void **unused)
{
	uint64_t value;

	(void)unused;
	up();
	assert_int_equal(rig_register(&rig, 0, 64, 0), 0);
	rig.external_bus_fails = FERRY_E_HOST_MAP;
	rig.external_bus_fails_at = 20 + 1;
	assert_int_equal(sees(30), 0);
	assert_uint_equal(mapped(0, 0, 64), 63);
	assert_int_equal(gpu_read(0, 20, &value), FERRY_E_HOST_MAP);
	assert_int_equal(sees(0), 0);
	rig_audit(&rig);
	rig.external_bus_fails = 0;
	assert_int_equal(sees(20), 0);
	down();
}

/* Goal: a device that dies takes nothing along, and holds nothing up. Method: it stops answering; revoke, unregister.
 */
static void a_dead_device_gives_up_its_pages(void **unused)
{
	uint64_t value;

	(void)unused;
	up_with(2, RIG_CAPS_ALL);
	assert_int_equal(rig_register(&rig, 0, 8, 0), 0);
	assert_int_equal(gpu_write(0, 0, 1), 0);
	assert_int_equal(gpu_write(1, 0, 1), 0);
	rig.dev[0].stuck = true;
	revoke(0, 1);
	assert_int_not_equal(ferry_device_lost(rig.core->devices[0]), 0);
	assert_int_equal(gpu_read(1, 0, &value), FERRY_E_FAULT_UNMAPPED);
	assert_int_equal(gpu_read(1, 1, &value), 0);
	rig.dev[0].roots[0] = 0;
	memset(rig.dev[0].tlb, 0, sizeof(rig.dev[0].tlb)); /* it was made to forget when it became quiet */
	assert_int_equal(rig_unregister(&rig, 0), 0);
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_registered_page_is_used_in_place),
		cmocka_unit_test(one_fault_maps_its_block),
		cmocka_unit_test(devices_share_it),
		cmocka_unit_test(a_piece_lies_across_blocks),
		cmocka_unit_test(a_read_only_piece_is_not_written),
		cmocka_unit_test(pieces_of_one_block_are_independent),
		cmocka_unit_test(overlaps_are_refused),
		cmocka_unit_test(only_a_whole_piece_is_ended),
		cmocka_unit_test(bad_pieces_are_told_apart),
		cmocka_unit_test(what_the_host_refuses_is_undone),
		cmocka_unit_test(closing_ends_registrations),
		cmocka_unit_test(without_host_mapping_nothing_is_registered),
		cmocka_unit_test(it_is_not_managed_memory),
		cmocka_unit_test(the_cpu_side_is_left_alone),
		cmocka_unit_test(a_revoked_page_is_out_of_reach),
		cmocka_unit_test(a_new_piece_forgets_that_the_old_was_revoked),
		cmocka_unit_test(revoking_nothing_is_nothing),
		cmocka_unit_test(a_revoke_in_the_middle_of_a_fault_wins),
		cmocka_unit_test(a_revoke_in_the_middle_of_registering_wins),
		cmocka_unit_test(revoking_needs_no_lock_that_allocates),
		cmocka_unit_test(every_allocation_can_fail),
		cmocka_unit_test(a_page_the_device_cannot_reach_fails_alone),
		cmocka_unit_test(a_dead_device_gives_up_its_pages),
	};

	return cmocka_run_group_tests_name("core/external", tests, NULL, NULL);
}
