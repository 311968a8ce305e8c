/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_work.c (process host) - work items: one queue, a few threads, one lock.
 *
 * The work lock is a spin lock (queue may be called in any context) and guards every item's state, the pool's queue
 * and the interrupted threads' lists. Whoever runs an item, a worker or an interrupted engine thread, does it
 * through run_once(); an item that runs is in no list, so it never runs twice at once.
 *
 * Waiting: done_seq moves whenever a run ends and somebody flushes; sleepers sleep on that global word, since
 * the item itself may be freed as soon as its last run has ended.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>

#include "ferry/os.h"
#include "os_futex.h"

#define RUNS_HERE_MAX 16u /* runs of one item in a row on an interrupted thread, then the pool goes on */

static struct ferry_os_spin work_lock;
static struct ferry_os_work queue = {.next = &queue, .prev = &queue}; /* under work_lock */
static uint32_t workers;                                              /* under start_lock */
static uint32_t idle;                                                 /* workers asleep; under work_lock */
static uint32_t flushers;                                             /* under work_lock */
static uint32_t era = 1;                                              /* changes in a fork's child only */
static uint32_t wake_seq;                                             /* futex: the queue got an item */
static uint32_t done_seq;                                             /* futex: a run ended */
static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void list_push(struct ferry_os_work *head, struct ferry_os_work *w)
{
	w->prev = head->prev;
	w->next = head;
	head->prev->next = w;
	head->prev = w;
}

static void list_take(struct ferry_os_work *w)
{
	w->prev->next = w->next;
	w->next->prev = w->prev;
	w->next = NULL;
	w->prev = NULL;
}

uint32_t ferry_user_era(void)
{
	return __atomic_load_n(&era, __ATOMIC_RELAXED);
}

bool ferry_user_work_is_foreign(const struct ferry_os_work *w)
{
	return w->era != ferry_user_era();
}

/* Under work_lock. True: a worker sleeps and must be woken with pool_wake() after the lock is released. */
static bool pool_push(struct ferry_os_work *w)
{
	list_push(&queue, w);
	__atomic_fetch_add(&wake_seq, 1, __ATOMIC_RELEASE);
	return idle > 0;
}

static void pool_wake(void)
{
	futex_wake(&wake_seq, 1);
}

/* Under work_lock: one more run of w is over, or was taken back. True: call done_wake() after the lock. */
static bool run_done(struct ferry_os_work *w)
{
	w->done++;
	if (!flushers)
		return false;
	__atomic_fetch_add(&done_seq, 1, __ATOMIC_RELEASE);
	return true;
}

static void done_wake(void)
{
	futex_wake(&done_seq, INT_MAX);
}

/*
 * One run of w, which is pending and in no list. Called and left with work_lock, which is free during fn. True: it
 * was asked for again meanwhile, and is still the caller's; false: w may be gone. *wake_done: see run_done().
 */
static bool run_once(struct ferry_os_work *w, bool *wake_done)
{
	w->pending = false;
	w->runner = ferry_os_self();
	ferry_os_spin_unlock(&work_lock);
	w->fn(w->arg);
	ferry_os_spin_lock(&work_lock);
	w->runner = 0;
	*wake_done |= run_done(w);
	return w->pending;
}

static void *worker_main(void *arg)
{
	(void)arg;
	ferry_os_spin_lock(&work_lock);
	for (;;) { /* ends with the process */
		bool wake_done = false;
		struct ferry_os_work *w;

		while (queue.next == &queue) {
			uint32_t seq = __atomic_load_n(&wake_seq, __ATOMIC_ACQUIRE);

			idle++;
			ferry_os_spin_unlock(&work_lock);
			futex_wait(&wake_seq, seq, UINT64_MAX);
			ferry_os_spin_lock(&work_lock);
			idle--;
		}
		w = queue.next;
		list_take(w);
		if (run_once(w, &wake_done))
			pool_push(w); /* this worker is awake to take it */
		if (wake_done) {
			ferry_os_spin_unlock(&work_lock);
			done_wake();
			ferry_os_spin_lock(&work_lock);
		}
	}
	return NULL;
}

/*
 * Fork: the child has one thread, the one that forked, and it may hold none of our locks. Items of the parent are
 * foreign there (era), and the next work_init starts threads anew.
 */
static void fork_prepare(void)
{
	pthread_mutex_lock(&start_lock);
	ferry_user_timer_fork_prepare();
	ferry_os_spin_lock(&work_lock);
}

static void fork_parent(void)
{
	ferry_os_spin_unlock(&work_lock);
	ferry_user_timer_fork_parent();
	pthread_mutex_unlock(&start_lock);
}

