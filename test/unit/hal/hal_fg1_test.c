/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: hal/fg1/hal_fg1.c hal/fg1/hal_fg1_encode.c softgpu/fg1.c softgpu/engine.c softgpu/control.c
 * softgpu/channel.c softgpu/copy.c softgpu/launch.c softgpu/sm.c softgpu/mmu.c softgpu/fault.c softgpu/knobs.c
 * softgpu/power.c softgpu/program.c softgpu/softfloat.c softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c
 * softgpu/warp_mem.c
 */
/*
 * hal_fg1_test.c - the driver's half of FG-1 against the model, and against devices that do not answer.
 */
#include "test/unit/cmocka_compat.h"

#include "hal/fg1/hal_fg1_impl.h"
#include "test/unit/softgpu/ebpf.h"
#include "test/unit/softgpu/rig.h"

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))
#define VA 0x7f0000000000ull
#define ENTRIES 16u

static const struct ferry_hal *const hal = &ferry_hal_fg1;

/* A device behind the HAL: rings and tables are the test's. */
struct host {
	struct rig rig;
	struct hal_fg1 h;
	struct ferry_hal_info info;
	uint8_t *ring[2], *status[2], *faults;
	uint64_t put[2];
	uint64_t *root;
};

static void host_start(struct host *s, const struct rig_options *o)
{
	memset(s, 0, sizeof(*s));
	assert_true(rig_start(&s->rig, o));
	s->h.control_ns = 20000000;
	assert_int_equal(hal->init(&s->h, &rig_dev_ops, &s->rig, &s->info), 0);
}

static void host_channels(struct host *s)
{
	struct rig *r = &s->rig;

	s->root = rig_alloc(r, FERRY_PAGE_SIZE);
	s->faults = rig_alloc(r, ENTRIES * FG1_FAULT_BYTES);
	assert_int_equal(hal->fault_buffer(&s->h, rig_bus(r, s->faults), s->faults, ENTRIES), 0);
	assert_int_equal(hal->asid_bind(&s->h, 1, rig_bus(r, s->root)), 0);
	for (uint32_t i = 0; i < 2; i++) {
		s->ring[i] = rig_alloc(r, 64 * FERRY_HAL_CMD_BYTES);
		s->status[i] = rig_alloc(r, 64);
		assert_int_equal(hal->channel_create(&s->h, i, i ? FERRY_CHANNEL_COMPUTE : FERRY_CHANNEL_COPY,
		                                     rig_bus(r, s->ring[i]), 64, rig_bus(r, s->status[i]), 1),
		                 0);
	}
}

static void host_stop(struct host *s)
{
	hal->fini(&s->h);
	rig_stop(&s->rig);
}

static void *slot(struct host *s, uint32_t channel)
{
	return s->ring[channel] + s->put[channel]++ % 64 * FERRY_HAL_CMD_BYTES;
}

static void ring(struct host *s, uint32_t channel)
{
	hal->doorbell(&s->h, channel, s->put[channel]);
	assert_int_equal(hal->channel_error(&s->h, s->status[channel]), 0);
}

static void replay(struct host *s)
{
	hal->cmd_replay(slot(s, 0));
	ring(s, 0);
}

/* ---- life ---- */

/*
 * Goal: init tells what the device is.
 * Method: every capability off in turn; sizes against the model's.
 */
