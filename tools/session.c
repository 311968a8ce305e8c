/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "tools/session.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 3, 4))) static int session_fail(struct session *s, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(s->message, sizeof(s->message), fmt, args);
	va_end(args);
	s->error = error;
	return error;
}

/* What went wrong in the library, with what it knows about it. */
static int session_lib_fail(struct session *s, int error, const char *what)
{
	const char *more = ferry_last_error();

	return session_fail(s, error, "%s: %s%s%s", what, ferry_strerror(error), more[0] ? ": " : "", more);
}

#define STOP_SECONDS 2u

static volatile sig_atomic_t told_to_stop;

/* Time is up for ending in good order: nothing outlives the process anyway. */
static void on_alarm(int number)
{
	(void)number;
	_exit(128 + told_to_stop);
}

static void on_signal(int number)
{
	told_to_stop = number;
	alarm(STOP_SECONDS);
}

/* The first SIGINT or SIGTERM ends the work in good order, and soon; the second does what it always does. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND | SA_RESTART};
	struct sigaction late = {.sa_handler = on_alarm};

	(void)sigaction(SIGALRM, &late, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

/* One line that is written over, on a terminal only. */
static int show_progress(void *arg, uint64_t done, uint64_t total)
{
	struct session *s = arg;
	uint64_t percent = total ? done * 100 / total : 0;

	if (!s->opts->quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s: %3llu %%", s->opts->program, (unsigned long long)percent);
	return told_to_stop;
}

static void end_progress(const struct session *s)
{
	if (!s->opts->quiet && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

/* A path: a slash in it, or .o at its end. */
static bool is_path(const char *program)
{
	size_t n = strlen(program);

	return strchr(program, '/') || (n > 2 && !strcmp(program + n - 2, ".o"));
}

static const struct ferry_workload *session_workload(struct session *s)
{
	const char *program = s->opts->program;
	const struct ferry_workload *w = ferry_workload_find(is_path(program) ? "object" : program);

	if (!w || (!is_path(program) && !strcmp(program, "object"))) {
		session_fail(s, FERRY_E_FILE_OPEN, "no built-in program is called '%s', and a file has a slash or .o",
		             program);
		return NULL;
	}
	s->work.object_path = is_path(program) ? program : NULL;
	s->work.entry = s->opts->entry;
	return w;
}

static int session_open(struct session *s)
{
	const struct run_options *o = s->opts;
	struct ferry_options fo = {.size = sizeof(fo),
	                           .host = o->host,
	                           .node = o->node,
	                           .devices = o->devices,
	                           .sms = o->sms,
	                           .vram_bytes = o->vram_bytes,
	                           .cpu_faults = o->cpu_faults};
	int err = ferry_open(&fo, &s->ferry);

	if (err == FERRY_E_HOST_UNAVAILABLE)
		return session_fail(s, err, "host %s is not available: %s", o->host, ferry_last_error());
	if (err)
		return session_lib_fail(s, err, "open");
	s->host = ferry_host(s->ferry);
	for (uint32_t i = 0; i < o->inject_count; i++) {
		err = ferry_inject(s->ferry, 0, o->injects[i].knob, o->injects[i].value);
		if (err)
			return session_lib_fail(s, err, "--inject");
	}
	return 0;
}

int session_locks(struct session *s)
{
	uint32_t rows = 1;

	for (s->lock_rows = 0; s->lock_rows < rows && s->lock_rows < LOCK_ROWS_MAX; s->lock_rows++) {
		struct ferry_req_locks *r = &s->locks[s->lock_rows];
		int err;

		*r = (struct ferry_req_locks){.size = sizeof(*r), .row = s->lock_rows};
		err = ferry_request(s->ferry, FERRY_REQ_LOCKS, r, sizeof(*r));
		if (err)
			return err;
		rows = r->rows + r->operations;
	}
	return 0;
}

static void session_count(struct session *s)
{
	(void)session_locks(s);
	(void)ferry_counters(s->ferry, s->counters);
	s->device_counted = !ferry_device_counter(s->ferry, 0, "insns", &s->device_insns) &&
	                    !ferry_device_counter(s->ferry, 0, "tlb_misses", &s->device_tlb_misses) &&
	                    !ferry_device_counter(s->ferry, 0, "stalls", &s->device_stalls);
}

static void session_work(struct session *s, const struct ferry_workload *w)
{
	int err;

	catch_signals();
	s->work.ferry = s->ferry;
	s->work.repeat = s->opts->repeat;
	s->work.input = s->input;
	s->work.input_bytes = s->input_bytes;
	s->work.programs_dir = s->programs_dir;
	s->work.progress = show_progress;
	s->work.progress_arg = s;
	err = ferry_workload_execute(w, &s->work);
	end_progress(s);
	s->signal = told_to_stop;
	session_count(s);
	if (err)
		session_fail(s, err, "%s", s->work.message);
}

void session_run(struct session *s, const struct run_options *opts)
{
	const struct ferry_workload *w;
	char why[400];
	int err;

	memset(s, 0, sizeof(*s));
	s->opts = opts;
	s->host = opts->host;
	w = session_workload(s);
	if (!w)
		return;
	err = input_load(opts, &s->input, &s->input_bytes, why, sizeof(why));
	if (err) {
		session_fail(s, err, "%s", why);
		return;
	}
	if (!s->work.object_path &&
	    ferry_workload_programs_dir(opts->programs, s->programs_dir, sizeof(s->programs_dir)))
		session_fail(s, FERRY_E_FILE_OPEN, "the built-in programs' objects are not at %s: give --programs",
		             s->programs_dir);
	else if (!session_open(s))
		session_work(s, w);
	(void)ferry_close(s->ferry);
	free(s->input);
	s->ferry = NULL;
	s->input = NULL;
}
