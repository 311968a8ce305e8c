/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ktap.h"
#include "mod.h"

static const char *const names[] = {
#define x(name, shape, format) #name,
	FERRY_EVENTS(x)
#undef x
};

static char *text; /* what was recorded until trace_off() */

static void set(const char *file, const char *text)
{
	char path[256];
	int n;

	(void)snprintf(path, sizeof(path), TRACE_DIR "/%s", file);
	n = mod_write(path, text);
	CHECK(n > 0, "\"%s\" into %s: errno %d", text, path, -n);
}

bool trace_also(const char *events)
{
	char path[256];

	(void)snprintf(path, sizeof(path), TRACE_DIR "/events/%s/enable", events);
	return mod_write(path, "1") > 0;
}

/* Making lines of a long trace takes an emulated machine seconds: once. */
static void text_load(void)
{
	FILE *file = fopen(TRACE_DIR "/trace", "re");
	size_t length = 0, room = 1 << 20, n;

	CHECK(file, "no " TRACE_DIR "/trace");
	for (text = realloc(text, room + 1); text && (n = fread(text + length, 1, room - length, file)) > 0;) {
		length += n;
		if (length == room)
			text = realloc(text, (room *= 2) + 1);
	}
	fclose(file);
	CHECK(text, "no memory for the trace");
	text[length] = '\0';
}

void trace_off(void)
{
	set("events/enable", "0");
	text_load();
}

/* Line after line of text. NULL: no more. */
static const char *line_next(const char **at, char *line, size_t size)
{
	size_t length = strcspn(*at, "\n");

	if (!**at)
		return NULL;
	(void)snprintf(line, size, "%.*s", (int)length, *at);
	*at += length + ((*at)[length] == '\n');
	return line;
}

void trace_on(const char *event)
{
	char file[128];

	(void)snprintf(file, sizeof(file), "events/ferry/%s%s/enable", *event ? "ferry_" : ".", event);
	set("events/enable", "0");
	set("buffer_size_kb", "4096");
	set("trace", "\n"); /* any write empties it */
	set(file, "1");
	set("tracing_on", "1");
}

/* The text after "ferry_": "NAME: a=1 b=0x2 c=3". */
static void line_read(const char *event_text, trace_seen seen, void *arg)
{
	size_t length = strcspn(event_text, ":");
	uint64_t number[3];
	const char *at = event_text + length;

	for (int i = 0; i < 3; i++) {
		at = strchr(at, '=');
		CHECK(at, "not three numbers: %s", event_text);
		number[i] = strtoull(++at, NULL, 0);
	}
	for (int event = 0; event < FERRY_EVENT_COUNT; event++) {
		if (strlen(names[event]) != length || strncmp(event_text, names[event], length) != 0)
			continue;
		seen(arg, (enum ferry_event)event, number);
		return;
	}
	ktap_fail(__FILE__, __LINE__, "an event of event.h", "%s", event_text);
}

void trace_read(trace_seen seen, void *arg)
{
	unsigned long long there, written;
	const char *from = text, *at;
	bool counted = false;
	char line[512];

	while (line_next(&from, line, sizeof(line))) {
		if (sscanf(line, "# entries-in-buffer/entries-written: %llu/%llu", &there, &written) == 2) {
			CHECK(there == written, "%llu of %llu events are left", there, written);
			counted = true;
		}
		at = line[0] == '#' ? NULL : strstr(line, ": ferry_");
		if (at)
			line_read(at + strlen(": ferry_"), seen, arg);
	}
	CHECK(counted, "the trace does not say how many events it has");
}

static void count_one(void *arg, enum ferry_event event, const uint64_t number[3])
{
	(void)event, (void)number;
	++*(uint64_t *)arg;
}

uint64_t trace_count(void)
{
	uint64_t count = 0;

	trace_read(count_one, &count);
	return count;
}

uint64_t trace_mentions(const char *what, char *first, size_t size)
{
	const char *from = text;
	uint64_t count = 0;
	char line[512];

	while (line_next(&from, line, sizeof(line))) {
		if (line[0] == '#' || !strstr(line, what))
			continue;
		if (count++ == 0)
			(void)snprintf(first, size, "%s", line);
	}
	return count;
}
