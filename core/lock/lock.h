/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * lock.h - every lock of the core: the host's lock, a class, and the check of the order. Counting semaphores are in
 * csem.h, bit locks in bitlock.h.
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
 * A violation calls ferry_os_bug() (fatal in tests), names the place of the verb and those where the locks in
 * question were acquired, and is counted in ctx.violations. Then the verb goes on as asked, but for what cannot go
 * well: a lock that this context does not hold is not released, one that it holds in another mode is released in that
 * mode, and one that it holds already is not waited for: it would wait for itself.
 *
 * A successful trylock is exempt from the order, but counts as held afterwards. Locks are released in the reverse of
 * the order in which they were acquired, but for one that a try took out of order, and the one under the newest where
 * the verb says so.
 *
 * Each verb is a macro around an inline function, ferry_mutex_lock(ctx, m) around ferry_mutex_lock_at(ctx, m,
 * file, line), so that a report names the caller. The uncontended path is all inline.
 */
#ifndef FERRY_LOCK_H
#define FERRY_LOCK_H

#include "lock/lock_annot.h"
#include "lock/lock_check.h"

struct FERRY_CAPABILITY("mutex") ferry_mutex {
	struct ferry_lock lock;
	struct ferry_os_mutex os;
};
struct FERRY_CAPABILITY("read-write lock") ferry_rw {
	struct ferry_lock lock;
	struct ferry_os_rw os;
};
struct FERRY_CAPABILITY("spin lock") ferry_spin {
	struct ferry_lock lock;
	struct ferry_os_spin os;
};
struct FERRY_CAPABILITY("semaphore") ferry_sem {
	struct ferry_lock lock;
	struct ferry_os_sem os;
	uint32_t given_line; /* who gave it away, until somebody takes it; 0: nobody did */
	const char *given_file;
};

/*
 * Locks are made and unmade where nobody else can see them, in memory that was zeroed or held a lock that has ended.
 * init of a lock that lives is reported and does nothing, as is fini of one that does not. fini reports a lock that
 * is held, or was given and never taken. Context: process.
 */
void ferry_mutex_init(struct ferry_mutex *m, enum ferry_lock_class lock_class);
void ferry_mutex_fini(struct ferry_mutex *m);
void ferry_rw_init(struct ferry_rw *rw, enum ferry_lock_class lock_class);
void ferry_rw_fini(struct ferry_rw *rw);
void ferry_spin_init(struct ferry_spin *s, enum ferry_lock_class lock_class);
void ferry_spin_fini(struct ferry_spin *s);
void ferry_sem_init(struct ferry_sem *s, enum ferry_lock_class lock_class);
void ferry_sem_fini(struct ferry_sem *s);

/* The number of a lock whose class nests by ID: of its creation, so that a run can be repeated. > 0. */
#define ferry_lock_set_order(l, id) ((l)->lock.order = (id))

/* For lock types outside this file. The class is checked: an unknown one becomes LEAF, the strictest. false: lives.
 */
__attribute__((__noinline__)) bool ferry_lock_begin(struct ferry_lock *lock, enum ferry_lock_class *lock_class);
__attribute__((__noinline__)) bool ferry_lock_end(struct ferry_lock *lock);

static inline void ferry_ctx_init(struct ferry_ctx *ctx)
{
	ctx->held = 0;
	ctx->rules = ferry_lock_rules;
	ctx->depth = 0;
	ctx->violations = 0;
	ctx->unnoted = 0;
}

/* The context of a handler: what sleeps is refused from the beginning to the end. A try is not. */
static inline void ferry_ctx_init_irq(struct ferry_ctx *ctx)
{
	ferry_ctx_init(ctx);
	ctx->held = FERRY_LOCK_IRQ;
}

/* Every lock must be released, or given away, by now. */
#define ferry_ctx_fini(ctx) ferry_ctx_fini_at(ctx, FERRY_LOCK_HERE)
static inline void ferry_ctx_fini_at(struct ferry_ctx *ctx, const char *file, uint32_t line);

/*
 * ---- mutex. Context: process; trylock too. lock_killable: in the order like lock; false, and not held, when the
 * thread is told to die first: the caller goes back with FERRY_E_KILLED. ----
 */
#define ferry_mutex_lock(ctx, m) ferry_mutex_lock_at(ctx, m, FERRY_LOCK_HERE)
#define ferry_mutex_lock_killable(ctx, m) ferry_mutex_lock_killable_at(ctx, m, FERRY_LOCK_HERE)
#define ferry_mutex_trylock(ctx, m) ferry_mutex_trylock_at(ctx, m, FERRY_LOCK_HERE)
#define ferry_mutex_unlock(ctx, m) ferry_mutex_unlock_at(ctx, m, FERRY_LOCK_HERE)
/* One lock was taken after it, and stays: the mutex was held to get that one. */
#define ferry_mutex_unlock_under(ctx, m) ferry_mutex_unlock_under_at(ctx, m, FERRY_LOCK_HERE)
/* One of several of a class that nests by LEVEL: 1 to FERRY_LOCK_LEVEL_MAX, each next one larger. */
#define ferry_mutex_lock_level(ctx, m, level) ferry_mutex_lock_level_at(ctx, m, level, FERRY_LOCK_HERE)