static void init_tells_what_the_device_is(void **unused)
{
	static const struct {
		uint64_t fg1;
		enum ferry_cap cap;
	} caps[] = {{FG1_CAP_REPLAY, FERRY_CAP_REPLAY},
	            {FG1_CAP_CANCEL, FERRY_CAP_CANCEL},
	            {FG1_CAP_ATOMICS, FERRY_CAP_ATOMICS},
	            {FG1_CAP_BIG_PAGES, FERRY_CAP_BIG_PAGES},
	            {FG1_CAP_HUGE_PAGES, FERRY_CAP_HUGE_PAGES},
	            {FG1_CAP_VIRTUAL_COPY, FERRY_CAP_VIRTUAL_COPY},
	            {FG1_CAP_FLOAT, FERRY_CAP_FLOAT},
	            {FG1_CAP_HOST_MAP, FERRY_CAP_HOST_MAP},
	            {FG1_CAP_SELF_REFRESH, FERRY_CAP_SELF_REFRESH}};
	struct host s;

	(void)unused;
	for (uint32_t i = 0; i < COUNT(caps); i++) {
		host_start(&s, &(struct rig_options){.caps = FG1_CAP_ALL & ~caps[i].fg1, .sms = 5});
		assert_int_equal(s.info.caps, ((1u << FERRY_CAPS) - 1) & ~(1u << caps[i].cap));
		assert_int_equal(s.info.sms, 5);
		host_stop(&s);
	}
	host_start(&s, NULL);
	assert_uint_equal(s.info.vram_bytes, 2 * FERRY_BLOCK_SIZE);
	assert_int_equal(s.info.channels, fg1_channels(s.rig.gpu));
	assert_int_equal(s.info.block_threads_max, FG1_BLOCK_THREADS_MAX);
	assert_uint_equal(s.info.grid_blocks_max, FG1_GRID_BLOCKS_MAX);
	assert_int_equal(s.info.args_max, FG1_ARGS_MAX);
	assert_int_equal(s.info.program_insns_max, FG1_PROGRAM_INSNS_MAX);
	assert_int_equal(hal->health(&s.h), 0);
	assert_false(hal->is_gone(&s.h));
	host_stop(&s);
}

/* A register file without a device behind it. */
struct dummy {
	uint64_t id, scratch, caps, limits, vram;
	bool scratch_clears, gone;
	struct rig *arena;
};

static uint64_t dummy_read(void *dev, uint32_t offset)
{
	struct dummy *d = dev;

	return offset == FG1_REG_ID           ? d->id
	       : offset == FG1_REG_SCRATCH    ? d->scratch
	       : offset == FG1_REG_CAPS       ? d->caps
	       : offset == FG1_REG_LIMITS     ? d->limits
	       : offset == FG1_REG_VRAM_BYTES ? d->vram
	                                      : 0;
}

static void dummy_write(void *dev, uint32_t offset, uint64_t value)
{
	struct dummy *d = dev;

	if (offset == FG1_REG_SCRATCH)
		d->scratch = value;
	if (offset == FG1_REG_CMD && (uint32_t)value == FG1_CMD_RESET && d->scratch_clears)
		d->scratch = 0;
}

static int dummy_dma_alloc(void *dev, size_t size_bytes, struct ferry_dma *out)
{
	struct dummy *d = dev;

	return rig_op_dma_alloc(d->arena, size_bytes, out);
}

static void dummy_dma_free(void *dev, struct ferry_dma *dma)
{
	struct dummy *d = dev;

	rig_op_dma_free(d->arena, dma);
}

static bool dummy_is_gone(void *dev)
{
	return ((struct dummy *)dev)->gone;
}

static const struct ferry_dev_ops dummy_ops = {.reg_read = dummy_read,
                                               .reg_write = dummy_write,
                                               .dma_alloc = dummy_dma_alloc,
                                               .dma_free = dummy_dma_free,
                                               .is_gone = dummy_is_gone};

/*
 * Goal: init says why a device cannot be used, in bounded time, and keeps nothing.
 * Method: registers of foreign, dead, silent and half-dead devices.
 */
static void init_says_why_it_fails(void **unused)
{
	const struct dummy good = {.id = FG1_ID,
	                           .limits = 1 | 1 << 16 | 1ull << 32 | 1ull << 48,
	                           .vram = FERRY_BLOCK_SIZE,
	                           .scratch_clears = true};
	struct ferry_hal_info info;
	struct rig rig;
	struct dummy d;

	(void)unused;
	assert_true(rig_start(&rig, NULL));
	for (uint32_t i = 0; i < 9; i++) {
		static const int want[] = {FERRY_E_DEVICE_LOST, FERRY_E_DEVICE_MAGIC, FERRY_E_DEVICE_MAGIC,
		                           FERRY_E_DEVICE_LOST, FERRY_E_DEVICE_LOST,  FERRY_E_DEVICE_LOST,
		                           FERRY_E_DEVICE_HUNG, FERRY_E_DEVICE_HUNG,  FERRY_E_NOMEM};
		struct hal_fg1 h = {.control_ns = 5000000};
		struct ferry_hal_info untouched;
		int err;

		d = good;
		d.arena = &rig;
		d.id = i == 0 ? UINT64_MAX : i == 1 ? 0 : i == 2 ? FG1_ID + 1 : FG1_ID;
		d.gone = i == 3;
		d.vram = i == 4 ? UINT64_MAX : d.vram;
		d.limits = i == 5 ? 0 : d.limits;
		d.scratch_clears = i != 6;
		ferry_user_fail_nth_alloc(i == 8);
		memset(&info, 0x55, sizeof(info));
		untouched = info;
		err = hal->init(&h, &dummy_ops, &d, &info);
		ferry_user_fail_nth_alloc(0);
		if (err != want[i])
			print_message("case %u: %d\n", i, err);
		assert_int_equal(err, want[i]);
		assert_memory_equal(&info, &untouched, sizeof(info));
		for (uint32_t page = 0; page < rig.pages; page++)
			assert_int_equal(rig.map[page], 0);
	}
	rig_stop(&rig);
}

