/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: softgpu/program.c softgpu/softfloat.c softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c
 * softgpu/warp_mem.c
 */
/*
 * warp_mem_test.c - loads, stores and atomics: sizes, shapes of access, page borders, private memory, bad addresses.
 */
#include "warp_rig.h"

#include <pthread.h>

/* r6 = r1 + lane * stride; the body of a test follows. Five slots. */
#define LANE_ADDRESS(stride)                                                                                         \
	MOV_X(R6, R1), CALL(FG1_HELPER_GLOBAL_ID), MOV_X(R9, R0), ALU_K(OP_MUL, R0, stride), ALU_X(OP_ADD, R6, R0)

static uint64_t extend(uint64_t v, uint32_t size, bool is_signed)
{
	uint32_t unused_bits = 64 - 8 * size;

	if (is_signed)
		return (uint64_t)((int64_t)(v << unused_bits) >> unused_bits);
	return v << unused_bits >> unused_bits;
}

/*
 * Goal: every load and store, of each size and sign, in each shape of access, moves the right bytes.
 * Method: lanes at consecutive elements, one byte off, far apart, all at one address, and in reverse; from memory of
 * random bytes to registers, and from there to a second buffer.
 */
static void every_size_in_every_shape_moves_the_right_bytes(void **unused)
{
	static const struct {
		uint32_t size, bits;
	} sizes[] = {{1, SZ_B}, {2, SZ_H}, {4, SZ_W}, {8, SZ_DW}};
	struct rig rig;
	uint32_t checks = 0;

	(void)unused;
	rig_init(&rig, 8);
	for (uint32_t i = 0; i < 8 * 4096; i++)
		rig.gpu.memory[i] = (uint8_t)(i * 167 + (i >> 8) * 31);
	for (uint32_t s = 0; s < 4; s++) {
		const uint32_t size = sizes[s].size;
		const int32_t strides[] = {(int32_t)size, 0, (int32_t)size + 1, 136, -(int32_t)size};

		for (uint32_t shape = 0; shape < 5 * 2 * 2; shape++) {
			int32_t stride = strides[shape % 5];
			uint64_t start = 8192 + (shape / 5 % 2); /* every second time misaligned */
			bool is_signed = shape >= 10 && size < 8;
			const uint64_t program[] = {
				LANE_ADDRESS(stride),
				is_signed ? LDXS(sizes[s].bits, R3, R6, 16) : LDX(sizes[s].bits, R3, R6, 16),
				STX(sizes[s].bits, R6, 8192 + 16, R3),
				EXIT,
			};
			const uint64_t args[] = {FAKE_VA + start};

			rig_args(&rig, 1, args);
			assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_DONE);
			for (uint32_t i = 0; i < FG1_WARP; i++) {
				uint64_t at = start + 16 + (uint64_t)((int64_t)stride * i);
				uint64_t bytes = rig_read(&rig, at, size);

				assert_uint_equal(rig.warp.regs[3][i], extend(bytes, size, is_signed));
				assert_uint_equal(rig_read(&rig, at + 8192, size), bytes);
				checks++;
			}
		}
	}
	assert_uint_equal(checks, 4 * 20 * 32);
	rig_fini(&rig);
}

/*
 * Goal: a number is stored in each size, and nothing beside it.
 * Method: ST with all-ones neighbours.
 */
static void a_number_is_stored_and_nothing_beside_it(void **unused)
{
	static const uint64_t program[] = {
		LANE_ADDRESS(32),    ST(SZ_B, R6, 1, 0x1234567), ST(SZ_H, R6, 4, 0x1234567),
		ST(SZ_W, R6, 8, -2), ST(SZ_DW, R6, 16, -3),      EXIT,
	};
	const uint64_t args[] = {FAKE_VA};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig_args(&rig, 1, args);
	memset(rig.gpu.memory, 0xff, 4096);
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_DONE);
	for (uint32_t i = 0; i < FG1_WARP; i++) {
		assert_uint_equal(rig_read(&rig, 32 * i, 8), 0xffff4567ffff67ff);
		assert_uint_equal(rig_read(&rig, 32 * i + 8, 8), 0xfffffffffffffffe);
		assert_uint_equal(rig_read(&rig, 32 * i + 16, 8), 0xfffffffffffffffd);
		assert_uint_equal(rig_read(&rig, 32 * i + 24, 8), 0xffffffffffffffff);
	}
	rig_fini(&rig);
}

