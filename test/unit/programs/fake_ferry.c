/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fake_ferry.c - see fake_ferry.h.
 */
#include "test/unit/programs/fake_ferry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/object.h"
#include "warp.h"

#define RANGES 32u
#define WARPS (FG1_BLOCK_THREADS_MAX / FG1_WARP)
#define BUDGET_STEP 65536u

struct range {
	uint8_t *memory;
	size_t bytes;
	bool read_only;
};

struct fg1 {
	struct ferry_os_atomic generation;
	const struct ferry *owner;
};

struct ferry_program {
	struct ferry *owner;
	struct fg1_program *code;
	uint32_t arg_count;
};

struct ferry {
	struct range range[RANGES];
	uint32_t range_count;
	uint64_t program_count, vram_bytes, calls, fail_at, launches;
	int corrupt;
	struct ferry_result result;
	struct fg1 gpu;
	struct fg1_mmu mmu;
	struct fg1_warp warp[WARPS];
};

static char last_error[FERRY_OBJECT_WHY_BYTES + 64];

/* ---- the MMU: what is in a range is there ------------------------------------------------------------- */

void fg1_mmu_init(struct fg1_mmu *mmu, struct fg1 *gpu, uint32_t engine)
{
	memset(mmu, 0, sizeof(*mmu));
	mmu->gpu = gpu;
	mmu->engine = engine;
	mmu->generation = &gpu->generation;
}

void fg1_mmu_enter(struct fg1_mmu *mmu)
{
	fg1_mmu_sync(mmu);
}

void fg1_mmu_leave(struct fg1_mmu *mmu)
{
	(void)mmu;
}

void fg1_mmu_resync(struct fg1_mmu *mmu, uint64_t generation)
{
	memset(mmu->tlb, 0, sizeof(mmu->tlb));
	mmu->local_generation = generation;
}

uint8_t *fg1_mmu_walk(struct fg1_mmu *mmu, uint32_t asid, uint64_t va, uint32_t access, uint32_t *kind)
{
	struct fg1_tlb_entry *e = &mmu->tlb[fg1_mmu_slot(asid, va >> FERRY_PAGE_SHIFT)];
	const struct ferry *f = mmu->gpu->owner;

	for (uint32_t i = 0; i < f->range_count; i++) {
		const struct range *r = &f->range[i];

		if (va - (uintptr_t)r->memory >= ferry_align_up(r->bytes, FERRY_PAGE_SIZE))
			continue;
		if (r->read_only && access != FERRY_ACCESS_READ) {
			*kind = FG1_FAULT_PERMISSION;
			return NULL;
		}
		e->page = (va >> FERRY_PAGE_SHIFT) + 1;
		e->memory = r->memory + ferry_align_down(va - (uintptr_t)r->memory, FERRY_PAGE_SIZE);
		e->asid = asid;
		e->allow = r->read_only ? 1u : 7u;
		return e->memory + (va & (FERRY_PAGE_SIZE - 1));
	}
	*kind = FG1_FAULT_NOT_PRESENT;
	return NULL;
}

/* ---- handles, memory, programs --------------------------------------------------------------------------- */

static bool must_fail(struct ferry *f)
{
	f->calls++;
	return f->fail_at && f->calls == f->fail_at;
}

int fake_ferry_open(uint64_t vram_bytes, struct ferry **out)
{
	struct ferry *f = calloc(1, sizeof(*f));

	if (!f)
		return FERRY_E_NOMEM;
	f->vram_bytes = vram_bytes;
	f->corrupt = -1;
	f->gpu.owner = f;
	fg1_mmu_init(&f->mmu, &f->gpu, 0);
	*out = f;
	return 0;
}

int ferry_close(struct ferry *f)
{
	free(f);
	return 0;
}

void fake_ferry_fail_nth(struct ferry *f, uint64_t n)
{
	f->fail_at = n ? f->calls + n : 0;
}

uint64_t fake_ferry_calls(const struct ferry *f)
{
	return f->calls;
}

uint64_t fake_ferry_live(const struct ferry *f)
{
	return f->range_count + f->program_count;
}

