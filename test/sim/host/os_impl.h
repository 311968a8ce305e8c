/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_impl.h (simulator) - a body for every prototype of ferry/os.h. Included by os.h only.
 *
 * The uncontended paths are here; what blocks is in host_lock.c, host_wait.c and host_work.c.
 */
#ifndef FERRY_SIM_OS_IMPL_H
#define FERRY_SIM_OS_IMPL_H

#include <stdarg.h>

#include "../sim.h"

/* ---- memory ---- */
void *sim_zalloc(size_t size_bytes, uint32_t flags);
void sim_free(void *p);

static inline void *ferry_os_zalloc(size_t size_bytes, uint32_t flags)
{
	return sim_zalloc(size_bytes, flags);
}
static inline void ferry_os_free(void *p)
{
	sim_free(p);
}

/* ---- locks ---- */
void sim_lock_init(struct ferry_os_mutex *m, uint32_t lock_class);
void sim_lock_fini(struct ferry_os_mutex *m);
void sim_lock_slow(struct ferry_os_mutex *m);
void sim_may_sleep(const char *what);
void sim_unlock_wrong(struct ferry_os_mutex *m);
void sim_misuse(const char *what, uint32_t obj);

static inline bool sim_is_without(uint32_t lock_class)
{
	return __builtin_expect(sim.without != 0, 0) && (sim.without >> lock_class & 1);
}

static inline void sim_lock(struct ferry_os_mutex *m)
{
	if (sim_is_without(m->lock_class))
		return;
	if (__builtin_expect(m->obj == 0, 0))
		sim_misuse("lock", m->obj);
	/* Whoever waits for a lock that is taken is not ready: it is chosen only when it can have it. */
	sim.me->on = SIM_ON_MUTEX;
	sim.me->on_what = m;
	m->waiting |= sim.me->bit;
	if (!m->owner)
		sim_point(SIM_OP_LOCK, m->obj);
	if (__builtin_expect(m->owner != 0, 0))
		sim_lock_slow(m);
	sim.me->on = SIM_ON_NOTHING;
	m->waiting &= ~sim.me->bit;
	m->owner = (uint8_t)(sim.me->id + 1);
	sim.ready &= ~m->waiting;
}

static inline bool sim_trylock(struct ferry_os_mutex *m)
{
	if (sim_is_without(m->lock_class))
		return true;
	sim_point(SIM_OP_TRY, m->obj);
	if (m->owner)
		return false;
	m->owner = (uint8_t)(sim.me->id + 1);
	sim.ready &= ~m->waiting;
	return true;
}

static inline void sim_unlock(struct ferry_os_mutex *m, bool by_owner)
{
	if (sim_is_without(m->lock_class))
		return;
	sim_point(SIM_OP_UNLOCK, m->obj);
	if (__builtin_expect(!m->owner || (by_owner && m->owner != sim.me->id + 1), 0))
		sim_unlock_wrong(m);
	m->owner = 0;
	sim.ready |= m->waiting;
}

static inline void ferry_os_spin_init(struct ferry_os_spin *s, uint32_t lock_class)
{
	sim_lock_init(&s->m, lock_class);
}
static inline void ferry_os_spin_fini(struct ferry_os_spin *s)
{
	sim_lock_fini(&s->m);
}
static inline void ferry_os_spin_lock(struct ferry_os_spin *s)
{
	sim_lock(&s->m);
	sim.me->spins++;
}
static inline bool ferry_os_spin_trylock(struct ferry_os_spin *s)
{
	if (!sim_trylock(&s->m))
		return false;
	sim.me->spins++;
	return true;
}
static inline void ferry_os_spin_unlock(struct ferry_os_spin *s)
{
	sim_unlock(&s->m, true);
	sim.me->spins--;
}

