/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * program.h - a checked program in the form the interpreter runs; between program.c and warp*.c only.
 *
 *   eBPF slot      0      1      2      3      4          one slot = 8 bytes; LD_IMM64 takes two
 *               +------+-------------+------+------+
 *               | add  | lddw   (hi) | jne  | exit |
 *               +------+-------------+------+------+
 *   fg1_insn    | ADD  | WIDE | HOLE | JNE  | EXIT |      one fg1_insn (16 bytes) for each slot
 *               +------+------+------+------+------+
 *
 * The numbering is kept, so that a branch target, a trap's pc and a line of llvm-objdump are the same number.
 * Nothing ever stands at a HOLE: no branch leads to one, and WIDE steps over it.
 *
 * What the loader proves, and the interpreter relies on without asking again:
 *   - dst and src are below FG1_REGS, and what is written is never r10;
 *   - every target is an instruction of this program, and the last instruction does not fall through;
 *   - op is valid for its kind.
 * A program is read only once it is loaded: any number of threads may run it.
 */
#ifndef FERRY_FG1_PROGRAM_H
#define FERRY_FG1_PROGRAM_H

#include "softgpu.h"

#define FG1_FRAME_REG 10u /* r10: the end of private memory, the one register no program writes */

/* What runs the instruction; op says what exactly. _X: the operand is register src; _K: it is imm. */
enum fg1_kind {
	FG1_KIND_HOLE = 0, /* second slot of a WIDE */
	FG1_KIND_ALU_X,    /* op: enum fg1_alu_op */
	FG1_KIND_ALU_K,
	FG1_KIND_WIDE,     /* an ALU_K of two slots (op is MOV64): next is pc + 2 */
	FG1_KIND_JUMP,     /* to target */
	FG1_KIND_BRANCH_X, /* op: enum fg1_cond_op; to target if it holds */
	FG1_KIND_BRANCH_K,
	FG1_KIND_LOAD,    /* op: enum fg1_load_op; dst = memory at src + offset */
	FG1_KIND_STORE_X, /* op: enum fg1_store_op; memory at dst + offset = src, or imm */
	FG1_KIND_STORE_K,
	FG1_KIND_ATOMIC, /* op: enum fg1_atomic_op; at dst + offset, with src */
	FG1_KIND_HELPER, /* op: enum fg1_helper; r0 = f(r1, r2, r3) */
	FG1_KIND_BARRIER,
	FG1_KIND_TRAP,
	FG1_KIND_EXIT
};

struct fg1_insn {
	uint8_t kind;
	uint8_t op;
	uint8_t dst;
	uint8_t src;
	union {
		uint32_t target; /* JUMP, BRANCH */
		int32_t offset;  /* LOAD, STORE, ATOMIC */
	} u;
	uint64_t imm; /* sign-extended, or the 64 bits of a WIDE */
};
_Static_assert(sizeof(struct fg1_insn) == 16, "a cache line holds four");

struct fg1_program {
	uint32_t count; /* slots */
	uint32_t args;  /* that a launch must pass */
	struct fg1_insn insns[];
};

/*
 * Arithmetic, d = result of d and s. One line is the whole definition: the enum comes from the names, the
 * functions over a row of lanes from the expressions (warp_alu.c, which has the functions named here).
 * All are total: no operand traps, so running one for a lane that does not count is harmless.
 */
