/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "request.h"
#include "base/range.h"
#include "gpu/device.h"
#include "gpu/launch.h"
#include "migrate/migrate.h"
#include "va/external.h"

/* One entry: what the struct of this version measures, and who handles it. payload follows the struct in the buffer.
 */
struct request {
	uint32_t size_min; /* of version 1 */
	uint32_t size;     /* of this version */
	int (*run)(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
	           size_t payload_bytes);
};

static int req_version(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                       size_t payload_bytes)
{
	struct ferry_req_version *r = req;

	(void)ctx, (void)vs, (void)payload, (void)payload_bytes;
	if (r->reserved)
		return FERRY_E_REQUEST_FLAGS;
	if (r->min > r->max || r->min > FERRY_UAPI_VERSION || r->max < FERRY_UAPI_VERSION_MIN)
		return FERRY_E_VERSION;
	r->min = r->min > FERRY_UAPI_VERSION_MIN ? r->min : FERRY_UAPI_VERSION_MIN;
	r->max = r->max < FERRY_UAPI_VERSION ? r->max : FERRY_UAPI_VERSION;
	return 0;
}

static void copy_text(char *dst, size_t room, const char *src)
{
	size_t i = 0;

	for (; src[i] && i + 1 < room; i++)
		dst[i] = src[i];
	dst[i] = 0;
}

/* What the device has, in the words of the uapi. */
static uint32_t device_capabilities(const struct ferry_device *gpu)
{
	static const uint8_t from_hal[FERRY_CAPS] = {
		[FERRY_CAP_REPLAY] = FERRY_CAPABILITY_FAULTS,
		[FERRY_CAP_CANCEL] = FERRY_CAPABILITY_CANCEL,
		[FERRY_CAP_ATOMICS] = FERRY_CAPABILITY_ATOMICS,
		[FERRY_CAP_BIG_PAGES] = FERRY_CAPABILITY_BIG_PAGES,
		[FERRY_CAP_HUGE_PAGES] = FERRY_CAPABILITY_HUGE_PAGES,
		[FERRY_CAP_VIRTUAL_COPY] = FERRY_CAPABILITY_VIRTUAL_COPY,
		[FERRY_CAP_FLOAT] = FERRY_CAPABILITY_FLOAT,
		[FERRY_CAP_HOST_MAP] = FERRY_CAPABILITY_HOST_MAP,
		[FERRY_CAP_SELF_REFRESH] = FERRY_CAPABILITY_SELF_REFRESH,
	};
	uint32_t caps = 0;

	for (uint32_t i = 0; i < FERRY_CAPS; i++)
		if (gpu->info.caps >> i & 1)
			caps |= 1u << from_hal[i];
	return caps;
}

static uint32_t capabilities(const struct ferry_va_space *vs, const struct ferry_device *gpu)
{
	uint32_t caps = device_capabilities(gpu) | vs->host_caps;

	return ferry_external_supported(vs) ? caps | 1u << FERRY_CAPABILITY_REGISTER : caps;
}

static int req_device_info(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                           size_t payload_bytes)
{
	struct ferry_req_device_info *r = req;
	struct ferry_device *gpu = ferry_core_device(vs->core, r->device);
	struct ferry_pmm_stats stats;

	(void)payload, (void)payload_bytes;
	if (!gpu)
		return FERRY_E_DEVICE_ID;
	ferry_pmm_stats(ctx, gpu->pmm, &stats);
	r->vram_bytes = gpu->info.vram_bytes;
	r->vram_free_bytes = stats.frames_free << FERRY_PAGE_SHIFT;
	r->capabilities = capabilities(vs, gpu);
	r->sms = gpu->info.sms;
	r->devices = (uint32_t)ferry_os_load_acquire(&vs->core->device_count);
	r->lost = ferry_device_lost(gpu) != 0;
	copy_text(r->name, sizeof(r->name), gpu->hal->name);
	return 0;
}

