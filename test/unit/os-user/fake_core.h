/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fake_core.h - the smallest core that mm_uffd can serve: one allocation, a table of where each page is, and an array
 * that plays the device's memory. Bytes on the host of a page that is on the device are overwritten with FAKE_STALE,
 * so that whoever sees those has seen what he must not.
 *
 * Also fake_touch_*(): touch memory and say which signal that was.
 */
#ifndef FERRY_FAKE_CORE_H
#define FERRY_FAKE_CORE_H

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test/unit/cmocka_compat.h"

#include "mm_uffd.h"

#define FAKE_STALE 0xee
#define FAKE_PAGES_MAX 4096u

enum fake_place { FAKE_HOST, FAKE_DEVICE, FAKE_LOST, FAKE_FORGOTTEN };

/* Atomics are what tests look at without the lock: a fault orders threads in a way that ThreadSanitizer cannot see.
 */
struct fake_core {
	struct ferry_user_mm *mm;
	pthread_mutex_t lock; /* BLOCK: all below */
	uint64_t va;
	uint32_t pages;
	char *device;
	_Atomic uint8_t place[FAKE_PAGES_MAX];
	_Atomic bool read_only;   /* map what was only read such that a write faults */
	_Atomic int answer;       /* for the next cpu_fault; 0 = map nothing */
	_Atomic uint32_t answers; /* how often it says so before it serves */
	_Atomic uint32_t slow_us; /* cpu_fault takes that long */
	_Atomic uint32_t reads;   /* faults by kind */
	_Atomic uint32_t writes;
	_Atomic uint32_t forgotten;     /* pages, by unmapped */
	_Atomic uint32_t homes;         /* pages, by bring_home */
	_Atomic uint32_t busy;          /* cpu_insert said so */
	_Atomic pthread_t fault_thread; /* who served the last one */
};

static const struct ferry_mm_ops *const fake_ops = &ferry_user_mm_ops;

static inline char *fake_page(struct fake_core *f, uint32_t page)
{
	return (char *)(uintptr_t)f->va + (uint64_t)page * FERRY_PAGE_SIZE;
}

static inline uint64_t fake_va(struct fake_core *f, uint32_t page)
{
	return f->va + (uint64_t)page * FERRY_PAGE_SIZE;
}

/* Under lock. */
static inline int fake_page_home(struct fake_core *f, uint32_t page)
{
	int err = fake_ops->host_populate(f->mm, fake_va(f, page), 1);

	if (!err && f->place[page] == FAKE_DEVICE)
		memcpy(fake_ops->host_ptr(f->mm, fake_va(f, page)), f->device + page * FERRY_PAGE_SIZE,
		       FERRY_PAGE_SIZE);
	if (!err)
		f->place[page] = FAKE_HOST;
	return err;
}

static inline int fake_cpu_fault(void *arg, uint64_t va, bool write)
{
	struct fake_core *f = arg;
	uint64_t page;
	int err;

	pthread_mutex_lock(&f->lock);
	page = (va - f->va) / FERRY_PAGE_SIZE;
	f->fault_thread = pthread_self();
	if (write)
		f->writes++;
	else
		f->reads++;
	if (f->slow_us)
		usleep(f->slow_us);
	if (f->answers) {
		f->answers--;
		err = f->answer;
	} else if (page >= f->pages || f->place[page] == FAKE_FORGOTTEN) {
		err = FERRY_E_RANGE_NOT_FOUND;
	} else if (f->place[page] == FAKE_LOST) {
		err = FERRY_E_DEVICE_LOST;
	} else {
		err = fake_page_home(f, (uint32_t)page);
		if (!err)
			err = fake_ops->cpu_insert(f->mm, va, 1, write || !f->read_only);
		if (err == FERRY_E_BUSY)
			f->busy++;
	}
	pthread_mutex_unlock(&f->lock);
	return err;
}

static inline void fake_unmapped(void *arg, uint64_t va, uint64_t size_bytes)
{
	struct fake_core *f = arg;
	uint64_t first;

	pthread_mutex_lock(&f->lock);
	first = (va - f->va) / FERRY_PAGE_SIZE;
	for (uint64_t i = 0; i < size_bytes / FERRY_PAGE_SIZE; i++) {
		if (first + i < f->pages)
			f->place[first + i] = FAKE_FORGOTTEN;
		f->forgotten++;
	}
	pthread_mutex_unlock(&f->lock);
}

static inline int fake_bring_home(void *arg, uint64_t va, uint64_t size_bytes)
{
	struct fake_core *f = arg;
	uint64_t first;
	int err = 0;

	pthread_mutex_lock(&f->lock);
	first = (va - f->va) / FERRY_PAGE_SIZE;
	for (uint64_t i = first; i < first + size_bytes / FERRY_PAGE_SIZE && !err; i++) {
		if (f->place[i] == FAKE_LOST)
			err = FERRY_E_DEVICE_LOST;
		else
			err = fake_page_home(f, (uint32_t)i);
		f->place[i] = FAKE_FORGOTTEN;
		fake_ops->host_discard(f->mm, fake_va(f, (uint32_t)i), 1); /* must not hurt what was moved */
		f->homes++;
	}
	pthread_mutex_unlock(&f->lock);
	return err;
}

