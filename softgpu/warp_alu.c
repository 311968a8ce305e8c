/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * warp_alu.c - see warp_alu.h. Three functions are made of each line of FG1_ALU_OPS, two of each condition.
 *
 * In eBPF the destination is the first operand, so a row function has two rows that are the same or disjoint. The
 * same one is copied first; then restrict is true, and the compiler makes vector code without checks at run time.
 */
#include "warp_alu.h"

/* ---- what the expressions of program.h call; RFC 9669 says what overflow and a zero divisor give ---- */

static inline uint64_t sdiv64(uint64_t d, uint64_t s)
{
	if (s == 0)
		return 0;
	if (s == ~0ull)
		return 0 - d; /* the host's division would trap on -2^63 / -1 */
	return (uint64_t)((int64_t)d / (int64_t)s);
}

static inline uint64_t smod64(uint64_t d, uint64_t s)
{
	if (s == 0)
		return d;
	if (s == ~0ull)
		return 0;
	return (uint64_t)((int64_t)d % (int64_t)s);
}

static inline uint32_t sdiv32(uint32_t d, uint32_t s)
{
	if (s == 0)
		return 0;
	if (s == ~0u)
		return 0 - d;
	return (uint32_t)((int32_t)d / (int32_t)s);
}

static inline uint32_t smod32(uint32_t d, uint32_t s)
{
	if (s == 0)
		return d;
	if (s == ~0u)
		return 0;
	return (uint32_t)((int32_t)d % (int32_t)s);
}

static inline uint32_t bswap16(uint32_t v)
{
	return (v >> 8 & 0xff) | (v & 0xff) << 8;
}

static inline uint32_t bswap32(uint32_t v)
{
	return bswap16(v >> 16) | bswap16(v) << 16;
}

static inline uint64_t bswap64(uint64_t v)
{
	return bswap32((uint32_t)(v >> 32)) | (uint64_t)bswap32((uint32_t)v) << 32;
}

/* ---- arithmetic ---- */

/*
 * row_x, row_k: all lanes, operand a row or a number. lanes: those of mask; operand[lane & last] is a row when last
 * is 31, and one number for all when it is 0.
 */
#define x(name, expression)                                                                                          \
	static void row_x_##name(uint64_t *restrict dst, const uint64_t *restrict src)                               \
	{                                                                                                            \
		for (uint32_t i = 0; i < FG1_WARP; i++) {                                                            \
			const uint64_t d = dst[i], s = src[i];                                                       \
                                                                                                                     \
			(void)d, (void)s;                                                                            \
			dst[i] = (expression);                                                                       \
		}                                                                                                    \
	}                                                                                                            \
	static void row_k_##name(uint64_t *dst, const uint64_t s)                                                    \
	{                                                                                                            \
		(void)s;                                                                                             \
		for (uint32_t i = 0; i < FG1_WARP; i++) {                                                            \
			const uint64_t d = dst[i];                                                                   \
                                                                                                                     \
			(void)d;                                                                                     \
			dst[i] = (expression);                                                                       \
		}                                                                                                    \
	}                                                                                                            \
	static void lanes_##name(uint64_t *dst, const uint64_t *operand, uint32_t last, uint32_t mask)               \
	{                                                                                                            \
		for (; mask; mask &= mask - 1) {                                                                     \
			uint32_t lane = ferry_os_ctz64(mask);                                                        \
			const uint64_t d = dst[lane], s = operand[lane & last];                                      \
                                                                                                                     \
			(void)d, (void)s;                                                                            \
			dst[lane] = (expression);                                                                    \
		}                                                                                                    \
	}
FG1_ALU_OPS(x)
#undef x

typedef void (*row_x_fn)(uint64_t *restrict dst, const uint64_t *restrict src);
typedef void (*row_k_fn)(uint64_t *dst, uint64_t s);
typedef void (*lanes_fn)(uint64_t *dst, const uint64_t *operand, uint32_t last, uint32_t mask);

static const row_x_fn row_x[FG1_ALU_COUNT] = {
#define x(name, expression) [FG1_ALU_##name] = row_x_##name,
	FG1_ALU_OPS(x)
#undef x
};

