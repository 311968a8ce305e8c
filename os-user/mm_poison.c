/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mm_poison.c - thread mode: how a touch of a poisoned page becomes SIGBUS.
 *
 * A page beyond the end of a file is SIGBUS for a program and EFAULT for a system call. So the page is replaced by
 * one of an empty file. Replacing it unmaps registered memory, which waits until the monitor has read the event; so
 * a work item does it, while the monitor goes on. Nobody touches stale bytes meanwhile: the page has no PTE.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "mm_priv.h"

/* The run of poisoned pages around va, within its slot: fewer pieces for the kernel to keep. */
static uint64_t run_around(struct ferry_user_mm *mm, uint64_t va, uint64_t *size_bytes)
{
	uint64_t at = ferry_align_down(va, FERRY_BLOCK_SIZE);
	uint64_t end = at + FERRY_BLOCK_SIZE;
	const uint32_t mask = FERRY_PAGE_POISON | FERRY_PAGE_DEAD;

	for (; ferry_slots_run(&mm->slots, &at, end, mask, FERRY_PAGE_POISON, size_bytes); at += *size_bytes) {
		if (va - at < *size_bytes)
			return at;
	}
	return 0;
}

static void replace(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes)
{
	struct uffdio_register r = {.range = {va, size_bytes}, .mode = UFFDIO_REGISTER_MODE_MISSING};
	void *at = (void *)(uintptr_t)va;
	void *p;

	ferry_mm_own_change_begin(mm, va, size_bytes);
	p = ferry_mm_remap(va, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE,
	                   mm->poison_fd);
	ferry_mm_own_change_end(mm);
	if (p == MAP_FAILED) {
		ferry_os_log(FERRY_LOG_ERROR, "a lost page cannot be marked: errno %d", errno);
		ferry_mm_nap(); /* its thread will be back */
		return;
	}
	madvise(at, size_bytes, MADV_DONTFORK);
	ioctl(mm->uffd, UFFDIO_REGISTER, &r); /* so that we hear of its end; not vital */
}

static void poison_one(struct ferry_user_mm *mm, uint64_t va)
{
	uint64_t size_bytes = 0;
	uint64_t start;

	ferry_os_mutex_lock(&mm->map_lock); /* it may have been freed, and even be another allocation by now */
	start = run_around(mm, va, &size_bytes);
	if (start)
		replace(mm, start, size_bytes);
	ferry_os_mutex_unlock(&mm->map_lock);
	if (start)
		ferry_mm_wake(mm, start, size_bytes);
	else
		ferry_mm_wake(mm, va, FERRY_PAGE_SIZE);
}

static void poison_work(void *arg)
{
	struct ferry_user_mm *mm = arg;

	for (;;) { /* at most one turn per waiting thread */
		uint64_t va = 0;

		ferry_os_spin_lock(&mm->small_lock);
		if (mm->poison_count)
			va = mm->poisons[--mm->poison_count];
		ferry_os_spin_unlock(&mm->small_lock);
		if (!va)
			return;
		poison_one(mm, va);
	}
}

void ferry_mm_poison_page(struct ferry_user_mm *mm, uint64_t va)
{
	bool room;

	ferry_os_spin_lock(&mm->small_lock);
	room = mm->poison_count < FERRY_MM_POISONS;
	if (room)
		mm->poisons[mm->poison_count++] = va;
	ferry_os_spin_unlock(&mm->small_lock);
	if (room) {
		ferry_os_work_queue(&mm->poison_work);
		return;
	}
	ferry_mm_nap();
	ferry_mm_wake(mm, va, FERRY_PAGE_SIZE); /* it faults again, and by then there is room */
}

int ferry_mm_poison_init(struct ferry_user_mm *mm)
{
	if (mm->mode != FERRY_USER_MM_THREAD)
		return 0;
	return ferry_os_work_init(&mm->poison_work, poison_work, mm);
}

void ferry_mm_poison_fini(struct ferry_user_mm *mm)
{
	if (mm->mode != FERRY_USER_MM_THREAD)
		return;
	ferry_os_work_cancel(&mm->poison_work);
	ferry_os_work_fini(&mm->poison_work);
}