/* Pages [first, first + count) to the device. */
static inline void fake_to_device(struct fake_core *f, uint32_t first, uint32_t count)
{
	pthread_mutex_lock(&f->lock);
	if (fake_ops->cpu_zap(f->mm, fake_va(f, first), count) != 0)
		abort();
	for (uint32_t i = first; i < first + count; i++) {
		if (f->place[i] != FAKE_HOST || fake_page_home(f, i) != 0)
			continue;
		memcpy(f->device + i * FERRY_PAGE_SIZE, fake_ops->host_ptr(f->mm, fake_va(f, i)), FERRY_PAGE_SIZE);
		memset(fake_ops->host_ptr(f->mm, fake_va(f, i)), FAKE_STALE, FERRY_PAGE_SIZE);
		f->place[i] = FAKE_DEVICE;
	}
	pthread_mutex_unlock(&f->lock);
}

static inline int fake_core_init(struct fake_core *f, enum ferry_user_mm_mode mode, uint32_t pages)
{
	const struct ferry_user_mm_config config = {
		.mode = mode,
		.window_bytes_max = 1ull << 30,
		.calls = {.arg = f,
	                  .cpu_fault = fake_cpu_fault,
	                  .unmapped = fake_unmapped,
	                  .bring_home = fake_bring_home},
	};
	int err;

	memset((void *)f, 0, sizeof(*f));
	pthread_mutex_init(&f->lock, NULL);
	f->pages = pages;
	f->device = calloc(pages, FERRY_PAGE_SIZE);
	err = ferry_user_mm_create(&config, &f->mm);
	pthread_mutex_lock(&f->lock);
	if (!err)
		err = ferry_user_mm_alloc(f->mm, (uint64_t)pages * FERRY_PAGE_SIZE, &f->va);
	pthread_mutex_unlock(&f->lock);
	return err;
}

static inline void fake_core_fini(struct fake_core *f)
{
	ferry_user_mm_destroy(f->mm);
	pthread_mutex_destroy(&f->lock);
	free(f->device);
}

/* ---- touching what may not be touched ---- */

static sigjmp_buf fake_jump;
static volatile sig_atomic_t fake_guarded; /* a thread is between try and touch; only one at a time does that */
static pthread_t fake_guarded_thread;

static inline void fake_on_signal(int sig)
{
	if (fake_guarded && pthread_equal(fake_guarded_thread, pthread_self()))
		siglongjmp(fake_jump, sig);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Over CMocka's, which come with every test, and before Ferry's own, so that ours is the next in the chain. */
static inline void fake_signals_catch(void)
{
	struct sigaction sa = {.sa_handler = fake_on_signal};

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
}

/*
 * A test for each mode. The core is made inside the test, after CMocka's signal handlers; the initial state says
 * which test and which mode.
 */
struct fake_case {
	void (*run)(struct fake_core *f);
	enum ferry_user_mm_mode mode;
	uint32_t pages;
};

static inline void fake_run(void **state)
{
	static struct fake_core fake;
	const struct fake_case *c = *state;

	fake_signals_catch();
	assert_int_equal(fake_core_init(&fake, c->mode, c->pages), 0);
	assert_int_equal(ferry_user_mm_mode(fake.mm), c->mode);
	c->run(&fake);
	fake_core_fini(&fake);
}

/* clang-format off */
#define FAKE_CASE(test, name, mode, pages) \
	{ name, fake_run, NULL, NULL, &(struct fake_case){ test, mode, pages } }
#define FAKE_BOTH(test, pages) \
	FAKE_CASE(test, #test ", thread mode", FERRY_USER_MM_THREAD, pages), \
	FAKE_CASE(test, #test ", signal mode", FERRY_USER_MM_SIGNAL, pages)
/* clang-format on */

/* 0, or the signal. */
static inline int fake_touch(volatile char *p, bool write, char value, char *out)
{
	int sig = sigsetjmp(fake_jump, 1);

	if (sig) {
		fake_guarded = 0;
		return sig;
	}
	fake_guarded_thread = pthread_self();
	fake_guarded = 1;
	if (write)
		*p = value;
	else
		*out = *p;
	fake_guarded = 0;
	return 0;
}

static inline int fake_touch_read(const void *p)
{
	char c = 0;

	return fake_touch((volatile char *)(uintptr_t)p, false, 0, &c);
}

static inline int fake_touch_write(void *p, char value)
{
	return fake_touch(p, true, value, NULL);
}

#endif /* FERRY_FAKE_CORE_H */
