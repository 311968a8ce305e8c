/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A callee needs a lock that is not held, or a try is taken for granted. */
#include "sample.h"

static void count_add(struct sample *s) FERRY_NEEDS(&s->lock)
{
	s->count++;
}

void sample_unmet(struct sample *s)
{
	count_add(s); /* FINDS: calling function 'count_add' requires holding mutex 's->lock' */
}

void sample_try(struct ferry_ctx *ctx, struct sample *s)
{
	bool got = ferry_mutex_trylock(ctx, &s->lock);

	(void)got;
	ferry_mutex_unlock(ctx, &s->lock); /* FINDS: releasing mutex 's->lock' that was not held */
}

int sample_slot(struct ferry_ctx *ctx, struct ferry_push *push)
{
	return ferry_push_slot(ctx, push) != NULL; /* FINDS: 'ferry_push_slot' requires holding mutex */
}
