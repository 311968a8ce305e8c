/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mm_monitor.c - the thread that reads userfaultfd: faults (thread mode), munmap and mremap (both modes).
 *
 * Nothing it does may make it wait for an event of its own: it never unmaps registered memory and never takes
 * map_lock.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "mm_priv.h"

#define BATCH 16u
#define NAP_NS 50000

static _Thread_local struct {
	const struct ferry_user_mm *mm; /* whose monitor this thread is */
	uint64_t fault_va;              /* page that is being served */
	bool woke;                      /* and cpu_insert has woken who waits for it */
} me;

bool ferry_mm_monitor_self(const struct ferry_user_mm *mm)
{
	return me.mm == mm;
}

void ferry_mm_monitor_woke(const struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes)
{
	if (me.mm == mm && me.fault_va - va < size_bytes)
		me.woke = true;
}

void ferry_mm_nap(void)
{
	const struct timespec nap = {0, NAP_NS};
	int keep = errno;

	nanosleep(&nap, NULL);
	errno = keep;
}

enum ferry_mm_verdict ferry_mm_judge(struct ferry_user_mm *mm, uint64_t va, int err)
{
	if (!err)
		return FERRY_MM_SERVED;
	if (err == FERRY_E_BUSY || err == FERRY_E_GATE_CLOSED || err == FERRY_E_FAULT_RETRY_LIMIT)
		return FERRY_MM_LATER;
	ferry_mm_settle(mm);
	return ferry_slots_live(&mm->slots, va) ? FERRY_MM_REFUSED : FERRY_MM_GONE;
}

/* ---- events are read and marked ------------------------------------------------------------------ */

void ferry_mm_own_change_begin(struct ferry_user_mm *mm, uint64_t va, uint64_t size_bytes)
{
	__atomic_store_n(&mm->own_bytes, size_bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&mm->own_va, va, __ATOMIC_RELEASE);
}

/* The change returns when its event was read, which is before the monitor has looked at it. */
void ferry_mm_own_change_end(struct ferry_user_mm *mm)
{
	ferry_mm_settle(mm);
	__atomic_store_n(&mm->own_va, 0, __ATOMIC_RELEASE);
}

static bool is_own_change(const struct ferry_user_mm *mm, uint64_t start, uint64_t end)
{
	uint64_t va = __atomic_load_n(&mm->own_va, __ATOMIC_ACQUIRE);

	return va && va == start && __atomic_load_n(&mm->own_bytes, __ATOMIC_RELAXED) == end - start;
}

/* The part of [*start, *end) inside the window. false: none. */
static bool clamp(const struct ferry_user_mm *mm, uint64_t *start, uint64_t *end)
{
	if (*start < mm->base)
		*start = mm->base;
	if (*end > mm->base + mm->bytes)
		*end = mm->base + mm->bytes;
	return *start < *end;
}

static void move_note(struct ferry_user_mm *mm, uint64_t to, uint64_t size_bytes)
{
	ferry_os_spin_lock(&mm->small_lock);
	mm->moves[mm->move_next++ % FERRY_MM_MOVES] = (struct ferry_mm_move){.to = to, .size_bytes = size_bytes};
	ferry_os_spin_unlock(&mm->small_lock);
}

static void move_done(struct ferry_user_mm *mm, uint64_t to)
{
	ferry_os_spin_lock(&mm->small_lock);
	for (uint32_t i = 0; i < FERRY_MM_MOVES; i++) {
		if (mm->moves[i].to == to)
			mm->moves[i].done = true;
	}
	ferry_os_spin_unlock(&mm->small_lock);
}

static bool moves_any(struct ferry_user_mm *mm)
{
	bool any;

	ferry_os_spin_lock(&mm->small_lock);
	any = mm->move_next != 0;
	ferry_os_spin_unlock(&mm->small_lock);
	return any;
}

/* 0: va is in no move. 1: in one that is done. 2: in one that is not. */
static int move_state(struct ferry_user_mm *mm, uint64_t va)
{
	int state = 0;

	ferry_os_spin_lock(&mm->small_lock);
	for (uint32_t i = 0; i < FERRY_MM_MOVES; i++) {
		if (va - mm->moves[i].to < mm->moves[i].size_bytes && state != 2)
			state = mm->moves[i].done ? 1 : 2;
	}
	ferry_os_spin_unlock(&mm->small_lock);
	return state;
}

/*
 * A fault outside the window: memory that mremap took out of it. The new place exists, and can be touched, before we
 * have read about it; but then the kernel says that something is changing. When nothing is, and no move is known, it
 * is a part by which mremap made the memory larger: plain memory.
 */
static void handle_stray(struct ferry_user_mm *mm, uint64_t va)
{
	if (ferry_mm_changing(mm)) {
		ferry_mm_nap();
		ferry_mm_wake(mm, va, FERRY_PAGE_SIZE);
	} else if (move_state(mm, va) != 2) {
		ferry_mm_unregister(mm, va, FERRY_PAGE_SIZE);
		ferry_mm_wake(mm, va, FERRY_PAGE_SIZE);
	} /* else it is next in this batch, and handle_remap() wakes the waiter */
}

