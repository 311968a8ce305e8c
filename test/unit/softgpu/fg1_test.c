/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: softgpu/fg1.c softgpu/engine.c softgpu/control.c softgpu/channel.c softgpu/copy.c softgpu/launch.c
 * softgpu/sm.c softgpu/mmu.c softgpu/fault.c softgpu/knobs.c softgpu/power.c softgpu/program.c softgpu/softfloat.c
 * softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c softgpu/warp_mem.c
 */
/* fg1_test.c - life, registers and control commands. */
#include "dev.h"
#include "ebpf.h"

static const uint64_t exit_program[] = {EXIT};

/*
 * Goal: a device that cannot exist is refused, with nothing left behind.
 * Method: one wrong field at a time; then every allocation of a good one fails once.
 */
static void create_refuses_what_cannot_be(void **unused)
{
	static uint8_t memory[4096];
	struct fg1_port port = {memory, rig_dma, rig_irq, rig_kick}, no_dma = {memory, NULL, rig_irq, rig_kick};
	uint8_t *vram = aligned_alloc(FERRY_BLOCK_SIZE, FERRY_BLOCK_SIZE);
	struct fg1_config good = {vram, FERRY_BLOCK_SIZE, 2, FG1_CAP_ALL, 1}, c;
	struct fg1 *gpu = NULL;

	(void)unused;
	c = good, c.vram = NULL;
	assert_int_equal(fg1_create(&c, &port, &gpu), FERRY_E_INVAL);
	c = good, c.vram_bytes = FERRY_BLOCK_SIZE - FERRY_PAGE_SIZE;
	assert_int_equal(fg1_create(&c, &port, &gpu), FERRY_E_INVAL);
	c = good, c.vram_bytes = 0;
	assert_int_equal(fg1_create(&c, &port, &gpu), FERRY_E_INVAL);
	c = good, c.sms = 0;
	assert_int_equal(fg1_create(&c, &port, &gpu), FERRY_E_INVAL);
	c = good, c.sms = 65;
	assert_int_equal(fg1_create(&c, &port, &gpu), FERRY_E_INVAL);
	c = good, c.caps = FG1_CAP_ALL + 1;
	assert_int_equal(fg1_create(&c, &port, &gpu), FERRY_E_INVAL);
	assert_int_equal(fg1_create(&good, &no_dma, &gpu), FERRY_E_INVAL);
	for (uint64_t n = 1;; n++) {
		uint64_t before = ferry_user_live_allocs();
		int err;

		ferry_user_fail_nth_alloc(n);
		err = fg1_create(&good, &port, &gpu);
		if (ferry_user_fail_nth_alloc(0)) {
			assert_int_equal(err, 0);
			assert_true(n > 3); /* it does allocate */
			break;
		}
		assert_int_equal(err, FERRY_E_NOMEM);
		assert_uint_equal(ferry_user_live_allocs(), before);
	}
	fg1_destroy(gpu);
	free(vram);
}

/*
 * Goal: registers say what the device is; unknown ones read as zero and take no harm.
 * Method: read all of BAR 0 and beyond, write all of it but CMD.
 */
static void registers_say_what_the_device_is(void **unused)
{
	struct rig rig;
	uint64_t limits;

	(void)unused;
	assert_true(rig_start(&rig, &(struct rig_options){.sms = 3, .caps = FG1_CAP_REPLAY | FG1_CAP_FLOAT}));
	assert_uint_equal(fg1_reg_read(rig.gpu, FG1_REG_ID), FG1_ID);
	assert_uint_equal(fg1_reg_read(rig.gpu, FG1_REG_CAPS), FG1_CAP_REPLAY | FG1_CAP_FLOAT);
	assert_uint_equal(fg1_reg_read(rig.gpu, FG1_REG_VRAM_BYTES), 2 * FERRY_BLOCK_SIZE);
	assert_uint_equal(fg1_reg_read(rig.gpu, FG1_REG_POWER), FG1_POWER_ON);
	limits = fg1_reg_read(rig.gpu, FG1_REG_LIMITS);
	assert_int_equal(FG1_LIMIT_SMS(limits), 3);
	assert_int_equal(FG1_LIMIT_CHANNELS(limits), fg1_channels(rig.gpu));
	assert_int_equal(fg1_engines(rig.gpu), 3 + fg1_channels(rig.gpu));
	assert_true(FG1_LIMIT_ASIDS(limits) >= 64 && FG1_LIMIT_PROGRAMS(limits) >= 64);
	fg1_reg_write(rig.gpu, FG1_REG_SCRATCH, 0x1234);
	for (uint32_t offset = 0x2c; offset < FG1_REG_BYTES + 64; offset++)
		if (offset != FG1_REG_CMD)
			fg1_reg_write(rig.gpu, offset, 0xffffffffffffffffull);
	assert_uint_equal(fg1_reg_read(rig.gpu, FG1_REG_SCRATCH), 0x1234);
	assert_uint_equal(fg1_reg_read(rig.gpu, FG1_REG_ARG(6)), UINT64_MAX);
	assert_uint_equal(fg1_reg_read(rig.gpu, FG1_REG_ARG(7)), 0);
	assert_uint_equal(fg1_reg_read(rig.gpu, FG1_REG_CMD), 0);
	assert_uint_equal(fg1_reg_read(rig.gpu, 0xff8), 0);
	assert_uint_equal(fg1_reg_read(rig.gpu, 4), 0);
	rig_stop(&rig);
}

