/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The core's time for a GPU fault without the copy: fetch, group, plan, reserve frames, residency, page tables,
 * replay. The device and the host are the unit tests' rig with copies switched off. Instructions are counted by
 * callgrind, which is run on this same program, where valgrind is installed; and on two builds of it, with the check
 * of the lock order and without (unchecked/).
 */
/* TEST-SOURCES: test/unit/core/rig.c test/unit/core/rig_audit.c test/unit/core/rig_external.c */
#include <string.h>
#include <unistd.h>

#include "fault/bottom_half.h"
#include "test/bench/bench.h"
#include "test/unit/cmocka_compat.h"
#include "test/unit/core/rig.h"

#define ROUNDS 400u

static struct rig rig;

static void cold(void)
{
	struct ferry_req_migrate req = {.size = sizeof(req),
	                                .flags = FERRY_MIGRATE_UNMAPPED,
	                                .base = rig_va(0),
	                                .bytes = RIG_WINDOW_PAGES * FERRY_PAGE_SIZE,
	                                .where = FERRY_WHERE_HOST};

	assert_int_equal(rig_request(&rig, FERRY_REQ_MIGRATE, &req, sizeof(req)), 0);
}

/* The bottom half on this thread, as the interrupt would have scheduled it. */
static uint64_t serve(void)
{
	struct ferry_device *gpu = rig.core->devices[0];
	struct ferry_ctx ctx;
	uint64_t start;

	ferry_ctx_init(&ctx);
	assert_true(ferry_sem_try(&ctx, &gpu->isr));
	ferry_sem_give(&ctx, &gpu->isr);
	ferry_ctx_fini(&ctx);
	start = bench_now_ns();
	ferry_bottom_half_run(gpu);
	return bench_now_ns() - start;
}

/* A stream: the next pages in order, round and round the window. */
static double stream_round(uint32_t faults, uint32_t *at)
{
	uint64_t ns;

	for (uint32_t i = 0; i < faults; i++) {
		rig_fault_push(&rig, 0, rig_va(*at), FERRY_ACCESS_READ);
		*at = (*at + 1) % RIG_WINDOW_PAGES;
	}
	ns = serve();
	return (double)ns / faults;
}

static void up(void)
{
	rig_up(&rig, 1, 2 * RIG_WINDOW_PAGES * FERRY_PAGE_SIZE, RIG_CAPS_ALL);
	assert_int_equal(rig_range(&rig, 0, RIG_WINDOW_PAGES), 0);
	rig_join(&rig, 0);
	rig.dev[0].dry = true;
	/* Populate, so that host memory is not what is measured. */
	for (uint32_t i = 0, at = 0; i < RIG_WINDOW_PAGES / 256; i++)
		(void)stream_round(256, &at);
	cold();
}

static double measure(uint32_t faults, uint32_t rounds)
{
	static double ns[ROUNDS];
	uint32_t at = 0;

	for (uint32_t r = 0; r < rounds; r++) {
		if (at == 0)
			cold();
		ns[r] = stream_round(faults, &at);
	}
	return bench_median(ns, rounds);
}

/* callgrind on a program like this one; 0 when it cannot be had. */
static double collected_by(const char *self, uint32_t faults, uint32_t rounds)
{
	char command[512], line[256];
	unsigned long long collected = 0;
	FILE *pipe;

	if (access("/usr/bin/valgrind", X_OK) || access(self, X_OK))
		return 0;
	(void)snprintf(command, sizeof(command),
	               "valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no "
	               "--toggle-collect=ferry_bottom_half_run %s count %u %u 2>&1",
	               self, faults, rounds);
	pipe = popen(command, "r");
	while (pipe && fgets(line, sizeof(line), pipe)) {
		char *at = strstr(line, "Collected : ");

		if (at)
			collected = strtoull(at + 12, NULL, 10);
	}
	if (pipe)
		(void)pclose(pipe);
	return (double)collected;
}

/* Instructions a fault. What up() costs is taken out by counting twice. */
static double instructions(const char *self, uint32_t faults)
{
	double few = collected_by(self, faults, 0), many = collected_by(self, faults, 16);

	return few > 0 && many > few ? (many - few) / 16 / faults : 0;
}

/* What the check of the lock order adds, in two programs that are built alike. */
static void check_row(uint32_t faults, const char *id)
{
	struct bench_row r = {.id = id, .unit = "instructions", .peer_name = "unchecked", .target = "peer<=1.03"};
	const char *build = getenv("FERRY_BUILD");
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/unchecked/checked", build ? build : "build");
	r.ours = instructions(path, faults);
	(void)snprintf(path, sizeof(path), "%s/unchecked/unchecked", build ? build : "build");
	r.peer = instructions(path, faults);
	if (r.ours > 0 && r.peer > 0)
		bench_print(&r);
}

static void row(const char *self, uint32_t faults, const char *time_id, const char *time_target, const char *insn_id)
{
	struct bench_row r = {.id = time_id, .unit = "ns", .target = time_target};

	r.ours = measure(faults, ROUNDS);
	bench_print(&r);
	r = (struct bench_row){.id = insn_id, .unit = "instructions", .ours = instructions(self, faults)};
	if (r.ours > 0)
		bench_print(&r);
}

int main(int argc, char **argv)
{
	up();
	if (argc == 4 && !strcmp(argv[1], "count")) {
		if (atoi(argv[3]))
			(void)measure((uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]));
		rig_down(&rig);
		return 0;
	}
	row(argv[0], 256, "service-256", "ours<=60", "service-256-instructions");
	row(argv[0], 1024, "service-1024", "ours<=30", "service-1024-instructions");
	check_row(256, "service-256-check");
	check_row(1024, "service-1024-check");
	rig_down(&rig);
	return 0;
}
