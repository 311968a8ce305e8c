/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mm_priv.h - what the files of mm_uffd share: mm_uffd.c life and allocations, mm_open.c the system's parts,
 * mm_map.c the operations of mm_ops.h, mm_monitor.c events, mm_sigbus.c the signal handler.
 *
 * A munmap or mremap of managed memory, and who sees what when:
 *
 *     user thread            kernel                        monitor                      a zap at the same time
 *     munmap() ------------> "changing" begins
 *                            mapping gone
 *                            event queued, waits for       read_seq odd
 *                            somebody to read it --------> read: event
 *                            "changing" ends               pages marked dead
 *     <--------------------- return                        read_seq even
 *     may map other                                        calls->unmapped
 *     memory there                                         reserves the hole again
 *
 * MADV_DONTNEED on memory that is no longer ours would destroy somebody's bytes. So a zap asks the kernel whether
 * something is changing, waits out a read that is going on, and then looks at the marks (mm_map.c).
 *
 * Locks, outermost first: map_lock (the layout of the window: alloc, free, poison), then the spin lock in slots,
 * moves and requests, which nest nothing. The monitor never takes map_lock: who holds it may wait for the monitor.
 */
#ifndef FERRY_MM_PRIV_H
#define FERRY_MM_PRIV_H

#include <signal.h>

#include "mm_uffd.h"
#include "mm_follow.h"
#include "mm_slots.h"

#define FERRY_MM_MOVES 64u
#define FERRY_MM_POISONS 256u
#define FERRY_MM_DYING (1ull << 63)

/* A piece that the user moved out of the window. Kept a while after it is done, for late signals. */
struct ferry_mm_move {
	uint64_t to;
	uint64_t size_bytes;
	bool done; /* its faults are plain ones now */
};

/* A fault in signal mode whose thread has too little stack for the core. Lives on that stack. */
struct ferry_mm_request {
	struct ferry_mm_request *next;
	uint64_t va;
	bool write;
	int err;
	uint32_t done; /* futex */
};

struct ferry_user_mm {
	uint64_t base; /* user window */
	uint64_t bytes;
	char *alias;
	int memfd;
	int poison_fd; /* zero bytes long: every page of it is beyond its end */
	int uffd;
	int wake_fd; /* eventfd: stop, or requests wait */
	enum ferry_user_mm_mode mode;
	bool syscalls_work;
	uint32_t era; /* the process it belongs to */
	struct ferry_user_mm_calls calls;
	struct ferry_slots slots;
	struct ferry_os_mutex map_lock;

	struct ferry_os_atomic refs; /* count, and FERRY_MM_DYING: get() fails */
	struct ferry_os_wait put_wait;
	struct ferry_os_spin ref_lock; /* held by a put of a dying mm until it needs mm no longer */

	pthread_t monitor;
	struct ferry_mm_follow follow;
	struct ferry_os_atomic stop;
	uint64_t alloc_seq; /* moves with each alloc: the monitor sees all that came before what it serves; atomic */
	uint64_t read_seq;  /* odd while events are read and marked; atomic */
	uint64_t own_va; /* a change of ours whose event is to be ignored; atomic, 0 = none; changed under map_lock */
	uint64_t own_bytes;
	struct ferry_os_spin small_lock; /* moves, requests, poisons */
	struct ferry_mm_move moves[FERRY_MM_MOVES];
	uint32_t move_next;
	struct ferry_mm_request *requests; /* newest first */
	struct ferry_os_work poison_work;  /* thread mode */
	uint64_t poisons[FERRY_MM_POISONS];
	uint32_t poison_count;
	uint32_t signal_slot; /* in the handler's table */
};

static inline uint64_t mm_offset(const struct ferry_user_mm *mm, uint64_t va)
{
	return va - mm->base;
}

static inline bool mm_contains(const struct ferry_user_mm *mm, uint64_t va)
{
	return va - mm->base < mm->bytes;
}