static int req_range_create(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                            size_t payload_bytes)
{
	struct ferry_req_range *r = req;

	(void)payload, (void)payload_bytes;
	if (r->flags & ~FERRY_RANGE_READ_ONLY)
		return FERRY_E_REQUEST_FLAGS;
	return ferry_va_range_create(ctx, vs, r->base, r->bytes, r->flags & FERRY_RANGE_READ_ONLY);
}

static int req_range_destroy(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                             size_t payload_bytes)
{
	struct ferry_req_range *r = req;

	(void)payload, (void)payload_bytes;
	if (r->flags || r->bytes)
		return FERRY_E_REQUEST_FLAGS;
	return ferry_va_range_destroy(ctx, vs, r->base, &r->bytes);
}

static int req_migrate(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                       size_t payload_bytes)
{
	struct ferry_req_migrate *r = req;
	struct ferry_va_gpu *vg;
	uint64_t moved = 0;
	int err = 0;

	(void)payload, (void)payload_bytes;
	if (r->flags & ~(FERRY_MIGRATE_BEST_EFFORT | FERRY_MIGRATE_UNMAPPED) || r->reserved)
		return FERRY_E_REQUEST_FLAGS;
	err = ferry_range_check_aligned(r->base, r->bytes, FERRY_VA_END, FERRY_PAGE_SIZE);
	if (!err && r->where != FERRY_WHERE_HOST)
		err = ferry_va_space_join(ctx, vs, r->where, &vg);
	if (err)
		return err;
	ferry_va_read_lock(ctx, &vs->lock);
	err = ferry_va_range_check(ctx, vs, r->base, r->bytes);
	if (!err)
		err = ferry_migrate_range(ctx, vs, r->base, r->bytes, r->where, r->flags, &moved);
	ferry_va_read_unlock(ctx, &vs->lock);
	r->pages_moved = moved;
	return err;
}

static int req_advise(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                      size_t payload_bytes)
{
	struct ferry_req_advise *r = req;

	(void)payload, (void)payload_bytes;
	if (r->reserved)
		return FERRY_E_REQUEST_FLAGS;
	return ferry_va_range_advise(ctx, vs, r->base, r->bytes, r->advice, r->where);
}

static int req_protect(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                       size_t payload_bytes)
{
	struct ferry_req_protect *r = req;

	(void)payload, (void)payload_bytes;
	if (r->prot != FERRY_PROT_READ && r->prot != (FERRY_PROT_READ | FERRY_PROT_WRITE))
		return FERRY_E_INVAL;
	return ferry_va_range_protect(ctx, vs, r->base, r->bytes, r->prot & FERRY_PROT_WRITE);
}

static int req_program_load(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                            size_t payload_bytes)
{
	struct ferry_req_program_load *r = req;

	if (payload_bytes / 8 < r->insn_count)
		return FERRY_E_REQUEST_SIZE;
	r->at = 0;
	return ferry_program_create(ctx, vs, r->device, payload, r->insn_count, r->arg_count, &r->program, &r->at);
}

static int req_program_unload(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                              size_t payload_bytes)
{
	struct ferry_req_program_unload *r = req;

	(void)payload, (void)payload_bytes;
	return ferry_program_destroy(ctx, vs, r->program);
}

static int req_launch(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                      size_t payload_bytes)
{
	struct ferry_req_launch *r = req;

	(void)payload, (void)payload_bytes;
	if (r->flags || r->reserved)
		return FERRY_E_REQUEST_FLAGS;
	if (r->arg_count > FERRY_LAUNCH_ARGS_MAX)
		return FERRY_E_LAUNCH_ARGS;
	if (!ferry_core_device(vs->core, r->device))
		return FERRY_E_DEVICE_ID;
	return ferry_launch_submit(ctx, vs, r, &r->launch);
}

static int req_wait(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                    size_t payload_bytes)
{
	(void)payload, (void)payload_bytes;
	return ferry_launch_wait(ctx, vs, req);
}

