/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "tools/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (2ull << 20) /* device memory comes in these */

bool size_parse(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	unsigned long long n;
	uint32_t shift = 0;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno)
		return false;
	if (*end) {
		const char *unit = strchr(units, toupper((unsigned char)*end));

		if (!unit)
			return false;
		shift = 10 * (uint32_t)(unit - units + 1);
		end++;
		if (!strcmp(end, "iB") || !strcmp(end, "B"))
			end += strlen(end);
	}
	if (*end || (shift && n > UINT64_MAX >> shift))
		return false;
	*bytes = (uint64_t)n << shift;
	return true;
}

const char *size_text(uint64_t bytes, char buf[24])
{
	if (bytes >= 10ull << 20)
		(void)snprintf(buf, 24, "%" PRIu64 " MiB", bytes >> 20);
	else if (bytes >= 10ull << 10)
		(void)snprintf(buf, 24, "%" PRIu64 " KiB", bytes >> 10);
	else
		(void)snprintf(buf, 24, "%" PRIu64 " bytes", bytes);
	return buf;
}

int complain(const char *what, int error)
{
	const char *more = ferry_last_error();

	if (more[0])
		fprintf(stderr, "ferryctl: %s: %s (%s)\n", what, ferry_strerror(error), more);
	else
		fprintf(stderr, "ferryctl: %s: %s\n", what, ferry_strerror(error));
	return 1;
}

static int usage(const char *fmt, const char *arg)
{
	fputs("ferryctl: ", stderr);
	fprintf(stderr, fmt, arg);
	fputs("\nTry 'ferryctl --help'.\n", stderr);
	return EXIT_USAGE;
}

static bool count_parse(const char *text, uint32_t max, uint32_t *out)
{
	uint64_t n;

	if (!size_parse(text, &n) || !n || n > max)
		return false;
	*out = (uint32_t)n;
	return true;
}

static int inject_parse(const char *text, struct run_options *o)
{
	const char *eq = strchr(text, '=');
	struct inject *inject = &o->injects[o->inject_count];

	if (o->inject_count == INJECTS_MAX)
		return usage("too many --inject, at %s", text);
	if (!eq || eq == text || (size_t)(eq - text) >= sizeof(inject->knob) || !size_parse(eq + 1, &inject->value))
		return usage("--inject takes KNOB=NUMBER, not '%s'", text);
	memcpy(inject->knob, text, (size_t)(eq - text));
	inject->knob[eq - text] = 0;
	o->inject_count++;
	return 0;
}

enum {
	OPT_HOST = 256,
	OPT_NODE,
	OPT_VRAM,
	OPT_THREADS,
	OPT_REPEAT,
	OPT_JSON,
	OPT_SIZE,
	OPT_DEVICES,
	OPT_INJECT,
	OPT_ENTRY,
	OPT_PROGRAMS,
	OPT_QUIET,
	OPT_DOT,
	OPT_CPU_FAULTS
};

static const struct option long_options[] = {{"host", required_argument, NULL, OPT_HOST},
                                             {"node", required_argument, NULL, OPT_NODE},
                                             {"vram", required_argument, NULL, OPT_VRAM},
                                             {"threads", required_argument, NULL, OPT_THREADS},
                                             {"repeat", required_argument, NULL, OPT_REPEAT},
                                             {"json", no_argument, NULL, OPT_JSON},
                                             {"size", required_argument, NULL, OPT_SIZE},
                                             {"devices", required_argument, NULL, OPT_DEVICES},
                                             {"inject", required_argument, NULL, OPT_INJECT},
                                             {"entry", required_argument, NULL, OPT_ENTRY},
                                             {"programs", required_argument, NULL, OPT_PROGRAMS},
                                             {"quiet", no_argument, NULL, OPT_QUIET},
                                             {"dot", no_argument, NULL, OPT_DOT},
                                             {"cpu-faults", required_argument, NULL, OPT_CPU_FAULTS},
                                             {NULL, 0, NULL, 0}};

static int cpu_faults_parse(const char *text, struct run_options *o)
{
	static const char *const names[] = {"auto", "thread", "signal"};

	for (uint32_t i = 0; i < 3; i++)
		if (!strcmp(text, names[i])) {
			o->cpu_faults = i;
			return 0;
		}
	return usage("--cpu-faults takes auto, thread or signal, not '%s'", text);
}

static int option_take(int option, const char *arg, struct run_options *o)
{
	switch (option) {
	case OPT_HOST:
		o->host = arg;
		return 0;
	case OPT_NODE:
		o->node = arg;
		return 0;
	case OPT_VRAM:
		if (!size_parse(arg, &o->vram_bytes) || !o->vram_bytes || o->vram_bytes > 1ull << 40)
			return usage("--vram takes a size up to 1T, not '%s'", arg);
		o->vram_bytes = (o->vram_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
		return 0;
	case OPT_SIZE:
		return size_parse(arg, &o->size_bytes) && o->size_bytes ? 0
		                                                        : usage("--size takes a size, not '%s'", arg);
	case OPT_THREADS:
		return count_parse(arg, 64, &o->sms) ? 0 : usage("--threads takes 1 to 64, not '%s'", arg);
	case OPT_REPEAT:
		return count_parse(arg, 1000000, &o->repeat) ? 0
		                                             : usage("--repeat takes 1 to 1000000, not '%s'", arg);
	case OPT_DEVICES:
		return count_parse(arg, 4, &o->devices) ? 0 : usage("--devices takes 1 to 4, not '%s'", arg);
	case OPT_INJECT:
		return inject_parse(arg, o);
	case OPT_ENTRY:
		o->entry = arg;
		return 0;
	case OPT_PROGRAMS:
		o->programs = arg;
		return 0;
	case OPT_CPU_FAULTS:
		return cpu_faults_parse(arg, o);
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_QUIET:
		o->quiet = true;
		return 0;
	case OPT_DOT:
		o->dot = true;
		return 0;
	default:
		fputs("Try 'ferryctl --help'.\n", stderr);
		return EXIT_USAGE;
	}
}

int run_options_parse(int argc, char **argv, struct run_options *out)
{
	int c;

	memset(out, 0, sizeof(*out));
	out->host = "process";
	out->repeat = 1;
	optind = 1;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		int err = option_take(c, optarg, out);

		if (err)
			return err;
	}
	if (out->dot && (out->json || strcmp(argv[0], "locks")))
		return usage("--dot is for %s, and not with --json", "locks");
	if (optind < argc)
		out->program = argv[optind++];
	while (optind < argc) {
		if (out->file_count == FILES_MAX)
			return usage("too many files, at '%s'", argv[optind]);
		out->files[out->file_count++] = argv[optind++];
	}
	return 0;
}
