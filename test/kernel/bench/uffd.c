/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "uffd.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/bench/bench.h"

static struct uffd *by_signal; /* a signal handler is the process's */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* The driver: move the piece around at. False: it is none of ours, or the kernel refused. */
static bool give(struct uffd *u, const uint8_t *at)
{
	size_t offset = (size_t)(at - u->area) / u->piece_bytes * u->piece_bytes;
	struct uffdio_copy copy = {
		.dst = (uintptr_t)(u->area + offset), .src = (uintptr_t)(u->alias + offset), .len = u->piece_bytes};

	if (at < u->area || at >= u->area + u->bytes)
		return false;
	if (u->take_away && madvise(u->app + offset, u->piece_bytes, MADV_DONTNEED))
		return false;
	return ioctl(u->fd, UFFDIO_COPY, &copy) == 0;
}

static void on_bus(int number, siginfo_t *info, void *context)
{
	(void)number, (void)context;
	if (!by_signal || !give(by_signal, info->si_addr))
		_exit(3);
}

/* Ends when the descriptor does: a pipe's end in poll() would cost every event a system call more. */
static void *events_main(void *arg)
{
	struct uffd *u = arg;
	struct uffd_msg msg;

	while (read(u->fd, &msg, sizeof(msg)) == sizeof(msg)) {
		if (msg.event != UFFD_EVENT_PAGEFAULT)
			break; /* UFFD_EVENT_UNMAP: uffd_close() */
		if (!give(u, (const uint8_t *)(uintptr_t)msg.arg.pagefault.address))
			die("uffd event");
	}
	return NULL;
}

static void area_open(struct uffd *u)
{
	struct uffdio_api api = {.api = UFFD_API,
	                         .features = u->how == UFFD_SIGBUS ? UFFD_FEATURE_SIGBUS : UFFD_FEATURE_EVENT_UNMAP};
	struct uffdio_register reg = {.range = {.start = (uintptr_t)u->area, .len = u->bytes},
	                              .mode = UFFDIO_REGISTER_MODE_MISSING};

	u->fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (u->fd < 0 || ioctl(u->fd, UFFDIO_API, &api) || ioctl(u->fd, UFFDIO_REGISTER, &reg))
		die("userfaultfd");
}

static uint8_t *map(size_t bytes, int flags, int fd)
{
	uint8_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	/* Pages of 4 KiB on both sides, as with Ferry. */
	(void)madvise(p, bytes, MADV_NOHUGEPAGE);
	return p;
}

void uffd_open(struct uffd *u, enum uffd_how how, size_t bytes)
{
	struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
	int file = memfd_create("source", MFD_CLOEXEC);

	if (file < 0 || ftruncate(file, (off_t)bytes))
		die("memory file");
	*u = (struct uffd){.how = how, .bytes = bytes};
	u->app = map(bytes, MAP_SHARED, file);
	u->alias = map(bytes, MAP_SHARED, file);
	u->area = map(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	close(file);
	memset(u->alias, 1, bytes); /* the driver's mapping is there, once and for all */
	area_open(u);
	if (how == UFFD_SIGBUS) {
		by_signal = u;
		if (sigaction(SIGBUS, &action, NULL))
			die("sigaction");
	} else if (pthread_create(&u->thread, NULL, events_main, u)) {
		die("thread");
	}
}

void uffd_close(struct uffd *u)
{
	munmap(u->area, u->bytes); /* the thread reads of it, and ends */
	if (u->how == UFFD_THREAD)
		pthread_join(u->thread, NULL);
	else
		by_signal = NULL;
	close(u->fd);
	munmap(u->app, u->bytes);
	munmap(u->alias, u->bytes);
}

double uffd_round(struct uffd *u, size_t piece_bytes, uint32_t pieces, bool take_away)
{
	size_t bytes = piece_bytes * pieces;
	uint64_t start, sum = 0;

	u->piece_bytes = piece_bytes;
	u->take_away = take_away;
	if (madvise(u->area, bytes, MADV_DONTNEED))
		die("madvise");
	for (size_t at = 0; at < bytes; at += 64)
		*(volatile uint64_t *)(u->app + at) = at;
	start = bench_now_ns();
	for (uint32_t i = 0; i < pieces; i++)
		sum += *(volatile uint64_t *)(u->area + i * piece_bytes);
	start = bench_now_ns() - start;
	bench_keep(&sum);
	return (double)start / pieces;
}