/*
 * Goal: the same when all lanes' stores lie side by side.
 * Method: each size fills exactly its 32 elements.
 */
static void a_number_fills_a_row(void **unused)
{
	static const struct {
		uint32_t size, bits;
	} sizes[] = {{1, SZ_B}, {2, SZ_H}, {4, SZ_W}, {8, SZ_DW}};
	const uint64_t args[] = {FAKE_VA + 1024};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig_args(&rig, 1, args);
	for (uint32_t s = 0; s < 4; s++) {
		uint32_t size = sizes[s].size;
		const uint64_t program[] = {LANE_ADDRESS(size), ST(sizes[s].bits, R6, 0, -0x12345678), EXIT};

		memset(rig.gpu.memory, 0, 4096);
		assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_DONE);
		assert_uint_equal(rig_read(&rig, 1024 - 8, 8), 0);
		for (uint32_t i = 0; i < FG1_WARP; i++)
			assert_uint_equal(rig_read(&rig, 1024 + size * i, size),
			                  extend((uint64_t)-0x12345678, size, false));
		assert_uint_equal(rig_read(&rig, 1024 + size * FG1_WARP, 8), 0);
	}
	rig_fini(&rig);
}

/*
 * Goal: consecutive lanes in one page cost one translation.
 * Method: hits and misses of the TLB are counted: contiguous, two pages, one page for all lanes.
 */
static void lanes_in_one_page_share_a_translation(void **unused)
{
	static const uint64_t program[] = {
		LANE_ADDRESS(8), LDX(SZ_DW, R2, R6, 0), LDX(SZ_DW, R2, R6, 4096 - 128), LDX(SZ_DW, R2, R1, 0), EXIT,
	};
	const uint64_t args[] = {FAKE_VA};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 2);
	rig_args(&rig, 1, args);
	rig_load(&rig, program, RIG_COUNT(program));
	for (uint32_t pass = 0; pass < 2; pass++) {
		rig_start(&rig);
		assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_DONE);
		assert_uint_equal(rig.mmu.hits + rig.mmu.misses, 4 * (pass + 1));
	}
	assert_uint_equal(rig.mmu.misses, 2);
	rig_fini(&rig);
}

/*
 * Goal: an access over a page border retires only when both pages are there, and then moves all bytes.
 * Method: 8 bytes across pages 0 and 1; first both are missing, then each one alone.
 */