/*
 * Goal: commands are answered in the status page with their sequence number, and only there.
 * Method: without INIT nothing answers; a page that is not mapped answers to the old one; sequence 0 gets no answer.
 */
static void commands_are_answered_in_the_status_page(void **unused)
{
	struct rig rig;
	uint8_t *other;

	(void)unused;
	assert_true(rig_start(&rig, NULL));
	rig.status = rig_alloc(&rig, FERRY_PAGE_SIZE);
	rig.status_bus = rig_bus(&rig, rig.status);
	assert_uint_equal(RIG_CONTROL(&rig, FG1_CMD_ASID_BIND, 0, rig.status_bus), UINT32_MAX);
	assert_true(rig_init(&rig));
	assert_int_equal(RIG_CONTROL(&rig, 0), FG1_ERR_UNKNOWN);
	assert_int_equal(RIG_CONTROL(&rig, 11), FG1_ERR_UNKNOWN);
	assert_int_equal(RIG_CONTROL(&rig, 0xffffffff), FG1_ERR_UNKNOWN);
	assert_int_equal(RIG_CONTROL(&rig, FG1_CMD_INIT, 0), FG1_ERR_DMA);
	assert_int_equal(RIG_CONTROL(&rig, FG1_CMD_INIT, rig.status_bus + 8), FG1_ERR_DMA);
	fg1_reg_write(rig.gpu, FG1_REG_CMD, FG1_CMD_FAULT_BUFFER);
	assert_uint_equal(rig_word(rig.status, FG1_STATUS_CMD) >> 32, rig.sequence);

	other = rig_alloc(&rig, FERRY_PAGE_SIZE);
	fg1_reg_write(rig.gpu, FG1_REG_ARG(0), rig_bus(&rig, other));
	fg1_reg_write(rig.gpu, FG1_REG_CMD, 77ull << 32 | FG1_CMD_INIT);
	assert_uint_equal(rig_word(other, FG1_STATUS_CMD), 77ull << 32);
	assert_uint_equal(rig_word(rig.status, FG1_STATUS_CMD) >> 32, rig.sequence);
	rig_stop(&rig);
}

/*
 * Goal: every control command refuses arguments out of range, with the code of the manual.
 * Method: one wrong argument at a time against a device that is set up.
 */
static void control_commands_check_their_arguments(void **unused)
{
	struct dev d;
	struct rig *r = &d.rig;
	uint64_t page, gone = RIG_BUS + (1ull << 40);

	(void)unused;
	dev_start(&d, NULL);
	page = dev_bus(&d, dev_page(&d, 0));
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_FAULT_BUFFER, page, 15), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_FAULT_BUFFER, page, 48), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_FAULT_BUFFER, page, 1ull << 17), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_FAULT_BUFFER, page + 8, 16), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_FAULT_BUFFER, gone, 16), FG1_ERR_DMA);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_FAULT_BUFFER, UINT64_MAX & ~63ull, 65536), FG1_ERR_DMA);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_ASID_BIND, 1ull << 32, page), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_ASID_BIND, 9, page + 8), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_ASID_BIND, 9, gone), FG1_ERR_DMA);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_ASID_BIND, DEV_ASID, page), FG1_ERR_BUSY);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_ASID_UNBIND, 1ull << 32), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_CHANNEL_CREATE, 64, 1, page, 16, page, 0), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_CHANNEL_CREATE, 5, 0, page, 16, page, 0), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_CHANNEL_CREATE, 5, 3, page, 16, page, 0), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_CHANNEL_CREATE, 5, 1, page, 17, page, 0), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_CHANNEL_CREATE, 5, 1, page + 32, 16, page, 0), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_CHANNEL_CREATE, 5, 2, page, 16, page, 7), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_CHANNEL_CREATE, 5, 1, gone, 16, page, 0), FG1_ERR_DMA);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_CHANNEL_CREATE, 5, 1, page, 16, gone, 0), FG1_ERR_DMA);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_CHANNEL_CREATE, 0, 1, page, 16, page, 0), FG1_ERR_BUSY);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_CHANNEL_DESTROY, 5), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_CHANNEL_DESTROY, 1ull << 33), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_POWER, 2), FG1_ERR_ARG);
	dev_stop(&d);
}