/* A sentence for each capability: what it means here when it is there, what goes without it when it is not. */
static const struct {
	const char *yes, *no;
} capability_text[FERRY_CAPABILITIES] = {
	[FERRY_CAPABILITY_FAULTS] = {"the device stalls on a missing page and tries again",
                                     "the device cannot replay faults"},
	[FERRY_CAPABILITY_CANCEL] = {"a bad access ends alone, its launch goes on",
                                     "the device cannot cancel one access: a bad one ends its launch"},
	[FERRY_CAPABILITY_ATOMICS] = {"the device has atomic instructions", "the device has no atomic instructions"},
	[FERRY_CAPABILITY_BIG_PAGES] = {"64 KiB pages are used where frames allow", "the device has no 64 KiB pages"},
	[FERRY_CAPABILITY_HUGE_PAGES] = {"2 MiB pages are used where frames allow", "the device has no 2 MiB pages"},
	[FERRY_CAPABILITY_VIRTUAL_COPY] = {"copy commands take virtual addresses",
                                           "copy commands take physical addresses only"},
	[FERRY_CAPABILITY_FLOAT] = {"float helpers are there (computed in software)", "the device has no floats"},
	[FERRY_CAPABILITY_HOST_MAP] = {"the device can use host memory in place",
                                       "the device reaches its own memory only"},
	[FERRY_CAPABILITY_SELF_REFRESH] = {"device memory can be kept while the device sleeps",
                                           "device memory is lost when the device sleeps"},
	[FERRY_CAPABILITY_READ_MOSTLY] = {"readers can hold copies at the same time",
                                          "this host cannot write-protect its pages"},
	[FERRY_CAPABILITY_CPU_MAPS_DEVICE] =
		{"the CPU can use device memory in place",
                 "this host has no mapping of device memory: pages move to the CPU instead"},
	[FERRY_CAPABILITY_SYSCALLS] = {"system calls may touch device-resident memory",
                                       "a system call that touches device-resident memory fails with EFAULT here"},
	[FERRY_CAPABILITY_SUSPEND] = {"this host puts the device to sleep with the machine",
                                      "a process has no suspend of its own: the machine's is not seen here"},
	[FERRY_CAPABILITY_REGISTER] = {"memory of the process can be registered, and is used where it is",
                                       "registered memory is used in place, and a device of this handle reaches its "
                                       "own memory only"},
};

static int req_capability(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                          size_t payload_bytes)
{
	struct ferry_req_capability *r = req;
	struct ferry_device *gpu = ferry_core_device(vs->core, r->device);

	(void)ctx, (void)payload, (void)payload_bytes;
	if (!gpu)
		return FERRY_E_DEVICE_ID;
	if (r->capability >= FERRY_CAPABILITIES)
		return FERRY_E_INVAL;
	r->supported = (capabilities(vs, gpu) >> r->capability) & 1;
	copy_text(r->reason, sizeof(r->reason),
	          r->supported ? capability_text[r->capability].yes : capability_text[r->capability].no);
	return 0;
}

static int req_counters(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                        size_t payload_bytes)
{
	struct ferry_req_counters *r = req;
	uint32_t room = r->count;

	(void)ctx, (void)payload, (void)payload_bytes;
	if (room > FERRY_ARRAY_SIZE(r->value))
		return FERRY_E_INVAL;
	for (uint32_t i = 0; i < room && i < FERRY_COUNTER_COUNT; i++) {
		r->value[i] = ferry_counter_read(&vs->counters, (enum ferry_counter)i);
		for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++)
			r->value[i] += ferry_counter_read(&vs->served[d], (enum ferry_counter)i);
	}
	if (room > FERRY_COUNTER_memory_bytes)
		r->value[FERRY_COUNTER_memory_bytes] = ferry_mem_bytes(&vs->core->mem);
	if (room > FERRY_COUNTER_lock_violations)
		r->value[FERRY_COUNTER_lock_violations] = ferry_os_load_relaxed(&vs->core->lock_violations);
	r->count = FERRY_COUNTER_COUNT;
	return 0;
}

/* BLOCK held. */
static uint8_t page_where(const struct ferry_block *block, uint32_t page) FERRY_NEEDS(&block->lock)
{
	uint8_t where = block->external || ferry_bitmap_test(&block->host, page) ? 1 : 0;

	for (uint32_t d = 0; d < FERRY_MAX_DEVICES; d++)
		if (block->on[d] && ferry_bitmap_test(&block->on[d]->resident, page))
			where |= (uint8_t)(2u << d);
	return where;
}

