/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: softgpu/fg1.c softgpu/engine.c softgpu/control.c softgpu/channel.c softgpu/copy.c softgpu/launch.c
 * softgpu/sm.c softgpu/mmu.c softgpu/fault.c softgpu/knobs.c softgpu/power.c softgpu/program.c softgpu/softfloat.c
 * softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c softgpu/warp_mem.c
 */
/* copy_test.c - COPY and FILL: every pair of sides, alignment, pieces, overlap, stalls in the middle. */
#include "dev.h"

enum { HOST = FERRY_APERTURE_HOST, DEV = FERRY_APERTURE_DEVICE, VIRT = FERRY_APERTURE_VIRTUAL };

/* Bytes that differ at each place. */
static void pattern(uint8_t *p, size_t bytes, uint32_t seed)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = (uint8_t)((i * 2654435761u + seed) >> 13);
}

/*
 * Goal: physical copies move exactly the bytes they name, whatever the alignment.
 * Method: host to device, device to device, device to host, with odd addresses and lengths; bytes around stay.
 */
static void physical_copies_move_exactly_their_bytes(void **unused)
{
	static const uint64_t lengths[] = {0, 1, 7, 8, 63, 64, 4095, 4096, 4097, 3 * 4096 + 5, 300000};
	struct dev d;
	uint8_t *src, *dst;

	(void)unused;
	dev_start(&d, NULL);
	src = rig_alloc(&d.rig, 80 * FERRY_PAGE_SIZE);
	dst = rig_alloc(&d.rig, 80 * FERRY_PAGE_SIZE);
	pattern(src, 80 * FERRY_PAGE_SIZE, 1);
	for (uint32_t i = 0; i < DEV_COUNT(lengths); i++) {
		uint64_t n = lengths[i];

		memset(dst, 0x55, 80 * FERRY_PAGE_SIZE);
		RIG_PUT(&d.copy, FG1_OP_COPY | RIG_APERTURES(DEV, HOST), 1001, dev_bus(&d, src) + 3, n);
		RIG_PUT(&d.copy, FG1_OP_COPY | RIG_APERTURES(DEV, DEV), 2000007, 1001, n);
		RIG_DO(&d.copy, FG1_OP_COPY | RIG_APERTURES(HOST, DEV), dev_bus(&d, dst) + 13, 2000007, n);
		assert_true(rig_done(&d.copy));
		assert_memory_equal(dst + 13, src + 3, n);
		assert_int_equal(dst[12], 0x55);
		assert_int_equal(dst[13 + n], 0x55);
	}
	RIG_DO(&d.copy, FG1_OP_COPY | RIG_APERTURES(HOST, HOST), dev_bus(&d, dst), dev_bus(&d, src), 70 * 4096);
	assert_true(rig_done(&d.copy));
	assert_memory_equal(dst, src, 70 * 4096);
	dev_stop(&d);
}

/*
 * Goal: a copy larger than one piece is whole, and the engine's budget can end in its middle.
 * Method: 9 MiB device to device, run by hand with a budget of 1 at a time.
 */
static void no_kick(void *arg, uint32_t engine)
{
	(void)arg;
	(void)engine;
}

static void a_large_copy_is_done_in_pieces(void **unused)
{
	struct dev d;
	uint32_t turns = 0;

	(void)unused;
	dev_start(&d, &(struct rig_options){.vram_bytes = 20ull << 20});
	pattern(d.rig.vram, 9 << 20, 5);
	d.rig.on_kick = no_kick;
	RIG_DO(&d.copy, FG1_OP_COPY | RIG_APERTURES(DEV, DEV), 10 << 20, 0, 9 << 20);
	while (fg1_engine_run(d.rig.gpu, 2, 1))
		turns++;
	assert_true(turns >= 4);
	assert_true(rig_done(&d.copy));
	assert_memory_equal(d.rig.vram, d.rig.vram + (10 << 20), 9 << 20);
	assert_uint_equal(fg1_counter_get(d.rig.gpu, FG1_COUNTER_COPY_BYTES), 9 << 20);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_COUNTERS + 8 * FG1_COUNTER_COPY_BYTES), 9 << 20);
	dev_stop(&d);
}

