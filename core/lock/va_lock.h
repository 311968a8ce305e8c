/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * va_lock.h - the lock of a VA space: a read-write lock in which fault service passes waiting writers.
 *
 * A control call may be answered only when outstanding faults have been served (docs/fg1.md), and serving a fault
 * takes this lock for reading. With a fair read-write lock that is a deadlock of three:
 *
 *      reader: control call ---waits for---> fault service ---queued behind---> writer ---waits for---> reader
 *
 * Here the middle edge does not exist: service waits for a writer that is in, never for one that waits.
 *
 *                 waits for a writer that        may make
 *                 is in      waits               control calls
 *      service    x                              no: it serves what they wait for
 *      read       x          x                   yes
 *      write      x (and for all readers)        no, and it lets service that waits go first
 *      downgrade  of a writer: it goes on as a reader, and lets no writer in between
 *
 * One word says it all, and one place to wait for it to change:
 *
 *      bit   63         62 .. 48           47 .. 32         31 .. 0
 *          [ writer ][ service waiting ][ writers waiting ][ readers ]
 *
 * Cost: without contention one compare-and-swap to get in and one add to get out, as for a plain read-write lock.
 * Writers can be kept waiting by service that never pauses; service does, after FERRY_BATCHES_MAX batches. Service
 * waits for the one writer that is in and for no other, so every fault is served whatever writers do.
 * Context: process; all but unlock, trylock and downgrade may sleep. A thread that was told to die waits on, as it
 * does for a mutex: who is in has something to finish.
 *
 * Source: the deadlock is known from NVIDIA's UVM, which prevents it with three locks; that form is
 * test/sim/exhibit/three_locks.h, and both are compared in docs/design/locking.md. Models: test/spin/.
 */
#ifndef FERRY_VA_LOCK_H
#define FERRY_VA_LOCK_H

#include "lock/lock.h"

#define FERRY_VA_LOCK_READER 1ull
#define FERRY_VA_LOCK_WAITING (1ull << 32)
#define FERRY_VA_LOCK_SERVING (1ull << 48)
#define FERRY_VA_LOCK_WRITER (1ull << 63)
#define FERRY_VA_LOCK_READERS (FERRY_VA_LOCK_WAITING - 1)
/* What keeps a reader out: a writer, in or waiting. */
#define FERRY_VA_LOCK_WRITERS (FERRY_VA_LOCK_WRITER | (FERRY_VA_LOCK_SERVING - FERRY_VA_LOCK_WAITING))
/* What keeps a writer out: everybody but writers that wait. */
#define FERRY_VA_LOCK_OTHERS (~(FERRY_VA_LOCK_SERVING - FERRY_VA_LOCK_WAITING))

struct FERRY_CAPABILITY("VA space lock") ferry_va_lock {
	struct ferry_lock lock;
	struct ferry_os_atomic state;
	struct ferry_os_wait wait;   /* for state to change */
	struct ferry_os_lockmap map; /* for a host with a checker of its own */
};

void ferry_va_lock_init(struct ferry_va_lock *l, enum ferry_lock_class lock_class);
void ferry_va_lock_fini(struct ferry_va_lock *l);

#define ferry_va_service_lock(ctx, l) ferry_va_service_lock_at(ctx, l, FERRY_LOCK_HERE)
#define ferry_va_read_lock(ctx, l) ferry_va_read_lock_at(ctx, l, FERRY_LOCK_HERE)
#define ferry_va_read_trylock(ctx, l) ferry_va_read_trylock_at(ctx, l, FERRY_LOCK_HERE)
/* Ends service_lock, read_lock, a successful trylock, downgrade. */
#define ferry_va_read_unlock(ctx, l) ferry_va_read_unlock_at(ctx, l, FERRY_LOCK_HERE)

#define ferry_va_write_lock(ctx, l) ferry_va_write_lock_at(ctx, l, FERRY_LOCK_HERE)
#define ferry_va_write_unlock(ctx, l) ferry_va_write_unlock_at(ctx, l, FERRY_LOCK_HERE)
#define ferry_va_downgrade(ctx, l) ferry_va_downgrade_at(ctx, l, FERRY_LOCK_HERE)

/* ---- bodies ---- */

/* The slow paths: until what is in the way is gone. */
void ferry_va_lock_read_slow(struct ferry_va_lock *l, uint64_t in_the_way);
void ferry_va_lock_write_slow(struct ferry_va_lock *l);

/* In as a reader, unless any bit of in_the_way is set. */
static inline bool ferry_va_lock_enter(struct ferry_va_lock *l, uint64_t in_the_way)
{
	uint64_t s = ferry_os_load_relaxed(&l->state);

	while (!(s & in_the_way)) {
		uint64_t seen = ferry_os_cmpxchg(&l->state, s, s + FERRY_VA_LOCK_READER);

		if (seen == s)
			return true;
		s = seen;
	}
	return false;
}

/* The slow halves, as in lock.h. in_the_way: of a reader; 0: the verb is a writer's. */
FERRY_LOCK_COLD void ferry_va_lock_in_slow(struct ferry_ctx *ctx, struct ferry_va_lock *l, uint64_t in_the_way,
                                           const char *file, uint32_t line);
