/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * cpu_fault.h - a CPU touched a managed page that it has not mapped (or not for writing).
 *
 * The page, and what is dense around it, comes home and is mapped. Unless the advice is read-mostly and the access a
 * read, the host becomes the only holder. A read-mostly page is mapped read-only and devices keep their copies. A
 * write that may have slipped in before the protection stood (mm_ops.h, read_only_at_once) is in the host page, which
 * is therefore copied to them once more.
 *
 * Context: process; VA_SPACE held for reading. May be the faulting thread itself: it holds no lock of the core.
 */
#ifndef FERRY_CPU_FAULT_H
#define FERRY_CPU_FAULT_H

#include "va/va_space.h"

/* Codes: see ferry_core_cpu_fault(). */
int ferry_cpu_fault_serve(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t va, bool write)
	FERRY_NEEDS_SHARED(&vs->lock);

#endif /* FERRY_CPU_FAULT_H */
