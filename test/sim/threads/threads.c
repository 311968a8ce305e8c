/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../tell.h"
#include "watch.h"

#define OBJECTS 256u
#define MEMORIES 64u

_Thread_local struct sim sim;

/* This thread's draws, when it is none of the story's; begun anew with each run. */
static _Thread_local struct {
	uint64_t seed, state;
} own;

static struct {
	struct sim_fiber fiber[THREADS_MAX];
	uint32_t fibers;
	struct sim_fiber main;
	const struct sim_story *story;
	_Atomic uint64_t seed;
	_Atomic bool on;   /* choices go wrong */
	_Atomic bool over; /* daemons end */
	uint32_t objects;
	const char *names[OBJECTS];
	void *memory[MEMORIES];
	uint32_t memories;
} run;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the gate, and naps */
static pthread_cond_t gate = PTHREAD_COND_INITIALIZER;
static bool gate_is_open;
static pthread_mutex_t guards[SIM_GUARDS];

/* ---- what is drawn ---- */

static uint64_t mixed(uint64_t v)
{
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9ull;
	v = (v ^ v >> 27) * 0x94d049bb133111ebull;
	return v ^ v >> 31;
}

uint64_t threads_seed(void)
{
	return run.seed;
}

static uint64_t draw(void)
{
	uint64_t *state = sim.me ? &sim.me->random : &own.state;

	if (!sim.me && own.seed != run.seed) {
		own.seed = run.seed;
		own.state = mixed(own.seed) + ferry_os_self();
	}
	*state += 0x9e3779b97f4a7c15ull;
	return mixed(*state);
}

/* Most often nothing, for the common case is that nobody is late. */
static void dawdle(void)
{
	uint64_t r = draw();
	struct timespec nap = {.tv_nsec = (long)(r >> 32) % 100000};

	switch (r & 15) {
	case 0:
	case 1:
	case 2:
		sched_yield();
		break;
	case 3:
	case 4:
		for (uint32_t turns = (uint32_t)(r >> 40) & 1023; turns > 0; turns--)
			ferry_user_pause();
		break;
	case 5:
		nanosleep(&nap, NULL);
		break;
	default:
		break;
	}
}

uint32_t sim_choose(enum sim_choice what, uint32_t n)
{
	uint32_t one_in = run.on ? run.story->chance[what] : 0;

	if (!one_in || n < 2 || draw() % one_in)
		return 0;
	return 1 + (uint32_t)(draw() % (n - 1));
}

/* The linker puts these two before os-user's own: every allocation, and every wait that is about to sleep. */
bool __wrap_ferry_user_fault_alloc(void);
bool __wrap_ferry_user_fault_wait(void);

bool __wrap_ferry_user_fault_alloc(void)
{
	if (run.on)
		dawdle();
	return sim_choose(SIM_CHOICE_ALLOC, 2) != 0;
}

/* Who was told to die, and can be. */
bool __wrap_ferry_user_fault_wait(void)
{
	if (run.on)
		dawdle();
	return sim.me && sim.me->killed;
}

/* ---- what stories use ---- */

uint32_t sim_object(void)
{
	return run.objects < OBJECTS - 1 ? ++run.objects : 0;
}

void sim_name_object(uint32_t obj, const char *name)
{
	if (obj < OBJECTS)
		run.names[obj] = name;
}

void sim_point(enum sim_op op, uint32_t obj)
{
	if (sim.me) {
		sim.me->op = op;
		sim.me->obj = obj;
	}
	if (run.on)
		dawdle();
}

struct sim_guard sim_guard(uint32_t obj, uint32_t n)
{
	struct sim_guard g = {&guards[n % SIM_GUARDS]};

	sim_step(obj);
	pthread_mutex_lock(g.lock);
	return g;
}

void sim_guard_end(struct sim_guard *g)
{
	pthread_mutex_unlock(g->lock);
}

void *sim_memory(size_t bytes)
{
	void *p = run.memories < MEMORIES ? calloc(1, bytes) : NULL;

	if (!p) {
		perror("storytest: memory");
		exit(2);
	}
	run.memory[run.memories++] = p;
	return p;
}

void sim_pause(void)
{
	usleep(2000);
}

void sim_fail(const char *fmt, ...)
{
	va_list args;

	flockfile(stderr);
	fprintf(stderr, "%s: seed %llu: ", run.story->name, (unsigned long long)run.seed);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n  said by %s; build/storytest --story %s --seed %llu --rounds 1\n",
	        sim.me ? sim.me->name : "a thread of the host", run.story->name, (unsigned long long)run.seed);
	funlockfile(stderr);
	_exit(1);
}

void sim_kill(struct sim_fiber *f)
{
	sim_step(0);
	f->killed = true;
}

/* The process host has its own. */
void sim_workers(uint32_t n)
{
	(void)n;
}

/* A reader joins before the mark goes: no writer gets in between. See os_lock.h. */
void sim_rw_downgrade(struct ferry_os_rw *rw)
{
	__atomic_fetch_sub(&rw->state, FERRY_USER_RW_WRITER - 1, __ATOMIC_SEQ_CST);
	ferry_user_rw_wake(rw);
	ferry_os_sem_up(&rw->writers);
}

/* ---- threads ---- */

static void *thread_main(void *arg)
{
	struct sim_fiber *me = arg;

	sim.me = me;
	pthread_mutex_lock(&lock);
	while (!gate_is_open)
		pthread_cond_wait(&gate, &lock);
	pthread_mutex_unlock(&lock);
	dawdle();
	me->fn(me->arg);
	me->done = true;
	return NULL;
}