/* ---- read-write lock. Context: process. A read lock is not recursive. ---- */
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
 * order like any acquire: a bottom half starts with nothing held. What was not given cannot be taken, and who gives
 * must hold it; both are reported, as is a semaphore that ends given.
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
 * ---- asserts. held, excl, not_held: this very lock, by this context. op: the operation is allowed now. could_take:
 * an acquire would be in order. They return what they found, after reporting a violation. Context: any.
 */
#define ferry_lock_assert_held(ctx, l) ferry_lock_assert_held_at(ctx, l, FERRY_LOCK_HERE)
#define ferry_lock_assert_excl(ctx, l) ferry_lock_assert_excl_at(ctx, l, FERRY_LOCK_HERE)
#define ferry_lock_assert_not_held(ctx, l) ferry_lock_assert_not_held_at(ctx, l, FERRY_LOCK_HERE)
#define ferry_lock_assert_op(ctx, op) ferry_lock_assert_op_at(ctx, op, FERRY_LOCK_HERE)
#define ferry_lock_assert_could_take(ctx, lock_class)                                                                \
	ferry_lock_assert_could_take_at(ctx, lock_class, FERRY_LOCK_HERE)

/* "UNKNOWN" for what is none. */
const char *ferry_lock_class_name(enum ferry_lock_class lock_class);
const char *ferry_lock_op_name(enum ferry_lock_op op);
const char *ferry_lock_name(uint32_t class_or_op);
const char *ferry_lock_kind_name(uint32_t class_or_op); /* "mutex", ..., "operation" */
/* The mask of classes that must not be held (held exclusively) when lock_class (or op) is acquired. Pure. */
uint64_t ferry_lock_denied(uint32_t class_or_op);
uint64_t ferry_lock_denied_excl(uint32_t class_or_op);

/* ---- bodies ---- */

/* The slow halves: lock_slow.c. write: the mode of the verb. */
FERRY_LOCK_COLD void ferry_mutex_lock_slow(struct ferry_ctx *ctx, struct ferry_mutex *m, const char *file,
                                           uint32_t where);
FERRY_LOCK_COLD bool ferry_mutex_lock_killable_slow(struct ferry_ctx *ctx, struct ferry_mutex *m, const char *file,
                                                    uint32_t line);
FERRY_LOCK_COLD void ferry_mutex_unlock_slow(struct ferry_ctx *ctx, struct ferry_mutex *m, const char *file,
                                             uint32_t line);
FERRY_LOCK_COLD void ferry_rw_lock_slow(struct ferry_ctx *ctx, struct ferry_rw *rw, bool write, const char *file,
                                        uint32_t line);
FERRY_LOCK_COLD void ferry_rw_unlock_slow(struct ferry_ctx *ctx, struct ferry_rw *rw, bool write, const char *file,
                                          uint32_t line);
FERRY_LOCK_COLD void ferry_spin_lock_slow(struct ferry_ctx *ctx, struct ferry_spin *s, const char *file,
                                          uint32_t line);
FERRY_LOCK_COLD void ferry_spin_unlock_slow(struct ferry_ctx *ctx, struct ferry_spin *s, const char *file,
                                            uint32_t line);
FERRY_LOCK_COLD void ferry_sem_down_slow(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file, uint32_t line);
FERRY_LOCK_COLD void ferry_sem_up_slow(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file, uint32_t line);
FERRY_LOCK_COLD void ferry_sem_take_slow(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file, uint32_t line);
FERRY_LOCK_COLD void ferry_try_slow(struct ferry_ctx *ctx, const struct ferry_lock *lock, uint64_t bits,
                                    const char *file, uint32_t line);
FERRY_LOCK_COLD void ferry_ctx_fini_slow(struct ferry_ctx *ctx, const char *file, uint32_t line);

static inline void ferry_ctx_fini_at(struct ferry_ctx *ctx, const char *file, uint32_t line)
{
	if (__builtin_expect(ctx->depth != 0, 0))
		ferry_ctx_fini_slow(ctx, file, line);
}