static const row_k_fn row_k[FG1_ALU_COUNT] = {
#define x(name, expression) [FG1_ALU_##name] = row_k_##name,
	FG1_ALU_OPS(x)
#undef x
};

static const lanes_fn lanes[FG1_ALU_COUNT] = {
#define x(name, expression) [FG1_ALU_##name] = lanes_##name,
	FG1_ALU_OPS(x)
#undef x
};

void fg1_warp_alu_row(struct fg1_warp *warp, const struct fg1_insn *insn)
{
	uint64_t *dst = warp->regs[insn->dst];
	uint64_t same[FG1_WARP];

	if (insn->kind != FG1_KIND_ALU_X) {
		row_k[insn->op](dst, insn->imm);
	} else if (insn->dst != insn->src) {
		row_x[insn->op](dst, warp->regs[insn->src]);
	} else {
		memcpy(same, dst, sizeof(same));
		row_x[insn->op](dst, same);
	}
}

void fg1_warp_alu_lanes(struct fg1_warp *warp, const struct fg1_insn *insn, uint32_t mask)
{
	uint64_t *dst = warp->regs[insn->dst];

	if (insn->kind != FG1_KIND_ALU_X)
		lanes[insn->op](dst, &insn->imm, 0, mask);
	else
		lanes[insn->op](dst, warp->regs[insn->src], FG1_WARP - 1, mask);
}

/* ---- conditions ---- */

/* From the last lane down, so that each step only doubles and adds. */
#define CONDITION(name, width, expression)                                                                           \
	static uint32_t holds_x_##name##width(const uint64_t *dst, const uint64_t *src)                              \
	{                                                                                                            \
		uint32_t out = 0;                                                                                    \
                                                                                                                     \
		for (uint32_t i = FG1_WARP; i-- > 0;) {                                                              \
			const uint##width##_t a = (uint##width##_t)dst[i], b = (uint##width##_t)src[i];              \
			const int##width##_t sa = (int##width##_t)a, sb = (int##width##_t)b;                         \
                                                                                                                     \
			(void)sa, (void)sb;                                                                          \
			out += out + (expression);                                                                   \
		}                                                                                                    \
		return out;                                                                                          \
	}                                                                                                            \
	static uint32_t holds_k_##name##width(const uint64_t *dst, const uint64_t k)                                 \
	{                                                                                                            \
		const uint##width##_t b = (uint##width##_t)k;                                                        \
		const int##width##_t sb = (int##width##_t)b;                                                         \
		uint32_t out = 0;                                                                                    \
                                                                                                                     \
		(void)sb;                                                                                            \
		for (uint32_t i = FG1_WARP; i-- > 0;) {                                                              \
			const uint##width##_t a = (uint##width##_t)dst[i];                                           \
			const int##width##_t sa = (int##width##_t)a;                                                 \
                                                                                                                     \
			(void)sa;                                                                                    \
			out += out + (expression);                                                                   \
		}                                                                                                    \
		return out;                                                                                          \
	}
#define x(name, expression) CONDITION(name, 64, expression) CONDITION(name, 32, expression)
FG1_COND_OPS(x)
#undef x

typedef uint32_t (*holds_x_fn)(const uint64_t *dst, const uint64_t *src);
typedef uint32_t (*holds_k_fn)(const uint64_t *dst, uint64_t k);

static const holds_x_fn holds_x[FG1_COND_COUNT] = {
#define x(name, expression) [FG1_COND_##name##64] = holds_x_##name##64, [FG1_COND_##name##32] = holds_x_##name##32,
	FG1_COND_OPS(x)
#undef x
};

static const holds_k_fn holds_k[FG1_COND_COUNT] = {
#define x(name, expression) [FG1_COND_##name##64] = holds_k_##name##64, [FG1_COND_##name##32] = holds_k_##name##32,
	FG1_COND_OPS(x)
#undef x
};

uint32_t fg1_warp_alu_condition(const struct fg1_warp *warp, const struct fg1_insn *insn)
{
	const uint64_t *dst = warp->regs[insn->dst];

	if (insn->kind == FG1_KIND_BRANCH_K)
		return holds_k[insn->op](dst, insn->imm);
	return holds_x[insn->op](dst, warp->regs[insn->src]);
}
