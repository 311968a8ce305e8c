/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: softgpu/fg1.c softgpu/engine.c softgpu/control.c softgpu/channel.c softgpu/copy.c softgpu/launch.c
 * softgpu/sm.c softgpu/mmu.c softgpu/fault.c softgpu/knobs.c softgpu/power.c softgpu/program.c softgpu/softfloat.c
 * softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c softgpu/warp_mem.c
 */
/* sm_test.c - launches: blocks on SMs, barriers, stalls, replay, cancel, traps, budget, kill. */
#include "dev.h"
#include "ebpf.h"

/* a[global id] = global id. r1 = a */
static const uint64_t ids_program[] = {
	MOV_X(R6, R1),         CALL(FG1_HELPER_GLOBAL_ID), MOV_X(R7, R0), ALU_K(OP_LSH, R7, 3),
	ALU_X(OP_ADD, R6, R7), STX(SZ_DW, R6, 0, R0),      EXIT,
};

/* Each thread touches a page of its own: a[global id * 4096] += 1. r1 = a */
static const uint64_t pages_program[] = {
	MOV_X(R6, R1),         CALL(FG1_HELPER_GLOBAL_ID), ALU_K(OP_LSH, R0, 12), ALU_X(OP_ADD, R6, R0),
	LDX(SZ_DW, R1, R6, 0), ALU_K(OP_ADD, R1, 1),       STX(SZ_DW, R6, 0, R1), EXIT,
};

/*
 * Threads of a block store their number, meet, and read their neighbour's: out[id] = in[(thread + 1) % size].
 * r1 = in, r2 = out, one block.
 */
static const uint64_t barrier_program[] = {
	MOV_X(R6, R1),
	MOV_X(R7, R2),
	CALL(FG1_HELPER_GLOBAL_ID),
	MOV_X(R8, R0),
	MOV_X(R1, R8),
	ALU_K(OP_LSH, R1, 3),
	MOV_X(R9, R6),
	ALU_X(OP_ADD, R9, R1),
	STX(SZ_DW, R9, 0, R8),
	CALL(FG1_HELPER_BARRIER),
	CALL(FG1_HELPER_GLOBAL_SIZE),
	MOV_X(R2, R8),
	ALU_K(OP_ADD, R2, 1),
	ALU_X(OP_MOD, R2, R0),
	ALU_K(OP_LSH, R2, 3),
	ALU_X(OP_ADD, R6, R2),
	LDX(SZ_DW, R0, R6, 0),
	ALU_K(OP_LSH, R8, 3),
	ALU_X(OP_ADD, R7, R8),
	STX(SZ_DW, R7, 0, R0),
	EXIT,
};

static const uint64_t forever_program[] = {JUMP(-1), EXIT};
/* Thread 40 traps with 77, the others go on for ever. */
static const uint64_t trap_program[] = {
	CALL(FG1_HELPER_GLOBAL_ID), J_K(J_NE, R0, 40, 2), MOV_K(R1, 77), CALL(FG1_HELPER_TRAP), JUMP(-1), EXIT};

static void start(struct dev *d, const struct rig_options *o, const uint64_t *insns, uint32_t count, uint32_t args)
{
	dev_start(d, o);
	assert_int_equal(dev_load(d, 0, insns, count, args), FG1_OK);
}

#define START(d, o, program, args) start(d, o, program, DEV_COUNT(program), args)

static void map_vram(struct dev *d, uint32_t pages)
{
	for (uint32_t i = 0; i < pages; i++)
		rig_map(&d->rig, d->root, DEV_VA + i * 4096ull, i * 4096ull | RIG_RW | FG1_PTE_DEVICE);
}

/*
 * Goal: every thread of a grid runs exactly once, on one SM or on several, and the record says so.
 * Method: grids of several shapes; each thread stores its number; counts of instructions are exact.
 */