static inline void ferry_mutex_lock_at(struct ferry_ctx *ctx, struct ferry_mutex *m, const char *file, uint32_t line)
	FERRY_ACQUIRES(m) FERRY_LOCK_VERB
{
	if (ferry_lock_note(ctx, &m->lock, m->lock.row->exclusive, file, line))
		ferry_os_mutex_lock(&m->os);
	else
		ferry_mutex_lock_slow(ctx, m, file, line);
}

FERRY_MUST_CHECK static inline bool ferry_mutex_lock_killable_at(struct ferry_ctx *ctx, struct ferry_mutex *m,
                                                                 const char *file, uint32_t line)
	FERRY_TRIES(true, m) FERRY_LOCK_VERB
{
	if (!ferry_lock_note(ctx, &m->lock, m->lock.row->exclusive, file, line))
		return ferry_mutex_lock_killable_slow(ctx, m, file, line);
	if (__builtin_expect(ferry_os_mutex_lock_killable(&m->os), 1))
		return true;
	(void)ferry_lock_drop(ctx, &m->lock, m->lock.row->exclusive); /* the newest, and nothing but noted */
	return false;
}

void ferry_mutex_lock_level_at(struct ferry_ctx *ctx, struct ferry_mutex *m, uint32_t level, const char *file,
                               uint32_t line) FERRY_ACQUIRES(m) FERRY_LOCK_VERB;

FERRY_MUST_CHECK static inline bool ferry_mutex_trylock_at(struct ferry_ctx *ctx, struct ferry_mutex *m,
                                                           const char *file, uint32_t line)
	FERRY_TRIES(true, m) FERRY_LOCK_VERB
{
	if (!ferry_os_mutex_trylock(&m->os))
		return false;
	if (!ferry_lock_note_try(ctx, &m->lock, m->lock.row->exclusive, file, line))
		ferry_try_slow(ctx, &m->lock, m->lock.row->exclusive, file, line);
	return true;
}

static inline void ferry_mutex_unlock_at(struct ferry_ctx *ctx, struct ferry_mutex *m, const char *file,
                                         uint32_t line) FERRY_RELEASES(m) FERRY_LOCK_VERB
{
	if (ferry_lock_drop(ctx, &m->lock, m->lock.row->exclusive))
		ferry_os_mutex_unlock(&m->os);
	else
		ferry_mutex_unlock_slow(ctx, m, file, line);
}

static inline void ferry_mutex_unlock_under_at(struct ferry_ctx *ctx, struct ferry_mutex *m, const char *file,
                                               uint32_t line) FERRY_RELEASES(m) FERRY_LOCK_VERB
{
	if (ferry_lock_drop_under(ctx, &m->lock, m->lock.row->exclusive))
		ferry_os_mutex_unlock(&m->os);
	else
		ferry_mutex_unlock_slow(ctx, m, file, line | FERRY_LOCK_FLAG_UNORDERED);
}

static inline void ferry_rw_read_lock_at(struct ferry_ctx *ctx, struct ferry_rw *rw, const char *file, uint32_t line)
	FERRY_ACQUIRES_SHARED(rw) FERRY_LOCK_VERB
{
	if (ferry_lock_note(ctx, &rw->lock, rw->lock.row->shared, file, line))
		ferry_os_rw_read_lock(&rw->os);
	else
		ferry_rw_lock_slow(ctx, rw, false, file, line);
}

FERRY_MUST_CHECK static inline bool ferry_rw_read_trylock_at(struct ferry_ctx *ctx, struct ferry_rw *rw,
                                                             const char *file, uint32_t line)
	FERRY_TRIES_SHARED(true, rw) FERRY_LOCK_VERB
{
	if (!ferry_os_rw_read_trylock(&rw->os))
		return false;
	if (!ferry_lock_note_try(ctx, &rw->lock, rw->lock.row->shared, file, line))
		ferry_try_slow(ctx, &rw->lock, rw->lock.row->shared, file, line);
	return true;
}

static inline void ferry_rw_read_unlock_at(struct ferry_ctx *ctx, struct ferry_rw *rw, const char *file,
                                           uint32_t line) FERRY_RELEASES_SHARED(rw) FERRY_LOCK_VERB
{
	if (ferry_lock_drop(ctx, &rw->lock, rw->lock.row->shared))
		ferry_os_rw_read_unlock(&rw->os);
	else
		ferry_rw_unlock_slow(ctx, rw, false, file, line);
}

static inline void ferry_rw_write_lock_at(struct ferry_ctx *ctx, struct ferry_rw *rw, const char *file, uint32_t line)
	FERRY_ACQUIRES(rw) FERRY_LOCK_VERB
{
	if (ferry_lock_note(ctx, &rw->lock, rw->lock.row->exclusive, file, line))
		ferry_os_rw_write_lock(&rw->os);
	else
		ferry_rw_lock_slow(ctx, rw, true, file, line);
}

