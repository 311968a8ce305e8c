/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: softgpu/fg1.c softgpu/engine.c softgpu/control.c softgpu/channel.c softgpu/copy.c softgpu/launch.c
 * softgpu/sm.c softgpu/mmu.c softgpu/fault.c softgpu/knobs.c softgpu/power.c softgpu/program.c softgpu/softfloat.c
 * softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c softgpu/warp_mem.c
 */
/* hostile_test.c - whatever the driver writes, the device neither crashes nor leaves its memory. ASan is the judge.
 */
#include "dev.h"
#include "ebpf.h"

/* One sequence of numbers per seed. */
struct dice {
	uint64_t state;
};

static uint64_t roll(struct dice *dice)
{
	uint64_t z = dice->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* A number that means something to the device more often than chance would have it. */
static uint64_t word(struct dice *dice)
{
	uint64_t r = roll(dice);

	switch (r % 12) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - (r >> 32) % 64;
	case 2:
	case 3:
	case 4:
		return RIG_BUS + (r >> 32) % (1024 * 4096) / 8 * 8;
	case 5:
		return (r >> 32) % (5 << 20); /* device memory, and a little behind */
	case 6:
		return DEV_VA + (r >> 32) % (64 * 4096);
	case 7:
		return 1ull << (r >> 32) % 64;
	case 8:
		return (r >> 32) % 70000;
	case 9:
		return (r >> 32) % 8;
	case 10:
		return (r >> 32) % 8 | (r >> 40) % 4 << 32;
	default:
		return roll(dice);
	}
}

/* rig_dma over a fixed arena where everything is mapped: all the memory the device may touch. */
static void map_all(struct dev *d)
{
	for (uint32_t i = 0; i < d->rig.pages; i++)
		if (!d->rig.map[i])
			rig_alloc(&d->rig, FERRY_PAGE_SIZE);
}

static const uint64_t program[] = {
	MOV_X(R6, R1),
	MOV_X(R7, R2),
	CALL(FG1_HELPER_GLOBAL_ID),
	ALU_K(OP_LSH, R0, 10),
	ALU_X(OP_ADD, R6, R0),
	LDX(SZ_DW, R1, R6, 0),
	STX(SZ_DW, R7, 0, R1),
	CALL(FG1_HELPER_BARRIER),
	STX(SZ_DW, R6, 8, R1),
	EXIT,
};

static void setup(struct dev *d, struct dice *dice)
{
	for (uint32_t i = 0; i < 8; i++)
		rig_map(&d->rig, d->root, DEV_VA + i * 4096,
		        (roll(dice) % 1024 * 4096) | RIG_RW | (roll(dice) & 1 ? FG1_PTE_DEVICE : RIG_BUS));
	dev_load(d, 0, program, DEV_COUNT(program), 2);
}

/* An address for an aperture, right more often than not. */
static uint64_t address(struct dice *dice, uint64_t aperture)
{
	if (roll(dice) % 8 == 0)
		return word(dice);
	switch (aperture) {
	case 0:
		return RIG_BUS + roll(dice) % (1024 * 4096) / 8 * 8;
	case 1:
		return roll(dice) % (4 << 20) / 8 * 8;
	default:
		return DEV_VA + roll(dice) % (10 * 4096) / 8 * 8;
	}
}

/* A command that looks like one. */
static void command(struct dice *dice, bool compute, uint64_t *w)
{
	uint64_t dst = compute ? 2 : roll(dice) % 3, src = compute ? 2 : roll(dice) % 3;

	for (uint32_t i = 0; i < FG1_CMD_WORDS; i++)
		w[i] = word(dice);
	w[0] = compute && roll(dice) % 3 == 0 ? FG1_OP_LAUNCH : roll(dice) % 12;
	w[1] = address(dice, w[0] <= FG1_OP_FILL ? dst : 0);
	switch (w[0]) {
	case FG1_OP_COPY:
		w[0] |= RIG_APERTURES(dst, src);
		w[2] = address(dice, src);
		w[3] = roll(dice) % 20000;
		break;
	case FG1_OP_FILL:
		w[0] |= RIG_APERTURES(dst, 0);
		w[3] = roll(dice) % 20000 / 8 * 8;
		break;
	case FG1_OP_SEM_RELEASE:
		w[0] |= roll(dice) & FG1_SEM_IRQ;
		w[3] = roll(dice) % 2 ? 0 : w[3];
		break;
	case FG1_OP_TLB_INVALIDATE:
		w[1] = DEV_ASID;
		break;
	case FG1_OP_LAUNCH:
		w[1] = 2ull << 32;
		w[2] = (1 + roll(dice) % 5) | 1ull << 32;
		w[3] = 1 | (1 + roll(dice) % 100) << 32;
		w[4] = 1 | 1ull << 32;
		w[5] = address(dice, 0);
		w[6] = address(dice, 0);
		w[7] = 100000;
		break;
	default:
		break;
	}
	if (roll(dice) % 16 == 0)
		w[roll(dice) % FG1_CMD_WORDS] = word(dice);
}

/*
 * Goal: any ring content. Method: 10000 random commands on a COPY and a COMPUTE channel that are created again when
 * they stop or hang; SMs run in between; page tables, rings and buffers lie in the memory that the commands
 * overwrite. Enough of them must have worked for the rest to mean something.
 */
