/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * ref_ebpf.h - a second, plain interpreter of eBPF: one thread, straight from the slots, byte by byte. It shares no
 * code with softgpu/, so that a disagreement of the two is a bug in one of them.
 *
 * It knows what test programs use: no traps, no atomics between threads, a few helpers.
 */
#ifndef FERRY_TEST_REF_EBPF_H
#define FERRY_TEST_REF_EBPF_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "warp.h"

struct ref {
	uint64_t regs[FG1_REGS];
	uint8_t local[FG1_LOCAL_BYTES];
	uint8_t *memory; /* at va memory_va */
	uint64_t memory_va, memory_bytes;
	const struct fg1_launch_shape *shape;
	uint64_t thread; /* of block 0 */
	uint64_t insns;
	bool bad; /* it left what a test program may do */
};

static inline uint8_t *ref_at(struct ref *r, uint64_t va, uint32_t size)
{
	if (va >= FG1_LOCAL_BASE && va - FG1_LOCAL_BASE <= FG1_LOCAL_BYTES - size)
		return r->local + (va - FG1_LOCAL_BASE);
	if (va >= r->memory_va && va - r->memory_va <= r->memory_bytes - size)
		return r->memory + (va - r->memory_va);
	r->bad = true;
	return r->local;
}

static inline uint64_t ref_alu(uint32_t opcode, int32_t off, uint64_t d, uint64_t s, int32_t imm)
{
	bool wide = (opcode & 7) == 7;
	uint32_t bits = wide ? 64 : 32;
	uint64_t mask = wide ? ~0ull : 0xffffffffull;
	__int128 sd = wide ? (int64_t)d : (int32_t)d, ss = wide ? (int64_t)s : (int32_t)s;
	uint64_t ud = d & mask, us = s & mask, out = 0;

	switch (opcode >> 4) {
	case 0x0:
		out = ud + us;
		break;
	case 0x1:
		out = ud - us;
		break;
	case 0x2:
		out = ud * us;
		break;
	case 0x3:
		out = us == 0 ? 0 : off ? (uint64_t)(sd / ss) : ud / us;
		break;
	case 0x4:
		out = ud | us;
		break;
	case 0x5:
		out = ud & us;
		break;
	case 0x6:
		out = ud << (us % bits);
		break;
	case 0x7:
		out = ud >> (us % bits);
		break;
	case 0x8:
		out = (uint64_t)-sd;
		break;
	case 0x9:
		out = us == 0 ? ud : off ? (uint64_t)(sd % ss) : ud % us;
		break;
	case 0xa:
		out = ud ^ us;
		break;
	case 0xb:
		out = off == 8    ? (uint64_t)(int8_t)s
		      : off == 16 ? (uint64_t)(int16_t)s
		      : off == 32 ? (uint64_t)(int32_t)s
		                  : us;
		break;
	case 0xc:
		out = (uint64_t)(sd >> (us % bits));
		break;
	default: /* END works on 64 bits whatever the class says */
		if (!wide && !(opcode & 8))
			return imm == 64 ? d : d & ((1ull << imm) - 1);
		d = __builtin_bswap64(d);
		return d >> (64 - imm);
	}
	return out & mask;
}

static inline bool ref_condition(uint32_t opcode, uint64_t d, uint64_t s)
{
	bool wide = (opcode & 7) == 5;
	uint64_t a = wide ? d : (uint32_t)d, b = wide ? s : (uint32_t)s;
	int64_t sa = wide ? (int64_t)d : (int32_t)d, sb = wide ? (int64_t)s : (int32_t)s;
	const bool holds[16] = {true,  a == b, a > b, a >= b, a & b,   a != b,   sa > sb, sa >= sb,
	                        false, false,  a < b, a <= b, sa < sb, sa <= sb, false,   false};

	return holds[opcode >> 4];
}

