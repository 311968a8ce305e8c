/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What a run has to say: for programs, and for people. */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "tools/session.h"

static void add_u64(struct json_object *o, const char *name, uint64_t value)
{
	json_object_object_add(o, name, json_object_new_int64((int64_t)value));
}

/* A counter of the device itself: null where nobody tells, for a zero would be a lie. */
static void add_device_u64(const struct session *s, struct json_object *o, const char *name, uint64_t value)
{
	if (s->device_counted)
		add_u64(o, name, value);
	else
		json_object_object_add(o, name, NULL);
}

static void add_seconds(struct json_object *o, const char *name, double value)
{
	json_object_object_add(o, name, json_object_new_double(value));
}

static double counter_seconds(const struct session *s, enum ferry_counter counter)
{
	return (double)s->counters[counter] * 1e-9;
}

int output_done(int status)
{
	if (fflush(stdout) || ferror(stdout)) {
		perror("ferryctl: standard output");
		return 1;
	}
	return status;
}

int report_json(const struct session *s)
{
	struct json_object *o = json_object_new_object();
	int written;

	json_object_object_add(o, "program", json_object_new_string(s->opts->program));
	json_object_object_add(o, "host", json_object_new_string(s->host));
	add_u64(o, "input_bytes", s->input_bytes);
	add_u64(o, "vram_bytes", s->work.vram_bytes);
	json_object_object_add(o, "verified", json_object_new_boolean(!s->error && s->work.verified));
	if (s->error) {
		json_object_object_add(o, "error", json_object_new_string(ferry_error_name(s->error)));
		json_object_object_add(o, "message", json_object_new_string(s->message));
	} else if (s->work.message[0]) {
		json_object_object_add(o, "remark", json_object_new_string(s->work.message));
	}
	for (uint32_t i = 0; ferry_counter_name(i); i++)
		add_u64(o, ferry_counter_name(i), s->counters[i]);
	add_u64(o, "instructions", s->work.insns);
	add_device_u64(s, o, "tlb_misses", s->device_tlb_misses);
	add_device_u64(s, o, "stalls", s->device_stalls);
	add_u64(o, "repeat", s->opts->repeat);
	if (s->work.object_path && !s->error) {
		char sum[20];

		(void)snprintf(sum, sizeof(sum), "%016" PRIx64, s->work.output_checksum);
		json_object_object_add(o, "output_checksum", json_object_new_string(sum));
	}
	add_seconds(o, "seconds_total", s->work.seconds_run);
	add_seconds(o, "seconds_service", counter_seconds(s, FERRY_COUNTER_service_ns));
	add_seconds(o, "seconds_copy", counter_seconds(s, FERRY_COUNTER_copy_ns));
	add_seconds(o, "seconds_evict", counter_seconds(s, FERRY_COUNTER_evict_ns));
	add_seconds(o, "seconds_load", s->work.seconds_load);
	add_seconds(o, "seconds_verify", s->work.seconds_verify);
	written = printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
	                                                                   JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return output_done(written < 0);
}

static void line(const char *what, uint64_t n, const char *remark)
{
	printf("  %-22s %12" PRIu64 "  %s\n", what, n, remark);
}

int report_text(const struct session *s)
{
	const uint64_t *c = s->counters;
	char in[24], vram[24], to_device[24], to_host[24];

	printf("%s on the %s host: %s of input, %s of device memory\n", s->opts->program, s->host,
	       size_text(s->input_bytes, in), size_text(s->work.vram_bytes, vram));
	if (s->work.message[0])
		printf("  %s\n", s->work.message);
	line("GPU faults", c[FERRY_COUNTER_faults_gpu], "entries fetched from the fault buffer");
	line("  repeats", c[FERRY_COUNTER_faults_duplicate], "of a page that was in the batch, or served already");
	line("  refused", c[FERRY_COUNTER_faults_fatal], "bad accesses, cancelled one by one");
	line("CPU faults", c[FERRY_COUNTER_faults_cpu], "");
	line("batches", c[FERRY_COUNTER_batches], "of GPU faults served together");
	line("replays", c[FERRY_COUNTER_replays], "");
	line("evictions", c[FERRY_COUNTER_evictions], "blocks of 2 MiB sent home to make room");
	line("pages brought along", c[FERRY_COUNTER_pages_prefetched], "without a fault of their own");
	line("instructions", s->work.insns, "by all GPU threads");
	printf("  %-22s %12s\n  %-22s %12s\n", "bytes to the device",
	       size_text(c[FERRY_COUNTER_bytes_to_device], to_device), "bytes to the host",
	       size_text(c[FERRY_COUNTER_bytes_to_host], to_host));
	printf("  time %.3f s: serving faults %.3f s, of it copying %.3f s, evicting %.3f s; load %.3f s, check %.3f "
	       "s\n",
	       s->work.seconds_run, counter_seconds(s, FERRY_COUNTER_service_ns),
	       counter_seconds(s, FERRY_COUNTER_copy_ns), counter_seconds(s, FERRY_COUNTER_evict_ns),
	       s->work.seconds_load, s->work.seconds_verify);
	if (!s->work.object_path)
		printf("  %s\n", s->work.verified ? "verified: equal to what the CPU computes" : "NOT verified");
	return output_done(0);
}