/*
 * Goal: overlapping copies do not crash (ASan would say so), and leave everything but the overlap right.
 * Method: shifted by less than the length, both ways, and onto itself.
 */
static void overlapping_copies_are_harmless(void **unused)
{
	struct dev d;
	uint8_t before[3000];

	(void)unused;
	dev_start(&d, NULL);
	pattern(d.rig.vram, 10000, 3);
	memcpy(before, d.rig.vram + 100, sizeof(before));
	RIG_PUT(&d.copy, FG1_OP_COPY | RIG_APERTURES(DEV, DEV), 2000, 100, 3000);
	RIG_PUT(&d.copy, FG1_OP_COPY | RIG_APERTURES(DEV, DEV), 5100, 6000, 3000);
	RIG_DO(&d.copy, FG1_OP_COPY | RIG_APERTURES(DEV, DEV), 9000, 9000, 1000);
	assert_true(rig_done(&d.copy));
	assert_memory_equal(d.rig.vram + 100, before, 1900); /* the part of src that dst does not cover */
	dev_stop(&d);
}

/*
 * Goal: a fill stores its pattern everywhere and nowhere else.
 * Method: a pattern with eight different bytes, and zero, on host and device.
 */
static void fills_store_their_pattern(void **unused)
{
	const uint64_t patterns[] = {0x0102030405060708ull, 0};
	struct dev d;
	uint64_t *page;

	(void)unused;
	dev_start(&d, NULL);
	for (uint32_t k = 0; k < 2; k++) {
		page = dev_page(&d, 0x77);
		memset(d.rig.vram, 0x77, 3 << 20);
		RIG_PUT(&d.copy, FG1_OP_FILL | RIG_APERTURES(HOST, 0), dev_bus(&d, page + 1), patterns[k], 4080);
		RIG_DO(&d.copy, FG1_OP_FILL | RIG_APERTURES(DEV, 0), 8, patterns[k], (5 << 19) - 16);
		assert_true(rig_done(&d.copy));
		assert_uint_equal(page[0], 0x77);
		assert_uint_equal(page[1], patterns[k]);
		assert_uint_equal(page[510], patterns[k]);
		assert_uint_equal(page[511], 0x77);
		for (uint64_t i = 0; i < 5 << 19; i += 8)
			assert_uint_equal(*(uint64_t *)(d.rig.vram + i),
			                  i == 0 || i == (5 << 19) - 8 ? 0x7777777777777777ull : patterns[k]);
	}
	dev_stop(&d);
}

/*
 * Goal: bus pages that follow each other in the address only are copied, too.
 * Method: a port that gives single pages only.
 */
static void *single_pages(void *ctx, uint64_t bus, uint64_t size_bytes, bool write)
{
	if ((bus & 4095) + size_bytes > 4096)
		return NULL;
	return rig_dma(ctx, bus, size_bytes, write);
}

static void host_runs_may_break_at_every_page(void **unused)
{
	struct rig rig;
	struct rig_channel ch;
	struct fg1_port port = {&rig, single_pages, rig_irq, rig_kick};
	uint8_t *src, *dst;

	(void)unused;
	assert_true(rig_start(&rig, NULL));
	fg1_destroy(rig.gpu);
	assert_int_equal(fg1_create(&rig.config, &port, &rig.gpu), 0);
	assert_true(rig_init(&rig));
	assert_int_equal(rig_open(&rig, &ch, 0, FG1_CHANNEL_COPY, UINT32_MAX), FG1_OK);
	src = rig_alloc(&rig, 3 * FERRY_PAGE_SIZE);
	dst = rig_alloc(&rig, 3 * FERRY_PAGE_SIZE);
	pattern(src, 3 * FERRY_PAGE_SIZE, 9);
	RIG_PUT(&ch, FG1_OP_COPY | RIG_APERTURES(HOST, HOST), rig_bus(&rig, dst) + 50, rig_bus(&rig, src) + 100,
	        9000);
	RIG_DO(&ch, FG1_OP_FILL | RIG_APERTURES(HOST, 0), rig_bus(&rig, src) + 8, 1, 9000);
	assert_true(rig_done(&ch));
	assert_uint_equal(*(uint64_t *)(src + 8), 1);
	assert_uint_equal(*(uint64_t *)(src + 9000), 1);
	for (uint32_t i = 0, s = 9; i < 9000; i++)
		assert_int_equal(dst[50 + i], (uint8_t)(((i + 100) * 2654435761u + s) >> 13));
	rig_stop(&rig);
}

