/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mm_map.c - the operations of mm_ops.h on userfaultfd and a memory file.
 *
 * What the kernel does (6.1 to 6.18), and what follows from it here:
 *     UFFDIO_CONTINUE       one mapping (VMA) per call; stops at a page that is mapped already (EEXIST), at one that
 * is not in the file (EFAULT); EAGAIN while the address space is changing. UFFDIO_WRITEPROTECT   one VMA per call
 * until 6.2; leaves a mark on pages without a PTE, which CONTINUE replaces. MADV_DONTNEED         drops PTEs of
 * shared memory, the file's pages stay; flushes the TLBs before it returns. A program's mprotect may have cut a block
 * into several VMAs; so ENOENT halves the piece until it fits.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/range.h"
#include "mm_priv.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; glibc 2.36 has the name */
#endif

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24 /* Linux 5.18 */
#endif

#define TRIES 64u /* of a call that says "again" */
#define FALLOCATE_BYTES (64u * FERRY_PAGE_SIZE)
#define CHANGING_TURNS 512u /* how long a zap waits for a change to be read */

/* ---- small pieces for the other files ---------------------------------------------------------- */

int ferry_mm_map(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes)
{
	void *at = (void *)(uintptr_t)va;

	/* Under mlockall(MCL_FUTURE) a mapping is locked and filled when it is made; so make it empty, and unlock it.
	 */
	if (mmap(at, size_bytes, PROT_NONE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, mm->memfd,
	         (off_t)mm_offset(mm, va)) == MAP_FAILED)
		return FERRY_E_MMAP;
	if (munlock(at, size_bytes) != 0 || madvise(at, size_bytes, MADV_DONTFORK) != 0 ||
	    ferry_mm_register(mm, va, size_bytes) != 0 || mprotect(at, size_bytes, PROT_READ | PROT_WRITE) != 0)
		return FERRY_E_MMAP;
	return 0;
}

void *ferry_mm_remap(uint64_t va, uint64_t size_bytes, int prot, int flags, int fd)
{
#if FERRY_USER_TSAN
	return (void *)syscall(SYS_mmap, va, size_bytes, prot, flags, fd, 0);
#else
	return mmap((void *)(uintptr_t)va, size_bytes, prot, flags, fd, 0);
#endif
}

int ferry_mm_reserve(uint64_t va, uint64_t size_bytes)
{
	void *p = ferry_mm_remap(va, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
	                         -1);

	if (p == MAP_FAILED)
		return FERRY_E_MMAP;
	madvise(p, size_bytes, MADV_DONTFORK);
	return 0;
}

int ferry_mm_register(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes)
{
	struct uffdio_register r = {
		.range = {va, size_bytes},
		.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR | UFFDIO_REGISTER_MODE_WP,
	};

	return ioctl(mm->uffd, UFFDIO_REGISTER, &r) == 0 ? 0 : FERRY_E_MMAP;
}

void ferry_mm_unregister(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes)
{
	struct uffdio_range r = {va, size_bytes};

	ioctl(mm->uffd, UFFDIO_UNREGISTER, &r); /* nothing registered there is fine */
}

void ferry_mm_wake(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes)
{
	struct uffdio_range r = {va, size_bytes};

	if (mm->mode == FERRY_USER_MM_THREAD)
		ioctl(mm->uffd, UFFDIO_WAKE, &r);
}

void ferry_mm_punch(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes)
{
	ferry_slots_set_present(&mm->slots, va, size_bytes, false);
	if (fallocate(mm->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)mm_offset(mm, va),
	              (off_t)size_bytes) != 0)
		ferry_os_log(FERRY_LOG_WARN, "cannot give host pages back: errno %d", errno);
}

void ferry_mm_settle(struct ferry_user_mm *mm)
{
	uint64_t seq = __atomic_load_n(&mm->read_seq, __ATOMIC_SEQ_CST); /* pairs with events_read() */

	while (seq % 2 && __atomic_load_n(&mm->read_seq, __ATOMIC_SEQ_CST) == seq)
		ferry_os_relax(); /* bounded: the monitor does not sleep in there */
}

/* ---- zap ---------------------------------------------------------------------------------------- */

