/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The embedded driver: core, HAL and software GPUs in this process, managed memory through userfaultfd.
 *
 *   open:  softdevs -> core -> devices -> mm (window, alias) -> VA space       close: exactly backwards
 *
 * The devices reach managed memory through the alias mapping, which is one DMA window of each of them.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "hal/fg1/hal_fg1.h"
#include "lib/backend.h"
#include "ferry/core.h"
#include "os-user/mm_uffd.h"
#include "os-user/softdev.h"

struct embedded {
	struct ferry_core *core;
	struct ferry_va_space *vs;
	struct ferry_user_mm *mm;
	struct ferry_softdev *devices[FERRY_MAX_DEVICES];
	uint32_t device_count;
	atomic_bool closing;
	atomic_uint calls; /* of the CPU side, inside now */
};

/* ---- what the CPU side tells the core -------------------------------------------------------------------- */

/*
 * The CPU side may call until its end, which comes after the core's: whoever comes while the driver closes is sent
 * away, and close waits for who is inside. Both words are sequentially consistent, so one of the two sees the other.
 */
static bool call_enter(struct embedded *e)
{
	atomic_fetch_add(&e->calls, 1);
	if (!atomic_load(&e->closing))
		return true;
	atomic_fetch_sub(&e->calls, 1);
	return false;
}

static void call_leave(struct embedded *e)
{
	atomic_fetch_sub(&e->calls, 1);
}

static void calls_end(struct embedded *e)
{
	atomic_store(&e->closing, true);
	while (atomic_load(&e->calls)) /* a fault being served: as long as a copy takes */
		sched_yield();
}

static int embedded_cpu_fault(void *arg, uint64_t va, bool write)
{
	struct embedded *e = arg;
	int err = FERRY_E_VA_SPACE_DEAD;

	if (call_enter(e)) {
		err = ferry_core_cpu_fault(e->core, e->vs, va, write);
		call_leave(e);
	}
	return err;
}

static void embedded_unmapped(void *arg, uint64_t va, uint64_t bytes)
{
	struct embedded *e = arg;

	if (call_enter(e)) {
		ferry_core_unmapped(e->core, e->vs, va, bytes);
		call_leave(e);
	}
}

static int embedded_bring_home(void *arg, uint64_t va, uint64_t bytes)
{
	struct embedded *e = arg;
	int err = FERRY_E_VA_SPACE_DEAD;

	if (call_enter(e)) {
		err = ferry_core_release(e->core, e->vs, va, bytes);
		call_leave(e);
	}
	return err;
}

/* One window of each device; what they have left of them bounds how many pieces can be registered. */
static int embedded_reach(void *arg, uint64_t va, uint64_t bytes)
{
	struct embedded *e = arg;
	const void *at = (const void *)(uintptr_t)va;

	for (uint32_t d = 0; d < e->device_count; d++) {
		int err = ferry_softdev_window_add(e->devices[d], at, bytes);

		if (!err)
			continue;
		while (d-- > 0)
			ferry_softdev_window_remove(e->devices[d], at);
		return err == FERRY_E_BUSY ? FERRY_E_REGISTER_FULL : err;
	}
	return 0;
}

static void embedded_unreach(void *arg, uint64_t va, uint64_t bytes)
{
	struct embedded *e = arg;

	(void)bytes;
	for (uint32_t d = 0; d < e->device_count; d++)
		ferry_softdev_window_remove(e->devices[d], (const void *)(uintptr_t)va);
}

/* ---- open, close ------------------------------------------------------------------------------------------- */

