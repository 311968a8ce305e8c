/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * ktap.h - a table of cases, each run in a process of its own under a time limit, reported as KTAP.
 *
 *     static void pages_are_zero(void) { ... CHECK(p[0] == 0, "is %u", p[0]); }
 *     int main(int argc, char **argv)
 *     {
 *             static const struct ktap_case cases[] = {{"a new page is zero", pages_are_zero, 0}};
 *             return KTAP_MAIN(argc, argv, cases);
 *     }
 *
 * A case that crashes, hangs, or leaves a process that does not die of SIGKILL in time fails alone. Options:
 * --only TEXT runs the cases whose name contains it; --seed N is what ktap_random() begins with; what else is given
 * as --NAME N is found by ktap_option().
 */
#ifndef FERRY_TEST_KTAP_H
#define FERRY_TEST_KTAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ktap_case {
	const char *name;
	void (*run)(void);
	unsigned timeout_s; /* 0: KTAP_TIMEOUT_S */
};
#define KTAP_TIMEOUT_S 20
/* SIGKILL is obeyed within this many milliseconds; FERRY_KILL_MS in the environment overrides it. */
#define KTAP_KILL_MS 2000

int ktap_main(int argc, char **argv, const struct ktap_case *cases, size_t count);
#define KTAP_MAIN(argc, argv, cases) ktap_main(argc, argv, cases, sizeof(cases) / sizeof((cases)[0]))

/* End this process as a failed case, with the place and the reason. Any thread, any child of the case. */
void ktap_fail(const char *file, int line, const char *what, const char *format, ...)
	__attribute__((noreturn, format(printf, 4, 5)));
void ktap_skip(const char *why) __attribute__((noreturn));
#define CHECK(condition, ...)                                                                                        \
	do {                                                                                                         \
		if (!(condition))                                                                                    \
			ktap_fail(__FILE__, __LINE__, #condition, __VA_ARGS__);                                      \
	} while (0)

/* --NAME N of the command line. */
uint64_t ktap_option(const char *name, uint64_t fallback);
/* The same numbers for the same --seed. A child goes on from where it was forked. */
uint64_t ktap_random(void);
void ktap_random_seed(uint64_t seed);
uint64_t ktap_random_below(uint64_t limit);

uint64_t ktap_now_ms(void);
void ktap_sleep_us(uint64_t us);
uint64_t ktap_kill_ms(void);

/* fork, with a child that dies with its parent. What the child's body returns is its exit status. */
pid_t ktap_child(int (*body)(void *arg), void *arg);
/*
 * A limit that only tells a hang from work: longer on a kernel that checks everything (FERRY_TIME_SCALE). What is
 * promised in seconds, SIGKILL, does not go through it. The waits below do.
 */
uint64_t ktap_patience_ms(uint64_t ms);
/* Its wait status; fails the case when it does not end in time. */
int ktap_wait(pid_t pid, unsigned timeout_ms);
/* The same; false, and notes of where the process is, when it does not end in time. */
bool ktap_ended(pid_t pid, int *status, unsigned timeout_ms);
/* The child ended by itself with exit status 0. */
void ktap_wait_good(pid_t pid, unsigned timeout_ms);
/* SIGKILL, and it obeys in time. */
void ktap_kill(pid_t pid);

/*
 * What touching this byte does to a process: 0, or the signal it got. In a child when it may be fatal to nobody
 * else's state: use ktap_touch() for this process, whose handlers it borrows.
 */
int ktap_touch(volatile void *at, bool write);

#endif /* FERRY_TEST_KTAP_H */