static inline void ref_memory(struct ref *r, uint32_t opcode, uint32_t dst, uint32_t src, int32_t off, int32_t imm)
{
	static const uint32_t sizes[4] = {4, 2, 1, 8};
	uint32_t size = sizes[opcode >> 3 & 3], class = opcode & 7, mode = opcode >> 5;
	uint8_t *at = ref_at(r, (class == 1 ? r->regs[src] : r->regs[dst]) + (uint64_t)(int64_t)off, size);
	uint64_t v = 0, old, mask = size == 8 ? ~0ull : (1ull << 8 * size) - 1;

	memcpy(&v, at, size);
	if (class == 1) {
		r->regs[dst] = mode == 4 ? (uint64_t)((int64_t)(v << (64 - 8 * size)) >> (64 - 8 * size)) : v;
		return;
	}
	old = v;
	v = class == 2 ? (uint64_t)(int64_t)imm : r->regs[src];
	if (mode == 6) {
		switch (imm & 0xf0) {
		case 0x00:
			v = old + v;
			break;
		case 0x40:
			v = old | v;
			break;
		case 0x50:
			v = old & v;
			break;
		case 0xa0:
			v = old ^ v;
			break;
		case 0xf0:
			v = old == (r->regs[0] & mask) ? v : old;
			break;
		}
		if (imm == 0xf1)
			r->regs[0] = old;
		else if (imm & 1)
			r->regs[src] = old;
	}
	memcpy(at, &v, size);
}

static inline uint32_t ref_of_float(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, 4);
	return isnan(f) ? 0x7fc00000u : bits;
}

static inline uint64_t ref_of_double(double d)
{
	uint64_t bits;

	memcpy(&bits, &d, 8);
	return isnan(d) ? 0x7ff8000000000000ull : bits;
}

static inline void ref_helper(struct ref *r, int32_t helper)
{
	const struct fg1_launch_shape *s = r->shape;
	uint64_t index[3] = {r->thread % s->block[0], r->thread / s->block[0] % s->block[1],
	                     r->thread / s->block[0] / s->block[1]};
	uint64_t n = r->regs[1];
	float f1, f2;
	double d1, d2;

	memcpy(&f1, &r->regs[1], 4);
	memcpy(&f2, &r->regs[2], 4);
	memcpy(&d1, &r->regs[1], 8);
	memcpy(&d2, &r->regs[2], 8);
	switch (helper) {
	case FG1_HELPER_THREAD_INDEX:
		r->regs[0] = n < 3 ? index[n] : 0;
		break;
	case FG1_HELPER_BLOCK_SIZE:
		r->regs[0] = n < 3 ? s->block[n] : 1;
		break;
	case FG1_HELPER_GLOBAL_ID:
		r->regs[0] = r->thread;
		break;
	case FG1_HELPER_ARG:
		r->regs[0] = n < s->arg_count ? s->args[n] : 0;
		break;
	case FG1_HELPER_BARRIER:
		break;
	case FG1_HELPER_F32_ADD:
		r->regs[0] = ref_of_float(f1 + f2);
		break;
	case FG1_HELPER_F32_LT:
		r->regs[0] = f1 < f2;
		break;
	case FG1_HELPER_F64_MUL:
		r->regs[0] = ref_of_double(d1 * d2);
		break;
	case FG1_HELPER_F64_FROM_I64:
		r->regs[0] = ref_of_double((double)(int64_t)n);
		break;
	default:
		r->bad = true;
	}
}

/* To the exit, for at most limit instructions. False when it went wrong. */
static inline bool ref_run(struct ref *r, const uint64_t *insns, uint32_t count, uint64_t limit)
{
	uint32_t pc = 0;

	while (r->insns < limit && pc < count && !r->bad) {
		uint64_t slot = insns[pc];
		uint32_t opcode = slot & 0xff, dst = slot >> 8 & 15, src = slot >> 12 & 15, class = opcode & 7;
		int32_t off = (int16_t)(slot >> 16), imm = (int32_t)(slot >> 32);
		uint64_t operand = opcode & 8 ? r->regs[src] : (uint64_t)(int64_t)imm;

		r->insns++;
		pc++;
		if (opcode == 0x95)
			return true;
		if (opcode == 0x18)
			r->regs[dst] = insns[pc++] >> 32 << 32 | (uint32_t)imm;
		else if (opcode == 0x85)
			ref_helper(r, imm);
		else if (opcode == 0x06)
			pc += (uint32_t)imm;
		else if (class == 4 || class == 7)
			r->regs[dst] = ref_alu(opcode, off, r->regs[dst], operand, imm);
		else if (class == 5 || class == 6)
			pc += ref_condition(opcode, r->regs[dst], operand) ? (uint32_t)off : 0;
		else
			ref_memory(r, opcode, dst, src, off, imm);
	}
	return false;
}

#endif /* FERRY_TEST_REF_EBPF_H */
