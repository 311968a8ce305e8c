/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * System calls on managed memory: read, write, direct I/O, pipes, also while the pages are on the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"

#define BYTES DEV_BLOCK
#define CHUNK (64 * DEV_PAGE)

static int temp_file(void)
{
	char path[] = "/tmp/io-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	CHECK(fd >= 0, "a file in /tmp");
	unlink(path);
	return fd;
}

/* The disk that the machine was given; its name depends on the kernel. */
static int disk(void)
{
	static const char *const names[] = {"/dev/nvme0n1", "/dev/vda"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd = open(names[i], O_RDWR | O_DIRECT | O_CLOEXEC);

		if (fd >= 0)
			return fd;
	}
	CHECK(0, "this machine has no disk");
	return -1;
}

static void file_write_and_read(void)
{
	int fd = dev_open(), file = temp_file();
	uint8_t *p = dev_alloc(fd, BYTES);

	dev_pattern_write(p, BYTES, 1);
	dev_to_device(fd, p, BYTES);
	CHECK(write(file, p, BYTES) == (ssize_t)BYTES, "write from the device");
	memset(p, 0, BYTES);
	dev_to_device(fd, p, BYTES);
	CHECK(pread(file, p, BYTES, 0) == (ssize_t)BYTES, "read into the device");
	CHECK(dev_pattern_check(p, BYTES, 1) < 0, "the data");
}

static void vectors(void)
{
	int fd = dev_open(), file = temp_file();
	uint8_t *p = dev_alloc(fd, BYTES);
	struct iovec iov[16];

	dev_pattern_write(p, BYTES, 2);
	dev_to_device(fd, p, BYTES);
	for (int i = 0; i < 16; i++)
		iov[i] = (struct iovec){p + (size_t)i * (BYTES / 16), BYTES / 16};
	CHECK(writev(file, iov, 16) == (ssize_t)BYTES, "writev");
	dev_to_device(fd, p, BYTES);
	CHECK(preadv(file, iov, 16, 0) == (ssize_t)BYTES, "preadv");
	CHECK(dev_pattern_check(p, BYTES, 2) < 0, "the data");
}

static int echo(void *arg)
{
	int *ends = arg;
	static uint8_t buf[4096];
	size_t done = 0;
	ssize_t n;

	while (done < BYTES && (n = read(ends[0], buf, sizeof(buf))) > 0) {
		CHECK(write(ends[0], buf, (size_t)n) == n, "write");
		done += (size_t)n;
	}
	return 0;
}

/* Through a socket and back, a piece at a time, each from the device and into the device. */
static void socket_and_back(void)
{
	int fd = dev_open(), ends[2];
	uint8_t *p = dev_alloc(fd, 2 * BYTES);
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
	pid = ktap_child(echo, ends);
	dev_pattern_write(p, BYTES, 3);
	for (size_t at = 0; at < BYTES; at += 4 * DEV_PAGE) {
		size_t got = 0;

		CHECK(dev_migrate(fd, p + at, 4 * DEV_PAGE, 0) == 0, "source to the device");
		CHECK(dev_migrate(fd, p + BYTES + at, 4 * DEV_PAGE, 0) == 0, "target to the device");
		CHECK(send(ends[1], p + at, 4 * DEV_PAGE, 0) == 4 * DEV_PAGE, "send");
		while (got < 4 * DEV_PAGE) {
			ssize_t n = recv(ends[1], p + BYTES + at + got, 4 * DEV_PAGE - got, 0);

			CHECK(n > 0, "recv");
			got += (size_t)n;
		}
	}
	ktap_wait_good(pid, 10000);
	CHECK(dev_pattern_check(p + BYTES, BYTES, 3) < 0, "the data");
}

