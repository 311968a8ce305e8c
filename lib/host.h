/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * host.h - options, and which host a handle gets.
 *
 *     "process"  the embedded driver             "kernel"  /dev/ferryN, or FERRY_E_HOST_UNAVAILABLE and why
 *     "auto"     "kernel" where that is available, else "process". A kernel host that is there but has not what the
 *                options ask for is an error: a choice that depends on more than what the machine has surprises.
 */
#ifndef FERRY_HOST_H
#define FERRY_HOST_H

#include "lib/backend.h"

struct ferry_kernel_sys;

/*
 * *out is in with the size of this version; zeroes stay zeroes. in may be NULL. FERRY_E_INVAL.
 */
int ferry_options_take(const struct ferry_options *in, struct ferry_options *out);

/* options: as ferry_options_take gave them. *host is "process" or "kernel". What the host's open says. */
int ferry_host_open(const struct ferry_options *options, const struct ferry_kernel_sys *sys, const char **host,
                    const struct ferry_backend_ops **ops, void **backend);

#endif /* FERRY_HOST_H */