static void every_thread_runs_once(void **unused)
{
	static const struct {
		uint32_t sms, blocks, threads;
	} shapes[] = {{1, 1, 1}, {1, 1, 33}, {2, 7, 100}, {3, 50, 32}, {2, 3, 1024}, {4, 200, 5}, {64, 2, 64}};

	(void)unused;
	for (uint32_t i = 0; i < DEV_COUNT(shapes); i++) {
		uint32_t n = shapes[i].blocks * shapes[i].threads;
		struct dev_launch l = {0, shapes[i].blocks, shapes[i].threads, 1, 0, NULL, NULL};
		struct dev d;

		START(&d, &(struct rig_options){.sms = shapes[i].sms}, ids_program, 1);
		map_vram(&d, 16);
		memset(d.rig.vram, 0xff, 65536);
		dev_launch(&d, &l, (uint64_t[]){DEV_VA});
		assert_uint_equal(dev_status(&l), FG1_LAUNCH_RUNNING);
		assert_uint_equal(rig_get(&d.compute), 0);
		assert_true(rig_run(&d.rig, 1000));
		assert_uint_equal(dev_status(&l), FG1_LAUNCH_OK);
		assert_true(rig_done(&d.compute));
		for (uint32_t k = 0; k < n; k++)
			assert_uint_equal(((uint64_t *)d.rig.vram)[k], k);
		assert_uint_equal(((uint64_t *)d.rig.vram)[n], UINT64_MAX);
		assert_uint_equal(rig_word(l.record, FG1_RESULT_INSNS), n * DEV_COUNT(ids_program));
		assert_uint_equal(rig_word(l.record, FG1_RESULT_LANES), 0);
		assert_uint_equal(fg1_counter_get(d.rig.gpu, FG1_COUNTER_INSNS), n * DEV_COUNT(ids_program));
		dev_stop(&d);
	}
}

/*
 * Goal: a launch that cannot be is refused.
 * Method: wrong program, argument count, dimensions, addresses; the channel stops with the manual's code.
 */
static void impossible_launches_are_refused(void **unused)
{
	struct dev d;
	uint64_t page, gone = RIG_BUS + (1ull << 40);

	(void)unused;
	START(&d, NULL, ids_program, 1);
	page = dev_bus(&d, dev_page(&d, 0));
	const struct {
		uint64_t w[7];
		uint32_t error;
	} bad[] = {
		{{1 | 1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, page, page},
	         FG1_ERR_ARG}, /* slot */
		{{256 | 1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, page, page}, FG1_ERR_ARG},
		{{0, 1 | 1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, page, page}, FG1_ERR_ARG}, /* arguments */
		{{17ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, page, page}, FG1_ERR_ARG},
		{{1ull << 32, 1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, page, page}, FG1_ERR_ARG}, /* grid x = 0 */
		{{1ull << 32, UINT64_MAX, UINT64_MAX, UINT64_MAX, page, page}, FG1_ERR_ARG},
		{{1ull << 32, 1ull << 31 | 2ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, page, page}, FG1_ERR_ARG},
		{{1ull << 32, 1 | 1ull << 32, 1 | 1025ull << 32, 1 | 1ull << 32, page, page}, FG1_ERR_ARG},
		{{1ull << 32, 1 | 1ull << 32, 1 | 32ull << 32, 33 | 1ull << 32, page, page}, FG1_ERR_ARG},
		{{1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, 1, page, page}, FG1_ERR_ARG}, /* block z = 0 */
		{{1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, gone, page}, FG1_ERR_DMA},
		{{1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, page + 4, page}, FG1_ERR_DMA},
		{{1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, page, gone}, FG1_ERR_DMA},
		{{1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, 1 | 1ull << 32, page, page + 1}, FG1_ERR_DMA},
	};
	for (uint32_t i = 0; i < DEV_COUNT(bad); i++) {
		struct rig_channel ch;

		assert_int_equal(rig_open(&d.rig, &ch, 9, FG1_CHANNEL_COMPUTE, DEV_ASID), FG1_OK);
		RIG_DO(&ch, FG1_OP_LAUNCH, bad[i].w[0], bad[i].w[1], bad[i].w[2], bad[i].w[3], bad[i].w[4],
		       bad[i].w[5]);
		if (rig_error(&ch) != bad[i].error)
			print_message("launch %u: error %u\n", i, (uint32_t)rig_error(&ch));
		assert_uint_equal(rig_error(&ch), bad[i].error);
		assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_CHANNEL_DESTROY, 9), FG1_OK);
	}
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_PROGRAM_UNLOAD, 0), FG1_OK); /* none of them kept it */
	dev_stop(&d);
}

/*
 * Goal: a barrier holds every thread of the block, over many warps and with short bursts.
 * Method: each thread reads what its neighbour stored before the barrier; the last warp is not full.
 */
