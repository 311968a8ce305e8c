/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * gpu.h - what a GPU program in C includes, and all that it needs to include.
 *
 *     #include "ferry/gpu.h"
 *
 *     FERRY_KERNEL(scale, u32 *data, u64 count, u64 factor)
 *     {
 *             FERRY_FOR_GRID(i, count)
 *                     data[i] *= (u32)factor;
 *     }
 *
 *     clang -O2 -target bpf -mcpu=v3 -I/usr/include -c scale.c -o scale.o
 *
 * A program is compiled to eBPF (RFC 9669) and run by the GPU over a grid of blocks of threads, 32 threads (a
 * warp) at a time. Pointers are the pointers of the process that launched it: data need no copying, pages come by
 * fault.
 *
 *     launch      grid of blocks                   one block                      one thread
 *     +---------------------------+     +-------------------------------+     r1-r5   the first five arguments
 *     | block 0 | block 1 | ...   | --> | thread 0 | thread 1 | ... 1023 | --> r10     512 bytes of private stack
 *     +---------------------------+     +-------------------------------+     helpers who am I, barrier, floats
 *
 * What a program may not have, and who says so:
 *   - global or static variables, tables, string literals: the loader ("uses global data 'x'"). Pass a pointer.
 *   - calls to functions that are not inlined: the loader ("calls 'f', which was not inlined"). Make them
 *     `static inline`, or __attribute__((always_inline)).
 *   - float operators (+ - * / < and casts): the compiler ("built-in function '__addsf3' is not supported"). Use
 *     ferry_f32_add() and its kin. Float literals, copies, ?: and negation are fine.
 *   - more than 512 bytes of local variables and spills: the compiler.
 *   - -O0: at -O2 the helpers are single instructions; without optimisation they are not inlined.
 *
 * Compilers: clang 14 to 19 are tried. -mcpu=v3 is recommended (smaller code, atomics with a result); v1, the
 * default of clang 14 to 19, works too, but for the functions marked v3 below.
 *
 * Order: a thread's accesses reach other threads in any order unless an atomic, ferry_fence(), ferry_barrier() or
 * the end of the launch lies between. A load or store of 1, 2, 4 or 8 aligned bytes is never torn.
 */
#ifndef FERRY_GPU_H
#define FERRY_GPU_H

#ifndef __bpf__
#error "ferry/gpu.h is for GPU programs: compile with clang -O2 -target bpf"
#endif

#include "ferry/fg1.h"

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;
/* Storage and literals only: arithmetic is by function, see below. */
typedef float f32;
typedef double f64;

#ifndef NULL
#define NULL ((void *)0)
#endif

/* ---- entries ---------------------------------------------------------------------------------------- */

/*
 * FERRY_KERNEL(name, type1 arg1, ... type5 arg5) { body }
 *
 * Defines the entry `name`, a void function of zero to five parameters. Each must be 8 bytes wide: a pointer, u64,
 * s64 or f64. (A u32 would need an agreement on the upper half; pass u64.) An object file may hold several entries.
 * `name` is at most 55 characters.
 */
#define FERRY_KERNEL(...) FERRY_GPU_PASTE_(FERRY_GPU_KERNEL_, FERRY_GPU_COUNT_(__VA_ARGS__))(__VA_ARGS__)

/*
 * FERRY_KERNEL_ARGS(name, total, type1 arg1, ... type5 arg5) { body }
 *
 * The same for 6 to 16 arguments: five are parameters, argument n (from 0) of the others is ferry_arg(n).
 *
 *     FERRY_KERNEL_ARGS(six, 6, u64 *a, u64 *b, u64 *c, u64 *d, u64 *e)
 *     {
 *             u64 *f = (u64 *)ferry_arg(5);
 */
#define FERRY_KERNEL_ARGS(name, total, a, b, c, d, e)                                                                \
	_Static_assert((total) > 5 && (total) <= FG1_ARGS_MAX, "FERRY_KERNEL_ARGS is for 6 to 16 arguments");        \
	FERRY_GPU_WIDE_(a)                                                                                           \
	FERRY_GPU_WIDE_(b)                                                                                           \
	FERRY_GPU_WIDE_(c) FERRY_GPU_WIDE_(d) FERRY_GPU_WIDE_(e) FERRY_GPU_ENTRY_(name, total, (a, b, c, d, e))

