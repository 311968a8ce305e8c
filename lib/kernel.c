/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lib/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ferry/types.h"
#include "ferry/uapi/ferry_ioctl.h"
#include "lib/kernel_space.h"

#define PAUSE_FIRST_NS 1000000ull
#define PAUSE_MAX_NS 100000000ull
#define FOREVER UINT64_MAX

struct kernel {
	struct ferry_kernel_space space;
	const struct ferry_kernel_sys *sys;
	char node[];
};

/* ---- what errno means --------------------------------------------------------------------------------------- */

int ferry_kernel_error(int number)
{
	static const struct {
		int number, error;
	} table[] = {
		{ENODEV, FERRY_E_DEVICE_LOST},  {ENXIO, FERRY_E_DEVICE_LOST}, {EINTR, FERRY_E_KILLED},
		{EFAULT, FERRY_E_CALL_ADDRESS}, {E2BIG, FERRY_E_CALL_SIZE},   {EPERM, FERRY_E_FOREIGN},
		{EACCES, FERRY_E_FOREIGN},      {ENOTTY, FERRY_E_REQUEST},    {EOPNOTSUPP, FERRY_E_UNSUPPORTED},
		{EAGAIN, FERRY_E_GATE_CLOSED},  {ENOMEM, FERRY_E_CALL_NOMEM}, {EINVAL, FERRY_E_INVAL},
		{ETIMEDOUT, FERRY_E_TIMEOUT},   {EBUSY, FERRY_E_BUSY},        {EBADF, FERRY_E_INVAL},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].number == number)
			return table[i].error;
	return FERRY_E_BUG;
}

/* ---- patience ----------------------------------------------------------------------------------------------- */

/* How long this call has been put off already, and why. */
struct patience {
	uint64_t until;      /* the caller's own limit, FOREVER for none */
	uint64_t gate_until; /* 0: the gate was open so far */
	uint64_t pause_ns;
	uint32_t interrupts;
	bool waits; /* being interrupted is no failure for it */
};

static uint64_t time_left(uint64_t until, uint64_t now)
{
	return until == FOREVER ? FOREVER : until > now ? until - now : 0;
}

static void patience_sleep(const struct ferry_kernel_sys *sys, struct patience *p, uint64_t left)
{
	p->pause_ns = !p->pause_ns ? PAUSE_FIRST_NS : p->pause_ns * 2 > PAUSE_MAX_NS ? PAUSE_MAX_NS : p->pause_ns * 2;
	sys->sleep_ns(p->pause_ns < left ? p->pause_ns : left);
}

/*
 * Shall a call that ended with err be made again? Sleeps before it says yes. A driver that suspends sends us away:
 * the sleep is where the system freezes us, and the next try is after the resume. A signal ends the sleep early, and
 * SIGKILL for good.
 */
static bool patience_again(const struct ferry_kernel_sys *sys, struct patience *p, int err)
{
	uint64_t now = sys->now_ns(), left = time_left(p->until, now);

	if (err == FERRY_E_GATE_CLOSED) {
		if (!p->gate_until)
			p->gate_until = now + FERRY_KERNEL_GATE_WAIT_NS;
		if (now >= p->gate_until || !left)
			return false;
		patience_sleep(sys, p, time_left(p->gate_until, now) < left ? time_left(p->gate_until, now) : left);
		return true;
	}
	if (err != FERRY_E_KILLED || !left)
		return false;
	if (++p->interrupts <= FERRY_KERNEL_INTERRUPTS_MAX)
		return true;
	if (!p->waits)
		return false;
	patience_sleep(sys, p, left);
	return true;
}

/* ---- requests ----------------------------------------------------------------------------------------------- */

