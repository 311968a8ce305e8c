/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * workload_object.c - a program of the user's own, over the input: docs/howto/gpu-programs.md.
 *
 *     FERRY_KERNEL(any_name, u8 *data, u64 bytes)                    the output is data
 *     FERRY_KERNEL(any_name, const u8 *in, u64 bytes, u8 *out)       the output is out, zero before
 *
 * Arrays are followed by zeros up to the next page, so a program may read whole words. Nobody knows what the result
 * should be: verified says that it ran.
 */
#include <string.h>

#include "tools/reference.h"
#include "tools/workload.h"

struct object {
	struct ferry_program *program;
	uint8_t *in, *out;
	uint32_t arg_count;
};

static uint64_t object_needs(uint64_t input_bytes, uint64_t vram_bytes)
{
	(void)vram_bytes;
	return 2 * input_bytes;
}

static int load_program(struct ferry_workload_ctx *ctx, struct object *o)
{
	const char *more;
	int err;

	if (!ctx->object_path)
		return ferry_workload_fail(ctx, FERRY_E_FILE_OPEN, "no object file was given");
	err = ferry_program_load_file(ctx->ferry, ctx->device, ctx->object_path, ctx->entry, &o->program);
	if (err) {
		more = ferry_last_error();
		return ferry_workload_fail(ctx, err, "%s: %s%s%s", ctx->object_path, ferry_strerror(err),
		                           more[0] ? ": " : "", more);
	}
	ctx->program[ctx->program_count++] = o->program;
	o->arg_count = ferry_program_args(o->program);
	if (o->arg_count != 2 && o->arg_count != 3)
		return ferry_workload_fail(
			ctx, FERRY_E_LAUNCH_ARGS,
			"the kernel takes %u arguments; ferryctl passes (data, bytes) or (in, bytes, "
			"out): run it from a program of your own, with ferry_launch()",
			o->arg_count);
	return 0;
}

static int object_setup(struct ferry_workload_ctx *ctx)
{
	int err = ferry_workload_state(ctx, sizeof(struct object));
	struct object *o = ctx->state;

	if (err)
		return err;
	ctx->steps_total = 1;
	err = load_program(ctx, o);
	if (!err)
		err = ferry_workload_alloc(ctx, ctx->input_bytes, 0, &o->in);
	if (!err && o->arg_count == 3)
		err = ferry_workload_alloc(ctx, ctx->input_bytes, 0, &o->out);
	return err;
}

static int object_load(struct ferry_workload_ctx *ctx)
{
	struct object *o = ctx->state;

	memcpy(o->in, ctx->input, ctx->input_bytes);
	if (o->out)
		memset(o->out, 0, ctx->input_bytes);
	return 0;
}

static int object_run(struct ferry_workload_ctx *ctx)
{
	struct object *o = ctx->state;
	const uint64_t args[] = {ferry_workload_arg(o->in), ctx->input_bytes, ferry_workload_arg(o->out)};

	return ferry_workload_launch_1d(ctx, o->program, ferry_workload_blocks(ctx, ctx->input_bytes),
	                                FERRY_WORKLOAD_THREADS, args, o->arg_count);
}

static int object_verify(struct ferry_workload_ctx *ctx)
{
	const struct object *o = ctx->state;

	ctx->output_checksum = ferry_reference_checksum(o->out ? o->out : o->in, ctx->input_bytes);
	return ferry_workload_fail(ctx, 0, "it ran; the checksum of its output is %016llx",
	                           (unsigned long long)ctx->output_checksum);
}

const struct ferry_workload ferry_workload_object = {
	.name = "object",
	.summary = "a program of your own: the path of an object file with a FERRY_KERNEL(name, u8 *data, u64 bytes)",
	.needs = object_needs,
	.setup = object_setup,
	.load = object_load,
	.run = object_run,
	.verify = object_verify,
};
