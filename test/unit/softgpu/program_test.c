/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: softgpu/program.c */
/*
 * program_test.c - what the loader lets through, and where and why it refuses.
 *
 * Expectations come from the tables of RFC 9669, written down here once more and independently of program.c.
 */
#include "test/unit/cmocka_compat.h"

#include <stdlib.h>
#include <string.h>

#include "ebpf.h"
#include "os_fault.h"
#include "program.h"
#include "warp.h"

struct verdict {
	int error;
	enum fg1_program_error why;
	uint32_t at;
};

static struct verdict load(const uint64_t *insns, uint32_t count, uint64_t caps)
{
	struct fg1_program *program = NULL;
	struct verdict v = {.why = FG1_PROGRAM_OK, .at = 0};

	v.error = fg1_program_load(insns, count, 0, caps, &program, &v.why, &v.at);
	assert_true((v.error == 0) == (program != NULL));
	fg1_program_free(program);
	return v;
}

/* The instruction alone, followed by an exit. */
static enum fg1_program_error load_one(uint64_t insn)
{
	const uint64_t program[] = {insn, EXIT};
	struct verdict v = load(program, 2, FG1_CAP_ALL);

	if (v.error)
		assert_uint_equal(v.at, 0);
	return v.why;
}

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

/* ---- the opcode table of the RFC ---- */

static bool is_alu(uint32_t opcode)
{
	uint32_t code = opcode >> 4, wide = (opcode & 7) == 7, reg = opcode >> 3 & 1;

	if ((opcode & 7) != 4 && (opcode & 7) != 7)
		return false;
	if (code == 8)
		return !reg;
	if (code == 13)
		return !(wide && reg);
	return code <= 12;
}

static bool is_jump(uint32_t opcode)
{
	uint32_t code = opcode >> 4, reg = opcode >> 3 & 1;

	if ((opcode & 7) == 5 && (code == 8 || code == 9))
		return !reg;
	if ((opcode & 7) != 5 && (opcode & 7) != 6)
		return false;
	if (code == 0)
		return !reg;
	return code <= 13 && code != 8 && code != 9;
}

static bool is_memory(uint32_t opcode)
{
	uint32_t mode = opcode >> 5, size = opcode >> 3 & 3; /* 0 W, 1 H, 2 B, 3 DW */

	switch (opcode & 7) {
	case 1:
		return mode == 3 || (mode == 4 && size != 3);
	case 2:
		return mode == 3;
	case 3:
		return mode == 3 || (mode == 6 && (size == 0 || size == 3));
	default:
		return false;
	}
}

/*
 * Goal: exactly the opcodes of the RFC's groups base64, divmul64 and atomic64 load.
 * Method: all 256, each with the operand fields that its form wants; only LD_IMM64 is left out, which has two slots.
 */
static void every_opcode_of_the_rfc_loads_and_no_other(void **unused)
{
	(void)unused;
	for (uint32_t opcode = 0; opcode < 256; opcode++) {
		bool valid = is_alu(opcode) || is_jump(opcode) || is_memory(opcode);
		bool is_end = is_alu(opcode) && opcode >> 4 == 13;
		bool is_call = opcode == 0x85;
		enum fg1_program_error why;

		if (opcode == 0x18)
			continue;
		why = load_one(EBPF(opcode, 0, 0, 0, is_end ? 16 : is_call ? FG1_HELPER_FENCE : 0));
		if (opcode == 0x8d) /* a call through a register has a reason of its own */
			assert_int_equal(why, FG1_PROGRAM_CALL);
		else
			assert_int_equal(why, valid ? FG1_PROGRAM_OK : FG1_PROGRAM_OPCODE);
	}
}

/*
 * Goal: fields that an instruction does not use must be zero.
 * Method: of each form, one field set that is reserved in it.
 */