/* One ioctl. *number: 0 when the driver said which error it is. */
static int call_once(struct kernel *k, uint32_t request, void *buf, size_t bytes, int *number)
{
	struct ferry_call call = {.size = sizeof(call), .data = (uintptr_t)buf, .bytes = bytes};

	*number = k->sys->ioctl(k->space.fd, FERRY_IOCTL(request), &call) ? errno : 0;
	if (!*number && !call.error)
		return 0;
	if (call.error && call.error < FERRY_ERROR_COUNT) {
		*number = 0;
		return (int)call.error;
	}
	/* Of a newer module: errno is what both know. */
	return ferry_kernel_error(*number);
}

static int call_patient(struct kernel *k, uint32_t request, void *buf, size_t bytes, struct patience *p)
{
	int err, number;

	do
		err = call_once(k, request, buf, bytes, &number);
	while (err && patience_again(k->sys, p, err));
	if (!err || !number)
		return ferry_fail(err, "%s", "");
	return ferry_fail(err, "%s: %s", k->node, strerror(number));
}

/*
 * A long WAIT is made of short ones, so that signal handlers run in between also where the driver's wait ends for
 * fatal signals only. The caller's timeout is counted here, and is in the struct again at the end.
 */
static int call_wait(struct kernel *k, struct ferry_req_wait *req, size_t bytes)
{
	const uint64_t timeout_ns = req->timeout_ns, start = k->sys->now_ns();
	const uint64_t until = timeout_ns < FOREVER - start ? start + timeout_ns : FOREVER;
	uint64_t left = time_left(until, start);
	int err;

	for (;;) {
		struct patience p = {.until = until, .waits = true};

		req->timeout_ns = left < FERRY_KERNEL_WAIT_SLICE_NS ? left : FERRY_KERNEL_WAIT_SLICE_NS;
		err = call_patient(k, FERRY_REQ_WAIT, req, bytes, &p);
		left = time_left(until, k->sys->now_ns());
		if (!left && (err == FERRY_E_GATE_CLOSED || err == FERRY_E_KILLED))
			err = ferry_fail(FERRY_E_TIMEOUT, "%s", "");
		if (err != FERRY_E_TIMEOUT || !left)
			break;
	}
	req->timeout_ns = timeout_ns;
	return err;
}

static int kernel_request(void *backend, uint32_t request, void *buf, size_t bytes)
{
	struct patience p = {.until = FOREVER};
	struct kernel *k = backend;

	if (k->space.fd < 0)
		return ferry_fail(FERRY_E_FORKED, "%s", "");
	if (request > 0xff) /* would be another request's number, or another driver's */
		return ferry_fail(FERRY_E_REQUEST, "%u", request);
	if (request == FERRY_REQ_WAIT && buf && bytes >= sizeof(struct ferry_req_wait))
		return call_wait(k, buf, bytes);
	return call_patient(k, request, buf, bytes, &p);
}

/* ---- memory ------------------------------------------------------------------------------------------------- */

static int kernel_map(void *backend, size_t bytes, uint64_t *va)
{
	struct patience p = {.until = FOREVER};
	struct kernel *k = backend;
	int err;

	/* Whole blocks: what others put into the rest of one could not be registered. It is SIGBUS to touch it. */
	bytes = ferry_align_up(bytes, FERRY_BLOCK_SIZE);
	do
		err = ferry_kernel_space_map(&k->space, bytes, va);
	while (err && patience_again(k->sys, &p, err));
	return err;
}

static void kernel_unmap(void *backend, uint64_t va, size_t bytes)
{
	struct kernel *k = backend;

	ferry_kernel_space_unmap(&k->space, va, ferry_align_up(bytes, FERRY_BLOCK_SIZE));
}

static int kernel_protect(void *backend, uint64_t va, size_t bytes, bool write)
{
	struct kernel *k = backend;

	if (k->sys->mprotect((void *)(uintptr_t)va, bytes, write ? PROT_READ | PROT_WRITE : PROT_READ))
		return ferry_fail(FERRY_E_MMAP, "mprotect: %s", strerror(errno));
	return ferry_fail(0, "%s", "");
}

