/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The library: one function per request, on top of a backend. It checks what a struct cannot carry (NULL, sizes that
 * do not fit), turns addresses into requests, and keeps no state of its own but the handle.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/program.h"
#include "ferry/types.h"

struct ferry {
	pid_t owner; /* a forked child has the memory of this struct, but no driver behind it */
	const struct ferry_backend_ops *ops;
	void *backend;
	const char *host;
	pthread_mutex_t lock;           /* of the next */
	struct ferry_program *programs; /* not unloaded yet: they end with the handle */
};

struct ferry_program {
	struct ferry *ferry;
	struct ferry_program *next, **link;
	uint32_t id, args, device;
};

static int check_handle(const struct ferry *f)
{
	if (!f)
		return ferry_fail(FERRY_E_INVAL, "the handle is NULL");
	if (f->owner != getpid())
		return ferry_fail(FERRY_E_FORKED, "process %d opened this handle, this is process %d", (int)f->owner,
		                  (int)getpid());
	return ferry_fail(0, "%s", "");
}

const char *ferry_version(void)
{
	return FERRY_VERSION_STRING;
}

/* ---- open and close ------------------------------------------------------------------------------------- */

int ferry_open(const struct ferry_options *options, struct ferry **out)
{
	struct ferry_options checked;
	struct ferry *f;
	int err;

	if (!out)
		return ferry_fail(FERRY_E_INVAL, "no place for the handle");
	err = ferry_options_take(options, &checked);
	if (err)
		return err;
	f = calloc(1, sizeof(*f));
	if (!f)
		return ferry_fail(FERRY_E_NOMEM, "no memory for a handle");
	err = ferry_host_open(&checked, &ferry_kernel_sys_linux, &f->host, &f->ops, &f->backend);
	if (err) {
		free(f);
		return err;
	}
	f->owner = getpid();
	pthread_mutex_init(&f->lock, NULL);
	*out = f;
	return 0;
}

const char *ferry_host(const struct ferry *f)
{
	return f ? f->host : NULL;
}

int ferry_close(struct ferry *f)
{
	int err;

	if (!f)
		return 0;
	err = check_handle(f);
	if (err)
		return err;
	f->ops->close(f->backend);
	while (f->programs) {
		struct ferry_program *program = f->programs;

		f->programs = program->next;
		free(program);
	}
	pthread_mutex_destroy(&f->lock);
	free(f);
	return 0;
}

static void program_link(struct ferry *f, struct ferry_program *program)
{
	pthread_mutex_lock(&f->lock);
	program->next = f->programs;
	program->link = &f->programs;
	if (program->next)
		program->next->link = &program->next;
	f->programs = program;
	pthread_mutex_unlock(&f->lock);
}

static void program_unlink(struct ferry *f, struct ferry_program *program)
{
	pthread_mutex_lock(&f->lock);
	*program->link = program->next;
	if (program->next)
		program->next->link = program->link;
	pthread_mutex_unlock(&f->lock);
}

int ferry_request(struct ferry *f, uint32_t request, void *buf, size_t bytes)
{
	int err = check_handle(f);

	return err ? err : f->ops->request(f->backend, request, buf, bytes);
}

/* ---- memory ---------------------------------------------------------------------------------------------- */

int ferry_alloc(struct ferry *f, size_t bytes, uint32_t flags, void **out)
{
	struct ferry_req_range req = {.size = sizeof(req), .flags = flags};
	int err = check_handle(f);

	if (err)
		return err;
	if (!out)
		return ferry_fail(FERRY_E_INVAL, "no place for the pointer");
	if (!bytes)
		return ferry_fail(FERRY_E_RANGE_ZERO, "an allocation of 0 bytes");
	if (bytes > FERRY_VA_END)
		return ferry_fail(FERRY_E_RANGE_OVERFLOW, "%zu bytes do not fit the address space", bytes);
	if (flags & ~FERRY_RANGE_READ_ONLY)
		return ferry_fail(FERRY_E_REQUEST_FLAGS, "unknown flags 0x%x", flags);
	req.bytes = ferry_align_up(bytes, FERRY_PAGE_SIZE);
	err = f->ops->map(f->backend, req.bytes, &req.base);
	if (err)
		return err;
	err = f->ops->request(f->backend, FERRY_REQ_RANGE_CREATE, &req, sizeof(req));
	if (err) {
		f->ops->unmap(f->backend, req.base, req.bytes);
		return err;
	}
	*out = (void *)(uintptr_t)req.base;
	return 0;
}