static uint64_t device_caps(uint64_t off)
{
	static const uint64_t fg1[FERRY_CAPABILITIES] = {
		[FERRY_CAPABILITY_FAULTS] = FG1_CAP_REPLAY,
		[FERRY_CAPABILITY_CANCEL] = FG1_CAP_CANCEL,
		[FERRY_CAPABILITY_ATOMICS] = FG1_CAP_ATOMICS,
		[FERRY_CAPABILITY_BIG_PAGES] = FG1_CAP_BIG_PAGES,
		[FERRY_CAPABILITY_HUGE_PAGES] = FG1_CAP_HUGE_PAGES,
		[FERRY_CAPABILITY_VIRTUAL_COPY] = FG1_CAP_VIRTUAL_COPY,
		[FERRY_CAPABILITY_FLOAT] = FG1_CAP_FLOAT,
		[FERRY_CAPABILITY_HOST_MAP] = FG1_CAP_HOST_MAP,
		[FERRY_CAPABILITY_SELF_REFRESH] = FG1_CAP_SELF_REFRESH,
	};
	uint64_t caps = FG1_CAP_ALL;

	for (uint32_t i = 0; i < FERRY_CAPABILITIES; i++)
		if (off >> i & 1)
			caps &= ~fg1[i];
	return caps;
}

static int device_add(struct embedded *e, const struct ferry_options *options)
{
	struct ferry_softdev_config config = {
		.vram_bytes = options->vram_bytes,
		.sms = options->sms,
		.caps = device_caps(options->capabilities_off),
		.seed = options->seed + e->device_count,
	};
	struct ferry_softdev *sd;
	uint32_t id;
	int err = ferry_softdev_create(&config, &sd);

	if (err)
		return ferry_fail(err, "software GPU %u", e->device_count);
	err = ferry_core_add_device(e->core, &ferry_hal_fg1, &ferry_softdev_ops, sd, &id);
	if (err) {
		ferry_softdev_destroy(sd);
		return ferry_fail(err, "device %u", e->device_count);
	}
	e->devices[e->device_count++] = sd;
	return 0;
}

static void devices_destroy(struct embedded *e)
{
	while (e->device_count)
		ferry_softdev_destroy(e->devices[--e->device_count]);
}

static int windows_add(struct embedded *e)
{
	void *alias = ferry_user_mm_alias(e->mm);
	uint64_t va, bytes;

	ferry_user_mm_window(e->mm, &va, &bytes);
	for (uint32_t d = 0; d < e->device_count; d++) {
		int err = ferry_softdev_window_add(e->devices[d], alias, bytes);

		if (err) {
			while (d-- > 0)
				ferry_softdev_window_remove(e->devices[d], alias);
			return ferry_fail(err, "no DMA window over managed memory");
		}
	}
	return 0;
}

static void windows_remove(struct embedded *e)
{
	for (uint32_t d = 0; d < e->device_count; d++)
		ferry_softdev_window_remove(e->devices[d], ferry_user_mm_alias(e->mm));
}

static int mm_open(struct embedded *e, const struct ferry_options *options)
{
	uint32_t caps = 1u << FERRY_CAPABILITY_READ_MOSTLY;
	struct ferry_user_mm_config config = {
		.mode = options->cpu_faults == FERRY_CPU_FAULTS_THREAD   ? FERRY_USER_MM_THREAD
	                : options->cpu_faults == FERRY_CPU_FAULTS_SIGNAL ? FERRY_USER_MM_SIGNAL
	                                                                 : FERRY_USER_MM_AUTO,
		.calls = {.arg = e,
	                  .cpu_fault = embedded_cpu_fault,
	                  .unmapped = embedded_unmapped,
	                  .bring_home = embedded_bring_home,
	                  .reach = embedded_reach,
	                  .unreach = embedded_unreach},
	};
	int err = ferry_user_mm_create(&config, &e->mm);

	if (err)
		return ferry_fail(err, "userfaultfd: see ferry(7), PERMISSIONS");
	if (ferry_user_mm_syscalls_work(e->mm))
		caps |= 1u << FERRY_CAPABILITY_SYSCALLS;
	err = windows_add(e);
	if (err)
		goto destroy_mm;
	err = ferry_core_open(e->core, &ferry_user_mm_ops, e->mm, caps, &e->vs);
	if (err) {
		(void)ferry_fail(err, "no address space");
		goto remove_windows;
	}
	return 0;

remove_windows:
	windows_remove(e);
destroy_mm:
	ferry_user_mm_destroy(e->mm);
	return err;
}