static int req_residency(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                         size_t payload_bytes)
{
	struct ferry_req_residency *r = req;
	uint64_t bytes = (uint64_t)r->pages << FERRY_PAGE_SHIFT;
	int err;

	(void)payload, (void)payload_bytes;
	if (r->pages > FERRY_ARRAY_SIZE(r->where))
		return FERRY_E_INVAL;
	ferry_va_read_lock(ctx, &vs->lock);
	err = ferry_va_range_check(ctx, vs, r->base, bytes);
	if (err == FERRY_E_REGISTERED)
		err = 0;
	for (uint32_t i = 0; !err && i < r->pages; i++) {
		uint64_t va = r->base + ((uint64_t)i << FERRY_PAGE_SHIFT);
		struct ferry_block *block = ferry_va_space_peek(vs, va);

		r->where[i] = 0;
		if (!block)
			continue;
		ferry_mutex_lock(ctx, &block->lock);
		r->where[i] = page_where(block, (uint32_t)(va >> FERRY_PAGE_SHIFT) & (FERRY_BLOCK_PAGES - 1));
		ferry_mutex_unlock(ctx, &block->lock);
	}
	ferry_va_read_unlock(ctx, &vs->lock);
	return err;
}

static int req_register(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                        size_t payload_bytes)
{
	struct ferry_req_register *r = req;

	(void)payload, (void)payload_bytes;
	if (r->flags & ~FERRY_REGISTER_READ_ONLY)
		return FERRY_E_REQUEST_FLAGS;
	return ferry_external_register(ctx, vs, r->base, r->bytes, !(r->flags & FERRY_REGISTER_READ_ONLY));
}

static int req_unregister(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                          size_t payload_bytes)
{
	struct ferry_req_register *r = req;

	(void)payload, (void)payload_bytes;
	if (r->flags || r->bytes)
		return FERRY_E_REQUEST_FLAGS;
	return ferry_external_unregister(ctx, vs, r->base, &r->bytes);
}

int ferry_request_locks(struct ferry_core *core, struct ferry_req_locks *r)
{
	const struct ferry_lock_book *book = &core->locks;
	uint64_t seen;

	if (r->row >= FERRY_LOCK_BITS)
		return FERRY_E_INVAL;
	r->rows = FERRY_LOCK_CLASSES;
	r->operations = FERRY_LOCK_BITS - FERRY_LOCK_CLASSES;
	copy_text(r->name, sizeof(r->name), ferry_lock_name(r->row));
	copy_text(r->kind, sizeof(r->kind), ferry_lock_kind_name(r->row));
	r->refused = ferry_lock_denied(r->row);
	r->refused_exclusively = ferry_lock_denied_excl(r->row);
	seen = ferry_lock_book_seen(book, r->row);
	r->seen = seen & FERRY_LOCK_ALL;
	r->seen_exclusively = seen >> FERRY_LOCK_EXCL_SHIFT;
	r->seen_tried = ferry_os_load_relaxed(&book->tried[r->row]) & FERRY_LOCK_ALL;
	r->seen_broken = ferry_os_load_relaxed(&book->broken[r->row]);
	r->seen_broken = (r->seen_broken | r->seen_broken >> FERRY_LOCK_EXCL_SHIFT) & FERRY_LOCK_ALL;
	r->violations = ferry_os_load_relaxed(&core->lock_violations);
	r->one_in = FERRY_LOCK_BOOK_ONE_IN;
	if (r->row < FERRY_LOCK_CLASSES) {
		const struct ferry_lock_tally *tally = &book->tally[r->row];

		r->acquired = ferry_os_load_relaxed(&tally->acquired);
		r->contended = ferry_os_load_relaxed(&tally->contended);
		r->wait_ns = ferry_os_load_relaxed(&tally->wait_ns);
		r->wait_max_ns = ferry_os_load_relaxed(&tally->wait_max_ns);
		r->holds = ferry_os_load_relaxed(&tally->holds);
		r->hold_ns = ferry_os_load_relaxed(&tally->hold_ns);
		r->hold_max_ns = ferry_os_load_relaxed(&tally->hold_max_ns);
	}
	return 0;
}

