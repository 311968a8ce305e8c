/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * session.h - one run of a program: open, input, workload, counters, report.
 */
#ifndef FERRYCTL_SESSION_H
#define FERRYCTL_SESSION_H

#include "tools/options.h"
#include "tools/workload.h"

#define LOCK_ROWS_MAX 64u

struct session {
	const struct run_options *opts;
	struct ferry *ferry;
	uint8_t *input;
	size_t input_bytes;
	char programs_dir[4096];
	struct ferry_workload_ctx work;
	uint64_t counters[FERRY_COUNTER_COUNT];
	struct ferry_req_locks locks[LOCK_ROWS_MAX];
	uint32_t lock_rows;
	const char *host; /* where the driver runs; as asked for until that is known */
	uint64_t device_insns, device_tlb_misses, device_stalls;
	bool device_counted; /* the last line is known: not on the kernel host */
	int signal;          /* that told us to stop; 0 */
	int error;           /* enum ferry_error of the run */
	char message[512];   /* of the error */
};

/* Everything up to the report. The session is closed when it returns; s->error says how it went. */
void session_run(struct session *s, const struct run_options *opts);

/* The driver's locks of this moment into s->locks. 0, or enum ferry_error. */
int session_locks(struct session *s);

/* The report on standard output: one JSON object, or text. 0, or 1 when it could not be written. */
int report_json(const struct session *s);
int report_text(const struct session *s);
/* Flush standard output and say whether all of it went out. Returns status, or 1. */
int output_done(int status);

#endif /* FERRYCTL_SESSION_H */
