/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * core_impl.h - the driver object, for the core's own files. Hosts see include/ferry/core.h.
 *
 *   ferry_core ---+--- ferry_device[0..3] --- pmm, channels, fault ring      (core/gpu)
 *                 |          |
 *                 |          +--- spaces[asid] ---+
 *                 +--- ferry_va_space ... <-------+--- blocks (radix of 2 MiB slots)   (core/va)
 */
#ifndef FERRY_CORE_IMPL_H
#define FERRY_CORE_IMPL_H

#include "ferry/core.h"
#include "base/list.h"
#include "base/mem.h"
#include "lock/lock.h"
#include "lock/lock_book.h"
#include "power/gate.h"

#define FERRY_FAULT_ENTRIES_DEFAULT 4096u
#define FERRY_BATCH_DEFAULT 1024u
#define FERRY_FENCE_TIMEOUT_NS 10000000000ull /* a copy that takes so long will not end */

struct ferry_device;

struct ferry_core {
	struct ferry_core_params params; /* defaults filled in; constant */
	struct ferry_mem mem;
	/* Of contexts. Whoever writes it passes the gate as well. */
	struct ferry_os_atomic until_watch __attribute__((aligned(64)));
	struct ferry_gate gate;
	struct ferry_mutex lock FERRY_LOCK_ROW(GLOBAL);      /* GLOBAL */
	struct ferry_device *devices[FERRY_MAX_DEVICES];     /* GLOBAL to add; valid below device_count without it */
	struct ferry_os_atomic device_count;                 /* released after the entry is complete */
	struct ferry_list va_spaces FERRY_GUARDED_BY(&lock); /* GLOBAL */
	struct ferry_os_atomic lock_violations;              /* added up from contexts as they end */
	struct ferry_lock_book locks __attribute__((aligned(64)));
};

/* Begin and end of every flow of control that enters the core: a context whose violations are kept. */
static inline void ferry_core_enter(struct ferry_core *core, struct ferry_ctx *ctx)
{
	ferry_ctx_init_in(ctx, &core->locks, &core->until_watch, 0);
}

/* The same in an interrupt, or where one may be. */
static inline void ferry_core_enter_irq(struct ferry_core *core, struct ferry_ctx *ctx)
{
	ferry_ctx_init_in(ctx, &core->locks, &core->until_watch, FERRY_LOCK_IRQ);
}

static inline void ferry_core_leave(struct ferry_core *core, struct ferry_ctx *ctx)
{
	ferry_ctx_fini(ctx);
	if (ctx->violations)
		ferry_os_fetch_add(&core->lock_violations, ctx->violations);
}

/* The device of this number, or NULL. */
static inline struct ferry_device *ferry_core_device(const struct ferry_core *core, uint32_t id)
{
	if (id >= ferry_os_load_acquire(&core->device_count))
		return NULL;
	return core->devices[id];
}

#endif /* FERRY_CORE_IMPL_H */
