/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * options.h - what ferryctl's commands have in common: options, input files, exit codes.
 */
#ifndef FERRYCTL_OPTIONS_H
#define FERRYCTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/ferry.h"

/* Exit codes: 0 done and right, 1 failed or wrong, 2 bad usage. */
#define EXIT_USAGE 2
#define INJECTS_MAX 8u
#define FILES_MAX 64u

struct inject {
	char knob[32];
	uint64_t value;
};

struct run_options {
	const char *program;
	const char *files[FILES_MAX];
	uint32_t file_count;
	const char *host;     /* process, kernel, auto */
	const char *node;     /* of the kernel host; NULL: default */
	const char *entry;    /* of an object file */
	const char *programs; /* directory of the built-in programs' objects; NULL: look for it */
	uint64_t vram_bytes;  /* 0: default */
	uint64_t size_bytes;  /* of generated input; 0: default */
	uint32_t sms, devices, repeat;
	uint32_t cpu_faults;
	bool json, quiet;
	bool dot; /* locks: a graph */
	struct inject injects[INJECTS_MAX];
	uint32_t inject_count;
};

/* "64M", "1G", "4096", "2MiB". false: not a size, or too large. */
bool size_parse(const char *text, uint64_t *bytes);
/* A size for people, in buf. */
const char *size_text(uint64_t bytes, char buf[24]);

/* Fill from argv[1..]. 0, or EXIT_USAGE after saying why on stderr. */
int run_options_parse(int argc, char **argv, struct run_options *out);

/*
 * All files one after the other, or size_bytes of generated ones. To be freed. FERRY_E_FILE_*, FERRY_E_NOMEM, with
 * one sentence in why.
 */
int input_load(const struct run_options *opts, uint8_t **data, size_t *bytes, char *why, size_t why_bytes);

/* "ferryctl: ..." on stderr with the library's story. Returns 1. */
int complain(const char *what, int error);

/* The commands: argv[0] is the command's own name. */
int cmd_run(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_locks(int argc, char **argv);

#endif /* FERRYCTL_OPTIONS_H */