/*
 * Goal: init takes a device over that somebody left running, and fini leaves nothing that does DMA.
 * Method: init twice over a set-up device; after fini its memory is freed (ASan watches), and doorbells ring.
 */
static void init_takes_over_and_fini_leaves_quiet(void **unused)
{
	struct host a, b;

	(void)unused;
	host_start(&a, NULL);
	host_channels(&a);
	b = a;
	memset(&b.h, 0, sizeof(b.h));
	assert_int_equal(hal->init(&b.h, &rig_dev_ops, &a.rig, &b.info), 0);
	hal->cmd_fence(slot(&a, 0), rig_bus(&a.rig, a.faults), 7, false);
	hal->doorbell(&a.h, 0, a.put[0]);
	assert_uint_equal(*(uint64_t *)(void *)a.faults, 0); /* the old channel is gone */
	hal->fini(&b.h);
	rig_free(&a.rig, a.ring[0], 64 * FERRY_HAL_CMD_BYTES);
	rig_free(&a.rig, a.status[0], 64);
	rig_free(&a.rig, a.faults, ENTRIES * FG1_FAULT_BYTES);
	hal->doorbell(&a.h, 0, 1);
	hal->fault_arm(&a.h);
	rig_stop(&a.rig);
}

/*
 * Goal: a command to a device that died says LOST quickly, to one that hangs HUNG in bounded time.
 * Method: off the bus; then a status page that is no longer the device's.
 */
static void commands_tell_lost_from_hung(void **unused)
{
	uint64_t start;
	struct host s;

	(void)unused;
	host_start(&s, NULL);
	fg1_knob_set(s.rig.gpu, FG1_KNOB_OFF_BUS, 1);
	s.h.control_ns = 0; /* two seconds: it must not take them */
	start = ferry_os_now_ns();
	assert_int_equal(hal->asid_bind(&s.h, 1, 0), FERRY_E_DEVICE_LOST);
	assert_true(ferry_os_now_ns() - start < 500000000);
	assert_true(hal->is_gone(&s.h));
	fg1_knob_set(s.rig.gpu, FG1_KNOB_OFF_BUS, 0); /* back, and has forgotten the page */
	s.h.control_ns = 20000000;
	assert_false(hal->is_gone(&s.h));
	assert_int_equal(hal->asid_bind(&s.h, 1, 0), FERRY_E_DEVICE_HUNG);
	host_stop(&s);
}

/*
 * Goal: health is what the device wrote about itself.
 * Method: FATAL words, one of them unknown; an injected hang.
 */
static void health_reads_the_status_page(void **unused)
{
	struct host s;

	(void)unused;
	host_start(&s, NULL);
	fg1_knob_set(s.rig.gpu, FG1_KNOB_HANG, FG1_HANG_SEEN);
	assert_int_equal(hal->health(&s.h), FERRY_E_DEVICE_HUNG);
	ferry_os_dma_store64((uint8_t *)s.h.status.cpu + FG1_STATUS_FATAL, FG1_FATAL_DMA);
	assert_int_equal(hal->health(&s.h), FERRY_E_CHANNEL_ERROR);
	ferry_os_dma_store64((uint8_t *)s.h.status.cpu + FG1_STATUS_FATAL, 99);
	assert_int_equal(hal->health(&s.h), FERRY_E_DEVICE_HUNG);
	assert_int_equal(hal->irq_decode(&s.h, FG1_IRQ_FAULT), FERRY_HAL_IRQ_FAULT);
	assert_int_equal(hal->irq_decode(&s.h, FG1_IRQ_SEMAPHORE), FERRY_HAL_IRQ_FENCE);
	assert_int_equal(hal->irq_decode(&s.h, FG1_IRQ_ERROR), FERRY_HAL_IRQ_ERROR);
	assert_int_equal(hal->irq_decode(&s.h, 3), 0);
	host_stop(&s);
}

