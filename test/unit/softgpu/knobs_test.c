/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: softgpu/fg1.c softgpu/engine.c softgpu/control.c softgpu/channel.c softgpu/copy.c softgpu/launch.c
 * softgpu/sm.c softgpu/mmu.c softgpu/fault.c softgpu/knobs.c softgpu/power.c softgpu/program.c softgpu/softfloat.c
 * softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c softgpu/warp_mem.c
 */
/* knobs_test.c - faults on request. */
#include "dev.h"

enum { HOST = FERRY_APERTURE_HOST, DEV = FERRY_APERTURE_DEVICE, VIRT = FERRY_APERTURE_VIRTUAL };

/* n fences with an interrupt each; how many interrupts came. */
static uint64_t fences(struct dev *d, uint64_t *word, uint32_t n)
{
	uint64_t before = ferry_os_load_relaxed(&d->rig.irqs[FG1_IRQ_SEMAPHORE]);

	for (uint32_t i = 0; i < n; i++)
		RIG_DO(&d->copy, FG1_OP_SEM_RELEASE | FG1_SEM_IRQ, dev_bus(d, word), i);
	assert_true(rig_done(&d->copy));
	return ferry_os_load_relaxed(&d->rig.irqs[FG1_IRQ_SEMAPHORE]) - before;
}

/*
 * Goal: 1 in n interrupts is lost, or doubled, by the seed's choice: the same seed chooses the same.
 * Method: 400 interrupts with each knob, twice with one seed and once with another.
 */
static void interrupts_are_lost_and_doubled_by_seed(void **unused)
{
	uint64_t lost[3], doubled[3];

	(void)unused;
	for (uint32_t i = 0; i < 3; i++) {
		struct dev d;
		uint64_t *word;

		dev_start(&d, &(struct rig_options){.seed = i / 2});
		word = dev_page(&d, 0);
		assert_uint_equal(fences(&d, word, 400), 400);
		fg1_knob_set(d.rig.gpu, FG1_KNOB_IRQ_LOSE, 4);
		assert_uint_equal(fg1_knob_get(d.rig.gpu, FG1_KNOB_IRQ_LOSE), 4);
		lost[i] = 400 - fences(&d, word, 400);
		fg1_knob_set(d.rig.gpu, FG1_KNOB_IRQ_LOSE, 0);
		fg1_knob_set(d.rig.gpu, FG1_KNOB_IRQ_DOUBLE, 4);
		doubled[i] = fences(&d, word, 400) - 400;
		fg1_knob_set(d.rig.gpu, FG1_KNOB_IRQ_DOUBLE, 0);
		assert_uint_equal(fences(&d, word, 400), 400);
		assert_true(lost[i] > 60 && lost[i] < 150);
		assert_true(doubled[i] > 60 && doubled[i] < 150);
		dev_stop(&d);
	}
	assert_uint_equal(lost[0], lost[1]);
	assert_uint_equal(doubled[0], doubled[1]);
	assert_true(lost[0] != lost[2] || doubled[0] != doubled[2]);
}

/*
 * Goal: 1 means always.
 * Method: lose every interrupt; fail every copy.
 */
static void one_in_one_is_always(void **unused)
{
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	fg1_knob_set(d.rig.gpu, FG1_KNOB_IRQ_LOSE, 1);
	assert_uint_equal(fences(&d, dev_page(&d, 0), 50), 0);
	fg1_knob_set(d.rig.gpu, FG1_KNOB_COPY_FAIL, 1);
	RIG_DO(&d.copy, FG1_OP_FILL | RIG_APERTURES(DEV, 0), 0, 0, 8);
	assert_uint_equal(rig_error(&d.copy), FG1_ERR_DMA);
	dev_stop(&d);
}

/*
 * Goal: a delayed copy takes that much longer, and its fence with it.
 * Method: 3 ms; the engine gives its thread back meanwhile.
 */
