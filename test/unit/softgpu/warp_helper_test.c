/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: softgpu/program.c softgpu/softfloat.c softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c
 * softgpu/warp_mem.c
 */
/*
 * warp_helper_test.c - thread numbers, arguments, time, and that each float helper is the operation of its name.
 */
#include "warp_rig.h"

/*
 * Goal: thread and block numbers in three dimensions, of every warp of a grid.
 * Method: a 5 x 3 x 4 block in a 2 x 3 x 2 grid; the sizes are no powers of two, so warps begin in the middle of
 * rows.
 */
static void thread_and_block_numbers_are_right_in_three_dimensions(void **unused)
{
	static const uint64_t program[] = {
		MOV_K(R1, 0),
		CALL(FG1_HELPER_THREAD_INDEX),
		MOV_X(R6, R0),
		MOV_K(R1, 1),
		CALL(FG1_HELPER_THREAD_INDEX),
		MOV_X(R7, R0),
		MOV_K(R1, 2),
		CALL(FG1_HELPER_THREAD_INDEX),
		MOV_X(R8, R0),
		MOV_K(R1, 0),
		CALL(FG1_HELPER_BLOCK_INDEX),
		MOV_X(R3, R0),
		MOV_K(R1, 1),
		CALL(FG1_HELPER_BLOCK_INDEX),
		MOV_X(R4, R0),
		MOV_K(R1, 2),
		CALL(FG1_HELPER_BLOCK_INDEX),
		MOV_X(R5, R0),
		CALL(FG1_HELPER_GLOBAL_ID),
		MOV_X(R9, R0),
		CALL(FG1_HELPER_GLOBAL_SIZE),
		EXIT,
	};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig.shape = (struct fg1_launch_shape){
		.grid = {2, 3, 2}, .block = {5, 3, 4}, .block_threads = 60, .grid_blocks = 12};
	rig_load(&rig, program, RIG_COUNT(program));
	for (uint64_t block = 0; block < 12; block++) {
		for (uint32_t first = 0; first < 60; first += FG1_WARP) {
			fg1_warp_start(&rig.warp, rig.program, &rig.shape, block, first);
			assert_int_equal(rig_run(&rig, 100), FG1_WARP_DONE);
			for (uint32_t i = 0; i < FG1_WARP && first + i < 60; i++) {
				uint32_t thread = first + i;

				assert_uint_equal(rig.warp.regs[6][i], thread % 5);
				assert_uint_equal(rig.warp.regs[7][i], thread / 5 % 3);
				assert_uint_equal(rig.warp.regs[8][i], thread / 15);
				assert_uint_equal(rig.warp.regs[3][i], block % 2);
				assert_uint_equal(rig.warp.regs[4][i], block / 2 % 3);
				assert_uint_equal(rig.warp.regs[5][i], block / 6);
				assert_uint_equal(rig.warp.regs[9][i], block * 60 + thread);
				assert_uint_equal(rig.warp.regs[0][i], 720);
			}
		}
	}
	rig_fini(&rig);
}

/*
 * Goal: sizes, and what a dimension that does not exist gives.
 * Method: lane i asks for dimension i.
 */
static void sizes_and_missing_dimensions(void **unused)
{
	static const uint64_t program[] = {
		CALL(FG1_HELPER_GLOBAL_ID),    MOV_X(R1, R0), CALL(FG1_HELPER_BLOCK_SIZE),  MOV_X(R6, R0),
		CALL(FG1_HELPER_GRID_SIZE),    MOV_X(R7, R0), CALL(FG1_HELPER_BLOCK_INDEX), MOV_X(R8, R0),
		CALL(FG1_HELPER_THREAD_INDEX), EXIT,
	};
	static const uint32_t block[] = {8, 4, 2}, grid[] = {7, 6, 5};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig.shape = (struct fg1_launch_shape){
		.grid = {7, 6, 5}, .block = {8, 4, 2}, .block_threads = 64, .grid_blocks = 210};
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_DONE);
	for (uint32_t i = 0; i < FG1_WARP; i++) {
		assert_uint_equal(rig.warp.regs[6][i], i < 3 ? block[i] : 1);
		assert_uint_equal(rig.warp.regs[7][i], i < 3 ? grid[i] : 1);
		assert_uint_equal(rig.warp.regs[8][i], 0);
		assert_uint_equal(rig.warp.regs[0][i], i == 1 || i == 2 ? i / 8 : 0);
	}
	rig_fini(&rig);
}

