/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * cgroup.h - a memory cgroup for a case: who pays for managed memory, and how much.
 *
 *     struct cgroup group;
 *     cgroup_make(&group, "buyer");
 *     cgroup_enter(&group);            this process; what it opens afterwards is paid for by the group
 *     cgroup_stat(&group, "shmem")     bytes
 *     cgroup_leave(&group);            back to the root, and the group is no more
 *
 * The kernel counts in batches for each CPU: figures are right within CGROUP_SLACK.
 */
#ifndef FERRY_TEST_CGROUP_H
#define FERRY_TEST_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#define CGROUP_SLACK (640l << 10)

struct cgroup {
	char path[96];
};

/* Skips the case on a kernel without memory cgroups. */
void cgroup_make(struct cgroup *group, const char *name);
void cgroup_enter(const struct cgroup *group);
void cgroup_leave(const struct cgroup *group);

/* A file of the group; write returns 0 or an errno. */
long cgroup_read(const struct cgroup *group, const char *file);
int cgroup_write(const struct cgroup *group, const char *file, const char *text);
/* A line of memory.stat; memory.events. Fails the case when there is none. */
long cgroup_stat(const struct cgroup *group, const char *name);
long cgroup_event(const struct cgroup *group, const char *name);

/* Fails the case, naming what, unless now is within slack of then + grown. */
void cgroup_grown(const char *what, long then, long now, long grown);

/* "NAME NUMBER" out of a file of such lines, like /proc/vmstat; -1: none. */
long cgroup_line(const char *path, const char *name);

#endif /* FERRY_TEST_CGROUP_H */