static void a_copy_can_be_delayed(void **unused)
{
	uint64_t start;
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	fg1_knob_set(d.rig.gpu, FG1_KNOB_COPY_DELAY_NS, 3000000);
	start = ferry_os_now_ns();
	RIG_DO(&d.copy, FG1_OP_FILL | RIG_APERTURES(DEV, 0), 0, 0, 8);
	while (!rig_done(&d.copy) && ferry_os_now_ns() - start < 2000000000ull)
		rig_ring(&d.copy);
	assert_true(rig_done(&d.copy));
	assert_true(ferry_os_now_ns() - start >= 3000000);
	dev_stop(&d);
}

/* Channels 10.. stall on a page each. */
static void stall(struct dev *d, uint32_t count)
{
	struct rig_channel ch;

	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(rig_open(&d->rig, &ch, 10 + i, FG1_CHANNEL_COMPUTE, DEV_ASID), FG1_OK);
		RIG_DO(&ch, FG1_OP_FILL | RIG_APERTURES(VIRT, 0), DEV_VA + i * 4096, 1, 8);
	}
}

/*
 * Goal: the fault buffer acts as if it were smaller; and entries are doubled on request.
 * Method: counters of what was written and dropped.
 */
static void the_fault_buffer_can_be_small_and_repeat_itself(void **unused)
{
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	fg1_knob_set(d.rig.gpu, FG1_KNOB_FAULT_ENTRIES, 2);
	stall(&d, 5);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_PUT), 2);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_DROPPED), 3);
	fg1_knob_set(d.rig.gpu, FG1_KNOB_FAULT_ENTRIES, 0);
	fg1_knob_set(d.rig.gpu, FG1_KNOB_FAULT_DOUBLE, 1);
	RIG_DO(&d.copy, FG1_OP_FAULT_REPLAY);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_PUT), 12);
	assert_uint_equal(d.faults[8 * 2 + FG1_FAULT_W_ID], d.faults[8 * 3 + FG1_FAULT_W_ID]);
	dev_stop(&d);
}

/*
 * Goal: a poisoned page faults, also where a translation was held; a physical read of it stops the channel.
 * Method: poison page 3; touch it and its neighbour, virtually and physically.
 */
static void a_poisoned_page_is_refused(void **unused)
{
	const uint64_t *f;
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	rig_map(&d.rig, d.root, DEV_VA, 3 * 4096 | RIG_RW | FG1_PTE_DEVICE);
	RIG_DO(&d.compute, FG1_OP_FILL | RIG_APERTURES(VIRT, 0), DEV_VA, 1, 8);
	assert_true(rig_done(&d.compute));
	fg1_knob_set(d.rig.gpu, FG1_KNOB_POISON_PAGE, 3 + 1);
	RIG_DO(&d.compute, FG1_OP_FILL | RIG_APERTURES(VIRT, 0), DEV_VA, 2, 8);
	f = dev_fault(&d);
	assert_non_null(f);
	assert_int_equal(FG1_FAULT_KIND(f[FG1_FAULT_W_VA]), FG1_FAULT_POISON);
	RIG_PUT(&d.copy, FG1_OP_COPY | RIG_APERTURES(DEV, DEV), 0, 4 * 4096, 4096);
	RIG_PUT(&d.copy, FG1_OP_COPY | RIG_APERTURES(DEV, DEV), 3 * 4096, 0, 4096);
	RIG_DO(&d.copy, FG1_OP_COPY | RIG_APERTURES(DEV, DEV), 8 * 4096, 0, 3 * 4096);
	assert_true(rig_done(&d.copy));
	RIG_DO(&d.copy, FG1_OP_COPY | RIG_APERTURES(DEV, DEV), 8 * 4096, 2 * 4096, 4097);
	assert_uint_equal(rig_error(&d.copy), FG1_ERR_DMA);
	dev_stop(&d);
}

/*
 * Goal: a hang stops channels, not control commands; it can be silent or seen; it can end.
 * Method: a fence under each.
 */
