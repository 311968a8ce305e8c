/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: softgpu/fg1.c softgpu/engine.c softgpu/control.c softgpu/channel.c softgpu/copy.c softgpu/launch.c
 * softgpu/sm.c softgpu/mmu.c softgpu/fault.c softgpu/knobs.c softgpu/power.c softgpu/program.c softgpu/softfloat.c
 * softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c softgpu/warp_mem.c
 */
/* power_test.c - reset, power states, power cut: what is lost, what is kept, what comes back. */
#include "dev.h"
#include "ebpf.h"

static const uint64_t forever_program[] = {JUMP(-1), EXIT};
static const uint64_t exit_program[] = {EXIT};

enum how { RESET, SELF_REFRESH, OFF, CUT, CUT_KEEP, HOWS };

/* A launch that runs, words in device memory, registers set: then lose it. */
static void use_and_lose(struct dev *d, struct dev_launch *l, enum how how)
{
	assert_int_equal(dev_load(d, 0, forever_program, DEV_COUNT(forever_program), 0), FG1_OK);
	*l = (struct dev_launch){0, 10, 64, 0, 0, NULL, NULL};
	dev_launch(d, l, NULL);
	fg1_engine_run(d->rig.gpu, 0, 500);
	memset(d->rig.vram, 0x11, 64);
	fg1_reg_write(d->rig.gpu, FG1_REG_SCRATCH, 0x1234);
	fg1_reg_write(d->rig.gpu, FG1_REG_ARG(6), 5);
	fg1_reg_write(d->rig.gpu, FG1_REG_FAULT_ARM, 1);
	if (how == RESET)
		assert_int_equal(RIG_CONTROL(&d->rig, FG1_CMD_RESET), FG1_OK);
	else if (how == SELF_REFRESH)
		assert_int_equal(RIG_CONTROL(&d->rig, FG1_CMD_POWER, FG1_POWER_SELF_REFRESH), FG1_OK);
	else if (how == OFF)
		assert_int_equal(RIG_CONTROL(&d->rig, FG1_CMD_POWER, FG1_POWER_OFF), FG1_OK);
	else
		fg1_power_loss(d->rig.gpu, how == CUT_KEEP);
}

/*
 * Goal: every way to lose power loses registers, channels, launches and programs, and device memory where the
 * manual says so. Method: use everything, lose it, look; ring and status are freed (ASan watches) and rung again.
 */
static void every_loss_loses_what_the_manual_says(void **unused)
{
	(void)unused;
	for (enum how how = 0; how < HOWS; how++) {
		bool kept = how == SELF_REFRESH || how == CUT_KEEP;
		struct dev_launch l;
		struct dev d;

		dev_start(&d, NULL);
		use_and_lose(&d, &l, how);
		assert_uint_equal(dev_status(&l), FG1_LAUNCH_KILLED);
		assert_uint_equal(fg1_reg_read(d.rig.gpu, FG1_REG_SCRATCH), 0);
		assert_uint_equal(fg1_reg_read(d.rig.gpu, FG1_REG_ARG(6)), 0);
		assert_uint_equal(fg1_counter_get(d.rig.gpu, FG1_COUNTER_INSNS), 0);
		assert_int_equal(d.rig.vram[0], kept ? 0x11 : 0xdb);
		assert_int_equal(d.rig.vram[63], kept ? 0x11 : 0xdb);
		assert_uint_equal(fg1_reg_read(d.rig.gpu, FG1_REG_POWER), how == SELF_REFRESH ? FG1_POWER_SELF_REFRESH
		                                                          : how == OFF        ? FG1_POWER_OFF
		                                                                              : FG1_POWER_ON);
		rig_free(&d.rig, d.copy.ring, 64 * FG1_CMD_BYTES);
		rig_free(&d.rig, d.copy.status, 64);
		rig_free(&d.rig, d.faults, DEV_FAULTS * FG1_FAULT_BYTES);
		rig_free(&d.rig, d.rig.status, FERRY_PAGE_SIZE);
		d.copy.put = 1;
		rig_ring(&d.copy);
		assert_false(fg1_engine_run(d.rig.gpu, 0, 500));
		fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_GET, 1);
		dev_stop(&d);
	}
}

/*
 * Goal: after every loss the device comes up again as new.
 * Method: power on if needed, set up everything under the same numbers, run a launch and a copy.
 */