static inline void ferry_os_mutex_init(struct ferry_os_mutex *m, uint32_t lock_class)
{
	sim_lock_init(m, lock_class);
}
static inline void ferry_os_mutex_fini(struct ferry_os_mutex *m)
{
	sim_lock_fini(m);
}
static inline void ferry_os_mutex_lock(struct ferry_os_mutex *m)
{
	if (__builtin_expect(sim.me->spins || sim.me->irq, 0))
		sim_may_sleep("a mutex");
	sim_lock(m);
}
/* Who was told to die does not queue for it. */
static inline bool ferry_os_mutex_lock_killable(struct ferry_os_mutex *m)
{
	if (sim.me->killed)
		return sim_trylock(m);
	ferry_os_mutex_lock(m);
	return true;
}
static inline bool ferry_os_mutex_trylock(struct ferry_os_mutex *m)
{
	return sim_trylock(m);
}
static inline void ferry_os_mutex_unlock(struct ferry_os_mutex *m)
{
	sim_unlock(m, true);
}

static inline void ferry_os_sem_init(struct ferry_os_sem *s, uint32_t lock_class)
{
	sim_lock_init(&s->m, lock_class);
}
static inline void ferry_os_sem_fini(struct ferry_os_sem *s)
{
	sim_lock_fini(&s->m);
}
static inline void ferry_os_sem_down(struct ferry_os_sem *s)
{
	if (__builtin_expect(sim.me->spins || sim.me->irq, 0))
		sim_may_sleep("a semaphore");
	sim_lock(&s->m);
}
static inline bool ferry_os_sem_try(struct ferry_os_sem *s)
{
	return sim_trylock(&s->m);
}
static inline void ferry_os_sem_up(struct ferry_os_sem *s)
{
	sim_unlock(&s->m, false);
}

void sim_rw_init(struct ferry_os_rw *rw, uint32_t lock_class);
void sim_rw_fini(struct ferry_os_rw *rw);
void sim_rw_read(struct ferry_os_rw *rw);
bool sim_rw_read_try(struct ferry_os_rw *rw);
void sim_rw_read_out(struct ferry_os_rw *rw);
void sim_rw_write(struct ferry_os_rw *rw);
bool sim_rw_write_try(struct ferry_os_rw *rw);
void sim_rw_write_out(struct ferry_os_rw *rw);
void sim_rw_downgrade(struct ferry_os_rw *rw);

static inline void ferry_os_rw_init(struct ferry_os_rw *rw, uint32_t lock_class)
{
	sim_rw_init(rw, lock_class);
}
static inline void ferry_os_rw_fini(struct ferry_os_rw *rw)
{
	sim_rw_fini(rw);
}
static inline void ferry_os_rw_read_lock(struct ferry_os_rw *rw)
{
	sim_rw_read(rw);
}
static inline bool ferry_os_rw_read_trylock(struct ferry_os_rw *rw)
{
	return sim_rw_read_try(rw);
}
static inline void ferry_os_rw_read_unlock(struct ferry_os_rw *rw)
{
	sim_rw_read_out(rw);
}
static inline void ferry_os_rw_write_lock(struct ferry_os_rw *rw)
{
	sim_rw_write(rw);
}
static inline bool ferry_os_rw_write_trylock(struct ferry_os_rw *rw)
{
	return sim_rw_write_try(rw);
}
static inline void ferry_os_rw_write_unlock(struct ferry_os_rw *rw)
{
	sim_rw_write_out(rw);
}

/* The simulator sees what a lock is made of. */
static inline void ferry_os_lockmap_init(struct ferry_os_lockmap *m, uint32_t lock_class)
{
	m->lock_class = (uint8_t)lock_class;
}
static inline void ferry_os_lockmap_acquire(struct ferry_os_lockmap *m, bool exclusive, bool tried)
{
	(void)m;
	(void)exclusive;
	(void)tried;
}
static inline void ferry_os_lockmap_release(struct ferry_os_lockmap *m)
{
	(void)m;
}

/* ---- waits ---- */
void sim_wait_init(struct ferry_os_wait *w);
void sim_wait_fini(struct ferry_os_wait *w);
int sim_wait(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns, bool killable);
void sim_wake(struct ferry_os_wait *w);

