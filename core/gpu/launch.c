/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "gpu/launch.h"
#include "gpu/device.h"

#define ARGS_BYTES (FERRY_LAUNCH_ARGS_MAX * sizeof(uint64_t))
#define RESULTS_OFFSET (FERRY_LAUNCHES_MAX * ARGS_BYTES)
#define RING_BYTES (RESULTS_OFFSET + FERRY_LAUNCHES_MAX * FERRY_HAL_RESULT_BYTES)
#define RING_FULL_TRIES 100u
#define RING_FULL_WAIT_NS 100000000ull

int ferry_launch_ring_create(struct ferry_va_gpu *vg, struct ferry_launch_ring **out)
{
	struct ferry_mem *mem = &vg->gpu->core->mem;
	struct ferry_launch_ring *ring = ferry_mem_zalloc(mem, sizeof(*ring));

	if (!ring)
		return FERRY_E_VA_SPACE_NOMEM;
	if (vg->gpu->ops->dma_alloc(vg->gpu->dev, RING_BYTES, &ring->mem)) {
		ferry_mem_free(mem, ring, sizeof(*ring));
		return FERRY_E_CHANNEL_NOMEM;
	}
	ring->next = 1;
	*out = ring;
	return 0;
}

static bool launch_ended(const struct ferry_launch_ring *ring, uint64_t launch)
{
	return launch <= ring->ended || ferry_fence_done(&ring->fence[launch % FERRY_LAUNCHES_MAX]);
}

/* Count what has ended since the last look. LAUNCH held. */
static void launches_reap(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_va_gpu *vg)
	FERRY_NEEDS(&vs->launch_lock)
{
	struct ferry_launch_ring *ring = vg->launches;

	(void)FERRY_ASSERT(ferry_lock_assert_held(ctx, &vs->launch_lock));
	while (ring->ended + 1 < ring->next && launch_ended(ring, ring->ended + 1)) {
		ring->ended++;
		ferry_device_launch_end(vg->gpu);
	}
}

void ferry_launch_reap_device(struct ferry_ctx *ctx, struct ferry_device *gpu)
{
	struct ferry_core *core = gpu->core;
	struct ferry_list *pos;

	if (!ferry_mutex_trylock(ctx, &core->lock))
		return;
	/* A VA space leaves the list before it ends, so what is on it stays while GLOBAL is held. */
	FERRY_LIST_EACH(pos, &core->va_spaces) {
		struct ferry_va_space *vs = FERRY_LIST_ENTRY(pos, struct ferry_va_space, node);

		if (!ferry_mutex_trylock(ctx, &vs->launch_lock))
			continue;
		if (vs->joined[gpu->id])
			launches_reap(ctx, vs, vs->joined[gpu->id]);
		ferry_mutex_unlock(ctx, &vs->launch_lock);
	}
	ferry_mutex_unlock(ctx, &core->lock);
}

void ferry_launch_ring_destroy(struct ferry_ctx *ctx, struct ferry_va_gpu *vg)
{
	struct ferry_launch_ring *ring = vg->launches;
	struct ferry_device *gpu = vg->gpu;

	for (; ring->ended + 1 < ring->next; ring->ended++)
		ferry_device_launch_end(gpu);
	ferry_device_control_lock(ctx, gpu);
	for (uint32_t i = 0; i < FERRY_PROGRAMS_MAX; i++) {
		if (!ring->programs[i].used)
			continue;
		if (gpu->hal->program_unload(gpu->hd, ring->programs[i].slot))
			ferry_device_lose(gpu, FERRY_E_DEVICE_HUNG);
		ferry_ids_give(&gpu->programs, ring->programs[i].slot);
	}
	ferry_mutex_unlock(ctx, &gpu->control);
	gpu->ops->dma_free(gpu->dev, &ring->mem);
	ferry_mem_free(&gpu->core->mem, ring, sizeof(*ring));
}

/* ---- programs ------------------------------------------------------------------------------------------- */

