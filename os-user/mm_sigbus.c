/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mm_sigbus.c - signal mode: SIGBUS on a managed page is a fault to serve.
 *
 *     touch -> kernel -> SIGBUS -> on_sigbus: which mm? -> calls->cpu_fault on this thread -> return: touch again
 *                                     |                         or, with too little stack, on the monitor thread
 *                                     +- nobody's, or refused: what the program had installed before us
 *
 * The handler may do what the core does (locks, memory), because a touch of managed memory is the only place it
 * interrupts, and the driver itself never touches managed memory at its user address. Every other signal waits
 * until the fault is served, and so does cancellation: neither may run code of the program's inside the core.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#include "mm_priv.h"
#include "os_futex.h"

#define STACK_BYTES_LEAST (64u * 1024u) /* what the core and its frames may need */
#define RETRIES_MAX 64u /* touches of one address within RETRY_NS, none served: then ask somebody else */
#define RETRY_NS 1000000000u

/*
 * The handler's table. users goes up before mm is read, and remove clears mm before it reads users: an mm that the
 * handler has seen stays until the handler leaves it.
 */
static struct table_slot {
	uint64_t base; /* of the window: a first look that costs nothing; 0 = free */
	uint64_t bytes;
	struct ferry_user_mm *mm;
	uint64_t users;
} table[FERRY_USER_MM_SIGNAL_MAX];

static struct ferry_os_mutex table_lock; /* for writers */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint32_t table_count; /* under table_lock; the handler is installed while it is not 0 */

/* What was installed when we came. Two, so that a handler never reads the one that is being written. */
static struct sigaction befores[2];
static uint32_t before_index; /* atomic */

/* This thread is handing a signal on. With a chain that leads back to us, the same signal comes in again, deeper. */
static _Thread_local struct {
	const void *context;
	uintptr_t frame;
} passing;

/* The same address again and again without success: not ours to decide. */
static _Thread_local struct {
	uint64_t va;
	uint64_t since_ns;
	uint32_t tries;
} last;

/* ---- what the processor says --------------------------------------------------------------------- */

static bool was_write(const ucontext_t *uc)
{
#if defined(__x86_64__)
	return uc->uc_mcontext.gregs[REG_ERR] & 2;
#elif defined(__aarch64__)
	/* Look for the exception syndrome among the records; bit 6 of it is "write". */
	const struct _aarch64_ctx *rec = (const void *)uc->uc_mcontext.__reserved;
	const char *end = (const char *)rec + sizeof(uc->uc_mcontext.__reserved);

	while ((const char *)rec + sizeof(*rec) <= end && rec->magic && rec->size >= sizeof(*rec)) {
		if (rec->magic == ESR_MAGIC)
			return ((const struct esr_context *)rec)->esr & (1u << 6);
		rec = (const void *)((const char *)rec + rec->size);
	}
	return true;
#else
	(void)uc;
	return true; /* the stronger access is always right, only more work */
#endif
}

/* Are we on an alternate stack with little room below us? (The stack of an ordinary thread has guard and size.) */
static bool stack_is_short(const ucontext_t *uc)
{
	const char here = 0;
	uintptr_t sp = (uintptr_t)&here;
	uintptr_t low = (uintptr_t)uc->uc_stack.ss_sp;

	if ((uc->uc_stack.ss_flags & SS_DISABLE) || sp - low >= uc->uc_stack.ss_size)
		return false;
	return sp - low < STACK_BYTES_LEAST;
}

/* ---- on the monitor thread ------------------------------------------------------------------------ */

void ferry_mm_sigbus_serve(struct ferry_user_mm *mm)
{
	struct ferry_mm_request *r;

	ferry_os_spin_lock(&mm->small_lock);
	r = mm->requests;
	mm->requests = NULL;
	ferry_os_spin_unlock(&mm->small_lock);
	while (r) {
		struct ferry_mm_request *next = r->next; /* r is gone once it is done */

		r->err = mm->calls.cpu_fault(mm->calls.arg, r->va, r->write);
		__atomic_store_n(&r->done, 1, __ATOMIC_RELEASE);
		futex_wake(&r->done, 1);
		r = next;
	}
}

static int serve_elsewhere(struct ferry_user_mm *mm, uint64_t va, bool write)
{
	struct ferry_mm_request r = {.va = va, .write = write};

	ferry_os_spin_lock(&mm->small_lock);
	r.next = mm->requests;
	mm->requests = &r;
	ferry_os_spin_unlock(&mm->small_lock);
	ferry_mm_monitor_kick(mm);
	while (!__atomic_load_n(&r.done, __ATOMIC_ACQUIRE))
		futex_wait(&r.done, 0, UINT64_MAX);
	return r.err;
}

