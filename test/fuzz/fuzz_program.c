/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fuzz_program.c - any bytes as a GPU program: the loader refuses it, or it runs without harm.
 *
 *   byte 0        bit 0: take the slots as they are, or repair them first so that more get through the loader
 *                 bit 1: no floats   bit 2: no atomics (loader)   bit 3: no atomics (launch)   bit 4: a short block
 *                 bit 5: with bit 0, a prologue that gives lanes addresses side by side, in r6 and r7
 *   bytes 1-4     seed of what the world does: budgets, pages that come and go, cancels
 *   from byte 5   slots of 8 bytes
 *
 * After every run the warp must be whole: lane masks disjoint, each stalled lane in one stall, every pc inside the
 * program, the budget kept. Sanitizers watch the rest.
 */
#include <stdlib.h>
#include <string.h>

#include "test/unit/softgpu/ebpf.h"
#include "test/unit/softgpu/fake_mmu.h"
#include "warp.h"

#define HEADER_BYTES 5u
#define PROLOGUE_SLOTS 6u
#define SLOTS_MAX 256u
#define PAGES 6u
#define RUNS_MAX 40u
#define BUDGET_MAX 100u

#define MUST(condition)                                                                                              \
	do {                                                                                                         \
		if (!(condition))                                                                                    \
			abort();                                                                                     \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t state;

static uint32_t pick(uint32_t n)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % n;
}

/* The nearest slot that a loader may take: fields that must be zero are, registers exist, jumps are short. */
static uint64_t repair(uint64_t slot)
{
	static const uint8_t atomics[] = {0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1};
	uint32_t opcode = slot & 0xff, class = opcode & 7, code = opcode >> 4;
	uint32_t dst = (slot >> 8 & 15) % 10, src = (slot >> 12 & 15) % 11;
	int32_t off = (int16_t)(slot >> 16), imm = (int32_t)(slot >> 32);
	bool reg = (opcode & 8) != 0;

	switch (class) {
	case 4:
	case 7:
		if (code == 13)
			return EBPF(class == 7 ? 0xd7 : opcode, dst, 0, 0, 16 << (imm & 3) % 3);
		off = code == 3 || code == 9 ? off & 1 : code == 11 && reg ? (off & 3) * 8 % 24 : 0;
		if (code == 8 || code > 12)
			return EBPF(0x80 | class, dst, 0, 0, 0);
		return EBPF(opcode, dst, reg ? src : 0, off, reg ? 0 : imm);
	case 5:
	case 6:
		if (code == 8)
			return CALL((uint32_t)imm % 77);
		if (code == 9)
			return EXIT;
		off = off % 12;
		if (code == 0 || code > 13)
			return class == 5 ? JUMP(off) : JUMP32(off);
		return EBPF(opcode, dst, reg ? src : 0, off, reg ? 0 : imm);
	case 1:
		return EBPF(0x61 | (opcode & 0x18), dst, src, off % 700, 0);
	case 2:
		return EBPF(0x62 | (opcode & 0x18), src, 0, off % 700, imm);
	case 3:
		if (opcode & 0x80)
			return EBPF(0xc3 | (opcode & 8 ? 0x18 : 0), src, dst, off % 700 & ~3,
			            atomics[(imm & 15) % 10]);
		return EBPF(0x63 | (opcode & 0x18), src, dst, off % 700, 0);
	default:
		return MOV_K(dst, imm);
	}
}

/* r6 and r7: the arguments plus a multiple of the thread's number. */
static uint32_t prologue(uint64_t *slots)
{
	const uint64_t code[PROLOGUE_SLOTS] = {
		MOV_X(R6, R1),         MOV_X(R7, R3),        CALL(FG1_HELPER_GLOBAL_ID), ALU_K(OP_LSH, R0, pick(5)),
		ALU_X(OP_ADD, R6, R0), ALU_X(OP_ADD, R7, R0)};

	memcpy(slots, code, sizeof(code));
	return PROLOGUE_SLOTS;
}

/* The slots of one input. Returns how many. */
static uint32_t make_slots(uint64_t *slots, uint32_t flags, const uint8_t *data, size_t size)
{
	uint32_t first = (flags & 33) == 33 ? prologue(slots) : 0;
	uint32_t count = size / 8 < SLOTS_MAX ? (uint32_t)(size / 8) : SLOTS_MAX;

	memcpy(slots + first, data, count * sizeof(slots[0]));
	if (!(flags & 1))
		return count;
	count += first;
	for (uint32_t i = first; i < count; i++) {
		if ((slots[i] & 7) == 0 && i + 1 < count) { /* LD_IMM64 has two slots */
			slots[i] = EBPF(0x18, (slots[i] >> 8 & 15) % 10, 0, 0, slots[i] >> 32);
			slots[i + 1] &= 0xffffffff00000000;
			i++;
		} else {
			slots[i] = repair(slots[i]);
		}
	}
	slots[count++] = EXIT;
	return count;
}

