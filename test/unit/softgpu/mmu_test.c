/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: softgpu/fg1.c softgpu/engine.c softgpu/control.c softgpu/channel.c softgpu/copy.c softgpu/launch.c
 * softgpu/sm.c softgpu/mmu.c softgpu/fault.c softgpu/knobs.c softgpu/power.c softgpu/program.c softgpu/softfloat.c
 * softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c softgpu/warp_mem.c
 */
/* mmu_test.c - page walks, TLBs, invalidates: seen through virtual copies of one word. */
#include "dev.h"

enum { HOST = FERRY_APERTURE_HOST, DEV = FERRY_APERTURE_DEVICE, VIRT = FERRY_APERTURE_VIRTUAL };

#define FINE 99u

/*
 * Store v at va through a virtual FILL; FINE, or the kind of the fault. A channel of its own each time, because
 * the stall is cancelled afterwards.
 */
static uint32_t store(struct dev *d, uint64_t va, uint64_t v)
{
	const uint64_t *f;
	uint32_t kind;

	RIG_DO(&d->compute, FG1_OP_FILL | RIG_APERTURES(VIRT, 0), va, v, 8);
	f = dev_fault(d);
	if (!f) {
		assert_true(rig_done(&d->compute));
		return FINE;
	}
	assert_uint_equal(f[FG1_FAULT_W_VA] & ~4095ull, va & ~4095ull);
	assert_int_equal(FG1_FAULT_ACCESS(f[FG1_FAULT_W_VA]), FERRY_ACCESS_WRITE);
	kind = FG1_FAULT_KIND(f[FG1_FAULT_W_VA]);
	assert_int_equal(RIG_CONTROL(&d->rig, FG1_CMD_CHANNEL_DESTROY, 1), FG1_OK);
	rig_free(&d->rig, d->compute.ring, 64 * FG1_CMD_BYTES);
	rig_free(&d->rig, d->compute.status, 64);
	assert_int_equal(rig_open(&d->rig, &d->compute, 1, FG1_CHANNEL_COMPUTE, DEV_ASID), FG1_OK);
	dev_faults_done(d);
	return kind;
}

static void invalidate(struct dev *d, uint64_t va, uint64_t bytes)
{
	RIG_DO(&d->copy, FG1_OP_TLB_INVALIDATE, DEV_ASID, va, bytes);
	assert_true(rig_done(&d->copy));
}

static uint64_t vram_word(struct dev *d, uint64_t offset)
{
	return *(uint64_t *)(d->rig.vram + offset);
}

/*
 * Goal: the three page sizes map where they say.
 * Method: a word at the end of each kind of page, on both sides of memory.
 */
static void pages_of_every_size_map_where_they_say(void **unused)
{
	struct dev d;
	uint64_t *host, va = DEV_VA + FERRY_BLOCK_SIZE;

	(void)unused;
	dev_start(&d, &(struct rig_options){.vram_bytes = 8 << 20});
	host = dev_page(&d, 0);
	rig_map(&d.rig, d.root, DEV_VA, dev_bus(&d, host) | RIG_RW);
	rig_map(&d.rig, d.root, DEV_VA + 4096, 7 * 4096 | RIG_RW | FG1_PTE_DEVICE);
	assert_int_equal(store(&d, DEV_VA + 4088, 1), FINE);
	assert_int_equal(store(&d, DEV_VA + 4096 + 16, 2), FINE);
	assert_uint_equal(host[511], 1);
	assert_uint_equal(vram_word(&d, 7 * 4096 + 16), 2);

	/* 64 KiB, once with the page's start in every entry, once with each entry's own piece */
	for (uint32_t i = 0; i < 16; i++) {
		rig_map(&d.rig, d.root, DEV_VA + 0x10000 + i * 4096,
		        0x30000 | RIG_RW | FG1_PTE_DEVICE | FG1_PTE_CONT);
		rig_map(&d.rig, d.root, DEV_VA + 0x20000 + i * 4096,
		        (0x50000 + i * 4096) | RIG_RW | FG1_PTE_DEVICE | FG1_PTE_CONT);
	}
	assert_int_equal(store(&d, DEV_VA + 0x1fff8, 3), FINE);
	assert_int_equal(store(&d, DEV_VA + 0x2b008, 4), FINE);
	assert_uint_equal(vram_word(&d, 0x3fff8), 3);
	assert_uint_equal(vram_word(&d, 0x5b008), 4);

	ferry_os_dma_store64(rig_pte(&d.rig, d.root, va, 2), (4 << 20) | RIG_RW | FG1_PTE_DEVICE);
	assert_int_equal(store(&d, va + 0x123450, 5), FINE);
	assert_uint_equal(vram_word(&d, (4 << 20) + 0x123450), 5);
	dev_stop(&d);
}

