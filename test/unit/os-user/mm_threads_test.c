/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TEST-SOURCES: os-user/mm_uffd.c os-user/mm_open.c os-user/mm_map.c os-user/mm_slots.c os-user/mm_follow.c
 * os-user/mm_monitor.c os-user/mm_poison.c os-user/mm_sigbus.c
 */
/*
 * Managed memory and threads: touches and zaps at once, system calls, cancellation, signals, small stacks.
 */
#include "test/unit/cmocka_compat.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>

#include "fake_core.h"

#define PAGES 128u
#define TOUCHERS 4u
#define ROUNDS (FERRY_USER_TSAN ? 150u : 300u)

struct toucher {
	struct fake_core *f;
	uint32_t number;
	uint32_t wrong;
	pthread_t thread;
};

static uint32_t touchers_done;

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Each has a word of its own in every page, and knows what it holds. */
static void *toucher_main(void *arg)
{
	struct toucher *t = arg;
	uint32_t expect[PAGES] = {0};
	uint32_t random = t->number;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t page = next_random(&random) % PAGES;
		volatile uint32_t *word = (volatile uint32_t *)(void *)fake_page(t->f, page) + t->number * 16;

		t->wrong += *word != expect[page];
		if (next_random(&random) % 2)
			*word = expect[page] = i + 1;
	}
	__atomic_fetch_add(&touchers_done, 1, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * Goal: no byte is ever lost or stale while pages move under the threads that use them. Method: four threads read and
 * write their own words; this one moves random pieces to the device all the time, and write-protects others.
 */
static void bytes_stay_right_while_pages_move(struct fake_core *f)
{
	struct toucher t[TOUCHERS];
	uint32_t random = 99;

	f->read_only = true;
	touchers_done = 0;
	for (uint32_t i = 0; i < TOUCHERS; i++) {
		t[i] = (struct toucher){.f = f, .number = i};
		assert_int_equal(pthread_create(&t[i].thread, NULL, toucher_main, &t[i]), 0);
	}
	while (__atomic_load_n(&touchers_done, __ATOMIC_ACQUIRE) < TOUCHERS) {
		uint32_t first = next_random(&random) % PAGES;
		uint32_t count = 1 + next_random(&random) % (PAGES - first < 8 ? PAGES - first : 8);

		fake_to_device(f, first, count);
		pthread_mutex_lock(&f->lock);
		(void)!fake_ops->cpu_protect(f->mm, fake_va(f, 0), PAGES);
		pthread_mutex_unlock(&f->lock);
		usleep(20); /* the lock is not fair */
	}
	for (uint32_t i = 0; i < TOUCHERS; i++)
		pthread_join(t[i].thread, NULL);
	for (uint32_t i = 0; i < TOUCHERS; i++)
		assert_uint_equal(t[i].wrong, 0);
}

/*
 * Goal: threads that all touch one new page at once all go on. Method: eight threads and a barrier, many pages.
 */
static pthread_barrier_t barrier;

static void *crowd_main(void *arg)
{
	struct fake_core *f = arg;

	for (uint32_t i = 0; i < PAGES; i++) {
		pthread_barrier_wait(&barrier);
		__atomic_fetch_add((uint32_t *)(void *)fake_page(f, i), 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void a_crowd_at_one_page_goes_on(struct fake_core *f)
{
	pthread_t thread[8];

	pthread_barrier_init(&barrier, NULL, 8);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, crowd_main, f), 0);
	for (uint32_t i = 0; i < 8; i++)
		pthread_join(thread[i], NULL);
	for (uint32_t i = 0; i < PAGES; i++)
		assert_uint_equal(*(uint32_t *)(void *)fake_page(f, i), 8);
	pthread_barrier_destroy(&barrier);
}

/*
 * Goal: system calls into memory without a mapping work where mm_uffd says so, and fail with EFAULT elsewhere, never
 * with wrong bytes. Method: write() from and read() into pages on the device, through a socket pair.
 */
static void system_calls_work_or_fail_with_efault(struct fake_core *f)
{
	char out[8] = {0};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	strcpy(fake_page(f, 0), "abcdefg");
	strcpy(fake_page(f, 1), "unchanged");
	fake_to_device(f, 0, 2);
	if (ferry_user_mm_syscalls_work(f->mm)) {
		assert_int_equal(write(pair[0], fake_page(f, 0), 8), 8);
		assert_int_equal(read(pair[1], fake_page(f, 1), 8), 8);
		assert_string_equal(fake_page(f, 1), "abcdefg");
	} else {
		errno = 0;
		assert_int_equal(write(pair[0], fake_page(f, 0), 8), -1);
		assert_int_equal(errno, EFAULT);
		assert_int_equal(write(pair[0], "xyz", 4), 4);
		assert_int_equal(read(pair[1], fake_page(f, 1), 4), -1);
		assert_int_equal(errno, EFAULT);
		assert_string_equal(fake_page(f, 1), "unchanged");
		/* Once touched, it works. */
		assert_int_equal(fake_touch_read(fake_page(f, 0)), 0);
		assert_int_equal(write(pair[0], fake_page(f, 0), 8), 8);
		assert_int_equal(read(pair[1], out, 4), 4);
	}
	close(pair[0]);
	close(pair[1]);
}

/*
 * Goal: a system call on a poisoned page fails with EFAULT, in thread mode too. Method: write() from one.
 */
static void system_calls_on_poison_fail_with_efault(struct fake_core *f)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	f->place[0] = FAKE_LOST;
	errno = 0;
	assert_int_equal(write(pair[0], fake_page(f, 0), 8), -1);
	assert_int_equal(errno, EFAULT);
	close(pair[0]);
	close(pair[1]);
}

/*
 * Goal: a thread that is cancelled while its fault is being served does not take the core's lock with it. Method: a
 * slow core; cancel asynchronously in the middle; then use the core.
 */
static void *victim_main(void *arg)
{
	struct fake_core *f = arg;
	int old;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	*(volatile char *)fake_page(f, 3) = 1;
	for (;;)
		pause();
	return NULL;
}

static void a_thread_cancelled_in_a_fault_leaves_the_core_usable(struct fake_core *f)
{
	pthread_t victim;
	void *how = NULL;

	f->slow_us = 3000;
	assert_int_equal(pthread_create(&victim, NULL, victim_main, f), 0);
	usleep(1000);
	pthread_cancel(victim);
	pthread_join(victim, &how);
	assert_ptr_equal(how, PTHREAD_CANCELED);
	f->slow_us = 0;
	*(volatile char *)fake_page(f, 4) = 1;
	fake_to_device(f, 0, 8);
	assert_int_equal(*(volatile char *)fake_page(f, 4), 1);
}

/*
 * Goal: a signal handler of the program's may touch managed memory, and never runs inside the core. Method: a timer
 * that fires all the time, whose handler touches; the main line touches and pages move.
 */
static struct fake_core *signal_core;
static volatile sig_atomic_t signals;

static void on_alarm(int sig)
{
	(void)sig;
	signals++;
	*(volatile char *)fake_page(signal_core, 100 + (uint32_t)signals % 8) = 1;
}

static void signals_and_faults_mix(struct fake_core *f)
{
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	const struct timespec tick = {0, 300000};
	struct itimerspec its = {.it_interval = tick, .it_value = tick};
	struct sigevent se = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	sigset_t block;
	timer_t timer;

	if (FERRY_USER_TSAN && ferry_user_mm_mode(f->mm) == FERRY_USER_MM_SIGNAL)
		return; /* it runs handlers late, with SIGBUS blocked */
	signal_core = f;
	signals = 0;
	sigaction(SIGALRM, &sa, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGALRM);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &se, &timer), 0);
	timer_settime(timer, 0, &its, NULL);
	for (uint32_t i = 0; i < 300 || signals < 20; i++) {
		*(volatile char *)fake_page(f, i % 100) = (char)i;
		/* fake_to_device() holds a lock that the handler's touch needs */
		pthread_sigmask(SIG_BLOCK, &block, NULL);
		fake_to_device(f, i % 100, 1);
		fake_to_device(f, 100, 8);
		pthread_sigmask(SIG_UNBLOCK, &block, NULL);
		assert_int_equal(*(volatile char *)fake_page(f, i % 100), (char)i);
	}
	timer_delete(timer);
	signal(SIGALRM, SIG_DFL);
	assert_true(signals >= 20);
}

