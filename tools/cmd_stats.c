/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * ferryctl stats: every counter, in the text form that metrics collectors read. Counters are of one
 * handle, so there is something to count only when something runs: a program as for run, or a short one.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "tools/session.h"

#define SHORT_PROGRAM "histogram"
#define SHORT_BYTES (8ull << 20)
#define SHORT_VRAM (4ull << 20)

static int stats_text(const struct session *s)
{
	for (uint32_t i = 0; ferry_counter_name(i); i++)
		printf("# HELP ferry_%s %s\n# TYPE ferry_%s counter\nferry_%s %" PRIu64 "\n", ferry_counter_name(i),
		       ferry_counter_text(i), ferry_counter_name(i), ferry_counter_name(i), s->counters[i]);
	return output_done(0);
}

static int stats_json(const struct session *s)
{
	struct json_object *o = json_object_new_object();

	for (uint32_t i = 0; ferry_counter_name(i); i++)
		json_object_object_add(o, ferry_counter_name(i), json_object_new_int64((int64_t)s->counters[i]));
	printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
	                                                         JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return output_done(0);
}

int cmd_stats(int argc, char **argv)
{
	static struct session session;
	struct run_options opts;
	int err = run_options_parse(argc, argv, &opts);

	if (err)
		return err;
	if (!opts.program) {
		opts.program = SHORT_PROGRAM;
		if (!opts.size_bytes)
			opts.size_bytes = SHORT_BYTES;
		/* A demand the kernel host could not meet. */
		if (!opts.vram_bytes && !strcmp(opts.host, "process"))
			opts.vram_bytes = SHORT_VRAM;
	}
	opts.quiet = true;
	session_run(&session, &opts);
	if (session.error) {
		fprintf(stderr, "ferryctl: %s: %s\n", opts.program, session.message);
		return 1;
	}
	return opts.json ? stats_json(&session) : stats_text(&session);
}
