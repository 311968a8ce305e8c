/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The device is taken away through sysfs while it is used: users learn it by ENODEV and SIGBUS, nobody hangs, and
 * bound again there is a new device. Runs with no module loaded, and leaves none.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"
#include "mod.h"

#define DRIVERS "/sys/bus/platform/drivers"

static char driver[256], device[256];

/* The platform driver of ours that has a device: both names out of sysfs. */
static void find_device(void)
{
	DIR *drivers = opendir(DRIVERS);
	struct dirent *entry, *link;

	device[0] = '\0';
	CHECK(drivers, "no %s", DRIVERS);
	while ((entry = readdir(drivers)) != NULL) {
		DIR *dir;

		if (strncmp(entry->d_name, "ferry", 5) != 0)
			continue;
		snprintf(driver, sizeof(driver), DRIVERS "/%.100s", entry->d_name);
		dir = opendir(driver);
		while (dir && (link = readdir(dir)) != NULL)
			if (link->d_type == DT_LNK && strcmp(link->d_name, "module") != 0)
				snprintf(device, sizeof(device), "%.100s", link->d_name);
		if (dir)
			closedir(dir);
		if (device[0])
			break;
	}
	closedir(drivers);
	CHECK(device[0], "no device under %s/ferry*", DRIVERS);
}

static int bind_or_not(const char *what)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", driver, what);
	return mod_write(path, device);
}

static int writes_unbind(void *arg)
{
	int n = bind_or_not(arg);

	CHECK(n > 0, "%s: errno %d", (const char *)arg, -n);
	return 0;
}

/* In a process of its own, so that one that hangs is seen. */
static void unbind_in_time(void)
{
	ktap_wait_good(ktap_child(writes_unbind, (void *)"unbind"), 10000);
}

static void bind_again(void)
{
	int fd, error;
	void *p;

	ktap_wait_good(ktap_child(writes_unbind, (void *)"bind"), 10000);
	fd = open("/dev/ferry0", O_RDWR | O_CLOEXEC);
	if (fd < 0) /* the old node is still held by somebody: the new one has another number */
		fd = open("/dev/ferry1", O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0, "no device after it was bound again");
	p = dev_alloc(fd, DEV_BLOCK);
	error = dev_run(fd, DEV_PROGRAM_FILL, p, 10, 1);
	CHECK(error == 0, "the new device: %s", dev_error_name(error));
	CHECK(munmap(p, DEV_BLOCK) == 0 && close(fd) == 0, "munmap and close"); /* either keeps the module */
}

/* Every request on a handle whose device is gone: an answer, and no data where there is none. */
static void all_answer(int fd)
{
	uint8_t data[4096];

	for (unsigned request = FERRY_REQ_VERSION; request <= FERRY_REQ_LOCKS; request++) {
		uint32_t size = (uint32_t)dev_request_size(request);

		memset(data, 0, sizeof(data));
		memcpy(data, &size, sizeof(size));
		(void)dev_call(fd, request, data, size);
	}
}

static void idle_handle(void)
{
	struct pollfd poll_fd = {.events = POLLIN};
	int fd, error;
	uint8_t *p;

	mod_load_all();
	find_device();
	fd = dev_open();
	p = dev_alloc(fd, 2 * DEV_BLOCK);
	dev_pattern_write(p, 2 * DEV_BLOCK, 1);
	dev_to_device(fd, p, DEV_BLOCK);
	unbind_in_time();
	CHECK(access(DEV_PATH, F_OK) != 0, "%s is still there", DEV_PATH);
	error = dev_migrate(fd, p + DEV_BLOCK, DEV_BLOCK, 0);
	CHECK(error == FERRY_E_DEVICE_LOST && errno == ENODEV, "a request: %s", dev_error_name(error));
	poll_fd.fd = fd;
	CHECK(poll(&poll_fd, 1, 0) == 1 && poll_fd.revents & (POLLERR | POLLHUP), "poll says 0x%x", poll_fd.revents);
	CHECK(ktap_touch(p, false) == SIGBUS, "a page that was on the device");
	CHECK(ktap_touch(p + DEV_BLOCK, true) == 0, "a page that was at home");
	CHECK(dev_pattern_check(p + DEV_BLOCK, DEV_BLOCK, 1) == 0 ||
	              ((uint64_t *)(p + DEV_BLOCK))[1] == dev_pattern_word(DEV_BLOCK / 8 + 1, 1),
	      "its data");
	all_answer(fd);
	CHECK(munmap(p, 2 * DEV_BLOCK) == 0 && close(fd) == 0, "munmap and close");
	bind_again();
	mod_unload_all();
}