/* ---- mm_open.c: each returns 0 or an error, and changes mm on success only ---- */
int ferry_mm_open_uffd(struct ferry_user_mm *mm, enum ferry_user_mm_mode mode) FERRY_MUST_CHECK;
int ferry_mm_open_window(struct ferry_user_mm *mm,
                         uint64_t bytes_max) FERRY_MUST_CHECK; /* window, memory file, alias */
void ferry_mm_close_window(struct ferry_user_mm *mm);

/* ---- mm_map.c ---- */
/*
 * mmap for pieces that other threads touch, before and after. The order between them comes from the kernel, which
 * ThreadSanitizer cannot see; so its mmap, which counts as a write, is passed by.
 */
void *ferry_mm_remap(uint64_t va, uint64_t size_bytes, int prot, int flags, int fd);
/* The memory file over a reserved piece of the window, every touch a fault. FERRY_E_MMAP: the piece is undefined. */
int ferry_mm_map(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes) FERRY_MUST_CHECK;
/* PROT_NONE over a piece of the window that is ours. FERRY_E_MMAP. */
int ferry_mm_reserve(uint64_t va, uint64_t size_bytes) FERRY_MUST_CHECK;
int ferry_mm_register(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes) FERRY_MUST_CHECK;
void ferry_mm_unregister(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes); /* wakes who waits there */
void ferry_mm_wake(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes);
void ferry_mm_punch(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes);
void ferry_mm_settle(struct ferry_user_mm *mm); /* wait out a read of events that is going on */
/* Is a munmap or mremap under way that the monitor has not read yet? */
bool ferry_mm_changing(const struct ferry_user_mm *mm);
/* Where the mapping of the memory file around va begins and ends, wherever va is. false: none there. Slow. */
bool ferry_mm_find(const struct ferry_user_mm *mm, uint64_t va, uint64_t *start, uint64_t *end);

/* ---- mm_monitor.c: what becomes of a fault that the core answered with err ---- */
enum ferry_mm_verdict {
	FERRY_MM_SERVED, /* touch it again */
	FERRY_MM_LATER,  /* the same, after a short nap */
	FERRY_MM_GONE,   /* not managed any more: touch it again, and see what is there now */
	FERRY_MM_REFUSED /* SIGBUS */
};
enum ferry_mm_verdict ferry_mm_judge(struct ferry_user_mm *mm, uint64_t va, int err);
void ferry_mm_nap(void);

/* ---- mm_monitor.c ---- */
int ferry_mm_monitor_start(struct ferry_user_mm *mm) FERRY_MUST_CHECK;
void ferry_mm_monitor_stop(struct ferry_user_mm *mm);
void ferry_mm_monitor_kick(struct ferry_user_mm *mm); /* look at stop and requests */
/* Between the two, the event of an unmap of exactly this piece is ours and is ignored. Under map_lock. */
void ferry_mm_own_change_begin(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes);
void ferry_mm_own_change_end(struct ferry_user_mm *mm);
/* This thread is the monitor of mm. */
bool ferry_mm_monitor_self(const struct ferry_user_mm *mm);
/* Is va, outside the window, memory that the user moved out of it? Waits until its faults are plain ones. */
bool ferry_mm_moved(struct ferry_user_mm *mm, uint64_t va);
/* cpu_insert on this thread has woken who waits at va. */
void ferry_mm_monitor_woke(const struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes);

/* ---- mm_sigbus.c ---- */
int ferry_mm_sigbus_add(struct ferry_user_mm *mm) FERRY_MUST_CHECK;
void ferry_mm_sigbus_remove(struct ferry_user_mm *mm); /* no handler is inside mm after it */
void ferry_mm_sigbus_serve(struct ferry_user_mm *mm);  /* requests; monitor thread */

/* ---- mm_poison.c: thread mode ---- */
int ferry_mm_poison_init(struct ferry_user_mm *mm) FERRY_MUST_CHECK;
void ferry_mm_poison_fini(struct ferry_user_mm *mm);
void ferry_mm_poison_page(struct ferry_user_mm *mm, uint64_t va); /* soon; then wakes who waits there */

#endif /* FERRY_MM_PRIV_H */