static void direct_write_and_read(void)
{
	int fd = dev_open(), dsk = disk();
	uint8_t *p = dev_alloc(fd, BYTES);

	dev_pattern_write(p, BYTES, 4);
	dev_to_device(fd, p, BYTES);
	CHECK(pwrite(dsk, p, BYTES, 0) == (ssize_t)BYTES, "direct write from the device");
	CHECK(dev_pattern_check(p, BYTES, 4) < 0, "the data after it was written");
	memset(p, 0xee, BYTES);
	dev_to_device(fd, p, BYTES);
	CHECK(pread(dsk, p, BYTES, 0) == (ssize_t)BYTES, "direct read into the device");
	CHECK(dev_pattern_check(p, BYTES, 4) < 0, "the data that was read");
	/* What was read by direct I/O the device sees: nothing of an older copy is left there. */
	dev_to_device(fd, p, BYTES);
	CHECK(dev_run(fd, DEV_PROGRAM_ADD, p, 512, 1) == 0, "program");
	for (size_t i = 0; i < 512; i++)
		CHECK(((uint64_t *)p)[i] == dev_pattern_word(i, 4) + 1, "word %zu after the program", i);
}

struct mover {
	atomic_bool stop;
	int fd;
	uint8_t *p;
	uint64_t moves, refused;
};

static void *mover(void *arg)
{
	struct mover *m = arg;

	while (!atomic_load(&m->stop)) {
		int error = dev_migrate(m->fd, m->p, CHUNK, 0);

		CHECK(error == 0 || error == FERRY_E_HOST_PINNED, "migrate: %s", dev_error_name(error));
		m->moves += error == 0;
		m->refused += error != 0;
	}
	return NULL;
}

/* Direct I/O while the same pages are sent to the device again and again: pages in flight must not move away. */
static void direct_io_while_pages_move(void)
{
	int dsk = disk();
	struct mover m = {.fd = dev_open()};
	pthread_t thread;

	m.p = dev_alloc(m.fd, CHUNK);
	dev_pattern_write(m.p, CHUNK, 5);
	CHECK(pwrite(dsk, m.p, CHUNK, 0) == (ssize_t)CHUNK, "write");
	CHECK(pthread_create(&thread, NULL, mover, &m) == 0, "thread");
	for (int i = 0; i < 150; i++) {
		memset(m.p, i, CHUNK);
		CHECK(pread(dsk, m.p, CHUNK, 0) == (ssize_t)CHUNK, "round %d: direct read", i);
		CHECK(dev_pattern_check(m.p, CHUNK, 5) < 0, "round %d: bytes of a read were lost", i);
		CHECK(pwrite(dsk, m.p, CHUNK, 0) == (ssize_t)CHUNK, "round %d: direct write", i);
	}
	atomic_store(&m.stop, true);
	pthread_join(thread, NULL);
	CHECK(m.moves > 0, "nothing ever moved");
}

/* A system call into memory that has no owner any more, or never had: EFAULT, as for any bad address. */
static void bad_memory_is_efault(void)
{
	int fd = dev_open(), file = temp_file(), dsk = disk();
	uint8_t *p = dev_map(fd, BYTES);
	char byte = 1;

	CHECK(p && write(file, &byte, 1) == 1, "mmap");
	CHECK(pwrite(file, p, DEV_PAGE, 0) == -1 && errno == EFAULT, "write from memory that is not managed");
	CHECK(pread(file, p, 1, 0) == -1 && errno == EFAULT, "read into it");
	CHECK(pwrite(dsk, p, DEV_PAGE, 0) == -1 && errno == EFAULT, "direct write from it");
	CHECK(pread(dsk, p, DEV_PAGE, 0) == -1 && errno == EFAULT, "direct read into it");
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"a file is written from and read into device memory", file_write_and_read, 0},
		{"so it is with vectors", vectors, 0},
		{"a socket takes and gives them", socket_and_back, 40},
		{"direct I/O goes to and from a disk", direct_write_and_read, 0},
		{"direct I/O while pages move loses nothing", direct_io_while_pages_move, 60},
		{"memory that is not managed is EFAULT", bad_memory_is_efault, 0},
	};

	return KTAP_MAIN(argc, argv, cases);
}
