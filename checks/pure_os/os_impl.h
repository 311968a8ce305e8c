/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_impl.h - every hook is a call into a world that nobody ever links. What else a compiled core object wants to
 * be linked with is then what it took from an operating system behind the contract's back.
 */
#ifndef FERRY_OS_IMPL_H
#define FERRY_OS_IMPL_H

void *world_zalloc(size_t size_bytes, uint32_t flags);
static inline void *ferry_os_zalloc(size_t size_bytes, uint32_t flags)
{
	return world_zalloc(size_bytes, flags);
}

void world_free(void *p);
static inline void ferry_os_free(void *p)
{
	world_free(p);
}

void world_spin_init(struct ferry_os_spin *s);
static inline void ferry_os_spin_init(struct ferry_os_spin *s, uint32_t lock_class)
{
	(void)lock_class;
	world_spin_init(s);
}

void world_spin_fini(struct ferry_os_spin *s);
static inline void ferry_os_spin_fini(struct ferry_os_spin *s)
{
	world_spin_fini(s);
}

void world_spin_lock(struct ferry_os_spin *s);
static inline void ferry_os_spin_lock(struct ferry_os_spin *s)
{
	world_spin_lock(s);
}

bool world_spin_trylock(struct ferry_os_spin *s);
static inline bool ferry_os_spin_trylock(struct ferry_os_spin *s)
{
	return world_spin_trylock(s);
}

void world_spin_unlock(struct ferry_os_spin *s);
static inline void ferry_os_spin_unlock(struct ferry_os_spin *s)
{
	world_spin_unlock(s);
}

void world_mutex_init(struct ferry_os_mutex *m);
static inline void ferry_os_mutex_init(struct ferry_os_mutex *m, uint32_t lock_class)
{
	(void)lock_class;
	world_mutex_init(m);
}

void world_mutex_fini(struct ferry_os_mutex *m);
static inline void ferry_os_mutex_fini(struct ferry_os_mutex *m)
{
	world_mutex_fini(m);
}

void world_mutex_lock(struct ferry_os_mutex *m);
static inline void ferry_os_mutex_lock(struct ferry_os_mutex *m)
{
	world_mutex_lock(m);
}

bool world_mutex_lock_killable(struct ferry_os_mutex *m);
static inline bool ferry_os_mutex_lock_killable(struct ferry_os_mutex *m)
{
	return world_mutex_lock_killable(m);
}

bool world_mutex_trylock(struct ferry_os_mutex *m);
static inline bool ferry_os_mutex_trylock(struct ferry_os_mutex *m)
{
	return world_mutex_trylock(m);
}

void world_mutex_unlock(struct ferry_os_mutex *m);
static inline void ferry_os_mutex_unlock(struct ferry_os_mutex *m)
{
	world_mutex_unlock(m);
}

void world_rw_init(struct ferry_os_rw *rw);
static inline void ferry_os_rw_init(struct ferry_os_rw *rw, uint32_t lock_class)
{
	(void)lock_class;
	world_rw_init(rw);
}

void world_rw_fini(struct ferry_os_rw *rw);
static inline void ferry_os_rw_fini(struct ferry_os_rw *rw)
{
	world_rw_fini(rw);
}

void world_rw_read_lock(struct ferry_os_rw *rw);
static inline void ferry_os_rw_read_lock(struct ferry_os_rw *rw)
{
	world_rw_read_lock(rw);
}

bool world_rw_read_trylock(struct ferry_os_rw *rw);
static inline bool ferry_os_rw_read_trylock(struct ferry_os_rw *rw)
{
	return world_rw_read_trylock(rw);
}

void world_rw_read_unlock(struct ferry_os_rw *rw);
static inline void ferry_os_rw_read_unlock(struct ferry_os_rw *rw)
{
	world_rw_read_unlock(rw);
}

void world_rw_write_lock(struct ferry_os_rw *rw);
static inline void ferry_os_rw_write_lock(struct ferry_os_rw *rw)
{
	world_rw_write_lock(rw);
}

bool world_rw_write_trylock(struct ferry_os_rw *rw);
static inline bool ferry_os_rw_write_trylock(struct ferry_os_rw *rw)
{
	return world_rw_write_trylock(rw);
}