/* Misaligned, so nothing else can come of it. */
bool ferry_mm_changing(const struct ferry_user_mm *mm)
{
	struct uffdio_continue c = {.range = {1, 0}};

	return ioctl(mm->uffd, UFFDIO_CONTINUE, &c) != 0 && errno == EAGAIN;
}

static int zap_piece(uint64_t va, uint64_t size_bytes)
{
	if (madvise((void *)(uintptr_t)va, size_bytes, MADV_DONTNEED) == 0)
		return 0;
	if (errno == EINVAL && madvise((void *)(uintptr_t)va, size_bytes, MADV_DONTNEED_LOCKED) == 0)
		return 0;                             /* the user has locked it with mlock */
	return errno == ENOMEM ? 0 : FERRY_E_CPU_ZAP; /* ENOMEM: part of it is not mapped, the rest was done */
}

/* One line of /proc/self/maps: is it a mapping of file, and where? */
static bool maps_line(const struct stat *file, const char *line, uint64_t *start, uint64_t *end)
{
	unsigned long long from, to, inode;
	unsigned int major_no, minor_no;

	if (sscanf(line, "%llx-%llx %*s %*x %x:%x %llu", &from, &to, &major_no, &minor_no, &inode) != 5)
		return false;
	*start = from;
	*end = to;
	return inode == file->st_ino && major_no == major(file->st_dev) && minor_no == minor(file->st_dev);
}

/*
 * The next mapping of the memory file that ends after va, as the kernel has it now. Allocates nothing: it runs in
 * signal handlers too.
 */
static bool maps_next(const struct ferry_user_mm *mm, uint64_t va, uint64_t *start, uint64_t *end)
{
	struct stat file;
	char buf[2048];
	size_t have = 0;
	bool found = false;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	while (!found && fstat(mm->memfd, &file) == 0) {
		ssize_t got = read(fd, buf + have, sizeof(buf) - 1 - have);
		char *line = buf;
		char *nl;

		if (got <= 0)
			break;
		have += (size_t)got;
		buf[have] = 0;
		for (; !found && (nl = strchr(line, '\n')) != NULL; line = nl + 1) {
			*nl = 0;
			found = maps_line(&file, line, start, end) && *end > va;
		}
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
		if (have == sizeof(buf) - 1)
			have = 0; /* a path longer than that of our file */
	}
	close(fd);
	return found;
}

bool ferry_mm_find(const struct ferry_user_mm *mm, uint64_t va, uint64_t *start, uint64_t *end)
{
	return maps_next(mm, va, start, end) && *start <= va;
}

/*
 * A change is under way and does not end, most likely because this thread is the one that shall read it. So ask the
 * kernel what is mapped. Slow, and rare.
 */
static int zap_by_maps(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes)
{
	uint64_t end = va + size_bytes;
	uint64_t from, to;
	int err = 0;

	while (!err && va < end && maps_next(mm, va, &from, &to) && from < end) {
		if (from < va)
			from = va;
		if (to > end)
			to = end;
		err = zap_piece(from, to - from);
		va = to;
	}
	return err;
}

static int op_cpu_zap(void *cookie, uint64_t va, uint32_t page_count)
{
	struct ferry_user_mm *mm = cookie;
	uint64_t size_bytes = (uint64_t)page_count << FERRY_PAGE_SHIFT;
	uint64_t end = va + size_bytes;
	uint64_t piece;
	int err = 0;

	if (ferry_os_fault_point(FERRY_USER_POINT_ZAP))
		return FERRY_E_CPU_ZAP;
	for (uint32_t turn = 0; ferry_mm_changing(mm); turn++) {
		if (turn == CHANGING_TURNS || ferry_mm_monitor_self(mm))
			return zap_by_maps(mm, va, size_bytes);
		ferry_os_relax();
	}
	ferry_mm_settle(mm); /* now every change that was read is marked; see mm_priv.h */
	if (!(ferry_slots_flags_near(&mm->slots, va, size_bytes) & FERRY_PAGE_DEAD))
		return zap_piece(va, size_bytes);
	for (; !err && ferry_slots_run(&mm->slots, &va, end, FERRY_PAGE_DEAD, 0, &piece); va += piece)
		err = zap_piece(va, piece);
	return err;
}

/* ---- protect ------------------------------------------------------------------------------------ */

/*
 * Forbid or allow writes in every VMA of the range. Pages without a VMA of ours are passed over. FERRY_E_BUSY: the
 * address space is changing.
 */