static void an_access_over_a_page_border_needs_both_pages(void **unused)
{
	static const uint64_t program[] = {LDX(SZ_DW, R2, R1, 0), ALU_K(OP_ADD, R2, 1), STX(SZ_DW, R1, 0, R2), EXIT};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 2);
	rig.shape.block_threads = 1;
	for (uint32_t split = 1; split < 8; split++) {
		const uint64_t args[] = {FAKE_VA + 4096 - split};

		rig_args(&rig, 1, args);
		rig_all_absent(&rig);
		rig_write(&rig, 4096 - split, 8, 0x1122334455667788);
		assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_STALLED);
		assert_uint_equal(rig.warp.stall_count, 1);
		assert_uint_equal(rig.warp.stalls[0].page_va, FAKE_VA);
		rig_present(&rig, 0, true);
		fg1_warp_replay(&rig.warp);
		assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_STALLED);
		assert_uint_equal(rig.warp.stalls[0].page_va, FAKE_VA + 4096);
		rig_present(&rig, 0, false);
		rig_present(&rig, 1, true);
		fg1_warp_replay(&rig.warp);
		assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_STALLED);
		assert_uint_equal(rig.warp.stalls[0].page_va, FAKE_VA);
		assert_uint_equal(rig.warp.warp_insns, 3); /* three tries of the load */
		assert_uint_equal(rig.warp.insns, 0);
		rig_present(&rig, 0, true);
		rig.gpu.pages[1].read_only = true;
		fg1_warp_replay(&rig.warp);
		assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_STALLED); /* at the store, of the second page */
		assert_uint_equal(rig.warp.stalls[0].page_va, FAKE_VA + 4096);
		assert_uint_equal(rig.warp.stalls[0].kind, FG1_FAULT_PERMISSION);
		assert_uint_equal(rig_read(&rig, 4096 - split, 8), 0x1122334455667788);
		rig.gpu.pages[1].read_only = false;
		fg1_warp_replay(&rig.warp);
		assert_int_equal(rig_run(&rig, RIG_BUDGET), FG1_WARP_DONE);
		assert_uint_equal(rig_read(&rig, 4096 - split, 8), 0x1122334455667789);
	}
	rig_fini(&rig);
}

/*
 * Goal: atomics of both widths do what their names say, and hand back what was there.
 * Method: all lanes on one word in lane order is not promised, so operations whose sum does not depend on it; the
 * old values of an add are all different.
 */
static void atomics_add_up_whatever_the_order(void **unused)
{
	static const uint64_t program[] = {
		LANE_ADDRESS(0),
		MOV_K(R2, 3),
		ATOMIC(SZ_DW, A_ADD | A_FETCH, R6, 0, R2), /* r2 = 3 * rank */
		MOV_K(R3, -1),
		ATOMIC(SZ_W, A_ADD | A_FETCH, R6, 8, R3),
		MOV_K(R4, 1),
		ALU_X(OP_LSH, R4, R9),
		ATOMIC(SZ_W, A_OR, R6, 16, R4),
		MOV_K(R5, -1),
		ALU_X(OP_XOR, R5, R4),
		ATOMIC(SZ_DW, A_AND, R6, 24, R5),
		ATOMIC(SZ_W, A_XOR, R6, 32, R4),
		EXIT,
	};
	const uint64_t args[] = {FAKE_VA};
	uint64_t seen = 0;
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig_args(&rig, 1, args);
	rig_write(&rig, 8, 8, 0xffffffff00000010);
	rig_write(&rig, 24, 8, ~0ull);
	rig_write(&rig, 32, 8, 0xaaaaaaaaffff0000);
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_DONE);
	assert_uint_equal(rig_read(&rig, 0, 8), 96);
	for (uint32_t i = 0; i < FG1_WARP; i++) {
		assert_uint_equal(rig.warp.regs[2][i] % 3, 0);
		seen |= 1ull << rig.warp.regs[2][i] / 3;
		assert_uint_equal(rig.warp.regs[3][i] >> 32, 0);
	}
	assert_uint_equal(seen, 0xffffffff);
	assert_uint_equal(rig_read(&rig, 8, 8), 0xfffffffffffffff0); /* no carry into the neighbour */
	assert_uint_equal(rig_read(&rig, 16, 8), 0xffffffff);
	assert_uint_equal(rig_read(&rig, 24, 8), 0xffffffff00000000);
	assert_uint_equal(rig_read(&rig, 32, 8), 0xaaaaaaaa0000ffff);
	rig_fini(&rig);
}

/*
 * Goal: exchange and compare-exchange follow the RFC: src gets the old value, or r0 does; 32 bits are zero-extended.
 * Method: one lane, every case.
 */