static inline void ferry_os_wait_init(struct ferry_os_wait *w)
{
	sim_wait_init(w);
}
static inline void ferry_os_wait_fini(struct ferry_os_wait *w)
{
	sim_wait_fini(w);
}
static inline int ferry_os_wait_until(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns)
{
	return sim_wait(w, pred, arg, timeout_ns, true);
}
static inline int ferry_os_wait_bounded(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns)
{
	return sim_wait(w, pred, arg, timeout_ns, false);
}
static inline void ferry_os_wake_all(struct ferry_os_wait *w)
{
	sim_wake(w);
}

/* ---- work and timers ---- */
void sim_work_init(struct ferry_os_work *w, ferry_os_work_fn fn, void *arg);
void sim_work_fini(struct ferry_os_work *w);
bool sim_work_queue(struct ferry_os_work *w);
void sim_work_flush(struct ferry_os_work *w);
void sim_work_cancel(struct ferry_os_work *w);
void sim_timer_arm(struct ferry_os_timer *t, uint64_t delay_ns);
void sim_timer_cancel(struct ferry_os_timer *t);

static inline int ferry_os_work_init(struct ferry_os_work *w, ferry_os_work_fn fn, void *arg)
{
	sim_work_init(w, fn, arg);
	return 0;
}
static inline void ferry_os_work_fini(struct ferry_os_work *w)
{
	sim_work_fini(w);
}
static inline bool ferry_os_work_queue(struct ferry_os_work *w)
{
	return sim_work_queue(w);
}
static inline void ferry_os_work_flush(struct ferry_os_work *w)
{
	sim_work_flush(w);
}
static inline void ferry_os_work_cancel(struct ferry_os_work *w)
{
	sim_work_cancel(w);
}
static inline int ferry_os_timer_init(struct ferry_os_timer *t, ferry_os_work_fn fn, void *arg)
{
	sim_work_init(&t->work, fn, arg);
	t->next = NULL;
	t->armed = false;
	return 0;
}
static inline void ferry_os_timer_fini(struct ferry_os_timer *t)
{
	sim_timer_cancel(t);
	sim_work_fini(&t->work);
}
static inline void ferry_os_timer_arm(struct ferry_os_timer *t, uint64_t delay_ns)
{
	sim_timer_arm(t, delay_ns);
}
static inline void ferry_os_timer_cancel(struct ferry_os_timer *t)
{
	sim_timer_cancel(t);
}

/* ---- thread, time ---- */
void sim_relax(void);
static inline uint64_t ferry_os_self(void)
{
	return sim.me->id + 1;
}
static inline bool ferry_os_in_irq(void)
{
	return sim.me->irq;
}
static inline void ferry_os_relax(void)
{
	sim_relax();
}
static inline uint64_t ferry_os_now_ns(void)
{
	return sim.now_ns;
}
static inline uint64_t ferry_os_stamp(void)
{
	return sim.now_ns;
}
static inline uint64_t ferry_os_since_ns(uint64_t stamp)
{
	return sim.now_ns - stamp;
}

/* ---- atomics: points of their own where a story asks for it; the address names the object ---- */
static inline void sim_atomic(enum sim_op op, const struct ferry_os_atomic *a)
{
	if (__builtin_expect(sim.atomics, 0))
		sim_point(op, SIM_OBJECT_ATOMIC | (uint32_t)((uintptr_t)a >> 3));
}
static inline uint64_t ferry_os_load_relaxed(const struct ferry_os_atomic *a)
{
	return a->v;
}
static inline uint64_t ferry_os_load_acquire(const struct ferry_os_atomic *a)
{
	sim_atomic(SIM_OP_LOAD, a);
	return a->v;
}
static inline void ferry_os_store_relaxed(struct ferry_os_atomic *a, uint64_t v)
{
	a->v = v;
}
static inline void ferry_os_store_release(struct ferry_os_atomic *a, uint64_t v)
{
	sim_atomic(SIM_OP_STORE, a);
	a->v = v;
}
static inline uint64_t ferry_os_fetch_add(struct ferry_os_atomic *a, uint64_t v)
{
	uint64_t old;

	sim_atomic(SIM_OP_STORE, a);
	old = a->v;
	a->v += v;
	return old;
}
static inline uint64_t ferry_os_fetch_or(struct ferry_os_atomic *a, uint64_t v)
{
	uint64_t old;

	sim_atomic(SIM_OP_STORE, a);
	old = a->v;
	a->v |= v;
	return old;
}
static inline uint64_t ferry_os_xchg(struct ferry_os_atomic *a, uint64_t v)
{
	uint64_t old;

	sim_atomic(SIM_OP_STORE, a);
	old = a->v;
	a->v = v;
	return old;
}
static inline uint64_t ferry_os_cmpxchg(struct ferry_os_atomic *a, uint64_t expect, uint64_t v)
{
	uint64_t old;

	sim_atomic(SIM_OP_STORE, a);
	old = a->v;
	if (old == expect)
		a->v = v;
	return old;
}

