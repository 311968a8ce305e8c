/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: softgpu/fg1.c softgpu/engine.c softgpu/control.c softgpu/channel.c softgpu/copy.c softgpu/launch.c
 * softgpu/sm.c softgpu/mmu.c softgpu/fault.c softgpu/knobs.c softgpu/power.c softgpu/program.c softgpu/softfloat.c
 * softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c softgpu/warp_mem.c
 */
/* fault_test.c - the fault buffer: laps, overflow, arming; seen through virtual copies of many channels. */
#include "dev.h"

enum { VIRT = FERRY_APERTURE_VIRTUAL };

#define STALLERS 20u

/* Channels 10.. each stall on a page of their own. */
static void stall_many(struct dev *d, struct rig_channel *ch, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(rig_open(&d->rig, &ch[i], 10 + i, FG1_CHANNEL_COMPUTE, DEV_ASID), FG1_OK);
		RIG_DO(&ch[i], FG1_OP_FILL | RIG_APERTURES(VIRT, 0), DEV_VA + i * 4096, i + 1, 8);
	}
}

static void use_buffer(struct dev *d, uint32_t entries)
{
	assert_int_equal(RIG_CONTROL(&d->rig, FG1_CMD_FAULT_BUFFER, dev_bus(d, d->faults), entries), FG1_OK);
}

static uint64_t irqs(struct dev *d)
{
	return ferry_os_load_relaxed(&d->rig.irqs[FG1_IRQ_FAULT]);
}

static void arm(struct dev *d)
{
	fg1_reg_write(d->rig.gpu, FG1_REG_FAULT_ARM, 1);
}

/*
 * Goal: entries say everything about the stall, and PUT counts them.
 * Method: one channel, all words.
 */
static void an_entry_says_everything(void **unused)
{
	uint64_t before = ferry_os_now_ns();
	struct rig_channel ch[1];
	const uint64_t *f;
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	stall_many(&d, ch, 1);
	f = dev_fault(&d);
	assert_non_null(f);
	assert_uint_equal(f[FG1_FAULT_W_VA],
	                  DEV_VA | FERRY_ACCESS_WRITE | FG1_FAULT_NOT_PRESENT << FG1_FAULT_KIND_SHIFT);
	assert_uint_equal(f[FG1_FAULT_W_SPACE], DEV_ASID | 255ull << 32);
	assert_uint_not_equal(f[FG1_FAULT_W_ID], 0);
	assert_uint_equal((uint32_t)f[FG1_FAULT_W_LANES], 1);
	assert_true(f[FG1_FAULT_W_TIME] >= before && f[FG1_FAULT_W_TIME] <= ferry_os_now_ns());
	assert_uint_equal(f[FG1_FAULT_W_CHANNEL], 10);
	assert_uint_equal(f[FG1_FAULT_W_VALID], 1);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_PUT), 1);
	dev_stop(&d);
}

/*
 * Goal: the valid word is the lap, so nothing has to be cleared between laps.
 * Method: one stall, replayed 100 times through a buffer of 16; each entry has the right lap at the right place.
 */
static void laps_tell_new_entries_from_old(void **unused)
{
	struct rig_channel ch[1];
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	use_buffer(&d, 16);
	stall_many(&d, ch, 1);
	for (uint64_t n = 0; n < 100; n++) {
		const uint64_t *f = d.faults + n % 16 * 8;

		assert_uint_equal(f[FG1_FAULT_W_VALID], n / 16 + 1);
		assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_PUT), n + 1);
		assert_true(d.faults[(n + 1) % 16 * 8 + FG1_FAULT_W_VALID] != (n + 1) / 16 + 1);
		fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_GET, n + 1);
		RIG_DO(&d.copy, FG1_OP_FAULT_REPLAY);
	}
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_DROPPED), 0);
	dev_stop(&d);
}

/*
 * Goal: a full buffer drops and counts; what was dropped is reported after the next replay.
 * Method: 20 stalls into 16 entries; then room, replay; all 20 pages have been seen, and 4 were dropped once each.
 */