static void a_hang_stops_channels(void **unused)
{
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	fg1_knob_set(d.rig.gpu, FG1_KNOB_HANG, 1);
	RIG_DO(&d.copy, FG1_OP_NOP);
	assert_uint_equal(rig_get(&d.copy), 0);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FATAL), 0);
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_ASID_BIND, 9, dev_bus(&d, d.root)), FG1_OK);
	fg1_knob_set(d.rig.gpu, FG1_KNOB_HANG, FG1_HANG_SEEN);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FATAL), FG1_FATAL_HANG);
	assert_uint_equal(d.rig.irqs[FG1_IRQ_ERROR].v, 1);
	fg1_knob_set(d.rig.gpu, FG1_KNOB_HANG, 0);
	assert_true(rig_done(&d.copy)); /* without another doorbell */
	dev_stop(&d);
}

/*
 * Goal: off the bus reads are all ones, writes vanish, engines and interrupts stop; back on it everything is lost.
 * Method: try each; the host frees what the device had, and ASan watches.
 */
static void off_the_bus_the_device_is_gone(void **unused)
{
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	d.rig.vram[0] = 1;
	fg1_reg_write(d.rig.gpu, FG1_REG_SCRATCH, 7);
	fg1_knob_set(d.rig.gpu, FG1_KNOB_OFF_BUS, 1);
	assert_uint_equal(fg1_reg_read(d.rig.gpu, FG1_REG_ID), UINT64_MAX);
	assert_uint_equal(fg1_reg_read(d.rig.gpu, FG1_REG_SCRATCH), UINT64_MAX);
	RIG_DO(&d.copy, FG1_OP_NOP);
	assert_false(fg1_engine_run(d.rig.gpu, 2, 100));
	assert_uint_equal(rig_get(&d.copy), 0);
	assert_uint_equal(RIG_CONTROL(&d.rig, FG1_CMD_RESET), UINT32_MAX);
	rig_free(&d.rig, d.copy.ring, 64 * FG1_CMD_BYTES);
	rig_free(&d.rig, d.copy.status, 64);
	fg1_knob_set(d.rig.gpu, FG1_KNOB_OFF_BUS, 0);
	assert_uint_equal(fg1_reg_read(d.rig.gpu, FG1_REG_ID), FG1_ID);
	assert_uint_equal(fg1_reg_read(d.rig.gpu, FG1_REG_SCRATCH), 0);
	assert_int_equal(d.rig.vram[0], 0xdb);
	rig_ring(&d.copy);
	dev_setup(&d);
	RIG_DO(&d.copy, FG1_OP_NOP);
	assert_true(rig_done(&d.copy));
	dev_stop(&d);
}

/*
 * Goal: knobs that do not exist do nothing.
 * Method: set and read them.
 */
static void unknown_knobs_do_nothing(void **unused)
{
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	fg1_knob_set(d.rig.gpu, FG1_KNOBS, 1);
	fg1_knob_set(d.rig.gpu, (enum fg1_knob)0x7fffffff, 1);
	assert_uint_equal(fg1_knob_get(d.rig.gpu, FG1_KNOBS), 0);
	assert_uint_equal(fg1_counter_get(d.rig.gpu, FG1_COUNTERS), 0);
	dev_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupts_are_lost_and_doubled_by_seed),
		cmocka_unit_test(one_in_one_is_always),
		cmocka_unit_test(a_copy_can_be_delayed),
		cmocka_unit_test(the_fault_buffer_can_be_small_and_repeat_itself),
		cmocka_unit_test(a_poisoned_page_is_refused),
		cmocka_unit_test(a_hang_stops_channels),
		cmocka_unit_test(off_the_bus_the_device_is_gone),
		cmocka_unit_test(unknown_knobs_do_nothing),
	};

	return cmocka_run_group_tests_name("softgpu/knobs", tests, NULL, NULL);
}