/*
 * Goal: an entry the device cannot use faults with the kind of the manual, at every level.
 * Method: a table of entries, put at a level of the walk for one address.
 */
static void bad_entries_fault_with_their_kind(void **unused)
{
	enum { NP = FG1_FAULT_NOT_PRESENT, PERM = FG1_FAULT_PERMISSION, BAD = FG1_FAULT_BAD_PTE };
	static const struct {
		uint32_t level;
		uint64_t pte;
		uint32_t kind;
	} entries[] = {
		{0, 0, NP},
		{1, 0, NP},
		{2, 0, NP},
		{3, 0, NP},
		{3, ~FG1_PTE_VALID, NP}, /* without VAL nothing else counts */
		{3, RIG_RO | FG1_PTE_DEVICE, PERM},
		{3, RIG_RO | FG1_PTE_DEVICE | FG1_PTE_ATOMIC, PERM}, /* ATOM without WR allows nothing more */
		{3, RIG_RW | FG1_PTE_DEVICE, FINE},
		{3, RIG_RW | FG1_PTE_DEVICE | 1ull << 6, BAD},
		{3, RIG_RW | FG1_PTE_DEVICE | 1ull << 11, BAD},
		{3, RIG_RW | FG1_PTE_DEVICE | 1ull << 52, BAD},
		{3, RIG_RW | FG1_PTE_DEVICE | 1ull << 63, BAD},
		{3, RIG_RW | FG1_PTE_DEVICE | 4 << 20, BAD}, /* behind device memory */
		{3, RIG_RW | FG1_PTE_DEVICE | FG1_PTE_ADDR, BAD},
		{3, RIG_RW | FG1_PTE_ADDR, BAD}, /* no such bus address */
		{3, RIG_RW | 0, BAD},
		{3, (RIG_RW | FG1_PTE_DEVICE) & ~FG1_PTE_LEAF, BAD},
		{3, RIG_RW | FG1_PTE_DEVICE | FG1_PTE_CONT | 0x13000, FINE}, /* index 3: its own piece */
		{3, RIG_RW | FG1_PTE_DEVICE | FG1_PTE_CONT | 0x11000, BAD},  /* another entry's piece */
		{2, RIG_RW | FG1_PTE_DEVICE | 2 << 20, FINE},
		{2, RIG_RW | FG1_PTE_DEVICE | 1 << 20, BAD},
		{2, RIG_RW | FG1_PTE_DEVICE | FG1_PTE_CONT, BAD},
		{2, FG1_PTE_VALID, BAD}, /* a table where there is no memory */
		{2, FG1_PTE_VALID | FG1_PTE_WRITE | RIG_BUS, BAD},
		{1, RIG_RW | FG1_PTE_DEVICE, BAD},
		{0, RIG_RW | FG1_PTE_DEVICE, BAD},
		{0, FG1_PTE_VALID | FG1_PTE_ADDR, BAD},
	};
	const uint64_t va = DEV_VA + 3 * 4096;
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	rig_map(&d.rig, d.root, va, 0);
	for (uint32_t i = 0; i < DEV_COUNT(entries); i++) {
		uint64_t *at = rig_pte(&d.rig, d.root, va, entries[i].level), was = *at;
		uint32_t kind;

		ferry_os_dma_store64(at, entries[i].pte);
		kind = store(&d, va, i);
		if (kind != entries[i].kind)
			print_message("entry %u: kind %u\n", i, kind);
		assert_int_equal(kind, entries[i].kind);
		ferry_os_dma_store64(at, was);
		invalidate(&d, 0, 0);
	}
	dev_stop(&d);
}

/*
 * Goal: page kinds without their capability are bad entries.
 * Method: one capability off at a time; the others still map.
 */