void fake_ferry_corrupt(struct ferry *f, int allocation)
{
	f->corrupt = allocation;
}

int ferry_alloc(struct ferry *f, size_t bytes, uint32_t flags, void **out)
{
	struct range *r = &f->range[f->range_count];
	void *memory;

	if (must_fail(f) || f->range_count == RANGES || posix_memalign(&memory, FERRY_PAGE_SIZE, bytes))
		return FERRY_E_RANGE_NOMEM;
	memset(memory, 0, bytes);
	*r = (struct range){memory, bytes, flags & FERRY_RANGE_READ_ONLY};
	f->range_count++;
	*out = memory;
	return 0;
}

int ferry_free(struct ferry *f, void *p)
{
	for (uint32_t i = 0; i < f->range_count; i++) {
		if (f->range[i].memory != p)
			continue;
		free(p);
		f->range[i] = f->range[--f->range_count];
		ferry_os_fetch_add(&f->gpu.generation, 1);
		return 0;
	}
	return FERRY_E_RANGE_NOT_FOUND;
}

static int read_file(const char *path, void **out, size_t *bytes)
{
	FILE *file = fopen(path, "rb");
	long size;
	void *image;

	if (!file)
		return FERRY_E_FILE_OPEN;
	if (fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET)) {
		fclose(file);
		return FERRY_E_FILE_READ;
	}
	image = malloc((size_t)size + 1);
	if (!image || fread(image, 1, (size_t)size, file) != (size_t)size) {
		free(image);
		fclose(file);
		return FERRY_E_FILE_READ;
	}
	fclose(file);
	*out = image;
	*bytes = (size_t)size;
	return 0;
}

static int program_create(struct ferry *f, const struct ferry_object_kernel *k, struct ferry_program **out)
{
	struct ferry_program *p = calloc(1, sizeof(*p));
	enum fg1_program_error why = FG1_PROGRAM_OK;
	uint32_t at = 0;
	int err;

	if (!p)
		return FERRY_E_PROGRAM_NOMEM;
	err = fg1_program_load(k->insns, k->insn_count, k->arg_count, FG1_CAP_ALL, &p->code, &why, &at);
	if (err) {
		snprintf(last_error, sizeof(last_error), "instruction %u: reason %d", at, (int)why);
		free(p);
		return err;
	}
	p->owner = f;
	p->arg_count = k->arg_count;
	f->program_count++;
	*out = p;
	return 0;
}

int ferry_program_load_file(struct ferry *f, uint32_t device, const char *path, const char *entry,
                            struct ferry_program **out)
{
	const struct ferry_object_kernel *k;
	struct ferry_object *object;
	void *image;
	size_t bytes;
	int err;

	(void)device;
	last_error[0] = 0;
	if (must_fail(f))
		return FERRY_E_PROGRAM_NOMEM;
	err = read_file(path, &image, &bytes);
	if (err)
		return err;
	err = ferry_object_open(image, bytes, &object, last_error, sizeof(last_error));
	free(image);
	if (err)
		return err;
	err = ferry_object_find(object, entry, &k, last_error, sizeof(last_error));
	if (!err)
		err = program_create(f, k, out);
	ferry_object_close(object);
	return err;
}

int ferry_program_unload(struct ferry_program *p)
{
	p->owner->program_count--;
	fg1_program_free(p->code);
	free(p);
	return 0;
}

uint32_t ferry_program_args(const struct ferry_program *p)
{
	return p->arg_count;
}

/* ---- launches --------------------------------------------------------------------------------------------- */

/* What is stalled can never be served here: it dies, and the first one is told. */
static void cancel_stalled(struct ferry *f, struct fg1_warp *w)
{
	while (w->stall_count) {
		const struct fg1_stall *s = &w->stalls[0];

		if (!f->result.error) {
			f->result.error =
				s->kind == FG1_FAULT_PERMISSION ? FERRY_E_FAULT_READ_ONLY : FERRY_E_FAULT_UNMAPPED;
			f->result.fault_va = s->page_va;
			f->result.fault_access = s->access;
		}
		f->result.lanes_died += fg1_warp_cancel(w, 0);
	}
}

