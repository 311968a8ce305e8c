/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* ferryctl run: a GPU program on files, checked, with a report. */
#include <stdio.h>
#include <string.h>

#include "tools/session.h"

static int list_programs(void)
{
	for (size_t i = 0; ferry_workloads[i]; i++)
		printf("%-12s %s\n", ferry_workloads[i]->name, ferry_workloads[i]->summary);
	return output_done(0);
}

int cmd_run(int argc, char **argv)
{
	static struct session session; /* large */
	struct run_options opts;
	int err = run_options_parse(argc, argv, &opts);

	if (err)
		return err;
	if (!opts.program) {
		fputs("ferryctl: run what? A built-in program ('ferryctl run list') or an object file\n", stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(opts.program, "list"))
		return list_programs();
	session_run(&session, &opts);
	if (session.error)
		fprintf(stderr, "ferryctl: %s: %s\n", opts.program, session.message);
	if (opts.json)
		err = report_json(&session);
	else if (!session.error)
		err = report_text(&session);
	if (session.signal)
		return 128 + session.signal;
	return session.error || !session.work.verified ? 1 : err;
}
