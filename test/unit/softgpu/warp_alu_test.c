/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: softgpu/program.c softgpu/softfloat.c softgpu/warp.c softgpu/warp_alu.c softgpu/warp_helper.c
 * softgpu/warp_mem.c
 */
/*
 * warp_alu_test.c - arithmetic, byte order and conditions, against the reference interpreter.
 *
 * Lane i of warp j gets one pair of operands out of a table of edges and random numbers. Each instruction runs twice:
 * in all lanes (the vector way), and in the odd lanes only (the masked way).
 */
#include "warp_rig.h"

#include "ref_ebpf.h"

static const uint64_t edges[] = {
	0,
	1,
	2,
	3,
	7,
	8,
	31,
	32,
	33,
	63,
	64,
	0x7f,
	0x80,
	0xff,
	0x100,
	0x7fff,
	0x8000,
	0xffff,
	0x10000,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x100000000,
	0x7fffffffffffffff,
	0x8000000000000000,
	0xffffffffffffffff,
	0xfffffffffffffffe,
	0xffffffff80000000,
	0xffffffff7fffffff,
	0x123456789abcdef0,
	0xff00ff00ff00ff00,
	0x00000001ffffffff,
};
#define EDGES ((uint32_t)RIG_COUNT(edges))
_Static_assert(sizeof(edges) / sizeof(edges[0]) == FG1_WARP, "a lane for each");

static uint64_t seed = 99;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Operands of lane i in round j: every pair of edges once, then random ones. */
static uint64_t operand(uint32_t lane, uint32_t round)
{
	return round < EDGES ? edges[(lane + round) % EDGES] : next() >> (next() & 63);
}

struct result {
	uint64_t insn, d, s;
};

static void compare(const struct result *in, uint64_t ours, uint64_t ref, const char *way)
{
	if (ours == ref)
		return;
	print_error("%s %#llx with %#llx, %#llx: %#llx, reference %#llx\n", way, (unsigned long long)in->insn,
	            (unsigned long long)in->d, (unsigned long long)in->s, (unsigned long long)ours,
	            (unsigned long long)ref);
	fail();
}

/* The instruction works on r6 and r7; what is left in r8 is compared. */
static void check_program(struct rig *rig, const uint64_t *all, const uint64_t *odd, uint32_t all_count,
                          uint32_t odd_count, uint64_t insn, uint32_t round)
{
	for (uint32_t way = 0; way < 2; way++) {
		const uint64_t *program = way ? odd : all;
		uint32_t count = way ? odd_count : all_count;
		uint64_t d[FG1_WARP], s[FG1_WARP];

		rig_load(rig, program, count);
		rig_start(rig);
		for (uint32_t i = 0; i < FG1_WARP; i++) {
			rig->warp.regs[6][i] = d[i] = edges[i];
			rig->warp.regs[7][i] = s[i] = operand(i, round);
			rig->warp.regs[9][i] = i;
		}
		assert_int_equal(rig_run(rig, 100), FG1_WARP_DONE);
		for (uint32_t i = 0; i < FG1_WARP; i++) {
			struct ref ref = {.regs = {[6] = d[i], [7] = s[i], [9] = i}};
			struct result in = {.insn = insn, .d = d[i], .s = s[i]};

			assert_true(ref_run(&ref, program, count, 100));
			compare(&in, rig->warp.regs[8][i], ref.regs[8], way ? "odd lanes" : "all lanes");
			compare(&in, rig->warp.regs[6][i], ref.regs[6], way ? "odd lanes" : "all lanes");
		}
	}
}

static void check_alu(struct rig *rig, uint64_t insn, uint32_t round)
{
	const uint64_t all[] = {insn, MOV_X(R8, R6), EXIT};
	/* Even lanes jump over it: only the odd ones run it, and all leave together. */
	const uint64_t odd[] = {J_K(J_SET, R9, 1, 1), JUMP(1), insn, MOV_X(R8, R6), EXIT};

	check_program(rig, all, odd, RIG_COUNT(all), RIG_COUNT(odd), insn, round);
}

/*
 * Goal: every arithmetic instruction, of both widths, with a register and with a number.
 * Method: all 13 codes and the signed and extending forms, over all pairs of edges and some random ones.
 */