/*
 * Goal: what the device refuses comes back as the code of hal.h.
 * Method: one refusal of each kind.
 */
static void refusals_have_their_codes(void **unused)
{
	struct host s;
	uint64_t bus, gone = RIG_BUS + (1ull << 40);

	(void)unused;
	host_start(&s, NULL);
	host_channels(&s);
	bus = rig_bus(&s.rig, rig_alloc(&s.rig, FERRY_PAGE_SIZE));
	assert_int_equal(hal->asid_bind(&s.h, 1, bus), FERRY_E_BUSY);
	assert_int_equal(hal->asid_bind(&s.h, 2, gone), FERRY_E_HOST_MAP);
	assert_int_equal(hal->asid_bind(&s.h, 100000, bus), FERRY_E_INVAL);
	assert_int_equal(hal->asid_unbind(&s.h, 100000), FERRY_E_INVAL);
	assert_int_equal(hal->fault_buffer(&s.h, bus, s.faults, 17), FERRY_E_INVAL);
	assert_int_equal(hal->channel_create(&s.h, 0, FERRY_CHANNEL_COPY, bus, 16, bus, 1), FERRY_E_CHANNEL_CREATE);
	assert_int_equal(hal->channel_create(&s.h, 5, FERRY_CHANNEL_COMPUTE, bus, 16, bus, 9),
	                 FERRY_E_CHANNEL_CREATE);
	assert_int_equal(hal->channel_destroy(&s.h, 5), FERRY_E_INVAL);
	assert_int_equal(hal->program_unload(&s.h, 0), FERRY_E_INVAL);
	assert_int_equal(hal->channel_destroy(&s.h, 1), 0);
	assert_int_equal(hal->asid_unbind(&s.h, 1), 0);
	assert_int_equal(hal->fault_buffer(&s.h, 0, NULL, 0), 0);
	assert_false(hal->fault_pending(&s.h));
	host_stop(&s);
}

/*
 * Goal: each reason of the loader has its error, with the instruction.
 * Method: one program per reason.
 */
static void programs_are_refused_with_reason_and_place(void **unused)
{
	static const struct {
		uint64_t insns[4];
		uint32_t count, args, at;
		int error;
	} bad[] = {
		{{0xff, EXIT}, 2, 0, 0, FERRY_E_PROGRAM_OPCODE},
		{{MOV_K(R0, 1), MOV_K(R10, 1), EXIT}, 3, 0, 1, FERRY_E_PROGRAM_REGISTER},
		{{JUMP(7), EXIT}, 2, 0, 0, FERRY_E_PROGRAM_BRANCH},
		{{MOV_K(R0, 1)}, 1, 0, 0, FERRY_E_PROGRAM_FALLTHROUGH},
		{{MOV_K(R0, 1), CALL(9999), EXIT}, 3, 0, 1, FERRY_E_PROGRAM_HELPER},
		{{EBPF(0x85, 0, 1, 0, 0), EXIT}, 2, 0, 0, FERRY_E_PROGRAM_RELOC},
		{{EBPF(0x18, 0, 1, 0, 0), 0, EXIT}, 3, 0, 0, FERRY_E_PROGRAM_RELOC},
		{{EXIT}, 0, 0, 0, FERRY_E_PROGRAM_SIZE},
		{{EXIT}, 1, 17, 0, FERRY_E_PROGRAM_ARGS},
	};
	struct host s;
	uint64_t *page;
	uint32_t at;

	(void)unused;
	host_start(&s, NULL);
	page = rig_alloc(&s.rig, FERRY_PAGE_SIZE);
	for (uint32_t i = 0; i < COUNT(bad); i++) {
		int err;

		memcpy(page, bad[i].insns, sizeof(bad[i].insns));
		at = 12345;
		err = hal->program_load(&s.h, 0, rig_bus(&s.rig, page), bad[i].count, bad[i].args, &at);
		if (err != bad[i].error || at != bad[i].at)
			print_message("program %u: error %d at %u\n", i, err, at);
		assert_int_equal(err, bad[i].error);
		assert_int_equal(at, bad[i].at);
	}
	page[0] = EXIT;
	ferry_user_fail_nth_alloc(1);
	assert_int_equal(hal->program_load(&s.h, 0, rig_bus(&s.rig, page), 1, 0, &at), FERRY_E_PROGRAM_NOMEM);
	ferry_user_fail_nth_alloc(0);
	assert_int_equal(hal->program_load(&s.h, 0, rig_bus(&s.rig, page), 1, 0, &at), 0);
	assert_int_equal(hal->program_load(&s.h, 0, rig_bus(&s.rig, page), 1, 0, &at), FERRY_E_BUSY);
	assert_int_equal(hal->program_unload(&s.h, 0), 0);
	host_stop(&s);
}