#define FG1_ALU_OPS(x)                                                                                               \
	x(ADD64, d + s) x(SUB64, d - s) x(MUL64, d *s) x(DIV64, s ? d / s : 0) x(SDIV64, sdiv64(d, s)) x(            \
		OR64, d | s) x(AND64, d &s) x(LSH64, d << (s & 63)) x(RSH64, d >> (s & 63)) x(MOD64, s ? d % s : d)  \
		x(SMOD64, smod64(d, s)) x(XOR64, d ^ s) x(MOV64, s) x(ARSH64, (uint64_t)((int64_t)d >> (s & 63))) x( \
			NEG64, 0 - d) x(MOVSX8_64, (uint64_t)(int64_t)(int8_t)s)                                     \
			x(MOVSX16_64, (uint64_t)(int64_t)(int16_t)s) x(MOVSX32_64, (uint64_t)(int64_t)(int32_t)s) x( \
				ADD32, (uint32_t)(d + s)) x(SUB32, (uint32_t)(d - s))                                \
				x(MUL32, (uint32_t)((uint32_t)d * (uint64_t)(uint32_t)s)) x(                         \
					DIV32, (uint32_t)s ? (uint32_t)d / (uint32_t)s                               \
							   : 0) x(SDIV32, sdiv32((uint32_t)d, (uint32_t)s))          \
					x(OR32, (uint32_t)(d | s)) x(AND32, (uint32_t)(d & s)) x(                    \
						LSH32, (uint32_t)d << (s & 31)) x(RSH32, (uint32_t)d >> (s & 31))    \
						x(MOD32, (uint32_t)s ? (uint32_t)d % (uint32_t)s : (uint32_t)d) x(   \
							SMOD32, smod32((uint32_t)d, (uint32_t)s))                    \
							x(XOR32, (uint32_t)(d ^ s)) x(MOV32, (uint32_t)s) x(         \
								ARSH32, (uint32_t)((int32_t)d >>                     \
	                                                                           (s & 31))) x(NEG32,               \
	                                                                                        (uint32_t)(0 - d))   \
								x(MOVSX8_32, (uint32_t)(int32_t)(int8_t)s) x(        \
									MOVSX16_32, (uint32_t)(int32_t)(int16_t)s)   \
									x(ZEXT16,                                    \
	                                                                  (uint16_t)d) x(ZEXT32, (uint32_t)d)        \
										x(BSWAP16, bswap16((uint32_t)d)) x(  \
											BSWAP32,                     \
											bswap32((uint32_t)d))        \
											x(BSWAP64, bswap64(d))

enum fg1_alu_op {
#define x(name, expression) FG1_ALU_##name,
	FG1_ALU_OPS(x)
#undef x
		FG1_ALU_COUNT
};

/* Conditions of a branch: a is dst, b the operand; sa and sb are the same bits, signed. */
#define FG1_COND_OPS(x)                                                                                              \
	x(JEQ, a == b) x(JGT, a > b) x(JGE, a >= b) x(JSET, (a & b) != 0) x(JNE, a != b) x(JSGT, sa > sb)            \
		x(JSGE, sa >= sb) x(JLT, a < b) x(JLE, a <= b) x(JSLT, sa < sb) x(JSLE, sa <= sb)

enum fg1_cond_op {
#define x(name, expression) FG1_COND_##name##64,
	FG1_COND_OPS(x)
#undef x
#define x(name, expression) FG1_COND_##name##32,
		FG1_COND_OPS(x)
#undef x
			FG1_COND_COUNT
};

/* name, type in memory, the value as it enters the register */
#define FG1_LOAD_OPS(x)                                                                                              \
	x(U8, uint8_t, (uint64_t)v) x(U16, uint16_t, (uint64_t)v) x(U32, uint32_t, (uint64_t)v) x(U64, uint64_t, v)  \
		x(S8, uint8_t, (uint64_t)(int64_t)(int8_t)v) x(S16, uint16_t, (uint64_t)(int64_t)(int16_t)v)         \
			x(S32, uint32_t, (uint64_t)(int64_t)(int32_t)v)

enum fg1_load_op {
#define x(name, type, value) FG1_LOAD_##name,
	FG1_LOAD_OPS(x)
#undef x
		FG1_LOAD_COUNT
};

#define FG1_STORE_OPS(x) x(U8, uint8_t) x(U16, uint16_t) x(U32, uint32_t) x(U64, uint64_t)

enum fg1_store_op {
#define x(name, type) FG1_STORE_##name,
	FG1_STORE_OPS(x)
#undef x
		FG1_STORE_COUNT
};

/* Without FETCH the old value is not written back. XCHG and CMPXCHG always are with FETCH. */
#define FG1_ATOMIC_OPS(x)                                                                                            \
	x(ADD) x(OR) x(AND) x(XOR) x(FETCH_ADD) x(FETCH_OR) x(FETCH_AND) x(FETCH_XOR) x(XCHG) x(CMPXCHG)

enum fg1_atomic_op {
#define x(name) FG1_ATOMIC_##name##64,
	FG1_ATOMIC_OPS(x)
#undef x
#define x(name) FG1_ATOMIC_##name##32,
		FG1_ATOMIC_OPS(x)
#undef x
			FG1_ATOMIC_COUNT
};

#endif /* FERRY_FG1_PROGRAM_H */
