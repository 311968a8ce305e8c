/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * warp_helper.c - helper calls as plain operations: r0 = f(r1, r2, r3), lane by lane. r1-r5 keep their values,
 * which a program cannot rely on.
 *
 * The barrier and the trap are not here: they change what runs (warp.c).
 */
#include "warp_helper.h"
#include "softfloat.h"

/* ---- floats ---- */

/* name, result of a, b, c. binary32 lies in the low half of a register; the upper half of the result is zero. */
#define FLOAT_HELPERS(x)                                                                                             \
	x(F32_ADD, fg1_f32_add((uint32_t)a, (uint32_t)b)) x(F32_SUB, fg1_f32_sub((uint32_t)a, (uint32_t)b)) x(       \
		F32_MUL, fg1_f32_mul((uint32_t)a, (uint32_t)b)) x(F32_DIV, fg1_f32_div((uint32_t)a, (uint32_t)b))    \
		x(F32_FMA, fg1_f32_fma((uint32_t)a, (uint32_t)b, (uint32_t)c)) x(                                    \
			F32_SQRT, fg1_f32_sqrt((uint32_t)a)) x(F32_LT, fg1_f32_lt((uint32_t)a, (uint32_t)b))         \
			x(F32_LE, fg1_f32_le((uint32_t)a, (uint32_t)b)) x(                                           \
				F32_EQ, fg1_f32_eq((uint32_t)a, (uint32_t)b)) x(F32_FROM_I64,                        \
	                                                                        fg1_f32_from_i64((int64_t)a))        \
				x(F32_TO_I64, (uint64_t)fg1_f32_to_i64((uint32_t)a)) x(F64_ADD, fg1_f64_add(a, b))   \
					x(F64_SUB, fg1_f64_sub(a, b)) x(F64_MUL, fg1_f64_mul(a, b))                  \
						x(F64_DIV, fg1_f64_div(a, b)) x(F64_FMA, fg1_f64_fma(a, b, c)) x(    \
							F64_SQRT, fg1_f64_sqrt(a)) x(F64_LT, fg1_f64_lt(a, b))       \
							x(F64_LE, fg1_f64_le(a, b)) x(F64_EQ, fg1_f64_eq(a, b)) x(   \
								F64_FROM_I64, fg1_f64_from_i64((int64_t)a))          \
								x(F64_TO_I64, (uint64_t)fg1_f64_to_i64(a)) x(        \
									F64_FROM_F32, fg1_f64_from_f32((uint32_t)a)) \
									x(F64_TO_F32, fg1_f64_to_f32(a))

/* The rows of the registers are pointers: whose compiler checks indices need not check those of each lane. */
#define x(name, expression)                                                                                          \
	static void float_##name(uint64_t(*regs)[FG1_WARP], uint32_t mask)                                           \
	{                                                                                                            \
		uint64_t *to = regs[0], *from1 = regs[1], *from2 = regs[2], *from3 = regs[3];                        \
                                                                                                                     \
		for (; mask; mask &= mask - 1) {                                                                     \
			uint32_t lane = ferry_os_ctz64(mask);                                                        \
			uint64_t a = from1[lane], b = from2[lane], c = from3[lane];                                  \
                                                                                                                     \
			(void)b, (void)c;                                                                            \
			to[lane] = (expression);                                                                     \
		}                                                                                                    \
	}
FLOAT_HELPERS(x)
#undef x

typedef void (*float_fn)(uint64_t (*regs)[FG1_WARP], uint32_t mask);

/* By helper number; the gaps are NULL, and the loader lets no such number through. */
static const float_fn floats[FG1_HELPER_F64_TO_F32 + 1] = {
#define x(name, expression) [FG1_HELPER_##name] = float_##name,
	FLOAT_HELPERS(x)
#undef x
};

/* ---- thread numbers ---- */

static void commit(struct fg1_warp *warp, const uint64_t *row, uint32_t mask)
{
	if (mask == ~0u) {
		memcpy(warp->regs[0], row, sizeof(warp->regs[0]));
		return;
	}
	for (; mask; mask &= mask - 1) {
		uint32_t lane = ferry_os_ctz64(mask);

		warp->regs[0][lane] = row[lane];
	}
}

/* A dimension that does not exist has index 0 and size 1. */
static uint64_t dimension(const uint32_t *of, uint64_t number, uint64_t missing)
{
	return number < 3 ? of[number] : missing;
}

/* Lane by lane from the first one's place: one division for the warp instead of one for each lane. */
static void thread_index(const struct fg1_warp *warp, uint64_t *row)
{
	const uint32_t *block = warp->shape->block;
	uint32_t at[3];

	at[0] = warp->first_thread % block[0];
	at[1] = warp->first_thread / block[0] % block[1];
	at[2] = warp->first_thread / block[0] / block[1];
	for (uint32_t i = 0; i < FG1_WARP; i++) {
		row[i] = dimension(at, warp->regs[1][i], 0);
		if (++at[0] < block[0])
			continue;
		at[0] = 0;
		if (++at[1] < block[1])
			continue;
		at[1] = 0;
		at[2]++;
	}
}

static void argument(const struct fg1_warp *warp, uint64_t *row)
{
	for (uint32_t i = 0; i < FG1_WARP; i++) {
		uint64_t n = warp->regs[1][i];

		row[i] = n < warp->shape->arg_count ? warp->shape->args[n] : 0;
	}
}

static void fill(uint64_t *row, uint64_t v)
{
	for (uint32_t i = 0; i < FG1_WARP; i++)
		row[i] = v;
}

void fg1_warp_helper(struct fg1_warp *warp, const struct fg1_insn *insn, uint32_t mask)
{
	const struct fg1_launch_shape *shape = warp->shape;
	uint64_t row[FG1_WARP];

	switch (insn->op) {
	case FG1_HELPER_THREAD_INDEX:
		thread_index(warp, row);
		break;
	case FG1_HELPER_BLOCK_INDEX:
		for (uint32_t i = 0; i < FG1_WARP; i++)
			row[i] = dimension(warp->block_index, warp->regs[1][i], 0);
		break;
	case FG1_HELPER_BLOCK_SIZE:
		for (uint32_t i = 0; i < FG1_WARP; i++)
			row[i] = dimension(shape->block, warp->regs[1][i], 1);
		break;
	case FG1_HELPER_GRID_SIZE:
		for (uint32_t i = 0; i < FG1_WARP; i++)
			row[i] = dimension(shape->grid, warp->regs[1][i], 1);
		break;
	case FG1_HELPER_GLOBAL_ID:
		for (uint32_t i = 0; i < FG1_WARP; i++)
			row[i] = warp->block_linear * shape->block_threads + warp->first_thread + i;
		break;
	case FG1_HELPER_GLOBAL_SIZE:
		fill(row, shape->grid_blocks * shape->block_threads);
		break;
	case FG1_HELPER_ARG:
		argument(warp, row);
		break;
	case FG1_HELPER_FENCE:
		ferry_os_mb();
		fill(row, 0);
		break;
	case FG1_HELPER_CLOCK:
		fill(row, ferry_os_now_ns());
		break;
	default:
		floats[insn->op](warp->regs, mask);
		return;
	}
	commit(warp, row, mask);
}