static void a_barrier_holds_the_whole_block(void **unused)
{
	struct dev_launch l = {0, 1, 1000, 2, 0, NULL, NULL};
	struct dev d;

	(void)unused;
	START(&d, NULL, barrier_program, 2);
	map_vram(&d, 16);
	dev_launch(&d, &l, (uint64_t[]){DEV_VA, DEV_VA + 32768});
	while (fg1_engine_run(d.rig.gpu, 0, 3))
		;
	rig_run(&d.rig, 100);
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_OK);
	for (uint32_t i = 0; i < 1000; i++)
		assert_uint_equal(((uint64_t *)(d.rig.vram + 32768))[i], (i + 1) % 1000);
	dev_stop(&d);
}

/* ---- faults ---- */

/* What a driver does with one resident page: serve the oldest fault by moving the page there, replay. */
struct server {
	struct dev *d;
	uint64_t frames; /* device pages in use, round robin */
	uint64_t next;
	uint64_t owner[8]; /* va + 1 of each frame */
	uint32_t served;
	bool arm;       /* ask for the next interrupt at the end */
	uint64_t *home; /* host copies, by page number */
};

static void serve_one(struct server *s, uint64_t va)
{
	struct dev *d = s->d;
	uint64_t frame = s->next++ % s->frames, old = s->owner[frame] - 1;

	if (s->owner[frame]) {
		rig_map(&d->rig, d->root, old, 0);
		RIG_PUT(&d->copy, FG1_OP_TLB_INVALIDATE, DEV_ASID, old, 4096);
		RIG_PUT(&d->copy, FG1_OP_COPY | RIG_APERTURES(FERRY_APERTURE_HOST, FERRY_APERTURE_DEVICE),
		        dev_bus(d, s->home) + (old - DEV_VA), frame * 4096, 4096);
	}
	RIG_DO(&d->copy, FG1_OP_COPY | RIG_APERTURES(FERRY_APERTURE_DEVICE, FERRY_APERTURE_HOST), frame * 4096,
	       dev_bus(d, s->home) + (va - DEV_VA), 4096);
	assert_true(rig_done(&d->copy));
	rig_map(&d->rig, d->root, va, frame * 4096 | RIG_RW | FG1_PTE_DEVICE);
	s->owner[frame] = va + 1;
	s->served++;
}

static bool resident(const struct server *s, uint64_t va)
{
	for (uint32_t i = 0; i < s->frames; i++)
		if (s->owner[i] == va + 1)
			return true;
	return false;
}

/* The bottom half: serve up to as many faults as there are frames, then one replay. */
static void serve(struct server *s)
{
	struct dev *d = s->d;
	const uint64_t *f;
	uint32_t n = 0;

	while ((f = dev_fault(d))) {
		uint64_t va = f[FG1_FAULT_W_VA] & ~4095ull;

		if (n < s->frames && !resident(s, va)) {
			serve_one(s, va);
			n++;
		}
	}
	dev_faults_done(d);
	RIG_DO(&d->copy, FG1_OP_FAULT_REPLAY);
	if (s->arm)
		fg1_reg_write(d->rig.gpu, FG1_REG_FAULT_ARM, 1);
}

static uint32_t serving;

static void serve_from_irq(void *arg, uint32_t vector, bool stalled)
{
	struct server *s = arg;

	if (vector != FG1_IRQ_FAULT || !stalled || serving)
		return;
	serving = 1;
	serve(s);
	serving = 0;
}

static void check_pages(struct server *s, uint32_t pages, uint64_t want)
{
	for (uint32_t i = 0; i < s->frames; i++)
		if (s->owner[i])
			memcpy((uint8_t *)s->home + (s->owner[i] - 1 - DEV_VA), s->d->rig.vram + i * 4096, 4096);
	for (uint32_t i = 0; i < pages; i++)
		assert_uint_equal(s->home[i * 512], want);
}

/*
 * Goal: progress with a single resident page, whatever the lanes of a warp touch; nothing is lost on the way.
 * Method: 96 threads, each with a page of its own, one frame; served from the SM's own thread, inside its interrupt.
 */
static void one_resident_page_is_enough(void **unused)
{
	struct dev_launch l = {0, 3, 32, 1, 0, NULL, NULL};
	struct server s = {.frames = 1, .arm = true};
	struct dev d;

	(void)unused;
	START(&d, &(struct rig_options){.sms = 1}, pages_program, 1);
	s.d = &d;
	s.home = rig_alloc(&d.rig, 96 * 4096);
	d.rig.on_irq = serve_from_irq;
	d.rig.on_irq_arg = &s;
	fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_ARM, 1);
	dev_launch(&d, &l, (uint64_t[]){DEV_VA});
	assert_true(rig_run(&d.rig, 10000));
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_OK);
	check_pages(&s, 96, 1);
	assert_true(s.served >= 96);
	dev_stop(&d);
}