/* The instructions in memory the device reads, for the time of the load. */
static int program_load(struct ferry_ctx *ctx, struct ferry_device *gpu, const void *insns, uint32_t insn_count,
                        uint32_t arg_count, uint32_t *slot, uint32_t *at) FERRY_NEEDS_NOT(&gpu->control)
{
	struct ferry_dma code;
	int err;

	if (gpu->ops->dma_alloc(gpu->dev, insn_count * 8ull, &code))
		return FERRY_E_PROGRAM_NOMEM;
	memcpy(code.cpu, insns, insn_count * 8ull);
	ferry_device_control_lock(ctx, gpu);
	*slot = ferry_ids_take(&gpu->programs);
	err = *slot >= gpu->programs.count
	              ? FERRY_E_PROGRAM_SLOTS
	              : gpu->hal->program_load(gpu->hd, *slot, code.bus, insn_count, arg_count, at);
	if (err && *slot < gpu->programs.count)
		ferry_ids_give(&gpu->programs, *slot);
	ferry_mutex_unlock(ctx, &gpu->control);
	gpu->ops->dma_free(gpu->dev, &code);
	return err;
}

int ferry_program_create(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint32_t device, const void *insns,
                         uint32_t insn_count, uint32_t arg_count, uint32_t *program, uint32_t *at)
{
	struct ferry_program_slot *place = NULL;
	struct ferry_va_gpu *vg;
	uint32_t i;
	int err = ferry_va_space_join(ctx, vs, device, &vg);

	if (err)
		return err;
	if (insn_count == 0 || insn_count > vg->gpu->info.program_insns_max)
		return FERRY_E_PROGRAM_SIZE;
	if (arg_count > vg->gpu->info.args_max || arg_count > FERRY_LAUNCH_ARGS_MAX)
		return FERRY_E_PROGRAM_ARGS;
	ferry_mutex_lock(ctx, &vs->launch_lock);
	for (i = 0; i < FERRY_PROGRAMS_MAX && !place; i++)
		if (!vg->launches->programs[i].used)
			place = &vg->launches->programs[i];
	err = place ? program_load(ctx, vg->gpu, insns, insn_count, arg_count, &place->slot, at)
	            : FERRY_E_PROGRAM_SLOTS;
	if (!err) {
		place->used = true;
		place->arg_count = arg_count;
		place->last = 0;
		*program = device << 16 | i; /* place + 1 */
	}
	ferry_mutex_unlock(ctx, &vs->launch_lock);
	return err;
}

/* LAUNCH held. */
static struct ferry_program_slot *program_find(struct ferry_va_space *vs, uint32_t program, struct ferry_va_gpu **vg)
	FERRY_NEEDS(&vs->launch_lock)
{
	uint32_t device = program >> 16, place = (program & 0xffff) - 1;

	if (device >= FERRY_MAX_DEVICES || place >= FERRY_PROGRAMS_MAX || !vs->joined[device] ||
	    !vs->joined[device]->launches->programs[place].used)
		return NULL;
	*vg = vs->joined[device];
	return &(*vg)->launches->programs[place];
}

int ferry_program_destroy(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint32_t program)
{
	struct ferry_program_slot *place;
	struct ferry_va_gpu *vg;
	int err = FERRY_E_PROGRAM_ID;

	ferry_mutex_lock(ctx, &vs->launch_lock);
	place = program_find(vs, program, &vg);
	if (place) {
		struct ferry_device *gpu = vg->gpu;

		launches_reap(ctx, vs, vg);
		ferry_device_control_lock(ctx, gpu);
		/* The device knows of launches it has begun; those in the ring behind them only we know. */
		if (ferry_device_lost(gpu))
			err = 0;
		else if (place->last > vg->launches->ended)
			err = FERRY_E_BUSY;
		else
			err = gpu->hal->program_unload(gpu->hd, place->slot);
		if (!err) {
			ferry_ids_give(&gpu->programs, place->slot);
			place->used = false;
		}
		ferry_mutex_unlock(ctx, &gpu->control);
	}
	ferry_mutex_unlock(ctx, &vs->launch_lock);
	return err;
}

/* ---- launches ------------------------------------------------------------------------------------------- */

static int launch_check(const struct ferry_device *gpu, const struct ferry_req_launch *req,
                        const struct ferry_program_slot *place)
{
	uint64_t threads = 1, blocks = 1;

	if (req->arg_count != place->arg_count)
		return FERRY_E_LAUNCH_ARGS;
	for (uint32_t i = 0; i < 3; i++) {
		if (!req->grid[i] || !req->block[i] || req->block[i] > gpu->info.block_threads_max ||
		    blocks > gpu->info.grid_blocks_max / req->grid[i])
			return FERRY_E_LAUNCH_SHAPE;
		threads *= req->block[i];
		blocks *= req->grid[i];
	}
	return threads > gpu->info.block_threads_max ? FERRY_E_LAUNCH_SHAPE : 0;
}