/*
 * Goal: the first five arguments are in r1-r5, all are behind the helper, and what is not there reads as zero.
 * Method: seven arguments; lane i asks for argument i; then a start with two shows that the rest is wiped.
 */
static void arguments_are_in_registers_and_behind_the_helper(void **unused)
{
	static const uint64_t program[] = {
		MOV_X(R6, R1), MOV_X(R7, R5), CALL(FG1_HELPER_GLOBAL_ID), MOV_X(R1, R0), CALL(FG1_HELPER_ARG), EXIT,
	};
	const uint64_t args[] = {11, 22, 33, 44, 55, 66, 77, 88}; /* seven, and one that was not passed */
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	rig_args(&rig, 8, args);
	rig.shape.arg_count = 7;
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_DONE);
	for (uint32_t i = 0; i < FG1_WARP; i++) {
		assert_uint_equal(rig.warp.regs[6][i], 11);
		assert_uint_equal(rig.warp.regs[7][i], 55);
		assert_uint_equal(rig.warp.regs[0][i], i < 7 ? args[i] : 0);
	}
	rig.shape.arg_count = 2;
	rig_start(&rig);
	for (uint32_t r = 0; r < FG1_REGS - 1; r++)
		assert_uint_equal(rig.warp.regs[r][9], r == 1 || r == 2 ? args[r - 1] : 0);
	rig_fini(&rig);
}

/*
 * Goal: time does not run backwards, and a fence returns.
 * Method: two readings with a fence between them.
 */
static void the_clock_runs_forward(void **unused)
{
	static const uint64_t program[] = {
		CALL(FG1_HELPER_CLOCK), MOV_X(R6, R0), CALL(FG1_HELPER_FENCE), CALL(FG1_HELPER_CLOCK), EXIT,
	};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_DONE);
	assert_true(rig.warp.regs[6][0] > 0);
	assert_true(rig.warp.regs[0][31] >= rig.warp.regs[6][31]);
	rig_fini(&rig);
}

/*
 * Goal: each number calls the operation of its name; binary32 looks at the lower half only and clears the upper one.
 * Method: one known result for each, in all lanes and in the lanes of a mask, with rubbish in the upper halves.
 */
