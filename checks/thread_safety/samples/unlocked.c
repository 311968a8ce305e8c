/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What a lock guards is touched without it. */
#include "sample.h"

int sample_read(const struct sample *s)
{
	return s->count; /* FINDS: reading variable 'count' requires holding mutex */
}

void sample_after(struct ferry_ctx *ctx, struct sample *s)
{
	ferry_spin_lock(ctx, &s->spin);
	ferry_spin_unlock(ctx, &s->spin);
	s->ring = 0; /* FINDS: writing variable 'ring' requires holding spin lock */
}

void sample_wrong_lock(struct ferry_ctx *ctx, struct sample *s)
{
	ferry_spin_lock(ctx, &s->spin);
	s->count++; /* FINDS: 'count' requires holding mutex */
	ferry_spin_unlock(ctx, &s->spin);
}

void sample_given(struct ferry_ctx *ctx, struct sample *s)
{
	ferry_sem_take(ctx, &s->sem);
	ferry_sem_give(ctx, &s->sem);
	s->batch = 0; /* FINDS: writing variable 'batch' requires holding semaphore */
}