/* Write arguments, clear the result, push. LAUNCH held, and the place is free. */
static int launch_push(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_va_gpu *vg,
                       const struct ferry_req_launch *req, struct ferry_program_slot *program, uint64_t *launch)
	FERRY_NEEDS(&vs->launch_lock)
{
	struct ferry_launch_ring *ring = vg->launches;
	uint32_t place = (uint32_t)(ring->next % FERRY_LAUNCHES_MAX);
	uint64_t *args = (void *)((char *)ring->mem.cpu + place * ARGS_BYTES);
	char *result = (char *)ring->mem.cpu + RESULTS_OFFSET + place * FERRY_HAL_RESULT_BYTES;
	struct ferry_launch_desc desc = {
		.slot = program->slot,
		.arg_count = req->arg_count,
		.budget = req->budget,
		.args_bus = ring->mem.bus + place * ARGS_BYTES,
		.result_bus = ring->mem.bus + RESULTS_OFFSET + place * FERRY_HAL_RESULT_BYTES,
	};
	struct ferry_push push;
	int err = ferry_push_begin_on(ctx, &vg->compute, &push);

	if (err)
		return err;
	memcpy(desc.grid, req->grid, sizeof(desc.grid));
	memcpy(desc.block, req->block, sizeof(desc.block));
	memset(result, 0, FERRY_HAL_RESULT_BYTES);
	for (uint32_t i = 0; i < req->arg_count; i++)
		ferry_os_dma_store64(&args[i], req->args[i]);
	vg->gpu->hal->cmd_launch(ferry_push_slot(ctx, &push), &desc);
	ferry_device_launch_begin(vg->gpu);
	ring->fence[place] = ferry_push_end(ctx, &push, true);
	program->last = ring->next;
	*launch = ring->next++;
	ferry_count(&vs->counters, FERRY_COUNTER_launches, 1);
	return 0;
}

struct launch_pred_arg {
	struct ferry_device *gpu;
	struct ferry_fence fence;
};

static bool launch_pred(void *arg)
{
	struct launch_pred_arg *a = arg;

	return ferry_fence_done(&a->fence) || ferry_device_lost(a->gpu) != 0 ||
	       ferry_channel_stopped(a->fence.channel);
}

/* What ended the wait for this launch: 0, it has ended; FERRY_E_DEVICE_LOST, it never will. */
static int launch_outcome(struct launch_pred_arg *a)
{
	if (ferry_fence_done(&a->fence))
		return 0;
	/* A channel that refused a command goes on with nothing: whoever waits behind it waits for ever. */
	if (!ferry_device_lost(a->gpu))
		ferry_device_lose(a->gpu, FERRY_E_CHANNEL_ERROR);
	return FERRY_E_DEVICE_LOST;
}

int ferry_launch_submit(struct ferry_ctx *ctx, struct ferry_va_space *vs, const struct ferry_req_launch *req,
                        uint64_t *launch)
{
	for (uint32_t tries = 0; tries < RING_FULL_TRIES; tries++) {
		struct ferry_program_slot *place;
		struct launch_pred_arg oldest;
		struct ferry_va_gpu *vg;
		int err;

		ferry_mutex_lock(ctx, &vs->launch_lock);
		place = program_find(vs, req->program, &vg);
		err = !place || vg->gpu->id != req->device ? FERRY_E_PROGRAM_ID : launch_check(vg->gpu, req, place);
		if (err) {
			ferry_mutex_unlock(ctx, &vs->launch_lock);
			return err;
		}
		launches_reap(ctx, vs, vg);
		if (vg->launches->next - vg->launches->ended <= FERRY_LAUNCHES_MAX) {
			err = launch_push(ctx, vs, vg, req, place, launch);
			ferry_mutex_unlock(ctx, &vs->launch_lock);
			return err;
		}
		/* All places are out: wait for the oldest without the lock, then look again. */
		oldest.gpu = vg->gpu;
		oldest.fence = vg->launches->fence[(vg->launches->ended + 1) % FERRY_LAUNCHES_MAX];
		ferry_mutex_unlock(ctx, &vs->launch_lock);
		(void)ferry_lock_assert_op(ctx, FERRY_LOCK_OP_FAULT_WAIT);
		err = ferry_os_wait_until(&vg->gpu->wait, launch_pred, &oldest, RING_FULL_WAIT_NS);
		if (!err)
			err = launch_outcome(&oldest);
		if (err && err != FERRY_E_TIMEOUT)
			return err;
	}
	return FERRY_E_BUSY;
}

