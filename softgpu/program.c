/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * program.c - checks an eBPF program (RFC 9669) and turns it into the form of program.h.
 *
 *   63            32 31          16 15  12 11   8 7             0
 *  +----------------+--------------+------+------+---------------+
 *  | imm (signed)   | off (signed) | src  | dst  | opcode        |   one slot, little-endian
 *  +----------------+--------------+------+------+---------------+
 *
 *   opcode of arithmetic and jumps:  code (7:4) | operand is a register (3) | class (2:0)
 *   opcode of loads and stores:      mode (7:5) | size (4:3)                | class (2:0)
 *
 * Conformance groups: base32, base64, divmul32, divmul64, atomic32, atomic64. A field that an instruction
 * does not use must be zero, so that a later version can give it a meaning.
 */
#include "program.h"
#include "warp.h" /* FG1_REGS */

#define SLOT_BYTES 8u

enum { CLASS_LD, CLASS_LDX, CLASS_ST, CLASS_STX, CLASS_ALU, CLASS_JMP, CLASS_JMP32, CLASS_ALU64 };
enum { MODE_IMM = 0, MODE_MEM = 3, MODE_MEMSX = 4, MODE_ATOMIC = 6 };
enum { SIZE_W, SIZE_H, SIZE_B, SIZE_DW };
enum { CODE_DIV = 3, CODE_NEG = 8, CODE_MOD = 9, CODE_MOV = 11, CODE_END = 13 };
enum { CODE_JA = 0, CODE_CALL = 8, CODE_EXIT = 9 };

/* The fields of one slot. */
struct slot {
	uint8_t opcode, dst, src;
	int32_t off, imm;
};

/* Where the decoder stands. */
struct loader {
	struct fg1_program *program;
	uint64_t caps;
	uint32_t at;
	struct slot slot;
};

static uint32_t slot_class(const struct slot *s)
{
	return s->opcode & 7;
}

static uint32_t slot_code(const struct slot *s)
{
	return s->opcode >> 4;
}

static bool slot_operand_is_reg(const struct slot *s)
{
	return (s->opcode & 8) != 0;
}

static uint32_t slot_mode(const struct slot *s)
{
	return s->opcode >> 5;
}

static uint32_t slot_size(const struct slot *s)
{
	return (s->opcode >> 3) & 3;
}

static uint64_t slot_imm64(const struct slot *s)
{
	return (uint64_t)(int64_t)s->imm;
}

/*
 * The slots wait in the second half of the array that the decoder fills from the front:
 *
 *      insns[0]   insns[1]   ...        | slot 0 | slot 1 | ... | slot n-1 |
 *      16 bytes each -->                  8 bytes each
 *
 * Writing insns[i] reaches slots below 2i + 2 - n only, which is at most i + 1: none that is still to be read.
 * So every slot is read once from the caller, who may be another machine's program writing to it meanwhile,
 * and no second buffer is needed.
 */
static uint8_t *slot_bytes(const struct fg1_program *p, uint32_t at)
{
	return (uint8_t *)p->insns + ((uint64_t)p->count + at) * SLOT_BYTES;
}

static struct slot slot_read(const struct fg1_program *p, uint32_t at)
{
	const uint8_t *b = slot_bytes(p, at);
	struct slot s = {.opcode = b[0], .dst = b[1] & 15, .src = b[1] >> 4};

	s.off = (int16_t)(uint16_t)(b[2] | (uint32_t)b[3] << 8);
	s.imm = (int32_t)(b[4] | (uint32_t)b[5] << 8 | (uint32_t)b[6] << 16 | (uint32_t)b[7] << 24);
	return s;
}

static bool reg_readable(uint32_t reg)
{
	return reg < FG1_REGS;
}

static bool reg_writable(uint32_t reg)
{
	return reg < FG1_FRAME_REG;
}

/* ---- arithmetic ---- */

#define NO_OP 0xffu

/* By code: 32 bits, 64 bits. DIV, MOD and MOV have more forms, chosen by off; END is apart. */
static const uint8_t alu_ops[16][2] = {
	{FG1_ALU_ADD32, FG1_ALU_ADD64},
	{FG1_ALU_SUB32, FG1_ALU_SUB64},
	{FG1_ALU_MUL32, FG1_ALU_MUL64},
	{FG1_ALU_DIV32, FG1_ALU_DIV64},
	{FG1_ALU_OR32, FG1_ALU_OR64},
	{FG1_ALU_AND32, FG1_ALU_AND64},
	{FG1_ALU_LSH32, FG1_ALU_LSH64},
	{FG1_ALU_RSH32, FG1_ALU_RSH64},
	{FG1_ALU_NEG32, FG1_ALU_NEG64},
	{FG1_ALU_MOD32, FG1_ALU_MOD64},
	{FG1_ALU_XOR32, FG1_ALU_XOR64},
	{FG1_ALU_MOV32, FG1_ALU_MOV64},
	{FG1_ALU_ARSH32, FG1_ALU_ARSH64},
	{NO_OP, NO_OP},
	{NO_OP, NO_OP},
	{NO_OP, NO_OP},
};

