/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * proc.c - numbers and stacks out of /proc.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return false;
	buf[n] = '\0';
	return true;
}

static long field_kb(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

void proc_memory(struct memory_now *out)
{
	char text[8192];

	memset(out, 0, sizeof(*out));
	if (!read_text("/proc/meminfo", text, sizeof(text)))
		return;
	out->available_kb = field_kb(text, "MemAvailable:");
	out->slab_kb = field_kb(text, "SUnreclaim:");
	out->vmalloc_kb = field_kb(text, "VmallocUsed:");
	out->percpu_kb = field_kb(text, "Percpu:");
	out->shmem_kb = field_kb(text, "Shmem:");
}

unsigned long proc_taint(void)
{
	char text[32];

	return read_text("/proc/sys/kernel/tainted", text, sizeof(text)) ? strtoul(text, NULL, 10) : 0;
}

uint64_t proc_uptime_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* State letter and parent out of "PID (comm) S PPID ..."; comm may hold anything, a ')' too. */
static bool task_state(const char *stat, char *state, int *parent)
{
	const char *end = strrchr(stat, ')');

	return end && sscanf(end + 1, " %c %d", state, parent) == 2;
}

#define KTHREADD 2

/* A process of user space: kernel threads are kthreadd and its children. */
static bool is_user(int pid, const char *stat, char *state)
{
	int parent;

	return task_state(stat, state, &parent) && pid != KTHREADD && parent != KTHREADD;
}

static void dump_file(const char *task, const char *name)
{
	char path[160], text[4096];
	char *line, *rest = text;

	snprintf(path, sizeof(path), "%s/%s", task, name);
	if (!read_text(path, text, sizeof(text)))
		return;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line)
			stream_say("# stuck   %s %s", name, line);
}

static void dump_task(const char *task, int pid)
{
	char path[160], stat[1024], comm[64] = "?";
	char state;
	bool user;

	snprintf(path, sizeof(path), "%s/stat", task);
	if (!read_text(path, stat, sizeof(stat)))
		return;
	user = is_user(pid, stat, &state);
	if (!user && state != 'D')
		return;
	snprintf(path, sizeof(path), "%s/comm", task);
	if (read_text(path, comm, sizeof(comm)))
		comm[strcspn(comm, "\n")] = '\0';
	stream_say("# stuck %s %s state %c", task, comm, state);
	dump_file(task, "wchan");
	dump_file(task, "syscall");
	dump_file(task, "stack");
}

static void dump_process(int pid)
{
	char threads[64], task[128];
	struct dirent *entry;
	DIR *dir;

	snprintf(threads, sizeof(threads), "/proc/%d/task", pid);
	dir = opendir(threads);
	if (!dir)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(task, sizeof(task), "%s/%.16s", threads, entry->d_name);
		dump_task(task, pid);
	}
	closedir(dir);
}

void proc_dump_stacks(void)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	if (!dir)
		return;
	while ((entry = readdir(dir)) != NULL) {
		int pid = atoi(entry->d_name);

		if (pid > 1)
			dump_process(pid);
	}
	closedir(dir);
}

unsigned proc_count(void)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	unsigned count = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		char path[64], stat[1024], state;
		int pid = atoi(entry->d_name);

		if (pid <= 1)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		if (read_text(path, stat, sizeof(stat)) && is_user(pid, stat, &state) && state != 'Z')
			count++;
	}
	closedir(dir);
	return count;
}
