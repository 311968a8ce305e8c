/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Whose handle is it: children, other processes, duplicates, and what keeps the module.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"

/* Every request on somebody else's handle: EPERM, and nothing is written. */
static void all_refused(int fd)
{
	uint8_t data[4096];

	for (unsigned request = FERRY_REQ_VERSION; request <= FERRY_REQ_LOCKS; request++) {
		uint32_t size = (uint32_t)dev_request_size(request);
		int error;

		memset(data, 0, sizeof(data));
		memcpy(data, &size, sizeof(size));
		error = dev_call(fd, request, data, size);
		CHECK(error == FERRY_E_FOREIGN && errno == EPERM, "request %u: %s", request, dev_error_name(error));
	}
	CHECK(!dev_map(fd, DEV_BLOCK) && errno == EPERM, "mmap of another process's handle");
}

struct shared {
	int fd;
	int socket;
	uint64_t *managed;
};

static int child_uses_handle(void *arg)
{
	struct shared *shared = arg;
	struct pollfd poll_fd = {.fd = shared->fd, .events = POLLIN};

	all_refused(shared->fd);
	CHECK(poll(&poll_fd, 1, 0) >= 0, "poll");
	return 0;
}

static void forked_handle(void)
{
	struct shared shared = {.fd = dev_open()};

	shared.managed = dev_alloc(shared.fd, DEV_BLOCK);
	dev_pattern_write(shared.managed, DEV_BLOCK, 1);
	ktap_wait_good(ktap_child(child_uses_handle, &shared), 10000);
	dev_to_device(shared.fd, shared.managed, DEV_BLOCK);
	CHECK(dev_pattern_check(shared.managed, DEV_BLOCK, 1) < 0, "the parent's data");
}

static void send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	CHECK(sendmsg(socket, &msg, 0) == 1, "sendmsg");
}

static int receive_fd(int socket)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int fd;

	CHECK(recvmsg(socket, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg), "recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

static int child_receives_handle(void *arg)
{
	struct shared *shared = arg;
	int fd = receive_fd(shared->socket);

	all_refused(fd);
	close(fd);
	return 0;
}

/* A process that was there before the handle was. */
static void passed_handle(void)
{
	struct shared shared;
	int sockets[2], fd;
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0, "socketpair");
	shared.socket = sockets[1];
	pid = ktap_child(child_receives_handle, &shared);
	fd = dev_open();
	send_fd(sockets[0], fd);
	ktap_wait_good(pid, 10000);
	CHECK(dev_counter(fd, FERRY_COUNTER_managed_bytes) == 0, "the owner's handle works on");
}

static int child_opens_and_sends(void *arg)
{
	struct shared *shared = arg;
	int fd = dev_open();
	uint64_t *p = dev_alloc(fd, DEV_BLOCK), launch;

	dev_to_device(fd, p, DEV_BLOCK);
	CHECK(dev_launch(fd, dev_program_load(fd, DEV_PROGRAM_SPIN), NULL, 0, &launch) == 0, "launch");
	send_fd(shared->socket, fd);
	return 0; /* with everything still there */
}

/* The owner is gone, with memory on the device and a launch that would never end; the handle stays. */
static void handle_outlives_owner(void)
{
	struct shared shared;
	int sockets[2], fd;
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0, "socketpair");
	shared.socket = sockets[1];
	pid = ktap_child(child_opens_and_sends, &shared);
	fd = receive_fd(sockets[0]);
	ktap_wait_good(pid, 10000);
	for (int i = 0; i < 3; i++) {
		all_refused(fd);
		ktap_sleep_us(20000);
	}
	CHECK(close(fd) == 0, "close");
	fd = dev_open();
	CHECK(dev_run(fd, DEV_PROGRAM_FILL, dev_alloc(fd, DEV_BLOCK), 100, 7) == 0, "the device works on");
}

static void duplicates(void)
{
	int fd = dev_open(), again = dup(fd), fresh;
	char path[64];
	uint64_t *p = dev_alloc(fd, DEV_BLOCK);

	CHECK(again >= 0, "dup");
	p[0] = 5;
	CHECK(close(fd) == 0, "close");
	CHECK(dev_migrate(again, p, DEV_BLOCK, 0) == 0, "a duplicate is the same handle");
	CHECK(p[0] == 5, "the data came through");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", again);
	fresh = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fresh >= 0, "open of %s", path);
	CHECK(dev_migrate(fresh, p, DEV_BLOCK, 0) == FERRY_E_RANGE_NOT_FOUND, "opened again it is a new one");
}

/* The file is closed, the mapping stays: data too, but there is nobody to ask. */
static void mapping_outlives_descriptor(void)
{
	int fd = dev_open();
	uint64_t *p = dev_alloc(fd, DEV_BLOCK);

	dev_pattern_write(p, DEV_BLOCK, 3);
	dev_to_device(fd, p, DEV_BLOCK);
	CHECK(close(fd) == 0, "close");
	CHECK(dev_pattern_check(p, DEV_BLOCK, 3) < 0, "the data after close");
	CHECK(munmap(p, DEV_BLOCK) == 0, "munmap");
}

static long module_refs(const char *name)
{
	char path[128], text[32];
	FILE *file;
	long refs = -1;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	file = fopen(path, "re");
	if (file && fgets(text, sizeof(text), file))
		refs = strtol(text, NULL, 10);
	if (file)
		fclose(file);
	return refs;
}

/* An open handle keeps both modules; when the last one goes, the counts are what they were. */
static void module_is_kept(void)
{
	long soft = module_refs("ferry_soft"), ferry = module_refs("ferry");
	int fds[8];

	CHECK(soft >= 0 && ferry >= 1, "use counts: ferry_soft %ld, ferry %ld", soft, ferry);
	for (int i = 0; i < 8; i++)
		fds[i] = dev_open();
	CHECK(module_refs("ferry_soft") > soft, "eight handles, and ferry_soft's use count stays %ld", soft);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "ferry" : "ferry_soft";

		CHECK(syscall(SYS_delete_module, name, O_NONBLOCK) == -1 && errno == EWOULDBLOCK,
		      "%s was unloaded under open handles", name);
	}
	for (int i = 0; i < 8; i++)
		CHECK(close(fds[i]) == 0, "close");
	/* fput() of the last reference runs when the task returns to user space: it has. */
	CHECK(module_refs("ferry_soft") == soft && module_refs("ferry") == ferry, "use counts after: %ld, %ld",
	      module_refs("ferry_soft"), module_refs("ferry"));
}

static void many_handles(void)
{
	enum { HANDLES = 64 };
	int fds[HANDLES], opened = 0;

	while (opened < HANDLES) {
		fds[opened] = open(DEV_PATH, O_RDWR | O_CLOEXEC);
		if (fds[opened] < 0)
			break;
		opened++;
	}
	CHECK(opened >= 16, "only %d handles", opened);
	for (int i = 0; i < opened; i++)
		CHECK(dev_counter(fds[i], FERRY_COUNTER_managed_bytes) == 0, "handle %d", i);
	for (int i = 0; i < opened; i++)
		close(fds[i]);
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"a child cannot use its parent's handle", forked_handle, 0},
		{"a handle passed to another process is of no use there", passed_handle, 0},
		{"a handle may outlive its owner", handle_outlives_owner, 0},
		{"a duplicate is the same handle, a second open is not", duplicates, 0},
		{"a mapping outlives its descriptor", mapping_outlives_descriptor, 0},
		{"open handles keep the modules", module_is_kept, 0},
		{"many handles at once", many_handles, 0},
	};

	return KTAP_MAIN(argc, argv, cases);
}
