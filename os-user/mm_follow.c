/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mm_follow.c - binding the monitor to a CPU, and letting it go again. See mm_follow.h.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "mm_follow.h"

#define PATIENCE_MAX (1u << 20)
#define DELAY_NS 10000u /* on a run queue, for each fault: 3 us are the client's way to sleep */

static bool mask_of(int thread, cpu_set_t *out)
{
	return sched_getaffinity(thread, sizeof(*out), out) == 0;
}

/* The one CPU that the thread may run on; -1: it has several, is not one of ours, or is gone. */
static int cpu_of(uint32_t thread)
{
	cpu_set_t mask;
	int cpu = 0;

	if (!mask_of((int)thread, &mask) || CPU_COUNT(&mask) != 1)
		return -1;
	while (!CPU_ISSET(cpu, &mask))
		cpu++;
	return cpu;
}

static bool bound_to(const struct ferry_mm_follow *f, int cpu)
{
	cpu_set_t now, one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return mask_of(f->monitor, &now) && CPU_EQUAL(&now, &one);
}

static bool bind_to(const struct ferry_mm_follow *f, int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(f->monitor, sizeof(one), &one) == 0;
}

/* How long the monitor, which asks, has been kept waiting for a CPU in its life. 0: unknown. */
static uint64_t delay_ns(const struct ferry_mm_follow *f)
{
	char line[96];
	const char *at;
	ssize_t got = pread(f->schedstat, line, sizeof(line) - 1, 0);

	if (got <= 0)
		return 0;
	line[got] = 0;
	at = strchr(line, ' '); /* time on a CPU, time on a run queue, ... */
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

/* The CPU has others to run: wait longer before the next try. Under lock. */
static void more_patience(struct ferry_mm_follow *f)
{
	uint64_t patience = ferry_os_load_relaxed(&f->patience);

	if (patience < PATIENCE_MAX)
		ferry_os_store_relaxed(&f->patience, patience * 8);
}

/* Under lock. */
static void let_go(struct ferry_mm_follow *f)
{
	cpu_set_t process;

	if (!ferry_os_load_relaxed(&f->bound))
		return;
	ferry_os_store_release(&f->bound, 0);
	if (!bound_to(f, f->cpu))
		return; /* somebody else wants it elsewhere */
	if (mask_of(getpid(), &process) && !CPU_EQUAL(&process, &f->process))
		f->own = process;
	(void)sched_setaffinity(f->monitor, sizeof(f->own), &f->own);
}

/* On the monitor, under lock. */
static void go_to(struct ferry_mm_follow *f, int cpu)
{
	bool was = ferry_os_load_relaxed(&f->bound);

	if (was && f->cpu == cpu) {
		uint64_t before = f->delay;

		f->delay = delay_ns(f);
		if (f->delay - before > (uint64_t)FERRY_MM_FOLLOW_EVERY * DELAY_NS) {
			let_go(f);
			more_patience(f);
		}
		return;
	}
	if (was && !bound_to(f, f->cpu)) {
		let_go(f);
		return;
	}
	if (!was && (!mask_of(f->monitor, &f->own) || !mask_of(getpid(), &f->process)))
		return;
	if (!CPU_ISSET(cpu, &f->own) || CPU_COUNT(&f->own) < 2 || !bind_to(f, cpu))
		return;
	f->cpu = cpu;
	if (f->schedstat < 0)
		f->schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	f->delay = delay_ns(f);
	if (was)
		return;
	f->looked = ferry_os_load_relaxed(&f->served);
	ferry_os_store_release(&f->bound, 1);
	ferry_os_timer_arm(&f->timer, FERRY_MM_FOLLOW_LOOK_NS);
}

void ferry_mm_follow_fault(struct ferry_mm_follow *f, uint32_t client)
{
	int cpu;

	if (!f->on)
		return;
	ferry_os_store_relaxed(&f->served, ferry_os_load_relaxed(&f->served) + 1);
	if (client != f->client) {
		f->client = client;
		f->row = 0;
		if (!ferry_os_load_acquire(&f->bound))
			return;
		ferry_os_mutex_lock(&f->lock);
		let_go(f);
		ferry_os_mutex_unlock(&f->lock);
		return;
	}
	f->row++;
	if (f->row % FERRY_MM_FOLLOW_EVERY || f->row < ferry_os_load_relaxed(&f->patience))
		return;
	cpu = cpu_of(client);
	if (cpu < 0 && !ferry_os_load_acquire(&f->bound))
		return;
	ferry_os_mutex_lock(&f->lock);
	if (cpu < 0)
		let_go(f);
	else
		go_to(f, cpu);
	ferry_os_mutex_unlock(&f->lock);
}

/* Does it still get on? */
static void look(void *arg)
{
	struct ferry_mm_follow *f = arg;
	struct pollfd faults = {.fd = f->uffd, .events = POLLIN};
	uint64_t served = ferry_os_load_relaxed(&f->served);

	ferry_os_mutex_lock(&f->lock);
	if (!ferry_os_load_relaxed(&f->bound)) {
		; /* the next binding arms the timer */
	} else if (served != f->looked) {
		f->looked = served;
		ferry_os_timer_arm(&f->timer, FERRY_MM_FOLLOW_LOOK_NS);
	} else {
		if (poll(&faults, 1, 0) > 0)
			more_patience(f);
		let_go(f);
	}
	ferry_os_mutex_unlock(&f->lock);
}

void ferry_mm_follow_begin(struct ferry_mm_follow *f)
{
	f->monitor = gettid();
}

void ferry_mm_follow_init(struct ferry_mm_follow *f, int uffd)
{
	const char *wish = getenv("FERRY_FOLLOW");

	f->uffd = uffd;
	f->schedstat = -1;
	f->on = !(wish && wish[0] == '0') && ferry_os_timer_init(&f->timer, look, f) == 0;
	if (!f->on)
		return;
	ferry_os_mutex_init(&f->lock, FERRY_OS_CLASS_HOST);
	ferry_os_store_relaxed(&f->patience, FERRY_MM_FOLLOW_EVERY);
}

void ferry_mm_follow_fini(struct ferry_mm_follow *f)
{
	if (!f->on)
		return;
	f->on = false;
	if (f->schedstat >= 0)
		close(f->schedstat);
	/* look() may arm it once more while cancel waits for it. */
	ferry_os_mutex_lock(&f->lock);
	ferry_os_store_release(&f->bound, 0);
	ferry_os_mutex_unlock(&f->lock);
	ferry_os_timer_cancel(&f->timer);
	ferry_os_timer_fini(&f->timer);
	ferry_os_mutex_fini(&f->lock);
}
