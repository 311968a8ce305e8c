/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * init.h - PID 1 of a test machine: what its parts offer each other.
 *
 *   init.c    mounts, reads the manifest, runs its steps, switches the machine off
 *   step.c    one step: a child under a time limit, its output, what it left behind
 *   act.c     what a step can do besides running a program: modules, files, leaks
 *   stream.c  the line protocol to the host (below)
 *   kmsg.c    the kernel's log, as lines of that protocol
 *   proc.c    numbers and stacks out of /proc
 *
 * The stream is KTAP. What PID 1 says begins in column 0, what a step's program says is indented by two, so that
 * no program can forge a marker, and a program that speaks KTAP itself is nested as KTAP wants it:
 *
 *   FERRY-INIT begin release=6.1.0-56-cloud-amd64 uptime_ms=1850
 *   KTAP version 1
 *   1..2
 *   # begin 1 version
 *     KTAP version 1
 *     1..1
 *     ok 1 an older library is served
 *   # kmsg 6 2.001234 ferry: loaded
 *   # end 1 version exit=0 signal=0 core=0 timed_out=0 left=0 unkillable=0 cut=0 ms=12 available_kb=-8 ...
 *   ok 1 version
 *   ...
 *   FERRY-INIT end steps=2 failed=0 uptime_ms=9120
 *
 * Without the last line the machine died: the host counts that as a failure whatever came before.
 */
#ifndef FERRY_TEST_INIT_H
#define FERRY_TEST_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- the manifest: one step a line, words between single spaces, '#' begins a comment ---- */

#define STEP_WORDS_MAX 64
#define STEPS_MAX 512

/*
 *   VERB NAME TIMEOUT_S [exit=N] WORD...
 *
 *   run      PROGRAM ARG...     execute; /proc/self/fd/0 is /dev/null
 *   insmod   FILE PARAM=VALUE.. load a module
 *   rmmod    MODULE             unload one
 *   write    FILE TEXT          one write(2)
 *   leaks                       two kmemleak scans; fails on a report, passes ("# SKIP") where there is no kmemleak
 *   shell                       /bin/sh on the console until it ends; for people
 *
 * Settings are made before the first step, wherever they stand:
 *
 *   set kill_ms N               how long SIGKILL may take (2000)
 *   set env NAME=VALUE          for every step
 *   set file PATH TEXT          write when the file exists; for sysctls that not every kernel has
 */
struct step {
	char *verb, *name;
	unsigned timeout_s;
	int want_exit;
	char *word[STEP_WORDS_MAX + 1]; /* ends with NULL */
	unsigned word_count;
};

/* What became of a step. */
struct outcome {
	int exit_status; /* -1: it died of a signal, or never ended */
	int signal;
	bool core;
	bool timed_out;
	bool unkillable; /* SIGKILL was not obeyed in time, by it or by what it left */
	bool cut;        /* it said more than OUTPUT_BYTES_MAX */
	bool skipped;    /* exit status 4 of an act: nothing to do here */
	unsigned left;   /* processes it left behind */
	uint64_t took_ms;
};

#define ACT_SKIPPED 4 /* exit status of an act that does not apply; 4 as in KUnit and kselftest */
#define OUTPUT_BYTES_MAX (512u << 10)

/* Run one step to its end. kill_ms: how long SIGKILL may take. Context: PID 1. */
void step_run(const struct step *step, unsigned kill_ms, struct outcome *out);

/* The body of a step, in its child process. Does not return. */
void act_in_child(const struct step *step) __attribute__((noreturn));

/* ---- stream ---- */

void stream_open(const char *path);
/* One line from PID 1. It is cut at 4 KiB. */
void stream_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A child's output, in pieces as they come; whole lines go out. Bytes that are not printable become \xNN. */
struct stream_pipe {
	char line[2048];
	size_t length;
	size_t total;
	bool cut;
};
void stream_pipe_bytes(struct stream_pipe *pipe, const char *bytes, size_t count);
void stream_pipe_end(struct stream_pipe *pipe);

/* ---- kernel log ---- */

int kmsg_open(void); /* file descriptor for poll(), -1 without a log */
void kmsg_drain(void);

/* ---- /proc ---- */

struct memory_now {
	long available_kb, slab_kb, vmalloc_kb, percpu_kb, shmem_kb;
};
void proc_memory(struct memory_now *out);
unsigned long proc_taint(void);
uint64_t proc_uptime_ms(void);
/* Where every process, and every kernel thread that cannot be interrupted, waits. For a step that does not end. */
void proc_dump_stacks(void);
/* Processes besides PID 1 and kernel threads. */
unsigned proc_count(void);

uint64_t now_ms(void);
/* The first bytes of a file as a string, false when it cannot be read. */
bool read_text(const char *path, char *buf, size_t size);

#endif /* FERRY_TEST_INIT_H */