/* ---- memory a device sees: one thread, so the compiler is all there is to hold back ---- */
static inline uint64_t ferry_os_dma_load64(const void *p)
{
	return *(const volatile uint64_t *)p;
}
static inline void ferry_os_dma_store64(void *p, uint64_t v)
{
	*(volatile uint64_t *)p = v;
}
static inline void ferry_os_dma_rmb(void)
{
}
static inline void ferry_os_dma_wmb(void)
{
}
static inline void ferry_os_mb(void)
{
}
/* See ../memory.h. */
void memory_thin(const void *p, size_t bytes);
#define MEMORY_MANY_BYTES (1u << 20)
void memory_dirty_many(const void *p, size_t bytes);
static inline void memory_dirty(const void *p, size_t bytes)
{
	if (bytes >= MEMORY_MANY_BYTES)
		memory_dirty_many(p, bytes);
}
/* Of whole pages so much is copied as any story looks at: bytes are not what a schedule is about. */
#define SIM_PAGE_SEEN 512u
void sim_copy_pages(void *dst, const void *src, size_t size_bytes);
static inline void ferry_os_copy_run(void *dst, const void *src, size_t size_bytes)
{
	memory_dirty(dst, size_bytes);
	if (size_bytes && (((uintptr_t)dst | (uintptr_t)src | size_bytes) & 4095) == 0)
		sim_copy_pages(dst, src, size_bytes);
	else
		memcpy(dst, src, size_bytes);
}
static inline void ferry_os_zero_run(void *dst, size_t size_bytes)
{
	memory_dirty(dst, size_bytes);
	memset(dst, 0, size_bytes);
}

static inline uint32_t ferry_os_popcount64(uint64_t v)
{
	return (uint32_t)__builtin_popcountll(v);
}
static inline uint32_t ferry_os_ctz64(uint64_t v)
{
	return (uint32_t)__builtin_ctzll(v);
}
static inline uint32_t ferry_os_clz64(uint64_t v)
{
	return (uint32_t)__builtin_clzll(v);
}

/* ---- words ---- */
void sim_vlog(enum ferry_os_level level, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
static inline void ferry_os_log(enum ferry_os_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	sim_vlog(level, fmt, args);
	va_end(args);
}
static inline void ferry_os_bug(const char *file, uint32_t line, const char *what)
{
	sim_fail("bug: %s (%s:%u)", what, file, line);
}
/* No trace events: a run that is replayed prints its steps. */
static inline bool ferry_os_traced(enum ferry_event event)
{
	(void)event;
	return false;
}
static inline void ferry_os_trace(enum ferry_event event, uint64_t a, uint64_t b, uint64_t c)
{
	(void)event, (void)a, (void)b, (void)c;
}
static inline bool ferry_os_fault_point(uint32_t id)
{
	(void)id;
	return false;
}

/* ---- for stories: see ../tell.h ---- */
static inline void *sim_memory(size_t bytes)
{
	return sim_zalloc(bytes, 0);
}
static inline void sim_pause(void)
{
	sim_relax();
}
static inline void sim_daemon_wait(struct ferry_os_wait *w, ferry_os_pred pred, void *arg)
{
	(void)sim_wait(w, pred, arg, UINT64_MAX / 4, true);
}
static inline bool sim_sem_is_up(const struct ferry_os_sem *s)
{
	return !s->m.owner;
}

#endif /* FERRY_SIM_OS_IMPL_H */