static int write_protect(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes, bool on)
{
	uint64_t end = va + size_bytes;
	uint64_t step = size_bytes;
	uint32_t again = 0;

	/* Each turn goes on, halves step, or is one of TRIES. */
	while (va < end) {
		struct uffdio_writeprotect wp = {
			.range = {va, step},
			.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : UFFDIO_WRITEPROTECT_MODE_DONTWAKE,
		};

		if (ioctl(mm->uffd, UFFDIO_WRITEPROTECT, &wp) == 0) {
			va += step;
			step = end - va;
		} else if (errno == ENOENT && step > FERRY_PAGE_SIZE) {
			step = ferry_align_up(step / 2, FERRY_PAGE_SIZE);
		} else if (errno == ENOENT) {
			va += FERRY_PAGE_SIZE;
			step = end - va;
		} else if (errno == EAGAIN && !ferry_mm_monitor_self(mm) && again++ < TRIES) {
			ferry_os_relax();
		} else {
			return errno == EAGAIN ? FERRY_E_BUSY : FERRY_E_CPU_ZAP;
		}
	}
	return 0;
}

static int op_cpu_protect(void *cookie, uint64_t va, uint32_t page_count)
{
	struct ferry_user_mm *mm = cookie;

	if (ferry_os_fault_point(FERRY_USER_POINT_ZAP))
		return FERRY_E_CPU_ZAP;
	/* No mapping at all is a stronger protection, and the host may drop mappings. */
	if (write_protect(mm, va, (uint64_t)page_count << FERRY_PAGE_SHIFT, true) != 0)
		return op_cpu_zap(cookie, va, page_count);
	return 0;
}

/* ---- insert ------------------------------------------------------------------------------------- */

/*
 * The kernel finds room for many pages of a file faster in one go; filling them with zeroes and mapping them is then
 * left. A failure shows in the second step.
 */
static int populate_now(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes)
{
	char *p = mm->alias + mm_offset(mm, va);

	if (ferry_os_fault_point(FERRY_USER_POINT_POPULATE))
		return FERRY_E_HOST_FULL;
	if (size_bytes >= FALLOCATE_BYTES)
		(void)!fallocate(mm->memfd, FALLOC_FL_KEEP_SIZE, (off_t)mm_offset(mm, va), (off_t)size_bytes);
	for (uint32_t i = 0; i < TRIES; i++) {
		if (madvise(p, size_bytes, MADV_POPULATE_WRITE) == 0) {
			ferry_slots_set_present(&mm->slots, va, size_bytes, true);
			return 0;
		}
		if (errno != EINTR && errno != EAGAIN)
			break;
	}
	return FERRY_E_HOST_FULL;
}

static int populate(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes)
{
	return ferry_slots_present(&mm->slots, va, size_bytes) ? 0 : populate_now(mm, va, size_bytes);
}

/*
 * PTEs for [va, va + size_bytes). *existed: some were there, so they may be write-protected and their waiters were
 * not woken. 0, FERRY_E_BUSY, FERRY_E_CPU_INSERT.
 */
static int map_pages(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes, uint64_t mode, bool *existed)
{
	uint64_t end = va + size_bytes;
	uint64_t step = size_bytes;
	uint64_t filled = 0; /* the page that was put back into the file last; once each */

	/* Each turn goes on, halves step, or fills a page. */
	while (va < end) {
		struct uffdio_continue c = {.range = {va, step}, .mode = mode};

		if (ioctl(mm->uffd, UFFDIO_CONTINUE, &c) == 0) {
			va += step;
			step = end - va;
		} else if (c.mapped > 0) {
			va += (uint64_t)c.mapped; /* a prefix is done, and woken if mode says so */
			step = end - va;
		} else if (errno == EEXIST) {
			*existed = true;
			va += FERRY_PAGE_SIZE;
			step = end - va;
		} else if (errno == ENOENT && step > FERRY_PAGE_SIZE) {
			step = ferry_align_up(step / 2, FERRY_PAGE_SIZE);
		} else if (errno == EFAULT && filled != va && populate_now(mm, va, FERRY_PAGE_SIZE) == 0) {
			filled = va; /* the user took the page out with MADV_REMOVE */
		} else {
			return errno == EAGAIN ? FERRY_E_BUSY : FERRY_E_CPU_INSERT;
		}
	}
	return 0;
}

