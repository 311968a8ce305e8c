/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A write where only reading is allowed. */
#include "sample.h"

void sample_rw(struct ferry_ctx *ctx, struct sample *s)
{
	ferry_rw_read_lock(ctx, &s->rw);
	s->tree = 1; /* FINDS: writing variable 'tree' requires holding read-write lock */
	ferry_rw_read_unlock(ctx, &s->rw);
}

void sample_downgraded(struct ferry_ctx *ctx, struct sample *s)
{
	ferry_va_write_lock(ctx, &s->va);
	ferry_va_downgrade(ctx, &s->va);
	s->ranges = 1; /* FINDS: writing variable 'ranges' requires holding VA space lock */
	ferry_va_read_unlock(ctx, &s->va);
}

void sample_mode(struct ferry_ctx *ctx, struct sample *s)
{
	ferry_va_service_lock(ctx, &s->va);
	ferry_va_write_unlock(ctx, &s->va); /* FINDS: releasing VA space lock 's->va' using exclusive access */
}
