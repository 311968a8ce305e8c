/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lock/csem.h"

void ferry_csem_init(struct ferry_csem *s, enum ferry_lock_class lock_class, uint32_t units)
{
	if (!ferry_lock_begin(&s->lock, &lock_class))
		return;
	s->units = FERRY_ASSERT(units) ? units : 1;
	ferry_os_store_relaxed(&s->free, s->units);
	ferry_os_wait_init(&s->wait);
}

void ferry_csem_fini(struct ferry_csem *s)
{
	if (!ferry_lock_end(&s->lock))
		return;
	(void)FERRY_ASSERT(ferry_os_load_acquire(&s->free) == s->units);
	ferry_os_wait_fini(&s->wait);
}

static bool has_free(void *arg)
{
	const struct ferry_csem *s = arg;

	return ferry_os_load_acquire(&s->free) != 0; /* pairs with ferry_csem_up_at() */
}

static bool take(struct ferry_csem *s)
{
	uint64_t was = ferry_os_load_relaxed(&s->free);

	/* Ends: each turn that fails is a unit that somebody else took or gave. */
	while (was) {
		uint64_t now = ferry_os_cmpxchg(&s->free, was, was - 1);

		if (now == was)
			return true;
		was = now;
	}
	return false;
}

static int take_wait(struct ferry_csem *s, uint64_t timeout_ns)
{
	uint64_t start = ferry_os_now_ns(), waited = 0;

	while (!take(s)) {
		int err = ferry_os_wait_until(&s->wait, has_free, s, timeout_ns - waited);

		if (err)
			return err;
		waited = ferry_os_now_ns() - start;
		if (waited > timeout_ns)
			waited = timeout_ns; /* one more look, then it is over */
	}
	return 0;
}

int ferry_csem_down_at(struct ferry_ctx *ctx, struct ferry_csem *s, uint64_t timeout_ns, const char *file,
                       uint32_t line)
{
	uint64_t bits = s->lock.row->shared;
	int err;

	if (!ferry_lock_note(ctx, &s->lock, bits, file, line) &&
	    !ferry_lock_note_slow(ctx, &s->lock, bits, file, line, 0))
		return 0;
	err = take(s) ? 0 : take_wait(s, timeout_ns);
	if (err && !ferry_lock_drop(ctx, &s->lock, bits))
		(void)ferry_lock_drop_slow(ctx, &s->lock, bits, file, line, 0);
	return err;
}

bool ferry_csem_try_at(struct ferry_ctx *ctx, struct ferry_csem *s, const char *file, uint32_t line)
{
	uint64_t bits = s->lock.row->shared;

	if (!take(s))
		return false;
	if (!ferry_lock_note_try(ctx, &s->lock, bits, file, line))
		ferry_try_slow(ctx, &s->lock, bits, file, line);
	return true;
}

void ferry_csem_up_at(struct ferry_ctx *ctx, struct ferry_csem *s, const char *file, uint32_t line)
{
	uint64_t bits = s->lock.row->shared;

	if (!ferry_lock_drop(ctx, &s->lock, bits) && !ferry_lock_drop_slow(ctx, &s->lock, bits, file, line, 0))
		return;
	ferry_os_fetch_add(&s->free, 1);
	ferry_os_wake_all(&s->wait);
}
