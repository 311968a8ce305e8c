/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload.c - see workload.h: the table, the five steps, and what the workloads share.
 */
#include "tools/workload.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/reference.h"

/* How long one wait for a launch lasts before progress is asked whether to stop. */
#define WAIT_SLICE_NS 100000000ull
/* What a block sweeps over, and how many blocks a sweep has at most. */
#define SHARE_BYTES 65536u
#define BLOCKS_MAX 65536u

const struct ferry_workload *const ferry_workloads[] = {
	&ferry_workload_fill,     &ferry_workload_copy,      &ferry_workload_histogram, &ferry_workload_reduce,
	&ferry_workload_sort,     &ferry_workload_saxpy_i32, &ferry_workload_saxpy_f32, &ferry_workload_gemm,
	&ferry_workload_stencil,  &ferry_workload_bfs,       &ferry_workload_chase,     &ferry_workload_random,
	&ferry_workload_pingpong, &ferry_workload_bad,       &ferry_workload_object,    NULL,
};

const struct ferry_workload *ferry_workload_find(const char *name)
{
	for (size_t i = 0; ferry_workloads[i]; i++) {
		if (!strcmp(ferry_workloads[i]->name, name))
			return ferry_workloads[i];
	}
	return NULL;
}

/* ---- errors ------------------------------------------------------------------------------------------- */

int ferry_workload_fail(struct ferry_workload_ctx *ctx, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(ctx->message, sizeof(ctx->message), fmt, args);
	va_end(args);
	return error;
}

/* A failure of the library: what was tried, and all that it knows about the reason. */
static int library_failed(struct ferry_workload_ctx *ctx, int error, const char *what)
{
	const char *more = ferry_last_error();

	return ferry_workload_fail(ctx, error, "%s: %s%s%s", what, ferry_strerror(error), more[0] ? ": " : "", more);
}

int ferry_workload_differs(struct ferry_workload_ctx *ctx, const char *what, uint64_t index, uint64_t got,
                           uint64_t want)
{
	return ferry_workload_fail(ctx, FERRY_E_VERIFY, "%s[%llu] is 0x%llx, and should be 0x%llx", what,
	                           (unsigned long long)index, (unsigned long long)got, (unsigned long long)want);
}

/* Words are copied out one by one: the arrays may hold floats. */
#define COMPARE(type)                                                                                                \
	for (uint64_t i = 0; i < count; i++) {                                                                       \
		type g, w;                                                                                           \
                                                                                                                     \
		memcpy(&g, (const char *)got + i * sizeof(g), sizeof(g));                                            \
		memcpy(&w, (const char *)want + i * sizeof(w), sizeof(w));                                           \
		if (g != w)                                                                                          \
			return ferry_workload_differs(ctx, what, i, g, w);                                           \
	}                                                                                                            \
	return 0

int ferry_workload_compare32(struct ferry_workload_ctx *ctx, const char *what, const void *got, const void *want,
                             uint64_t count)
{
	COMPARE(uint32_t);
}

int ferry_workload_compare64(struct ferry_workload_ctx *ctx, const char *what, const void *got, const void *want,
                             uint64_t count)
{
	COMPARE(uint64_t);
}

/* ---- what setup needs ----------------------------------------------------------------------------------- */

int ferry_workload_state(struct ferry_workload_ctx *ctx, size_t bytes)
{
	ctx->state = calloc(1, bytes);
	return ctx->state ? 0 : ferry_workload_fail(ctx, FERRY_E_NOMEM, "no memory for the workload's state");
}

int ferry_workload_alloc(struct ferry_workload_ctx *ctx, uint64_t bytes, uint32_t flags, void *out)
{
	void *p;
	int err;

	if (ctx->buffer_count == FERRY_WORKLOAD_BUFFERS)
		return ferry_workload_fail(ctx, FERRY_E_BUG, "a workload with too many buffers");
	err = ferry_alloc(ctx->ferry, bytes ? bytes : 1, flags, &p);
	if (err)
		return library_failed(ctx, err, "managed memory");
	ctx->buffer[ctx->buffer_count++] = p;
	ctx->managed_bytes += bytes;
	memcpy(out, &p, sizeof(p)); /* out is a pointer to a pointer of any type */
	return 0;
}

int ferry_workload_program(struct ferry_workload_ctx *ctx, const char *object, const char *entry,
                           struct ferry_program **out)
{
	char path[4096];
	int err;

	if (ctx->program_count == FERRY_WORKLOAD_PROGRAMS)
		return ferry_workload_fail(ctx, FERRY_E_BUG, "a workload with too many programs");
	if (snprintf(path, sizeof(path), "%s/%s.o", ctx->programs_dir, object) >= (int)sizeof(path))
		return ferry_workload_fail(ctx, FERRY_E_FILE_OPEN, "the folder of the programs has too long a name");
	err = ferry_program_load_file(ctx->ferry, ctx->device, path, entry, out);
	if (err)
		return library_failed(ctx, err, path);
	ctx->program[ctx->program_count++] = *out;
	return 0;
}