/*
 * Goal: faults leave errno alone. Method: set it, touch, compare.
 */
static void a_fault_keeps_errno(struct fake_core *f)
{
	errno = EXDEV;
	*(volatile char *)fake_page(f, 0) = 1;
	assert_int_equal(errno, EXDEV);
}

/*
 * Goal: with a small alternate signal stack the core runs elsewhere. Method: a thread with such a stack touches; see
 * which thread served it. Without one, in signal mode, it is the toucher itself.
 */
static void *small_stack_main(void *arg)
{
	struct fake_core *f = arg;
	static char stack[16384];
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
	stack_t off = {.ss_flags = SS_DISABLE};
	uintptr_t wrong = 0;

	*(volatile char *)fake_page(f, 0) = 1;
	wrong += !pthread_equal(f->fault_thread, pthread_self());
	sigaltstack(&ss, NULL);
	*(volatile char *)fake_page(f, 1) = 2;
	wrong += pthread_equal(f->fault_thread, pthread_self()) != 0;
	f->answer = FERRY_E_BUSY;
	f->answers = 2;
	*(volatile char *)fake_page(f, 2) = 3;
	wrong += pthread_equal(f->fault_thread, pthread_self()) != 0;
	sigaltstack(&off, NULL);
	return (void *)wrong;
}