static void after_every_loss_it_comes_up_again(void **unused)
{
	(void)unused;
	for (enum how how = 0; how < HOWS; how++) {
		struct dev_launch l;
		struct dev d;

		dev_start(&d, NULL);
		use_and_lose(&d, &l, how);
		assert_uint_equal(RIG_CONTROL(&d.rig, FG1_CMD_ASID_BIND, 0, dev_bus(&d, d.root)), UINT32_MAX);
		if (how == SELF_REFRESH || how == OFF) {
			assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_INIT, d.rig.status_bus), FG1_ERR_POWER);
			assert_uint_equal(RIG_CONTROL(&d.rig, FG1_CMD_CHANNEL_DESTROY, 0), UINT32_MAX);
			fg1_reg_write(d.rig.gpu, FG1_REG_ARG(0), FG1_POWER_ON);
			fg1_reg_write(d.rig.gpu, FG1_REG_CMD, FG1_CMD_POWER);
			assert_uint_equal(fg1_reg_read(d.rig.gpu, FG1_REG_POWER), FG1_POWER_ON);
		}
		dev_setup(&d);
		assert_int_equal(dev_load(&d, 0, exit_program, 1, 0), FG1_OK);
		l = (struct dev_launch){0, 10, 64, 0, 0, NULL, NULL};
		dev_launch(&d, &l, NULL);
		assert_true(rig_run(&d.rig, 100));
		assert_uint_equal(dev_status(&l), FG1_LAUNCH_OK);
		RIG_DO(&d.copy, FG1_OP_FILL | RIG_APERTURES(FERRY_APERTURE_DEVICE, 0), 0, 0, 64);
		assert_true(rig_done(&d.copy));
		dev_stop(&d);
	}
}

/*
 * Goal: translations do not survive.
 * Method: a virtual store, power cut, another page under the same address: the store goes there.
 */
static void translations_do_not_survive(void **unused)
{
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	rig_map(&d.rig, d.root, DEV_VA, 0x1000 | RIG_RW | FG1_PTE_DEVICE);
	RIG_DO(&d.compute, FG1_OP_FILL | RIG_APERTURES(FERRY_APERTURE_VIRTUAL, 0), DEV_VA, 1, 8);
	fg1_power_loss(d.rig.gpu, true);
	dev_setup(&d);
	rig_map(&d.rig, d.root, DEV_VA, 0x2000 | RIG_RW | FG1_PTE_DEVICE);
	RIG_DO(&d.compute, FG1_OP_FILL | RIG_APERTURES(FERRY_APERTURE_VIRTUAL, 0), DEV_VA, 2, 8);
	assert_true(rig_done(&d.compute));
	assert_int_equal(d.rig.vram[0x1000], 1);
	assert_int_equal(d.rig.vram[0x2000], 2);
	dev_stop(&d);
}

/*
 * Goal: power may be cut inside the driver's interrupt, on the SM's own thread, and at a stalled copy.
 * Method: cut from the handler of a fault; the SM returns and has nothing left.
 */
static void cut_power(void *arg, uint32_t vector, bool stalled)
{
	struct dev *d = arg;

	(void)stalled;
	if (vector == FG1_IRQ_FAULT)
		fg1_power_loss(d->rig.gpu, false);
}

static void power_may_go_inside_an_interrupt(void **unused)
{
	/* r1 = missing */
	static const uint64_t program[] = {ST(SZ_DW, R1, 0, 1), EXIT};
	struct dev_launch l = {0, 40, 64, 1, 0, NULL, NULL};
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	d.rig.on_irq = cut_power;
	d.rig.on_irq_arg = &d;
	assert_int_equal(dev_load(&d, 0, program, 2, 1), FG1_OK);
	fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_ARM, 1);
	dev_launch(&d, &l, (uint64_t[]){DEV_VA});
	assert_true(rig_run(&d.rig, 10));
	assert_uint_equal(d.rig.irqs[FG1_IRQ_FAULT].v, 1);
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_KILLED);

	dev_setup(&d);
	fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_ARM, 1);
	RIG_DO(&d.compute, FG1_OP_FILL | RIG_APERTURES(FERRY_APERTURE_VIRTUAL, 0), DEV_VA, 1, 8);
	assert_uint_equal(d.rig.irqs[FG1_IRQ_FAULT].v, 2);
	assert_uint_equal(rig_get(&d.compute), 0);
	dev_setup(&d);
	RIG_DO(&d.compute, FG1_OP_NOP);
	assert_true(rig_done(&d.compute));
	dev_stop(&d);
}

/*
 * Goal: self refresh is a capability.
 * Method: switch it off.
 */
static void self_refresh_needs_its_capability(void **unused)
{
	struct dev d;

	(void)unused;
	dev_start(&d, &(struct rig_options){.caps = FG1_CAP_ALL & ~FG1_CAP_SELF_REFRESH});
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_POWER, FG1_POWER_SELF_REFRESH), FG1_ERR_UNSUPPORTED);
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_POWER, FG1_POWER_ON), FG1_OK);
	assert_uint_equal(fg1_reg_read(d.rig.gpu, FG1_REG_POWER), FG1_POWER_ON);
	RIG_DO(&d.copy, FG1_OP_NOP); /* nothing was lost by being refused */
	assert_true(rig_done(&d.copy));
	dev_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_loss_loses_what_the_manual_says),
		cmocka_unit_test(after_every_loss_it_comes_up_again),
		cmocka_unit_test(translations_do_not_survive),
		cmocka_unit_test(power_may_go_inside_an_interrupt),
		cmocka_unit_test(self_refresh_needs_its_capability),
	};

	return cmocka_run_group_tests_name("softgpu/power", tests, NULL, NULL);
}