/* The operation that code and off name, or NO_OP. */
static uint8_t alu_op(const struct slot *s, bool wide)
{
	uint32_t code = slot_code(s);

	if (s->off == 0)
		return alu_ops[code][wide];
	if (code == CODE_DIV && s->off == 1)
		return wide ? FG1_ALU_SDIV64 : FG1_ALU_SDIV32;
	if (code == CODE_MOD && s->off == 1)
		return wide ? FG1_ALU_SMOD64 : FG1_ALU_SMOD32;
	if (code != CODE_MOV || !slot_operand_is_reg(s))
		return NO_OP;
	if (s->off == 8)
		return wide ? FG1_ALU_MOVSX8_64 : FG1_ALU_MOVSX8_32;
	if (s->off == 16)
		return wide ? FG1_ALU_MOVSX16_64 : FG1_ALU_MOVSX16_32;
	return wide && s->off == 32 ? FG1_ALU_MOVSX32_64 : NO_OP;
}

/*
 * Byte order, as operations with operand 0. The device is little-endian: to little-endian means to drop the upper
 * bits, of 64 none (d | 0).
 */
static uint8_t end_op(const struct slot *s, bool wide)
{
	static const uint8_t to_le[3] = {FG1_ALU_ZEXT16, FG1_ALU_ZEXT32, FG1_ALU_OR64};
	static const uint8_t swap[3] = {FG1_ALU_BSWAP16, FG1_ALU_BSWAP32, FG1_ALU_BSWAP64};
	uint32_t width;

	if (s->imm != 16 && s->imm != 32 && s->imm != 64)
		return NO_OP;
	if (s->off || s->src || (wide && slot_operand_is_reg(s)))
		return NO_OP;
	width = s->imm == 16 ? 0 : s->imm == 32 ? 1 : 2;
	return wide || slot_operand_is_reg(s) ? swap[width] : to_le[width];
}

static enum fg1_program_error decode_alu(const struct slot *s, struct fg1_insn *out)
{
	bool wide = slot_class(s) == CLASS_ALU64;
	bool end = slot_code(s) == CODE_END;
	uint8_t op = end ? end_op(s, wide) : alu_op(s, wide);

	if (op == NO_OP)
		return FG1_PROGRAM_OPCODE;
	if (!reg_writable(s->dst))
		return FG1_PROGRAM_REGISTER;
	*out = (struct fg1_insn){.kind = FG1_KIND_ALU_K, .op = op, .dst = s->dst};
	if (end)
		return FG1_PROGRAM_OK;
	if (!slot_operand_is_reg(s)) {
		if (s->src || (slot_code(s) == CODE_NEG && s->imm))
			return FG1_PROGRAM_OPCODE;
		out->imm = slot_imm64(s);
		return FG1_PROGRAM_OK;
	}
	if (s->imm || slot_code(s) == CODE_NEG)
		return FG1_PROGRAM_OPCODE;
	if (!reg_readable(s->src))
		return FG1_PROGRAM_REGISTER;
	out->kind = FG1_KIND_ALU_X;
	out->src = s->src;
	return FG1_PROGRAM_OK;
}

/* ---- jumps and calls ---- */

static enum fg1_program_error set_target(const struct loader *l, int64_t distance, struct fg1_insn *out)
{
	int64_t target = (int64_t)l->at + 1 + distance;

	if (target < 0 || target >= (int64_t)l->program->count)
		return FG1_PROGRAM_BRANCH;
	out->u.target = (uint32_t)target;
	return FG1_PROGRAM_OK;
}

static enum fg1_program_error decode_ja(const struct loader *l, const struct slot *s, struct fg1_insn *out)
{
	bool wide = slot_class(s) == CLASS_JMP32; /* the distance is in imm */

	if (slot_operand_is_reg(s) || s->dst || s->src || (wide ? s->off : s->imm))
		return FG1_PROGRAM_OPCODE;
	*out = (struct fg1_insn){.kind = FG1_KIND_JUMP};
	return set_target(l, wide ? s->imm : s->off, out);
}