/* ---- commands ---- */

/*
 * Goal: copies, fills and fences do what the HAL says, through a channel.
 * Method: host to device and back, a fill, a fence with an interrupt; GET counts them.
 */
static void commands_do_what_they_say(void **unused)
{
	struct host s;
	uint64_t *a, *b, *fence;

	(void)unused;
	host_start(&s, NULL);
	host_channels(&s);
	a = rig_alloc(&s.rig, FERRY_PAGE_SIZE);
	b = rig_alloc(&s.rig, FERRY_PAGE_SIZE);
	fence = rig_alloc(&s.rig, FERRY_PAGE_SIZE);
	memset(a, 0x42, FERRY_PAGE_SIZE);
	memset(s.ring[0], 0xff, 64 * FERRY_HAL_CMD_BYTES); /* old commands must not shine through */
	hal->cmd_copy(slot(&s, 0), FERRY_APERTURE_DEVICE, 0x3000, FERRY_APERTURE_HOST, rig_bus(&s.rig, a), 4096);
	hal->cmd_copy(slot(&s, 0), FERRY_APERTURE_HOST, rig_bus(&s.rig, b), FERRY_APERTURE_DEVICE, 0x3000, 4096);
	hal->cmd_fill(slot(&s, 0), FERRY_APERTURE_DEVICE, 0x3000, 7, 4096);
	hal->cmd_tlb_invalidate(slot(&s, 0), 1, VA, 4096);
	hal->cmd_fence(slot(&s, 0), rig_bus(&s.rig, fence), 11, true);
	ring(&s, 0);
	assert_uint_equal(hal->channel_get(&s.h, s.status[0]), 5);
	assert_memory_equal(a, b, 4096);
	assert_uint_equal(*(uint64_t *)(s.rig.vram + 0x3ff8), 7);
	assert_uint_equal(*fence, 11);
	assert_uint_equal(s.rig.irqs[FG1_IRQ_SEMAPHORE].v, 1);
	hal->cmd_copy(slot(&s, 0), FERRY_APERTURE_DEVICE, 1ull << 40, FERRY_APERTURE_DEVICE, 0, 8);
	hal->doorbell(&s.h, 0, s.put[0]);
	assert_int_equal(hal->channel_error(&s.h, s.status[0]), FG1_ERR_ARG);
	host_stop(&s);
}

/*
 * Goal: page-table entries are the manual's.
 * Method: every aperture, permission and size against the bits; what has no entry gives an invalid one.
 */
static void entries_have_the_bits_of_the_manual(void **unused)
{
	const uint64_t base = FG1_PTE_VALID | FG1_PTE_LEAF;

	(void)unused;
	assert_uint_equal(hal->pte(FERRY_APERTURE_HOST, 0x12345000, FERRY_ACCESS_READ, 12), base | 0x12345000);
	assert_uint_equal(hal->pte(FERRY_APERTURE_HOST, 0x1000, FERRY_ACCESS_WRITE, 12),
	                  base | FG1_PTE_WRITE | 0x1000);
	assert_uint_equal(hal->pte(FERRY_APERTURE_DEVICE, 0x10000, FERRY_ACCESS_ATOMIC, 16),
	                  base | FG1_PTE_WRITE | FG1_PTE_ATOMIC | FG1_PTE_DEVICE | FG1_PTE_CONT | 0x10000);
	assert_uint_equal(hal->pte(FERRY_APERTURE_DEVICE, 0x400000, FERRY_ACCESS_READ, 21),
	                  base | FG1_PTE_DEVICE | 0x400000);
	assert_uint_equal(hal->pde(0x7000), FG1_PTE_VALID | 0x7000);
	assert_uint_equal(hal->pte(FERRY_APERTURE_HOST, UINT64_MAX, FERRY_ACCESS_READ, 12) & FG1_PTE_RESERVED, 0);
}

