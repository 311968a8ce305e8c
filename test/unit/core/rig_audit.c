/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "test/unit/cmocka_compat.h"
#include "test/unit/core/rig.h"
#include "va/external.h"

static void audit_page_gpu(struct rig *rig, struct ferry_block *b, struct ferry_block_gpu *bg, uint32_t i)
{
	uint64_t va = b->va + (uint64_t)i * FERRY_PAGE_SIZE;
	bool mapped = ferry_bitmap_test(&bg->mapped, i), remote = ferry_bitmap_test(&bg->remote, i);
	bool resident = ferry_bitmap_test(&bg->resident, i), writable = ferry_bitmap_test(&bg->writable, i);
	uint8_t *memory = NULL;
	bool alone = !ferry_bitmap_test(&b->host, i);

	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++)
		if (b->on[d] && b->on[d] != bg && ferry_bitmap_test(&b->on[d]->resident, i))
			alone = false;
	assert_int_equal(rig_walk(rig, bg->gpu->id, va, false, &memory), mapped);
	assert_int_equal(mapped && rig_walk(rig, bg->gpu->id, va, true, &memory), writable);
	if (mapped && !remote) {
		assert_true(resident);
		assert_true(ferry_bitmap_test(&bg->framed, i));
		assert_ptr_equal(memory - va % FERRY_PAGE_SIZE,
		                 rig->dev[bg->gpu->id].vram + (uint64_t)bg->frame[i] * FERRY_PAGE_SIZE);
		if (writable)
			assert_true(alone);
	}
	if (remote || resident)
		assert_false(rig->idle[rig_page(va)]);
	if (remote) {
		assert_true(mapped && !resident && ferry_bitmap_test(&b->host, i));
		assert_ptr_equal(memory, rig->host + (va - RIG_BASE));
	}
	if (resident) {
		assert_true(ferry_bitmap_test(&bg->framed, i));
		assert_true(ferry_bitmap_test(&b->valid, i));
		assert_true(ferry_bitmap_test(&b->populated, i));
		/* While a device has a copy, the CPU may not write; while it has the only one, not even read. */
		assert_false(rig->cpu_writable[rig_page(va)]);
		if (!ferry_bitmap_test(&b->host, i))
			assert_false(rig->cpu_mapped[rig_page(va)]);
		else
			assert_memory_equal(rig->host + (va - RIG_BASE),
			                    rig->dev[bg->gpu->id].vram + (uint64_t)bg->frame[i] * FERRY_PAGE_SIZE,
			                    FERRY_PAGE_SIZE);
	}
}

/* An external block has no bytes of its own anywhere; who maps it maps the host's. */
static void audit_external(struct rig *rig, struct ferry_block *b, uint32_t i)
{
	uint64_t va = b->va + (uint64_t)i * FERRY_PAGE_SIZE;
	bool valid = ferry_bitmap_test(&b->valid, i), revoked = ferry_bitmap_test(&b->external->revoked, i);

	assert_false(ferry_bitmap_test(&b->host, i) || ferry_bitmap_test(&b->populated, i));
	assert_false(ferry_bitmap_test(&b->cpu_mapped, i));
	assert_true(!valid || ferry_bitmap_test(&b->external->reserved, i));
	assert_int_equal(rig->external[rig_page(va)] != 0, valid);
	for (uint32_t d = 0; d < rig->devices; d++) {
		struct ferry_block_gpu *bg = b->on[d];
		uint8_t *memory = NULL;
		bool mapped;

		if (!bg || ferry_device_lost(bg->gpu))
			continue;
		assert_ptr_equal(b->external->on[d], bg);
		mapped = ferry_bitmap_test(&bg->mapped, i);
		assert_false(ferry_bitmap_test(&bg->resident, i) || ferry_bitmap_test(&bg->framed, i));
		assert_int_equal(ferry_bitmap_test(&bg->remote, i), mapped);
		assert_int_equal(rig_walk(rig, d, va, false, &memory), mapped);
		assert_true(!mapped || (valid && !revoked && memory == rig->host + (va - RIG_BASE)));
		assert_int_equal(rig_walk(rig, d, va, true, &memory), mapped && rig->external[rig_page(va)] == 2);
	}
}

static void audit_block(struct rig *rig, struct ferry_block *b)
{
	for (uint32_t i = 0; i < FERRY_BLOCK_PAGES; i++) {
		uint32_t page = rig_page(b->va) + i;

		if (b->external) {
			audit_external(rig, b, i);
			continue;
		}
		/* The host may have dropped a mapping that the core thinks is there, never the other way round. */
		if (rig->cpu_mapped[page])
			assert_true(ferry_bitmap_test(&b->cpu_mapped, i) && ferry_bitmap_test(&b->host, i));
		if (rig->cpu_writable[page])
			assert_true(ferry_bitmap_test(&b->cpu_writable, i));
		if (ferry_bitmap_test(&b->host, i))
			assert_true(ferry_bitmap_test(&b->populated, i));
		for (uint32_t d = 0; d < rig->devices; d++)
			if (b->on[d] && !ferry_device_lost(b->on[d]->gpu))
				audit_page_gpu(rig, b, b->on[d], i);
	}
}

void rig_audit(struct rig *rig)
{
	struct ferry_ctx ctx;

	for (uint32_t page = 0; page < RIG_WINDOW_PAGES; page += FERRY_BLOCK_PAGES) {
		struct ferry_block *b = ferry_va_space_peek(rig->vs, rig_va(page));

		if (b)
			audit_block(rig, b);
	}
	ferry_ctx_init(&ctx);
	for (uint32_t d = 0; d < rig->devices; d++)
		assert_true(ferry_pmm_audit(&ctx, rig->core->devices[d]->pmm));
	ferry_ctx_fini(&ctx);
}

uint64_t rig_counter(struct rig *rig, enum ferry_counter counter)
{
	struct ferry_req_counters req = {.size = sizeof(req), .count = FERRY_COUNTER_COUNT};

	assert_int_equal(rig_request(rig, FERRY_REQ_COUNTERS, &req, sizeof(req)), 0);
	return req.value[counter];
}
