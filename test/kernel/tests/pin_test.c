/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Pages that somebody else holds: in a pipe, in a ring's registered buffers, locked. They do not move under his
 * feet, the device uses them where they are, and when he lets go they move again.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"

#define BYTES (16 * DEV_PAGE)

static uint64_t *filled(int fd, uint64_t seed)
{
	uint64_t *p = dev_alloc(fd, BYTES);

	dev_pattern_write(p, BYTES, seed);
	return p;
}

/* All of it is at home: a held page never goes. */
static void stays_home(int fd, const void *p, size_t bytes, const char *what)
{
	int error = dev_migrate(fd, p, bytes, 0);

	CHECK(error == 0 || error == FERRY_E_HOST_PINNED, "%s: %s", what, dev_error_name(error));
	for (size_t i = 0; i < bytes; i += DEV_PAGE) {
		unsigned where = dev_where(fd, (const uint8_t *)p + i);

		CHECK(where & DEV_ON_HOST, "%s: page %zu went away, it is at %u", what, i / DEV_PAGE, where);
	}
}

/* vmsplice gives the pages themselves to a pipe. */
static void pages_in_a_pipe(void)
{
	int fd = dev_open(), ends[2];
	uint64_t *p = filled(fd, 1);
	static uint64_t copy[BYTES / 8];
	struct iovec iov = {p, 8 * DEV_PAGE};

	dev_to_device(fd, p, BYTES);
	CHECK(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	CHECK(vmsplice(ends[1], &iov, 1, 0) == (ssize_t)iov.iov_len, "vmsplice of device memory");
	stays_home(fd, p, iov.iov_len, "in a pipe");
	/* The device writes to the page where it is, and the reader of the pipe sees it. */
	CHECK(dev_run(fd, DEV_PROGRAM_FILL, p, 4, 99) == 0, "program");
	CHECK(read(ends[0], copy, iov.iov_len) == (ssize_t)iov.iov_len, "read from the pipe");
	for (size_t i = 0; i < iov.iov_len / 8; i++)
		CHECK(copy[i] == (i < 4 ? 99 : dev_pattern_word(i, 1)), "word %zu of the pipe is %llx", i,
		      (unsigned long long)copy[i]);
	CHECK(p[0] == 99 && p[4] == dev_pattern_word(4, 1), "the memory itself");
	dev_to_device(fd, p, BYTES);
}

/* The pipe outlives mapping, range and handle; its pages are what they were. */
static void pipe_outlives_all(void)
{
	int fd = dev_open(), ends[2];
	uint64_t *p = filled(fd, 2);
	static uint64_t copy[BYTES / 8];
	struct iovec iov = {p, 8 * DEV_PAGE};

	CHECK(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	CHECK(vmsplice(ends[1], &iov, 1, 0) == (ssize_t)iov.iov_len, "vmsplice");
	CHECK(munmap(p, BYTES) == 0 && close(fd) == 0, "munmap and close");
	fd = dev_open();
	memset(dev_alloc(fd, DEV_BLOCK), 0xee, DEV_BLOCK); /* reuses what was given back too early */
	CHECK(read(ends[0], copy, iov.iov_len) == (ssize_t)iov.iov_len, "read from the pipe");
	CHECK(dev_pattern_check(copy, iov.iov_len, 2) < 0, "the data in the pipe");
}

struct ring {
	int fd;
	struct io_uring_params params;
};

static bool ring_open(struct ring *ring)
{
	memset(ring, 0, sizeof(*ring));
	ring->fd = (int)syscall(SYS_io_uring_setup, 4, &ring->params);
	return ring->fd >= 0;
}

static int ring_register(const struct ring *ring, void *p, size_t bytes)
{
	struct iovec iov = {p, bytes};

	return syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_BUFFERS, &iov, 1) ? errno : 0;
}

/* Registered buffers are pinned for good, with FOLL_LONGTERM: refused is an answer, too. */
static void registered_buffers(void)
{
	int fd = dev_open(), error;
	uint64_t *p = filled(fd, 3);
	struct ring ring;

	if (!ring_open(&ring))
		ktap_skip("no io_uring on this kernel");
	dev_to_device(fd, p, BYTES);
	error = ring_register(&ring, p, BYTES);
	CHECK(error == 0 || error == EOPNOTSUPP || error == EFAULT, "registering device memory: errno %d", error);
	if (!error) {
		stays_home(fd, p, BYTES, "registered");
		CHECK(dev_run(fd, DEV_PROGRAM_ADD, p, 8, 1) == 0, "the device works on registered memory");
		for (size_t i = 0; i < 8; i++)
			p[i]--;
		CHECK(syscall(SYS_io_uring_register, ring.fd, IORING_UNREGISTER_BUFFERS, NULL, 0) == 0, "unregister");
	}
	CHECK(dev_pattern_check(p, BYTES, 3) < 0, "the data");
	dev_to_device(fd, p, BYTES);
	CHECK(dev_pattern_check(p, BYTES, 3) < 0, "the data from the device");
}

/* The owner of the pin ends without letting go. */
static int child_pins(void *arg)
{
	int fd = dev_open();
	uint64_t *p = filled(fd, 4);
	struct ring ring;

	(void)arg;
	if (ring_open(&ring))
		(void)ring_register(&ring, p, BYTES);
	(void)dev_migrate(fd, p, BYTES, 0);
	return 0;
}

static void ends_while_pinned(void)
{
	for (int i = 0; i < 10; i++)
		ktap_wait_good(ktap_child(child_pins, NULL), 10000);
}

/* Oversubscribed and partly held: what is held stays, the rest goes round. */
static void eviction_leaves_held_pages(void)
{
	struct ferry_req_device_info info = {.size = sizeof(info)};
	int fd = dev_open(), ends[2];
	uint8_t *p;
	size_t bytes;
	static uint64_t copy[BYTES / 8];
	struct iovec iov;

	CHECK(dev_call(fd, FERRY_REQ_DEVICE_INFO, &info, sizeof(info)) == 0, "info");
	bytes = info.vram_bytes + DEV_BLOCK;
	p = dev_alloc(fd, bytes);
	dev_pattern_write(p, bytes, 5);
	iov = (struct iovec){p, 8 * DEV_PAGE};
	CHECK(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	CHECK(vmsplice(ends[1], &iov, 1, 0) == (ssize_t)iov.iov_len, "vmsplice");
	for (int round = 0; round < 4; round++)
		for (size_t at = 0; at < bytes; at += DEV_BLOCK) {
			int error = dev_migrate(fd, p + at, DEV_BLOCK, 0);

			CHECK(error == 0 || (at == 0 && error == FERRY_E_HOST_PINNED), "block %zu: %s",
			      at / DEV_BLOCK, dev_error_name(error));
		}
	stays_home(fd, p, iov.iov_len, "in a pipe, with a device that is too small");
	CHECK(dev_pattern_check(p, bytes, 5) < 0, "the data");
	CHECK(read(ends[0], copy, iov.iov_len) == (ssize_t)iov.iov_len, "read from the pipe");
	CHECK(dev_pattern_check(copy, iov.iov_len, 5) < 0, "the data in the pipe");
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"pages in a pipe stay, and the device uses them there", pages_in_a_pipe, 0},
		{"a pipe outlives mapping and handle", pipe_outlives_all, 0},
		{"registered buffers stay until they are let go", registered_buffers, 0},
		{"a process may end with its memory pinned", ends_while_pinned, 40},
		{"eviction leaves held pages alone", eviction_leaves_held_pages, 60},
	};

	return KTAP_MAIN(argc, argv, cases);
}
