/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock.h - every lock of the core: the host's lock, a class, and the check of the order.
 *
 * A context (struct ferry_ctx) is the held set of one flow of control. It lives on the stack of whoever enters
 * the core (a request, a CPU fault, a work item, an interrupt) and travels as the first parameter. Checking
 * an acquire is one AND of the held set with the class's mask; it stays on in production.
 *
 *     struct ferry_ctx ctx;
 *     ferry_ctx_init(&ctx);
 *     ferry_mutex_lock(&ctx, &block->lock);
 *     ...
 *     ferry_mutex_unlock(&ctx, &block->lock);
 *     ferry_ctx_fini(&ctx);          (reports what is still held)
 *
 * A violation calls ferry_os_bug() (fatal in tests) with the file and line of the verb and is counted in
 * ctx.violations; control flow does not change: the lock is taken, or released, as asked. Same class twice is
 * refused. A successful trylock is exempt from the order, but counts as held afterwards. Locks may be released in
 * any order (the VA-space verbs do); the common case is LIFO.
 *
 * Each verb is a macro around an inline function, ferry_mutex_lock(ctx, m) around ferry_mutex_lock_at(ctx, m,
 * file, line), so that a report names the caller. The uncontended path is all inline.
 */
#ifndef FERRY_LOCK_H
#define FERRY_LOCK_H

#include "lock/lock_check.h"

struct ferry_mutex {
	struct ferry_os_mutex os;
	const struct ferry_lock_row *row;
};
struct ferry_rw {
	struct ferry_os_rw os;
	const struct ferry_lock_row *row;
};
struct ferry_spin {
	struct ferry_os_spin os;
	const struct ferry_lock_row *row;
};
struct ferry_sem {
	struct ferry_os_sem os;
	const struct ferry_lock_row *row;
};

/* Locks are made and unmade where nobody else can see them. Context: process. fini reports a lock that is held. */
enum ferry_lock_class ferry_lock_checked_class(
	enum ferry_lock_class lock_class); /* for who makes a lock of its own */
void ferry_mutex_init(struct ferry_mutex *m, enum ferry_lock_class lock_class);
void ferry_mutex_fini(struct ferry_mutex *m);
void ferry_rw_init(struct ferry_rw *rw, enum ferry_lock_class lock_class);
void ferry_rw_fini(struct ferry_rw *rw);
void ferry_spin_init(struct ferry_spin *s, enum ferry_lock_class lock_class);
void ferry_spin_fini(struct ferry_spin *s);
void ferry_sem_init(struct ferry_sem *s, enum ferry_lock_class lock_class);
void ferry_sem_fini(struct ferry_sem *s);

static inline void ferry_ctx_init(struct ferry_ctx *ctx)
{
	ctx->held = 0;
	ctx->depth = 0;
	ctx->violations = 0;
}

/* Every lock must be released by now. */
#define ferry_ctx_fini(ctx) ferry_ctx_fini_at(ctx, FERRY_LOCK_HERE)
void ferry_ctx_fini_at(struct ferry_ctx *ctx, const char *file, uint32_t line);

/*
 * ---- mutex. Context: process; trylock too. lock_killable: in the order like lock; false, and not held, when the
 * thread is told to die first: the caller goes back with FERRY_E_KILLED. ----
 */
#define ferry_mutex_lock(ctx, m) ferry_mutex_lock_at(ctx, m, FERRY_LOCK_HERE)
#define ferry_mutex_lock_killable(ctx, m) ferry_mutex_lock_killable_at(ctx, m, FERRY_LOCK_HERE)
#define ferry_mutex_trylock(ctx, m) ferry_mutex_trylock_at(ctx, m, FERRY_LOCK_HERE)
#define ferry_mutex_unlock(ctx, m) ferry_mutex_unlock_at(ctx, m, FERRY_LOCK_HERE)

/* ---- read-write lock. Context: process. A read lock is not recursive: same class twice. ---- */
#define ferry_rw_read_lock(ctx, rw) ferry_rw_read_lock_at(ctx, rw, FERRY_LOCK_HERE)
#define ferry_rw_read_trylock(ctx, rw) ferry_rw_read_trylock_at(ctx, rw, FERRY_LOCK_HERE)
#define ferry_rw_read_unlock(ctx, rw) ferry_rw_read_unlock_at(ctx, rw, FERRY_LOCK_HERE)
#define ferry_rw_write_lock(ctx, rw) ferry_rw_write_lock_at(ctx, rw, FERRY_LOCK_HERE)
#define ferry_rw_write_unlock(ctx, rw) ferry_rw_write_unlock_at(ctx, rw, FERRY_LOCK_HERE)