/* The same on a touching thread. Bounded by the time that bring_home takes. */
bool ferry_mm_moved(struct ferry_user_mm *mm, uint64_t va)
{
	uint64_t start, end;
	int state;

	for (;;) {
		bool changing = ferry_mm_changing(mm);

		ferry_mm_settle(mm);
		state = move_state(mm, va);
		if (state == 1 || (state == 0 && !changing))
			break;
		ferry_mm_nap();
	}
	/* A part by which mremap made it larger? Slow to find out: not for those who never moved anything. */
	if (state == 0 && moves_any(mm) && ferry_mm_find(mm, va, &start, &end)) {
		ferry_mm_unregister(mm, start, end - start);
		state = 1;
	}
	return state == 1;
}

static void event_mark(struct ferry_user_mm *mm, struct uffd_msg *msg)
{
	uint64_t start, end;

	if (msg->event == UFFD_EVENT_UNMAP) {
		start = msg->arg.remove.start;
		end = msg->arg.remove.end;
		if (is_own_change(mm, start, end))
			msg->event = 0; /* nobody needs to know */
		else if (clamp(mm, &start, &end))
			ferry_slots_mark(&mm->slots, start, end - start, FERRY_PAGE_DEAD | FERRY_PAGE_NEWS);
	} else if (msg->event == UFFD_EVENT_REMAP) {
		start = msg->arg.remap.from;
		end = start + msg->arg.remap.len;
		move_note(mm, msg->arg.remap.to, msg->arg.remap.len);
		if (clamp(mm, &start, &end)) {
			ferry_slots_mark(&mm->slots, start, end - start,
			                 FERRY_PAGE_DEAD | FERRY_PAGE_NEWS | FERRY_PAGE_MOVED);
			ferry_slots_lose(&mm->slots, start, end - start);
		}
	}
}

/* How many messages. Between the two steps of read_seq nothing sleeps: ferry_mm_settle() spins for it. */
static uint32_t events_read(struct ferry_user_mm *mm, struct uffd_msg *msgs)
{
	uint32_t count = 0;
	ssize_t got;

	__atomic_fetch_add(&mm->read_seq, 1, __ATOMIC_SEQ_CST); /* pairs with ferry_mm_settle() */
	got = read(mm->uffd, msgs, BATCH * sizeof(msgs[0]));
	if (got > 0)
		count = (uint32_t)((size_t)got / sizeof(msgs[0]));
	for (uint32_t i = 0; i < count; i++)
		event_mark(mm, &msgs[i]);
	__atomic_fetch_add(&mm->read_seq, 1, __ATOMIC_SEQ_CST);
	return count;
}

/* ---- events are handled -------------------------------------------------------------------------- */

/*
 * The user unmapped [start, end). Tell the core, free the host pages, and reserve the hole again; if somebody was
 * quicker, the slots are lost.
 */
static void handle_unmap(struct ferry_user_mm *mm, uint64_t start, uint64_t end)
{
	uint64_t va = start;
	uint64_t bytes;
	void *hole;

	if (!clamp(mm, &start, &end))
		return;
	for (; ferry_slots_run(&mm->slots, &va, end, FERRY_PAGE_NEWS, FERRY_PAGE_NEWS, &bytes); va += bytes) {
		ferry_slots_unmark(&mm->slots, va, bytes, FERRY_PAGE_NEWS);
		mm->calls.unmapped(mm->calls.arg, va, bytes);
		ferry_mm_punch(mm, va, bytes);
	}
	hole = ferry_mm_remap(start, end - start, PROT_NONE,
	                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1);
	if (hole == (void *)(uintptr_t)start) {
		madvise(hole, end - start, MADV_DONTFORK);
	} else {
		if (hole != MAP_FAILED)
			munmap(hole, end - start); /* a kernel that does not know the flag */
		ferry_slots_lose(&mm->slots, start, end - start);
	}
	ferry_slots_reap(&mm->slots, start, end - start);
}

/*
 * The user moved [from, from + bytes) to `to`: same file, same offset, so the same bytes once they are all on the
 * host. Until then touches of the new place are faults that wait.
 */
static void handle_remap(struct ferry_user_mm *mm, uint64_t from, uint64_t to, uint64_t size_bytes)
{
	uint64_t start = from;
	uint64_t end = from + size_bytes;
	uint64_t bytes;

	if (clamp(mm, &start, &end)) {
		uint64_t va = start;

		for (; ferry_slots_run(&mm->slots, &va, end, FERRY_PAGE_NEWS, FERRY_PAGE_NEWS, &bytes); va += bytes) {
			ferry_slots_unmark(&mm->slots, va, bytes, FERRY_PAGE_NEWS);
			if (mm->calls.bring_home(mm->calls.arg, va, bytes) == 0)
				continue;
			/* Rather no bytes than wrong ones. */
			ferry_os_log(FERRY_LOG_ERROR, "memory moved by mremap has lost its bytes");
			mprotect((void *)(uintptr_t)(to + (va - from)), bytes, PROT_NONE);
		}
	}
	ferry_mm_unregister(mm, to, size_bytes);
	if (start < end) {
		ferry_mm_unregister(mm, from, size_bytes); /* MREMAP_DONTUNMAP leaves a mapping there */
		ferry_slots_reap(&mm->slots, start, end - start);
	}
	move_done(mm, to);
}