static void overflow_is_counted_and_made_good_by_replay(void **unused)
{
	struct rig_channel ch[STALLERS];
	uint64_t seen = 0;
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	use_buffer(&d, 16);
	stall_many(&d, ch, STALLERS);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_PUT), 16);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_DROPPED), 4);
	for (uint32_t i = 0; i < 16; i++) {
		uint64_t page = (d.faults[i * 8] - DEV_VA) >> 12;

		seen |= 1ull << page;
		rig_map(&d.rig, d.root, DEV_VA + page * 4096, page * 4096 | RIG_RW | FG1_PTE_DEVICE);
	}
	fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_GET, 16);
	RIG_DO(&d.copy, FG1_OP_FAULT_REPLAY);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_PUT), 20);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_DROPPED), 4);
	for (uint32_t i = 0; i < 4; i++)
		seen |= 1ull << ((d.faults[i * 8] - DEV_VA) >> 12);
	assert_uint_equal(seen, (1u << STALLERS) - 1);
	dev_stop(&d);
}

/*
 * Goal: with the buffer off nothing is lost for good.
 * Method: stall without a buffer; give one; the replay reports.
 */
static void a_buffer_that_comes_late_gets_everything(void **unused)
{
	struct rig_channel ch[2];
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_FAULT_BUFFER, 0, 0), FG1_OK);
	stall_many(&d, ch, 2);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_DROPPED), 2);
	use_buffer(&d, 16);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_DROPPED), 0);
	assert_null(dev_fault(&d));
	RIG_DO(&d.copy, FG1_OP_FAULT_REPLAY);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_PUT), 2);
	dev_stop(&d);
}

/*
 * Goal: a buffer whose memory was used before shows no old entry.
 * Method: fill it, configure it again.
 */
static void old_entries_are_not_valid_in_a_new_buffer(void **unused)
{
	struct rig_channel ch[3];
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	stall_many(&d, ch, 3);
	assert_uint_equal(d.faults[FG1_FAULT_W_VALID], 1);
	use_buffer(&d, DEV_FAULTS);
	assert_null(dev_fault(&d));
	dev_stop(&d);
}

/*
 * Goal: the interrupt is one-shot; arming with entries waiting raises it at once, else the next entry does.
 * Method: count interrupts around each step.
 */
static void the_interrupt_is_one_shot(void **unused)
{
	struct rig_channel ch[4];
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	stall_many(&d, ch, 2);
	assert_uint_equal(irqs(&d), 0); /* nobody asked */
	arm(&d);
	assert_uint_equal(irqs(&d), 1); /* entries wait */
	arm(&d);
	assert_uint_equal(irqs(&d), 2); /* and still do */
	fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_GET, 2);
	arm(&d);
	assert_uint_equal(irqs(&d), 2);
	RIG_DO(&d.copy, FG1_OP_FAULT_REPLAY); /* two new entries, one interrupt */
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_PUT), 4);
	assert_uint_equal(irqs(&d), 3);
	RIG_DO(&d.copy, FG1_OP_FAULT_REPLAY);
	assert_uint_equal(irqs(&d), 3);                                   /* disarmed */
	assert_uint_equal(ferry_os_load_relaxed(&d.rig.stalled_irqs), 0); /* a front end never says it is stalled */
	dev_stop(&d);
}

/*
 * Goal: a GET that makes no sense is ignored.
 * Method: ahead of PUT, and back; the buffer's room stays what it was.
 */
static void a_senseless_get_is_ignored(void **unused)
{
	struct rig_channel ch[STALLERS];
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	use_buffer(&d, 16);
	stall_many(&d, ch, 16);
	fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_GET, 17);
	fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_GET, UINT64_MAX);
	fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_GET, 10);
	fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_GET, 9);
	RIG_DO(&d.copy, FG1_OP_FAULT_REPLAY);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_PUT), 26);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FAULT_DROPPED), 6);
	dev_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_says_everything),
		cmocka_unit_test(laps_tell_new_entries_from_old),
		cmocka_unit_test(overflow_is_counted_and_made_good_by_replay),
		cmocka_unit_test(a_buffer_that_comes_late_gets_everything),
		cmocka_unit_test(old_entries_are_not_valid_in_a_new_buffer),
		cmocka_unit_test(the_interrupt_is_one_shot),
		cmocka_unit_test(a_senseless_get_is_ignored),
	};

	return cmocka_run_group_tests_name("softgpu/fault", tests, NULL, NULL);
}