/* ---- what only root may do, elsewhere ----------------------------------------------------------------------- */

static int kernel_inject(void *backend, uint32_t device, const char *knob, uint64_t value)
{
	(void)backend, (void)value;
	return ferry_fail(FERRY_E_UNSUPPORTED,
	                  "a kernel device misbehaves for all its users: '%s' of device %u is root's to set, in "
	                  "/sys/kernel/debug/ferry/soft.N/",
	                  knob, device);
}

static int kernel_device_counter(void *backend, uint32_t device, const char *name, uint64_t *value)
{
	(void)backend, (void)value;
	return ferry_fail(FERRY_E_UNSUPPORTED,
	                  "a kernel device counts for all its users: '%s' of device %u is in "
	                  "/sys/kernel/debug/ferry/soft.N/",
	                  name, device);
}

/* ---- options ------------------------------------------------------------------------------------------------ */

#define DECIDES "the kernel module decides "

/* What no request tells: it cannot be met, as far as anybody knows. */
static int options_unknowable(const struct ferry_options *o)
{
	if (o->seed)
		return ferry_fail(
			FERRY_E_UNSUPPORTED,
			"options.seed: the knobs of a kernel device are in /sys/kernel/debug/ferry/soft.N/");
	if (o->fault_entries)
		return ferry_fail(FERRY_E_UNSUPPORTED, DECIDES "the fault buffer: leave options.fault_entries at 0");
	if (o->batch_max)
		return ferry_fail(FERRY_E_UNSUPPORTED, DECIDES "the fault batches: leave options.batch_max at 0");
	return 0;
}

static int options_fit_device(const struct kernel *k, const struct ferry_options *o,
                              const struct ferry_req_device_info *info)
{
	uint64_t unmet = o->capabilities_off & info->capabilities;

	if (o->devices && o->devices != info->devices)
		return ferry_fail(FERRY_E_UNSUPPORTED,
		                  DECIDES "how many devices there are: %s has %u, not %u (modinfo -p ferry_soft)",
		                  k->node, info->devices, o->devices);
	if (o->vram_bytes && o->vram_bytes != info->vram_bytes)
		return ferry_fail(FERRY_E_UNSUPPORTED,
		                  DECIDES
		                  "device memory: %s has %llu MiB a device; load ferry_soft with vram_mb=%llu, "
		                  "or ask for nothing",
		                  k->node, (unsigned long long)(info->vram_bytes >> 20),
		                  (unsigned long long)(o->vram_bytes >> 20));
	if (o->sms && o->sms != info->sms)
		return ferry_fail(FERRY_E_UNSUPPORTED,
		                  DECIDES "how many engines a device has: %s has %u, not %u (modinfo -p ferry_soft)",
		                  k->node, info->sms, o->sms);
	if (unmet)
		return ferry_fail(FERRY_E_UNSUPPORTED,
		                  DECIDES "what devices can do: %s has capabilities 0x%llx of "
		                          "those to be off",
		                  k->node, (unsigned long long)unmet);
	return 0;
}

/* An explicit option is a demand; a zero is none, and costs no question. */
static int options_fit(struct kernel *k, const struct ferry_options *o)
{
	struct ferry_req_device_info info = {.devices = 1};
	int err = options_unknowable(o);

	if (!o->devices && !o->vram_bytes && !o->sms && !o->capabilities_off)
		return err;
	for (uint32_t d = 0; !err && d < info.devices; d++) {
		info = (struct ferry_req_device_info){.size = sizeof(info), .device = d};
		err = kernel_request(k, FERRY_REQ_DEVICE_INFO, &info, sizeof(info));
		if (!err)
			err = options_fit_device(k, o, &info);
	}
	return err;
}

/* ---- open, close -------------------------------------------------------------------------------------------- */