static void exchanges_hand_back_the_old_value(void **unused)
{
	static const uint64_t program[] = {
		MOV_K(R2, 7),
		ATOMIC(SZ_DW, A_XCHG, R1, 0, R2),
		MOV_K(R3, 8),
		ATOMIC(SZ_W, A_XCHG, R1, 8, R3),
		MOV_K(R0, 7),
		MOV_K(R4, 9),
		ATOMIC(SZ_DW, A_CMPXCHG, R1, 0, R4),
		MOV_X(R6, R0), /* equal: stores */
		MOV_K(R0, 7),
		MOV_K(R4, 10),
		ATOMIC(SZ_DW, A_CMPXCHG, R1, 0, R4),
		MOV_X(R7, R0), /* not equal */
		WIDE(R0, 0xdead00000008),
		MOV_K(R4, -1),
		ATOMIC(SZ_W, A_CMPXCHG, R1, 8, R4),
		MOV_X(R8, R0),
		MOV_K(R5, 0xf0),
		ATOMIC(SZ_DW, A_AND | A_FETCH, R1, 16, R5),
		MOV_K(R9, 0x0f),
		ATOMIC(SZ_W, A_XOR | A_FETCH, R1, 16, R9),
		EXIT,
	};
	const uint64_t args[] = {FAKE_VA};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig_args(&rig, 1, args);
	rig.shape.block_threads = 1;
	rig_write(&rig, 0, 8, 0x1111111122222222);
	rig_write(&rig, 8, 8, 0x3333333344444444);
	rig_write(&rig, 16, 8, 0x5555);
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_DONE);
	assert_uint_equal(rig.warp.regs[2][0], 0x1111111122222222);
	assert_uint_equal(rig.warp.regs[3][0], 0x44444444);
	assert_uint_equal(rig.warp.regs[6][0], 7);
	assert_uint_equal(rig.warp.regs[7][0], 9);
	assert_uint_equal(rig_read(&rig, 0, 8), 9);
	assert_uint_equal(rig.warp.regs[8][0], 8); /* only the lower half of r0 was compared */
	assert_uint_equal(rig_read(&rig, 8, 8), 0x33333333ffffffff);
	assert_uint_equal(rig.warp.regs[5][0], 0x5555);
	assert_uint_equal(rig.warp.regs[9][0], 0x50);
	assert_uint_equal(rig_read(&rig, 16, 8), 0x5f);
	rig_fini(&rig);
}

/* ---- private memory ---- */

/*
 * Goal: every thread has private memory of its own, zero when it starts, whatever ran before.
 * Method: each lane writes its number over all 512 bytes and reads it back; then another warp reads only.
 */
static void private_memory_is_private_and_starts_as_zero(void **unused)
{
	static const uint64_t fill[] = {
		CALL(FG1_HELPER_GLOBAL_ID),
		MOV_X(R6, R10),
		MOV_K(R7, 64),
		ALU_K(OP_SUB, R6, 8),
		STX(SZ_DW, R6, 0, R0),
		ALU_K(OP_SUB, R7, 1),
		J_K(J_NE, R7, 0, -4),
		LDX(SZ_DW, R1, R10, -8),
		LDX(SZ_DW, R2, R10, -512),
		LDX(SZ_W, R3, R10, -3 - 4),
		EXIT,
	};
	static const uint64_t look[] = {
		MOV_X(R6, R10),       MOV_K(R7, 64),        ALU_K(OP_SUB, R6, 8), LDX(SZ_DW, R1, R6, 0),
		ALU_X(OP_OR, R2, R1), ALU_K(OP_SUB, R7, 1), J_K(J_NE, R7, 0, -5), EXIT,
	};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	assert_int_equal(rig_do(&rig, fill, RIG_COUNT(fill)), FG1_WARP_DONE);
	for (uint32_t i = 0; i < FG1_WARP; i++) {
		assert_uint_equal(rig.warp.regs[1][i], i);
		assert_uint_equal(rig.warp.regs[2][i], i);
		assert_uint_equal(rig.warp.regs[3][i], 0); /* misaligned: bytes 1..4 of the number */
		assert_uint_equal(rig.warp.regs[10][i], FG1_LOCAL_BASE + FG1_LOCAL_BYTES);
	}
	assert_int_equal(rig_do(&rig, look, RIG_COUNT(look)), FG1_WARP_DONE);
	for (uint32_t i = 0; i < FG1_WARP; i++)
		assert_uint_equal(rig.warp.regs[2][i], 0);
	rig_fini(&rig);
}

