/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* An error path goes out with the lock. */
#include "sample.h"

int sample_leak(struct ferry_ctx *ctx, struct sample *s, bool deny)
{
	ferry_mutex_lock(ctx, &s->lock);
	if (deny)
		return FERRY_E_BUSY;
	s->count++;
	ferry_mutex_unlock(ctx, &s->lock);
	return 0;
} /* FINDS: 's->lock' is not held on every path */

int sample_push_leak(struct ferry_ctx *ctx, struct ferry_device *gpu, bool deny)
{
	struct ferry_push push;
	int err = ferry_push_begin(ctx, gpu, &push);

	if (err)
		return err;
	if (deny)
		return FERRY_E_BUSY;
	ferry_push_send(ctx, &push);
	return 0;
} /* FINDS: 'push.channel->lock' is not held on every path */