/*
 * The kernel has no "map write-protected" before 6.4, so map first, then protect, then wake. The short time in which
 * another thread can write is the core's to check (mm_ops.h).
 */
static int insert_read_only(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes)
{
	bool existed = false;
	int err = map_pages(mm, va, size_bytes, UFFDIO_CONTINUE_MODE_DONTWAKE, &existed);

	if (!err)
		err = write_protect(mm, va, size_bytes, true);
	if (err) /* never leave a page writable that must not be */
		(void)op_cpu_zap(mm, va, (uint32_t)(size_bytes >> FERRY_PAGE_SHIFT));
	ferry_mm_wake(mm, va, size_bytes);
	return err;
}

static int insert_writable(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes)
{
	uint64_t mode = mm->mode == FERRY_USER_MM_THREAD ? 0 : UFFDIO_CONTINUE_MODE_DONTWAKE;
	bool existed = false;
	int err = map_pages(mm, va, size_bytes, mode, &existed);

	if (!err && existed)
		err = write_protect(mm, va, size_bytes, false);
	if (err || existed)
		ferry_mm_wake(mm, va, size_bytes);
	return err;
}

static int op_cpu_insert(void *cookie, uint64_t va, uint32_t page_count, bool write)
{
	struct ferry_user_mm *mm = cookie;
	uint64_t size_bytes = (uint64_t)page_count << FERRY_PAGE_SHIFT;
	int err;

	if (ferry_os_fault_point(FERRY_USER_POINT_INSERT))
		return FERRY_E_CPU_INSERT;
	err = write ? insert_writable(mm, va, size_bytes) : insert_read_only(mm, va, size_bytes);
	if (err == FERRY_E_CPU_ZAP)
		err = FERRY_E_CPU_INSERT;
	ferry_mm_monitor_woke(mm, va, size_bytes);
	return err;
}

/* The mark is what counts: mm_monitor.c and mm_sigbus.c answer a touch with SIGBUS. */
static int op_cpu_poison(void *cookie, uint64_t va, uint32_t page_count)
{
	struct ferry_user_mm *mm = cookie;
	uint64_t size_bytes = (uint64_t)page_count << FERRY_PAGE_SHIFT;

	if (ferry_os_fault_point(FERRY_USER_POINT_INSERT))
		return FERRY_E_CPU_INSERT;
	ferry_slots_mark(&mm->slots, va, size_bytes, FERRY_PAGE_POISON);
	if (op_cpu_zap(mm, va, page_count) != 0)
		return FERRY_E_CPU_INSERT;
	ferry_mm_wake(mm, va, size_bytes); /* who waits there shall see it */
	return 0;
}

/* ---- host pages --------------------------------------------------------------------------------- */

static int op_host_populate(void *cookie, uint64_t va, uint32_t page_count)
{
	return populate(cookie, va, (uint64_t)page_count << FERRY_PAGE_SHIFT);
}

/* Host memory is in a row wherever managed memory is. The device must have the alias as a window (softdev.h). */
static int op_host_bus(void *cookie, void *dev, uint64_t va, uint32_t page_count, uint64_t *bus, uint32_t *run_pages)
{
	struct ferry_user_mm *mm = cookie;

	(void)dev;
	*bus = (uintptr_t)mm->alias + mm_offset(mm, va);
	*run_pages = page_count;
	return 0;
}

static void *op_host_ptr(void *cookie, uint64_t va)
{
	struct ferry_user_mm *mm = cookie;

	return mm->alias + mm_offset(mm, va);
}

static void op_host_discard(void *cookie, uint64_t va, uint32_t page_count)
{
	struct ferry_user_mm *mm = cookie;
	uint64_t size_bytes = (uint64_t)page_count << FERRY_PAGE_SHIFT;
	uint64_t end = va + size_bytes;
	uint64_t piece;

	if (!(ferry_slots_flags_near(&mm->slots, va, size_bytes) & FERRY_PAGE_MOVED)) {
		ferry_mm_punch(mm, va, size_bytes);
		return;
	}
	for (; ferry_slots_run(&mm->slots, &va, end, FERRY_PAGE_MOVED, 0, &piece); va += piece)
		ferry_mm_punch(mm, va, piece);
}

/* ---- references --------------------------------------------------------------------------------- */