/* The launch's fence, copied out. FERRY_E_DEVICE_ID, FERRY_E_LAUNCH_ID. */
static int launch_find(struct ferry_ctx *ctx, struct ferry_va_space *vs, const struct ferry_req_wait *req,
                       struct launch_pred_arg *out, const char **result)
{
	struct ferry_launch_ring *ring;
	struct ferry_va_gpu *vg;
	int err = FERRY_E_LAUNCH_ID;

	if (!ferry_core_device(vs->core, req->device))
		return FERRY_E_DEVICE_ID;
	ferry_mutex_lock(ctx, &vs->launch_lock);
	vg = vs->joined[req->device];
	ring = vg ? vg->launches : NULL;
	if (ring && req->launch && req->launch < ring->next && ring->next - req->launch <= FERRY_LAUNCHES_MAX) {
		uint32_t place = (uint32_t)(req->launch % FERRY_LAUNCHES_MAX);

		out->gpu = vg->gpu;
		out->fence = ring->fence[place];
		*result = (char *)ring->mem.cpu + RESULTS_OFFSET + place * FERRY_HAL_RESULT_BYTES;
		err = 0;
	}
	ferry_mutex_unlock(ctx, &vs->launch_lock);
	return err;
}

/* Read the record while its place is still this launch's. */
static int launch_collect(struct ferry_ctx *ctx, struct ferry_va_space *vs, const struct ferry_req_wait *req,
                          const char *record, struct ferry_launch_result *result)
{
	struct ferry_va_gpu *vg;
	int err = 0;

	ferry_mutex_lock(ctx, &vs->launch_lock);
	vg = vs->joined[req->device];
	launches_reap(ctx, vs, vg);
	if (vg->launches->next - req->launch > FERRY_LAUNCHES_MAX)
		err = FERRY_E_LAUNCH_ID;
	else if (!vg->gpu->hal->launch_result(record, result))
		err = FERRY_E_LAUNCH_KILLED;
	ferry_mutex_unlock(ctx, &vs->launch_lock);
	return err;
}

int ferry_launch_wait(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_req_wait *req)
{
	struct ferry_launch_result result = {0};
	struct launch_pred_arg arg;
	const char *record;
	int err = launch_find(ctx, vs, req, &arg, &record);

	if (err)
		return err;
	(void)ferry_lock_assert_op(ctx, FERRY_LOCK_OP_FAULT_WAIT);
	err = ferry_os_wait_until(&arg.gpu->wait, launch_pred, &arg, req->timeout_ns);
	if (err)
		return err;
	err = launch_outcome(&arg);
	if (err)
		return err;
	err = launch_collect(ctx, vs, req, record, &result);
	if (err)
		return err;
	/* A lost device has its address spaces taken away; what it then finds unmapped is not the program's doing. */
	if (result.error == FERRY_E_FAULT_UNMAPPED && ferry_device_lost(arg.gpu))
		result.error = FERRY_E_DEVICE_LOST;
	req->fault_va = result.fault_va;
	req->fault_access = result.access;
	req->lanes_died = result.lanes;
	req->trap_code = result.reason;
	req->insns = result.insns;
	req->error = (uint32_t)result.error;
	return result.error;
}

bool ferry_launch_all_ended(struct ferry_ctx *ctx, struct ferry_va_space *vs)
{
	bool ended = true;

	ferry_mutex_lock(ctx, &vs->launch_lock);
	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++) {
		struct ferry_va_gpu *vg = vs->joined[d];

		if (!vg || ferry_device_lost(vg->gpu))
			continue;
		launches_reap(ctx, vs, vg);
		if (vg->launches->ended + 1 < vg->launches->next)
			ended = false;
	}
	ferry_mutex_unlock(ctx, &vs->launch_lock);
	return ended;
}