static bool helper_exists(uint32_t helper, uint64_t caps)
{
	if (helper >= FG1_HELPER_THREAD_INDEX && helper <= FG1_HELPER_CLOCK)
		return true;
	if ((helper >= FG1_HELPER_F32_ADD && helper <= FG1_HELPER_F32_TO_I64) ||
	    (helper >= FG1_HELPER_F64_ADD && helper <= FG1_HELPER_F64_TO_F32))
		return (caps & FG1_CAP_FLOAT) != 0;
	return false;
}

static enum fg1_program_error decode_call(const struct loader *l, const struct slot *s, struct fg1_insn *out)
{
	uint32_t helper = (uint32_t)s->imm;

	if (slot_operand_is_reg(s) || s->src)
		return FG1_PROGRAM_CALL;
	if (s->dst || s->off)
		return FG1_PROGRAM_OPCODE;
	if (!helper_exists(helper, l->caps))
		return FG1_PROGRAM_HELPER;
	*out = (struct fg1_insn){.kind = FG1_KIND_HELPER, .op = (uint8_t)helper};
	if (helper == FG1_HELPER_BARRIER)
		out->kind = FG1_KIND_BARRIER;
	else if (helper == FG1_HELPER_TRAP)
		out->kind = FG1_KIND_TRAP;
	return FG1_PROGRAM_OK;
}

/* By code, of 64 bits; the 32-bit ones follow in the same order. */
static const uint8_t cond_ops[16] = {
	NO_OP,           FG1_COND_JEQ64,  FG1_COND_JGT64, FG1_COND_JGE64, FG1_COND_JSET64, FG1_COND_JNE64,
	FG1_COND_JSGT64, FG1_COND_JSGE64, NO_OP,          NO_OP,          FG1_COND_JLT64,  FG1_COND_JLE64,
	FG1_COND_JSLT64, FG1_COND_JSLE64, NO_OP,          NO_OP,
};

static enum fg1_program_error decode_branch(const struct loader *l, const struct slot *s, struct fg1_insn *out)
{
	uint8_t op = cond_ops[slot_code(s)];

	if (op == NO_OP)
		return FG1_PROGRAM_OPCODE;
	if (slot_operand_is_reg(s) ? s->imm != 0 : s->src != 0)
		return FG1_PROGRAM_OPCODE;
	if (!reg_readable(s->dst) || !reg_readable(s->src))
		return FG1_PROGRAM_REGISTER;
	if (slot_class(s) == CLASS_JMP32)
		op = (uint8_t)(op + FG1_COND_JEQ32 - FG1_COND_JEQ64);
	*out = (struct fg1_insn){.kind = slot_operand_is_reg(s) ? FG1_KIND_BRANCH_X : FG1_KIND_BRANCH_K,
	                         .op = op,
	                         .dst = s->dst,
	                         .src = s->src,
	                         .imm = slot_imm64(s)};
	return set_target(l, s->off, out);
}

static enum fg1_program_error decode_jump(const struct loader *l, const struct slot *s, struct fg1_insn *out)
{
	bool wide = slot_class(s) == CLASS_JMP;

	if (slot_code(s) == CODE_JA)
		return decode_ja(l, s, out);
	if (slot_code(s) == CODE_CALL && wide)
		return decode_call(l, s, out);
	if (slot_code(s) == CODE_EXIT && wide) {
		if (slot_operand_is_reg(s) || s->dst || s->src || s->off || s->imm)
			return FG1_PROGRAM_OPCODE;
		*out = (struct fg1_insn){.kind = FG1_KIND_EXIT};
		return FG1_PROGRAM_OK;
	}
	return decode_branch(l, s, out);
}

/* ---- memory ---- */

static enum fg1_program_error decode_load(const struct slot *s, struct fg1_insn *out)
{
	/* By size: W, H, B, DW. */
	static const uint8_t plain[4] = {FG1_LOAD_U32, FG1_LOAD_U16, FG1_LOAD_U8, FG1_LOAD_U64};
	static const uint8_t extending[4] = {FG1_LOAD_S32, FG1_LOAD_S16, FG1_LOAD_S8, NO_OP};
	uint8_t op = NO_OP;

	if (slot_mode(s) == MODE_MEM)
		op = plain[slot_size(s)];
	else if (slot_mode(s) == MODE_MEMSX)
		op = extending[slot_size(s)];
	if (op == NO_OP || s->imm)
		return FG1_PROGRAM_OPCODE;
	if (!reg_writable(s->dst) || !reg_readable(s->src))
		return FG1_PROGRAM_REGISTER;
	*out = (struct fg1_insn){.kind = FG1_KIND_LOAD, .op = op, .dst = s->dst, .src = s->src, .u.offset = s->off};
	return FG1_PROGRAM_OK;
}

