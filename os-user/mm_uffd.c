/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mm_uffd.c - life of a process's managed memory, and its allocations.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mm_priv.h"

/* ---- life --------------------------------------------------------------------------------------- */

static void fields_init(struct ferry_user_mm *mm, const struct ferry_user_mm_config *config)
{
	mm->memfd = -1;
	mm->poison_fd = -1;
	mm->uffd = -1;
	mm->wake_fd = -1;
	mm->calls = config->calls;
	mm->era = ferry_user_era();
	ferry_os_mutex_init(&mm->map_lock, FERRY_OS_CLASS_HOST);
	ferry_os_wait_init(&mm->put_wait);
	ferry_os_spin_init(&mm->ref_lock, FERRY_OS_CLASS_HOST);
	ferry_os_spin_init(&mm->small_lock, FERRY_OS_CLASS_HOST);
}

static void fields_fini(struct ferry_user_mm *mm)
{
	ferry_os_spin_fini(&mm->small_lock);
	ferry_os_spin_fini(&mm->ref_lock);
	ferry_os_wait_fini(&mm->put_wait);
	ferry_os_mutex_fini(&mm->map_lock);
}

/* The threads and handlers that serve faults. */
static int service_start(struct ferry_user_mm *mm)
{
	int err = ferry_mm_poison_init(mm);

	if (err)
		return err;
	err = ferry_mm_monitor_start(mm);
	if (err)
		goto fini_poison;
	if (mm->mode == FERRY_USER_MM_SIGNAL)
		err = ferry_mm_sigbus_add(mm);
	if (err)
		goto stop_monitor;
	return 0;

stop_monitor:
	ferry_mm_monitor_stop(mm);
fini_poison:
	ferry_mm_poison_fini(mm);
	return err;
}

/* A poison that is under way needs the monitor to end. */
static void service_stop(struct ferry_user_mm *mm)
{
	if (mm->mode == FERRY_USER_MM_SIGNAL)
		ferry_mm_sigbus_remove(mm);
	ferry_mm_poison_fini(mm);
	ferry_mm_monitor_stop(mm);
}

int ferry_user_mm_create(const struct ferry_user_mm_config *config, struct ferry_user_mm **out)
{
	struct ferry_user_mm *mm;
	int err;

	if (!config->calls.cpu_fault || !config->calls.unmapped || !config->calls.bring_home ||
	    (uint32_t)config->mode > FERRY_USER_MM_SIGNAL)
		return FERRY_E_INVAL;
	mm = ferry_os_zalloc(sizeof(*mm), 0);
	if (!mm)
		return FERRY_E_NOMEM;
	ferry_user_fork_watch();
	fields_init(mm, config);
	err = ferry_mm_open_window(mm, config->window_bytes_max);
	if (err)
		goto free_mm;
	err = ferry_slots_init(&mm->slots, mm->base, mm->bytes);
	if (err)
		goto close_window;
	err = ferry_mm_open_uffd(mm, config->mode);
	if (err)
		goto fini_slots;
	mm->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = mm->wake_fd >= 0 ? 0 : FERRY_E_NOMEM;
	if (err)
		goto close_uffd;
	err = service_start(mm);
	if (err)
		goto close_wake;

	*out = mm;
	return 0;

close_wake:
	close(mm->wake_fd);
close_uffd:
	close(mm->uffd);
fini_slots:
	ferry_slots_fini(&mm->slots);
close_window:
	ferry_mm_close_window(mm);
free_mm:
	fields_fini(mm);
	ferry_os_free(mm);
	return err;
}

static bool nobody_refers(void *arg)
{
	struct ferry_user_mm *mm = arg;

	return __atomic_load_n(&mm->refs.v, __ATOMIC_SEQ_CST) == FERRY_MM_DYING;
}

/* Closing userfaultfd ends every registration and wakes every waiter; so it comes before the addresses go. */
static void close_all(struct ferry_user_mm *mm)
{
	close(mm->uffd);
	close(mm->wake_fd);
	ferry_mm_close_window(mm);
	ferry_slots_fini(&mm->slots);
}

void ferry_user_mm_destroy(struct ferry_user_mm *mm)
{
	if (mm->era != ferry_user_era()) { /* the parent's threads and locks are not here */
		close_all(mm);
		ferry_os_free(mm);
		return;
	}
	ferry_os_fetch_or(&mm->refs, FERRY_MM_DYING);
	while (ferry_os_wait_until(&mm->put_wait, nobody_refers, mm, UINT64_MAX))
		;                          /* FERRY_E_KILLED is a test's */
	ferry_os_spin_lock(&mm->ref_lock); /* the last put is through */
	ferry_os_spin_unlock(&mm->ref_lock);
	service_stop(mm);
	close_all(mm);
	fields_fini(mm);
	ferry_os_free(mm);
}