static void arithmetic_agrees_with_the_reference(void **unused)
{
	static const struct {
		uint32_t code;
		int32_t off;
		bool reg_only, number_only, wide_only;
	} forms[] = {
		{OP_ADD, 0, 0, 0, 0},  {OP_SUB, 0, 0, 0, 0},  {OP_MUL, 0, 0, 0, 0},  {OP_DIV, 0, 0, 0, 0},
		{OP_DIV, 1, 0, 0, 0},  {OP_OR, 0, 0, 0, 0},   {OP_AND, 0, 0, 0, 0},  {OP_LSH, 0, 0, 0, 0},
		{OP_RSH, 0, 0, 0, 0},  {OP_NEG, 0, 0, 1, 0},  {OP_MOD, 0, 0, 0, 0},  {OP_MOD, 1, 0, 0, 0},
		{OP_XOR, 0, 0, 0, 0},  {OP_MOV, 0, 0, 0, 0},  {OP_ARSH, 0, 0, 0, 0}, {OP_MOV, 8, 1, 0, 0},
		{OP_MOV, 16, 1, 0, 0}, {OP_MOV, 32, 1, 0, 1},
	};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	for (uint32_t f = 0; f < RIG_COUNT(forms); f++) {
		for (uint32_t round = 0; round < EDGES + 4; round++) {
			int32_t imm = (int32_t)operand(round, round);

			for (uint32_t class = 4; class <= 7; class += 3) {
				uint32_t opcode = forms[f].code | class;
				int32_t off = forms[f].off;

				if (forms[f].wide_only && class == 4)
					continue;
				if (!forms[f].number_only)
					check_alu(&rig, EBPF(opcode | 8, R6, R7, off, 0), round);
				if (!forms[f].reg_only)
					check_alu(&rig, EBPF(opcode, R6, 0, off, forms[f].code == OP_NEG ? 0 : imm),
					          round);
			}
		}
		/* Both operands the same register. */
		if (!forms[f].number_only)
			check_alu(&rig, EBPF(forms[f].code | 15, R6, R6, forms[f].off, 0), 0);
	}
	rig_fini(&rig);
}

/*
 * Goal: byte order instructions, three kinds of three widths; and the wide constant.
 * Method: as above.
 */
static void byte_order_agrees_with_the_reference(void **unused)
{
	static const uint32_t opcodes[] = {0xd4, 0xdc, 0xd7};
	const uint64_t wide[] = {WIDE(R6, 0xfedcba9876543210), MOV_X(R8, R6), EXIT};
	const uint64_t wide_odd[] = {J_K(J_SET, R9, 1, 1), JUMP(2), WIDE(R6, 0x8123456789abcdef), MOV_X(R8, R6),
	                             EXIT};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	for (uint32_t i = 0; i < RIG_COUNT(opcodes); i++) {
		for (int32_t width = 16; width <= 64; width *= 2)
			check_alu(&rig, EBPF(opcodes[i], R6, 0, 0, width), 0);
	}
	check_program(&rig, wide, wide_odd, RIG_COUNT(wide), RIG_COUNT(wide_odd), wide[0], 0);
	rig_fini(&rig);
}

/*
 * Goal: every condition, of both widths, with a register and with a number.
 * Method: r8 says whether the branch was taken; lanes differ, so most of these branches diverge.
 */
static void conditions_agree_with_the_reference(void **unused)
{
	static const uint32_t codes[] = {J_EQ, J_GT, J_GE, J_SET, J_NE, J_SGT, J_SGE, J_LT, J_LE, J_SLT, J_SLE};
	struct rig rig;

	(void)unused;
	rig_init(&rig, 1);
	for (uint32_t c = 0; c < RIG_COUNT(codes); c++) {
		for (uint32_t form = 0; form < 4 * (EDGES + 4); form++) {
			uint32_t round = form / 4, opcode = codes[c] | (form & 1 ? 5 : 6);
			uint64_t insn = form & 2 ? EBPF(opcode | 8, R6, R7, 1, 0)
			                         : EBPF(opcode, R6, 0, 1, (int32_t)operand(round, round));
			const uint64_t all[] = {MOV_K(R8, 1), insn, MOV_K(R8, 0), EXIT};
			const uint64_t odd[] = {MOV_K(R8, 2), J_K(J_SET, R9, 1, 1), JUMP(3), MOV_K(R8, 1),
			                        insn,         MOV_K(R8, 0),         EXIT};

			check_program(&rig, all, odd, RIG_COUNT(all), RIG_COUNT(odd), insn, round);
		}
	}
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic_agrees_with_the_reference),
		cmocka_unit_test(byte_order_agrees_with_the_reference),
		cmocka_unit_test(conditions_agree_with_the_reference),
	};

	return cmocka_run_group_tests_name("softgpu/warp_alu", tests, NULL, NULL);
}
