/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The trace events of ferry/event.h: each is provoked, says what was done, and as often as the counter beside which
 * it stands. Runs with no module loaded, and leaves none.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dev.h"
#include "ktap.h"
#include "mod.h"
#include "trace.h"

#define BLOCKS 3u /* of device memory there is one */
#define BYTES (BLOCKS * DEV_BLOCK)
#define BLOCK_WORDS (DEV_BLOCK / 8)
#define ADD_WORDS 8192u /* 16 pages */
#define UNBIND "/sys/bus/platform/drivers/ferry-soft/unbind"

/* What was seen: how often, the sums of the numbers, and what is wrong with them. */
struct seen {
	uint64_t count[FERRY_EVENT_COUNT], sum[FERRY_EVENT_COUNT][3];
	uint64_t from, to; /* of the process's memory */
	int open_batches;
};

static void check_one(void *arg, enum ferry_event event, const uint64_t number[3])
{
	bool has_va = event == FERRY_EVENT_fault || event == FERRY_EVENT_block || event == FERRY_EVENT_to_device ||
	              event == FERRY_EVENT_to_host || event == FERRY_EVENT_evict || event == FERRY_EVENT_cancel ||
	              event == FERRY_EVENT_cpu_fault;
	struct seen *s = arg;

	s->count[event]++;
	for (int i = 0; i < 3; i++)
		s->sum[event][i] += number[i];
	if (has_va)
		CHECK(number[1] >= s->from && number[1] < s->to, "event %d at 0x%llx, memory is at 0x%llx", event,
		      (unsigned long long)number[1], (unsigned long long)s->from);
	if (event != FERRY_EVENT_cpu_fault)
		CHECK(number[0] == 0, "event %d of device %llu", event, (unsigned long long)number[0]);
	s->open_batches += event == FERRY_EVENT_batch_begin;
	s->open_batches -= event == FERRY_EVENT_batch_end;
	CHECK(s->open_batches == 0 || s->open_batches == 1, "batches end as they begin");
	if (event == FERRY_EVENT_fault || event == FERRY_EVENT_block || event == FERRY_EVENT_replay)
		CHECK(s->open_batches == 1, "event %d outside of a batch", event);
}

static struct seen *see(const void *from, size_t bytes)
{
	static struct seen s;

	memset(&s, 0, sizeof(s));
	s.from = (uintptr_t)from;
	s.to = s.from + bytes;
	trace_read(check_one, &s);
	return &s;
}

static void equal(int fd, enum ferry_counter counter, uint64_t seen, const char *what)
{
	uint64_t counted = dev_counter(fd, counter);

	CHECK(counted > 0, "%s: nothing was counted", what);
	CHECK(seen == counted, "%s: %llu in the trace, %llu counted", what, (unsigned long long)seen,
	      (unsigned long long)counted);
}

static void agree_with_counters(int fd, const struct seen *s)
{
	const uint64_t *count = s->count;

	equal(fd, FERRY_COUNTER_faults_gpu, count[FERRY_EVENT_fault], "faults");
	equal(fd, FERRY_COUNTER_faults_gpu, s->sum[FERRY_EVENT_batch_begin][1], "faults, as batches say");
	equal(fd, FERRY_COUNTER_faults_gpu, s->sum[FERRY_EVENT_replay][1], "faults, as replays say");
	equal(fd, FERRY_COUNTER_batches, count[FERRY_EVENT_batch_begin], "batches");
	equal(fd, FERRY_COUNTER_batches, count[FERRY_EVENT_batch_end], "batches that ended");
	equal(fd, FERRY_COUNTER_replays, count[FERRY_EVENT_replay], "replays");
	equal(fd, FERRY_COUNTER_blocks_served, count[FERRY_EVENT_block], "blocks");
	equal(fd, FERRY_COUNTER_evictions, count[FERRY_EVENT_evict], "evictions");
	equal(fd, FERRY_COUNTER_pages_evicted, s->sum[FERRY_EVENT_evict][2], "pages evicted");
	equal(fd, FERRY_COUNTER_pages_to_device, s->sum[FERRY_EVENT_to_device][2] / DEV_PAGE, "pages to the device");
	equal(fd, FERRY_COUNTER_bytes_to_host, s->sum[FERRY_EVENT_to_host][2], "bytes to the host");
	equal(fd, FERRY_COUNTER_faults_cpu, count[FERRY_EVENT_cpu_fault], "CPU faults");
	CHECK(s->sum[FERRY_EVENT_block][2] == s->sum[FERRY_EVENT_batch_end][1], "pages of blocks and of batches");
	CHECK(s->sum[FERRY_EVENT_cpu_fault][0] > 0 && s->sum[FERRY_EVENT_cpu_fault][0] < count[FERRY_EVENT_cpu_fault],
	      "of CPU faults some are writes");
	CHECK(s->sum[FERRY_EVENT_cpu_fault][2] == 0 && s->sum[FERRY_EVENT_batch_end][2] == 0, "nothing failed");
	CHECK(count[FERRY_EVENT_cancel] == 0 && count[FERRY_EVENT_lost] == 0, "nothing was cancelled or lost");
}