/*
 * Goal: atomics and misaligned accesses work on private memory too, for some lanes only.
 * Method: odd lanes do them.
 */
static void private_memory_takes_atomics_and_misaligned_accesses(void **unused)
{
	static const uint64_t program[] = {
		CALL(FG1_HELPER_GLOBAL_ID),
		J_K(J_SET, R0, 1, 1),
		EXIT,
		STX(SZ_DW, R10, -13, R0),
		LDX(SZ_DW, R2, R10, -13),
		MOV_K(R3, 5),
		ST(SZ_W, R10, -32, 6),
		ATOMIC(SZ_W, A_ADD | A_FETCH, R10, -32, R3),
		LDX(SZ_DW, R4, R10, -32),
		EXIT,
	};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_DONE);
	for (uint32_t i = 1; i < FG1_WARP; i += 2) {
		assert_uint_equal(rig.warp.regs[2][i], i);
		assert_uint_equal(rig.warp.regs[3][i], 6);
		assert_uint_equal(rig.warp.regs[4][i], 11);
	}
	rig_fini(&rig);
}

/* ---- bad addresses ---- */

/*
 * Goal: each address that cannot exist traps with its code, and changes nothing: not even for the lanes beside it.
 * Method: lane 7 alone uses the address, with a size; the others a good one.
 */
static void impossible_addresses_trap(void **unused)
{
	static const struct {
		uint64_t va;
		uint32_t size;
		uint64_t code; /* 0: it is a stall */
	} cases[] = {
		{FG1_LOCAL_BASE + FG1_LOCAL_BYTES, SZ_B, FG1_TRAP_LOCAL},
		{FG1_LOCAL_BASE + FG1_LOCAL_BYTES - 7, SZ_DW, FG1_TRAP_LOCAL},
		{FG1_LOCAL_BASE + FG1_LOCAL_BYTES - 4, SZ_DW, FG1_TRAP_LOCAL},
		{FG1_LOCAL_BASE - 1, SZ_B, FG1_TRAP_NONCANON},
		{FG1_LOCAL_BASE - 4, SZ_DW, FG1_TRAP_NONCANON},
		{~0ull, SZ_B, FG1_TRAP_LOCAL},
		{~0ull, SZ_DW, FG1_TRAP_LOCAL},
		{1ull << 48, SZ_B, FG1_TRAP_NONCANON},
		{(1ull << 48) - 1, SZ_H, FG1_TRAP_NONCANON},
		{(1ull << 48) - 7, SZ_DW, FG1_TRAP_NONCANON},
		{(1ull << 48) - 8, SZ_DW, 0},
		{(1ull << 48) - 1, SZ_B, 0},
		{0, SZ_DW, 0},
	};
	const uint64_t args[] = {FAKE_VA};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig_args(&rig, 1, args);
	for (uint32_t i = 0; i < RIG_COUNT(cases); i++) {
		const uint64_t program[] = {
			LANE_ADDRESS(8),
			J_K(J_NE, R9, 7, 2),
			WIDE(R6, cases[i].va),
			ST(SZ_DW, R1, 512, 0),
			MOV_K(R5, 1),
			STX(cases[i].size, R6, 0, R5), /* 10 */
			EXIT,
		};

		memset(rig.gpu.memory, 0, 4096);
		if (!cases[i].code) {
			assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_STALLED);
			assert_uint_equal(rig.warp.stall, 1u << 7);
			assert_uint_equal(rig.warp.stalls[0].page_va, cases[i].va & ~4095ull);
			continue;
		}
		assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_TRAP);
		assert_uint_equal(rig.warp.trap_code, cases[i].code);
		assert_uint_equal(rig.warp.trap_pc, 10);
		assert_uint_equal(rig.warp.run, ALL_LANES);
		for (uint32_t lane = 0; lane < FG1_WARP; lane++)
			assert_uint_equal(rig_read(&rig, 8 * lane, 8), 0);
	}
	rig_fini(&rig);
}