static int req_locks(struct ferry_ctx *ctx, struct ferry_va_space *vs, void *req, const void *payload,
                     size_t payload_bytes)
{
	(void)ctx, (void)payload, (void)payload_bytes;
	return ferry_request_locks(vs->core, req);
}

#define REQUEST(type, fn)                                                                                            \
	{                                                                                                            \
		sizeof(struct type), sizeof(struct type), fn                                                         \
	}
static const struct request requests[] = {
	[FERRY_REQ_VERSION] = REQUEST(ferry_req_version, req_version),
	[FERRY_REQ_DEVICE_INFO] = REQUEST(ferry_req_device_info, req_device_info),
	[FERRY_REQ_RANGE_CREATE] = REQUEST(ferry_req_range, req_range_create),
	[FERRY_REQ_RANGE_DESTROY] = REQUEST(ferry_req_range, req_range_destroy),
	[FERRY_REQ_MIGRATE] = REQUEST(ferry_req_migrate, req_migrate),
	[FERRY_REQ_ADVISE] = REQUEST(ferry_req_advise, req_advise),
	[FERRY_REQ_PROTECT] = REQUEST(ferry_req_protect, req_protect),
	[FERRY_REQ_PROGRAM_LOAD] = REQUEST(ferry_req_program_load, req_program_load),
	[FERRY_REQ_PROGRAM_UNLOAD] = REQUEST(ferry_req_program_unload, req_program_unload),
	[FERRY_REQ_LAUNCH] = REQUEST(ferry_req_launch, req_launch),
	[FERRY_REQ_WAIT] = REQUEST(ferry_req_wait, req_wait),
	[FERRY_REQ_CAPABILITY] = REQUEST(ferry_req_capability, req_capability),
	[FERRY_REQ_COUNTERS] = REQUEST(ferry_req_counters, req_counters),
	[FERRY_REQ_RESIDENCY] = REQUEST(ferry_req_residency, req_residency),
	[FERRY_REQ_REGISTER] = REQUEST(ferry_req_register, req_register),
	[FERRY_REQ_UNREGISTER] = REQUEST(ferry_req_register, req_unregister),
	[FERRY_REQ_LOCKS] = REQUEST(ferry_req_locks, req_locks),
};

/* Room for any of the structs. */
union request_any {
	struct ferry_req_launch launch;
	struct ferry_req_counters counters;
	struct ferry_req_residency residency;
	struct ferry_req_capability capability;
	struct ferry_req_device_info info;
	struct ferry_req_locks locks;
};

static bool all_zero(const uint8_t *p, size_t bytes)
{
	uint8_t any = 0;

	for (size_t i = 0; i < bytes; i++)
		any |= p[i];
	return any == 0;
}

int ferry_request_run(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint32_t request, void *buf,
                      size_t size_bytes)
{
	const struct request *entry = request < FERRY_ARRAY_SIZE(requests) ? &requests[request] : NULL;
	union request_any any = {0};
	uint32_t size = 0;
	size_t known;
	int err;

	if (!entry || !entry->run)
		return FERRY_E_REQUEST;
	if (!buf || size_bytes < sizeof(size))
		return FERRY_E_REQUEST_SIZE;
	memcpy(&size, buf, sizeof(size));
	if (size < entry->size_min || size > size_bytes)
		return FERRY_E_REQUEST_SIZE;
	known = size < entry->size ? size : entry->size;
	if (!all_zero((const uint8_t *)buf + known, size - known))
		return FERRY_E_REQUEST_SIZE;
	memcpy(&any, buf, known);
	err = entry->run(ctx, vs, &any, (const uint8_t *)buf + size, size_bytes - size);
	/* Outputs on success; WAIT and PROGRAM_LOAD also say why they failed. */
	if (!err || request == FERRY_REQ_WAIT || request == FERRY_REQ_PROGRAM_LOAD)
		memcpy(buf, &any, known);
	return err;
}