static void check_warp(const struct fg1_warp *w, const struct fg1_launch_shape *shape, uint32_t count)
{
	uint32_t stalled = 0, alive = w->run | w->wait | w->stall;

	MUST(!(w->run & w->wait) && !(w->run & w->stall) && !(w->wait & w->stall) && !(alive & w->dead));
	MUST(w->stall_count <= FG1_WARP);
	for (uint32_t i = 0; i < w->stall_count; i++) {
		const struct fg1_stall *s = &w->stalls[i];

		MUST(s->lanes && !(s->lanes & stalled));
		MUST(!(s->page_va & (FERRY_PAGE_SIZE - 1)) && s->page_va < 1ull << 48);
		stalled |= s->lanes;
		for (uint32_t j = 0; j < i; j++)
			MUST(w->stalls[j].page_va != s->page_va || w->stalls[j].access != s->access);
	}
	MUST(stalled == w->stall);
	for (uint32_t lane = 0; lane < FG1_WARP; lane++) {
		if (!(alive >> lane & 1))
			continue;
		MUST(w->pc[lane] < count);
		MUST(w->regs[10][lane] == FG1_LOCAL_BASE + FG1_LOCAL_BYTES);
		MUST(lane < shape->block_threads);
	}
}

static void shuffle_pages(struct fg1 *gpu)
{
	for (uint32_t i = 0; i < PAGES; i++) {
		gpu->pages[i].present = pick(3) != 0;
		gpu->pages[i].read_only = pick(5) == 0;
		gpu->pages[i].no_atomics = pick(5) == 0;
	}
	fake_invalidate(gpu);
}

static void run(const struct fg1_program *program, uint32_t count, struct fg1_launch_shape *shape)
{
	static struct fg1 gpu;
	static struct fg1_mmu mmu;
	static struct fg1_warp warp;
	enum fg1_warp_status status = FG1_WARP_BUDGET;

	if (!gpu.memory)
		fake_init(&gpu, PAGES);
	fg1_mmu_init(&mmu, &gpu, 0);
	shuffle_pages(&gpu);
	fg1_warp_start(&warp, program, shape, 3, 0);
	for (uint32_t i = 0; i < RUNS_MAX && status != FG1_WARP_DONE && status != FG1_WARP_TRAP; i++) {
		uint32_t budget = pick(BUDGET_MAX);
		uint64_t before = warp.warp_insns, insns = warp.insns;

		fg1_mmu_enter(&mmu);
		status = fg1_warp_run(&warp, &mmu, budget);
		fg1_mmu_leave(&mmu);
		MUST(warp.warp_insns - before <= budget);
		MUST(warp.insns - insns <= (warp.warp_insns - before) * FG1_WARP);
		check_warp(&warp, shape, count);
		if (status == FG1_WARP_TRAP)
			MUST(warp.trap_pc < count);
		if (status == FG1_WARP_BARRIER && !warp.stall)
			fg1_warp_release(&warp);
		if (warp.stall_count && pick(8) == 0)
			fg1_warp_cancel(&warp, pick(warp.stall_count));
		check_warp(&warp, shape, count);
		shuffle_pages(&gpu);
		fg1_warp_replay(&warp);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fg1_launch_shape shape = {.grid = {2, 2, 1},
	                                 .block = {8, 4, 1},
	                                 .block_threads = 32,
	                                 .grid_blocks = 4,
	                                 .arg_count = 4,
	                                 .args = {FAKE_VA, FAKE_VA + 4093, FAKE_VA + 3 * 4096, 8},
	                                 .caps = FG1_CAP_ALL};
	uint64_t slots[PROLOGUE_SLOTS + SLOTS_MAX + 1], caps = FG1_CAP_ALL;
	struct fg1_program *program;
	enum fg1_program_error why;
	uint32_t count, at, flags;
	int err;

	if (size < HEADER_BYTES)
		return 0;
	flags = data[0];
	memcpy(&state, data + 1, sizeof(state));
	count = make_slots(slots, flags, data + HEADER_BYTES, size - HEADER_BYTES);
	if (flags & 2)
		caps &= ~FG1_CAP_FLOAT;
	if (flags & 4)
		caps &= ~FG1_CAP_ATOMICS;
	if (flags & 8)
		shape.caps &= ~FG1_CAP_ATOMICS;
	if (flags & 16)
		shape.block_threads = 1 + pick(31);
	err = fg1_program_load(slots, count, 4, caps, &program, &why, &at);
	if (err) {
		MUST(err == FERRY_E_PROGRAM_SIZE ||
		     (why > FG1_PROGRAM_SIZE && why <= FG1_PROGRAM_ARGS && at < count));
		return 0;
	}
	run(program, count, &shape);
	fg1_program_free(program);
	return 0;
}