/*
 * Goal: program slots: taken, empty, bad programs named with their instruction, and no memory kept of what failed.
 * Method: load and unload in every wrong way; an allocation that fails is NO_RESOURCE.
 */
static void programs_are_loaded_into_slots(void **unused)
{
	static const uint64_t bad[] = {MOV_K(R0, 1), MOV_K(R10, 1), EXIT};
	struct dev d;
	struct rig *r = &d.rig;
	uint64_t page, before;

	(void)unused;
	dev_start(&d, NULL);
	page = dev_bus(&d, dev_page(&d, 0));
	before = ferry_user_live_allocs();
	assert_int_equal(dev_load(&d, 256, exit_program, 1, 0), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_PROGRAM_LOAD, 0, page, 0, 0), FG1_ERR_PROGRAM + FG1_PROGRAM_SIZE);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_PROGRAM_LOAD, 0, page, 65537, 0), FG1_ERR_PROGRAM + FG1_PROGRAM_SIZE);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_PROGRAM_LOAD, 0, page, 1, 17), FG1_ERR_PROGRAM + FG1_PROGRAM_ARGS);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_PROGRAM_LOAD, 0, page, 65536, 0), FG1_ERR_DMA);
	assert_uint_equal(dev_load(&d, 0, bad, 3, 0), 1u << 16 | (FG1_ERR_PROGRAM + FG1_PROGRAM_REGISTER));
	for (uint64_t n = 1;; n++) {
		uint32_t result;

		ferry_user_fail_nth_alloc(n);
		result = dev_load(&d, 0, exit_program, 1, 0);
		if (ferry_user_fail_nth_alloc(0)) {
			assert_int_equal(result, FG1_OK);
			break;
		}
		assert_int_equal(result, FG1_ERR_NO_RESOURCE);
		assert_uint_equal(ferry_user_live_allocs(), before);
	}
	assert_int_equal(dev_load(&d, 0, exit_program, 1, 0), FG1_ERR_BUSY);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_PROGRAM_UNLOAD, 0), FG1_OK);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_PROGRAM_UNLOAD, 0), FG1_ERR_ARG);
	assert_int_equal(RIG_CONTROL(r, FG1_CMD_PROGRAM_UNLOAD, 1ull << 32), FG1_ERR_ARG);
	assert_uint_equal(ferry_user_live_allocs(), before);
	dev_stop(&d);
}

/*
 * Goal: two devices share nothing.
 * Method: the same channel and asid on both; a copy, a scratch value and a reset of one leave the other alone.
 */
static void two_devices_share_nothing(void **unused)
{
	struct dev a, b;
	uint64_t *pa;

	(void)unused;
	dev_start(&a, NULL);
	dev_start(&b, NULL);
	pa = dev_page(&a, 0xaa);
	fg1_reg_write(a.rig.gpu, FG1_REG_SCRATCH, 1);
	fg1_reg_write(b.rig.gpu, FG1_REG_SCRATCH, 2);
	RIG_DO(&a.copy, FG1_OP_COPY | RIG_APERTURES(FERRY_APERTURE_DEVICE, FERRY_APERTURE_HOST), 0, dev_bus(&a, pa),
	       4096);
	assert_true(rig_done(&a.copy));
	assert_int_equal(a.rig.vram[0], 0xaa);
	assert_int_equal(b.rig.vram[0], 0);
	assert_uint_equal(rig_get(&b.copy), 0);
	assert_int_equal(RIG_CONTROL(&a.rig, FG1_CMD_RESET), FG1_OK);
	assert_uint_equal(fg1_reg_read(a.rig.gpu, FG1_REG_SCRATCH), 0);
	assert_uint_equal(fg1_reg_read(b.rig.gpu, FG1_REG_SCRATCH), 2);
	RIG_DO(&b.copy, FG1_OP_NOP);
	assert_true(rig_done(&b.copy));
	dev_stop(&a);
	dev_stop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_refuses_what_cannot_be),
		cmocka_unit_test(registers_say_what_the_device_is),
		cmocka_unit_test(commands_are_answered_in_the_status_page),
		cmocka_unit_test(control_commands_check_their_arguments),
		cmocka_unit_test(programs_are_loaded_into_slots),
		cmocka_unit_test(two_devices_share_nothing),
	};

	return cmocka_run_group_tests_name("softgpu/fg1", tests, NULL, NULL);
}