/*
 * Written by the CPU, moved to the device, changed by it, read by the CPU: three blocks, and the device has room for
 * one.
 */
static void faults_and_moves(void)
{
	uint64_t *p;
	int fd, error;

	mod_load_all();
	trace_on("");
	fd = dev_open();
	p = dev_alloc(fd, BYTES);
	dev_pattern_write(p, BYTES, 1);
	for (size_t b = 0; b < BLOCKS; b++)
		dev_to_device(fd, p + b * BLOCK_WORDS, DEV_BLOCK);
	for (size_t b = 0; b < BLOCKS; b++) {
		error = dev_run(fd, DEV_PROGRAM_ADD, p + b * BLOCK_WORDS, ADD_WORDS, 1);
		CHECK(error == 0, "add: %s", dev_error_name(error));
	}
	for (size_t i = 0; i < BYTES / 8; i += DEV_PAGE / 8)
		CHECK(p[i] == dev_pattern_word(i, 1) + (i % BLOCK_WORDS < ADD_WORDS), "word %zu is wrong", i);
	trace_off();
	agree_with_counters(fd, see(p, BYTES));
	CHECK(munmap(p, BYTES) == 0 && close(fd) == 0, "munmap and close");
	mod_unload_all();
}

/* An access to what nobody has: cancelled, with the reason. */
static void refusals(void)
{
	const struct seen *s;
	uint8_t *p;
	int fd, error;

	mod_load_all();
	fd = dev_open();
	p = dev_reserve(DEV_BLOCK);
	trace_on("");
	error = dev_run(fd, DEV_PROGRAM_FILL, p, 1, 1);
	trace_off();
	CHECK(error == FERRY_E_FAULT_UNMAPPED, "fill: %s", dev_error_name(error));
	s = see(p, DEV_BLOCK);
	equal(fd, FERRY_COUNTER_cancels, s->count[FERRY_EVENT_cancel], "cancels");
	equal(fd, FERRY_COUNTER_cancels, s->sum[FERRY_EVENT_replay][2], "cancels, as replays say");
	equal(fd, FERRY_COUNTER_faults_fatal, s->sum[FERRY_EVENT_batch_end][2], "refused, as batches say");
	CHECK(s->sum[FERRY_EVENT_cancel][2] == FERRY_E_FAULT_UNMAPPED * s->count[FERRY_EVENT_cancel],
	      "a cancel says another reason");
	CHECK(close(fd) == 0, "close");
	mod_unload_all();
}

static void a_loss(void)
{
	const struct seen *s;
	int fd, n;

	mod_load_all();
	fd = dev_open();
	trace_on("lost");
	n = mod_write(UNBIND, "ferry-soft.0");
	CHECK(n > 0, "unbind: errno %d", -n);
	trace_off();
	s = see(NULL, 0);
	CHECK(s->count[FERRY_EVENT_lost] == 1, "lost %llu times", (unsigned long long)s->count[FERRY_EVENT_lost]);
	CHECK(s->sum[FERRY_EVENT_lost][1] == FERRY_E_DEVICE_LOST, "lost with error %llu",
	      (unsigned long long)s->sum[FERRY_EVENT_lost][1]);
	CHECK(close(fd) == 0, "close");
	mod_unload_all();
}

/* What nobody watches is not recorded; one event alone can be. */
static void only_what_was_asked_for(void)
{
	const struct seen *s;
	uint8_t *p;
	int fd;

	mod_load_all();
	fd = dev_open();
	p = dev_alloc(fd, DEV_BLOCK);
	trace_on("cpu_fault");
	trace_off();
	p[0] = 1;
	CHECK(dev_run(fd, DEV_PROGRAM_ADD, p, 1, 1) == 0, "add");
	CHECK(p[0] == 2, "the sum is %u", p[0]);
	CHECK(trace_count() == 0, "%llu events with everything off", (unsigned long long)trace_count());
	trace_on("cpu_fault");
	CHECK(dev_run(fd, DEV_PROGRAM_ADD, p, 1, 1) == 0, "add");
	CHECK(p[0] == 3, "the sum is %u", p[0]);
	trace_off();
	s = see(p, DEV_BLOCK);
	CHECK(s->count[FERRY_EVENT_cpu_fault] == 1 && trace_count() == 1, "%llu CPU faults, %llu events",
	      (unsigned long long)s->count[FERRY_EVENT_cpu_fault], (unsigned long long)trace_count());
	CHECK(munmap(p, DEV_BLOCK) == 0 && close(fd) == 0, "munmap and close");
	mod_unload_all();
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		{"faults and moves are as the counters say", faults_and_moves, 60},
		{"a refused access says why", refusals, 30},
		{"a lost device says so once", a_loss, 30},
		{"only what was asked for is recorded", only_what_was_asked_for, 30},
	};

	return KTAP_MAIN(argc, argv, cases);
}
