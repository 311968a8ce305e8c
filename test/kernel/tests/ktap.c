/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "ktap.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_FAILED 1
#define EXIT_SKIPPED 4

static int option_count;
static char **options;
static uint64_t random_state = 1;

uint64_t ktap_option(const char *name, uint64_t fallback)
{
	for (int i = 1; i + 1 < option_count; i++)
		if (strncmp(options[i], "--", 2) == 0 && strcmp(options[i] + 2, name) == 0)
			return strtoull(options[i + 1], NULL, 0);
	return fallback;
}

/* splitmix64 */
uint64_t ktap_random(void)
{
	uint64_t z = (random_state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

void ktap_random_seed(uint64_t seed)
{
	random_state = seed;
}

uint64_t ktap_random_below(uint64_t limit)
{
	return limit ? ktap_random() % limit : 0;
}

uint64_t ktap_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void ktap_sleep_us(uint64_t us)
{
	struct timespec time = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};

	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

uint64_t ktap_kill_ms(void)
{
	const char *text = getenv("FERRY_KILL_MS");

	return text ? strtoull(text, NULL, 0) : KTAP_KILL_MS;
}

/* One write, so that lines of several processes stay whole. */
static void say(const char *format, ...)
{
	char line[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	(void)!write(STDOUT_FILENO, line, (size_t)n);
}

void ktap_fail(const char *file, int line, const char *what, const char *format, ...)
{
	char why[512];
	int saved = errno;
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	say("# %s:%d: not true: %s: %s (errno %d, %s)", file, line, what, why, saved, strerror(saved));
	_exit(EXIT_FAILED);
}

void ktap_skip(const char *why)
{
	say("# skipped: %s", why);
	_exit(EXIT_SKIPPED);
}

/* ---- children ---- */

pid_t ktap_child(int (*body)(void *arg), void *arg)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	CHECK(pid >= 0, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EXIT_FAILED);
		_exit(body(arg));
	}
	return pid;
}

/* True when it ended within the time. */
static bool wait_until(pid_t pid, int *status, uint64_t timeout_ms)
{
	uint64_t until = ktap_now_ms() + timeout_ms;

	for (;;) {
		pid_t got = waitpid(pid, status, WNOHANG);

		if (got == pid || (got < 0 && errno != EINTR))
			return true;
		if (ktap_now_ms() >= until)
			return false;
		ktap_sleep_us(500);
	}
}

/* What a file of /proc/PID says, each line a note. */
static void file_tell(pid_t pid, const char *name)
{
	char path[64], line[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "re");
	for (int lines = 0; file && lines < 40 && fgets(line, sizeof(line), file); lines++) {
		line[strcspn(line, "\n")] = '\0';
		say("#   %s: %s", name, line);
	}
	if (file)
		fclose(file);
}

/* Where a process is that should have ended: twice, so that going round is told from standing still. */
static void process_tell(pid_t pid)
{
	for (int i = 0; i < 2; i++) {
		file_tell(pid, "stat");
		file_tell(pid, "syscall");
		file_tell(pid, "stack");
		ktap_sleep_us(300000);
	}
}

uint64_t ktap_patience_ms(uint64_t ms)
{
	const char *scale = getenv("FERRY_TIME_SCALE");
	uint64_t times = scale ? strtoull(scale, NULL, 10) : 1;

	return times ? ms * times : ms;
}

static bool ended_within(pid_t pid, int *status, uint64_t timeout_ms)
{
	if (wait_until(pid, status, timeout_ms))
		return true;
	process_tell(pid);
	return false;
}

bool ktap_ended(pid_t pid, int *status, unsigned timeout_ms)
{
	return ended_within(pid, status, ktap_patience_ms(timeout_ms));
}

int ktap_wait(pid_t pid, unsigned timeout_ms)
{
	int status = 0;

	CHECK(ktap_ended(pid, &status, timeout_ms), "process %d still runs after %u ms", pid, timeout_ms);
	return status;
}

void ktap_wait_good(pid_t pid, unsigned timeout_ms)
{
	int status = ktap_wait(pid, timeout_ms);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "process %d ended with wait status 0x%x", pid, status);
}

void ktap_kill(pid_t pid)
{
	int status = 0;

	kill(pid, SIGKILL);
	CHECK(ended_within(pid, &status, ktap_kill_ms()), "process %d did not obey SIGKILL within %llu ms", pid,
	      (unsigned long long)ktap_kill_ms());
}

/* ---- touching ---- */

static sigjmp_buf touch_back;
static volatile sig_atomic_t touch_signal;

static void touched(int signal)
{
	touch_signal = signal;
	siglongjmp(touch_back, 1);
}

int ktap_touch(volatile void *at, bool write)
{
	struct sigaction action = {.sa_handler = touched}, was_segv, was_bus;
	volatile uint8_t *byte = at;

	touch_signal = 0;
	sigaction(SIGSEGV, &action, &was_segv);
	sigaction(SIGBUS, &action, &was_bus);
	if (sigsetjmp(touch_back, 1) == 0) {
		uint8_t value = *byte;

		if (write)
			*byte = value;
	}
	sigaction(SIGSEGV, &was_segv, NULL);
	sigaction(SIGBUS, &was_bus, NULL);
	return touch_signal;
}

/* ---- running ---- */

static const char *fate(int status, char *buf, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "died of signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(buf, size, "ended with status %d", WEXITSTATUS(status));
	return buf;
}

/* True when it passed or was skipped. */
static bool case_run(const struct ktap_case *test, unsigned number)
{
	unsigned timeout_s = test->timeout_s ? test->timeout_s : KTAP_TIMEOUT_S;
	uint64_t start = ktap_now_ms(), timeout_ms;
	bool ended, obeyed = true;
	char why[128];
	int status = 0;
	pid_t pid;

	timeout_ms = ktap_patience_ms(timeout_s * 1000ull);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		test->run();
		_exit(0);
	}
	setpgid(pid, pid);
	ended = wait_until(pid, &status, timeout_ms);
	kill(-pid, SIGKILL); /* and what it started */
	if (!ended) {
		obeyed = wait_until(pid, &status, ktap_kill_ms());
		say("# did not end within %llu s%s", (unsigned long long)timeout_ms / 1000,
		    obeyed ? "" : ", and did not obey SIGKILL");
	}
	if (ended && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED) {
		say("ok %u %s # SKIP", number, test->name);
		return true;
	}
	if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		say("# %llu ms", (unsigned long long)(ktap_now_ms() - start));
		say("ok %u %s", number, test->name);
		return true;
	}
	if (ended)
		say("# %s", fate(status, why, sizeof(why)));
	say("not ok %u %s", number, test->name);
	return false;
}

int ktap_main(int argc, char **argv, const struct ktap_case *cases, size_t count)
{
	const char *only = "";
	unsigned wanted = 0, number = 0, failed = 0;
	uint64_t seed;

	option_count = argc;
	options = argv;
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "--only") == 0)
			only = argv[i + 1];
	seed = ktap_option("seed", 1);
	for (size_t i = 0; i < count; i++)
		wanted += strstr(cases[i].name, only) != NULL;
	if (!wanted && only[0]) /* a process that only wanted to be one */
		return 0;
	say("KTAP version 1");
	say("1..%u", wanted);
	say("# seed %llu", (unsigned long long)seed);
	for (size_t i = 0; i < count; i++) {
		if (!strstr(cases[i].name, only))
			continue;
		random_state = seed * 1000003 + i;
		failed += !case_run(&cases[i], ++number);
	}
	return failed ? EXIT_FAILED : 0;
}
