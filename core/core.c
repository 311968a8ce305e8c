/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core_impl.h"
#include "fault/cpu_fault.h"
#include "gpu/device.h"
#include "gpu/launch.h"
#include "migrate/idle.h"
#include "migrate/migrate.h"
#include "request.h"
#include "va/external.h"
#include "va/va_space.h"

static int params_check(const struct ferry_core_params *in, struct ferry_core_params *out)
{
	if (in)
		*out = *in;
	if (!out->fault_entries)
		out->fault_entries = FERRY_FAULT_ENTRIES_DEFAULT;
	if (!out->batch_max)
		out->batch_max = FERRY_BATCH_DEFAULT;
	if (!out->fence_timeout_ns)
		out->fence_timeout_ns = FERRY_FENCE_TIMEOUT_NS;
	if (out->fault_entries < 16 || out->fault_entries > 65536 ||
	    (out->fault_entries & (out->fault_entries - 1)) || out->batch_max > FERRY_BATCH_DEFAULT)
		return FERRY_E_INVAL;
	return 0;
}

int ferry_core_create(const struct ferry_core_params *params, struct ferry_core **out)
{
	struct ferry_core_params checked = {0};
	struct ferry_core *core;
	int err = params_check(params, &checked);

	if (err)
		return err;
	core = ferry_os_zalloc(sizeof(*core), 0);
	if (!core)
		return FERRY_E_NOMEM;
	core->params = checked;
	ferry_os_fetch_add(&core->mem.bytes, sizeof(*core));
	ferry_lock_book_init(&core->locks);
	ferry_os_store_relaxed(&core->until_watch, FERRY_LOCK_BOOK_ONE_IN - 1);
	ferry_gate_init(&core->gate);
	ferry_mutex_init(&core->lock, FERRY_LOCK_GLOBAL);
	ferry_list_init(&core->va_spaces);
	*out = core;
	return 0;
}

void ferry_core_destroy(struct ferry_core *core)
{
	struct ferry_ctx ctx;
	uint32_t count = (uint32_t)ferry_os_load_acquire(&core->device_count);

	(void)FERRY_ASSERT(ferry_list_empty(&core->va_spaces));
	ferry_core_enter(core, &ctx);
	ferry_os_store_release(&core->device_count, 0);
	while (count-- > 0)
		ferry_device_destroy(&ctx, core->devices[count]);
	ferry_core_leave(core, &ctx);
	(void)FERRY_ASSERT(ferry_mem_bytes(&core->mem) == sizeof(*core));
	ferry_mutex_fini(&core->lock);
	ferry_gate_fini(&core->gate);
	ferry_os_free(core);
}

int ferry_core_add_device(struct ferry_core *core, const struct ferry_hal *hal, const struct ferry_dev_ops *ops,
                          void *dev, uint32_t *id)
{
	struct ferry_ctx ctx;
	uint32_t count;
	int err = ferry_gate_enter(&core->gate);

	if (err)
		return err;
	ferry_core_enter(core, &ctx);
	ferry_mutex_lock(&ctx, &core->lock);
	count = (uint32_t)ferry_os_load_acquire(&core->device_count);
	err = count >= FERRY_MAX_DEVICES
	              ? FERRY_E_DEVICE_TOO_MANY
	              : ferry_device_create(&ctx, core, hal, ops, dev, count, &core->devices[count]);
	if (!err) {
		ferry_os_store_release(&core->device_count, count + 1); /* pairs with ferry_core_device() */
		*id = count;
	}
	ferry_mutex_unlock(&ctx, &core->lock);
	ferry_core_leave(core, &ctx);
	ferry_gate_leave(&core->gate);
	return err;
}

int ferry_core_open(struct ferry_core *core, const struct ferry_mm_ops *ops, void *mm, uint32_t host_caps,
                    struct ferry_va_space **out)
{
	struct ferry_ctx ctx;
	int err = ferry_gate_enter(&core->gate);

	if (err)
		return err;
	ferry_core_enter(core, &ctx);
	err = ferry_va_space_create(&ctx, core, ops, mm, host_caps, out);
	ferry_core_leave(core, &ctx);
	ferry_gate_leave(&core->gate);
	return err;
}

/* Closing is not turned away by the gate: a process that dies while the machine suspends must be able to leave. */
void ferry_core_close(struct ferry_core *core, struct ferry_va_space *vs)
{
	struct ferry_ctx ctx;

	ferry_core_enter(core, &ctx);
	ferry_va_space_destroy(&ctx, vs);
	ferry_core_leave(core, &ctx);
}

