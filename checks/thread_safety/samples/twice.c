/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The same lock twice, or released twice. */
#include "sample.h"

static void locks(struct ferry_ctx *ctx, struct sample *s) FERRY_NEEDS_NOT(&s->lock)
{
	ferry_mutex_lock(ctx, &s->lock);
	ferry_mutex_unlock(ctx, &s->lock);
}

void sample_double(struct ferry_ctx *ctx, struct sample *s)
{
	ferry_mutex_lock(ctx, &s->lock);
	ferry_mutex_lock(ctx, &s->lock); /* FINDS: acquiring mutex 's->lock' that is already held */
	ferry_mutex_unlock(ctx, &s->lock);
}

void sample_read_in_write(struct ferry_ctx *ctx, struct sample *s)
{
	ferry_va_write_lock(ctx, &s->va);
	ferry_va_read_lock(ctx, &s->va); /* FINDS: acquiring VA space lock 's->va' that is already held */
	ferry_va_write_unlock(ctx, &s->va);
}

void sample_callee(struct ferry_ctx *ctx, struct sample *s)
{
	ferry_mutex_lock(ctx, &s->lock);
	locks(ctx, s); /* FINDS: cannot call function 'locks' while mutex 's->lock' is held */
	ferry_mutex_unlock(ctx, &s->lock);
}

void sample_released(struct ferry_ctx *ctx, struct sample *s)
{
	ferry_sem_down(ctx, &s->sem);
	ferry_sem_give(ctx, &s->sem);
	ferry_sem_up(ctx, &s->sem); /* FINDS: releasing semaphore 's->sem' that was not held */
}