static void a_small_signal_stack_is_not_overrun(struct fake_core *f)
{
	pthread_t thread;
	void *wrong = NULL;

	if (FERRY_USER_ASAN || FERRY_USER_TSAN)
		return; /* they have signal stacks of their own */
	assert_int_equal(pthread_create(&thread, NULL, small_stack_main, f), 0);
	pthread_join(thread, &wrong);
	assert_null(wrong);
}

/*
 * Goal: a SIGBUS that is not Ferry's reaches the program's handler, whether it was installed before Ferry's, or later
 * and calls what it found. Method: touch beyond the end of a file; and again with a second handler on top.
 */
static struct sigaction found;
static volatile sig_atomic_t on_top;

static void on_top_handler(int sig, siginfo_t *info, void *context)
{
	on_top++;
	found.sa_sigaction(sig, info, context);
}

static void foreign_sigbus_reaches_its_handler(struct fake_core *f)
{
	struct sigaction sa = {.sa_sigaction = on_top_handler, .sa_flags = SA_SIGINFO};
	int fd = memfd_create("test", MFD_CLOEXEC);
	char *beyond = mmap(NULL, FERRY_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	on_top = 0;
	assert_int_equal(fake_touch_read(beyond), SIGBUS);
	assert_int_equal(fake_touch_write(beyond, 1), SIGBUS);
	sigaction(SIGBUS, &sa, &found);
	assert_int_equal(fake_touch_read(beyond), SIGBUS);
	assert_int_equal(fake_touch_read(beyond), SIGBUS);
	assert_int_equal(fake_touch_write(fake_page(f, 0), 1), 0);
	assert_uint_equal(f->writes, 1);
	assert_int_equal(on_top, 3);
	sigaction(SIGBUS, &found, NULL);
	munmap(beyond, FERRY_PAGE_SIZE);
	close(fd);
}

/*
 * Goal: without managed memory our handler is gone again. Method: look before, during and after.
 */
static void the_handler_leaves_with_the_last_address_space(void **state)
{
	struct sigaction before, during, after;
	struct fake_core a, b;

	(void)state;
	sigaction(SIGBUS, NULL, &before);
	assert_int_equal(fake_core_init(&a, FERRY_USER_MM_SIGNAL, 1), 0);
	assert_int_equal(fake_core_init(&b, FERRY_USER_MM_SIGNAL, 1), 0);
	sigaction(SIGBUS, NULL, &during);
	assert_true(during.sa_sigaction != before.sa_sigaction);
	fake_core_fini(&a);
	*(volatile char *)fake_page(&b, 0) = 1;
	fake_core_fini(&b);
	sigaction(SIGBUS, NULL, &after);
	assert_true(after.sa_sigaction == before.sa_sigaction);
}

/*
 * Goal: threads may map, unmap and touch their own allocations all at once. Method: four threads in a loop; each
 * allocation's pages are told to a core that serves any page with zeroes.
 */
static int any_fault(void *arg, uint64_t va, bool write)
{
	struct fake_core *f = arg;
	int err = fake_ops->host_populate(f->mm, va, 1);

	return err ? err : fake_ops->cpu_insert(f->mm, va, 1, write);
}

static void any_unmapped(void *arg, uint64_t va, uint64_t size_bytes)
{
	(void)arg;
	(void)va;
	(void)size_bytes;
}

static int any_home(void *arg, uint64_t va, uint64_t size_bytes)
{
	(void)arg;
	(void)va;
	(void)size_bytes;
	return 0;
}

static void *mapper_main(void *arg)
{
	struct toucher *t = arg;

	for (uint32_t i = 0; i < 60; i++) {
		uint64_t bytes = (1 + (i + t->number) % 5) * 3 * FERRY_PAGE_SIZE;
		uint64_t va = 0;
		char *p;

		if (ferry_user_mm_alloc(t->f->mm, bytes, &va) != 0) {
			t->wrong++;
			continue;
		}
		p = (char *)(uintptr_t)va;
		for (uint64_t at = 0; at < bytes; at += FERRY_PAGE_SIZE) {
			t->wrong += *(volatile char *)(p + at) != 0;
			*(volatile char *)(p + at) = 1;
		}
		if (i % 3 == 0)
			munmap(p + FERRY_PAGE_SIZE, FERRY_PAGE_SIZE);
		if (i % 7 == 0)
			munmap(p, bytes);
		else
			t->wrong += ferry_user_mm_free(t->f->mm, va, bytes) != 0;
	}
	return NULL;
}

static void allocations_in_parallel(void **state)
{
	enum ferry_user_mm_mode mode = *(enum ferry_user_mm_mode *)*state;
	static struct fake_core f;
	struct toucher t[TOUCHERS];
	const struct ferry_user_mm_config config = {
		.mode = mode,
		.window_bytes_max = 1ull << 30,
		.calls = {.arg = &f, .cpu_fault = any_fault, .unmapped = any_unmapped, .bring_home = any_home},
	};

	assert_int_equal(ferry_user_mm_create(&config, &f.mm), 0);
	for (uint32_t i = 0; i < TOUCHERS; i++) {
		t[i] = (struct toucher){.f = &f, .number = i};
		assert_int_equal(pthread_create(&t[i].thread, NULL, mapper_main, &t[i]), 0);
	}
	for (uint32_t i = 0; i < TOUCHERS; i++) {
		pthread_join(t[i].thread, NULL);
		assert_uint_equal(t[i].wrong, 0);
	}
	ferry_user_mm_destroy(f.mm);
}

int main(void)
{
	enum ferry_user_mm_mode thread_mode = FERRY_USER_MM_THREAD;
	enum ferry_user_mm_mode signal_mode = FERRY_USER_MM_SIGNAL;
	const struct CMUnitTest tests[] = {
		FAKE_BOTH(bytes_stay_right_while_pages_move, PAGES),
		FAKE_BOTH(a_crowd_at_one_page_goes_on, PAGES),
		FAKE_BOTH(system_calls_work_or_fail_with_efault, PAGES),
		FAKE_BOTH(system_calls_on_poison_fail_with_efault, PAGES),
		FAKE_BOTH(a_thread_cancelled_in_a_fault_leaves_the_core_usable, PAGES),
		FAKE_BOTH(signals_and_faults_mix, PAGES),
		FAKE_BOTH(a_fault_keeps_errno, PAGES),
		FAKE_CASE(a_small_signal_stack_is_not_overrun, "a_small_signal_stack_is_not_overrun",
	                  FERRY_USER_MM_SIGNAL, PAGES),
		FAKE_CASE(foreign_sigbus_reaches_its_handler, "foreign_sigbus_reaches_its_handler",
	                  FERRY_USER_MM_SIGNAL, PAGES),
		cmocka_unit_test(the_handler_leaves_with_the_last_address_space),
		{"allocations_in_parallel, thread mode", allocations_in_parallel, NULL, NULL, &thread_mode},
		{"allocations_in_parallel, signal mode", allocations_in_parallel, NULL, NULL, &signal_mode},
	};

	return cmocka_run_group_tests_name("os-user/mm_threads", tests, NULL, NULL);
}
