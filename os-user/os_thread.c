/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * os_thread.c (process host) - threads, interrupt context, time.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include "ferry/os.h"

#define RELAX_TURNS 64u

static uint64_t last_self;

/* All of it belongs to the thread. */
static _Thread_local struct {
	uint64_t self;
	uint32_t relax_turn;
	uint32_t irq_depth;
	bool serving; /* inside work that irq_exit runs on this thread */
	struct ferry_user_irq_list irq_list;
} me;

uint64_t ferry_user_self(void)
{
	if (__builtin_expect(me.self == 0, 0))
		me.self = __atomic_add_fetch(&last_self, 1, __ATOMIC_RELAXED);
	return me.self;
}

bool ferry_user_in_irq(void)
{
	return me.irq_depth != 0;
}

void ferry_user_relax(void)
{
	if (++me.relax_turn % RELAX_TURNS == 0)
		sched_yield();
	else
		ferry_user_pause();
}

uint64_t ferry_user_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct ferry_user_irq_list *ferry_user_irq_pending(void)
{
	return me.irq_depth ? &me.irq_list : NULL;
}

void ferry_user_irq_enter(void)
{
	if (!me.irq_list.ready) {
		me.irq_list.head.next = &me.irq_list.head;
		me.irq_list.head.prev = &me.irq_list.head;
		me.irq_list.ready = true;
	}
	me.irq_depth++;
}

void ferry_user_irq_exit(bool run_here)
{
	if (!FERRY_ASSERT(me.irq_depth > 0) || --me.irq_depth)
		return;
	if (!run_here || me.serving) {
		ferry_user_work_deliver(&me.irq_list, false);
		return;
	}
	me.serving = true;
	ferry_user_work_deliver(&me.irq_list, true);
	me.serving = false;
}

/* The driver's threads must not run the program's signal handlers: one of those could wait for this thread. */
static void block_signals(sigset_t *before)
{
	sigset_t block;

	sigfillset(&block);
	sigdelset(&block, SIGSEGV);
	sigdelset(&block, SIGBUS);
	sigdelset(&block, SIGILL);
	sigdelset(&block, SIGFPE);
	sigdelset(&block, SIGTRAP);
	sigdelset(&block, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &block, before);
}

int ferry_user_thread_start(pthread_t *thread, const char *name, void *(*fn)(void *), void *arg)
{
	sigset_t before;
	int err;

	block_signals(&before); /* the new thread inherits the mask */
	err = pthread_create(thread, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return FERRY_E_THREAD;
	pthread_setname_np(*thread, name);
	return 0;
}
