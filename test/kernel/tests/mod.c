/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "mod.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"

int mod_load(const char *name, const char *params)
{
	const char *folder = getenv("FERRY_MODULES");
	char path[256];
	int fd, error;

	snprintf(path, sizeof(path), "%s/%s.ko", folder ? folder : "/modules", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	error = syscall(SYS_finit_module, fd, params, 0) ? errno : 0;
	close(fd);
	return error;
}

int mod_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? errno : 0;
}

void mod_load_all(void)
{
	const char *params = getenv("FERRY_SOFT_PARAMS");
	int error = mod_load("ferry", "");

	CHECK(error == 0, "ferry: errno %d", error);
	error = mod_load("ferry_soft", params ? params : "");
	CHECK(error == 0, "ferry_soft: errno %d", error);
	CHECK(access(DEV_PATH, F_OK) == 0, "%s is not there", DEV_PATH);
}

void mod_unload_all(void)
{
	int error = mod_unload("ferry_soft");

	CHECK(error == 0, "ferry_soft: errno %d", error);
	CHECK(access(DEV_PATH, F_OK) != 0, "%s is still there", DEV_PATH);
	error = mod_unload("ferry");
	CHECK(error == 0, "ferry: errno %d", error);
}

long mod_memory_kb(const char *field)
{
	char line[128];
	long kb = -1;
	FILE *file = fopen("/proc/meminfo", "re");

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, field, strlen(field)) == 0 && line[strlen(field)] == ':')
			kb = strtol(line + strlen(field) + 1, NULL, 10);
	if (file)
		fclose(file);
	return kb;
}

int mod_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		n = -errno;
	close(fd);
	return (int)n;
}