static int unavailable(const char *node, int number)
{
	switch (number) {
	case ENOENT:
		return ferry_fail(FERRY_E_HOST_UNAVAILABLE,
		                  "there is no %s: the kernel module is not loaded (modprobe ferry_soft)", node);
	case EACCES:
	case EPERM:
		return ferry_fail(FERRY_E_HOST_UNAVAILABLE, "%s: %s: its users are the members of group render", node,
		                  strerror(number));
	case ENODEV:
	case ENXIO:
		return ferry_fail(FERRY_E_HOST_UNAVAILABLE,
		                  "%s: its device was removed, or the kernel module is being unloaded", node);
	default:
		return ferry_fail(FERRY_E_HOST_UNAVAILABLE, "%s: %s", node, strerror(number));
	}
}

static int node_open(const char *node, const struct ferry_kernel_sys *sys, int *fd)
{
	struct patience p = {.until = FOREVER};
	int number;

	do {
		*fd = sys->open(node, O_RDWR | O_CLOEXEC);
		number = *fd < 0 ? errno : 0;
	} while (number && patience_again(sys, &p, ferry_kernel_error(number)));
	return number ? unavailable(node, number) : 0;
}

/* Both sides say which versions they speak; one in common is enough. */
static int negotiate(struct kernel *k)
{
	struct ferry_req_version req = {
		.size = sizeof(req), .min = FERRY_UAPI_VERSION_MIN, .max = FERRY_UAPI_VERSION};
	int err = kernel_request(k, FERRY_REQ_VERSION, &req, sizeof(req));

	if (!err && (req.min > req.max || req.min < FERRY_UAPI_VERSION_MIN || req.max > FERRY_UAPI_VERSION))
		err = FERRY_E_VERSION;
	switch (err) {
	case 0:
		return 0;
	case FERRY_E_VERSION:
	case FERRY_E_UNSUPPORTED:
		return ferry_fail(FERRY_E_HOST_UNAVAILABLE,
		                  "the kernel module behind %s speaks none of the versions %u to %u of this library: "
		                  "update the older of the two",
		                  k->node, FERRY_UAPI_VERSION_MIN, FERRY_UAPI_VERSION);
	case FERRY_E_REQUEST:
	case FERRY_E_INVAL:
		return ferry_fail(FERRY_E_HOST_UNAVAILABLE, "%s is no device of Ferry", k->node);
	default:
		return ferry_fail(FERRY_E_HOST_UNAVAILABLE, "%s: %s", k->node, ferry_strerror(err));
	}
}

static void kernel_close(void *backend)
{
	struct kernel *k = backend;

	/* The mappings keep the driver's side alive too: it ends with the last of them and the descriptor. */
	ferry_kernel_space_close(&k->space);
	free(k);
}

static const struct ferry_backend_ops kernel_ops = {
	.close = kernel_close,
	.request = kernel_request,
	.map = kernel_map,
	.unmap = kernel_unmap,
	.protect = kernel_protect,
	.inject = kernel_inject,
	.device_counter = kernel_device_counter,
};

int ferry_kernel_open(const struct ferry_options *options, const struct ferry_kernel_sys *sys,
                      const struct ferry_backend_ops **ops, void **backend)
{
	const char *env = secure_getenv("FERRY_DEVICE");
	const char *node = options->node ? options->node : env && env[0] ? env : FERRY_KERNEL_NODE;
	struct kernel *k = calloc(1, sizeof(*k) + strlen(node) + 1);
	int err, fd;

	if (!k)
		return ferry_fail(FERRY_E_NOMEM, "no memory for a handle");
	k->sys = sys;
	memcpy(k->node, node, strlen(node) + 1);
	err = node_open(node, sys, &fd);
	if (err)
		goto free_k;
	ferry_kernel_space_open(&k->space, sys, fd);
	err = negotiate(k);
	if (!err)
		err = options_fit(k, options);
	if (err)
		goto close_space;
	*ops = &kernel_ops;
	*backend = k;
	return 0;

close_space:
	ferry_kernel_space_close(&k->space);
free_k:
	free(k);
	return err;
}