FERRY_LOCK_COLD void ferry_va_lock_out_slow(struct ferry_ctx *ctx, struct ferry_va_lock *l, uint64_t bits,
                                            const char *file, uint32_t line);

static inline void ferry_va_lock_read_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, uint64_t in_the_way,
                                         const char *file, uint32_t line) FERRY_ACQUIRES_SHARED(l) FERRY_LOCK_VERB
{
	if (!ferry_lock_note(ctx, &l->lock, l->lock.row->shared, file, line)) {
		ferry_va_lock_in_slow(ctx, l, in_the_way, file, line);
		return;
	}
	ferry_os_lockmap_acquire(&l->map, false, false);
	if (__builtin_expect(!ferry_va_lock_enter(l, in_the_way), 0))
		ferry_va_lock_read_slow(l, in_the_way);
}

static inline void ferry_va_service_lock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file,
                                            uint32_t line) FERRY_ACQUIRES_SHARED(l) FERRY_LOCK_VERB
{
	ferry_va_lock_read_at(ctx, l, FERRY_VA_LOCK_WRITER, file, line);
}

static inline void ferry_va_read_lock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file,
                                         uint32_t line) FERRY_ACQUIRES_SHARED(l) FERRY_LOCK_VERB
{
	ferry_va_lock_read_at(ctx, l, FERRY_VA_LOCK_WRITERS, file, line);
}

FERRY_MUST_CHECK static inline bool ferry_va_read_trylock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l,
                                                             const char *file, uint32_t line)
	FERRY_TRIES_SHARED(true, l) FERRY_LOCK_VERB
{
	if (!ferry_va_lock_enter(l, FERRY_VA_LOCK_WRITERS))
		return false;
	ferry_os_lockmap_acquire(&l->map, false, true);
	if (!ferry_lock_note_try(ctx, &l->lock, l->lock.row->shared, file, line))
		ferry_try_slow(ctx, &l->lock, l->lock.row->shared, file, line);
	return true;
}

static inline void ferry_va_lock_read_out(struct ferry_va_lock *l)
{
	uint64_t old;

	ferry_os_lockmap_release(&l->map);
	old = ferry_os_fetch_add(&l->state, -FERRY_VA_LOCK_READER);
	/* The last one out tells the writers that wait. Readers wait for writers only. */
	if (__builtin_expect((old & FERRY_VA_LOCK_READERS) == 1 && old != 1, 0))
		ferry_os_wake_all(&l->wait);
}

static inline void ferry_va_read_unlock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file,
                                           uint32_t line) FERRY_RELEASES_SHARED(l) FERRY_LOCK_VERB
{
	if (ferry_lock_drop(ctx, &l->lock, l->lock.row->shared))
		ferry_va_lock_read_out(l);
	else
		ferry_va_lock_out_slow(ctx, l, l->lock.row->shared, file, line);
}

static inline void ferry_va_write_lock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file,
                                          uint32_t line) FERRY_ACQUIRES(l) FERRY_LOCK_VERB
{
	if (!ferry_lock_note(ctx, &l->lock, l->lock.row->exclusive, file, line)) {
		ferry_va_lock_in_slow(ctx, l, 0, file, line);
		return;
	}
	ferry_os_lockmap_acquire(&l->map, true, false);
	if (__builtin_expect(ferry_os_cmpxchg(&l->state, 0, FERRY_VA_LOCK_WRITER) != 0, 0))
		ferry_va_lock_write_slow(l);
}

static inline void ferry_va_lock_write_out(struct ferry_va_lock *l)
{
	ferry_os_lockmap_release(&l->map);
	(void)ferry_os_fetch_add(&l->state, -FERRY_VA_LOCK_WRITER);
	ferry_os_wake_all(&l->wait);
}

static inline void ferry_va_write_unlock_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file,
                                            uint32_t line) FERRY_RELEASES(l) FERRY_LOCK_VERB
{
	if (ferry_lock_drop(ctx, &l->lock, l->lock.row->exclusive))
		ferry_va_lock_write_out(l);
	else
		ferry_va_lock_out_slow(ctx, l, l->lock.row->exclusive, file, line);
}

/* The context learns of it first: from then on it may do what a reader may. */
static inline void ferry_va_downgrade_at(struct ferry_ctx *ctx, struct ferry_va_lock *l, const char *file,
                                         uint32_t line) FERRY_RELEASES(l) FERRY_ACQUIRES_SHARED(l) FERRY_LOCK_VERB
{
	if (!ferry_lock_downgrade(ctx, &l->lock, file, line))
		return;
	ferry_os_lockmap_release(&l->map);
	ferry_os_lockmap_acquire(&l->map, false, true);
	(void)ferry_os_fetch_add(&l->state, FERRY_VA_LOCK_READER - FERRY_VA_LOCK_WRITER);
	ferry_os_wake_all(&l->wait);
}

#endif /* FERRY_VA_LOCK_H */
