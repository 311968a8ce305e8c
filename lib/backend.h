/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * backend.h - what stands behind a handle: the embedded driver (lib/embedded.c) or /dev/ferryN (lib/kernel.c).
 *
 * A backend answers requests and owns the managed memory's address space. All codes are enum ferry_error. Any thread.
 */
#ifndef FERRY_BACKEND_H
#define FERRY_BACKEND_H

#include "ferry/ferry.h"

struct ferry_backend_ops {
	void (*close)(void *backend);
	int (*request)(void *backend, uint32_t request, void *buf, size_t bytes);
	/* Address space for an allocation, 2 MiB aligned, not yet managed; and back. */
	int (*map)(void *backend, size_t bytes, uint64_t *va);
	void (*unmap)(void *backend, uint64_t va, size_t bytes);
	int (*protect)(void *backend, uint64_t va, size_t bytes, bool write);
	int (*inject)(void *backend, uint32_t device, const char *knob, uint64_t value);
	int (*device_counter)(void *backend, uint32_t device, const char *name, uint64_t *value);
};

/* options are checked and complete: lib/host.h. */
int ferry_embedded_open(const struct ferry_options *options, const struct ferry_backend_ops **ops, void **backend);

/* More about the failure this thread is about to report; printf style. Returns error, for `return`. */
int ferry_fail(int error, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif /* FERRY_BACKEND_H */