/*
 * Goal: the same with the driver on another thread's time: the SM goes idle, and a replay kicks it.
 * Method: 2 SMs, 4 frames, a buffer that overflows; the test loop serves whenever the SMs rest.
 */
static void a_replay_wakes_idle_sms(void **unused)
{
	struct dev_launch l = {0, 16, 32, 1, 0, NULL, NULL};
	struct server s = {.frames = 4};
	struct dev d;
	uint32_t rounds = 0;

	(void)unused;
	START(&d, NULL, pages_program, 1);
	s.d = &d;
	s.home = rig_alloc(&d.rig, 512 * 4096);
	dev_launch(&d, &l, (uint64_t[]){DEV_VA});
	for (; dev_status(&l) == FG1_LAUNCH_RUNNING && rounds < 5000; rounds++) {
		assert_true(rig_run(&d.rig, 100));
		if (dev_status(&l) == FG1_LAUNCH_RUNNING)
			serve(&s);
	}
	assert_uint_equal(d.rig.irqs[FG1_IRQ_FAULT].v, 0); /* nobody asked for one */
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_OK);
	check_pages(&s, 512, 1);
	assert_true(rig_word(d.rig.status, FG1_STATUS_FAULT_DROPPED) > 0);
	dev_stop(&d);
}

/*
 * Goal: each distinct page of a stalled warp is reported once per stall, with all its lanes.
 * Method: 32 lanes over 4 pages; then a replay that changes nothing reports them again with new ids.
 */
static void each_page_is_reported_once_per_stall(void **unused)
{
	/* a[(id / 8) * 4096 + id * 8] = 1 */
	static const uint64_t program[] = {
		MOV_X(R6, R1),         CALL(FG1_HELPER_GLOBAL_ID),
		MOV_X(R7, R0),         ALU_K(OP_RSH, R7, 3),
		ALU_K(OP_LSH, R7, 12), ALU_X(OP_ADD, R6, R7),
		ALU_K(OP_LSH, R0, 3),  ALU_X(OP_ADD, R6, R0),
		ST(SZ_DW, R6, 0, 1),   EXIT,
	};
	struct dev_launch l = {0, 1, 32, 1, 0, NULL, NULL};
	struct dev d;
	uint64_t ids[8];

	(void)unused;
	START(&d, NULL, program, 1);
	dev_launch(&d, &l, (uint64_t[]){DEV_VA});
	for (uint32_t round = 0; round < 2; round++) {
		assert_true(rig_run(&d.rig, 100));
		for (uint32_t i = 0; i < 4; i++) {
			const uint64_t *f = dev_fault(&d);

			assert_non_null(f);
			assert_uint_equal(f[FG1_FAULT_W_VA], (DEV_VA + i * 4096) | FERRY_ACCESS_WRITE);
			assert_uint_equal((uint32_t)f[FG1_FAULT_W_LANES], 0xffu << 8 * i);
			assert_true((f[FG1_FAULT_W_SPACE] >> 32) < 2);
			assert_uint_equal(f[FG1_FAULT_W_CHANNEL], 1);
			ids[round * 4 + i] = f[FG1_FAULT_W_ID];
		}
		assert_null(dev_fault(&d));
		fg1_engine_run(d.rig.gpu, 0, 1000); /* a kick without a replay reports nothing new */
		fg1_engine_run(d.rig.gpu, 1, 1000);
		assert_null(dev_fault(&d));
		RIG_DO(&d.copy, FG1_OP_FAULT_REPLAY);
	}
	for (uint32_t i = 0; i < 8; i++)
		for (uint32_t k = 0; k < i; k++)
			assert_uint_not_equal(ids[i], ids[k]);
	dev_stop(&d);
}

/*
 * Goal: a cancel kills exactly the lanes of its entry; the rest finish, and the record tells about the first.
 * Method: 64 threads with a page each; two pages are cancelled, the rest served; the barrier-free launch ends FAULT.
 */