/*
 * Goal: the frame ends where it ends, on both sides, for accesses relative to r10.
 * Method: the last byte inside and the first outside, of each size.
 */
static void the_frame_has_two_ends(void **unused)
{
	static const struct {
		int32_t off;
		uint32_t size;
		bool inside;
	} cases[] = {
		{-1, SZ_B, true},     {0, SZ_B, false},     {-512, SZ_B, true},    {-513, SZ_B, false},
		{-8, SZ_DW, true},    {0, SZ_DW, false},    {-4, SZ_DW, false},    {-512, SZ_DW, true},
		{-520, SZ_DW, false}, {-513, SZ_DW, false}, {-4, SZ_W, true},      {0, SZ_W, false},
		{-2, SZ_H, true},     {0, SZ_H, false},     {0x7fff, SZ_B, false}, {-0x8000, SZ_DW, false},
	};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	for (uint32_t i = 0; i < RIG_COUNT(cases); i++) {
		const uint64_t program[] = {STX(cases[i].size, R10, cases[i].off, R10), EXIT};

		assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)),
		                 cases[i].inside ? FG1_WARP_DONE : FG1_WARP_TRAP);
		/* Below the frame is no private memory; above it neither. */
		if (!cases[i].inside)
			assert_uint_equal(rig.warp.trap_code,
			                  cases[i].off < -512 ? FG1_TRAP_NONCANON : FG1_TRAP_LOCAL);
	}
	rig_fini(&rig);
}

/*
 * Goal: misaligned atomics trap, in both widths, in global and in private memory; so do all when they are off.
 * Method: each; and a launch whose device lost the capability after the program was loaded.
 */
static void misaligned_or_disabled_atomics_trap(void **unused)
{
	static const uint64_t wide[] = {ATOMIC(SZ_DW, A_ADD, R1, 4, R2), EXIT};
	static const uint64_t narrow[] = {ATOMIC(SZ_W, A_XCHG, R1, 2, R2), EXIT};
	static const uint64_t local[] = {ATOMIC(SZ_DW, A_ADD, R10, -12, R2), EXIT};
	static const uint64_t aligned[] = {ATOMIC(SZ_W, A_ADD, R1, 4, R2), EXIT};
	const uint64_t args[] = {FAKE_VA, 1};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig_args(&rig, 2, args);
	assert_int_equal(rig_do(&rig, wide, RIG_COUNT(wide)), FG1_WARP_TRAP);
	assert_uint_equal(rig.warp.trap_code, FG1_TRAP_ALIGN);
	assert_int_equal(rig_do(&rig, narrow, RIG_COUNT(narrow)), FG1_WARP_TRAP);
	assert_uint_equal(rig.warp.trap_code, FG1_TRAP_ALIGN);
	assert_int_equal(rig_do(&rig, local, RIG_COUNT(local)), FG1_WARP_TRAP);
	assert_uint_equal(rig.warp.trap_code, FG1_TRAP_ALIGN);
	assert_int_equal(rig_do(&rig, aligned, RIG_COUNT(aligned)), FG1_WARP_DONE);
	assert_uint_equal(rig_read(&rig, 4, 4), 32);
	rig.shape.caps &= ~FG1_CAP_ATOMICS;
	assert_int_equal(rig_do(&rig, aligned, RIG_COUNT(aligned)), FG1_WARP_TRAP);
	assert_uint_equal(rig.warp.trap_code, FG1_TRAP_POWER);
	assert_uint_equal(rig_read(&rig, 4, 4), 32);
	rig_fini(&rig);
}

