/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_timer.c (process host) - delayed work: a list sorted by time, and one thread that queues what is due.
 *
 * Order: the timer lock, then the work lock. A due timer leaves the list and enters the pool's queue under the
 * timer lock, so that cancel finds it in one of the two.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>

#include "ferry/os.h"
#include "os_futex.h"

static struct ferry_os_spin timer_lock;
static struct ferry_os_timer armed = {.next = &armed, .prev = &armed}; /* the earliest first; under timer_lock */
static uint32_t timer_seq;                                             /* futex: the earliest time changed */
static bool started;                                                   /* under start_lock */
static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;

static void timer_unlink(struct ferry_os_timer *t)
{
	t->prev->next = t->next;
	t->next->prev = t->prev;
	t->armed = false;
}

static void *timer_main(void *arg)
{
	(void)arg;
	ferry_os_spin_lock(&timer_lock);
	for (;;) { /* ends with the process */
		struct ferry_os_timer *t = armed.next;
		uint64_t deadline_ns = t == &armed ? UINT64_MAX : t->deadline_ns;
		uint32_t seq;

		if (t != &armed && deadline_ns <= ferry_os_now_ns()) {
			timer_unlink(t);
			ferry_user_work_queue(&t->work);
			continue;
		}
		seq = __atomic_load_n(&timer_seq, __ATOMIC_ACQUIRE);
		ferry_os_spin_unlock(&timer_lock);
		futex_wait(&timer_seq, seq, deadline_ns);
		ferry_os_spin_lock(&timer_lock);
	}
	return NULL;
}

void ferry_user_timer_fork_prepare(void)
{
	pthread_mutex_lock(&start_lock);
	ferry_os_spin_lock(&timer_lock);
}

void ferry_user_timer_fork_parent(void)
{
	ferry_os_spin_unlock(&timer_lock);
	pthread_mutex_unlock(&start_lock);
}

void ferry_user_timer_fork_child(void)
{
	armed.next = &armed;
	armed.prev = &armed;
	started = false;
	ferry_os_spin_unlock(&timer_lock);
	pthread_mutex_unlock(&start_lock);
}

int ferry_user_timer_init(struct ferry_os_timer *t, ferry_os_work_fn fn, void *arg)
{
	int err = 0;

	*t = (struct ferry_os_timer){.armed = false};
	err = ferry_user_work_init(&t->work, fn, arg);
	if (err)
		return err;
	pthread_mutex_lock(&start_lock);
	if (!started) {
		pthread_t thread;

		err = ferry_user_thread_start(&thread, "ferry-timer", timer_main, NULL);
		if (!err) {
			pthread_detach(thread);
			started = true;
		}
	}
	pthread_mutex_unlock(&start_lock);
	if (err)
		ferry_user_work_fini(&t->work);
	return err;
}

void ferry_user_timer_fini(struct ferry_os_timer *t)
{
	if (ferry_user_work_is_foreign(&t->work))
		return;
	ferry_os_spin_lock(&timer_lock);
	if (t->armed)
		ferry_os_bug(__FILE__, __LINE__, "a timer ends while it is armed");
	ferry_os_spin_unlock(&timer_lock);
	ferry_user_work_fini(&t->work);
}

void ferry_user_timer_arm(struct ferry_os_timer *t, uint64_t delay_ns)
{
	struct ferry_os_timer *at;
	bool first;

	if (ferry_user_work_is_foreign(&t->work))
		return;
	ferry_os_spin_lock(&timer_lock);
	if (t->armed)
		timer_unlink(t);
	t->deadline_ns = futex_deadline(delay_ns);
	for (at = armed.next; at != &armed && at->deadline_ns <= t->deadline_ns; at = at->next)
		;
	t->next = at;
	t->prev = at->prev;
	at->prev->next = t;
	at->prev = t;
	t->armed = true;
	first = armed.next == t;
	if (first)
		__atomic_fetch_add(&timer_seq, 1, __ATOMIC_RELEASE);
	ferry_os_spin_unlock(&timer_lock);
	if (first)
		futex_wake(&timer_seq, 1);
}

void ferry_user_timer_cancel(struct ferry_os_timer *t)
{
	if (ferry_user_work_is_foreign(&t->work))
		return;
	ferry_os_spin_lock(&timer_lock);
	if (t->armed)
		timer_unlink(t);
	ferry_os_spin_unlock(&timer_lock);
	ferry_user_work_cancel(&t->work);
}
