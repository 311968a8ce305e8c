/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os.h - what the core needs of an operating system: primitives, bound at compile time.
 *
 * Two tiers of hooks exist. This file is the first: memory, locks, waits, work, time, atomics, logging.
 * mm_ops.h and dev_ops.h are the second: tables of world-facing operations, given at creation.
 *
 * Binding: each host puts two headers on the include path,
 *     os_types.h   the struct behind every hook (complete, so that the core can embed it)
 *     os_impl.h    a body for every prototype below
 * The prototypes stand here once, without a body. A host whose body differs in a type does not compile,
 * and a host that forgets a hook does not compile either (gcc: "declared static but never defined").
 *
 * Contexts:  process = may sleep; irq = an interrupt handler, must not sleep; spin = holds a spin lock,
 *            must not sleep. "Any" is all three.
 * Ordering:  every lock acquire is an acquire, every release a release; work and wake-ups order what was
 *            written before queue/wake before what the worker/waiter reads.
 * Locks:     core code never calls the lock hooks directly but through core/lock, which checks the order.
 *
 * Source: the two-tier split follows OpenZFS and generic_pt; the size (about fifty hooks) lwIP's sys.h.
 */
#ifndef FERRY_OS_H
#define FERRY_OS_H

#include "ferry/types.h"
#include "ferry/error.h"
#include "ferry/event.h"

/* ---- memory ------------------------------------------------------------------------------------ */

/*
 * zalloc: size_bytes > 0 zeroed bytes, aligned for any object (64 from 64 bytes on), or NULL.
 * Context: process; with FERRY_OS_ATOMIC any. free: any context, NULL allowed.
 */
#define FERRY_OS_ATOMIC 1u
static inline void *ferry_os_zalloc(size_t size_bytes, uint32_t flags);
static inline void ferry_os_free(void *p);

/*
 * ---- locks. lock_class says which locks are alike, for a host that has a checker of its own (lockdep): below
 * FERRY_OS_CLASS_MODEL the rows of core/lock/lock_order.h, from there on the software GPU's, then the host's.
 */
#define FERRY_OS_CLASS_MODEL 32u
#define FERRY_OS_CLASS_HOST 48u
#define FERRY_OS_CLASSES 64u

/* ---- spin lock: short sections, never sleeps. irq: also excludes this CPU's interrupt handlers ---- */

static inline void ferry_os_spin_init(struct ferry_os_spin *s, uint32_t lock_class);
static inline void ferry_os_spin_fini(struct ferry_os_spin *s);
static inline void ferry_os_spin_lock(struct ferry_os_spin *s);
static inline bool ferry_os_spin_trylock(struct ferry_os_spin *s);
static inline void ferry_os_spin_unlock(struct ferry_os_spin *s);

/*
 * ---- mutex: process context, owner unlocks, not recursive. lock_killable is for who can go back: false if the
 * thread is told to die before it has the lock. Never false in a kernel thread, and on a host that cannot tell.
 */

static inline void ferry_os_mutex_init(struct ferry_os_mutex *m, uint32_t lock_class);
static inline void ferry_os_mutex_fini(struct ferry_os_mutex *m);
static inline void ferry_os_mutex_lock(struct ferry_os_mutex *m);
static inline bool ferry_os_mutex_lock_killable(struct ferry_os_mutex *m);
static inline bool ferry_os_mutex_trylock(struct ferry_os_mutex *m);
static inline void ferry_os_mutex_unlock(struct ferry_os_mutex *m);

/*
 * ---- read-write semaphore: process context. No fairness is promised: a queued writer may block new
 * readers (Linux), or readers may starve a writer. The core must be right under either.
 */
static inline void ferry_os_rw_init(struct ferry_os_rw *rw, uint32_t lock_class);
static inline void ferry_os_rw_fini(struct ferry_os_rw *rw);
static inline void ferry_os_rw_read_lock(struct ferry_os_rw *rw);
static inline bool ferry_os_rw_read_trylock(struct ferry_os_rw *rw);
static inline void ferry_os_rw_read_unlock(struct ferry_os_rw *rw);
static inline void ferry_os_rw_write_lock(struct ferry_os_rw *rw);
static inline bool ferry_os_rw_write_trylock(struct ferry_os_rw *rw);
static inline void ferry_os_rw_write_unlock(struct ferry_os_rw *rw);