/* imm names the atomic operation; -1 for none. */
static int32_t atomic_op(int32_t imm)
{
	switch (imm) {
	case 0x00:
		return FG1_ATOMIC_ADD64;
	case 0x40:
		return FG1_ATOMIC_OR64;
	case 0x50:
		return FG1_ATOMIC_AND64;
	case 0xa0:
		return FG1_ATOMIC_XOR64;
	case 0x01:
		return FG1_ATOMIC_FETCH_ADD64;
	case 0x41:
		return FG1_ATOMIC_FETCH_OR64;
	case 0x51:
		return FG1_ATOMIC_FETCH_AND64;
	case 0xa1:
		return FG1_ATOMIC_FETCH_XOR64;
	case 0xe1:
		return FG1_ATOMIC_XCHG64;
	case 0xf1:
		return FG1_ATOMIC_CMPXCHG64;
	default:
		return -1;
	}
}

static enum fg1_program_error decode_atomic(const struct loader *l, const struct slot *s, struct fg1_insn *out)
{
	int32_t op = atomic_op(s->imm);
	bool fetches = (s->imm & 1) != 0 && s->imm != 0xf1; /* CMPXCHG writes r0 instead of src */

	if (!(l->caps & FG1_CAP_ATOMICS) || op < 0 || (slot_size(s) != SIZE_W && slot_size(s) != SIZE_DW))
		return FG1_PROGRAM_OPCODE;
	if (!reg_readable(s->dst) || !reg_readable(s->src) || (fetches && !reg_writable(s->src)))
		return FG1_PROGRAM_REGISTER;
	if (slot_size(s) == SIZE_W)
		op += FG1_ATOMIC_ADD32 - FG1_ATOMIC_ADD64;
	*out = (struct fg1_insn){
		.kind = FG1_KIND_ATOMIC, .op = (uint8_t)op, .dst = s->dst, .src = s->src, .u.offset = s->off};
	return FG1_PROGRAM_OK;
}

static enum fg1_program_error decode_store(const struct loader *l, const struct slot *s, struct fg1_insn *out)
{
	static const uint8_t ops[4] = {FG1_STORE_U32, FG1_STORE_U16, FG1_STORE_U8, FG1_STORE_U64};
	bool from_reg = slot_class(s) == CLASS_STX;

	if (from_reg && slot_mode(s) == MODE_ATOMIC)
		return decode_atomic(l, s, out);
	if (slot_mode(s) != MODE_MEM || (from_reg ? s->imm != 0 : s->src != 0))
		return FG1_PROGRAM_OPCODE;
	if (!reg_readable(s->dst) || !reg_readable(s->src))
		return FG1_PROGRAM_REGISTER;
	*out = (struct fg1_insn){.kind = from_reg ? FG1_KIND_STORE_X : FG1_KIND_STORE_K,
	                         .op = ops[slot_size(s)],
	                         .dst = s->dst,
	                         .src = s->src,
	                         .u.offset = s->off,
	                         .imm = slot_imm64(s)};
	return FG1_PROGRAM_OK;
}

/* LD_IMM64 is the one instruction of two slots, and all that is left of class LD. */
static enum fg1_program_error decode_wide(const struct loader *l, const struct slot *s, struct fg1_insn *out)
{
	struct slot high;

	if (slot_mode(s) != MODE_IMM || slot_size(s) != SIZE_DW || s->off)
		return FG1_PROGRAM_OPCODE;
	if (s->src)
		return FG1_PROGRAM_RELOC;
	if (!reg_writable(s->dst))
		return FG1_PROGRAM_REGISTER;
	if (l->at + 1 >= l->program->count)
		return FG1_PROGRAM_OPCODE;
	high = slot_read(l->program, l->at + 1);
	if (high.opcode || high.dst || high.src || high.off)
		return FG1_PROGRAM_OPCODE;
	*out = (struct fg1_insn){.kind = FG1_KIND_WIDE,
	                         .op = FG1_ALU_MOV64,
	                         .dst = s->dst,
	                         .imm = (uint64_t)(uint32_t)high.imm << 32 | (uint32_t)s->imm};
	return FG1_PROGRAM_OK;
}

/* ---- the whole ---- */

static enum fg1_program_error decode(const struct loader *l, struct fg1_insn *out)
{
	switch (slot_class(&l->slot)) {
	case CLASS_LD:
		return decode_wide(l, &l->slot, out);
	case CLASS_LDX:
		return decode_load(&l->slot, out);
	case CLASS_ST:
	case CLASS_STX:
		return decode_store(l, &l->slot, out);
	case CLASS_JMP:
	case CLASS_JMP32:
		return decode_jump(l, &l->slot, out);
	default:
		return decode_alu(&l->slot, out);
	}
}

