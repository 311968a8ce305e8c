/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * ferryctl locks: the lock order, what the driver's check saw of it, and times. The process host's driver has locks
 * only while something runs: a program as for run, or a short one. The kernel host's is asked as it is, unless a
 * program is named.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "tools/session.h"

#define SHORT_PROGRAM "histogram"
#define SHORT_BYTES (8ull << 20)
#define SHORT_VRAM (4ull << 20)

static const char *time_text(uint64_t ns, char buf[24])
{
	if (ns >= 10000000)
		(void)snprintf(buf, 24, "%" PRIu64 " ms", ns / 1000000);
	else if (ns >= 10000)
		(void)snprintf(buf, 24, "%" PRIu64 " us", ns / 1000);
	else
		(void)snprintf(buf, 24, "%" PRIu64 " ns", ns);
	return buf;
}

/* "1 us / 20 us", or "-" where nothing was seen. */
static const char *mean_and_max(uint64_t sum_ns, uint64_t count, uint64_t max_ns, char buf[64])
{
	char mean[24], max[24];

	if (!count)
		return "-";
	(void)snprintf(buf, 64, "%s / %s", time_text(sum_ns / count, mean), time_text(max_ns, max));
	return buf;
}

static uint32_t bits(uint64_t set)
{
	return (uint32_t)__builtin_popcountll(set);
}

static void rows_print(const struct session *s, const char *what, uint64_t set, uint64_t exclusively)
{
	const char *sep = what;

	for (uint32_t i = 0; i < s->lock_rows; i++) {
		if (!(set >> i & 1))
			continue;
		printf("%s%s%s", sep, s->locks[i].name, exclusively >> i & 1 ? "" : " (shared)");
		sep = ", ";
	}
}

static int locks_text(const struct session *s)
{
	const struct ferry_req_locks *first = &s->locks[0];

	printf("%u rows, outermost first; %" PRIu64 " violations; counts and times are of one entry in %" PRIu64
	       "\n\n",
	       first->rows, first->violations, first->one_in);
	printf("  %-17s %-6s %9s %9s  %-19s %-19s %s\n", "row", "kind", "acquired", "waited", "wait, mean / max",
	       "held, mean / max", "under");
	for (uint32_t i = 0; i < first->rows; i++) {
		const struct ferry_req_locks *r = &s->locks[i];
		char wait[64], hold[64];

		printf("  %-17s %-6s %9" PRIu64 " %9" PRIu64 "  %-19s %-19s %u of %u\n", r->name, r->kind,
		       r->acquired, r->contended, mean_and_max(r->wait_ns, r->contended, r->wait_max_ns, wait),
		       mean_and_max(r->hold_ns, r->holds, r->hold_max_ns, hold), bits(r->seen),
		       r->rows - bits(r->refused));
	}
	puts("\nunder: rows that were held when it was acquired, of those the order allows. Which:");
	for (uint32_t i = 0; i < s->lock_rows; i++) {
		const struct ferry_req_locks *r = &s->locks[i];

		if (!(r->seen | r->seen_tried | r->seen_broken))
			continue;
		printf("  %s", r->name);
		rows_print(s, " under ", r->seen, r->seen_exclusively);
		rows_print(s, "; by a try, out of order, under ", r->seen_tried, ~0ull);
		rows_print(s, "; AGAINST THE ORDER under ", r->seen_broken, ~0ull);
		puts("");
	}
	return output_done(0);
}

static void edges_dot(const struct session *s, const struct ferry_req_locks *r, uint64_t set, const char *style)
{
	for (uint32_t i = 0; i < s->lock_rows; i++)
		if (set >> i & 1)
			printf("\t\"%s\" -> \"%s\" [%s];\n", s->locks[i].name, r->name, style);
}