void world_lockmap(struct ferry_os_lockmap *m, uint32_t what);
static inline void ferry_os_lockmap_init(struct ferry_os_lockmap *m, uint32_t lock_class)
{
	world_lockmap(m, lock_class);
}
static inline void ferry_os_lockmap_acquire(struct ferry_os_lockmap *m, bool exclusive, bool tried)
{
	world_lockmap(m, exclusive + 2u * tried);
}
static inline void ferry_os_lockmap_release(struct ferry_os_lockmap *m)
{
	world_lockmap(m, 4);
}
void world_rw_write_unlock(struct ferry_os_rw *rw);
static inline void ferry_os_rw_write_unlock(struct ferry_os_rw *rw)
{
	world_rw_write_unlock(rw);
}

void world_sem_init(struct ferry_os_sem *s);
static inline void ferry_os_sem_init(struct ferry_os_sem *s, uint32_t lock_class)
{
	(void)lock_class;
	world_sem_init(s);
}

void world_sem_fini(struct ferry_os_sem *s);
static inline void ferry_os_sem_fini(struct ferry_os_sem *s)
{
	world_sem_fini(s);
}

void world_sem_down(struct ferry_os_sem *s);
static inline void ferry_os_sem_down(struct ferry_os_sem *s)
{
	world_sem_down(s);
}

bool world_sem_try(struct ferry_os_sem *s);
static inline bool ferry_os_sem_try(struct ferry_os_sem *s)
{
	return world_sem_try(s);
}

void world_sem_up(struct ferry_os_sem *s);
static inline void ferry_os_sem_up(struct ferry_os_sem *s)
{
	world_sem_up(s);
}

void world_wait_init(struct ferry_os_wait *w);
static inline void ferry_os_wait_init(struct ferry_os_wait *w)
{
	world_wait_init(w);
}

void world_wait_fini(struct ferry_os_wait *w);
static inline void ferry_os_wait_fini(struct ferry_os_wait *w)
{
	world_wait_fini(w);
}

int world_wait_until(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns);
static inline int ferry_os_wait_until(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns)
{
	return world_wait_until(w, pred, arg, timeout_ns);
}

int world_wait_bounded(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns);
static inline int ferry_os_wait_bounded(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns)
{
	return world_wait_bounded(w, pred, arg, timeout_ns);
}

void world_wake_all(struct ferry_os_wait *w);
static inline void ferry_os_wake_all(struct ferry_os_wait *w)
{
	world_wake_all(w);
}

int world_work_init(struct ferry_os_work *w, ferry_os_work_fn fn, void *arg);
static inline int ferry_os_work_init(struct ferry_os_work *w, ferry_os_work_fn fn, void *arg)
{
	return world_work_init(w, fn, arg);
}

void world_work_fini(struct ferry_os_work *w);
static inline void ferry_os_work_fini(struct ferry_os_work *w)
{
	world_work_fini(w);
}

bool world_work_queue(struct ferry_os_work *w);
static inline bool ferry_os_work_queue(struct ferry_os_work *w)
{
	return world_work_queue(w);
}

void world_work_flush(struct ferry_os_work *w);
static inline void ferry_os_work_flush(struct ferry_os_work *w)
{
	world_work_flush(w);
}

void world_work_cancel(struct ferry_os_work *w);
static inline void ferry_os_work_cancel(struct ferry_os_work *w)
{
	world_work_cancel(w);
}

int world_timer_init(struct ferry_os_timer *t, ferry_os_work_fn fn, void *arg);
static inline int ferry_os_timer_init(struct ferry_os_timer *t, ferry_os_work_fn fn, void *arg)
{
	return world_timer_init(t, fn, arg);
}

void world_timer_fini(struct ferry_os_timer *t);
static inline void ferry_os_timer_fini(struct ferry_os_timer *t)
{
	world_timer_fini(t);
}

void world_timer_arm(struct ferry_os_timer *t, uint64_t delay_ns);
static inline void ferry_os_timer_arm(struct ferry_os_timer *t, uint64_t delay_ns)
{
	world_timer_arm(t, delay_ns);
}

void world_timer_cancel(struct ferry_os_timer *t);
static inline void ferry_os_timer_cancel(struct ferry_os_timer *t)
{
	world_timer_cancel(t);
}

uint64_t world_self(void);
static inline uint64_t ferry_os_self(void)
{
	return world_self();
}

bool world_in_irq(void);
static inline bool ferry_os_in_irq(void)
{
	return world_in_irq();
}

void world_relax(void);
static inline void ferry_os_relax(void)
{
	world_relax();
}

uint64_t world_now_ns(void);
static inline uint64_t ferry_os_now_ns(void)
{
	return world_now_ns();
}

