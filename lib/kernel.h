/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * kernel.h - the backend over the kernel module: requests are ioctls on /dev/ferryN, managed memory is a mapping of
 * it.
 *
 *     lib/ferry.c --> ops --> kernel.c        requests, retries, what errno means, options
 *                               kernel_space.c    address space of the handle's allocations, fork
 *                                 sys                 the system calls: kernel_sys.c, or a test's
 *
 * The driver answers for everything else: the library keeps no state but the descriptor and where its mappings are.
 */
#ifndef FERRY_KERNEL_BACKEND_H
#define FERRY_KERNEL_BACKEND_H

#include <sys/types.h>

#include "lib/backend.h"

#define FERRY_KERNEL_NODE "/dev/ferry0"

/* Bounds of patience, in time awake: a machine that sleeps does not use them up. */
#define FERRY_KERNEL_GATE_WAIT_NS (30ull * 1000000000ull) /* for the driver to come back from a suspend */
#define FERRY_KERNEL_WAIT_SLICE_NS 250000000ull           /* of a long WAIT: after it, signal handlers have run */
#define FERRY_KERNEL_INTERRUPTS_MAX 64u                   /* of one request but WAIT */

/* The system as this backend sees it. -1 (MAP_FAILED) and errno, as the C library does. */
struct ferry_kernel_sys {
	int (*open)(const char *path, int flags);
	int (*close)(int fd);
	int (*ioctl)(int fd, unsigned long request, void *arg);
	void *(*mmap)(void *addr, size_t bytes, int prot, int flags, int fd, off_t offset);
	int (*munmap)(void *addr, size_t bytes);
	int (*mprotect)(void *addr, size_t bytes, int prot);
	int (*madvise)(void *addr, size_t bytes, int advice);
	/*
	 * fn for each mapping within [from, to) whose file offset is its address, cut to that range, in order: those
	 * of /dev/ferryN, and no others. fn may unmap it. -1: the system does not say; fn was not called.
	 */
	int (*own_mappings)(uint64_t from, uint64_t to, void (*fn)(void *arg, uint64_t start, uint64_t end),
	                    void *arg);
	uint64_t (*now_ns)(void); /* does not run while the machine sleeps */
	void (*sleep_ns)(uint64_t ns);
};
extern const struct ferry_kernel_sys ferry_kernel_sys_linux;

/*
 * options: checked, zeroes still in them. sys must live as long as the backend.
 * FERRY_E_HOST_UNAVAILABLE (ferry_last_error() says why), FERRY_E_UNSUPPORTED (the options ask for what the module
 * does not have), FERRY_E_NOMEM.
 */
int ferry_kernel_open(const struct ferry_options *options, const struct ferry_kernel_sys *sys,
                      const struct ferry_backend_ops **ops, void **backend);

/* The code of a request that failed with errno number, when the driver did not say which. */
int ferry_kernel_error(int number);

#endif /* FERRY_KERNEL_BACKEND_H */