int ferry_core_request(struct ferry_core *core, struct ferry_va_space *vs, uint32_t request, void *buf,
                       size_t size_bytes)
{
	struct ferry_ctx ctx;
	int err = ferry_gate_enter(&core->gate);

	if (err)
		return err;
	ferry_core_enter(core, &ctx);
	err = ferry_request_run(&ctx, vs, request, buf, size_bytes);
	ferry_core_leave(core, &ctx);
	ferry_gate_leave(&core->gate);
	return err;
}

int ferry_core_cpu_fault(struct ferry_core *core, struct ferry_va_space *vs, uint64_t va, bool write)
{
	struct ferry_ctx ctx;
	int err = ferry_gate_enter(&core->gate);

	if (err)
		return err;
	ferry_core_enter(core, &ctx);
	ferry_va_read_lock(&ctx, &vs->lock);
	err = ferry_cpu_fault_serve(&ctx, vs, va, write);
	ferry_va_read_unlock(&ctx, &vs->lock);
	ferry_core_leave(core, &ctx);
	ferry_gate_leave(&core->gate);
	return err;
}

/* Nor is this: what the CPU has unmapped is gone, whether we like the moment or not. The block's lock is enough. */
void ferry_core_unmapped(struct ferry_core *core, struct ferry_va_space *vs, uint64_t va, uint64_t size_bytes)
{
	struct ferry_ctx ctx;

	ferry_core_enter(core, &ctx);
	ferry_va_range_unmap(&ctx, vs, va, size_bytes);
	ferry_core_leave(core, &ctx);
}

int ferry_core_release(struct ferry_core *core, struct ferry_va_space *vs, uint64_t va, uint64_t size_bytes)
{
	struct ferry_ctx ctx;
	uint64_t moved = 0;
	int err = ferry_gate_enter(&core->gate);

	if (err)
		return err;
	ferry_core_enter(core, &ctx);
	ferry_va_read_lock(&ctx, &vs->lock);
	err = ferry_va_range_check(&ctx, vs, va, size_bytes);
	if (!err)
		err = ferry_migrate_range(&ctx, vs, va, size_bytes, FERRY_WHERE_HOST, 0, &moved);
	ferry_va_read_unlock(&ctx, &vs->lock);
	if (!err)
		ferry_va_range_unmap(&ctx, vs, va, size_bytes);
	ferry_core_leave(core, &ctx);
	ferry_gate_leave(&core->gate);
	return err;
}

/* Without the gate: the owner of the memory does not wait for our resume, and nothing may use it before either. */
void ferry_core_external_revoke(struct ferry_core *core, struct ferry_va_space *vs, uint64_t va, uint64_t size_bytes)
{
	struct ferry_ctx ctx;

	ferry_core_enter(core, &ctx);
	ferry_external_revoke(&ctx, vs, va, size_bytes);
	ferry_core_leave(core, &ctx);
}

/* Without the gate: whoever closes it may be the one who needs memory. */
uint64_t ferry_core_idle(struct ferry_core *core, struct ferry_va_space *vs, uint64_t pages_wanted)
{
	struct ferry_ctx ctx;
	uint64_t given;

	ferry_core_enter(core, &ctx);
	given = vs ? ferry_idle_pages_of(&ctx, vs, pages_wanted) : ferry_idle_pages(&ctx, core, pages_wanted);
	ferry_core_leave(core, &ctx);
	return given;
}

int ferry_core_locks(struct ferry_core *core, struct ferry_req_locks *out)
{
	return ferry_request_locks(core, out);
}

void ferry_core_device_gone(struct ferry_core *core, uint32_t id)
{
	struct ferry_device *gpu = ferry_core_device(core, id);

	if (FERRY_ASSERT(gpu))
		ferry_device_lose(gpu, FERRY_E_DEVICE_LOST);
}

uint32_t ferry_core_poll(struct ferry_core *core, struct ferry_va_space *vs)
{
	struct ferry_device *gpu;
	struct ferry_ctx ctx;
	uint32_t bits = 0;

	ferry_core_enter(core, &ctx);
	if (ferry_launch_all_ended(&ctx, vs))
		bits |= FERRY_CORE_POLL_IDLE;
	for (uint32_t id = 0; (gpu = ferry_core_device(core, id)); id++)
		if (ferry_device_lost(gpu))
			bits |= FERRY_CORE_POLL_LOST;
	ferry_core_leave(core, &ctx);
	return bits;
}

struct ferry_os_wait *ferry_core_poll_wait(struct ferry_core *core, uint32_t id)
{
	struct ferry_device *gpu = ferry_core_device(core, id);

	return gpu ? &gpu->wait : NULL;
}