/*
 * Count and "dying" are one word. A put that takes one from a count without the mark is through with mm at once; with
 * it, destroy may wait for this very put: the lock keeps mm until it is through.
 */
static void op_put(void *cookie)
{
	struct ferry_user_mm *mm = cookie;
	uint64_t refs = ferry_os_load_relaxed(&mm->refs);

	/* Bounded: each failed exchange means that another thread's succeeded. */
	while (!(refs & FERRY_MM_DYING)) {
		uint64_t was = ferry_os_cmpxchg(&mm->refs, refs, refs - 1);

		if (was == refs)
			return;
		refs = was;
	}
	ferry_os_spin_lock(&mm->ref_lock);
	if (ferry_os_fetch_add(&mm->refs, (uint64_t)-1) == (FERRY_MM_DYING | 1))
		ferry_os_wake_all(&mm->put_wait);
	ferry_os_spin_unlock(&mm->ref_lock);
}

static int op_get(void *cookie)
{
	struct ferry_user_mm *mm = cookie;

	if (mm->era != ferry_user_era())
		return FERRY_E_VA_SPACE_DEAD;
	if (!(ferry_os_fetch_add(&mm->refs, 1) & FERRY_MM_DYING))
		return 0;
	op_put(mm);
	return FERRY_E_VA_SPACE_DEAD;
}

/* ---- registered memory ------------------------------------------------------------------------- */

/* [va, end) is mapped without a hole, to read and (write) to write. */
static bool external_mapped(uint64_t va, uint64_t end, bool write)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long long from, to;
	char *line = NULL, perms[5];
	size_t room = 0;

	if (!maps)
		return false;
	while (va < end && getline(&line, &room, maps) > 0) {
		if (sscanf(line, "%llx-%llx %4s", &from, &to, perms) != 3 || to <= va)
			continue;
		if (from > va || perms[0] != 'r' || (write && perms[1] != 'w'))
			break;
		va = to;
	}
	free(line);
	fclose(maps);
	return va >= end;
}

/*
 * All of it is there, and allows it. A mapping of another driver's cannot be filled ahead, which is the same answer
 * as for one that does not allow it: so look.
 */
static int external_check(uint64_t va, uint64_t size_bytes, bool write)
{
	if (!madvise((void *)(uintptr_t)va, size_bytes, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ))
		return 0;
	return errno == EINVAL && external_mapped(va, va + size_bytes, write) ? 0 : FERRY_E_REGISTER_ADDRESS;
}

static int op_external_map(void *ptr, uint64_t va, uint64_t page_count, bool write)
{
	struct ferry_user_mm *mm = ptr;
	uint64_t size_bytes = page_count << FERRY_PAGE_SHIFT, alias = (uintptr_t)mm->alias;
	int err;

	if (!mm->calls.reach)
		return FERRY_E_UNSUPPORTED;
	if (ferry_range_overlaps(va, size_bytes, mm->base, mm->bytes) ||
	    ferry_range_overlaps(va, size_bytes, alias, mm->bytes))
		return FERRY_E_RANGE_OVERLAP;
	err = external_check(va, size_bytes, write);
	return err ? err : mm->calls.reach(mm->calls.arg, va, size_bytes);
}

static void op_external_unmap(void *ptr, uint64_t va, uint64_t page_count)
{
	struct ferry_user_mm *mm = ptr;

	mm->calls.unreach(mm->calls.arg, va, page_count << FERRY_PAGE_SHIFT);
}

/* A device of this process takes pointers. */
static int op_external_bus(void *ptr, void *dev, uint64_t va, uint32_t page_count, uint64_t *bus, uint32_t *run_pages)
{
	(void)ptr, (void)dev;
	*bus = va;
	*run_pages = page_count;
	return 0;
}

const struct ferry_mm_ops ferry_user_mm_ops = {
	.get = op_get,
	.put = op_put,
	.cpu_zap = op_cpu_zap,
	.cpu_protect = op_cpu_protect,
	.cpu_insert = op_cpu_insert,
	.cpu_poison = op_cpu_poison,
	.host_populate = op_host_populate,
	.host_bus = op_host_bus,
	.host_ptr = op_host_ptr,
	.external_map = op_external_map,
	.external_unmap = op_external_unmap,
	.external_bus = op_external_bus,
	.host_discard = op_host_discard,
};