static void embedded_close(void *backend)
{
	struct embedded *e = backend;

	calls_end(e);
	ferry_core_close(e->core, e->vs);
	windows_remove(e);
	ferry_user_mm_destroy(e->mm);
	ferry_core_destroy(e->core);
	devices_destroy(e);
	free(e);
}

/* ---- the rest of the table ---------------------------------------------------------------------------------- */

static int embedded_request(void *backend, uint32_t request, void *buf, size_t bytes)
{
	struct embedded *e = backend;
	int err = ferry_core_request(e->core, e->vs, request, buf, bytes);

	return ferry_fail(err, "%s", "");
}

static int embedded_map(void *backend, size_t bytes, uint64_t *va)
{
	struct embedded *e = backend;

	return ferry_fail(ferry_user_mm_alloc(e->mm, bytes, va), "%zu bytes of address space", bytes);
}

static void embedded_unmap(void *backend, uint64_t va, size_t bytes)
{
	struct embedded *e = backend;

	/* What the user has unmapped himself is gone already; what the system refuses stays reserved until close. */
	if (ferry_user_mm_free(e->mm, va, bytes))
		ferry_os_log(FERRY_LOG_DEBUG, "memory at 0x%llx stays reserved", (unsigned long long)va);
}

static int embedded_protect(void *backend, uint64_t va, size_t bytes, bool write)
{
	struct embedded *e = backend;

	return ferry_fail(ferry_user_mm_protect(e->mm, va, bytes, write ? PROT_READ | PROT_WRITE : PROT_READ),
	                  "mprotect");
}

static int embedded_inject(void *backend, uint32_t device, const char *knob, uint64_t value)
{
	struct embedded *e = backend;

	if (device >= e->device_count)
		return ferry_fail(FERRY_E_DEVICE_ID, "device %u", device);
	for (uint32_t i = 0; i < FG1_KNOBS; i++)
		if (!strcmp(knob, fg1_knob_name((enum fg1_knob)i))) {
			fg1_knob_set(ferry_softdev_gpu(e->devices[device]), (enum fg1_knob)i, value);
			return 0;
		}
	return ferry_fail(FERRY_E_INVAL, "no knob is called '%s'", knob);
}

static int embedded_device_counter(void *backend, uint32_t device, const char *name, uint64_t *value)
{
	struct embedded *e = backend;

	if (device >= e->device_count)
		return ferry_fail(FERRY_E_DEVICE_ID, "device %u", device);
	for (uint32_t i = 0; i < FG1_COUNTERS; i++)
		if (!strcmp(name, fg1_counter_name((enum fg1_counter)i))) {
			*value = fg1_counter_get(ferry_softdev_gpu(e->devices[device]), (enum fg1_counter)i);
			return 0;
		}
	return ferry_fail(FERRY_E_INVAL, "the device counts nothing called '%s'", name);
}

static const struct ferry_backend_ops embedded_ops = {
	.close = embedded_close,
	.request = embedded_request,
	.map = embedded_map,
	.unmap = embedded_unmap,
	.protect = embedded_protect,
	.inject = embedded_inject,
	.device_counter = embedded_device_counter,
};

int ferry_embedded_open(const struct ferry_options *options, const struct ferry_backend_ops **ops, void **backend)
{
	struct ferry_core_params params = {.fault_entries = options->fault_entries, .batch_max = options->batch_max};
	struct embedded *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return ferry_fail(FERRY_E_NOMEM, "no memory for a driver");
	err = ferry_core_create(&params, &e->core);
	if (err) {
		(void)ferry_fail(err, "the driver's parameters");
		goto free_e;
	}
	while (!err && e->device_count < options->devices)
		err = device_add(e, options);
	if (err)
		goto destroy_core;
	err = mm_open(e, options);
	if (err)
		goto destroy_core;
	*ops = &embedded_ops;
	*backend = e;
	return 0;

destroy_core:
	ferry_core_destroy(e->core);
	devices_destroy(e);
free_e:
	free(e);
	return err;
}