/* ---- spin lock. Context: any. ---- */
#define ferry_spin_lock(ctx, s) ferry_spin_lock_at(ctx, s, FERRY_LOCK_HERE)
#define ferry_spin_unlock(ctx, s) ferry_spin_unlock_at(ctx, s, FERRY_LOCK_HERE)

/*
 * ---- semaphore: a lock that changes hands. The top half takes it by try and gives it (the lock stays down, the
 * context forgets it), the bottom half takes it over (the context learns it) and ups it. Taking over is in the
 * order like any acquire: a bottom half starts with nothing held.
 *
 *     top half     try   give |
 *     bottom half             | take ........ up
 *     the lock      [=========================]
 *
 * Context: process for down; any for the rest.
 */
#define ferry_sem_down(ctx, s) ferry_sem_down_at(ctx, s, FERRY_LOCK_HERE)
#define ferry_sem_try(ctx, s) ferry_sem_try_at(ctx, s, FERRY_LOCK_HERE)
#define ferry_sem_up(ctx, s) ferry_sem_up_at(ctx, s, FERRY_LOCK_HERE)
#define ferry_sem_give(ctx, s) ferry_sem_give_at(ctx, s, FERRY_LOCK_HERE)
#define ferry_sem_take(ctx, s) ferry_sem_take_at(ctx, s, FERRY_LOCK_HERE)

/*
 * ---- asserts. held, excl: this very lock, by this context. op: the operation is allowed now. could_take: an
 * acquire would be in order. They return what they found, after reporting a violation. Context: any.
 */
#define ferry_lock_assert_held(ctx, lock) ferry_lock_assert_held_at(ctx, lock, FERRY_LOCK_HERE)
#define ferry_lock_assert_excl(ctx, lock) ferry_lock_assert_excl_at(ctx, lock, FERRY_LOCK_HERE)
#define ferry_lock_assert_op(ctx, op) ferry_lock_assert_op_at(ctx, op, FERRY_LOCK_HERE)
#define ferry_lock_assert_could_take(ctx, lock_class)                                                                \
	ferry_lock_assert_could_take_at(ctx, lock_class, FERRY_LOCK_HERE)

/* "UNKNOWN" for what is none. */
const char *ferry_lock_class_name(enum ferry_lock_class lock_class);
const char *ferry_lock_op_name(enum ferry_lock_op op);
/* The mask of classes that must not be held (held exclusively) when lock_class (or op) is acquired. Pure. */
uint64_t ferry_lock_denied(uint32_t class_or_op);
uint64_t ferry_lock_denied_excl(uint32_t class_or_op);

/* ---- bodies ---- */

static inline void ferry_mutex_lock_at(struct ferry_ctx *ctx, struct ferry_mutex *m, const char *file, uint32_t line)
{
	ferry_lock_note(ctx, m, m->row, m->row->exclusive, file, line);
	ferry_os_mutex_lock(&m->os);
}

FERRY_MUST_CHECK static inline bool ferry_mutex_lock_killable_at(struct ferry_ctx *ctx, struct ferry_mutex *m,
                                                                 const char *file, uint32_t line)
{
	ferry_lock_note(ctx, m, m->row, m->row->exclusive, file, line);
	if (ferry_os_mutex_lock_killable(&m->os))
		return true;
	ferry_lock_drop(ctx, m, m->row->exclusive, file, line);
	return false;
}

FERRY_MUST_CHECK static inline bool ferry_mutex_trylock_at(struct ferry_ctx *ctx, struct ferry_mutex *m,
                                                           const char *file, uint32_t line)
{
	if (!ferry_os_mutex_trylock(&m->os))
		return false;
	ferry_lock_note_try(ctx, m, m->row, m->row->exclusive, file, line);
	return true;
}

static inline void ferry_mutex_unlock_at(struct ferry_ctx *ctx, struct ferry_mutex *m, const char *file,
                                         uint32_t line)
{
	ferry_lock_drop(ctx, m, m->row->exclusive, file, line);
	ferry_os_mutex_unlock(&m->os);
}