/* ---- launches and faults ---- */

/* a[id * 4096] = 1. r1 = a */
static const uint64_t program[] = {MOV_X(R6, R1),         CALL(FG1_HELPER_GLOBAL_ID), ALU_K(OP_LSH, R0, 12),
                                   ALU_X(OP_ADD, R6, R0), ST(SZ_DW, R6, 0, 1),        EXIT};

static void *launch(struct host *s, uint32_t threads)
{
	uint64_t *page = rig_alloc(&s->rig, FERRY_PAGE_SIZE);
	struct ferry_launch_desc desc = {.slot = 3,
	                                 .arg_count = 1,
	                                 .grid = {1, 1, 1},
	                                 .block = {threads, 1, 1},
	                                 .args_bus = rig_bus(&s->rig, page + 64),
	                                 .result_bus = rig_bus(&s->rig, page)};
	uint64_t *code = rig_alloc(&s->rig, FERRY_PAGE_SIZE);
	uint32_t at;

	memcpy(code, program, sizeof(program));
	assert_int_equal(hal->program_load(&s->h, 3, rig_bus(&s->rig, code), COUNT(program), 1, &at), 0);
	page[64] = VA;
	hal->cmd_launch(slot(s, 1), &desc);
	ring(s, 1);
	return page;
}

/*
 * Goal: a launch that faults is served and cancelled through the HAL alone.
 * Method: 40 threads with a page each through a buffer of 16; one page is cancelled; fetched in bits of 5, the rest
 * mapped; drops are told once.
 */
static void faults_are_fetched_served_and_cancelled(void **unused)
{
	struct ferry_launch_result result;
	struct ferry_fault faults[5];
	uint64_t dropped, lost = 0;
	uint32_t n, total = 0;
	struct host s;
	void *record;

	(void)unused;
	host_start(&s, NULL);
	host_channels(&s);
	hal->fault_arm(&s.h);
	record = launch(&s, 40);
	assert_false(hal->launch_result(record, &result));
	for (uint32_t round = 0; round < 50 && !hal->launch_result(record, &result); round++) {
		assert_true(rig_run(&s.rig, 100));
		assert_true(round || hal->fault_pending(&s.h));
		while ((n = hal->fault_fetch(&s.h, faults, 5, &dropped))) {
			lost += dropped;
			total += n;
			for (uint32_t i = 0; i < n; i++) {
				uint64_t page = (faults[i].va - VA) / 4096;

				assert_true(page < 40);
				assert_int_equal(faults[i].asid, 1);
				assert_int_equal(faults[i].access, FERRY_ACCESS_WRITE);
				assert_int_equal(faults[i].kind, FERRY_FAULT_MISSING);
				assert_int_equal(faults[i].channel, 1);
				assert_int_equal(ferry_os_popcount64(faults[i].lanes), 1);
				if (page == 7)
					hal->cmd_cancel(slot(&s, 0), &faults[i], FERRY_E_FAULT_READ_ONLY);
				else
					rig_map(&s.rig, s.root, faults[i].va,
					        hal->pte(FERRY_APERTURE_DEVICE, page * 4096, FERRY_ACCESS_WRITE, 12));
			}
			ring(&s, 0);
		}
		assert_false(hal->fault_pending(&s.h));
		replay(&s);
	}
	assert_true(hal->launch_result(record, &result));
	assert_int_equal(result.error, FERRY_E_FAULT_READ_ONLY);
	assert_uint_equal(result.fault_va, VA + 7 * 4096);
	assert_int_equal(result.access, FERRY_ACCESS_WRITE);
	assert_uint_equal(result.lanes, 1);
	assert_true(lost > 0);
	assert_true(total >= 40);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(s.rig.vram[i * 4096], i != 7);
	host_stop(&s);
}

/*
 * Goal: hostile entries are passed on without harm, with meanings that exist.
 * Method: entries of all ones and of random bits, made valid by hand.
 */