/*
 * ---- binary semaphore: a lock that one context takes and another may release (interrupt service).
 * try and up: any context. down: process.
 */
static inline void ferry_os_sem_init(struct ferry_os_sem *s, uint32_t lock_class);
static inline void ferry_os_sem_fini(struct ferry_os_sem *s);
static inline void ferry_os_sem_down(struct ferry_os_sem *s);
static inline bool ferry_os_sem_try(struct ferry_os_sem *s);
static inline void ferry_os_sem_up(struct ferry_os_sem *s);

/*
 * ---- a lock that the core makes itself of atomics and waits (va_lock.h), for a host whose checker wants to know of
 * it: tell it before waiting, or after a try. Elsewhere nothing. Context: process.
 */
static inline void ferry_os_lockmap_init(struct ferry_os_lockmap *m, uint32_t lock_class);
static inline void ferry_os_lockmap_acquire(struct ferry_os_lockmap *m, bool exclusive, bool tried);
static inline void ferry_os_lockmap_release(struct ferry_os_lockmap *m);

/*
 * ---- waiting. wait_until sleeps until pred(arg) is true, timeout_ns passed, or the thread is told to die:
 * 0, FERRY_E_TIMEOUT, FERRY_E_KILLED. pred may run any number of times, must not sleep, take locks or have
 * effects. The waker changes what pred reads (release), then calls wake_all (any context). Nothing is lost:
 * a wake_all after the change is seen. timeout_ns 0 tests once.
 * wait_bounded: for what comes by itself, or not at all: a thread told to die waits on (its address space may be what
 * is taken down), so timeout_ns is no more than a few seconds. 0, FERRY_E_TIMEOUT.
 */
typedef bool (*ferry_os_pred)(void *arg);
static inline void ferry_os_wait_init(struct ferry_os_wait *w);
static inline void ferry_os_wait_fini(struct ferry_os_wait *w);
static inline int ferry_os_wait_until(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns);
static inline int ferry_os_wait_bounded(struct ferry_os_wait *w, ferry_os_pred pred, void *arg, uint64_t timeout_ns);
static inline void ferry_os_wake_all(struct ferry_os_wait *w);

/*
 * ---- work: fn(arg) runs once in process context after queue (any context); queue while pending is a
 * no-op that returns false; queue while running runs it once more. The same item never runs twice at
 * once. flush: process; returns when no run that was queued before the call is left. cancel = take back a
 * pending run and flush a running one; after it the item may be freed if nobody queues it again.
 */
typedef void (*ferry_os_work_fn)(void *arg);
static inline int ferry_os_work_init(struct ferry_os_work *w, ferry_os_work_fn fn, void *arg);
static inline void ferry_os_work_fini(struct ferry_os_work *w);
static inline bool ferry_os_work_queue(struct ferry_os_work *w);
static inline void ferry_os_work_flush(struct ferry_os_work *w);
static inline void ferry_os_work_cancel(struct ferry_os_work *w);

/* ---- delayed work: the same, delay_ns after arm. Arming again moves the time. cancel as above. ---- */

static inline int ferry_os_timer_init(struct ferry_os_timer *t, ferry_os_work_fn fn, void *arg);
static inline void ferry_os_timer_fini(struct ferry_os_timer *t);
static inline void ferry_os_timer_arm(struct ferry_os_timer *t, uint64_t delay_ns);
static inline void ferry_os_timer_cancel(struct ferry_os_timer *t);

/* ---- thread: self is unique and non-zero among live threads. in_irq: inside an interrupt handler.
 * relax: one turn of a bounded spin (a hint to the CPU or the scheduler). Any context.
 */
static inline uint64_t ferry_os_self(void);
static inline bool ferry_os_in_irq(void);
static inline void ferry_os_relax(void);

/* ---- time: monotonic, any context; does not stop while the machine is awake. ---- */
static inline uint64_t ferry_os_now_ns(void);