static void a_cancel_kills_exactly_its_lanes(void **unused)
{
	struct dev_launch l = {0, 1, 64, 1, 0, NULL, NULL};
	struct dev d;
	uint32_t cancelled = 0;

	(void)unused;
	START(&d, NULL, pages_program, 1);
	dev_launch(&d, &l, (uint64_t[]){DEV_VA});
	for (uint32_t round = 0; round < 100 && dev_status(&l) == FG1_LAUNCH_RUNNING; round++) {
		const uint64_t *f;

		assert_true(rig_run(&d.rig, 100));
		while ((f = dev_fault(&d))) {
			uint64_t page = (f[FG1_FAULT_W_VA] - DEV_VA) >> 12;

			if (page == 5 || page == 40) {
				RIG_PUT(&d.copy, FG1_OP_FAULT_CANCEL, f[FG1_FAULT_W_ID], DEV_VA + (page + 1) * 4096,
				        9);
				RIG_PUT(&d.copy, FG1_OP_FAULT_CANCEL, f[FG1_FAULT_W_ID] + 1000, DEV_VA + page * 4096,
				        9);
				RIG_PUT(&d.copy, FG1_OP_FAULT_CANCEL, f[FG1_FAULT_W_ID], DEV_VA + page * 4096,
				        70 + page);
				RIG_DO(&d.copy, FG1_OP_FAULT_CANCEL, f[FG1_FAULT_W_ID], DEV_VA + page * 4096, 8);
				cancelled++;
			} else {
				rig_map(&d.rig, d.root, DEV_VA + page * 4096, page * 4096 | RIG_RW | FG1_PTE_DEVICE);
			}
		}
		dev_faults_done(&d);
		RIG_DO(&d.copy, FG1_OP_FAULT_REPLAY);
	}
	assert_int_equal(cancelled, 2);
	assert_true(rig_done(&d.copy));
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_FAULT);
	assert_uint_equal(rig_word(l.record, FG1_RESULT_LANES), 2);
	assert_uint_equal(rig_word(l.record, FG1_RESULT_FAULT_VA), DEV_VA + 5 * 4096);
	assert_uint_equal(rig_word(l.record, FG1_RESULT_REASON), 75);
	assert_uint_equal(rig_word(l.record, FG1_RESULT_ACCESS), FERRY_ACCESS_READ);
	for (uint64_t i = 0; i < 64; i++)
		assert_uint_equal(*(uint64_t *)(d.rig.vram + i * 4096), i == 5 || i == 40 ? 0 : 1);
	assert_true(rig_done(&d.compute));
	dev_stop(&d);
}

/*
 * Goal: a barrier does not wait for lanes that were cancelled, and waits for those that are stalled.
 * Method: in[] is missing for one warp; before the cancel nothing passes, after it the others do.
 */
static void a_barrier_does_not_wait_for_the_dead(void **unused)
{
	struct dev_launch l = {0, 1, 1024, 2, 0, NULL, NULL};
	struct dev d;
	const uint64_t *f;
	uint32_t n = 0;

	(void)unused;
	START(&d, NULL, barrier_program, 2);
	map_vram(&d, 4);
	rig_map(&d.rig, d.root, DEV_VA + 4096, 0); /* in[512..1023] */
	dev_launch(&d, &l, (uint64_t[]){DEV_VA, DEV_VA + 8192});
	assert_true(rig_run(&d.rig, 100));
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_RUNNING);
	while ((f = dev_fault(&d))) {
		assert_uint_equal(f[FG1_FAULT_W_VA], (DEV_VA + 4096) | FERRY_ACCESS_WRITE);
		RIG_DO(&d.copy, FG1_OP_FAULT_CANCEL, f[FG1_FAULT_W_ID], DEV_VA + 4096, 3);
		n++;
	}
	assert_int_equal(n, 16);
	assert_true(rig_run(&d.rig, 100));
	/* thread 511 reads in[512], which is still missing */
	f = dev_fault(&d);
	assert_non_null(f);
	assert_uint_equal(f[FG1_FAULT_W_VA], (DEV_VA + 4096) | FERRY_ACCESS_READ);
	assert_uint_equal((uint32_t)f[FG1_FAULT_W_LANES], 1u << 31);
	RIG_DO(&d.copy, FG1_OP_FAULT_CANCEL, f[FG1_FAULT_W_ID], DEV_VA + 4096, 3);
	assert_true(rig_run(&d.rig, 100));
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_FAULT);
	assert_uint_equal(rig_word(l.record, FG1_RESULT_LANES), 513);
	for (uint32_t i = 0; i < 511; i++)
		assert_uint_equal(((uint64_t *)(d.rig.vram + 8192))[i], i + 1);
	dev_stop(&d);
}

/*
 * Goal: unbinding a space cancels what is stalled in it, with reason 0.
 * Method: unbind under a launch that waits for pages. Lanes that were not there yet fault afterwards, as in any
 * empty space.
 */