static inline void ferry_rw_write_unlock_at(struct ferry_ctx *ctx, struct ferry_rw *rw, const char *file,
                                            uint32_t line) FERRY_RELEASES(rw) FERRY_LOCK_VERB
{
	if (ferry_lock_drop(ctx, &rw->lock, rw->lock.row->exclusive))
		ferry_os_rw_write_unlock(&rw->os);
	else
		ferry_rw_unlock_slow(ctx, rw, true, file, line);
}

static inline void ferry_spin_lock_at(struct ferry_ctx *ctx, struct ferry_spin *s, const char *file, uint32_t line)
	FERRY_ACQUIRES(s) FERRY_LOCK_VERB
{
	if (ferry_lock_note(ctx, &s->lock, s->lock.row->exclusive, file, line))
		ferry_os_spin_lock(&s->os);
	else
		ferry_spin_lock_slow(ctx, s, file, line);
}

static inline void ferry_spin_unlock_at(struct ferry_ctx *ctx, struct ferry_spin *s, const char *file, uint32_t line)
	FERRY_RELEASES(s) FERRY_LOCK_VERB
{
	if (ferry_lock_drop(ctx, &s->lock, s->lock.row->exclusive))
		ferry_os_spin_unlock(&s->os);
	else
		ferry_spin_unlock_slow(ctx, s, file, line);
}

static inline void ferry_sem_down_at(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file, uint32_t line)
	FERRY_ACQUIRES(s) FERRY_LOCK_VERB
{
	if (ferry_lock_note(ctx, &s->lock, s->lock.row->exclusive, file, line))
		ferry_os_sem_down(&s->os);
	else
		ferry_sem_down_slow(ctx, s, file, line);
}

FERRY_MUST_CHECK static inline bool ferry_sem_try_at(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file,
                                                     uint32_t line) FERRY_TRIES(true, s) FERRY_LOCK_VERB
{
	if (!ferry_os_sem_try(&s->os))
		return false;
	if (!ferry_lock_note_try(ctx, &s->lock, s->lock.row->exclusive, file, line))
		ferry_try_slow(ctx, &s->lock, s->lock.row->exclusive, file, line);
	return true;
}

static inline void ferry_sem_up_at(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file, uint32_t line)
	FERRY_RELEASES(s) FERRY_LOCK_VERB
{
	if (ferry_lock_drop(ctx, &s->lock, s->lock.row->exclusive))
		ferry_os_sem_up(&s->os);
	else
		ferry_sem_up_slow(ctx, s, file, line);
}

void ferry_sem_give_at(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file, uint32_t line)
	FERRY_RELEASES(s) FERRY_LOCK_VERB;

static inline void ferry_sem_take_at(struct ferry_ctx *ctx, struct ferry_sem *s, const char *file, uint32_t line)
	FERRY_ACQUIRES(s) FERRY_LOCK_VERB
{
	if (__builtin_expect(s->given_line != 0, 1) &&
	    ferry_lock_note(ctx, &s->lock, s->lock.row->exclusive, file, line))
		s->given_line = 0;
	else
		ferry_sem_take_slow(ctx, s, file, line);
}

bool ferry_lock_assert_held_at(struct ferry_ctx *ctx, const void *lock, const char *file, uint32_t line);
bool ferry_lock_assert_excl_at(struct ferry_ctx *ctx, const void *lock, const char *file, uint32_t line);
bool ferry_lock_assert_not_held_at(struct ferry_ctx *ctx, const void *lock, const char *file, uint32_t line);
FERRY_LOCK_COLD bool ferry_lock_assert_op_slow(struct ferry_ctx *ctx, enum ferry_lock_op op, const char *file,
                                               uint32_t line);
FERRY_LOCK_COLD bool ferry_lock_assert_could_take_slow(struct ferry_ctx *ctx, enum ferry_lock_class lock_class,
                                                       const char *file, uint32_t line);

static inline bool ferry_lock_assert_op_at(struct ferry_ctx *ctx, enum ferry_lock_op op, const char *file,
                                           uint32_t line)
{
	if (__builtin_expect((ctx->held & ferry_lock_rule(ctx, op * (uint32_t)sizeof(*ctx->rules))) == 0, 1))
		return true;
	return ferry_lock_assert_op_slow(ctx, op, file, line);
}

static inline bool ferry_lock_assert_could_take_at(struct ferry_ctx *ctx, enum ferry_lock_class lock_class,
                                                   const char *file, uint32_t line)
{
	if (__builtin_expect((ctx->held & ferry_os_load_relaxed(&ferry_lock_rules[lock_class])) == 0, 1))
		return true;
	return ferry_lock_assert_could_take_slow(ctx, lock_class, file, line);
}

#endif /* FERRY_LOCK_H */