struct user {
	volatile int ready;
	volatile uint64_t requests;
};

/* Lives until the device tells it that it is gone, or its memory does. */
static void bus_error(int signal)
{
	(void)signal;
	_exit(0);
}

static int waits(void *arg)
{
	struct user *user = arg;
	int fd = dev_open(), error;
	uint64_t launch;

	CHECK(dev_launch(fd, dev_program_load(fd, DEV_PROGRAM_SPIN), NULL, 0, &launch) == 0, "launch");
	user->ready = 1;
	error = dev_wait(fd, launch, UINT64_MAX);
	CHECK(error == FERRY_E_DEVICE_LOST || error == FERRY_E_LAUNCH_KILLED, "%s", dev_error_name(error));
	return 0;
}

static int moves(void *arg)
{
	struct user *user = arg;
	int fd = dev_open(), error;
	uint8_t *p = dev_alloc(fd, DEV_BLOCK);

	signal(SIGBUS, bus_error);
	for (;;) {
		memset(p, 1, DEV_BLOCK);
		error = dev_migrate(fd, p, DEV_BLOCK, 0);
		user->ready = 1;
		user->requests++;
		if (error == FERRY_E_DEVICE_LOST)
			return 0;
		CHECK(error == 0, "%s", dev_error_name(error));
	}
}

static int computes(void *arg)
{
	struct user *user = arg;
	int fd = dev_open(), error;
	uint8_t *p = dev_alloc(fd, DEV_BLOCK);

	signal(SIGBUS, bus_error);
	for (;;) {
		error = dev_run(fd, DEV_PROGRAM_ADD, p, 2048, 1);
		user->ready = 1;
		if (error == FERRY_E_DEVICE_LOST || error == FERRY_E_LAUNCH_KILLED)
			return 0;
		CHECK(error == 0, "%s", dev_error_name(error));
		for (size_t at = 0; at < DEV_BLOCK; at += DEV_PAGE)
			p[at]++;
	}
}

static int opens(void *arg)
{
	struct user *user = arg;

	for (;;) {
		int fd = open(DEV_PATH, O_RDWR | O_CLOEXEC);

		user->ready = 1;
		if (fd < 0)
			return errno == ENOENT || errno == ENODEV || errno == ENXIO ? 0 : 1;
		all_answer(fd);
		close(fd);
	}
}

static void in_use(void)
{
	static int (*const users[])(void *) = {waits, moves, computes, opens};
	enum { USERS = sizeof(users) / sizeof(users[0]) };
	struct user *user = mmap(NULL, DEV_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[USERS];

	CHECK(user != MAP_FAILED, "mmap");
	mod_load_all();
	find_device();
	for (int round = 0; round < 8; round++) {
		memset(user, 0, DEV_PAGE);
		for (int i = 0; i < USERS; i++)
			pid[i] = ktap_child(users[i], &user[i]);
		for (int i = 0; i < USERS; i++)
			for (uint64_t until = ktap_now_ms() + ktap_patience_ms(5000); !user[i].ready;
			     ktap_sleep_us(1000))
				CHECK(ktap_now_ms() < until, "user %d does not begin", i);
		ktap_sleep_us(ktap_random_below(50000));
		unbind_in_time();
		for (int i = 0; i < USERS; i++) {
			int status = ktap_wait(pid[i], 10000);

			CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "round %d, user %d: wait status 0x%x",
			      round, i, status);
		}
		bind_again();
	}
	mod_unload_all();
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"an idle handle learns it", idle_handle, 60},
		{"users of every kind learn it", in_use, 120},
	};

	return KTAP_MAIN(argc, argv, cases);
}