static void unbinding_a_space_cancels_its_stalls(void **unused)
{
	struct dev_launch l = {0, 2, 32, 1, 0, NULL, NULL};
	struct dev d;

	(void)unused;
	START(&d, NULL, pages_program, 1);
	dev_launch(&d, &l, (uint64_t[]){DEV_VA});
	assert_true(rig_run(&d.rig, 100));
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_ASID_UNBIND, DEV_ASID), FG1_OK);
	assert_true(rig_run(&d.rig, 100));
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_FAULT);
	assert_uint_equal(rig_word(l.record, FG1_RESULT_LANES), 64);
	assert_uint_equal(rig_word(l.record, FG1_RESULT_REASON), 0);
	dev_stop(&d);
}

/*
 * Goal: without the REPLAY capability a faulting lane dies at once, and the others go on.
 * Method: one page of three is there.
 */
static void without_replay_faults_are_fatal(void **unused)
{
	struct dev_launch l = {0, 1, 3, 1, 0, NULL, NULL};
	struct dev d;

	(void)unused;
	START(&d, &(struct rig_options){.caps = FG1_CAP_ALL & ~FG1_CAP_REPLAY}, pages_program, 1);
	rig_map(&d.rig, d.root, DEV_VA + 4096, 4096 | RIG_RW | FG1_PTE_DEVICE);
	dev_launch(&d, &l, (uint64_t[]){DEV_VA});
	assert_true(rig_run(&d.rig, 100));
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_FAULT);
	assert_uint_equal(rig_word(l.record, FG1_RESULT_LANES), 2);
	assert_uint_equal(*(uint64_t *)(d.rig.vram + 4096), 1);
	assert_non_null(dev_fault(&d));
	dev_stop(&d);
}

/*
 * Goal: an SM says "stalled" exactly when it has nothing left to run.
 * Method: one block stalls, the other spins on a flag: not stalled. Then only the stalled one is left.
 */
static void stalled_is_said_only_with_nothing_to_run(void **unused)
{
	/* block 0 stores to a missing page; block 1 waits for flag != 0. r1 = flag, r2 = missing */
	static const uint64_t program[] = {
		MOV_X(R6, R1),
		MOV_X(R7, R2),
		MOV_K(R1, 0),
		CALL(FG1_HELPER_BLOCK_INDEX),
		J_K(J_EQ, R0, 0, 2),
		LDX(SZ_DW, R0, R6, 0),
		J_K(J_EQ, R0, 0, -2),
		ST(SZ_DW, R7, 0, 1),
		EXIT,
	};
	struct dev_launch l = {0, 2, 1, 2, 0, NULL, NULL};
	struct dev d;

	(void)unused;
	START(&d, &(struct rig_options){.sms = 1}, program, 2);
	map_vram(&d, 1);
	fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_ARM, 1);
	dev_launch(&d, &l, (uint64_t[]){DEV_VA, DEV_VA + 4096});
	assert_true(fg1_engine_run(d.rig.gpu, 0, 2000)); /* more to do: it spins */
	assert_uint_equal(d.rig.irqs[FG1_IRQ_FAULT].v, 1);
	assert_uint_equal(d.rig.stalled_irqs.v, 0);
	fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_GET, 1);
	fg1_reg_write(d.rig.gpu, FG1_REG_FAULT_ARM, 1);
	*(uint64_t *)d.rig.vram = 1; /* now block 1 goes on, and stalls on the same page */
	assert_false(fg1_engine_run(d.rig.gpu, 0, 2000));
	assert_uint_equal(d.rig.irqs[FG1_IRQ_FAULT].v, 2);
	assert_uint_equal(d.rig.stalled_irqs.v, 1);
	assert_false(fg1_engine_run(d.rig.gpu, 0, 2000)); /* not armed: idle */
	assert_uint_equal(d.rig.irqs[FG1_IRQ_FAULT].v, 2);
	rig_map(&d.rig, d.root, DEV_VA + 4096, 4096 | RIG_RW | FG1_PTE_DEVICE);
	RIG_DO(&d.copy, FG1_OP_FAULT_REPLAY);
	assert_true(rig_run(&d.rig, 10));
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_OK);
	dev_stop(&d);
}

/* ---- ends ---- */

/*
 * Goal: a trap stops the launch on all SMs, and the channel goes on.
 * Method: one thread of many traps while the others loop for ever; a fence follows the launch.
 */