/* ---- allocations --------------------------------------------------------------------------------- */

int ferry_user_mm_alloc(struct ferry_user_mm *mm, uint64_t size_bytes, uint64_t *va)
{
	uint64_t rounded = ferry_align_up(size_bytes, FERRY_PAGE_SIZE);
	uint64_t at;
	int err;

	if (mm->era != ferry_user_era())
		return FERRY_E_FORKED;
	if (size_bytes == 0)
		return FERRY_E_INVAL;
	if (rounded < size_bytes)
		return FERRY_E_MMAP;
	ferry_os_mutex_lock(&mm->map_lock);
	err = ferry_slots_take(&mm->slots, rounded >> FERRY_PAGE_SHIFT, &at);
	if (err)
		goto unlock;
	err = ferry_os_fault_point(FERRY_USER_POINT_MMAP) ? FERRY_E_MMAP : ferry_mm_map(mm, at, rounded);
	if (err)
		goto take_back;
	ferry_os_mutex_unlock(&mm->map_lock);
	*va = at;
	/* The kernel orders a fault after what came before it; this says so to ThreadSanitizer. Pairs with
	 * handle_fault(). */
	__atomic_fetch_add(&mm->alloc_seq, 1, __ATOMIC_RELEASE);
	return 0;

take_back:
	ferry_mm_unregister(mm, at, rounded);
	if (ferry_mm_reserve(at, rounded) != 0)
		ferry_slots_lose(&mm->slots, at, rounded);
	ferry_slots_give(&mm->slots, at);
unlock:
	ferry_os_mutex_unlock(&mm->map_lock);
	return err;
}

/*
 * Take the mapping of a piece away. Unregistered first, its end is no event. own_va covers the case that the kernel
 * refuses to unregister (a foreign mapping in the middle): then the event comes, and is ours.
 */
static int piece_free(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes)
{
	int err;

	ferry_mm_unregister(mm, va, size_bytes);
	ferry_mm_own_change_begin(mm, va, size_bytes);
	err = ferry_mm_reserve(va, size_bytes);
	ferry_mm_own_change_end(mm);
	if (err) {
		(void)!ferry_mm_register(mm, va, size_bytes); /* as before, if the system lets us */
		return err;
	}
	ferry_mm_punch(mm, va, size_bytes);
	return 0;
}

int ferry_user_mm_free(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes)
{
	uint64_t rounded = ferry_align_up(size_bytes, FERRY_PAGE_SIZE);
	uint64_t end = va + rounded;
	uint64_t at = va;
	uint64_t piece;
	uint64_t pages;
	int err = 0;

	if (mm->era != ferry_user_era())
		return FERRY_E_FORKED;
	ferry_os_mutex_lock(&mm->map_lock);
	pages = ferry_slots_pages(&mm->slots, va);
	if (!pages)
		err = FERRY_E_RANGE_NOT_START;
	else if (pages != rounded >> FERRY_PAGE_SHIFT)
		err = FERRY_E_INVAL;
	if (err)
		goto unlock;
	/* What the user has taken away is not ours to map over. */
	if (!(ferry_slots_flags_near(&mm->slots, va, rounded) & FERRY_PAGE_DEAD))
		err = piece_free(mm, va, rounded);
	else
		for (; !err && ferry_slots_run(&mm->slots, &at, end, FERRY_PAGE_DEAD, 0, &piece); at += piece)
			err = piece_free(mm, at, piece);
	if (!err)
		ferry_slots_give(&mm->slots, va);
unlock:
	ferry_os_mutex_unlock(&mm->map_lock);
	return err;
}

int ferry_user_mm_protect(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes, int prot)
{
	if (mm->era != ferry_user_era())
		return FERRY_E_FORKED;
	if (!ferry_is_aligned(va, FERRY_PAGE_SIZE) || !ferry_slots_within(&mm->slots, va, size_bytes))
		return FERRY_E_RANGE_NOT_FOUND;
	return mprotect((void *)(uintptr_t)va, size_bytes, prot) == 0 ? 0 : FERRY_E_MMAP;
}

/* ---- questions ----------------------------------------------------------------------------------- */

enum ferry_user_mm_mode ferry_user_mm_mode(const struct ferry_user_mm *mm)
{
	return mm->mode;
}

bool ferry_user_mm_syscalls_work(const struct ferry_user_mm *mm)
{
	return mm->syscalls_work;
}

void ferry_user_mm_window(const struct ferry_user_mm *mm, uint64_t *va, uint64_t *size_bytes)
{
	*va = mm->base;
	*size_bytes = mm->bytes;
}

void *ferry_user_mm_alias(const struct ferry_user_mm *mm)
{
	return mm->alias;
}
