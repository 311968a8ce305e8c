/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "fiber.h"

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif
#ifndef FIBER_ASAN
#define FIBER_ASAN 0
#endif

#if FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

/* The stack that the sanitizer found when it first left it: the process's own. */
static const void *first_bottom;
static size_t first_size;
#endif

void fiber_make(struct fiber *f)
{
	char *p = mmap(NULL, FIBER_STACK_BYTES + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p, 4096, PROT_NONE)) {
		perror("sim: no memory for a stack");
		exit(2);
	}
	f->stack = p + 4096;
}

#if defined(__x86_64__)

/* Saves the registers that a callee must keep, changes stacks, jumps to where the other side left. */
void fiber_swap(void **save, void *load);
__asm__(".text\n"
        ".globl fiber_swap\n"
        ".type fiber_swap, @function\n"
        "fiber_swap:\n"
        "	pushq %rbp\n"
        "	pushq %rbx\n"
        "	pushq %r12\n"
        "	pushq %r13\n"
        "	pushq %r14\n"
        "	pushq %r15\n"
        "	movq %rsp, (%rdi)\n"
        "	movq %rsi, %rsp\n"
        "	popq %r15\n"
        "	popq %r14\n"
        "	popq %r13\n"
        "	popq %r12\n"
        "	popq %rbx\n"
        "	popq %rbp\n"
        "	popq %rcx\n"
        "	jmp *%rcx\n"
        ".size fiber_swap, .-fiber_swap\n");

void fiber_reset(struct fiber *f, void (*entry)(void))
{
	/* As if entry had been called: six registers, where to go, and a stack that is 8 off a multiple of 16. */
	uintptr_t *sp = (uintptr_t *)(f->stack + FIBER_STACK_BYTES) - 10;

#if FIBER_ASAN
	__asan_unpoison_memory_region(f->stack, FIBER_STACK_BYTES);
	f->fake = NULL;
#endif
	for (int i = 0; i < 6; i++)
		sp[i] = 0;
	sp[6] = (uintptr_t)entry;
	sp[7] = 0;
	f->sp = sp;
}

static inline void swap(struct fiber *from, struct fiber *to)
{
	fiber_swap(&from->sp, to->sp);
}

#else

#include <ucontext.h>

void fiber_reset(struct fiber *f, void (*entry)(void))
{
	if (!f->sp)
		f->sp = calloc(1, sizeof(ucontext_t));
	if (!f->sp || getcontext(f->sp)) {
		perror("sim: no memory for a fiber");
		exit(2);
	}
	((ucontext_t *)f->sp)->uc_stack.ss_sp = f->stack;
	((ucontext_t *)f->sp)->uc_stack.ss_size = FIBER_STACK_BYTES;
	makecontext(f->sp, entry, 0);
}

static inline void swap(struct fiber *from, struct fiber *to)
{
	if (!from->sp)
		from->sp = calloc(1, sizeof(ucontext_t));
	if (!from->sp || swapcontext(from->sp, to->sp))
		abort();
}

#endif

void fiber_switch(struct fiber *from, struct fiber *to)
{
#if FIBER_ASAN
	const void *bottom = to->stack ? (const void *)to->stack : first_bottom;
	size_t size = to->stack ? FIBER_STACK_BYTES : first_size;

	__sanitizer_start_switch_fiber(&from->fake, bottom, size);
	swap(from, to);
	fiber_arrived(from);
#else
	swap(from, to);
#endif
}

void fiber_arrived(struct fiber *f)
{
#if FIBER_ASAN
	const void *bottom;
	size_t size;

	__sanitizer_finish_switch_fiber(f->fake, &bottom, &size);
	if (!first_bottom) {
		/* Only the process's own thread can have been left first. */
		first_bottom = bottom;
		first_size = size;
	}
#else
	(void)f;
#endif
}
