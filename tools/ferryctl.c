/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* ferryctl: one command, one verb a file. */
#include <stdio.h>
#include <string.h>

#include "tools/options.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{"run", cmd_run, "PROGRAM [FILE...]  run a GPU program on files, check it, report"},
	{"status", cmd_status, "                which hosts and devices there are, and what they can do"},
	{"stats", cmd_stats, "[PROGRAM [FILE...]]  all counters, as text for a metrics collector"},
	{"locks", cmd_locks, "[PROGRAM [FILE...]]  the driver's locks: order, nesting seen, times"},
};

static int help(FILE *to)
{
	fputs("Usage: ferryctl COMMAND [OPTIONS]\n\nCommands:\n", to);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(to, "  %-7s %s\n", commands[i].name, commands[i].what);
	fputs("\nOptions of run, stats and locks:\n"
	      "  --host process|kernel|auto   where the driver runs (process)\n"
	      "  --node PATH                  device node of the kernel host ($FERRY_DEVICE, else /dev/ferry0)\n"
	      "  --vram SIZE                  device memory, rounded up to 2M (64M)\n"
	      "  --threads N                  GPU engines, 1 to 64 (this machine's CPUs)\n"
	      "  --devices N                  software GPUs, 1 to 4 (1)\n"
	      "  --size SIZE                  bytes of input; without FILE they are generated (64M)\n"
	      "  --repeat N                   run it N times (1)\n"
	      "  --entry NAME                 which FERRY_KERNEL of an object file\n"
	      "  --programs DIR               where the built-in programs' objects are\n"
	      "  --cpu-faults auto|thread|signal\n"
	      "  --inject KNOB=N              make the device misbehave; see ferryctl(1)\n"
	      "  --json                       one JSON object on standard output\n"
	      "  --dot                        locks: a graph for Graphviz\n"
	      "  --quiet                      no progress\n"
	      "\nPROGRAM is a built-in name ('ferryctl run list') or the path of an eBPF object file.\n",
	      to);
	return to == stdout ? 0 : EXIT_USAGE;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return help(stderr);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return help(stdout);
	if (!strcmp(argv[1], "--version")) {
		printf("ferryctl %s\n", ferry_version());
		return 0;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "ferryctl: no command is called '%s'\n", argv[1]);
	return help(stderr);
}