static void a_trap_stops_the_launch(void **unused)
{
	struct dev_launch l = {0, 8, 32, 0, 0, NULL, NULL};
	struct dev d;
	uint64_t *word;

	(void)unused;
	START(&d, NULL, trap_program, 0);
	word = dev_page(&d, 0);
	dev_launch(&d, &l, NULL);
	RIG_DO(&d.compute, FG1_OP_SEM_RELEASE, dev_bus(&d, word), 5);
	assert_true(rig_run(&d.rig, 1000));
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_TRAP);
	assert_uint_equal(rig_word(l.record, FG1_RESULT_REASON), 77);
	assert_true(rig_done(&d.compute));
	assert_uint_equal(*word, 5);
	dev_stop(&d);
}

/*
 * Goal: a launch that never ends runs out of its budget, soon after it.
 * Method: an endless loop with 10000 thread instructions.
 */
static void the_budget_ends_an_endless_launch(void **unused)
{
	struct dev_launch l = {0, 4, 64, 0, 10000, NULL, NULL};
	struct dev d;
	uint64_t insns;

	(void)unused;
	START(&d, NULL, forever_program, 0);
	dev_launch(&d, &l, NULL);
	assert_true(rig_run(&d.rig, 1000));
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_BUDGET);
	insns = rig_word(l.record, FG1_RESULT_INSNS);
	assert_true(insns > 10000 && insns < 10000 + 8 * 128 * 32);
	assert_true(rig_done(&d.compute));
	dev_stop(&d);
}

/*
 * Goal: a stop reaches blocks that are stalled on another SM that rests.
 * Method: block 0 stalls on SM 0, which rests; block 1 traps on SM 1.
 */
static void a_stop_reaches_stalled_blocks(void **unused)
{
	/* block 0 touches a missing page, block 1 traps. r1 = missing */
	static const uint64_t program[] = {MOV_X(R6, R1),       MOV_K(R1, 0), CALL(FG1_HELPER_BLOCK_INDEX),
	                                   J_K(J_EQ, R0, 0, 2), MOV_K(R1, 5), CALL(FG1_HELPER_TRAP),
	                                   ST(SZ_DW, R6, 0, 1), EXIT};
	struct dev_launch l = {0, 2, 32, 1, 0, NULL, NULL};
	struct dev d;

	(void)unused;
	START(&d, NULL, program, 1);
	dev_launch(&d, &l, (uint64_t[]){DEV_VA});
	assert_false(fg1_engine_run(d.rig.gpu, 0, 1000)); /* one block per SM: block 0 */
	assert_non_null(dev_fault(&d));
	ferry_os_xchg(&d.rig.sms_kicked, 0);
	assert_false(fg1_engine_run(d.rig.gpu, 1, 1000));
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_RUNNING);
	assert_uint_equal(d.rig.sms_kicked.v & 1, 1); /* SM 0 was woken for it */
	assert_true(rig_run(&d.rig, 10));
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_TRAP);
	dev_stop(&d);
}

/*
 * Goal: destroying the channel kills its launch, wherever its blocks are, and lets the program go.
 * Method: a launch that stalls and one that loops; after the answer the record says KILLED and UNLOAD works.
 */
static void destroying_the_channel_kills_its_launch(void **unused)
{
	struct dev_launch l = {0, 100, 64, 0, 0, NULL, NULL};
	struct dev d;

	(void)unused;
	START(&d, NULL, forever_program, 0);
	dev_launch(&d, &l, NULL);
	fg1_engine_run(d.rig.gpu, 0, 500);
	fg1_engine_run(d.rig.gpu, 1, 500);
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_PROGRAM_UNLOAD, 0), FG1_ERR_BUSY);
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_CHANNEL_DESTROY, 1), FG1_OK);
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_KILLED);
	assert_true(rig_word(l.record, FG1_RESULT_INSNS) > 0);
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_PROGRAM_UNLOAD, 0), FG1_OK);
	assert_false(fg1_engine_run(d.rig.gpu, 0, 500)); /* nothing is left to run */
	assert_int_equal(dev_load(&d, 0, ids_program, DEV_COUNT(ids_program), 1), FG1_OK);
	assert_int_equal(rig_open(&d.rig, &d.compute, 1, FG1_CHANNEL_COMPUTE, DEV_ASID), FG1_OK);
	l = (struct dev_launch){0, 100, 64, 1, 0, NULL, NULL};
	dev_launch(&d, &l, (uint64_t[]){DEV_VA});
	assert_true(rig_run(&d.rig, 10));
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_CHANNEL_DESTROY, 1), FG1_OK);
	assert_uint_equal(dev_status(&l), FG1_LAUNCH_KILLED);
	assert_true(rig_run(&d.rig, 10));
	dev_stop(&d);
}

