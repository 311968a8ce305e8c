/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * migrate.h - moves that somebody asked for: prefetch, migrate, and what leaves the driver's care.
 *
 * To a device it is fault service without faults; home it is a move and, unless told otherwise, CPU mappings.
 */
#ifndef FERRY_MIGRATE_H
#define FERRY_MIGRATE_H

#include "va/va_space.h"

/*
 * The pages of [va, va + bytes), which the caller has checked. flags: FERRY_MIGRATE_*. *moved grows by the pages that
 * changed place. VA_SPACE held for reading, no BLOCK. Codes: those of ferry_service_block(), FERRY_E_DEVICE_LOST,
 * FERRY_E_KILLED (between two blocks).
 */
int ferry_migrate_range(struct ferry_ctx *ctx, struct ferry_va_space *vs, uint64_t va, uint64_t bytes, uint32_t where,
                        uint32_t flags, uint64_t *moved) FERRY_NEEDS_SHARED(&vs->lock);

#endif /* FERRY_MIGRATE_H */