/*
 * Goal: a virtual copy stalls at the byte whose page is missing, once, and goes on from there after the replay.
 * Method: 3 pages to 3 pages at odd offsets; the second source page and the third target page are missing.
 */
static void a_virtual_copy_stalls_and_resumes(void **unused)
{
	struct dev d;
	uint8_t *src[3], *dst[3];
	const uint64_t *f;

	(void)unused;
	dev_start(&d, NULL);
	for (uint32_t i = 0; i < 3; i++) {
		src[i] = rig_alloc(&d.rig, FERRY_PAGE_SIZE);
		pattern(src[i], FERRY_PAGE_SIZE, i);
		dst[i] = d.rig.vram + (2 * i + 1) * FERRY_PAGE_SIZE;
		if (i != 1)
			rig_map(&d.rig, d.root, DEV_VA + i * 4096, dev_bus(&d, src[i]) | RIG_RO);
		if (i != 2)
			rig_map(&d.rig, d.root, DEV_VA + (8 + i) * 4096,
			        (2 * i + 1) * 4096 | RIG_RW | FG1_PTE_DEVICE);
	}
	RIG_DO(&d.compute, FG1_OP_COPY | RIG_APERTURES(VIRT, VIRT), DEV_VA + 8 * 4096, DEV_VA, 3 * 4096);
	assert_memory_equal(dst[0], src[0], 4096);
	f = dev_fault(&d);
	assert_non_null(f);
	assert_null(dev_fault(&d));
	assert_uint_equal(f[FG1_FAULT_W_VA], (DEV_VA + 4096) | FERRY_ACCESS_READ);
	assert_uint_equal(f[FG1_FAULT_W_SPACE], DEV_ASID | 255ull << 32);
	assert_uint_equal(f[FG1_FAULT_W_CHANNEL], 1);

	rig_ring(&d.compute); /* a doorbell is no replay */
	assert_null(dev_fault(&d));
	RIG_DO(&d.copy, FG1_OP_FAULT_REPLAY); /* nothing changed: it stalls anew */
	f = dev_fault(&d);
	assert_uint_equal(f[FG1_FAULT_W_VA], (DEV_VA + 4096) | FERRY_ACCESS_READ);
	rig_map(&d.rig, d.root, DEV_VA + 4096, dev_bus(&d, src[1]) | RIG_RO);
	RIG_DO(&d.copy, FG1_OP_FAULT_REPLAY);
	assert_memory_equal(dst[1], src[1], 4096);
	f = dev_fault(&d);
	assert_uint_equal(f[FG1_FAULT_W_VA], (DEV_VA + 10 * 4096) | FERRY_ACCESS_WRITE);
	rig_map(&d.rig, d.root, DEV_VA + 10 * 4096, 5 * 4096 | RIG_RW | FG1_PTE_DEVICE);
	RIG_DO(&d.copy, FG1_OP_FAULT_REPLAY);
	assert_true(rig_done(&d.compute));
	assert_memory_equal(dst[2], src[2], 4096);
	assert_null(dev_fault(&d));
	dev_stop(&d);
}

/*
 * Goal: a cancelled copy stops its channel, a stale or wrong cancel does nothing.
 * Method: cancel with another page, with an id of before a replay, then rightly; the same through ASID_UNBIND.
 */
