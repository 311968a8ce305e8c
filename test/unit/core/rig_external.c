/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "test/unit/cmocka_compat.h"
#include "test/unit/core/rig.h"

/* Nobody holds what the host would have to wait for, or would be waited for under. */
static void assert_unlocked(struct rig *rig, bool block_may_be_held)
{
	struct ferry_ctx ctx;

	ferry_ctx_init(&ctx);
	assert_true(ferry_mutex_trylock(&ctx, &rig->vs->external_lock));
	ferry_mutex_unlock(&ctx, &rig->vs->external_lock);
	if (!block_may_be_held) {
		assert_true(ferry_va_read_trylock(&ctx, &rig->vs->lock));
		ferry_va_read_unlock(&ctx, &rig->vs->lock);
	}
	ferry_ctx_fini(&ctx);
}

int rig_external_map(void *mm, uint64_t va, uint64_t n, bool write)
{
	struct rig *rig = mm;

	assert_unlocked(rig, false);
	if (rig->on_external)
		rig->on_external(rig, rig_page(va));
	if (rig->external_map_fails)
		return rig->external_map_fails;
	rig->external_maps++;
	for (uint64_t i = 0; i < n; i++) {
		uint8_t *page = &rig->external[rig_page(va + i * FERRY_PAGE_SIZE)];

		assert_true(rig_folded() || !*page);
		*page = write ? 2 : 1;
	}
	return 0;
}

void rig_external_unmap(void *mm, uint64_t va, uint64_t n)
{
	struct rig *rig = mm;

	assert_unlocked(rig, false);
	rig->external_unmaps++;
	for (uint64_t i = 0; i < n; i++) {
		uint32_t page = rig_page(va + i * FERRY_PAGE_SIZE);
		uint8_t *memory;

		assert_true(rig_folded() || rig->external[page]);
		rig->external[page] = 0;
		for (uint32_t d = 0; d < rig->devices && !rig_folded(); d++) {
			assert_false(rig_walk(rig, d, rig_va(page), false, &memory));
			assert_null(rig->dev[d].tlb[page].memory);
		}
	}
}

int rig_external_bus(void *mm, void *dev, uint64_t va, uint32_t n, uint64_t *bus, uint32_t *run)
{
	struct rig *rig = mm;
	uint32_t page = rig_page(va);

	(void)dev;
	assert_unlocked(rig, true);
	if (rig->on_external)
		rig->on_external(rig, page);
	/* An answer in two parts, now and then. */
	*run = n > 8 ? n / 2 : n;
	for (uint32_t i = 0; i < *run; i++) {
		assert_true(rig_folded() || rig->external[page + i]);
		if (!rig->external_bus_fails ||
		    (rig->external_bus_fails_at && rig->external_bus_fails_at != page + i + 1))
			continue;
		if (!i)
			return rig->external_bus_fails;
		*run = i;
	}
	*bus = (uintptr_t)(rig->host + (uint64_t)page * FERRY_PAGE_SIZE);
	return 0;
}

int rig_register(struct rig *rig, uint32_t first, uint32_t pages, uint32_t flags)
{
	struct ferry_req_register req = {
		.size = sizeof(req), .flags = flags, .base = rig_va(first), .bytes = pages * FERRY_PAGE_SIZE};

	return rig_request(rig, FERRY_REQ_REGISTER, &req, sizeof(req));
}

int rig_unregister(struct rig *rig, uint32_t first)
{
	struct ferry_req_register req = {.size = sizeof(req), .base = rig_va(first)};

	return rig_request(rig, FERRY_REQ_UNREGISTER, &req, sizeof(req));
}