static int locks_dot(const struct session *s)
{
	puts("/* held -> acquired under it. Dashed: held shared. Dotted: by a try, out of order. Red: against the\n"
	     "   order. Ellipses are operations. */\n"
	     "digraph locks {\n\trankdir=TB;\n\tnode [shape=box];");
	for (uint32_t i = 0; i < s->lock_rows; i++) {
		const struct ferry_req_locks *r = &s->locks[i];

		if (i < r->rows)
			printf("\t\"%s\" [label=\"%s\\n%s\"];\n", r->name, r->name, r->kind);
		else if (r->seen | r->seen_broken)
			printf("\t\"%s\" [shape=ellipse];\n", r->name);
		edges_dot(s, r, r->seen & r->seen_exclusively, "style=solid");
		edges_dot(s, r, r->seen & ~r->seen_exclusively, "style=dashed");
		edges_dot(s, r, r->seen_tried, "style=dotted, constraint=false");
		edges_dot(s, r, r->seen_broken, "color=red, constraint=false");
	}
	puts("}");
	return output_done(0);
}

static void add_number(struct json_object *o, const char *name, uint64_t v)
{
	json_object_object_add(o, name, json_object_new_int64((int64_t)v));
}

static void add_rows(const struct session *s, struct json_object *o, const char *name, uint64_t set)
{
	struct json_object *list = json_object_new_array();

	for (uint32_t i = 0; i < s->lock_rows; i++)
		if (set >> i & 1)
			json_object_array_add(list, json_object_new_string(s->locks[i].name));
	json_object_object_add(o, name, list);
}

static struct json_object *row_json(const struct session *s, const struct ferry_req_locks *r)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "name", json_object_new_string(r->name));
	json_object_object_add(o, "kind", json_object_new_string(r->kind));
	add_rows(s, o, "refused_under", r->refused);
	add_rows(s, o, "refused_under_exclusively", r->refused_exclusively);
	add_rows(s, o, "seen_under", r->seen);
	add_rows(s, o, "seen_under_exclusively", r->seen_exclusively);
	add_rows(s, o, "tried_under", r->seen_tried);
	add_rows(s, o, "broken_under", r->seen_broken);
	if (r->row >= r->rows)
		return o;
	add_number(o, "acquired", r->acquired);
	add_number(o, "contended", r->contended);
	add_number(o, "wait_ns", r->wait_ns);
	add_number(o, "wait_max_ns", r->wait_max_ns);
	add_number(o, "holds", r->holds);
	add_number(o, "hold_ns", r->hold_ns);
	add_number(o, "hold_max_ns", r->hold_max_ns);
	return o;
}

static int locks_json(const struct session *s)
{
	struct json_object *o = json_object_new_object(), *rows = json_object_new_array();

	add_number(o, "violations", s->locks[0].violations);
	add_number(o, "one_in", s->locks[0].one_in);
	for (uint32_t i = 0; i < s->lock_rows; i++)
		json_object_array_add(rows, row_json(s, &s->locks[i]));
	json_object_object_add(o, "rows", rows);
	printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
	                                                         JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return output_done(0);
}

/* 0, or the command's exit code after saying why. */
static int locks_of_kernel(struct session *s, const struct run_options *opts)
{
	struct ferry_options fo = {.size = sizeof(fo), .host = opts->host, .node = opts->node};
	int err = ferry_open(&fo, &s->ferry);

	if (err)
		return complain("open", err);
	err = session_locks(s);
	ferry_close(s->ferry);
	return err ? complain("locks", err) : 0;
}

static int locks_of_run(struct session *s, struct run_options *opts)
{
	if (!opts->program) {
		opts->program = SHORT_PROGRAM;
		if (!opts->size_bytes)
			opts->size_bytes = SHORT_BYTES;
		if (!opts->vram_bytes && !strcmp(opts->host, "process"))
			opts->vram_bytes = SHORT_VRAM;
	}
	opts->quiet = true;
	session_run(s, opts);
	if (s->error) {
		fprintf(stderr, "ferryctl: %s: %s\n", opts->program, s->message);
		return 1;
	}
	if (!s->lock_rows) {
		fputs("ferryctl: the driver does not tell of its locks\n", stderr);
		return 1;
	}
	return 0;
}

int cmd_locks(int argc, char **argv)
{
	static struct session session;
	struct run_options opts;
	int err = run_options_parse(argc, argv, &opts);

	if (err)
		return err;
	if (!opts.program && !strcmp(opts.host, "kernel"))
		err = locks_of_kernel(&session, &opts);
	else
		err = locks_of_run(&session, &opts);
	if (err)
		return err;
	if (opts.dot)
		return locks_dot(&session);
	return opts.json ? locks_json(&session) : locks_text(&session);
}