static void page_kinds_need_their_capability(void **unused)
{
	static const uint64_t off[] = {FG1_CAP_BIG_PAGES, FG1_CAP_HUGE_PAGES, FG1_CAP_HOST_MAP};

	(void)unused;
	for (uint32_t i = 0; i < DEV_COUNT(off); i++) {
		struct dev d;
		uint64_t *host;

		dev_start(&d, &(struct rig_options){.caps = FG1_CAP_ALL & ~off[i]});
		host = dev_page(&d, 0);
		rig_map(&d.rig, d.root, DEV_VA, 0x10000 | RIG_RW | FG1_PTE_DEVICE | FG1_PTE_CONT);
		rig_map(&d.rig, d.root, DEV_VA + 4096, dev_bus(&d, host) | RIG_RW);
		ferry_os_dma_store64(rig_pte(&d.rig, d.root, DEV_VA + FERRY_BLOCK_SIZE, 2), RIG_RW | FG1_PTE_DEVICE);
		assert_int_equal(store(&d, DEV_VA, 1), i == 0 ? FG1_FAULT_BAD_PTE : FINE);
		assert_int_equal(store(&d, DEV_VA + FERRY_BLOCK_SIZE, 1), i == 1 ? FG1_FAULT_BAD_PTE : FINE);
		assert_int_equal(store(&d, DEV_VA + 4096, 1), i == 2 ? FG1_FAULT_BAD_PTE : FINE);
		dev_stop(&d);
	}
}

/*
 * Goal: a missing invalidate is a visible bug, and an invalidate mends it.
 * Method: move a page by changing its entry: stores go to the old place until the invalidate.
 */
static void an_old_translation_is_used_until_invalidated(void **unused)
{
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	rig_map(&d.rig, d.root, DEV_VA, 0x1000 | RIG_RW | FG1_PTE_DEVICE);
	assert_int_equal(store(&d, DEV_VA, 1), FINE);
	rig_map(&d.rig, d.root, DEV_VA, 0x2000 | RIG_RW | FG1_PTE_DEVICE);
	assert_int_equal(store(&d, DEV_VA, 2), FINE);
	assert_uint_equal(vram_word(&d, 0x1000), 2);
	assert_uint_equal(vram_word(&d, 0x2000), 0);
	invalidate(&d, DEV_VA, 4096);
	assert_int_equal(store(&d, DEV_VA, 3), FINE);
	assert_uint_equal(vram_word(&d, 0x1000), 2);
	assert_uint_equal(vram_word(&d, 0x2000), 3);

	rig_map(&d.rig, d.root, DEV_VA, 0);
	assert_int_equal(store(&d, DEV_VA, 4), FINE); /* still held */
	invalidate(&d, DEV_VA + 4096, 4096);          /* of another page */
	assert_int_equal(store(&d, DEV_VA, 5), FINE);
	RIG_DO(&d.copy, FG1_OP_TLB_INVALIDATE, DEV_ASID + 1, 0, 0); /* of another space */
	assert_int_equal(store(&d, DEV_VA, 6), FINE);
	invalidate(&d, DEV_VA + 4095, 1);
	assert_int_equal(store(&d, DEV_VA, 7), FG1_FAULT_NOT_PRESENT);
	assert_uint_equal(vram_word(&d, 0x2000), 6);
	dev_stop(&d);
}

/*
 * Goal: invalidates of every width drop what they name: by page, by large range, by space, and more of them than
 * are remembered one by one.
 * Method: map, use, unmap, invalidate, use.
 */
