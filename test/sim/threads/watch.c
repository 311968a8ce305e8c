/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * watch.c - the watchdog. A stack is printed by its own thread, in a handler of SIGTRAP: the process host blocks all
 * other signals that could be sent to one of its threads. ThreadSanitizer delivers signals late, to a thread that
 * sleeps in a futex never: there /proc says at least in which system call each thread is.
 */
#include <dirent.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ferry/os.h"
#include "watch.h"

#define FRAMES 24
#define LOOK_US 50000

static struct {
	_Atomic uint64_t run; /* 0: nothing runs */
	_Atomic uint64_t seed;
	const char *_Atomic story;
	double patience_s;
} watch;

static uint64_t runs;

static void print_stack(int sig)
{
	void *frames[FRAMES];
	int n = backtrace(frames, FRAMES);

	(void)sig;
	/* The first two are this handler and the way into it. */
	if (n > 2)
		backtrace_symbols_fd(frames + 2, n - 2, 2);
}

static void print_file(long tid, const char *file)
{
	char path[64], line[128] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/%s", tid, file);
	f = fopen(path, "r");
	if (!f)
		return;
	if (fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = 0;
	fclose(f);
	fprintf(stderr, " %s", line);
}

static void print_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		long tid = atol(e->d_name);

		if (!tid || tid == syscall(SYS_gettid))
			continue;
		fprintf(stderr, "  thread %ld:", tid);
		print_file(tid, "comm");
		print_file(tid, "syscall");
		fprintf(stderr, "\n");
		syscall(SYS_tgkill, getpid(), tid, SIGTRAP);
		usleep(50000);
	}
	if (d)
		closedir(d);
}

/* Counts its own looks, not the time: on a machine that has no time for us it is late itself. */
static void *watch_main(void *arg)
{
	(void)arg;
	for (uint64_t seen = 0, looks = 0;; looks++) {
		if (!watch.run || watch.run != seen) {
			seen = watch.run;
			looks = 0;
		}
		if (looks * LOOK_US > watch.patience_s * 1e6) {
			fprintf(stderr, "%s: seed %llu: hang: no end after %.1f s\n", watch.story,
			        (unsigned long long)watch.seed, watch.patience_s);
			threads_print_state();
			print_threads();
			_exit(1);
		}
		usleep(LOOK_US);
	}
	return NULL;
}

void watch_start(double patience_s)
{
	struct sigaction action = {.sa_handler = print_stack, .sa_flags = SA_RESTART};
	pthread_t thread;
	void *first[1];

	/* The first call loads a library: not in a handler. */
	(void)backtrace(first, 1);
	watch.patience_s = patience_s;
	sigaction(SIGTRAP, &action, NULL);
	if (pthread_create(&thread, NULL, watch_main, NULL)) {
		fprintf(stderr, "storytest: no watchdog\n");
		exit(2);
	}
	pthread_detach(thread);
}

void watch_begin(const char *story, uint64_t seed)
{
	watch.story = story;
	watch.seed = seed;
	watch.run = ++runs;
}

void watch_end(void)
{
	watch.run = 0;
}