/* ---- the handler ---------------------------------------------------------------------------------- */

static enum ferry_mm_verdict serve(struct ferry_user_mm *mm, uint64_t address, const ucontext_t *uc)
{
	uint64_t va = ferry_align_down(address, FERRY_PAGE_SIZE);
	bool write = was_write(uc);
	int err;

	if (ferry_slots_flags(&mm->slots, va) & FERRY_PAGE_POISON)
		return ferry_slots_live(&mm->slots, va) ? FERRY_MM_REFUSED : FERRY_MM_GONE;
	if (stack_is_short(uc))
		err = serve_elsewhere(mm, va, write);
	else
		err = mm->calls.cpu_fault(mm->calls.arg, va, write);
	return ferry_mm_judge(mm, va, err);
}

/* Whose is it? The mm stays until table_leave(). NULL: nobody's. */
static struct ferry_user_mm *table_enter(uint64_t va, struct table_slot **slot)
{
	for (uint32_t i = 0; i < FERRY_USER_MM_SIGNAL_MAX; i++) {
		struct table_slot *t = &table[i];
		struct ferry_user_mm *mm;

		if (va - __atomic_load_n(&t->base, __ATOMIC_RELAXED) >= __atomic_load_n(&t->bytes, __ATOMIC_RELAXED))
			continue;
		__atomic_fetch_add(&t->users, 1, __ATOMIC_SEQ_CST); /* pairs with ferry_mm_sigbus_remove() */
		mm = __atomic_load_n(&t->mm, __ATOMIC_SEQ_CST);
		if (mm && mm_contains(mm, va) && mm->era == ferry_user_era()) {
			*slot = t;
			return mm;
		}
		__atomic_fetch_sub(&t->users, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void table_leave(struct table_slot *slot)
{
	__atomic_fetch_sub(&slot->users, 1, __ATOMIC_SEQ_CST);
}

/* A page that mremap took out of a window, before its faults became plain ones. */
static bool was_moved(uint64_t va)
{
	bool moved = false;

	for (uint32_t i = 0; i < FERRY_USER_MM_SIGNAL_MAX && !moved; i++) {
		struct table_slot *t = &table[i];
		struct ferry_user_mm *mm;

		if (!__atomic_load_n(&t->bytes, __ATOMIC_RELAXED))
			continue;
		__atomic_fetch_add(&t->users, 1, __ATOMIC_SEQ_CST);
		mm = __atomic_load_n(&t->mm, __ATOMIC_SEQ_CST);
		if (mm && mm->era == ferry_user_era())
			moved = ferry_mm_moved(mm, va);
		__atomic_fetch_sub(&t->users, 1, __ATOMIC_SEQ_CST);
	}
	return moved;
}

/* Did this thread come back to the same address too often? Only for answers that promise nothing. */
static bool is_stuck(uint64_t va)
{
	uint64_t now_ns = ferry_os_now_ns();

	if (last.va != va || now_ns - last.since_ns > RETRY_NS) {
		last.va = va;
		last.since_ns = now_ns;
		last.tries = 0;
	}
	return ++last.tries > RETRIES_MAX;
}

static const struct sigaction *before(void)
{
	return &befores[__atomic_load_n(&before_index, __ATOMIC_ACQUIRE)];
}

/* A SIGBUS of the processor's cannot be ignored. It is blocked here, and ends us when we return. */
static void die(void)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};

	sigaction(SIGBUS, &dfl, NULL);
	pthread_kill(pthread_self(), SIGBUS);
}

/* Not ours: do what the program had asked for, with the mask it would have had. Its handler need not return. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
	const struct sigaction *old = before();
	const ucontext_t *uc = context;
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	sigset_t mask = uc->uc_sigmask;

	if (!(old->sa_flags & SA_SIGINFO) && (old->sa_handler == SIG_DFL || old->sa_handler == SIG_IGN)) {
		die();
		return;
	}
	/* A jump out of the old handler leaves this set; a new signal is then at the same depth, not deeper. */
	if (passing.context == context && frame < passing.frame) {
		die();
		return;
	}
	passing.context = context;
	passing.frame = frame;
	for (int s = 1; s < NSIG; s++) {
		if (sigismember(&old->sa_mask, s) == 1)
			sigaddset(&mask, s);
	}
	if (!(old->sa_flags & SA_NODEFER))
		sigaddset(&mask, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	if (old->sa_flags & SA_SIGINFO)
		old->sa_sigaction(sig, info, context);
	else
		old->sa_handler(sig);
	passing.context = NULL;
}

/* True: touch again. */
static bool handle(uint64_t va, const ucontext_t *uc)
{
	struct table_slot *slot = NULL;
	struct ferry_user_mm *mm = table_enter(va, &slot);
	enum ferry_mm_verdict verdict;

	if (!mm)
		return was_moved(va) && !is_stuck(va);
	verdict = serve(mm, va, uc);
	table_leave(slot);
	if (verdict == FERRY_MM_SERVED)
		return true;
	if (verdict == FERRY_MM_LATER) {
		ferry_mm_nap();
		return true;
	}
	return verdict == FERRY_MM_GONE && !is_stuck(va);
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	int keep = errno;
	int cancel;
	bool again;

	if (info->si_code <= 0) { /* sent by somebody, not by a touch: that can be ignored */
		if ((before()->sa_flags & SA_SIGINFO) || before()->sa_handler != SIG_IGN)
			pass_on(sig, info, context);
		errno = keep;
		return;
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	again = handle((uintptr_t)info->si_addr, context);
	errno = keep;
	pthread_setcancelstate(cancel, NULL);
	if (!again)
		pass_on(sig, info, context);
	errno = keep;
}

/* ---- the table ------------------------------------------------------------------------------------ */

/* The child has none of the parent's windows, and a handler that was inside stays the parent's. */
static void fork_prepare(void)
{
	ferry_os_mutex_lock(&table_lock);
}

static void fork_parent(void)
{
	ferry_os_mutex_unlock(&table_lock);
}

static void fork_child(void)
{
	memset(table, 0, sizeof(table));
	table_count = 0;
	ferry_os_mutex_unlock(&table_lock);
}

static void table_init(void)
{
	ferry_os_mutex_init(&table_lock, FERRY_OS_CLASS_HOST);
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

/* Under table_lock, with an empty table. What we found is complete before the first of our signals can come. */
static int install(void)
{
	struct sigaction sa = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	uint32_t other = 1 - __atomic_load_n(&before_index, __ATOMIC_RELAXED);

	sigfillset(&sa.sa_mask);
	sigdelset(&sa.sa_mask, SIGSEGV);
	sigdelset(&sa.sa_mask, SIGILL);
	sigdelset(&sa.sa_mask, SIGFPE);
	sigdelset(&sa.sa_mask, SIGTRAP);
	sigdelset(&sa.sa_mask, SIGABRT);
	if (sigaction(SIGBUS, NULL, &befores[other]) != 0)
		return FERRY_E_UNSUPPORTED;
	if ((befores[other].sa_flags & SA_SIGINFO) && befores[other].sa_sigaction == on_sigbus)
		return 0; /* a fork's child has the parent's */
	__atomic_store_n(&before_index, other, __ATOMIC_RELEASE);
	return sigaction(SIGBUS, &sa, NULL) == 0 ? 0 : FERRY_E_UNSUPPORTED;
}

/* Under table_lock: put back what we found, unless somebody came after us; then we stay in his chain. */
static void uninstall(void)
{
	struct sigaction now;

	if (sigaction(SIGBUS, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_sigbus)
		sigaction(SIGBUS, before(), NULL);
}

int ferry_mm_sigbus_add(struct ferry_user_mm *mm)
{
	int err;

	pthread_once(&once, table_init);
	ferry_os_mutex_lock(&table_lock);
	err = table_count ? 0 : install();
	if (err)
		goto unlock;
	err = FERRY_E_BUSY;
	for (uint32_t i = 0; i < FERRY_USER_MM_SIGNAL_MAX && err; i++) {
		struct table_slot *t = &table[i];

		if (t->mm)
			continue;
		mm->signal_slot = i;
		__atomic_store_n(&t->mm, mm, __ATOMIC_SEQ_CST);
		__atomic_store_n(&t->base, mm->base, __ATOMIC_RELAXED);
		__atomic_store_n(&t->bytes, mm->bytes, __ATOMIC_RELEASE);
		table_count++;
		err = 0;
	}
unlock:
	ferry_os_mutex_unlock(&table_lock);
	return err;
}

void ferry_mm_sigbus_remove(struct ferry_user_mm *mm)
{
	struct table_slot *t = &table[mm->signal_slot];

	ferry_os_mutex_lock(&table_lock);
	__atomic_store_n(&t->bytes, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&t->base, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&t->mm, NULL, __ATOMIC_SEQ_CST); /* pairs with table_enter() */
	if (--table_count == 0)
		uninstall();
	ferry_os_mutex_unlock(&table_lock);
	while (__atomic_load_n(&t->users, __ATOMIC_SEQ_CST))
		ferry_mm_nap(); /* a handler serves one fault and leaves */
}