int ferry_free(struct ferry *f, void *p)
{
	struct ferry_req_range req = {.size = sizeof(req), .base = (uintptr_t)p};
	int err;

	if (!p)
		return 0;
	err = check_handle(f);
	if (err)
		return err;
	err = f->ops->request(f->backend, FERRY_REQ_RANGE_DESTROY, &req, sizeof(req));
	if (err == FERRY_E_RANGE_NOT_FOUND || err == FERRY_E_RANGE_NOT_START)
		return ferry_fail(err, "%p is not the start of an allocation", p);
	if (err)
		return err;
	f->ops->unmap(f->backend, req.base, req.bytes);
	return 0;
}

/* Pages touched by [p, p + bytes); bytes that would wrap are left for the driver to refuse. */
static int pages_of(const void *p, size_t bytes, uint64_t *base, uint64_t *size)
{
	uint64_t start = (uintptr_t)p;

	if (!bytes)
		return ferry_fail(FERRY_E_RANGE_ZERO, "a range of 0 bytes");
	if (start > FERRY_VA_END || bytes > FERRY_VA_END - start)
		return ferry_fail(FERRY_E_RANGE_OVERFLOW, "%p and %zu bytes leave the address space", p, bytes);
	*base = ferry_align_down(start, FERRY_PAGE_SIZE);
	*size = ferry_align_up(start + bytes, FERRY_PAGE_SIZE) - *base;
	return 0;
}

static int migrate(struct ferry *f, const void *p, size_t bytes, uint32_t where, uint32_t flags)
{
	struct ferry_req_migrate req = {.size = sizeof(req), .flags = flags, .where = where};
	int err = check_handle(f);

	if (!err)
		err = pages_of(p, bytes, &req.base, &req.bytes);
	return err ? err : f->ops->request(f->backend, FERRY_REQ_MIGRATE, &req, sizeof(req));
}

int ferry_prefetch(struct ferry *f, const void *p, size_t bytes, uint32_t where)
{
	return migrate(f, p, bytes, where, FERRY_MIGRATE_BEST_EFFORT);
}

int ferry_migrate(struct ferry *f, const void *p, size_t bytes, uint32_t where)
{
	return migrate(f, p, bytes, where, 0);
}

int ferry_advise(struct ferry *f, const void *p, size_t bytes, enum ferry_advice advice, uint32_t where)
{
	struct ferry_req_advise req = {.size = sizeof(req), .advice = (uint32_t)advice, .where = where};
	int err = check_handle(f);

	if (!err)
		err = pages_of(p, bytes, &req.base, &req.bytes);
	return err ? err : f->ops->request(f->backend, FERRY_REQ_ADVISE, &req, sizeof(req));
}

int ferry_protect(struct ferry *f, void *p, size_t bytes, uint32_t prot)
{
	struct ferry_req_protect req = {.size = sizeof(req), .prot = prot};
	int err = check_handle(f);

	if (!err)
		err = pages_of(p, bytes, &req.base, &req.bytes);
	if (!err)
		err = f->ops->request(f->backend, FERRY_REQ_PROTECT, &req, sizeof(req));
	return err ? err : f->ops->protect(f->backend, req.base, req.bytes, prot & FERRY_PROT_WRITE);
}

int ferry_residency(struct ferry *f, const void *p, size_t bytes, uint8_t *where)
{
	struct ferry_req_residency req;
	uint64_t base, size;
	int err = check_handle(f);

	if (!err)
		err = pages_of(p, bytes, &base, &size);
	if (err)
		return err;
	for (uint64_t pages = size >> FERRY_PAGE_SHIFT; pages;) {
		memset(&req, 0, sizeof(req));
		req.size = sizeof(req);
		req.base = base;
		req.pages = pages < sizeof(req.where) ? (uint32_t)pages : (uint32_t)sizeof(req.where);
		err = f->ops->request(f->backend, FERRY_REQ_RESIDENCY, &req, sizeof(req));
		if (err)
			return err;
		memcpy(where, req.where, req.pages);
		where += req.pages;
		pages -= req.pages;
		base += (uint64_t)req.pages << FERRY_PAGE_SHIFT;
	}
	return 0;
}