static void fork_child(void)
{
	queue.next = &queue;
	queue.prev = &queue;
	workers = 0;
	idle = 0;
	flushers = 0;
	__atomic_fetch_add(&era, 1, __ATOMIC_RELAXED);
	ferry_os_spin_unlock(&work_lock);
	ferry_user_timer_fork_child();
	pthread_mutex_unlock(&start_lock);
}

static void fork_register(void)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

void ferry_user_fork_watch(void)
{
	pthread_once(&fork_once, fork_register);
}

/* One worker is enough to go on with; none is an error. */
static int workers_start(void)
{
	int err = 0;

	ferry_user_fork_watch();
	pthread_mutex_lock(&start_lock);
	while (workers < FERRY_USER_WORKERS && !err) {
		pthread_t thread;

		err = ferry_user_thread_start(&thread, "ferry-work", worker_main, NULL);
		if (!err) {
			pthread_detach(thread);
			workers++;
		}
	}
	if (workers)
		err = 0;
	pthread_mutex_unlock(&start_lock);
	return err;
}

int ferry_user_work_init(struct ferry_os_work *w, ferry_os_work_fn fn, void *arg)
{
	int err = workers_start();

	if (err)
		return err;
	*w = (struct ferry_os_work){.fn = fn, .arg = arg, .era = __atomic_load_n(&era, __ATOMIC_RELAXED)};
	return 0;
}

void ferry_user_work_fini(struct ferry_os_work *w)
{
	if (ferry_user_work_is_foreign(w))
		return;
	ferry_os_spin_lock(&work_lock);
	if (w->pending || w->runner)
		ferry_os_bug(__FILE__, __LINE__, "a work item ends while it is queued or runs");
	ferry_os_spin_unlock(&work_lock);
}

bool ferry_user_work_queue(struct ferry_os_work *w)
{
	struct ferry_user_irq_list *irq_list = ferry_user_irq_pending();
	bool wake = false;

	if (ferry_user_work_is_foreign(w))
		return false;
	ferry_os_spin_lock(&work_lock);
	if (w->pending) {
		ferry_os_spin_unlock(&work_lock);
		return false;
	}
	w->pending = true;
	w->queued++;
	if (w->runner) {
		; /* its runner sees pending and goes on with it */
	} else if (irq_list) {
		list_push(&irq_list->head, w);
		irq_list->used = true;
	} else {
		wake = pool_push(w);
	}
	ferry_os_spin_unlock(&work_lock);
	if (wake)
		pool_wake();
	return true;
}

/* Under work_lock; it is free while this sleeps. */
static void flush_locked(struct ferry_os_work *w)
{
	uint64_t target = w->queued;

	if (w->runner == ferry_os_self()) {
		ferry_os_bug(__FILE__, __LINE__, "a work item waits for its own end");
		return;
	}
	flushers++;
	while (w->done < target) {
		uint32_t seq = __atomic_load_n(&done_seq, __ATOMIC_ACQUIRE);

		ferry_os_spin_unlock(&work_lock);
		futex_wait(&done_seq, seq, UINT64_MAX);
		ferry_os_spin_lock(&work_lock);
	}
	flushers--;
}

void ferry_user_work_flush(struct ferry_os_work *w)
{
	if (ferry_user_work_is_foreign(w))
		return;
	ferry_os_spin_lock(&work_lock);
	flush_locked(w);
	ferry_os_spin_unlock(&work_lock);
}

void ferry_user_work_cancel(struct ferry_os_work *w)
{
	bool wake_done = false;

	if (ferry_user_work_is_foreign(w))
		return;
	ferry_os_spin_lock(&work_lock);
	if (w->pending) {
		w->pending = false;
		if (w->next)
			list_take(w);
		wake_done = run_done(w);
	}
	flush_locked(w);
	ferry_os_spin_unlock(&work_lock);
	if (wake_done)
		done_wake();
}

/*
 * The end of an interrupt: only the first item runs here, the rest goes to the pool at once. So nothing waits
 * behind an item that may itself wait for it.
 */
void ferry_user_work_deliver(struct ferry_user_irq_list *list, bool run_here)
{
	struct ferry_os_work *here = NULL;
	bool wake_pool = false;
	bool wake_done = false;

	if (!list->used)
		return;
	list->used = false;
	ferry_os_spin_lock(&work_lock);
	while (list->head.next != &list->head) {
		struct ferry_os_work *w = list->head.next;

		list_take(w);
		if (run_here && !here)
			here = w;
		else
			wake_pool |= pool_push(w);
	}
	if (here && wake_pool) {
		pool_wake(); /* before a run that may be long */
		wake_pool = false;
	}
	for (uint32_t run = 0; here; run++) {
		if (!run_once(here, &wake_done))
			break;
		if (run + 1 == RUNS_HERE_MAX) {
			wake_pool = pool_push(here);
			break;
		}
	}
	ferry_os_spin_unlock(&work_lock);
	if (wake_pool)
		pool_wake();
	if (wake_done)
		done_wake();
}