/*
 * ---- how long something took, on one thread: cheaper than two times, good to a thousandth. A stamp means nothing
 * but to since_ns, which gives 0 when the machine has slept in between. Any context. ----
 */
static inline uint64_t ferry_os_stamp(void);
static inline uint64_t ferry_os_since_ns(uint64_t stamp);

/*
 * ---- atomics on struct ferry_os_atomic { uint64_t v; }. Named by their order; fetch_add, fetch_or,
 * xchg and cmpxchg are fully ordered. cmpxchg returns the old value; it stored iff that equals expect.
 */
static inline uint64_t ferry_os_load_relaxed(const struct ferry_os_atomic *a);
static inline uint64_t ferry_os_load_acquire(const struct ferry_os_atomic *a);
static inline void ferry_os_store_relaxed(struct ferry_os_atomic *a, uint64_t v);
static inline void ferry_os_store_release(struct ferry_os_atomic *a, uint64_t v);
static inline uint64_t ferry_os_fetch_add(struct ferry_os_atomic *a, uint64_t v);
static inline uint64_t ferry_os_fetch_or(struct ferry_os_atomic *a, uint64_t v);
static inline uint64_t ferry_os_xchg(struct ferry_os_atomic *a, uint64_t v);
static inline uint64_t ferry_os_cmpxchg(struct ferry_os_atomic *a, uint64_t expect, uint64_t v);

/*
 * ---- memory that a device writes or reads. load64/store64 are single 64-bit accesses in host order
 * (FG-1 is little-endian, and so is every host built today; a big-endian host converts here).
 * dma_rmb: reads before it are done before reads after it. dma_wmb: the same for writes. mb: full.
 */
static inline uint64_t ferry_os_dma_load64(const void *p);
static inline void ferry_os_dma_store64(void *p, uint64_t v);
static inline void ferry_os_dma_rmb(void);
static inline void ferry_os_dma_wmb(void);
static inline void ferry_os_mb(void);

/* ---- copies by this CPU in long runs; may bypass the cache. Source and destination never overlap. ---- */
static inline void ferry_os_copy_run(void *dst, const void *src, size_t size_bytes);
static inline void ferry_os_zero_run(void *dst, size_t size_bytes);

/* ---- bits: the compiler builtin where libgcc is at hand, the kernel's own elsewhere. v != 0 for ctz, clz. */
static inline uint32_t ferry_os_popcount64(uint64_t v);
static inline uint32_t ferry_os_ctz64(uint64_t v);
static inline uint32_t ferry_os_clz64(uint64_t v);

/*
 * ---- logging. level as below; one line, no newline; any context. bug: an invariant is broken; says where
 * and what, once per site in production (the caller then takes its safe path), fatal in test builds.
 */
enum ferry_os_level { FERRY_LOG_ERROR = 0, FERRY_LOG_WARN = 1, FERRY_LOG_INFO = 2, FERRY_LOG_DEBUG = 3 };
static inline void ferry_os_log(enum ferry_os_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static inline void ferry_os_bug(const char *file, uint32_t line, const char *what);

/*
 * ---- trace events (event.h). event is a constant where it is called, so that a host can decide there, for next to
 * nothing while nobody watches; a host may have none. traced: somebody watches, worth a loop. Any context.
 */
static inline bool ferry_os_traced(enum ferry_event event);
static inline void ferry_os_trace(enum ferry_event event, uint64_t a, uint64_t b, uint64_t c);

/* ---- fault injection: true makes the caller fail as if the hook had. id names the site. Any context. ---- */
static inline bool ferry_os_fault_point(uint32_t id);

/*
 * FERRY_ASSERT states what must hold and evaluates to it, so that the caller can take a safe path:
 *     if (!FERRY_ASSERT(block->refs))
 *             return FERRY_E_BUG;
 */
#define FERRY_ASSERT(cond) (__builtin_expect(!!(cond), 1) ? true : (ferry_os_bug(__FILE__, __LINE__, #cond), false))

#include "os_impl.h"

#endif /* FERRY_OS_H */