static inline uint64_t ferry_os_stamp(void)
{
	return world_now_ns();
}

static inline uint64_t ferry_os_since_ns(uint64_t stamp)
{
	return world_now_ns() - stamp;
}

uint64_t world_load_relaxed(const struct ferry_os_atomic *a);
static inline uint64_t ferry_os_load_relaxed(const struct ferry_os_atomic *a)
{
	return world_load_relaxed(a);
}

uint64_t world_load_acquire(const struct ferry_os_atomic *a);
static inline uint64_t ferry_os_load_acquire(const struct ferry_os_atomic *a)
{
	return world_load_acquire(a);
}

void world_store_relaxed(struct ferry_os_atomic *a, uint64_t v);
static inline void ferry_os_store_relaxed(struct ferry_os_atomic *a, uint64_t v)
{
	world_store_relaxed(a, v);
}

void world_store_release(struct ferry_os_atomic *a, uint64_t v);
static inline void ferry_os_store_release(struct ferry_os_atomic *a, uint64_t v)
{
	world_store_release(a, v);
}

uint64_t world_fetch_add(struct ferry_os_atomic *a, uint64_t v);
static inline uint64_t ferry_os_fetch_add(struct ferry_os_atomic *a, uint64_t v)
{
	return world_fetch_add(a, v);
}

uint64_t world_fetch_or(struct ferry_os_atomic *a, uint64_t v);
static inline uint64_t ferry_os_fetch_or(struct ferry_os_atomic *a, uint64_t v)
{
	return world_fetch_or(a, v);
}

uint64_t world_xchg(struct ferry_os_atomic *a, uint64_t v);
static inline uint64_t ferry_os_xchg(struct ferry_os_atomic *a, uint64_t v)
{
	return world_xchg(a, v);
}

uint64_t world_cmpxchg(struct ferry_os_atomic *a, uint64_t expect, uint64_t v);
static inline uint64_t ferry_os_cmpxchg(struct ferry_os_atomic *a, uint64_t expect, uint64_t v)
{
	return world_cmpxchg(a, expect, v);
}

uint64_t world_dma_load64(const void *p);
static inline uint64_t ferry_os_dma_load64(const void *p)
{
	return world_dma_load64(p);
}

void world_dma_store64(void *p, uint64_t v);
static inline void ferry_os_dma_store64(void *p, uint64_t v)
{
	world_dma_store64(p, v);
}

void world_dma_rmb(void);
static inline void ferry_os_dma_rmb(void)
{
	world_dma_rmb();
}

void world_dma_wmb(void);
static inline void ferry_os_dma_wmb(void)
{
	world_dma_wmb();
}

void world_mb(void);
static inline void ferry_os_mb(void)
{
	world_mb();
}

void world_copy_run(void *dst, const void *src, size_t size_bytes);
static inline void ferry_os_copy_run(void *dst, const void *src, size_t size_bytes)
{
	world_copy_run(dst, src, size_bytes);
}

void world_zero_run(void *dst, size_t size_bytes);
static inline void ferry_os_zero_run(void *dst, size_t size_bytes)
{
	world_zero_run(dst, size_bytes);
}

uint32_t world_popcount64(uint64_t v);
static inline uint32_t ferry_os_popcount64(uint64_t v)
{
	return world_popcount64(v);
}

uint32_t world_ctz64(uint64_t v);
static inline uint32_t ferry_os_ctz64(uint64_t v)
{
	return world_ctz64(v);
}

uint32_t world_clz64(uint64_t v);
static inline uint32_t ferry_os_clz64(uint64_t v)
{
	return world_clz64(v);
}

void world_log(int level, const char *text);
static inline void ferry_os_log(enum ferry_os_level level, const char *fmt, ...)
{
	world_log(level, fmt);
}

void world_bug(const char *file, uint32_t line, const char *what);
static inline void ferry_os_bug(const char *file, uint32_t line, const char *what)
{
	world_bug(file, line, what);
}

bool world_traced(int event);
static inline bool ferry_os_traced(enum ferry_event event)
{
	return world_traced(event);
}

void world_trace(int event, uint64_t a, uint64_t b, uint64_t c);
static inline void ferry_os_trace(enum ferry_event event, uint64_t a, uint64_t b, uint64_t c)
{
	world_trace(event, a, b, c);
}

bool world_fault_point(uint32_t id);
static inline bool ferry_os_fault_point(uint32_t id)
{
	return world_fault_point(id);
}

#endif /* FERRY_OS_IMPL_H */
