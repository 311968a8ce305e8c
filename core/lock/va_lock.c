/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lock/va_lock.h"
#include "lock/lock_book.h"

/* Who is in has been in for too long to be believed: said once in so long, and waited for on. */
#define LONG_NS 10000000000ull

/* What a waiter waits for: none of these bits. */
struct obstacle {
	struct ferry_va_lock *l;
	uint64_t bits;
};

static bool out_of_the_way(void *arg)
{
	struct obstacle *o = arg;

	return !(ferry_os_load_acquire(&o->l->state) & o->bits);
}

static void wait_for(struct ferry_va_lock *l, uint64_t bits)
{
	struct obstacle o = {l, bits};

	while (ferry_os_wait_bounded(&l->wait, out_of_the_way, &o, LONG_NS))
		ferry_os_log(FERRY_LOG_WARN, "locks: a thread waits for a VA space for over 10 s");
}

/*
 * Wait among those who are counted in count, until none of in_the_way is there; then get in: of who waits becomes in.
 * The first step says that we wait, and so keeps out whom that keeps out.
 */
static void wait_and_enter(struct ferry_va_lock *l, uint64_t count, uint64_t in_the_way, uint64_t in)
{
	uint64_t s = ferry_os_fetch_add(&l->state, count) + count;

	for (;;) {
		uint64_t seen;

		if (s & in_the_way) {
			wait_for(l, in_the_way);
			s = ferry_os_load_relaxed(&l->state);
			continue;
		}
		seen = ferry_os_cmpxchg(&l->state, s, s - count + in);
		if (seen == s)
			return;
		s = seen;
	}
}

/*
 * Service (only a writer that is in is in its way): no writer gets in before it. Others look again whenever the state
 * has changed.
 */
void ferry_va_lock_read_slow(struct ferry_va_lock *l, uint64_t in_the_way)
{
	if (in_the_way == FERRY_VA_LOCK_WRITER) {
		wait_and_enter(l, FERRY_VA_LOCK_SERVING, in_the_way, FERRY_VA_LOCK_READER);
		return;
	}
	do
		wait_for(l, in_the_way);
	while (!ferry_va_lock_enter(l, in_the_way));
}

/* New readers stay out, but for service. */
void ferry_va_lock_write_slow(struct ferry_va_lock *l)
{
	wait_and_enter(l, FERRY_VA_LOCK_WAITING, FERRY_VA_LOCK_OTHERS, FERRY_VA_LOCK_WRITER);
}

void ferry_va_lock_in_slow(struct ferry_ctx *ctx, struct ferry_va_lock *l, uint64_t in_the_way, const char *file,
                           uint32_t line)
{
	uint64_t bits = in_the_way ? l->lock.row->shared : l->lock.row->exclusive, start_ns = 0;

	if (!ferry_lock_note_slow(ctx, &l->lock, bits, file, line, 0))
		return;
	ferry_os_lockmap_acquire(&l->map, !in_the_way, false);
	if (in_the_way ? !ferry_va_lock_enter(l, in_the_way)
	               : ferry_os_cmpxchg(&l->state, 0, FERRY_VA_LOCK_WRITER) != 0) {
		start_ns = ferry_os_now_ns();
		if (in_the_way)
			ferry_va_lock_read_slow(l, in_the_way);
		else
			ferry_va_lock_write_slow(l);
	}
	if (ctx->held & FERRY_LOCK_WATCH)
		ferry_lock_book_had(ctx, &l->lock, start_ns);
}

void ferry_va_lock_out_slow(struct ferry_ctx *ctx, struct ferry_va_lock *l, uint64_t bits, const char *file,
                            uint32_t line)
{
	uint64_t mode = ferry_lock_drop_slow(ctx, &l->lock, bits, file, line, 0);

	if (mode == FERRY_LOCK_EXCLUSIVELY)
		ferry_va_lock_write_out(l);
	else if (mode)
		ferry_va_lock_read_out(l);
}

void ferry_va_lock_init(struct ferry_va_lock *l, enum ferry_lock_class lock_class)
{
	if (!ferry_lock_begin(&l->lock, &lock_class))
		return;
	ferry_os_store_relaxed(&l->state, 0);
	ferry_os_wait_init(&l->wait);
	ferry_os_lockmap_init(&l->map, lock_class);
}

void ferry_va_lock_fini(struct ferry_va_lock *l)
{
	if (!ferry_lock_end(&l->lock))
		return;
	(void)FERRY_ASSERT(ferry_os_load_acquire(&l->state) == 0);
	ferry_os_wait_fini(&l->wait);
}
