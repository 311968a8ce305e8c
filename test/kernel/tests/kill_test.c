/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * SIGKILL is obeyed within two seconds, whatever the process is doing. --rounds N: how many lives are ended at a
 * random moment.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"

#define FOREVER_NS UINT64_MAX

/* What a life is spent on. */
static int waits_for_ever(void *arg)
{
	int fd = dev_open();
	uint64_t launch;

	(void)arg;
	CHECK(dev_launch(fd, dev_program_load(fd, DEV_PROGRAM_SPIN), NULL, 0, &launch) == 0, "launch");
	return dev_wait(fd, launch, FOREVER_NS);
}

static int moves_for_ever(void *arg)
{
	int fd = dev_open();
	uint8_t *p = dev_alloc(fd, 2 * DEV_BLOCK);

	(void)arg;
	for (;;) {
		memset(p, 1, 2 * DEV_BLOCK);
		(void)dev_migrate(fd, p, 2 * DEV_BLOCK, 0);
	}
	return 0;
}

static int faults_for_ever(void *arg)
{
	int fd = dev_open();
	uint8_t *p = dev_alloc(fd, 4 * DEV_BLOCK);
	uint32_t program = dev_program_load(fd, DEV_PROGRAM_ADD);

	(void)arg;
	for (;;) {
		uint64_t args[] = {(uintptr_t)p, 4 * DEV_BLOCK / 8, 1}, launch;

		if (!dev_launch(fd, program, args, 3, &launch))
			(void)dev_wait(fd, launch, FOREVER_NS);
		for (size_t at = 0; at < 4 * DEV_BLOCK; at += DEV_PAGE)
			p[at]++;
	}
	return 0;
}

static int maps_for_ever(void *arg)
{
	int fd = dev_open();

	(void)arg;
	for (;;) {
		uint8_t *p = dev_alloc(fd, DEV_BLOCK);

		p[0] = 1;
		(void)dev_migrate(fd, p, 64 * DEV_PAGE, 0);
		munmap(p, DEV_BLOCK);
	}
	return 0;
}

static int opens_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		close(dev_open());
	return 0;
}

static void *thread_of_all(void *arg)
{
	moves_for_ever(arg);
	return NULL;
}

static int threads_for_ever(void *arg)
{
	pthread_t thread;

	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&thread, NULL, thread_of_all, NULL) == 0, "thread");
	return faults_for_ever(arg);
}

static int (*const lives[])(void *) = {waits_for_ever, moves_for_ever, faults_for_ever,
                                       maps_for_ever,  opens_for_ever, threads_for_ever};
#define LIVES (sizeof(lives) / sizeof(lives[0]))

/* Nothing of the dead is left: the device's memory is free again, and it computes. */
static void device_is_well(void)
{
	int fd = dev_open();
	uint64_t *p = dev_alloc(fd, DEV_BLOCK);
	struct ferry_req_device_info info = {.size = sizeof(info)};
	uint64_t until = ktap_now_ms() + ktap_patience_ms(5000);
	int error;

	for (;;) {
		CHECK(dev_call(fd, FERRY_REQ_DEVICE_INFO, &info, sizeof(info)) == 0, "info");
		if (info.vram_free_bytes + 256 * DEV_PAGE >= info.vram_bytes)
			break;
		CHECK(ktap_now_ms() < until, "%llu of %llu bytes are free", (unsigned long long)info.vram_free_bytes,
		      (unsigned long long)info.vram_bytes);
		ktap_sleep_us(20000);
	}
	error = dev_run(fd, DEV_PROGRAM_FILL, p, 100, 5);
	CHECK(error == 0 && p[99] == 5, "%s", dev_error_name(error));
	CHECK(dev_counter(fd, FERRY_COUNTER_lock_violations) == 0, "the lock order was broken");
}

static void at_random_moments(void)
{
	uint64_t rounds = ktap_option("rounds", 60), worst_ms = 0;

	for (uint64_t i = 0; i < rounds; i++) {
		pid_t pid = ktap_child(lives[i % LIVES], NULL);
		uint64_t start;

		ktap_sleep_us(ktap_random_below(i % 3 ? 60000 : 5000));
		start = ktap_now_ms();
		ktap_kill(pid);
		if (ktap_now_ms() - start > worst_ms)
			worst_ms = ktap_now_ms() - start;
	}
	printf("# slowest: %llu ms\n", (unsigned long long)worst_ms);
	fflush(stdout);
	device_is_well();
}

static void several_at_once(void)
{
	for (int round = 0; round < 6; round++) {
		pid_t pid[LIVES];

		for (size_t i = 0; i < LIVES; i++)
			pid[i] = ktap_child(lives[i], NULL);
		ktap_sleep_us(50000 + ktap_random_below(150000));
		for (size_t i = 0; i < LIVES; i++)
			kill(pid[i], SIGKILL);
		for (size_t i = 0; i < LIVES; i++)
			ktap_kill(pid[i]);
	}
	device_is_well();
}

static void nothing(int signal)
{
	(void)signal;
}

/* A signal with a handler: the wait ends early or goes on; it does not hang, and the process stays usable. */
static int waits_and_is_interrupted(void *arg)
{
	struct sigaction action = {.sa_handler = nothing};
	int fd = dev_open(), error;
	uint64_t launch, start = ktap_now_ms();

	(void)arg;
	sigaction(SIGALRM, &action, NULL);
	CHECK(dev_launch(fd, dev_program_load(fd, DEV_PROGRAM_SPIN), NULL, 0, &launch) == 0, "launch");
	ualarm(100000, 100000);
	error = dev_wait(fd, launch, 1000000000ull);
	CHECK(error == FERRY_E_TIMEOUT || error == FERRY_E_KILLED || error == FERRY_E_LAUNCH_BUDGET, "%s",
	      dev_error_name(error));
	CHECK(ktap_now_ms() - start < 8000, "the wait of a second took %llu ms",
	      (unsigned long long)(ktap_now_ms() - start));
	return 0;
}

static void other_signals(void)
{
	ktap_wait_good(ktap_child(waits_and_is_interrupted, NULL), 15000);
}

/* Stopped and continued in the middle: SIGSTOP must not be mistaken for the end. */
static void stopped_and_continued(void)
{
	for (size_t i = 0; i < LIVES; i++) {
		pid_t pid = ktap_child(lives[i], NULL);

		for (int round = 0; round < 5; round++) {
			ktap_sleep_us(10000);
			kill(pid, SIGSTOP);
			ktap_sleep_us(2000);
			kill(pid, SIGCONT);
		}
		CHECK(waitpid(pid, NULL, WNOHANG) == 0, "life %zu ended by itself", i);
		kill(pid, SIGSTOP);
		ktap_kill(pid);
	}
	device_is_well();
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"SIGKILL is obeyed at any moment", at_random_moments, 600},
		{"so it is when several compete", several_at_once, 60},
		{"other signals do not hang a wait", other_signals, 30},
		{"stopping and continuing is no ending", stopped_and_continued, 60},
	};

	return KTAP_MAIN(argc, argv, cases);
}