int ferry_register(struct ferry *f, void *p, size_t bytes, uint32_t flags)
{
	struct ferry_req_register req = {.size = sizeof(req), .flags = flags, .base = (uintptr_t)p, .bytes = bytes};
	int err = check_handle(f);

	if (err)
		return err;
	if (!bytes)
		return ferry_fail(FERRY_E_RANGE_ZERO, "a range of 0 bytes");
	if (!ferry_is_aligned(req.base | bytes, FERRY_PAGE_SIZE))
		return ferry_fail(FERRY_E_RANGE_ALIGN,
		                  "%p and %zu bytes are not whole pages: what shares a page with others would be "
		                  "theirs too (aligned_alloc(3))",
		                  p, bytes);
	return f->ops->request(f->backend, FERRY_REQ_REGISTER, &req, sizeof(req));
}

int ferry_unregister(struct ferry *f, void *p)
{
	struct ferry_req_register req = {.size = sizeof(req), .base = (uintptr_t)p};
	int err = check_handle(f);

	if (!err)
		err = f->ops->request(f->backend, FERRY_REQ_UNREGISTER, &req, sizeof(req));
	if (err == FERRY_E_REGISTER_NOT_FOUND)
		return ferry_fail(err, "%p is not where registered memory begins", p);
	return err;
}

/* ---- launches -------------------------------------------------------------------------------------------- */

int ferry_launch(struct ferry *f, const struct ferry_launch *launch, uint64_t *id)
{
	struct ferry_req_launch req = {.size = sizeof(req)};
	int err = check_handle(f);

	if (err)
		return err;
	if (!launch || !launch->program || launch->program->ferry != f || !id)
		return ferry_fail(FERRY_E_INVAL,
		                  "a launch names a program of this handle, and a place for its number");
	if (launch->arg_count > FERRY_LAUNCH_ARGS_MAX)
		return ferry_fail(FERRY_E_LAUNCH_ARGS, "%u arguments, at most %u", launch->arg_count,
		                  FERRY_LAUNCH_ARGS_MAX);
	req.flags = launch->flags;
	req.device = launch->program->device;
	req.program = launch->program->id;
	for (uint32_t i = 0; i < 3; i++) {
		req.grid[i] = launch->grid[i] || !i ? launch->grid[i] : 1;
		req.block[i] = launch->block[i] ? launch->block[i] : 1;
	}
	req.budget = launch->budget;
	req.arg_count = launch->arg_count;
	memcpy(req.args, launch->args, launch->arg_count * sizeof(req.args[0]));
	err = f->ops->request(f->backend, FERRY_REQ_LAUNCH, &req, sizeof(req));
	if (err == FERRY_E_LAUNCH_ARGS)
		return ferry_fail(err, "%u arguments given, the program takes %u", launch->arg_count,
		                  launch->program->args);
	if (!err)
		*id = req.launch;
	return err;
}

int ferry_wait(struct ferry *f, uint32_t device, uint64_t id, uint64_t timeout_ns, struct ferry_result *out)
{
	struct ferry_req_wait req = {.size = sizeof(req), .device = device, .launch = id, .timeout_ns = timeout_ns};
	int err = check_handle(f);

	if (err)
		return err;
	err = f->ops->request(f->backend, FERRY_REQ_WAIT, &req, sizeof(req));
	if (out && (!err || req.error)) {
		out->fault_va = req.fault_va;
		out->fault_access = req.fault_access;
		out->error = req.error;
		out->lanes_died = req.lanes_died;
		out->trap_code = req.trap_code;
		out->insns = req.insns;
	}
	if (err && req.error)
		return ferry_fail(err, "launch %llu: %s at address 0x%llx, code %llu, %llu threads ended",
		                  (unsigned long long)id, req.fault_access ? "write" : "read",
		                  (unsigned long long)req.fault_va, (unsigned long long)req.trap_code,
		                  (unsigned long long)req.lanes_died);
	return err;
}

/* ---- questions ------------------------------------------------------------------------------------------- */

int ferry_device_info(struct ferry *f, uint32_t device, struct ferry_req_device_info *out)
{
	struct ferry_req_device_info req = {.size = sizeof(req), .device = device};
	int err = check_handle(f);

	if (!err)
		err = f->ops->request(f->backend, FERRY_REQ_DEVICE_INFO, &req, sizeof(req));
	if (!err && out)
		*out = req;
	return err;
}