static void hostile_entries_are_passed_on(void **unused)
{
	struct ferry_fault f[4];
	uint64_t dropped, z = 1;
	struct host s;

	(void)unused;
	host_start(&s, NULL);
	host_channels(&s);
	for (uint64_t n = 0; n < 2000; n++) {
		uint64_t *w = (uint64_t *)(void *)(s.faults + n % ENTRIES * FG1_FAULT_BYTES);

		for (uint32_t i = 0; i < 8; i++) {
			z = z * 6364136223846793005ull + 1442695040888963407ull;
			w[i] = n % 2 ? UINT64_MAX : z ^ z >> 29;
		}
		w[FG1_FAULT_W_VALID] = n / ENTRIES + 1;
		assert_true(hal->fault_pending(&s.h));
		assert_int_equal(hal->fault_fetch(&s.h, f, 4, &dropped), 1);
		assert_true(f[0].access <= FERRY_ACCESS_ATOMIC && f[0].kind <= FERRY_FAULT_BAD_PTE);
		assert_uint_equal(f[0].va % FERRY_PAGE_SIZE, 0);
		hal->cmd_cancel(slot(&s, 0), &f[0], 1);
		ring(&s, 0);
	}
	assert_int_equal(hal->fault_fetch(&s.h, f, 4, &dropped), 0);
	assert_int_equal(hal->fault_fetch(&s.h, f, 0, &dropped), 0);
	host_stop(&s);
}

/*
 * Goal: every way a launch can end has its error.
 * Method: records written by hand; the reason of a cancel comes back when it is one of the core's.
 */
static void results_are_decoded(void **unused)
{
	static const struct {
		uint64_t status, reason;
		int error;
	} ends[] = {
		{FG1_LAUNCH_OK, 0, 0},
		{FG1_LAUNCH_FAULT, FERRY_E_FAULT_UNMAPPED, FERRY_E_FAULT_UNMAPPED},
		{FG1_LAUNCH_FAULT, FERRY_E_FAULT_POISON, FERRY_E_FAULT_POISON},
		{FG1_LAUNCH_FAULT, FERRY_E_FAULT_RETRY_LIMIT, FERRY_E_FAULT_RETRY_LIMIT},
		{FG1_LAUNCH_FAULT, 0, FERRY_E_FAULT_UNMAPPED},
		{FG1_LAUNCH_FAULT, UINT64_MAX, FERRY_E_FAULT_UNMAPPED},
		{FG1_LAUNCH_TRAP, FG1_TRAP_LOCAL, FERRY_E_LAUNCH_TRAP},
		{FG1_LAUNCH_BUDGET, 0, FERRY_E_LAUNCH_BUDGET},
		{FG1_LAUNCH_KILLED, 0, FERRY_E_LAUNCH_KILLED},
		{6, 0, FERRY_E_DEVICE_LOST},
		{UINT64_MAX, UINT64_MAX, FERRY_E_DEVICE_LOST},
	};
	struct ferry_launch_result r, before;

	(void)unused;
	for (uint32_t i = 0; i < COUNT(ends); i++) {
		uint64_t record[8] = {ends[i].status, 0x1000, ends[i].reason, UINT64_MAX, 4, 5, 6, 7};

		assert_true(hal->launch_result(record, &r));
		assert_int_equal(r.error, ends[i].error);
		assert_uint_equal(r.fault_va, 0x1000);
		assert_uint_equal(r.reason, ends[i].reason);
		assert_int_equal(r.access, FERRY_ACCESS_ATOMIC);
		assert_uint_equal(r.lanes, 4);
		assert_uint_equal(r.insns, 5);
	}
	before = r;
	assert_false(hal->launch_result((uint64_t[8]){FG1_LAUNCH_RUNNING, 1, 2, 3, 4, 5, 6, 7}, &r));
	assert_memory_equal(&r, &before, sizeof(r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_tells_what_the_device_is),
		cmocka_unit_test(init_says_why_it_fails),
		cmocka_unit_test(init_takes_over_and_fini_leaves_quiet),
		cmocka_unit_test(commands_tell_lost_from_hung),
		cmocka_unit_test(health_reads_the_status_page),
		cmocka_unit_test(refusals_have_their_codes),
		cmocka_unit_test(programs_are_refused_with_reason_and_place),
		cmocka_unit_test(commands_do_what_they_say),
		cmocka_unit_test(entries_have_the_bits_of_the_manual),
		cmocka_unit_test(faults_are_fetched_served_and_cancelled),
		cmocka_unit_test(hostile_entries_are_passed_on),
		cmocka_unit_test(results_are_decoded),
	};

	return cmocka_run_group_tests_name("hal/hal_fg1", tests, NULL, NULL);
}
