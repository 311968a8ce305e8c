/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * fiber.h - a stack and a place to go on: what the simulator runs its threads on.
 *
 * A switch saves six registers and jumps; it makes no system call and touches no signal mask. It ends in a jump and
 * not in a return, which a return predictor would miss every time. Other machines than x86-64 use ucontext.
 *
 * Stacks are FIBER_STACK_BYTES with an unreadable page below, made once and used again for every run.
 */
#ifndef FERRY_SIM_FIBER_H
#define FERRY_SIM_FIBER_H

#include <stddef.h>

#define FIBER_STACK_BYTES (128u << 10)

struct fiber {
	void *sp;    /* where it goes on: a stack pointer; elsewhere a ucontext_t */
	char *stack; /* lowest usable byte; NULL for the thread that started it all */
	void *fake;  /* AddressSanitizer's */
};

/* A fresh stack, kept until the process ends. Dies when there is no memory. */
void fiber_make(struct fiber *f);
/* The next switch to f calls entry(), which never returns. Whatever f was doing is forgotten. */
void fiber_reset(struct fiber *f, void (*entry)(void));
/* Leave from, go on in to. */
void fiber_switch(struct fiber *from, struct fiber *to);
/* The first words of entry(). */
void fiber_arrived(struct fiber *f);

#endif /* FERRY_SIM_FIBER_H */
