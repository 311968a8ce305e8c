/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * kmsg.c - the kernel's log through /dev/kmsg: every record once, in order, a lost one is said to be lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init.h"

/* The log cannot grow without bound while it is read: a storm is read in parts. */
#define RECORDS_A_DRAIN 20000

static int kmsg_fd = -1;

int kmsg_open(void)
{
	kmsg_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return kmsg_fd;
}

/* "4,612,2001234,-;text\n KEY=value\n" becomes "# kmsg 4 2.001234 text". */
static void record_say(char *record)
{
	unsigned priority;
	unsigned long long sequence, us;
	char *text = strchr(record, ';');
	char *end;

	if (!text || sscanf(record, "%u,%llu,%llu", &priority, &sequence, &us) != 3)
		return;
	text++;
	end = strchr(text, '\n');
	if (end)
		*end = '\0';
	stream_say("# kmsg %u %llu.%06llu %s", priority & 7, us / 1000000, us % 1000000, text);
}

void kmsg_drain(void)
{
	char record[8192];

	if (kmsg_fd < 0)
		return;
	for (unsigned i = 0; i < RECORDS_A_DRAIN; i++) {
		ssize_t n = read(kmsg_fd, record, sizeof(record) - 1);

		if (n > 0) {
			record[n] = '\0';
			record_say(record);
		} else if (n < 0 && errno == EPIPE) {
			stream_say("# kmsg-lost");
		} else if (n == 0 || errno != EINTR) {
			return;
		}
	}
}