struct sim_fiber *sim_spawn(const char *name, void (*fn)(void *arg), void *arg, uint32_t flags)
{
	struct sim_fiber *f = &run.fiber[run.fibers];
	int err;

	if (run.fibers == THREADS_MAX) {
		fprintf(stderr, "storytest: more than %u threads\n", THREADS_MAX);
		exit(2);
	}
	memset(f, 0, sizeof(*f));
	f->name = name;
	f->fn = fn;
	f->arg = arg;
	f->daemon = flags & SIM_DAEMON;
	f->id = run.fibers++;
	f->random = mixed(run.seed) ^ mixed(f->id + 1);
	err = pthread_create(&f->thread, NULL, thread_main, f);
	if (err) {
		fprintf(stderr, "storytest: no thread: %s\n", strerror(err));
		exit(2);
	}
	return f;
}

static bool nap_ends(void *arg)
{
	struct sim_fiber *me = arg;

	return run.over || me->nap.pred(me->nap.arg);
}

void sim_daemon_wait(struct ferry_os_wait *w, ferry_os_pred pred, void *arg)
{
	struct sim_fiber *me = sim.me;

	pthread_mutex_lock(&lock);
	me->nap.pred = pred;
	me->nap.arg = arg;
	me->nap.on = w;
	pthread_mutex_unlock(&lock);
	(void)ferry_os_wait_bounded(w, nap_ends, me, UINT64_MAX / 4);
	pthread_mutex_lock(&lock);
	me->nap.on = NULL;
	pthread_mutex_unlock(&lock);
	if (run.over)
		pthread_exit(NULL);
}

/* Everybody else is done: who sleeps for what is not there sleeps on. */
static bool daemons_sleep(void)
{
	bool all = true;

	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; i < run.fibers; i++) {
		struct sim_fiber *f = &run.fiber[i];

		all = all && (!f->daemon || (f->nap.on && !f->nap.pred(f->nap.arg)));
	}
	pthread_mutex_unlock(&lock);
	return all;
}

/* A lost wake-up is seen by the watchdog: the daemon sleeps though it need not. */
static void come_to_rest(void)
{
	while (!daemons_sleep())
		usleep(200);
	world_rest();
}

static void end_daemons(void)
{
	run.over = true;
	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; i < run.fibers; i++) {
		if (run.fiber[i].nap.on)
			ferry_os_wake_all(run.fiber[i].nap.on);
	}
	pthread_mutex_unlock(&lock);
	for (uint32_t i = 0; i < run.fibers; i++) {
		if (run.fiber[i].daemon)
			pthread_join(run.fiber[i].thread, NULL);
	}
}

static void open_gate(bool open)
{
	pthread_mutex_lock(&lock);
	gate_is_open = open;
	pthread_cond_broadcast(&gate);
	pthread_mutex_unlock(&lock);
}

void sim_calm(void (*fn)(void *arg), void *arg)
{
	come_to_rest();
	fn(arg);
}

static void begin(const struct sim_story *story, uint64_t seed)
{
	run.story = story;
	run.seed = seed;
	run.on = run.over = false;
	run.fibers = run.objects = run.memories = 0;
	run.main.name = "set-up";
	run.main.random = mixed(seed);
	sim = (struct sim){.me = &run.main};
	for (uint32_t i = 0; i < SIM_GUARDS; i++)
		pthread_mutex_init(&guards[i], NULL);
	open_gate(false);
}

static void trouble(const struct sim_story *story)
{
	run.on = story != NULL;
	world_trouble(story ? story->chance[SIM_CHOICE_IRQ] : 0);
}

static void end(void)
{
	end_daemons();
	world_gone();
	for (uint32_t i = 0; i < run.memories; i++)
		free(run.memory[i]);
	for (uint32_t i = 0; i < SIM_GUARDS; i++)
		pthread_mutex_destroy(&guards[i]);
	run.fibers = 0;
}

void threads_run(const struct sim_story *story, uint64_t seed)
{
	begin(story, seed);
	watch_begin(story->name, seed);
	if (story->prelude)
		story->prelude();
	story->setup();
	trouble(story);
	open_gate(true);
	for (uint32_t i = 0; i < run.fibers; i++) {
		if (!run.fiber[i].daemon)
			pthread_join(run.fiber[i].thread, NULL);
	}
	trouble(NULL);
	come_to_rest();
	if (story->quiet)
		story->quiet();
	if (story->teardown)
		story->teardown();
	end();
	watch_end();
}

/* ---- who waits: for the watchdog, which reads what others write ---- */

__attribute__((no_sanitize("thread"))) void threads_print_state(void)
{
	for (uint32_t i = 0; i < run.fibers; i++) {
		struct sim_fiber *f = &run.fiber[i];
		uint32_t obj = f->obj;

		if (f->done)
			continue;
		fprintf(stderr, "  %u %-14s%s seen last at: %s", i, f->name, f->daemon ? " (daemon)" : "",
		        sim_op_name((enum sim_op)f->op));
		if (obj && obj < OBJECTS)
			fprintf(stderr, " %s#%u", run.names[obj] ? run.names[obj] : "", obj);
		fprintf(stderr, "%s%s\n", f->killed ? ", killed" : "",
		        f->nap.on ? (f->nap.pred(f->nap.arg) ? ", asleep (though it need not)" : ", asleep") : "");
	}
}