/*
 * Goal: launches of several channels share the SMs, and a block that needs a whole SM gets one.
 * Method: an endless stream of small blocks of different lengths on one channel, so that slots come free one by one;
 * one block of 1024 threads on another.
 */
static void a_large_block_is_not_starved(void **unused)
{
	/* (block % 7 + 1) * 64 turns */
	static const uint64_t short_program[] = {
		MOV_K(R1, 0),         CALL(FG1_HELPER_BLOCK_INDEX), ALU_K(OP_MOD, R0, 7), ALU_K(OP_ADD, R0, 1),
		ALU_K(OP_LSH, R0, 6), ALU_K(OP_SUB, R0, 1),         J_K(J_NE, R0, 0, -2), EXIT,
	};
	struct dev_launch small = {0, 1 << 20, 32, 0, 0, NULL, NULL}, large = {1, 1, 1024, 2, 0, NULL, NULL};
	struct rig_channel other;
	struct dev d;

	(void)unused;
	START(&d, &(struct rig_options){.sms = 1}, short_program, 0);
	assert_int_equal(dev_load(&d, 1, barrier_program, DEV_COUNT(barrier_program), 2), FG1_OK);
	map_vram(&d, 4);
	assert_int_equal(rig_open(&d.rig, &other, 5, FG1_CHANNEL_COMPUTE, DEV_ASID), FG1_OK);
	dev_launch(&d, &small, NULL);
	fg1_engine_run(d.rig.gpu, 0, 100);
	dev_launch_on(&d, &other, &large, (uint64_t[]){DEV_VA, DEV_VA + 8192});
	for (uint32_t i = 0; i < 100 && dev_status(&large) == FG1_LAUNCH_RUNNING; i++)
		fg1_engine_run(d.rig.gpu, 0, 1000);
	assert_uint_equal(dev_status(&large), FG1_LAUNCH_OK);
	assert_uint_equal(dev_status(&small), FG1_LAUNCH_RUNNING);
	dev_stop(&d);
}

/*
 * Goal: a record that is no longer mapped at the end stops the channel, and the device says so.
 * Method: unmap it while the launch runs.
 */
static void a_lost_record_is_fatal_for_the_channel(void **unused)
{
	struct dev_launch l = {0, 1, 1, 0, 0, NULL, NULL};
	static const uint64_t short_program[] = {EXIT};
	struct dev d;

	(void)unused;
	START(&d, NULL, short_program, 0);
	dev_launch(&d, &l, NULL);
	rig_free(&d.rig, l.record, FERRY_PAGE_SIZE);
	assert_true(rig_run(&d.rig, 10));
	assert_uint_equal(rig_error(&d.compute), FG1_ERR_DMA);
	assert_uint_equal(rig_word(d.rig.status, FG1_STATUS_FATAL), FG1_FATAL_DMA);
	assert_uint_equal(d.rig.irqs[FG1_IRQ_ERROR].v, 1);
	assert_int_equal(RIG_CONTROL(&d.rig, FG1_CMD_PROGRAM_UNLOAD, 0), FG1_OK);
	dev_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_thread_runs_once),
		cmocka_unit_test(impossible_launches_are_refused),
		cmocka_unit_test(a_barrier_holds_the_whole_block),
		cmocka_unit_test(one_resident_page_is_enough),
		cmocka_unit_test(a_replay_wakes_idle_sms),
		cmocka_unit_test(each_page_is_reported_once_per_stall),
		cmocka_unit_test(a_cancel_kills_exactly_its_lanes),
		cmocka_unit_test(a_barrier_does_not_wait_for_the_dead),
		cmocka_unit_test(unbinding_a_space_cancels_its_stalls),
		cmocka_unit_test(without_replay_faults_are_fatal),
		cmocka_unit_test(stalled_is_said_only_with_nothing_to_run),
		cmocka_unit_test(a_trap_stops_the_launch),
		cmocka_unit_test(the_budget_ends_an_endless_launch),
		cmocka_unit_test(a_stop_reaches_stalled_blocks),
		cmocka_unit_test(destroying_the_channel_kills_its_launch),
		cmocka_unit_test(a_large_block_is_not_starved),
		cmocka_unit_test(a_lost_record_is_fatal_for_the_channel),
	};

	return cmocka_run_group_tests_name("softgpu/sm", tests, NULL, NULL);
}