static void handle_fault(struct ferry_user_mm *mm, uint64_t address, uint64_t flags)
{
	uint64_t va = ferry_align_down(address, FERRY_PAGE_SIZE);
	bool write = flags & (UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP);
	enum ferry_mm_verdict verdict;

	if (!mm_contains(mm, va)) {
		handle_stray(mm, va);
		return;
	}
	if (ferry_slots_flags(&mm->slots, va) & FERRY_PAGE_POISON) {
		ferry_mm_poison_page(mm, va);
		return;
	}
	me.fault_va = va;
	me.woke = false;
	(void)__atomic_load_n(&mm->alloc_seq, __ATOMIC_ACQUIRE); /* pairs with ferry_user_mm_alloc() */
	verdict = ferry_mm_judge(mm, va, mm->calls.cpu_fault(mm->calls.arg, va, write));
	if (verdict == FERRY_MM_REFUSED) {
		ferry_slots_mark(&mm->slots, va, FERRY_PAGE_SIZE, FERRY_PAGE_POISON);
		ferry_mm_poison_page(mm, va);
		return;
	}
	if (verdict == FERRY_MM_LATER)
		ferry_mm_nap();
	if (!me.woke || verdict != FERRY_MM_SERVED)
		ferry_mm_wake(mm, va, FERRY_PAGE_SIZE);
}

static void event_handle(struct ferry_user_mm *mm, const struct uffd_msg *msg)
{
	switch (msg->event) {
	case UFFD_EVENT_PAGEFAULT:
		ferry_mm_follow_fault(&mm->follow, msg->arg.pagefault.feat.ptid);
		handle_fault(mm, msg->arg.pagefault.address, msg->arg.pagefault.flags);
		break;
	case UFFD_EVENT_UNMAP:
		handle_unmap(mm, msg->arg.remove.start, msg->arg.remove.end);
		break;
	case UFFD_EVENT_REMAP:
		handle_remap(mm, msg->arg.remap.from, msg->arg.remap.to, msg->arg.remap.len);
		break;
	default:
		break;
	}
}

/* ---- the thread ---------------------------------------------------------------------------------- */

/*
 * No spinning before it sleeps: the thread that faulted sleeps as well, and where both share a CPU one of them can
 * run at once only if the other is asleep. Measured: 10 us a fault asleep, 30 and more spinning on a busy machine.
 */
static void monitor_sleep(struct ferry_user_mm *mm)
{
	struct pollfd fds[] = {{.fd = mm->uffd, .events = POLLIN}, {.fd = mm->wake_fd, .events = POLLIN}};
	uint64_t ignored;

	poll(fds, FERRY_ARRAY_SIZE(fds), -1);
	if (!fds[1].revents)
		return;
	if (read(mm->wake_fd, &ignored, sizeof(ignored)) < 0)
		ignored = 0; /* somebody took it already */
	ferry_mm_sigbus_serve(mm);
}

static void *monitor_main(void *arg)
{
	struct ferry_user_mm *mm = arg;
	struct uffd_msg msgs[BATCH];

	me.mm = mm;
	ferry_mm_follow_begin(&mm->follow);
	while (!ferry_os_load_acquire(&mm->stop)) {
		uint32_t count;

		monitor_sleep(mm);
		count = events_read(mm, msgs);
		for (uint32_t i = 0; i < count; i++)
			event_handle(mm, &msgs[i]);
	}
	return NULL;
}

int ferry_mm_monitor_start(struct ferry_user_mm *mm)
{
	int err;

	if (ferry_os_fault_point(FERRY_USER_POINT_THREAD))
		return FERRY_E_THREAD;
	if (mm->mode == FERRY_USER_MM_THREAD)
		ferry_mm_follow_init(&mm->follow, mm->uffd);
	err = ferry_user_thread_start(&mm->monitor, "ferry-monitor", monitor_main, mm);
	if (err)
		ferry_mm_follow_fini(&mm->follow);
	return err;
}

void ferry_mm_monitor_kick(struct ferry_user_mm *mm)
{
	const uint64_t one = 1;
	ssize_t rc = write(mm->wake_fd, &one, sizeof(one));

	(void)rc; /* full: it is awake already */
}

void ferry_mm_monitor_stop(struct ferry_user_mm *mm)
{
	ferry_os_store_release(&mm->stop, 1);
	ferry_mm_monitor_kick(mm);
	pthread_join(mm->monitor, NULL);
	ferry_mm_follow_fini(&mm->follow);
}