static void invalidates_of_every_width_work(void **unused)
{
	static const uint64_t bytes[] = {1, 4096, 256 * 4096, 257 * 4096, 1ull << 30, 0};
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	for (uint32_t i = 0; i < DEV_COUNT(bytes) + 3; i++) {
		rig_map(&d.rig, d.root, DEV_VA, 0x1000 | RIG_RW | FG1_PTE_DEVICE);
		rig_map(&d.rig, d.root, DEV_VA + 0x200000, 0x2000 | RIG_RW | FG1_PTE_DEVICE);
		assert_int_equal(store(&d, DEV_VA, i), FINE);
		assert_int_equal(store(&d, DEV_VA + 0x200000, i), FINE);
		rig_map(&d.rig, d.root, DEV_VA, 0);
		if (i < DEV_COUNT(bytes)) {
			invalidate(&d, DEV_VA, bytes[i]);
		} else { /* many of other pages before or after it, more than the log holds in the last two rounds */
			uint32_t others = i == DEV_COUNT(bytes) ? 20 : 100;

			for (uint32_t k = 0; k < others; k++)
				invalidate(&d, DEV_VA + 0x400000 + k * 4096, 4096);
			invalidate(&d, DEV_VA, 4096);
		}
		assert_int_equal(store(&d, DEV_VA, i), FG1_FAULT_NOT_PRESENT);
		assert_int_equal(store(&d, DEV_VA + 0x200000, i + 1), FINE);
		assert_uint_equal(vram_word(&d, 0x2000), i + 1);
	}
	dev_stop(&d);
}

/*
 * Goal: adding a page or a permission needs no invalidate.
 * Method: fault first, then change the entry and go on without one.
 */
static void more_rights_need_no_invalidate(void **unused)
{
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	assert_int_equal(store(&d, DEV_VA, 1), FG1_FAULT_NOT_PRESENT);
	rig_map(&d.rig, d.root, DEV_VA, 0x1000 | RIG_RO | FG1_PTE_DEVICE);
	RIG_DO(&d.compute, FG1_OP_COPY | RIG_APERTURES(VIRT, VIRT), DEV_VA + 8, DEV_VA, 8); /* the read is held now */
	assert_int_equal(FG1_FAULT_KIND(dev_fault(&d)[FG1_FAULT_W_VA]), FG1_FAULT_PERMISSION);
	rig_map(&d.rig, d.root, DEV_VA, 0x1000 | RIG_RW | FG1_PTE_DEVICE);
	RIG_DO(&d.copy, FG1_OP_FAULT_REPLAY);
	assert_true(rig_done(&d.compute));
	assert_null(dev_fault(&d));
	dev_stop(&d);
}

/*
 * Goal: a space that is unbound has no translations left, also when its number is used again.
 * Method: use a page, unbind, bind an empty root.
 */
static void unbinding_a_space_drops_its_translations(void **unused)
{
	struct dev d;
	uint64_t *root;

	(void)unused;
	dev_start(&d, NULL);
	rig_map(&d.rig, d.root, DEV_VA, 0x1000 | RIG_RW | FG1_PTE_DEVICE);
	assert_int_equal(store(&d, DEV_VA, 1), FINE);
	root = rig_alloc(&d.rig, FERRY_PAGE_SIZE);
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_ASID_UNBIND, DEV_ASID), FG1_OK);
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_ASID_BIND, DEV_ASID, dev_bus(&d, root)), FG1_OK);
	assert_int_equal(store(&d, DEV_VA, 2), FG1_FAULT_NOT_PRESENT);
	assert_uint_equal(vram_word(&d, 0x1000), 1);
	dev_stop(&d);
}

/*
 * Goal: hits and misses are counted, so that the size of the TLB can be seen.
 * Method: 100 stores to one page miss once.
 */
static void hits_and_misses_are_counted(void **unused)
{
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	rig_map(&d.rig, d.root, DEV_VA, 0x1000 | RIG_RW | FG1_PTE_DEVICE);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(store(&d, DEV_VA + 8 * i, i), FINE);
	assert_uint_equal(fg1_counter_get(d.rig.gpu, FG1_COUNTER_TLB_MISSES), 1);
	assert_uint_equal(fg1_counter_get(d.rig.gpu, FG1_COUNTER_TLB_HITS), 99);
	dev_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_of_every_size_map_where_they_say),
		cmocka_unit_test(bad_entries_fault_with_their_kind),
		cmocka_unit_test(page_kinds_need_their_capability),
		cmocka_unit_test(an_old_translation_is_used_until_invalidated),
		cmocka_unit_test(invalidates_of_every_width_work),
		cmocka_unit_test(more_rights_need_no_invalidate),
		cmocka_unit_test(unbinding_a_space_drops_its_translations),
		cmocka_unit_test(hits_and_misses_are_counted),
	};

	return cmocka_run_group_tests_name("softgpu/mmu", tests, NULL, NULL);
}
