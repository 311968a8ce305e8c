/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Everything right: no finding. */
#include "sample.h"

static void count_add(struct sample *s, int n) FERRY_NEEDS(&s->lock)
{
	s->count += n;
}

int sample_all(struct ferry_ctx *ctx, struct sample *s, bool deny)
{
	int err = 0, seen;

	ferry_mutex_lock(ctx, &s->lock);
	count_add(s, 1);
	if (deny) {
		err = FERRY_E_BUSY;
		goto unlock;
	}
	ferry_spin_lock(ctx, &s->spin);
	s->ring++;
	ferry_spin_unlock(ctx, &s->spin);
unlock:
	ferry_mutex_unlock(ctx, &s->lock);
	if (err)
		return err;
	if (!ferry_mutex_lock_killable(ctx, &s->lock))
		return FERRY_E_KILLED;
	s->count = 0;
	ferry_mutex_unlock(ctx, &s->lock);
	ferry_rw_read_lock(ctx, &s->rw);
	seen = s->tree;
	ferry_rw_read_unlock(ctx, &s->rw);
	ferry_rw_write_lock(ctx, &s->rw);
	s->tree = seen + 1;
	ferry_rw_write_unlock(ctx, &s->rw);
	ferry_va_write_lock(ctx, &s->va);
	s->ranges++;
	ferry_va_downgrade(ctx, &s->va);
	seen = s->ranges;
	ferry_va_read_unlock(ctx, &s->va);
	err = ferry_csem_down(ctx, &s->csem, 1000);
	if (err)
		return err;
	ferry_csem_up(ctx, &s->csem);
	return seen;
}

void sample_top_half(struct ferry_ctx *ctx, struct sample *s)
{
	if (ferry_sem_try(ctx, &s->sem)) {
		s->batch = 0;
		ferry_sem_give(ctx, &s->sem);
	}
}

void sample_bottom_half(struct ferry_ctx *ctx, struct sample *s)
{
	ferry_sem_take(ctx, &s->sem);
	s->batch++;
	ferry_sem_up(ctx, &s->sem);
}

int sample_push(struct ferry_ctx *ctx, struct ferry_device *gpu)
{
	struct ferry_push push;
	int err = ferry_push_begin(ctx, gpu, &push);

	if (err)
		return err;
	(void)ferry_push_slot(ctx, &push);
	ferry_push_send(ctx, &push);
	return 0;
}
