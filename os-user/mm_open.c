/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mm_open.c - what mm_uffd takes from the system: userfaultfd, address space, memory files.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mm_priv.h"

/* ThreadSanitizer has room for less. */
#define WINDOW_BYTES_MAX (FERRY_USER_TSAN ? 1ull << 34 : 1ull << 40)
#define WINDOW_BYTES_LEAST (1ull << 26)

/* In Linux 5.19 and later: write protection of shared memory is the youngest of them. */
#define FEATURES                                                                                                     \
	(UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_WP_HUGETLBFS_SHMEM |                   \
	 UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_EVENT_REMAP)

/* ---- userfaultfd ------------------------------------------------------------------------------ */

/* May faults inside the kernel wait for us too? Needs CAP_SYS_PTRACE, vm.unprivileged_userfaultfd or the device. */
static int open_full(void)
{
	const char *env = getenv("FERRY_UFFD");
	int dev;
	int fd;

	if ((env && strcmp(env, "user-only") == 0) || ferry_os_fault_point(FERRY_USER_POINT_UFFD_FULL))
		return -1;
	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		return fd;
	dev = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return -1;
	fd = ioctl(dev, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
	close(dev);
	return fd;
}

static int open_user_only(void)
{
	return (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
}

/* The kernel answers a feature it lacks with EINVAL. */
static bool features_ask(int fd, enum ferry_user_mm_mode mode)
{
	struct uffdio_api api = {.api = UFFD_API, .features = FEATURES};

	if (mode == FERRY_USER_MM_SIGNAL)
		api.features |= UFFD_FEATURE_SIGBUS;
	else
		api.features |= UFFD_FEATURE_THREAD_ID;
	return ioctl(fd, UFFDIO_API, &api) == 0 && !ferry_os_fault_point(FERRY_USER_POINT_UFFD_FEATURE);
}

int ferry_mm_open_uffd(struct ferry_user_mm *mm, enum ferry_user_mm_mode mode)
{
	bool full = false;
	int fd = -1;

	if (ferry_os_fault_point(FERRY_USER_POINT_UFFD_OPEN))
		return FERRY_E_UFFD_OPEN;
	/* In signal mode the kernel never waits for us, so the restricted kind is as good. */
	if (mode != FERRY_USER_MM_SIGNAL)
		fd = open_full();
	if (fd >= 0)
		full = true;
	else
		fd = open_user_only();
	if (fd < 0) {
		ferry_os_log(FERRY_LOG_ERROR, "userfaultfd: errno %d (seccomp, or CONFIG_USERFAULTFD is off)", errno);
		return FERRY_E_UFFD_OPEN;
	}
	if (mode == FERRY_USER_MM_AUTO)
		mode = full ? FERRY_USER_MM_THREAD : FERRY_USER_MM_SIGNAL;
	if (!features_ask(fd, mode)) {
		ferry_os_log(FERRY_LOG_ERROR, "userfaultfd lacks minor faults or write protection of shared memory: "
		                              "Linux 6.1 or newer is needed");
		close(fd);
		return FERRY_E_UFFD_FEATURE;
	}
	mm->uffd = fd;
	mm->mode = mode;
	mm->syscalls_work = full && mode == FERRY_USER_MM_THREAD;
	return 0;
}

/* ---- window, memory file, alias ---------------------------------------------------------------- */

static int memory_file(uint64_t size_bytes)
{
	sigset_t xfsz, before;
	int fd = ferry_os_fault_point(FERRY_USER_POINT_MEMFD) ? -1 : memfd_create("ferry", MFD_CLOEXEC);
	int rc;

	if (fd < 0)
		return -1;
	/* RLIMIT_FSIZE would be told with a signal; the errno is enough for us. */
	sigemptyset(&xfsz);
	sigaddset(&xfsz, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &xfsz, &before);
	rc = ftruncate(fd, (off_t)size_bytes);
	if (rc != 0 && errno == EFBIG) {
		const struct timespec now = {0, 0};

		sigtimedwait(&xfsz, NULL, &now); /* take the pending one away */
		errno = EFBIG;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		return fd;
	close(fd);
	return -1;
}

/*
 * A reservation of size_bytes at a multiple of 2 MiB; with fd >= 0 the whole of that file, to read and write. NULL
 * when the system refuses. The ends of the larger mapping that gives us the choice go back.
 */
static char *map_aligned(uint64_t size_bytes, int fd)
{
	uint64_t room = size_bytes + FERRY_BLOCK_SIZE;
	char *p = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t head;

	if (p == MAP_FAILED)
		return NULL;
	head = ferry_align_up((uintptr_t)p, FERRY_BLOCK_SIZE) - (uintptr_t)p;
	if (head)
		munmap(p, head);
	if (head < FERRY_BLOCK_SIZE)
		munmap(p + head + size_bytes, FERRY_BLOCK_SIZE - head);
	p += head;
	if (fd >= 0) {
		/* Under mlockall(MCL_FUTURE) a mapping is filled when it is made; so make it empty, and unlock it. */
		if (mmap(p, size_bytes, PROT_NONE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, 0) == MAP_FAILED ||
		    munlock(p, size_bytes) != 0 || mprotect(p, size_bytes, PROT_READ | PROT_WRITE) != 0)
			goto unmap;
	}
	if (madvise(p, size_bytes, MADV_DONTFORK) == 0)
		return p;
unmap:
	munmap(p, size_bytes);
	return NULL;
}

/* All three at one size. */
static int open_window_of(struct ferry_user_mm *mm, uint64_t size_bytes)
{
	int err = FERRY_E_MMAP;
	char *window;
	char *alias;
	int fd;

	if (ferry_os_fault_point(FERRY_USER_POINT_MMAP))
		return FERRY_E_MMAP;
	window = map_aligned(size_bytes, -1);
	if (!window)
		return FERRY_E_MMAP;
	fd = memory_file(size_bytes);
	if (fd < 0) {
		err = FERRY_E_MEMFD;
		goto unmap_window;
	}
	alias = map_aligned(size_bytes, fd);
	if (!alias)
		goto close_fd;
	madvise(alias, size_bytes, MADV_DONTDUMP); /* a core dump has the user's view already */

	mm->base = (uintptr_t)window;
	mm->bytes = size_bytes;
	mm->memfd = fd;
	mm->alias = alias;
	return 0;

close_fd:
	close(fd);
unmap_window:
	munmap(window, size_bytes);
	return err;
}

/*
 * In a fork's child the addresses may be somebody else's by now: only the files are ours. And so may be holes that
 * the user made by munmap: whatever the process has mapped there since is not ours to take away.
 */
static void unmap_window(struct ferry_user_mm *mm)
{
	if (mm->era == ferry_user_era()) {
		uint64_t va = mm->base, end = mm->base + mm->bytes, bytes;

		for (; ferry_slots_ours(&mm->slots, &va, end, &bytes); va += bytes)
			munmap((void *)(uintptr_t)va, bytes);
		munmap(mm->alias, mm->bytes);
	}
	close(mm->memfd);
}

int ferry_mm_open_window(struct ferry_user_mm *mm, uint64_t bytes_max)
{
	uint64_t bytes = WINDOW_BYTES_MAX;
	bool limited = false;
	int err;

	if (bytes_max && bytes_max < WINDOW_BYTES_LEAST)
		return FERRY_E_INVAL;
	while (bytes_max && bytes > bytes_max)
		bytes /= 2;
	/* Where address space is limited, the largest window that fits would leave the program none: half of it. */
	while ((err = open_window_of(mm, bytes)) && bytes > WINDOW_BYTES_LEAST) {
		limited = true;
		bytes /= 2;
	}
	if (!err && limited && bytes > WINDOW_BYTES_LEAST) {
		unmap_window(mm);
		err = open_window_of(mm, bytes / 2);
	}
	if (err)
		return err;

	mm->poison_fd = ferry_os_fault_point(FERRY_USER_POINT_MEMFD) ? -1 : memfd_create("ferry-poison", MFD_CLOEXEC);
	if (mm->poison_fd < 0) {
		ferry_mm_close_window(mm);
		return FERRY_E_MEMFD;
	}
	return 0;
}

void ferry_mm_close_window(struct ferry_user_mm *mm)
{
	if (mm->poison_fd >= 0)
		close(mm->poison_fd);
	unmap_window(mm);
}