static inline void ferry_rw_read_lock_at(struct ferry_ctx *ctx, struct ferry_rw *rw, const char *file, uint32_t line)
{
	ferry_lock_note(ctx, rw, rw->row, rw->row->shared, file, line);
	ferry_os_rw_read_lock(&rw->os);
}

FERRY_MUST_CHECK static inline bool ferry_rw_read_trylock_at(struct ferry_ctx *ctx, struct ferry_rw *rw,
                                                             const char *file, uint32_t line)
{
	if (!ferry_os_rw_read_trylock(&rw->os))
		return false;
	ferry_lock_note_try(ctx, rw, rw->row, rw->row->shared, file, line);
	return true;
}

static inline void ferry_rw_read_unlock_at(struct ferry_ctx *ctx, struct ferry_rw *rw, const char *file,
                                           uint32_t line)
{
	ferry_lock_drop(ctx, rw, rw->row->shared, file, line);
	ferry_os_rw_read_unlock(&rw->os);
}

static inline void ferry_rw_write_lock_at(struct ferry_ctx *ctx, struct ferry_rw *rw, const char *file, uint32_t line)
{
	ferry_lock_note(ctx, rw, rw->row, rw->row->exclusive, file, line);
	ferry_os_rw_write_lock(&rw->os);
}

static inline void ferry_rw_write_unlock_at(struct ferry_ctx *ctx, struct ferry_rw *rw, const char *file,
                                            uint32_t line)
{
	ferry_lock_drop(ctx, rw, rw->row->exclusive, file, line);
	ferry_os_rw_write_unlock(&rw->os);
}

static inline void ferry_spin_lock_at(struct ferry_ctx *ctx, struct ferry_spin *s, const char *file, uint32_t line)
{
	ferry_lock_note(ctx, s, s->row, s->row->exclusive, file, line);
	ferry_os_spin_lock(&s->os);
}

static inline void ferry_spin_unlock_at(struct ferry_ctx *ctx, struct ferry_spin *s, const char *file, uint32_t line)
{
	ferry_lock_drop(ctx, s, s->row->exclusive, file, line);
	ferry_os_spin_unlock(&s->os);
}

static inline void ferry_sem_down_at(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file, uint32_t line)
{
	ferry_lock_note(ctx, s, s->row, s->row->exclusive, file, line);
	ferry_os_sem_down(&s->os);
}

FERRY_MUST_CHECK static inline bool ferry_sem_try_at(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file,
                                                     uint32_t line)
{
	if (!ferry_os_sem_try(&s->os))
		return false;
	ferry_lock_note_try(ctx, s, s->row, s->row->exclusive, file, line);
	return true;
}

static inline void ferry_sem_up_at(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file, uint32_t line)
{
	ferry_lock_drop(ctx, s, s->row->exclusive, file, line);
	ferry_os_sem_up(&s->os);
}

static inline void ferry_sem_give_at(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file, uint32_t line)
{
	ferry_lock_drop(ctx, s, s->row->exclusive, file, line);
}

static inline void ferry_sem_take_at(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file, uint32_t line)
{
	ferry_lock_note(ctx, s, s->row, s->row->exclusive, file, line);
}

bool ferry_lock_assert_held_at(struct ferry_ctx *ctx, const void *lock, const char *file, uint32_t line);
bool ferry_lock_assert_excl_at(struct ferry_ctx *ctx, const void *lock, const char *file, uint32_t line);
__attribute__((cold)) bool ferry_lock_assert_op_slow(struct ferry_ctx *ctx, enum ferry_lock_op op, const char *file,
                                                     uint32_t line);
__attribute__((cold)) bool ferry_lock_assert_could_take_slow(struct ferry_ctx *ctx, enum ferry_lock_class lock_class,
                                                             const char *file, uint32_t line);

static inline bool ferry_lock_assert_op_at(struct ferry_ctx *ctx, enum ferry_lock_op op, const char *file,
                                           uint32_t line)
{
	if (__builtin_expect((ctx->held & ferry_lock_rules[op]) == 0, 1))
		return true;
	return ferry_lock_assert_op_slow(ctx, op, file, line);
}

static inline bool ferry_lock_assert_could_take_at(struct ferry_ctx *ctx, enum ferry_lock_class lock_class,
                                                   const char *file, uint32_t line)
{
	if (__builtin_expect((ctx->held & ferry_lock_rules[lock_class]) == 0, 1))
		return true;
	return ferry_lock_assert_could_take_slow(ctx, lock_class, file, line);
}

#endif /* FERRY_LOCK_H */