static void a_cancelled_copy_stops_its_channel(void **unused)
{
	struct dev d;
	const uint64_t *f;
	uint64_t stale, id;

	(void)unused;
	dev_start(&d, NULL);
	RIG_DO(&d.compute, FG1_OP_FILL | RIG_APERTURES(VIRT, 0), DEV_VA, 1, 64);
	f = dev_fault(&d);
	assert_non_null(f);
	stale = f[FG1_FAULT_W_ID];
	RIG_DO(&d.copy, FG1_OP_FAULT_REPLAY);
	f = dev_fault(&d);
	id = f[FG1_FAULT_W_ID];
	assert_uint_not_equal(id, stale);
	RIG_PUT(&d.copy, FG1_OP_FAULT_CANCEL, stale, DEV_VA, 1);
	RIG_PUT(&d.copy, FG1_OP_FAULT_CANCEL, UINT64_MAX, DEV_VA, 1);
	RIG_DO(&d.copy, FG1_OP_FAULT_CANCEL, 0, DEV_VA, 1);
	assert_true(rig_done(&d.copy));
	assert_uint_equal(rig_error(&d.compute), 0);
	RIG_DO(&d.copy, FG1_OP_FAULT_CANCEL, id, DEV_VA, 1);
	assert_uint_equal(rig_error(&d.compute), FG1_ERR_DMA);
	assert_uint_equal(rig_get(&d.compute), 0);

	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_CHANNEL_DESTROY, 1), FG1_OK);
	assert_int_equal(rig_open(&d.rig, &d.compute, 1, FG1_CHANNEL_COMPUTE, DEV_ASID), FG1_OK);
	RIG_DO(&d.compute, FG1_OP_FILL | RIG_APERTURES(VIRT, 0), DEV_VA, 1, 64);
	assert_non_null(dev_fault(&d));
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_ASID_UNBIND, DEV_ASID), FG1_OK);
	assert_uint_equal(rig_error(&d.compute), FG1_ERR_DMA);
	dev_stop(&d);
}

/*
 * Goal: a channel's MMU that cannot be allocated is an error of the command.
 * Method: the first virtual operand with memory failing.
 */
static void without_memory_a_virtual_copy_is_refused(void **unused)
{
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	ferry_user_fail_nth_alloc(1);
	RIG_DO(&d.compute, FG1_OP_FILL | RIG_APERTURES(VIRT, 0), DEV_VA, 1, 64);
	assert_uint_equal(ferry_user_fail_nth_alloc(0), 0);
	assert_uint_equal(rig_error(&d.compute), FG1_ERR_NO_RESOURCE);
	dev_stop(&d);
}

/*
 * Goal: without replay a faulting copy ends at once, and says so in the fault buffer.
 * Method: a device without the capability.
 */
static void without_replay_a_faulting_copy_stops(void **unused)
{
	struct dev d;

	(void)unused;
	dev_start(&d, &(struct rig_options){.caps = FG1_CAP_ALL & ~FG1_CAP_REPLAY});
	RIG_DO(&d.compute, FG1_OP_FILL | RIG_APERTURES(VIRT, 0), DEV_VA, 1, 64);
	assert_non_null(dev_fault(&d));
	assert_uint_equal(rig_error(&d.compute), FG1_ERR_DMA);
	dev_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(physical_copies_move_exactly_their_bytes),
		cmocka_unit_test(a_large_copy_is_done_in_pieces),
		cmocka_unit_test(overlapping_copies_are_harmless),
		cmocka_unit_test(fills_store_their_pattern),
		cmocka_unit_test(host_runs_may_break_at_every_page),
		cmocka_unit_test(a_virtual_copy_stalls_and_resumes),
		cmocka_unit_test(a_cancelled_copy_stops_its_channel),
		cmocka_unit_test(without_memory_a_virtual_copy_is_refused),
		cmocka_unit_test(without_replay_a_faulting_copy_stops),
	};

	return cmocka_run_group_tests_name("softgpu/copy", tests, NULL, NULL);
}
