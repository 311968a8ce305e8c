/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * ebpf.h - eBPF instructions as C expressions, for programs that stand in tests. Each is one 64-bit slot; WIDE is
 * two.
 *
 * Suffixes: _K the operand is a number, _X a register; 32 works on the lower halves. Names and numbers: RFC 9669.
 */
#ifndef FERRY_TEST_EBPF_H
#define FERRY_TEST_EBPF_H

#include <stdint.h>

#define EBPF(opcode, dst, src, off, imm)                                                                             \
	((uint64_t)(uint8_t)(opcode) | (uint64_t)((dst)&15) << 8 | (uint64_t)((src)&15) << 12 |                      \
	 (uint64_t)(uint16_t)(int16_t)(off) << 16 | (uint64_t)(uint32_t)(int32_t)(imm) << 32)

enum { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 };

/* Operation codes of ALU and ALU64, shifted into place. */
enum {
	OP_ADD = 0x00,
	OP_SUB = 0x10,
	OP_MUL = 0x20,
	OP_DIV = 0x30,
	OP_OR = 0x40,
	OP_AND = 0x50,
	OP_LSH = 0x60,
	OP_RSH = 0x70,
	OP_NEG = 0x80,
	OP_MOD = 0x90,
	OP_XOR = 0xa0,
	OP_MOV = 0xb0,
	OP_ARSH = 0xc0,
	OP_END = 0xd0
};
#define ALU_K(op, dst, imm) EBPF(0x07 | (op), dst, 0, 0, imm)
#define ALU_X(op, dst, src) EBPF(0x0f | (op), dst, src, 0, 0)
#define ALU32_K(op, dst, imm) EBPF(0x04 | (op), dst, 0, 0, imm)
#define ALU32_X(op, dst, src) EBPF(0x0c | (op), dst, src, 0, 0)
#define MOV_K(dst, imm) ALU_K(OP_MOV, dst, imm)
#define MOV_X(dst, src) ALU_X(OP_MOV, dst, src)
#define WIDE(dst, v) EBPF(0x18, dst, 0, 0, (uint64_t)(v)&0xffffffff), EBPF(0, 0, 0, 0, (uint64_t)(v) >> 32)

/* Conditions, shifted into place. */
enum {
	J_EQ = 0x10,
	J_GT = 0x20,
	J_GE = 0x30,
	J_SET = 0x40,
	J_NE = 0x50,
	J_SGT = 0x60,
	J_SGE = 0x70,
	J_LT = 0xa0,
	J_LE = 0xb0,
	J_SLT = 0xc0,
	J_SLE = 0xd0
};
#define JUMP(off) EBPF(0x05, 0, 0, off, 0)
#define JUMP32(imm) EBPF(0x06, 0, 0, 0, imm)
#define J_K(cond, dst, imm, off) EBPF(0x05 | (cond), dst, 0, off, imm)
#define J_X(cond, dst, src, off) EBPF(0x0d | (cond), dst, src, off, 0)
#define J32_K(cond, dst, imm, off) EBPF(0x06 | (cond), dst, 0, off, imm)
#define J32_X(cond, dst, src, off) EBPF(0x0e | (cond), dst, src, off, 0)
#define CALL(helper) EBPF(0x85, 0, 0, 0, helper)
#define EXIT EBPF(0x95, 0, 0, 0, 0)

enum { SZ_W = 0x00, SZ_H = 0x08, SZ_B = 0x10, SZ_DW = 0x18 };
#define LDX(size, dst, src, off) EBPF(0x61 | (size), dst, src, off, 0)
#define LDXS(size, dst, src, off) EBPF(0x81 | (size), dst, src, off, 0)
#define ST(size, dst, off, imm) EBPF(0x62 | (size), dst, 0, off, imm)
#define STX(size, dst, off, src) EBPF(0x63 | (size), dst, src, off, 0)

enum { A_ADD = 0x00, A_OR = 0x40, A_AND = 0x50, A_XOR = 0xa0, A_FETCH = 0x01, A_XCHG = 0xe1, A_CMPXCHG = 0xf1 };
#define ATOMIC(size, op, dst, off, src) EBPF(0xc3 | (size), dst, src, off, op)

#endif /* FERRY_TEST_EBPF_H */
