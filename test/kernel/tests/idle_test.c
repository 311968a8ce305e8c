/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Idle costs nothing: no interrupt, no timer, no work, no wake-up of a thread, for seconds. Runs with no module
 * loaded, and leaves none.
 *
 * Three witnesses: /proc/interrupts; the context switches of our threads; and the kernel's trace of interrupts,
 * timers, work items, wake-ups and context switches, no line of which may mention us. A first case shows that they
 * see what is not idle.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"
#include "mod.h"
#include "trace.h"

#define BYTES DEV_BLOCK
#define ADD_WORDS 65536u /* more than 20 ms of an emulated device's work */
/* The watchdog of a launch looks every 20 ms, and once more after the last one; RCU needs a while to forget a file.
 */
#define SETTLE_US 500000u
#define IDLE_US 3500000u

struct activity {
	uint64_t interrupts, switches;
	unsigned threads;
};

/* The numbers after the colon of each line that names us. */
static uint64_t interrupts_now(void)
{
	FILE *file = fopen("/proc/interrupts", "re");
	uint64_t sum = 0;
	char line[1024];
	unsigned lines = 0;

	CHECK(file, "no /proc/interrupts");
	while (fgets(line, sizeof(line), file)) {
		char *at = strchr(line, ':');

		if (!at || !strstr(line, "ferry-soft"))
			continue;
		lines++;
		for (at++;; at += strspn(at, " ")) {
			at += strspn(at, " ");
			if (!isdigit((unsigned char)*at))
				break;
			sum += strtoull(at, &at, 10);
		}
	}
	fclose(file);
	CHECK(lines > 0, "no interrupt of ours in /proc/interrupts");
	return sum;
}

/* False: that process is gone. */
static bool text_of(const char *pid, const char *file, char *text, size_t size)
{
	char path[300];
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%.200s/%s", pid, file);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(text, 1, size - 1, f);
	fclose(f);
	text[n] = '\0';
	return n > 0;
}

static uint64_t field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	CHECK(at, "no %s", name);
	return strtoull(at + strlen(name), NULL, 10);
}

/* ferry-sm, ferry-ce, and the work queue's rescuer; not a worker that was ours last ("kworker/u4:1-ferry"). */
static bool is_ours(const char *comm)
{
	return strncmp(comm, "ferry", 5) == 0 || strncmp(comm, "kworker/R-ferry", 15) == 0;
}

static void threads_now(struct activity *now)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	char text[4096];

	CHECK(dir, "no /proc");
	while ((entry = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !text_of(entry->d_name, "comm", text, sizeof(text)) || !is_ours(text) ||
		    !text_of(entry->d_name, "status", text, sizeof(text)))
			continue;
		now->threads++;
		now->switches += field(text, "\nvoluntary_ctxt_switches:");
		now->switches += field(text, "\nnonvoluntary_ctxt_switches:");
	}
	closedir(dir);
	CHECK(now->threads >= 2, "%u threads of ours", now->threads);
}

static struct activity activity_now(void)
{
	struct activity now = {.interrupts = interrupts_now()};

	threads_now(&now);
	return now;
}

static void watch(void)
{
	static const char *const others[] = {"irq/irq_handler_entry",
	                                     "timer/timer_start",
	                                     "timer/timer_expire_entry",
	                                     "timer/hrtimer_start",
	                                     "timer/hrtimer_expire_entry",
	                                     "workqueue/workqueue_queue_work",
	                                     "workqueue/workqueue_execute_start",
	                                     "sched/sched_waking",
	                                     "sched/sched_switch"};

	trace_on("");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CHECK(trace_also(others[i]), "this kernel has no events/%s", others[i]);
}

/* Nothing of ours happens for IDLE_US. */
static void stays_idle(void)
{
	struct activity before, after;
	char line[512] = "";
	uint64_t lines, ours;

	ktap_sleep_us(SETTLE_US);
	before = activity_now();
	watch();
	ktap_sleep_us(IDLE_US);
	trace_off();
	after = activity_now();
	CHECK(after.interrupts == before.interrupts, "%llu interrupts",
	      (unsigned long long)(after.interrupts - before.interrupts));
	CHECK(after.threads == before.threads && after.switches == before.switches, "%llu context switches",
	      (unsigned long long)(after.switches - before.switches));
	ours = trace_count();
	CHECK(ours == 0, "%llu trace events of ours", (unsigned long long)ours);
	lines = trace_mentions("ferry", line, sizeof(line));
	CHECK(lines == 0, "%llu lines of the kernel's trace mention us: %s", (unsigned long long)lines, line);
	CHECK(trace_mentions("sched_switch", line, sizeof(line)) > 0, "the kernel's trace is empty");
}

static void must_mention(const char *what)
{
	char line[512];

	CHECK(trace_mentions(what, line, sizeof(line)) > 0, "no \"%s\" in the trace of a program that runs", what);
}

static void runs(int fd, uint8_t *p)
{
	int error;

	dev_pattern_write(p, BYTES, 1);
	error = dev_run(fd, DEV_PROGRAM_ADD, p, ADD_WORDS, 1);
	CHECK(error == 0, "add: %s", dev_error_name(error));
}

/* Every witness sees a program. */
static void the_opposite(void)
{
	struct activity before, after;
	uint8_t *p;
	int fd;

	mod_load_all();
	before = activity_now();
	watch();
	fd = dev_open();
	p = dev_alloc(fd, BYTES);
	runs(fd, p);
	ktap_sleep_us(50000);
	trace_off();
	after = activity_now();
	CHECK(after.interrupts > before.interrupts && after.switches > before.switches, "nothing was counted");
	must_mention(": ferry_fault:");
	must_mention("name=ferry-soft.0-fault"); /* irq_handler_entry */
	must_mention("workqueue=ferry");         /* workqueue_queue_work */
	must_mention("function=work_main [ferry]");
	must_mention("function=timer_main [ferry]"); /* the watchdog, which is a timer */
	must_mention("comm=ferry-sm");               /* sched_waking */
	CHECK(munmap(p, BYTES) == 0 && close(fd) == 0, "munmap and close");
	mod_unload_all();
}

static void nobody_uses_it(void)
{
	uint8_t *p;
	int fd;

	mod_load_all();
	fd = dev_open();
	p = dev_alloc(fd, BYTES);
	runs(fd, p);
	CHECK(munmap(p, BYTES) == 0 && close(fd) == 0, "munmap and close");
	stays_idle();
	mod_unload_all();
}

static void held_and_not_used(void)
{
	uint8_t *p;
	int fd;

	mod_load_all();
	fd = dev_open();
	p = dev_alloc(fd, BYTES);
	runs(fd, p);
	dev_to_device(fd, p, BYTES);
	stays_idle();
	CHECK(dev_where(fd, p) == DEV_ON_DEVICE, "the memory is at %u afterwards", dev_where(fd, p));
	CHECK(munmap(p, BYTES) == 0 && close(fd) == 0, "munmap and close");
	mod_unload_all();
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"what is not idle is seen", the_opposite, 60},
		{"loaded, after a program", nobody_uses_it, 60},
		{"with an open handle and memory on the device", held_and_not_used, 60},
	};

	return KTAP_MAIN(argc, argv, cases);
}