static void every_float_helper_is_the_operation_of_its_name(void **unused)
{
	static const uint64_t up = 0xdeadbeef00000000;
	const struct {
		uint32_t helper;
		uint64_t a, b, c, result;
	} cases[] = {
		{FG1_HELPER_F32_ADD, up | 0x3fc00000, up | 0x40100000, 0, 0x40700000}, /* 1.5 + 2.25 */
		{FG1_HELPER_F32_SUB, up | 0x3fc00000, up | 0x40100000, 0, 0xbf400000},
		{FG1_HELPER_F32_MUL, up | 0x3fc00000, up | 0x40100000, 0, 0x40580000},
		{FG1_HELPER_F32_DIV, up | 0x40900000, up | 0x40100000, 0, 0x40000000}, /* 4.5 / 2.25 */
		{FG1_HELPER_F32_FMA, up | 0x3fc00000, up | 0x40100000, up | 0x3f000000, 0x40780000},
		{FG1_HELPER_F32_SQRT, up | 0x40100000, 0, 0, 0x3fc00000},
		{FG1_HELPER_F32_LT, up | 0x3fc00000, 0x40100000, 0, 1},
		{FG1_HELPER_F32_LT, 0x40100000, up | 0x40100000, 0, 0},
		{FG1_HELPER_F32_LE, up | 0x40100000, 0x40100000, 0, 1},
		{FG1_HELPER_F32_EQ, up | 0x80000000, 0, 0, 1},
		{FG1_HELPER_F32_FROM_I64, (uint64_t)-3, 0, 0, 0xc0400000},
		{FG1_HELPER_F32_TO_I64, up | 0xc0600000, 0, 0, (uint64_t)-3}, /* -3.5 */
		{FG1_HELPER_F64_ADD, 0x3ff8000000000000, 0x4002000000000000, 0, 0x400e000000000000},
		{FG1_HELPER_F64_SUB, 0x3ff8000000000000, 0x4002000000000000, 0, 0xbfe8000000000000},
		{FG1_HELPER_F64_MUL, 0x3ff8000000000000, 0x4002000000000000, 0, 0x400b000000000000},
		{FG1_HELPER_F64_DIV, 0x4012000000000000, 0x4002000000000000, 0, 0x4000000000000000},
		{FG1_HELPER_F64_FMA, 0x3ff8000000000000, 0x4002000000000000, 0x3fe0000000000000, 0x400f000000000000},
		{FG1_HELPER_F64_SQRT, 0x4002000000000000, 0, 0, 0x3ff8000000000000},
		{FG1_HELPER_F64_LT, 0x3ff8000000000000, 0x4002000000000000, 0, 1},
		{FG1_HELPER_F64_LT, 0x4002000000000000, 0x4002000000000000, 0, 0},
		{FG1_HELPER_F64_LE, 0x4002000000000000, 0x4002000000000000, 0, 1},
		{FG1_HELPER_F64_EQ, 0x8000000000000000, 0, 0, 1},
		{FG1_HELPER_F64_FROM_I64, (uint64_t)-3, 0, 0, 0xc008000000000000},
		{FG1_HELPER_F64_TO_I64, 0xc00c000000000000, 0, 0, (uint64_t)-3},
		{FG1_HELPER_F64_FROM_F32, up | 0xbfc00000, 0, 0, 0xbff8000000000000},
		{FG1_HELPER_F64_TO_F32, 0xbff8000000000000, 0, 0, 0xbfc00000},
	};
	struct rig rig;
	uint64_t seen = 0, seen64 = 0;

	(void)unused;
	rig_init(&rig, 1);
	for (uint32_t i = 0; i < RIG_COUNT(cases); i++) {
		const uint64_t program[] = {
			CALL(FG1_HELPER_GLOBAL_ID), MOV_X(R9, R0),         WIDE(R1, cases[i].a), WIDE(R2, cases[i].b),
			WIDE(R3, cases[i].c),       CALL(cases[i].helper), MOV_X(R6, R0),        MOV_K(R0, -1),
			J_K(J_SET, R9, 1, 1),       CALL(cases[i].helper), MOV_X(R7, R0),        EXIT,
		};

		assert_int_equal(rig_do(&rig, program, RIG_COUNT(program)), FG1_WARP_DONE);
		for (uint32_t lane = 0; lane < FG1_WARP; lane++) {
			assert_uint_equal(rig.warp.regs[6][lane], cases[i].result);
			assert_uint_equal(rig.warp.regs[7][lane], lane & 1 ? ~0ull : cases[i].result);
		}
		if (cases[i].helper < 64)
			seen |= 1ull << (cases[i].helper - FG1_HELPER_F32_ADD);
		else
			seen64 |= 1ull << (cases[i].helper - FG1_HELPER_F64_ADD);
	}
	assert_uint_equal(seen, (1ull << (FG1_HELPER_F32_TO_I64 - FG1_HELPER_F32_ADD + 1)) - 1);
	assert_uint_equal(seen64, (1ull << (FG1_HELPER_F64_TO_F32 - FG1_HELPER_F64_ADD + 1)) - 1);
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thread_and_block_numbers_are_right_in_three_dimensions),
		cmocka_unit_test(sizes_and_missing_dimensions),
		cmocka_unit_test(arguments_are_in_registers_and_behind_the_helper),
		cmocka_unit_test(the_clock_runs_forward),
		cmocka_unit_test(every_float_helper_is_the_operation_of_its_name),
	};

	return cmocka_run_group_tests_name("softgpu/warp_helper", tests, NULL, NULL);
}
