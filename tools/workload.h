/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload.h - how ferryctl runs a built-in GPU program, and proves that the result is right.
 *
 *     setup --> load --> run --> verify --> teardown
 *                 ^                 |
 *                 +---- repeat -----+
 *
 *     setup     programs loaded, managed memory allocated
 *     load      the input written into managed memory, by the CPU: pages come home
 *     run       launches; everything the GPU does is in here
 *     verify    the CPU computes the same from the input, and compares every word that the GPU wrote
 *     teardown  everything given back; a context that setup left half-built is fine
 *
 * Words:   input = the bytes of the files that ferryctl was given, or of ferry_workload_generate(); at least one. It
 *          stays as it is: verify computes from it. Managed bytes = what a workload allocates for an input.
 * Rules:   a workload takes any input: any size, any bytes. It works at any size of device memory, and uses the input
 *          whole. Bounded: work beyond a stated budget is left out, and `summary` says so.
 * Locks:   none; a context belongs to one thread.
 * Errors:  0 or enum ferry_error; ctx->message then has one sentence for people.
 */
#ifndef FERRY_TOOLS_WORKLOAD_H
#define FERRY_TOOLS_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/ferry.h"

#define FERRY_WORKLOAD_MESSAGE_BYTES 320u
#define FERRY_WORKLOAD_BUFFERS 16u
#define FERRY_WORKLOAD_PROGRAMS 8u

/* done of total steps (launches, mostly). Called often; nonzero: stop, the workload ends with FERRY_E_KILLED. */
typedef int (*ferry_workload_progress)(void *arg, uint64_t done, uint64_t total);

struct ferry_workload_ctx {
	/* Given by the caller, before ferry_workload_execute(). */
	struct ferry *ferry;
	uint32_t device;
	uint32_t repeat;                  /* runs; 0 counts as 1 */
	uint64_t threads;                 /* of a launch, about, where it can be chosen; 0: what suits the workload */
	const uint8_t *input;             /* unchanged until the end */
	size_t input_bytes;               /* >= 1 */
	const char *programs_dir;         /* where NAME.o is: see ferry_workload_programs_dir() */
	const char *object_path;          /* workload "object": the file, */
	const char *entry;                /* and its kernel, or NULL when it has one only */
	ferry_workload_progress progress; /* may be NULL */
	void *progress_arg;

	/* Results. */
	bool verified;            /* every repetition was compared and equal */
	uint64_t vram_bytes;      /* of the device */
	uint64_t managed_bytes;   /* allocated */
	uint64_t launches, insns; /* of all repetitions; thread instructions */
	uint64_t output_checksum; /* "object" only */
	double seconds_setup, seconds_load, seconds_run, seconds_verify;
	char message[FERRY_WORKLOAD_MESSAGE_BYTES]; /* of an error, or a remark about the result; "" when there is
	                                               none */

	/* The workload's and workload.c's own. */
	bool abandoned; /* a launch still runs: what it uses ends with the handle, in ferry_close() */
	void *state;    /* freed by teardown */
	uint64_t steps_done, steps_total;
	void *buffer[FERRY_WORKLOAD_BUFFERS];
	struct ferry_program *program[FERRY_WORKLOAD_PROGRAMS];
	uint32_t buffer_count, program_count;
};

struct ferry_workload {
	const char *name;
	const char *summary; /* one line for --help */
	/* Managed bytes for an input of this size on a device of this memory. (bfs: of one that is no edge list.) */
	uint64_t (*needs)(uint64_t input_bytes, uint64_t vram_bytes);
	int (*setup)(struct ferry_workload_ctx *ctx);
	int (*load)(struct ferry_workload_ctx *ctx);
	int (*run)(struct ferry_workload_ctx *ctx);
	int (*verify)(struct ferry_workload_ctx *ctx);
	void (*teardown)(struct ferry_workload_ctx *ctx); /* what is not a buffer, a program or state; may be NULL */
};

/* All built-ins, in the order of --help; NULL ends the table. */
extern const struct ferry_workload *const ferry_workloads[];
/* By name, or NULL. "object" is found too. */
const struct ferry_workload *ferry_workload_find(const char *name);

/*
 * All five steps, ctx->repeat times; tears down whatever happens. FERRY_E_VERIFY: a result differs, ctx->message
 * says where. FERRY_E_KILLED: progress said stop. Else what libferry says.
 */
int ferry_workload_execute(const struct ferry_workload *workload, struct ferry_workload_ctx *ctx);

