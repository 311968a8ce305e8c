/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mm_uffd.h - the CPU side of managed memory in a process: userfaultfd over a memory file.
 *
 *        user window (1 TiB reserved)              memory file             alias mapping
 *     va +--------------------------+  same offset +--------+  same offset +--------+
 *        | allocation: MAP_SHARED,  | <----------> | sparse | <----------> | always |  <- the device, the driver
 *        | registered, PTEs only as |              | pages  |              | mapped |
 *        | the core allows          |              +--------+              +--------+
 *        +--------------------------+
 *        offset = va - window base
 *
 * A CPU touch of a page without a PTE (or a write to a protected one) reaches cpu_fault in one of two ways:
 *
 *     thread mode   a monitor thread reads the event and serves it; also system calls that touch the page
 *                   (read, write, ...) wait for it and work.
 *     signal mode   SIGBUS on the touching thread, served in the handler; a system call that touches a page
 *                   without a PTE fails with EFAULT. Needs no privilege (UFFD_USER_MODE_ONLY).
 *
 * In signal mode Ferry's SIGBUS handler is installed from the first create to the last destroy, and hands on what is
 * not Ferry's. A program that installs its own meanwhile must do the same; a thread that blocks SIGBUS must not touch
 * managed memory.
 *
 * What else a program may do to managed memory:
 *     munmap       of all or part: those pages are forgotten, the core is told, the addresses are not used again
 *                  before they are free.
 *     mremap       the pages come home first, the moved part is then plain shared memory with the same bytes.
 *     mprotect     allowed; what it forbids is SIGSEGV.
 *     MADV_REMOVE  those pages read as zero where they were on the host.
 *     fork         the child has none of it (SIGSEGV), and cannot disturb the parent.
 *     O_DIRECT, RDMA and other long pins of managed memory are not followed by migrations; do not use them.
 *
 * Linux 6.1 or newer.
 */
#ifndef FERRY_MM_UFFD_H
#define FERRY_MM_UFFD_H

#include "ferry/os.h"
#include "ferry/mm_ops.h"

struct ferry_user_mm;

enum ferry_user_mm_mode {
	FERRY_USER_MM_AUTO = 0, /* thread where userfaultfd is unrestricted, else signal */
	FERRY_USER_MM_THREAD,   /* also restricted; then system calls see EFAULT as in signal mode */
	FERRY_USER_MM_SIGNAL
};

/*
 * Called from the monitor thread, and cpu_fault in signal mode from the touching thread, inside a signal handler: it
 * may take locks and allocate, since the interrupted code was touching managed memory and nothing else.
 */
struct ferry_user_mm_calls {
	void *arg;
	/*
	 * Serve one touch. 0: mapped, or try again. FERRY_E_BUSY, FERRY_E_GATE_CLOSED, FERRY_E_FAULT_RETRY_LIMIT: try
	 * again a little later. Any other: SIGBUS (EFAULT in a system call); in thread mode for good.
	 */
	int (*cpu_fault)(void *arg, uint64_t va, bool write);
	/* The user unmapped it: forget these pages and their bytes. */
	void (*unmapped)(void *arg, uint64_t va, uint64_t size_bytes);
	/*
	 * The user moved it away: bring every page's bytes to the host (host_ptr), then forget the pages.
	 * host_discard on them does nothing from here on. An error means that bytes are lost: the moved memory is
	 * then unmapped.
	 */
	int (*bring_home)(void *arg, uint64_t va, uint64_t size_bytes);
	/*
	 * Let devices reach memory of the process that is not ours, at its own addresses; or no longer. Called by
	 * external_map and external_unmap (mm_ops.h) on the thread that registers. FERRY_E_REGISTER_FULL. NULL:
	 * memory cannot be registered.
	 */
	int (*reach)(void *arg, uint64_t va, uint64_t size_bytes);
	void (*unreach)(void *arg, uint64_t va, uint64_t size_bytes);
};

struct ferry_user_mm_config {
	enum ferry_user_mm_mode mode;
	uint64_t window_bytes_max; /* 0 = 1 TiB; rounded down to a power of two, at least 64 MiB */
	struct ferry_user_mm_calls calls;
};

/*
 * *out on success. FERRY_UFFD=user-only in the environment acts as if userfaultfd were restricted.
 * FERRY_E_INVAL, FERRY_E_NOMEM, FERRY_E_MMAP, FERRY_E_MEMFD, FERRY_E_UFFD_OPEN, FERRY_E_UFFD_FEATURE, FERRY_E_THREAD,
 * FERRY_E_BUSY (FERRY_USER_MM_SIGNAL_MAX of them are in signal mode). Process context.
 */
#define FERRY_USER_MM_SIGNAL_MAX 64u
int ferry_user_mm_create(const struct ferry_user_mm_config *config, struct ferry_user_mm **out) FERRY_MUST_CHECK;

/*
 * From now on get() fails; waits for every put(). No thread may touch managed memory any more: its addresses go.
 * Allowed in a fork's child, where it only frees what the child has.
 */
void ferry_user_mm_destroy(struct ferry_user_mm *mm);

/*
 * Memory for size_bytes, at a multiple of 2 MiB, nothing mapped: the first touch calls cpu_fault.
 * FERRY_E_INVAL (0), FERRY_E_MMAP (window full, or the system refuses the mapping). Process context, no core lock.
 */
int ferry_user_mm_alloc(struct ferry_user_mm *mm, uint64_t size_bytes, uint64_t *va) FERRY_MUST_CHECK;

/*
 * The core has forgotten the range. va and size_bytes as allocated. FERRY_E_RANGE_NOT_START: not the start of an
 * allocation (or all of it was unmapped by the user). FERRY_E_INVAL: another size. FERRY_E_MMAP: the system refuses;
 * the memory is still allocated. Process context, no core lock.
 */
int ferry_user_mm_free(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes) FERRY_MUST_CHECK;

/* mprotect inside one allocation. FERRY_E_RANGE_NOT_FOUND, FERRY_E_MMAP. */
int ferry_user_mm_protect(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes, int prot) FERRY_MUST_CHECK;

/* THREAD or SIGNAL. */
enum ferry_user_mm_mode ferry_user_mm_mode(const struct ferry_user_mm *mm);
/* Do system calls work on pages without a PTE (wait for them), or fail with EFAULT? */
bool ferry_user_mm_syscalls_work(const struct ferry_user_mm *mm);

/* Where the user window and the alias mapping lie. The alias is what a device must be able to reach. */
void ferry_user_mm_window(const struct ferry_user_mm *mm, uint64_t *va, uint64_t *size_bytes);
void *ferry_user_mm_alias(const struct ferry_user_mm *mm);

/*
 * The mm cookie of these is the struct ferry_user_mm. Registered memory is not held: it must stay mapped until it is
 * unregistered, or a device's access to it is this process's SIGSEGV.
 */
extern const struct ferry_mm_ops ferry_user_mm_ops;

#endif /* FERRY_MM_UFFD_H */