int ferry_query(struct ferry *f, uint32_t device, enum ferry_capability capability, bool *supported, char *reason,
                size_t size)
{
	struct ferry_req_capability req = {.size = sizeof(req), .device = device, .capability = (uint32_t)capability};
	int err = check_handle(f);

	if (!err)
		err = f->ops->request(f->backend, FERRY_REQ_CAPABILITY, &req, sizeof(req));
	if (err)
		return err;
	if (supported)
		*supported = req.supported;
	if (reason && size)
		(void)snprintf(reason, size, "%s", req.reason);
	return 0;
}

int ferry_counters(struct ferry *f, uint64_t value[FERRY_COUNTER_COUNT])
{
	struct ferry_req_counters req = {.size = sizeof(req), .count = FERRY_COUNTER_COUNT};
	int err = check_handle(f);

	if (!err)
		err = f->ops->request(f->backend, FERRY_REQ_COUNTERS, &req, sizeof(req));
	if (!err)
		memcpy(value, req.value, FERRY_COUNTER_COUNT * sizeof(*value));
	return err;
}

static const struct {
	const char *name, *text;
} counters[FERRY_COUNTER_COUNT] = {
#define x(name, what) {#name, what},
	FERRY_COUNTERS(x)
#undef x
};

const char *ferry_counter_name(uint32_t counter)
{
	return counter < FERRY_COUNTER_COUNT ? counters[counter].name : NULL;
}

const char *ferry_counter_text(uint32_t counter)
{
	return counter < FERRY_COUNTER_COUNT ? counters[counter].text : NULL;
}

int ferry_inject(struct ferry *f, uint32_t device, const char *knob, uint64_t value)
{
	int err = check_handle(f);

	if (!err && !knob)
		return ferry_fail(FERRY_E_INVAL, "no knob named");
	return err ? err : f->ops->inject(f->backend, device, knob, value);
}

int ferry_device_counter(struct ferry *f, uint32_t device, const char *name, uint64_t *value)
{
	int err = check_handle(f);

	if (!err && (!name || !value))
		return ferry_fail(FERRY_E_INVAL, "no counter named, or no place for it");
	return err ? err : f->ops->device_counter(f->backend, device, name, value);
}

/* ---- programs -------------------------------------------------------------------------------------------- */

/* The two halves of loading meet here: instructions from an object (lib/program.c), a slot from the driver. */
int ferry_program_load(struct ferry *f, uint32_t device, const void *image, size_t bytes, const char *entry,
                       struct ferry_program **out)
{
	struct ferry_program *program;
	struct ferry_req_program_load *req;
	size_t total;
	uint32_t args;
	int err = check_handle(f);

	if (err)
		return err;
	if (!image || !out)
		return ferry_fail(FERRY_E_INVAL, "no image, or no place for the program");
	program = calloc(1, sizeof(*program));
	if (!program)
		return ferry_fail(FERRY_E_PROGRAM_NOMEM, "no memory for a program");
	err = ferry_program_request(image, bytes, entry, device, &req, &total, &args);
	if (err)
		goto free_program;
	err = f->ops->request(f->backend, FERRY_REQ_PROGRAM_LOAD, req, total);
	if (err) {
		(void)ferry_fail(err, "%s, at instruction %u", ferry_strerror(err), req->at);
		goto free_req;
	}
	program->ferry = f;
	program->id = req->program;
	program->args = args;
	program->device = device;
	free(req);
	program_link(f, program);
	*out = program;
	return 0;

free_req:
	free(req);
free_program:
	free(program);
	return err;
}

int ferry_program_load_file(struct ferry *f, uint32_t device, const char *path, const char *entry,
                            struct ferry_program **out)
{
	void *image = NULL;
	size_t bytes = 0;
	int err = check_handle(f);

	if (!err && !path)
		return ferry_fail(FERRY_E_INVAL, "no path");
	if (!err)
		err = ferry_program_read_file(path, &image, &bytes);
	if (err)
		return err;
	err = ferry_program_load(f, device, image, bytes, entry, out);
	free(image);
	return err;
}

int ferry_program_unload(struct ferry_program *program)
{
	struct ferry_req_program_unload req = {.size = sizeof(req)};
	int err;

	if (!program)
		return 0;
	err = check_handle(program->ferry);
	if (err)
		return err;
	req.program = program->id;
	err = program->ferry->ops->request(program->ferry->backend, FERRY_REQ_PROGRAM_UNLOAD, &req, sizeof(req));
	if (!err) {
		program_unlink(program->ferry, program);
		free(program);
	}
	return err;
}

uint32_t ferry_program_args(const struct ferry_program *program)
{
	return program ? program->args : 0;
}