/* Run a block to its end. false: it trapped. */
static bool block_run(struct ferry *f, uint32_t warps)
{
	for (;;) {
		uint32_t waiting = 0, done = 0;

		for (uint32_t i = 0; i < warps; i++) {
			struct fg1_warp *w = &f->warp[i];
			enum fg1_warp_status status;

			do {
				status = fg1_warp_run(w, &f->mmu, BUDGET_STEP);
				cancel_stalled(f, w);
			} while (status == FG1_WARP_BUDGET || (w->run && status != FG1_WARP_TRAP));
			if (status == FG1_WARP_TRAP) {
				f->result.error = FERRY_E_LAUNCH_TRAP;
				f->result.trap_code = w->trap_code;
				return false;
			}
			waiting += w->wait != 0;
			done += !w->wait;
		}
		if (done == warps)
			return true;
		for (uint32_t i = 0; i < warps && waiting; i++) {
			if (f->warp[i].wait)
				fg1_warp_release(&f->warp[i]);
		}
	}
}

static void shape_fill(struct fg1_launch_shape *s, const struct ferry_launch *l)
{
	memset(s, 0, sizeof(*s));
	s->block_threads = 1;
	s->grid_blocks = 1;
	for (int d = 0; d < 3; d++) {
		s->grid[d] = l->grid[d] ? l->grid[d] : 1;
		s->block[d] = l->block[d] ? l->block[d] : 1;
		s->grid_blocks *= s->grid[d];
		s->block_threads *= s->block[d];
	}
	s->arg_count = l->arg_count;
	s->caps = FG1_CAP_ALL;
	memcpy(s->args, l->args, sizeof(s->args));
}

int ferry_launch(struct ferry *f, const struct ferry_launch *l, uint64_t *id)
{
	struct fg1_launch_shape shape;
	uint32_t warps;
	bool go_on = true;

	last_error[0] = 0;
	if (must_fail(f))
		return FERRY_E_DEVICE_LOST;
	if (l->arg_count != l->program->arg_count)
		return FERRY_E_LAUNCH_ARGS;
	shape_fill(&shape, l);
	if (!l->grid[0] || !l->block[0] || shape.block_threads > FG1_BLOCK_THREADS_MAX)
		return FERRY_E_LAUNCH_SHAPE;
	warps = (shape.block_threads + FG1_WARP - 1) / FG1_WARP;
	memset(&f->result, 0, sizeof(f->result));
	fg1_mmu_enter(&f->mmu);
	for (uint64_t b = 0; b < shape.grid_blocks && go_on; b++) {
		for (uint32_t i = 0; i < warps; i++)
			fg1_warp_start(&f->warp[i], l->program->code, &shape, b, i * FG1_WARP);
		go_on = block_run(f, warps);
		for (uint32_t i = 0; i < warps; i++)
			f->result.insns += f->warp[i].insns;
	}
	fg1_mmu_leave(&f->mmu);
	if (f->corrupt >= 0 && (uint32_t)f->corrupt < f->range_count)
		f->range[f->corrupt].memory[0]++;
	*id = ++f->launches;
	return 0;
}

int ferry_wait(struct ferry *f, uint32_t device, uint64_t id, uint64_t timeout_ns, struct ferry_result *out)
{
	(void)device;
	(void)timeout_ns;
	if (id != f->launches)
		return FERRY_E_LAUNCH_ID;
	if (out)
		*out = f->result;
	return (int)f->result.error;
}

/* ---- questions -------------------------------------------------------------------------------------------- */

int ferry_device_info(struct ferry *f, uint32_t device, struct ferry_req_device_info *out)
{
	if (device)
		return FERRY_E_DEVICE_ID;
	memset(out, 0, sizeof(*out));
	out->size = sizeof(*out);
	out->vram_bytes = f->vram_bytes;
	return 0;
}

const char *ferry_strerror(int error)
{
	static const char *const sentences[] = {"no error",
#define x(name, errno_parent, sentence) sentence,
	                                        FERRY_ERRORS(x)
#undef x
	};

	return error >= 0 && error < FERRY_ERROR_COUNT ? sentences[error] : "?";
}

const char *ferry_last_error(void)
{
	return last_error;
}