static void reserved_fields_must_be_zero(void **unused)
{
	static const uint64_t bad[] = {
		EBPF(0x07, R1, R2, 0, 1),     /* add with a number: src */
		EBPF(0x07, R1, 0, 1, 1),      /* its off */
		EBPF(0x0f, R1, R2, 0, 1),     /* add of registers: imm */
		EBPF(0x0f, R1, R2, 1, 0),     /* its off */
		EBPF(0x37, R1, 0, 2, 1),      /* div: off is 0 or 1 */
		EBPF(0x97, R1, 0, 8, 1),      /* mod: the same */
		EBPF(0xb7, R1, 0, 8, 1),      /* movsx needs a register */
		EBPF(0xbf, R1, R2, 24, 0),    /* movsx: 8, 16, 32 */
		EBPF(0xbc, R1, R2, 32, 0),    /* movsx 32 in 32 bits */
		EBPF(0x87, R1, R2, 0, 0),     /* neg: src */
		EBPF(0x87, R1, 0, 0, 1),      /* its imm */
		EBPF(0x87, R1, 0, 1, 0),      /* its off */
		EBPF(0xd4, R1, 0, 0, 8),      /* end: 16, 32, 64 */
		EBPF(0xd4, R1, R2, 0, 16),    /* its src */
		EBPF(0xdc, R1, 0, 1, 16),     /* its off */
		EBPF(0x05, R1, 0, 0, 0),      /* ja: dst */
		EBPF(0x05, 0, R1, 0, 0),      /* its src */
		EBPF(0x05, 0, 0, 0, 1),       /* its imm */
		EBPF(0x06, 0, 0, 1, 0),       /* ja with 32 bits: off */
		EBPF(0x15, R1, R2, 0, 0),     /* jeq with a number: src */
		EBPF(0x1d, R1, R2, 0, 1),     /* jeq of registers: imm */
		EBPF(0x95, R1, 0, 0, 0),      /* exit: dst */
		EBPF(0x95, 0, R1, 0, 0),      /* src */
		EBPF(0x95, 0, 0, 1, 0),       /* off */
		EBPF(0x95, 0, 0, 0, 1),       /* imm */
		EBPF(0x85, R1, 0, 0, 10),     /* call: dst */
		EBPF(0x85, 0, 0, 1, 10),      /* off */
		EBPF(0x61, R1, R2, 0, 1),     /* load: imm */
		EBPF(0x62, R1, R2, 0, 1),     /* store of a number: src */
		EBPF(0x63, R1, R2, 0, 1),     /* store: imm */
		EBPF(0xdb, R1, R2, 0, 0x10),  /* atomic: no such operation */
		EBPF(0xdb, R1, R2, 0, 0xe0),  /* xchg without fetch */
		EBPF(0xdb, R1, R2, 0, 0xf0),  /* cmpxchg without fetch */
		EBPF(0xdb, R1, R2, 0, 0x100), /* beyond the byte */
	};

	(void)unused;
	for (uint32_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(load_one(bad[i]), FG1_PROGRAM_OPCODE);
}

/*
 * Goal: r11 and above are refused everywhere, r10 wherever it would be written.
 * Method: instructions with each register field out of range, and each that writes.
 */
static void registers_that_do_not_exist_or_may_not_be_written_are_refused(void **unused)
{
	static const uint64_t bad[] = {
		MOV_K(11, 0),
		MOV_K(R10, 0),
		MOV_X(R1, 11),
		MOV_X(R1, 15),
		ALU32_X(OP_ADD, R10, R1),
		EBPF(0x87, R10, 0, 0, 0),
		EBPF(0xd4, R10, 0, 0, 16),
		EBPF(0xbf, R10, R1, 8, 0),
		J_K(J_EQ, 11, 0, 0),
		J_X(J_EQ, R1, 12, 0),
		LDX(SZ_W, R10, R1, 0),
		LDX(SZ_W, R1, 11, 0),
		LDXS(SZ_B, R10, R1, 0),
		ST(SZ_W, 11, 0, 0),
		STX(SZ_W, 11, 0, R1),
		STX(SZ_W, R1, 0, 11),
		ATOMIC(SZ_W, A_ADD, 11, 0, R1),
		ATOMIC(SZ_W, A_ADD, R1, 0, 11),
		ATOMIC(SZ_W, A_ADD | A_FETCH, R1, 0, R10), /* writes src */
		ATOMIC(SZ_DW, A_XCHG, R1, 0, R10),
	};
	static const uint64_t good[] = {
		MOV_X(R1, R10),
		J_X(J_EQ, R10, R10, 0),
		LDX(SZ_W, R1, R10, -4),
		ST(SZ_W, R10, -4, 0),
		STX(SZ_DW, R10, -8, R10),
		ATOMIC(SZ_W, A_ADD, R10, -4, R10),
		ATOMIC(SZ_W, A_CMPXCHG, R10, -4, R10), /* writes r0 */
	};
	static const uint64_t wide[] = {WIDE(R10, 1), EXIT};
	static const uint64_t wide_out[] = {WIDE(11, 1), EXIT};

	(void)unused;
	for (uint32_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(load_one(bad[i]), FG1_PROGRAM_REGISTER);
	for (uint32_t i = 0; i < COUNT(good); i++)
		assert_int_equal(load_one(good[i]), FG1_PROGRAM_OK);
	assert_int_equal(load(wide, COUNT(wide), FG1_CAP_ALL).why, FG1_PROGRAM_REGISTER);
	assert_int_equal(load(wide_out, COUNT(wide_out), FG1_CAP_ALL).why, FG1_PROGRAM_REGISTER);
}

/*
 * Goal: branches stay inside, and never reach the second slot of a wide instruction.
 * Method: distances just inside and just outside, in each of the three encodings.
 */
static void branches_stay_on_instructions(void **unused)
{
	const uint64_t before[] = {EXIT, JUMP(-3), EXIT};
	const uint64_t first[] = {EXIT, JUMP(-2), EXIT};
	const uint64_t last[] = {JUMP(1), EXIT, EXIT};
	const uint64_t past[] = {JUMP(2), EXIT, EXIT};
	const uint64_t far_past[] = {EXIT, JUMP32(0x7fffffff), EXIT};
	const uint64_t far_before[] = {EXIT, JUMP32(-0x7fffffff - 1), EXIT};
	const uint64_t inside32[] = {EXIT, JUMP32(-2), EXIT};
	const uint64_t cond_past[] = {J_K(J_EQ, R0, 0, 2), EXIT, EXIT};
	const uint64_t middle[] = {J_K(J_EQ, R0, 0, 1), WIDE(R0, 1), EXIT};
	const uint64_t middle_back[] = {WIDE(R0, 1), J32_X(J_EQ, R0, R1, -2), EXIT};
	const uint64_t over[] = {J_K(J_EQ, R0, 0, 2), WIDE(R0, 1), EXIT};
	struct verdict v;

	(void)unused;
	v = load(before, 3, 0);
	assert_int_equal(v.error, FERRY_E_PROGRAM_BRANCH);
	assert_uint_equal(v.at, 1);
	assert_int_equal(load(first, 3, 0).error, 0);
	assert_int_equal(load(last, 3, 0).error, 0);
	assert_int_equal(load(past, 3, 0).why, FG1_PROGRAM_BRANCH);
	assert_int_equal(load(far_past, 3, 0).why, FG1_PROGRAM_BRANCH);
	assert_int_equal(load(far_before, 3, 0).why, FG1_PROGRAM_BRANCH);
	assert_int_equal(load(inside32, 3, 0).error, 0);
	assert_int_equal(load(cond_past, 3, 0).why, FG1_PROGRAM_BRANCH);
	v = load(middle, 4, 0);
	assert_int_equal(v.why, FG1_PROGRAM_BRANCH);
	assert_uint_equal(v.at, 0);
	v = load(middle_back, 4, 0);
	assert_int_equal(v.why, FG1_PROGRAM_BRANCH);
	assert_uint_equal(v.at, 2);
	assert_int_equal(load(over, 4, 0).error, 0);
}

/*
 * Goal: no program runs past its end.
 * Method: last instructions that end or jump, and those that do not.
 */
static void the_last_instruction_ends_or_jumps(void **unused)
{
	const uint64_t alu[] = {EXIT, MOV_K(R0, 0)};
	const uint64_t branch[] = {EXIT, J_K(J_EQ, R0, 0, -2)};
	const uint64_t wide[] = {EXIT, WIDE(R0, 1)};
	const uint64_t call[] = {CALL(FG1_HELPER_BARRIER)};
	const uint64_t exits[] = {EXIT};
	const uint64_t loops[] = {JUMP(-1)};
	const uint64_t traps[] = {CALL(FG1_HELPER_TRAP)};
	struct verdict v = load(alu, 2, 0);

	(void)unused;
	assert_int_equal(v.error, FERRY_E_PROGRAM_FALLTHROUGH);
	assert_int_equal(v.why, FG1_PROGRAM_FALLTHROUGH);
	assert_uint_equal(v.at, 1);
	assert_int_equal(load(branch, 2, 0).why, FG1_PROGRAM_FALLTHROUGH);
	assert_int_equal(load(wide, 3, 0).why, FG1_PROGRAM_FALLTHROUGH);
	assert_int_equal(load(call, 1, 0).why, FG1_PROGRAM_FALLTHROUGH);
	assert_int_equal(load(exits, 1, 0).error, 0);
	assert_int_equal(load(loops, 1, 0).error, 0);
	assert_int_equal(load(traps, 1, 0).error, 0);
}

/*
 * Goal: LD_IMM64 loads whole, plain and with a clean second slot only.
 * Method: one defect each.
 */
static void a_wide_instruction_is_whole_and_plain(void **unused)
{
	uint64_t good[] = {WIDE(R3, 0x123456789abcdef0), EXIT};
	uint64_t broken[3];
	static const uint64_t defects[] = {EBPF(1, 0, 0, 0, 0), EBPF(0, R1, 0, 0, 0), EBPF(0, 0, R1, 0, 0),
	                                   EBPF(0, 0, 0, 1, 0)};
	const uint64_t cut[] = {EXIT, EBPF(0x18, R1, 0, 0, 1)};
	struct fg1_program *program;
	enum fg1_program_error why;
	uint32_t at;

	(void)unused;
	assert_int_equal(fg1_program_load(good, 3, 0, 0, &program, &why, &at), 0);
	assert_uint_equal(program->insns[0].imm, 0x123456789abcdef0);
	assert_int_equal(program->insns[1].kind, FG1_KIND_HOLE);
	fg1_program_free(program);
	for (uint32_t i = 0; i < COUNT(defects); i++) {
		memcpy(broken, good, sizeof(good));
		broken[1] |= defects[i];
		assert_int_equal(load(broken, 3, 0).why, FG1_PROGRAM_OPCODE);
	}
	memcpy(broken, good, sizeof(good));
	broken[0] |= EBPF(0, 0, 0, 1, 0);
	assert_int_equal(load(broken, 3, 0).why, FG1_PROGRAM_OPCODE);
	for (uint64_t src = 1; src < 16; src++) {
		broken[0] = good[0] | src << 12;
		assert_int_equal(load(broken, 3, 0).why, FG1_PROGRAM_RELOC);
		assert_int_equal(load(broken, 3, 0).error, FERRY_E_PROGRAM_RELOC);
	}
	assert_int_equal(load(cut, 2, 0).why, FG1_PROGRAM_OPCODE);
	assert_uint_equal(load(cut, 2, 0).at, 1);
}

/*
 * Goal: only helpers of the table can be called, and floats and atomics only where the device has them.
 * Method: every number up to beyond the table; capabilities on and off.
 */
static void helpers_and_groups_follow_the_capabilities(void **unused)
{
	(void)unused;
	for (uint32_t n = 0; n < 300; n++) {
		const uint64_t program[] = {CALL(n), EXIT};
		bool plain = n >= 1 && n <= 11, is_float = (n >= 32 && n <= 42) || (n >= 64 && n <= 76);

		assert_int_equal(load(program, 2, FG1_CAP_ALL).why,
		                 plain || is_float ? FG1_PROGRAM_OK : FG1_PROGRAM_HELPER);
		assert_int_equal(load(program, 2, FG1_CAP_ALL & ~FG1_CAP_FLOAT).why,
		                 plain ? FG1_PROGRAM_OK : FG1_PROGRAM_HELPER);
	}
	assert_int_equal(load_one(CALL(-1)), FG1_PROGRAM_HELPER);
	assert_int_equal(load_one(CALL(0x105)), FG1_PROGRAM_HELPER);
	assert_int_equal(load_one(EBPF(0x85, 0, 1, 0, 1)), FG1_PROGRAM_CALL); /* of a function of the program */
	assert_int_equal(load_one(EBPF(0x85, 0, 2, 0, 1)), FG1_PROGRAM_CALL); /* by BTF id */
	{
		const uint64_t program[] = {ATOMIC(SZ_DW, A_ADD, R1, 0, R2), EXIT};

		assert_int_equal(load(program, 2, FG1_CAP_ATOMICS).error, 0);
		assert_int_equal(load(program, 2, FG1_CAP_ALL & ~FG1_CAP_ATOMICS).error, FERRY_E_PROGRAM_OPCODE);
	}
}

/*
 * Goal: sizes and argument counts have limits, and the limits themselves are allowed.
 * Method: one inside, one outside of each.
 */
static void size_and_argument_limits_hold(void **unused)
{
	uint64_t *big = calloc(FG1_PROGRAM_INSNS_MAX + 1, sizeof(*big));
	struct fg1_program *program = NULL;
	enum fg1_program_error why;
	uint32_t at;

	(void)unused;
	assert_non_null(big);
	for (uint32_t i = 0; i <= FG1_PROGRAM_INSNS_MAX; i++)
		big[i] = EXIT;
	assert_int_equal(load(big, 0, 0).error, FERRY_E_PROGRAM_SIZE);
	assert_int_equal(load(big, FG1_PROGRAM_INSNS_MAX, 0).error, 0);
	assert_int_equal(load(big, FG1_PROGRAM_INSNS_MAX + 1, 0).why, FG1_PROGRAM_SIZE);
	assert_int_equal(fg1_program_load(big, 1, FG1_ARGS_MAX + 1, 0, &program, &why, &at), FERRY_E_PROGRAM_ARGS);
	assert_int_equal(why, FG1_PROGRAM_ARGS);
	assert_int_equal(fg1_program_load(big, 1, FG1_ARGS_MAX, 0, &program, &why, &at), 0);
	assert_uint_equal(program->args, FG1_ARGS_MAX);
	fg1_program_free(program);
	free(big);
}

/*
 * Goal: the pre-decoded form keeps the numbering, and decodes every slot of a long program from a buffer of any
 * alignment (the slots and the result share memory while it decodes).
 * Method: 1000 moves with their index, at an odd address.
 */
static void slots_keep_their_number(void **unused)
{
	enum { MANY = 1000 };
	uint8_t *bytes = malloc((MANY + 1) * 8 + 1);
	struct fg1_program *program;
	enum fg1_program_error why;
	uint64_t slot;
	uint32_t at;

	(void)unused;
	assert_non_null(bytes);
	for (uint32_t i = 0; i <= MANY; i++) {
		slot = i < MANY ? MOV_K(i % 10, i) : EXIT;
		memcpy(bytes + 1 + 8 * i, &slot, 8);
	}
	assert_int_equal(fg1_program_load(bytes + 1, MANY + 1, 0, 0, &program, &why, &at), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		assert_uint_equal(program->insns[i].imm, i);
		assert_uint_equal(program->insns[i].dst, i % 10);
	}
	assert_uint_equal(program->insns[MANY].kind, FG1_KIND_EXIT);
	fg1_program_free(program);
	free(bytes);
}

/*
 * Goal: no memory is an error of its own, and nothing leaks on any way out.
 * Method: the one allocation fails; live allocations are counted around good and refused loads.
 */
static void running_out_of_memory_is_reported_and_nothing_leaks(void **unused)
{
	const uint64_t good[] = {EXIT}, bad[] = {MOV_K(R0, 0)};
	uint64_t live = ferry_user_live_allocs();

	(void)unused;
	ferry_user_fail_nth_alloc(1);
	assert_int_equal(load(good, 1, 0).error, FERRY_E_NOMEM);
	assert_uint_equal(ferry_user_fail_nth_alloc(0), 0);
	assert_int_equal(load(good, 1, 0).error, 0);
	assert_int_equal(load(bad, 1, 0).error, FERRY_E_PROGRAM_FALLTHROUGH);
	assert_uint_equal(ferry_user_live_allocs(), live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_opcode_of_the_rfc_loads_and_no_other),
		cmocka_unit_test(reserved_fields_must_be_zero),
		cmocka_unit_test(registers_that_do_not_exist_or_may_not_be_written_are_refused),
		cmocka_unit_test(branches_stay_on_instructions),
		cmocka_unit_test(the_last_instruction_ends_or_jumps),
		cmocka_unit_test(a_wide_instruction_is_whole_and_plain),
		cmocka_unit_test(helpers_and_groups_follow_the_capabilities),
		cmocka_unit_test(size_and_argument_limits_hold),
		cmocka_unit_test(slots_keep_their_number),
		cmocka_unit_test(running_out_of_memory_is_reported_and_nothing_leaks),
	};

	return cmocka_run_group_tests_name("softgpu/program", tests, NULL, NULL);
}