/*
 * What the loader reads, one per entry, in section ".ferry.kernels"; the code is in section "ferry/<name>".
 * lib/object.c has the same shape.
 */
struct ferry_gpu_kernel_record {
	char name[56]; /* with its NUL */
	u32 arg_count;
	u32 version; /* FERRY_GPU_VERSION */
};
#define FERRY_GPU_VERSION 1u

#define FERRY_GPU_ENTRY_(name, total, parameters)                                                                    \
	_Static_assert(sizeof(#name) <= 56, "the name of a FERRY_KERNEL has at most 55 characters");                 \
	__attribute__((section(".ferry.kernels"),                                                                    \
	               used)) static const struct ferry_gpu_kernel_record ferry_gpu_kernel_##name = {                \
		#name, total, FERRY_GPU_VERSION};                                                                    \
	void name parameters;                                                                                        \
	__attribute__((section("ferry/" #name), used)) void name parameters

#define FERRY_GPU_WIDE_(parameter)                                                                                   \
	_Static_assert(sizeof(struct { parameter; }) == 8,                                                           \
	               "parameters of a FERRY_KERNEL are 8 bytes wide: " #parameter);

#define FERRY_GPU_KERNEL_0(name) FERRY_GPU_ENTRY_(name, 0, (void))
#define FERRY_GPU_KERNEL_1(name, a) FERRY_GPU_WIDE_(a) FERRY_GPU_ENTRY_(name, 1, (a))
#define FERRY_GPU_KERNEL_2(name, a, b) FERRY_GPU_WIDE_(a) FERRY_GPU_WIDE_(b) FERRY_GPU_ENTRY_(name, 2, (a, b))
#define FERRY_GPU_KERNEL_3(name, a, b, c)                                                                            \
	FERRY_GPU_WIDE_(a) FERRY_GPU_WIDE_(b) FERRY_GPU_WIDE_(c) FERRY_GPU_ENTRY_(name, 3, (a, b, c))
#define FERRY_GPU_KERNEL_4(name, a, b, c, d)                                                                         \
	FERRY_GPU_WIDE_(a)                                                                                           \
	FERRY_GPU_WIDE_(b) FERRY_GPU_WIDE_(c) FERRY_GPU_WIDE_(d) FERRY_GPU_ENTRY_(name, 4, (a, b, c, d))
#define FERRY_GPU_KERNEL_5(name, a, b, c, d, e)                                                                      \
	FERRY_GPU_WIDE_(a)                                                                                           \
	FERRY_GPU_WIDE_(b)                                                                                           \
	FERRY_GPU_WIDE_(c) FERRY_GPU_WIDE_(d) FERRY_GPU_WIDE_(e) FERRY_GPU_ENTRY_(name, 5, (a, b, c, d, e))
#define FERRY_GPU_KERNEL_MORE(name, ...)                                                                             \
	_Static_assert(0, "FERRY_KERNEL takes at most five parameters: use FERRY_KERNEL_ARGS");                      \
	static inline void name(void)

/* How many arguments follow the name: 0..5, or MORE. */
#define FERRY_GPU_COUNT_(...)                                                                                        \
	FERRY_GPU_NTH_(__VA_ARGS__, MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE, 5, 4, 3, 2, 1, \
	               0, )
#define FERRY_GPU_NTH_(n, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, count, ...) count
#define FERRY_GPU_PASTE_(a, b) FERRY_GPU_PASTE2_(a, b)
#define FERRY_GPU_PASTE2_(a, b) a##b

/* ---- helper calls ------------------------------------------------------------------------------------ */

/*
 * A helper call is the eBPF instruction `call n`: arguments in r1.., result in r0, r1-r5 lost. Written as
 * assembly so that the compiler knows which helpers have no effect (it may merge, hoist and drop those), and so that
 * no relocation is left at any level of optimisation. ferry_gpu_volatile_ marks the others.
 */
#define FERRY_GPU_CALL0_(volatile_, n, ...)                                                                          \
	({                                                                                                           \
		register u64 r0_ __asm__("r0");                                                                      \
		__asm__ volatile_("call %[helper]"                                                                   \
		                  : "=r"(r0_)                                                                        \
		                  : [helper] "i"(n)                                                                  \
		                  : "r1", "r2", "r3", "r4", "r5", ##__VA_ARGS__);                                    \
		r0_;                                                                                                 \
	})
#define FERRY_GPU_CALL1_(volatile_, n, a, ...)                                                                       \
	({                                                                                                           \
		register u64 r0_ __asm__("r0");                                                                      \
		register u64 r1_ __asm__("r1") = (a);                                                                \
		__asm__ volatile_("call %[helper]"                                                                   \
		                  : "=r"(r0_), "+r"(r1_)                                                             \
		                  : [helper] "i"(n)                                                                  \
		                  : "r2", "r3", "r4", "r5", ##__VA_ARGS__);                                          \
		r0_;                                                                                                 \
	})
#define FERRY_GPU_CALL2_(n, a, b)                                                                                    \
	({                                                                                                           \
		register u64 r0_ __asm__("r0");                                                                      \
		register u64 r1_ __asm__("r1") = (a);                                                                \
		register u64 r2_ __asm__("r2") = (b);                                                                \
		__asm__("call %[helper]" : "=r"(r0_), "+r"(r1_), "+r"(r2_) : [helper] "i"(n) : "r3", "r4", "r5");    \
		r0_;                                                                                                 \
	})
#define FERRY_GPU_CALL3_(n, a, b, c)                                                                                 \
	({                                                                                                           \
		register u64 r0_ __asm__("r0");                                                                      \
		register u64 r1_ __asm__("r1") = (a);                                                                \
		register u64 r2_ __asm__("r2") = (b);                                                                \
		register u64 r3_ __asm__("r3") = (c);                                                                \
		__asm__("call %[helper]"                                                                             \
		        : "=r"(r0_), "+r"(r1_), "+r"(r2_), "+r"(r3_)                                                 \
		        : [helper] "i"(n)                                                                            \
		        : "r4", "r5");                                                                               \
		r0_;                                                                                                 \
	})

/* ---- who am I ---------------------------------------------------------------------------------------- */

/* dim is 0 (x), 1 (y) or 2 (z); a launch that gives one dimension has 1 in the others. */

/* This thread within its block, 0 .. ferry_block_size(dim) - 1. */
static inline u64 ferry_thread_index(u32 dim)
{
	return FERRY_GPU_CALL1_(, FG1_HELPER_THREAD_INDEX, dim);
}

/* This block within the grid, 0 .. ferry_grid_size(dim) - 1. */
static inline u64 ferry_block_index(u32 dim)
{
	return FERRY_GPU_CALL1_(, FG1_HELPER_BLOCK_INDEX, dim);
}

/* Threads of a block along dim. */
static inline u64 ferry_block_size(u32 dim)
{
	return FERRY_GPU_CALL1_(, FG1_HELPER_BLOCK_SIZE, dim);
}

/* Blocks of the grid along dim. */
static inline u64 ferry_grid_size(u32 dim)
{
	return FERRY_GPU_CALL1_(, FG1_HELPER_GRID_SIZE, dim);
}

/* Number of this thread among all of the launch, and how many there are. Blocks follow each other, x fastest. */
static inline u64 ferry_global_id(void)
{
	return FERRY_GPU_CALL0_(, FG1_HELPER_GLOBAL_ID);
}

static inline u64 ferry_global_size(void)
{
	return FERRY_GPU_CALL0_(, FG1_HELPER_GLOBAL_SIZE);
}

/* Argument n of the launch, from 0; 0 beyond the last. */
static inline u64 ferry_arg(u32 n)
{
	return FERRY_GPU_CALL1_(, FG1_HELPER_ARG, n);
}

/* ---- sharing work ------------------------------------------------------------------------------------ */

/*
 * FERRY_FOR_GRID(i, count) statement
 *
 * Every i in [0, count) is taken by exactly one thread of the launch, whatever its shape. Threads stride through
 * the whole array side by side. Good for data that fit in device memory.
 *
 *     |0123|0123|0123|0123|...      thread numbers
 */
#define FERRY_FOR_GRID(i, count)                                                                                     \
	for (u64 i = ferry_global_id(), i##_end_ = (count), i##_step_ = ferry_global_size(); i < i##_end_;           \
	     i += i##_step_)

/*
 * FERRY_FOR_BLOCK(i, count) statement
 *
 * The same, but every block has a contiguous share, through which its threads stride side by side. Blocks start in
 * order, so the launch sweeps through the array once, however few of its blocks are running: the one to use for
 * data larger than device memory. For launches of one dimension. count below 2^63.
 *
 *     |0101010101|2323232323|...    thread numbers, two threads a block
 */
#define FERRY_FOR_BLOCK(i, count)                                                                                    \
	for (u64 i = ferry_block_begin(count) + ferry_thread_index(0), i##_end_ = ferry_block_end(count),            \
	         i##_step_ = ferry_block_size(0);                                                                    \
	     i < i##_end_; i += i##_step_)

/* Shares are multiples of this many elements: two blocks share no page of 8-byte elements. */
#define FERRY_BLOCK_SHARE_UNIT 512ull

/* This block's share of [0, count) is [ferry_block_begin(count), ferry_block_end(count)); it may be empty. */
static inline u64 ferry_block_begin(u64 count)
{
	u64 units = (count + FERRY_BLOCK_SHARE_UNIT - 1) / FERRY_BLOCK_SHARE_UNIT;
	u64 blocks = ferry_grid_size(0);

	return (units + blocks - 1) / blocks * FERRY_BLOCK_SHARE_UNIT * ferry_block_index(0);
}

static inline u64 ferry_block_end(u64 count)
{
	u64 units = (count + FERRY_BLOCK_SHARE_UNIT - 1) / FERRY_BLOCK_SHARE_UNIT;
	u64 blocks = ferry_grid_size(0);
	u64 end = (units + blocks - 1) / blocks * FERRY_BLOCK_SHARE_UNIT * (ferry_block_index(0) + 1);

	return end < count ? end : count;
}

/* ---- together ---------------------------------------------------------------------------------------- */

/*
 * Every thread of the block that has not ended arrives before any goes on; what they wrote before is visible after.
 * So each thread passes as many barriers as the others, or ends. A thread that loops for ever instead keeps the
 * others waiting until the launch's budget is used up.
 */
static inline void ferry_barrier(void)
{
	(void)FERRY_GPU_CALL0_(volatile, FG1_HELPER_BARRIER, "memory");
}

/* This thread's accesses before are seen before those after. */
static inline void ferry_fence(void)
{
	(void)FERRY_GPU_CALL0_(volatile, FG1_HELPER_FENCE, "memory");
}

/* Stop the whole launch: ferry_wait() gives FERRY_E_LAUNCH_TRAP with this code (below 2^32). Does not return. */
static inline void ferry_trap(u64 code)
{
	(void)FERRY_GPU_CALL1_(volatile, FG1_HELPER_TRAP, code, "memory");
}

/* Nanoseconds, from some start. Not the same in all threads of a warp. */
static inline u64 ferry_clock(void)
{
	return FERRY_GPU_CALL0_(volatile, FG1_HELPER_CLOCK);
}

/* An access that the compiler neither merges, repeats nor drops: for words that other threads change meanwhile. */
#define FERRY_ONCE(lvalue) (*(volatile __typeof__(lvalue) *)&(lvalue))

/* ---- atomics ------------------------------------------------------------------------------------------
 *
 * On naturally aligned words in managed memory (a misaligned one traps); fully ordered, also against atomics of the
 * CPU. Without a result they work for every -mcpu.
 */
static inline void ferry_atomic_add32(u32 *p, u32 v)
{
	(void)__sync_fetch_and_add(p, v);
}

static inline void ferry_atomic_add64(u64 *p, u64 v)
{
	(void)__sync_fetch_and_add(p, v);
}

/* v3: these need -mcpu=v3; without it the compiler stops with an error. They return the value before. */
static inline u32 ferry_atomic_fetch_add32(u32 *p, u32 v)
{
	return __sync_fetch_and_add(p, v);
}

static inline u64 ferry_atomic_fetch_add64(u64 *p, u64 v)
{
	return __sync_fetch_and_add(p, v);
}

static inline u32 ferry_atomic_fetch_or32(u32 *p, u32 v)
{
	return __sync_fetch_and_or(p, v);
}

static inline u64 ferry_atomic_fetch_or64(u64 *p, u64 v)
{
	return __sync_fetch_and_or(p, v);
}

static inline u32 ferry_atomic_fetch_and32(u32 *p, u32 v)
{
	return __sync_fetch_and_and(p, v);
}

static inline u64 ferry_atomic_fetch_and64(u64 *p, u64 v)
{
	return __sync_fetch_and_and(p, v);
}

static inline u32 ferry_atomic_fetch_xor32(u32 *p, u32 v)
{
	return __sync_fetch_and_xor(p, v);
}

static inline u64 ferry_atomic_fetch_xor64(u64 *p, u64 v)
{
	return __sync_fetch_and_xor(p, v);
}

/* v3: store v, return the value before. */
static inline u32 ferry_atomic_xchg32(u32 *p, u32 v)
{
	return __sync_lock_test_and_set(p, v);
}

static inline u64 ferry_atomic_xchg64(u64 *p, u64 v)
{
	return __sync_lock_test_and_set(p, v);
}

/* v3: store v if *p equals expect; return the value before (v was stored if and only if that equals expect). */
static inline u32 ferry_atomic_cmpxchg32(u32 *p, u32 expect, u32 v)
{
	return __sync_val_compare_and_swap(p, expect, v);
}

static inline u64 ferry_atomic_cmpxchg64(u64 *p, u64 expect, u64 v)
{
	return __sync_val_compare_and_swap(p, expect, v);
}

/* ---- floats --------------------------------------------------------------------------------------------
 *
 * IEEE 754 binary32 and binary64, round to nearest even. eBPF has no float instructions: each function is one helper
 * call. f32 and f64 are the compiler's own float and double, so 1.5f is a literal, f32 * indexes an array of the
 * host's floats, and an operator used by mistake is a compile error.
 *
 * A f32 is no parameter of a kernel (it is 4 bytes wide): pass its bits in a u64, and take ferry_f32_from_bits().
 */
static inline u32 ferry_f32_bits(f32 a)
{
	union {
		f32 value;
		u32 bits;
	} u = {.value = a};

	return u.bits;
}

static inline f32 ferry_f32_from_bits(u64 bits)
{
	union {
		u32 bits;
		f32 value;
	} u = {.bits = (u32)bits};

	return u.value;
}

static inline u64 ferry_f64_bits(f64 a)
{
	union {
		f64 value;
		u64 bits;
	} u = {.value = a};

	return u.bits;
}

static inline f64 ferry_f64_from_bits(u64 bits)
{
	union {
		u64 bits;
		f64 value;
	} u = {.bits = bits};

	return u.value;
}

/*
 * FERRY_F32(1.0 / 3), FERRY_F64(...): a constant expression, computed by the compiler. The same as the literal
 * 0.333f, but a value that is no constant is an error here and not deep in the compiler.
 */
#define FERRY_F32(constant) ((f32)(__builtin_choose_expr(__builtin_constant_p(constant), (constant), (void)0)))
#define FERRY_F64(constant) ((f64)(__builtin_choose_expr(__builtin_constant_p(constant), (constant), (void)0)))

/*
 * For T in f32, f64:
 *   ferry_T_add, sub, mul, div (a, b)     a op b
 *   ferry_T_fma (a, b, c)                 a * b + c, rounded once
 *   ferry_T_sqrt (a)
 *   ferry_T_lt, le, eq (a, b)             0 or 1; 0 when either is a NaN
 *   ferry_T_from_i64 (n), to_i64 (a)      to_i64 rounds toward zero; out of range and NaN give the least s64
 *   ferry_T_neg, abs (a)                  the sign bit alone
 *   ferry_T_min, max (a, b)               b when either is a NaN
 */
#define FERRY_GPU_FLOAT_(T, U)                                                                                       \
	static inline f##T ferry_f##T##_add(f##T a, f##T b)                                                          \
	{                                                                                                            \
		return ferry_f##T##_from_bits(                                                                       \
			FERRY_GPU_CALL2_(FG1_HELPER_F##T##_ADD, ferry_f##T##_bits(a), ferry_f##T##_bits(b)));        \
	}                                                                                                            \
	static inline f##T ferry_f##T##_sub(f##T a, f##T b)                                                          \
	{                                                                                                            \
		return ferry_f##T##_from_bits(                                                                       \
			FERRY_GPU_CALL2_(FG1_HELPER_F##T##_SUB, ferry_f##T##_bits(a), ferry_f##T##_bits(b)));        \
	}                                                                                                            \
	static inline f##T ferry_f##T##_mul(f##T a, f##T b)                                                          \
	{                                                                                                            \
		return ferry_f##T##_from_bits(                                                                       \
			FERRY_GPU_CALL2_(FG1_HELPER_F##T##_MUL, ferry_f##T##_bits(a), ferry_f##T##_bits(b)));        \
	}                                                                                                            \
	static inline f##T ferry_f##T##_div(f##T a, f##T b)                                                          \
	{                                                                                                            \
		return ferry_f##T##_from_bits(                                                                       \
			FERRY_GPU_CALL2_(FG1_HELPER_F##T##_DIV, ferry_f##T##_bits(a), ferry_f##T##_bits(b)));        \
	}                                                                                                            \
	static inline f##T ferry_f##T##_fma(f##T a, f##T b, f##T c)                                                  \
	{                                                                                                            \
		return ferry_f##T##_from_bits(FERRY_GPU_CALL3_(FG1_HELPER_F##T##_FMA, ferry_f##T##_bits(a),          \
		                                               ferry_f##T##_bits(b), ferry_f##T##_bits(c)));         \
	}                                                                                                            \
	static inline f##T ferry_f##T##_sqrt(f##T a)                                                                 \
	{                                                                                                            \
		return ferry_f##T##_from_bits(FERRY_GPU_CALL1_(, FG1_HELPER_F##T##_SQRT, ferry_f##T##_bits(a)));     \
	}                                                                                                            \
	static inline u64 ferry_f##T##_lt(f##T a, f##T b)                                                            \
	{                                                                                                            \
		return FERRY_GPU_CALL2_(FG1_HELPER_F##T##_LT, ferry_f##T##_bits(a), ferry_f##T##_bits(b));           \
	}                                                                                                            \
	static inline u64 ferry_f##T##_le(f##T a, f##T b)                                                            \
	{                                                                                                            \
		return FERRY_GPU_CALL2_(FG1_HELPER_F##T##_LE, ferry_f##T##_bits(a), ferry_f##T##_bits(b));           \
	}                                                                                                            \
	static inline u64 ferry_f##T##_eq(f##T a, f##T b)                                                            \
	{                                                                                                            \
		return FERRY_GPU_CALL2_(FG1_HELPER_F##T##_EQ, ferry_f##T##_bits(a), ferry_f##T##_bits(b));           \
	}                                                                                                            \
	static inline f##T ferry_f##T##_from_i64(s64 n)                                                              \
	{                                                                                                            \
		return ferry_f##T##_from_bits(FERRY_GPU_CALL1_(, FG1_HELPER_F##T##_FROM_I64, (u64)n));               \
	}                                                                                                            \
	static inline s64 ferry_f##T##_to_i64(f##T a)                                                                \
	{                                                                                                            \
		return (s64)FERRY_GPU_CALL1_(, FG1_HELPER_F##T##_TO_I64, ferry_f##T##_bits(a));                      \
	}                                                                                                            \
	static inline f##T ferry_f##T##_neg(f##T a)                                                                  \
	{                                                                                                            \
		return ferry_f##T##_from_bits(ferry_f##T##_bits(a) ^ (U)1 << (T - 1));                               \
	}                                                                                                            \
	static inline f##T ferry_f##T##_abs(f##T a)                                                                  \
	{                                                                                                            \
		return ferry_f##T##_from_bits(ferry_f##T##_bits(a) & ~((U)1 << (T - 1)));                            \
	}                                                                                                            \
	static inline f##T ferry_f##T##_min(f##T a, f##T b)                                                          \
	{                                                                                                            \
		return ferry_f##T##_lt(a, b) ? a : b;                                                                \
	}                                                                                                            \
	static inline f##T ferry_f##T##_max(f##T a, f##T b)                                                          \
	{                                                                                                            \
		return ferry_f##T##_lt(b, a) ? a : b;                                                                \
	}

FERRY_GPU_FLOAT_(32, u32)
FERRY_GPU_FLOAT_(64, u64)

static inline f64 ferry_f64_from_f32(f32 a)
{
	return ferry_f64_from_bits(FERRY_GPU_CALL1_(, FG1_HELPER_F64_FROM_F32, ferry_f32_bits(a)));
}

static inline f32 ferry_f64_to_f32(f64 a)
{
	return ferry_f32_from_bits(FERRY_GPU_CALL1_(, FG1_HELPER_F64_TO_F32, ferry_f64_bits(a)));
}

#endif /* FERRY_GPU_H */
