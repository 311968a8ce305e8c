/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ktap.h"

#define ROOT "/sys/fs/cgroup"

static int text_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		error = errno;
	close(fd);
	return error;
}

static void path_of(char *out, size_t size, const struct cgroup *group, const char *file)
{
	snprintf(out, size, "%s/%s", group->path, file);
}

int cgroup_write(const struct cgroup *group, const char *file, const char *text)
{
	char path[160];

	path_of(path, sizeof(path), group, file);
	return text_write(path, text);
}

void cgroup_make(struct cgroup *group, const char *name)
{
	/* A group of a case that failed half way may still be there, and cannot be used again. */
	snprintf(group->path, sizeof(group->path), ROOT "/%s-%d", name, (int)getpid());
	if (text_write(ROOT "/cgroup.subtree_control", "+memory"))
		ktap_skip("no memory cgroups on this kernel");
	CHECK(mkdir(group->path, 0755) == 0, "mkdir %s", group->path);
}

void cgroup_enter(const struct cgroup *group)
{
	int error = cgroup_write(group, "cgroup.procs", "0");

	CHECK(error == 0, "into %s: errno %d", group->path, error);
}

void cgroup_leave(const struct cgroup *group)
{
	CHECK(text_write(ROOT "/cgroup.procs", "0") == 0, "back to the root");
	CHECK(rmdir(group->path) == 0, "rmdir %s", group->path);
}

long cgroup_read(const struct cgroup *group, const char *file)
{
	char path[160], text[64];
	int fd;
	ssize_t n;

	path_of(path, sizeof(path), group, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0, "open %s", path);
	n = read(fd, text, sizeof(text) - 1);
	CHECK(n > 0, "read %s", path);
	close(fd);
	text[n] = '\0';
	return strtol(text, NULL, 10);
}

long cgroup_line(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	size_t length = strlen(name);
	char line[256];
	long value = -1;

	CHECK(file, "open %s", path);
	while (value < 0 && fgets(line, sizeof(line), file))
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			value = strtol(line + length, NULL, 10);
	fclose(file);
	return value;
}

static long group_line(const struct cgroup *group, const char *file, const char *name)
{
	char path[160];
	long value;

	path_of(path, sizeof(path), group, file);
	value = cgroup_line(path, name);
	CHECK(value >= 0, "%s has no %s", path, name);
	return value;
}

long cgroup_stat(const struct cgroup *group, const char *name)
{
	return group_line(group, "memory.stat", name);
}

long cgroup_event(const struct cgroup *group, const char *name)
{
	return group_line(group, "memory.events", name);
}

void cgroup_grown(const char *what, long then, long now, long grown)
{
	long off = now - then - grown;

	CHECK(off >= -CGROUP_SLACK && off <= CGROUP_SLACK, "%s: from %ld KiB to %ld, %ld more were due", what,
	      then >> 10, now >> 10, grown >> 10);
}