/* Every slot becomes an instruction. *at: the slot that is refused. */
static enum fg1_program_error decode_all(struct fg1_program *program, uint64_t caps, uint32_t *at)
{
	struct loader l = {.program = program, .caps = caps};

	for (l.at = 0; l.at < program->count; l.at++) {
		struct fg1_insn insn;
		enum fg1_program_error why;

		l.slot = slot_read(program, l.at);
		why = decode(&l, &insn);
		if (why != FG1_PROGRAM_OK) {
			*at = l.at;
			return why;
		}
		program->insns[l.at] = insn;
		if (insn.kind == FG1_KIND_WIDE)
			program->insns[++l.at] = (struct fg1_insn){.kind = FG1_KIND_HOLE};
	}
	return FG1_PROGRAM_OK;
}

/* What needs all of the program: no branch into a hole, no way past the end. */
static enum fg1_program_error check_flow(const struct fg1_program *program, uint32_t *at)
{
	uint8_t last = program->insns[program->count - 1].kind;

	for (uint32_t i = 0; i < program->count; i++) {
		const struct fg1_insn *insn = &program->insns[i];
		bool branches = insn->kind == FG1_KIND_JUMP || insn->kind == FG1_KIND_BRANCH_X ||
		                insn->kind == FG1_KIND_BRANCH_K;

		if (branches && program->insns[insn->u.target].kind == FG1_KIND_HOLE) {
			*at = i;
			return FG1_PROGRAM_BRANCH;
		}
	}
	if (last != FG1_KIND_EXIT && last != FG1_KIND_JUMP && last != FG1_KIND_TRAP) {
		*at = program->count - 1;
		return FG1_PROGRAM_FALLTHROUGH;
	}
	return FG1_PROGRAM_OK;
}

static int error_of(enum fg1_program_error why)
{
	static const uint8_t errors[] = {
		[FG1_PROGRAM_OK] = FERRY_OK,
		[FG1_PROGRAM_SIZE] = FERRY_E_PROGRAM_SIZE,
		[FG1_PROGRAM_OPCODE] = FERRY_E_PROGRAM_OPCODE,
		[FG1_PROGRAM_REGISTER] = FERRY_E_PROGRAM_REGISTER,
		[FG1_PROGRAM_BRANCH] = FERRY_E_PROGRAM_BRANCH,
		[FG1_PROGRAM_FALLTHROUGH] = FERRY_E_PROGRAM_FALLTHROUGH,
		[FG1_PROGRAM_HELPER] = FERRY_E_PROGRAM_HELPER,
		[FG1_PROGRAM_CALL] = FERRY_E_PROGRAM_RELOC,
		[FG1_PROGRAM_RELOC] = FERRY_E_PROGRAM_RELOC,
		[FG1_PROGRAM_ARGS] = FERRY_E_PROGRAM_ARGS,
	};

	return errors[why];
}
_Static_assert((int)FERRY_ERROR_COUNT <= 256, "error_of() holds a code in a byte");

int fg1_program_load(const void *insns, uint32_t count, uint32_t args, uint64_t caps, struct fg1_program **out,
                     enum fg1_program_error *why, uint32_t *at)
{
	struct fg1_program *program = NULL;
	enum fg1_program_error error = FG1_PROGRAM_OK;
	uint32_t where = 0;

	if (count == 0 || count > FG1_PROGRAM_INSNS_MAX) {
		error = FG1_PROGRAM_SIZE;
		goto refuse;
	}
	if (args > FG1_ARGS_MAX) {
		error = FG1_PROGRAM_ARGS;
		goto refuse;
	}
	program = ferry_os_zalloc(sizeof(*program) + (size_t)count * sizeof(struct fg1_insn), 0);
	if (!program)
		return FERRY_E_NOMEM;
	program->count = count;
	program->args = args;
	memcpy(slot_bytes(program, 0), insns, (size_t)count * SLOT_BYTES);
	error = decode_all(program, caps, &where);
	if (error == FG1_PROGRAM_OK)
		error = check_flow(program, &where);
	if (error != FG1_PROGRAM_OK)
		goto refuse;
	*out = program;
	return 0;

refuse:
	fg1_program_free(program);
	*why = error;
	*at = where;
	return error_of(error);
}

void fg1_program_free(struct fg1_program *program)
{
	ferry_os_free(program);
}
