/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock_slow.c - the verbs of lock.h when something is unusual: the check first, which says what of the host's lock
 * is to be done.
 */
#include "lock/lock.h"
#include "lock/lock_book.h"

/*
 * Take the host's lock. Of a watched context: by try first, so that it is known whether somebody was in the way.
 * (lockdep learns no order from a try; it learns it from the contexts that are not watched.)
 */
#define TAKE(ctx, base, try_it, wait_for_it)                                                                         \
	do {                                                                                                         \
		uint64_t start_ns_ = 0;                                                                              \
                                                                                                                     \
		if (!((ctx)->held & FERRY_LOCK_WATCH)) {                                                             \
			wait_for_it;                                                                                 \
			break;                                                                                       \
		}                                                                                                    \
		if (!(try_it)) {                                                                                     \
			start_ns_ = ferry_os_now_ns();                                                               \
			wait_for_it;                                                                                 \
		}                                                                                                    \
		ferry_lock_book_had(ctx, base, start_ns_);                                                           \
	} while (0)

void ferry_mutex_lock_slow(struct ferry_ctx *ctx, struct ferry_mutex *m, const char *file, uint32_t where)
{
	if (ferry_lock_note_slow(ctx, &m->lock, m->lock.row->exclusive, file, where, 0))
		TAKE(ctx, &m->lock, ferry_os_mutex_trylock(&m->os), ferry_os_mutex_lock(&m->os));
}

bool ferry_mutex_lock_killable_slow(struct ferry_ctx *ctx, struct ferry_mutex *m, const char *file, uint32_t line)
{
	bool had = true;

	if (!ferry_lock_note_slow(ctx, &m->lock, m->lock.row->exclusive, file, line, 0))
		return true;
	TAKE(ctx, &m->lock, ferry_os_mutex_trylock(&m->os), had = ferry_os_mutex_lock_killable(&m->os));
	if (!had)
		(void)ferry_lock_drop_slow(ctx, &m->lock, m->lock.row->exclusive, file, line, 0);
	return had;
}

void ferry_mutex_lock_level_at(struct ferry_ctx *ctx, struct ferry_mutex *m, uint32_t level, const char *file,
                               uint32_t line)
{
	if (!FERRY_ASSERT(level && level <= FERRY_LOCK_LEVEL_MAX))
		level = 0; /* no place among its class: refused beside another */
	ferry_mutex_lock_slow(ctx, m, file, (line & FERRY_LOCK_LINE) | level << FERRY_LOCK_LEVEL_SHIFT);
}

void ferry_mutex_unlock_slow(struct ferry_ctx *ctx, struct ferry_mutex *m, const char *file, uint32_t where)
{
	if (ferry_lock_drop_slow(ctx, &m->lock, m->lock.row->exclusive, file, where, 0))
		ferry_os_mutex_unlock(&m->os);
}

void ferry_rw_lock_slow(struct ferry_ctx *ctx, struct ferry_rw *rw, bool write, const char *file, uint32_t line)
{
	uint64_t bits = write ? rw->lock.row->exclusive : rw->lock.row->shared;

	if (!ferry_lock_note_slow(ctx, &rw->lock, bits, file, line, 0))
		return;
	if (write)
		TAKE(ctx, &rw->lock, ferry_os_rw_write_trylock(&rw->os), ferry_os_rw_write_lock(&rw->os));
	else
		TAKE(ctx, &rw->lock, ferry_os_rw_read_trylock(&rw->os), ferry_os_rw_read_lock(&rw->os));
}

void ferry_rw_unlock_slow(struct ferry_ctx *ctx, struct ferry_rw *rw, bool write, const char *file, uint32_t line)
{
	uint64_t bits = write ? rw->lock.row->exclusive : rw->lock.row->shared;
	uint64_t mode = ferry_lock_drop_slow(ctx, &rw->lock, bits, file, line, 0);

	if (mode == FERRY_LOCK_EXCLUSIVELY)
		ferry_os_rw_write_unlock(&rw->os);
	else if (mode)
		ferry_os_rw_read_unlock(&rw->os);
}

void ferry_spin_lock_slow(struct ferry_ctx *ctx, struct ferry_spin *s, const char *file, uint32_t line)
{
	if (ferry_lock_note_slow(ctx, &s->lock, s->lock.row->exclusive, file, line, 0))
		TAKE(ctx, &s->lock, ferry_os_spin_trylock(&s->os), ferry_os_spin_lock(&s->os));
}

void ferry_spin_unlock_slow(struct ferry_ctx *ctx, struct ferry_spin *s, const char *file, uint32_t line)
{
	if (ferry_lock_drop_slow(ctx, &s->lock, s->lock.row->exclusive, file, line, 0))
		ferry_os_spin_unlock(&s->os);
}

void ferry_sem_down_slow(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file, uint32_t line)
{
	if (ferry_lock_note_slow(ctx, &s->lock, s->lock.row->exclusive, file, line, 0))
		TAKE(ctx, &s->lock, ferry_os_sem_try(&s->os), ferry_os_sem_down(&s->os));
}

void ferry_sem_up_slow(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file, uint32_t line)
{
	if (ferry_lock_drop_slow(ctx, &s->lock, s->lock.row->exclusive, file, line, 0))
		ferry_os_sem_up(&s->os);
}

/* Whoever takes it may run at once: what they read is written before anybody is told to. */
void ferry_sem_give_at(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file, uint32_t line)
{
	if (!ferry_lock_drop(ctx, &s->lock, s->lock.row->exclusive) &&
	    !ferry_lock_drop_slow(ctx, &s->lock, s->lock.row->exclusive, file, line, 0))
		return;
	s->given_file = file;
	s->given_line = line;
}

/* What was not given is somebody else's, or nobody's: the context holds it in name only, and will not up it. */
void ferry_sem_take_slow(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file, uint32_t line)
{
	uint32_t where = line;

	if (!s->given_line) {
		ferry_lock_report(ctx, &s->lock, " taken over, but nobody gave it", NULL, 0, file, line);
		where |= FERRY_LOCK_FLAG_PHANTOM;
	}
	s->given_line = 0;
	if (ferry_lock_note_slow(ctx, &s->lock, s->lock.row->exclusive, file, where, 0) &&
	    ctx->held & FERRY_LOCK_WATCH)
		ferry_lock_book_had(ctx, &s->lock, 0);
}

void ferry_try_slow(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t bits, const char *file,
                    uint32_t line)
{
	(void)ferry_lock_note_slow(ctx, lock, bits, file, line | FERRY_LOCK_FLAG_TRIED, 0);
	if (ctx->held & FERRY_LOCK_WATCH)
		ferry_lock_book_had(ctx, lock, 0);
}