/* ---- two engines ---- */

struct engine {
	struct rig *rig;
	struct fg1_mmu mmu;
	struct fg1_warp warp;
};

static void *engine_main(void *arg)
{
	struct engine *e = arg;

	fg1_warp_start(&e->warp, e->rig->program, &e->rig->shape, 0, 0);
	fg1_mmu_enter(&e->mmu);
	while (fg1_warp_run(&e->warp, &e->mmu, 1000) == FG1_WARP_BUDGET)
		fg1_mmu_sync(&e->mmu);
	fg1_mmu_leave(&e->mmu);
	return NULL;
}

/*
 * Goal: atomics of two engines on one word lose nothing, and plain accesses that race are whole.
 * Method: two host threads run the same warp; both add to one word, and store a word whose halves belong together.
 */
static void two_engines_share_memory(void **unused)
{
	enum { TURNS = 300 };
	static const uint64_t program[] = {
		/* 0: r3 = a number whose halves are the same */
		MOV_K(R7, TURNS),
		CALL(FG1_HELPER_CLOCK),
		ALU_K(OP_LSH, R0, 32),
		ALU_K(OP_RSH, R0, 32),
		MOV_X(R3, R0),
		ALU_K(OP_LSH, R3, 32),
		ALU_X(OP_OR, R3, R0),
		/* 7: count, store it, load it or the other's */
		MOV_K(R2, 1),
		ATOMIC(SZ_DW, A_ADD, R1, 0, R2),
		STX(SZ_DW, R1, 8, R3),
		LDX(SZ_DW, R4, R1, 8),
		MOV_X(R5, R4),
		ALU_K(OP_RSH, R5, 32),
		/* 13: a torn one traps */
		J32_X(J_EQ, R4, R5, 1),
		CALL(FG1_HELPER_TRAP),
		/* 15: again, from the clock on */
		ALU_K(OP_SUB, R7, 1),
		J_K(J_NE, R7, 0, -16),
		EXIT,
	};
	static struct engine engines[2];
	const uint64_t args[] = {FAKE_VA};
	pthread_t threads[2];
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig_args(&rig, 1, args);
	rig_load(&rig, program, RIG_COUNT(program));
	for (uint32_t i = 0; i < 2; i++) {
		engines[i].rig = &rig;
		fg1_mmu_init(&engines[i].mmu, &rig.gpu, i);
		assert_int_equal(pthread_create(&threads[i], NULL, engine_main, &engines[i]), 0);
	}
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_uint_equal(engines[i].warp.run, 0);
	}
	assert_uint_equal(rig_read(&rig, 0, 8), 2 * 32 * TURNS);
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_in_every_shape_moves_the_right_bytes),
		cmocka_unit_test(a_number_is_stored_and_nothing_beside_it),
		cmocka_unit_test(a_number_fills_a_row),
		cmocka_unit_test(lanes_in_one_page_share_a_translation),
		cmocka_unit_test(an_access_over_a_page_border_needs_both_pages),
		cmocka_unit_test(atomics_add_up_whatever_the_order),
		cmocka_unit_test(exchanges_hand_back_the_old_value),
		cmocka_unit_test(private_memory_is_private_and_starts_as_zero),
		cmocka_unit_test(private_memory_takes_atomics_and_misaligned_accesses),
		cmocka_unit_test(impossible_addresses_trap),
		cmocka_unit_test(the_frame_has_two_ends),
		cmocka_unit_test(misaligned_or_disabled_atomics_trap),
		cmocka_unit_test(two_engines_share_memory),
	};

	return cmocka_run_group_tests_name("softgpu/warp_mem", tests, NULL, NULL);
}