/* In exact reverse of setup; whatever it got to. */
static void teardown(const struct ferry_workload *w, struct ferry_workload_ctx *ctx)
{
	if (w->teardown)
		w->teardown(ctx);
	while (ctx->program_count && !ctx->abandoned)
		(void)ferry_program_unload(ctx->program[--ctx->program_count]);
	while (ctx->buffer_count && !ctx->abandoned)
		(void)ferry_free(ctx->ferry, ctx->buffer[--ctx->buffer_count]);
	free(ctx->state);
	ctx->state = NULL;
}

/* ---- launches ------------------------------------------------------------------------------------------- */

static int progress(struct ferry_workload_ctx *ctx)
{
	uint64_t total = ctx->steps_total > ctx->steps_done ? ctx->steps_total : ctx->steps_done;

	if (ctx->progress && ctx->progress(ctx->progress_arg, ctx->steps_done, total))
		return ferry_workload_fail(ctx, FERRY_E_KILLED, "stopped");
	return 0;
}

static int launch_failed(struct ferry_workload_ctx *ctx, int error, const struct ferry_result *r)
{
	static const char *const verbs[] = {"reading", "writing", "an atomic at"};

	if (error == FERRY_E_FAULT_UNMAPPED || error == FERRY_E_FAULT_READ_ONLY || error == FERRY_E_FAULT_POISON)
		return ferry_workload_fail(ctx, error, "%s: %s 0x%llx; threads that died: %llu",
		                           ferry_strerror(error), verbs[r->fault_access % 3],
		                           (unsigned long long)r->fault_va, (unsigned long long)r->lanes_died);
	if (error == FERRY_E_LAUNCH_TRAP)
		return ferry_workload_fail(ctx, error, "%s: code 0x%llx", ferry_strerror(error),
		                           (unsigned long long)r->trap_code);
	return library_failed(ctx, error, "launch");
}

int ferry_workload_launch(struct ferry_workload_ctx *ctx, const struct ferry_launch *launch,
                          struct ferry_result *result)
{
	struct ferry_result own = {0}, *r = result ? result : &own;
	uint64_t id;
	int err;

	memset(r, 0, sizeof(*r));
	err = ferry_launch(ctx->ferry, launch, &id);
	if (err)
		return library_failed(ctx, err, "launch");
	do {
		/* On the way out ferry_close() ends the launch. */
		int stop = progress(ctx);

		if (stop) {
			ctx->abandoned = true;
			return stop;
		}
		err = ferry_wait(ctx->ferry, ctx->device, id, WAIT_SLICE_NS, r);
	} while (err == FERRY_E_TIMEOUT);
	ctx->launches++;
	ctx->insns += r->insns;
	ctx->steps_done++;
	return err ? launch_failed(ctx, err, r) : 0;
}

int ferry_workload_launch_1d(struct ferry_workload_ctx *ctx, struct ferry_program *program, uint64_t blocks,
                             uint32_t threads, const uint64_t *args, uint32_t arg_count)
{
	struct ferry_launch launch = {.program = program, .block = {threads}, .arg_count = arg_count};

	if (blocks > UINT32_MAX || arg_count > FERRY_LAUNCH_ARGS_MAX)
		return ferry_workload_fail(ctx, FERRY_E_LAUNCH_SHAPE, "a launch of %llu blocks",
		                           (unsigned long long)blocks);
	launch.grid[0] = (uint32_t)blocks;
	memcpy(launch.args, args, arg_count * sizeof(args[0]));
	return ferry_workload_launch(ctx, &launch, NULL);
}

uint64_t ferry_workload_div_up(uint64_t n, uint64_t by)
{
	return n / by + (n % by ? 1 : 0);
}

uint64_t ferry_workload_blocks(const struct ferry_workload_ctx *ctx, uint64_t bytes)
{
	uint64_t blocks = ctx->threads ? ferry_workload_div_up(ctx->threads, FERRY_WORKLOAD_THREADS)
	                               : ferry_workload_div_up(bytes, SHARE_BYTES);

	if (!blocks)
		return 1;
	return blocks < BLOCKS_MAX ? blocks : BLOCKS_MAX;
}

/* ---- input ---------------------------------------------------------------------------------------------- */

uint64_t ferry_workload_words(uint64_t bytes, uint32_t word_bytes)
{
	return ferry_workload_div_up(bytes, word_bytes);
}

void ferry_workload_input_words(const struct ferry_workload_ctx *ctx, void *out, uint64_t first, uint64_t count,
                                uint32_t word_bytes)
{
	uint64_t begin = first * word_bytes, bytes = count * word_bytes;
	uint64_t there = begin < ctx->input_bytes ? ctx->input_bytes - begin : 0;

	if (there > bytes)
		there = bytes;
	if (there)
		memcpy(out, ctx->input + begin, there);
	memset((uint8_t *)out + there, 0, bytes - there);
}