/* Deterministic bytes for when no file is given: half noise, half runs and text-like, so that sorts see both. */
void ferry_workload_generate(uint8_t *out, size_t bytes, uint64_t seed);

/* About the smallest input for which a workload manages at least this much. For tests of oversubscription. */
uint64_t ferry_workload_input_for(const struct ferry_workload *workload, uint64_t managed_bytes, uint64_t vram_bytes);

/*
 * Where the built-in object files are: `wanted` (--programs) if it is not NULL, else $FERRY_PROGRAMS, else
 * "programs" next to the running executable, else FERRY_PROGRAM_DIR of the build, else /usr/lib/ferry/programs. The
 * last three must have a fill.o. 0 or FERRY_E_FILE_OPEN, with a directory that was tried in out.
 */
int ferry_workload_programs_dir(const char *wanted, char *out, size_t out_bytes);

/* ---- for workload_*.c ---- */

/* ctx->message, and the error back. */
int ferry_workload_fail(struct ferry_workload_ctx *ctx, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* FERRY_E_VERIFY: what[index] is got, and should be want. */
int ferry_workload_differs(struct ferry_workload_ctx *ctx, const char *what, uint64_t index, uint64_t got,
                           uint64_t want);
/* The first difference of two arrays of count words of 32 or 64 bits, floats too; 0 when there is none. */
int ferry_workload_compare32(struct ferry_workload_ctx *ctx, const char *what, const void *got, const void *want,
                             uint64_t count);
int ferry_workload_compare64(struct ferry_workload_ctx *ctx, const char *what, const void *got, const void *want,
                             uint64_t count);

/* Zeroed private memory for the workload's state, freed after teardown. 0, FERRY_E_NOMEM. */
int ferry_workload_state(struct ferry_workload_ctx *ctx, size_t bytes);
/* Managed memory, freed after teardown. bytes may be 0. flags: as ferry_alloc(). */
int ferry_workload_alloc(struct ferry_workload_ctx *ctx, uint64_t bytes, uint32_t flags, void *out);
/* Kernel `entry` of programs_dir/object.o, unloaded after teardown. */
int ferry_workload_program(struct ferry_workload_ctx *ctx, const char *object, const char *entry,
                           struct ferry_program **out);

/* Launch, wait, count, report progress. A failure of the launch is the return value. */
int ferry_workload_launch(struct ferry_workload_ctx *ctx, const struct ferry_launch *launch,
                          struct ferry_result *result);
/* The same in one dimension: `blocks` blocks of `threads` threads; the rest are the arguments, u64 each. */
#define FERRY_WORKLOAD_LAUNCH(ctx, prog, blocks, threads, ...)                                                       \
	ferry_workload_launch_1d((ctx), (prog), (blocks), (threads), (const uint64_t[]){__VA_ARGS__},                \
	                         sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))
int ferry_workload_launch_1d(struct ferry_workload_ctx *ctx, struct ferry_program *program, uint64_t blocks,
                             uint32_t threads, const uint64_t *args, uint32_t arg_count);

/* A pointer as an argument. */
static inline uint64_t ferry_workload_arg(const void *p)
{
	return (uintptr_t)p;
}

/* Threads of a block, unless the workload has a reason. */
#define FERRY_WORKLOAD_THREADS 256u
/* Blocks for a sweep over this many bytes: one for each 64 KiB, or as ctx->threads says. */
uint64_t ferry_workload_blocks(const struct ferry_workload_ctx *ctx, uint64_t bytes);

/* The input as little-endian words, the last padded with zeros: how many, and copies into managed memory. */
uint64_t ferry_workload_words(uint64_t bytes, uint32_t word_bytes);
/* Copy words [first, first + count) of word_bytes each to out; what lies beyond the input is zero. */
void ferry_workload_input_words(const struct ferry_workload_ctx *ctx, void *out, uint64_t first, uint64_t count,
                                uint32_t word_bytes);
uint64_t ferry_workload_div_up(uint64_t n, uint64_t by);

/* One per file. */
extern const struct ferry_workload ferry_workload_fill, ferry_workload_copy, ferry_workload_histogram,
	ferry_workload_reduce, ferry_workload_sort, ferry_workload_saxpy_i32, ferry_workload_saxpy_f32,
	ferry_workload_gemm, ferry_workload_stencil, ferry_workload_bfs, ferry_workload_chase, ferry_workload_random,
	ferry_workload_pingpong, ferry_workload_bad, ferry_workload_object;

#endif /* FERRY_TOOLS_WORKLOAD_H */
