/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A lock of an upper row is taken under one of a lower row, in one function or with a callee's need in between. */
#include "gpu/device.h"
#include "va/va_space.h"

void sample_right(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_block *block)
{
	ferry_va_read_lock(ctx, &vs->lock);
	ferry_mutex_lock(ctx, &block->lock);
	ferry_mutex_unlock(ctx, &block->lock);
	ferry_va_read_unlock(ctx, &vs->lock);
}

void sample_order(struct ferry_ctx *ctx, struct ferry_va_space *vs, struct ferry_block *block)
{
	ferry_mutex_lock(ctx, &block->lock);
	ferry_va_read_lock(ctx, &vs->lock); /* FINDS: must be acquired before */
	ferry_va_read_unlock(ctx, &vs->lock);
	ferry_mutex_unlock(ctx, &block->lock);
}

void sample_needs(struct ferry_ctx *ctx, struct ferry_device *gpu, struct ferry_block *block)
	FERRY_NEEDS(&block->lock)
{
	ferry_device_control_lock(ctx, gpu); /* FINDS: must be acquired before */
	block->dead = true;
	ferry_mutex_unlock(ctx, &gpu->control);
}