/* Three kinds of 4 KiB stretches in turn: noise, long runs of one byte, words of a small alphabet. */
void ferry_workload_generate(uint8_t *out, size_t bytes, uint64_t seed)
{
	uint64_t noise = 0;

	for (size_t i = 0; i < bytes; i++, noise >>= 8) {
		if (i % 8 == 0)
			noise = ferry_reference_mix(seed + i / 8);
		switch ((i >> 12) % 3) {
		case 0:
			out[i] = (uint8_t)noise;
			break;
		case 1:
			out[i] = (uint8_t)(seed + (i >> 8) * 31);
			break;
		default:
			out[i] = noise & 7 ? (uint8_t)('a' + (noise >> 3 & 15)) : ' ';
			break;
		}
	}
}

uint64_t ferry_workload_input_for(const struct ferry_workload *w, uint64_t managed_bytes, uint64_t vram_bytes)
{
	uint64_t low = 1, high = 1ull << 40;

	while (low < high) {
		uint64_t middle = (low + high) / 2;

		if (w->needs(middle, vram_bytes) >= managed_bytes)
			high = middle;
		else
			low = middle + 1;
	}
	/* Where shapes are rounded, needs() may fall a little as the input grows. */
	for (int i = 0; i < 64 && w->needs(low, vram_bytes) < managed_bytes; i++)
		low += low / 64 + 1;
	return low;
}

/* ---- where the object files are ---------------------------------------------------------------------------- */

static bool holds_programs(const char *folder)
{
	char path[4096];

	return snprintf(path, sizeof(path), "%s/fill.o", folder) < (int)sizeof(path) && !access(path, R_OK);
}

/* "programs" next to the executable. */
static bool beside_executable(char *out, size_t out_bytes)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n <= 0)
		return false;
	path[n] = 0;
	slash = strrchr(path, '/');
	if (!slash)
		return false;
	*slash = 0;
	return snprintf(out, out_bytes, "%s/programs", path) < (int)out_bytes && holds_programs(out);
}

int ferry_workload_programs_dir(const char *wanted, char *out, size_t out_bytes)
{
	static const char *const installed[] = {
#ifdef FERRY_PROGRAM_DIR
		FERRY_PROGRAM_DIR,
#endif
		"/usr/lib/ferry/programs",
	};
	const char *env = getenv("FERRY_PROGRAMS");

	if (!wanted && env && env[0])
		wanted = env;
	if (wanted)
		return snprintf(out, out_bytes, "%s", wanted) < (int)out_bytes ? 0 : FERRY_E_FILE_OPEN;
	if (beside_executable(out, out_bytes))
		return 0;
	for (size_t i = 0; i < sizeof(installed) / sizeof(installed[0]); i++) {
		int n = snprintf(out, out_bytes, "%s", installed[i]);

		if (n < (int)out_bytes && holds_programs(out))
			return 0;
	}
	return FERRY_E_FILE_OPEN;
}

/* ---- the five steps -------------------------------------------------------------------------------------- */

static double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int timed(int (*step)(struct ferry_workload_ctx *ctx), struct ferry_workload_ctx *ctx, double *seconds)
{
	double start = now_seconds();
	int err = step(ctx);

	*seconds += now_seconds() - start;
	return err;
}

static int repetition(const struct ferry_workload *w, struct ferry_workload_ctx *ctx)
{
	int err = progress(ctx);

	if (!err)
		err = timed(w->load, ctx, &ctx->seconds_load);
	if (!err)
		err = timed(w->run, ctx, &ctx->seconds_run);
	if (!err)
		err = timed(w->verify, ctx, &ctx->seconds_verify);
	return err;
}

int ferry_workload_execute(const struct ferry_workload *w, struct ferry_workload_ctx *ctx)
{
	struct ferry_req_device_info info = {.size = sizeof(info)};
	uint32_t repeat = ctx->repeat ? ctx->repeat : 1;
	int err;

	ctx->message[0] = 0;
	ctx->verified = false;
	if (!ctx->input_bytes)
		return ferry_workload_fail(ctx, FERRY_E_FILE_EMPTY, "the input is empty");
	err = ferry_device_info(ctx->ferry, ctx->device, &info);
	if (err)
		return library_failed(ctx, err, "device");
	ctx->vram_bytes = info.vram_bytes;

	err = timed(w->setup, ctx, &ctx->seconds_setup);
	/* setup counted the steps of one repetition. */
	ctx->steps_total *= repeat;
	for (uint32_t i = 0; i < repeat && !err; i++)
		err = repetition(w, ctx);
	ctx->verified = !err;
	teardown(w, ctx);
	return err;
}