static void random_rings_do_no_harm(void **unused)
{
	uint32_t done = 0, stopped = 0, hung = 0;
	struct dice dice = {1};
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	setup(&d, &dice);
	map_all(&d);
	for (uint32_t n = 0; n < 10000; n++) {
		bool compute = roll(&dice) % 2;
		struct rig_channel *ch = compute ? &d.compute : &d.copy;
		uint64_t w[FG1_CMD_WORDS];

		command(&dice, compute, w);
		rig_put(ch, w, FG1_CMD_WORDS);
		rig_ring(ch);
		rig_run(&d.rig, roll(&dice) % 3);
		if (rig_done(ch)) {
			done++;
			continue;
		}
		stopped += rig_error(ch) != 0;
		hung += rig_error(ch) == 0;
		if (!rig_error(ch) && roll(&dice) % 8)
			continue; /* let it wait a little */
		fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_GET, rig_word(d.rig.status, FG1_STATUS_FAULT_PUT));
		fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_ARM, 1);
		RIG_CONTROL(&d.rig, FG1_CMD_CHANNEL_DESTROY, compute);
		RIG_CONTROL(&d.rig, FG1_CMD_CHANNEL_CREATE, compute, 1 + compute, dev_bus(&d, ch->ring), 64,
		            dev_bus(&d, ch->status), DEV_ASID);
		ch->put = 0;
	}
	print_message("%u done, %u stopped, %u waited\n", done, stopped, hung);
	assert_true(done > 2000 && stopped > 500 && hung > 100);
	assert_true(fg1_counter_get(d.rig.gpu, FG1_COUNTER_COPY_BYTES) > 1 << 20);
	assert_true(fg1_counter_get(d.rig.gpu, FG1_COUNTER_INSNS) > 10000);
	dev_stop(&d);
}

/*
 * Goal: any register write in any order. Method: 30000 random writes to BAR 0 with control commands among them, and
 * engines run at random; every half of the run has everything mapped, then nothing.
 */
static void random_registers_do_no_harm(void **unused)
{
	struct dice dice = {2};
	struct dev d;

	(void)unused;
	dev_start(&d, NULL);
	setup(&d, &dice);
	map_all(&d);
	for (uint32_t n = 0; n < 30000; n++) {
		uint64_t r = roll(&dice);

		if (r % 3 == 0)
			fg1_reg_write(d.rig.gpu, FG1_REG_ARG(r / 3 % 7), word(&dice));
		else if (r % 3 == 1)
			fg1_reg_write(d.rig.gpu, FG1_REG_CMD, 1ull << 32 | r / 3 % 13);
		else if (r % 5 == 0)
			fg1_reg_write(d.rig.gpu, (uint32_t)(r / 32 % 0x1100), word(&dice));
		else
			fg1_reg_write(d.rig.gpu, FG1_REG_DOORBELL, (r / 32 % 66) << 48 | r / 4096 % 66);
		fg1_engine_run(d.rig.gpu, (uint32_t)(roll(&dice) % 70), 200);
		fg1_reg_read(d.rig.gpu, (uint32_t)(r % 0x1100));
	}
	dev_stop(&d);
}

/*
 * Goal: any page table. Method: tables full of random entries, some of which point at each other, walked by
 * virtual copies over random addresses; stalls are cancelled by destroying the channel.
 */
static void random_page_tables_do_no_harm(void **unused)
{
	struct dice dice = {3};
	struct dev d;
	uint64_t *tables;

	(void)unused;
	dev_start(&d, NULL);
	tables = rig_alloc(&d.rig, 64 * FERRY_PAGE_SIZE);
	map_all(&d);
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_ASID_BIND, 9, dev_bus(&d, tables)), FG1_OK);
	for (uint32_t n = 0; n < 3000; n++) {
		struct rig_channel ch = {
			.rig = &d.rig, .id = 9, .entries = 64, .ring = d.compute.ring, .status = d.compute.status};

		for (uint32_t i = 0; i < 400; i++) {
			uint64_t r = roll(&dice), pte = r >> 60 ? (r >> 8 & 0x3f) | FG1_PTE_VALID : roll(&dice);

			if (r >> 60 > 8)
				pte = FG1_PTE_VALID | (dev_bus(&d, tables) + (r >> 20) % 64 * 4096);
			else
				pte |= (r >> 62 & 1 ? RIG_BUS : 0) + (r >> 20) % 1200 * 4096;
			tables[roll(&dice) % (64 * 512)] = pte;
		}
		assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_CHANNEL_CREATE, 9, FG1_CHANNEL_COMPUTE,
		                             dev_bus(&d, ch.ring), 64, dev_bus(&d, ch.status), 9),
		                 FG1_OK);
		RIG_DO(&ch, FG1_OP_COPY | RIG_APERTURES(2, 2), roll(&dice) >> 16, roll(&dice) >> 16, 5000);
		RIG_CONTROL(&d.rig, FG1_CMD_CHANNEL_DESTROY, 9);
		fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_GET, rig_word(d.rig.status, FG1_STATUS_FAULT_PUT));
	}
	dev_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_rings_do_no_harm),
		cmocka_unit_test(random_registers_do_no_harm),
		cmocka_unit_test(random_page_tables_do_no_harm),
	};

	return cmocka_run_group_tests_name("softgpu/hostile", tests, NULL, NULL);
}
